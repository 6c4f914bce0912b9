//! Choosing installments and writing allocations: what posting, allocating and reversing have in common.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::receipt::{AllocationLine, AllocationRequest};
use crate::app::Cx;
use crate::areas::contract::rules::schedule;
use crate::areas::contract::rules::status::{self, Action};
use crate::areas::contract::{Contract, ContractStatus, Installment};
use crate::areas::settlement::INSTALLMENTS;
use crate::areas::settlement::model::{Allocation, Receipt};
use crate::areas::settlement::rules::allocation::{self, OpenItem};
use crate::areas::settlement::rules::{
    CONTRACT_NOT_EFFECTIVE, NO_INSTALLMENT, WRONG_CUSTOMER, WRONG_DIRECTION,
};
use crate::catalog::Level;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::Id;
use crate::store::cell::Cell;
use crate::store::dataset::Binder;
use crate::store::engine::Flow;
use crate::store::plan::{ColumnRef, Direction, Pred, Select, Sort};
use crate::store::record::{Field, Record};

/// Installments with what each of them gets; below zero when a receipt is reversed.
pub(super) type Parts = Vec<(Installment, Amount)>;

/// Chooses what the receipt's advance settles. Nothing is written.
pub(super) fn choose(cx: &mut Cx<'_>, receipt: &Receipt, request: &AllocationRequest) -> Result<Parts> {
    match request {
        AllocationRequest::None => Ok(Vec::new()),
        AllocationRequest::FirstDue => {
            let open = read_open(cx, receipt)?;
            spread(open, receipt.advance)
        }
        AllocationRequest::Contracts(contracts) => {
            let mut open = Vec::new();
            for (index, id) in contracts.iter().enumerate() {
                let within = |error: Error| error.within(format!("contracts[{index}]"));
                if contracts[..index].contains(id) {
                    continue;
                }
                open.extend(read_contract(cx, receipt, *id).map_err(within)?);
            }
            spread(open, receipt.advance)
        }
        AllocationRequest::Told(lines) => told(cx, receipt, lines),
    }
}

fn spread(open: Vec<Installment>, available: Amount) -> Result<Parts> {
    let items: Vec<OpenItem<_>> = open.iter().map(item).collect();
    let (taken, _) = allocation::first_due(&items, available)?;
    Ok(taken.into_iter().map(|(position, part)| (open[position].clone(), part)).collect())
}

fn item(installment: &Installment) -> OpenItem<(Id<Contract>, u32)> {
    OpenItem {
        key: (installment.contract, installment.seq),
        due: installment.due_date,
        open: installment.open_amount.unwrap_or_default(),
    }
}

fn told(cx: &mut Cx<'_>, receipt: &Receipt, lines: &[AllocationLine]) -> Result<Parts> {
    let mut open: BTreeMap<Id<Contract>, Vec<Installment>> = BTreeMap::new();
    let mut parts: BTreeMap<(Id<Contract>, u32), Amount> = BTreeMap::new();
    let mut available = receipt.advance;
    for (index, line) in lines.iter().enumerate() {
        let within = |error: Error| error.within(format!("told[{index}]"));
        receipt.money(line.amount).map_err(|error| within(error.at("amount")))?;
        let installments = match open.entry(line.contract) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let found = read_contract(cx, receipt, line.contract);
                unknown.insert(found.map_err(|error| within(error.at("contract")))?)
            }
        };
        let chosen: Vec<usize> = match line.installment {
            None => (0..installments.len()).collect(),
            Some(seq) => vec![position(cx, installments, line.contract, seq).map_err(within)?],
        };
        let of_line = Amount::checked_sum(
            chosen.iter().map(|position| installments[*position].open_amount.unwrap_or_default()),
        )?;
        let (_, left) = allocation::as_told(of_line, available, line.amount)
            .map_err(|error| within(error.at("amount")))?;
        available = left;
        let items: Vec<OpenItem<_>> = chosen.iter().map(|position| item(&installments[*position])).collect();
        for (place, part) in allocation::first_due(&items, line.amount)?.0 {
            let installment = &mut installments[chosen[place]];
            let rest = installment.open_amount.unwrap_or_default().checked_sub(part)?;
            installment.open_amount = Some(rest);
            let sum = parts.entry((installment.contract, installment.seq)).or_default();
            *sum = sum.checked_add(part)?;
        }
    }
    // The stored rows, not the ones counted down above, are what the parts apply to.
    let mut chosen = Vec::with_capacity(parts.len());
    for ((contract, seq), part) in parts {
        chosen.push((stored(cx, contract, seq)?, part));
    }
    Ok(chosen)
}

fn position(
    cx: &mut Cx<'_>,
    installments: &[Installment],
    contract: Id<Contract>,
    seq: u32,
) -> Result<usize> {
    if let Some(position) = installments.iter().position(|installment| installment.seq == seq) {
        return Ok(position);
    }
    let number = cx.get(contract)?.number;
    Err(Error::new(&NO_INSTALLMENT).at("installment").with("number", number).with("seq", seq))
}

/// An installment by its key.
pub(super) fn stored(cx: &mut Cx<'_>, contract: Id<Contract>, seq: u32) -> Result<Installment> {
    let c = Installment::C;
    let query = cx.query::<Installment>().equal(c.contract, contract).equal(c.seq, seq);
    query.first(cx.tx())?.ok_or_else(|| {
        Error::new(&error::INTERNAL).with("what", format!("installment {seq} of {contract} is missing"))
    })
}

/// The installments of a contract that a receipt may settle; those with nothing open have no open amount.
fn read_contract(cx: &mut Cx<'_>, receipt: &Receipt, id: Id<Contract>) -> Result<Vec<Installment>> {
    let contract = cx.get_owned(id, Level::Edit)?;
    let number = &contract.number;
    if contract.customer != receipt.customer {
        return Err(Error::new(&WRONG_CUSTOMER).with("number", number));
    }
    let expected = receipt.direction.settles();
    if contract.direction != expected {
        return Err(Error::new(&WRONG_DIRECTION)
            .with("number", number)
            .with("actual", contract.direction)
            .with("expected", expected));
    }
    receipt.money(Amount::ZERO)?.require(contract.currency)?;
    let installments = crate::areas::contract::installments(cx, &contract)?;
    let reopened = contract.status == ContractStatus::Terminated
        && installments.iter().any(|installment| installment.open_amount.is_some());
    // After termination only what a reversal has opened again can be collected.
    if contract.status != ContractStatus::Effective && !reopened {
        return Err(Error::new(&CONTRACT_NOT_EFFECTIVE)
            .with("number", number)
            .with("status", contract.status));
    }
    Ok(installments)
}

/// Open installments of the receipt's customer, direction and currency within the caller's scope, due first, as many
/// as its advance can settle.
fn read_open(cx: &mut Cx<'_>, receipt: &Receipt) -> Result<Vec<Installment>> {
    let (catalog, ids, c) = (cx.catalog(), cx.ids(), Installment::C);
    let width = Installment::table().columns.len();
    let base = ColumnRef::base;
    let (mut found, mut open) = (Vec::new(), Amount::ZERO);
    for dated in [true, false] {
        if open >= receipt.advance {
            break;
        }
        let mut binder = Binder::new(catalog.schema(), &INSTALLMENTS);
        binder.select.outputs = Select::all(Installment::table()).outputs;
        let due = base(c.due_date.position());
        for pred in [
            Pred::equal(base(c.direction.position()), receipt.direction.settles().encode(ids)?),
            Pred::equal(base(c.customer.position()), receipt.customer.encode(ids)?),
            Pred::equal(base(c.currency.position()), receipt.currency.encode(ids)?),
            Pred::IsPresent(base(c.open_amount.position())),
            if dated { Pred::IsPresent(due) } else { Pred::IsNull(due) },
        ] {
            binder.filter(pred);
        }
        cx.narrow(&mut binder, None)?;
        for position in [c.due_date.position(), c.contract.position(), c.seq.position()] {
            binder.select.sort.push(Sort { column: base(position), direction: Direction::Ascending });
        }
        let enough = receipt.advance;
        cx.tx().select(&binder.select, &mut |cells| {
            let installment = Installment::decode(&cells[..width], ids)?;
            open = open.checked_add(installment.open_amount.unwrap_or_default())?;
            found.push(installment);
            Ok(if open >= enough { Flow::Stop } else { Flow::More })
        })?;
    }
    Ok(found)
}

/// Writes the allocations of a receipt: the installments, the sums of their contracts, and the allocation rows.
///
/// The contracts' versions grow, so that of two sessions that settle one contract the second must read again.
pub(super) fn settle(
    cx: &mut Cx<'_>,
    receipt: &Receipt,
    first_seq: u32,
    parts: Parts,
    on: Date,
) -> Result<Vec<Allocation>> {
    let mut sums: BTreeMap<Id<Contract>, Amount> = BTreeMap::new();
    for (installment, part) in &parts {
        let sum = sums.entry(installment.contract).or_default();
        *sum = sum.checked_add(*part)?;
    }
    for (id, sum) in sums {
        let before = cx.get(id)?;
        let mut after = before.clone();
        after.settled = after.settled.checked_add(sum)?;
        if after.settled.is_negative() || after.settled > after.amount {
            let what = format!("{} settled of {} in contract {id}", after.settled, after.amount);
            return Err(Error::new(&error::INTERNAL).with("what", what));
        }
        if sum.is_negative() && after.status == ContractStatus::Completed {
            after.status = status::next(after.status, Action::Reopen)?;
            after.ended_on = None;
            after.runs_until = after.ends_on;
        }
        cx.update(&before, after)?;
    }
    let mut allocations = Vec::with_capacity(parts.len());
    for ((before, part), seq) in parts.into_iter().zip(first_seq..) {
        allocations.push(Allocation {
            receipt: receipt.id,
            seq,
            contract: before.contract,
            installment: before.seq,
            amount: part,
            currency: receipt.currency,
            allocated_on: on,
        });
        let mut after = before.clone();
        after.settled = after.settled.checked_add(part)?;
        let after = schedule::restated(after, true)?;
        cx.replace(&before, &after)?;
    }
    cx.insert_all(&allocations)?;
    Ok(allocations)
}

/// The allocations of a receipt, in order.
pub(super) fn allocations(cx: &mut Cx<'_>, receipt: Id<Receipt>) -> Result<Vec<Allocation>> {
    let c = Allocation::C;
    cx.query::<Allocation>().equal(c.receipt, receipt).ascending(c.seq).fetch(cx.tx())
}

/// The sum of what parts give.
pub(super) fn sum(parts: &Parts) -> Result<Amount> {
    Amount::checked_sum(parts.iter().map(|(_, part)| *part))
}

/// A cell as a column of this type; for outputs that are read one by one.
pub(super) fn read<T: Field>(cells: &[Cell], at: usize, ids: crate::kernel::id::IdCodec) -> Result<T> {
    T::decode(cells.get(at).map(Cell::as_ref).unwrap_or_default(), ids)
}
