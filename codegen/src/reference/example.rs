//! Runs an operation's example on a new ledger whose clock stands still and whose ids repeat, so that the answer is the
//! same wherever and whenever it is run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crm::app::CallOptions;
use crm::catalog::Entry;
use crm::kernel::date::Instant;
use crm_tests::scenario::{Saved, new_ledger};
use serde_json::Value;

use crate::Result;

const CLOCK: &str = "2026-03-02T01:00:00Z";

/// The answer to the example, as the operation gives it. Each is run once for all pages.
pub(super) fn answer(entry: &Entry) -> Result<String> {
    static ANSWERS: Mutex<BTreeMap<&str, String>> = Mutex::new(BTreeMap::new());
    let mut answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(answer) = answers.get(entry.name) {
        return Ok(answer.clone());
    }
    let answer = run(entry)?;
    answers.insert(entry.name, answer.clone());
    Ok(answer)
}

fn run(entry: &Entry) -> Result<String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let clock = Instant::parse(CLOCK).map_err(|error| error.to_string())?;
    let (ledger, mut saved) = new_ledger(folder.path(), clock)?;
    let session = ledger.session("admin").map_err(|error| error.to_string())?;
    let call = |saved: &Saved, name: &str, input: &str| {
        let failed =
            |error: &dyn std::fmt::Display| format!("the example of {}: {name}: {error}", entry.name);
        let input: Value = serde_json::from_str(input).map_err(|error| failed(&error))?;
        let input = saved.interpolate(&input).map_err(|error| failed(&error))?;
        session.call(name, &input.to_string(), &CallOptions::default()).map_err(|error| failed(&error))
    };
    for given in entry.example.given {
        let answer = call(&saved, given.call, given.input)?;
        saved.put(given.save, serde_json::from_str(&answer).map_err(|error| error.to_string())?);
    }
    call(&saved, entry.name, entry.example.input)
}

/// Longest array or object that stays on one line, in characters.
const LINE_MAX: usize = 100;

/// JSON laid out for reading, its fields in the order they have: short parts on one line, long ones indented.
pub(super) fn indent(json: &str) -> String {
    let compact = compact(json);
    let mut out = String::with_capacity(compact.len() * 2);
    lay_out(&compact, 0, &mut out);
    out
}

/// Without white space between tokens, except one space behind colons and commas.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for letter in json.chars() {
        if in_text {
            out.push(letter);
            in_text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
        } else if !letter.is_whitespace() {
            out.push(letter);
            in_text = letter == '"';
            if letter == ':' || letter == ',' {
                out.push(' ');
            }
        }
    }
    out
}

fn lay_out(value: &str, depth: usize, out: &mut String) {
    let nested = value.starts_with(['{', '[']) && value.len() > 2;
    if !nested || value.chars().count() <= LINE_MAX {
        out.push_str(value);
        return;
    }
    out.push_str(&value[..1]);
    for (position, part) in parts(&value[1..value.len() - 1]).into_iter().enumerate() {
        out.push_str(if position == 0 { "\n" } else { ",\n" });
        out.push_str(&"  ".repeat(depth + 1));
        match value.starts_with('{').then(|| name_end(part)) {
            Some(end) => {
                out.push_str(&part[..end]);
                lay_out(&part[end..], depth + 1, out);
            }
            None => lay_out(part, depth + 1, out),
        }
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
    out.push_str(&value[value.len() - 1..]);
}

/// The parts between the commas of this level.
fn parts(inside: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut in_text, mut escaped) = (Vec::new(), 0, 0, false, false);
    for (at, letter) in inside.char_indices() {
        if in_text {
            in_text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => in_text = true,
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 2;
            }
            _ => {}
        }
    }
    parts.push(&inside[start..]);
    parts
}

/// Where the value of `"name": value` begins.
fn name_end(part: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in part.char_indices().skip(1) {
        if letter == '"' && !escaped {
            return at + 3;
        }
        escaped = !escaped && letter == '\\';
    }
    part.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_without_being_changed() {
        let long = "长".repeat(110);
        let json = format!(r#"{{"b":"x, {{\"}}","a":[1,{{"t":"{long}"}},[]],"e":{{}}}}"#);
        let expected = format!(
            "{{\n  \"b\": \"x, {{\\\"}}\",\n  \"a\": [\n    1,\n    {{\n      \"t\": \"{long}\"\n    }},\n    []\n  ],\n  \"e\": {{}}\n}}"
        );
        assert_eq!(indent(&json), expected);
        assert_eq!(indent("\"text\""), "\"text\"");
        assert_eq!(indent("{ \"a\" :1 }"), "{\"a\": 1}");
    }
}
