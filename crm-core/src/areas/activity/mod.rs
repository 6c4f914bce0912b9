//! Follow-ups: dated contacts with a customer, and what was agreed as the next step.
//!
//! A next step is open until it is done or a newer follow-up of the same user with the same customer takes its place: of
//! one user's open next steps with one customer only the latest follow-up's stays open, in whatever order they are
//! entered. A next step with a date that is open and past is what the overdue warning finds.

mod model;
mod operations;
pub mod rules;

pub use model::{Activity, ActivityColumns, Channel, StepState};
pub use operations::*;

use crate::catalog::Area;
use crate::store::dataset::{Dataset, ScopePaths};
use crate::store::record::Record;

/// Follow-ups, under the scope of their customer.
pub static ACTIVITIES: Dataset = Dataset {
    name: "activity",
    zh: "跟进记录",
    table: Activity::table,
    fields: &[("customer_name", "customer.name"), ("owner_name", "owner.name")],
    scope: Some(ScopePaths::of("customer", "customer.owner", "customer.unit")),
};

/// The area.
pub static AREA: Area = Area {
    name: "activity",
    zh: "跟进",
    tables: &[Activity::table],
    datasets: &[&ACTIVITIES],
    permissions: &[],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
