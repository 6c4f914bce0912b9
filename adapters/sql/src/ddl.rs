//! Schemas as statements: a fresh store, or an older one brought forward.

use std::fmt::Write as _;

use crm_core::store::cell::Cell;
use crm_core::store::plan::Direction;
use crm_core::store::schema::{Column, Index, Schema, Table};

use crate::dialect::Dialect;
use crate::{quote, separated};

/// The statements that bring a store from version `from` to the schema's; `None` is an empty store.
///
/// Tables come first, then columns added to older tables, then indexes: an added column may refer to a new table, and an
/// index may need an added column. Fresh and migrated stores have the same tables, columns and indexes.
pub fn migrate(dialect: &dyn Dialect, schema: &Schema, from: Option<u32>) -> Vec<String> {
    let is_new = |since: u32| from.is_none_or(|from| since > from);
    let mut statements = Vec::new();
    for table in schema.tables.iter().filter(|table| is_new(table.since)) {
        statements.push(create_table(dialect, table));
    }
    for table in schema.tables.iter().filter(|table| !is_new(table.since)) {
        for added in table.columns.iter().filter(|column| is_new(column.since)) {
            let mut out = String::from("ALTER TABLE ");
            quote(&mut out, table.name);
            out.push_str(" ADD COLUMN ");
            column(dialect, &mut out, added);
            statements.push(out);
        }
    }
    for table in &schema.tables {
        for index in table.indexes.iter().filter(|index| is_new(table.since) || is_new(index.since)) {
            statements.push(create_index(dialect, table, index));
        }
    }
    statements
}

/// CREATE TABLE with its key, which is named `TABLE_key`, and its references.
pub fn create_table(dialect: &dyn Dialect, table: &Table) -> String {
    let mut out = String::from("CREATE TABLE ");
    quote(&mut out, table.name);
    out.push_str(" (");
    for declared in &table.columns {
        column(dialect, &mut out, declared);
        out.push_str(", ");
    }
    let _ = write!(out, "CONSTRAINT \"{}_key\" PRIMARY KEY (", table.name);
    separated(&mut out, ", ", &table.key, |out, key| quote(out, table.columns[*key].name));
    out.push_str("))");
    out.push_str(dialect.table_suffix(table));
    out
}

/// CREATE INDEX; an index over rows that have a value in some column is a partial one.
pub fn create_index(dialect: &dyn Dialect, table: &Table, index: &Index) -> String {
    let mut out = String::from(if index.unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " });
    quote(&mut out, index.name);
    out.push_str(" ON ");
    quote(&mut out, table.name);
    out.push_str(" (");
    separated(&mut out, ", ", dialect.index_columns(table, index), |out, position| {
        let column = &table.columns[*position];
        quote(out, column.name);
        if column.nullable {
            out.push_str(dialect.nulls(Direction::Ascending));
        }
    });
    out.push(')');
    if let Some(present) = index.present {
        out.push_str(" WHERE ");
        quote(&mut out, table.columns[present].name);
        out.push_str(" IS NOT NULL");
    }
    out
}

fn column(dialect: &dyn Dialect, out: &mut String, column: &Column) {
    quote(out, column.name);
    out.push(' ');
    out.push_str(dialect.column_type(column.field_type.cell_type()));
    if !column.nullable {
        out.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        out.push_str(" DEFAULT ");
        literal(dialect, out, default);
    }
    if let Some(referenced) = column.references {
        out.push_str(" REFERENCES ");
        quote(out, referenced);
    }
}

/// Writes a value as SQL writes it, where a placeholder cannot stand.
pub fn literal(dialect: &dyn Dialect, out: &mut String, cell: &Cell) {
    match cell {
        Cell::Null => out.push_str("NULL"),
        Cell::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Cell::Text(text) => {
            out.push('\'');
            out.push_str(&text.replace('\'', "''"));
            out.push('\'');
        }
        Cell::Bytes(bytes) => dialect.bytes_literal(out, bytes),
    }
}
