//! The nine verbs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crm_core::kernel::error::{Error, INTERNAL, OVERFLOW, Result};
use crm_core::store::cell::{Cell, CellRef, Row, check_text};
use crm_core::store::engine::{
    CANCELLED, Flow, Interrupter, LEDGER_NEWER, Mode, Nest, STORAGE_FAILED, Tx, Visit,
};
use crm_core::store::plan::{Output, Pred, Select};
use crm_core::store::schema::Table;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, InterruptHandle, OptionalExtension, Statement};

use crate::catalog::{BEGIN_SERIES, Catalog, LAST_NUMBER, LIST_SERIES, PUT_NUMBER};
use crate::dialect::Sqlite;
use crate::fault::{Doing, fault};
use crate::pool::Lease;

pub(crate) struct Transaction {
    lease: Lease,
    /// Open nested units.
    depth: usize,
    /// A statement failed: only undoing its unit, or dropping all, is left.
    is_spoilt: std::cell::Cell<bool>,
    /// Text of the statement at hand, kept for its memory.
    text: String,
    stop: OnceLock<Arc<Stop>>,
}

/// Shared with those who may stop the transaction. The handle is taken out when the transaction ends, so that a late
/// call does not hit whoever uses the connection next.
struct Stop {
    is_stopped: AtomicBool,
    handle: Mutex<Option<InterruptHandle>>,
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.get() {
            *stop.handle.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

impl Transaction {
    pub(crate) fn begin(lease: Lease) -> Result<Self> {
        let begin = match lease.mode() {
            Mode::Read => "BEGIN",
            Mode::Write => "BEGIN IMMEDIATE",
        };
        let failed = |error| fault(error, Doing::Reading, &lease.pool().catalog);
        let connection = lease.connection()?;
        execute(connection, begin).map_err(failed)?;
        if lease.mode() == Mode::Write {
            // A newer library in another process may have migrated the file since it was opened here.
            let mut version = connection.prepare_cached("PRAGMA user_version").map_err(failed)?;
            let found: i64 = version.query_row((), |row| row.get(0)).map_err(failed)?;
            let known = lease.pool().version;
            if found != i64::from(known) {
                return Err(Error::new(&LEDGER_NEWER).with("found", found).with("known", known));
            }
        }
        Ok(Transaction::resume(lease))
    }

    /// Goes on with a transaction that the connection is in.
    pub(crate) fn resume(lease: Lease) -> Self {
        Transaction {
            lease,
            depth: 0,
            is_spoilt: std::cell::Cell::new(false),
            text: String::new(),
            stop: OnceLock::new(),
        }
    }

    fn catalog(&self) -> &Catalog {
        &self.lease.pool().catalog
    }

    fn is_stopped(&self) -> bool {
        self.stop.get().is_some_and(|stop| stop.is_stopped.load(Ordering::Relaxed))
    }

    /// Whether the next verb may run.
    fn ready(&self, is_write: bool) -> Result<()> {
        if self.is_stopped() {
            return Err(Error::new(&CANCELLED));
        }
        if self.is_spoilt.get() {
            return Err(defect("a statement of this transaction has failed; it can only be undone"));
        }
        if is_write && self.lease.mode() == Mode::Read {
            return Err(defect("a write in a transaction that reads"));
        }
        Ok(())
    }

    /// Runs a write; when it fails the transaction is spoilt.
    fn write<T>(
        &mut self,
        doing: Doing,
        run: impl FnOnce(&Connection, &Catalog, &mut String) -> Result<T, Trouble>,
    ) -> Result<T> {
        self.ready(true)?;
        let mut text = std::mem::take(&mut self.text);
        let result = run(self.lease.connection()?, self.catalog(), &mut text);
        self.text = text;
        result.map_err(|trouble| {
            self.is_spoilt.set(true);
            match trouble {
                Trouble::Sqlite(error) => fault(error, doing, self.catalog()),
                Trouble::Store(error) => error,
            }
        })
    }

    /// The error of a read; the transaction is spoilt by it.
    fn read_fault(&self, error: rusqlite::Error) -> Error {
        self.is_spoilt.set(true);
        fault(error, Doing::Reading, self.catalog())
    }

    fn run_select(&self, text: &mut String, select: &Select, visit: Visit<'_>) -> Result<()> {
        let values = crm_sql::select(&Sqlite, select, text);
        let connection = self.lease.connection()?;
        let mut statement = connection.prepare_cached(text).map_err(|error| self.read_fault(error))?;
        for (position, value) in values.iter().enumerate() {
            bind(&mut statement, position + 1, value.as_ref()).map_err(|error| self.read_fault(error))?;
        }
        // An interrupt stops what runs. One that came while the statement was prepared, which for a long one takes a
        // while, would be lost.
        let stop = self.stop.get();
        let is_stopped = || stop.is_some_and(|stop| stop.is_stopped.load(Ordering::Relaxed));
        if is_stopped() {
            return Err(Error::new(&CANCELLED));
        }
        let width = select.outputs.len();
        let mut rows = statement.raw_query();
        let mut room: Vec<CellRef<'static>> = Vec::with_capacity(width);
        while let Some(row) = rows.next().map_err(|error| self.read_fault(error))? {
            if is_stopped() {
                return Err(Error::new(&CANCELLED));
            }
            let mut cells = emptied(room);
            for column in 0..width {
                cells.push(read(row.get_ref(column).map_err(|error| self.read_fault(error))?)?);
            }
            let flow = visit(&cells)?;
            room = emptied(cells);
            if flow == Flow::Stop {
                break;
            }
        }
        Ok(())
    }
}

impl Tx for Transaction {
    fn get(&mut self, table: &'static Table, key: &[Cell]) -> Result<Option<Row>> {
        self.ready(false)?;
        let sql = self.catalog().table(table)?;
        if key.len() != table.key.len() {
            return Err(defect("a key of the wrong length"));
        }
        let mut statement =
            self.lease.connection()?.prepare_cached(&sql.get).map_err(|error| self.read_fault(error))?;
        for (position, cell) in key.iter().enumerate() {
            bind(&mut statement, position + 1, cell.as_ref()).map_err(|error| self.read_fault(error))?;
        }
        let mut rows = statement.raw_query();
        let Some(row) = rows.next().map_err(|error| self.read_fault(error))? else {
            return Ok(None);
        };
        let cell =
            |column| read(row.get_ref(column).map_err(|error| self.read_fault(error))?).map(CellRef::to_cell);
        (0..table.columns.len()).map(cell).collect::<Result<Row>>().map(Some)
    }

    fn select(&mut self, select: &Select, visit: Visit<'_>) -> Result<()> {
        self.ready(false)?;
        let mut text = std::mem::take(&mut self.text);
        let result = self.run_select(&mut text, select, visit);
        self.text = text;
        result
    }

    fn insert(&mut self, table: &'static Table, rows: &[Row]) -> Result<()> {
        self.write(Doing::Writing, |connection, catalog, _| {
            let sql = catalog.table(table)?;
            // A cached statement per row; several rows in one statement were measured and are no faster here.
            let mut statement = connection.prepare_cached(&sql.insert)?;
            for row in rows {
                if row.len() != table.columns.len() {
                    return Err(defect("a row of the wrong length").into());
                }
                for (position, cell) in row.iter().enumerate() {
                    bind(&mut statement, position + 1, cell.as_ref())?;
                }
                statement.raw_execute()?;
            }
            Ok(())
        })
    }

    fn update(&mut self, table: &'static Table, changes: &[(usize, Cell)], filter: &Pred) -> Result<u64> {
        if changes.is_empty() {
            self.ready(true)?;
            let mut found = 0;
            let count = Select { outputs: vec![Output::Count], filter: filter.clone(), ..Select::all(table) };
            self.select(&count, &mut |cells| {
                if let [CellRef::Int(count)] = cells {
                    found = count.unsigned_abs();
                }
                Ok(Flow::More)
            })?;
            return Ok(found);
        }
        self.write(Doing::Writing, |connection, _, text| {
            let values = crm_sql::update(&Sqlite, table, changes, filter, text);
            execute_with(connection, text, &values)
        })
    }

    fn delete(&mut self, table: &'static Table, filter: &Pred) -> Result<u64> {
        self.write(Doing::Deleting, |connection, _, text| {
            let values = crm_sql::delete(&Sqlite, table, filter, text);
            execute_with(connection, text, &values)
        })
    }

    fn number(&mut self, series: &str, count: i64) -> Result<i64> {
        if count < 1 {
            return Err(defect("a series gives at least one number at a time"));
        }
        self.write(Doing::Writing, |connection, _, _| {
            let mut found = connection.prepare_cached(LAST_NUMBER)?;
            let last =
                found.query_row([Bound(CellRef::Text(series))], |row| row.get::<_, i64>(0)).optional()?;
            let taken = last.unwrap_or(0).checked_add(count).ok_or_else(|| Error::new(&OVERFLOW))?;
            let put = if last.is_some() { PUT_NUMBER } else { BEGIN_SERIES };
            connection.prepare_cached(put)?.execute((Bound(CellRef::Text(series)), taken))?;
            Ok(taken - count + 1)
        })
    }

    fn series(&mut self, visit: &mut dyn FnMut(&str, i64) -> Result<()>) -> Result<()> {
        self.ready(false)?;
        let failed = |error| self.read_fault(error);
        let mut statement = self.lease.connection()?.prepare_cached(LIST_SERIES).map_err(failed)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            let name = row.get_ref(0).map_err(failed)?.as_str().map_err(|error| failed(error.into()))?;
            visit(name, row.get(1).map_err(failed)?)?;
        }
        Ok(())
    }

    fn nest(&mut self, step: Nest) -> Result<()> {
        if self.depth == 0 && step != Nest::Begin {
            return Err(defect("a nested unit ends that has not begun"));
        }
        if step != Nest::Undo {
            self.ready(false)?;
        }
        let connection = self.lease.connection()?;
        if connection.is_autocommit() {
            // A full disk or an interrupted write takes the whole transaction with it.
            self.is_spoilt.set(true);
            return Err(rolled_back());
        }
        let unit = if step == Nest::Begin { self.depth } else { self.depth - 1 };
        let result = match step {
            Nest::Begin => execute(connection, &format!("SAVEPOINT unit{unit}")),
            Nest::Keep => execute(connection, &format!("RELEASE unit{unit}")),
            Nest::Undo => execute(connection, &format!("ROLLBACK TO unit{unit}"))
                .and_then(|()| execute(connection, &format!("RELEASE unit{unit}"))),
        };
        match result {
            Ok(()) => {
                self.is_spoilt.set(false);
                self.depth = if step == Nest::Begin { unit + 1 } else { unit };
                Ok(())
            }
            Err(error) => {
                let error = fault(error, Doing::Writing, self.catalog());
                self.is_spoilt.set(true);
                Err(error)
            }
        }
    }

    fn commit(self: Box<Self>) -> Result<()> {
        self.ready(false)?;
        if self.depth > 0 {
            return Err(defect("a commit inside a nested unit"));
        }
        let connection = self.lease.connection()?;
        if connection.is_autocommit() {
            return Err(rolled_back());
        }
        // Should it fail, the lease rolls back what is left.
        execute(connection, "COMMIT").map_err(|error| fault(error, Doing::Committing, self.catalog()))
    }

    fn interrupter(&self) -> Option<Interrupter> {
        let connection = self.lease.connection().ok()?;
        let stop = self.stop.get_or_init(|| {
            let handle = Mutex::new(Some(connection.get_interrupt_handle()));
            Arc::new(Stop { is_stopped: AtomicBool::new(false), handle })
        });
        let stop = Arc::clone(stop);
        Some(Arc::new(move || {
            stop.is_stopped.store(true, Ordering::Relaxed);
            if let Some(handle) = &*stop.handle.lock().unwrap_or_else(PoisonError::into_inner) {
                handle.interrupt();
            }
        }))
    }
}

enum Trouble {
    Sqlite(rusqlite::Error),
    Store(Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Trouble::Sqlite(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Store(error)
    }
}

fn rolled_back() -> Error {
    Error::new(&STORAGE_FAILED).with("reason", "the engine has rolled the transaction back")
}

fn defect(what: &str) -> Error {
    Error::new(&INTERNAL).with("what", what)
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.raw_execute().map(|_| ())
}

fn execute_with(connection: &Connection, sql: &str, values: &[crm_sql::Value<'_>]) -> Result<u64, Trouble> {
    let mut statement = connection.prepare_cached(sql)?;
    for (position, value) in values.iter().enumerate() {
        bind(&mut statement, position + 1, value.as_ref())?;
    }
    Ok(statement.raw_execute()? as u64)
}

struct Bound<'v>(CellRef<'v>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        if let CellRef::Text(text) = self.0 {
            check_text(text).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        }
        Ok(ToSqlOutput::Borrowed(match self.0 {
            CellRef::Null => ValueRef::Null,
            CellRef::Int(value) => ValueRef::Integer(value),
            CellRef::Text(value) => ValueRef::Text(value.as_bytes()),
            CellRef::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

fn bind(statement: &mut Statement<'_>, position: usize, cell: CellRef<'_>) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(position, Bound(cell))
}

fn read(value: ValueRef<'_>) -> Result<CellRef<'_>> {
    let damaged = |reason: &str| Error::new(&STORAGE_FAILED).with("reason", reason);
    Ok(match value {
        ValueRef::Null => CellRef::Null,
        ValueRef::Integer(value) => CellRef::Int(value),
        ValueRef::Text(bytes) => CellRef::Text(
            std::str::from_utf8(bytes).map_err(|error| damaged("a text is not UTF-8").because(error))?,
        ),
        ValueRef::Blob(bytes) => CellRef::Bytes(bytes),
        ValueRef::Real(_) => return Err(damaged("a number is not an integer")),
    })
}

/// The same memory for cells of another row: collecting from an emptied vector reuses it.
fn emptied<'b>(mut cells: Vec<CellRef<'_>>) -> Vec<CellRef<'b>> {
    cells.clear();
    cells.into_iter().map(|_| CellRef::Null).collect()
}
