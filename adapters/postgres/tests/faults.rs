//! What goes wrong between a host and its server: the caller knows what was saved, and the next call goes on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crm_conformance::sample::{item, item_row, schema};
use crm_core::kernel::error::{Code, Error, ErrorKind, Result};
use crm_core::store::cell::{Cell, CellRef};
use crm_core::store::engine::{
    BUSY, CANCELLED, CONFLICT, CONNECTION_LOST, Flow, Mode, OUTCOME_UNKNOWN, Store, Tx,
};
use crm_core::store::plan::{ColumnRef, Pred, Select};
use crm_postgres::{OpenOptions, PostgresStore};
use crm_postgres_server::{Cut, Proxy, Server};

fn server() -> Arc<Server> {
    Server::shared().unwrap_or_else(|error| panic!("{error}"))
}

fn open(url: &str) -> Arc<dyn Store> {
    PostgresStore::open(url, &schema(), OpenOptions::default()).unwrap()
}

/// A new ledger; `more` are further parameters of its URL.
fn new_ledger(server: &Server, more: &str) -> (Arc<dyn Store>, String) {
    let name = server.new_schema();
    let url = format!("{}&application_name={name}{more}", server.url(&name));
    (open(&url), name)
}

fn ids(tx: &mut dyn Tx) -> Result<Vec<i64>> {
    let mut found = Vec::new();
    tx.select(&Select::all(item()), &mut |cells| {
        if let CellRef::Int(id) = cells[0] {
            found.push(id);
        }
        Ok(Flow::More)
    })?;
    found.sort_unstable();
    Ok(found)
}

fn stored(store: &dyn Store) -> Vec<i64> {
    ids(&mut *store.begin(Mode::Read).unwrap()).unwrap()
}

fn add(store: &dyn Store, id: i64) -> Result<()> {
    let mut tx = store.begin(Mode::Write)?;
    tx.insert(item(), &[item_row(id, "x")])?;
    tx.commit()
}

#[track_caller]
fn fails<T>(result: Result<T>, code: Code) -> Error {
    let error = result.err().unwrap();
    assert_eq!(error.code(), code, "{error:?}");
    error
}

/// Ends the connections of this ledger on the server.
fn kill(server: &Server, name: &str) -> i64 {
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1";
    let mut admin = server.admin().unwrap();
    let killed = admin.query_one(kill, &[&name]).unwrap().get(0);
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    while admin.query_one(gone, &[&name]).unwrap().get::<_, i64>(0) > 0 {
        thread::sleep(Duration::from_millis(5));
    }
    killed
}

#[test]
fn a_connection_killed_in_the_middle_saves_nothing_and_the_next_call_goes_on() {
    let server = server();
    let (store, name) = new_ledger(&server, "");
    for step in 0..3 {
        let mut tx = store.begin(Mode::Write).unwrap();
        tx.insert(item(), &[item_row(1, "lost")]).unwrap();
        assert!(kill(&server, &name) >= 1);
        let error = match step {
            0 => fails(tx.insert(item(), &[item_row(2, "lost")]), &CONNECTION_LOST),
            1 => fails(ids(&mut *tx), &CONNECTION_LOST),
            _ => fails(tx.get(item(), &[Cell::Int(1)]), &CONNECTION_LOST),
        };
        assert_eq!(error.kind(), ErrorKind::Retry);
        drop(tx);
        assert_eq!(stored(&*store), Vec::<i64>::new());
    }
    // Nothing tells a commit that is not answered from one that never arrived.
    let mut tx = store.begin(Mode::Write).unwrap();
    tx.insert(item(), &[item_row(1, "lost")]).unwrap();
    kill(&server, &name);
    fails(tx.commit(), &OUTCOME_UNKNOWN);
    // Who has only read has nothing to wonder about.
    let mut reader = store.begin(Mode::Read).unwrap();
    ids(&mut *reader).unwrap();
    kill(&server, &name);
    fails(reader.commit(), &CONNECTION_LOST);
    add(&*store, 1).unwrap();
    assert_eq!(stored(&*store), [1]);
}

#[test]
fn connections_killed_while_idle_are_replaced_without_a_word() {
    let server = server();
    let (store, name) = new_ledger(&server, "");
    let readers: Vec<_> = (0..4).map(|_| store.begin(Mode::Read).unwrap()).collect();
    drop(readers);
    for id in 0..3 {
        assert!(kill(&server, &name) >= 1);
        add(&*store, id).unwrap();
        kill(&server, &name);
        assert_eq!(stored(&*store), (0..=id).collect::<Vec<_>>());
    }
}

#[test]
fn a_server_that_starts_again_is_found_again() {
    let server = Server::own().unwrap_or_else(|error| panic!("{error}"));
    let (store, _) = new_ledger(&server, "");
    add(&*store, 1).unwrap();
    let mut tx = store.begin(Mode::Write).unwrap();
    tx.insert(item(), &[item_row(2, "lost")]).unwrap();
    server.stop();
    fails(tx.insert(item(), &[item_row(3, "lost")]), &CONNECTION_LOST);
    drop(tx);
    fails(store.begin(Mode::Read).map(drop), &CONNECTION_LOST);
    let error = fails(add(&*store, 4), &CONNECTION_LOST);
    assert_eq!(error.kind(), ErrorKind::Retry);
    server.start().unwrap();
    add(&*store, 5).unwrap();
    assert_eq!(stored(&*store), [1, 5]);
}

#[test]
fn a_line_cut_while_committing_leaves_a_question_that_can_be_asked() {
    let server = server();
    let proxy = Proxy::to(server.port()).unwrap();
    let name = server.new_schema();
    let store = open(&server.url_at(proxy.port(), &name));
    add(&*store, 1).unwrap();
    proxy.cut(Cut::BeforeCommit);
    assert_eq!(fails(add(&*store, 2), &OUTCOME_UNKNOWN).kind(), ErrorKind::Retry);
    proxy.cut(Cut::AfterCommit);
    fails(add(&*store, 3), &OUTCOME_UNKNOWN);
    add(&*store, 4).unwrap();
    assert_eq!(stored(&*store), [1, 3, 4]);
}

#[test]
fn a_full_pool_is_waited_for_and_then_busy() {
    let server = server();
    let (store, _) = new_ledger(&server, "&pool_size=2&busy_timeout=300");
    let one = store.begin(Mode::Read).unwrap();
    let _two = store.begin(Mode::Read).unwrap();
    let began = Instant::now();
    fails(store.begin(Mode::Read).map(drop), &BUSY);
    assert!(began.elapsed() >= Duration::from_millis(300));
    // A writer does not need their places.
    add(&*store, 1).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| store.begin(Mode::Read).map(drop));
        thread::sleep(Duration::from_millis(50));
        drop(one);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn writers_wait_for_each_other_and_then_are_busy() {
    let server = server();
    let (store, name) = new_ledger(&server, "&busy_timeout=300");
    let other = open(&format!("{}&busy_timeout=300", server.url(&name)));
    let mut writer = store.begin(Mode::Write).unwrap();
    for waiting in [&store, &other] {
        let began = Instant::now();
        fails(waiting.begin(Mode::Write).map(drop), &BUSY);
        assert!(began.elapsed() >= Duration::from_millis(300));
    }
    writer.insert(item(), &[item_row(1, "x")]).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut tx = other.begin(Mode::Write)?;
            ids(&mut *tx)
        });
        thread::sleep(Duration::from_millis(100));
        writer.commit().unwrap();
        // Who has waited sees what it has waited for.
        assert_eq!(waiting.join().unwrap().unwrap(), [1]);
    });
}

#[test]
fn ledgers_of_one_database_share_nothing() {
    let server = server();
    let (one, _) = new_ledger(&server, "&busy_timeout=300");
    let (other, _) = new_ledger(&server, "&busy_timeout=300");
    let mut first = one.begin(Mode::Write).unwrap();
    let mut second = other.begin(Mode::Write).unwrap();
    assert_eq!((first.number("n", 5).unwrap(), second.number("n", 1).unwrap()), (1, 1));
    first.insert(item(), &[item_row(1, "x")]).unwrap();
    second.insert(item(), &[item_row(2, "x")]).unwrap();
    first.commit().unwrap();
    second.commit().unwrap();
    assert_eq!((stored(&*one), stored(&*other)), (vec![1], vec![2]));
}

#[test]
fn a_statement_that_takes_too_long_is_busy() {
    let server = server();
    let (store, name) = new_ledger(&server, "&statement_timeout=200");
    let mut admin = server.admin().unwrap();
    let mut holder = admin.transaction().unwrap();
    holder.batch_execute(&format!("LOCK TABLE {name}.item IN ACCESS EXCLUSIVE MODE")).unwrap();
    let mut reader = store.begin(Mode::Read).unwrap();
    fails(ids(&mut *reader), &BUSY);
    drop(reader);
    fails(add(&*store, 1), &BUSY);
    holder.rollback().unwrap();
    add(&*store, 1).unwrap();
    assert_eq!(stored(&*store), [1]);
}

#[test]
fn a_running_query_can_be_stopped_from_another_thread() {
    let server = server();
    let (store, name) = new_ledger(&server, "");
    let mut admin = server.admin().unwrap();
    let mut holder = admin.transaction().unwrap();
    holder.batch_execute(&format!("LOCK TABLE {name}.item IN ACCESS EXCLUSIVE MODE")).unwrap();
    for mode in [Mode::Read, Mode::Write] {
        let mut tx = store.begin(mode).unwrap();
        let interrupt = tx.interrupter().unwrap();
        let began = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(100));
                interrupt();
            });
            fails(ids(&mut *tx), &CANCELLED);
        });
        assert!(began.elapsed() < Duration::from_secs(3));
        fails(tx.commit(), &CANCELLED);
        // Too late to stop anybody.
        interrupt();
    }
    holder.rollback().unwrap();
    add(&*store, 1).unwrap();
    assert_eq!(stored(&*store), [1]);
}

#[test]
fn who_writes_past_the_library_loses_no_update_and_makes_it_try_again() {
    let server = server();
    let (store, name) = new_ledger(&server, "");
    add(&*store, 1).unwrap();
    let mut admin = server.admin().unwrap();
    let mut tx = store.begin(Mode::Write).unwrap();
    ids(&mut *tx).unwrap();
    admin.batch_execute(&format!("UPDATE {name}.item SET rank = 7")).unwrap();
    let update = tx.update(item(), &[(8, Cell::Int(8))], &Pred::equal(ColumnRef::base(0), Cell::Int(1)));
    let error = fails(update, &CONFLICT);
    assert_eq!(error.kind(), ErrorKind::Retry);
    drop(tx);
    let row = store.begin(Mode::Read).unwrap().get(item(), &[Cell::Int(1)]).unwrap().unwrap();
    assert_eq!(row[8], Cell::Int(7));
}

#[test]
fn a_writer_that_falls_silent_does_not_stop_the_others() {
    let server = server();
    let name = server.new_schema();
    let options = OpenOptions { idle_writer_timeout_ms: 200, ..OpenOptions::default() };
    let store = PostgresStore::open(&server.url(&name), &schema(), options).unwrap();
    let other = open(&server.url(&name));
    let mut silent = store.begin(Mode::Write).unwrap();
    silent.insert(item(), &[item_row(1, "lost")]).unwrap();
    add(&*other, 2).unwrap();
    fails(silent.insert(item(), &[item_row(3, "lost")]), &CONNECTION_LOST);
    drop(silent);
    add(&*store, 4).unwrap();
    assert_eq!(stored(&*store), [2, 4]);
}
