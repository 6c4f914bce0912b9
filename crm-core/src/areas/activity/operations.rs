//! Operations on follow-ups.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Activity, Channel, StepState};
use super::rules::{self, OPPORTUNITY_ELSEWHERE, STEP_NOT_OPEN};
use crate::app::{Cx, ListRequest, NOT_FOUND, Page, STALE_VERSION};
use crate::areas::opportunity::rules::CONTACT_ELSEWHERE;
use crate::areas::opportunity::{Opportunity, check_contact};
use crate::areas::party::rules::{name, optional};
use crate::areas::party::{Contact, Customer, GIVEN_CUSTOMER};
use crate::catalog::{Access, Entry, Example, Given, Level, Operation};
use crate::kernel::date::{Date, Instant};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Record;

pub(super) const LIST: fn() -> Vec<Entry> =
    crate::operations![CreateActivity, CloseActivity, GetActivity, ListActivities];

/// A step of examples: a follow-up with a next step.
pub const GIVEN_ACTIVITY: Given = Given {
    save: "activity",
    call: "activity.create",
    input: r#"{"customer": "${customer.id}", "channel": "visit", "summary": "演示样机", "next_step": "发送报价", "next_date": "2026-03-09"}"#,
};

/// Records a follow-up of the caller with a customer.
///
/// The caller's open next steps from earlier follow-ups with this customer are closed as superseded.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateActivity {
    /// The customer.
    pub customer: Id<Customer>,
    /// The opportunity it was about: of this customer, or one whose customer is not yet known.
    #[serde(default)]
    pub opportunity: Option<Id<Opportunity>>,
    /// The person spoken to, at this customer.
    #[serde(default)]
    pub contact: Option<Id<Contact>>,
    /// How the customer was reached.
    pub channel: Channel,
    /// When it took place; now when left out, never in the future.
    #[serde(default)]
    pub at: Option<Instant>,
    /// What it was about, up to 2000 characters.
    pub summary: String,
    /// What came of it.
    #[serde(default)]
    pub result: Option<String>,
    /// What is to be done next.
    #[serde(default)]
    pub next_step: Option<String>,
    /// By when; only together with `next_step`.
    #[serde(default)]
    pub next_date: Option<Date>,
}

impl Operation for CreateActivity {
    type Output = Activity;
    const NAME: &'static str = "activity.create";
    const ZH: &'static str = "新建跟进记录";
    const ACCESS: Access = Access::Level("activity", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &error::EMPTY,
        &error::TOO_LONG,
        &error::MISSING_FIELD,
        &error::OUT_OF_RANGE,
        &OPPORTUNITY_ELSEWHERE,
        &CONTACT_ELSEWHERE,
        &NOT_FOUND,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example = Example { given: &[GIVEN_CUSTOMER], input: GIVEN_ACTIVITY.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Activity> {
        let customer = cx.get_owned(self.customer, Level::Edit).map_err(|error| error.at("customer"))?;
        let at = self.at.unwrap_or(cx.now());
        if at > cx.now() {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("at")
                .with("value", at)
                .with("min", Instant::EPOCH)
                .with("max", cx.now()));
        }
        check_opportunity(cx, self.opportunity, customer.id)?;
        check_contact(cx, self.contact, Some(customer.id))?;
        let next_step = optional(self.next_step);
        rules::check_step(next_step.as_deref(), self.next_date)?;
        let later = supersede(cx, customer.id, at)?;
        let mut activity = Activity {
            id: cx.new_id(),
            customer: customer.id,
            opportunity: self.opportunity,
            contact: self.contact,
            channel: self.channel,
            at,
            summary: name("summary", &self.summary, 2000)?,
            result: optional(self.result),
            next_date: self.next_date,
            step: StepState::None,
            open_next_date: None,
            owner: cx.actor().user.id,
            created_at: cx.now(),
            version: 1,
            next_step,
        };
        activity.set_step(rules::first_state(activity.next_step.is_some(), later));
        cx.subject(customer.id);
        cx.insert(&activity)?;
        Ok(activity)
    }
}

fn check_opportunity(
    cx: &mut Cx<'_>,
    opportunity: Option<Id<Opportunity>>,
    customer: Id<Customer>,
) -> Result<()> {
    let Some(opportunity) = opportunity else { return Ok(()) };
    let opportunity = cx.get_owned(opportunity, Level::Read).map_err(|error| error.at("opportunity"))?;
    if opportunity.customer.is_none_or(|known| known == customer) {
        Ok(())
    } else {
        Err(Error::new(&OPPORTUNITY_ELSEWHERE).at("opportunity"))
    }
}

/// Closes the caller's next steps with a customer that a follow-up at `at` takes the place of, and says whether there is a
/// later follow-up already.
fn supersede(cx: &mut Cx<'_>, customer: Id<Customer>, at: Instant) -> Result<bool> {
    let c = Activity::C;
    let owner = cx.actor().user.id;
    let open = cx
        .query::<Activity>()
        .equal(c.customer, customer)
        .equal(c.owner, owner)
        .equal(c.step, StepState::Open)
        .at_most(c.at, at);
    for before in open.fetch(cx.tx())? {
        let mut after = before.clone();
        if rules::supersedes(at, before.at, before.step) {
            after.set_step(StepState::Superseded);
        }
        cx.update(&before, after)?;
    }
    let later = cx.query::<Activity>().equal(c.customer, customer).equal(c.owner, owner).greater(c.at, at);
    Ok(later.first(cx.tx())?.is_some())
}

/// Reports the next step of a follow-up as done.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseActivity {
    /// The follow-up.
    pub id: Id<Activity>,
    /// The version you have read.
    pub version: u32,
    /// What came of it; what was there stays when left out.
    #[serde(default)]
    pub result: Option<String>,
}

impl Operation for CloseActivity {
    type Output = Activity;
    const NAME: &'static str = "activity.close";
    const ZH: &'static str = "完成下一步";
    const ACCESS: Access = Access::Level("activity", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&STEP_NOT_OPEN, &NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_ACTIVITY],
        input: r#"{"id": "${activity.id}", "version": 1, "result": "报价已发"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Activity> {
        let before = cx.get(self.id)?;
        cx.get_owned(before.customer, Level::Edit)?;
        let before = cx.get_at(before.id, self.version)?;
        cx.subject(before.customer);
        let mut after = before.clone();
        after.set_step(rules::finish(before.step)?);
        after.result = optional(self.result).or(after.result);
        cx.update(&before, after)
    }
}

/// Reads a follow-up of a customer in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetActivity {
    /// The follow-up.
    pub id: Id<Activity>,
}

impl Operation for GetActivity {
    type Output = Activity;
    const NAME: &'static str = "activity.get";
    const ZH: &'static str = "查看跟进记录";
    const ACCESS: Access = Access::Level("activity", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_CUSTOMER, GIVEN_ACTIVITY], input: r#"{"id": "${activity.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Activity> {
        let activity = cx.get(self.id)?;
        cx.get_owned(activity.customer, Level::Read)?;
        Ok(activity)
    }
}

/// Lists follow-ups of customers in scope.
///
/// Overdue next steps are those with `{"less": ["open_next_date", {"today": {}}]}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListActivities(pub ListRequest);

impl Operation for ListActivities {
    type Output = Page<Activity>;
    const NAME: &'static str = "activity.list";
    const ZH: &'static str = "跟进记录列表";
    const ACCESS: Access = Access::Level("activity", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_ACTIVITY],
        input: r#"{"filter": {"equal": ["customer", "${customer.id}"]}, "sort": [{"field": "at", "direction": "descending"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Activity>> {
        cx.list(&super::ACTIVITIES, &self.0)
    }
}
