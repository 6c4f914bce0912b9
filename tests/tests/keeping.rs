//! What a ledger keeps of its own accord: the trail to its end, answers for a while, and nothing that cannot be.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use crm::app::{AuditEntry, CHAIN_BROKEN, CallOptions, GROUPS_MAX, Ledger, TOO_MANY_GROUPS};
use crm::areas::access::OrgUnit;
use crm::kernel::date::Instant;
use crm::kernel::error;
use crm::store::cell::Cell;
use crm::store::engine::Mode;
use crm::store::plan::{ColumnRef, Pred};
use crm::store::record::Record;
use crm::{ClockOption, OpenOptions};
use serde_json::Value;

fn options(now: &str) -> OpenOptions {
    OpenOptions { clock: ClockOption::Manual(now.parse().unwrap()), ..OpenOptions::default() }
}

fn entries(ledger: &Ledger) -> crm::kernel::error::Result<Value> {
    let found = ledger.session("admin")?.call("audit.verify", "{}", &CallOptions::default())?;
    Ok(serde_json::from_str(&found).unwrap())
}

#[test]
fn entries_cut_off_the_end_of_the_trail_are_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.crm");
    let ledger = crm::open(path.to_str().unwrap(), &options("2026-03-02T01:00:00Z")).unwrap();
    let session = ledger.session("admin").unwrap();
    let create = |name: &str| {
        session.call("unit.create", &format!(r#"{{"name": "{name}"}}"#), &CallOptions::default())
    };
    for name in ["a", "b", "c"] {
        create(name).unwrap();
    }
    assert_eq!(entries(&ledger).unwrap(), "3");
    let mut tx = ledger.store().begin(Mode::Write).unwrap();
    let last = Pred::equal(ColumnRef::base(AuditEntry::C.seq.position()), Cell::Int(3));
    assert_eq!(tx.delete(AuditEntry::table(), &last).unwrap(), 1);
    tx.commit().unwrap();
    let error = entries(&ledger).unwrap_err();
    assert_eq!(error.code(), &CHAIN_BROKEN);
    assert!(error.details().any(|detail| detail == ("entry", "3")), "{error:?}");
    // Nothing is written behind the gap.
    assert_eq!(create("d").unwrap_err().code(), &CHAIN_BROKEN);
}

#[test]
fn answers_are_kept_for_ninety_days() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.crm");
    let ledger = crm::open(path.to_str().unwrap(), &options("2026-01-01T00:00:00Z")).unwrap();
    let session = ledger.session("admin").unwrap();
    let create = |key: &str| {
        let options = CallOptions { idempotency_key: Some(key.to_owned()) };
        session.call("product.create", r#"{"name": "x"}"#, &options).unwrap()
    };
    let at = |now: &str| ledger.set_clock(now.parse::<Instant>().unwrap()).unwrap();
    let first = create("1");
    at("2026-04-01T00:00:00Z");
    create("2");
    assert_eq!(create("1"), first);
    at("2026-04-01T00:00:01Z");
    create("3");
    assert_ne!(create("1"), first);
}

#[test]
fn a_summary_has_a_bounded_number_of_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.crm");
    let ledger = crm::open(path.to_str().unwrap(), &options("2026-03-02T01:00:00Z")).unwrap();
    let session = ledger.session("admin").unwrap();
    let made = session.call("unit.create", r#"{"name": "0"}"#, &CallOptions::default()).unwrap();
    let made: Value = serde_json::from_str(&made).unwrap();
    let first = ledger.ids().key(made["id"].as_str().unwrap().parse().unwrap()).unwrap();
    let (table, c) = (OrgUnit::table(), OrgUnit::C);
    let mut tx = ledger.store().begin(Mode::Write).unwrap();
    let row = tx.get(table, &[Cell::Int(first)]).unwrap().unwrap();
    let more: Vec<_> = (1..=GROUPS_MAX as i64)
        .map(|after| {
            let mut row = row.clone();
            row[c.id.position()] = Cell::Int(first + after);
            row[c.name.position()] = Cell::Text(after.to_string());
            row
        })
        .collect();
    tx.insert(table, &more).unwrap();
    tx.commit().unwrap();
    let count = |filter: &str| {
        let input = format!(
            r#"{{"dataset": "org_unit", "group_by": [{{"field": "name"}}], "measures": [{{"count": "all"}}], "filter": {filter}}}"#
        );
        session.call("query.summary", &input, &CallOptions::default())
    };
    assert_eq!(count("null").unwrap_err().code(), &TOO_MANY_GROUPS);
    let counted: Value =
        serde_json::from_str(&count(r#"{"not": {"equal": ["name", "0"]}}"#).unwrap()).unwrap();
    assert_eq!(counted.as_array().unwrap().len(), GROUPS_MAX);
}

#[test]
fn a_new_ledger_has_a_time_zone_and_a_first_user() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.crm");
    for (offset, admin, code, field) in [
        (28_800, "admin", &error::OUT_OF_RANGE, "utc_offset_minutes"),
        (-1_081, "admin", &error::OUT_OF_RANGE, "utc_offset_minutes"),
        (480, "", &error::EMPTY, "admin"),
        (480, " ", &error::EMPTY, "admin"),
    ] {
        let options =
            OpenOptions { utc_offset_minutes: offset, admin: admin.to_owned(), ..OpenOptions::default() };
        let error = crm::open(path.to_str().unwrap(), &options).err().unwrap();
        assert_eq!((error.code(), error.field()), (code, Some(field)), "{offset} {admin:?}");
    }
    let options = OpenOptions { admin: " boss ".to_owned(), ..OpenOptions::default() };
    crm::open(path.to_str().unwrap(), &options).unwrap().session("boss").unwrap();
}
