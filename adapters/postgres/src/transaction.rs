//! The nine verbs.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crm_core::kernel::error::{Error, INTERNAL, Result};
use crm_core::store::cell::{Cell, CellRef, Row, check_text};
use crm_core::store::dataset::from_hex;
use crm_core::store::engine::{
    CANCELLED, Flow, Interrupter, LEDGER_NEWER, Mode, Nest, STORAGE_FAILED, Tx, Visit,
};
use crm_core::store::plan::{Output, Pred, Select};
use crm_core::store::schema::{CellType, Column, Table};
use postgres::SimpleQueryRow;
use postgres::fallible_iterator::FallibleIterator;

use crate::catalog::{LIST_SERIES, PRODUCT, TAKE_NUMBERS};
use crate::dialect::Postgres;
use crate::fault::{Doing, fault};
use crate::place::Canceller;
use crate::pool::Lease;
use crate::session::Session;
use crate::value::{Bound, Found};

/// Rows that go to the server in one message; more than these make further round trips.
const ROWS_AT_ONCE: usize = 20_000;

pub(crate) struct Transaction {
    lease: Lease,
    /// Open nested units.
    depth: usize,
    /// A statement failed: only undoing its unit, or dropping all, is left.
    is_spoilt: bool,
    /// Something was written, so that a broken commit leaves a question.
    has_written: bool,
    /// Text of the statement at hand, kept for its memory.
    text: String,
    stop: OnceLock<Arc<Stop>>,
}

/// Shared with those who may stop the transaction. The way to the server is taken out when the transaction ends.
struct Stop {
    is_stopped: AtomicBool,
    canceller: Mutex<Option<Canceller>>,
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.get() {
            *stop.canceller.lock().unwrap_or_else(PoisonError::into_inner) = None;
            // The server may still be about to act on it, and would hit whoever has the connection then.
            self.lease.is_doomed |= stop.is_stopped.load(Ordering::Relaxed);
        }
    }
}

impl Transaction {
    /// Begins, and reads the row with `first` as its key in the same round trip.
    pub(crate) fn begin(
        mut lease: Lease,
        first: Option<(&'static Table, &[Cell])>,
    ) -> Result<(Self, Option<Row>)> {
        let mut text = if lease.mode() == Mode::Read {
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned()
        } else {
            // LOCK TABLE takes no snapshot. The first SELECT does, when all that came before can be seen.
            let idle = lease.pool().place.options.idle_writer_timeout_ms;
            format!(
                "BEGIN ISOLATION LEVEL REPEATABLE READ READ WRITE; \
                 SET LOCAL idle_in_transaction_session_timeout = {idle}; \
                 LOCK TABLE \"crm_meta\" IN EXCLUSIVE MODE; \
                 SELECT \"version\" FROM \"crm_meta\" WHERE \"product\" = '{PRODUCT}'"
            )
        };
        if let Some((table, key)) = first {
            check_key(table, key)?;
            let _ = write!(text, "; EXECUTE \"get_{}\"", table.name);
            for (position, cell) in key.iter().enumerate() {
                text.push_str(if position == 0 { " (" } else { ", " });
                crm_sql::literal(&Postgres, &mut text, cell);
            }
            text.push(')');
        }
        let mut found = lease.begin(&text, first.map(|(table, _)| table))?;
        let row = match first {
            Some((table, _)) => found.pop().flatten().map(|row| cells_of(&row, table)).transpose()?,
            None => None,
        };
        if lease.mode() == Mode::Write {
            // A newer library in another process may have migrated the schema since it was opened here.
            let (known, found) = (lease.pool().version.to_string(), found.pop().flatten());
            let found = found.as_ref().and_then(|row| row.get(0)).unwrap_or_default();
            if found != known {
                return Err(Error::new(&LEDGER_NEWER).with("found", found).with("known", known));
            }
        }
        Ok((Transaction::resume(lease), row))
    }

    /// Goes on with a transaction that the connection is in.
    pub(crate) fn resume(mut lease: Lease) -> Self {
        lease.is_open = true;
        Transaction {
            lease,
            depth: 0,
            is_spoilt: false,
            has_written: false,
            text: String::new(),
            stop: OnceLock::new(),
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.get().is_some_and(|stop| stop.is_stopped.load(Ordering::Relaxed))
    }

    /// Whether the next verb may run.
    fn ready(&self, is_write: bool) -> Result<()> {
        if self.is_stopped() {
            return Err(Error::new(&CANCELLED));
        }
        if self.is_spoilt {
            return Err(defect("a statement of this transaction has failed; it can only be undone"));
        }
        if is_write && self.lease.mode() == Mode::Read {
            return Err(defect("a write in a transaction that reads"));
        }
        Ok(())
    }

    /// The error of a statement; the transaction is spoilt by it.
    fn spoilt(&mut self, trouble: Trouble, doing: Doing) -> Error {
        self.is_spoilt = true;
        match trouble {
            Trouble::Postgres(error) => fault(error, doing, self.is_stopped()),
            Trouble::Store(error) => error,
        }
    }

    /// Runs a write.
    fn write<T>(
        &mut self,
        doing: Doing,
        run: impl FnOnce(&mut Lease, &mut String) -> Result<T, Trouble>,
    ) -> Result<T> {
        self.ready(true)?;
        self.has_written = true;
        run(&mut self.lease, &mut self.text).map_err(|trouble| self.spoilt(trouble, doing))
    }

    fn control(&mut self, text: &str) -> Result<()> {
        let done = self.lease.session().map_err(Trouble::Store).and_then(|session| Ok(session.batch(text)?));
        done.map_err(|trouble| self.spoilt(trouble, Doing::Writing))
    }

    fn run_select(&mut self, select: &Select, visit: Visit<'_>) -> Result<(), Halt> {
        let values = crm_sql::select(&Postgres, select, &mut self.text);
        let stop = self.stop.get();
        let width = select.outputs.len();
        let session = self.lease.session().map_err(Trouble::Store)?;
        let mut rows =
            session.query(&self.text, values.iter().map(Bound::from)).map_err(Trouble::Postgres)?;
        while let Some(row) = rows.next().map_err(Trouble::Postgres)? {
            if stop.is_some_and(|stop| stop.is_stopped.load(Ordering::Relaxed)) {
                return Err(Halt::Visit(Error::new(&CANCELLED)));
            }
            let mut cells = Vec::with_capacity(width);
            for column in 0..width {
                cells.push(row.try_get::<_, Found<'_>>(column).map_err(Trouble::Postgres)?.0);
            }
            if visit(&cells).map_err(Halt::Visit)? == Flow::Stop {
                break;
            }
        }
        // The request may have come when there was nothing to stop yet, and no row may have been found since.
        match stop {
            Some(stop) if stop.is_stopped.load(Ordering::Relaxed) => Err(Halt::Visit(Error::new(&CANCELLED))),
            _ => Ok(()),
        }
    }
}

impl Tx for Transaction {
    fn get(&mut self, table: &'static Table, key: &[Cell]) -> Result<Option<Row>> {
        self.ready(false)?;
        check_key(table, key)?;
        let width = table.columns.len();
        get_row(&mut self.lease, table, key, width).map_err(|trouble| self.spoilt(trouble, Doing::Reading))
    }

    fn select(&mut self, select: &Select, visit: Visit<'_>) -> Result<()> {
        self.ready(false)?;
        self.run_select(select, visit).map_err(|halt| match halt {
            Halt::Visit(error) => error,
            Halt::Engine(trouble) => self.spoilt(trouble, Doing::Reading),
        })
    }

    fn insert(&mut self, table: &'static Table, rows: &[Row]) -> Result<()> {
        if rows.iter().any(|row| row.len() != table.columns.len()) {
            return Err(defect("a row of the wrong length"));
        }
        self.write(Doing::Writing, |lease, _| match rows {
            [] => Ok(()),
            [row] => {
                let (session, sql) = lease.session_and_sql(table)?;
                session.execute(&sql.insert, row.iter().map(|cell| Bound::Cell(cell.as_ref())))?;
                Ok(())
            }
            many => {
                let (session, sql) = lease.session_and_sql(table)?;
                for rows in many.chunks(ROWS_AT_ONCE) {
                    let columns = (0..table.columns.len()).map(|column| Bound::Column(rows, column));
                    session.execute(&sql.insert_arrays, columns)?;
                }
                Ok(())
            }
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
        self.write(Doing::Writing, |lease, text| {
            let values = crm_sql::update(&Postgres, table, changes, filter, text);
            Ok(lease.session()?.execute(text, values.iter().map(Bound::from))?)
        })
    }

    fn delete(&mut self, table: &'static Table, filter: &Pred) -> Result<u64> {
        self.write(Doing::Deleting, |lease, text| {
            let values = crm_sql::delete(&Postgres, table, filter, text);
            Ok(lease.session()?.execute(text, values.iter().map(Bound::from))?)
        })
    }

    fn number(&mut self, series: &str, count: i64) -> Result<i64> {
        if count < 1 {
            return Err(defect("a series gives at least one number at a time"));
        }
        self.write(Doing::Writing, |lease, _| {
            let values = [Bound::Cell(CellRef::Text(series)), Bound::Cell(CellRef::Int(count))];
            let mut rows = lease.session()?.query(TAKE_NUMBERS, values.into_iter())?;
            let last = match rows.next()? {
                Some(row) => row.try_get::<_, i64>(0)?,
                None => return Err(defect("a series gave no number").into()),
            };
            Ok(last - count + 1)
        })
    }

    fn series(&mut self, visit: &mut dyn FnMut(&str, i64) -> Result<()>) -> Result<()> {
        self.ready(false)?;
        let mut read = || -> Result<(), Halt> {
            let session = self.lease.session().map_err(Trouble::Store)?;
            let mut rows = session.query(LIST_SERIES, [].into_iter()).map_err(Trouble::Postgres)?;
            while let Some(row) = rows.next().map_err(Trouble::Postgres)? {
                let name: &str = row.try_get(0).map_err(Trouble::Postgres)?;
                let last = row.try_get(1).map_err(Trouble::Postgres)?;
                visit(name, last).map_err(Halt::Visit)?;
            }
            Ok(())
        };
        read().map_err(|halt| match halt {
            Halt::Visit(error) => error,
            Halt::Engine(trouble) => self.spoilt(trouble, Doing::Reading),
        })
    }

    fn nest(&mut self, step: Nest) -> Result<()> {
        if self.depth == 0 && step != Nest::Begin {
            return Err(defect("a nested unit ends that has not begun"));
        }
        if step != Nest::Undo {
            self.ready(false)?;
        }
        match step {
            Nest::Begin => {
                self.control(&format!("SAVEPOINT unit{}", self.depth))?;
                self.depth += 1;
            }
            Nest::Keep => {
                self.control(&format!("RELEASE unit{}", self.depth - 1))?;
                self.depth -= 1;
            }
            Nest::Undo => {
                let unit = self.depth - 1;
                self.control(&format!("ROLLBACK TO unit{unit}; RELEASE unit{unit}"))?;
                self.depth = unit;
                self.is_spoilt = false;
            }
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<()> {
        self.ready(false)?;
        if self.depth > 0 {
            return Err(defect("a commit inside a nested unit"));
        }
        let doing = if self.has_written { Doing::Committing } else { Doing::Reading };
        let is_stopped = self.is_stopped();
        match self.lease.session()?.batch("COMMIT") {
            Ok(()) => {
                self.lease.is_open = false;
                Ok(())
            }
            Err(error) => Err(fault(error, doing, is_stopped)),
        }
    }

    fn interrupter(&self) -> Option<Interrupter> {
        let session = self.lease.held()?;
        let stop = self.stop.get_or_init(|| {
            let canceller = self.lease.pool().place.canceller(&session.client);
            Arc::new(Stop { is_stopped: AtomicBool::new(false), canceller: Mutex::new(Some(canceller)) })
        });
        let stop = Arc::clone(stop);
        Some(Arc::new(move || {
            if let Some(canceller) = &*stop.canceller.lock().unwrap_or_else(PoisonError::into_inner) {
                stop.is_stopped.store(true, Ordering::Relaxed);
                canceller.cancel();
            }
        }))
    }
}

impl Lease {
    fn session_and_sql(
        &mut self,
        table: &'static Table,
    ) -> Result<(&mut Session, &crate::catalog::TableSql), Trouble> {
        let (session, pool) = self.parts()?;
        Ok((session, pool.catalog.table(table)?))
    }
}

fn get_row(
    lease: &mut Lease,
    table: &'static Table,
    key: &[Cell],
    width: usize,
) -> Result<Option<Row>, Trouble> {
    let (session, sql) = lease.session_and_sql(table)?;
    let mut rows = session.query(&sql.get, key.iter().map(|cell| Bound::Cell(cell.as_ref())))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let cells = (0..width).map(|column| Ok(row.try_get::<_, Found<'_>>(column)?.0.to_cell()));
    let cells = cells.collect::<Result<Row, Trouble>>()?;
    // The end of the answer, so that nothing of it is left on the line.
    while rows.next()?.is_some() {}
    Ok(Some(cells))
}

fn check_key(table: &Table, key: &[Cell]) -> Result<()> {
    if key.len() != table.key.len() {
        return Err(defect("a key of the wrong length"));
    }
    key.iter().try_for_each(|cell| match cell {
        Cell::Text(text) => check_text(text),
        _ => Ok(()),
    })
}

/// A row that came as text: what several statements in one message answer with.
fn cells_of(row: &SimpleQueryRow, table: &Table) -> Result<Row> {
    let cell = |(position, column): (usize, &Column)| {
        let Some(text) = row.get(position) else { return Some(Cell::Null) };
        match column.field_type.cell_type() {
            CellType::Int => text.parse().ok().map(Cell::Int),
            CellType::Text => Some(Cell::Text(text.to_owned())),
            CellType::Bytes => from_hex(text.strip_prefix("\\x")?).map(Cell::Bytes),
        }
    };
    let cells = table.columns.iter().enumerate().map(cell).collect::<Option<Row>>();
    cells.ok_or_else(|| Error::new(&STORAGE_FAILED).with("reason", "a value is not of its column's type"))
}

/// Why a query ended early.
enum Halt {
    Visit(Error),
    Engine(Trouble),
}

impl From<Trouble> for Halt {
    fn from(trouble: Trouble) -> Self {
        Halt::Engine(trouble)
    }
}

enum Trouble {
    Postgres(postgres::Error),
    Store(Error),
}

impl From<postgres::Error> for Trouble {
    fn from(error: postgres::Error) -> Self {
        Trouble::Postgres(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Store(error)
    }
}

fn defect(what: &str) -> Error {
    Error::new(&INTERNAL).with("what", what)
}
