//! A due date agreed anew for one installment (展期), in place of the one by its terms or its period.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::life::begin;
use super::{GIVEN_TO_EFFECTIVE, event, events, happen, installments, refresh_installments, set_aside};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::model::{Contract, ContractEvent, ContractEventKind, EntryKind, InstallmentKind};
use crate::areas::contract::rules::status::Action;
use crate::areas::contract::rules::{INSTALLMENT_UNKNOWN, WRONG_STATUS};
use crate::areas::party::rules::name;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;

/// Agrees another due date for one installment that is open, later or earlier (展期).
///
/// It holds in place of what the terms say, whatever happens afterwards, until it is agreed anew or withdrawn by
/// `contract.withdraw_event`. Other installments stay as they are, also those that are counted from this one. It counts from
/// today: days that were late by the old date stay late.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostponeInstallment {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// The installment, by its position.
    pub installment: u32,
    /// By when it is due now; not before the contract took effect.
    pub due_on: Date,
    /// Why, up to 1000 characters.
    pub reason: String,
}

impl Operation for PostponeInstallment {
    type Output = Contract;
    const NAME: &'static str = "contract.postpone";
    const ZH: &'static str = "款项展期";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &INSTALLMENT_UNKNOWN,
        &error::NOT_APPLICABLE,
        &error::END_BEFORE_START,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"id": "${contract.id}", "version": 4, "installment": 1, "due_on": "2026-03-31",
            "reason": "客户资金周转,双方同意延期"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let reason = name("reason", &self.reason, 1000)?;
        let (before, _) = begin(cx, self.id, self.version, Level::Edit, Action::Reschedule)?;
        let all = installments(cx, &before)?;
        let Some(installment) = all.iter().find(|installment| installment.seq == self.installment) else {
            return Err(Error::new(&INSTALLMENT_UNKNOWN)
                .at("installment")
                .with("installment", self.installment));
        };
        let refused = if installment.open_amount.is_none() {
            Some(("nothing is open of it", "该期没有未结清金额"))
        } else if installment.kind == InstallmentKind::Retention && installment.released_on.is_none() {
            Some((
                "it is held back; contract.release_retention says when it is due",
                "质保金尚未释放,请用 contract.release_retention 确定到期日",
            ))
        } else {
            None
        };
        if let Some((why, zh)) = refused {
            return Err(Error::new(&error::NOT_APPLICABLE).at("installment").with_both("reason", why, zh));
        }
        if let Some(start) = before.effective_on.filter(|start| self.due_on < *start) {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("due_on")
                .with("start", start)
                .with("end", self.due_on));
        }
        let mut agreed = events(cx, before.id)?.into_iter().filter(|event| {
            event.kind == ContractEventKind::Postponement && event.installment == Some(self.installment)
        });
        if let Some(earlier) = agreed.next_back() {
            set_aside(cx, earlier)?;
        }
        let record = event(&before, ContractEventKind::Postponement, self.due_on);
        let installment = Some(self.installment);
        happen(cx, ContractEvent { installment, note: Some(reason), ..record })?;
        let today = cx.today();
        refresh_installments(cx, &before, EntryKind::Change, today)?;
        cx.touch(&before)
    }
}
