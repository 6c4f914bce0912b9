//! Datasets: tables with everything their references lead to, under the names that hosts use.
//!
//! Each owned column is a field of its own name; a dot follows a reference (`contract.customer.name`). A dataset may
//! give long paths shorter names, and says where the owner and org unit are that data scopes go by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::date::{self, Instant};
use crate::kernel::decimal;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::IdCodec;
use crate::store::cell::{Cell, CellRef};
use crate::store::plan::{ColumnRef, Direction, Join, Output, Pred, Select, Sort};
use crate::store::record::{integer, text};
use crate::store::schema::{CellType, FieldType, Schema, Table};

/// A named, declared view over a table and what it references.
pub struct Dataset {
    /// Name at every boundary.
    pub name: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// The base table.
    pub table: fn() -> &'static Table,
    /// Extra names for paths along references.
    pub fields: &'static [(&'static str, &'static str)],
    /// Where the owner stands; without it every reader of the area sees all rows.
    pub scope: Option<ScopePaths>,
}

/// Where a dataset's rows say whose they are.
#[derive(Debug, Clone, Copy)]
pub struct ScopePaths {
    /// The record that collaborators are added to.
    pub record: &'static str,
    /// Its owner.
    pub owner: &'static str,
    /// Its org unit.
    pub unit: &'static str,
    /// Whose the rows are where that record is empty; nobody's but of those who see all when left out.
    pub otherwise: Option<&'static ScopePaths>,
}

impl ScopePaths {
    /// The record with its owner and org unit.
    pub const fn of(record: &'static str, owner: &'static str, unit: &'static str) -> ScopePaths {
        ScopePaths { record, owner, unit, otherwise: None }
    }
}

/// A sort column by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SortBy {
    /// Field name or path.
    pub field: String,
    /// Direction; ascending when left out.
    #[serde(default)]
    pub direction: Direction,
}

/// A field as resolved.
#[derive(Debug, Clone, Copy)]
pub struct BoundField {
    /// Where it stands.
    pub column: ColumnRef,
    /// What it holds.
    pub field_type: FieldType,
}

/// Decides how far paths lead that a dataset does not declare.
pub trait PathGuard {
    /// Called once for each source that such a path leads into; `is_scoped` when it is the record that the rows are
    /// under, which the scope of the rows covers.
    ///
    /// # Errors
    /// When the path may not lead there.
    fn follow(&self, binder: &mut Binder<'_>, source: usize, is_scoped: bool) -> Result<()>;
}

/// Resolves names of one dataset and gathers the joins they need.
pub struct Binder<'s> {
    schema: &'s Schema,
    dataset: &'s Dataset,
    guard: Option<&'s dyn PathGuard>,
    /// The sources that the guard has let pass.
    passed: Vec<usize>,
    /// The query so far.
    pub select: Select,
}

const DEPTH_MAX: usize = 4;

impl<'s> Binder<'s> {
    /// A binder with no outputs yet, for names that the library or a rule's author has chosen.
    pub fn new(schema: &'s Schema, dataset: &'s Dataset) -> Self {
        let mut select = Select::all((dataset.table)());
        select.outputs.clear();
        Binder { schema, dataset, guard: None, passed: Vec::new(), select }
    }

    /// For names that a caller gives.
    #[must_use]
    pub fn guarded(mut self, guard: &'s dyn PathGuard) -> Self {
        self.guard = Some(guard);
        self
    }

    /// The dataset.
    pub fn dataset(&self) -> &'s Dataset {
        self.dataset
    }

    /// The column behind a name or path.
    ///
    /// # Errors
    /// `UNKNOWN_FIELD`, naming the fields there are; of the guard, for a path that the dataset does not declare.
    pub fn resolve(&mut self, name: &str) -> Result<BoundField> {
        match self.dataset.fields.iter().find(|(alias, path)| *alias == name || *path == name) {
            Some((_, path)) => self.walk(0, path, None),
            None => self.walk(0, name, self.guard),
        }
    }

    /// The column behind a path of the library's own, which no guard looks at, counted from a source.
    ///
    /// # Errors
    /// `UNKNOWN_FIELD`.
    pub(crate) fn declared(&mut self, source: usize, path: &str) -> Result<BoundField> {
        self.walk(source, path, None)
    }

    fn walk(
        &mut self,
        mut source: usize,
        path: &str,
        guard: Option<&'s dyn PathGuard>,
    ) -> Result<BoundField> {
        let mut steps = path.split('.').peekable();
        let mut end = 0;
        for _ in 0..DEPTH_MAX {
            let Some(step) = steps.next() else { break };
            end += step.len();
            let table = self.select.table(source);
            let Some(position) = table.position(step) else { return Err(self.unknown(path, table)) };
            let column = ColumnRef { source, column: position };
            let declared = &table.columns[position];
            if steps.peek().is_none() {
                return Ok(BoundField { column, field_type: declared.field_type });
            }
            let Some(target) = declared.references.and_then(|referenced| self.schema.table(referenced))
            else {
                return Err(self.unknown(path, table));
            };
            source = self.join(column, target, declared.nullable);
            if let Some(guard) = guard.filter(|_| !self.passed.contains(&source)) {
                self.passed.push(source);
                let is_scoped = self.dataset.scope.is_some_and(|scope| scope.record == &path[..end]);
                guard.follow(self, source, is_scoped)?;
            }
            end += 1;
        }
        Err(self.unknown(path, self.select.base))
    }

    /// The column behind a name that must hold plain text.
    ///
    /// # Errors
    /// As [`Binder::resolve`]; `NOT_APPLICABLE` for other types.
    pub fn text(&mut self, name: &str) -> Result<ColumnRef> {
        let bound = self.resolve(name)?;
        match bound.field_type {
            FieldType::Text => Ok(bound.column),
            _ => Err(Error::new(&error::NOT_APPLICABLE).with_both(
                "reason",
                format!("{name} is not a text"),
                format!("{name} 不是文本字段"),
            )),
        }
    }

    fn join(&mut self, from: ColumnRef, table: &'static Table, optional: bool) -> usize {
        let known = self.select.joins.iter().position(|join| join.from == from);
        let position = known.unwrap_or_else(|| {
            self.select.joins.push(Join { from, table, optional });
            self.select.joins.len() - 1
        });
        position + 1
    }

    fn unknown(&self, name: &str, table: &Table) -> Error {
        let own = table.columns.iter().map(|column| column.name);
        let aliases = self.dataset.fields.iter().map(|(alias, _)| *alias);
        let known: Vec<&str> =
            if std::ptr::eq(table, self.select.base) { own.chain(aliases).collect() } else { own.collect() };
        Error::new(&error::UNKNOWN_FIELD).with("name", name).with("known", known.join(", "))
    }

    /// Adds sort columns, and the base table's key behind them so that the order is total.
    ///
    /// # Errors
    /// As [`Binder::resolve`], with the place in the list.
    pub fn sort(&mut self, sort: &[SortBy]) -> Result<()> {
        for (index, by) in sort.iter().enumerate() {
            let bound = self.resolve(&by.field).map_err(|error| error.within(format!("[{index}].field")))?;
            if matches!(bound.field_type, FieldType::Json | FieldType::Tags | FieldType::Bytes) {
                let (reason, zh) = (format!("{} has no order", by.field), format!("{} 不能排序", by.field));
                return Err(Error::new(&error::NOT_APPLICABLE)
                    .at(format!("[{index}].field"))
                    .with_both("reason", reason, zh));
            }
            self.select.sort.push(Sort { column: bound.column, direction: by.direction });
        }
        let direction = self.select.sort.last().map_or(Direction::Ascending, |sort| sort.direction);
        for position in &self.select.base.key {
            let column = ColumnRef::base(*position);
            if self.select.sort.iter().all(|sort| sort.column != column) {
                self.select.sort.push(Sort { column, direction });
            }
        }
        Ok(())
    }

    /// Narrows the query.
    pub fn filter(&mut self, pred: Pred) {
        self.select.filter = std::mem::take(&mut self.select.filter).and(pred);
    }

    /// Sees to it that the sort columns are among the outputs, so that the last row read tells where the next page begins.
    /// Returns where each of them is; those that were not there come last.
    pub fn add_cursor_outputs(&mut self) -> Vec<usize> {
        let Select { sort, outputs, .. } = &mut self.select;
        let place = |sort: &Sort| {
            let output = Output::Column(sort.column);
            outputs.iter().position(|known| *known == output).unwrap_or_else(|| {
                outputs.push(output);
                outputs.len() - 1
            })
        };
        sort.iter().map(place).collect()
    }

    /// A mark of the order this query pages in; a cursor of another order is refused.
    fn order_mark(&self) -> String {
        let columns: Vec<String> = self
            .select
            .sort
            .iter()
            .map(|sort| {
                let sign = if sort.direction == Direction::Ascending { '+' } else { '-' };
                let column = &self.select.table(sort.column.source).columns[sort.column.column];
                format!("{sign}{}.{}", sort.column.source, column.name)
            })
            .collect();
        format!("{}{}", self.dataset.name, columns.concat())
    }

    /// Continues after the row that `cursor` names.
    ///
    /// # Errors
    /// `WRONG_TYPE` for a text that is no cursor of this query.
    pub fn after(&mut self, cursor: &str) -> Result<()> {
        let refused = || {
            Error::new(&error::WRONG_TYPE).with_both(
                "reason",
                "this is not a cursor of this list",
                "这不是该列表的游标",
            )
        };
        let stored: (String, Vec<Option<CursorCell>>) =
            serde_json::from_slice(&from_hex(cursor).ok_or_else(refused)?).map_err(|_| refused())?;
        if stored.0 != self.order_mark() || stored.1.len() != self.select.sort.len() {
            return Err(refused());
        }
        let mut cells = Vec::with_capacity(stored.1.len());
        for (cell, sort) in stored.1.into_iter().zip(&self.select.sort) {
            let cell = CursorCell::into_cell(cell);
            let source = sort.column.source;
            let column = &self.select.table(source).columns[sort.column.column];
            let cell_type = column.field_type.cell_type();
            let fits = match cell {
                // What a reference leads to may be missing, whatever its own columns say.
                Cell::Null => column.nullable || source > 0,
                Cell::Text(_) => cell_type == CellType::Text,
                Cell::Int(_) => cell_type == CellType::Int,
                Cell::Bytes(_) => false,
            };
            if !fits {
                return Err(refused());
            }
            cells.push(cell);
        }
        self.select.after = Some(cells);
        Ok(())
    }

    /// The cursor that continues after a row with these sort cells.
    pub fn cursor(&self, sort_cells: &[CellRef<'_>]) -> String {
        let cells: Vec<Option<CursorCell>> = sort_cells.iter().map(|cell| CursorCell::of(*cell)).collect();
        to_hex(&serde_json::to_vec(&(self.order_mark(), cells)).unwrap_or_default())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum CursorCell {
    Int(i64),
    Text(String),
}

impl CursorCell {
    fn of(cell: CellRef<'_>) -> Option<CursorCell> {
        match cell {
            CellRef::Int(value) => Some(CursorCell::Int(value)),
            CellRef::Text(value) => Some(CursorCell::Text(value.to_owned())),
            CellRef::Null | CellRef::Bytes(_) => None,
        }
    }

    fn into_cell(cell: Option<CursorCell>) -> Cell {
        match cell {
            Some(CursorCell::Int(value)) => Cell::Int(value),
            Some(CursorCell::Text(value)) => Cell::Text(value),
            None => Cell::Null,
        }
    }
}

/// Bytes as hexadecimal text.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The bytes of a hexadecimal text.
pub fn from_hex(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(2) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

/// A stored value as it travels: ids, decimals, dates, instants and 64-bit integers as text.
///
/// # Errors
/// `INTERNAL` when the store holds what was never written.
pub fn to_json(field_type: FieldType, cell: CellRef<'_>, ids: IdCodec) -> Result<Value> {
    let mut json = String::new();
    write_json(&mut json, field_type, cell, ids)?;
    serde_json::from_str(&json).map_err(|error| {
        Error::new(&error::INTERNAL).with("what", "a stored document cannot be read").because(error)
    })
}

/// Appends a stored value as it travels; see [`to_json`]. It reads as the record's own JSON does.
///
/// # Errors
/// `INTERNAL` when the store holds what was never written.
pub(crate) fn write_json(
    out: &mut String,
    field_type: FieldType,
    cell: CellRef<'_>,
    ids: IdCodec,
) -> Result<()> {
    if cell == CellRef::Null {
        out.push_str("null");
        return Ok(());
    }
    match field_type {
        FieldType::Id => {
            let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
            quoted(out, ids.uuid(integer(cell, "id")?).as_hyphenated().encode_lower(&mut id));
        }
        FieldType::Int => put(out, format_args!("\"{}\"", integer(cell, "number")?)),
        FieldType::Small => put(out, format_args!("{}", integer(cell, "number")?)),
        FieldType::Bool => out.push_str(if integer(cell, "yes or no")? != 0 { "true" } else { "false" }),
        FieldType::Text => quoted(out, text(cell, "text")?),
        FieldType::Date => put(out, format_args!("\"{}\"", date::from_day_number(integer(cell, "date")?)?)),
        FieldType::Instant => {
            put(out, format_args!("\"{}\"", Instant::from_micros(integer(cell, "instant")?)?));
        }
        FieldType::Decimal(places) => {
            out.push('"');
            let _ = decimal::write_scaled(out, integer(cell, "decimal")?, places, 0);
            out.push('"');
        }
        FieldType::Enum(info) => {
            let code = integer(cell, info.name)?;
            match info.name_of(code) {
                Some(name) => quoted(out, name),
                None => put(out, format_args!("\"{code}\"")),
            }
        }
        FieldType::Tags => {
            out.push('[');
            let labels = text(cell, "labels")?.split('\n').filter(|label| !label.is_empty());
            for (position, label) in labels.enumerate() {
                if position > 0 {
                    out.push(',');
                }
                quoted(out, label);
            }
            out.push(']');
        }
        FieldType::Json => out.push_str(text(cell, "document")?),
        FieldType::Bytes => match cell {
            CellRef::Bytes(bytes) => quoted(out, &to_hex(bytes)),
            _ => out.push_str("null"),
        },
    }
    Ok(())
}

fn put(out: &mut String, value: std::fmt::Arguments<'_>) {
    // Writing to a text cannot fail.
    let _ = std::fmt::Write::write_fmt(out, value);
}

/// Appends a text as JSON.
pub(crate) fn quoted(out: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        put(out, format_args!("{}", Value::from(text)));
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}
