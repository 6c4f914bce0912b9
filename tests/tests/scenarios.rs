//! Every scenario through Rust.
#![allow(clippy::unwrap_used, clippy::panic)]

use crm_tests::scenario::Scenario;

#[test]
fn every_scenario_goes_as_told() {
    let files = Scenario::files().unwrap();
    let mut failures = Vec::new();
    for file in &files {
        let folder = tempfile::tempdir().unwrap();
        let told = Scenario::read(file).and_then(|scenario| scenario.run(folder.path(), &mut |_| {}));
        match told {
            Ok(()) => println!("ok      {}", file.file_name().unwrap().display()),
            Err(error) => failures.push(format!("{}: {error}", file.display())),
        }
    }
    assert!(!files.is_empty(), "no scenario was found");
    println!("{} scenarios, {} failed", files.len(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
