//! Rules on customers: pure functions.
//!
//! The unified social credit code is checked by GB 32100-2015: 17 characters of the digits and capital letters without
//! I, O, S, V and Z, weighted by powers of 3 modulo 31, and a check character.

use crate::kernel::currency::Currency;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::money::Money;

crate::codes! {
    /// The unified social credit code is wrong.
    CREDIT_CODE_WRONG = 1400, Invalid, "{value} is not a unified social credit code: {reason}.", "{value} 不是有效的统一社会信用代码:{reason}。";
    /// Another customer has this credit code.
    CREDIT_CODE_TAKEN = 1401, Conflict, "Another customer has the credit code {value}.", "统一社会信用代码 {value} 已属于另一客户。";
}

/// Checks a credit limit in the ledger's currency: zero or more, no finer than its minor unit.
///
/// # Errors
/// `OUT_OF_RANGE`, `TOO_MANY_DECIMALS`.
pub fn check_credit_limit(limit: Amount, home: Currency) -> Result<Amount> {
    if limit < Amount::ZERO {
        let most = Amount::from_scaled(i64::MAX);
        return Err(Error::new(&error::OUT_OF_RANGE).with("value", limit).with("min", 0).with("max", most));
    }
    Money::new(limit, home).map(Money::amount)
}

/// The characters of a code in the order of their values.
const CREDIT_CODE_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The value of each byte, turned round from the alphabet; 31 for those that are not in it.
const CREDIT_CODE_VALUES: [u8; 256] = {
    let mut values = [31; 256];
    let mut value = 0;
    while value < CREDIT_CODE_ALPHABET.len() {
        values[CREDIT_CODE_ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Checks a unified social credit code and returns it in capitals.
///
/// ```
/// use crm_core::areas::party::rules::check_credit_code;
/// assert_eq!(check_credit_code("91350100m000100y43")?, "91350100M000100Y43");
/// assert!(check_credit_code("91350100M000100Y44").is_err());
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
///
/// # Errors
/// `CREDIT_CODE_WRONG`, saying what is wrong.
pub fn check_credit_code(code: &str) -> Result<String> {
    let code = code.trim().to_ascii_uppercase();
    let wrong = |reason: &str, zh: &str| {
        Error::new(&CREDIT_CODE_WRONG).with("value", &code).with_both("reason", reason, zh)
    };
    if code.chars().count() != 18 {
        return Err(wrong("it must have 18 characters", "应为 18 位"));
    }
    let (mut sum, mut weight) = (0_usize, 1_usize);
    let mut check = 0;
    for (position, character) in code.bytes().enumerate() {
        let value = usize::from(CREDIT_CODE_VALUES[usize::from(character)]);
        if value == CREDIT_CODE_ALPHABET.len() {
            return Err(wrong("only digits and capitals without I, O, S, V, Z are used", "含非法字符"));
        }
        if position < 17 {
            sum += value * weight;
            weight = weight * 3 % 31;
        } else {
            check = value;
        }
    }
    if (31 - sum % 31) % 31 != check {
        return Err(wrong("its check character does not fit", "校验位不符"));
    }
    Ok(code)
}

/// A text that must not be empty and has at most `max` characters; spaces around it are dropped.
///
/// # Errors
/// `EMPTY`, `TOO_LONG`, at `field`.
pub fn name(field: &str, text: &str, max: usize) -> Result<String> {
    let text = crate::areas::access::required(field, text)?;
    let length = text.chars().count();
    if length > max {
        return Err(Error::new(&error::TOO_LONG).at(field).with("length", length).with("max", max));
    }
    Ok(text)
}

/// An optional text: spaces around it are dropped, and an empty one is none.
pub fn optional(text: Option<String>) -> Option<String> {
    let trimmed = |text: String| match text.trim() {
        trimmed if trimmed.len() == text.len() => text,
        trimmed => trimmed.to_owned(),
    };
    text.map(trimmed).filter(|text| !text.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn credit_codes() {
        // Codes of well-known companies as printed on their business licences.
        for good in ["91350100M000100Y43", "9144030071526726XG", "91110000802100433B", "911100001000160000"] {
            let checked = check_credit_code(good);
            if good == "911100001000160000" {
                assert_eq!(checked.unwrap_err().code(), &CREDIT_CODE_WRONG);
            } else {
                assert_eq!(checked.unwrap(), good);
            }
        }
        let cases = [
            ("", "18"),
            ("91350100M000100Y4", "18"),
            ("91350100M000100Y433", "18"),
            ("91350100I000100Y43", "digits and capitals"),
            ("91350100M000100Y44", "check character"),
            ("９1350100M000100Y43", "digits and capitals"),
        ];
        for (code, reason) in cases {
            let error = check_credit_code(code).unwrap_err();
            assert!(
                error.details().any(|(name, value)| name == "reason" && value.contains(reason)),
                "{code}: {error}"
            );
        }
    }
}
