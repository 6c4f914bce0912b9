//! Moving a ledger from one place to another.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crm::OpenOptions;
use crm_core::app::{Moved, OnProgress};
use crm_core::catalog::operation::parse;
use crm_core::kernel::error::{Locale, Result};
use crm_core::store::engine::Flow;
use pyo3::prelude::*;

use crate::failure::locale;
use crate::work::run;

/// Moves with a Python function that is told how far it has come; what that function raises ends the move and is raised,
/// and so does Ctrl-C.
///
/// # Errors
/// The exception for the error of `work`; what `progress` or a signal handler raised.
pub(crate) fn moved(
    py: Python<'_>,
    locale: Locale,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(OnProgress<'_>) -> Result<Moved> + Send,
) -> PyResult<String> {
    let is_cancelled = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_cancelled);
    let mut raised = None;
    let result = run(
        py,
        locale,
        move || switch.store(true, Ordering::Relaxed),
        || {
            work(&mut |come| {
                if is_cancelled.load(Ordering::Relaxed) {
                    return Flow::Stop;
                }
                let Some(progress) = &progress else { return Flow::More };
                let told = Python::attach(|py| {
                    progress.call1(py, (come.table.as_str(), come.rows, come.rows_total)).map(drop)
                });
                match told {
                    Ok(()) => Flow::More,
                    Err(error) => {
                        raised = Some(error);
                        Flow::Stop
                    }
                }
            })
        },
    );
    match raised {
        Some(error) => Err(error),
        None => result.map(|moved| moved.to_json().to_string()),
    }
}

/// Reads the file at `path` into a new ledger at `url`.
#[pyfunction]
#[pyo3(signature = (path, url, options, locale, progress=None))]
pub(crate) fn import_ledger(
    py: Python<'_>,
    path: &str,
    url: &str,
    options: &str,
    locale: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    moved(py, self::locale(py, locale)?, progress, |tell| {
        let options: OpenOptions = parse(options)?;
        crm::import_from_file(Path::new(path), url, &options, tell)
    })
}
