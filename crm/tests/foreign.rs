//! Contracts in another currency than the ledger's: what is cut, shifted or added keeps or gets its value.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use serde_json::{Value, json};
use world::{World, fen, noon};

fn dollars(world: &World, more: Value) -> Value {
    let customer = world.customer("Acme");
    let mut input = json!({ "title": "出口", "customer": customer, "currency": "USD" });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.call("contract.create", input)["id"].clone()
}

/// Open amounts with their values, and that the books hold.
fn values(world: &World, contract: &Value) -> Vec<(i64, i64)> {
    assert_eq!(world.call("settlement.verify", json!({}))["differences"], "0");
    let open = |row: &Value| {
        let of = |name: &str| row[name].as_str().map(fen);
        Some((of("open_amount")?, of("home_open")?))
    };
    world.details(contract)["installments"].as_array().unwrap().iter().filter_map(open).collect()
}

fn rate(world: &World, date: &str, rate: &str) {
    world.call("ledger.set_rate", json!({ "currency": "USD", "date": date, "rate": rate }));
}

#[test]
fn what_is_cut_by_a_delivery_keeps_its_value() {
    let world = World::new("2026-03-02");
    rate(&world, "2026-01-01", "7.124");
    let terms = json!([{ "share": "balance", "anchor": "delivery" }]);
    let contract = dollars(&world, json!({ "amount": "100.05", "terms": terms }));
    let contract = world.to_effective(contract, "2026-03-02");
    assert_eq!(values(&world, &contract), [(10_005, 71_276)]);
    let part = json!({ "part": { "amount": "33.35" } });
    world.step("contract.deliver", &contract, part).unwrap();
    assert_eq!(values(&world, &contract).iter().map(|(_, value)| value).sum::<i64>(), 71_276);
    // A contract at two rates is worth as much after a delivery as before.
    let data = json!({ "title": "出口", "customer": world.details(&contract)["contract"]["customer"], "currency": "USD",
        "amount": "200.05", "terms": [{ "share": "balance", "anchor": "delivery" }] });
    let amend = json!({ "data": data, "reason": "增购", "rate": "6" });
    world.step("contract.amend", &contract, amend).unwrap();
    let sum = |rows: Vec<(i64, i64)>| rows.iter().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    assert_eq!(sum(values(&world, &contract)), (20_005, 131_276));
    world.step("contract.deliver", &contract, json!({ "part": { "amount": "80" } })).unwrap();
    assert_eq!(sum(values(&world, &contract)), (20_005, 131_276));
}

#[test]
fn periods_that_are_added_are_worth_the_rate_of_the_day() {
    let world = World::new("2025-01-01");
    rate(&world, "2025-01-01", "7.3");
    let recurrence = json!({ "unit": "year", "timing": "advance", "price": "100" });
    let contract = dollars(
        &world,
        json!({ "kind": "service", "starts_on": "2025-01-01", "ends_on": "2026-12-31", "recurrence": recurrence }),
    );
    let contract = world.to_effective(contract, "2025-01-01");
    world.ledger.set_clock(noon("2026-01-05")).unwrap();
    rate(&world, "2026-01-01", "6.9");
    let dearer = json!({ "from": "2026-01-01", "price": "150", "reason": "按约上调" });
    world.step("contract.revise_price", &contract, dearer).unwrap();
    assert_eq!(values(&world, &contract), [(10_000, 73_000), (15_000, 73_000 + 34_500)]);
    let suspended = json!({ "from": "2026-01-01", "reason": "停用" });
    world.step("contract.suspend", &contract, suspended).unwrap();
    assert_eq!(values(&world, &contract), [(10_000, 73_000)]);
    // It is owed again from today on, and valued today.
    world.step("contract.resume", &contract, json!({ "on": "2026-01-01" })).unwrap();
    assert_eq!(values(&world, &contract), [(10_000, 73_000), (15_000, 103_500)]);
}

#[test]
fn a_delivery_in_parts_is_no_turnover() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲");
    let terms = json!([{ "share": "balance", "anchor": "delivery" }]);
    let contract = world.effective(&customer, "200000", terms, "2026-03-02");
    let figures = |world: &World| {
        let seen = world.call("settlement.statistics", json!({ "from": "2026-03-01", "to": "2026-03-31" }));
        ["charges", "cancelled", "closing"].map(|name| seen["rows"][0][name].as_str().unwrap().to_owned())
    };
    assert_eq!(figures(&world), ["200000", "0", "200000"]);
    world.step("contract.deliver", &contract, json!({ "part": { "rate": "0.5" } })).unwrap();
    assert_eq!(figures(&world), ["200000", "0", "200000"]);
}
