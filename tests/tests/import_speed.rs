//! Bulk import against hand-written inserts of the same rows into the same tables, side by side.
//!
//! `cargo test --release -p crm-tests --test import_speed -- --ignored --nocapture`
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant as Stopwatch};

use crm::OpenOptions;
use crm::areas::import::{ColumnMapping, Content, ImportKind, OnExisting, RunImport};
use crm::areas::party::rules::check_credit_code;

/// Wall and processor time.
type Times = (Duration, Duration);

/// What `work` takes; where the system does not tell processor time, wall time stands for it.
fn timed(work: impl FnOnce()) -> Times {
    let ticks = || -> Option<u64> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // User and system time, in hundredths of a second.
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    let (begun, before) = (Stopwatch::now(), ticks());
    work();
    let wall = begun.elapsed();
    let cpu = before.zip(ticks()).map(|(before, after)| Duration::from_millis((after - before) * 10));
    (wall, cpu.unwrap_or(wall))
}

const ROWS: usize = 100_000;
const ROUNDS: usize = 5;

/// A credit code that is valid, by trying every check character.
fn credit_code(number: usize) -> String {
    let body = format!("9135010{:010}", 1_000_000_000 + number);
    "0123456789ABCDEFGHJKLMNPQRTUWXY"
        .chars()
        .find_map(|check| check_credit_code(&format!("{body}{check}")).ok())
        .unwrap()
}

fn file() -> String {
    let mut text = "key,name,level,industry,region,credit_code,phone\n".to_owned();
    for number in 0..ROWS {
        let level = ["A", "B", "C", "D"][number % 4];
        text.push_str(&format!(
            "K{number:07},第{number}精密仪器有限公司,{level},仪器仪表,杭州,{},0571-{number:08}\n",
            credit_code(number)
        ));
    }
    text
}

fn ours(path: &Path, text: &str) -> Times {
    let session =
        crm::open(&path.to_string_lossy(), &OpenOptions::default()).unwrap().session("admin").unwrap();
    let columns = ["name", "level", "industry", "region", "credit_code", "phone"];
    let mapping = columns.map(|name| ColumnMapping {
        column: Some(name.to_owned()),
        field: name.to_owned(),
        ..ColumnMapping::default()
    });
    let request = RunImport {
        kind: ImportKind::Customer,
        content: Content::Text(text.to_owned()),
        encoding: Default::default(),
        delimiter: ",".to_owned(),
        system: "u8".to_owned(),
        key: "key".to_owned(),
        mapping: mapping.to_vec(),
        on_existing: OnExisting::Skip,
        dry_run: false,
        all_or_nothing: false,
    };
    timed(|| {
        let report = session.run(request).unwrap();
        assert_eq!((report.created as usize, report.failed), (ROWS, 0), "{:?}", report.errors.first());
    })
}

fn by_hand(path: &Path, text: &str) -> Times {
    crm::open(&path.to_string_lossy(), &OpenOptions::default()).unwrap();
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection
        // As the engine's own writer is set.
        .execute_batch(
            "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;
             PRAGMA wal_autocheckpoint = 4096;",
        )
        .unwrap();
    let owner: i64 = connection.query_row("SELECT id FROM user", [], |row| row.get(0)).unwrap();
    timed(|| insert_all(&mut connection, owner, text))
}

fn insert_all(connection: &mut rusqlite::Connection, owner: i64, text: &str) {
    let transaction = connection.transaction().unwrap();
    {
        let mut customer = transaction
            .prepare(
                "INSERT INTO customer VALUES (?1, ?2, 1, 1, ?3, ?4, ?5, ?6, ?7, NULL, '', ?8, NULL, NULL, ?9, 1)",
            )
            .unwrap();
        let mut reference =
            transaction.prepare("INSERT INTO external_reference VALUES ('u8', ?1, 'customer', ?2)").unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut row = csv::StringRecord::new();
        let mut id = owner + 1_000;
        while reader.read_record(&mut row).unwrap() {
            id += 1;
            let level = match &row[2] {
                "A" => 1,
                "B" => 2,
                "C" => 3,
                _ => 4,
            };
            customer
                .execute(rusqlite::params![
                    id,
                    &row[1],
                    level,
                    &row[3],
                    &row[4],
                    &row[5],
                    &row[6],
                    owner,
                    1_700_000_000_000_000_i64
                ])
                .unwrap();
            reference.execute(rusqlite::params![&row[0], id]).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[test]
#[ignore = "a measurement: run it in release"]
fn bulk_import_beside_hand_written_inserts() {
    let text = file();
    let (mut imported, mut inserted) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let place = tempfile::tempdir().unwrap();
        inserted.push(by_hand(&place.path().join("hand.crm"), &text));
        imported.push(ours(&place.path().join("ours.crm"), &text));
        println!("round {round}: by hand {:?}, import {:?}", inserted[round], imported[round]);
    }
    let median = |pick: fn(&(Duration, Duration)) -> Duration, times: &[(Duration, Duration)]| {
        let mut times: Vec<u128> = times.iter().map(|times| pick(times).as_millis()).collect();
        times.sort_unstable();
        times[ROUNDS / 2]
    };
    let (wall, cpu) = (|t: &(Duration, Duration)| t.0, |t: &(Duration, Duration)| t.1);
    for (name, pick) in [("wall", wall as fn(&_) -> _), ("cpu", cpu as fn(&_) -> _)] {
        let (ours, hand) = (median(pick, &imported), median(pick, &inserted));
        println!("{name}: by hand {hand} ms, import {ours} ms, {} % (goal 150)", ours * 100 / hand.max(1));
    }
}
