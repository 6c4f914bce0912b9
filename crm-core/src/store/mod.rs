//! Storage as the domain sees it: schemas, records on typed columns, the query algebra, and the trait that engines implement.

pub mod cell;
pub mod dataset;
pub mod engine;
pub mod expr;
pub mod plan;
pub mod query;
pub mod record;
pub mod schema;
