//! Opening and closing ledgers.

use std::ffi::{c_char, c_int};

use crm_core::app::Ledger;
use crm_core::kernel::date::Instant;

use crate::error::crm_error;
use crate::guard::enter;
use crate::handle::{Live, Place, borrow, release};
use crate::input;
use crate::status::crm_status;

/// One company's books, open. May be used from any thread, also from several at once.
pub struct crm_ledger {
    pub(crate) ledger: Ledger,
    _live: Live,
}

/// Opens the ledger at `url`: the path of a file, or `sqlite:` and the path, or a schema of a PostgreSQL database as
/// `postgres://user:password@host/database?schema=company`. Unless told otherwise, a ledger that does not exist is created.
///
/// `options` is NULL or a JSON object with any of `create`, `read_only`, `busy_timeout_ms`, `durability` ("full",
/// "normal"), `clock` ("system" or {"manual": "2026-03-02T01:00:00Z"}), `old_rates` for a ledger from before exchange rates
/// were kept ({"USD": "7.1"}, when CRM_ERROR_OLD_RATES_NEEDED asks for it) and, for a new ledger, `name`, `currency`,
/// `utc_offset_minutes` and `admin`, the login of the first user.
///
/// On success `*ledger` is yours; close it with crm_close.
///
/// # Safety
/// `url` points to NUL-terminated text, `options` too or is NULL, `ledger` points to a `crm_ledger *`, and `error` to a
/// `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_open(
    url: *const c_char,
    options: *const c_char,
    ledger: *mut *mut crm_ledger,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |_: &mut _| {
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(ledger, "ledger") }?;
        // SAFETY: by the caller's word.
        let url = unsafe { input::text(url, "url") }?;
        // SAFETY: by the caller's word.
        let options = unsafe { input::text_if_any(options, "options") }?;
        let ledger = crm::open(url, &input::options(options)?)?;
        place.put(crm_ledger { ledger, _live: Live::new() });
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Closes a ledger. Its sessions, transactions, cursors and streams go on working; the files are let go with the last of
/// them. NULL is allowed.
///
/// # Safety
/// `ledger` is NULL or a ledger that has not been closed; it is not used again, nor is a call with it still running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_close(ledger: *mut crm_ledger) {
    // SAFETY: passed on.
    unsafe { release(ledger) }
}

/// Sets the clock of a ledger that was opened with a manual one, to an RFC 3339 time such as "2026-03-02T01:00:00Z".
/// It may also go back.
///
/// # Safety
/// `ledger` is NULL or open, `now` is NULL or points to NUL-terminated text, and `error` points to a `crm_error *` or
/// is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_ledger_set_clock(
    ledger: *const crm_ledger,
    now: *const c_char,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |_: &mut _| {
        // SAFETY: by the caller's word.
        let ledger = unsafe { borrow(ledger, "ledger") }?;
        // SAFETY: by the caller's word.
        let now = unsafe { input::text(now, "now") }?;
        ledger.ledger.set_clock(Instant::parse(now).map_err(|error| error.at("now"))?)?;
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}
