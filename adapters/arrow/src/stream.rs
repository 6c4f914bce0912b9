//! Pages of rows as a stream of record batches.

use std::fmt;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use crm_core::app::{Frame, Reader, Rows, Session};
use crm_core::kernel::error::{Error, Result};
use crm_core::kernel::id::IdCodec;

use crate::batch::{batch, schema};

/// Rows of a batch: few enough to be light, many enough that the page costs more than its overhead.
pub const PAGE_ROWS: u32 = 8192;

/// A dataset as a stream of record batches, all of one snapshot.
///
/// The snapshot lasts as long as the stream: drop it when done. An error ends the stream.
pub struct RowStream {
    reader: Reader,
    schema: SchemaRef,
    ids: IdCodec,
    /// The page read ahead to learn the columns.
    first: Option<Frame>,
    /// Rows that may still come.
    left: u64,
    page_rows: u32,
    failed: bool,
}

impl RowStream {
    /// Opens the stream and reads its first page, so that what is wrong with the request is told here.
    ///
    /// `limit` of the request bounds the rows of the whole stream; left out, all rows come.
    ///
    /// # Errors
    /// Of the request, with its field; `DENIED`; of the engine.
    pub fn open(session: &Session, request: Rows) -> Result<RowStream> {
        Self::open_paged(session, request, PAGE_ROWS)
    }

    /// As [`RowStream::open`] with batches of at most `page_rows` rows.
    ///
    /// # Errors
    /// As [`RowStream::open`].
    pub fn open_paged(session: &Session, request: Rows, page_rows: u32) -> Result<RowStream> {
        let left = request.limit.map_or(u64::MAX, u64::from);
        let page_rows = page_rows.max(1);
        let mut reader = session.reader(request)?;
        // The first call always answers, be it without rows; a page of no rows could not be continued.
        let first = reader.next(page(left, page_rows).max(1))?;
        let mut first = first.unwrap_or(Frame { columns: Vec::new(), rows: Vec::new(), next: None });
        if left == 0 {
            first.rows.clear();
        }
        let schema = schema(&first.columns)?;
        let ids = session.ledger().ids();
        Ok(RowStream { reader, schema, ids, first: Some(first), left, page_rows, failed: false })
    }

    /// The next batch; `None` after the last.
    ///
    /// # Errors
    /// `CANCELLED`; of the engine.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.failed {
            return Ok(None);
        }
        let result = self.read();
        self.failed = result.is_err();
        result
    }

    fn read(&mut self) -> Result<Option<RecordBatch>> {
        if self.left == 0 {
            return Ok(None);
        }
        let frame = match self.first.take() {
            Some(frame) => Some(frame),
            None => self.reader.next(page(self.left, self.page_rows))?,
        };
        match frame {
            Some(frame) if !frame.rows.is_empty() => {
                self.left -= frame.rows.len() as u64;
                batch(&frame, &self.schema, self.ids).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn page(left: u64, page_rows: u32) -> u32 {
    u32::try_from(left).unwrap_or(page_rows).min(page_rows)
}

impl Iterator for RowStream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().map_err(|error| ArrowError::ExternalError(Box::new(StreamError(error)))).transpose()
    }
}

impl RecordBatchReader for RowStream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

/// An error on its way through Arrow, which hands the text on as a C string and cannot carry a NUL.
#[derive(Debug)]
struct StreamError(Error);

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_string().replace('\0', "\u{FFFD}"))
    }
}

impl std::error::Error for StreamError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
