//! Eight sessions in four processes on each engine: what they leave is what some order of their calls would have left.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use crm_postgres_server::Server;
use crm_tests::writers::{Crowd, run};

const CROWD: Crowd = Crowd { processes: 4, sessions: 2, time: Duration::from_secs(3) };

fn told(engine: &str, url: &str) {
    let tally = run(Path::new(env!("CARGO_BIN_EXE_writers")), url, CROWD).unwrap();
    println!(
        "{engine}: {} calls, {} too late, {} tried again, p50 {} µs, p99 {} µs",
        tally.calls,
        tally.too_late,
        tally.retries,
        tally.micros_at(500),
        tally.micros_at(990)
    );
    assert!(tally.violations.is_empty(), "{:?}", tally.violations);
    assert!(tally.products > 0 && tally.updates > 0 && tally.settled > 0 && tally.issued > 0);
}

#[test]
fn writers_of_several_processes_break_no_rule() {
    let folder = tempfile::tempdir().unwrap();
    told("sqlite", &folder.path().join("writers.crm").to_string_lossy());
}

#[test]
fn writers_of_several_processes_break_no_rule_on_postgres() {
    let server = Server::shared().unwrap_or_else(|error| panic!("{error}"));
    told("postgres", &server.url(&server.new_schema()));
}
