//! Which installments a cash receipt closes when what is owed is no multiple of the smallest coin.
//!
//! A receipt of just what is to be paid in cash for some of what is due first closes these to the last minor unit. What it
//! lacks is a loss of rounding on the last of them; what it has too much is a gain of rounding. The amounts owed never
//! change. A receipt that is the exact amount, or none of these, is allocated as any other.

use crate::kernel::cash::cash_rounded;
use crate::kernel::decimal::Amount;
use crate::kernel::error::Result;
use crate::kernel::money::Money;
use crate::kernel::rounding::Rounding;

/// How much of what is open a cash receipt closes: the sum of the first of `open`, in their order, for which just `received`
/// is to be paid in cash and which is not `received` itself; none when the receipt is allocated as any other.
///
/// # Errors
/// As [`cash_rounded`].
pub fn closes(open: &[Amount], received: Money, step: Amount, rounding: Rounding) -> Result<Option<Amount>> {
    let mut sum = Money::zero(received.currency());
    let mut found = None;
    for part in open {
        sum = sum.checked_add(Money::new(*part, received.currency())?)?;
        if sum == received {
            return Ok(None);
        }
        if found.is_none() && cash_rounded(sum, step, rounding)?.payable == received {
            found = Some(sum.amount());
        }
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::currency::Currency;

    #[test]
    fn what_a_cash_receipt_closes() {
        use Rounding::{Down, HalfUp, Up};
        let amount = |text: &str| Amount::parse(text).unwrap();
        for (open, received, step, rounding, expected) in [
            (&["99.97"][..], "100", "0.1", HalfUp, Some("99.97")),
            (&["99.97"], "99.9", "0.1", Down, Some("99.97")),
            (&["99.97"], "99.97", "0.1", HalfUp, None),
            (&["99.97"], "99.9", "0.1", HalfUp, None),
            (&["99.97"], "50", "0.1", HalfUp, None),
            (&["49.98", "49.98"], "100", "0.1", HalfUp, Some("99.96")),
            (&["49.98", "49.98"], "50", "0.1", Up, Some("49.98")),
            (&["100", "0.02"], "100", "0.05", HalfUp, None),
            (&["99.99", "0.01"], "100", "0.05", HalfUp, None),
            (&[], "100", "0.05", HalfUp, None),
        ] {
            let open: Vec<Amount> = open.iter().map(|part| amount(part)).collect();
            let money = Money::new(amount(received), Currency::CNY).unwrap();
            let found = closes(&open, money, amount(step), rounding).unwrap();
            assert_eq!(found, expected.map(amount), "{received} for {open:?} by {step}");
        }
        let one = Money::new(amount("1"), Currency::CNY).unwrap();
        let refused = closes(&[amount("2")], one, Amount::ZERO, HalfUp).unwrap_err();
        assert_eq!(refused.code().name(), "out_of_range");
    }
}
