//! The texts that are rendered, for a dialect with numbered placeholders and an order of empty cells that must be told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use crm_core::store::cell::{Cell, CellRef};
use crm_core::store::plan::{ColumnRef, Compare, Direction, Join, Output, Pred, Select, Sort};
use crm_core::store::schema::{CellType, Column, FieldType, Index, Schema, Table};
use crm_sql::{Dialect, Value};

/// Much like PostgreSQL.
struct Numbered;

impl Dialect for Numbered {
    fn placeholder(&self, out: &mut String, position: usize) {
        out.push_str(&format!("${position}"));
    }

    fn column_type(&self, cell_type: CellType) -> &'static str {
        match cell_type {
            CellType::Int => "bigint",
            CellType::Text => "text COLLATE \"C\"",
            CellType::Bytes => "bytea",
        }
    }

    fn table_suffix(&self, _table: &Table) -> &'static str {
        ""
    }

    fn nulls(&self, direction: Direction) -> &'static str {
        match direction {
            Direction::Ascending => " NULLS FIRST",
            Direction::Descending => " NULLS LAST",
        }
    }

    fn contains(&self) -> (&'static str, &'static str, &'static str) {
        ("strpos(lower(", "), ", ") > 0")
    }

    fn includes(&self) -> (&'static str, &'static str, &'static str) {
        ("strpos(", ", ", ") > 0")
    }

    fn sum(&self) -> (&'static str, &'static str) {
        ("sum(", ")::bigint")
    }

    fn in_json(&self, _cell_type: CellType) -> Option<(&'static str, &'static str)> {
        None
    }

    fn bytes_literal(&self, out: &mut String, bytes: &[u8]) {
        out.push_str("'\\x");
        bytes.iter().for_each(|byte| out.push_str(&format!("{byte:02x}")));
        out.push('\'');
    }
}

fn column(name: &'static str, field_type: FieldType, nullable: bool, since: u32) -> Column {
    Column { name, field_type, nullable, references: None, since, default: None }
}

fn tables() -> [&'static Table; 2] {
    let party = Table {
        name: "party",
        columns: vec![column("id", FieldType::Id, false, 1), column("name", FieldType::Text, false, 1)],
        key: vec![0],
        indexes: vec![],
        since: 1,
    };
    let order = Table {
        name: "order",
        columns: vec![
            column("id", FieldType::Id, false, 1),
            Column { references: Some("party"), ..column("party", FieldType::Id, true, 1) },
            column("due", FieldType::Date, true, 1),
            Column { default: Some(Cell::Text("it's".into())), ..column("note", FieldType::Text, false, 2) },
            Column { default: Some(Cell::Bytes(vec![0, 255])), ..column("seal", FieldType::Bytes, false, 2) },
        ],
        key: vec![0],
        indexes: vec![
            Index { name: "order_by_due", columns: vec![2, 0], unique: false, present: Some(2), since: 1 },
            Index { name: "order_by_note", columns: vec![3], unique: true, present: None, since: 2 },
        ],
        since: 1,
    };
    [Box::leak(Box::new(party)), Box::leak(Box::new(order))]
}

const ID: ColumnRef = ColumnRef::base(0);
const PARTY: ColumnRef = ColumnRef::base(1);
const DUE: ColumnRef = ColumnRef::base(2);
const NOTE: ColumnRef = ColumnRef::base(3);

fn where_of(filter: Pred) -> (String, Vec<String>) {
    let select = Select { outputs: vec![Output::Column(ID)], filter, ..Select::all(tables()[1]) };
    let mut text = String::from("left over");
    let values = crm_sql::select(&Numbered, &select, &mut text);
    let rest = text.strip_prefix("SELECT \"id\" FROM \"order\"").unwrap().to_owned();
    (rest, values.iter().map(shown).collect())
}

fn shown(value: &Value<'_>) -> String {
    match value.as_ref() {
        CellRef::Int(value) => value.to_string(),
        CellRef::Text(value) => format!("'{value}'"),
        other => format!("{other:?}"),
    }
}

#[test]
fn conditions() {
    let int = Cell::Int;
    let is = |column, value| Pred::equal(column, int(value));
    let rows: Vec<(Pred, &str, Vec<&str>)> = vec![
        (Pred::True, "", vec![]),
        (Pred::False, " WHERE FALSE", vec![]),
        (Pred::And(vec![]), " WHERE TRUE", vec![]),
        (Pred::Or(vec![]), " WHERE FALSE", vec![]),
        (is(ID, 3), " WHERE \"id\" = $1", vec!["3"]),
        (
            Pred::Or(vec![Pred::And(vec![is(ID, 1), is(DUE, 2)]), is(DUE, 3).not()]),
            " WHERE (\"id\" = $1 AND \"due\" = $2) OR NOT (\"due\" = $3)",
            vec!["1", "2", "3"],
        ),
        (
            Pred::And(vec![Pred::Or(vec![is(ID, 1), is(ID, 2)]), Pred::Or(vec![is(ID, 3)])]),
            " WHERE (\"id\" = $1 OR \"id\" = $2) AND \"id\" = $3",
            vec!["1", "2", "3"],
        ),
        (Pred::CompareColumns(ID, Compare::NotEqual, PARTY), " WHERE \"id\" <> \"party\"", vec![]),
        (Pred::In(ID, vec![]), " WHERE FALSE", vec![]),
        (Pred::In(ID, vec![int(7)]), " WHERE \"id\" IN ($1)", vec!["7"]),
        (
            Pred::In(ID, vec![int(7), int(8), int(9), int(1), int(2)]),
            " WHERE \"id\" IN ($1, $2, $3, $4, $5, $6, $7, $8)",
            vec!["7", "8", "9", "1", "2", "2", "2", "2"],
        ),
        (
            Pred::Prefix(NOTE, "上海".into()),
            " WHERE \"note\" >= $1 AND \"note\" < $2",
            vec!["'上海'", "'上浸'"],
        ),
        (
            Pred::Prefix(NOTE, "a\u{10FFFF}".into()),
            " WHERE \"note\" >= $1 AND \"note\" < $2",
            vec!["'a\u{10FFFF}'", "'b'"],
        ),
        (
            Pred::Prefix(NOTE, "a\u{D7FF}".into()),
            " WHERE \"note\" >= $1 AND \"note\" < $2",
            vec!["'a\u{D7FF}'", "'a\u{E000}'"],
        ),
        (Pred::Prefix(NOTE, "\u{10FFFF}".into()), " WHERE \"note\" >= $1", vec!["'\u{10FFFF}'"]),
        (Pred::Prefix(NOTE, String::new()), " WHERE \"note\" >= $1", vec!["''"]),
        (
            Pred::And(vec![Pred::Prefix(NOTE, "a".into()), Pred::IsNull(DUE)]),
            " WHERE (\"note\" >= $1 AND \"note\" < $2) AND \"due\" IS NULL",
            vec!["'a'", "'b'"],
        ),
        (Pred::Contains(NOTE, "AbÄ%".into()), " WHERE strpos(lower(\"note\"), $1) > 0", vec!["'abÄ%'"]),
        (Pred::Includes(NOTE, "AbÄ%".into()), " WHERE strpos(\"note\", $1) > 0", vec!["'AbÄ%'"]),
        (Pred::IsPresent(DUE).not(), " WHERE NOT (\"due\" IS NOT NULL)", vec![]),
    ];
    for (pred, expected, values) in rows {
        let what = format!("{pred:?}");
        let (found, found_values) = where_of(pred);
        assert_eq!(found, expected, "{what}");
        assert_eq!(found_values, values, "{what}");
    }
}

#[test]
fn pages() {
    use Direction::{Ascending, Descending};
    let page = |sort: &[(ColumnRef, Direction)], after: &[Option<i64>], filter: Pred| {
        let select = Select {
            outputs: vec![Output::Column(ID)],
            filter,
            sort: sort
                .iter()
                .map(|(column, direction)| Sort { column: *column, direction: *direction })
                .collect(),
            after: Some(after.iter().map(|value| value.map_or(Cell::Null, Cell::Int)).collect()),
            limit: Some(20),
            ..Select::all(tables()[1])
        };
        let mut text = String::new();
        let values = crm_sql::select(&Numbered, &select, &mut text);
        let rest = text.strip_prefix("SELECT \"id\" FROM \"order\" WHERE ").unwrap().to_owned();
        (rest, values.iter().map(shown).collect::<Vec<_>>().join(" "))
    };
    let check =
        |found: (String, String), text: &str, values: &str| assert_eq!(found, (text.into(), values.into()));
    check(page(&[(ID, Ascending)], &[Some(7)], Pred::True), "\"id\" > $1 ORDER BY \"id\" LIMIT $2", "7 20");
    check(
        page(&[(DUE, Descending), (ID, Descending)], &[Some(5), Some(7)], Pred::IsPresent(DUE)),
        "\"due\" IS NOT NULL AND (\"due\", \"id\") < ($1, $2) ORDER BY \"due\" DESC NULLS LAST, \"id\" DESC LIMIT $3",
        "5 7 20",
    );
    check(
        page(&[(DUE, Ascending), (ID, Ascending)], &[Some(5), Some(7)], Pred::True),
        "\"due\" >= $1 AND (\"due\" > $2 OR (\"due\" = $3 AND (\"id\" > $4))) ORDER BY \"due\" NULLS FIRST, \"id\" LIMIT $5",
        "5 5 5 7 20",
    );
    check(
        page(&[(DUE, Descending), (ID, Ascending)], &[Some(5), Some(7)], Pred::True),
        "(\"due\" < $1 OR \"due\" IS NULL OR (\"due\" = $2 AND (\"id\" > $3))) ORDER BY \"due\" DESC NULLS LAST, \"id\" LIMIT $4",
        "5 5 7 20",
    );
    check(
        page(&[(DUE, Ascending), (ID, Ascending)], &[None, Some(7)], Pred::True),
        "(\"due\" IS NOT NULL OR (\"due\" IS NULL AND (\"id\" > $1))) ORDER BY \"due\" NULLS FIRST, \"id\" LIMIT $2",
        "7 20",
    );
    check(
        page(&[(DUE, Descending), (ID, Descending)], &[None, Some(7)], Pred::True),
        "(FALSE OR (\"due\" IS NULL AND (\"id\" < $1))) ORDER BY \"due\" DESC NULLS LAST, \"id\" DESC LIMIT $2",
        "7 20",
    );
}

#[test]
fn joins_and_groups() {
    let [party, order] = tables();
    let name = ColumnRef { source: 1, column: 1 };
    let select = |optional| Select {
        joins: vec![Join { from: PARTY, table: party, optional }],
        outputs: vec![Output::Column(name), Output::Count, Output::Sum(DUE), Output::Max(ID)],
        filter: Pred::equal(name, Cell::Text("x".into())),
        sort: vec![Sort { column: name, direction: Direction::Descending }],
        ..Select::all(order)
    };
    let mut text = String::new();
    crm_sql::select(&Numbered, &select(true), &mut text);
    assert_eq!(
        text,
        "SELECT t1.\"name\", count(*), sum(t0.\"due\")::bigint, max(t0.\"id\") FROM \"order\" AS t0 \
         LEFT JOIN \"party\" AS t1 ON t1.\"id\" = t0.\"party\" WHERE t1.\"name\" = $1 GROUP BY t1.\"name\" \
         ORDER BY t1.\"name\" DESC NULLS LAST"
    );
    crm_sql::select(&Numbered, &select(false), &mut text);
    assert!(text.contains(" JOIN \"party\" AS t1") && !text.contains("LEFT"), "{text}");
    // The condition stands before those of the rows, and so do its values.
    let late = Pred::Compare(DUE, Compare::Less, Cell::Int(5));
    let buckets = Select {
        outputs: vec![Output::Column(PARTY), Output::SumWhere(ID, late)],
        filter: Pred::IsPresent(DUE).and(Pred::equal(PARTY, Cell::Int(6))),
        ..Select::all(order)
    };
    let values = crm_sql::select(&Numbered, &buckets, &mut text);
    assert_eq!(
        text,
        "SELECT \"party\", sum(\"id\") FILTER (WHERE \"due\" < $1)::bigint FROM \"order\" \
         WHERE \"due\" IS NOT NULL AND \"party\" = $2 GROUP BY \"party\""
    );
    assert_eq!(values.iter().map(shown).collect::<Vec<_>>(), ["5", "6"]);
}

#[test]
fn writes() {
    let order = tables()[1];
    assert_eq!(
        crm_sql::insert(&Numbered, order, 2),
        "INSERT INTO \"order\" (\"id\", \"party\", \"due\", \"note\", \"seal\") VALUES ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10)"
    );
    assert_eq!(
        crm_sql::get(&Numbered, order),
        "SELECT \"id\", \"party\", \"due\", \"note\", \"seal\" FROM \"order\" WHERE \"id\" = $1"
    );
    let mut text = String::new();
    let changes = [(3, Cell::Text("n".into())), (2, Cell::Null)];
    let filter = Pred::equal(ID, Cell::Int(4));
    let values = crm_sql::update(&Numbered, order, &changes, &filter, &mut text);
    assert_eq!(text, "UPDATE \"order\" SET \"note\" = $1, \"due\" = $2 WHERE \"id\" = $3");
    assert_eq!(values.iter().map(shown).collect::<Vec<_>>(), ["'n'", "Null", "4"]);
    crm_sql::delete(&Numbered, order, &filter, &mut text);
    assert_eq!(text, "DELETE FROM \"order\" WHERE \"id\" = $1");
}

#[test]
fn schemas() {
    let schema = Schema::new(2, tables().to_vec());
    let fresh = crm_sql::migrate(&Numbered, &schema, None);
    assert_eq!(
        fresh,
        [
            "CREATE TABLE \"party\" (\"id\" bigint NOT NULL, \"name\" text COLLATE \"C\" NOT NULL, CONSTRAINT \"party_key\" PRIMARY KEY (\"id\"))",
            "CREATE TABLE \"order\" (\"id\" bigint NOT NULL, \"party\" bigint REFERENCES \"party\", \"due\" bigint, \
             \"note\" text COLLATE \"C\" NOT NULL DEFAULT 'it''s', \"seal\" bytea NOT NULL DEFAULT '\\x00ff', \
             CONSTRAINT \"order_key\" PRIMARY KEY (\"id\"))",
            "CREATE INDEX \"order_by_due\" ON \"order\" (\"due\" NULLS FIRST, \"id\") WHERE \"due\" IS NOT NULL",
            "CREATE UNIQUE INDEX \"order_by_note\" ON \"order\" (\"note\")",
        ]
    );
    assert_eq!(
        crm_sql::migrate(&Numbered, &schema, Some(1)),
        [
            "ALTER TABLE \"order\" ADD COLUMN \"note\" text COLLATE \"C\" NOT NULL DEFAULT 'it''s'",
            "ALTER TABLE \"order\" ADD COLUMN \"seal\" bytea NOT NULL DEFAULT '\\x00ff'",
            "CREATE UNIQUE INDEX \"order_by_note\" ON \"order\" (\"note\")",
        ]
    );
    assert!(crm_sql::migrate(&Numbered, &schema, Some(2)).is_empty());
}
