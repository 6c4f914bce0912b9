//! The tables of an open store, with the statements that every use of a table needs, rendered once; and the adapter's
//! own two tables, which are in no schema.

use std::collections::HashMap;

use crm_core::kernel::error::{Error, INTERNAL, Result};
use crm_core::store::schema::{Schema, Table};

use crate::dialect::Postgres;

/// What `product` in `crm_meta` says in every ledger.
pub(crate) const PRODUCT: &str = "crm ledger";

/// Creates the adapter's own tables. The row of `crm_meta` tells what the schema is and its version; the table itself is
/// what writers lock. A row of `crm_series` changes with nearly every commit: room in its page keeps those changes there.
pub(crate) const CREATE_OWN: &str = "CREATE TABLE \"crm_meta\" (\"product\" TEXT NOT NULL PRIMARY KEY, \"version\" BIGINT NOT NULL); \
     CREATE TABLE \"crm_series\" (\"name\" TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, \"value\" BIGINT NOT NULL) WITH (fillfactor = 25)";

/// Takes `$2` numbers of the series `$1` and returns the last of them.
pub(crate) const TAKE_NUMBERS: &str = "INSERT INTO \"crm_series\" AS s (\"name\", \"value\") VALUES ($1, $2) \
     ON CONFLICT (\"name\") DO UPDATE SET \"value\" = s.\"value\" + excluded.\"value\" RETURNING \"value\"";

/// Every series with its last number.
pub(crate) const LIST_SERIES: &str = "SELECT \"name\", \"value\" FROM \"crm_series\" ORDER BY \"name\"";

pub(crate) struct Catalog(HashMap<&'static str, TableSql>);

pub(crate) struct TableSql {
    pub(crate) get: String,
    pub(crate) insert: String,
    pub(crate) insert_arrays: String,
}

impl Catalog {
    pub(crate) fn new(schema: &Schema) -> Self {
        let entry = |table: &&'static Table| {
            let sql = TableSql {
                get: crm_sql::get(&Postgres, table),
                insert: crm_sql::insert(&Postgres, table, 1),
                insert_arrays: crm_sql::insert_arrays(&Postgres, table),
            };
            (table.name, sql)
        };
        Catalog(schema.tables.iter().map(entry).collect())
    }

    pub(crate) fn table(&self, table: &Table) -> Result<&TableSql> {
        let unknown =
            || Error::new(&INTERNAL).with("what", format_args!("no table {} in this ledger", table.name));
        self.0.get(table.name).ok_or_else(unknown)
    }
}
