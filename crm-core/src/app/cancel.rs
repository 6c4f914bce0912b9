//! Cancelling what a session runs, from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::kernel::error::{Error, Result};
use crate::store::engine::{CANCELLED, Interrupter, Tx};

/// The switch of a session: a mark that loops look at, and the engine's own way to stop a query.
#[derive(Default)]
pub(crate) struct Cancel {
    cancelled: AtomicBool,
    interrupter: Mutex<Option<Interrupter>>,
}

impl Cancel {
    /// A call begins: what was cancelled before is over.
    pub(crate) fn begin(&self, tx: &dyn Tx) {
        self.cancelled.store(false, Ordering::Relaxed);
        *self.interrupter.lock().unwrap_or_else(PoisonError::into_inner) = tx.interrupter();
    }

    /// Fails when the call was cancelled.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::new(&CANCELLED)) } else { Ok(()) }
    }

    /// Cancels the call that is running.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
        if let Some(interrupt) = self.interrupter.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            interrupt();
        }
    }
}
