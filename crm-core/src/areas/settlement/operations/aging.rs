//! Open amounts by days overdue, today and on past days.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_RECEIPT;
use super::since::{AsOfBasis, Since, cells as row, open_now};
use crate::app::{Cx, ListRequest};
use crate::areas::access::{OrgUnit, User};
use crate::areas::contract::{Account, Installment, JournalLine, SettlementDirection};
use crate::areas::party::Customer;
use crate::areas::settlement::rules::aging::{self, Aged, USUAL_BOUNDS};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::{Id, IdCodec};
use crate::store::cell::{Cell, CellRef};
use crate::store::dataset::Binder;
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Compare, Direction, Output, Pred, Select, Sort};
use crate::store::record::{Col, Field, Record, integer};

/// Most rows that `top` may ask for.
const TOP_MAX: u32 = 1000;
/// Records whose names are read at once.
const NAMES_AT_ONCE: usize = 1000;

crate::coded! {
    /// What open amounts are added up by, beside their currency.
    #[derive(Default)]
    pub enum AgingGroup {
        /// The customer.
        #[default]
        Customer = 1, "customer", "客户";
        /// Who is responsible for the contract now.
        Owner = 2, "owner", "负责人";
        /// The org unit of the contract now.
        Unit = 3, "unit", "部门";
        /// Nothing else.
        Currency = 4, "currency", "币种";
    }
}

/// Open amounts by customer and currency, in buckets of days overdue, on any day.
///
/// An amount is overdue from the day after its due date. On a day to come, what is open now is aged by the days that will
/// have passed. On a past day, what has happened since is undone: payments, reversals, moved due dates, contracts that
/// took effect or ended. With the basis `posted` such a report is the same whenever it is asked, whatever is posted later
/// with an earlier date; with `dated` an amount counts by its business date. Owners and org units are those of today.
///
/// With `top` the groups with the most open of each currency come first, and `totals` has the sums over all of them; otherwise groups come
/// page by page, the longest known first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementAging {
    /// What is receivable, or what is payable; receivable when left out.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
    /// The day; today when left out.
    #[serde(default)]
    pub as_of: Option<Date>,
    /// What makes up a past day.
    #[serde(default)]
    pub basis: AsOfBasis,
    /// What amounts are added up by, beside their currency.
    #[serde(default)]
    pub group_by: AgingGroup,
    /// The last days of the buckets, growing; 30, 60, 90 when left out. One more bucket has everything older.
    #[serde(default)]
    pub bounds: Option<Vec<u32>>,
    /// Only this customer.
    #[serde(default)]
    pub customer: Option<Id<Customer>>,
    /// Only this currency.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Only so many rows of each currency, those with the most open first; up to 1000.
    #[serde(default)]
    pub top: Option<u32>,
    /// At most so many rows of a page, up to 1000; 100 when left out.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// Open amounts of one group in one currency, or of all groups in one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgingRow {
    /// The customer, in groups by customer; none in a total.
    pub customer: Option<Id<Customer>>,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// The owner, in groups by owner; none for contracts without one.
    pub owner: Option<Id<User>>,
    /// The owner's name.
    pub owner_name: Option<String>,
    /// The org unit, in groups by unit; none for contracts without one.
    pub unit: Option<Id<OrgUnit>>,
    /// The org unit's name.
    pub unit_name: Option<String>,
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
    /// What makes it up when it is past.
    pub basis: AsOfBasis,
    /// The last days of the buckets; the last bucket has no end.
    pub bounds: Vec<u32>,
    /// Groups and currencies.
    pub rows: Vec<AgingRow>,
    /// With `top`: the sums over all groups, by currency.
    pub totals: Vec<AgingRow>,
    /// The cursor of the next page; absent on the last one and with `top`.
    pub next: Option<String>,
}

/// What a group is of: the key of a customer, owner or unit, none for contracts without one; and the currency. Groups are
/// ordered by it, and so are the pages.
type Key = (Option<i64>, Currency);

#[derive(Clone)]
struct Group {
    key: Key,
    aged: Aged,
}

impl Group {
    fn row(&self, ids: IdCodec, by: Option<AgingGroup>) -> AgingRow {
        let (key, currency) = self.key;
        AgingRow {
            customer: key.filter(|_| by == Some(AgingGroup::Customer)).map(|key| ids.id(key)),
            customer_name: None,
            owner: key.filter(|_| by == Some(AgingGroup::Owner)).map(|key| ids.id(key)),
            owner_name: None,
            unit: key.filter(|_| by == Some(AgingGroup::Unit)).map(|key| ids.id(key)),
            unit_name: None,
            currency,
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
    /// How many may be kept until the smaller ones go.
    full: usize,
    kept: Vec<Group>,
    /// The smallest total among the largest groups of a currency, of which there are enough: what is below goes at once.
    least: BTreeMap<Currency, Amount>,
    totals: Vec<Group>,
}

impl Top {
    fn add(&mut self, group: &Group) -> Result<()> {
        match self.totals.iter_mut().find(|total| total.key.1 == group.key.1) {
            Some(total) => total.aged.merge(&group.aged)?,
            None => self.totals.push(group.clone()),
        }
        if self.least.get(&group.key.1).is_some_and(|least| group.aged.total < *least) {
            return Ok(());
        }
        self.kept.push(group.clone());
        if self.kept.len() >= self.full {
            self.cut();
            self.full = self.kept.len() + self.most * 4 + 64;
        }
        Ok(())
    }

    fn cut(&mut self) {
        self.kept.sort_by_key(|group| (group.key.1, std::cmp::Reverse(group.aged.total), group.key));
        let (mut currency, mut count) = (None, 0);
        self.kept.retain(|group| {
            count = if currency == Some(group.key.1) { count + 1 } else { 1 };
            currency = Some(group.key.1);
            if count == self.most {
                self.least.insert(group.key.1, group.aged.total);
            }
            count <= self.most
        });
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
                let most = top as usize;
                let mut most = Top {
                    most,
                    full: most + 64,
                    kept: Vec::new(),
                    least: BTreeMap::new(),
                    totals: Vec::new(),
                };
                self.groups(cx, as_of, &bounds, &mut |group| most.add(group).map(|()| Flow::More))?;
                most.cut();
                most.totals.sort_by_key(|total| total.key.1);
                (most.kept, most.totals, None)
            }
            None => {
                let mut rows: Vec<Group> = Vec::with_capacity(limit.min(100));
                let mut more = false;
                self.groups(cx, as_of, &bounds, &mut |group| {
                    more = rows.len() == limit;
                    if !more {
                        rows.push(group.clone());
                    }
                    Ok(if more { Flow::Stop } else { Flow::More })
                })?;
                let next = rows.last().filter(|_| more).map(|last| self.cursor_of(cx.ids(), last.key));
                (rows, Vec::new(), next)
            }
        };
        let totals = totals.iter().map(|total| total.row(cx.ids(), None)).collect();
        let mut rows: Vec<AgingRow> =
            rows.iter().map(|group| group.row(cx.ids(), Some(self.group_by))).collect();
        name_groups(cx, &mut rows)?;
        Ok(AgingReport { as_of, basis: self.basis, bounds, rows, totals, next })
    }
}

impl SettlementAging {
    fn direction(&self) -> SettlementDirection {
        self.direction.unwrap_or(SettlementDirection::Receivable)
    }

    fn cursor_of(&self, ids: IdCodec, (key, currency): Key) -> String {
        let key = key.map_or_else(|| "-".to_owned(), |key| ids.uuid(key).to_string());
        format!("{}/{key}/{}", self.group_by, currency.code())
    }

    /// The group that the page before ended with.
    fn after(&self, ids: IdCodec) -> Result<Option<Key>> {
        let Some(cursor) = self.cursor.as_ref().filter(|_| self.top.is_none()) else { return Ok(None) };
        let refused = || {
            Error::new(&error::WRONG_TYPE).at("cursor").with_both(
                "reason",
                "this is not a cursor of this list",
                "这不是该列表的游标",
            )
        };
        let parts: Vec<&str> = cursor.split('/').collect();
        let [by, key, currency] = parts[..] else { return Err(refused()) };
        if by != self.group_by.to_string() {
            return Err(refused());
        }
        let currency = Currency::from_code(currency).map_err(|_| refused())?;
        if key == "-" {
            return Ok(Some((None, currency)));
        }
        let id: Id<Customer> = key.parse().map_err(|_| refused())?;
        Ok(Some((Some(ids.key(id.uuid()).map_err(|error| error.at("cursor"))?), currency)))
    }

    /// Hands out one group after the other without those that have nothing in them; in order, unless it is a matter of the top.
    fn groups(
        &self,
        cx: &mut Cx<'_>,
        as_of: Date,
        bounds: &[u32],
        take: &mut dyn FnMut(&Group) -> Result<Flow>,
    ) -> Result<()> {
        let after = self.after(cx.ids())?;
        let past = if as_of < cx.today() { self.undone(cx, as_of, bounds)? } else { BTreeMap::new() };
        let open = self.open(cx, as_of, bounds)?;
        if self.group_by == AgingGroup::Customer && self.top.is_none() {
            return self.pages(cx, open, bounds, past, after, take);
        }
        // Customers may be many, and are handed out as they come; owners, units and currencies are few.
        let mut groups = past;
        read(cx, &open, self.group_by, bounds, &mut |now| {
            if let Some(undone) = groups.remove(&now.key) {
                now.aged.merge(&undone)?;
            }
            if self.top.is_some() && !now.aged.is_zero() {
                return take(now);
            }
            groups.insert(now.key, now.aged.clone());
            Ok(Flow::More)
        })?;
        for (key, aged) in groups {
            let wanted = !aged.is_zero() && after.is_none_or(|after| key > after);
            if wanted && take(&Group { key, aged })? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    /// The same of customers in order, read as many at once as a page has: an engine on a server sends all that was asked for.
    fn pages(
        &self,
        cx: &mut Cx<'_>,
        mut open: Select,
        bounds: &[u32],
        past: BTreeMap<Key, Aged>,
        mut after: Option<Key>,
        take: &mut dyn FnMut(&Group) -> Result<Flow>,
    ) -> Result<()> {
        let ids = cx.ids();
        let most = u64::from(ListRequest { limit: self.limit, ..ListRequest::default() }.page_limit()?) + 1;
        open.limit = Some(most);
        open.sort = [0, 1]
            .iter()
            .filter_map(|at| match open.outputs.get(*at) {
                Some(Output::Column(column)) => {
                    Some(Sort { column: *column, direction: Direction::Ascending })
                }
                _ => None,
            })
            .collect();
        let (mut past, begins) = (past, after);
        past.retain(|key, aged| begins.is_none_or(|after| *key > after) && !aged.is_zero());
        let mut past = past.into_iter().peekable();
        loop {
            if let Some((Some(customer), currency)) = after {
                open.after = Some(vec![Cell::Int(customer), currency.encode(ids)?]);
            }
            let (mut count, mut flow) = (0, Flow::More);
            // What is open now and what is undone are both in order: they are merged like two sorted lists.
            read(cx, &open, self.group_by, bounds, &mut |group| {
                count += 1;
                after = Some(group.key);
                while let Some((key, aged)) = past.next_if(|(key, _)| *key < group.key) {
                    flow = take(&Group { key, aged })?;
                    if flow == Flow::Stop {
                        return Ok(flow);
                    }
                }
                if let Some((_, aged)) = past.next_if(|(key, _)| *key == group.key) {
                    group.aged.merge(&aged)?;
                }
                flow = if group.aged.is_zero() { flow } else { take(group)? };
                Ok(flow)
            })?;
            if flow == Flow::Stop {
                return Ok(());
            }
            if count < most {
                break;
            }
        }
        for (key, aged) in past {
            if take(&Group { key, aged })? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }

    /// What has to be added to what is open now to have what was open at the end of a past day.
    fn undone(&self, cx: &mut Cx<'_>, as_of: Date, bounds: &[u32]) -> Result<BTreeMap<Key, Aged>> {
        let since = Since {
            direction: self.direction(),
            customer: self.customer,
            currency: self.currency,
            from: date::add_days(as_of, 1)?,
            basis: self.basis,
        };
        let c = JournalLine::C;
        let columns =
            [c.customer.position(), c.currency.position(), c.due_date.position(), c.amount.position()];
        let mut binder = since.binder(cx, &[Account::Open], &columns)?;
        self.group_column(&mut binder)?;
        let (ids, by) = (cx.ids(), self.group_by);
        cx.check_cancelled()?;
        let mut past = BTreeMap::new();
        cx.tx().select(&binder.select, &mut |cells| {
            let [key, currency, due, since] = row(cells)?;
            let aged = past.entry(key_of(key, currency, by, ids)?).or_insert_with(|| Aged::zero(bounds));
            aged.take_back(Option::decode(due, ids)?, Amount::decode(since, ids)?, as_of, bounds)?;
            Ok(Flow::More)
        })?;
        Ok(past)
    }

    /// Puts the column that rows are grouped by in the first place.
    fn group_column(&self, binder: &mut Binder<'_>) -> Result<()> {
        let path = match self.group_by {
            AgingGroup::Owner => "contract.owner",
            AgingGroup::Unit => "contract.unit",
            AgingGroup::Customer | AgingGroup::Currency => return Ok(()),
        };
        let column = binder.resolve(path)?.column;
        binder.select.outputs[0] = Output::Column(column);
        Ok(())
    }

    /// The query for what is open now: the group, the currency, all that is open, and the sums of [`Aged::set`].
    fn open(&self, cx: &mut Cx<'_>, as_of: Date, bounds: &[u32]) -> Result<Select> {
        let c = Installment::C;
        let columns = [c.customer.position(), c.currency.position()];
        let mut binder = open_now(cx, self.direction(), self.customer, self.currency, &columns, true)?;
        self.group_column(&mut binder)?;
        let (due, open) = (ColumnRef::base(c.due_date.position()), ColumnRef::base(c.open_amount.position()));
        let outputs = &mut binder.select.outputs;
        outputs.push(Output::Sum(open));
        for (first, last) in aging::due_days(as_of, bounds) {
            let bound = |compare, day: Option<i64>| {
                day.map_or(Pred::True, |day| Pred::Compare(due, compare, Cell::Int(day)))
            };
            let days = bound(Compare::AtLeast, first).and(bound(Compare::AtMost, last));
            outputs.push(Output::SumWhere(open, days));
        }
        if self.group_by == AgingGroup::Currency {
            outputs.remove(0);
        }
        Ok(binder.select)
    }
}

fn key_of(key: CellRef<'_>, currency: CellRef<'_>, by: AgingGroup, ids: IdCodec) -> Result<Key> {
    let key = match key {
        CellRef::Null => None,
        key => Some(integer(key, "id")?).filter(|_| by != AgingGroup::Currency),
    };
    Ok((key, Currency::decode(currency, ids)?))
}

/// Reads groups as [`SettlementAging::open`] asks for them, each into the place of the one before.
fn read(
    cx: &mut Cx<'_>,
    open: &Select,
    by: AgingGroup,
    bounds: &[u32],
    take: &mut dyn FnMut(&mut Group) -> Result<Flow>,
) -> Result<()> {
    let ids = cx.ids();
    cx.check_cancelled()?;
    let mut sums = Vec::new();
    let mut group = Group { key: (None, Currency::CNY), aged: Aged::zero(bounds) };
    cx.tx().select(open, &mut |cells| {
        let (key, rest) = match (by, cells) {
            (AgingGroup::Currency, cells) => (CellRef::Null, cells),
            (_, [key, rest @ ..]) => (*key, rest),
            (_, []) => (CellRef::Null, cells),
        };
        let [currency, total, days @ ..] = rest else { return Ok(Flow::More) };
        let sum = |cell| Option::<Amount>::decode(cell, ids).map(Option::unwrap_or_default);
        sums.clear();
        for of_days in days {
            sums.push(sum(*of_days)?);
        }
        group.key = key_of(key, *currency, by, ids)?;
        group.aged.set(sum(*total)?, &sums)?;
        take(&mut group)
    })
}

fn name_groups(cx: &mut Cx<'_>, rows: &mut [AgingRow]) -> Result<()> {
    let (c, u, o) = (Customer::C, User::C, OrgUnit::C);
    let customers = names(cx, c.id, c.name, rows.iter().filter_map(|row| row.customer))?;
    let owners = names(cx, u.id, u.name, rows.iter().filter_map(|row| row.owner))?;
    let units = names(cx, o.id, o.name, rows.iter().filter_map(|row| row.unit))?;
    for row in rows {
        row.customer_name = row.customer.and_then(|id| customers.get(id).cloned());
        row.owner_name = row.owner.and_then(|id| owners.get(id).cloned());
        row.unit_name = row.unit.and_then(|id| units.get(id).cloned());
    }
    Ok(())
}

/// Names of records, in the order of their ids.
pub(super) struct Names<R>(Vec<(Id<R>, String)>);

impl<R> Names<R> {
    /// The name of a record, if it was found.
    pub(super) fn get(&self, id: Id<R>) -> Option<&String> {
        let place = self.0.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.0[place].1)
    }
}

/// The names of records, a few hundred at once.
pub(super) fn names<R: Record>(
    cx: &mut Cx<'_>,
    id: Col<Id<R>>,
    name: Col<String>,
    wanted: impl Iterator<Item = Id<R>>,
) -> Result<Names<R>>
where
    Id<R>: Field,
{
    let mut wanted: Vec<Id<R>> = wanted.collect();
    wanted.sort_unstable();
    wanted.dedup();
    let ids = cx.ids();
    let mut names = Vec::with_capacity(wanted.len());
    for wanted in wanted.chunks(NAMES_AT_ONCE) {
        let outputs = [id.position(), name.position()].map(|at| Output::Column(ColumnRef::base(at)));
        let query = cx.query::<R>().any_of(id, wanted.iter().copied()).ascending(id);
        query.scan(cx.tx(), outputs.to_vec(), &mut |cells| {
            let [id, name] = row(cells)?;
            names.push((Id::<R>::decode(id, ids)?, String::decode(name, ids)?));
            Ok(Flow::More)
        })?;
    }
    Ok(Names(names))
}
