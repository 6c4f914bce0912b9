//! Warnings: what is due soon, late or standing still.
//!
//! A warning is derived from the data by query whenever it is asked for, so a missed run loses nothing and a warning ends
//! by itself when its cause does. Stored are only what people have done about it (acknowledged, snoozed) and the lead
//! times. What is warned of is a table of rules over datasets, see [`rules`]; a new kind is one more row there.

mod model;
mod operations;
pub mod rules;

pub use model::{
    LeadUnit, WarningKind, WarningLevel, WarningMark, WarningMarkColumns, WarningSetting,
    WarningSettingColumns, WarningState,
};
pub use operations::*;

use crate::catalog::Area;
use crate::store::record::Record;

/// The area.
pub static AREA: Area = Area {
    name: "warning",
    zh: "预警",
    tables: &[WarningMark::table, WarningSetting::table],
    datasets: &[],
    permissions: &[],
    codes: &[rules::ALL],
    operations: operations::LIST,
};
