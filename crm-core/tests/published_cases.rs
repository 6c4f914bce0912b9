//! The kernel against figures that others published: see the README beside the files for their sources.
//!
//! A row that contradicts a rule of ours is counted here with the reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crm_core::kernel::calendar::{Calendar, Shift};
use crm_core::kernel::currency::Currency;
use crm_core::kernel::date::{self, Date, parse_date};
use crm_core::kernel::decimal::Amount;
use crm_core::kernel::error::Locale;
use crm_core::kernel::money::split_minor;
use crm_core::kernel::words;
use crm_shared::rows;
use rust_decimal::Decimal;
use serde_json::Value;

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_else(|| panic!("{name} in {row}"))
}

fn number(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("{name} in {row}"))
}

fn numbers(row: &Value, name: &str) -> Vec<i64> {
    row[name].as_array().unwrap().iter().map(|value| value.as_i64().unwrap()).collect()
}

fn day(row: &Value, name: &str) -> Date {
    parse_date(text(row, name)).unwrap()
}

fn report(file: &str, passed: usize, different: usize, reason: &str) {
    match different {
        0 => println!("{file}: {passed} passed"),
        _ => println!("{file}: {passed} passed, {different} deliberately different: {reason}"),
    }
}

#[test]
fn currency_minor_units() {
    let file = "currency_minor_units.jsonl";
    let Some(rows) = rows(file) else { return };
    let mut different = 0;
    for row in &rows {
        let code = text(row, "code");
        let Some(exponent) = row["iso4217_exponent"].as_i64() else {
            assert!(Currency::from_code(code).is_err(), "{code}");
            different += 1;
            continue;
        };
        let currency = Currency::from_code(code).unwrap();
        assert_eq!(i64::from(currency.minor_unit()), exponent, "{code}");
        assert_eq!(i64::from(currency.numeric()), number(row, "numeric"), "{code}");
        for (locale, name) in [(Locale::English, "name_en"), (Locale::Chinese, "name_zh")] {
            // Where CLDR has no name it repeats the code.
            let name = text(row, name);
            assert!(name == code || currency.name(locale).eq_ignore_ascii_case(name), "{name}");
        }
    }
    let reason = "ISO 4217 gives them no minor unit, so they are not money here";
    report(file, rows.len() - different, different, reason);
}

#[test]
fn allocate_dinero() {
    let file = "allocate_dinero.jsonl";
    let Some(rows) = rows(file) else { return };
    for row in &rows {
        let weights: Vec<Decimal> = numbers(row, "ratios").into_iter().map(Decimal::from).collect();
        let parts = numbers(row, "parts");
        assert_eq!(split_minor(number(row, "amount"), &weights).unwrap(), parts, "{row}");
        let mirror: Vec<i64> = parts.iter().map(|part| -part).collect();
        assert_eq!(split_minor(-number(row, "amount"), &weights).unwrap(), mirror, "{row}");
    }
    report(file, rows.len(), 0, "");
}

#[test]
fn date_add_months() {
    let file = "date_add_months.jsonl";
    let Some(rows) = rows(file) else { return };
    for row in &rows {
        let start = day(row, "start");
        let months = i32::try_from(number(row, "months")).unwrap();
        assert_eq!(date::add_months(start, months), Ok(day(row, "result")), "{row}");
        assert_eq!(date::term_end(start, months), Ok(day(row, "term_end_inclusive")), "{row}");
        let (a, b) = (day(row, "a"), day(row, "b"));
        let span = date::difference(a, b);
        for (part, name) in [(span.years, "years"), (span.months, "months"), (span.days, "days")] {
            assert_eq!(i64::from(part), number(&row["diff"], name), "{row}");
        }
        assert_eq!(date::days_between(a, b), number(row, "days"), "{row}");
        let (year, week, weekday) = date::iso_week(start);
        assert_eq!(row["iso_week"], serde_json::json!([year, week, weekday]), "{row}");
        assert_eq!(i64::from(date::quarter(start)), number(row, "quarter"), "{row}");
        assert_eq!(date::month_end(start), day(row, "month_end"), "{row}");
    }
    report(file, rows.len(), 0, "");
}

#[test]
fn cn_workday_add() {
    let file = "cn_workday_add.jsonl";
    let Some(rows) = rows(file) else { return };
    let china = Calendar::china();
    let mut disputed = 0;
    for row in &rows {
        let start = day(row, "start");
        let n = i32::try_from(number(row, "n")).unwrap();
        assert_eq!(china.add_working_days(start, n), Ok(day(row, "result")), "{row}");
        assert_eq!(china.is_working_day(start).ok(), row["start_is_workday"].as_bool(), "{row}");
        let next = day(row, "next_workday_on_or_after");
        assert_eq!(china.shift(start, Shift::Forward), Ok(next), "{row}");
        let worked = china.working_days_between(start, day(row, "range_end"));
        assert_eq!(worked, Ok(number(row, "workdays_in_closed_range")), "{row}");
        let libraries = ["chinese_calendar_find_workday", "chinese_days_find_workday"];
        let differs = |name: &&str| row[*name].as_str().is_some_and(|other| other != text(row, "result"));
        disputed += usize::from(libraries.iter().any(differs));
    }
    report(file, rows.len(), 0, "");
    println!("  in {disputed} of them a library counts otherwise from a day off; ours is the strict n-th");
}

#[test]
fn rmb_official_examples() {
    let file = "rmb_official_examples.jsonl";
    let Some(rows) = rows(file) else { return };
    for row in &rows {
        let ours = if row["month_day"].is_string() {
            let date = parse_date(&format!("2024-{}", text(row, "month_day"))).unwrap();
            format!("{}{}", words::bill_month(date), words::bill_day(date))
        } else {
            words::rmb_capital(Amount::parse(text(row, "amount")).unwrap()).unwrap()
        };
        let accepted = row["accepted"].as_array().unwrap();
        assert!(accepted.iter().any(|spelling| *spelling == ours), "{ours}: {row}");
    }
    report(file, rows.len(), 0, "");
}

#[test]
fn rmb_upper() {
    let file = "rmb_upper.jsonl";
    let Some(rows) = rows(file) else { return };
    let (mut agreed, mut disputed) = (0, 0);
    for row in &rows {
        let ours = words::rmb_capital(Amount::parse(text(row, "amount")).unwrap()).unwrap();
        let answers = ["cn2an", "nzh", "cn_amount"].map(|library| text(row, library));
        if answers[0] == answers[1] {
            assert_eq!(ours, answers[0], "{row}");
            agreed += 1;
        } else {
            assert!(answers.contains(&ours.as_str()), "{ours}: {row}");
            disputed += 1;
        }
    }
    report(file, agreed + disputed, 0, "");
    println!(
        "  in {disputed} of them cn2an and nzh disagree; ours is the answer with one 零 for zeros between digits"
    );
}
