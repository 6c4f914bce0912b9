//! What the tests of published figures share: reading the rows, their values, and counting what became of them.
// Every test uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;

use crm_core::areas::contract::rules::schedule::{Anchors, due_date};
use crm_core::areas::contract::rules::shares::split;
use crm_core::areas::contract::{PaymentTerm, TermAlign, TermAnchor, TermOffset, TermShare};
use crm_core::kernel::calendar::Calendar;
use crm_core::kernel::currency::Currency;
use crm_core::kernel::date::{Date, parse_date};
use crm_core::kernel::decimal::{Amount, Rate};
use crm_core::kernel::error::Result;
use crm_core::kernel::money::Money;
use serde_json::Value;

use Outcome::{Different, NotYet, Passed};

pub(crate) use crm_shared::rows;

/// What became of a row.
pub(crate) enum Outcome {
    /// Our rule gives the published figure.
    Passed,
    /// Our rule is deliberately another one.
    Different(&'static str),
    /// The library has nothing that this asks for, or not in the core.
    NotYet(&'static str),
}

pub(crate) fn day(value: &Value) -> Date {
    parse_date(value.as_str().unwrap()).unwrap()
}

pub(crate) fn days(value: &Value) -> Vec<Date> {
    value.as_array().unwrap().iter().map(day).collect()
}

/// Amounts stand as text or as JSON numbers; either way their digits are read, never a float.
pub(crate) fn amount(value: &Value) -> Amount {
    Amount::parse(value.as_str().map_or_else(|| value.to_string(), str::to_owned).trim_end_matches(".0"))
        .unwrap()
}

pub(crate) fn amounts(value: &Value) -> Vec<Amount> {
    value.as_array().map(|list| list.iter().map(amount).collect()).unwrap_or_default()
}

pub(crate) fn sum(amounts: &[Amount]) -> Amount {
    Amount::checked_sum(amounts.iter().copied()).unwrap()
}

/// A fraction from a percentage as text or number.
pub(crate) fn rate(percent: &Value) -> Rate {
    let percent =
        Amount::parse(&percent.as_str().map_or_else(|| percent.to_string(), str::to_owned)).unwrap();
    Rate::from_scaled(percent.to_scaled())
}

pub(crate) fn number(value: &Value) -> i32 {
    i32::try_from(value.as_i64().unwrap_or(0)).unwrap()
}

pub(crate) fn term(offset: TermOffset, align: TermAlign) -> PaymentTerm {
    PaymentTerm { offset, align, ..PaymentTerm::new(TermShare::Balance, TermAnchor::Signed) }
}

pub(crate) fn due(term: &PaymentTerm, start: Date) -> Date {
    let anchors = Anchors { signed: Some(start), ..Anchors::default() };
    due_date(term, &anchors, &Calendar::weekends_only()).unwrap().unwrap()
}

/// Amounts in a currency of the given step, by our rule.
pub(crate) fn parts(total: Amount, step: &str, shares: &[TermShare]) -> Result<Vec<Amount>> {
    let currency = Currency::from_code(if step == "0.001" { "KWD" } else { "CNY" }).unwrap();
    let parts = split(Money::new(total, currency).unwrap(), shares)?;
    Ok(parts.into_iter().map(|part| part.amount()).collect())
}

pub(crate) fn share(line: &Value) -> TermShare {
    let fixed = line.get("fixed").map(|fixed| TermShare::Amount(amount(fixed)));
    let percent = line.get("percent").or_else(|| line.get("pct"));
    fixed.unwrap_or_else(|| TermShare::Rate(rate(percent.unwrap())))
}

pub(crate) fn report(outcomes: Vec<(String, Outcome)>) {
    let mut counts: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for (area, outcome) in outcomes {
        let (column, reason) = match outcome {
            Passed => (0, None),
            Different(reason) => (1, Some(format!("deliberately different: {reason}"))),
            NotYet(reason) => (2, Some(format!("not applicable yet: {reason}"))),
        };
        counts.entry(area).or_default()[column] += 1;
        if let Some(reason) = reason {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    for (area, [passed, different, not_yet]) in &counts {
        println!("{area}: {passed} passed, {different} deliberately different, {not_yet} not applicable yet");
    }
    for (reason, count) in reasons {
        println!("  {count} {reason}");
    }
    let total = counts.values().fold([0; 3], |sum, row| [sum[0] + row[0], sum[1] + row[1], sum[2] + row[2]]);
    println!("{} passed, {} deliberately different, {} not applicable yet", total[0], total[1], total[2]);
    assert!(total[0] > 0);
}
