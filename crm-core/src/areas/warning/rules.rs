//! What is warned of: a table of rules over datasets, and the arithmetic of their dates.
//!
//! A rule goes by a date in a record. *Ahead* rules warn from so many days before that date until the date itself; *late*
//! rules warn once more than so many days have passed since. The level follows the days beyond the deadline.

use crate::areas::activity::ACTIVITIES;
use crate::areas::contract::CONTRACTS;
use crate::areas::opportunity::OPPORTUNITIES;
use crate::areas::settlement::INSTALLMENTS;
use crate::areas::warning::model::{LeadUnit, WarningKind, WarningLevel, WarningSetting};
use crate::kernel::calendar::Calendar;
use crate::kernel::date::{self, Date};
use crate::kernel::error::Result;
use crate::store::dataset::Dataset;
use crate::store::expr::{Expr, Operand};

crate::codes! {
    /// There is no such warning now.
    NO_WARNING = 1800, NotFound, "There is no warning {kind} of {subject} now.", "当前没有关于 {subject} 的 {kind} 预警。";
}

/// When a rule warns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// From the lead time before the date until the date.
    Ahead,
    /// Once more than the lead time has passed since the date.
    Late,
}

/// What is warned of. Fields are names of the dataset or paths along references.
pub struct WarningRule {
    /// The kind.
    pub kind: WarningKind,
    /// Where it looks.
    pub dataset: &'static Dataset,
    /// The date it goes by; it should lead an index.
    pub date: &'static str,
    /// Which rows are watched.
    pub watched: fn() -> Expr,
    /// When it warns.
    pub timing: Timing,
    /// Lead time in calendar days unless set otherwise.
    pub lead_days: u32,
    /// The record it is about.
    pub subject: &'static str,
    /// The row below the record.
    pub seq: Option<&'static str>,
    /// What names it, in order.
    pub title: [&'static str; 2],
    /// The customer's name.
    pub customer_name: &'static str,
    /// Who is responsible.
    pub owner: &'static str,
    /// Amount and currency.
    pub amount: Option<(&'static str, &'static str)>,
    /// The level from so many days beyond the deadline on, ascending; a notice before the first.
    pub levels: &'static [(i64, WarningLevel)],
}

fn open_installments() -> Expr {
    Expr::Present("open_amount".to_owned())
}

/// Every rule, in the order of their kinds.
pub static RULES: &[WarningRule] = &[
    WarningRule {
        kind: WarningKind::InstallmentDue,
        dataset: &INSTALLMENTS,
        date: "due_date",
        watched: open_installments,
        timing: Timing::Ahead,
        lead_days: 7,
        subject: "contract",
        seq: Some("seq"),
        title: ["contract_number", "label"],
        customer_name: "customer_name",
        owner: "owner",
        amount: Some(("open_amount", "currency")),
        levels: &[(-3, WarningLevel::Warning)],
    },
    WarningRule {
        kind: WarningKind::InstallmentOverdue,
        dataset: &INSTALLMENTS,
        date: "due_date",
        watched: open_installments,
        timing: Timing::Late,
        lead_days: 0,
        subject: "contract",
        seq: Some("seq"),
        title: ["contract_number", "label"],
        customer_name: "customer_name",
        owner: "owner",
        amount: Some(("open_amount", "currency")),
        levels: &[(1, WarningLevel::Warning), (31, WarningLevel::Critical)],
    },
    WarningRule {
        kind: WarningKind::ContractEnding,
        dataset: &CONTRACTS,
        date: "runs_until",
        watched: || Expr::Present("runs_until".to_owned()),
        timing: Timing::Ahead,
        lead_days: 30,
        subject: "id",
        seq: None,
        title: ["number", "title"],
        customer_name: "customer_name",
        owner: "owner",
        amount: Some(("amount", "currency")),
        levels: &[(-7, WarningLevel::Warning)],
    },
    WarningRule {
        kind: WarningKind::OpportunityStalled,
        dataset: &OPPORTUNITIES,
        date: "stage_since",
        watched: || Expr::Equal("status".to_owned(), Operand::Text("open".to_owned())),
        timing: Timing::Late,
        lead_days: 30,
        subject: "id",
        seq: None,
        title: ["number", "name"],
        customer_name: "customer.name",
        owner: "owner",
        amount: Some(("expected_amount", "currency")),
        levels: &[(31, WarningLevel::Warning)],
    },
    WarningRule {
        kind: WarningKind::FollowupOverdue,
        dataset: &ACTIVITIES,
        date: "open_next_date",
        watched: || Expr::Present("open_next_date".to_owned()),
        timing: Timing::Late,
        lead_days: 0,
        subject: "id",
        seq: None,
        title: ["customer_name", "next_step"],
        customer_name: "customer_name",
        owner: "owner",
        amount: None,
        levels: &[(3, WarningLevel::Warning)],
    },
];

impl WarningRule {
    /// The setting that holds while nobody has made another.
    pub fn usual(&self) -> WarningSetting {
        WarningSetting { kind: self.kind, lead: self.lead_days, unit: LeadUnit::Days, enabled: true }
    }

    /// The level at so many days beyond the deadline.
    pub fn level(&self, days_late: i64) -> WarningLevel {
        let reached = self.levels.iter().take_while(|(from, _)| days_late >= *from).last();
        reached.map_or(WarningLevel::Notice, |(_, level)| *level)
    }

    /// The dates that are warned of on a day: the first, if there is one, and the last.
    ///
    /// # Errors
    /// `UNKNOWN_CALENDAR_YEAR` for working days of an unknown year; `DATE_OUT_OF_RANGE`.
    pub fn window(
        &self,
        setting: &WarningSetting,
        day: Date,
        calendar: &Calendar,
    ) -> Result<(Option<Date>, Date)> {
        let lead = i32::try_from(setting.lead).unwrap_or(i32::MAX);
        match self.timing {
            Timing::Ahead => Ok((Some(day), moved(day, lead, setting.unit, calendar)?)),
            Timing::Late => {
                let date = moved(day, -lead, setting.unit, calendar)?;
                Ok((None, date::add_days(date, -1)?))
            }
        }
    }

    /// The day by which the record's date obliges: the date itself, or the lead time after it for a late rule.
    ///
    /// # Errors
    /// As [`WarningRule::window`].
    pub fn deadline(&self, setting: &WarningSetting, date: Date, calendar: &Calendar) -> Result<Date> {
        match self.timing {
            Timing::Ahead => Ok(date),
            Timing::Late => {
                moved(date, i32::try_from(setting.lead).unwrap_or(i32::MAX), setting.unit, calendar)
            }
        }
    }
}

fn moved(day: Date, days: i32, unit: LeadUnit, calendar: &Calendar) -> Result<Date> {
    match unit {
        LeadUnit::Days => date::add_days(day, i64::from(days)),
        LeadUnit::WorkingDays => calendar.add_working_days(day, days),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kernel::date::parse_date;
    use crate::store::record::Coded;

    fn rule(kind: WarningKind) -> &'static WarningRule {
        RULES.iter().find(|rule| rule.kind == kind).unwrap()
    }

    #[test]
    fn every_kind_has_one_rule() {
        let kinds: Vec<WarningKind> = RULES.iter().map(|rule| rule.kind).collect();
        assert_eq!(kinds, WarningKind::ALL);
        for rule in RULES {
            assert!(rule.levels.is_sorted_by_key(|(from, _)| *from), "{}", rule.kind.name());
        }
    }

    #[test]
    fn levels() {
        for (kind, days_late, level) in [
            (WarningKind::InstallmentDue, -7, WarningLevel::Notice),
            (WarningKind::InstallmentDue, -4, WarningLevel::Notice),
            (WarningKind::InstallmentDue, -3, WarningLevel::Warning),
            (WarningKind::InstallmentDue, 0, WarningLevel::Warning),
            (WarningKind::InstallmentOverdue, 1, WarningLevel::Warning),
            (WarningKind::InstallmentOverdue, 30, WarningLevel::Warning),
            (WarningKind::InstallmentOverdue, 31, WarningLevel::Critical),
            (WarningKind::FollowupOverdue, 1, WarningLevel::Notice),
        ] {
            assert_eq!(rule(kind).level(days_late), level, "{kind} {days_late}");
        }
    }

    #[test]
    fn what_is_in_the_window_is_just_what_is_beyond_or_before_its_deadline() {
        let china = Calendar::china();
        for kind in [WarningKind::InstallmentDue, WarningKind::OpportunityStalled] {
            let rule = rule(kind);
            for unit in [LeadUnit::Days, LeadUnit::WorkingDays] {
                for lead in [0, 1, 5, 10] {
                    let setting = WarningSetting { kind, lead, unit, enabled: true };
                    for offset in 0..20 {
                        let day = date::add_days(parse_date("2026-09-25").unwrap(), offset).unwrap();
                        let (first, last) = rule.window(&setting, day, &china).unwrap();
                        for other in -40..40 {
                            let date = date::add_days(day, other).unwrap();
                            let inside = first.is_none_or(|first| date >= first) && date <= last;
                            let deadline = rule.deadline(&setting, date, &china).unwrap();
                            if rule.timing == Timing::Late {
                                assert_eq!(inside, deadline < day, "{day} {date} {setting:?}");
                            } else if inside {
                                assert!(deadline >= day);
                            }
                        }
                    }
                }
            }
        }
    }
}
