//! One error type for the whole library.
//!
//! An error is a *code* (a stable number and name, never reused), the *field* of the request it concerns, the *details*
//! that fill its message, and for faults below us the technical *source*, which is for logs and never for a user.
//! Each area declares its own codes with [`codes!`](crate::codes); the catalogue collects them, and a test proves that no number or
//! name occurs twice. Messages are written for the person who has to act, in English and Chinese.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Result of every fallible function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an error; the C ABI's status values and the Python exception classes follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request itself is wrong; correct it.
    Invalid,
    /// What the request names does not exist, or is outside the caller's scope.
    NotFound,
    /// The request collides with what is stored: a duplicate, a stale version.
    Conflict,
    /// The record is in a state that does not allow this.
    State,
    /// The caller lacks a permission.
    Denied,
    /// Passing trouble: the same call may succeed later.
    Retry,
    /// The caller cancelled the call.
    Cancelled,
    /// The store cannot be used: not a ledger, read-only, newer version, disk full.
    Storage,
    /// A defect of this library.
    Internal,
}

/// A stable error code. Compare codes with `==`; they are equal when their numbers are.
#[derive(Debug)]
pub struct CodeInfo {
    /// Stable number, never reused.
    pub number: u16,
    /// The identifier it is declared under, in capitals; [`CodeInfo::name`] is what travels.
    pub ident: &'static str,
    /// What a caller can do about it.
    pub kind: ErrorKind,
    /// English message; `{name}` is filled from the details.
    pub en: &'static str,
    /// Chinese message; `{name}` is filled from the details.
    pub zh: &'static str,
}

/// A reference to a declared code.
pub type Code = &'static CodeInfo;

impl PartialEq for CodeInfo {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for CodeInfo {}

/// Declares error codes of one area: `NAME = number, Kind, "English", "中文";`, and a slice `ALL` of them.
#[macro_export]
macro_rules! codes {
    ($($(#[$doc:meta])* $ident:ident = $number:literal, $kind:ident, $en:literal, $zh:literal;)+) => {
        $(
            $(#[$doc])*
            #[doc = ""]
            #[doc = $en]
            pub static $ident: $crate::kernel::error::CodeInfo = $crate::kernel::error::CodeInfo {
                number: $number,
                ident: stringify!($ident),
                kind: $crate::kernel::error::ErrorKind::$kind,
                en: $en,
                zh: $zh,
            };
        )+
        /// Every code declared here.
        pub static ALL: &[$crate::kernel::error::Code] = &[$(&$ident),+];
    };
}

impl CodeInfo {
    /// The name as it travels in JSON, headers and exceptions: `snake_case`.
    pub fn name(&self) -> String {
        self.ident.to_ascii_lowercase()
    }
}

/// Language of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Locale {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh")]
    Chinese,
}

/// An error: code, field path, details, and for faults below us a source.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    field: Option<String>,
    details: BTreeMap<Cow<'static, str>, Detail>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// A value that a message mentions.
#[derive(Clone, PartialEq, Eq)]
struct Detail {
    /// As it travels, and as English messages have it.
    value: String,
    /// As Chinese messages have it, where that is something else.
    zh: Option<String>,
}

impl Error {
    /// An error of this code with no field, details or source.
    pub fn new(code: Code) -> Self {
        Error(Box::new(Inner { code, field: None, details: BTreeMap::new(), source: None }))
    }

    /// Names the request field at fault, as a path such as `terms[2].share`.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Puts `prefix` before the field path: what a caller adds when the field was part of something larger.
    #[must_use]
    pub fn within(mut self, prefix: impl fmt::Display) -> Self {
        self.0.field = Some(match self.0.field.take() {
            None => prefix.to_string(),
            Some(field) if field.starts_with('[') => format!("{prefix}{field}"),
            Some(field) => format!("{prefix}.{field}"),
        });
        self
    }

    /// Adds a detail; it fills `{name}` in the message and travels with the error.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.0.details.insert(Cow::Borrowed(name), Detail { value: value.to_string(), zh: None });
        self
    }

    /// Adds a detail that Chinese messages word in their own way: a label, a reason. The other is what travels.
    #[must_use]
    pub fn with_both(mut self, name: &'static str, value: impl fmt::Display, zh: impl fmt::Display) -> Self {
        let detail = Detail { value: value.to_string(), zh: Some(zh.to_string()) };
        self.0.details.insert(Cow::Borrowed(name), detail);
        self
    }

    /// Keeps the technical cause, for logs.
    #[must_use]
    pub fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.code.kind
    }

    /// The request field at fault.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// The details by name.
    pub fn details(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.details.iter().map(|(name, detail)| (name.as_ref(), detail.value.as_str()))
    }

    /// The message for a person, in the given language.
    pub fn message(&self, locale: Locale) -> String {
        let template = match locale {
            Locale::English => self.0.code.en,
            Locale::Chinese => self.0.code.zh,
        };
        let mut message = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            message.push_str(&rest[..open]);
            let Some(length) = rest[open..].find('}') else { break };
            let name = &rest[open + 1..open + length];
            match self.0.details.get(name) {
                Some(Detail { zh: Some(zh), .. }) if locale == Locale::Chinese => message.push_str(zh),
                Some(detail) => message.push_str(&detail.value),
                None => message.push('?'),
            }
            rest = &rest[open + length + 1..];
        }
        message.push_str(rest);
        message
    }

    /// The error as it travels: code, name, kind, field, message in `locale`, details.
    pub fn to_wire(&self, locale: Locale) -> WireError {
        WireError {
            code: self.0.code.number,
            name: self.0.code.name(),
            kind: self.kind(),
            field: self.0.field.clone(),
            message: self.message(locale),
            details: self.details().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }
}

/// An error as C, Python and stored reports see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WireError {
    /// Stable number.
    pub code: u16,
    /// Stable name.
    pub name: String,
    /// What a caller can do about it.
    #[schemars(with = "String")]
    pub kind: ErrorKind,
    /// Path of the request field at fault.
    pub field: Option<String>,
    /// Message for a person.
    pub message: String,
    /// Values that the message mentions, and others that help.
    pub details: BTreeMap<String, String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} {}] {}", self.0.code.number, self.0.code.name(), self.message(Locale::English))?;
        if let Some(field) = self.field() {
            write!(f, " (field {field})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.0.code == other.0.code && self.0.field == other.0.field && self.0.details == other.0.details
    }
}

codes! {
    /// A defect of this library; the source says more.
    INTERNAL = 1000, Internal, "An internal error occurred: {what}. Please report it.", "内部错误:{what}。请反馈给开发方。";
    /// The request is not well-formed JSON.
    MALFORMED_JSON = 1001, Invalid, "The request is not valid JSON: {reason}.", "请求不是合法的 JSON:{reason}。";
    /// A field has the wrong type or shape.
    WRONG_TYPE = 1002, Invalid, "The value has the wrong type or form: {reason}.", "字段的类型或格式不对:{reason}。";
    /// The request has a field that the operation does not know.
    UNKNOWN_FIELD = 1003, Invalid, "Unknown field {name}. Known fields: {known}.", "未知字段 {name}。可用字段:{known}。";
    /// A required field is missing.
    MISSING_FIELD = 1004, Invalid, "The field {name} is required.", "缺少必填字段 {name}。";
    /// A text is empty where it must not be.
    EMPTY = 1005, Invalid, "This field must not be empty.", "该字段不能为空。";
    /// A text is longer than allowed.
    TOO_LONG = 1006, Invalid, "This text has {length} characters; at most {max} are allowed.", "文本长度为 {length} 个字符,最多允许 {max} 个。";
    /// A number is outside its range.
    OUT_OF_RANGE = 1007, Invalid, "The value {value} is out of range ({min} to {max}).", "数值 {value} 超出范围({min} 至 {max})。";
    /// A decimal has more places than its type keeps.
    TOO_MANY_DECIMALS = 1008, Invalid, "The value {value} has more than {max} decimal places.", "数值 {value} 的小数位超过 {max} 位。";
    /// A text is not a decimal number; floats are refused.
    NOT_A_DECIMAL = 1009, Invalid, "{value} is not a decimal number; write it as a text such as \"1234.50\".", "{value} 不是十进制数;请写成文本,例如 \"1234.50\"。";
    /// The currency code is unknown.
    UNKNOWN_CURRENCY = 1010, Invalid, "Unknown currency {value}; use an ISO 4217 code such as CNY.", "未知币种 {value};请使用 ISO 4217 代码,例如 CNY。";
    /// Two amounts of different currencies meet.
    CURRENCY_MISMATCH = 1011, Invalid, "The currency {actual} does not match {expected}.", "币种 {actual} 与 {expected} 不一致。";
    /// A text is not a date.
    NOT_A_DATE = 1012, Invalid, "{value} is not a date; write it as YYYY-MM-DD.", "{value} 不是日期;请写成 YYYY-MM-DD。";
    /// A date is outside the calendar we can compute with.
    DATE_OUT_OF_RANGE = 1013, Invalid, "The date is outside the years {min} to {max}.", "日期超出 {min} 至 {max} 年的范围。";
    /// Working days of this year are not known.
    UNKNOWN_CALENDAR_YEAR = 1014, Invalid, "The working days of {year} are not known to the calendar {calendar}; add them with ledger.set_calendar_days.", "日历 {calendar} 没有 {year} 年的工作日数据,请先用 ledger.set_calendar_days 补充。";
    /// An end lies before its start.
    END_BEFORE_START = 1015, Invalid, "{end} is too early; the earliest day here is {start}.", "{end} 过早,此处最早为 {start}。";
    /// The value is not one of those allowed.
    NOT_ALLOWED = 1016, Invalid, "{value} is not one of: {allowed}.", "{value} 不在允许的取值内:{allowed}。";
    /// A text is not an id.
    NOT_AN_ID = 1017, Invalid, "{value} is not an id of this ledger.", "{value} 不是本账套的标识。";
    /// A computation left the range of exact arithmetic.
    OVERFLOW = 1018, Invalid, "The amount is too large to compute exactly.", "金额过大,无法精确计算。";
    /// The bytes are not text in the expected encoding.
    INVALID_TEXT = 1019, Invalid, "The text is not valid {encoding}.", "文本不是有效的 {encoding} 编码。";
    /// A list is empty where at least one entry is needed.
    EMPTY_LIST = 1020, Invalid, "At least one entry is needed.", "至少需要一项。";
    /// A field may not be given together with another, or in this case.
    NOT_APPLICABLE = 1021, Invalid, "This field does not apply here: {reason}.", "该字段在此不适用:{reason}。";
}
