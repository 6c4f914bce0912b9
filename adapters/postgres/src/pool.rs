//! Who holds which connection: one writer at a time, handed over in the order of asking, and readers up to a number.
//!
//! A pool of our own, since what is needed is little and particular: the writer's turn is given here and not by the server,
//! so that writers who wait in this process occupy no connection, and readers never wait for them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crm_core::kernel::error::{Error, INTERNAL, Result};
use crm_core::store::engine::{BUSY, Mode, READ_ONLY, STORAGE_FAILED};
use crm_core::store::schema::Table;
use postgres::SimpleQueryRow;

use crate::catalog::Catalog;
use crate::fault::{Doing, fault};
use crate::place::Place;
use crate::session::Session;

pub(crate) struct Pool {
    pub(crate) place: Place,
    pub(crate) catalog: Catalog,
    /// Version of the schema.
    pub(crate) version: u32,
    process: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    writers: Line,
    readers: Line,
}

/// Those who hold a place, and those who wait for one, first come first. Each who waits has a bell of its own, so that
/// a handover wakes one thread and not all.
#[derive(Default)]
struct Line {
    holding: usize,
    waiting: VecDeque<Arc<Condvar>>,
}

/// A place in the pool with, most of the time, a connection; dropping it gives both back.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    mode: Mode,
    session: Option<Session>,
    /// The connection came from the pool and may have been cut while it lay there.
    is_used: bool,
    /// The connection is in a transaction.
    pub(crate) is_open: bool,
    /// The connection must not be used again: something may still be on its way to it.
    pub(crate) is_doomed: bool,
}

impl Pool {
    pub(crate) fn new(place: Place, catalog: Catalog, version: u32, first: Session) -> Self {
        let state = Mutex::new(State { idle: vec![first], ..State::default() });
        Pool { place, catalog, version, process: std::process::id(), state }
    }

    /// Lends a place in the line of this mode, with a connection if one lies idle.
    pub(crate) fn lend(self: &Arc<Self>, mode: Mode) -> Result<Lease> {
        if self.is_forked() {
            return Err(
                Error::new(&STORAGE_FAILED).with("reason", "it was opened before this process was forked")
            );
        }
        if mode == Mode::Write && !self.place.is_writable() {
            return Err(Error::new(&READ_ONLY));
        }
        let mut state = self.stand_in_line(mode)?;
        let session = state.idle.pop();
        let (pool, is_used) = (Arc::clone(self), session.is_some());
        Ok(Lease { pool, mode, session, is_used, is_open: false, is_doomed: false })
    }

    fn places(&self, mode: Mode) -> usize {
        match mode {
            Mode::Read => self.place.options.readers_max.max(1),
            Mode::Write => 1,
        }
    }

    /// Waits for a place and takes it.
    fn stand_in_line(&self, mode: Mode) -> Result<MutexGuard<'_, State>> {
        let places = self.places(mode);
        let mut state = locked(&self.state);
        let line = state.line(mode);
        if line.holding >= places || !line.waiting.is_empty() {
            let bell = Arc::new(Condvar::new());
            line.waiting.push_back(Arc::clone(&bell));
            let deadline = Instant::now() + self.place.busy_timeout();
            loop {
                let line = state.line(mode);
                let is_next = line.waiting.front().is_some_and(|next| Arc::ptr_eq(next, &bell));
                if is_next && line.holding < places {
                    line.waiting.pop_front();
                    break;
                }
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    line.waiting.retain(|waiting| !Arc::ptr_eq(waiting, &bell));
                    line.ring(places);
                    return Err(Error::new(&BUSY));
                }
                state = bell.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        let line = state.line(mode);
        line.holding += 1;
        line.ring(places);
        Ok(state)
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }
}

impl State {
    fn line(&mut self, mode: Mode) -> &mut Line {
        match mode {
            Mode::Read => &mut self.readers,
            Mode::Write => &mut self.writers,
        }
    }
}

impl Line {
    /// Wakes who is next, if there is a place.
    fn ring(&self, places: usize) {
        if self.holding < places
            && let Some(next) = self.waiting.front()
        {
            next.notify_one();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.is_forked() {
            // Closing here would end the parent's sessions.
            std::mem::forget(std::mem::take(&mut locked(&self.state).idle));
        }
    }
}

impl Lease {
    /// Begins a transaction with these statements, which may read a row of `named` by `EXECUTE`, and hands back the row that
    /// each has found. When a connection turns out to have been cut
    /// while it lay idle, so have the others probably been: all are closed and a new one is opened, once.
    pub(crate) fn begin(
        &mut self,
        text: &str,
        named: Option<&'static Table>,
    ) -> Result<Vec<Option<SimpleQueryRow>>> {
        let named = named.map(|table| Ok((table.name, &self.pool.catalog.table(table)?.get))).transpose()?;
        loop {
            let failed = |error| fault(error, Doing::Beginning, false);
            let mut session = match self.session.take() {
                Some(session) => session,
                None => self.pool.place.connect().map_err(failed)?,
            };
            let is_named = named.map_or(Ok(()), |(table, get)| session.name(table, get));
            match is_named.and_then(|()| session.ask_all(text)) {
                Ok(answers) => {
                    self.session = Some(session);
                    self.is_open = true;
                    return Ok(answers);
                }
                Err(error) if self.is_used && crate::fault::is_broken(&error) => {
                    self.is_used = false;
                    let idle = std::mem::take(&mut locked(&self.pool.state).idle);
                    // Closing takes a while: not under the lock.
                    drop((session, idle));
                }
                Err(error) => {
                    self.session = Some(session);
                    self.is_open = true;
                    return Err(failed(error));
                }
            }
        }
    }

    /// The connection; absent only while the lease is being dropped.
    pub(crate) fn session(&mut self) -> Result<&mut Session> {
        Ok(self.parts()?.0)
    }

    /// The connection, and what belongs to all of them.
    pub(crate) fn parts(&mut self) -> Result<(&mut Session, &Pool)> {
        let missing = || Error::new(&INTERNAL).with("what", "no connection is held");
        Ok((self.session.as_mut().ok_or_else(missing)?, &self.pool))
    }

    /// The connection, if there is one.
    pub(crate) fn held(&self) -> Option<&Session> {
        self.session.as_ref()
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
        let mut session = self.session.take();
        if self.pool.is_forked() {
            std::mem::forget(session);
            return;
        }
        // A connection that cannot be brought out of its transaction is closed, which rolls back.
        if let Some(held) = &mut session
            && (self.is_doomed
                || held.client.is_closed()
                || (self.is_open && held.batch("ROLLBACK").is_err()))
        {
            session = None;
        }
        let places = self.pool.places(self.mode);
        let mut state = locked(&self.pool.state);
        state.idle.extend(session);
        let line = state.line(self.mode);
        line.holding -= 1;
        line.ring(places);
    }
}

/// Locks; a panic elsewhere leaves nothing half-done behind these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
