//! Results on their way out.

use std::ffi::c_char;

use crate::handle::{Live, release};

/// A result: UTF-8 text, almost always JSON. Yours; free it with crm_buffer_free. It never changes, and may be read
/// from several threads at once.
pub struct crm_buffer {
    /// The text and a NUL that does not count.
    bytes: Vec<u8>,
    _live: Live,
}

impl crm_buffer {
    pub(crate) fn new(text: String) -> crm_buffer {
        let mut bytes = text.into_bytes();
        bytes.push(0);
        crm_buffer { bytes, _live: Live::new() }
    }
}

/// The bytes of a buffer, valid until it is freed. One NUL follows them, so that a text without NULs inside (JSON never
/// has any) is also a C string. NULL for NULL.
///
/// # Safety
/// `buffer` is NULL or a buffer that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_buffer_data(buffer: *const crm_buffer) -> *const c_char {
    // SAFETY: NULL or alive, by the caller's word.
    unsafe { buffer.as_ref() }.map_or(std::ptr::null(), |buffer| buffer.bytes.as_ptr().cast())
}

/// The number of bytes in a buffer, without the NUL behind them. 0 for NULL.
///
/// # Safety
/// `buffer` is NULL or a buffer that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_buffer_length(buffer: *const crm_buffer) -> usize {
    // SAFETY: NULL or alive, by the caller's word.
    unsafe { buffer.as_ref() }.map_or(0, |buffer| buffer.bytes.len() - 1)
}

/// Frees a buffer. NULL is allowed.
///
/// # Safety
/// `buffer` is NULL or a buffer that has not been freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_buffer_free(buffer: *mut crm_buffer) {
    // SAFETY: passed on.
    unsafe { release(buffer) }
}
