//! The scan: which notices are owed, handed out once.

use std::collections::{BTreeMap, VecDeque};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{WarningItem, item, new_mark};
use crate::app::{Cx, ListRequest};
use crate::areas::access::User;
use crate::areas::contract::GIVEN_TO_EFFECTIVE;
use crate::areas::warning::model::{
    RuleNotComputed, WarningLevel, WarningMark, WarningNotice, WarningScanned, WarningTiming,
};
use crate::areas::warning::rules::notices::{Owed, again, in_force, owed};
use crate::areas::warning::rules::{SCAN_NEEDS_ALL, is_not_computable, window};
use crate::areas::warning::watch::{
    Details, Everybody, Key, Look, Row, Rule, Shown, areas, batch, everybody, key_of, marks, not_a_cursor,
    rules, told,
};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::calendar::Calendar;
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, parse_date, to_day_number};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Locale, Result};
use crate::kernel::id::Id;
use crate::store::cell::Cell;
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Direction, Pred, Select, Sort};
use crate::store::record::{Field, Json, Record};

/// Rows read at once.
const ROWS_AT_ONCE: usize = 1000;
/// Warnings of which the details are read at once.
const PLACES_AT_ONCE: usize = 500;

/// Hands out the notices that are owed and were not handed out before, and notes whose cause is gone.
///
/// Each is handed out once, whether the scan runs every minute or once a week: for a rule, a record, its date and a level.
/// A level that was passed over between two scans is not told of, the highest is; what came due and passed between two scans
/// is told of still, while it matches the rule's condition. Nothing is owed for what somebody has acknowledged, and what is snoozed waits.
/// An escalation is handed out once, when nobody has taken note for the rule's number of working days after the first notice.
/// When a scan has found the cause gone and it comes back, all of this begins anew.
///
/// What a rule without a date finds is known only when it is looked at: a state that began and ended between two scans is not
/// told of, and one that ended and began again has lasted.
///
/// Where working days of a year that the calendar does not know would have to be counted, a rule or single warnings of it are
/// passed over, and the rule is named; the rest goes on. An escalation that counts them waits alone.
///
/// The caller must see all records. Call it again with `next` until there is none. A notice is saved as handed out by the
/// call that returns it: give an idempotency key, so that a repeated call returns it again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScanWarnings {
    /// At most so many notices, up to 1000; 100 when left out.
    pub limit: Option<u32>,
    /// `next` of the call before.
    pub cursor: Option<String>,
}

/// A notice: what it is about, and who is to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// The rule, by name.
    pub rule: String,
    /// The level it tells of.
    pub level: WarningLevel,
    /// Whether it goes out because nobody has taken note.
    pub escalated: bool,
    /// The record.
    pub subject: Uuid,
    /// The row below the record.
    pub seq: Option<u32>,
    /// What names it, by texts of the record itself or that its dataset declares.
    pub title: String,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// The date in the record that it goes by.
    pub date: Date,
    /// How many times the warning has stood, counting from 1: raised when its cause was gone and has come back.
    pub occurrence: u32,
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
    /// Who is to be told; empty when the rule finds nobody who is active and may read the record.
    pub recipients: Vec<Id<User>>,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScannedWarnings {
    /// The notices that are owed now.
    pub notices: Vec<Notice>,
    /// How many warnings were found to have lost their cause.
    pub resolved: u32,
    /// The rules that, or of which some warnings, could not be worked out, as `warning.count` names them; the other warnings
    /// are told of.
    pub not_computed: Vec<RuleNotComputed>,
    /// The rules of which an escalation waits, because the working days that it counts are not known; whatever else they
    /// owe is told of.
    pub escalation_waits: Vec<RuleNotComputed>,
    /// The cursor to go on with; absent when everything was looked at.
    pub next: Option<String>,
}

/// Where a scan goes on: the day it began, the rule, and the last warning that was looked at.
struct Position {
    began: Date,
    rule: u32,
    after: Option<Key>,
}

impl Position {
    fn to_text(&self) -> String {
        let after = self.after.map(|key| key.to_string()).unwrap_or_default();
        format!("{},{},{after}", self.began, self.rule)
    }

    fn read(text: &str) -> Option<Position> {
        let mut parts = text.splitn(3, ',');
        let began = parse_date(parts.next()?).ok()?;
        let rule = parts.next()?.parse().ok()?;
        let after = Some(parts.next()?).filter(|key| !key.is_empty());
        let after = after.map(str::parse).transpose().ok()?;
        Some(Position { began, rule, after })
    }
}

/// What is to be done about one place in the order of a rule.
enum Met {
    /// A warning stands, with what is stored of it.
    Stands(Row, Option<WarningMark>),
    /// What was known to stand does no longer.
    Gone(WarningMark),
}

impl Met {
    fn key(&self, is_state: bool) -> Key {
        match self {
            Met::Stands(row, _) => row.key,
            Met::Gone(mark) => key_of(mark, is_state),
        }
    }
}

/// A notice in the making.
struct Draft {
    key: Key,
    owed: Owed,
    item: WarningItem,
    occurrence: u32,
}

/// What a notice says of a record, and to whom.
#[derive(Clone, Default)]
struct About {
    details: Details,
    /// Whom the rule tells.
    usual: Vec<Id<User>>,
    /// Whom its escalation tells.
    escalated: Vec<Id<User>>,
}

/// How the scan of a rule ended.
enum End {
    /// Everything was looked at.
    Done,
    /// There was no more room; the last place looked at, if any.
    Stopped(Option<Key>),
}

/// One call of the scan.
struct Scan<'a> {
    began: Date,
    today: Date,
    calendar: &'a Calendar,
    /// Notices that may still be handed out.
    room: usize,
    /// Who is who, once it is needed.
    everybody: Option<Everybody>,
    notices: Vec<Notice>,
    resolved: u32,
    not_computed: Vec<RuleNotComputed>,
    escalation_waits: Vec<RuleNotComputed>,
}

impl Operation for ScanWarnings {
    type Output = ScannedWarnings;
    const NAME: &'static str = "warning.scan";
    const ZH: &'static str = "扫描预警";
    const ACCESS: Access = Access::Level("warning", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&SCAN_NEEDS_ALL, &error::OUT_OF_RANGE, &error::WRONG_TYPE, &error::OVERFLOW];
    const EXAMPLE: Example = Example { given: GIVEN_TO_EFFECTIVE, input: r#"{"limit": 200}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<ScannedWarnings> {
        let room = ListRequest { limit: self.limit, ..ListRequest::default() }.page_limit()? as usize;
        if cx.actor().visible_units().is_some() {
            return Err(Error::new(&SCAN_NEEDS_ALL));
        }
        let position = match &self.cursor {
            Some(cursor) => Some(Position::read(cursor).ok_or_else(not_a_cursor)?),
            None => None,
        };
        let (today, calendar) = (cx.today(), cx.calendar()?);
        let began = position.as_ref().map_or(today, |position| position.began.min(today));
        let mut scan = Scan {
            began,
            today,
            calendar: &calendar,
            room,
            everybody: None,
            notices: Vec::new(),
            resolved: 0,
            not_computed: Vec::new(),
            escalation_waits: Vec::new(),
        };
        let first = position.as_ref().map_or(0, |position| position.rule);
        for rule in rules(cx)? {
            if !rule.definition.settings.enabled || rule.number < first {
                continue;
            }
            for access in areas(cx, &rule.definition) {
                cx.require(access)?;
            }
            let after = position.as_ref().filter(|position| position.rule == rule.number);
            match scan.rule(cx, &rule, after.and_then(|position| position.after)) {
                Ok(End::Done) => {}
                Ok(End::Stopped(after)) => {
                    let position = Position { began, rule: rule.number, after };
                    return Ok(scan.told(Some(position.to_text())));
                }
                Err(error) if is_not_computable(&error) => {
                    scan.not_computed.push(not_computed(&rule, &error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(scan.told(None))
    }
}

fn not_computed(rule: &Rule, error: &Error) -> RuleNotComputed {
    RuleNotComputed { rule: rule.definition.name.clone(), error: error.to_wire(Locale::English) }
}

impl Scan<'_> {
    fn told(self, next: Option<String>) -> ScannedWarnings {
        let Scan { notices, resolved, not_computed, escalation_waits, .. } = self;
        ScannedWarnings { notices, resolved, not_computed, escalation_waits, next }
    }

    /// Scans a rule behind a place.
    fn rule(&mut self, cx: &mut Cx<'_>, rule: &Rule, mut after: Option<Key>) -> Result<End> {
        let definition = &rule.definition;
        let is_state = definition.timing == WarningTiming::State;
        if after.is_some_and(|key| key.date.is_none() != is_state) {
            return Err(not_a_cursor());
        }
        let is_ahead = definition.timing == WarningTiming::Ahead;
        let scanned = match is_ahead {
            true => cx.query::<WarningScanned>().equal(WarningScanned::C.rule, rule.number).first(cx.tx())?,
            false => None,
        };
        let (mut first, last) = window(definition.timing, &definition.settings, self.today, self.calendar)?;
        if let (Some(first), Some(scanned)) = (&mut first, &scanned) {
            // What stood on the day of the last scan or since then, and has passed.
            *first = scanned.scanned_on.min(*first);
        }
        let look = Look {
            as_of: self.today,
            calendar: self.calendar,
            range: (first, last),
            only: None,
            places: &[],
            told: None,
            shown: Shown::Nobody,
        };
        let mut known = if is_state { Known::all(cx, rule)? } else { Known::default() };
        loop {
            if self.room == 0 {
                return Ok(End::Stopped(after));
            }
            let (rows, exhausted, end) = batch(cx, rule, &look, after.as_ref(), ROWS_AT_ONCE)?;
            let until = end.filter(|_| !exhausted);
            if !is_state {
                known.load(cx, rule, after.as_ref(), until.as_ref())?;
            }
            let met = merge(cx, rule, rows, &mut known, after.as_ref(), until.as_ref())?;
            if let End::Stopped(at) = self.hand_out(cx, rule, &look, after, met)? {
                return Ok(End::Stopped(at));
            }
            match until {
                Some(until) => after = Some(until),
                None => break,
            }
        }
        if is_ahead && scanned.as_ref().is_none_or(|scanned| scanned.scanned_on < self.began) {
            let now = WarningScanned { rule: rule.number, scanned_on: self.began };
            match &scanned {
                Some(before) => cx.replace(before, &now)?,
                None => cx.insert(&now)?,
            }
        }
        Ok(End::Done)
    }

    /// Decides, writes and hands out, of what lies behind a place.
    fn hand_out(
        &mut self,
        cx: &mut Cx<'_>,
        rule: &Rule,
        look: &Look<'_>,
        after: Option<Key>,
        met: Vec<Met>,
    ) -> Result<End> {
        let definition = &rule.definition;
        let is_state = definition.timing == WarningTiming::State;
        let (mut drafts, mut added) = (Vec::new(), Vec::new());
        let (mut end, mut done) = (End::Done, after);
        let (mut missing, mut waits) = (None, None);
        for met in met {
            if self.room == 0 {
                end = End::Stopped(done);
                break;
            }
            let place = met.key(is_state);
            let (row, before) = match met {
                Met::Gone(before) => {
                    let resolved_on = Some(self.today);
                    let after = WarningMark { standing: None, resolved_on, ..before.clone() };
                    cx.replace(&before, &after)?;
                    self.resolved += 1;
                    self.room -= 1;
                    done = Some(place);
                    continue;
                }
                Met::Stands(row, before) => (row, before),
            };
            // What has passed since the last scan is looked at as it was on its last day.
            let as_of = match (definition.timing, row.key.date) {
                (WarningTiming::Ahead, Some(date)) => date.min(self.today),
                _ => self.today,
            };
            let has_passed = as_of < self.today;
            let was_passed = |before: &WarningMark| before.resolved_on.is_some_and(|on| on > as_of);
            if has_passed && before.as_ref().is_some_and(was_passed) {
                // A scan that was not carried on has looked at it already when its day had passed.
                done = Some(place);
                continue;
            }
            let escalation = definition.settings.escalation.as_ref();
            let holds = in_force(before.as_ref());
            let judged = item(rule, row, holds, as_of, self.calendar)
                .and_then(|item| Ok((owed(item.level, holds, escalation, as_of, self.calendar)?, item)));
            let (owes, item) = match judged {
                Ok(judged) => judged,
                Err(error) if is_not_computable(&error) => {
                    // It stays as it is known, and is looked at again when the days are known.
                    missing = Some(error);
                    done = Some(place);
                    continue;
                }
                Err(error) => return Err(error),
            };
            waits = waits.or(owes.waits);
            let mut owed = owes.notices;
            let is_cut = owed.len() > self.room;
            owed.truncate(self.room);
            self.room -= owed.len();
            let mut mark = match (&before, holds) {
                (_, Some(holds)) => holds.clone(),
                (Some(before), None) => again(before, self.today),
                (None, None) => new_mark(rule, place, self.today),
            };
            // What has passed is over, once it is told of in whole.
            let is_over = has_passed && !is_cut;
            self.resolved += u32::from(is_over && holds.is_some_and(|holds| holds.standing.is_some()));
            mark.standing = mark.standing.or(Some(self.today)).filter(|_| !is_over);
            mark.resolved_on = Some(self.today).filter(|_| is_over);
            for owed in owed {
                if owed.escalated {
                    mark.escalated_on = Some(self.today);
                } else {
                    mark.level = Some(owed.level);
                    mark.noticed_on = mark.noticed_on.or(Some(self.today));
                }
                drafts.push(Draft { key: place, owed, item: item.clone(), occurrence: mark.occurrence });
            }
            match &before {
                Some(before) => cx.replace(before, &mark)?,
                None => added.push(mark),
            }
            if is_cut {
                // The rest of what this one owes comes with the next call.
                end = End::Stopped(done);
                break;
            }
            done = Some(place);
        }
        cx.insert_all(&added)?;
        self.write(cx, rule, look, drafts)?;
        for (list, error) in [(&mut self.not_computed, missing), (&mut self.escalation_waits, waits)] {
            if let Some(error) = error
                && list.last().is_none_or(|last| last.rule != definition.name)
            {
                list.push(not_computed(rule, &error));
            }
        }
        Ok(end)
    }

    /// Fills in what people want to know, and writes the notices.
    fn write(&mut self, cx: &mut Cx<'_>, rule: &Rule, look: &Look<'_>, drafts: Vec<Draft>) -> Result<()> {
        if drafts.is_empty() {
            return Ok(());
        }
        let everybody = match self.everybody.take() {
            Some(everybody) => everybody,
            None => everybody(cx)?,
        };
        let places: Vec<(Uuid, u32)> =
            drafts.iter().map(|draft| (draft.key.subject, draft.key.seq)).collect();
        let definition = &rule.definition;
        let settings = &definition.settings;
        let escalation = settings.escalation.as_ref().map(|escalation| &escalation.recipients);
        let mut known: BTreeMap<Key, About> = BTreeMap::new();
        for places in places.chunks(PLACES_AT_ONCE) {
            let look = Look { places, shown: Shown::All, ..*look };
            let (rows, ..) = batch(cx, rule, &look, None, ROWS_AT_ONCE)?;
            let usual = told(cx, &everybody, definition, &settings.recipients, &rows)?;
            let escalated = match escalation {
                Some(recipients) => told(cx, &everybody, definition, recipients, &rows)?,
                None => usual.clone(),
            };
            for ((row, usual), escalated) in rows.into_iter().zip(usual).zip(escalated) {
                known.insert(row.key, About { details: row.details, usual, escalated });
            }
        }
        let mut written = Vec::with_capacity(drafts.len());
        for Draft { key, owed, item, occurrence } in drafts {
            let About { details, usual, escalated } = known.get(&key).cloned().unwrap_or_default();
            let recipients = if owed.escalated { escalated } else { usual };
            let title = details.title();
            written.push(WarningNotice {
                rule: rule.number,
                subject: key.subject,
                subject_seq: key.seq,
                date: item.date,
                occurrence,
                level: owed.level,
                escalated: owed.escalated,
                rule_name: definition.name.clone(),
                title: title.clone(),
                due_date: item.due_date,
                amount: details.amount,
                currency: details.currency,
                owner: details.owner,
                recipients: Json(recipients.clone()),
                noticed_at: cx.now(),
            });
            self.notices.push(Notice {
                rule: definition.name.clone(),
                level: owed.level,
                escalated: owed.escalated,
                subject: key.subject,
                seq: item.seq,
                title,
                customer_name: details.customer_name,
                date: item.date,
                occurrence,
                due_date: item.due_date,
                days_late: item.days_late,
                amount: details.amount,
                currency: details.currency,
                owner: details.owner,
                recipients,
            });
        }
        self.everybody = Some(everybody);
        cx.insert_all(&written)
    }
}

/// What is stored of the warnings of a rule that are known to stand, in the order of the rule.
#[derive(Default)]
struct Known(VecDeque<(Key, WarningMark)>);

impl Known {
    /// All of a state rule: they are stored by the day on which they were met, not in the order of the rule.
    fn all(cx: &mut Cx<'_>, rule: &Rule) -> Result<Known> {
        let c = WarningMark::C;
        // In the order of the index of what stands, so that it is read and not everything there has been.
        let marks = cx.query::<WarningMark>().equal(c.kind, rule.number).present(c.standing);
        let marks = marks.ascending(c.date).ascending(c.subject).ascending(c.subject_seq).fetch(cx.tx())?;
        let mut known: Vec<(Key, WarningMark)> =
            marks.into_iter().map(|mark| (key_of(&mark, true), mark)).collect();
        known.sort_unstable_by_key(|(key, _)| *key);
        Ok(Known(known.into()))
    }

    /// Those of a dated rule between two places.
    fn load(&mut self, cx: &mut Cx<'_>, rule: &Rule, after: Option<&Key>, until: Option<&Key>) -> Result<()> {
        let (c, ids) = (WarningMark::C, cx.ids());
        let mut select = Select::all(WarningMark::table());
        let kind = Pred::equal(ColumnRef::base(c.kind.position()), rule.number.encode(ids)?);
        select.filter = kind.and(Pred::IsPresent(ColumnRef::base(c.standing.position())));
        let order = [c.date.position(), c.subject.position(), c.subject_seq.position()];
        let sort = |column| Sort { column: ColumnRef::base(column), direction: Direction::Ascending };
        select.sort = order.map(sort).to_vec();
        if let Some(Key { date: Some(date), subject, seq }) = after {
            let seq = Cell::Int(i64::from(*seq));
            select.after = Some(vec![Cell::Int(to_day_number(*date)), subject.encode(ids)?, seq]);
        }
        let known = &mut self.0;
        known.clear();
        cx.tx().select(&select, &mut |cells| {
            let mark = WarningMark::decode(cells, ids)?;
            let key = key_of(&mark, false);
            if until.is_some_and(|until| key > *until) {
                return Ok(Flow::Stop);
            }
            known.push_back((key, mark));
            Ok(Flow::More)
        })
    }
}

/// Lays what a rule finds beside what is known to stand, in the order of the rule.
fn merge(
    cx: &mut Cx<'_>,
    rule: &Rule,
    rows: Vec<Row>,
    known: &mut Known,
    after: Option<&Key>,
    until: Option<&Key>,
) -> Result<Vec<Met>> {
    let is_state = rule.definition.timing == WarningTiming::State;
    let mut met = Vec::with_capacity(rows.len());
    let mut unknown = Vec::new();
    let mut take = |until: Option<&Key>, met: &mut Vec<Met>| {
        while known.0.front().is_some_and(|(key, _)| until.is_none_or(|until| key <= until)) {
            // What lies before the place was looked at by the call before.
            if let Some((key, mark)) = known.0.pop_front()
                && after.is_none_or(|after| key > *after)
            {
                met.push(Met::Gone(mark));
            }
        }
    };
    for row in rows {
        let key = row.key;
        take(Some(&key), &mut met);
        let same = matches!(met.last(), Some(Met::Gone(mark)) if key_of(mark, is_state) == key);
        let mark = match met.pop_if(|_| same) {
            Some(Met::Gone(mark)) => Some(mark),
            _ => None,
        };
        if mark.is_none() {
            unknown.push(key);
        }
        met.push(Met::Stands(row, mark));
    }
    take(until, &mut met);
    if !unknown.is_empty() {
        let mut found = if is_state { met_today(cx, rule, &unknown)? } else { marks(cx, rule, &unknown)? };
        for met in &mut met {
            if let Met::Stands(row, mark @ None) = met {
                *mark = found.remove(&row.key);
            }
        }
    }
    Ok(met)
}

/// Warnings of a state rule that went and came again on one day: they are still the same ones.
fn met_today(cx: &mut Cx<'_>, rule: &Rule, keys: &[Key]) -> Result<BTreeMap<Key, WarningMark>> {
    let (c, today) = (WarningMark::C, cx.today());
    let mut found = BTreeMap::new();
    for keys in keys.chunks(PLACES_AT_ONCE) {
        let query = cx.query::<WarningMark>().equal(c.kind, rule.number).equal(c.date, today);
        let marks = query.any_of(c.subject, keys.iter().map(|key| key.subject)).fetch(cx.tx())?;
        found.extend(marks.into_iter().map(|mark| (key_of(&mark, true), mark)));
    }
    Ok(found)
}
