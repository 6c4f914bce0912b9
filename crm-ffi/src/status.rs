//! Statuses and languages.

use std::ffi::c_int;

use crm_core::kernel::error::{ErrorKind, Locale};

/// What a call came to. Every function that can fail returns one of these as an `int`; the numbers never change.
///
/// The status says what a program can do about a failure; the error's code says what exactly happened.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum crm_status {
    /// Done.
    Ok = 0,
    /// The request itself is wrong: correct it.
    Invalid = 1,
    /// What the request names does not exist, or is outside the user's scope.
    NotFound = 2,
    /// The request collides with what is stored: a duplicate, a stale version.
    Conflict = 3,
    /// The record is in a state that does not allow this.
    State = 4,
    /// The user lacks a permission.
    Denied = 5,
    /// Passing trouble: the same call may succeed later.
    Retry = 6,
    /// The call was cancelled.
    Cancelled = 7,
    /// The store cannot be used: not a ledger, read-only, newer version, disk full.
    Storage = 8,
    /// A defect of this library.
    Internal = 9,
    /// No failure: the cursor has no more pages. Nothing was written to the outputs.
    End = 100,
}

impl crm_status {
    pub(crate) fn of(kind: ErrorKind) -> crm_status {
        match kind {
            ErrorKind::Invalid => crm_status::Invalid,
            ErrorKind::NotFound => crm_status::NotFound,
            ErrorKind::Conflict => crm_status::Conflict,
            ErrorKind::State => crm_status::State,
            ErrorKind::Denied => crm_status::Denied,
            ErrorKind::Retry => crm_status::Retry,
            ErrorKind::Cancelled => crm_status::Cancelled,
            ErrorKind::Storage => crm_status::Storage,
            ErrorKind::Internal => crm_status::Internal,
        }
    }
}

/// Languages of messages. In JSON options they are `"en"` and `"zh"`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum crm_locale {
    /// English.
    English = 0,
    /// Simplified Chinese.
    Chinese = 1,
}

/// The language of this number; English for numbers that name none.
pub(crate) fn locale_of(number: c_int) -> Locale {
    if number == crm_locale::Chinese as c_int { Locale::Chinese } else { Locale::English }
}
