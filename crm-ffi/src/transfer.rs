//! Moving a ledger from one place to another.

use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;

use crm_core::app::Progress;
use crm_core::kernel::error::Locale;
use crm_core::store::engine::Flow;

use crate::buffer::crm_buffer;
use crate::error::crm_error;
use crate::guard::enter;
use crate::handle::{Place, borrow};
use crate::input;
use crate::ledger::crm_ledger;
use crate::status::crm_status;

/// Told from time to time how far a move has come: `rows` of `rows_total` rows, `table` being at work. 0 lets it go on;
/// anything else ends it with CRM_STATUS_CANCELLED, and nothing has been moved then. `table` is valid during the call.
/// `context` is what was given beside this function. It is called on the thread that called.
pub type crm_progress = Option<
    unsafe extern "C" fn(context: *mut c_void, table: *const c_char, rows: u64, rows_total: u64) -> c_int,
>;

/// The caller's function as the library calls one.
///
/// # Safety
/// `progress` is `None` or may be called with `context`, as long as what is returned is used.
unsafe fn teller(progress: crm_progress, context: *mut c_void) -> impl FnMut(&Progress) -> Flow {
    move |come| {
        let Some(progress) = progress else { return Flow::More };
        // Names of tables have no NUL.
        let table = CString::new(come.table.as_str()).unwrap_or_default();
        // SAFETY: by the caller's word.
        match unsafe { progress(context, table.as_ptr(), come.rows, come.rows_total) } {
            0 => Flow::More,
            _ => Flow::Stop,
        }
    }
}

/// Writes everything that a ledger holds, of one moment, into the file at `path`, which crm_ledger_import reads into any
/// engine. Who may do this is the host's to decide: the file holds everything. It has its name only when it is whole; an
/// older file of that name is replaced then.
///
/// `progress` is NULL or is told how far it has come.
///
/// On success `*moved` is yours and says as JSON what was written: `rows`, `series`, `sha256` (equal for equal ledgers)
/// and `tables`, each with `name` and `rows`; free it with crm_buffer_free.
///
/// # Safety
/// `ledger` is NULL or open, `path` points to NUL-terminated text, `progress` is NULL or may be called with `context`,
/// `moved` points to a `crm_buffer *`, and `error` to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_ledger_export(
    ledger: *const crm_ledger,
    path: *const c_char,
    progress: crm_progress,
    context: *mut c_void,
    moved: *mut *mut crm_buffer,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |_: &mut Locale| {
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(moved, "moved") }?;
        // SAFETY: by the caller's word.
        let ledger = unsafe { borrow(ledger, "ledger") }?;
        // SAFETY: by the caller's word.
        let path = unsafe { input::text(path, "path") }?;
        // SAFETY: by the caller's word.
        let mut tell = unsafe { teller(progress, context) };
        let moved = crm::export_to_file(&ledger.ledger, Path::new(path), &mut tell)?;
        place.put(crm_buffer::new(moved.to_json().to_string()));
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Reads the file at `path`, which crm_ledger_export wrote, into a new ledger at `url`, where there must be nothing yet.
/// Everything is checked before any of it is kept: when this fails, or is broken off, there is still no ledger, and the
/// same call can be made again.
///
/// `options` are those of crm_open, of which only what concerns the place is used. `progress` and `*moved` are as in
/// crm_ledger_export; on success the ledger can be opened with crm_open.
///
/// # Safety
/// `path` and `url` point to NUL-terminated text, `options` too or is NULL, `progress` is NULL or may be called with
/// `context`, `moved` points to a `crm_buffer *`, and `error` to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_ledger_import(
    path: *const c_char,
    url: *const c_char,
    options: *const c_char,
    progress: crm_progress,
    context: *mut c_void,
    moved: *mut *mut crm_buffer,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |_: &mut Locale| {
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(moved, "moved") }?;
        // SAFETY: by the caller's word.
        let path = unsafe { input::text(path, "path") }?;
        // SAFETY: by the caller's word.
        let url = unsafe { input::text(url, "url") }?;
        // SAFETY: by the caller's word.
        let options = unsafe { input::text_if_any(options, "options") }?;
        // SAFETY: by the caller's word.
        let mut tell = unsafe { teller(progress, context) };
        let moved = crm::import_from_file(Path::new(path), url, &input::options(options)?, &mut tell)?;
        place.put(crm_buffer::new(moved.to_json().to_string()));
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}
