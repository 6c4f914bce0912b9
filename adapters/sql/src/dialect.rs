//! Where SQL engines differ.

use crm_core::store::plan::Direction;
use crm_core::store::schema::{CellType, Index, Table};

/// The differences between SQL engines, as small pieces of text.
pub trait Dialect: Send + Sync {
    /// Writes the placeholder of the `position`-th value, counted from 1.
    fn placeholder(&self, out: &mut String, position: usize);

    /// The column type, with whatever makes text compare by bytes.
    fn column_type(&self, cell_type: CellType) -> &'static str;

    /// What stands after the closing parenthesis of CREATE TABLE.
    fn table_suffix(&self, table: &Table) -> &'static str;

    /// The columns that an index has to name; an engine may hold some of them anyway.
    fn index_columns<'i>(&self, _table: &Table, index: &'i Index) -> &'i [usize] {
        &index.columns
    }

    /// What stands after the placeholder that a column is compared with in `(a, b) > (?, ?)`, if the engine needs help to
    /// see that this is a range of an index.
    fn keyset_value(&self, _table: &Table, _column: usize) -> &'static str {
        ""
    }

    /// What stands after a nullable sort or index column so that empty cells are smallest; empty if they are anyway.
    fn nulls(&self, direction: Direction) -> &'static str;

    /// `before COLUMN between PLACEHOLDER after`: a text in which A–Z are lowered contains another.
    fn contains(&self) -> (&'static str, &'static str, &'static str);

    /// `before COLUMN between PLACEHOLDER after`: a text contains another, letter for letter.
    fn includes(&self) -> (&'static str, &'static str, &'static str);

    /// `before COLUMN after`: the smallest value.
    fn min(&self, _cell_type: CellType) -> (&'static str, &'static str) {
        ("min(", ")")
    }

    /// `before COLUMN after`: the largest value.
    fn max(&self, _cell_type: CellType) -> (&'static str, &'static str) {
        ("max(", ")")
    }

    /// `before COLUMN after`: the exact sum of integers as a 64-bit integer; leaving its range is an error.
    fn sum(&self) -> (&'static str, &'static str);

    /// `before PLACEHOLDER after`: what stands after a column to say that it equals a member of an array, which is bound
    /// as one [`Value::List`](crate::Value::List); `None` when the engine has no arrays.
    fn in_array(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// `before PLACEHOLDER after`: what stands after a column to say that it equals a member of a JSON array, which is
    /// one value however long it is; `None` when the engine has no such thing for this type.
    fn in_json(&self, cell_type: CellType) -> Option<(&'static str, &'static str)>;

    /// The type of an array of such values, for engines that add many rows from one array per column.
    fn array_type(&self, _cell_type: CellType) -> &'static str {
        ""
    }

    /// Writes bytes as a literal, for the default of a column.
    fn bytes_literal(&self, out: &mut String, bytes: &[u8]);
}
