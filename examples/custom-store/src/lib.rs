//! An engine of one's own, to show what that takes: rows in memory behind the storage trait.
//!
//! - The data is one immutable value behind a lock. A reader takes hold of it and is undisturbed from then on; the one
//!   writer works on a copy, of which only the tables that it touches are really copied, and puts it back to commit.
//! - A nested unit is another copy, to go back to.
//! - Conditions are [`Pred::evaluate`]; `query` does the rest of a query in a hundred lines, without any index.
//!
//! The suite in `tests/conformance.rs` is what proves it. A database engine would be written just so, with SQL (see the crate
//! `crm-sql`) in place of `query`.

mod query;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crm_core::kernel::error::{Error, INTERNAL, OVERFLOW, Result};
use crm_core::store::cell::{Cell, CellRef, Row, check_text};
use crm_core::store::engine::{
    DUPLICATE_KEY, Flow, LEDGER_NEWER, MISSING_REFERENCE, Mode, Nest, STILL_REFERENCED, Store, Tx, Visit,
};
use crm_core::store::plan::{ColumnRef, Pred, Select};
use crm_core::store::schema::{Schema, Table};

/// The data of one ledger. It lives as long as someone holds it.
#[derive(Default)]
pub struct Ledger {
    committed: Mutex<State>,
    is_written: Mutex<bool>,
    writer_left: Condvar,
}

/// Everything stored, cheap to copy: tables are shared until one of the copies changes.
#[derive(Clone, Default)]
pub(crate) struct State {
    /// 0 before the first schema.
    version: u32,
    tables: HashMap<&'static str, Arc<TableData>>,
    series: BTreeMap<String, i64>,
}

#[derive(Clone)]
pub(crate) struct TableData {
    table: &'static Table,
    /// By primary key.
    pub(crate) rows: BTreeMap<Vec<Cell>, Row>,
}

/// An open handle to a [`Ledger`].
pub struct MemoryStore(Arc<Ledger>);

impl MemoryStore {
    /// Opens the ledger, bringing it to the schema's version.
    ///
    /// # Errors
    /// [`LEDGER_NEWER`]; what the schema's [`Forward`](crm_core::store::schema::Forward) says.
    pub fn open(ledger: &Arc<Ledger>, schema: &Schema) -> Result<Arc<dyn Store>> {
        let store = MemoryStore(Arc::clone(ledger));
        let mut tx = store.transaction(Mode::Write);
        let from = tx.state.version;
        if from > schema.version {
            return Err(Error::new(&LEDGER_NEWER).with("found", from).with("known", schema.version));
        }
        if from < schema.version {
            let migrate = |table: &&'static Table| {
                let rows = tx.state.tables.get(table.name).map(|old| old.migrated(table)).unwrap_or_default();
                (table.name, Arc::new(TableData { table, rows }))
            };
            tx.state.tables = schema.tables.iter().map(migrate).collect();
            tx.state.version = schema.version;
            if from > 0 {
                schema.bring_forward(&mut tx, from)?;
            }
            Box::new(tx).commit()?;
        }
        Ok(Arc::new(store))
    }

    fn transaction(&self, mode: Mode) -> MemoryTx {
        if mode == Mode::Write {
            let mut is_written = locked(&self.0.is_written);
            while *is_written {
                is_written = self.0.writer_left.wait(is_written).unwrap_or_else(PoisonError::into_inner);
            }
            *is_written = true;
        }
        let state = locked(&self.0.committed).clone();
        let ledger = Arc::clone(&self.0);
        MemoryTx { ledger, mode, state, units: Vec::new(), is_spoilt: false }
    }
}

impl Store for MemoryStore {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Tx>> {
        Ok(Box::new(self.transaction(mode)))
    }

    fn engine(&self) -> &'static str {
        "memory"
    }
}

struct MemoryTx {
    ledger: Arc<Ledger>,
    mode: Mode,
    state: State,
    /// What to go back to, outermost first.
    units: Vec<State>,
    is_spoilt: bool,
}

impl Drop for MemoryTx {
    fn drop(&mut self) {
        if self.mode == Mode::Write {
            *locked(&self.ledger.is_written) = false;
            self.ledger.writer_left.notify_one();
        }
    }
}

impl MemoryTx {
    fn ready(&self) -> Result<()> {
        if self.is_spoilt { Err(defect("a call of this transaction has failed")) } else { Ok(()) }
    }

    /// Runs a write; when it fails the transaction is spoilt.
    fn write<T>(&mut self, run: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        self.ready()?;
        if self.mode == Mode::Read {
            return Err(defect("a write in a transaction that reads"));
        }
        let result = run(&mut self.state);
        self.is_spoilt = result.is_err();
        result
    }
}

impl Tx for MemoryTx {
    fn get(&mut self, table: &'static Table, key: &[Cell]) -> Result<Option<Row>> {
        self.ready()?;
        Ok(self.state.table(table.name)?.rows.get(key).cloned())
    }

    fn select(&mut self, select: &Select, visit: Visit<'_>) -> Result<()> {
        self.ready()?;
        let rows = query::run(&self.state, select).inspect_err(|_| self.is_spoilt = true)?;
        for row in &rows {
            let cells: Vec<CellRef<'_>> = row.iter().map(Cell::as_ref).collect();
            if visit(&cells)? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    fn insert(&mut self, table: &'static Table, rows: &[Row]) -> Result<()> {
        self.write(|state| rows.iter().try_for_each(|row| state.put(table, row.clone())))
    }

    fn update(&mut self, table: &'static Table, changes: &[(usize, Cell)], filter: &Pred) -> Result<u64> {
        self.write(|state| {
            let found = state.take(table, filter)?;
            for mut row in found.iter().cloned() {
                for (column, value) in changes {
                    row[*column] = value.clone();
                }
                state.put(table, row)?;
            }
            Ok(found.len() as u64)
        })
    }

    fn delete(&mut self, table: &'static Table, filter: &Pred) -> Result<u64> {
        self.write(|state| {
            let found = state.take(table, filter)?;
            let is_referenced = |row: &Row| state.is_referenced(table, &row[table.key[0]]);
            if found.iter().any(is_referenced) {
                return Err(Error::new(&STILL_REFERENCED));
            }
            Ok(found.len() as u64)
        })
    }

    fn number(&mut self, series: &str, count: i64) -> Result<i64> {
        if count < 1 {
            return Err(defect("a series gives at least one number at a time"));
        }
        self.write(|state| {
            check_text(series)?;
            let last = state.series.entry(series.to_owned()).or_default();
            *last = last.checked_add(count).ok_or_else(|| Error::new(&OVERFLOW))?;
            Ok(*last - count + 1)
        })
    }

    fn series(&mut self, visit: &mut dyn FnMut(&str, i64) -> Result<()>) -> Result<()> {
        self.ready()?;
        self.state.series.iter().try_for_each(|(name, last)| visit(name, *last))
    }

    fn nest(&mut self, step: Nest) -> Result<()> {
        if step != Nest::Undo {
            self.ready()?;
        }
        if step == Nest::Begin {
            self.units.push(self.state.clone());
            return Ok(());
        }
        let before = self.units.pop().ok_or_else(|| defect("a nested unit ends that has not begun"))?;
        if step == Nest::Undo {
            self.state = before;
            self.is_spoilt = false;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<()> {
        self.ready()?;
        if !self.units.is_empty() {
            return Err(defect("a commit inside a nested unit"));
        }
        if self.mode == Mode::Write {
            *locked(&self.ledger.committed) = std::mem::take(&mut self.state);
        }
        Ok(())
    }
}

impl State {
    pub(crate) fn table(&self, name: &str) -> Result<&TableData> {
        self.tables.get(name).map(|data| &**data).ok_or_else(|| defect("no such table"))
    }

    fn table_mut(&mut self, table: &Table) -> Result<&mut TableData> {
        self.tables.get_mut(table.name).map(Arc::make_mut).ok_or_else(|| defect("no such table"))
    }

    /// Adds a row that breaks no rule.
    fn put(&mut self, table: &'static Table, row: Row) -> Result<()> {
        for (column, cell) in table.columns.iter().zip(&row) {
            if let Cell::Text(text) = cell {
                check_text(text)?;
            }
            if let (Some(referenced), false) = (column.references, *cell == Cell::Null)
                && !self.table(referenced)?.rows.contains_key(std::slice::from_ref(cell))
            {
                return Err(Error::new(&MISSING_REFERENCE));
            }
        }
        let data = self.table_mut(table)?;
        let key: Vec<Cell> = table.key.iter().map(|position| row[*position].clone()).collect();
        if data.rows.contains_key(&key) {
            return Err(Error::new(&DUPLICATE_KEY).with("index", format_args!("{}_key", table.name)));
        }
        for index in table.indexes.iter().filter(|index| index.unique) {
            let is_same = |other: &Row| index.columns.iter().all(|column| row[*column] == other[*column]);
            let is_counted =
                index.columns.iter().chain(&index.present).all(|column| row[*column] != Cell::Null);
            if is_counted && data.rows.values().any(is_same) {
                return Err(Error::new(&DUPLICATE_KEY).with("index", index.name));
            }
        }
        data.rows.insert(key, row);
        Ok(())
    }

    /// Removes the rows that the filter finds and returns them.
    fn take(&mut self, table: &'static Table, filter: &Pred) -> Result<Vec<Row>> {
        let data = self.table_mut(table)?;
        let is_found =
            |row: &Row| filter.evaluate(&|column: ColumnRef| row[column.column].as_ref()) == Some(true);
        let keys: Vec<Vec<Cell>> =
            data.rows.iter().filter(|(_, row)| is_found(row)).map(|(key, _)| key.clone()).collect();
        Ok(keys.iter().filter_map(|key| data.rows.remove(key)).collect())
    }

    fn is_referenced(&self, table: &Table, key: &Cell) -> bool {
        self.tables.values().any(|data| {
            let referencing = data.table.columns.iter().enumerate();
            referencing
                .filter(|(_, column)| column.references == Some(table.name))
                .any(|(position, _)| data.rows.values().any(|row| row[position] == *key))
        })
    }
}

impl TableData {
    /// The rows with the columns of a newer version: found by name, or given their default.
    fn migrated(&self, table: &Table) -> BTreeMap<Vec<Cell>, Row> {
        let column =
            |row: &Row, column: &crm_core::store::schema::Column| match self.table.position(column.name) {
                Some(position) => row[position].clone(),
                None => column.default.clone().unwrap_or_default(),
            };
        let migrate = |(key, row): (&Vec<Cell>, &Row)| {
            (key.clone(), table.columns.iter().map(|declared| column(row, declared)).collect())
        };
        self.rows.iter().map(migrate).collect()
    }
}

fn defect(what: &str) -> Error {
    Error::new(&INTERNAL).with("what", what)
}

/// Locks; nothing is left half-done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
