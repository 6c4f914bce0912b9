//! The settlement journal: which lines a change of an installment makes, and that every entry balances.
//!
//! Nothing is posted by hand. The lines of an installment follow from how it stood before and how it stands after, so that
//! the sum of its `open` lines is always what is open of it, under the due date it is owed by. What was settled comes out of
//! an advance, what was discounted, written off or cancelled goes to its own account, and what was added or taken
//! otherwise is the contract's. Values in the ledger's currency move in proportion; an exchange difference appears where
//! money worth one value settles what was booked at another (《企业会计准则第19号——外币折算》 article 11).

use uuid::Uuid;

use crate::areas::contract::model::{Account, Contract, Installment, InstallmentKind};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Price};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;

/// An installment before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// How it stood; none for a new one.
    pub before: Option<Installment>,
    /// How it stands.
    pub after: Installment,
    /// What leaves its value in the ledger's currency, below zero for what comes back; in proportion when not known.
    pub relieved: Option<Amount>,
    /// The value of the money that settled it, less the value that it relieved; in the ledger's currency.
    pub exchange: Amount,
}

impl Change {
    /// A change by which no money moves.
    pub fn new(before: Option<Installment>, after: Installment) -> Change {
        Change { before, after, relieved: None, exchange: Amount::ZERO }
    }
}

/// A line before it is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// What it counts.
    pub account: Account,
    /// The contract.
    pub contract: Option<Id<Contract>>,
    /// Its installment.
    pub installment: Option<u32>,
    /// The due date it is owed by.
    pub due_date: Option<Date>,
    /// The document.
    pub document: Option<Uuid>,
    /// How much.
    pub amount: Amount,
    /// The same in the ledger's currency.
    pub home: Amount,
}

impl Leg {
    /// A line on an account without a contract.
    pub fn of(account: Account, document: Option<Uuid>, amount: Amount, home: Amount) -> Leg {
        Leg { account, contract: None, installment: None, due_date: None, document, amount, home }
    }
}

/// What is open of an installment, zero when it cannot be collected.
pub fn open(installment: Option<&Installment>) -> Amount {
    installment.and_then(|installment| installment.open_amount).unwrap_or_default()
}

/// What is open of an installment, in the ledger's currency.
pub fn home_open(installment: Option<&Installment>) -> Amount {
    installment.and_then(|installment| installment.home_open).unwrap_or_else(|| open(installment))
}

/// What a part of an installment's open amount is booked at in the ledger's currency, see [`Money::portion`].
///
/// # Errors
/// `OVERFLOW`.
pub fn relieved(installment: &Installment, part: Amount, home: Currency) -> Result<Amount> {
    let Some(value) = installment.home_open else { return Ok(part) };
    let whole = Money::new(open(Some(installment)), installment.currency)?;
    whole.portion(part, Money::new(value, home)?).map(Money::amount)
}

/// The change with the installment's value in the ledger's currency: what is added is valued at `rate`, what is taken goes
/// in proportion, or by what the change says.
///
/// # Errors
/// `OVERFLOW`; `INTERNAL` when something of another currency is added without a rate.
pub fn valued(mut change: Change, rate: Option<Price>, home: Currency) -> Result<Change> {
    if change.after.currency == home {
        change.after.home_open = None;
        return Ok(change);
    }
    let before = change.before.as_ref();
    let (old, new) = (open(before), open(Some(&change.after)));
    let value = home_open(before);
    change.after.home_open = if change.after.open_amount.is_none() {
        None
    } else if let Some(relieved) = change.relieved {
        Some(value.checked_sub(relieved)?)
    } else if new > old {
        let rate = rate.ok_or_else(|| {
            let what = format!("installment {} of {} has no rate", change.after.seq, change.after.contract);
            Error::new(&error::INTERNAL).with("what", what)
        })?;
        let added = Money::new(new.checked_sub(old)?, change.after.currency)?.convert(rate, home)?;
        Some(value.checked_add(added.amount())?)
    } else {
        match before {
            Some(before) => Some(value.checked_sub(relieved(before, old.checked_sub(new)?, home)?)?),
            None => Some(Amount::ZERO),
        }
    };
    Ok(change)
}

/// The lines of a change; none when nothing that counts has changed.
///
/// # Errors
/// `OVERFLOW`.
pub fn legs(change: &Change, document: Option<Uuid>) -> Result<Vec<Leg>> {
    let Change { before, after, exchange, .. } = change;
    let before = before.as_ref();
    let (old, new) = (open(before), open(Some(after)));
    let (old_home, new_home) = (home_open(before), home_open(Some(after)));
    let mut legs = Vec::new();
    let mut add = |account, due_date, amount: Amount, home: Amount| {
        let (contract, installment) = (Some(after.contract), Some(after.seq));
        legs.push(Leg { account, contract, installment, due_date, document, amount, home });
    };
    let old_due = before.and_then(|before| before.due_date);
    if old_due == after.due_date {
        add(Account::Open, after.due_date, new.checked_sub(old)?, new_home.checked_sub(old_home)?);
    } else {
        add(Account::Open, old_due, old.checked_neg()?, old_home.checked_neg()?);
        add(Account::Open, after.due_date, new, new_home);
    }
    let grown =
        |part: fn(&Installment) -> Amount| part(after).checked_sub(before.map(part).unwrap_or_default());
    let settled = grown(|installment| installment.settled)?;
    let discounted = grown(|installment| installment.discounted)?;
    let written_off = grown(|installment| installment.written_off)?;
    let left = old.checked_sub(new)?;
    let rest = left.checked_sub(settled)?.checked_sub(discounted)?.checked_sub(written_off)?;
    // What has left `open` has gone to one place, and takes all the value with it.
    let value = old_home.checked_sub(new_home)?;
    let places = [
        (Account::Advance, settled),
        (Account::Discount, discounted),
        (Account::WriteOff, written_off),
        (
            if after.kind == InstallmentKind::LateCharge { Account::LateCharge } else { Account::Contract },
            rest,
        ),
    ];
    let mut moved = places.into_iter().filter(|(_, amount)| !amount.is_zero());
    let first = moved.next();
    if moved.next().is_some() {
        let what = format!("installment {} of {} changed in two ways at once", after.seq, after.contract);
        return Err(Error::new(&error::INTERNAL).with("what", what));
    }
    match first {
        Some((Account::Advance, amount)) => {
            add(Account::Exchange, None, Amount::ZERO, exchange.checked_neg()?);
            legs.push(Leg::of(Account::Advance, document, amount, value.checked_add(*exchange)?));
        }
        Some((account, amount)) => add(account, None, amount, value),
        None => {}
    }
    legs.retain(|leg| !leg.amount.is_zero() || !leg.home.is_zero());
    Ok(legs)
}

/// The lines of an entry with lines that differ in nothing but their amounts put together, and empty ones left out.
///
/// # Errors
/// `OVERFLOW`; `INTERNAL` when they do not sum to zero.
pub fn balanced(legs: Vec<Leg>) -> Result<Vec<Leg>> {
    let mut joined: Vec<Leg> = Vec::with_capacity(legs.len());
    for leg in legs {
        let same = |other: &&mut Leg| {
            let key = |leg: &Leg| (leg.account, leg.contract, leg.installment, leg.due_date, leg.document);
            leg.account != Account::Open && key(other) == key(&leg)
        };
        match joined.iter_mut().find(same) {
            Some(other) => {
                other.amount = other.amount.checked_add(leg.amount)?;
                other.home = other.home.checked_add(leg.home)?;
            }
            None => joined.push(leg),
        }
    }
    joined.retain(|leg| !leg.amount.is_zero() || !leg.home.is_zero());
    let amount = Amount::checked_sum(joined.iter().map(|leg| leg.amount))?;
    let home = Amount::checked_sum(joined.iter().map(|leg| leg.home))?;
    if !amount.is_zero() || !home.is_zero() {
        let what =
            format!("an entry of the settlement journal is off by {amount}, {home} in the ledger's currency");
        return Err(Error::new(&error::INTERNAL).with("what", what));
    }
    Ok(joined)
}
