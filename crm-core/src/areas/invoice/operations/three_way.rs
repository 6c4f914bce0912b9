//! The three-way view: contracted, invoiced, received.
//!
//! Every figure stands in an equation, so that the view can be checked line by line, for a contract and for each of its installments:
//!
//! ```text
//! amount + surcharge      = received + discounted + written_off + cancelled + outstanding
//! amount + surcharge      = cancelled + planned + invoiced + not_invoiced - planned_excess - excess
//! invoiced_not_received   = invoiced - received - discounted - written_off   (not below zero)
//! received_not_invoiced   = received - invoiced                              (not below zero)
//! contract's planned      = installments' planned  + planned_unassigned
//! contract's invoiced     = installments' invoiced + unassigned
//! ```
//! Every other figure of the contract that its installments have is their sum, but for the excesses and the differences: an
//! invoice may cover another installment than the money did, so these are taken of the whole. Only what a plan is above what its
//! own installment or contract line has counts in `planned_excess` of the contract as well, and holds nothing of it. An installment has no surcharge: a late
//! charge is one of its own, whose amount is part of the contract's surcharge.
//!
//! A discount for early payment and a write-off close what is invoiced without money: no more of it is to be received (已开票未收款). They
//! change nothing of what is to be invoiced: the supply was made at its price, until a red invoice takes part of it back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_ISSUE;
use super::book::{Taken, above_places, beyond, planned_excess, taken};
use crate::app::{Cx, ListRequest, NOT_FOUND, Page};
use crate::areas::contract::{
    CONTRACTS, Contract, ContractLine, ContractStatus, Installment, InstallmentKind, SettlementDirection,
};
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
/// are not allocated are no part of it. `amount + surcharge` is both `received + discounted + written_off + cancelled + outstanding` and
/// `cancelled + planned + invoiced + not_invoiced - planned_excess - excess`. The differences are taken of the whole contract, since an
/// invoice may cover another installment than the money did; each installment has its own beside.
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
    /// What late charges add to it.
    pub surcharge: Amount,
    /// What of both is no longer owed.
    pub cancelled: Amount,
    /// Invoices that are planned and not issued.
    pub planned: Amount,
    /// Invoiced.
    pub invoiced: Amount,
    /// Received; for a payable contract paid.
    pub received: Amount,
    /// What was given up because it was paid early, or was too small for a coin.
    pub discounted: Amount,
    /// What was closed without money.
    pub written_off: Amount,
    /// What is still to be received, invoiced or not.
    pub outstanding: Amount,
    /// Invoiced and still to be received (已开票未收款): invoiced less what was received, discounted and written off, not below zero.
    pub invoiced_not_received: Amount,
    /// Received and not invoiced (已收款未开票): received less what is invoiced, not below zero.
    pub received_not_invoiced: Amount,
    /// What can still be planned or invoiced.
    pub not_invoiced: Amount,
    /// Invoiced beyond what is owed, after an amendment or a termination: to be taken back by red invoices.
    pub excess: Amount,
    /// What of the plans is beyond what is owed and not invoiced, of the contract or of the installments and contract lines that they
    /// name: to be planned anew or voided. It holds nothing of the contract.
    pub planned_excess: Amount,
    /// Invoiced without naming an installment.
    pub unassigned: Amount,
    /// Planned without naming an installment.
    pub planned_unassigned: Amount,
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
    /// What it is; a late charge is part of the contract's surcharge, anything else of its amount.
    pub kind: InstallmentKind,
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
    /// What was given up because it was paid early, or was too small for a coin.
    pub discounted: Amount,
    /// What was closed without money.
    pub written_off: Amount,
    /// What is still to be received.
    pub outstanding: Amount,
    /// Invoiced and still to be received.
    pub invoiced_not_received: Amount,
    /// Received and not invoiced.
    pub received_not_invoiced: Amount,
    /// What can still be planned or invoiced of it.
    pub not_invoiced: Amount,
    /// Invoiced beyond what is owed of it.
    pub excess: Amount,
    /// What of the plans is beyond what is owed of it and not invoiced.
    pub planned_excess: Amount,
}

/// Figures of a contract or an installment that go into the differences.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    /// All that there is, late charges among it.
    whole: Amount,
    cancelled: Amount,
    received: Amount,
    discounted: Amount,
    written_off: Amount,
    planned: Amount,
    invoiced: Amount,
    /// What of the plans is above what the places that they name have.
    above: Amount,
}

/// What follows from them.
struct Differences {
    outstanding: Amount,
    invoiced_not_received: Amount,
    received_not_invoiced: Amount,
    not_invoiced: Amount,
    excess: Amount,
    planned_excess: Amount,
}

impl Figures {
    fn of(installment: &Installment, (planned, invoiced): (Amount, Amount)) -> Figures {
        Figures {
            whole: installment.amount,
            cancelled: installment.cancelled,
            received: installment.settled,
            discounted: installment.discounted,
            written_off: installment.written_off,
            planned,
            invoiced,
            above: Amount::ZERO,
        }
    }

    fn differences(self) -> Result<Differences> {
        let owed = self.whole.checked_sub(self.cancelled)?;
        let closed = Amount::checked_sum([self.received, self.discounted, self.written_off])?;
        let held = self.planned.checked_sub(self.above)?;
        let taken = held.checked_add(self.invoiced)?;
        Ok(Differences {
            outstanding: owed.checked_sub(closed)?,
            invoiced_not_received: beyond(self.invoiced, closed)?,
            received_not_invoiced: beyond(self.received, self.invoiced)?,
            not_invoiced: beyond(owed, taken)?,
            excess: beyond(self.invoiced, owed)?,
            planned_excess: planned_excess(owed, held, self.invoiced)?.checked_add(self.above)?,
        })
    }
}

/// The lines of the contracts of which lines are planned.
fn planned_lines(
    cx: &mut Cx<'_>,
    taken: &BTreeMap<Id<Contract>, Vec<Taken>>,
) -> Result<BTreeMap<Id<Contract>, Vec<ContractLine>>> {
    let by_line = |taken: &Taken| taken.contract_line.is_some() && !taken.planned.is_zero();
    let planned = taken.iter().filter(|(_, taken)| taken.iter().any(by_line));
    let ids: Vec<Id<Contract>> = planned.map(|(contract, _)| *contract).collect();
    let mut lines: BTreeMap<Id<Contract>, Vec<ContractLine>> = BTreeMap::new();
    for ids in ids.chunks(CONTRACTS_AT_ONCE) {
        let query = cx.query::<ContractLine>().any_of(ContractLine::C.contract, ids.iter().copied());
        for line in query.fetch(cx.tx())? {
            lines.entry(line.contract).or_default().push(line);
        }
    }
    Ok(lines)
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
        let mut lines = planned_lines(cx, &taken)?;
        let mut rows = Vec::with_capacity(page.items.len());
        for contract in page.items {
            let taken = taken.remove(&contract.id).unwrap_or_default();
            let sums = |here: &dyn Fn(Option<u32>) -> bool| -> Result<(Amount, Amount)> {
                let found = || taken.iter().filter(|taken| here(taken.installment));
                let planned = Amount::checked_sum(found().map(|taken| taken.planned))?;
                Ok((planned, Amount::checked_sum(found().map(|taken| taken.invoiced))?))
            };
            let from = installments.partition_point(|each| each.contract < contract.id);
            let mine = &installments[from..];
            let mine = &mine[..mine.partition_point(|each| each.contract == contract.id)];
            let mut each = Vec::new();
            let mut all =
                Figures { whole: contract.amount.checked_add(contract.surcharge)?, ..Figures::default() };
            for installment in mine {
                let figures = Figures::of(installment, sums(&|seq| seq == Some(installment.seq))?);
                let differences = figures.differences()?;
                all.cancelled = all.cancelled.checked_add(figures.cancelled)?;
                all.received = all.received.checked_add(figures.received)?;
                all.discounted = all.discounted.checked_add(figures.discounted)?;
                all.written_off = all.written_off.checked_add(figures.written_off)?;
                each.push(ThreeWayInstallment {
                    seq: installment.seq,
                    label: installment.label.clone(),
                    kind: installment.kind,
                    amount: figures.whole,
                    cancelled: figures.cancelled,
                    planned: figures.planned,
                    invoiced: figures.invoiced,
                    received: figures.received,
                    discounted: figures.discounted,
                    written_off: figures.written_off,
                    outstanding: differences.outstanding,
                    invoiced_not_received: differences.invoiced_not_received,
                    received_not_invoiced: differences.received_not_invoiced,
                    not_invoiced: differences.not_invoiced,
                    excess: differences.excess,
                    planned_excess: differences.planned_excess,
                });
            }
            (all.planned, all.invoiced) = sums(&|_| true)?;
            let lines = lines.remove(&contract.id).unwrap_or_default();
            all.above = above_places(&taken, mine, &lines)?;
            let (planned_unassigned, unassigned) = sums(&|seq| seq.is_none())?;
            let differences = all.differences()?;
            rows.push(ThreeWayRow {
                contract: contract.id,
                number: contract.number,
                title: contract.title,
                customer: contract.customer,
                direction: contract.direction,
                status: contract.status,
                currency: contract.currency,
                amount: contract.amount,
                surcharge: contract.surcharge,
                cancelled: all.cancelled,
                planned: all.planned,
                invoiced: all.invoiced,
                received: all.received,
                discounted: all.discounted,
                written_off: all.written_off,
                outstanding: differences.outstanding,
                invoiced_not_received: differences.invoiced_not_received,
                received_not_invoiced: differences.received_not_invoiced,
                not_invoiced: differences.not_invoiced,
                excess: differences.excess,
                planned_excess: differences.planned_excess,
                unassigned,
                planned_unassigned,
                installments: each,
            });
        }
        Ok(Page { items: rows, next: page.next })
    }
}
