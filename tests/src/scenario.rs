//! The scenario format and its runner through Rust.
//!
//! A scenario is a list of steps on a new ledger whose clock stands at `clock`. A step either sets the clock or calls an
//! operation. Rules:
//!
//! * `${name.path}` in an input or expectation takes from what an earlier step saved as `name`; path parts are keys or
//!   array positions. A text that is nothing else is replaced by the value of any type, otherwise by its text.
//!   `${admin}` is the id of the first user.
//! * `expect` matches when every key it names matches; arrays have the same length and match one by one; `null` matches
//!   what is null or absent; `"*"` matches anything but null; all else must be equal.
//! * A step without `error` must succeed. With `error` it must fail, and the error must match.
//! * `raw` is sent as it stands in place of `input`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crm::app::{CallOptions, Ledger};
use crm::kernel::date::Instant;
use crm::kernel::error::Locale;
use crm::{ClockOption, OpenOptions};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A story.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it tells.
    pub title: String,
    /// The same in Chinese.
    pub zh: String,
    /// When it begins.
    pub clock: Instant,
    /// What happens.
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// Time passes.
    Clock(ClockStep),
    /// Somebody calls an operation.
    Call(Box<CallStep>),
}

/// Time passes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockStep {
    /// The clock from now on.
    pub clock: Instant,
}

/// Somebody calls an operation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallStep {
    /// The operation.
    pub call: String,
    /// Why, for readers.
    #[serde(default)]
    pub note: Option<String>,
    /// Login of the caller; `admin` when left out.
    #[serde(default, rename = "as")]
    pub caller: Option<String>,
    /// The input; an empty object when left out.
    #[serde(default)]
    pub input: Option<Value>,
    /// A text that is sent in place of the input.
    #[serde(default)]
    pub raw: Option<String>,
    /// The idempotency key.
    #[serde(default)]
    pub key: Option<String>,
    /// The name that the result is known by from here on.
    #[serde(default)]
    pub save: Option<String>,
    /// What the result must match.
    #[serde(default)]
    pub expect: Option<Value>,
    /// What the error must match.
    #[serde(default)]
    pub error: Option<Value>,
}

/// Results by the names they were saved under.
#[derive(Debug, Clone, Default)]
pub struct Saved(BTreeMap<String, Value>);

impl Saved {
    /// Saves a result.
    pub fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    fn look_up(&self, path: &str) -> Result<&Value, String> {
        let mut parts = path.split('.');
        let name = parts.next().unwrap_or_default();
        let mut value = self.0.get(name).ok_or_else(|| format!("nothing was saved as {name}"))?;
        for part in parts {
            let next = match value {
                Value::Array(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
                other => other.get(part),
            };
            value = next.ok_or_else(|| format!("${{{path}}}: there is no {part}"))?;
        }
        Ok(value)
    }

    /// Fills in every `${…}` of a value.
    ///
    /// # Errors
    /// What is missing.
    pub fn interpolate(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => self.interpolate_text(text)?,
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.interpolate(item)).collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, field)| Ok((name.clone(), self.interpolate(field)?)));
                Value::Object(fields.collect::<Result<Map<_, _>, String>>()?)
            }
            other => other.clone(),
        })
    }

    fn interpolate_text(&self, text: &str) -> Result<Value, String> {
        if let Some(path) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
            && !path.contains('}')
        {
            return self.look_up(path).cloned();
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else { break };
            filled.push_str(&rest[..start]);
            match self.look_up(&rest[start + 2..start + length])? {
                Value::String(value) => filled.push_str(value),
                other => filled.push_str(&other.to_string()),
            }
            rest = &rest[start + length + 1..];
        }
        filled.push_str(rest);
        Ok(Value::String(filled))
    }
}

/// Says where `found` does not match `expected`.
///
/// # Errors
/// The path and both values.
pub fn matches(expected: &Value, found: &Value, path: &str) -> Result<(), String> {
    match (expected, found) {
        (Value::String(any), found) if any == "*" => {
            if found.is_null() {
                Err(format!("{path}: a value is expected"))
            } else {
                Ok(())
            }
        }
        (Value::Object(fields), found) => {
            for (name, field) in fields {
                let at = format!("{path}.{name}");
                matches(field, found.get(name).unwrap_or(&Value::Null), &at)?;
            }
            if found.is_object() {
                Ok(())
            } else {
                Err(format!("{path}: an object is expected, found {found}"))
            }
        }
        (Value::Array(items), Value::Array(others)) => {
            if items.len() != others.len() {
                return Err(format!("{path}: {} entries are expected, found {found}", items.len()));
            }
            let mut pairs = items.iter().zip(others).enumerate();
            pairs.try_for_each(|(at, (item, other))| matches(item, other, &format!("{path}.{at}")))
        }
        (expected, found) if expected == found => Ok(()),
        _ => Err(format!("{path}: expected {expected}, found {found}")),
    }
}

/// A ledger for a scenario: new, in `folder`, with a clock that stands at `clock`, and `admin` saved.
///
/// # Errors
/// Those of opening.
pub fn new_ledger(folder: &Path, clock: Instant) -> Result<(Ledger, Saved), String> {
    new_ledger_at(&folder.join("scenario.crm").to_string_lossy(), clock)
}

/// A ledger for a scenario at a URL where there is none yet, of any engine.
///
/// # Errors
/// Those of opening.
pub fn new_ledger_at(url: &str, clock: Instant) -> Result<(Ledger, Saved), String> {
    let options = OpenOptions { clock: ClockOption::Manual(clock), ..OpenOptions::default() };
    let ledger = crm::open(url, &options).map_err(|error| error.to_string())?;
    let mut saved = Saved::default();
    let users = call(&ledger, "admin", "user.list", r#"{"filter": {"equal": ["login", "admin"]}}"#, None)
        .map_err(|error| error.to_string())?;
    saved.put("admin", users["items"][0]["id"].clone());
    Ok((ledger, saved))
}

/// Calls an operation by name; the error is the one that travels.
///
/// # Errors
/// As it travels.
pub fn call(
    ledger: &Ledger,
    login: &str,
    name: &str,
    input: &str,
    key: Option<&str>,
) -> Result<Value, Value> {
    let options = CallOptions { idempotency_key: key.map(str::to_owned) };
    let result = ledger.session(login).and_then(|session| session.call(name, input, &options));
    match result {
        Ok(text) => serde_json::from_str(&text).map_err(|error| json!({ "message": error.to_string() })),
        Err(error) => {
            Err(serde_json::to_value(error.to_wire(Locale::English))
                .unwrap_or_else(|_| json!(error.to_string())))
        }
    }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// Of the file.
    pub fn read(path: &Path) -> Result<Scenario, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Every scenario file of the repository, in order.
    ///
    /// # Errors
    /// Of the folder.
    pub fn files() -> Result<Vec<PathBuf>, String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut files: Vec<PathBuf> =
            entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        Ok(files)
    }

    /// Runs it on a new ledger in `folder`. Every operation that is called is added to `called`.
    ///
    /// # Errors
    /// The first step that does not go as told.
    pub fn run(&self, folder: &Path, called: &mut dyn FnMut(&str)) -> Result<(), String> {
        self.run_at(&folder.join("scenario.crm").to_string_lossy(), called)
    }

    /// Runs it on a new ledger at a URL, of any engine.
    ///
    /// # Errors
    /// The first step that does not go as told.
    pub fn run_at(&self, url: &str, called: &mut dyn FnMut(&str)) -> Result<(), String> {
        let (ledger, mut saved) = new_ledger_at(url, self.clock)?;
        for (position, step) in self.steps.iter().enumerate() {
            let place = |what: &str| format!("{}, step {position} {what}", self.title);
            match step {
                Step::Clock(step) => {
                    ledger.set_clock(step.clock).map_err(|error| place(&error.to_string()))?
                }
                Step::Call(step) => {
                    called(&step.call);
                    step.run(&ledger, &mut saved)
                        .map_err(|error| place(&format!("{}: {error}", step.call)))?;
                }
            }
        }
        Ok(())
    }
}

impl CallStep {
    /// An operation raises only what it says that it can raise.
    fn declared(&self, ledger: &Ledger, error: &Value) -> Result<(), String> {
        let Ok(entry) = ledger.catalog().operation(&self.call) else { return Ok(()) };
        let number = error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or_default();
        if entry.declares(number) {
            Ok(())
        } else {
            Err(format!("raises {error}, which it does not declare"))
        }
    }

    fn run(&self, ledger: &Ledger, saved: &mut Saved) -> Result<(), String> {
        let input = match (&self.raw, &self.input) {
            (Some(raw), _) => raw.clone(),
            (None, Some(input)) => saved.interpolate(input)?.to_string(),
            (None, None) => "{}".to_owned(),
        };
        let caller = self.caller.as_deref().unwrap_or("admin");
        match (call(ledger, caller, &self.call, &input, self.key.as_deref()), &self.error) {
            (Ok(result), None) => {
                if let Some(expected) = &self.expect {
                    matches(&saved.interpolate(expected)?, &result, "result")?;
                }
                if let Some(name) = &self.save {
                    saved.put(name, result);
                }
                Ok(())
            }
            (Err(error), Some(expected)) => {
                matches(&saved.interpolate(expected)?, &error, "error")?;
                self.declared(ledger, &error)
            }
            (Ok(result), Some(expected)) => Err(format!("should fail with {expected}, but gave {result}")),
            (Err(error), None) => Err(format!("failed: {error}")),
        }
    }
}
