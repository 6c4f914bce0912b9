//! Operations on warnings.

mod handle;
mod history;
mod rules;
mod scan;
mod show;

pub use handle::{AcknowledgeWarning, SnoozeWarning};
pub use history::{ListNotices, NoticeRecord, ToldNotice, WarningHistory, WarningRecord};
pub use rules::{ConfigureWarning, DefineWarning, RemoveWarning, WarningRuleInfo, WarningRules};
pub use scan::{Notice, ScanWarnings, ScannedWarnings};
pub use show::{
    CountWarnings, CustomerCredit, ListWarnings, WarningCounts, WarningItem, WarningLevelCounts,
    WarningRuleCounts,
};

use super::model::{WarningMark, WarningState, WarningTiming};
use super::rules::{deadline, level, notices};
use super::watch::{Key, Row, Rule};
use crate::catalog::Entry;
use crate::kernel::calendar::Calendar;
use crate::kernel::date::{self, Date};
use crate::kernel::error::Result;

pub(super) const LIST: fn() -> Vec<Entry> = crate::operations![
    ListWarnings,
    CountWarnings,
    AcknowledgeWarning,
    SnoozeWarning,
    DefineWarning,
    WarningRules,
    RemoveWarning,
    ConfigureWarning,
    ScanWarnings,
    WarningHistory,
    ListNotices,
    CustomerCredit,
];

/// A warning from what a rule found and what is stored of it and holds still.
fn item(
    rule: &Rule,
    row: Row,
    mark: Option<&WarningMark>,
    as_of: Date,
    calendar: &Calendar,
) -> Result<WarningItem> {
    let definition = &rule.definition;
    let date = row.key.date.or(mark.map(|mark| mark.date)).unwrap_or(as_of);
    let (due_date, days_late) = match definition.timing {
        WarningTiming::State => (as_of, date::days_between(date, as_of)),
        timing => {
            let due_date = deadline(timing, &definition.settings, date, calendar)?;
            (due_date, date::days_between(due_date, as_of))
        }
    };
    Ok(WarningItem {
        rule: definition.name.clone(),
        level: level(&definition.levels, days_late),
        state: mark.map_or(WarningState::Open, |mark| notices::state(mark, as_of)),
        subject: row.key.subject,
        seq: row.has_seq.then_some(row.key.seq),
        title: row.details.title(),
        customer_name: row.details.customer_name,
        date,
        due_date,
        days_late: i32::try_from(days_late).unwrap_or(i32::MAX),
        amount: row.details.amount,
        currency: row.details.currency,
        owner: row.details.owner,
        snoozed_until: mark.and_then(|mark| mark.snoozed_until).filter(|until| *until > as_of),
    })
}

/// An empty mark of a warning that stands since a day.
fn new_mark(rule: &Rule, key: Key, since: Date) -> WarningMark {
    WarningMark {
        kind: rule.number,
        subject: key.subject,
        subject_seq: key.seq,
        date: key.date.unwrap_or(since),
        occurrence: 1,
        acknowledged_by: None,
        acknowledged_at: None,
        snoozed_until: None,
        standing: Some(since),
        noticed_on: None,
        level: None,
        escalated_on: None,
        resolved_on: None,
    }
}
