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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::kernel::decimal::parse_decimal;

    const ALL: [(Rounding, &str); 7] = [
        (Rounding::HalfUp, "half_up"),
        (Rounding::HalfEven, "half_even"),
        (Rounding::HalfDown, "half_down"),
        (Rounding::Up, "up"),
        (Rounding::Down, "down"),
        (Rounding::Ceiling, "ceiling"),
        (Rounding::Floor, "floor"),
    ];

    #[test]
    fn every_rule_at_every_kind_of_value() {
        // In the order of ALL.
        let table = [
            ("2.5", ["3", "2", "2", "3", "2", "3", "2"]),
            ("3.5", ["4", "4", "3", "4", "3", "4", "3"]),
            ("-2.5", ["-3", "-2", "-2", "-3", "-2", "-2", "-3"]),
            ("-3.5", ["-4", "-4", "-3", "-4", "-3", "-3", "-4"]),
            ("2.51", ["3", "3", "3", "3", "2", "3", "2"]),
            ("2.49", ["2", "2", "2", "3", "2", "3", "2"]),
            ("-2.01", ["-2", "-2", "-2", "-3", "-2", "-2", "-3"]),
            ("0.5", ["1", "0", "0", "1", "0", "1", "0"]),
            ("-0.5", ["-1", "0", "0", "-1", "0", "0", "-1"]),
            ("7", ["7", "7", "7", "7", "7", "7", "7"]),
        ];
        for (value, expected) in table {
            for ((rounding, name), expected) in ALL.iter().zip(expected) {
                let rounded = rounding.round(parse_decimal(value).unwrap(), 0);
                assert_eq!(rounded, parse_decimal(expected).unwrap(), "{value} {name}");
            }
        }
    }

    #[test]
    fn places_and_limits() {
        let round = |value: &str, places| Rounding::HalfUp.round(parse_decimal(value).unwrap(), places);
        assert_eq!(round("1.005", 2).to_string(), "1.01");
        assert_eq!(round("1.005", 5).to_string(), "1.005");
        assert_eq!(round("0.9999", 2).to_string(), "1.00");
        assert_eq!(round("7.9228162514264337593543950335", 0).to_string(), "8");
        assert_eq!(Rounding::Up.round(Decimal::MAX, 0), Decimal::MAX);
    }

    #[test]
    fn steps() {
        for (value, step, expected) in [
            ("1.02", "0.05", "1"),
            ("1.03", "0.05", "1.05"),
            ("1.025", "0.05", "1.05"),
            ("-1.025", "0.05", "-1.05"),
            ("149", "100", "100"),
            ("7", "0.25", "7"),
        ] {
            let (value, step) = (parse_decimal(value).unwrap(), parse_decimal(step).unwrap());
            let rounded = Rounding::HalfUp.round_to_step(value, step).unwrap();
            assert_eq!(rounded.to_string(), expected, "{value} by {step}");
        }
        for step in [Decimal::ZERO, Decimal::NEGATIVE_ONE] {
            let refused = Rounding::HalfUp.round_to_step(Decimal::ONE, step).unwrap_err();
            assert_eq!(refused.code(), &error::OUT_OF_RANGE);
        }
        let tiny = Decimal::new(1, Decimal::MAX_SCALE);
        let refused = Rounding::HalfUp.round_to_step(Decimal::MAX, tiny).unwrap_err();
        assert_eq!(refused.code(), &error::OVERFLOW);
    }

    #[test]
    fn json_names() {
        for (rounding, name) in ALL {
            assert_eq!(serde_json::to_value(rounding).unwrap(), name);
            assert_eq!(serde_json::from_value::<Rounding>(name.into()).unwrap(), rounding);
        }
    }
}
