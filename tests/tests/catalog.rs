//! What must hold of every operation in the catalogue.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;

use crm::catalog::{AREAS, Access, Catalog, Entry};
use crm::kernel::date::Instant;
use crm_tests::scenario::{call, new_ledger};
use serde_json::Value;

fn run_example(entry: &Entry) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let clock = Instant::parse("2026-03-02T01:00:00Z").unwrap();
    let (ledger, mut saved) = new_ledger(folder.path(), clock)?;
    let fill = |saved: &crm_tests::scenario::Saved, input: &str| -> Result<String, String> {
        let input: Value = serde_json::from_str(input).map_err(|error| format!("{input}: {error}"))?;
        Ok(saved.interpolate(&input)?.to_string())
    };
    for given in entry.example.given {
        let input = fill(&saved, given.input)?;
        let result = call(&ledger, "admin", given.call, &input, None)
            .map_err(|error| format!("{}: {error}", given.call))?;
        saved.put(given.save, result);
    }
    let input = fill(&saved, entry.example.input)?;
    call(&ledger, "admin", entry.name, &input, None).map_err(|error| error.to_string())
}

#[test]
fn every_example_runs() {
    let catalog = Catalog::shared();
    let failures: Vec<String> = catalog
        .operations()
        .filter_map(|entry| run_example(entry).err().map(|error| format!("{}: {error}", entry.name)))
        .collect();
    println!("{} examples, {} failed", catalog.operations().count(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_operation_is_documented_and_belongs_to_known_rights() {
    let catalog = Catalog::shared();
    let permissions: Vec<&str> =
        AREAS.iter().flat_map(|area| area.permissions).map(|(name, ..)| *name).collect();
    for entry in catalog.operations() {
        assert!(entry.summary().len() > 10, "{} has no summary", entry.name);
        assert!(!entry.zh.is_empty(), "{} has no Chinese label", entry.name);
        match entry.access {
            Access::Everyone => {}
            Access::Level(area, _) => {
                assert!(AREAS.iter().any(|known| known.name == area), "{}: area {area}", entry.name)
            }
            Access::Permission(name) => {
                assert!(permissions.contains(&name), "{}: permission {name}", entry.name)
            }
        }
    }
    let registered: usize = AREAS.iter().map(|area| (area.operations)().len()).sum();
    assert_eq!(registered, catalog.operations().count(), "two operations have one name");
}

/// Every object in an input schema closes itself against unknown fields.
fn open_objects(schema: &Value, path: &str, found: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            let is_object = fields.get("properties").is_some();
            if is_object && fields.get("additionalProperties") != Some(&Value::Bool(false)) {
                found.push(path.to_owned());
            }
            for (name, inner) in fields {
                open_objects(inner, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| open_objects(item, path, found)),
        _ => {}
    }
}

#[test]
fn inputs_refuse_unknown_fields() {
    for entry in Catalog::shared().operations() {
        let mut found = Vec::new();
        open_objects(&(entry.input_schema)(), entry.name, &mut found);
        // An enumeration whose values carry content is closed by its own name.
        found.retain(|path| !path.contains("oneOf") && !path.contains("anyOf"));
        assert!(found.is_empty(), "{found:?} take unknown fields");
    }
}

#[test]
fn error_codes_are_unique_and_worded_in_both_languages() {
    let (mut numbers, mut names) = (BTreeMap::new(), BTreeMap::new());
    for code in Catalog::shared().codes() {
        assert_eq!(numbers.insert(code.number, code.ident), None, "number {} twice", code.number);
        assert_eq!(names.insert(code.ident, code.number), None, "name {} twice", code.ident);
        let holes = |text: &str| {
            let mut holes: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split('}').next())
                .map(str::to_owned)
                .collect();
            holes.sort();
            holes
        };
        assert_eq!(holes(code.en), holes(code.zh), "{} fills different holes", code.ident);
        assert!(
            code.zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)),
            "{} has no Chinese",
            code.ident
        );
    }
    let known = Catalog::shared().codes();
    for entry in Catalog::shared().operations() {
        for code in entry.errors {
            assert!(known.contains(code), "{} raises {} which no area lists", entry.name, code.ident);
        }
    }
}

#[test]
fn the_schema_is_whole() {
    let catalog = Catalog::shared();
    let (mut tables, mut indexes) = (Vec::new(), Vec::new());
    for table in &catalog.schema().tables {
        assert!(!tables.contains(&table.name), "table {} twice", table.name);
        for column in &table.columns {
            if let Some(target) = column.references {
                let known = target == table.name || tables.contains(&target);
                assert!(
                    known,
                    "{}.{} refers to {target}, which does not stand before it",
                    table.name, column.name
                );
            }
            assert!(column.since <= catalog.schema().version);
        }
        for index in &table.indexes {
            assert!(!indexes.contains(&index.name), "index {} twice", index.name);
            indexes.push(index.name);
        }
        tables.push(table.name);
    }
}
