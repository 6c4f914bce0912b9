//! What people do about a warning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::show::present;
use super::{WarningItem, new_mark};
use crate::app::Cx;
use crate::areas::contract::GIVEN_TO_EFFECTIVE;
use crate::areas::warning::model::WarningMark;
use crate::areas::warning::rules::notices::{self, again, in_force};
use crate::areas::warning::rules::{NO_RULE, NO_WARNING};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::{self, Date};
use crate::kernel::error::{self, Code, Error, Result};
use crate::store::engine::Mode;
use crate::store::record::Record;

/// Changes what is stored of a warning that stands now.
fn change(
    cx: &mut Cx<'_>,
    rule: &str,
    subject: Uuid,
    seq: Option<u32>,
    change: impl FnOnce(&mut WarningMark, &Cx<'_>),
) -> Result<WarningItem> {
    let missing = || Error::new(&NO_WARNING).at("subject").with("rule", rule).with("subject", subject);
    let (mut item, key, rule) = present(cx, rule, subject, seq)?.ok_or_else(missing)?;
    if item.seq.is_some() && seq.is_none() {
        return Err(Error::new(&error::MISSING_FIELD).with("name", "seq"));
    }
    let (c, today) = (WarningMark::C, cx.today());
    let before = cx
        .query::<WarningMark>()
        .equal(c.kind, rule.number)
        .equal(c.subject, subject)
        .equal(c.subject_seq, key.seq)
        .equal(c.date, item.date)
        .first(cx.tx())?;
    let mut after = match &before {
        Some(before) if in_force(Some(before)).is_none() => again(before, today),
        Some(before) => before.clone(),
        None => new_mark(&rule, key, today),
    };
    // Whoever does something about a warning has met it: from here on it is known to stand.
    after.standing = after.standing.or(Some(today));
    change(&mut after, cx);
    cx.subject(subject);
    match &before {
        Some(before) => cx.replace(before, &after)?,
        None => cx.insert(&after)?,
    }
    item.state = notices::state(&after, today);
    item.snoozed_until = after.snoozed_until.filter(|until| *until > today);
    Ok(item)
}

/// Takes note of a warning: it is not shown again unless asked for, and owes no further notice, until its date moves or
/// a scan has found its cause gone and it comes back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeWarning {
    /// The rule, by name.
    pub rule: String,
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
    const ERRORS: &'static [Code] = &[&NO_WARNING, &NO_RULE, &error::OVERFLOW];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"rule": "installment_overdue", "subject": "${contract.id}", "seq": 1}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<WarningItem> {
        change(cx, &self.rule, self.subject, self.seq, |mark, cx| {
            mark.acknowledged_by = Some(cx.actor().user.id);
            mark.acknowledged_at = Some(cx.now());
        })
    }
}

/// Hides a warning until a day; the notices it owes wait until then.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnoozeWarning {
    /// The rule, by name.
    pub rule: String,
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
    const ERRORS: &'static [Code] = &[&NO_WARNING, &NO_RULE, &error::END_BEFORE_START, &error::OVERFLOW];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"rule": "installment_overdue", "subject": "${contract.id}", "seq": 1, "until": "2026-03-09"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<WarningItem> {
        let tomorrow = date::add_days(cx.today(), 1)?;
        if self.until < tomorrow {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("until")
                .with("start", tomorrow)
                .with("end", self.until));
        }
        change(cx, &self.rule, self.subject, self.seq, |mark, _| {
            mark.acknowledged_by = None;
            mark.acknowledged_at = None;
            mark.snoozed_until = Some(self.until);
        })
    }
}
