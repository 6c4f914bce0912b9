//! Posting, allocating and reading receipts and payments.

use chrono::Datelike;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adjust;
use super::apply::{self, Booking, allocations};
use super::past::check_advance;
use super::{GIVEN_RECEIPT, GIVEN_TO_ADVANCE, GIVEN_TO_RECEIPT};
use crate::app::{Cx, ListRequest, NOT_FOUND, Page, STALE_VERSION, about_kind};
use crate::areas::access::User;
use crate::areas::contract::rules::DATE_IN_FUTURE;
use crate::areas::contract::{Contract, EntryKind, GIVEN_TO_EFFECTIVE};
use crate::areas::ledger::{NO_RATE, home_value, stated_rate};
use crate::areas::party::Customer;
use crate::areas::party::rules::{name, optional};
use crate::areas::settlement::RECEIPTS;
use crate::areas::settlement::model::{Allocation, CreditCause, MoneyDirection, Receipt, ReceiptMethod};
use crate::areas::settlement::rules::{
    ABOVE_ADVANCE, ABOVE_OPEN, ABOVE_RECEIPT, ALREADY_REVERSED, CONTRACT_NOT_EFFECTIVE, IS_REVERSAL,
    NO_ADVANCE, NO_INSTALLMENT, RECEIPT_NUMBER_TAKEN, WRONG_CUSTOMER, WRONG_DIRECTION,
};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Price};
use crate::kernel::error::{self, Code, Error, ErrorKind, Result};
use crate::kernel::id::{Id, Named};
use crate::kernel::money::Money;
use crate::store::engine::Mode;
use crate::store::record::Record;

/// What a receipt is to settle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllocationRequest {
    /// The customer's open installments of that currency within your scope, due first, undated last.
    #[default]
    FirstDue,
    /// The open installments of these contracts, due first.
    Contracts(Vec<Id<Contract>>),
    /// The open installments of these contracts, or of all the customer's when none is named, each in proportion to what
    /// is open of it; exact to the minor unit.
    Proportional(Vec<Id<Contract>>),
    /// Exactly this.
    Told(Vec<AllocationLine>),
    /// Nothing: all of it is an advance.
    None,
}

/// An amount for a contract, or for one of its installments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocationLine {
    /// The contract.
    pub contract: Id<Contract>,
    /// The installment by its position; the contract's open installments, due first, when left out.
    #[serde(default)]
    pub installment: Option<u32>,
    /// How much, above zero, in the receipt's currency.
    pub amount: Amount,
}

/// Posts money received or paid and allocates it; what is not allocated is kept as an advance.
///
/// Several contracts of the customer in the receipt's currency can be settled at once. The date may lie before the
/// signing of a contract (deposits), but not in the future.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostReceipt {
    /// Number, up to 60 characters; `SK-yyyy-000001` or `FK-yyyy-000001` and so on when left out.
    #[serde(default)]
    pub number: Option<String>,
    /// Whether money came or went.
    #[serde(default)]
    pub direction: MoneyDirection,
    /// The customer.
    pub customer: Id<Customer>,
    /// When it moved; today when left out.
    #[serde(default)]
    pub date: Option<Date>,
    /// How it moved.
    #[serde(default)]
    pub method: ReceiptMethod,
    /// How much, above zero, in whole minor units.
    pub amount: Amount,
    /// Its currency; the ledger's when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What one unit of its currency is worth in the ledger's; the rate of that day when left out. Not for the ledger's
    /// own currency.
    #[serde(default)]
    pub rate: Option<Price>,
    /// Our account.
    #[serde(default)]
    pub account: Option<String>,
    /// The bank's reference, the bill's number.
    #[serde(default)]
    pub reference: Option<String>,
    /// Who handled it; the caller when left out.
    #[serde(default)]
    pub handler: Option<Id<User>>,
    /// What it settles.
    #[serde(default)]
    pub allocate: AllocationRequest,
    /// Whether to grant the discounts that the payment terms allow for paying early: an installment of which exactly what its
    /// discount leaves is paid, at once or with what was paid of it in time before, is closed; and `first_due`, `contracts` and
    /// `told` without an installment pay no more than that on it. What was credited or cancelled earns no discount.
    #[serde(default)]
    pub take_discounts: bool,
    /// For cash: whether a receipt of just what `ledger.set_cash_rounding` makes of what it settles closes that to the last
    /// minor unit. What it lacks is an adjustment of kind `rounding`, what it has too much is kept as `rounded`; a receipt of
    /// any other amount is allocated as it stands. What is owed and invoiced stays as it is.
    #[serde(default)]
    pub round_cash: bool,
    /// Remarks.
    #[serde(default)]
    pub note: Option<String>,
}

impl PostReceipt {
    /// Money of today from a customer in the ledger's currency, for what is due first; everything else as when left out.
    pub fn new(customer: Id<Customer>, amount: Amount) -> PostReceipt {
        PostReceipt {
            number: None,
            direction: MoneyDirection::default(),
            customer,
            date: None,
            method: ReceiptMethod::default(),
            amount,
            currency: None,
            rate: None,
            account: None,
            reference: None,
            handler: None,
            allocate: AllocationRequest::default(),
            take_discounts: false,
            round_cash: false,
            note: None,
        }
    }
}

/// A receipt with its allocations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostedReceipt {
    /// The receipt.
    pub receipt: Receipt,
    /// What it settles, in order.
    pub allocations: Vec<Allocation>,
}

/// The number given, if it is free, or the next one of the year and of what the receipt is: money in, money out, a credit.
pub(super) fn choose_number(cx: &mut Cx<'_>, given: Option<String>, receipt: &Receipt) -> Result<String> {
    let holder = |cx: &mut Cx<'_>, number: &str| {
        cx.query::<Receipt>().equal(Receipt::C.number, number.to_owned()).first(cx.tx())
    };
    if let Some(given) = optional(given) {
        let given = name("number", &given, 60)?;
        return match holder(cx, &given)? {
            Some(_) => Err(Error::new(&RECEIPT_NUMBER_TAKEN).at("number").with("value", given)),
            None => Ok(given),
        };
    }
    let (prefix, series) = match (receipt.credit, receipt.direction) {
        (Some(_), _) => ("DX", "credit".to_owned()),
        (None, direction @ MoneyDirection::Receipt) => ("SK", direction.to_string()),
        (None, direction @ MoneyDirection::Payment) => ("FK", direction.to_string()),
    };
    let year = cx.today().year();
    loop {
        let number = format!("{prefix}-{year}-{:06}", cx.number(&format!("{series}-{year}"))?);
        // Somebody may have given this number by hand.
        if holder(cx, &number)?.is_none() {
            return Ok(number);
        }
    }
}

/// A day on which money moved: today when not given, never later.
pub(super) fn moved_on(cx: &Cx<'_>, given: Option<Date>) -> Result<Date> {
    let today = cx.today();
    let date = given.unwrap_or(today);
    if date > today {
        return Err(Error::new(&DATE_IN_FUTURE).at("date").with("date", date).with("today", today));
    }
    Ok(date)
}

/// A day on which something was done about a receipt: today when not given, never later, and not before the receipt nor
/// any of these allocations of it.
pub(super) fn moved_after<'a>(
    cx: &Cx<'_>,
    given: Option<Date>,
    receipt: &Receipt,
    allocations: impl IntoIterator<Item = &'a Allocation>,
) -> Result<Date> {
    let date = moved_on(cx, given)?;
    let days = allocations.into_iter().map(|allocation| allocation.allocated_on);
    let start = days.fold(receipt.date, Date::max);
    if date < start {
        return Err(Error::new(&error::END_BEFORE_START).at("date").with("start", start).with("end", date));
    }
    Ok(date)
}

impl Operation for PostReceipt {
    type Output = PostedReceipt;
    const NAME: &'static str = "receipt.post";
    const ZH: &'static str = "登记收付款";
    const ACCESS: Access = Access::Level("settlement", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &error::NOT_AN_ID,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::TOO_LONG,
        &DATE_IN_FUTURE,
        &RECEIPT_NUMBER_TAKEN,
        &CONTRACT_NOT_EFFECTIVE,
        &ABOVE_OPEN,
        &ABOVE_RECEIPT,
        &WRONG_CUSTOMER,
        &WRONG_DIRECTION,
        &NO_INSTALLMENT,
        &error::EMPTY_LIST,
        &error::CURRENCY_MISMATCH,
        &STALE_VERSION,
        &error::NOT_APPLICABLE,
        &error::OVERFLOW,
        &NO_RATE,
    ];
    const EXAMPLE: Example = Example { given: GIVEN_TO_EFFECTIVE, input: GIVEN_RECEIPT.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<PostedReceipt> {
        self.post(cx, None)
    }
}

/// What makes a receipt a credit.
pub(super) struct Credited {
    /// Why, as a kind.
    pub(super) cause: CreditCause,
    /// Why, in words.
    pub(super) reason: String,
}

impl PostReceipt {
    /// Posts money, or a credit in its place.
    pub(super) fn post(self, cx: &mut Cx<'_>, credited: Option<Credited>) -> Result<PostedReceipt> {
        cx.get_owned(self.customer, Level::Edit).map_err(|error| error.at("customer"))?;
        let currency = self.currency.unwrap_or(cx.ledger().info().currency);
        let amount = Money::new(self.amount, currency).map_err(|error| error.at("amount"))?;
        if !amount.is_positive() {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("amount")
                .with("value", self.amount)
                .with("min", currency.smallest())
                .with("max", Amount::from_scaled(i64::MAX)));
        }
        if self.round_cash && (self.method != ReceiptMethod::Cash || self.take_discounts) {
            let (reason, zh) = (
                "only cash is rounded, and not together with discounts",
                "只有现金可以取整,且不能与现金折扣同时使用",
            );
            return Err(Error::new(&error::NOT_APPLICABLE).at("round_cash").with_both("reason", reason, zh));
        }
        let date = moved_on(cx, self.date)?;
        let handler = match self.handler {
            Some(handler) => cx.get(handler).map_err(|error| error.at("handler"))?.id,
            None => cx.actor().user.id,
        };
        let rate = stated_rate(cx, self.rate, currency, date)?;
        let home = match rate {
            Some(_) => Some(home_value(amount, rate, cx.ledger().info().currency)?),
            None => None,
        };
        let (kind, credit, reason) = match credited {
            Some(Credited { cause, reason }) => (EntryKind::Credit, Some(cause), Some(reason)),
            None => (EntryKind::Receipt, None, None),
        };
        let receipt = Receipt {
            id: cx.new_id(),
            number: String::new(),
            direction: self.direction,
            customer: self.customer,
            date,
            method: self.method,
            amount: self.amount,
            currency,
            account: optional(self.account),
            reference: optional(self.reference),
            handler,
            allocated: Amount::ZERO,
            advance: self.amount,
            refunded: Amount::ZERO,
            open_advance: None,
            rate,
            home,
            home_advance: home,
            refund_of: None,
            credit,
            rounded: Amount::ZERO,
            home_rounded: home.map(|_| Amount::ZERO),
            reversed_by: None,
            reversal_of: None,
            reason,
            note: optional(self.note),
            created_at: cx.now(),
            version: 1,
        };
        let discounts_on = self.take_discounts.then_some(date);
        let within = |error: Error| error.within("allocate");
        let closed = match self.round_cash {
            true => apply::closes_in_cash(cx, &receipt, &self.allocate).map_err(within)?,
            false => None,
        };
        let asked = Receipt { advance: closed.unwrap_or(receipt.advance), ..receipt.clone() };
        let mut parts = apply::choose(cx, &asked, &self.allocate, discounts_on).map_err(within)?;
        let grants = match (discounts_on, closed) {
            (Some(date), _) => adjust::grants(cx, date, &mut parts)?,
            (None, Some(closed)) => adjust::rounded_off(cx, closed.checked_sub(self.amount)?, &mut parts)?,
            (None, None) => Vec::new(),
        };
        let mut receipt = apply::take(cx, receipt, &mut parts)?;
        if closed.is_some() {
            receipt = apply::rounded_up(receipt)?;
        }
        receipt.number = choose_number(cx, self.number, &receipt)?;
        cx.subject(receipt.id);
        cx.insert(&receipt)?;
        adjust::grant(cx, receipt.id, date, grants)?;
        let booking = Booking { kind, date, first_seq: 1 };
        let mut legs = apply::money_legs(&receipt)?;
        let place = parts.first().map(|part| (part.installment.contract, part.installment.seq));
        legs.extend(apply::rounding_legs(&receipt, place)?);
        let allocations = apply::settle(cx, &receipt, &booking, parts, legs)?;
        Ok(PostedReceipt { receipt, allocations })
    }
}

/// Allocates what is left of a receipt: uses an advance.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocateReceipt {
    /// The receipt.
    pub id: Id<Receipt>,
    /// The version you have read.
    pub version: u32,
    /// What it settles.
    #[serde(default)]
    pub allocate: AllocationRequest,
    /// Whether to grant the discounts that the payment terms allow for paying early: an installment of which exactly what its
    /// discount leaves is paid, at once or with what was paid of it in time before, is closed; and `first_due`, `contracts` and
    /// `told` without an installment pay no more than that on it. What was credited or cancelled earns no discount.
    #[serde(default)]
    pub take_discounts: bool,
    /// From when it counts; today when left out, never later, not before the receipt, and not before the advance was there.
    #[serde(default)]
    pub date: Option<Date>,
}

/// Fails for a receipt that is no longer in force.
pub(super) fn check_in_force(receipt: &Receipt) -> Result<()> {
    if receipt.reversal_of.is_some() {
        return Err(Error::new(&IS_REVERSAL).with("number", &receipt.number));
    }
    if receipt.reversed_by.is_some() {
        return Err(Error::new(&ALREADY_REVERSED).with("number", &receipt.number));
    }
    Ok(())
}

/// The receipt, if the caller reaches its customer at this level.
fn reach(cx: &mut Cx<'_>, id: Id<Receipt>, level: Level) -> Result<Receipt> {
    let receipt = cx.get(id)?;
    cx.get_owned(receipt.customer, level).map_err(|error| match error.kind() {
        ErrorKind::NotFound => about_kind(Error::new(&NOT_FOUND), Receipt::NAME).with("id", id),
        _ => error,
    })?;
    Ok(receipt)
}

/// The receipt at the version that the caller has read, if the caller may change what concerns its customer.
pub(super) fn reach_at(cx: &mut Cx<'_>, id: Id<Receipt>, version: u32) -> Result<Receipt> {
    reach(cx, id, Level::Edit)?;
    cx.get_at(id, version).map_err(|error| error.at("version"))
}

impl AllocationRequest {
    /// Nothing is settled.
    pub(super) fn none() -> AllocationRequest {
        AllocationRequest::None
    }
}

impl Operation for AllocateReceipt {
    type Output = PostedReceipt;
    const NAME: &'static str = "receipt.allocate";
    const ZH: &'static str = "核销预收付款";
    const ACCESS: Access = Access::Level("settlement", Level::Edit);
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
        &NO_ADVANCE,
        &ABOVE_ADVANCE,
        &CONTRACT_NOT_EFFECTIVE,
        &ABOVE_OPEN,
        &ABOVE_RECEIPT,
        &WRONG_CUSTOMER,
        &WRONG_DIRECTION,
        &NO_INSTALLMENT,
        &error::EMPTY_LIST,
        &error::CURRENCY_MISMATCH,
        &error::OVERFLOW,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_ADVANCE,
        input: r#"{"id": "${posted.receipt.id}", "version": 1, "date": "2026-02-12",
            "allocate": {"told": [{"contract": "${contract.id}", "installment": 1, "amount": "30000"}]}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<PostedReceipt> {
        let before = reach_at(cx, self.id, self.version)?;
        cx.subject(before.id);
        check_in_force(&before)?;
        if !before.advance.is_positive() {
            return Err(Error::new(&NO_ADVANCE).with("number", &before.number));
        }
        let date = moved_after(cx, self.date, &before, &[])?;
        let discounts_on = self.take_discounts.then_some(date);
        let mut parts = apply::choose(cx, &before, &self.allocate, discounts_on)
            .map_err(|error| error.within("allocate"))?;
        let grants = match discounts_on {
            Some(date) => adjust::grants(cx, date, &mut parts)?,
            None => Vec::new(),
        };
        let after = apply::take(cx, before.clone(), &mut parts)?;
        check_advance(cx, &before, date, before.advance.checked_sub(after.advance)?)?;
        let mut all = allocations(cx, before.id)?;
        let first_seq = all.last().map_or(1, |last| last.seq + 1);
        let receipt = cx.update(&before, after)?;
        adjust::grant(cx, receipt.id, date, grants)?;
        let booking = Booking { kind: EntryKind::Allocation, date, first_seq };
        all.extend(apply::settle(cx, &receipt, &booking, parts, Vec::new())?);
        Ok(PostedReceipt { receipt, allocations: all })
    }
}

/// Corrects what a receipt says beside its money: how it came, the account, the bank's reference, who handled it, remarks.
///
/// Amount, date, customer and currency are posted: they are corrected by reversing the receipt and posting another. Before and
/// after stand in the audit trail.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnotateReceipt {
    /// The receipt.
    pub id: Id<Receipt>,
    /// The version you have read.
    pub version: u32,
    /// How it came or went.
    pub method: ReceiptMethod,
    /// Our account; none when left out.
    #[serde(default)]
    pub account: Option<String>,
    /// The bank's reference; none when left out.
    #[serde(default)]
    pub reference: Option<String>,
    /// Who handled it.
    pub handler: Id<User>,
    /// Remarks; none when left out.
    #[serde(default)]
    pub note: Option<String>,
}

impl Operation for AnnotateReceipt {
    type Output = Receipt;
    const NAME: &'static str = "receipt.annotate";
    const ZH: &'static str = "更正收付款附注";
    const ACCESS: Access = Access::Level("settlement", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_RECEIPT,
        input: r#"{"id": "${posted.receipt.id}", "version": 1, "method": "bank_transfer", "reference": "20260210-0081",
            "handler": "${admin}"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Receipt> {
        let before = reach_at(cx, self.id, self.version)?;
        cx.subject(before.id);
        let handler = cx.get(self.handler).map_err(|error| error.at("handler"))?.id;
        let after = Receipt {
            method: self.method,
            account: optional(self.account),
            reference: optional(self.reference),
            handler,
            note: optional(self.note),
            ..before.clone()
        };
        cx.update(&before, after)
    }
}

/// A receipt with its allocations.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetReceipt {
    /// The receipt.
    pub id: Id<Receipt>,
}

impl Operation for GetReceipt {
    type Output = PostedReceipt;
    const NAME: &'static str = "receipt.get";
    const ZH: &'static str = "查看收付款";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: GIVEN_TO_RECEIPT, input: r#"{"id": "${posted.receipt.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<PostedReceipt> {
        let receipt = reach(cx, self.id, Level::Read)?;
        let allocations = allocations(cx, receipt.id)?;
        Ok(PostedReceipt { receipt, allocations })
    }
}

/// Lists receipts and payments of customers in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListReceipts(pub ListRequest);

impl Operation for ListReceipts {
    type Output = Page<Receipt>;
    const NAME: &'static str = "receipt.list";
    const ZH: &'static str = "收付款列表";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_RECEIPT,
        input: r#"{"filter": {"at_least": ["date", "2026-02-01"]}, "sort": [{"field": "date", "direction": "descending"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Receipt>> {
        cx.list(&RECEIPTS, &self.0)
    }
}
