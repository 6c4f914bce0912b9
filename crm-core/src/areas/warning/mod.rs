//! Warnings: what is due soon, late, out of bounds or standing still.
//!
//! A rule is a saved query over a dataset with a date to go by; the library's own and those of the host are the same thing.
//! A warning is derived from the data by query whenever it is asked for, so it ends by itself when its cause does, and
//! a list is always true. Stored are only what people have done about it (acknowledged, snoozed) and which notices were
//! handed out, so that each is handed out once however often or seldom the scan runs.
//!
//! A warning stands (`open`) until somebody has taken note (`acknowledged`), puts it off (`snoozed`), or its cause is gone
//! (`resolved`). What is stored of it is one row, keyed by rule, record and date: when the date moves the warning is new.
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
use crate::store::dataset::{Dataset, ScopePaths};
use crate::store::record::Record;

/// Notices that were handed out, under the scope of who was responsible then.
pub static WARNING_NOTICES: Dataset = Dataset {
    name: "warning_notice",
    zh: "预警通知",
    table: WarningNotice::table,
    fields: &[("owner_name", "owner.name")],
    scope: Some(ScopePaths::of("subject", "owner", "unit")),
};

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
    datasets: &[&WARNING_NOTICES],
    permissions: &[],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
