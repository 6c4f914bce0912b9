//! Parts of amounts that are invoiced, and taken back, bit by bit.
//!
//! Two rules keep many small steps exact. An installment's gross is split over the contract's tax rates by what earlier
//! installments have left of each rate, so that all installments together have each rate's gross to the cent. And of an amount
//! that is taken in parts, every part is the difference of two rounded running totals, so that the parts never sum to
//! more, and to exactly the whole when it is used up.

use rust_decimal::Decimal;

use crate::kernel::decimal::Rate;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;
use crate::kernel::rounding::Rounding;

/// The gross of each installment by tax rate: one row per installment, one column per rate, in the order given. A row
/// sums to its installment; when the installments sum to the rates, a column sums to its rate.
///
/// The rule: each installment is split (see [`Money::split`]) in proportion to what the installments before it have left
/// of each rate. Installments beyond the rates' total are split in proportion to the rates.
///
/// ```
/// use crm_core::areas::invoice::rules::parts::by_rate;
/// use crm_core::kernel::{currency::Currency, decimal::Rate, money::Money};
/// let cny = |text: &str| Money::parse(text, Currency::CNY);
/// let rates = [(Rate::parse("0.13")?, cny("66.67")?), (Rate::parse("0.06")?, cny("33.33")?)];
/// let rows = by_rate(&[cny("33.33")?, cny("66.67")?], &rates)?;
/// let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|part| part.to_plain()).collect()).collect();
/// assert_eq!(rows, [["22.23", "11.10"], ["44.44", "22.23"]]);
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
///
/// # Errors
/// `EMPTY_LIST` without rates; `OUT_OF_RANGE` when they have nothing at all or less than nothing; `CURRENCY_MISMATCH`.
pub fn by_rate(installments: &[Money], rates: &[(Rate, Money)]) -> Result<Vec<Vec<Money>>> {
    let mut left: Vec<Money> = rates.iter().map(|(_, gross)| *gross).collect();
    let mut rows = Vec::with_capacity(installments.len());
    for installment in installments {
        let usable = left.iter().any(|left| left.is_positive());
        let base = if usable { left.clone() } else { rates.iter().map(|(_, gross)| *gross).collect() };
        let row = installment.split(&weights(&base))?;
        for (left, part) in left.iter_mut().zip(&row) {
            *left = left.checked_sub(*part)?;
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Amounts as weights: what is below zero counts nothing.
pub fn weights(amounts: &[Money]) -> Vec<Decimal> {
    amounts.iter().map(|amount| Decimal::from(amount.to_minor().max(0))).collect()
}

/// What belongs to the part of a whole from `before` to `after`: the difference of `of` × position ÷ whole, each rounded
/// half-up to the minor unit. A whole of nothing has all of it.
///
/// # Errors
/// `OUT_OF_RANGE` unless 0 ≤ before ≤ after ≤ whole; `OVERFLOW`.
pub fn between(of: Money, whole: i64, before: i64, after: i64) -> Result<Money> {
    if before < 0 || before > after || after > whole {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .with("value", after)
            .with("min", before)
            .with("max", whole));
    }
    if whole == 0 {
        return Ok(of);
    }
    let until = |position: i64| {
        let product = i128::from(of.to_minor()) * i128::from(position);
        i64::try_from(Rounding::HalfUp.divide(product, i128::from(whole)))
            .map_err(|_| Error::new(&error::OVERFLOW))
    };
    Money::from_minor(until(after)? - until(before)?, of.currency())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::currency::Currency;
    use proptest::prelude::*;

    fn fen(minor: i64) -> Money {
        Money::from_minor(minor, Currency::CNY).unwrap()
    }

    fn rates(gross: &[i64]) -> Vec<(Rate, Money)> {
        gross.iter().zip(0_i64..).map(|(gross, rate)| (Rate::from_scaled(rate), fen(*gross))).collect()
    }

    #[test]
    fn rows_and_columns() {
        for (installments, gross, expected) in [
            (&[100][..], &[100][..], vec![vec![100]]),
            (&[50, 50], &[33, 67], vec![vec![17, 33], vec![16, 34]]),
            (&[1, 1, 1], &[1, 2], vec![vec![1, 0], vec![0, 1], vec![0, 1]]),
            // A surcharge beyond the lines is split as the lines are.
            (&[100, 10], &[80, 20], vec![vec![80, 20], vec![8, 2]]),
            (&[0, 5], &[5, 0], vec![vec![0, 0], vec![5, 0]]),
        ] {
            let installments: Vec<Money> = installments.iter().map(|minor| fen(*minor)).collect();
            let found = by_rate(&installments, &rates(gross)).unwrap();
            let found: Vec<Vec<i64>> =
                found.iter().map(|row| row.iter().map(|part| part.to_minor()).collect()).collect();
            assert_eq!(found, expected, "{gross:?}");
        }
        assert_eq!(by_rate(&[fen(1)], &[]).unwrap_err().code(), &error::EMPTY_LIST);
        assert_eq!(by_rate(&[fen(1)], &rates(&[0])).unwrap_err().code(), &error::OUT_OF_RANGE);
    }

    #[test]
    fn parts_of_a_whole() {
        for (of, whole, before, after, expected) in [
            (1300, 11_300, 0, 11_300, Some(1300)),
            (1300, 11_300, 0, 1, Some(0)),
            (1300, 11_300, 0, 5, Some(1)),
            (1300, 11_300, 5, 11_300, Some(1299)),
            (7, 0, 0, 0, Some(7)),
            (1, 10, 5, 4, None),
            (1, 10, 0, 11, None),
            (1, 10, -1, 4, None),
        ] {
            let found = between(fen(of), whole, before, after);
            assert_eq!(found.as_ref().ok().map(|found| found.to_minor()), expected, "{of} {before} {after}");
            if let Err(refused) = found {
                assert_eq!(refused.code(), &error::OUT_OF_RANGE);
            }
        }
    }

    proptest! {
        #[test]
        fn rows_sum_to_installments_and_columns_to_rates(
            gross in prop::collection::vec(0..1_000_000_i64, 1..5), cuts in prop::collection::vec(0..1_000_i64, 0..6),
        ) {
            let total: i64 = gross.iter().sum();
            prop_assume!(total > 0);
            let mut points: Vec<i64> = cuts.iter().map(|cut| total * cut / 1000).collect();
            points.extend([0, total]);
            points.sort_unstable();
            let installments: Vec<Money> = points.windows(2).map(|pair| fen(pair[1] - pair[0])).collect();
            let rows = by_rate(&installments, &rates(&gross))?;
            for (row, installment) in rows.iter().zip(&installments) {
                prop_assert!(row.iter().all(|part| !part.is_negative()));
                prop_assert_eq!(Money::checked_sum(row.iter().copied(), Currency::CNY)?, *installment);
            }
            for (column, gross) in gross.iter().enumerate() {
                let sum = Money::checked_sum(rows.iter().map(|row| row[column]), Currency::CNY)?;
                prop_assert_eq!(sum, fen(*gross));
            }
        }

        #[test]
        fn steps_use_up_the_whole_and_never_more(
            net in 0..1_000_000_i64, tax in 0..100_000_i64, cuts in prop::collection::vec(0..1_000_i64, 0..6),
        ) {
            let whole = net + tax;
            let mut points: Vec<i64> = cuts.iter().map(|cut| whole * cut / 1000).collect();
            points.extend([0, whole]);
            points.sort_unstable();
            points.dedup();
            let mut used = 0;
            for pair in points.windows(2) {
                let part = between(fen(net), whole, pair[0], pair[1])?.to_minor();
                // Neither the net nor the tax of a part is below zero.
                prop_assert!(part >= 0 && part <= pair[1] - pair[0]);
                used += part;
            }
            prop_assert!(whole == 0 || used == net);
        }
    }
}
