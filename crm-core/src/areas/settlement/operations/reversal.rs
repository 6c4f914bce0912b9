//! Taking back what was posted: reversals (红冲), refunds of advances (退款), and other allocations.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adjust::take_back_granted;
use super::apply::{self, Booking, Parts, allocations};
use super::past::check_advance;
use super::receipt::{
    AllocationRequest, PostedReceipt, check_in_force, choose_number, moved_after, reach_at,
};
use super::{GIVEN_TO_ADVANCE, GIVEN_TO_RECEIPT};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::rules::DATE_IN_FUTURE;
use crate::areas::contract::rules::journal::Leg;
use crate::areas::contract::{Account, Contract, EntryKind, Surplus};
use crate::areas::party::rules::{name, optional};
use crate::areas::settlement::model::{Allocation, Receipt, ReceiptMethod};
use crate::areas::settlement::rules::{
    ABOVE_ADVANCE, ABOVE_OPEN, ABOVE_RECEIPT, ALREADY_REVERSED, CONTRACT_NOT_EFFECTIVE, IS_REVERSAL,
    NO_ADVANCE, NO_INSTALLMENT, NOT_ALLOCATED, REFUNDED, WRONG_CUSTOMER, WRONG_DIRECTION,
};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::engine::Mode;
use crate::store::record::Record;

/// Reverses a receipt by a mirror entry, which opens again exactly what the receipt had settled; discounts for early payment to
/// which it belongs are taken back.
///
/// A completed contract of which something opens again is in effect again. On a terminated contract what opens again can
/// be collected; what the termination cancelled stays cancelled. A refund is reversed like a receipt, which makes its amount
/// an advance again; a receipt of which an advance was refunded can be reversed only after its refunds.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReverseReceipt {
    /// The receipt.
    pub id: Id<Receipt>,
    /// The version you have read.
    pub version: u32,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// From when it counts; today when left out, never later and not before the receipt nor what it has settled.
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
        &REFUNDED,
        &ABOVE_ADVANCE,
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
        let settled = allocations(cx, before.id)?;
        let date = moved_after(cx, self.date, &before, &settled)?;
        if before.refunded.is_positive() {
            let Receipt { number, refunded, .. } = &before;
            return Err(Error::new(&REFUNDED).with("number", number).with("refunded", refunded));
        }
        take_back_granted(cx, before.id, &settled, date, |_, _| true)?;
        let parts = apply::taken_back(cx, &settled, |_, _| true)?;
        if before.refund_of.is_none() {
            check_advance(cx, &before, date, before.advance)?;
        }
        let mirrored = |amount: Option<Amount>| amount.map(Amount::checked_neg).transpose();
        let mirror = Receipt {
            id: cx.new_id(),
            number: choose_number(cx, None, &before)?,
            date,
            amount: before.amount.checked_neg()?,
            allocated: before.allocated.checked_neg()?,
            advance: before.advance.checked_neg()?,
            refunded: before.refunded.checked_neg()?,
            home: mirrored(before.home)?,
            home_advance: mirrored(before.home_advance)?,
            rounded: before.rounded.checked_neg()?,
            home_rounded: mirrored(before.home_rounded)?,
            open_advance: None,
            handler: cx.actor().user.id,
            reversed_by: None,
            reversal_of: Some(before.id),
            reason: Some(reason),
            note: None,
            created_at: cx.now(),
            version: 1,
            ..before.clone()
        };
        mirror.check()?;
        cx.insert(&mirror)?;
        let mut after = before.clone();
        after.reversed_by = Some(mirror.id);
        cx.update(&before, after.restated())?;
        let mut legs = match mirror.refund_of {
            None => apply::money_legs(&mirror)?,
            Some(refunded) => {
                // The money is back, and is an advance of the receipt that it had been taken from.
                let source = cx.get(refunded)?;
                check_in_force(&source)?;
                let after = moved_back(&source, mirror.amount.checked_neg()?, mirrored(mirror.home)?)?;
                cx.update(&source, after)?;
                refund_legs(&mirror, source.id)?
            }
        };
        legs.extend(apply::rounding_legs(&mirror, apply::first_place(&settled))?);
        let booking = Booking { kind: EntryKind::Reversal, date, first_seq: 1 };
        let allocations = apply::settle(cx, &mirror, &booking, parts, legs)?;
        Ok(PostedReceipt { receipt: mirror, allocations })
    }
}

/// Returns an advance, or a part of it, to the customer (退款).
///
/// The refund is a receipt below zero. In the ledger's currency it goes at the value at which the advance is booked, for
/// an advance is not revalued (《企业会计准则第19号——外币折算》 article 11: non-monetary items).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundReceipt {
    /// The receipt with the advance.
    pub id: Id<Receipt>,
    /// The version you have read.
    pub version: u32,
    /// How much, above zero; the whole advance when left out.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// When it went; today when left out, never later, not before the receipt, and not before the advance was there.
    #[serde(default)]
    pub date: Option<Date>,
    /// How it went.
    #[serde(default)]
    pub method: ReceiptMethod,
    /// Our account.
    #[serde(default)]
    pub account: Option<String>,
    /// The bank's reference.
    #[serde(default)]
    pub reference: Option<String>,
}

impl Operation for RefundReceipt {
    type Output = PostedReceipt;
    const NAME: &'static str = "receipt.refund";
    const ZH: &'static str = "退还预收付款";
    const ACCESS: Access = Access::Level("settlement", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::END_BEFORE_START,
        &DATE_IN_FUTURE,
        &ALREADY_REVERSED,
        &IS_REVERSAL,
        &NO_ADVANCE,
        &ABOVE_ADVANCE,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_ADVANCE,
        input: r#"{"id": "${posted.receipt.id}", "version": 1, "amount": "20000", "reason": "客户多付,原路退回"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<PostedReceipt> {
        let reason = name("reason", &self.reason, 1000)?;
        let before = reach_at(cx, self.id, self.version)?;
        cx.subject(before.id);
        check_in_force(&before)?;
        let date = moved_after(cx, self.date, &before, &[])?;
        let amount = self.amount.unwrap_or(before.advance);
        let money = before.money(amount).map_err(|error| error.at("amount"))?;
        if before.advance.is_zero() {
            return Err(Error::new(&NO_ADVANCE).with("number", &before.number));
        }
        if amount > before.advance {
            return Err(Error::new(&ABOVE_ADVANCE)
                .at("amount")
                .with("amount", amount)
                .with("advance", before.advance));
        }
        if !money.is_positive() {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("amount")
                .with("value", amount)
                .with("min", before.currency.smallest())
                .with("max", before.advance));
        }
        check_advance(cx, &before, date, amount)?;
        let home = cx.ledger().info().currency;
        let value = match before.home_advance {
            None => None,
            Some(value) => {
                let whole = before.money(before.advance)?;
                Some(whole.portion(amount, Money::new(value, home)?)?.amount())
            }
        };
        let back = amount.checked_neg()?;
        let mut refund = Receipt {
            id: cx.new_id(),
            number: String::new(),
            date,
            method: self.method,
            amount: back,
            account: optional(self.account),
            reference: optional(self.reference),
            handler: cx.actor().user.id,
            allocated: Amount::ZERO,
            advance: Amount::ZERO,
            refunded: back,
            open_advance: None,
            home: value.map(Amount::checked_neg).transpose()?,
            home_advance: value.map(|_| Amount::ZERO),
            rounded: Amount::ZERO,
            home_rounded: value.map(|_| Amount::ZERO),
            refund_of: Some(before.id),
            // What goes back is money, also where a credit had come without.
            credit: None,
            reason: Some(reason),
            note: None,
            created_at: cx.now(),
            version: 1,
            ..before.clone()
        };
        refund.number = choose_number(cx, None, &refund)?;
        refund.check()?;
        cx.insert(&refund)?;
        cx.update(&before, moved_back(&before, amount, value)?)?;
        let booking = Booking { kind: EntryKind::Refund, date, first_seq: 1 };
        let legs = refund_legs(&refund, before.id)?;
        let allocations = apply::settle(cx, &refund, &booking, Vec::new(), legs)?;
        Ok(PostedReceipt { receipt: refund, allocations })
    }
}

/// The receipt after so much of its advance, worth `value` in the ledger's currency, went back; below zero, came again.
fn moved_back(receipt: &Receipt, amount: Amount, value: Option<Amount>) -> Result<Receipt> {
    let mut after = receipt.clone();
    after.advance = after.advance.checked_sub(amount)?;
    after.refunded = after.refunded.checked_add(amount)?;
    if let (Some(advance), Some(value)) = (after.home_advance, value) {
        after.home_advance = Some(advance.checked_sub(value)?);
    }
    after.check()?;
    Ok(after.restated())
}

/// Makes what was rounded up an advance again; returns the receipt with just that, below zero.
fn unrounded(receipt: &mut Receipt) -> Result<Receipt> {
    let mut back = receipt.clone();
    back.rounded = std::mem::take(&mut receipt.rounded).checked_neg()?;
    receipt.advance = receipt.advance.checked_sub(back.rounded)?;
    if let (Some(advance), Some(value)) = (receipt.home_advance, receipt.home_rounded) {
        receipt.home_advance = Some(advance.checked_add(value)?);
        receipt.home_rounded = Some(Amount::ZERO);
        back.home_rounded = Some(value.checked_neg()?);
    }
    Ok(back)
}

/// The lines of a refund or its reversal: money out of, or into, the advance of `source`.
fn refund_legs(refund: &Receipt, source: Id<Receipt>) -> Result<Vec<Leg>> {
    let home = refund.home.unwrap_or(refund.amount);
    let (amount, value) = (refund.amount.checked_neg()?, home.checked_neg()?);
    Ok(vec![
        Leg::of(Account::Money, Some(refund.id.uuid()), refund.amount, home),
        Leg::of(Account::Advance, Some(source.uuid()), amount, value),
    ])
}

/// An installment of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallmentRef {
    /// The contract.
    pub contract: Id<Contract>,
    /// The installment, by its position.
    pub installment: u32,
}

/// Takes a receipt from what it has settled, in part or wholly, and lets it settle something else.
///
/// What is taken back opens again exactly, at the value it was booked at before, and discounts and differences of cash
/// rounding granted with it, and discounts for early payment to which it belongs, are reversed; what was rounded up is an advance again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReallocateReceipt {
    /// The receipt.
    pub id: Id<Receipt>,
    /// The version you have read.
    pub version: u32,
    /// The installments that it shall no longer settle; all that it settles when left out.
    #[serde(default)]
    pub release: Option<Vec<InstallmentRef>>,
    /// What it settles instead; nothing when left out, so that it becomes an advance.
    #[serde(default = "AllocationRequest::none")]
    pub allocate: AllocationRequest,
    /// From when it counts; today when left out, never later and not before the receipt nor what it has settled.
    #[serde(default)]
    pub date: Option<Date>,
}

impl Operation for ReallocateReceipt {
    type Output = PostedReceipt;
    const NAME: &'static str = "receipt.reallocate";
    const ZH: &'static str = "调整核销";
    const ACCESS: Access = Access::Level("settlement", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::END_BEFORE_START,
        &DATE_IN_FUTURE,
        &ALREADY_REVERSED,
        &IS_REVERSAL,
        &NOT_ALLOCATED,
        &CONTRACT_NOT_EFFECTIVE,
        &ABOVE_OPEN,
        &ABOVE_RECEIPT,
        &WRONG_CUSTOMER,
        &WRONG_DIRECTION,
        &NO_INSTALLMENT,
        &ABOVE_ADVANCE,
        &error::EMPTY_LIST,
        &error::CURRENCY_MISMATCH,
        &error::OVERFLOW,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_RECEIPT,
        input: r#"{"id": "${posted.receipt.id}", "version": 1,
            "allocate": {"told": [{"contract": "${contract.id}", "installment": 2, "amount": "30000"}]}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<PostedReceipt> {
        let before = reach_at(cx, self.id, self.version)?;
        cx.subject(before.id);
        check_in_force(&before)?;
        let mut all = allocations(cx, before.id)?;
        let wanted = |contract, installment| {
            self.release.as_ref().is_none_or(|some| {
                some.iter().any(|one| one.contract == contract && one.installment == installment)
            })
        };
        let released = all.iter().filter(|one| wanted(one.contract, one.installment));
        let date = moved_after(cx, self.date, &before, released)?;
        take_back_granted(cx, before.id, &all, date, wanted)?;
        let parts = apply::taken_back(cx, &all, wanted)?;
        for (index, one) in self.release.iter().flatten().enumerate() {
            let found = |part: &apply::Part| {
                part.installment.contract == one.contract && part.installment.seq == one.installment
            };
            if !parts.iter().any(found) {
                return Err(Error::new(&NOT_ALLOCATED)
                    .at(format!("release[{index}]"))
                    .with("number", &before.number)
                    .with("seq", one.installment));
            }
        }
        if parts.is_empty() {
            return Err(Error::new(&NOT_ALLOCATED).with("number", &before.number).with("seq", 0));
        }
        let freed = release(cx, &before, &mut all, parts, date)?;
        let mut parts =
            apply::choose(cx, &freed, &self.allocate, None).map_err(|error| error.within("allocate"))?;
        let after = apply::take(cx, freed.clone(), &mut parts)?;
        check_advance(cx, &freed, date, freed.advance.checked_sub(after.advance)?)?;
        // The version grows also when the receipt settles as much as before.
        let receipt = if after == before { cx.touch(&before)? } else { cx.update(&before, after)? };
        let booking = Booking { kind: EntryKind::Allocation, date, first_seq: next_seq(&all) };
        all.extend(apply::settle(cx, &receipt, &booking, parts, Vec::new())?);
        Ok(PostedReceipt { receipt, allocations: all })
    }
}

fn next_seq(all: &[Allocation]) -> u32 {
    all.last().map_or(1, |last| last.seq + 1)
}

/// Takes a receipt from what it has settled by these parts, which are below zero, and books that; returns the receipt with
/// the advance that comes of it, which is not stored yet.
fn release(
    cx: &mut Cx<'_>,
    before: &Receipt,
    all: &mut Vec<Allocation>,
    parts: Parts,
    date: Date,
) -> Result<Receipt> {
    let mut freed = before.clone();
    for part in &parts {
        freed.allocated = freed.allocated.checked_add(part.amount)?;
        freed.advance = freed.advance.checked_sub(part.amount)?;
        if let (Some(advance), Some(worth)) = (freed.home_advance, part.worth) {
            freed.home_advance = Some(advance.checked_sub(worth.money)?);
        }
    }
    // What was rounded up for installments that are no longer settled is an advance again.
    let legs = apply::rounding_legs(&unrounded(&mut freed)?, apply::first_place(all))?;
    let booking = Booking { kind: EntryKind::Reallocation, date, first_seq: next_seq(all) };
    all.extend(apply::settle(cx, &freed, &booking, parts, legs)?);
    Ok(freed)
}

/// Makes so much of what was settled of an installment an advance again, of the receipts that settled it last, and not before
/// its date. Discounts granted with them stay. The caller must be able to change what concerns the customer, too.
pub(in super::super) fn give_back(cx: &mut Cx<'_>, surplus: &Surplus) -> Result<()> {
    let Surplus { contract, installment: seq, amount, date: earliest } = *surplus;
    let (home, c) = (cx.ledger().info().currency, Allocation::C);
    let of_installment =
        cx.query::<Allocation>().equal(c.contract, contract).equal(c.installment, seq).fetch(cx.tx())?;
    let mut receipts: Vec<(Date, Id<Receipt>)> = Vec::new();
    for one in &of_installment {
        match receipts.iter_mut().find(|(_, receipt)| *receipt == one.receipt) {
            Some((last, _)) => *last = one.allocated_on.max(*last),
            None => receipts.push((one.allocated_on, one.receipt)),
        }
    }
    receipts.sort_unstable();
    let mut left = amount;
    for (last, id) in receipts.into_iter().rev() {
        let before = cx.get(id)?;
        if before.reversal_of.is_some() || before.reversed_by.is_some() {
            continue;
        }
        cx.get_owned(before.customer, Level::Edit)?;
        let mut all = allocations(cx, id)?;
        let mut parts = apply::taken_back(cx, &all, |of, one| of == contract && one == seq)?;
        for part in &mut parts {
            part.shrink(left, home)?;
            left = left.checked_add(part.amount)?;
        }
        if !parts.is_empty() {
            let freed = release(cx, &before, &mut all, parts, earliest.max(last))?;
            freed.check()?;
            cx.update(&before, freed.restated())?;
        }
        if left.is_zero() {
            return Ok(());
        }
    }
    let what = format!("{left} of {amount} settled of installment {seq} of {contract} has no receipt");
    Err(Error::new(&error::INTERNAL).with("what", what))
}
