//! What is particular to SQLite's SQL.

use std::fmt::Write as _;

use crm_core::store::plan::Direction;
use crm_core::store::schema::{CellType, Table};
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
        let is_row_id =
            matches!(table.key[..], [key] if table.columns[key].field_type.cell_type() == CellType::Int);
        if is_row_id { " STRICT" } else { " STRICT, WITHOUT ROWID" }
    }

    fn nulls(&self, _direction: Direction) -> &'static str {
        ""
    }

    /// SQLite's `lower` knows A–Z only, which is what is asked.
    fn contains(&self) -> (&'static str, &'static str, &'static str) {
        ("instr(lower(", "), ", ") > 0")
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
