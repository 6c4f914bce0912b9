//! Amounts of contract lines: net, value added tax and gross.
//!
//! With prices that include tax: gross = round(quantity × price × (1 − discount)), net = round(gross ÷ (1 + rate)),
//! tax = gross − net (不含税额 = 含税额 ÷ (1 + 税率), VAT Regulations, implementing rules article 14). With prices
//! that do not: net = round(quantity × price × (1 − discount)), tax = round(net × rate), gross = net + tax. Each rounds
//! half-up to the currency's minor unit, once; totals are sums of lines, so that invoices by line sum to the contract.

use rust_decimal::Decimal;

use crate::kernel::currency::Currency;
use crate::kernel::decimal::{Price, Quantity, Rate};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;
use crate::kernel::rounding::{Rounding, ten_to};

/// An amount with and without tax; `net + tax = gross`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taxed {
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// With tax.
    pub gross: Money,
}

/// What a line is computed from.
#[derive(Debug, Clone, Copy)]
pub struct Pricing {
    /// How much.
    pub quantity: Quantity,
    /// Price of one unit.
    pub unit_price: Price,
    /// Discount on the price, 0 to 1.
    pub discount: Rate,
    /// Tax rate, 0 to 1.
    pub tax_rate: Rate,
    /// Whether the price includes tax.
    pub tax_included: bool,
    /// Currency of the price.
    pub currency: Currency,
}

impl Pricing {
    /// The line's amounts, by the rules above.
    ///
    /// # Errors
    /// `OUT_OF_RANGE` at `quantity`, `unit_price`, `discount` or `tax_rate`; `OVERFLOW`.
    pub fn amounts(&self) -> Result<Taxed> {
        if !self.quantity.is_positive() {
            return Err(out_of_range("quantity", self.quantity.value(), "0.000001", Decimal::MAX));
        }
        if self.unit_price.is_negative() {
            return Err(out_of_range("unit_price", self.unit_price.value(), "0", Decimal::MAX));
        }
        check_rate("discount", self.discount)?;
        check_rate("tax_rate", self.tax_rate)?;
        let factor = (Decimal::ONE - self.discount.value()).normalize();
        let product = i128::from(self.unit_price.to_scaled()) * i128::from(self.quantity.to_scaled());
        let product = product.checked_mul(factor.mantissa()).ok_or_else(overflow)?;
        let places = Price::SCALE + Quantity::SCALE + factor.scale() - u32::from(self.currency.minor_unit());
        let line = of_minor(Rounding::HalfUp.divide(product, ten_to(places)), self.currency)?;
        if self.tax_included {
            return taken_out(line, self.tax_rate);
        }
        let tax = line.multiply(self.tax_rate, Rounding::HalfUp)?;
        Ok(Taxed { net: line, tax, gross: line.checked_add(tax)? })
    }
}

/// The tax that a gross amount contains.
///
/// # Errors
/// `OUT_OF_RANGE` at `tax_rate`; `OVERFLOW`.
pub fn taken_out(gross: Money, rate: Rate) -> Result<Taxed> {
    check_rate("tax_rate", rate)?;
    let one = ten_to(Rate::SCALE);
    let net = Rounding::HalfUp.divide(i128::from(gross.to_minor()) * one, one + i128::from(rate.to_scaled()));
    let net = of_minor(net, gross.currency())?;
    Ok(Taxed { net, tax: gross.checked_sub(net)?, gross })
}

/// The sum of lines.
///
/// # Errors
/// `OVERFLOW`.
pub fn total(lines: &[Taxed], currency: Currency) -> Result<Taxed> {
    let sum = |part: fn(&Taxed) -> Money| Money::checked_sum(lines.iter().map(part), currency);
    Ok(Taxed { net: sum(|line| line.net)?, tax: sum(|line| line.tax)?, gross: sum(|line| line.gross)? })
}

fn of_minor(minor: i128, currency: Currency) -> Result<Money> {
    let minor = i64::try_from(minor).map_err(|_| overflow())?;
    Money::from_minor(minor, currency).map_err(|_| overflow())
}

fn check_rate(field: &str, rate: Rate) -> Result<()> {
    if rate.is_negative() || rate.value() > Decimal::ONE {
        return Err(out_of_range(field, rate.value(), "0", Decimal::ONE));
    }
    Ok(())
}

fn out_of_range(field: &str, value: Decimal, min: &str, max: Decimal) -> Error {
    Error::new(&error::OUT_OF_RANGE).at(field).with("value", value).with("min", min).with("max", max)
}

fn overflow() -> Error {
    Error::new(&error::OVERFLOW)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pricing(quantity: &str, price: &str, discount: &str, rate: &str, included: bool) -> Pricing {
        Pricing {
            quantity: Quantity::parse(quantity).unwrap(),
            unit_price: Price::parse(price).unwrap(),
            discount: Rate::parse(discount).unwrap(),
            tax_rate: Rate::parse(rate).unwrap(),
            tax_included: included,
            currency: Currency::CNY,
        }
    }

    #[test]
    fn lines() {
        for (quantity, price, discount, rate, included, net, tax, gross) in [
            ("1", "113", "0", "0.13", true, "100.00", "13.00", "113.00"),
            ("3", "33.333333", "0", "0.13", true, "88.50", "11.50", "100.00"),
            ("3", "33.333333", "0", "0.13", false, "100.00", "13.00", "113.00"),
            ("10", "99.99", "0.05", "0.06", false, "949.91", "56.99", "1006.90"),
            ("10", "99.99", "0.05", "0.06", true, "896.14", "53.77", "949.91"),
            ("1", "0.005", "0", "0", true, "0.01", "0.00", "0.01"),
            ("1", "100", "1", "0.13", true, "0.00", "0.00", "0.00"),
        ] {
            let found = pricing(quantity, price, discount, rate, included).amounts().unwrap();
            let shown = [found.net, found.tax, found.gross].map(Money::to_plain);
            assert_eq!(shown, [net, tax, gross], "{quantity} × {price}");
        }
    }

    #[test]
    fn lines_refused() {
        for (quantity, price, discount, rate, field) in [
            ("0", "1", "0", "0", Some("quantity")),
            ("-1", "1", "0", "0", Some("quantity")),
            ("1", "-1", "0", "0", Some("unit_price")),
            ("1", "1", "1.01", "0", Some("discount")),
            ("1", "1", "-0.1", "0", Some("discount")),
            ("1", "1", "0", "1.3", Some("tax_rate")),
            ("9000000000000", "9000000000000", "0", "0", None),
            ("9000000000000", "9000000000000", "0.000001", "0", None),
        ] {
            let refused = pricing(quantity, price, discount, rate, true).amounts().unwrap_err();
            let code = if field.is_some() { &error::OUT_OF_RANGE } else { &error::OVERFLOW };
            assert_eq!((refused.code(), refused.field()), (code, field), "{quantity} × {price}");
        }
    }

    proptest! {
        #[test]
        fn net_and_tax_are_the_gross(
            quantity in 1..1_000_000_000_i64, price in 0..1_000_000_000_000_i64,
            discount in 0..=1_000_000_i64, rate in 0..=1_000_000_i64, tax_included: bool,
        ) {
            let found = Pricing {
                quantity: Quantity::from_scaled(quantity),
                unit_price: Price::from_scaled(price),
                discount: Rate::from_scaled(discount),
                tax_rate: Rate::from_scaled(rate),
                tax_included,
                currency: Currency::CNY,
            }.amounts()?;
            prop_assert_eq!(found.net.checked_add(found.tax)?, found.gross);
            prop_assert!(!found.net.is_negative() && !found.tax.is_negative());
        }
    }
}
