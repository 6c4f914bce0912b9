//! The end of a contract: everything settled, terminated on the way, or given up before it was signed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::life::{begin, happened};
use super::recurring::end_service;
use super::{
    GIVEN_APPROVED, GIVEN_CONTRACT, GIVEN_SUBMITTED, GIVEN_TO_EFFECTIVE, Posting, installments, post,
};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::model::{
    Contract, ContractStatus, EntryKind, Installment, InstallmentKind, InstallmentStatus,
};
use crate::areas::contract::rules::journal::Change;
use crate::areas::contract::rules::status::Action;
use crate::areas::contract::rules::{
    DATE_IN_FUTURE, INSTALLMENT_UNKNOWN, NOT_SETTLED, WRONG_STATUS, schedule,
};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::areas::party::rules::{name, optional};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;

const GIVEN_FREE: Given = Given {
    save: "contract",
    call: "contract.create",
    input: r#"{"title": "年度框架协议", "kind": "framework", "customer": "${customer.id}"}"#,
};
const GIVEN_FREE_EFFECTIVE: &[Given] = &[
    GIVEN_CUSTOMER,
    GIVEN_FREE,
    GIVEN_SUBMITTED,
    GIVEN_APPROVED,
    Given {
        save: "contract",
        call: "contract.sign",
        input: r#"{"id": "${contract.id}", "version": 3, "signed_on": "2026-02-02"}"#,
    },
    Given {
        save: "contract",
        call: "contract.effective",
        input: r#"{"id": "${contract.id}", "version": 4}"#,
    },
];

/// Completes a contract of which everything is settled.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// When it was completed; today when left out, never later.
    #[serde(default)]
    pub ended_on: Option<Date>,
}

impl Operation for CompleteContract {
    type Output = Contract;
    const NAME: &'static str = "contract.complete";
    const ZH: &'static str = "完成合同";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &DATE_IN_FUTURE,
        &error::END_BEFORE_START,
        &NOT_SETTLED,
    ];
    const EXAMPLE: Example =
        Example { given: GIVEN_FREE_EFFECTIVE, input: r#"{"id": "${contract.id}", "version": 5}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Complete)?;
        after.ended_on = Some(happened(cx, "ended_on", self.ended_on, after.effective_on)?);
        after.set_running(false)?;
        let mut open = Amount::ZERO;
        for installment in installments(cx, &before)? {
            if installment.status != InstallmentStatus::Settled {
                open = open.checked_add(schedule::outstanding(&installment)?)?;
            }
        }
        if open.is_positive() {
            return Err(Error::new(&NOT_SETTLED).with("open", open).with("currency", before.currency));
        }
        cx.update(&before, after)
    }
}

/// Terminates a signed contract before it is performed in full.
///
/// What is outstanding of every installment is cancelled, because obligations not yet performed end with the contract
/// (PRC Civil Code article 566). What stays: what was settled; late charges, since answering for a breach outlives the contract (articles
/// 566 and 567); and what `still_owed` tells of, such as the price of what was delivered. A later reversal of a receipt opens
/// again exactly what that receipt had settled, and it can then be collected.
///
/// A recurring contract ends for the future: days served until `ended_on` stay owed, the price of later ones is
/// cancelled by the proration rule, and what was paid for them is recorded as an event `credit` for its repayment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminateContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// When it ended; today when left out, never later and not before the signing nor the day it took effect.
    #[serde(default)]
    pub ended_on: Option<Date>,
    /// What stays owed of a contract in effect without recurring periods; installments that are not named are cancelled.
    #[serde(default)]
    pub still_owed: Vec<StillOwed>,
}

/// What stays owed of an installment after its contract has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StillOwed {
    /// Its number within the contract.
    pub installment: u32,
    /// How much, in the contract's currency, up to what is outstanding; all of that when left out.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// By when, not before the contract ended; when left out, the due date it has. One that still waits for an event needs it, for
    /// the event will not come.
    #[serde(default)]
    pub due_on: Option<Date>,
}

impl Operation for TerminateContract {
    type Output = Contract;
    const NAME: &'static str = "contract.terminate";
    const ZH: &'static str = "终止合同";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &DATE_IN_FUTURE,
        &error::END_BEFORE_START,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OVERFLOW,
        &INSTALLMENT_UNKNOWN,
        &error::NOT_APPLICABLE,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::MISSING_FIELD,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"id": "${contract.id}", "version": 4, "reason": "客户项目取消,双方协商解除",
            "still_owed": [{"installment": 1, "amount": "12000"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let reason = name("reason", &self.reason, 1000)?;
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Terminate)?;
        let start = after.effective_on.max(after.signed_on);
        after.ended_on = Some(happened(cx, "ended_on", self.ended_on, start)?);
        let is_serving = after.recurrence.is_some() && before.status == ContractStatus::Effective;
        if let Some((reason, zh)) =
            nothing_to_keep(&before, is_serving).filter(|_| !self.still_owed.is_empty())
        {
            return Err(Error::new(&error::NOT_APPLICABLE).at("still_owed").with_both("reason", reason, zh));
        }
        if is_serving {
            after.termination_reason = Some(reason);
            after.set_running(false)?;
            end_service(cx, &after)?;
        } else {
            end_unperformed(cx, &mut after, Some(reason), &self.still_owed)?;
        }
        cx.update(&before, after)
    }
}

/// Why nothing can be told to stay owed, if it cannot.
fn nothing_to_keep(contract: &Contract, is_serving: bool) -> Option<(&'static str, &'static str)> {
    if is_serving {
        let why = "what was served until the contract ended stays owed by itself";
        return Some((why, "合同终止前已提供服务的款项自动保留"));
    }
    (contract.status != ContractStatus::Effective)
        .then_some(("the contract has not taken effect", "合同尚未生效"))
}

/// Ends the obligations of a contract but those that are told to stay.
fn end_unperformed(
    cx: &mut Cx<'_>,
    contract: &mut Contract,
    reason: Option<String>,
    still_owed: &[StillOwed],
) -> Result<()> {
    contract.termination_reason = reason;
    contract.set_running(false)?;
    let date = contract.ended_on.unwrap_or(cx.today());
    let all = installments(cx, contract)?;
    for (index, told) in still_owed.iter().enumerate() {
        check_kept(contract, &all, told, date, &still_owed[..index])
            .map_err(|error| error.within(format!("still_owed[{index}]")))?;
    }
    let mut changes = Vec::new();
    for before in all {
        let mut after = before.clone();
        let told = still_owed.iter().find(|told| told.installment == before.seq);
        let outstanding = schedule::outstanding(&before)?;
        let kept = match told {
            Some(told) => told.amount.unwrap_or(outstanding),
            None if before.kind == InstallmentKind::LateCharge => outstanding,
            None => Amount::ZERO,
        };
        if let Some(due) = told.and_then(|told| told.due_on) {
            (after.due_date, after.forecast_date) = (Some(due), None);
        }
        changes.push(Change::new(Some(before), schedule::ended(after, kept)?));
    }
    post(cx, &Posting::of(contract, EntryKind::Termination, date), changes, Vec::new())
}

fn check_kept(
    contract: &Contract,
    all: &[Installment],
    told: &StillOwed,
    ended_on: Date,
    told_before: &[StillOwed],
) -> Result<()> {
    let seq = told.installment;
    let Some(installment) = all.iter().find(|installment| installment.seq == seq) else {
        return Err(Error::new(&INSTALLMENT_UNKNOWN).at("installment").with("installment", seq));
    };
    if told_before.iter().any(|before| before.installment == seq) {
        let (reason, zh) = (format!("installment {seq} is named twice"), format!("第 {seq} 期出现了两次"));
        return Err(Error::new(&error::NOT_APPLICABLE).at("installment").with_both("reason", reason, zh));
    }
    let outstanding = schedule::outstanding(installment)?;
    let amount = told.amount.unwrap_or(outstanding);
    contract.money(amount).map_err(|error| error.at("amount"))?;
    if !amount.is_positive() || amount > outstanding {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("amount")
            .with("value", amount)
            .with("min", 0)
            .with("max", outstanding));
    }
    match told.due_on {
        Some(due) if due < ended_on => {
            Err(Error::new(&error::END_BEFORE_START).at("due_on").with("start", ended_on).with("end", due))
        }
        None if installment.due_date.is_none() => {
            Err(Error::new(&error::MISSING_FIELD).at("due_on").with("name", "due_on"))
        }
        _ => Ok(()),
    }
}

/// Gives up a contract that is a draft, or approved and not signed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Operation for CancelContract {
    type Output = Contract;
    const NAME: &'static str = "contract.cancel";
    const ZH: &'static str = "作废合同";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID, &WRONG_STATUS];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_CONTRACT],
        input: r#"{"id": "${contract.id}", "version": 1, "reason": "客户改为询价"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Cancel)?;
        after.ended_on = Some(cx.today());
        end_unperformed(cx, &mut after, optional(self.reason), &[])?;
        cx.update(&before, after)
    }
}
