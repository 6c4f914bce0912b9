//! Withdrawing what was recorded of a contract in error.
//!
//! What is withdrawn stays on record and counts for nothing, as of the day it told of; an event of its own says why. Money that
//! was settled stays where it is. Each kind has one way back: invoices by a red one, ends by `contract.reopen`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calendar::by_rule;
use super::life::begin;
use super::recurring::{reschedule, rule_after};
use super::{
    GIVEN_TO_EFFECTIVE, Posting, event, events, guarded, happen, installments, post, refresh_installments,
    rewrite_installments, set_aside,
};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::model::{
    AnchorKind, Contract, ContractEvent, ContractEventKind, EntryKind, Installment,
};
use crate::areas::contract::rules::journal::{self, Change};
use crate::areas::contract::rules::status::Action;
use crate::areas::contract::rules::{EVENT_UNKNOWN, SETTLED_EXCEEDS, WRONG_STATUS, schedule};
use crate::areas::ledger::NO_RATE;
use crate::areas::party::rules::name;
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Json;

/// What was recorded in error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recorded {
    /// The last delivery.
    Delivered,
    /// The acceptance.
    Accepted,
    /// An event of the contract, by its position: a delivery before the last one with all that it dated, a milestone, the release of a retention, a
    /// suspension, a resumption, a price revision, a postponement.
    Event(u32),
}

/// Withdraws what was recorded of a contract in effect though it did not happen. What only happened on another day is
/// corrected by recording it again.
///
/// Installments that got their due date by it wait again, as of the day it told of. What was deducted from a retention is owed
/// again. A suspension, a resumption or a price revision leaves the rule as it was before it, if nothing has changed the rule
/// since; what they made dearer is cancelled. A postponement leaves the due date by the terms, from today on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawEvent {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// What is withdrawn.
    pub what: Recorded,
    /// Why, up to 1000 characters.
    pub reason: String,
}

impl Operation for WithdrawEvent {
    type Output = Contract;
    const NAME: &'static str = "contract.withdraw_event";
    const ZH: &'static str = "撤销误登记的合同事件";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::NOT_APPLICABLE,
        &EVENT_UNKNOWN,
        &SETTLED_EXCEEDS,
        &NO_RATE,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
        &error::OVERFLOW,
    ];
    const EXAMPLE: Example = Example {
        given: &[
            GIVEN_TO_EFFECTIVE[0],
            GIVEN_TO_EFFECTIVE[1],
            GIVEN_TO_EFFECTIVE[2],
            GIVEN_TO_EFFECTIVE[3],
            GIVEN_TO_EFFECTIVE[4],
            Given {
                save: "contract",
                call: "contract.deliver",
                input: r#"{"id": "${contract.id}", "version": 4, "delivered_on": "2026-02-25"}"#,
            },
        ],
        input: r#"{"id": "${contract.id}", "version": 5, "what": "delivered", "reason": "误登记,货物尚在途中"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let reason = name("reason", &self.reason, 1000)?;
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Reschedule)?;
        let record = event(&before, ContractEventKind::Withdrawal, cx.today());
        let record = |name: String| ContractEvent { name: Some(name), note: Some(reason), ..record };
        let date = match self.what {
            Recorded::Event(seq) => return withdraw(cx, &before, seq, record),
            Recorded::Delivered if before.accepted_on.is_some() => {
                return Err(not_applicable(
                    "the acceptance builds on it; withdraw that first",
                    "已登记验收,请先撤销验收",
                ));
            }
            Recorded::Delivered => {
                happen(cx, record(AnchorKind::Delivered.to_string()))?;
                after.delivered_on.take()
            }
            Recorded::Accepted => {
                happen(cx, record(AnchorKind::Accepted.to_string()))?;
                after.accepted_on.take()
            }
        };
        let date = date.ok_or_else(|| not_applicable("it has not been recorded", "尚未登记"))?;
        refresh_installments(cx, &after, EntryKind::Change, date)?;
        guarded(cx, &before, after)
    }
}

fn not_applicable(reason: impl std::fmt::Display, zh: impl std::fmt::Display) -> Error {
    Error::new(&error::NOT_APPLICABLE).at("what").with_both("reason", reason, zh)
}

/// Withdraws an event.
fn withdraw(
    cx: &mut Cx<'_>,
    contract: &Contract,
    seq: u32,
    record: impl FnOnce(String) -> ContractEvent,
) -> Result<Contract> {
    let Some(wrong) = events(cx, contract.id)?.into_iter().find(|event| event.seq == seq) else {
        return Err(Error::new(&EVENT_UNKNOWN).at("what").with("event", seq));
    };
    happen(cx, record(wrong.kind.to_string()))?;
    let whole = wrong.part_of.unwrap_or(wrong.seq);
    for part in events(cx, contract.id)? {
        if part.seq == whole || part.part_of == Some(whole) {
            set_aside(cx, part)?;
        }
    }
    match wrong.kind {
        ContractEventKind::Delivery | ContractEventKind::Milestone => {
            refresh_installments(cx, contract, EntryKind::Change, wrong.date)?;
            cx.touch(contract)
        }
        ContractEventKind::Release => {
            hold_back(cx, contract, &wrong)?;
            cx.touch(contract)
        }
        ContractEventKind::Postponement => {
            let mut changes = Vec::new();
            for before in installments(cx, contract)? {
                let of_event = wrong.installment == Some(before.seq);
                let after = if of_event { by_rule(cx, contract, &before)? } else { before.clone() };
                changes.push(Change::new(Some(before), after));
            }
            let posting = Posting::of(contract, EntryKind::Change, cx.today());
            rewrite_installments(cx, contract, changes, &posting)?;
            cx.touch(contract)
        }
        ContractEventKind::Suspension | ContractEventKind::Resumption | ContractEventKind::PriceRevision => {
            let Some(Json(rule)) = wrong.rule.clone() else {
                let what = format!("event {seq} of {} has no rule", contract.id);
                return Err(Error::new(&error::INTERNAL).with("what", what));
            };
            if contract.recurrence != Some(Json(rule_after(rule.clone(), &wrong)?)) {
                let (reason, zh) = ("the rule was changed again since", "此后计费规则又有变更");
                return Err(not_applicable(reason, zh));
            }
            reschedule(cx, contract, rule, None, contract.rate)
        }
        ContractEventKind::Invoice => {
            Err(not_applicable("an invoice is taken back by invoice.red", "发票请用 invoice.red 红冲"))
        }
        ContractEventKind::Extension
        | ContractEventKind::Credit
        | ContractEventKind::Reopening
        | ContractEventKind::Withdrawal => {
            let reason = format!("an event of the kind {} stays", wrong.kind);
            Err(not_applicable(reason, "该类事件不能撤销"))
        }
    }
}

/// Holds a retention back again that was released in error, as of the day of its release; what was deducted is owed again from
/// today on, at the value that the rest of it has.
fn hold_back(cx: &mut Cx<'_>, contract: &Contract, release: &ContractEvent) -> Result<()> {
    let of_installment = |event: &ContractEvent| {
        event.kind == ContractEventKind::Postponement && event.installment == release.installment
    };
    let agreed: Vec<ContractEvent> = events(cx, contract.id)?.into_iter().filter(of_installment).collect();
    agreed.into_iter().try_for_each(|event| set_aside(cx, event))?;
    let (today, home) = (cx.today(), cx.ledger().info().currency);
    let of_release = |installment: &Installment| Some(installment.seq) == release.installment;
    let mut changes = Vec::new();
    for before in installments(cx, contract)? {
        let held = Installment { released_on: None, ..before.clone() };
        let after = if of_release(&before) { held } else { before.clone() };
        changes.push(Change::new(Some(before), after));
    }
    let since = Posting::of(contract, EntryKind::Change, release.date.min(today));
    rewrite_installments(cx, contract, changes, &since)?;
    let deducted = release.amount.unwrap_or_default();
    let mut changes = Vec::new();
    for before in installments(cx, contract)?.into_iter().filter(of_release) {
        let cancelled = before.cancelled.checked_sub(deducted)?;
        let after = schedule::restated(Installment { cancelled, ..before.clone() }, true)?;
        let value = match before.home_open {
            Some(_) if !deducted.is_zero() => {
                Some(journal::relieved(&before, deducted, home)?.checked_neg()?)
            }
            _ => None,
        };
        changes.push(Change { relieved: value, ..Change::new(Some(before), after) });
    }
    post(cx, &Posting::of(contract, EntryKind::Change, today), changes, Vec::new())
}
