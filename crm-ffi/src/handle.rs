//! What the caller holds: boxes behind opaque pointers, counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use crm_core::kernel::error::{Error, Result};

use crate::guard::{NULL_ARGUMENT, catch};

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// Lives in every handle, so that leaks show.
#[derive(Debug)]
pub(crate) struct Live(());

impl Live {
    pub(crate) fn new() -> Live {
        LIVE.fetch_add(1, Ordering::Relaxed);
        Live(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The number of ledgers, sessions, transactions, cursors, buffers, errors and Arrow streams that have not been closed,
/// freed or released. For tests: a program that has given everything back finds 0.
#[unsafe(no_mangle)]
pub extern "C" fn crm_live_handles() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// What a handle points to.
///
/// # Safety
/// `handle` is NULL or a handle of this type that has not been closed and is not closed during `'a`.
pub(crate) unsafe fn borrow<'a, T>(handle: *const T, name: &'static str) -> Result<&'a T> {
    // SAFETY: NULL or alive, by the caller's word.
    unsafe { handle.as_ref() }.ok_or_else(|| null(name))
}

/// Takes a handle back and drops it; NULL is nothing to do.
///
/// # Safety
/// `handle` is NULL or was made by [`Place::put`], has not been closed and is not used again.
pub(crate) unsafe fn release<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: made from a box, and given back once, by the caller's word.
        let boxed = unsafe { Box::from_raw(handle) };
        // Nobody can be told of a panic here; the memory is given back all the same.
        let _ = catch(move || {
            drop(boxed);
            Ok(())
        });
    }
}

/// Where the caller wants a handle: checked before the work begins, written after it has succeeded.
pub(crate) struct Place<T>(*mut *mut T);

impl<T> Place<T> {
    /// # Safety
    /// `pointer` is NULL or points to a place for a pointer, for as long as the call runs.
    pub(crate) unsafe fn new(pointer: *mut *mut T, name: &'static str) -> Result<Place<T>> {
        if pointer.is_null() { Err(null(name)) } else { Ok(Place(pointer)) }
    }

    /// Gives the caller a handle.
    pub(crate) fn put(self, value: T) {
        let handle = Box::into_raw(Box::new(value));
        // SAFETY: not NULL, and good for a pointer by the promise of `new`.
        unsafe { self.0.write(handle) };
    }
}

pub(crate) fn null(name: &'static str) -> Error {
    Error::new(&NULL_ARGUMENT).at(name).with("name", name)
}
