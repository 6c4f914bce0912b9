//! Several operations that are kept together.

use std::ffi::{c_char, c_int};
use std::sync::{Mutex, PoisonError};

use crm_core::app::{CLOSED, Transaction};
use crm_core::kernel::error::{Error, Locale, Result};

use crate::buffer::crm_buffer;
use crate::error::crm_error;
use crate::guard::enter;
use crate::handle::{Live, Place, borrow, release};
use crate::input;
use crate::session::crm_session;
use crate::status::crm_status;

/// Several operations that are kept together or not at all. May be used from any thread; calls from several at once wait
/// for each other. While it is open other writers of the ledger wait, so keep it short, and do not write through a
/// session of the same thread.
pub struct crm_transaction {
    /// None once it has ended.
    transaction: Mutex<Option<Transaction>>,
    locale: Locale,
    _live: Live,
}

impl crm_transaction {
    /// Runs `work` with the transaction taken out, so that a panic drops it and thereby undoes everything.
    fn with<T>(&self, work: impl FnOnce(&mut Option<Transaction>) -> Result<T>) -> Result<T> {
        let mut held = self.transaction.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = held.take();
        if taken.is_none() {
            return Err(Error::new(&CLOSED).with("what", "transaction"));
        }
        let result = work(&mut taken);
        *held = taken;
        result
    }
}

/// Begins a transaction.
///
/// On success `*transaction` is yours; close it with crm_transaction_close.
///
/// # Safety
/// `session` is NULL or open, `transaction` points to a `crm_transaction *`, and `error` to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_transaction_begin(
    session: *const crm_session,
    transaction: *mut *mut crm_transaction,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |locale: &mut Locale| {
        // SAFETY: by the caller's word.
        let session = unsafe { borrow(session, "session") }?;
        *locale = session.locale;
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(transaction, "transaction") }?;
        let transaction = Mutex::new(Some(session.session.transaction()?));
        place.put(crm_transaction { transaction, locale: session.locale, _live: Live::new() });
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Runs an operation inside a transaction, as crm_call does. One that fails is undone alone: the transaction goes on.
///
/// On success `*output` is yours; free it with crm_buffer_free.
///
/// # Safety
/// `transaction` is NULL or not closed, `operation` points to NUL-terminated text, `input` points to `input_length`
/// bytes or is NULL, `output` points to a `crm_buffer *`, and `error` to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_transaction_call(
    transaction: *const crm_transaction,
    operation: *const c_char,
    input: *const c_char,
    input_length: usize,
    output: *mut *mut crm_buffer,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |locale: &mut Locale| {
        // SAFETY: by the caller's word.
        let handle = unsafe { borrow(transaction, "transaction") }?;
        *locale = handle.locale;
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(output, "output") }?;
        // SAFETY: by the caller's word.
        let operation = unsafe { input::text(operation, "operation") }?;
        // SAFETY: by the caller's word.
        let input = unsafe { input::document(input, input_length, "input") }?;
        let output = handle.with(|transaction| match transaction {
            Some(transaction) => transaction.call(operation, input),
            None => Err(Error::new(&CLOSED).with("what", "transaction")),
        })?;
        place.put(crm_buffer::new(output));
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Keeps everything and ends the transaction, which then only takes crm_transaction_close. On failure nothing is kept,
/// and it has ended too; except that after code 1110 (outcome_unknown) everything may be kept, and as a transaction has no
/// idempotency key, look before you do it again.
///
/// # Safety
/// `transaction` is NULL or not closed, and `error` points to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_transaction_commit(
    transaction: *const crm_transaction,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |locale: &mut Locale| {
        // SAFETY: by the caller's word.
        let handle = unsafe { borrow(transaction, "transaction") }?;
        *locale = handle.locale;
        handle.with(|transaction| transaction.take().map_or(Ok(()), Transaction::commit))?;
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Undoes everything and ends the transaction, which then only takes crm_transaction_close.
///
/// # Safety
/// `transaction` is NULL or not closed, and `error` points to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_transaction_rollback(
    transaction: *const crm_transaction,
    error: *mut *mut crm_error,
) -> c_int {
    let body = |locale: &mut Locale| {
        // SAFETY: by the caller's word.
        let handle = unsafe { borrow(transaction, "transaction") }?;
        *locale = handle.locale;
        handle.with(|transaction| {
            drop(transaction.take());
            Ok(())
        })?;
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}

/// Closes a transaction; one that was not committed is undone. NULL is allowed.
///
/// # Safety
/// `transaction` is NULL or has not been closed; it is not used again, nor is a call with it still running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_transaction_close(transaction: *mut crm_transaction) {
    // SAFETY: passed on.
    unsafe { release(transaction) }
}
