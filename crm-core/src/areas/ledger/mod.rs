//! The ledger itself: its name, currency and time zone, the working days it adds to the built-in calendar, replays of
//! requests by idempotency key, external references, and the audit trail as operations.

mod cash;
pub mod idempotency;
mod model;
mod operations;
pub mod rates;
mod words;

pub use cash::{CashPayable, CashRoundingSet, ListCashRoundings, MoneyInCash, SetCashRounding};
pub(crate) use cash::{cash_of, cash_rounding};
pub use model::{
    CalendarDay, CashMode, CashRounding, CashRoundingColumns, ExchangeRate, ExchangeRateColumns,
    ExternalReference, ExternalReferenceColumns, LedgerInfo, LedgerInfoColumns, create, load, load_calendar,
};
pub use operations::*;
pub(crate) use rates::stated_rate;
pub use rates::{ListRates, NO_RATE, SetRate, home_value, rate_on};
pub use words::{AmountWords, DateInWords, DateWords, MoneyInWords};

use crate::app::AuditEntry;
use crate::catalog::Area;
use crate::store::dataset::Dataset;
use crate::store::record::Record;

/// The trail as a dataset.
pub static AUDIT: Dataset =
    Dataset { name: "audit", zh: "审计记录", table: AuditEntry::table, fields: &[], scope: None };

/// Exchange rates.
pub static EXCHANGE_RATES: Dataset =
    Dataset { name: "exchange_rate", zh: "汇率", table: ExchangeRate::table, fields: &[], scope: None };

/// How currencies are rounded in cash.
pub static CASH_ROUNDINGS: Dataset =
    Dataset {
        name: "cash_rounding", zh: "现金取整", table: CashRounding::table, fields: &[], scope: None
    };

/// The area.
pub static AREA: Area = Area {
    name: "ledger",
    zh: "账套",
    tables: &[
        LedgerInfo::table,
        CalendarDay::table,
        ExternalReference::table,
        AuditEntry::table,
        idempotency::Kept::table,
        ExchangeRate::table,
        CashRounding::table,
    ],
    datasets: &[&EXCHANGE_RATES, &CASH_ROUNDINGS],
    permissions: &[("audit.read", "Read the audit trail", "查看审计记录")],
    codes: &[operations::ALL, rates::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
