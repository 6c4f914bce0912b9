//! Credit limits: how much a customer may owe at once.
//!
//! The exposure is what is still to be received on contracts in effect, due or not, less advances received and not
//! allocated (open order credit check, as ERP systems do). What is open or in advance in another currency counts with the
//! value in the ledger's currency that it is booked at, not with the rate of the day, so that a customer is not beyond the
//! limit because a rate moved. A customer who owes exactly the limit is within it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::currency::Currency;
use crate::kernel::decimal::Amount;
use crate::kernel::error::Result;

/// How a customer stands against its credit limit. All amounts are in the ledger's currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreditStanding {
    /// The ledger's currency.
    pub currency: Currency,
    /// The limit; none when nothing was set, and then nothing exceeds it.
    pub limit: Option<Amount>,
    /// What is open of receivable installments, due or not, of all currencies.
    pub open: Amount,
    /// What was received or credited and is not allocated, of all currencies.
    pub advance: Amount,
    /// A further amount that is asked about: a contract about to be signed.
    pub further: Amount,
    /// `open - advance + further`.
    pub exposure: Amount,
    /// `limit - exposure`; below zero when exceeded; none without a limit.
    pub available: Option<Amount>,
    /// Whether the exposure is above the limit.
    pub exceeded: bool,
}

/// Where a customer stands.
///
/// # Errors
/// `OVERFLOW`.
///
/// ```
/// use crm_core::areas::warning::rules::credit::standing;
/// use crm_core::kernel::{currency::Currency, decimal::Amount};
/// let yuan = |text| Amount::parse(text).unwrap();
/// let cny = Currency::from_code("CNY").unwrap();
/// let at_limit = standing(cny, Some(yuan("1000")), yuan("1000"), Amount::ZERO, Amount::ZERO).unwrap();
/// assert!(!at_limit.exceeded);
/// assert!(standing(cny, Some(yuan("1000")), yuan("1000"), Amount::ZERO, yuan("0.01")).unwrap().exceeded);
/// ```
pub fn standing(
    currency: Currency,
    limit: Option<Amount>,
    open: Amount,
    advance: Amount,
    further: Amount,
) -> Result<CreditStanding> {
    let exposure = open.checked_sub(advance)?.checked_add(further)?;
    let available = limit.map(|limit| limit.checked_sub(exposure)).transpose()?;
    let exceeded = available.is_some_and(|available| available < Amount::ZERO);
    Ok(CreditStanding { currency, limit, open, advance, further, exposure, available, exceeded })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_exposures() {
        let yuan = |text: &str| Amount::parse(text).unwrap();
        let home = Currency::from_code("CNY").unwrap();
        for (limit, open, advance, further, exposure, available, exceeded) in [
            (Some("1000"), "1000", "0", "0", "1000", Some("0"), false),
            (Some("1000"), "1000", "0", "0.01", "1000.01", Some("-0.01"), true),
            (Some("1000"), "1200", "300", "0", "900", Some("100"), false),
            (Some("0"), "0", "0", "0", "0", Some("0"), false),
            (Some("0"), "0.01", "0", "0", "0.01", Some("-0.01"), true),
            (Some("100"), "0", "50", "0", "-50", Some("150"), false),
            (None, "1000000", "0", "1", "1000001", None, false),
        ] {
            let stands = standing(home, limit.map(yuan), yuan(open), yuan(advance), yuan(further)).unwrap();
            let found = (stands.exposure, stands.available, stands.exceeded);
            assert_eq!(
                found,
                (yuan(exposure), available.map(yuan), exceeded),
                "{limit:?} {open} {advance} {further}"
            );
        }
        let most = Amount::from_scaled(i64::MAX);
        let refused = standing(home, None, most, Amount::ZERO, yuan("1")).unwrap_err();
        assert_eq!(refused.code().name(), "overflow");
    }
}
