#![allow(clippy::unwrap_used)]
use super::*;
use crate::areas::contract::model::PriceRevision;
use crate::kernel::calendar::Shift;
use crate::kernel::date::{add_days, parse_date};
use proptest::prelude::*;

fn day(text: &str) -> Date {
    parse_date(text).unwrap()
}

fn rule(unit: RecurrenceUnit, align: PeriodAlign, proration: Proration, price: &str) -> Recurrence {
    Recurrence {
        every: 1,
        unit,
        timing: RecurrenceTiming::Advance,
        align,
        proration,
        price: Amount::parse(price).unwrap(),
        offset: None,
        shift: Shift::None,
        first_due: None,
        revisions: Vec::new(),
        suspensions: Vec::new(),
    }
}

#[test]
fn charges_by_rule() {
    use PeriodAlign::{Calendar, Day, Start};
    use Proration::{ActualDays, None, ThirtyDayMonths};
    use RecurrenceUnit::{Month, Quarter, Week};
    for (unit, align, proration, price, from, to, expected) in [
        (Month, Start, ActualDays, "3100", "2026-01-31", "2026-03-30", &["3100", "3100"][..]),
        (Month, Calendar, ActualDays, "3100", "2026-01-17", "2026-02-14", &["1500", "1550"]),
        (Month, Calendar, ThirtyDayMonths, "3000", "2026-01-17", "2026-02-14", &["1400", "1400"]),
        // The 31st counts nothing, the last day of February up to the 30th.
        (Month, Calendar, ThirtyDayMonths, "3000", "2026-01-31", "2026-02-28", &["0", "3000"]),
        (Month, Calendar, ThirtyDayMonths, "3000", "2026-02-28", "2026-03-30", &["300", "3000"]),
        (Month, Calendar, None, "3000", "2026-01-31", "2026-02-01", &["3000", "3000"]),
        (Month, Day(31), ActualDays, "3100", "2026-02-10", "2026-03-30", &["1992.86", "3100"]),
        (Quarter, Calendar, ActualDays, "9000", "2026-03-31", "2026-06-30", &["100", "9000"]),
        (Week, Calendar, ActualDays, "700", "2026-03-06", "2026-03-09", &["300", "100"]),
    ] {
        let rule = rule(unit, align, proration, price);
        let found = periods(&rule, day(from), Some(day(to)), day(to)).unwrap();
        let found: Vec<String> = found
            .into_iter()
            .map(|period| charge(&rule, day(from), period, Currency::CNY).unwrap().amount().to_string())
            .collect();
        assert_eq!(found, expected, "{align:?} {proration} {from} to {to}");
    }
}

#[test]
fn refused() {
    let good = || rule(RecurrenceUnit::Month, PeriodAlign::Start, Proration::ActualDays, "100");
    let pause = |from: &str, until: Option<&str>| Suspension { from: day(from), until: until.map(day) };
    let revision = |from: &str| PriceRevision { from: day(from), price: Amount::ZERO };
    for (bad, code, field) in [
        (Recurrence { every: 0, ..good() }, &error::OUT_OF_RANGE, "every"),
        (Recurrence { every: EVERY_MAX + 1, ..good() }, &error::OUT_OF_RANGE, "every"),
        (Recurrence { price: Amount::from_scaled(-1), ..good() }, &error::OUT_OF_RANGE, "price"),
        (Recurrence { price: Amount::from_scaled(1), ..good() }, &error::TOO_MANY_DECIMALS, "price"),
        (Recurrence { align: PeriodAlign::Day(32), ..good() }, &error::OUT_OF_RANGE, "align"),
        (
            Recurrence { align: PeriodAlign::Day(1), unit: RecurrenceUnit::Week, ..good() },
            &error::NOT_APPLICABLE,
            "align",
        ),
        (
            Recurrence { proration: Proration::ThirtyDayMonths, unit: RecurrenceUnit::Day, ..good() },
            &error::NOT_APPLICABLE,
            "proration",
        ),
        (
            Recurrence { revisions: vec![revision("2026-02-01"), revision("2026-02-01")], ..good() },
            &SPANS_OVERLAP,
            "revisions[1].from",
        ),
        (
            Recurrence {
                suspensions: vec![pause("2026-02-01", Some("2026-02-10")), pause("2026-02-10", None)],
                ..good()
            },
            &SPANS_OVERLAP,
            "suspensions[1].from",
        ),
        (
            Recurrence { suspensions: vec![pause("2026-02-01", Some("2026-01-31"))], ..good() },
            &error::END_BEFORE_START,
            "suspensions[0].until",
        ),
    ] {
        let refused = check(&bad, Currency::CNY).unwrap_err();
        assert_eq!((refused.code(), refused.field()), (code, Some(field)), "{bad:?}");
    }
}

fn any_rule() -> impl Strategy<Value = Recurrence> {
    let align = prop_oneof![
        Just(PeriodAlign::Start),
        Just(PeriodAlign::Calendar),
        (1..=31_u32).prop_map(PeriodAlign::Day),
    ];
    (1..5_u32, 0..6_usize, align, 0..3_usize, 0..10_000_000_i64).prop_map(
        |(every, unit, align, proration, minor)| {
            let unit = RecurrenceUnit::ALL[unit];
            let by_days = matches!(unit, RecurrenceUnit::Day | RecurrenceUnit::Week);
            let align =
                if by_days && matches!(align, PeriodAlign::Day(_)) { PeriodAlign::Start } else { align };
            let proration = if by_days { Proration::ActualDays } else { Proration::ALL[proration] };
            Recurrence { every, price: Amount::from_scaled(minor * 100), ..rule(unit, align, proration, "0") }
        },
    )
}

proptest! {
    #[test]
    fn periods_cover_the_term_and_do_not_drift(rule in any_rule(), start in 0..40_000_i64, length in 0..900_i64) {
        let start = date::from_day_number(start)?;
        let end = add_days(start, length)?;
        let found = periods(&rule, start, Some(end), end)?;
        let mut next = start;
        for period in &found {
            prop_assert_eq!(period.from, next);
            prop_assert!(period.from <= period.to);
            let whole = period_at(&rule, start, period.from)?;
            prop_assert!(whole.from <= period.from && period.to <= whole.to);
            if let (PeriodAlign::Start, Step::Months(months)) = (rule.align, Step::of(rule.every, rule.unit)?) {
                let count = (whole.from.year() - start.year()) * 12 + whole.from.month().cast_signed()
                    - start.month().cast_signed();
                prop_assert_eq!(count % months, 0);
                prop_assert_eq!(date::add_months(start, count)?, whole.from);
            }
            next = add_days(period.to, 1)?;
        }
        prop_assert_eq!(next, add_days(end, 1)?);
    }

    #[test]
    fn a_charge_is_between_nothing_and_the_price(
        rule in any_rule(), start in 0..40_000_i64, length in 0..900_i64, pause in 0..900_i64, paused in 0..100_i64,
    ) {
        let start = date::from_day_number(start)?;
        let end = add_days(start, length)?;
        let price = Money::new(rule.price, Currency::CNY)?;
        let from = add_days(start, pause)?;
        let suspended = Recurrence {
            suspensions: vec![Suspension { from, until: Some(add_days(from, paused)?) }], ..rule.clone()
        };
        for period in periods(&rule, start, Some(end), end)? {
            let full = charge(&rule, start, period, Currency::CNY)?;
            let less = charge(&suspended, start, period, Currency::CNY)?;
            prop_assert!(!less.is_negative() && less.amount() <= full.amount() && full.amount() <= price.amount());
            if period == period_at(&rule, start, period.from)? {
                prop_assert_eq!(full, price);
            }
            if from <= period.from && period.to <= add_days(from, paused)? {
                prop_assert!(less.is_zero());
            }
            // What is credited and what was served are the charge.
            let last = add_days(period.from, period.days() / 2)?.min(period.to);
            let credited = credit(full, period, last)?;
            let served = part_of(full, period, Period { from: period.from, to: last })?;
            let off = credited.checked_add(served)?.checked_sub(full)?;
            prop_assert!(off.to_minor().abs() <= 1);
        }
    }
}
