//! Conditions as hosts write them: by name, with relative dates, as JSON.
//!
//! One tree serves as list filter, segment, permission scope, approval condition, warning rule and report filter. It is
//! checked and resolved against a [dataset](super::dataset) before it runs, so a misspelt field is an error with its
//! path and never an empty result.
//!
//! ```
//! use crm_core::store::expr::Expr;
//!
//! let due_soon: Expr = serde_json::from_str(
//!     r#"{"and": [{"present": "open_amount"}, {"at_most": ["due_date", {"today": {"working_days": 7}}]}]}"#,
//! )?;
//! assert!(matches!(due_soon, Expr::And(_)));
//! # Ok::<(), serde_json::Error>(())
//! ```

use chrono::Datelike;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::calendar::Calendar;
use crate::kernel::date::{self, Date, Instant};
use crate::kernel::decimal;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::IdCodec;
use crate::store::cell::{Cell, check_text};
use crate::store::dataset::Binder;
use crate::store::plan::{Compare, Pred};
use crate::store::record::Tags;
use crate::store::schema::FieldType;

/// A condition by field names. A field is a column, or a path along references such as `contract.customer.name`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// All of these.
    And(Vec<Expr>),
    /// Any of these.
    Or(Vec<Expr>),
    /// The opposite; a comparison with an empty field holds neither way.
    Not(Box<Expr>),
    /// `[field, value]`: equal.
    Equal(String, Operand),
    /// `[field, value]`: not equal.
    NotEqual(String, Operand),
    /// `[field, value]`: less.
    Less(String, Operand),
    /// `[field, value]`: less or equal.
    AtMost(String, Operand),
    /// `[field, value]`: greater.
    Greater(String, Operand),
    /// `[field, value]`: greater or equal.
    AtLeast(String, Operand),
    /// `[field, low, high]`: both ends included.
    Between(String, Operand, Operand),
    /// `[field, [values]]`: equal to one of them.
    In(String, Vec<Operand>),
    /// `[field, text]`: begins with, capitals and small letters distinct.
    Prefix(String, String),
    /// `[field, text]`: contains; the letters A–Z match in either case.
    Contains(String, String),
    /// `[field, label]`: the labels of the field include this one.
    Has(String, String),
    /// `field`: has no value.
    Empty(String),
    /// `field`: has a value.
    Present(String),
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Operand {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text; also decimals, dates (`2026-03-31`), instants, ids and names of enumerations.
    Text(String),
    /// `{"today": {"working_days": 7}}`: a date counted from today.
    Today(Relative),
    /// `{"field": "due_date"}`: another field of the same kind.
    Field(OtherField),
    /// `{"me": true}`: the user who asks.
    Me(CurrentUser),
}

/// A date counted from today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Relative {
    /// How far from today.
    pub today: Offset,
}

/// Another field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OtherField {
    /// Its name.
    pub field: String,
}

/// The user who asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrentUser {
    /// Always `true`.
    pub me: bool,
}

/// A distance from today: first to the start of the period, then months, then days, then working days.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Offset {
    /// Go to the first day of today's month, quarter or year first.
    pub start_of: Option<Period>,
    /// Months, the day clamped to the month's end.
    pub months: i32,
    /// Calendar days.
    pub days: i32,
    /// Working days of the ledger's calendar.
    pub working_days: i32,
}

/// A calendar period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A single day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// A calendar quarter.
    Quarter,
    /// A calendar year.
    Year,
}

impl Period {
    /// The first day of the period that `date` is in.
    pub fn start(self, date: Date) -> Date {
        let month = date::month_start(date);
        let first = match self {
            Period::Day => Ok(date),
            Period::Week => date::add_days(date, -i64::from(date.weekday().num_days_from_monday())),
            Period::Month => Ok(month),
            Period::Quarter => date::add_months(month, -(date.month0().cast_signed() % 3)),
            Period::Year => Date::from_ymd(date.year(), 1, 1),
        };
        first.unwrap_or(date)
    }
}

/// What relative operands are counted from.
pub struct Moment<'a> {
    /// The ledger's ids.
    pub ids: IdCodec,
    /// Today, in the ledger's time zone.
    pub today: Date,
    /// The ledger's offset from UTC in minutes.
    pub utc_offset_minutes: i32,
    /// Working days.
    pub calendar: &'a Calendar,
    /// The user who asks.
    pub user: Uuid,
}

impl Expr {
    /// Resolves and checks the condition.
    ///
    /// # Errors
    /// `UNKNOWN_FIELD`, `WRONG_TYPE`, `NOT_ALLOWED` and the like, with the path of the place in the tree.
    pub fn bind(&self, binder: &mut Binder<'_>, moment: &Moment<'_>) -> Result<Pred> {
        let at = |index: usize| move |error: Error| error.within(format!("[{index}]"));
        let name = self.name();
        let bound = match self {
            Expr::And(all) => bind_each(all, binder, moment).map(Pred::And),
            Expr::Or(any) => bind_each(any, binder, moment).map(Pred::Or),
            Expr::Not(expr) => expr.bind(binder, moment).map(Pred::not),
            Expr::Equal(field, value) => comparison(field, Compare::Equal, value, binder, moment),
            Expr::NotEqual(field, value) => comparison(field, Compare::NotEqual, value, binder, moment),
            Expr::Less(field, value) => comparison(field, Compare::Less, value, binder, moment),
            Expr::AtMost(field, value) => comparison(field, Compare::AtMost, value, binder, moment),
            Expr::Greater(field, value) => comparison(field, Compare::Greater, value, binder, moment),
            Expr::AtLeast(field, value) => comparison(field, Compare::AtLeast, value, binder, moment),
            Expr::Between(field, low, high) => (|| {
                let low = comparison(field, Compare::AtLeast, low, binder, moment)?;
                Ok(low.and(comparison(field, Compare::AtMost, high, binder, moment)?))
            })(),
            Expr::In(field, values) => (|| {
                let bound = binder.resolve(field).map_err(at(0))?;
                let mut cells = Vec::with_capacity(values.len());
                for (index, value) in values.iter().enumerate() {
                    cells.push(
                        value
                            .literal(bound.field_type, moment)
                            .map_err(|e| e.within(format!("[1][{index}]")))?,
                    );
                }
                Ok(Pred::In(bound.column, cells))
            })(),
            Expr::Prefix(field, text) => {
                check_text(text).map_err(at(1))?;
                binder.text(field).map(|column| Pred::Prefix(column, text.clone())).map_err(at(0))
            }
            Expr::Contains(field, text) => {
                check_text(text).map_err(at(1))?;
                binder.text(field).map(|column| Pred::Contains(column, text.clone())).map_err(at(0))
            }
            Expr::Has(field, label) => (|| {
                let bound = binder.resolve(field).map_err(at(0))?;
                match bound.field_type {
                    FieldType::Tags => {
                        let (reason, zh) = ("a label is one line of text", "标签须为一行文字");
                        let needle = Tags::needle(label).map_err(|_| {
                            Error::new(&error::WRONG_TYPE).with_both("reason", reason, zh).at("[1]")
                        })?;
                        Ok(Pred::Includes(bound.column, needle))
                    }
                    _ => Err(not_comparable(field).at("[0]")),
                }
            })(),
            Expr::Empty(field) => binder.resolve(field).map(|bound| Pred::IsNull(bound.column)),
            Expr::Present(field) => binder.resolve(field).map(|bound| Pred::IsPresent(bound.column)),
        };
        bound.map_err(|error| error.within(name))
    }

    /// How many conditions and values it has.
    pub fn size(&self) -> usize {
        match self {
            Expr::And(all) | Expr::Or(all) => all.iter().map(Expr::size).sum::<usize>() + 1,
            Expr::Not(expr) => expr.size() + 1,
            Expr::In(_, values) => values.len() + 1,
            _ => 1,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Expr::And(_) => "and",
            Expr::Or(_) => "or",
            Expr::Not(_) => "not",
            Expr::Equal(..) => "equal",
            Expr::NotEqual(..) => "not_equal",
            Expr::Less(..) => "less",
            Expr::AtMost(..) => "at_most",
            Expr::Greater(..) => "greater",
            Expr::AtLeast(..) => "at_least",
            Expr::Between(..) => "between",
            Expr::In(..) => "in",
            Expr::Prefix(..) => "prefix",
            Expr::Contains(..) => "contains",
            Expr::Has(..) => "has",
            Expr::Empty(_) => "empty",
            Expr::Present(_) => "present",
        }
    }
}

fn bind_each(exprs: &[Expr], binder: &mut Binder<'_>, moment: &Moment<'_>) -> Result<Vec<Pred>> {
    exprs
        .iter()
        .enumerate()
        .map(|(index, expr)| expr.bind(binder, moment).map_err(|error| error.within(format!("[{index}]"))))
        .collect()
}

fn comparison(
    field: &str,
    compare: Compare,
    value: &Operand,
    binder: &mut Binder<'_>,
    moment: &Moment<'_>,
) -> Result<Pred> {
    let left = binder.resolve(field).map_err(|error| error.within("[0]"))?;
    if matches!(left.field_type, FieldType::Tags | FieldType::Json | FieldType::Bytes) {
        return Err(not_comparable(field).at("[0]"));
    }
    if let Operand::Field(other) = value {
        let right = binder.resolve(&other.field).map_err(|error| error.within("[1].field"))?;
        if left.field_type != right.field_type {
            let (reason, zh) = (
                format!("{field} and {} are of different types", other.field),
                format!("{field} 与 {} 类型不同", other.field),
            );
            return Err(Error::new(&error::WRONG_TYPE).at("[1].field").with_both("reason", reason, zh));
        }
        return Ok(Pred::CompareColumns(left.column, compare, right.column));
    }
    let cell = value.literal(left.field_type, moment).map_err(|error| error.within("[1]"))?;
    Ok(Pred::Compare(left.column, compare, cell))
}

fn not_comparable(field: &str) -> Error {
    Error::new(&error::NOT_APPLICABLE).with_both(
        "reason",
        format!("{field} cannot be compared in this way"),
        format!("{field} 不能这样比较"),
    )
}

fn wrong_type(reason: &str, zh: &str) -> Error {
    Error::new(&error::WRONG_TYPE).with_both("reason", reason, zh)
}

impl Operand {
    fn literal(&self, field_type: FieldType, moment: &Moment<'_>) -> Result<Cell> {
        match (field_type, self) {
            (FieldType::Id, Operand::Me(_)) => moment.ids.key(moment.user).map(Cell::Int),
            (FieldType::Id, Operand::Text(text)) => {
                let uuid =
                    Uuid::try_parse(text).map_err(|_| Error::new(&error::NOT_AN_ID).with("value", text))?;
                moment.ids.key(uuid).map(Cell::Int)
            }
            (FieldType::Id, _) => Err(wrong_type("an id as text is expected", "应为文本形式的标识")),
            (FieldType::Int | FieldType::Small, Operand::Int(value)) => Ok(Cell::Int(*value)),
            (FieldType::Int | FieldType::Small, Operand::Text(text)) => {
                text.parse().map(Cell::Int).map_err(|_| wrong_type("a whole number is expected", "应为整数"))
            }
            (FieldType::Int | FieldType::Small, _) => {
                Err(wrong_type("a whole number is expected", "应为整数"))
            }
            (FieldType::Bool, Operand::Bool(value)) => Ok(Cell::Int(i64::from(*value))),
            (FieldType::Bool, _) => Err(wrong_type("true or false is expected", "应为 true 或 false")),
            (FieldType::Text, Operand::Text(text)) => check_text(text).map(|()| Cell::Text(text.clone())),
            (FieldType::Text, _) => Err(wrong_type("a text is expected", "应为文本")),
            (FieldType::Date, Operand::Text(text)) => {
                Ok(Cell::Int(date::to_day_number(date::parse_date(text)?)))
            }
            (FieldType::Date, Operand::Today(relative)) => {
                Ok(Cell::Int(date::to_day_number(relative.today.from(moment)?)))
            }
            (FieldType::Date, _) => Err(wrong_type("a date as text is expected", "应为文本形式的日期")),
            (FieldType::Instant, Operand::Text(text)) if text.len() == 10 => Ok(Cell::Int(
                Instant::start_of(date::parse_date(text)?, moment.utc_offset_minutes)?.to_micros(),
            )),
            (FieldType::Instant, Operand::Text(text)) => Ok(Cell::Int(Instant::parse(text)?.to_micros())),
            (FieldType::Instant, Operand::Today(relative)) => Ok(Cell::Int(
                Instant::start_of(relative.today.from(moment)?, moment.utc_offset_minutes)?.to_micros(),
            )),
            (FieldType::Instant, _) => {
                Err(wrong_type("an instant or a date as text is expected", "应为文本形式的时间或日期"))
            }
            (FieldType::Decimal(places), Operand::Text(text)) => {
                decimal::parse_scaled(text, places).map(Cell::Int)
            }
            (FieldType::Decimal(_), other) => Err(Error::new(&error::NOT_A_DECIMAL)
                .with("value", serde_json::to_string(other).unwrap_or_default())),
            (FieldType::Enum(info), Operand::Text(text)) => info.code(text).map(Cell::Int).ok_or_else(|| {
                Error::new(&error::NOT_ALLOWED).with("value", text).with("allowed", info.names())
            }),
            (FieldType::Enum(info), _) => Err(wrong_type(
                &format!("one of {} is expected", info.names()),
                &format!("应为以下之一:{}", info.names()),
            )),
            (FieldType::Tags | FieldType::Json | FieldType::Bytes, _) => {
                Err(wrong_type("this field cannot be compared", "该字段不能比较"))
            }
        }
    }
}

impl Offset {
    fn from(&self, moment: &Moment<'_>) -> Result<Date> {
        let mut date = self.start_of.map_or(moment.today, |period| period.start(moment.today));
        if self.months != 0 {
            date = date::add_months(date, self.months)?;
        }
        if self.days != 0 {
            date = date::add_days(date, i64::from(self.days))?;
        }
        if self.working_days != 0 {
            date = moment.calendar.add_working_days(date, self.working_days)?;
        }
        Ok(date)
    }
}
