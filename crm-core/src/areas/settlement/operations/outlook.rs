//! When open money is expected.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_RECEIPT;
use super::habits::Habits;
use super::since::{cells, open_now};
use crate::app::Cx;
use crate::areas::contract::{Installment, SettlementDirection};
use crate::areas::party::Customer;
use crate::areas::settlement::rules::outlook::{self, OutlookUnit, Place};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Result};
use crate::kernel::id::Id;
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Pred};
use crate::store::record::{Field, Record};

/// When open money is expected, by week or month from today on.
///
/// An installment is expected on its due date, or without one on the day for which its event is forecast. `weighted` adds
/// the days that its customer has paid late over the last 24 months, see `settlement.habits`; an overdue installment is
/// then expected in a period to come while those days have not passed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SettlementOutlook {
    /// What is receivable, or what is payable; receivable when left out.
    pub direction: Option<SettlementDirection>,
    /// The length of a period.
    pub unit: OutlookUnit,
    /// How many periods, up to 120; 12 when left out.
    pub periods: Option<u32>,
    /// Only this customer.
    pub customer: Option<Id<Customer>>,
    /// Only this currency.
    pub currency: Option<Currency>,
    /// Whether customers are expected to pay as late as they have paid.
    pub weighted: bool,
}

/// Money expected in a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutlookPeriod {
    /// Its first day; today in the first one.
    pub from: Date,
    /// Its last day.
    pub to: Date,
    /// What is expected.
    pub amount: Amount,
    /// Of it, what is expected by a forecast and has no due date yet.
    pub forecast: Amount,
}

/// Money expected in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutlookRow {
    /// The currency of the amounts.
    pub currency: Currency,
    /// All that is open: the sum of all that follows.
    pub total: Amount,
    /// What was expected before today.
    pub overdue: Amount,
    /// What is expected, period by period.
    pub periods: Vec<OutlookPeriod>,
    /// What is expected after the last period.
    pub later: Amount,
    /// What nothing tells a day for: neither a due date nor a forecast that is still ahead.
    pub undated: Amount,
}

/// When open money is expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outlook {
    /// Today.
    pub as_of: Date,
    /// The length of a period.
    pub unit: OutlookUnit,
    /// Whether days late of the past are added.
    pub weighted: bool,
    /// By currency.
    pub rows: Vec<OutlookRow>,
}

impl Operation for SettlementOutlook {
    type Output = Outlook;
    const NAME: &'static str = "settlement.outlook";
    const ZH: &'static str = "资金预测";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] =
        &[&error::OUT_OF_RANGE, &error::DATE_OUT_OF_RANGE, &error::NOT_AN_ID, &error::OVERFLOW];
    const EXAMPLE: Example =
        Example { given: GIVEN_TO_RECEIPT, input: r#"{"unit": "month", "periods": 3, "weighted": true}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Outlook> {
        let today = cx.today();
        let direction = self.direction.unwrap_or(SettlementDirection::Receivable);
        let periods = outlook::periods(self.unit, self.periods.unwrap_or(12), today)
            .map_err(|error| error.at("periods"))?;
        let habits = match self.weighted {
            true => Some(Habits::read(cx, direction)?),
            false => None,
        };
        let (ids, c) = (cx.ids(), Installment::C);
        let mut rows: BTreeMap<Currency, OutlookRow> = BTreeMap::new();
        // What has a due date is read from the index alone; only what has none needs its row for the forecast.
        for dated in [true, false] {
            let last = if dated { c.due_date.position() } else { c.forecast_date.position() };
            let columns = [c.customer.position(), c.currency.position(), c.open_amount.position(), last];
            let mut binder = open_now(cx, direction, self.customer, self.currency, &columns, true)?;
            let due = ColumnRef::base(c.due_date.position());
            binder.filter(if dated { Pred::IsPresent(due) } else { Pred::IsNull(due) });
            cx.check_cancelled()?;
            cx.tx().select(&binder.select, &mut |row| {
                let [customer, currency, open, date] = cells(row)?;
                let (currency, open) = (Currency::decode(currency, ids)?, Amount::decode(open, ids)?);
                let date = Option::decode(date, ids)?;
                let (due, forecast) = if dated { (date, None) } else { (None, date) };
                let customer = Id::decode(customer, ids)?;
                let days = habits.as_ref().map_or(0, |habits| habits.days(customer));
                let row = rows.entry(currency).or_insert_with(|| empty(currency, &periods));
                let add = |sum: &mut Amount| sum.checked_add(open).map(|total| *sum = total);
                add(&mut row.total)?;
                match outlook::place(due, forecast, days, &periods)? {
                    Place::Overdue => add(&mut row.overdue)?,
                    Place::Later => add(&mut row.later)?,
                    Place::Undated => add(&mut row.undated)?,
                    Place::Period(at) => {
                        add(&mut row.periods[at].amount)?;
                        if !dated {
                            add(&mut row.periods[at].forecast)?;
                        }
                    }
                }
                Ok(Flow::More)
            })?;
        }
        let rows = rows.into_values().collect();
        Ok(Outlook { as_of: today, unit: self.unit, weighted: self.weighted, rows })
    }
}

fn empty(currency: Currency, periods: &[(Date, Date)]) -> OutlookRow {
    let zero = Amount::ZERO;
    let period =
        |(from, to): &(Date, Date)| OutlookPeriod { from: *from, to: *to, amount: zero, forecast: zero };
    OutlookRow {
        currency,
        total: zero,
        overdue: zero,
        periods: periods.iter().map(period).collect(),
        later: zero,
        undated: zero,
    }
}
