//! Moving a ledger from one place to another.

use std::io::{Read, Write};

use crm_core::app::{Ledger, Moved, OnProgress, export_store, import_store};
use crm_core::catalog::Catalog;
use crm_core::kernel::error::Result;

use crate::open::{OpenOptions, open_store};

/// Writes the whole ledger, of one moment, as a stream that [`import_ledger`] reads into any engine. Who may do this is the
/// host's to decide: the stream holds everything.
///
/// # Errors
/// `STREAM_BROKEN_OFF` when `out` fails, `CANCELLED` when `progress` says so; of the engine.
pub fn export_ledger(ledger: &Ledger, out: &mut dyn Write, progress: OnProgress<'_>) -> Result<Moved> {
    export_store(ledger.store(), Catalog::shared().schema(), out, progress)
}

/// Reads a stream into a new ledger at `url`, where there must be nothing yet. Name, currency and first user come with the
/// stream; of `options` only what concerns the place is used. When it fails there is still no ledger; the same call can be
/// made again.
///
/// # Errors
/// `TARGET_NOT_EMPTY`, `STREAM_DAMAGED`, `STREAM_BROKEN_OFF`, `LEDGER_NEWER`, `CHAIN_BROKEN`, `CANCELLED`; those of opening.
pub fn import_ledger(
    input: &mut dyn Read,
    url: &str,
    options: &OpenOptions,
    progress: OnProgress<'_>,
) -> Result<Moved> {
    let store = open_store(url, options)?;
    import_store(store.as_ref(), Catalog::shared().schema(), input, progress)
}
