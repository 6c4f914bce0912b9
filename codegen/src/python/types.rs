//! `_types.py`: every named type.

use std::fmt::Write;

use crm_core::catalog::Catalog;

use super::HEADER;
use super::model::{Field, Model, Named, Shape, Ty, Variant, Way};
use super::text::{docstring, identifier, import, is_keyword, quoted, words_of, wrapped};

/// The annotation of a type.
pub(super) fn annotation(model: &Model, way: Way, ty: &Ty) -> String {
    let inner = |ty: &Ty| annotation(model, way, ty);
    match (ty, way) {
        (Ty::Text, _) => "str".to_owned(),
        (Ty::Int | Ty::Big, _) => "int".to_owned(),
        (Ty::Bool, _) => "bool".to_owned(),
        (Ty::Decimal, Way::In) => "DecimalLike".to_owned(),
        (Ty::Decimal, Way::Out) => "Decimal".to_owned(),
        (Ty::Date, Way::In) => "DateLike".to_owned(),
        (Ty::Date, Way::Out) => "dt.date".to_owned(),
        (Ty::Instant, Way::In) => "InstantLike".to_owned(),
        (Ty::Instant, Way::Out) => "dt.datetime".to_owned(),
        (Ty::Uuid, Way::In) => "IdLike".to_owned(),
        (Ty::Uuid, Way::Out) => "UUID".to_owned(),
        (Ty::Any, _) => "Any".to_owned(),
        (Ty::Nothing, _) => "None".to_owned(),
        (Ty::List(of), Way::In) => format!("Sequence[{}]", inner(of)),
        (Ty::List(of), Way::Out) => format!("tuple[{}, ...]", inner(of)),
        (Ty::Map(of), _) => format!("Mapping[str, {}]", inner(of)),
        // Callers write these as lists, whose type cannot say what stands where.
        (Ty::Tuple(items), Way::In) => format!("Sequence[{}]", either(items.iter().map(inner))),
        (Ty::Tuple(items), Way::Out) => {
            format!("tuple[{}]", items.iter().map(inner).collect::<Vec<_>>().join(", "))
        }
        (Ty::Optional(of), _) => match &**of {
            Ty::Any => "Any".to_owned(),
            of => format!("{} | None", inner(of)),
        },
        (Ty::Words(words), _) => {
            format!("Literal[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
        }
        (Ty::Named(name), way) => match model.named(way, name).and_then(|named| named.twin.as_ref()) {
            Some(twin) => format!("{name} | {twin}"),
            None => name.clone(),
        },
        (Ty::OneOf(cases), way) => either(cases.iter().flat_map(|case| case_annotations(model, way, case))),
    }
}

/// A text among other forms stands for everything that travels as text.
fn case_annotations(model: &Model, way: Way, case: &Ty) -> Vec<String> {
    let mut all = vec![annotation(model, way, case)];
    if (case, way) == (&Ty::Text, Way::In) {
        all.extend(["Decimal", "dt.date", "dt.datetime", "UUID"].map(str::to_owned));
    }
    all
}

fn either(annotations: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for annotation in annotations {
        if !all.contains(&annotation) {
            all.push(annotation);
        }
    }
    all.join(" | ")
}

pub(super) fn file(model: &Model, catalog: &Catalog) -> String {
    let mut names: Vec<String> = vec!["Dataset".to_owned()];
    let mut body = String::new();
    let mut aliases = Vec::new();
    let datasets: Vec<String> = catalog.datasets().map(|dataset| quoted(dataset.name)).collect();
    let _ = writeln!(body, "Dataset: TypeAlias = Literal[\n    {},\n]", datasets.join(",\n    "));
    let lines = catalog.datasets().map(|dataset| {
        let fields: Vec<String> =
            (dataset.table)().columns.iter().map(|column| column.name.to_owned()).collect();
        let extra = dataset.fields.iter().map(|(name, path)| format!("{name} ({path})"));
        let all = fields.into_iter().chain(extra).collect::<Vec<_>>().join(", ");
        wrapped(&format!("* ``{}`` {}: {all}", dataset.name, dataset.zh), 0, 2)
    });
    let about =
        "What can be queried, with its fields. A dot follows a reference: ``contract.customer.name``."
            .to_owned();
    body.push_str(&docstring(&[about, lines.collect::<Vec<_>>().join("\n")], 0));
    for (name, named) in &model.words {
        if let Shape::Words(words) = &named.shape {
            names.push(name.clone());
            let values: Vec<String> = words.iter().map(|(word, _)| quoted(word)).collect();
            let line = format!("{name}: TypeAlias = Literal[{}]", values.join(", "));
            if line.chars().count() <= 110 {
                let _ = write!(body, "\n{line}\n");
            } else {
                let _ = write!(body, "\n{name}: TypeAlias = Literal[\n    {},\n]\n", values.join(",\n    "));
            }
            let meanings = words.iter().filter(|(_, doc)| !doc.is_empty());
            let meanings: Vec<String> =
                meanings.map(|(word, doc)| wrapped(&format!("* ``{word}``: {doc}"), 0, 2)).collect();
            body.push_str(&docstring(&[wrapped(&named.doc, 0, 0), meanings.join("\n")], 0));
        }
    }
    for (way, types) in [(Way::Out, &model.outputs), (Way::In, &model.inputs)] {
        for (name, named) in types {
            names.push(name.clone());
            named_type(&mut body, model, way, (name, named), &mut names, &mut aliases);
        }
    }
    if !aliases.is_empty() {
        body.push('\n');
        write_aliases(&mut body, aliases);
    }
    let words = words_of(&body);
    let mut out = format!(
        "{HEADER}\"\"\"What operations take and return.\n\n\
         Results are frozen dataclasses; names ending in ``Input`` are dictionaries; closed sets of names are literals.\n\
         \"\"\"\n\n\
         from __future__ import annotations\n\n"
    );
    if words.contains("dt") {
        out.push_str("import datetime as dt\n");
    }
    out.push_str(&import(&words, "collections.abc", &["Mapping", "Sequence"]));
    out.push_str("from dataclasses import dataclass\n");
    out.push_str(&import(&words, "decimal", &["Decimal"]));
    out.push_str(&import(&words, "typing", &["Any", "Literal", "NotRequired", "TypeAlias", "TypedDict"]));
    out.push_str(&import(&words, "uuid", &["UUID"]));
    out.push('\n');
    out.push_str(&import(&words, "crm._inputs", &["DateLike", "DecimalLike", "IdLike", "InstantLike"]));
    out.push('\n');
    names.sort();
    out.push_str("__all__ = [\n");
    for name in names {
        let _ = writeln!(out, "    {},", quoted(&name));
    }
    out.push_str("]\n\n");
    out.push_str(&body);
    out
}

fn named_type(
    out: &mut String,
    model: &Model,
    way: Way,
    (name, named): (&str, &Named),
    names: &mut Vec<String>,
    aliases: &mut Vec<Alias>,
) {
    match (&named.shape, way) {
        (Shape::Words(_), _) => {}
        (Shape::Object(fields), Way::Out) => {
            let _ = write!(out, "\n\n@dataclass(frozen=True, slots=True)\nclass {name}:\n");
            out.push_str(&docstring(&[wrapped(&named.doc, 4, 0)], 4));
            for field in fields {
                let _ =
                    write!(out, "\n    {}: {}\n", identifier(&field.name), annotation(model, way, &field.ty));
                out.push_str(&docstring(&[wrapped(&field.doc, 4, 0)], 4));
            }
        }
        (Shape::Object(fields), Way::In) => dictionary(out, model, way, name, &named.doc, fields),
        (Shape::Union(variants), way) => {
            let words: Vec<String> = variants
                .iter()
                .filter_map(|variant| match variant {
                    Variant::Word(word) => Some(quoted(word)),
                    _ => None,
                })
                .collect();
            let mut cases = Vec::new();
            if !words.is_empty() {
                cases.push(format!("Literal[{}]", words.join(", ")));
            }
            for variant in variants {
                match variant {
                    Variant::Word(_) => {}
                    Variant::Plain(ty) => cases.extend(case_annotations(model, way, ty)),
                    Variant::Tagged { ty, .. } => cases.push(annotation(model, way, ty)),
                    Variant::Keyed(key, doc, ty) => {
                        let case = format!("{}{}", name, super::model::camel(key));
                        let field = Field {
                            name: key.clone(),
                            doc: String::new(),
                            ty: ty.clone(),
                            required: true,
                            default: None,
                        };
                        dictionary(out, model, way, &case, doc, &[field]);
                        names.push(case.clone());
                        cases.push(case);
                    }
                }
            }
            aliases.push(Alias {
                name: name.to_owned(),
                doc: named.doc.clone(),
                cases: either(cases.into_iter()),
            });
        }
    }
}

/// A name for several types.
struct Alias {
    name: String,
    doc: String,
    cases: String,
}

/// Writes the aliases, each behind those that it is made of; Python makes them when the module is read.
fn write_aliases(out: &mut String, mut aliases: Vec<Alias>) {
    while !aliases.is_empty() {
        let waiting: Vec<String> = aliases.iter().map(|alias| alias.name.clone()).collect();
        let ready = |alias: &Alias| {
            let words = words_of(&alias.cases);
            !waiting.iter().any(|name| words.contains(name.as_str()))
        };
        let found = aliases.iter().position(ready);
        let alias = aliases.remove(found.unwrap_or(0));
        // What is directly a part of itself can only be told as a text.
        let quote = if found.is_none() { "\"" } else { "" };
        let cases = if found.is_none() { alias.cases.replace('"', "'") } else { alias.cases };
        let line = format!("{}: TypeAlias = {quote}{cases}{quote}", alias.name);
        if line.chars().count() <= 110 || found.is_none() {
            let _ = write!(out, "\n{line}\n");
        } else {
            let fits = cases.chars().count() + 4 <= 110;
            let cases = if fits { cases } else { cases.replace(" | ", "\n    | ") };
            let _ = write!(out, "\n{}: TypeAlias = (\n    {cases}\n)\n", alias.name);
        }
        out.push_str(&docstring(&[wrapped(&alias.doc, 0, 0)], 0));
    }
}

fn dictionary(out: &mut String, model: &Model, way: Way, name: &str, doc: &str, fields: &[Field]) {
    let annotated = |field: &Field| {
        let mut plain = annotation(model, way, &field.ty);
        // A field of this name says that it holds bytes; the package writes them so.
        if (field.name.as_str(), &field.ty, way) == ("base64", &Ty::Text, Way::In) {
            plain = "bytes | str".to_owned();
        }
        if field.required { plain } else { format!("NotRequired[{plain}]") }
    };
    if fields.iter().any(|field| is_keyword(&field.name)) {
        let _ = write!(out, "\n\n{name} = TypedDict(\n    {},\n    {{\n", quoted(name));
        for field in fields {
            let _ =
                writeln!(out, "        {}: \"{}\",", quoted(&field.name), annotated(field).replace('"', "'"));
        }
        out.push_str("    },\n)\n");
        out.push_str(&docstring(&[wrapped(doc, 0, 0)], 0));
        return;
    }
    let _ = write!(out, "\n\nclass {name}(TypedDict):\n");
    out.push_str(&docstring(&[wrapped(doc, 4, 0)], 4));
    for field in fields {
        let _ = write!(out, "\n    {}: {}\n", field.name, annotated(field));
        if !field.doc.is_empty() {
            out.push_str(&docstring(&[wrapped(&field.doc, 4, 0)], 4));
        }
    }
}
