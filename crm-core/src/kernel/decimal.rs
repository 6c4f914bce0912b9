//! Decimal numbers with a fixed number of places: [`Amount`], [`Quantity`], [`Price`] and [`Rate`].
//!
//! Each holds a whole number of its smallest part in 64 bits, so that equal values have one form, sums are exact, and
//! a store can keep them as integers. In text they are plain decimals without needless zeros ("1234.5", never "1e3").
//! In JSON they are texts; a JSON number is refused, because most readers of JSON would have made a float of it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{self, Error, Result};
use super::refusal;
use super::rounding::{Rounding, ten_to};

/// Reads plain decimal notation: an optional minus, digits, and optionally a point followed by digits.
///
/// `NOT_A_DECIMAL` for anything else: exponents, underscores, group separators, a leading plus, spaces.
pub fn parse_decimal(text: &str) -> Result<Decimal> {
    let (negative, whole, fraction) = pieces(text)?;
    let fraction = fraction.trim_end_matches('0');
    let out_of_range = || out_of_range(text, Decimal::MIN, Decimal::MAX);
    let digits = whole.bytes().chain(fraction.bytes());
    let mantissa = digits.clone().try_fold(0_i128, |sum, digit| {
        sum.checked_mul(10).and_then(|sum| sum.checked_add(i128::from(digit - b'0')))
    });
    let mantissa = mantissa.ok_or_else(out_of_range)?;
    let mantissa = if negative { -mantissa } else { mantissa };
    let scale = u32::try_from(fraction.len()).map_err(|_| out_of_range())?;
    if scale > Decimal::MAX_SCALE {
        return Err(too_many_decimals(text, Decimal::MAX_SCALE));
    }
    Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| out_of_range())
}

/// Sign, digits before the point and digits after it.
fn pieces(text: &str) -> Result<(bool, &str, &str)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain(whole) && fraction.is_none_or(plain) {
        Ok((negative, whole, fraction.unwrap_or("")))
    } else {
        Err(Error::new(&error::NOT_A_DECIMAL).with("value", refusal::shown(text)))
    }
}

/// Reads a plain decimal as a whole number of parts of `scale` places.
pub(crate) fn parse_scaled(text: &str, scale: u32) -> Result<i64> {
    let (negative, whole, fraction) = pieces(text)?;
    let fraction = fraction.trim_end_matches('0').as_bytes();
    let missing = match (scale as usize).checked_sub(fraction.len()) {
        Some(missing) => missing,
        None => return Err(too_many_decimals(text, scale)),
    };
    let digits = whole.bytes().chain(fraction.iter().copied()).chain(std::iter::repeat_n(b'0', missing));
    let sign = if negative { -1 } else { 1 };
    let mut scaled = 0_i64;
    for digit in digits {
        let grown = scaled.checked_mul(10);
        match grown.and_then(|grown| grown.checked_add(sign * i64::from(digit - b'0'))) {
            Some(sum) => scaled = sum,
            None => return Err(out_of_range_of(text, scale)),
        }
    }
    Ok(scaled)
}

fn scaled_of(value: Decimal, scale: u32) -> Result<i64> {
    let value = value.normalize();
    if value.scale() > scale {
        return Err(too_many_decimals(value, scale));
    }
    let scaled = value.mantissa().checked_mul(ten_to(scale - value.scale()));
    match scaled.map(i64::try_from) {
        Some(Ok(scaled)) => Ok(scaled),
        _ => Err(out_of_range_of(value, scale)),
    }
}

pub(crate) fn too_many_decimals(value: impl fmt::Display, max: u32) -> Error {
    Error::new(&error::TOO_MANY_DECIMALS).with("value", refusal::shown(&value.to_string())).with("max", max)
}

fn out_of_range_of(value: impl fmt::Display, scale: u32) -> Error {
    out_of_range(value, Decimal::new(i64::MIN, scale), Decimal::new(i64::MAX, scale))
}

fn out_of_range(value: impl fmt::Display, min: Decimal, max: Decimal) -> Error {
    let value = refusal::shown(&value.to_string());
    Error::new(&error::OUT_OF_RANGE).with("value", value).with("min", min).with("max", max)
}

fn overflow() -> Error {
    Error::new(&error::OVERFLOW)
}

/// Writes a whole number of parts of `scale` places, without needless zeros but with at least `places` places.
pub(crate) fn write_scaled(f: &mut dyn fmt::Write, scaled: i64, scale: u32, places: u32) -> fmt::Result {
    let one = 10_u64.pow(scale);
    let magnitude = scaled.unsigned_abs();
    let (whole, mut fraction) = (magnitude / one, magnitude % one);
    let mut digits = scale;
    while digits > places && fraction % 10 == 0 {
        fraction /= 10;
        digits -= 1;
    }
    let sign = if scaled < 0 { "-" } else { "" };
    if digits == 0 {
        write!(f, "{sign}{whole}")
    } else {
        write!(f, "{sign}{whole}.{fraction:0width$}", width = digits as usize)
    }
}

macro_rules! fixed_decimals {
    ($($(#[$doc:meta])* $name:ident, $scale:literal, $expecting:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Places after the point.
            pub const SCALE: u32 = $scale;
            /// Zero.
            pub const ZERO: $name = $name(0);

            /// From a decimal. `TOO_MANY_DECIMALS` when it has more places than [`Self::SCALE`] (trailing zeros do not
            /// count), `OUT_OF_RANGE` when it does not fit 64 bits.
            pub fn new(value: Decimal) -> Result<$name> {
                scaled_of(value, Self::SCALE).map($name)
            }

            /// From plain decimal notation: an optional minus, digits, and optionally a point followed by digits.
            ///
            /// `NOT_A_DECIMAL`, `TOO_MANY_DECIMALS` or `OUT_OF_RANGE`, with the text as a detail.
            pub fn parse(text: &str) -> Result<$name> {
                parse_scaled(text, Self::SCALE).map($name)
            }

            /// The nearest value by `rounding`; `OUT_OF_RANGE` when it does not fit 64 bits.
            pub fn rounded(value: Decimal, rounding: Rounding) -> Result<$name> {
                $name::new(rounding.round(value, Self::SCALE))
            }

            /// From a whole number of parts of [`Self::SCALE`] places, as stored.
            pub const fn from_scaled(scaled: i64) -> $name {
                $name(scaled)
            }

            /// As a whole number of parts of [`Self::SCALE`] places, to store.
            pub const fn to_scaled(self) -> i64 {
                self.0
            }

            /// As a decimal without trailing zeros.
            pub fn value(self) -> Decimal {
                Decimal::new(self.0, Self::SCALE).normalize()
            }

            /// Whether it is zero.
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// Whether it is below zero.
            pub const fn is_negative(self) -> bool {
                self.0 < 0
            }

            /// Whether it is above zero.
            pub const fn is_positive(self) -> bool {
                self.0 > 0
            }

            /// The sum; `OVERFLOW` when it does not fit.
            pub fn checked_add(self, other: $name) -> Result<$name> {
                self.0.checked_add(other.0).map($name).ok_or_else(overflow)
            }

            /// The difference; `OVERFLOW` when it does not fit.
            pub fn checked_sub(self, other: $name) -> Result<$name> {
                self.0.checked_sub(other.0).map($name).ok_or_else(overflow)
            }

            /// With the other sign; `OVERFLOW` for the smallest value, which has no opposite.
            pub fn checked_neg(self) -> Result<$name> {
                self.0.checked_neg().map($name).ok_or_else(overflow)
            }

            /// The sum of all, zero of none; `OVERFLOW` when the total does not fit.
            pub fn checked_sum(values: impl IntoIterator<Item = $name>) -> Result<$name> {
                let total: i128 = values.into_iter().map(|value| i128::from(value.0)).sum();
                i64::try_from(total).map($name).map_err(|_| overflow())
            }
        }

        impl From<$name> for Decimal {
            fn from(value: $name) -> Decimal {
                value.value()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if f.width().is_none() {
                    return write_scaled(f, self.0, Self::SCALE, 0);
                }
                let mut text = String::new();
                write_scaled(&mut text, self.0, Self::SCALE, 0)?;
                f.pad(&text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<$name> {
                $name::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                refusal::from_text(deserializer, $expecting, $name::parse, &error::NOT_A_DECIMAL)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "format": "decimal",
                    "pattern": concat!("^-?[0-9]+(\\.[0-9]{1,", stringify!($scale), "}0*)?$"),
                    "description": concat!("Decimal number as text, at most ", stringify!($scale), " decimal places.")
                })
            }
        }
    )+};
}

fixed_decimals! {
    /// An amount of money without its currency; 4 places, the most that ISO 4217 gives a currency, up to ±922 trillion.
    ///
    /// ```
    /// use crm_core::kernel::decimal::Amount;
    /// assert_eq!(Amount::parse("1234.50")?.to_string(), "1234.5");
    /// assert!(Amount::parse("1e3").is_err());
    /// # Ok::<(), crm_core::kernel::error::Error>(())
    /// ```
    Amount, 4, "an amount as text, such as \"1234.50\"";
    /// A quantity of goods or services in the unit of its product; 6 places.
    Quantity, 6, "a quantity as text, such as \"12.5\"";
    /// A price per unit, without its currency; 6 places, finer than any currency's minor unit.
    Price, 6, "a price as text, such as \"0.0125\"";
    /// A rate as a fraction: 0.13 is 13 %; 6 places.
    Rate, 6, "a rate as text, such as \"0.13\"";
}

impl Rate {
    /// One: 100 %.
    pub const ONE: Rate = Rate(1_000_000);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use error::{NOT_A_DECIMAL, OUT_OF_RANGE, OVERFLOW, TOO_MANY_DECIMALS};
    use proptest::prelude::*;

    #[test]
    fn texts_that_are_amounts() {
        for (text, scaled, shown) in [
            ("0", 0, "0"),
            ("-0", 0, "0"),
            ("-0.00", 0, "0"),
            ("1234.50", 12_345_000, "1234.5"),
            ("-0.0001", -1, "-0.0001"),
            ("0.10000000", 1000, "0.1"),
            ("007", 70_000, "7"),
            ("922337203685477.5807", i64::MAX, "922337203685477.5807"),
            ("-922337203685477.5808", i64::MIN, "-922337203685477.5808"),
        ] {
            let amount = Amount::parse(text).unwrap();
            assert_eq!(amount.to_scaled(), scaled, "{text}");
            assert_eq!(amount.to_string(), shown);
            assert_eq!(Amount::new(parse_decimal(text).unwrap()), Ok(amount));
            assert_eq!(amount.value().to_string(), shown);
        }
    }

    #[test]
    fn texts_that_are_not() {
        for text in [
            "", "-", ".", ".5", "5.", "+1", " 1", "1 ", "1e3", "1_000", "1,000", "--1", "1.2.3", "0x10",
            "１", "NaN", "五", "1.-5",
        ] {
            let refused = Amount::parse(text).unwrap_err();
            assert_eq!(refused, Error::new(&NOT_A_DECIMAL).with("value", text));
            assert_eq!(parse_decimal(text).unwrap_err().code(), &NOT_A_DECIMAL);
        }
        let finer = Error::new(&TOO_MANY_DECIMALS).with("value", "1.00001").with("max", 4);
        assert_eq!(Amount::parse("1.00001"), Err(finer.clone()));
        assert_eq!(Amount::new(Decimal::new(100_001, 5)), Err(finer));
        for large in ["922337203685477.5808", "-922337203685477.5809", &"9".repeat(40)] {
            let refused = Amount::parse(large).unwrap_err();
            assert_eq!(refused.code(), &OUT_OF_RANGE);
            assert_eq!(refused.details().last(), Some(("value", large)));
        }
        assert_eq!(Amount::new(Decimal::MAX).unwrap_err().code(), &OUT_OF_RANGE);
        assert_eq!(parse_decimal(&"9".repeat(40)).unwrap_err().code(), &OUT_OF_RANGE);
        assert_eq!(parse_decimal(&format!("0.{}1", "0".repeat(28))).unwrap_err().code(), &TOO_MANY_DECIMALS);
    }

    #[test]
    fn sums() {
        let amount = Amount::from_scaled;
        assert_eq!(amount(1).checked_add(amount(2)), Ok(amount(3)));
        assert_eq!(amount(1).checked_sub(amount(2)), Ok(amount(-1)));
        assert_eq!(amount(i64::MAX).checked_neg(), Ok(amount(-i64::MAX)));
        assert_eq!(amount(i64::MAX).checked_add(amount(1)).unwrap_err().code(), &OVERFLOW);
        assert_eq!(amount(i64::MIN).checked_sub(amount(1)).unwrap_err().code(), &OVERFLOW);
        assert_eq!(amount(i64::MIN).checked_neg().unwrap_err().code(), &OVERFLOW);
        // Only the total has to fit.
        assert_eq!(Amount::checked_sum([i64::MAX, 1, -2].map(amount)), Ok(amount(i64::MAX - 1)));
        assert_eq!(Amount::checked_sum([i64::MAX, 1].map(amount)).unwrap_err().code(), &OVERFLOW);
        assert_eq!(Rate::ONE.to_string(), "1");
    }

    #[test]
    fn json_is_text_only() {
        let price: Price = serde_json::from_str("\"0.012500\"").unwrap();
        assert_eq!(serde_json::to_string(&price).unwrap(), "\"0.0125\"");
        assert_eq!(serde_json::from_value::<Price>("0.0125".into()).unwrap(), price);
        assert_eq!(serde_json::from_reader::<_, Price>(&b"\"0.\\u0030125\""[..]).unwrap(), price);
        assert_eq!(serde_json::from_str::<Option<Price>>("null").unwrap(), None);
        for (json, code, value) in [
            ("12", &NOT_A_DECIMAL, "12"),
            ("-12", &NOT_A_DECIMAL, "-12"),
            ("12.5", &NOT_A_DECIMAL, "12.5"),
            ("18446744073709551615", &NOT_A_DECIMAL, "18446744073709551615"),
            ("true", &NOT_A_DECIMAL, "true"),
            ("\"12a\"", &NOT_A_DECIMAL, "12a"),
            ("\"0.0000001\"", &TOO_MANY_DECIMALS, "0.0000001"),
            ("\"9999999999999\"", &OUT_OF_RANGE, "9999999999999"),
        ] {
            let direct = serde_json::from_str::<Price>(json).unwrap_err().to_string();
            let tree: serde_json::Value = serde_json::from_str(json).unwrap();
            let owned = serde_json::from_value::<Price>(tree).unwrap_err().to_string();
            for message in [direct, owned] {
                assert!(message.starts_with(&format!("{}: ", code.name())), "{message}");
                let error = refusal::read(&message).unwrap();
                assert_eq!(error.code(), code);
                assert_eq!(error.details().last(), Some(("value", value)));
            }
        }
        // What is not JSON, or not a number at all, stays what serde says.
        for json in ["\"12", "null", "[1]", "{}"] {
            let message = serde_json::from_str::<Price>(json).unwrap_err().to_string();
            assert_eq!(refusal::read(&message), None, "{message}");
        }
    }

    #[test]
    fn schema() {
        let schema = schemars::schema_for!(Rate);
        assert_eq!(schema.get("type").unwrap(), "string");
        assert_eq!(schema.get("pattern").unwrap(), r"^-?[0-9]+(\.[0-9]{1,6}0*)?$");
    }

    proptest! {
        #[test]
        fn scaled_and_text_round_trip(scaled in any::<i64>()) {
            let amount = Amount::from_scaled(scaled);
            prop_assert_eq!(amount.to_scaled(), scaled);
            prop_assert_eq!(Amount::new(amount.value()), Ok(amount));
            prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
            let rate = Rate::from_scaled(scaled);
            prop_assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}|-?[0-9]{0,40}\\.?[0-9]{0,40}") {
            let amount = Amount::parse(&text).ok();
            let decimal = parse_decimal(&text).ok().and_then(|value| Amount::new(value).ok());
            prop_assert_eq!(amount, decimal);
        }
    }
}
