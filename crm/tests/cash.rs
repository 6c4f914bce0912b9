//! Cash rounding on SQLite: both directions, several installments, other currencies, and taking it back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use serde_json::{Value, json};
use world::{World, expect};

fn due(date: &str) -> Value {
    json!([{ "share": "balance", "anchor": { "date": date } }])
}

/// A ledger whose smallest coin is 0.1, and a customer.
fn world(mode: &str) -> (World, Value) {
    let world = World::new("2026-03-02");
    world.call("ledger.set_cash_rounding", json!({ "step": "0.1", "mode": mode }));
    let customer = world.customer("甲公司");
    (world, customer)
}

fn pay(world: &World, customer: &Value, amount: &str, more: Value) -> Value {
    let mut input = json!({ "customer": customer, "amount": amount, "method": "cash", "round_cash": true });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.call("receipt.post", input)
}

/// Allocated, in advance and rounded of a receipt.
fn parts(posted: &Value) -> [String; 3] {
    ["allocated", "advance", "rounded"].map(|name| posted["receipt"][name].as_str().unwrap().to_owned())
}

fn clean(world: &World) {
    let check = world.call("settlement.verify", json!({}));
    assert_eq!(check["clean"], true, "{check}");
}

fn statistics(world: &World) -> [Value; 5] {
    let report = world.call("settlement.statistics", json!({ "from": "2026-01-01", "to": "2026-12-31" }));
    let row = &report["rows"][0];
    ["charges", "collected", "discounted", "closing", "opening"].map(|name| row[name].clone())
}

#[test]
fn rounded_down_the_rest_is_given_up() {
    let (world, customer) = world("half_up");
    let contract = world.effective(&customer, "99.94", due("2026-03-20"), "2026-02-01");
    let asked = world.call("receipt.suggest", json!({ "for": { "contract": contract } }));
    assert_eq!((&asked["cash"], &asked["cash_difference"]), (&json!("99.9"), &json!("-0.04")));
    let posted = pay(&world, &customer, "99.9", json!({}));
    assert_eq!(parts(&posted), ["99.9", "0", "0"]);
    assert_eq!(world.shown(&contract), ["2026-03-20 99.9/- settled"]);
    let given = world.call("adjustment.list", json!({}))["items"][0].clone();
    assert_eq!([&given["kind"], &given["amount"]], ["rounding", "0.04"]);
    // The contract is what it was, and so is its progress.
    let progress = world.call("settlement.progress", json!({ "contract": contract }));
    assert_eq!(
        ["amount", "settled", "discounted", "open"].map(|name| &progress[name]),
        ["99.94", "99.9", "0.04", "0"]
    );
    assert_eq!(statistics(&world), ["99.94", "99.9", "0.04", "0", "0"]);
    clean(&world);
    let refused = json!({ "id": given["id"], "version": 1, "reason": "r" });
    assert_eq!(world.refused("adjustment.reverse", refused), expect("discount_of_receipt", ""));
    let back = json!({ "id": posted["receipt"]["id"], "version": 1, "reason": "误收" });
    world.call("receipt.reverse", back);
    assert_eq!(world.shown(&contract), ["2026-03-20 0/99.94 open"]);
    assert_eq!(statistics(&world), ["99.94", "0", "0", "99.94", "0"]);
    clean(&world);
}

#[test]
fn rounded_up_the_surplus_is_a_gain() {
    let (world, customer) = world("half_up");
    let contract = world.effective(&customer, "99.97", due("2026-03-20"), "2026-02-01");
    let posted = pay(&world, &customer, "100", json!({}));
    assert_eq!(parts(&posted), ["99.97", "0", "0.03"]);
    assert_eq!(posted["receipt"]["open_advance"], Value::Null);
    assert_eq!(world.shown(&contract), ["2026-03-20 99.97/- settled"]);
    assert_eq!(world.call("adjustment.list", json!({}))["items"], json!([]));
    assert_eq!(statistics(&world), ["99.97", "100", "-0.03", "0", "0"]);
    let account = world.call("settlement.statement", json!({ "customer": customer }))["accounts"][0].clone();
    assert_eq!(["charges", "credits", "closing"].map(|name| &account[name]), ["99.97", "99.97", "0"]);
    clean(&world);

    // Taken from its installment, the surplus is an advance again; it is not rounded a second time.
    let freed = world.call("receipt.reallocate", json!({ "id": posted["receipt"]["id"], "version": 1 }));
    assert_eq!(parts(&freed), ["0", "100", "0"]);
    clean(&world);
    let again = json!({ "id": posted["receipt"]["id"], "version": 2 });
    assert_eq!(parts(&world.call("receipt.allocate", again)), ["99.97", "0.03", "0"]);
    clean(&world);

    // A rounded receipt is reversed whole.
    let second = world.effective(&customer, "49.98", due("2026-03-25"), "2026-02-01");
    let posted = pay(&world, &customer, "50", json!({ "allocate": { "contracts": [second] } }));
    assert_eq!(parts(&posted), ["49.98", "0", "0.02"]);
    let back = json!({ "id": posted["receipt"]["id"], "version": 1, "reason": "误收" });
    assert_eq!(parts(&world.call("receipt.reverse", back)), ["-49.98", "0", "-0.02"]);
    assert_eq!(world.shown(&second), ["2026-03-25 0/49.98 open"]);
    clean(&world);
}

#[test]
fn several_installments_and_whatever_else_is_paid() {
    for (mode, open, paid, allocate, expected, left) in [
        (
            "half_up",
            vec!["49.98", "49.98"],
            "100",
            json!("first_due"),
            ["99.96", "0", "0.04"],
            vec!["-", "-"],
        ),
        ("down", vec!["49.98", "49.98"], "99.9", json!("first_due"), ["99.9", "0", "0"], vec!["-", "-"]),
        ("down", vec!["49.9", "0.07"], "49.9", json!("first_due"), ["49.9", "0", "0"], vec!["-", "0.07"]),
        ("down", vec!["49.97", "0.02"], "49.9", json!("first_due"), ["49.9", "0", "0"], vec!["-", "0.02"]),
        (
            "half_up",
            vec!["49.98", "49.98"],
            "50",
            json!("first_due"),
            ["49.98", "0", "0.02"],
            vec!["-", "49.98"],
        ),
        ("half_up", vec!["49.98", "49.98"], "60", json!("first_due"), ["60", "0", "0"], vec!["-", "39.96"]),
        ("half_up", vec!["49.98"], "60", json!("first_due"), ["49.98", "10.02", "0"], vec!["-"]),
        (
            "half_up",
            vec!["49.98", "49.98"],
            "100",
            json!({ "proportional": [] }),
            ["99.96", "0", "0.04"],
            vec!["-", "-"],
        ),
        ("half_up", vec!["49.98"], "50", json!("none"), ["0", "50", "0"], vec!["49.98"]),
    ] {
        let (world, customer) = world(mode);
        let days = ["2026-03-20", "2026-03-21"];
        let contracts: Vec<Value> = open
            .iter()
            .zip(days)
            .map(|(open, day)| world.effective(&customer, open, due(day), "2026-02-01"))
            .collect();
        let posted = pay(&world, &customer, paid, json!({ "allocate": allocate }));
        assert_eq!(parts(&posted), expected, "{mode} {open:?} {paid}");
        let found: Vec<String> = contracts
            .iter()
            .map(|contract| {
                let open = &world.details(contract)["installments"][0]["open_amount"];
                open.as_str().unwrap_or("-").to_owned()
            })
            .collect();
        assert_eq!(found, left, "{mode} {open:?} {paid}");
        clean(&world);
    }
}

#[test]
fn told_in_another_currency_paid_out_and_refused() {
    let (world, customer) = world("half_up");
    world.call("ledger.set_cash_rounding", json!({ "currency": "CHF", "step": "0.05" }));
    let rate = json!({ "currency": "CHF", "date": "2026-01-01", "rate": "8.123456" });
    world.call("ledger.set_rate", rate);
    for (amount, paid, expected) in
        [("9.98", "10", ["9.98", "0", "0.02"]), ("9.97", "9.95", ["9.95", "0", "0"])]
    {
        let draft = json!({ "title": "出口", "customer": customer, "amount": amount, "currency": "CHF",
            "terms": due("2026-03-20") });
        let contract = world.to_effective(world.call("contract.create", draft)["id"].clone(), "2026-02-01");
        let told = json!({ "told": [{ "contract": contract, "amount": amount }] });
        let more = json!({ "currency": "CHF", "rate": "8.2", "allocate": told });
        let posted = pay(&world, &customer, paid, more);
        assert_eq!(parts(&posted), expected);
        assert!(world.shown(&contract)[0].ends_with("/- settled"));
        clean(&world);
        let back = json!({ "id": posted["receipt"]["id"], "version": 1, "reason": "误收" });
        world.call("receipt.reverse", back);
        clean(&world);
    }
    let bought = json!({ "title": "采购", "kind": "purchase", "customer": customer, "amount": "9.96",
        "terms": due("2026-03-20") });
    let bought = world.to_effective(world.call("contract.create", bought)["id"].clone(), "2026-02-01");
    let posted = pay(&world, &customer, "10", json!({ "direction": "payment" }));
    assert_eq!(parts(&posted), ["9.96", "0", "0.04"]);
    assert!(world.shown(&bought)[0].ends_with("9.96/- settled"));
    clean(&world);

    let wrong = expect("not_applicable", "round_cash");
    for more in [json!({ "method": "bank_transfer" }), json!({ "method": "cash", "take_discounts": true })] {
        let mut input = json!({ "customer": customer, "amount": "10", "round_cash": true });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(world.refused("receipt.post", input), wrong);
    }
    for (input, code, field) in [
        (json!({ "step": "0" }), "out_of_range", "step"),
        (json!({ "step": "0.001" }), "too_many_decimals", "step"),
        (json!({ "currency": "JPY", "step": "0.5" }), "too_many_decimals", "step"),
    ] {
        assert_eq!(world.refused("ledger.set_cash_rounding", input), expect(code, field));
    }
    let cash = |more: Value| world.call("money.cash", more)["payable"].clone();
    assert_eq!(cash(json!({ "amount": "99.97" })), "100");
    assert_eq!(cash(json!({ "amount": "99.97", "currency": "USD" })), "99.97");
    assert_eq!(cash(json!({ "amount": "99.97", "step": "0.5", "mode": "down" })), "99.5");
    let mode = json!({ "amount": "1", "mode": "down" });
    assert_eq!(world.refused("money.cash", mode), expect("not_applicable", "mode"));
    world.call("ledger.set_cash_rounding", json!({}));
    assert_eq!(cash(json!({ "amount": "99.97" })), "99.97");
    let left = world.call("ledger.cash_roundings", json!({}));
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
}
