//! What an operation is, and its registration.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::{self, CallOptions, Cx, Session, Transaction};
use crate::kernel::error::{self, Code, Error, Result};
use crate::store::engine::{self, Mode};

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Every user of the ledger.
    Everyone,
    /// Users whose roles grant at least this level on the area.
    Level(&'static str, Level),
    /// Users whose roles grant this permission.
    Permission(&'static str),
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Access::Everyone => Ok(()),
            Access::Level(area, level) => write!(f, "{area}:{level}"),
            Access::Permission(name) => f.write_str(name),
        }
    }
}

crate::coded! {
    /// How much a role may do in an area; each level includes the ones before.
    pub enum Level {
        /// See records in scope.
        Read = 1, "read", "查看";
        /// Create and change records in scope.
        Edit = 2, "edit", "编辑";
        /// Also assign, delete and configure.
        Manage = 3, "manage", "管理";
    }
}

/// A step that an example needs before it: the operation, its input, and the name its result is known by.
#[derive(Debug, Clone, Copy)]
pub struct Given {
    /// Name of the result; `${name.field}` in later inputs takes from it.
    pub save: &'static str,
    /// Operation.
    pub call: &'static str,
    /// Input as JSON.
    pub input: &'static str,
}

/// A call that works on a new ledger after the steps in `given`. `${admin}` is the id of the first user.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// What must be there first.
    pub given: &'static [Given],
    /// Input as JSON.
    pub input: &'static str,
}

/// A use case: its fields are the input, its documentation is the summary that every face shows.
///
/// The input type refuses unknown fields (`#[serde(deny_unknown_fields)]`); a test checks that.
pub trait Operation: Serialize + DeserializeOwned + JsonSchema + Clone + 'static {
    /// What it returns.
    type Output: Serialize + DeserializeOwned + JsonSchema + 'static;
    /// `area.verb`; stable.
    const NAME: &'static str;
    /// Chinese label.
    const ZH: &'static str;
    /// Who may call it.
    const ACCESS: Access;
    /// Whether it writes.
    const MODE: Mode;
    /// Codes it raises beside [`COMMON_ERRORS`].
    const ERRORS: &'static [Code];
    /// A call that works.
    const EXAMPLE: Example;
    /// Does it, inside one unit of work.
    ///
    /// # Errors
    /// See [`Operation::ERRORS`].
    fn run(self, cx: &mut Cx<'_>) -> Result<Self::Output>;
}

/// What every operation can raise: a request that cannot be read, a caller who may not, an engine in trouble.
pub const COMMON_ERRORS: &[Code] = &[
    &error::INTERNAL,
    &error::MALFORMED_JSON,
    &error::WRONG_TYPE,
    &error::UNKNOWN_FIELD,
    &error::MISSING_FIELD,
    &error::OUT_OF_RANGE,
    &error::TOO_MANY_DECIMALS,
    &error::NOT_A_DECIMAL,
    &error::UNKNOWN_CURRENCY,
    &error::NOT_A_DATE,
    &error::DATE_OUT_OF_RANGE,
    &error::NOT_ALLOWED,
    &error::NOT_AN_ID,
    &error::INVALID_TEXT,
    &error::TOO_LONG,
    &error::NOT_APPLICABLE,
    &error::UNKNOWN_CALENDAR_YEAR,
    &app::DENIED,
    &app::UNKNOWN_USER,
    &app::KEY_REUSED,
    &engine::BUSY,
    &engine::CONFLICT,
    &engine::STORAGE_FAILED,
    &engine::READ_ONLY,
    &engine::OUTCOME_UNKNOWN,
    &engine::STORAGE_FULL,
    &engine::CANCELLED,
    &engine::CONNECTION_LOST,
];

/// An operation in the catalogue, its types erased.
pub struct Entry {
    /// Name.
    pub name: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether it writes.
    pub mode: Mode,
    /// Codes it raises.
    pub errors: &'static [Code],
    /// A call that works.
    pub example: Example,
    /// JSON Schema of the input.
    pub input_schema: fn() -> Value,
    /// JSON Schema of the output.
    pub output_schema: fn() -> Value,
    pub(crate) call: fn(&Session, &str, &CallOptions) -> Result<String>,
    pub(crate) call_in: fn(&mut Transaction, &str) -> Result<String>,
}

impl Entry {
    /// Registers an operation.
    pub fn of<O: Operation>() -> Entry {
        Entry {
            name: O::NAME,
            zh: O::ZH,
            access: O::ACCESS,
            mode: O::MODE,
            errors: O::ERRORS,
            example: O::EXAMPLE,
            input_schema: || schemars::schema_for!(O).to_value(),
            output_schema: || schemars::schema_for!(O::Output).to_value(),
            call: |session, input, options| to_text(&session.run_with(parse::<O>(input)?, options)?),
            call_in: |transaction, input| to_text(&transaction.run(parse::<O>(input)?)?),
        }
    }

    /// Whether it says that it can raise this code.
    pub fn declares(&self, number: u16) -> bool {
        self.errors.iter().chain(COMMON_ERRORS).any(|code| code.number == number)
    }

    /// The summary: the first paragraph of the input type's documentation.
    pub fn summary(&self) -> String {
        let schema = (self.input_schema)();
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
    }
}

/// Lists operations for [`Area::operations`](super::Area::operations).
#[macro_export]
macro_rules! operations {
    ($($operation:ty),+ $(,)?) => { || vec![$($crate::catalog::Entry::of::<$operation>()),+] };
}

pub(crate) fn to_text<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        Error::new(&error::INTERNAL).with("what", "a result has no JSON form").because(error)
    })
}

/// Reads a request; what is wrong with it is told with the field's path.
///
/// # Errors
/// `MALFORMED_JSON`, `WRONG_TYPE`, `UNKNOWN_FIELD`, `MISSING_FIELD`, `NOT_ALLOWED` and those of the value types.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let error = refusal(error.inner());
        located(if path == "." || path.is_empty() { error } else { error.at(path) })
    })?;
    deserializer.end().map_err(|error| refusal(&error))?;
    Ok(parsed)
}

/// An error about a field that is missing names the field; serde tells where the object is that lacks it.
fn located(error: Error) -> Error {
    if error.code() != &error::MISSING_FIELD {
        return error;
    }
    let name = error.details().find(|(detail, _)| *detail == "name").map(|(_, name)| name.to_owned());
    match (name, error.field().map(str::to_owned)) {
        (Some(name), None) => error.at(name),
        (Some(name), Some(object)) => error.at(format!("{object}.{name}")),
        (None, _) => error,
    }
}

/// Our error for what serde says. The texts are serde's own; a test holds each of them fast.
fn refusal(error: &serde_json::Error) -> Error {
    use serde_json::error::Category;
    let full = error.to_string();
    let text = full.rsplit_once(" at line ").map_or(full.as_str(), |(text, _)| text);
    if matches!(error.classify(), Category::Syntax | Category::Eof) {
        return Error::new(&error::MALFORMED_JSON).with("reason", full);
    }
    if let Some(refused) = crate::kernel::refusal::read(text) {
        return refused;
    }
    let quoted = || text.split('`').nth(1).unwrap_or_default().to_owned();
    if text.starts_with("unknown field") {
        let known: Vec<&str> = text.split('`').skip(3).step_by(2).collect();
        return Error::new(&error::UNKNOWN_FIELD).with("name", quoted()).with("known", known.join(", "));
    }
    if text.starts_with("missing field") {
        return Error::new(&error::MISSING_FIELD).with("name", quoted());
    }
    if text.starts_with("unknown variant") {
        let allowed: Vec<&str> = text.split('`').skip(3).step_by(2).collect();
        return Error::new(&error::NOT_ALLOWED).with("value", quoted()).with("allowed", allowed.join(", "));
    }
    Error::new(&error::WRONG_TYPE).with("reason", text)
}
