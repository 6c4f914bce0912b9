//! Invoices and capital figures against figures that others published, through the operations: see the README beside the files
//! for their sources.
//!
//! A row that contradicts a rule of ours is counted with the reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../crm-core/tests/published/mod.rs"]
mod published;
mod world;

use std::collections::BTreeMap;

use crm::kernel::currency::Currency;
use crm::kernel::decimal::{Amount, Rate};
use crm::kernel::money::Money;
use crm::kernel::rounding::Rounding;
use published::Outcome::{Different, NotYet, Passed};
use published::{Outcome, amount, amounts, report, rows, sum};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use world::World;

fn decimal(text: &Value) -> Decimal {
    amount(text).value()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn once() -> Value {
    json!([{ "share": "balance", "anchor": "signed" }])
}

/// Issues what is left of a contract.
fn issue(world: &World, contract: &Value) -> Value {
    let input = json!({ "of": { "new": { "contract": contract, "kind": "other" } } });
    world.call("invoice.issue", input)["invoice"].clone()
}

fn three_way(world: &World, contract: &Value) -> Value {
    world.call("invoice.three_way", json!({ "contract": contract }))["items"][0].clone()
}

/// The installments of which something is invoiced and not received.
fn outstanding(world: &World, contracts: &[&Value]) -> Vec<Value> {
    let rows = contracts.iter().map(|contract| three_way(world, contract));
    let all = rows.flat_map(|row| row["installments"].as_array().unwrap().clone());
    all.filter(|row| row["invoiced_not_received"] != "0").collect()
}

/// Taxes of a line by their percent: a tax by several is one rate here, and its tax is theirs in proportion.
fn label(taxes: &[Value]) -> String {
    let parts: Vec<&str> = taxes.iter().map(|tax| tax.as_str().unwrap()).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join("+") }
}

/// A down payment, in percent of the contract or as an amount with tax, has each rate's share of the contract.
fn down_payment(input: &Value, expected: &Value) -> Outcome {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let mut groups: BTreeMap<String, (String, Vec<Decimal>)> = BTreeMap::new();
    let mut lines = Vec::new();
    for line in list(input, "lines") {
        let taxes: Vec<Decimal> = list(line, "taxes").iter().map(decimal).collect();
        let rate = Rate::new(taxes.iter().sum::<Decimal>() / Decimal::from(100)).unwrap().to_string();
        let discount = line.get("discount").map_or(Decimal::ZERO, decimal) / Decimal::from(100);
        groups.insert(label(list(line, "taxes")), (rate.clone(), taxes));
        lines
            .push(json!({ "description": "货", "quantity": "1", "unit_price": line["net"], "tax_rate": rate,
            "discount": Rate::new(discount).unwrap() }));
    }
    let create = json!({ "title": "合同", "customer": customer, "tax_included": false, "lines": lines, "terms": once() });
    let contract = world.to_effective(world.call("contract.create", create)["id"].clone(), "2026-03-02");
    let whole = Money::new(amount(&world.details(&contract)["contract"]["amount"]), Currency::CNY).unwrap();
    let part = match (input.get("percent"), input.get("amount").or(input.get("fixed"))) {
        (Some(percent), _) => {
            whole.multiply(decimal(percent) / Decimal::from(100), Rounding::HalfUp).unwrap().amount()
        }
        (None, Some(fixed)) => amount(fixed),
        (None, None) => return NotYet("a down payment that is neither a percentage nor an amount"),
    };
    let cover = json!({ "installments": [{ "installment": 1, "amount": part }] });
    let planned =
        world.call("invoice.plan", json!({ "contract": contract, "kind": "other", "cover": cover }));
    let of = |label: &str, name: &str| {
        let rate = &groups[label].0;
        let line =
            planned["lines"].as_array().unwrap().iter().find(|line| line["tax_rate"] == *rate).unwrap();
        amount(&line[name])
    };
    for (published, name) in [("bases", "net"), ("totals", "gross")] {
        for (label, figure) in expected[published].as_object().into_iter().flatten() {
            assert_eq!(of(label, name), amount(figure), "{published} of {label}: {input}");
        }
    }
    let mut tax: BTreeMap<Decimal, Amount> = BTreeMap::new();
    for (label, (_, taxes)) in groups.iter().filter(|(_, (_, taxes))| !taxes.is_empty()) {
        let of_group = Money::new(of(label, "tax"), Currency::CNY).unwrap();
        for (rate, part) in taxes.iter().zip(of_group.split(taxes).unwrap()) {
            let sum = tax.entry(*rate).or_default();
            *sum = sum.checked_add(part.amount()).unwrap();
        }
    }
    for (rate, figure) in expected["tax"].as_object().into_iter().flatten() {
        assert_eq!(tax[&decimal(&json!(rate))], amount(figure), "tax of {rate}: {input}");
    }
    if let Some(receivable) = expected.get("receivable") {
        assert_eq!(amount(&planned["invoice"]["gross"]), amount(receivable), "{input}");
    }
    Passed
}

/// A credit note is a red invoice.
fn account_balance(input: &Value, expected: &Value) -> Option<Outcome> {
    let credit = input.get("credit").map(amount)?;
    let world = World::new("2026-03-02");
    let whole = sum(&amounts(&input["items"]));
    let contract = world.effective(&world.customer("甲公司"), &whole.to_string(), once(), "2026-03-02");
    let invoice = issue(&world, &contract);
    let red = |of: Value| json!({ "id": invoice["id"], "version": 1, "reason": "折让", "of": of });
    let told = red(json!({ "lines": [{ "line": 1, "amount": credit }] }));
    let surplus = credit.checked_sub(whole).unwrap();
    if surplus.is_positive() {
        assert_eq!(world.refused("invoice.red", told).0, "above_left");
        world.call("invoice.red", red(json!("rest")));
        assert_eq!(surplus, amount(&expected["account_credit"]), "{input}");
    } else {
        world.call("invoice.red", told);
    }
    assert_eq!(
        amount(&three_way(&world, &contract)["invoiced"]),
        amount(&expected["invoice_balance"]),
        "{input}"
    );
    if surplus.is_positive() {
        let reason =
            "a red invoice takes back at most its invoice; what a customer has beyond it is an advance";
        return Some(Different(reason));
    }
    Some(Passed)
}

fn receivable_report(input: &Value, expected: &Value) -> Option<Outcome> {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let first = |value: &Value| Some(value.as_str()?.split(' ').next()?.to_owned());
    let rows = list(expected, "rows");
    if let Some(credit) = input.get("credit_note_against_invoice") {
        let mut terms: Vec<Value> = Vec::new();
        for line in list(input, "schedule") {
            terms.push(json!({ "share": { "amount": line["amount"] }, "anchor": "signed", "offset": { "days": line["due_in_days"] } }));
        }
        let terms = if terms.is_empty() { once() } else { json!(terms) };
        let contract = world.effective(&customer, input["invoice"].as_str()?, terms, "2026-03-02");
        let invoice = issue(&world, &contract);
        for receipt in list(input, "receipts") {
            world.call("receipt.post", json!({ "customer": customer, "amount": receipt }));
        }
        let whole = *credit == input["invoice"];
        assert!(whole, "{input}");
        world.call("invoice.red", json!({ "id": invoice["id"], "version": 1, "reason": "冲减" }));
        assert_eq!(outstanding(&world, &[&contract]).len(), rows.len(), "{input}");
        return Some(Passed);
    }
    if input.get("credit_note_standalone").is_some() {
        let contract = world.effective(&customer, input["invoice"].as_str()?, once(), "2026-03-02");
        issue(&world, &contract);
        for receipt in list(input, "receipts") {
            world.call("receipt.post", json!({ "customer": customer, "amount": receipt }));
        }
        let row = &outstanding(&world, &[&contract])[0];
        let ours =
            [amount(&row["invoiced"]), amount(&row["received"]), amount(&row["invoiced_not_received"])];
        let theirs = amounts(&rows[0]);
        assert_eq!(ours, [theirs[0], theirs[1], theirs[3]], "{input}");
        return Some(Different(
            "a red invoice always names the invoice that it takes back; none stands alone",
        ));
    }
    if let (Some(one), Some(two)) = (input.get("invoice_1"), input.get("invoice_2")) {
        // The money of the invoice that is taken back settles the other one: reversed, and allocated anew.
        let one = world.effective(&customer, &first(one)?, once(), "2026-03-02");
        let invoice = issue(&world, &one);
        let paid = world.call("receipt.post", json!({ "customer": customer, "amount": invoice["gross"] }));
        world.call("invoice.red", json!({ "id": invoice["id"], "version": 1, "reason": "退货" }));
        let two = world.effective(&customer, &first(two)?, once(), "2026-03-02");
        issue(&world, &two);
        assert_eq!(outstanding(&world, &[&one, &two]).len(), 1);
        world.call(
            "receipt.reverse",
            json!({ "id": paid["receipt"]["id"], "version": 1, "reason": "改抵另一张发票" }),
        );
        let allocate = json!({ "contracts": [two] });
        world.call(
            "receipt.post",
            json!({ "customer": customer, "amount": invoice["gross"], "allocate": allocate }),
        );
        assert_eq!(outstanding(&world, &[&one, &two]).len(), rows.len(), "{input}");
        return Some(Passed);
    }
    None
}

#[test]
fn peer_cases() {
    let Some(rows) = rows("peer_cases.jsonl") else { return };
    let outcomes = rows.iter().filter_map(|row| {
        let area = row["area"].as_str().unwrap().to_owned();
        let (input, expected) = (&row["input"], &row["expected"]);
        let outcome = match area.as_str() {
            "down_payment" => Some(down_payment(input, expected)),
            "account_balance" => account_balance(input, expected),
            "receivable_report" => receivable_report(input, expected),
            _ => None,
        };
        outcome.map(|outcome| (area, outcome))
    });
    report(outcomes.collect());
}

fn accepted(answer: &Value) -> Vec<String> {
    answer["accepted"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn amounts_and_bill_dates_in_words() {
    let world = World::new("2026-03-02");
    for (file, amounts_column) in [("rmb_official_examples.jsonl", true), ("rmb_upper.jsonl", false)] {
        let Some(rows) = rows(file) else { return };
        let (mut passed, mut disputed) = (0, 0);
        for row in &rows {
            if let Some(month_day) = row["month_day"].as_str() {
                let answer = world.call("date.words", json!({ "date": format!("2024-{month_day}") }));
                let found =
                    format!("{}{}", answer["month"].as_str().unwrap(), answer["day"].as_str().unwrap());
                assert_eq!(json!([found]), row["accepted"], "{row}");
                assert_eq!(answer["words"], format!("贰零贰肆年{found}"));
                passed += 1;
                continue;
            }
            let answer = world.call("money.words", json!({ "amount": row["amount"], "currency": "CNY" }));
            let words = answer["words"].as_str().unwrap();
            assert_eq!(answer["prefixed"], format!("人民币{words}"));
            if amounts_column {
                // Both spellings of the regulation are known, and no other.
                let mut published: Vec<String> = accepted(row);
                let mut ours = accepted(&answer);
                published.sort();
                ours.sort();
                assert_eq!(ours, published, "{row}");
                passed += 1;
                continue;
            }
            let libraries = ["cn2an", "nzh", "cn_amount"].map(|library| row[library].as_str().unwrap());
            assert!(libraries.contains(&words), "{words}: {row}");
            passed += 1;
            disputed += usize::from(libraries.iter().any(|other| *other != words));
        }
        println!("{file}: {passed} passed, of {}", rows.len());
        if disputed > 0 {
            println!("  in {disputed} of them another library spells otherwise");
        }
    }
    // Each style gives its spelling where the regulation leaves one open.
    for (amount, style, words) in [
        ("107000.53", "usual", "壹拾万柒仟元零伍角叁分"),
        ("107000.53", "after_yuan", "壹拾万柒仟元零伍角叁分"),
        ("107000.53", "after_wan", "壹拾万零柒仟元伍角叁分"),
        ("1680.32", "usual", "壹仟陆佰捌拾元叁角贰分"),
        ("1680.32", "after_yuan", "壹仟陆佰捌拾元零叁角贰分"),
        ("1680.32", "after_wan", "壹仟陆佰捌拾元叁角贰分"),
    ] {
        let answer = world.call("money.words", json!({ "amount": amount, "style": style }));
        assert_eq!(answer["words"], words, "{amount} {style}");
    }
    for (input, code, field) in [
        (json!({ "amount": "1.001" }), "too_many_decimals", "amount"),
        (json!({ "amount": "1", "currency": "USD" }), "not_allowed", "currency"),
        (json!({ "amount": "x" }), "not_a_decimal", "amount"),
    ] {
        assert_eq!(world.refused("money.words", input.clone()), world::expect(code, field), "{input}");
    }
    assert_eq!(
        world.refused("date.words", json!({ "date": "2026-02-30" })),
        world::expect("not_a_date", "date")
    );
}
