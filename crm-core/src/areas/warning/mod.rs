//! Warnings: what is due soon, late, out of bounds or standing still.
//!
//! A rule is a saved query over a dataset with a date to go by; the library's own and those of the host are the same thing.
//! A warning is derived from the data by query whenever it is asked for, so it ends by itself when its cause does, and
//! a list is always true. Stored are only what people have done about it (acknowledged, snoozed) and which notices were
//! handed out, so that each is handed out once: for rules that go by a date however often or seldom the scan runs.
//!
//! A warning stands (`open`) until somebody has taken note (`acknowledged`), puts it off (`snoozed`), or its cause is gone
//! (`resolved`). What is stored of it is one row, keyed by rule, record and date: when the date moves the warning is new.
//! When its cause was found gone and comes back, it is open again: that is its next occurrence, which owes notices of its own.
//!
//! A state has no history in the data: it is known only when it is looked at, so one that comes and goes between two scans
//! leaves nothing. Rules that go by a date do not depend on that.
//!
//! What people read of warnings, handed out or not, follows their rights on the records: `warning.list`, `warning.notices`
//! and `warning.history` show what they may read of the watched dataset. Notices are about records of any kind, which a
//! dataset has no scope for, so they are none.
//!
//! The scan reads what stands now, in the order of date and record, beside what was known to stand, in the same order.
//! Both are ranges of an index, so it costs as much as there are warnings, not as there are records. It does not depend on
//! when it ran last, but for rules ahead of a date, which also look at the days since then.

mod model;
mod operations;
pub mod rules;
mod watch;

pub use model::{
    LeadUnit, WarningBound, WarningDefinition, WarningEscalation, WarningFigure, WarningLevel, WarningMark,
    WarningMarkColumns, WarningNotice, WarningNoticeColumns, WarningRecipients, WarningRule,
    WarningRuleColumns, WarningScanned, WarningScannedColumns, WarningSetting, WarningSettingColumns,
    WarningSettings, WarningState, WarningStep, WarningTiming, WarningTotal,
};
pub use operations::*;

use crate::catalog::Area;
use crate::store::record::Record;

/// The area.
pub static AREA: Area = Area {
    name: "warning",
    zh: "预警",
    tables: &[
        WarningRule::table,
        WarningMark::table,
        WarningNotice::table,
        WarningSetting::table,
        WarningScanned::table,
    ],
    datasets: &[],
    permissions: &[],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
