//! Keyset pages: together they are the whole, each row once, in order.

use crm_core::kernel::error::Result;
use crm_core::store::cell::{Cell, Row};
use crm_core::store::engine::{Store, Tx};
use crm_core::store::plan::{ColumnRef, Direction, Join, Output, Pred, Select, Sort};

use crate::Fixture;
use crate::kit::{
    NULL, ascending, base, check, column, descending, int, read, rows, same, text, write, wrong,
};
use crate::sample::{item, item_row, place, schema, with};

/// Items whose columns repeat, some of them empty.
fn stock(store: &dyn Store) -> Result<()> {
    write(store, |tx| {
        let at = |id: i64, name: &str| vec![int(id), text(""), NULL, text(name)];
        tx.insert(place(), &[at(1, "mill"), at(2, "harbour"), at(3, "中")])?;
        for id in 0..60 {
            let pick = |of: i64| id * 7 % of;
            let row = item_row(id, ["a", "B", "中文", "", "b"][pick(5) as usize]);
            let row = with(row, item::RANK, int(pick(4)));
            let row = with(row, item::AMOUNT, if pick(6) < 2 { NULL } else { int(pick(6) - 4) });
            let row = with(row, item::DAY, if id % 3 == 0 { NULL } else { int(id / 10) });
            let row = with(row, item::PLACE, if id % 4 == 0 { NULL } else { int(id % 3 + 1) });
            tx.insert(item(), &[row])?;
        }
        Ok(())
    })
}

/// The order that the sort columns ask for, worked out here.
fn in_order(mut found: Vec<Row>, sort: &[Sort]) -> Vec<Row> {
    found.sort_by(|left, right| {
        let each = sort.iter().zip(left.iter().zip(right)).map(|(by, (left, right))| match by.direction {
            Direction::Ascending => left.cmp(right),
            Direction::Descending => right.cmp(left),
        });
        each.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    found
}

/// Reads page by page; outputs are the sort columns.
fn by_pages(tx: &mut dyn Tx, select: &Select, limit: u64) -> Result<Vec<Row>> {
    let mut all: Vec<Row> = Vec::new();
    let mut page = Select { limit: Some(limit), ..select.clone() };
    loop {
        let found = rows(tx, &page)?;
        let is_last = (found.len() as u64) < limit;
        all.extend(found);
        if is_last {
            return Ok(all);
        }
        check(all.len() <= 1_000, "pages without end")?;
        page.after = all.last().cloned();
    }
}

fn check_pages(tx: &mut dyn Tx, select: Select) -> Result<()> {
    let outputs = select.sort.iter().map(|by| Output::Column(by.column)).collect();
    let select = Select { outputs, ..select };
    let what = format!("sorted by {:?} where {:?}", select.sort, select.filter);
    let whole = rows(tx, &select)?;
    let unsorted = Select { sort: Vec::new(), ..select.clone() };
    same(&whole, &in_order(rows(tx, &unsorted)?, &select.sort), &what)?;
    for limit in [1, 7, 60] {
        same(&by_pages(tx, &select, limit)?, &whole, format_args!("pages of {limit}, {what}"))?;
    }
    Ok(())
}

pub(super) fn pages_make_the_whole_once(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    stock(&*store)?;
    let (id, name, rank, amount, day) =
        (base(item::ID), base(item::NAME), base(item::RANK), base(item::AMOUNT), base(item::DAY));
    let sorts = [
        vec![ascending(id)],
        vec![descending(id)],
        vec![ascending(name), ascending(id)],
        vec![descending(name), descending(id)],
        vec![ascending(name), descending(id)],
        vec![descending(rank), ascending(name), ascending(id)],
        vec![ascending(rank), ascending(name), ascending(id)],
        vec![ascending(amount), ascending(id)],
        vec![descending(amount), descending(id)],
        vec![descending(amount), ascending(id)],
        vec![ascending(amount), descending(name), ascending(id)],
        vec![ascending(day), ascending(id)],
        vec![descending(day), descending(id)],
        vec![ascending(rank), descending(day), ascending(amount), ascending(id)],
        vec![descending(day), descending(amount), descending(name), descending(id)],
    ];
    read(&*store, |tx| {
        for sort in sorts {
            for filter in
                [Pred::True, Pred::IsPresent(day), Pred::Prefix(name, "a".into()).or(Pred::IsNull(amount))]
            {
                check_pages(tx, Select { sort: sort.clone(), filter, ..Select::all(item()) })?;
            }
        }
        Ok(())
    })
}

pub(super) fn pages_of_joined_columns(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    stock(&*store)?;
    let place_name = ColumnRef { source: 1, column: place::NAME };
    read(&*store, |tx| {
        for optional in [true, false] {
            for by in [ascending(place_name), descending(place_name)] {
                for then in [ascending(base(item::ID)), descending(base(item::ID))] {
                    let joins = vec![Join { from: base(item::PLACE), table: place(), optional }];
                    check_pages(tx, Select { joins, sort: vec![by, then], ..Select::all(item()) })?;
                }
            }
        }
        Ok(())
    })
}

pub(super) fn pages_are_stable_under_inserts(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    write(&*store, |tx| tx.insert(item(), &(0..10).map(|id| item_row(id * 10, "m")).collect::<Vec<_>>()))?;
    let page = Select {
        outputs: vec![column(item::NAME), column(item::ID)],
        sort: vec![ascending(base(item::NAME)), ascending(base(item::ID))],
        limit: Some(5),
        ..Select::all(item())
    };
    let first = read(&*store, |tx| rows(tx, &page))?;
    write(&*store, |tx| {
        tx.insert(item(), &[item_row(1, "a"), item_row(5, "m"), item_row(55, "m"), item_row(2, "z")])?;
        tx.delete(item(), &Pred::equal(base(item::ID), int(40)))
    })?;
    let after = first.last().cloned().ok_or_else(|| wrong("the first page is empty"))?;
    let second = read(&*store, |tx| rows(tx, &Select { after: Some(after), ..page }))?;
    let expected = [50, 55, 60, 70, 80].map(|id| vec![text("m"), int(id)]);
    same(second, expected.to_vec(), "the second page")
}

pub(super) fn a_page_after_part_of_the_sort(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    stock(&*store)?;
    read(&*store, |tx| {
        let select = Select {
            outputs: vec![column(item::RANK)],
            sort: vec![ascending(base(item::RANK)), ascending(base(item::ID))],
            after: Some(vec![int(2)]),
            ..Select::all(item())
        };
        same(rows(tx, &select)?, vec![vec![int(3)]; 15], "whole groups are passed over")
    })
}

pub(super) fn a_page_after_the_last_row_is_empty(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    stock(&*store)?;
    let page = |sort: Vec<Sort>, after: Vec<Cell>| Select { sort, after: Some(after), ..Select::all(item()) };
    let (id, amount) = (base(item::ID), base(item::AMOUNT));
    read(&*store, |tx| {
        let none = |found: Vec<Row>| check(found.is_empty(), format_args!("found {found:?}"));
        none(rows(tx, &page(vec![ascending(id)], vec![int(59)]))?)?;
        none(rows(tx, &page(vec![descending(id)], vec![int(0)]))?)?;
        none(rows(tx, &page(vec![descending(amount), descending(id)], vec![NULL, int(0)]))?)?;
        none(rows(tx, &page(vec![ascending(amount)], vec![int(9)]))?)?;
        let all = rows(tx, &page(vec![ascending(id)], vec![NULL]))?;
        same(all.len(), 60, "rows after an empty cell")
    })
}

pub(super) fn pages_of_groups(fixture: &mut dyn Fixture) -> Result<()> {
    let store = fixture.create(&schema())?;
    stock(&*store)?;
    for sort in [ascending(base(item::AMOUNT)), descending(base(item::AMOUNT))] {
        let select = Select {
            outputs: vec![column(item::AMOUNT), Output::Count],
            sort: vec![sort],
            ..Select::all(item())
        };
        read(&*store, |tx| {
            let whole = rows(tx, &select)?;
            same(whole.len(), 5, "groups")?;
            let mut paged: Vec<Row> = Vec::new();
            while let Some(group) = {
                let after = paged.last().map(|group| group[..1].to_vec());
                rows(tx, &Select { after, limit: Some(1), ..select.clone() })?.pop()
            } {
                paged.push(group);
                check(paged.len() <= whole.len(), "pages without end")?;
            }
            same(paged, whole, "groups, page by page")
        })?;
    }
    Ok(())
}
