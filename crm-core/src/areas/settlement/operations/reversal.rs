//! Reversing a receipt or payment (红冲).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_RECEIPT;
use super::apply::{self, allocations};
use super::receipt::{PostedReceipt, check_in_force, choose_number, moved_on, reach_at};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::rules::DATE_IN_FUTURE;
use crate::areas::party::rules::name;
use crate::areas::settlement::model::Receipt;
use crate::areas::settlement::rules::allocation::check_receipt;
use crate::areas::settlement::rules::{ALREADY_REVERSED, IS_REVERSAL};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;

/// Reverses a receipt by a mirror entry, which opens again exactly what the receipt had settled.
///
/// A completed contract of which something opens again is in effect again. On a terminated contract what opens again can
/// be collected; what the termination cancelled stays cancelled.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReverseReceipt {
    /// The receipt.
    pub id: Id<Receipt>,
    /// The version you have read.
    pub version: u32,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// From when it counts; today when left out, never later and not before the receipt.
    #[serde(default)]
    pub date: Option<Date>,
}

impl Operation for ReverseReceipt {
    type Output = PostedReceipt;
    const NAME: &'static str = "receipt.reverse";
    const ZH: &'static str = "红冲收付款";
    const ACCESS: Access = Access::Level("settlement", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::END_BEFORE_START,
        &DATE_IN_FUTURE,
        &ALREADY_REVERSED,
        &IS_REVERSAL,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_RECEIPT,
        input: r#"{"id": "${posted.receipt.id}", "version": 1, "reason": "银行退票"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<PostedReceipt> {
        let reason = name("reason", &self.reason, 1000)?;
        let before = reach_at(cx, self.id, self.version)?;
        cx.subject(before.id);
        check_in_force(&before)?;
        let date = moved_on(cx, self.date)?;
        if date < before.date {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("date")
                .with("start", before.date)
                .with("end", date));
        }
        let mut settled = BTreeMap::new();
        for allocation in allocations(cx, before.id)? {
            let sum: &mut Amount = settled.entry((allocation.contract, allocation.installment)).or_default();
            *sum = sum.checked_add(allocation.amount)?;
        }
        let mut parts = Vec::with_capacity(settled.len());
        for ((contract, seq), sum) in settled {
            parts.push((apply::stored(cx, contract, seq)?, sum.checked_neg()?));
        }
        let mirror = Receipt {
            id: cx.new_id(),
            number: choose_number(cx, None, before.direction)?,
            date,
            amount: before.amount.checked_neg()?,
            allocated: apply::sum(&parts)?,
            advance: before.advance.checked_neg()?,
            handler: cx.actor().user.id,
            reversed_by: None,
            reversal_of: Some(before.id),
            reason: Some(reason),
            note: None,
            created_at: cx.now(),
            version: 1,
            ..before.clone()
        };
        check_receipt(mirror.amount, mirror.allocated, mirror.advance)?;
        cx.insert(&mirror)?;
        let mut after = before.clone();
        after.reversed_by = Some(mirror.id);
        cx.update(&before, after)?;
        let allocations = apply::settle(cx, &mirror, 1, parts, date)?;
        Ok(PostedReceipt { receipt: mirror, allocations })
    }
}
