//! What was in advance on past days, so that what is done today about a day before takes nothing that was not there yet. It
//! looks at the lines of the journal since that day, and at nothing when it is today.

use std::collections::BTreeMap;

use super::since::{AsOfBasis, Since};
use crate::app::Cx;
use crate::areas::contract::{Account, JournalLine};
use crate::areas::settlement::model::Receipt;
use crate::areas::settlement::rules::ABOVE_ADVANCE;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{Error, Result};
use crate::kernel::id::IdCodec;
use crate::store::cell::{Cell, CellRef};
use crate::store::engine::Flow;
use crate::store::plan::{ColumnRef, Pred};
use crate::store::record::{Field, Record};

/// Fails when the receipt has less of an advance than this on the day or any since: what is done earlier than what is
/// recorded already takes nothing that was not there yet, or that is used since.
pub(super) fn check_advance(cx: &mut Cx<'_>, receipt: &Receipt, date: Date, amount: Amount) -> Result<()> {
    if date >= cx.today() {
        return Ok(());
    }
    let (ids, c) = (cx.ids(), JournalLine::C);
    let since = Since {
        direction: receipt.direction.settles(),
        customer: Some(receipt.customer),
        currency: Some(receipt.currency),
        from: date::add_days(date, 1)?,
        basis: AsOfBasis::Dated,
    };
    let columns = [c.date.position(), c.amount.position()];
    let mut binder = since.unscoped(cx, &[Account::Advance], &columns)?;
    let document = ColumnRef::base(c.document.position());
    binder.filter(Pred::equal(document, Cell::Int(ids.key(receipt.id.uuid())?)));
    let mut days = BTreeMap::new();
    cx.tx().select(&binder.select, &mut |cells| sum_of_day(&mut days, cells, ids))?;
    // An advance is a debt: below zero in the journal. Back from today, each day's lines are undone.
    let (mut there, mut least) = (receipt.advance, receipt.advance);
    for came in days.into_values().rev() {
        there = there.checked_add(came)?;
        least = least.min(there);
    }
    if amount > least {
        return Err(Error::new(&ABOVE_ADVANCE).at("date").with("amount", amount).with("advance", least));
    }
    Ok(())
}

/// Adds the amount of a row of a day and an amount to that day's.
fn sum_of_day(days: &mut BTreeMap<Date, Amount>, cells: &[CellRef<'_>], ids: IdCodec) -> Result<Flow> {
    if let [day, amount, ..] = cells {
        let sum = days.entry(Date::decode(*day, ids)?).or_default();
        *sum = sum.checked_add(Amount::decode(*amount, ids)?)?;
    }
    Ok(Flow::More)
}
