//! The term of a contract as a whole: where it stands on a day, what may be done to it, and what is left of it when it is
//! interrupted, stopped or renewed. For hosts that lead subscriptions by their own states; contracts have theirs in `status`.

use super::recurrence::{Period, Span, moved};
use crate::areas::contract::model::RecurrenceUnit;
use crate::kernel::date::{self, Date};
use crate::kernel::error::Result;

/// What is left of a term when it is interrupted, in order. With `extend` the days that were not served follow at the
/// end; without it they are lost.
///
/// # Errors
/// `DATE_OUT_OF_RANGE`.
pub fn interrupted(term: Span, pause: Period, extend: bool) -> Result<Vec<Span>> {
    if pause.to < term.from || term.to.is_some_and(|end| pause.from > end) {
        return Ok(vec![term]);
    }
    let lost = date::days_between(pause.from.max(term.from), pause.to) + 1;
    let to = term.to.map(|end| if extend { date::add_days(end, lost) } else { Ok(end) }).transpose()?;
    let mut left = Vec::new();
    if pause.from > term.from {
        left.push(Span { from: term.from, to: Some(date::add_days(pause.from, -1)?) });
    }
    let from = date::add_days(pause.to, 1)?;
    if to.is_none_or(|to| from <= to) {
        left.push(Span { from, to });
    }
    Ok(left)
}

/// A term that is ended after a day: its last day, never later than it was; none when it had not begun, and then it is
/// cancelled as it stands.
pub fn stopped(term: Span, last_day: Date) -> Option<Date> {
    (last_day >= term.from).then(|| term.to.map_or(last_day, |end| end.min(last_day)))
}

/// The term that follows one, of so many units.
///
/// # Errors
/// As [`moved`].
pub fn renewed(last_day: Date, every: u32, unit: RecurrenceUnit) -> Result<Period> {
    let from = date::add_days(last_day, 1)?;
    Ok(Period { from, to: date::add_days(moved(from, every, unit, 1)?, -1)? })
}

/// Where a term stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermState {
    /// It was cancelled.
    Cancelled,
    /// It has not begun.
    Upcoming,
    /// It runs.
    Running,
    /// It runs and ends within the notice, and is not renewed by itself.
    ClosingSoon,
    /// It has ended and waits to be renewed.
    ToRenew,
    /// It has ended.
    Ended,
}

/// What is known of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermFacts {
    /// Its days.
    pub term: Span,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// Whether it is to be renewed, by itself or by hand.
    pub renews: bool,
    /// Whether another term follows it already.
    pub followed: bool,
    /// Whether any of it has been charged.
    pub charged: bool,
}

/// Where a term stands; it closes soon when it ends within `notice_months` from the day.
///
/// # Errors
/// `DATE_OUT_OF_RANGE`.
pub fn term_state(facts: &TermFacts, today: Date, notice_months: i32) -> Result<TermState> {
    let ended = facts.term.to.is_some_and(|end| end < today);
    Ok(if facts.cancelled {
        TermState::Cancelled
    } else if facts.term.from > today {
        TermState::Upcoming
    } else if ended {
        if facts.renews && !facts.followed { TermState::ToRenew } else { TermState::Ended }
    } else {
        let notice = facts.term.to.map(|end| date::add_months(end, -notice_months)).transpose()?;
        let closing = !facts.renews && notice.is_some_and(|notice| notice < today);
        if closing { TermState::ClosingSoon } else { TermState::Running }
    })
}

/// What may be done to a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TermAction {
    /// Let another term follow.
    Follow,
    /// Interrupt it.
    Suspend,
    /// End it early, or end its renewal.
    Stop,
    /// Give it up as if it had not been.
    Cancel,
}

/// What may be done to a term on a day: nothing once it is cancelled; another follows only a term that ends, is not
/// renewed by itself and is not followed; one that has ended can neither be suspended nor cancelled, and one that has
/// been charged not be cancelled.
pub fn allowed(facts: &TermFacts, today: Date) -> Vec<TermAction> {
    if facts.cancelled {
        return Vec::new();
    }
    let ended = facts.term.to.is_some_and(|end| end < today);
    let rules = [
        (TermAction::Follow, facts.term.to.is_some() && !facts.renews && !facts.followed),
        (TermAction::Suspend, !ended && !facts.followed),
        (TermAction::Stop, !ended || facts.renews),
        (TermAction::Cancel, !ended && !facts.charged),
    ];
    rules.into_iter().filter(|(_, allowed)| *allowed).map(|(action, _)| action).collect()
}
