//! The three-way view: contracted, invoiced, received.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_ISSUE;
use super::book::taken;
use crate::app::{Cx, ListRequest, NOT_FOUND, Page};
use crate::areas::contract::{CONTRACTS, Contract, ContractStatus, Installment, SettlementDirection};
use crate::areas::party::Customer;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Record;

/// Contracts whose installments are read at once.
const CONTRACTS_AT_ONCE: usize = 500;

/// Contracts with what is invoiced and what is received of them, in each contract's currency.
///
/// Amounts are with tax; red invoices are subtracted. Received is what is settled, for a payable contract what was paid; advances that
/// are not allocated are no part of it. The differences are taken of the whole contract, since an invoice may cover
/// another installment than the money did; each installment has its own beside.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceThreeWay {
    /// Only this contract.
    #[serde(default)]
    pub contract: Option<Id<Contract>>,
    /// Which contracts, in place of `contract`; see `contract.list`.
    #[serde(default)]
    pub list: Option<ListRequest>,
}

/// A contract beside its invoices and its money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThreeWayRow {
    /// The contract.
    pub contract: Id<Contract>,
    /// Its number.
    pub number: String,
    /// Its title.
    pub title: String,
    /// Its customer.
    pub customer: Id<Customer>,
    /// Receivable or payable.
    pub direction: SettlementDirection,
    /// Its status.
    pub status: ContractStatus,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The contract amount.
    pub amount: Amount,
    /// What of it is no longer owed.
    pub cancelled: Amount,
    /// Invoices that are planned and not issued.
    pub planned: Amount,
    /// Invoiced.
    pub invoiced: Amount,
    /// Received; for a payable contract paid.
    pub received: Amount,
    /// Invoiced and not received (已开票未收款).
    pub invoiced_not_received: Amount,
    /// Received and not invoiced (已收款未开票).
    pub received_not_invoiced: Amount,
    /// What can still be planned or invoiced.
    pub not_invoiced: Amount,
    /// Invoiced beyond what is owed, after a termination: to be taken back by red invoices.
    pub excess: Amount,
    /// Invoiced without naming an installment.
    pub unassigned: Amount,
    /// The installments, in order.
    pub installments: Vec<ThreeWayInstallment>,
}

/// An installment beside its invoices and its money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThreeWayInstallment {
    /// Its position.
    pub seq: u32,
    /// What it is called.
    pub label: String,
    /// How much in all.
    pub amount: Amount,
    /// What of it is no longer owed.
    pub cancelled: Amount,
    /// Invoices that are planned and not issued.
    pub planned: Amount,
    /// Invoiced, by invoices that name this installment.
    pub invoiced: Amount,
    /// Received; for a payable contract paid.
    pub received: Amount,
    /// Invoiced and not received.
    pub invoiced_not_received: Amount,
    /// Received and not invoiced.
    pub received_not_invoiced: Amount,
    /// What can still be planned or invoiced of it.
    pub not_invoiced: Amount,
}

/// What one is more than the other; nothing when it is less.
fn beyond(one: Amount, other: Amount) -> Result<Amount> {
    Ok(one.checked_sub(other)?.max(Amount::ZERO))
}

impl Operation for InvoiceThreeWay {
    type Output = Page<ThreeWayRow>;
    const NAME: &'static str = "invoice.three_way";
    const ZH: &'static str = "合同、开票、收款对照";
    const ACCESS: Access = Access::Level("invoice", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &error::NOT_AN_ID,
        &error::NOT_APPLICABLE,
        &error::UNKNOWN_FIELD,
        &error::NOT_ALLOWED,
        &error::OUT_OF_RANGE,
    ];
    const EXAMPLE: Example = Example { given: GIVEN_TO_ISSUE, input: r#"{"contract": "${contract.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<ThreeWayRow>> {
        let page = match (self.contract, self.list) {
            (Some(_), Some(_)) => {
                let (reason, zh) = ("either a contract or a list", "合同与列表只能二选一");
                return Err(Error::new(&error::NOT_APPLICABLE).at("list").with_both("reason", reason, zh));
            }
            (Some(id), None) => {
                let contract = cx.get_owned(id, Level::Read).map_err(|error| error.at("contract"))?;
                Page { items: vec![contract], next: None }
            }
            (None, list) => {
                let list = list.unwrap_or_default();
                cx.list::<Contract>(&CONTRACTS, &list).map_err(|error| error.within("list"))?
            }
        };
        let ids: Vec<Id<Contract>> = page.items.iter().map(|contract| contract.id).collect();
        let mut taken = taken(cx, &ids)?;
        let mut installments: Vec<Installment> = Vec::new();
        for ids in ids.chunks(CONTRACTS_AT_ONCE) {
            let c = Installment::C;
            let query = cx.query::<Installment>().any_of(c.contract, ids.iter().copied());
            installments.extend(query.ascending(c.contract).ascending(c.seq).fetch(cx.tx())?);
        }
        installments.sort_by_key(|installment| installment.contract);
        let mut rows = Vec::with_capacity(page.items.len());
        for contract in page.items {
            let taken = taken.remove(&contract.id).unwrap_or_default();
            let sums = |here: &dyn Fn(Option<u32>) -> bool| -> Result<(Amount, Amount)> {
                let found = || taken.iter().filter(|taken| here(taken.installment));
                let planned = Amount::checked_sum(found().map(|taken| taken.planned))?;
                Ok((planned, Amount::checked_sum(found().map(|taken| taken.invoiced))?))
            };
            let from = installments.partition_point(|each| each.contract < contract.id);
            let mine = installments[from..].iter().take_while(|each| each.contract == contract.id);
            let (mut each, mut owed, mut cancelled) = (Vec::new(), Amount::ZERO, Amount::ZERO);
            for installment in mine {
                let (planned, invoiced) = sums(&|seq| seq == Some(installment.seq))?;
                let owed_here = installment.amount.checked_sub(installment.cancelled)?;
                owed = owed.checked_add(owed_here)?;
                cancelled = cancelled.checked_add(installment.cancelled)?;
                each.push(ThreeWayInstallment {
                    seq: installment.seq,
                    label: installment.label.clone(),
                    amount: installment.amount,
                    cancelled: installment.cancelled,
                    planned,
                    invoiced,
                    received: installment.settled,
                    invoiced_not_received: beyond(invoiced, installment.settled)?,
                    received_not_invoiced: beyond(installment.settled, invoiced)?,
                    not_invoiced: beyond(owed_here, planned.checked_add(invoiced)?)?,
                });
            }
            if each.is_empty() {
                owed = contract.amount;
            }
            let (planned, invoiced) = sums(&|_| true)?;
            rows.push(ThreeWayRow {
                contract: contract.id,
                number: contract.number,
                title: contract.title,
                customer: contract.customer,
                direction: contract.direction,
                status: contract.status,
                currency: contract.currency,
                amount: contract.amount,
                cancelled,
                planned,
                invoiced,
                received: contract.settled,
                invoiced_not_received: beyond(invoiced, contract.settled)?,
                received_not_invoiced: beyond(contract.settled, invoiced)?,
                not_invoiced: beyond(owed, planned.checked_add(invoiced)?)?,
                excess: beyond(invoiced, owed)?,
                unassigned: sums(&|seq| seq.is_none())?.1,
                installments: each,
            });
        }
        Ok(Page { items: rows, next: page.next })
    }
}
