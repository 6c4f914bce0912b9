//! What every engine must do, as a table of named cases and one property over random queries.
//!
//! An adapter is proved by writing a [`Fixture`] and running [`run_all`] and [`queries_agree`] in its tests:
//!
//! ```ignore
//! let report = crm_conformance::run_all(&mut MyFixture::new());
//! assert!(report.is_clean(), "{report}");
//! crm_conformance::queries_agree(&mut MyFixture::new(), 200).unwrap();
//! ```
//!
//! The cases speak only to the storage trait, so whatever passes them carries the whole library. Nothing is skipped:
//! an engine that keeps no file hands the same data back when it is asked to open it again.

use std::fmt;
use std::sync::Arc;

use crm_core::kernel::error::{Error, Result};
use crm_core::store::engine::Store;
use crm_core::store::schema::Schema;

mod cases;
mod kit;
mod properties;
pub mod sample;

pub use properties::queries_agree;

/// What an adapter brings: a place for data, and ways to open it.
pub trait Fixture {
    /// A short name of the engine.
    fn engine(&self) -> &'static str;

    /// Opens a new and empty store; what was made before may go, once its handles have gone.
    fn create(&mut self, schema: &Schema) -> Result<Arc<dyn Store>>;

    /// Opens the data of the last [`Fixture::create`] once more; other handles to it may still be open. The schema may be
    /// newer, which migrates, or older, which is refused.
    fn open_again(&mut self, schema: &Schema) -> Result<Arc<dyn Store>>;
}

/// One thing that an engine must do.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// What it is about, `snake_case`.
    pub name: &'static str,
    /// Does it; an error says what went wrong.
    pub run: fn(&mut dyn Fixture) -> Result<()>,
}

/// Every case, in the order in which an adapter is best built.
pub fn cases() -> &'static [Case] {
    cases::ALL
}

/// What [`run_all`] found.
#[derive(Debug)]
pub struct Report {
    /// The engine.
    pub engine: &'static str,
    /// Number of cases that passed.
    pub passed: usize,
    /// The others, with what went wrong.
    pub failures: Vec<(&'static str, Error)>,
}

impl Report {
    /// Whether every case passed.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {} cases passed", self.engine, self.passed, self.passed + self.failures.len())?;
        for (name, error) in &self.failures {
            write!(f, "\n  {name}: {error:?}")?;
        }
        Ok(())
    }
}

/// Runs every case.
pub fn run_all(fixture: &mut dyn Fixture) -> Report {
    let mut report = Report { engine: fixture.engine(), passed: 0, failures: Vec::new() };
    for case in cases() {
        match (case.run)(fixture) {
            Ok(()) => report.passed += 1,
            Err(error) => report.failures.push((case.name, error)),
        }
    }
    report
}
