//! Reports on past days: they are the same whenever they are asked, whatever has been posted since.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use proptest::prelude::*;
use serde_json::{Value, json};
use world::{World, expect, fen, noon, yuan};

/// A day of March 2026, 1 to 31.
fn march(day: u32) -> String {
    format!("2026-03-{day:02}")
}

/// Every page of an aging in one.
fn paged(world: &World, input: &Value, limit: u32) -> Value {
    let mut input = input.clone();
    input["limit"] = json!(limit);
    let mut rows = Vec::new();
    loop {
        let page = world.call("settlement.aging", input.clone());
        rows.extend(page["rows"].as_array().unwrap().clone());
        if page["next"].is_null() {
            return json!(rows);
        }
        input["cursor"] = page["next"].clone();
    }
}

/// All that one may ask about a day, from the books of that day when `as_of` is left out.
fn reports(world: &World, as_of: Option<&str>, limit: u32) -> Vec<Value> {
    let mut all = Vec::new();
    for direction in ["receivable", "payable"] {
        for group_by in ["customer", "owner", "unit", "currency"] {
            let mut input = json!({ "direction": direction, "group_by": group_by, "bounds": [2, 5, 9] });
            if let Some(as_of) = as_of {
                input["as_of"] = json!(as_of);
            }
            all.push(paged(world, &input, limit));
            input["top"] = json!(2);
            let top = world.call("settlement.aging", input);
            all.push(json!([top["rows"], top["totals"]]));
        }
    }
    all
}

#[derive(Debug, Clone)]
enum Step {
    Contract { customer: usize, fen: i64, payable: bool, usd: bool, undated: bool, back: u32 },
    Post { customer: usize, fen: i64, payment: bool, usd: bool, back: u32 },
    Deliver { contract: usize, back: u32 },
    Reverse { receipt: usize },
    Reallocate { receipt: usize },
    Terminate { contract: usize },
    NextDay,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_usize, 3..60_000_i64, any::<bool>(), any::<bool>(), any::<bool>(), 0..6_u32)
            .prop_map(|(customer, fen, payable, usd, undated, back)| Step::Contract {
                customer, fen, payable, usd, undated, back }),
        5 => (0..3_usize, 1..60_000_i64, any::<bool>(), any::<bool>(), 0..9_u32)
            .prop_map(|(customer, fen, payment, usd, back)| Step::Post { customer, fen, payment, usd, back }),
        3 => (0..9_usize, 0..3_u32).prop_map(|(contract, back)| Step::Deliver { contract, back }),
        2 => (0..9_usize).prop_map(|receipt| Step::Reverse { receipt }),
        2 => (0..9_usize).prop_map(|receipt| Step::Reallocate { receipt }),
        1 => (0..9_usize).prop_map(|contract| Step::Terminate { contract }),
        4 => Just(Step::NextDay),
    ]
}

struct Books {
    world: World,
    customers: Vec<Value>,
    contracts: Vec<Value>,
    receipts: Vec<Value>,
    day: u32,
}

impl Books {
    fn new() -> Books {
        let world = World::new("2026-03-10");
        world.call("ledger.set_rate", json!({ "currency": "USD", "date": "2026-01-01", "rate": "7.1234" }));
        let customers = ["甲", "乙", "丙"].map(|name| world.customer(name)).to_vec();
        Books { world, customers, contracts: Vec::new(), receipts: Vec::new(), day: 10 }
    }

    /// Does what can be done; what is refused by a rule changes nothing.
    fn take(&mut self, step: &Step) {
        match step {
            Step::Contract { customer, fen, payable, usd, undated, back } => {
                let anchor = if *undated { json!("delivered") } else { json!("signed") };
                let terms = json!([{ "share": { "rate": "0.4" }, "anchor": "signed", "offset": { "days": 3 } },
                    { "share": "balance", "anchor": anchor, "offset": { "days": 6 } }]);
                let kind = if *payable { "purchase" } else { "sales" };
                let currency = if *usd { "USD" } else { "CNY" };
                let input = json!({ "title": "合同", "kind": kind, "currency": currency, "amount": yuan(*fen),
                    "customer": self.customers[*customer], "terms": terms });
                let id = self.world.call("contract.create", input)["id"].clone();
                self.contracts.push(self.world.to_effective(id, &march(self.day - back)));
            }
            Step::Post { customer, fen, payment, usd, back } => {
                let direction = if *payment { "payment" } else { "receipt" };
                let currency = if *usd { "USD" } else { "CNY" };
                let post = json!({ "customer": self.customers[*customer], "amount": yuan(*fen),
                    "direction": direction, "currency": currency, "date": march(self.day - back) });
                self.receipts.push(self.world.call("receipt.post", post)["receipt"]["id"].clone());
            }
            Step::Deliver { contract, back } => {
                let Some(contract) = self.contracts.get(*contract) else { return };
                let on = json!({ "delivered_on": march(self.day - back) });
                let _ = self.world.step("contract.deliver", contract, on);
            }
            Step::Reverse { receipt } => self.about("receipt.reverse", *receipt, json!({ "reason": "退票" })),
            Step::Reallocate { receipt } => {
                self.about("receipt.reallocate", *receipt, json!({ "allocate": { "proportional": [] } }))
            }
            Step::Terminate { contract } => {
                let Some(contract) = self.contracts.get(*contract) else { return };
                let _ = self.world.step("contract.terminate", contract, json!({ "reason": "终止" }));
            }
            Step::NextDay => {
                self.day += 1;
                self.world.ledger.set_clock(noon(&march(self.day))).unwrap();
            }
        }
    }

    fn about(&self, name: &str, receipt: usize, mut input: Value) {
        let Some(id) = self.receipts.get(receipt) else { return };
        input["version"] = self.world.call("receipt.get", json!({ "id": id }))["receipt"]["version"].clone();
        input["id"] = id.clone();
        let _ = self.world.try_call(name, input);
    }
}

fn sum(rows: &Value, name: &str) -> i64 {
    rows.as_array().unwrap().iter().map(|row| fen(row[name].as_str().unwrap())).sum()
}

/// Reports that are made in different ways agree with each other, on any two days.
fn agree(world: &World, customers: &[Value], from: &str, before: &str, to: &str) {
    for (direction, currency) in
        [("receivable", "CNY"), ("receivable", "USD"), ("payable", "CNY"), ("payable", "USD")]
    {
        let about = |more: Value| {
            let mut input = json!({ "direction": direction, "currency": currency });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        let aging = |day: &str| {
            let input = about(json!({ "as_of": day, "basis": "dated", "group_by": "currency" }));
            let rows = world.call("settlement.aging", input)["rows"].clone();
            let row =
                rows.get(0).cloned().unwrap_or(json!({ "total": "0", "overdue": ["0"], "undated": "0" }));
            let late: i64 = row["overdue"].as_array().unwrap().iter().map(|b| fen(b.as_str().unwrap())).sum();
            [fen(row["total"].as_str().unwrap()), late, fen(row["undated"].as_str().unwrap())]
        };
        let statistics =
            world.call("settlement.statistics", about(json!({ "from": from, "to": to })))["rows"].clone();
        let of = |name: &str| sum(&statistics, name);
        let moved = of("charges") - of("cancelled") - of("collected") - of("discounted") - of("written_off");
        assert_eq!(of("opening") + moved, of("closing"), "{statistics}");
        assert_eq!([of("closing"), of("overdue"), of("undated")], aging(to), "{statistics}");
        assert_eq!(of("opening"), aging(before)[0], "{statistics}");
        let mut open = 0;
        for customer in customers {
            let input = about(json!({ "customer": customer, "from": from, "to": to }));
            let accounts = world.call("settlement.statement", input)["accounts"].clone();
            for account in accounts.as_array().unwrap() {
                let at = |name: &str| fen(account[name].as_str().unwrap());
                let (charges, credits) = (sum(&account["rows"], "charge"), sum(&account["rows"], "credit"));
                assert_eq!([charges, credits], [at("charges"), at("credits")]);
                assert_eq!(at("opening") + charges - credits, at("closing"), "{account}");
                assert_eq!(at("open") - at("advance"), at("closing"), "{account}");
                if let Some(last) = account["rows"].as_array().unwrap().last() {
                    assert_eq!(last["balance"], account["closing"]);
                }
            }
            open += sum(&accounts, "open");
            // From the beginning everything starts at nothing.
            let input = about(json!({ "customer": customer, "to": to }));
            let accounts = world.call("settlement.statement", input)["accounts"].clone();
            assert_eq!(sum(&accounts, "opening"), 0, "{accounts}");
        }
        assert_eq!(open, of("closing"));
        for weighted in [false, true] {
            let input = about(json!({ "unit": "week", "periods": 2, "weighted": weighted }));
            let outlook = world.call("settlement.outlook", input)["rows"].clone();
            for row in outlook.as_array().unwrap() {
                let parts = ["overdue", "later", "undated"].map(|name| fen(row[name].as_str().unwrap()));
                let expected = sum(&row["periods"], "amount") + parts.iter().sum::<i64>();
                assert_eq!(expected, fen(row["total"].as_str().unwrap()), "{row}");
            }
            let now = world.call("settlement.aging", about(json!({ "group_by": "currency" })));
            assert_eq!(sum(&outlook, "total"), sum(&now["rows"], "total"));
        }
    }
}

#[test]
fn habits_outlook_and_figures_with_known_answers() {
    let world = World::new("2026-01-05");
    let [late, new] = ["常拖", "新客"].map(|name| world.customer(name));
    let on = |date: &str| json!([{ "share": "balance", "anchor": { "date": date } }]);
    let day = |date: &str| world.ledger.set_clock(noon(date)).unwrap();
    let paid = |amount: &str| {
        let posted = world.call("receipt.post", json!({ "customer": late, "amount": amount }));
        posted["receipt"]["id"].clone()
    };
    world.effective(&late, "1000", on("2026-01-10"), "2026-01-05");
    world.effective(&late, "3000", on("2026-01-20"), "2026-01-05");
    day("2026-01-18");
    paid("1000");
    day("2026-01-25");
    let bounced = paid("500");
    day("2026-01-30");
    let reverse = json!({ "id": bounced, "version": 1, "reason": "退票" });
    world.call("receipt.reverse", reverse);
    day("2026-02-01");
    paid("3000");
    // 1000 eight days and 3000 twelve days late; what bounced was not paid: (8000 + 36000) / 4000 = 11.
    let habits = world.call("settlement.habits", json!({ "customer": late }));
    for (name, value) in [
        ("payments", json!("2")),
        ("amount", json!("4000")),
        ("days_late", json!("11")),
        ("expected_days", json!(11)),
        ("on_time", json!("0")),
        ("from", json!("2024-02-01")),
    ] {
        assert_eq!(habits[name], value, "{name}");
    }
    assert_eq!(habits["buckets"][2], json!({ "from": 8, "to": 30, "payments": "2", "amount": "4000" }));
    // Whoever has no history is expected to pay as all do.
    let unknown = world.call("settlement.habits", json!({ "customer": new }));
    assert_eq!((&unknown["days_late"], &unknown["expected_days"]), (&json!(null), &json!(11)));

    // January: 4000 charged, 1000 collected, 3000 open and overdue at its end. 3000 / 4000 × 31 = 23.25.
    let january = json!({ "from": "2026-01-01", "to": "2026-01-31" });
    let january = world.call("settlement.statistics", january)["rows"][0].clone();
    for (name, value) in [
        ("opening", "0"),
        ("charges", "4000"),
        ("collected", "1000"),
        ("closing", "3000"),
        ("overdue", "3000"),
        ("overdue_share", "1"),
        ("dso", "23.25"),
        ("best_dso", "0"),
        ("days_late", "8"),
        ("effectiveness", "0.25"),
    ] {
        assert_eq!(january[name], value, "{name}: {january}");
    }

    // Due on 20 February, and paid eleven days later: in March.
    world.effective(&late, "700", on("2026-02-20"), "2026-02-01");
    let terms = json!([{ "share": { "amount": "100" }, "anchor": "signed" },
        { "share": "balance", "anchor": "delivered" }]);
    world.effective(&new, "150", terms, "2026-01-15");
    let outlook = |weighted: bool| {
        let row = world.call("settlement.outlook", json!({ "periods": 2, "weighted": weighted }))["rows"][0]
            .clone();
        let periods = row["periods"].as_array().unwrap();
        let amounts: Vec<Value> = periods.iter().map(|period| period["amount"].clone()).collect();
        (row["overdue"].clone(), amounts, row["undated"].clone())
    };
    let shown = |amounts: [&str; 2]| amounts.map(|amount| json!(amount)).to_vec();
    assert_eq!(outlook(false), (json!("100"), shown(["700", "0"]), json!("50")));
    assert_eq!(outlook(true), (json!("100"), shown(["0", "700"]), json!("50")));

    let statement = json!({ "customer": late, "from": "2026-01-20", "to": "2026-01-31" });
    let account = world.call("settlement.statement", statement)["accounts"][0].clone();
    let rows: Vec<String> = account["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
            ["date", "kind", "number", "charge", "credit", "balance"].map(text).join(" ")
        })
        .collect();
    assert_eq!(
        rows,
        ["2026-01-25 receipt SK-2026-000002 0 500 2500", "2026-01-30 reversal SK-2026-000003 500 0 3000",]
    );
    assert_eq!([&account["opening"], &account["closing"], &account["overdue"]], ["3000", "3000", "3000"]);
    for (name, input, code, field) in [
        ("settlement.statement", json!({ "customer": late, "from": "2026-02-02" }), "end_before_start", "to"),
        (
            "settlement.statistics",
            json!({ "from": "2026-02-02", "to": "2026-02-01" }),
            "end_before_start",
            "to",
        ),
        ("settlement.outlook", json!({ "periods": 0 }), "out_of_range", "periods"),
        ("settlement.outlook", json!({ "periods": 121 }), "out_of_range", "periods"),
        ("settlement.aging", json!({ "cursor": "owner/-/CNY" }), "wrong_type", "cursor"),
        ("settlement.aging", json!({ "cursor": "customer/x/CNY" }), "wrong_type", "cursor"),
    ] {
        assert_eq!(world.refused(name, input.clone()), expect(code, field), "{name} {input}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_past_day_is_told_as_it_was(steps in proptest::collection::vec(any_step(), 1..40)) {
        let mut books = Books::new();
        let mut kept: Vec<(String, Vec<Value>)> = Vec::new();
        for step in steps.iter().take(60) {
            if matches!(step, Step::NextDay) && books.day < 30 {
                kept.push((march(books.day), reports(&books.world, None, 1000)));
            }
            if books.day < 30 || !matches!(step, Step::NextDay) {
                books.take(step);
            }
        }
        for (day, then) in &kept {
            prop_assert_eq!(&reports(&books.world, Some(day), 1000), then, "{}", day);
            prop_assert_eq!(&reports(&books.world, Some(day), 1), then, "{}, page by page", day);
        }
        for day in 8..=books.day {
            agree(&books.world, &books.customers, "2026-03-08", "2026-03-07", &march(day));
        }
        let (from, before) = (march(books.day - 1), march(books.day - 2));
        agree(&books.world, &books.customers, &from, &before, &march(books.day));
        prop_assert_eq!(&books.world.call("settlement.verify", json!({}))["clean"], &json!(true));
    }
}
