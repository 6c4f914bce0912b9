//! Which notices a warning owes, and to whom.
//!
//! A warning owes one notice for each level it is found at that is higher than any of which notice was given: levels that
//! it rose through between two scans are passed over, the highest is told of. Once somebody has taken note it owes nothing
//! more until its date moves, for then it is another warning; while it is snoozed it waits. When nobody takes note for so
//! many working days after the first notice, it owes one escalation, once.

use std::collections::{BTreeMap, BTreeSet};

use crate::areas::access::{OrgUnit, Role, User};
use crate::areas::warning::model::{
    WarningEscalation, WarningLevel, WarningMark, WarningRecipients, WarningState,
};
use crate::kernel::calendar::Calendar;
use crate::kernel::date::{self, Date};
use crate::kernel::error::Result;
use crate::kernel::id::Id;

/// A notice that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// The level it tells of.
    pub level: WarningLevel,
    /// Whether it is the escalation.
    pub escalated: bool,
}

/// What people have done about a warning, as of a day.
pub fn state(mark: &WarningMark, as_of: Date) -> WarningState {
    match (mark.acknowledged_at, mark.snoozed_until) {
        (Some(_), _) => WarningState::Acknowledged,
        (None, Some(until)) if until > as_of => WarningState::Snoozed,
        _ => WarningState::Open,
    }
}

/// What a warning at a level owes on a day, given what is stored of it.
///
/// # Errors
/// `UNKNOWN_CALENDAR_YEAR` when it would be escalated and the working days up to today are not known.
pub fn owed(
    level: WarningLevel,
    mark: Option<&WarningMark>,
    escalation: Option<&WarningEscalation>,
    today: Date,
    calendar: &Calendar,
) -> Result<Vec<Owed>> {
    let Some(mark) = mark else { return Ok(vec![Owed { level, escalated: false }]) };
    if state(mark, today) != WarningState::Open {
        return Ok(Vec::new());
    }
    let mut owed = Vec::new();
    if mark.level.is_none_or(|noticed| level > noticed) {
        owed.push(Owed { level, escalated: false });
    }
    if let (Some(escalation), Some(first), None) = (escalation, mark.noticed_on, mark.escalated_on)
        && is_after_working_days(first, escalation.after_working_days, today, calendar)?
    {
        owed.push(Owed { level: level.max(escalation.level), escalated: true });
    }
    Ok(owed)
}

/// Whether `days` working days have begun since `first`. It looks back from today, so that at the end of a year the next
/// need not be known.
fn is_after_working_days(first: Date, days: u32, today: Date, calendar: &Calendar) -> Result<bool> {
    if today <= first {
        return Ok(false);
    }
    let passed = calendar.working_days_between(date::add_days(first, 1)?, today)?;
    Ok(passed >= i64::from(days))
}

/// What is known of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their org unit.
    pub unit: Option<Id<OrgUnit>>,
    /// Whether they are still there.
    pub active: bool,
    /// Their roles.
    pub roles: Vec<Id<Role>>,
}

/// What is known of an org unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Who heads it.
    pub head: Option<Id<User>>,
    /// The unit above.
    pub above: Option<Id<OrgUnit>>,
}

/// Everybody, and who heads what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// Users.
    pub users: BTreeMap<Id<User>, Person>,
    /// Org units.
    pub units: BTreeMap<Id<OrgUnit>, Unit>,
}

impl People {
    fn is_active(&self, user: Id<User>) -> bool {
        self.users.get(&user).is_some_and(|person| person.active)
    }

    /// The nearest active head above a user: of their own unit, or of the first unit above that has another.
    pub fn head_of(&self, user: Id<User>) -> Option<Id<User>> {
        let mut at = self.users.get(&user)?.unit;
        // A tree is no deeper than it has units; whatever is stored, this ends.
        for _ in 0..=self.units.len() {
            let Unit { head, above } = self.units.get(&at?)?;
            if let Some(head) = head.filter(|head| *head != user && self.is_active(*head)) {
                return Some(head);
            }
            at = *above;
        }
        None
    }

    /// Who is told of the warning of a record with this owner, in the order of their ids.
    pub fn told(&self, recipients: &WarningRecipients, owner: Option<Id<User>>) -> Vec<Id<User>> {
        let mut told: BTreeSet<Id<User>> = BTreeSet::new();
        told.extend(owner.filter(|owner| recipients.owner && self.is_active(*owner)));
        told.extend(owner.filter(|_| recipients.unit_head).and_then(|owner| self.head_of(owner)));
        told.extend(recipients.users.iter().copied().filter(|user| self.is_active(*user)));
        if !recipients.roles.is_empty() {
            let has_role = |person: &Person| person.roles.iter().any(|role| recipients.roles.contains(role));
            let holders = self.users.iter().filter(|(_, person)| person.active && has_role(person));
            told.extend(holders.map(|(user, _)| *user));
        }
        if told.is_empty() {
            told.extend(owner.and_then(|owner| self.head_of(owner)));
        }
        told.into_iter().collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::{Instant, parse_date};
    use uuid::Uuid;

    fn day(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    fn mark() -> WarningMark {
        WarningMark {
            kind: 2,
            subject: Uuid::nil(),
            subject_seq: 1,
            date: day("2026-03-02"),
            acknowledged_by: None,
            acknowledged_at: None,
            snoozed_until: None,
            standing: None,
            noticed_on: None,
            level: None,
            escalated_on: None,
            resolved_on: None,
        }
    }

    #[test]
    fn every_state_at_every_level() {
        use WarningLevel::{Critical, Notice, Warning};
        let escalation = WarningEscalation {
            after_working_days: 2,
            recipients: WarningRecipients::owner(),
            level: Warning,
        };
        // Told first on Friday, 6 March: the second working day after it is Tuesday, 10 March.
        let (friday, monday, tuesday) = (day("2026-03-06"), day("2026-03-09"), day("2026-03-10"));
        let told = |level| WarningMark { noticed_on: Some(friday), level: Some(level), ..mark() };
        let plain = |level| vec![Owed { level, escalated: false }];
        let escalated = |level| vec![Owed { level, escalated: true }];
        for (name, mark, level, today, expected) in [
            ("nothing known", None, Notice, friday, plain(Notice)),
            ("known, never told", Some(mark()), Warning, friday, plain(Warning)),
            ("told", Some(told(Notice)), Notice, monday, vec![]),
            ("risen", Some(told(Notice)), Critical, monday, plain(Critical)),
            ("sunk, since the lead time was changed", Some(told(Critical)), Notice, monday, vec![]),
            ("nobody took note", Some(told(Notice)), Notice, tuesday, escalated(Warning)),
            ("its own level is higher", Some(told(Critical)), Critical, tuesday, escalated(Critical)),
            (
                "risen, and nobody took note",
                Some(told(Notice)),
                Critical,
                tuesday,
                [plain(Critical), escalated(Critical)].concat(),
            ),
            (
                "escalated",
                Some(WarningMark { escalated_on: Some(tuesday), ..told(Notice) }),
                Notice,
                tuesday,
                vec![],
            ),
            (
                "acknowledged",
                Some(WarningMark { acknowledged_at: Some(Instant::from_micros(0).unwrap()), ..told(Notice) }),
                Critical,
                tuesday,
                vec![],
            ),
            (
                "snoozed",
                Some(WarningMark { snoozed_until: Some(day("2026-03-11")), ..told(Notice) }),
                Critical,
                tuesday,
                vec![],
            ),
            (
                "snoozed until today",
                Some(WarningMark { snoozed_until: Some(monday), ..told(Notice) }),
                Critical,
                monday,
                plain(Critical),
            ),
        ] {
            let owed = owed(level, mark.as_ref(), Some(&escalation), today, &Calendar::china());
            assert_eq!(owed, Ok(expected), "{name}");
        }
        let at = |today: &str| {
            owed(Notice, Some(&told(Notice)), Some(&escalation), day(today), &Calendar::china())
        };
        // Looking back from the last known day needs no calendar of the next year; beyond it nothing is guessed.
        assert_eq!(at("2026-12-31"), Ok(escalated(Warning)));
        assert_eq!(at("2027-01-04").unwrap_err().code().name(), "unknown_calendar_year");
    }

    #[test]
    fn heads_of_units_without_end() {
        let user = |number: u128| Id::<User>::from_uuid(Uuid::from_u128(number));
        let unit = |number: u128| Id::<OrgUnit>::from_uuid(Uuid::from_u128(number));
        let person =
            |unit_number: Option<u128>, active| Person { unit: unit_number.map(unit), active, roles: vec![] };
        let mut people = People::default();
        people.users.insert(user(1), person(Some(10), true));
        people.users.insert(user(2), person(Some(10), true));
        people.users.insert(user(3), person(Some(20), false));
        people.users.insert(user(4), person(None, true));
        // 10 below 20 below 30 below 20: a tree that was spoilt must not hang the scan.
        people.units.insert(unit(10), Unit { head: Some(user(2)), above: Some(unit(20)) });
        people.units.insert(unit(20), Unit { head: Some(user(3)), above: Some(unit(30)) });
        people.units.insert(unit(30), Unit { head: None, above: Some(unit(20)) });
        assert_eq!(people.head_of(user(1)), Some(user(2)));
        assert_eq!(people.head_of(user(2)), None, "heads themselves, an inactive head above, then nobody");
        assert_eq!(people.head_of(user(4)), None);
        let head = WarningRecipients { unit_head: true, ..WarningRecipients::default() };
        assert_eq!(people.told(&head, Some(user(1))), [user(2)]);
        assert_eq!(people.told(&WarningRecipients::owner(), Some(user(3))), []);
        assert_eq!(people.told(&WarningRecipients::owner(), None), []);
        let both = WarningRecipients { users: vec![user(4), user(1), user(3)], ..WarningRecipients::owner() };
        assert_eq!(people.told(&both, Some(user(1))), [user(1), user(4)], "each once, in order");
    }
}
