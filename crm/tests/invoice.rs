//! Invoices on SQLite: plans, issues, voids and red invoices, as tables with failures included, and random operations against a small
//! reference model.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::collections::BTreeMap;

use crm::kernel::error::{Error, Locale};
use proptest::prelude::*;
use serde_json::{Value, json};
use world::{World, call, expect, fen, noon, yuan};

const CODE: &str = "91350100M000100Y43";

fn two_terms() -> Value {
    json!([{ "label": "首付", "share": { "rate": "0.3" }, "anchor": "signed" },
        { "label": "尾款", "share": "balance", "anchor": "accepted" }])
}

/// Two lines at 13% and one at 6%: 1130 + 565 + 530 = 2225 with tax, of net 2000.
fn three_lines() -> Value {
    json!([
        { "description": "主机", "quantity": "2", "unit": "台", "unit_price": "565", "tax_rate": "0.13" },
        { "description": "配件", "quantity": "5", "unit": "件", "unit_price": "113", "tax_rate": "0.13" },
        { "description": "安装", "quantity": "1", "unit_price": "530", "tax_rate": "0.06" }
    ])
}

fn sold(world: &World, customer: &Value, more: Value) -> Value {
    let mut input =
        json!({ "title": "设备", "customer": customer, "lines": three_lines(), "terms": two_terms() });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.to_effective(world.call("contract.create", input)["id"].clone(), "2026-03-02")
}

/// A number of the tax system's.
fn digital(count: usize) -> String {
    format!("26332000{count:012}")
}

fn new(contract: &Value, more: Value) -> Value {
    let mut input = json!({ "contract": contract, "buyer_credit_code": CODE });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// Lines as `installment/contract line rate net+tax=gross`.
fn shown(details: &Value) -> Vec<String> {
    let text =
        |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).replace("null", "-");
    let line = |line: &Value| {
        let [installment, place, rate, net, tax, gross] =
            ["installment", "contract_line", "tax_rate", "net", "tax", "gross"].map(|name| text(&line[name]));
        format!("{installment}/{place} {rate} {net}+{tax}={gross}")
    };
    details["lines"].as_array().unwrap().iter().map(line).collect()
}

/// `amount cancelled planned invoiced received | invoiced not received, received not invoiced, not invoiced, excess`.
fn three_way(world: &World, contract: &Value) -> String {
    let found = world.call("invoice.three_way", json!({ "contract": contract }));
    let row = &found["items"][0];
    ties_out(row);
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let names = ["amount", "cancelled", "planned", "invoiced", "received"].map(text).join(" ");
    let rest =
        ["invoiced_not_received", "received_not_invoiced", "not_invoiced", "excess"].map(text).join(" ");
    format!("{names} | {rest}")
}

#[test]
fn planned_issued_and_taken_back() {
    let world = World::new("2026-03-02");
    let customer = world.customer("杭州云栖仪器有限公司");
    let contract = sold(&world, &customer, json!({}));
    assert_eq!(three_way(&world, &contract), "2225 0 0 0 0 | 0 0 2225 0");

    // An installment is split over the tax rates of the contract.
    let first = new(
        &contract,
        json!({ "cover": { "installments": [{ "installment": 1 }] }, "planned_on": "2026-03-20" }),
    );
    let planned = world.call("invoice.plan", first.clone());
    assert_eq!(shown(&planned), ["1/- 0.06 150+9=159", "1/- 0.13 450+58.5=508.5"]);
    let invoice = &planned["invoice"];
    assert_eq!(
        (invoice["number"].as_str(), invoice["status"].as_str()),
        (Some("FP-2026-000001"), Some("planned"))
    );
    assert_eq!((&invoice["plan_open"], &invoice["gross"]), (&json!("2026-03-20"), &json!("667.5")));
    assert_eq!(invoice["buyer_name"], "杭州云栖仪器有限公司");
    // A plan holds its part.
    assert_eq!(world.refused("invoice.plan", first), expect("nothing_to_invoice", "cover.installments[0]"));
    assert_eq!(three_way(&world, &contract), "2225 0 667.5 0 0 | 0 0 1557.5 0");
    let rest = world.call("invoice.plan", new(&contract, json!({})));
    assert_eq!(shown(&rest), ["2/- 0.06 350+21=371", "2/- 0.13 1050+136.5=1186.5"]);
    assert_eq!(world.refused("invoice.plan", new(&contract, json!({}))), expect("nothing_to_invoice", ""));
    let id = rest["invoice"]["id"].clone();
    let voided = world.call("invoice.void", json!({ "id": id, "version": 1, "reason": "合并" }));
    assert_eq!((voided["status"].as_str(), voided["plan_open"].is_null()), (Some("void"), true));
    assert_eq!(world.refused("invoice.void", json!({ "id": id, "version": 2 })).0, "wrong_invoice_status");

    // Issuing what was planned.
    let id = planned["invoice"]["id"].clone();
    let issue = |more: Value| {
        let mut input =
            json!({ "of": { "planned": { "id": id, "version": 1 } }, "issued_number": digital(1) });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (more, code, field) in [
        (json!({ "issued_number": null }), "missing_field", "issued_number"),
        (json!({ "issued_number": "123" }), "invoice_number_wrong", "issued_number"),
        (json!({ "issued_on": "2026-03-03" }), "date_in_future", "issued_on"),
        (json!({ "issued_on": "2026-03-01" }), "end_before_start", "issued_on"),
        (json!({ "buyer_credit_code": "1" }), "credit_code_wrong", "buyer_credit_code"),
        (json!({ "of": { "planned": { "id": id, "version": 7 } } }), "stale_version", "of.planned.version"),
    ] {
        assert_eq!(world.refused("invoice.issue", issue(more.clone())), expect(code, field), "{more}");
    }
    let issued = world.call("invoice.issue", issue(json!({})));
    assert_eq!((&issued["invoice"]["status"], &issued["invoice"]["version"]), (&json!("issued"), &json!(2)));
    assert!(issued["invoice"]["plan_open"].is_null());
    assert_eq!(three_way(&world, &contract), "2225 0 0 667.5 0 | 667.5 0 1557.5 0");
    world.call("receipt.post", json!({ "customer": customer, "amount": "1000" }));
    assert_eq!(three_way(&world, &contract), "2225 0 0 667.5 1000 | 0 332.5 1557.5 0");

    // Part of a line, then more than is left, then the rest.
    let red = |version: u32, of: Value, number: usize| json!({ "id": id, "version": version, "reason": "销售折让", "of": of, "issued_number": digital(number) });
    let part = |line: u32, amount: &str| json!({ "lines": [{ "line": line, "amount": amount }] });
    for (of, number, code, field) in [
        (part(9, "1"), 2, "no_invoice_line", "of.lines[0].line"),
        (part(1, "0"), 2, "out_of_range", "of.lines[0].amount"),
        (part(1, "-1"), 2, "out_of_range", "of.lines[0].amount"),
        (part(1, "0.001"), 2, "too_many_decimals", "of.lines[0].amount"),
        (part(1, "159.01"), 2, "above_left", "of.lines[0].amount"),
        (
            json!({ "lines": [{ "line": 1, "amount": "1", "quantity": "1" }] }),
            2,
            "out_of_range",
            "of.lines[0].quantity",
        ),
        (json!({ "lines": [{ "line": 1 }, { "line": 1 }] }), 2, "invoiced_twice", "of.lines[1].line"),
        (json!({ "lines": [] }), 2, "empty_list", "of.lines"),
        (part(1, "1"), 1, "invoice_number_taken", "issued_number"),
    ] {
        assert_eq!(world.refused("invoice.red", red(2, of.clone(), number)), expect(code, field), "{of}");
    }
    let allowance = world.call("invoice.red", red(2, part(1, "100"), 2));
    assert_eq!(shown(&allowance), ["1/- 0.06 -94.34+-5.66=-100"]);
    assert_eq!((&allowance["invoice"]["status"], &allowance["invoice"]["red_of"]), (&json!("red"), &id));
    assert_eq!(three_way(&world, &contract), "2225 0 0 567.5 1000 | 0 432.5 1657.5 0");
    let state = |id: &Value| world.call("invoice.get", json!({ "id": id }))["invoice"].clone();
    assert_eq!((&state(&id)["status"], &state(&id)["reversed"]), (&json!("partly_reversed"), &json!("100")));
    let again = json!({ "id": allowance["invoice"]["id"], "version": 1, "reason": "再冲", "issued_number": digital(3) });
    assert_eq!(world.refused("invoice.red", again), expect("wrong_invoice_status", ""));
    assert_eq!(world.refused("invoice.red", red(2, json!("rest"), 3)), expect("stale_version", "version"));
    let whole = world.call("invoice.red", red(3, json!("rest"), 3));
    assert_eq!(shown(&whole), ["1/- 0.06 -55.66+-3.34=-59", "1/- 0.13 -450+-58.5=-508.5"]);
    assert_eq!((&state(&id)["status"], &state(&id)["reversed"]), (&json!("reversed"), &json!("667.5")));
    assert_eq!(world.refused("invoice.red", red(4, json!("rest"), 4)), expect("wrong_invoice_status", ""));
    // All of it can be invoiced again.
    assert_eq!(three_way(&world, &contract), "2225 0 0 0 1000 | 0 1000 2225 0");
    let again = world.call("invoice.plan", new(&contract, json!({})));
    assert_eq!((&again["invoice"]["net"], &again["invoice"]["tax"]), (&json!("2000"), &json!("225")));
    world.call("audit.verify", json!({}));
}

#[test]
fn by_contract_line() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let contract = sold(&world, &customer, json!({}));
    let lines = |parts: Value| new(&contract, json!({ "cover": { "lines": parts } }));
    for (parts, code, field) in [
        (json!([]), "empty_list", "cover.lines"),
        (json!([{ "line": 9 }]), "no_contract_line", "cover.lines[0].line"),
        (json!([{ "line": 1 }, { "line": 1 }]), "invoiced_twice", "cover.lines[1].line"),
        (json!([{ "line": 1, "quantity": "3" }]), "out_of_range", "cover.lines[0].quantity"),
        (json!([{ "line": 1, "quantity": "0" }]), "out_of_range", "cover.lines[0].quantity"),
        (json!([{ "line": 1, "quantity": "1", "amount": "1" }]), "not_applicable", "cover.lines[0].amount"),
        (json!([{ "line": 1, "amount": "1130.01" }]), "above_invoiceable", "cover.lines[0]"),
        (json!([{ "line": 1, "tax_rate": "1.3" }]), "out_of_range", "cover.lines[0].tax_rate"),
    ] {
        assert_eq!(world.refused("invoice.plan", lines(parts.clone())), expect(code, field), "{parts}");
    }
    let one = world.call("invoice.plan", lines(json!([{ "line": 1 }, { "line": 2, "quantity": "2" }])));
    assert_eq!(shown(&one), ["-/1 0.13 1000+130=1130", "-/2 0.13 200+26=226"]);
    let two = world.call("invoice.plan", lines(json!([{ "line": 2 }, { "line": 3, "amount": "30" }])));
    assert_eq!(shown(&two), ["-/2 0.13 300+39=339", "-/3 0.06 28.3+1.7=30"]);
    assert_eq!(two["lines"][0]["quantity"], "3");
    // What is left of the contract goes to its installments.
    let rest = world.call("invoice.plan", new(&contract, json!({})));
    assert_eq!(rest["invoice"]["gross"], "500");
    assert_eq!(three_way(&world, &contract), "2225 0 2225 0 0 | 0 0 0 0");

    // Stated lines are bounded by the same places.
    let contract = sold(&world, &customer, json!({}));
    let stated = |amount: &str, more: Value| {
        let mut line = json!({ "description": "主机", "amount": amount, "tax_rate": "0.13" });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        new(&contract, json!({ "cover": { "stated": [line] } }))
    };
    for (amount, more, code, field) in [
        ("2225.01", json!({}), "above_invoiceable", "cover.stated[0].amount"),
        ("667.51", json!({ "installment": 1 }), "above_invoiceable", "cover.stated[0].amount"),
        ("1130.01", json!({ "contract_line": 1 }), "above_invoiceable", "cover.stated[0].amount"),
        ("1", json!({ "installment": 3 }), "no_installment", "cover.stated[0].installment"),
        ("1", json!({ "contract_line": 4 }), "no_contract_line", "cover.stated[0].contract_line"),
        ("0", json!({}), "out_of_range", "cover.stated[0].amount"),
        ("1.001", json!({}), "too_many_decimals", "cover.stated[0].amount"),
        ("1", json!({ "description": " " }), "empty", "cover.stated[0].description"),
        ("1", json!({ "quantity": "0" }), "out_of_range", "cover.stated[0].quantity"),
        ("1", json!({ "tax_rate": "-0.1" }), "out_of_range", "cover.stated[0].tax_rate"),
    ] {
        assert_eq!(
            world.refused("invoice.plan", stated(amount, more.clone())),
            expect(code, field),
            "{amount} {more}"
        );
    }
    let stated = world.call("invoice.plan", stated("113", json!({ "installment": 1, "contract_line": 1 })));
    assert_eq!(shown(&stated), ["1/1 0.13 100+13=113"]);
}

#[test]
fn prices_without_tax() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let line =
        |net: &str| json!({ "description": "货", "quantity": "3", "unit_price": net, "tax_rate": "0.13" });
    let create = json!({ "tax_included": false, "lines": [line("0.11"), line("0.12")] });
    let contract = sold(&world, &customer, create);
    // 0.33 + 0.04 and 0.36 + 0.05: whole lines have the contract's own amounts.
    let cover = json!({ "cover": { "lines": [{ "line": 1 }, { "line": 2 }] } });
    let planned = world.call("invoice.plan", new(&contract, cover.clone()));
    assert_eq!(shown(&planned), ["-/1 0.13 0.33+0.04=0.37", "-/2 0.13 0.36+0.05=0.41"]);
    world.call("invoice.void", json!({ "id": planned["invoice"]["id"], "version": 1 }));
    // Once on 0.69: 0.0897.
    let mut input = new(&contract, cover);
    input["rounding"] = json!("per_invoice");
    let planned = world.call("invoice.plan", input);
    assert_eq!(planned["invoice"]["tax"], "0.09");
    world.call("invoice.void", json!({ "id": planned["invoice"]["id"], "version": 1 }));
    // Part of a line is part of its gross.
    let part = json!({ "cover": { "lines": [{ "line": 1, "quantity": "1" }] } });
    let planned = world.call("invoice.plan", new(&contract, part));
    assert_eq!(shown(&planned), ["-/1 0.13 0.11+0.01=0.12"]);
    let rest = world.call("invoice.plan", new(&contract, json!({ "cover": { "lines": [{ "line": 1 }] } })));
    assert_eq!(shown(&rest), ["-/1 0.13 0.22+0.03=0.25"]);
}

#[test]
fn kinds_numbers_and_rates() {
    let world = World::new("2026-03-02");
    let (ours, theirs) = (world.customer("甲公司"), world.customer("乙公司"));
    let contract = sold(&world, &ours, json!({}));
    let issue = |contract: &Value, amount: &str, kind: &str, number: Option<&str>, more: Value| {
        let line = json!({ "description": "货", "amount": amount, "tax_rate": more["tax_rate"].as_str().unwrap_or("0.13") });
        json!({ "of": { "new": { "contract": contract, "kind": kind, "cover": { "stated": [line] } } },
            "issued_number": number, "issued_on": more["issued_on"], "rate_reason": more["rate_reason"] })
    };
    let none = json!({});
    // A special invoice needs the buyer's code; the others do not.
    let special = issue(&contract, "10", "vat_special", Some(&digital(1)), none.clone());
    assert_eq!(world.refused("invoice.issue", special), expect("buyer_code_missing", "buyer_credit_code"));
    world.call("invoice.issue", issue(&contract, "10", "vat_ordinary", Some(&digital(1)), none.clone()));
    world.call("invoice.issue", issue(&contract, "10", "other", None, none.clone()));
    let old = world.call(
        "invoice.issue",
        issue(&contract, "10", "vat_ordinary", Some("330019413012345678"), none.clone()),
    );
    assert_eq!(old["invoice"]["issued_number"], "3300194130-12345678");
    let taken = issue(&contract, "10", "vat_ordinary", Some(&digital(1)), none.clone());
    assert_eq!(world.refused("invoice.issue", taken), expect("invoice_number_taken", "issued_number"));
    // Suppliers number for themselves.
    let buying = json!({ "kind": "purchase" });
    let [one, two] = [&ours, &theirs].map(|customer| sold(&world, customer, buying.clone()));
    let received =
        world.call("invoice.issue", issue(&one, "10", "vat_special", Some(&digital(1)), none.clone()));
    assert_eq!(
        (&received["invoice"]["direction"], &received["invoice"]["buyer_credit_code"]),
        (&json!("payable"), &Value::Null)
    );
    world.call("invoice.issue", issue(&two, "10", "vat_special", Some(&digital(1)), none.clone()));
    let twice = issue(&one, "10", "vat_special", Some(&digital(1)), none.clone());
    assert_eq!(world.refused("invoice.issue", twice).0, "invoice_number_taken");

    // Rates by date, a reason, and the ledger's own. The contract was signed before all of them.
    let contract = world.call(
        "contract.create",
        json!({ "title": "设备", "customer": ours, "lines": three_lines(), "terms": two_terms() }),
    );
    let contract = world.to_effective(contract["id"].clone(), "2010-01-01");
    let refused = expect("tax_rate_not_in_force", "rate_reason");
    let ordinary = |count: usize, rate: &str, on: &str, reason: Option<&str>| {
        let more = json!({ "tax_rate": rate, "issued_on": on, "rate_reason": reason });
        issue(&contract, "10", "vat_ordinary", Some(&digital(count)), more)
    };
    assert_eq!(world.refused("invoice.issue", ordinary(2, "0.16", "2026-03-01", None)), refused);
    world.call("invoice.issue", ordinary(2, "0.16", "2019-03-31", None));
    let late =
        world.call("invoice.issue", ordinary(3, "0.16", "2026-03-01", Some("2019年3月已发生纳税义务")));
    assert_eq!(late["invoice"]["rate_reason"], "2019年3月已发生纳税义务");
    assert_eq!(world.refused("invoice.issue", ordinary(4, "0.07", "2026-03-01", None)), refused);
    world.call("tax_rate.set", json!({ "name": "special_zone", "valid_from": "2026-01-01", "rate": "0.07" }));
    world.call("invoice.issue", ordinary(4, "0.07", "2026-03-01", None));
    world.call("tax_rate.set", json!({ "name": "special_zone", "valid_from": "2026-01-01" }));
    assert_eq!(world.refused("invoice.issue", ordinary(5, "0.07", "2026-03-01", None)), refused);
    // A red invoice keeps the rate of its original.
    let red =
        json!({ "id": late["invoice"]["id"], "version": 1, "reason": "退货", "issued_number": digital(6) });
    assert_eq!(world.call("invoice.red", red)["lines"][0]["tax_rate"], "0.16");
    let other = issue(&contract, "10", "other", Some("R-1"), json!({ "tax_rate": "0.33" }));
    world.call("invoice.issue", other);

    let standard = world.call("tax_rate.list", json!({ "name": "standard" }));
    let days: Vec<String> = standard
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {} {}", row["valid_from"], row["valid_until"], row["rate"]).replace('"', ""))
        .collect();
    assert_eq!(days, ["1994-01-01 2018-04-30 0.17", "2018-05-01 2019-03-31 0.16", "2019-04-01 null 0.13"]);
    for (input, code, field) in [
        (json!({ "name": " ", "valid_from": "2026-01-01", "rate": "0.1" }), "empty", "name"),
        (json!({ "name": "x", "valid_from": "2026-01-01", "rate": "1.1" }), "out_of_range", "rate"),
        (
            json!({ "name": "x", "valid_from": "2026-01-02", "valid_until": "2026-01-01", "rate": "0.1" }),
            "end_before_start",
            "valid_until",
        ),
    ] {
        assert_eq!(world.refused("tax_rate.set", input.clone()), expect(code, field), "{input}");
    }
}

#[test]
fn what_a_contract_allows() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let draft = world.contract(&customer, "1000", two_terms());
    assert_eq!(
        world.refused("invoice.plan", new(&draft, json!({}))),
        expect("contract_not_signed", "contract")
    );
    let contract = world.effective(&customer, "1000", two_terms(), "2026-03-02");
    let part = |seq: u32, amount: &str| {
        new(&contract, json!({ "cover": { "installments": [{ "installment": seq, "amount": amount }] } }))
    };
    for (seq, amount, code, field) in [
        (3, "1", "no_installment", "cover.installments[0].installment"),
        (1, "300.01", "above_invoiceable", "cover.installments[0].amount"),
        (1, "0", "out_of_range", "cover.installments[0].amount"),
        (1, "0.001", "too_many_decimals", "cover.installments[0].amount"),
    ] {
        assert_eq!(world.refused("invoice.plan", part(seq, amount)), expect(code, field), "{seq} {amount}");
    }
    let issue =
        |input: Value, count: usize| json!({ "of": { "new": input }, "issued_number": digital(count) });
    world.call("invoice.issue", issue(part(1, "300"), 1));
    let planned = world.call("invoice.plan", part(2, "500"));
    world.call("receipt.post", json!({ "customer": customer, "amount": "100" }));
    // Termination cancels what is open: a plan beyond it can no longer be issued, an invoice beyond it shows.
    world.step("contract.terminate", &contract, json!({ "reason": "客户破产" })).unwrap();
    assert_eq!(three_way(&world, &contract), "1000 900 500 300 100 | 200 0 0 200");
    let late = json!({ "of": { "planned": { "id": planned["invoice"]["id"], "version": 1 } }, "issued_number": digital(2) });
    assert_eq!(world.refused("invoice.issue", late).0, "above_invoiceable");
    world.call("invoice.void", json!({ "id": planned["invoice"]["id"], "version": 1 }));
    let list = world.call("invoice.list", json!({ "filter": { "equal": ["status", "issued"] } }));
    let red = json!({ "id": list["items"][0]["id"], "version": 1, "reason": "合同终止", "issued_number": digital(3),
        "of": { "lines": [{ "line": 1, "amount": "200" }] } });
    world.call("invoice.red", red);
    assert_eq!(three_way(&world, &contract), "1000 900 0 100 100 | 0 0 0 0");

    // A page over contracts has the same rows.
    let page =
        world.call("invoice.three_way", json!({ "list": { "filter": { "equal": ["customer", customer] } } }));
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let one = world.call("invoice.three_way", json!({ "contract": contract }));
    assert_eq!(page["items"][1], one["items"][0]);
    let both = json!({ "contract": contract, "list": {} });
    assert_eq!(world.refused("invoice.three_way", both), expect("not_applicable", "list"));
}

#[test]
fn due_dates_that_count_from_the_invoice() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let terms = json!([{ "label": "首付", "share": { "rate": "0.3" }, "anchor": "invoiced", "offset": { "days": 10 } },
        { "label": "尾款", "share": "balance", "anchor": "invoiced", "offset": { "days": 30 } }]);
    let dues = |contract: &Value| -> Vec<String> {
        let details = world.details(contract);
        let rows = details["installments"].as_array().unwrap().iter();
        rows.map(|row| row["due_date"].as_str().unwrap_or("-").to_owned()).collect()
    };
    let contract = world.effective(&customer, "1000", terms.clone(), "2026-03-02");
    assert_eq!(dues(&contract), ["-", "-"]);
    let cover = json!({ "cover": { "installments": [{ "installment": 1 }] } });
    let planned = world.call("invoice.plan", new(&contract, cover));
    assert_eq!(dues(&contract), ["-", "-"]);
    let of = json!({ "planned": { "id": planned["invoice"]["id"], "version": 1 } });
    world.call("invoice.issue", json!({ "of": of, "issued_number": digital(1) }));
    assert_eq!(dues(&contract), ["2026-03-12", "-"]);
    let red = |version: u32, of: Value, number: usize| {
        json!({ "id": planned["invoice"]["id"], "version": version,
        "reason": "重开", "of": of, "issued_number": digital(number) })
    };
    world.call("invoice.red", red(2, json!({ "lines": [{ "line": 1, "amount": "100" }] }), 2));
    assert_eq!(dues(&contract), ["2026-03-12", "-"]);
    world.call("invoice.red", red(3, json!("rest"), 3));
    assert_eq!(dues(&contract), ["-", "-"]);
    // An invoice that names no installment says something only when it is the last.
    let part = |amount: &str, count: usize| {
        let cover =
            json!({ "cover": { "stated": [{ "description": "货", "amount": amount, "tax_rate": "0.13" }] } });
        json!({ "of": { "new": new(&contract, cover) }, "issued_number": digital(count) })
    };
    world.call("invoice.issue", part("600", 4));
    assert_eq!(dues(&contract), ["-", "-"]);
    world.call("invoice.issue", part("400", 5));
    assert_eq!(dues(&contract), ["2026-03-12", "2026-04-01"]);
    world.call("audit.verify", json!({}));
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

/// The due dates of a contract's installments, `-` for none.
fn dues(world: &World, contract: &Value) -> Vec<String> {
    let details = world.details(contract);
    let rows = details["installments"].as_array().unwrap().iter();
    rows.map(|row| row["due_date"].as_str().unwrap_or("-").to_owned()).collect()
}

/// Due ten days after the invoice.
fn once_invoiced() -> Value {
    json!([{ "share": "balance", "anchor": "invoiced", "offset": { "days": 10 } }])
}

/// What of an installment is invoiced at once.
fn part(contract: &Value, seq: u32, amount: &str, count: usize, on: &str) -> Value {
    let cover = json!({ "cover": { "installments": [{ "installment": seq, "amount": amount }] } });
    json!({ "of": { "new": new(contract, cover) }, "issued_number": digital(count), "issued_on": on })
}

fn detail<'a>(error: &'a Error, name: &str) -> Option<&'a str> {
    error.details().find(|(other, _)| *other == name).map(|(_, value)| value)
}

fn red_of(invoice: &Value, version: u32, of: Value, count: usize) -> Value {
    json!({ "id": invoice["invoice"]["id"], "version": version, "reason": "开错", "of": of,
        "issued_number": digital(count) })
}

#[test]
fn every_invoice_that_stands_dates_its_installment() {
    let world = World::new("2026-03-12");
    let customer = world.customer("甲公司");
    // Two invoices in the order of their dates, and the other way round; the first, then the second is taken back.
    for (backdated, gone, [both, one]) in [
        (false, 0, ["2026-03-11", "2026-03-12"]),
        (false, 1, ["2026-03-11", "2026-03-11"]),
        (true, 0, ["2026-03-11", "2026-03-12"]),
        (true, 1, ["2026-03-11", "2026-03-11"]),
    ] {
        let world = World::new("2026-03-12");
        let customer = world.customer("甲公司");
        let contract = world.effective(&customer, "500", once_invoiced(), "2026-03-01");
        let inputs = [part(&contract, 1, "200", 1, "2026-03-01"), part(&contract, 1, "300", 2, "2026-03-02")];
        let mut invoices = [Value::Null, Value::Null];
        for at in if backdated { [1, 0] } else { [0, 1] } {
            invoices[at] = world.call("invoice.issue", inputs[at].clone());
        }
        let case = format!("{backdated} {gone}");
        assert_eq!(dues(&world, &contract), [both], "{case}");
        let most = if gone == 0 { "199.99" } else { "299.99" };
        let allowance = json!({ "lines": [{ "line": 1, "amount": most }] });
        world.call("invoice.red", red_of(&invoices[gone], 1, allowance, 3));
        assert_eq!(dues(&world, &contract), [both], "{case}");
        world.call("invoice.red", red_of(&invoices[gone], 2, json!("rest"), 4));
        assert_eq!(dues(&world, &contract), [one], "{case}");
        world.call("invoice.red", red_of(&invoices[1 - gone], 1, json!("rest"), 5));
        assert_eq!(dues(&world, &contract), ["-"], "{case}");
        world.call("invoice.issue", part(&contract, 1, "500", 6, "2026-03-12"));
        assert_eq!(dues(&world, &contract), ["2026-03-22"], "{case}");
        assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
    }
    // An invoice over two installments, of which one is taken back.
    let terms = json!([{ "share": { "rate": "0.3" }, "anchor": "invoiced", "offset": { "days": 10 } },
        { "share": "balance", "anchor": "invoiced", "offset": { "days": 30 } }]);
    let contract = world.effective(&customer, "1000", terms, "2026-03-01");
    let whole = json!({ "of": { "new": new(&contract, json!({})) }, "issued_number": digital(1), "issued_on": "2026-03-01" });
    let whole = world.call("invoice.issue", whole);
    assert_eq!(dues(&world, &contract), ["2026-03-11", "2026-03-31"]);
    world.call("invoice.red", red_of(&whole, 1, json!({ "lines": [{ "line": 1 }] }), 2));
    assert_eq!(dues(&world, &contract), ["-", "2026-03-31"]);
    // What names no installment covers what those that name one have left, here the first.
    let rest = json!([{ "description": "货", "amount": "300", "tax_rate": "0.13" }]);
    let rest = json!({ "of": { "new": new(&contract, json!({ "cover": { "stated": rest } })) },
        "issued_number": digital(3), "issued_on": "2026-03-02" });
    world.call("invoice.issue", rest);
    assert_eq!(dues(&world, &contract), ["2026-03-12", "2026-03-31"]);
    world.call("invoice.red", red_of(&whole, 2, json!("rest"), 4));
    assert_eq!(dues(&world, &contract), ["2026-03-12", "-"]);
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn a_due_date_that_is_told_later_holds_from_its_day() {
    let world = World::new("2026-03-28");
    let customer = world.customer("甲公司");
    let once = json!([{ "share": "balance", "anchor": "invoiced" }]);
    let contract = world.effective(&customer, "500", once, "2026-03-01");
    let aged = |days: &[&str]| -> Vec<String> {
        let aged = |day: &&str| {
            let aged =
                world.call("settlement.aging", json!({ "as_of": day, "basis": "dated" }))["rows"][0].clone();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            [&aged["undated"], &aged["not_due"], &aged["overdue"][0]].map(text).join(" ")
        };
        days.iter().map(aged).collect()
    };
    // Due from the 20th on; an earlier invoice that is recorded later makes it overdue since the day after that one.
    let late = world.call("invoice.issue", part(&contract, 1, "200", 1, "2026-03-20"));
    let early = world.call("invoice.issue", part(&contract, 1, "300", 2, "2026-03-02"));
    assert_eq!(dues(&world, &contract), ["2026-03-02"]);
    assert_eq!(aged(&["2026-03-01", "2026-03-10", "2026-03-20"]), ["500 0 0", "0 0 500", "0 0 500"]);
    let red = |invoice: &Value, count: usize, on: &str| {
        let mut input = red_of(invoice, 1, json!("rest"), count);
        input["issued_on"] = json!(on);
        world.call("invoice.red", input);
    };
    red(&early, 3, "2026-03-05");
    assert_eq!(aged(&["2026-03-04", "2026-03-10", "2026-03-20"]), ["0 0 500", "0 500 0", "0 500 0"]);
    red(&late, 4, "2026-03-25");
    assert_eq!(aged(&["2026-03-19", "2026-03-24", "2026-03-25"]), ["0 500 0", "0 0 500", "500 0 0"]);
    world.call("invoice.issue", part(&contract, 1, "500", 5, "2026-03-03"));
    assert_eq!(aged(&["2026-03-01", "2026-03-24", "2026-03-25"]), ["500 0 0", "0 0 500", "0 0 500"]);
    assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
}

#[test]
fn what_is_invoiced_after_the_end_counts_once_the_end_is_taken_back() {
    for (end, more) in [("contract.terminate", json!({ "reason": "误" })), ("contract.complete", json!({}))]
    {
        let world = World::new("2026-03-12");
        let customer = world.customer("甲公司");
        let contract = world.effective(&customer, "500", once_invoiced(), "2026-03-01");
        let first = world.call("invoice.issue", part(&contract, 1, "500", 1, "2026-03-01"));
        if end == "contract.complete" {
            world.call("receipt.post", json!({ "customer": customer, "amount": "500" }));
        }
        let reopen = || world.step("contract.reopen", &contract, json!({ "reason": "误" })).unwrap();
        world.step(end, &contract, more.clone()).unwrap();
        // The contract has ended: its due date stays, and the red invoice counts when it runs again.
        world.call("invoice.red", red_of(&first, 1, json!("rest"), 2));
        assert_eq!(dues(&world, &contract), ["2026-03-11"], "{end}");
        reopen();
        assert_eq!(dues(&world, &contract), ["-"], "{end}");
        let again = world.call("invoice.issue", part(&contract, 1, "500", 3, "2026-03-05"));
        assert_eq!(dues(&world, &contract), ["2026-03-15"], "{end}");
        world.call("invoice.red", red_of(&again, 1, json!("rest"), 4));
        assert_eq!(dues(&world, &contract), ["-"], "{end}");
        // Issued on an ended contract.
        if end == "contract.complete" {
            world.step(end, &contract, more).unwrap();
            world.call("invoice.issue", part(&contract, 1, "500", 5, "2026-03-10"));
            assert_eq!(dues(&world, &contract), ["-"], "{end}");
            reopen();
            assert_eq!(dues(&world, &contract), ["2026-03-20"], "{end}");
        }
        assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
        world.call("audit.verify", json!({}));
    }
}

/// Says a contract anew.
fn amend(world: &World, customer: &Value, contract: &Value, data: Value) {
    let mut all = json!({ "title": "设备", "customer": customer, "terms": two_terms() });
    all.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
    world.step("contract.amend", contract, json!({ "reason": "补充协议", "data": all })).unwrap();
}

fn issue_planned(planned: &Value, version: u32, count: usize, more: Value) -> Value {
    let of = json!({ "planned": { "id": planned["invoice"]["id"], "version": version } });
    let mut input = json!({ "of": of, "issued_number": digital(count) });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

fn row(world: &World, contract: &Value) -> Value {
    let row = world.call("invoice.three_way", json!({ "contract": contract }))["items"][0].clone();
    ties_out(&row);
    row
}

#[test]
fn a_plan_is_drawn_up_anew_after_an_amendment() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let contract = world.effective(&customer, "1000", two_terms(), "2026-03-01");
    let of = |seq: u32| new(&contract, json!({ "cover": { "installments": [{ "installment": seq }] } }));
    let plans = [1, 2].map(|seq| world.call("invoice.plan", of(seq)));
    assert_eq!(three_way(&world, &contract), "1000 0 1000 0 0 | 0 0 0 0");
    amend(&world, &customer, &contract, json!({ "amount": "600", "tax_rate": "0.13" }));
    let found = row(&world, &contract);
    assert_eq!((&found["planned_excess"], &found["excess"]), (&json!("400"), &json!("0")));
    let each = found["installments"].as_array().unwrap();
    let each: Vec<&str> = each.iter().map(|row| row["planned_excess"].as_str().unwrap()).collect();
    assert_eq!(each, ["120", "280"]);
    let issue = issue_planned(&plans[0], 1, 1, json!({}));
    assert_eq!(world.refused("invoice.issue", issue), expect("above_invoiceable", ""));

    // Another day alone leaves the lines; lines drawn up anew are bounded by what the plan itself gives back.
    let replan = |at: usize, version: u32, more: Value| {
        let mut input = json!({ "id": plans[at]["invoice"]["id"], "version": version });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let later = world.call("invoice.replan", replan(0, 1, json!({ "planned_on": "2026-05-01" })));
    assert_eq!((&later["invoice"]["plan_open"], &later["lines"]), (&json!("2026-05-01"), &plans[0]["lines"]));
    let part = |seq: u32, amount: &str| json!({ "cover": { "installments": [{ "installment": seq, "amount": amount }] } });
    for (more, code, field) in [
        (part(1, "180.01"), "above_invoiceable", "cover.installments[0].amount"),
        (part(3, "1"), "no_installment", "cover.installments[0].installment"),
        (json!({ "cover": { "installments": [] } }), "empty_list", "cover.installments"),
    ] {
        assert_eq!(
            world.refused("invoice.replan", replan(0, 2, more.clone())),
            expect(code, field),
            "{more}"
        );
    }
    assert_eq!(
        world.refused("invoice.replan", replan(0, 1, part(1, "180"))),
        expect("stale_version", "version")
    );
    let less = world.call("invoice.replan", replan(0, 2, part(1, "180")));
    assert_eq!(shown(&less), ["1/- 0.13 159.29+20.71=180"]);
    let invoice = &less["invoice"];
    assert_eq!(
        (&invoice["number"], &invoice["gross"], &invoice["version"], &invoice["plan_open"]),
        (&plans[0]["invoice"]["number"], &json!("180"), &json!(3), &json!("2026-05-01"))
    );
    assert_eq!(world.call("invoice.get", json!({ "id": invoice["id"] })), less);
    let rest = world.call("invoice.replan", replan(1, 1, json!({ "cover": "rest" })));
    assert_eq!(shown(&rest), ["2/- 0.13 371.68+48.32=420"]);
    assert_eq!(row(&world, &contract)["planned_excess"], "0");
    world.call("invoice.issue", issue_planned(&plans[0], 3, 1, json!({})));
    assert_eq!(
        world.refused("invoice.replan", replan(0, 4, part(1, "1"))),
        expect("wrong_invoice_status", "")
    );
    assert_eq!(three_way(&world, &contract), "600 0 420 180 0 | 180 0 0 0");

    // More lines than before, and fewer; a line that the amendment took away.
    let contract = sold(&world, &customer, json!({}));
    let cover = |lines: Value| json!({ "cover": { "lines": lines } });
    let planned = world.call("invoice.plan", new(&contract, cover(json!([{ "line": 1 }, { "line": 3 }]))));
    let id = &planned["invoice"]["id"];
    let again = |version: u32, lines: Value| {
        let input = json!({ "id": id, "version": version, "cover": { "lines": lines } });
        shown(&world.call("invoice.replan", input))
    };
    assert_eq!(again(1, json!([{ "line": 2 }])), ["-/2 0.13 500+65=565"]);
    let three = ["-/3 0.06 500+30=530", "-/2 0.13 200+26=226", "-/1 0.13 1000+130=1130"];
    assert_eq!(again(2, json!([{ "line": 3 }, { "line": 2, "quantity": "2" }, { "line": 1 }])), three);
    assert_eq!(shown(&world.call("invoice.get", json!({ "id": id }))), three);
    let lines =
        json!([{ "description": "主机", "quantity": "2", "unit_price": "1112.5", "tax_rate": "0.13" }]);
    amend(&world, &customer, &contract, json!({ "lines": lines }));
    let refused = world.try_call("invoice.issue", issue_planned(&planned, 3, 2, json!({}))).unwrap_err();
    assert_eq!(
        (refused.code().name(), detail(&refused, "left")),
        ("above_invoiceable".to_owned(), Some("0"))
    );
    world.call("audit.verify", json!({}));

    // Plans by line, of which each is too high: neither keeps the other from being brought down.
    let contract = sold(&world, &customer, json!({}));
    let plan = |line: u32| world.call("invoice.plan", new(&contract, cover(json!([{ "line": line }]))));
    let plans = [plan(1), plan(2)];
    let mut lines = three_lines();
    (lines[0]["quantity"], lines[1]["quantity"]) = (json!("1"), json!("2"));
    amend(&world, &customer, &contract, json!({ "lines": lines }));
    let found = row(&world, &contract);
    assert_eq!((&found["planned_excess"], &found["not_invoiced"]), (&json!("904"), &json!("530")));
    for (plan, line, expected) in
        [(&plans[0], 1, "-/1 0.13 500+65=565"), (&plans[1], 2, "-/2 0.13 200+26=226")]
    {
        let input =
            json!({ "id": plan["invoice"]["id"], "version": 1, "cover": { "lines": [{ "line": line }] } });
        assert_eq!(shown(&world.call("invoice.replan", input)), [expected]);
        world.call("invoice.issue", issue_planned(plan, 2, 10 + line, json!({})));
    }
    assert_eq!(three_way(&world, &contract), "1321 0 0 791 0 | 791 0 530 0");

    // After a termination nothing is left to plan.
    let contract = world.effective(&customer, "100", two_terms(), "2026-03-01");
    let planned = world.call("invoice.plan", new(&contract, json!({})));
    world.step("contract.terminate", &contract, json!({ "reason": "客户破产" })).unwrap();
    assert_eq!(row(&world, &contract)["planned_excess"], "100");
    let rest = json!({ "id": planned["invoice"]["id"], "version": 1, "cover": "rest" });
    assert_eq!(world.refused("invoice.replan", rest), expect("nothing_to_invoice", ""));
}

#[test]
fn a_plan_follows_the_tax_rates_of_its_contract() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let changed = expect("tax_rate_changed", "rate_reason");
    // The rate of a contract without lines.
    let contract = world.effective(&customer, "1130", two_terms(), "2026-03-01");
    let part = |cover: Value| world.call("invoice.plan", new(&contract, json!({ "cover": cover })));
    let planned = [
        part(json!({ "installments": [{ "installment": 1, "amount": "100" }] })),
        part(json!({ "installments": [{ "installment": 2, "amount": "100" }] })),
        part(json!({ "installments": [{ "installment": 2, "amount": "100", "tax_rate": "0.13" }] })),
        part(json!({ "stated": [{ "description": "货", "amount": "100", "tax_rate": "0.13" }] })),
    ];
    assert_eq!([&planned[0]["lines"][0]["rate_told"], &planned[2]["lines"][0]["rate_told"]], [false, true]);
    amend(&world, &customer, &contract, json!({ "amount": "1130", "tax_rate": "0.06" }));
    assert_eq!(world.refused("invoice.issue", issue_planned(&planned[0], 1, 1, json!({}))), changed);
    let reason = json!({ "rate_reason": "变更前已发生纳税义务" });
    let issued = world.call("invoice.issue", issue_planned(&planned[0], 1, 1, reason));
    assert_eq!(issued["lines"][0]["tax_rate"], "0.13");
    let replan = json!({ "id": planned[1]["invoice"]["id"], "version": 1,
        "cover": { "installments": [{ "installment": 2, "amount": "106" }] } });
    assert_eq!(shown(&world.call("invoice.replan", replan)), ["2/- 0.06 100+6=106"]);
    world.call("invoice.issue", issue_planned(&planned[1], 2, 2, json!({})));
    // What was told with the invoice stays as told.
    world.call("invoice.issue", issue_planned(&planned[2], 1, 3, json!({})));
    world.call("invoice.issue", issue_planned(&planned[3], 1, 4, json!({})));

    // The rate of a line, and of those of the contract for an installment.
    let contract = sold(&world, &customer, json!({}));
    let cover = json!({ "cover": { "lines": [{ "line": 2, "quantity": "1" }] } });
    let by_line = world.call("invoice.plan", new(&contract, cover));
    let cover = json!({ "cover": { "installments": [{ "installment": 1, "amount": "100" }] } });
    let by_rates = world.call("invoice.plan", new(&contract, cover));
    let mut lines = three_lines();
    lines[1]["tax_rate"] = json!("0.06");
    amend(&world, &customer, &contract, json!({ "lines": lines }));
    assert_eq!(world.refused("invoice.issue", issue_planned(&by_line, 1, 5, json!({}))), changed);
    world.call("invoice.issue", issue_planned(&by_rates, 1, 5, json!({})));
    lines[2]["tax_rate"] = json!("0.13");
    lines[1]["tax_rate"] = json!("0.13");
    amend(&world, &customer, &contract, json!({ "lines": lines }));
    world.call("invoice.issue", issue_planned(&by_line, 1, 6, json!({})));
}

#[test]
fn special_invoices_have_tax_and_none_is_older_than_its_contract() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    for kind in ["sales", "purchase"] {
        let world = World::new("2026-03-02");
        let customer = world.customer("甲公司");
        let create = json!({ "title": "出口", "customer": customer, "kind": kind, "amount": "100", "terms": two_terms() });
        let contract = world.to_effective(world.call("contract.create", create)["id"].clone(), "2026-02-02");
        let issue = |invoice: &str, count: usize, more: Value| {
            let mut input = json!({ "of": { "new": new(&contract, json!({ "kind": invoice,
                "cover": { "installments": [{ "installment": 1, "amount": "1" }] } })) }, "issued_number": digital(count) });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        let untaxed = expect("special_without_tax", "rate_reason");
        assert_eq!(world.refused("invoice.issue", issue("vat_special", 1, json!({}))), untaxed, "{kind}");
        let reason = json!({ "rate_reason": "税局代开" });
        world.call("invoice.issue", issue("vat_special", 1, reason));
        world.call("invoice.issue", issue("vat_ordinary", 2, json!({})));
        world.call("invoice.issue", issue("other", 3, json!({})));
        for date in ["1994-01-01", "2026-02-01"] {
            let early = issue("vat_ordinary", 4, json!({ "issued_on": date }));
            assert_eq!(
                world.refused("invoice.issue", early),
                expect("end_before_start", "issued_on"),
                "{kind}"
            );
        }
        world.call("invoice.issue", issue("vat_ordinary", 4, json!({ "issued_on": "2026-02-02" })));
    }
    // Signed, and to take effect later: invoiced in advance.
    let contract = world.contract(&customer, "100", two_terms());
    world.step("contract.submit", &contract, json!({})).unwrap();
    world.step("contract.approve", &contract, json!({})).unwrap();
    let signed = json!({ "signed_on": "2026-02-02" });
    world.step("contract.sign", &contract, signed).unwrap();
    let planned = world.call("invoice.plan", new(&contract, json!({})));
    let early = issue_planned(&planned, 1, 1, json!({ "issued_on": "2026-02-01" }));
    assert_eq!(world.refused("invoice.issue", early), expect("end_before_start", "issued_on"));
    world.call("invoice.issue", issue_planned(&planned, 1, 1, json!({ "issued_on": "2026-02-02" })));
}

#[test]
fn contract_invoices_and_money_tie_out() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let figures = |contract: &Value| {
        let row = row(&world, contract);
        let names = [
            "surcharge",
            "received",
            "discounted",
            "written_off",
            "outstanding",
            "invoiced_not_received",
            "received_not_invoiced",
            "not_invoiced",
        ];
        names.map(|name| row[name].as_str().unwrap().to_owned()).join(" ")
    };
    let issue = |contract: &Value, count: usize| {
        world.call(
            "invoice.issue",
            json!({ "of": { "new": new(contract, json!({})) }, "issued_number": digital(count) }),
        )
    };
    // A discount of 2% settled it: nothing invoiced is still to be received.
    let early = json!([{ "share": "balance", "anchor": { "date": "2026-04-01" }, "discount": { "rate": "0.02", "days": 60 } }]);
    let contract = world.effective(&customer, "1000", early, "2026-03-01");
    issue(&contract, 1);
    assert_eq!(figures(&contract), "0 0 0 0 1000 1000 0 0");
    let receipt = json!({ "customer": customer, "amount": "980", "take_discounts": true,
        "allocate": { "told": [{ "contract": contract, "amount": "980" }] } });
    world.call("receipt.post", receipt);
    assert_eq!(figures(&contract), "0 980 20 0 0 0 0 0");
    // A write-off closes it without money.
    let dated = json!([{ "share": "balance", "anchor": { "date": "2026-03-01" } }]);
    let contract = world.effective(&customer, "1000", dated, "2026-02-01");
    issue(&contract, 2);
    let version = world.details(&contract)["contract"]["version"].clone();
    let given_up = json!({ "contract": contract, "version": version, "installment": 1, "reason": "坏账" });
    world.call("installment.write_off", given_up);
    assert_eq!(figures(&contract), "0 0 0 1000 0 0 0 0");
    // A late charge is received and invoiced beside the amount.
    let terms = json!([{ "share": { "amount": "400" }, "anchor": { "date": "2026-01-01" } },
        { "share": "balance", "anchor": { "date": "2026-06-01" } }]);
    let create = json!({ "title": "设备", "customer": customer, "amount": "1000", "tax_rate": "0.13", "terms": terms,
        "late": { "daily_rate": "0.001" } });
    let contract = world.to_effective(world.call("contract.create", create)["id"].clone(), "2025-12-01");
    let version = world.details(&contract)["contract"]["version"].clone();
    world.call(
        "installment.charge_late",
        json!({ "contract": contract, "version": version, "installment": 1 }),
    );
    assert_eq!(figures(&contract), "24 0 0 0 1024 0 0 1024");
    let receipt = json!({ "customer": customer, "amount": "1024", "allocate": { "contracts": [contract] } });
    world.call("receipt.post", receipt);
    assert_eq!(figures(&contract), "24 1024 0 0 0 0 1024 1024");
    issue(&contract, 3);
    assert_eq!(figures(&contract), "24 1024 0 0 0 0 0 0");
}

#[test]
fn what_is_refused_is_told_in_chinese() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let contract = sold(&world, &customer, json!({}));
    let chinese =
        |name: &str, input: Value| world.try_call(name, input).unwrap_err().message(Locale::Chinese);
    let cover = |cover: Value| new(&contract, json!({ "cover": cover }));
    let twice = |list: &str, what: &str| {
        cover(json!({ list: [{ what: 1, "amount": "1" }, { what: 1, "amount": "1" }] }))
    };
    assert!(chinese("invoice.plan", twice("installments", "installment")).contains("结算节点 1"));
    assert!(chinese("invoice.plan", twice("lines", "line")).contains("合同明细 1"));
    let nothing = cover(json!({ "installments": [{ "installment": 1, "amount": "0" }] }));
    let refused = world.try_call("invoice.plan", nothing).unwrap_err();
    assert_eq!(detail(&refused, "min"), Some("0.01"));
    let planned = world.call("invoice.plan", cover(json!({ "lines": [{ "line": 1 }] })));
    assert!(chinese("invoice.plan", cover(json!({ "lines": [{ "line": 1 }] }))).contains("主机 (1)"));
    world.call("invoice.issue", issue_planned(&planned, 1, 1, json!({})));
    let of = json!({ "lines": [{ "line": 1, "amount": "1" }, { "line": 1, "amount": "1" }] });
    assert!(chinese("invoice.red", red_of(&planned, 2, of, 2)).contains("第 1 行"));
    let of = json!({ "lines": [{ "line": 1, "amount": "0" }] });
    let refused = world.try_call("invoice.red", red_of(&planned, 2, of, 2)).unwrap_err();
    assert_eq!(detail(&refused, "min"), Some("0.01"));
}

#[test]
fn sessions_at_once_cannot_invoice_more_than_the_contract() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let contract = world.effective(&customer, "1000", two_terms(), "2026-03-02");
    let line = json!({ "description": "货", "amount": "90", "tax_rate": "0.13" });
    let issued = |session: crm::app::Session, thread: usize| {
        let tries = (0..5).filter(|count| {
            let input = json!({ "of": { "new": new(&contract, json!({ "cover": { "stated": [line] } })) },
                "issued_number": digital(thread * 10 + count) });
            match call(&session, "invoice.issue", input) {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.code().name(), "above_invoiceable", "{error}");
                    false
                }
            }
        });
        tries.count()
    };
    let count: usize = std::thread::scope(|scope| {
        let sessions = (0..4).map(|thread| (world.ledger.session("admin").unwrap(), thread));
        let threads: Vec<_> =
            sessions.map(|(session, thread)| scope.spawn(move || issued(session, thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(count, 11);
    assert_eq!(three_way(&world, &contract), "1000 0 0 990 0 | 990 0 10 0");
}

#[test]
fn invoices_follow_the_scope_of_their_contract() {
    let world = World::new("2026-03-02");
    let role = json!({ "name": "销售", "scope": "own",
        "levels": { "party": "edit", "contract": "edit", "invoice": "edit" } });
    let role = world.call("role.create", role)["id"].clone();
    let [wang, li] = ["wang", "li"].map(|login| {
        world.call("user.create", json!({ "login": login, "name": login, "roles": [role] }));
        world.ledger.session(login).unwrap()
    });
    let customer = call(&wang, "customer.create", json!({ "name": "甲公司" })).unwrap()["id"].clone();
    let draft = json!({ "title": "合同", "customer": customer, "amount": "100", "terms": two_terms() });
    let contract = call(&wang, "contract.create", draft).unwrap()["id"].clone();
    world.to_effective(contract.clone(), "2026-03-02");
    let planned = call(&wang, "invoice.plan", new(&contract, json!({}))).unwrap();
    let id = &planned["invoice"]["id"];
    let refused = |name: &str, input: Value| call(&li, name, input).unwrap_err().code().name();
    assert_eq!(refused("invoice.plan", new(&contract, json!({}))), "not_found");
    assert_eq!(refused("invoice.get", json!({ "id": id })), "not_found");
    assert_eq!(refused("invoice.void", json!({ "id": id, "version": 1 })), "not_found");
    assert_eq!(refused("invoice.three_way", json!({ "contract": contract })), "not_found");
    assert_eq!(refused("invoice.red", json!({ "id": id, "version": 1, "reason": "x" })), "denied");
    for name in ["invoice.list", "invoice_line.list", "invoice.three_way"] {
        let seen = |session| call(session, name, json!({})).unwrap()["items"].as_array().unwrap().len();
        assert_eq!((seen(&wang), seen(&li)), (if name == "invoice_line.list" { 2 } else { 1 }, 0), "{name}");
    }
}

/// What the model knows of an invoice: status, and per line its installment, gross and what is reversed of it, in fen.
#[derive(Debug, Clone)]
struct Known {
    id: Value,
    version: u64,
    status: &'static str,
    lines: Vec<(usize, i64, i64)>,
}

#[derive(Debug, Clone)]
enum Act {
    Plan(usize, i64),
    Rest,
    IssueNew(usize, i64),
    Issue(usize),
    Void(usize),
    Replan(usize, usize, i64),
    Red(usize),
    RedPart(usize, usize, i64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..3_usize, 1..60_000_i64).prop_map(|(at, fen)| Act::Plan(at, fen)),
        1 => Just(Act::Rest),
        3 => (0..3_usize, 1..60_000_i64).prop_map(|(at, fen)| Act::IssueNew(at, fen)),
        3 => (0..8_usize).prop_map(Act::Issue),
        1 => (0..8_usize).prop_map(Act::Void),
        2 => (0..8_usize, 0..3_usize, 1..60_000_i64).prop_map(|(at, place, fen)| Act::Replan(at, place, fen)),
        1 => (0..8_usize).prop_map(Act::Red),
        3 => (0..8_usize, 0..4_usize, 1..60_000_i64).prop_map(|(at, line, fen)| Act::RedPart(at, line, fen)),
    ]
}

/// The equations of the three-way view.
fn ties_out(row: &Value) {
    let of = |row: &Value, name: &str| fen(row[name].as_str().unwrap());
    let sum = |row: &Value, names: &[&str]| names.iter().map(|name| of(row, name)).sum::<i64>();
    let each = row["installments"].as_array().unwrap();
    for part in each.iter().chain([row]) {
        let whole = of(part, "amount") + part.get("surcharge").map_or(0, |_| of(part, "surcharge"));
        let closed = ["received", "discounted", "written_off"];
        assert_eq!(whole, sum(part, &closed) + sum(part, &["cancelled", "outstanding"]), "{part}");
        let taken = ["cancelled", "planned", "invoiced", "not_invoiced"];
        assert_eq!(whole, sum(part, &taken) - sum(part, &["planned_excess", "excess"]), "{part}");
        let open = of(part, "invoiced") - sum(part, &closed);
        assert_eq!(of(part, "invoiced_not_received"), open.max(0), "{part}");
        let ahead = of(part, "received") - of(part, "invoiced");
        assert_eq!(of(part, "received_not_invoiced"), ahead.max(0), "{part}");
    }
    if each.is_empty() {
        return;
    }
    let all = |name: &str| each.iter().map(|part| of(part, name)).sum::<i64>();
    let late = each.iter().filter(|part| part["kind"] == "late_charge");
    assert_eq!(of(row, "surcharge"), late.map(|part| of(part, "amount")).sum::<i64>(), "{row}");
    assert_eq!(all("amount"), sum(row, &["amount", "surcharge"]), "{row}");
    for name in ["cancelled", "received", "discounted", "written_off", "outstanding"] {
        assert_eq!(all(name), of(row, name), "{name} of {row}");
    }
    assert_eq!(of(row, "planned"), all("planned") + of(row, "planned_unassigned"), "{row}");
    assert_eq!(of(row, "invoiced"), all("invoiced") + of(row, "unassigned"), "{row}");
}

/// The equations of stored invoices, and what each installment is planned and invoiced of.
fn checked(world: &World, contract: &Value) -> (BTreeMap<i64, i64>, BTreeMap<i64, i64>) {
    let text = |value: &Value| fen(value.as_str().unwrap());
    let (mut planned, mut invoiced) = (BTreeMap::new(), BTreeMap::new());
    let invoices = world.call("invoice.list", json!({ "limit": 1000 }));
    let mut red: BTreeMap<String, i64> = BTreeMap::new();
    let mut reversed: BTreeMap<String, i64> = BTreeMap::new();
    for invoice in invoices["items"].as_array().unwrap() {
        let details = world.call("invoice.get", json!({ "id": invoice["id"] }));
        let lines = details["lines"].as_array().unwrap();
        for name in ["net", "tax", "gross", "reversed"] {
            let sum: i64 = lines.iter().map(|line| text(&line[name])).sum();
            assert_eq!(sum, text(&invoice[name]), "{name} of {details}");
        }
        for part in lines.iter().chain([invoice]) {
            assert_eq!(text(&part["net"]) + text(&part["tax"]), text(&part["gross"]), "{part}");
            let (gross, back) = (text(&part["gross"]), text(&part["reversed"]));
            assert!(back == 0 || (0..=gross).contains(&back), "{part}");
            let same_sign = [&part["net"], &part["tax"]]
                .iter()
                .all(|each| text(each) == 0 || (text(each) > 0) == (gross > 0));
            assert!(same_sign, "{part}");
        }
        match invoice["status"].as_str().unwrap() {
            "void" => continue,
            "red" => *red.entry(invoice["red_of"].to_string()).or_default() -= text(&invoice["gross"]),
            _ => *reversed.entry(invoice["id"].to_string()).or_default() += text(&invoice["reversed"]),
        }
        let sums = if invoice["status"] == "planned" { &mut planned } else { &mut invoiced };
        for line in lines {
            *sums.entry(line["installment"].as_i64().unwrap()).or_default() += text(&line["gross"]);
        }
    }
    reversed.retain(|_, sum| *sum != 0);
    assert_eq!(red, reversed);
    let row = world.call("invoice.three_way", json!({ "contract": contract }))["items"][0].clone();
    ties_out(&row);
    for each in row["installments"].as_array().unwrap() {
        let seq = each["seq"].as_i64().unwrap();
        let of = |sums: &BTreeMap<i64, i64>| sums.get(&seq).copied().unwrap_or_default();
        assert_eq!((text(&each["planned"]), text(&each["invoiced"])), (of(&planned), of(&invoiced)));
        assert!(of(&planned) + of(&invoiced) <= text(&each["amount"]), "{each}");
    }
    (planned, invoiced)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn random_sequences_against_a_model(
        lines in prop::collection::vec((1..40_000_i64, prop::sample::select(vec!["0.13", "0.06", "0"])), 1..4),
        shares in (1..400_000_i64, 1..400_000_i64), per_invoice: bool, acts in prop::collection::vec(act(), 1..25),
    ) {
        let world = World::new("2026-03-02");
        let customer = world.customer("甲公司");
        let rows: Vec<Value> = lines.iter().map(|(price, rate)|
            json!({ "description": "货", "quantity": "1", "unit_price": yuan(*price + 2), "tax_rate": rate })).collect();
        let rate = |share: i64| format!("0.{share:06}");
        let terms = json!([{ "share": { "rate": rate(shares.0) }, "anchor": "signed" },
            { "share": { "rate": rate(shares.1) }, "anchor": "signed" }, { "share": "balance", "anchor": "accepted" }]);
        let contract = sold(&world, &customer, json!({ "lines": rows, "terms": terms }));
        let details = world.details(&contract);
        let amounts: Vec<i64> = details["installments"].as_array().unwrap().iter()
            .map(|row| fen(row["amount"].as_str().unwrap())).collect();
        let rounding = if per_invoice { "per_invoice" } else { "per_line" };
        let (mut known, mut numbers): (Vec<Known>, usize) = (Vec::new(), 0);
        let of_lines = |details: &Value| -> Vec<(usize, i64, i64)> {
            details["lines"].as_array().unwrap().iter().map(|line| {
                let at = usize::try_from(line["installment"].as_u64().unwrap()).unwrap() - 1;
                (at, fen(line["gross"].as_str().unwrap()), 0)
            }).collect()
        };
        for act in acts {
            numbers += 1;
            let left: Vec<i64> = (0..3).map(|at| {
                let taken = known.iter().filter(|known| known.status != "void").flat_map(|known| &known.lines);
                amounts[at] - taken.filter(|line| line.0 == at).map(|line| line.1 - line.2).sum::<i64>()
            }).collect();
            let cover = |at: usize, fen: i64| new(&contract, json!({ "rounding": rounding, "kind": "vat_ordinary",
                "cover": { "installments": [{ "installment": at + 1, "amount": yuan(fen) }] } }));
            match act {
                Act::Plan(at, fen) | Act::IssueNew(at, fen) => {
                    let (name, input, status) = match act {
                        Act::Plan(..) => ("invoice.plan", cover(at, fen), "planned"),
                        _ => ("invoice.issue", json!({ "of": { "new": cover(at, fen) }, "issued_number": digital(numbers) }), "issued"),
                    };
                    let found = world.try_call(name, input);
                    prop_assert_eq!(found.is_ok(), fen <= left[at], "{} of {:?}", fen, left);
                    match found {
                        Ok(details) => {
                            let lines = of_lines(&details);
                            prop_assert_eq!(lines.iter().map(|line| line.1).sum::<i64>(), fen);
                            known.push(Known { id: details["invoice"]["id"].clone(), version: 1, status, lines });
                        }
                        Err(error) => prop_assert_eq!(error.code().name(), "above_invoiceable"),
                    }
                }
                Act::Rest => {
                    let found = world.try_call("invoice.plan", new(&contract, json!({ "rounding": rounding, "kind": "vat_ordinary" })));
                    prop_assert_eq!(found.is_ok(), left.iter().sum::<i64>() > 0);
                    if let Ok(details) = found {
                        let lines = of_lines(&details);
                        prop_assert_eq!(lines.iter().map(|line| line.1).sum::<i64>(), left.iter().sum::<i64>());
                        known.push(Known { id: details["invoice"]["id"].clone(), version: 1, status: "planned", lines });
                    }
                }
                Act::Issue(at) | Act::Void(at) => {
                    let Some(invoice) = known.get_mut(at) else { continue };
                    let planned = json!({ "id": invoice.id, "version": invoice.version });
                    let found = match act {
                        Act::Void(_) => world.try_call("invoice.void", planned),
                        _ => world.try_call("invoice.issue", json!({ "of": { "planned": planned }, "issued_number": digital(numbers) })),
                    };
                    prop_assert_eq!(found.is_ok(), invoice.status == "planned", "{:?} {:?}", invoice, found);
                    if found.is_ok() {
                        invoice.version += 1;
                        invoice.status = if matches!(act, Act::Void(_)) { "void" } else { "issued" };
                    }
                }
                Act::Replan(at, place, fen) => {
                    let Some(invoice) = known.get_mut(at) else { continue };
                    let own: i64 = invoice.lines.iter().filter(|line| line.0 == place).map(|line| line.1).sum();
                    let planned = invoice.status == "planned";
                    let input = json!({ "id": invoice.id, "version": invoice.version, "planned_on": "2026-04-01",
                        "cover": { "installments": [{ "installment": place + 1, "amount": yuan(fen) }] } });
                    let found = world.try_call("invoice.replan", input);
                    prop_assert_eq!(found.is_ok(), planned && fen <= left[place] + own, "{:?} {:?}", invoice, found);
                    if let Ok(details) = found {
                        invoice.version += 1;
                        prop_assert_eq!(&details["invoice"]["version"], &json!(invoice.version));
                        invoice.lines = of_lines(&details);
                    }
                }
                Act::Red(at) | Act::RedPart(at, ..) => {
                    let Some(invoice) = known.get_mut(at) else { continue };
                    let (mut of, mut allowed) = (json!("rest"), matches!(invoice.status, "issued" | "partly_reversed"));
                    let mut part = None;
                    if let Act::RedPart(_, line, fen) = act {
                        let Some((_, gross, back)) = invoice.lines.get(line) else { continue };
                        of = json!({ "lines": [{ "line": line + 1, "amount": yuan(fen) }] });
                        allowed &= fen <= gross - back;
                        part = Some((line, fen));
                    }
                    let input = json!({ "id": invoice.id, "version": invoice.version, "reason": "退货", "of": of, "issued_number": digital(numbers) });
                    let found = world.try_call("invoice.red", input);
                    prop_assert_eq!(found.is_ok(), allowed, "{:?} {:?}", invoice, found);
                    if found.is_ok() {
                        match part {
                            Some((line, fen)) => invoice.lines[line].2 += fen,
                            None => invoice.lines.iter_mut().for_each(|line| line.2 = line.1),
                        }
                        let all = invoice.lines.iter().all(|line| line.1 == line.2);
                        invoice.status = if all { "reversed" } else { "partly_reversed" };
                        invoice.version += 1;
                    }
                }
            }
            for invoice in &known {
                let stored = world.call("invoice.get", json!({ "id": invoice.id }));
                prop_assert_eq!(stored["invoice"]["status"].as_str(), Some(invoice.status));
            }
        }
        let (planned, invoiced) = checked(&world, &contract);
        for at in 0..3_usize {
            let seq = i64::try_from(at).unwrap() + 1;
            let model: i64 = known.iter().filter(|known| known.status != "void").flat_map(|known| &known.lines)
                .filter(|line| line.0 == at).map(|line| line.1 - line.2).sum();
            let stored = planned.get(&seq).copied().unwrap_or_default() + invoiced.get(&seq).copied().unwrap_or_default();
            prop_assert_eq!(stored, model);
        }
        world.ledger.set_clock(noon("2026-03-03")).unwrap();
        world.call("audit.verify", json!({}));
    }
}

#[derive(Debug, Clone)]
enum Turn {
    Plan(u32, i64),
    Issue(u32, i64, u32),
    IssuePlanned(usize, u32),
    Replan(usize, u32, i64),
    Red(usize, Option<i64>),
    Amend(i64),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => (1..3_u32, 1..60_000_i64).prop_map(|(seq, fen)| Turn::Plan(seq, fen)),
        3 => (1..3_u32, 1..60_000_i64, 1..28_u32).prop_map(|(seq, fen, day)| Turn::Issue(seq, fen, day)),
        2 => (0..6_usize, 1..28_u32).prop_map(|(at, day)| Turn::IssuePlanned(at, day)),
        2 => (0..6_usize, 1..3_u32, 1..60_000_i64).prop_map(|(at, seq, fen)| Turn::Replan(at, seq, fen)),
        3 => (0..6_usize, prop::option::of(1..30_000_i64)).prop_map(|(at, part)| Turn::Red(at, part)),
        2 => (1..150_000_i64).prop_map(Turn::Amend),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn amendments_leave_figures_that_tie_out_and_dates_by_what_stands(turns in prop::collection::vec(turn(), 1..25)) {
        let world = World::new("2026-03-28");
        let customer = world.customer("甲公司");
        let term = |share: Value| json!({ "share": share, "anchor": "invoiced", "offset": { "days": 10 } });
        let terms = json!([term(json!({ "rate": "0.4" })), term(json!("balance"))]);
        let contract = world.effective(&customer, "1000", terms.clone(), "2026-03-01");
        // Of each invoice: number and version, its installment, its day of March when it is issued, and what of it stands.
        let mut known: Vec<(Value, u64, u32, Option<u32>, i64)> = Vec::new();
        for (turn, count) in turns.into_iter().zip(1_usize..) {
            let input = |seq: u32, fen: i64, day: u32| part(&contract, seq, &yuan(fen), count, &format!("2026-03-{day:02}"));
            match turn {
                Turn::Plan(seq, fen) => {
                    if let Ok(found) = world.try_call("invoice.plan", input(seq, fen, 1)["of"]["new"].clone()) {
                        known.push((found["invoice"]["id"].clone(), 1, seq, None, fen));
                    }
                }
                Turn::Issue(seq, fen, day) => {
                    if let Ok(found) = world.try_call("invoice.issue", input(seq, fen, day)) {
                        known.push((found["invoice"]["id"].clone(), 1, seq, Some(day), fen));
                    }
                }
                Turn::IssuePlanned(at, on) => {
                    let Some((id, version, _, day, _)) = known.get_mut(at) else { continue };
                    let input = json!({ "of": { "planned": { "id": id, "version": version } },
                        "issued_number": digital(count), "issued_on": format!("2026-03-{on:02}") });
                    if world.try_call("invoice.issue", input).is_ok() {
                        (*version, *day) = (*version + 1, Some(on));
                    }
                }
                Turn::Replan(at, to, fen) => {
                    let Some((id, version, seq, _, gross)) = known.get_mut(at) else { continue };
                    let cover = json!({ "installments": [{ "installment": to, "amount": yuan(fen) }] });
                    let input = json!({ "id": id, "version": version, "cover": cover });
                    if world.try_call("invoice.replan", input).is_ok() {
                        (*version, *seq, *gross) = (*version + 1, to, fen);
                    }
                }
                Turn::Red(at, part) => {
                    let Some((id, version, _, _, gross)) = known.get_mut(at) else { continue };
                    let of = part.map_or(json!("rest"), |fen| json!({ "lines": [{ "line": 1, "amount": yuan(fen) }] }));
                    let input = json!({ "id": id, "version": version, "reason": "退货", "of": of, "issued_number": digital(count),
                        "issued_on": "2026-03-28" });
                    if world.try_call("invoice.red", input).is_ok() {
                        (*version, *gross) = (*version + 1, part.map_or(0, |fen| *gross - fen));
                    }
                }
                Turn::Amend(fen) => amend(&world, &customer, &contract, json!({ "amount": yuan(fen), "tax_rate": "0.13", "terms": terms })),
            }
            let row = row(&world, &contract);
            for (at, due) in dues(&world, &contract).into_iter().enumerate() {
                let of_part = |(_, _, seq, day, gross): &&(Value, u64, u32, Option<u32>, i64)| {
                    *seq as usize == at + 1 && day.is_some() && *gross > 0
                };
                let first = known.iter().filter(of_part).filter_map(|(_, _, _, day, _)| *day).min();
                let april = |day: u32| if day > 31 { format!("2026-04-{:02}", day - 31) } else { format!("2026-03-{day:02}") };
                prop_assert_eq!(due, first.map_or("-".to_owned(), |day| april(day + 10)));
            }
            // What is shown as not invoiced can be planned, to the cent.
            let rest = world.try_call("invoice.plan", new(&contract, json!({})));
            if let Ok(rest) = &rest {
                world.call("invoice.void", json!({ "id": rest["invoice"]["id"], "version": 1 }));
            }
            let rest = rest.map_or(json!("0"), |rest| rest["invoice"]["gross"].clone());
            prop_assert_eq!(&rest, &row["not_invoiced"]);
        }
        assert_eq!(world.call("settlement.verify", json!({}))["clean"], true);
    }
}
