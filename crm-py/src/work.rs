//! Work beside the interpreter.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crm_core::kernel::error::{Locale, Result};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::failure::exception;

/// How often Ctrl-C is looked for.
const SIGNALS_EVERY: Duration = Duration::from_millis(50);

/// Runs `work` without the interpreter's lock. On the main thread, where Python tells of signals, a signal handler that
/// raises (Ctrl-C does) calls `cancel`, waits for the work to end, and raises.
///
/// # Errors
/// The exception for the error of `work`; what a signal handler raised.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    locale: Locale,
    cancel: impl FnOnce() + Send,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    let result = if on_main_thread(py)? { py.detach(|| watched(cancel, work))? } else { py.detach(work) };
    result.map_err(|error| exception(py, &error, locale))
}

/// As [`run`] for work that is short, or must not be cut off.
///
/// # Errors
/// The exception for the error of `work`.
pub(crate) fn run_through<T: Send>(
    py: Python<'_>,
    locale: Locale,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    py.detach(work).map_err(|error| exception(py, &error, locale))
}

fn watched<T: Send>(
    cancel: impl FnOnce() + Send,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<Result<T>> {
    thread::scope(|scope| {
        let (done, result) = sync_channel(1);
        let worker = scope.spawn(move || {
            // The receiver is gone only when the interpreter is going down.
            let _ = done.send(work());
        });
        loop {
            match result.recv_timeout(SIGNALS_EVERY) {
                Ok(result) => return Ok(result),
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(raised) = Python::attach(|py| py.check_signals()) {
                        cancel();
                        let _ = result.recv();
                        return Err(raised);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => match worker.join() {
                    Err(panic) => std::panic::resume_unwind(panic),
                    Ok(()) => unreachable!("a worker sends before it ends"),
                },
            }
        }
    })
}

fn on_main_thread(py: Python<'_>) -> PyResult<bool> {
    static IDENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static MAIN: PyOnceLock<u64> = PyOnceLock::new();
    let main = MAIN.get_or_try_init(py, || {
        py.import("threading")?.call_method0("main_thread")?.getattr("ident")?.extract::<u64>()
    })?;
    Ok(IDENT.import(py, "_thread", "get_ident")?.call0()?.extract::<u64>()? == *main)
}
