//! Opening: finding out what a file is, creating or migrating it, and how each connection is set up.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crm_core::kernel::error::{Error, Result};
use crm_core::store::engine::{LEDGER_NEWER, Mode, NOT_A_LEDGER, READ_ONLY, Store, Tx};
use crm_core::store::schema::Schema;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use crate::catalog::{CREATE_SERIES, Catalog};
use crate::dialect::Sqlite;
use crate::fault::{cannot_open, is_write_denied, opening};
use crate::pool::{Pool, busy_handler};
use crate::transaction::Transaction;

/// The application id in the header of every ledger file: `CRML`.
pub const APPLICATION_ID: i32 = 0x4352_4D4C;

/// When a commit is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// When `commit` returns: it survives a power cut.
    #[default]
    Full,
    /// Shortly after: a power cut may lose the last commits, each wholly. It never damages the file. A crash of the
    /// process loses nothing.
    Normal,
}

/// How to open a ledger file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOptions {
    /// Create the ledger when the file is missing or empty.
    pub create: bool,
    /// Open for reading only.
    pub read_only: bool,
    /// How long a writer waits for those of this process, and then for those of others, before `BUSY`.
    pub busy_timeout_ms: u32,
    /// When a commit is on disk.
    pub durability: Durability,
    /// Page cache of the writer; readers have a quarter of it each.
    pub cache_kib: u32,
    /// Readers kept open while nobody uses them.
    pub readers_idle_max: usize,
    /// The file may not grow beyond this: a write that would fails with `STORAGE_FULL`.
    pub size_mib_max: Option<u32>,
}

impl Default for OpenOptions {
    /// Creates, writes durably, waits five seconds.
    fn default() -> Self {
        OpenOptions {
            create: true,
            read_only: false,
            busy_timeout_ms: 5_000,
            durability: Durability::Full,
            cache_kib: 32 * 1024,
            readers_idle_max: 8,
            size_mib_max: None,
        }
    }
}

impl OpenOptions {
    pub(crate) fn busy_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.busy_timeout_ms))
    }
}

/// A ledger in an SQLite file.
pub struct SqliteStore(Arc<Pool>);

impl SqliteStore {
    /// Opens the ledger in this file; an empty or missing file becomes one, an older one is brought to the schema's version.
    ///
    /// A file on a disk or in a folder that does not allow writing is opened for reading, and writing fails with
    /// `READ_ONLY`. When SQLite cannot even create its files beside it, the file is read as one that nobody changes.
    ///
    /// # Errors
    /// `CANNOT_OPEN`, `NOT_A_LEDGER` (the file is left as it is), `LEDGER_NEWER`, `READ_ONLY` for an older ledger that
    /// cannot be migrated because it cannot be written, `BUSY`, `STORAGE_FULL`, `STORAGE_FAILED`; for an older ledger what
    /// [`Schema::bring_forward`] says.
    pub fn open(path: impl AsRef<Path>, schema: &Schema, options: OpenOptions) -> Result<Arc<dyn Store>> {
        let path = path.as_ref();
        // An absolute path is never one of the names that mean something else to SQLite: `:memory:`, `file:…`, the empty one.
        let path = std::path::absolute(path).map_err(|error| cannot_open(path, &error).because(error))?;
        let found = examine(&path)?;
        if found != Found::Ledger && (options.read_only || !options.create) {
            return Err(match found {
                Found::Nothing => cannot_open(&path, "there is no such file"),
                _ => not_a_ledger(&path),
            });
        }
        let access = if options.read_only {
            Access::ReadOnly
        } else {
            Access::Write { creates: found != Found::Ledger }
        };
        let mut place = Place { path, options, access };
        let (first, from) = loop {
            match bring_forward(&place, schema) {
                Ok(first) => break first,
                Err(Trouble::Store(error)) => return Err(error),
                Err(Trouble::Sqlite(error)) => {
                    let next =
                        (found == Found::Ledger && is_write_denied(&error)).then(|| place.lesser_access());
                    match next.flatten() {
                        Some(access) => place.access = access,
                        None => return Err(opening(error, &place.path)),
                    }
                }
            }
        };
        if let Access::Write { creates } = &mut place.access {
            *creates = false;
        }
        let pool = Arc::new(Pool::new(place, Catalog::new(schema), schema.version, first));
        if let Some(from) = from {
            let mut tx = Transaction::resume(pool.lend(Mode::Write)?);
            schema.bring_forward(&mut tx, from)?;
            Box::new(tx).commit()?;
        }
        Ok(Arc::new(SqliteStore(pool)))
    }
}

impl Store for SqliteStore {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Tx>> {
        Ok(Box::new(Transaction::begin(self.0.lend(mode)?)?))
    }

    fn engine(&self) -> &'static str {
        "sqlite"
    }
}

/// A file and how it is used.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) options: OpenOptions,
    access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Write {
        creates: bool,
    },
    ReadOnly,
    /// Without locks and without the files that WAL needs beside it; for places that allow no writing at all.
    Immutable,
}

impl Place {
    pub(crate) fn is_writable(&self) -> bool {
        matches!(self.access, Access::Write { .. })
    }

    /// What to try when SQLite says that it may not write here.
    fn lesser_access(&self) -> Option<Access> {
        match self.access {
            Access::Write { .. } => Some(Access::ReadOnly),
            // Commits that are still in a WAL would be missed.
            Access::ReadOnly if !self.has_wal() => Some(Access::Immutable),
            _ => None,
        }
    }

    fn has_wal(&self) -> bool {
        let mut wal = self.path.clone().into_os_string();
        wal.push("-wal");
        std::fs::metadata(wal).is_ok_and(|wal| wal.len() > 0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Empty,
    Ledger,
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

fn not_a_ledger(path: &Path) -> Error {
    Error::new(&NOT_A_LEDGER).with("what", path.display())
}

/// Finds out what the file is, without changing it or anything beside it.
fn examine(path: &Path) -> Result<Found> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(cannot_open(path, &error).because(error)),
        Ok(file) if !file.is_file() => return Err(cannot_open(path, "it is not a file")),
        Ok(file) if file.len() == 0 => return Ok(Found::Empty),
        Ok(_) => {}
    }
    let id = open_immutable(path)
        .and_then(|connection| pragma(&connection, "application_id"))
        .map_err(|error| opening(error, path))?;
    if id == i64::from(APPLICATION_ID) { Ok(Found::Ledger) } else { Err(not_a_ledger(path)) }
}

fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut uri = String::from("file:");
    let Some(text) = path.to_str() else {
        return Err(rusqlite::Error::InvalidPath(path.to_owned()));
    };
    if cfg!(windows) {
        uri.push('/');
    }
    for character in text.chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            '\\' if cfg!(windows) => uri.push('/'),
            other => uri.push(other),
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, flags)
}

/// The first connection to a ledger that has the schema's version. For one that was older it is still in the transaction
/// that makes it so, and the older version is told, for the rows are to be brought forward yet.
fn bring_forward(place: &Place, schema: &Schema) -> Result<(Connection, Option<u32>), Trouble> {
    let Access::Write { creates } = place.access else {
        let connection = connect(place, Mode::Read)?;
        let found = pragma(&connection, "user_version")?;
        if found < i64::from(schema.version) {
            return Err(Error::new(&READ_ONLY).into());
        }
        is_known(found, schema)?;
        return Ok((connection, None));
    };
    let connection = connect(place, Mode::Write)?;
    if connection.is_readonly(MAIN_DB)? {
        // SQLite quietly opens for reading what it may not write.
        return Err(denied());
    }
    let found = pragma(&connection, "user_version")?;
    is_known(found, schema)?;
    if !creates {
        use_wal(&connection, place.options.busy_timeout())?;
    }
    if creates || found < i64::from(schema.version) {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        // Another process may have been here first; inside the transaction it is certain.
        match migrate(&connection, place, schema) {
            Ok(Some(from)) if from < schema.version => return Ok((connection, Some(from))),
            Ok(_) => connection.execute_batch("COMMIT")?,
            Err(trouble) => {
                let _ = connection.execute_batch("ROLLBACK");
                return Err(trouble);
            }
        }
    }
    if creates {
        use_wal(&connection, place.options.busy_timeout())?;
    }
    Ok((connection, None))
}

fn denied() -> Trouble {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY), None).into()
}

fn is_known(found: i64, schema: &Schema) -> Result<()> {
    if found > i64::from(schema.version) {
        return Err(Error::new(&LEDGER_NEWER).with("found", found).with("known", schema.version));
    }
    Ok(())
}

/// Adds what is newer, and says which version the file had; none when it was empty.
fn migrate(connection: &Connection, place: &Place, schema: &Schema) -> Result<Option<u32>, Trouble> {
    let id = pragma(connection, "application_id")?;
    let found = pragma(connection, "user_version")?;
    let from = if id == i64::from(APPLICATION_ID) {
        is_known(found, schema)?;
        u32::try_from(found).ok()
    } else {
        let objects: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if id != 0 || found != 0 || objects != 0 {
            return Err(not_a_ledger(&place.path).into());
        }
        connection.execute_batch(CREATE_SERIES)?;
        None
    };
    for statement in crm_sql::migrate(&Sqlite, schema, from) {
        connection.execute_batch(&statement)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", schema.version)?;
    Ok(from)
}

/// WAL is a property of the file: setting it again does nothing. SQLite does not always wait for others here by itself.
fn use_wal(connection: &Connection, timeout: Duration) -> rusqlite::Result<()> {
    let deadline = Instant::now() + timeout;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0)) {
            Ok(_) => return Ok(()),
            Err(error)
                if matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
                ) && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Statements that a connection keeps prepared; each takes a few kilobytes.
const STATEMENTS_CACHED: usize = 512;

/// The WAL is carried into the file when it has so many pages of 4 KiB: 16 MiB.
const WAL_PAGES: u32 = 4096;

/// A WAL that a long transaction made larger than this is cut back to it; below, it is reused as it is.
const WAL_BYTES_KEPT: u32 = 64 << 20;

/// Opens a connection and sets it up.
pub(crate) fn connect(place: &Place, mode: Mode) -> rusqlite::Result<Connection> {
    let flags = match place.access {
        Access::Write { creates: true } => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        Access::Write { creates: false } => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::ReadOnly | Access::Immutable => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let options = &place.options;
    let mut connection = match place.access {
        Access::Immutable => open_immutable(&place.path)?,
        _ => Connection::open_with_flags(&place.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?,
    };
    connection.busy_handler(Some(busy_handler(options.busy_timeout())))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Plans do not depend on values. Without this SQLite prepares a statement anew whenever another value is bound, if the
    // table has an index `WHERE column IS NOT NULL`: it looks whether the value is what makes the index usable.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    let (cache_kib, query_only) = match mode {
        Mode::Read => (options.cache_kib / 4, "ON"),
        Mode::Write => (options.cache_kib, "OFF"),
    };
    connection.execute_batch(&format!(
        "PRAGMA foreign_keys = ON; PRAGMA synchronous = {synchronous}; PRAGMA cache_size = -{cache_kib}; \
         PRAGMA wal_autocheckpoint = {WAL_PAGES}; PRAGMA journal_size_limit = {WAL_BYTES_KEPT}; \
         PRAGMA query_only = {query_only};"
    ))?;
    if let Some(size_mib_max) = options.size_mib_max {
        let page_size = pragma(&connection, "page_size")?.max(1);
        let pages_max = (i64::from(size_mib_max) << 20) / page_size;
        connection.execute_batch(&format!("PRAGMA max_page_count = {pages_max}"))?;
    }
    Ok(connection)
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
