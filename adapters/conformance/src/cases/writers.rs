//! Several at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use crm_core::kernel::error::Result;
use crm_core::store::cell::Cell;
use crm_core::store::engine::{BUSY, CONFLICT, Mode, Store};
use crm_core::store::plan::{Output, Pred, Select};

use crate::Fixture;
use crate::kit::{
    ascending, base, check, column, ids, int, read, rows, same, text, write, write_again, wrong,
};
use crate::sample::{item, item_row, schema, with};

const THREADS: i64 = 8;
const ROUNDS: i64 = 25;

/// Runs `work` on so many threads and hands back what each returned.
fn on_threads<T: Send>(work: impl Fn(i64) -> Result<T> + Sync) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || work(number))).collect();
        running.into_iter().map(|one| one.join().map_err(|_| wrong("a thread panicked"))?).collect()
    })
}

pub(super) fn a_reader_keeps_its_moment(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| tx.insert(item(), &[item_row(1, "a")]))?;
    let mut reader = store.begin(Mode::Read)?;
    same(ids(&mut *reader, item(), Pred::True)?, vec![1], "before the writer")?;
    let mut writer = store.begin(Mode::Write)?;
    writer.insert(item(), &[item_row(2, "b")])?;
    writer.delete(item(), &Pred::equal(base(item::ID), int(1)))?;
    same(ids(&mut *reader, item(), Pred::True)?, vec![1], "beside the writer")?;
    writer.commit()?;
    same(ids(&mut *reader, item(), Pred::True)?, vec![1], "after the writer's commit")?;
    check(reader.get(item(), &[int(2)])?.is_none(), "the reader sees what came later")?;
    drop(reader);
    read(&*store, |tx| same(ids(tx, item(), Pred::True)?, vec![2], "the next reader"))
}

pub(super) fn a_second_handle_sees_commits(fixture: &mut dyn Fixture) -> Result<()> {
    let first = fixture.create(&schema())?;
    let second = fixture.open_again(&schema())?;
    for id in 0..5 {
        let (one, other): (&Arc<dyn Store>, _) =
            if id % 2 == 0 { (&first, &second) } else { (&second, &first) };
        write(&**one, |tx| {
            same(tx.number("shared", 1)?, id + 1, "the next number")?;
            tx.insert(item(), &[item_row(id, "a")])
        })?;
        read(&**other, |tx| {
            same(ids(tx, item(), Pred::True)?, (0..=id).collect(), "seen by the other handle")
        })?;
    }
    drop(first);
    read(&*second, |tx| same(ids(tx, item(), Pred::True)?, (0..5).collect(), "after the first handle closed"))
}

pub(super) fn concurrent_writers_lose_nothing(fixture: &mut dyn Fixture) -> Result<()> {
    let first = fixture.create(&schema())?;
    let second = fixture.open_again(&schema())?;
    write(&*first, |tx| tx.insert(item(), &[with(item_row(1, "counter"), item::RANK, int(0))]))?;
    on_threads(|number| {
        let store = if number % 2 == 0 { &first } else { &second };
        for _ in 0..ROUNDS {
            write_again(&**store, |tx| {
                let row = tx.get(item(), &[int(1)])?.ok_or_else(|| wrong("the counter is gone"))?;
                let Cell::Int(value) = row[item::RANK] else { return Err(wrong("the counter is no number")) };
                tx.update(item(), &[(item::RANK, int(value + 1))], &Pred::equal(base(item::ID), int(1)))
            })?;
        }
        Ok(())
    })?;
    let counter = read(&*first, |tx| tx.get(item(), &[int(1)]))?;
    same(counter.map(|row| row[item::RANK].clone()), Some(int(THREADS * ROUNDS)), "the counter")
}

pub(super) fn concurrent_series_give_each_number_once(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let given = on_threads(|number| {
        (0..ROUNDS)
            .map(|round| {
                let mut tx = store.begin(Mode::Write)?;
                let taken = tx.number("contract", 1)?;
                if (number + round) % 3 == 0 {
                    return Ok(None);
                }
                tx.commit()?;
                Ok(Some(taken))
            })
            .collect::<Result<Vec<_>>>()
    })?;
    let given: Vec<i64> = given.into_iter().flatten().flatten().collect();
    let distinct: BTreeSet<i64> = given.iter().copied().collect();
    same(distinct, (1..=given.len() as i64).collect(), "the numbers of committed transactions")
}

/// Each may leave while another stays. Every writer reads what others write, and writes a row that no other writes: no
/// row is ever overtaken, and only an engine that orders whole transactions keeps the rule.
pub(super) fn concurrent_writers_keep_a_rule_over_several_rows(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let all: Vec<_> = (0..THREADS).map(|id| item_row(id, "present")).collect();
    let present = || Pred::equal(base(item::NAME), text("present"));
    for _ in 0..5 {
        write(&*store, |tx| {
            tx.delete(item(), &Pred::True)?;
            tx.insert(item(), &all)
        })?;
        on_threads(|number| {
            write_again(&*store, |tx| {
                if ids(tx, item(), present())?.len() > 1 {
                    let own = Pred::equal(base(item::ID), int(number));
                    tx.update(item(), &[(item::NAME, text("gone"))], &own)?;
                }
                Ok(())
            })
        })?;
        let left = read(&*store, |tx| ids(tx, item(), present()))?;
        same(left.len(), 1, "who stays")?;
    }
    Ok(())
}

pub(super) fn concurrent_claims_are_made_once(fixture: &mut dyn Fixture) -> Result<()> {
    let first = fixture.create(&schema())?;
    let second = fixture.open_again(&schema())?;
    let count = THREADS * 10;
    write(&*first, |tx| tx.insert(item(), &(0..count).map(|id| item_row(id, "free")).collect::<Vec<_>>()))?;
    let free = Select {
        outputs: vec![column(item::ID)],
        filter: Pred::equal(base(item::NAME), text("free")),
        sort: vec![ascending(base(item::ID))],
        limit: Some(1),
        ..Select::all(item())
    };
    let claimed = on_threads(|number| {
        let store = if number % 2 == 0 { &first } else { &second };
        let mut own = Vec::new();
        loop {
            let claim = write_again(&**store, |tx| {
                let found = rows(tx, &free)?;
                let Some(Cell::Int(id)) = found.first().and_then(|row| row.first()) else { return Ok(None) };
                let changes = [(item::NAME, text("claimed")), (item::RANK, int(number))];
                same(tx.update(item(), &changes, &Pred::equal(base(item::ID), int(*id)))?, 1, "the claim")?;
                Ok(Some(*id))
            })?;
            match claim {
                Some(id) => own.push(id),
                None => return Ok(own),
            }
        }
    })?;
    let mut all: Vec<i64> = claimed.into_iter().flatten().collect();
    all.sort_unstable();
    same(all, (0..count).collect(), "each claimed by one")
}

pub(super) fn a_writer_that_comes_second_is_asked_to_try_again(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| tx.insert(item(), &[with(item_row(1, "counter"), item::RANK, int(0))]))?;
    let done = on_threads(|_| {
        let mut done = 0;
        for _ in 0..ROUNDS {
            let result = write(&*store, |tx| {
                let row = tx.get(item(), &[int(1)])?.ok_or_else(|| wrong("the counter is gone"))?;
                let Cell::Int(value) = row[item::RANK] else { return Err(wrong("the counter is no number")) };
                tx.update(item(), &[(item::RANK, int(value + 1))], &Pred::equal(base(item::ID), int(1)))
            });
            match result {
                Ok(_) => done += 1,
                Err(error) if error.code() == &CONFLICT || error.code() == &BUSY => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    })?;
    let counter = read(&*store, |tx| tx.get(item(), &[int(1)]))?;
    let done: i64 = done.into_iter().sum();
    check(done > 0, "nobody came first")?;
    same(counter.map(|row| row[item::RANK].clone()), Some(int(done)), "what succeeded, and nothing else")
}

pub(super) fn readers_run_beside_a_writer(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    // Every commit adds a pair that sums to nothing: no reader may ever see half of it.
    let total =
        Select { outputs: vec![Output::Sum(base(item::AMOUNT)), Output::Count], ..Select::all(item()) };
    on_threads(|number| {
        for round in 0..ROUNDS {
            if number == 0 {
                let half = |id, amount| with(item_row(id, "half"), item::AMOUNT, int(amount));
                write(&*store, |tx| {
                    tx.insert(item(), &[half(round * 2, 5)])?;
                    tx.insert(item(), &[half(round * 2 + 1, -5)])
                })?;
            } else {
                read(&*store, |tx| {
                    let first = rows(tx, &total)?;
                    check(
                        matches!(first[0][0], Cell::Null | Cell::Int(0)),
                        format_args!("half a commit: {first:?}"),
                    )?;
                    same(rows(tx, &total)?, first, "a second look")
                })?;
            }
        }
        Ok(())
    })?;
    read(&*store, |tx| same(rows(tx, &total)?, vec![vec![int(0), int(ROUNDS * 2)]], "the end"))
}
