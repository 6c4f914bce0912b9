//! The ledger itself: its name, currency and time zone, the working days it adds to the built-in calendar, replays of
//! requests by idempotency key, external references, and the audit trail as operations.

pub mod idempotency;
mod model;
mod operations;
mod words;

pub use model::{
    CalendarDay, ExternalReference, ExternalReferenceColumns, LedgerInfo, LedgerInfoColumns, create, load,
    load_calendar,
};
pub use operations::*;
pub use words::{AmountWords, DateInWords, DateWords, MoneyInWords};

use crate::app::AuditEntry;
use crate::catalog::Area;
use crate::store::dataset::Dataset;
use crate::store::record::Record;

/// The trail as a dataset.
pub static AUDIT: Dataset =
    Dataset { name: "audit", zh: "审计记录", table: AuditEntry::table, fields: &[], scope: None };

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
    ],
    datasets: &[],
    permissions: &[("audit.read", "Read the audit trail", "查看审计记录")],
    codes: &[operations::ALL],
    operations: operations::LIST,
};
