//! Credits without money, deliveries against plan and exposure over currencies on SQLite, failures included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use serde_json::{Value, json};
use world::{World, expect};

fn due(date: &str) -> Value {
    json!([{ "share": "balance", "anchor": { "date": date } }])
}

fn credit(world: &World, customer: &Value, amount: &str, more: Value) -> Value {
    let mut input = json!({ "customer": customer, "amount": amount, "cause": "return", "reason": "退货" });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.call("receipt.credit", input)
}

fn clean(world: &World) {
    let check = world.call("settlement.verify", json!({}));
    assert_eq!(check["clean"], true, "{check}");
}

/// One figure of the statistics of the whole year.
fn figures(world: &World, names: &[&str]) -> Vec<String> {
    let report = world.call("settlement.statistics", json!({ "from": "2026-01-01", "to": "2026-12-31" }));
    names.iter().map(|name| report["rows"][0][*name].as_str().unwrap_or("-").to_owned()).collect()
}

fn habits(world: &World, customer: &Value) -> (Value, Value) {
    let habits = world.call("settlement.habits", json!({ "customer": customer }));
    (habits["payments"].clone(), habits["days_late"].clone())
}

#[test]
fn a_credit_waits_settles_and_goes_back_as_money_would() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let contract = world.effective(&customer, "100", due("2026-02-20"), "2026-02-01");
    world.call("receipt.post", json!({ "customer": customer, "amount": "40", "date": "2026-02-20" }));

    // It stands by itself: published row receivable_report-007, where the invoice owes 60 and the credit is 100 less.
    let posted = credit(&world, &customer, "100", json!({}));
    let receipt = &posted["receipt"];
    assert_eq!(receipt["number"], "DX-2026-000001");
    assert_eq!((&receipt["advance"], &receipt["credit"]), (&json!("100"), &json!("return")));
    assert_eq!(world.shown(&contract), ["2026-02-20 40/60 open"]);
    let account = world.call("settlement.statement", json!({ "customer": customer }))["accounts"][0].clone();
    assert_eq!([&account["open"], &account["advance"], &account["closing"]], ["60", "100", "-40"]);
    let row = account["rows"].as_array().unwrap().last().unwrap().clone();
    assert_eq!([&row["kind"], &row["number"], &row["credit"]], ["credit", "DX-2026-000001", "100"]);
    let standing = world.call("customer.credit", json!({ "customer": customer }));
    assert_eq!(standing["exposure"], "-40");
    clean(&world);

    // It settles, and is still no money and no payment.
    let id = &receipt["id"];
    let allocated = world.call("receipt.allocate", json!({ "id": id, "version": 1 }));
    assert_eq!(allocated["receipt"]["advance"], "40");
    assert_eq!(world.shown(&contract), ["2026-02-20 100/- settled"]);
    let names = ["charges", "collected", "credited", "closing"];
    assert_eq!(figures(&world, &names), ["100", "40", "60", "0"]);
    assert_eq!(habits(&world, &customer), (json!("1"), json!("0")));
    let progress = world.call("settlement.progress", json!({ "contract": contract }));
    assert_eq!([&progress["settled"], &progress["credited"]], ["100", "60"]);
    clean(&world);

    // What is refunded of it is money.
    let refund = json!({ "id": id, "version": 2, "amount": "15", "reason": "退款" });
    let refund = world.call("receipt.refund", refund)["receipt"].clone();
    assert_eq!((refund["number"].as_str(), &refund["credit"]), (Some("SK-2026-000002"), &Value::Null));
    let back = json!({ "id": id, "version": 3, "reason": "误开" });
    assert_eq!(world.refused("receipt.reverse", back), expect("refunded", ""));
    let undo = json!({ "id": refund["id"], "version": 1, "reason": "未付出" });
    world.call("receipt.reverse", undo);
    clean(&world);

    let back = json!({ "id": id, "version": 4, "reason": "误开" });
    let mirror = world.call("receipt.reverse", back)["receipt"].clone();
    assert_eq!((mirror["number"].as_str(), &mirror["credit"]), (Some("DX-2026-000002"), &json!("return")));
    assert_eq!(world.shown(&contract), ["2026-02-20 40/60 open"]);
    assert_eq!(figures(&world, &names), ["100", "40", "0", "60"]);
    assert_eq!(habits(&world, &customer), (json!("1"), json!("0")));
    clean(&world);
}

#[test]
fn a_paid_invoice_is_credited_and_the_credit_clears_another() {
    // Published row receivable_report-013: nothing is left to report.
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let paid = world.effective(&customer, "100", due("2026-02-20"), "2026-02-01");
    world.call("receipt.post", json!({ "customer": customer, "amount": "100" }));
    let next = world.effective(&customer, "100", due("2026-03-20"), "2026-02-01");
    let posted = credit(&world, &customer, "100", json!({ "allocate": "first_due" }));
    assert_eq!(posted["receipt"]["advance"], "0");
    for contract in [&paid, &next] {
        assert!(world.shown(contract)[0].ends_with("100/- settled"));
    }
    assert_eq!(world.call("settlement.aging", json!({}))["rows"], json!([]));
    clean(&world);
}

#[test]
fn credits_in_other_currencies_and_directions() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let rate = json!({ "currency": "USD", "rate": "7.1" });
    let posted = credit(&world, &customer, "10", rate);
    assert_eq!(posted["receipt"]["home"], "71");
    let supplier = credit(&world, &customer, "5", json!({ "direction": "payment" }));
    assert_eq!(supplier["receipt"]["number"], "DX-2026-000002");
    clean(&world);
    for (amount, more, code, field) in [
        ("0", json!({}), "out_of_range", "amount"),
        ("-1", json!({}), "out_of_range", "amount"),
        ("0.001", json!({}), "too_many_decimals", "amount"),
        ("1", json!({ "reason": " " }), "empty", "reason"),
        ("1", json!({ "date": "2026-03-03" }), "date_in_future", "date"),
        ("1", json!({ "number": "DX-2026-000002" }), "receipt_number_taken", "number"),
    ] {
        let mut input = json!({ "customer": customer, "amount": amount, "reason": "r" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(world.refused("receipt.credit", input), expect(code, field), "{amount} {more}");
    }
}

#[test]
fn delivered_against_plan() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let terms = json!([
        { "share": { "rate": "0.6" }, "anchor": "delivery", "expected": "2026-02-28" },
        { "share": { "rate": "0.3" }, "anchor": "delivery", "expected": "2026-02-28" },
        { "share": "balance", "anchor": "accepted" }
    ]);
    let contract = world.effective(&customer, "1000", terms, "2026-02-01");
    let shown = |day: &str| {
        let progress = world.call("settlement.progress", json!({ "contract": contract, "as_of": day }));
        ["delivered", "delivered_share", "delivery_planned", "delivery_difference"]
            .map(|name| progress[name].as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(shown("2026-02-27"), ["0", "0", "0", "0"]);
    assert_eq!(shown("2026-03-02"), ["0", "0", "1000", "-1000"]);
    // One delivery that dates two terms is counted once; a second one of the same size again.
    for _ in 0..2 {
        let part = json!({ "delivered_on": "2026-03-01", "part": { "rate": "0.25" } });
        world.step("contract.deliver", &contract, part).unwrap();
    }
    assert_eq!(shown("2026-03-02"), ["500", "0.5", "1000", "-500"]);
    assert_eq!(shown("2026-02-28"), ["0", "0", "1000", "-1000"]);
    world.step("contract.deliver", &contract, json!({ "delivered_on": "2026-03-02" })).unwrap();
    assert_eq!(shown("2026-03-02"), ["1000", "1", "1000", "0"]);
    assert_eq!(shown("2026-03-01"), ["500", "0.5", "1000", "-500"]);
    let none = world.effective(&customer, "10", due("2026-03-20"), "2026-02-01");
    let progress = world.call("settlement.progress", json!({ "contract": none }));
    assert_eq!((&progress["delivery_planned"], &progress["delivered"]), (&Value::Null, &json!("0")));
}

#[test]
fn exposure_is_whole_over_all_currencies() {
    let world = World::new("2026-03-02");
    let limited = json!({ "name": "甲公司", "credit_limit": "1000" });
    let customer = world.call("customer.create", limited)["id"].clone();
    world.call("ledger.set_rate", json!({ "currency": "USD", "date": "2026-01-01", "rate": "7" }));
    world.effective(&customer, "300", due("2026-12-01"), "2026-02-01");
    let abroad = json!({ "title": "出口", "customer": customer, "amount": "100", "currency": "USD",
        "terms": due("2026-12-01") });
    let abroad = world.to_effective(world.call("contract.create", abroad)["id"].clone(), "2026-02-01");
    let standing = |more: Value| {
        let mut input = json!({ "customer": customer });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let found = world.call("customer.credit", input);
        ["open", "advance", "further", "exposure", "available"].map(|name| found[name].clone())
    };
    let warned = || {
        let found = world.call("warning.list", json!({ "rules": ["credit_limit_exceeded"] }));
        found["items"].as_array().unwrap().len()
    };
    // 300 and 100 dollars booked at 7: just the limit. A rate that moves later changes nothing.
    assert_eq!(standing(json!({})), ["1000", "0", "0", "1000", "0"]);
    world.call("ledger.set_rate", json!({ "currency": "USD", "date": "2026-03-01", "rate": "7.5" }));
    assert_eq!((standing(json!({}))[3].clone(), warned()), (json!("1000"), 0));
    // What is asked about is valued at today's rate, or a stated one.
    assert_eq!(standing(json!({ "further": "10", "currency": "USD" }))[2], "75");
    assert_eq!(standing(json!({ "further": "10", "currency": "USD", "rate": "7.2" }))[3], "1072");
    // An advance in dollars counts with its own booked value.
    let advance = json!({ "customer": customer, "amount": "20", "currency": "USD", "allocate": "none" });
    world.call("receipt.post", advance);
    assert_eq!(standing(json!({})), ["1000", "150", "0", "850", "150"]);
    world.effective(&customer, "150.01", due("2026-12-01"), "2026-02-01");
    assert_eq!((standing(json!({}))[4].clone(), warned()), (json!("-0.01"), 1));
    // Half of the dollars are settled at the value they were booked at.
    let half = json!({ "customer": customer, "amount": "50", "currency": "USD",
        "allocate": { "contracts": [abroad] } });
    world.call("receipt.post", half);
    assert_eq!(standing(json!({}))[3], "650.01");
    let unknown = json!({ "customer": customer, "further": "1", "currency": "EUR" });
    assert_eq!(world.refused("customer.credit", unknown), expect("no_rate", "rate"));
    let own = json!({ "customer": customer, "further": "1", "rate": "7" });
    assert_eq!(world.refused("customer.credit", own), expect("not_applicable", "rate"));
    let rule = json!({ "rule": { "name": "own_rule", "label": "r", "dataset": "customer", "timing": "state",
        "title": ["name"], "settings": {}, "total": { "bound": { "at_least": 1 }, "figures": [
            { "dataset": "installment", "by": "customer", "home": "home_open" }] } } });
    let field = expect("rule_wrong", "rule.total.figures[0].home");
    assert_eq!(world.refused("warning.define", rule), field);
}

#[test]
fn a_credit_that_is_booked_as_money_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tampered.crm");
    let options =
        crm::OpenOptions { clock: crm::ClockOption::Manual(world::noon("2026-03-02")), ..Default::default() };
    let world = World::of(folder, crm::open(&path.to_string_lossy(), &options).unwrap());
    let customer = world.customer("甲公司");
    let posted = credit(&world, &customer, "100", json!({}));
    clean(&world);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let found = |sql: &str| {
        assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
        let check = world.call("settlement.verify", json!({}));
        assert_eq!(check["clean"], false, "{sql}");
        let of = |name: &str| check["found"][0][name].clone();
        assert_eq!(of("subject"), posted["receipt"]["id"]);
        [of("kind"), of("expected"), of("actual")]
    };
    // The receipt says money, the journal a credit; then the other way round.
    let as_money = "UPDATE receipt SET credit = NULL";
    assert_eq!(found(as_money), [json!("receipt_credit"), json!("100"), json!("0")]);
    connection.execute("UPDATE receipt SET credit = 1", []).unwrap();
    let moved = "UPDATE journal_line SET account = 3 WHERE account = 9";
    assert_eq!(found(moved), [json!("receipt_credit"), json!("0"), json!("100")]);
}

#[test]
fn losses_and_discounts_that_trade_places_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tampered.crm");
    let options =
        crm::OpenOptions { clock: crm::ClockOption::Manual(world::noon("2026-03-02")), ..Default::default() };
    let world = World::of(folder, crm::open(&path.to_string_lossy(), &options).unwrap());
    let customer = world.customer("甲公司");
    let contract = world.effective(&customer, "100", due("2026-03-01"), "2026-02-01");
    let loss =
        json!({ "contract": contract, "version": 4, "installment": 1, "amount": "30", "reason": "破产" });
    world.call("installment.write_off", loss);
    clean(&world);
    // Every sum still holds; only the documents tell that it was a loss.
    let connection = rusqlite::Connection::open(&path).unwrap();
    let trade = "UPDATE installment SET discounted = written_off, written_off = 0";
    assert_eq!(connection.execute(trade, []).unwrap(), 1);
    let check = world.call("settlement.verify", json!({}));
    let of = |at: usize| ["kind", "expected", "actual"].map(|name| check["found"][at][name].clone());
    assert_eq!(check["differences"], "2");
    assert_eq!(of(0), ["installment_discounted", "0", "30"].map(|text| json!(text)));
    assert_eq!(of(1), ["installment_written_off", "30", "0"].map(|text| json!(text)));
}
