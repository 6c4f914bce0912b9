//! Order, aggregates, joins, and visits.

use crm_core::kernel::error::{OVERFLOW, Result};
use crm_core::store::cell::{Cell, Row};
use crm_core::store::engine::{CANCELLED, Flow, Mode, Store};
use crm_core::store::plan::{ColumnRef, Compare, Join, Output, Pred, Select, Sort};

use crate::Fixture;
use crate::kit::{
    NULL, ascending, base, bytes, check, column, descending, fails, ids, int, read, rows, same, text, write,
    wrong,
};
use crate::sample::{item, item_row, place, region, schema, with};

fn sorted(sort: Vec<Sort>) -> Select {
    Select { outputs: vec![column(item::ID)], sort, ..Select::all(item()) }
}

fn first_ints(found: Vec<Row>) -> Vec<i64> {
    found
        .into_iter()
        .map(|row| if let Some(Cell::Int(value)) = row.first() { *value } else { i64::MIN })
        .collect()
}

pub(super) fn text_orders_by_bytes(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let in_order = [
        "", " ", "10", "9", "A", "B", "Z", "_", "a", "aa", "b", "é", "上", "中", "北", "\u{E000}", "😀", "𠮷",
    ];
    let mut by_bytes = in_order.to_vec();
    by_bytes.sort_unstable();
    write(&*store, |tx| {
        for (position, name) in in_order.iter().rev().enumerate() {
            let row = with(item_row(position as i64, name), item::PAYLOAD, bytes(name.as_bytes()));
            tx.insert(item(), &[with(row, item::CODE, text(name))])?;
        }
        let names = |found: Vec<Row>| -> Vec<Cell> { found.into_iter().flatten().collect() };
        for by in [item::NAME, item::CODE, item::PAYLOAD] {
            let select = Select { outputs: vec![column(item::NAME)], ..sorted(vec![ascending(base(by))]) };
            same(names(rows(tx, &select)?), by_bytes.iter().map(|name| text(name)).collect(), "ascending")?;
            let select = Select { sort: vec![descending(base(by))], ..select };
            same(
                names(rows(tx, &select)?),
                by_bytes.iter().rev().map(|name| text(name)).collect(),
                "descending",
            )?;
        }
        Ok(())
    })
}

pub(super) fn empty_cells_sort_smallest(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        for (id, value) in [(1, int(5)), (2, NULL), (3, int(i64::MIN)), (4, NULL), (5, int(9))] {
            let code = if value == NULL { NULL } else { text(&id.to_string()) };
            let row = with(with(item_row(id, "x"), item::AMOUNT, value.clone()), item::DAY, value);
            tx.insert(item(), &[with(row, item::CODE, code)])?;
        }
        for by in [item::AMOUNT, item::DAY] {
            let up = sorted(vec![ascending(base(by)), ascending(base(item::ID))]);
            same(first_ints(rows(tx, &up)?), vec![2, 4, 3, 1, 5], "ascending")?;
            let down = sorted(vec![descending(base(by)), descending(base(item::ID))]);
            same(first_ints(rows(tx, &down)?), vec![5, 1, 3, 4, 2], "descending")?;
            let mixed = sorted(vec![descending(base(by)), ascending(base(item::ID))]);
            same(first_ints(rows(tx, &mixed)?), vec![5, 1, 3, 2, 4], "down, then up")?;
        }
        let codes = sorted(vec![ascending(base(item::CODE)), descending(base(item::ID))]);
        same(first_ints(rows(tx, &codes)?), vec![4, 2, 1, 3, 5], "texts ascending")
    })
}

pub(super) fn limit_cuts(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        tx.insert(item(), &(1..=5).map(|id| item_row(id, "x")).collect::<Vec<_>>())?;
        for (limit, expected) in
            [(0, vec![]), (2, vec![5, 4]), (9, vec![5, 4, 3, 2, 1]), (u64::MAX, vec![5, 4, 3, 2, 1])]
        {
            let select = Select { limit: Some(limit), ..sorted(vec![descending(base(item::ID))]) };
            same(first_ints(rows(tx, &select)?), expected, format_args!("limit {limit}"))?;
        }
        Ok(())
    })
}

fn totals() -> Vec<Output> {
    let amount = base(item::AMOUNT);
    vec![
        Output::Count,
        Output::Sum(amount),
        Output::Min(amount),
        Output::Max(amount),
        Output::Max(base(item::CODE)),
    ]
}

pub(super) fn aggregates_over_nothing(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    read(&*store, |tx| {
        let all = Select { outputs: totals(), ..Select::all(item()) };
        same(rows(tx, &all)?, vec![vec![int(0), NULL, NULL, NULL, NULL]], "one row for no rows")?;
        let grouped =
            Select { outputs: [vec![column(item::RANK)], totals()].concat(), ..Select::all(item()) };
        same(rows(tx, &grouped)?, vec![], "no groups of no rows")
    })
}

pub(super) fn aggregates_leave_out_empty_cells(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        for (id, amount) in [(1, int(5)), (2, NULL), (3, int(-8))] {
            tx.insert(item(), &[with(item_row(id, "x"), item::AMOUNT, amount)])?;
        }
        let select = Select { outputs: totals(), ..Select::all(item()) };
        same(rows(tx, &select)?, vec![vec![int(3), int(-3), int(-8), int(5), NULL]], "totals")?;
        let none = Select { filter: Pred::IsNull(base(item::AMOUNT)), ..select };
        same(rows(tx, &none)?, vec![vec![int(1), NULL, NULL, NULL, NULL]], "totals of empty cells")
    })
}

pub(super) fn sum_is_exact_or_fails(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let big = (1 << 53) + 1;
    write(&*store, |tx| {
        for (id, amount) in [(1, i64::MAX - 10), (2, 10), (3, 1), (4, big), (5, big)] {
            tx.insert(item(), &[with(item_row(id, "x"), item::AMOUNT, int(amount))])?;
        }
        Ok(())
    })?;
    let sum = |listed: &[i64]| Select {
        outputs: vec![Output::Sum(base(item::AMOUNT))],
        filter: Pred::In(base(item::ID), listed.iter().map(|id| int(*id)).collect()),
        ..Select::all(item())
    };
    read(&*store, |tx| {
        same(rows(tx, &sum(&[1, 2]))?, vec![vec![int(i64::MAX)]], "the largest sum")?;
        same(rows(tx, &sum(&[4, 5]))?, vec![vec![int(2 * big)]], "more than a float keeps")
    })?;
    read(&*store, |tx| fails(rows(tx, &sum(&[1, 2, 3])), &OVERFLOW, "a sum beyond 64 bits").map(|_| ()))?;
    read(&*store, |tx| same(rows(tx, &sum(&[2]))?, vec![vec![int(10)]], "the store goes on"))
}

pub(super) fn sums_under_a_condition(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    let (rank, amount) = (base(item::RANK), base(item::AMOUNT));
    let above = |least| Output::SumWhere(amount, Pred::Compare(amount, Compare::AtLeast, int(least)));
    write(&*store, |tx| {
        let none = Select { outputs: vec![above(0)], ..Select::all(item()) };
        same(rows(tx, &none)?, vec![vec![NULL]], "of no rows")?;
        for (id, rank, name, amount) in [
            (1, 1, "a", int(10)),
            (2, 2, "b", int(20)),
            (3, 1, "a", NULL),
            (4, 1, "b", int(-1)),
            (5, 2, "a", int(2)),
            (6, 3, "a", NULL),
        ] {
            let row = with(item_row(id, name), item::RANK, int(rank));
            tx.insert(item(), &[with(row, item::AMOUNT, amount)])?;
        }
        let of_a = Pred::equal(base(item::NAME), text("a"));
        let select = Select {
            // Values of conditions come before those of the filter, of the page and of the limit.
            outputs: vec![
                column(item::RANK),
                above(5),
                Output::Sum(amount),
                Output::SumWhere(amount, of_a.clone().and(Pred::Compare(amount, Compare::Less, int(9)))),
                Output::SumWhere(amount, Pred::IsNull(amount)),
                Output::SumWhere(rank, of_a.not()),
                Output::SumWhere(rank, Pred::True),
            ],
            filter: Pred::Compare(base(item::ID), Compare::Less, int(100)),
            sort: vec![ascending(rank)],
            ..Select::all(item())
        };
        let one = vec![int(1), int(10), int(9), NULL, NULL, int(1), int(3)];
        let two = vec![int(2), int(20), int(22), int(2), NULL, int(2), int(4)];
        let three = vec![int(3), NULL, NULL, NULL, NULL, NULL, int(3)];
        same(rows(tx, &select)?, vec![one, two.clone(), three], "by group")?;
        let page = Select { after: Some(vec![int(1)]), limit: Some(1), ..select };
        same(rows(tx, &page)?, vec![two], "a page of groups")
    })?;
    write(&*store, |tx| {
        tx.insert(item(), &[with(item_row(7, "x"), item::AMOUNT, int(i64::MAX))])?;
        tx.insert(item(), &[with(item_row(8, "x"), item::AMOUNT, int(i64::MAX))])
    })?;
    let sum = |least| Select { outputs: vec![above(least)], ..Select::all(item()) };
    read(&*store, |tx| {
        let few = Select { filter: Pred::Compare(base(item::ID), Compare::Less, int(8)), ..sum(i64::MAX) };
        same(rows(tx, &few)?, vec![vec![int(i64::MAX)]], "the largest sum")?;
        fails(rows(tx, &sum(i64::MAX)), &OVERFLOW, "a sum beyond 64 bits").map(|_| ())
    })
}

pub(super) fn groups(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| {
        for (id, rank, code, amount) in [
            (1, 1, "a", int(10)),
            (2, 2, "b", int(20)),
            (3, 1, "c", NULL),
            (4, 3, "d", int(1)),
            (5, 2, "e", int(2)),
        ] {
            let row = with(with(item_row(id, "x"), item::RANK, int(rank)), item::CODE, text(code));
            tx.insert(item(), &[with(row, item::AMOUNT, amount)])?;
        }
        let select = Select {
            outputs: vec![
                Output::Count,
                column(item::RANK),
                Output::Sum(base(item::AMOUNT)),
                Output::Min(base(item::CODE)),
            ],
            sort: vec![descending(base(item::RANK))],
            ..Select::all(item())
        };
        let group = |count, rank, sum, code| vec![int(count), int(rank), int(sum), text(code)];
        same(
            rows(tx, &select)?,
            vec![group(1, 3, 1, "d"), group(2, 2, 22, "b"), group(2, 1, 10, "a")],
            "groups",
        )?;
        let limited = Select {
            limit: Some(1),
            filter: Pred::Compare(base(item::RANK), Compare::Less, int(3)),
            ..select.clone()
        };
        same(rows(tx, &limited)?, vec![group(2, 2, 22, "b")], "the first group")?;
        let two = Select {
            outputs: vec![column(item::RANK), column(item::AMOUNT), Output::Count],
            sort: vec![ascending(base(item::AMOUNT)), ascending(base(item::RANK))],
            limit: Some(2),
            ..Select::all(item())
        };
        same(
            rows(tx, &two)?,
            vec![vec![int(1), NULL, int(1)], vec![int(3), int(1), int(1)]],
            "empty cells are a group",
        )
    })
}

fn geography(store: &dyn Store) -> Result<()> {
    write(store, |tx| {
        tx.insert(region(), &[vec![int(1), text("north")], vec![int(2), text("south")]])?;
        let at = |id: i64, region, name: &str| vec![int(id), text(""), region, text(name)];
        tx.insert(place(), &[at(10, int(1), "harbour"), at(11, int(2), "mill"), at(12, NULL, "nowhere")])?;
        for (id, place) in [(100, int(10)), (101, int(11)), (102, int(12)), (103, NULL), (104, int(10))] {
            tx.insert(item(), &[with(item_row(id, "x"), item::PLACE, place)])?;
        }
        Ok(())
    })
}

const PLACE_NAME: ColumnRef = ColumnRef { source: 1, column: place::NAME };
const REGION_NAME: ColumnRef = ColumnRef { source: 2, column: region::NAME };

fn joined(is_place_optional: bool, is_region_optional: bool) -> Select {
    Select {
        joins: vec![
            Join { from: base(item::PLACE), table: place(), optional: is_place_optional },
            Join {
                from: ColumnRef { source: 1, column: place::REGION },
                table: region(),
                optional: is_region_optional,
            },
        ],
        outputs: vec![column(item::ID), Output::Column(PLACE_NAME), Output::Column(REGION_NAME)],
        sort: vec![ascending(base(item::ID))],
        ..Select::all(item())
    }
}

fn found(id: i64, place: &str, region: &str) -> Row {
    let cell = |name: &str| if name.is_empty() { NULL } else { text(name) };
    vec![int(id), cell(place), cell(region)]
}

pub(super) fn groups_of_joined_columns(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    geography(&*store)?;
    let select = Select {
        outputs: vec![Output::Column(REGION_NAME), Output::Count, Output::Sum(base(item::ID))],
        sort: vec![ascending(REGION_NAME)],
        ..joined(true, true)
    };
    let expected = vec![
        vec![NULL, int(2), int(205)],
        vec![text("north"), int(2), int(204)],
        vec![text("south"), int(1), int(101)],
    ];
    read(&*store, |tx| same(rows(tx, &select)?, expected, "groups by region"))
}

pub(super) fn required_joins_drop_rows_without_partner(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    geography(&*store)?;
    let full = joined(false, false);
    let select = Select { joins: full.joins[..1].to_vec(), outputs: full.outputs[..2].to_vec(), ..full };
    read(&*store, |tx| same(first_ints(rows(tx, &select)?), vec![100, 101, 102, 104], "items at a place"))
}

pub(super) fn optional_joins_keep_rows_without_partner(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    geography(&*store)?;
    let full = joined(true, false);
    let select = Select { joins: full.joins[..1].to_vec(), outputs: full.outputs[..2].to_vec(), ..full };
    read(&*store, |tx| {
        same(first_ints(rows(tx, &select)?), vec![100, 101, 102, 103, 104], "all items")?;
        let filtered = |filter| Select { filter, ..select.clone() };
        same(first_ints(rows(tx, &filtered(Pred::IsNull(PLACE_NAME)))?), vec![103], "items without a place")?;
        let not_mill = filtered(Pred::Compare(PLACE_NAME, Compare::NotEqual, text("mill")));
        same(first_ints(rows(tx, &not_mill)?), vec![100, 102, 104], "unknown for items without a place")
    })
}

pub(super) fn chained_joins(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    geography(&*store)?;
    read(&*store, |tx| {
        let required = joined(false, false);
        let all =
            vec![found(100, "harbour", "north"), found(101, "mill", "south"), found(104, "harbour", "north")];
        same(rows(tx, &required)?, all.clone(), "both required")?;
        let expected = vec![all[0].clone(), all[1].clone(), found(102, "nowhere", ""), all[2].clone()];
        same(rows(tx, &joined(false, true))?, expected, "the region optional")?;
        let north = Select { filter: Pred::equal(REGION_NAME, text("north")), ..required };
        same(first_ints(rows(tx, &north)?), vec![100, 104], "items in the north")?;
        let columns = Pred::CompareColumns(PLACE_NAME, Compare::Less, REGION_NAME);
        let select = Select { filter: columns, ..joined(true, true) };
        same(first_ints(rows(tx, &select)?), vec![100, 101, 104], "columns of two joined tables")
    })
}

pub(super) fn an_optional_join_makes_what_follows_optional(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    geography(&*store)?;
    let expected = vec![
        found(100, "harbour", "north"),
        found(101, "mill", "south"),
        found(102, "nowhere", ""),
        found(103, "", ""),
        found(104, "harbour", "north"),
    ];
    read(&*store, |tx| {
        same(rows(tx, &joined(true, true))?, expected.clone(), "both optional")?;
        same(rows(tx, &joined(true, false))?, expected, "the first optional")
    })
}

fn three(fixture: &mut dyn Fixture) -> Result<std::sync::Arc<dyn Store>> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| tx.insert(item(), &(1..=3).map(|id| item_row(id, "x")).collect::<Vec<_>>()))?;
    Ok(store)
}

pub(super) fn a_visit_can_stop(fixture: &mut dyn Fixture) -> Result<()> {
    let store = three(fixture)?;
    let mut seen = 0;
    write(&*store, |tx| {
        tx.select(&sorted(vec![ascending(base(item::ID))]), &mut |_| {
            seen += 1;
            Ok(if seen == 2 { Flow::Stop } else { Flow::More })
        })?;
        tx.insert(item(), &[item_row(4, "after the stop")])
    })?;
    same(seen, 2, "rows seen")?;
    read(&*store, |tx| same(ids(tx, item(), Pred::True)?, vec![1, 2, 3, 4], "rows"))
}

pub(super) fn a_visit_can_fail(fixture: &mut dyn Fixture) -> Result<()> {
    let store = three(fixture)?;
    write(&*store, |tx| {
        let result = tx.select(&Select::all(item()), &mut |_| Err(wrong("the visitor's own")));
        match result {
            Err(error) => {
                check(error == wrong("the visitor's own"), format_args!("the error changed: {error:?}"))?
            }
            Ok(()) => return Err(wrong("the visitor's error was lost")),
        }
        tx.insert(item(), &[item_row(4, "after the error")])
    })?;
    read(&*store, |tx| same(ids(tx, item(), Pred::True)?, vec![1, 2, 3, 4], "rows"))
}

/// An engine without an interrupter has nothing to prove here.
pub(super) fn a_query_can_be_cancelled(fixture: &mut dyn Fixture) -> Result<()> {
    let store = three(fixture)?;
    let mut tx = store.begin(Mode::Write)?;
    let Some(interrupt) = tx.interrupter() else { return Ok(()) };
    tx.insert(item(), &[item_row(4, "lost")])?;
    let mut seen = 0;
    let stopped = tx.select(&sorted(vec![ascending(base(item::ID))]), &mut |_| {
        seen += 1;
        interrupt();
        Ok(Flow::More)
    });
    fails(stopped, &CANCELLED, "the query in progress")?;
    same(seen, 1, "rows seen")?;
    fails(ids(&mut *tx, item(), Pred::True), &CANCELLED, "the call after it")?;
    fails(tx.commit(), &CANCELLED, "the commit")?;
    interrupt();
    let mut next = store.begin(Mode::Write)?;
    interrupt();
    same(ids(&mut *next, item(), Pred::True)?, vec![1, 2, 3], "a late call reaches nobody else")?;
    next.commit()
}
