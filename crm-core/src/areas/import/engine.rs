//! The import of a file: read, look up, build, write; batch by batch.

use std::collections::{BTreeSet, HashMap, HashSet};

use csv::{Position, Reader, ReaderBuilder, StringRecord};
use serde_json::json;
use uuid::Uuid;

use super::model::{FieldInfo, ImportReport, OnExisting, RowError};
use super::operations::RunImport;
use super::rules::{self, KEY_REPEATED, NOTHING_WRITTEN, PlannedField, ROW_LENGTH};
use crate::app::{Cx, NOT_FOUND};
use crate::areas::ledger::{ExternalReference, REFERENCE_TAKEN};
use crate::catalog::{Access, Level};
use crate::kernel::error::{self, Error, Locale, Result};
use crate::kernel::id::{Id, Named};
use crate::store::cell::Cell;
use crate::store::query::Query;
use crate::store::record::{Entity, Record};

/// Rows looked up and written together.
const BATCH_ROWS: usize = 500;
/// Errors listed in a report; all are counted.
const ERRORS_MAX: usize = 1000;

/// A kind of record that can be imported.
pub(super) trait Importable: Sized {
    /// The record.
    type Record: Entity + PartialEq;
    /// The area whose level "edit" it needs.
    const AREA: &'static str;
    /// The fields that a file can fill.
    const FIELDS: &'static [FieldInfo];

    /// Prepares for a file whose keys are those of `system`.
    fn open(cx: &mut Cx<'_>, system: &str) -> Result<Self>;

    /// Looks up what the rows of a batch refer to, each kind of reference with one query.
    fn load(&mut self, cx: &mut Cx<'_>, batch: &Batch<'_>) -> Result<()>;

    /// The record of a row: a new one, or `before` with the mapped fields replaced. Errors name the field; they leave
    /// no trace in what later rows are checked against.
    fn build(
        &mut self,
        cx: &mut Cx<'_>,
        before: Option<&Self::Record>,
        values: Values,
    ) -> Result<Self::Record>;

    /// Writes new records and whatever goes along with them.
    fn create(&mut self, cx: &mut Cx<'_>, records: &mut [Self::Record]) -> Result<()> {
        cx.import_all(records)
    }

    /// Writes a changed record and whatever goes along with it.
    fn change(&mut self, cx: &mut Cx<'_>, before: &Self::Record, after: Self::Record) -> Result<()> {
        cx.update(before, after).map(|_| ())
    }
}

/// Rows that are looked up together.
pub(super) struct Batch<'a> {
    plan: &'a [PlannedField],
    rows: &'a [Draft],
}

impl<'a> Batch<'a> {
    /// The different values of a field.
    pub(super) fn texts(&self, field: &str) -> BTreeSet<&'a str> {
        let Some(at) = self.plan.iter().position(|planned| planned.info.name == field) else {
            return BTreeSet::new();
        };
        self.rows.iter().filter_map(|row| row.values.get(at)?.1.as_deref()).collect()
    }

    /// Whether a field is not mapped or empty in some row.
    pub(super) fn lacks(&self, field: &str) -> bool {
        let position = self.plan.iter().position(|planned| planned.info.name == field);
        position.is_none_or(|at| {
            self.rows.iter().any(|row| row.values.get(at).is_none_or(|(_, value)| value.is_none()))
        })
    }
}

/// The values of a row by field; `None` is an empty cell.
pub(super) type Values = Vec<(&'static str, Option<String>)>;

/// A row as read.
struct Draft {
    line: u32,
    key: String,
    values: Values,
}

/// The beginning of a file: a reader behind the header, and the header.
pub(super) fn open_csv(text: &str, delimiter: u8) -> Result<(Reader<&[u8]>, Vec<String>)> {
    let mut builder = ReaderBuilder::new();
    let mut reader =
        builder.delimiter(delimiter).flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut header = StringRecord::new();
    if !read_row(&mut reader, &mut header)? {
        return Err(Error::new(&error::EMPTY).at("content"));
    }
    let header = header.iter().map(|name| name.trim().to_owned()).collect();
    Ok((reader, header))
}

/// The next row, if there is one.
pub(super) fn read_row(reader: &mut Reader<&[u8]>, row: &mut StringRecord) -> Result<bool> {
    // The text is valid and in memory, so nothing but a defect can fail.
    reader.read_record(row).map_err(|error| {
        Error::new(&error::INTERNAL).with("what", "a text cannot be read as CSV").because(error)
    })
}

/// Runs an import. On a dry run, and when all or nothing is asked for and a row fails, everything is undone.
pub(super) fn run<T: Importable>(
    cx: &mut Cx<'_>,
    request: &RunImport,
    text: &str,
    mut report: ImportReport,
) -> Result<ImportReport> {
    cx.require(Access::Level(T::AREA, Level::Edit))?;
    let delimiter = rules::check_delimiter(&request.delimiter).map_err(|error| error.at("delimiter"))?;
    let (reader, header) = open_csv(text, delimiter)?;
    let key = rules::find_column(&header, &request.key).map_err(|error| error.at("key"))?;
    let plan = rules::plan(T::FIELDS, &request.mapping, &header).map_err(|error| error.within("mapping"))?;
    let system = cx.query().equal(ExternalReference::C.system, request.system.clone());
    let fresh = Query::<ExternalReference>::first(system, cx.tx())?.is_none();
    let mut run = Run::<T> {
        request,
        plan,
        key,
        width: header.len(),
        seen: HashSet::new(),
        refused: Vec::new(),
        fresh,
        remarked: false,
        target: T::open(cx, &request.system)?,
    };
    if !request.dry_run && !request.all_or_nothing {
        run.read(cx, reader, &mut report)?;
        report.written = true;
        return Ok(report);
    }
    let mut finished = false;
    let outcome = cx.attempt(|cx| {
        run.read(cx, reader, &mut report)?;
        finished = true;
        let undo = request.dry_run || report.failed > 0;
        if undo { Err(Error::new(&NOTHING_WRITTEN)) } else { Ok(()) }
    });
    match outcome {
        Ok(()) => report.written = true,
        Err(_) if finished => {}
        Err(error) => return Err(error),
    }
    Ok(report)
}

struct Run<'r, T: Importable> {
    request: &'r RunImport,
    plan: Vec<PlannedField>,
    /// Position of the key column.
    key: usize,
    /// Cells of the header.
    width: usize,
    /// Keys of this file so far.
    seen: HashSet<String>,
    /// Whether the system had no keys before: then none has to be looked up, as the file's own are in `seen`.
    fresh: bool,
    /// Errors of the batch, by line.
    refused: Vec<(u32, Error)>,
    /// Whether the trail says already what is imported.
    remarked: bool,
    target: T,
}

impl<T: Importable> Run<'_, T> {
    fn read(&mut self, cx: &mut Cx<'_>, mut reader: Reader<&[u8]>, report: &mut ImportReport) -> Result<()> {
        let mut row = StringRecord::new();
        let mut drafts = Vec::with_capacity(BATCH_ROWS);
        while read_row(&mut reader, &mut row)? {
            report.rows += 1;
            let line = row.position().map_or(0, Position::line);
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            match self.draft(line, &row) {
                Ok(draft) => drafts.push(draft),
                Err(error) => self.refused.push((line, error)),
            }
            if drafts.len() == BATCH_ROWS {
                self.batch(cx, std::mem::take(&mut drafts), report)?;
                self.tell(report);
            }
        }
        self.batch(cx, drafts, report)?;
        self.tell(report);
        Ok(())
    }

    /// Tells the errors of a batch in the order of its rows.
    fn tell(&mut self, report: &mut ImportReport) {
        let mut refused = std::mem::take(&mut self.refused);
        refused.sort_by_key(|(line, _)| *line);
        for (line, error) in &refused {
            self.refuse(report, *line, error);
        }
    }

    fn refuse(&self, report: &mut ImportReport, line: u32, error: &Error) {
        report.failed += 1;
        if report.errors.len() == ERRORS_MAX {
            return;
        }
        let column = error.field().and_then(|field| {
            let name = field.split(['.', '[']).next();
            if name == Some("key") {
                return Some(self.request.key.clone());
            }
            let planned = self.plan.iter().find(|planned| Some(planned.info.name) == name)?;
            planned.column.as_ref().map(|(_, column)| column.clone())
        });
        report.errors.push(RowError { row: line, column, error: error.to_wire(Locale::English) });
    }

    fn draft(&mut self, line: u32, row: &StringRecord) -> Result<Draft> {
        if row.len() != self.width {
            return Err(Error::new(&ROW_LENGTH).with("found", row.len()).with("expected", self.width));
        }
        let key = row.get(self.key).unwrap_or_default().trim();
        if key.is_empty() {
            return Err(Error::new(&error::EMPTY).at("key"));
        }
        if !self.seen.insert(key.to_owned()) {
            return Err(Error::new(&KEY_REPEATED).at("key").with("value", key));
        }
        let mut values = Vec::with_capacity(self.plan.len());
        for planned in &self.plan {
            let cell = planned.column.as_ref().and_then(|(at, _)| row.get(*at));
            values.push((planned.info.name, planned.value(cell)?));
        }
        Ok(Draft { line, key: key.to_owned(), values })
    }

    fn batch(&mut self, cx: &mut Cx<'_>, drafts: Vec<Draft>, report: &mut ImportReport) -> Result<()> {
        cx.check_cancelled()?;
        if drafts.is_empty() {
            return Ok(());
        }
        let known = self.known(cx, &drafts)?;
        let befores = self.befores(cx, &known)?;
        self.target.load(cx, &Batch { plan: &self.plan, rows: &drafts })?;
        let (mut created, mut keys) = (Vec::new(), Vec::new());
        let mut changed = Vec::new();
        for draft in drafts {
            let Draft { line, key, values } = draft;
            let reference = known.get(&key);
            if reference.is_some_and(|reference| reference.kind == T::Record::NAME)
                && self.request.on_existing == OnExisting::Skip
            {
                report.unchanged += 1;
                continue;
            }
            let built = before_of::<T>(reference, &befores).and_then(|before| {
                let record = self.target.build(cx, before, values)?;
                Ok((before, record))
            });
            match built {
                Ok((None, record)) => {
                    created.push(record);
                    keys.push(key);
                }
                Ok((Some(before), record)) if record == *before => report.unchanged += 1,
                Ok((Some(before), record)) => changed.push((before, record)),
                Err(error) => self.refused.push((line, error)),
            }
        }
        report.created += count(created.len());
        report.updated += count(changed.len());
        if created.is_empty() && changed.is_empty() {
            return Ok(());
        }
        self.remark(cx, report);
        self.target.create(cx, &mut created)?;
        self.refer(cx, keys, &created)?;
        for (before, after) in changed {
            self.target.change(cx, before, after)?;
        }
        cx.split_audit()
    }

    /// The references that the rows' keys have already.
    fn known(&self, cx: &mut Cx<'_>, drafts: &[Draft]) -> Result<HashMap<String, ExternalReference>> {
        if self.fresh {
            return Ok(HashMap::new());
        }
        let keys = drafts.iter().map(|draft| draft.key.clone());
        let found = references(cx, &self.request.system, keys)?;
        Ok(found.into_iter().map(|reference| (reference.value.clone(), reference)).collect())
    }

    /// The records that are to be updated.
    fn befores(
        &self,
        cx: &mut Cx<'_>,
        known: &HashMap<String, ExternalReference>,
    ) -> Result<HashMap<Uuid, T::Record>> {
        if self.request.on_existing == OnExisting::Skip || known.is_empty() {
            return Ok(HashMap::new());
        }
        let of_kind = known.values().filter(|reference| reference.kind == T::Record::NAME);
        let ids = of_kind.map(|reference| Id::<T::Record>::from_uuid(reference.record));
        let found = by_id(cx, ids)?;
        Ok(found.into_iter().map(|record| (record.id().uuid(), record)).collect())
    }

    /// Says on the trail, once, what is imported.
    fn remark(&mut self, cx: &mut Cx<'_>, report: &ImportReport) {
        if std::mem::replace(&mut self.remarked, true) {
            return;
        }
        let request = self.request;
        cx.remark(&json!({ "import": {
            "kind": request.kind,
            "system": request.system,
            "key": request.key,
            "sha256": report.sha256,
            "mapping": request.mapping,
            "on_existing": request.on_existing,
        }}));
    }

    /// Keeps the rows' keys. The trail has the records' ids and the file's hash; the keys follow from the file.
    fn refer(&self, cx: &mut Cx<'_>, keys: Vec<String>, records: &[T::Record]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let ids = cx.ids();
        let mut rows = Vec::with_capacity(records.len());
        for (value, record) in keys.into_iter().zip(records) {
            // The columns of `ExternalReference` in order, without a copy of each text.
            let kind = Cell::Text(T::Record::NAME.to_owned());
            let record = Cell::Int(ids.key(record.id().uuid())?);
            rows.push(vec![Cell::Text(self.request.system.clone()), Cell::Text(value), kind, record]);
        }
        cx.tx().insert(ExternalReference::table(), &rows)
    }
}

/// The record that a row stands for already.
fn before_of<'b, T: Importable>(
    reference: Option<&ExternalReference>,
    befores: &'b HashMap<Uuid, T::Record>,
) -> Result<Option<&'b T::Record>> {
    let Some(reference) = reference else { return Ok(None) };
    if reference.kind != T::Record::NAME {
        return Err(Error::new(&REFERENCE_TAKEN)
            .at("key")
            .with("system", &reference.system)
            .with("value", &reference.value));
    }
    befores.get(&reference.record).map(Some).ok_or_else(|| {
        Error::new(&NOT_FOUND).at("key").with("kind", T::Record::NAME).with("id", reference.record)
    })
}

/// The references of a system with these keys.
pub(super) fn references(
    cx: &mut Cx<'_>,
    system: &str,
    keys: impl IntoIterator<Item = String>,
) -> Result<Vec<ExternalReference>> {
    let c = ExternalReference::C;
    let query = cx.query::<ExternalReference>().equal(c.system, system.to_owned()).any_of(c.value, keys);
    query.fetch(cx.tx())
}

/// The records with these ids.
pub(super) fn by_id<E: Entity>(cx: &mut Cx<'_>, ids: impl IntoIterator<Item = Id<E>>) -> Result<Vec<E>> {
    // Every entity's table has its id in front.
    let id = crate::store::record::Col::<Id<E>>::at(0);
    cx.query::<E>().any_of(id, ids).fetch(cx.tx())
}

fn count(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}
