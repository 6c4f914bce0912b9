//! The tables of an open store, with the statements that every use of a table needs, rendered once.

use std::collections::HashMap;

use crm_core::kernel::error::{Error, INTERNAL, Result};
use crm_core::store::schema::{Schema, Table};

use crate::dialect::Sqlite;

/// Creates the table of series numbers, which is the adapter's own and in no schema.
pub(crate) const CREATE_SERIES: &str = "CREATE TABLE \"crm_series\" (\"name\" TEXT NOT NULL PRIMARY KEY, \"value\" INTEGER NOT NULL) STRICT, WITHOUT ROWID";

/// The last number taken of a series. Taking one is a read and a write: a single statement that returns what it wrote
/// would make SQLite open a table in memory for it, which costs more than both.
pub(crate) const LAST_NUMBER: &str = "SELECT \"value\" FROM \"crm_series\" WHERE \"name\" = ?1";

/// Puts the last number taken of a series.
pub(crate) const PUT_NUMBER: &str = "UPDATE \"crm_series\" SET \"value\" = ?2 WHERE \"name\" = ?1";

/// Begins a series with its last number taken.
pub(crate) const BEGIN_SERIES: &str = "INSERT INTO \"crm_series\" (\"name\", \"value\") VALUES (?1, ?2)";

/// Every series with its last number.
pub(crate) const LIST_SERIES: &str = "SELECT \"name\", \"value\" FROM \"crm_series\" ORDER BY \"name\"";

pub(crate) struct Catalog(HashMap<&'static str, TableSql>);

pub(crate) struct TableSql {
    pub(crate) table: &'static Table,
    pub(crate) get: String,
    pub(crate) insert: String,
}

impl Catalog {
    pub(crate) fn new(schema: &Schema) -> Self {
        let entry = |table: &&'static Table| {
            let get = crm_sql::get(&Sqlite, table);
            let insert = crm_sql::insert(&Sqlite, table, 1);
            (table.name, TableSql { table, get, insert })
        };
        Catalog(schema.tables.iter().map(entry).collect())
    }

    pub(crate) fn table(&self, table: &Table) -> Result<&TableSql> {
        let unknown =
            || Error::new(&INTERNAL).with("what", format_args!("no table {} in this ledger", table.name));
        self.0.get(table.name).ok_or_else(unknown)
    }

    /// The name of the key or unique index over these columns, which SQLite reports as `table.column, table.column`.
    pub(crate) fn unique_index(&self, columns: &str) -> Option<String> {
        let table_name = columns.split_once('.')?.0;
        let table = self.0.get(table_name)?.table;
        let positions: Vec<usize> = columns
            .split(", ")
            .map(|column| column.split_once('.').and_then(|(_, column)| table.position(column)))
            .collect::<Option<_>>()?;
        if positions == table.key {
            return Some(format!("{table_name}_key"));
        }
        let is_it = |index: &&crm_core::store::schema::Index| index.unique && index.columns == positions;
        table.indexes.iter().find(is_it).map(|index| index.name.to_owned())
    }
}
