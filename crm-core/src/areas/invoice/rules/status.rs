//! The way of an invoice, as a table of status and action.
//!
//! ```text
//! planned ─issue→ issued ─red (in part)→ partly_reversed ─red (the rest)→ reversed
//!  ↺ │ replan        │
//!    └void→ void     └────────────────────red (all of it)───────────────────↑
//! ```
//! What was issued is never edited or voided here: a mistake, a return or an allowance is taken back by a red invoice
//! (国家税务总局公告2024年第11号: a digital invoice cannot be voided). A red invoice is final.

use super::WRONG_INVOICE_STATUS;
use crate::areas::invoice::model::InvoiceStatus;
use crate::kernel::error::{Error, Result};
use crate::store::record::Coded;

/// What is done to an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Plan it anew: another day, other lines.
    Replan,
    /// Issue what was planned.
    Issue,
    /// Give up what was planned.
    Void,
    /// Take part of it back by a red invoice.
    RedPart,
    /// Take all that is left of it back by a red invoice.
    RedWhole,
}

impl Action {
    /// Every action.
    pub const ALL: &'static [Action] =
        &[Action::Replan, Action::Issue, Action::Void, Action::RedPart, Action::RedWhole];

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Action::Replan => "planned anew",
            Action::Issue => "issued",
            Action::Void => "voided",
            Action::RedPart | Action::RedWhole => "reversed",
        }
    }

    /// The same in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Action::Replan => "调整",
            Action::Issue => "开具",
            Action::Void => "作废",
            Action::RedPart | Action::RedWhole => "红冲",
        }
    }

    /// The statuses it starts from, and the one it leads to.
    fn rule(self) -> (&'static [InvoiceStatus], InvoiceStatus) {
        use InvoiceStatus::{Issued, PartlyReversed, Planned, Reversed, Void};
        match self {
            Action::Replan => (&[Planned], Planned),
            Action::Issue => (&[Planned], Issued),
            Action::Void => (&[Planned], Void),
            Action::RedPart => (&[Issued, PartlyReversed], PartlyReversed),
            Action::RedWhole => (&[Issued, PartlyReversed], Reversed),
        }
    }
}

/// The status after an action.
///
/// # Errors
/// `WRONG_INVOICE_STATUS`, with the status, the action and the statuses it is allowed in.
pub fn next(status: InvoiceStatus, action: Action) -> Result<InvoiceStatus> {
    let (from, to) = action.rule();
    if from.contains(&status) {
        return Ok(to);
    }
    let allowed: Vec<String> = from.iter().map(ToString::to_string).collect();
    let labels: Vec<&str> = from.iter().map(|status| status.zh()).collect();
    Err(Error::new(&WRONG_INVOICE_STATUS)
        .with_both("status", status, status.zh())
        .with_both("action", action.name(), action.zh())
        .with_both("allowed", allowed.join(", "), labels.join("、")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_and_every_action() {
        // One row per action, one column per status in the order of the enumeration: where it leads; `.` is refused.
        let table = [
            (Action::Replan, "L....."),
            (Action::Issue, "I....."),
            (Action::Void, "V....."),
            (Action::RedPart, ".PP..."),
            (Action::RedWhole, ".RR..."),
        ];
        assert_eq!(table.map(|(action, _)| action), Action::ALL);
        for (action, row) in table {
            assert_eq!(row.len(), InvoiceStatus::ALL.len());
            for (status, expected) in InvoiceStatus::ALL.iter().zip(row.chars()) {
                let found = match next(*status, action) {
                    Ok(InvoiceStatus::Issued) => 'I',
                    Ok(InvoiceStatus::Void) => 'V',
                    Ok(InvoiceStatus::PartlyReversed) => 'P',
                    Ok(InvoiceStatus::Reversed) => 'R',
                    Ok(InvoiceStatus::Planned) => 'L',
                    Ok(InvoiceStatus::Red) => '?',
                    Err(refused) => {
                        assert_eq!(refused.code(), &WRONG_INVOICE_STATUS);
                        '.'
                    }
                };
                assert_eq!(found, expected, "{status} {action:?}");
            }
        }
    }
}
