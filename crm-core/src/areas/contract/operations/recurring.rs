//! Changing recurring contracts in effect: suspension, resumption, price revision, more periods, and their end.
//!
//! Each changes the rule and works its periods out anew. A period that has become cheaper keeps its amount and has the
//! difference cancelled; one that has become dearer grows, and the contract with it; a period that is the same stays as
//! it is, settled or not. What was settled beyond the new price becomes an advance again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::life::begin;
use super::surplus::{beyond, give_back};
use super::{GIVEN_APPROVED, GIVEN_SUBMITTED, Posting, event, happen, installments, post};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::model::{
    Contract, ContractEvent, ContractEventKind, EntryKind, Installment, PriceRevision, Recurrence, Suspension,
};
use crate::areas::contract::rules::journal::{self, Change};
use crate::areas::contract::rules::recurrence::{self, Charge, Period};
use crate::areas::contract::rules::status::Action;
use crate::areas::contract::rules::{
    ALREADY_SUSPENDED, NOT_RECURRING, NOT_SUSPENDED, OUTSIDE_PERIOD, SETTLED_EXCEEDS, SPANS_OVERLAP,
    WRONG_STATUS, amounts, schedule,
};
use crate::areas::ledger::{NO_RATE, rate_on};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::areas::party::rules::{name, optional};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::{Amount, Price};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Json;

const GIVEN_RENT: Given = Given {
    save: "contract",
    call: "contract.create",
    input: r#"{"title": "仓库租赁", "kind": "service", "customer": "${customer.id}", "starts_on": "2026-02-01",
        "ends_on": "2026-12-31", "tax_rate": "0.09",
        "recurrence": {"unit": "month", "timing": "advance", "price": "20000", "offset": {"days": 5}}}"#,
};
const GIVEN_OPEN_RENT: Given = Given {
    save: "contract",
    call: "contract.create",
    input: r#"{"title": "运维服务", "kind": "service", "customer": "${customer.id}", "starts_on": "2026-01-15",
        "recurrence": {"unit": "quarter", "timing": "arrears", "align": "calendar", "price": "9000"}}"#,
};
const GIVEN_RUNNING: &[Given] =
    &[GIVEN_CUSTOMER, GIVEN_RENT, GIVEN_SUBMITTED, GIVEN_APPROVED, super::GIVEN_EFFECTIVE];
const GIVEN_SUSPENDED: Given = Given {
    save: "contract",
    call: "contract.suspend",
    input: r#"{"id": "${contract.id}", "version": 4, "from": "2026-04-16", "reason": "仓库消防改造"}"#,
};

const ERRORS: &[Code] = &[
    &NOT_FOUND,
    &STALE_VERSION,
    &error::NOT_AN_ID,
    &WRONG_STATUS,
    &NOT_RECURRING,
    &SETTLED_EXCEEDS,
    &error::UNKNOWN_CALENDAR_YEAR,
    &error::DATE_OUT_OF_RANGE,
    &error::OVERFLOW,
    &error::EMPTY,
    &error::TOO_LONG,
    &OUTSIDE_PERIOD,
    &ALREADY_SUSPENDED,
    &SPANS_OVERLAP,
    &NO_RATE,
];

/// The rule of a recurring contract and its first day.
fn rule(contract: &Contract) -> Result<(Recurrence, Date)> {
    match (&contract.recurrence, contract.starts_on) {
        (Some(Json(recurrence)), Some(start)) => Ok((recurrence.clone(), start)),
        _ => Err(Error::new(&NOT_RECURRING)),
    }
}

/// What the rule of a recurring contract says after an event of this kind, day and price.
///
/// # Errors
/// `ALREADY_SUSPENDED`, `NOT_SUSPENDED`; `END_BEFORE_START` at `on` for resuming before the suspension.
pub(super) fn rule_after(mut rule: Recurrence, event: &ContractEvent) -> Result<Recurrence> {
    match event.kind {
        ContractEventKind::Suspension => {
            if let Some(open) = rule.suspensions.iter().find(|suspension| suspension.until.is_none()) {
                return Err(Error::new(&ALREADY_SUSPENDED).with("from", open.from));
            }
            rule.suspensions.push(Suspension { from: event.date, until: None });
        }
        ContractEventKind::Resumption => {
            let open = rule.suspensions.pop_if(|suspension| suspension.until.is_none());
            let Some(open) = open else { return Err(Error::new(&NOT_SUSPENDED)) };
            if event.date < open.from {
                return Err(Error::new(&error::END_BEFORE_START)
                    .at("on")
                    .with("start", open.from)
                    .with("end", event.date));
            }
            if event.date > open.from {
                let until = Some(date::add_days(event.date, -1)?);
                rule.suspensions.push(Suspension { until, ..open });
            }
        }
        ContractEventKind::PriceRevision => {
            let revision = PriceRevision { from: event.date, price: event.amount.unwrap_or_default() };
            match rule.revisions.binary_search_by_key(&revision.from, |revision| revision.from) {
                Ok(at) => rule.revisions[at] = revision,
                Err(at) => rule.revisions.insert(at, revision),
            }
        }
        _ => {}
    }
    Ok(rule)
}

/// Records an event that changes the rule of a recurring contract, and works its periods out anew.
fn change_rule(cx: &mut Cx<'_>, contract: &Contract, event: ContractEvent) -> Result<Contract> {
    let (before, _) = rule(contract)?;
    let after = rule_after(before.clone(), &event)?;
    if after == before {
        let (reason, zh) = ("the rule says so already", "计费规则已是如此");
        return Err(Error::new(&error::NOT_APPLICABLE).at("from").with_both("reason", reason, zh));
    }
    happen(cx, ContractEvent { rule: Some(Json(before)), ..event })?;
    reschedule(cx, contract, after, None, None)
}

/// Refuses a day outside the contract's term.
fn check_day(contract: &Contract, field: &str, day: Date, start: Date) -> Result<()> {
    if day < start || contract.ends_on.is_some_and(|end| day > end) {
        return Err(Error::new(&OUTSIDE_PERIOD)
            .at(field)
            .with("from", day)
            .with("to", day)
            .with("first", start)
            .with("last", contract.ends_on.unwrap_or(date::DATE_MAX)));
    }
    Ok(())
}

/// What an installment is owed for in all: its amount less what was cancelled.
fn owed(installment: &Installment) -> Result<Amount> {
    installment.amount.checked_sub(installment.cancelled)
}

/// An installment with another price: cheaper by cancelling, dearer by growing.
fn repriced(installment: &Installment, price: Amount) -> Result<Installment> {
    let amount = installment.amount.max(price);
    let after = Installment {
        amount,
        cancelled: amount.checked_sub(price)?,
        due_date: installment.due_date,
        ..installment.clone()
    };
    let gone = [installment.settled, installment.discounted, installment.written_off];
    let gone = Amount::checked_sum(gone)?;
    if gone > price {
        return Err(Error::new(&SETTLED_EXCEEDS)
            .with("installment", installment.seq)
            .with("amount", price)
            .with("settled", gone));
    }
    schedule::restated(after, true)
}

/// Makes what was settled of periods beyond what a changed rule makes them cost an advance again.
fn freed(cx: &mut Cx<'_>, contract: &Contract, rule: &Recurrence, start: Date) -> Result<Contract> {
    let mut over = Vec::new();
    for period in installments(cx, contract)?.iter().filter(|installment| installment.is_period()) {
        if let (Some(from), Some(to)) = (period.period_from, period.period_to) {
            let price = recurrence::charge(rule, start, Period { from, to }, contract.currency)?;
            over.extend(beyond(&Installment { cancelled: Amount::ZERO, ..period.clone() }, price.amount())?);
        }
    }
    let today = cx.today();
    give_back(cx, contract, &over, today)
}

/// Puts a changed rule into a contract in effect and works out its periods up to `until`, or as far as they were.
pub(super) fn reschedule(
    cx: &mut Cx<'_>,
    before: &Contract,
    recurrence: Recurrence,
    until: Option<Date>,
    rate: Option<Price>,
) -> Result<Contract> {
    let (_, start) = rule(before)?;
    recurrence::check(&recurrence, before.currency)?;
    let before = &freed(cx, before, &recurrence, start)?;
    let all = installments(cx, before)?;
    let mut next = all.iter().map(|installment| installment.seq).max().unwrap_or(0) + 1;
    let of_periods = all.iter().filter(|installment| installment.is_period());
    let reached = of_periods.clone().filter_map(|installment| installment.period_to).max();
    let until = until.or(before.ends_on).or(reached).unwrap_or(start);
    let calendar = cx.calendar()?;
    let mut after = before.clone();
    let mut changes = Vec::new();
    for period in recurrence::periods(&recurrence, start, before.ends_on, until)? {
        let price = recurrence::charge(&recurrence, start, period, before.currency)?;
        let known = of_periods.clone().find(|installment| installment.period_from == Some(period.from));
        match known {
            Some(known) if owed(known)? == price.amount() => {}
            Some(known) => {
                let changed = repriced(known, price.amount())?;
                let grown = changed.amount.checked_sub(known.amount)?;
                after.amount = after.amount.checked_add(grown)?;
                changes.push(Change::new(Some(known.clone()), changed));
            }
            None if price.is_positive() => {
                let due = recurrence::due(&recurrence, start, period, &calendar)?;
                let charge = Charge { period, amount: price, due };
                after.amount = after.amount.checked_add(price.amount())?;
                for planned in schedule::plan_periods(before, &[charge], next) {
                    changes.push(Change::new(None, schedule::restated(planned, true)?));
                }
                next += 1;
            }
            None => {}
        }
    }
    let whole = amounts::taken_out(after.money(after.amount)?, after.tax_rate.unwrap_or_default())?;
    after.net = whole.net.amount();
    after.tax = whole.tax.amount();
    after.recurrence = Some(Json(recurrence));
    let mut posting = Posting::of(&after, EntryKind::Change, cx.today());
    if changes.iter().any(|change| journal::open(Some(&change.after)) > journal::open(change.before.as_ref()))
    {
        // What is owed from today on is valued at the rate of today, or at the one given.
        posting.rate = match rate {
            Some(rate) => Some(rate),
            None => rate_on(cx, after.currency, posting.date)?,
        };
    }
    post(cx, &posting, changes, Vec::new())?;
    cx.update(before, after)
}

/// Suspends a recurring contract: from a day on nothing is served and nothing is owed, until it is resumed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// The first day that is not served, within the contract's term.
    pub from: Date,
    /// Why, up to 1000 characters.
    pub reason: String,
}

impl Operation for SuspendContract {
    type Output = Contract;
    const NAME: &'static str = "contract.suspend";
    const ZH: &'static str = "暂停合同";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = ERRORS;
    const EXAMPLE: Example = Example { given: GIVEN_RUNNING, input: GIVEN_SUSPENDED.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let reason = name("reason", &self.reason, 1000)?;
        let (before, _) = begin(cx, self.id, self.version, Level::Edit, Action::Reschedule)?;
        let (_, start) = rule(&before)?;
        check_day(&before, "from", self.from, start)?;
        let record = event(&before, ContractEventKind::Suspension, self.from);
        change_rule(cx, &before, ContractEvent { note: Some(reason), ..record })
    }
}

/// Resumes a suspended contract: from a day on it is served and owed again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// The first day that is served again; on the suspension's own first day it is as if it had not been.
    pub on: Date,
    /// Remarks.
    #[serde(default)]
    pub note: Option<String>,
}

impl Operation for ResumeContract {
    type Output = Contract;
    const NAME: &'static str = "contract.resume";
    const ZH: &'static str = "恢复合同";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &NOT_RECURRING,
        &NOT_SUSPENDED,
        &NO_RATE,
        &SETTLED_EXCEEDS,
        &error::END_BEFORE_START,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
        &error::OVERFLOW,
    ];
    const EXAMPLE: Example = Example {
        given: &[
            GIVEN_CUSTOMER,
            GIVEN_RENT,
            GIVEN_SUBMITTED,
            GIVEN_APPROVED,
            super::GIVEN_EFFECTIVE,
            GIVEN_SUSPENDED,
        ],
        input: r#"{"id": "${contract.id}", "version": 5, "on": "2026-05-16"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, _) = begin(cx, self.id, self.version, Level::Edit, Action::Reschedule)?;
        let record = event(&before, ContractEventKind::Resumption, self.on);
        change_rule(cx, &before, ContractEvent { note: optional(self.note), ..record })
    }
}

/// Revises the price of a recurring contract from a day on; a period with that day inside is charged at both, by days.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevisePrice {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// The first day of the new price, within the contract's term.
    pub from: Date,
    /// The gross price of one whole period, in the contract's currency.
    pub price: Amount,
    /// Why, up to 1000 characters.
    pub reason: String,
}

impl Operation for RevisePrice {
    type Output = Contract;
    const NAME: &'static str = "contract.revise_price";
    const ZH: &'static str = "合同调价";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &error::NOT_APPLICABLE,
        &NOT_RECURRING,
        &SETTLED_EXCEEDS,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
        &error::OVERFLOW,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &OUTSIDE_PERIOD,
        &NO_RATE,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_RUNNING,
        input: r#"{"id": "${contract.id}", "version": 4, "from": "2026-07-01", "price": "21000", "reason": "按约年度上调5%"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let reason = name("reason", &self.reason, 1000)?;
        let (before, _) = begin(cx, self.id, self.version, Level::Edit, Action::Reschedule)?;
        let (_, start) = rule(&before)?;
        check_day(&before, "from", self.from, start)?;
        recurrence::check_price(self.price, before.currency).map_err(|error| error.at("price"))?;
        let record = event(&before, ContractEventKind::PriceRevision, self.from);
        change_rule(cx, &before, ContractEvent { amount: Some(self.price), note: Some(reason), ..record })
    }
}

/// Plans more periods of a recurring contract without end: those that begin on or before a day. The contract amount grows
/// by them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendSchedule {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// The day that the last period begins on or before; nothing changes when it is planned already.
    pub until: Date,
}

impl Operation for ExtendSchedule {
    type Output = Contract;
    const NAME: &'static str = "contract.extend_schedule";
    const ZH: &'static str = "延展结算计划";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &NOT_RECURRING,
        &ALREADY_SUSPENDED,
        &error::NOT_APPLICABLE,
        &error::OUT_OF_RANGE,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
        &error::OVERFLOW,
        &NO_RATE,
    ];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_OPEN_RENT, GIVEN_SUBMITTED, GIVEN_APPROVED, super::GIVEN_EFFECTIVE],
        input: r#"{"id": "${contract.id}", "version": 4, "until": "2029-12-31"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let (before, _) = begin(cx, self.id, self.version, Level::Edit, Action::Reschedule)?;
        let (recurrence, _) = rule(&before)?;
        if before.ends_on.is_some() {
            let (reason, zh) = (
                "the contract has a last day, and all its periods are planned",
                "合同有截止日,全部期次已在计划中",
            );
            return Err(Error::new(&error::NOT_APPLICABLE).at("until").with_both("reason", reason, zh));
        }
        if let Some(open) = recurrence.suspensions.iter().find(|suspension| suspension.until.is_none()) {
            // Nothing is served until it is resumed, so there is nothing to plan.
            return Err(Error::new(&ALREADY_SUSPENDED).with("from", open.from));
        }
        let record = event(&before, ContractEventKind::Extension, self.until);
        let after = reschedule(cx, &before, recurrence, Some(self.until), None)?;
        if after.version > before.version {
            happen(cx, record)?;
        }
        Ok(after)
    }
}

/// What a recurring contract that ends on a day is owed for an installment: its served days, or all when it is for no period.
fn served(contract: &Contract, installment: &Installment, last: Date) -> Result<Amount> {
    let whole = owed(installment)?;
    Ok(match (installment.period_from, installment.period_to) {
        (Some(from), Some(to)) if installment.is_period() && last < to => {
            if last < from {
                return Ok(Amount::ZERO);
            }
            let (recurrence, start) = rule(contract)?;
            let served =
                recurrence::charge(&recurrence, start, Period { from, to: last }, contract.currency)?;
            served.amount().min(whole)
        }
        _ => whole,
    })
}

/// What was settled for days that are not served when a recurring contract ends on a day, by installment.
///
/// # Errors
/// `OVERFLOW`; those of the store.
pub(super) fn settled_unserved(
    cx: &mut Cx<'_>,
    contract: &Contract,
    last: Date,
) -> Result<Vec<(u32, Amount)>> {
    let mut found = Vec::new();
    for installment in installments(cx, contract)? {
        let gone = [installment.settled, installment.discounted, installment.written_off];
        let over = Amount::checked_sum(gone)?.checked_sub(served(contract, &installment, last)?)?;
        // What was given up without money cannot be given back.
        let over = over.min(installment.settled);
        if over.is_positive() {
            found.push((installment.seq, over));
        }
    }
    Ok(found)
}

/// Records what was paid for days that are not served any more, and is returned.
///
/// # Errors
/// Those of the store.
pub(super) fn returned(
    cx: &mut Cx<'_>,
    contract: &Contract,
    date: Date,
    seq: u32,
    amount: Amount,
) -> Result<()> {
    let record = event(contract, ContractEventKind::Credit, date);
    happen(cx, ContractEvent { amount: Some(amount), installment: Some(seq), ..record })?;
    Ok(())
}

/// The price of a period as it stands when the service ends on a day: what is served stays owed, and the unserved part of what
/// is outstanding is cancelled.
pub(super) fn ended_service(contract: &Contract, period: &Installment, last: Date) -> Result<Installment> {
    let unserved = owed(period)?.checked_sub(served(contract, period, last)?)?;
    let cancelled = period.cancelled.checked_add(unserved.min(schedule::outstanding(period)?))?;
    schedule::restated(Installment { cancelled, ..period.clone() }, true)
}
