//! What is paid in coins and notes: an amount rounded to the smallest one in use.
//!
//! Only what is handed over is rounded, never what is owed: a contract, an installment and an invoice keep their totals, and
//! the difference is booked beside them.

use super::decimal::Amount;
use super::error::{self, Error, Result};
use super::money::Money;
use super::rounding::Rounding;

/// What is to be paid in cash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CashAmount {
    /// What is paid: a multiple of the smallest coin.
    pub payable: Money,
    /// That less the amount: above zero it was rounded up.
    pub difference: Money,
}

/// What is to be paid in cash for an amount, where the smallest coin is `step`.
///
/// # Errors
/// `OUT_OF_RANGE` at `step` when it is not above zero; `TOO_MANY_DECIMALS` at `step` for one finer than the currency's minor
/// unit; `OUT_OF_RANGE` or `OVERFLOW` when the result is too large.
///
/// ```
/// use crm_core::kernel::cash::cash_rounded;
/// use crm_core::kernel::rounding::Rounding;
/// use crm_core::kernel::{currency::Currency, decimal::Amount, money::Money};
/// let francs = Currency::from_code("CHF").unwrap();
/// let found = cash_rounded(Money::parse("9.98", francs).unwrap(), Amount::parse("0.05").unwrap(), Rounding::HalfUp);
/// assert_eq!(found.unwrap().payable, Money::parse("10", francs).unwrap());
/// ```
pub fn cash_rounded(amount: Money, step: Amount, rounding: Rounding) -> Result<CashAmount> {
    check_step(step, amount)?;
    let payable = rounding.round_to_step(amount.amount().value(), step.value())?;
    let payable = Money::new(Amount::new(payable)?, amount.currency())?;
    Ok(CashAmount { payable, difference: payable.checked_sub(amount)? })
}

fn check_step(step: Amount, amount: Money) -> Result<()> {
    let coin = Money::new(step, amount.currency()).map_err(|error| error.at("step"))?;
    if coin.is_positive() {
        return Ok(());
    }
    Err(Error::new(&error::OUT_OF_RANGE)
        .at("step")
        .with("value", step)
        .with("min", amount.currency().smallest())
        .with("max", Amount::from_scaled(i64::MAX)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::currency::Currency;

    fn rounded(amount: &str, code: &str, step: &str, rounding: Rounding) -> Result<CashAmount> {
        let amount = Money::parse(amount, Currency::from_code(code).unwrap()).unwrap();
        cash_rounded(amount, Amount::parse(step).unwrap(), rounding)
    }

    #[test]
    fn to_the_smallest_coin() {
        use Rounding::{Down, HalfUp, Up};
        for (amount, code, step, mode, payable, difference) in [
            ("9.97", "CHF", "0.05", HalfUp, "9.95", "-0.02"),
            ("9.98", "CHF", "0.05", HalfUp, "10", "0.02"),
            ("9.95", "CHF", "0.05", Up, "9.95", "0"),
            ("99.97", "CNY", "0.1", HalfUp, "100", "0.03"),
            ("99.95", "CNY", "0.1", HalfUp, "100", "0.05"),
            ("99.94", "CNY", "0.1", HalfUp, "99.9", "-0.04"),
            ("99.97", "CNY", "0.1", Down, "99.9", "-0.07"),
            ("99.91", "CNY", "0.1", Up, "100", "0.09"),
            ("99.97", "CNY", "0.01", HalfUp, "99.97", "0"),
            ("1234", "JPY", "1", HalfUp, "1234", "0"),
            ("1234", "JPY", "10", Down, "1230", "-4"),
            ("0.02", "CHF", "0.05", HalfUp, "0", "-0.02"),
            ("0", "CHF", "0.05", Up, "0", "0"),
            ("-9.98", "CHF", "0.05", HalfUp, "-10", "-0.02"),
            ("-9.97", "CHF", "0.05", Up, "-10", "-0.03"),
            ("-9.97", "CHF", "0.05", Down, "-9.95", "0.02"),
        ] {
            let found = rounded(amount, code, step, mode).unwrap();
            let found = (found.payable.amount().to_string(), found.difference.amount().to_string());
            assert_eq!(found, (payable.to_owned(), difference.to_owned()), "{amount} {code} {step} {mode:?}");
        }
        for (step, code, refused) in [
            ("0", "CHF", "out_of_range"),
            ("-0.05", "CHF", "out_of_range"),
            ("0.005", "CHF", "too_many_decimals"),
            ("0.5", "JPY", "too_many_decimals"),
        ] {
            let error = rounded("1", code, step, HalfUp).unwrap_err();
            assert_eq!((error.code().name(), error.field()), (refused.to_owned(), Some("step")), "{step}");
        }
        let most = Amount::from_scaled(i64::MAX).to_string();
        let most = most.split('.').next().unwrap();
        assert_eq!(rounded(most, "CNY", "1000", Up).unwrap_err().code().name(), "out_of_range");
    }
}
