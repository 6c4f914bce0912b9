//! What the ledger keeps about itself.

use uuid::Uuid;

use crate::app::NewLedger;
use crate::kernel::calendar::{Calendar, DayKind};
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, Instant};
use crate::kernel::decimal::Price;
use crate::kernel::error::Result;
use crate::kernel::id::IdCodec;
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
