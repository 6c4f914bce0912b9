//! Choosing installments and writing allocations: what posting, allocating and reversing have in common.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::adjust::early_discounts;
use super::receipt::{AllocationLine, AllocationRequest};
use crate::app::Cx;
use crate::areas::contract::rules::journal::{self, Change, Leg};
use crate::areas::contract::rules::schedule;
use crate::areas::contract::rules::status::{self, Action};
use crate::areas::contract::{
    Account, Contract, ContractStatus, EntryKind, Installment, Posting, open_since, post,
};
use crate::areas::ledger::{CashRounding, cash_rounding};
use crate::areas::settlement::INSTALLMENTS;
use crate::areas::settlement::model::{Allocation, Receipt};
use crate::areas::settlement::rules::allocation::{self, OpenItem};
use crate::areas::settlement::rules::cash;
use crate::areas::settlement::rules::{
    CONTRACT_NOT_EFFECTIVE, NO_INSTALLMENT, WRONG_CUSTOMER, WRONG_DIRECTION,
};
use crate::catalog::Level;
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::dataset::Binder;
use crate::store::engine::Flow;
use crate::store::plan::{ColumnRef, Direction, Pred, Select, Sort};
use crate::store::record::{Coded, Field, Record};

/// What an installment gets of a receipt; below zero when it is taken back.
pub(super) struct Part {
    /// The installment as stored.
    pub(super) installment: Installment,
    /// How much.
    pub(super) amount: Amount,
    /// What that is in the ledger's currency, where that is another.
    pub(super) worth: Option<Worth>,
}

impl Part {
    /// Makes a part that takes something back take no more than `most`; what it is worth goes in proportion.
    pub(super) fn shrink(&mut self, most: Amount, home: Currency) -> Result<()> {
        let whole = self.amount.checked_neg()?;
        if whole <= most {
            return Ok(());
        }
        self.amount = most.checked_neg()?;
        if let Some(Worth { money, exchange }) = &mut self.worth {
            let whole = Money::new(whole, self.installment.currency)?;
            *money = whole.portion(most, Money::new(*money, home)?)?.amount();
            *exchange = whole.portion(most, Money::new(*exchange, home)?)?.amount();
        }
        Ok(())
    }
}

/// A part of a receipt in the ledger's currency.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Worth {
    /// The value of the money.
    pub(super) money: Amount,
    /// That less the value at which the installment was booked.
    pub(super) exchange: Amount,
}

/// Installments with what each of them gets.
pub(super) type Parts = Vec<Part>;

/// How much of what is open a cash receipt closes that is not quite that much, see [`cash::closes`]; none when it is to be
/// allocated as it stands.
pub(super) fn closes_in_cash(
    cx: &mut Cx<'_>,
    receipt: &Receipt,
    request: &AllocationRequest,
) -> Result<Option<Amount>> {
    let Some(CashRounding { step, mode, .. }) = cash_rounding(cx, receipt.currency)? else { return Ok(None) };
    let open = match request {
        AllocationRequest::None => return Ok(None),
        // Rounding moves an amount by less than a step.
        AllocationRequest::FirstDue => read_open(cx, receipt, Some(receipt.advance.checked_add(step)?))?,
        AllocationRequest::Contracts(contracts) => {
            read_contracts(cx, receipt, contracts).map_err(|error| error.within("contracts"))?
        }
        AllocationRequest::Proportional(contracts) if contracts.is_empty() => read_open(cx, receipt, None)?,
        AllocationRequest::Proportional(contracts) => {
            read_contracts(cx, receipt, contracts).map_err(|error| error.within("proportional"))?
        }
        AllocationRequest::Told(_) => Vec::new(),
    };
    let mut items: Vec<OpenItem<_>> = open.iter().map(item).collect();
    items.sort_by(allocation::due_order);
    let mut open: Vec<Amount> = items.iter().map(|item| item.open).collect();
    match request {
        AllocationRequest::Told(lines) => {
            open = vec![Amount::checked_sum(lines.iter().map(|line| line.amount))?]
        }
        AllocationRequest::Proportional(_) => open = vec![Amount::checked_sum(open)?],
        _ => {}
    }
    cash::closes(&open, receipt.money(receipt.advance)?, step, mode.rounding())
}

/// Chooses what the receipt's advance settles. Nothing is written.
///
/// With `discounts_on` a day, no more is taken for an installment than its discount of that day leaves.
pub(super) fn choose(
    cx: &mut Cx<'_>,
    receipt: &Receipt,
    request: &AllocationRequest,
    discounts_on: Option<Date>,
) -> Result<Parts> {
    match request {
        AllocationRequest::None => Ok(Vec::new()),
        AllocationRequest::FirstDue => {
            let enough = discounts_on.is_none().then_some(receipt.advance);
            let open = read_open(cx, receipt, enough)?;
            spread(cx, &open, receipt, discounts_on)
        }
        AllocationRequest::Contracts(contracts) => {
            let open = read_contracts(cx, receipt, contracts).map_err(|error| error.within("contracts"))?;
            spread(cx, &open, receipt, discounts_on)
        }
        AllocationRequest::Proportional(contracts) => {
            let open = if contracts.is_empty() {
                read_open(cx, receipt, None)?
            } else {
                read_contracts(cx, receipt, contracts).map_err(|error| error.within("proportional"))?
            };
            let items: Vec<OpenItem<_>> = open.iter().map(item).collect();
            Ok(taken(&open, allocation::proportional(&items, receipt.advance, receipt.currency)?.0))
        }
        AllocationRequest::Told(lines) => told(cx, receipt, lines, discounts_on),
    }
}

fn read_contracts(
    cx: &mut Cx<'_>,
    receipt: &Receipt,
    contracts: &[Id<Contract>],
) -> Result<Vec<Installment>> {
    if contracts.is_empty() {
        return Err(Error::new(&error::EMPTY_LIST));
    }
    let mut open = Vec::new();
    for (index, id) in contracts.iter().enumerate() {
        let at = |error: Error| error.within(format!("[{index}]"));
        if !contracts[..index].contains(id) {
            open.extend(read_contract(cx, receipt, *id).map_err(at)?);
        }
    }
    Ok(open)
}

fn spread(
    cx: &mut Cx<'_>,
    open: &[Installment],
    receipt: &Receipt,
    discounts_on: Option<Date>,
) -> Result<Parts> {
    let mut items: Vec<OpenItem<_>> = open.iter().map(item).collect();
    discounted(cx, &mut items, open, discounts_on)?;
    Ok(taken(open, allocation::first_due(&items, receipt.advance)?.0))
}

/// Lowers what is open of each item to what its discount of that day leaves.
fn discounted<K>(
    cx: &mut Cx<'_>,
    items: &mut [OpenItem<K>],
    open: &[Installment],
    discounts_on: Option<Date>,
) -> Result<()> {
    let Some(date) = discounts_on else { return Ok(()) };
    for (item, off) in items.iter_mut().zip(early_discounts(cx, open, date)?) {
        item.open = item.open.checked_sub(off.unwrap_or_default())?;
    }
    Ok(())
}

fn taken(open: &[Installment], taken: Vec<(usize, Amount)>) -> Parts {
    let part = |(position, amount): (usize, Amount)| Part {
        installment: open[position].clone(),
        amount,
        worth: None,
    };
    taken.into_iter().map(part).collect()
}

fn item(installment: &Installment) -> OpenItem<(Id<Contract>, u32)> {
    OpenItem {
        key: (installment.contract, installment.seq),
        due: installment.due_date,
        open: installment.open_amount.unwrap_or_default(),
    }
}

fn told(
    cx: &mut Cx<'_>,
    receipt: &Receipt,
    lines: &[AllocationLine],
    discounts_on: Option<Date>,
) -> Result<Parts> {
    if lines.is_empty() {
        return Err(Error::new(&error::EMPTY_LIST).at("told"));
    }
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
        let mut items: Vec<OpenItem<_>> =
            chosen.iter().map(|position| item(&installments[*position])).collect();
        if line.installment.is_none() {
            let open: Vec<Installment> =
                chosen.iter().map(|position| installments[*position].clone()).collect();
            discounted(cx, &mut items, &open, discounts_on).map_err(within)?;
        }
        let of_line = Amount::checked_sum(items.iter().map(|item| item.open))?;
        let (_, left) = allocation::as_told(of_line, available, line.amount)
            .map_err(|error| within(error.at("amount")))?;
        available = left;
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
        chosen.push(Part { installment: stored(cx, contract, seq)?, amount: part, worth: None });
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
            .with_both("actual", contract.direction, contract.direction.zh())
            .with_both("expected", expected, expected.zh()));
    }
    receipt.money(Amount::ZERO)?.require(contract.currency)?;
    let installments = crate::areas::contract::installments(cx, &contract)?;
    let reopened = contract.status == ContractStatus::Terminated
        && installments.iter().any(|installment| installment.open_amount.is_some());
    // After termination what stays owed, such as late charges, and what a reversal has opened again can be collected.
    if contract.status != ContractStatus::Effective && !reopened {
        return Err(Error::new(&CONTRACT_NOT_EFFECTIVE).with("number", number).with_both(
            "status",
            contract.status,
            contract.status.zh(),
        ));
    }
    Ok(installments)
}

/// Open installments of the receipt's customer, direction and currency that the caller may settle, due first; with `enough`
/// only as many as that amount can settle.
fn read_open(cx: &mut Cx<'_>, receipt: &Receipt, enough: Option<Amount>) -> Result<Vec<Installment>> {
    let (catalog, ids, c) = (cx.catalog(), cx.ids(), Installment::C);
    let width = Installment::table().columns.len();
    let base = ColumnRef::base;
    let (mut found, mut open) = (Vec::new(), Amount::ZERO);
    for dated in [true, false] {
        if enough.is_some_and(|enough| open >= enough) {
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
        cx.narrow_at(&mut binder, None, Level::Edit)?;
        for position in [c.due_date.position(), c.contract.position(), c.seq.position()] {
            binder.select.sort.push(Sort { column: base(position), direction: Direction::Ascending });
        }
        cx.tx().select(&binder.select, &mut |cells| {
            let installment = Installment::decode(&cells[..width], ids)?;
            open = open.checked_add(installment.open_amount.unwrap_or_default())?;
            found.push(installment);
            Ok(if enough.is_some_and(|enough| open >= enough) { Flow::Stop } else { Flow::More })
        })?;
    }
    Ok(found)
}

/// Values what the parts take from the advance in the ledger's currency, in their order, and returns the receipt after it.
///
/// What one part takes of the advance's value is in proportion, and the last part of an advance takes the rest of it.
pub(super) fn take(cx: &Cx<'_>, mut receipt: Receipt, parts: &mut Parts) -> Result<Receipt> {
    let home = cx.ledger().info().currency;
    for part in parts.iter_mut() {
        if let Some(value) = receipt.home_advance {
            let whole = receipt.money(receipt.advance)?;
            let money = whole.portion(part.amount, Money::new(value, home)?)?.amount();
            let relieved = journal::relieved(&part.installment, part.amount, home)?;
            part.worth = Some(Worth { money, exchange: money.checked_sub(relieved)? });
            receipt.home_advance = Some(value.checked_sub(money)?);
        }
        receipt.allocated = receipt.allocated.checked_add(part.amount)?;
        receipt.advance = receipt.advance.checked_sub(part.amount)?;
    }
    receipt.check()?;
    Ok(receipt.restated())
}

/// The parts that take back what the receipt has settled, of the installments that `wanted` names. The caller must be able
/// to change their contracts.
pub(super) fn taken_back(
    cx: &mut Cx<'_>,
    allocations: &[Allocation],
    wanted: impl Fn(Id<Contract>, u32) -> bool,
) -> Result<Parts> {
    let mut settled: BTreeMap<(Id<Contract>, u32), (Amount, Option<Worth>)> = BTreeMap::new();
    for allocation in allocations.iter().filter(|one| wanted(one.contract, one.installment)) {
        let (amount, worth) = settled.entry((allocation.contract, allocation.installment)).or_default();
        *amount = amount.checked_sub(allocation.amount)?;
        if let (Some(home), Some(exchange)) = (allocation.home, allocation.exchange) {
            let sum = worth.get_or_insert_default();
            sum.money = sum.money.checked_sub(home)?;
            sum.exchange = sum.exchange.checked_sub(exchange)?;
        }
    }
    settled.retain(|_, (amount, _)| !amount.is_zero());
    let mut parts = Vec::with_capacity(settled.len());
    for ((contract, seq), (amount, worth)) in settled {
        cx.get_owned(contract, Level::Edit)?;
        parts.push(Part { installment: stored(cx, contract, seq)?, amount, worth });
    }
    Ok(parts)
}

/// How an allocation is booked.
pub(super) struct Booking {
    /// What it records.
    pub(super) kind: EntryKind,
    /// From when it counts.
    pub(super) date: Date,
    /// The position of the first allocation.
    pub(super) first_seq: u32,
}

/// Writes the allocations of a receipt: the installments, the sums of their contracts, the allocation rows, and the entry of
/// the journal with `legs` beside.
///
/// Money that came before there was so much to settle, as before a contract took effect or was amended, is an advance
/// until that day.
///
/// The contracts' versions grow, so that of two sessions that settle one contract the second must read again.
pub(super) fn settle(
    cx: &mut Cx<'_>,
    receipt: &Receipt,
    booking: &Booking,
    parts: Parts,
    mut legs: Vec<Leg>,
) -> Result<Vec<Allocation>> {
    let mut sums: BTreeMap<Id<Contract>, Amount> = BTreeMap::new();
    for part in &parts {
        let sum = sums.entry(part.installment.contract).or_default();
        *sum = sum.checked_add(part.amount)?;
    }
    for (id, sum) in sums {
        let before = cx.get(id)?;
        let mut after = before.clone();
        after.settled = after.settled.checked_add(sum)?;
        if after.settled.is_negative() || after.settled > after.amount.checked_add(after.surcharge)? {
            let what = format!("{} settled of {} in contract {id}", after.settled, after.amount);
            return Err(Error::new(&error::INTERNAL).with("what", what));
        }
        if sum.is_negative() && after.status == ContractStatus::Completed {
            after = reopened(after)?;
        }
        cx.update(&before, after)?;
    }
    let mut allocations = Vec::with_capacity(parts.len());
    let mut changes: BTreeMap<Date, Vec<Change>> = BTreeMap::from([(booking.date, Vec::new())]);
    for (part, seq) in parts.into_iter().zip(booking.first_seq..) {
        let before = part.installment;
        let date = open_since(cx, &before, booking.date, part.amount)?;
        allocations.push(Allocation {
            receipt: receipt.id,
            seq,
            contract: before.contract,
            installment: before.seq,
            amount: part.amount,
            currency: receipt.currency,
            home: part.worth.map(|worth| worth.money),
            exchange: part.worth.map(|worth| worth.exchange),
            allocated_on: date,
        });
        let mut after = before.clone();
        after.settled = after.settled.checked_add(part.amount)?;
        let after = schedule::restated(after, true)?;
        let (relieved, exchange) = match part.worth {
            Some(Worth { money, exchange }) => (Some(money.checked_sub(exchange)?), exchange),
            None => (None, Amount::ZERO),
        };
        changes.entry(date).or_default().push(Change { before: Some(before), after, relieved, exchange });
    }
    cx.insert_all(&allocations)?;
    for (date, changes) in changes {
        let (kind, legs) = match date == booking.date {
            true => (booking.kind, std::mem::take(&mut legs)),
            false => (EntryKind::Allocation, Vec::new()),
        };
        post(cx, &posting(receipt, kind, date), changes, legs)?;
    }
    Ok(allocations)
}

/// A completed contract in effect again, because something of it has opened again.
pub(super) fn reopened(mut contract: Contract) -> Result<Contract> {
    contract.status = status::next(contract.status, Action::Reopen)?;
    contract.ended_on = None;
    contract.set_running(true)?;
    Ok(contract)
}

/// An entry of the journal about a receipt.
pub(in super::super) fn posting(receipt: &Receipt, kind: EntryKind, date: Date) -> Posting {
    Posting {
        kind,
        date,
        document: Some(receipt.id.uuid()),
        direction: receipt.direction.settles(),
        customer: receipt.customer,
        currency: receipt.currency,
        rate: None,
    }
}

/// The lines of money that moves, or of a credit in its place: in or out, and into or out of an advance.
pub(in super::super) fn money_legs(receipt: &Receipt) -> Result<Vec<Leg>> {
    let (document, amount) = (Some(receipt.id.uuid()), receipt.amount);
    let home = receipt.home.unwrap_or(amount);
    let source = if receipt.credit.is_some() { Account::Credit } else { Account::Money };
    Ok(vec![
        Leg::of(source, document, amount, home),
        Leg::of(Account::Advance, document, amount.checked_neg()?, home.checked_neg()?),
    ])
}

/// The receipt with what is left of it as a gain of rounding.
pub(super) fn rounded_up(mut receipt: Receipt) -> Result<Receipt> {
    receipt.rounded = std::mem::take(&mut receipt.advance);
    if let Some(value) = &mut receipt.home_advance {
        receipt.home_rounded = Some(std::mem::take(value));
    }
    receipt.check()?;
    Ok(receipt.restated())
}

/// The lines of a gain of rounding, which comes out of the advance; none where nothing was rounded up. It stands with the
/// installment that the receipt settled first.
pub(super) fn rounding_legs(receipt: &Receipt, place: Option<(Id<Contract>, u32)>) -> Result<Vec<Leg>> {
    let (document, amount) = (Some(receipt.id.uuid()), receipt.rounded);
    let home = receipt.home_rounded.unwrap_or(amount);
    if amount.is_zero() {
        return Ok(Vec::new());
    }
    let gain = Leg {
        contract: place.map(|(contract, _)| contract),
        installment: place.map(|(_, seq)| seq),
        ..Leg::of(Account::Discount, document, amount.checked_neg()?, home.checked_neg()?)
    };
    Ok(vec![Leg::of(Account::Advance, document, amount, home), gain])
}

/// Where the gain of rounding of a receipt with these allocations stands.
pub(super) fn first_place(allocations: &[Allocation]) -> Option<(Id<Contract>, u32)> {
    allocations.first().map(|first| (first.contract, first.installment))
}

/// The allocations of a receipt, in order.
pub(super) fn allocations(cx: &mut Cx<'_>, receipt: Id<Receipt>) -> Result<Vec<Allocation>> {
    let c = Allocation::C;
    cx.query::<Allocation>().equal(c.receipt, receipt).ascending(c.seq).fetch(cx.tx())
}
