//! Open amounts by days overdue.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_RECEIPT;
use crate::app::{Cx, ListRequest};
use crate::areas::contract::{Installment, SettlementDirection};
use crate::areas::party::Customer;
use crate::areas::settlement::INSTALLMENTS;
use crate::areas::settlement::rules::aging::{self, Aged, USUAL_BOUNDS};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::dataset::Binder;
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Direction, Output, Pred, Sort};
use crate::store::record::{Field, Record};

/// Most rows that `top` may ask for.
const TOP_MAX: u32 = 1000;
/// Customers whose names are read at once.
const NAMES_AT_ONCE: usize = 500;

/// Open amounts by customer and currency, in buckets of days overdue.
///
/// It ages what is open now by the days that will have passed since the due date as of a day; an amount is overdue from
/// the day after its due date. With `top` the customers with the most open come first, and `totals` has the sums over all
/// of them; otherwise customers come page by page, the longest known first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementAging {
    /// What is receivable, or what is payable; receivable when left out.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
    /// The day; today when left out.
    #[serde(default)]
    pub as_of: Option<Date>,
    /// The last days of the buckets, growing; 30, 60, 90 when left out. One more bucket has everything older.
    #[serde(default)]
    pub bounds: Option<Vec<u32>>,
    /// Only this customer.
    #[serde(default)]
    pub customer: Option<Id<Customer>>,
    /// Only this currency.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Only so many rows, those with the most open in their currency first; up to 1000.
    #[serde(default)]
    pub top: Option<u32>,
    /// At most so many rows of a page, up to 1000; 100 when left out.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Open amounts of one customer in one currency, or of all customers in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgingRow {
    /// The customer; none in a total.
    pub customer: Option<Id<Customer>>,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// The currency of the amounts.
    pub currency: Currency,
    /// All that is open.
    pub total: Amount,
    /// Of it, what has no due date yet.
    pub undated: Amount,
    /// Of it, what is not overdue.
    pub not_due: Amount,
    /// Of it, what is overdue, by bucket.
    pub overdue: Vec<Amount>,
}

/// Open amounts by days overdue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgingReport {
    /// The day.
    pub as_of: Date,
    /// The last days of the buckets; the last bucket has no end.
    pub bounds: Vec<u32>,
    /// Customers and currencies.
    pub rows: Vec<AgingRow>,
    /// With `top`: the sums over all customers, by currency.
    pub totals: Vec<AgingRow>,
    /// The cursor of the next page; absent on the last one and with `top`.
    pub next: Option<String>,
}

struct Group {
    customer: i64,
    currency: Currency,
    aged: Aged,
}

impl Group {
    fn row(&self, cx: &Cx<'_>, customer: bool) -> AgingRow {
        AgingRow {
            customer: customer.then(|| cx.ids().id(self.customer)),
            customer_name: None,
            currency: self.currency,
            total: self.aged.total,
            undated: self.aged.undated,
            not_due: self.aged.not_due,
            overdue: self.aged.overdue.clone(),
        }
    }
}

/// The largest groups of each currency seen so far, and the sums over all.
struct Top {
    most: usize,
    kept: Vec<Group>,
    totals: Vec<Group>,
}

impl Top {
    fn add(&mut self, group: Group) -> Result<()> {
        match self.totals.iter_mut().find(|total| total.currency == group.currency) {
            Some(total) => total.aged.merge(&group.aged)?,
            None => self.totals.push(Group { aged: group.aged.clone(), ..group }),
        }
        self.kept.push(group);
        if self.kept.len() >= self.most * 4 + 64 {
            self.cut();
        }
        Ok(())
    }

    fn cut(&mut self) {
        self.kept.sort_by_key(|group| (std::cmp::Reverse(group.aged.total), group.customer, group.currency));
        self.kept.truncate(self.most);
    }
}

impl Operation for SettlementAging {
    type Output = AgingReport;
    const NAME: &'static str = "settlement.aging";
    const ZH: &'static str = "账龄分析";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] =
        &[&error::OUT_OF_RANGE, &error::WRONG_TYPE, &error::OVERFLOW, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_RECEIPT,
        input: r#"{"as_of": "2026-06-30", "bounds": [30, 60, 90], "top": 10}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<AgingReport> {
        let as_of = self.as_of.unwrap_or(cx.today());
        let bounds = self.bounds.clone().unwrap_or_else(|| USUAL_BOUNDS.to_vec());
        aging::check_bounds(&bounds).map_err(|error| error.within("bounds"))?;
        let limit = ListRequest { limit: self.limit, ..ListRequest::default() }.page_limit()? as usize;
        let (rows, totals, next) = match self.top {
            Some(top) => {
                if top == 0 || top > TOP_MAX {
                    return Err(Error::new(&error::OUT_OF_RANGE)
                        .at("top")
                        .with("value", top)
                        .with("min", 1)
                        .with("max", TOP_MAX));
                }
                let mut most = Top { most: top as usize, kept: Vec::new(), totals: Vec::new() };
                self.stream(cx, as_of, &bounds, |group| most.add(group).map(|()| Flow::More))?;
                most.cut();
                most.totals.sort_by_key(|total| total.currency);
                (most.kept, most.totals, None)
            }
            None => {
                let mut rows: Vec<Group> = Vec::with_capacity(limit.min(100));
                let mut more = false;
                self.stream(cx, as_of, &bounds, |group| {
                    more = rows.len() == limit;
                    if !more {
                        rows.push(group);
                    }
                    Ok(if more { Flow::Stop } else { Flow::More })
                })?;
                let next = rows.last().filter(|_| more);
                let next =
                    next.map(|last| format!("{}/{}", cx.ids().uuid(last.customer), last.currency.code()));
                (rows, Vec::new(), next)
            }
        };
        let totals = totals.iter().map(|total| total.row(cx, false)).collect();
        let mut rows: Vec<AgingRow> = rows.iter().map(|group| group.row(cx, true)).collect();
        name_customers(cx, &mut rows)?;
        Ok(AgingReport { as_of, bounds, rows, totals, next })
    }
}

impl SettlementAging {
    /// Reads open installments in the order of the index that holds all that is needed, folds them, and hands out one
    /// group after the other.
    fn stream(
        &self,
        cx: &mut Cx<'_>,
        as_of: Date,
        bounds: &[u32],
        mut take: impl FnMut(Group) -> Result<Flow>,
    ) -> Result<()> {
        let (catalog, ids, c) = (cx.catalog(), cx.ids(), Installment::C);
        let base = ColumnRef::base;
        let customer = base(c.customer.position());
        let currency = base(c.currency.position());
        let mut binder = Binder::new(catalog.schema(), &INSTALLMENTS);
        let columns = [customer, currency, base(c.due_date.position()), base(c.open_amount.position())];
        binder.select.outputs = columns.map(Output::Column).to_vec();
        let direction = self.direction.unwrap_or(SettlementDirection::Receivable);
        binder.filter(Pred::IsPresent(base(c.open_amount.position())));
        binder.filter(Pred::equal(base(c.direction.position()), direction.encode(ids)?));
        if let Some(only) = self.customer {
            binder.filter(Pred::equal(customer, only.encode(ids)?));
        }
        if let Some(only) = self.currency {
            binder.filter(Pred::equal(currency, only.encode(ids)?));
        }
        cx.narrow(&mut binder, None)?;
        binder.select.sort =
            [customer, currency].map(|column| Sort { column, direction: Direction::Ascending }).to_vec();
        if let Some(cursor) = self.cursor.as_ref().filter(|_| self.top.is_none()) {
            let refused = || {
                Error::new(&error::WRONG_TYPE)
                    .at("cursor")
                    .with("reason", "this is not a cursor of this list")
            };
            let (customer, currency) = cursor.split_once('/').ok_or_else(refused)?;
            let customer: Id<Customer> = customer.parse().map_err(|_| refused())?;
            let currency = Currency::from_code(currency).map_err(|_| refused())?;
            binder.select.after = Some(vec![customer.encode(ids)?, currency.encode(ids)?]);
        }
        let mut group: Option<Group> = None;
        let mut stopped = false;
        cx.tx().select(&binder.select, &mut |cells| {
            let [customer, currency, due, open] = cells else {
                return Err(
                    Error::new(&error::INTERNAL).with("what", "aging read other columns than it asked for")
                );
            };
            let customer = crate::store::record::integer(*customer, "id")?;
            // Most rows belong to the group of the row before; its code tells so without a search.
            let same = group.as_ref().is_some_and(|group| {
                group.customer == customer
                    && *currency == crate::store::cell::CellRef::Text(group.currency.code())
            });
            if !same {
                if let Some(full) = group.take()
                    && take(full)? == Flow::Stop
                {
                    stopped = true;
                    return Ok(Flow::Stop);
                }
                let currency = Currency::decode(*currency, ids)?;
                group = Some(Group { customer, currency, aged: Aged::zero(bounds) });
            }
            if let Some(group) = &mut group {
                group.aged.add(Option::decode(*due, ids)?, Amount::decode(*open, ids)?, as_of, bounds)?;
            }
            Ok(Flow::More)
        })?;
        if let Some(last) = group.filter(|_| !stopped) {
            take(last)?;
        }
        Ok(())
    }
}

fn name_customers(cx: &mut Cx<'_>, rows: &mut [AgingRow]) -> Result<()> {
    for rows in rows.chunks_mut(NAMES_AT_ONCE) {
        let mut wanted: Vec<Id<Customer>> = rows.iter().filter_map(|row| row.customer).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let (ids, c) = (cx.ids(), Customer::C);
        let outputs = [c.id.position(), c.name.position()].map(|at| Output::Column(ColumnRef::base(at)));
        let mut names = Vec::with_capacity(wanted.len());
        let customers = cx.query::<Customer>().any_of(c.id, wanted).ascending(c.id);
        customers.scan(cx.tx(), outputs.to_vec(), &mut |cells| {
            if let [id, name] = cells {
                names.push((Id::<Customer>::decode(*id, ids)?, String::decode(*name, ids)?));
            }
            Ok(Flow::More)
        })?;
        for row in rows {
            let found = row.customer.and_then(|id| names.binary_search_by_key(&id, |(id, _)| *id).ok());
            row.customer_name = found.and_then(|at| names.get(at)).map(|(_, name)| name.clone());
        }
    }
    Ok(())
}
