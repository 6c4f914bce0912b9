//! Closing installments without money: write-offs, discounts for early payment, the rest below the smallest coin.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::apply::{Part, Parts, reopened, stored};
use super::receipt::moved_on;
use crate::app::{Cx, ListRequest, NOT_FOUND, Page, STALE_VERSION, about_kind};
use crate::areas::contract::rules::DATE_IN_FUTURE;
use crate::areas::contract::rules::discount::{self, TaxPart};
use crate::areas::contract::rules::journal::{self, Change};
use crate::areas::contract::rules::schedule;
use crate::areas::contract::{
    Contract, ContractLine, ContractStatus, DiscountBase, EntryKind, GIVEN_TO_EFFECTIVE, Installment,
    Posting, open_since, post,
};
use crate::areas::ledger::cash_rounding;
use crate::areas::party::rules::name;
use crate::areas::settlement::ADJUSTMENTS;
use crate::areas::settlement::model::{Adjustment, AdjustmentKind, Allocation, Receipt};
use crate::areas::settlement::rules::{
    ABOVE_OPEN, ADJUSTMENT_FINAL, CONTRACT_NOT_EFFECTIVE, DISCOUNT_OF_RECEIPT, NO_INSTALLMENT, NOTHING_OPEN,
};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::{Id, Named};
use crate::store::engine::Mode;
use crate::store::record::{Coded, Record};

/// The smallest coin where none is set.
const UNIT: Amount = Amount::from_scaled(10_000);

/// What an adjustment says beside its installment.
pub(super) struct Terms {
    /// Why.
    pub(super) kind: AdjustmentKind,
    /// How much; below zero to take one back.
    pub(super) amount: Amount,
    /// From when it counts.
    pub(super) date: Date,
    /// The receipt that it is granted with.
    pub(super) receipt: Option<Id<Receipt>>,
    /// Why, in words.
    pub(super) reason: Option<String>,
    /// The adjustment that it takes back.
    pub(super) reversal_of: Option<Adjustment>,
}

/// Posts an adjustment: its row, the installment, the contract's version, and the entry of the journal.
pub(super) fn adjust(
    cx: &mut Cx<'_>,
    contract: &Contract,
    before: Installment,
    terms: Terms,
) -> Result<Adjustment> {
    let home = cx.ledger().info().currency;
    let value = match &terms.reversal_of {
        Some(original) => original.home.map(Amount::checked_neg).transpose()?,
        None if before.home_open.is_some() => Some(journal::relieved(&before, terms.amount, home)?),
        None => None,
    };
    let year = cx.today().year();
    let number = format!("TZ-{year}-{:06}", cx.number(&format!("adjustment-{year}"))?);
    let adjustment = Adjustment {
        id: cx.new_id(),
        number,
        kind: terms.kind,
        contract: contract.id,
        installment: before.seq,
        amount: terms.amount,
        currency: contract.currency,
        home: value,
        date: terms.date,
        receipt: terms.receipt,
        handler: cx.actor().user.id,
        reason: terms.reason,
        reversed_by: None,
        reversal_of: terms.reversal_of.as_ref().map(|original| original.id),
        created_at: cx.now(),
        version: 1,
    };
    cx.insert(&adjustment)?;
    if let Some(original) = terms.reversal_of {
        let after = Adjustment { reversed_by: Some(adjustment.id), ..original.clone() };
        cx.update(&original, after)?;
    }
    let mut after = before.clone();
    let part = match terms.kind {
        AdjustmentKind::WriteOff => &mut after.written_off,
        AdjustmentKind::Discount | AdjustmentKind::Rounding | AdjustmentKind::Waiver => &mut after.discounted,
    };
    *part = part.checked_add(terms.amount)?;
    let after = schedule::restated(after, true)?;
    if terms.amount.is_negative() && contract.status == ContractStatus::Completed {
        cx.update(contract, reopened(contract.clone())?)?;
    } else {
        cx.touch(contract)?;
    }
    let kind = match (terms.amount.is_negative(), terms.kind) {
        (true, _) => EntryKind::Reversal,
        (false, AdjustmentKind::WriteOff) => EntryKind::WriteOff,
        (false, AdjustmentKind::Discount | AdjustmentKind::Rounding | AdjustmentKind::Waiver) => {
            EntryKind::Discount
        }
    };
    let posting = Posting { document: Some(adjustment.id.uuid()), ..Posting::of(contract, kind, terms.date) };
    let change = Change { before: Some(before), after, relieved: value, exchange: Amount::ZERO };
    post(cx, &posting, vec![change], Vec::new())?;
    Ok(adjustment)
}

/// Takes back the adjustments that were granted with a receipt, of the installments that `wanted` names, and discounts for
/// early payment that were granted with another receipt on what this one settles: less than they ask for is paid then.
pub(super) fn take_back_granted(
    cx: &mut Cx<'_>,
    receipt: Id<Receipt>,
    allocations: &[Allocation],
    date: Date,
    wanted: impl Fn(Id<Contract>, u32) -> bool,
) -> Result<()> {
    let c = Adjustment::C;
    let mut granted =
        cx.query::<Adjustment>().equal(c.receipt, Some(receipt)).ascending(c.id).fetch(cx.tx())?;
    let mut settled: BTreeMap<(Id<Contract>, u32), Amount> = BTreeMap::new();
    for one in allocations {
        let sum = settled.entry((one.contract, one.installment)).or_default();
        *sum = sum.checked_add(one.amount)?;
    }
    settled.retain(|_, sum| !sum.is_zero());
    let contracts: BTreeSet<Id<Contract>> = settled.keys().map(|(contract, _)| *contract).collect();
    for some in contracts.into_iter().collect::<Vec<_>>().chunks(CONTRACTS_AT_ONCE) {
        let query = cx.query::<Adjustment>().any_of(c.contract, some.iter().copied());
        let others = query.equal(c.kind, AdjustmentKind::Discount).ascending(c.id).fetch(cx.tx())?;
        granted.extend(others.into_iter().filter(|other| {
            let is_others = other.receipt.is_some_and(|other| other != receipt);
            is_others && settled.contains_key(&(other.contract, other.installment))
        }));
    }
    for original in granted {
        let in_force = original.reversed_by.is_none() && original.reversal_of.is_none();
        if in_force && wanted(original.contract, original.installment) {
            let date = date.max(original.date);
            reverse(cx, original, date, None)?;
        }
    }
    Ok(())
}

fn reverse(cx: &mut Cx<'_>, original: Adjustment, date: Date, reason: Option<String>) -> Result<Adjustment> {
    let contract = cx.get_owned(original.contract, Level::Edit)?;
    let installment = stored(cx, original.contract, original.installment)?;
    let terms = Terms {
        kind: original.kind,
        amount: original.amount.checked_neg()?,
        date,
        receipt: original.receipt,
        reason,
        reversal_of: Some(original),
    };
    adjust(cx, &contract, installment, terms)
}

/// What of each installment need not be paid when the rest of it is paid on a day, see [`early_discount`].
pub(super) fn early_discounts(
    cx: &mut Cx<'_>,
    installments: &[Installment],
    on: Date,
) -> Result<Vec<Option<Amount>>> {
    // What waits for its event, and what no term says, has no discount.
    let may = |installment: &&Installment| installment.term > 0 && installment.anchor_date.is_some();
    let wanted: BTreeSet<Id<Contract>> =
        installments.iter().filter(may).map(|installment| installment.contract).collect();
    let mut contracts: BTreeMap<Id<Contract>, Contract> = BTreeMap::new();
    for some in wanted.into_iter().collect::<Vec<_>>().chunks(CONTRACTS_AT_ONCE) {
        let query = cx.query::<Contract>().any_of(Contract::C.id, some.iter().copied());
        contracts.extend(query.fetch(cx.tx())?.into_iter().map(|contract| (contract.id, contract)));
    }
    let mut found = Vec::with_capacity(installments.len());
    for installment in installments {
        found.push(match contracts.get(&installment.contract).filter(|_| may(&installment)) {
            Some(contract) => early_discount(cx, contract, installment, on)?,
            None => None,
        });
    }
    Ok(found)
}

/// Contracts that are read at once.
const CONTRACTS_AT_ONCE: usize = 500;

/// What of an installment need not be paid when the rest of it is paid on a day, by the discount of its payment term.
///
/// The discount is of what is owed: of what was neither cancelled nor credited, whether it is paid at once or in parts.
/// None after the discount's last day, or when some of the money came after it; but for the tax that is reduced however late
/// it is paid ([`DiscountBase::TaxReducing`](crate::areas::contract::DiscountBase)). None when something was given up already,
/// or when no more is open than the discount itself.
fn early_discount(
    cx: &mut Cx<'_>,
    contract: &Contract,
    installment: &Installment,
    on: Date,
) -> Result<Option<Amount>> {
    let position = (installment.term as usize).checked_sub(1);
    let term = position.and_then(|position| contract.terms.0.get(position));
    let (Some(term), Some(anchor)) = (term, installment.anchor_date) else { return Ok(None) };
    let Some(terms) = &term.discount else { return Ok(None) };
    let last_day = discount::last_day(anchor, terms)?;
    let is_whole = installment.discounted.is_zero() && installment.written_off.is_zero();
    let (true, Some(open)) = (is_whole, installment.open_amount) else { return Ok(None) };
    let mut is_early = on <= last_day;
    if !is_early && terms.base != DiscountBase::TaxReducing {
        return Ok(None);
    }
    let mut owed = installment.amount.checked_sub(installment.cancelled)?;
    if !installment.settled.is_zero() {
        let c = Allocation::C;
        let query =
            cx.query::<Allocation>().equal(c.contract, contract.id).equal(c.installment, installment.seq);
        let parts = query.fetch(cx.tx())?;
        let ids: BTreeSet<Id<Receipt>> = parts.iter().map(|part| part.receipt).collect();
        for receipt in cx.query::<Receipt>().any_of(Receipt::C.id, ids).fetch(cx.tx())? {
            let own = parts.iter().filter(|part| part.receipt == receipt.id);
            let settles = Amount::checked_sum(own.clone().map(|part| part.amount))?;
            let stands = receipt.reversed_by.is_none() && receipt.reversal_of.is_none();
            let mut came = own.filter(|part| part.amount.is_positive());
            if receipt.credit.is_some() {
                owed = owed.checked_sub(settles)?;
            } else if stands && settles.is_positive() && came.any(|part| part.allocated_on > last_day) {
                is_early = false;
            }
        }
    }
    if !owed.is_positive() {
        return Ok(None);
    }
    let taxed = tax_parts(cx, contract, &term.lines)?;
    let parts = discount::portion(contract.money(owed)?, &taxed)?;
    let found = discount::discounted(&parts, terms)?;
    let payable = if is_early { found.payable } else { found.total };
    let off = owed.checked_sub(payable.amount())?;
    Ok((off.is_positive() && off < open).then_some(off))
}

/// The contract's amounts by tax rate, or those of the lines that a term is about.
fn tax_parts(cx: &mut Cx<'_>, contract: &Contract, of: &[u32]) -> Result<Vec<TaxPart>> {
    let c = ContractLine::C;
    let lines = cx.query::<ContractLine>().equal(c.contract, contract.id).ascending(c.seq).fetch(cx.tx())?;
    let mut parts: Vec<TaxPart> = Vec::new();
    for line in lines.into_iter().filter(|line| of.is_empty() || of.contains(&line.seq)) {
        let (net, tax) = (contract.money(line.net)?, contract.money(line.tax)?);
        match parts.iter_mut().find(|part| part.tax_rate == line.tax_rate) {
            Some(part) => {
                part.net = part.net.checked_add(net)?;
                part.tax = part.tax.checked_add(tax)?;
            }
            None => parts.push(TaxPart { tax_rate: line.tax_rate, net, tax }),
        }
    }
    if parts.is_empty() {
        let tax_rate = contract.tax_rate.unwrap_or(Rate::ZERO);
        parts.push(TaxPart {
            tax_rate,
            net: contract.money(contract.net)?,
            tax: contract.money(contract.tax)?,
        });
    }
    Ok(parts)
}

/// A discount or difference of rounding to be granted with a receipt.
pub(super) struct Grant {
    /// Why.
    kind: AdjustmentKind,
    /// The installment as stored.
    before: Installment,
    /// What need not be paid.
    off: Amount,
}

/// Finds the discounts that go with parts of a receipt: an installment of which just what its discount leaves open is paid. The
/// parts then name the installments as they will stand when the discounts are granted.
pub(super) fn grants(cx: &mut Cx<'_>, date: Date, parts: &mut Parts) -> Result<Vec<Grant>> {
    let home = cx.ledger().info().currency;
    let mut found = Vec::new();
    let installments: Vec<Installment> = parts.iter().map(|part| part.installment.clone()).collect();
    let discounts = early_discounts(cx, &installments, date)?;
    for (Part { installment, amount, .. }, off) in parts.iter_mut().zip(discounts) {
        let Some(off) = off else { continue };
        if journal::open(Some(installment)).checked_sub(off)? != *amount {
            continue;
        }
        let before = given_up(installment, off, home)?;
        found.push(Grant { kind: AdjustmentKind::Discount, before, off });
    }
    Ok(found)
}

/// Makes an installment what it is when a part of it is given up; returns it as it was.
fn given_up(installment: &mut Installment, off: Amount, home: Currency) -> Result<Installment> {
    let before = installment.clone();
    let relieved = journal::relieved(&before, off, home)?;
    installment.discounted = installment.discounted.checked_add(off)?;
    *installment = schedule::restated(installment.clone(), true)?;
    installment.home_open = before.home_open.map(|value| value.checked_sub(relieved)).transpose()?;
    Ok(before)
}

/// Takes what cash lacks for the smallest coin off the last parts of a receipt; nothing when it lacks nothing. A part of
/// which nothing is left is closed by the difference alone.
pub(super) fn rounded_off(cx: &Cx<'_>, lacks: Amount, parts: &mut Parts) -> Result<Vec<Grant>> {
    let home = cx.ledger().info().currency;
    let (mut rest, mut found) = (lacks, Vec::new());
    for Part { installment, amount, .. } in parts.iter_mut().rev() {
        let off = rest.min(*amount);
        if !off.is_positive() {
            break;
        }
        rest = rest.checked_sub(off)?;
        *amount = amount.checked_sub(off)?;
        let before = given_up(installment, off, home)?;
        found.push(Grant { kind: AdjustmentKind::Rounding, before, off });
    }
    parts.retain(|part| part.amount.is_positive());
    Ok(found)
}

/// Grants discounts and differences of rounding with a receipt; from the first day since which so much was owed.
pub(super) fn grant(cx: &mut Cx<'_>, receipt: Id<Receipt>, date: Date, grants: Vec<Grant>) -> Result<()> {
    for Grant { kind, before, off } in grants {
        let contract = cx.get(before.contract)?;
        let date = contract.effective_on.map_or(date, |start| date.max(start));
        let date = open_since(cx, &before, date, off)?;
        let terms =
            Terms { kind, amount: off, date, receipt: Some(receipt), reason: None, reversal_of: None };
        adjust(cx, &contract, before, terms)?;
    }
    Ok(())
}

/// Closes an installment, or a part of what is open of it, without money: what cannot be collected (坏账核销), or
/// of a purchase what cannot be paid (无法支付的应付款项).
///
/// The contract stays as it is; a later receipt needs the write-off reversed first. In the ledger's currency it goes at the
/// value at which it is booked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteOffInstallment {
    /// The contract.
    pub contract: Id<Contract>,
    /// The version of the contract that you have read.
    pub version: u32,
    /// The installment, by its position.
    pub installment: u32,
    /// How much, above zero; all that is open when left out.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// Whether it is not a loss but the rest below the smallest coin of a cash payment: less than `ledger.set_cash_rounding`
    /// says, or than 1 where nothing is set for the currency.
    #[serde(default)]
    pub rounding: bool,
    /// Whether it is not a loss but given up by agreement (减免), such as a late charge or a part of one. It goes with the
    /// discounts, not with the losses; what is waived of a late charge is not charged again.
    #[serde(default)]
    pub waived: bool,
    /// From when it counts; today when left out, never later, and not before so much was open.
    #[serde(default)]
    pub date: Option<Date>,
}

/// The contract at the version that the caller has read, in a status in which money can be moved on it.
pub(super) fn reach_contract(cx: &mut Cx<'_>, id: Id<Contract>, version: u32) -> Result<Contract> {
    let contract = cx.get_owned_at(id, version, Level::Edit)?;
    if !matches!(contract.status, ContractStatus::Effective | ContractStatus::Terminated) {
        return Err(Error::new(&CONTRACT_NOT_EFFECTIVE).with("number", &contract.number).with_both(
            "status",
            contract.status,
            contract.status.zh(),
        ));
    }
    Ok(contract)
}

/// An installment of a contract.
pub(super) fn reach_installment(cx: &mut Cx<'_>, contract: &Contract, seq: u32) -> Result<Installment> {
    let c = Installment::C;
    let query = cx.query::<Installment>().equal(c.contract, contract.id).equal(c.seq, seq);
    query.first(cx.tx())?.ok_or_else(|| {
        Error::new(&NO_INSTALLMENT).at("installment").with("number", &contract.number).with("seq", seq)
    })
}

const GIVEN_WRITTEN_OFF: Given = Given {
    save: "adjustment",
    call: "installment.write_off",
    input: r#"{"contract": "${contract.id}", "version": 4, "installment": 1, "amount": "1000", "reason": "客户破产清算,尾款无法收回"}"#,
};

impl Operation for WriteOffInstallment {
    type Output = Adjustment;
    const NAME: &'static str = "installment.write_off";
    const ZH: &'static str = "核销无法收付的款项";
    const ACCESS: Access = Access::Permission("settlement.write_off");
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &DATE_IN_FUTURE,
        &error::END_BEFORE_START,
        &error::NOT_APPLICABLE,
        &CONTRACT_NOT_EFFECTIVE,
        &NO_INSTALLMENT,
        &NOTHING_OPEN,
        &ABOVE_OPEN,
    ];
    const EXAMPLE: Example = Example { given: GIVEN_TO_EFFECTIVE, input: GIVEN_WRITTEN_OFF.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Adjustment> {
        let reason = name("reason", &self.reason, 1000)?;
        let contract = reach_contract(cx, self.contract, self.version)?;
        cx.subject(contract.id);
        let installment = reach_installment(cx, &contract, self.installment)?;
        let date = moved_on(cx, self.date)?;
        let open = installment.open_amount.unwrap_or_default();
        if !open.is_positive() {
            return Err(Error::new(&NOTHING_OPEN)
                .at("installment")
                .with("number", &contract.number)
                .with("seq", self.installment));
        }
        let amount = self.amount.unwrap_or(open);
        let money = contract.money(amount).map_err(|error| error.at("amount"))?;
        if !money.is_positive() {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("amount")
                .with("value", amount)
                .with("min", contract.currency.smallest())
                .with("max", open));
        }
        if amount > open {
            return Err(Error::new(&ABOVE_OPEN).at("amount").with("amount", amount).with("open", open));
        }
        let start = open_since(cx, &installment, date, amount)?;
        if date < start {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("date")
                .with("start", start)
                .with("end", date));
        }
        if self.rounding {
            let coin = cash_rounding(cx, contract.currency)?.map_or(UNIT, |set| set.step);
            if amount >= coin {
                return Err(Error::new(&error::NOT_APPLICABLE).at("rounding").with_both(
                    "reason",
                    format!("{amount} is not below the smallest coin, {coin}"),
                    format!("{amount} 不小于最小币值 {coin}"),
                ));
            }
        }
        let kind = match (self.rounding, self.waived) {
            (true, true) => {
                let (why, zh) = ("it is the rest of a cash payment", "已标明为现金尾差");
                return Err(Error::new(&error::NOT_APPLICABLE).at("waived").with_both("reason", why, zh));
            }
            (true, false) => AdjustmentKind::Rounding,
            (false, true) => AdjustmentKind::Waiver,
            (false, false) => AdjustmentKind::WriteOff,
        };
        let terms = Terms { kind, amount, date, receipt: None, reason: Some(reason), reversal_of: None };
        adjust(cx, &contract, installment, terms)
    }
}

/// Reverses a write-off by a mirror entry, which opens again exactly what it had closed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReverseAdjustment {
    /// The adjustment.
    pub id: Id<Adjustment>,
    /// The version you have read.
    pub version: u32,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// From when it counts; today when left out, never later and not before the adjustment.
    #[serde(default)]
    pub date: Option<Date>,
}

impl Operation for ReverseAdjustment {
    type Output = Adjustment;
    const NAME: &'static str = "adjustment.reverse";
    const ZH: &'static str = "红冲核销";
    const ACCESS: Access = Access::Permission("settlement.write_off");
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::END_BEFORE_START,
        &DATE_IN_FUTURE,
        &ADJUSTMENT_FINAL,
        &DISCOUNT_OF_RECEIPT,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_WRITTEN_OFF,
        input: r#"{"id": "${adjustment.id}", "version": 1, "reason": "客户恢复付款"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Adjustment> {
        let reason = name("reason", &self.reason, 1000)?;
        let found = cx.get(self.id)?;
        let hidden = |_| about_kind(Error::new(&NOT_FOUND), Adjustment::NAME).with("id", self.id);
        cx.get_owned(found.contract, Level::Edit).map_err(hidden)?;
        let original = cx.get_at(self.id, self.version).map_err(|error| error.at("version"))?;
        cx.subject(original.contract);
        if original.reversed_by.is_some() || original.reversal_of.is_some() {
            return Err(Error::new(&ADJUSTMENT_FINAL).with("number", &original.number));
        }
        if original.receipt.is_some() {
            return Err(Error::new(&DISCOUNT_OF_RECEIPT).with("number", &original.number));
        }
        let date = moved_on(cx, self.date)?;
        if date < original.date {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("date")
                .with("start", original.date)
                .with("end", date));
        }
        reverse(cx, original, date, Some(reason))
    }
}

const GIVEN_TO_WRITTEN_OFF: &[Given] = {
    const GIVEN: &[Given] = GIVEN_TO_EFFECTIVE;
    &[GIVEN[0], GIVEN[1], GIVEN[2], GIVEN[3], GIVEN[4], GIVEN_WRITTEN_OFF]
};

/// Lists write-offs and discounts on contracts in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListAdjustments(pub ListRequest);

impl Operation for ListAdjustments {
    type Output = Page<Adjustment>;
    const NAME: &'static str = "adjustment.list";
    const ZH: &'static str = "核销与折扣列表";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example =
        Example { given: GIVEN_TO_WRITTEN_OFF, input: r#"{"filter": {"equal": ["kind", "write_off"]}}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Adjustment>> {
        cx.list(&ADJUSTMENTS, &self.0)
    }
}
