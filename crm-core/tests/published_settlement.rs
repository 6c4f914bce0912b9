//! Payment terms, splits, allocation and aging against figures that others published: see the README beside the files
//! for their sources.
//!
//! The files are looked for in `shared/cases` beside the workspace, or below `CRM_SHARED_DIR`. Where they are missing
//! the test says so and checks nothing. A row that contradicts a rule of ours, or asks for what the library does not have,
//! is counted with the reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use crm_core::areas::contract::rules::TERMS_DO_NOT_SUM;
use crm_core::areas::contract::rules::schedule::{Anchors, due_date, split};
use crm_core::areas::contract::{PaymentTerm, TermAlign, TermAnchor, TermOffset, TermShare};
use crm_core::areas::settlement::rules::aging::{Aged, bucket};
use crm_core::areas::settlement::rules::allocation::{OpenItem, first_due};
use crm_core::areas::settlement::rules::progress::{Item, PaymentState, balance, next_amount, payment_state};
use crm_core::kernel::calendar::{Calendar, Shift};
use crm_core::kernel::currency::Currency;
use crm_core::kernel::date::{self, Date, parse_date};
use crm_core::kernel::decimal::{Amount, Rate};
use crm_core::kernel::error::Result;
use crm_core::kernel::money::Money;
use serde_json::Value;

fn rows(file: &str) -> Option<Vec<Value>> {
    let shared = match std::env::var_os("CRM_SHARED_DIR") {
        Some(shared) => PathBuf::from(shared),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
    };
    let path = shared.join("cases").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()),
        Err(error) => {
            println!("{file}: NOT CHECKED, the published cases are not there ({}: {error})", path.display());
            None
        }
    }
}

/// What became of a row.
enum Outcome {
    /// Our rule gives the published figure.
    Passed,
    /// Our rule is deliberately another one.
    Different(&'static str),
    /// The library has nothing that this asks for, or not in the core.
    NotYet(&'static str),
}
use Outcome::{Different, NotYet, Passed};

fn day(value: &Value) -> Date {
    parse_date(value.as_str().unwrap()).unwrap()
}

fn days(value: &Value) -> Vec<Date> {
    value.as_array().unwrap().iter().map(day).collect()
}

/// Amounts stand as text or as JSON numbers; either way their digits are read, never a float.
fn amount(value: &Value) -> Amount {
    Amount::parse(value.as_str().map_or_else(|| value.to_string(), str::to_owned).trim_end_matches(".0"))
        .unwrap()
}

fn amounts(value: &Value) -> Vec<Amount> {
    value.as_array().map(|list| list.iter().map(amount).collect()).unwrap_or_default()
}

fn sum(amounts: &[Amount]) -> Amount {
    Amount::checked_sum(amounts.iter().copied()).unwrap()
}

/// A fraction from a percentage as text or number.
fn rate(percent: &Value) -> Rate {
    let percent =
        Amount::parse(&percent.as_str().map_or_else(|| percent.to_string(), str::to_owned)).unwrap();
    Rate::from_scaled(percent.to_scaled())
}

fn number(value: &Value) -> i32 {
    i32::try_from(value.as_i64().unwrap_or(0)).unwrap()
}

fn term(offset: TermOffset, align: TermAlign) -> PaymentTerm {
    PaymentTerm {
        label: None,
        share: TermShare::Balance,
        anchor: TermAnchor::Signed,
        offset,
        align,
        shift: Shift::None,
    }
}

fn due(term: &PaymentTerm, start: Date) -> Date {
    let anchors = Anchors { signed: Some(start), ..Anchors::default() };
    due_date(term, &anchors, &Calendar::weekends_only()).unwrap().unwrap()
}

/// Amounts in a currency of the given step, by our rule.
fn parts(total: Amount, step: &str, shares: &[TermShare]) -> Result<Vec<Amount>> {
    let currency = Currency::from_code(if step == "0.001" { "KWD" } else { "CNY" }).unwrap();
    let parts = split(Money::new(total, currency).unwrap(), shares)?;
    Ok(parts.into_iter().map(|part| part.amount()).collect())
}

fn share(line: &Value) -> TermShare {
    let fixed = line.get("fixed").map(|fixed| TermShare::Amount(amount(fixed)));
    let percent = line.get("percent").or_else(|| line.get("pct"));
    fixed.unwrap_or_else(|| TermShare::Rate(rate(percent.unwrap())))
}

const NOMINAL: &str =
    "terms whose stated shares are not the whole contract are refused, not bent into the last one";

fn published_term(row: &Value) -> Outcome {
    let lines = row["lines"].as_array().unwrap_or(const { &Vec::new() });
    let shares: Vec<TermShare> =
        lines.iter().filter(|line| line.get("pct").or(line.get("fixed")).is_some()).map(share).collect();
    match row["kind"].as_str().unwrap() {
        "due_dates" => {
            let start = day(&row["invoice_date"]);
            for (line, expected) in lines.iter().zip(days(&row["due"])) {
                let count = TermOffset::Days(line.get("days").map_or(0, number));
                let field = |name: &str| {
                    line.get(name).and_then(Value::as_u64).map(|day| u32::try_from(day).unwrap())
                };
                let align = if line["basis"] == "end_of_invoice_month" {
                    TermAlign::MonthEndBefore
                } else if let Some(day) = field("then_day_of_month") {
                    TermAlign::OnOrAfter(vec![day])
                } else if let Some(day) = field("days_next_month").or(field("day_following_month")) {
                    TermAlign::NextMonthOn(day)
                } else if field("day_current_month") == Some(31) {
                    TermAlign::MonthEnd
                } else {
                    TermAlign::None
                };
                assert_eq!(due(&term(count, align), start), expected, "{row}");
            }
            Passed
        }
        "instalment_amounts" => {
            let found = parts(amount(&row["total"]), "0.01", &shares);
            let expected = amounts(&row["expected"]);
            if expected.iter().any(|part| part.is_negative()) {
                assert_eq!(found.unwrap_err().code(), &TERMS_DO_NOT_SUM, "{row}");
                return Different(NOMINAL);
            }
            assert_eq!(found.unwrap(), expected, "{row}");
            Passed
        }
        "validation" => {
            assert_eq!(parts(amount(&"100".into()), "0.01", &shares).unwrap_err().code(), &TERMS_DO_NOT_SUM);
            Passed
        }
        _ => NotYet("early payment discounts"),
    }
}

#[test]
fn payment_terms() {
    let file = "payment_terms.jsonl";
    let Some(rows) = rows(file) else { return };
    let outcomes = rows.iter().map(|row| (file.to_owned(), published_term(row)));
    report(outcomes.collect());
}

fn peer_term(input: &Value, expected: &Value) -> Outcome {
    if input["discount"].is_object() {
        return NotYet("early payment discounts");
    }
    let terms = input["terms"].as_array().unwrap();
    for (published, expected) in terms.iter().zip(days(&expected["due_dates"])) {
        let count = TermOffset::Days(number(&published["days"]));
        let day_of = || u32::try_from(number(&published["day"])).unwrap();
        let align = match published["kind"].as_str().unwrap() {
            "days_after" => TermAlign::None,
            "days_then_next_month_on_day" if day_of() == 0 => TermAlign::MonthEnd,
            "days_then_next_month_on_day" | "day_of_following_month" => TermAlign::NextMonthOn(day_of()),
            "days_then_first_day_on_or_after" => TermAlign::OnOrAfter(vec![day_of()]),
            "days_after_end_of_month" => TermAlign::MonthEndBefore,
            other => panic!("an unknown kind of term: {other}"),
        };
        assert_eq!(due(&term(count, align), day(&input["invoice_date"])), expected, "{input}");
    }
    Passed
}

fn paydays(input: &Value, expected: &Value) -> Outcome {
    if input["sequential"] == true {
        return NotYet("terms that count from the due date of the term before");
    }
    for (line, expected) in input["lines"].as_array().unwrap().iter().zip(days(&expected["due_dates"])) {
        let of_month =
            line["paydays"].as_array().unwrap().iter().map(|day| u32::try_from(number(day)).unwrap());
        let align = TermAlign::OnOrAfter(of_month.collect());
        let found = due(&term(TermOffset::Days(number(&line["days"])), align), day(&input["invoice_date"]));
        assert_eq!(found, expected, "{input}");
    }
    Passed
}

fn installment_split(input: &Value, expected: &Value) -> Outcome {
    let lines = input["lines"].as_array().unwrap();
    if lines.iter().any(|line| line.get("round_to").is_some()) {
        return NotYet("installments rounded to whole units");
    }
    let shares: Vec<TermShare> = lines.iter().map(share).collect();
    let found = parts(amount(&input["total"]), input["currency_step"].as_str().unwrap(), &shares);
    if shares.iter().any(|share| matches!(share, TermShare::Amount(_))) {
        // 50% and 50% are the whole already; 0.02 more is not a term of the same contract.
        assert_eq!(found.unwrap_err().code(), &TERMS_DO_NOT_SUM);
        return Different(NOMINAL);
    }
    assert_eq!(found.unwrap(), amounts(&expected["amounts"]), "{input}");
    Passed
}

/// Items by position, all due on one day.
fn items(open: &[Amount]) -> Vec<OpenItem<usize>> {
    open.iter().enumerate().map(|(key, open)| OpenItem { key, due: None, open: *open }).collect()
}

fn receipt_allocation(input: &Value, expected: &Value) -> Outcome {
    if let Some(portions) = input.get("portions_percent") {
        let shares: Vec<TermShare> =
            portions.as_array().unwrap().iter().map(|portion| TermShare::Rate(rate(portion))).collect();
        let open = parts(amount(&input["invoice_total"]), "0.01", &shares).unwrap();
        let (taken, left) = first_due(&items(&open), amount(&input["receipt"])).unwrap();
        assert!(left.is_zero());
        assert_eq!(taken.iter().map(|(_, part)| *part).collect::<Vec<_>>(), amounts(&expected["allocated"]));
        return Passed;
    }
    match (input.get("invoice"), input.get("receipt"), input.get("unallocated_receipt")) {
        (Some(invoice), Some(receipt), None) => {
            let (taken, left) = first_due(&items(&[amount(invoice)]), amount(receipt)).unwrap();
            assert_eq!(
                (taken[0].1, left),
                (amount(&expected["allocated"]), amount(&expected["unallocated"]))
            );
            Passed
        }
        (Some(invoice), None, Some(advance)) => {
            let (taken, left) = first_due(&items(&[amount(invoice)]), amount(advance)).unwrap();
            let rest = amount(invoice).checked_sub(taken[0].1).unwrap();
            let published =
                (amount(&expected["invoice_outstanding"]), amount(&expected["unallocated_receipt"]));
            assert_eq!((rest, left), published);
            Passed
        }
        _ => NotYet("write-offs, transfers between currencies, refunds"),
    }
}

fn aging_bucket(input: &Value, expected: &Value) -> Outcome {
    let bounds: Vec<u32> = input["ranges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bound| u32::try_from(number(bound)).unwrap())
        .collect();
    let age = input["age_days"].as_i64().unwrap_or(-1);
    let name = bucket(age, &bounds).map(|at| {
        match (at.checked_sub(1).map(|before| bounds[before] + 1), bounds.get(at)) {
            (from, Some(to)) => format!("{}-{to}", from.unwrap_or(0)),
            (from, None) => format!("{}-above", from.unwrap_or(0)),
        }
    });
    match expected["bucket"].as_str() {
        Some(bucket) if bucket.contains('-') => assert_eq!(name.unwrap(), bucket, "{input}"),
        Some(_) => assert_eq!(bucket(age, &bounds), Some(bounds.len()), "{input}"),
        None => {
            assert_eq!(name, None);
            // Not in any bucket, and still in the total.
            let (mut aged, open) = (Aged::zero(&bounds), amount(&input["outstanding"]));
            let as_of = parse_date("2026-01-01").unwrap();
            aged.add(date::add_days(as_of, 1).ok(), open, as_of, &bounds).unwrap();
            assert_eq!((aged.total, sum(&aged.overdue)), (amount(&expected["outstanding"]), Amount::ZERO));
        }
    }
    Passed
}

fn schedule_status(input: &Value, expected: &Value) -> Outcome {
    let (start, lines) = (day(&input["order_date"]), input["lines"].as_array().unwrap());
    let shares: Vec<TermShare> = lines.iter().map(share).collect();
    let open = parts(amount(&input["total"]), "0.01", &shares).unwrap();
    let dues: Vec<Date> = lines
        .iter()
        .map(|line| due(&term(TermOffset::Days(number(&line["days"])), TermAlign::None), start))
        .collect();
    let items: Vec<OpenItem<usize>> = (0..)
        .zip(open.iter().zip(&dues))
        .map(|(key, (open, due))| OpenItem { key, due: Some(*due), open: *open })
        .collect();
    let (taken, _) = first_due(&items, amount(&input["invoiced"])).unwrap();
    for (at, row) in expected["rows"].as_array().unwrap().iter().enumerate() {
        let settled =
            taken.iter().find(|(position, _)| *position == at).map_or(Amount::ZERO, |(_, part)| *part);
        let state = match payment_state(settled, open[at].checked_sub(settled).unwrap()) {
            PaymentState::Paid => "Completed",
            PaymentState::PartlyPaid => "Partly Paid",
            PaymentState::Unpaid => "Unpaid",
        };
        assert_eq!(
            (dues[at], open[at], settled),
            (day(&row["due"]), amount(&row["amount"]), amount(&row["paid"]))
        );
        assert_eq!(state, row["status"]);
    }
    Passed
}

fn next(input: &Value, expected: &Value) -> Outcome {
    let Some(schedule) = input.get("schedule") else {
        return NotYet("an amount typed in place of the suggested one is the face's matter");
    };
    let item = |row: &Value| Item {
        amount: amount(&row[1]),
        settled: Amount::ZERO,
        cancelled: Amount::ZERO,
        due: Some(day(&row[0])),
    };
    let items: Vec<Item> = schedule.as_array().unwrap().iter().map(item).collect();
    let found = next_amount(&items, day(&input["pay_date"])).unwrap();
    let (overdue, suggested) = found.unwrap();
    assert_eq!(suggested, amount(&expected["amount"]), "{input}");
    assert_eq!(if overdue { "overdue" } else { "next" }, expected["mode"]);
    Passed
}

fn account_balance(input: &Value, expected: &Value) -> Outcome {
    if input.get("credit").or(input.get("repair")).is_some() {
        return NotYet("credit notes and repairs of invoices");
    }
    let open = amounts(&input["items"]);
    let paid = sum(&amounts(&input["payments"]));
    let (taken, advance) = first_due(&items(&open), paid).unwrap();
    let rest = sum(&open).checked_sub(sum(&taken.iter().map(|(_, part)| *part).collect::<Vec<_>>())).unwrap();
    assert_eq!(balance([rest], [advance]).unwrap(), amount(&expected["balance"]), "{input}");
    Passed
}

fn receivable_report(input: &Value, expected: &Value) -> Outcome {
    if let (Some(schedule), None) = (input.get("schedule"), input.get("credit_note_against_invoice")) {
        let shares: Vec<TermShare> = schedule
            .as_array()
            .unwrap()
            .iter()
            .map(|line| TermShare::Amount(amount(&line["amount"])))
            .collect();
        let found = parts(amount(&input["invoice"]), "0.01", &shares).unwrap();
        let rows = expected["rows"].as_array().unwrap();
        assert_eq!(found, rows.iter().map(|row| amount(&row["invoiced"])).collect::<Vec<_>>());
        return Passed;
    }
    if let Some(receipt) = input.get("journal_receipt") {
        let open = amount(&input["invoice"]);
        let (taken, _) = first_due(&items(&[open]), amount(receipt)).unwrap();
        let rest = open.checked_sub(taken[0].1).unwrap();
        assert_eq!((taken[0].1, rest), (amount(&expected["paid"]), amount(&expected["outstanding"])));
        return Passed;
    }
    NotYet("credit notes, receipts dated after the report, sums in the ledger's currency")
}

fn peer(row: &Value) -> Option<Outcome> {
    let (input, expected) = (&row["input"], &row["expected"]);
    Some(match row["area"].as_str().unwrap() {
        "payment_terms_due_date" => peer_term(input, expected),
        "payment_terms_paydays" => paydays(input, expected),
        "payment_terms_validation" => match input["lines"].as_array() {
            Some(lines) => {
                let shares: Vec<TermShare> = lines.iter().map(share).collect();
                let refused = parts(amount(&"100".into()), "0.01", &shares);
                assert_eq!(refused.is_ok(), expected["accepted"] == true, "{row}");
                Passed
            }
            None => NotYet("paydays written as one text"),
        },
        "payment_terms_scope" => NotYet("default terms of a customer"),
        "installment_split" => installment_split(input, expected),
        "installment_labels" => Different("installments without a label are called 第1期, 第2期 and so on"),
        "receipt_allocation" => receipt_allocation(input, expected),
        "aging_bucket" => aging_bucket(input, expected),
        "schedule_status" => schedule_status(input, expected),
        "installment_next_amount" => next(input, expected),
        "account_balance" => account_balance(input, expected),
        "receivable_report" => receivable_report(input, expected),
        "contract_fulfilment" => NotYet("fulfilment by items belongs to delivery"),
        "down_payment" => NotYet("down payment invoices by tax"),
        _ => return None,
    })
}

#[test]
fn peer_cases() {
    let Some(rows) = rows("peer_cases.jsonl") else { return };
    let outcomes = rows.iter().filter_map(|row| {
        let area = row["area"].as_str().unwrap().to_owned();
        peer(row).map(|outcome| (area, outcome))
    });
    report(outcomes.collect());
}

fn report(outcomes: Vec<(String, Outcome)>) {
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
