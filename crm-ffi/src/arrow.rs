//! Tables as Arrow C streams.

use std::ffi::{c_char, c_int};

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use crm_arrow::RowStream;
use crm_core::app::Rows;
use crm_core::catalog::operation::parse;
use crm_core::kernel::error::Locale;

use crate::error::crm_error;
use crate::guard::{catch, enter};
use crate::handle::{Live, borrow, null};
use crate::input;
use crate::session::crm_session;
use crate::status::crm_status;

/// A stream whose panics end it with an error, since its callbacks run in the consumer's language.
struct Guarded {
    stream: RowStream,
    _live: Live,
}

impl Iterator for Guarded {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let stream = &mut self.stream;
        match catch(|| Ok(stream.next())) {
            Ok(item) => item,
            Err(panic) => Some(Err(ArrowError::ExternalError(panic.to_string().replace('\0', " ").into()))),
        }
    }
}

impl RecordBatchReader for Guarded {
    fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }
}

/// Reads rows of a dataset as an Arrow C stream, for pyarrow, pandas, polars, DuckDB and every other reader of the Arrow
/// C stream interface.
///
/// `request` is the request of CRM_OP_QUERY_ROWS, a JSON document of `request_length` bytes; here `limit` bounds the
/// rows of the whole stream, and left out all rows come. The batches are all of one snapshot and hold 8192 rows at
/// most; the memory needed is that of one batch. Ids and enumerations are texts, decimals are decimals, dates date32,
/// instants microseconds in UTC, labels lists of texts.
///
/// On success `*stream` is yours: call its `release` when done, before or after closing session and ledger; until then
/// it holds on to its snapshot. What `*stream` held before is overwritten, not released. Errors while reading are told
/// by the stream's `get_last_error`; crm_cancel ends it.
///
/// # Safety
/// `session` is NULL or open, `request` points to `request_length` bytes or is NULL, `stream` points to a
/// `struct ArrowArrayStream`, and `error` to a `crm_error *` or is NULL. The stream is used by one thread at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_query_arrow(
    session: *const crm_session,
    request: *const c_char,
    request_length: usize,
    stream: *mut FFI_ArrowArrayStream,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |locale: &mut Locale| {
        // SAFETY: by the caller's word.
        let handle = unsafe { borrow(session, "session") }?;
        *locale = handle.locale;
        if stream.is_null() {
            return Err(null("stream"));
        }
        // SAFETY: by the caller's word.
        let request = unsafe { input::document(request, request_length, "request") }?;
        let rows = RowStream::open(&handle.session, parse::<Rows>(request)?)?;
        let exported = FFI_ArrowArrayStream::new(Box::new(Guarded { stream: rows, _live: Live::new() }));
        // SAFETY: not NULL, and good for a stream by the caller's word.
        unsafe { stream.write(exported) };
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}
