//! PostgreSQL's errors as codes: the one place that knows them.

use std::error::Error as _;

use crm_core::kernel::error::{Error, INTERNAL, OVERFLOW};
use crm_core::store::engine::{
    BUSY, CANCELLED, CONFLICT, CONNECTION_LOST, DUPLICATE_KEY, MISSING_REFERENCE, OUTCOME_UNKNOWN, READ_ONLY,
    STILL_REFERENCED, STORAGE_FAILED, STORAGE_FULL,
};
use postgres::error::SqlState;

use crate::place::Place;

/// What was being done, which decides what a broken reference or connection means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Beginning,
    Reading,
    Writing,
    Deleting,
    Committing,
}

/// The code of an error in a transaction; `is_stopped` when the caller has asked for it to end.
pub(crate) fn fault(error: postgres::Error, doing: Doing, is_stopped: bool) -> Error {
    // An error of our own, met while a value was written.
    if let Some(own) = error.source().and_then(|source| source.downcast_ref::<Error>()) {
        return own.clone();
    }
    let mapped = if is_broken(&error) {
        match doing {
            Doing::Committing => Error::new(&OUTCOME_UNKNOWN),
            _ if is_stopped => Error::new(&CANCELLED),
            _ => Error::new(&CONNECTION_LOST),
        }
    } else {
        match error.code() {
            Some(code) => of_state(&error, code, doing, is_stopped),
            None => Error::new(&STORAGE_FAILED).with("reason", text_of(&error)),
        }
    };
    mapped.because(error)
}

fn of_state(error: &postgres::Error, code: &SqlState, doing: Doing, is_stopped: bool) -> Error {
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Error::new(&CONFLICT),
        SqlState::UNIQUE_VIOLATION => {
            let index = error.as_db_error().and_then(|error| error.constraint()).unwrap_or("?");
            Error::new(&DUPLICATE_KEY).with("index", index)
        }
        SqlState::FOREIGN_KEY_VIOLATION if doing == Doing::Deleting => Error::new(&STILL_REFERENCED),
        SqlState::FOREIGN_KEY_VIOLATION => Error::new(&MISSING_REFERENCE),
        SqlState::QUERY_CANCELED if is_stopped => Error::new(&CANCELLED),
        // The statement took longer than it may: under another load it may not.
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE | SqlState::TOO_MANY_CONNECTIONS => {
            Error::new(&BUSY)
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => Error::new(&READ_ONLY),
        // A standby refuses the lock that writers take.
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE if doing == Doing::Beginning => Error::new(&READ_ONLY),
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE => Error::new(&OVERFLOW),
        SqlState::DISK_FULL => Error::new(&STORAGE_FULL),
        SqlState::NOT_NULL_VIOLATION | SqlState::IN_FAILED_SQL_TRANSACTION => {
            Error::new(&INTERNAL).with("what", text_of(error))
        }
        _ => Error::new(&STORAGE_FAILED).with("reason", text_of(error)),
    }
}

/// Whether the connection is of no more use: it was cut, or the server ended it.
pub(crate) fn is_broken(error: &postgres::Error) -> bool {
    if error.is_closed() {
        return true;
    }
    match error.code() {
        Some(code) => {
            code.code().starts_with("08")
                || [
                    SqlState::ADMIN_SHUTDOWN,
                    SqlState::CRASH_SHUTDOWN,
                    SqlState::CANNOT_CONNECT_NOW,
                    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                    SqlState::DATABASE_DROPPED,
                ]
                .contains(code)
        }
        None => error.source().is_some_and(|source| source.is::<std::io::Error>()),
    }
}

/// The code of an error while opening.
pub(crate) fn opening(error: postgres::Error, place: &Place) -> Error {
    match error.code() {
        Some(code) if !is_broken(&error) => match *code {
            SqlState::LOCK_NOT_AVAILABLE | SqlState::QUERY_CANCELED | SqlState::TOO_MANY_CONNECTIONS => {
                Error::new(&BUSY).because(error)
            }
            SqlState::READ_ONLY_SQL_TRANSACTION => Error::new(&READ_ONLY).because(error),
            SqlState::DISK_FULL => Error::new(&STORAGE_FULL).because(error),
            _ => place.cannot_open(text_of(&error)).because(error),
        },
        _ => place.cannot_open(text_of(&error)).because(error),
    }
}

/// What went wrong, in the server's words or the system's.
pub(crate) fn text_of(error: &postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(error), _) => error.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}
