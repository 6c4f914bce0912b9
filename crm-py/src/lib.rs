//! The native half of the Python package `crm`.
//!
//! What is here opens ledgers, passes JSON texts and hands out Arrow streams; types, conversions and documentation are
//! Python, generated from the catalogue, because there they can be read, typed and debugged. Rules of this crate:
//!
//! * The interpreter's lock is never held while the library works, nor while a lock of ours is waited for.
//! * Ctrl-C cancels the call that the main thread is in.
//! * Closing a ledger closes what was opened from it; a call that is running ends first.
//! * No unsafe code: a handle is an `Arc`, and an Arrow stream travels in a capsule that releases it.

mod arrow;
mod failure;
mod handle;
mod ledger;
mod session;
mod transfer;
mod work;

/// The native half of `crm`; private, use the package.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::arrow::ArrowStream;
    #[pymodule_export]
    use crate::arrow::field_kinds;
    #[pymodule_export]
    use crate::ledger::NativeLedger;
    #[pymodule_export]
    use crate::ledger::open;
    #[pymodule_export]
    use crate::session::{NativeSession, NativeTransaction};
    #[pymodule_export]
    use crate::transfer::import_ledger;

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
