//! Rendered queries are served by the indexes that are meant for them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use crm_conformance::sample::{item, line, place, schema};
use crm_core::store::cell::{Cell, CellRef};
use crm_core::store::plan::{ColumnRef, Compare, Direction, Join, Pred, Select, Sort};
use crm_sqlite::{OpenOptions, Sqlite, SqliteStore};
use rusqlite::Connection;

use crm_conformance::sample::item as columns_of_item;

fn base(column: usize) -> ColumnRef {
    ColumnRef::base(column)
}

fn sort(columns: &[(usize, Direction)]) -> Vec<Sort> {
    columns.iter().map(|(column, direction)| Sort { column: base(*column), direction: *direction }).collect()
}

fn plan(connection: &Connection, sql: &str, values: &[crm_sql::Value<'_>]) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for (position, value) in values.iter().enumerate() {
        match value.as_ref() {
            CellRef::Int(value) => statement.raw_bind_parameter(position + 1, value).unwrap(),
            CellRef::Text(value) => statement.raw_bind_parameter(position + 1, value).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    let lines = statement.raw_query().mapped(|row| row.get::<_, String>(3));
    lines.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
}

fn plan_of(connection: &Connection, select: &Select) -> String {
    let mut text = String::new();
    let values = crm_sql::select(&Sqlite, select, &mut text);
    plan(connection, &text, &values)
}

#[test]
fn queries_use_their_indexes() {
    use Direction::{Ascending, Descending};
    use columns_of_item::{DAY, ID, NAME, PLACE, RANK};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.crm");
    let store = SqliteStore::open(&path, &schema(), OpenOptions::default()).unwrap();
    let connection = Connection::open(&path).unwrap();
    let all = || Select { limit: Some(50), ..Select::all(item()) };
    let check = |what: &str, select: Select, expected: &str| {
        let found = plan_of(&connection, &select);
        assert_eq!(found, expected, "{what}");
    };
    let text = |text: &str| Cell::Text(text.to_owned());

    for (what, direction) in [("page up", Ascending), ("page down", Descending)] {
        let page = |after| Select { sort: sort(&[(NAME, direction), (ID, direction)]), after, ..all() };
        check(what, page(None), "SCAN item USING INDEX item_by_name");
        let comparison = if direction == Ascending { ">" } else { "<" };
        let expected = format!("SEARCH item USING INDEX item_by_name ((name,rowid){comparison}(?,?))");
        check(what, page(Some(vec![text("m"), Cell::Int(7)])), &expected);
    }
    check(
        "page by key",
        Select { sort: sort(&[(ID, Ascending)]), after: Some(vec![Cell::Int(7)]), ..all() },
        "SEARCH item USING INTEGER PRIMARY KEY (rowid>?)",
    );
    check(
        "page up and down",
        Select {
            sort: sort(&[(RANK, Ascending), (ID, Descending)]),
            after: Some(vec![Cell::Int(3), Cell::Int(7)]),
            ..all()
        },
        "SEARCH item USING INDEX item_by_rank (rank>?); USE TEMP B-TREE FOR LAST TERM OF ORDER BY",
    );
    check(
        "prefix",
        Select { filter: Pred::Prefix(base(NAME), "上海".into()), ..all() },
        "SEARCH item USING INDEX item_by_name (name>? AND name<?)",
    );
    check(
        "present, sorted",
        Select {
            filter: Pred::IsPresent(base(DAY)),
            sort: sort(&[(DAY, Ascending), (ID, Ascending)]),
            ..all()
        },
        "SEARCH item USING INDEX item_by_day (day>?)",
    );
    check(
        "due until",
        Select { filter: Pred::Compare(base(DAY), Compare::AtMost, Cell::Int(20_000)), ..all() },
        "SEARCH item USING INDEX item_by_day (day<?)",
    );
    check(
        "due on one of some days",
        Select { filter: Pred::In(base(DAY), (0..5).map(Cell::Int).collect()), ..all() },
        "SEARCH item USING INDEX item_by_day (day=?)",
    );
    check(
        "page of a nullable column",
        Select {
            filter: Pred::IsPresent(base(DAY)),
            sort: sort(&[(DAY, Ascending), (ID, Ascending)]),
            after: Some(vec![Cell::Int(3), Cell::Int(7)]),
            ..all()
        },
        "SEARCH item USING INDEX item_by_day ((day,rowid)>(?,?))",
    );
    check(
        "page of a column with a bound before it",
        Select {
            filter: Pred::Compare(base(DAY), Compare::AtLeast, Cell::Int(1)).and(Pred::Compare(
                base(DAY),
                Compare::AtMost,
                Cell::Int(9),
            )),
            sort: sort(&[(DAY, Ascending), (ID, Ascending)]),
            after: Some(vec![Cell::Int(3), Cell::Int(7)]),
            ..all()
        },
        "SEARCH item USING INDEX item_by_day ((day,rowid)>(?,?) AND day<?)",
    );
    check(
        "page of a nullable column, down",
        Select {
            filter: Pred::Compare(base(DAY), Compare::AtLeast, Cell::Int(1)),
            sort: sort(&[(DAY, Descending), (ID, Descending)]),
            after: Some(vec![Cell::Int(3), Cell::Int(7)]),
            ..all()
        },
        "SEARCH item USING INDEX item_by_day (day>? AND (day,rowid)<(?,?))",
    );
    check(
        "join",
        Select {
            joins: vec![Join { from: base(PLACE), table: place(), optional: true }],
            filter: Pred::equal(base(PLACE), Cell::Int(3)),
            outputs: vec![crm_core::store::plan::Output::Column(ColumnRef { source: 1, column: 3 })],
            ..all()
        },
        "SEARCH t0 USING COVERING INDEX item_by_place (place=?); SEARCH t1 USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
    );
    let many = Select { filter: Pred::In(base(ID), (0..1_000).map(Cell::Int).collect()), ..all() };
    let found = plan_of(&connection, &many);
    assert!(found.starts_with("SEARCH item USING INTEGER PRIMARY KEY (rowid=?)"), "{found}");

    let get = |table| plan(&connection, &crm_sql::get(&Sqlite, table), &[]);
    assert_eq!(get(item()), "SEARCH item USING INTEGER PRIMARY KEY (rowid=?)");
    assert_eq!(get(line()), "SEARCH line USING PRIMARY KEY (item=? AND sequence=?)");
    let changes = [(RANK, Cell::Int(1))];
    let filter = Pred::equal(base(ID), Cell::Int(3)).and(Pred::equal(base(RANK), Cell::Int(0)));
    let mut sql = String::new();
    let values = crm_sql::update(&Sqlite, item(), &changes, &filter, &mut sql);
    assert_eq!(plan(&connection, &sql, &values), "SEARCH item USING INTEGER PRIMARY KEY (rowid=?)");
    drop(store);
}
