//! Import of records from CSV files of other systems.
//!
//! Every row has a key in the system it comes from. The key is kept as external reference, so running an import again
//! creates nothing twice: a row whose key is known is left alone or, when asked, brought up to date. Rows with errors are
//! told with line and column and left out; the others are written. Rows are read and written in batches, with one query
//! per batch for each kind of reference, and the trail keeps the ids of what was created beside the file's SHA-256.
//!
//! A kind of record becomes importable by implementing `Importable` and one line in [`ImportKind`] and `with_kind`.

mod engine;
mod model;
mod operations;
pub mod rules;
mod target;

pub use model::{
    ColumnMapping, Content, FieldInfo, ImportKind, ImportReport, ImportedField, OnExisting, Preview,
    RowError, TextEncoding,
};
pub use operations::*;

use crate::catalog::Area;

/// The area.
pub static AREA: Area = Area {
    name: "import",
    zh: "导入",
    tables: &[],
    datasets: &[],
    permissions: &[("import.run", "Import records, for any owner", "导入数据")],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
