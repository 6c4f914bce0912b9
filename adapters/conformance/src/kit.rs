//! Small things that cases are written with. A case never panics: what is wrong is an error that says so.

use std::fmt::Debug;

use crm_core::kernel::error::{Code, Error, ErrorKind, INTERNAL, Result};
use crm_core::store::cell::{Cell, CellRef, Row};
use crm_core::store::engine::{Flow, Mode, Store, Tx};
use crm_core::store::plan::{ColumnRef, Direction, Output, Pred, Select, Sort};
use crm_core::store::schema::Table;

pub(crate) const NULL: Cell = Cell::Null;

pub(crate) fn int(value: i64) -> Cell {
    Cell::Int(value)
}

pub(crate) fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

pub(crate) fn bytes(value: &[u8]) -> Cell {
    Cell::Bytes(value.to_owned())
}

pub(crate) fn wrong(what: impl std::fmt::Display) -> Error {
    Error::new(&INTERNAL).with("what", what)
}

pub(crate) fn check(holds: bool, what: impl std::fmt::Display) -> Result<()> {
    if holds { Ok(()) } else { Err(wrong(what)) }
}

pub(crate) fn same<T: PartialEq + Debug>(found: T, expected: T, what: impl std::fmt::Display) -> Result<()> {
    check(found == expected, format_args!("{what}: found {found:?}, expected {expected:?}"))
}

/// The error, which must have this code.
pub(crate) fn fails<T>(result: Result<T>, code: Code, what: impl std::fmt::Display) -> Result<Error> {
    match result {
        Ok(_) => Err(wrong(format_args!("{what}: succeeded, expected {}", code.name()))),
        Err(error) if error.code() == code => Ok(error),
        Err(error) => Err(wrong(format_args!("{what}: {error:?}, expected {}", code.name()))),
    }
}

/// Runs `work` in a transaction and commits it.
pub(crate) fn write<T>(store: &dyn Store, work: impl FnOnce(&mut dyn Tx) -> Result<T>) -> Result<T> {
    let mut tx = store.begin(Mode::Write)?;
    let result = work(&mut *tx)?;
    tx.commit()?;
    Ok(result)
}

/// As [`write`], and again when another writer came first.
pub(crate) fn write_again<T>(store: &dyn Store, mut work: impl FnMut(&mut dyn Tx) -> Result<T>) -> Result<T> {
    let mut attempts_left = 200;
    loop {
        match write(store, &mut work) {
            Err(error) if error.kind() == ErrorKind::Retry && attempts_left > 0 => attempts_left -= 1,
            other => return other,
        }
    }
}

pub(crate) fn read<T>(store: &dyn Store, work: impl FnOnce(&mut dyn Tx) -> Result<T>) -> Result<T> {
    let mut tx = store.begin(Mode::Read)?;
    work(&mut *tx)
}

pub(crate) fn rows(tx: &mut dyn Tx, select: &Select) -> Result<Vec<Row>> {
    let mut found = Vec::new();
    tx.select(select, &mut |cells| {
        found.push(cells.iter().copied().map(CellRef::to_cell).collect());
        Ok(Flow::More)
    })?;
    Ok(found)
}

/// The first column of the rows that `filter` finds, sorted.
pub(crate) fn ids(tx: &mut dyn Tx, table: &'static Table, filter: Pred) -> Result<Vec<i64>> {
    let select = Select { outputs: vec![column(0)], filter, ..Select::all(table) };
    let mut found = Vec::new();
    tx.select(&select, &mut |cells| {
        match cells {
            [CellRef::Int(id)] => found.push(*id),
            other => return Err(wrong(format_args!("expected one integer, found {other:?}"))),
        }
        Ok(Flow::More)
    })?;
    found.sort_unstable();
    Ok(found)
}

pub(crate) fn column(column: usize) -> Output {
    Output::Column(ColumnRef::base(column))
}

pub(crate) fn base(column: usize) -> ColumnRef {
    ColumnRef::base(column)
}

pub(crate) fn ascending(column: ColumnRef) -> Sort {
    Sort { column, direction: Direction::Ascending }
}

pub(crate) fn descending(column: ColumnRef) -> Sort {
    Sort { column, direction: Direction::Descending }
}
