//! To come.

use std::path::Path;
use std::sync::Arc;

use crm_core::kernel::error::{Error, Result};
use crm_core::store::engine::{CANNOT_OPEN, Store};
use crm_core::store::schema::Schema;

/// How a file is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Create the file when it is missing.
    pub create: bool,
    /// Never write.
    pub read_only: bool,
    /// How long a writer waits for others.
    pub busy_timeout_ms: u32,
    /// When a commit counts as durable.
    pub durability: Durability,
}

/// When a commit counts as durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// On the disk: survives a power cut.
    #[default]
    Full,
    /// With the operating system: survives a crash of the program.
    Normal,
}

/// To come.
pub struct SqliteStore;

impl SqliteStore {
    /// To come.
    ///
    /// # Errors
    /// To come.
    pub fn open(path: &Path, _schema: &Schema, _options: &OpenOptions) -> Result<Arc<dyn Store>> {
        Err(Error::new(&CANNOT_OPEN).with("what", path.display()).with("reason", "the adapter is to come"))
    }
}
