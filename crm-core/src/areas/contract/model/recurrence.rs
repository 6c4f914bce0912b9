//! What a recurring contract (rent, service) says: how long its periods are, what one costs and when it is due.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TermOffset;
use crate::kernel::calendar::Shift;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;

crate::coded! {
    /// What the periods of a recurring contract are counted in.
    pub enum RecurrenceUnit {
        /// Days.
        Day = 1, "day", "日";
        /// Weeks.
        Week = 2, "week", "周";
        /// Months.
        Month = 3, "month", "月";
        /// Quarters.
        Quarter = 4, "quarter", "季度";
        /// Half-years.
        HalfYear = 5, "half_year", "半年";
        /// Years.
        Year = 6, "year", "年";
    }
}

crate::coded! {
    /// When a period is paid.
    pub enum RecurrenceTiming {
        /// At its first day (先付).
        Advance = 1, "advance", "先付";
        /// At its end (后付).
        Arrears = 2, "arrears", "后付";
    }
}

/// Where the periods of a recurring contract begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodAlign {
    /// On the contract's first day and then so many units on, without drift: 31 January, 28 February, 31 March.
    #[default]
    Start,
    /// With the calendar's week (Monday), month, quarter, half-year or year; the first period is what is left of it.
    Calendar,
    /// On this day (1 to 31, clamped) of the month, for months and longer; the first period runs up to it.
    Day(u32),
}

crate::coded! {
    /// How a period that is not served whole is charged.
    #[derive(Default)]
    pub enum Proration {
        /// By its days over the days of the whole period.
        #[default]
        ActualDays = 1, "actual_days", "按实际天数";
        /// Every month has 30 days: the 31st counts nothing, the last day of February up to the 30th; for months and longer.
        ThirtyDayMonths = 2, "thirty_day_months", "每月按30天";
        /// Whole, whenever any day of it is served; at the price of its first day.
        None = 3, "none", "不折算";
    }
}

/// A recurring contract's rule: its installments are one for each period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// How many units a period is long, 1 to 1000.
    #[serde(default = "one")]
    pub every: u32,
    /// The unit.
    pub unit: RecurrenceUnit,
    /// Whether a period is paid in advance or in arrears.
    pub timing: RecurrenceTiming,
    /// Where periods begin.
    #[serde(default)]
    pub align: PeriodAlign,
    /// How a period that is not served whole is charged.
    #[serde(default)]
    pub proration: Proration,
    /// The gross price of one whole period, in the contract's currency.
    pub price: Amount,
    /// When a period is due: from its first day when paid in advance, from its last day when paid in arrears. When left
    /// out: that day; in arrears, unless periods follow the calendar, the day after.
    #[serde(default)]
    pub offset: Option<TermOffset>,
    /// Where a due date goes that is not a working day; it stays when left out.
    #[serde(default)]
    pub shift: Shift,
    /// When the first period is due, if not at its usual day, which makes it longer or shorter. In advance it runs to the
    /// end of the period that would begin on this day; in arrears to where a period due on this day ends. Later periods
    /// count from there.
    #[serde(default)]
    pub first_due: Option<Date>,
    /// Other prices from a date on, in the order of their dates.
    #[serde(default)]
    pub revisions: Vec<PriceRevision>,
    /// Spans in which nothing is served, in order and apart from each other.
    #[serde(default)]
    pub suspensions: Vec<Suspension>,
}

fn one() -> u32 {
    1
}

/// Another price from a date on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceRevision {
    /// The first day that it holds.
    pub from: Date,
    /// The gross price of one whole period.
    pub price: Amount,
}

/// A span in which nothing is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Its first day.
    pub from: Date,
    /// Its last day; none while it is not known.
    #[serde(default)]
    pub until: Option<Date>,
}
