//! Figures on receivables over a period.
//!
//! The formulas are those of credit management (Credit Research Foundation, "Standard measures of trade receivables"), over
//! the period as a whole:
//!
//! * days sales outstanding = closing receivables / charges × days of the period;
//! * best possible days sales outstanding = closing receivables that are not overdue / charges × days;
//! * average days delinquent = the difference of the two;
//! * collection effectiveness = (opening + charges − closing) / (opening + charges − closing that are not overdue).
//!
//! What was discounted, written off or cancelled has left the receivables and counts there as collected would.

use crate::kernel::decimal::{Amount, Quantity, Rate};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::rounding::Rounding;

/// Sums of a period in one currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// Open at the end of the day before the period.
    pub opening: Amount,
    /// Newly owed in the period.
    pub charges: Amount,
    /// Open at the end of the last day.
    pub closing: Amount,
    /// Of it, what is overdue then.
    pub overdue: Amount,
    /// Calendar days of the period, its first and last included.
    pub days: i64,
}

impl Period {
    /// Days sales outstanding, half-up to two places; none without charges.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn dso(&self) -> Result<Option<Quantity>> {
        self.days_of(self.closing)
    }

    /// Best possible days sales outstanding, half-up to two places; none without charges.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn best_dso(&self) -> Result<Option<Quantity>> {
        self.days_of(self.closing.checked_sub(self.overdue)?)
    }

    fn days_of(&self, part: Amount) -> Result<Option<Quantity>> {
        if !self.charges.is_positive() {
            return Ok(None);
        }
        let (part, charges) = (i128::from(part.to_scaled()), i128::from(self.charges.to_scaled()));
        let hundredths = Rounding::HalfUp.divide(part * i128::from(self.days) * 100, charges);
        let scaled = i64::try_from(hundredths * 10_000).map_err(|_| Error::new(&error::OVERFLOW))?;
        Ok(Some(Quantity::from_scaled(scaled)))
    }

    /// The overdue part of what is open at the end, half-up to four places; none when nothing is open.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn overdue_share(&self) -> Result<Option<Rate>> {
        ratio(self.overdue, self.closing)
    }

    /// Collection effectiveness, half-up to four places; none when there was nothing to collect.
    ///
    /// # Errors
    /// `OVERFLOW`.
    pub fn effectiveness(&self) -> Result<Option<Rate>> {
        let whole = self.opening.checked_add(self.charges)?;
        let current = self.closing.checked_sub(self.overdue)?;
        ratio(whole.checked_sub(self.closing)?, whole.checked_sub(current)?)
    }
}

/// A part of a whole, half-up to four places; none of nothing.
fn ratio(part: Amount, whole: Amount) -> Result<Option<Rate>> {
    if !whole.is_positive() {
        return Ok(None);
    }
    let places =
        Rounding::HalfUp.divide(i128::from(part.to_scaled()) * 10_000, i128::from(whole.to_scaled()));
    let scaled = i64::try_from(places * 100).map_err(|_| Error::new(&error::OVERFLOW))?;
    Ok(Some(Rate::from_scaled(scaled)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        let amount = |text: &str| Amount::parse(text).unwrap();
        // Opening, charges, closing, overdue, days; DSO, best possible DSO, overdue share, effectiveness.
        for (given, days, expected) in [
            // 400 / 1200 × 90 = 30; 300 / 1200 × 90 = 22.5; 100 / 400; (200 + 1200 − 400) / (200 + 1200 − 300).
            (["200", "1200", "400", "100"], 90, [Some("30"), Some("22.5"), Some("0.25"), Some("0.9091")]),
            // Everything that could be collected was.
            (["0", "300", "100", "0"], 31, [Some("10.33"), Some("10.33"), Some("0"), Some("1")]),
            // Nothing was.
            (["50", "0", "50", "50"], 31, [None, None, Some("1"), Some("0")]),
            (["0", "0", "0", "0"], 31, [None, None, None, None]),
            // 0.005 is rounded up.
            (["0", "20000", "1", "0"], 100, [Some("0.01"), Some("0.01"), Some("0"), Some("1")]),
        ] {
            let [opening, charges, closing, overdue] = given.map(amount);
            let period = Period { opening, charges, closing, overdue, days };
            let shown = |found: Option<Quantity>| found.map(|found| found.to_string());
            let rate = |found: Option<Rate>| found.map(|found| found.to_string());
            let found = [
                shown(period.dso().unwrap()),
                shown(period.best_dso().unwrap()),
                rate(period.overdue_share().unwrap()),
                rate(period.effectiveness().unwrap()),
            ];
            assert_eq!(found, expected.map(|text| text.map(str::to_owned)), "{given:?}");
        }
    }
}
