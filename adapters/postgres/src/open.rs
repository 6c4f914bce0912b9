//! Opening: finding out what a schema holds, creating or migrating it.

use std::sync::Arc;

use crm_core::kernel::error::{Error, Result};
use crm_core::store::cell::{Cell, Row};
use crm_core::store::engine::{LEDGER_NEWER, Mode, NOT_A_LEDGER, READ_ONLY, Store, Tx};
use crm_core::store::schema::{Schema, Table};
use postgres::error::SqlState;

use crate::catalog::{CREATE_OWN, Catalog, PRODUCT};
use crate::dialect::Postgres;
use crate::fault::opening;
use crate::place::Place;
use crate::pool::Pool;
use crate::session::Session;
use crate::transaction::Transaction;

/// When a commit is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// When `commit` returns; where the server is set up so, also on its standby.
    #[default]
    Full,
    /// Shortly after: a crash of the server may lose the last commits, each wholly, and leaves the rest sound.
    Normal,
}

/// How to open a ledger on a server. The URL's parameters `busy_timeout`, `statement_timeout` (both in milliseconds) and
/// `pool_size` go before what is given here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOptions {
    /// Create the ledger when the schema is missing or empty.
    pub create: bool,
    /// Open for reading only.
    pub read_only: bool,
    /// How long a writer waits for those of this process, and then for those of others, and a reader for a free
    /// connection, before `BUSY`.
    pub busy_timeout_ms: u32,
    /// How long connecting may take.
    pub connect_timeout_ms: u32,
    /// A statement that takes longer fails with `BUSY`; 0 is without end.
    pub statement_timeout_ms: u32,
    /// A writer that sends nothing for so long is cut off by the server, so that a host that hangs does not stop all others; 0
    /// is without end.
    pub idle_writer_timeout_ms: u32,
    /// Readers at once; the writer has a connection beside them.
    pub readers_max: usize,
    /// When a commit is on disk.
    pub durability: Durability,
}

impl Default for OpenOptions {
    /// Creates, writes durably, waits five seconds; eight readers.
    fn default() -> Self {
        OpenOptions {
            create: true,
            read_only: false,
            busy_timeout_ms: 5_000,
            connect_timeout_ms: 10_000,
            statement_timeout_ms: 0,
            idle_writer_timeout_ms: 300_000,
            readers_max: 8,
            durability: Durability::Full,
        }
    }
}

/// A ledger in a schema of a PostgreSQL database.
pub struct PostgresStore(Arc<Pool>);

impl PostgresStore {
    /// Opens the ledger at `postgres://user:password@host:port/database?schema=NAME`; the schema is `crm` when it is left
    /// out. An empty or missing schema becomes a ledger, an older one is brought to the schema's version.
    ///
    /// Other parameters: `sslmode` (`disable`, `prefer`, `require`; whenever TLS is used the server's certificate and name
    /// are checked, so `verify-ca` and `verify-full` mean the same as `require`; the default is `disable` on this machine
    /// and `require` elsewhere), `sslrootcert` (a PEM file of trusted certificates; the machine's when left out),
    /// `busy_timeout`, `statement_timeout`, `pool_size`, and what the `postgres` crate knows: `connect_timeout` in seconds,
    /// `application_name`, `target_session_attrs`, several hosts.
    ///
    /// # Errors
    /// `CANNOT_OPEN` (also: the server cannot be reached), `NOT_A_LEDGER` (the schema is left as it is), `LEDGER_NEWER`,
    /// `READ_ONLY` for an older ledger that cannot be migrated because it is opened for reading, `BUSY`, `STORAGE_FULL`; for
    /// an older ledger what [`Schema::bring_forward`] says.
    pub fn open(url: &str, schema: &Schema, options: OpenOptions) -> Result<Arc<dyn Store>> {
        let place = Place::parse(url, options)?;
        let mut session = place
            .connect()
            .map_err(|error| place.cannot_open(crate::fault::text_of(&error)).because(error))?;
        let from = match bring_forward(&place, &mut session, schema) {
            Ok(from) => from,
            Err(Trouble::Postgres(error)) => return Err(opening(error, &place)),
            Err(Trouble::Store(error)) => return Err(error),
        };
        let pool = Arc::new(Pool::new(place, Catalog::new(schema), schema.version, session));
        if let Some(from) = from {
            let mut tx = Transaction::resume(pool.lend(Mode::Write)?);
            schema.bring_forward(&mut tx, from)?;
            Box::new(tx).commit()?;
        }
        Ok(Arc::new(PostgresStore(pool)))
    }
}

impl Store for PostgresStore {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Tx>> {
        Ok(Box::new(Transaction::begin(self.0.lend(mode)?, None)?.0))
    }

    fn begin_with(
        &self,
        mode: Mode,
        table: &'static Table,
        key: &[Cell],
    ) -> Result<(Box<dyn Tx>, Option<Row>)> {
        let (tx, row) = Transaction::begin(self.0.lend(mode)?, Some((table, key)))?;
        Ok((Box::new(tx), row))
    }

    fn engine(&self) -> &'static str {
        "postgres"
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

/// What a schema holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Empty,
    Foreign,
    /// A ledger of this version.
    Ledger(i64),
}

/// Finds out what the schema is, without changing it.
fn examine(place: &Place, session: &mut Session) -> Result<Found, Trouble> {
    let name = literal(&place.schema);
    let relations = format!(
        "SELECT count(c.oid) || ' ' || count(c.oid) FILTER (WHERE c.relname = 'crm_meta' AND c.relkind = 'r') \
         FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid WHERE n.nspname = {name} GROUP BY n.oid"
    );
    let Some(counts) = session.ask(&relations)? else { return Ok(Found::Nothing) };
    match counts.split_once(' ') {
        Some(("0", _)) => return Ok(Found::Empty),
        Some((_, "0")) => return Ok(Found::Foreign),
        _ => {}
    }
    let product = literal(PRODUCT);
    match session.ask(&format!("SELECT \"version\" FROM \"crm_meta\" WHERE \"product\"::text = {product}")) {
        Ok(version) => {
            let version = version.and_then(|version| version.parse().ok());
            Ok(version.map_or(Found::Foreign, Found::Ledger))
        }
        // A table of that name, but of somebody else.
        Err(error)
            if matches!(error.code(), Some(&SqlState::UNDEFINED_COLUMN | &SqlState::UNDEFINED_FUNCTION)) =>
        {
            Ok(Found::Foreign)
        }
        Err(error) => Err(error.into()),
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Brings the schema to its version. One that was older is left in the transaction that does so, and the older version is
/// told, for the rows are to be brought forward yet.
fn bring_forward(place: &Place, session: &mut Session, schema: &Schema) -> Result<Option<u32>, Trouble> {
    let encoding = session.ask("SHOW server_encoding")?.unwrap_or_default();
    if encoding != "UTF8" {
        let reason = format!("the database's encoding is {encoding}; it must be UTF8");
        return Err(place.cannot_open(reason).into());
    }
    let options = &place.options;
    match examine(place, session)? {
        Found::Foreign => return Err(not_a_ledger(place).into()),
        Found::Nothing if options.read_only || !options.create => {
            return Err(place.cannot_open("there is no such schema").into());
        }
        Found::Empty if options.read_only || !options.create => return Err(not_a_ledger(place).into()),
        Found::Nothing | Found::Empty => {}
        Found::Ledger(found) => {
            is_known(found, schema)?;
            if found == i64::from(schema.version) {
                return Ok(None);
            }
            if options.read_only {
                return Err(Error::new(&READ_ONLY).into());
            }
        }
    }
    // One host at a time for this name; the lock ends with the transaction. Each statement sees what is committed by then, so
    // whoever waited finds what the other has done.
    session.batch(&format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; \
         SELECT pg_advisory_xact_lock({ADVISORY_CLASS}, hashtext({}))",
        literal(&place.schema)
    ))?;
    match migrate(place, session, schema) {
        Ok(Some(from)) if from < schema.version => Ok(Some(from)),
        Ok(_) => {
            session.batch("COMMIT")?;
            Ok(None)
        }
        Err(trouble) => {
            let _ = session.batch("ROLLBACK");
            Err(trouble)
        }
    }
}

/// The first half of the advisory lock: `CRML`; the second is the hash of the schema's name.
const ADVISORY_CLASS: i32 = 0x4352_4D4C;

/// Adds what is newer, and says which version the schema had; none when it was empty.
fn migrate(place: &Place, session: &mut Session, schema: &Schema) -> Result<Option<u32>, Trouble> {
    let found = examine(place, session)?;
    let from = match found {
        Found::Foreign => return Err(not_a_ledger(place).into()),
        Found::Ledger(found) => {
            is_known(found, schema)?;
            // Waits for the writer at work, and makes the next ones look at the version again.
            session.batch("LOCK TABLE \"crm_meta\" IN ACCESS EXCLUSIVE MODE")?;
            u32::try_from(found).ok()
        }
        Found::Nothing | Found::Empty => {
            if found == Found::Nothing {
                session.batch(&format!("CREATE SCHEMA {}", place.quoted_schema()))?;
            }
            session.batch(CREATE_OWN)?;
            let product = literal(PRODUCT);
            session.batch(&format!("INSERT INTO \"crm_meta\" VALUES ({product}, 0)"))?;
            None
        }
    };
    let statements = crm_sql::migrate(&Postgres, schema, from);
    if !statements.is_empty() {
        session.batch(&statements.join("; "))?;
    }
    session.batch(&format!("UPDATE \"crm_meta\" SET \"version\" = {}", schema.version))?;
    Ok(from)
}

fn not_a_ledger(place: &Place) -> Error {
    Error::new(&NOT_A_LEDGER).with("what", place.shown())
}

fn is_known(found: i64, schema: &Schema) -> Result<()> {
    if found > i64::from(schema.version) {
        return Err(Error::new(&LEDGER_NEWER).with("found", found).with("known", schema.version));
    }
    Ok(())
}
