//! What a contract has left to invoice: its installments and lines beside what is planned and invoiced of them.

use std::collections::BTreeMap;

use crate::app::Cx;
use crate::areas::contract::{Contract, ContractLine, ContractStatus, Installment, installments};
use crate::areas::invoice::model::{Invoice, InvoiceLine, InvoiceStatus};
use crate::areas::invoice::rules::{ABOVE_INVOICEABLE, CONTRACT_NOT_SIGNED, parts};
use crate::catalog::Level;
use crate::kernel::currency::Currency;
use crate::kernel::decimal::{Amount, Quantity, Rate};
use crate::kernel::error::{Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::engine::Flow;
use crate::store::plan::{ColumnRef, Output, Pred};
use crate::store::record::{Coded, Field, Record};

/// Contracts whose invoices are summed up at once.
const CONTRACTS_AT_ONCE: usize = 500;

/// What invoices have taken of a contract at one place and rate; red invoices are subtracted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) installment: Option<u32>,
    pub(super) contract_line: Option<u32>,
    pub(super) rate: Rate,
    pub(super) planned: Amount,
    pub(super) invoiced: Amount,
    pub(super) quantity: Quantity,
}

impl Taken {
    fn both(&self) -> Result<Amount> {
        self.planned.checked_add(self.invoiced)
    }
}

/// What invoices have taken of each of these contracts: one row of each place, rate and state, whatever the number of invoices.
pub(super) fn taken(
    cx: &mut Cx<'_>,
    contracts: &[Id<Contract>],
) -> Result<BTreeMap<Id<Contract>, Vec<Taken>>> {
    let (ids, c) = (cx.ids(), InvoiceLine::C);
    let mut found: BTreeMap<Id<Contract>, Vec<Taken>> = BTreeMap::new();
    for contracts in contracts.chunks(CONTRACTS_AT_ONCE) {
        let mut query = cx.query::<InvoiceLine>();
        let base = query.base();
        let invoice = query.join(base, c.invoice);
        let status = invoice.column(Invoice::C.status);
        let counted = [
            InvoiceStatus::Planned,
            InvoiceStatus::Issued,
            InvoiceStatus::PartlyReversed,
            InvoiceStatus::Reversed,
            InvoiceStatus::Red,
        ];
        let counted = counted.iter().map(|status| status.encode(ids)).collect::<Result<Vec<_>>>()?;
        let query = query.any_of(c.contract, contracts.iter().copied()).filter(Pred::In(status, counted));
        let column = |at: usize| Output::Column(ColumnRef::base(at));
        let sum = |at: usize| Output::Sum(ColumnRef::base(at));
        let outputs = vec![
            column(c.contract.position()),
            column(c.installment.position()),
            column(c.contract_line.position()),
            column(c.tax_rate.position()),
            Output::Column(status),
            sum(c.gross.position()),
            sum(c.quantity.position()),
        ];
        query.scan(cx.tx(), outputs, &mut |cells| {
            if let [contract, installment, contract_line, rate, status, gross, quantity] = cells {
                let gross = Amount::decode(*gross, ids)?;
                let planned = InvoiceStatus::decode(*status, ids)? == InvoiceStatus::Planned;
                found.entry(Id::decode(*contract, ids)?).or_default().push(Taken {
                    installment: Option::decode(*installment, ids)?,
                    contract_line: Option::decode(*contract_line, ids)?,
                    rate: Rate::decode(*rate, ids)?,
                    planned: if planned { gross } else { Amount::ZERO },
                    invoiced: if planned { Amount::ZERO } else { gross },
                    quantity: Option::decode(*quantity, ids)?.unwrap_or_default(),
                });
            }
            Ok(Flow::More)
        })?;
    }
    Ok(found)
}

/// What one is more than the other; nothing when it is less.
pub(super) fn beyond(one: Amount, other: Amount) -> Result<Amount> {
    Ok(one.checked_sub(other)?.max(Amount::ZERO))
}

/// What of a plan is above what its place has beside what is invoiced of it.
pub(super) fn planned_excess(owed: Amount, planned: Amount, invoiced: Amount) -> Result<Amount> {
    beyond(planned.checked_add(invoiced)?, owed)?.checked_sub(beyond(invoiced, owed)?)
}

/// What of the plans is above what the places that they name have: the installments, and the contract lines of those that
/// name no installment. It cannot be issued, so that of the contract as a whole it holds nothing: otherwise one plan that an
/// amendment has made too high would keep others from being brought down or issued.
pub(super) fn above_places(
    taken: &[Taken],
    installments: &[Installment],
    lines: &[ContractLine],
) -> Result<Amount> {
    let sums = |here: &dyn Fn(&Taken) -> bool| -> Result<(Amount, Amount)> {
        let found = || taken.iter().filter(|taken| here(taken));
        let planned = Amount::checked_sum(found().map(|taken| taken.planned))?;
        Ok((planned, Amount::checked_sum(found().map(|taken| taken.invoiced))?))
    };
    let mut above = Amount::ZERO;
    for installment in installments {
        let (planned, invoiced) = sums(&|taken| taken.installment == Some(installment.seq))?;
        let owed = installment.amount.checked_sub(installment.cancelled)?;
        above = above.checked_add(planned_excess(owed, planned, invoiced)?)?;
    }
    for line in lines {
        let here = |taken: &Taken| taken.contract_line == Some(line.seq);
        let (planned, invoiced) = sums(&here)?;
        let (alone, _) = sums(&|taken| here(taken) && taken.installment.is_none())?;
        above = above.checked_add(planned_excess(line.gross, planned, invoiced)?.min(alone))?;
    }
    Ok(above)
}

/// A contract that may be invoiced, and what is left of it.
pub(super) struct Book {
    pub(super) contract: Contract,
    pub(super) installments: Vec<Installment>,
    pub(super) lines: Vec<ContractLine>,
    taken: Vec<Taken>,
}

impl Book {
    /// The book of a contract that binds, if the caller may write to it.
    pub(super) fn open(cx: &mut Cx<'_>, contract: Id<Contract>) -> Result<Book> {
        let contract = cx.get_owned(contract, Level::Edit)?;
        let binds = matches!(
            contract.status,
            ContractStatus::Signed
                | ContractStatus::Effective
                | ContractStatus::Completed
                | ContractStatus::Terminated
        );
        if !binds {
            return Err(Error::new(&CONTRACT_NOT_SIGNED).with("number", &contract.number).with_both(
                "status",
                contract.status,
                contract.status.zh(),
            ));
        }
        let installments = installments(cx, &contract)?;
        let c = ContractLine::C;
        let lines = cx.query::<ContractLine>().equal(c.contract, contract.id).ascending(c.seq);
        let lines = lines.fetch(cx.tx())?;
        let taken = taken(cx, &[contract.id])?.remove(&contract.id).unwrap_or_default();
        Ok(Book { contract, installments, lines, taken })
    }

    /// The book as it is without these lines of a plan.
    pub(super) fn without(mut self, lines: &[InvoiceLine]) -> Result<Book> {
        for line in lines {
            self.taken.push(Taken {
                installment: line.installment,
                contract_line: line.contract_line,
                rate: line.tax_rate,
                planned: line.gross.checked_neg()?,
                invoiced: Amount::ZERO,
                quantity: line.quantity.unwrap_or_default().checked_neg()?,
            });
        }
        Ok(self)
    }

    /// What invoices may sum to: the installments less what was cancelled of them, or the amount of a contract without.
    pub(super) fn owed(&self) -> Result<Amount> {
        if self.installments.is_empty() {
            return Ok(self.contract.amount);
        }
        let mut owed = Amount::ZERO;
        for installment in &self.installments {
            owed = owed.checked_add(installment.amount)?.checked_sub(installment.cancelled)?;
        }
        Ok(owed)
    }

    fn taken_where(&self, found: impl Fn(&Taken) -> bool) -> Result<Amount> {
        let taken = self.taken.iter().filter(|taken| found(taken)).map(Taken::both);
        Amount::checked_sum(taken.collect::<Result<Vec<Amount>>>()?)
    }

    /// What the contract has left, see [`above_places`]; below zero when an amendment or a termination took away what was
    /// planned or invoiced.
    pub(super) fn left(&self) -> Result<Amount> {
        let above = above_places(&self.taken, &self.installments, &self.lines)?;
        self.owed()?.checked_sub(self.taken_where(|_| true)?)?.checked_add(above)
    }

    /// What an installment has left; below zero as for the contract.
    pub(super) fn left_of(&self, installment: &Installment) -> Result<Amount> {
        let taken = self.taken_where(|taken| taken.installment == Some(installment.seq))?;
        installment.amount.checked_sub(installment.cancelled)?.checked_sub(taken)
    }

    /// What a contract line has left: amount and quantity.
    pub(super) fn left_of_line(&self, line: &ContractLine) -> Result<(Amount, Quantity)> {
        let of_line = |taken: &Taken| taken.contract_line == Some(line.seq);
        let quantity = self.taken.iter().filter(|taken| of_line(taken)).map(|taken| taken.quantity);
        let quantity = line.quantity.checked_sub(Quantity::checked_sum(quantity)?)?;
        Ok((line.gross.checked_sub(self.taken_where(of_line)?)?, quantity))
    }

    /// The contract's gross by tax rate, the highest rate last.
    fn rates(&self) -> Result<Vec<(Rate, Money)>> {
        let contract = &self.contract;
        if self.lines.is_empty() {
            let rate = contract.tax_rate.unwrap_or_default();
            return Ok(vec![(rate, contract.money(contract.amount)?)]);
        }
        let mut rates: BTreeMap<Rate, Money> = BTreeMap::new();
        for line in &self.lines {
            let sum = rates.entry(line.tax_rate).or_insert(Money::zero(contract.currency));
            *sum = sum.checked_add(contract.money(line.gross)?)?;
        }
        Ok(rates.into_iter().collect())
    }

    /// Whether a planned line still has the contract's tax rate: of the line that it invoices, otherwise any of the contract's.
    /// A rate that was told with the invoice stays as told.
    pub(super) fn has_rate(&self, line: &InvoiceLine) -> Result<bool> {
        let of_line = |seq: u32| self.lines.iter().any(|of| of.seq == seq && of.tax_rate == line.tax_rate);
        Ok(line.rate_told
            || match line.contract_line {
                Some(seq) => of_line(seq),
                None => self.rates()?.iter().any(|(rate, _)| *rate == line.tax_rate),
            })
    }

    /// Fails when what was planned is no longer left, because a termination cancelled it or an amendment lowered it.
    pub(super) fn check_planned(&self, lines: &[InvoiceLine]) -> Result<()> {
        let above = |own: Amount, left: Option<Amount>| -> Result<Option<Error>> {
            // What is left is less this plan; of what is no longer there nothing is left.
            let left = left.map_or(Ok(Amount::ZERO), |left| left.checked_add(own))?.max(Amount::ZERO);
            let refused = || Error::new(&ABOVE_INVOICEABLE).with("amount", own).with("left", left);
            Ok((own > left).then(refused))
        };
        let own = |place: &dyn Fn(&InvoiceLine) -> Option<u32>| -> Result<BTreeMap<u32, Amount>> {
            let mut own: BTreeMap<u32, Amount> = BTreeMap::new();
            for line in lines {
                if let Some(seq) = place(line) {
                    let sum = own.entry(seq).or_default();
                    *sum = sum.checked_add(line.gross)?;
                }
            }
            Ok(own)
        };
        for (seq, own) in own(&|line| line.installment)? {
            let found = self.installments.iter().find(|installment| installment.seq == seq);
            if let Some(refused) = above(own, found.map(|found| self.left_of(found)).transpose()?)? {
                return Err(match found {
                    Some(found) => refused.with("part", part_of_installment(found)),
                    None => installment_at(refused, seq),
                });
            }
        }
        for (seq, own) in own(&|line| line.contract_line)? {
            let found = self.lines.iter().find(|line| line.seq == seq);
            let left = found.map(|found| self.left_of_line(found)).transpose()?;
            if let Some(refused) = above(own, left.map(|(left, _)| left))? {
                return Err(match found {
                    Some(found) => refused.with("part", part_of_line(found)),
                    None => line_at(refused, seq),
                });
            }
        }
        let own = Amount::checked_sum(lines.iter().map(|line| line.gross))?;
        match above(own, Some(self.left()?))? {
            Some(refused) => Err(refused.with("part", &self.contract.number)),
            None => Ok(()),
        }
    }

    /// Splits an amount of an installment over the contract's tax rates, by what the installment has left of each. Of an
    /// installment of nothing nothing is left, as the check of the lines says; until then it is split as the contract is.
    pub(super) fn split(&self, installment: &Installment, amount: Money) -> Result<Vec<(Rate, Money)>> {
        let rates = self.rates()?;
        let usable = |amounts: &[Money]| amounts.iter().any(|amount| amount.is_positive());
        let whole: Vec<Money> = rates.iter().map(|(_, gross)| *gross).collect();
        if !usable(&whole) {
            return Ok(rates.into_iter().take(1).map(|(rate, _)| (rate, amount)).collect());
        }
        let amounts = self.installments.iter().map(|each| self.contract.money(each.amount));
        let rows = parts::by_rate(&amounts.collect::<Result<Vec<Money>>>()?, &rates)?;
        let at = self.installments.iter().position(|each| each.seq == installment.seq);
        let row = at.and_then(|at| rows.get(at)).cloned().unwrap_or_default();
        let mut left = Vec::with_capacity(row.len());
        for (part, (rate, _)) in row.iter().zip(&rates) {
            let here = |taken: &Taken| taken.installment == Some(installment.seq) && taken.rate == *rate;
            left.push(part.checked_sub(self.contract.money(self.taken_where(here)?)?)?);
        }
        let base = [left, row].into_iter().find(|amounts| usable(amounts)).unwrap_or(whole);
        let split = amount.split(&parts::weights(&base))?;
        Ok(rates.into_iter().map(|(rate, _)| rate).zip(split).collect())
    }

    /// Fails when these new lines take more than is left. `paths` says where in the input each line comes from.
    pub(super) fn check(&self, lines: &[InvoiceLine], paths: &[String]) -> Result<()> {
        let new = |found: &dyn Fn(&InvoiceLine) -> bool| {
            Amount::checked_sum(lines.iter().filter(|line| found(line)).map(|line| line.gross))
        };
        let above = |amount: Amount, left: Amount, part: String, found: &dyn Fn(&InvoiceLine) -> bool| {
            if amount <= left {
                return Ok(());
            }
            let error = Error::new(&ABOVE_INVOICEABLE)
                .with("amount", amount)
                .with("left", left.max(Amount::ZERO))
                .with("part", part);
            let path = lines.iter().rposition(found).and_then(|at| paths.get(at));
            Err(match path {
                Some(path) if !path.is_empty() => error.at(path.clone()),
                _ => error,
            })
        };
        for installment in &self.installments {
            let here = |line: &InvoiceLine| line.installment == Some(installment.seq);
            let amount = new(&here)?;
            if lines.iter().any(here) {
                above(amount, self.left_of(installment)?, part_of_installment(installment), &here)?;
            }
        }
        for line in &self.lines {
            let here = |new: &InvoiceLine| new.contract_line == Some(line.seq);
            let amount = new(&here)?;
            if lines.iter().any(here) {
                above(amount, self.left_of_line(line)?.0, part_of_line(line), &here)?;
            }
        }
        above(new(&|_| true)?, self.left()?, self.contract.number.clone(), &|_| true)
    }
}

/// An error about an installment that is known by its position only.
pub(super) fn installment_at(error: Error, seq: u32) -> Error {
    error.with_both("part", format!("installment {seq}"), format!("结算节点 {seq}"))
}

/// An error about a contract line that is known by its position only.
pub(super) fn line_at(error: Error, seq: u32) -> Error {
    error.with_both("part", format!("line {seq}"), format!("合同明细 {seq}"))
}

/// The smallest amount of a currency, which is what an amount above zero is at least.
pub(super) fn smallest(currency: Currency) -> Result<Amount> {
    Money::from_minor(1, currency).map(Money::amount)
}

/// A contract line in messages.
pub(super) fn part_of_line(line: &ContractLine) -> String {
    format!("{} ({})", line.description, line.seq)
}

/// An installment in messages.
pub(super) fn part_of_installment(installment: &Installment) -> String {
    format!("{} ({})", installment.label, installment.seq)
}
