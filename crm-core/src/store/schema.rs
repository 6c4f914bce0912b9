//! Tables, columns and indexes as values. The areas declare them (mostly through [`record!`](crate::record)); engines
//! create and migrate them.
//!
//! A schema has a version. Every table, column and index says since which version it exists, so an older store is
//! brought forward by adding whatever is newer than it: a fresh schema and a migrated one are the same by construction.
//! A column added to a table that exists must be nullable or have a default; one that is a reference must be nullable and
//! have none. Whatever refers to a table should lead an index or the key, or deleting there searches the whole table.
//!
//! What the rows of an older store lack beside that, the schema's [`Forward`] puts in, in the same transaction.

use std::sync::Arc;

use crate::kernel::error::Result;
use crate::store::cell::Cell;
use crate::store::engine::Tx;

/// What a column means; it decides how values are encoded, compared with and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// A reference to a record: the integer key of a UUIDv7.
    Id,
    /// A whole number of 64 bits; travels as text, since many JSON readers keep only 53.
    Int,
    /// A whole number of 32 bits: versions, sequences, counts of days.
    Small,
    /// 0 or 1.
    Bool,
    /// UTF-8 text.
    Text,
    /// A business date: days since 1970-01-01.
    Date,
    /// An instant: microseconds since 1970-01-01T00:00:00Z.
    Instant,
    /// A decimal with this many places: the integer of its smallest unit.
    Decimal(u32),
    /// One of a closed set of names: the code of the name.
    Enum(&'static EnumInfo),
    /// A set of labels: text in which each stands between line breaks.
    Tags,
    /// A structured value as JSON text; it can be read, but not searched.
    Json,
    /// Bytes.
    Bytes,
}

/// The primitive under a [`FieldType`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellType {
    /// A 64-bit integer.
    Int,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Bytes,
}

impl FieldType {
    /// The primitive that engines store.
    pub const fn cell_type(self) -> CellType {
        match self {
            FieldType::Id
            | FieldType::Int
            | FieldType::Small
            | FieldType::Bool
            | FieldType::Date
            | FieldType::Instant
            | FieldType::Decimal(_)
            | FieldType::Enum(_) => CellType::Int,
            FieldType::Text | FieldType::Tags | FieldType::Json => CellType::Text,
            FieldType::Bytes => CellType::Bytes,
        }
    }
}

/// A closed set of names with their stored codes. Codes are never reused.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumInfo {
    /// The type's name.
    pub name: &'static str,
    /// Name, code and Chinese label of each value, in order.
    pub values: &'static [EnumValue],
}

/// One value of an enumeration.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumValue {
    /// The name at every boundary, `snake_case`.
    pub name: &'static str,
    /// The stored code.
    pub code: i64,
    /// The Chinese label.
    pub zh: &'static str,
}

impl EnumInfo {
    /// The code of a name.
    pub fn code(&self, name: &str) -> Option<i64> {
        self.values.iter().find(|value| value.name == name).map(|value| value.code)
    }

    /// The name of a code.
    pub fn name_of(&self, code: i64) -> Option<&'static str> {
        self.values.iter().find(|value| value.code == code).map(|value| value.name)
    }

    /// The Chinese label of a code.
    pub fn zh_of(&self, code: i64) -> Option<&'static str> {
        self.values.iter().find(|value| value.code == code).map(|value| value.zh)
    }

    /// All names, for messages.
    pub fn names(&self) -> String {
        self.values.iter().map(|value| value.name).collect::<Vec<_>>().join(", ")
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name, `snake_case`.
    pub name: &'static str,
    /// What it holds.
    pub field_type: FieldType,
    /// Whether it may be empty.
    pub nullable: bool,
    /// The table whose id it holds; engines keep this as a foreign key.
    pub references: Option<&'static str>,
    /// First schema version that has it.
    pub since: u32,
    /// What rows of earlier versions get.
    pub default: Option<Cell>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Name, unique in the schema.
    pub name: &'static str,
    /// Columns by position, in order.
    pub columns: Vec<usize>,
    /// Whether two rows may not be equal in these columns; rows with an empty column never collide.
    pub unique: bool,
    /// When given, only rows in which this column has a value are in the index. A query finds such an index when its
    /// filter demands a value of that column.
    pub present: Option<usize>,
    /// First schema version that has it.
    pub since: u32,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Name, `snake_case`, singular.
    pub name: &'static str,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Primary key by column position: one integer column, or a parent key and a sequence. Rows are clustered by it.
    pub key: Vec<usize>,
    /// Indexes beside the key.
    pub indexes: Vec<Index>,
    /// First schema version that has it.
    pub since: u32,
}

/// The longest text in a key or an index, in characters: engines limit the size of what an index holds, the strictest
/// to 2700 bytes for all columns together.
pub const INDEXED_TEXT_MAX: usize = 250;

impl Table {
    /// The text columns that are in the key or an index, by position.
    pub fn indexed_texts(&self) -> Vec<usize> {
        let is_indexed = |position: &usize| {
            self.key.contains(position) || self.indexes.iter().any(|index| index.columns.contains(position))
        };
        let is_text = |position: &usize| self.columns[*position].field_type.cell_type() == CellType::Text;
        (0..self.columns.len()).filter(is_text).filter(is_indexed).collect()
    }

    /// Position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// Brings the rows of an older store forward, from the version given, when it has the tables, columns and indexes of the
/// schema already.
///
/// An engine runs it once, in the transaction that raises the version, and not for a store that was empty. Its error undoes
/// everything: the store is then what it was, and the error is that of opening.
pub type Forward = dyn Fn(&mut dyn Tx, u32) -> Result<()> + Send + Sync;

/// All tables of a ledger.
#[derive(Clone)]
pub struct Schema {
    /// Version of the whole.
    pub version: u32,
    /// Tables; referenced tables stand before those that reference them.
    pub tables: Vec<&'static Table>,
    forward: Option<Arc<Forward>>,
}

impl Schema {
    /// A schema whose older versions lack nothing but tables, columns and indexes.
    pub fn new(version: u32, tables: Vec<&'static Table>) -> Schema {
        Schema { version, tables, forward: None }
    }

    /// The schema with what brings rows of its older versions forward.
    #[must_use]
    pub fn with_forward(self, forward: Arc<Forward>) -> Schema {
        Schema { forward: Some(forward), ..self }
    }

    /// Brings the rows of a store of an older version forward; see [`Forward`].
    ///
    /// # Errors
    /// Those of the [`Forward`].
    pub fn bring_forward(&self, tx: &mut dyn Tx, from: u32) -> Result<()> {
        self.forward.as_ref().map_or(Ok(()), |forward| forward(tx, from))
    }

    /// The table of this name.
    pub fn table(&self, name: &str) -> Option<&'static Table> {
        self.tables.iter().find(|table| table.name == name).copied()
    }

    /// The schema as it was in an earlier version: what `since` leaves.
    pub fn at_version(&self, version: u32) -> Vec<Table> {
        self.tables
            .iter()
            .filter(|table| table.since <= version)
            .map(|table| {
                let mut table = (*table).clone();
                // Positions shift when a newer column stands before an older one.
                let earlier = |position: usize| {
                    table.columns[..position].iter().filter(|column| column.since <= version).count()
                };
                let shifted: Vec<usize> = (0..table.columns.len()).map(earlier).collect();
                table.columns.retain(|column| column.since <= version);
                table.indexes.retain(|index| index.since <= version);
                table.key.iter_mut().for_each(|position| *position = shifted[*position]);
                for index in &mut table.indexes {
                    index.columns.iter_mut().for_each(|position| *position = shifted[*position]);
                    index.present = index.present.map(|position| shifted[position]);
                }
                table
            })
            .collect()
    }
}
