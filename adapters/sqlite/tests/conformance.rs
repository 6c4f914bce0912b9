//! The conformance suite on SQLite.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::sync::Arc;

use crm_conformance::Fixture;
use crm_core::kernel::error::Result;
use crm_core::store::engine::Store;
use crm_core::store::schema::Schema;
use crm_sqlite::{Durability, OpenOptions, SqliteStore};
use tempfile::TempDir;

/// A new file in a folder of its own for every store.
struct Files {
    folder: TempDir,
    count: usize,
}

impl Files {
    fn new() -> Self {
        Files { folder: tempfile::tempdir().unwrap(), count: 0 }
    }

    fn open(&self, schema: &Schema) -> Result<Arc<dyn Store>> {
        let options = OpenOptions { durability: Durability::Normal, ..OpenOptions::default() };
        SqliteStore::open(self.folder.path().join(format!("{}.crm", self.count)), schema, options)
    }
}

impl Fixture for Files {
    fn engine(&self) -> &'static str {
        "sqlite"
    }

    fn create(&mut self, schema: &Schema) -> Result<Arc<dyn Store>> {
        let _ = std::fs::remove_file(self.folder.path().join(format!("{}.crm", self.count)));
        self.count += 1;
        self.open(schema)
    }

    fn open_again(&mut self, schema: &Schema) -> Result<Arc<dyn Store>> {
        self.open(schema)
    }
}

#[test]
fn every_case_passes() {
    let report = crm_conformance::run_all(&mut Files::new());
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}

#[test]
fn random_queries_agree_with_the_evaluator() {
    crm_conformance::queries_agree(&mut Files::new(), 150).unwrap();
}
