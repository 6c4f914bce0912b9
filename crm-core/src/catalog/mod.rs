//! The catalogue: every area, and through them every table, dataset, permission, error code and operation.
//!
//! An operation is registered once and reaches every face from here: Rust by its type, C by its name, Python by a
//! generated method. What is not in the catalogue cannot be called, and what is in it has documentation, schemas and an
//! example that runs.

pub mod describe;
pub mod operation;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::app::{Cx, Forwarding};
use crate::areas;
use crate::areas::contract::Surplus;
use crate::kernel::error::{self, Code, Error, Result};
use crate::store::dataset::Dataset;
use crate::store::schema::{Schema, Table};

pub use operation::{Access, COMMON_ERRORS, Entry, Example, Given, Level, Operation};

/// The version of the ledger schema; raised by every change of a table.
pub const SCHEMA_VERSION: u32 = 2;

/// Every area, in the order of their dependencies. A new area adds one line here.
pub const AREAS: &[&Area] = &[
    &areas::access::AREA,
    &areas::ledger::AREA,
    &areas::party::AREA,
    &areas::product::AREA,
    &areas::opportunity::AREA,
    &areas::activity::AREA,
    &areas::contract::AREA,
    &areas::settlement::AREA,
    &areas::invoice::AREA,
    &areas::warning::AREA,
    &areas::import::AREA,
];

/// One area of the domain.
pub struct Area {
    /// Name; the first part of its operations' names, and what roles grant levels on.
    pub name: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// Its tables, referenced ones first.
    pub tables: &'static [fn() -> &'static Table],
    /// Its datasets.
    pub datasets: &'static [&'static Dataset],
    /// Permissions beside the levels read, edit and manage: name, English and Chinese label.
    pub permissions: &'static [(&'static str, &'static str, &'static str)],
    /// Its error codes.
    pub codes: &'static [&'static [Code]],
    /// Its operations.
    pub operations: fn() -> Vec<Entry>,
    /// What its data of an older schema version lacks beside tables, columns and indexes, if anything.
    pub forward: Option<fn(&mut Forwarding<'_>) -> Result<()>>,
    /// How money that has settled more than is owed becomes an advance again; the area that keeps the money says so.
    pub give_back: Option<GiveBack>,
}

/// Makes what was settled beyond what is owed an advance again.
pub type GiveBack = fn(&mut Cx<'_>, &Surplus) -> Result<()>;

/// All areas joined.
pub struct Catalog {
    schema: Schema,
    entries: BTreeMap<&'static str, Entry>,
    datasets: BTreeMap<&'static str, &'static Dataset>,
}

impl Catalog {
    /// The catalogue of this library; made once.
    pub fn shared() -> Arc<Catalog> {
        static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(Catalog::of(AREAS)));
        CATALOG.clone()
    }

    fn of(areas: &[&'static Area]) -> Catalog {
        let tables = areas.iter().flat_map(|area| area.tables.iter().map(|table| table())).collect();
        let entries = areas
            .iter()
            .flat_map(|area| (area.operations)().into_iter().map(|entry| (entry.name, entry)))
            .collect();
        let datasets = areas
            .iter()
            .flat_map(|area| area.datasets.iter().map(|dataset| (dataset.name, *dataset)))
            .collect();
        Catalog { schema: Schema::new(SCHEMA_VERSION, tables), entries, datasets }
    }

    /// All tables.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// All operations by name.
    pub fn operations(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The operation of this name.
    ///
    /// # Errors
    /// `UNKNOWN_OPERATION`.
    pub fn operation(&self, name: &str) -> Result<&Entry> {
        self.entries.get(name).ok_or_else(|| Error::new(&UNKNOWN_OPERATION).with("name", name))
    }

    /// All datasets by name.
    pub fn datasets(&self) -> impl Iterator<Item = &'static Dataset> {
        self.datasets.values().copied()
    }

    /// The dataset of this name.
    ///
    /// # Errors
    /// `NOT_ALLOWED`, with the names there are.
    pub fn dataset(&self, name: &str) -> Result<&'static Dataset> {
        self.datasets.get(name).copied().ok_or_else(|| {
            let known: Vec<&str> = self.datasets.keys().copied().collect();
            Error::new(&error::NOT_ALLOWED).with("value", name).with("allowed", known.join(", "))
        })
    }

    /// The area that an operation or dataset of this name belongs to.
    pub fn area_of_dataset(&self, name: &str) -> Option<&'static Area> {
        AREAS.iter().copied().find(|area| area.datasets.iter().any(|dataset| dataset.name == name))
    }

    /// What reading records of a table needs: the level `read` in its area. Users, units and roles are everybody's.
    pub fn read_access(&self, table: &str) -> Access {
        let holds = |area: &&&Area| area.tables.iter().any(|of_area| of_area().name == table);
        match AREAS.iter().find(holds) {
            Some(area) if area.name != areas::access::AREA.name => Access::Level(area.name, Level::Read),
            _ => Access::Everyone,
        }
    }

    /// How money that has settled more than is owed becomes an advance again.
    pub fn give_back(&self) -> Option<GiveBack> {
        AREAS.iter().find_map(|area| area.give_back)
    }

    /// All error codes, by number.
    pub fn codes(&self) -> Vec<Code> {
        let shared = [error::ALL, crate::store::engine::ALL, crate::app::ALL, ALL];
        let areas = AREAS.iter().flat_map(|area| area.codes.iter().copied());
        let mut codes: Vec<Code> = shared.into_iter().chain(areas).flatten().copied().collect();
        codes.sort_by_key(|code| code.number);
        codes
    }
}

crate::codes! {
    /// No operation has this name.
    UNKNOWN_OPERATION = 1200, Invalid, "There is no operation {name}.", "没有名为 {name} 的操作。";
}
