//! Ledgers as Python holds them.

use std::path::Path;
use std::sync::Arc;

use crm::OpenOptions;
use crm_core::app::Ledger;
use crm_core::catalog::operation::parse;
use crm_core::kernel::date::Instant;
use crm_core::kernel::error::{Error, Locale};
use pyo3::prelude::*;

use crate::failure::locale;
use crate::handle::{Close, Handle, Opened};
use crate::session::NativeSession;
use crate::transfer::moved;
use crate::work::run_through;

/// An open ledger.
#[pyclass(frozen, name = "Ledger", module = "crm._native")]
pub(crate) struct NativeLedger {
    handle: Arc<Handle<Ledger>>,
    opened: Opened,
    locale: Locale,
}

/// Opens the ledger at `url` with the options of the library as JSON.
#[pyfunction]
pub(crate) fn open(py: Python<'_>, url: &str, options: &str, locale: &str) -> PyResult<NativeLedger> {
    let locale = self::locale(py, locale)?;
    let ledger = run_through(py, locale, || {
        let options: OpenOptions = parse(options)?;
        crm::open(url, &options)
    })?;
    Ok(NativeLedger { handle: Handle::new("ledger", ledger), opened: Opened::default(), locale })
}

#[pymethods]
impl NativeLedger {
    /// The ledger's own record as JSON.
    fn info(&self, py: Python<'_>) -> PyResult<String> {
        run_through(py, self.locale, || {
            let ledger = self.handle.get()?;
            serde_json::to_string(ledger.info()).map_err(|error| {
                Error::new(&crm_core::kernel::error::INTERNAL)
                    .with("what", "a result has no JSON form")
                    .because(error)
            })
        })
    }

    /// The engine's name.
    fn engine(&self, py: Python<'_>) -> PyResult<&'static str> {
        run_through(py, self.locale, || Ok(self.handle.get()?.engine()))
    }

    /// A session for a user; messages in the language of the ledger unless another is named.
    #[pyo3(signature = (login, locale=None))]
    fn session(&self, py: Python<'_>, login: &str, locale: Option<&str>) -> PyResult<NativeSession> {
        let locale = locale.map_or(Ok(self.locale), |name| self::locale(py, name))?;
        let session = run_through(py, locale, || self.handle.work(|ledger| ledger.session(login)))?;
        Ok(NativeSession::new(session, self.opened.clone(), locale))
    }

    /// Sets a manual clock.
    fn set_clock(&self, py: Python<'_>, now: &str) -> PyResult<()> {
        run_through(py, self.locale, || self.handle.get()?.set_clock(Instant::parse(now)?))
    }

    /// Writes the whole ledger into a file.
    #[pyo3(signature = (path, progress=None))]
    fn export(&self, py: Python<'_>, path: &str, progress: Option<Py<PyAny>>) -> PyResult<String> {
        moved(py, self.locale, progress, |tell| {
            crm::export_to_file(&self.handle.get()?, Path::new(path), tell)
        })
    }

    /// Closes the ledger and what was opened from it.
    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            self.opened.close();
            self.handle.close();
        });
    }
}
