//! Which installments a receipt settles, and the equation of a receipt.
//!
//! Where the payer does not say, the debt due first is settled first (PRC Civil Code article 560, in part); what has no due
//! date yet comes last, and equal dates go by contract and position, oldest contract first.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use super::{ABOVE_OPEN, ABOVE_RECEIPT};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;

/// An installment that money can be allocated to. `K` names it, and breaks ties between equal dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenItem<K> {
    /// Which one.
    pub key: K,
    /// When it is due.
    pub due: Option<Date>,
    /// What is open of it.
    pub open: Amount,
}

/// The order in which items are settled: by due date, undated ones last, then by key.
pub fn due_order<K: Ord>(one: &OpenItem<K>, other: &OpenItem<K>) -> Ordering {
    (one.due.is_none(), one.due, &one.key).cmp(&(other.due.is_none(), other.due, &other.key))
}

/// Spreads `available` over the items, due first. Returns what each item gets, by its position, in the order of
/// settling, and what is left. Items that get nothing are left out.
///
/// # Errors
/// `OVERFLOW`.
pub fn first_due<K: Ord>(items: &[OpenItem<K>], available: Amount) -> Result<(Vec<(usize, Amount)>, Amount)> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|one, other| due_order(&items[*one], &items[*other]));
    let (mut left, mut taken) = (available, Vec::new());
    for position in order {
        let part = items[position].open.min(left);
        if part.is_positive() {
            left = left.checked_sub(part)?;
            taken.push((position, part));
        }
    }
    Ok((taken, left))
}

/// Spreads `available` over the items in proportion to what is open of each, in minor units of `currency` and exactly;
/// all of them are settled when there is enough. Returns what each item gets, by its position, and what is left.
///
/// # Errors
/// `OVERFLOW`, `TOO_MANY_DECIMALS`.
pub fn proportional<K>(
    items: &[OpenItem<K>],
    available: Amount,
    currency: Currency,
) -> Result<(Vec<(usize, Amount)>, Amount)> {
    let open = Amount::checked_sum(items.iter().map(|item| item.open))?;
    let spent = available.min(open);
    if !spent.is_positive() {
        return Ok((Vec::new(), available));
    }
    let weights: Vec<Decimal> = items.iter().map(|item| item.open.value()).collect();
    let parts = Money::new(spent, currency)?.split(&weights)?;
    let taken = parts.into_iter().map(Money::amount).enumerate().filter(|(_, part)| part.is_positive());
    Ok((taken.collect(), available.checked_sub(spent)?))
}

/// Takes `amount` from what is open of one item and from what is available; returns both after it.
///
/// # Errors
/// `OUT_OF_RANGE` for an amount that is not above zero, `ABOVE_OPEN`, `ABOVE_RECEIPT`.
pub fn as_told(open: Amount, available: Amount, amount: Amount) -> Result<(Amount, Amount)> {
    if !amount.is_positive() {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .with("value", amount)
            .with("min", Amount::from_scaled(1))
            .with("max", open));
    }
    if amount > open {
        return Err(Error::new(&ABOVE_OPEN).with("amount", amount).with("open", open));
    }
    if amount > available {
        return Err(Error::new(&ABOVE_RECEIPT).with("amount", amount).with("available", available));
    }
    Ok((open.checked_sub(amount)?, available.checked_sub(amount)?))
}

/// The equation of a receipt: `amount = allocated + advance + refunded`, all of one sign; what was rounded up is no part of
/// the amount here.
///
/// # Errors
/// `INTERNAL` when it does not hold.
pub fn check_receipt(amount: Amount, allocated: Amount, advance: Amount, refunded: Amount) -> Result<()> {
    let parts = [allocated, advance, refunded];
    let wrong = |part: &Amount| if amount.is_negative() { part.is_positive() } else { part.is_negative() };
    if !parts.iter().any(wrong) && Amount::checked_sum(parts)? == amount {
        return Ok(());
    }
    let what = format!(
        "a receipt of {amount} has {allocated} allocated, {advance} in advance and {refunded} refunded"
    );
    Err(Error::new(&error::INTERNAL).with("what", what))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn due_first() {
        let items: Vec<OpenItem<u32>> = [
            (1, None, "100"),
            (2, Some("2026-03-31"), "50"),
            (4, Some("2026-01-31"), "30"),
            (3, Some("2026-01-31"), "20"),
        ]
        .map(|(key, due, open)| OpenItem {
            key,
            due: due.map(|due| parse_date(due).unwrap()),
            open: amount(open),
        })
        .to_vec();
        for (available, expected, left) in [
            ("0", &[][..], "0"),
            ("10", &[(3, "10")], "0"),
            ("20", &[(3, "20")], "0"),
            ("60", &[(3, "20"), (2, "30"), (1, "10")], "0"),
            ("150", &[(3, "20"), (2, "30"), (1, "50"), (0, "50")], "0"),
            ("250", &[(3, "20"), (2, "30"), (1, "50"), (0, "100")], "50"),
        ] {
            let expected: Vec<_> = expected.iter().map(|(at, part)| (*at, amount(part))).collect();
            assert_eq!(first_due(&items, amount(available)), Ok((expected, amount(left))), "{available}");
        }
    }

    #[test]
    fn told() {
        assert_eq!(as_told(amount("10"), amount("7"), amount("7")), Ok((amount("3"), amount("0"))));
        for (open, available, told, code) in [
            ("10", "10", "0", &error::OUT_OF_RANGE),
            ("10", "10", "-1", &error::OUT_OF_RANGE),
            ("10", "20", "10.01", &ABOVE_OPEN),
            ("20", "10", "10.01", &ABOVE_RECEIPT),
        ] {
            let refused = as_told(amount(open), amount(available), amount(told)).unwrap_err();
            assert_eq!(refused.code(), code, "{told} of {open}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_overdrawn(
            open in proptest::collection::vec((1..1_000_000_i64, proptest::option::of(0..500_i64)), 0..12),
            available in 0..5_000_000_i64,
        ) {
            let items: Vec<OpenItem<usize>> = open.iter().enumerate().map(|(key, (open, due))| OpenItem {
                key,
                due: due.map(|day| crate::kernel::date::from_day_number(20_000 + day).unwrap()),
                open: Amount::from_scaled(*open),
            }).collect();
            let (taken, left) = first_due(&items, Amount::from_scaled(available))?;
            let sum: i64 = taken.iter().map(|(_, part)| part.to_scaled()).sum();
            prop_assert_eq!(sum + left.to_scaled(), available);
            for (at, part) in &taken {
                prop_assert!(part.is_positive() && *part <= items[*at].open);
            }
            // All but the last one settled are settled fully, and nothing due earlier is passed over.
            for pair in taken.windows(2) {
                prop_assert_eq!(pair[0].1, items[pair[0].0].open);
                prop_assert!(due_order(&items[pair[0].0], &items[pair[1].0]).is_lt());
            }
            prop_assert!(left.is_zero() || taken.len() == items.len());
        }

        #[test]
        fn a_reversal_mirrors(
            allocated in 0..1_000_000_i64, advance in 0..1_000_000_i64, refunded in 0..1_000_000_i64,
        ) {
            let [allocated, advance, refunded] = [allocated, advance, refunded].map(Amount::from_scaled);
            let amount = Amount::checked_sum([allocated, advance, refunded])?;
            check_receipt(amount, allocated, advance, refunded)?;
            let back = |part: Amount| part.checked_neg();
            check_receipt(back(amount)?, back(allocated)?, back(advance)?, back(refunded)?)?;
            let more = advance.checked_add(Amount::from_scaled(1))?;
            prop_assert!(check_receipt(amount, allocated, more, refunded).is_err());
        }

        #[test]
        fn in_proportion_nothing_is_lost_or_overdrawn(
            open in proptest::collection::vec(1..1_000_000_i64, 0..12), available in 0..5_000_000_i64,
        ) {
            let items: Vec<OpenItem<usize>> = open.iter().enumerate().map(|(key, open)| {
                OpenItem { key, due: None, open: Amount::from_scaled(*open * 100) }
            }).collect();
            let available = Amount::from_scaled(available * 100);
            let (taken, left) = proportional(&items, available, Currency::CNY)?;
            let sum = Amount::checked_sum(taken.iter().map(|(_, part)| *part))?;
            prop_assert_eq!(sum.checked_add(left)?, available);
            prop_assert!(taken.iter().all(|(at, part)| *part <= items[*at].open));
            prop_assert!(left.is_zero() || taken.iter().all(|(at, part)| *part == items[*at].open));
        }
    }
}
