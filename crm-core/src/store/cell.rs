//! The three primitive values that every engine stores: integer, text, bytes; and the absence of one.
//!
//! Everything richer (ids, dates, instants, decimals, enumerations) is encoded by [`Field`](super::record::Field) before
//! it reaches an engine, so engines cannot differ in how they treat it.

use crate::kernel::error::{Error, INVALID_TEXT, Result};

/// An owned value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Cell {
    /// No value. Sorts before every value.
    #[default]
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// UTF-8 text, compared byte by byte.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A borrowed value, as an engine hands it out while it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CellRef<'a> {
    /// No value.
    #[default]
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// A row: one cell per column of its table, or per output of its query.
pub type Row = Vec<Cell>;

impl Cell {
    /// Borrows the value.
    pub fn as_ref(&self) -> CellRef<'_> {
        match self {
            Cell::Null => CellRef::Null,
            Cell::Int(value) => CellRef::Int(*value),
            Cell::Text(value) => CellRef::Text(value),
            Cell::Bytes(value) => CellRef::Bytes(value),
        }
    }
}

impl CellRef<'_> {
    /// Copies the value.
    pub fn to_cell(self) -> Cell {
        match self {
            CellRef::Null => Cell::Null,
            CellRef::Int(value) => Cell::Int(value),
            CellRef::Text(value) => Cell::Text(value.to_owned()),
            CellRef::Bytes(value) => Cell::Bytes(value.to_owned()),
        }
    }
}

/// Refuses U+0000, which not every engine can keep in a text. Fields refuse it while they are encoded, and engines when
/// they write it.
///
/// # Errors
/// `INVALID_TEXT`.
pub fn check_text(text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::new(&INVALID_TEXT).with("encoding", "UTF-8 without U+0000"));
    }
    Ok(())
}
