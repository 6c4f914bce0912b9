//! Moving a ledger: everything that a store holds as a stream, from any engine into any other.
//!
//! The stream is UTF-8 text, one JSON value a line:
//!
//! ```text
//! {"format":"crm ledger","version":1,"schema":3,"rows":4210,"tables":[{"name":"user","columns":["id","login",…]},…]}
//! {"table":"user"}
//! [81237469,"admin",null,{"hex":"00ff"},…]        a row: an integer, a text, nothing, or bytes for each column
//! …
//! {"series":"audit","last":977}                   after the last table: every number series with its last number
//! {"rows":4210,"series":5,"sha256":"…"}           what was sent, and SHA-256 of all bytes before this line
//! ```
//!
//! Rules:
//! - Cells travel as they are stored, so ids, versions, the trail and its hashes are the same afterwards, and a ledger that
//!   was moved and moved back makes the same stream again, byte by byte.
//! - Tables stand in the order in which they refer to each other, rows in the order of their keys. Both sides work in
//!   bounded memory.
//! - The export is of one moment; others may go on writing.
//! - The import is one transaction into a store that holds nothing. The counts, the hash and the whole trail are checked before
//!   it is committed: an import that fails or is broken off leaves the store as empty as it was.
//! - A stream of an older schema is brought forward as an older store is, rows too; a newer one is refused.

use std::io::{BufRead, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::app::audit::verify_chain;
use crate::areas::ledger;
use crate::kernel::error::{Error, Result};
use crate::kernel::id::IdCodec;
use crate::store::cell::{Cell, CellRef, Row};
use crate::store::dataset::{from_hex, to_hex};
use crate::store::engine::{CANCELLED, Flow, LEDGER_NEWER, Mode, Store, Tx};
use crate::store::plan::{ColumnRef, Direction, Output, Pred, Select, Sort};
use crate::store::schema::{CellType, Schema, Table};

const FORMAT: &str = "crm ledger";
const VERSION: u32 = 1;

/// Rows that are added at once.
const ROWS_AT_ONCE: usize = 1_000;

/// How far a move has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The table at work.
    pub table: String,
    /// Rows moved so far, of all tables.
    pub rows: u64,
    /// Rows to move.
    pub rows_total: u64,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Rows, of all tables.
    pub rows: u64,
    /// Number series.
    pub series: u64,
    /// SHA-256 of the stream up to its last line: equal for equal ledgers.
    pub sha256: String,
    /// Rows of each table.
    pub tables: Vec<(String, u64)>,
}

impl Moved {
    /// As it travels to hosts in other languages: `{"rows": "4210", "series": "5", "sha256": "…", "tables": [{"name": "user",
    /// "rows": "3"}, …]}`.
    pub fn to_json(&self) -> Value {
        let tables = self.tables.iter().map(|(name, rows)| json!({ "name": name, "rows": rows.to_string() }));
        json!({
            "rows": self.rows.to_string(),
            "series": self.series.to_string(),
            "sha256": self.sha256,
            "tables": tables.collect::<Vec<Value>>(),
        })
    }
}

/// Told from time to time how far a move has come; [`Flow::Stop`] ends it with `CANCELLED`.
pub type OnProgress<'p> = &'p mut dyn FnMut(&Progress) -> Flow;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    schema: u32,
    rows: u64,
    tables: Vec<TableHeader>,
}

#[derive(Serialize, Deserialize)]
struct TableHeader {
    name: String,
    columns: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    rows: u64,
    series: u64,
    sha256: String,
}

/// The lines of a stream on their way out, counted and hashed.
struct Lines<'o> {
    out: &'o mut dyn Write,
    hasher: Sha256,
    line: Vec<u8>,
}

impl Lines<'_> {
    fn put(&mut self, value: &impl Serialize) -> Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)
            .map_err(|error| broken_off(std::io::Error::from(error)))?;
        self.line.push(b'\n');
        self.hasher.update(&self.line);
        self.out.write_all(&self.line).map_err(broken_off)
    }
}

fn broken_off(error: std::io::Error) -> Error {
    Error::new(&super::STREAM_BROKEN_OFF).with("reason", &error).because(error)
}

fn damaged(line: u64, reason: impl std::fmt::Display) -> Error {
    Error::new(&super::STREAM_DAMAGED).with("line", line).with("reason", reason)
}

/// Writes everything that the store holds.
///
/// # Errors
/// `STREAM_BROKEN_OFF` when `out` fails, `CANCELLED`; of the engine.
pub fn export_store(
    store: &dyn Store,
    schema: &Schema,
    out: &mut dyn Write,
    progress: OnProgress<'_>,
) -> Result<Moved> {
    let mut tx = store.begin(Mode::Read)?;
    let tx = tx.as_mut();
    let mut tables = Vec::new();
    for table in &schema.tables {
        tables.push((table.name.to_owned(), count(tx, table)?));
    }
    let rows_total = tables.iter().map(|(_, rows)| rows).sum();
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        schema: schema.version,
        rows: rows_total,
        tables: schema.tables.iter().map(|table| table_header(table)).collect(),
    };
    let mut lines = Lines { out, hasher: Sha256::new(), line: Vec::new() };
    lines.put(&header)?;
    let mut rows = 0;
    for table in &schema.tables {
        lines.put(&json!({ "table": table.name }))?;
        let mut tell = |rows| told(progress, table.name, rows, rows_total);
        tell(rows)?;
        tx.select(&in_order(table), &mut |cells| {
            let row: Vec<Value> = cells.iter().copied().map(to_json).collect();
            lines.put(&row)?;
            rows += 1;
            if rows % ROWS_AT_ONCE as u64 == 0 {
                tell(rows)?;
            }
            Ok(Flow::More)
        })?;
    }
    let mut series = 0;
    tx.series(&mut |name, last| {
        series += 1;
        lines.put(&json!({ "series": name, "last": last }))
    })?;
    let sha256 = to_hex(&lines.hasher.clone().finalize());
    lines.put(&Trailer { rows, series, sha256: sha256.clone() })?;
    lines.out.flush().map_err(broken_off)?;
    Ok(Moved { rows, series, sha256, tables })
}

fn told(progress: OnProgress<'_>, table: &str, rows: u64, rows_total: u64) -> Result<()> {
    match progress(&Progress { table: table.to_owned(), rows, rows_total }) {
        Flow::More => Ok(()),
        Flow::Stop => Err(Error::new(&CANCELLED)),
    }
}

fn table_header(table: &Table) -> TableHeader {
    let columns = table.columns.iter().map(|column| column.name.to_owned()).collect();
    TableHeader { name: table.name.to_owned(), columns }
}

fn in_order(table: &'static Table) -> Select {
    let by = |column: &usize| Sort { column: ColumnRef::base(*column), direction: Direction::Ascending };
    Select { sort: table.key.iter().map(by).collect(), ..Select::all(table) }
}

fn count(tx: &mut dyn Tx, table: &'static Table) -> Result<u64> {
    let mut found = 0;
    tx.select(&Select { outputs: vec![Output::Count], ..Select::all(table) }, &mut |cells| {
        if let [CellRef::Int(count)] = cells {
            found = count.unsigned_abs();
        }
        Ok(Flow::More)
    })?;
    Ok(found)
}

fn to_json(cell: CellRef<'_>) -> Value {
    match cell {
        CellRef::Null => Value::Null,
        CellRef::Int(value) => Value::from(value),
        CellRef::Text(text) => Value::from(text),
        CellRef::Bytes(bytes) => json!({ "hex": to_hex(bytes) }),
    }
}

fn from_json(value: Value, cell_type: CellType) -> Option<Cell> {
    match (value, cell_type) {
        (Value::Null, _) => Some(Cell::Null),
        (Value::Number(number), CellType::Int) => number.as_i64().map(Cell::Int),
        (Value::String(text), CellType::Text) => Some(Cell::Text(text)),
        (Value::Object(object), CellType::Bytes) if object.len() == 1 => {
            from_hex(object.get("hex")?.as_str()?).map(Cell::Bytes)
        }
        _ => None,
    }
}

/// A stream on its way in.
struct Source<'i> {
    input: std::io::BufReader<&'i mut dyn Read>,
    hasher: Sha256,
    line: Vec<u8>,
    number: u64,
}

impl Source<'_> {
    /// The next line; the one before it has been hashed.
    fn next(&mut self) -> Result<&[u8]> {
        self.hasher.update(&self.line);
        self.line.clear();
        self.number += 1;
        self.input.read_until(b'\n', &mut self.line).map_err(broken_off)?;
        if self.line.pop() != Some(b'\n') {
            return Err(damaged(self.number, "the stream ends before its end"));
        }
        self.line.push(b'\n');
        Ok(&self.line)
    }

    fn value<T: for<'d> Deserialize<'d>>(&mut self) -> Result<T> {
        self.next()?;
        self.again()
    }

    /// The last line once more.
    fn again<T: for<'d> Deserialize<'d>>(&self) -> Result<T> {
        serde_json::from_slice(&self.line).map_err(|error| damaged(self.number, &error).because(error))
    }
}

/// Reads a stream into a store that holds nothing.
///
/// # Errors
/// `TARGET_NOT_EMPTY`, `STREAM_DAMAGED`, `STREAM_BROKEN_OFF`, `LEDGER_NEWER`, `CHAIN_BROKEN`, `CANCELLED`; for a stream of
/// an older schema `OLD_RATES_NEEDED`; of the engine. The store holds nothing then, except after `OUTCOME_UNKNOWN`.
pub fn import_store(
    store: &dyn Store,
    schema: &Schema,
    input: &mut dyn Read,
    progress: OnProgress<'_>,
) -> Result<Moved> {
    let mut tx = store.begin(Mode::Write)?;
    for table in &schema.tables {
        if count(tx.as_mut(), table)? > 0 {
            return Err(Error::new(&super::TARGET_NOT_EMPTY));
        }
    }
    let (moved, from) = fill(tx.as_mut(), schema, input, progress)?;
    let info = ledger::load(tx.as_mut(), IdCodec::new(0))?.ok_or_else(|| damaged(1, "it holds no ledger"))?;
    let entries = verify_chain(tx.as_mut(), info.codec())?.unsigned_abs();
    let kept = moved.tables.iter().find(|(name, _)| name == "audit").map_or(0, |(_, rows)| *rows);
    if entries != kept {
        return Err(Error::new(&super::CHAIN_BROKEN).with("entry", entries));
    }
    if from < schema.version {
        schema.bring_forward(tx.as_mut(), from)?;
    }
    tx.commit()?;
    Ok(moved)
}

/// Reads the whole stream, and says which version of the schema it was written in.
fn fill(
    tx: &mut dyn Tx,
    schema: &Schema,
    input: &mut dyn Read,
    progress: OnProgress<'_>,
) -> Result<(Moved, u32)> {
    let mut source =
        Source { input: std::io::BufReader::new(input), hasher: Sha256::new(), line: Vec::new(), number: 0 };
    let header: Header = source.value()?;
    if header.format != FORMAT || header.version != VERSION {
        return Err(damaged(1, format!("{} in version {}", header.format, header.version)));
    }
    if header.schema > schema.version {
        return Err(Error::new(&LEDGER_NEWER).with("found", header.schema).with("known", schema.version));
    }
    source.next()?;
    let mut tables = Vec::new();
    let mut rows = 0;
    for told_table in &header.tables {
        let opening: Value = source.again()?;
        if opening != json!({ "table": told_table.name }) {
            return Err(damaged(source.number, format!("the table {} is expected", told_table.name)));
        }
        let table = schema
            .table(&told_table.name)
            .ok_or_else(|| damaged(source.number, format!("unknown table {}", told_table.name)))?;
        let from = rows;
        read_table(tx, table, told_table, &mut source, &mut |more| {
            rows += more;
            told(progress, table.name, rows, header.rows)
        })?;
        tables.push((table.name.to_owned(), rows - from));
    }
    let mut series = 0;
    loop {
        let line: Value = source.again()?;
        let (Some(name), Some(last)) = (line["series"].as_str(), line["last"].as_i64()) else { break };
        if tx.number(name, last)? != 1 {
            return Err(Error::new(&super::TARGET_NOT_EMPTY));
        }
        series += 1;
        source.next()?;
    }
    let sha256 = to_hex(&source.hasher.clone().finalize());
    let trailer: Trailer = source.again()?;
    if (trailer.rows, trailer.series, trailer.sha256.as_str()) != (rows, series, sha256.as_str())
        || header.rows != rows
    {
        return Err(damaged(source.number, "what was read is not what was sent"));
    }
    Ok((Moved { rows, series, sha256, tables }, header.schema))
}

/// Reads the rows of one table, up to the line that is no row.
fn read_table(
    tx: &mut dyn Tx,
    table: &'static Table,
    told_table: &TableHeader,
    source: &mut Source<'_>,
    more: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<()> {
    // Where each column of ours stands in the stream; one that came later has its default.
    let places: Vec<Option<usize>> = table
        .columns
        .iter()
        .map(|column| told_table.columns.iter().position(|name| name == column.name))
        .collect();
    if places.iter().flatten().count() != told_table.columns.len() {
        return Err(damaged(source.number, format!("unknown columns of {}", table.name)));
    }
    // A row may refer to a later one of its own table: such references are put in when all rows are there.
    let own: Vec<usize> = (0..table.columns.len())
        .filter(|at| table.columns[*at].references == Some(table.name) && table.key.len() == 1)
        .collect();
    let mut later: Vec<(Cell, usize, Cell)> = Vec::new();
    let mut batch: Vec<Row> = Vec::new();
    more(0)?;
    loop {
        if !source.next()?.starts_with(b"[") {
            break;
        }
        let mut values: Vec<Value> = source.again()?;
        if values.len() != told_table.columns.len() {
            return Err(damaged(source.number, "a row of the wrong length"));
        }
        let mut row = Vec::with_capacity(places.len());
        for (column, place) in table.columns.iter().zip(&places) {
            row.push(match place {
                None => column.default.clone().unwrap_or_default(),
                Some(place) => from_json(values[*place].take(), column.field_type.cell_type())
                    .ok_or_else(|| damaged(source.number, format!("the value of {}", column.name)))?,
            });
        }
        for at in &own {
            if row[*at] > row[table.key[0]] {
                later.push((row[table.key[0]].clone(), *at, std::mem::take(&mut row[*at])));
            }
        }
        batch.push(row);
        if batch.len() == ROWS_AT_ONCE {
            tx.insert(table, &batch)?;
            more(batch.len() as u64)?;
            batch.clear();
        }
    }
    tx.insert(table, &batch)?;
    for (key, at, value) in later {
        tx.update(table, &[(at, value)], &Pred::equal(ColumnRef::base(table.key[0]), key))?;
    }
    more(batch.len() as u64)
}
