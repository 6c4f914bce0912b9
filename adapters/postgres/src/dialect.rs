//! What is particular to PostgreSQL's SQL.

use std::fmt::Write as _;

use crm_core::store::plan::Direction;
use crm_core::store::schema::{CellType, Table};
use crm_sql::Dialect;

/// PostgreSQL's dialect. Every text column compares by bytes, and every order says where empty cells go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Postgres;

impl Dialect for Postgres {
    fn placeholder(&self, out: &mut String, position: usize) {
        let _ = write!(out, "${position}");
    }

    fn column_type(&self, cell_type: CellType) -> &'static str {
        match cell_type {
            CellType::Int => "BIGINT",
            CellType::Text => "TEXT COLLATE \"C\"",
            CellType::Bytes => "BYTEA",
        }
    }

    fn table_suffix(&self, _table: &Table) -> &'static str {
        ""
    }

    /// Without it, an ascending order ends with empty cells, and so does the index that could serve it.
    fn nulls(&self, direction: Direction) -> &'static str {
        match direction {
            Direction::Ascending => " NULLS FIRST",
            Direction::Descending => " NULLS LAST",
        }
    }

    /// `lower` follows the column's collation, and "C" knows A–Z only, which is what is asked.
    fn contains(&self) -> (&'static str, &'static str, &'static str) {
        ("strpos(lower(", "), ", ") > 0")
    }

    fn includes(&self) -> (&'static str, &'static str, &'static str) {
        ("strpos(", ", ", ") > 0")
    }

    /// Only version 18 and later have `min` of bytes. Hexadecimal texts are in the order of the bytes they stand for.
    fn min(&self, cell_type: CellType) -> (&'static str, &'static str) {
        match cell_type {
            CellType::Bytes => ("decode(min(encode(", ", 'hex') COLLATE \"C\"), 'hex')"),
            CellType::Int | CellType::Text => ("min(", ")"),
        }
    }

    fn max(&self, cell_type: CellType) -> (&'static str, &'static str) {
        match cell_type {
            CellType::Bytes => ("decode(max(encode(", ", 'hex') COLLATE \"C\"), 'hex')"),
            CellType::Int | CellType::Text => ("max(", ")"),
        }
    }

    /// The sum of BIGINT is a NUMERIC of any size; the cast refuses what 64 bits cannot hold.
    fn sum(&self) -> (&'static str, &'static str) {
        ("sum(", ")::bigint")
    }

    fn in_array(&self) -> Option<(&'static str, &'static str)> {
        Some((" = ANY(", ")"))
    }

    fn in_json(&self, _cell_type: CellType) -> Option<(&'static str, &'static str)> {
        None
    }

    fn array_type(&self, cell_type: CellType) -> &'static str {
        match cell_type {
            CellType::Int => "bigint[]",
            CellType::Text => "text[]",
            CellType::Bytes => "bytea[]",
        }
    }

    fn bytes_literal(&self, out: &mut String, bytes: &[u8]) {
        out.push_str("'\\x");
        for byte in bytes {
            let _ = write!(out, "{byte:02x}");
        }
        out.push('\'');
    }
}
