//! The working-day calendar: which days are worked, moved working days (调休) included.
//!
//! A calendar knows whole years. Outside them it refuses rather than guess, because moved days are only known once the
//! notice for the year is out: a due date computed from a guess would be wrong without anybody noticing. Counting is
//! strict: the n-th working day after a date never counts the date itself, whether it is worked or not.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use chrono::{Datelike, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calendar_cn;
use super::date::{self, Date, YEAR_MAX, YEAR_MIN};
use super::error::{self, Error, Result};

/// What a single day is, against the rule of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// A day off, whatever the weekday.
    Holiday,
    /// A day worked, whatever the weekday.
    Working,
}

/// Where a date goes that is not a working day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// Nowhere; the date stays.
    #[default]
    None,
    /// To the next working day (顺延).
    Forward,
    /// To the working day before.
    Back,
    /// To the next working day, unless that is in another month: then to the working day before.
    ModifiedForward,
}

/// Working days of one country or company. Cheap to clone; changing it makes a new one.
///
/// ```
/// use crm_core::kernel::{calendar::Calendar, date::parse_date};
/// let china = Calendar::china();
/// // Sunday 28 September 2025 was worked; the holiday then ran from 1 to 8 October.
/// assert!(china.is_working_day(parse_date("2025-09-28")?)?);
/// assert_eq!(china.add_working_days(parse_date("2025-09-30")?, 1)?, parse_date("2025-10-09")?);
/// # Ok::<(), crm_core::kernel::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar(Arc<Days>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Days {
    name: String,
    /// By number of days from Monday: whether it is usually worked.
    worked: [bool; 7],
    /// Years whose days are known; `None` when all are.
    known_years: Option<BTreeSet<i32>>,
    /// Days that have their own kind, by date.
    days: Vec<(Date, DayKind)>,
}

impl Calendar {
    /// A calendar with these weekly days off, no holidays, and no known year: add years and days.
    pub fn new(name: impl Into<String>, weekend: &[Weekday]) -> Calendar {
        let mut worked = [true; 7];
        for weekday in weekend {
            worked[weekday.num_days_from_monday() as usize] = false;
        }
        let known_years = Some(BTreeSet::new());
        Calendar(Arc::new(Days { name: name.into(), worked, known_years, days: Vec::new() }))
    }

    /// Monday to Friday are worked, in every year; no holidays.
    pub fn weekends_only() -> Calendar {
        let mut calendar = Calendar::new("weekends_only", &[Weekday::Sat, Weekday::Sun]);
        Arc::make_mut(&mut calendar.0).known_years = None;
        calendar
    }

    /// Mainland China, 2004 to 2026, with public holidays and moved working days as the State Council announced them.
    pub fn china() -> Calendar {
        static CHINA: LazyLock<Calendar> = LazyLock::new(Calendar::read_china);
        CHINA.clone()
    }

    fn read_china() -> Calendar {
        let mut calendar = Calendar::new("china", &[Weekday::Sat, Weekday::Sun]);
        let days = Arc::make_mut(&mut calendar.0);
        for year in &calendar_cn::YEARS {
            let dated = |kind: DayKind| {
                move |day: &u16| {
                    let (month, day) = (u32::from(*day / 100), u32::from(*day % 100));
                    Date::from_ymd(year.year, month, day).ok().map(|date| (date, kind))
                }
            };
            days.days.extend(year.off.iter().filter_map(dated(DayKind::Holiday)));
            days.days.extend(year.worked.iter().filter_map(dated(DayKind::Working)));
        }
        days.days.sort_unstable();
        days.known_years = Some(calendar_cn::YEARS.iter().map(|year| year.year).collect());
        calendar
    }

    /// The same under another name, as for a company's own variant.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Calendar {
        Arc::make_mut(&mut self.0).name = name.into();
        self
    }

    /// The same with `date` off or worked. It does not make the year known.
    #[must_use]
    pub fn with_day(mut self, date: Date, kind: DayKind) -> Calendar {
        let days = &mut Arc::make_mut(&mut self.0).days;
        match days.binary_search_by_key(&date, |(date, _)| *date) {
            Ok(index) => days[index].1 = kind,
            Err(index) => days.insert(index, (date, kind)),
        }
        self
    }

    /// The same with all days of `year` known: by the week, and by the days given on their own.
    #[must_use]
    pub fn with_known_year(mut self, year: i32) -> Calendar {
        if let Some(years) = &mut Arc::make_mut(&mut self.0).known_years {
            years.insert(year);
        }
        self
    }

    /// The name, which errors mention.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The weekly days off, from Monday.
    pub fn weekend(&self) -> impl Iterator<Item = Weekday> {
        let weekday = |index: u8| Weekday::try_from(index).ok();
        (0..7_u8).filter(|index| !self.0.worked[usize::from(*index)]).filter_map(weekday)
    }

    /// The known years in order, or `None` when all supported years are.
    pub fn known_years(&self) -> Option<&BTreeSet<i32>> {
        self.0.known_years.as_ref()
    }

    /// Whether the days of `year` are known.
    pub fn knows_year(&self, year: i32) -> bool {
        match &self.0.known_years {
            Some(years) => years.contains(&year),
            None => (YEAR_MIN..=YEAR_MAX).contains(&year),
        }
    }

    /// The days that have their own kind, by date.
    pub fn days(&self) -> &[(Date, DayKind)] {
        &self.0.days
    }

    fn require_year(&self, year: i32) -> Result<()> {
        if self.knows_year(year) {
            Ok(())
        } else {
            Err(Error::new(&error::UNKNOWN_CALENDAR_YEAR).with("year", year).with("calendar", self.name()))
        }
    }

    /// Whether `date` is worked; `UNKNOWN_CALENDAR_YEAR` (details `year`, `calendar`) outside the known years, and
    /// `DATE_OUT_OF_RANGE` outside the supported ones. The same errors come from every method below.
    pub fn is_working_day(&self, date: Date) -> Result<bool> {
        self.require_year(date.year())?;
        Ok(match self.0.days.binary_search_by_key(&date, |(date, _)| *date) {
            Ok(index) => self.0.days[index].1 == DayKind::Working,
            Err(_) => self.usually_worked(date),
        })
    }

    fn usually_worked(&self, date: Date) -> bool {
        self.0.worked[date.weekday().num_days_from_monday() as usize]
    }

    /// The n-th working day strictly after `date`, or before it when `n` is negative; `date` itself when `n` is 0.
    pub fn add_working_days(&self, date: Date, n: i32) -> Result<Date> {
        let step = i64::from(n.signum());
        let mut reached = date;
        for _ in 0..n.unsigned_abs() {
            reached = self.first_working_day(date::add_days(reached, step)?, step)?;
        }
        Ok(reached)
    }

    fn first_working_day(&self, mut date: Date, step: i64) -> Result<Date> {
        while !self.is_working_day(date)? {
            date = date::add_days(date, step)?;
        }
        Ok(date)
    }

    /// `date` if it is worked, otherwise the next working day.
    pub fn next_working_day_on_or_after(&self, date: Date) -> Result<Date> {
        self.first_working_day(date, 1)
    }

    /// `date` if it is worked, otherwise the working day before.
    pub fn previous_working_day_on_or_before(&self, date: Date) -> Result<Date> {
        self.first_working_day(date, -1)
    }

    /// Working days from `first` to `last`, both included; `END_BEFORE_START` when `last` is earlier.
    pub fn working_days_between(&self, first: Date, last: Date) -> Result<i64> {
        if last < first {
            return Err(Error::new(&error::END_BEFORE_START).with("start", first).with("end", last));
        }
        (first.year()..=last.year()).try_for_each(|year| self.require_year(year))?;
        let total = date::days_between(first, last) + 1;
        let per_week = self.0.worked.iter().filter(|worked| **worked).count() as i64;
        let beyond = (0..total % 7).map_while(|days| date::add_days(first, days).ok());
        let mut count =
            total / 7 * per_week + beyond.filter(|date| self.usually_worked(*date)).count() as i64;
        let from = self.0.days.partition_point(|(date, _)| *date < first);
        for (date, kind) in self.0.days[from..].iter().take_while(|(date, _)| *date <= last) {
            count += i64::from(*kind == DayKind::Working) - i64::from(self.usually_worked(*date));
        }
        Ok(count)
    }

    /// `date` if it is worked or the shift is [`Shift::None`], otherwise moved by the shift.
    pub fn shift(&self, date: Date, shift: Shift) -> Result<Date> {
        match shift {
            Shift::None => Ok(date),
            Shift::Forward => self.next_working_day_on_or_after(date),
            Shift::Back => self.previous_working_day_on_or_before(date),
            Shift::ModifiedForward => {
                // Looking past the end of the month could need a year that is not known.
                let mut reached = date;
                let end = date::month_end(date);
                while reached <= end {
                    if self.is_working_day(reached)? {
                        return Ok(reached);
                    }
                    reached = date::add_days(reached, 1)?;
                }
                self.previous_working_day_on_or_before(date)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use date::{DATE_MAX, from_day_number, parse_date, to_day_number};
    use error::{DATE_OUT_OF_RANGE, END_BEFORE_START, UNKNOWN_CALENDAR_YEAR};
    use proptest::prelude::*;

    fn date(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    #[test]
    fn days_of_china() {
        let china = Calendar::china();
        for (text, worked, why) in [
            ("2004-01-01", false, "New Year"),
            ("2006-12-31", true, "Sunday, moved for New Year 2007"),
            ("2007-12-31", false, "Monday, moved for New Year 2008"),
            ("2015-09-03", false, "70 years of victory"),
            ("2019-05-05", true, "Sunday, moved for Labour Day"),
            ("2020-01-31", false, "the Spring Festival of 2020 was made longer"),
            ("2020-10-01", false, "National Day and Mid-Autumn"),
            ("2024-02-18", true, "Sunday, moved for the Spring Festival"),
            ("2025-09-28", true, "Sunday, moved for National Day"),
            ("2025-10-08", false, "the eighth day of National Day and Mid-Autumn"),
            ("2026-02-23", false, "the ninth day of the Spring Festival"),
            ("2026-02-28", true, "Saturday, moved for the Spring Festival"),
            ("2026-03-02", true, "a plain Monday"),
            ("2026-03-07", false, "a plain Saturday"),
        ] {
            assert_eq!(china.is_working_day(date(text)), Ok(worked), "{text}: {why}");
        }
    }

    #[test]
    fn the_table_lists_only_exceptions() {
        let china = Calendar::china();
        let listed: usize = calendar_cn::YEARS.iter().map(|year| year.off.len() + year.worked.len()).sum();
        assert_eq!(china.days().len(), listed, "a row of the table is not a date");
        assert!(china.days().windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (date, kind) in china.days() {
            assert_eq!(china.usually_worked(*date), *kind == DayKind::Holiday, "{date}");
        }
        assert_eq!(
            china.known_years().unwrap().iter().copied().collect::<Vec<_>>(),
            (2004..=2026).collect::<Vec<_>>()
        );
    }

    #[test]
    fn never_guesses() {
        let china = Calendar::china();
        let unknown =
            |year: i32| Error::new(&UNKNOWN_CALENDAR_YEAR).with("year", year).with("calendar", "china");
        assert_eq!(china.is_working_day(date("2003-12-31")), Err(unknown(2003)));
        assert_eq!(china.is_working_day(date("2027-01-01")), Err(unknown(2027)));
        assert_eq!(china.add_working_days(date("2026-12-30"), 1), Ok(date("2026-12-31")));
        assert_eq!(china.add_working_days(date("2026-12-30"), 2), Err(unknown(2027)));
        assert_eq!(china.add_working_days(date("2004-01-02"), -1), Err(unknown(2003)));
        assert_eq!(china.add_working_days(date("2027-01-01"), 0), Ok(date("2027-01-01")));
        let refused = china.working_days_between(date("2026-12-01"), date("2028-01-01"));
        assert_eq!(refused.unwrap_err().code(), &UNKNOWN_CALENDAR_YEAR);
        let longer = china.clone().with_known_year(2027).with_day(date("2027-01-01"), DayKind::Holiday);
        assert_eq!(longer.add_working_days(date("2026-12-30"), 2), Ok(date("2027-01-04")));
        assert!(!china.knows_year(2027), "the original is left as it was");
        let day_only = china.with_day(date("2027-01-01"), DayKind::Holiday);
        assert_eq!(day_only.is_working_day(date("2027-01-01")), Err(unknown(2027)));
    }

    #[test]
    fn counting_is_strict() {
        let china = Calendar::china();
        for (start, n, result) in [
            ("2025-09-30", 1, "2025-10-09"),
            ("2025-10-01", 1, "2025-10-09"),
            ("2025-10-09", -1, "2025-09-30"),
            ("2025-10-05", -1, "2025-09-30"),
            ("2025-10-05", 0, "2025-10-05"),
            ("2025-09-26", 1, "2025-09-28"),
            ("2025-09-26", 2, "2025-09-29"),
        ] {
            assert_eq!(china.add_working_days(date(start), n), Ok(date(result)), "{start} {n}");
        }
        assert_eq!(china.working_days_between(date("2025-09-28"), date("2025-10-11")), Ok(6));
        assert_eq!(china.working_days_between(date("2025-10-01"), date("2025-10-01")), Ok(0));
        let refused = china.working_days_between(date("2025-10-02"), date("2025-10-01"));
        assert_eq!(refused.unwrap_err().code(), &END_BEFORE_START);
    }

    #[test]
    fn shifts() {
        let china = Calendar::china();
        for (start, shift, result) in [
            ("2025-10-03", Shift::None, "2025-10-03"),
            ("2025-10-03", Shift::Forward, "2025-10-09"),
            ("2025-10-03", Shift::Back, "2025-09-30"),
            ("2025-10-03", Shift::ModifiedForward, "2025-10-09"),
            ("2026-05-31", Shift::Forward, "2026-06-01"),
            ("2026-05-31", Shift::ModifiedForward, "2026-05-29"),
            ("2026-05-29", Shift::ModifiedForward, "2026-05-29"),
        ] {
            assert_eq!(china.shift(date(start), shift), Ok(date(result)), "{start} {shift:?}");
        }
        // 31 December 2005 was a Saturday; the shift does not look into 2006, which this calendar does not know.
        let only_2005 = Calendar::new("one", &[Weekday::Sat, Weekday::Sun]).with_known_year(2005);
        assert_eq!(only_2005.shift(date("2005-12-31"), Shift::ModifiedForward), Ok(date("2005-12-30")));
        for (shift, name) in [
            (Shift::None, "none"),
            (Shift::Forward, "forward"),
            (Shift::Back, "back"),
            (Shift::ModifiedForward, "modified_forward"),
        ] {
            assert_eq!(serde_json::to_value(shift).unwrap(), name);
        }
    }

    #[test]
    fn other_calendars() {
        let plain = Calendar::weekends_only();
        assert_eq!(plain.add_working_days(date("2100-01-01"), 1), Ok(date("2100-01-04")));
        assert_eq!(plain.known_years(), None);
        assert_eq!(plain.add_working_days(DATE_MAX, i32::MAX).unwrap_err().code(), &DATE_OUT_OF_RANGE);
        assert_eq!(plain.weekend().collect::<Vec<_>>(), [Weekday::Sat, Weekday::Sun]);
        let friday = Calendar::new("gulf", &[Weekday::Fri, Weekday::Sat]).with_known_year(2026);
        assert_eq!(friday.is_working_day(date("2026-03-08")), Ok(true));
        assert_eq!(friday.is_working_day(date("2026-03-06")), Ok(false));
        let company = plain
            .named("company")
            .with_day(date("2026-03-09"), DayKind::Holiday)
            .with_day(date("2026-03-09"), DayKind::Working)
            .with_day(date("2026-03-07"), DayKind::Working);
        assert_eq!(company.name(), "company");
        assert_eq!(company.working_days_between(date("2026-03-07"), date("2026-03-09")), Ok(2));
        // A week without working days ends at the end of the calendar, not in an endless loop.
        let never =
            Calendar::new("never", &(0..7).filter_map(|day| Weekday::try_from(day).ok()).collect::<Vec<_>>())
                .with_known_year(2026);
        assert_eq!(never.add_working_days(date("2026-06-01"), 1).unwrap_err().code(), &UNKNOWN_CALENDAR_YEAR);
    }

    /// Days well inside the known years, so that 250 working days either way stay known.
    fn inner_day() -> impl Strategy<Value = Date> {
        let (first, last) = (to_day_number(date("2006-01-01")), to_day_number(date("2024-12-31")));
        (first..=last).prop_map(|number| from_day_number(number).unwrap())
    }

    proptest! {
        #[test]
        fn adding_can_be_undone(start in inner_day(), n in 1..250_i32) {
            let china = Calendar::china();
            let later = china.add_working_days(start, n)?;
            prop_assert!(china.is_working_day(later)?);
            prop_assert_eq!(china.working_days_between(crate::kernel::date::add_days(start, 1).unwrap(), later)?, i64::from(n));
            prop_assert_eq!(china.add_working_days(later, -n)?, china.previous_working_day_on_or_before(start)?);
            let earlier = china.add_working_days(start, -n)?;
            prop_assert_eq!(china.add_working_days(earlier, n)?, china.next_working_day_on_or_after(start)?);
        }

        #[test]
        fn adding_is_monotone(start in inner_day(), n in -250..250_i32) {
            let china = Calendar::china();
            let next = crate::kernel::date::add_days(start, 1).unwrap();
            prop_assert!(china.add_working_days(start, n)? <= china.add_working_days(next, n)?);
            prop_assert!(china.add_working_days(start, n)? < china.add_working_days(start, n + 1)?);
        }

        #[test]
        fn counting_agrees_with_looking_at_each_day(start in inner_day(), length in 0..800_usize) {
            let china = Calendar::china();
            let days: Vec<Date> = start.iter_days().take(length + 1).map(|day| Date::new(day).unwrap()).collect();
            prop_assume!(days[length] <= date("2026-12-31"));
            let worked = days.iter().filter(|day| china.is_working_day(**day).unwrap()).count();
            prop_assert_eq!(china.working_days_between(start, days[length])?, worked as i64);
        }
    }
}
