//! Things that can be closed from any thread, once.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crm_core::app::CLOSED;
use crm_core::kernel::error::{Error, Result};

/// What closing a ledger also closes.
pub(crate) trait Close: Send + Sync {
    /// Lets go of what is held; a second time does nothing.
    fn close(&self);
}

/// Something open, until it is closed.
pub(crate) struct Handle<T> {
    what: &'static str,
    value: Mutex<Option<T>>,
    /// How many work with copies of it; whoever closes it waits until nobody does.
    working: Mutex<usize>,
    idle: Condvar,
}

/// Counts one who works, for as long as it lives.
struct Working<'a>(&'a Mutex<usize>, &'a Condvar);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.1.notify_all();
    }
}

impl<T> Handle<T> {
    /// A handle to `value`, called `what` in messages.
    pub(crate) fn new(what: &'static str, value: T) -> Arc<Self> {
        Arc::new(Handle {
            what,
            value: Mutex::new(Some(value)),
            working: Mutex::new(0),
            idle: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        // What panicked while it held this is a transaction; its own rollback keeps the ledger whole.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> Error {
        Error::new(&CLOSED).with("what", self.what)
    }

    /// Uses the value alone; other users of this handle wait.
    ///
    /// # Errors
    /// `CLOSED`, and those of `work`.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        work(self.lock().as_mut().ok_or_else(|| self.closed())?)
    }

    /// Takes the value out: the handle is closed from now on.
    ///
    /// # Errors
    /// `CLOSED`.
    pub(crate) fn take(&self) -> Result<T> {
        self.lock().take().ok_or_else(|| self.closed())
    }
}

impl<T: Clone> Handle<T> {
    /// Works with a copy of the value, so that several threads work at once; closing waits for all of them.
    ///
    /// # Errors
    /// `CLOSED`, and those of `work`.
    pub(crate) fn work<R>(&self, work: impl FnOnce(&T) -> Result<R>) -> Result<R> {
        let (value, _working) = {
            let value = self.lock();
            let value = value.as_ref().ok_or_else(|| self.closed())?.clone();
            *self.working.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            (value, Working(&self.working, &self.idle))
        };
        work(&value)
    }

    /// A copy of the value that closing does not wait for: for what calls back into Python, which may close it.
    ///
    /// # Errors
    /// `CLOSED`.
    pub(crate) fn get(&self) -> Result<T> {
        self.lock().clone().ok_or_else(|| self.closed())
    }
}

impl<T: Send> Close for Handle<T> {
    fn close(&self) {
        drop(self.take());
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        while *working > 0 {
            working = self.idle.wait(working).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What was opened from a ledger and is still in use.
#[derive(Clone, Default)]
pub(crate) struct Opened(Arc<Mutex<Vec<Weak<dyn Close>>>>);

impl Opened {
    /// Notes something opened.
    pub(crate) fn add<T: Send + 'static>(&self, handle: &Arc<Handle<T>>) {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Forget what is gone whenever the list would have to grow.
        if opened.len() == opened.capacity() {
            opened.retain(|handle| handle.strong_count() > 0);
        }
        let weak: Weak<Handle<T>> = Arc::downgrade(handle);
        opened.push(weak);
    }

    /// Closes everything noted.
    pub(crate) fn close(&self) {
        let opened = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for handle in opened.iter().filter_map(Weak::upgrade) {
            handle.close();
        }
    }
}
