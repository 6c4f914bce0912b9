//! What is sold.
//!
//! A product has a code that is unique in the ledger; left out, the next number of the series `P000001` is given.
//! Product line and category are plain texts: they group and filter, and nothing else depends on them.

mod model;
mod operations;
pub mod rules;

pub use model::{Product, ProductColumns};
pub use operations::*;

use crate::catalog::Area;
use crate::store::dataset::Dataset;
use crate::store::record::Record;

/// Products; every reader of the area sees all of them.
pub static PRODUCTS: Dataset =
    Dataset { name: "product", zh: "产品", table: Product::table, fields: &[], scope: None };

/// The area.
pub static AREA: Area = Area {
    name: "product",
    zh: "产品",
    tables: &[Product::table],
    datasets: &[&PRODUCTS],
    permissions: &[],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
