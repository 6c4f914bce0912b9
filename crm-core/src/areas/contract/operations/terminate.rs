//! Terminating contracts: what stays owed, and what was paid and goes back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::end::{StillOwed, settled_by_service, terminated};
use super::life::{begin, happened};
use super::recurring::{returned, settled_unserved};
use super::surplus::give_back;
use super::{GIVEN_TO_EFFECTIVE, installments};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::model::{Contract, ContractStatus, Installment};
use crate::areas::contract::rules::status::Action;
use crate::areas::contract::rules::{DATE_IN_FUTURE, INSTALLMENT_UNKNOWN, WRONG_STATUS};
use crate::areas::party::rules::name;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;

/// Terminates a signed contract before it is performed in full.
///
/// What is outstanding of every installment is cancelled, because obligations not yet performed end with the contract
/// (PRC Civil Code article 566). What stays: what was settled; late charges, since answering for a breach outlives the contract (articles
/// 566 and 567); and what `still_owed` tells of, such as the price of what was delivered. A later reversal of a receipt opens
/// again exactly what that receipt had settled, and it can then be collected.
///
/// What was settled and is `returned`, as a prepayment of which nothing was delivered, becomes an advance of the receipts that
/// settled it last: `receipt.refund` pays it back, `receipt.allocate` uses it (article 566: restoration).
///
/// A recurring contract ends for the future: days served until `ended_on` stay owed, the price of later ones is
/// cancelled by the proration rule, and what was settled for them becomes an advance in the same way, with an event
/// `credit` for each installment.
///
/// A termination recorded in error is taken back by `contract.reopen`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminateContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// When it ended; today when left out, never later and not before the signing nor the day it took effect.
    #[serde(default)]
    pub ended_on: Option<Date>,
    /// What stays owed of a contract in effect, recurring periods aside; installments that are not named are cancelled.
    #[serde(default)]
    pub still_owed: Vec<StillOwed>,
    /// What was settled and goes back, of a contract in effect, recurring periods aside: a prepayment, a deposit.
    #[serde(default)]
    pub returned: Vec<Returned>,
}

/// What goes back of what was settled of an installment when its contract ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// Its number within the contract.
    pub installment: u32,
    /// How much, in the contract's currency, up to what is settled; all of that when left out.
    #[serde(default)]
    pub amount: Option<Amount>,
}

impl Operation for TerminateContract {
    type Output = Contract;
    const NAME: &'static str = "contract.terminate";
    const ZH: &'static str = "终止合同";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &WRONG_STATUS,
        &DATE_IN_FUTURE,
        &error::END_BEFORE_START,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OVERFLOW,
        &INSTALLMENT_UNKNOWN,
        &error::NOT_APPLICABLE,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::MISSING_FIELD,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"id": "${contract.id}", "version": 4, "reason": "客户项目取消,双方协商解除",
            "still_owed": [{"installment": 1, "amount": "12000"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let reason = name("reason", &self.reason, 1000)?;
        let (before, after) = begin(cx, self.id, self.version, Level::Edit, Action::Terminate)?;
        let start = after.effective_on.max(after.signed_on);
        let ended_on = happened(cx, "ended_on", self.ended_on, start)?;
        let was_serving = after.recurrence.is_some() && before.status == ContractStatus::Effective;
        for (field, is_told) in
            [("still_owed", !self.still_owed.is_empty()), ("returned", !self.returned.is_empty())]
        {
            if is_told && before.status != ContractStatus::Effective {
                let (why, zh) = ("the contract has not taken effect", "合同尚未生效");
                return Err(Error::new(&error::NOT_APPLICABLE).at(field).with_both("reason", why, zh));
            }
        }
        let mut back = Vec::new();
        if was_serving {
            for (seq, amount) in settled_unserved(cx, &before, ended_on)? {
                returned(cx, &before, ended_on, seq, amount)?;
                back.push((seq, amount));
            }
        }
        let all = installments(cx, &before)?;
        for (index, told) in self.returned.iter().enumerate() {
            let settled = self.check_returned(&all, &before, index);
            let settled = settled.map_err(|error| error.within(format!("returned[{index}]")))?;
            back.push((told.installment, told.amount.unwrap_or(settled)));
        }
        let before = give_back(cx, &before, &back, ended_on)?;
        let mut after = Contract { status: after.status, ended_on: Some(ended_on), ..before.clone() };
        terminated(cx, &mut after, was_serving, Some(reason), &self.still_owed)?;
        cx.update(&before, after)
    }
}

impl TerminateContract {
    /// What is settled of an installment of which something goes back.
    fn check_returned(&self, all: &[Installment], contract: &Contract, index: usize) -> Result<Amount> {
        let told = &self.returned[index];
        let seq = told.installment;
        let Some(installment) = all.iter().find(|installment| installment.seq == seq) else {
            return Err(Error::new(&INSTALLMENT_UNKNOWN).at("installment").with("installment", seq));
        };
        if installment.is_period() {
            return Err(settled_by_service(seq));
        }
        let before = &self.returned[..index];
        let twice = before.iter().any(|one| one.installment == seq)
            || self.still_owed.iter().any(|one| one.installment == seq);
        if twice {
            let (why, zh) = (format!("installment {seq} is named twice"), format!("第 {seq} 期出现了两次"));
            return Err(Error::new(&error::NOT_APPLICABLE).at("installment").with_both("reason", why, zh));
        }
        let amount = told.amount.unwrap_or(installment.settled);
        contract.money(amount).map_err(|error| error.at("amount"))?;
        if !amount.is_positive() || amount > installment.settled {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("amount")
                .with("value", amount)
                .with("min", contract.currency.smallest())
                .with("max", installment.settled));
        }
        Ok(installment.settled)
    }
}
