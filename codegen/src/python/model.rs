//! What the schemas of the catalogue say, as types of Python.
//!
//! Inputs and outputs are named apart: an output `Term` is a frozen dataclass, the input `TermInput` a dictionary type.
//! Enumerations are shared. Two types of one name but different content get the first part of the operation's name in
//! front; if that does not tell them apart, generation fails, and one of them has to be renamed in Rust.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::catalog::{Catalog, Entry};
use serde_json::{Map, Value};

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ty {
    Text,
    Int,
    /// A whole number that travels as text.
    Big,
    Bool,
    Decimal,
    Date,
    Instant,
    Uuid,
    Any,
    Nothing,
    List(Box<Ty>),
    Map(Box<Ty>),
    Tuple(Vec<Ty>),
    Optional(Box<Ty>),
    /// One of some texts, without a name of its own.
    Words(Vec<String>),
    /// A type of the registry.
    Named(String),
    /// Any of these, told apart by their form.
    OneOf(Vec<Ty>),
}

/// A named type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) doc: String,
    pub(super) shape: Shape,
    /// For an input: whether the output of the same name has the same fields and may be given in its place.
    pub(super) twin: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Names with their meaning.
    Words(Vec<(String, String)>),
    Object(Vec<Field>),
    Union(Vec<Variant>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) ty: Ty,
    pub(super) required: bool,
    pub(super) default: Option<Value>,
}

/// A case of a union.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Variant {
    /// A text that stands alone.
    Word(String),
    /// An object of one key: `{"percent": …}`.
    Keyed(String, String, Ty),
    /// An object that says in a field which case it is.
    Tagged { field: String, word: String, ty: Ty },
    /// Told apart by its form alone.
    Plain(Ty),
}

/// Which way values go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    In,
    Out,
}

/// An operation with its types.
pub(super) struct Method {
    pub(super) entry: &'static Entry,
    pub(super) group: String,
    pub(super) verb: String,
    pub(super) input: Input,
    pub(super) output: Ty,
    /// The type of the entries, when the output is a page.
    pub(super) page_of: Option<Ty>,
}

pub(super) enum Input {
    /// Keyword arguments.
    Fields(Vec<Field>),
    /// One argument.
    Whole(Ty),
}

/// Everything there is to generate.
pub(super) struct Model {
    pub(super) methods: Vec<Method>,
    pub(super) words: BTreeMap<String, Named>,
    pub(super) inputs: BTreeMap<String, Named>,
    pub(super) outputs: BTreeMap<String, Named>,
}

impl Model {
    pub(super) fn named(&self, way: Way, name: &str) -> Option<&Named> {
        let own = match way {
            Way::In => &self.inputs,
            Way::Out => &self.outputs,
        };
        own.get(name).or_else(|| self.words.get(name))
    }
}

/// Names that the package itself uses.
const RESERVED: &[&str] = &["Page", "Ledger", "Session", "Transaction", "Error", "ArrowStream", "Dataset"];

type Contents = BTreeMap<(Way, String), BTreeSet<String>>;

/// Reads the whole catalogue.
pub(super) fn read(catalog: &'static Catalog) -> Model {
    let schemas: Vec<(&'static Entry, Value, Value)> =
        catalog.operations().map(|entry| (entry, (entry.input_schema)(), (entry.output_schema)())).collect();
    let mut contents = Contents::new();
    for (_, input, output) in &schemas {
        gather(input, Way::In, &mut contents);
        gather(output, Way::Out, &mut contents);
    }
    let mut model = Model {
        methods: Vec::new(),
        words: BTreeMap::new(),
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
    };
    for (entry, input, output) in &schemas {
        let (group, verb) = entry.name.split_once('.').unwrap_or(("ledger", entry.name));
        let (group, verb) = (group.to_owned(), verb.replace('.', "_"));
        let mut reader =
            Reader { model: &mut model, contents: &contents, way: Way::In, group: &group, root: input };
        let input_type = reader.input();
        reader.way = Way::Out;
        reader.root = output;
        let (output_type, page_of) = reader.output();
        model.methods.push(Method {
            entry,
            group: group.clone(),
            verb,
            input: input_type,
            output: output_type,
            page_of,
        });
    }
    pair(&mut model);
    model
}

/// Finds the inputs that have an output of the same name and fields.
fn pair(model: &mut Model) {
    let names = |named: &Named| match &named.shape {
        Shape::Object(fields) => Some(fields.iter().map(|field| field.name.clone()).collect::<BTreeSet<_>>()),
        _ => None,
    };
    for (name, input) in &mut model.inputs {
        let plain = name.strip_suffix("Input").unwrap_or(name);
        let twin = model.outputs.get(plain).and_then(names);
        if twin.is_some() && twin == names(input) {
            input.twin = Some(plain.to_owned());
        }
    }
}

fn gather(root: &Value, way: Way, contents: &mut Contents) {
    let defs = root.get("$defs").and_then(Value::as_object);
    for (name, schema) in defs.into_iter().flatten() {
        if is_named(schema) {
            let content = content(schema, defs);
            contents.entry((way, name.clone())).or_default().insert(content);
        }
    }
    if way == Way::Out
        && let (Some(title), true) = (root.get("title").and_then(Value::as_str), is_named(root))
    {
        contents.entry((way, title.to_owned())).or_default().insert(content(root, defs));
    }
}

/// The text by which two schemas are compared: nameless references filled in, titles left out.
fn content(schema: &Value, defs: Option<&Map<String, Value>>) -> String {
    fn plain(schema: &Value, defs: Option<&Map<String, Value>>) -> Value {
        match schema {
            Value::Object(fields) => {
                let target = fields.get("$ref").and_then(Value::as_str).map(definition_name);
                let target = target.and_then(|name| defs?.get(name)).filter(|target| !is_named(target));
                let mut all = Map::new();
                if let Some(Value::Object(target)) = target {
                    for (name, value) in target.iter().filter(|(name, _)| *name != "description") {
                        all.insert(name.clone(), plain(value, defs));
                    }
                }
                for (name, value) in fields {
                    let dropped = ["$defs", "$schema", "title"].contains(&name.as_str())
                        || (name == "$ref" && target.is_some());
                    if !dropped {
                        all.insert(name.clone(), plain(value, defs));
                    }
                }
                Value::Object(all)
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| plain(item, defs)).collect()),
            other => other.clone(),
        }
    }
    plain(schema, defs).to_string()
}

fn definition_name(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// Whether a definition becomes a type with a name in Python.
fn is_named(schema: &Value) -> bool {
    schema.get("properties").is_some()
        || schema.get("oneOf").is_some()
        || schema.get("enum").is_some()
        || (schema.get("anyOf").is_some() && !is_optional(schema))
}

fn is_optional(schema: &Value) -> bool {
    let any = schema.get("anyOf").and_then(Value::as_array);
    any.is_some_and(|any| any.iter().any(is_null))
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

fn text<'v>(schema: &'v Value, name: &str) -> Option<&'v str> {
    schema.get(name).and_then(Value::as_str)
}

fn doc(schema: &Value) -> String {
    text(schema, "description").unwrap_or_default().to_owned()
}

/// `payment_plan` as `PaymentPlan`.
pub(super) fn camel(name: &str) -> String {
    let mut camel = String::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()) {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

struct Reader<'r> {
    model: &'r mut Model,
    contents: &'r Contents,
    way: Way,
    group: &'r str,
    root: &'r Value,
}

impl Reader<'_> {
    fn definition(&self, name: &str) -> Option<&Value> {
        self.root.get("$defs")?.get(name)
    }

    fn input(&mut self) -> Input {
        let mut schema = self.root.clone();
        if let Some(target) = text(&schema, "$ref").and_then(|name| self.definition(definition_name(name))) {
            schema = target.clone();
        }
        if schema.get("oneOf").is_some() || schema.get("anyOf").is_some() {
            return Input::Whole(self.ty(&self.root.clone(), "Input"));
        }
        Input::Fields(self.fields(&schema, "Input"))
    }

    fn output(&mut self) -> (Ty, Option<Ty>) {
        let root = self.root.clone();
        let properties = root.get("properties").and_then(Value::as_object);
        if let Some(properties) = properties
            && properties.len() == 2
            && properties.contains_key("next")
            && let Some(items) = properties.get("items").and_then(|items| items.get("items"))
        {
            let of = self.ty(items, "Item");
            return (Ty::Nothing, Some(of));
        }
        if is_named(&root) {
            let name = text(&root, "title").unwrap_or("Result").to_owned();
            return (self.register(&name, &root), None);
        }
        (self.ty(&root, "Result"), None)
    }

    fn python_name(&self, name: &str, schema: &Value) -> String {
        let is_words = words(schema).is_some();
        let versions = |way| self.contents.get(&(way, name.to_owned())).map_or(0, BTreeSet::len);
        let many = versions(self.way) > 1;
        let qualified = if many || RESERVED.contains(&name) {
            format!("{}{name}", camel(self.group))
        } else {
            name.to_owned()
        };
        match self.way {
            Way::In if !is_words && !qualified.ends_with("Input") => format!("{qualified}Input"),
            _ => qualified,
        }
    }

    fn register(&mut self, name: &str, schema: &Value) -> Ty {
        let python = self.python_name(name, schema);
        let ty = Ty::Named(python.clone());
        if let Some(words) = words(schema) {
            let named = Named { doc: doc(schema), shape: Shape::Words(words), twin: None };
            let before = self.model.words.insert(python.clone(), named.clone());
            assert!(before.is_none_or(|before| before == named), "two enumerations are called {python}");
            return ty;
        }
        let known = match self.way {
            Way::In => &mut self.model.inputs,
            Way::Out => &mut self.model.outputs,
        };
        // A type that is being read refers to itself; one that was read before has the same content.
        if known.contains_key(&python) {
            return ty;
        }
        let empty = Named { doc: doc(schema), shape: Shape::Object(Vec::new()), twin: None };
        known.insert(python.clone(), empty);
        let shape = if schema.get("properties").is_some() {
            Shape::Object(self.fields(schema, &python))
        } else {
            let cases = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array);
            let cases = cases.cloned().unwrap_or_default();
            Shape::Union(cases.iter().flat_map(|case| self.variants(case, &python)).collect())
        };
        let known = match self.way {
            Way::In => &mut self.model.inputs,
            Way::Out => &mut self.model.outputs,
        };
        known.insert(python, Named { doc: doc(schema), shape, twin: None });
        ty
    }

    fn variants(&mut self, case: &Value, union: &str) -> Vec<Variant> {
        if let Some(words) = words(case) {
            return words.into_iter().map(|(word, _)| Variant::Word(word)).collect();
        }
        let properties = case.get("properties").and_then(Value::as_object);
        let Some(properties) = properties else { return vec![Variant::Plain(self.ty(case, union))] };
        let tag = properties.iter().find_map(|(name, field)| Some((name, text(field, "const")?)));
        if let Some((field, word)) = tag {
            let name = format!("{}{}", union.strip_suffix("Input").unwrap_or(union), camel(word));
            let ty = self.register(&name, case);
            return vec![Variant::Tagged { field: field.clone(), word: word.to_owned(), ty }];
        }
        if let (1, Some((key, field))) = (properties.len(), properties.iter().next()) {
            let inner = format!("{union}{}", camel(key));
            return vec![Variant::Keyed(key.clone(), doc(case), self.ty(field, &inner))];
        }
        vec![Variant::Plain(self.register(&format!("{union}Case"), case))]
    }

    /// The fields: required ones as declared, then the others by name.
    fn fields(&mut self, schema: &Value, hint: &str) -> Vec<Field> {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let others = properties.keys().map(String::as_str).filter(|name| !required.contains(name));
        let order = required.iter().copied().chain(others);
        order
            .filter_map(|name| {
                let property = properties.get(name)?;
                Some(Field {
                    name: name.to_owned(),
                    doc: doc(property),
                    ty: self.ty(property, &format!("{hint}{}", camel(name))),
                    required: required.contains(&name),
                    default: property.get("default").cloned(),
                })
            })
            .collect()
    }

    fn ty(&mut self, schema: &Value, hint: &str) -> Ty {
        if let Some(reference) = text(schema, "$ref") {
            let name = definition_name(reference).to_owned();
            let Some(target) = self.definition(&name).cloned() else { return Ty::Any };
            return if is_named(&target) { self.register(&name, &target) } else { self.ty(&target, hint) };
        }
        if let Some(any) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
            let others: Vec<&Value> = any.iter().filter(|case| !is_null(case)).collect();
            let inner = match others[..] {
                [one] => self.ty(one, hint),
                _ => match words(schema) {
                    Some(words) => Ty::Words(words.into_iter().map(|(word, _)| word).collect()),
                    None => Ty::OneOf(others.into_iter().map(|case| self.ty(case, hint)).collect()),
                },
            };
            return if is_optional(schema) { Ty::Optional(Box::new(inner)) } else { inner };
        }
        if let Some(words) = words(schema) {
            return Ty::Words(words.into_iter().map(|(word, _)| word).collect());
        }
        match schema.get("type") {
            Some(Value::String(name)) => self.plain(name, schema, hint),
            Some(Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                match names[..] {
                    [name, "null"] | ["null", name] => Ty::Optional(Box::new(self.plain(name, schema, hint))),
                    _ => Ty::Any,
                }
            }
            _ => Ty::Any,
        }
    }

    fn plain(&mut self, name: &str, schema: &Value, hint: &str) -> Ty {
        match name {
            "string" => match text(schema, "format") {
                Some("decimal") => Ty::Decimal,
                Some("date") => Ty::Date,
                Some("date-time") => Ty::Instant,
                Some("uuid") => Ty::Uuid,
                Some("int64") => Ty::Big,
                _ => Ty::Text,
            },
            "integer" => Ty::Int,
            "boolean" => Ty::Bool,
            "null" => Ty::Nothing,
            "array" => match schema.get("prefixItems").and_then(Value::as_array) {
                Some(items) => Ty::Tuple(items.iter().map(|item| self.ty(item, hint)).collect()),
                None => {
                    let items = schema.get("items").cloned().unwrap_or(Value::Bool(true));
                    Ty::List(Box::new(self.ty(&items, hint)))
                }
            },
            "object" if schema.get("properties").is_some() => self.register(hint, schema),
            "object" => match schema.get("additionalProperties") {
                Some(values) if values.is_object() => Ty::Map(Box::new(self.ty(values, hint))),
                _ => Ty::Map(Box::new(Ty::Any)),
            },
            other => {
                assert!(other != "number", "a floating-point number at {hint} in {}", self.group);
                Ty::Any
            }
        }
    }
}

/// The values of an enumeration with their meaning.
fn words(schema: &Value) -> Option<Vec<(String, String)>> {
    if let Some(word) = text(schema, "const") {
        return Some(vec![(word.to_owned(), doc(schema))]);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let words = values.iter().map(|value| Some((value.as_str()?.to_owned(), String::new())));
        return words.collect();
    }
    let cases = schema.get("oneOf").and_then(Value::as_array)?;
    let cases: Option<Vec<_>> = cases.iter().map(words).collect();
    Some(cases?.into_iter().flatten().collect())
}
