//! Late charges: working them out, and adding them to a contract.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adjust::{reach_contract, reach_installment};
use super::apply::stored;
use super::receipt::moved_on;
use super::reversal::give_back;
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::rules::DATE_IN_FUTURE;
use crate::areas::contract::rules::journal::Change;
use crate::areas::contract::rules::schedule;
use crate::areas::contract::rules::standing::{DueSince, Standing};
use crate::areas::contract::{
    AnchorKind, Contract, EntryKind, GIVEN_APPROVED, GIVEN_SUBMITTED, Installment, InstallmentKind, Posting,
    Surplus, installments, open_lines, post,
};
use crate::areas::ledger::{NO_RATE, rate_on};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::areas::settlement::rules::late::{self, LateCharge};
use crate::areas::settlement::rules::{CONTRACT_NOT_EFFECTIVE, NO_INSTALLMENT, NO_LATE_TERMS, NOTHING_LATE};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;

/// Days through which one amount was late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LateLine {
    /// The due date that was in force.
    pub due_date: Date,
    /// The first day charged.
    pub from: Date,
    /// The last day charged.
    pub to: Date,
    /// How many days.
    pub days: u32,
    /// What was open.
    pub open: Amount,
    /// Its part of the charge; the parts sum to it.
    pub amount: Amount,
    /// How it is reckoned: open amount × daily rate × days.
    pub formula: String,
}

/// A late charge worked out, with its formula.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LateStatement {
    /// The contract.
    pub contract: Id<Contract>,
    /// Its number.
    pub number: String,
    /// The installment, by its position.
    pub installment: u32,
    /// What the installment is called.
    pub label: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// When it is due by now; none while that is not known again.
    pub due_date: Option<Date>,
    /// The last day reckoned.
    pub until: Date,
    /// A day's charge as a fraction of what is open.
    pub daily_rate: Rate,
    /// Days after the due date for which nothing is charged.
    pub grace_days: u32,
    /// The most that is charged, as a fraction of the installment.
    pub cap: Option<Rate>,
    /// By what was open.
    pub lines: Vec<LateLine>,
    /// The whole charge, rounded half-up to the minor unit once.
    pub total: Amount,
    /// Whether the cap has cut it.
    pub capped: bool,
    /// How the whole is reckoned: the sum of the lines, or the cap when that is less.
    pub formula: String,
    /// What has been charged before, less what of it was cancelled.
    pub charged: Amount,
    /// What can be charged now: the whole less what has been charged. Below zero, what was charged too much and can be taken
    /// back, as after a payment was recorded late or a date corrected; never for a day before the last one charged.
    pub amount: Amount,
}

/// Works out what an overdue installment costs until a day; nothing is posted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReckonLateCharge {
    /// The contract.
    pub contract: Id<Contract>,
    /// The installment, by its position.
    pub installment: u32,
    /// The last day reckoned; today when left out.
    #[serde(default)]
    pub until: Option<Date>,
}

const GIVEN_LATE: &[Given] = &[
    GIVEN_CUSTOMER,
    Given {
        save: "contract",
        call: "contract.create",
        input: r#"{"title": "设备租赁", "customer": "${customer.id}", "amount": "10000",
            "late": {"daily_rate": "0.0005", "cap": "0.1"},
            "terms": [{"label": "租金", "share": "balance", "anchor": {"date": "2026-02-10"}}]}"#,
    },
    GIVEN_SUBMITTED,
    GIVEN_APPROVED,
    Given {
        save: "contract",
        call: "contract.sign",
        input: r#"{"id": "${contract.id}", "version": 3, "signed_on": "2026-02-02", "effective_on": "2026-02-02"}"#,
    },
];

impl Operation for ReckonLateCharge {
    type Output = LateStatement;
    const NAME: &'static str = "settlement.late_charge";
    const ZH: &'static str = "测算违约金";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &error::NOT_AN_ID,
        &NO_INSTALLMENT,
        &NO_LATE_TERMS,
        &NOTHING_LATE,
        &error::OVERFLOW,
        &error::DATE_OUT_OF_RANGE,
    ];
    const EXAMPLE: Example =
        Example { given: GIVEN_LATE, input: r#"{"contract": "${contract.id}", "installment": 1}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<LateStatement> {
        let contract = cx.get_owned(self.contract, Level::Read).map_err(|error| error.at("contract"))?;
        let until = self.until.unwrap_or(cx.today());
        reckon(cx, &contract, self.installment, until)
    }
}

fn reckon(cx: &mut Cx<'_>, contract: &Contract, seq: u32, until: Date) -> Result<LateStatement> {
    let installment = reach_installment(cx, contract, seq)?;
    let Some(terms) = contract.late.0 else {
        return Err(Error::new(&NO_LATE_TERMS).with("number", &contract.number));
    };
    let History { movements, dues } = history(cx, &installment)?;
    // No interest on late charges: simple interest only.
    let is_charge = installment.kind == InstallmentKind::LateCharge;
    let charges = charges(cx, contract, seq)?;
    // What was charged while it had a due date is told of, and can be taken back, also when it has none.
    if is_charge || (charges.is_empty() && dues.iter().all(|(_, due)| due.is_none())) {
        return Err(nothing_late(contract, seq, until));
    }
    let whole = contract.money(installment.amount)?;
    let LateCharge { periods, amount, capped } = late::charge(&terms, &dues, &movements, whole, until)?;
    let mut charged = Amount::ZERO;
    for charge in &charges {
        charged = charged.checked_add(charge.amount.checked_sub(charge.cancelled)?)?;
    }
    let mut due_now = amount.checked_sub(charged)?;
    if due_now.is_negative() {
        let last = charges.iter().filter_map(|charge| charge.period_to).max();
        let owed = charges.iter().map(owed).collect::<Result<Vec<_>>>()?;
        let most =
            if last.is_some_and(|last| until < last) { Amount::ZERO } else { Amount::checked_sum(owed)? };
        due_now = due_now.max(most.checked_neg()?);
    }
    let lines = periods.into_iter().map(|period| LateLine {
        due_date: period.due,
        from: period.from,
        to: period.to,
        days: u32::try_from(period.days).unwrap_or(u32::MAX),
        open: period.open,
        amount: period.amount,
        formula: format!("{} × {} × {}", period.open, terms.daily_rate, period.days),
    });
    let lines: Vec<LateLine> = lines.collect();
    let sum = lines.iter().map(|line| line.formula.as_str()).collect::<Vec<_>>().join(" + ");
    let formula = match terms.cap.filter(|_| capped) {
        Some(cap) => format!("min({sum}, {} × {cap}) = {amount}", installment.amount),
        None if lines.is_empty() => amount.to_string(),
        None => format!("{sum} = {amount}"),
    };
    Ok(LateStatement {
        contract: contract.id,
        number: contract.number.clone(),
        installment: seq,
        label: installment.label,
        currency: contract.currency,
        due_date: installment.due_date,
        until,
        daily_rate: terms.daily_rate,
        grace_days: terms.grace_days,
        cap: terms.cap,
        lines,
        total: amount,
        capped,
        formula,
        charged,
        amount: due_now,
    })
}

fn nothing_late(contract: &Contract, seq: u32, until: Date) -> Error {
    Error::new(&NOTHING_LATE).with("number", &contract.number).with("seq", seq).with("date", until)
}

/// The late charges that were made on an installment, in order.
fn charges(cx: &mut Cx<'_>, contract: &Contract, seq: u32) -> Result<Vec<Installment>> {
    let all = installments(cx, contract)?;
    Ok(all.into_iter().filter(|other| other.late_of == Some(seq)).collect())
}

/// What of a late charge is owed or settled: neither cancelled nor waived nor written off.
fn owed(charge: &Installment) -> Result<Amount> {
    schedule::outstanding(charge)?.checked_add(charge.settled)
}

/// How an installment was owed.
struct History {
    /// The changes of what is open, by day.
    movements: Vec<(Date, Amount)>,
    /// The due dates in force.
    dues: Vec<DueSince>,
}

fn history(cx: &mut Cx<'_>, installment: &Installment) -> Result<History> {
    let lines = open_lines(cx, installment, None)?;
    let movements = lines.iter().map(|line| (line.date, line.value.amount)).collect();
    let mut dues = Standing::of(lines)?.dues()?;
    // Once nothing is open, a due date that is corrected leaves no line.
    if let Some((_, last)) = dues.last_mut() {
        *last = installment.due_date;
    }
    Ok(History { movements, dues })
}

/// Brings what is charged for paying an installment late to what `settlement.late_charge` says.
///
/// What it has grown by is added to the contract: an installment of its own, due at once, that ages, is warned of and is
/// settled like any other. No charge is made on late charges.
///
/// What was charged too much is cancelled as of today, the last charge first: what is open before what is settled, which
/// becomes an advance of the receipts that settled it last. A charge that is given up though it is owed is waived by
/// `installment.write_off`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeLate {
    /// The contract.
    pub contract: Id<Contract>,
    /// The version of the contract that you have read.
    pub version: u32,
    /// The installment that is or was late, by its position.
    pub installment: u32,
    /// The last day reckoned; today when left out, never later.
    #[serde(default)]
    pub until: Option<Date>,
}

/// A late charge as posted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChargedLate {
    /// How it was reckoned.
    pub statement: LateStatement,
    /// The late charge that was added; or of those that were lowered, the last.
    pub installment: Installment,
}

impl Operation for ChargeLate {
    type Output = ChargedLate;
    const NAME: &'static str = "installment.charge_late";
    const ZH: &'static str = "计收违约金";
    const ACCESS: Access = Access::Level("settlement", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &DATE_IN_FUTURE,
        &CONTRACT_NOT_EFFECTIVE,
        &NO_INSTALLMENT,
        &NO_LATE_TERMS,
        &NOTHING_LATE,
        &error::OVERFLOW,
        &error::DATE_OUT_OF_RANGE,
        &NO_RATE,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_LATE,
        input: r#"{"contract": "${contract.id}", "version": 4, "installment": 1}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<ChargedLate> {
        let before = reach_contract(cx, self.contract, self.version)?;
        cx.subject(before.id);
        let until = moved_on(cx, self.until).map_err(|error| error.at("until"))?;
        let statement = reckon(cx, &before, self.installment, until)?;
        let seq = if statement.amount.is_positive() {
            add(cx, &before, &statement)?
        } else if statement.amount.is_negative() {
            lower(cx, &before, self.installment, statement.amount.checked_neg()?)?
        } else {
            return Err(nothing_late(&before, self.installment, until));
        };
        let installment = stored(cx, before.id, seq)?;
        Ok(ChargedLate { statement, installment })
    }
}

/// Adds a late charge to a contract; returns its position.
fn add(cx: &mut Cx<'_>, before: &Contract, statement: &LateStatement) -> Result<u32> {
    let LateStatement { until, .. } = *statement;
    let mut after = before.clone();
    after.surcharge = after.surcharge.checked_add(statement.amount)?;
    let seq = installments(cx, before)?.last().map_or(0, |last| last.seq) + 1;
    let mut installment = schedule::blank(before, seq, 0);
    installment.label = format!("{} 违约金", statement.label);
    installment.amount = statement.amount;
    installment.due_date = Some(until);
    installment.anchor = AnchorKind::Date;
    installment.anchor_date = Some(until);
    installment.kind = InstallmentKind::LateCharge;
    // What was charged before is not charged again: the new charge begins where the last one has ended.
    let charged =
        charges(cx, before, statement.installment)?.into_iter().filter_map(|charge| charge.period_to).max();
    let next = charged.map(|last| date::add_days(last, 1)).transpose()?;
    let first = statement.lines.first().map(|line| line.from);
    installment.period_from = first.max(next).filter(|from| *from <= until).or(first);
    installment.period_to = Some(until);
    installment.late_of = Some(statement.installment);
    let installment = schedule::restated(installment, true)?;
    let posting = Posting {
        rate: rate_on(cx, before.currency, until)?,
        ..Posting::of(before, EntryKind::LateCharge, until)
    };
    cx.update(before, after)?;
    post(cx, &posting, vec![Change::new(None, installment)], Vec::new())?;
    Ok(seq)
}

/// Cancels so much of the late charges on an installment; returns the position of the last one that is lowered.
fn lower(cx: &mut Cx<'_>, contract: &Contract, of: u32, excess: Amount) -> Result<u32> {
    let today = cx.today();
    let (mut left, mut cuts) = (excess, BTreeMap::<u32, Amount>::new());
    let mut charges = charges(cx, contract, of)?;
    charges.reverse();
    for is_settled in [false, true] {
        for charge in &charges {
            let there = if is_settled { charge.settled } else { schedule::outstanding(charge)? };
            let part = there.min(left);
            if !part.is_positive() {
                continue;
            }
            if is_settled {
                let (contract, installment) = (contract.id, charge.seq);
                give_back(cx, &Surplus { contract, installment, amount: part, date: today })?;
            }
            let cut = cuts.entry(charge.seq).or_default();
            *cut = cut.checked_add(part)?;
            left = left.checked_sub(part)?;
        }
    }
    let mut changes = Vec::with_capacity(cuts.len());
    for (seq, cut) in &cuts {
        let before = stored(cx, contract.id, *seq)?;
        let cancelled = before.cancelled.checked_add(*cut)?;
        let after = schedule::restated(Installment { cancelled, ..before.clone() }, true)?;
        changes.push(Change::new(Some(before), after));
    }
    // What was given back has changed the contract.
    let contract = cx.get(contract.id)?;
    cx.touch(&contract)?;
    post(cx, &Posting::of(&contract, EntryKind::LateCharge, today), changes, Vec::new())?;
    cuts.into_keys().next_back().ok_or_else(|| {
        let what = format!("no late charge on installment {of} of {} to lower", contract.id);
        Error::new(&error::INTERNAL).with("what", what)
    })
}
