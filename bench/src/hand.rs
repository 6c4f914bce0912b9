//! The other side: the bare engine, used as well as one can.

use std::fmt::Write as _;
use std::path::Path;

use crm::kernel::date::Instant;
use crm::kernel::id::IdCodec;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use crate::measure::Outcome;

/// A connection to a ledger file, set up as the adapter sets up its own.
pub(crate) struct Hand {
    /// The connection.
    pub(crate) connection: Connection,
    /// Turns keys into ids, for the texts on the trail.
    pub(crate) ids: IdCodec,
    /// The key of the first user.
    pub(crate) user: i64,
    last_key: i64,
}

impl Hand {
    /// Opens with the page cache of a writer.
    pub(crate) fn writer(path: &Path) -> Outcome<Hand> {
        Hand::open(path, 32 * 1024)
    }

    /// Opens with the page cache of a reader.
    pub(crate) fn reader(path: &Path) -> Outcome<Hand> {
        Hand::open(path, 8 * 1024)
    }

    fn open(path: &Path, cache_kib: u32) -> Outcome<Hand> {
        let connection = Connection::open(path)?;
        connection.set_prepared_statement_cache_capacity(512);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(&format!(
            "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cache_size = -{cache_kib}; \
             PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864;"
        ))?;
        let tag: i64 = connection.query_row("SELECT tag FROM ledger", [], |row| row.get(0))?;
        let user = connection.query_row("SELECT id FROM user", [], |row| row.get(0))?;
        Ok(Hand { connection, ids: IdCodec::new(tag.unsigned_abs()), user, last_key: user })
    }

    /// Lets keys begin at a moment in the past, and returns it.
    pub(crate) fn back_to(&mut self, past: i64) -> i64 {
        self.last_key = 0;
        past
    }

    /// The least key of a moment.
    pub(crate) fn key_of(moment: i64) -> i64 {
        (moment / 1000 - 1_577_836_800_000) << 22
    }

    /// A new key: milliseconds and a counter, as the library's are.
    pub(crate) fn key(&mut self, now: i64) -> i64 {
        self.last_key = Hand::key_of(now).max(self.last_key + 1);
        self.last_key
    }
}

/// The present in microseconds.
pub(crate) fn now() -> Outcome<i64> {
    Ok(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_micros().try_into()?)
}

/// Takes the next number of a series that has begun. One statement that returns what it wrote would cost more.
pub(crate) fn number(connection: &Connection, series: &str) -> Outcome<i64> {
    let mut last = connection.prepare_cached("SELECT value FROM crm_series WHERE name = ?1")?;
    let last: Option<i64> = last.query_row([series], |row| row.get(0)).optional()?;
    let next = last.unwrap_or(0) + 1;
    let put = match last {
        Some(_) => "UPDATE crm_series SET value = ?2 WHERE name = ?1",
        None => "INSERT INTO crm_series (name, value) VALUES (?1, ?2)",
    };
    connection.prepare_cached(put)?.execute(params![series, next])?;
    Ok(next)
}

/// Writes the entry of a unit of work on the trail, as the library does: numbered, and chained by its hash.
pub(crate) fn audit(
    connection: &Connection,
    ids: IdCodec,
    at: i64,
    user: i64,
    operation: &str,
    subject: i64,
    changes: &str,
) -> Outcome<()> {
    let seq = number(connection, "audit")?;
    let before: String = match seq {
        1 => String::new(),
        _ => connection
            .prepare_cached("SELECT hash FROM audit WHERE seq = ?1")?
            .query_row([seq - 1], |row| row.get(0))?,
    };
    let mut hasher = Sha256::new();
    let texts = [
        before,
        seq.to_string(),
        Instant::from_micros(at)?.to_string(),
        ids.uuid(user).to_string(),
        operation.to_owned(),
        ids.uuid(subject).to_string(),
    ];
    for part in texts.iter().map(String::as_str).chain([changes]) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let mut hash = String::with_capacity(64);
    for byte in hasher.finalize() {
        write!(hash, "{byte:02x}")?;
    }
    connection
        .prepare_cached(
            "INSERT INTO audit (seq, at, user, operation, subject, changes, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![seq, at, user, operation, subject, changes, hash])?;
    Ok(())
}
