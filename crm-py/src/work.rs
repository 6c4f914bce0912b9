//! Work without the interpreter's lock, and Ctrl-C.
//!
//! Python runs its signal handlers on the main thread, between two steps of the interpreter; a call that works there holds
//! them up until it ends. Handing the work to another thread would cost each call two switches between threads, many
//! times what a small call takes. Instead Python is asked, for the time of the call, to write the numbers of signals
//! into a pipe of ours (`signal.set_wakeup_fd`); a thread that sleeps at its other end cancels the call on Ctrl-C, and
//! the interpreter raises `KeyboardInterrupt` as always. A handler of the host's own is left to decide by itself.

use std::sync::Arc;

use crm_core::kernel::error::{Locale, Result};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::failure::exception;

/// Runs `work` without the interpreter's lock; Ctrl-C calls `cancel` meanwhile.
///
/// # Errors
/// The exception for the error of `work`; what a signal handler raised.
pub(crate) fn run<T: Send>(
    py: Python<'_>,
    locale: Locale,
    cancel: impl Fn() + Send + Sync + 'static,
    work: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    if !on_main_thread(py)? {
        return run_through(py, locale, work);
    }
    let watch = interrupt::begin(py, Arc::new(cancel))?;
    let result = py.detach(work);
    // What was cancelled by Ctrl-C raises what its handler raises.
    if interrupt::end(py, watch)? {
        py.check_signals()?;
    }
    result.map_err(|error| exception(py, &error, locale))
}

/// Runs `work` without the interpreter's lock to its end.
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

fn on_main_thread(py: Python<'_>) -> PyResult<bool> {
    static IDENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static MAIN: PyOnceLock<u64> = PyOnceLock::new();
    let main = MAIN.get_or_try_init(py, || {
        py.import("threading")?.call_method0("main_thread")?.getattr("ident")?.extract::<u64>()
    })?;
    Ok(IDENT.import(py, "_thread", "get_ident")?.call0()?.extract::<u64>()? == *main)
}

#[cfg(unix)]
mod interrupt {
    use std::io::{PipeReader, PipeWriter, Read};
    use std::os::fd::AsRawFd;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::thread;

    use pyo3::prelude::*;
    use pyo3::sync::PyOnceLock;
    use pyo3::types::{IntoPyDict, PyDict};

    type Cancel = Arc<dyn Fn() + Send + Sync>;

    /// The call that the main thread is in.
    enum Call {
        None,
        Running(Cancel),
        Cancelled,
    }

    static CALL: Mutex<Call> = Mutex::new(Call::None);

    /// What is needed for each call, made once.
    struct Wakeup {
        /// `signal.set_wakeup_fd`.
        set: Py<PyAny>,
        /// A full pipe needs no warning: what is in it wakes us.
        quietly: Py<PyDict>,
        signals: PipeWriter,
    }

    fn set_call(call: Call) -> Call {
        std::mem::replace(&mut *CALL.lock().unwrap_or_else(PoisonError::into_inner), call)
    }

    fn wakeup(py: Python<'_>) -> PyResult<&'static Wakeup> {
        static WAKEUP: PyOnceLock<Wakeup> = PyOnceLock::new();
        WAKEUP.get_or_try_init(py, || {
            let (reader, signals) = std::io::pipe()?;
            // Python writes from a signal handler, which must not wait.
            py.import("os")?.call_method1("set_blocking", (signals.as_raw_fd(), false))?;
            thread::Builder::new().name("crm-ctrl-c".to_owned()).spawn(move || watch(reader))?;
            let set = py.import("signal")?.getattr("set_wakeup_fd")?.unbind();
            let quietly = [("warn_on_full_buffer", false)].into_py_dict(py)?.unbind();
            Ok(Wakeup { set, quietly, signals })
        })
    }

    fn watch(mut signals: PipeReader) {
        const SIGINT: u8 = 2;
        let mut signal = [0];
        while signals.read_exact(&mut signal).is_ok() {
            if signal[0] == SIGINT && Python::attach(|py| raises(py).unwrap_or(false)) {
                let mut call = CALL.lock().unwrap_or_else(PoisonError::into_inner);
                if let Call::Running(cancel) = &*call {
                    cancel();
                    *call = Call::Cancelled;
                }
            }
        }
    }

    /// Whether Ctrl-C has the handler that raises `KeyboardInterrupt`.
    fn raises(py: Python<'_>) -> PyResult<bool> {
        let signal = py.import("signal")?;
        let handler = signal.call_method1("getsignal", (signal.getattr("SIGINT")?,))?;
        Ok(handler.is(&signal.getattr("default_int_handler")?))
    }

    impl Wakeup {
        /// Has signals written to `fd` from now on, and says where they were written before; -1 is nowhere.
        fn write_to(&self, py: Python<'_>, fd: i32) -> PyResult<i32> {
            self.set.bind(py).call((fd,), Some(self.quietly.bind(py)))?.extract()
        }
    }

    /// Begins to watch, unless somebody else does: an event loop needs its signals more than a short call does.
    pub(super) fn begin(py: Python<'_>, cancel: Cancel) -> PyResult<bool> {
        let wakeup = wakeup(py)?;
        let before = wakeup.write_to(py, wakeup.signals.as_raw_fd())?;
        let watched = before == -1;
        if watched {
            set_call(Call::Running(cancel));
        } else {
            wakeup.write_to(py, before)?;
        }
        Ok(watched)
    }

    /// Ends watching, and says whether the call was cancelled.
    pub(super) fn end(py: Python<'_>, watched: bool) -> PyResult<bool> {
        if watched {
            wakeup(py)?.write_to(py, -1)?;
        }
        Ok(watched && matches!(set_call(Call::None), Call::Cancelled))
    }
}

/// Elsewhere Python tells of signals through sockets alone; a call ends there before Ctrl-C is heard.
#[cfg(not(unix))]
mod interrupt {
    use std::sync::Arc;

    use pyo3::prelude::*;

    pub(super) fn begin(_: Python<'_>, _: Arc<dyn Fn() + Send + Sync>) -> PyResult<()> {
        Ok(())
    }

    pub(super) fn end(_: Python<'_>, (): ()) -> PyResult<bool> {
        Ok(false)
    }
}
