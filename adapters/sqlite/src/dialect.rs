//! What is particular to SQLite's SQL.

use std::fmt::Write as _;

use crm_core::store::plan::Direction;
use crm_core::store::schema::{CellType, Index, Table};
use crm_sql::Dialect;

/// SQLite's dialect. Text compares by bytes and empty cells are smallest without being told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sqlite;

impl Dialect for Sqlite {
    fn placeholder(&self, out: &mut String, _position: usize) {
        out.push('?');
    }

    fn column_type(&self, cell_type: CellType) -> &'static str {
        match cell_type {
            CellType::Int => "INTEGER",
            CellType::Text => "TEXT",
            CellType::Bytes => "BLOB",
        }
    }

    /// One integer key is the row id itself; rows with any other key are clustered by it.
    fn table_suffix(&self, table: &Table) -> &'static str {
        if row_id(table).is_some() { " STRICT" } else { " STRICT, WITHOUT ROWID" }
    }

    /// Every index of a table with row ids ends with the row id. One that names it would hold it twice, and SQLite would
    /// not see that `(name, id) > (?, ?)` is a range of it.
    fn index_columns<'i>(&self, table: &Table, index: &'i Index) -> &'i [usize] {
        match index.columns.split_last() {
            Some((last, others)) if row_id(table) == Some(*last) && !index.unique && !others.is_empty() => {
                others
            }
            _ => &index.columns,
        }
    }

    /// SQLite takes a further column into the range only when it can name its collation, which a row id has not; integers
    /// compare the same with any.
    fn keyset_value(&self, table: &Table, column: usize) -> &'static str {
        if row_id(table) == Some(column) { " COLLATE BINARY" } else { "" }
    }

    fn nulls(&self, _direction: Direction) -> &'static str {
        ""
    }

    /// SQLite's `lower` knows A–Z only, which is what is asked.
    fn contains(&self) -> (&'static str, &'static str, &'static str) {
        ("instr(lower(", "), ", ") > 0")
    }

    fn includes(&self) -> (&'static str, &'static str, &'static str) {
        ("instr(", ", ", ") > 0")
    }

    fn sum(&self) -> (&'static str, &'static str) {
        ("sum(", ")")
    }

    fn in_json(&self, cell_type: CellType) -> Option<(&'static str, &'static str)> {
        (cell_type != CellType::Bytes).then_some((" IN (SELECT value FROM json_each(", "))"))
    }

    fn bytes_literal(&self, out: &mut String, bytes: &[u8]) {
        out.push_str("x'");
        for byte in bytes {
            let _ = write!(out, "{byte:02x}");
        }
        out.push('\'');
    }
}

/// The column that is the row id.
fn row_id(table: &Table) -> Option<usize> {
    match table.key[..] {
        [key] if table.columns[key].field_type.cell_type() == CellType::Int => Some(key),
        _ => None,
    }
}
