//! SQLite's errors as codes: the one place that knows them.

use std::path::Path;

use crm_core::kernel::error::{Error, INTERNAL, OVERFLOW};
use crm_core::store::engine::{
    BUSY, CANCELLED, CANNOT_OPEN, CONFLICT, DUPLICATE_KEY, MISSING_REFERENCE, NOT_A_LEDGER, READ_ONLY,
    STILL_REFERENCED, STORAGE_FAILED, STORAGE_FULL,
};
use rusqlite::{ErrorCode, ffi};

use crate::catalog::Catalog;

/// What was being done, which decides what a broken reference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Reading,
    Writing,
    Deleting,
    Committing,
}

/// The code of an error in a transaction.
pub(crate) fn fault(error: rusqlite::Error, doing: Doing, catalog: &Catalog) -> Error {
    // An error of our own, met while a value was bound.
    if let rusqlite::Error::ToSqlConversionFailure(inner) = &error
        && let Some(own) = inner.downcast_ref::<Error>()
    {
        return own.clone();
    }
    let rusqlite::Error::SqliteFailure(failure, message) = &error else {
        return Error::new(&STORAGE_FAILED).with("reason", &error).because(error);
    };
    let message = message.as_deref().unwrap_or_default();
    let mapped = match failure.code {
        ErrorCode::ConstraintViolation => match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => {
                let columns = message.strip_prefix("UNIQUE constraint failed: ").unwrap_or(message);
                let index = catalog.unique_index(columns);
                Error::new(&DUPLICATE_KEY).with("index", index.as_deref().unwrap_or(columns))
            }
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY if doing == Doing::Deleting => Error::new(&STILL_REFERENCED),
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Error::new(&MISSING_REFERENCE),
            _ => Error::new(&INTERNAL).with("what", message),
        },
        // Its transaction was overtaken, rather than kept waiting.
        ErrorCode::DatabaseBusy if failure.extended_code == ffi::SQLITE_BUSY_SNAPSHOT => {
            Error::new(&CONFLICT)
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            Error::new(&BUSY)
        }
        ErrorCode::ReadOnly => Error::new(&READ_ONLY),
        ErrorCode::DiskFull => Error::new(&STORAGE_FULL),
        ErrorCode::OperationInterrupted => Error::new(&CANCELLED),
        // The only arithmetic that statements of ours do is sum.
        _ if message == "integer overflow" => Error::new(&OVERFLOW),
        _ => {
            let reason = if message.is_empty() { error.to_string() } else { message.to_owned() };
            Error::new(&STORAGE_FAILED).with("reason", reason)
        }
    };
    mapped.because(error)
}

/// The code of an error while opening.
pub(crate) fn opening(error: rusqlite::Error, path: &Path) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            Error::new(&NOT_A_LEDGER).with("what", path.display()).because(error)
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::new(&BUSY).because(error),
        Some(ErrorCode::DiskFull) => Error::new(&STORAGE_FULL).because(error),
        Some(ErrorCode::ReadOnly) => Error::new(&READ_ONLY).because(error),
        Some(ErrorCode::DatabaseCorrupt) => {
            Error::new(&STORAGE_FAILED).with("reason", reason(&error)).because(error)
        }
        _ => cannot_open(path, reason(&error)).because(error),
    }
}

/// [`CANNOT_OPEN`] for this path.
pub(crate) fn cannot_open(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::new(&CANNOT_OPEN).with("what", path.display()).with("reason", reason)
}

/// Whether the file can be read although it, or the place around it, does not allow writing.
pub(crate) fn is_write_denied(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
    )
}

fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}
