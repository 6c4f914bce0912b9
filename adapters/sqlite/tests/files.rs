//! What is particular to SQLite files: what is refused and left alone, who may write, how processes share a file, and
//! what a fault of the disk becomes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crm_conformance::sample::{item, item_row, schema, schema_at, with};
use crm_core::kernel::error::{Code, Error, Result};
use crm_core::store::cell::{Cell, CellRef};
use crm_core::store::engine::{
    BUSY, CANCELLED, CANNOT_OPEN, Flow, LEDGER_NEWER, Mode, NOT_A_LEDGER, READ_ONLY, STORAGE_FAILED,
    STORAGE_FULL, Store,
};
use crm_core::store::plan::{ColumnRef, Output, Pred, Select};
use crm_sqlite::{APPLICATION_ID, Durability, OpenOptions, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.crm");
    (folder, path)
}

fn open(path: &Path) -> Result<Arc<dyn Store>> {
    SqliteStore::open(path, &schema(), OpenOptions::default())
}

fn refused(result: Result<Arc<dyn Store>>, code: Code) -> Error {
    let error = result.err().unwrap();
    assert_eq!(error.code(), code, "{error:?}");
    error
}

fn insert(store: &dyn Store, ids: impl IntoIterator<Item = i64>) -> Result<()> {
    let mut tx = store.begin(Mode::Write)?;
    let rows: Vec<_> = ids.into_iter().map(|id| item_row(id, "name")).collect();
    tx.insert(item(), &rows)?;
    tx.commit()
}

fn count(store: &dyn Store) -> Result<i64> {
    let mut counted = -1;
    let select = Select { outputs: vec![Output::Count], ..Select::all(item()) };
    store.begin(Mode::Read)?.select(&select, &mut |cells| {
        if let [CellRef::Int(count)] = cells {
            counted = *count;
        }
        Ok(Flow::More)
    })?;
    Ok(counted)
}

/// Name, bytes and time of change of every file in a folder.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let changed = std::fs::metadata(&path).unwrap().modified().unwrap();
            (path.clone(), (std::fs::read(&path).unwrap(), changed))
        })
        .collect()
}

type Make<'m> = (&'m str, &'m dyn Fn(&Path));

#[test]
fn files_of_others_are_refused_and_left_alone() {
    let make_sqlite = |path: &Path, pragmas: &str| {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(&format!("{pragmas} CREATE TABLE t (x); INSERT INTO t VALUES (1);"))
            .unwrap();
    };
    let cases: [Make<'_>; 7] = [
        ("text", &|path| std::fs::write(path, "not a ledger at all").unwrap()),
        ("one byte", &|path| std::fs::write(path, "x").unwrap()),
        ("zeros", &|path| std::fs::write(path, vec![0; 8192]).unwrap()),
        ("SQLite", &|path| make_sqlite(path, "")),
        ("SQLite in WAL mode", &|path| make_sqlite(path, "PRAGMA journal_mode = wal;")),
        ("SQLite of another application", &|path| make_sqlite(path, "PRAGMA application_id = 7;")),
        ("SQLite with a WAL that was left behind", &|path| {
            let source = path.with_extension("source");
            let connection = Connection::open(&source).unwrap();
            connection
                .execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (x); INSERT INTO t VALUES (1);")
                .unwrap();
            std::fs::copy(&source, path).unwrap();
            std::fs::copy(source.with_extension("source-wal"), path.with_extension("crm-wal")).unwrap();
            drop(connection);
            std::fs::remove_file(source).unwrap();
        }),
    ];
    for (what, make) in cases {
        let (folder, path) = folder();
        make(&path);
        let before = contents(folder.path());
        for read_only in [false, true] {
            let options = OpenOptions { read_only, ..OpenOptions::default() };
            let error = refused(SqliteStore::open(&path, &schema(), options), &NOT_A_LEDGER);
            assert!(error.to_string().contains("books.crm"), "{error}");
        }
        assert!(contents(folder.path()) == before, "{what}: a file was changed");
    }
}

#[test]
fn what_cannot_be_opened_says_so() {
    let (folder, path) = folder();
    refused(open(&folder.path().join("missing/books.crm")), &CANNOT_OPEN);
    refused(open(folder.path()), &CANNOT_OPEN);
    refused(open(Path::new("")), &CANNOT_OPEN);
    for (create, read_only) in [(false, false), (true, true)] {
        let options = OpenOptions { create, read_only, ..OpenOptions::default() };
        refused(SqliteStore::open(&path, &schema(), options.clone()), &CANNOT_OPEN);
        std::fs::write(&path, "").unwrap();
        refused(SqliteStore::open(&path, &schema(), options), &NOT_A_LEDGER);
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        std::fs::remove_file(&path).unwrap();
    }
    assert!(contents(folder.path()).is_empty());
    std::fs::write(&path, "").unwrap();
    insert(&*open(&path).unwrap(), [1]).unwrap();
}

#[test]
fn a_newer_ledger_is_refused_and_left_alone() {
    let (folder, path) = folder();
    insert(&*open(&path).unwrap(), [1]).unwrap();
    let before = std::fs::read(&path).unwrap();
    for read_only in [false, true] {
        let options = OpenOptions { read_only, ..OpenOptions::default() };
        refused(SqliteStore::open(&path, &schema_at(2), options), &LEDGER_NEWER);
    }
    assert!(std::fs::read(&path).unwrap() == before, "the file was changed");
    drop(folder);
}

#[test]
fn an_open_handle_does_not_write_what_was_migrated_under_it() {
    let (_folder, path) = folder();
    let old = SqliteStore::open(&path, &schema_at(1), OpenOptions::default()).unwrap();
    open(&path).unwrap();
    assert_eq!(old.begin(Mode::Write).err().unwrap().code(), &LEDGER_NEWER);
}

#[test]
fn paths_mean_files() {
    let (folder, _) = folder();
    for name in ["file:x?mode=memory", ":memory:", "50%#1?.crm", "账套 一.crm", "it's.crm", "%41.crm"] {
        let path = folder.path().join(name);
        insert(&*open(&path).unwrap(), [1, 2]).unwrap();
        assert!(path.is_file(), "{name}");
        assert_eq!(count(&*open(&path).unwrap()).unwrap(), 2, "{name}");
    }
    assert_eq!(contents(folder.path()).len(), 6);
}

#[test]
fn the_file_is_as_documented() {
    let (folder, path) = folder();
    let store = open(&path).unwrap();
    insert(&*store, [1]).unwrap();
    drop(store);
    assert_eq!(contents(folder.path()).len(), 1, "closing leaves one file");
    let connection = Connection::open(&path).unwrap();
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("application_id"), i64::from(APPLICATION_ID));
    assert_eq!(pragma("user_version"), 3);
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let tables = |condition: &str| {
        let sql = format!(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite%' AND {condition} ORDER BY name"
        );
        let mut statement = connection.prepare(&sql).unwrap();
        statement
            .query_map([], |row| row.get::<_, String>(0))
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap()
    };
    assert_eq!(tables("strict"), ["crm_series", "item", "line", "place", "region"]);
    assert_eq!(tables("NOT strict"), [""; 0]);
    assert_eq!(tables("wr"), ["crm_series", "line"]);
}

#[test]
fn a_migrated_file_has_the_tables_of_a_fresh_one() {
    // Columns may stand in another order, which no statement of ours depends on.
    let describe = |path: &Path| {
        let connection = Connection::open(path).unwrap();
        let sql = "SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk || ' ' || coalesce(c.dflt_value, '')
                   FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'
                   UNION SELECT m.name || ' refers ' || f.\"from\" || ' ' || f.\"table\" FROM sqlite_schema m, pragma_foreign_key_list(m.name) f
                   UNION SELECT sql FROM sqlite_schema WHERE type = 'index' ORDER BY 1";
        let mut statement = connection.prepare(sql).unwrap();
        let lines = statement.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        lines.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let (folder, path) = folder();
    open(&path).unwrap();
    let fresh = describe(&path);
    assert!(fresh.len() > 25, "{fresh:?}");
    for from in [1, 2] {
        let path = folder.path().join(format!("from-{from}.crm"));
        SqliteStore::open(&path, &schema_at(from), OpenOptions::default()).unwrap();
        open(&path).unwrap();
        assert_eq!(describe(&path), fresh);
    }
}

#[test]
fn a_store_opened_for_reading_reads() {
    let (_folder, path) = folder();
    let writer = open(&path).unwrap();
    insert(&*writer, [1, 2]).unwrap();
    let options = OpenOptions { read_only: true, ..OpenOptions::default() };
    let reader = SqliteStore::open(&path, &schema(), options.clone()).unwrap();
    assert_eq!(count(&*reader).unwrap(), 2);
    insert(&*writer, [3]).unwrap();
    assert_eq!(count(&*reader).unwrap(), 3);
    assert_eq!(reader.begin(Mode::Write).err().unwrap().code(), &READ_ONLY);
    drop((reader, writer));
    let reader = SqliteStore::open(&path, &schema(), options.clone()).unwrap();
    assert_eq!(count(&*reader).unwrap(), 3);
    // An older ledger would have to be written first.
    let old = path.with_extension("old");
    SqliteStore::open(&old, &schema_at(1), OpenOptions::default()).unwrap();
    refused(SqliteStore::open(&old, &schema(), options), &READ_ONLY);
}

#[test]
fn a_damaged_file_fails_without_a_panic() {
    let (_folder, path) = folder();
    insert(&*open(&path).unwrap(), 0..2_000).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let damaged = |bytes: Vec<u8>| {
        std::fs::write(&path, bytes).unwrap();
        let outcome = open(&path).and_then(|store| {
            let mut tx = store.begin(Mode::Read)?;
            tx.select(&Select::all(item()), &mut |_| Ok(Flow::More))?;
            tx.get(item(), &[Cell::Int(1_999)])?;
            drop(tx);
            insert(&*store, [5_000])
        });
        outcome.err().map(|error| error.code())
    };
    let mut trashed = whole.clone();
    trashed[4096..].iter_mut().for_each(|byte| *byte = 0xA5);
    assert_eq!(damaged(trashed), Some(&STORAGE_FAILED));
    let mut truncated = whole.clone();
    truncated.truncate(4096);
    assert_eq!(damaged(truncated), Some(&STORAGE_FAILED));
    let mut schema_gone = whole;
    schema_gone[100..2000].fill(0);
    assert_eq!(damaged(schema_gone), Some(&STORAGE_FAILED));
}

#[test]
fn a_full_disk_loses_nothing_that_was_committed() {
    let (_folder, path) = folder();
    let options = OpenOptions { size_mib_max: Some(1), ..OpenOptions::default() };
    let store = SqliteStore::open(&path, &schema(), options).unwrap();
    insert(&*store, 0..100).unwrap();
    let mut committed = 100;
    let error = loop {
        let mut tx = store.begin(Mode::Write).unwrap();
        let rows: Vec<_> = (committed..committed + 50)
            .map(|id| with(item_row(id, "x"), 6, Cell::Bytes(vec![7; 2_000])))
            .collect();
        match tx.insert(item(), &rows).and_then(|()| tx.commit()) {
            Ok(()) => committed += 50,
            Err(error) => break error,
        }
        assert!(committed < 5_000);
    };
    assert_eq!(error.code(), &STORAGE_FULL, "{error:?}");
    assert_eq!(count(&*store).unwrap(), committed);
    // Room is made, and writing goes on.
    let mut tx = store.begin(Mode::Write).unwrap();
    tx.delete(item(), &Pred::In(ColumnRef::base(0), (0..300).map(Cell::Int).collect())).unwrap();
    tx.commit().unwrap();
    insert(&*store, [10_000]).unwrap();
    assert_eq!(count(&*store).unwrap(), committed - 300 + 1);
}

#[test]
fn the_wal_is_reused() {
    let (_folder, path) = folder();
    let options = OpenOptions { durability: Durability::Normal, ..OpenOptions::default() };
    let store = SqliteStore::open(&path, &schema(), options).unwrap();
    let wal_bytes = || std::fs::metadata(path.with_extension("crm-wal")).unwrap().len();
    let mut sizes = Vec::new();
    for round in 0..40 {
        let rows = (round * 500..(round + 1) * 500)
            .map(|id| with(item_row(id, "x"), 6, Cell::Bytes(vec![1; 2_000])));
        let mut tx = store.begin(Mode::Write).unwrap();
        tx.insert(item(), &rows.collect::<Vec<_>>()).unwrap();
        tx.commit().unwrap();
        sizes.push(wal_bytes());
    }
    assert!(sizes.is_sorted(), "the WAL was cut back: {sizes:?}");
    assert!(*sizes.last().unwrap() < 24 << 20, "the WAL grows: {sizes:?}");
}

#[test]
fn waiting_writers_take_turns_and_give_up_in_time() {
    let (_folder, path) = folder();
    let options = OpenOptions { busy_timeout_ms: 300, ..OpenOptions::default() };
    let store = SqliteStore::open(&path, &schema(), options).unwrap();
    let held = store.begin(Mode::Write).unwrap();
    let since = Instant::now();
    assert_eq!(store.begin(Mode::Write).err().unwrap().code(), &BUSY);
    assert!(since.elapsed() >= Duration::from_millis(290), "{:?}", since.elapsed());
    drop(held);
    // Another process, as far as SQLite can tell.
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let since = Instant::now();
    assert_eq!(store.begin(Mode::Write).err().unwrap().code(), &BUSY);
    assert!(since.elapsed() >= Duration::from_millis(290), "{:?}", since.elapsed());
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    // First come, first served.
    let order = std::sync::Mutex::new(Vec::new());
    let held = store.begin(Mode::Write).unwrap();
    std::thread::scope(|scope| {
        for number in 0..5 {
            let (store, order) = (&store, &order);
            scope.spawn(move || {
                let tx = store.begin(Mode::Write).unwrap();
                order.lock().unwrap().push(number);
                drop(tx);
            });
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(held);
    });
    assert_eq!(order.into_inner().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_long_query_is_stopped_from_another_thread() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    insert(&*store, 0..3_000).unwrap();
    // No row is ever found, so only the engine itself can notice.
    let filter =
        Pred::Or((0..3_000).map(|n| Pred::Contains(ColumnRef::base(1), format!("missing {n}"))).collect());
    let select = Select { filter, ..Select::all(item()) };
    let mut tx = store.begin(Mode::Read).unwrap();
    let interrupt = tx.interrupter().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            interrupt();
        });
        let since = Instant::now();
        let error = tx.select(&select, &mut |_| Ok(Flow::More)).unwrap_err();
        assert_eq!(error.code(), &CANCELLED);
        assert!(since.elapsed() < Duration::from_millis(2_000), "{:?}", since.elapsed());
    });
    drop(tx);
    assert_eq!(count(&*store).unwrap(), 3_000);
}

const ROLE: &str = "CRM_SQLITE_TEST_ROLE";
const FILE: &str = "CRM_SQLITE_TEST_FILE";

/// Runs this test binary once more, as another process in the given role.
fn child(exe: &Path, role: &str, path: &Path) -> Command {
    let mut command = Command::new(exe);
    command.args(["child_process", "--exact", "--nocapture"]).env(ROLE, role).env(FILE, path);
    command
}

fn start(role: &str, path: &Path) -> Child {
    child(&std::env::current_exe().unwrap(), role, path).spawn().unwrap()
}

fn is_role(role: &str) -> bool {
    std::env::var(ROLE).is_ok_and(|found| found == role)
}

/// The other process; in an ordinary run it does nothing.
#[test]
fn child_process() {
    let Ok(path) = std::env::var(FILE) else { return };
    let path = Path::new(&path);
    if is_role("write") {
        let store = SqliteStore::open(
            path,
            &schema(),
            OpenOptions { busy_timeout_ms: 60_000, ..OpenOptions::default() },
        )
        .unwrap();
        for _ in 0..100 {
            let mut tx = store.begin(Mode::Write).unwrap();
            let id = tx.number("shared", 1).unwrap();
            tx.insert(item(), &[item_row(id, "name")]).unwrap();
            tx.commit().unwrap();
            count(&*store).unwrap();
        }
    } else if is_role("write for ever") {
        let store = open(path).unwrap();
        loop {
            let mut tx = store.begin(Mode::Write).unwrap();
            let first = tx.number("shared", 20).unwrap();
            tx.insert(item(), &(first..first + 20).map(|id| item_row(id, "name")).collect::<Vec<_>>())
                .unwrap();
            tx.commit().unwrap();
        }
    } else if is_role("read without permission to write") {
        let options = OpenOptions { read_only: std::env::var("READ_ONLY").is_ok(), ..OpenOptions::default() };
        let store = SqliteStore::open(path, &schema(), options).unwrap();
        assert_eq!(count(&*store).unwrap(), 2);
        assert_eq!(store.begin(Mode::Write).err().unwrap().code(), &READ_ONLY);
        refused(
            SqliteStore::open(path.with_extension("new"), &schema(), OpenOptions::default()),
            &CANNOT_OPEN,
        );
    }
}

#[test]
fn processes_create_and_write_one_file_together() {
    let (_folder, path) = folder();
    let children: Vec<Child> = (0..4).map(|_| start("write", &path)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let store = open(&path).unwrap();
    assert_eq!(count(&*store).unwrap(), 400);
    assert_eq!(store.begin(Mode::Write).unwrap().number("shared", 1).unwrap(), 401);
}

#[test]
fn processes_migrate_one_file_together() {
    for _ in 0..3 {
        let (_folder, path) = folder();
        let old = SqliteStore::open(&path, &schema_at(1), OpenOptions::default()).unwrap();
        let children: Vec<Child> = (0..4).map(|_| start("write", &path)).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        drop(old);
        assert_eq!(count(&*open(&path).unwrap()).unwrap(), 400);
    }
}

#[test]
fn a_killed_process_leaves_whole_commits() {
    let (_folder, path) = folder();
    for round in 1..=5 {
        let mut child = start("write for ever", &path);
        std::thread::sleep(Duration::from_millis(120 + 40 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(&path).unwrap();
        let rows = count(&*store).unwrap();
        let next = store.begin(Mode::Write).unwrap().number("shared", 1).unwrap();
        assert_eq!(next, rows + 1, "rows and numbers were committed together");
    }
    let check: String = Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

/// Root may write everything, whatever the permissions say: the child then runs as another user. A disk that is mounted
/// for reading only cannot be shown here; SQLite reports it with the same codes.
#[cfg(unix)]
#[test]
fn a_file_in_a_place_without_write_permission_is_read() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    let (folder, _) = folder();
    let mode =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(folder.path(), 0o755);
    let exe = folder.path().join("child");
    std::fs::copy(std::env::current_exe().unwrap(), &exe).unwrap();
    mode(&exe, 0o755);
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    for (file_mode, folder_mode) in [(0o444, 0o555), (0o666, 0o555)] {
        let inner = folder.path().join(format!("{file_mode:o}"));
        std::fs::create_dir(&inner).unwrap();
        let path = inner.join("books.crm");
        insert(&*open(&path).unwrap(), [1, 2]).unwrap();
        mode(&path, file_mode);
        mode(&inner, folder_mode);
        for read_only in [false, true] {
            let mut command = child(&exe, "read without permission to write", &path);
            if read_only {
                command.env("READ_ONLY", "1");
            }
            if is_root {
                command.uid(65_534).gid(65_534);
            }
            assert!(command.status().unwrap().success(), "{file_mode:o} {folder_mode:o} {read_only}");
        }
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 1);
        mode(&inner, 0o755);
    }
}
