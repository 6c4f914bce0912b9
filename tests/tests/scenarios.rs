//! Every scenario through Rust, on every engine.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use crm_postgres_server::Server;
use crm_tests::scenario::Scenario;

/// Runs every scenario on a ledger at the URL that `place` names for it.
fn all_go_as_told(engine: &str, mut place: impl FnMut(&Path) -> String) {
    let files = Scenario::files().unwrap();
    let mut failures = Vec::new();
    for file in &files {
        let url = place(file);
        let told = Scenario::read(file).and_then(|scenario| scenario.run_at(&url, &mut |_| {}));
        match told {
            Ok(()) => println!("ok      {}", file.file_name().unwrap().display()),
            Err(error) => failures.push(format!("{}: {error}", file.display())),
        }
    }
    assert!(!files.is_empty(), "no scenario was found");
    println!("Rust on {engine}: {} of {} scenarios go as told", files.len() - failures.len(), files.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_scenario_goes_as_told() {
    let folder = tempfile::tempdir().unwrap();
    all_go_as_told("sqlite", |file| {
        folder.path().join(file.file_stem().unwrap()).with_extension("crm").to_string_lossy().into_owned()
    });
}

#[test]
fn every_scenario_goes_as_told_on_postgres() {
    let server = Server::shared().unwrap_or_else(|error| panic!("{error}"));
    all_go_as_told("postgres", |_| server.url(&server.new_schema()));
}
