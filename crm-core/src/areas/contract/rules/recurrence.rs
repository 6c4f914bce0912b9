//! Recurring contracts: the periods, what each costs, when it is due, and what is credited for the unserved.
//!
//! **Periods.** Period *n* begins at the anchor moved by *n* times the length, never at the end of the one before moved
//! on, so nothing drifts: 31 January, 28 February, 31 March. Periods are cut to the contract's term; what is left of the
//! first and the last is charged by the proration rule. Both days of a [`Period`] are included.
//!
//! **Charges.** A whole period costs its price. A period that is cut, suspended or repriced inside is the sum, over its
//! stretches of one price, of price × days ÷ days of the whole period; it is rounded once, half-up to the minor unit.
//!
//! **Credits.** What was charged for days that are not served is charged × unserved days ÷ days charged, rounded half-up. A contract
//! that ends is charged for the days served by the proration rule instead, see `contract.terminate`.
//!
//! Beside what the operations use, hosts that bill by themselves find here where a period of theirs begins, what part of a period
//! a span is, and how far a contract is billed.

use chrono::Datelike;
use rust_decimal::Decimal;

use super::{OUTSIDE_PERIOD, SPANS_OVERLAP};
use crate::areas::contract::model::{
    PeriodAlign, Proration, Recurrence, RecurrenceTiming, RecurrenceUnit, Suspension, TermOffset,
};
use crate::kernel::calendar::Calendar;
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date, Month};
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;
use crate::kernel::rounding::Rounding;

/// Most periods that are worked out at once.
pub const PERIODS_MAX: usize = 2000;
/// Most units of one period.
pub const EVERY_MAX: u32 = 1000;

/// A span of days, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

impl Period {
    /// Its number of days.
    pub fn days(self) -> i64 {
        date::days_between(self.from, self.to) + 1
    }

    fn contains(self, date: Date) -> bool {
        (self.from..=self.to).contains(&date)
    }
}

/// A span of days, both included, or without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub from: Date,
    /// The last day, if there is one.
    pub to: Option<Date>,
}

/// What one period costs and when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The period.
    pub period: Period,
    /// What it costs, tax included.
    pub amount: Money,
    /// When it is due.
    pub due: Date,
}

/// How a length of time moves a date.
#[derive(Debug, Clone, Copy)]
enum Step {
    Days(i64),
    Months(i32),
}

impl Step {
    fn of(every: u32, unit: RecurrenceUnit) -> Result<Step> {
        if !(1..=EVERY_MAX).contains(&every) {
            return Err(out_of_range(every, 1, EVERY_MAX).at("every"));
        }
        let every = every.cast_signed();
        Ok(match unit {
            RecurrenceUnit::Day => Step::Days(i64::from(every)),
            RecurrenceUnit::Week => Step::Days(i64::from(every) * 7),
            _ => Step::Months(every * months_of(unit)),
        })
    }
}

/// Months of one unit; 0 for days and weeks.
fn months_of(unit: RecurrenceUnit) -> i32 {
    match unit {
        RecurrenceUnit::Day | RecurrenceUnit::Week => 0,
        RecurrenceUnit::Month => 1,
        RecurrenceUnit::Quarter => 3,
        RecurrenceUnit::HalfYear => 6,
        RecurrenceUnit::Year => 12,
    }
}

fn out_of_range(
    value: impl std::fmt::Display,
    min: impl std::fmt::Display,
    max: impl std::fmt::Display,
) -> Error {
    Error::new(&error::OUT_OF_RANGE).with("value", value).with("min", min).with("max", max)
}

/// Where periods begin: boundary 0 is at or near the first day, others lie whole steps away from it.
#[derive(Debug, Clone, Copy)]
struct Grid {
    origin: Date,
    /// The day of the month that boundaries lie on, clamped.
    day: u32,
    step: Step,
}

impl Grid {
    fn new(recurrence: &Recurrence, start: Date) -> Result<Grid> {
        let step = Step::of(recurrence.every, recurrence.unit)?;
        let origin = match recurrence.align {
            PeriodAlign::Start => match recurrence.first_due {
                None => start,
                Some(due) => match recurrence.timing {
                    RecurrenceTiming::Advance => due,
                    RecurrenceTiming::Arrears => date::add_days(end_due_on(recurrence, due)?, 1)?,
                },
            },
            PeriodAlign::Calendar => calendar_start(recurrence.unit, start)?,
            PeriodAlign::Day(day) => Month::of(start).day(day)?,
        };
        let day = match recurrence.align {
            PeriodAlign::Day(day) => day,
            _ => origin.day(),
        };
        Ok(Grid { origin, day, step })
    }

    /// The first day of period `index`.
    fn boundary(&self, index: i32) -> Result<Date> {
        let overflow = || Error::new(&error::OVERFLOW);
        match self.step {
            Step::Days(days) => date::add_days(self.origin, days * i64::from(index)),
            Step::Months(months) => {
                let months = months.checked_mul(index).ok_or_else(overflow)?;
                Month::of(self.origin).add_months(months)?.day(self.day)
            }
        }
    }

    /// The period that a date lies in.
    fn index(&self, date: Date) -> Result<i32> {
        let near = match self.step {
            Step::Days(days) => date::days_between(self.origin, date).div_euclid(days),
            Step::Months(months) => {
                let apart = (date.year() - self.origin.year()) * 12 + date.month().cast_signed()
                    - self.origin.month().cast_signed();
                i64::from(apart.div_euclid(months))
            }
        };
        let near = i32::try_from(near).map_err(|_| Error::new(&error::OVERFLOW))?;
        Ok(if self.boundary(near)? > date { near - 1 } else { near })
    }

    fn period(&self, index: i32) -> Result<Period> {
        Ok(Period { from: self.boundary(index)?, to: date::add_days(self.boundary(index + 1)?, -1)? })
    }
}

/// The first day of the calendar's unit that a date lies in.
fn calendar_start(unit: RecurrenceUnit, date: Date) -> Result<Date> {
    match unit {
        RecurrenceUnit::Day => Ok(date),
        RecurrenceUnit::Week => date::add_days(date, -i64::from(date.weekday().num_days_from_monday())),
        _ => {
            let into = date.month0().cast_signed() % months_of(unit);
            Month::of(date).add_months(-into).map(Month::first_day)
        }
    }
}

/// A date moved by `count` times a length, months clamped; back when negative.
///
/// # Errors
/// `OUT_OF_RANGE` at `every`, `DATE_OUT_OF_RANGE`, `OVERFLOW`.
pub fn moved(from: Date, every: u32, unit: RecurrenceUnit, count: i32) -> Result<Date> {
    Grid { origin: from, day: from.day(), step: Step::of(every, unit)? }.boundary(count)
}

/// How many whole lengths from `from` do not pass `to`; negative when `to` is earlier.
///
/// # Errors
/// As [`moved`].
pub fn whole_periods(from: Date, to: Date, every: u32, unit: RecurrenceUnit) -> Result<i32> {
    Grid { origin: from, day: from.day(), step: Step::of(every, unit)? }.index(to)
}

/// Which day of a calendar unit a contract begins on, seen from a date such as its signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartAlign {
    /// The calendar's unit.
    pub unit: RecurrenceUnit,
    /// The unit after the one that the date lies in.
    pub next: bool,
    /// Its last day rather than its first.
    pub last_day: bool,
    /// A month of the unit, from 1; the first, or for the last day the last, when none.
    pub month: Option<u32>,
}

/// The first day of a contract that begins with a calendar unit.
///
/// # Errors
/// `OUT_OF_RANGE` at `month` for one that the unit does not have; `DATE_OUT_OF_RANGE`.
pub fn aligned_start(seen_from: Date, align: StartAlign) -> Result<Date> {
    let StartAlign { unit, next, last_day, month } = align;
    let first = calendar_start(unit, seen_from)?;
    let first = if next { moved(first, 1, unit, 1)? } else { first };
    let months = months_of(unit);
    if let Some(month) = month {
        if !(1..=months.cast_unsigned()).contains(&month) {
            return Err(out_of_range(month, 1, months).at("month"));
        }
        let month = Month::of(first).add_months(month.cast_signed() - 1)?;
        return Ok(if last_day { month.last_day() } else { month.first_day() });
    }
    if last_day { date::add_days(moved(first, 1, unit, 1)?, -1) } else { Ok(first) }
}

/// Refuses what is no rule.
///
/// # Errors
/// `OUT_OF_RANGE` at `every`, `align`, `price` or `revisions[i].price`; `TOO_MANY_DECIMALS` at the prices;
/// `NOT_APPLICABLE` at `align`, `proration` or `first_due` for what the unit or the offset does not allow;
/// `SPANS_OVERLAP` at `revisions[i].from` or `suspensions[i].from`; `END_BEFORE_START` at `suspensions[i].until`.
pub fn check(recurrence: &Recurrence, currency: Currency) -> Result<()> {
    let step = Step::of(recurrence.every, recurrence.unit)?;
    let not_applicable = |field: &str, reason: &str, zh: &str| {
        Error::new(&error::NOT_APPLICABLE).at(field).with_both("reason", reason, zh)
    };
    if let PeriodAlign::Day(day) = recurrence.align {
        if !(1..=31).contains(&day) {
            return Err(out_of_range(day, 1, 31).at("align"));
        }
        if matches!(step, Step::Days(_)) {
            return Err(not_applicable(
                "align",
                "days and weeks have no day of the month",
                "按日或按周的周期不能指定每月几日",
            ));
        }
    }
    if recurrence.proration == Proration::ThirtyDayMonths && matches!(step, Step::Days(_)) {
        return Err(not_applicable(
            "proration",
            "days and weeks are not counted in months",
            "按日或按周的周期不能每月按30天折算",
        ));
    }
    let by_days = matches!(recurrence.offset, None | Some(TermOffset::Days(_)));
    if recurrence.first_due.is_some() && recurrence.timing == RecurrenceTiming::Arrears && !by_days {
        return Err(not_applicable(
            "first_due",
            "the offset does not count calendar days",
            "偏移不是按日历天数计算",
        ));
    }
    check_price(recurrence.price, currency).map_err(|error| error.at("price"))?;
    let mut last: Option<Date> = None;
    for (index, revision) in recurrence.revisions.iter().enumerate() {
        let within = |error: Error| error.within(format!("revisions[{index}]"));
        check_price(revision.price, currency).map_err(|error| within(error.at("price")))?;
        follows(last, revision.from).map_err(within)?;
        last = Some(revision.from);
    }
    let mut last: Option<Date> = None;
    for (index, suspension) in recurrence.suspensions.iter().enumerate() {
        let within = |error: Error| error.within(format!("suspensions[{index}]"));
        follows(last, suspension.from).map_err(within)?;
        if let Some(until) = suspension.until.filter(|until| *until < suspension.from) {
            let (start, end) = (suspension.from, until);
            return Err(within(
                Error::new(&error::END_BEFORE_START).at("until").with("start", start).with("end", end),
            ));
        }
        last = Some(suspension.until.unwrap_or(date::DATE_MAX));
    }
    Ok(())
}

pub(crate) fn check_price(price: Amount, currency: Currency) -> Result<()> {
    if price.is_negative() {
        return Err(out_of_range(price, 0, Amount::from_scaled(i64::MAX)));
    }
    Money::new(price, currency).map(|_| ())
}

fn follows(last: Option<Date>, from: Date) -> Result<()> {
    match last.filter(|last| from <= *last) {
        Some(last) => Err(Error::new(&SPANS_OVERLAP).at("from").with("from", from).with("previous", last)),
        None => Ok(()),
    }
}

/// The offset of due dates when none is given: in arrears the day after a period, or its last day where periods follow
/// the calendar; in advance its first day.
pub fn default_offset(timing: RecurrenceTiming, align: PeriodAlign) -> TermOffset {
    let days = timing == RecurrenceTiming::Arrears && align != PeriodAlign::Calendar;
    TermOffset::Days(i32::from(days))
}

/// The last day of a period paid in arrears that is due on a day, for offsets in calendar days.
fn end_due_on(recurrence: &Recurrence, due: Date) -> Result<Date> {
    match recurrence.offset.unwrap_or_else(|| default_offset(recurrence.timing, recurrence.align)) {
        TermOffset::Days(days) => date::add_days(due, -i64::from(days)),
        TermOffset::WorkingDays(_) | TermOffset::Months(_) => Ok(due),
    }
}

/// The whole period that a date lies in, whether the contract has begun then or not.
///
/// # Errors
/// `OUT_OF_RANGE` at `every`, `DATE_OUT_OF_RANGE`, `OVERFLOW`; all functions below have these too.
pub fn period_at(recurrence: &Recurrence, start: Date, date: Date) -> Result<Period> {
    let grid = Grid::new(recurrence, start)?;
    grid.period(grid.index(date)?)
}

/// The whole period before the one that a date lies in: what is billed on that date in arrears.
///
/// # Errors
/// As [`period_at`].
pub fn period_before(recurrence: &Recurrence, start: Date, date: Date) -> Result<Period> {
    let grid = Grid::new(recurrence, start)?;
    grid.period(grid.index(date)? - 1)
}

/// The first day on or after a date that a period begins on.
///
/// # Errors
/// As [`period_at`].
pub fn first_boundary(recurrence: &Recurrence, start: Date, from: Date) -> Result<Date> {
    let grid = Grid::new(recurrence, start)?;
    let index = grid.index(from)?;
    let boundary = grid.boundary(index)?;
    if boundary == from { Ok(boundary) } else { grid.boundary(index + 1) }
}

/// The period that begins on `from`, cut to the term; none when the term has ended before.
///
/// `from` is the contract's first day or the day after a period.
///
/// # Errors
/// As [`period_at`]; `END_BEFORE_START` at `first_due` when that is before the first period could be due.
pub fn next_period(
    recurrence: &Recurrence,
    start: Date,
    end: Option<Date>,
    from: Date,
) -> Result<Option<Period>> {
    if end.is_some_and(|end| from > end) {
        return Ok(None);
    }
    let to = match recurrence.first_due.filter(|_| from == start) {
        None => period_at(recurrence, start, from)?.to,
        Some(due) => {
            let to = match recurrence.timing {
                RecurrenceTiming::Advance => period_at(recurrence, start, due)?.to,
                RecurrenceTiming::Arrears => end_due_on(recurrence, due)?,
            };
            if due < from || to < from {
                return Err(Error::new(&error::END_BEFORE_START)
                    .at("first_due")
                    .with("start", from)
                    .with("end", due));
            }
            to
        }
    };
    Ok(Some(Period { from, to: end.map_or(to, |end| to.min(end)) }))
}

/// The periods of a term that begin on or before `until`.
///
/// # Errors
/// As [`next_period`]; `OUT_OF_RANGE` at `until` for more than [`PERIODS_MAX`].
pub fn periods(recurrence: &Recurrence, start: Date, end: Option<Date>, until: Date) -> Result<Vec<Period>> {
    let mut found = Vec::new();
    let mut from = start;
    while from <= until {
        let Some(period) = next_period(recurrence, start, end, from)? else { break };
        if found.len() == PERIODS_MAX {
            return Err(out_of_range(until, start, period.to).at("until"));
        }
        found.push(period);
        if period.to == date::DATE_MAX {
            break;
        }
        from = date::add_days(period.to, 1)?;
    }
    Ok(found)
}

/// When a period is due.
///
/// # Errors
/// `DATE_OUT_OF_RANGE`; `UNKNOWN_CALENDAR_YEAR` when working days matter.
pub fn due(recurrence: &Recurrence, start: Date, period: Period, calendar: &Calendar) -> Result<Date> {
    let first = recurrence.first_due.filter(|_| period.from == start);
    let reached = match first {
        Some(due) => due,
        None => {
            let anchor = match recurrence.timing {
                RecurrenceTiming::Advance => period.from,
                RecurrenceTiming::Arrears => period.to,
            };
            let usual = || default_offset(recurrence.timing, recurrence.align);
            match recurrence.offset.unwrap_or_else(usual) {
                TermOffset::Days(days) => date::add_days(anchor, i64::from(days))?,
                TermOffset::WorkingDays(days) => calendar.add_working_days(anchor, days)?,
                TermOffset::Months(months) => date::add_months(anchor, months)?,
            }
        }
    };
    calendar.shift(reached, recurrence.shift)
}

/// When the period that begins on `from` is due; none when the term has ended before.
///
/// # Errors
/// As [`next_period`] and [`due`].
pub fn next_due(
    recurrence: &Recurrence,
    start: Date,
    end: Option<Date>,
    from: Date,
    calendar: &Calendar,
) -> Result<Option<Date>> {
    let period = next_period(recurrence, start, end, from)?;
    period.map(|period| due(recurrence, start, period, calendar)).transpose()
}

/// How far the periods of a term are billed by a day: in advance to the end of the period begun by then, in arrears to
/// the last one ended; the day after it, or none when there is nothing yet.
///
/// # Errors
/// As [`period_at`].
pub fn billed_until(
    recurrence: &Recurrence,
    start: Date,
    end_exclusive: Option<Date>,
    by: Date,
) -> Result<Option<Date>> {
    let grid = Grid::new(recurrence, start)?;
    let first = first_boundary(recurrence, start, start)?;
    let reached = match recurrence.timing {
        _ if by < start => None,
        RecurrenceTiming::Advance if by < first => Some(first),
        RecurrenceTiming::Advance => Some(grid.boundary(grid.index(by)? + 1)?),
        RecurrenceTiming::Arrears if end_exclusive.is_some_and(|end| end <= by) => end_exclusive,
        RecurrenceTiming::Arrears if by < first => None,
        RecurrenceTiming::Arrears => Some(grid.boundary(grid.index(by)?)?),
    };
    Ok(reached.map(|reached| end_exclusive.map_or(reached, |end| reached.min(end))))
}

/// Days of a span by a proration rule.
fn counted(proration: Proration, period: Period) -> Result<i64> {
    if proration != Proration::ThirtyDayMonths {
        return Ok(period.days());
    }
    let position = |date: Date| {
        i64::from(date.year()) * 360 + i64::from(date.month0()) * 30 + i64::from(date.day0().min(30))
    };
    Ok(position(date::add_days(period.to, 1)?) - position(period.from))
}

/// Days that a whole period has by a proration rule.
fn whole_days(recurrence: &Recurrence, whole: Period) -> Result<i64> {
    match (recurrence.proration, Step::of(recurrence.every, recurrence.unit)?) {
        (Proration::ThirtyDayMonths, Step::Months(months)) => Ok(i64::from(months) * 30),
        _ => Ok(whole.days()),
    }
}

/// The parts of a span of days by the periods that they lie in, each as a fraction of its whole period.
///
/// # Errors
/// As [`period_at`].
pub fn fractions(recurrence: &Recurrence, start: Date, span: Period) -> Result<Vec<Decimal>> {
    let grid = Grid::new(recurrence, start)?;
    let mut found = Vec::new();
    let (mut from, mut index) = (span.from, grid.index(span.from)?);
    loop {
        let whole = grid.period(index)?;
        let part = Period { from, to: span.to.min(whole.to) };
        found.push(if part == whole {
            Decimal::ONE
        } else {
            let (days, of) = (counted(recurrence.proration, part)?, whole_days(recurrence, whole)?);
            Decimal::from(days) / Decimal::from(of)
        });
        if span.to <= whole.to {
            return Ok(found);
        }
        from = date::add_days(whole.to, 1)?;
        index += 1;
    }
}

/// The days of a span over those of the one period that begins where the span does, for spans that a grid does not know.
///
/// # Errors
/// As [`moved`].
pub fn span_fraction(
    span: Period,
    every: u32,
    unit: RecurrenceUnit,
    proration: Proration,
) -> Result<Decimal> {
    let whole = Period { from: span.from, to: date::add_days(moved(span.from, every, unit, 1)?, -1)? };
    let of = match (proration, Step::of(every, unit)?) {
        (Proration::ThirtyDayMonths, Step::Months(months)) => i64::from(months) * 30,
        _ => whole.days(),
    };
    Ok(Decimal::from(counted(proration, span)?) / Decimal::from(of))
}

/// The price that holds on a day.
fn price_on(recurrence: &Recurrence, day: Date) -> Amount {
    let revised = recurrence.revisions.iter().rev().find(|revision| revision.from <= day);
    revised.map_or(recurrence.price, |revision| revision.price)
}

fn suspended_on(recurrence: &Recurrence, day: Date) -> bool {
    let covers =
        |suspension: &Suspension| suspension.from <= day && suspension.until.is_none_or(|until| day <= until);
    recurrence.suspensions.iter().any(covers)
}

/// What a period costs: price revisions, suspensions and the proration rule applied.
///
/// # Errors
/// As [`period_at`]; `TOO_MANY_DECIMALS` for a price finer than the currency.
pub fn charge(recurrence: &Recurrence, start: Date, period: Period, currency: Currency) -> Result<Money> {
    let grid = Grid::new(recurrence, start)?;
    let mut cuts: Vec<Date> = recurrence.revisions.iter().map(|revision| revision.from).collect();
    for suspension in &recurrence.suspensions {
        cuts.push(suspension.from);
        if let Some(until) = suspension.until.filter(|until| *until < date::DATE_MAX) {
            cuts.push(date::add_days(until, 1)?);
        }
    }
    cuts.sort_unstable();
    let mut sum = Decimal::ZERO;
    let (mut from, mut index) = (period.from, grid.index(period.from)?);
    loop {
        let whole = grid.period(index)?;
        let part = Period { from, to: period.to.min(whole.to) };
        sum += part_charge(recurrence, whole, part, &cuts)?;
        if period.to <= whole.to {
            return Money::rounded(sum, currency, Rounding::HalfUp);
        }
        from = date::add_days(whole.to, 1)?;
        index += 1;
    }
}

/// What the part of one whole period costs, unrounded; `cuts` are the days on which something changes.
fn part_charge(recurrence: &Recurrence, whole: Period, part: Period, cuts: &[Date]) -> Result<Decimal> {
    let mut stretches = Vec::new();
    let mut from = part.from;
    for cut in cuts.iter().filter(|cut| **cut > part.from && **cut <= part.to) {
        if *cut > from {
            stretches.push(Period { from, to: date::add_days(*cut, -1)? });
            from = *cut;
        }
    }
    stretches.push(Period { from, to: part.to });
    stretches.retain(|stretch| !suspended_on(recurrence, stretch.from));
    if recurrence.proration == Proration::None {
        let served = stretches.first();
        return Ok(served.map_or(Decimal::ZERO, |first| price_on(recurrence, first.from).value()));
    }
    let of = whole_days(recurrence, whole)?;
    let served: i64 = stretches.iter().map(|stretch| stretch.days()).sum();
    let prices = stretches.iter().map(|stretch| price_on(recurrence, stretch.from));
    // A whole period at one price costs that price, also where the rule counts its days otherwise.
    if let Some(price) = stretches.first().map(|first| price_on(recurrence, first.from))
        && served == whole.days()
        && prices.clone().all(|other| other == price)
    {
        return Ok(price.value());
    }
    let mut sum = 0_i128;
    let mut left = of;
    for (stretch, price) in stretches.iter().zip(prices) {
        // No more is charged than a whole period has, whatever the days of its months.
        let days = counted(recurrence.proration, *stretch)?.min(left);
        left -= days;
        sum += i128::from(price.to_scaled()) * i128::from(days);
    }
    let sum = Decimal::try_from_i128_with_scale(sum, Amount::SCALE);
    Ok(sum.map_err(|_| Error::new(&error::OVERFLOW))? / Decimal::from(of))
}

/// The charges of the periods of a term that begin on or before `until`; those that are suspended whole are left out.
///
/// # Errors
/// As [`periods`], [`charge`] and [`due`].
pub fn charges(
    recurrence: &Recurrence,
    term: Span,
    until: Date,
    currency: Currency,
    calendar: &Calendar,
) -> Result<Vec<Charge>> {
    let start = term.from;
    let mut found = Vec::new();
    for period in periods(recurrence, start, term.to, until)? {
        let amount = charge(recurrence, start, period, currency)?;
        if amount.is_positive() {
            found.push(Charge { period, amount, due: due(recurrence, start, period, calendar)? });
        }
    }
    Ok(found)
}

/// The part of an amount for a period that belongs to some of its days, by actual days, rounded half-up.
///
/// # Errors
/// `OUTSIDE_PERIOD` for days that are not of the period; `OVERFLOW`.
pub fn part_of(amount: Money, period: Period, part: Period) -> Result<Money> {
    if part.to < part.from || !period.contains(part.from) || !period.contains(part.to) {
        return Err(Error::new(&OUTSIDE_PERIOD)
            .with("from", part.from)
            .with("to", part.to)
            .with("first", period.from)
            .with("last", period.to));
    }
    if part == period {
        return Ok(amount);
    }
    let scaled = i128::from(amount.amount().to_scaled()) * i128::from(part.days());
    let scaled = Decimal::try_from_i128_with_scale(scaled, Amount::SCALE);
    let exact = scaled.map_err(|_| Error::new(&error::OVERFLOW))? / Decimal::from(period.days());
    Money::rounded(exact, amount.currency(), Rounding::HalfUp)
}

/// What is credited of a charge when nothing is served after `last_served`; nothing when that is its last day or later,
/// everything when it is before the first.
///
/// # Errors
/// As [`part_of`], `DATE_OUT_OF_RANGE`.
pub fn credit(charged: Money, period: Period, last_served: Date) -> Result<Money> {
    if last_served >= period.to {
        return Ok(Money::zero(charged.currency()));
    }
    let from = date::add_days(last_served, 1)?.max(period.from);
    part_of(charged, period, Period { from, to: period.to })
}

/// The tax that goes with credits of an amount without tax, in order: each rounded half-up, and whichever uses the
/// amount up takes the rest of its tax, so that no tax is left over or credited twice.
///
/// # Errors
/// `OUT_OF_RANGE` at `[i]` when more than the amount is credited; `CURRENCY_MISMATCH`, `OVERFLOW`.
pub fn credit_taxes(net: Money, tax: Money, tax_rate: Rate, credits: &[Money]) -> Result<Vec<Money>> {
    let (mut net_left, mut tax_left) = (net, tax);
    let mut taxes = Vec::with_capacity(credits.len());
    for (index, credit) in credits.iter().enumerate() {
        let rest = net_left.checked_sub(*credit)?;
        if rest.is_negative() || credit.is_negative() {
            return Err(out_of_range(credit.amount(), 0, net_left.amount()).at(format!("[{index}]")));
        }
        let tax = if rest.is_zero() { tax_left } else { credit.multiply(tax_rate, Rounding::HalfUp)? };
        let tax = if tax.compare(tax_left)?.is_gt() { tax_left } else { tax };
        taxes.push(tax);
        (net_left, tax_left) = (rest, tax_left.checked_sub(tax)?);
    }
    Ok(taxes)
}

#[cfg(test)]
#[path = "recurrence_tests.rs"]
mod tests;
