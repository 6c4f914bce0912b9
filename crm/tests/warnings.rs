//! Warnings on SQLite: what comes when, what hides it, and who sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use serde_json::{Value, json};
use world::{World, call, expect, noon};

/// Every warning as `kind seq date level state`, in the order of the list.
fn shown(world: &World, input: Value) -> Vec<String> {
    let page = world.call("warning.list", input);
    page["items"].as_array().unwrap().iter().map(line).collect()
}

fn line(item: &Value) -> String {
    let text = |name: &str| item[name].as_str().unwrap_or("-").to_owned();
    let seq = item["seq"].as_u64().unwrap_or(0);
    format!("{} {seq} {} {} {}", text("rule"), text("due_date"), text("level"), text("state"))
}

fn dated(dates: &[&str]) -> Value {
    let (last, first) = dates.split_last().unwrap();
    let mut terms: Vec<Value> =
        first.iter().map(|date| json!({ "share": { "amount": "10" }, "anchor": { "date": date } })).collect();
    terms.push(json!({ "share": "balance", "anchor": { "date": last } }));
    json!(terms)
}

#[test]
fn what_comes_when() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let contract = world.effective(
        &customer,
        "100",
        dated(&["2026-01-30", "2026-03-01", "2026-03-02", "2026-03-09", "2026-03-10"]),
        "2026-01-01",
    );
    // The first of these two is 31 days late; the last one is eight days ahead, and not warned of yet.
    let first = [
        "installment_overdue 1 2026-01-30 critical open",
        "installment_overdue 2 2026-03-01 warning open",
        "installment_due 3 2026-03-02 warning open",
        "installment_due 4 2026-03-09 notice open",
    ];
    assert_eq!(shown(&world, json!({})), first);
    assert_eq!(shown(&world, json!({ "rules": ["installment_overdue"] })), first[..2]);
    let item = world.call("warning.list", json!({ "limit": 1 }))["items"][0].clone();
    for (name, value) in [
        ("subject", contract.clone()),
        ("title", json!("HT-2026-000001 第1期")),
        ("customer_name", json!("甲公司")),
        ("amount", json!("10")),
        ("currency", json!("CNY")),
        ("days_late", json!(31)),
    ] {
        assert_eq!(item[name], value, "{name}");
    }

    // What is settled or no longer owed is not warned of.
    world.call("receipt.post", json!({ "customer": customer, "amount": "15" }));
    assert_eq!(shown(&world, json!({})), first[1..]);

    // Acknowledged, snoozed, back again on the day.
    let about = |seq: u32| json!({ "rule": "installment_overdue", "subject": contract, "seq": seq });
    assert_eq!(world.refused("warning.acknowledge", about(1)), expect("no_warning", "subject"));
    assert_eq!(
        line(&world.call("warning.acknowledge", about(2))),
        "installment_overdue 2 2026-03-01 warning acknowledged"
    );
    assert_eq!(shown(&world, json!({})), first[2..]);
    let all = json!({ "include_handled": true });
    assert_eq!(shown(&world, all)[0], "installment_overdue 2 2026-03-01 warning acknowledged");
    let snooze =
        |until: &str| json!({ "rule": "installment_due", "subject": contract, "seq": 3, "until": until });
    assert_eq!(world.refused("warning.snooze", snooze("2026-03-02")), expect("end_before_start", "until"));
    let no_row = json!({ "rule": "installment_due", "subject": contract });
    assert_eq!(world.refused("warning.acknowledge", no_row).0, "missing_field");
    world.call("warning.snooze", snooze("2026-03-04"));
    assert_eq!(shown(&world, json!({})), first[3..]);
    // Once it is late it is a warning of another kind, which nobody has put off.
    world.ledger.set_clock(noon("2026-03-03")).unwrap();
    assert_eq!(shown(&world, json!({}))[0], "installment_overdue 3 2026-03-02 warning open");

    // Lead times, in working days too, and switched off.
    world.call(
        "warning.configure",
        json!({ "rule": "installment_overdue", "settings": { "lead": 0, "enabled": false } }),
    );
    world.call(
        "warning.configure",
        json!({ "rule": "installment_due", "settings": { "lead": 4, "unit": "working_days" } }),
    );
    assert_eq!(shown(&world, json!({})), ["installment_due 4 2026-03-09 notice open"]);
    world.call(
        "warning.configure",
        json!({ "rule": "installment_due", "settings": { "lead": 3, "unit": "working_days" } }),
    );
    assert_eq!(shown(&world, json!({})), [""; 0]);
    assert_eq!(
        world
            .refused("warning.configure", json!({ "rule": "installment_due", "settings": { "lead": 3651 } })),
        expect("out_of_range", "settings.lead")
    );
    let rules = world.call("warning.rules", json!({}));
    let due = &rules[0]["rule"];
    assert_eq!((&due["name"], &due["settings"]["lead"]), (&json!("installment_due"), &json!(3)));
    assert_eq!(due["settings"]["recipients"]["owner"], true);
    assert_eq!(rules[4]["rule"]["name"], "followup_overdue");
    // At the turn of the year the working days of the next are not known yet: this rule says so, the others go on.
    let named = json!({ "as_of": "2026-12-31", "rules": ["installment_due"] });
    assert_eq!(world.refused("warning.list", named.clone()).0, "unknown_calendar_year");
    assert_eq!(world.refused("warning.count", named).0, "unknown_calendar_year");
    world.call(
        "warning.configure",
        json!({ "rule": "installment_overdue", "settings": { "lead": 0, "enabled": true } }),
    );
    let others = shown(&world, json!({ "as_of": "2026-12-31" }));
    assert!(
        !others.is_empty() && others.iter().all(|item| !item.starts_with("installment_due")),
        "{others:?}"
    );
    let counts = world.call("warning.count", json!({ "as_of": "2026-12-31" }));
    assert_eq!(counts["total"], others.len());
    let said = |rules: &serde_json::Value| -> Vec<(String, String)> {
        let named = rules.as_array().unwrap().iter().map(|rule| {
            let error = rule.get("not_computed").or(rule.get("error")).unwrap();
            (rule["rule"].as_str().unwrap().to_owned(), error["name"].as_str().unwrap_or_default().to_owned())
        });
        named.filter(|(_, error)| !error.is_empty()).collect()
    };
    let refused = [("installment_due".to_owned(), "unknown_calendar_year".to_owned())];
    assert_eq!(said(&counts["rules"]), refused);
    world.ledger.set_clock(noon("2026-12-31")).unwrap();
    let scanned = world.call("warning.scan", json!({ "limit": 1000 }));
    assert_eq!(said(&scanned["not_computed"]), refused);
    assert_eq!(scanned["notices"].as_array().unwrap().len(), others.len());
    assert_eq!(scanned["next"], serde_json::Value::Null);
}

#[test]
fn contracts_opportunities_and_follow_ups() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let ending = json!({ "title": "维保", "kind": "service", "customer": customer, "ends_on": "2026-04-01" });
    let ending = world.call("contract.create", ending)["id"].clone();
    assert_eq!(shown(&world, json!({})), [""; 0], "a draft does not end");
    world.to_effective(ending.clone(), "2026-03-01");
    let opportunity = json!({ "data": { "name": "更新", "customer": customer, "expected_amount": "5" } });
    world.call("opportunity.create", opportunity);
    let next = json!({ "customer": customer, "channel": "phone", "summary": "询价", "next_step": "报价", "next_date": "2026-03-05" });
    world.call("activity.create", next);
    assert_eq!(shown(&world, json!({})), ["contract_ending 0 2026-04-01 notice open"]);
    for (today, expected) in [
        ("2026-03-05", &["contract_ending 0 2026-04-01 notice open"][..]),
        (
            "2026-03-06",
            &["followup_overdue 0 2026-03-05 notice open", "contract_ending 0 2026-04-01 notice open"],
        ),
        (
            "2026-04-01",
            &["followup_overdue 0 2026-03-05 warning open", "contract_ending 0 2026-04-01 warning open"],
        ),
        (
            "2026-04-02",
            &[
                "followup_overdue 0 2026-03-05 warning open",
                "opportunity_stalled 0 2026-04-01 notice open",
                "contract_ended 0 2026-04-01 warning open",
            ],
        ),
    ] {
        world.ledger.set_clock(noon(today)).unwrap();
        assert_eq!(shown(&world, json!({})), expected, "{today}");
        assert_eq!(shown(&world, json!({ "as_of": today })), expected, "{today}");
    }
    let stalled = world.call("warning.list", json!({ "rules": ["opportunity_stalled"] }))["items"][0].clone();
    assert_eq!((&stalled["date"], &stalled["due_date"]), (&json!("2026-03-02"), &json!("2026-04-01")));
    let about = json!({ "rule": "opportunity_stalled", "subject": stalled["subject"] });
    world.call("warning.acknowledge", about);
    let left = ["followup_overdue 0 2026-03-05 warning open", "contract_ended 0 2026-04-01 warning open"];
    assert_eq!(shown(&world, json!({})), left);
    world.step("contract.terminate", &ending, json!({ "reason": "终止" })).unwrap();
    assert_eq!(shown(&world, json!({ "rules": ["contract_ending", "contract_ended"] })), [""; 0]);
    let noticed =
        json!({ "title": "租赁", "customer": customer, "ends_on": "2026-06-30", "notice_days": 60 });
    let noticed = world.call("contract.create", noticed)["id"].clone();
    world.to_effective(noticed.clone(), "2026-03-01");
    assert_eq!(world.details(&noticed)["contract"]["notice_on"], "2026-05-01");
    let notices = |day: &str| shown(&world, json!({ "as_of": day, "rules": ["contract_notice"] }));
    assert_eq!(notices("2026-04-16"), [""; 0]);
    assert_eq!(notices("2026-04-17"), ["contract_notice 0 2026-05-01 notice open"]);
    world.step("contract.terminate", &noticed, json!({ "reason": "退租" })).unwrap();
    assert_eq!(notices("2026-04-17"), [""; 0]);
}

#[test]
fn advances_that_nobody_allocates() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let post = json!({ "customer": customer, "amount": "100", "allocate": "none", "number": "SK-1", "reference": "尾号 6" });
    world.call("receipt.post", post);
    world.call(
        "receipt.post",
        json!({ "customer": customer, "amount": "100", "allocate": "none", "direction": "payment" }),
    );
    for (today, expected) in [
        ("2026-04-01", &[][..]),
        ("2026-04-02", &["advance_unallocated 0 2026-04-01 notice open"]),
        ("2026-06-01", &["advance_unallocated 0 2026-04-01 warning open"]),
    ] {
        world.ledger.set_clock(noon(today)).unwrap();
        assert_eq!(shown(&world, json!({})), expected, "{today}");
    }
    let item = world.call("warning.list", json!({}))["items"][0].clone();
    assert_eq!((&item["amount"], &item["title"]), (&json!("100"), &json!("SK-1 尾号 6")));
    let terms = dated(&["2026-12-01"]);
    let contract = world.effective(&customer, "100", terms, "2026-03-01");
    let receipt = world.call("receipt.get", json!({ "id": item["subject"] }))["receipt"].clone();
    let told = json!({ "id": receipt["id"], "version": receipt["version"],
        "allocate": { "told": [{ "contract": contract, "installment": 1, "amount": "100" }] } });
    world.call("receipt.allocate", told);
    assert_eq!(shown(&world, json!({})), [""; 0]);
}

#[test]
fn retention_before_it_may_be_released() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let terms = json!([{ "share": { "rate": "0.95" }, "anchor": "signed" },
        { "share": "balance", "anchor": "accepted", "retention": true, "expected": "2026-04-20", "offset": { "days": 30 } }]);
    let contract = world.contract(&customer, "100", terms);
    let contract = world.to_effective(contract, "2026-03-01");
    let forecast = world.details(&contract)["installments"][1]["forecast_date"].clone();
    assert_eq!(forecast, "2026-05-20");
    for (today, expected) in [
        ("2026-04-19", &[][..]),
        ("2026-04-20", &["retention_release 2 2026-05-20 notice open"]),
        ("2026-05-13", &["retention_release 2 2026-05-20 warning open"]),
        // The day it may be claimed has passed, and nobody has released it.
        ("2026-05-21", &["retention_overdue 2 2026-05-20 warning open"]),
    ] {
        world.ledger.set_clock(noon(today)).unwrap();
        let rules = ["retention_release", "retention_overdue"];
        assert_eq!(shown(&world, json!({ "rules": rules })), expected, "{today}");
    }
}

#[test]
fn pages_hold_every_warning_once_and_follow_the_scope() {
    let world = World::new("2026-03-20");
    let role = json!({ "name": "销售", "scope": "own",
        "levels": { "party": "edit", "contract": "edit", "settlement": "read", "warning": "edit" } });
    let role = world.call("role.create", role)["id"].clone();
    world.call("user.create", json!({ "login": "wang", "name": "王", "roles": [role] }));
    let wang = world.ledger.session("wang").unwrap();
    let customer = world.customer("甲公司");
    for day in 1..=12 {
        let date = format!("2026-03-{:02}", day * 2);
        let contract = world.effective(&customer, "100", dated(&[&date, &date, "2026-03-18"]), "2026-01-01");
        if day % 3 == 0 && day * 2 < 20 {
            let about = json!({ "rule": "installment_overdue", "subject": contract, "seq": 1 });
            world.call("warning.acknowledge", about);
        }
    }
    for handled in [false, true] {
        let all = shown(&world, json!({ "limit": 1000, "include_handled": handled }));
        assert_eq!(all.len(), if handled { 36 } else { 33 });
        for limit in [1, 2, 5, 35] {
            let (mut paged, mut cursor) = (Vec::new(), Value::Null);
            loop {
                let input = json!({ "limit": limit, "include_handled": handled, "cursor": cursor });
                let page = world.call("warning.list", input);
                paged.extend(page["items"].as_array().unwrap().iter().map(line));
                cursor = page["next"].clone();
                if cursor.is_null() {
                    break;
                }
            }
            assert_eq!(paged, all, "{limit}");
        }
    }
    assert_eq!(world.refused("warning.list", json!({ "cursor": "x" })), expect("wrong_type", "cursor"));
    let cursor = json!({ "cursor": "installment_due=.00.1" });
    assert_eq!(world.refused("warning.list", cursor), expect("wrong_type", "cursor"));

    // Somebody else's warnings are neither seen nor handled.
    assert_eq!(call(&wang, "warning.list", json!({})).unwrap()["items"], json!([]));
    let first = world.call("warning.list", json!({}))["items"][0].clone();
    let about = json!({ "rule": first["rule"], "subject": first["subject"], "seq": first["seq"] });
    assert_eq!(call(&wang, "warning.acknowledge", about).unwrap_err().code().name(), "no_warning");
    let refused =
        call(&wang, "warning.configure", json!({ "rule": "installment_due", "settings": { "lead": 1 } }))
            .unwrap_err();
    assert_eq!(refused.code().name(), "denied");
}
