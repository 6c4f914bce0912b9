//! Rows of a dataset for pandas, polars, pyarrow and DuckDB, by the Arrow PyCapsule interface.

use std::ffi::CStr;
use std::sync::Arc;

use arrow_array::RecordBatchReader;
use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use crm_arrow::RowStream;
use crm_core::app::{Rows, Session};
use crm_core::catalog::Catalog;
use crm_core::catalog::operation::parse;
use crm_core::kernel::error::{self, Error, Locale, Result};
use crm_core::store::dataset::Binder;
use crm_core::store::schema::FieldType;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::failure::exception;
use crate::handle::{Handle, Opened};
use crate::work::run_through;

const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";

/// Rows of a dataset as an Arrow stream, read page by page in bounded memory, all of one moment.
///
/// Give it to ``pyarrow.table``, ``polars.DataFrame``, ``pandas.DataFrame.from_arrow`` or a DuckDB query. Each of them
/// takes the stream anew; the first takes the moment at which this object was made, later ones their own.
#[pyclass(frozen, module = "crm._native")]
pub(crate) struct ArrowStream {
    session: Arc<Handle<Session>>,
    request: Rows,
    /// Opened to check the request; the first reader takes it.
    opened: Arc<Handle<RowStream>>,
    schema: arrow_schema::SchemaRef,
    locale: Locale,
}

impl ArrowStream {
    /// Checks the request and reads the first page.
    ///
    /// # Errors
    /// Of the request, with its field; `DENIED`; of the engine.
    pub(crate) fn open(session: &Arc<Handle<Session>>, request: &str) -> Result<ArrowStream> {
        let request: Rows = parse(request)?;
        let stream = session.work(|session| RowStream::open(session, request.clone()))?;
        Ok(ArrowStream {
            session: session.clone(),
            request,
            schema: stream.schema(),
            opened: Handle::new("stream", stream),
            locale: Locale::English,
        })
    }

    /// Has the page that nobody has read yet closed with what it was opened from.
    pub(crate) fn note_in(&self, opened: &Opened) {
        opened.add(&self.opened);
    }

    pub(crate) fn with_locale(self, locale: Locale) -> Self {
        ArrowStream { locale, ..self }
    }
}

#[pymethods]
impl ArrowStream {
    /// The stream in a capsule, by the Arrow PyCapsule interface. A requested schema is not followed, as the interface allows.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        let stream = run_through(py, self.locale, || {
            let stream = match self.opened.take() {
                Ok(stream) => stream,
                Err(_) => self.session.work(|session| RowStream::open(session, self.request.clone()))?,
            };
            Ok(FFI_ArrowArrayStream::new(Box::new(stream)))
        })?;
        PyCapsule::new_with_value(py, stream, STREAM)
    }

    /// The columns in a capsule, by the Arrow PyCapsule interface.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.schema.as_ref()).map_err(|failed| {
            let error =
                Error::new(&error::INTERNAL).with("what", "a schema has no Arrow form").because(failed);
            exception(py, &error, self.locale)
        })?;
        PyCapsule::new_with_value(py, schema, SCHEMA)
    }
}

/// How the values of each field of a dataset are to be read from JSON.
#[pyfunction]
pub(crate) fn field_kinds(py: Python<'_>, dataset: &str, fields: Vec<String>) -> PyResult<Vec<&'static str>> {
    run_through(py, Locale::English, || {
        let catalog = Catalog::shared();
        let mut binder = Binder::new(catalog.schema(), catalog.dataset(dataset)?);
        fields.iter().map(|field| Ok(kind(binder.resolve(field)?.field_type))).collect()
    })
}

fn kind(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Id => "uuid",
        FieldType::Int => "int64",
        FieldType::Decimal(_) => "decimal",
        FieldType::Date => "date",
        FieldType::Instant => "date-time",
        FieldType::Bytes => "bytes",
        FieldType::Tags => "tags",
        FieldType::Small | FieldType::Bool | FieldType::Text | FieldType::Enum(_) | FieldType::Json => "json",
    }
}
