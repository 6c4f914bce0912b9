//! The journal of a ledger of schema version 1, which kept balances and allocations but no journal.
//!
//! The entries that today's operations would have written are written from what version 1 kept: a charge for each contract
//! that took effect, an entry for the money of each receipt, one for each allocation, and one for what a termination
//! cancelled. They stand under the days of these, and under ids of the time when they were posted as far as that is known: a
//! receipt tells it to the millisecond, an allocation and a termination count as posted on their business day, a charge
//! on the day it took effect, and none before its record was created. So reports on past days are right from the first day
//! on, except in two things that version 1 did not keep: what due date an installment had before its event, for
//! which its last one stands, and how much later than its business day something was entered that is not a receipt.
//!
//! What is in another currency is valued at one rate, which the host must tell: the value of an amount is then a function of
//! the amount alone, and exchange differences are not more than the rounding of parts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::model::{Allocation, Receipt};
use super::operations::{money_legs, posting};
use crate::app::{Forwarding, OLD_RATES_NEEDED};
use crate::areas::contract::rules::journal::{self, Change, Leg};
use crate::areas::contract::{
    Account, Contract, EntryKind, Installment, InstallmentStatus, JournalLine, Posting, journal_lines,
};
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, Instant};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::engine::Flow;
use crate::store::plan::{ColumnRef, Output};
use crate::store::record::{Col, Field, Record};

/// Contracts and receipts that are worked on at once.
const AT_ONCE: u64 = 500;
/// The last version without a journal.
const WITHOUT_JOURNAL: u32 = 1;

/// Writes the journal, and what else stands on receipts and installments since there is one.
///
/// # Errors
/// `OLD_RATES_NEEDED`; of the rules of the journal and of the engine.
pub(super) fn bring_forward(forwarding: &mut Forwarding<'_>) -> Result<()> {
    if forwarding.from() > WITHOUT_JOURNAL {
        return Ok(());
    }
    check_rates(forwarding)?;
    let mut opening = Opening { forwarding, entries: 0, lines: Vec::new(), written: 0 };
    let mut after = None;
    while let Some(last) = opening.receipts(after)? {
        after = Some(last);
    }
    let mut after = None;
    while let Some(last) = opening.contracts(after)? {
        after = Some(last);
    }
    let (entries, lines) = (opening.entries, opening.written);
    forwarding.tell("journal_entries", entries.unsigned_abs());
    forwarding.tell("journal_lines", lines);
    Ok(())
}

/// Fails unless every amount in another currency can be valued.
fn check_rates(forwarding: &mut Forwarding<'_>) -> Result<()> {
    let home = forwarding.info().currency;
    let mut missing = BTreeSet::new();
    let contracts = forwarding.query::<Contract>().not_equal(Contract::C.currency, home);
    let contracts = contracts.present(Contract::C.effective_on);
    let receipts = forwarding.query::<Receipt>().not_equal(Receipt::C.currency, home);
    let ids = forwarding.ids();
    let mut note = |cells: &[crate::store::cell::CellRef<'_>]| {
        missing.insert(Currency::decode(cells.first().copied().unwrap_or_default(), ids)?);
        Ok(Flow::More)
    };
    contracts.scan(forwarding.tx(), outputs([Contract::C.currency.position()]), &mut note)?;
    receipts.scan(forwarding.tx(), outputs([Receipt::C.currency.position()]), &mut note)?;
    missing.retain(|currency| forwarding.rate(*currency).is_none_or(|rate| !rate.is_positive()));
    if missing.is_empty() {
        return Ok(());
    }
    let codes: Vec<&str> = missing.iter().map(|currency| currency.code()).collect();
    Err(Error::new(&OLD_RATES_NEEDED).at("old_rates").with("currencies", codes.join(", ")))
}

fn outputs<const N: usize>(columns: [usize; N]) -> Vec<Output> {
    columns.map(|column| Output::Column(ColumnRef::base(column))).to_vec()
}

/// The journal in the making.
struct Opening<'f, 'a> {
    forwarding: &'f mut Forwarding<'a>,
    entries: i64,
    lines: Vec<JournalLine>,
    written: u64,
}

impl Opening<'_, '_> {
    /// What an amount is worth in the ledger's currency.
    fn worth(&self, amount: Amount, currency: Currency) -> Result<Amount> {
        match self.forwarding.rate(currency).filter(|_| self.is_foreign(currency)) {
            Some(rate) => Money::new(amount, currency)?
                .convert(rate, self.forwarding.info().currency)
                .map(Money::amount),
            None => Ok(amount),
        }
    }

    fn is_foreign(&self, currency: Currency) -> bool {
        currency != self.forwarding.info().currency
    }

    /// The later of two instants: the start of a day, and when the record was created.
    fn posted(&self, created_at: Instant, date: Date) -> Result<Instant> {
        Ok(Instant::start_of(date, self.forwarding.info().utc_offset_minutes)?.max(created_at))
    }

    /// Adds an entry that was posted at an instant.
    fn add(&mut self, at: Instant, posting: &Posting, legs: Vec<Leg>) -> Result<()> {
        let legs = journal::balanced(legs)?;
        if legs.is_empty() {
            return Ok(());
        }
        let ids = self.forwarding.ids();
        // Counted through from the first entry to the last: entries of one instant differ, and stand in order.
        let key = ids.key(ids.first_at(at))?.saturating_add(self.entries);
        self.entries += 1;
        self.lines.extend(journal_lines(ids.uuid(key), posting, legs));
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        self.written += self.lines.len() as u64;
        self.forwarding.insert_all(&std::mem::take(&mut self.lines))
    }

    /// A page of records in the order of their ids.
    fn page<R: Record>(&mut self, id: Col<Id<R>>, after: Option<Id<R>>) -> Result<Vec<R>>
    where
        Id<R>: Field,
    {
        let mut query = self.forwarding.query::<R>().ascending(id).limit(AT_ONCE);
        if let Some(after) = after {
            query = query.greater(id, after);
        }
        query.fetch(self.forwarding.tx())
    }

    /// The money of the next receipts, and what they have open; returns the last of them.
    fn receipts(&mut self, after: Option<Id<Receipt>>) -> Result<Option<Id<Receipt>>> {
        let page = self.page(Receipt::C.id, after)?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(None) };
        let (first, last) = (first.id, last.id);
        let mut foreign = self.foreign_allocations(&page, first, last)?.into_iter().peekable();
        for receipt in page {
            let mut after = receipt.clone().restated();
            if self.is_foreign(receipt.currency) {
                after.rate = self.forwarding.rate(receipt.currency);
                after.home = Some(self.worth(receipt.amount, receipt.currency)?);
                after.home_advance = Some(self.worth(receipt.advance, receipt.currency)?);
                let mut left = receipt.amount;
                while let Some(allocation) = foreign.next_if(|allocation| allocation.receipt == receipt.id) {
                    let rest = left.checked_sub(allocation.amount)?;
                    let [before, now] = [left, rest].map(|advance| self.worth(advance, receipt.currency));
                    let valued = Allocation { home: Some(before?.checked_sub(now?)?), ..allocation.clone() };
                    self.forwarding.replace(&allocation, &valued)?;
                    left = rest;
                }
            }
            self.forwarding.replace(&receipt, &after)?;
            let kind = if receipt.reversal_of.is_some() { EntryKind::Reversal } else { EntryKind::Receipt };
            let posting = posting(&after, kind, receipt.date);
            let legs = money_legs(&after)?;
            self.add(receipt.created_at, &posting, legs)?;
        }
        self.write()?;
        Ok(Some(last))
    }

    /// The allocations of receipts in another currency, in order.
    fn foreign_allocations(
        &mut self,
        page: &[Receipt],
        first: Id<Receipt>,
        last: Id<Receipt>,
    ) -> Result<Vec<Allocation>> {
        if !page.iter().any(|receipt| self.is_foreign(receipt.currency)) {
            return Ok(Vec::new());
        }
        let a = Allocation::C;
        let query = self.forwarding.query::<Allocation>().at_least(a.receipt, first).at_most(a.receipt, last);
        let query = query.not_equal(a.currency, self.forwarding.info().currency);
        query.ascending(a.receipt).ascending(a.seq).fetch(self.forwarding.tx())
    }

    /// The installments of the next contracts with all that was settled and cancelled of them; returns the last of these.
    fn contracts(&mut self, after: Option<Id<Contract>>) -> Result<Option<Id<Contract>>> {
        let page = self.page(Contract::C.id, after)?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(None) };
        let (first, last) = (first.id, last.id);
        let i = Installment::C;
        let query = self.forwarding.query::<Installment>();
        let query = query.at_least(i.contract, first).at_most(i.contract, last);
        let stored = query.ascending(i.contract).ascending(i.seq).fetch(self.forwarding.tx())?;
        let mut stored = stored.into_iter().peekable();
        let settled = self.settled(first, last)?;
        let mut settled = settled.into_iter().peekable();
        for contract in page {
            let mut schedule = Vec::new();
            while let Some(installment) = stored.next_if(|installment| installment.contract == contract.id) {
                schedule.push(installment);
            }
            let mut parts = Vec::new();
            while let Some(part) = settled.next_if(|part| part.allocation.contract == contract.id) {
                parts.push(part);
            }
            if let Some(effective_on) = contract.effective_on {
                self.contract(contract, effective_on, schedule, parts)?;
            }
        }
        self.write()?;
        Ok(Some(last))
    }

    /// The allocations to a range of contracts, those of each in the order in which they were made.
    fn settled(&mut self, first: Id<Contract>, last: Id<Contract>) -> Result<Vec<Settled>> {
        let a = Allocation::C;
        let query =
            self.forwarding.query::<Allocation>().at_least(a.contract, first).at_most(a.contract, last);
        let allocations = query.fetch(self.forwarding.tx())?;
        let receipts: BTreeSet<Id<Receipt>> =
            allocations.iter().map(|allocation| allocation.receipt).collect();
        let (ids, r) = (self.forwarding.ids(), Receipt::C);
        let mut created: HashMap<Id<Receipt>, Instant> = HashMap::with_capacity(receipts.len());
        let receipts: Vec<Id<Receipt>> = receipts.into_iter().collect();
        for some in receipts.chunks(usize::try_from(AT_ONCE).unwrap_or(usize::MAX)) {
            let query = self.forwarding.query::<Receipt>().any_of(r.id, some.iter().copied());
            let wanted = outputs([r.id.position(), r.created_at.position()]);
            query.scan(self.forwarding.tx(), wanted, &mut |cells| {
                let [id, at] = cells else { return Ok(Flow::Stop) };
                created.insert(Id::decode(*id, ids)?, Instant::decode(*at, ids)?);
                Ok(Flow::More)
            })?;
        }
        let mut settled = Vec::with_capacity(allocations.len());
        for allocation in allocations {
            let created_at = created.get(&allocation.receipt).copied();
            let start =
                Instant::start_of(allocation.allocated_on, self.forwarding.info().utc_offset_minutes)?;
            let at = created_at.map_or(start, |created_at| created_at.max(start));
            settled.push(Settled { at, allocation });
        }
        let order = |settled: &Settled| {
            let Settled { at, allocation } = settled;
            (allocation.contract, *at, allocation.receipt, allocation.seq)
        };
        settled.sort_by_key(order);
        Ok(settled)
    }

    fn contract(
        &mut self,
        contract: Contract,
        effective_on: Date,
        schedule: Vec<Installment>,
        settled: Vec<Settled>,
    ) -> Result<()> {
        let mut now = contract.clone();
        now.rate = self.forwarding.rate(contract.currency).filter(|_| self.is_foreign(contract.currency));
        self.forwarding.replace(&contract, &now)?;
        let mut open: BTreeMap<u32, Amount> = BTreeMap::new();
        let mut legs = Vec::new();
        for installment in &schedule {
            let mut charged = installment.clone();
            (charged.settled, charged.cancelled) = (Amount::ZERO, Amount::ZERO);
            charged.status = InstallmentStatus::Open;
            charged.open_amount = Some(installment.amount);
            charged.home_open = self.home(installment.amount, contract.currency)?;
            legs.extend(journal::legs(&Change::new(None, charged), None)?);
            open.insert(installment.seq, installment.amount);
        }
        let at = self.posted(contract.created_at, effective_on)?;
        self.add(at, &Posting::of(&now, EntryKind::Charge, effective_on), legs)?;
        let place = |seq: u32| schedule.iter().find(|installment| installment.seq == seq);
        for Settled { at, allocation } in settled {
            let Some(installment) = place(allocation.installment) else { continue };
            let relieved = self.relieve(&mut open, installment, allocation.amount)?;
            self.allocation(&now, installment, at, allocation, relieved)?;
        }
        let mut legs = Vec::new();
        for installment in schedule.iter().filter(|installment| !installment.cancelled.is_zero()) {
            let relieved = self.relieve(&mut open, installment, installment.cancelled)?;
            let mut cancelled = open_leg(installment, None, installment.cancelled, relieved)?;
            legs.push(cancelled);
            (cancelled.account, cancelled.due_date) = (Account::Contract, None);
            (cancelled.amount, cancelled.home) = (installment.cancelled, relieved);
            legs.push(cancelled);
        }
        let ended_on = contract.ended_on.unwrap_or(effective_on);
        let at = self.posted(contract.created_at, ended_on)?;
        self.add(at, &Posting::of(&now, EntryKind::Termination, ended_on), legs)?;
        for installment in &schedule {
            let home_open = match installment.open_amount {
                Some(open) => self.home(open, contract.currency)?,
                None => None,
            };
            self.forwarding.replace(installment, &Installment { home_open, ..installment.clone() })?;
        }
        Ok(())
    }

    /// The worth of an amount where that is in another currency.
    fn home(&self, amount: Amount, currency: Currency) -> Result<Option<Amount>> {
        if self.is_foreign(currency) { self.worth(amount, currency).map(Some) } else { Ok(None) }
    }

    /// Takes a part from what is open, and says what that was booked at.
    fn relieve(
        &self,
        open: &mut BTreeMap<u32, Amount>,
        installment: &Installment,
        part: Amount,
    ) -> Result<Amount> {
        let left = open.entry(installment.seq).or_default();
        let before = self.worth(*left, installment.currency)?;
        *left = left.checked_sub(part)?;
        before.checked_sub(self.worth(*left, installment.currency)?)
    }

    fn allocation(
        &mut self,
        contract: &Contract,
        installment: &Installment,
        at: Instant,
        allocation: Allocation,
        relieved: Amount,
    ) -> Result<()> {
        let money = allocation.home.unwrap_or(allocation.amount);
        let exchange = money.checked_sub(relieved)?;
        if allocation.home.is_some() {
            let valued = Allocation { exchange: Some(exchange), ..allocation.clone() };
            self.forwarding.replace(&allocation, &valued)?;
        }
        let document = Some(allocation.receipt.uuid());
        let open = open_leg(installment, document, allocation.amount, relieved)?;
        let lost = exchange.checked_neg()?;
        let difference =
            Leg { account: Account::Exchange, due_date: None, amount: Amount::ZERO, home: lost, ..open };
        let advance = Leg::of(Account::Advance, document, allocation.amount, money);
        // Version 1 took allocations back by reversals alone.
        let back = allocation.amount.is_negative();
        let kind = if back { EntryKind::Reversal } else { EntryKind::Allocation };
        let posting = Posting { document, ..Posting::of(contract, kind, allocation.allocated_on) };
        self.add(at, &posting, vec![open, difference, advance])
    }
}

/// An allocation, and when it was made.
struct Settled {
    at: Instant,
    allocation: Allocation,
}

/// The line of what leaves an installment.
fn open_leg(
    installment: &Installment,
    document: Option<Uuid>,
    part: Amount,
    relieved: Amount,
) -> Result<Leg> {
    Ok(Leg {
        account: Account::Open,
        contract: Some(installment.contract),
        installment: Some(installment.seq),
        due_date: installment.due_date,
        document,
        amount: part.checked_neg()?,
        home: relieved.checked_neg()?,
    })
}
