//! What SQL engines share: how bound queries, writes and schemas read as SQL. Only the [`Dialect`] differs.
//!
//! Rules:
//! - Text holds placeholders only, never a value (definitions of columns apart), so a text is the *shape* of a statement and engines
//!   can cache what they prepared by it. Lists are one array, or are padded to powers of two by repeating their last value, so that shapes stay few.
//! - Columns are always named, never `*`: the order in which an engine keeps them is its own affair, and a migrated
//!   table may keep them in another order than a fresh one.
//! - Text compares by bytes and empty cells are smallest; the dialect says whatever its engine needs for that.
//! - Rendering writes into a buffer that its caller uses again; it costs a few microseconds, preparing costs tens.

mod ddl;
mod dialect;
mod query;

pub use ddl::{create_index, create_table, literal, migrate};
pub use dialect::Dialect;
pub use query::{Value, delete, get, insert, insert_arrays, select, update};

/// Writes an identifier in quotes; names of schemas may be words of SQL.
pub(crate) fn quote(out: &mut String, name: &str) {
    out.push('"');
    out.push_str(name);
    out.push('"');
}

/// Writes the items with `separator` between them.
pub(crate) fn separated<T>(
    out: &mut String,
    separator: &str,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            out.push_str(separator);
        }
        write(out, item);
    }
}
