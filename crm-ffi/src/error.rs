//! Errors as the caller holds them.

use std::ffi::{CString, c_char, c_int};
use std::ptr;

use crm_core::kernel::error::{Error, Locale};

use crate::handle::{Live, release};
use crate::status::{crm_status, locale_of};

/// Why a call failed. Yours; free it with crm_error_free. It never changes, and may be read from several threads at once.
///
/// All texts are NUL-terminated UTF-8 and live as long as the error.
pub struct crm_error {
    status: crm_status,
    code: u16,
    name: CString,
    kind: CString,
    field: Option<CString>,
    locale: Locale,
    english: CString,
    chinese: CString,
    details: CString,
    json: CString,
    _live: Live,
}

impl crm_error {
    pub(crate) fn new(error: Error, locale: Locale) -> crm_error {
        let wire = error.to_wire(locale);
        let json = |value: serde_json::Result<String>| text(&value.unwrap_or_else(|_| "null".to_owned()));
        let kind = serde_json::to_value(wire.kind).unwrap_or_default();
        crm_error {
            status: crm_status::of(wire.kind),
            code: wire.code,
            name: text(&wire.name),
            kind: text(kind.as_str().unwrap_or_default()),
            field: wire.field.as_deref().map(text),
            locale,
            english: text(&error.message(Locale::English)),
            chinese: text(&error.message(Locale::Chinese)),
            details: json(serde_json::to_string(&wire.details)),
            json: json(serde_json::to_string(&wire)),
            _live: Live::new(),
        }
    }

    #[cfg(test)]
    pub(crate) fn code(&self) -> u16 {
        self.code
    }

    #[cfg(test)]
    pub(crate) fn message(&self, locale: Locale) -> String {
        self.message_text(locale).to_string_lossy().into_owned()
    }

    fn message_text(&self, locale: Locale) -> &CString {
        match locale {
            Locale::English => &self.english,
            Locale::Chinese => &self.chinese,
        }
    }
}

/// As a C string. What a caller sent may hold a NUL and comes back in details; it is shown as the replacement character.
fn text(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{FFFD}")).unwrap_or_default()
}

/// The text that `get` takes from an error, or NULL.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
unsafe fn pick(error: *const crm_error, get: impl FnOnce(&crm_error) -> Option<&CString>) -> *const c_char {
    // SAFETY: NULL or alive, by the caller's word.
    unsafe { error.as_ref() }.and_then(get).map_or(ptr::null(), |text| text.as_ptr())
}

/// The status that the failed call returned. 0 for NULL.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_status(error: *const crm_error) -> c_int {
    // SAFETY: NULL or alive, by the caller's word.
    unsafe { error.as_ref() }.map_or(0, |error| error.status as c_int)
}

/// The stable number of what happened: one of CRM_ERROR_…, never reused. 0 for NULL.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_code(error: *const crm_error) -> c_int {
    // SAFETY: NULL or alive, by the caller's word.
    unsafe { error.as_ref() }.map_or(0, |error| c_int::from(error.code))
}

/// The stable name of what happened, such as "not_found". NULL for NULL.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_name(error: *const crm_error) -> *const c_char {
    // SAFETY: passed on.
    unsafe { pick(error, |error| Some(&error.name)) }
}

/// The name of the status, such as "conflict". NULL for NULL.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_kind(error: *const crm_error) -> *const c_char {
    // SAFETY: passed on.
    unsafe { pick(error, |error| Some(&error.kind)) }
}

/// The path of the request field at fault, such as `terms[2].share`; NULL when no field is.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_field(error: *const crm_error) -> *const c_char {
    // SAFETY: passed on.
    unsafe { pick(error, |error| error.field.as_ref()) }
}

/// The message for a person, in the language of the call. NULL for NULL.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_message(error: *const crm_error) -> *const c_char {
    // SAFETY: passed on.
    unsafe { pick(error, |error| Some(error.message_text(error.locale))) }
}

/// The message for a person in a language of your choice: CRM_LOCALE_ENGLISH or CRM_LOCALE_CHINESE. NULL for NULL.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_message_in(error: *const crm_error, locale: c_int) -> *const c_char {
    // SAFETY: passed on.
    unsafe { pick(error, |error| Some(error.message_text(locale_of(locale)))) }
}

/// The values that the message mentions, and others that help, as a JSON object of texts. NULL for NULL.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_details(error: *const crm_error) -> *const c_char {
    // SAFETY: passed on.
    unsafe { pick(error, |error| Some(&error.details)) }
}

/// The whole error as a JSON object: code, name, kind, field, message, details. NULL for NULL.
///
/// # Safety
/// `error` is NULL or an error that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_json(error: *const crm_error) -> *const c_char {
    // SAFETY: passed on.
    unsafe { pick(error, |error| Some(&error.json)) }
}

/// Frees an error. NULL is allowed.
///
/// # Safety
/// `error` is NULL or an error that has not been freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_error_free(error: *mut crm_error) {
    // SAFETY: passed on.
    unsafe { release(error) }
}
