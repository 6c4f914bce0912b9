//! The settlement schedule: how the contract amount is cut into installments, when each is due, and how an installment
//! stands.
//!
//! **Amounts.** See [`shares`].
//!
//! **Dates.** See [`PaymentTerm`]. A term whose event has not happened has no due date (PRC Civil Code article 158:
//! a condition suspends), and a forecast if the event is expected. What is held back is only due once it is released.
//! Months are counted by article 202, working days by the ledger's calendar, which refuses years it does not know.

use std::collections::BTreeMap;

use super::recurrence::Charge;
use super::{discount, shares};
use crate::areas::contract::model::{
    AnchorKind, Contract, ContractEvent, ContractEventKind, ContractLine, Installment, InstallmentKind,
    InstallmentStatus, MonthDay, PaymentTerm, TermAlign, TermAnchor, TermOffset,
};
use crate::kernel::calendar::Calendar;
use crate::kernel::date::{self, Date, Month};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;

/// Most payment terms of one contract.
pub const TERMS_MAX: usize = 500;

/// When the events of a contract happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors {
    /// The signing.
    pub signed: Option<Date>,
    /// The taking effect.
    pub effective: Option<Date>,
    /// The first day of the term.
    pub start: Option<Date>,
    /// The last day of the term.
    pub end: Option<Date>,
    /// The last delivery.
    pub delivered: Option<Date>,
    /// The acceptance.
    pub accepted: Option<Date>,
    /// The milestones reached, by name.
    pub milestones: BTreeMap<String, Date>,
}

impl Anchors {
    /// Those of a contract; of a milestone that was corrected the last date counts.
    pub fn of(contract: &Contract, events: &[ContractEvent]) -> Anchors {
        let milestones = events.iter().filter(|event| event.kind == ContractEventKind::Milestone);
        let milestones = milestones.filter_map(|event| Some((event.name.clone()?, event.date)));
        Anchors {
            signed: contract.signed_on,
            effective: contract.effective_on,
            start: contract.starts_on,
            end: contract.ends_on,
            delivered: contract.delivered_on,
            accepted: contract.accepted_on,
            milestones: milestones.collect(),
        }
    }

    /// The date of an anchor, if it is known to the contract as a whole. Deliveries before the last one and invoices are
    /// events of single installments; the due date of the term before is known to [`term_dues`].
    pub fn date(&self, anchor: &TermAnchor) -> Option<Date> {
        match anchor {
            TermAnchor::Signed => self.signed,
            TermAnchor::Effective => self.effective,
            TermAnchor::Start => self.start,
            TermAnchor::End => self.end,
            TermAnchor::Delivery | TermAnchor::Delivered => self.delivered,
            TermAnchor::Accepted => self.accepted,
            TermAnchor::Milestone(name) => self.milestones.get(name.trim()).copied(),
            TermAnchor::Invoiced | TermAnchor::Previous => None,
            TermAnchor::Date(date) => Some(*date),
        }
    }
}

fn out_of_range(
    value: impl std::fmt::Display,
    min: impl std::fmt::Display,
    max: impl std::fmt::Display,
) -> Error {
    Error::new(&error::OUT_OF_RANGE).with("value", value).with("min", min).with("max", max)
}

/// When a term is due by what the contract as a whole knows; none while its event has not happened.
///
/// # Errors
/// `UNKNOWN_CALENDAR_YEAR`, `DATE_OUT_OF_RANGE`; `OUT_OF_RANGE` and `EMPTY_LIST` at `align` for days outside 1 to 31.
pub fn due_date(term: &PaymentTerm, anchors: &Anchors, calendar: &Calendar) -> Result<Option<Date>> {
    check_align(&term.align)?;
    anchors.date(&term.anchor).map(|anchor| reached(term, anchor, calendar)).transpose()
}

/// The date that a term reaches from its anchor's date.
fn reached(term: &PaymentTerm, anchor: Date, calendar: &Calendar) -> Result<Date> {
    let start = if term.align == TermAlign::MonthEndBefore { date::month_end(anchor) } else { anchor };
    let reached = match term.offset {
        TermOffset::Months(months) if term.align == TermAlign::MonthEndBefore => {
            date::month_end(date::add_months(start, months)?)
        }
        TermOffset::Days(days) => date::add_days(start, i64::from(days))?,
        TermOffset::WorkingDays(days) => calendar.add_working_days(start, days)?,
        TermOffset::Months(months) => date::add_months(start, months)?,
    };
    let on_days = |days: &[u32], months: [i32; 2]| {
        let dates = months.into_iter().flat_map(|months| days.iter().map(move |day| (months, *day)));
        let dates = dates.map(|(months, day)| Month::of(reached).add_months(months)?.day(day));
        dates.collect::<Result<Vec<Date>>>()
    };
    let aligned = match &term.align {
        TermAlign::None | TermAlign::MonthEndBefore => reached,
        TermAlign::MonthEnd => date::month_end(reached),
        TermAlign::MonthEndAndDays(days) => date::add_days(date::month_end(reached), i64::from(*days))?,
        TermAlign::NextMonthOn(day) => Month::of(reached).add_months(1)?.day(*day)?,
        TermAlign::DayOfMonth(of) => Month::of(reached).add_months(of.months)?.day(of.day)?,
        TermAlign::OnOrAfter(days) => {
            on_days(days, [0, 1])?.into_iter().filter(|date| *date >= reached).min().unwrap_or(reached)
        }
        TermAlign::OnOrBefore(days) => {
            on_days(days, [0, -1])?.into_iter().filter(|date| *date <= reached).max().unwrap_or(reached)
        }
    };
    calendar.shift(aligned, term.shift)
}

/// What is known of when a term is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TermDue {
    /// When its event happened.
    pub anchor: Option<Date>,
    /// When it is due; none while the event has not happened, and for what is held back.
    pub due: Option<Date>,
    /// When it will be due as expected; only while there is no due date.
    pub forecast: Option<Date>,
}

/// When a term is due whose event happened on `anchor`, or is expected on `expected`.
///
/// # Errors
/// As [`due_date`]. Only a forecast for a year that the calendar does not know is left out instead.
pub fn term_due(
    term: &PaymentTerm,
    anchor: Option<Date>,
    expected: Option<Date>,
    calendar: &Calendar,
) -> Result<TermDue> {
    check_align(&term.align)?;
    let forecast = |from: Option<Date>| match from.map(|from| reached(term, from, calendar)).transpose() {
        Err(refused) if refused.code() == &error::UNKNOWN_CALENDAR_YEAR => Ok(None),
        found => found,
    };
    Ok(match anchor {
        Some(date) if !term.retention => {
            TermDue { anchor, due: Some(reached(term, date, calendar)?), forecast: None }
        }
        _ => TermDue { anchor, due: None, forecast: forecast(anchor.or(expected))? },
    })
}

/// What is known of when each term is due, in order. `own` are the due dates that installments of a term have by events of
/// their own, see [`own_dues`]: what is counted from the term before goes by them.
///
/// # Errors
/// As [`due_date`], at `[i]`.
pub fn term_dues(
    terms: &[PaymentTerm],
    anchors: &Anchors,
    own: &[Option<Date>],
    calendar: &Calendar,
) -> Result<Vec<TermDue>> {
    let mut dues: Vec<TermDue> = Vec::with_capacity(terms.len());
    // The day that a row of terms counts its months from, and how many; none where it is not by whole months.
    let mut row: Option<(Date, i32)> = None;
    for (index, term) in terms.iter().enumerate() {
        let mut months = match (term.offset, &term.align) {
            (TermOffset::Months(months), TermAlign::None) => Some(months),
            _ => None,
        };
        let (mut from, mut since) = (anchors.date(&term.anchor), None);
        let mut expected = term.expected;
        if let (TermAnchor::Previous, Some(before)) = (&term.anchor, dues.last()) {
            let own = index.checked_sub(1).and_then(|before| own.get(before).copied().flatten());
            from = own.or(before.due);
            expected = before.forecast.or(term.expected);
            if let (None, Some(more), Some((first, so_far))) = (own, months, row) {
                let all = so_far.checked_add(more).ok_or_else(|| Error::new(&error::DATE_OUT_OF_RANGE))?;
                (since, months) = (Some(first), Some(all));
            }
        }
        row = since.or(from).or(expected).zip(months);
        let counted = PaymentTerm { offset: months.map_or(term.offset, TermOffset::Months), ..term.clone() };
        let on = |day: Option<Date>| day.map(|day| since.unwrap_or(day));
        let due = term_due(&counted, on(from), on(expected), calendar);
        let due = due.map_err(|error| error.within(format!("[{index}]")))?;
        dues.push(TermDue { anchor: from, ..due });
    }
    Ok(dues)
}

/// For each term, when it is due by events of its installments: their invoices, their own deliveries, their release. The
/// last of them counts, once each of them has a date.
///
/// # Errors
/// As [`due_date`], at `[i]`.
pub fn own_dues(
    terms: &[PaymentTerm],
    installments: &[Installment],
    events: &[ContractEvent],
    calendar: &Calendar,
) -> Result<Vec<Option<Date>>> {
    let mut dues = Vec::with_capacity(terms.len());
    for ((index, term), number) in terms.iter().enumerate().zip(1_u32..) {
        let mut last = None;
        for installment in installments.iter().filter(|installment| installment.term == number) {
            let due = match (installment.released_on, own_event(installment, events)) {
                (Some(released_on), _) => Some(released_on),
                (None, Some(own)) => {
                    let due = term_due(term, Some(own), None, calendar);
                    due.map_err(|error| error.within(format!("[{index}]")))?.due
                }
                (None, None) => None,
            };
            last = last.max(due);
            if due.is_none() {
                last = None;
                break;
            }
        }
        dues.push(last);
    }
    Ok(dues)
}

/// Refuses what no term can say, whatever the contract.
///
/// # Errors
/// At `[i]…`: as [`due_date`] and [`discount::check`]; `NOT_APPLICABLE` at `anchor` for the first term counted from the
/// term before; `EMPTY` and `TOO_LONG` at `anchor.milestone`.
pub fn check_terms(terms: &[PaymentTerm]) -> Result<()> {
    for (index, term) in terms.iter().enumerate() {
        let within = |error: Error| error.within(format!("[{index}]"));
        check_align(&term.align).map_err(within)?;
        if let Some(discount) = &term.discount {
            discount::check(discount).map_err(|error| within(error.within("discount")))?;
        }
        match &term.anchor {
            TermAnchor::Previous if index == 0 => {
                let (reason, zh) = ("there is no term before the first", "第一条之前没有付款条款");
                return Err(within(
                    Error::new(&error::NOT_APPLICABLE).at("anchor").with_both("reason", reason, zh),
                ));
            }
            TermAnchor::Milestone(name) => {
                crate::areas::party::rules::name("anchor.milestone", name, MILESTONE_MAX).map_err(within)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Most characters of a milestone's name.
pub const MILESTONE_MAX: usize = 100;

fn check_align(align: &TermAlign) -> Result<()> {
    let days = match align {
        TermAlign::NextMonthOn(day) | TermAlign::DayOfMonth(MonthDay { day, .. }) => {
            std::slice::from_ref(day)
        }
        TermAlign::OnOrAfter(days) | TermAlign::OnOrBefore(days) if days.is_empty() => {
            return Err(Error::new(&error::EMPTY_LIST).at("align"));
        }
        TermAlign::OnOrAfter(days) | TermAlign::OnOrBefore(days) => days,
        _ => return Ok(()),
    };
    match days.iter().find(|day| !(1..=31).contains(*day)) {
        Some(day) => Err(out_of_range(day, 1, 31).at("align")),
        None => Ok(()),
    }
}

/// The installments of a contract that is not in effect yet, by its payment terms.
///
/// # Errors
/// As [`check_terms`], [`shares::term_amounts`] and [`term_dues`], at `terms[i]`; `NOT_APPLICABLE` at `terms[i].anchor` for the first or the
/// last day of a term that has none; `OUT_OF_RANGE` at `terms` for too many.
pub fn plan(contract: &Contract, lines: &[ContractLine], calendar: &Calendar) -> Result<Vec<Installment>> {
    let terms = &contract.terms.0;
    if terms.len() > TERMS_MAX {
        return Err(out_of_range(terms.len(), 0, TERMS_MAX).at("terms"));
    }
    let within = |error: Error| error.within("terms");
    check_terms(terms).map_err(within)?;
    for (index, term) in terms.iter().enumerate() {
        let (reason, zh) = match term.anchor {
            TermAnchor::Start if contract.starts_on.is_none() => {
                ("the contract has no first day", "合同没有起始日")
            }
            TermAnchor::End if contract.ends_on.is_none() => {
                ("the contract has no last day", "合同没有截止日")
            }
            _ => continue,
        };
        let refused = Error::new(&error::NOT_APPLICABLE).at(format!("[{index}].anchor"));
        return Err(within(refused.with_both("reason", reason, zh)));
    }
    let lines = lines.iter().map(|line| Ok((line.seq, contract.money(line.gross)?)));
    let lines = lines.collect::<Result<Vec<(u32, Money)>>>()?;
    let amounts = shares::term_amounts(contract.money(contract.amount)?, &lines, terms).map_err(within)?;
    let dues = term_dues(terms, &Anchors::of(contract, &[]), &[], calendar).map_err(within)?;
    let planned = terms.iter().zip(amounts).zip(dues).zip(1_u32..);
    Ok(planned
        .map(|(((term, amount), due), seq)| {
            let label = term.label.as_deref().map(str::trim).filter(|label| !label.is_empty());
            Installment {
                label: label.map_or_else(|| format!("第{seq}期"), str::to_owned),
                amount: amount.amount(),
                due_date: due.due,
                forecast_date: due.forecast,
                anchor: term.anchor.kind(),
                anchor_date: due.anchor,
                kind: if term.retention { InstallmentKind::Retention } else { InstallmentKind::Scheduled },
                ..blank(contract, seq, seq)
            }
        })
        .collect())
}

/// The installments of the periods of a recurring contract, numbered on from `first`.
pub fn plan_periods(contract: &Contract, charges: &[Charge], first: u32) -> Vec<Installment> {
    let planned = charges.iter().zip(first..).map(|(charge, seq)| Installment {
        label: format!("{} 至 {}", charge.period.from, charge.period.to),
        amount: charge.amount.amount(),
        due_date: Some(charge.due),
        anchor: AnchorKind::Period,
        anchor_date: Some(charge.period.from),
        period_from: Some(charge.period.from),
        period_to: Some(charge.period.to),
        ..blank(contract, seq, 0)
    });
    planned.collect()
}

/// An installment of nothing.
pub fn blank(contract: &Contract, seq: u32, term: u32) -> Installment {
    Installment {
        contract: contract.id,
        seq,
        customer: contract.customer,
        direction: contract.direction,
        currency: contract.currency,
        label: String::new(),
        amount: Amount::ZERO,
        settled: Amount::ZERO,
        cancelled: Amount::ZERO,
        discounted: Amount::ZERO,
        written_off: Amount::ZERO,
        open_amount: None,
        home_open: None,
        due_date: None,
        status: InstallmentStatus::Planned,
        anchor: AnchorKind::Date,
        anchor_date: None,
        term,
        kind: InstallmentKind::Scheduled,
        forecast_date: None,
        released_on: None,
        period_from: None,
        period_to: None,
        late_of: None,
    }
}

/// What is outstanding of an installment: neither settled, discounted, written off nor cancelled.
///
/// # Errors
/// `INTERNAL` when these are more than there is.
pub fn outstanding(installment: &Installment) -> Result<Amount> {
    let Installment { contract, seq, amount, settled, discounted, written_off, cancelled, .. } = installment;
    let parts = [*settled, *discounted, *written_off, *cancelled];
    let rest = amount.checked_sub(Amount::checked_sum(parts)?)?;
    if rest.is_negative() || parts.iter().any(|part| part.is_negative()) {
        let what = format!(
            "installment {seq} of {contract}: {settled} settled, {discounted} discounted, {written_off} written off \
             and {cancelled} cancelled of {amount}"
        );
        return Err(Error::new(&error::INTERNAL).with("what", what));
    }
    Ok(rest)
}

/// The installment with its status and open amount as its amounts say; `live` when the contract has taken effect.
///
/// # Errors
/// As [`outstanding`].
pub fn restated(mut installment: Installment, live: bool) -> Result<Installment> {
    let rest = outstanding(&installment)?;
    installment.status = if rest.is_positive() {
        if live { InstallmentStatus::Open } else { InstallmentStatus::Planned }
    } else if installment.cancelled.is_positive() {
        InstallmentStatus::Cancelled
    } else if installment.written_off.is_positive() {
        InstallmentStatus::WrittenOff
    } else if live {
        InstallmentStatus::Settled
    } else {
        InstallmentStatus::Planned
    };
    installment.open_amount = (installment.status == InstallmentStatus::Open).then_some(rest);
    Ok(installment)
}

/// When the event of one installment happened, where it is not the contract's as a whole: its own part of the delivery,
/// or its invoice. Of deliveries the one recorded last counts, which corrects those before it; of invoices the earliest
/// that stands, in whatever order they were recorded: each of them dates the installment by itself.
pub fn own_event(installment: &Installment, events: &[ContractEvent]) -> Option<Date> {
    let kind = match installment.anchor {
        AnchorKind::Delivery => ContractEventKind::Delivery,
        AnchorKind::Invoiced => ContractEventKind::Invoice,
        _ => return None,
    };
    let own = |event: &&ContractEvent| event.kind == kind && event.installment == Some(installment.seq);
    let mut dates = events.iter().filter(own).map(|event| event.date);
    if kind == ContractEventKind::Invoice { dates.min() } else { dates.next_back() }
}

/// The due date that was agreed for one installment in place of the one by its terms.
pub fn postponed(installment: &Installment, events: &[ContractEvent]) -> Option<Date> {
    let own = |event: &&ContractEvent| {
        event.kind == ContractEventKind::Postponement && event.installment == Some(installment.seq)
    };
    events.iter().rev().find(own).map(|event| event.date)
}

/// The installment with its due date by what has happened, and its status; a cancelled one keeps its date. A settled one
/// gets its date too, for a reversal may open it again. A retention that was released keeps the date of its release.
///
/// # Errors
/// As [`outstanding`].
pub fn refreshed(mut installment: Installment, due: TermDue, live: bool) -> Result<Installment> {
    if installment.status != InstallmentStatus::Cancelled {
        installment.anchor_date = due.anchor;
        if installment.released_on.is_none() {
            installment.due_date = due.due;
            installment.forecast_date = due.forecast;
        }
    }
    restated(installment, live)
}

/// The installment with what is outstanding no longer owed, but for `kept` of it: unperformed obligations end with the
/// contract (PRC Civil Code article 566); what was settled stays, and refunds and damages are matters of their own.
///
/// # Errors
/// As [`outstanding`], and when more is kept than is outstanding.
pub fn ended(mut installment: Installment, kept: Amount) -> Result<Installment> {
    let rest = outstanding(&installment)?.checked_sub(kept)?;
    installment.cancelled = installment.cancelled.checked_add(rest)?;
    if kept.is_positive() || (rest.is_zero() && installment.status != InstallmentStatus::Planned) {
        return restated(installment, true);
    }
    installment.open_amount = None;
    installment.status = InstallmentStatus::Cancelled;
    Ok(installment)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::areas::contract::model::TermShare;
    use crate::kernel::calendar::Shift;
    use crate::kernel::currency::Currency;
    use crate::kernel::date::parse_date;
    use proptest::prelude::*;

    fn term(anchor: TermAnchor, offset: TermOffset, align: TermAlign, shift: Shift) -> PaymentTerm {
        PaymentTerm { offset, align, shift, ..PaymentTerm::new(TermShare::Balance, anchor) }
    }

    #[test]
    fn months_from_the_term_before_do_not_drift() {
        let calendar = Calendar::china();
        let day = |text: &str| parse_date(text).unwrap();
        let first = |date: &str, shift| {
            term(TermAnchor::Date(day(date)), TermOffset::Months(0), TermAlign::None, shift)
        };
        let next = |offset, shift| term(TermAnchor::Previous, offset, TermAlign::None, shift);
        let month = |months| next(TermOffset::Months(months), Shift::None);
        let table = [
            (
                vec![first("2026-01-31", Shift::None), month(1), month(1), month(1)],
                vec!["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"],
            ),
            (
                vec![first("2025-11-30", Shift::None), month(3), month(-1), month(3)],
                vec!["2025-11-30", "2026-02-28", "2026-01-30", "2026-04-30"],
            ),
            // 31 January 2026 is a Saturday: the next is counted from it, and not from the Monday after.
            (vec![first("2026-01-31", Shift::Forward), month(1)], vec!["2026-02-02", "2026-02-28"]),
            // Days are counted from the due date, and months after them from there.
            (
                vec![
                    first("2026-01-31", Shift::None),
                    next(TermOffset::Days(28), Shift::None),
                    month(1),
                    month(1),
                ],
                vec!["2026-01-31", "2026-02-28", "2026-03-28", "2026-04-28"],
            ),
        ];
        for (terms, expected) in table {
            let found = term_dues(&terms, &Anchors::default(), &[], &calendar).unwrap();
            let found: Vec<Date> = found.iter().map(|due| due.due.unwrap()).collect();
            assert_eq!(found, expected.into_iter().map(day).collect::<Vec<_>>(), "{terms:?}");
        }
        // The first is released on a day of its own: the row begins there.
        let terms = [first("2026-01-31", Shift::None), month(1), month(1)];
        let own = [Some(day("2026-03-31"))];
        let found = term_dues(&terms, &Anchors::default(), &own, &calendar).unwrap();
        assert_eq!([found[1].due, found[2].due], [Some(day("2026-04-30")), Some(day("2026-05-31"))]);
        let ends = term(
            TermAnchor::Date(day("2026-02-10")),
            TermOffset::Months(2),
            TermAlign::MonthEndBefore,
            Shift::None,
        );
        assert_eq!(
            term_dues(&[ends], &Anchors::default(), &[], &calendar).unwrap()[0].due,
            Some(day("2026-04-30"))
        );
        let far = [first("2026-01-31", Shift::None), month(i32::MAX), month(i32::MAX)];
        assert!(term_dues(&far, &Anchors::default(), &[], &calendar).is_err());
    }

    #[test]
    fn due_dates() {
        use TermAlign as Align;
        use TermAnchor::{Accepted, Delivered, Effective, Signed};
        use TermOffset::{Days, Months, WorkingDays};
        let anchors = Anchors {
            signed: Some(parse_date("2026-01-30").unwrap()),
            effective: Some(parse_date("2026-09-30").unwrap()),
            delivered: Some(parse_date("2026-12-20").unwrap()),
            ..Anchors::default()
        };
        let fixed = TermAnchor::Date(parse_date("2026-10-01").unwrap());
        for (anchor, offset, align, shift, due) in [
            (Signed, Days(30), Align::None, Shift::None, Some("2026-03-01")),
            (Signed, Months(1), Align::None, Shift::None, Some("2026-02-28")),
            (Signed, Months(-1), Align::None, Shift::None, Some("2025-12-30")),
            (Signed, Days(5), Align::MonthEnd, Shift::None, Some("2026-02-28")),
            (Signed, Days(5), Align::MonthEndBefore, Shift::None, Some("2026-02-05")),
            (Signed, Days(0), Align::NextMonthOn(31), Shift::None, Some("2026-02-28")),
            (Signed, Days(0), Align::OnOrAfter(vec![25, 10]), Shift::None, Some("2026-02-10")),
            (Signed, Days(0), Align::OnOrAfter(vec![31]), Shift::None, Some("2026-01-31")),
            (Effective, WorkingDays(1), Align::None, Shift::None, Some("2026-10-08")),
            (Effective, WorkingDays(-1), Align::None, Shift::None, Some("2026-09-29")),
            (fixed.clone(), Days(0), Align::None, Shift::None, Some("2026-10-01")),
            (fixed.clone(), Days(0), Align::None, Shift::Forward, Some("2026-10-08")),
            (fixed, Days(0), Align::None, Shift::Back, Some("2026-09-30")),
            (Signed, Months(1), Align::MonthEndAndDays(10), Shift::None, Some("2026-03-10")),
            (Signed, Days(0), Align::MonthEndAndDays(-3), Shift::None, Some("2026-01-28")),
            (
                Signed,
                Days(5),
                Align::DayOfMonth(MonthDay { day: 31, months: 0 }),
                Shift::None,
                Some("2026-02-28"),
            ),
            (
                Signed,
                Days(0),
                Align::DayOfMonth(MonthDay { day: 15, months: 2 }),
                Shift::None,
                Some("2026-03-15"),
            ),
            (
                Signed,
                Days(0),
                Align::DayOfMonth(MonthDay { day: 15, months: -1 }),
                Shift::None,
                Some("2025-12-15"),
            ),
            (Signed, Days(0), Align::OnOrBefore(vec![10, 25]), Shift::None, Some("2026-01-25")),
            (Signed, Days(6), Align::OnOrBefore(vec![10, 31]), Shift::None, Some("2026-01-31")),
            (Signed, Days(0), Align::OnOrBefore(vec![30]), Shift::None, Some("2026-01-30")),
            (Accepted, Months(12), Align::None, Shift::Forward, None),
        ] {
            let term = term(anchor, offset, align, shift);
            let found = due_date(&term, &anchors, &Calendar::china()).unwrap();
            assert_eq!(found, due.map(|due| parse_date(due).unwrap()), "{term:?}");
        }
        for (offset, align, shift, code) in [
            (WorkingDays(20), Align::None, Shift::None, &error::UNKNOWN_CALENDAR_YEAR),
            (Days(30), Align::None, Shift::Forward, &error::UNKNOWN_CALENDAR_YEAR),
            (Days(i32::MAX), Align::None, Shift::None, &error::DATE_OUT_OF_RANGE),
            (Days(0), Align::NextMonthOn(0), Shift::None, &error::OUT_OF_RANGE),
            (Days(0), Align::OnOrAfter(vec![1, 32]), Shift::None, &error::OUT_OF_RANGE),
            (Days(0), Align::OnOrAfter(vec![]), Shift::None, &error::EMPTY_LIST),
        ] {
            let refused = due_date(&term(Delivered, offset, align, shift), &anchors, &Calendar::china());
            assert_eq!(refused.unwrap_err().code(), code);
        }
    }

    proptest! {
        #[test]
        fn an_installment_always_adds_up(
            amount in 0..1_000_000_i64, settled in 0..1_000_000_i64, live: bool, kept in proptest::option::of(0..1_000_000_i64),
        ) {
            let settled = settled.min(amount);
            let mut installment = sample();
            installment.amount = Amount::from_scaled(amount);
            installment.settled = Amount::from_scaled(settled);
            let mut found = restated(installment, live)?;
            if let Some(kept) = kept {
                let kept = Amount::from_scaled(kept.min(amount - settled));
                found = ended(found, kept)?;
                prop_assert_eq!(outstanding(&found)?, kept);
                prop_assert_eq!(found.open_amount.unwrap_or_default(), kept);
            }
            prop_assert_eq!(found.open_amount.is_some(), found.status == InstallmentStatus::Open);
            if let Some(open) = found.open_amount {
                prop_assert!(open.is_positive());
                prop_assert_eq!(found.settled.checked_add(found.cancelled)?.checked_add(open)?, found.amount);
            }
        }
    }

    fn sample() -> Installment {
        use crate::areas::contract::model::SettlementDirection;
        use crate::kernel::id::Id;
        let nil = uuid::Uuid::nil();
        Installment {
            contract: Id::from_uuid(nil),
            seq: 1,
            customer: Id::from_uuid(nil),
            direction: SettlementDirection::Receivable,
            currency: Currency::CNY,
            label: String::new(),
            amount: Amount::ZERO,
            settled: Amount::ZERO,
            cancelled: Amount::ZERO,
            discounted: Amount::ZERO,
            written_off: Amount::ZERO,
            open_amount: None,
            home_open: None,
            due_date: None,
            status: InstallmentStatus::Planned,
            anchor: AnchorKind::Signed,
            anchor_date: None,
            term: 1,
            kind: InstallmentKind::Scheduled,
            forecast_date: None,
            released_on: None,
            period_from: None,
            period_to: None,
            late_of: None,
        }
    }
}
