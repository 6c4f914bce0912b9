//! What was open on past days, so that what is done today about a day before takes nothing that was not there yet. It looks at
//! the lines of the journal since that day, and at nothing when it is today.

use std::collections::BTreeMap;

use crate::app::Cx;
use crate::areas::contract::model::{Account, Installment, JournalLine};
use crate::areas::contract::rules::journal;
use crate::areas::contract::rules::standing::{OpenLine, Standing, Valued};
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::Amount;
use crate::kernel::error::Result;
use crate::kernel::id::IdCodec;
use crate::store::cell::{Cell, CellRef};
use crate::store::engine::Flow;
use crate::store::plan::{ColumnRef, Compare, Output, Pred};
use crate::store::record::{Field, Record};

/// What is open of an installment at the end of a day, and what came since.
pub(super) fn standing(cx: &mut Cx<'_>, installment: &Installment, from: Date) -> Result<Standing> {
    let (ids, c) = (cx.ids(), JournalLine::C);
    let after = Cell::Int(date::to_day_number(from));
    let query = cx
        .query::<JournalLine>()
        .equal(c.contract, Some(installment.contract))
        .equal(c.installment, Some(installment.seq))
        .equal(c.account, Account::Open)
        .filter(Pred::Compare(ColumnRef::base(c.date.position()), Compare::Greater, after));
    let columns = [c.date.position(), c.due_date.position(), c.amount.position(), c.home.position()];
    let outputs = columns.map(|at| Output::Column(ColumnRef::base(at))).to_vec();
    let mut later = Vec::new();
    query.scan(cx.tx(), outputs, &mut |cells| {
        if let [date, due, amount, home] = cells {
            let value = Valued { amount: Amount::decode(*amount, ids)?, home: Amount::decode(*home, ids)? };
            later.push(OpenLine { date: Date::decode(*date, ids)?, due: Option::decode(*due, ids)?, value });
        }
        Ok(Flow::More)
    })?;
    let now =
        Valued { amount: journal::open(Some(installment)), home: journal::home_open(Some(installment)) };
    Standing::unwound(from, installment.due_date, now, later)
}

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
    standing(cx, installment, date)?.since(amount)
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
