//! Writes the ledgers of schema version 1 that later versions must open; it is built in the tree of its time, see README.md.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use crm::app::{CallOptions, Ledger, Session};
use crm::kernel::date::Instant;
use crm::store::engine::Flow;
use crm::{ClockOption, OpenOptions};
use serde_json::{Value, json};

struct World {
    ledger: Ledger,
    session: Session,
    books: Vec<Value>,
}

impl World {
    fn new(path: &Path) -> World {
        let options = OpenOptions {
            clock: ClockOption::Manual(at("2026-01-05")),
            name: "旧账套有限公司".to_owned(),
            ..OpenOptions::default()
        };
        let _ = std::fs::remove_file(path);
        let ledger = crm::open(&path.to_string_lossy(), &options).unwrap();
        let session = ledger.session("admin").unwrap();
        World { ledger, session, books: Vec::new() }
    }

    /// Ends the day: what is open now is what the books of that day say. Begins another.
    fn next_day(&mut self, date: &str) {
        self.close_day();
        self.ledger.set_clock(at(date)).unwrap();
    }

    fn close_day(&mut self) {
        for direction in ["receivable", "payable"] {
            let mut aging = self.call("settlement.aging", json!({ "direction": direction }));
            for row in aging["rows"].as_array_mut().unwrap() {
                row.as_object_mut().unwrap().remove("customer");
            }
            self.books.push(json!({ "direction": direction, "as_of": aging["as_of"], "rows": aging["rows"] }));
        }
    }

    fn call(&self, name: &str, input: Value) -> Value {
        let output = self.session.call(name, &input.to_string(), &CallOptions::default());
        serde_json::from_str(&output.unwrap_or_else(|error| panic!("{name} {input}: {error}"))).unwrap()
    }

    fn customer(&self, name: &str) -> Value {
        self.call("customer.create", json!({ "name": name }))["id"].clone()
    }

    fn draft(&self, customer: &Value, amount: &str, terms: Value, more: Value) -> Value {
        let mut input = json!({ "title": "设备销售", "customer": customer, "amount": amount, "tax_rate": "0.13",
            "ends_on": "2026-12-31", "terms": terms });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call("contract.create", input)["id"].clone()
    }

    fn step(&self, name: &str, contract: &Value, more: Value) {
        let version = self.call("contract.get", json!({ "id": contract }))["contract"]["version"].clone();
        let mut input = json!({ "id": contract, "version": version });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call(name, input);
    }

    fn signed(&self, contract: Value, on: &str) -> Value {
        self.step("contract.submit", &contract, json!({}));
        self.step("contract.approve", &contract, json!({ "opinion": "同意" }));
        self.step("contract.sign", &contract, json!({ "signed_on": on }));
        contract
    }

    fn effective(&self, contract: Value, on: &str) -> Value {
        let contract = self.signed(contract, on);
        self.step("contract.effective", &contract, json!({ "effective_on": on }));
        contract
    }

    fn post(&self, customer: &Value, amount: &str, more: Value) -> Value {
        let mut input = json!({ "customer": customer, "amount": amount });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call("receipt.post", input)["receipt"].clone()
    }

    fn on_receipt(&self, name: &str, receipt: &Value, more: Value) {
        let version = self.call("receipt.get", json!({ "id": receipt["id"] }))["receipt"]["version"].clone();
        let mut input = json!({ "id": receipt["id"], "version": version });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call(name, input);
    }

    /// Writes the stream, and beside it what the books said at the end of each day.
    fn write(mut self, folder: &Path, name: &str) {
        self.close_day();
        let mut stream = Vec::new();
        let moved = crm::export_ledger(&self.ledger, &mut stream, &mut |_| Flow::More).unwrap();
        std::fs::write(folder.join(format!("{name}.stream")), stream).unwrap();
        let lines: Vec<String> = self.books.iter().map(Value::to_string).collect();
        std::fs::write(folder.join(format!("{name}.books")), lines.join("\n") + "\n").unwrap();
        println!("{name}: {} rows", moved.rows);
    }
}

fn at(date: &str) -> Instant {
    Instant::parse(&format!("{date}T04:00:00Z")).unwrap()
}

fn dated(parts: &[(&str, &str)]) -> Value {
    parts.iter().map(|(amount, day)| json!({ "share": { "amount": amount }, "anchor": { "date": day } })).collect()
}

fn domestic(folder: &Path) {
    let mut world = World::new(&folder.join("version-1.crm"));
    let role = world.call("role.create", json!({ "name": "销售", "scope": "own",
        "levels": { "party": "edit", "contract": "edit", "settlement": "edit" }, "permissions": [] }));
    world.call("user.create", json!({ "login": "zhao", "name": "赵敏", "roles": [role["id"]] }));
    let first = world.customer("杭州云栖仪器有限公司");
    let second = world.customer("宁波海曙机电有限公司");
    let supplier = world.customer("苏州工业园供应商");
    world.call("contact.create", json!({ "customer": first, "name": "钱经理", "mobile": "13800000000" }));

    // Terms of every kind; each event comes on the day it happens.
    world.next_day("2026-01-10");
    let terms = json!([
        { "label": "预付款", "share": { "rate": "0.3" }, "anchor": "effective", "offset": { "days": 10 } },
        { "share": { "rate": "0.6" }, "anchor": "delivered", "align": "month_end" },
        { "label": "质保金", "share": "balance", "anchor": "accepted", "offset": { "days": 90 },
          "shift": "forward" }]);
    let main = world.effective(world.draft(&first, "100000.01", terms, json!({})), "2026-01-10");
    world.next_day("2026-01-15");
    let parts = dated(&[("20000", "2026-02-01"), ("20000", "2026-03-01"), ("20000.50", "2026-09-01")]);
    let parts = world.effective(world.draft(&first, "60000.50", parts, json!({})), "2026-01-15");
    let ended = dated(&[("30000", "2026-02-15"), ("50000", "2026-08-15")]);
    let ended = world.effective(world.draft(&second, "80000", ended, json!({})), "2026-01-15");
    let done = world.effective(
        world.draft(&second, "5000", dated(&[("5000", "2026-02-20")]), json!({})), "2026-01-15");
    let bought = dated(&[("12000", "2026-02-10"), ("8000", "2026-07-10")]);
    let bought = world.effective(world.draft(&supplier, "20000", bought, json!({ "direction": "payable" })), "2026-01-15");
    world.draft(&second, "7777.77", dated(&[("7777.77", "2026-10-01")]), json!({ "title": "草稿合同" }));
    world.signed(world.draft(&second, "6000", dated(&[("6000", "2026-10-01")]), json!({ "title": "待生效合同" })), "2026-01-15");
    let given_up = world.draft(&first, "1", dated(&[("1", "2026-10-01")]), json!({ "title": "作废合同" }));
    world.step("contract.cancel", &given_up, json!({ "reason": "客户改为询价" }));
    let never = world.signed(world.draft(&first, "900", dated(&[("900", "2026-10-01")]), json!({ "title": "未生效即终止" })), "2026-01-15");
    world.step("contract.terminate", &never, json!({ "reason": "未能开工" }));

    // More than is due of what is open, several contracts at once, and an advance.
    world.next_day("2026-01-20");
    world.post(&first, "45000", json!({}));
    let advance = world.post(&first, "20000", json!({ "allocate": "none", "reference": "银行流水 7" }));
    world.post(&supplier, "15000", json!({ "direction": "payment" }));
    world.next_day("2026-02-20");
    world.post(&second, "5000", json!({ "allocate": { "contracts": [done] } }));
    world.step("contract.complete", &done, json!({}));
    let bounced = world.post(&second, "33000.33", json!({ "allocate": { "contracts": [ended] } }));
    world.next_day("2026-03-03");
    world.step("contract.deliver", &main, json!({}));
    world.next_day("2026-03-15");
    world.on_receipt("receipt.allocate", &advance, json!({
        "allocate": { "told": [{ "contract": parts, "installment": 3, "amount": "1234.56" }] } }));
    world.next_day("2026-03-20");
    world.on_receipt("receipt.allocate", &advance, json!({ "allocate": { "told": [{ "contract": main, "amount": "3000" }] } }));
    let wrong = world.post(&first, "9999.99", json!({ "method": "cash", "allocate": { "contracts": [parts, main] } }));
    world.next_day("2026-04-01");
    world.on_receipt("receipt.reverse", &wrong, json!({ "reason": "记错客户" }));
    world.step("contract.accept", &main, json!({}));
    world.post(&supplier, "6000", json!({ "direction": "payment", "allocate": { "contracts": [bought] } }));
    // Ended with a part settled; the bank takes the money back later, so that something is open again.
    world.next_day("2026-04-20");
    world.step("contract.terminate", &ended, json!({ "reason": "协商解除" }));
    world.next_day("2026-05-06");
    world.on_receipt("receipt.reverse", &bounced, json!({ "reason": "银行退票" }));
    // Money that came some days ago, for a contract of today that is older still.
    world.next_day("2026-06-01");
    let late = world.effective(world.draft(&second, "4000", dated(&[("4000", "2026-05-01")]), json!({ "title": "补录合同" })), "2026-04-01");
    world.post(&second, "1500", json!({ "date": "2026-05-20", "allocate": { "contracts": [late] } }));
    world.call("warning.acknowledge", json!({ "kind": "installment_overdue", "subject": late, "seq": 1 }));
    let soon = world.effective(world.draft(&second, "2000", dated(&[("2000", "2026-06-08")]), json!({ "title": "近期到期" })), "2026-06-01");
    world.call("warning.snooze", json!({ "kind": "installment_due", "subject": soon, "seq": 1, "until": "2026-06-05" }));
    world.call("warning.configure", json!({ "kind": "contract_ending", "lead": 45, "unit": "days" }));
    world.write(folder, "version-1");
}

fn foreign(folder: &Path) {
    let mut world = World::new(&folder.join("version-1-currencies.crm"));
    let buyer = world.customer("Acme Instruments Inc.");
    let usd = json!({ "currency": "USD" });
    let parts = dated(&[("333.33", "2026-02-01"), ("333.33", "2026-03-01"), ("333.34", "2026-04-01")]);
    world.next_day("2026-01-10");
    let first = world.effective(world.draft(&buyer, "1000", parts, usd.clone()), "2026-01-10");
    world.draft(&buyer, "50", dated(&[("50", "2026-04-01")]), json!({ "currency": "EUR", "title": "草稿" }));
    let yen = dated(&[("10001", "2026-02-15")]);
    let yen = world.effective(world.draft(&buyer, "10001", yen, json!({ "currency": "JPY" })), "2026-01-10");
    world.next_day("2026-02-02");
    world.post(&buyer, "400.01", usd.clone());
    let kept = world.post(&buyer, "77.77", json!({ "currency": "USD", "allocate": "none" }));
    let back = world.post(&buyer, "100.10", usd);
    world.post(&buyer, "3334", json!({ "currency": "JPY" }));
    world.next_day("2026-02-10");
    world.on_receipt("receipt.allocate", &kept, json!({
        "allocate": { "told": [{ "contract": first, "installment": 3, "amount": "33.33" }] } }));
    world.next_day("2026-03-05");
    world.on_receipt("receipt.reverse", &back, json!({ "reason": "银行退票" }));
    world.next_day("2026-03-20");
    world.step("contract.terminate", &yen, json!({ "reason": "协商解除" }));
    world.write(folder, "version-1-currencies");
}

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    domestic(Path::new(&folder));
    foreign(Path::new(&folder));
}
