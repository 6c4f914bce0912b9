//! Lists page by page.
//!
//! A cursor repeats the list operation with the place where the page before ended. Pages go by the values of the sort
//! fields, so a page costs the same wherever it stands, and no row comes twice or is left out for changes elsewhere.

use std::ffi::{c_char, c_int};
use std::sync::{Mutex, PoisonError};

use crm_core::app::{CallOptions, Session};
use crm_core::catalog::{Catalog, Entry};
use crm_core::kernel::error::{self, Error, Locale, Result};
use serde_json::{Map, Value};

use crate::buffer::crm_buffer;
use crate::error::crm_error;
use crate::guard::enter;
use crate::handle::{Live, Place, borrow, release};
use crate::input;
use crate::session::crm_session;
use crate::status::crm_status;

/// A list, page by page. May be used from any thread; calls from several at once wait for each other.
pub struct crm_cursor {
    session: Session,
    locale: Locale,
    operation: String,
    /// Whether the list request is the field `list` of the input, not the input itself.
    nested: bool,
    /// The input of the next page; None after the last.
    next: Mutex<Option<Map<String, Value>>>,
    _live: Live,
}

impl crm_cursor {
    fn next_page(&self) -> Result<Option<String>> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(input) = next.as_mut() else { return Ok(None) };
        let request = serde_json::to_string(input).map_err(|error| unreadable().because(error))?;
        let page = self.session.call(&self.operation, &request, &CallOptions::default())?;
        let place: Next = serde_json::from_str(&page).map_err(|error| unreadable().because(error))?;
        match place.next {
            None => *next = None,
            Some(cursor) if self.nested => {
                let list = input.entry("list").or_insert_with(|| Value::Object(Map::new()));
                list["cursor"] = Value::from(cursor);
            }
            Some(cursor) => {
                input.insert("cursor".to_owned(), Value::from(cursor));
            }
        }
        Ok(Some(page))
    }
}

/// What a page says of the one after it; its items are skipped, not kept.
#[derive(serde::Deserialize)]
struct Next {
    next: Option<String>,
}

fn unreadable() -> Error {
    Error::new(&error::INTERNAL).with("what", "a page cannot be read")
}

/// Whether an operation lists, and if so whether its list request is the field `list`.
fn shape(entry: &Entry) -> Option<bool> {
    let has = |schema: &Value, name: &str| properties(schema).get(name).is_some();
    let output = (entry.output_schema)();
    if !(has(&output, "items") && has(&output, "next")) {
        return None;
    }
    let input = (entry.input_schema)();
    if has(&input, "cursor") { Some(false) } else { has(&input, "list").then_some(true) }
}

/// The fields of an object's schema, be it another type's under a name of its own.
fn properties(schema: &Value) -> &Value {
    let target = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    let target = target.and_then(|path| schema.pointer(path)).unwrap_or(schema);
    &target["properties"]
}

/// Opens a cursor over a list operation (one whose result has `items` and `next`, such as CRM_OP_QUERY_ROWS), with the
/// request as for crm_call. `limit` in it is the size of a page.
///
/// Each page is read when it is asked for. No row comes twice, and none is left out because of changes to others; rows
/// written meanwhile come when their place is still ahead. For one moment's view of everything use crm_query_arrow.
///
/// On success `*cursor` is yours; close it with crm_cursor_close.
///
/// # Safety
/// `session` is NULL or open, `operation` points to NUL-terminated text, `input` points to `input_length` bytes or is
/// NULL, `cursor` points to a `crm_cursor *`, and `error` to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_cursor_open(
    session: *const crm_session,
    operation: *const c_char,
    input: *const c_char,
    input_length: usize,
    cursor: *mut *mut crm_cursor,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |locale: &mut Locale| {
        // SAFETY: by the caller's word.
        let handle = unsafe { borrow(session, "session") }?;
        *locale = handle.locale;
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(cursor, "cursor") }?;
        // SAFETY: by the caller's word.
        let operation = unsafe { input::text(operation, "operation") }?;
        // SAFETY: by the caller's word.
        let input = unsafe { input::document(input, input_length, "input") }?;
        let catalog = Catalog::shared();
        let nested = shape(catalog.operation(operation)?).ok_or_else(|| {
            let (reason, zh) =
                (format!("{operation} does not return pages"), format!("{operation} 不返回分页列表"));
            Error::new(&error::NOT_APPLICABLE).at("operation").with_both("reason", reason, zh)
        })?;
        let next: Map<String, Value> = crm_core::catalog::operation::parse(input)?;
        place.put(crm_cursor {
            session: handle.session.clone(),
            locale: handle.locale,
            operation: operation.to_owned(),
            nested,
            next: Mutex::new(Some(next)),
            _live: Live::new(),
        });
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Reads the next page. CRM_STATUS_OK: `*page` is yours and holds it as JSON, with `items`; free it with
/// crm_buffer_free. CRM_STATUS_END: there are no more pages. After a failure the cursor stands where it stood, and the
/// call may be repeated.
///
/// # Safety
/// `cursor` is NULL or not closed, `page` points to a `crm_buffer *`, and `error` to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_cursor_next(
    cursor: *const crm_cursor,
    page: *mut *mut crm_buffer,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |locale: &mut Locale| {
        // SAFETY: by the caller's word.
        let handle = unsafe { borrow(cursor, "cursor") }?;
        *locale = handle.locale;
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(page, "page") }?;
        Ok(match handle.next_page()? {
            None => crm_status::End,
            Some(page) => {
                place.put(crm_buffer::new(page));
                crm_status::Ok
            }
        })
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Closes a cursor. NULL is allowed.
///
/// # Safety
/// `cursor` is NULL or has not been closed; it is not used again, nor is a call with it still running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_cursor_close(cursor: *mut crm_cursor) {
    // SAFETY: passed on.
    unsafe { release(cursor) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_returns_pages_can_be_read_by_a_cursor() {
        for entry in Catalog::shared().operations() {
            let output = (entry.output_schema)();
            let pages =
                properties(&output).get("items").is_some() && properties(&output).get("next").is_some();
            assert_eq!(shape(entry).is_some(), pages, "{}", entry.name);
        }
        assert_eq!(shape(Catalog::shared().operation("customer.list").unwrap()), Some(false));
        assert_eq!(shape(Catalog::shared().operation("query.rows").unwrap()), Some(false));
        assert_eq!(shape(Catalog::shared().operation("audit.list").unwrap()), Some(true));
        assert_eq!(shape(Catalog::shared().operation("customer.get").unwrap()), None);
    }
}
