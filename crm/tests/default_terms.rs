//! A customer's default payment terms on SQLite: what a new contract takes, and what it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use serde_json::{Value, json};
use world::{World, expect};

fn set(world: &World, name: &str, days: i32) -> Value {
    let terms = json!([{ "share": "balance", "anchor": "signed", "offset": { "days": days } }]);
    world.call("term_set.save", json!({ "name": name, "terms": terms }))["id"].clone()
}

/// A new contract of so much with what is said beside; its term set, revision, and number of terms.
fn made(world: &World, customer: &Value, more: Value) -> (Value, Value, usize) {
    let mut input = json!({ "title": "销售", "customer": customer });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let contract = world.call("contract.create", input);
    let terms = contract["terms"].as_array().unwrap().len();
    (contract["term_set"].clone(), contract["term_set_revision"].clone(), terms)
}

#[test]
fn a_contract_that_says_nothing_takes_the_default() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let (sold, bought) = (set(&world, "销售三十天", 30), set(&world, "采购六十天", 60));
    let assign = |more: Value| {
        let mut input = json!({ "customer": customer });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    world.call("term_set.assign", assign(json!({ "term_set": sold })));
    world.call("term_set.assign", assign(json!({ "direction": "payable", "term_set": bought })));
    let read = world.call("term_set.default", json!({ "customer": customer, "direction": "payable" }));
    assert_eq!((&read["term_set"]["id"], &read["term_set"]["revision"]), (&bought, &json!(1)));

    let line = json!({ "description": "设备", "quantity": "1", "unit_price": "10" });
    let own = json!([{ "share": "balance", "anchor": "signed" }]);
    let month = json!({ "unit": "month", "timing": "advance", "price": "100" });
    for (more, expected) in [
        (json!({ "amount": "100" }), (sold.clone(), json!(1), 1)),
        (json!({ "lines": [line] }), (sold.clone(), json!(1), 1)),
        (json!({ "amount": "100", "kind": "purchase" }), (bought.clone(), json!(1), 1)),
        (json!({ "amount": "100", "terms": [] }), (Value::Null, Value::Null, 0)),
        (json!({ "amount": "100", "terms": own }), (Value::Null, Value::Null, 1)),
        (json!({ "amount": "100", "term_set": bought }), (bought.clone(), json!(1), 1)),
        (json!({}), (Value::Null, Value::Null, 0)),
        (json!({ "starts_on": "2026-01-01", "recurrence": month }), (Value::Null, Value::Null, 0)),
    ] {
        assert_eq!(made(&world, &customer, more.clone()), expected, "{more}");
    }
    assert_eq!(made(&world, &world.customer("乙公司"), json!({ "amount": "100" })).0, Value::Null);

    // A draft that is rewritten says what it says: what is left out is emptied.
    let contract =
        world.call("contract.create", json!({ "title": "t", "customer": customer, "amount": "1" }));
    let data = json!({ "data": { "title": "t", "customer": customer, "amount": "1" } });
    let rewritten = world.step("contract.update", &contract["id"], data).unwrap();
    assert_eq!(rewritten["term_set"], Value::Null);

    // A new revision is taken by the next contract; the one before keeps its own.
    let terms = json!([{ "share": "balance", "anchor": "signed", "offset": { "days": 45 } }]);
    let revised = json!({ "id": sold, "version": 1, "name": "销售", "terms": terms });
    world.call("term_set.save", revised);
    assert_eq!(made(&world, &customer, json!({ "amount": "100" })).1, 2);

    // An inactive default is refused rather than passed over; what is stated still goes.
    let retired = json!({ "id": sold, "version": 2, "name": "销售", "active": false, "terms": terms });
    world.call("term_set.save", retired);
    let inactive = expect("term_set_inactive", "term_set");
    let silent = json!({ "title": "t", "customer": customer, "amount": "1" });
    assert_eq!(world.refused("contract.create", silent.clone()), inactive);
    assert_eq!(world.refused("term_set.assign", assign(json!({ "term_set": sold }))), inactive);
    assert_eq!(made(&world, &customer, json!({ "amount": "100", "terms": [] })).2, 0);
    world.call("term_set.assign", assign(json!({})));
    assert_eq!(made(&world, &customer, json!({ "amount": "100" })).0, Value::Null);
    let none = world.call("term_set.default", json!({ "customer": customer }));
    assert_eq!(none["term_set"], Value::Null);
    let unknown = json!({ "customer": sold, "term_set": bought });
    assert_eq!(world.refused("term_set.assign", unknown), expect("not_found", "customer"));
}

/// The published row: of two companies that know one customer, only the one whose ledger the document is in decides.
#[test]
fn the_ledger_of_the_contract_decides() {
    let Some(rows) = crm_shared::rows("peer_cases.jsonl") else { return };
    let mut passed = 0;
    for row in rows.iter().filter(|row| row["area"] == "payment_terms_scope") {
        let (input, mut found) = (&row["input"], Value::Null);
        for (company, default) in input["customer_default_term"].as_object().unwrap() {
            let world = World::new("2026-03-02");
            let customer = world.customer("甲公司");
            if let Some(name) = default.as_str() {
                let set = set(&world, name, 30);
                world.call("term_set.assign", json!({ "customer": customer, "term_set": set }));
            }
            if input["invoice_company"] == company.as_str() {
                let set = made(&world, &customer, json!({ "amount": "100" })).0;
                if !set.is_null() {
                    found = world.call("term_set.get", json!({ "id": set }))["set"]["name"].clone();
                }
            }
        }
        assert_eq!(found, row["expected"]["invoice_term"], "{row}");
        passed += 1;
    }
    println!("payment_terms_scope: {passed} passed");
}
