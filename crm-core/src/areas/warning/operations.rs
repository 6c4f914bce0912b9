//! Operations on warnings.

use std::collections::{BTreeMap, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{LeadUnit, WarningKind, WarningLevel, WarningMark, WarningSetting, WarningState};
use super::rules::{NO_WARNING, RULES, WarningRule};
use crate::app::{Cx, ListRequest, Page};
use crate::areas::access::User;
use crate::areas::contract::GIVEN_TO_EFFECTIVE;
use crate::catalog::{Access, Entry, Example, Level, Operation};
use crate::kernel::calendar::Calendar;
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::cell::CellRef;
use crate::store::dataset::{Binder, SortBy};
use crate::store::engine::{Flow, Mode};
use crate::store::expr::{Expr, Operand};
use crate::store::plan::{Direction, Output};
use crate::store::record::{Field, Record};

pub(super) const LIST: fn() -> Vec<Entry> =
    crate::operations![ListWarnings, AcknowledgeWarning, SnoozeWarning, ConfigureWarning, WarningSettings,];

/// Longest lead time.
const LEAD_MAX: u32 = 3650;
/// Records whose marks are read at once.
const MARKS_AT_ONCE: usize = 500;

/// Warnings of records in scope, earliest deadline first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListWarnings {
    /// The day on which it is looked at; today when left out.
    pub as_of: Option<Date>,
    /// Only these kinds; all that are enabled when left out.
    pub kinds: Vec<WarningKind>,
    /// Whether to show what has been acknowledged or snoozed too.
    pub include_handled: bool,
    /// At most so many, up to 1000; 100 when left out.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarningItem {
    /// What it is about.
    pub kind: WarningKind,
    /// How grave it is.
    pub level: WarningLevel,
    /// What has been done about it.
    pub state: WarningState,
    /// The record: a contract, an opportunity, a follow-up.
    pub subject: Uuid,
    /// The row below the record: an installment, by its position.
    pub seq: Option<u32>,
    /// What names it.
    pub title: String,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// The date in the record that it goes by: due date, last day, since when in the stage, next step.
    pub date: Date,
    /// The day by which something had or has to be done.
    pub due_date: Date,
    /// Days since that day; below zero when it is still ahead.
    pub days_late: i32,
    /// The amount in question.
    pub amount: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Who is responsible.
    pub owner: Option<Id<User>>,
    /// When snoozed: the day from which it shows again.
    pub snoozed_until: Option<Date>,
}

/// The place of a warning in the list.
type Place = (Date, WarningKind, Uuid, u32);

impl WarningItem {
    fn place(&self) -> Place {
        (self.due_date, self.kind, self.subject, self.seq.unwrap_or(0))
    }
}

/// One rule being read: what is buffered, and where it goes on.
struct Stream {
    rule: &'static WarningRule,
    setting: WarningSetting,
    /// Cursor behind the last warning that was handed out.
    taken: Option<String>,
    /// Cursor behind the last row that was read.
    read: Option<String>,
    buffer: VecDeque<(WarningItem, String)>,
    exhausted: bool,
}

/// What a list is read with.
struct Look<'a> {
    as_of: Date,
    calendar: &'a Calendar,
    include_handled: bool,
    /// Rows read at once from each rule.
    batch: u64,
    /// Only this record and row.
    only: Option<(Uuid, Option<u32>)>,
}

impl Stream {
    /// The place of the next warning; reads on when nothing is buffered.
    fn peek(&mut self, cx: &mut Cx<'_>, look: &Look<'_>) -> Result<Option<Place>> {
        while self.buffer.is_empty() && !self.exhausted {
            self.fill(cx, look)?;
        }
        Ok(self.buffer.front().map(|(item, _)| item.place()))
    }

    fn fill(&mut self, cx: &mut Cx<'_>, look: &Look<'_>) -> Result<()> {
        let (catalog, ids, rule) = (cx.catalog(), cx.ids(), self.rule);
        let mut binder = Binder::new(catalog.schema(), rule.dataset);
        let mut names = vec![rule.subject, rule.date, rule.owner, rule.customer_name];
        names.extend(rule.title);
        names.extend(rule.seq);
        names.extend(rule.amount.into_iter().flat_map(|(amount, currency)| [amount, currency]));
        for name in &names {
            let column = binder.resolve(name)?.column;
            binder.select.outputs.push(Output::Column(column));
        }
        let (first, last) = rule.window(&self.setting, look.as_of, look.calendar)?;
        let text = |value: &dyn std::fmt::Display| Operand::Text(value.to_string());
        let mut filter = vec![(rule.watched)(), Expr::AtMost(rule.date.to_owned(), text(&last))];
        filter.extend(first.map(|first| Expr::AtLeast(rule.date.to_owned(), text(&first))));
        if let Some((subject, seq)) = look.only {
            filter.push(Expr::Equal(rule.subject.to_owned(), text(&subject)));
            if let (Some(field), Some(seq)) = (rule.seq, seq) {
                filter.push(Expr::Equal(field.to_owned(), Operand::Int(i64::from(seq))));
            }
        }
        cx.narrow(&mut binder, Some(&Expr::And(filter)))?;
        binder.sort(&[SortBy { field: rule.date.to_owned(), direction: Direction::Ascending }])?;
        if let Some(cursor) = &self.read {
            binder.after(cursor).map_err(|error| error.at("cursor"))?;
        }
        let keys_at = binder.add_cursor_outputs();
        binder.select.limit = Some(look.batch);
        let mut found = Vec::new();
        let select = binder.select.clone();
        cx.tx().select(&select, &mut |cells| {
            let item = item(rule, &self.setting, look, cells, ids)?;
            let keys: Vec<CellRef<'_>> = keys_at.iter().map(|at| cells[*at]).collect();
            found.push((item, binder.cursor(&keys)));
            Ok(Flow::More)
        })?;
        self.exhausted = (found.len() as u64) < look.batch;
        if let Some((_, cursor)) = found.last() {
            self.read = Some(cursor.clone());
        }
        apply_marks(cx, rule.kind, look.as_of, &mut found)?;
        found.retain(|(item, _)| look.include_handled || item.state == WarningState::Open);
        self.buffer.extend(found);
        Ok(())
    }
}

fn item(
    rule: &WarningRule,
    setting: &WarningSetting,
    look: &Look<'_>,
    cells: &[CellRef<'_>],
    ids: crate::kernel::id::IdCodec,
) -> Result<WarningItem> {
    let mut cells = cells.iter().copied();
    let mut next = || cells.next().unwrap_or_default();
    let subject = Uuid::decode(next(), ids)?;
    let date = Date::decode(next(), ids)?;
    let owner = Option::decode(next(), ids)?;
    let customer_name = Option::decode(next(), ids)?;
    let title: [Option<String>; 2] = [Option::decode(next(), ids)?, Option::decode(next(), ids)?];
    let seq = if rule.seq.is_some() { Some(u32::decode(next(), ids)?) } else { None };
    let (amount, currency) = match rule.amount {
        Some(_) => (Option::decode(next(), ids)?, Option::decode(next(), ids)?),
        None => (None, None),
    };
    let due_date = rule.deadline(setting, date, look.calendar)?;
    let days_late = date::days_between(due_date, look.as_of);
    Ok(WarningItem {
        kind: rule.kind,
        level: rule.level(days_late),
        state: WarningState::Open,
        subject,
        seq,
        title: title.into_iter().flatten().collect::<Vec<String>>().join(" "),
        customer_name,
        date,
        due_date,
        days_late: i32::try_from(days_late).unwrap_or(i32::MAX),
        amount,
        currency,
        owner,
        snoozed_until: None,
    })
}

/// Puts what people have done into the warnings.
fn apply_marks(
    cx: &mut Cx<'_>,
    kind: WarningKind,
    as_of: Date,
    found: &mut [(WarningItem, String)],
) -> Result<()> {
    let c = WarningMark::C;
    for found in found.chunks_mut(MARKS_AT_ONCE) {
        let mut subjects: Vec<Uuid> = found.iter().map(|(item, _)| item.subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        let query = cx.query::<WarningMark>().equal(c.kind, kind).any_of(c.subject, subjects);
        let marks = query.fetch(cx.tx())?;
        let marks: BTreeMap<(Uuid, u32, Date), WarningMark> =
            marks.into_iter().map(|mark| ((mark.subject, mark.subject_seq, mark.date), mark)).collect();
        for (item, _) in found {
            if let Some(mark) = marks.get(&(item.subject, item.seq.unwrap_or(0), item.date)) {
                mark.apply(item, as_of);
            }
        }
    }
    Ok(())
}

impl WarningMark {
    fn apply(&self, item: &mut WarningItem, as_of: Date) {
        item.snoozed_until = self.snoozed_until.filter(|until| *until > as_of);
        item.state = match (self.acknowledged_at, item.snoozed_until) {
            (Some(_), _) => WarningState::Acknowledged,
            (None, Some(_)) => WarningState::Snoozed,
            (None, None) => WarningState::Open,
        };
    }
}

/// The setting of each kind, in order.
fn settings(cx: &mut Cx<'_>) -> Result<Vec<WarningSetting>> {
    let stored = cx.query::<WarningSetting>().fetch(cx.tx())?;
    let setting = |rule: &WarningRule| {
        let stored = stored.iter().find(|setting| setting.kind == rule.kind);
        stored.cloned().unwrap_or_else(|| rule.usual())
    };
    Ok(RULES.iter().map(setting).collect())
}

/// The streams of the kinds asked for that are enabled and of which the caller may read the area.
fn streams(cx: &mut Cx<'_>, kinds: &[WarningKind]) -> Result<Vec<Stream>> {
    let settings = settings(cx)?;
    let (catalog, actor) = (cx.catalog(), cx.actor().clone());
    let wanted = RULES.iter().zip(settings).filter(|(rule, setting)| {
        let area = catalog.area_of_dataset(rule.dataset.name);
        setting.enabled
            && (kinds.is_empty() || kinds.contains(&rule.kind))
            && area.is_some_and(|area| actor.allows(Access::Level(area.name, Level::Read)))
    });
    Ok(wanted
        .map(|(rule, setting)| Stream {
            rule,
            setting,
            taken: None,
            read: None,
            buffer: VecDeque::new(),
            exhausted: false,
        })
        .collect())
}

/// The cursors of the streams in one text: `kind=cursor` for each that has handed out something.
fn join_cursors(streams: &[Stream]) -> String {
    let parts = streams
        .iter()
        .filter_map(|stream| stream.taken.as_ref().map(|taken| format!("{}={taken}", stream.rule.kind)));
    parts.collect::<Vec<String>>().join(",")
}

fn split_cursors(streams: &mut [Stream], cursor: &str) -> Result<()> {
    let refused =
        || Error::new(&error::WRONG_TYPE).at("cursor").with("reason", "this is not a cursor of this list");
    for part in cursor.split(',') {
        let (kind, cursor) = part.split_once('=').ok_or_else(refused)?;
        // A kind that has been switched off meanwhile is passed over.
        if let Some(stream) = streams.iter_mut().find(|stream| stream.rule.kind.to_string() == kind) {
            stream.taken = Some(cursor.to_owned());
            stream.read = Some(cursor.to_owned());
        } else if !WarningKind::ALL.iter().any(|known| known.to_string() == kind) {
            return Err(refused());
        }
    }
    Ok(())
}

impl Operation for ListWarnings {
    type Output = Page<WarningItem>;
    const NAME: &'static str = "warning.list";
    const ZH: &'static str = "预警列表";
    const ACCESS: Access = Access::Level("warning", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] =
        &[&error::OUT_OF_RANGE, &error::WRONG_TYPE, &error::UNKNOWN_CALENDAR_YEAR, &error::DATE_OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"kinds": ["installment_due", "installment_overdue"], "limit": 50}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<WarningItem>> {
        let limit = ListRequest { limit: self.limit, ..ListRequest::default() }.page_limit()? as usize;
        let calendar = cx.calendar()?;
        let look = Look {
            as_of: self.as_of.unwrap_or(cx.today()),
            calendar: &calendar,
            include_handled: self.include_handled,
            batch: limit as u64 + 1,
            only: None,
        };
        let mut streams = streams(cx, &self.kinds)?;
        if let Some(cursor) = &self.cursor {
            split_cursors(&mut streams, cursor)?;
        }
        let mut items = Vec::new();
        loop {
            let mut earliest: Option<(Place, usize)> = None;
            for (at, stream) in streams.iter_mut().enumerate() {
                if let Some(place) = stream.peek(cx, &look)?
                    && earliest.is_none_or(|(first, _)| place < first)
                {
                    earliest = Some((place, at));
                }
            }
            let Some((_, at)) = earliest else { return Ok(Page { items, next: None }) };
            if items.len() == limit {
                return Ok(Page { items, next: Some(join_cursors(&streams)) });
            }
            if let Some((item, cursor)) = streams[at].buffer.pop_front() {
                streams[at].taken = Some(cursor);
                items.push(item);
            }
        }
    }
}

/// The warning of this kind on this record now, with the mark that is stored for it.
fn present(
    cx: &mut Cx<'_>,
    kind: WarningKind,
    subject: Uuid,
    seq: Option<u32>,
) -> Result<(WarningItem, WarningMark, Option<WarningMark>)> {
    let missing = || Error::new(&NO_WARNING).at("subject").with("kind", kind).with("subject", subject);
    let calendar = cx.calendar()?;
    let (as_of, only) = (cx.today(), Some((subject, seq)));
    let look = Look { as_of, calendar: &calendar, include_handled: true, batch: 2, only };
    let mut streams = streams(cx, &[kind])?;
    let stream = streams.first_mut().ok_or_else(missing)?;
    stream.peek(cx, &look)?;
    let (item, _) = stream.buffer.pop_front().ok_or_else(missing)?;
    if stream.rule.seq.is_some() && seq.is_none() {
        return Err(Error::new(&error::MISSING_FIELD).with("name", "seq"));
    }
    let key = (kind, subject, item.seq.unwrap_or(0), item.date);
    let c = WarningMark::C;
    let stored = cx
        .query::<WarningMark>()
        .equal(c.kind, key.0)
        .equal(c.subject, key.1)
        .equal(c.subject_seq, key.2)
        .equal(c.date, key.3)
        .first(cx.tx())?;
    let mark = stored.clone().unwrap_or(WarningMark {
        kind,
        subject,
        subject_seq: key.2,
        date: key.3,
        acknowledged_by: None,
        acknowledged_at: None,
        snoozed_until: None,
    });
    Ok((item, mark, stored))
}

fn keep(
    cx: &mut Cx<'_>,
    mut item: WarningItem,
    mark: &WarningMark,
    stored: Option<&WarningMark>,
) -> Result<WarningItem> {
    cx.subject(mark.subject);
    match stored {
        Some(stored) => cx.replace(stored, mark)?,
        None => cx.insert(mark)?,
    }
    mark.apply(&mut item, cx.today());
    Ok(item)
}

/// Takes note of a warning: it is not shown again unless asked for, until its date moves.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeWarning {
    /// What it is about.
    pub kind: WarningKind,
    /// The record.
    pub subject: Uuid,
    /// The row below the record, where the warning has one.
    #[serde(default)]
    pub seq: Option<u32>,
}

impl Operation for AcknowledgeWarning {
    type Output = WarningItem;
    const NAME: &'static str = "warning.acknowledge";
    const ZH: &'static str = "确认预警";
    const ACCESS: Access = Access::Level("warning", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&NO_WARNING, &error::MISSING_FIELD, &error::NOT_AN_ID, &error::UNKNOWN_CALENDAR_YEAR];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"kind": "installment_overdue", "subject": "${contract.id}", "seq": 1}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<WarningItem> {
        let (item, mut mark, stored) = present(cx, self.kind, self.subject, self.seq)?;
        mark.acknowledged_by = Some(cx.actor().user.id);
        mark.acknowledged_at = Some(cx.now());
        keep(cx, item, &mark, stored.as_ref())
    }
}

/// Hides a warning until a day.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnoozeWarning {
    /// What it is about.
    pub kind: WarningKind,
    /// The record.
    pub subject: Uuid,
    /// The row below the record, where the warning has one.
    #[serde(default)]
    pub seq: Option<u32>,
    /// The day from which it shows again, after today.
    pub until: Date,
}

impl Operation for SnoozeWarning {
    type Output = WarningItem;
    const NAME: &'static str = "warning.snooze";
    const ZH: &'static str = "推迟预警";
    const ACCESS: Access = Access::Level("warning", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NO_WARNING,
        &error::MISSING_FIELD,
        &error::NOT_AN_ID,
        &error::END_BEFORE_START,
        &error::UNKNOWN_CALENDAR_YEAR,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"kind": "installment_overdue", "subject": "${contract.id}", "seq": 1, "until": "2026-03-09"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<WarningItem> {
        let tomorrow = date::add_days(cx.today(), 1)?;
        if self.until < tomorrow {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("until")
                .with("start", tomorrow)
                .with("end", self.until));
        }
        let (item, mut mark, stored) = present(cx, self.kind, self.subject, self.seq)?;
        mark.acknowledged_by = None;
        mark.acknowledged_at = None;
        mark.snoozed_until = Some(self.until);
        keep(cx, item, &mark, stored.as_ref())
    }
}

/// Sets how early or late a kind of warning comes, or switches it off.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigureWarning {
    /// What the warning is about.
    pub kind: WarningKind,
    /// Ahead of a date: so many days before it. After a date: once more than so many days have passed. Up to 3650.
    pub lead: u32,
    /// How they are counted.
    #[serde(default)]
    pub unit: LeadUnit,
    /// Whether it comes at all.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

impl Operation for ConfigureWarning {
    type Output = WarningSetting;
    const NAME: &'static str = "warning.configure";
    const ZH: &'static str = "设置预警";
    const ACCESS: Access = Access::Level("warning", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&error::OUT_OF_RANGE];
    const EXAMPLE: Example =
        Example { given: &[], input: r#"{"kind": "installment_due", "lead": 5, "unit": "working_days"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<WarningSetting> {
        if self.lead > LEAD_MAX {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("lead")
                .with("value", self.lead)
                .with("min", 0)
                .with("max", LEAD_MAX));
        }
        let ConfigureWarning { kind, lead, unit, enabled } = self;
        let after = WarningSetting { kind, lead, unit, enabled };
        let before = cx.query::<WarningSetting>().equal(WarningSetting::C.kind, kind).first(cx.tx())?;
        match before {
            Some(before) => cx.replace(&before, &after)?,
            None => cx.insert(&after)?,
        }
        Ok(after)
    }
}

/// The settings of every kind of warning.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningSettings {}

impl Operation for WarningSettings {
    type Output = Vec<WarningSetting>;
    const NAME: &'static str = "warning.settings";
    const ZH: &'static str = "查看预警设置";
    const ACCESS: Access = Access::Level("warning", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[];
    const EXAMPLE: Example = Example { given: &[], input: "{}" };
    fn run(self, cx: &mut Cx<'_>) -> Result<Vec<WarningSetting>> {
        settings(cx)
    }
}
