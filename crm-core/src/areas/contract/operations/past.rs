//! What was open on past days, so that what is done today about a day before takes nothing that was not there yet. It looks at
//! the lines of the journal since that day, and at nothing when it is today.

use std::collections::BTreeMap;

use crate::app::Cx;
use crate::areas::contract::model::{Account, Installment, JournalLine};
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::Amount;
use crate::kernel::error::Result;
use crate::kernel::id::IdCodec;
use crate::store::cell::{Cell, CellRef};
use crate::store::engine::Flow;
use crate::store::plan::{ColumnRef, Compare, Output, Pred};
use crate::store::record::{Field, Record};

/// The first day, from this one on, since which an installment has so much open; for what opens again, that day itself.
pub(crate) fn open_since(
    cx: &mut Cx<'_>,
    installment: &Installment,
    date: Date,
    amount: Amount,
) -> Result<Date> {
    if date >= cx.today() || !amount.is_positive() {
        return Ok(date);
    }
    let (ids, c) = (cx.ids(), JournalLine::C);
    let later = Pred::Compare(
        ColumnRef::base(c.date.position()),
        Compare::Greater,
        Cell::Int(date::to_day_number(date)),
    );
    let query = cx
        .query::<JournalLine>()
        .equal(c.contract, Some(installment.contract))
        .equal(c.installment, Some(installment.seq))
        .equal(c.account, Account::Open)
        .filter(later);
    let outputs = [c.date.position(), c.amount.position()].map(|at| Output::Column(ColumnRef::base(at)));
    let mut days = BTreeMap::new();
    query.scan(cx.tx(), outputs.to_vec(), &mut |cells| sum_of_day(&mut days, cells, ids))?;
    let mut there = installment.open_amount.unwrap_or_default();
    for (day, came) in days.into_iter().rev() {
        there = there.checked_sub(came)?;
        if there < amount {
            return Ok(day);
        }
    }
    Ok(date)
}

/// Adds the amount of a row of a day and an amount to that day's.
pub(crate) fn sum_of_day(
    days: &mut BTreeMap<Date, Amount>,
    cells: &[CellRef<'_>],
    ids: IdCodec,
) -> Result<Flow> {
    if let [day, amount, ..] = cells {
        let sum = days.entry(Date::decode(*day, ids)?).or_default();
        *sum = sum.checked_add(Amount::decode(*amount, ids)?)?;
    }
    Ok(Flow::More)
}
