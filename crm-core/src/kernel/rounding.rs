//! Rounding by name, exact: one integer division decides every rounding in the library.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{self, Error, Result};

/// How a value between two representable ones is decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the nearest; at the midpoint away from zero (四舍五入): 2.5 → 3, -2.5 → -3.
    #[default]
    HalfUp,
    /// To the nearest; at the midpoint to the even neighbour: 2.5 → 2, 3.5 → 4.
    HalfEven,
    /// To the nearest; at the midpoint towards zero: 2.5 → 2, -2.5 → -2.
    HalfDown,
    /// Away from zero: 2.1 → 3, -2.1 → -3.
    Up,
    /// Towards zero: 2.9 → 2, -2.9 → -2.
    Down,
    /// Towards positive infinity: 2.1 → 3, -2.9 → -2.
    Ceiling,
    /// Towards negative infinity: 2.9 → 2, -2.1 → -3.
    Floor,
}

impl Rounding {
    /// `numerator / denominator` as a whole number; `denominator` must be above zero.
    pub(crate) fn divide(self, numerator: i128, denominator: i128) -> i128 {
        let whole = numerator / denominator;
        let rest = numerator % denominator;
        if rest == 0 {
            return whole;
        }
        let away = rest.signum();
        // The two sides are below 2^127, so the comparison with the half cannot overflow this way round.
        let half = (rest.abs()).cmp(&(denominator - rest.abs()));
        let outwards = match self {
            Rounding::HalfUp => half.is_ge(),
            Rounding::HalfEven => half.is_gt() || (half.is_eq() && whole % 2 != 0),
            Rounding::HalfDown => half.is_gt(),
            Rounding::Up => true,
            Rounding::Down => false,
            Rounding::Ceiling => away > 0,
            Rounding::Floor => away < 0,
        };
        if outwards { whole + away } else { whole }
    }

    /// `value` with at most `places` decimal places.
    ///
    /// ```
    /// use crm_core::kernel::rounding::Rounding;
    /// use rust_decimal::Decimal;
    /// assert_eq!(Rounding::HalfUp.round(Decimal::new(-1005, 3), 2), Decimal::new(-101, 2));
    /// assert_eq!(Rounding::HalfEven.round(Decimal::new(1005, 3), 2), Decimal::new(100, 2));
    /// ```
    #[must_use]
    pub fn round(self, value: Decimal, places: u32) -> Decimal {
        if value.scale() <= places {
            return value;
        }
        // At least one digit goes, so the result always fits the 96 bits that the value had.
        let rounded = self.divide(value.mantissa(), ten_to(value.scale() - places));
        Decimal::try_from_i128_with_scale(rounded, places).unwrap_or(value)
    }

    /// `value` as a multiple of `step`, as for cash in coins of 0.05.
    ///
    /// `OUT_OF_RANGE` when the step is not above zero; `OVERFLOW` when the result is too large to be exact.
    pub fn round_to_step(self, value: Decimal, step: Decimal) -> Result<Decimal> {
        if step.is_zero() || step.is_sign_negative() {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .with("value", step)
                .with("min", Decimal::new(1, Decimal::MAX_SCALE))
                .with("max", Decimal::MAX));
        }
        let (value, step) = (value.normalize(), step.normalize());
        let scale = value.scale().max(step.scale());
        let overflow = || Error::new(&error::OVERFLOW);
        let scaled = |number: Decimal| number.mantissa().checked_mul(ten_to(scale - number.scale()));
        let (numerator, denominator) = scaled(value).zip(scaled(step)).ok_or_else(overflow)?;
        let steps = self.divide(numerator, denominator);
        let mantissa = steps.checked_mul(step.mantissa()).ok_or_else(overflow)?;
        let rounded = Decimal::try_from_i128_with_scale(mantissa, step.scale()).map_err(|_| overflow())?;
        Ok(rounded.normalize())
    }
}

/// 10 to the power of `places`, for places up to 38.
pub(crate) const fn ten_to(places: u32) -> i128 {
    10_i128.pow(places)
}
