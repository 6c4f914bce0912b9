//! The library's own rules. Their names and numbers are stable; a further rule is one more entry.

use std::sync::LazyLock;

use crate::areas::warning::model::{
    LeadUnit, WarningBound, WarningDefinition, WarningFigure, WarningLevel, WarningRecipients,
    WarningSettings, WarningStep, WarningTiming, WarningTotal,
};
use crate::store::expr::{Expr, Operand};

/// A rule with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedRule {
    /// The number that stored rows know it by.
    pub number: u32,
    /// What it says.
    pub definition: WarningDefinition,
}

/// The rule of this name.
pub fn rule(name: &str) -> Option<&'static NumberedRule> {
    RULES.iter().find(|rule| rule.definition.name == name)
}

/// What the entries below have in common.
struct Sketch {
    number: u32,
    name: &'static str,
    label: &'static str,
    dataset: &'static str,
    filter: Expr,
    timing: WarningTiming,
    date: Option<&'static str>,
    lead: u32,
    title: [&'static str; 2],
    customer_name: &'static str,
    owner: &'static str,
    amount: Option<[&'static str; 2]>,
    levels: &'static [(i32, WarningLevel)],
}

impl Sketch {
    fn rule(self) -> NumberedRule {
        let text = |text: &str| text.to_owned();
        let levels = self.levels.iter();
        let definition = WarningDefinition {
            name: text(self.name),
            label: text(self.label),
            dataset: text(self.dataset),
            filter: Some(self.filter),
            timing: self.timing,
            date: self.date.map(text),
            total: None,
            title: self.title.iter().copied().filter(|field| !field.is_empty()).map(text).collect(),
            customer_name: Some(text(self.customer_name)),
            owner: Some(text(self.owner)),
            amount: self.amount.map(|[amount, _]| text(amount)),
            currency: self.amount.map(|[_, currency]| text(currency)),
            levels: levels
                .map(|(from_days, level)| WarningStep { from_days: *from_days, level: *level })
                .collect(),
            settings: WarningSettings {
                lead: self.lead,
                unit: LeadUnit::Days,
                enabled: true,
                recipients: WarningRecipients::owner(),
                escalation: None,
            },
        };
        NumberedRule { number: self.number, definition }
    }
}

fn present(field: &str) -> Expr {
    Expr::Present(field.to_owned())
}

fn equal(field: &str, value: &str) -> Expr {
    Expr::Equal(field.to_owned(), Operand::Text(value.to_owned()))
}

/// Every rule, by number.
pub static RULES: LazyLock<Vec<NumberedRule>> = LazyLock::new(|| {
    let mut rules = vec![
        Sketch {
            number: 1,
            name: "installment_due",
            label: "款项即将到期",
            dataset: "installment",
            filter: present("open_amount"),
            timing: WarningTiming::Ahead,
            date: Some("due_date"),
            lead: 7,
            title: ["contract_number", "label"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["open_amount", "currency"]),
            levels: &[(-3, WarningLevel::Warning)],
        }
        .rule(),
        Sketch {
            number: 2,
            name: "installment_overdue",
            label: "款项逾期",
            dataset: "installment",
            filter: present("open_amount"),
            timing: WarningTiming::Late,
            date: Some("due_date"),
            lead: 0,
            title: ["contract_number", "label"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["open_amount", "currency"]),
            levels: &[(1, WarningLevel::Warning), (31, WarningLevel::Critical)],
        }
        .rule(),
        Sketch {
            number: 3,
            name: "contract_ending",
            label: "合同即将到期",
            dataset: "contract",
            filter: present("runs_until"),
            timing: WarningTiming::Ahead,
            date: Some("runs_until"),
            lead: 30,
            title: ["number", "title"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["amount", "currency"]),
            levels: &[(-7, WarningLevel::Warning)],
        }
        .rule(),
        Sketch {
            number: 4,
            name: "opportunity_stalled",
            label: "商机停滞",
            dataset: "opportunity",
            filter: equal("status", "open"),
            timing: WarningTiming::Late,
            date: Some("stage_since"),
            lead: 30,
            title: ["number", "name"],
            customer_name: "customer.name",
            owner: "owner",
            amount: Some(["expected_amount", "currency"]),
            levels: &[(31, WarningLevel::Warning)],
        }
        .rule(),
        Sketch {
            number: 5,
            name: "followup_overdue",
            label: "跟进逾期",
            dataset: "activity",
            filter: present("open_next_date"),
            timing: WarningTiming::Late,
            date: Some("open_next_date"),
            lead: 0,
            title: ["customer_name", "next_step"],
            customer_name: "customer_name",
            owner: "owner",
            amount: None,
            levels: &[(3, WarningLevel::Warning)],
        }
        .rule(),
    ];
    rules.push(
        Sketch {
            number: 7,
            name: "advance_unallocated",
            label: "预收款未核销",
            dataset: "receipt",
            filter: Expr::And(vec![present("open_advance"), equal("direction", "receipt")]),
            timing: WarningTiming::Late,
            date: Some("date"),
            lead: 30,
            title: ["number", "reference"],
            customer_name: "customer_name",
            owner: "customer.owner",
            amount: Some(["open_advance", "currency"]),
            levels: &[(61, WarningLevel::Warning)],
        }
        .rule(),
    );
    rules.push(
        Sketch {
            number: 8,
            name: "invoice_due",
            label: "即将开票",
            dataset: "invoice",
            filter: present("plan_open"),
            timing: WarningTiming::Ahead,
            date: Some("plan_open"),
            lead: 3,
            title: ["contract_number", "contract_title"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["gross", "currency"]),
            levels: &[(0, WarningLevel::Warning)],
        }
        .rule(),
    );
    rules.push(
        Sketch {
            number: 9,
            name: "invoice_overdue",
            label: "逾期未开票",
            dataset: "invoice",
            filter: present("plan_open"),
            timing: WarningTiming::Late,
            date: Some("plan_open"),
            lead: 0,
            title: ["contract_number", "contract_title"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["gross", "currency"]),
            levels: &[(1, WarningLevel::Warning)],
        }
        .rule(),
    );
    rules.push(
        Sketch {
            number: 10,
            name: "retention_release",
            label: "质保金即将到期",
            dataset: "installment",
            filter: Expr::And(vec![
                present("open_amount"),
                equal("kind", "retention"),
                Expr::Empty("released_on".to_owned()),
            ]),
            timing: WarningTiming::Ahead,
            date: Some("forecast_date"),
            lead: 30,
            title: ["contract_number", "label"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["open_amount", "currency"]),
            levels: &[(-7, WarningLevel::Warning)],
        }
        .rule(),
    );
    rules.push(
        Sketch {
            number: 11,
            name: "contract_notice",
            label: "续签通知期限将至",
            dataset: "contract",
            filter: present("notice_on"),
            timing: WarningTiming::Ahead,
            date: Some("notice_on"),
            lead: 14,
            title: ["number", "title"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["amount", "currency"]),
            levels: &[(-3, WarningLevel::Warning)],
        }
        .rule(),
    );
    // What the rules that look ahead have told of stays told of when its day has passed.
    rules.push(
        Sketch {
            number: 12,
            name: "retention_overdue",
            label: "质保金到期未收回",
            dataset: "installment",
            filter: Expr::And(vec![
                present("open_amount"),
                equal("kind", "retention"),
                Expr::Empty("released_on".to_owned()),
            ]),
            timing: WarningTiming::Late,
            date: Some("forecast_date"),
            lead: 0,
            title: ["contract_number", "label"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["open_amount", "currency"]),
            levels: &[(1, WarningLevel::Warning)],
        }
        .rule(),
    );
    rules.push(
        Sketch {
            number: 13,
            name: "contract_ended",
            label: "合同到期未处理",
            dataset: "contract",
            filter: present("runs_until"),
            timing: WarningTiming::Late,
            date: Some("runs_until"),
            lead: 0,
            title: ["number", "title"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["amount", "currency"]),
            levels: &[(1, WarningLevel::Warning)],
        }
        .rule(),
    );
    rules.push(
        Sketch {
            number: 14,
            name: "contract_notice_missed",
            label: "续签通知期限已过",
            dataset: "contract",
            filter: present("notice_on"),
            timing: WarningTiming::Late,
            date: Some("notice_on"),
            lead: 0,
            title: ["number", "title"],
            customer_name: "customer_name",
            owner: "owner",
            amount: Some(["amount", "currency"]),
            levels: &[(1, WarningLevel::Warning)],
        }
        .rule(),
    );
    // Exposure is what is open of receivables less what was received or credited and not allocated yet; what is in another
    // currency counts with the value that it is booked at.
    let mut credit = Sketch {
        number: 6,
        name: "credit_limit_exceeded",
        label: "超出信用额度",
        dataset: "customer",
        filter: present("credit_limit"),
        timing: WarningTiming::State,
        date: None,
        lead: 0,
        title: ["name", ""],
        customer_name: "name",
        owner: "owner",
        amount: None,
        levels: &[(0, WarningLevel::Warning)],
    }
    .rule();
    credit.definition.total = Some(WarningTotal {
        figures: credit_figures(),
        bound: WarningBound::AboveField("credit_limit".to_owned()),
    });
    rules.insert(5, credit);
    rules
});

/// What a customer owes, and what it has paid in advance.
pub(crate) fn credit_figures() -> Vec<WarningFigure> {
    let open = WarningFigure {
        dataset: "installment".to_owned(),
        by: "customer".to_owned(),
        filter: Some(Expr::And(vec![present("open_amount"), equal("direction", "receivable")])),
        sum: Some("open_amount".to_owned()),
        home: Some("home_open".to_owned()),
        minus: false,
    };
    let advance = WarningFigure {
        dataset: "receipt".to_owned(),
        by: "customer".to_owned(),
        filter: Some(Expr::And(vec![present("open_advance"), equal("direction", "receipt")])),
        sum: Some("open_advance".to_owned()),
        home: Some("home_advance".to_owned()),
        minus: true,
    };
    vec![open, advance]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::areas::warning::rules::{BUILT_IN_MAX, check_definition};

    #[test]
    fn the_rules_are_sound_and_apart() {
        assert!(RULES.is_sorted_by(|one, other| one.number < other.number));
        let mut names: Vec<&str> = RULES.iter().map(|rule| rule.definition.name.as_str()).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|one, other| one < other), "two rules have one name");
        for rule in RULES.iter() {
            assert!(rule.number <= BUILT_IN_MAX);
            assert_eq!(check_definition(&rule.definition), Ok(()), "{}", rule.definition.name);
        }
    }

    #[test]
    fn what_is_told_of_ahead_is_told_of_when_it_has_passed() {
        let watch = |timing| {
            let rules = RULES.iter().map(|rule| &rule.definition).filter(move |rule| rule.timing == timing);
            rules.map(|rule| (&rule.dataset, &rule.filter, &rule.date))
        };
        for ahead in watch(WarningTiming::Ahead) {
            assert!(
                watch(WarningTiming::Late).any(|late| late == ahead),
                "{ahead:?} is lost when it passes unseen"
            );
        }
    }
}
