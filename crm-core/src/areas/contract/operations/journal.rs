//! Writing installments and the journal: the only way in which installments of a contract in effect change.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::past::standing;

use crate::app::Cx;
use crate::areas::contract::model::{
    Account, Contract, EntryKind, Installment, JournalLine, SettlementDirection,
};
use crate::areas::contract::rules::journal::{self, Change, Leg};
#[cfg(doc)]
use crate::areas::contract::rules::standing::Standing;
use crate::areas::contract::rules::standing::{OpenLine, Valued};
use crate::areas::party::Customer;
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Price;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::Id;

/// What an entry of the journal says beside its lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posting {
    /// What it records.
    pub(crate) kind: EntryKind,
    /// From when it counts.
    pub(crate) date: Date,
    /// The document.
    pub(crate) document: Option<Uuid>,
    /// Which way the money goes.
    pub(crate) direction: SettlementDirection,
    /// The customer.
    pub(crate) customer: Id<Customer>,
    /// The currency of all amounts.
    pub(crate) currency: Currency,
    /// The rate at which something newly owed is valued; none in the ledger's currency, or when nothing is.
    pub(crate) rate: Option<Price>,
}

impl Posting {
    /// An entry about a contract as a whole. Nothing is owed before it takes effect, so nothing counts from an earlier day,
    /// even where it tells of something that happened before.
    pub(crate) fn of(contract: &Contract, kind: EntryKind, date: Date) -> Posting {
        Posting {
            kind,
            date: contract.effective_on.map_or(date, |start| date.max(start)),
            document: None,
            direction: contract.direction,
            customer: contract.customer,
            currency: contract.currency,
            rate: contract.rate,
        }
    }
}

/// Writes installments as they stand now, and an entry of the journal with what that means and with `legs`. An entry
/// without lines, as before a contract takes effect, is not written.
///
/// What takes away more than was open on that day and since counts from the first day since which so much was there, and
/// what has come since under another due date follows, in entries of their own: see [`Standing`].
///
/// # Errors
/// Of the rules of the journal and of the engine.
pub(crate) fn post(cx: &mut Cx<'_>, posting: &Posting, changes: Vec<Change>, legs: Vec<Leg>) -> Result<()> {
    if posting.date > cx.today() {
        // Reports on past days take for granted that nothing counts from a day that has not come.
        let what = format!("an entry of the settlement journal is dated {}", posting.date);
        return Err(Error::new(&error::INTERNAL).with("what", what));
    }
    let home = cx.ledger().info().currency;
    let changes = journal::valued(changes, posting.rate, home)?;
    let mut days = BTreeMap::from([(posting.date, legs)]);
    // What an installment has from another counts from when it could be taken there.
    let mut earliest = posting.date;
    let takes = |change: &&Change| journal::open(change.before.as_ref()) > journal::open(Some(&change.after));
    for change in changes.iter().filter(takes).chain(changes.iter().filter(|change| !takes(change))) {
        let from = if takes(&change) || !journal::is_shift(change) { posting.date } else { earliest };
        let Dated { legs, day } = dated(cx, change, posting, from)?;
        if journal::is_shift(change) {
            earliest = earliest.max(day);
        }
        for (day, leg) in legs {
            days.entry(day).or_default().push(leg);
        }
    }
    let mut added = Vec::new();
    for change in changes {
        match change.before {
            Some(before) => cx.replace(&before, &change.after)?,
            None => added.push(change.after),
        }
    }
    cx.insert_all(&added)?;
    for (date, legs) in days {
        let entry = cx.new_id::<JournalLine>().uuid();
        let legs = journal::balanced(legs)?;
        cx.insert_all(&journal_lines(entry, &Posting { date, ..*posting }, legs))?;
    }
    Ok(())
}

/// The lines of a change with the days from which they count, and the day of what it takes or adds.
struct Dated {
    legs: Vec<(Date, Leg)>,
    day: Date,
}

/// The lines of a change; what it adds counts from `from`.
fn dated(cx: &mut Cx<'_>, change: &Change, posting: &Posting, from: Date) -> Result<Dated> {
    let document = posting.document;
    let legs = journal::legs(change, document)?;
    let before = match &change.before {
        // Something may have been open on that day, though nothing is now.
        Some(before)
            if posting.date < cx.today()
                && (!legs.is_empty() || before.due_date != change.after.due_date) =>
        {
            before
        }
        _ => return Ok(Dated { legs: legs.into_iter().map(|leg| (from, leg)).collect(), day: from }),
    };
    let (contract, installment) = (Some(change.after.contract), Some(change.after.seq));
    let open_leg = |line: &OpenLine| {
        let Valued { amount, home } = line.value;
        let due_date = line.due;
        (line.date, Leg { account: Account::Open, contract, installment, due_date, document, amount, home })
    };
    let standing = standing(cx, before, posting.date)?;
    let old = journal::open(Some(before));
    let due = change.after.due_date;
    let is_moved = before.due_date != due;
    let moved = if is_moved { standing.moved_to(due)? } else { Vec::new() };
    let mut found: Vec<(Date, Leg)> = moved.iter().map(open_leg).collect();
    let less = old.checked_sub(journal::open(Some(&change.after)))?;
    let day = if less.is_positive() { standing.since(less)? } else { from };
    // What is left of the change is under the due date that all of it is owed by now.
    let stays = Change { before: Some(Installment { due_date: due, ..before.clone() }), ..change.clone() };
    for leg in journal::legs(&stays, document)? {
        if leg.account != Account::Open {
            found.push((day, leg));
            continue;
        }
        let value = Valued { amount: leg.amount, home: leg.home };
        let lines = match is_moved {
            true => vec![OpenLine { date: day, due, value }],
            false => standing.changed(day, due, value)?,
        };
        found.extend(lines.iter().map(open_leg));
    }
    Ok(Dated { legs: found, day })
}

/// An entry of the journal as it is stored.
pub(crate) fn journal_lines(entry: Uuid, posting: &Posting, legs: Vec<Leg>) -> Vec<JournalLine> {
    legs.into_iter()
        .zip(1_u32..)
        .map(|(leg, seq)| JournalLine {
            entry,
            seq,
            kind: posting.kind,
            account: leg.account,
            date: posting.date,
            direction: posting.direction,
            customer: posting.customer,
            contract: leg.contract,
            installment: leg.installment,
            due_date: leg.due_date,
            document: leg.document,
            currency: posting.currency,
            amount: leg.amount,
            home: leg.home,
        })
        .collect()
}
