//! Payment terms as contracts state them, stored as one document with the contract.
//!
//! Each part is an enumeration that may gain values (another event, another way to count, a retention); what is stored
//! today keeps its form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::calendar::Shift;
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Rate};

/// The rule that an installment is planned from.
///
/// The due date is found in this order: the anchor's date; the end of its month, if `align` says so; the offset; the
/// other alignments; the shift to a working day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentTerm {
    /// What the installment is called; 第1期, 第2期 … when left out.
    #[serde(default)]
    pub label: Option<String>,
    /// How much of the contract.
    pub share: TermShare,
    /// The event or date that the term counts from.
    pub anchor: TermAnchor,
    /// How far from the anchor.
    #[serde(default)]
    pub offset: TermOffset,
    /// Where in the month the due date lies.
    #[serde(default)]
    pub align: TermAlign,
    /// Where a due date goes that is not a working day; it stays when left out.
    #[serde(default)]
    pub shift: Shift,
}

/// How much of the contract an installment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermShare {
    /// A fraction of the contract amount: `"0.3"` is 30%. Rounded half-up to the minor unit.
    Rate(Rate),
    /// An amount in the contract's currency.
    Amount(Amount),
    /// What the terms before leave; only the last term.
    Balance,
}

/// What a term counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermAnchor {
    /// The signing.
    Signed,
    /// The taking effect.
    Effective,
    /// The delivery.
    Delivered,
    /// The acceptance.
    Accepted,
    /// A fixed date.
    Date(Date),
}

/// How far from the anchor; negative before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermOffset {
    /// Calendar days.
    Days(i32),
    /// Working days of the ledger's calendar, strictly counted.
    WorkingDays(i32),
    /// Months, the day clamped to the month's end.
    Months(i32),
}

impl Default for TermOffset {
    fn default() -> Self {
        TermOffset::Days(0)
    }
}

/// Where in the month a due date lies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermAlign {
    /// Anywhere.
    #[default]
    None,
    /// The offset counts from the end of the anchor's month (月结).
    MonthEndBefore,
    /// At the end of the month that the offset reaches.
    MonthEnd,
    /// On this day (1 to 31, clamped) of the month after the one that the offset reaches.
    NextMonthOn(u32),
    /// On the first of these days of a month (1 to 31, clamped) that is not before what the offset reaches.
    OnOrAfter(Vec<u32>),
}
