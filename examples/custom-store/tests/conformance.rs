//! The conformance suite on the engine of this example.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::sync::Arc;

use crm_conformance::Fixture;
use crm_core::kernel::error::Result;
use crm_core::store::engine::Store;
use crm_core::store::schema::Schema;
use crm_example_custom_store::{Ledger, MemoryStore};

/// Keeps no file: opening again hands back the same data.
#[derive(Default)]
struct Memory(Arc<Ledger>);

impl Fixture for Memory {
    fn engine(&self) -> &'static str {
        "memory"
    }

    fn create(&mut self, schema: &Schema) -> Result<Arc<dyn Store>> {
        self.0 = Arc::default();
        self.open_again(schema)
    }

    fn open_again(&mut self, schema: &Schema) -> Result<Arc<dyn Store>> {
        MemoryStore::open(&self.0, schema)
    }
}

#[test]
fn every_case_passes() {
    let report = crm_conformance::run_all(&mut Memory::default());
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}

#[test]
fn random_queries_agree_with_the_evaluator() {
    crm_conformance::queries_agree(&mut Memory::default(), 300).unwrap();
}
