//! Typed queries: the way the areas read. Columns are the handles of [`record!`](crate::record), so a query that compiles names
//! columns that exist and compares them with values of their type.

use crate::kernel::error::{Error, Result};
use crate::kernel::id::{Id, IdCodec, Named};
use crate::store::cell::{Cell, CellRef};
use crate::store::engine::{Flow, Tx};
use crate::store::plan::{ColumnRef, Compare, Direction, Join, Output, Pred, Select, Sort};
use crate::store::record::{Col, Field, Record};

/// A table taking part in a query.
pub struct Source<R> {
    position: usize,
    record: std::marker::PhantomData<fn() -> R>,
}

impl<R> Clone for Source<R> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<R> Copy for Source<R> {}

impl<R: Record> Source<R> {
    /// A column of this table.
    pub fn column<T>(self, col: Col<T>) -> ColumnRef {
        ColumnRef { source: self.position, column: col.position() }
    }
}

/// What a reference column refers to: `Id<K>` or `Option<Id<K>>`.
pub trait Reference {
    /// The record.
    type Target;
    /// Whether it can be empty.
    const OPTIONAL: bool;
}
impl<K: Named> Reference for Id<K> {
    type Target = K;
    const OPTIONAL: bool = false;
}
impl<K: Named> Reference for Option<Id<K>> {
    type Target = K;
    const OPTIONAL: bool = true;
}

/// A query in the making. The first value that cannot be encoded is reported when it runs.
pub struct Query<R> {
    ids: IdCodec,
    select: Select,
    error: Option<Error>,
    record: std::marker::PhantomData<fn() -> R>,
}

impl<R: Record> Query<R> {
    /// All rows of `R`.
    pub fn new(ids: IdCodec) -> Self {
        Query { ids, select: Select::all(R::table()), error: None, record: std::marker::PhantomData }
    }

    /// The base table.
    pub fn base(&self) -> Source<R> {
        Source { position: 0, record: std::marker::PhantomData }
    }

    /// Joins what a reference of `from` names.
    pub fn join<F: Record, T: Reference>(&mut self, from: Source<F>, col: Col<T>) -> Source<T::Target>
    where
        T::Target: Record,
    {
        self.select.joins.push(Join {
            from: from.column(col),
            table: T::Target::table(),
            optional: T::OPTIONAL,
        });
        Source { position: self.select.joins.len(), record: std::marker::PhantomData }
    }

    fn compare<T: Field>(mut self, col: Col<T>, compare: Compare, value: &T) -> Self {
        match value.encode(self.ids) {
            Ok(cell) => self.filter(Pred::Compare(ColumnRef::base(col.position()), compare, cell)),
            Err(error) => {
                self.error.get_or_insert(error);
                self
            }
        }
    }

    /// Only rows with this value; an empty value finds nothing.
    #[must_use]
    pub fn equal<T: Field>(self, col: Col<T>, value: T) -> Self {
        self.compare(col, Compare::Equal, &value)
    }

    /// Only rows with another value.
    #[must_use]
    pub fn not_equal<T: Field>(self, col: Col<T>, value: T) -> Self {
        self.compare(col, Compare::NotEqual, &value)
    }

    /// Only rows with at most this value.
    #[must_use]
    pub fn at_most<T: Field>(self, col: Col<T>, value: T) -> Self {
        self.compare(col, Compare::AtMost, &value)
    }

    /// Only rows with at least this value.
    #[must_use]
    pub fn at_least<T: Field>(self, col: Col<T>, value: T) -> Self {
        self.compare(col, Compare::AtLeast, &value)
    }

    /// Only rows with less than this value.
    #[must_use]
    pub fn less<T: Field>(self, col: Col<T>, value: T) -> Self {
        self.compare(col, Compare::Less, &value)
    }

    /// Only rows with more than this value.
    #[must_use]
    pub fn greater<T: Field>(self, col: Col<T>, value: T) -> Self {
        self.compare(col, Compare::Greater, &value)
    }

    /// Only rows with one of these values.
    #[must_use]
    pub fn any_of<T: Field>(mut self, col: Col<T>, values: impl IntoIterator<Item = T>) -> Self {
        let cells: Result<Vec<Cell>> = values.into_iter().map(|value| value.encode(self.ids)).collect();
        match cells {
            Ok(cells) => self.filter(Pred::In(ColumnRef::base(col.position()), cells)),
            Err(error) => {
                self.error.get_or_insert(error);
                self
            }
        }
    }

    /// Only rows in which this column has a value.
    #[must_use]
    pub fn present<T>(self, col: Col<T>) -> Self {
        self.filter(Pred::IsPresent(ColumnRef::base(col.position())))
    }

    /// Only rows in which this column is empty.
    #[must_use]
    pub fn absent<T>(self, col: Col<T>) -> Self {
        self.filter(Pred::IsNull(ColumnRef::base(col.position())))
    }

    /// Only rows that this condition finds.
    #[must_use]
    pub fn filter(mut self, pred: Pred) -> Self {
        self.select.filter = std::mem::take(&mut self.select.filter).and(pred);
        self
    }

    /// Sorts by this column, smallest first, after the columns named before.
    #[must_use]
    pub fn ascending<T>(mut self, col: Col<T>) -> Self {
        self.select
            .sort
            .push(Sort { column: ColumnRef::base(col.position()), direction: Direction::Ascending });
        self
    }

    /// Sorts by this column, largest first, after the columns named before.
    #[must_use]
    pub fn descending<T>(mut self, col: Col<T>) -> Self {
        self.select
            .sort
            .push(Sort { column: ColumnRef::base(col.position()), direction: Direction::Descending });
        self
    }

    /// At most so many rows.
    #[must_use]
    pub fn limit(mut self, rows: u64) -> Self {
        self.select.limit = Some(rows);
        self
    }

    /// Runs the query with other outputs than the record's columns: raw cells, row by row.
    ///
    /// # Errors
    /// Of encoding, of the engine, and of `visit`.
    pub fn scan(
        mut self,
        tx: &mut dyn Tx,
        outputs: Vec<Output>,
        visit: &mut dyn FnMut(&[CellRef<'_>]) -> Result<Flow>,
    ) -> Result<()> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.select.outputs = outputs;
        tx.select(&self.select, visit)
    }

    /// Every record found.
    ///
    /// # Errors
    /// Of encoding and of the engine.
    pub fn fetch(self, tx: &mut dyn Tx) -> Result<Vec<R>> {
        let mut found = Vec::new();
        self.each(tx, |record| {
            found.push(record);
            Ok(Flow::More)
        })?;
        Ok(found)
    }

    /// Each record found, one by one.
    ///
    /// # Errors
    /// Of encoding, of the engine, and of `visit`.
    pub fn each(self, tx: &mut dyn Tx, mut visit: impl FnMut(R) -> Result<Flow>) -> Result<()> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let ids = self.ids;
        tx.select(&self.select, &mut |cells| visit(R::decode(cells, ids)?))
    }

    /// The first record found.
    ///
    /// # Errors
    /// Of encoding and of the engine.
    pub fn first(self, tx: &mut dyn Tx) -> Result<Option<R>> {
        let mut found = None;
        self.limit(1).each(tx, |record| {
            found = Some(record);
            Ok(Flow::Stop)
        })?;
        Ok(found)
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// Of encoding and of the engine.
    pub fn count(self, tx: &mut dyn Tx) -> Result<u64> {
        let mut count = 0;
        self.scan(tx, vec![Output::Count], &mut |cells| {
            if let Some(CellRef::Int(rows)) = cells.first() {
                count = u64::try_from(*rows).unwrap_or(0);
            }
            Ok(Flow::Stop)
        })?;
        Ok(count)
    }
}
