//! Money: an amount with its currency, never finer than the currency's minor unit.
//!
//! Arithmetic is exact or refuses. Where a result falls between two minor units the caller names the [`Rounding`].
//! Splitting never loses or invents a minor unit, see [`Money::split`].

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::currency::Currency;
use super::decimal::{Amount, Price, Quantity, too_many_decimals, write_scaled};
use super::error::{self, Error, Result};
use super::refusal;
use super::rounding::{Rounding, ten_to};

/// An amount in a currency, a whole number of the currency's minor units.
///
/// ```
/// use crm_core::kernel::{currency::Currency, money::Money};
/// let price = Money::parse("1234.5", Currency::CNY)?;
/// assert_eq!(price.to_string(), "1,234.50 CNY");
/// assert!(Money::parse("0.5", Currency::JPY).is_err());
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Money {
    /// The amount, with no more decimal places than the currency's minor unit.
    amount: Amount,
    /// The currency.
    currency: Currency,
}

impl Money {
    /// `TOO_MANY_DECIMALS` (details `value`, `max`) when the amount is finer than the currency's minor unit.
    pub fn new(amount: Amount, currency: Currency) -> Result<Money> {
        if amount.to_scaled() % scaled_per_minor(currency) == 0 {
            Ok(Money { amount, currency })
        } else {
            Err(too_many_decimals(amount, u32::from(currency.minor_unit())))
        }
    }

    /// From plain decimal notation, see [`Amount::parse`] and [`Money::new`] for the errors.
    pub fn parse(amount: &str, currency: Currency) -> Result<Money> {
        Money::new(Amount::parse(amount)?, currency)
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Money {
        Money { amount: Amount::ZERO, currency }
    }

    /// From minor units (fen, cents, yen); `OUT_OF_RANGE` beyond what [`Amount`] holds.
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Money> {
        Money::from_wide_minor(i128::from(minor), currency).ok_or_else(|| {
            let most = i64::MAX / scaled_per_minor(currency);
            Error::new(&error::OUT_OF_RANGE).with("value", minor).with("min", -most).with("max", most)
        })
    }

    fn from_wide_minor(minor: i128, currency: Currency) -> Option<Money> {
        let scaled = minor.checked_mul(i128::from(scaled_per_minor(currency)))?;
        Some(Money { amount: Amount::from_scaled(i64::try_from(scaled).ok()?), currency })
    }

    /// The money nearest to `value` by `rounding`, in whole minor units; `OUT_OF_RANGE` beyond what [`Amount`] holds.
    pub fn rounded(value: Decimal, currency: Currency, rounding: Rounding) -> Result<Money> {
        let amount = Amount::new(rounding.round(value, u32::from(currency.minor_unit())))?;
        Ok(Money { amount, currency })
    }

    /// Price times quantity, rounded once to the minor unit; `OVERFLOW` beyond what [`Amount`] holds.
    pub fn of_line(
        price: Price,
        quantity: Quantity,
        currency: Currency,
        rounding: Rounding,
    ) -> Result<Money> {
        let product = i128::from(price.to_scaled()) * i128::from(quantity.to_scaled());
        let places = Price::SCALE + Quantity::SCALE - u32::from(currency.minor_unit());
        Money::from_wide_minor(rounding.divide(product, ten_to(places)), currency).ok_or_else(overflow)
    }

    /// The amount.
    pub const fn amount(self) -> Amount {
        self.amount
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// In minor units (fen, cents, yen).
    pub fn to_minor(self) -> i64 {
        self.amount.to_scaled() / scaled_per_minor(self.currency)
    }

    /// Whether it is zero.
    pub const fn is_zero(self) -> bool {
        self.amount.is_zero()
    }

    /// Whether it is below zero.
    pub const fn is_negative(self) -> bool {
        self.amount.is_negative()
    }

    /// Whether it is above zero.
    pub const fn is_positive(self) -> bool {
        self.amount.is_positive()
    }

    /// `CURRENCY_MISMATCH` (details `actual`, `expected`) unless this money is in `expected`.
    pub fn require(self, expected: Currency) -> Result<()> {
        if self.currency == expected {
            Ok(())
        } else {
            Err(Error::new(&error::CURRENCY_MISMATCH)
                .with("actual", self.currency)
                .with("expected", expected))
        }
    }

    /// The sum; `CURRENCY_MISMATCH` or `OVERFLOW`.
    pub fn checked_add(self, other: Money) -> Result<Money> {
        other.require(self.currency)?;
        Ok(Money { amount: self.amount.checked_add(other.amount)?, currency: self.currency })
    }

    /// The difference; `CURRENCY_MISMATCH` or `OVERFLOW`.
    pub fn checked_sub(self, other: Money) -> Result<Money> {
        other.require(self.currency)?;
        Ok(Money { amount: self.amount.checked_sub(other.amount)?, currency: self.currency })
    }

    /// With the other sign; `OVERFLOW` when it has no opposite.
    pub fn checked_neg(self) -> Result<Money> {
        Ok(Money { amount: self.amount.checked_neg()?, currency: self.currency })
    }

    /// The order of two amounts of one currency; `CURRENCY_MISMATCH` otherwise.
    pub fn compare(self, other: Money) -> Result<Ordering> {
        other.require(self.currency)?;
        Ok(self.amount.cmp(&other.amount))
    }

    /// The sum of all in `currency`, zero of none; `CURRENCY_MISMATCH` or `OVERFLOW`.
    pub fn checked_sum(values: impl IntoIterator<Item = Money>, currency: Currency) -> Result<Money> {
        let mut total = Money::zero(currency);
        for value in values {
            total = total.checked_add(value)?;
        }
        Ok(total)
    }

    /// Times a rate or any decimal, rounded once to the minor unit; `OVERFLOW` when it cannot be exact before rounding
    /// or does not fit.
    ///
    /// ```
    /// use crm_core::kernel::{currency::Currency, decimal::Rate, money::Money, rounding::Rounding};
    /// let net = Money::parse("99.99", Currency::CNY)?;
    /// let tax = net.multiply(Rate::parse("0.13")?, Rounding::HalfUp)?;
    /// assert_eq!(tax.to_plain(), "13.00");
    /// # Ok::<(), crm_core::kernel::error::Error>(())
    /// ```
    pub fn multiply(self, factor: impl Into<Decimal>, rounding: Rounding) -> Result<Money> {
        let factor = factor.into().normalize();
        let product = i128::from(self.to_minor()).checked_mul(factor.mantissa()).ok_or_else(overflow)?;
        let minor = rounding.divide(product, ten_to(factor.scale()));
        Money::from_wide_minor(minor, self.currency).ok_or_else(overflow)
    }

    /// This money in another currency: amount × rate, rounded half-up to that currency's minor unit. `rate` is what one
    /// unit of this currency costs in the other.
    ///
    /// `OVERFLOW` beyond what [`Amount`] holds.
    ///
    /// ```
    /// use crm_core::kernel::{currency::Currency, decimal::Price, money::Money};
    /// let dollars = Money::parse("100.01", Currency::from_code("USD")?)?;
    /// assert_eq!(dollars.convert(Price::parse("7.1234")?, Currency::CNY)?.to_plain(), "712.41");
    /// # Ok::<(), crm_core::kernel::error::Error>(())
    /// ```
    pub fn convert(self, rate: Price, to: Currency) -> Result<Money> {
        let product = i128::from(self.amount.to_scaled()) * i128::from(rate.to_scaled());
        let places = Amount::SCALE + Price::SCALE - u32::from(to.minor_unit());
        Money::from_wide_minor(Rounding::HalfUp.divide(product, ten_to(places)), to).ok_or_else(overflow)
    }

    /// The value of a part of this money, when all of it is worth `value`: in proportion, rounded half-up to the minor
    /// unit of `value`; the whole is worth all of it, so that parts taken one after the other use it up exactly.
    ///
    /// `OVERFLOW` beyond what [`Amount`] holds.
    pub fn portion(self, part: Amount, value: Money) -> Result<Money> {
        if part == self.amount || self.amount.is_zero() {
            return Ok(value);
        }
        let product = i128::from(value.to_minor()) * i128::from(part.to_scaled());
        let minor = Rounding::HalfUp.divide(product, i128::from(self.amount.to_scaled()));
        Money::from_wide_minor(minor, value.currency).ok_or_else(overflow)
    }

    /// Parts in proportion to `weights`, in minor units, which sum to the whole exactly.
    ///
    /// The rule: each part is first its exact share cut down to a whole minor unit; the units left over go one each to
    /// the parts in their order, from the first, passing over weights of zero. A negative total gives the mirror image
    /// of the positive one, so that a reversal cancels part by part. A weight of zero gets nothing.
    ///
    /// `EMPTY_LIST` without weights; `OUT_OF_RANGE` when a weight is negative (at `weights[i]`) or all are zero
    /// (at `weights`); `OVERFLOW` when the weights have no common scale that is exact.
    ///
    /// ```
    /// use crm_core::kernel::{currency::Currency, money::Money};
    /// let parts = Money::parse("100", Currency::CNY)?.split(&[1.into(), 1.into(), 1.into()])?;
    /// assert_eq!(parts.iter().map(|part| part.to_plain()).collect::<Vec<_>>(), ["33.34", "33.33", "33.33"]);
    /// # Ok::<(), crm_core::kernel::error::Error>(())
    /// ```
    pub fn split(self, weights: &[Decimal]) -> Result<Vec<Money>> {
        let parts = split_minor(self.to_minor(), weights)?;
        let unit = scaled_per_minor(self.currency);
        // No part is larger than the whole, so the product fits as the whole did.
        let money = |minor: i64| Money { amount: Amount::from_scaled(minor * unit), currency: self.currency };
        Ok(parts.into_iter().map(money).collect())
    }

    /// Digits with the places of the minor unit and no separators: "1234.50", for files and machines.
    pub fn to_plain(self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_plain(&mut text);
        text
    }

    fn write_plain(self, f: &mut dyn fmt::Write) -> fmt::Result {
        write_scaled(f, self.amount.to_scaled(), Amount::SCALE, u32::from(self.currency.minor_unit()))
    }
}

/// Parts of a whole number in proportion to `weights`, which sum to it exactly; the rule of [`Money::split`].
pub fn split_minor(total: i64, weights: &[Decimal]) -> Result<Vec<i64>> {
    if weights.is_empty() {
        return Err(Error::new(&error::EMPTY_LIST).at("weights"));
    }
    let weights = whole_weights(weights)?;
    let sum = weights.iter().try_fold(0_u128, |sum, weight| sum.checked_add(*weight));
    let sum = sum.filter(|sum| *sum <= u128::MAX >> 2).ok_or_else(overflow)?;
    if sum == 0 {
        return Err(weight_out_of_range(Decimal::ZERO, Decimal::new(1, Decimal::MAX_SCALE)).at("weights"));
    }
    let magnitude = total.unsigned_abs();
    let mut parts: Vec<u64> = weights.iter().map(|weight| share(magnitude, *weight, sum)).collect();
    // Every cut is below one unit, so fewer units are left than there are weights above zero.
    let mut left = magnitude - parts.iter().sum::<u64>();
    for (part, weight) in parts.iter_mut().zip(&weights) {
        if left > 0 && *weight > 0 {
            *part += 1;
            left -= 1;
        }
    }
    let signed = |part: u64| if total < 0 { 0_i64.wrapping_sub_unsigned(part) } else { part.cast_signed() };
    Ok(parts.into_iter().map(signed).collect())
}

/// The weights in whole numbers of their finest common place.
fn whole_weights(weights: &[Decimal]) -> Result<Vec<u128>> {
    for (index, weight) in weights.iter().enumerate() {
        if weight.is_sign_negative() && !weight.is_zero() {
            return Err(weight_out_of_range(*weight, Decimal::ZERO).at(format!("weights[{index}]")));
        }
    }
    let scale = weights.iter().map(|weight| weight.normalize().scale()).max().unwrap_or(0);
    let whole = |weight: &Decimal| {
        let weight = weight.normalize();
        weight.mantissa().unsigned_abs().checked_mul(ten_to(scale - weight.scale()).unsigned_abs())
    };
    weights.iter().map(whole).collect::<Option<Vec<u128>>>().ok_or_else(overflow)
}

/// `total * weight / sum`, cut down, by long division in binary: the product may need more than 128 bits.
/// `weight` is at most `sum`, and `sum` below 2^126.
fn share(total: u64, weight: u128, sum: u128) -> u64 {
    let (mut quotient, mut rest) = (0_u64, 0_u128);
    for bit in (0..u64::BITS - total.leading_zeros()).rev() {
        rest = 2 * rest + if total >> bit & 1 == 1 { weight } else { 0 };
        quotient *= 2;
        while rest >= sum {
            rest -= sum;
            quotient += 1;
        }
    }
    quotient
}

/// Parts of [`Amount`] in one minor unit: 100 for CNY, 10000 for JPY.
fn scaled_per_minor(currency: Currency) -> i64 {
    10_i64.pow(Amount::SCALE - u32::from(currency.minor_unit()))
}

fn weight_out_of_range(value: Decimal, min: Decimal) -> Error {
    Error::new(&error::OUT_OF_RANGE).with("value", value).with("min", min).with("max", Decimal::MAX)
}

fn overflow() -> Error {
    Error::new(&error::OVERFLOW)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.to_plain();
        let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
        let (whole, fraction) = digits.find('.').map_or((digits, ""), |point| digits.split_at(point));
        let mut text = String::from(sign);
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index) % 3 == 0 {
                text.push(',');
            }
            text.push(digit);
        }
        write!(text, "{fraction} {}", self.currency)?;
        f.pad(&text)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename = "Money")]
        struct Fields {
            amount: Amount,
            currency: Currency,
        }
        let Fields { amount, currency } = Fields::deserialize(deserializer)?;
        Money::new(amount, currency).map_err(|error| refusal::refuse(&error))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::kernel::decimal::{Rate, parse_decimal};
    use proptest::prelude::*;

    fn cny(text: &str) -> Money {
        Money::parse(text, Currency::CNY).unwrap()
    }

    fn weights(texts: &[&str]) -> Vec<Decimal> {
        texts.iter().map(|text| parse_decimal(text).unwrap()).collect()
    }

    #[test]
    fn never_finer_than_the_minor_unit() {
        let kwd = Currency::from_code("KWD").unwrap();
        let clf = Currency::from_code("CLF").unwrap();
        for (text, currency, minor) in [
            ("1234.50", Currency::CNY, Some(123_450)),
            ("0.005", Currency::CNY, None),
            ("5", Currency::JPY, Some(5)),
            ("5.0", Currency::JPY, Some(5)),
            ("0.5", Currency::JPY, None),
            ("0.005", kwd, Some(5)),
            ("0.0005", kwd, None),
            ("-0.0005", clf, Some(-5)),
        ] {
            match (Money::parse(text, currency), minor) {
                (Ok(money), Some(minor)) => {
                    assert_eq!(money.to_minor(), minor);
                    assert_eq!(Money::from_minor(minor, currency), Ok(money));
                }
                (Err(refused), None) => {
                    let max = currency.minor_unit();
                    let expected = Error::new(&error::TOO_MANY_DECIMALS).with("value", text).with("max", max);
                    assert_eq!(refused, expected);
                }
                (got, _) => unreachable!("{text} {currency}: {got:?}"),
            }
        }
        assert_eq!(Money::from_minor(i64::MAX, Currency::JPY).unwrap_err().code(), &error::OUT_OF_RANGE);
    }

    #[test]
    fn shown_for_people_and_machines() {
        for (text, currency, shown, plain) in [
            ("1234.5", Currency::CNY, "1,234.50 CNY", "1234.50"),
            ("-1234567", Currency::CNY, "-1,234,567.00 CNY", "-1234567.00"),
            ("-123", Currency::USD, "-123.00 USD", "-123.00"),
            ("0", Currency::EUR, "0.00 EUR", "0.00"),
            ("1000", Currency::JPY, "1,000 JPY", "1000"),
        ] {
            let money = Money::parse(text, currency).unwrap();
            assert_eq!(money.to_string(), shown);
            assert_eq!(money.to_plain(), plain);
        }
        assert_eq!(format!("[{:>10}]", cny("1")), "[  1.00 CNY]");
    }

    #[test]
    fn arithmetic_stays_in_one_currency() {
        let usd = Money::parse("1", Currency::USD).unwrap();
        assert_eq!(cny("1.10").checked_add(cny("2.05")), Ok(cny("3.15")));
        assert_eq!(cny("1").checked_sub(cny("2.05")), Ok(cny("-1.05")));
        assert_eq!(cny("1").checked_neg(), Ok(cny("-1")));
        assert_eq!(cny("1").compare(cny("2")), Ok(Ordering::Less));
        assert_eq!(Money::checked_sum([cny("1"), cny("2")], Currency::CNY), Ok(cny("3")));
        let mismatch = Error::new(&error::CURRENCY_MISMATCH).with("actual", "USD").with("expected", "CNY");
        assert_eq!(cny("1").checked_add(usd), Err(mismatch.clone()));
        assert_eq!(cny("1").checked_sub(usd), Err(mismatch.clone()));
        assert_eq!(cny("1").compare(usd), Err(mismatch.clone()));
        assert_eq!(Money::checked_sum([cny("1"), usd], Currency::CNY), Err(mismatch));
    }

    #[test]
    fn products_round_once() {
        for (amount, factor, rounding, expected) in [
            ("100.05", "0.5", Rounding::HalfUp, "50.03"),
            ("100.05", "0.5", Rounding::HalfEven, "50.02"),
            ("-100.05", "0.5", Rounding::HalfUp, "-50.03"),
            ("-100.05", "0.5", Rounding::Floor, "-50.03"),
            ("0.01", "0.0000001", Rounding::Up, "0.01"),
            ("1130", "0.1150442477876106194690265487", Rounding::HalfUp, "130.00"),
        ] {
            let product = cny(amount).multiply(parse_decimal(factor).unwrap(), rounding).unwrap();
            assert_eq!(product, cny(expected), "{amount} × {factor}");
        }
        assert_eq!(cny("100").multiply(Rate::parse("0.13").unwrap(), Rounding::HalfUp), Ok(cny("13")));
        let refused = cny("900000000000000").multiply(Decimal::TEN, Rounding::HalfUp).unwrap_err();
        assert_eq!(refused.code(), &error::OVERFLOW);
        let line = Money::of_line(
            Price::parse("0.333333").unwrap(),
            Quantity::parse("1000.5").unwrap(),
            Currency::CNY,
            Rounding::HalfUp,
        );
        assert_eq!(line, Ok(cny("333.50")));
        let rounded = Money::rounded(parse_decimal("0.5").unwrap(), Currency::JPY, Rounding::HalfUp);
        assert_eq!(rounded, Money::parse("1", Currency::JPY));
    }

    #[test]
    fn splits() {
        for (total, by, expected) in [
            (100, &["1", "1", "1"][..], &[34, 33, 33][..]),
            (-100, &["1", "1", "1"], &[-34, -33, -33]),
            (5, &["0", "1", "1"], &[0, 3, 2]),
            (1, &["0", "0", "3"], &[0, 0, 1]),
            (0, &["1", "2"], &[0, 0]),
            (1000, &["0.3", "0.6", "0.1"], &[300, 600, 100]),
            (7, &["0.5", "0.50"], &[4, 3]),
            (
                i64::MAX,
                &["0.3333333333333333333333333333", "0.6666666666666666666666666667"],
                &[3_074_457_345_618_258_603, 6_148_914_691_236_517_204],
            ),
            (i64::MIN, &["1", "0"], &[i64::MIN, 0]),
            (i64::MIN, &["1", "1"], &[i64::MIN / 2, i64::MIN / 2]),
        ] {
            assert_eq!(split_minor(total, &weights(by)).unwrap(), expected, "{total} by {by:?}");
        }
        let yen = Money::parse("100", Currency::JPY).unwrap().split(&weights(&["2", "1"])).unwrap();
        assert_eq!(yen.iter().map(|part| part.to_minor()).collect::<Vec<_>>(), [67, 33]);
    }

    #[test]
    fn splits_refused() {
        for (by, code, field) in [
            (&[][..], &error::EMPTY_LIST, Some("weights")),
            (&["0", "0"], &error::OUT_OF_RANGE, Some("weights")),
            (&["1", "-1"], &error::OUT_OF_RANGE, Some("weights[1]")),
            (&["79228162514264337593543950335", "0.0000000000000000000000000001"], &error::OVERFLOW, None),
        ] {
            let refused = cny("1").split(&weights(by)).unwrap_err();
            assert_eq!((refused.code(), refused.field()), (code, field), "{by:?}");
        }
    }

    #[test]
    fn json() {
        let json = r#"{"amount":"1234.5","currency":"CNY"}"#;
        assert_eq!(serde_json::from_str::<Money>(json).unwrap(), cny("1234.50"));
        assert_eq!(serde_json::to_string(&cny("1234.50")).unwrap(), json);
        for (json, code) in [
            (r#"{"amount":"0.001","currency":"CNY"}"#, &error::TOO_MANY_DECIMALS),
            (r#"{"amount":1,"currency":"CNY"}"#, &error::NOT_A_DECIMAL),
            (r#"{"amount":"1","currency":"RMB"}"#, &error::UNKNOWN_CURRENCY),
        ] {
            let message = serde_json::from_str::<Money>(json).unwrap_err().to_string();
            assert_eq!(refusal::read(&message).unwrap().code(), code, "{message}");
        }
        let extra = serde_json::from_str::<Money>(r#"{"amount":"1","currency":"CNY","tax":"0"}"#);
        assert!(extra.unwrap_err().to_string().starts_with("unknown field `tax`"));
        let schema = schemars::schema_for!(Money);
        assert_eq!(schema.get("additionalProperties").unwrap(), false);
        assert_eq!(schema.get("required").unwrap(), &serde_json::json!(["amount", "currency"]));
    }

    fn any_weights() -> impl Strategy<Value = Vec<Decimal>> {
        let weight = prop_oneof![
            Just(Decimal::ZERO),
            (0_i64..1_000_000, 0_u32..=6).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale)),
            (0..=i64::MAX, 0_u32..=18).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale)),
        ];
        proptest::collection::vec(weight, 1..20)
    }

    proptest! {
        #[test]
        fn a_split_sums_exactly_and_keeps_the_sign(total in any::<i64>(), weights in any_weights()) {
            match split_minor(total, &weights) {
                Err(refused) => {
                    let zero = weights.iter().all(Decimal::is_zero);
                    prop_assert_eq!(refused.code(), if zero { &error::OUT_OF_RANGE } else { &error::OVERFLOW });
                }
                Ok(parts) => {
                    prop_assert_eq!(parts.len(), weights.len());
                    prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(total));
                    for (part, weight) in parts.iter().zip(&weights) {
                        prop_assert!(*part == 0 || part.signum() == total.signum());
                        prop_assert!(!weight.is_zero() || *part == 0);
                    }
                    if let Some(mirrored) = total.checked_neg() {
                        let mirror: Vec<i64> = parts.iter().map(|part| -part).collect();
                        prop_assert_eq!(split_minor(mirrored, &weights)?, mirror);
                    }
                }
            }
        }

        #[test]
        fn a_share_is_the_exact_quotient(total in any::<u64>(), weight in 0..=1_u128 << 62, more in 1..=1_u128 << 62) {
            let sum = weight + more;
            prop_assert_eq!(u128::from(share(total, weight, sum)), u128::from(total) * weight / sum);
        }
    }
}
