//! Figures on what is owed over a period.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::GIVEN_TO_RECEIPT;
use super::habits::{credits, moved};
use super::since::{AsOfBasis, Since, cells, open_now};
use crate::app::Cx;
use crate::areas::contract::{Account, Installment, JournalLine, SettlementDirection};
use crate::areas::party::Customer;
use crate::areas::settlement::rules::habits::{self, Movement, Sums};
use crate::areas::settlement::rules::statistics::Period;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::{Amount, Quantity, Rate};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::{Flow, Mode};
use crate::store::record::{Field, Record};

/// Figures on what is owed over a period: charges, collections, days sales outstanding, lateness.
///
/// Everything counts by its business date. Per currency always: opening + charges − cancelled − collected − credited −
/// discounted − written off = closing. Formulas are those of the Credit Research Foundation, over the period as a whole; what has no due
/// date yet counts as open and not overdue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementStatistics {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// What is receivable, or what is payable; receivable when left out.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
    /// Only this customer.
    #[serde(default)]
    pub customer: Option<Id<Customer>>,
    /// Only this currency.
    #[serde(default)]
    pub currency: Option<Currency>,
}

/// Figures of one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatisticsRow {
    /// The currency of the amounts.
    pub currency: Currency,
    /// Open at the end of the day before the period.
    pub opening: Amount,
    /// Newly owed: contracts that took effect, what was added to them, late charges.
    pub charges: Amount,
    /// No longer owed without being paid: terminations and reductions.
    pub cancelled: Amount,
    /// Settled by money, less what was taken back.
    pub collected: Amount,
    /// Settled by credits in place of money, less what was taken back.
    pub credited: Amount,
    /// Given up: for paying early, by agreement, or because it was too small for a coin.
    pub discounted: Amount,
    /// Closed without money.
    pub written_off: Amount,
    /// Open at the end of the last day.
    pub closing: Amount,
    /// Of it, what was overdue then.
    pub overdue: Amount,
    /// Of it, what had no due date then.
    pub undated: Amount,
    /// Overdue as a fraction of what is open at the end, half-up to four places; none when nothing is open.
    pub overdue_share: Option<Rate>,
    /// Days sales outstanding: closing / charges × days, half-up to two places; none without charges.
    pub dso: Option<Quantity>,
    /// The least that it could be: the same with what is not overdue.
    pub best_dso: Option<Quantity>,
    /// The mean of days late of what was paid in the period, weighted by amounts, half-up to two places; below zero when
    /// early, none without payments.
    pub days_late: Option<Quantity>,
    /// Collection effectiveness: (opening + charges − closing) / (opening + charges − closing that is not overdue), half-up
    /// to four places; 1 when all that could be collected was.
    pub effectiveness: Option<Rate>,
}

/// Figures on what is owed over a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatisticsReport {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Calendar days, both included.
    pub days: i32,
    /// By currency.
    pub rows: Vec<StatisticsRow>,
}

#[derive(Default)]
struct Sum {
    period: Period,
    undated: Amount,
    cancelled: Amount,
    moved: Amount,
    credited: Amount,
    discounted: Amount,
    written_off: Amount,
}

fn add(sum: &mut Amount, part: Amount) -> Result<()> {
    *sum = sum.checked_add(part)?;
    Ok(())
}

impl Sum {
    /// Adds to what is open at the end of the period.
    fn open(&mut self, due: Option<Date>, amount: Amount, to: Date) -> Result<()> {
        add(&mut self.period.closing, amount)?;
        match due {
            None => add(&mut self.undated, amount),
            Some(due) if due < to => add(&mut self.period.overdue, amount),
            Some(_) => Ok(()),
        }
    }
}

impl Operation for SettlementStatistics {
    type Output = StatisticsReport;
    const NAME: &'static str = "settlement.statistics";
    const ZH: &'static str = "应收应付统计";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::END_BEFORE_START, &error::NOT_AN_ID, &error::OVERFLOW];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_RECEIPT,
        input: r#"{"from": "2026-02-01", "to": "2026-02-28", "currency": "CNY"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<StatisticsReport> {
        let SettlementStatistics { from, to, customer, currency, .. } = self;
        if to < from {
            return Err(Error::new(&error::END_BEFORE_START).at("to").with("start", from).with("end", to));
        }
        let direction = self.direction.unwrap_or(SettlementDirection::Receivable);
        let days = date::days_between(from, to) + 1;
        let ids = cx.ids();
        let mut sums: BTreeMap<Currency, Sum> = BTreeMap::new();
        let c = Installment::C;
        let columns = [c.currency.position(), c.due_date.position(), c.open_amount.position()];
        let binder = open_now(cx, direction, customer, currency, &columns, true)?;
        cx.tx().select(&binder.select, &mut |row| {
            let [currency, due, open] = cells(row)?;
            let sum = sums.entry(Currency::decode(currency, ids)?).or_default();
            sum.open(Option::decode(due, ids)?, Amount::decode(open, ids)?, to)?;
            Ok(Flow::More)
        })?;
        let since = Since { direction, customer, currency, from, basis: AsOfBasis::Dated };
        let accounts =
            [Account::Open, Account::Contract, Account::LateCharge, Account::Discount, Account::WriteOff];
        let credits = credits(cx, &since)?;
        let c = JournalLine::C;
        let columns = [
            c.currency.position(),
            c.account.position(),
            c.document.position(),
            c.date.position(),
            c.due_date.position(),
            c.amount.position(),
        ];
        let binder = since.binder(cx, &accounts, &columns)?;
        cx.check_cancelled()?;
        cx.tx().select(&binder.select, &mut |row| {
            let [currency, account, document, date, due, amount] = cells(row)?;
            let sum = sums.entry(Currency::decode(currency, ids)?).or_default();
            let (account, amount) = (Account::decode(account, ids)?, Amount::decode(amount, ids)?);
            let back = amount.checked_neg()?;
            if Date::decode(date, ids)? > to {
                if account == Account::Open {
                    sum.open(Option::decode(due, ids)?, back, to)?;
                }
                return Ok(Flow::More);
            }
            // The lines of an entry sum to zero: what these accounts lack is money, or a credit.
            let credited =
                Option::<Uuid>::decode(document, ids)?.is_some_and(|document| credits.contains(&document));
            add(if credited { &mut sum.credited } else { &mut sum.moved }, back)?;
            match account {
                Account::Open => add(&mut sum.period.opening, back)?,
                Account::Discount => add(&mut sum.discounted, amount)?,
                Account::WriteOff => add(&mut sum.written_off, amount)?,
                _ if amount.is_positive() => add(&mut sum.cancelled, amount)?,
                _ => add(&mut sum.period.charges, back)?,
            }
            Ok(Flow::More)
        })?;
        let mut movements: BTreeMap<Currency, Vec<Movement>> = BTreeMap::new();
        for one in moved(cx, &since, to, true, &credits)? {
            movements.entry(one.currency).or_default().push(one.movement);
        }
        let mut rows = Vec::with_capacity(sums.len());
        for (currency, sum) in sums {
            let mut period = Period { days, ..sum.period };
            // So far only what is to be taken from the closing balance.
            period.opening = period.opening.checked_add(period.closing)?;
            let paid = habits::paid(movements.remove(&currency).unwrap_or_default())?;
            rows.push(StatisticsRow {
                currency,
                opening: period.opening,
                charges: period.charges,
                cancelled: sum.cancelled,
                collected: sum.moved,
                credited: sum.credited,
                discounted: sum.discounted,
                written_off: sum.written_off,
                closing: period.closing,
                overdue: period.overdue,
                undated: sum.undated,
                overdue_share: period.overdue_share()?,
                dso: period.dso()?,
                best_dso: period.best_dso()?,
                days_late: Sums::of(&paid)?.mean()?,
                effectiveness: period.effectiveness()?,
            });
        }
        Ok(StatisticsReport { from, to, days: i32::try_from(days).unwrap_or(i32::MAX), rows })
    }
}
