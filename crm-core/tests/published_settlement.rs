//! Payment terms, splits, allocation and aging against figures that others published: see the README beside the files
//! for their sources.
//!
//! A row that contradicts a rule of ours, or asks for what the library does not have, is counted with the
//! reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod published;

use std::collections::BTreeMap;

use crm_core::areas::contract::{TermAlign, TermOffset, TermShare};
use crm_core::areas::settlement::rules::aging::{Aged, USUAL_BOUNDS, bucket};
use crm_core::areas::settlement::rules::allocation::{OpenItem, check_receipt, first_due};
use crm_core::areas::settlement::rules::progress::{Item, PaymentState, balance, payment_state};
use crm_core::areas::settlement::rules::suggestion::{PaymentMode, answer, suggested};
use crm_core::kernel::currency::Currency;
use crm_core::kernel::date::{self, Date, parse_date};
use crm_core::kernel::decimal::{Amount, Price};
use crm_core::kernel::money::Money;
use crm_core::kernel::rounding::Rounding;
use published::*;
use rust_decimal::Decimal;
use serde_json::Value;

use published::Outcome::{NotYet, Passed};

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
        _ => moved_otherwise(input, expected),
    }
}

/// One unit of the other currency for so many units of this one, as the library states rates: to six places.
fn inverse(units: &str) -> Price {
    let rate = Decimal::ONE / units.parse::<Decimal>().unwrap();
    Price::new(rate.round_dp(Price::SCALE)).unwrap()
}

/// Losses, exchange differences and refunds.
fn moved_otherwise(input: &Value, expected: &Value) -> Outcome {
    let usd = Currency::from_code("USD").unwrap();
    if let Some(receipt) = input.get("receipt_document").filter(|_| input["difference"] == "write_off") {
        let open = amounts(&input["documents"]);
        let (taken, left) = first_due(&items(&open), amount(receipt)).unwrap();
        assert!(left.is_zero());
        let settled = sum(&taken.iter().map(|(_, part)| *part).collect::<Vec<_>>());
        let loss = sum(&open).checked_sub(settled).unwrap();
        let rate = inverse(input["document_per_company"].as_str().unwrap());
        let home = Money::new(loss, usd).unwrap().convert(rate, Currency::CNY).unwrap();
        assert_eq!(sum(&open), amount(&expected["cleared_document"]));
        assert_eq!(
            (loss, home.amount()),
            (amount(&expected["write_off_document"]), amount(&expected["write_off_company"]))
        );
        return Passed;
    }
    if let Some(sent) = input["sent"].as_str() {
        let (sent, currency) = sent.split_once(' ').unwrap();
        let sent = Money::parse(sent, Currency::from_code(currency).unwrap()).unwrap();
        let rate = Price::parse(input["rate"].as_str().unwrap()).unwrap();
        let booked = sent.convert(rate, Currency::CNY).unwrap().amount();
        let lost = booked.checked_sub(amount(&input["received_company"])).unwrap();
        assert_eq!(lost, amount(&expected["difference_company"]));
        return Passed;
    }
    let (credit, refund) = (amount(&input["credit"]), amount(&input["refund"]));
    let advance = credit.checked_sub(refund).unwrap();
    let accepted = check_receipt(credit, Amount::ZERO, advance, refund).is_ok();
    assert_eq!(accepted, expected["accepted"] == true, "{input}");
    Passed
}

/// What is due of several bills in one currency, and an amount in another.
fn multi_currency(input: &Value, expected: &Value) -> Outcome {
    if let Some(base) = input.get("base_units_per_unit") {
        let rate_of =
            |side: &str| base[input[side].as_str().unwrap()].as_str().unwrap().parse::<Decimal>().unwrap();
        let rate = Price::new((rate_of("from") / rate_of("to")).round_dp(Price::SCALE)).unwrap();
        let [from, to] =
            ["from", "to"].map(|side| Currency::from_code(input[side].as_str().unwrap()).unwrap());
        let found = Money::parse(input["amount"].as_str().unwrap(), from).unwrap().convert(rate, to).unwrap();
        let published: Decimal = expected["amount_10_digits"].as_str().unwrap().parse().unwrap();
        assert_eq!(found.amount().value(), published);
        return Passed;
    }
    let (units, _) = input["rate"].as_str().unwrap().split_once(' ').unwrap();
    let pay_in = Currency::from_code(input["pay_currency"].as_str().unwrap()).unwrap();
    let mut bills = Vec::new();
    for bill in input["bills"].as_array().unwrap() {
        let (start, terms) = (day(&bill[0]), bill[2].as_str().unwrap());
        let (whole, currency) = bill[1].as_str().unwrap().split_once(' ').unwrap();
        let (shares, days) =
            terms.strip_suffix(" days").map_or(("100", "0"), |terms| terms.split_once(" at ").unwrap());
        let currency = Currency::from_code(currency).unwrap();
        for (share, days) in shares.split('/').zip(days.split('/')) {
            let share = share.parse::<Decimal>().unwrap() / Decimal::ONE_HUNDRED;
            let part = Money::parse(whole, currency).unwrap().multiply(share, Rounding::HalfUp).unwrap();
            let due = date::add_days(start, days.parse().unwrap()).unwrap();
            bills.push((part, due));
        }
    }
    let worth = |until: Option<Date>| {
        let mut sums: BTreeMap<Currency, Money> = BTreeMap::new();
        for (part, _) in bills.iter().filter(|(_, due)| until.is_none_or(|until| *due <= until)) {
            let sum = sums.entry(part.currency()).or_insert(Money::zero(part.currency()));
            *sum = sum.checked_add(*part).unwrap();
        }
        let each = sums.into_values().map(|sum| {
            if sum.currency() == pay_in { sum } else { sum.convert(inverse(units), pay_in).unwrap() }
        });
        Money::checked_sum(each, pay_in).unwrap().amount()
    };
    let found: Vec<Amount> =
        input["pay_dates"].as_array().unwrap().iter().map(|date| worth(Some(day(date)))).collect();
    assert_eq!(found, amounts(&expected["amounts"]));
    assert_eq!(worth(None), amount(&expected["full"]));
    Passed
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
            PaymentState::Paid | PaymentState::NothingOwed => "Completed",
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
    let (suggested, total) = match input.get("schedule") {
        Some(schedule) => {
            let item = |row: &Value| Item {
                amount: amount(&row[1]),
                settled: Amount::ZERO,
                cancelled: Amount::ZERO,
                discounted: Amount::ZERO,
                written_off: Amount::ZERO,
                due: Some(day(&row[0])),
            };
            let items: Vec<Item> = schedule.as_array().unwrap().iter().map(item).collect();
            suggested(&items, day(&input["pay_date"])).unwrap()
        }
        // The row says how much was suggested, and not what for.
        None => ((PaymentMode::Next, amount(&input["suggested"])), amount(&input["total"])),
    };
    let found = answer(total, suggested, input.get("typed").map(amount)).unwrap();
    assert_eq!(expected["mode"], found.mode.to_string(), "{input}");
    for (name, figure) in [("amount", found.amount), ("difference", found.difference)] {
        let published = expected.get(name).map_or(figure, amount);
        assert_eq!(figure, published, "{name} of {input}");
    }
    Passed
}

fn account_balance(input: &Value, expected: &Value) -> Outcome {
    let zero = Amount::ZERO;
    if let Some(credit) = input.get("credit") {
        let open = amounts(&input["items"]);
        let (taken, left) = first_due(&items(&open), amount(credit)).unwrap();
        let settled = sum(&taken.iter().map(|(_, part)| *part).collect::<Vec<_>>());
        let rest = sum(&open).checked_sub(settled).unwrap();
        let field = |name: &str| expected.get(name).map(amount);
        assert_eq!(field("invoice_balance").unwrap_or(rest), rest, "{input}");
        assert_eq!(field("account_credit").unwrap_or(left), left, "{input}");
        let whole = balance([rest], [left]).unwrap();
        assert_eq!(field("account_balance").or(field("balance")).unwrap_or(whole), whole, "{input}");
        return Passed;
    }
    if let (Some(repair), Some(published)) =
        (input.get("repair"), expected.get("account_balance").or(expected.get("balance")))
    {
        // A repair takes back what was owed, so that the payment is an advance, and a refund takes from that.
        let owed = sum(&amounts(&input["items"])).checked_add(amount(repair)).unwrap();
        let paid = sum(&amounts(&input["payments"]));
        let kept = paid.checked_sub(input.get("refund").map_or(zero, amount)).unwrap();
        assert_eq!(balance([owed], [kept]).unwrap(), amount(published), "{input}");
        return Passed;
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
    if let (Some(schedule), Some(credit)) = (input.get("schedule"), input.get("credit_note_against_invoice"))
    {
        // What takes back the whole of it leaves nothing to report.
        let open = amounts(&schedule.as_array().unwrap().iter().map(|line| line["amount"].clone()).collect());
        let (taken, left) = first_due(&items(&open), amount(credit)).unwrap();
        let as_of = parse_date("2026-01-01").unwrap();
        let mut aged = Aged::zero(&USUAL_BOUNDS);
        for part in &open {
            aged.add(None, *part, as_of, &USUAL_BOUNDS).unwrap();
        }
        for (_, part) in taken {
            aged.take_back(None, part, as_of, &USUAL_BOUNDS).unwrap();
        }
        assert!(left.is_zero());
        assert_eq!(aged.is_zero(), expected["rows"].as_array().unwrap().is_empty(), "{input}");
        return Passed;
    }
    if let (Some(rate), Some(published)) = (input.get("rate"), expected.get("invoiced_company")) {
        let mut words = input["invoice"].as_str().unwrap().split(' ');
        let (invoice, currency) = (words.next().unwrap(), words.next().unwrap());
        let invoice = Money::parse(invoice, Currency::from_code(currency).unwrap()).unwrap();
        let rate = Price::parse(rate.as_str().unwrap()).unwrap();
        assert_eq!(invoice.convert(rate, Currency::CNY).unwrap().amount(), amount(published), "{input}");
        return Passed;
    }
    if let (Some(report_day), Some(receipt)) =
        (input["report_day"].as_i64(), input["receipt"]["day"].as_i64())
    {
        let Some(cash) = input["receipt"].get("cash") else {
            return NotYet("receipts with deductions of which the report knows only the sum");
        };
        // What was received after the day of the report is undone: it was outstanding, and now is not.
        let as_of = date::from_day_number(report_day).unwrap();
        let (invoice, cash) = (amount(&input["invoice"]), amount(cash));
        let (taken, _) = first_due(&items(&[invoice]), cash).unwrap();
        let remaining = invoice.checked_sub(taken[0].1).unwrap();
        let mut aged = Aged::zero(&USUAL_BOUNDS);
        aged.add(None, remaining, as_of, &USUAL_BOUNDS).unwrap();
        if receipt > report_day {
            aged.take_back(None, taken[0].1.checked_neg().unwrap(), as_of, &USUAL_BOUNDS).unwrap();
        }
        let row = &expected["row"];
        let found = [aged.total, remaining, aged.total.checked_sub(remaining).unwrap()];
        assert_eq!(found, ["outstanding", "remaining", "future"].map(|name| amount(&row[name])), "{input}");
        return Passed;
    }
    standing_credit(input, expected)
}

/// A credit that stands by itself: a receipt without money, which waits as an advance until it settles something. The
/// operations are tried on the same rows in the crate `crm`.
fn standing_credit(input: &Value, expected: &Value) -> Outcome {
    let zero = Amount::ZERO;
    // What an invoice or a credit shows: invoiced, paid, by a note against it, outstanding.
    let mut report: Vec<[Amount; 4]> = Vec::new();
    let mut show = |invoiced: Amount, paid: Amount| {
        let outstanding = balance([invoiced], [paid]).unwrap();
        if !outstanding.is_zero() {
            report.push([invoiced, paid, zero, outstanding]);
        }
    };
    if let Some(credit) = input.get("credit_note_standalone") {
        let (invoice, credit) = (amount(&input["invoice"]), amount(credit));
        let (taken, left) = first_due(&items(&[invoice]), sum(&amounts(&input["receipts"]))).unwrap();
        assert!(left.is_zero() && check_receipt(credit, zero, credit, zero).is_ok());
        show(invoice, sum(&taken.iter().map(|(_, part)| *part).collect::<Vec<_>>()));
        show(zero, credit);
    } else if input.get("invoice_1").is_some() {
        let first = |name: &str| {
            let text = input[name].as_str().unwrap().split(' ').next().unwrap();
            Amount::parse(text).unwrap()
        };
        let (paid, cleared) = (first("invoice_1"), first("invoice_2"));
        // Money has settled the first; what credits it finds nothing open there, and settles the second.
        let (taken, credit) = first_due(&items(&[zero]), paid).unwrap();
        assert!(taken.is_empty());
        let (taken, left) = first_due(&items(&[cleared]), credit).unwrap();
        assert!(check_receipt(credit, taken[0].1, left, zero).is_ok());
        show(paid, paid);
        show(cleared, taken[0].1);
        show(zero, left);
    } else {
        return NotYet("a report on documents of another kind");
    }
    let published: Vec<[Amount; 4]> =
        expected["rows"].as_array().unwrap().iter().map(|row| amounts(row).try_into().unwrap()).collect();
    assert_eq!(report, published, "{input}");
    Passed
}

fn peer(row: &Value) -> Option<Outcome> {
    let (input, expected) = (&row["input"], &row["expected"]);
    Some(match row["area"].as_str().unwrap() {
        "receipt_allocation" => receipt_allocation(input, expected),
        "multi_currency" => multi_currency(input, expected),
        "aging_bucket" => aging_bucket(input, expected),
        "schedule_status" => schedule_status(input, expected),
        "installment_next_amount" => next(input, expected),
        "account_balance" => account_balance(input, expected),
        "receivable_report" => receivable_report(input, expected),
        "contract_fulfilment" => NotYet("fulfilment by items belongs to delivery"),
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
