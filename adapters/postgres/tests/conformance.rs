//! The conformance suite on PostgreSQL.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::sync::Arc;

use crm_conformance::Fixture;
use crm_core::kernel::error::Result;
use crm_core::store::engine::Store;
use crm_core::store::schema::Schema;
use crm_postgres::{OpenOptions, PostgresStore};
use crm_postgres_server::Server;

/// A new schema on a server of our own for every store.
struct Schemas {
    server: Arc<Server>,
    name: String,
}

impl Schemas {
    fn new() -> Self {
        let server = Server::shared().unwrap_or_else(|error| panic!("{error}"));
        Schemas { name: server.new_schema(), server }
    }
}

impl Fixture for Schemas {
    fn engine(&self) -> &'static str {
        "postgres"
    }

    fn create(&mut self, schema: &Schema) -> Result<Arc<dyn Store>> {
        let drop = format!("SET client_min_messages = warning; DROP SCHEMA IF EXISTS {} CASCADE", self.name);
        self.server.admin().unwrap().batch_execute(&drop).unwrap();
        self.name = self.server.new_schema();
        self.open_again(schema)
    }

    fn open_again(&mut self, schema: &Schema) -> Result<Arc<dyn Store>> {
        PostgresStore::open(&self.server.url(&self.name), schema, OpenOptions::default())
    }
}

#[test]
fn every_case_passes() {
    let report = crm_conformance::run_all(&mut Schemas::new());
    println!("{report}");
    assert!(report.is_clean(), "{report}");
}

#[test]
fn random_queries_agree_with_the_evaluator() {
    crm_conformance::queries_agree(&mut Schemas::new(), 150).unwrap();
}
