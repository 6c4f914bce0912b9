//! The one way in: every function that can fail runs inside [`enter`].

use std::any::Any;
use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crm_core::kernel::error::{self, Error, Locale, Result};

use crate::error::crm_error;
use crate::status::crm_status;

crm_core::codes! {
    /// A pointer that must point to something is NULL.
    NULL_ARGUMENT = 1900, Invalid, "The argument {name} is NULL.", "参数 {name} 为空指针(NULL)。";
    /// The program was compiled against another version of the header.
    WRONG_ABI = 1901, Invalid, "The program was compiled for version {expected} of the binary interface; this library has version {actual}.", "程序按二进制接口版本 {expected} 编译,而本库的版本为 {actual}。";
}

/// Runs the body of a function: its error and its panics become a status and, when the caller wants one, a `crm_error`
/// in the language that the body has learnt to speak by then.
///
/// # Safety
/// `error` is NULL or points to a place for a pointer.
pub(crate) unsafe fn enter(
    error: *mut *mut crm_error,
    body: impl FnOnce(&mut Locale) -> Result<crm_status>,
) -> c_int {
    let mut locale = Locale::English;
    match catch(|| body(&mut locale)) {
        Ok(status) => status as c_int,
        Err(failure) => {
            let status = crm_status::of(failure.kind());
            if !error.is_null() {
                let made = Box::into_raw(Box::new(crm_error::new(failure, locale)));
                // SAFETY: not NULL, and the caller vouches for the rest.
                unsafe { error.write(made) };
            }
            status as c_int
        }
    }
}

/// Runs `work`; a panic is the error `INTERNAL`, so that none crosses into the caller's language.
///
/// What `work` was changing is not used again: a transaction is dropped, everything else is behind locks that forgive.
pub(crate) fn catch<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::new(&error::INTERNAL).with("what", what(panic.as_ref()))))
}

fn what(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_and_an_error() {
        let mut failure = std::ptr::null_mut();
        // SAFETY: `failure` is a place for a pointer.
        let status = unsafe { enter(&raw mut failure, |_| panic!("seven {}", "plagues")) };
        assert_eq!(status, crm_status::Internal as c_int);
        // SAFETY: a failed call has written an error, owned by us.
        let failure = unsafe { Box::from_raw(failure) };
        assert_eq!(failure.code(), error::INTERNAL.number);
        assert!(failure.message(Locale::English).contains("seven plagues"));
    }

    #[test]
    fn an_error_that_nobody_wants_is_not_made() {
        // SAFETY: NULL is allowed.
        let status = unsafe { enter(std::ptr::null_mut(), |_| Err(Error::new(&NULL_ARGUMENT))) };
        assert_eq!(status, crm_status::Invalid as c_int);
    }
}
