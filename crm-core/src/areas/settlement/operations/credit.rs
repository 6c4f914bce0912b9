//! Credits that stand by themselves (贷项通知): a customer is credited without money and without a contract.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::receipt::{AllocationRequest, Credited, PostReceipt, PostedReceipt};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::GIVEN_TO_EFFECTIVE;
use crate::areas::contract::rules::DATE_IN_FUTURE;
use crate::areas::ledger::NO_RATE;
use crate::areas::party::Customer;
use crate::areas::party::rules::name;
use crate::areas::settlement::model::{CreditCause, MoneyDirection, ReceiptMethod};
use crate::areas::settlement::rules::{
    ABOVE_OPEN, ABOVE_RECEIPT, CONTRACT_NOT_EFFECTIVE, NO_INSTALLMENT, RECEIPT_NUMBER_TAKEN, WRONG_CUSTOMER,
    WRONG_DIRECTION,
};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Price};
use crate::kernel::error::{self, Code, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;

/// Credits a customer without money: a return, an allowance, a compensation.
///
/// A credit is a receipt without money. It waits as an advance does, settles installments by `receipt.allocate`, goes back as
/// money by `receipt.refund` and is taken back by `receipt.reverse`. It is no money received: it counts neither as
/// collected nor in payment habits, and the journal has it on an account of its own. Contracts and invoices stay as they
/// are; what was invoiced is taken back by a red invoice.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostCredit {
    /// Number, up to 60 characters; `DX-yyyy-000001` and so on when left out.
    #[serde(default)]
    pub number: Option<String>,
    /// Whose credit it is: `receipt` lowers what the customer owes us, `payment` what we owe.
    #[serde(default)]
    pub direction: MoneyDirection,
    /// The customer.
    pub customer: Id<Customer>,
    /// From when it counts; today when left out, never later.
    #[serde(default)]
    pub date: Option<Date>,
    /// How much, above zero, in whole minor units.
    pub amount: Amount,
    /// Its currency; the ledger's when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// What one unit of its currency is worth in the ledger's; the rate of that day when left out. Not for the ledger's
    /// own currency.
    #[serde(default)]
    pub rate: Option<Price>,
    /// Why, as a kind.
    #[serde(default)]
    pub cause: CreditCause,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// A number of the customer's, of a return or a complaint.
    #[serde(default)]
    pub reference: Option<String>,
    /// What it settles at once; nothing when left out.
    #[serde(default = "AllocationRequest::none")]
    pub allocate: AllocationRequest,
    /// Remarks.
    #[serde(default)]
    pub note: Option<String>,
}

impl Operation for PostCredit {
    type Output = PostedReceipt;
    const NAME: &'static str = "receipt.credit";
    const ZH: &'static str = "登记贷项通知";
    const ACCESS: Access = Access::Level("settlement", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &error::NOT_AN_ID,
        &error::EMPTY,
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
        &error::CURRENCY_MISMATCH,
        &STALE_VERSION,
        &error::NOT_APPLICABLE,
        &error::OVERFLOW,
        &NO_RATE,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"customer": "${customer.id}", "amount": "2000", "cause": "allowance", "reason": "外壳划伤,折让"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<PostedReceipt> {
        let reason = name("reason", &self.reason, 1000)?;
        let post = PostReceipt {
            number: self.number,
            direction: self.direction,
            date: self.date,
            method: ReceiptMethod::Other,
            currency: self.currency,
            rate: self.rate,
            reference: self.reference,
            allocate: self.allocate,
            note: self.note,
            ..PostReceipt::new(self.customer, self.amount)
        };
        post.post(cx, Some(Credited { cause: self.cause, reason }))
    }
}
