//! Payment terms as contracts state them, stored as one document with the contract.
//!
//! Each part is an enumeration that may gain values (another event, another way to count); what is stored today keeps
//! its form.

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
    /// How much of the contract, or of `lines`.
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
    /// Positions of the contract lines that the share is of, from 1; the whole contract when left out. Terms with the
    /// same lines make up the gross of these lines; no line stands in two such groups.
    #[serde(default)]
    pub lines: Vec<u32>,
    /// The step that a rate share is rounded to, half-up, such as `"1"` for whole units; the currency's minor unit when
    /// left out. What rounding leaves goes to the balance or the last rate.
    #[serde(default)]
    pub round_to: Option<Amount>,
    /// When the event is expected: gives a forecast of the due date while the event has not happened.
    #[serde(default)]
    pub expected: Option<Date>,
    /// Whether the installment is held back (质保金): what the terms reach is a forecast, and it is due when it is
    /// released.
    #[serde(default)]
    pub retention: bool,
    /// What is taken off for paying early.
    #[serde(default)]
    pub discount: Option<EarlyDiscount>,
}

impl PaymentTerm {
    /// A term of this share, due on the anchor's day; everything else as when left out.
    pub fn new(share: TermShare, anchor: TermAnchor) -> PaymentTerm {
        PaymentTerm {
            label: None,
            share,
            anchor,
            offset: TermOffset::default(),
            align: TermAlign::default(),
            shift: Shift::default(),
            lines: Vec::new(),
            round_to: None,
            expected: None,
            retention: false,
            discount: None,
        }
    }
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermAnchor {
    /// The signing.
    Signed,
    /// The taking effect.
    Effective,
    /// The first day of the contract's term.
    Start,
    /// The last day of the contract's term.
    End,
    /// Each delivery: what is delivered is due by itself, the rest waits.
    Delivery,
    /// The last delivery.
    Delivered,
    /// The acceptance.
    Accepted,
    /// The invoice of the installment.
    Invoiced,
    /// A milestone of this name, 1 to 100 characters.
    Milestone(String),
    /// The due date of the term before. Months in a row of such terms are counted from the first of the row, so that they do
    /// not drift: 31 January, 28 February, 31 March.
    Previous,
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

/// A day of a month that is counted from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MonthDay {
    /// The day, 1 to 31, clamped to the month's end.
    pub day: u32,
    /// How many months on; 0 for the month that the offset reaches.
    #[serde(default)]
    pub months: i32,
}

/// Where in the month a due date lies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TermAlign {
    /// Anywhere.
    #[default]
    None,
    /// The offset counts from the end of the anchor's month (月结); months reach the end of a month.
    MonthEndBefore,
    /// At the end of the month that the offset reaches.
    MonthEnd,
    /// So many days after the end of the month that the offset reaches; before it when negative.
    MonthEndAndDays(i32),
    /// On this day (1 to 31, clamped) of the month after the one that the offset reaches.
    NextMonthOn(u32),
    /// On a day of the month that lies so many months after the one that the offset reaches.
    DayOfMonth(MonthDay),
    /// On the first of these days of a month (1 to 31, clamped) that is not before what the offset reaches.
    OnOrAfter(Vec<u32>),
    /// On the last of these days of a month (1 to 31, clamped) that is not after what the offset reaches.
    OnOrBefore(Vec<u32>),
}

/// What is taken off an installment that is paid early (现金折扣).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyDiscount {
    /// The discount: `"0.02"` is 2%; above 0 and at most 1.
    pub rate: Rate,
    /// Calendar days from the anchor's date within which it is granted, the last one included.
    pub days: u32,
    /// What it is taken of.
    #[serde(default)]
    pub base: DiscountBase,
}

crate::coded! {
    /// What an early-payment discount is taken of.
    #[derive(Default)]
    pub enum DiscountBase {
        /// Of the total: the amount without tax and the tax, each by the rate.
        #[default]
        Total = 1, "total", "含税总额";
        /// Of the amount without tax; the tax stays whole.
        Untaxed = 2, "untaxed", "不含税金额";
        /// Of the amount without tax; the tax is stated on the discounted amount whether it is paid early or not.
        TaxReducing = 3, "tax_reducing", "不含税金额(税额同减)";
    }
}

/// What is charged for paying late (违约金): simple interest on what is open, see the rules of settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LateTerms {
    /// A day's charge as a fraction of what is open: `"0.0005"` is 0.05%; above 0, at most 0.1.
    pub daily_rate: Rate,
    /// Calendar days after the due date for which nothing is charged.
    #[serde(default)]
    pub grace_days: u32,
    /// The most that is charged, as a fraction of the installment; no limit when left out.
    #[serde(default)]
    pub cap: Option<Rate>,
}
