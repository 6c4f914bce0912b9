//! The queries that operations really run are served by the indexes that are meant for them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod world;

use std::sync::{Arc, Mutex};

use crm::app::{Host, Ledger, NewLedger};
use crm::catalog::Catalog;
use crm::kernel::clock::{ManualClock, SeededEntropy};
use crm::kernel::error::Result;
use crm::store::cell::{Cell, CellRef, Row};
use crm::store::engine::{Mode, Nest, Store, Tx, Visit};
use crm::store::plan::{Pred, Select};
use crm::store::schema::Table;
use crm_sqlite::{OpenOptions, Sqlite, SqliteStore};
use serde_json::{Value, json};
use world::{World, noon};

type Log = Arc<Mutex<Vec<Select>>>;

/// A store that notes every query.
struct Noting(Arc<dyn Store>, Log);

struct NotingTx(Box<dyn Tx>, Log);

impl Store for Noting {
    fn begin(&self, mode: Mode) -> Result<Box<dyn Tx>> {
        Ok(Box::new(NotingTx(self.0.begin(mode)?, self.1.clone())))
    }
    fn engine(&self) -> &'static str {
        self.0.engine()
    }
}

impl Tx for NotingTx {
    fn get(&mut self, table: &'static Table, key: &[Cell]) -> Result<Option<Row>> {
        self.0.get(table, key)
    }
    fn select(&mut self, select: &Select, visit: Visit<'_>) -> Result<()> {
        self.1.lock().unwrap().push(select.clone());
        self.0.select(select, visit)
    }
    fn insert(&mut self, table: &'static Table, rows: &[Row]) -> Result<()> {
        self.0.insert(table, rows)
    }
    fn update(&mut self, table: &'static Table, changes: &[(usize, Cell)], filter: &Pred) -> Result<u64> {
        self.0.update(table, changes, filter)
    }
    fn delete(&mut self, table: &'static Table, filter: &Pred) -> Result<u64> {
        self.0.delete(table, filter)
    }
    fn number(&mut self, series: &str, count: i64) -> Result<i64> {
        self.0.number(series, count)
    }
    fn series(&mut self, visit: &mut dyn FnMut(&str, i64) -> Result<()>) -> Result<()> {
        self.0.series(visit)
    }
    fn nest(&mut self, step: Nest) -> Result<()> {
        self.0.nest(step)
    }
    fn commit(self: Box<Self>) -> Result<()> {
        self.0.commit()
    }
}

#[test]
fn settlement_and_warnings_read_by_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.crm");
    let log = Log::default();
    let store = SqliteStore::open(&path, Catalog::shared().schema(), OpenOptions::default()).unwrap();
    let store = Arc::new(Noting(store, log.clone()));
    let clock = Arc::new(ManualClock::new(noon("2026-03-02")));
    let host = Host { clock, entropy: Arc::new(SeededEntropy::new(1)) };
    let world = World::of(folder, Ledger::open(store, host, &NewLedger::default()).unwrap());
    let customer = world.customer("甲公司");
    let terms = json!([{ "share": "balance", "anchor": "signed" }]);
    let contract = world.effective(&customer, "100", terms, "2026-01-30");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let plan = |select: &Select| {
        let mut text = String::new();
        let values = crm_sql::select(&Sqlite, select, &mut text);
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        for (position, value) in values.iter().enumerate() {
            match value.as_ref() {
                CellRef::Int(value) => statement.raw_bind_parameter(position + 1, value).unwrap(),
                CellRef::Text(value) => statement.raw_bind_parameter(position + 1, value).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        let lines: Vec<String> =
            statement.raw_query().mapped(|row| row.get(3)).collect::<rusqlite::Result<_>>().unwrap();
        lines.join("; ")
    };
    // The plans of the queries on a table that an operation runs, in order.
    let plans = |name: &str, input: Value, table: &str| -> Vec<String> {
        log.lock().unwrap().clear();
        world.call(name, input);
        let log = log.lock().unwrap();
        log.iter().filter(|select| select.base.name == table).map(plan).collect()
    };
    let about = json!({ "rule": "installment_overdue", "subject": contract, "seq": 1 });
    for (name, input, table, expected) in [
        (
            "settlement.aging",
            json!({}),
            "installment",
            &["SEARCH installment USING COVERING INDEX installment_open (direction=?)"][..],
        ),
        (
            "settlement.aging",
            json!({ "as_of": "2026-03-01" }),
            "journal_line",
            &["SEARCH journal_line USING PRIMARY KEY (entry>?)"],
        ),
        (
            "settlement.aging",
            json!({ "as_of": "2026-03-01" }),
            "installment",
            &["SEARCH installment USING COVERING INDEX installment_open (direction=?)"],
        ),
        (
            "settlement.statement",
            json!({ "customer": customer, "from": "2026-02-01" }),
            "journal_line",
            &["SEARCH journal_line USING INDEX journal_customer (customer=? AND date>?)"],
        ),
        (
            "settlement.statement",
            json!({ "customer": customer, "from": "2026-02-01" }),
            "installment",
            &["COVERING INDEX installment_open (direction=? AND customer=?)"],
        ),
        (
            "settlement.statement",
            json!({ "customer": customer, "from": "2026-02-01" }),
            "receipt",
            &["USING INDEX receipt_"],
        ),
        (
            "settlement.habits",
            json!({ "customer": customer }),
            "journal_line",
            &["journal_customer (customer=? AND date>?)", "PRIMARY KEY (entry>?)"],
        ),
        (
            "settlement.statistics",
            json!({ "from": "2026-02-01", "to": "2026-02-28" }),
            "journal_line",
            &["PRIMARY KEY (entry>?)", "PRIMARY KEY (entry>?)"],
        ),
        (
            "settlement.outlook",
            json!({}),
            "installment",
            &["COVERING INDEX installment_open (direction=?)", "installment_open (direction=?)"],
        ),
        ("settlement.due", json!({}), "installment", &["installment_due"]),
        ("warning.list", json!({ "rules": ["installment_due"] }), "installment", &["installment_due"]),
        ("warning.list", json!({ "rules": ["installment_overdue"] }), "installment", &["installment_due"]),
        ("warning.list", json!({ "rules": ["contract_ending"] }), "contract", &["contract_ending"]),
        ("warning.list", json!({ "rules": ["contract_notice"] }), "contract", &["contract_notice"]),
        ("warning.list", json!({ "rules": ["contract_notice_missed"] }), "contract", &["contract_notice"]),
        ("warning.list", json!({ "rules": ["opportunity_stalled"] }), "opportunity", &["opportunity_since"]),
        ("warning.list", json!({ "rules": ["followup_overdue"] }), "activity", &["activity_due"]),
        ("warning.list", json!({ "rules": ["invoice_due"] }), "invoice", &["invoice_plan"]),
        ("warning.list", json!({ "rules": ["invoice_overdue"] }), "invoice", &["invoice_plan"]),
        ("warning.list", json!({ "rules": ["retention_release"] }), "installment", &["installment_forecast"]),
        ("warning.list", json!({ "rules": ["advance_unallocated"] }), "receipt", &["receipt_advance"]),
        ("warning.list", json!({ "rules": ["credit_limit_exceeded"] }), "customer", &["customer_limited"]),
        (
            "warning.count",
            json!({ "rules": ["installment_overdue"] }),
            "installment",
            &["SEARCH installment USING INDEX installment_due (due_date<?)"],
        ),
        (
            "warning.count",
            json!({ "rules": ["installment_overdue"] }),
            "warning_mark",
            &["PRIMARY KEY (kind=? AND subject=?)"],
        ),
        // The first scan hands out, the second finds that nothing is owed: no other table is joined.
        (
            "warning.scan",
            json!({}),
            "installment",
            &[
                "SEARCH installment USING INDEX installment_due (due_date>? AND due_date<?)",
                "SEARCH installment USING INDEX installment_due (due_date<?)",
                "SEARCH t0 USING PRIMARY KEY (contract=? AND seq=?)",
                "installment_forecast",
                "SEARCH installment USING INDEX installment_forecast (forecast_date<?)",
            ],
        ),
        (
            "warning.scan",
            json!({}),
            "installment",
            &[
                "SEARCH installment USING INDEX installment_due (due_date>? AND due_date<?)",
                "SEARCH installment USING INDEX installment_due (due_date<?)",
                "installment_forecast",
                "SEARCH installment USING INDEX installment_forecast (forecast_date<?)",
            ],
        ),
        ("warning.scan", json!({}), "warning_mark", &["warning_mark_standing (kind=?"; 14]),
        ("warning.scan", json!({}), "warning_notice", &[]),
        ("warning.notices", json!({}), "warning_notice", &["USING INDEX warning_notice_at"]),
        (
            "warning.notices",
            json!({ "from": "2026-03-01" }),
            "warning_notice",
            &["warning_notice_at (noticed_at>?)"],
        ),
        ("warning.history", json!({ "subject": contract }), "warning_mark", &["warning_mark_subject"]),
        ("warning.acknowledge", about, "installment", &["PRIMARY KEY (contract=? AND seq=?)"]),
        ("contract.get", json!({ "id": contract }), "installment", &["PRIMARY KEY (contract=?)"]),
        ("receipt.list", json!({ "sort": [{ "field": "date" }] }), "receipt", &["receipt_date"]),
        (
            "receipt.post",
            json!({ "customer": customer, "amount": "150" }),
            "installment",
            &["installment_open (direction=? AND customer=? AND currency=?", "installment_open"],
        ),
    ] {
        let found = plans(name, input, table);
        println!("{name} {table}: {}", found.join(" | "));
        assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{name}: {found}");
            let sorted = found.contains("TEMP B-TREE FOR ORDER BY");
            let whole = found.contains("SCAN") && !found.contains("USING INDEX");
            assert!(!sorted && !whole, "{name} sorts or reads the whole table: {found}");
        }
    }
}
