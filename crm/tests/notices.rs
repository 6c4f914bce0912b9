//! Notices on SQLite: handed out once each, however often or seldom the scan runs; and counts that are lists' lengths.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::collections::{BTreeMap, BTreeSet};

use crm::app::Session;
use crm::kernel::calendar::Calendar;
use crm::kernel::date::{self, Date, add_days, parse_date};
use crm::kernel::error::Locale;
use proptest::prelude::*;
use serde_json::{Value, json};
use world::{World, call, expect, noon, outcome};

/// A notice as `rule seq date level`, with `escalated` behind it where it is.
fn shown(notice: &Value) -> String {
    let text = |name: &str| notice[name].as_str().unwrap_or("-").to_owned();
    let escalated = if notice["escalated"] == true { " escalated" } else { "" };
    let seq = notice["seq"].as_u64().unwrap_or(0);
    format!("{} {seq} {} {}{escalated}", text("rule"), text("date"), text("level"))
}

/// All notices that are owed, page by page, and how many warnings were resolved.
fn scan(world: &World, limit: usize) -> (Vec<Value>, u64) {
    let (mut notices, mut resolved, mut cursor) = (Vec::new(), 0, Value::Null);
    loop {
        let page = world.call("warning.scan", json!({ "limit": limit, "cursor": cursor }));
        let found = page["notices"].as_array().unwrap();
        assert!(found.len() <= limit, "{page}");
        notices.extend(found.iter().cloned());
        resolved += page["resolved"].as_u64().unwrap();
        cursor = page["next"].clone();
        if cursor.is_null() {
            return (notices, resolved);
        }
    }
}

fn scanned(world: &World) -> Vec<String> {
    scan(world, 100).0.iter().map(shown).collect()
}

fn on(world: &World, day: &str) {
    world.ledger.set_clock(noon(day)).unwrap();
}

fn one_term(date: &str) -> Value {
    json!([{ "share": "balance", "anchor": { "date": date } }])
}

#[test]
fn from_the_first_notice_to_the_end() {
    let world = World::new("2026-03-02");
    let (boss, head) = (reader(&world, "boss"), reader(&world, "head"));
    let top = world.call("unit.create", json!({ "name": "总部", "head": boss }));
    let unit = json!({ "name": "华东", "parent": top["id"], "head": head });
    let admin = join(&world, &world.call("unit.create", unit)["id"]);
    let escalation =
        json!({ "after_working_days": 3, "recipients": { "unit_head": true }, "level": "critical" });
    let settings = json!({ "recipients": { "owner": true, "unit_head": true }, "escalation": escalation });
    world.call("warning.configure", json!({ "rule": "installment_overdue", "settings": settings }));
    world.call("warning.configure", json!({ "rule": "contract_ending", "settings": { "enabled": false } }));

    let customer = world.customer("甲公司");
    let draft =
        json!({ "title": "设备", "customer": customer, "amount": "100", "terms": one_term("2026-03-12") });
    let contract = world.call("contract.create", draft)["id"].clone();
    assert_eq!(scanned(&world), [""; 0], "a draft owes nothing");
    world.to_effective(contract.clone(), "2026-03-01");
    // Ten days ahead nothing is due within seven.
    assert_eq!(scanned(&world), [""; 0]);
    on(&world, "2026-03-05");
    let (notices, _) = scan(&world, 100);
    assert_eq!(notices.iter().map(shown).collect::<Vec<_>>(), ["installment_due 1 2026-03-12 notice"]);
    assert_eq!(notices[0]["recipients"], json!([admin]));
    for (name, value) in [
        ("title", json!("HT-2026-000001 第1期")),
        ("customer_name", json!("甲公司")),
        ("amount", json!("100")),
        ("days_late", json!(-7)),
    ] {
        assert_eq!(notices[0][name], value, "{name}");
    }
    assert_eq!(scanned(&world), [""; 0], "once");
    on(&world, "2026-03-10");
    assert_eq!(scanned(&world), ["installment_due 1 2026-03-12 warning"], "its level rose");
    // Twelve days without a scan: the next level was reached meanwhile, and the first notice of the overdue one is owed.
    on(&world, "2026-03-22");
    let (notices, resolved) = scan(&world, 100);
    assert_eq!(notices.iter().map(shown).collect::<Vec<_>>(), ["installment_overdue 1 2026-03-12 warning"]);
    assert_eq!((&notices[0]["recipients"], resolved), (&json!([admin, head]), 1), "the one ahead has passed");
    assert_eq!(scan(&world, 100), (vec![], 0));
    // 22 March is a Sunday: the third working day after it is Wednesday the 25th.
    on(&world, "2026-03-24");
    assert_eq!(scanned(&world), [""; 0]);
    on(&world, "2026-03-25");
    let (notices, _) = scan(&world, 100);
    assert_eq!(
        notices.iter().map(shown).collect::<Vec<_>>(),
        ["installment_overdue 1 2026-03-12 critical escalated"]
    );
    assert_eq!(notices[0]["recipients"], json!([head]));
    assert_eq!(scanned(&world), [""; 0]);
    // Snoozed over the day on which it becomes critical: the notice waits.
    let about = json!({ "rule": "installment_overdue", "subject": contract, "seq": 1 });
    let snooze =
        json!({ "rule": "installment_overdue", "subject": contract, "seq": 1, "until": "2026-04-15" });
    world.call("warning.snooze", snooze);
    on(&world, "2026-04-14");
    assert_eq!(scanned(&world), [""; 0]);
    on(&world, "2026-04-15");
    assert_eq!(scanned(&world), ["installment_overdue 1 2026-03-12 critical"]);
    world.call("warning.acknowledge", about);
    let history = world.call("warning.history", json!({ "subject": contract }));
    assert_eq!((&history[0]["rule"], &history[0]["state"]), (&json!("installment_due"), &json!("resolved")));
    assert_eq!(
        (&history[1]["rule"], &history[1]["state"]),
        (&json!("installment_overdue"), &json!("acknowledged"))
    );
    assert_eq!(history[1]["notices"].as_array().unwrap().len(), 3, "{history}");
    assert_eq!(history[1]["escalated_on"], "2026-03-25");

    // Paid: gone by itself, and the next scan notes it. Reversed: nobody has taken note of that, and it is told of again.
    let receipt = world.call("receipt.post", json!({ "customer": customer, "amount": "100" }));
    assert_eq!(scan(&world, 100), (vec![], 1));
    let history = |world: &World| world.call("warning.history", json!({ "subject": contract }))[1].clone();
    assert_eq!(history(&world)["state"], "resolved");
    let reverse =
        json!({ "id": receipt["receipt"]["id"], "version": receipt["receipt"]["version"], "reason": "退回" });
    world.call("receipt.reverse", reverse);
    assert_eq!(world.call("warning.count", json!({}))["total"], 1, "before any scan");
    assert_eq!(scanned(&world), ["installment_overdue 1 2026-03-12 critical"]);
    let again = history(&world);
    assert_eq!((&again["state"], &again["occurrence"]), (&json!("open"), &json!(2)));
    assert_eq!(again["acknowledged_at"], Value::Null);
    let told: Vec<&Value> =
        again["notices"].as_array().unwrap().iter().map(|told| &told["occurrence"]).collect();
    assert_eq!(told, [1, 1, 1, 2]);

    // All that was handed out, page by page and by day.
    let notices = |input: Value| world.call("warning.notices", input);
    let all = notices(json!({}));
    let shown_of = |page: &Value| page["items"].as_array().unwrap().iter().map(shown).collect::<Vec<_>>();
    assert_eq!(shown_of(&all).len(), 6, "{all}");
    assert_eq!(shown_of(&all)[0], "installment_due 1 2026-03-12 notice");
    let title = (&all["items"][5]["title"], &all["items"][5]["occurrence"]);
    assert_eq!(title, (&json!("HT-2026-000001 第1期"), &json!(2)));
    let (mut paged, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = notices(json!({ "limit": 4, "cursor": cursor }));
        paged.extend(shown_of(&page));
        cursor = page["next"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(paged, shown_of(&all));
    for (input, count) in [
        (json!({ "from": "2026-03-22" }), 4),
        (json!({ "from": "2026-03-10", "to": "2026-03-22" }), 2),
        (json!({ "to": "2026-03-04" }), 0),
        (json!({ "mine": true }), 5),
    ] {
        assert_eq!(shown_of(&notices(input.clone())).len(), count, "{input}");
    }
    assert_eq!(world.refused("warning.notices", json!({ "cursor": "x" })), expect("wrong_type", "cursor"));
    assert_eq!(world.refused("warning.notices", json!({ "limit": 0 })), expect("out_of_range", "limit"));
}

/// A user whose role reaches all records, at these levels.
fn with_levels(world: &World, login: &str, scope: &str, levels: Value) -> Value {
    let role = world.call("role.create", json!({ "name": login, "scope": scope, "levels": levels }));
    world.call("user.create", json!({ "login": login, "name": login, "roles": [role["id"]] }))["id"].clone()
}

/// A user who may read all that is warned of here.
fn reader(world: &World, login: &str) -> Value {
    with_levels(world, login, "all", json!({ "settlement": "read", "contract": "read", "warning": "read" }))
}

/// Puts the first user into a unit.
fn join(world: &World, unit: &Value) -> Value {
    let admins = json!({ "filter": { "equal": ["login", "admin"] } });
    let admin = world.call("user.list", admins)["items"][0].clone();
    let input = json!({ "id": admin["id"], "version": admin["version"], "name": "admin", "roles": admin["roles"],
        "unit": unit, "active": true });
    world.call("user.update", input);
    admin["id"].clone()
}

#[test]
fn who_is_told() {
    let world = World::new("2026-03-02");
    let role = json!({ "name": "财务", "scope": "all", "levels": { "settlement": "read" } });
    let role = world.call("role.create", role)["id"].clone();
    let cashier = world.call("user.create", json!({ "login": "cashier", "name": "出纳", "roles": [role] }));
    let gone = world.call("user.create", json!({ "login": "gone", "name": "离职", "roles": [role] }));
    let left = json!({ "id": gone["id"], "version": 1, "name": "离职", "roles": [role], "active": false });
    world.call("user.update", left);
    let head = reader(&world, "head");
    let unit = world.call("unit.create", json!({ "name": "华东", "head": head }))["id"].clone();
    let admin = join(&world, &unit);
    let customer = world.customer("甲公司");
    let mut told = Vec::new();
    for (index, recipients) in [
        json!({ "owner": true }),
        json!({ "unit_head": true }),
        json!({ "roles": [role] }),
        json!({ "users": [gone["id"], cashier["id"]] }),
        json!({ "users": [gone["id"]] }),
        json!({}),
    ]
    .into_iter()
    .enumerate()
    {
        let settings = json!({ "recipients": recipients });
        world.call("warning.configure", json!({ "rule": "installment_overdue", "settings": settings }));
        world.effective(&customer, "10", one_term(&format!("2026-02-{:02}", index + 10)), "2026-01-01");
        let mine = world.call("warning.count", json!({ "mine": true, "rules": ["installment_overdue"] }));
        let (notices, _) = scan(&world, 100);
        told.push(notices[0]["recipients"].clone());
        let is_mine = told[index] == json!([admin]);
        assert_eq!(mine["total"], json!(if is_mine { index + 1 } else { 0 }), "{index}");
    }
    let expected = [&admin, &head, &cashier["id"], &cashier["id"], &head, &head].map(|user| json!([user]));
    assert_eq!(told, expected);
    for (settings, outcome) in [
        (json!({ "recipients": { "roles": [admin] } }), "settings.recipients.roles[0]"),
        (json!({ "recipients": { "users": [role] } }), "settings.recipients.users[0]"),
    ] {
        let input = json!({ "rule": "installment_due", "settings": settings });
        assert_eq!(world.refused("warning.configure", input), expect("not_found", outcome));
    }
}

/// Who is told by a role depends on the record; so do the badge of a head who stands in, and what one finds.
#[test]
fn holders_of_a_role_are_told_of_what_they_may_read() {
    let world = World::new("2026-03-02");
    let levels = json!({ "party": "edit", "contract": "edit", "settlement": "edit", "warning": "edit" });
    let role =
        world.call("role.create", json!({ "name": "销售", "scope": "own", "levels": levels }))["id"].clone();
    let blind = json!({ "name": "前台", "scope": "all", "levels": { "warning": "read" } });
    let blind = world.call("role.create", blind)["id"].clone();
    let head = reader(&world, "head");
    let unit = world.call("unit.create", json!({ "name": "华东", "head": head }))["id"].clone();
    let seller = |login: &str, roles: Value| -> (Value, Session) {
        let input = json!({ "login": login, "name": login, "roles": roles, "unit": unit });
        (world.call("user.create", input)["id"].clone(), world.ledger.session(login).unwrap())
    };
    let (li, li_calls) = seller("li", json!([role]));
    let (wang, wang_calls) = seller("wang", json!([role]));
    let (_, desk_calls) = seller("desk", json!([blind]));
    // Overdue, of Li's.
    let overdue_contract = || -> Value {
        let customer = call(&li_calls, "customer.create", json!({ "name": "甲公司" })).unwrap()["id"].clone();
        let draft = json!({ "title": "设备", "customer": customer, "amount": "100", "terms": one_term("2026-02-20") });
        let contract = call(&li_calls, "contract.create", draft).unwrap()["id"].clone();
        world.to_effective(contract, "2026-01-01")
    };
    let overdue = json!(["installment_overdue"]);
    let mine = |session: &Session| {
        let count = call(session, "warning.count", json!({ "mine": true, "rules": overdue })).unwrap();
        let list = call(session, "warning.list", json!({ "mine": true, "rules": overdue })).unwrap();
        assert_eq!(count["total"], list["items"].as_array().unwrap().len());
        count["total"].as_u64().unwrap()
    };
    let configure = |recipients: Value| {
        let settings = json!({ "recipients": recipients });
        world.call("warning.configure", json!({ "rule": "installment_overdue", "settings": settings }));
    };
    let told = || scan(&world, 100).0.iter().map(|notice| notice["recipients"].clone()).collect::<Vec<_>>();
    let head_calls = world.ledger.session("head").unwrap();
    configure(json!({ "roles": [role, blind] }));
    let of_li = overdue_contract();
    // The other holder has no business with it, and those at the desk may not read what is owed at all.
    assert_eq!(told(), [json!([li])]);
    assert_eq!([&li_calls, &wang_calls, &head_calls, &desk_calls].map(mine), [1, 0, 0, 0]);
    // A collaborator may read it.
    let of_both = overdue_contract();
    world.call("collaborator.add", json!({ "record": of_both, "user": wang, "level": "read" }));
    assert_eq!(told(), [json!([li, wang])]);
    assert_eq!([&li_calls, &wang_calls, &head_calls, &desk_calls].map(mine), [2, 1, 0, 0]);
    // Nobody who holds the role may read it: the head is told, as when nobody is left.
    configure(json!({ "roles": [blind] }));
    overdue_contract();
    assert_eq!(told(), [json!([head])]);
    assert_eq!([&li_calls, &wang_calls, &head_calls, &desk_calls].map(mine), [0, 0, 3, 0]);

    // What was handed out is shown to those who may read the record, and to nobody else by any way.
    let seen = |session: &Session| -> usize {
        let page = call(session, "warning.notices", json!({})).unwrap();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!([&li_calls, &wang_calls, &head_calls, &desk_calls].map(seen), [3, 1, 3, 0]);
    for session in [&li_calls, &desk_calls, &world.admin] {
        let rows = json!({ "dataset": "warning_notice", "select": ["title", "amount"] });
        assert_eq!(
            outcome(&call(session, "query.rows", rows).unwrap_err()),
            expect("not_allowed", "dataset")
        );
    }
    assert_eq!(call(&desk_calls, "warning.history", json!({ "subject": of_li })).unwrap(), json!([]));
    assert_eq!(call(&wang_calls, "warning.history", json!({ "subject": of_li })).unwrap(), json!([]));
}

/// A rule names its records by a path that leads to another record: that is for those who may look it up there.
#[test]
fn what_a_path_leads_to_is_shown_to_those_who_may_look_it_up() {
    let world = World::new("2026-03-02");
    let all = json!({ "settlement": "read", "contract": "read", "party": "read", "warning": "read" });
    let mut no_party = all.clone();
    no_party.as_object_mut().unwrap().remove("party");
    let session = |login: &str, scope: &str, levels: &Value| {
        let user = with_levels(&world, login, scope, levels.clone());
        (user, world.ledger.session(login).unwrap())
    };
    let (_, sees_all) = session("all", "all", &all);
    let (_, no_party) = session("no_party", "all", &no_party);
    let (own, sees_own) = session("own", "own", &all);
    let phone = |name: &str, phone: &str| {
        world.call(
            "customer.create",
            json!({ "name": name, "phone": phone, "credit_code": "91350100M000100Y43" }),
        )["id"]
            .clone()
    };
    // Two contracts of one owner, one of them with a customer that the owner sees.
    for (customer, seen) in [(phone("甲", "111"), true), (world.customer("乙"), false)] {
        if !seen {
            let read = world.call("customer.get", json!({ "id": customer }));
            let data = json!({ "name": "乙", "phone": "222" });
            world
                .call("customer.update", json!({ "id": customer, "version": read["version"], "data": data }));
        }
        let contract = world.effective(&customer, "100", one_term("2026-02-20"), "2026-01-01");
        for record in [Some(&contract), Some(&customer).filter(|_| seen)].into_iter().flatten() {
            world.call("collaborator.add", json!({ "record": record, "user": own, "level": "read" }));
        }
    }
    let rule = json!({ "name": "with_phone", "label": "电话", "dataset": "installment", "timing": "late", "date": "due_date",
        "title": ["label", "customer.phone"], "customer_name": "customer.credit_code", "owner": "customer.owner",
        "settings": { "recipients": { "users": [own] } } });
    world.call("warning.define", json!({ "rule": rule }));
    let listed = |session: &Session| {
        let page = call(session, "warning.list", json!({ "rules": ["with_phone"] })).unwrap();
        let items = page["items"].as_array().unwrap().iter();
        let shown = items.map(|item| {
            let known = |name: &str| if item[name].is_null() { "-" } else { "+" };
            format!("{} {}{}", item["title"].as_str().unwrap(), known("customer_name"), known("owner"))
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(listed(&world.admin), ["第1期 111 ++", "第1期 222 -+"]);
    assert_eq!(listed(&sees_all), ["第1期 111 ++", "第1期 222 -+"]);
    assert_eq!(listed(&no_party), ["第1期 --", "第1期 --"]);
    assert_eq!(listed(&sees_own), ["第1期 111 ++", "第1期 --"]);
    // As in a list of the reader's own.
    let rows = json!({ "dataset": "installment", "select": ["label", "customer.phone"] });
    assert_eq!(call(&sees_own, "query.rows", rows.clone()).unwrap()["items"].as_array().unwrap().len(), 1);
    assert_eq!(call(&no_party, "query.rows", rows).unwrap_err().code().name(), "denied");
    // A notice goes to several people and is kept: it says what the dataset declares.
    let told: Vec<Value> =
        scan(&world, 100).0.into_iter().filter(|notice| notice["rule"] == "with_phone").collect();
    assert_eq!(told.len(), 2);
    for notice in told {
        assert_eq!((&notice["title"], &notice["customer_name"]), (&json!("第1期"), &Value::Null), "{notice}");
        assert_eq!((&notice["owner"], &notice["recipients"]), (&Value::Null, &json!([own])));
    }
    let kept = world.call("warning.notices", json!({}))["items"].to_string();
    assert!(!kept.contains("111") && !kept.contains("222"), "{kept}");
}

/// One escalation that cannot be worked out keeps nothing else from being told.
#[test]
fn an_escalation_waits_alone() {
    let world = World::new("2026-12-31");
    let escalation = json!({ "after_working_days": 2, "recipients": { "owner": true }, "level": "critical" });
    let settings = json!({ "escalation": escalation });
    world.call("warning.configure", json!({ "rule": "installment_overdue", "settings": settings }));
    let customer = world.customer("甲公司");
    world.effective(&customer, "100", one_term("2026-12-30"), "2026-12-01");
    world.effective(&customer, "200", one_term("2027-01-05"), "2026-12-01");
    let overdue = |world: &World| {
        let (mut page, mut told) = (json!({ "next": Value::Null }), Vec::new());
        let mut waits = Vec::new();
        loop {
            page = world.call("warning.scan", json!({ "limit": 1, "cursor": page["next"] }));
            told.extend(page["notices"].as_array().unwrap().iter().map(shown));
            waits
                .extend(page["escalation_waits"].as_array().unwrap().iter().map(|rule| rule["rule"].clone()));
            assert_eq!(page["not_computed"], json!([]));
            if page["next"].is_null() {
                return (told, !waits.is_empty());
            }
        }
    };
    let (told, waits) = overdue(&world);
    assert!(told.contains(&"installment_overdue 1 2026-12-30 warning".to_owned()), "{told:?}");
    assert!(!waits);
    on(&world, "2027-01-20");
    let (told, waits) = overdue(&world);
    assert!(told.contains(&"installment_overdue 1 2027-01-05 warning".to_owned()), "{told:?}");
    assert!(waits);
    assert_eq!(overdue(&world), (vec![], true), "it still waits, and nothing is told twice");
    // The warnings themselves depend on no working day: lists and counts are whole.
    let counts = world.call("warning.count", json!({ "rules": ["installment_overdue"] }));
    assert_eq!((&counts["total"], &counts["rules"][0]["not_computed"]), (&json!(2), &Value::Null));
    assert_eq!(
        world.call("warning.list", json!({ "rules": ["installment_overdue"] }))["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

/// So does a warning whose deadline cannot be worked out: lists, counts and scans show the others, however they page.
#[test]
fn a_warning_without_a_deadline_waits_alone() {
    let world = World::new("2026-03-02");
    let settings = json!({ "lead": 2, "unit": "working_days" });
    world.call("warning.configure", json!({ "rule": "installment_overdue", "settings": settings }));
    let customer = world.customer("甲公司");
    // The calendar begins with 2004.
    world.effective(&customer, "100", one_term("2003-06-20"), "2003-01-01");
    world.effective(&customer, "200", one_term("2026-02-10"), "2026-01-01");
    for limit in [1, 100] {
        let (mut listed, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let page = world.call("warning.list", json!({ "limit": limit, "cursor": cursor }));
            let items = page["items"].as_array().unwrap().iter();
            listed.extend(
                items.filter(|item| item["rule"] == "installment_overdue").map(|item| item["date"].clone()),
            );
            cursor = page["next"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(listed, ["2026-02-10"], "{limit}");
    }
    let counts = world.call("warning.count", json!({}));
    let counted = counts["rules"].as_array().unwrap().iter();
    let counted = counted.filter(|rule| rule["rule"] == "installment_overdue").collect::<Vec<_>>();
    assert_eq!(
        (&counted[0]["total"], &counted[0]["not_computed"]["name"]),
        (&json!(1), &json!("unknown_calendar_year"))
    );
    let page = world.call("warning.scan", json!({ "limit": 100 }));
    assert_eq!(page["not_computed"].as_array().unwrap().len(), 1, "{page}");
    let told: Vec<String> = page["notices"].as_array().unwrap().iter().map(shown).collect();
    assert!(told.contains(&"installment_overdue 1 2026-02-10 warning".to_owned()), "{told:?}");
    assert!(!told.iter().any(|told| told.contains("2003-06-20")), "{told:?}");
    let named = json!({ "rules": ["installment_overdue"] });
    assert_eq!(world.refused("warning.list", named).0, "unknown_calendar_year");
}

/// A rule ahead of a date warns from the day on which it was defined or switched on, whenever it is scanned for the first
/// time; what nobody was there to look at is told of when it is missed.
#[test]
fn what_passes_before_the_first_scan() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let draft = json!({ "title": "租赁", "customer": customer, "ends_on": "2026-05-31", "notice_days": 60 });
    let contract = world.call("contract.create", draft)["id"].clone();
    world.to_effective(contract, "2026-03-01");
    let rule = json!({ "name": "notice_soon", "label": "续签", "dataset": "contract", "timing": "ahead", "date": "notice_on",
        "title": ["number"], "settings": { "lead": 20 } });
    world.call("warning.define", json!({ "rule": rule }));
    on(&world, "2026-04-20");
    assert_eq!(
        scanned(&world),
        ["contract_notice_missed 0 2026-04-01 warning", "notice_soon 0 2026-04-01 notice"]
    );
    assert_eq!(scanned(&world), [""; 0]);
}

#[test]
fn rules_of_the_host() {
    let world = World::new("2026-03-02");
    let customer = world.customer("甲公司");
    let contract = world.effective(&customer, "100", one_term("2026-02-20"), "2026-01-01");
    world.effective(&customer, "50", one_term("2026-02-20"), "2026-01-01");
    let good = || {
        json!({ "name": "large_overdue", "label": "大额逾期", "dataset": "installment", "timing": "late", "date": "due_date",
            "filter": { "at_least": ["open_amount", "80"] }, "title": ["contract_number"], "amount": "open_amount",
            "currency": "currency", "levels": [{ "from_days": 5, "level": "critical" }], "settings": { "lead": 5 } })
    };
    let with = |field: &str, value: Value| {
        let mut rule = good();
        rule[field] = value;
        json!({ "rule": rule })
    };
    let figure = |by: &str, sum: Value| json!({ "dataset": "installment", "by": by, "sum": sum });
    for (input, name, field) in [
        (with("name", json!("installment_due")), "rule_built_in", "rule.name"),
        (with("name", json!("Large")), "rule_wrong", "rule.name"),
        (with("dataset", json!("nothing")), "not_allowed", "rule.dataset"),
        (with("dataset", json!("collaborator")), "not_allowed", "rule.dataset"),
        (with("dataset", json!("warning_notice")), "not_allowed", "rule.dataset"),
        (with("date", json!("nothing")), "unknown_field", "rule.date"),
        (with("date", json!("label")), "rule_wrong", "rule.date"),
        (with("date", Value::Null), "rule_wrong", "rule.date"),
        (with("timing", json!("state")), "rule_wrong", "rule.date"),
        (with("filter", json!({ "equal": ["nothing", "x"] })), "unknown_field", "rule.filter.equal[0]"),
        (with("filter", json!({ "equal": ["status", "nothing"] })), "not_allowed", "rule.filter.equal[1]"),
        (with("filter", json!({ "equal": ["owner", { "me": true }] })), "rule_wrong", "rule.filter"),
        (with("title", json!(["amount"])), "rule_wrong", "rule.title[0]"),
        (with("title", json!([])), "empty_list", "rule.title"),
        (with("title", json!(["customer.phone"])), "rule_wrong", "rule.title"),
        (with("date", json!("contract.effective_on")), "rule_wrong", "rule.date"),
        (
            with(
                "levels",
                json!([{ "from_days": 1, "level": "critical" }, { "from_days": 3, "level": "notice" }]),
            ),
            "rule_wrong",
            "rule.levels[1].level",
        ),
        (
            with(
                "settings",
                json!({ "escalation": { "after_working_days": 1, "recipients": {}, "level": "critical" } }),
            ),
            "rule_wrong",
            "rule.settings.escalation.recipients",
        ),
        (with("customer_name", json!("amount")), "rule_wrong", "rule.customer_name"),
        (with("owner", json!("contract")), "rule_wrong", "rule.owner"),
        (with("owner", json!("label")), "rule_wrong", "rule.owner"),
        (with("amount", json!("label")), "rule_wrong", "rule.amount"),
        (with("currency", Value::Null), "rule_wrong", "rule.currency"),
        (with("settings", json!({ "lead": 4000 })), "out_of_range", "rule.settings.lead"),
        (with("version", json!(3)), "unknown_field", "rule.version"),
        (
            with("total", json!({ "figures": [], "bound": { "at_least": 1 } })),
            "empty_list",
            "rule.total.figures",
        ),
        (
            with(
                "total",
                json!({ "figures": [figure("contract", json!("amount"))], "bound": { "at_least": 1 } }),
            ),
            "rule_wrong",
            "rule.total.bound",
        ),
        (
            with(
                "total",
                json!({ "figures": [figure("contract", json!(null))], "bound": { "at_least": 1 } }),
            ),
            "rule_wrong",
            "rule.total.figures[0].by",
        ),
        (json!({ "rule": good(), "version": 1 }), "no_rule", "rule.name"),
    ] {
        let error = world.try_call("warning.define", input.clone()).unwrap_err();
        assert_eq!(outcome(&error), expect(name, field), "{input}");
        if name == "rule_wrong" {
            let message = error.message(Locale::Chinese);
            let reason = message.strip_prefix("预警规则不正确:").unwrap();
            assert!(reason.contains(|letter| ('一'..='龥').contains(&letter)), "{message}");
        }
    }
    let names = |world: &World| world.call("warning.rules", json!({})).as_array().unwrap().len();
    let before = names(&world);

    let defined = world.call("warning.define", json!({ "rule": good() }));
    assert_eq!((&defined["built_in"], &defined["version"]), (&json!(false), &json!(1)));
    assert_eq!(names(&world), before + 1);
    let found = world.call("warning.list", json!({ "rules": ["large_overdue"] }));
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(
        (&found["items"][0]["level"], &found["items"][0]["days_late"]),
        (&json!("critical"), &json!(5))
    );
    assert_eq!(
        scanned(&world),
        [
            "installment_overdue 1 2026-02-20 warning",
            "installment_overdue 1 2026-02-20 warning",
            "large_overdue 1 2026-02-20 critical"
        ]
    );
    assert_eq!(
        world.refused("warning.define", json!({ "rule": good() })),
        expect("rule_name_taken", "rule.name")
    );
    let mut other = good();
    other["filter"] = json!({ "at_least": ["open_amount", "40"] });
    assert_eq!(
        world.refused("warning.define", json!({ "rule": other, "version": 7 })),
        expect("stale_version", "version")
    );
    world.call("warning.define", json!({ "rule": other, "version": 1 }));
    assert_eq!(
        scanned(&world),
        ["large_overdue 1 2026-02-20 critical"],
        "only the one it did not find before"
    );
    // Settings of one's own rules are configured like those of the library.
    let settings = json!({ "lead": 30, "unit": "days" });
    world.call("warning.configure", json!({ "rule": "large_overdue", "settings": settings }));
    assert_eq!(world.call("warning.count", json!({ "rules": ["large_overdue"] }))["total"], 0);
    assert_eq!(scan(&world, 100), (vec![], 2));
    for (input, name, field) in [
        (json!({ "name": "installment_due", "version": 1 }), "rule_built_in", "name"),
        (json!({ "name": "nothing", "version": 1 }), "no_rule", "name"),
        (json!({ "name": "large_overdue", "version": 1 }), "stale_version", "version"),
    ] {
        assert_eq!(world.refused("warning.remove", input), expect(name, field));
    }
    world.call("warning.remove", json!({ "name": "large_overdue", "version": 2 }));
    assert_eq!(names(&world), before);
    let gone = json!({ "rules": ["large_overdue"] });
    assert_eq!(world.refused("warning.list", gone.clone()), expect("no_rule", "rules[0]"));
    assert_eq!(world.refused("warning.count", gone), expect("no_rule", "rules[0]"));
    // Defined again, it finds what it had found gone, and tells of it again.
    assert_eq!(world.call("warning.define", json!({ "rule": other }))["version"], 4);
    assert_eq!(scanned(&world), ["large_overdue 1 2026-02-20 critical"; 2]);
    // What was not found gone meanwhile it knows to have told of.
    world.call("warning.remove", json!({ "name": "large_overdue", "version": 4 }));
    assert_eq!(scan(&world, 100), (vec![], 0));
    assert_eq!(world.call("warning.define", json!({ "rule": other }))["version"], 6);
    assert_eq!(scanned(&world), [""; 0]);
    let history = world.call("warning.history", json!({ "subject": contract }));
    assert_eq!(history[1]["rule"], "large_overdue");
}

#[test]
fn conditions_without_a_date() {
    let world = World::new("2026-03-02");
    let limited = json!({ "name": "甲公司", "credit_limit": "1000" });
    let customer = world.call("customer.create", limited)["id"].clone();
    let credit =
        |further: &str| world.call("customer.credit", json!({ "customer": customer, "further": further }));
    let warned = |world: &World| {
        let found = world
            .call("warning.list", json!({ "rules": ["credit_limit_exceeded"], "include_handled": true }));
        let items = found["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| format!("{} {}", item["amount"].as_str().unwrap(), item["date"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    world.effective(&customer, "1000", one_term("2026-12-20"), "2026-03-01");
    assert_eq!(credit("0")["exceeded"], false, "at the limit is within it");
    assert_eq!(warned(&world), [""; 0]);
    let more = credit("100");
    assert_eq!(
        (&more["exceeded"], &more["exposure"], &more["available"]),
        (&json!(true), &json!("1100"), &json!("-100"))
    );
    let contract = world.effective(&customer, "200", one_term("2026-12-21"), "2026-03-01");
    assert_eq!(warned(&world), ["1200 2026-03-02"]);
    // Its date is the day on which it was first met, and stays that day.
    assert_eq!(scanned(&world), ["credit_limit_exceeded 0 2026-03-02 warning"]);
    on(&world, "2026-03-09");
    assert_eq!(scan(&world, 100), (vec![], 0));
    assert_eq!(warned(&world), ["1200 2026-03-02"]);
    // An advance makes room; once it is used up the condition is new, and owes a new notice.
    let advance = json!({ "customer": customer, "amount": "300", "allocate": "none" });
    let receipt = world.call("receipt.post", advance)["receipt"].clone();
    assert_eq!(credit("0")["advance"], "300");
    assert_eq!(warned(&world), [""; 0]);
    assert_eq!(scan(&world, 100), (vec![], 1));
    let back = json!({ "id": receipt["id"], "version": receipt["version"], "reason": "退款" });
    world.call("receipt.reverse", back);
    assert_eq!(scanned(&world), ["credit_limit_exceeded 0 2026-03-09 warning"]);
    // Acknowledged it stays quiet as long as it lasts.
    let about = json!({ "rule": "credit_limit_exceeded", "subject": customer });
    assert_eq!(world.call("warning.acknowledge", about)["state"], "acknowledged");
    on(&world, "2026-04-20");
    assert_eq!(scan(&world, 100), (vec![], 0));
    assert_eq!(world.call("warning.count", json!({}))["total"], 0);
    world.step("contract.terminate", &contract, json!({ "reason": "终止" })).unwrap();
    assert_eq!(scan(&world, 100), (vec![], 1));
    // A limit below zero, or finer than a fen, is none.
    for (limit, name) in [("-1", "out_of_range"), ("0.001", "too_many_decimals")] {
        let input = json!({ "name": "乙", "credit_limit": limit });
        assert_eq!(world.refused("customer.create", input), expect(name, "credit_limit"));
    }
    let refused = world.refused("customer.credit", json!({ "customer": customer, "further": "-1" }));
    assert_eq!(refused, expect("out_of_range", "further"));
}

#[test]
fn whoever_scans_sees_everything() {
    let world = World::new("2026-03-02");
    let session = |login: &str, scope: &str, levels: Value| -> Session {
        let role = world.call("role.create", json!({ "name": login, "scope": scope, "levels": levels }));
        world.call("user.create", json!({ "login": login, "name": login, "roles": [role["id"]] }));
        world.ledger.session(login).unwrap()
    };
    let all = json!({ "party": "read", "opportunity": "read", "activity": "read", "contract": "read",
        "settlement": "read", "invoice": "read", "warning": "manage" });
    let mut edit = all.clone();
    edit["warning"] = json!("edit");
    let mut blind = all.clone();
    blind["settlement"] = json!(null);
    blind.as_object_mut().unwrap().remove("settlement");
    let refused = |session: &Session| call(session, "warning.scan", json!({})).unwrap_err().code().name();
    assert_eq!(refused(&session("own", "own", all.clone())), "scan_needs_all");
    assert_eq!(refused(&session("edit", "all", edit)), "denied");
    assert_eq!(refused(&session("blind", "all", blind)), "denied");
    call(&session("service", "all", all), "warning.scan", json!({})).unwrap();
    for cursor in ["x", "2026-03-02,2,nothing", "2026-03-02,2,.00.1", "2026-03-02,,"] {
        let input = json!({ "cursor": cursor });
        assert_eq!(world.refused("warning.scan", input), expect("wrong_type", "cursor"), "{cursor}");
    }
    assert_eq!(world.refused("warning.scan", json!({ "limit": 0 })), expect("out_of_range", "limit"));
}

#[derive(Debug, Clone)]
enum Step {
    /// Days pass.
    Wait {
        days: i64,
    },
    /// A contract over one installment, due so many days from now; it may be long past.
    Create {
        due: i64,
    },
    /// Its due date moves, for the delivery was on another day.
    Move {
        item: usize,
        back: i64,
    },
    Pay {
        item: usize,
    },
    Reverse {
        item: usize,
    },
    Acknowledge {
        at: usize,
    },
    Snooze {
        at: usize,
        days: i64,
    },
    Scan {
        limit: usize,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..10_i64).prop_map(|days| Step::Wait { days }),
        4 => (-45..16_i64).prop_map(|due| Step::Create { due }),
        2 => (0..8_usize, 0..20_i64).prop_map(|(item, back)| Step::Move { item, back }),
        3 => (0..3_usize).prop_map(|item| Step::Pay { item }),
        2 => (0..3_usize).prop_map(|item| Step::Reverse { item }),
        2 => (0..8_usize).prop_map(|at| Step::Acknowledge { at }),
        2 => (0..8_usize, 1..9_i64).prop_map(|(at, days)| Step::Snooze { at, days }),
        5 => (1..5_usize).prop_map(|limit| Step::Scan { limit }),
    ]
}

struct Item {
    contract: Value,
    customer: Value,
    offset: i64,
    due: Date,
    receipt: Option<Value>,
}

/// What the model remembers of a warning.
#[derive(Default)]
struct Seen {
    occurrence: usize,
    gone: bool,
    level: usize,
    first: Option<Date>,
    escalated: bool,
    acknowledged: bool,
    snoozed: Option<Date>,
}

impl Seen {
    /// It stands; when its cause was gone, nothing has been done about it.
    fn stands(&mut self) {
        if std::mem::take(&mut self.gone) {
            *self = Seen { occurrence: self.occurrence + 1, ..Seen::default() };
        }
    }
}

const LEVELS: [&str; 4] = ["", "notice", "warning", "critical"];
const DUE: &str = "installment_due";
const OVERDUE: &str = "installment_overdue";

/// The ledger, and beside it the rules of notices in plain words: every installment is looked at in every scan.
struct Pair {
    world: World,
    today: Date,
    items: Vec<Item>,
    seen: BTreeMap<(&'static str, usize, Date), Seen>,
    scanned: Option<Date>,
    told: BTreeSet<String>,
    calendar: Calendar,
}

impl Pair {
    fn new() -> Pair {
        let world = World::new("2026-03-02");
        let escalation =
            json!({ "after_working_days": 2, "recipients": { "owner": true }, "level": "critical" });
        let settings = json!({ "escalation": escalation });
        world.call("warning.configure", json!({ "rule": OVERDUE, "settings": settings }));
        Pair {
            world,
            today: parse_date("2026-03-02").unwrap(),
            items: Vec::new(),
            seen: BTreeMap::new(),
            scanned: None,
            told: BTreeSet::new(),
            calendar: Calendar::china(),
        }
    }

    fn level(rule: &str, due: Date, as_of: Date) -> usize {
        let late = date::days_between(due, as_of);
        match rule {
            DUE => 1 + usize::from(late >= -3),
            _ => 2 + usize::from(late >= 31),
        }
    }

    fn notices(&mut self) -> Vec<String> {
        let (today, mut told) = (self.today, Vec::new());
        let first = self.scanned.unwrap_or(today).min(today);
        let is_there = |rule: &str, item: &Item| match rule {
            _ if item.receipt.is_some() => false,
            DUE => item.due >= first && item.due <= add_days(today, 7).unwrap(),
            _ => item.due < today,
        };
        for ((rule, at, due), seen) in &mut self.seen {
            let item = &self.items[*at];
            seen.gone |= item.due != *due || !is_there(rule, item);
        }
        for rule in [DUE, OVERDUE] {
            for (at, item) in self.items.iter().enumerate().filter(|(_, item)| is_there(rule, item)) {
                let due = item.due;
                let as_of = if rule == DUE { due.min(today) } else { today };
                let seen = self.seen.entry((rule, at, due)).or_default();
                seen.stands();
                seen.gone = as_of < today;
                if seen.acknowledged || seen.snoozed.is_some_and(|until| until > as_of) {
                    continue;
                }
                let (level, before) = (Pair::level(rule, due, as_of), seen.first);
                let number = seen.occurrence + 1;
                let line =
                    |level: usize, more: &str| format!("{rule} {at} {due} {number} {}{more}", LEVELS[level]);
                if level > seen.level {
                    seen.level = level;
                    seen.first = seen.first.or(Some(today));
                    told.push(line(level, ""));
                }
                let worked = |from: Date| {
                    let days =
                        (1..=date::days_between(from, as_of)).map(|days| add_days(from, days).unwrap());
                    days.filter(|day| self.calendar.is_working_day(*day).unwrap()).count()
                };
                if rule == OVERDUE && !seen.escalated && before.is_some_and(|from| worked(from) >= 2) {
                    seen.escalated = true;
                    told.push(line(3, " escalated"));
                }
            }
        }
        self.scanned = Some(today);
        told.sort();
        told
    }

    fn place(&self, warning: &Value) -> (&'static str, usize, Date) {
        let rule = if warning["rule"] == DUE { DUE } else { OVERDUE };
        let at = self.items.iter().position(|item| item.contract == warning["subject"]).unwrap();
        (rule, at, parse_date(warning["date"].as_str().unwrap()).unwrap())
    }

    fn listed(&self, input: Value) -> Vec<Value> {
        let mut input = input;
        input["limit"] = json!(1000);
        self.world.call("warning.list", input)["items"].as_array().unwrap().clone()
    }

    fn deliver(&self, contract: &Value, on: Date) {
        self.world.step("contract.deliver", contract, json!({ "delivered_on": on.to_string() })).unwrap();
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Wait { days } => {
                self.today = add_days(self.today, days).unwrap();
                on(&self.world, &self.today.to_string());
            }
            Step::Create { due } => {
                let customer = self.world.customer(&format!("客户{}", self.items.len()));
                let offset = due.max(0) + 5;
                let terms =
                    json!([{ "share": "balance", "anchor": "delivered", "offset": { "days": offset } }]);
                let contract = self.world.effective(&customer, "100", terms, "2026-01-01");
                let due = add_days(self.today, due).unwrap();
                self.deliver(&contract, add_days(due, -offset).unwrap());
                self.items.push(Item { contract, customer, offset, due, receipt: None });
            }
            Step::Move { item, back } => {
                let on = add_days(self.today, -back).unwrap();
                if let Some(item) = self.items.get(item).filter(|item| item.receipt.is_none()) {
                    self.deliver(&item.contract, on);
                }
                if let Some(item) = self.items.get_mut(item).filter(|item| item.receipt.is_none()) {
                    item.due = add_days(on, item.offset).unwrap();
                }
            }
            Step::Pay { item } => {
                if let Some(item) = self.items.get_mut(item).filter(|item| item.receipt.is_none()) {
                    let post = json!({ "customer": item.customer, "amount": "100" });
                    item.receipt = Some(self.world.call("receipt.post", post)["receipt"].clone());
                }
            }
            Step::Reverse { item } => {
                if let Some(item) = self.items.get_mut(item)
                    && let Some(receipt) = item.receipt.take()
                {
                    let input =
                        json!({ "id": receipt["id"], "version": receipt["version"], "reason": "退回" });
                    self.world.call("receipt.reverse", input);
                }
            }
            Step::Acknowledge { at } => {
                let listed = self.listed(json!({ "include_handled": true }));
                if let Some(warning) = listed.get(at) {
                    let place = self.place(warning);
                    let about = json!({ "rule": place.0, "subject": warning["subject"], "seq": 1 });
                    self.world.call("warning.acknowledge", about);
                    let seen = self.seen.entry(place).or_default();
                    seen.stands();
                    seen.acknowledged = true;
                }
            }
            Step::Snooze { at, days } => {
                let listed = self.listed(json!({ "include_handled": true }));
                if let Some(warning) = listed.get(at) {
                    let (place, until) = (self.place(warning), add_days(self.today, days).unwrap());
                    let about = json!({ "rule": place.0, "subject": warning["subject"], "seq": 1, "until": until.to_string() });
                    self.world.call("warning.snooze", about);
                    let seen = self.seen.entry(place).or_default();
                    seen.stands();
                    (seen.acknowledged, seen.snoozed) = (false, Some(until));
                }
            }
            Step::Scan { limit } => self.scan(limit),
        }
    }

    fn scan(&mut self, limit: usize) {
        let (notices, _) = scan(&self.world, limit);
        let mut found: Vec<String> = notices
            .iter()
            .map(|notice| {
                let (rule, at, date) = self.place(notice);
                let escalated = if notice["escalated"] == true { " escalated" } else { "" };
                let (number, level) = (&notice["occurrence"], notice["level"].as_str().unwrap());
                format!("{rule} {at} {date} {number} {level}{escalated}")
            })
            .collect();
        found.sort();
        assert_eq!(found, self.notices(), "{}", self.today);
        for notice in found {
            assert!(self.told.insert(notice.clone()), "{notice} twice");
        }
        assert_eq!(scan(&self.world, limit), (vec![], 0), "a scan right after one finds nothing");
        // What the scan leaves as standing is just what the list shows.
        let standing = self.listed(json!({ "include_handled": true }));
        for warning in &standing {
            let history = self.world.call("warning.history", json!({ "subject": warning["subject"] }));
            let of = |record: &&Value| record["rule"] == warning["rule"] && record["date"] == warning["date"];
            let record = history.as_array().unwrap().iter().find(of).unwrap();
            assert_eq!(record["state"], warning["state"], "{warning} {record}");
        }
        let open = |record: &&Value| record["state"] != "resolved";
        let histories = self.items.iter().map(|item| {
            let history = self.world.call("warning.history", json!({ "subject": item.contract }));
            history.as_array().unwrap().iter().filter(open).count()
        });
        assert_eq!(histories.sum::<usize>(), standing.len());
    }

    /// Badge counts are the lengths of lists.
    fn check_counts(&self) {
        for input in [
            json!({}),
            json!({ "include_handled": true }),
            json!({ "mine": true }),
            json!({ "levels": ["warning", "critical"], "include_handled": true }),
            json!({ "rules": [OVERDUE] }),
        ] {
            let (counts, listed) =
                (self.world.call("warning.count", input.clone()), self.listed(input.clone()));
            assert_eq!(counts["total"], listed.len(), "{input}");
            for level in &LEVELS[1..] {
                let of_level = listed.iter().filter(|item| item["level"] == *level).count();
                assert_eq!(counts["levels"][*level], of_level, "{input} {level}");
            }
            for counts in counts["rules"].as_array().unwrap() {
                let of_rule = listed.iter().filter(|item| item["rule"] == counts["rule"]);
                assert_eq!(counts["total"], of_rule.clone().count());
                for level in &LEVELS[1..] {
                    let of_level = of_rule.clone().filter(|item| item["level"] == *level).count();
                    assert_eq!(counts["levels"][*level], of_level);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Whatever happens between scans, on whatever days they run and however small their pages are: what is handed out is
    /// what the rules say, and nothing twice.
    #[test]
    fn notices_are_handed_out_once(steps in proptest::collection::vec(any_step(), 1..40)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.take(step);
            pair.check_counts();
        }
        pair.scan(3);
    }

    /// Scanned every day or on a few days only: nobody is warned of anything in one way and not in the other.
    #[test]
    fn days_without_a_scan_lose_nothing(
        dues in proptest::collection::vec(0..60_i64, 1..6),
        days in proptest::collection::btree_set(1..75_i64, 0..8),
    ) {
        let start = parse_date("2026-03-02").unwrap();
        let warned = |days: BTreeSet<i64>| -> BTreeSet<String> {
            let world = World::new("2026-03-02");
            for due in &dues {
                let customer = world.customer("甲公司");
                let due = add_days(start, *due).unwrap();
                world.effective(&customer, "100", one_term(&due.to_string()), "2026-01-01");
            }
            let mut warned = BTreeSet::new();
            for day in days.into_iter().chain([0, 75]).collect::<BTreeSet<i64>>() {
                on(&world, &add_days(start, day).unwrap().to_string());
                for notice in scan(&world, 2).0 {
                    let is_new = warned.insert(format!("{} {} {}", notice["rule"], notice["title"], notice["date"]));
                    // Level by level a warning may be told of again, but for the first time once.
                    assert!(is_new || notice["level"] != "notice");
                }
            }
            warned
        };
        prop_assert_eq!(warned(days), warned((0..76).collect()));
    }
}
