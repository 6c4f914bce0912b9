//! What the caller passes in: texts, documents and options.

use std::ffi::{CStr, c_char};

use crm_core::catalog::operation::parse;
use crm_core::kernel::error::{self, Error, Locale, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::handle::null;

/// A name, URL or options text that must be there.
///
/// # Safety
/// `pointer` is NULL or points to bytes that end with a NUL and stay as they are during `'a`.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, name: &'static str) -> Result<&'a str> {
    // SAFETY: passed on.
    unsafe { text_if_any(pointer, name) }?.ok_or_else(|| null(name))
}

/// A text that may be left out with NULL.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn text_if_any<'a>(pointer: *const c_char, name: &'static str) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, and NUL-terminated by the caller's word.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map(Some).map_err(|_| not_utf8(name))
}

/// A request document; NULL with length 0 stands for `{}`.
///
/// # Safety
/// `pointer` is NULL or points to `length` bytes that stay as they are during `'a`.
pub(crate) unsafe fn document<'a>(
    pointer: *const c_char,
    length: usize,
    name: &'static str,
) -> Result<&'a str> {
    if pointer.is_null() {
        return if length == 0 { Ok("{}") } else { Err(null(name)) };
    }
    if isize::try_from(length).is_err() {
        let error = Error::new(&error::OUT_OF_RANGE).at(name).with("value", length);
        return Err(error.with("min", 0).with("max", isize::MAX));
    }
    // SAFETY: not NULL, not longer than memory, and as long as the caller says.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) };
    std::str::from_utf8(bytes).map_err(|_| not_utf8(name))
}

fn not_utf8(name: &'static str) -> Error {
    Error::new(&error::INVALID_TEXT).at(name).with("encoding", "UTF-8")
}

/// Reads options; left out, they are the usual ones.
pub(crate) fn options<T: DeserializeOwned + Default>(text: Option<&str>) -> Result<T> {
    text.map_or_else(|| Ok(T::default()), parse).map_err(|error| error.within("options"))
}

/// Options of a session.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SessionOptions {
    /// Language of messages.
    pub(crate) locale: Locale,
}

/// Options of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CallOptions {
    /// Language of messages; that of the session when left out.
    pub(crate) locale: Option<Locale>,
    /// Names the request, so that repeating it has no second effect.
    pub(crate) idempotency_key: Option<String>,
}
