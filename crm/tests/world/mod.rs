//! A new ledger with a clock that stands, and short words for what the tests do with it.
#![allow(dead_code, unreachable_pub)]

use crm::app::{CallOptions, Ledger, Session};
use crm::kernel::date::Instant;
use crm::kernel::error::{Error, Result};
use crm::{ClockOption, DurabilityOption, OpenOptions};
use serde_json::{Value, json};

pub struct World {
    _folder: tempfile::TempDir,
    pub ledger: Ledger,
    pub admin: Session,
}

/// Noon in China.
pub fn noon(date: &str) -> Instant {
    Instant::parse(&format!("{date}T04:00:00Z")).unwrap()
}

pub fn call(session: &Session, name: &str, input: Value) -> Result<Value> {
    let output = session.call(name, &input.to_string(), &CallOptions::default())?;
    Ok(serde_json::from_str(&output).unwrap())
}

/// The code's name and the field at fault.
pub fn outcome(error: &Error) -> (String, String) {
    (error.code().name(), error.field().unwrap_or("").to_owned())
}

pub fn expect(name: &str, field: &str) -> (String, String) {
    (name.to_owned(), field.to_owned())
}

/// A plain amount in fen.
pub fn fen(text: &str) -> i64 {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    sign * (whole.parse::<i64>().unwrap() * 100 + format!("{fraction:0<2}").parse::<i64>().unwrap())
}

/// Fen as a plain amount.
pub fn yuan(fen: i64) -> String {
    format!("{}{}.{:02}", if fen < 0 { "-" } else { "" }, fen.abs() / 100, fen.abs() % 100)
}

impl World {
    pub fn new(today: &str) -> World {
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions {
            clock: ClockOption::Manual(noon(today)),
            durability: DurabilityOption::Normal,
            ..OpenOptions::default()
        };
        let ledger = crm::open(&folder.path().join("test.crm").to_string_lossy(), &options).unwrap();
        World::of(folder, ledger)
    }

    /// On a ledger that is open in this folder.
    pub fn of(folder: tempfile::TempDir, ledger: Ledger) -> World {
        let admin = ledger.session("admin").unwrap();
        World { _folder: folder, ledger, admin }
    }

    /// An operation fails only with what it says that it can raise.
    pub fn try_call(&self, name: &str, input: Value) -> Result<Value> {
        let outcome = call(&self.admin, name, input);
        if let Err(error) = &outcome {
            let entry = self.ledger.catalog().operation(name).unwrap();
            assert!(entry.declares(error.code().number), "{name} does not declare {error}");
        }
        outcome
    }

    pub fn call(&self, name: &str, input: Value) -> Value {
        self.try_call(name, input.clone()).unwrap_or_else(|error| panic!("{name} {input}: {error}"))
    }

    pub fn refused(&self, name: &str, input: Value) -> (String, String) {
        match self.try_call(name, input.clone()) {
            Ok(output) => panic!("{name} {input}: {output}"),
            Err(error) => outcome(&error),
        }
    }

    pub fn customer(&self, name: &str) -> Value {
        self.call("customer.create", json!({ "name": name }))["id"].clone()
    }

    /// A draft without lines.
    pub fn contract(&self, customer: &Value, amount: &str, terms: Value) -> Value {
        let input = json!({ "title": "设备销售", "customer": customer, "amount": amount, "tax_rate": "0.13",
            "ends_on": "2026-12-31", "terms": terms });
        self.call("contract.create", input)["id"].clone()
    }

    pub fn details(&self, contract: &Value) -> Value {
        self.call("contract.get", json!({ "id": contract }))
    }

    /// An operation on the contract at its present version.
    pub fn step(&self, name: &str, contract: &Value, more: Value) -> Result<Value> {
        let version = &self.details(contract)["contract"]["version"];
        let mut input = json!({ "id": contract, "version": version });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.try_call(name, input)
    }

    /// Takes a draft into effect.
    pub fn to_effective(&self, contract: Value, on: &str) -> Value {
        self.step("contract.submit", &contract, json!({})).unwrap();
        self.step("contract.approve", &contract, json!({})).unwrap();
        self.step("contract.sign", &contract, json!({ "signed_on": on, "effective_on": on })).unwrap();
        contract
    }

    /// A contract in effect.
    pub fn effective(&self, customer: &Value, amount: &str, terms: Value, on: &str) -> Value {
        self.to_effective(self.contract(customer, amount, terms), on)
    }

    /// Every installment as `due settled/open status`; the contract's own sum is checked on the way.
    pub fn shown(&self, contract: &Value) -> Vec<String> {
        let details = self.details(contract);
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let rows = details["installments"].as_array().unwrap();
        let settled: i64 = rows.iter().map(|row| fen(&text(&row["settled"]))).sum();
        assert_eq!(settled, fen(&text(&details["contract"]["settled"])), "{details}");
        let shown = rows.iter().map(|row| {
            let [due, paid, open, status] =
                ["due_date", "settled", "open_amount", "status"].map(|name| text(&row[name]));
            format!("{due} {paid}/{open} {status}")
        });
        shown.collect()
    }
}
