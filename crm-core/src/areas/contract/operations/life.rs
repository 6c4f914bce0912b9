//! The way of a contract: approval, signing, taking effect, acceptance. Deliveries are in [`super::event`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    GIVEN_APPROVED, GIVEN_CONTRACT, GIVEN_SUBMITTED, GIVEN_TO_EFFECTIVE, guarded, refresh_installments,
};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::access::{Role, User};
use crate::areas::contract::model::{Contract, ContractDecision, DecisionKind, EntryKind};
use crate::areas::contract::rules::status::{self, Action};
use crate::areas::contract::rules::{DATE_IN_FUTURE, SELF_APPROVAL, TERMS_MISSING, WRONG_STATUS};
use crate::areas::ledger::{NO_RATE, stated_rate};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::areas::party::rules::{name, optional};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::Price;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Record;

const GIVEN_THREE: &[Given] = &[GIVEN_CUSTOMER, GIVEN_CONTRACT, GIVEN_SUBMITTED];
const GIVEN_FOUR: &[Given] = &[GIVEN_CUSTOMER, GIVEN_CONTRACT, GIVEN_SUBMITTED, GIVEN_APPROVED];
/// The contract as read by the caller and as it will be after the action, which its status must allow.
pub(crate) fn begin(
    cx: &mut Cx<'_>,
    id: Id<Contract>,
    version: u32,
    level: Level,
    action: Action,
) -> Result<(Contract, Contract)> {
    let before = cx.get_owned_at(id, version, level)?;
    cx.subject(before.id);
    let mut after = before.clone();
    after.status = status::next(before.status, action)?;
    Ok((before, after))
}

fn decide(cx: &mut Cx<'_>, contract: &Contract, kind: DecisionKind, opinion: Option<String>) -> Result<()> {
    let c = ContractDecision::C;
    let last =
        cx.query::<ContractDecision>().equal(c.contract, contract.id).descending(c.seq).first(cx.tx())?;
    let decision = ContractDecision {
        contract: contract.id,
        seq: last.map_or(1, |last| last.seq + 1),
        kind,
        user: cx.actor().user.id,
        at: cx.now(),
        opinion: optional(opinion),
    };
    cx.insert(&decision)
}

/// A date on which something has happened: today when not given, never later, and not before `earliest`.
pub(crate) fn happened(
    cx: &Cx<'_>,
    field: &str,
    given: Option<Date>,
    earliest: Option<Date>,
) -> Result<Date> {
    let today = cx.today();
    let date = given.unwrap_or(today);
    if date > today {
        return Err(Error::new(&DATE_IN_FUTURE).at(field).with("date", date).with("today", today));
    }
    if let Some(earliest) = earliest.filter(|earliest| date < *earliest) {
        return Err(Error::new(&error::END_BEFORE_START).at(field).with("start", earliest).with("end", date));
    }
    Ok(date)
}

/// Submits a draft contract for approval.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// What the approver should know.
    #[serde(default)]
    pub opinion: Option<String>,
}

impl Operation for SubmitContract {
    type Output = Contract;
    const NAME: &'static str = "contract.submit";
    const ZH: &'static str = "提交合同审批";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID, &WRONG_STATUS, &TERMS_MISSING];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_CUSTOMER, GIVEN_CONTRACT], input: GIVEN_SUBMITTED.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Submit)?;
        if after.amount.is_positive() && after.terms.0.is_empty() && after.recurrence.is_none() {
            return Err(Error::new(&TERMS_MISSING).with("amount", after.money(after.amount)?));
        }
        after.submitted_by = Some(cx.actor().user.id);
        decide(cx, &before, DecisionKind::Submitted, self.opinion)?;
        cx.update(&before, after)
    }
}

/// Takes a contract back from approval to draft.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// Why.
    #[serde(default)]
    pub opinion: Option<String>,
}

impl Operation for WithdrawContract {
    type Output = Contract;
    const NAME: &'static str = "contract.withdraw";
    const ZH: &'static str = "撤回合同审批";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID, &WRONG_STATUS];
    const EXAMPLE: Example =
        Example { given: GIVEN_THREE, input: r#"{"id": "${contract.id}", "version": 2}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, after) = begin(cx, self.id, self.version, Level::Edit, Action::Withdraw)?;
        decide(cx, &before, DecisionKind::Withdrawn, self.opinion)?;
        cx.update(&before, after)
    }
}

/// Whether another active user could decide in place of `user`.
fn others_may_approve(cx: &mut Cx<'_>, user: Id<User>) -> Result<bool> {
    let roles = cx.query::<Role>().fetch(cx.tx())?;
    let may = |role: &&Role| role.everything || role.permissions.0.iter().any(|name| name == PERMISSION);
    let approving: Vec<Id<Role>> = roles.iter().filter(may).map(|role| role.id).collect();
    let users = cx.query::<User>().equal(User::C.active, true).not_equal(User::C.id, user).fetch(cx.tx())?;
    Ok(users.iter().any(|other| other.roles.0.iter().any(|role| approving.contains(role))))
}

const PERMISSION: &str = "contract.approve";

/// Submitting and approving are duties to be kept apart (《企业内部控制应用指引第16号——合同管理》); only where a
/// ledger has nobody else who could approve may the submitter do it.
fn check_separation(cx: &mut Cx<'_>, contract: &Contract) -> Result<()> {
    let user = cx.actor().user.id;
    if contract.submitted_by == Some(user) && others_may_approve(cx, user)? {
        return Err(Error::new(&SELF_APPROVAL));
    }
    Ok(())
}

/// Approves a contract that another user has submitted.
///
/// The submitter may approve only in a ledger where no other active user has the permission.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// The opinion to record.
    #[serde(default)]
    pub opinion: Option<String>,
}

impl Operation for ApproveContract {
    type Output = Contract;
    const NAME: &'static str = "contract.approve";
    const ZH: &'static str = "审批通过合同";
    const ACCESS: Access = Access::Permission(PERMISSION);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID, &WRONG_STATUS, &SELF_APPROVAL];
    const EXAMPLE: Example = Example {
        given: GIVEN_THREE,
        input: r#"{"id": "${contract.id}", "version": 2, "opinion": "同意,按期收款"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, after) = begin(cx, self.id, self.version, Level::Read, Action::Approve)?;
        check_separation(cx, &before)?;
        decide(cx, &before, DecisionKind::Approved, self.opinion)?;
        cx.update(&before, after)
    }
}

/// Sends a submitted contract back to draft, with a reason.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// Why, up to 1000 characters.
    pub opinion: String,
}

impl Operation for RejectContract {
    type Output = Contract;
    const NAME: &'static str = "contract.reject";
    const ZH: &'static str = "驳回合同";
    const ACCESS: Access = Access::Permission(PERMISSION);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &SELF_APPROVAL,
        &error::EMPTY,
        &error::TOO_LONG,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_THREE,
        input: r#"{"id": "${contract.id}", "version": 2, "opinion": "预付款比例过低"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let opinion = name("opinion", &self.opinion, 1000)?;
        let (before, after) = begin(cx, self.id, self.version, Level::Read, Action::Reject)?;
        check_separation(cx, &before)?;
        decide(cx, &before, DecisionKind::Rejected, Some(opinion))?;
        cx.update(&before, after)
    }
}

/// Records the signing of an approved contract, and with `effective_on` also that it took effect.
///
/// A contract takes effect when it is signed unless it says otherwise (PRC Civil Code article 502).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// When it was signed; today when left out, never later.
    #[serde(default)]
    pub signed_on: Option<Date>,
    /// When it took effect, not before the signing and not after today; when left out it waits for
    /// `contract.effective`.
    #[serde(default)]
    pub effective_on: Option<Date>,
    /// What one unit of its currency is worth in the ledger's; the rate of that day when left out. Not for a contract in
    /// the ledger's own currency.
    #[serde(default)]
    pub rate: Option<Price>,
}

const DATED_ERRORS: &[Code] = &[
    &NOT_FOUND,
    &STALE_VERSION,
    &error::NOT_AN_ID,
    &WRONG_STATUS,
    &DATE_IN_FUTURE,
    &error::END_BEFORE_START,
    &error::UNKNOWN_CALENDAR_YEAR,
    &error::DATE_OUT_OF_RANGE,
];
const EFFECT_ERRORS: &[Code] = &[
    &NOT_FOUND,
    &STALE_VERSION,
    &error::NOT_AN_ID,
    &WRONG_STATUS,
    &DATE_IN_FUTURE,
    &error::END_BEFORE_START,
    &error::UNKNOWN_CALENDAR_YEAR,
    &error::DATE_OUT_OF_RANGE,
    &error::NOT_APPLICABLE,
    &error::OUT_OF_RANGE,
    &error::OVERFLOW,
    &NO_RATE,
];

impl Operation for SignContract {
    type Output = Contract;
    const NAME: &'static str = "contract.sign";
    const ZH: &'static str = "签署合同";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = EFFECT_ERRORS;
    const EXAMPLE: Example = Example {
        given: GIVEN_FOUR,
        input: r#"{"id": "${contract.id}", "version": 3, "signed_on": "2026-02-02", "effective_on": "2026-02-02"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Sign)?;
        let signed_on = happened(cx, "signed_on", self.signed_on, None)?;
        after.signed_on = Some(signed_on);
        let mut booked_on = signed_on;
        if self.effective_on.is_some() {
            booked_on = take_effect(cx, &mut after, self.effective_on, self.rate)?;
        } else if self.rate.is_some() {
            let (reason, zh) = ("a rate is fixed when the contract takes effect", "汇率在合同生效时确定");
            return Err(Error::new(&error::NOT_APPLICABLE).at("rate").with_both("reason", reason, zh));
        }
        refresh_installments(cx, &after, EntryKind::Charge, booked_on)?;
        cx.update(&before, after)
    }
}

/// Lets the contract take effect; returns since when.
fn take_effect(
    cx: &mut Cx<'_>,
    contract: &mut Contract,
    on: Option<Date>,
    rate: Option<Price>,
) -> Result<Date> {
    contract.status = status::next(contract.status, Action::TakeEffect)?;
    let date = happened(cx, "effective_on", on, contract.signed_on)?;
    contract.effective_on = Some(date);
    contract.set_running(true)?;
    contract.rate = stated_rate(cx, rate, contract.currency, date)?;
    Ok(date)
}

/// Lets a signed contract take effect: its installments become open.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EffectContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// When it took effect; today when left out, never later and not before the signing.
    #[serde(default)]
    pub effective_on: Option<Date>,
    /// What one unit of its currency is worth in the ledger's; the rate of that day when left out. Not for a contract in
    /// the ledger's own currency.
    #[serde(default)]
    pub rate: Option<Price>,
}

impl Operation for EffectContract {
    type Output = Contract;
    const NAME: &'static str = "contract.effective";
    const ZH: &'static str = "合同生效";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = EFFECT_ERRORS;
    const EXAMPLE: Example = Example {
        given: &[
            GIVEN_CUSTOMER,
            GIVEN_CONTRACT,
            GIVEN_SUBMITTED,
            GIVEN_APPROVED,
            Given {
                save: "contract",
                call: "contract.sign",
                input: r#"{"id": "${contract.id}", "version": 3, "signed_on": "2026-02-02"}"#,
            },
        ],
        input: r#"{"id": "${contract.id}", "version": 4, "effective_on": "2026-02-09"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let before = cx.get_owned_at(self.id, self.version, Level::Edit)?;
        cx.subject(before.id);
        let mut after = before.clone();
        let date = take_effect(cx, &mut after, self.effective_on, self.rate)?;
        refresh_installments(cx, &after, EntryKind::Charge, date)?;
        cx.update(&before, after)
    }
}

/// Records the customer's acceptance; installments that wait for it get their due date. A second call corrects the date,
/// as of the earlier one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// When it was accepted; today when left out, never later and not before delivery.
    #[serde(default)]
    pub accepted_on: Option<Date>,
}

impl Operation for AcceptContract {
    type Output = Contract;
    const NAME: &'static str = "contract.accept";
    const ZH: &'static str = "登记验收";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = DATED_ERRORS;
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"id": "${contract.id}", "version": 4, "accepted_on": "2026-02-27"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Accept)?;
        let accepted_on = happened(cx, "accepted_on", self.accepted_on, after.delivered_on)?;
        let since = before.accepted_on.map_or(accepted_on, |wrong| wrong.min(accepted_on));
        after.accepted_on = Some(accepted_on);
        refresh_installments(cx, &after, EntryKind::Change, since)?;
        guarded(cx, &before, after)
    }
}
