//! Rules of the house that a compiler does not hold.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines of a file that are code of the product: up to its tests, without comments.
fn product_lines(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
    lines
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line.to_owned()))
        .collect()
}

fn find(folder: &str, words: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    sources(&root().join(folder), &mut files);
    let mut found = Vec::new();
    for file in files {
        for (number, line) in product_lines(&file) {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!(
                    "{}:{number}: {}",
                    file.strip_prefix(root()).unwrap().display(),
                    line.trim()
                ));
            }
        }
    }
    found
}

#[test]
fn the_core_knows_no_engine_no_clock_and_no_outside() {
    let words = [
        "rusqlite",
        "postgres",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "SystemTime",
        "Utc::now",
        "Local::now",
        "getrandom",
        "new_v4",
        "now_v7",
        "unsafe ",
        "println!",
        "eprintln!",
    ];
    let found = find("crm-core/src", &words);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let manifest = fs::read_to_string(root().join("crm-core/Cargo.toml")).unwrap();
    for engine in ["rusqlite", "postgres", "arrow", "pyo3", "getrandom", "tokio"] {
        assert!(!manifest.contains(engine), "crm-core depends on {engine}");
    }
}

#[test]
fn money_never_passes_through_floating_point() {
    let found: Vec<String> = ["crm-core/src", "crm/src", "adapters", "crm-ffi/src", "crm-py/src"]
        .iter()
        .flat_map(|folder| find(folder, &["f64", "f32"]))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn adapters_know_no_business_word() {
    let words = ["customer", "contract", "installment", "receipt", "opportunity", "warning"];
    let mut found: Vec<String> = ["adapters/sql/src", "adapters/sqlite/src", "adapters/postgres/src"]
        .iter()
        .flat_map(|folder| find(folder, &words))
        .collect();
    // "contract" is also what a trait is.
    found.retain(|line| !line.contains("_contract_of_the_trait"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn areas_lean_only_on_areas_before_them() {
    let order: Vec<&str> = crm::catalog::AREAS.iter().map(|area| area.name).collect();
    let folder = root().join("crm-core/src/areas");
    let mut wrong = Vec::new();
    for (position, area) in order.iter().enumerate() {
        let mut files = Vec::new();
        sources(&folder.join(area), &mut files);
        for file in files {
            for (number, line) in product_lines(&file) {
                for later in &order[position + 1..] {
                    // The ledger and the access rights are each other's base: who and whose books.
                    let base =
                        ["access", "ledger"].contains(area) && ["ledger", "access", "party"].contains(later);
                    if !base && line.contains(&format!("areas::{later}")) {
                        wrong.push(format!("{}:{number}: {}", file.display(), line.trim()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_area_is_in_the_catalogue_and_has_the_same_rooms() {
    let mut folders: Vec<String> = fs::read_dir(root().join("crm-core/src/areas"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut areas: Vec<&str> = crm::catalog::AREAS.iter().map(|area| area.name).collect();
    areas.sort_unstable();
    assert_eq!(folders, areas);
    for area in areas {
        for room in ["mod", "model", "operations"] {
            let base = root().join("crm-core/src/areas").join(area);
            let there = base.join(format!("{room}.rs")).exists() || base.join(room).exists();
            assert!(there, "area {area} has no {room}");
        }
    }
}
