//! What was open on past days, so that what is done today about a day before takes nothing that was not there yet. It looks at
//! the lines of the journal since that day, and at nothing when it is today.

use crate::app::Cx;
use crate::areas::contract::model::{Account, Installment, JournalLine};
use crate::areas::contract::rules::journal;
use crate::areas::contract::rules::standing::{OpenLine, Standing, Valued};
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::Result;
use crate::store::engine::Flow;
use crate::store::plan::{ColumnRef, Output};
use crate::store::record::{Field, Record};

/// The changes of what is open of an installment on the days after one, or on all.
pub(crate) fn open_lines(
    cx: &mut Cx<'_>,
    installment: &Installment,
    after: Option<Date>,
) -> Result<Vec<OpenLine>> {
    let (ids, c) = (cx.ids(), JournalLine::C);
    let mut query = cx
        .query::<JournalLine>()
        .equal(c.contract, Some(installment.contract))
        .equal(c.installment, Some(installment.seq))
        .equal(c.account, Account::Open);
    if let Some(after) = after {
        query = query.greater(c.date, after);
    }
    let columns = [c.date.position(), c.due_date.position(), c.amount.position(), c.home.position()];
    let outputs = columns.map(|at| Output::Column(ColumnRef::base(at))).to_vec();
    let mut lines = Vec::new();
    query.scan(cx.tx(), outputs, &mut |cells| {
        if let [date, due, amount, home] = cells {
            let value = Valued { amount: Amount::decode(*amount, ids)?, home: Amount::decode(*home, ids)? };
            lines.push(OpenLine { date: Date::decode(*date, ids)?, due: Option::decode(*due, ids)?, value });
        }
        Ok(Flow::More)
    })?;
    Ok(lines)
}

/// What is open of an installment at the end of a day, and what came since.
pub(super) fn standing(cx: &mut Cx<'_>, installment: &Installment, from: Date) -> Result<Standing> {
    let later = open_lines(cx, installment, Some(from))?;
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
