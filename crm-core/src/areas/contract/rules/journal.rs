//! The settlement journal: which lines a change of an installment makes, and that every entry balances.
//!
//! Nothing is posted by hand. The lines of an installment follow from how it stood before and how it stands after, so that
//! the sum of its `open` lines is always what is open of it, under the due date it is owed by. What was settled comes out of
//! an advance, what was discounted, written off or cancelled goes to its own account, and what was added or taken
//! otherwise is the contract's. Values in the ledger's currency move in proportion; an exchange difference appears where
//! money worth one value settles what was booked at another (《企业会计准则第19号——外币折算》 article 11).

use std::collections::BTreeMap;

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

/// Open amounts that one installment of a contract has given up to others, with their value in the ledger's currency.
#[derive(Debug, Clone, Copy, Default)]
struct Moving {
    amount: Amount,
    value: Amount,
}

/// The changes of an entry with the values of their installments in the ledger's currency.
///
/// What is taken goes in proportion, or by what the change says. What is added to an installment while another of its
/// contract loses it keeps its value: a schedule that is cut or shifted is worth what it was. Only the rest of what is
/// added is valued at `rate`.
///
/// # Errors
/// `OVERFLOW`; `INTERNAL` when something of another currency is added without a rate.
pub fn valued(mut changes: Vec<Change>, rate: Option<Price>, home: Currency) -> Result<Vec<Change>> {
    let mut moving: BTreeMap<Id<Contract>, Moving> = BTreeMap::new();
    for change in &mut changes {
        if change.after.currency == home || change.after.open_amount.is_none() {
            change.after.home_open = None;
        }
        let before = change.before.as_ref();
        let (old, new) = (open(before), open(Some(&change.after)));
        if change.after.currency == home || (new > old && change.relieved.is_none()) {
            continue;
        }
        let taken = match (change.relieved, before) {
            (Some(relieved), _) => relieved,
            (None, Some(before)) => relieved(before, old.checked_sub(new)?, home)?,
            (None, None) => Amount::ZERO,
        };
        if is_shift(change) {
            let moving = moving.entry(change.after.contract).or_default();
            moving.amount = moving.amount.checked_add(old.checked_sub(new)?)?;
            moving.value = moving.value.checked_add(taken)?;
        }
        if change.after.open_amount.is_some() {
            change.after.home_open = Some(home_open(change.before.as_ref()).checked_sub(taken)?);
        }
    }
    for change in changes.iter_mut().filter(|change| change.after.currency != home) {
        let before = change.before.as_ref();
        let (old, new) = (open(before), open(Some(&change.after)));
        if new <= old || change.relieved.is_some() {
            continue;
        }
        let value = home_open(before);
        let mut added = Moving { amount: new.checked_sub(old)?, value: Amount::ZERO };
        let moving = moving.get_mut(&change.after.contract).filter(|_| is_shift(change));
        if let Some(moving) = moving.filter(|moving| moving.amount.is_positive()) {
            let part = added.amount.min(moving.amount);
            let whole = Money::new(moving.amount, change.after.currency)?;
            let worth = whole.portion(part, Money::new(moving.value, home)?)?.amount();
            *moving =
                Moving { amount: moving.amount.checked_sub(part)?, value: moving.value.checked_sub(worth)? };
            added = Moving { amount: added.amount.checked_sub(part)?, value: worth };
        }
        if added.amount.is_positive() {
            let rate = rate.ok_or_else(|| {
                let what =
                    format!("installment {} of {} has no rate", change.after.seq, change.after.contract);
                Error::new(&error::INTERNAL).with("what", what)
            })?;
            let new = Money::new(added.amount, change.after.currency)?.convert(rate, home)?;
            added.value = added.value.checked_add(new.amount())?;
        }
        change.after.home_open = Some(value.checked_add(added.value)?);
    }
    Ok(changes)
}

/// Whether a change only moves what is owed: nothing was settled, discounted or written off, and it is no late charge.
pub(crate) fn is_shift(change: &Change) -> bool {
    let closed = |installment: &Installment| {
        let Installment { settled, discounted, written_off, .. } = installment;
        (*settled, *discounted, *written_off)
    };
    change.after.kind != InstallmentKind::LateCharge
        && change.before.as_ref().map(closed).unwrap_or_default() == closed(&change.after)
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
        // What a contract has promised is one figure: what only shifts between its installments leaves no line.
        Some((Account::Contract, amount)) => {
            let contract = Some(after.contract);
            legs.push(Leg { contract, ..Leg::of(Account::Contract, document, amount, value) });
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::areas::contract::model::{AnchorKind, InstallmentStatus, SettlementDirection};
    use crate::kernel::id::IdCodec;

    fn cents(minor: i64) -> Amount {
        Amount::from_scaled(minor * 100)
    }

    /// An open installment in dollars, with its value in yuan when that is known; amounts in cents.
    fn open_of(seq: u32, amount: i64, settled: i64, value: Option<i64>) -> Installment {
        let ids = IdCodec::new(7);
        let rest = amount - settled;
        Installment {
            contract: ids.id(1),
            seq,
            customer: ids.id(2),
            direction: SettlementDirection::Receivable,
            currency: Currency::USD,
            label: String::new(),
            amount: cents(amount),
            settled: cents(settled),
            cancelled: Amount::ZERO,
            discounted: Amount::ZERO,
            written_off: Amount::ZERO,
            open_amount: (rest > 0).then(|| cents(rest)),
            home_open: value.map(cents),
            due_date: None,
            status: InstallmentStatus::Open,
            anchor: AnchorKind::Date,
            anchor_date: None,
            term: 1,
            kind: InstallmentKind::Scheduled,
            forecast_date: None,
            released_on: None,
            period_from: None,
            period_to: None,
            late_of: None,
        }
    }

    #[test]
    fn a_schedule_that_is_cut_or_shifted_is_worth_what_it_was() {
        // Before: amount and value. After: amounts. The rate of the day, and the values after it.
        type Case = (&'static [(i64, i64)], &'static [i64], Option<&'static str>, &'static [i64]);
        let table: &[Case] = &[
            // 100.05 dollars booked at 712.75 are cut in three: nothing is lost by rounding.
            (&[(10_005, 71_275)], &[3_335, 6_670], None, &[23_758, 47_517]),
            (&[(10_005, 71_275)], &[3_335, 3_335, 3_335], None, &[23_758, 23_759, 23_758]),
            // 100 at 7 and 100 at 6 are shifted, then something is added at 5.
            (&[(10_000, 70_000), (10_000, 60_000)], &[5_000, 15_000], None, &[35_000, 95_000]),
            (&[(10_000, 70_000), (10_000, 60_000)], &[5_000, 16_000], Some("5"), &[35_000, 100_000]),
            (&[(10_000, 70_000), (10_000, 60_000)], &[0, 20_000], Some("5"), &[0, 130_000]),
            (
                &[(10_000, 70_000), (10_000, 60_000)],
                &[2_000, 3_000, 4_000, 11_000],
                None,
                &[14_000, 18_000, 26_133, 71_867],
            ),
            // What goes without going anywhere takes its part along.
            (&[(10_000, 70_000), (10_000, 60_000)], &[4_000, 10_000], None, &[28_000, 60_000]),
            (&[(10_000, 70_000)], &[11_000], Some("6.5"), &[76_500]),
        ];
        for (stands, amounts, rate, expected) in table {
            let changes = amounts.iter().zip(1_u32..).map(|(amount, seq)| {
                let before = stands.get(seq as usize - 1);
                let before = before.map(|(amount, value)| open_of(seq, *amount, 0, Some(*value)));
                Change::new(before, open_of(seq, *amount, 0, None))
            });
            let rate = rate.map(|rate| Price::parse(rate).unwrap());
            let changes = valued(changes.collect(), rate, Currency::CNY).unwrap();
            let found: Vec<i64> = changes
                .iter()
                .map(|change| change.after.home_open.unwrap_or_default().to_scaled() / 100)
                .collect();
            assert_eq!(found, *expected, "{stands:?} {amounts:?}");
            let legs = changes.iter().flat_map(|change| legs(change, None).unwrap()).collect();
            let legs = balanced(legs).unwrap();
            let shifts_only =
                stands.iter().map(|(amount, _)| amount).sum::<i64>() == amounts.iter().sum::<i64>();
            assert_eq!(legs.iter().any(|leg| leg.account == Account::Contract), !shifts_only, "{legs:?}");
        }
        let grown = vec![Change::new(None, open_of(1, 1, 0, None))];
        assert_eq!(valued(grown, None, Currency::CNY).unwrap_err().code(), &error::INTERNAL);
    }

    #[test]
    fn what_is_settled_is_not_shifted() {
        // 40 of 100 are settled at their own value while 40 are added elsewhere: these are worth the rate of the day.
        let settled = Change {
            relieved: Some(cents(28_000)),
            ..Change::new(Some(open_of(1, 10_000, 0, Some(70_000))), open_of(1, 10_000, 4_000, None))
        };
        let added = Change::new(None, open_of(2, 4_000, 0, None));
        let rate = Some(Price::parse("5").unwrap());
        let found = valued(vec![settled, added], rate, Currency::CNY).unwrap();
        let values: Vec<Option<Amount>> = found.iter().map(|change| change.after.home_open).collect();
        assert_eq!(values, [Some(cents(42_000)), Some(cents(20_000))]);
    }
}
