//! Contracts and settlement on SQLite: the way from draft to last payment, as tables with failures included, and random
//! operations against a small reference model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use world::{World, call, expect, fen, noon, outcome, yuan};

fn three_terms() -> Value {
    json!([
        { "label": "预付款", "share": { "rate": "0.3" }, "anchor": "signed", "offset": { "days": 7 } },
        { "label": "到货款", "share": { "rate": "0.6" }, "anchor": "delivered", "offset": { "working_days": 10 } },
        { "label": "质保金", "share": "balance", "anchor": "accepted", "offset": { "months": 6 }, "shift": "forward" }
    ])
}

#[test]
fn from_draft_to_the_last_payment() {
    let world = World::new("2026-03-02");
    let customer = world.customer("杭州云栖仪器有限公司");
    let contract = world.contract(&customer, "100000.01", three_terms());
    assert_eq!(world.details(&contract)["contract"]["number"], "HT-2026-000001");
    assert_eq!(world.shown(&contract), ["- 0/- planned", "- 0/- planned", "- 0/- planned"]);

    // Nothing can be skipped on the way.
    for name in ["withdraw", "approve", "sign", "effective", "deliver", "accept", "complete"] {
        let refused = world.step(&format!("contract.{name}"), &contract, json!({})).unwrap_err();
        assert_eq!(refused.code().name(), "wrong_status", "{name}");
    }
    world.step("contract.submit", &contract, json!({})).unwrap();
    let update = json!({ "data": { "title": "改", "customer": customer } });
    let refused = world.step("contract.update", &contract, update).unwrap_err();
    assert_eq!(refused.code().name(), "wrong_status");
    world.step("contract.reject", &contract, json!({ "opinion": "预付款偏低" })).unwrap();
    world.step("contract.submit", &contract, json!({ "opinion": "已沟通" })).unwrap();
    world.step("contract.withdraw", &contract, json!({})).unwrap();
    world.step("contract.submit", &contract, json!({})).unwrap();
    world.step("contract.approve", &contract, json!({ "opinion": "同意" })).unwrap();
    let decisions = world.details(&contract)["decisions"].clone();
    let kinds: Vec<&str> =
        decisions.as_array().unwrap().iter().map(|d| d["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["submitted", "rejected", "submitted", "withdrawn", "submitted", "approved"]);

    // Money on a contract that is not in effect can only be an advance.
    let told = json!({ "told": [{ "contract": contract, "amount": "10" }] });
    let post = json!({ "customer": customer, "amount": "10", "allocate": told });
    let not_effective = expect("contract_not_effective", "allocate.told[0].contract");
    assert_eq!(world.refused("receipt.post", post), not_effective);

    for (signed, effective, code, field) in [
        ("2026-03-03", None, "date_in_future", "signed_on"),
        ("2026-03-02", Some("2026-03-01"), "end_before_start", "effective_on"),
        ("2026-03-02", Some("2026-03-03"), "date_in_future", "effective_on"),
    ] {
        let dates = json!({ "signed_on": signed, "effective_on": effective });
        let refused = world.step("contract.sign", &contract, dates).unwrap_err();
        assert_eq!(outcome(&refused), expect(code, field));
    }
    world.step("contract.sign", &contract, json!({ "signed_on": "2026-02-28" })).unwrap();
    assert_eq!(world.shown(&contract)[0], "2026-03-07 0/- planned");
    world.step("contract.effective", &contract, json!({})).unwrap();
    let open = ["2026-03-07 0/30000 open", "- 0/60000.01 open", "- 0/10000 open"];
    assert_eq!(world.shown(&contract), open);

    // A partial receipt, then one that runs over into the next installment, which has no date yet.
    let first = world.call("receipt.post", json!({ "customer": customer, "amount": "12000.5" }));
    assert_eq!(first["receipt"]["number"], "SK-2026-000001");
    assert_eq!(world.shown(&contract)[0], "2026-03-07 12000.5/17999.5 open");
    world.call("receipt.post", json!({ "customer": customer, "amount": "20000" }));
    let partly = ["2026-03-07 30000/- settled", "- 2000.5/57999.51 open", "- 0/10000 open"];
    assert_eq!(world.shown(&contract), partly);

    // Events give dates; working days pass the Qingming holiday (4 to 6 April 2026).
    world.ledger.set_clock(noon("2026-03-30")).unwrap();
    world.step("contract.deliver", &contract, json!({ "delivered_on": "2026-03-27" })).unwrap();
    assert_eq!(world.shown(&contract)[1], "2026-04-13 2000.5/57999.51 open");
    let early = world.step("contract.accept", &contract, json!({ "accepted_on": "2026-03-26" })).unwrap_err();
    assert_eq!(outcome(&early), expect("end_before_start", "accepted_on"));
    world.step("contract.accept", &contract, json!({ "accepted_on": "2026-03-28" })).unwrap();
    assert_eq!(world.shown(&contract)[2], "2026-09-28 0/10000 open");

    let progress = world.call("settlement.progress", json!({ "contract": contract, "as_of": "2026-04-20" }));
    for (name, value) in [
        ("amount", json!("100000.01")),
        ("settled", json!("32000.5")),
        ("open", json!("67999.51")),
        ("due", json!("90000.01")),
        ("overdue", json!("57999.51")),
        ("undated", json!("0")),
        ("settled_share", json!("0.32")),
        ("next_amount", json!("57999.51")),
        ("next_overdue", json!(true)),
    ] {
        assert_eq!(progress[name], value, "{name}");
    }
    assert_eq!(progress["installments"][1]["days_late"], 7);
    assert_eq!(progress["installments"][1]["payment"], "partly_paid");

    let due = world.call("settlement.due", json!({ "within_days": 14 }));
    assert_eq!(due["items"].as_array().unwrap().len(), 1);
    assert_eq!(due["items"][0]["contract_number"], "HT-2026-000001");
    assert_eq!(due["items"][0]["customer_name"], "杭州云栖仪器有限公司");
    assert_eq!(due["items"][0]["days_late"], -14);
    let aging = world.call("settlement.aging", json!({ "as_of": "2026-05-14" }));
    assert_eq!(aging["rows"][0]["overdue"], json!(["0", "57999.51", "0", "0"]));
    assert_eq!(aging["rows"][0]["not_due"], "10000");

    // Not settled, not complete. Over-payment is an advance.
    let refused = world.step("contract.complete", &contract, json!({})).unwrap_err();
    assert_eq!(refused.code().name(), "not_settled");
    let last = world.call("receipt.post", json!({ "customer": customer, "amount": "70000" }));
    assert_eq!(last["receipt"]["allocated"], "67999.51");
    assert_eq!(last["receipt"]["advance"], "2000.49");
    let done = world.step("contract.complete", &contract, json!({})).unwrap();
    assert_eq!((done["status"].as_str(), done["runs_until"].is_null()), (Some("completed"), true));
    let due = world.call("settlement.due", json!({ "until": "2027-12-31" }));
    assert_eq!(due["items"], json!([]));

    // A receipt that comes back opens exactly what it had settled, and the contract is in effect again.
    let reverse = json!({ "id": last["receipt"]["id"], "version": 1, "reason": "退票" });
    let mirror = world.call("receipt.reverse", reverse.clone());
    assert_eq!(mirror["receipt"]["amount"], "-70000");
    assert_eq!(mirror["receipt"]["reversal_of"], last["receipt"]["id"]);
    let reopened =
        ["2026-03-07 30000/- settled", "2026-04-13 2000.5/57999.51 open", "2026-09-28 0/10000 open"];
    assert_eq!(world.shown(&contract), reopened);
    assert_eq!(world.details(&contract)["contract"]["status"], "effective");
    assert_eq!(world.refused("receipt.reverse", reverse), expect("stale_version", "version"));
    for (id, version, code) in
        [(&last["receipt"]["id"], 2, "already_reversed"), (&mirror["receipt"]["id"], 1, "is_reversal")]
    {
        let again = json!({ "id": id, "version": version, "reason": "再次" });
        assert_eq!(world.refused("receipt.reverse", again).0, code);
        assert_eq!(world.refused("receipt.allocate", json!({ "id": id, "version": version })).0, code);
    }
    world.call("audit.verify", json!({}));
}

#[test]
fn receipts_refused() {
    let world = World::new("2026-03-02");
    let (ours, theirs) = (world.customer("甲公司"), world.customer("乙公司"));
    let terms = json!([{ "share": { "rate": "0.4" }, "anchor": "signed" },
        { "share": "balance", "anchor": "accepted" }]);
    let contract = world.effective(&ours, "1000", terms.clone(), "2026-03-02");
    let other = world.effective(&theirs, "1000", terms.clone(), "2026-03-02");
    let draft = world.contract(&ours, "1000", terms.clone());
    world.call("ledger.set_rate", json!({ "currency": "USD", "date": "2026-01-01", "rate": "7.1" }));
    let [dollars, buying] = [
        json!({ "title": "出口", "customer": ours, "amount": "1000", "currency": "USD", "terms": terms }),
        json!({ "title": "采购", "kind": "purchase", "customer": ours, "amount": "1000", "terms": terms }),
    ]
    .map(|input| world.to_effective(world.call("contract.create", input)["id"].clone(), "2026-03-02"));
    let told = |contract: &Value, installment: Option<u32>, amount: &str| json!({ "told": [{ "contract": contract, "installment": installment, "amount": amount }] });
    let two = |one: &str, seq: u32, other: &str| {
        json!({ "told": [{ "contract": contract, "installment": 1, "amount": one },
            { "contract": contract, "installment": seq, "amount": other }] })
    };
    for (amount, allocate, code, field) in [
        ("0", json!("none"), "out_of_range", "amount"),
        ("-5", json!("none"), "out_of_range", "amount"),
        ("1.005", json!("none"), "too_many_decimals", "amount"),
        ("500", told(&draft, None, "1"), "contract_not_effective", "told[0].contract"),
        ("500", told(&other, None, "1"), "wrong_customer", "told[0].contract"),
        ("500", told(&dollars, None, "1"), "currency_mismatch", "told[0].contract"),
        ("500", told(&buying, None, "1"), "wrong_direction", "told[0].contract"),
        ("500", told(&contract, Some(3), "1"), "no_installment", "told[0].installment"),
        ("500", told(&contract, Some(1), "400.01"), "above_open", "told[0].amount"),
        ("500", told(&contract, Some(2), "500.01"), "above_receipt", "told[0].amount"),
        ("2000", told(&contract, None, "1000.01"), "above_open", "told[0].amount"),
        ("500", told(&contract, Some(1), "0"), "out_of_range", "told[0].amount"),
        ("500", told(&contract, Some(1), "0.001"), "too_many_decimals", "told[0].amount"),
        ("500", two("300", 1, "100.01"), "above_open", "told[1].amount"),
        ("500", two("300", 2, "200.01"), "above_receipt", "told[1].amount"),
        ("500", json!({ "contracts": [contract, draft] }), "contract_not_effective", "contracts[1]"),
    ] {
        let post = json!({ "customer": ours, "amount": amount, "allocate": allocate });
        let field = if field.contains('[') { format!("allocate.{field}") } else { field.to_owned() };
        assert_eq!(world.refused("receipt.post", post.clone()), expect(code, &field), "{post}");
    }
    let late = json!({ "customer": ours, "amount": "1", "date": "2026-03-03" });
    assert_eq!(world.refused("receipt.post", late), expect("date_in_future", "date"));
    // Nothing was written by what was refused.
    assert_eq!(world.call("receipt.list", json!({}))["items"], json!([]));
    assert_eq!(world.shown(&contract), ["2026-03-02 0/400 open", "- 0/600 open"]);

    // One receipt over two contracts, as told; the rest is an advance and is used later.
    let whole = json!([{ "share": "balance", "anchor": "signed" }]);
    let second = world.effective(&ours, "50", whole, "2026-03-02");
    let allocate = json!({ "told": [{ "contract": second, "amount": "50" },
        { "contract": contract, "installment": 2, "amount": "100" }] });
    let post = json!({ "customer": ours, "amount": "300", "date": "2026-02-01", "number": "SK-X",
        "allocate": allocate });
    let posted = world.call("receipt.post", post.clone());
    assert_eq!(posted["receipt"]["advance"], "150");
    assert_eq!(world.refused("receipt.post", post), expect("above_open", "allocate.told[0].amount"));
    let again = json!({ "customer": ours, "amount": "300", "number": "SK-X", "allocate": "none" });
    assert_eq!(world.refused("receipt.post", again), expect("receipt_number_taken", "number"));
    let id = &posted["receipt"]["id"];
    let stale = json!({ "id": id, "version": 9 });
    assert_eq!(world.refused("receipt.allocate", stale), expect("stale_version", "version"));
    let early = json!({ "id": id, "version": 1, "date": "2026-01-31" });
    assert_eq!(world.refused("receipt.allocate", early), expect("end_before_start", "date"));
    let used = world.call("receipt.allocate", json!({ "id": id, "version": 1 }));
    assert_eq!(used["receipt"]["advance"], "0");
    assert_eq!(used["allocations"].as_array().unwrap().len(), 3);
    assert_eq!(world.refused("receipt.allocate", json!({ "id": id, "version": 2 })).0, "no_advance");
    assert_eq!(world.shown(&contract), ["2026-03-02 150/250 open", "- 100/500 open"]);

    // What is payable is settled by payments.
    let payment = json!({ "customer": ours, "amount": "400", "direction": "payment" });
    let payment = world.call("receipt.post", payment);
    assert_eq!(payment["receipt"]["number"], "FK-2026-000001");
    assert_eq!(world.shown(&buying), ["2026-03-02 400/- settled", "- 0/600 open"]);
    let payable = world.call("settlement.aging", json!({ "direction": "payable" }));
    assert_eq!(payable["rows"][0]["total"], "600");
}

#[test]
fn termination_cancels_what_is_open_and_reversal_opens_what_was_settled() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let terms = json!([{ "share": { "rate": "0.5" }, "anchor": "signed" },
        { "share": "balance", "anchor": "accepted" }]);
    let contract = world.effective(&customer, "1000", terms, "2026-03-02");
    let posted = world.call("receipt.post", json!({ "customer": customer, "amount": "300" }));
    let no_reason = world.step("contract.terminate", &contract, json!({ "reason": " " })).unwrap_err();
    assert_eq!(outcome(&no_reason), expect("empty", "reason"));
    world.step("contract.terminate", &contract, json!({ "reason": "客户破产" })).unwrap();
    assert_eq!(world.shown(&contract), ["2026-03-02 300/- cancelled", "- 0/- cancelled"]);
    let progress = world.call("settlement.progress", json!({ "contract": contract }));
    assert_eq!((&progress["cancelled"], &progress["open"]), (&json!("700"), &json!("0")));

    let told = json!({ "told": [{ "contract": contract, "amount": "1" }] });
    let post = json!({ "customer": customer, "amount": "1", "allocate": told });
    assert_eq!(world.refused("receipt.post", post.clone()).0, "contract_not_effective");
    let reverse = json!({ "id": posted["receipt"]["id"], "version": 1, "reason": "退票" });
    world.call("receipt.reverse", reverse);
    assert_eq!(world.shown(&contract), ["2026-03-02 0/300 open", "- 0/- cancelled"]);
    assert_eq!(world.details(&contract)["contract"]["status"], "terminated");
    // What was opened again can be collected, and no more.
    world.call("receipt.post", post);
    let rest = world.call("receipt.post", json!({ "customer": customer, "amount": "1000" }));
    assert_eq!(rest["receipt"]["allocated"], "299");
    assert_eq!(world.shown(&contract), ["2026-03-02 300/- cancelled", "- 0/- cancelled"]);
}

#[test]
fn drafts_refused_and_changed() {
    let world = World::new("2026-12-20");
    let customer = world.customer("甲公司");
    let with = |more: Value| {
        let mut input = json!({ "title": "合同", "customer": customer });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let line = |quantity: &str, price: &str| json!({ "description": "货", "quantity": quantity, "unit_price": price, "tax_rate": "0.13" });
    let term = |share: Value| json!({ "share": share, "anchor": "signed" });
    let next_year =
        json!({ "share": "balance", "anchor": { "date": "2026-12-31" }, "offset": { "working_days": 1 } });
    let party = |name: &str| json!({ "role": "party_a", "name": name });
    for (more, code, field) in [
        (json!({ "title": " " }), "empty", "title"),
        (json!({ "amount": "-1" }), "out_of_range", "amount"),
        (json!({ "amount": "0.001" }), "too_many_decimals", "amount"),
        (json!({ "starts_on": "2026-02-01", "ends_on": "2026-01-31" }), "end_before_start", "ends_on"),
        (json!({ "lines": [line("0", "1")] }), "out_of_range", "lines[0].quantity"),
        (json!({ "lines": [line("1", "1")], "amount": "2" }), "not_applicable", "amount"),
        (json!({ "amount": "1", "terms": [term(json!({ "rate": "0.5" }))] }), "terms_do_not_sum", "terms"),
        (
            json!({ "amount": "1", "terms": [term(json!("balance")), term(json!("balance"))] }),
            "balance_not_last",
            "terms[0].share",
        ),
        (json!({ "amount": "1", "terms": [next_year] }), "unknown_calendar_year", "terms[0]"),
        (json!({ "parties": [party("甲"), party("乙")] }), "party_twice", "parties[1].role"),
        (
            json!({ "parties": [{ "role": "party_a", "name": "甲", "credit_code": "1" }] }),
            "credit_code_wrong",
            "parties[0].credit_code",
        ),
    ] {
        assert_eq!(world.refused("contract.create", with(more.clone())), expect(code, field), "{more}");
    }

    let given = with(json!({ "number": "HT-2026-000001", "lines": [line("3", "33.333333")] }));
    let created = world.call("contract.create", given);
    let sums = ["amount", "net", "tax"].map(|name| created[name].as_str().unwrap());
    assert_eq!(sums, ["100", "88.5", "11.5"]);
    let taken = with(json!({ "number": "HT-2026-000001" }));
    assert_eq!(world.refused("contract.create", taken), expect("contract_number_taken", "number"));
    // The series passes over a number given by hand.
    assert_eq!(world.call("contract.create", with(json!({})))["number"], "HT-2026-000002");

    // A change of a line's text alone also raises the version, so that nobody overwrites it unseen.
    let id = created["id"].clone();
    let data = |text: &str| {
        let mut line = line("3", "33.333333");
        line["description"] = json!(text);
        with(json!({ "lines": [line] }))
    };
    let updated = world.call("contract.update", json!({ "id": id, "version": 1, "data": data("新货") }));
    assert_eq!((&updated["version"], &updated["number"]), (&json!(2), &json!("HT-2026-000001")));
    let stale = json!({ "id": id, "version": 1, "data": data("旧货") });
    assert_eq!(world.refused("contract.update", stale), expect("stale_version", "version"));
    let same = world.call("contract.update", json!({ "id": id, "version": 2, "data": data("新货") }));
    assert_eq!(same["version"], 2);
    let refused = world.step("contract.submit", &id, json!({})).unwrap_err();
    assert_eq!(refused.code().name(), "terms_missing");
    world.step("contract.cancel", &id, json!({ "reason": "不做了" })).unwrap();
    assert_eq!(world.details(&id)["contract"]["status"], "cancelled");
    world.call("audit.verify", json!({}));
}

#[test]
fn submitter_and_approver_are_two_people() {
    let world = World::new("2026-03-02");
    let role = json!({ "name": "销售", "scope": "own", "permissions": ["contract.approve"],
        "levels": { "party": "edit", "contract": "edit", "settlement": "edit" } });
    let role = world.call("role.create", role)["id"].clone();
    let [wang, li] = ["wang", "li"].map(|login| {
        world.call("user.create", json!({ "login": login, "name": login, "roles": [role] }));
        world.ledger.session(login).unwrap()
    });
    let customer = call(&wang, "customer.create", json!({ "name": "甲公司" })).unwrap()["id"].clone();
    let terms = json!([{ "share": "balance", "anchor": "signed" }]);
    let draft = json!({ "title": "合同", "customer": customer, "amount": "100", "terms": terms });
    assert_eq!(call(&li, "contract.create", draft.clone()).unwrap_err().code().name(), "not_found");
    let id = call(&wang, "contract.create", draft).unwrap()["id"].clone();
    call(&wang, "contract.submit", json!({ "id": id, "version": 1 })).unwrap();
    let approve = json!({ "id": id, "version": 2 });
    assert_eq!(call(&wang, "contract.approve", approve.clone()).unwrap_err().code().name(), "self_approval");
    // Out of scope for the colleague until they are made a collaborator.
    assert_eq!(call(&li, "contract.approve", approve.clone()).unwrap_err().code().name(), "not_found");
    let user = world.call("user.list", json!({ "filter": { "equal": ["login", "li"] } }));
    let user = user["items"][0]["id"].clone();
    world.call("collaborator.add", json!({ "record": id, "user": user, "level": "read" }));
    call(&li, "contract.approve", approve).unwrap();
    let sign = json!({ "id": id, "version": 3, "effective_on": "2026-03-02" });
    assert_eq!(call(&li, "contract.sign", sign.clone()).unwrap_err().code().name(), "denied");
    call(&wang, "contract.sign", sign).unwrap();
    // Lists, what is due and aging follow the scope.
    let seen = |session: &crm::app::Session| {
        let count =
            |name: &str, list: &str| call(session, name, json!({})).unwrap()[list].as_array().unwrap().len();
        [count("contract.list", "items"), count("settlement.due", "items"), count("settlement.aging", "rows")]
    };
    assert_eq!((seen(&wang), seen(&li)), ([1, 1, 1], [1, 1, 1]));
    world.call("collaborator.remove", json!({ "record": id, "user": user }));
    assert_eq!((seen(&wang), seen(&li)), ([1, 1, 1], [0, 0, 0]));
}

/// Every page of a list in one.
fn pages(world: &World, name: &str, mut input: Value, list: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let page = world.call(name, input.clone());
        all.extend(page[list].as_array().unwrap().clone());
        if page["next"].is_null() {
            return all;
        }
        input["cursor"] = page["next"].clone();
    }
}

#[test]
fn aging_by_pages_and_the_largest() {
    let world = World::new("2026-06-30");
    let names = ["甲", "乙", "丙", "丁", "戊"];
    for (times, name) in (1..).zip(names) {
        let customer = world.customer(name);
        for (amount, date) in [(10, "2026-06-30"), (20, "2026-05-31"), (30, "2026-01-01")] {
            let terms = json!([{ "share": "balance", "anchor": { "date": date } }]);
            world.effective(&customer, &(amount * times).to_string(), terms, "2026-01-01");
        }
    }
    let all = world.call("settlement.aging", json!({}))["rows"].clone();
    let found: Vec<&str> =
        all.as_array().unwrap().iter().map(|row| row["customer_name"].as_str().unwrap()).collect();
    assert_eq!(found, names);
    assert_eq!(all[1]["overdue"], json!(["40", "0", "0", "60"]));
    assert_eq!(all[1]["not_due"], "20");
    assert_eq!(json!(pages(&world, "settlement.aging", json!({ "limit": 2 }), "rows")), all);
    let top = world.call("settlement.aging", json!({ "top": 2 }));
    assert_eq!(top["rows"], json!([all[4], all[3]]));
    assert_eq!(top["totals"][0]["total"], "900");
    // A yen is less than a yuan: each currency has its own largest.
    world.call("ledger.set_rate", json!({ "currency": "JPY", "date": "2026-01-01", "rate": "0.05" }));
    let customer = world.customer("己");
    let terms = json!([{ "share": "balance", "anchor": { "date": "2026-01-01" } }]);
    let input =
        json!({ "title": "t", "customer": customer, "amount": "5000", "currency": "JPY", "terms": terms });
    world.to_effective(world.call("contract.create", input)["id"].clone(), "2026-01-01");
    let top = world.call("settlement.aging", json!({ "top": 1 }));
    assert_eq!((&top["rows"][0], &top["rows"][1]["total"]), (&all[4], &json!("5000")));
    world.step("contract.terminate", &world.call("contract.list", json!({ "filter": { "equal": ["currency", "JPY"] } }))["items"][0]["id"].clone(), json!({ "reason": "r" })).unwrap();
    let growing = json!({ "bounds": [30, 30] });
    assert_eq!(world.refused("settlement.aging", growing), expect("out_of_range", "bounds[1]"));
    assert_eq!(world.refused("settlement.aging", json!({ "cursor": "x" })), expect("wrong_type", "cursor"));
    let due = pages(&world, "settlement.due", json!({ "limit": 4 }), "items");
    let keys: Vec<_> =
        due.iter().map(|item| (item["due_date"].to_string(), item["contract"].to_string())).collect();
    assert!(keys.len() == 15 && keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
}

#[test]
fn sessions_at_once_cannot_settle_more_than_is_open() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let terms = json!([{ "share": "balance", "anchor": "signed" }]);
    let contract = world.effective(&customer, "1000", terms, "2026-03-02");
    let told = json!({ "told": [{ "contract": contract, "amount": "90" }] });
    let post = json!({ "customer": customer, "amount": "90", "allocate": told });
    let posted = |session: crm::app::Session| {
        let tries = (0..5).filter(|_| match call(&session, "receipt.post", post.clone()) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.code().name(), "above_open", "{error}");
                false
            }
        });
        tries.count()
    };
    let settled: usize = std::thread::scope(|scope| {
        let sessions = (0..4).map(|_| world.ledger.session("admin").unwrap());
        let threads: Vec<_> = sessions.map(|session| scope.spawn(|| posted(session))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(settled, 11);
    assert_eq!(world.shown(&contract), ["2026-03-02 990/10 open"]);
}

/// An installment in whole fen.
#[derive(Clone)]
struct Row {
    due: i64,
    amount: i64,
    settled: i64,
    cancelled: i64,
}

impl Row {
    fn open(&self) -> i64 {
        self.amount - self.settled - self.cancelled
    }
}

struct Deal {
    customer: usize,
    status: &'static str,
    rows: Vec<Row>,
}

#[derive(Clone)]
struct Money {
    customer: usize,
    rest: i64,
    taken: Vec<(usize, usize, i64)>,
    reversed: bool,
}

/// Contracts and receipts as they should be, in plain whole numbers.
struct Model {
    deals: Vec<Deal>,
    receipts: Vec<Money>,
}

impl Model {
    fn first_due(&mut self, customer: usize, mut amount: i64) -> (Vec<(usize, usize, i64)>, i64) {
        let mut open: Vec<(i64, usize, usize)> = Vec::new();
        for (at, deal) in self.deals.iter().enumerate().filter(|(_, deal)| deal.customer == customer) {
            open.extend(deal.rows.iter().enumerate().map(|(seq, row)| (row.due, at, seq)));
        }
        open.sort_unstable();
        let mut taken = Vec::new();
        for (_, at, seq) in open {
            let row = &mut self.deals[at].rows[seq];
            let part = amount.min(row.open());
            if part > 0 {
                row.settled += part;
                amount -= part;
                taken.push((at, seq, part));
            }
        }
        (taken, amount)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Post { customer: usize, fen: i64, keep: bool },
    Told { deal: usize, seq: usize, fen: i64 },
    Allocate { receipt: usize },
    Reverse { receipt: usize },
    Terminate { deal: usize },
    Complete { deal: usize },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_usize, 1..60_000_i64, any::<bool>())
            .prop_map(|(customer, fen, keep)| Step::Post { customer, fen, keep }),
        4 => (0..4_usize, 0..3_usize, 1..40_000_i64).prop_map(|(deal, seq, fen)| Step::Told { deal, seq, fen }),
        2 => (0..12_usize).prop_map(|receipt| Step::Allocate { receipt }),
        3 => (0..12_usize).prop_map(|receipt| Step::Reverse { receipt }),
        1 => (0..4_usize).prop_map(|deal| Step::Terminate { deal }),
        2 => (0..4_usize).prop_map(|deal| Step::Complete { deal }),
    ]
}

/// The model and the ledger, side by side.
struct Pair {
    world: World,
    customers: [Value; 2],
    contracts: Vec<Value>,
    receipts: Vec<(Value, u64)>,
    model: Model,
}

impl Pair {
    fn new() -> Pair {
        let world = World::new("2026-03-31");
        let customers = [world.customer("甲公司"), world.customer("乙公司")];
        let (mut contracts, mut deals) = (Vec::new(), Vec::new());
        for (index, (customer, amount)) in (0..).zip([(0, 100_000), (0, 33_333), (1, 70_001), (1, 10)]) {
            let day = |days: i64| 1 + (days + index) % 28;
            let date = |days: i64| json!({ "date": format!("2026-03-{:02}", day(days)) });
            let terms = json!([{ "share": { "rate": "0.333333" }, "anchor": date(5) },
                { "share": { "rate": "0.333333" }, "anchor": date(0) },
                { "share": "balance", "anchor": "accepted" }]);
            contracts.push(world.effective(&customers[customer], &yuan(amount), terms, "2026-03-01"));
            let third = (amount * 333_333 + 500_000) / 1_000_000;
            let row = |due, amount| Row { due, amount, settled: 0, cancelled: 0 };
            let rows = vec![row(day(5), third), row(day(0), third), row(i64::MAX, amount - 2 * third)];
            deals.push(Deal { customer, status: "effective", rows });
        }
        Pair {
            world,
            customers,
            contracts,
            receipts: Vec::new(),
            model: Model { deals, receipts: Vec::new() },
        }
    }

    fn posted(&mut self, output: &Value, customer: usize, rest: i64, taken: Vec<(usize, usize, i64)>) {
        self.receipts.push((output["receipt"]["id"].clone(), 1));
        self.model.receipts.push(Money { customer, rest, taken, reversed: false });
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Post { customer, fen, keep } => {
                let allocate = if keep { "none" } else { "first_due" };
                let post = json!({ "customer": self.customers[customer], "amount": yuan(fen), "allocate": allocate });
                let output = self.world.call("receipt.post", post);
                let (taken, rest) =
                    if keep { (Vec::new(), fen) } else { self.model.first_due(customer, fen) };
                self.posted(&output, customer, rest, taken);
            }
            Step::Told { deal, seq, fen } => {
                let Deal { customer, status, rows } = &mut self.model.deals[deal];
                let customer = *customer;
                let told = json!({ "told": [{ "contract": self.contracts[deal], "installment": seq + 1,
                    "amount": yuan(fen) }] });
                let post =
                    json!({ "customer": self.customers[customer], "amount": yuan(fen), "allocate": told });
                let found = self.world.try_call("receipt.post", post);
                let reopened = *status == "terminated" && rows.iter().any(|row| row.open() > 0);
                let collectable = *status == "effective" || reopened;
                if collectable && fen <= rows[seq].open() {
                    rows[seq].settled += fen;
                    self.posted(&found.unwrap(), customer, 0, vec![(deal, seq, fen)]);
                } else {
                    let code = if collectable { "above_open" } else { "contract_not_effective" };
                    assert_eq!(found.unwrap_err().code().name(), code);
                }
            }
            Step::Allocate { receipt } => {
                let Some((id, version)) = self.receipts.get_mut(receipt) else { return };
                let found = self.world.try_call("receipt.allocate", json!({ "id": id, "version": version }));
                let Money { customer, rest, reversed, .. } = self.model.receipts[receipt].clone();
                if reversed || rest == 0 {
                    let code = if reversed { "already_reversed" } else { "no_advance" };
                    assert_eq!(found.unwrap_err().code().name(), code);
                    return;
                }
                *version = found.unwrap()["receipt"]["version"].as_u64().unwrap();
                let (taken, rest) = self.model.first_due(customer, rest);
                self.model.receipts[receipt].rest = rest;
                self.model.receipts[receipt].taken.extend(taken);
            }
            Step::Reverse { receipt } => {
                let Some((id, version)) = self.receipts.get_mut(receipt) else { return };
                let reverse = json!({ "id": id, "version": version, "reason": "红冲" });
                let found = self.world.try_call("receipt.reverse", reverse);
                let money = &mut self.model.receipts[receipt];
                if money.reversed {
                    assert_eq!(found.unwrap_err().code().name(), "already_reversed");
                    return;
                }
                found.unwrap();
                *version += 1;
                money.reversed = true;
                for (deal, seq, part) in &money.taken {
                    let deal = &mut self.model.deals[*deal];
                    deal.rows[*seq].settled -= part;
                    if deal.status == "completed" {
                        deal.status = "effective";
                    }
                }
            }
            Step::Terminate { deal } => {
                let reason = json!({ "reason": "终止" });
                let found = self.world.step("contract.terminate", &self.contracts[deal], reason);
                let deal = &mut self.model.deals[deal];
                assert_eq!(found.is_ok(), deal.status == "effective");
                if found.is_ok() {
                    deal.status = "terminated";
                    deal.rows.iter_mut().for_each(|row| row.cancelled = row.amount - row.settled);
                }
            }
            Step::Complete { deal } => {
                let found = self.world.step("contract.complete", &self.contracts[deal], json!({}));
                let deal = &mut self.model.deals[deal];
                let settled = deal.rows.iter().all(|row| row.amount == row.settled);
                assert_eq!(found.is_ok(), deal.status == "effective" && settled);
                if found.is_ok() {
                    deal.status = "completed";
                }
            }
        }
    }

    /// Everything stored is what the model says.
    fn check(&self) {
        let amount = |value: &Value| value.as_str().map_or(0, fen);
        let mut open: BTreeMap<usize, i64> = BTreeMap::new();
        for (deal, id) in self.model.deals.iter().zip(&self.contracts) {
            let found = self.world.details(id);
            assert_eq!(found["contract"]["status"], deal.status);
            let settled = deal.rows.iter().map(|row| row.settled).sum::<i64>();
            assert_eq!(amount(&found["contract"]["settled"]), settled);
            for (row, stored) in deal.rows.iter().zip(found["installments"].as_array().unwrap()) {
                let names = ["amount", "settled", "cancelled", "open_amount"];
                let expected = [row.amount, row.settled, row.cancelled, row.open()];
                assert_eq!(names.map(|name| amount(&stored[name])), expected);
                assert_eq!(stored["open_amount"].is_null(), row.open() == 0);
                *open.entry(deal.customer).or_default() += row.open();
            }
        }
        for (money, (id, _)) in self.model.receipts.iter().zip(&self.receipts) {
            let found = self.world.call("receipt.get", json!({ "id": id }))["receipt"].clone();
            assert_eq!(amount(&found["advance"]), money.rest);
            assert_eq!(amount(&found["allocated"]), money.taken.iter().map(|part| part.2).sum::<i64>());
            assert_eq!(found["reversed_by"].is_null(), !money.reversed);
        }
        let aging = self.world.call("settlement.aging", json!({}))["rows"].clone();
        let found: Vec<i64> = aging.as_array().unwrap().iter().map(|row| amount(&row["total"])).collect();
        let expected: Vec<i64> = open.into_values().filter(|open| *open > 0).collect();
        assert_eq!(found, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn random_settlement_is_what_the_model_says(steps in proptest::collection::vec(any_step(), 1..40)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.take(step);
            pair.check();
        }
        pair.world.call("audit.verify", json!({}));
    }
}
