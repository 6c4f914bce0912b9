//! Bound queries and writes as SQL. Three-valued logic, the order of empty cells and the meaning of every condition are
//! those of [`crm_core::store::plan`]; a property test of the conformance suite holds both evaluators together.

use std::fmt::Write as _;

use crm_core::store::cell::{Cell, CellRef};
use crm_core::store::plan::{ColumnRef, Compare, Direction, Output, Pred, Select, Sort};
use crm_core::store::schema::{CellType, Table};

use crate::dialect::Dialect;
use crate::{quote, separated};

/// What a placeholder stands for: a value of the query, or a text derived from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'v> {
    /// A value of the query.
    Cell(CellRef<'v>),
    /// A text made while rendering.
    Text(String),
    /// The values of a list, as an array; only dialects with [`Dialect::in_array`] meet it.
    List(&'v [Cell]),
}

impl Value<'_> {
    /// Borrows the value, to bind it; a list is no cell.
    pub fn as_ref(&self) -> CellRef<'_> {
        match self {
            Value::Cell(cell) => *cell,
            Value::Text(text) => CellRef::Text(text),
            Value::List(_) => CellRef::Null,
        }
    }
}

/// Lists longer than this travel as one JSON array where the engine can read one: binding thousands of values one by one
/// is slow, and engines limit their number.
const IN_VALUES_MAX: usize = 256;

/// Chains of AND and OR longer than this are split in halves: engines limit the depth of an expression, and read `a AND b
/// AND c` as one that is as deep as it is long.
const CHAIN_MAX: usize = 32;

/// The row with a given primary key: all columns in order; the values are the key's cells in order.
pub fn get(dialect: &dyn Dialect, table: &Table) -> String {
    let mut out = String::from("SELECT ");
    separated(&mut out, ", ", &table.columns, |out, column| quote(out, column.name));
    out.push_str(" FROM ");
    quote(&mut out, table.name);
    out.push_str(" WHERE ");
    separated(&mut out, " AND ", table.key.iter().enumerate(), |out, (position, key)| {
        quote(out, table.columns[*key].name);
        out.push_str(" = ");
        dialect.placeholder(out, position + 1);
    });
    out
}

/// Adds `rows` rows; the values are their cells, all columns in order, row by row.
pub fn insert(dialect: &dyn Dialect, table: &Table, rows: usize) -> String {
    let mut out = String::from("INSERT INTO ");
    quote(&mut out, table.name);
    out.push_str(" (");
    separated(&mut out, ", ", &table.columns, |out, column| quote(out, column.name));
    out.push_str(") VALUES ");
    let width = table.columns.len();
    separated(&mut out, ", ", 0..rows, |out, row| {
        out.push('(');
        separated(out, ", ", 1..=width, |out, position| dialect.placeholder(out, row * width + position));
        out.push(')');
    });
    out
}

/// Adds any number of rows from one array per column, all columns in order: one shape, and one round trip.
pub fn insert_arrays(dialect: &dyn Dialect, table: &Table) -> String {
    let mut out = String::from("INSERT INTO ");
    quote(&mut out, table.name);
    out.push_str(" (");
    separated(&mut out, ", ", &table.columns, |out, column| quote(out, column.name));
    out.push_str(") SELECT * FROM unnest(");
    separated(&mut out, ", ", table.columns.iter().enumerate(), |out, (position, column)| {
        dialect.placeholder(out, position + 1);
        out.push_str("::");
        out.push_str(dialect.array_type(column.field_type.cell_type()));
    });
    out.push(')');
    out
}

/// Writes the query into `text`, which is emptied first, and returns its values in the order of their placeholders.
pub fn select<'v>(dialect: &dyn Dialect, select: &'v Select, text: &mut String) -> Vec<Value<'v>> {
    let mut writer = Writer::new(dialect, text, Source::Select(select));
    writer.select(select);
    writer.values
}

/// Writes an update into `text`, which is emptied first, and returns its values in the order of their placeholders.
/// `changes` holds at least one change.
pub fn update<'v>(
    dialect: &dyn Dialect,
    table: &'static Table,
    changes: &'v [(usize, Cell)],
    filter: &'v Pred,
    text: &mut String,
) -> Vec<Value<'v>> {
    let mut writer = Writer::new(dialect, text, Source::Table(table));
    writer.text.push_str("UPDATE ");
    quote(writer.text, table.name);
    writer.text.push_str(" SET ");
    for (position, (column, value)) in changes.iter().enumerate() {
        if position > 0 {
            writer.text.push_str(", ");
        }
        quote(writer.text, table.columns[*column].name);
        writer.text.push_str(" = ");
        writer.value(Value::Cell(value.as_ref()));
    }
    writer.filter(filter, &[]);
    writer.values
}

/// Writes a delete into `text`, which is emptied first, and returns its values in the order of their placeholders.
pub fn delete<'v>(
    dialect: &dyn Dialect,
    table: &'static Table,
    filter: &'v Pred,
    text: &mut String,
) -> Vec<Value<'v>> {
    let mut writer = Writer::new(dialect, text, Source::Table(table));
    writer.text.push_str("DELETE FROM ");
    quote(writer.text, table.name);
    writer.filter(filter, &[]);
    writer.values
}

/// Where columns come from, and so whether they need a qualifier.
#[derive(Clone, Copy)]
enum Source<'v> {
    Table(&'static Table),
    Select(&'v Select),
}

impl Source<'_> {
    fn table(self, source: usize) -> &'static Table {
        match self {
            Source::Table(table) => table,
            Source::Select(select) => select.table(source),
        }
    }

    fn is_joined(self) -> bool {
        matches!(self, Source::Select(select) if !select.joins.is_empty())
    }
}

struct Writer<'w, 'v> {
    dialect: &'w dyn Dialect,
    text: &'w mut String,
    source: Source<'v>,
    is_joined: bool,
    values: Vec<Value<'v>>,
}

impl<'w, 'v> Writer<'w, 'v> {
    fn new(dialect: &'w dyn Dialect, text: &'w mut String, source: Source<'v>) -> Self {
        text.clear();
        Writer { dialect, text, source, is_joined: source.is_joined(), values: Vec::new() }
    }

    fn value(&mut self, value: Value<'v>) {
        self.values.push(value);
        self.dialect.placeholder(self.text, self.values.len());
    }

    fn column(&mut self, column: ColumnRef) {
        if self.is_joined {
            let _ = write!(self.text, "t{}.", column.source);
        }
        quote(self.text, self.source.table(column.source).columns[column.column].name);
    }

    fn cell_type(&self, column: ColumnRef) -> CellType {
        self.source.table(column.source).columns[column.column].field_type.cell_type()
    }

    fn select(&mut self, select: &'v Select) {
        self.text.push_str("SELECT ");
        for (position, output) in select.outputs.iter().enumerate() {
            if position > 0 {
                self.text.push_str(", ");
            }
            self.output(output);
        }
        if select.outputs.is_empty() {
            self.text.push('1');
        }
        self.text.push_str(" FROM ");
        quote(self.text, select.base.name);
        if self.is_joined {
            self.text.push_str(" AS t0");
        }
        for (position, join) in select.joins.iter().enumerate() {
            let source = position + 1;
            self.text.push_str(if keeps_all(select, source) { " LEFT JOIN " } else { " JOIN " });
            quote(self.text, join.table.name);
            let _ = write!(self.text, " AS t{source} ON ");
            self.column(ColumnRef { source, column: join.table.key[0] });
            self.text.push_str(" = ");
            self.column(join.from);
        }
        let keyset: &[Cell] = select.after.as_deref().unwrap_or_default();
        self.filter(&select.filter, keyset);
        if select.outputs.iter().any(|output| output.is_aggregate()) {
            let mut is_first = true;
            for output in &select.outputs {
                if let Output::Column(column) = output {
                    self.text.push_str(if is_first { " GROUP BY " } else { ", " });
                    self.column(*column);
                    is_first = false;
                }
            }
        }
        for (position, sort) in select.sort.iter().enumerate() {
            self.text.push_str(if position == 0 { " ORDER BY " } else { ", " });
            self.column(sort.column);
            if sort.direction == Direction::Descending {
                self.text.push_str(" DESC");
            }
            if select.is_nullable(sort.column) {
                self.text.push_str(self.dialect.nulls(sort.direction));
            }
        }
        if let Some(limit) = select.limit {
            self.text.push_str(" LIMIT ");
            self.value(Value::Cell(CellRef::Int(i64::try_from(limit).unwrap_or(i64::MAX))));
        }
    }

    fn output(&mut self, output: &'v Output) {
        let (column, (before, after)) = match output {
            Output::Column(column) => (column, ("", "")),
            Output::Count => return self.text.push_str("count(*)"),
            Output::Sum(column) => (column, self.dialect.sum()),
            Output::SumWhere(column, condition) => {
                let (before, after) = self.dialect.sum();
                self.text.push_str(before);
                self.column(*column);
                // What follows the closing parenthesis, such as a cast, follows the condition too.
                self.text.push_str(") FILTER (WHERE ");
                self.pred(condition, false);
                self.text.push(')');
                return self.text.push_str(after.strip_prefix(')').unwrap_or(after));
            }
            Output::Min(column) => (column, self.dialect.min(self.cell_type(*column))),
            Output::Max(column) => (column, self.dialect.max(self.cell_type(*column))),
        };
        self.text.push_str(before);
        self.column(*column);
        self.text.push_str(after);
    }

    fn filter(&mut self, filter: &'v Pred, after: &'v [Cell]) {
        let keyset = match self.source {
            Source::Select(select) if !after.is_empty() && !select.sort.is_empty() => Some(select),
            _ => None,
        };
        let Some(select) = keyset else {
            if *filter != Pred::True {
                self.text.push_str(" WHERE ");
                self.pred(filter, false);
            }
            return;
        };
        self.text.push_str(" WHERE ");
        match filter {
            Pred::True => {}
            Pred::And(all) if all.len() <= CHAIN_MAX => {
                for pred in all.iter().filter(|pred| !is_implied(pred, &select.sort[0], &after[0])) {
                    self.pred(pred, true);
                    self.text.push_str(" AND ");
                }
            }
            pred if is_implied(pred, &select.sort[0], &after[0]) => {}
            pred => {
                self.pred(pred, true);
                self.text.push_str(" AND ");
            }
        }
        let length = select.sort.len().min(after.len());
        self.keyset(select, &select.sort[..length], &after[..length]);
    }

    /// Rows after `after` in the order of `sort`.
    fn keyset(&mut self, select: &Select, sort: &[Sort], after: &'v [Cell]) {
        let is_plain =
            sort.iter().all(|by| by.direction == sort[0].direction && !can_be_empty(select, by.column))
                && !after.contains(&Cell::Null);
        if is_plain {
            let (open, close) = if sort.len() > 1 { ("(", ")") } else { ("", "") };
            self.text.push_str(open);
            for (position, by) in sort.iter().enumerate() {
                self.text.push_str(if position > 0 { ", " } else { "" });
                self.column(by.column);
            }
            self.text.push_str(close);
            self.text.push_str(if sort[0].direction == Direction::Ascending { " > " } else { " < " });
            self.text.push_str(open);
            for (position, (by, value)) in sort.iter().zip(after).enumerate() {
                self.text.push_str(if position > 0 { ", " } else { "" });
                self.value(Value::Cell(value.as_ref()));
                let table = self.source.table(by.column.source);
                if sort.len() > 1 {
                    self.text.push_str(self.dialect.keyset_value(table, by.column.column));
                }
            }
            self.text.push_str(close);
            return;
        }
        // A bound on the first column alone lets an index begin where the page begins; the rest decides among equals.
        let first = &sort[0];
        match (first.direction, &after[0]) {
            (_, Cell::Null) => {}
            (Direction::Descending, _) if can_be_empty(select, first.column) => {}
            (direction, value) => {
                self.column(first.column);
                self.text.push_str(if direction == Direction::Ascending { " >= " } else { " <= " });
                self.value(Value::Cell(value.as_ref()));
                self.text.push_str(" AND ");
            }
        }
        self.keyset_steps(select, sort, after);
    }

    /// `first after OR (first equal AND (rest after))`, where empty cells are smallest.
    fn keyset_steps(&mut self, select: &Select, sort: &[Sort], after: &'v [Cell]) {
        let (by, value) = (&sort[0], &after[0]);
        let is_nullable = can_be_empty(select, by.column);
        self.text.push('(');
        match (by.direction, value) {
            (Direction::Ascending, Cell::Null) => {
                self.column(by.column);
                self.text.push_str(" IS NOT NULL");
            }
            (Direction::Ascending, value) => self.compare(by.column, Compare::Greater, value),
            (Direction::Descending, Cell::Null) => self.text.push_str("FALSE"),
            (Direction::Descending, value) => {
                self.compare(by.column, Compare::Less, value);
                if is_nullable {
                    self.text.push_str(" OR ");
                    self.column(by.column);
                    self.text.push_str(" IS NULL");
                }
            }
        }
        if sort.len() > 1 {
            self.text.push_str(" OR (");
            match value {
                Cell::Null => {
                    self.column(by.column);
                    self.text.push_str(" IS NULL");
                }
                value => self.compare(by.column, Compare::Equal, value),
            }
            self.text.push_str(" AND ");
            self.keyset_steps(select, &sort[1..], &after[1..]);
            self.text.push(')');
        }
        self.text.push(')');
    }

    fn compare(&mut self, column: ColumnRef, compare: Compare, value: &'v Cell) {
        self.column(column);
        self.text.push_str(operator(compare));
        self.value(Value::Cell(value.as_ref()));
    }

    /// Writes a condition; `is_operand` when it stands beside AND, OR or NOT, where a compound one needs parentheses.
    fn pred(&mut self, pred: &'v Pred, is_operand: bool) {
        match pred {
            Pred::True => self.text.push_str("TRUE"),
            Pred::False => self.text.push_str("FALSE"),
            Pred::And(all) => self.chain(all, " AND ", "TRUE", is_operand),
            Pred::Or(any) => self.chain(any, " OR ", "FALSE", is_operand),
            Pred::Not(pred) => {
                self.text.push_str("NOT (");
                self.pred(pred, false);
                self.text.push(')');
            }
            Pred::Compare(column, compare, value) => self.compare(*column, *compare, value),
            Pred::CompareColumns(left, compare, right) => {
                self.column(*left);
                self.text.push_str(operator(*compare));
                self.column(*right);
            }
            Pred::In(column, values) => self.in_list(*column, values),
            Pred::Prefix(column, prefix) => self.prefix(*column, prefix, is_operand),
            Pred::Contains(column, part) => {
                let (before, between, after) = self.dialect.contains();
                self.text.push_str(before);
                self.column(*column);
                self.text.push_str(between);
                self.value(if part.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    Value::Text(part.to_ascii_lowercase())
                } else {
                    Value::Cell(CellRef::Text(part))
                });
                self.text.push_str(after);
            }
            Pred::Includes(column, part) => {
                let (before, between, after) = self.dialect.includes();
                self.text.push_str(before);
                self.column(*column);
                self.text.push_str(between);
                self.value(Value::Cell(CellRef::Text(part)));
                self.text.push_str(after);
            }
            Pred::IsNull(column) => {
                self.column(*column);
                self.text.push_str(" IS NULL");
            }
            Pred::IsPresent(column) => {
                self.column(*column);
                self.text.push_str(" IS NOT NULL");
            }
        }
    }

    fn chain(&mut self, preds: &'v [Pred], operator: &str, none: &str, is_operand: bool) {
        match preds {
            [] => return self.text.push_str(none),
            [one] => return self.pred(one, is_operand),
            _ => {}
        }
        if is_operand {
            self.text.push('(');
        }
        if preds.len() > CHAIN_MAX {
            let (left, right) = preds.split_at(preds.len() / 2);
            self.chain(left, operator, none, true);
            self.text.push_str(operator);
            self.chain(right, operator, none, true);
        } else {
            for (position, pred) in preds.iter().enumerate() {
                if position > 0 {
                    self.text.push_str(operator);
                }
                self.pred(pred, true);
            }
        }
        if is_operand {
            self.text.push(')');
        }
    }

    fn in_list(&mut self, column: ColumnRef, values: &'v [Cell]) {
        let Some(last) = values.last() else {
            return self.text.push_str("FALSE");
        };
        self.column(column);
        if let Some((before, after)) = self.dialect.in_array() {
            if values.len() == 1 {
                self.text.push_str(" = ");
                return self.value(Value::Cell(last.as_ref()));
            }
            self.text.push_str(before);
            self.value(Value::List(values));
            return self.text.push_str(after);
        }
        if values.len() > IN_VALUES_MAX {
            let cell_type = self.cell_type(column);
            if let (Some((before, after)), Some(json)) =
                (self.dialect.in_json(cell_type), json_array(cell_type, values))
            {
                self.text.push_str(before);
                self.value(Value::Text(json));
                self.text.push_str(after);
                return;
            }
        }
        self.text.push_str(" IN (");
        for position in 0..values.len().next_power_of_two() {
            if position > 0 {
                self.text.push_str(", ");
            }
            self.value(Value::Cell(values.get(position).unwrap_or(last).as_ref()));
        }
        self.text.push(')');
    }

    /// A range, so that an index serves it: at least the prefix, and less than the least text above all that begin so.
    fn prefix(&mut self, column: ColumnRef, prefix: &'v str, is_operand: bool) {
        let above = text_above(prefix);
        if is_operand && above.is_some() {
            self.text.push('(');
        }
        self.column(column);
        self.text.push_str(" >= ");
        self.value(Value::Cell(CellRef::Text(prefix)));
        if let Some(above) = above {
            self.text.push_str(" AND ");
            self.column(column);
            self.text.push_str(" < ");
            self.value(Value::Text(above));
            if is_operand {
                self.text.push(')');
            }
        }
    }
}

/// Whether rows after `after` meet this condition anyway, because it bounds the first sort column from the side that the
/// page comes from. An engine that sees both bounds may begin at the wrong one, and read all pages before.
fn is_implied(pred: &Pred, first: &Sort, after: &Cell) -> bool {
    let Pred::Compare(column, compare, bound) = pred else { return false };
    let is_beyond = match (first.direction, compare) {
        _ if *after == Cell::Null || *bound == Cell::Null => false,
        (Direction::Ascending, Compare::AtLeast) => after >= bound,
        (Direction::Ascending, Compare::Greater) => after > bound,
        (Direction::Descending, Compare::AtMost) => after <= bound,
        (Direction::Descending, Compare::Less) => after < bound,
        _ => false,
    };
    *column == first.column && is_beyond
}

/// Whether a column can be empty in the rows that the filter finds.
fn can_be_empty(select: &Select, column: ColumnRef) -> bool {
    select.is_nullable(column) && !demands(&select.filter, column)
}

/// Whether the condition is true only of rows in which the column has a value. It may miss some that do.
fn demands(pred: &Pred, column: ColumnRef) -> bool {
    match pred {
        Pred::False => true,
        Pred::And(all) => all.iter().any(|pred| demands(pred, column)),
        Pred::Or(any) => any.iter().all(|pred| demands(pred, column)),
        Pred::Compare(of, ..)
        | Pred::In(of, _)
        | Pred::Prefix(of, _)
        | Pred::Contains(of, _)
        | Pred::Includes(of, _)
        | Pred::IsPresent(of) => *of == column,
        Pred::CompareColumns(left, _, right) => *left == column || *right == column,
        Pred::True | Pred::Not(_) | Pred::IsNull(_) => false,
    }
}

/// Whether rows stay when this source has no partner for them.
fn keeps_all(select: &Select, mut source: usize) -> bool {
    while source > 0 {
        let join = &select.joins[source - 1];
        if join.optional {
            return true;
        }
        source = join.from.source;
    }
    false
}

fn operator(compare: Compare) -> &'static str {
    match compare {
        Compare::Equal => " = ",
        Compare::NotEqual => " <> ",
        Compare::Less => " < ",
        Compare::AtMost => " <= ",
        Compare::Greater => " > ",
        Compare::AtLeast => " >= ",
    }
}

/// The least text above every text that begins with `prefix`, by bytes, which in UTF-8 is by code points: the last
/// character that can grow grows, and those after it go. `None` when there is none: an empty prefix, or only U+10FFFF.
fn text_above(prefix: &str) -> Option<String> {
    let mut above = prefix.to_owned();
    while let Some(last) = above.pop() {
        // Surrogates are no characters: after U+D7FF comes U+E000.
        let next = if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            above.push(next);
            return Some(above);
        }
    }
    None
}

/// The values as a JSON array; `None` for bytes, and for U+0000, which engines do not read back from JSON.
fn json_array(cell_type: CellType, values: &[Cell]) -> Option<String> {
    if cell_type == CellType::Bytes {
        return None;
    }
    let mut out = String::with_capacity(values.len() * 12 + 2);
    out.push('[');
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        match value {
            Cell::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Cell::Text(text) => {
                out.push('"');
                for character in text.chars() {
                    match character {
                        '\0' => return None,
                        '"' | '\\' => out.extend(['\\', character]),
                        control if control < ' ' => {
                            let _ = write!(out, "\\u{:04x}", u32::from(control));
                        }
                        other => out.push(other),
                    }
                }
                out.push('"');
            }
            Cell::Null | Cell::Bytes(_) => return None,
        }
    }
    out.push(']');
    Some(out)
}
