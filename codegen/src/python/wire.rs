//! `_wire.py`: how values become JSON and back; straight code for each type, so that a call reflects on nothing.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::HEADER;
use super::model::{Input, Model, Shape, Ty, Variant, Way};
use super::text::{document, identifier, quoted, snake};

/// Whether JSON of this type differs from the Python value.
fn converts(model: &Model, way: Way, ty: &Ty, seen: &mut BTreeSet<String>) -> bool {
    match ty {
        // What travels as text is written by the JSON encoder's hook; whole numbers would pass it as numbers.
        Ty::Decimal | Ty::Big => true,
        Ty::Date | Ty::Instant | Ty::Uuid => way == Way::Out,
        // Lists are read as tuples.
        Ty::List(of) => way == Way::Out || converts(model, way, of, seen),
        Ty::Tuple(items) => way == Way::Out || items.iter().any(|item| converts(model, way, item, seen)),
        Ty::Map(of) | Ty::Optional(of) => converts(model, way, of, seen),
        Ty::Named(name) => {
            let Some(named) = model.named(way, name) else { return false };
            if !seen.insert(name.clone()) {
                return false;
            }
            match &named.shape {
                Shape::Words(_) => false,
                Shape::Object(fields) => {
                    way == Way::Out || fields.iter().any(|field| converts(model, way, &field.ty, seen))
                }
                Shape::Union(variants) => variants.iter().any(|variant| match variant {
                    Variant::Word(_) => false,
                    Variant::Keyed(.., ty) | Variant::Tagged { ty, .. } | Variant::Plain(ty) => {
                        converts(model, way, ty, seen)
                    }
                }),
            }
        }
        Ty::Text | Ty::Int | Ty::Bool | Ty::Any | Ty::Nothing | Ty::Words(_) | Ty::OneOf(_) => false,
    }
}

fn needs(model: &Model, way: Way, ty: &Ty) -> bool {
    converts(model, way, ty, &mut BTreeSet::new())
}

/// Where the functions stand that an expression uses.
#[derive(Clone, Copy)]
pub(super) struct Names {
    /// Before readers of named types.
    pub(super) wire: &'static str,
    /// Before converters of single values.
    pub(super) convert: &'static str,
}

const HERE: Names = Names { wire: "", convert: "" };

/// The expression that reads `from`.
pub(super) fn decoded(model: &Model, names: Names, ty: &Ty, from: &str, depth: usize) -> String {
    if !needs(model, Way::Out, ty) {
        return from.to_owned();
    }
    let name = format!("v{depth}");
    let inner = |ty: &Ty| decoded(model, names, ty, &name, depth + 1);
    match ty {
        Ty::Decimal => format!("Decimal({from})"),
        Ty::Big => format!("int({from})"),
        Ty::Date => format!("{}date({from})", names.convert),
        Ty::Instant => format!("{}instant({from})", names.convert),
        Ty::Uuid => format!("UUID({from})"),
        Ty::List(of) if needs(model, Way::Out, of) => format!("tuple([{} for {name} in {from}])", inner(of)),
        Ty::List(_) => format!("tuple({from})"),
        Ty::Tuple(items) => {
            let items = items.iter().enumerate();
            let items = items.map(|(at, item)| decoded(model, names, item, &format!("{from}[{at}]"), depth));
            format!("({},)", items.collect::<Vec<_>>().join(", "))
        }
        Ty::Map(of) => format!("{{k{depth}: {} for k{depth}, {name} in {from}.items()}}", inner(of)),
        Ty::Optional(of) => format!("None if ({name} := {from}) is None else {}", inner(of)),
        Ty::Named(type_name) => format!("{}{}({from})", names.wire, decoder(type_name)),
        _ => from.to_owned(),
    }
}

/// The function that reads a named type.
pub(super) fn decoder(name: &str) -> String {
    format!("read_{}", snake(name))
}

fn encoder(name: &str) -> String {
    format!("write_{}", snake(name))
}

/// The function that writes a type, when one is needed.
pub(super) fn encode_with(model: &Model, ty: &Ty) -> Option<String> {
    if !needs(model, Way::In, ty) {
        return None;
    }
    match ty {
        Ty::Decimal | Ty::Big => Some("number".to_owned()),
        Ty::List(of) => Some(format!("each({})", encode_with(model, of)?)),
        Ty::Map(of) => Some(format!("each_value({})", encode_with(model, of)?)),
        Ty::Tuple(items) => {
            let items =
                items.iter().map(|item| encode_with(model, item).unwrap_or_else(|| "same".to_owned()));
            Some(format!("each_of({})", items.collect::<Vec<_>>().join(", ")))
        }
        Ty::Optional(of) => encode_with(model, of),
        Ty::Named(name) => Some(encoder(name)),
        _ => None,
    }
}

/// The constant that holds the writer of an operation's field.
pub(super) fn field_encoder(operation: &str, field: &str) -> String {
    format!("{}_{}", operation.replace('.', "_").to_uppercase(), field.to_uppercase())
}

pub(super) fn file(model: &Model) -> String {
    let mut body = String::new();
    for (name, named) in &model.outputs {
        if !needs(model, Way::Out, &Ty::Named(name.clone())) {
            continue;
        }
        let _ = write!(body, "\n\ndef {}(w: Any) -> t.{name}:\n", decoder(name));
        match &named.shape {
            Shape::Words(_) => {}
            Shape::Object(fields) => {
                let _ = writeln!(body, "    return t.{name}(");
                for field in fields {
                    let key = quoted(&field.name);
                    let from = match (&field.default, field.required) {
                        (_, true) => format!("w[{key}]"),
                        (Some(default), false) if !default.is_null() => {
                            format!("w.get({key}, {})", document(default))
                        }
                        _ => format!("w.get({key})"),
                    };
                    // What may be left out is none then, also when it cannot be null.
                    let optional = !field.required
                        && from.ends_with(&format!("get({key})"))
                        && !matches!(field.ty, Ty::Optional(_));
                    let value = if optional && needs(model, Way::Out, &field.ty) {
                        decoded(model, HERE, &Ty::Optional(Box::new(field.ty.clone())), &from, 0)
                    } else {
                        decoded(model, HERE, &field.ty, &from, 0)
                    };
                    let _ = writeln!(body, "        {value},");
                }
                body.push_str("    )\n");
            }
            Shape::Union(variants) => union_decoder(&mut body, model, variants),
        }
    }
    let mut tables = String::new();
    for (name, named) in &model.inputs {
        if !needs(model, Way::In, &Ty::Named(name.clone())) {
            continue;
        }
        let table = encoder(name).to_uppercase();
        let (function, entries) = match &named.shape {
            Shape::Words(_) => continue,
            Shape::Object(fields) => {
                let entries = fields.iter().filter_map(|field| {
                    Some(format!("{}: {}", quoted(&field.name), encode_with(model, &field.ty)?))
                });
                ("fields(value, ".to_owned(), entries.collect::<Vec<_>>())
            }
            Shape::Union(variants) => {
                let tag = variants.iter().find_map(|variant| match variant {
                    Variant::Tagged { field, .. } => Some(field.clone()),
                    _ => None,
                });
                let entries = variants.iter().filter_map(|variant| match variant {
                    Variant::Keyed(key, _, ty) => {
                        Some(format!("{}: {}", quoted(key), encode_with(model, ty)?))
                    }
                    Variant::Tagged { word, ty, .. } => {
                        Some(format!("{}: {}", quoted(word), encode_with(model, ty)?))
                    }
                    _ => None,
                });
                let function = match tag {
                    Some(tag) => format!("tagged(value, {}, ", quoted(&tag)),
                    None => "fields(value, ".to_owned(),
                };
                (function, entries.collect::<Vec<_>>())
            }
        };
        let _ =
            write!(body, "\n\ndef {}(value: Any) -> Any:\n    return {function}{table})\n", encoder(name));
        let line = format!("{table}: Table = {{{}}}", entries.join(", "));
        let _ = if line.len() <= 110 {
            writeln!(tables, "{line}")
        } else {
            writeln!(tables, "{table}: Table = {{\n    {},\n}}", entries.join(",\n    "))
        };
    }
    for method in &model.methods {
        if let Input::Fields(fields) = &method.input {
            for field in fields {
                if let Some(with) = encode_with(model, &field.ty).filter(|with| with.contains('(')) {
                    let name = field_encoder(method.entry.name, &identifier(&field.name));
                    let _ = writeln!(tables, "{name} = {with}");
                }
            }
        }
    }
    let helpers = [("date(", "date"), ("instant(", "instant")];
    let uses = |word: &str| body.contains(word) || tables.contains(word);
    let mut imports: Vec<&str> =
        helpers.iter().filter(|(call, _)| uses(call)).map(|(_, name)| *name).collect();
    for name in ["each", "each_of", "each_value", "fields", "number", "same", "tagged"] {
        let called = uses(&format!("{name}("));
        // These stand in tables, by name; in readers the word is some field's.
        let used = if ["number", "same"].contains(&name) { tables.contains(name) } else { called };
        if used {
            imports.push(name);
        }
    }
    if uses("Table") {
        imports.push("Table");
    }
    imports.sort_unstable_by_key(|name| (name.chars().all(char::is_lowercase), *name));
    let mut out = format!("{HEADER}\"\"\"How values become JSON and back.\"\"\"\n\n");
    if body.contains("Decimal(") {
        out.push_str("from decimal import Decimal\n");
    }
    out.push_str("from typing import Any\nfrom uuid import UUID\n\nfrom crm import _types as t\n");
    if !imports.is_empty() {
        let _ = writeln!(out, "from crm._convert import {}", imports.join(", "));
    }
    out.push_str(&body);
    if !tables.is_empty() {
        out.push_str("\n\n");
        out.push_str(&tables);
    }
    out
}

fn union_decoder(body: &mut String, model: &Model, variants: &[Variant]) {
    // Where any text is a case of its own, the type checker follows by itself.
    let takes_any_text = variants.iter().any(|variant| matches!(variant, Variant::Plain(Ty::Text)));
    let remark = if takes_any_text { "" } else { "  # type: ignore[return-value]" };
    let _ = write!(body, "    if isinstance(w, str):\n        return w{remark}\n");
    for variant in variants {
        match variant {
            Variant::Word(_) | Variant::Plain(_) => {}
            Variant::Keyed(key, _, ty) => {
                let key = quoted(key);
                let value = decoded(model, HERE, ty, &format!("w[{key}]"), 0);
                let _ = write!(body, "    if {key} in w:\n        return {{{key}: {value}}}\n");
            }
            Variant::Tagged { field, word, ty } => {
                let value = decoded(model, HERE, ty, "w", 0);
                let _ = write!(
                    body,
                    "    if w[{}] == {}:\n        return {value}\n",
                    quoted(field),
                    quoted(word)
                );
            }
        }
    }
    body.push_str("    return w  # type: ignore[no-any-return]\n");
}
