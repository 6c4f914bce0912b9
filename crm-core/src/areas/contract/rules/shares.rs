//! How the contract amount is cut into the amounts of its payment terms.
//!
//! A rate share is rounded half-up to the minor unit. The installments sum to the contract exactly: the
//! balance, or else the last rate share, takes what rounding leaves. Terms that are not the whole contract are refused:
//! rates alone must sum to 1; where rates and amounts are mixed without a balance, what is left over may be no more
//! than rounding explains (half a minor unit for each rate); no installment may be below zero.
//!
//! Terms that name lines make up the gross of these lines; the lines of all terms together are the contract.

use std::collections::BTreeSet;

use super::{BALANCE_NOT_LAST, TERM_LINE_MISSING, TERM_LINE_TWICE, TERM_LINE_UNKNOWN, TERMS_DO_NOT_SUM};
use crate::areas::contract::model::{PaymentTerm, TermShare};
use crate::kernel::currency::Currency;
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;
use crate::kernel::rounding::Rounding;

/// The amounts of the installments, in the order of the shares; they sum to `total`.
///
/// # Errors
/// `TERMS_DO_NOT_SUM` (details `expected`, `actual`: amounts, or fractions when all shares are rates),
/// `BALANCE_NOT_LAST` and `OUT_OF_RANGE` at `[i].share`, `TOO_MANY_DECIMALS`, `OVERFLOW`.
pub fn split(total: Money, shares: &[TermShare]) -> Result<Vec<Money>> {
    let shares: Vec<Share> =
        shares.iter().enumerate().map(|(index, share)| Share { index, share: *share, step: None }).collect();
    split_shares(total, &shares)
}

/// A share with the position that errors name and the step it is rounded to.
#[derive(Debug, Clone, Copy)]
struct Share {
    index: usize,
    share: TermShare,
    step: Option<Amount>,
}

fn split_shares(total: Money, shares: &[Share]) -> Result<Vec<Money>> {
    if shares.is_empty() {
        return Ok(Vec::new());
    }
    let mut parts = Vec::with_capacity(shares.len());
    let (mut taken, mut rates, mut rate_sum) = (Money::zero(total.currency()), 0_usize, Rate::ZERO);
    // Twice what rounding can explain, in minor units: a step for each rate.
    let mut explained = 0_u64;
    for (position, Share { index, share, step }) in shares.iter().enumerate() {
        let at = |error: Error| error.at(format!("[{index}].share"));
        let part = match share {
            TermShare::Rate(rate) => {
                if !rate.is_positive() || *rate > ONE {
                    return Err(at(out_of_range(rate, "0.000001", "1")));
                }
                rates += 1;
                rate_sum = rate_sum.checked_add(*rate)?;
                let exact = total.multiply(*rate, Rounding::HalfUp)?;
                match step {
                    None => {
                        explained = explained.saturating_add(1);
                        exact
                    }
                    Some(step) => {
                        let round_to = |error: Error| error.at(format!("[{index}].round_to"));
                        let minor = check_step(*step, total.currency()).map_err(round_to)?;
                        explained = explained.saturating_add(minor);
                        let value = total.amount().value() * rate.value();
                        let stepped = Rounding::HalfUp.round_to_step(value, step.value())?;
                        Money::new(Amount::new(stepped)?, total.currency())?
                    }
                }
            }
            TermShare::Amount(amount) => {
                if !amount.is_positive() {
                    return Err(at(out_of_range(
                        amount,
                        total.currency().smallest(),
                        Amount::from_scaled(i64::MAX),
                    )));
                }
                Money::new(*amount, total.currency()).map_err(at)?
            }
            TermShare::Balance if position + 1 < shares.len() => {
                return Err(at(Error::new(&BALANCE_NOT_LAST)));
            }
            TermShare::Balance => total.checked_sub(taken)?,
        };
        taken = taken.checked_add(part)?;
        parts.push(part);
    }
    if rates == shares.len() && rate_sum != ONE {
        return Err(do_not_sum(rate_sum, ONE));
    }
    let left = total.checked_sub(taken)?;
    if !left.is_zero() {
        let explained = left.to_minor().unsigned_abs().saturating_mul(2) <= explained;
        let last = shares.iter().rposition(|share| matches!(share.share, TermShare::Rate(_)));
        match last.filter(|_| explained) {
            Some(last) => parts[last] = parts[last].checked_add(left)?,
            None => return Err(do_not_sum(taken.amount(), total.amount())),
        }
    }
    if parts.iter().any(|part| part.is_negative()) {
        // The balance, or the share that takes the rest, is below zero: the shares before it exceed the contract.
        let before = taken.checked_sub(parts.last().copied().unwrap_or(taken))?;
        return Err(do_not_sum(before.amount(), total.amount()));
    }
    Ok(parts)
}

/// A step of rounding in minor units: a whole number of them above zero.
fn check_step(step: Amount, currency: Currency) -> Result<u64> {
    if !step.is_positive() {
        return Err(out_of_range(step, currency.smallest(), Amount::from_scaled(i64::MAX)));
    }
    Ok(Money::new(step, currency)?.to_minor().unsigned_abs())
}

/// The amounts of the terms, in order: each group of terms with the same lines makes up the gross of these lines, and
/// the groups together the contract. `lines` are positions and gross amounts.
///
/// # Errors
/// As [`split`], at `[i].share` and `[i].round_to`; at `[i].lines`, `TERM_LINE_UNKNOWN` and `TERM_LINE_TWICE`;
/// `TERM_LINE_MISSING`.
pub fn term_amounts(total: Money, lines: &[(u32, Money)], terms: &[PaymentTerm]) -> Result<Vec<Money>> {
    let mut groups: Vec<(BTreeSet<u32>, Vec<Share>)> = Vec::new();
    let mut owned: BTreeSet<u32> = BTreeSet::new();
    for (index, term) in terms.iter().enumerate() {
        let at = |error: Error| error.at(format!("[{index}].lines"));
        let named: BTreeSet<u32> = match term.lines.as_slice() {
            [] => lines.iter().map(|(seq, _)| *seq).collect(),
            named => named.iter().copied().collect(),
        };
        let share = Share { index, share: term.share, step: term.round_to };
        if let Some((_, shares)) = groups.iter_mut().find(|(lines, _)| *lines == named) {
            shares.push(share);
            continue;
        }
        for line in &named {
            if !lines.iter().any(|(seq, _)| seq == line) {
                return Err(at(Error::new(&TERM_LINE_UNKNOWN).with("line", line).with("lines", lines.len())));
            }
            if !owned.insert(*line) {
                return Err(at(Error::new(&TERM_LINE_TWICE).with("line", line)));
            }
        }
        groups.push((named, vec![share]));
    }
    if let (false, Some((line, _))) = (terms.is_empty(), lines.iter().find(|(seq, _)| !owned.contains(seq))) {
        return Err(Error::new(&TERM_LINE_MISSING).with("line", line));
    }
    let mut amounts = vec![Money::zero(total.currency()); terms.len()];
    for (named, shares) in groups {
        let of = if named.len() == lines.len() {
            total
        } else {
            let gross = lines.iter().filter(|(seq, _)| named.contains(seq)).map(|(_, gross)| *gross);
            Money::checked_sum(gross, total.currency())?
        };
        for (share, part) in shares.iter().zip(split_shares(of, &shares)?) {
            amounts[share.index] = part;
        }
    }
    Ok(amounts)
}

const ONE: Rate = Rate::from_scaled(1_000_000);

fn do_not_sum(actual: impl std::fmt::Display, expected: impl std::fmt::Display) -> Error {
    Error::new(&TERMS_DO_NOT_SUM).with("actual", actual).with("expected", expected)
}

fn out_of_range(
    value: impl std::fmt::Display,
    min: impl std::fmt::Display,
    max: impl std::fmt::Display,
) -> Error {
    Error::new(&error::OUT_OF_RANGE).with("value", value).with("min", min).with("max", max)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rate(text: &str) -> TermShare {
        TermShare::Rate(Rate::parse(text).unwrap())
    }

    fn amount(text: &str) -> TermShare {
        TermShare::Amount(Amount::parse(text).unwrap())
    }

    #[test]
    fn amounts() {
        let balance = TermShare::Balance;
        for (total, shares, expected) in [
            (
                "100000",
                vec![rate("0.3"), rate("0.6"), rate("0.1")],
                Ok(&["30000.00", "60000.00", "10000.00"][..]),
            ),
            ("0.03", vec![rate("0.5"), rate("0.5")], Ok(&["0.02", "0.01"])),
            (
                "100",
                vec![rate("0.333333"), rate("0.333333"), rate("0.333334")],
                Ok(&["33.33", "33.33", "33.34"]),
            ),
            ("100", vec![rate("0.333333"), rate("0.333333"), balance], Ok(&["33.33", "33.33", "33.34"])),
            ("100", vec![amount("10"), rate("0.9")], Ok(&["10.00", "90.00"])),
            ("333.33", vec![rate("0.9"), amount("33.33")], Ok(&["300.00", "33.33"])),
            ("100", vec![amount("100")], Ok(&["100.00"])),
            ("100", vec![amount("100"), balance], Ok(&["100.00", "0.00"])),
            ("100", vec![balance], Ok(&["100.00"])),
            ("100", vec![], Ok(&[])),
            ("100", vec![rate("0.5")], Err((&TERMS_DO_NOT_SUM, "0.5", "1"))),
            ("0.01", vec![rate("0.5")], Err((&TERMS_DO_NOT_SUM, "0.5", "1"))),
            ("100", vec![rate("0.5"), rate("0.6")], Err((&TERMS_DO_NOT_SUM, "1.1", "1"))),
            ("100", vec![amount("99.99")], Err((&TERMS_DO_NOT_SUM, "99.99", "100"))),
            ("100", vec![amount("60"), rate("0.5")], Err((&TERMS_DO_NOT_SUM, "110", "100"))),
            ("100", vec![amount("101"), balance], Err((&TERMS_DO_NOT_SUM, "101", "100"))),
            ("1000", vec![rate("0.7"), amount("500"), rate("0.3")], Err((&TERMS_DO_NOT_SUM, "1500", "1000"))),
        ] {
            let found = split(Money::parse(total, Currency::CNY).unwrap(), &shares);
            match (found, expected) {
                (Ok(parts), Ok(expected)) => {
                    assert_eq!(parts.into_iter().map(Money::to_plain).collect::<Vec<_>>(), expected);
                }
                (Err(refused), Err((code, actual, expected))) => {
                    let wanted = Error::new(code).with("actual", actual).with("expected", expected);
                    assert_eq!(refused, wanted, "{total} {shares:?}");
                }
                (found, _) => unreachable!("{total} {shares:?}: {found:?}"),
            }
        }
        for (shares, code, field) in [
            (vec![balance, rate("0.5")], &BALANCE_NOT_LAST, "[0].share"),
            (vec![rate("0.5"), rate("0")], &error::OUT_OF_RANGE, "[1].share"),
            (vec![rate("1.5")], &error::OUT_OF_RANGE, "[0].share"),
            (vec![amount("-1")], &error::OUT_OF_RANGE, "[0].share"),
            (vec![amount("0.001"), balance], &error::TOO_MANY_DECIMALS, "[0].share"),
        ] {
            let refused = split(Money::parse("100", Currency::CNY).unwrap(), &shares).unwrap_err();
            assert_eq!((refused.code(), refused.field()), (code, Some(field)), "{shares:?}");
        }
    }

    fn any_share() -> impl Strategy<Value = TermShare> {
        prop_oneof![
            (1..=1_000_000_i64).prop_map(|scaled| TermShare::Rate(Rate::from_scaled(scaled))),
            (1..100_000_000_i64).prop_map(|minor| TermShare::Amount(Amount::from_scaled(minor * 100))),
        ]
    }

    proptest! {
        #[test]
        fn what_is_accepted_sums_exactly(
            minor in 0..10_000_000_000_i64, mut shares in proptest::collection::vec(any_share(), 0..8), balance: bool,
        ) {
            if balance {
                shares.push(TermShare::Balance);
            }
            let total = Money::from_minor(minor, Currency::CNY)?;
            if let Ok(parts) = split(total, &shares) {
                prop_assert!(parts.iter().all(|part| !part.is_negative()));
                if !shares.is_empty() {
                    prop_assert_eq!(Money::checked_sum(parts, Currency::CNY)?, total);
                }
            }
        }

        #[test]
        fn whole_rates_are_accepted_and_close(
            minor in 1_000..i64::MAX / 1_000, cuts in proptest::collection::vec(1..999_999_i64, 0..6),
        ) {
            let mut cuts = cuts;
            cuts.extend([0, 1_000_000]);
            cuts.sort_unstable();
            cuts.dedup();
            let rates: Vec<i64> = cuts.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let shares: Vec<_> = rates.iter().map(|rate| TermShare::Rate(Rate::from_scaled(*rate))).collect();
            let parts = split(Money::from_minor(minor, Currency::CNY)?, &shares)?;
            prop_assert_eq!(parts.iter().map(|part| part.to_minor()).sum::<i64>(), minor);
            for (part, rate) in parts.iter().zip(rates) {
                let exact = i128::from(minor) * i128::from(rate);
                let off = (i128::from(part.to_minor()) * 1_000_000 - exact).abs();
                prop_assert!(off <= 500_000 * shares.len() as i128);
            }
        }
    }
}
