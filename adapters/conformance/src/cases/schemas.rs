//! Versions of a schema.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crm_core::kernel::error::Result;
use crm_core::store::cell::{Cell, Row};
use crm_core::store::engine::{DUPLICATE_KEY, LEDGER_NEWER, Mode, Store, Tx};
use crm_core::store::plan::Pred;
use crm_core::store::schema::{Forward, Schema, Table};

use crate::kit::{NULL, base, bytes, fails, ids, int, read, rows, same, text, write, wrong};
use crate::sample::{item, item_row, line, place, region, schema, schema_at, with};
use crate::{Fixture, cases};

pub(super) fn a_newer_ledger_is_refused(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| tx.insert(item(), &[item_row(1, "a")]))?;
    drop(store);
    let error = fails(fixture.open_again(&schema_at(2)), &LEDGER_NEWER, "an older library")?;
    let details: Vec<_> = error.details().collect();
    same(details, vec![("found", "3"), ("known", "2")], "the versions")?;
    let store = fixture.open_again(&schema())?;
    read(&*store, |tx| same(ids(tx, item(), Pred::True)?, vec![1], "rows after the refusal"))
}

/// Cells by column name, for a table of an earlier version.
fn row_of(table: &Table, cells: &[(&str, Cell)]) -> Row {
    let cell = |name: &str| cells.iter().find(|(of, _)| *of == name).map_or(NULL, |(_, cell)| cell.clone());
    table.columns.iter().map(|column| cell(column.name)).collect()
}

fn create_version_1(fixture: &mut dyn Fixture) -> Result<()> {
    let old = schema_at(1);
    let store = fixture.create(&old)?;
    let table = |name| old.table(name).ok_or_else(|| wrong(format_args!("no table {name}")));
    let (region, place, item) = (table("region")?, table("place")?, table("item")?);
    write(&*store, |tx| {
        tx.insert(region, &[vec![int(1), text("north")]])?;
        tx.insert(place, &[row_of(place, &[("id", int(2)), ("region", int(1)), ("name", text("mill"))])])?;
        for id in 0..3 {
            let code = text(&format!("c{id}"));
            let cells =
                [("id", int(id)), ("name", text("old")), ("code", code), ("place", int(2)), ("rank", int(5))];
            tx.insert(item, &[row_of(item, &cells)])?;
        }
        tx.number("contract", 4).map(|_| ())
    })
}

fn migrated_item(id: i64) -> Row {
    let row = with(with(item_row(id, "old"), item::CODE, text(&format!("c{id}"))), item::PLACE, int(2));
    with(with(with(row, item::RANK, int(5)), item::FLAG, int(-7)), item::SEAL, bytes(&[0, 255]))
}

fn check_migrated(store: &dyn Store) -> Result<()> {
    write(store, |tx| {
        same(
            tx.get(place(), &[int(2)])?,
            Some(vec![int(2), text("it's"), int(1), text("mill")]),
            "the place",
        )?;
        for id in 0..3 {
            same(tx.get(item(), &[int(id)])?, Some(migrated_item(id)), "an item")?;
        }
        same(rows(tx, &crm_core::store::plan::Select::all(line()))?, vec![], "the new table")?;
        tx.insert(line(), &[vec![int(0), int(1), text("l"), int(1)]])?;
        tx.insert(region(), &[vec![int(9), text("new")]])?;
        tx.insert(item(), &[with(item_row(7, "new"), item::DAY, int(3))])?;
        same(ids(tx, item(), Pred::equal(base(item::DAY), int(3)))?, vec![7], "by a new column")?;
        same(ids(tx, item(), Pred::equal(base(item::FLAG), int(-7)))?, vec![0, 1, 2], "by a default")?;
        same(tx.number("contract", 1)?, 5, "the next number")
    })?;
    let mut tx = store.begin(Mode::Write)?;
    let again = with(item_row(8, "new"), item::CODE, text("c1"));
    fails(tx.insert(item(), &[again]), &DUPLICATE_KEY, "a code of an old row")?;
    drop(tx);
    let mut tx = store.begin(Mode::Write)?;
    fails(tx.insert(line(), &[vec![int(0), int(2), text("l"), int(1)]]), &DUPLICATE_KEY, "a label")
        .map(|_| ())
}

pub(super) fn migration_fills_defaults(fixture: &mut dyn Fixture) -> Result<()> {
    create_version_1(fixture)?;
    let store = fixture.open_again(&schema())?;
    check_migrated(&*store)?;
    drop(store);
    fails(fixture.open_again(&schema_at(1)), &LEDGER_NEWER, "the library that made it").map(|_| ())
}

pub(super) fn migration_step_by_step(fixture: &mut dyn Fixture) -> Result<()> {
    create_version_1(fixture)?;
    drop(fixture.open_again(&schema_at(2))?);
    let store = fixture.open_again(&schema())?;
    check_migrated(&*store)
}

/// The schema with this to bring rows forward.
fn schema_with(forward: impl Fn(&mut dyn Tx, u32) -> Result<()> + Send + Sync + 'static) -> Schema {
    let forward: Arc<Forward> = Arc::new(forward);
    schema().with_forward(forward)
}

pub(super) fn rows_are_brought_forward_in_the_same_transaction(fixture: &mut dyn Fixture) -> Result<()> {
    create_version_1(fixture)?;
    let fill = |tx: &mut dyn Tx, from: u32| {
        same(from, 1, "the version it comes from")?;
        same(ids(tx, item(), Pred::equal(base(item::FLAG), int(-7)))?, vec![0, 1, 2], "rows with defaults")?;
        tx.update(item(), &[(item::DAY, int(40))], &Pred::equal(base(0), int(1)))?;
        tx.insert(line(), &[vec![int(0), int(1), text("l"), int(1)]])?;
        same(tx.number("contract", 1)?, 5, "the next number")
    };
    // One that fails after it has written leaves the version that it found, with all its rows.
    let failing = schema_with(move |tx, from| {
        fill(tx, from)?;
        tx.insert(item(), &[item_row(1, "again")])
    });
    fails(fixture.open_again(&failing), &DUPLICATE_KEY, "rows that cannot be brought forward")?;
    let old = schema_at(1);
    let store = fixture.open_again(&old)?;
    let old_item = old.table("item").ok_or_else(|| wrong("no table item"))?;
    write(&*store, |tx| {
        same(ids(tx, old_item, Pred::True)?, vec![0, 1, 2], "rows of the old version")?;
        same(old_item.columns.iter().filter(|column| column.since > 1).count(), 0, "newer columns")
    })?;
    drop(store);
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let sound = schema_with(move |tx, from| {
        counted.fetch_add(1, Ordering::Relaxed);
        fill(tx, from)
    });
    for _ in 0..2 {
        let store = fixture.open_again(&sound)?;
        read(&*store, |tx| {
            let expected = with(migrated_item(1), item::DAY, int(40));
            same(tx.get(item(), &[int(1)])?, Some(expected), "a row brought forward")?;
            same(rows(tx, &crm_core::store::plan::Select::all(line()))?.len(), 1, "a row of a new table")
        })?;
        write(&*store, |tx| tx.number("opened", 1))?;
    }
    same(runs.load(Ordering::Relaxed), 1, "how often")?;
    let store = fixture.create(&schema_with(|_, _| Err(wrong("an empty store is not older"))))?;
    read(&*store, |tx| same(ids(tx, item(), Pred::True)?, vec![], "a fresh store"))
}

/// Creates version 1 and migrates it whenever a fresh store is asked for.
struct Migrating<'f>(&'f mut dyn Fixture);

impl Fixture for Migrating<'_> {
    fn engine(&self) -> &'static str {
        self.0.engine()
    }

    fn create(&mut self, schema: &Schema) -> Result<Arc<dyn Store>> {
        if schema.version < 3 {
            return self.0.create(schema);
        }
        drop(self.0.create(&schema_at(1))?);
        self.0.open_again(schema)
    }

    fn open_again(&mut self, schema: &Schema) -> Result<Arc<dyn Store>> {
        self.0.open_again(schema)
    }
}

pub(super) fn a_migrated_ledger_behaves_as_a_fresh_one(fixture: &mut dyn Fixture) -> Result<()> {
    // Itself among them, which would not end.
    let apart = [
        "a_migrated_ledger_behaves_as_a_fresh_one",
        "migration_fills_defaults",
        "rows_are_brought_forward_in_the_same_transaction",
    ];
    for case in cases::ALL.iter().filter(|case| !apart.contains(&case.name)) {
        (case.run)(&mut Migrating(fixture)).map_err(|error| wrong(format_args!("{}: {error}", case.name)))?;
    }
    Ok(())
}

pub(super) fn opening_the_same_version_changes_nothing(fixture: &mut dyn Fixture) -> Result<()> {
    create_version_1(fixture)?;
    for _ in 0..3 {
        let store = fixture.open_again(&schema_at(1))?;
        write(&*store, |tx| tx.number("opened", 1))?;
    }
    let store = fixture.open_again(&schema())?;
    write(&*store, |tx| same(tx.number("opened", 1)?, 4, "the fourth time"))
}
