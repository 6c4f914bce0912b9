//! The trail tells rows as the operations tell them.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crm::app::CallOptions;
use crm::{ClockOption, OpenOptions};
use serde_json::{Value, json};

#[test]
fn a_new_row_stands_on_the_trail_as_it_was_returned_and_a_changed_one_with_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.crm");
    let clock = ClockOption::Manual("2026-03-02T01:02:03.000004Z".parse().unwrap());
    let ledger = crm::open(path.to_str().unwrap(), &OpenOptions { clock, ..OpenOptions::default() }).unwrap();
    let session = ledger.session("admin").unwrap();
    let call = |name: &str, input: Value| -> Value {
        serde_json::from_str(&session.call(name, &input.to_string(), &CallOptions::default()).unwrap())
            .unwrap()
    };
    let name = "\"引号\" \\ 反斜线\u{1}\u{7f}\n换行 🙂";
    let customer = call("customer.create", json!({ "name": name, "level": "A", "tags": ["展会", "a\"b"] }));
    let contract = call(
        "contract.create",
        json!({
            "title": "光谱仪采购", "customer": customer["id"], "ends_on": "2026-12-31",
            "parties": [{ "role": "party_a", "name": name }],
            "lines": [{ "description": "光谱仪", "quantity": "2.5", "unit_price": "0.125", "tax_rate": "0.13" }],
            "terms": [{ "share": "balance", "anchor": { "date": "2026-10-01" }, "shift": "forward" }],
        }),
    );
    let changed = call(
        "customer.update",
        json!({ "id": customer["id"], "version": 1, "data": { "name": name, "level": "B" } }),
    );
    let trail = call("audit.list", json!({}));
    let entries = trail["items"].as_array().unwrap();
    let changes = |at: usize| &entries[entries.len() - 3 + at]["changes"];
    assert_eq!(changes(0), &json!([{ "table": "customer", "after": customer }]));
    assert_eq!(changes(1)[0], json!({ "table": "contract", "after": contract }));
    let details = call("contract.get", json!({ "id": contract["id"] }));
    assert_eq!(changes(1)[1], json!({ "table": "contract_line", "after": details["lines"][0] }));
    assert_eq!(changes(1)[2], json!({ "table": "installment", "after": details["installments"][0] }));
    let expected = json!([{
        "table": "customer", "id": customer["id"],
        "before": { "level": "A", "tags": ["展会", "a\"b"], "version": 1 },
        "after": { "level": "B", "tags": [], "version": 2 },
    }]);
    assert_eq!(changes(2), &expected);
    assert_eq!(changed["version"], 2);
}
