//! A query over rows in memory: join, filter, group, sort, page.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crm_core::kernel::error::{Error, OVERFLOW, Result};
use crm_core::store::cell::{Cell, CellRef, Row};
use crm_core::store::plan::{ColumnRef, Direction, Output, Select, Sort};

use crate::State;

/// A row of each source; `None` where an optional join found no partner.
type Joined<'s> = Vec<Option<&'s Row>>;

/// What a row sorts by, and what it returns.
type Sorted = (Vec<Cell>, Row);

/// The rows that the query finds, in order.
pub(crate) fn run(state: &State, select: &Select) -> Result<Vec<Row>> {
    let mut found: Vec<Joined<'_>> = Vec::new();
    for row in state.table(select.base.name)?.rows.values() {
        if let Some(joined) = join(state, select, row)?
            && select.filter.evaluate(&|column| cell(&joined, column)) == Some(true)
        {
            found.push(joined);
        }
    }
    let is_grouped = select.outputs.iter().any(|output| output.is_aggregate());
    let mut rows: Vec<Sorted> = if is_grouped { group(select, found)? } else { plain(select, &found) };
    if let Some(after) = &select.after {
        rows.retain(|(key, _)| compare(&select.sort, key, after).is_gt());
    }
    rows.sort_by(|(left, _), (right, _)| compare(&select.sort, left, right));
    let limit = select.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(rows.into_iter().take(limit).map(|(_, row)| row).collect())
}

fn cell<'s>(row: &Joined<'s>, column: ColumnRef) -> CellRef<'s> {
    row[column.source].map_or(CellRef::Null, |row| row[column.column].as_ref())
}

/// The row with its partners; nothing when a required one is missing.
fn join<'s>(state: &'s State, select: &Select, row: &'s Row) -> Result<Option<Joined<'s>>> {
    let mut joined: Joined<'s> = vec![Some(row)];
    for (position, join) in select.joins.iter().enumerate() {
        let partners = &state.table(join.table.name)?.rows;
        let partner = partners.get(&vec![cell(&joined, join.from).to_cell()]);
        let key = ColumnRef { source: position + 1, column: join.table.key[0] };
        // A key is never empty, so only joins make it nullable.
        if partner.is_none() && !select.is_nullable(key) {
            return Ok(None);
        }
        joined.push(partner);
    }
    Ok(Some(joined))
}

/// Compares what two rows sort by; what only one of them has does not count.
fn compare(sort: &[Sort], left: &[Cell], right: &[Cell]) -> Ordering {
    let each = sort.iter().zip(left.iter().zip(right)).map(|(by, (left, right))| match by.direction {
        Direction::Ascending => left.cmp(right),
        Direction::Descending => right.cmp(left),
    });
    each.fold(Ordering::Equal, Ordering::then)
}

fn plain(select: &Select, found: &[Joined<'_>]) -> Vec<Sorted> {
    let one = |row: &Joined<'_>| {
        let column = |output: &Output| match output {
            Output::Column(column) => cell(row, *column).to_cell(),
            _ => Cell::Null,
        };
        (sort_key(select, row), select.outputs.iter().map(column).collect())
    };
    found.iter().map(one).collect()
}

fn sort_key(select: &Select, row: &Joined<'_>) -> Vec<Cell> {
    select.sort.iter().map(|by| cell(row, by.column).to_cell()).collect()
}

fn group(select: &Select, found: Vec<Joined<'_>>) -> Result<Vec<Sorted>> {
    let key = |row: &Joined<'_>| -> Vec<Cell> {
        let column = |output: &Output| match output {
            Output::Column(column) => Some(cell(row, *column).to_cell()),
            _ => None,
        };
        select.outputs.iter().filter_map(column).collect()
    };
    let mut groups: BTreeMap<Vec<Cell>, Vec<Joined<'_>>> = BTreeMap::new();
    if select.outputs.iter().all(|output| output.is_aggregate()) {
        // Aggregates alone have a row even of nothing.
        groups.insert(Vec::new(), Vec::new());
    }
    for row in found {
        groups.entry(key(&row)).or_default().push(row);
    }
    let one = |rows: Vec<Joined<'_>>| -> Result<Sorted> {
        let sort_key = rows.first().map(|row| sort_key(select, row)).unwrap_or_default();
        let outputs =
            select.outputs.iter().map(|output| aggregate(output, &rows)).collect::<Result<Row>>()?;
        Ok((sort_key, outputs))
    };
    groups.into_values().map(one).collect()
}

fn aggregate(output: &Output, rows: &[Joined<'_>]) -> Result<Cell> {
    let values = |column: &ColumnRef| {
        let column = *column;
        rows.iter().map(move |row| cell(row, column)).filter(|cell| *cell != CellRef::Null)
    };
    let owned = |cell: Option<CellRef<'_>>| cell.map_or(Cell::Null, CellRef::to_cell);
    Ok(match output {
        Output::Column(column) => owned(rows.first().map(|row| cell(row, *column))),
        Output::Count => Cell::Int(rows.len() as i64),
        Output::Min(column) => owned(values(column).min()),
        Output::Max(column) => owned(values(column).max()),
        Output::Sum(column) => sum(values(column))?,
        Output::SumWhere(column, condition) => {
            let meets = |row: &&Joined<'_>| condition.evaluate(&|of| cell(row, of)) == Some(true);
            sum(rows.iter().filter(meets).map(|row| cell(row, *column)))?
        }
    })
}

fn sum<'r>(cells: impl Iterator<Item = CellRef<'r>>) -> Result<Cell> {
    let integer = |cell| if let CellRef::Int(value) = cell { Some(i128::from(value)) } else { None };
    let sum = cells.filter_map(integer).reduce(|sum, value| sum + value);
    match sum.map(i64::try_from).transpose() {
        Ok(sum) => Ok(sum.map_or(Cell::Null, Cell::Int)),
        Err(error) => Err(Error::new(&OVERFLOW).because(error)),
    }
}
