//! Transactions, nested units, keys, references and series.

use std::sync::LazyLock;

use crm_core::kernel::error::{INTERNAL, OVERFLOW, Result};
use crm_core::store::cell::Row;
use crm_core::store::engine::{DUPLICATE_KEY, MISSING_REFERENCE, Mode, Nest, STILL_REFERENCED, Store, Tx};
use crm_core::store::plan::{Output, Pred, Select};
use crm_core::store::schema::{Column, FieldType, Schema, Table};

use crate::Fixture;
use crate::kit::{NULL, base, bytes, check, fails, ids, int, read, rows, same, text, write, wrong};
use crate::sample::{item, item_row, line, place, region, schema, with};

fn items(store: &dyn Store) -> Result<Vec<i64>> {
    read(store, |tx| ids(tx, item(), Pred::True))
}

pub(super) fn a_dropped_transaction_leaves_nothing(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| tx.insert(item(), &[item_row(1, "kept")]))?;
    let mut tx = store.begin(Mode::Write)?;
    tx.insert(item(), &[item_row(2, "lost")])?;
    tx.update(item(), &[(item::NAME, text("lost"))], &Pred::True)?;
    tx.nest(Nest::Begin)?;
    tx.insert(item(), &[item_row(3, "lost")])?;
    drop(tx);
    read(&*store, |tx| {
        same(ids(tx, item(), Pred::True)?, vec![1], "rows")?;
        same(tx.get(item(), &[int(1)])?, Some(item_row(1, "kept")), "the row")
    })
}

pub(super) fn a_transaction_sees_its_own_writes(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &[item_row(1, "a")])?;
        same(ids(tx, item(), Pred::True)?, vec![1], "after the insert")?;
        tx.update(item(), &[(item::NAME, text("b"))], &Pred::equal(base(item::NAME), text("a")))?;
        same(ids(tx, item(), Pred::equal(base(item::NAME), text("b")))?, vec![1], "after the update")?;
        tx.delete(item(), &Pred::True)?;
        same(tx.get(item(), &[int(1)])?, None, "after the delete")
    })
}

/// A table whose key has every type, for what engines write differently when a row comes with the beginning.
static SHELF: LazyLock<Table> = LazyLock::new(|| {
    let column = |name, field_type, nullable| Column {
        name,
        field_type,
        nullable,
        references: None,
        since: 1,
        default: None,
    };
    Table {
        name: "shelf",
        columns: vec![
            column("number", FieldType::Int, false),
            column("label", FieldType::Text, false),
            column("seal", FieldType::Bytes, false),
            column("note", FieldType::Text, true),
            column("count", FieldType::Int, true),
            column("photo", FieldType::Bytes, true),
        ],
        key: vec![0, 1, 2],
        indexes: Vec::new(),
        since: 1,
    }
});

pub(super) fn a_transaction_begins_with_a_row(fixture: &mut dyn Fixture) -> Result<()> {
    let shelf: &'static Table = &SHELF;
    let store = fixture.create(&Schema::new(1, vec![shelf]))?;
    let sample = [
        vec![
            int(i64::MIN),
            text("it's \\'; --"),
            bytes(&[0, 39, 92, 255]),
            text("a\nb 帐"),
            int(-1),
            bytes(&[0]),
        ],
        vec![int(i64::MAX), text(""), bytes(&[]), NULL, NULL, NULL],
        vec![int(0), text("$1 \"x\""), bytes(b"\\x41"), text(""), int(i64::MIN), bytes(&[])],
    ];
    write(&*store, |tx| tx.insert(shelf, &sample))?;
    for mode in [Mode::Read, Mode::Write] {
        for row in &sample {
            let (mut tx, found) = store.begin_with(mode, shelf, &row[..3])?;
            same(found.as_ref(), Some(row), format_args!("{mode:?}: the row at hand"))?;
            same(tx.get(shelf, &row[..3])?.as_ref(), Some(row), format_args!("{mode:?}: the row again"))?;
        }
        let (_, found) = store.begin_with(mode, shelf, &[int(7), text("no"), bytes(&[])])?;
        same(found, None, format_args!("{mode:?}: a row that is not there"))?;
    }
    // It is the moment of the transaction that the row is of.
    let key = &sample[1][..3];
    let count = |row: Option<Row>| row.and_then(|row| row.get(4).cloned());
    for round in 1..4 {
        let (mut reader, before) = store.begin_with(Mode::Read, shelf, key)?;
        let (mut writer, found) = store.begin_with(Mode::Write, shelf, key)?;
        same(&found, &before, "what the writer begins with")?;
        writer.update(shelf, &[(4, int(round))], &Pred::equal(base(0), key[0].clone()))?;
        writer.commit()?;
        same(&reader.get(shelf, key)?, &before, "in the reader's moment")?;
        drop(reader);
        let (_, after) = store.begin_with(Mode::Read, shelf, key)?;
        same(count(after), Some(int(round)), "what the next reader begins with")?;
    }
    Ok(())
}

pub(super) fn a_failed_write_spoils_its_transaction(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let mut tx = store.begin(Mode::Write)?;
    tx.insert(item(), &[item_row(1, "a")])?;
    fails(tx.insert(item(), &[item_row(1, "again")]), &DUPLICATE_KEY, "the same key")?;
    fails(tx.insert(item(), &[item_row(2, "b")]), &INTERNAL, "a write after it")?;
    fails(ids(&mut *tx, item(), Pred::True), &INTERNAL, "a read after it")?;
    fails(tx.commit(), &INTERNAL, "the commit")?;
    same(items(&*store)?, vec![], "rows")
}

pub(super) fn duplicate_keys_name_their_index(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &[with(item_row(1, "a"), item::CODE, text("c")), item_row(2, "b")])?;
        tx.insert(line(), &[vec![int(1), int(1), text("l"), int(0)], vec![int(1), int(2), NULL, int(0)]])
    })?;
    let attempt =
        |index: &str, work: &dyn Fn(&mut dyn crm_core::store::engine::Tx) -> Result<()>| -> Result<()> {
            let mut tx = store.begin(Mode::Write)?;
            let error = fails(work(&mut *tx), &DUPLICATE_KEY, index)?;
            same(
                error.details().find(|(name, _)| *name == "index").map(|(_, value)| value),
                Some(index),
                "the index",
            )
        };
    attempt("item_key", &|tx| tx.insert(item(), &[item_row(1, "z")]))?;
    attempt("item_by_code", &|tx| tx.insert(item(), &[with(item_row(9, "z"), item::CODE, text("c"))]))?;
    attempt("item_by_code", &|tx| {
        tx.update(item(), &[(item::CODE, text("c"))], &Pred::equal(base(item::ID), int(2))).map(|_| ())
    })?;
    attempt("line_key", &|tx| tx.insert(line(), &[vec![int(1), int(1), NULL, int(0)]]))?;
    attempt("line_by_label", &|tx| tx.insert(line(), &[vec![int(1), int(3), text("l"), int(0)]]))
}

pub(super) fn unique_indexes_let_empty_cells_repeat(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &[item_row(1, "a"), item_row(2, "b")])?;
        tx.insert(line(), &[vec![int(1), int(1), NULL, int(0)], vec![int(1), int(2), NULL, int(0)]])?;
        tx.insert(line(), &[vec![int(1), int(3), text("l"), int(0)], vec![int(2), int(1), text("l"), int(0)]])
    })
}

pub(super) fn a_failed_insert_in_a_unit_can_be_undone(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &[item_row(1, "a")])?;
        tx.nest(Nest::Begin)?;
        tx.insert(item(), &[item_row(2, "undone")])?;
        fails(tx.insert(item(), &[item_row(1, "again")]), &DUPLICATE_KEY, "the same key")?;
        fails(tx.nest(Nest::Keep), &INTERNAL, "keeping a spoilt unit")?;
        fails(tx.nest(Nest::Begin), &INTERNAL, "a unit inside a spoilt one")?;
        tx.nest(Nest::Undo)?;
        same(ids(tx, item(), Pred::True)?, vec![1], "rows after undoing")?;
        tx.insert(item(), &[item_row(3, "c")])
    })?;
    same(items(&*store)?, vec![1, 3], "rows")
}

pub(super) fn a_failed_statement_leaves_no_part_in_its_unit(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &[item_row(5, "five")])?;
        tx.nest(Nest::Begin)?;
        let many: Vec<_> = (1..=9).map(|id| item_row(id, "many")).collect();
        fails(tx.insert(item(), &many), &DUPLICATE_KEY, "the fifth of many")?;
        tx.nest(Nest::Undo)?;
        tx.nest(Nest::Begin)?;
        tx.insert(item(), &[item_row(6, "six")])?;
        let both = tx.update(item(), &[(item::CODE, text("same"))], &Pred::True);
        fails(both, &DUPLICATE_KEY, "two rows with one code")?;
        tx.nest(Nest::Undo)
    })?;
    read(&*store, |tx| {
        same(ids(tx, item(), Pred::True)?, vec![5], "rows")?;
        same(tx.get(item(), &[int(5)])?, Some(item_row(5, "five")), "the row")
    })
}

pub(super) fn a_failed_read_spoils_its_transaction(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let most = |id| with(item_row(id, "most"), item::AMOUNT, int(i64::MAX));
    write(&*store, |tx| tx.insert(item(), &[most(1), most(2)]))?;
    let sum = Select { outputs: vec![Output::Sum(base(item::AMOUNT))], ..Select::all(item()) };
    let mut tx = store.begin(Mode::Write)?;
    tx.insert(item(), &[item_row(3, "kept")])?;
    tx.nest(Nest::Begin)?;
    tx.insert(item(), &[item_row(4, "undone")])?;
    fails(rows(&mut *tx, &sum), &OVERFLOW, "a sum beyond 64 bits")?;
    fails(ids(&mut *tx, item(), Pred::True), &INTERNAL, "a read after it")?;
    fails(tx.nest(Nest::Keep), &INTERNAL, "keeping the unit")?;
    tx.nest(Nest::Undo)?;
    same(ids(&mut *tx, item(), Pred::True)?, vec![1, 2, 3], "rows after undoing")?;
    tx.commit()?;
    let mut tx = store.begin(Mode::Read)?;
    fails(rows(&mut *tx, &sum), &OVERFLOW, "the sum of a reader")?;
    fails(ids(&mut *tx, item(), Pred::True), &INTERNAL, "its next read")?;
    drop(tx);
    same(items(&*store)?, vec![1, 2, 3], "rows")
}

pub(super) fn broken_references_in_a_unit_can_be_undone(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(region(), &[vec![int(1), text("north")]])?;
        tx.insert(place(), &[vec![int(1), text(""), int(1), text("p")]])?;
        for round in 0..3 {
            tx.nest(Nest::Begin)?;
            let missing = tx.insert(place(), &[vec![int(9), text(""), int(9), text("q")]]);
            fails(missing, &MISSING_REFERENCE, "an insert")?;
            tx.nest(Nest::Undo)?;
            tx.nest(Nest::Begin)?;
            fails(tx.delete(region(), &Pred::True), &STILL_REFERENCED, "a delete")?;
            tx.nest(Nest::Undo)?;
            tx.insert(item(), &[with(item_row(round, "goes on"), item::PLACE, int(1))])?;
        }
        Ok(())
    })?;
    same(items(&*store)?, vec![0, 1, 2], "rows")
}

pub(super) fn units_nest(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.nest(Nest::Begin)?;
        tx.insert(item(), &[item_row(1, "kept")])?;
        tx.nest(Nest::Begin)?;
        tx.insert(item(), &[item_row(2, "undone")])?;
        tx.nest(Nest::Begin)?;
        tx.insert(item(), &[item_row(3, "kept, then undone with what is around it")])?;
        tx.number("nested", 3)?;
        tx.nest(Nest::Keep)?;
        same(ids(tx, item(), Pred::True)?, vec![1, 2, 3], "rows within")?;
        tx.nest(Nest::Undo)?;
        same(ids(tx, item(), Pred::True)?, vec![1], "rows after undoing")?;
        same(tx.number("nested", 1)?, 1, "numbers given back")?;
        tx.nest(Nest::Keep)?;
        for id in 10..20 {
            tx.nest(Nest::Begin)?;
            tx.insert(item(), &[item_row(id, "one after another")])?;
            tx.nest(if id % 2 == 0 { Nest::Keep } else { Nest::Undo })?;
        }
        Ok(())
    })?;
    same(items(&*store)?, vec![1, 10, 12, 14, 16, 18], "rows")
}

pub(super) fn units_begin_before_they_end(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    for step in [Nest::Keep, Nest::Undo] {
        let mut tx = store.begin(Mode::Write)?;
        fails(tx.nest(step), &INTERNAL, "the end of a unit that has not begun")?;
    }
    let mut tx = store.begin(Mode::Write)?;
    tx.nest(Nest::Begin)?;
    fails(tx.commit(), &INTERNAL, "a commit inside a unit").map(|_| ())
}

pub(super) fn references_must_exist(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(region(), &[vec![int(1), text("north")]])?;
        tx.insert(
            place(),
            &[vec![int(1), text(""), int(1), text("p")], vec![int(2), text(""), NULL, text("q")]],
        )?;
        tx.insert(item(), &[item_row(1, "a")])
    })?;
    let mut tx = store.begin(Mode::Write)?;
    fails(
        tx.insert(item(), &[with(item_row(2, "b"), item::PLACE, int(9))]),
        &MISSING_REFERENCE,
        "an insert",
    )?;
    drop(tx);
    let mut tx = store.begin(Mode::Write)?;
    fails(tx.update(item(), &[(item::PLACE, int(9))], &Pred::True), &MISSING_REFERENCE, "an update")?;
    drop(tx);
    let mut tx = store.begin(Mode::Write)?;
    fails(tx.insert(line(), &[vec![int(9), int(1), NULL, int(0)]]), &MISSING_REFERENCE, "a composite key")?;
    drop(tx);
    write(&*store, |tx| {
        same(tx.update(item(), &[(item::PLACE, int(2))], &Pred::True)?, 1, "an update to what exists")?;
        same(tx.update(item(), &[(item::PLACE, NULL)], &Pred::True)?, 1, "an update to nothing")
    })
}

pub(super) fn referenced_rows_stay(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(region(), &[vec![int(1), text("north")], vec![int(2), text("south")]])?;
        tx.insert(place(), &[vec![int(1), text(""), int(1), text("p")]])
    })?;
    let mut tx = store.begin(Mode::Write)?;
    fails(tx.delete(region(), &Pred::True), &STILL_REFERENCED, "a delete")?;
    drop(tx);
    write(&*store, |tx| {
        same(tx.delete(region(), &Pred::equal(base(region::ID), int(2)))?, 1, "what nothing refers to")?;
        same(tx.delete(place(), &Pred::True)?, 1, "what refers")?;
        same(tx.delete(region(), &Pred::True)?, 1, "what was referred to")
    })
}

pub(super) fn readers_do_not_write(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let mut tx = store.begin(Mode::Read)?;
    fails(tx.insert(item(), &[item_row(1, "a")]), &INTERNAL, "an insert")?;
    drop(tx);
    let mut tx = store.begin(Mode::Read)?;
    fails(tx.number("contract", 1), &INTERNAL, "a number")?;
    drop(tx);
    same(items(&*store)?, vec![], "rows")?;
    // Ending a reader properly is allowed, and means nothing.
    store.begin(Mode::Read)?.commit()
}

pub(super) fn series_have_no_gaps(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        same(tx.number("contract", 1)?, 1, "the first")?;
        same(tx.number("contract", 3)?, 2, "three at once begin")?;
        same(tx.number("contract", 1)?, 5, "after them")
    })?;
    let mut tx = store.begin(Mode::Write)?;
    same(tx.number("contract", 10)?, 6, "in a transaction that does not commit")?;
    drop(tx);
    write(&*store, |tx| same(tx.number("contract", 1)?, 6, "given again"))
}

pub(super) fn series_count_apart(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        same(tx.number("合同/2026", 1)?, 1, "one series")?;
        same(tx.number("合同/2027", 1)?, 1, "another")?;
        same(tx.number("", 1)?, 1, "one without a name")?;
        same(tx.number("合同/2026", 1)?, 2, "the first goes on")
    })?;
    let mut tx = store.begin(Mode::Write)?;
    check(tx.number("contract", 0).is_err(), "no numbers at all were given")
}

pub(super) fn series_are_listed(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let listed = |tx: &mut dyn Tx| -> Result<Vec<(String, i64)>> {
        let mut found = Vec::new();
        tx.series(&mut |name, last| {
            found.push((name.to_owned(), last));
            Ok(())
        })?;
        Ok(found)
    };
    let pair = |name: &str, last| (name.to_owned(), last);
    write(&*store, |tx| {
        same(listed(tx)?, vec![], "none yet")?;
        for (name, count) in [("b", 2), ("合同", 7), ("B", 1), ("", i64::MAX), ("b", 1)] {
            tx.number(name, count)?;
        }
        tx.nest(Nest::Begin)?;
        tx.number("undone", 1)?;
        tx.nest(Nest::Undo)?;
        let failed = tx.series(&mut |_, _| Err(wrong("the visitor's own")));
        same(failed, Err(wrong("the visitor's own")), "a visit that fails")
    })?;
    let all = vec![pair("", i64::MAX), pair("B", 1), pair("b", 3), pair("合同", 7)];
    read(&*store, |tx| same(listed(tx)?, all, "by name"))?;
    let mut tx = store.begin(Mode::Write)?;
    fails(tx.number("", 1), &OVERFLOW, "a number beyond the last").map(|_| ())
}
