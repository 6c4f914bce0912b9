//! The C ABI: the catalogue's operations for hosts in C, C++, C#, Java, Delphi and whatever else loads a library.
//!
//! This crate alone has hand-written unsafe code, and as little of it as an ABI needs: reading what the caller's
//! pointers point to (`input`), boxing what the caller gets (`handle`), and one place through which every function
//! enters (`guard`), where a panic becomes the status `CRM_STATUS_INTERNAL` and an error becomes a `crm_error`. The
//! functions themselves only say what is done.
//!
//! `include/crm.h` is generated from these sources: what is written above a function here is what a C programmer reads.

#![allow(non_camel_case_types)]

mod arrow;
mod buffer;
mod catalog;
mod cursor;
mod error;
mod guard;
mod handle;
mod input;
mod ledger;
mod session;
mod status;
mod transaction;
mod transfer;
mod version;

pub use arrow::crm_query_arrow;
pub use buffer::{crm_buffer, crm_buffer_data, crm_buffer_free, crm_buffer_length};
pub use catalog::{codes, crm_catalog};
pub use cursor::{crm_cursor, crm_cursor_close, crm_cursor_next, crm_cursor_open};
pub use error::{
    crm_error, crm_error_code, crm_error_details, crm_error_field, crm_error_free, crm_error_json,
    crm_error_kind, crm_error_message, crm_error_message_in, crm_error_name, crm_error_status,
};
pub use guard::{NULL_ARGUMENT, WRONG_ABI};
pub use handle::crm_live_handles;
pub use ledger::{crm_close, crm_ledger, crm_ledger_set_clock, crm_open};
pub use session::{crm_call, crm_cancel, crm_session, crm_session_close, crm_session_open};
pub use status::{crm_locale, crm_status};
pub use transaction::{
    crm_transaction, crm_transaction_begin, crm_transaction_call, crm_transaction_close,
    crm_transaction_commit, crm_transaction_rollback,
};
pub use transfer::{crm_ledger_export, crm_ledger_import, crm_progress};
pub use version::{CRM_ABI_VERSION, crm_abi_check, crm_abi_version, crm_version};
