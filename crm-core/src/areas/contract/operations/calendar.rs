//! Due dates that go by working days follow the ledger's calendar.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GIVEN_TO_EFFECTIVE, Posting, installments, post, refreshed};
use crate::app::{Cx, ListRequest};
use crate::areas::contract::CONTRACTS;
use crate::areas::contract::model::{
    Contract, ContractStatus, EntryKind, Installment, InstallmentKind, InstallmentStatus, TermOffset,
};
use crate::areas::contract::rules::journal::Change;
use crate::areas::contract::rules::recurrence::{self, Period};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::calendar::Shift;
use crate::kernel::date::Date;
use crate::kernel::error::{self, Code, ErrorKind, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::expr::{Expr, Operand};
use crate::store::record::Json;

/// Brings due dates and forecasts that go by working days up to the ledger's calendar, after days of it were entered or changed:
/// those of contracts that are written, approved or in effect, as of today.
///
/// The holidays of a year are published late in the year before it. Until then a ledger can have provisional days for it
/// (`ledger.set_calendar_days`), and this brings what was worked out by them to the published ones. Contracts that you may not
/// edit are left as they are.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowCalendar {
    /// At most so many contracts at once, up to 1000; 100 when left out.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next` of the answer before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// What has followed the calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FollowedCalendar {
    /// How many contracts were looked at.
    pub contracts: u32,
    /// The dates that have moved.
    pub moved: Vec<MovedDue>,
    /// Where to go on; absent when all contracts were looked at.
    pub next: Option<String>,
}

/// An installment whose due date, or the forecast of it, has moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MovedDue {
    /// The contract.
    pub contract: Id<Contract>,
    /// The contract's number.
    pub number: String,
    /// The installment, by its position.
    pub installment: u32,
    /// The due date or forecast before.
    pub from: Option<Date>,
    /// The due date or forecast now.
    pub to: Option<Date>,
}

impl Operation for FollowCalendar {
    type Output = FollowedCalendar;
    const NAME: &'static str = "contract.follow_calendar";
    const ZH: &'static str = "按工作日历更新到期日";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&error::OUT_OF_RANGE, &error::WRONG_TYPE, &error::UNKNOWN_CALENDAR_YEAR, &error::DATE_OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: &[
            GIVEN_TO_EFFECTIVE[0],
            GIVEN_TO_EFFECTIVE[1],
            GIVEN_TO_EFFECTIVE[2],
            GIVEN_TO_EFFECTIVE[3],
            GIVEN_TO_EFFECTIVE[4],
            Given {
                save: "contract",
                call: "contract.deliver",
                input: r#"{"id": "${contract.id}", "version": 4, "delivered_on": "2026-02-25"}"#,
            },
            Given {
                save: "days",
                call: "ledger.set_calendar_days",
                input: r#"{"days": [{"date": "2026-03-02", "status": "holiday", "note": "厂庆"}]}"#,
            },
        ],
        input: "{}",
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<FollowedCalendar> {
        let live = [
            ContractStatus::Draft,
            ContractStatus::InApproval,
            ContractStatus::Approved,
            ContractStatus::Signed,
            ContractStatus::Effective,
        ];
        let live = live.iter().map(|status| Operand::Text(status.to_string())).collect();
        let request = ListRequest {
            filter: Some(Expr::In("status".to_owned(), live)),
            limit: self.limit,
            cursor: self.cursor,
            ..ListRequest::default()
        };
        let page = cx.list::<Contract>(&CONTRACTS, &request)?;
        let mut answer = FollowedCalendar { contracts: 0, moved: Vec::new(), next: page.next };
        for contract in page.items {
            answer.contracts += 1;
            if !goes_by_working_days(&contract) {
                continue;
            }
            match cx.get_owned(contract.id, Level::Edit) {
                Ok(contract) => follow(cx, &contract, &mut answer.moved)?,
                Err(refused) if matches!(refused.kind(), ErrorKind::NotFound | ErrorKind::Denied) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(answer)
    }
}

fn goes_by_working_days(contract: &Contract) -> bool {
    let counts = |offset: TermOffset, shift: Shift| {
        matches!(offset, TermOffset::WorkingDays(_)) || shift != Shift::None
    };
    let rule = contract.recurrence.as_ref().map(|Json(rule)| rule);
    contract.terms.0.iter().any(|term| counts(term.offset, term.shift))
        || rule.is_some_and(|rule| counts(rule.offset.unwrap_or_default(), rule.shift))
}

/// Moves the dates of a contract's installments, and tells which.
fn follow(cx: &mut Cx<'_>, contract: &Contract, moved: &mut Vec<MovedDue>) -> Result<()> {
    let mut changes = Vec::new();
    for before in installments(cx, contract)? {
        let after = by_rule(cx, contract, &before)?;
        changes.push(Change::new(Some(before), after));
    }
    let changes = refreshed(cx, contract, changes)?;
    let shown = |installment: &Installment| installment.due_date.or(installment.forecast_date);
    let count = moved.len();
    moved.extend(changes.iter().filter_map(|change| {
        let (from, to) = (change.before.as_ref().and_then(shown), shown(&change.after));
        (from != to).then(|| MovedDue {
            contract: contract.id,
            number: contract.number.clone(),
            installment: change.after.seq,
            from,
            to,
        })
    }));
    if moved.len() > count {
        post(cx, &Posting::of(contract, EntryKind::Change, cx.today()), changes, Vec::new())?;
        cx.touch(contract)?;
    }
    Ok(())
}

/// The price of a recurring period with its due date by the rule and the calendar, a late charge with its own day; any other
/// installment as it is.
pub(super) fn by_rule(
    cx: &mut Cx<'_>,
    contract: &Contract,
    installment: &Installment,
) -> Result<Installment> {
    let mut after = installment.clone();
    if installment.kind == InstallmentKind::LateCharge {
        after.due_date = installment.anchor_date;
    }
    let is_owed = installment.is_period() && installment.status != InstallmentStatus::Cancelled;
    if let (Some(Json(rule)), Some(start), Some(from), Some(to), true) =
        (&contract.recurrence, contract.starts_on, after.period_from, after.period_to, is_owed)
    {
        let calendar = cx.calendar()?;
        after.due_date = Some(recurrence::due(rule, start, Period { from, to }, &calendar)?);
    }
    Ok(after)
}
