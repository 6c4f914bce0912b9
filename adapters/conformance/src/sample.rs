//! The tables that cases work on: regions, places in them, items at places, and lines of items. Version 3; versions 1 and
//! 2 lack what came later, some of it in the middle of a table.

use std::sync::LazyLock;

use crm_core::store::cell::{Cell, Row};
use crm_core::store::schema::{Column, FieldType, Index, Schema, Table};

/// Columns of [`region`](region()).
pub mod region {
    #![allow(missing_docs, reason = "the names say it")]
    pub const ID: usize = 0;
    pub const NAME: usize = 1;
}

/// Columns of [`place`](place()).
pub mod place {
    #![allow(missing_docs, reason = "the names say it")]
    pub const ID: usize = 0;
    pub const NOTE: usize = 1;
    pub const REGION: usize = 2;
    pub const NAME: usize = 3;
}

/// Columns of [`item`](item()).
pub mod item {
    #![allow(missing_docs, reason = "the names say it")]
    pub const ID: usize = 0;
    pub const NAME: usize = 1;
    pub const FLAG: usize = 2;
    pub const CODE: usize = 3;
    pub const AMOUNT: usize = 4;
    pub const DAY: usize = 5;
    pub const PAYLOAD: usize = 6;
    pub const PLACE: usize = 7;
    pub const RANK: usize = 8;
    pub const SEAL: usize = 9;
}

/// Columns of [`line`](line()).
pub mod line {
    #![allow(missing_docs, reason = "the names say it")]
    pub const ITEM: usize = 0;
    pub const SEQUENCE: usize = 1;
    pub const LABEL: usize = 2;
    pub const QUANTITY: usize = 3;
}

fn column(name: &'static str, field_type: FieldType) -> Column {
    Column { name, field_type, nullable: false, references: None, since: 1, default: None }
}

fn nullable(name: &'static str, field_type: FieldType) -> Column {
    Column { nullable: true, ..column(name, field_type) }
}

fn index(name: &'static str, columns: &[usize]) -> Index {
    Index { name, columns: columns.to_vec(), unique: false, present: None, since: 1 }
}

static REGION: LazyLock<Table> = LazyLock::new(|| Table {
    name: "region",
    columns: vec![column("id", FieldType::Id), column("name", FieldType::Text)],
    key: vec![region::ID],
    indexes: Vec::new(),
    since: 1,
});

static PLACE: LazyLock<Table> = LazyLock::new(|| Table {
    name: "place",
    columns: vec![
        column("id", FieldType::Id),
        Column { since: 3, default: Some(Cell::Text("it's".into())), ..column("note", FieldType::Text) },
        Column { references: Some("region"), ..nullable("region", FieldType::Id) },
        column("name", FieldType::Text),
    ],
    key: vec![place::ID],
    indexes: vec![index("place_by_region", &[place::REGION])],
    since: 1,
});

static ITEM: LazyLock<Table> = LazyLock::new(|| Table {
    name: "item",
    columns: vec![
        column("id", FieldType::Id),
        column("name", FieldType::Text),
        Column { since: 3, default: Some(Cell::Int(-7)), ..column("flag", FieldType::Int) },
        nullable("code", FieldType::Text),
        nullable("amount", FieldType::Decimal(2)),
        Column { since: 2, ..nullable("day", FieldType::Date) },
        nullable("payload", FieldType::Bytes),
        Column { references: Some("place"), ..nullable("place", FieldType::Id) },
        column("rank", FieldType::Int),
        Column { since: 3, default: Some(Cell::Bytes(vec![0, 255])), ..column("seal", FieldType::Bytes) },
    ],
    key: vec![item::ID],
    indexes: vec![
        index("item_by_name", &[item::NAME, item::ID]),
        Index { unique: true, ..index("item_by_code", &[item::CODE]) },
        Index { since: 2, present: Some(item::DAY), ..index("item_by_day", &[item::DAY, item::ID]) },
        index("item_by_place", &[item::PLACE]),
        Index { since: 3, ..index("item_by_rank", &[item::RANK, item::ID]) },
    ],
    since: 1,
});

static LINE: LazyLock<Table> = LazyLock::new(|| Table {
    name: "line",
    columns: vec![
        Column { references: Some("item"), ..column("item", FieldType::Id) },
        column("sequence", FieldType::Int),
        nullable("label", FieldType::Text),
        column("quantity", FieldType::Int),
    ],
    key: vec![line::ITEM, line::SEQUENCE],
    indexes: vec![Index { unique: true, since: 3, ..index("line_by_label", &[line::ITEM, line::LABEL]) }],
    since: 3,
});

/// A region: id, name.
pub fn region() -> &'static Table {
    &REGION
}

/// A place: id, note (since version 3), region (may be empty), name.
pub fn place() -> &'static Table {
    &PLACE
}

/// An item: id, name, flag (since 3), code (unique, may be empty), amount, day (since 2), payload and place (may be
/// empty), rank, seal (since 3).
pub fn item() -> &'static Table {
    &ITEM
}

/// A line of an item (since 3): item and sequence are its key; label (unique in its item, may be empty), quantity.
pub fn line() -> &'static Table {
    &LINE
}

/// The schema in its version 3.
pub fn schema() -> Schema {
    Schema::new(3, vec![&REGION, &PLACE, &ITEM, &LINE])
}

/// The schema as it was.
pub fn schema_at(version: u32) -> Schema {
    let leaked = |table: Table| -> &'static Table { Box::leak(Box::new(table)) };
    Schema::new(version, schema().at_version(version).into_iter().map(leaked).collect())
}

/// An item that has what it must have.
pub fn item_row(id: i64, name: &str) -> Row {
    vec![
        Cell::Int(id),
        Cell::Text(name.to_owned()),
        Cell::Int(0),
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Int(0),
        Cell::Bytes(Vec::new()),
    ]
}

/// The row with another value in one column.
#[must_use]
pub fn with(mut row: Row, column: usize, value: Cell) -> Row {
    if let Some(cell) = row.get_mut(column) {
        *cell = value;
    }
    row
}
