//! `_operations.py`: a class for each group of operations, a method for each operation.

use std::collections::BTreeMap;
use std::fmt::Write;

use crm_core::catalog::Access;
use crm_core::kernel::error::ErrorKind;
use crm_core::store::engine::Mode;

use super::HEADER;
use super::model::{Field, Input, Method, Model, Ty, Way, camel};
use super::text::{docstring, identifier, import, literal, quoted, words_of, wrapped};
use super::types::annotation;
use super::wire::{Names, decoded, encode_with, field_encoder};

/// Widest line of code.
const WIDTH: usize = 110;
/// Arguments may be called like a function of another module, but not like a module of ours.
const THERE: Names = Names { wire: "_wire.", convert: "_convert." };

/// Written by hand on the session itself.
const BY_HAND: &[&str] = &["query.rows", "query.summary"];
/// Names that a session has for itself.
const TAKEN: &[&str] =
    &["call", "call_json", "transaction", "cancel", "close", "arrow", "query", "summary", "login", "locale"];

/// The exception class for a kind of error.
pub(super) fn exception(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "InvalidError",
        ErrorKind::NotFound => "NotFoundError",
        ErrorKind::Conflict => "ConflictError",
        ErrorKind::State => "StateError",
        ErrorKind::Denied => "DeniedError",
        ErrorKind::Retry => "RetryError",
        ErrorKind::Cancelled => "CancelledError",
        ErrorKind::Storage => "StorageError",
        ErrorKind::Internal => "InternalError",
    }
}

pub(super) fn file(model: &Model) -> String {
    let mut groups: BTreeMap<&str, Vec<&Method>> = BTreeMap::new();
    for method in model.methods.iter().filter(|method| !BY_HAND.contains(&method.entry.name)) {
        groups.entry(&method.group).or_default().push(method);
    }
    let mut body = String::new();
    for (group, methods) in &groups {
        let _ = write!(body, "\n\nclass {}Operations(Group):\n", camel(group));
        body.push_str(&docstring(&[format!("The operations ``{group}.*``.")], 4));
        body.push_str("\n    __slots__ = ()\n");
        for method in methods {
            write_method(&mut body, model, method, false);
            if method.page_of.is_some() && cursor(model, method).is_some() {
                write_method(&mut body, model, method, true);
            }
        }
    }
    body.push_str("\n\nclass Operations(Caller):\n");
    let about =
        "Every operation, by group. A group is made anew each time: one that was kept would keep its caller.";
    body.push_str(&docstring(&[wrapped(about, 4, 0)], 4));
    for group in groups.keys() {
        let name = if TAKEN.contains(group) { format!("{group}_") } else { identifier(group) };
        let _ = write!(
            body,
            "\n    @property\n    def {name}(self) -> {class}Operations:\n        \"\"\"The operations ``{group}.*``.\"\"\"\n        return {class}Operations(self)\n",
            class = camel(group)
        );
    }

    let words = words_of(&body);
    let import = |module: &str, names: &[&str]| import(&words, module, names);
    let mut out = format!(
        "{HEADER}\"\"\"Every operation of the library as a typed method.\"\"\"\n\nfrom __future__ import annotations\n\n"
    );
    if words.contains("dt") {
        out.push_str("import datetime as dt\n");
    }
    out.push_str(&import("collections.abc", &["Iterator", "Mapping", "Sequence"]));
    out.push_str(&import("decimal", &["Decimal"]));
    out.push_str(&import("typing", &["Any", "Literal"]));
    out.push_str(&import("uuid", &["UUID"]));
    out.push('\n');
    out.push_str(&import("crm", &["_convert", "_wire"]));
    out.push_str("from crm._caller import Caller, Group\n");
    out.push_str(&import("crm._inputs", &["DateLike", "DecimalLike", "IdLike", "InstantLike"]));
    out.push_str(&import("crm._page", &["Page"]));
    let names: Vec<&str> = model
        .words
        .keys()
        .chain(model.inputs.keys())
        .chain(model.outputs.keys())
        .map(String::as_str)
        .collect();
    out.push_str(&import("crm._types", &names));
    out.push_str(&body);
    out
}

/// Where the cursor of a list stands: at the top, or inside the field of this name.
fn cursor(model: &Model, method: &Method) -> Option<Option<String>> {
    let Input::Fields(fields) = &method.input else { return None };
    if fields.iter().any(|field| field.name == "cursor") {
        return Some(None);
    }
    let holds_cursor = |ty: &Ty| match ty {
        Ty::Named(name) => match model.named(Way::In, name).map(|named| &named.shape) {
            Some(super::model::Shape::Object(inner)) => inner.iter().any(|field| field.name == "cursor"),
            _ => false,
        },
        _ => false,
    };
    fields.iter().find(|field| holds_cursor(&field.ty)).map(|field| Some(field.name.clone()))
}

struct Parameter {
    declared: String,
    /// Whether none means that the field is not sent.
    omitted: bool,
}

fn parameter(model: &Model, field: &Field) -> Parameter {
    let name = identifier(&field.name);
    let plain = annotation(model, Way::In, &field.ty);
    if field.required {
        return Parameter { declared: format!("{name}: {plain}"), omitted: false };
    }
    if let Some(default) = field.default.as_ref().and_then(literal) {
        return Parameter { declared: format!("{name}: {plain} = {default}"), omitted: false };
    }
    if matches!(field.ty, Ty::Optional(_) | Ty::Any) {
        // An empty answer may mean something else than none.
        return Parameter { declared: format!("{name}: {plain} = None"), omitted: true };
    }
    Parameter { declared: format!("{name}: {plain} | None = None"), omitted: true }
}

fn write_method(out: &mut String, model: &Model, method: &Method, iterate: bool) {
    let entry = method.entry;
    let writes = entry.mode == Mode::Write;
    let cursor = if iterate { cursor(model, method).flatten() } else { None };
    let fields: Vec<Field> = match &method.input {
        Input::Fields(fields) => {
            fields.iter().filter(|field| !(iterate && field.name == "cursor")).cloned().collect()
        }
        Input::Whole(ty) => vec![Field {
            name: "input".to_owned(),
            doc: "What to do.".to_owned(),
            ty: ty.clone(),
            required: true,
            default: None,
        }],
    };
    assert!(
        fields.iter().all(|field| field.name != "idempotency_key"),
        "{} has a field that every call has",
        entry.name
    );
    let verb = match (iterate, method.verb.as_str()) {
        (false, verb) => identifier(verb),
        (true, "list") => "iterate".to_owned(),
        (true, verb) => format!("iterate_{verb}"),
    };
    let result = match (&method.page_of, iterate) {
        (Some(of), false) => format!("Page[{}]", annotation(model, Way::Out, of)),
        (Some(of), true) => format!("Iterator[{}]", annotation(model, Way::Out, of)),
        (None, _) => annotation(model, Way::Out, &method.output),
    };
    let parameters: Vec<Parameter> = fields.iter().map(|field| parameter(model, field)).collect();
    let mut declared = vec!["self".to_owned()];
    // The record itself may be given without its name.
    let first = usize::from(fields.first().is_some_and(|field| field.name == "id" && field.required));
    declared.extend(parameters[..first].iter().map(|parameter| parameter.declared.clone()));
    if parameters.len() > first || writes {
        declared.push("*".to_owned());
    }
    declared.extend(parameters[first..].iter().map(|parameter| parameter.declared.clone()));
    if writes {
        declared.push("idempotency_key: str | None = None".to_owned());
    }
    let line = format!("    def {verb}({}) -> {result}:", declared.join(", "));
    if line.chars().count() <= WIDTH {
        let _ = write!(out, "\n{line}\n");
    } else {
        let _ =
            write!(out, "\n    def {verb}(\n        {},\n    ) -> {result}:\n", declared.join(",\n        "));
    }
    out.push_str(&docstring(&documentation(method, &fields, writes, iterate), 8));

    let mut sent = Vec::new();
    let mut later = String::new();
    for (field, parameter) in fields.iter().zip(&parameters) {
        let name = identifier(&field.name);
        let value = match encode_with(model, &field.ty) {
            Some(with) if with.contains('(') => {
                format!("_wire.{}({name})", field_encoder(entry.name, &name))
            }
            Some(with) if with == "number" => format!("_convert.number({name})"),
            Some(with) => format!("_wire.{with}({name})"),
            None => name.clone(),
        };
        let key = quoted(&field.name);
        if parameter.omitted {
            let _ = write!(later, "        if {name} is not None:\n            _sent[{key}] = {value}\n");
        } else {
            sent.push(format!("{key}: {value}"));
        }
    }
    let input = if matches!(method.input, Input::Whole(_)) {
        let whole = sent.first().and_then(|sent| sent.split_once(": "));
        whole.map(|(_, value)| value.to_owned()).unwrap_or_default()
    } else if later.is_empty() {
        format!("{{{}}}", sent.join(", "))
    } else {
        write_sent(out, &sent);
        out.push_str(&later);
        "_sent".to_owned()
    };
    let inside = cursor.map_or_else(|| "None".to_owned(), |name| quoted(&name));
    let returned = |input: &str| {
        let operation = quoted(entry.name);
        let key = if writes { ", idempotency_key" } else { "" };
        let performed = format!("self._perform({operation}, {input}{key})");
        match (&method.page_of, iterate) {
            (Some(of), false) => {
                format!("        return self._page({operation}, {input}, {}{key})\n", reader(model, of))
            }
            (Some(of), true) => {
                format!("        return self._pages({operation}, {input}, {}, {inside})\n", reader(model, of))
            }
            (None, _) if method.output == Ty::Nothing => format!("        {performed}\n"),
            (None, _) => match decoded(model, THERE, &method.output, &performed, 0) {
                // What is not converted has no type yet.
                same if same == performed => {
                    format!("        _answer: {result} = {performed}\n        return _answer\n")
                }
                read => format!("        return {read}\n"),
            },
        }
    };
    let line = returned(&input);
    if line.lines().any(|line| line.chars().count() > WIDTH) && later.is_empty() {
        write_sent(out, &sent);
        out.push_str(&returned("_sent"));
    } else {
        out.push_str(&line);
    }
}

fn write_sent(out: &mut String, sent: &[String]) {
    let line = format!("        _sent: dict[str, Any] = {{{}}}\n", sent.join(", "));
    if line.chars().count() <= WIDTH {
        out.push_str(&line);
    } else {
        let _ = write!(
            out,
            "        _sent: dict[str, Any] = {{\n            {},\n        }}\n",
            sent.join(",\n            ")
        );
    }
}

/// The function that reads an entry of a page.
fn reader(model: &Model, of: &Ty) -> String {
    match decoded(model, THERE, of, "w", 0) {
        whole if whole == "w" => "_convert.same".to_owned(),
        call if call.starts_with("_wire.") => call.trim_end_matches("(w)").to_owned(),
        other => format!("lambda w: {other}"),
    }
}

fn documentation(method: &Method, fields: &[Field], writes: bool, iterate: bool) -> Vec<String> {
    let entry = method.entry;
    let schema = (entry.input_schema)();
    let description = schema.get("description").and_then(serde_json::Value::as_str).unwrap_or_default();
    let mut paragraphs = Vec::new();
    if iterate {
        paragraphs.push(wrapped(
            &format!("{} One by one, over all pages; ``limit`` is the size of a page.", entry.summary()),
            8,
            0,
        ));
    } else {
        paragraphs.extend(description.split("\n\n").map(|text| wrapped(&text.replace('\n', " "), 8, 0)));
    }
    let needed = match entry.access {
        Access::Everyone => "Everyone may call it.".to_owned(),
        Access::Level(area, level) => format!("Needs ``{level}`` on ``{area}``."),
        Access::Permission(permission) => format!("Needs the permission ``{permission}``."),
    };
    paragraphs.push(format!("        {} (``{}``). {needed}", entry.zh, entry.name));
    let mut arguments: Vec<String> = fields
        .iter()
        .map(|field| {
            wrapped(&format!("{}: {}", identifier(&field.name), field.doc.replace('\n', " ")), 12, 4)
        })
        .collect();
    if writes {
        let doc = "idempotency_key: Names this request: repeated with the same key, the call returns the first result and writes nothing.";
        arguments.push(wrapped(doc, 12, 4));
    }
    if !arguments.is_empty() {
        paragraphs.push(format!("        Args:\n{}", arguments.join("\n")));
    }
    let mut raised: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for code in entry.errors {
        raised.entry(exception(code.kind)).or_default().push(format!("``{}``", code.name()));
    }
    if !raised.is_empty() {
        let lines =
            raised.iter().map(|(class, names)| wrapped(&format!("{class}: {}.", names.join(", ")), 12, 4));
        paragraphs.push(format!("        Raises:\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    paragraphs
}
