//! The catalogue as a JSON document: what the faces other than Rust are generated from, and what a host can read at
//! run time to build menus, forms and field choosers.

use serde_json::{Value, json};

use super::{AREAS, Access, Area, Catalog, Entry};
use crate::kernel::error::CodeInfo;
use crate::store::dataset::Dataset;
use crate::store::engine::Mode;
use crate::store::schema::{Column, FieldType};

impl Catalog {
    /// Areas, operations with their schemas and examples, datasets with their fields, permissions and error codes.
    pub fn describe(&self) -> Value {
        let codes: Vec<Value> = self.codes().into_iter().map(describe_code).collect();
        json!({
            "schema_version": super::SCHEMA_VERSION,
            "areas": AREAS.iter().map(|area| describe_area(area)).collect::<Vec<_>>(),
            "operations": self.operations().map(describe_operation).collect::<Vec<_>>(),
            "datasets": self.datasets().map(describe_dataset).collect::<Vec<_>>(),
            "errors": codes,
        })
    }
}

fn describe_area(area: &Area) -> Value {
    let permissions = area.permissions.iter();
    let permissions: Vec<Value> =
        permissions.map(|(name, en, zh)| json!({ "name": name, "summary": en, "zh": zh })).collect();
    json!({ "name": area.name, "zh": area.zh, "permissions": permissions })
}

/// The area that registers an operation.
pub fn area_of(operation: &str) -> Option<&'static Area> {
    AREAS.iter().copied().find(|area| (area.operations)().iter().any(|entry| entry.name == operation))
}

fn describe_operation(entry: &Entry) -> Value {
    let given = entry.example.given.iter();
    let given: Vec<Value> = given
        .map(|given| json!({ "save": given.save, "call": given.call, "input": parsed(given.input) }))
        .collect();
    json!({
        "name": entry.name,
        "area": area_of(entry.name).map(|area| area.name),
        "summary": entry.summary(),
        "zh": entry.zh,
        "access": match entry.access {
            Access::Everyone => json!({ "kind": "everyone" }),
            Access::Level(area, level) => json!({ "kind": "level", "area": area, "level": level }),
            Access::Permission(name) => json!({ "kind": "permission", "permission": name }),
        },
        "mode": match entry.mode { Mode::Read => "read", Mode::Write => "write" },
        "errors": entry.errors.iter().map(|code| code.name()).collect::<Vec<_>>(),
        "input": (entry.input_schema)(),
        "output": (entry.output_schema)(),
        "example": { "given": given, "input": parsed(entry.example.input) },
    })
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or(Value::Null)
}

/// An error code: number, name, kind and both messages.
pub fn describe_code(code: &CodeInfo) -> Value {
    json!({ "code": code.number, "name": code.name(), "kind": code.kind, "en": code.en, "zh": code.zh })
}

fn describe_dataset(dataset: &Dataset) -> Value {
    let table = (dataset.table)();
    let own: Vec<Value> = table.columns.iter().map(describe_column).collect();
    let extra = dataset.fields.iter();
    let extra: Vec<Value> = extra.map(|(name, path)| json!({ "name": name, "path": path })).collect();
    json!({ "name": dataset.name, "zh": dataset.zh, "fields": own, "paths": extra })
}

fn describe_column(column: &Column) -> Value {
    let mut described = json!({ "name": column.name, "nullable": column.nullable });
    let (name, more) = match column.field_type {
        FieldType::Id => ("id", column.references.map(|table| ("references", json!(table)))),
        FieldType::Int => ("integer", None),
        FieldType::Small => ("small_integer", None),
        FieldType::Bool => ("boolean", None),
        FieldType::Text => ("text", None),
        FieldType::Date => ("date", None),
        FieldType::Instant => ("instant", None),
        FieldType::Decimal(places) => ("decimal", Some(("places", json!(places)))),
        FieldType::Enum(info) => {
            let values = info.values.iter();
            let values: Vec<Value> =
                values.map(|value| json!({ "name": value.name, "zh": value.zh })).collect();
            ("enum", Some(("values", json!(values))))
        }
        FieldType::Tags => ("labels", None),
        FieldType::Json => ("document", None),
        FieldType::Bytes => ("bytes", None),
    };
    described["type"] = json!(name);
    if let Some((key, value)) = more {
        described[key] = value;
    }
    described
}
