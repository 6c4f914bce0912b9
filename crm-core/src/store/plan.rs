//! Bound queries: what engines execute. Columns are positions, values are cells; nothing is left to resolve.
//!
//! Conditions follow SQL's three-valued logic: comparing an empty cell gives *unknown*, and only rows whose condition is
//! *true* are found. [`Pred::evaluate`] is the in-memory evaluator; engines render the same tree as SQL, and a
//! property test proves that both find the same rows.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::store::cell::{Cell, CellRef};
use crate::store::schema::Table;

/// A column of a bound query: which source (0 is the base table, n the n-th join), and which column of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnRef {
    /// 0 for the base table, otherwise 1 + position in [`Select::joins`].
    pub source: usize,
    /// Column position in that table.
    pub column: usize,
}

impl ColumnRef {
    /// A column of the base table.
    pub const fn base(column: usize) -> Self {
        ColumnRef { source: 0, column }
    }
}

/// A table joined along a reference to its single-column key.
///
/// Rows without a partner stay, with empty cells, when this join or one that leads to it is optional; otherwise they
/// are not found.
#[derive(Debug, Clone)]
pub struct Join {
    /// The referencing column, in an earlier source.
    pub from: ColumnRef,
    /// The referenced table.
    pub table: &'static Table,
    /// Whether the reference can be empty; then rows without a partner stay.
    pub optional: bool,
}

/// One output of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A column; beside aggregates, a column that rows are grouped by.
    Column(ColumnRef),
    /// Number of rows.
    Count,
    /// Sum of an integer column, empty cells left out; empty when there is none. Exact: overflow is an error.
    Sum(ColumnRef),
    /// The same over the rows for which a condition is true.
    SumWhere(ColumnRef, Pred),
    /// Smallest value, empty cells left out.
    Min(ColumnRef),
    /// Largest value, empty cells left out.
    Max(ColumnRef),
}

impl Output {
    /// Whether it summarises many rows.
    pub fn is_aggregate(&self) -> bool {
        !matches!(self, Output::Column(_))
    }
}

/// Sort direction. Empty cells are the smallest: first ascending, last descending.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// A sort column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// The column.
    pub column: ColumnRef,
    /// Its direction.
    pub direction: Direction,
}

/// A query over one table and what it references.
///
/// With any aggregate among the outputs, rows are grouped by the plain columns among them, and `sort` may name only those.
/// Aggregates alone give exactly one row, also when nothing is found.
#[derive(Debug, Clone)]
pub struct Select {
    /// The base table.
    pub base: &'static Table,
    /// Joined tables, each reachable from the ones before.
    pub joins: Vec<Join>,
    /// What each row returns.
    pub outputs: Vec<Output>,
    /// Which rows.
    pub filter: Pred,
    /// Their order; engines need not order rows without it.
    pub sort: Vec<Sort>,
    /// Keyset page: only rows after the one whose sort columns have these values. Fewer values than sort columns: only
    /// rows after all that begin with them.
    pub after: Option<Vec<Cell>>,
    /// At most so many rows.
    pub limit: Option<u64>,
}

impl Select {
    /// Every row of a table, all columns, unordered.
    pub fn all(base: &'static Table) -> Self {
        Select {
            base,
            joins: Vec::new(),
            outputs: (0..base.columns.len()).map(|column| Output::Column(ColumnRef::base(column))).collect(),
            filter: Pred::True,
            sort: Vec::new(),
            after: None,
            limit: None,
        }
    }

    /// The table of a source.
    pub fn table(&self, source: usize) -> &'static Table {
        if source == 0 { self.base } else { self.joins[source - 1].table }
    }

    /// Whether a column can be empty in the result, by its own declaration or through an optional join.
    pub fn is_nullable(&self, column: ColumnRef) -> bool {
        let mut source = column.source;
        while source > 0 {
            let join = &self.joins[source - 1];
            if join.optional {
                return true;
            }
            source = join.from.source;
        }
        self.table(column.source).columns[column.column].nullable
    }
}

/// Comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
}

impl Compare {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Compare::Equal => ordering.is_eq(),
            Compare::NotEqual => ordering.is_ne(),
            Compare::Less => ordering.is_lt(),
            Compare::AtMost => ordering.is_le(),
            Compare::Greater => ordering.is_gt(),
            Compare::AtLeast => ordering.is_ge(),
        }
    }
}

/// A condition on a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Pred {
    /// Every row.
    #[default]
    True,
    /// No row.
    False,
    /// All of these; every row when there are none.
    And(Vec<Pred>),
    /// Any of these; no row when there are none.
    Or(Vec<Pred>),
    /// The opposite; unknown stays unknown.
    Not(Box<Pred>),
    /// Column against value; unknown when either is empty.
    Compare(ColumnRef, Compare, Cell),
    /// Column against column; unknown when either is empty.
    CompareColumns(ColumnRef, Compare, ColumnRef),
    /// Column equals one of these values, none of which may be empty; unknown when the column is empty.
    In(ColumnRef, Vec<Cell>),
    /// Text begins with this, capitals and small letters distinct.
    Prefix(ColumnRef, String),
    /// Text contains this; the letters A–Z match in either case.
    Contains(ColumnRef, String),
    /// The text contains exactly this, letter for letter.
    Includes(ColumnRef, String),
    /// The column is empty; never unknown.
    IsNull(ColumnRef),
    /// The column has a value; never unknown.
    IsPresent(ColumnRef),
}

impl Pred {
    /// Both conditions.
    #[must_use]
    pub fn and(self, other: Pred) -> Pred {
        match (self, other) {
            (Pred::True, other) | (other, Pred::True) => other,
            (Pred::And(mut all), Pred::And(more)) => {
                all.extend(more);
                Pred::And(all)
            }
            (Pred::And(mut all), other) => {
                all.push(other);
                Pred::And(all)
            }
            (one, other) => Pred::And(vec![one, other]),
        }
    }

    /// Either condition.
    #[must_use]
    pub fn or(self, other: Pred) -> Pred {
        match (self, other) {
            (Pred::False, other) | (other, Pred::False) => other,
            (Pred::Or(mut any), other) => {
                any.push(other);
                Pred::Or(any)
            }
            (one, other) => Pred::Or(vec![one, other]),
        }
    }

    /// The opposite condition.
    #[must_use]
    #[allow(
        clippy::should_implement_trait,
        reason = "reads like the other connectives; no operator is meant"
    )]
    pub fn not(self) -> Pred {
        Pred::Not(Box::new(self))
    }

    /// Column equals value.
    pub fn equal(column: ColumnRef, value: Cell) -> Pred {
        Pred::Compare(column, Compare::Equal, value)
    }

    /// Whether the condition holds for the row that `cell` reads; `None` is unknown.
    pub fn evaluate<'a>(&self, cell: &dyn Fn(ColumnRef) -> CellRef<'a>) -> Option<bool> {
        match self {
            Pred::True => Some(true),
            Pred::False => Some(false),
            Pred::And(all) => {
                let mut result = Some(true);
                for pred in all {
                    match pred.evaluate(cell) {
                        Some(false) => return Some(false),
                        None => result = None,
                        Some(true) => {}
                    }
                }
                result
            }
            Pred::Or(any) => {
                let mut result = Some(false);
                for pred in any {
                    match pred.evaluate(cell) {
                        Some(true) => return Some(true),
                        None => result = None,
                        Some(false) => {}
                    }
                }
                result
            }
            Pred::Not(pred) => pred.evaluate(cell).map(|holds| !holds),
            Pred::Compare(column, compare, value) => compare_cells(cell(*column), *compare, value.as_ref()),
            Pred::CompareColumns(left, compare, right) => compare_cells(cell(*left), *compare, cell(*right)),
            Pred::In(column, values) => match cell(*column) {
                CellRef::Null if values.is_empty() => Some(false),
                CellRef::Null => None,
                found => Some(values.iter().any(|value| value.as_ref() == found)),
            },
            Pred::Prefix(column, prefix) => text(cell(*column)).map(|text| text.starts_with(prefix.as_str())),
            Pred::Contains(column, part) => text(cell(*column))
                .map(|text| text.to_ascii_lowercase().contains(part.to_ascii_lowercase().as_str())),
            Pred::Includes(column, part) => text(cell(*column)).map(|text| text.contains(part.as_str())),
            Pred::IsNull(column) => Some(cell(*column) == CellRef::Null),
            Pred::IsPresent(column) => Some(cell(*column) != CellRef::Null),
        }
    }
}

fn text(cell: CellRef<'_>) -> Option<&str> {
    match cell {
        CellRef::Text(text) => Some(text),
        _ => None,
    }
}

fn compare_cells(left: CellRef<'_>, compare: Compare, right: CellRef<'_>) -> Option<bool> {
    match (left, right) {
        (CellRef::Null, _) | (_, CellRef::Null) => None,
        (left, right) => Some(compare.holds(left.cmp(&right))),
    }
}
