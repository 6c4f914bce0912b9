//! Amendments on SQLite: what the settlement schedule makes of them, in tables with failures included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use serde_json::{Value, json};
use world::{World, expect, fen, noon, outcome};

fn terms(shares: &[(&str, Value)]) -> Value {
    shares.iter().map(|(anchor, share)| json!({ "anchor": anchor, "share": share })).collect()
}

fn said(world: &World, contract: &Value, changes: Value) -> Value {
    let details = world.details(contract);
    let mut data = json!({
        "title": details["contract"]["title"], "customer": details["contract"]["customer"],
        "amount": details["contract"]["amount"], "tax_rate": details["contract"]["tax_rate"],
        "ends_on": details["contract"]["ends_on"], "terms": details["contract"]["terms"],
        "currency": details["contract"]["currency"],
    });
    data.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({ "data": data, "reason": "双方协商" })
}

/// The books hold, and the installments are the contract.
fn check(world: &World, contract: &Value) {
    assert_eq!(world.call("settlement.verify", json!({}))["differences"], "0");
    let details = world.details(contract);
    let rows = details["installments"].as_array().unwrap();
    let sum: i64 = rows.iter().map(|row| fen(row["amount"].as_str().unwrap())).sum();
    let [amount, surcharge] =
        ["amount", "surcharge"].map(|name| fen(details["contract"][name].as_str().unwrap()));
    assert_eq!(sum, amount + surcharge, "{details}");
}

#[test]
fn the_schedule_follows_the_contract() {
    let world = World::new("2026-03-02");
    let customer = world.customer("杭州云栖仪器有限公司");
    let first = terms(&[("signed", json!({ "rate": "0.3" })), ("accepted", json!("balance"))]);
    let contract = world.effective(&customer, "100000", first, "2026-03-02");
    world.call("receipt.post", json!({ "customer": customer, "amount": "30000" }));
    assert_eq!(world.shown(&contract), ["2026-03-02 30000/- settled", "- 0/70000 open"]);

    // Shares of the new amount: what was settled grows too, and is due again.
    let dearer = said(&world, &contract, json!({ "amount": "120000" }));
    let amended = world.step("contract.amend", &contract, dearer).unwrap();
    assert_eq!((&amended["amount"], &amended["net"]), (&json!("120000"), &json!("106194.69")));
    assert_eq!(world.shown(&contract), ["2026-03-02 30000/6000 open", "- 0/84000 open"]);
    check(&world, &contract);

    // Amounts instead: the first stays as paid, a third part comes in, and another day for the rest.
    let parts = json!([
        { "anchor": "signed", "share": { "amount": "30000" } },
        { "anchor": "accepted", "share": { "amount": "40000" } },
        { "anchor": { "date": "2026-06-30" }, "share": "balance", "label": "尾款" },
    ]);
    let apart = said(&world, &contract, json!({ "terms": parts, "ends_on": "2027-03-31" }));
    let amended = world.step("contract.amend", &contract, apart).unwrap();
    assert_eq!((&amended["ends_on"], &amended["runs_until"]), (&json!("2027-03-31"), &json!("2027-03-31")));
    let three = ["2026-03-02 30000/- settled", "- 0/40000 open", "2026-06-30 0/50000 open"];
    assert_eq!(world.shown(&contract), three);
    check(&world, &contract);

    // A term that goes leaves nothing to pay.
    let two = json!([{ "anchor": "signed", "share": { "amount": "30000" } }, { "anchor": "accepted", "share": "balance" }]);
    let cheaper = said(&world, &contract, json!({ "terms": two, "amount": "90000" }));
    world.step("contract.amend", &contract, cheaper).unwrap();
    assert_eq!(world.shown(&contract)[1..], ["- 0/60000 open", "2026-06-30 0/- settled"]);
    check(&world, &contract);

    // On record: numbers, both wordings, and the difference.
    let amendments = world.details(&contract)["amendments"].clone();
    for (at, difference, before, after) in
        [(0, "20000", "100000", "120000"), (1, "0", "120000", "120000"), (2, "-30000", "120000", "90000")]
    {
        let amendment = &amendments[at];
        assert_eq!(amendment["number"], format!("HT-2026-000001-BG0{}", at + 1));
        assert_eq!(amendment["difference"], difference);
        assert_eq!(
            (&amendment["before"]["amount"], &amendment["after"]["amount"]),
            (&json!(before), &json!(after))
        );
    }
    let found =
        world.call("query.rows", json!({ "dataset": "amendment", "select": ["number", "difference"] }));
    assert_eq!(found["items"].as_array().unwrap().len(), 3, "{found}");
    world.call("audit.verify", json!({}));
}

#[test]
fn what_was_settled_beyond_an_amended_price_is_an_advance_again() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲");
    let shares = terms(&[("signed", json!({ "rate": "0.5" })), ("accepted", json!("balance"))]);
    let contract = world.effective(&customer, "100", shares, "2026-03-01");
    let paid = world.call("receipt.post", json!({ "customer": customer, "amount": "60" }));
    let input = said(&world, &contract, json!({ "amount": "19" }));
    world.step("contract.amend", &contract, input).unwrap();
    let details = world.details(&contract);
    let settled = details["installments"].as_array().unwrap().iter().map(|one| one["settled"].clone());
    assert_eq!(settled.collect::<Vec<_>>(), ["9.5", "9.5"]);
    assert_eq!(details["contract"]["settled"], "19");
    let after = world.call("receipt.get", json!({ "id": paid["receipt"]["id"] }));
    assert_eq!((&after["receipt"]["allocated"], &after["receipt"]["advance"]), (&json!("19"), &json!("41")));
    check(&world, &contract);
}

#[test]
fn what_an_amendment_may_not_say() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲");
    let other = world.customer("乙");
    let shares = || terms(&[("signed", json!({ "rate": "0.5" })), ("accepted", json!("balance"))]);
    let draft = world.contract(&customer, "100", shares());
    let refused = world.step("contract.amend", &draft, said(&world, &draft, json!({}))).unwrap_err();
    assert_eq!(outcome(&refused), expect("wrong_status", ""));
    let contract = world.effective(&customer, "100", shares(), "2026-03-01");
    world.call("receipt.post", json!({ "customer": customer, "amount": "60" }));
    let stands = world.details(&contract);
    let number = json!({ "number": "HT-1" });
    let recurrence = json!({ "terms": [], "starts_on": "2026-01-01",
        "recurrence": { "unit": "month", "timing": "advance", "price": "1" } });
    for (changes, more, code, field) in [
        (json!({}), json!({}), "nothing_amended", "data"),
        (json!({ "title": " 设备销售 " }), json!({}), "nothing_amended", "data"),
        (json!({ "title": "" }), json!({}), "empty", "data.title"),
        (json!({ "customer": other }), json!({}), "not_applicable", "data.customer"),
        (json!({ "currency": "USD" }), json!({}), "not_applicable", "data.currency"),
        (json!({ "direction": "payable" }), json!({}), "not_applicable", "data.direction"),
        (number, json!({}), "not_applicable", "data.number"),
        (recurrence, json!({}), "not_applicable", "data.recurrence"),
        (json!({ "amount": "90.001" }), json!({}), "too_many_decimals", "data.amount"),
        (json!({ "amount": "-1" }), json!({}), "out_of_range", "data.amount"),
        (json!({ "amount": "90", "terms": [] }), json!({}), "terms_missing", "data.terms"),
        (json!({ "amount": "90" }), json!({ "amended_on": "2026-03-03" }), "date_in_future", "amended_on"),
        (json!({ "amount": "90" }), json!({ "amended_on": "2026-02-28" }), "end_before_start", "amended_on"),
        (json!({ "amount": "90" }), json!({ "reason": " " }), "empty", "reason"),
        (json!({ "amount": "120" }), json!({ "rate": "7" }), "not_applicable", "rate"),
    ] {
        let mut input = said(&world, &contract, changes.clone());
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = world.step("contract.amend", &contract, input).unwrap_err();
        assert_eq!(outcome(&refused), expect(code, field), "{changes} {more}");
        assert_eq!(world.details(&contract), stands, "{changes} {more}");
    }
    check(&world, &contract);
}

#[test]
fn what_is_added_in_another_currency_is_valued_at_its_own_rate() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲");
    world.call("ledger.set_rate", json!({ "currency": "USD", "date": "2026-01-01", "rate": "7" }));
    let input = json!({ "title": "出口", "customer": customer, "amount": "1000", "currency": "USD",
        "terms": [{ "anchor": "effective", "share": "balance" }] });
    let contract = world.call("contract.create", input)["id"].clone();
    let contract = world.to_effective(contract, "2026-03-02");
    world.ledger.set_clock(noon("2026-04-01")).unwrap();
    let input = said(&world, &contract, json!({ "amount": "1500", "ends_on": null, "tax_rate": null }));
    let mut dearer = input.clone();
    dearer["rate"] = json!("6.8");
    world.step("contract.amend", &contract, dearer).unwrap();
    let row = world.details(&contract)["installments"][0].clone();
    assert_eq!((&row["open_amount"], &row["home_open"]), (&json!("1500"), &json!("10400")));
    let input = said(&world, &contract, json!({ "amount": "750", "ends_on": null, "tax_rate": null }));
    world.step("contract.amend", &contract, input).unwrap();
    let row = world.details(&contract)["installments"][0].clone();
    assert_eq!((&row["open_amount"], &row["home_open"]), (&json!("750"), &json!("5200")));
    check(&world, &contract);
    // What was owed before the amendments is what it was.
    let aging = world.call("settlement.aging", json!({ "as_of": "2026-03-31", "basis": "dated" }));
    assert_eq!(aging["rows"][0]["total"], "1000");
}

#[test]
fn what_was_invoiced_stays_and_shows() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲");
    let shares = terms(&[("signed", json!({ "rate": "0.5" })), ("accepted", json!("balance"))]);
    let contract = world.effective(&customer, "1000", shares, "2026-03-02");
    let plan =
        world.call("invoice.plan", json!({ "contract": contract, "kind": "other" }))["invoice"].clone();
    let issue = json!({ "of": { "planned": { "id": plan["id"], "version": plan["version"] } } });
    world.call("invoice.issue", issue);
    let cheaper = said(&world, &contract, json!({ "amount": "800" }));
    world.step("contract.amend", &contract, cheaper).unwrap();
    let seen = world.call("invoice.three_way", json!({ "contract": contract }))["items"][0].clone();
    for (name, value) in [("amount", "800"), ("invoiced", "1000"), ("excess", "200"), ("not_invoiced", "0")] {
        assert_eq!(seen[name], value, "{name} of {seen}");
    }
    assert_eq!(world.refused("invoice.plan", json!({ "contract": contract })).0, "nothing_to_invoice");
    check(&world, &contract);
}
