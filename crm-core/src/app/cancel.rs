//! Cancelling what a session runs, from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::kernel::error::{Error, Result};
use crate::store::engine::{CANCELLED, Interrupter, Tx};

/// The switch of one call, transaction or reader: a mark that loops look at, and the engine's own way to stop a query.
/// Once cancelled it stays so.
#[derive(Default)]
pub(crate) struct Cancel {
    cancelled: AtomicBool,
    interrupter: Mutex<Option<Interrupter>>,
}

impl Cancel {
    /// Lets the switch stop what this transaction runs.
    ///
    /// # Errors
    /// `CANCELLED` when it was used already.
    pub(crate) fn reach(&self, tx: &dyn Tx) -> Result<()> {
        *self.interrupter.lock().unwrap_or_else(PoisonError::into_inner) = tx.interrupter();
        self.check()
    }

    /// Fails when the call was cancelled.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::SeqCst) { Err(Error::new(&CANCELLED)) } else { Ok(()) }
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        let interrupter = self.interrupter.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(interrupt) = interrupter {
            interrupt();
        }
    }
}

/// The switches of all that a session has under way.
#[derive(Default)]
pub(crate) struct Switches(Mutex<Vec<Weak<Cancel>>>);

impl Switches {
    /// A switch for something that begins.
    pub(crate) fn add(&self) -> Arc<Cancel> {
        let switch = Arc::new(Cancel::default());
        let mut switches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        switches.retain(|known| known.strong_count() > 0);
        switches.push(Arc::downgrade(&switch));
        switch
    }

    /// Cancels all that is under way.
    pub(crate) fn cancel(&self) {
        let switches = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        switches.iter().filter_map(Weak::upgrade).for_each(|switch| switch.cancel());
    }
}
