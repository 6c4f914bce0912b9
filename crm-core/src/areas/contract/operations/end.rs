//! The end of a contract: everything settled, obligations ended on the way, given up before it was signed, or an end taken back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calendar::by_rule;
use super::life::{begin, happened};
use super::recurring::ended_service;
use super::{
    GIVEN_APPROVED, GIVEN_CONTRACT, GIVEN_SUBMITTED, Posting, event, happen, installments, post,
    rewrite_installments,
};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::model::{
    Account, Contract, ContractEvent, ContractEventKind, EntryKind, Installment, InstallmentKind,
    InstallmentStatus, JournalLine,
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
use crate::store::record::Record;

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

/// Ends the obligations of a contract on its last day: of recurring periods, if it `was_serving`, what is not served; of all
/// else what is not told to stay.
///
/// # Errors
/// At `still_owed`: as `contract.terminate` says.
pub(super) fn terminated(
    cx: &mut Cx<'_>,
    contract: &mut Contract,
    was_serving: bool,
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
        if was_serving && before.is_period() {
            let after = ended_service(contract, &before, date)?;
            changes.push(Change::new(Some(before), after));
            continue;
        }
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

/// Refuses to tell what becomes of the price of a period, since that follows from what was served.
pub(super) fn settled_by_service(seq: u32) -> Error {
    let reason = format!(
        "installment {seq} is the price of a period: what was served stays owed, and what was paid beyond it goes back, by itself"
    );
    let zh = format!("第 {seq} 期为周期费用:已提供服务的部分自动保留,多付部分自动退回预收");
    Error::new(&error::NOT_APPLICABLE).at("installment").with_both("reason", reason, zh)
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
    if installment.is_period() {
        return Err(settled_by_service(seq));
    }
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
            .with("min", contract.currency.smallest())
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

/// Takes back the end of a contract that was recorded in error: a completed or terminated one is in effect again.
///
/// What its termination cancelled is owed again exactly, by a mirror entry, at the value it was booked at; due dates follow
/// from the terms again. What the termination returned stays an advance, which `receipt.allocate` can use. To
/// change what stays owed, reopen the contract and terminate it again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReopenContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// From when it counts; today when left out, never later and not before the contract ended.
    #[serde(default)]
    pub date: Option<Date>,
}

impl Operation for ReopenContract {
    type Output = Contract;
    const NAME: &'static str = "contract.reopen";
    const ZH: &'static str = "撤销合同终止或完成";
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
        &error::NOT_APPLICABLE,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
        &error::OVERFLOW,
    ];
    const EXAMPLE: Example = Example {
        given: &[
            GIVEN_FREE_EFFECTIVE[0],
            GIVEN_FREE_EFFECTIVE[1],
            GIVEN_FREE_EFFECTIVE[2],
            GIVEN_FREE_EFFECTIVE[3],
            GIVEN_FREE_EFFECTIVE[4],
            GIVEN_FREE_EFFECTIVE[5],
            Given {
                save: "contract",
                call: "contract.complete",
                input: r#"{"id": "${contract.id}", "version": 5}"#,
            },
        ],
        input: r#"{"id": "${contract.id}", "version": 6, "reason": "误操作,协议仍在履行"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let reason = name("reason", &self.reason, 1000)?;
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Reopen)?;
        let date = happened(cx, "date", self.date, before.ended_on)?;
        if before.effective_on.is_none() {
            let (why, zh) = (
                "the contract had not taken effect when it was terminated; draw up another one",
                "合同终止时尚未生效,请另立合同",
            );
            return Err(Error::new(&error::NOT_APPLICABLE).at("id").with_both("reason", why, zh));
        }
        (after.ended_on, after.termination_reason) = (None, None);
        after.set_running(true)?;
        let ended = ended_by_termination(cx, &before)?;
        let mut changes = Vec::new();
        for installment in installments(cx, &before)? {
            let after = by_rule(cx, &before, &installment)?;
            let mut change = Change::new(Some(installment), after);
            if let Some((amount, value)) = ended.get(&change.after.seq) {
                change.after.cancelled = change.after.cancelled.checked_add(*amount)?;
                change.after = schedule::restated(change.after, true)?;
                change.relieved = Some(*value);
            }
            changes.push(change);
        }
        let record = event(&before, ContractEventKind::Reopening, date);
        happen(cx, ContractEvent { note: Some(reason), ..record })?;
        let posting = Posting::of(&after, EntryKind::Termination, date);
        rewrite_installments(cx, &after, changes, &posting)?;
        cx.update(&before, after)
    }
}

/// What terminations have taken from what is open of each installment, below zero, with its value in the ledger's currency;
/// a termination that was taken back counts for nothing, because its mirror entry is of the same kind.
fn ended_by_termination(cx: &mut Cx<'_>, contract: &Contract) -> Result<BTreeMap<u32, (Amount, Amount)>> {
    let c = JournalLine::C;
    let lines = cx
        .query::<JournalLine>()
        .equal(c.contract, Some(contract.id))
        .equal(c.account, Account::Open)
        .equal(c.kind, EntryKind::Termination)
        .fetch(cx.tx())?;
    let mut ended: BTreeMap<u32, (Amount, Amount)> = BTreeMap::new();
    for line in lines {
        let (amount, value) = ended.entry(line.installment.unwrap_or_default()).or_default();
        *amount = amount.checked_add(line.amount)?;
        *value = value.checked_add(line.home)?;
    }
    ended.retain(|_, (amount, _)| !amount.is_zero());
    Ok(ended)
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
        terminated(cx, &mut after, false, optional(self.reason), &[])?;
        cx.update(&before, after)
    }
}
