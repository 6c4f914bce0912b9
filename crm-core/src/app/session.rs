//! One user at a ledger.

use std::sync::Arc;

use crate::app::cancel::Cancel;
use crate::app::context::Cx;
use crate::app::ledger::Ledger;
use crate::app::list::{Frame, Rows};
use crate::areas::access::Actor;
use crate::areas::ledger::idempotency::{self, Replay};
use crate::catalog::Operation;
use crate::catalog::operation::to_text;
use crate::kernel::error::{Error, Result};
use crate::store::engine::{CONFLICT, Mode, Nest, OUTCOME_UNKNOWN, Tx};

/// How often a whole operation is tried when other writers come first.
const ATTEMPTS_MAX: u32 = 5;

/// How a call is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// A text that names this request for its user: a repeated call with it returns the first result and writes nothing.
    pub idempotency_key: Option<String>,
}

/// One user at a ledger. Sessions are cheap, and may be used from any thread.
#[derive(Clone)]
pub struct Session {
    ledger: Ledger,
    login: String,
    cancelled: Arc<Cancel>,
}

impl Session {
    pub(crate) fn new(ledger: Ledger, login: &str) -> Self {
        Session { ledger, login: login.to_owned(), cancelled: Arc::new(Cancel::default()) }
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The user's login.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Runs an operation as one unit of work.
    ///
    /// # Errors
    /// `DENIED`, those of the operation, and of the engine; nothing is written then.
    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output> {
        self.run_with(operation, &CallOptions::default())
    }

    /// Runs an operation with options. When another writer comes first the whole operation runs again, a few times; so it
    /// does when the connection breaks while it is committed, if there is an idempotency key to ask with.
    ///
    /// # Errors
    /// As [`Session::run`]; `KEY_REUSED`.
    pub fn run_with<O: Operation>(&self, operation: O, options: &CallOptions) -> Result<O::Output> {
        let mut attempt = 1;
        let is_worth_another = |error: &Error| {
            error.code() == &CONFLICT
                || (error.code() == &OUTCOME_UNKNOWN && options.idempotency_key.is_some())
        };
        loop {
            match self.attempt(operation.clone(), options) {
                Err(error) if attempt < ATTEMPTS_MAX && is_worth_another(&error) => attempt += 1,
                result => return result,
            }
        }
    }

    fn attempt<O: Operation>(&self, operation: O, options: &CallOptions) -> Result<O::Output> {
        let (mut tx, actor) = self.ledger.begin_as(O::MODE, &self.login)?;
        self.cancelled.begin(tx.as_ref());
        let mut cx = Cx::new(tx.as_mut(), &self.ledger, actor, O::NAME, &self.cancelled);
        let key = options.idempotency_key.as_deref().filter(|_| O::MODE == Mode::Write);
        let output = match key {
            None => cx.perform(operation)?,
            Some(key) => {
                let request = to_text(&operation)?;
                match idempotency::find(&mut cx, key, O::NAME, &request)? {
                    Replay::First => {
                        let output = cx.perform(operation)?;
                        idempotency::keep(&mut cx, key, O::NAME, &request, &to_text(&output)?)?;
                        output
                    }
                    Replay::Again(response) => return crate::catalog::operation::parse(&response),
                }
            }
        };
        if O::MODE == Mode::Write {
            tx.commit()?;
        }
        Ok(output)
    }

    /// Runs an operation by name, JSON in and JSON out: the way of every face but Rust's.
    ///
    /// # Errors
    /// `UNKNOWN_OPERATION`, those of malformed requests, and as [`Session::run_with`].
    pub fn call(&self, name: &str, input: &str, options: &CallOptions) -> Result<String> {
        let entry = self.ledger.catalog().operation(name)?;
        (entry.call)(self, input, options)
    }

    /// A page of raw columns, for Arrow: `limit` rows at a time, all within `transaction`'s snapshot when one is given.
    ///
    /// # Errors
    /// Of the request and of the engine.
    pub fn reader(&self, request: Rows) -> Result<Reader> {
        let (tx, actor) = self.ledger.begin_as(Mode::Read, &self.login)?;
        self.cancelled.begin(tx.as_ref());
        Ok(Reader { session: self.clone(), actor, tx, request, done: false })
    }

    /// Begins a transaction over several operations.
    ///
    /// # Errors
    /// Of the engine.
    pub fn transaction(&self) -> Result<Transaction> {
        let tx = self.ledger.begin(Mode::Write)?;
        self.cancelled.begin(tx.as_ref());
        Ok(Transaction { session: self.clone(), tx })
    }

    /// Makes the call that is running in this session, from any thread, end soon with `CANCELLED`.
    pub fn cancel(&self) {
        self.cancelled.cancel();
    }
}

/// Several operations that are kept together or not at all; dropping it undoes them. An operation that fails is undone
/// alone. While it is open, other writers of the ledger wait.
pub struct Transaction {
    session: Session,
    tx: Box<dyn Tx>,
}

impl Transaction {
    /// Runs an operation inside.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run<O: Operation>(&mut self, operation: O) -> Result<O::Output> {
        let Session { ledger, login, cancelled } = &self.session;
        let actor = ledger.actor(self.tx.as_mut(), login)?;
        self.tx.nest(Nest::Begin)?;
        let result = Cx::new(self.tx.as_mut(), ledger, actor, O::NAME, cancelled).perform(operation);
        self.tx.nest(if result.is_ok() { Nest::Keep } else { Nest::Undo })?;
        result
    }

    /// Runs an operation by name inside.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub fn call(&mut self, name: &str, input: &str) -> Result<String> {
        let catalog = crate::catalog::Catalog::shared();
        (catalog.operation(name)?.call_in)(self, input)
    }

    /// Keeps everything.
    ///
    /// # Errors
    /// Of the engine; nothing is kept then.
    pub fn commit(self) -> Result<()> {
        self.tx.commit()
    }
}

/// Reads a dataset page by page within one snapshot, in bounded memory.
pub struct Reader {
    session: Session,
    /// The user as of the snapshot, in which rights do not change.
    actor: Arc<Actor>,
    tx: Box<dyn Tx>,
    request: Rows,
    done: bool,
}

impl Reader {
    /// The next rows, at most so many; `None` after the last. The first call tells the columns even when there are no rows.
    ///
    /// # Errors
    /// Of the request and of the engine.
    pub fn next(&mut self, rows: u32) -> Result<Option<Frame>> {
        if self.done {
            return Ok(None);
        }
        let Session { ledger, cancelled, .. } = &self.session;
        let actor = Arc::clone(&self.actor);
        let frame =
            Cx::new(self.tx.as_mut(), ledger, actor, "query.rows", cancelled).rows(&self.request, rows)?;
        self.request.cursor.clone_from(&frame.next);
        self.done = frame.next.is_none();
        Ok(Some(frame))
    }
}
