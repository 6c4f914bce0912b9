//! `docs/reference.md` and `docs/reference.zh.md`: every operation, type, dataset and error code, from the catalogue,
//! with examples that have just been run.

mod example;
mod types;
mod words;

use std::fmt::Write;

use crm::catalog::{AREAS, Access, Area, Catalog, Entry};
use crm::store::dataset::Dataset;
use crm::store::engine::Mode;
use crm::store::schema::FieldType;
use serde_json::Value;

use crate::Result;
use types::Types;
use words::Words;

pub use words::Language;

/// The reference page in a language.
///
/// # Errors
/// When an example does not run.
pub fn reference(language: Language) -> Result<String> {
    let words = language.words();
    let catalog = Catalog::shared();
    let mut types = Types::new(words);
    let mut page = String::from(words.title);
    page.push_str(words.introduction);
    let _ = write!(page, "\n## {}\n", words.operations);
    for area in AREAS {
        contents(&mut page, area, language);
    }
    for area in AREAS {
        let _ = write!(page, "\n## {}\n", area_title(area, language));
        for entry in (area.operations)() {
            operation(&mut page, &entry, &mut types, language)?;
        }
    }
    let _ = write!(page, "\n## {}\n\n{}\n", words.types, words.types_about);
    page.push_str(&types.render());
    let _ = write!(page, "\n## {}\n\n{}\n", words.datasets, words.datasets_about);
    for dataset in catalog.datasets() {
        describe_dataset(&mut page, dataset, language);
    }
    errors(&mut page, words);
    Ok(page)
}

fn area_title(area: &Area, language: Language) -> String {
    match language {
        Language::English => format!("{}: {}", area.name, area.zh),
        Language::Chinese => format!("{} {}", area.zh, area.name),
    }
}

fn contents(page: &mut String, area: &Area, language: Language) {
    let _ = write!(page, "\n**{}**\n\n", area_title(area, language));
    for entry in (area.operations)() {
        let summary = language.pick(&entry.summary(), entry.zh).to_owned();
        let _ = writeln!(page, "- [`{}`](#{}) {summary}", entry.name, anchor(entry.name));
    }
}

/// The anchor that GitHub and others give a heading of this name.
fn anchor(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric() || "_-".contains(*letter))
        .collect::<String>()
        .to_lowercase()
}

fn operation(page: &mut String, entry: &Entry, types: &mut Types, language: Language) -> Result<()> {
    let words = language.words();
    let (input, output) = ((entry.input_schema)(), (entry.output_schema)());
    let _ = write!(page, "\n### {}\n\n", entry.name);
    if language == Language::Chinese {
        let _ = write!(page, "{}。", entry.zh);
    }
    let about = input["description"].as_str().unwrap_or_default();
    let _ = write!(page, "{about}\n\n");
    let access = match entry.access {
        Access::Everyone => words.everyone.to_owned(),
        Access::Level(area, level) => format!("`{area}:{}`", level_name(level)),
        Access::Permission(name) => format!("`{name}`"),
    };
    let mode = match entry.mode {
        Mode::Read => words.reads,
        Mode::Write => words.writes,
    };
    let _ = writeln!(page, "- {}{access}{}{mode}", words.permission, words.comma);
    if !entry.errors.is_empty() {
        let codes: Vec<String> = entry.errors.iter().map(|code| format!("`{}`", code.name())).collect();
        let _ = writeln!(page, "- {}{}", words.errors_of, codes.join(words.between));
    }
    let _ = writeln!(page, "- {}{}", words.output, types.output(&output));
    page.push('\n');
    page.push_str(&types.fields(&input));
    let shown = example::answer(entry)?;
    if !entry.example.given.is_empty() {
        let given = entry.example.given.iter();
        let given = given.map(|step| format!("`{}` = [`{}`](#{})", step.save, step.call, anchor(step.call)));
        let _ = write!(page, "{}{}\n\n", words.given, given.collect::<Vec<_>>().join(words.between));
    }
    let request = example::indent(entry.example.input);
    let _ = write!(page, "{}\n\n```json\n{request}\n```\n\n", words.request);
    let _ = write!(page, "{}\n\n```json\n{}\n```\n", words.response, example::indent(&shown));
    Ok(())
}

fn level_name(level: crm::catalog::Level) -> String {
    serde_json::to_value(level).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn describe_dataset(page: &mut String, dataset: &Dataset, language: Language) {
    let words = language.words();
    let _ = write!(
        page,
        "\n### {} ({})\n\n{}\n",
        words.dataset_title(dataset.name),
        dataset.zh,
        words.field_head
    );
    for column in &(dataset.table)().columns {
        let kind = match column.field_type {
            FieldType::Id => match column.references {
                Some(table) => format!("{} → {table}", words.id),
                None => words.id.to_owned(),
            },
            FieldType::Int => words.big.to_owned(),
            FieldType::Small => words.integer.to_owned(),
            FieldType::Bool => words.boolean.to_owned(),
            FieldType::Text => words.text.to_owned(),
            FieldType::Date => words.date.to_owned(),
            FieldType::Instant => words.instant.to_owned(),
            FieldType::Decimal(places) => format!("{} ({places})", words.decimal),
            FieldType::Enum(info) => {
                let values = info.values.iter().map(|value| format!("`{}` {}", value.name, value.zh));
                values.collect::<Vec<_>>().join(words.between)
            }
            FieldType::Tags => words.labels.to_owned(),
            FieldType::Json => words.any.to_owned(),
            FieldType::Bytes => words.bytes.to_owned(),
        };
        let presence = if column.nullable { "" } else { words.yes };
        let _ = writeln!(page, "| `{}` | {kind} | {presence} |", column.name);
    }
    for (name, path) in dataset.fields {
        let _ = writeln!(page, "| `{name}` | = `{path}` | |");
    }
}

fn errors(page: &mut String, words: &Words) {
    let _ = write!(page, "\n## {}\n\n{}\n\n{}\n", words.errors, words.errors_about, words.error_head);
    for code in crm_ffi::codes() {
        let kind = serde_json::to_value(code.kind).unwrap_or(Value::Null);
        let kind = kind.as_str().unwrap_or_default();
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(
            page,
            "| {} | `{}` | {kind} | {} | {} |",
            code.number,
            code.name(),
            cell(code.en),
            cell(code.zh)
        );
    }
}
