//! Pieces of Python text.

use std::collections::BTreeSet;

use serde_json::Value;

/// Widest line of documentation.
const WIDTH: usize = 100;

const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// A field or operation as a Python name: keywords get an underscore behind.
pub(super) fn identifier(name: &str) -> String {
    if is_keyword(name) || name == "self" { format!("{name}_") } else { name.to_owned() }
}

/// `CustomerData` as `customer_data`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for (position, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && position > 0 {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// A text literal.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A value as a Python expression, when it is a plain one.
pub(super) fn literal(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quoted(text)),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) if items.is_empty() => Some("()".to_owned()),
        _ => None,
    }
}

/// A JSON value as Python writes it.
pub(super) fn document(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(document).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let entries = fields.iter().map(|(name, field)| format!("{}: {}", quoted(name), document(field)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        plain => literal(plain).unwrap_or_default(),
    }
}

/// Text broken into lines that fit behind `indent`; later lines get `hanging` more.
pub(super) fn wrapped(text: &str, indent: usize, hanging: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = " ".repeat(if lines.is_empty() { indent } else { indent + hanging });
        let mut empty = true;
        for word in paragraph.split_whitespace() {
            if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent + hanging)));
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        lines.push(if empty { String::new() } else { line });
    }
    lines.join("\n")
}

/// A docstring of whole paragraphs, indented; each paragraph is laid out already or gets wrapped.
pub(super) fn docstring(paragraphs: &[String], indent: usize) -> String {
    let space = " ".repeat(indent);
    let escaped: Vec<String> = paragraphs
        .iter()
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| paragraph.replace('\\', "\\\\").replace("\"\"\"", "'''"))
        .collect();
    let text = escaped.join("\n\n");
    let text = text.trim();
    if text.contains('\n') {
        format!("{space}\"\"\"{text}\n{space}\"\"\"\n")
    } else {
        let end = if text.ends_with('"') { " " } else { "" };
        format!("{space}\"\"\"{text}{end}\"\"\"\n")
    }
}

/// Every word of a text.
pub(super) fn words_of(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect()
}

/// An import of those names of a module that occur among `words`.
pub(super) fn import(words: &BTreeSet<&str>, module: &str, names: &[&str]) -> String {
    let mut used: Vec<&str> = names.iter().copied().filter(|name| words.contains(name)).collect();
    used.sort_unstable();
    let line = format!("from {module} import {}\n", used.join(", "));
    match used.len() {
        0 => String::new(),
        _ if line.len() <= 110 => line,
        _ => format!("from {module} import (\n    {},\n)\n", used.join(",\n    ")),
    }
}
