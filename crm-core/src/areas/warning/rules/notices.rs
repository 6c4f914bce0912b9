//! Which notices a warning owes, and to whom.
//!
//! A warning owes one notice for each level it is found at that is higher than any of which notice was given: levels that
//! it rose through between two scans are passed over, the highest is told of. Once somebody has taken note it owes nothing
//! more while it lasts; while it is snoozed it waits. When nobody takes note for so many working days after the first
//! notice, it owes one escalation, once. All this holds for one *occurrence*: when a scan has found the cause gone and it
//! comes back, nobody has taken note of that, and notices are owed anew. When its date moves it is another warning.
//!
//! Holders of a role and heads of units are told of what they may read, and of nothing else: whoever names a role does not
//! know whose records its holders see. The owner and users whom the rule names are told whatever their rights are.

use std::collections::{BTreeMap, BTreeSet};

use crate::areas::access::{OrgUnit, Role, User};
use crate::areas::warning::model::{
    WarningEscalation, WarningLevel, WarningMark, WarningRecipients, WarningState,
};
use crate::areas::warning::rules::is_not_computable;
use crate::kernel::calendar::Calendar;
use crate::kernel::date::{self, Date};
use crate::kernel::error::{Error, Result};
use crate::kernel::id::Id;

/// A notice that is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// The level it tells of.
    pub level: WarningLevel,
    /// Whether it is the escalation.
    pub escalated: bool,
}

/// What a warning owes on a day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Owes {
    /// The notices.
    pub notices: Vec<Owed>,
    /// Why its escalation waits: the working days of a year are not known. Its other notices do not.
    pub waits: Option<Error>,
}

/// What people have done about a warning, as of a day.
pub fn state(mark: &WarningMark, as_of: Date) -> WarningState {
    match (mark.acknowledged_at, mark.snoozed_until) {
        (Some(_), _) => WarningState::Acknowledged,
        (None, Some(until)) if until > as_of => WarningState::Snoozed,
        _ => WarningState::Open,
    }
}

/// What is stored of a warning that stands, as far as it still holds: what was done before its cause went is over.
pub fn in_force(mark: Option<&WarningMark>) -> Option<&WarningMark> {
    mark.filter(|mark| mark.resolved_on.is_none())
}

/// The mark of a warning that stands again on this day, after its cause was found gone: nothing has been done about it.
pub fn again(mark: &WarningMark, since: Date) -> WarningMark {
    WarningMark {
        occurrence: mark.occurrence.saturating_add(1),
        acknowledged_by: None,
        acknowledged_at: None,
        snoozed_until: None,
        standing: Some(since),
        noticed_on: None,
        level: None,
        escalated_on: None,
        resolved_on: None,
        ..mark.clone()
    }
}

/// What a warning at a level owes on a day, given what is stored of it and holds still.
///
/// # Errors
/// `DATE_OUT_OF_RANGE`.
pub fn owed(
    level: WarningLevel,
    mark: Option<&WarningMark>,
    escalation: Option<&WarningEscalation>,
    today: Date,
    calendar: &Calendar,
) -> Result<Owes> {
    let mut owes = Owes::default();
    let Some(mark) = mark else {
        owes.notices.push(Owed { level, escalated: false });
        return Ok(owes);
    };
    if state(mark, today) != WarningState::Open {
        return Ok(owes);
    }
    if mark.level.is_none_or(|noticed| level > noticed) {
        owes.notices.push(Owed { level, escalated: false });
    }
    if let (Some(escalation), Some(first), None) = (escalation, mark.noticed_on, mark.escalated_on) {
        match is_after_working_days(first, escalation.after_working_days, today, calendar) {
            Ok(true) => owes.notices.push(Owed { level: level.max(escalation.level), escalated: true }),
            Ok(false) => {}
            Err(error) if is_not_computable(&error) => owes.waits = Some(error),
            Err(error) => return Err(error),
        }
    }
    Ok(owes)
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

    /// The active heads above a user, the nearest first: of their own unit, then of each unit above.
    fn heads_above(&self, user: Id<User>) -> Vec<Id<User>> {
        let (mut heads, mut at) = (Vec::new(), self.users.get(&user).and_then(|person| person.unit));
        // A tree is no deeper than it has units; whatever is stored, this ends.
        for _ in 0..=self.units.len() {
            let Some(Unit { head, above }) = at.and_then(|unit| self.units.get(&unit)) else { break };
            heads.extend(head.filter(|head| *head != user && self.is_active(*head)));
            at = *above;
        }
        heads
    }

    /// The active holders of these roles.
    fn holders<'a>(&'a self, roles: &'a [Id<Role>]) -> impl Iterator<Item = Id<User>> + 'a {
        let has_role = move |person: &Person| person.roles.iter().any(|role| roles.contains(role));
        self.users.iter().filter(move |(_, person)| person.active && has_role(person)).map(|(user, _)| *user)
    }

    /// Who is told whatever their rights are: the owner, and users whom the rule names.
    fn named(&self, recipients: &WarningRecipients, owner: Option<Id<User>>) -> BTreeSet<Id<User>> {
        let owner = owner.filter(|_| recipients.owner).into_iter();
        owner.chain(recipients.users.iter().copied()).filter(|user| self.is_active(*user)).collect()
    }

    /// Who is told of the warning of a record with this owner, in the order of their ids; `reads` says who may read it.
    pub fn told(
        &self,
        recipients: &WarningRecipients,
        owner: Option<Id<User>>,
        reads: impl Fn(Id<User>) -> bool,
    ) -> Vec<Id<User>> {
        let head = || owner.and_then(|owner| self.heads_above(owner).into_iter().find(|head| reads(*head)));
        let mut told = self.named(recipients, owner);
        if recipients.unit_head {
            told.extend(head());
        }
        told.extend(self.holders(&recipients.roles).filter(|user| reads(*user)));
        if told.is_empty() {
            told.extend(head());
        }
        told.into_iter().collect()
    }

    /// Whether this user is among those who could be told of a warning of this owner's, depending on who may read it.
    pub fn may_be_told(
        &self,
        recipients: &WarningRecipients,
        owner: Option<Id<User>>,
        user: Id<User>,
    ) -> bool {
        self.named(recipients, owner).contains(&user)
            || self.holders(&recipients.roles).any(|holder| holder == user)
            || owner.is_some_and(|owner| self.heads_above(owner).contains(&user))
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
            occurrence: 1,
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
            assert_eq!(owed, Ok(Owes { notices: expected, waits: None }), "{name}");
        }
        let at = |level, today: &str| {
            owed(level, Some(&told(Notice)), Some(&escalation), day(today), &Calendar::china()).unwrap()
        };
        // Looking back from the last known day needs no calendar of the next year; beyond it nothing is guessed, and what
        // does not depend on it is owed all the same.
        assert_eq!(at(Notice, "2026-12-31"), Owes { notices: escalated(Warning), waits: None });
        let waiting = at(Critical, "2027-01-04");
        assert_eq!(waiting.notices, plain(Critical));
        assert_eq!(waiting.waits.unwrap().code().name(), "unknown_calendar_year");
    }

    #[test]
    fn what_was_done_about_it_is_over_when_its_cause_was_gone() {
        let acknowledged = WarningMark {
            acknowledged_at: Some(Instant::from_micros(0).unwrap()),
            level: Some(WarningLevel::Critical),
            ..mark()
        };
        assert_eq!(in_force(Some(&acknowledged)), Some(&acknowledged));
        let gone = WarningMark { resolved_on: Some(day("2026-03-09")), ..acknowledged };
        assert_eq!(in_force(Some(&gone)), None);
        let again = again(&gone, day("2026-04-20"));
        let standing = Some(day("2026-04-20"));
        assert_eq!(again, WarningMark { occurrence: 2, standing, ..mark() });
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
        let head = WarningRecipients { unit_head: true, ..WarningRecipients::default() };
        let told = |recipients: &WarningRecipients, owner| people.told(recipients, owner, |_| true);
        assert_eq!(told(&head, Some(user(1))), [user(2)]);
        assert_eq!(told(&head, Some(user(2))), [], "heads themselves, an inactive head above, then nobody");
        assert_eq!(told(&head, Some(user(4))), []);
        assert_eq!(told(&WarningRecipients::owner(), Some(user(3))), []);
        assert_eq!(told(&WarningRecipients::owner(), None), []);
        let both = WarningRecipients { users: vec![user(4), user(1), user(3)], ..WarningRecipients::owner() };
        assert_eq!(told(&both, Some(user(1))), [user(1), user(4)], "each once, in order");
    }

    #[test]
    fn holders_of_roles_and_heads_are_told_of_what_they_may_read() {
        let user = |number: u128| Id::<User>::from_uuid(Uuid::from_u128(number));
        let unit = |number: u128| Id::<OrgUnit>::from_uuid(Uuid::from_u128(number));
        let role = Id::<Role>::from_uuid(Uuid::from_u128(100));
        let mut people = People::default();
        for (number, unit_number, roles) in
            [(1, 10, vec![]), (2, 10, vec![]), (3, 20, vec![]), (4, 20, vec![role])]
        {
            let person = Person { unit: Some(unit(unit_number)), active: true, roles };
            people.users.insert(user(number), person);
        }
        people.units.insert(unit(10), Unit { head: Some(user(2)), above: Some(unit(20)) });
        people.units.insert(unit(20), Unit { head: Some(user(3)), above: None });
        let owner = Some(user(1));
        let holders = WarningRecipients { roles: vec![role], ..WarningRecipients::default() };
        let head = WarningRecipients { unit_head: true, ..WarningRecipients::default() };
        let named = WarningRecipients { users: vec![user(4)], ..WarningRecipients::owner() };
        for (name, recipients, readers, expected) in [
            ("a holder who reads it", &holders, vec![2, 4], vec![4]),
            ("no holder reads it: the head is told", &holders, vec![2, 3], vec![2]),
            ("the next head above who reads it", &head, vec![3], vec![3]),
            ("nobody reads it", &head, vec![], vec![]),
            ("named, whatever they read", &named, vec![], vec![1, 4]),
        ] {
            let reads = |of: Id<User>| readers.iter().any(|reader| user(*reader) == of);
            let expected: Vec<_> = expected.into_iter().map(user).collect();
            assert_eq!(people.told(recipients, owner, reads), expected, "{name}");
            for told in expected {
                assert!(people.may_be_told(recipients, owner, told), "{name}");
            }
        }
    }
}
