//! The smallest coin of each currency, and what is to be paid in cash.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CASH_ROUNDINGS;
use super::model::{CashMode, CashRounding};
use crate::app::{Cx, ListRequest, Page};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::cash::{CashAmount, cash_rounded};
use crate::kernel::currency::Currency;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::money::Money;
use crate::store::engine::Mode;
use crate::store::record::Record;

/// What is to be paid in cash for an amount as the ledger rounds its currency; the amount itself where nothing is set.
///
/// # Errors
/// As [`cash_rounded`]; of the engine.
pub(crate) fn cash_of(cx: &mut Cx<'_>, amount: Money) -> Result<CashAmount> {
    match cash_rounding(cx, amount.currency())? {
        Some(set) => cash_rounded(amount, set.step, set.mode.rounding()),
        None => Ok(CashAmount { payable: amount, difference: Money::zero(amount.currency()) }),
    }
}

/// How a currency is rounded in cash; none when nothing is set.
///
/// # Errors
/// Of the engine.
pub(crate) fn cash_rounding(cx: &mut Cx<'_>, currency: Currency) -> Result<Option<CashRounding>> {
    cx.query::<CashRounding>().equal(CashRounding::C.currency, currency).first(cx.tx())
}

/// Sets the smallest coin that a currency is paid in cash with, and how amounts between its multiples are rounded.
///
/// What is owed is never rounded; see `receipt.post`. Receipts posted before stay as they are.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCashRounding {
    /// The currency; the ledger's when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// The smallest coin, above zero: `"0.05"`; none is set when left out.
    #[serde(default)]
    pub step: Option<Amount>,
    /// How amounts between its multiples are rounded.
    #[serde(default)]
    pub mode: CashMode,
}

/// How a currency is rounded in cash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CashRoundingSet {
    /// The currency.
    pub currency: Currency,
    /// The smallest coin; none when nothing is set, and amounts are paid as they are.
    pub step: Option<Amount>,
    /// How amounts between its multiples are rounded.
    pub mode: CashMode,
}

const GIVEN_SET: Given = Given {
    save: "cash",
    call: "ledger.set_cash_rounding",
    input: r#"{"currency": "CNY", "step": "0.1", "mode": "half_up"}"#,
};

impl Operation for SetCashRounding {
    type Output = CashRoundingSet;
    const NAME: &'static str = "ledger.set_cash_rounding";
    const ZH: &'static str = "设置现金取整";
    const ACCESS: Access = Access::Level("ledger", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&error::OUT_OF_RANGE, &error::TOO_MANY_DECIMALS];
    const EXAMPLE: Example = Example { given: &[], input: GIVEN_SET.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<CashRoundingSet> {
        let SetCashRounding { step, mode, .. } = self;
        let currency = self.currency.unwrap_or(cx.ledger().info().currency);
        if let Some(step) = step {
            cash_rounded(Money::zero(currency), step, mode.rounding())?;
        }
        let before = cash_rounding(cx, currency)?;
        match (before, step.map(|step| CashRounding { currency, step, mode })) {
            (Some(before), Some(after)) => cx.replace(&before, &after)?,
            (Some(before), None) => cx.delete(&before)?,
            (None, Some(after)) => cx.insert(&after)?,
            (None, None) => {}
        }
        Ok(CashRoundingSet { currency, step, mode })
    }
}

/// Lists how currencies are rounded in cash.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListCashRoundings(pub ListRequest);

impl Operation for ListCashRoundings {
    type Output = Page<CashRounding>;
    const NAME: &'static str = "ledger.cash_roundings";
    const ZH: &'static str = "现金取整列表";
    const ACCESS: Access = Access::Level("ledger", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_SET], input: r#"{"filter": {"equal": ["currency", "CNY"]}}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<CashRounding>> {
        cx.list(&CASH_ROUNDINGS, &self.0)
    }
}

/// What is to be paid in cash for an amount: as the ledger rounds its currency, or with a coin and mode that are stated.
///
/// For what is open, ask `receipt.suggest` for the amount.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoneyInCash {
    /// The amount, in whole minor units.
    pub amount: Amount,
    /// Its currency; the ledger's when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// The smallest coin, in place of the one that is set.
    #[serde(default)]
    pub step: Option<Amount>,
    /// How amounts between its multiples are rounded, with `step`; to the nearest when left out.
    #[serde(default)]
    pub mode: Option<CashMode>,
}

/// What is to be paid in cash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CashPayable {
    /// The currency of all amounts.
    pub currency: Currency,
    /// The amount.
    pub amount: Amount,
    /// What is paid in cash for it.
    pub payable: Amount,
    /// `payable - amount`: above zero when it was rounded up.
    pub difference: Amount,
}

impl Operation for MoneyInCash {
    type Output = CashPayable;
    const NAME: &'static str = "money.cash";
    const ZH: &'static str = "现金应付金额";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] =
        &[&error::OUT_OF_RANGE, &error::TOO_MANY_DECIMALS, &error::OVERFLOW, &error::NOT_APPLICABLE];
    const EXAMPLE: Example =
        Example { given: &[], input: r#"{"amount": "9.98", "currency": "CHF", "step": "0.05"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<CashPayable> {
        let currency = self.currency.unwrap_or(cx.ledger().info().currency);
        let amount = Money::new(self.amount, currency).map_err(|error| error.at("amount"))?;
        let found = match (self.step, self.mode) {
            (Some(step), mode) => cash_rounded(amount, step, mode.unwrap_or_default().rounding())?,
            (None, None) => cash_of(cx, amount)?,
            (None, Some(_)) => {
                let (reason, zh) = ("a mode goes with a step", "取整方式须与步长一同设置");
                return Err(Error::new(&error::NOT_APPLICABLE).at("mode").with_both("reason", reason, zh));
            }
        };
        Ok(CashPayable {
            currency,
            amount: self.amount,
            payable: found.payable.amount(),
            difference: found.difference.amount(),
        })
    }
}
