//! What is open of an installment, day by day and by the due date that it is owed by.
//!
//! The journal says it line by line. What is done today about a day before is booked as if it had been done on that day: what
//! has come since, under another due date, follows. So no report by date of effect shows less than nothing anywhere.

use std::collections::BTreeMap;

use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::Result;

/// An amount with its value in the ledger's currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Valued {
    /// The amount.
    pub amount: Amount,
    /// The same in the ledger's currency.
    pub home: Amount,
}

impl Valued {
    fn add(&mut self, other: Valued) -> Result<()> {
        self.amount = self.amount.checked_add(other.amount)?;
        self.home = self.home.checked_add(other.home)?;
        Ok(())
    }

    /// As much, taken away.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn negated(self) -> Result<Valued> {
        Ok(Valued { amount: self.amount.checked_neg()?, home: self.home.checked_neg()? })
    }

    fn is_zero(self) -> bool {
        self.amount.is_zero() && self.home.is_zero()
    }
}

/// A change of what is open, on a day, under a due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLine {
    /// From when it counts.
    pub date: Date,
    /// The due date.
    pub due: Option<Date>,
    /// How much.
    pub value: Valued,
}

/// A due date as of a day: the days after it go by it, until the next.
pub type DueSince = (Date, Option<Date>);

type ByDue = BTreeMap<Option<Date>, Valued>;

/// What is open at the end of a day, and what came on the days after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    from: Date,
    start: ByDue,
    later: BTreeMap<Date, ByDue>,
}

impl Standing {
    /// At the end of `from`: what is open `now` under `due`, less the lines of later days.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn unwound(
        from: Date,
        due: Option<Date>,
        now: Valued,
        later: impl IntoIterator<Item = OpenLine>,
    ) -> Result<Standing> {
        let mut standing = Standing { from, start: BTreeMap::from([(due, now)]), later: BTreeMap::new() };
        for line in later {
            standing.later.entry(line.date).or_default().entry(line.due).or_default().add(line.value)?;
            standing.start.entry(line.due).or_default().add(line.value.negated()?)?;
        }
        Ok(standing)
    }

    /// Of all lines there are.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn of(lines: impl IntoIterator<Item = OpenLine>) -> Result<Standing> {
        let mut later: BTreeMap<Date, ByDue> = BTreeMap::new();
        for line in lines {
            later.entry(line.date).or_default().entry(line.due).or_default().add(line.value)?;
        }
        let from = later.keys().next().copied().unwrap_or(crate::kernel::date::DATE_MIN);
        let start = later.remove(&from).unwrap_or_default();
        Ok(Standing { from, start, later })
    }

    /// The due dates in force, from the first day on; while nothing is open, the one before goes on.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn dues(&self) -> Result<Vec<DueSince>> {
        let mut open = self.start.clone();
        let mut dues: Vec<DueSince> = owed_by(&open).map(|due| (self.from, due)).into_iter().collect();
        for (day, sums) in &self.later {
            for (due, value) in sums {
                open.entry(*due).or_default().add(*value)?;
            }
            match (owed_by(&open), dues.last()) {
                (Some(due), Some((_, last))) if due != *last => dues.push((*day, due)),
                // What opens later was owed by that date before, as far as anybody knows.
                (Some(due), None) => dues.push((self.from, due)),
                _ => {}
            }
        }
        Ok(dues)
    }

    /// The first day since which so much is open, whatever the due date; for nothing, the first there is.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn since(&self, amount: Amount) -> Result<Date> {
        let mut open = Amount::checked_sum(self.start.values().map(|value| value.amount))?;
        let mut since = self.from;
        for (day, sums) in &self.later {
            let was_there = open >= amount;
            open = open.checked_add(Amount::checked_sum(sums.values().map(|value| value.amount))?)?;
            if !was_there && open >= amount {
                since = *day;
            }
        }
        // Days on which it was not there come after the one found, if it went and came back.
        Ok(since)
    }

    /// The lines that make all of it owed by another due date from the first day on.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn moved_to(&self, due: Option<Date>) -> Result<Vec<OpenLine>> {
        let mut lines = Vec::new();
        let days = std::iter::once((&self.from, &self.start)).chain(&self.later);
        for (date, sums) in days {
            for (old, value) in sums.iter().filter(|(old, value)| **old != due && !value.is_zero()) {
                lines.push(OpenLine { date: *date, due: *old, value: value.negated()? });
                lines.push(OpenLine { date: *date, due, value: *value });
            }
        }
        Ok(lines)
    }

    /// The lines of a change on a day: under the due date in force then, and moved along whenever that has changed since.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn changed(&self, day: Date, due: Option<Date>, value: Valued) -> Result<Vec<OpenLine>> {
        let mut dues = self.dues()?;
        if dues.last().is_none_or(|(_, last)| *last != due) {
            // Once nothing is open, a due date that is corrected leaves no line: it is in force since the last one.
            let last = self.later.keys().next_back().copied().filter(|_| !dues.is_empty());
            dues.push((last.unwrap_or(self.from), due));
        }
        let first = dues.iter().rposition(|(since, _)| *since <= day).unwrap_or(0);
        let mut lines = vec![OpenLine { date: day, due: dues[first].1, value }];
        for pair in dues[first..].windows(2) {
            let [(_, old), (date, new)] = *pair else { continue };
            lines.push(OpenLine { date, due: old, value: value.negated()? });
            lines.push(OpenLine { date, due: new, value });
        }
        Ok(lines)
    }
}

/// The due date under which something is open; the greatest part of it, where there is more than one.
fn owed_by(open: &ByDue) -> Option<Option<Date>> {
    let owed = open.iter().filter(|(_, value)| value.amount.is_positive());
    owed.max_by_key(|(due, value)| (value.amount, **due)).map(|(due, _)| *due)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::{add_days, parse_date};
    use proptest::prelude::*;

    fn day(days: i64) -> Date {
        add_days(parse_date("2026-01-01").unwrap(), days).unwrap()
    }

    fn value(amount: i64) -> Valued {
        let amount = Amount::from_scaled(amount);
        Valued { amount, home: amount }
    }

    fn line(at: i64, due: Option<i64>, amount: i64) -> OpenLine {
        OpenLine { date: day(at), due: due.map(day), value: value(amount) }
    }

    fn dues(standing: &Standing) -> Vec<(i64, Option<i64>)> {
        let number = |date: Date| crate::kernel::date::days_between(day(0), date);
        standing.dues().unwrap().into_iter().map(|(since, due)| (number(since), due.map(number))).collect()
    }

    #[test]
    fn due_dates_in_force() {
        type Case = (&'static [(i64, Option<i64>, i64)], &'static [(i64, Option<i64>)]);
        let table: &[Case] = &[
            (&[(0, Some(30), 10)], &[(0, Some(30))]),
            (&[(0, None, 10), (5, None, -10), (5, Some(15), 10)], &[(0, None), (5, Some(15))]),
            // Settled in between, and open again by the same date.
            (&[(0, Some(30), 10), (5, Some(30), -10), (9, Some(30), 10)], &[(0, Some(30))]),
            (&[(3, Some(30), 10), (3, Some(30), -10), (9, Some(40), 10)], &[(3, Some(40))]),
            (&[], &[]),
        ];
        for (lines, expected) in table {
            let lines = lines.iter().map(|(at, due, amount)| line(*at, *due, *amount));
            assert_eq!(dues(&Standing::of(lines).unwrap()), *expected);
        }
    }

    #[test]
    fn a_correction_is_booked_as_if_it_had_been_so() {
        // Owed without a date until day 20, then by day 30; a part was paid on day 25. It was to be due by day 12 since day 2.
        let later = [line(20, None, -10), line(20, Some(30), 10), line(25, Some(30), -4)];
        let standing = Standing::unwound(day(2), Some(day(30)), value(6), later).unwrap();
        assert_eq!(dues(&standing), [(2, None), (20, Some(30))]);
        let moved = standing.moved_to(Some(day(12))).unwrap();
        let expected = [
            line(2, None, -10),
            line(2, Some(12), 10),
            line(20, None, 10),
            line(20, Some(12), -10),
            line(20, Some(30), -10),
            line(20, Some(12), 10),
            line(25, Some(30), 4),
            line(25, Some(12), -4),
        ];
        assert_eq!(moved, expected);
        // Money of day 10 was settled while there was no date.
        let paid = standing.changed(day(10), Some(day(30)), value(-3)).unwrap();
        assert_eq!(paid, [line(10, None, -3), line(20, None, 3), line(20, Some(30), -3)]);
        assert_eq!(standing.since(Amount::from_scaled(6)).unwrap(), day(2));
    }

    proptest! {
        /// Whatever is moved and changed as of whatever day, nothing is below zero on any day under any due date.
        #[test]
        fn nothing_is_below_zero_anywhere(
            steps in proptest::collection::vec((0..5_u8, 0..30_i64, 0..40_i64, 1..100_i64), 1..14),
        ) {
            let (today, mut due, mut now) = (day(30), None, 0_i64);
            let mut lines: Vec<OpenLine> = Vec::new();
            for (kind, at, to, amount) in steps {
                let at = day(at);
                let later = lines.iter().copied().filter(|line| line.date > at);
                let standing = Standing::unwound(at, due, value(now), later)?;
                match kind {
                    0 | 1 => {
                        lines.extend(standing.changed(at, due, value(amount))?);
                        now += amount;
                    }
                    2 if now > 0 => {
                        let taken = amount.min(now);
                        let since = standing.since(Amount::from_scaled(taken))?;
                        lines.extend(standing.changed(since, due, value(-taken))?);
                        now -= taken;
                    }
                    3 => {
                        let new = (to > 5).then(|| day(to));
                        lines.extend(standing.moved_to(new)?);
                        due = new;
                    }
                    // Corrected from today on while nothing is open.
                    4 if now == 0 => due = (to > 5).then(|| day(to)),
                    _ => {}
                }
                for end in 0..=30 {
                    let mut sums: BTreeMap<Option<Date>, i64> = BTreeMap::new();
                    for line in lines.iter().filter(|line| line.date <= day(end)) {
                        *sums.entry(line.due).or_default() += line.value.amount.to_scaled();
                    }
                    prop_assert!(sums.values().all(|sum| *sum >= 0), "day {end}: {sums:?} {lines:?}");
                    if day(end) == today {
                        prop_assert_eq!(sums.get(&due).copied().unwrap_or_default(), now);
                    }
                }
            }
        }
    }
}
