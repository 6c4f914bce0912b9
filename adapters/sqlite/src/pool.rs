//! Who holds which connection: one writer, handed over in the order of asking, and readers as many as are needed.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crm_core::kernel::error::{Error, Result};
use crm_core::store::engine::{BUSY, Mode, READ_ONLY, STORAGE_FAILED};
use rusqlite::Connection;

use crate::catalog::Catalog;
use crate::fault;
use crate::open::{Place, connect};

pub(crate) struct Pool {
    pub(crate) place: Place,
    pub(crate) catalog: Catalog,
    /// Version of the schema.
    pub(crate) version: u32,
    process: u32,
    // Readers close first: the last to close carries the WAL into the file, which readers may not.
    readers: Mutex<Vec<Connection>>,
    writer: Mutex<Writer>,
}

#[derive(Default)]
struct Writer {
    idle: Option<Connection>,
    is_taken: bool,
    /// Those who wait, first come first. Each has its own bell, so that a handover wakes one thread and not all.
    waiting: VecDeque<Arc<Condvar>>,
}

/// A connection on loan; dropping it gives it back.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    mode: Mode,
    connection: Option<Connection>,
}

impl Pool {
    pub(crate) fn new(place: Place, catalog: Catalog, version: u32, first: Connection) -> Self {
        let is_writable = place.is_writable();
        let (idle, readers) = if is_writable { (Some(first), Vec::new()) } else { (None, vec![first]) };
        Pool {
            place,
            catalog,
            version,
            process: std::process::id(),
            writer: Mutex::new(Writer { idle, ..Writer::default() }),
            readers: Mutex::new(readers),
        }
    }

    /// Lends a connection.
    pub(crate) fn lend(self: &Arc<Self>, mode: Mode) -> Result<Lease> {
        if self.is_forked() {
            return Err(
                Error::new(&STORAGE_FAILED).with("reason", "it was opened before this process was forked")
            );
        }
        let mut lease = Lease { pool: Arc::clone(self), mode, connection: None };
        match mode {
            Mode::Read => lease.connection = locked(&self.readers).pop(),
            Mode::Write if !self.place.is_writable() => return Err(Error::new(&READ_ONLY)),
            Mode::Write => lease.connection = self.take_writer()?,
        }
        // From here on dropping the lease gives back the writer's turn, also when connecting fails.
        if lease.connection.is_none() {
            let opened =
                connect(&self.place, mode).map_err(|error| fault::opening(error, &self.place.path))?;
            lease.connection = Some(opened);
        }
        Ok(lease)
    }

    fn take_writer(&self) -> Result<Option<Connection>> {
        let mut writer = locked(&self.writer);
        if writer.is_taken || !writer.waiting.is_empty() {
            let bell = Arc::new(Condvar::new());
            writer.waiting.push_back(Arc::clone(&bell));
            let deadline = Instant::now() + self.place.options.busy_timeout();
            loop {
                let is_next = writer.waiting.front().is_some_and(|next| Arc::ptr_eq(next, &bell));
                if is_next && !writer.is_taken {
                    writer.waiting.pop_front();
                    break;
                }
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    writer.waiting.retain(|waiting| !Arc::ptr_eq(waiting, &bell));
                    writer.ring();
                    return Err(Error::new(&BUSY));
                }
                writer = bell.wait_timeout(writer, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        writer.is_taken = true;
        Ok(writer.idle.take())
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Writer {
    /// Wakes who is next, if the writer is free.
    fn ring(&self) {
        if !self.is_taken
            && let Some(next) = self.waiting.front()
        {
            next.notify_one();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.is_forked() {
            // Closing here would release locks and files that the parent still uses.
            std::mem::forget(locked(&self.writer).idle.take());
            std::mem::forget(std::mem::take(&mut *locked(&self.readers)));
        }
    }
}

impl Lease {
    /// The connection; absent only while the lease is being dropped.
    pub(crate) fn connection(&self) -> Result<&Connection> {
        self.connection
            .as_ref()
            .ok_or_else(|| Error::new(&STORAGE_FAILED).with("reason", "the connection has been given back"))
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut connection = self.connection.take();
        if self.pool.is_forked() {
            std::mem::forget(connection);
            return;
        }
        // A connection that cannot be brought out of its transaction is closed, which rolls back.
        if let Some(open) = &connection
            && !open.is_autocommit()
            && open.prepare_cached("ROLLBACK").and_then(|mut rollback| rollback.raw_execute()).is_err()
        {
            connection = None;
        }
        match self.mode {
            Mode::Read => {
                let mut readers = locked(&self.pool.readers);
                if readers.len() < self.pool.place.options.readers_idle_max {
                    readers.extend(connection);
                } else {
                    // Closing takes a while: not under the lock.
                    drop(readers);
                    drop(connection);
                }
            }
            Mode::Write => {
                let mut writer = locked(&self.pool.writer);
                writer.idle = connection;
                writer.is_taken = false;
                writer.ring();
            }
        }
    }
}

/// Waits for a writer of another process: shortly at first, so that a short transaction is not waited for long.
pub(crate) fn busy_handler(timeout: Duration) -> impl FnMut(i32) -> bool + Send + 'static {
    let mut since = Instant::now();
    move |attempt| {
        if attempt == 0 {
            since = Instant::now();
        } else if since.elapsed() >= timeout {
            return false;
        }
        let micros = match attempt {
            0..4 => 100,
            4..12 => 500,
            12..40 => 2_000,
            _ => 10_000,
        };
        std::thread::sleep(Duration::from_micros(micros).min(timeout));
        true
    }
}

/// Locks; a panic elsewhere leaves nothing half-done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
