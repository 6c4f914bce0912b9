//! What people have done about warnings, and how early they want them, as stored.

use uuid::Uuid;

use crate::areas::access::User;
use crate::kernel::date::{Date, Instant};
use crate::kernel::id::Id;

crate::coded! {
    /// What a warning is about.
    pub enum WarningKind {
        /// An installment is due soon.
        InstallmentDue = 1, "installment_due", "款项即将到期";
        /// An installment is overdue.
        InstallmentOverdue = 2, "installment_overdue", "款项逾期";
        /// A contract's term ends soon.
        ContractEnding = 3, "contract_ending", "合同即将到期";
        /// An opportunity stands still in its stage.
        OpportunityStalled = 4, "opportunity_stalled", "商机停滞";
        /// The next step of a follow-up is overdue.
        FollowupOverdue = 5, "followup_overdue", "跟进逾期";
    }
}

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
    /// What has been done about a warning.
    pub enum WarningState {
        /// Nothing yet.
        Open = 1, "open", "待处理";
        /// Somebody has taken note.
        Acknowledged = 2, "acknowledged", "已确认";
        /// Somebody wants to see it again later.
        Snoozed = 3, "snoozed", "已推迟";
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

crate::record! {
    /// What was done about one warning. It holds for the date that was warned of; when that moves, the warning is new.
    pub struct WarningMark, WarningMarkColumns in "warning_mark" key (kind, subject, subject_seq, date) {
        /// What the warning is about.
        kind: WarningKind,
        /// The record.
        subject: Uuid,
        /// The row below the record, by its position; 0 for the record itself.
        subject_seq: u32,
        /// The date in the record that the warning goes by.
        date: Date,
        /// Who took note.
        acknowledged_by: Option<Id<User>>,
        /// When.
        acknowledged_at: Option<Instant>,
        /// The day from which it shows again.
        snoozed_until: Option<Date>,
    }
}

crate::record! {
    /// How early or late a kind of warning comes.
    pub struct WarningSetting, WarningSettingColumns in "warning_setting" key (kind) {
        /// What the warning is about.
        kind: WarningKind,
        /// Ahead of a date: so many days before it. After a date: once more than so many days have passed.
        lead: u32,
        /// How they are counted.
        unit: LeadUnit,
        /// Whether it comes at all.
        enabled: bool,
    }
}
