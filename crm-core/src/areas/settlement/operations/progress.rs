//! How far contracts are settled and delivered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_RECEIPT;
use super::since::{cells, equal};
use super::views::days_late;
use crate::app::{Cx, NOT_FOUND};
use crate::areas::contract::{
    Account, Contract, ContractEvent, ContractEventKind, ContractLine, ContractStatus, Installment,
    InstallmentStatus, JournalLine, PaymentTerm, TermAnchor, events, installments,
};
use crate::areas::settlement::ALLOCATIONS;
use crate::areas::settlement::model::{Adjustment, AdjustmentKind, Allocation};
use crate::areas::settlement::rules::delivery::{self, DeliveryTerm, PartDelivered};
use crate::areas::settlement::rules::progress::{self, Item, PaymentState, payment_state, share};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::cell::Cell;
use crate::store::dataset::Binder;
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Compare, Output, Pred};
use crate::store::record::{Field, Record};

/// How far a contract is settled and delivered: by amount, and installment by installment.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementProgress {
    /// The contract.
    pub contract: Id<Contract>,
    /// The day on which it is looked at; today when left out. On a past day, what was open, settled and given up by its end; due
    /// dates and the contract amount are as they stand today.
    #[serde(default)]
    pub as_of: Option<Date>,
}

/// How far a contract is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractProgress {
    /// The contract.
    pub contract: Id<Contract>,
    /// Its number.
    pub number: String,
    /// Its status.
    pub status: ContractStatus,
    /// The day on which it is looked at.
    pub as_of: Date,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The contract amount.
    pub amount: Amount,
    /// Late charges beside it; the installments sum to both together.
    pub surcharge: Amount,
    /// Settled, by money or credits.
    pub settled: Amount,
    /// Of it, what was settled by credits in place of money.
    pub credited: Amount,
    /// No longer owed, after a termination.
    pub cancelled: Amount,
    /// Given up: for paying early, by agreement, or because it was too small for a coin.
    pub discounted: Amount,
    /// Closed without money.
    pub written_off: Amount,
    /// Outstanding.
    pub open: Amount,
    /// What was to be settled by that day, that day included.
    pub due: Amount,
    /// Outstanding of what was due before that day.
    pub overdue: Amount,
    /// Outstanding without a due date yet.
    pub undated: Amount,
    /// Settled as a fraction of the contract amount and its late charges, half-up to four places; 1 only when all is
    /// settled. None for a contract without an amount.
    pub settled_share: Option<Rate>,
    /// What to ask for: everything overdue, or else what is outstanding of the installments due next, on one day.
    pub next_amount: Option<Amount>,
    /// Whether that is overdue.
    pub next_overdue: bool,
    /// Delivered by that day, as a part of the contract amount: the sum of what was recorded, or the whole once the last
    /// delivery was.
    pub delivered: Amount,
    /// Delivered as a fraction of the contract amount, as `settled_share` is.
    pub delivered_share: Option<Rate>,
    /// What was to be delivered by that day, as the payment terms that wait for deliveries expect them; none when they name
    /// no day.
    pub delivery_planned: Option<Amount>,
    /// `delivered - delivery_planned`; below zero the delivery is behind.
    pub delivery_difference: Option<Amount>,
    /// The installments, in order.
    pub installments: Vec<InstallmentProgress>,
}

/// How far an installment is settled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InstallmentProgress {
    /// Its position.
    pub seq: u32,
    /// What it is called.
    pub label: String,
    /// Where it stands.
    pub status: InstallmentStatus,
    /// How far it is paid.
    pub payment: PaymentState,
    /// How much in all.
    pub amount: Amount,
    /// Settled.
    pub settled: Amount,
    /// Given up: for paying early, by agreement, or because it was too small for a coin.
    pub discounted: Amount,
    /// Closed without money.
    pub written_off: Amount,
    /// Outstanding.
    pub open: Amount,
    /// When it is due.
    pub due_date: Option<Date>,
    /// Days overdue, when something is outstanding and it is.
    pub days_late: Option<i32>,
}

impl Operation for SettlementProgress {
    type Output = ContractProgress;
    const NAME: &'static str = "settlement.progress";
    const ZH: &'static str = "合同结算进度";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: GIVEN_TO_RECEIPT, input: r#"{"contract": "${contract.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<ContractProgress> {
        let contract = cx.get_owned(self.contract, Level::Read).map_err(|error| error.at("contract"))?;
        let as_of = self.as_of.unwrap_or(cx.today());
        let mut stored = installments(cx, &contract)?;
        if as_of < cx.today() {
            take_back_since(cx, &mut stored, as_of)?;
        }
        let items: Vec<Item> = stored
            .iter()
            .map(|installment| Item {
                amount: installment.amount,
                settled: installment.settled,
                cancelled: installment.cancelled,
                discounted: installment.discounted,
                written_off: installment.written_off,
                due: installment.due_date,
            })
            .collect();
        let sums = progress::progress(&items, as_of)?;
        if as_of >= cx.today() && sums.settled != contract.settled {
            let what = format!(
                "contract {} has {} settled, its installments {}",
                contract.id, contract.settled, sums.settled
            );
            return Err(Error::new(&error::INTERNAL).with("what", what));
        }
        let next = progress::next_amount(&items, as_of)?;
        let each = stored.into_iter().zip(&items).map(|(installment, item)| {
            let open = item.outstanding()?;
            let late = installment.due_date.map(|due| days_late(due, as_of));
            Ok(InstallmentProgress {
                seq: installment.seq,
                label: installment.label,
                status: installment.status,
                payment: payment_state(installment.settled, open),
                amount: installment.amount,
                settled: installment.settled,
                discounted: installment.discounted,
                written_off: installment.written_off,
                open,
                due_date: installment.due_date,
                days_late: late.filter(|late| *late > 0 && open.is_positive()),
            })
        });
        let credited = credited(cx, contract.id, as_of)?;
        let Delivery { delivered, planned } = delivery(cx, &contract, as_of)?;
        Ok(ContractProgress {
            contract: contract.id,
            number: contract.number,
            status: contract.status,
            as_of,
            currency: contract.currency,
            amount: contract.amount,
            surcharge: contract.surcharge,
            settled: sums.settled,
            credited,
            cancelled: sums.cancelled,
            discounted: sums.discounted,
            written_off: sums.written_off,
            open: sums.open,
            due: sums.due,
            overdue: sums.overdue,
            undated: sums.undated,
            settled_share: share(sums.settled, contract.amount.checked_add(contract.surcharge)?)?,
            next_amount: next.map(|(_, amount)| amount),
            next_overdue: next.is_some_and(|(overdue, _)| overdue),
            delivered,
            delivered_share: share(delivered, contract.amount)?,
            delivery_planned: planned,
            delivery_difference: planned.map(|planned| delivered.checked_sub(planned)).transpose()?,
            installments: each.collect::<Result<Vec<InstallmentProgress>>>()?,
        })
    }
}

/// Makes installments what they were at the end of a day: what was open, settled and given up by then. What one has become since
/// shows as cancelled, or as an amount that was greater.
fn take_back_since(cx: &mut Cx<'_>, installments: &mut [Installment], day: Date) -> Result<()> {
    let Some(contract) = installments.first().map(|installment| installment.contract) else { return Ok(()) };
    let (a, d, j) = (Allocation::C, Adjustment::C, JournalLine::C);
    let settled = cx.query::<Allocation>().equal(a.contract, contract).greater(a.allocated_on, day);
    let settled = settled.fetch(cx.tx())?;
    let given_up = cx.query::<Adjustment>().equal(d.contract, contract).greater(d.date, day);
    let given_up = given_up.fetch(cx.tx())?;
    let lines = cx.query::<JournalLine>().equal(j.contract, Some(contract)).equal(j.account, Account::Open);
    let lines = lines.greater(j.date, day).fetch(cx.tx())?;
    for installment in installments {
        for later in settled.iter().filter(|later| later.installment == installment.seq) {
            installment.settled = installment.settled.checked_sub(later.amount)?;
        }
        for later in given_up.iter().filter(|later| later.installment == installment.seq) {
            let part = match later.kind {
                AdjustmentKind::WriteOff => &mut installment.written_off,
                AdjustmentKind::Discount | AdjustmentKind::Rounding | AdjustmentKind::Waiver => {
                    &mut installment.discounted
                }
            };
            *part = part.checked_sub(later.amount)?;
        }
        let mut open = installment.open_amount.unwrap_or_default();
        for later in lines.iter().filter(|later| later.installment == Some(installment.seq)) {
            open = open.checked_sub(later.amount)?;
        }
        let stood = [open, installment.settled, installment.discounted, installment.written_off];
        let stood = Amount::checked_sum(stood)?;
        installment.amount = installment.amount.max(stood);
        installment.cancelled = installment.amount.checked_sub(stood)?;
    }
    Ok(())
}

/// What of the contract was settled by credits by the end of a day.
fn credited(cx: &mut Cx<'_>, contract: Id<Contract>, day: Date) -> Result<Amount> {
    let (ids, c) = (cx.ids(), Allocation::C);
    let mut binder = Binder::new(cx.catalog().schema(), &ALLOCATIONS);
    let credit = binder.resolve("receipt.credit")?.column;
    binder.select.outputs = vec![Output::Column(ColumnRef::base(c.amount.position()))];
    equal(&mut binder, cx, c.contract, contract)?;
    binder.filter(Pred::IsPresent(credit));
    let until = Cell::Int(date::to_day_number(day));
    binder.filter(Pred::Compare(ColumnRef::base(c.allocated_on.position()), Compare::AtMost, until));
    let mut sum = Amount::ZERO;
    cx.tx().select(&binder.select, &mut |row| {
        let [amount] = cells(row)?;
        sum = sum.checked_add(Amount::decode(amount, ids)?)?;
        Ok(Flow::More)
    })?;
    Ok(sum)
}

/// What was delivered, and what was to be.
struct Delivery {
    delivered: Amount,
    planned: Option<Amount>,
}

/// Deliveries by a day.
fn delivery(cx: &mut Cx<'_>, contract: &Contract, day: Date) -> Result<Delivery> {
    let events = events(cx, contract.id)?;
    let is_part =
        |event: &&ContractEvent| event.kind == ContractEventKind::Delivery && event.part_of.is_none();
    let parts = events.iter().filter(is_part);
    let parts: Vec<PartDelivered> = parts
        .map(|event| PartDelivered { date: event.date, amount: event.amount.unwrap_or_default() })
        .collect();
    let delivered = delivery::delivered(&parts, contract.delivered_on, contract.amount, day)?;
    let waits = |term: &&PaymentTerm| matches!(term.anchor, TermAnchor::Delivery | TermAnchor::Delivered);
    let waiting = contract.terms.0.iter().filter(waits);
    let waiting: Vec<DeliveryTerm<'_>> =
        waiting.map(|term| DeliveryTerm { lines: &term.lines, expected: term.expected }).collect();
    let by_line = waiting.iter().any(|term| !term.lines.is_empty());
    let lines: Vec<(u32, Amount)> = match by_line {
        true => {
            let c = ContractLine::C;
            let query = cx.query::<ContractLine>().equal(c.contract, contract.id).ascending(c.seq);
            query.fetch(cx.tx())?.iter().map(|line| (line.seq, line.gross)).collect()
        }
        false => Vec::new(),
    };
    let planned = delivery::planned(&waiting, &lines, contract.amount, day)?;
    Ok(Delivery { delivered, planned })
}
