//! Early-payment discounts (现金折扣): until when, how much is paid, and what is taken off by tax rate.
//!
//! **Until.** The discount is granted up to so many calendar days after the anchor's date, that day included.
//!
//! **How much.** The amount to pay is rounded once, half-up to the minor unit; the discount is what is missing to the
//! total. It is taken off the parts it is of, each rounded half-up, and the largest of them takes what rounding leaves,
//! so that the parts sum to the discount exactly. With [`DiscountBase::TaxReducing`] the tax is stated on the
//! discounted base from the start, so the total itself is lower and the discount is on the base alone.

use crate::areas::contract::model::{DiscountBase, EarlyDiscount};
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::Rate;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;
use crate::kernel::rounding::Rounding;

/// What is owed at one tax rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaxPart {
    /// The tax rate: `0.13` is 13%.
    pub tax_rate: Rate,
    /// The amount without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
}

/// A discount worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discounted {
    /// What is owed without the discount; lower than the sum of the parts only by [`DiscountBase::TaxReducing`].
    pub total: Money,
    /// What is paid with it.
    pub payable: Money,
    /// The discount: `total − payable`.
    pub discount: Money,
    /// By part, in order: what is taken off the amount without tax and off the tax. They sum to the discount.
    pub parts: Vec<DiscountPart>,
}

/// What a discount takes off at one tax rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiscountPart {
    /// The tax rate.
    pub tax_rate: Rate,
    /// Off the amount without tax.
    pub on_base: Money,
    /// Off the tax.
    pub on_tax: Money,
    /// The tax as stated without the discount.
    pub stated_tax: Money,
}

/// Refuses a discount that is not above 0 and at most 1.
///
/// # Errors
/// `OUT_OF_RANGE` at `rate`.
pub fn check(discount: &EarlyDiscount) -> Result<()> {
    if !discount.rate.is_positive() || discount.rate > Rate::ONE {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("rate")
            .with("value", discount.rate)
            .with("min", "0.000001")
            .with("max", "1"));
    }
    Ok(())
}

/// The last day on which the discount is granted.
///
/// # Errors
/// `DATE_OUT_OF_RANGE`.
pub fn last_day(anchor: Date, discount: &EarlyDiscount) -> Result<Date> {
    date::add_days(anchor, i64::from(discount.days))
}

/// The parts of an amount in proportion to those of the whole that it belongs to; they sum to the amount exactly.
///
/// # Errors
/// `OUT_OF_RANGE` when the whole is zero, `EMPTY_LIST` when it has no parts; `OVERFLOW`.
pub fn portion(amount: Money, whole: &[TaxPart]) -> Result<Vec<TaxPart>> {
    let weights: Vec<_> =
        whole.iter().flat_map(|part| [part.net.amount().value(), part.tax.amount().value()]).collect();
    let shares = amount.split(&weights)?;
    let parts = whole.iter().zip(shares.chunks_exact(2));
    Ok(parts.map(|(part, share)| TaxPart { tax_rate: part.tax_rate, net: share[0], tax: share[1] }).collect())
}

/// The discount on what is owed.
///
/// # Errors
/// `OUT_OF_RANGE` at `rate`; `EMPTY_LIST` without parts; `CURRENCY_MISMATCH`, `OVERFLOW`.
pub fn discounted(parts: &[TaxPart], discount: &EarlyDiscount) -> Result<Discounted> {
    check(discount)?;
    let Some(first) = parts.first() else { return Err(Error::new(&error::EMPTY_LIST).at("parts")) };
    let currency: Currency = first.net.currency();
    let kept = Rate::ONE.checked_sub(discount.rate)?;
    let part = |part: &TaxPart| {
        let on_base = part.net.multiply(discount.rate, Rounding::HalfUp)?;
        let reduced = part.tax.multiply(kept, Rounding::HalfUp)?;
        let (stated_tax, on_tax) = match discount.base {
            DiscountBase::Total => (part.tax, part.tax.multiply(discount.rate, Rounding::HalfUp)?),
            DiscountBase::Untaxed => (part.tax, Money::zero(currency)),
            DiscountBase::TaxReducing => (reduced, Money::zero(currency)),
        };
        Ok(DiscountPart { tax_rate: part.tax_rate, on_base, on_tax, stated_tax })
    };
    let mut taken = parts.iter().map(part).collect::<Result<Vec<DiscountPart>>>()?;
    let net = Money::checked_sum(parts.iter().map(|part| part.net), currency)?;
    let tax = Money::checked_sum(taken.iter().map(|part| part.stated_tax), currency)?;
    let total = net.checked_add(tax)?;
    let payable = match discount.base {
        DiscountBase::Total => total.multiply(kept, Rounding::HalfUp)?,
        DiscountBase::Untaxed | DiscountBase::TaxReducing => {
            net.multiply(kept, Rounding::HalfUp)?.checked_add(tax)?
        }
    };
    let off = total.checked_sub(payable)?;
    let sum = Money::checked_sum(taken.iter().flat_map(|part| [part.on_base, part.on_tax]), currency)?;
    let left = off.checked_sub(sum)?;
    let largest = (0..taken.len()).max_by_key(|at| (parts[*at].net.amount(), std::cmp::Reverse(*at)));
    if let Some(largest) = largest {
        taken[largest].on_base = taken[largest].on_base.checked_add(left)?;
    }
    Ok(Discounted { total, payable, discount: off, parts: taken })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;
    use proptest::prelude::*;

    fn cny(text: &str) -> Money {
        Money::parse(text, Currency::CNY).unwrap()
    }

    fn terms(rate: &str, base: DiscountBase) -> EarlyDiscount {
        EarlyDiscount { rate: Rate::parse(rate).unwrap(), days: 10, base }
    }

    fn part(rate: &str, net: &str, tax: &str) -> TaxPart {
        TaxPart { tax_rate: Rate::parse(rate).unwrap(), net: cny(net), tax: cny(tax) }
    }

    #[test]
    fn by_what_it_is_taken_of() {
        use DiscountBase::{TaxReducing, Total, Untaxed};
        let two = [part("0.13", "1000", "130"), part("0.06", "500", "30")];
        let odd = [part("0.13", "0.05", "0.01"), part("0.06", "0.05", "0.00")];
        for (parts, rate, base, total, payable, taken) in [
            (&two[..], "0.1", Total, "1660", "1494", &[("100", "13"), ("50", "3")][..]),
            (&two, "0.1", Untaxed, "1660", "1510", &[("100", "0"), ("50", "0")]),
            (&two, "0.1", TaxReducing, "1644", "1494", &[("100", "0"), ("50", "0")]),
            // 10% of 0.11 is 0.01: each base alone would round to 0.01, so the first gives one up.
            (&odd, "0.1", Total, "0.11", "0.10", &[("0.00", "0.00"), ("0.01", "0.00")]),
            (&two, "1", Total, "1660", "0", &[("1000", "130"), ("500", "30")]),
        ] {
            let found = discounted(parts, &terms(rate, base)).unwrap();
            assert_eq!((found.total, found.payable), (cny(total), cny(payable)), "{rate} {base}");
            let parts: Vec<_> = found.parts.iter().map(|part| (part.on_base, part.on_tax)).collect();
            let expected: Vec<_> = taken.iter().map(|(base, tax)| (cny(base), cny(tax))).collect();
            assert_eq!(parts, expected, "{rate} {base}");
        }
        for (parts, rate, code) in [
            (&two[..], "0", &error::OUT_OF_RANGE),
            (&two, "1.01", &error::OUT_OF_RANGE),
            (&[], "0.1", &error::EMPTY_LIST),
        ] {
            assert_eq!(discounted(parts, &terms(rate, Total)).unwrap_err().code(), code);
        }
        let until = last_day(parse_date("2019-01-01").unwrap(), &terms("0.1", Total)).unwrap();
        assert_eq!(until.to_string(), "2019-01-11");
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_discount(
            nets in proptest::collection::vec((1..10_000_000_i64, 0..2_000_000_i64), 1..6),
            rate in 1..=1_000_000_i64, base in 0..3_usize, amount in 1..10_000_000_i64,
        ) {
            let minor = |minor| Money::from_minor(minor, Currency::CNY);
            let whole = nets.into_iter().map(|(net, tax)| {
                Ok(TaxPart { tax_rate: Rate::ZERO, net: minor(net)?, tax: minor(tax)? })
            }).collect::<Result<Vec<TaxPart>>>()?;
            let parts = portion(minor(amount)?, &whole)?;
            let sum = parts.iter().flat_map(|part| [part.net, part.tax]);
            prop_assert_eq!(Money::checked_sum(sum, Currency::CNY)?, minor(amount)?);
            let terms = EarlyDiscount { rate: Rate::from_scaled(rate), days: 0, base: DiscountBase::ALL[base] };
            let found = discounted(&parts, &terms)?;
            let taken = found.parts.iter().flat_map(|part| [part.on_base, part.on_tax]);
            prop_assert_eq!(Money::checked_sum(taken, Currency::CNY)?, found.discount);
            prop_assert_eq!(found.payable.checked_add(found.discount)?, found.total);
            prop_assert!(!found.payable.is_negative() && !found.discount.is_negative());
        }
    }
}
