//! Operations on pipelines and opportunities.

mod funnel;

pub use funnel::OpportunityFunnel;

use chrono::Datelike;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::{Cx, ListRequest, NOT_FOUND, Page, STALE_VERSION};
use crate::areas::access::User;
use crate::areas::opportunity::model::{
    Opportunity, OpportunityStatus, Pipeline, Stage, StageChange, StageKind,
};
use crate::areas::opportunity::rules::{
    self, Action, CONTACT_ELSEWHERE, CUSTOMER_NEEDED, Claim, OPPORTUNITY_CLOSED, PIPELINE_NAME_TAKEN,
    STAGE_ENDS, STAGE_UNKNOWN, STAGES_WRONG, StageInput,
};
use crate::areas::party::rules::{name, optional};
use crate::areas::party::{Contact, Customer, GIVEN_CUSTOMER};
use crate::areas::product::Product;
use crate::catalog::{Access, Entry, Example, Given, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::engine::Mode;
use crate::store::record::{Coded, Json, Record};

pub(super) const LIST: fn() -> Vec<Entry> = crate::operations![
    CreatePipeline,
    ListPipelines,
    CreateOpportunity,
    UpdateOpportunity,
    GetOpportunity,
    ListOpportunities,
    MoveOpportunity,
    WinOpportunity,
    LoseOpportunity,
    OpportunityHistory,
    OpportunityFunnel,
];

/// A step of examples: an open opportunity of a customer.
pub const GIVEN_OPPORTUNITY: Given = Given {
    save: "opportunity",
    call: "opportunity.create",
    input: r#"{"data": {"name": "质谱仪更新", "customer": "${customer.id}", "source": "展会", "expected_amount": "680000"}}"#,
};

/// Creates a pipeline.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePipeline {
    /// Name, unique, up to 100 characters.
    pub name: String,
    /// The stages in order, open ones first; won and lost are added when left out.
    pub stages: Vec<StageInput>,
    /// Whether new opportunities go here from now on unless told otherwise.
    #[serde(default)]
    pub default: bool,
}

impl Operation for CreatePipeline {
    type Output = Pipeline;
    const NAME: &'static str = "pipeline.create";
    const ZH: &'static str = "新建销售流程";
    const ACCESS: Access = Access::Level("opportunity", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OUT_OF_RANGE,
        &error::MISSING_FIELD,
        &STAGES_WRONG,
        &PIPELINE_NAME_TAKEN,
    ];
    const EXAMPLE: Example = Example {
        given: &[],
        input: r#"{"name": "渠道销售", "stages": [{"name": "报备", "probability": "0.2"}, {"name": "投标", "probability": "0.6"}, {"name": "中标", "kind": "won"}, {"name": "落标", "kind": "lost"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Pipeline> {
        let name = name("name", &self.name, 100)?;
        let stages = rules::stages(&self.stages).map_err(|error| error.within("stages"))?;
        let c = Pipeline::C;
        if cx.query::<Pipeline>().equal(c.name, name.clone()).first(cx.tx())?.is_some() {
            return Err(Error::new(&PIPELINE_NAME_TAKEN).at("name").with("value", name));
        }
        if self.default {
            for before in cx.query::<Pipeline>().equal(c.default, true).fetch(cx.tx())? {
                let after = Pipeline { default: false, ..before.clone() };
                cx.update(&before, after)?;
            }
        }
        let pipeline = new_pipeline(cx, name, stages, self.default);
        cx.subject(pipeline.id);
        cx.insert(&pipeline)?;
        Ok(pipeline)
    }
}

fn new_pipeline(cx: &Cx<'_>, name: String, stages: Vec<Stage>, default: bool) -> Pipeline {
    Pipeline { id: cx.new_id(), name, stages: Json(stages), default, created_at: cx.now(), version: 1 }
}

/// The pipeline that new opportunities go into; the built-in one is created when there is none.
pub(crate) fn default_pipeline(cx: &mut Cx<'_>) -> Result<Pipeline> {
    let c = Pipeline::C;
    if let Some(pipeline) = cx.query::<Pipeline>().equal(c.default, true).first(cx.tx())? {
        return Ok(pipeline);
    }
    let built_in = rules::BUILT_IN_NAME.to_owned();
    if let Some(before) = cx.query::<Pipeline>().equal(c.name, built_in.clone()).first(cx.tx())? {
        let after = Pipeline { default: true, ..before.clone() };
        return cx.update(&before, after);
    }
    let pipeline = new_pipeline(cx, built_in, rules::built_in_stages(), true);
    cx.insert(&pipeline)?;
    Ok(pipeline)
}

/// Lists pipelines with their stages.
///
/// The built-in pipeline is among them once the first opportunity has been created without naming one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListPipelines(pub ListRequest);

impl Operation for ListPipelines {
    type Output = Page<Pipeline>;
    const NAME: &'static str = "pipeline.list";
    const ZH: &'static str = "销售流程列表";
    const ACCESS: Access = Access::Level("opportunity", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"sort": [{"field": "name"}]}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Pipeline>> {
        cx.list(&crate::areas::opportunity::PIPELINES, &self.0)
    }
}

/// What is known of an opportunity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpportunityData {
    /// What it is about, up to 200 characters.
    pub name: String,
    /// The customer, once known.
    #[serde(default)]
    pub customer: Option<Id<Customer>>,
    /// The person at the customer.
    #[serde(default)]
    pub contact: Option<Id<Contact>>,
    /// The product in question.
    #[serde(default)]
    pub product: Option<Id<Product>>,
    /// Where it came from: exhibition, referral, call.
    #[serde(default)]
    pub source: Option<String>,
    /// The amount it may bring, tax included, not finer than the currency's minor unit; zero when left out.
    #[serde(default)]
    pub expected_amount: Amount,
    /// Currency; the ledger's for a new opportunity, and the one it has for another, when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// When it is expected to be won; not before it began.
    #[serde(default)]
    pub expected_close: Option<Date>,
    /// Remarks.
    #[serde(default)]
    pub note: Option<String>,
}

impl From<Opportunity> for OpportunityData {
    fn from(opportunity: Opportunity) -> Self {
        OpportunityData {
            name: opportunity.name,
            customer: opportunity.customer,
            contact: opportunity.contact,
            product: opportunity.product,
            source: opportunity.source,
            expected_amount: opportunity.expected_amount,
            currency: Some(opportunity.currency),
            expected_close: opportunity.expected_close,
            note: opportunity.note,
        }
    }
}

impl OpportunityData {
    /// Puts the data into a record.
    pub(crate) fn apply(self, opportunity: &mut Opportunity) -> Result<()> {
        opportunity.name = name("name", &self.name, 200)?;
        opportunity.customer = self.customer;
        opportunity.contact = self.contact;
        opportunity.product = self.product;
        opportunity.source = optional(self.source);
        opportunity.currency = self.currency.unwrap_or(opportunity.currency);
        let expected = rules::check_amount("expected_amount", self.expected_amount)?;
        opportunity.expected_amount = whole("expected_amount", expected, opportunity.currency)?;
        if let Some(date) = self.expected_close {
            rules::check_order("expected_close", opportunity.opened_on, date)?;
        }
        opportunity.expected_close = self.expected_close;
        opportunity.open_expected_close =
            self.expected_close.filter(|_| opportunity.status == OpportunityStatus::Open);
        opportunity.note = optional(self.note);
        Ok(())
    }
}

/// An amount that is not finer than the currency's minor unit.
pub(crate) fn whole(field: &str, amount: Amount, currency: Currency) -> Result<Amount> {
    Money::new(amount, currency).map(Money::amount).map_err(|error| error.at(field))
}

/// An open opportunity in a stage, not yet stored and without number and data.
pub(crate) fn new_opportunity(
    cx: &Cx<'_>,
    pipeline: &Pipeline,
    stage: &Stage,
    opened_on: Date,
    owner: Option<&User>,
) -> Opportunity {
    Opportunity {
        id: cx.new_id(),
        number: String::new(),
        name: String::new(),
        customer: None,
        contact: None,
        product: None,
        source: None,
        pipeline: pipeline.id,
        stage: stage.seq,
        stage_name: stage.name.clone(),
        reached_stage: stage.seq,
        status: OpportunityStatus::Open,
        probability: stage.probability,
        expected_amount: Amount::ZERO,
        currency: cx.ledger().info().currency,
        expected_close: None,
        open_expected_close: None,
        opened_on,
        closed_on: None,
        closed_amount: None,
        reason: None,
        stage_since: opened_on,
        owner: owner.map(|user| user.id),
        unit: owner.and_then(|user| user.unit),
        note: None,
        created_at: cx.now(),
        version: 1,
    }
}

/// Numbers for so many opportunities of a year, in order.
pub(crate) fn numbers(cx: &mut Cx<'_>, year: i32, count: usize) -> Result<Vec<String>> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let first = cx.tx().number(&format!("opportunity-{year:04}"), count)?;
    Ok((first..first.saturating_add(count)).map(|number| format!("O-{year:04}-{number:06}")).collect())
}

/// Puts an opportunity into a stage from a day on.
pub(crate) fn enter(opportunity: &mut Opportunity, stage: &Stage, on: Date) {
    opportunity.stage = stage.seq;
    opportunity.stage_name.clone_from(&stage.name);
    opportunity.probability = stage.probability;
    opportunity.stage_since = on;
    opportunity.status = rules::status_of(stage.kind);
    match stage.kind {
        StageKind::Open => opportunity.reached_stage = opportunity.reached_stage.max(stage.seq),
        StageKind::Won | StageKind::Lost => opportunity.open_expected_close = None,
    }
}

/// The record of an opportunity entering the stage that it is in now.
pub(crate) fn stage_change(
    cx: &Cx<'_>,
    seq: u32,
    from_stage: Option<u32>,
    opportunity: &Opportunity,
    reason: Option<String>,
) -> StageChange {
    StageChange {
        opportunity: opportunity.id,
        seq,
        from_stage,
        to_stage: opportunity.stage,
        to_name: opportunity.stage_name.clone(),
        entered_on: opportunity.stage_since,
        at: cx.now(),
        user: cx.actor().user.id,
        reason,
    }
}

/// Adds the entering of the present stage to the history.
pub(crate) fn note_change(
    cx: &mut Cx<'_>,
    from_stage: u32,
    opportunity: &Opportunity,
    reason: Option<String>,
) -> Result<()> {
    let c = StageChange::C;
    let last = cx.query::<StageChange>().equal(c.opportunity, opportunity.id).descending(c.seq);
    let seq = last.first(cx.tx())?.map_or(0, |change| change.seq) + 1;
    let change = stage_change(cx, seq, Some(from_stage), opportunity, reason);
    cx.insert(&change)
}

/// The contact, who must be the customer's.
///
/// # Errors
/// `NOT_FOUND`, `CONTACT_ELSEWHERE`, at `contact`.
pub(crate) fn check_contact(
    cx: &mut Cx<'_>,
    contact: Option<Id<Contact>>,
    customer: Option<Id<Customer>>,
) -> Result<()> {
    let Some(contact) = contact else { return Ok(()) };
    let contact = cx.get(contact).map_err(|error| error.at("contact"))?;
    if Some(contact.customer) == customer {
        Ok(())
    } else {
        Err(Error::new(&CONTACT_ELSEWHERE).at("contact"))
    }
}

/// Checks what the data refers to; of `before`, only what differs.
fn check_references(cx: &mut Cx<'_>, data: &OpportunityData, before: Option<&Opportunity>) -> Result<()> {
    if let Some(customer) = data.customer.filter(|_| before.is_none_or(|b| b.customer != data.customer)) {
        cx.get_owned(customer, Level::Edit).map_err(|error| error.at("customer"))?;
    }
    check_contact(cx, data.contact, data.customer)?;
    if let Some(product) = data.product {
        cx.get(product).map_err(|error| error.at("product"))?;
    }
    Ok(())
}

/// The open stage at this position.
pub(crate) fn open_stage(pipeline: &Pipeline, seq: u32) -> Result<&Stage> {
    let known = || {
        let stages = pipeline.stages.0.iter().map(|stage| format!("{} {}", stage.seq, stage.name));
        stages.collect::<Vec<_>>().join(", ")
    };
    let stage = pipeline.stage(seq).ok_or_else(|| {
        Error::new(&STAGE_UNKNOWN)
            .at("stage")
            .with("pipeline", &pipeline.name)
            .with("stage", seq)
            .with("known", known())
    })?;
    if stage.kind == StageKind::Open {
        Ok(stage)
    } else {
        Err(Error::new(&STAGE_ENDS).at("stage").with("stage", &stage.name))
    }
}

fn first_of(pipeline: &Pipeline, kind: StageKind) -> Result<&Stage> {
    let broken = || Error::new(&error::INTERNAL).with("what", format!("a pipeline has no {kind} stage"));
    pipeline.first_of(kind).ok_or_else(broken)
}

/// The opportunity at this version, if the action is allowed in its status.
fn begin(cx: &mut Cx<'_>, id: Id<Opportunity>, version: u32, action: Action) -> Result<Opportunity> {
    let before = cx.get_owned_at(id, version, Level::Edit)?;
    match rules::next_status(before.status, action) {
        Some(_) => {
            cx.subject(before.id);
            Ok(before)
        }
        None => Err(closed(&before)),
    }
}

/// The refusal of a change after the end.
pub(crate) fn closed(opportunity: &Opportunity) -> Error {
    Error::new(&OPPORTUNITY_CLOSED).with("number", &opportunity.number).with_both(
        "status",
        opportunity.status,
        opportunity.status.zh(),
    )
}

/// Creates an opportunity owned by the caller.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOpportunity {
    /// What is known of it.
    pub data: OpportunityData,
    /// The pipeline; when left out the default one, and the built-in one where there is none.
    #[serde(default)]
    pub pipeline: Option<Id<Pipeline>>,
    /// The open stage by its position; the first when left out.
    #[serde(default)]
    pub stage: Option<u32>,
    /// When it began; today when left out, never in the future.
    #[serde(default)]
    pub opened_on: Option<Date>,
}

impl Operation for CreateOpportunity {
    type Output = Opportunity;
    const NAME: &'static str = "opportunity.create";
    const ZH: &'static str = "新建商机";
    const ACCESS: Access = Access::Level("opportunity", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::END_BEFORE_START,
        &CONTACT_ELSEWHERE,
        &STAGE_UNKNOWN,
        &STAGE_ENDS,
        &NOT_FOUND,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example = Example { given: &[GIVEN_CUSTOMER], input: GIVEN_OPPORTUNITY.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Opportunity> {
        check_references(cx, &self.data, None).map_err(|error| error.within("data"))?;
        let pipeline = match self.pipeline {
            Some(pipeline) => cx.get(pipeline).map_err(|error| error.at("pipeline"))?,
            None => default_pipeline(cx)?,
        };
        let stage = match self.stage {
            Some(seq) => open_stage(&pipeline, seq)?,
            None => first_of(&pipeline, StageKind::Open)?,
        };
        let opened_on = self.opened_on.unwrap_or(cx.today());
        rules::check_past("opened_on", opened_on, cx.today())?;
        let owner = cx.actor().clone();
        let mut opportunity = new_opportunity(cx, &pipeline, stage, opened_on, Some(&owner.user));
        self.data.apply(&mut opportunity).map_err(|error| error.within("data"))?;
        opportunity.number = numbers(cx, opened_on.year(), 1)?.pop().unwrap_or_default();
        cx.subject(opportunity.id);
        cx.insert(&opportunity)?;
        let change = stage_change(cx, 1, None, &opportunity, None);
        cx.insert(&change)?;
        Ok(opportunity)
    }
}

/// Replaces what is known of an open opportunity.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateOpportunity {
    /// The opportunity.
    pub id: Id<Opportunity>,
    /// The version you have read.
    pub version: u32,
    /// What is known now; what is left out is emptied, except the currency, which stays.
    pub data: OpportunityData,
}

impl Operation for UpdateOpportunity {
    type Output = Opportunity;
    const NAME: &'static str = "opportunity.update";
    const ZH: &'static str = "修改商机";
    const ACCESS: Access = Access::Level("opportunity", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &OPPORTUNITY_CLOSED,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::END_BEFORE_START,
        &CONTACT_ELSEWHERE,
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_OPPORTUNITY],
        input: r#"{"id": "${opportunity.id}", "version": 1, "data": {"name": "质谱仪更新", "customer": "${customer.id}", "expected_amount": "720000", "expected_close": "2098-06-30"}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Opportunity> {
        let before = begin(cx, self.id, self.version, Action::Update)?;
        check_references(cx, &self.data, Some(&before)).map_err(|error| error.within("data"))?;
        let mut after = before.clone();
        self.data.apply(&mut after).map_err(|error| error.within("data"))?;
        cx.update(&before, after)
    }
}

/// Reads an opportunity in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOpportunity {
    /// The opportunity.
    pub id: Id<Opportunity>,
}

impl Operation for GetOpportunity {
    type Output = Opportunity;
    const NAME: &'static str = "opportunity.get";
    const ZH: &'static str = "查看商机";
    const ACCESS: Access = Access::Level("opportunity", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_CUSTOMER, GIVEN_OPPORTUNITY], input: r#"{"id": "${opportunity.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Opportunity> {
        cx.get_owned(self.id, Level::Read)
    }
}

/// Lists opportunities in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListOpportunities(pub ListRequest);

impl Operation for ListOpportunities {
    type Output = Page<Opportunity>;
    const NAME: &'static str = "opportunity.list";
    const ZH: &'static str = "商机列表";
    const ACCESS: Access = Access::Level("opportunity", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_OPPORTUNITY],
        input: r#"{"filter": {"and": [{"equal": ["status", "open"]}, {"equal": ["owner", {"me": true}]}]}, "sort": [{"field": "expected_amount", "direction": "descending"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Opportunity>> {
        cx.list(&crate::areas::opportunity::OPPORTUNITIES, &self.0)
    }
}

/// Brings an open opportunity into another open stage of its pipeline, forward or back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveOpportunity {
    /// The opportunity.
    pub id: Id<Opportunity>,
    /// The version you have read.
    pub version: u32,
    /// The stage by its position; the present one changes nothing.
    pub stage: u32,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Operation for MoveOpportunity {
    type Output = Opportunity;
    const NAME: &'static str = "opportunity.move";
    const ZH: &'static str = "推进商机阶段";
    const ACCESS: Access = Access::Level("opportunity", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&OPPORTUNITY_CLOSED, &STAGE_UNKNOWN, &STAGE_ENDS, &NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_OPPORTUNITY],
        input: r#"{"id": "${opportunity.id}", "version": 1, "stage": 3, "reason": "已提交方案"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Opportunity> {
        let before = begin(cx, self.id, self.version, Action::Move)?;
        let pipeline = cx.get(before.pipeline)?;
        let stage = open_stage(&pipeline, self.stage)?;
        if stage.seq == before.stage {
            return Ok(before);
        }
        let mut after = before.clone();
        enter(&mut after, stage, cx.today());
        let after = cx.update(&before, after)?;
        note_change(cx, before.stage, &after, optional(self.reason))?;
        Ok(after)
    }
}

/// Ends an open opportunity as won; its customer must be known.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WinOpportunity {
    /// The opportunity.
    pub id: Id<Opportunity>,
    /// The version you have read.
    pub version: u32,
    /// When; today when left out, never in the future nor before it began.
    #[serde(default)]
    pub closed_on: Option<Date>,
    /// With what amount in the opportunity's currency, tax included; the expected one when left out.
    #[serde(default)]
    pub closed_amount: Option<Amount>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Operation for WinOpportunity {
    type Output = Opportunity;
    const NAME: &'static str = "opportunity.win";
    const ZH: &'static str = "商机赢单";
    const ACCESS: Access = Access::Level("opportunity", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &OPPORTUNITY_CLOSED,
        &CUSTOMER_NEEDED,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::END_BEFORE_START,
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_OPPORTUNITY],
        input: r#"{"id": "${opportunity.id}", "version": 1, "closed_amount": "650000", "reason": "性能领先"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Opportunity> {
        let before = begin(cx, self.id, self.version, Action::Win)?;
        close(cx, &before, StageKind::Won, self.closed_on, self.closed_amount, optional(self.reason))
    }
}

/// Ends an open opportunity as lost.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoseOpportunity {
    /// The opportunity.
    pub id: Id<Opportunity>,
    /// The version you have read.
    pub version: u32,
    /// When; today when left out, never in the future nor before it began.
    #[serde(default)]
    pub closed_on: Option<Date>,
    /// Why; it must be said.
    pub reason: String,
}

impl Operation for LoseOpportunity {
    type Output = Opportunity;
    const NAME: &'static str = "opportunity.lose";
    const ZH: &'static str = "商机输单";
    const ACCESS: Access = Access::Level("opportunity", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &OPPORTUNITY_CLOSED,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OUT_OF_RANGE,
        &error::END_BEFORE_START,
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_OPPORTUNITY],
        input: r#"{"id": "${opportunity.id}", "version": 1, "reason": "预算取消"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Opportunity> {
        let before = begin(cx, self.id, self.version, Action::Lose)?;
        let reason = name("reason", &self.reason, 500)?;
        close(cx, &before, StageKind::Lost, self.closed_on, None, Some(reason))
    }
}

fn close(
    cx: &mut Cx<'_>,
    before: &Opportunity,
    kind: StageKind,
    closed_on: Option<Date>,
    closed_amount: Option<Amount>,
    reason: Option<String>,
) -> Result<Opportunity> {
    let closed_on = closed_on.unwrap_or(cx.today());
    rules::check_past("closed_on", closed_on, cx.today())?;
    let pipeline = cx.get(before.pipeline)?;
    let mut after = before.clone();
    enter(&mut after, first_of(&pipeline, kind)?, closed_on);
    settle(&mut after, Some(closed_on), closed_amount)?;
    after.reason.clone_from(&reason);
    let after = cx.update(before, after)?;
    note_change(cx, before.stage, &after, reason)?;
    Ok(after)
}

/// Puts the ending that goes with the opportunity's status.
pub(crate) fn settle(
    opportunity: &mut Opportunity,
    closed_on: Option<Date>,
    closed_amount: Option<Amount>,
) -> Result<()> {
    let ending = rules::ending(&Claim {
        status: opportunity.status,
        has_customer: opportunity.customer.is_some(),
        opened_on: opportunity.opened_on,
        closed_on,
        closed_amount,
        expected_amount: opportunity.expected_amount,
    })?;
    opportunity.closed_on = ending.map(|ending| ending.closed_on);
    let amount = ending.and_then(|ending| ending.closed_amount);
    opportunity.closed_amount =
        amount.map(|amount| whole("closed_amount", amount, opportunity.currency)).transpose()?;
    Ok(())
}

/// The stages that an opportunity went through, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpportunityHistory {
    /// The opportunity.
    pub id: Id<Opportunity>,
}

impl Operation for OpportunityHistory {
    type Output = Vec<StageChange>;
    const NAME: &'static str = "opportunity.history";
    const ZH: &'static str = "商机阶段历史";
    const ACCESS: Access = Access::Level("opportunity", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_CUSTOMER, GIVEN_OPPORTUNITY], input: r#"{"id": "${opportunity.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Vec<StageChange>> {
        cx.get_owned(self.id, Level::Read)?;
        let c = StageChange::C;
        cx.query::<StageChange>().equal(c.opportunity, self.id).ascending(c.seq).fetch(cx.tx())
    }
}
