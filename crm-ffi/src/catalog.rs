//! What can be called, told to programs.

use std::ffi::c_int;

use crm_core::catalog::Catalog;
use crm_core::catalog::describe::describe_code;
use crm_core::kernel::error::{self, Code, Error};

use crate::buffer::crm_buffer;
use crate::error::crm_error;
use crate::guard::{self, enter};
use crate::handle::Place;
use crate::status::crm_status;

/// Every error code that a call can end with: those of the catalogue and those of this interface, by number.
pub fn codes() -> Vec<Code> {
    let mut codes = Catalog::shared().codes();
    codes.extend(guard::ALL);
    codes.sort_by_key(|code| code.number);
    codes
}

/// The catalogue as JSON: `areas` with their permissions; `operations` with name, English summary, Chinese label, access,
/// mode, errors, JSON Schemas of input and output, and an example; `datasets` with their fields; `errors` with number,
/// name, kind and both messages.
///
/// On success `*output` is yours; free it with crm_buffer_free.
///
/// # Safety
/// `output` points to a `crm_buffer *`, and `error` to a `crm_error *` or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crm_catalog(output: *mut *mut crm_buffer, error: *mut *mut crm_error) -> c_int {
    let body = |_: &mut _| {
        // SAFETY: by the caller's word.
        let place = unsafe { Place::new(output, "output") }?;
        let mut described = Catalog::shared().describe();
        described["errors"] = codes().into_iter().map(describe_code).collect();
        let text = serde_json::to_string(&described).map_err(|error| {
            Error::new(&error::INTERNAL).with("what", "the catalogue has no JSON form").because(error)
        })?;
        place.put(crm_buffer::new(text));
        Ok(crm_status::Ok)
    };
    // SAFETY: by the caller's word.
    unsafe { enter(error, body) }
}
