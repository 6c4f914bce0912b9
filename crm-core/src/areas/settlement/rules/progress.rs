//! How far a contract is settled, and what to ask for next.

use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::Result;
use crate::kernel::rounding::Rounding;

crate::coded! {
    /// How far an installment is paid.
    pub enum PaymentState {
        /// Nothing yet.
        Unpaid = 1, "unpaid", "未付";
        /// A part.
        PartlyPaid = 2, "partly_paid", "部分付款";
        /// All that is owed.
        Paid = 3, "paid", "已付清";
        /// Nothing was paid, and nothing is owed any more: cancelled or written off.
        NothingOwed = 4, "nothing_owed", "无需付款";
    }
}

/// How far something is paid: nothing, a part, or all of what is owed.
pub fn payment_state(settled: Amount, outstanding: Amount) -> PaymentState {
    if !outstanding.is_positive() {
        if settled.is_positive() { PaymentState::Paid } else { PaymentState::NothingOwed }
    } else if settled.is_positive() {
        PaymentState::PartlyPaid
    } else {
        PaymentState::Unpaid
    }
}

/// A part of a whole as a fraction, rounded half-up to four places (hundredths of a percent). It is 1 only for the whole
/// and 0 only for nothing; none when the whole is nothing.
///
/// # Errors
/// `OVERFLOW`.
pub fn share(part: Amount, whole: Amount) -> Result<Option<Rate>> {
    if !whole.is_positive() {
        return Ok(None);
    }
    if part.is_zero() || part == whole {
        return Ok(Some(Rate::from_scaled(if part.is_zero() { 0 } else { ONE })));
    }
    let places =
        Rounding::HalfUp.divide(i128::from(part.to_scaled()) * 10_000, i128::from(whole.to_scaled()));
    let places = i64::try_from(places.clamp(1, 9_999)).unwrap_or(1);
    Ok(Some(Rate::from_scaled(places * (ONE / 10_000))))
}

const ONE: i64 = 1_000_000;

/// An installment as progress sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// How much in all.
    pub amount: Amount,
    /// How much has been settled.
    pub settled: Amount,
    /// How much is no longer owed.
    pub cancelled: Amount,
    /// How much was given up: for paying early, by agreement, or because it was too small for a coin.
    pub discounted: Amount,
    /// How much was closed without money.
    pub written_off: Amount,
    /// When it is due.
    pub due: Option<Date>,
}

impl Item {
    /// What is still to be paid: not settled, cancelled, discounted or written off.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn outstanding(&self) -> Result<Amount> {
        self.payable()?.checked_sub(self.settled)
    }

    /// What was or is to be paid.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn payable(&self) -> Result<Amount> {
        let gone = [self.cancelled, self.discounted, self.written_off];
        self.amount.checked_sub(Amount::checked_sum(gone)?)
    }
}

/// Sums over the installments of a contract on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The whole.
    pub amount: Amount,
    /// Settled.
    pub settled: Amount,
    /// No longer owed.
    pub cancelled: Amount,
    /// Given up: for early payment, by agreement, or for a missing coin.
    pub discounted: Amount,
    /// Closed without money.
    pub written_off: Amount,
    /// Outstanding.
    pub open: Amount,
    /// What was to be settled by that day, that day included; what need not be paid left out.
    pub due: Amount,
    /// Outstanding of what was due before that day.
    pub overdue: Amount,
    /// Outstanding without a due date.
    pub undated: Amount,
}

/// The sums over `items` on `day`.
///
/// # Errors
/// `OVERFLOW`.
pub fn progress(items: &[Item], day: Date) -> Result<Progress> {
    let mut sums = Progress::default();
    let add = |sum: &mut Amount, part: Amount| sum.checked_add(part).map(|total| *sum = total);
    for item in items {
        let outstanding = item.outstanding()?;
        add(&mut sums.amount, item.amount)?;
        add(&mut sums.settled, item.settled)?;
        add(&mut sums.cancelled, item.cancelled)?;
        add(&mut sums.discounted, item.discounted)?;
        add(&mut sums.written_off, item.written_off)?;
        add(&mut sums.open, outstanding)?;
        match item.due {
            None => add(&mut sums.undated, outstanding)?,
            Some(due) => {
                if due <= day {
                    add(&mut sums.due, item.payable()?)?;
                }
                if due < day {
                    add(&mut sums.overdue, outstanding)?;
                }
            }
        }
    }
    Ok(sums)
}

/// What to ask for on `day`: everything overdue, or else what is outstanding of the installments due next, on one day.
///
/// Returns whether it is overdue, and the amount; nothing when no dated installment is outstanding.
///
/// # Errors
/// `OVERFLOW`.
pub fn next_amount(items: &[Item], day: Date) -> Result<Option<(bool, Amount)>> {
    let mut overdue = Amount::ZERO;
    let mut next: Option<(Date, Amount)> = None;
    for item in items {
        let outstanding = item.outstanding()?;
        let Some(due) = item.due.filter(|_| outstanding.is_positive()) else { continue };
        if due < day {
            overdue = overdue.checked_add(outstanding)?;
        } else {
            next = Some(match next {
                Some((earliest, sum)) if earliest < due => (earliest, sum),
                Some((earliest, sum)) if earliest == due => (due, sum.checked_add(outstanding)?),
                _ => (due, outstanding),
            });
        }
    }
    if overdue.is_positive() {
        return Ok(Some((true, overdue)));
    }
    Ok(next.map(|(_, amount)| (false, amount)))
}

/// What a customer owes: what is open, less what was paid in advance.
///
/// # Errors
/// `OVERFLOW`.
pub fn balance(
    open: impl IntoIterator<Item = Amount>,
    advances: impl IntoIterator<Item = Amount>,
) -> Result<Amount> {
    Amount::checked_sum(open)?.checked_sub(Amount::checked_sum(advances)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn shares() {
        for (part, whole, expected) in [
            ("0", "3", Some("0")),
            ("1", "3", Some("0.3333")),
            ("2", "3", Some("0.6667")),
            ("3", "3", Some("1")),
            ("99999.99", "100000", Some("0.9999")),
            ("0.01", "100000", Some("0.0001")),
            ("0", "0", None),
        ] {
            let expected = expected.map(|expected| Rate::parse(expected).unwrap());
            assert_eq!(share(amount(part), amount(whole)).unwrap(), expected, "{part} of {whole}");
        }
    }

    #[test]
    fn sums_and_what_is_next() {
        let item = |all: &str, settled: &str, cancelled: &str, due: Option<&str>| Item {
            amount: amount(all),
            settled: amount(settled),
            cancelled: amount(cancelled),
            discounted: Amount::ZERO,
            written_off: Amount::ZERO,
            due: due.map(|due| parse_date(due).unwrap()),
        };
        let items = [
            item("100", "100", "0", Some("2026-01-31")),
            item("200", "50", "0", Some("2026-02-28")),
            item("300", "0", "0", Some("2026-03-31")),
            item("400", "0", "0", None),
            item("50", "10", "40", Some("2026-01-31")),
        ];
        for (day, due, overdue, next) in [
            ("2026-01-30", "0", "0", Some((false, "150"))),
            ("2026-01-31", "110", "0", Some((false, "150"))),
            ("2026-02-28", "310", "0", Some((false, "150"))),
            ("2026-03-01", "310", "150", Some((true, "150"))),
            ("2026-04-01", "610", "450", Some((true, "450"))),
        ] {
            let day = parse_date(day).unwrap();
            let expected = Progress {
                amount: amount("1050"),
                settled: amount("160"),
                cancelled: amount("40"),
                discounted: Amount::ZERO,
                written_off: Amount::ZERO,
                open: amount("850"),
                due: amount(due),
                overdue: amount(overdue),
                undated: amount("400"),
            };
            assert_eq!(progress(&items, day), Ok(expected), "{day}");
            assert_eq!(next_amount(&items, day), Ok(next.map(|(late, next)| (late, amount(next)))), "{day}");
        }
        // 100 of which 2 were given up and 30 written off: 98 − 30 were to be paid, 20 of them are.
        let closed = Item {
            discounted: amount("2"),
            written_off: amount("30"),
            ..item("100", "20", "0", Some("2026-01-31"))
        };
        let sums = progress(&[closed], parse_date("2026-02-01").unwrap()).unwrap();
        assert_eq!((sums.open, sums.due, sums.overdue), (amount("48"), amount("68"), amount("48")));
        assert_eq!((sums.discounted, sums.written_off), (amount("2"), amount("30")));
        assert_eq!(next_amount(&items[3..], parse_date("2026-04-01").unwrap()), Ok(None));
        for (settled, open, state) in [
            ("0", "10", PaymentState::Unpaid),
            ("1", "9", PaymentState::PartlyPaid),
            ("10", "0", PaymentState::Paid),
            ("0", "0", PaymentState::NothingOwed),
        ] {
            assert_eq!(payment_state(amount(settled), amount(open)), state);
        }
        assert_eq!(balance([amount("17"), amount("42")], [amount("48")]), Ok(amount("11")));
    }
}
