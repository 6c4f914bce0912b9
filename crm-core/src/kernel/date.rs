//! Dates, months and instants.
//!
//! A [`Date`] is a day of the Gregorian calendar without a time zone, as contracts name it. Adding months keeps the day
//! of the month, and where the month is shorter takes its last day (31 January + 1 month = 28 or 29 February), which is
//! how terms are counted in commercial practice and by PRC Civil Code article 202. An [`Instant`] is
//! a moment, to the microsecond; it becomes a date only together with an offset from UTC.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{self, Error, Result};
use super::refusal;

/// A day without a time zone, of a supported year; written YYYY-MM-DD and read only so. It lends chrono's reading methods.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(NaiveDate);

impl Date {
    /// A date of a supported year.
    ///
    /// # Errors
    /// `DATE_OUT_OF_RANGE`.
    pub fn new(date: NaiveDate) -> Result<Date> {
        let date = Date(date);
        if (DATE_MIN..=DATE_MAX).contains(&date) { Ok(date) } else { Err(out_of_range()) }
    }

    /// A date by year, month and day.
    ///
    /// # Errors
    /// `NOT_A_DATE`, `DATE_OUT_OF_RANGE`.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Result<Date> {
        let not_a_date = || Error::new(&error::NOT_A_DATE).with("value", format!("{year}-{month}-{day}"));
        Date::new(NaiveDate::from_ymd_opt(year, month, day).ok_or_else(not_a_date)?)
    }
}

impl Deref for Date {
    type Target = NaiveDate;

    fn deref(&self) -> &NaiveDate {
        &self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Date> {
        parse_date(text)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        refusal::from_text(deserializer, "a date such as \"2026-03-01\"", parse_date, &error::NOT_A_DATE)
    }
}

impl schemars::JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date" })
    }
}

/// The first year we compute with.
pub const YEAR_MIN: i32 = 1900;
/// The last year we compute with.
pub const YEAR_MAX: i32 = 2999;
/// The first day we compute with.
pub const DATE_MIN: Date = day(YEAR_MIN, 1, 1);
/// The last day we compute with.
pub const DATE_MAX: Date = day(YEAR_MAX, 12, 31);

const fn day(year: i32, month: u32, day: u32) -> Date {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => Date(date),
        None => Date(NaiveDate::MIN),
    }
}

const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;

fn out_of_range() -> Error {
    Error::new(&error::DATE_OUT_OF_RANGE).with("min", YEAR_MIN).with("max", YEAR_MAX)
}

/// Reads `YYYY-MM-DD`, exactly ten characters; `NOT_A_DATE` or `DATE_OUT_OF_RANGE`.
///
/// ```
/// use crm_core::kernel::date::parse_date;
/// assert_eq!(parse_date("2026-03-01")?.to_string(), "2026-03-01");
/// assert!(parse_date("2026-3-1").is_err());
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
pub fn parse_date(text: &str) -> Result<Date> {
    let not_a_date = || Error::new(&error::NOT_A_DATE).with("value", refusal::shown(text));
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else {
        return Err(not_a_date());
    };
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0_u32, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    };
    let date = match (number(&[y1, y2, y3, y4]), number(&[m1, m2]), number(&[d1, d2])) {
        (Some(year), Some(month), Some(day)) => NaiveDate::from_ymd_opt(year.cast_signed(), month, day),
        _ => None,
    };
    Date::new(date.ok_or_else(not_a_date)?)
}

/// `date` moved by whole months, on the same day of the month or, where the month is shorter, its last day.
///
/// `DATE_OUT_OF_RANGE` when the result is.
pub fn add_months(date: Date, months: i32) -> Result<Date> {
    let count = Months::new(months.unsigned_abs());
    let moved = if months < 0 { date.checked_sub_months(count) } else { date.checked_add_months(count) };
    Date::new(moved.ok_or_else(out_of_range)?)
}

/// `date` moved by calendar days; `DATE_OUT_OF_RANGE` when the result is.
pub fn add_days(date: Date, days: i64) -> Result<Date> {
    from_day_number(to_day_number(date).checked_add(days).ok_or_else(out_of_range)?)
}

/// The last day of a term of whole months that begins on `start`: the day before `start` moved by the months.
///
/// A year from 1 March 2026 ends on 28 February 2027. `DATE_OUT_OF_RANGE` when the result is.
pub fn term_end(start: Date, months: i32) -> Result<Date> {
    add_days(add_months(start, months)?, -1)
}

/// The first day of the month of `date`.
pub fn month_start(date: Date) -> Date {
    Date(date.with_day(1).unwrap_or(date.0))
}

/// The last day of the month of `date`.
pub fn month_end(date: Date) -> Date {
    Date([31, 30, 29, 28].into_iter().find_map(|day| date.with_day(day)).unwrap_or(date.0))
}

/// The calendar quarter of `date`, 1 to 4.
pub fn quarter(date: Date) -> u32 {
    date.month0() / 3 + 1
}

/// ISO 8601 week: the year that the week belongs to, its number 1 to 53, and the day of the week from Monday = 1.
pub fn iso_week(date: Date) -> (i32, u32, u32) {
    let week = date.iso_week();
    (week.year(), week.week(), date.weekday().number_from_monday())
}

/// Calendar days from `from` to `to`; negative when `to` is earlier.
pub fn days_between(from: Date, to: Date) -> i64 {
    to.signed_duration_since(from.0).num_days()
}

/// A span in whole years, months and days; all of one sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Difference {
    /// Whole years.
    pub years: i32,
    /// Whole months beyond the years, 0 to 11.
    pub months: i32,
    /// Days beyond the months, 0 to 30.
    pub days: i32,
}

/// The span from `from` to `to`: the most whole months (by [`add_months`]) that do not pass `to`, then days.
///
/// Negative throughout when `to` is earlier, and then counted back from `from`.
pub fn difference(from: Date, to: Date) -> Difference {
    let passed = |date: Date| if to < from { date < to } else { date > to };
    let sign = if to < from { -1 } else { 1 };
    let mut months = (to.year() - from.year()) * 12 + to.month().cast_signed() - from.month().cast_signed();
    let moved = |months: i32| {
        let count = Months::new(months.unsigned_abs());
        let moved = if months < 0 { from.checked_sub_months(count) } else { from.checked_add_months(count) };
        Date(moved.unwrap_or(from.0))
    };
    if passed(moved(months)) {
        months -= sign;
    }
    let days = days_between(moved(months), to);
    Difference { years: months / 12, months: months % 12, days: i32::try_from(days).unwrap_or(0) }
}

/// Days since 1970-01-01, as stored; negative before.
pub fn to_day_number(date: Date) -> i64 {
    i64::from(date.to_epoch_days())
}

/// The date of a day number; `DATE_OUT_OF_RANGE` outside the supported years.
pub fn from_day_number(number: i64) -> Result<Date> {
    let date = i32::try_from(number).ok().and_then(NaiveDate::from_epoch_days);
    Date::new(date.ok_or_else(out_of_range)?)
}

/// A calendar month, for grouping; written "2026-03".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Months since January of year 0.
    index: i32,
}

impl Month {
    /// Month 1 to 12 of a supported year; `DATE_OUT_OF_RANGE` or, for the month, `OUT_OF_RANGE`.
    pub fn new(year: i32, month: u32) -> Result<Month> {
        if !(1..=12).contains(&month) {
            return Err(Error::new(&error::OUT_OF_RANGE).with("value", month).with("min", 1).with("max", 12));
        }
        if !(YEAR_MIN..=YEAR_MAX).contains(&year) {
            return Err(out_of_range());
        }
        Ok(Month { index: year * 12 + month.cast_signed() - 1 })
    }

    /// The month of a date.
    pub fn of(date: Date) -> Month {
        Month { index: date.year() * 12 + date.month0().cast_signed() }
    }

    /// Reads "2026-03"; `NOT_A_DATE` or `DATE_OUT_OF_RANGE`.
    pub fn parse(text: &str) -> Result<Month> {
        let not_a_month = || Error::new(&error::NOT_A_DATE).with("value", refusal::shown(text));
        if text.len() != 7 {
            return Err(not_a_month());
        }
        match parse_date(&format!("{text}-01")) {
            Ok(date) => Ok(Month::of(date)),
            Err(refused) if refused.code() == &error::NOT_A_DATE => Err(not_a_month()),
            Err(refused) => Err(refused),
        }
    }

    /// The year.
    pub fn year(self) -> i32 {
        self.index.div_euclid(12)
    }

    /// The month, 1 to 12.
    pub fn month(self) -> u32 {
        self.index.rem_euclid(12).unsigned_abs() + 1
    }

    /// The first day.
    pub fn first_day(self) -> Date {
        day(self.year(), self.month(), 1)
    }

    /// The last day.
    pub fn last_day(self) -> Date {
        month_end(self.first_day())
    }

    /// This day of it, from 1, clamped to the last one; `DATE_OUT_OF_RANGE` for day 0 of the first month there is.
    pub fn day(self, day: u32) -> Result<Date> {
        add_days(self.first_day(), i64::from(day) - 1).map(|date| date.min(self.last_day()))
    }

    /// Moved by whole months; `DATE_OUT_OF_RANGE` when the result is.
    pub fn add_months(self, months: i32) -> Result<Month> {
        let index = self.index.checked_add(months).ok_or_else(out_of_range)?;
        let moved = Month { index };
        Month::new(moved.year(), moved.month())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Month {
    type Err = Error;

    fn from_str(text: &str) -> Result<Month> {
        Month::parse(text)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Month, D::Error> {
        refusal::from_text(deserializer, "a month such as \"2026-03\"", Month::parse, &error::NOT_A_DATE)
    }
}

impl schemars::JsonSchema for Month {
    fn schema_name() -> Cow<'static, str> {
        "Month".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$",
            "description": "Calendar month, such as 2026-03."
        })
    }
}

/// A moment in UTC, to the microsecond (what is finer is cut off); years 1900 to 2999.
///
/// In JSON it is RFC 3339 with `Z`; other offsets are read and turned into UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(DateTime<Utc>);

impl Instant {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Instant = Instant(DateTime::UNIX_EPOCH);

    /// Cut to the microsecond; `DATE_OUT_OF_RANGE` outside the supported years.
    pub fn new(moment: DateTime<Utc>) -> Result<Instant> {
        Instant::from_micros(moment.timestamp_micros())
    }

    /// From microseconds since 1970-01-01T00:00:00Z, as stored; `DATE_OUT_OF_RANGE` outside the supported years.
    pub fn from_micros(micros: i64) -> Result<Instant> {
        let moment = DateTime::from_timestamp_micros(micros).ok_or_else(out_of_range)?;
        Date::new(moment.date_naive())?;
        Ok(Instant(moment))
    }

    /// Microseconds since 1970-01-01T00:00:00Z, to store.
    pub fn to_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// Reads RFC 3339, such as `2026-03-01T08:00:00Z`; `WRONG_TYPE` with the reason, or `DATE_OUT_OF_RANGE`.
    pub fn parse(text: &str) -> Result<Instant> {
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| {
            let reason =
                format!("{} is not an RFC 3339 time such as 2026-03-01T08:00:00Z", refusal::shown(text));
            Error::new(&error::WRONG_TYPE).with("value", refusal::shown(text)).with("reason", reason)
        })?;
        Instant::new(moment.with_timezone(&Utc))
    }

    /// The moment as chrono has it.
    pub const fn to_utc(self) -> DateTime<Utc> {
        self.0
    }

    /// Moved by seconds; `DATE_OUT_OF_RANGE` when the result is.
    pub fn add_seconds(self, seconds: i64) -> Result<Instant> {
        let micros = seconds.checked_mul(1_000_000).and_then(|micros| self.to_micros().checked_add(micros));
        Instant::from_micros(micros.ok_or_else(out_of_range)?)
    }

    /// The date on a clock `utc_offset_minutes` ahead of UTC (480 in China), kept within the supported years.
    ///
    /// ```
    /// use crm_core::kernel::date::Instant;
    /// let evening = Instant::parse("2026-03-01T16:30:00Z")?;
    /// assert_eq!(evening.date_at(480).to_string(), "2026-03-02");
    /// # Ok::<(), crm_core::kernel::error::Error>(())
    /// ```
    pub fn date_at(self, utc_offset_minutes: i32) -> Date {
        let local = self.to_micros() + i64::from(utc_offset_minutes) * 60_000_000;
        let number = local.div_euclid(MICROS_PER_DAY);
        from_day_number(number.clamp(to_day_number(DATE_MIN), to_day_number(DATE_MAX))).unwrap_or(DATE_MAX)
    }

    /// The first moment of `date` on a clock `utc_offset_minutes` ahead of UTC; `DATE_OUT_OF_RANGE` when it is.
    pub fn start_of(date: Date, utc_offset_minutes: i32) -> Result<Instant> {
        let midnight = to_day_number(date) * MICROS_PER_DAY;
        Instant::from_micros(midnight - i64::from(utc_offset_minutes) * 60_000_000)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Instant {
    type Err = Error;

    fn from_str(text: &str) -> Result<Instant> {
        Instant::parse(text)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
        refusal::from_text(
            deserializer,
            "a time such as \"2026-03-01T08:00:00Z\"",
            Instant::parse,
            &error::WRONG_TYPE,
        )
    }
}

impl schemars::JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "Moment in UTC, to the microsecond, such as 2026-03-01T08:00:00Z."
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use error::{DATE_OUT_OF_RANGE, NOT_A_DATE, OUT_OF_RANGE, WRONG_TYPE};
    use proptest::prelude::*;

    fn date(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    #[test]
    fn reading_is_strict() {
        assert_eq!(date("2024-02-29"), day(2024, 2, 29));
        for (text, code) in [
            ("", &NOT_A_DATE),
            ("2026-3-1", &NOT_A_DATE),
            ("2026-03-1", &NOT_A_DATE),
            (" 2026-03-01", &NOT_A_DATE),
            ("2026-03-01 ", &NOT_A_DATE),
            ("2026/03/01", &NOT_A_DATE),
            ("20260301", &NOT_A_DATE),
            ("+026-03-01", &NOT_A_DATE),
            ("2026-02-29", &NOT_A_DATE),
            ("2026-13-01", &NOT_A_DATE),
            ("2026-00-01", &NOT_A_DATE),
            ("2026-01-00", &NOT_A_DATE),
            ("２026-01-01", &NOT_A_DATE),
            ("2026-03-01T00:00:00Z", &NOT_A_DATE),
            ("1899-12-31", &DATE_OUT_OF_RANGE),
            ("3000-01-01", &DATE_OUT_OF_RANGE),
        ] {
            assert_eq!(parse_date(text).unwrap_err().code(), code, "{text}");
        }
        assert_eq!((DATE_MIN, DATE_MAX), (date("1900-01-01"), date("2999-12-31")));
    }

    #[test]
    fn months_end_where_they_end() {
        for (start, months, result, end) in [
            ("2026-01-31", 1, "2026-02-28", "2026-02-27"),
            ("2024-01-31", 1, "2024-02-29", "2024-02-28"),
            ("2024-02-29", 12, "2025-02-28", "2025-02-27"),
            ("2024-02-29", 48, "2028-02-29", "2028-02-28"),
            ("2026-03-31", -1, "2026-02-28", "2026-02-27"),
            ("2026-03-01", 12, "2027-03-01", "2027-02-28"),
            ("2026-03-01", 0, "2026-03-01", "2026-02-28"),
            ("1900-02-01", -1, "1900-01-01", ""),
        ] {
            assert_eq!(add_months(date(start), months), Ok(date(result)), "{start} {months}");
            match term_end(date(start), months) {
                Ok(last) => assert_eq!(last.to_string(), end),
                Err(refused) => assert_eq!((refused.code(), end), (&DATE_OUT_OF_RANGE, "")),
            }
        }
        for (start, months) in
            [("2999-12-01", 1), ("1900-01-31", -1), ("2026-01-01", i32::MAX), ("2026-01-01", i32::MIN)]
        {
            let refused = add_months(date(start), months).unwrap_err();
            assert_eq!(refused, Error::new(&DATE_OUT_OF_RANGE).with("min", 1900).with("max", 2999));
        }
        for days in [i64::MIN, i64::MAX, 400_000, -400_000] {
            assert_eq!(add_days(date("2026-01-01"), days).unwrap_err().code(), &DATE_OUT_OF_RANGE);
        }
    }

    #[test]
    fn parts_of_the_year() {
        for (text, start, end, quarter_of, week) in [
            ("2024-02-10", "2024-02-01", "2024-02-29", 1, (2024, 6, 6)),
            ("2023-01-01", "2023-01-01", "2023-01-31", 1, (2022, 52, 7)),
            ("2026-04-30", "2026-04-01", "2026-04-30", 2, (2026, 18, 4)),
            ("2026-12-31", "2026-12-01", "2026-12-31", 4, (2026, 53, 4)),
        ] {
            let date_of = date(text);
            assert_eq!(month_start(date_of), date(start));
            assert_eq!(month_end(date_of), date(end));
            assert_eq!(quarter(date_of), quarter_of);
            assert_eq!(iso_week(date_of), week);
        }
    }

    #[test]
    fn differences() {
        for (from, to, years, months, days) in [
            ("2018-01-31", "2031-03-10", 13, 1, 10),
            ("2024-01-31", "2024-02-29", 0, 1, 0),
            ("2024-02-29", "2025-02-28", 1, 0, 0),
            ("2026-01-31", "2026-03-01", 0, 1, 1),
            ("2026-05-05", "2026-05-05", 0, 0, 0),
            ("2026-03-10", "2026-01-31", 0, -1, -10),
            ("2026-03-31", "2026-02-28", 0, -1, 0),
            ("1900-01-01", "2999-12-31", 1099, 11, 30),
        ] {
            let expected = Difference { years, months, days };
            assert_eq!(difference(date(from), date(to)), expected, "{from} {to}");
        }
        assert_eq!(days_between(date("2026-03-01"), date("2026-02-28")), -1);
    }

    #[test]
    fn day_numbers() {
        for (text, number) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-03-01", 11_017)] {
            assert_eq!(to_day_number(date(text)), number);
            assert_eq!(from_day_number(number), Ok(date(text)));
        }
        for number in [i64::MIN, i64::MAX, to_day_number(DATE_MIN) - 1, to_day_number(DATE_MAX) + 1] {
            assert_eq!(from_day_number(number).unwrap_err().code(), &DATE_OUT_OF_RANGE);
        }
    }

    #[test]
    fn months_as_values() {
        let month = Month::parse("2026-03").unwrap();
        assert_eq!((month.year(), month.month()), (2026, 3));
        assert_eq!(month, Month::of(date("2026-03-31")));
        assert_eq!((month.first_day(), month.last_day()), (date("2026-03-01"), date("2026-03-31")));
        assert_eq!(month.add_months(-3).unwrap().to_string(), "2025-12");
        assert_eq!(month.add_months(10).unwrap().to_string(), "2027-01");
        assert!(month < Month::new(2026, 4).unwrap());
        assert_eq!(serde_json::to_string(&month).unwrap(), "\"2026-03\"");
        assert_eq!(serde_json::from_str::<Month>("\"2026-03\"").unwrap(), month);
        for (text, code) in [
            ("2026-13", &NOT_A_DATE),
            ("2026-3", &NOT_A_DATE),
            ("2026-003", &NOT_A_DATE),
            ("1899-12", &DATE_OUT_OF_RANGE),
        ] {
            assert_eq!(Month::parse(text).unwrap_err().code(), code, "{text}");
        }
        assert_eq!(Month::new(2026, 0).unwrap_err().code(), &OUT_OF_RANGE);
        assert_eq!(Month::new(3000, 1).unwrap_err().code(), &DATE_OUT_OF_RANGE);
        assert_eq!(month.add_months(i32::MAX).unwrap_err().code(), &DATE_OUT_OF_RANGE);
    }

    #[test]
    fn json_dates() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Term {
            start: Date,
            end: Option<Date>,
        }
        let open = Term { start: date("2026-03-01"), end: None };
        assert_eq!(serde_json::from_str::<Term>(r#"{"start":"2026-03-01"}"#).unwrap(), open);
        assert_eq!(serde_json::to_string(&open).unwrap(), r#"{"start":"2026-03-01","end":null}"#);
        let closed = r#"{"start":"2026-03-01","end":"2027-02-28"}"#;
        let term: Term = serde_json::from_str(closed).unwrap();
        assert_eq!(serde_json::to_string(&term).unwrap(), closed);
        for (json, code) in [
            (r#"{"start":"2026-3-1"}"#, &NOT_A_DATE),
            (r#"{"start":20260301}"#, &NOT_A_DATE),
            (r#"{"start":"3026-03-01"}"#, &DATE_OUT_OF_RANGE),
            (r#"{"start":"2026-03-01","end":"soon"}"#, &NOT_A_DATE),
        ] {
            let message = serde_json::from_str::<Term>(json).unwrap_err().to_string();
            assert_eq!(refusal::read(&message).unwrap().code(), code, "{message}");
        }
    }

    #[test]
    fn instants() {
        for (text, micros, shown) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("2026-03-01T16:30:00+08:00", 1_772_353_800_000_000, "2026-03-01T08:30:00Z"),
            ("1970-01-01T00:00:00.123456999Z", 123_456, "1970-01-01T00:00:00.123456Z"),
            ("1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"),
        ] {
            let instant = Instant::parse(text).unwrap();
            assert_eq!(instant.to_micros(), micros, "{text}");
            assert_eq!(Instant::from_micros(micros), Ok(instant));
            assert_eq!(instant.to_string(), shown);
            assert_eq!(serde_json::to_value(instant).unwrap(), shown);
            assert_eq!(serde_json::from_value::<Instant>(text.into()).unwrap(), instant);
        }
        for (text, code) in [
            ("2026-03-01", &WRONG_TYPE),
            ("2026-03-01T08:00:00", &WRONG_TYPE),
            ("now", &WRONG_TYPE),
            ("1899-12-31T23:59:59Z", &DATE_OUT_OF_RANGE),
        ] {
            assert_eq!(Instant::parse(text).unwrap_err().code(), code, "{text}");
        }
        assert_eq!(Instant::from_micros(i64::MAX).unwrap_err().code(), &DATE_OUT_OF_RANGE);
        assert_eq!(Instant::EPOCH.add_seconds(-1).unwrap().to_string(), "1969-12-31T23:59:59Z");
        assert_eq!(Instant::EPOCH.add_seconds(i64::MAX).unwrap_err().code(), &DATE_OUT_OF_RANGE);
    }

    #[test]
    fn an_instant_is_a_date_at_an_offset() {
        let evening = Instant::parse("2026-03-01T16:00:00Z").unwrap();
        for (offset, expected) in
            [(0, "2026-03-01"), (480, "2026-03-02"), (479, "2026-03-01"), (-961, "2026-02-28")]
        {
            assert_eq!(evening.date_at(offset), date(expected), "{offset}");
        }
        assert_eq!(Instant::start_of(date("2026-03-02"), 480), Ok(evening));
        let first = Instant::start_of(DATE_MIN, 0).unwrap();
        assert_eq!(first.date_at(-1), DATE_MIN);
        assert_eq!(evening.date_at(i32::MAX), DATE_MAX);
        assert_eq!(evening.date_at(i32::MIN), DATE_MIN);
    }

    proptest! {
        #[test]
        fn a_difference_leads_back(from in -25_567..376_000_i64, to in -25_567..376_000_i64) {
            let (from, to) = (from_day_number(from)?, from_day_number(to)?);
            let Difference { years, months, days } = difference(from, to);
            let reached = add_days(add_months(from, years * 12 + months)?, i64::from(days))?;
            prop_assert_eq!(reached, to);
            let sign = if to < from { -1 } else { 1 };
            prop_assert!([years, months, days].iter().all(|part| part * sign >= 0));
            prop_assert!(months.abs() < 12 && days.abs() < 31);
        }
    }
}
