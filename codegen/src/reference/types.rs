//! JSON Schemas told to people: as words in tables, and as a list of the types that have names.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::anchor;
use super::words::Words;

/// The named types met so far.
pub(super) struct Types {
    words: &'static Words,
    /// Schema and definitions by name.
    met: BTreeMap<String, (Value, Value)>,
}

impl Types {
    pub(super) fn new(words: &'static Words) -> Types {
        Types { words, met: BTreeMap::new() }
    }

    /// The result of an operation, in words.
    pub(super) fn output(&mut self, schema: &Value) -> String {
        let definitions = &schema["$defs"];
        let title = schema["title"].as_str().unwrap_or_default();
        let properties = &schema["properties"];
        if properties.get("next").is_some() && properties.get("items").is_some() {
            let items = self.words_of(&properties["items"]["items"], definitions);
            return format!("{}{items}", self.words.page_of);
        }
        if is_named(schema) && !title.is_empty() {
            return self.link(title, schema, definitions);
        }
        self.words_of(schema, definitions)
    }

    /// The table of an object's fields; what it takes in other words when it is no object.
    pub(super) fn fields(&mut self, schema: &Value) -> String {
        self.fields_of(schema, &schema["$defs"])
    }

    fn fields_of(&mut self, schema: &Value, definitions: &Value) -> String {
        let object = resolve(schema, definitions);
        let Some(properties) = object["properties"].as_object().filter(|properties| !properties.is_empty())
        else {
            let nothing = object["type"] == "object"
                && object.get("additionalProperties").is_none_or(|more| *more == false);
            let taken = if nothing { "{}".to_owned() } else { self.words_of(object, definitions) };
            return format!("{}{taken}\n\n", self.words.input);
        };
        let mut table = format!("{}\n", self.words.input_head);
        let required: Vec<&str> =
            object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        // What is required comes first.
        let (needed, others): (Vec<_>, Vec<_>) =
            properties.iter().partition(|(name, _)| required.contains(&name.as_str()));
        for (name, property) in needed.iter().chain(&others) {
            let kind = self.words_of(property, definitions);
            let need = if required.contains(&name.as_str()) { self.words.yes } else { "" };
            let meaning = property["description"].as_str().unwrap_or_default();
            let usual = match &property["default"] {
                Value::Null => String::new(),
                Value::Array(items) if items.is_empty() => String::new(),
                Value::String(text) if text.is_empty() => String::new(),
                usual => format!(" {}`{usual}`", self.words.usually),
            };
            let _ = writeln!(table, "| `{name}` | {kind} | {need} | {}{usual} |", cell(meaning));
        }
        table.push('\n');
        table
    }

    fn link(&mut self, name: &str, schema: &Value, definitions: &Value) -> String {
        let mut kept = schema.clone();
        if let Some(kept) = kept.as_object_mut() {
            kept.retain(|key, _| !["$schema", "title", "$defs"].contains(&key.as_str()));
        }
        // Two types of one name are told apart by a number.
        let mut distinct = name.to_owned();
        let mut number = 1;
        while self.met.get(&distinct).is_some_and(|(met, _)| *met != kept) {
            number += 1;
            distinct = format!("{name} {number}");
        }
        let link = format!("[{distinct}](#{})", anchor(&distinct));
        self.met.entry(distinct).or_insert_with(|| (kept, definitions.clone()));
        link
    }

    fn words_of(&mut self, schema: &Value, definitions: &Value) -> String {
        let words = self.words;
        if let Some(path) = schema["$ref"].as_str() {
            let name = path.rsplit('/').next().unwrap_or_default();
            let target = &definitions[name];
            return if is_named(target) {
                self.link(name, target, definitions)
            } else {
                self.words_of(target, definitions)
            };
        }
        if let Some(value) = schema.get("const") {
            return format!("`{value}`");
        }
        for key in ["oneOf", "anyOf", "allOf", "enum"] {
            if let Some(choices) = schema[key].as_array() {
                let choices: Vec<String> = if key == "enum" {
                    choices.iter().map(|value| format!("`{value}`")).collect()
                } else {
                    choices.iter().map(|choice| self.words_of(choice, definitions)).collect()
                };
                return choices.join(words.or);
            }
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => return words.any.to_owned(),
        };
        let kinds: Vec<String> = kinds.into_iter().map(|kind| self.kind(kind, schema, definitions)).collect();
        kinds.join(words.or)
    }

    fn kind(&mut self, kind: &str, schema: &Value, definitions: &Value) -> String {
        let words = self.words;
        match kind {
            "null" => "null".to_owned(),
            "boolean" => words.boolean.to_owned(),
            "integer" | "number" => words.integer.to_owned(),
            "string" => match (schema["format"].as_str(), schema["pattern"].as_str()) {
                (Some("uuid"), _) => words.id.to_owned(),
                (Some("date"), _) => words.date.to_owned(),
                (Some("date-time"), _) => words.instant.to_owned(),
                (_, Some(pattern)) if pattern.contains("\\.") => words.decimal.to_owned(),
                (_, Some("^-?[0-9]+$")) => words.big.to_owned(),
                _ => words.text.to_owned(),
            },
            "array" => match schema["prefixItems"].as_array() {
                Some(items) => {
                    let items: Vec<String> =
                        items.iter().map(|item| self.words_of(item, definitions)).collect();
                    format!("[{}]", items.join(words.between))
                }
                None => format!("{}{}", words.list_of, self.words_of(&schema["items"], definitions)),
            },
            _ => match schema["properties"].as_object() {
                Some(properties) => {
                    let fields = properties.iter();
                    let fields = fields
                        .map(|(name, field)| format!("`{name}`: {}", self.words_of(field, definitions)));
                    format!("{{{}}}", fields.collect::<Vec<_>>().join(words.between))
                }
                None => match schema.get("additionalProperties") {
                    Some(values @ Value::Object(_)) => {
                        format!("{}{}", words.map_of, self.words_of(values, definitions))
                    }
                    _ => words.any.to_owned(),
                },
            },
        }
    }

    /// The named types, by name; those that only they lead to are found on the way.
    pub(super) fn render(mut self) -> String {
        let mut rendered: BTreeMap<String, String> = BTreeMap::new();
        while let Some(name) = self.met.keys().find(|name| !rendered.contains_key(*name)).cloned() {
            let (schema, definitions) = self.met[&name].clone();
            let text = self.named(&schema, &definitions);
            rendered.insert(name, text);
        }
        rendered.into_iter().map(|(name, text)| format!("\n### {name}\n\n{text}")).collect()
    }

    fn named(&mut self, schema: &Value, definitions: &Value) -> String {
        let mut text = String::new();
        if let Some(about) = schema["description"].as_str() {
            let _ = write!(text, "{about}\n\n");
        }
        if schema.get("properties").is_some() {
            text.push_str(self.fields_of(schema, definitions).trim_end());
            text.push('\n');
            return text;
        }
        for key in ["oneOf", "anyOf"] {
            for choice in schema[key].as_array().into_iter().flatten() {
                let about = choice["description"].as_str().unwrap_or_default().replace('\n', " ");
                let _ = writeln!(text, "- {} {about}", self.words_of(choice, definitions));
            }
        }
        text
    }
}

/// Whether a type is worth a name: objects with fields, and choices.
fn is_named(schema: &Value) -> bool {
    let has = |name: &str| schema[name].as_object().is_some_and(|fields| !fields.is_empty());
    has("properties") || schema.get("oneOf").is_some() || schema.get("anyOf").is_some()
}

fn resolve<'s>(schema: &'s Value, definitions: &'s Value) -> &'s Value {
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    name.map_or(schema, |name| &definitions[name])
}

/// A text as it stands in a table.
fn cell(text: &str) -> String {
    text.replace("\n\n", "<br>").replace('\n', " ").replace('|', "\\|")
}
