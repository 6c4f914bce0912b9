//! Reading what a rule finds: one query per rule and batch, in the order of date and record.
//!
//! Lists, counts and scans all read through [`batch`], so they cannot find different things. What they show of a record
//! depends on who looks: a path that the dataset does not declare leads to another record, which not everybody who may read
//! this one may read too ([`Shown`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::model::{
    WarningBound, WarningDefinition, WarningFigure, WarningMark, WarningRecipients, WarningRule,
    WarningSetting, WarningTiming, WarningTotal,
};
use super::rules::notices::{People, Person, Unit};
use super::rules::{self, NO_RULE, built_in, wrong};
use crate::app::{Author, Cx, DENIED, PathReader};
use crate::areas::access::{Actor, Collaborator, OrgUnit, User, load_actors};
use crate::catalog::{Access, Level};
use crate::kernel::calendar::Calendar;
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, parse_date, to_day_number};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::{Id, IdCodec};
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
    /// Whose it is; nobody's unless asked for.
    pub(super) whose: Whose,
}

/// Who is responsible for a record, and by what data scopes reach it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Whose {
    /// Who is responsible, by the rule.
    pub(super) responsible: Option<Id<User>>,
    /// The record that collaborators are added to.
    record: Option<Uuid>,
    /// Its owner.
    owner: Option<Id<User>>,
    /// Its org unit.
    unit: Option<Id<OrgUnit>>,
}

/// To whom details are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// To nobody: they are not read.
    Nobody,
    /// To the caller: beside what is shown to all, what the caller could look up along the rule's paths.
    Caller,
    /// To everybody who may read the record: its own fields, and those that its dataset declares.
    All,
}

/// What people want to know of a record.
#[derive(Debug, Clone, Default)]
pub(super) struct Details {
    /// The texts that name it, in order; those that are not shown are missing.
    pub(super) title: Vec<Option<String>>,
    /// The customer's name.
    pub(super) customer_name: Option<String>,
    /// Who is responsible.
    pub(super) owner: Option<Id<User>>,
    /// The amount in question: the rule's total over what refers to the record, where that is one.
    pub(super) amount: Option<Amount>,
    /// Its currency.
    pub(super) currency: Option<Currency>,
}

impl Details {
    /// What names the record, in one text.
    pub(super) fn title(&self) -> String {
        let parts = self.title.iter().flatten().map(String::as_str);
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    }
}

/// Which of a rule's records are read, and what of them.
#[derive(Clone, Copy)]
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
    pub(super) told: Option<(Id<User>, &'a Everybody)>,
    /// To whom the details are shown.
    pub(super) shown: Shown,
}

/// Everybody, and what they may read.
pub(super) struct Everybody {
    /// Who is who.
    pub(super) people: People,
    /// What active users may do, but for the single records that they reach as collaborators.
    actors: BTreeMap<Id<User>, Actor>,
}

/// Who may read the records that a rule watches.
struct Readers<'a> {
    everybody: &'a Everybody,
    /// The areas that they must be able to read.
    areas: Vec<Access>,
    /// Whether the records are under data scopes.
    is_scoped: bool,
    /// The collaborators of these records.
    collaborators: BTreeSet<(Uuid, Id<User>)>,
}

impl Readers<'_> {
    fn reads(&self, user: Id<User>, whose: &Whose) -> bool {
        let Some(actor) = self.everybody.actors.get(&user) else { return false };
        let is_granted = || whose.record.is_some_and(|record| self.collaborators.contains(&(record, user)));
        self.areas.iter().all(|access| actor.allows(*access))
            && (!self.is_scoped || actor.has_in_scope(whose.owner, whose.unit) || is_granted())
    }

    fn told(&self, recipients: &WarningRecipients, whose: &Whose) -> Vec<Id<User>> {
        let people = &self.everybody.people;
        people.told(recipients, whose.responsible, |user| self.reads(user, whose))
    }
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

/// What every rule says that there is or was, by number.
pub(super) fn definitions(cx: &mut Cx<'_>) -> Result<BTreeMap<u32, WarningDefinition>> {
    let custom = cx.query::<WarningRule>().fetch(cx.tx())?;
    let own = built_in::RULES.iter().map(|rule| (rule.number, rule.definition.clone()));
    Ok(own.chain(custom.into_iter().map(|rule| (rule.number, rule.definition.0))).collect())
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

/// Whether everybody who may read a record of this dataset is shown this field of it: it is the record's own, the dataset
/// declares it, or it is the owner that data scopes go by.
fn is_declared(dataset: &Dataset, name: &str) -> bool {
    !name.contains('.')
        || dataset.fields.iter().any(|(_, path)| *path == name)
        || dataset.scope.is_some_and(|scope| scope.owner == name)
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
    if key_columns(dataset).is_none() {
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
        if !is_declared(dataset, date) {
            return Err(wrong(
                "date",
                "a rule goes by a date of the record itself or one that its dataset declares, which all who see it may know",
                "规则的日期须为记录自身的字段或数据集声明的字段",
            ));
        }
    }
    for (index, title) in rule.title.iter().enumerate() {
        typed(&mut binder, &format!("title[{index}]"), title, is_text, ("a text", "文本字段"))?;
    }
    if !rule.title.iter().any(|title| is_declared(dataset, title)) {
        return Err(wrong(
            "title",
            "a notice is named by texts of the record itself or that its dataset declares, so one of them is needed",
            "标题中至少须有一个记录自身的字段或数据集声明的字段,通知只显示这些字段",
        ));
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
pub(super) fn check_recipients(cx: &mut Cx<'_>, recipients: &WarningRecipients) -> Result<()> {
    for (index, role) in recipients.roles.iter().enumerate() {
        cx.get(*role).map_err(|error| error.at(format!("roles[{index}]")))?;
    }
    for (index, user) in recipients.users.iter().enumerate() {
        cx.get(*user).map_err(|error| error.at(format!("users[{index}]")))?;
    }
    Ok(())
}

/// What a query reads of each row, by the place among its outputs.
#[derive(Default)]
struct Outputs {
    columns: Vec<Output>,
    subject: usize,
    seq: Option<usize>,
    date: Option<usize>,
    limit: Option<usize>,
    title: Vec<Option<usize>>,
    customer_name: Option<usize>,
    owner: Option<usize>,
    amount: Option<usize>,
    currency: Option<usize>,
    responsible: Option<usize>,
    /// Record, owner and unit that the data scope goes by, and those that it goes by where there is no such record.
    scopes: Vec<[usize; 3]>,
}

impl Outputs {
    fn add(&mut self, column: ColumnRef) -> usize {
        self.columns.push(Output::Column(column));
        self.columns.len() - 1
    }

    /// A field, if it is one that everybody is shown.
    fn shown(&mut self, binder: &mut Binder<'_>, name: Option<&str>) -> Result<Option<usize>> {
        let name = name.filter(|name| is_declared(binder.dataset(), name));
        name.map(|name| Ok(self.add(binder.resolve(name)?.column))).transpose()
    }

    fn details(
        &mut self,
        binder: &mut Binder<'_>,
        rule: &WarningDefinition,
        owner: Option<&str>,
    ) -> Result<()> {
        for title in &rule.title {
            let place = self.shown(binder, Some(title))?;
            self.title.push(place);
        }
        self.customer_name = self.shown(binder, rule.customer_name.as_deref())?;
        self.owner = self.shown(binder, owner)?;
        self.amount = self.shown(binder, rule.amount.as_deref())?;
        self.currency = self.shown(binder, rule.currency.as_deref())?;
        Ok(())
    }

    fn whose(&mut self, binder: &mut Binder<'_>, owner: Option<&str>) -> Result<()> {
        self.responsible = owner.map(|owner| Ok(self.add(binder.resolve(owner)?.column))).transpose()?;
        let mut next = binder.dataset().scope.as_ref();
        while let Some(paths) = next {
            let mut place = |path| Ok(self.add(binder.resolve(path)?.column));
            let scope = [place(paths.record)?, place(paths.owner)?, place(paths.unit)?];
            self.scopes.push(scope);
            next = paths.otherwise;
        }
        Ok(())
    }

    fn row(&self, cells: &[CellRef<'_>], ids: IdCodec) -> Result<Row> {
        let date = optional(cells, self.date, ids)?;
        let seq = optional(cells, self.seq, ids)?;
        let title = self.title.iter().map(|place| optional(cells, *place, ids)).collect::<Result<_>>()?;
        let mut whose = Whose { responsible: optional(cells, self.responsible, ids)?, ..Whose::default() };
        for [record, owner, unit] in &self.scopes {
            whose.record = optional(cells, Some(*record), ids)?;
            whose.owner = optional(cells, Some(*owner), ids)?;
            whose.unit = optional(cells, Some(*unit), ids)?;
            if whose.record.is_some() {
                break;
            }
        }
        Ok(Row {
            key: Key { date, subject: Uuid::decode(cell(cells, self.subject), ids)?, seq: seq.unwrap_or(0) },
            has_seq: seq.is_some(),
            details: Details {
                title,
                customer_name: optional(cells, self.customer_name, ids)?,
                owner: optional(cells, self.owner, ids)?,
                amount: optional(cells, self.amount, ids)?,
                currency: optional(cells, self.currency, ids)?,
            },
            whose,
        })
    }
}

fn cell<'a>(cells: &[CellRef<'a>], place: usize) -> CellRef<'a> {
    cells.get(place).copied().unwrap_or_default()
}

fn optional<T: Field>(cells: &[CellRef<'_>], place: Option<usize>, ids: IdCodec) -> Result<Option<T>>
where
    Option<T>: Field,
{
    place.map_or(Ok(None), |place| Option::decode(cell(cells, place), ids))
}

/// The next rows that a rule finds behind `after`, at most so many; whether they are the last; and the last row that was
/// read.
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
    let owner = owner_field(definition, dataset);
    let mut binder = Binder::new(catalog.schema(), dataset);
    let mut outputs = Outputs::default();
    outputs.subject = outputs.add(subject);
    outputs.seq = seq.map(|seq| outputs.add(seq));
    let date = definition.date.as_deref().map(|date| binder.resolve(date)).transpose()?;
    outputs.date = date.map(|date| outputs.add(date.column));
    if let Some(WarningBound::AboveField(field)) = definition.total.as_ref().map(|total| &total.bound) {
        let field = binder.resolve(field)?.column;
        outputs.limit = Some(outputs.add(field));
    }
    if look.shown != Shown::Nobody {
        outputs.details(&mut binder, definition, owner)?;
    }
    if look.told.is_some() || look.shown == Shown::All {
        outputs.whose(&mut binder, owner)?;
    }
    binder.select.outputs = std::mem::take(&mut outputs.columns);
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
        let places = only_places(cx, (subject, seq), look.places.iter().copied())?;
        binder.filter(places);
    }
    if let Some((user, everybody)) = look.told {
        let told = told_owners(cx, definition, dataset, &mut binder, user, &everybody.people)?;
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
        limits.push(optional(cells, outputs.limit, ids)?);
        rows.push(outputs.row(cells, ids)?);
        Ok(Flow::More)
    })?;
    let exhausted = !in_order || rows.len() < limit;
    let last = rows.last().map(|row: &Row| row.key);
    if let Some((user, everybody)) = look.told {
        let told = told(cx, everybody, definition, &definition.settings.recipients, &rows)?;
        let kept: Vec<bool> = told.iter().map(|told| told.contains(&user)).collect();
        retain(&mut rows, &kept);
        retain(&mut limits, &kept);
    }
    if let Some(total) = &definition.total {
        rows = beyond(cx, total, rows, &limits, look)?;
    }
    if look.shown == Shown::Caller {
        look_up(cx, definition, dataset, &mut rows)?;
    }
    Ok((rows, exhausted, last))
}

fn retain<T>(items: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    items.retain(|_| kept.next().copied().unwrap_or(false));
}

/// Only these records, and of them only rows of these numbers.
fn only_places(
    cx: &Cx<'_>,
    (subject, seq): (ColumnRef, Option<ColumnRef>),
    places: impl Iterator<Item = (Uuid, u32)> + Clone,
) -> Result<Pred> {
    let subjects: BTreeSet<Uuid> = places.clone().map(|(subject, _)| subject).collect();
    let of_subjects = Pred::In(subject, cells(cx, subjects.iter())?);
    let Some(seq) = seq else { return Ok(of_subjects) };
    let rows: BTreeSet<u32> = places.map(|(_, row)| row).collect();
    let rows = rows.into_iter().map(|row| Cell::Int(i64::from(row))).collect();
    Ok(of_subjects.and(Pred::In(seq, rows)))
}

/// Fills in what the rule's own paths lead to, as far as the caller could look it up.
fn look_up(
    cx: &mut Cx<'_>,
    rule: &WarningDefinition,
    dataset: &'static Dataset,
    rows: &mut [Row],
) -> Result<()> {
    fn fill<T>(
        cx: &mut Cx<'_>,
        dataset: &'static Dataset,
        name: Option<&str>,
        rows: &mut [Row],
        place: impl Fn(&mut Details) -> Option<&mut Option<T>>,
    ) -> Result<()>
    where
        T: Field,
        Option<T>: Field,
    {
        let Some(name) = name.filter(|name| !is_declared(dataset, name)) else { return Ok(()) };
        let mut found: BTreeMap<(Uuid, u32), Option<T>> = reached(cx, dataset, name, rows)?;
        for row in rows {
            let value = found.remove(&(row.key.subject, row.key.seq)).flatten();
            if let Some(place) = place(&mut row.details) {
                *place = value;
            }
        }
        Ok(())
    }
    for (index, title) in rule.title.iter().enumerate() {
        fill(cx, dataset, Some(title), rows, |details| details.title.get_mut(index))?;
    }
    fill(cx, dataset, rule.customer_name.as_deref(), rows, |details| Some(&mut details.customer_name))?;
    fill(cx, dataset, owner_field(rule, dataset), rows, |details| Some(&mut details.owner))?;
    if rule.total.as_ref().is_none_or(|total| matches!(total.bound, WarningBound::AtLeast(_))) {
        fill(cx, dataset, rule.amount.as_deref(), rows, |details| Some(&mut details.amount))?;
        fill(cx, dataset, rule.currency.as_deref(), rows, |details| Some(&mut details.currency))?;
    }
    Ok(())
}

/// What a path leads to from these rows, of those whose record there the caller may see; nothing when the caller may not
/// read the area. It is the caller's own path then, as in a list.
fn reached<T>(
    cx: &mut Cx<'_>,
    dataset: &'static Dataset,
    path: &str,
    rows: &[Row],
) -> Result<BTreeMap<(Uuid, u32), T>>
where
    T: Field,
{
    let mut found = BTreeMap::new();
    let (catalog, actor, ids) = (cx.catalog(), cx.actor().clone(), cx.ids());
    let Some((subject, seq)) = key_columns(dataset) else { return Ok(found) };
    let reader = PathReader { actor: &actor, catalog, ids };
    for rows in rows.chunks(AT_ONCE) {
        let mut binder = Binder::new(catalog.schema(), dataset).guarded(&reader);
        let value = match binder.resolve(path) {
            Ok(bound) => bound.column,
            Err(error) if *error.code() == DENIED => return Ok(found),
            Err(error) => return Err(error),
        };
        binder.select.outputs =
            [Some(subject), Some(value), seq].into_iter().flatten().map(Output::Column).collect();
        let places = rows.iter().map(|row| (row.key.subject, row.key.seq));
        binder.filter(only_places(cx, (subject, seq), places)?);
        cx.narrow(&mut binder, None)?;
        cx.tx().select(&binder.select, &mut |cells| {
            let seq = optional(cells, seq.map(|_| 2), ids)?.unwrap_or(0);
            found.insert((Uuid::decode(cell(cells, 0), ids)?, seq), T::decode(cell(cells, 1), ids)?);
            Ok(Flow::More)
        })?;
    }
    Ok(found)
}

/// Who is told of each of these rows, by these recipients.
pub(super) fn told(
    cx: &mut Cx<'_>,
    everybody: &Everybody,
    rule: &WarningDefinition,
    recipients: &WarningRecipients,
    rows: &[Row],
) -> Result<Vec<Vec<Id<User>>>> {
    let readers = readers(cx, everybody, rule, rows)?;
    Ok(rows.iter().map(|row| readers.told(recipients, &row.whose)).collect())
}

/// Who may read these rows.
fn readers<'a>(
    cx: &mut Cx<'_>,
    everybody: &'a Everybody,
    rule: &WarningDefinition,
    rows: &[Row],
) -> Result<Readers<'a>> {
    let is_scoped = cx.catalog().dataset(&rule.dataset)?.scope.is_some();
    let records: BTreeSet<Uuid> = rows.iter().filter_map(|row| row.whose.record).collect();
    let records: Vec<Uuid> = records.into_iter().collect();
    let mut collaborators = BTreeSet::new();
    for records in records.chunks(AT_ONCE) {
        let query = cx.query::<Collaborator>().any_of(Collaborator::C.record, records.iter().copied());
        let found = query.fetch(cx.tx())?.into_iter();
        collaborators.extend(found.map(|granted| (granted.record, granted.user)));
    }
    Ok(Readers { everybody, areas: areas(cx, rule), is_scoped, collaborators })
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

/// The records of which a user could be told, by their owners; whether that is so depends on who may read each.
fn told_owners(
    cx: &Cx<'_>,
    rule: &WarningDefinition,
    dataset: &'static Dataset,
    binder: &mut Binder<'_>,
    user: Id<User>,
    people: &People,
) -> Result<Pred> {
    let recipients = &rule.settings.recipients;
    let without_owner = people.may_be_told(recipients, None, user);
    let Some(field) = owner_field(rule, dataset) else {
        return Ok(if without_owner { Pred::True } else { Pred::False });
    };
    let owner = binder.resolve(field)?.column;
    let owners = people.users.keys().filter(|owner| people.may_be_told(recipients, Some(**owner), user));
    let owners: Vec<Uuid> = owners.map(|owner| owner.uuid()).collect();
    let told = Pred::In(owner, cells(cx, owners.iter())?);
    Ok(if without_owner { told.or(Pred::IsNull(owner)) } else { told })
}

/// Everybody, who heads what, and what they may read.
pub(super) fn everybody(cx: &mut Cx<'_>) -> Result<Everybody> {
    let users = cx.query::<User>().fetch(cx.tx())?;
    let units = cx.query::<OrgUnit>().fetch(cx.tx())?;
    let (ids, stamp) = (cx.ids(), cx.actor().stamp);
    let actors = load_actors(cx.tx(), ids, &users, &units, stamp)?;
    let actors = actors.into_iter().map(|actor| (actor.user.id, actor)).collect();
    let person = |user: User| (user.id, Person { unit: user.unit, active: user.active, roles: user.roles.0 });
    let head = |unit: OrgUnit| (unit.id, Unit { head: unit.head.map(Id::from_uuid), above: unit.parent });
    let people = People {
        users: users.into_iter().map(person).collect(),
        units: units.into_iter().map(head).collect(),
    };
    Ok(Everybody { people, actors })
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

/// Which of these records the caller may see as a rule watches them, whether or not they are warned of now.
pub(super) fn visible(
    cx: &mut Cx<'_>,
    rule: &WarningDefinition,
    subjects: impl IntoIterator<Item = Uuid>,
) -> Result<BTreeSet<Uuid>> {
    let (mut seen, actor) = (BTreeSet::new(), cx.actor().clone());
    if !areas(cx, rule).into_iter().all(|access| actor.allows(access)) {
        return Ok(seen);
    }
    let (catalog, ids) = (cx.catalog(), cx.ids());
    let dataset = catalog.dataset(&rule.dataset)?;
    let Some((column, _)) = key_columns(dataset) else { return Ok(seen) };
    let subjects: BTreeSet<Uuid> = subjects.into_iter().collect();
    let subjects: Vec<Uuid> = subjects.into_iter().collect();
    for subjects in subjects.chunks(AT_ONCE) {
        let mut binder = Binder::new(catalog.schema(), dataset);
        binder.select.outputs = vec![Output::Column(column)];
        binder.filter(Pred::In(column, cells(cx, subjects.iter())?));
        cx.narrow(&mut binder, None)?;
        cx.tx().select(&binder.select, &mut |cells| {
            seen.insert(Uuid::decode(cell(cells, 0), ids)?);
            Ok(Flow::More)
        })?;
    }
    Ok(seen)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn what_the_library_s_own_rules_show_is_shown_to_all_who_may_read_the_record() {
        let catalog = Catalog::shared();
        for rule in built_in::RULES.iter().map(|rule| &rule.definition) {
            let dataset = catalog.dataset(&rule.dataset).unwrap();
            let names = [&rule.date, &rule.customer_name, &rule.owner, &rule.amount, &rule.currency];
            for name in names.into_iter().flatten().chain(&rule.title) {
                assert!(is_declared(dataset, name), "{} {name}", rule.name);
            }
        }
        let installments = catalog.dataset("installment").unwrap();
        for (name, expected) in [
            ("label", true),
            ("customer_name", true),
            ("customer.name", true),
            ("contract.owner", true),
            ("customer.owner", false),
            ("customer.phone", false),
        ] {
            assert_eq!(is_declared(installments, name), expected, "{name}");
        }
    }
}
