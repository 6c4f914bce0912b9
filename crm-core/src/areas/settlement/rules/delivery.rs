//! What of a contract was delivered by a day, and what was to be delivered by then.
//!
//! Both are gross amounts of the contract, so that they compare: a part delivered counts with the amount it was recorded
//! with (a fraction was rounded half-up to the minor unit then), the last delivery makes it the whole, and parts never
//! count beyond that. Planned is by the days on which terms that wait for a delivery expect it: such a term says when its
//! contract lines are delivered, or without lines everything that no other term names; of several days the last counts.

use std::collections::BTreeMap;

use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::Result;

/// A partial delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartDelivered {
    /// When.
    pub date: Date,
    /// The gross amount delivered.
    pub amount: Amount,
}

/// What was delivered by a day, that day included.
///
/// # Errors
/// `OVERFLOW`.
pub fn delivered(parts: &[PartDelivered], last: Option<Date>, whole: Amount, day: Date) -> Result<Amount> {
    if last.is_some_and(|last| last <= day) {
        return Ok(whole);
    }
    let until = parts.iter().filter(|part| part.date <= day);
    Ok(Amount::checked_sum(until.map(|part| part.amount))?.min(whole))
}

/// A term that waits for a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryTerm<'t> {
    /// The contract lines that it is of; none for all that no other names.
    pub lines: &'t [u32],
    /// When the delivery is expected.
    pub expected: Option<Date>,
}

/// What was to be delivered by a day, that day included, of a contract with these lines (position and gross); none when
/// no term expects a delivery on a day.
///
/// # Errors
/// `OVERFLOW`.
pub fn planned(
    terms: &[DeliveryTerm<'_>],
    lines: &[(u32, Amount)],
    whole: Amount,
    day: Date,
) -> Result<Option<Amount>> {
    let mut general: Option<Date> = None;
    let mut days: BTreeMap<u32, Date> = BTreeMap::new();
    for term in terms {
        let Some(expected) = term.expected else { continue };
        if term.lines.is_empty() {
            general = general.max(Some(expected));
        }
        for line in term.lines {
            let last = days.entry(*line).or_insert(expected);
            *last = expected.max(*last);
        }
    }
    if general.is_none() && days.is_empty() {
        return Ok(None);
    }
    let reached = |on: Option<Date>| on.is_some_and(|on| on <= day);
    if days.is_empty() {
        return Ok(Some(if reached(general) { whole } else { Amount::ZERO }));
    }
    let due = lines.iter().filter(|(line, _)| reached(days.get(line).copied().or(general)));
    Amount::checked_sum(due.map(|(_, gross)| *gross)).map(Some)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    fn day(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    #[test]
    fn what_was_delivered() {
        let part = |date, of| PartDelivered { date: day(date), amount: amount(of) };
        let twice = [
            part("2026-01-10", "30"),
            part("2026-01-10", "30"),
            part("2026-02-10", "20"),
            part("2026-02-10", "20"),
        ];
        for (parts, last, on, expected) in [
            (&twice[..0], None, "2026-03-01", "0"),
            (&twice[..1], None, "2026-01-09", "0"),
            (&twice[..1], None, "2026-01-10", "30"),
            (&twice[..2], None, "2026-01-10", "60"),
            (&twice[..3], None, "2026-01-10", "60"),
            (&twice, None, "2026-02-09", "60"),
            (&twice, None, "2026-02-10", "100"),
            (&twice, Some("2026-03-01"), "2026-02-09", "60"),
            (&twice[..2], Some("2026-03-01"), "2026-03-01", "100"),
        ] {
            let found = delivered(parts, last.map(day), amount("100"), day(on)).unwrap();
            assert_eq!(found, amount(expected), "{} parts, {last:?}, {on}", parts.len());
        }
        // More than the whole cannot have been delivered.
        assert_eq!(delivered(&twice, None, amount("90"), day("2026-02-10")), Ok(amount("90")));
    }

    #[test]
    fn what_was_planned() {
        let term = |lines, expected: Option<&str>| DeliveryTerm { lines, expected: expected.map(day) };
        let lines = [(1, amount("60")), (2, amount("40"))];
        let all = [term(&[], Some("2026-02-01")), term(&[], Some("2026-03-01")), term(&[], None)];
        let split = [term(&[1], Some("2026-02-01")), term(&[2], None)];
        let rest = [term(&[1], Some("2026-02-01")), term(&[], Some("2026-03-01"))];
        for (terms, on, expected) in [
            (&all[2..], "2026-12-31", None),
            (&all[..1], "2026-02-01", Some("100")),
            (&all, "2026-02-28", Some("0")),
            (&all, "2026-03-01", Some("100")),
            (&split, "2026-01-31", Some("0")),
            (&split, "2026-12-31", Some("60")),
            (&rest, "2026-02-01", Some("60")),
            (&rest, "2026-03-01", Some("100")),
        ] {
            let found = planned(terms, &lines, amount("100"), day(on)).unwrap();
            assert_eq!(found, expected.map(amount), "{terms:?} {on}");
        }
    }
}
