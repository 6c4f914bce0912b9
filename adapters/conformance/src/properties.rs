//! Random tables, rows and queries: an engine finds what [`Pred::evaluate`] finds, in the order that was asked for, page by
//! page and group by group.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use crm_core::kernel::error::Result;
use crm_core::store::cell::{Cell, CellRef, Row};
use crm_core::store::engine::{Mode, Tx};
use crm_core::store::plan::{ColumnRef, Compare, Direction, Join, Output, Pred, Select, Sort};
use crm_core::store::schema::{CellType, Column, FieldType, Index, Schema, Table};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::Fixture;
use crate::kit::{rows, same, wrong};

/// Runs `rounds` random worlds of two tables each through the engine and through the evaluator in memory.
///
/// # Errors
/// `INTERNAL` with the smallest world in which they differ.
pub fn queries_agree(fixture: &mut dyn Fixture, rounds: u32) -> Result<()> {
    let config =
        Config { cases: rounds, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let fixture = RefCell::new(fixture);
    let outcome = TestRunner::new(config).run(&world(), |world| {
        world.check(&mut **fixture.borrow_mut()).map_err(|error| TestCaseError::fail(format!("{error:?}")))
    });
    outcome.map_err(wrong)
}

/// What is random. Numbers stand for choices and are taken modulo what there is to choose from, so that whatever is left
/// out while shrinking, the rest still means something.
#[derive(Debug, Clone)]
struct World {
    base: TableDraft,
    other: TableDraft,
    is_joined: bool,
    is_optional: bool,
    filters: Vec<PredDraft>,
    sorts: Vec<Vec<(u8, bool)>>,
    page: u64,
}

#[derive(Debug, Clone)]
struct TableDraft {
    /// Type and whether nullable.
    columns: Vec<(u8, bool)>,
    /// Columns, and the column that must be present.
    indexes: Vec<(Vec<u8>, Option<u8>)>,
    /// A value per column; missing ones are the first of their type.
    rows: Vec<Vec<u8>>,
}

#[derive(Debug, Clone)]
enum PredDraft {
    True,
    False,
    And(Vec<PredDraft>),
    Or(Vec<PredDraft>),
    Not(Box<PredDraft>),
    Compare(u8, u8, u8),
    CompareColumns(u8, u8, u8),
    In(u8, Vec<u8>),
    Prefix(u8, u8),
    Contains(u8, u8),
    IsNull(u8),
    IsPresent(u8),
}

fn world() -> impl Strategy<Value = World> {
    let sorts = vec(vec((any::<u8>(), any::<bool>()), 0..4), 1..4);
    (table_draft(), table_draft(), any::<bool>(), any::<bool>(), vec(pred_draft(), 1..12), sorts, 1..6_u64)
        .prop_map(|(base, other, is_joined, is_optional, filters, sorts, page)| World {
            base,
            other,
            is_joined,
            is_optional,
            filters,
            sorts,
            page,
        })
}

fn table_draft() -> impl Strategy<Value = TableDraft> {
    let columns = vec((any::<u8>(), any::<bool>()), 1..5);
    let indexes = vec((vec(any::<u8>(), 1..4), proptest::option::of(any::<u8>())), 0..4);
    let rows = vec(vec(any::<u8>(), 6), 0..16);
    (columns, indexes, rows).prop_map(|(columns, indexes, rows)| TableDraft { columns, indexes, rows })
}

fn pred_draft() -> impl Strategy<Value = PredDraft> {
    let byte = any::<u8>;
    let leaf = prop_oneof![
        1 => Just(PredDraft::True),
        1 => Just(PredDraft::False),
        6 => (byte(), byte(), byte()).prop_map(|(column, compare, value)| PredDraft::Compare(column, compare, value)),
        3 => (byte(), byte(), byte()).prop_map(|(left, compare, right)| PredDraft::CompareColumns(left, compare, right)),
        3 => (byte(), vec(byte(), 0..6)).prop_map(|(column, values)| PredDraft::In(column, values)),
        3 => (byte(), byte()).prop_map(|(column, value)| PredDraft::Prefix(column, value)),
        3 => (byte(), byte()).prop_map(|(column, value)| PredDraft::Contains(column, value)),
        2 => byte().prop_map(PredDraft::IsNull),
        2 => byte().prop_map(PredDraft::IsPresent),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(PredDraft::And),
            vec(inner.clone(), 0..4).prop_map(PredDraft::Or),
            inner.prop_map(|pred| PredDraft::Not(Box::new(pred))),
        ]
    })
}

const INTS: [i64; 9] = [0, 1, -1, 2, 7, i64::MAX, i64::MIN, i64::MAX - 1, 1 << 53];
const TEXTS: [&str; 20] = [
    "",
    "a",
    "A",
    "ab",
    "aB",
    "b",
    "中",
    "中国",
    "中华",
    "国",
    "%",
    "_",
    "\\",
    "'",
    "\u{10FFFF}",
    "a\u{10FFFF}",
    "\u{D7FF}",
    "\u{E000}",
    "É",
    "é",
];
const BYTES: [&[u8]; 5] = [b"", &[0], &[0, 1], &[255], &[255, 255]];
const COMPARES: [Compare; 6] =
    [Compare::Equal, Compare::NotEqual, Compare::Less, Compare::AtMost, Compare::Greater, Compare::AtLeast];

fn pick<T: Copy>(from: &[T], choice: u8) -> T {
    from[usize::from(choice) % from.len()]
}

/// A value of this type; one in five is empty where that may be.
fn cell(cell_type: CellType, may_be_null: bool, choice: u8) -> Cell {
    if may_be_null && choice % 5 == 4 {
        return Cell::Null;
    }
    match cell_type {
        CellType::Int => Cell::Int(pick(&INTS, choice)),
        CellType::Text => Cell::Text(pick(&TEXTS, choice).to_owned()),
        CellType::Bytes => Cell::Bytes(pick(&BYTES, choice).to_owned()),
    }
}

/// Columns of the key and, in the base table, of the reference come before the random ones.
const KEY: usize = 0;
const REFERENCE: usize = 1;

impl TableDraft {
    fn table(&self, name: &'static str, references: Option<&'static str>) -> &'static Table {
        const NAMES: [&str; 4] = ["first", "second", "third", "order"];
        const INDEXES: [[&str; 3]; 2] =
            [["other_one", "other_two", "other_three"], ["base_one", "base_two", "base_three"]];
        let column = |name, field_type, nullable| Column {
            name,
            field_type,
            nullable,
            references: None,
            since: 1,
            default: None,
        };
        let mut columns = vec![column("id", FieldType::Id, false)];
        if references.is_some() {
            columns.push(Column { references, ..column("reference", FieldType::Id, true) });
        }
        for (name, (choice, nullable)) in NAMES.into_iter().zip(&self.columns) {
            let field_type =
                pick(&[FieldType::Int, FieldType::Text, FieldType::Text, FieldType::Bytes], *choice);
            columns.push(column(name, field_type, *nullable));
        }
        let positions: Vec<usize> = (0..columns.len()).collect();
        let names = INDEXES[usize::from(references.is_some())];
        let indexes = names
            .into_iter()
            .zip(&self.indexes)
            .map(|(name, (chosen, present))| {
                let mut over: Vec<usize> = Vec::new();
                for choice in chosen {
                    let position = pick(&positions, *choice);
                    if !over.contains(&position) {
                        over.push(position);
                    }
                }
                let present = present.map(|choice| pick(&positions, choice));
                Index { name, columns: over, unique: false, present, since: 1 }
            })
            .collect();
        Box::leak(Box::new(Table { name, columns, key: vec![KEY], indexes, since: 1 }))
    }

    fn rows(&self, table: &Table, references: usize) -> Vec<Row> {
        let row = |(id, choices): (usize, &Vec<u8>)| {
            let mut choices = choices.iter().copied();
            let cells = table.columns.iter().enumerate().map(|(position, column)| {
                if position == KEY {
                    return Cell::Int(id as i64);
                }
                let choice = choices.next().unwrap_or_default();
                if column.references.is_some() {
                    let target = usize::from(choice) % (references + 1);
                    return if target == references { Cell::Null } else { Cell::Int(target as i64) };
                }
                cell(column.field_type.cell_type(), column.nullable, choice)
            });
            cells.collect()
        };
        self.rows.iter().enumerate().map(row).collect()
    }
}

/// The columns that conditions and sorts may name, with their types.
type Columns = Vec<(ColumnRef, CellType)>;

impl PredDraft {
    fn pred(&self, columns: &Columns) -> Pred {
        let of_type = |choice: u8, cell_type: CellType| -> Option<ColumnRef> {
            let fitting: Columns = columns.iter().copied().filter(|(_, of)| *of == cell_type).collect();
            (!fitting.is_empty()).then(|| pick(&fitting, choice).0)
        };
        match self {
            PredDraft::True => Pred::True,
            PredDraft::False => Pred::False,
            PredDraft::And(all) => Pred::And(all.iter().map(|pred| pred.pred(columns)).collect()),
            PredDraft::Or(any) => Pred::Or(any.iter().map(|pred| pred.pred(columns)).collect()),
            PredDraft::Not(pred) => pred.pred(columns).not(),
            PredDraft::Compare(column, compare, value) => {
                let (column, cell_type) = pick(columns, *column);
                Pred::Compare(column, pick(&COMPARES, *compare), cell(cell_type, true, *value))
            }
            PredDraft::CompareColumns(left, compare, right) => {
                let (left, cell_type) = pick(columns, *left);
                let right = of_type(*right, cell_type).unwrap_or(left);
                Pred::CompareColumns(left, pick(&COMPARES, *compare), right)
            }
            PredDraft::In(column, values) => {
                let (column, cell_type) = pick(columns, *column);
                Pred::In(column, values.iter().map(|value| cell(cell_type, false, *value)).collect())
            }
            PredDraft::Prefix(column, value) => match of_type(*column, CellType::Text) {
                Some(column) => Pred::Prefix(column, pick(&TEXTS, *value).to_owned()),
                None => Pred::True,
            },
            PredDraft::Contains(column, value) => match of_type(*column, CellType::Text) {
                Some(column) if value % 2 == 0 => Pred::Contains(column, pick(&TEXTS, *value).to_owned()),
                Some(column) => Pred::Includes(column, pick(&TEXTS, *value).to_owned()),
                None => Pred::True,
            },
            PredDraft::IsNull(column) => Pred::IsNull(pick(columns, *column).0),
            PredDraft::IsPresent(column) => Pred::IsPresent(pick(columns, *column).0),
        }
    }
}

/// A row of the join: cells of the base table, then of the joined one, if there is a partner.
struct Joined<'r> {
    base: &'r Row,
    other: Option<&'r Row>,
}

impl<'r> Joined<'r> {
    fn cell(&self, column: ColumnRef) -> CellRef<'r> {
        match column.source {
            0 => self.base[column.column].as_ref(),
            _ => self.other.map_or(CellRef::Null, |other| other[column.column].as_ref()),
        }
    }
}

fn compare_rows(left: &[Cell], right: &[Cell], sort: &[Sort]) -> Ordering {
    let each = sort.iter().zip(left.iter().zip(right)).map(|(by, (left, right))| match by.direction {
        Direction::Ascending => left.cmp(right),
        Direction::Descending => right.cmp(left),
    });
    each.fold(Ordering::Equal, Ordering::then)
}

impl World {
    fn check(&self, fixture: &mut dyn Fixture) -> Result<()> {
        let other = self.other.table("other", None);
        let base = self.base.table("base", Some("other"));
        let other_rows = self.other.rows(other, 0);
        let base_rows = self.base.rows(base, other_rows.len());
        let store = fixture.create(&Schema::new(1, vec![other, base]))?;
        let mut tx = store.begin(Mode::Write)?;
        tx.insert(other, &other_rows)?;
        tx.insert(base, &base_rows)?;

        let joins = if self.is_joined {
            vec![Join { from: ColumnRef::base(REFERENCE), table: other, optional: self.is_optional }]
        } else {
            Vec::new()
        };
        let mut columns: Columns = Vec::new();
        let sources = if self.is_joined { vec![base, other] } else { vec![base] };
        for (source, table) in sources.into_iter().enumerate() {
            for (column, declared) in table.columns.iter().enumerate() {
                columns.push((ColumnRef { source, column }, declared.field_type.cell_type()));
            }
        }
        let partner = |row: &Row| match row[REFERENCE] {
            Cell::Int(id) => other_rows.iter().find(|other| other[KEY] == Cell::Int(id)),
            _ => None,
        };
        let all: Vec<Joined<'_>> = base_rows
            .iter()
            .map(|row| Joined { base: row, other: if self.is_joined { partner(row) } else { None } })
            .filter(|row| !self.is_joined || self.is_optional || row.other.is_some())
            .collect();

        for (position, draft) in self.filters.iter().enumerate() {
            let filter = draft.pred(&columns);
            let found: Vec<&Joined<'_>> =
                all.iter().filter(|row| filter.evaluate(&|column| row.cell(column)) == Some(true)).collect();
            let select = Select { joins: joins.clone(), filter, ..Select::all(base) };
            let sort = self.sort(&self.sorts[position % self.sorts.len()], &columns);
            self.check_rows(&mut *tx, &select, &found, sort)?;
            check_groups(&mut *tx, &select, &found, &columns, position)?;
        }
        // Updates and deletes find what a query over the base table alone finds.
        let own: Columns = columns.iter().copied().filter(|(column, _)| column.source == 0).collect();
        for draft in self.filters.iter().take(3) {
            let filter = draft.pred(&own);
            let count = base_rows
                .iter()
                .filter(|row| filter.evaluate(&|column| row[column.column].as_ref()) == Some(true))
                .count() as u64;
            let touch = [(REFERENCE, Cell::Null)];
            tx.nest(crm_core::store::engine::Nest::Begin)?;
            same(tx.update(base, &touch, &filter)?, count, format_args!("updated where {filter:?}"))?;
            tx.nest(crm_core::store::engine::Nest::Undo)?;
            tx.nest(crm_core::store::engine::Nest::Begin)?;
            same(tx.delete(base, &filter)?, count, format_args!("deleted where {filter:?}"))?;
            tx.nest(crm_core::store::engine::Nest::Undo)?;
        }
        Ok(())
    }

    /// The sort of a draft, made total by the key.
    fn sort(&self, draft: &[(u8, bool)], columns: &Columns) -> Vec<Sort> {
        let direction = |is_down| if is_down { Direction::Descending } else { Direction::Ascending };
        let mut sort: Vec<Sort> = Vec::new();
        for (choice, is_down) in draft {
            let column = pick(columns, *choice).0;
            if sort.iter().all(|by| by.column != column) {
                sort.push(Sort { column, direction: direction(*is_down) });
            }
        }
        if sort.iter().all(|by| by.column != ColumnRef::base(KEY)) {
            sort.push(Sort {
                column: ColumnRef::base(KEY),
                direction: direction(self.page.is_multiple_of(2)),
            });
        }
        sort
    }

    fn check_rows(
        &self,
        tx: &mut dyn Tx,
        select: &Select,
        found: &[&Joined<'_>],
        sort: Vec<Sort>,
    ) -> Result<()> {
        let cells = |row: &&Joined<'_>| sort.iter().map(|by| row.cell(by.column).to_cell()).collect();
        let mut expected: Vec<Row> = found.iter().map(cells).collect();
        expected.sort_by(|left, right| compare_rows(left, right, &sort));
        let outputs = sort.iter().map(|by| Output::Column(by.column)).collect();
        let select = Select { outputs, sort, ..select.clone() };
        same(
            &rows(tx, &select)?,
            &expected,
            format_args!("{:?} sorted by {:?}", select.filter, select.sort),
        )?;
        let mut paged: Vec<Row> = Vec::new();
        loop {
            let page = Select { after: paged.last().cloned(), limit: Some(self.page), ..select.clone() };
            let page = rows(tx, &page)?;
            let is_last = (page.len() as u64) < self.page;
            paged.extend(page);
            if is_last || paged.len() > expected.len() {
                break;
            }
        }
        same(
            &paged,
            &expected,
            format_args!("pages of {} of {:?} sorted by {:?}", self.page, select.filter, select.sort),
        )
    }
}

/// Groups by one column, with every aggregate of another.
fn check_groups(
    tx: &mut dyn Tx,
    select: &Select,
    found: &[&Joined<'_>],
    columns: &Columns,
    choice: usize,
) -> Result<()> {
    let (by, _) = columns[choice % columns.len()];
    let (of, cell_type) = columns[(choice + 1) % columns.len()];
    let mut groups: BTreeMap<Cell, Vec<CellRef<'_>>> = BTreeMap::new();
    for row in found {
        groups.entry(row.cell(by).to_cell()).or_default().push(row.cell(of));
    }
    let is_present = |cell: &CellRef<'_>| *cell != CellRef::Null;
    let ints = |cells: &[CellRef<'_>]| -> Vec<i128> {
        cells
            .iter()
            .filter_map(|cell| if let CellRef::Int(value) = cell { Some(i128::from(*value)) } else { None })
            .collect()
    };
    // Engines may add in any order, so only what overflows in none is compared.
    let is_small =
        |cells: &Vec<CellRef<'_>>| ints(cells).iter().map(|value| value.abs()).sum::<i128>() < 1 << 62;
    let sums = cell_type == CellType::Int && groups.values().all(is_small);
    // Rows of a group for which a comparison with its first cell is true: unknown, as for empty cells, is not.
    let bound = groups.values().flatten().copied().find(|cell| is_present(cell)).map(CellRef::to_cell);
    let condition = match &bound {
        Some(bound) => Pred::Compare(of, Compare::AtMost, bound.clone()),
        None => Pred::IsNull(of),
    };
    let mut outputs = vec![Output::Column(by), Output::Count, Output::Min(of), Output::Max(of)];
    if sums {
        outputs.push(Output::Sum(of));
        outputs.push(Output::SumWhere(of, condition));
    }
    let expected: Vec<Row> = groups
        .into_iter()
        .map(|(key, cells)| {
            let extreme = |cell: Option<CellRef<'_>>| cell.map_or(Cell::Null, CellRef::to_cell);
            let mut row = vec![
                key,
                Cell::Int(cells.len() as i64),
                extreme(cells.iter().copied().filter(is_present).min()),
                extreme(cells.iter().copied().filter(is_present).max()),
            ];
            if sums {
                let within = |cell: &CellRef<'_>| {
                    bound.as_ref().is_some_and(|bound| is_present(cell) && *cell <= bound.as_ref())
                };
                let few: Vec<CellRef<'_>> = cells.iter().copied().filter(within).collect();
                for values in [ints(&cells), ints(&few)] {
                    let sum = values.iter().sum::<i128>() as i64;
                    row.push(if values.is_empty() { Cell::Null } else { Cell::Int(sum) });
                }
            }
            row
        })
        .collect();
    let sort = vec![Sort { column: by, direction: Direction::Ascending }];
    let select = Select { outputs, sort, ..select.clone() };
    same(rows(tx, &select)?, expected, format_args!("groups by {by:?} of {:?}", select.filter))
}
