//! One user at a ledger.

use std::sync::Arc;

use crate::app::cancel::{Cancel, Switches};
use crate::app::context::Cx;
use crate::app::ledger::Ledger;
use crate::app::list::{Frame, Rows};
use crate::areas::access::Actor;
use crate::areas::ledger::idempotency::{self, Replay};
use crate::catalog::Operation;
use crate::catalog::operation::to_text;
use crate::kernel::error::{Error, ErrorKind, Result};
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
    switches: Arc<Switches>,
}

impl Session {
    pub(crate) fn new(ledger: Ledger, login: &str) -> Self {
        Session { ledger, login: login.to_owned(), switches: Arc::default() }
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
    /// does when the connection breaks while it is committed, if there is an idempotency key to ask with. What cannot be
    /// asked then, because the server stays away, stays unknown.
    ///
    /// # Errors
    /// As [`Session::run`]; `KEY_REUSED`.
    pub fn run_with<O: Operation>(&self, operation: O, options: &CallOptions) -> Result<O::Output> {
        let switch = self.switches.add();
        let mut is_unknown = false;
        for attempt in 1.. {
            let error = match self.attempt(operation.clone(), options, &switch) {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            let is_unknown_now = error.code() == &OUTCOME_UNKNOWN && options.idempotency_key.is_some();
            is_unknown |= is_unknown_now;
            let is_worth_another = is_unknown_now || error.code() == &CONFLICT;
            if attempt < ATTEMPTS_MAX && is_worth_another {
                continue;
            }
            // These tell of the last attempt that nothing was saved; an earlier one may have saved everything.
            let says_nothing =
                matches!(error.kind(), ErrorKind::Retry | ErrorKind::Cancelled | ErrorKind::Storage);
            return Err(if is_unknown && says_nothing {
                Error::new(&OUTCOME_UNKNOWN).because(error)
            } else {
                error
            });
        }
        Err(Error::new(&CONFLICT))
    }

    fn attempt<O: Operation>(
        &self,
        operation: O,
        options: &CallOptions,
        switch: &Cancel,
    ) -> Result<O::Output> {
        let (mut tx, actor) = self.ledger.begin_as(O::MODE, &self.login)?;
        switch.reach(tx.as_ref())?;
        let mut cx = Cx::new(tx.as_mut(), &self.ledger, actor, O::NAME, switch);
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

    /// Raw columns of a dataset, for Arrow: page after page within one snapshot, which is that of this call.
    ///
    /// # Errors
    /// `UNKNOWN_USER`; of the engine.
    pub fn reader(&self, request: Rows) -> Result<Reader> {
        let switch = self.switches.add();
        let (tx, actor) = self.ledger.begin_as(Mode::Read, &self.login)?;
        switch.reach(tx.as_ref())?;
        Ok(Reader { ledger: self.ledger.clone(), switch, actor, tx, request, done: false })
    }

    /// Begins a transaction over several operations.
    ///
    /// # Errors
    /// `UNKNOWN_USER`; of the engine.
    pub fn transaction(&self) -> Result<Transaction> {
        let switch = self.switches.add();
        let (tx, actor) = self.ledger.begin_as(Mode::Write, &self.login)?;
        switch.reach(tx.as_ref())?;
        Ok(Transaction { ledger: self.ledger.clone(), login: self.login.clone(), switch, actor, tx })
    }

    /// Makes all that is under way in this session, from any thread, end soon with `CANCELLED`: calls that are running, and
    /// transactions and readers that are open. What begins later is not affected.
    pub fn cancel(&self) {
        self.switches.cancel();
    }
}

/// Several operations that are kept together or not at all; dropping it undoes them. An operation that fails is undone
/// alone. While it is open, other writers of the ledger wait.
pub struct Transaction {
    ledger: Ledger,
    login: String,
    switch: Arc<Cancel>,
    /// The user as of the last operation. What the transaction has changed of rights holds in it alone until it is kept.
    actor: Arc<Actor>,
    tx: Box<dyn Tx>,
}

impl Transaction {
    /// Runs an operation inside.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run<O: Operation>(&mut self, operation: O) -> Result<O::Output> {
        self.switch.check()?;
        self.actor = self.ledger.actor_now(self.tx.as_mut(), &self.login, &self.actor)?;
        self.tx.nest(Nest::Begin)?;
        let actor = Arc::clone(&self.actor);
        let result = Cx::new(self.tx.as_mut(), &self.ledger, actor, O::NAME, &self.switch).perform(operation);
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
    /// `CANCELLED`; of the engine. Nothing is kept then, except that after `OUTCOME_UNKNOWN` everything may be: a transaction
    /// has no idempotency key to ask with, so look before doing it again.
    pub fn commit(self) -> Result<()> {
        self.switch.check()?;
        self.tx.commit()
    }
}

/// Reads a dataset page by page within one snapshot, in bounded memory.
pub struct Reader {
    ledger: Ledger,
    switch: Arc<Cancel>,
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
        self.switch.check()?;
        let actor = Arc::clone(&self.actor);
        let mut cx = Cx::new(self.tx.as_mut(), &self.ledger, actor, "query.rows", &self.switch);
        let frame = cx.rows(&self.request, rows)?;
        self.request.cursor.clone_from(&frame.next);
        self.done = frame.next.is_none();
        Ok(Some(frame))
    }
}
