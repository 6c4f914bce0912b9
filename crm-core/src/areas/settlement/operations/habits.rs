//! How customers pay, from the journal.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::GIVEN_TO_RECEIPT;
use super::since::{AsOfBasis, Since, cells};
use crate::app::{Cx, NOT_FOUND};
use crate::areas::contract::{Account, EntryKind, JournalLine, SettlementDirection};
use crate::areas::party::Customer;
use crate::areas::settlement::model::{MoneyDirection, Receipt};
use crate::areas::settlement::rules::habits::{self, BOUNDS, MONTHS, Movement, Sums};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::{Amount, Quantity, Rate};
use crate::kernel::error::{self, Code, Result};
use crate::kernel::id::Id;
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Output, Pred};
use crate::store::record::{Big, Field, Record};

/// Receipts read at once.
const RECEIPTS_AT_ONCE: usize = 500;

/// A movement with whose it is.
pub(super) struct Moved {
    /// The customer.
    pub(super) customer: Id<Customer>,
    /// The currency.
    pub(super) currency: Currency,
    /// What was settled or taken back; its amount in that currency.
    pub(super) movement: Movement,
    /// The same amount in the ledger's currency.
    pub(super) home: Amount,
}

/// The credits that are known, reversals included: what they settle is not paid.
pub(super) fn credits(cx: &mut Cx<'_>, since: &Since) -> Result<BTreeSet<Uuid>> {
    let (ids, c) = (cx.ids(), Receipt::C);
    let money = MoneyDirection::of(since.direction);
    let mut query = cx.query::<Receipt>().present(c.credit).equal(c.direction, money);
    if let Some(customer) = since.customer {
        query = query.equal(c.customer, customer);
    }
    let mut found = BTreeSet::new();
    query.scan(cx.tx(), vec![Output::Column(ColumnRef::base(c.id.position()))], &mut |row| {
        let [id] = cells(row)?;
        found.insert(Uuid::decode(id, ids)?);
        Ok(Flow::More)
    })?;
    Ok(found)
}

/// What money has settled, and what was taken back of it, from a business day on and until another, in the order of
/// posting; of the contracts in the user's scope, or of all. What credits settle is left out.
pub(super) fn moved(
    cx: &mut Cx<'_>,
    since: &Since,
    until: Date,
    scoped: bool,
    credits: &BTreeSet<Uuid>,
) -> Result<Vec<Moved>> {
    let (ids, c) = (cx.ids(), JournalLine::C);
    let columns = [
        c.entry.position(),
        c.kind.position(),
        c.customer.position(),
        c.currency.position(),
        c.contract.position(),
        c.installment.position(),
        c.document.position(),
        c.due_date.position(),
        c.date.position(),
        c.amount.position(),
        c.home.position(),
    ];
    let mut binder = match scoped {
        true => since.binder(cx, &[Account::Open], &columns)?,
        false => since.unscoped(cx, &[Account::Open], &columns)?,
    };
    let kinds = [EntryKind::Receipt, EntryKind::Allocation, EntryKind::Reallocation, EntryKind::Reversal];
    let kinds = kinds.iter().map(|kind| kind.encode(ids)).collect::<Result<Vec<_>>>()?;
    binder.filter(Pred::In(ColumnRef::base(c.kind.position()), kinds));
    let (mut found, mut reversals) = (Vec::new(), BTreeSet::new());
    cx.check_cancelled()?;
    cx.tx().select(&binder.select, &mut |row| {
        let [entry, kind, customer, currency, contract, installment, document, due, date, amount, home] =
            cells(row)?;
        let kind = EntryKind::decode(kind, ids)?;
        let amount = Amount::decode(amount, ids)?.checked_neg()?;
        let date = Date::decode(date, ids)?;
        // Money settles in receipts and allocations, and is taken back by the others; their other lines take back late
        // charges and discounts.
        let settles = matches!(kind, EntryKind::Receipt | EntryKind::Allocation);
        if date > until || settles != amount.is_positive() || amount.is_zero() {
            return Ok(Flow::More);
        }
        let receipt = Option::<Uuid>::decode(document, ids)?.unwrap_or_default();
        if credits.contains(&receipt) {
            return Ok(Flow::More);
        }
        if kind == EntryKind::Reversal {
            reversals.insert(receipt);
        }
        let due = Option::decode(due, ids)?;
        let (contract, installment) = (Id::decode(contract, ids)?, u32::decode(installment, ids)?);
        let movement = Movement { receipt, contract, installment, due, date, amount };
        let (customer, currency) = (Id::decode(customer, ids)?, Currency::decode(currency, ids)?);
        let home = Amount::decode(home, ids)?.checked_neg()?;
        found.push((Uuid::decode(entry, ids)?, Moved { customer, currency, movement, home }));
        Ok(Flow::More)
    })?;
    found.sort_by_key(|(entry, _)| *entry);
    let reversed = reversed(cx, reversals)?;
    let moved = found.into_iter().map(|(_, mut moved)| {
        if let Some(receipt) = reversed.get(&moved.movement.receipt) {
            moved.movement.receipt = *receipt;
        }
        moved
    });
    Ok(moved.collect())
}

/// Which receipts these reversals reverse.
fn reversed(cx: &mut Cx<'_>, reversals: BTreeSet<Uuid>) -> Result<BTreeMap<Uuid, Uuid>> {
    let (ids, c) = (cx.ids(), Receipt::C);
    let wanted: Vec<Id<Receipt>> = reversals.into_iter().map(Id::from_uuid).collect();
    let mut found = BTreeMap::new();
    for wanted in wanted.chunks(RECEIPTS_AT_ONCE) {
        let outputs = [c.id.position(), c.reversal_of.position()];
        let outputs = outputs.map(|at| Output::Column(ColumnRef::base(at))).to_vec();
        let query = cx.query::<Receipt>().any_of(c.id, wanted.iter().copied());
        query.scan(cx.tx(), outputs, &mut |row| {
            let [id, original] = cells(row)?;
            if let Some(original) = Option::<Uuid>::decode(original, ids)? {
                found.insert(Uuid::decode(id, ids)?, original);
            }
            Ok(Flow::More)
        })?;
    }
    Ok(found)
}

/// The days late of customers over the usual window, and of all of them together.
pub(super) struct Habits {
    of: BTreeMap<Id<Customer>, i64>,
    all: i64,
}

impl Habits {
    /// Those in the user's scope by contract.
    ///
    /// # Errors
    /// Of the engine.
    pub(super) fn read(cx: &mut Cx<'_>, direction: SettlementDirection) -> Result<Habits> {
        let since = window(cx.today(), direction, None)?;
        let today = cx.today();
        let mut movements: BTreeMap<Id<Customer>, Vec<Movement>> = BTreeMap::new();
        let credits = credits(cx, &since)?;
        for Moved { customer, movement, home, .. } in moved(cx, &since, today, true, &credits)? {
            movements.entry(customer).or_default().push(Movement { amount: home, ..movement });
        }
        let (mut of, mut all) = (BTreeMap::new(), Sums::default());
        for (customer, movements) in movements {
            let paid = habits::paid(movements)?;
            paid.iter().try_for_each(|paid| all.add(*paid))?;
            of.extend(Sums::of(&paid)?.days().map(|days| (customer, days)));
        }
        Ok(Habits { of, all: all.days().unwrap_or(0) })
    }

    /// How many days late a customer pays: by its own history, or else as all customers do, or else on time.
    pub(super) fn days(&self, customer: Id<Customer>) -> i64 {
        self.of.get(&customer).copied().unwrap_or(self.all)
    }
}

fn window(today: Date, direction: SettlementDirection, customer: Option<Id<Customer>>) -> Result<Since> {
    let from = date::add_months(today, -MONTHS)?;
    Ok(Since { direction, customer, currency: None, from, basis: AsOfBasis::Dated })
}

/// How a customer has paid over the last 24 months.
///
/// Each amount settled counts with the days from its due date to the day of the money, weighted by its value in the
/// ledger's currency; an advance counts from the day on which it was used. What was reversed or reallocated counts as if it
/// had not been paid; what a credit settled was not paid at all.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementHabits {
    /// The customer.
    pub customer: Id<Customer>,
    /// What is receivable, or what is payable; receivable when left out.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
}

/// Payments by days late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HabitBucket {
    /// From so many days late; none for what was early or on time.
    pub from: Option<i32>,
    /// Up to so many days late; none for the last one.
    pub to: Option<i32>,
    /// Parts of installments paid.
    pub payments: Big,
    /// How much, in the ledger's currency.
    pub amount: Amount,
}

/// How a customer has paid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentHabits {
    /// The customer.
    pub customer: Id<Customer>,
    /// The first day looked at.
    pub from: Date,
    /// The last day looked at: today.
    pub to: Date,
    /// Parts of installments paid.
    pub payments: Big,
    /// How much, in the ledger's currency.
    pub amount: Amount,
    /// The mean of days late weighted by amounts, half-up to two places; below zero when early, none without payments.
    pub days_late: Option<Quantity>,
    /// The days that the weighted outlook adds for this customer: the same half-up to whole days; without payments as all
    /// customers that you may see pay, or none.
    pub expected_days: i32,
    /// The share of amounts that were paid on time, half-up to four places; none without payments.
    pub on_time: Option<Rate>,
    /// Payments by days late.
    pub buckets: Vec<HabitBucket>,
}

impl Operation for SettlementHabits {
    type Output = PaymentHabits;
    const NAME: &'static str = "settlement.habits";
    const ZH: &'static str = "客户付款习惯";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID, &error::OVERFLOW];
    const EXAMPLE: Example = Example { given: GIVEN_TO_RECEIPT, input: r#"{"customer": "${customer.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<PaymentHabits> {
        cx.get_owned(self.customer, Level::Read).map_err(|error| error.at("customer"))?;
        let (to, customer) = (cx.today(), self.customer);
        let direction = self.direction.unwrap_or(SettlementDirection::Receivable);
        let since = window(to, direction, Some(customer))?;
        let credits = credits(cx, &since)?;
        let movements = moved(cx, &since, to, false, &credits)?;
        let movements = movements.into_iter().map(|one| Movement { amount: one.home, ..one.movement });
        let paid = habits::paid(movements)?;
        let sums = Sums::of(&paid)?;
        let days = match sums.days() {
            Some(days) => days,
            None => Habits::read(cx, direction)?.all,
        };
        let distribution = habits::distribution(&paid)?;
        let buckets = distribution.iter().enumerate().map(|(at, bucket)| {
            let day = |days: i64| i32::try_from(days).unwrap_or(i32::MAX);
            HabitBucket {
                from: at.checked_sub(1).map(|before| day(BOUNDS[before] + 1)),
                to: BOUNDS.get(at).map(|bound| day(*bound)),
                payments: Big(bucket.payments),
                amount: bucket.amount,
            }
        });
        Ok(PaymentHabits {
            customer,
            from: since.from,
            to,
            payments: Big(sums.payments),
            amount: sums.amount,
            days_late: sums.mean()?,
            expected_days: i32::try_from(days).unwrap_or(i32::MAX),
            on_time: habits::on_time(&paid)?,
            buckets: buckets.collect(),
        })
    }
}
