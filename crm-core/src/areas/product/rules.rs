//! Rules on products: pure functions.

use crate::kernel::decimal::{Price, Rate};
use crate::kernel::error::{self, Error, Result};

crate::codes! {
    /// Another product has this code.
    PRODUCT_CODE_TAKEN = 1450, Conflict, "Another product has the code {value}.", "产品编码 {value} 已被其他产品使用。";
}

/// The code that the n-th product without one of its own gets.
///
/// ```
/// assert_eq!(crm_core::areas::product::rules::numbered_code(42), "P000042");
/// ```
pub fn numbered_code(number: i64) -> String {
    format!("P{number:06}")
}

/// A price that is not below zero.
///
/// # Errors
/// `OUT_OF_RANGE`, at `list_price`.
pub fn check_list_price(price: Price) -> Result<Price> {
    if price.is_negative() {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("list_price")
            .with("value", price)
            .with("min", Price::ZERO)
            .with("max", Price::from_scaled(i64::MAX)));
    }
    Ok(price)
}

/// A rate from 0 to 1; 0.13 is 13 %.
///
/// # Errors
/// `OUT_OF_RANGE`, at `field`.
pub fn check_share(field: &str, rate: Rate) -> Result<Rate> {
    if rate.is_negative() || rate > Rate::ONE {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at(field)
            .with("value", rate)
            .with("min", Rate::ZERO)
            .with("max", Rate::ONE));
    }
    Ok(rate)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_by_number() {
        for (number, code) in [(1, "P000001"), (999_999, "P999999"), (1_000_000, "P1000000")] {
            assert_eq!(numbered_code(number), code);
        }
    }

    #[test]
    fn prices_and_rates() {
        for (price, good) in [("0", true), ("26768", true), ("0.000001", true), ("-0.000001", false)] {
            assert_eq!(check_list_price(Price::parse(price).unwrap()).is_ok(), good, "{price}");
        }
        for (rate, good) in
            [("0", true), ("0.13", true), ("1", true), ("1.000001", false), ("13", false), ("-0.06", false)]
        {
            let checked = check_share("tax_rate", Rate::parse(rate).unwrap());
            assert_eq!(checked.is_ok(), good, "{rate}");
            if let Err(error) = checked {
                assert_eq!((error.code(), error.field()), (&error::OUT_OF_RANGE, Some("tax_rate")));
            }
        }
    }

    proptest! {
        #[test]
        fn numbered_codes_differ(one in 1_i64..10_000_000, other in 1_i64..10_000_000) {
            prop_assert_eq!(one == other, numbered_code(one) == numbered_code(other));
        }
    }
}
