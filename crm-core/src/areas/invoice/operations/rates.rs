//! Tax rates by date: the built-in ones and the ledger's own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::Cx;
use crate::areas::invoice::model::TaxRate;
use crate::areas::invoice::rules::vat::{RateSpan, built_in, in_force_on, merged};
use crate::areas::party::rules::{name, optional};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::{self, Date};
use crate::kernel::decimal::Rate;
use crate::kernel::error::{self, Code, Error, Result};
use crate::store::engine::Mode;
use crate::store::record::Record;

/// The built-in rates with the ledger's own.
pub(super) fn spans(cx: &mut Cx<'_>) -> Result<Vec<RateSpan>> {
    let own = cx.query::<TaxRate>().fetch(cx.tx())?;
    let own = own.into_iter().map(|own| RateSpan {
        name: own.name,
        from: own.valid_from,
        until: own.valid_until,
        rate: own.rate,
    });
    Ok(merged(built_in(), own.collect()))
}

/// Adds a tax rate to the built-in ones, or replaces that of the same name and first day; without a rate, removes the ledger's own.
///
/// A rate is in force until its last day, or until the day before the next rate of its name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTaxRate {
    /// A built-in category (`standard`, `reduced_goods`, `construction`, `services`, `zero`, `small_scale`, `small_scale_lowered`,
    /// `real_estate_levy`) or a name of the ledger's own, up to 60 characters.
    pub name: String,
    /// First day.
    pub valid_from: Date,
    /// Last day; open when left out.
    #[serde(default)]
    pub valid_until: Option<Date>,
    /// The rate, 0 to 1: `"0.13"` is 13%. The ledger's own rate of that name and day is removed when left out.
    #[serde(default)]
    pub rate: Option<Rate>,
    /// Remarks: the regulation.
    #[serde(default)]
    pub note: Option<String>,
}

impl Operation for SetTaxRate {
    type Output = Option<TaxRate>;
    const NAME: &'static str = "tax_rate.set";
    const ZH: &'static str = "设置税率";
    const ACCESS: Access = Access::Level("invoice", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&error::EMPTY, &error::TOO_LONG, &error::OUT_OF_RANGE, &error::END_BEFORE_START];
    const EXAMPLE: Example = Example {
        given: &[],
        input: r#"{"name": "standard", "valid_from": "2030-01-01", "rate": "0.12", "note": "示例"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Option<TaxRate>> {
        let name = name("name", &self.name, 60)?;
        if let Some(end) = self.valid_until.filter(|end| *end < self.valid_from) {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("valid_until")
                .with("start", self.valid_from)
                .with("end", end));
        }
        let c = TaxRate::C;
        let query = cx.query::<TaxRate>().equal(c.name, name.clone()).equal(c.valid_from, self.valid_from);
        let before = query.first(cx.tx())?;
        let Some(rate) = self.rate else {
            if let Some(before) = before {
                cx.delete(&before)?;
            }
            return Ok(None);
        };
        if rate.is_negative() || rate > Rate::ONE {
            return Err(Error::new(&error::OUT_OF_RANGE)
                .at("rate")
                .with("value", rate)
                .with("min", 0)
                .with("max", 1));
        }
        let after = TaxRate {
            name,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            rate,
            note: optional(self.note),
        };
        match before {
            Some(before) => cx.replace(&before, &after)?,
            None => cx.insert(&after)?,
        }
        Ok(Some(after))
    }
}

/// Tax rates, built-in and the ledger's own, by name and first day.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTaxRates {
    /// Only those in force on this day.
    #[serde(default)]
    pub date: Option<Date>,
    /// Only those of this name.
    #[serde(default)]
    pub name: Option<String>,
}

/// A tax rate and its days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaxRateEntry {
    /// A built-in category or a name of the ledger's own.
    pub name: String,
    /// First day.
    pub valid_from: Date,
    /// Last day: as given, or the day before the next rate of this name; none while it is open.
    pub valid_until: Option<Date>,
    /// The rate: `0.13` is 13%.
    pub rate: Rate,
}

impl Operation for ListTaxRates {
    type Output = Vec<TaxRateEntry>;
    const NAME: &'static str = "tax_rate.list";
    const ZH: &'static str = "税率列表";
    const ACCESS: Access = Access::Level("invoice", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"date": "2018-06-30"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Vec<TaxRateEntry>> {
        let spans = spans(cx)?;
        let in_force = self.date.map(|date| in_force_on(&spans, date));
        let mut entries = Vec::new();
        for (at, span) in spans.iter().enumerate() {
            let asked = self.name.as_ref().is_none_or(|name| *name == span.name)
                && in_force.as_ref().is_none_or(|found| found.contains(&span));
            if !asked {
                continue;
            }
            let next = spans.get(at + 1).filter(|next| next.name == span.name);
            let next = next.map(|next| date::add_days(next.from, -1)).transpose()?;
            let until = match (span.until, next) {
                (Some(until), Some(next)) => Some(until.min(next)),
                (until, next) => until.or(next),
            };
            entries.push(TaxRateEntry {
                name: span.name.clone(),
                valid_from: span.from,
                valid_until: until,
                rate: span.rate,
            });
        }
        Ok(entries)
    }
}
