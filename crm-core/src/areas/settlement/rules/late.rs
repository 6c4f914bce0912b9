//! Late charges (违约金): what an overdue amount costs, day by day.
//!
//! Simple interest: each day on what is open, at a daily rate, from the day after the due date and the days of grace on; the
//! day of payment counts, so that money due on the 1st and paid on the 11th is ten days late. Where a due date was moved,
//! each day goes by the one that was in force: what was late before stays late, and a moved date is not late anew. The sum
//! is rounded half-up to the minor unit once, and is never more than the cap. A charge that is out of proportion to the
//! loss can be lowered on request (PRC Civil Code article 585), so that it is a charge of its own, which can be waived by
//! itself.

use std::collections::BTreeMap;

use crate::areas::contract::LateTerms;
use crate::areas::contract::rules::standing::DueSince;
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;
use crate::kernel::rounding::{Rounding, ten_to};

/// Days through which one amount was open and late by one due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatePeriod {
    /// The due date in force.
    pub due: Date,
    /// The first day charged.
    pub from: Date,
    /// The last day charged.
    pub to: Date,
    /// How many days.
    pub days: i64,
    /// What was open.
    pub open: Amount,
    /// Its part of the charge; the parts sum to it.
    pub amount: Amount,
}

/// A late charge worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateCharge {
    /// By what was open.
    pub periods: Vec<LatePeriod>,
    /// The whole charge.
    pub amount: Amount,
    /// Whether the cap has cut it.
    pub capped: bool,
}

/// The charge on what stayed open after it was due, until `until`.
///
/// `dues` are the due dates in force, see [`Standing::dues`](crate::areas::contract::rules::standing::Standing::dues); `movements` the changes of what is open, by day, in any order; `whole`
/// is what the cap is a fraction of.
///
/// # Errors
/// `DATE_OUT_OF_RANGE`, `OVERFLOW`, `TOO_MANY_DECIMALS`.
pub fn charge(
    terms: &LateTerms,
    dues: &[DueSince],
    movements: &[(Date, Amount)],
    whole: Money,
    until: Date,
) -> Result<LateCharge> {
    // What is open, and by when it is due, goes through a day as it was at the end of the day before.
    let mut days: BTreeMap<Date, (Amount, Option<Option<Date>>)> = BTreeMap::new();
    for (day, amount) in movements {
        let (sum, _) = days.entry(*day).or_default();
        *sum = sum.checked_add(*amount)?;
    }
    for (day, due) in dues.iter().skip(1) {
        days.entry(*day).or_default().1 = Some(*due);
    }
    let mut periods: Vec<LatePeriod> = Vec::new();
    let (mut open, mut due) = (Amount::ZERO, dues.first().and_then(|(_, due)| *due));
    let mut from: Option<Date> = None;
    for (day, (amount, moved)) in days.into_iter().take_while(|(day, _)| *day < until) {
        if amount.is_zero() && moved.is_none() {
            continue;
        }
        if let Some(from) = from {
            periods.extend(period(terms, due, from, day, open)?);
        }
        from = Some(date::add_days(day, 1)?);
        open = open.checked_add(amount)?;
        due = moved.unwrap_or(due);
    }
    if let Some(from) = from {
        periods.extend(period(terms, due, from, until, open)?);
    }
    let currency = whole.currency();
    let exact = |period: &LatePeriod| {
        i128::from(period.open.to_scaled())
            .checked_mul(i128::from(terms.daily_rate.to_scaled()))
            .and_then(|product| product.checked_mul(i128::from(period.days)))
            .ok_or_else(|| Error::new(&error::OVERFLOW))
    };
    let parts = periods.iter().map(exact).collect::<Result<Vec<i128>>>()?;
    let sum = parts.iter().try_fold(0_i128, |sum, part| sum.checked_add(*part));
    let sum = sum.ok_or_else(|| Error::new(&error::OVERFLOW))?;
    let total = rounded(sum, currency)?;
    let cap = match terms.cap {
        Some(cap) => Some(whole.multiply(cap, Rounding::HalfUp)?),
        None => None,
    };
    let (total, capped) = match cap {
        Some(cap) if cap.amount() < total.amount() => (cap, true),
        _ => (total, false),
    };
    if total.is_positive() {
        let weights: Vec<rust_decimal::Decimal> = periods
            .iter()
            .map(|period| period.open.value().checked_mul(period.days.into()))
            .collect::<Option<_>>()
            .ok_or_else(|| Error::new(&error::OVERFLOW))?;
        for (period, part) in periods.iter_mut().zip(total.split(&weights)?) {
            period.amount = part.amount();
        }
    }
    Ok(LateCharge { periods, amount: total.amount(), capped })
}

/// The days from the first to the last that are late; none when none is, or nothing is open.
fn period(
    terms: &LateTerms,
    due: Option<Date>,
    first: Date,
    to: Date,
    open: Amount,
) -> Result<Option<LatePeriod>> {
    let Some(due) = due.filter(|_| open.is_positive()) else { return Ok(None) };
    let from = first.max(date::add_days(due, i64::from(terms.grace_days) + 1)?);
    let days = date::days_between(from, to) + 1;
    Ok((days > 0).then_some(LatePeriod { due, from, to, days, open, amount: Amount::ZERO }))
}

fn rounded(exact: i128, currency: Currency) -> Result<Money> {
    let places = Amount::SCALE + Rate::SCALE - u32::from(currency.minor_unit());
    let minor = Rounding::HalfUp.divide(exact, ten_to(places));
    Money::from_minor(i64::try_from(minor).map_err(|_| Error::new(&error::OVERFLOW))?, currency)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::areas::contract::rules::standing::{OpenLine, Standing, Valued};
    use crate::kernel::date::parse_date;
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    fn due(text: &str) -> Vec<DueSince> {
        vec![(day("2025-12-01"), Some(day(text)))]
    }

    /// The due dates in force after each was recorded for a day, in this order.
    fn due_dates(recorded: impl IntoIterator<Item = DueSince>) -> Vec<DueSince> {
        let whole = Amount::from_scaled(100_000_000);
        let value = Valued { amount: whole, home: whole };
        let (mut lines, mut now): (Vec<OpenLine>, Option<Option<Date>>) = (Vec::new(), None);
        for (date, due) in recorded {
            match now {
                None => lines.push(OpenLine { date, due, value }),
                Some(old) => {
                    let later = lines.iter().copied().filter(|line| line.date > date);
                    lines.extend(Standing::unwound(date, old, value, later).unwrap().moved_to(due).unwrap());
                }
            }
            now = Some(due);
        }
        Standing::of(lines).unwrap().dues().unwrap()
    }

    fn terms(rate: &str, grace_days: u32, cap: Option<&str>) -> LateTerms {
        let rate_of = |text: &str| Rate::parse(text).unwrap();
        LateTerms { daily_rate: rate_of(rate), grace_days, cap: cap.map(rate_of) }
    }

    #[test]
    fn by_days_open() {
        let all = [("2026-01-01", "10000")];
        let paid = [("2026-01-01", "10000"), ("2026-02-10", "-4000"), ("2026-02-20", "-6000")];
        for (movements, rate, grace, cap, until, amount, capped, periods) in [
            (&all[..], "0.0005", 0, None, "2026-01-31", "0", false, &[][..]),
            (&all, "0.0005", 0, None, "2026-02-01", "5", false, &[(1, "10000", "5")]),
            (&all, "0.0005", 0, None, "2026-03-03", "155", false, &[(31, "10000", "155")]),
            (&all, "0.0005", 5, None, "2026-02-05", "0", false, &[]),
            (&all, "0.0005", 5, None, "2026-02-10", "25", false, &[(5, "10000", "25")]),
            (&all, "0.0005", 0, Some("0.01"), "2026-03-03", "100", true, &[(31, "10000", "100")]),
            // Ten days on 10,000, ten on 6,000; nothing after the last payment.
            (&paid, "0.0005", 0, None, "2026-03-31", "80", false, &[(10, "10000", "50"), (10, "6000", "30")]),
            (
                &paid,
                "0.0003",
                0,
                None,
                "2026-02-11",
                "31.8",
                false,
                &[(10, "10000", "30"), (1, "6000", "1.8")],
            ),
        ] {
            let movements: Vec<_> =
                movements.iter().map(|(date, amount)| (day(date), Amount::parse(amount).unwrap())).collect();
            let whole = Money::parse("10000", Currency::CNY).unwrap();
            let found =
                charge(&terms(rate, grace, cap), &due("2026-01-31"), &movements, whole, day(until)).unwrap();
            assert_eq!((found.amount, found.capped), (Amount::parse(amount).unwrap(), capped), "{until}");
            let shown: Vec<_> =
                found.periods.iter().map(|period| (period.days, period.open, period.amount)).collect();
            let amount_of = |text: &str| Amount::parse(text).unwrap();
            let expected: Vec<_> =
                periods.iter().map(|(days, open, part)| (*days, amount_of(open), amount_of(part))).collect();
            assert_eq!(shown, expected, "{until}");
        }
    }

    #[test]
    fn each_day_goes_by_the_due_date_in_force() {
        let whole = Money::parse("10000", Currency::CNY).unwrap();
        let open = [(day("2026-01-01"), Amount::parse("10000").unwrap())];
        let on = |date: &str, due: &str| (day(date), (!due.is_empty()).then(|| day(due)));
        let first = on("2026-01-01", "2026-01-31");
        for (recorded, until, amount, days) in [
            // Ten days late, then given until 20 February, and late again from the 21st.
            (vec![first, on("2026-02-10", "2026-02-20")], "2026-02-20", "50", vec![10]),
            (vec![first, on("2026-02-10", "2026-02-20")], "2026-02-25", "75", vec![10, 5]),
            // A moved date that lies earlier makes no day late twice.
            (vec![first, on("2026-02-10", "2026-01-20")], "2026-02-15", "75", vec![10, 5]),
            // A correction that goes back to the beginning takes the days back.
            (vec![first, on("2026-01-01", "2026-02-20")], "2026-02-25", "25", vec![5]),
            // It also rules over what was recorded before for later days.
            (
                vec![first, on("2026-02-10", "2026-02-20"), on("2026-02-05", "2026-02-24")],
                "2026-02-25",
                "30",
                vec![5, 1],
            ),
            // Not due any more, and due again.
            (
                vec![first, on("2026-02-05", ""), on("2026-02-08", "2026-01-31")],
                "2026-02-10",
                "35",
                vec![5, 2],
            ),
            // Recorded again without a change.
            (vec![first, on("2026-02-05", "2026-01-31")], "2026-02-10", "50", vec![10]),
        ] {
            let dues = due_dates(recorded.clone());
            let found = charge(&terms("0.0005", 0, None), &dues, &open, whole, day(until)).unwrap();
            assert_eq!(found.amount, Amount::parse(amount).unwrap(), "{recorded:?} {until}");
            assert_eq!(
                found.periods.iter().map(|period| period.days).collect::<Vec<_>>(),
                days,
                "{recorded:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_was_late_before_a_due_date_moved_stays(
            moved in 20..60_i64, later in -30..60_i64, more in 0..40_i64, grace in 0..5_u32,
        ) {
            let start = day("2026-01-01");
            let on = |days| date::add_days(start, days);
            let terms = LateTerms { daily_rate: Rate::from_scaled(500), grace_days: grace, cap: None };
            let open = [(start, Amount::from_scaled(100_000_000))];
            let whole = Money::from_minor(1_000_000, Currency::CNY)?;
            let before = due_dates([(start, Some(on(10)?))]);
            let after = due_dates([(start, Some(on(10)?)), (on(moved)?, Some(on(moved + later)?))]);
            let kept = charge(&terms, &before, &open, whole, on(moved)?)?;
            let unmoved = charge(&terms, &before, &open, whole, on(moved + more)?)?;
            let found = charge(&terms, &after, &open, whole, on(moved + more)?)?;
            prop_assert!(found.amount >= kept.amount && found.amount <= unmoved.amount);
        }

        #[test]
        fn parts_sum_and_it_only_grows(
            payments in proptest::collection::vec((0..60_i64, 1..2_000_i64), 0..6),
            rate in 0..5_000_i64, grace in 0..10_u32, cap in proptest::option::of(0..300_000_i64),
            first in 0..80_i64, more in 0..20_i64,
        ) {
            let start = day("2026-01-01");
            let mut open = 1_000_000_i64;
            let mut movements = vec![(start, Amount::from_scaled(open * 100))];
            for (at, amount) in payments {
                let amount = amount.min(open) * 100;
                open -= amount / 100;
                movements.push((date::add_days(start, at)?, Amount::from_scaled(-amount)));
            }
            let terms = LateTerms {
                daily_rate: Rate::from_scaled(rate), grace_days: grace, cap: cap.map(Rate::from_scaled),
            };
            let whole = Money::from_minor(1_000_000, Currency::CNY)?;
            let at = |days| charge(&terms, &due("2026-01-10"), &movements, whole, date::add_days(start, days)?);
            let (one, two) = (at(first)?, at(first + more)?);
            prop_assert!(one.amount <= two.amount);
            for found in [one, two] {
                let parts = Amount::checked_sum(found.periods.iter().map(|period| period.amount))?;
                prop_assert_eq!(parts, found.amount);
            }
        }
    }
}
