//! When open amounts are expected, by week or month.

use crate::kernel::date::{self, Date};
use crate::kernel::error::{self, Error, Result};

crate::coded! {
    /// The length of a period.
    #[derive(Default)]
    pub enum OutlookUnit {
        /// A week of ISO 8601, from Monday to Sunday.
        Week = 1, "week", "周";
        /// A calendar month.
        #[default]
        Month = 2, "month", "月";
    }
}

/// Most periods.
pub const PERIODS_MAX: u32 = 120;

/// So many periods that follow one another: the first begins `today` and ends with its week or month.
///
/// # Errors
/// `OUT_OF_RANGE` for none or more than [`PERIODS_MAX`]; `DATE_OUT_OF_RANGE`.
pub fn periods(unit: OutlookUnit, count: u32, today: Date) -> Result<Vec<(Date, Date)>> {
    if count == 0 || count > PERIODS_MAX {
        let refused = Error::new(&error::OUT_OF_RANGE).with("value", count);
        return Err(refused.with("min", 1).with("max", PERIODS_MAX));
    }
    let mut from = today;
    let mut all = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let to = match unit {
            OutlookUnit::Week => date::add_days(from, 7 - i64::from(date::iso_week(from).2))?,
            OutlookUnit::Month => date::month_end(from),
        };
        all.push((from, to));
        from = date::add_days(to, 1)?;
    }
    Ok(all)
}

/// Where an amount expected on a day belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It was expected before the first period.
    Overdue,
    /// In the period at this position.
    Period(usize),
    /// After the last period.
    Later,
    /// Nothing tells when.
    Undated,
}

/// When an open amount is expected: on its due date, or without one on the forecast of its event; `days` later, as the
/// customer pays. A forecast that has passed by itself tells nothing any more; what is expected so can be late but not
/// overdue.
///
/// # Errors
/// `DATE_OUT_OF_RANGE`.
pub fn place(
    due: Option<Date>,
    forecast: Option<Date>,
    days: i64,
    periods: &[(Date, Date)],
) -> Result<Place> {
    let Some(date) = due.or(forecast) else { return Ok(Place::Undated) };
    let mut expected = date::add_days(date, days)?;
    // Who pays early and has not yet is not overdue before the due date.
    if let Some((today, _)) = periods.first().filter(|(today, _)| date >= *today) {
        expected = expected.max(*today);
    }
    match periods.iter().position(|(_, to)| expected <= *to) {
        None => Ok(Place::Later),
        Some(at) if periods[at].0 <= expected => Ok(Place::Period(at)),
        Some(_) if due.is_none() => Ok(Place::Undated),
        Some(_) => Ok(Place::Overdue),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;

    #[test]
    fn weeks_and_months() {
        for (unit, today, expected) in [
            // 2026-12-30 is a Wednesday; its week ends in the next year.
            (OutlookUnit::Week, "2026-12-30", [("2026-12-30", "2027-01-03"), ("2027-01-04", "2027-01-10")]),
            (OutlookUnit::Week, "2027-01-03", [("2027-01-03", "2027-01-03"), ("2027-01-04", "2027-01-10")]),
            (OutlookUnit::Month, "2028-01-31", [("2028-01-31", "2028-01-31"), ("2028-02-01", "2028-02-29")]),
        ] {
            let day = |text: &str| parse_date(text).unwrap();
            let expected = expected.map(|(from, to)| (day(from), day(to)));
            assert_eq!(periods(unit, 2, day(today)).unwrap(), expected, "{today}");
        }
        let today = parse_date("2026-01-01").unwrap();
        for (count, code) in [(0, &error::OUT_OF_RANGE), (121, &error::OUT_OF_RANGE)] {
            assert_eq!(periods(OutlookUnit::Week, count, today).unwrap_err().code(), code);
        }
    }

    #[test]
    fn places() {
        let day = |text: &str| parse_date(text).unwrap();
        let months = periods(OutlookUnit::Month, 2, day("2026-03-10")).unwrap();
        for (due, forecast, days, expected) in [
            (Some("2026-03-09"), None, 0, Place::Overdue),
            (Some("2026-03-09"), None, 1, Place::Period(0)),
            (Some("2026-03-10"), None, 0, Place::Period(0)),
            (Some("2026-03-10"), None, -1, Place::Period(0)),
            (Some("2026-03-09"), None, -1, Place::Overdue),
            (Some("2026-04-02"), None, -40, Place::Period(0)),
            (Some("2026-03-31"), None, 0, Place::Period(0)),
            (Some("2026-03-31"), None, 1, Place::Period(1)),
            (Some("2026-04-30"), None, 0, Place::Period(1)),
            (Some("2026-05-01"), None, 0, Place::Later),
            (None, Some("2026-04-01"), 0, Place::Period(1)),
            (None, Some("2026-03-09"), 0, Place::Undated),
            (None, None, 5, Place::Undated),
            (Some("2026-03-12"), Some("2026-04-12"), 0, Place::Period(0)),
        ] {
            let found = place(due.map(day), forecast.map(day), days, &months);
            assert_eq!(found, Ok(expected), "{due:?} {forecast:?} {days}");
        }
    }
}
