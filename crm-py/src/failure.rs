//! Errors of the library as Python exceptions.
//!
//! The classes are Python (`crm._errors`), so that they pickle, subclass and document like any other; here one is made
//! from what travels.

use crm_core::kernel::error::{self, Error, Locale};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The exception for `error`, its message in `locale`.
pub(crate) fn exception(py: Python<'_>, error: &Error, locale: Locale) -> PyErr {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let wire = error.to_wire(locale);
    let kind = serde_json::to_value(wire.kind).unwrap_or_default();
    let kind = kind.as_str().unwrap_or("internal").to_owned();
    MAKE.import(py, "crm._errors", "_from_wire")
        .and_then(|make| make.call1((kind, wire.message, wire.code, wire.name, wire.field, wire.details)))
        .map_or_else(|failed| failed, PyErr::from_value)
}

/// The language called `name`.
///
/// # Errors
/// `NOT_ALLOWED` at `locale`.
pub(crate) fn locale(py: Python<'_>, name: &str) -> PyResult<Locale> {
    match name {
        "en" => Ok(Locale::English),
        "zh" => Ok(Locale::Chinese),
        other => {
            let error = Error::new(&error::NOT_ALLOWED).at("locale");
            let error = error.with("value", other).with("allowed", "en, zh");
            Err(exception(py, &error, Locale::English))
        }
    }
}
