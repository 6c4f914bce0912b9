//! Sessions and calls.

use std::ffi::{c_char, c_int};

use crm_core::app::{CallOptions, Session};
use crm_core::kernel::error::Locale;

use crate::buffer::crm_buffer;
use crate::error::crm_error;
use crate::guard::enter;
use crate::handle::{Live, Place, borrow, release};
use crate::input::{self, SessionOptions};
use crate::ledger::crm_ledger;
use crate::status::crm_status;

/// One user at a ledger. May be used from any thread, also from several at once; a host that cancels calls gives each
/// thread its own session, since crm_cancel ends what runs in the whole session. Sessions are cheap.
pub struct crm_session {
    pub(crate) session: Session,
    pub(crate) locale: Locale,
    _live: Live,
}

/// Opens a session for the user with this login. Proving who somebody is remains the host's business.
///
/// `options` is NULL or a JSON object with `locale`: the language of messages, "en" (the default) or "zh".
///
/// On success `*session` is yours; close it with crm_session_close, before or after its ledger.
///
/// # Safety
/// `ledger` is NULL or open, `login` points to NUL-terminated text, `options` too or is NULL, `session` points to a
/// `crm_session *`, and `error` to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_session_open(
    ledger: *const crm_ledger,
    login: *const c_char,
    options: *const c_char,
    session: *mut *mut crm_session,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |locale: &mut Locale| {
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(session, "session") }?;
        // SAFETY: by the caller's word.
        let ledger = unsafe { borrow(ledger, "ledger") }?;
        // SAFETY: by the caller's word.
        let login = unsafe { input::text(login, "login") }?;
        // SAFETY: by the caller's word.
        let options = unsafe { input::text_if_any(options, "options") }?;
        let options: SessionOptions = input::options(options)?;
        *locale = options.locale;
        let session = ledger.ledger.session(login)?;
        place.put(crm_session { session, locale: options.locale, _live: Live::new() });
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Closes a session. Its transactions, cursors and streams go on working. NULL is allowed.
///
/// # Safety
/// `session` is NULL or a session that has not been closed; it is not used again, nor is a call with it still running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_session_close(session: *mut crm_session) {
    // SAFETY: passed on.
    unsafe { release(session) }
}

/// Runs an operation as one unit of work: everything it writes is kept, or on failure nothing.
///
/// `operation` is one of CRM_OP_…; `input` is the request, a JSON document of `input_length` bytes; NULL and 0 stand
/// for `{}`. `options` is NULL or a JSON object with any of `idempotency_key` (a text that names this request: repeated
/// with the same key it returns the first result and writes nothing) and `locale` ("en", "zh").
///
/// On success `*output` is yours and holds the result as JSON; free it with crm_buffer_free.
///
/// # Safety
/// `session` is NULL or open, `operation` points to NUL-terminated text, `options` too or is NULL, `input` points to
/// `input_length` bytes or is NULL, `output` points to a `crm_buffer *`, and `error` to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_call(
    session: *const crm_session,
    operation: *const c_char,
    input: *const c_char,
    input_length: usize,
    options: *const c_char,
    output: *mut *mut crm_buffer,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |locale: &mut Locale| {
        // SAFETY: by the caller's word.
        let session = unsafe { borrow(session, "session") }?;
        *locale = session.locale;
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(output, "output") }?;
        // SAFETY: by the caller's word.
        let operation = unsafe { input::text(operation, "operation") }?;
        // SAFETY: by the caller's word.
        let options = unsafe { input::text_if_any(options, "options") }?;
        let options: input::CallOptions = input::options(options)?;
        *locale = options.locale.unwrap_or(session.locale);
        // SAFETY: by the caller's word.
        let input = unsafe { input::document(input, input_length, "input") }?;
        let options = CallOptions { idempotency_key: options.idempotency_key };
        place.put(crm_buffer::new(session.session.call(operation, input, &options)?));
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Makes the calls that are running in this session end soon with CRM_STATUS_CANCELLED and write nothing. Meant to be
/// called from another thread. Calls that begin later are not affected, but transactions and Arrow streams of the session
/// that are open stay cancelled. NULL is allowed.
///
/// # Safety
/// `session` is NULL or a session that is not closed before this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_cancel(session: *const crm_session) {
    // SAFETY: NULL or alive, by the caller's word.
    if let Some(session) = unsafe { session.as_ref() } {
        session.session.cancel();
    }
}
