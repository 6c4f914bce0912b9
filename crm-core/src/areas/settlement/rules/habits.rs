//! How late a customer pays, from what it has paid.
//!
//! An amount settled counts with the days from its due date to the day from which the money counts: above zero late, below
//! zero early. Days are weighted by amounts in the ledger's currency, so that a large invoice paid late is not hidden by
//! small ones paid early; it is the "average days delinquent" of credit management, over paid amounts. An advance counts
//! from the day on which it is used. What had no due date when it was settled tells nothing and is left out.
//!
//! What is taken back never happened: a reversal or a reallocation removes just the amounts that the receipt had settled
//! of the installment, with the days they had then, not the days of the reversal. Of what was settled before the window that
//! is looked at, nothing is there to be removed, and nothing is counted below zero.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::areas::contract::Contract;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::{Amount, Quantity, Rate};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::rounding::Rounding;

use super::progress::share;

/// Months of history that are looked at.
pub const MONTHS: i32 = 24;
/// The last days late of the buckets of a distribution; the first one is on time or early, one more has everything later.
pub const BOUNDS: [i64; 5] = [0, 7, 30, 60, 90];

/// A part of an installment settled, or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// The receipt that settles it, or is taken back.
    pub receipt: Uuid,
    /// The contract.
    pub contract: Id<Contract>,
    /// Its installment.
    pub installment: u32,
    /// When it was due.
    pub due: Option<Date>,
    /// From when the money counts.
    pub date: Date,
    /// How much, as it weighs: above zero settled, below zero taken back.
    pub amount: Amount,
}

/// An amount paid so many days late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// Days late; below zero when paid early.
    pub days: i64,
    /// How much, above zero.
    pub amount: Amount,
}

/// An installment and a receipt that settles it.
type Place = (Id<Contract>, u32, Uuid);

/// What was paid and not taken back, from movements in the order of posting.
///
/// # Errors
/// `OVERFLOW`.
pub fn paid(movements: impl IntoIterator<Item = Movement>) -> Result<Vec<Paid>> {
    let mut places: BTreeMap<Place, Vec<(Option<Date>, Date, Amount)>> = BTreeMap::new();
    for Movement { receipt, contract, installment, due, date, amount } in movements {
        let place = places.entry((contract, installment, receipt)).or_default();
        if amount.is_positive() {
            place.push((due, date, amount));
            continue;
        }
        let mut rest = amount.checked_neg()?;
        while let Some((.., settled)) = place.last_mut().filter(|_| rest.is_positive()) {
            let part = rest.min(*settled);
            rest = rest.checked_sub(part)?;
            *settled = settled.checked_sub(part)?;
            if settled.is_zero() {
                place.pop();
            }
        }
    }
    let dated = places.into_values().flatten().filter_map(|(due, date, amount)| {
        due.map(|due| Paid { days: date::days_between(due, date), amount })
    });
    Ok(dated.collect())
}

/// Payments added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Parts of installments paid.
    pub payments: i64,
    /// How much.
    pub amount: Amount,
    /// Amounts times days late, in parts of [`Amount::SCALE`] places.
    weighted: i128,
}

impl Sums {
    /// Adds a payment.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn add(&mut self, paid: Paid) -> Result<()> {
        self.payments += 1;
        self.amount = self.amount.checked_add(paid.amount)?;
        self.weighted += i128::from(paid.amount.to_scaled()) * i128::from(paid.days);
        Ok(())
    }

    /// The sums of payments.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn of<'p>(paid: impl IntoIterator<Item = &'p Paid>) -> Result<Sums> {
        let mut sums = Sums::default();
        paid.into_iter().try_for_each(|paid| sums.add(*paid))?;
        Ok(sums)
    }

    /// The mean of days late, weighted by amounts, half-up to two places; none without payments.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn mean(&self) -> Result<Option<Quantity>> {
        if !self.amount.is_positive() {
            return Ok(None);
        }
        let hundredths = Rounding::HalfUp.divide(self.weighted * 100, i128::from(self.amount.to_scaled()));
        let scaled = i64::try_from(hundredths * 10_000).map_err(|_| Error::new(&error::OVERFLOW))?;
        Ok(Some(Quantity::from_scaled(scaled)))
    }

    /// The mean of days late, weighted by amounts, half-up to whole days (half a day early is a day early); none without
    /// payments.
    pub fn days(&self) -> Option<i64> {
        let amount = i128::from(self.amount.to_scaled());
        (amount > 0).then(|| Rounding::HalfUp.divide(self.weighted, amount)).map(|days| {
            // Days lie between two dates that we compute with.
            i64::try_from(days).unwrap_or(0)
        })
    }
}

/// A bucket of days late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Parts of installments paid.
    pub payments: i64,
    /// How much.
    pub amount: Amount,
}

/// Payments by days late: up to each of [`BOUNDS`], and later.
///
/// # Errors
/// `OVERFLOW`.
pub fn distribution(paid: &[Paid]) -> Result<[Bucket; BOUNDS.len() + 1]> {
    let mut buckets = [Bucket::default(); BOUNDS.len() + 1];
    for one in paid {
        let bucket = &mut buckets[BOUNDS.iter().take_while(|bound| one.days > **bound).count()];
        bucket.payments += 1;
        bucket.amount = bucket.amount.checked_add(one.amount)?;
    }
    Ok(buckets)
}

/// The share of amounts that were paid on time, half-up to four places; none without payments.
///
/// # Errors
/// `OVERFLOW`.
pub fn on_time(paid: &[Paid]) -> Result<Option<Rate>> {
    let all = Sums::of(paid)?;
    share(Sums::of(paid.iter().filter(|one| one.days <= 0))?.amount, all.amount)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;

    fn moved(receipt: u128, installment: u32, due: Option<&str>, date: &str, amount: &str) -> Movement {
        let day = |text: &str| parse_date(text).unwrap();
        Movement {
            receipt: Uuid::from_u128(receipt),
            contract: Id::from_uuid(Uuid::from_u128(1)),
            installment,
            due: due.map(day),
            date: day(date),
            amount: Amount::parse(amount).unwrap(),
        }
    }

    /// Movements with what is known to come out: payments, their sum, the mean and whole days, the share on time.
    type Known<'a> = (&'a [Movement], i64, &'a str, Option<(&'a str, i64, &'a str)>);

    #[test]
    fn known_answers() {
        let due = Some("2026-03-31");
        // 1000 ten days late, 3000 two days early: (1000 × 10 − 3000 × 2) / 4000 = 1.
        let two = [moved(1, 1, due, "2026-04-10", "1000"), moved(2, 1, due, "2026-03-29", "3000")];
        // 100 of them 30 days late: (100 × 30 + 300 × 1) / 400 = 8.25.
        let uneven = [moved(1, 1, due, "2026-04-30", "100"), moved(2, 2, due, "2026-04-01", "300")];
        // One and no day late, as much of each: 0.5, which is a day; the same early.
        let half = [moved(1, 1, due, "2026-04-01", "5"), moved(2, 1, due, "2026-03-31", "5")];
        let early = [moved(1, 1, due, "2026-03-30", "5"), moved(2, 1, due, "2026-03-31", "5")];
        // Paid 10 days late, taken back 40 days later, paid again 60 days late: only the last one happened.
        let bounced = [
            moved(1, 1, due, "2026-04-10", "1000"),
            moved(1, 1, due, "2026-05-20", "-1000"),
            moved(2, 1, due, "2026-05-30", "1000"),
        ];
        // The due date was put off between payment and reversal; the payment of the other installment stays.
        let put_off = [
            moved(1, 1, due, "2026-04-10", "1000"),
            moved(1, 2, due, "2026-04-03", "10"),
            moved(1, 1, Some("2026-06-30"), "2026-05-20", "-1000"),
        ];
        // In two parts, of which half is taken back: the later part first.
        let parts = [
            moved(1, 1, due, "2026-04-01", "50"),
            moved(1, 1, due, "2026-04-11", "50"),
            moved(1, 1, due, "2026-04-12", "-60"),
        ];
        let before_window = [moved(1, 1, due, "2026-04-12", "-60")];
        let undated = [moved(1, 1, None, "2026-04-12", "60")];
        let known: &[Known<'_>] = &[
            (&two, 2, "4000", Some(("1", 1, "0.75"))),
            (&uneven, 2, "400", Some(("8.25", 8, "0"))),
            (&half, 2, "10", Some(("0.5", 1, "0.5"))),
            (&early, 2, "10", Some(("-0.5", -1, "1"))),
            (&bounced, 1, "1000", Some(("60", 60, "0"))),
            (&put_off, 1, "10", Some(("3", 3, "0"))),
            (&parts, 1, "40", Some(("1", 1, "0"))),
            (&before_window, 0, "0", None),
            (&undated, 0, "0", None),
            (&[], 0, "0", None),
        ];
        for (movements, payments, amount, means) in known {
            let paid = paid(movements.iter().copied()).unwrap();
            let sums = Sums::of(&paid).unwrap();
            assert_eq!((sums.payments, sums.amount), (*payments, Amount::parse(amount).unwrap()));
            let found = sums.mean().unwrap().zip(sums.days()).zip(on_time(&paid).unwrap());
            let expected = means.map(|(mean, days, share)| {
                ((Quantity::parse(mean).unwrap(), days), Rate::parse(share).unwrap())
            });
            assert_eq!(found, expected, "{movements:?}");
        }
    }

    #[test]
    fn edges_of_the_distribution() {
        let one = |days| Paid { days, amount: Amount::from_scaled(1) };
        let paid = [-3, 0, 1, 7, 8, 30, 31, 60, 61, 90, 91, 900].map(one);
        let found = distribution(&paid).unwrap().map(|bucket| bucket.payments);
        assert_eq!(found, [2, 2, 2, 2, 2, 2]);
    }
}
