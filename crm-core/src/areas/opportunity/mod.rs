//! Opportunities: possible sales on their way through the stages of a pipeline.
//!
//! A pipeline is an ordered list of stages: open ones, each with a probability of winning, then one for won and one for
//! lost. An opportunity is open until it is won or lost, and never changes after that. It may begin before its customer is
//! known, but only one with a customer can be won. The funnel counts each opportunity under the furthest stage that it
//! has reached, and never adds amounts of different currencies.

mod funnel;
mod model;
mod operations;
pub mod rules;

pub use funnel::{Funnel, FunnelAmount, FunnelClosed, FunnelOutcome, FunnelStage};
pub use model::{
    Opportunity, OpportunityColumns, OpportunityStatus, Pipeline, PipelineColumns, Stage, StageChange,
    StageChangeColumns, StageKind,
};
pub use operations::*;

use crate::catalog::Area;
use crate::store::dataset::{Dataset, ScopePaths};
use crate::store::record::Record;

/// Pipelines; every reader of the area sees all of them.
pub static PIPELINES: Dataset =
    Dataset { name: "pipeline", zh: "销售流程", table: Pipeline::table, fields: &[], scope: None };
/// Opportunities.
pub static OPPORTUNITIES: Dataset = Dataset {
    name: "opportunity",
    zh: "商机",
    table: Opportunity::table,
    fields: &[
        ("customer_name", "customer.name"),
        ("owner_name", "owner.name"),
        ("product_name", "product.name"),
    ],
    scope: Some(ScopePaths::of("id", "owner", "unit")),
};
/// The stages that opportunities went through, under the scope of the opportunity.
pub static STAGE_CHANGES: Dataset = Dataset {
    name: "opportunity_stage_change",
    zh: "商机阶段变化",
    table: StageChange::table,
    fields: &[],
    scope: Some(ScopePaths::of("opportunity", "opportunity.owner", "opportunity.unit")),
};

/// The area.
pub static AREA: Area = Area {
    name: "opportunity",
    zh: "商机",
    tables: &[Pipeline::table, Opportunity::table, StageChange::table],
    datasets: &[&PIPELINES, &OPPORTUNITIES, &STAGE_CHANGES],
    permissions: &[],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
