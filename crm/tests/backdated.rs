//! What is done today about a day before takes nothing that was not there yet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use serde_json::{Value, json};
use world::{World, expect, noon};

fn terms(amounts: &[&str]) -> Value {
    let term = |amount: &&str| json!({ "share": { "amount": amount }, "anchor": { "date": "2026-06-01" } });
    amounts.iter().map(term).collect()
}

fn told(contract: &Value, installment: u32, amount: &str) -> Value {
    json!({ "told": [{ "contract": contract, "installment": installment, "amount": amount }] })
}

/// An operation on a receipt, at the version that it has now.
fn about(world: &World, name: &str, receipt: &Value, more: Value) -> Result<Value, (String, String)> {
    let version = world.call("receipt.get", json!({ "id": receipt }))["receipt"]["version"].clone();
    let mut input = json!({ "id": receipt, "version": version });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.try_call(name, input).map_err(|error| world::outcome(&error))
}

/// What is open of receivables on a day, by date of effect.
fn open(world: &World, day: &str) -> Value {
    world.call("settlement.aging", json!({ "as_of": day, "basis": "dated" }))["rows"][0]["total"].clone()
}

#[test]
fn an_advance_is_not_used_before_it_was_free() {
    let world = World::new("2026-03-31");
    let customer = world.customer("甲公司");
    let contract = world.effective(&customer, "400", terms(&["100", "100", "200"]), "2026-01-01");
    let posted = world.call(
        "receipt.post",
        json!({ "customer": customer, "amount": "200", "date": "2026-01-02",
        "allocate": told(&contract, 1, "100") }),
    );
    let id = &posted["receipt"]["id"];
    about(
        &world,
        "receipt.allocate",
        id,
        json!({ "date": "2026-02-01", "allocate": told(&contract, 2, "100") }),
    )
    .unwrap();
    let second = json!([{ "contract": contract, "installment": 2 }]);
    about(&world, "receipt.reallocate", id, json!({ "release": second, "date": "2026-03-01" })).unwrap();
    // From 1 February to 1 March the second half was not free.
    let first = json!([{ "contract": contract, "installment": 1 }]);
    let both = |date: &str| json!({ "release": first, "date": date, "allocate": told(&contract, 3, "200") });
    let refused = about(&world, "receipt.reallocate", id, both("2026-02-10")).unwrap_err();
    assert_eq!(refused, expect("above_advance", "date"));
    about(&world, "receipt.reallocate", id, both("2026-03-01")).unwrap();
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn a_receipt_is_not_reversed_while_it_was_refunded() {
    let world = World::new("2026-03-31");
    let customer = world.customer("甲公司");
    let posted = world.call(
        "receipt.post",
        json!({ "customer": customer, "amount": "100", "date": "2026-01-02",
        "allocate": "none" }),
    );
    let id = &posted["receipt"]["id"];
    let refund =
        about(&world, "receipt.refund", id, json!({ "reason": "误付", "date": "2026-02-01" })).unwrap();
    let back = json!({ "reason": "退回", "date": "2026-03-01" });
    about(&world, "receipt.reverse", &refund["receipt"]["id"], back).unwrap();
    let reverse = |date: &str| json!({ "reason": "退票", "date": date });
    let refused = about(&world, "receipt.reverse", id, reverse("2026-02-10")).unwrap_err();
    assert_eq!(refused, expect("above_advance", "date"));
    about(&world, "receipt.reverse", id, reverse("2026-03-01")).unwrap();
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn a_difference_of_rounding_counts_once_it_is_owed() {
    let world = World::new("2026-03-20");
    let customer = world.customer("甲公司");
    let rounding = json!({ "currency": "CNY", "step": "0.1", "mode": "half_up" });
    world.call("ledger.set_cash_rounding", rounding);
    let contract = world.effective(&customer, "0.01", terms(&["0.01"]), "2026-03-01");
    let more = json!({ "reason": "增补", "data": { "title": "增补", "customer": customer, "amount": "9.94",
        "terms": terms(&["9.94"]) } });
    world.step("contract.amend", &contract, more).unwrap();
    world.ledger.set_clock(noon("2026-03-25")).unwrap();
    let cash = json!({ "customer": customer, "amount": "9.90", "date": "2026-03-10", "method": "cash",
        "round_cash": true, "allocate": { "contracts": [contract] } });
    world.call("receipt.post", cash);
    assert_eq!(["2026-03-15", "2026-03-19"].map(|day| open(&world, day)), ["0.01", "0.01"]);
    assert_eq!(open(&world, "2026-03-20"), Value::Null);
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn an_end_of_a_day_before_ends_what_was_owed_then_and_what_came_since_from_when_it_came() {
    let world = World::new("2026-03-10");
    let customer = world.customer("甲公司");
    let rent = json!({ "title": "租赁", "customer": customer, "starts_on": "2026-01-01",
        "recurrence": { "unit": "month", "timing": "advance", "price": "100" } });
    let id = world.call("contract.create", rent)["id"].clone();
    let contract = world.to_effective(id, "2026-01-01");
    assert_eq!(open(&world, "2026-03-10"), "1200");
    world.step("contract.extend_schedule", &contract, json!({ "until": "2027-06-30" })).unwrap();
    world.ledger.set_clock(noon("2026-03-20")).unwrap();
    world
        .step("contract.terminate", &contract, json!({ "reason": "退租", "ended_on": "2026-02-28" }))
        .unwrap();
    let days = ["2026-02-27", "2026-02-28", "2026-03-09", "2026-03-10", "2026-03-20"];
    assert_eq!(days.map(|day| open(&world, day)), ["1200", "200", "200", "200", "200"]);
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn what_is_cut_as_of_a_day_before_is_not_owed_twice() {
    let world = World::new("2026-02-05");
    let customer = world.customer("甲公司");
    let delivery = json!([{ "share": "balance", "anchor": "delivery" }]);
    let contract = world.effective(&customer, "60000", delivery, "2026-02-01");
    let paid = json!({ "customer": customer, "amount": "60000", "allocate": { "contracts": [contract] } });
    let paid = world.call("receipt.post", paid);
    world.ledger.set_clock(noon("2026-02-20")).unwrap();
    about(&world, "receipt.reverse", &paid["receipt"]["id"], json!({ "reason": "退票" })).unwrap();
    world.ledger.set_clock(noon("2026-03-01")).unwrap();
    let part = json!({ "part": { "rate": "0.5" }, "delivered_on": "2026-02-10" });
    world.step("contract.deliver", &contract, part).unwrap();
    let days = ["2026-02-04", "2026-02-15", "2026-02-20", "2026-03-01"];
    assert_eq!(
        days.map(|day| open(&world, day)),
        [json!("60000"), Value::Null, json!("60000"), json!("60000")]
    );
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn a_release_that_is_withdrawn_has_made_nothing_late() {
    let world = World::new("2026-02-10");
    let customer = world.customer("甲公司");
    let held = json!([{ "share": "balance", "anchor": "signed", "retention": true }]);
    let late = json!({ "title": "质保", "customer": customer, "amount": "1000", "terms": held,
        "late": { "daily_rate": "0.001" } });
    let id = world.call("contract.create", late)["id"].clone();
    let contract = world.to_effective(id, "2026-02-01");
    let deduct = json!({ "amount": "100", "reason": "缺陷" });
    world
        .step("contract.release_retention", &contract, json!({ "installment": 1, "deduct": deduct }))
        .unwrap();
    let agreed = json!({ "installment": 1, "due_on": "2026-02-12", "reason": "延期" });
    world.step("contract.postpone", &contract, agreed).unwrap();
    world.ledger.set_clock(noon("2026-03-01")).unwrap();
    let charge = json!({ "contract": contract, "installment": 1 });
    assert_eq!(world.call("settlement.late_charge", charge.clone())["total"], "15.3");
    let wrong = json!({ "what": { "event": 1 }, "reason": "未到期" });
    world.step("contract.withdraw_event", &contract, wrong).unwrap();
    let details = world.details(&contract);
    let held = &details["installments"][0];
    assert_eq!([&held["open_amount"], &held["cancelled"]], ["1000", "0"]);
    assert_eq!([&held["due_date"], &held["released_on"]], [&Value::Null, &Value::Null]);
    assert_eq!(world.refused("settlement.late_charge", charge), expect("nothing_late", ""));
    // The agreement about the date of a release that was none does not come back with the next one.
    world
        .step("contract.release_retention", &contract, json!({ "installment": 1, "date": "2026-04-01" }))
        .unwrap();
    assert_eq!(world.details(&contract)["installments"][0]["due_date"], "2026-04-01");
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn what_changes_nothing_is_refused_or_raises_the_version() {
    let world = World::new("2026-03-01");
    let customer = world.customer("甲公司");
    let rent = json!({ "title": "租赁", "customer": customer, "starts_on": "2026-01-01", "ends_on": "2026-12-31",
        "recurrence": { "unit": "month", "timing": "advance", "price": "100" } });
    let id = world.call("contract.create", rent)["id"].clone();
    let lease = world.to_effective(id, "2026-01-01");
    let dearer = json!({ "from": "2026-07-01", "price": "120", "reason": "涨价" });
    world.step("contract.revise_price", &lease, dearer.clone()).unwrap();
    let refused = world.step("contract.revise_price", &lease, dearer).unwrap_err();
    assert_eq!(world::outcome(&refused), expect("not_applicable", "from"));
    let delivered = json!([{ "share": "balance", "anchor": "delivered", "offset": { "working_days": 1 } }]);
    let contract = world.effective(&customer, "100", delivered, "2026-02-01");
    let on = json!({ "delivered_on": "2026-02-25" });
    let first = world.step("contract.deliver", &contract, on.clone()).unwrap();
    world
        .call("ledger.set_calendar_days", json!({ "days": [{ "date": "2026-02-26", "status": "holiday" }] }));
    let second = world.step("contract.deliver", &contract, on).unwrap();
    assert_eq!(second["version"].as_i64(), first["version"].as_i64().map(|version| version + 1));
    assert_eq!(world.details(&contract)["installments"][0]["due_date"], "2026-02-27");
}

#[test]
fn money_that_was_taken_elsewhere_costs_no_discount() {
    let world = World::new("2026-02-28");
    let customer = world.customer("甲公司");
    let early = json!([{ "share": { "amount": "1000" }, "anchor": { "date": "2026-02-10" },
        "discount": { "rate": "0.02", "days": 10 } }, { "share": "balance", "anchor": { "date": "2026-06-01" } }]);
    let contract = world.effective(&customer, "1500", early, "2026-02-01");
    let pay = |amount: &str, date: &str| {
        let input = json!({ "customer": customer, "amount": amount, "date": date, "take_discounts": true,
            "allocate": told(&contract, 1, amount) });
        world.call("receipt.post", input)["receipt"]["id"].clone()
    };
    pay("480", "2026-02-15");
    let late = pay("100", "2026-02-25");
    about(&world, "receipt.reallocate", &late, json!({ "allocate": told(&contract, 2, "100") })).unwrap();
    pay("500", "2026-02-18");
    let first = world.details(&contract)["installments"][0].clone();
    assert_eq!([&first["settled"], &first["discounted"], &first["status"]], ["980", "20", "settled"]);
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn pieces_of_a_delivery_were_there_from_the_beginning() {
    let world = World::new("2026-03-20");
    let customer = world.customer("甲公司");
    let terms = json!([{ "share": "balance", "anchor": "delivery", "offset": { "days": 5 } }]);
    let data = json!({ "title": "分批", "customer": customer, "amount": "1000", "terms": terms,
        "late": { "daily_rate": "0.01" } });
    let id = world.call("contract.create", data)["id"].clone();
    let contract = world.to_effective(id, "2026-03-02");
    world.step("contract.deliver", &contract, json!({ "part": { "rate": "0.1" } })).unwrap();
    world.ledger.set_clock(noon("2026-03-25")).unwrap();
    let earlier = json!({ "part": { "rate": "0.3" }, "delivered_on": "2026-03-05" });
    world.step("contract.deliver", &contract, earlier).unwrap();
    let days = ["2026-03-04", "2026-03-10", "2026-03-19", "2026-03-25"];
    assert_eq!(days.map(|day| open(&world, day)), ["1000", "1000", "1000", "1000"]);
    // 300 for fifteen days, as if it had been recorded in the order of the days.
    let late = world.call("settlement.late_charge", json!({ "contract": contract, "installment": 2 }));
    assert_eq!((&late["total"], &late["formula"]), (&json!("45"), &json!("300 × 0.01 × 15 = 45")));
    // One delivery that dates two pieces is withdrawn as one.
    let both = json!({ "part": { "rate": "0.6" } });
    world
        .step("contract.withdraw_event", &contract, json!({ "what": { "event": 2 }, "reason": "误" }))
        .unwrap();
    let charged = world.call("settlement.progress", json!({ "contract": contract }));
    assert_eq!(charged["delivered"], "100");
    world.step("contract.deliver", &contract, both).unwrap();
    let events = world.details(&contract)["events"].as_array().unwrap().len();
    assert_eq!(world.call("settlement.progress", json!({ "contract": contract }))["delivered"], "700");
    let last = json!({ "what": { "event": events }, "reason": "误" });
    world.step("contract.withdraw_event", &contract, last).unwrap();
    assert_eq!(world.call("settlement.progress", json!({ "contract": contract }))["delivered"], "100");
    let end = json!({ "reason": "解除", "ended_on": "2026-03-05" });
    world.step("contract.terminate", &contract, end).unwrap();
    assert_eq!(open(&world, "2026-03-10"), Value::Null);
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn a_past_day_of_a_contract_that_came_to_less_is_what_it_was() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let due = json!([{ "share": "balance", "anchor": { "date": "2026-03-10" } }]);
    let contract = world.effective(&customer, "1000", due.clone(), "2026-03-01");
    let paid = json!({ "customer": customer, "amount": "1000", "allocate": { "contracts": [contract] } });
    world.call("receipt.post", paid);
    world.ledger.set_clock(noon("2026-03-20")).unwrap();
    let less = json!({ "reason": "减价", "data": { "title": "减价", "customer": customer, "amount": "400",
        "terms": due } });
    world.step("contract.amend", &contract, less).unwrap();
    let on = |day: &str| {
        let seen = world.call("settlement.progress", json!({ "contract": contract, "as_of": day }));
        ["settled", "open", "overdue"].map(|name| seen[name].as_str().unwrap().to_owned())
    };
    assert_eq!(
        ["2026-03-01", "2026-03-15", "2026-03-20"].map(on),
        [["0", "1000", "0"], ["1000", "0", "0"], ["400", "0", "0"]]
    );
}

#[test]
fn a_late_charge_comes_back_when_the_delivery_was_none() {
    let world = World::new("2026-03-20");
    let customer = world.customer("甲公司");
    let terms = json!([{ "share": "balance", "anchor": "delivered", "offset": { "days": 5 } }]);
    let data = json!({ "title": "误登", "customer": customer, "amount": "10000", "terms": terms,
        "late": { "daily_rate": "0.001" } });
    let id = world.call("contract.create", data)["id"].clone();
    let contract = world.to_effective(id, "2026-03-02");
    world.step("contract.deliver", &contract, json!({ "delivered_on": "2026-03-05" })).unwrap();
    let charge = |world: &World| {
        let version = world.details(&contract)["contract"]["version"].clone();
        let input = json!({ "contract": contract, "version": version, "installment": 1 });
        world.call("installment.charge_late", input)["statement"]["amount"].clone()
    };
    assert_eq!(charge(&world), "100");
    world.ledger.set_clock(noon("2026-03-25")).unwrap();
    world.step("contract.withdraw_event", &contract, json!({ "what": "delivered", "reason": "误" })).unwrap();
    assert_eq!(charge(&world), "-100");
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}
