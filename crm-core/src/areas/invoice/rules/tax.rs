//! The tax of invoice lines, rounded line by line or once per rate for the whole invoice.
//!
//! A line is given by its amount with or without tax. With tax: net = round(gross ÷ (1 + rate)), tax = gross − net; without:
//! tax = round(net × rate), gross = net + tax; half-up to the currency's minor unit (销项税额 = 销售额 × 税率, 《增值税暂行条例》
//! article 5; 销售额 = 含税销售额 ÷ (1 + 税率), its implementing rules article 14; the VAT law of 2026 keeps both).
//!
//! *Per line* each line rounds for itself and the invoice is their sum: so do digital invoices (数电票), whose total is printed as
//! the sum of the tax column. *Per invoice* the tax of a rate is computed once, on the sum of the lines of that rate and way of
//! stating; the lines are then brought to that sum by one minor unit each, the largest lines first, equal ones in order.
//! No line is ever moved by more than one unit, and none below zero. Foreign suppliers and older software compute so.

use crate::areas::contract::rules::amounts::{Taxed, taken_out};
use crate::kernel::decimal::Rate;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;
use crate::kernel::rounding::Rounding;

crate::coded! {
    /// Where the tax of an invoice is rounded.
    #[derive(Default)]
    pub enum TaxRounding {
        /// On each line; the invoice is the sum of its lines.
        #[default]
        PerLine = 1, "per_line", "按行计税";
        /// Once per tax rate, on the sum of its lines.
        PerInvoice = 2, "per_invoice", "整票计税";
    }
}

/// What the tax of a line is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    /// The amount, not below zero.
    pub amount: Money,
    /// Whether it includes tax.
    pub tax_included: bool,
    /// The tax rate, 0 to 1.
    pub rate: Rate,
}

impl Stated {
    /// The amount with its tax apart.
    ///
    /// # Errors
    /// `OUT_OF_RANGE` at `tax_rate`; `OVERFLOW`.
    pub fn taxed(self) -> Result<Taxed> {
        if self.tax_included {
            return taken_out(self.amount, self.rate);
        }
        if self.rate.is_negative() || self.rate > Rate::ONE {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("tax_rate")
                .with("value", self.rate)
                .with("min", 0)
                .with("max", 1));
        }
        let tax = self.amount.multiply(self.rate, Rounding::HalfUp)?;
        Ok(Taxed { net: self.amount, tax, gross: self.amount.checked_add(tax)? })
    }
}

/// The lines with their tax, in the order given.
///
/// ```
/// use crm_core::areas::invoice::rules::tax::{Stated, TaxRounding, tax_lines};
/// use crm_core::kernel::{currency::Currency, decimal::Rate, money::Money};
/// let line = Stated { amount: Money::parse("0.11", Currency::CNY)?, tax_included: false, rate: Rate::parse("0.13")? };
/// let tax = |rounding| -> Result<Vec<String>, crm_core::kernel::error::Error> {
///     Ok(tax_lines(&[line; 3], rounding)?.iter().map(|line| line.tax.to_plain()).collect())
/// };
/// assert_eq!(tax(TaxRounding::PerLine)?, ["0.01", "0.01", "0.01"]);
/// assert_eq!(tax(TaxRounding::PerInvoice)?, ["0.02", "0.01", "0.01"]);
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
///
/// # Errors
/// Of [`Stated::taxed`], within `[i]`; `CURRENCY_MISMATCH`.
pub fn tax_lines(lines: &[Stated], rounding: TaxRounding) -> Result<Vec<Taxed>> {
    let taxed = lines.iter().enumerate();
    let taxed = taxed.map(|(index, line)| line.taxed().map_err(|error| error.within(format!("[{index}]"))));
    let mut taxed = taxed.collect::<Result<Vec<Taxed>>>()?;
    if rounding == TaxRounding::PerLine {
        return Ok(taxed);
    }
    let mut groups: Vec<(Rate, bool)> = lines.iter().map(|line| (line.rate, line.tax_included)).collect();
    groups.sort_unstable();
    groups.dedup();
    for (rate, tax_included) in groups {
        let of_group = |line: &Stated| (line.rate, line.tax_included) == (rate, tax_included);
        let mut members: Vec<usize> = (0..lines.len()).filter(|at| of_group(&lines[*at])).collect();
        members.sort_by_key(|at| std::cmp::Reverse(lines[*at].amount.amount()));
        let Some(first) = members.first() else { continue };
        let currency = lines[*first].amount.currency();
        let amount = Money::checked_sum(members.iter().map(|at| lines[*at].amount), currency)?;
        let whole = Stated { amount, tax_included, rate }.taxed()?.tax.to_minor();
        let mut missing = whole - members.iter().map(|at| taxed[*at].tax.to_minor()).sum::<i64>();
        for at in members {
            let step = missing.signum();
            let tax = taxed[at].tax.to_minor() + step;
            // A unit is taken only from tax that is there, and given only where the gross has room for it.
            if step == 0 || tax < 0 || (tax_included && tax > lines[at].amount.to_minor()) {
                continue;
            }
            missing -= step;
            taxed[at] = moved(lines[at], Money::from_minor(tax, currency)?)?;
        }
        if missing != 0 {
            let what = format!("{missing} minor units of tax at {rate} have no line");
            return Err(Error::new(&error::INTERNAL).with("what", what));
        }
    }
    Ok(taxed)
}

fn moved(line: Stated, tax: Money) -> Result<Taxed> {
    if line.tax_included {
        return Ok(Taxed { net: line.amount.checked_sub(tax)?, tax, gross: line.amount });
    }
    Ok(Taxed { net: line.amount, tax, gross: line.amount.checked_add(tax)? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::areas::contract::rules::amounts::total;
    use crate::kernel::currency::Currency;
    use proptest::prelude::*;

    fn stated(amount: &str, rate: &str, tax_included: bool) -> Stated {
        Stated {
            amount: Money::parse(amount, Currency::CNY).unwrap(),
            tax_included,
            rate: Rate::parse(rate).unwrap(),
        }
    }

    #[test]
    fn rounded_by_line_or_by_invoice() {
        for (amounts, rate, included, per_line, per_invoice) in [
            (&["113"][..], "0.13", true, &["13.00"][..], &["13.00"][..]),
            (&["100"], "0.13", false, &["13.00"], &["13.00"]),
            (&["100"], "0", true, &["0.00"], &["0.00"]),
            // 0.33 without tax at 13% is 0.0429: 0.04 in one, 0.03 in three lines of 0.11.
            (&["0.11", "0.11", "0.11"], "0.13", false, &["0.01", "0.01", "0.01"], &["0.02", "0.01", "0.01"]),
            // Each rounds up to 0.01; 0.17 has 0.0221.
            (
                &["0.04", "0.05", "0.04", "0.04"],
                "0.13",
                false,
                &["0.01", "0.01", "0.01", "0.01"],
                &["0.01", "0.00", "0.00", "0.01"],
            ),
            // With tax: 10 has 1.1504, 30 has 3.4513; 0.05 has 0.0058, 0.15 has 0.0173.
            (&["10", "10", "10"], "0.13", true, &["1.15", "1.15", "1.15"], &["1.15", "1.15", "1.15"]),
            (&["0.05", "0.05", "0.05"], "0.13", true, &["0.01", "0.01", "0.01"], &["0.01", "0.01", "0.00"]),
        ] {
            let lines: Vec<Stated> = amounts.iter().map(|amount| stated(amount, rate, included)).collect();
            for (rounding, expected) in
                [(TaxRounding::PerLine, per_line), (TaxRounding::PerInvoice, per_invoice)]
            {
                let found = tax_lines(&lines, rounding).unwrap();
                let found: Vec<String> = found.iter().map(|line| line.tax.to_plain()).collect();
                let sum = |all: &[String]| {
                    all.iter().map(|tax| tax.replace('.', "").parse::<i64>().unwrap()).sum::<i64>()
                };
                let expected: Vec<String> = expected.iter().map(|&tax| tax.to_owned()).collect();
                if rounding == TaxRounding::PerLine {
                    assert_eq!(found, expected, "{amounts:?}");
                }
                assert_eq!(sum(&found), sum(&expected), "{amounts:?} {rounding}");
            }
        }
    }

    #[test]
    fn refused() {
        for included in [true, false] {
            let lines = [stated("1", "0.13", included), stated("1", "1.3", included)];
            let refused = tax_lines(&lines, TaxRounding::PerLine).unwrap_err();
            assert_eq!((refused.code(), refused.field()), (&error::OUT_OF_RANGE, Some("[1].tax_rate")));
        }
    }

    proptest! {
        #[test]
        fn per_invoice_is_the_tax_of_the_sum(
            amounts in prop::collection::vec((0..5_000_i64, prop::sample::select(vec!["0", "0.01", "0.06", "0.13"])), 1..60),
            included: bool,
        ) {
            let lines: Vec<Stated> = amounts.iter().map(|(minor, rate)| Stated {
                amount: Money::from_minor(*minor, Currency::CNY).unwrap(),
                tax_included: included,
                rate: Rate::parse(rate).unwrap(),
            }).collect();
            let by_line = tax_lines(&lines, TaxRounding::PerLine)?;
            let by_invoice = tax_lines(&lines, TaxRounding::PerInvoice)?;
            for (line, other) in by_line.iter().zip(&by_invoice) {
                prop_assert_eq!(other.net.checked_add(other.tax)?, other.gross);
                prop_assert!(!other.tax.is_negative() && !other.net.is_negative());
                prop_assert!((line.tax.to_minor() - other.tax.to_minor()).abs() <= 1);
            }
            for rate in ["0", "0.01", "0.06", "0.13"].map(|rate| Rate::parse(rate).unwrap()) {
                let of_rate: Vec<Taxed> = lines.iter().zip(&by_invoice)
                    .filter(|(line, _)| line.rate == rate).map(|(_, taxed)| *taxed).collect();
                let sum = total(&of_rate, Currency::CNY)?;
                let amount = if included { sum.gross } else { sum.net };
                prop_assert_eq!(Stated { amount, tax_included: included, rate }.taxed()?.tax, sum.tax);
            }
        }
    }
}
