//! The arithmetic of warnings: windows of dates, deadlines, levels, and which notices are owed.
//!
//! A rule goes by a date in a record. *Ahead* rules warn from so many days before that date until the date itself; *late*
//! rules warn once more than so many days have passed since; *state* rules warn while their condition holds. The level
//! follows the days beyond the deadline.

pub mod built_in;
pub mod credit;
pub mod notices;

use std::fmt;

use crate::areas::warning::model::{
    LeadUnit, WarningDefinition, WarningLevel, WarningRecipients, WarningSettings, WarningStep, WarningTiming,
};
use crate::kernel::calendar::Calendar;
use crate::kernel::date::{self, Date};
use crate::kernel::error::{self, Error, Result};

crate::codes! {
    /// There is no such warning now.
    NO_WARNING = 1800, NotFound, "There is no warning {rule} of {subject} now.", "当前没有关于 {subject} 的 {rule} 预警。";
    /// No rule has this name.
    NO_RULE = 1801, NotFound, "There is no warning rule {name}. Rules: {known}.", "没有名为 {name} 的预警规则。可用规则:{known}。";
    /// The name is another rule's.
    RULE_NAME_TAKEN = 1802, Conflict, "There is a warning rule {name} already.", "已存在名为 {name} 的预警规则。";
    /// The rule belongs to the library.
    RULE_BUILT_IN = 1803, State, "The rule {name} is built in: it can be configured and switched off, not redefined or removed.", "{name} 是内置预警规则,只能配置或停用,不能重新定义或删除。";
    /// The rule contradicts itself, or does not fit its dataset.
    RULE_WRONG = 1804, Invalid, "This does not make a warning rule: {reason}.", "预警规则不正确:{reason}。";
    /// Whoever scans must see everything, or what they cannot see would pass for gone.
    SCAN_NEEDS_ALL = 1805, Denied, "Warnings are scanned by a user whose data scope is all.", "预警扫描必须由数据范围为“全部”的用户执行。";
}

/// Longest lead time.
pub const LEAD_MAX: u32 = 3650;
/// Longest time until escalation.
pub const ESCALATION_MAX: u32 = 250;
/// The last number of the library's own rules.
pub const BUILT_IN_MAX: u32 = 1000;

/// A rule that contradicts itself or its dataset: the field, and why in English and in Chinese.
pub(super) fn wrong(field: impl Into<String>, reason: impl fmt::Display, zh: impl fmt::Display) -> Error {
    Error::new(&RULE_WRONG).at(field).with_both("reason", reason, zh)
}

/// Checks settings: lead and escalation within their bounds.
///
/// # Errors
/// `OUT_OF_RANGE` at `lead` or `escalation.after_working_days`; `RULE_WRONG` for a state rule with a lead and for an
/// escalation that tells nobody.
pub fn check_settings(settings: &WarningSettings, timing: WarningTiming) -> Result<()> {
    let out = |field: &str, value: u32, min: u32, max: u32| {
        Error::new(&error::OUT_OF_RANGE).at(field).with("value", value).with("min", min).with("max", max)
    };
    if settings.lead > LEAD_MAX {
        return Err(out("lead", settings.lead, 0, LEAD_MAX));
    }
    if timing == WarningTiming::State && settings.lead > 0 {
        return Err(wrong(
            "lead",
            "a state rule has no date that a lead time could count from",
            "状态类规则没有日期,不能设置提前量",
        ));
    }
    match &settings.escalation {
        Some(escalation) if !(1..=ESCALATION_MAX).contains(&escalation.after_working_days) => {
            Err(out("escalation.after_working_days", escalation.after_working_days, 1, ESCALATION_MAX))
        }
        Some(escalation) if escalation.recipients == WarningRecipients::default() => {
            Err(wrong("escalation.recipients", "an escalation says who else is told", "升级须指定接收人"))
        }
        _ => Ok(()),
    }
}

/// Checks what can be told without knowing the dataset: name, label, date and timing, titles, levels, settings.
///
/// # Errors
/// `RULE_WRONG`, `EMPTY`, `TOO_LONG`, `OUT_OF_RANGE`, `EMPTY_LIST`, with the field.
pub fn check_definition(rule: &WarningDefinition) -> Result<()> {
    let is_name = rule.name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && rule.name.starts_with(|first: char| first.is_ascii_lowercase())
        && (3..=60).contains(&rule.name.len());
    if !is_name {
        return Err(wrong(
            "name",
            "a name has 3 to 60 small letters, digits and underscores, a letter first",
            "名称须为 3 至 60 个小写字母、数字或下划线,以字母开头",
        ));
    }
    if rule.label.trim().is_empty() {
        return Err(Error::new(&error::EMPTY).at("label"));
    }
    let length = rule.label.chars().count();
    if length > 100 {
        return Err(Error::new(&error::TOO_LONG).at("label").with("length", length).with("max", 100));
    }
    match (rule.timing, &rule.date) {
        (WarningTiming::Ahead | WarningTiming::Late, None) => {
            return Err(wrong(
                "date",
                "rules ahead of or after a date need one",
                "到期前与到期后规则须指定日期字段",
            ));
        }
        (WarningTiming::State, Some(_)) => {
            return Err(wrong("date", "a state rule has no date", "状态类规则不能有日期字段"));
        }
        _ => {}
    }
    if rule.title.is_empty() {
        return Err(Error::new(&error::EMPTY_LIST).at("title"));
    }
    if rule.title.len() > 3 {
        return Err(wrong("title", "at most three texts name a record", "记录的标题最多由三个文本字段组成"));
    }
    if rule.amount.is_some() != rule.currency.is_some() {
        return Err(wrong(
            "currency",
            "an amount needs a currency, and a currency an amount",
            "金额字段与币种字段须同时指定",
        ));
    }
    if !rule.levels.windows(2).all(|pair| pair[0].from_days < pair[1].from_days) {
        return Err(wrong("levels", "levels begin on ascending days", "级别的起始天数须递增"));
    }
    if let Some(at) = rule.levels.windows(2).position(|pair| pair[1].level < pair[0].level) {
        return Err(wrong(
            format_args!("levels[{}].level", at + 1).to_string(),
            "a level does not fall as days pass",
            "级别不能随天数增加而降低",
        ));
    }
    check_settings(&rule.settings, rule.timing).map_err(|error| error.within("settings"))
}

/// The level at so many days beyond the deadline.
pub fn level(levels: &[WarningStep], days_late: i64) -> WarningLevel {
    let reached = levels.iter().take_while(|step| days_late >= i64::from(step.from_days)).last();
    reached.map_or(WarningLevel::Notice, |step| step.level)
}

/// Whether one rule cannot be worked out while the others can: it counts working days of a year that nobody has entered.
pub fn is_not_computable(error: &Error) -> bool {
    *error.code() == error::UNKNOWN_CALENDAR_YEAR
}

/// The dates that are warned of on a day: the first, if there is one, and the last, if there is one.
///
/// # Errors
/// `UNKNOWN_CALENDAR_YEAR` for working days of an unknown year; `DATE_OUT_OF_RANGE`.
pub fn window(
    timing: WarningTiming,
    settings: &WarningSettings,
    day: Date,
    calendar: &Calendar,
) -> Result<(Option<Date>, Option<Date>)> {
    let lead = i32::try_from(settings.lead).unwrap_or(i32::MAX);
    match timing {
        WarningTiming::Ahead => Ok((Some(day), Some(moved(day, lead, settings.unit, calendar)?))),
        WarningTiming::Late => {
            let date = moved(day, -lead, settings.unit, calendar)?;
            Ok((None, Some(date::add_days(date, -1)?)))
        }
        WarningTiming::State => Ok((None, None)),
    }
}

/// The day by which the record's date obliges: the date itself, or the lead time after it for a late rule.
///
/// # Errors
/// As [`window`].
pub fn deadline(
    timing: WarningTiming,
    settings: &WarningSettings,
    date: Date,
    calendar: &Calendar,
) -> Result<Date> {
    match timing {
        WarningTiming::Ahead | WarningTiming::State => Ok(date),
        WarningTiming::Late => {
            moved(date, i32::try_from(settings.lead).unwrap_or(i32::MAX), settings.unit, calendar)
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
    use crate::areas::warning::model::WarningEscalation;
    use crate::kernel::date::parse_date;

    fn definition() -> WarningDefinition {
        built_in::rule("installment_overdue").unwrap().definition.clone()
    }

    #[test]
    fn levels() {
        for (rule, days_late, expected) in [
            ("installment_due", -7, WarningLevel::Notice),
            ("installment_due", -4, WarningLevel::Notice),
            ("installment_due", -3, WarningLevel::Warning),
            ("installment_due", 0, WarningLevel::Warning),
            ("installment_overdue", 1, WarningLevel::Warning),
            ("installment_overdue", 30, WarningLevel::Warning),
            ("installment_overdue", 31, WarningLevel::Critical),
            ("followup_overdue", 1, WarningLevel::Notice),
        ] {
            let levels = &built_in::rule(rule).unwrap().definition.levels;
            assert_eq!(level(levels, days_late), expected, "{rule} {days_late}");
        }
    }

    #[test]
    fn definitions_that_contradict_themselves() {
        type Change = fn(&mut WarningDefinition);
        let cases: [(Change, &str, &str); 16] = [
            (|rule| rule.name = "ab".to_owned(), "rule_wrong", "name"),
            (|rule| rule.name = "Abc".to_owned(), "rule_wrong", "name"),
            (|rule| rule.name = "1bc".to_owned(), "rule_wrong", "name"),
            (|rule| rule.name = "逾期提醒".to_owned(), "rule_wrong", "name"),
            (|rule| rule.label = " ".to_owned(), "empty", "label"),
            (|rule| rule.label = "长".repeat(101), "too_long", "label"),
            (|rule| rule.date = None, "rule_wrong", "date"),
            (|rule| rule.timing = WarningTiming::State, "rule_wrong", "date"),
            (|rule| rule.title.clear(), "empty_list", "title"),
            (|rule| rule.title = vec!["label".to_owned(); 4], "rule_wrong", "title"),
            (|rule| rule.currency = None, "rule_wrong", "currency"),
            (|rule| rule.levels.reverse(), "rule_wrong", "levels"),
            (
                |rule| {
                    for (step, level) in
                        rule.levels.iter_mut().zip([WarningLevel::Critical, WarningLevel::Notice])
                    {
                        step.level = level;
                    }
                },
                "rule_wrong",
                "levels[1].level",
            ),
            (
                |rule| {
                    rule.settings.escalation = Some(WarningEscalation {
                        after_working_days: 1,
                        recipients: WarningRecipients::default(),
                        level: WarningLevel::Critical,
                    });
                },
                "rule_wrong",
                "settings.escalation.recipients",
            ),
            (|rule| rule.settings.lead = 3651, "out_of_range", "settings.lead"),
            (
                |rule| {
                    rule.settings.escalation = Some(WarningEscalation {
                        after_working_days: 0,
                        recipients: WarningRecipients::default(),
                        level: WarningLevel::Critical,
                    });
                },
                "out_of_range",
                "settings.escalation.after_working_days",
            ),
        ];
        assert_eq!(check_definition(&definition()), Ok(()));
        for (change, name, field) in cases {
            let mut rule = definition();
            change(&mut rule);
            let error = check_definition(&rule).unwrap_err();
            assert_eq!((error.code().name().as_str(), error.field()), (name, Some(field)));
        }
    }

    #[test]
    fn what_is_in_the_window_is_just_what_is_beyond_or_before_its_deadline() {
        let china = Calendar::china();
        for timing in [WarningTiming::Ahead, WarningTiming::Late] {
            for unit in [LeadUnit::Days, LeadUnit::WorkingDays] {
                for lead in [0, 1, 5, 10] {
                    let settings = WarningSettings { lead, unit, ..definition().settings };
                    for offset in 0..20 {
                        let day = date::add_days(parse_date("2026-09-25").unwrap(), offset).unwrap();
                        let (first, last) = window(timing, &settings, day, &china).unwrap();
                        for other in -40..40 {
                            let date = date::add_days(day, other).unwrap();
                            let inside = first.is_none_or(|first| date >= first)
                                && last.is_none_or(|last| date <= last);
                            let deadline = deadline(timing, &settings, date, &china).unwrap();
                            if timing == WarningTiming::Late {
                                assert_eq!(inside, deadline < day, "{day} {date} {settings:?}");
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
