//! Lists, pages and summaries over datasets: one mechanism for every list operation, for Arrow and for reports.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::context::Cx;
use crate::app::reach::{Reader, scope};
use crate::catalog::{Access, Level};
use crate::kernel::date;
use crate::kernel::error::{self, Error, Result};
use crate::store::cell::{Cell, CellRef, Row};
use crate::store::dataset::{Binder, Dataset, SortBy};
use crate::store::engine::Flow;
use crate::store::expr::{Expr, Period};
use crate::store::plan::Output;
use crate::store::record::Record;
use crate::store::schema::FieldType;

/// Most rows of one page.
pub const PAGE_ROWS_MAX: u32 = 1000;
/// Rows of a page when the caller does not say.
const PAGE_ROWS: u32 = 100;

/// What every list operation takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListRequest {
    /// Which records; all that you may see when left out.
    pub filter: Option<Expr>,
    /// Their order; oldest first when left out.
    pub sort: Vec<SortBy>,
    /// At most so many, up to 1000; 100 when left out.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The records.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last one.
    pub next: Option<String>,
}

/// A column of a [`Frame`].
#[derive(Debug, Clone, PartialEq)]
pub struct FrameColumn {
    /// Name.
    pub name: String,
    /// What it holds.
    pub field_type: FieldType,
}

/// A table of raw values: what Arrow and reports are made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Columns.
    pub columns: Vec<FrameColumn>,
    /// Rows, one cell per column.
    pub rows: Vec<Row>,
    /// The cursor of the next page; absent on the last one.
    pub next: Option<String>,
}

/// Named columns of a dataset, row by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// The dataset.
    pub dataset: String,
    /// Field names or paths along references.
    pub select: Vec<String>,
    /// Which rows; all that you may see when left out.
    #[serde(default)]
    pub filter: Option<Expr>,
    /// Their order; oldest first when left out.
    #[serde(default)]
    pub sort: Vec<SortBy>,
    /// At most so many, up to 1000; 100 when left out.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A dataset summarised by groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The dataset.
    pub dataset: String,
    /// What rows are grouped by; one group when left out.
    #[serde(default)]
    pub group_by: Vec<GroupBy>,
    /// What is computed for each group.
    pub measures: Vec<Measure>,
    /// Which rows; all that you may see when left out.
    #[serde(default)]
    pub filter: Option<Expr>,
}

/// A grouping field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupBy {
    /// Field name or path.
    pub field: String,
    /// For dates: the period they fall in; the group shows its first day.
    #[serde(default)]
    pub period: Option<Period>,
}

/// A figure of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Number of rows: `{"count": "name"}`.
    Count(String),
    /// Sum of a number field, exact: `{"sum": "field"}`.
    Sum(String),
    /// Smallest value: `{"min": "field"}`.
    Min(String),
    /// Largest value: `{"max": "field"}`.
    Max(String),
}

impl Cx<'_> {
    /// A page of the records of a dataset's base table.
    ///
    /// # Errors
    /// Of the request, with its field; of the engine.
    pub fn list<R: Record>(&mut self, dataset: &'static Dataset, request: &ListRequest) -> Result<Page<R>> {
        let (catalog, actor, ids) = (self.catalog(), self.actor().clone(), self.ids());
        let reader = Reader { actor: &actor, catalog, ids };
        let mut binder = Binder::new(catalog.schema(), dataset).guarded(&reader);
        let width = R::table().columns.len();
        binder.select.outputs = crate::store::plan::Select::all(R::table()).outputs;
        self.narrow(&mut binder, request.filter.as_ref())?;
        let limit = request.page_limit()?;
        let mut items = Vec::new();
        let next = self.read_page(&mut binder, &request.sort, request.cursor.as_deref(), limit, |cells| {
            items.push(R::decode(&cells[..width], ids)?);
            Ok(())
        })?;
        Ok(Page { items, next })
    }

    /// A page of named columns. `limit` may exceed the page maximum when the caller streams.
    ///
    /// # Errors
    /// Of the request, with its field; `DENIED`; of the engine.
    pub fn rows(&mut self, request: &Rows, limit: u32) -> Result<Frame> {
        let mut rows = Vec::new();
        let (columns, next) = self.each_row(request, limit, |cells| {
            rows.push(cells.iter().map(|cell| cell.to_cell()).collect());
            Ok(())
        })?;
        Ok(Frame { columns, rows, next })
    }

    /// The same, row by row as the engine hands them out: the columns, and the cursor of the next page.
    ///
    /// # Errors
    /// As [`rows`](Self::rows); those of `take`.
    pub fn each_row(
        &mut self,
        request: &Rows,
        limit: u32,
        mut take: impl FnMut(&[CellRef<'_>]) -> Result<()>,
    ) -> Result<(Vec<FrameColumn>, Option<String>)> {
        let dataset = self.open_dataset(&request.dataset)?;
        let (catalog, actor, ids) = (self.catalog(), self.actor().clone(), self.ids());
        let reader = Reader { actor: &actor, catalog, ids };
        let mut binder = Binder::new(catalog.schema(), dataset).guarded(&reader);
        if request.select.is_empty() {
            return Err(Error::new(&error::EMPTY_LIST).at("select"));
        }
        check_count("select", request.select.len(), COLUMNS_MAX)?;
        let mut columns = Vec::with_capacity(request.select.len());
        for (index, name) in request.select.iter().enumerate() {
            let bound = binder.resolve(name).map_err(|error| error.within(format!("select[{index}]")))?;
            binder.select.outputs.push(Output::Column(bound.column));
            columns.push(FrameColumn { name: name.clone(), field_type: bound.field_type });
        }
        self.narrow(&mut binder, request.filter.as_ref())?;
        let width = columns.len();
        let next = self.read_page(&mut binder, &request.sort, request.cursor.as_deref(), limit, |cells| {
            take(&cells[..width])
        })?;
        Ok((columns, next))
    }

    /// Groups and figures of a dataset, groups in ascending order.
    ///
    /// # Errors
    /// `TOO_MANY_GROUPS`, see [`GROUPS_MAX`]; of the request, with its field; `DENIED`; of the engine.
    pub fn summarise(&mut self, request: &Summary) -> Result<Frame> {
        let dataset = self.open_dataset(&request.dataset)?;
        let (catalog, actor, ids) = (self.catalog(), self.actor().clone(), self.ids());
        let reader = Reader { actor: &actor, catalog, ids };
        let mut binder = Binder::new(catalog.schema(), dataset).guarded(&reader);
        check_count("group_by", request.group_by.len(), COLUMNS_MAX)?;
        check_count("measures", request.measures.len(), COLUMNS_MAX)?;
        let mut columns = Vec::new();
        for (index, group) in request.group_by.iter().enumerate() {
            let at = |error: Error| error.within(format!("group_by[{index}].field"));
            let bound = binder.resolve(&group.field).map_err(at)?;
            if group.period.is_some() && bound.field_type != FieldType::Date {
                let (reason, zh) =
                    (format!("{} is not a date", group.field), format!("{} 不是日期字段", group.field));
                return Err(Error::new(&error::NOT_APPLICABLE)
                    .at(format!("group_by[{index}].period"))
                    .with_both("reason", reason, zh));
            }
            binder.select.outputs.push(Output::Column(bound.column));
            columns.push(FrameColumn { name: group.field.clone(), field_type: bound.field_type });
        }
        if request.measures.is_empty() {
            return Err(Error::new(&error::EMPTY_LIST).at("measures"));
        }
        for (index, measure) in request.measures.iter().enumerate() {
            let (output, column) =
                measure.bind(&mut binder).map_err(|e| e.within(format!("measures[{index}]")))?;
            binder.select.outputs.push(output);
            columns.push(column);
        }
        self.narrow(&mut binder, request.filter.as_ref())?;
        // Engines group by the stored day; days fold into periods here, so that no engine computes with dates.
        let groups = request.group_by.len();
        let mut folded: BTreeMap<Vec<Cell>, Vec<Cell>> = BTreeMap::new();
        let outputs = binder.select.outputs.clone();
        self.tx.select(&binder.select, &mut |cells| {
            let mut key = Vec::with_capacity(groups);
            for (cell, group) in cells.iter().zip(&request.group_by) {
                key.push(match (cell, group.period) {
                    (CellRef::Int(day), Some(period)) => {
                        Cell::Int(date::to_day_number(period.start(date::from_day_number(*day)?)))
                    }
                    (cell, _) => cell.to_cell(),
                });
            }
            let figures: Vec<Cell> = cells[groups..].iter().map(|cell| cell.to_cell()).collect();
            if folded.len() >= GROUPS_MAX && !folded.contains_key(&key) {
                return Err(Error::new(&super::TOO_MANY_GROUPS).at("group_by").with("max", GROUPS_MAX));
            }
            match folded.entry(key) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(figures);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    for ((sum, figure), output) in
                        entry.get_mut().iter_mut().zip(figures).zip(&outputs[groups..])
                    {
                        *sum = fold(std::mem::take(sum), figure, output)?;
                    }
                }
            }
            Ok(Flow::More)
        })?;
        let rows = folded.into_iter().map(|(mut key, figures)| {
            key.extend(figures);
            key
        });
        Ok(Frame { columns, rows: rows.collect(), next: None })
    }

    fn open_dataset(&self, name: &str) -> Result<&'static Dataset> {
        let dataset = self.catalog().dataset(name).map_err(|error| error.within("dataset"))?;
        if let Some(area) = self.catalog().area_of_dataset(name) {
            self.require(Access::Level(area.name, Level::Read))?;
        }
        Ok(dataset)
    }

    /// Narrows a query to a filter and to what the user may see.
    pub(crate) fn narrow(&mut self, binder: &mut Binder<'_>, filter: Option<&Expr>) -> Result<()> {
        self.narrow_at(binder, filter, Level::Read)
    }

    /// Narrows a query to a filter and to what the user reaches at this level.
    pub(crate) fn narrow_at(
        &mut self,
        binder: &mut Binder<'_>,
        filter: Option<&Expr>,
        level: Level,
    ) -> Result<()> {
        if let Some(filter) = filter {
            check_count("filter", filter.size(), FILTER_MAX)?;
            let pred = self
                .with_moment(|moment| filter.bind(binder, moment))
                .map_err(|error| error.within("filter"))?;
            binder.filter(pred);
        }
        if let Some(paths) = binder.dataset().scope {
            let (actor, ids) = (self.actor().clone(), self.ids());
            let visible = scope(&actor, ids, binder, 0, paths, level)?;
            binder.filter(visible);
        }
        Ok(())
    }

    fn read_page(
        &mut self,
        binder: &mut Binder<'_>,
        sort: &[SortBy],
        cursor: Option<&str>,
        limit: u32,
        mut take: impl FnMut(&[CellRef<'_>]) -> Result<()>,
    ) -> Result<Option<String>> {
        binder.sort(sort).map_err(|error| error.within("sort"))?;
        if let Some(cursor) = cursor {
            binder.after(cursor).map_err(|error| error.within("cursor"))?;
        }
        let keys_at = binder.add_cursor_outputs();
        // One row more than asked for tells whether there is a next page.
        binder.select.limit = Some(u64::from(limit) + 1);
        let (mut rows, mut last, mut next) = (0, Vec::new(), None);
        self.check_cancelled()?;
        self.tx.select(&binder.select, &mut |cells| {
            if rows == limit {
                let keys: Vec<CellRef<'_>> = last.iter().map(Cell::as_ref).collect();
                next = Some(binder.cursor(&keys));
                return Ok(Flow::Stop);
            }
            take(cells)?;
            rows += 1;
            if rows == limit {
                last = keys_at.iter().map(|at| cells[*at].to_cell()).collect();
            }
            Ok(Flow::More)
        })?;
        Ok(next)
    }
}

impl Measure {
    fn bind(&self, binder: &mut Binder<'_>) -> Result<(Output, FrameColumn)> {
        let mut summable = |field: &str| {
            let bound = binder.resolve(field)?;
            match bound.field_type {
                FieldType::Int | FieldType::Small => Ok((bound.column, FieldType::Int)),
                FieldType::Decimal(_) => Ok((bound.column, bound.field_type)),
                _ => Err(Error::new(&error::NOT_APPLICABLE).with_both(
                    "reason",
                    format!("{field} cannot be summed"),
                    format!("{field} 不能求和"),
                )),
            }
        };
        Ok(match self {
            Measure::Count(name) => {
                (Output::Count, FrameColumn { name: name.clone(), field_type: FieldType::Int })
            }
            Measure::Sum(field) => {
                let (column, field_type) = summable(field)?;
                (Output::Sum(column), FrameColumn { name: format!("sum_{field}"), field_type })
            }
            Measure::Min(field) => {
                let bound = binder.resolve(field)?;
                (
                    Output::Min(bound.column),
                    FrameColumn { name: format!("min_{field}"), field_type: bound.field_type },
                )
            }
            Measure::Max(field) => {
                let bound = binder.resolve(field)?;
                (
                    Output::Max(bound.column),
                    FrameColumn { name: format!("max_{field}"), field_type: bound.field_type },
                )
            }
        })
    }
}

fn fold(one: Cell, other: Cell, output: &Output) -> Result<Cell> {
    Ok(match (one, other, output) {
        (Cell::Null, cell, _) | (cell, Cell::Null, _) => cell,
        (Cell::Int(one), Cell::Int(other), Output::Count | Output::Sum(_) | Output::SumWhere(..)) => {
            Cell::Int(one.checked_add(other).ok_or_else(|| Error::new(&error::OVERFLOW))?)
        }
        (one, other, Output::Min(_)) => one.min(other),
        (one, other, _) => one.max(other),
    })
}

/// Most conditions and values of a filter, which engines can bind in one statement with room to spare.
pub const FILTER_MAX: usize = 10_000;
/// Most columns of a request.
pub const COLUMNS_MAX: usize = 200;
/// Most groups of a summary.
pub const GROUPS_MAX: usize = 100_000;

fn check_count(field: &str, count: usize, max: usize) -> Result<()> {
    if count <= max {
        return Ok(());
    }
    Err(Error::new(&error::OUT_OF_RANGE).at(field).with("value", count).with("min", 0).with("max", max))
}

fn page_limit(limit: Option<u32>) -> Result<u32> {
    let limit = limit.unwrap_or(PAGE_ROWS);
    if limit == 0 || limit > PAGE_ROWS_MAX {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("limit")
            .with("value", limit)
            .with("min", 1)
            .with("max", PAGE_ROWS_MAX));
    }
    Ok(limit)
}

impl ListRequest {
    /// The page size asked for.
    ///
    /// # Errors
    /// `OUT_OF_RANGE`.
    pub fn page_limit(&self) -> Result<u32> {
        page_limit(self.limit)
    }
}

impl Rows {
    /// The page size asked for.
    ///
    /// # Errors
    /// `OUT_OF_RANGE`.
    pub fn page_limit(&self) -> Result<u32> {
        page_limit(self.limit)
    }
}
