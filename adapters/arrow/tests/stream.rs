//! Streams over a real ledger: pages of one snapshot, limits, errors on the way.
#![allow(clippy::unwrap_used)]

use arrow_array::RecordBatchReader;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use crm::app::{Ledger, Rows, Session};
use crm::catalog::operation::parse;
use crm_arrow::RowStream;

fn books(customers: usize) -> (tempfile::TempDir, Ledger, Session) {
    let folder = tempfile::tempdir().unwrap();
    let options = r#"{"clock": {"manual": "2026-03-02T01:00:00Z"}, "durability": "normal"}"#;
    let path = folder.path().join("books.crm");
    let ledger = crm::open(&path.to_string_lossy(), &parse(options).unwrap()).unwrap();
    let session = ledger.session("admin").unwrap();
    for number in 0..customers {
        let input = format!(r#"{{"name": "客户{number:03}", "tags": ["展会"]}}"#);
        session.call("customer.create", &input, &Default::default()).unwrap();
    }
    (folder, ledger, session)
}

fn rows(more: &str) -> Rows {
    parse(&format!(
        r#"{{"dataset": "customer", "select": ["id", "name", "stage", "created_at", "level"]{more}}}"#
    ))
    .unwrap()
}

fn sizes(stream: RowStream) -> Vec<usize> {
    stream.map(|batch| batch.unwrap().num_rows()).collect()
}

#[test]
fn rows_come_in_pages_of_one_snapshot() {
    let (_folder, _ledger, session) = books(7);
    let stream = RowStream::open_paged(&session, rows(""), 3).unwrap();
    session.call("customer.create", r#"{"name": "later"}"#, &Default::default()).unwrap();
    let names: Vec<String> = stream
        .flat_map(|batch| {
            let batch = batch.unwrap();
            assert_eq!(batch.column(2).as_string::<i32>().value(0), "prospect");
            let created = batch.column(3).as_primitive::<TimestampMicrosecondType>();
            assert_eq!(created.value(0), 1_772_413_200_000_000);
            batch.column(1).as_string::<i32>().iter().map(|name| name.unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(names, (0..7).map(|number| format!("客户{number:03}")).collect::<Vec<_>>());
}

#[test]
fn the_limit_is_that_of_the_whole_stream() {
    let (_folder, _ledger, session) = books(7);
    let open = |more: &str| RowStream::open_paged(&session, rows(more), 3).unwrap();
    assert_eq!(sizes(open("")), [3, 3, 1]);
    assert_eq!(sizes(open(r#", "limit": 5"#)), [3, 2]);
    assert_eq!(sizes(open(r#", "limit": 6"#)), [3, 3]);
    assert_eq!(sizes(open(r#", "limit": 2"#)), [2]);
    let none = open(r#", "limit": 0"#);
    assert_eq!(none.schema().fields().len(), 5);
    assert_eq!(sizes(none), [0; 0]);
    assert_eq!(sizes(open(r#", "filter": {"equal": ["name", "nobody"]}"#)), [0; 0]);
}

#[test]
fn a_cancelled_stream_ends_with_the_error() {
    let (_folder, _ledger, session) = books(7);
    let mut stream = RowStream::open_paged(&session, rows(""), 3).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().num_rows(), 3);
    session.cancel();
    let error = stream.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("cancelled"), "{error}");
    assert!(stream.next().is_none(), "an error ends the stream");
    session.call("ledger.get", "{}", &Default::default()).unwrap();
}

#[test]
fn what_is_wrong_with_the_request_shows_at_once() {
    let (_folder, _ledger, session) = books(0);
    let wrong = rows(r#", "filter": {"equal": ["nmae", "x"]}"#);
    let error = RowStream::open(&session, wrong).err().unwrap();
    assert_eq!(error.code(), &crm::kernel::error::UNKNOWN_FIELD);
}
