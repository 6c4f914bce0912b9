//! Open amounts by days overdue (账龄).
//!
//! An amount is overdue from the day after its due date. The usual buckets are not due, 1–30, 31–60, 61–90 and over 90
//! days; what has no due date yet is kept apart.

use crate::kernel::date::{self, Date};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Error, Result};

/// The last days of the usual buckets; one more follows without an end.
pub const USUAL_BOUNDS: [u32; 3] = [30, 60, 90];
/// Most buckets.
pub const BOUNDS_MAX: usize = 20;

/// The bucket of an age in days: 0 for up to `bounds[0]` days, 1 for up to `bounds[1]`, and one more behind the last;
/// none for what lies in the future. Whoever ages by lateness asks only for what is late by a day or more.
pub fn bucket(age_days: i64, bounds: &[u32]) -> Option<usize> {
    (age_days >= 0).then(|| bounds.iter().take_while(|bound| age_days > i64::from(**bound)).count())
}

/// The due dates of a bucket as day numbers, see [`date::to_day_number`]: the first and the last, both included; none where
/// there is no end.
pub type DueDays = (Option<i64>, Option<i64>);

/// The due dates that are in each bucket on `as_of`: what is not overdue first, then the buckets of what is, as many as there
/// are bounds and one more.
pub fn due_days(as_of: Date, bounds: &[u32]) -> Vec<DueDays> {
    let as_of = date::to_day_number(as_of);
    let mut days = vec![(Some(as_of), None)];
    let mut last = as_of - 1;
    for bound in bounds {
        days.push((Some(as_of - i64::from(*bound)), Some(last)));
        last = as_of - i64::from(*bound) - 1;
    }
    days.push((None, Some(last)));
    days
}

/// Checks the last days of buckets: above zero and growing, at most [`BOUNDS_MAX`].
///
/// # Errors
/// `OUT_OF_RANGE` at `[i]`, or for the number of them.
pub fn check_bounds(bounds: &[u32]) -> Result<()> {
    let refused = |value: u64, min: u64, max: u64| {
        Error::new(&error::OUT_OF_RANGE).with("value", value).with("min", min).with("max", max)
    };
    if bounds.is_empty() || bounds.len() > BOUNDS_MAX {
        return Err(refused(bounds.len() as u64, 1, BOUNDS_MAX as u64));
    }
    let mut least = 1;
    for (index, bound) in bounds.iter().enumerate() {
        if u64::from(*bound) < least {
            return Err(refused(u64::from(*bound), least, u64::from(u32::MAX)).at(format!("[{index}]")));
        }
        least = u64::from(*bound) + 1;
    }
    Ok(())
}

/// Open amounts of one customer in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aged {
    /// All that is open.
    pub total: Amount,
    /// Of it, what has no due date yet.
    pub undated: Amount,
    /// Of it, what is not overdue.
    pub not_due: Amount,
    /// Of it, what is overdue, by bucket.
    pub overdue: Vec<Amount>,
}

impl Aged {
    /// Takes the place of what it was: what is open in all, and of it what is due on the days of each of [`due_days`].
    ///
    /// # Errors
    /// `OVERFLOW`; `INTERNAL` when there are too few sums.
    pub fn set(&mut self, total: Amount, sums: &[Amount]) -> Result<()> {
        let [not_due, overdue @ ..] = sums else {
            return Err(Error::new(&error::INTERNAL).with("what", "a report on aging has too few sums"));
        };
        self.undated = total.checked_sub(Amount::checked_sum(sums.iter().copied())?)?;
        (self.total, self.not_due) = (total, *not_due);
        self.overdue.clear();
        self.overdue.extend_from_slice(overdue);
        Ok(())
    }

    /// Nothing, in `bounds.len() + 1` buckets.
    pub fn zero(bounds: &[u32]) -> Aged {
        let overdue = vec![Amount::ZERO; bounds.len() + 1];
        Aged { total: Amount::ZERO, undated: Amount::ZERO, not_due: Amount::ZERO, overdue }
    }

    /// Adds an open amount due on `due`, as of `as_of`.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn add(&mut self, due: Option<Date>, open: Amount, as_of: Date, bounds: &[u32]) -> Result<()> {
        self.total = self.total.checked_add(open)?;
        let place = match due.map(|due| date::days_between(due, as_of)) {
            None => &mut self.undated,
            Some(late) if late <= 0 => &mut self.not_due,
            Some(late) => {
                let last = bounds.len();
                &mut self.overdue[bucket(late, bounds).unwrap_or(last)]
            }
        };
        *place = place.checked_add(open)?;
        Ok(())
    }

    /// Takes back an amount that was added to what is open after `as_of`, under the due date that it was added to. Whatever
    /// was opened, moved to another due date or settled since is so undone, and what is left is how things stood.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn take_back(&mut self, due: Option<Date>, since: Amount, as_of: Date, bounds: &[u32]) -> Result<()> {
        self.add(due, since.checked_neg()?, as_of, bounds)
    }

    /// Whether there is nothing in it.
    pub fn is_zero(&self) -> bool {
        [self.total, self.undated, self.not_due].iter().chain(&self.overdue).all(|amount| amount.is_zero())
    }

    /// Adds another's amounts.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn merge(&mut self, other: &Aged) -> Result<()> {
        self.total = self.total.checked_add(other.total)?;
        self.undated = self.undated.checked_add(other.undated)?;
        self.not_due = self.not_due.checked_add(other.not_due)?;
        for (sum, part) in self.overdue.iter_mut().zip(&other.overdue) {
            *sum = sum.checked_add(*part)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;
    use proptest::prelude::*;

    #[test]
    fn edges_of_the_usual_buckets() {
        let as_of = parse_date("2026-04-30").unwrap();
        for (due, place) in [
            (None, "undated"),
            (Some("2026-05-01"), "not due"),
            (Some("2026-04-30"), "not due"),
            (Some("2026-04-29"), "0"),
            (Some("2026-03-31"), "0"),
            (Some("2026-03-30"), "1"),
            (Some("2026-03-01"), "1"),
            (Some("2026-02-28"), "2"),
            (Some("2026-01-30"), "2"),
            (Some("2026-01-29"), "3"),
            (Some("2020-01-01"), "3"),
        ] {
            let mut aged = Aged::zero(&USUAL_BOUNDS);
            let one = Amount::from_scaled(1);
            aged.add(due.map(|due| parse_date(due).unwrap()), one, as_of, &USUAL_BOUNDS).unwrap();
            let found = if aged.undated == one {
                "undated".to_owned()
            } else if aged.not_due == one {
                "not due".to_owned()
            } else {
                aged.overdue.iter().position(|bucket| *bucket == one).unwrap().to_string()
            };
            assert_eq!(found, place, "{due:?}");
        }
        for (bounds, good) in
            [(&[30, 60][..], true), (&[1], true), (&[], false), (&[0], false), (&[30, 30], false)]
        {
            assert_eq!(check_bounds(bounds).is_ok(), good, "{bounds:?}");
        }
    }

    #[test]
    fn what_came_since_is_undone() {
        let as_of = parse_date("2026-04-30").unwrap();
        let day = |text: &str| Some(parse_date(text).unwrap());
        let amount = |text: &str| Amount::parse(text).unwrap();
        // Now 40 are open, due on 31 May. Since the day 60 of them were paid, they were due on 20 April until they were put
        // off, and 10 were added.
        let mut aged = Aged::zero(&USUAL_BOUNDS);
        aged.add(day("2026-05-31"), amount("40"), as_of, &USUAL_BOUNDS).unwrap();
        for (due, since) in
            [("2026-05-31", "-60"), ("2026-05-31", "90"), ("2026-04-20", "-90"), ("2026-05-31", "10")]
        {
            aged.take_back(day(due), amount(since), as_of, &USUAL_BOUNDS).unwrap();
        }
        assert_eq!((aged.total, aged.not_due, aged.overdue[0]), (amount("90"), Amount::ZERO, amount("90")));
        aged.take_back(day("2026-04-20"), amount("90"), as_of, &USUAL_BOUNDS).unwrap();
        assert!(aged.is_zero());
    }

    proptest! {
        #[test]
        fn due_days_are_those_of_the_buckets(due in 20_000..22_000_i64, first in 1..500_u32, second in 501..9_000_u32) {
            let as_of = date::from_day_number(21_000).unwrap();
            let bounds = [first, second];
            let within = |(first, last): &DueDays| {
                first.is_none_or(|first| first <= due) && last.is_none_or(|last| due <= last)
            };
            let found: Vec<usize> =
                due_days(as_of, &bounds).iter().enumerate().filter(|(_, days)| within(days)).map(|(at, _)| at).collect();
            let mut aged = Aged::zero(&bounds);
            aged.add(Some(date::from_day_number(due).unwrap()), Amount::from_scaled(1), as_of, &bounds)?;
            let places = [&[aged.not_due][..], &aged.overdue].concat();
            let expected = places.iter().position(|amount| amount.is_positive());
            prop_assert_eq!(found, Vec::from_iter(expected));
        }

        #[test]
        fn buckets_sum_to_the_total(
            items in proptest::collection::vec((proptest::option::of(0..2_000_i64), 1..1_000_000_i64), 0..30),
        ) {
            let as_of = date::from_day_number(21_000).unwrap();
            let mut aged = Aged::zero(&USUAL_BOUNDS);
            for (due, open) in items {
                let due = due.map(|day| date::from_day_number(20_000 + day).unwrap());
                aged.add(due, Amount::from_scaled(open), as_of, &USUAL_BOUNDS)?;
            }
            let parts = aged.overdue.iter().chain([&aged.undated, &aged.not_due]).copied();
            prop_assert_eq!(Amount::checked_sum(parts)?, aged.total);
        }
    }
}
