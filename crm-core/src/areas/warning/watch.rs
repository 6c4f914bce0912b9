//! Reading what a rule finds: one query per rule and batch, in the order of date and record.
//!
//! Lists, counts and scans all read through [`batch`], so they cannot find different things.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::model::{
    WarningBound, WarningDefinition, WarningFigure, WarningMark, WarningRule, WarningSetting, WarningTiming,
    WarningTotal,
};
use super::rules::notices::{People, Person, Unit};
use super::rules::{self, NO_RULE, built_in, wrong};
use crate::app::{Author, Cx, PathReader};
use crate::areas::access::{OrgUnit, User};
use crate::catalog::{Access, Level};
use crate::kernel::calendar::Calendar;
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, parse_date, to_day_number};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::Id;
use crate::store::cell::{Cell, CellRef};
use crate::store::dataset::{Binder, BoundField, Dataset, SortBy};
use crate::store::engine::Flow;
use crate::store::expr::{Expr, Moment};
use crate::store::plan::{ColumnRef, Compare, Direction, Output, Pred};
use crate::store::record::{Field, Record};
use crate::store::schema::FieldType;

/// Records whose marks or figures are read at once.
const AT_ONCE: usize = 500;

/// A rule with its settings in force.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Its number.
    pub(super) number: u32,
    /// The version of a rule that the host has defined.
    pub(super) version: Option<u32>,
    /// What it says, with the settings in force.
    pub(super) definition: WarningDefinition,
}

/// Where a warning stands in the order of its rule: by date, then by record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// The date in the record; none for state rules.
    pub(super) date: Option<Date>,
    /// The record.
    pub(super) subject: Uuid,
    /// The row below it; 0 for the record itself.
    pub(super) seq: u32,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(date) = self.date {
            write!(f, "{date}")?;
        }
        write!(f, ".{}.{}", self.subject, self.seq)
    }
}

/// This text is not a key.
pub(super) struct NotAKey;

impl FromStr for Key {
    type Err = NotAKey;
    fn from_str(text: &str) -> Result<Key, NotAKey> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(NotAKey);
        let date = Some(part()?).filter(|date| !date.is_empty());
        let date = date.map(parse_date).transpose().map_err(|_| NotAKey)?;
        let subject = Uuid::try_parse(part()?).map_err(|_| NotAKey)?;
        let seq = part()?.parse().map_err(|_| NotAKey)?;
        Ok(Key { date, subject, seq })
    }
}

/// What a rule has found, of one record.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its place.
    pub(super) key: Key,
    /// Whether the record is a row below another.
    pub(super) has_seq: bool,
    /// What people want to know of it; empty unless asked for.
    pub(super) details: Details,
}

/// What people want to know of a record.
#[derive(Debug, Clone, Default)]
pub(super) struct Details {
    /// What names it.
    pub(super) title: String,
    /// The customer's name.
    pub(super) customer_name: Option<String>,
    /// Who is responsible.
    pub(super) owner: Option<Id<User>>,
    /// The amount in question: the rule's total over what refers to the record, where that is one.
    pub(super) amount: Option<Amount>,
    /// Its currency.
    pub(super) currency: Option<Currency>,
}

/// Which of a rule's records are read, and what of them.
pub(super) struct Look<'a> {
    /// The day that relative dates of the condition count from.
    pub(super) as_of: Date,
    /// Working days.
    pub(super) calendar: &'a Calendar,
    /// First and last date.
    pub(super) range: (Option<Date>, Option<Date>),
    /// Only this record, and of it only this row.
    pub(super) only: Option<(Uuid, Option<u32>)>,
    /// Only these records, and of them only rows of these numbers, unordered and all at once; everything when empty.
    pub(super) places: &'a [(Uuid, u32)],
    /// Only records of which this user would be told.
    pub(super) told: Option<(Id<User>, &'a People)>,
    /// Whether to read the details.
    pub(super) details: bool,
}

/// Every rule that is not removed, by number, with the settings in force.
pub(super) fn rules(cx: &mut Cx<'_>) -> Result<Vec<Rule>> {
    let settings = cx.query::<WarningSetting>().fetch(cx.tx())?;
    let custom = cx.query::<WarningRule>().absent(WarningRule::C.removed_at);
    let custom = custom.ascending(WarningRule::C.number).fetch(cx.tx())?;
    let own = built_in::RULES.iter().map(|rule| (rule.number, None, rule.definition.clone()));
    let custom = custom.into_iter().map(|rule| (rule.number, Some(rule.version), rule.definition.0));
    let in_force = |(number, version, mut definition): (u32, Option<u32>, WarningDefinition)| {
        if let Some(set) = settings.iter().find(|set| set.kind == number) {
            let usual = &mut definition.settings;
            (usual.lead, usual.unit, usual.enabled) = (set.lead, set.unit, set.enabled);
            if let Some(recipients) = &set.recipients {
                usual.recipients = recipients.0.clone();
                usual.escalation = set.escalation.clone().map(|escalation| escalation.0);
            }
        }
        Rule { number, version, definition }
    };
    Ok(own.chain(custom).map(in_force).collect())
}

/// The rule of this name.
///
/// # Errors
/// `NO_RULE`.
pub(super) fn named(rules: &[Rule], name: &str) -> Result<Rule> {
    rules.iter().find(|rule| rule.definition.name == name).cloned().ok_or_else(|| {
        let known: Vec<&str> = rules.iter().map(|rule| rule.definition.name.as_str()).collect();
        Error::new(&NO_RULE).with("name", name).with("known", known.join(", "))
    })
}

/// The areas that a user must be able to read to see what a rule finds.
pub(super) fn areas(cx: &Cx<'_>, rule: &WarningDefinition) -> Vec<Access> {
    let figures = rule.total.iter().flat_map(|total| &total.figures).map(|figure| figure.dataset.as_str());
    let datasets = std::iter::once(rule.dataset.as_str()).chain(figures);
    let areas = datasets.filter_map(|name| cx.catalog().area_of_dataset(name));
    areas.map(|area| Access::Level(area.name, Level::Read)).collect()
}

/// The columns of a dataset's own key: the record, and the row below it.
fn key_columns(dataset: &Dataset) -> Option<(ColumnRef, Option<ColumnRef>)> {
    let table = (dataset.table)();
    let is = |at: usize, field_type: FieldType| table.columns[at].field_type == field_type;
    match *table.key.as_slice() {
        [id] if is(id, FieldType::Id) => Some((ColumnRef::base(id), None)),
        [id, seq] if is(id, FieldType::Id) && is(seq, FieldType::Small) => {
            Some((ColumnRef::base(id), Some(ColumnRef::base(seq))))
        }
        _ => None,
    }
}

fn owner_field<'a>(rule: &'a WarningDefinition, dataset: &'static Dataset) -> Option<&'a str> {
    rule.owner.as_deref().or_else(|| dataset.scope.map(|scope| scope.owner))
}

fn no_subject(dataset: &Dataset) -> Error {
    let name = dataset.name;
    wrong(
        "dataset",
        format_args!("the rows of {name} cannot be warned of"),
        format_args!("不能对 {name} 的记录预警"),
    )
}

/// Resolves a field of a rule that must be of one type.
fn typed(
    binder: &mut Binder<'_>,
    at: &str,
    name: &str,
    is: fn(&BoundField) -> bool,
    (what, zh): (&str, &str),
) -> Result<ColumnRef> {
    let bound = binder.resolve(name).map_err(|error| error.at(at))?;
    if is(&bound) {
        Ok(bound.column)
    } else {
        Err(wrong(at, format_args!("{name} is not {what}"), format_args!("{name} 不是{zh}")))
    }
}

fn is_text(bound: &BoundField) -> bool {
    bound.field_type == FieldType::Text
}

fn is_amount(bound: &BoundField) -> bool {
    bound.field_type == FieldType::Decimal(Amount::SCALE)
}

/// A rule holds for all, so its condition cannot ask who is asking.
fn refuse_caller(filter: Option<&Expr>) -> Result<()> {
    let filter = filter.and_then(|filter| serde_json::to_value(filter).ok());
    match filter.filter(names_caller) {
        Some(_) => Err(wrong(
            "filter",
            "a rule holds for all, so its condition cannot name the user who asks",
            "规则对所有人生效,条件中不能引用当前用户",
        )),
        None => Ok(()),
    }
}

fn names_caller(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().any(|(name, value)| (name == "me" && value.is_boolean()) || names_caller(value))
        }
        serde_json::Value::Array(values) => values.iter().any(names_caller),
        _ => false,
    }
}

/// Binds a rule's condition.
fn condition(
    cx: &Cx<'_>,
    binder: &mut Binder<'_>,
    filter: Option<&Expr>,
    as_of: Date,
    calendar: &Calendar,
) -> Result<()> {
    let Some(filter) = filter else { return Ok(()) };
    let moment = Moment {
        ids: cx.ids(),
        today: as_of,
        utc_offset_minutes: cx.ledger().utc_offset_minutes(),
        calendar,
        user: cx.actor().user.id.uuid(),
    };
    let pred = filter.bind(binder, &moment).map_err(|error| error.within("filter"))?;
    binder.filter(pred);
    Ok(())
}

/// Checks a definition against its datasets: whatever it names is there and of the right type.
///
/// # Errors
/// `NOT_ALLOWED` for an unknown dataset, `UNKNOWN_FIELD`, `WRONG_TYPE` and the like for a condition, `RULE_WRONG`; each with
/// the field.
pub(super) fn check(cx: &mut Cx<'_>, rule: &WarningDefinition) -> Result<()> {
    rules::check_definition(rule)?;
    let calendar = cx.calendar()?;
    let (catalog, today) = (cx.catalog(), cx.today());
    let dataset = catalog.dataset(&rule.dataset).map_err(|error| error.within("dataset"))?;
    if key_columns(dataset).is_none() || dataset.name == super::WARNING_NOTICES.name {
        return Err(no_subject(dataset));
    }
    refuse_caller(rule.filter.as_ref())?;
    let actor = cx.actor().clone();
    let author = Author(PathReader { actor: &actor, catalog, ids: cx.ids() });
    let mut binder = Binder::new(catalog.schema(), dataset).guarded(&author);
    condition(cx, &mut binder, rule.filter.as_ref(), today, &calendar)?;
    if let Some(date) = &rule.date {
        typed(
            &mut binder,
            "date",
            date,
            |bound| bound.field_type == FieldType::Date,
            ("a date", "日期字段"),
        )?;
    }
    for (index, title) in rule.title.iter().enumerate() {
        typed(&mut binder, &format!("title[{index}]"), title, is_text, ("a text", "文本字段"))?;
    }
    if let Some(name) = &rule.customer_name {
        typed(&mut binder, "customer_name", name, is_text, ("a text", "文本字段"))?;
    }
    if let (Some(amount), Some(currency)) = (&rule.amount, &rule.currency) {
        typed(&mut binder, "amount", amount, is_amount, ("an amount of money", "金额字段"))?;
        typed(&mut binder, "currency", currency, is_text, ("a currency", "币种字段"))?;
    }
    if let Some(owner) = owner_field(rule, dataset) {
        let column = typed(
            &mut binder,
            "owner",
            owner,
            |bound| bound.field_type == FieldType::Id,
            ("a user", "用户"),
        )?;
        let table = binder.select.table(column.source);
        if table.columns[column.column].references != Some("user") {
            return Err(wrong(
                "owner",
                format_args!("{owner} is not a user"),
                format_args!("{owner} 不是用户"),
            ));
        }
    }
    if let Some(total) = &rule.total {
        check_total(cx, total, &mut binder, dataset, today, &calendar, &author)
            .map_err(|error| error.within("total"))?;
    }
    let recipients = &rule.settings.recipients;
    check_recipients(cx, recipients).map_err(|error| error.within("settings.recipients"))?;
    if let Some(escalation) = &rule.settings.escalation {
        check_recipients(cx, &escalation.recipients)
            .map_err(|error| error.within("settings.escalation.recipients"))?;
    }
    for access in areas(cx, rule) {
        cx.require(access)?;
    }
    Ok(())
}

fn check_total(
    cx: &Cx<'_>,
    total: &WarningTotal,
    binder: &mut Binder<'_>,
    dataset: &Dataset,
    today: Date,
    calendar: &Calendar,
    author: &Author<'_>,
) -> Result<()> {
    if total.figures.is_empty() {
        return Err(Error::new(&error::EMPTY_LIST).at("figures"));
    }
    let sums = total.figures.iter().filter(|figure| figure.sum.is_some()).count();
    let is_count = matches!(total.bound, WarningBound::AtLeast(_));
    if (is_count && sums > 0) || (!is_count && sums < total.figures.len()) {
        return Err(wrong(
            "bound",
            "sums are compared with an amount, counts with a number of rows",
            "合计须与金额比较,计数须与行数比较",
        ));
    }
    if let WarningBound::AboveField(field) = &total.bound {
        typed(binder, "bound.above_field", field, is_amount, ("an amount of money", "金额字段"))?;
    }
    for (index, figure) in total.figures.iter().enumerate() {
        let at = |error: Error| error.within(format!("figures[{index}]"));
        let over = cx.catalog().dataset(&figure.dataset).map_err(|error| at(error.at("dataset")))?;
        refuse_caller(figure.filter.as_ref()).map_err(at)?;
        let mut binder = Binder::new(cx.catalog().schema(), over).guarded(author);
        condition(cx, &mut binder, figure.filter.as_ref(), today, calendar).map_err(at)?;
        let by = typed(
            &mut binder,
            "by",
            &figure.by,
            |bound| bound.field_type == FieldType::Id,
            ("a reference", "引用字段"),
        )
        .map_err(at)?;
        let table = binder.select.table(by.source);
        if table.columns[by.column].references != Some((dataset.table)().name) {
            return Err(at(wrong(
                "by",
                format_args!("{} does not refer to {}", figure.by, dataset.name),
                format_args!("{} 不是指向 {} 的引用", figure.by, dataset.name),
            )));
        }
        if let Some(sum) = &figure.sum {
            typed(&mut binder, "sum", sum, is_amount, ("an amount of money", "金额字段")).map_err(at)?;
            typed(&mut binder, "sum", "currency", is_text, ("a currency", "币种字段")).map_err(at)?;
        }
        if let Some(home) = &figure.home {
            if figure.sum.is_none() {
                return Err(at(wrong(
                    "home",
                    "only an amount that is summed has a value in the ledger's currency",
                    "只有求和的金额才有本位币金额",
                )));
            }
            typed(&mut binder, "home", home, is_amount, ("an amount of money", "金额字段")).map_err(at)?;
        }
    }
    Ok(())
}

/// Fails unless every role and user is there.
pub(super) fn check_recipients(cx: &mut Cx<'_>, recipients: &super::WarningRecipients) -> Result<()> {
    for (index, role) in recipients.roles.iter().enumerate() {
        cx.get(*role).map_err(|error| error.at(format!("roles[{index}]")))?;
    }
    for (index, user) in recipients.users.iter().enumerate() {
        cx.get(*user).map_err(|error| error.at(format!("users[{index}]")))?;
    }
    Ok(())
}

/// The next rows that a rule finds behind `after`, at most so many, and whether they are the last.
pub(super) fn batch(
    cx: &mut Cx<'_>,
    rule: &Rule,
    look: &Look<'_>,
    after: Option<&Key>,
    limit: usize,
) -> Result<(Vec<Row>, bool, Option<Key>)> {
    let (catalog, ids, definition) = (cx.catalog(), cx.ids(), &rule.definition);
    let dataset = catalog.dataset(&definition.dataset)?;
    let Some((subject, seq)) = key_columns(dataset) else {
        return Err(no_subject(dataset));
    };
    let mut binder = Binder::new(catalog.schema(), dataset);
    let mut outputs = vec![subject];
    outputs.extend(seq);
    let date = definition.date.as_deref().map(|date| binder.resolve(date)).transpose()?;
    outputs.extend(date.map(|date| date.column));
    let limit_field = match definition.total.as_ref().map(|total| &total.bound) {
        Some(WarningBound::AboveField(field)) => Some(binder.resolve(field)?.column),
        _ => None,
    };
    outputs.extend(limit_field);
    if look.details {
        let names = owner_field(definition, dataset).into_iter();
        let names = names.chain(definition.customer_name.as_deref());
        let names = names.chain(definition.amount.as_deref()).chain(definition.currency.as_deref());
        for name in names.chain(definition.title.iter().map(String::as_str)) {
            outputs.push(binder.resolve(name)?.column);
        }
    }
    binder.select.outputs = outputs.into_iter().map(Output::Column).collect();
    condition(cx, &mut binder, definition.filter.as_ref(), look.as_of, look.calendar)?;
    if let Some(date) = date {
        let compare = |compare, day: Date| Pred::Compare(date.column, compare, Cell::Int(to_day_number(day)));
        let (first, last) = look.range;
        first.into_iter().for_each(|first| binder.filter(compare(Compare::AtLeast, first)));
        // A date is needed even when none is the last.
        binder.filter(last.map_or(Pred::IsPresent(date.column), |last| compare(Compare::AtMost, last)));
    }
    if let Some((only, row)) = look.only {
        binder.filter(Pred::equal(subject, only.encode(ids)?));
        if let (Some(seq), Some(row)) = (seq, row) {
            binder.filter(Pred::equal(seq, Cell::Int(i64::from(row))));
        }
    }
    let in_order = look.places.is_empty();
    if !in_order {
        let subjects: BTreeSet<Uuid> = look.places.iter().map(|(subject, _)| *subject).collect();
        binder.filter(Pred::In(subject, cells(cx, subjects.iter())?));
        if let Some(seq) = seq {
            let rows: BTreeSet<u32> = look.places.iter().map(|(_, row)| *row).collect();
            binder.filter(Pred::In(seq, rows.into_iter().map(|row| Cell::Int(i64::from(row))).collect()));
        }
    }
    if let Some((user, people)) = look.told {
        let told = told_owners(cx, definition, dataset, &mut binder, user, people)?;
        binder.filter(told);
    }
    cx.narrow(&mut binder, None)?;
    if in_order {
        let by_date = |field: &String| SortBy { field: field.clone(), direction: Direction::Ascending };
        binder.sort(&definition.date.iter().map(by_date).collect::<Vec<SortBy>>())?;
        binder.select.limit = Some(limit as u64);
    }
    if let Some(after) = after {
        let mut position: Vec<Cell> = after.date.iter().map(|date| Cell::Int(to_day_number(*date))).collect();
        position.push(after.subject.encode(ids)?);
        position.extend(seq.map(|_| Cell::Int(i64::from(after.seq))));
        if position.len() != binder.select.sort.len() {
            return Err(not_a_cursor());
        }
        binder.select.after = Some(position);
    }
    cx.check_cancelled()?;
    let (mut rows, mut limits) = (Vec::new(), Vec::new());
    cx.tx().select(&binder.select, &mut |cells| {
        let mut cells = cells.iter().copied();
        let mut next = || cells.next().unwrap_or_default();
        let subject = Uuid::decode(next(), ids)?;
        let row = if seq.is_some() { u32::decode(next(), ids)? } else { 0 };
        let date = date.map(|_| Date::decode(next(), ids)).transpose()?;
        limits.push(limit_field.map(|_| Amount::decode(next(), ids)).transpose()?);
        let mut details = Details::default();
        if look.details {
            if owner_field(definition, dataset).is_some() {
                details.owner = Option::decode(next(), ids)?;
            }
            if definition.customer_name.is_some() {
                details.customer_name = Option::decode(next(), ids)?;
            }
            if definition.amount.is_some() {
                details.amount = Option::decode(next(), ids)?;
                details.currency = Option::decode(next(), ids)?;
            }
            for _ in &definition.title {
                if let CellRef::Text(part) = next() {
                    if !details.title.is_empty() {
                        details.title.push(' ');
                    }
                    details.title.push_str(part);
                }
            }
        }
        rows.push(Row { key: Key { date, subject, seq: row }, has_seq: seq.is_some(), details });
        Ok(Flow::More)
    })?;
    let exhausted = !in_order || rows.len() < limit;
    let last = rows.last().map(|row: &Row| row.key);
    if let Some(total) = &definition.total {
        rows = beyond(cx, total, rows, &limits, look)?;
    }
    Ok((rows, exhausted, last))
}

/// Of these rows, those whose total is beyond the bound.
fn beyond(
    cx: &mut Cx<'_>,
    total: &WarningTotal,
    rows: Vec<Row>,
    limits: &[Option<Amount>],
    look: &Look<'_>,
) -> Result<Vec<Row>> {
    let mut subjects: Vec<Uuid> = rows.iter().map(|row| row.key.subject).collect();
    subjects.dedup();
    let figures = totals(cx, &total.figures, &subjects, look)?;
    let mut kept = Vec::new();
    for (mut row, limit) in rows.into_iter().zip(limits) {
        let figure = figures.get(&row.key.subject).copied().unwrap_or(0);
        let is_beyond = match (&total.bound, limit) {
            (WarningBound::AtLeast(rows), _) => figure >= i64::from(*rows),
            (WarningBound::Above(limit), _) => figure > limit.to_scaled(),
            (WarningBound::AboveField(_), limit) => limit.is_some_and(|limit| figure > limit.to_scaled()),
        };
        if is_beyond {
            if !matches!(total.bound, WarningBound::AtLeast(_)) {
                row.details.amount = Some(Amount::from_scaled(figure));
                row.details.currency = Some(cx.ledger().info().currency);
            }
            kept.push(row);
        }
    }
    Ok(kept)
}

/// The figures added up, by record: amounts in the ledger's currency in their smallest unit, or rows. They count for the
/// whole ledger, whoever asks: what a customer owes does not depend on who looks.
pub(super) fn totals(
    cx: &mut Cx<'_>,
    figures: &[WarningFigure],
    subjects: &[Uuid],
    look: &Look<'_>,
) -> Result<BTreeMap<Uuid, i64>> {
    let (catalog, ids) = (cx.catalog(), cx.ids());
    let home = cx.ledger().info().currency;
    let mut totals: BTreeMap<Uuid, i64> = BTreeMap::new();
    // What is summed of one figure, and whether of rows in other currencies than the ledger's.
    let parts = figures.iter().flat_map(|figure| {
        let own = (figure, figure.sum.as_ref(), false);
        [Some(own), figure.home.as_ref().map(|value| (figure, Some(value), true))].into_iter().flatten()
    });
    for (figure, sum, foreign) in parts {
        let dataset = catalog.dataset(&figure.dataset)?;
        for subjects in subjects.chunks(AT_ONCE) {
            let mut binder = Binder::new(catalog.schema(), dataset);
            let by = binder.resolve(&figure.by)?.column;
            let output = match sum {
                Some(sum) => {
                    let currency = binder.resolve("currency")?.column;
                    let own = Pred::equal(currency, home.encode(ids)?);
                    binder.filter(if foreign { own.not() } else { own });
                    Output::Sum(binder.resolve(sum)?.column)
                }
                None => Output::Count,
            };
            binder.select.outputs = vec![Output::Column(by), output];
            condition(cx, &mut binder, figure.filter.as_ref(), look.as_of, look.calendar)?;
            binder.filter(Pred::In(by, cells(cx, subjects.iter())?));
            cx.tx().select(&binder.select, &mut |cells| {
                if let [by, CellRef::Int(found)] = cells {
                    let total = totals.entry(Uuid::decode(*by, ids)?).or_insert(0);
                    let sum =
                        if figure.minus { total.checked_sub(*found) } else { total.checked_add(*found) };
                    *total = sum.ok_or_else(|| Error::new(&error::OVERFLOW))?;
                }
                Ok(Flow::More)
            })?;
        }
    }
    Ok(totals)
}

fn cells<'a>(cx: &Cx<'_>, subjects: impl Iterator<Item = &'a Uuid>) -> Result<Vec<Cell>> {
    subjects.map(|subject| subject.encode(cx.ids())).collect()
}

/// The records of which a user would be told: those of the owners for whom the rule tells this user.
fn told_owners(
    cx: &Cx<'_>,
    rule: &WarningDefinition,
    dataset: &'static Dataset,
    binder: &mut Binder<'_>,
    user: Id<User>,
    people: &People,
) -> Result<Pred> {
    let recipients = &rule.settings.recipients;
    let without_owner = people.told(recipients, None).contains(&user);
    let Some(field) = owner_field(rule, dataset) else {
        return Ok(if without_owner { Pred::True } else { Pred::False });
    };
    let owner = binder.resolve(field)?.column;
    let owners = people.users.keys().filter(|owner| people.told(recipients, Some(**owner)).contains(&user));
    let owners: Vec<Uuid> = owners.map(|owner| owner.uuid()).collect();
    let told = Pred::In(owner, cells(cx, owners.iter())?);
    Ok(if without_owner { told.or(Pred::IsNull(owner)) } else { told })
}

/// Everybody, and who heads what.
pub(super) fn people(cx: &mut Cx<'_>) -> Result<People> {
    let users = cx.query::<User>().fetch(cx.tx())?;
    let units = cx.query::<OrgUnit>().fetch(cx.tx())?;
    let person = |user: User| (user.id, Person { unit: user.unit, active: user.active, roles: user.roles.0 });
    let head = |unit: OrgUnit| (unit.id, Unit { head: unit.head.map(Id::from_uuid), above: unit.parent });
    Ok(People {
        users: users.into_iter().map(person).collect(),
        units: units.into_iter().map(head).collect(),
    })
}

/// What is stored of these warnings, by place. For a state rule the mark that stands is the one meant.
pub(super) fn marks(cx: &mut Cx<'_>, rule: &Rule, keys: &[Key]) -> Result<BTreeMap<Key, WarningMark>> {
    let c = WarningMark::C;
    let is_state = rule.definition.timing == WarningTiming::State;
    let subjects: BTreeSet<Uuid> = keys.iter().map(|key| key.subject).collect();
    let subjects: Vec<Uuid> = subjects.into_iter().collect();
    let mut found = BTreeMap::new();
    for subjects in subjects.chunks(AT_ONCE) {
        let query = cx.query::<WarningMark>().equal(c.kind, rule.number);
        for mark in query.any_of(c.subject, subjects.iter().copied()).fetch(cx.tx())? {
            if !is_state || mark.standing.is_some() {
                found.insert(key_of(&mark, is_state), mark);
            }
        }
    }
    Ok(found)
}

/// The place of a stored warning.
pub(super) fn key_of(mark: &WarningMark, is_state: bool) -> Key {
    Key { date: Some(mark.date).filter(|_| !is_state), subject: mark.subject, seq: mark.subject_seq }
}

/// This text is no cursor.
pub(super) fn not_a_cursor() -> Error {
    Error::new(&error::WRONG_TYPE).at("cursor").with_both(
        "reason",
        "this is not a cursor of this list",
        "这不是该列表的游标",
    )
}

/// Whether the caller may see a record that a rule watches, whether or not it is warned of now.
pub(super) fn is_visible(cx: &mut Cx<'_>, rule: &WarningDefinition, subject: Uuid) -> Result<bool> {
    let actor = cx.actor().clone();
    if !areas(cx, rule).into_iter().all(|access| actor.allows(access)) {
        return Ok(false);
    }
    let (catalog, ids) = (cx.catalog(), cx.ids());
    let dataset = catalog.dataset(&rule.dataset)?;
    let Some((column, _)) = key_columns(dataset) else { return Ok(false) };
    let mut binder = Binder::new(catalog.schema(), dataset);
    binder.select.outputs = vec![Output::Column(column)];
    binder.filter(Pred::equal(column, subject.encode(ids)?));
    cx.narrow(&mut binder, None)?;
    binder.select.limit = Some(1);
    let mut is_there = false;
    cx.tx().select(&binder.select, &mut |_| {
        is_there = true;
        Ok(Flow::Stop)
    })?;
    Ok(is_there)
}
