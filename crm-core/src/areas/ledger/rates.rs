//! Exchange rates, and amounts in the ledger's currency.
//!
//! A rate holds from its day until the next one of that currency. An amount in another currency is valued once, when it
//! is booked, by the rate stated then or the one that holds on its day (《企业会计准则第19号——外币折算》, articles 10 and
//! 11); values round half-up to the minor unit of the ledger's currency.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EXCHANGE_RATES;
use super::model::ExchangeRate;
use crate::app::{Cx, ListRequest, Page};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Price};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::money::Money;
use crate::store::engine::Mode;
use crate::store::record::Record;

crate::codes! {
    /// No exchange rate is known for that day.
    NO_RATE = 1252, State, "No exchange rate of {currency} is known on {date}; set one with ledger.set_rate or state it.", "{date} 没有 {currency} 的汇率;请先用 ledger.set_rate 设置,或直接给出汇率。";
}

/// The rate of a currency that holds on a day; none for the ledger's own currency.
///
/// # Errors
/// `NO_RATE`; of the engine.
pub fn rate_on(cx: &mut Cx<'_>, currency: Currency, date: Date) -> Result<Option<Price>> {
    if currency == cx.ledger().info().currency {
        return Ok(None);
    }
    let c = ExchangeRate::C;
    let query = cx.query::<ExchangeRate>().equal(c.currency, currency).at_most(c.date, date);
    match query.descending(c.date).first(cx.tx())? {
        Some(found) => Ok(Some(found.rate)),
        None => Err(Error::new(&NO_RATE).with("currency", currency).with("date", date)),
    }
}

/// The rate as stated, or else the one that holds on a day; none for the ledger's own currency.
///
/// # Errors
/// At `rate`: `NOT_APPLICABLE`, `OUT_OF_RANGE`; as [`rate_on`].
pub(crate) fn stated_rate(
    cx: &mut Cx<'_>,
    stated: Option<Price>,
    currency: Currency,
    date: Date,
) -> Result<Option<Price>> {
    let Some(rate) = stated else { return rate_on(cx, currency, date).map_err(|error| error.at("rate")) };
    check_rate(cx, currency, rate)?;
    Ok(Some(rate))
}

fn check_rate(cx: &Cx<'_>, currency: Currency, rate: Price) -> Result<()> {
    if currency == cx.ledger().info().currency {
        let (reason, zh) =
            (format!("{currency} is the ledger's own currency"), format!("{currency} 是账套本位币"));
        return Err(Error::new(&error::NOT_APPLICABLE).at("rate").with_both("reason", reason, zh));
    }
    if !rate.is_positive() {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("rate")
            .with("value", rate)
            .with("min", "0.000001")
            .with("max", Price::from_scaled(i64::MAX)));
    }
    Ok(())
}

/// An amount in the ledger's currency at a rate, half-up; the amount itself without one.
///
/// # Errors
/// `OVERFLOW`.
pub fn home_value(amount: Money, rate: Option<Price>, home: Currency) -> Result<Amount> {
    rate.map_or(Ok(amount.amount()), |rate| amount.convert(rate, home).map(Money::amount))
}

/// Sets what one unit of a currency costs in the ledger's currency from a day on. What has been booked keeps its rate.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRate {
    /// The currency, another than the ledger's.
    pub currency: Currency,
    /// The first day it holds; today when left out.
    #[serde(default)]
    pub date: Option<Date>,
    /// Units of the ledger's currency for one unit, above zero, up to six places.
    pub rate: Price,
    /// Where it comes from.
    #[serde(default)]
    pub note: Option<String>,
}

const GIVEN_RATE: Given = Given {
    save: "rate",
    call: "ledger.set_rate",
    input: r#"{"currency": "USD", "date": "2026-02-01", "rate": "6.9612", "note": "中国外汇交易中心"}"#,
};

impl Operation for SetRate {
    type Output = ExchangeRate;
    const NAME: &'static str = "ledger.set_rate";
    const ZH: &'static str = "设置汇率";
    const ACCESS: Access = Access::Level("ledger", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&error::OUT_OF_RANGE, &error::NOT_APPLICABLE];
    const EXAMPLE: Example = Example { given: &[], input: GIVEN_RATE.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<ExchangeRate> {
        check_rate(cx, self.currency, self.rate)?;
        let date = self.date.unwrap_or(cx.today());
        let after = ExchangeRate { currency: self.currency, date, rate: self.rate, note: self.note };
        let c = ExchangeRate::C;
        let query = cx.query::<ExchangeRate>().equal(c.currency, after.currency).equal(c.date, date);
        match query.first(cx.tx())? {
            Some(before) => cx.replace(&before, &after)?,
            None => cx.insert(&after)?,
        }
        Ok(after)
    }
}

/// Lists exchange rates.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListRates(pub ListRequest);

impl Operation for ListRates {
    type Output = Page<ExchangeRate>;
    const NAME: &'static str = "ledger.rates";
    const ZH: &'static str = "汇率列表";
    const ACCESS: Access = Access::Level("ledger", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_RATE], input: r#"{"filter": {"equal": ["currency", "USD"]}}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<ExchangeRate>> {
        cx.list(&EXCHANGE_RATES, &self.0)
    }
}
