//! How much to ask for, and what an amount typed in its place means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_RECEIPT;
use super::adjust::early_discounts;
use super::since::{equal, open_now};
use crate::app::{Cx, NOT_FOUND};
use crate::areas::contract::{Contract, Installment, SettlementDirection};
use crate::areas::ledger::cash_of;
use crate::areas::party::Customer;
use crate::areas::settlement::rules::progress::Item;
use crate::areas::settlement::rules::suggestion::{Answer, PaymentMode, answer, suggested};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::engine::{Flow, Mode};
use crate::store::record::Record;

/// Whose open installments are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuggestFor {
    /// All of a customer's contracts within your scope.
    Customer(Id<Customer>),
    /// One contract.
    Contract(Id<Contract>),
}

/// Suggests how much to ask for: everything overdue, or else what is due next, or the whole when that is all there is.
///
/// An amount typed in its place that is not the suggested one counts towards the whole: the mode is then `full`, and the
/// difference is what stays open of the whole, or below zero an over-payment that `receipt.post` would keep as an advance.
/// Advances that wait already are not taken off. Nothing is written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuggestReceipt {
    /// Whose installments.
    #[serde(rename = "for")]
    pub of: SuggestFor,
    /// What is receivable, or what is payable; a contract's own, otherwise receivable when left out.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
    /// The currency; a contract's own, otherwise the ledger's when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// The day of the money; today when left out. What is due on that day is not overdue.
    #[serde(default)]
    pub date: Option<Date>,
    /// Whether what need not be paid on that day, by discounts for early payment, is left out, as `receipt.post` with
    /// `take_discounts` grants it.
    #[serde(default)]
    pub take_discounts: bool,
    /// An amount typed in place of the suggested one, above zero.
    #[serde(default)]
    pub typed: Option<Amount>,
}

/// What an amount comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptSuggestion {
    /// The day of the money.
    pub date: Date,
    /// The currency of all amounts.
    pub currency: Currency,
    /// All that is outstanding, with a due date or without; less what is discounted.
    pub total: Amount,
    /// What need not be paid on that day by discounts for early payment; zero unless `take_discounts` asks for them.
    pub discounted: Amount,
    /// What is suggested; zero when nothing has a due date.
    pub suggested: Amount,
    /// What the amount is for.
    pub mode: PaymentMode,
    /// The typed amount, or else the suggested one.
    pub amount: Amount,
    /// What the mode asks for less the amount; below zero it is an over-payment.
    pub difference: Amount,
    /// What of the total stays open.
    pub left_open: Amount,
    /// What is more than the total, and would be an advance.
    pub over: Amount,
    /// What is to be paid for the amount in cash, as `ledger.set_cash_rounding` says.
    pub cash: Amount,
    /// `cash - amount`: above zero when it was rounded up.
    pub cash_difference: Amount,
}

impl Operation for SuggestReceipt {
    type Output = ReceiptSuggestion;
    const NAME: &'static str = "receipt.suggest";
    const ZH: &'static str = "建议收付款金额";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &error::NOT_AN_ID,
        &error::NOT_APPLICABLE,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::OVERFLOW,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_RECEIPT,
        input: r#"{"for": {"contract": "${contract.id}"}, "date": "2026-02-20", "typed": "1000"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<ReceiptSuggestion> {
        let (direction, currency, contract) = match self.of {
            SuggestFor::Customer(customer) => {
                cx.get_owned(customer, Level::Read).map_err(|error| error.at("for.customer"))?;
                let direction = self.direction.unwrap_or(SettlementDirection::Receivable);
                (direction, self.currency.unwrap_or(cx.ledger().info().currency), None)
            }
            SuggestFor::Contract(contract) => {
                let contract =
                    cx.get_owned(contract, Level::Read).map_err(|error| error.at("for.contract"))?;
                let other = |field: &str| {
                    let (reason, zh) = ("the contract has its own", "合同已有自己的条款");
                    Error::new(&error::NOT_APPLICABLE).at(field).with_both("reason", reason, zh)
                };
                if self.direction.is_some_and(|direction| direction != contract.direction) {
                    return Err(other("direction"));
                }
                if self.currency.is_some_and(|currency| currency != contract.currency) {
                    return Err(other("currency"));
                }
                (contract.direction, contract.currency, Some(contract))
            }
        };
        if let Some(typed) = self.typed {
            let typed = Money::new(typed, currency).map_err(|error| error.at("typed"))?;
            if !typed.is_positive() {
                return Err(Error::new(&error::OUT_OF_RANGE)
                    .at("typed")
                    .with("value", typed.amount())
                    .with("min", currency.smallest())
                    .with("max", Amount::from_scaled(i64::MAX)));
            }
        }
        let date = self.date.unwrap_or(cx.today());
        let open = self.open(cx, direction, currency, contract.as_ref())?;
        let discounts = match self.take_discounts {
            true => early_discounts(cx, &open, date)?,
            false => Vec::new(),
        };
        let discounted = Amount::checked_sum(discounts.iter().flatten().copied())?;
        let mut items = Vec::with_capacity(open.len());
        for (at, installment) in open.iter().enumerate() {
            let off = discounts.get(at).copied().flatten().unwrap_or_default();
            items.push(Item {
                amount: installment.open_amount.unwrap_or_default(),
                settled: Amount::ZERO,
                cancelled: Amount::ZERO,
                discounted: off,
                written_off: Amount::ZERO,
                due: installment.due_date,
            });
        }
        let (suggested, total) = suggested(&items, date)?;
        let Answer { mode, amount, difference, left_open, over } = answer(total, suggested, self.typed)?;
        let suggested = suggested.1;
        let cash = cash_of(cx, Money::new(amount, currency)?)?;
        let (cash, cash_difference) = (cash.payable.amount(), cash.difference.amount());
        Ok(ReceiptSuggestion {
            date,
            currency,
            total,
            discounted,
            suggested,
            mode,
            amount,
            difference,
            left_open,
            over,
            cash,
            cash_difference,
        })
    }
}

impl SuggestReceipt {
    fn open(
        &self,
        cx: &mut Cx<'_>,
        direction: SettlementDirection,
        currency: Currency,
        contract: Option<&Contract>,
    ) -> Result<Vec<Installment>> {
        let customer = match self.of {
            SuggestFor::Customer(customer) => Some(customer),
            SuggestFor::Contract(_) => contract.map(|contract| contract.customer),
        };
        let (ids, c) = (cx.ids(), Installment::C);
        let width = Installment::table().columns.len();
        let columns: Vec<usize> = (0..width).collect();
        let mut binder = open_now(cx, direction, customer, Some(currency), &columns, contract.is_none())?;
        if let Some(contract) = contract {
            equal(&mut binder, cx, c.contract, contract.id)?;
        }
        let mut open = Vec::new();
        cx.tx().select(&binder.select, &mut |row| {
            open.push(Installment::decode(&row[..width], ids)?);
            Ok(Flow::More)
        })?;
        Ok(open)
    }
}
