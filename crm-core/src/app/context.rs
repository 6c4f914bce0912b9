//! The unit of work that an operation runs in.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use crate::app::audit::{self, Changes};
use crate::app::cancel::Cancel;
use crate::app::ledger::Ledger;
use crate::areas::access::Actor;
use crate::catalog::{Access, Catalog, Operation};
use crate::kernel::calendar::Calendar;
use crate::kernel::date::{Date, Instant};
use crate::kernel::error::{Error, Result};
use crate::kernel::id::{Id, IdCodec, Named};
use crate::store::cell::{Cell, CellRef, Row};
use crate::store::engine::{Nest, Tx};
use crate::store::expr::Moment;
use crate::store::plan::{ColumnRef, Pred};
use crate::store::query::Query;
use crate::store::record::{Entity, Record};
use crate::store::schema::Table;

/// What an operation has at hand: the store within one transaction, the user, the time, and the trail that records every
/// write made through it.
pub struct Cx<'a> {
    pub(crate) tx: &'a mut dyn Tx,
    ledger: &'a Ledger,
    actor: Arc<Actor>,
    now: Instant,
    operation: &'static str,
    subject: Option<Uuid>,
    changes: Changes,
    calendar: Option<Arc<Calendar>>,
    cancelled: &'a Cancel,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(
        tx: &'a mut dyn Tx,
        ledger: &'a Ledger,
        actor: Arc<Actor>,
        operation: &'static str,
        cancelled: &'a Cancel,
    ) -> Self {
        let now = ledger.now();
        Cx {
            tx,
            ledger,
            actor,
            now,
            operation,
            subject: None,
            changes: Changes::default(),
            calendar: None,
            cancelled,
        }
    }

    /// Checks the permission and runs the operation; what it wrote is on the trail when this returns.
    pub(crate) fn perform<O: Operation>(&mut self, operation: O) -> Result<O::Output> {
        self.require(O::ACCESS)?;
        let output = operation.run(self)?;
        self.finish()?;
        Ok(output)
    }

    fn finish(&mut self) -> Result<()> {
        if self.changes.is_empty() {
            return Ok(());
        }
        audit::append(
            self.tx,
            self.ledger.ids(),
            self.now,
            self.actor.user.id,
            self.operation,
            self.subject,
            &mut self.changes,
        )
    }

    /// Closes the audit entry so far and begins another: for work in batches, so that no entry grows without bound.
    ///
    /// # Errors
    /// Of the engine.
    pub fn split_audit(&mut self) -> Result<()> {
        self.finish()
    }

    /// The instant of this unit of work.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Today in the ledger's time zone.
    pub fn today(&self) -> Date {
        self.now.date_at(self.ledger.utc_offset_minutes())
    }

    /// The user who calls.
    pub fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        self.ledger
    }

    /// The catalogue.
    pub fn catalog(&self) -> &'a Catalog {
        self.ledger.catalog()
    }

    /// The codec of this ledger's ids.
    pub fn ids(&self) -> IdCodec {
        self.ledger.ids()
    }

    /// A new id.
    pub fn new_id<K>(&self) -> Id<K> {
        self.ledger.new_id(self.now)
    }

    /// The ledger's working days: the built-in calendar with the days that the ledger adds.
    ///
    /// # Errors
    /// Of the engine.
    pub fn calendar(&mut self) -> Result<Arc<Calendar>> {
        if let Some(calendar) = &self.calendar {
            return Ok(calendar.clone());
        }
        let ids = self.ids();
        let calendar = Arc::new(crate::areas::ledger::load_calendar(self.tx, ids)?);
        self.calendar = Some(calendar.clone());
        Ok(calendar)
    }

    /// Runs `use_moment` with what relative dates are counted from.
    ///
    /// # Errors
    /// Of the engine and of `use_moment`.
    pub fn with_moment<T>(&mut self, use_moment: impl FnOnce(&Moment<'_>) -> Result<T>) -> Result<T> {
        let calendar = self.calendar()?;
        use_moment(&Moment {
            ids: self.ids(),
            today: self.today(),
            utc_offset_minutes: self.ledger.utc_offset_minutes(),
            calendar: &calendar,
            user: self.actor.user.id.uuid(),
        })
    }

    /// Fails when the caller cancelled: for long loops.
    ///
    /// # Errors
    /// `CANCELLED`.
    pub fn check_cancelled(&self) -> Result<()> {
        self.cancelled.check()
    }

    /// Fails unless the user may do this.
    ///
    /// # Errors
    /// `DENIED`.
    pub fn require(&self, access: Access) -> Result<()> {
        if self.actor.allows(access) {
            return Ok(());
        }
        Err(Error::new(&super::DENIED).with("needed", access))
    }

    /// The transaction, for queries that are typed elsewhere.
    pub fn tx(&mut self) -> &mut dyn Tx {
        self.tx
    }

    /// A typed query; run it with [`Cx::tx`].
    pub fn query<R: Record>(&self) -> Query<R> {
        Query::new(self.ids())
    }

    /// Says what this unit of work is about; the history of a record is found by it.
    pub fn subject(&mut self, id: impl Into<Uuid>) {
        self.subject = Some(id.into());
    }

    /// The record, if there is one.
    ///
    /// # Errors
    /// `NOT_AN_ID`; of the engine.
    pub fn find<E: Entity>(&mut self, id: Id<E>) -> Result<Option<E>> {
        self.check_cancelled()?;
        let ids = self.ids();
        let key = [Cell::Int(ids.key(id.uuid())?)];
        let row = self.tx.get(E::table(), &key)?;
        row.map(|row| decode(&row, ids)).transpose()
    }

    /// The record.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_AN_ID`; of the engine.
    pub fn get<E: Entity>(&mut self, id: Id<E>) -> Result<E> {
        self.find(id)?.ok_or_else(|| super::about_kind(Error::new(&super::NOT_FOUND), E::NAME).with("id", id))
    }

    /// The record at the version that the caller has read.
    ///
    /// # Errors
    /// As [`Cx::get`]; `STALE_VERSION`.
    pub fn get_at<E: Entity>(&mut self, id: Id<E>, version: u32) -> Result<E> {
        let record = self.get(id)?;
        if record.version() == version { Ok(record) } else { Err(stale::<E>(version, record.version())) }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// Of encoding and of the engine.
    pub fn insert<R: Record + Named>(&mut self, record: &R) -> Result<()> {
        self.insert_all(std::slice::from_ref(record))
    }

    /// Adds records of one table in one round trip.
    ///
    /// # Errors
    /// Of encoding and of the engine.
    pub fn insert_all<R: Record + Named>(&mut self, records: &[R]) -> Result<()> {
        let ids = self.ids();
        for row in self.insert_unaudited(records)? {
            self.changes.inserted(R::table(), &row, ids)?;
        }
        Ok(())
    }

    /// Adds records of which the trail keeps only the ids: for imports, whose evidence is the imported file.
    ///
    /// # Errors
    /// Of encoding and of the engine.
    pub fn import_all<E: Entity>(&mut self, records: &[E]) -> Result<()> {
        self.insert_unaudited(records)?;
        for record in records {
            self.changes.touched(E::table(), record.id().uuid(), record.version());
        }
        Ok(())
    }

    /// Puts a remark on the trail that is not a row: the source of an import, the reason of a decision.
    pub fn remark(&mut self, remark: &Value) {
        self.changes.push(remark);
    }

    fn insert_unaudited<R: Record>(&mut self, records: &[R]) -> Result<Vec<Row>> {
        self.check_cancelled()?;
        let ids = self.ids();
        let rows = records.iter().map(|record| record.encode(ids)).collect::<Result<Vec<Row>>>()?;
        if !rows.is_empty() {
            self.tx.insert(R::table(), &rows)?;
        }
        Ok(rows)
    }

    /// Replaces `before` by `after`, raising the version; nothing is written when they are equal. Returns the record as
    /// stored.
    ///
    /// # Errors
    /// `STALE_VERSION` when the stored record is not `before`; of encoding and of the engine.
    pub fn update<E: Entity>(&mut self, before: &E, mut after: E) -> Result<E> {
        after.set_version(before.version() + 1);
        let table = E::table();
        let written = self.write_changes(
            before,
            &after,
            |version| {
                let position = table.position("version").unwrap_or(0);
                Pred::equal(ColumnRef::base(position), Cell::Int(i64::from(version)))
            },
            before.version(),
        )?;
        match written {
            Written::Nothing => {
                after.set_version(before.version());
                Ok(after)
            }
            Written::Rows(1) => Ok(after),
            Written::Rows(_) => {
                let actual = self.find(before.id())?.map_or(0, |record| record.version());
                Err(stale::<E>(before.version(), actual))
            }
        }
    }

    /// Raises the version of a record of which only rows below it have changed. Returns the record as stored.
    ///
    /// # Errors
    /// `STALE_VERSION` when the stored record is not `before`; of the engine.
    pub fn touch<E: Entity>(&mut self, before: &E) -> Result<E> {
        self.check_cancelled()?;
        let mut after = before.clone();
        after.set_version(before.version() + 1);
        let (ids, table) = (self.ids(), E::table());
        let position = table.position("version").unwrap_or(0);
        let old = before.encode(ids)?;
        let filter =
            key_filter(table, &old).and(Pred::equal(ColumnRef::base(position), old[position].clone()));
        let version = Cell::Int(i64::from(after.version()));
        if self.tx.update(table, &[(position, version)], &filter)? != 1 {
            let actual = self.find(before.id())?.map_or(0, |record| record.version());
            return Err(stale::<E>(before.version(), actual));
        }
        self.changes.touched(table, after.id().uuid(), after.version());
        Ok(after)
    }

    /// Replaces a row that has no version of its own: the rows under a record, guarded by its version.
    ///
    /// # Errors
    /// `CONFLICT` when the row is no longer there; of encoding and of the engine.
    pub fn replace<R: Record + Named>(&mut self, before: &R, after: &R) -> Result<()> {
        match self.write_changes(before, after, |_| Pred::True, 0)? {
            Written::Nothing | Written::Rows(1) => Ok(()),
            Written::Rows(_) => Err(Error::new(&crate::store::engine::CONFLICT)),
        }
    }

    fn write_changes<R: Record + Named>(
        &mut self,
        before: &R,
        after: &R,
        guard: impl FnOnce(u32) -> Pred,
        version: u32,
    ) -> Result<Written> {
        self.check_cancelled()?;
        let (ids, table) = (self.ids(), R::table());
        let (old, new) = (before.encode(ids)?, after.encode(ids)?);
        let changes: Vec<(usize, Cell)> = new
            .iter()
            .enumerate()
            .filter(|(at, cell)| old[*at] != **cell)
            .map(|(at, cell)| (at, cell.clone()))
            .collect();
        let version_at = table.position("version");
        if changes.iter().all(|(at, _)| Some(*at) == version_at) {
            return Ok(Written::Nothing);
        }
        let filter = key_filter(table, &old).and(guard(version));
        let rows = self.tx.update(table, &changes, &filter)?;
        if rows == 1 {
            self.changes.updated(table, &old, &new, &changes, ids)?;
        }
        Ok(Written::Rows(rows))
    }

    /// Removes a row.
    ///
    /// # Errors
    /// `STILL_REFERENCED`, `CONFLICT` when it is no longer there; of the engine.
    pub fn delete<R: Record + Named>(&mut self, record: &R) -> Result<()> {
        let (ids, table) = (self.ids(), R::table());
        let row = record.encode(ids)?;
        let rows = self.tx.delete(table, &key_filter(table, &row))?;
        if rows != 1 {
            return Err(Error::new(&crate::store::engine::CONFLICT));
        }
        self.changes.deleted(table, &row, ids)
    }

    /// The next number of a series.
    ///
    /// # Errors
    /// Of the engine.
    pub fn number(&mut self, series: &str) -> Result<i64> {
        self.tx.number(series, 1)
    }

    /// Runs `work` as a unit of its own inside this one: its error undoes what it wrote and leaves the rest.
    ///
    /// # Errors
    /// Of `work` and of the engine.
    pub fn attempt<T>(&mut self, work: impl FnOnce(&mut Cx<'_>) -> Result<T>) -> Result<T> {
        let length = self.changes.length();
        self.tx.nest(Nest::Begin)?;
        match work(self) {
            Ok(value) => {
                self.tx.nest(Nest::Keep)?;
                Ok(value)
            }
            Err(error) => {
                self.tx.nest(Nest::Undo)?;
                self.changes.cut(length);
                Err(error)
            }
        }
    }
}

enum Written {
    Nothing,
    Rows(u64),
}

fn decode<R: Record>(row: &[Cell], ids: IdCodec) -> Result<R> {
    let cells: Vec<CellRef<'_>> = row.iter().map(Cell::as_ref).collect();
    R::decode(&cells, ids)
}

pub(super) fn key_filter(table: &Table, row: &[Cell]) -> Pred {
    table
        .key
        .iter()
        .fold(Pred::True, |filter, at| filter.and(Pred::equal(ColumnRef::base(*at), row[*at].clone())))
}

fn stale<E: Named>(expected: u32, actual: u32) -> Error {
    super::about_kind(Error::new(&super::STALE_VERSION), E::NAME)
        .with("expected", expected)
        .with("actual", actual)
}
