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
