//! What the ledger keeps about itself.

use uuid::Uuid;

use crate::app::NewLedger;
use crate::kernel::calendar::{Calendar, DayKind};
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, Instant};
use crate::kernel::decimal::{Amount, Price};
use crate::kernel::error::Result;
use crate::kernel::id::IdCodec;
use crate::kernel::rounding::Rounding;
use crate::store::engine::Tx;
use crate::store::query::Query;
use crate::store::record::{Big, Record};

crate::record! {
    /// The ledger's own data: one row.
    pub struct LedgerInfo, LedgerInfoColumns in "ledger" key (number) {
        /// Always 1.
        number: u32,
        /// The mark in every id of this ledger.
        tag: Big,
        /// The company's name.
        name: String,
        /// The currency of totals.
        currency: Currency,
        /// Offset of business dates from UTC in minutes.
        utc_offset_minutes: i32,
        /// When it was created.
        created_at: Instant,
    }
}

impl LedgerInfo {
    /// The codec of its ids.
    pub fn codec(&self) -> IdCodec {
        IdCodec::new(self.tag.0.unsigned_abs())
    }
}

crate::coded! {
    /// Whether people work on a day.
    pub enum DayStatus {
        /// A day off.
        Holiday = 1, "holiday", "休息日";
        /// A working day, also on a weekend.
        Working = 2, "working", "工作日";
    }
}

crate::record! {
    /// A day on which the ledger's calendar differs from the built-in one.
    pub struct CalendarDay, CalendarDayColumns in "calendar_day" key (date) {
        /// The day; its year counts as known from then on.
        date: Date,
        /// Whether people work on it.
        status: DayStatus,
        /// Why: the name of the holiday.
        note: String,
    }
}

crate::record! {
    /// The key under which a host system knows a record.
    pub struct ExternalReference, ExternalReferenceColumns in "external_reference" key (system, value) {
        /// The host system, such as `u8`.
        system: String,
        /// The key there; unique within the system.
        value: String,
        /// The kind of record: its table.
        kind: String,
        /// The record.
        record: Uuid,
    }
    index external_reference_record (record);
}

crate::record! {
    /// What one unit of a currency costs in the ledger's currency, from a day on until the next rate.
    pub struct ExchangeRate, ExchangeRateColumns in "exchange_rate" key (currency, date) since 2 {
        /// The currency.
        currency: Currency,
        /// The first day it holds.
        date: Date,
        /// Units of the ledger's currency for one unit, up to six places.
        rate: Price,
        /// Where it comes from: the bank, the customs rate of the month.
        note: Option<String>,
    }
}

crate::coded! {
    /// Which multiple of the smallest coin is paid.
    #[derive(Default)]
    pub enum CashMode {
        /// The nearest one; of two equally near the one further from zero (四舍五入).
        #[default]
        HalfUp = 1, "half_up", "四舍五入";
        /// The next one away from zero (进位).
        Up = 2, "up", "向上进位";
        /// The next one towards zero (抹零).
        Down = 3, "down", "抹零";
    }
}

impl CashMode {
    /// The rule that it names.
    pub fn rounding(self) -> Rounding {
        match self {
            CashMode::HalfUp => Rounding::HalfUp,
            CashMode::Up => Rounding::Up,
            CashMode::Down => Rounding::Down,
        }
    }
}

crate::record! {
    /// How amounts of a currency are rounded when they are paid in cash.
    pub struct CashRounding, CashRoundingColumns in "cash_rounding" key (currency) since 2 {
        /// The currency.
        currency: Currency,
        /// The smallest coin in use.
        step: Amount,
        /// How amounts between its multiples are rounded.
        mode: CashMode,
    }
}

/// The ledger's data, if it has been created.
///
/// # Errors
/// Of the engine.
pub fn load(tx: &mut dyn Tx, ids: IdCodec) -> Result<Option<LedgerInfo>> {
    Query::<LedgerInfo>::new(ids).first(tx)
}

/// Writes the data of a new ledger.
///
/// # Errors
/// Of the engine.
pub fn create(tx: &mut dyn Tx, codec: IdCodec, now: Instant, new: &NewLedger) -> Result<LedgerInfo> {
    let info = LedgerInfo {
        number: 1,
        tag: Big(i64::try_from(codec.tag()).unwrap_or(0)),
        name: new.name.clone(),
        currency: new.currency,
        utc_offset_minutes: new.utc_offset_minutes,
        created_at: now,
    };
    tx.insert(LedgerInfo::table(), &[info.encode(codec)?])?;
    Ok(info)
}

/// The built-in calendar of mainland China with the days that the ledger adds.
///
/// # Errors
/// Of the engine.
pub fn load_calendar(tx: &mut dyn Tx, ids: IdCodec) -> Result<Calendar> {
    use chrono::Datelike;
    let mut calendar = Calendar::china();
    for day in Query::<CalendarDay>::new(ids).fetch(tx)? {
        let kind = match day.status {
            DayStatus::Holiday => DayKind::Holiday,
            DayStatus::Working => DayKind::Working,
        };
        calendar = calendar.with_day(day.date, kind).with_known_year(day.date.year());
    }
    Ok(calendar)
}
