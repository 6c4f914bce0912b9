//! Which library this is.

use std::ffi::{c_char, c_int};

use crm_core::kernel::error::Error;

use crate::error::crm_error;
use crate::guard::{WRONG_ABI, enter};
use crate::status::crm_status;

/// Version of this binary interface, raised when a program compiled with an older header would no longer work. New
/// functions, operations and error codes do not raise it.
pub const CRM_ABI_VERSION: u32 = 1;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");

/// The version of the library, such as "0.1.0". The text is static: do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn crm_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

/// The version of the binary interface that this library has; compare it with CRM_ABI_VERSION of the header.
#[unsafe(no_mangle)]
pub extern "C" fn crm_abi_version() -> u32 {
    CRM_ABI_VERSION
}

/// Fails with CRM_STATUS_INVALID and `wrong_abi` unless the library has this version of the binary interface. Call it
/// once, before anything else, as `crm_abi_check(CRM_ABI_VERSION, &error)`.
///
/// # Safety
/// `error` is NULL or points to a `crm_error *`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_abi_check(abi_version: u32, error: *mut *mut crm_error) -> c_int {
    // SAFETY: passed on.
    unsafe {
        enter(error, |_| {
            if abi_version == CRM_ABI_VERSION {
                return Ok(crm_status::Ok);
            }
            Err(Error::new(&WRONG_ABI).with("expected", abi_version).with("actual", CRM_ABI_VERSION))
        })
    }
}
