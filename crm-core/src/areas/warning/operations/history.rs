//! What became of the warnings of a record.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::{Cx, ListRequest, Page};
use crate::areas::access::User;
use crate::areas::contract::GIVEN_TO_EFFECTIVE;
use crate::areas::warning::model::{WarningLevel, WarningMark, WarningNotice, WarningState};
use crate::areas::warning::rules::notices::{in_force, state};
use crate::areas::warning::watch::{definitions, visible};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date, Instant};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Result};
use crate::kernel::id::Id;
use crate::store::cell::CellRef;
use crate::store::dataset::{Binder, Dataset, SortBy};
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Compare, Direction, Pred, Select};
use crate::store::record::{Field, Record};

const GIVEN_SCAN: Given = Given { save: "scan", call: "warning.scan", input: "{}" };

/// The warnings of a record of which notice was given or about which somebody did something, by rule and date, with their
/// notices. Empty for a record out of scope. That a cause is gone is known from the scan after it went.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningHistory {
    /// The record.
    pub subject: Uuid,
    /// Only this row below it.
    #[serde(default)]
    pub seq: Option<u32>,
}

/// What became of a warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarningRecord {
    /// The rule, by name.
    pub rule: String,
    /// The row below the record, by its position; 0 for the record itself.
    pub seq: u32,
    /// The date in the record that it went by; for a state rule the day on which it was first met.
    pub date: Date,
    /// How many times it has stood, counting from 1: raised when its cause was gone and has come back. What follows is about
    /// the last time, but for the notices.
    pub occurrence: u32,
    /// Where it stands.
    pub state: WarningState,
    /// The day of the first notice.
    pub noticed_on: Option<Date>,
    /// Who took note.
    pub acknowledged_by: Option<Id<User>>,
    /// When.
    pub acknowledged_at: Option<Instant>,
    /// The day until which it was snoozed.
    pub snoozed_until: Option<Date>,
    /// The day on which it was escalated.
    pub escalated_on: Option<Date>,
    /// The day on which its cause was found gone.
    pub resolved_on: Option<Date>,
    /// The notices, in the order in which they were handed out.
    pub notices: Vec<NoticeRecord>,
}

/// A notice that was handed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeRecord {
    /// How many times the warning had stood then, counting from 1.
    pub occurrence: u32,
    /// The level it told of.
    pub level: WarningLevel,
    /// Whether it went out because nobody had taken note.
    pub escalated: bool,
    /// Who was told.
    pub recipients: Vec<Id<User>>,
    /// When it was handed out.
    pub noticed_at: Instant,
}

impl Operation for WarningHistory {
    type Output = Vec<WarningRecord>;
    const NAME: &'static str = "warning.history";
    const ZH: &'static str = "预警历史";
    const ACCESS: Access = Access::Level("warning", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[];
    const EXAMPLE: Example = Example {
        given: &[
            GIVEN_TO_EFFECTIVE[0],
            GIVEN_TO_EFFECTIVE[1],
            GIVEN_TO_EFFECTIVE[2],
            GIVEN_TO_EFFECTIVE[3],
            GIVEN_TO_EFFECTIVE[4],
            GIVEN_SCAN,
        ],
        input: r#"{"subject": "${contract.id}"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Vec<WarningRecord>> {
        let (m, n, today) = (WarningMark::C, WarningNotice::C, cx.today());
        let mut marks = cx.query::<WarningMark>().equal(m.subject, self.subject).fetch(cx.tx())?;
        marks.retain(|mark| self.seq.is_none_or(|seq| seq == mark.subject_seq));
        marks.sort_unstable_by_key(|mark| (mark.kind, mark.subject_seq, mark.date));
        let rules = definitions(cx)?;
        let (mut records, mut looked_at) = (Vec::new(), None);
        for mark in marks {
            let Some(rule) = rules.get(&mark.kind) else { continue };
            let is_shown = match looked_at {
                Some((number, is_shown)) if number == mark.kind => is_shown,
                _ => !visible(cx, rule, [self.subject])?.is_empty(),
            };
            looked_at = Some((mark.kind, is_shown));
            if !is_shown {
                continue;
            }
            let notices = cx
                .query::<WarningNotice>()
                .equal(n.rule, mark.kind)
                .equal(n.subject, mark.subject)
                .equal(n.subject_seq, mark.subject_seq)
                .equal(n.date, mark.date);
            let mut notices = notices.fetch(cx.tx())?;
            notices.sort_by_key(|notice| (notice.noticed_at, notice.level, notice.escalated));
            let state = in_force(Some(&mark)).map_or(WarningState::Resolved, |mark| state(mark, today));
            let notice = |notice: WarningNotice| NoticeRecord {
                occurrence: notice.occurrence,
                level: notice.level,
                escalated: notice.escalated,
                recipients: notice.recipients.0,
                noticed_at: notice.noticed_at,
            };
            records.push(WarningRecord {
                rule: rule.name.clone(),
                seq: mark.subject_seq,
                date: mark.date,
                occurrence: mark.occurrence,
                state,
                noticed_on: mark.noticed_on,
                acknowledged_by: mark.acknowledged_by,
                acknowledged_at: mark.acknowledged_at,
                snoozed_until: mark.snoozed_until,
                escalated_on: mark.escalated_on,
                resolved_on: mark.resolved_on,
                notices: notices.into_iter().map(notice).collect(),
            });
        }
        Ok(records)
    }
}

/// The notices that were handed out, oldest first, of records that you may read.
///
/// As with `warning.list`, that takes the level `read` in the areas of the records that the rule watches, and a data scope
/// that reaches the record, as they are now. A record that is no longer there is shown to nobody.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListNotices {
    /// Handed out on this day or later; from the first when left out.
    pub from: Option<Date>,
    /// Handed out on this day or before; up to the last when left out.
    pub to: Option<Date>,
    /// Only those that you were told of.
    pub mine: bool,
    /// At most so many, up to 1000; 100 when left out.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// A notice that was handed out, as it told of the warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToldNotice {
    /// The rule, by name.
    pub rule: String,
    /// The level it told of.
    pub level: WarningLevel,
    /// Whether it went out because nobody had taken note.
    pub escalated: bool,
    /// The record.
    pub subject: Uuid,
    /// The row below the record, by its position; 0 for the record itself.
    pub seq: u32,
    /// What named it.
    pub title: String,
    /// The date in the record that the warning went by.
    pub date: Date,
    /// How many times the warning had stood then, counting from 1.
    pub occurrence: u32,
    /// The day by which something had or has to be done.
    pub due_date: Date,
    /// The amount in question.
    pub amount: Option<Amount>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Who was responsible.
    pub owner: Option<Id<User>>,
    /// Who was told.
    pub recipients: Vec<Id<User>>,
    /// When it was handed out.
    pub noticed_at: Instant,
}

/// Notices read at once.
const READ_AT_ONCE: u64 = 500;

/// Notices in their order. It is not in the catalogue: they are about records of any kind, each under a scope of its own,
/// so what a reader sees of them is asked of the records.
static NOTICES: Dataset =
    Dataset {
        name: "warning_notice", zh: "预警通知", table: WarningNotice::table, fields: &[], scope: None
    };

impl Operation for ListNotices {
    type Output = Page<ToldNotice>;
    const NAME: &'static str = "warning.notices";
    const ZH: &'static str = "预警通知列表";
    const ACCESS: Access = Access::Level("warning", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::OUT_OF_RANGE, &error::WRONG_TYPE, &error::DATE_OUT_OF_RANGE];
    const EXAMPLE: Example = Example { given: WarningHistory::EXAMPLE.given, input: r#"{"limit": 50}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<ToldNotice>> {
        let limit = ListRequest { limit: self.limit, ..ListRequest::default() }.page_limit()? as usize;
        let (c, ids, user) = (WarningNotice::C, cx.ids(), cx.actor().user.id);
        let mut binder = Binder::new(cx.catalog().schema(), &NOTICES);
        binder.select.outputs = Select::all(WarningNotice::table()).outputs;
        binder.select.limit = Some(READ_AT_ONCE);
        let offset = cx.ledger().utc_offset_minutes();
        let noticed_at = ColumnRef::base(c.noticed_at.position());
        if let Some(from) = self.from {
            let from = Instant::start_of(from, offset).map_err(|error| error.at("from"))?;
            binder.filter(Pred::Compare(noticed_at, Compare::AtLeast, from.encode(ids)?));
        }
        if let Some(to) = self.to {
            let end = date::add_days(to, 1).and_then(|end| Instant::start_of(end, offset));
            let end = end.map_err(|error| error.at("to"))?;
            binder.filter(Pred::Compare(noticed_at, Compare::Less, end.encode(ids)?));
        }
        binder.sort(&[SortBy { field: "noticed_at".to_owned(), direction: Direction::Ascending }])?;
        if let Some(cursor) = &self.cursor {
            binder.after(cursor).map_err(|error| error.within("cursor"))?;
        }
        let rules = definitions(cx)?;
        let (mut items, mut last) = (Vec::new(), self.cursor);
        loop {
            cx.check_cancelled()?;
            let mut notices = Vec::new();
            cx.tx().select(&binder.select, &mut |cells| {
                let keys: Vec<CellRef<'_>> =
                    binder.select.sort.iter().map(|sort| cells[sort.column.column]).collect();
                notices.push((WarningNotice::decode(cells, ids)?, binder.cursor(&keys)));
                Ok(Flow::More)
            })?;
            let is_last = (notices.len() as u64) < READ_AT_ONCE;
            let mut subjects: BTreeMap<u32, Vec<Uuid>> = BTreeMap::new();
            for (notice, _) in &notices {
                subjects.entry(notice.rule).or_default().push(notice.subject);
            }
            let mut seen: BTreeMap<u32, BTreeSet<Uuid>> = BTreeMap::new();
            for (number, subjects) in subjects {
                if let Some(rule) = rules.get(&number) {
                    seen.insert(number, visible(cx, rule, subjects)?);
                }
            }
            for (notice, place) in notices {
                let is_shown = seen.get(&notice.rule).is_some_and(|seen| seen.contains(&notice.subject))
                    && (!self.mine || notice.recipients.0.contains(&user));
                if is_shown && items.len() == limit {
                    return Ok(Page { items, next: last });
                }
                last = Some(place);
                if is_shown {
                    items.push(told(notice));
                }
            }
            match &last {
                Some(last) if !is_last => binder.after(last)?,
                _ => return Ok(Page { items, next: None }),
            }
        }
    }
}

fn told(notice: WarningNotice) -> ToldNotice {
    ToldNotice {
        rule: notice.rule_name,
        level: notice.level,
        escalated: notice.escalated,
        subject: notice.subject,
        seq: notice.subject_seq,
        title: notice.title,
        date: notice.date,
        occurrence: notice.occurrence,
        due_date: notice.due_date,
        amount: notice.amount,
        currency: notice.currency,
        owner: notice.owner,
        recipients: notice.recipients.0,
        noticed_at: notice.noticed_at,
    }
}
