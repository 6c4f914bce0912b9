//! What became of the warnings of a record.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::Cx;
use crate::areas::access::User;
use crate::areas::contract::GIVEN_TO_EFFECTIVE;
use crate::areas::warning::model::{WarningLevel, WarningMark, WarningNotice, WarningRule, WarningState};
use crate::areas::warning::rules::{built_in, notices};
use crate::areas::warning::watch::is_visible;
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::date::{Date, Instant};
use crate::kernel::error::{Code, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Record;

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
        let custom = cx.query::<WarningRule>().fetch(cx.tx())?;
        let own = built_in::RULES.iter().map(|rule| (rule.number, &rule.definition));
        let rules: Vec<_> = own.chain(custom.iter().map(|rule| (rule.number, &rule.definition.0))).collect();
        let (mut records, mut looked_at) = (Vec::new(), None);
        for mark in marks {
            let Some((_, rule)) = rules.iter().find(|(number, _)| *number == mark.kind) else { continue };
            let is_shown = match looked_at {
                Some((number, is_shown)) if number == mark.kind => is_shown,
                _ => is_visible(cx, rule, self.subject)?,
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
            let state = match mark.resolved_on {
                Some(_) => WarningState::Resolved,
                None => notices::state(&mark, today),
            };
            let notice = |notice: WarningNotice| NoticeRecord {
                level: notice.level,
                escalated: notice.escalated,
                recipients: notice.recipients.0,
                noticed_at: notice.noticed_at,
            };
            records.push(WarningRecord {
                rule: rule.name.clone(),
                seq: mark.subject_seq,
                date: mark.date,
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
