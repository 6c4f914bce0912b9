//! Measures the engine: `cargo run --release -p crm-sqlite --example measure [rows]`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a measurement, not a product"
)]

use std::hint::black_box;
use std::time::Instant;

use crm_conformance::sample::{item, item_row, schema, with};
use crm_core::store::cell::{Cell, CellRef, Row};
use crm_core::store::engine::{Flow, Mode};
use crm_core::store::plan::{ColumnRef, Compare, Direction, Output, Pred, Select, Sort};
use crm_sqlite::{Durability, OpenOptions, Sqlite, SqliteStore};

fn row(id: i64) -> Row {
    let row = with(item_row(id, "上海某某科技有限公司"), 8, Cell::Int(id % 5));
    let row = with(row, 4, Cell::Int(id * 100));
    with(row, 3, Cell::Text(format!("C-{:08}", id * 7_919 % 10_000_019)))
}

/// Median of five rounds of `count` calls, in microseconds a call.
fn timed(what: &str, count: u32, mut call: impl FnMut(u32)) {
    let mut rounds: Vec<f64> = (0..5)
        .map(|_| {
            let since = Instant::now();
            (0..count).for_each(&mut call);
            since.elapsed().as_secs_f64() * 1e6 / f64::from(count)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what:<44} {:>10.2} µs", rounds[2]);
}

fn main() {
    let rows: i64 = std::env::args().nth(1).map_or(200_000, |rows| rows.parse().unwrap());
    let folder =
        tempfile::tempdir_in(std::env::var("MEASURE_DIR").unwrap_or_else(|_| "/tmp".into())).unwrap();
    let path = folder.path().join("books.crm");
    let store = SqliteStore::open(&path, &schema(), OpenOptions::default()).unwrap();

    let all: Vec<Row> = (0..rows).map(row).collect();
    let since = Instant::now();
    let mut tx = store.begin(Mode::Write).unwrap();
    all.chunks(1_000).for_each(|chunk| tx.insert(item(), chunk).unwrap());
    tx.commit().unwrap();
    println!(
        "insert: {:.0} rows/s (10 columns, 5 indexes, one commit)",
        rows as f64 / since.elapsed().as_secs_f64()
    );

    // The floor: the same table, statements by hand.
    let floor = folder.path().join("floor.db");
    SqliteStore::open(&floor, &schema(), OpenOptions::default()).unwrap();
    let raw = rusqlite::Connection::open(&floor).unwrap();
    raw.execute_batch("PRAGMA cache_size = -32768; BEGIN").unwrap();
    for rows_at_once in [1_usize, 16] {
        let sql = crm_sql::insert(&Sqlite, item(), rows_at_once);
        let mut statement = raw.prepare(&sql).unwrap();
        let since = Instant::now();
        for chunk in all.chunks_exact(rows_at_once) {
            for (position, cell) in chunk.iter().flatten().enumerate() {
                let at = position + 1;
                match cell.as_ref() {
                    CellRef::Null => statement.raw_bind_parameter(at, rusqlite::types::Null).unwrap(),
                    CellRef::Int(value) => statement.raw_bind_parameter(at, value).unwrap(),
                    CellRef::Text(value) => statement.raw_bind_parameter(at, value).unwrap(),
                    CellRef::Bytes(value) => statement.raw_bind_parameter(at, value).unwrap(),
                }
            }
            statement.raw_execute().unwrap();
        }
        println!(
            "insert by hand, {rows_at_once} rows a statement: {:.0} rows/s",
            rows as f64 / since.elapsed().as_secs_f64()
        );
        raw.execute_batch("DELETE FROM item").unwrap();
    }
    drop(raw);

    let key = |n: u32| [Cell::Int(i64::from(n) * 7_919 % rows)];
    let mut tx = store.begin(Mode::Read).unwrap();
    timed("get by key, in a transaction", 20_000, |n| {
        black_box(tx.get(item(), &key(n)).unwrap());
    });
    drop(tx);
    timed("get by key, a transaction each", 20_000, |n| {
        black_box(store.begin(Mode::Read).unwrap().get(item(), &key(n)).unwrap());
    });
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.execute_batch("BEGIN").unwrap();
    let get = crm_sql::get(&Sqlite, item());
    timed("get by hand, in a transaction", 20_000, |n| {
        let mut statement = raw.prepare_cached(&get).unwrap();
        let id = i64::from(n) * 7_919 % rows;
        black_box(statement.query_row([id], |row| row.get::<_, String>(1)).unwrap());
    });
    drop(raw);

    let page = |after: Option<Vec<Cell>>| Select {
        sort: vec![
            Sort { column: ColumnRef::base(8), direction: Direction::Descending },
            Sort { column: ColumnRef::base(0), direction: Direction::Descending },
        ],
        after,
        limit: Some(50),
        ..Select::all(item())
    };
    let mut tx = store.begin(Mode::Read).unwrap();
    timed("first page of 50", 500, |_| tx.select(&page(None), &mut |_| Ok(Flow::More)).unwrap());
    let deep = page(Some(vec![Cell::Int(1), Cell::Int(rows / 2)]));
    timed("deep page of 50", 500, |_| tx.select(&deep, &mut |_| Ok(Flow::More)).unwrap());
    let prefix = Select {
        filter: Pred::Prefix(ColumnRef::base(3), "C-00012".into()),
        limit: Some(10),
        ..Select::all(item())
    };
    timed("prefix, 10 rows", 2_000, |_| tx.select(&prefix, &mut |_| Ok(Flow::More)).unwrap());
    let filter = Pred::And(vec![
        Pred::equal(ColumnRef::base(0), Cell::Int(5)),
        Pred::Compare(ColumnRef::base(8), Compare::AtMost, Cell::Int(3)),
        Pred::In(ColumnRef::base(2), (0..5).map(Cell::Int).collect()),
    ]);
    let small = Select { filter, ..page(None) };
    let mut text = String::new();
    timed("rendering a query of three conditions", 50_000, |_| {
        black_box(crm_sql::select(&Sqlite, &small, &mut text));
    });
    timed("running it", 20_000, |_| tx.select(&small, &mut |_| Ok(Flow::More)).unwrap());
    let mut sum = 0_i64;
    timed("draining every row (a row)", 1, |_| {
        tx.select(&Select::all(item()), &mut |cells| {
            if let CellRef::Int(value) = cells[4] {
                sum = sum.wrapping_add(value);
            }
            Ok(Flow::More)
        })
        .unwrap();
    });
    println!("  over {rows} rows");
    let total =
        Select { outputs: vec![Output::Count, Output::Sum(ColumnRef::base(4))], ..Select::all(item()) };
    timed("count and sum of every row", 1, |_| tx.select(&total, &mut |_| Ok(Flow::More)).unwrap());
    drop(tx);

    for durability in [Durability::Full, Durability::Normal] {
        let options = OpenOptions { durability, ..OpenOptions::default() };
        let store = SqliteStore::open(&path, &schema(), options).unwrap();
        timed(&format!("update of one row and commit, {durability:?}"), 300, |n| {
            let mut tx = store.begin(Mode::Write).unwrap();
            let filter = Pred::equal(ColumnRef::base(0), Cell::Int(i64::from(n)));
            tx.update(item(), &[(4, Cell::Int(i64::from(n)))], &filter).unwrap();
            tx.number("contract", 1).unwrap();
            tx.commit().unwrap();
        });
    }
    println!("file: {} bytes a row", std::fs::metadata(&path).unwrap().len() as i64 / rows);
}
