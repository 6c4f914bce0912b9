//! Warning rules, and what is stored of single warnings: what was handed out and what people did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::areas::access::{Role, User};
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, Instant};
use crate::kernel::decimal::Amount;
use crate::kernel::error::WireError;
use crate::kernel::id::Id;
use crate::store::cell::Cell;
use crate::store::expr::Expr;
use crate::store::record::Json;

crate::coded! {
    /// How grave a warning is.
    pub enum WarningLevel {
        /// To be known.
        Notice = 1, "notice", "提示";
        /// To be acted on.
        Warning = 2, "warning", "警告";
        /// To be acted on at once.
        Critical = 3, "critical", "严重";
    }
}

crate::coded! {
    /// Where a warning stands.
    pub enum WarningState {
        /// Nothing has been done about it.
        Open = 1, "open", "待处理";
        /// Somebody has taken note.
        Acknowledged = 2, "acknowledged", "已确认";
        /// Somebody wants to see it again later.
        Snoozed = 3, "snoozed", "已推迟";
        /// Its cause is gone.
        Resolved = 4, "resolved", "已解除";
    }
}

crate::coded! {
    /// How lead times are counted.
    #[derive(Default)]
    pub enum LeadUnit {
        /// Calendar days.
        #[default]
        Days = 1, "days", "自然日";
        /// Working days of the ledger's calendar.
        WorkingDays = 2, "working_days", "工作日";
    }
}

crate::coded! {
    /// When a rule warns.
    pub enum WarningTiming {
        /// From the lead time before the record's date until that date.
        Ahead = 1, "ahead", "提前";
        /// Once more than the lead time has passed since the record's date.
        Late = 2, "late", "逾期";
        /// As long as the condition holds; the record has no date for it.
        State = 3, "state", "状态";
    }
}

/// Who is told of a warning. Those who are no longer active are left out, and heads and holders of roles who may not read
/// the record. Where nobody remains, the head of the owner's org unit is told, or of the nearest unit above that has one
/// who may read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WarningRecipients {
    /// The record's owner.
    pub owner: bool,
    /// The head of the owner's org unit; where that is the owner, the unit has none, or the head may not read the record, of
    /// the nearest unit above with another.
    pub unit_head: bool,
    /// Every user with one of these roles who may read the record.
    pub roles: Vec<Id<Role>>,
    /// These users, whatever they may read otherwise.
    pub users: Vec<Id<User>>,
}

/// Who else is told when nobody takes note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningEscalation {
    /// So many working days of the ledger's calendar after the first notice, 1 to 250.
    pub after_working_days: u32,
    /// Who is told then; not empty.
    pub recipients: WarningRecipients,
    /// The level of that notice, where the warning's own is lower.
    pub level: WarningLevel,
}

/// From when on a warning has a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningStep {
    /// Days beyond the deadline; below zero ahead of it. For state rules: days since the condition was first seen.
    pub from_days: i32,
    /// The level from then on.
    pub level: WarningLevel,
}

/// A figure over rows of another dataset that refer to the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningFigure {
    /// The dataset.
    pub dataset: String,
    /// Its field that refers to the record: `customer`.
    pub by: String,
    /// Which rows; all when left out.
    #[serde(default)]
    pub filter: Option<Expr>,
    /// The amount that is summed (a field `currency` is needed): of rows in the ledger's currency, and with `home` of the
    /// others too; the rows are counted when left out.
    #[serde(default)]
    pub sum: Option<String>,
    /// What is summed of rows in other currencies: their value in the ledger's. They do not count when left out.
    #[serde(default)]
    pub home: Option<String>,
    /// Whether it is taken off.
    #[serde(default)]
    pub minus: bool,
}

/// A bound on figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningBound {
    /// More than an amount of the record, in the ledger's currency: `{"above_field": "credit_limit"}`.
    AboveField(String),
    /// More than this amount, in the ledger's currency: `{"above": "50000"}`.
    Above(Amount),
    /// At least so many rows: `{"at_least": 3}`.
    AtLeast(u32),
}

/// A condition on what refers to the record: the figures added up are beyond a bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningTotal {
    /// What is added up: all sums, or all counts.
    pub figures: Vec<WarningFigure>,
    /// What it is compared with.
    pub bound: WarningBound,
}

/// How early or late a rule warns, whom it tells, and what happens when nobody takes note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningSettings {
    /// Ahead of a date: so many days before it. After a date: once more than so many days have passed. Up to 3650; 0 for
    /// state rules.
    #[serde(default)]
    pub lead: u32,
    /// How they are counted.
    #[serde(default)]
    pub unit: LeadUnit,
    /// Whether it warns at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Who is told; the owner when left out.
    #[serde(default = "WarningRecipients::owner")]
    pub recipients: WarningRecipients,
    /// Who else is told when nobody takes note; nobody when left out.
    #[serde(default)]
    pub escalation: Option<WarningEscalation>,
}

fn yes() -> bool {
    true
}

impl WarningRecipients {
    /// The record's owner alone.
    pub fn owner() -> WarningRecipients {
        WarningRecipients { owner: true, ..WarningRecipients::default() }
    }
}

/// A rule: a saved query over a dataset with a date to go by. Fields are names of the dataset or paths along references.
///
/// What is shown of a record by a path that its dataset does not declare, a list shows to those who could look it up where
/// the path leads, and leaves it empty for others. A notice leaves it empty for all: it goes to several people, and is kept.
///
/// What is warned of is the dataset's own record: a record with an id, or a row below one, such as an installment of a
/// contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarningDefinition {
    /// The name at every boundary, unique: small letters, digits and underscores, beginning with a letter, 3 to 60 long.
    pub name: String,
    /// What people read, up to 100 characters.
    pub label: String,
    /// The dataset that is watched.
    pub dataset: String,
    /// Which of its rows; all when left out.
    #[serde(default)]
    pub filter: Option<Expr>,
    /// When it warns.
    pub timing: WarningTiming,
    /// The date it goes by, which should lead an index: of the record itself or declared by the dataset; none for state rules.
    #[serde(default)]
    pub date: Option<String>,
    /// A further condition, on what refers to the record.
    #[serde(default)]
    pub total: Option<WarningTotal>,
    /// Texts that name the record, in order, one to three, at least one of them of the record itself or declared by the
    /// dataset.
    pub title: Vec<String>,
    /// The customer's name.
    #[serde(default)]
    pub customer_name: Option<String>,
    /// The user responsible; the owner that the dataset's scope goes by when left out.
    #[serde(default)]
    pub owner: Option<String>,
    /// The amount in question.
    #[serde(default)]
    pub amount: Option<String>,
    /// Its currency.
    #[serde(default)]
    pub currency: Option<String>,
    /// The levels by days beyond the deadline, ascending, and none lower than the one before; a notice before the first.
    #[serde(default)]
    pub levels: Vec<WarningStep>,
    /// How early or late, whom it tells.
    pub settings: WarningSettings,
}

crate::record! {
    /// A rule that the host has defined.
    pub struct WarningRule, WarningRuleColumns in "warning_rule" key (number) since 2 {
        /// Its number, never given again; the library's own rules have numbers up to 1000.
        number: u32,
        /// Its name.
        name: String,
        /// What it says.
        definition: Json<WarningDefinition>,
        /// When it was taken out of use.
        removed_at: Option<Instant>,
        /// Version: 1 when defined, raised whenever it is defined anew or removed.
        version: u32,
    }
    unique warning_rule_name (name) since 2;
}

crate::record! {
    /// What is stored of one warning, from its first notice or from when somebody first did something about it. It holds
    /// for the date that was warned of; when that moves, the warning is new. When its cause was found gone and comes back,
    /// the row begins anew with the next occurrence.
    pub struct WarningMark, WarningMarkColumns in "warning_mark" key (kind, subject, subject_seq, date) {
        /// The number of its rule.
        kind: u32,
        /// The record.
        subject: Uuid,
        /// The row below the record, by its position; 0 for the record itself.
        subject_seq: u32,
        /// The date in the record that the warning goes by; for a state rule, the day on which it was first seen.
        date: Date,
        /// Who took note.
        acknowledged_by: Option<Id<User>>,
        /// When.
        acknowledged_at: Option<Instant>,
        /// The day from which it shows again.
        snoozed_until: Option<Date>,
        /// The day since which it is known to stand, while it does.
        standing: Option<Date> = since 2 or Cell::Null,
        /// The day of the first notice.
        noticed_on: Option<Date> = since 2 or Cell::Null,
        /// The highest level of which notice was given.
        level: Option<WarningLevel> = since 2 or Cell::Null,
        /// The day on which it was escalated.
        escalated_on: Option<Date> = since 2 or Cell::Null,
        /// The day on which its cause was found gone.
        resolved_on: Option<Date> = since 2 or Cell::Null,
        /// How many times it has stood, counting from 1: the columns above tell of the last time.
        occurrence: u32 = since 2 or Cell::Int(1),
    }
    index warning_mark_standing (kind, date, subject, subject_seq) where standing since 2;
    index warning_mark_subject (subject, kind) since 2;
}

crate::record! {
    /// A notice as handed out: for each occurrence of a warning once for each level that it reached and once for its
    /// escalation.
    pub struct WarningNotice, WarningNoticeColumns in "warning_notice" key (rule, subject, subject_seq, date, occurrence, level, escalated) since 2 {
        /// The number of its rule.
        rule: u32,
        /// The record.
        subject: Uuid,
        /// The row below the record, by its position; 0 for the record itself.
        subject_seq: u32,
        /// The date in the record that the warning goes by.
        date: Date,
        /// How many times the warning had stood, counting from 1.
        occurrence: u32,
        /// The level it told of.
        level: WarningLevel,
        /// Whether it went out because nobody had taken note.
        escalated: bool,
        /// The name of its rule.
        rule_name: String,
        /// What named the record.
        title: String,
        /// The day by which something had or has to be done.
        due_date: Date,
        /// The amount in question.
        amount: Option<Amount>,
        /// Its currency.
        currency: Option<Currency>,
        /// Who was responsible.
        owner: Option<Id<User>>,
        /// Who was told.
        recipients: Json<Vec<Id<User>>>,
        /// When it was handed out.
        noticed_at: Instant,
    }
    index warning_notice_at (noticed_at) since 2;
}

crate::record! {
    /// How early or late a rule warns and whom it tells, where that was set.
    pub struct WarningSetting, WarningSettingColumns in "warning_setting" key (kind) {
        /// The number of its rule.
        kind: u32,
        /// Ahead of a date: so many days before it. After a date: once more than so many days have passed.
        lead: u32,
        /// How they are counted.
        unit: LeadUnit,
        /// Whether it comes at all.
        enabled: bool,
        /// Who is told; as the rule says while that was not set.
        recipients: Option<Json<WarningRecipients>> = since 2 or Cell::Null,
        /// Who else is told; as the rule says while recipients were not set.
        escalation: Option<Json<WarningEscalation>> = since 2 or Cell::Null,
    }
}

crate::record! {
    /// How far a rule has been scanned.
    pub struct WarningScanned, WarningScannedColumns in "warning_scanned" key (rule) since 2 {
        /// The number of the rule.
        rule: u32,
        /// The day on which the last whole scan of it began.
        scanned_on: Date,
    }
}

/// A rule that, or part of which, could not be worked out, while the rest was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleNotComputed {
    /// The rule, by name.
    pub rule: String,
    /// Why, in English: the working days of a year are not known to the calendar.
    pub error: WireError,
}
