//! Storage as the domain sees it: schemas, records on typed columns, the query algebra, and the trait that engines implement.

pub mod cell;
pub mod engine;
pub mod plan;
pub mod schema;
