//! Moving a ledger from one place to another.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use crm_core::app::{Ledger, Moved, OnProgress, STREAM_BROKEN_OFF, export_store, import_store};
use crm_core::catalog::Catalog;
use crm_core::kernel::error::{Error, Result};

use crate::open::{OpenOptions, host, open_store, schema};

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
/// `TARGET_NOT_EMPTY`, `STREAM_DAMAGED`, `STREAM_BROKEN_OFF`, `LEDGER_NEWER`, `CHAIN_BROKEN`, `OLD_RATES_NEEDED`, `CANCELLED`;
/// those of opening.
pub fn import_ledger(
    input: &mut dyn Read,
    url: &str,
    options: &OpenOptions,
    progress: OnProgress<'_>,
) -> Result<Moved> {
    let schema = schema(options, &host(options));
    let store = open_store(url, options, &schema)?;
    import_store(store.as_ref(), &schema, input, progress)
}

/// Writes the whole ledger into a file. The file has its name only when it is whole and on the disk; an older one of that
/// name is replaced then.
///
/// # Errors
/// As [`export_ledger`]; there is no new file then.
pub fn export_to_file(ledger: &Ledger, path: &Path, progress: OnProgress<'_>) -> Result<Moved> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = Path::new(&unfinished);
    let written = write_file(ledger, unfinished, progress).and_then(|moved| {
        std::fs::rename(unfinished, path).map(|()| moved).map_err(|error| broken_off(path, error))
    });
    if written.is_err() {
        // What is left of it is of no use; that it cannot be removed is not worth a second error.
        let _ = std::fs::remove_file(unfinished);
    }
    written
}

fn write_file(ledger: &Ledger, path: &Path, progress: OnProgress<'_>) -> Result<Moved> {
    let file = File::create(path).map_err(|error| broken_off(path, error))?;
    let mut out = BufWriter::new(file);
    let moved = export_ledger(ledger, &mut out, progress)?;
    out.get_ref().sync_all().map_err(|error| broken_off(path, error))?;
    Ok(moved)
}

/// Reads a file that [`export_to_file`] wrote into a new ledger at `url`.
///
/// # Errors
/// As [`import_ledger`].
pub fn import_from_file(
    path: &Path,
    url: &str,
    options: &OpenOptions,
    progress: OnProgress<'_>,
) -> Result<Moved> {
    // Before the place is made: a mistyped name leaves nothing behind.
    let mut file = File::open(path).map_err(|error| broken_off(path, error))?;
    import_ledger(&mut file, url, options, progress)
}

fn broken_off(path: &Path, error: std::io::Error) -> Error {
    Error::new(&STREAM_BROKEN_OFF).with("reason", format!("{}: {error}", path.display())).because(error)
}
