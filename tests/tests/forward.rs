//! Ledgers of older schema versions are brought forward, with all that their books say.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use crm::app::{self, CallOptions, Host, Ledger, OLD_RATES_NEEDED, OldRates, Session};
use crm::catalog::Catalog;
use crm::kernel::clock::{ManualClock, SeededEntropy};
use crm::kernel::currency::Currency;
use crm::kernel::date::Instant;
use crm::kernel::decimal::Price;
use crm::kernel::error::{Error, INTERNAL, Result};
use crm::store::engine::{Flow, LEDGER_NEWER, Store};
use crm::store::schema::{Schema, Table};
use crm::{ClockOption, OpenOptions};
use crm_postgres_server::Server;
use serde_json::{Value, json};

/// A place for a ledger, on either engine.
struct Place {
    url: String,
    _folder: tempfile::TempDir,
    _server: Option<Arc<Server>>,
}

/// One on each engine.
fn places() -> Vec<Place> {
    let server = Server::shared().unwrap_or_else(|error| panic!("{error}"));
    let folder = || tempfile::tempdir().unwrap();
    let (file, none) = (folder(), folder());
    let url = server.url(&server.new_schema());
    vec![
        Place {
            url: file.path().join("old.crm").to_string_lossy().into_owned(),
            _folder: file,
            _server: None,
        },
        Place { url, _folder: none, _server: Some(server) },
    ]
}

fn noon(date: &str) -> Instant {
    Instant::parse(&format!("{date}T04:00:00Z")).unwrap()
}

fn options(rates: &[(&str, &str)]) -> OpenOptions {
    let rate = |(currency, rate): &(&str, &str)| {
        (Currency::from_code(currency).unwrap(), Price::parse(rate).unwrap())
    };
    OpenOptions {
        create: false,
        clock: ClockOption::Manual(noon("2026-07-01")),
        old_rates: rates.iter().map(rate).collect(),
        ..OpenOptions::default()
    }
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("ledgers").join(name)).unwrap()
}

/// The schema as it was.
fn schema_at(version: u32) -> Schema {
    let leaked = |table: Table| -> &'static Table { Box::leak(Box::new(table)) };
    let tables = Catalog::shared().schema().at_version(version);
    Schema::new(version, tables.into_iter().map(leaked).collect())
}

impl Place {
    fn store(&self, schema: &Schema) -> Result<Arc<dyn Store>> {
        if self.url.starts_with("postgres:") {
            crm_postgres::PostgresStore::open(&self.url, schema, crm_postgres::OpenOptions::default())
        } else {
            crm_sqlite::SqliteStore::open(&self.url, schema, crm_sqlite::OpenOptions::default())
        }
    }

    /// Makes a ledger of version 1 here.
    fn fill(&self, name: &str) {
        let (old, stream) = (schema_at(1), file(&format!("{name}.stream")));
        let store = self.store(&old).unwrap();
        app::import_store(store.as_ref(), &old, &mut stream.as_slice(), &mut |_| Flow::More).unwrap();
    }

    fn open(&self, rates: &[(&str, &str)]) -> Result<Session> {
        crm::open(&self.url, &options(rates))?.session("admin")
    }

    /// Whether it still is what the library of version 1 wrote, byte by byte.
    fn is_version_1(&self, name: &str) -> bool {
        let old = schema_at(1);
        let mut stream = Vec::new();
        let store = self.store(&old).unwrap();
        app::export_store(store.as_ref(), &old, &mut stream, &mut |_| Flow::More).unwrap();
        stream == file(&format!("{name}.stream"))
    }
}

fn try_call(session: &Session, name: &str, input: &Value) -> Result<Value> {
    let output = session.call(name, &input.to_string(), &CallOptions::default())?;
    Ok(serde_json::from_str(&output).unwrap())
}

fn call(session: &Session, name: &str, input: Value) -> Value {
    try_call(session, name, &input).unwrap_or_else(|error| panic!("{name} {input}: {error}"))
}

fn is_clean(session: &Session) {
    let check = call(session, "settlement.verify", json!({}));
    assert_eq!(check["found"], json!([]), "{check}");
    call(session, "audit.verify", json!({}));
}

/// What the books of an old day said is what they say of it now. Until `dated_from` due dates came by events, of which version 1
/// kept the last alone: there only the sums are the same.
fn past_days_are_as_they_were(session: &Session, name: &str, dated_from: &str) -> usize {
    let books = String::from_utf8(file(&format!("{name}.books"))).unwrap();
    for line in books.lines() {
        let said: Value = serde_json::from_str(line).unwrap();
        let input = json!({ "as_of": said["as_of"], "direction": said["direction"] });
        let mut now = call(session, "settlement.aging", input);
        let mut said = said;
        let names = ["customer", "owner", "owner_name", "unit", "unit_name"];
        let by_day = ["undated", "not_due", "overdue"];
        let early = said["as_of"].as_str().unwrap() < dated_from;
        for row in [&mut now, &mut said].into_iter().flat_map(|report| report["rows"].as_array_mut().unwrap())
        {
            let row = row.as_object_mut().unwrap();
            row.retain(|field, _| {
                let differs = early && by_day.contains(&field.as_str());
                !names.contains(&field.as_str()) && !differs
            });
        }
        assert_eq!(now["rows"], said["rows"], "{line}");
    }
    books.lines().count()
}

fn export(ledger: &Ledger) -> Vec<u8> {
    let mut stream = Vec::new();
    crm::export_ledger(ledger, &mut stream, &mut |_| Flow::More).unwrap();
    stream
}

/// The receipt in position `index` of those with this condition.
fn receipt(session: &Session, filter: Value, index: usize) -> Value {
    let sort = json!([{ "field": "number", "direction": "ascending" }]);
    call(session, "receipt.list", json!({ "filter": filter, "sort": sort }))["items"][index].clone()
}

#[test]
fn a_ledger_of_version_1_is_opened_with_all_that_its_books_say() {
    for place in places() {
        place.fill("version-1");
        let session = place.open(&[]).unwrap();
        is_clean(&session);
        assert_eq!(past_days_are_as_they_were(&session, "version-1", "2026-04-01"), 24);

        let sort = json!([{ "field": "seq", "direction": "descending" }]);
        let entries = call(&session, "audit.list", json!({ "list": { "sort": sort } }));
        let last = &entries["items"][0];
        assert_eq!(last["operation"], "ledger.bring_forward", "{last}");
        let told = &last["changes"][0];
        assert_eq!([&told["from_version"], &told["to_version"]], [&json!(1), &json!(2)]);
        assert_eq!(told["written"]["journal_entries"], json!(35), "{told}");

        // What has been told of stays told.
        let known = call(&session, "warning.list", json!({ "include_handled": true }));
        let handled = |state: &str| {
            let items = known["items"].as_array().unwrap();
            items.iter().filter(|warning| warning["state"] == state).count()
        };
        assert_eq!(handled("acknowledged"), 1, "{known}");

        // The advance is found, used and given back.
        let advance = receipt(&session, json!({ "present": "open_advance" }), 1);
        assert_eq!([&advance["open_advance"], &advance["advance"]], [&json!("15765.44"); 2], "{advance}");
        let used =
            call(&session, "receipt.allocate", json!({ "id": advance["id"], "version": advance["version"] }));
        assert_eq!(used["receipt"]["advance"], "0");
        is_clean(&session);
        let used = &used["receipt"];
        call(
            &session,
            "receipt.reverse",
            json!({ "id": used["id"], "version": used["version"], "reason": "退票" }),
        );
        // So is the money of a contract that is completed, and of one in the middle of its schedule.
        for number in ["SK-2026-000001", "SK-2026-000003"] {
            let old = receipt(&session, json!({ "equal": ["number", number] }), 0);
            assert_eq!(old["number"], number);
            let reversal = json!({ "id": old["id"], "version": old["version"], "reason": "退票" });
            call(&session, "receipt.reverse", reversal);
        }
        is_clean(&session);
        // What is posted now does not change the days before.
        past_days_are_as_they_were(&session, "version-1", "2026-04-01");
    }
}

#[test]
fn opening_again_does_nothing() {
    for place in places() {
        place.fill("version-1");
        let ledger = crm::open(&place.url, &options(&[])).unwrap();
        let first = export(&ledger);
        drop(ledger);
        assert_eq!(export(&crm::open(&place.url, &options(&[])).unwrap()), first);
        let refused = place.store(&schema_at(1)).err().unwrap();
        assert_eq!(refused.code(), &LEDGER_NEWER);
    }
}

#[test]
fn a_stream_of_version_1_is_brought_forward_as_it_is_read() {
    let imported = |place: &Place, name: &str, rates: &[(&str, &str)]| {
        let options = OpenOptions { create: true, ..options(rates) };
        crm::import_ledger(&mut file(name).as_slice(), &place.url, &options, &mut |_| Flow::More)
    };
    let mut streams = Vec::new();
    for place in places() {
        imported(&place, "version-1.stream", &[]).unwrap();
        let session = place.open(&[]).unwrap();
        is_clean(&session);
        past_days_are_as_they_were(&session, "version-1", "2026-04-01");
        streams.push(export(&crm::open(&place.url, &options(&[])).unwrap()));
    }
    // The same as a store that is brought forward, on either engine.
    let place = places().remove(0);
    place.fill("version-1");
    streams.push(export(&crm::open(&place.url, &options(&[])).unwrap()));
    assert!(streams.windows(2).all(|pair| pair[0] == pair[1]));
    // One that cannot be brought forward leaves the place empty.
    for place in places() {
        let refused = imported(&place, "version-1-currencies.stream", &[]).unwrap_err();
        assert_eq!(refused.code(), &OLD_RATES_NEEDED);
        imported(&place, "version-1-currencies.stream", &[("USD", "7.1234"), ("JPY", "0.048")]).unwrap();
        is_clean(&place.open(&[]).unwrap());
    }
}

#[test]
fn what_fails_on_the_way_leaves_version_1() {
    for place in places() {
        place.fill("version-1");
        let host = || Host {
            clock: Arc::new(ManualClock::new(noon("2026-07-01"))),
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        let failing = Catalog::shared().schema().clone().with_forward(Arc::new(move |tx, from| {
            app::schema(host(), OldRates::new()).bring_forward(tx, from)?;
            Err(Error::new(&INTERNAL).with("what", "the power fails"))
        }));
        assert_eq!(place.store(&failing).err().unwrap().code(), &INTERNAL);
        assert!(place.is_version_1("version-1"));
        is_clean(&place.open(&[]).unwrap());
    }
}

#[test]
fn amounts_in_other_currencies_need_a_rate_and_have_it_from_then_on() {
    for place in places() {
        place.fill("version-1-currencies");
        for told in
            [&[][..], &[("USD", "7")], &[("USD", "7"), ("JPY", "0")], &[("EUR", "8"), ("JPY", "0.05")]]
        {
            let refused = place.open(told).err().unwrap();
            assert_eq!((refused.code(), refused.field()), (&OLD_RATES_NEEDED, Some("old_rates")), "{told:?}");
        }
        let refused = place.open(&[]).err().unwrap();
        assert_eq!(refused.details().collect::<Vec<_>>(), [("currencies", "JPY, USD")]);
        assert!(place.is_version_1("version-1-currencies"));

        let session = place.open(&[("USD", "7.1234"), ("JPY", "0.048")]).unwrap();
        is_clean(&session);
        past_days_are_as_they_were(&session, "version-1-currencies", "");
        // 44.44 of 77.77 are left of the advance: 316.56 yuan at 7.1234.
        let advance = receipt(&session, json!({ "present": "open_advance" }), 0);
        let shown = ["open_advance", "rate", "home", "home_advance"].map(|field| advance[field].clone());
        assert_eq!(shown, ["44.44", "7.1234", "553.99", "316.56"], "{advance}");
        // Money of today at a rate of today; the difference to the old one is realised on what it settles.
        let contract = call(&session, "contract.list", json!({ "filter": { "equal": ["currency", "USD"] } }));
        let customer = contract["items"][0]["customer"].clone();
        let posted = call(
            &session,
            "receipt.post",
            json!({ "customer": customer, "currency": "USD", "rate": "8.1234",
            "amount": "266.65" }),
        );
        assert_eq!(posted["allocations"].as_array().unwrap().len(), 1, "{posted}");
        assert_eq!(posted["allocations"][0]["exchange"], "266.65", "{posted}");
        is_clean(&session);
        // An old receipt gives back what it took, to the last fen.
        for number in ["SK-2026-000001", "SK-2026-000002"] {
            let old = receipt(&session, json!({ "equal": ["number", number] }), 0);
            call(
                &session,
                "receipt.reverse",
                json!({ "id": old["id"], "version": old["version"], "reason": "退票" }),
            );
            is_clean(&session);
        }
    }
}
