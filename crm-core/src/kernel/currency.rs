//! Currencies, by ISO 4217: the three-letter code, the numeric code, and the minor unit (places after the point).
//!
//! Where Unicode CLDR shows fewer places than ISO 4217 (as for IRR), ISO wins: contracts and bank messages follow it.
//! Codes without a minor unit (gold, special drawing rights, test codes) are unknown here, see the data.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::currency_iso::{ROWS, Row};
use super::decimal::Amount;
use super::error::{self, Error, Locale, Result};
use super::refusal;

/// A currency of ISO 4217; one byte. Ordered by code.
///
/// ```
/// use crm_core::kernel::currency::Currency;
/// assert_eq!(Currency::from_code("KWD")?.minor_unit(), 3);
/// assert_eq!(Currency::CNY.numeric(), 156);
/// assert!(Currency::from_code("cny").is_err());
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u8);

/// The position of every code of three capitals, [`UNKNOWN`] where there is no currency: rows of money are decoded often.
static POSITIONS: [u8; 26 * 26 * 26] = {
    let mut positions = [UNKNOWN; 26 * 26 * 26];
    let mut index = 0;
    while index < ROWS.len() {
        if let [Some(first), Some(second), Some(third)] = letters(ROWS[index].code) {
            positions[(first * 26 + second) * 26 + third] = index as u8;
        }
        index += 1;
    }
    positions
};

const UNKNOWN: u8 = u8::MAX;

/// The places in the alphabet of a code of three capitals.
const fn letters(code: &str) -> [Option<usize>; 3] {
    match code.as_bytes() {
        [first, second, third] => [place(*first), place(*second), place(*third)],
        _ => [None; 3],
    }
}

const fn place(letter: u8) -> Option<usize> {
    match letter {
        b'A'..=b'Z' => Some((letter - b'A') as usize),
        _ => None,
    }
}

/// The currency of `code`; an unknown code does not compile.
const fn known(code: &str) -> Currency {
    assert!(position(code) != UNKNOWN);
    Currency(position(code))
}

/// The position of `code`, or [`UNKNOWN`].
const fn position(code: &str) -> u8 {
    match letters(code) {
        [Some(first), Some(second), Some(third)] => POSITIONS[(first * 26 + second) * 26 + third],
        _ => UNKNOWN,
    }
}

impl Currency {
    /// Chinese yuan.
    pub const CNY: Currency = known("CNY");
    /// US dollar.
    pub const USD: Currency = known("USD");
    /// Euro.
    pub const EUR: Currency = known("EUR");
    /// Japanese yen.
    pub const JPY: Currency = known("JPY");
    /// Hong Kong dollar.
    pub const HKD: Currency = known("HKD");

    /// The currency of a three-letter code in capitals; `UNKNOWN_CURRENCY` with the value otherwise.
    pub fn from_code(code: &str) -> Result<Currency> {
        match position(code) {
            UNKNOWN => Err(Error::new(&error::UNKNOWN_CURRENCY).with("value", refusal::shown(code))),
            known => Ok(Currency(known)),
        }
    }

    /// The currency of an ISO 4217 numeric code.
    pub fn from_numeric(numeric: u16) -> Option<Currency> {
        Currency::all().find(|currency| currency.numeric() == numeric)
    }

    /// Every currency, in order of code.
    pub fn all() -> impl ExactSizeIterator<Item = Currency> {
        (0..ROWS.len() as u8).map(Currency)
    }

    fn row(self) -> &'static Row {
        &ROWS[usize::from(self.0)]
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The numeric code.
    pub fn numeric(self) -> u16 {
        self.row().numeric
    }

    /// Places after the point of the smallest unit: 2 for CNY, 0 for JPY, 3 for KWD; at most 4.
    pub fn minor_unit(self) -> u8 {
        self.row().minor_unit
    }

    /// The smallest amount above zero, one minor unit: 0.01 for CNY, 1 for JPY.
    pub fn smallest(self) -> Amount {
        let places = Amount::SCALE.saturating_sub(u32::from(self.minor_unit()));
        Amount::from_scaled(10_i64.saturating_pow(places))
    }

    /// The name for a person.
    pub fn name(self, locale: Locale) -> &'static str {
        match locale {
            Locale::English => self.row().english,
            Locale::Chinese => self.row().chinese,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = Error;

    fn from_str(code: &str) -> Result<Currency> {
        Currency::from_code(code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        refusal::from_text(
            deserializer,
            "a currency code such as \"CNY\"",
            Currency::from_code,
            &error::UNKNOWN_CURRENCY,
        )
    }
}

impl schemars::JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[A-Z]{3}$",
            "description": "ISO 4217 currency code, such as CNY."
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_list_is_sorted_and_unambiguous() {
        assert!(ROWS.windows(2).all(|pair| pair[0].code < pair[1].code));
        for currency in Currency::all() {
            assert_eq!(Currency::from_code(currency.code()), Ok(currency));
            assert_eq!(Currency::from_numeric(currency.numeric()), Some(currency));
            assert!(currency.minor_unit() <= 4, "{currency}");
        }
    }

    #[test]
    fn facts() {
        for (currency, code, numeric, minor_unit, chinese) in [
            (Currency::CNY, "CNY", 156, 2, "人民币"),
            (Currency::USD, "USD", 840, 2, "美元"),
            (Currency::EUR, "EUR", 978, 2, "欧元"),
            (Currency::JPY, "JPY", 392, 0, "日元"),
            (Currency::HKD, "HKD", 344, 2, "港元"),
        ] {
            assert_eq!(currency.code(), code);
            assert_eq!(currency.numeric(), numeric);
            assert_eq!(currency.minor_unit(), minor_unit);
            assert_eq!(currency.name(Locale::Chinese), chinese);
        }
        assert!(Currency::CNY < Currency::USD);
    }

    #[test]
    fn unknown_codes() {
        for code in ["", "cny", "CNYX", "RMB", "XAU", "XXX", "BGN", "人民币"] {
            let refused = Currency::from_code(code).unwrap_err();
            assert_eq!(refused, Error::new(&error::UNKNOWN_CURRENCY).with("value", code));
        }
        assert_eq!(Currency::from_numeric(0), None);
    }

    #[test]
    fn json() {
        assert_eq!(serde_json::to_string(&Currency::CNY).unwrap(), "\"CNY\"");
        assert_eq!(serde_json::from_str::<Currency>("\"HKD\"").unwrap(), Currency::HKD);
        let owned = serde_json::Value::from("EUR");
        assert_eq!(serde_json::from_value::<Currency>(owned).unwrap(), Currency::EUR);
        for wrong in ["\"eur\"", "978", "true"] {
            let refused = serde_json::from_str::<Currency>(wrong).unwrap_err().to_string();
            assert_eq!(refusal::read(&refused).unwrap().code(), &error::UNKNOWN_CURRENCY, "{refused}");
        }
    }
}
