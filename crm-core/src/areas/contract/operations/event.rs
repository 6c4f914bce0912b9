//! What happens to a contract in effect and dates its installments: deliveries, milestones, invoices, releases.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::life::{begin, happened};
use super::surplus::{beyond, give_back, used};
use super::{
    GIVEN_APPROVED, GIVEN_SUBMITTED, GIVEN_TO_EFFECTIVE, Posting, event, events, guarded, happen,
    installments, post, refresh_installments, rewrite_installments, set_aside,
};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::model::{
    AnchorKind, Contract, ContractEvent, ContractEventKind, ContractStatus, EntryKind, Installment,
    InstallmentKind, TermAnchor,
};
use crate::areas::contract::rules::journal::Change;
use crate::areas::contract::rules::status::Action;
use crate::areas::contract::rules::{
    ALREADY_RELEASED, DATE_IN_FUTURE, INSTALLMENT_UNKNOWN, MILESTONE_UNKNOWN, NOT_RETENTION, SETTLED_EXCEEDS,
    WRONG_STATUS, schedule, schedule::own_event,
};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::areas::party::rules::name;
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::kernel::rounding::Rounding;
use crate::store::engine::Mode;

/// How much of a contract was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveredPart {
    /// A fraction of it: `"0.25"` is a quarter.
    Rate(Rate),
    /// A part of its gross amount, in its currency.
    Amount(Amount),
}

/// Records a delivery: the last one, or with `part` one before it. Installments that wait for it get their due date.
///
/// Without `part` a second call corrects the date, as of the earlier one. With `part` an installment that waits for *each* delivery is cut:
/// what was delivered of it is due by itself, rounded half-up to the minor unit, and the rest goes on waiting. What was paid of it
/// ahead pays what is due; what is beyond that becomes an advance again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// When it was delivered; today when left out, never later.
    #[serde(default)]
    pub delivered_on: Option<Date>,
    /// How much was delivered, when more is to follow.
    #[serde(default)]
    pub part: Option<DeliveredPart>,
}

impl Operation for DeliverContract {
    type Output = Contract;
    const NAME: &'static str = "contract.deliver";
    const ZH: &'static str = "登记交付";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
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
        &error::TOO_MANY_DECIMALS,
        &error::OVERFLOW,
        &SETTLED_EXCEEDS,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"id": "${contract.id}", "version": 4, "delivered_on": "2026-02-25"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Deliver)?;
        let delivered_on = happened(cx, "delivered_on", self.delivered_on, None)?;
        if let Some(accepted_on) = after.accepted_on.filter(|accepted_on| *accepted_on < delivered_on) {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("delivered_on")
                .with("start", delivered_on)
                .with("end", accepted_on));
        }
        if let Some(part) = self.part {
            return deliver_part(cx, &before, part, delivered_on);
        }
        let since = before.delivered_on.map_or(delivered_on, |wrong| wrong.min(delivered_on));
        after.delivered_on = Some(delivered_on);
        refresh_installments(cx, &after, EntryKind::Change, since)?;
        guarded(cx, &before, after)
    }
}

/// Records a delivery before the last one.
fn deliver_part(cx: &mut Cx<'_>, contract: &Contract, part: DeliveredPart, date: Date) -> Result<Contract> {
    if contract.delivered_on.is_some() {
        let (reason, zh) = ("the last delivery has been recorded", "最后一次交付已登记");
        return Err(Error::new(&error::NOT_APPLICABLE).at("part").with_both("reason", reason, zh));
    }
    let whole = contract.money(contract.amount)?;
    let delivered = match part {
        DeliveredPart::Rate(rate) if rate.is_positive() && rate <= Rate::ONE => {
            whole.multiply(rate, Rounding::HalfUp)?
        }
        DeliveredPart::Rate(rate) => return Err(not_within("part.rate", rate, "0.000001", Rate::ONE)),
        DeliveredPart::Amount(amount) if amount.is_positive() && amount <= contract.amount => {
            contract.money(amount).map_err(|error| error.at("part.amount"))?
        }
        DeliveredPart::Amount(amount) => {
            let smallest = contract.currency.smallest();
            return Err(not_within("part.amount", amount, smallest, contract.amount));
        }
    };
    let all = installments(cx, contract)?;
    let dues = dues_of_part(cx, contract, &all, part, delivered)?;
    // Money that was received ahead pays what is due; what is beyond that is an advance again.
    let mut over = Vec::new();
    for (installment, due) in all.iter().zip(&dues) {
        if let Some(due) = due.filter(|due| due.amount() < installment.amount) {
            over.extend(beyond(installment, due.amount())?);
        }
    }
    let contract = give_back(cx, contract, &over, date)?;
    let all = installments(cx, &contract)?;
    let mut next = all.iter().map(|installment| installment.seq).max().unwrap_or(0) + 1;
    let agreed = events(cx, contract.id)?;
    let (mut changes, mut dated) = (Vec::new(), Vec::new());
    for (installment, due) in all.iter().zip(dues) {
        dated.extend(due.map(|_| installment.seq));
        let Some(due) = due.filter(|due| due.amount() < installment.amount) else { continue };
        let batch = all.iter().filter(|other| other.term == installment.term).count();
        let (mut delivered, rest) = cut(installment, due, next)?;
        delivered.label = format!("{} 第{batch}批", installment.label);
        if let Some(date) = schedule::postponed(installment, &agreed) {
            // What was agreed of the whole holds for both.
            let record = event(&contract, ContractEventKind::Postponement, date);
            happen(cx, ContractEvent { installment: Some(next), ..record })?;
        }
        changes.push(Change::new(Some(installment.clone()), schedule::restated(delivered, true)?));
        changes.push(Change::new(None, schedule::restated(rest, true)?));
        next += 1;
    }
    // Both pieces were there from the beginning, so that what is told of either about a day before finds it.
    let beginning = contract.effective_on.unwrap_or(date);
    post(cx, &Posting::of(&contract, EntryKind::Change, beginning), changes, Vec::new())?;
    let amount = Some(delivered.amount());
    let record = ContractEvent { amount, ..event(&contract, ContractEventKind::Delivery, date) };
    let mut dated = dated.into_iter();
    let whole = happen(cx, ContractEvent { installment: dated.next(), ..record.clone() })?;
    for seq in dated {
        happen(cx, ContractEvent { installment: Some(seq), part_of: Some(whole), ..record.clone() })?;
    }
    refresh_installments(cx, &contract, EntryKind::Change, date)?;
    cx.touch(&contract)
}

/// What is due of each installment of a contract by the delivery of a part; nothing of those that do not wait for deliveries.
fn dues_of_part(
    cx: &mut Cx<'_>,
    contract: &Contract,
    all: &[Installment],
    part: DeliveredPart,
    delivered: Money,
) -> Result<Vec<Option<Money>>> {
    let known = events(cx, contract.id)?;
    let waits = |installment: &&Installment| {
        installment.anchor == AnchorKind::Delivery && own_event(installment, &known).is_none()
    };
    // A delivery that was withdrawn leaves more than one installment of a term: the first takes what it can.
    let mut left: BTreeMap<u32, Money> = BTreeMap::new();
    for term in all.iter().filter(waits).map(|installment| installment.term) {
        let of_term = || all.iter().filter(|other| other.term == term);
        let total = contract.money(Amount::checked_sum(of_term().map(|other| other.amount))?)?;
        let due = match part {
            DeliveredPart::Rate(rate) => total.multiply(rate, Rounding::HalfUp)?,
            DeliveredPart::Amount(_) => {
                contract.money(contract.amount)?.portion(delivered.amount(), total)?
            }
        };
        let most = Amount::checked_sum(of_term().filter(waits).map(|other| other.amount))?;
        if due.amount() > most {
            return Err(not_within("part", due.amount(), contract.currency.smallest(), most));
        }
        left.insert(term, due);
    }
    let mut dues = Vec::with_capacity(all.len());
    for installment in all {
        let due = match left.get_mut(&installment.term).filter(|_| waits(&installment)) {
            Some(left) => {
                let due = contract.money(left.amount().min(installment.amount))?;
                *left = left.checked_sub(due)?;
                Some(due).filter(|due| !due.is_zero())
            }
            None => None,
        };
        dues.push(due);
    }
    Ok(dues)
}

fn not_within(
    field: &str,
    value: impl std::fmt::Display,
    min: impl std::fmt::Display,
    max: impl std::fmt::Display,
) -> Error {
    Error::new(&error::OUT_OF_RANGE).at(field).with("value", value).with("min", min).with("max", max)
}

/// An installment cut in two: what is due keeps its position and all that was settled, the rest is new.
fn cut(installment: &Installment, due: Money, seq: u32) -> Result<(Installment, Installment)> {
    let used = used(installment)?;
    if used > due.amount() {
        return Err(Error::new(&SETTLED_EXCEEDS)
            .with("installment", installment.seq)
            .with("amount", due.amount())
            .with("settled", used));
    }
    let rest = Installment {
        seq,
        amount: installment.amount.checked_sub(due.amount())?,
        settled: Amount::ZERO,
        cancelled: Amount::ZERO,
        discounted: Amount::ZERO,
        written_off: Amount::ZERO,
        open_amount: None,
        home_open: None,
        ..installment.clone()
    };
    Ok((Installment { amount: due.amount(), ..installment.clone() }, rest))
}

const GIVEN_MILESTONE: Given = Given {
    save: "contract",
    call: "contract.create",
    input: r#"{"title": "产线改造", "customer": "${customer.id}", "amount": "300000", "tax_rate": "0.09",
        "terms": [{"label": "进度款", "share": {"rate": "0.6"}, "anchor": {"milestone": "主体完工"},
                   "offset": {"days": 15}, "expected": "2026-06-30"},
                  {"label": "验收款", "share": {"rate": "0.35"}, "anchor": "accepted", "offset": {"months": 1}},
                  {"label": "质保金", "share": "balance", "anchor": "accepted", "offset": {"months": 12}, "retention": true}]}"#,
};
const GIVEN_EFFECTIVE_MILESTONE: &[Given] =
    &[GIVEN_CUSTOMER, GIVEN_MILESTONE, GIVEN_SUBMITTED, GIVEN_APPROVED, super::GIVEN_EFFECTIVE];

/// Records that a milestone of the payment terms was reached; installments that wait for it get their due date. A second
/// call corrects the date, as of the earlier one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReachMilestone {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// The milestone, as a payment term names it.
    pub name: String,
    /// When it was reached; today when left out, never later.
    #[serde(default)]
    pub date: Option<Date>,
}

impl Operation for ReachMilestone {
    type Output = Contract;
    const NAME: &'static str = "contract.milestone";
    const ZH: &'static str = "登记里程碑";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &DATE_IN_FUTURE,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
        &MILESTONE_UNKNOWN,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_EFFECTIVE_MILESTONE,
        input: r#"{"id": "${contract.id}", "version": 4, "name": "主体完工", "date": "2026-02-25"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, _) = begin(cx, self.id, self.version, Level::Edit, Action::Reschedule)?;
        let date = happened(cx, "date", self.date, None)?;
        let given = self.name.trim();
        let known = before.terms.0.iter().filter_map(|term| match &term.anchor {
            TermAnchor::Milestone(name) => Some(name.trim()),
            _ => None,
        });
        if !known.clone().any(|name| name == given) {
            let known = known.collect::<Vec<_>>().join(", ");
            return Err(Error::new(&MILESTONE_UNKNOWN).at("name").with("name", given).with("known", known));
        }
        let mut told = events(cx, before.id)?.into_iter().filter(|event| {
            event.kind == ContractEventKind::Milestone && event.name.as_deref() == Some(given)
        });
        let wrong = told.next_back();
        let since = wrong.as_ref().map_or(date, |wrong| wrong.date.min(date));
        if let Some(wrong) = wrong {
            set_aside(cx, wrong)?;
        }
        let record = event(&before, ContractEventKind::Milestone, date);
        happen(cx, ContractEvent { name: Some(given.to_owned()), ..record })?;
        refresh_installments(cx, &before, EntryKind::Change, since)?;
        cx.touch(&before)
    }
}

/// What is kept of a retention for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deduction {
    /// How much, above zero and at most what is outstanding, in the contract's currency.
    pub amount: Amount,
    /// Why, up to 1000 characters.
    pub reason: String,
}

/// Releases what was held back: it is due on the date, less what is deducted. The date by the terms was a forecast.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRetention {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// The installment, by its position.
    pub installment: u32,
    /// When it is due; today when left out. It may lie ahead.
    #[serde(default)]
    pub date: Option<Date>,
    /// What is not paid, as for defects.
    #[serde(default)]
    pub deduct: Option<Deduction>,
}

impl Operation for ReleaseRetention {
    type Output = Contract;
    const NAME: &'static str = "contract.release_retention";
    const ZH: &'static str = "释放质保金";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &error::END_BEFORE_START,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &INSTALLMENT_UNKNOWN,
        &NOT_RETENTION,
        &ALREADY_RELEASED,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_EFFECTIVE_MILESTONE,
        input: r#"{"id": "${contract.id}", "version": 4, "installment": 3, "date": "2026-02-27",
            "deduct": {"amount": "2000", "reason": "返修一次,双方确认扣款"}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, _) = begin(cx, self.id, self.version, Level::Edit, Action::Reschedule)?;
        let date = self.date.unwrap_or(cx.today());
        if let Some(start) = before.effective_on.filter(|start| date < *start) {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("date")
                .with("start", start)
                .with("end", date));
        }
        let mut all = installments(cx, &before)?;
        let at = all.iter().position(|installment| installment.seq == self.installment);
        let Some(held) = at.map(|at| all.remove(at)) else {
            return Err(Error::new(&INSTALLMENT_UNKNOWN)
                .at("installment")
                .with("installment", self.installment));
        };
        if held.kind != InstallmentKind::Retention {
            return Err(Error::new(&NOT_RETENTION).at("installment").with("installment", held.seq));
        }
        if let Some(released_on) = held.released_on {
            return Err(Error::new(&ALREADY_RELEASED)
                .at("installment")
                .with("installment", held.seq)
                .with("date", released_on));
        }
        let mut after = Installment {
            released_on: Some(date),
            due_date: Some(date),
            forecast_date: None,
            ..held.clone()
        };
        let record = event(&before, ContractEventKind::Release, date);
        let mut record = ContractEvent { installment: Some(held.seq), ..record };
        if let Some(Deduction { amount, reason }) = self.deduct {
            let within = |error: Error| error.within("deduct");
            record.note = Some(name("reason", &reason, 1000).map_err(within)?);
            before.money(amount).map_err(|error| within(error.at("amount")))?;
            let outstanding = schedule::outstanding(&held)?;
            if !amount.is_positive() || amount > outstanding {
                return Err(Error::new(&error::OUT_OF_RANGE)
                    .at("deduct.amount")
                    .with("value", amount)
                    .with("min", before.currency.smallest())
                    .with("max", outstanding));
            }
            after.cancelled = after.cancelled.checked_add(amount)?;
            record.amount = Some(amount);
        }
        happen(cx, record)?;
        // What is counted from it has its date now, too.
        let others = all.into_iter().map(|other| Change::new(Some(other.clone()), other));
        let changes = std::iter::once(Change::new(Some(held), after)).chain(others).collect();
        let posting = Posting::of(&before, EntryKind::Change, cx.today());
        rewrite_installments(cx, &before, changes, &posting)?;
        cx.touch(&before)
    }
}

/// Whether due dates of a contract follow what happens: not after its end. What is recorded then counts when the end is
/// taken back.
fn dates_follow(contract: &Contract) -> bool {
    matches!(contract.status, ContractStatus::Signed | ContractStatus::Effective)
}

/// Records that an invoice, by its number, covers installments that count from their invoice. `covered` may name others, too.
///
/// Each invoice leaves an event of its own, and the earliest counts: so when one is taken back, the next that stands dates the
/// installment. What moves counts from the invoice's day. This is for the area that issues invoices; the contract's version grows with it.
///
/// # Errors
/// `UNKNOWN_CALENDAR_YEAR`, `DATE_OUT_OF_RANGE`; those of the store.
pub(crate) fn invoiced(
    cx: &mut Cx<'_>,
    contract: &Contract,
    date: Date,
    number: &str,
    covered: &[u32],
) -> Result<Contract> {
    let covered = installments(cx, contract)?.into_iter().filter(|installment| {
        installment.anchor == AnchorKind::Invoiced && covered.contains(&installment.seq)
    });
    let covered: Vec<u32> = covered.map(|installment| installment.seq).collect();
    if covered.is_empty() {
        return Ok(contract.clone());
    }
    for seq in covered {
        let record = event(contract, ContractEventKind::Invoice, date);
        happen(cx, ContractEvent { name: Some(number.to_owned()), installment: Some(seq), ..record })?;
    }
    if dates_follow(contract) {
        refresh_installments(cx, contract, EntryKind::Change, date)?;
    }
    cx.touch(contract)
}

/// Takes back what [`invoiced`] did for an invoice, by its number, as when a red one took it back: for the installments
/// `gone`, or for all when none are named. What no other invoice dates waits again. What moves counts from `date`.
///
/// # Errors
/// `UNKNOWN_CALENDAR_YEAR`, `DATE_OUT_OF_RANGE`; those of the store.
pub(crate) fn uninvoiced(
    cx: &mut Cx<'_>,
    contract: &Contract,
    date: Date,
    number: &str,
    gone: Option<&[u32]>,
) -> Result<Contract> {
    let of_invoice = |event: &ContractEvent| {
        event.kind == ContractEventKind::Invoice
            && event.name.as_deref() == Some(number)
            && gone.is_none_or(|gone| event.installment.is_some_and(|seq| gone.contains(&seq)))
    };
    let gone: Vec<ContractEvent> = events(cx, contract.id)?.into_iter().filter(of_invoice).collect();
    if gone.is_empty() {
        return Ok(contract.clone());
    }
    gone.into_iter().try_for_each(|event| set_aside(cx, event))?;
    if dates_follow(contract) {
        refresh_installments(cx, contract, EntryKind::Change, date)?;
    }
    cx.touch(contract)
}
