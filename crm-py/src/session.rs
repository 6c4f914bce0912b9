//! Sessions and transactions as Python holds them.

use std::sync::Arc;

use crm_core::app::{CallOptions, Session, Transaction};
use crm_core::kernel::error::Locale;
use pyo3::prelude::*;

use crate::arrow::ArrowStream;
use crate::handle::{Close, Handle, Opened};
use crate::work::{run, run_through};

/// One user at a ledger.
#[pyclass(frozen, name = "Session", module = "crm._native")]
pub(crate) struct NativeSession {
    handle: Arc<Handle<Session>>,
    opened: Opened,
    locale: Locale,
}

impl NativeSession {
    pub(crate) fn new(session: Session, opened: Opened, locale: Locale) -> Self {
        let handle = Handle::new("session", session);
        opened.add(&handle);
        NativeSession { handle, opened, locale }
    }
}

/// Cancels what runs in a session.
fn canceller(session: &Arc<Handle<Session>>) -> impl Fn() + Send + Sync + 'static {
    let session = session.clone();
    move || {
        if let Ok(session) = session.get() {
            session.cancel();
        }
    }
}

#[pymethods]
impl NativeSession {
    /// Runs an operation: JSON in, JSON out.
    #[pyo3(signature = (operation, input, idempotency_key=None))]
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        input: &str,
        idempotency_key: Option<String>,
    ) -> PyResult<String> {
        let options = CallOptions { idempotency_key };
        run(py, self.locale, canceller(&self.handle), || {
            self.handle.work(|session| session.call(operation, input, &options))
        })
    }

    /// Rows of a dataset as an Arrow stream.
    fn arrow(&self, py: Python<'_>, request: &str) -> PyResult<ArrowStream> {
        let stream =
            run(py, self.locale, canceller(&self.handle), || ArrowStream::open(&self.handle, request))?;
        stream.note_in(&self.opened);
        Ok(stream.with_locale(self.locale))
    }

    /// Begins a transaction.
    fn transaction(&self, py: Python<'_>) -> PyResult<NativeTransaction> {
        let transaction =
            run(py, self.locale, canceller(&self.handle), || self.handle.work(Session::transaction))?;
        let handle = Handle::new("transaction", transaction);
        self.opened.add(&handle);
        Ok(NativeTransaction { handle, session: self.handle.clone(), locale: self.locale })
    }

    /// Makes the calls that are running in this session end soon.
    fn cancel(&self, py: Python<'_>) {
        py.detach(canceller(&self.handle));
    }

    /// Closes the session; calls that are running end first.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.handle.close());
    }
}

/// Several operations kept together or not at all.
#[pyclass(frozen, name = "Transaction", module = "crm._native")]
pub(crate) struct NativeTransaction {
    handle: Arc<Handle<Transaction>>,
    session: Arc<Handle<Session>>,
    locale: Locale,
}

#[pymethods]
impl NativeTransaction {
    /// Runs an operation inside: JSON in, JSON out.
    fn call(&self, py: Python<'_>, operation: &str, input: &str) -> PyResult<String> {
        run(py, self.locale, canceller(&self.session), || {
            self.handle.with(|transaction| transaction.call(operation, input))
        })
    }

    /// Keeps everything.
    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        run_through(py, self.locale, || self.handle.take()?.commit())
    }

    /// Undoes everything; after the end it does nothing.
    fn rollback(&self, py: Python<'_>) {
        py.detach(|| self.handle.close());
    }
}
