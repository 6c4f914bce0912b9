//! Reports on past days: they are the same whenever they are asked, whatever has been posted since.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use proptest::prelude::*;
use serde_json::{Value, json};
use world::{World, noon, yuan};

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 60, ..ProptestConfig::default() })]

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
        prop_assert_eq!(&books.world.call("settlement.verify", json!({}))["clean"], &json!(true));
    }
}
