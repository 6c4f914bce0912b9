//! The way of a contract from draft to its end, as a table of status and action.
//!
//! ```text
//! draft ─submit→ in_approval ─approve→ approved ─sign→ signed ─take effect→ effective ─complete→ completed
//!   ↑ └cancel→ cancelled ↑ reject, withdraw: draft   └cancel→ cancelled │ terminate        │ terminate   └reopen→ effective
//!                                                                       └→ terminated ←────┘ reopen→ effective
//! ```
//! A contract binds from its signing (PRC Civil Code articles 490 and 502), so before it a contract is cancelled and
//! after it terminated (articles 557 and 562); the parties may amend it in between (article 543). Reopening
//! happens when a receipt on a completed contract is reversed, and when a completion or termination was recorded in error.

use super::WRONG_STATUS;
use crate::areas::contract::model::ContractStatus;
use crate::kernel::error::{Error, Result};
use crate::store::record::Coded;

/// What is done to a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Change what it says.
    Update,
    /// Ask for approval.
    Submit,
    /// Take the request back.
    Withdraw,
    /// Approve.
    Approve,
    /// Send back to draft.
    Reject,
    /// Record the signing.
    Sign,
    /// Let it take effect.
    TakeEffect,
    /// Record delivery.
    Deliver,
    /// Record acceptance.
    Accept,
    /// Change when and how much is due of it.
    Reschedule,
    /// Change what it says, by agreement of the parties.
    Amend,
    /// End it as performed.
    Complete,
    /// End it before it was performed.
    Terminate,
    /// Give it up before it binds.
    Cancel,
    /// Take it up again: a receipt was reversed, or its end was recorded in error.
    Reopen,
}

impl Action {
    /// Every action.
    pub const ALL: &'static [Action] = &[
        Action::Update,
        Action::Submit,
        Action::Withdraw,
        Action::Approve,
        Action::Reject,
        Action::Sign,
        Action::TakeEffect,
        Action::Deliver,
        Action::Accept,
        Action::Reschedule,
        Action::Amend,
        Action::Complete,
        Action::Terminate,
        Action::Cancel,
        Action::Reopen,
    ];

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Action::Update => "be updated",
            Action::Submit => "be submitted",
            Action::Withdraw => "be withdrawn",
            Action::Approve => "be approved",
            Action::Reject => "be rejected",
            Action::Sign => "be signed",
            Action::TakeEffect => "take effect",
            Action::Deliver => "be delivered",
            Action::Accept => "be accepted",
            Action::Reschedule => "change its schedule",
            Action::Amend => "be amended",
            Action::Complete => "be completed",
            Action::Terminate => "be terminated",
            Action::Cancel => "be cancelled",
            Action::Reopen => "be reopened",
        }
    }

    /// The same in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Action::Update => "修改",
            Action::Submit => "提交审批",
            Action::Withdraw => "撤回",
            Action::Approve => "审批通过",
            Action::Reject => "驳回",
            Action::Sign => "签署",
            Action::TakeEffect => "生效",
            Action::Deliver => "登记交付",
            Action::Accept => "验收",
            Action::Reschedule => "调整结算计划",
            Action::Amend => "变更",
            Action::Complete => "完结",
            Action::Terminate => "终止",
            Action::Cancel => "作废",
            Action::Reopen => "重新打开",
        }
    }

    /// The statuses it starts from, and the one it leads to; none when it leaves the status as it is.
    fn rule(self) -> (&'static [ContractStatus], Option<ContractStatus>) {
        use ContractStatus::{
            Approved, Cancelled, Completed, Draft, Effective, InApproval, Signed, Terminated,
        };
        match self {
            Action::Update => (&[Draft], None),
            Action::Submit => (&[Draft], Some(InApproval)),
            Action::Withdraw | Action::Reject => (&[InApproval], Some(Draft)),
            Action::Approve => (&[InApproval], Some(Approved)),
            Action::Sign => (&[Approved], Some(Signed)),
            Action::TakeEffect => (&[Signed], Some(Effective)),
            Action::Deliver | Action::Accept | Action::Reschedule => (&[Effective], None),
            Action::Amend => (&[Signed, Effective], None),
            Action::Complete => (&[Effective], Some(Completed)),
            Action::Terminate => (&[Signed, Effective], Some(Terminated)),
            Action::Cancel => (&[Draft, Approved], Some(Cancelled)),
            Action::Reopen => (&[Completed, Terminated], Some(Effective)),
        }
    }
}

/// The status after an action.
///
/// # Errors
/// `WRONG_STATUS`, with the status, the action and the statuses it is allowed in.
pub fn next(status: ContractStatus, action: Action) -> Result<ContractStatus> {
    let (from, to) = action.rule();
    if from.contains(&status) {
        return Ok(to.unwrap_or(status));
    }
    let allowed: Vec<String> = from.iter().map(ToString::to_string).collect();
    let labels: Vec<&str> = from.iter().map(|status| status.zh()).collect();
    Err(Error::new(&WRONG_STATUS)
        .with_both("status", status, status.zh())
        .with_both("action", action.name(), action.zh())
        .with_both("allowed", allowed.join(", "), labels.join("、")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::error::Locale;

    #[test]
    fn refusals_are_worded_in_the_language_of_their_reader() {
        let refused = next(ContractStatus::Draft, Action::Amend).map(drop);
        let messages = refused.map_err(|refused| {
            assert!(refused.details().any(|detail| detail == ("status", "draft")));
            [Locale::English, Locale::Chinese].map(|locale| refused.message(locale))
        });
        let [en, zh] = messages.err().unwrap_or_default();
        assert_eq!(en, "A contract that is draft cannot be amended; it must be: signed, effective.");
        assert_eq!(zh, "状态为“草稿”的合同不能变更;须为:已签署、履行中。");
    }

    #[test]
    fn every_status_and_every_action() {
        // One row per action, one column per status: where it leads, in the order of the enumeration; `.` is refused.
        let table = [
            (Action::Update, "D......."),
            (Action::Submit, "I......."),
            (Action::Withdraw, ".D......"),
            (Action::Approve, ".A......"),
            (Action::Reject, ".D......"),
            (Action::Sign, "..S....."),
            (Action::TakeEffect, "...E...."),
            (Action::Deliver, "....E..."),
            (Action::Accept, "....E..."),
            (Action::Reschedule, "....E..."),
            (Action::Amend, "...SE..."),
            (Action::Complete, "....C..."),
            (Action::Terminate, "...TT..."),
            (Action::Cancel, "X.X....."),
            (Action::Reopen, ".....EE."),
        ];
        assert_eq!(table.map(|(action, _)| action), Action::ALL);
        for (action, row) in table {
            for (status, expected) in ContractStatus::ALL.iter().zip(row.chars()) {
                let found = match next(*status, action) {
                    Ok(ContractStatus::Draft) => 'D',
                    Ok(ContractStatus::InApproval) => 'I',
                    Ok(ContractStatus::Approved) => 'A',
                    Ok(ContractStatus::Signed) => 'S',
                    Ok(ContractStatus::Effective) => 'E',
                    Ok(ContractStatus::Completed) => 'C',
                    Ok(ContractStatus::Terminated) => 'T',
                    Ok(ContractStatus::Cancelled) => 'X',
                    Err(refused) => {
                        assert_eq!(refused.code(), &WRONG_STATUS);
                        '.'
                    }
                };
                assert_eq!(found, expected, "{status} {action:?}");
            }
        }
    }
}
