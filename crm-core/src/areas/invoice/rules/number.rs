//! The form of invoice numbers that the tax system gives.
//!
//! A digital invoice (数电票) has one number of 20 digits: year, region, channel and count (国家税务总局公告2024年第11号). Invoices before it have a code of 10 or 12 digits (发票代码) and a number of 8; they are written as one here, the
//! code first, with or without a hyphen.

use super::INVOICE_NUMBER_WRONG;
use crate::kernel::error::{Error, Result};

/// Checks the number of a VAT invoice and returns it as it is kept: `code-number` for those before digital invoices.
///
/// ```
/// use crm_core::areas::invoice::rules::number::check_vat_number;
/// assert_eq!(check_vat_number("25332000000012345678")?, "25332000000012345678");
/// assert_eq!(check_vat_number("033001900104 12345678")?, "033001900104-12345678");
/// assert!(check_vat_number("12345").is_err());
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
///
/// # Errors
/// `INVOICE_NUMBER_WRONG`.
pub fn check_vat_number(text: &str) -> Result<String> {
    let text = text.trim();
    let wrong = || Error::new(&INVOICE_NUMBER_WRONG).with("value", text);
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (code, number) = match text.split_once(['-', ' ']) {
        Some((code, number)) => (code, number),
        // A code of 12 and a number of 8 written together would be 20 digits as well: that is a digital invoice.
        None if text.len() == 20 && all_digits(text) => return Ok(text.to_owned()),
        None if text.len() == 18 && all_digits(text) => text.split_at(10),
        None => return Err(wrong()),
    };
    if matches!(code.len(), 10 | 12) && number.len() == 8 && all_digits(code) && all_digits(number) {
        return Ok(format!("{code}-{number}"));
    }
    Err(wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, kept) in [
            ("25332000000012345678", Some("25332000000012345678")),
            (" 25332000000012345678 ", Some("25332000000012345678")),
            ("033001900104-12345678", Some("033001900104-12345678")),
            ("3300194130 12345678", Some("3300194130-12345678")),
            ("330019413012345678", Some("3300194130-12345678")),
            ("12345678", None),
            ("", None),
            ("2533200000001234567", None),
            ("2533200000001234567X", None),
            ("２5332000000012345678", None),
            ("33001941301-12345678", None),
            ("3300194130-1234567", None),
            ("3300194130-1234-5678", None),
        ] {
            assert_eq!(check_vat_number(text).ok().as_deref(), kept, "{text}");
            if let Err(refused) = check_vat_number(text) {
                assert_eq!(refused.code(), &INVOICE_NUMBER_WRONG);
            }
        }
    }
}
