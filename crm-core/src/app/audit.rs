//! The audit trail and change feed: one entry per unit of work that wrote, in commit order, chained by hash.
//!
//! The hash of an entry is SHA-256 over the hash before it and all its own fields, so an entry cannot be changed, removed or
//! put in between without every later hash telling. The feed is the same entries read from a cursor.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::areas::access::User;
use crate::kernel::date::Instant;
use crate::kernel::error::{Error, Result};
use crate::kernel::id::{Id, IdCodec};
use crate::store::cell::Cell;
use crate::store::dataset::{quoted, write_json};
use crate::store::engine::{Flow, Tx};
use crate::store::query::Query;
use crate::store::record::{Big, Json, Record};
use crate::store::schema::Table;

/// The number series of the trail; taking from it makes writers queue until the one before has committed.
pub(crate) const SERIES: &str = "audit";

crate::record! {
    /// What one unit of work did.
    pub struct AuditEntry, AuditEntryColumns in "audit" key (seq) {
        /// Position in the trail; the cursor of the change feed.
        seq: Big,
        /// When.
        at: Instant,
        /// Who.
        user: Id<User>,
        /// The operation.
        operation: String,
        /// The record it was about.
        subject: Option<Uuid>,
        /// Every row it changed: `table`, `id`, `version`, and `before` and `after` of the fields that changed.
        changes: Json<Value>,
        /// SHA-256 over the entry before and this one, in hexadecimal.
        hash: String,
    }
    index audit_subject (subject) where subject;
}

/// The changes of one unit of work while it runs: a JSON array in the making.
#[derive(Default)]
pub(crate) struct Changes {
    json: String,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.json.is_empty()
    }

    /// What is not a row.
    pub(crate) fn push(&mut self, remark: &Value) {
        self.separate();
        self.json.push_str(&remark.to_string());
    }

    /// A new row.
    pub(crate) fn inserted(&mut self, table: &Table, row: &[Cell], ids: IdCodec) -> Result<()> {
        self.begin(table);
        self.fields("after", table, row, 0..row.len(), ids)?;
        self.json.push('}');
        Ok(())
    }

    /// A removed row.
    pub(crate) fn deleted(&mut self, table: &Table, row: &[Cell], ids: IdCodec) -> Result<()> {
        self.begin(table);
        self.fields("before", table, row, 0..row.len(), ids)?;
        self.json.push('}');
        Ok(())
    }

    /// A row of which these columns have changed.
    pub(crate) fn updated(
        &mut self,
        table: &Table,
        old: &[Cell],
        new: &[Cell],
        changed: &[(usize, Cell)],
        ids: IdCodec,
    ) -> Result<()> {
        self.begin(table);
        for at in &table.key {
            self.json.push(',');
            self.field(table, new, *at, ids)?;
        }
        let positions = || changed.iter().map(|(at, _)| *at);
        self.fields("before", table, old, positions(), ids)?;
        self.fields("after", table, new, positions(), ids)?;
        self.json.push('}');
        Ok(())
    }

    /// A row of which only id and version are told.
    pub(crate) fn touched(&mut self, table: &Table, id: Uuid, version: u32) {
        self.begin(table);
        // Writing to a text cannot fail.
        let _ = write!(self.json, ",\"id\":\"{id}\",\"version\":{version}}}");
    }

    fn separate(&mut self) {
        self.json.push(if self.json.is_empty() { '[' } else { ',' });
    }

    fn begin(&mut self, table: &Table) {
        self.separate();
        self.json.push_str("{\"table\":");
        quoted(&mut self.json, table.name);
    }

    fn field(&mut self, table: &Table, row: &[Cell], at: usize, ids: IdCodec) -> Result<()> {
        let column = &table.columns[at];
        quoted(&mut self.json, column.name);
        self.json.push(':');
        write_json(&mut self.json, column.field_type, row[at].as_ref(), ids)
    }

    fn fields(
        &mut self,
        name: &str,
        table: &Table,
        row: &[Cell],
        positions: impl Iterator<Item = usize>,
        ids: IdCodec,
    ) -> Result<()> {
        self.json.push(',');
        quoted(&mut self.json, name);
        self.json.push(':');
        self.json.push('{');
        for (position, at) in positions.enumerate() {
            if position > 0 {
                self.json.push(',');
            }
            self.field(table, row, at, ids)?;
        }
        self.json.push('}');
        Ok(())
    }

    pub(crate) fn length(&self) -> usize {
        self.json.len()
    }

    pub(crate) fn cut(&mut self, length: usize) {
        self.json.truncate(length);
    }

    fn finish(&mut self) -> String {
        self.json.push(']');
        std::mem::take(&mut self.json)
    }
}

fn chained(
    before: &str,
    seq: i64,
    at: Instant,
    user: Uuid,
    operation: &str,
    subject: Option<Uuid>,
    changes: &str,
) -> String {
    let mut hasher = Sha256::new();
    let subject = subject.map(|id| id.to_string()).unwrap_or_default();
    for part in [before, &seq.to_string(), &at.to_string(), &user.to_string(), operation, &subject, changes] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    crate::store::dataset::to_hex(&hasher.finalize())
}

/// Appends the entry of a unit of work.
pub(crate) fn append(
    tx: &mut dyn Tx,
    ids: IdCodec,
    at: Instant,
    user: Id<User>,
    operation: &str,
    subject: Option<Uuid>,
    changes: &mut Changes,
) -> Result<()> {
    let seq = tx.number(SERIES, 1)?;
    let c = AuditEntry::C;
    let before = match tx.get(AuditEntry::table(), &[Cell::Int(seq - 1)])? {
        Some(row) => match row.get(c.hash.position()) {
            Some(Cell::Text(hash)) => hash.clone(),
            _ => String::new(),
        },
        None if seq == 1 => String::new(),
        // Somebody has taken the entry before away.
        None => return Err(Error::new(&super::CHAIN_BROKEN).with("entry", seq - 1)),
    };
    let changes = changes.finish();
    let hash = chained(&before, seq, at, user.uuid(), operation, subject, &changes);
    let row = vec![
        Cell::Int(seq),
        Cell::Int(at.to_micros()),
        Cell::Int(ids.key(user.uuid())?),
        Cell::Text(operation.to_owned()),
        subject.map(|id| ids.key(id).map(Cell::Int)).transpose()?.unwrap_or_default(),
        Cell::Text(changes),
        Cell::Text(hash),
    ];
    tx.insert(AuditEntry::table(), &[row])
}

/// Recomputes every hash and returns the number of entries. The last of them is the last number that was taken, so that
/// entries cut off at the end are missed, too.
///
/// # Errors
/// `CHAIN_BROKEN` with the first entry that does not fit or is missing.
pub fn verify_chain(tx: &mut dyn Tx, ids: IdCodec) -> Result<i64> {
    let c = AuditEntry::C;
    let (mut before, mut count) = (String::new(), 0_i64);
    // The stored text is hashed as it stands, so the entries are read as cells.
    let query = Query::<AuditEntry>::new(ids).ascending(c.seq);
    let outputs = (0..AuditEntry::table().columns.len())
        .map(|column| crate::store::plan::Output::Column(crate::store::plan::ColumnRef::base(column)))
        .collect();
    query.scan(tx, outputs, &mut |cells| {
        let entry = AuditEntry::decode(cells, ids)?;
        let broken = || Error::new(&super::CHAIN_BROKEN).with("entry", entry.seq.0);
        let stored = cells.get(c.changes.position()).copied().unwrap_or_default();
        let changes = crate::store::record::text(stored, "document")?;
        let hash = chained(
            &before,
            entry.seq.0,
            entry.at,
            entry.user.uuid(),
            &entry.operation,
            entry.subject,
            changes,
        );
        if entry.seq.0 != count + 1 || hash != entry.hash {
            return Err(broken());
        }
        count += 1;
        before = hash;
        Ok(Flow::More)
    })?;
    let mut last = 0;
    tx.series(&mut |name, number| {
        if name == SERIES {
            last = number;
        }
        Ok(())
    })?;
    if last != count {
        return Err(Error::new(&super::CHAIN_BROKEN).with("entry", count.min(last) + 1));
    }
    Ok(count)
}
