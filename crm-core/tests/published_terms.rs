//! Payment terms, splits and early-payment discounts against figures that others published: see the README beside the
//! files for their sources. A row that contradicts a rule of ours is counted with the reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod published;

use crm_core::areas::contract::rules::amounts::taken_out;
use crm_core::areas::contract::rules::discount::{Discounted, TaxPart, discounted, last_day};
use crm_core::areas::contract::rules::schedule::{Anchors, check_terms, term_dues};
use crm_core::areas::contract::rules::shares::term_amounts;
use crm_core::areas::contract::rules::term_source::{Stated, TermSource, term_source};
use crm_core::areas::contract::rules::{BALANCE_NOT_LAST, TERMS_DO_NOT_SUM};
use crm_core::areas::contract::{
    DiscountBase, EarlyDiscount, MonthDay, PaymentTerm, TermAlign, TermAnchor, TermOffset, TermShare,
};
use crm_core::kernel::calendar::Calendar;
use crm_core::kernel::cash::cash_rounded;
use crm_core::kernel::currency::Currency;
use crm_core::kernel::date::Date;
use crm_core::kernel::decimal::{Amount, Rate};
use crm_core::kernel::money::Money;
use crm_core::kernel::rounding::Rounding;
use published::Outcome::{Different, NotYet, Passed};
use published::*;
use serde_json::Value;

const NOMINAL: &str =
    "terms whose stated shares are not the whole contract are refused, not bent into the last one";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn money(value: &Value) -> Money {
    Money::new(amount(value), Currency::CNY).unwrap()
}

fn day_number(value: &Value) -> u32 {
    u32::try_from(value.as_i64().unwrap()).unwrap()
}

/// The due dates of terms that count from the invoice, or with `sequential` from the term before.
fn dues(start: Date, terms: Vec<(TermOffset, TermAlign)>, sequential: bool) -> Vec<Date> {
    let terms: Vec<PaymentTerm> = terms
        .into_iter()
        .enumerate()
        .map(|(index, (offset, align))| {
            let anchor = if sequential && index > 0 { TermAnchor::Previous } else { TermAnchor::Signed };
            PaymentTerm { offset, align, ..PaymentTerm::new(TermShare::Balance, anchor) }
        })
        .collect();
    let anchors = Anchors { signed: Some(start), ..Anchors::default() };
    let dues = term_dues(&terms, &anchors, &[], &Calendar::weekends_only()).unwrap();
    dues.into_iter().map(|due| due.due.unwrap()).collect()
}

fn base(mode: &str) -> DiscountBase {
    match mode {
        "on_total" | "included" | "" => DiscountBase::Total,
        "on_untaxed" | "on_base" | "untaxed" | "excluded" | "tax_on_full_base" => DiscountBase::Untaxed,
        "tax_always_on_discounted_base" | "mixed" => DiscountBase::TaxReducing,
        other => panic!("an unknown kind of discount: {other}"),
    }
}

fn terms_of(percent: &Value, days: &Value, mode: &str) -> EarlyDiscount {
    EarlyDiscount { rate: rate(percent), days: number(days).unsigned_abs(), base: base(mode) }
}

/// What is owed on an amount without tax at one rate, the tax rounded half-up.
fn taxed(untaxed: &Value, percent: &Value) -> TaxPart {
    let (net, tax_rate) = (money(untaxed), if percent.is_null() { Rate::ZERO } else { rate(percent) });
    TaxPart { tax_rate, net, tax: net.multiply(tax_rate, Rounding::HalfUp).unwrap() }
}

/// What a row says of its invoice: lines with tax, one amount with several taxes, or amounts as they are.
fn parts_of(input: &Value) -> Option<Vec<TaxPart>> {
    if let Some(lines) = input.get("lines").and_then(Value::as_array)
        && lines.iter().all(|line| line.get("untaxed").is_some())
    {
        return Some(lines.iter().map(|line| taxed(&line["untaxed"], &line["tax_percent"])).collect());
    }
    if let Some(documents) = input.get("one_payment_for").and_then(Value::as_array) {
        return Some(documents.iter().map(|line| taxed(&line["untaxed"], &line["tax_percent"])).collect());
    }
    if let Some(taxes) = input.get("taxes").and_then(Value::as_array) {
        // Several taxes on one amount are one tax at the sum of their rates.
        let percents: Vec<Amount> = taxes.iter().map(|tax| amount(&tax["percent"])).collect();
        return Some(vec![taxed(&input["untaxed"], &Value::String(sum(&percents).to_string()))]);
    }
    if let Some(gross) = input.get("gross_price_tax_included") {
        let tax_rate = rate(&input["tax_percent"]);
        let taxed = taken_out(money(gross), tax_rate).unwrap();
        return Some(vec![TaxPart { tax_rate, net: taxed.net, tax: taxed.tax }]);
    }
    let (net, tax) = (input.get("untaxed").or(input.get("net"))?, input.get("tax"));
    let tax = match tax {
        Some(tax) => money(tax),
        None => return Some(vec![taxed(net, &input["tax_percent"])]),
    };
    Some(vec![TaxPart { tax_rate: Rate::ZERO, net: money(net), tax }])
}

/// Figures of a row under any of its names, compared where the row has them.
fn compare(row: &Value, figures: &[(&[&str], Money)]) -> usize {
    let mut compared = 0;
    for (names, found) in figures {
        for published in names.iter().filter_map(|name| row.get(name)) {
            assert_eq!(*found, money(published), "{names:?} of {row}");
            compared += 1;
        }
    }
    compared
}

fn total_of(found: &Discounted, part: impl Fn(usize) -> Money) -> Money {
    Money::checked_sum((0..found.parts.len()).map(part), Currency::CNY).unwrap()
}

fn early_discount(input: &Value, expected: &Value) -> Outcome {
    let terms = &input["discount"];
    let discount = terms_of(
        terms.get("percent").unwrap_or(&input["discount_percent"]),
        &terms["days"],
        text(&input["mode"]),
    );
    if let Some(until) = expected.get("discount_until") {
        let found = last_day(day(&input["invoice_date"]), &discount).unwrap();
        assert_eq!(found, day(until), "{input}");
        return Passed;
    }
    if let Some(invoice) = input.get("invoice").and_then(Value::as_str) {
        // An amount in another currency, translated at the rate of the day.
        let (figure, _) = invoice.split_once(' ').unwrap();
        let net = Money::new(Amount::parse(figure).unwrap(), Currency::USD).unwrap();
        let part = TaxPart { tax_rate: Rate::ZERO, net, tax: Money::zero(Currency::USD) };
        let found = discounted(&[part], &discount).unwrap();
        let rate = amount(&input["rate"]);
        let home = |money: Money| {
            Money::rounded(money.amount().value() * rate.value(), Currency::CNY, Rounding::HalfUp).unwrap()
        };
        let compared = compare(
            expected,
            &[
                (&["cash_company", "cash"], home(found.payable)),
                (&["deduction_company"], home(found.discount)),
                (&["deduction"], found.discount),
            ],
        );
        return if compared > 0 { Passed } else { NotYet("the account that a discount is posted to") };
    }
    if let (Some(document), Some(rounding)) =
        (input.get("document"), input.pointer("/document/cash_rounding"))
    {
        let part =
            TaxPart { tax_rate: Rate::ZERO, net: money(&document["untaxed"]), tax: money(&document["tax"]) };
        let found = discounted(&[part], &discount).unwrap();
        let how = match text(&rounding["mode"]) {
            "up" => Rounding::Up,
            "down" => Rounding::Down,
            _ => Rounding::HalfUp,
        };
        let payable = cash_rounded(found.payable, amount(&rounding["step"]), how).unwrap().payable;
        let per = amount(&input["document_per_company"]).value();
        let company = |money: Money| {
            Money::rounded(money.amount().value() / per, Currency::CNY, Rounding::HalfUp).unwrap()
        };
        compare(
            expected,
            &[
                (&["payable_if_early_document"], payable),
                (&["payable_if_early_company"], company(payable)),
                (&["total_company"], company(found.total)),
            ],
        );
        return Passed;
    }
    let Some(parts) = parts_of(input) else {
        return NotYet("a discount without the amounts of its invoice");
    };
    let found = discounted(&parts, &discount).unwrap();
    let in_time = input["paid_in_time"].as_bool().unwrap_or(true)
        && input["pay_after_days"].as_i64().is_none_or(|days| days <= i64::from(discount.days));
    let zero = Money::zero(Currency::CNY);
    let off = |money: Money| if in_time { money } else { zero };
    let cash = if in_time { found.payable } else { found.total };
    let tax = total_of(&found, |at| found.parts[at].stated_tax);
    let on_base = off(total_of(&found, |at| found.parts[at].on_base));
    let on_tax = off(total_of(&found, |at| found.parts[at].on_tax));
    let mut compared = compare(
        expected,
        &[
            (&["invoice_total", "gross", "total", "allocated", "payable_if_late"], found.total),
            (&["cash", "discounted", "payable", "payable_if_early"], cash),
            (&["discount"], off(found.discount)),
            (&["discount_on_base", "discount_base"], on_base),
            (&["discount_on_tax", "discount_tax"], on_tax),
            (&["tax"], tax),
            (&["untaxed"], Money::checked_sum(parts.iter().map(|part| part.net), Currency::CNY).unwrap()),
            (
                &["tax_base"],
                Money::checked_sum(parts.iter().map(|part| part.net), Currency::CNY)
                    .unwrap()
                    .checked_sub(on_base)
                    .unwrap(),
            ),
        ],
    );
    if let Some(row) = expected.get("schedule_row") {
        compared += compare(row, &[(&["paid"], cash), (&["discounted"], off(found.discount))]);
    }
    for line in expected["discount_lines"].as_array().unwrap_or(const { &Vec::new() }) {
        for (name, published) in line.as_object().unwrap() {
            let at_rate = |percent: Rate| {
                let parts = found.parts.iter().filter(|part| part.tax_rate == percent);
                Money::checked_sum(parts.map(|part| part.on_base), Currency::CNY).unwrap()
            };
            let mine = match name.strip_prefix("base_tax_") {
                Some(percent) => at_rate(rate(&Value::String(percent.to_owned()))),
                None if name == "tax" => on_tax,
                None => at_rate(Rate::ZERO),
            };
            assert_eq!(mine, money(published), "{name} of {input}");
            compared += 1;
        }
    }
    assert!(compared > 0, "nothing to compare in {expected}");
    Passed
}

fn file_term(row: &Value) -> Outcome {
    let lines = row["lines"].as_array().unwrap_or(const { &Vec::new() });
    let shares: Vec<TermShare> =
        lines.iter().filter(|line| line.get("pct").or(line.get("fixed")).is_some()).map(share).collect();
    match text(&row["kind"]) {
        "due_dates" => {
            let terms = lines.iter().map(|line| {
                let count = TermOffset::Days(line.get("days").map_or(0, number));
                let field = |name: &str| line.get(name).map(day_number);
                let align = if line["basis"] == "end_of_invoice_month" {
                    TermAlign::MonthEndBefore
                } else if let Some(day) = field("then_day_of_month") {
                    TermAlign::OnOrAfter(vec![day])
                } else if let Some(day) = field("days_next_month").or(field("day_following_month")) {
                    if day == 0 { TermAlign::MonthEnd } else { TermAlign::NextMonthOn(day) }
                } else if let Some(day) = field("day_current_month") {
                    TermAlign::DayOfMonth(MonthDay { day, months: 0 })
                } else {
                    TermAlign::None
                };
                (count, align)
            });
            let found = dues(day(&row["invoice_date"]), terms.collect(), false);
            assert_eq!(found, days(&row["due"]), "{row}");
            Passed
        }
        "instalment_amounts" => {
            let found = parts(amount(&row["total"]), "0.01", &shares);
            let expected = amounts(&row["expected"]);
            if expected.iter().any(|part| part.is_negative()) {
                assert_eq!(found.unwrap_err().code(), &TERMS_DO_NOT_SUM, "{row}");
                return Different(NOMINAL);
            }
            assert_eq!(found.unwrap(), expected, "{row}");
            Passed
        }
        "validation" => {
            assert_eq!(parts(amount(&"100".into()), "0.01", &shares).unwrap_err().code(), &TERMS_DO_NOT_SUM);
            Passed
        }
        "early_discount" => {
            let part = TaxPart { tax_rate: Rate::ZERO, net: money(&row["net"]), tax: money(&row["tax"]) };
            let terms = terms_of(&row["discount_pct"], &Value::Null, text(&row["computation"]));
            let found = discounted(&[part], &terms).unwrap();
            compare(&row["expected"], &[(&["total"], found.total), (&["discounted"], found.payable)]);
            Passed
        }
        other => panic!("an unknown kind of row: {other}"),
    }
}

#[test]
fn payment_terms() {
    let file = "payment_terms.jsonl";
    let Some(rows) = rows(file) else { return };
    report(rows.iter().map(|row| (file.to_owned(), file_term(row))).collect());
}

fn peer_term(input: &Value, expected: &Value) -> Outcome {
    let start = day(&input["invoice_date"]);
    let terms = input["terms"].as_array().unwrap().iter().map(|published| {
        let align = match text(&published["kind"]) {
            "days_after" => TermAlign::None,
            "days_then_next_month_on_day" if published["day"] == 0 => TermAlign::MonthEnd,
            "days_then_next_month_on_day" | "day_of_following_month" => {
                TermAlign::NextMonthOn(day_number(&published["day"]))
            }
            "days_then_first_day_on_or_after" => TermAlign::OnOrAfter(vec![day_number(&published["day"])]),
            "days_after_end_of_month" => TermAlign::MonthEndBefore,
            "days_then_end_of_month" | "end_of_month" => TermAlign::MonthEnd,
            "day_of_current_month" => {
                TermAlign::DayOfMonth(MonthDay { day: day_number(&published["day"]), months: 0 })
            }
            other => panic!("an unknown kind of term: {other}"),
        };
        (TermOffset::Days(number(&published["days"])), align)
    });
    assert_eq!(dues(start, terms.collect(), false), days(&expected["due_dates"]), "{input}");
    if let Some(until) = expected.get("discount_until") {
        let terms = input.get("discount").filter(|terms| !terms.is_null());
        let found = terms
            .map(|terms| last_day(start, &terms_of(&terms["percent"], &terms["days"], "on_total")).unwrap());
        assert_eq!(found, (!until.is_null()).then(|| day(until)), "{input}");
    }
    Passed
}

fn paydays(input: &Value, expected: &Value) -> Outcome {
    let lines = input["lines"].as_array().unwrap().iter().map(|line| {
        let days = line["paydays"].as_array().map(|days| days.iter().map(day_number).collect::<Vec<_>>());
        let align = days.filter(|days| !days.is_empty()).map_or(TermAlign::None, TermAlign::OnOrAfter);
        (TermOffset::Days(number(&line["days"])), align)
    });
    let found = dues(day(&input["invoice_date"]), lines.collect(), input["sequential"] == true);
    assert_eq!(found, days(&expected["due_dates"]), "{input}");
    Passed
}

fn installment_split(input: &Value, expected: &Value) -> Outcome {
    let lines = input["lines"].as_array().unwrap();
    let shares: Vec<TermShare> = lines.iter().map(share).collect();
    if lines.iter().any(|line| line.get("round_to").is_some()) {
        // The published test looks at one line of an open list; the balance makes it a contract.
        let term = |(line, share): (&Value, &TermShare)| PaymentTerm {
            round_to: line.get("round_to").map(amount),
            ..PaymentTerm::new(*share, TermAnchor::Signed)
        };
        let mut terms: Vec<PaymentTerm> = lines.iter().zip(&shares).map(term).collect();
        terms.push(PaymentTerm::new(TermShare::Balance, TermAnchor::Signed));
        let found = term_amounts(money(&input["total"]), &[], &terms).unwrap();
        if let Some(first) = expected.get("first_amount") {
            assert_eq!(found[0], money(first), "{input}");
        }
        for (found, published) in found.iter().zip(amounts(&expected["amounts"])) {
            assert_eq!(found.amount(), published, "{input}");
        }
        return Passed;
    }
    let step = input["currency_step"].as_str().unwrap_or("0.01");
    let found = parts(amount(&input["total"]), step, &shares);
    match found {
        Ok(found) => {
            assert_eq!(found, amounts(&expected["amounts"]), "{input}");
            Passed
        }
        Err(refused) => {
            // 50% and 50% are the whole already; 0.02 more is not a term of the same contract.
            assert_eq!(refused.code(), &TERMS_DO_NOT_SUM, "{input}");
            assert!(shares.iter().any(|share| matches!(share, TermShare::Amount(_))), "{input}");
            Different(NOMINAL)
        }
    }
}

fn validation(input: &Value, expected: &Value) -> Outcome {
    let Some(lines) = input["lines"].as_array() else {
        return Different("paydays are a list of numbers, so no text of them is read");
    };
    let term = |line: &Value| {
        let days = line["paydays"].as_array().map(|days| days.iter().map(day_number).collect());
        PaymentTerm {
            align: days.map_or(TermAlign::None, TermAlign::OnOrAfter),
            ..PaymentTerm::new(
                if line["balance"] == true { TermShare::Balance } else { share(line) },
                TermAnchor::Signed,
            )
        }
    };
    let terms: Vec<PaymentTerm> = lines.iter().map(term).collect();
    let refused = check_terms(&terms)
        .and_then(|()| term_amounts(money(&Value::String("100".to_owned())), &[], &terms).map(|_| ()));
    assert_eq!(refused.is_ok(), expected["accepted"] == true, "{input}");
    if let Err(refused) = refused {
        let known = [&TERMS_DO_NOT_SUM, &BALANCE_NOT_LAST, &crm_core::kernel::error::OUT_OF_RANGE];
        assert!(known.contains(&refused.code()), "{refused}");
    }
    Passed
}

/// The rule alone: the ledger of the contract is the only one whose default it can see. Two ledgers through the operations
/// are a test of the crate `crm`.
fn scope(input: &Value, expected: &Value) -> Outcome {
    let default = input["customer_default_term"][text(&input["invoice_company"])].as_str();
    let found = term_source(Stated { terms: None, set: None, needs_none: false }, default).unwrap();
    let set = match found {
        TermSource::Default(set) | TermSource::Named(set) => Some(set),
        TermSource::Own => None,
    };
    assert_eq!(set, expected["invoice_term"].as_str(), "{input}");
    Passed
}

fn peer(row: &Value) -> Option<Outcome> {
    let (input, expected) = (&row["input"], &row["expected"]);
    Some(match text(&row["area"]) {
        "payment_terms_due_date" => peer_term(input, expected),
        "payment_terms_paydays" => paydays(input, expected),
        "payment_terms_validation" => validation(input, expected),
        "payment_terms_scope" => scope(input, expected),
        "installment_split" => installment_split(input, expected),
        "installment_labels" => Different("installments without a label are called 第1期, 第2期 and so on"),
        "early_discount" => early_discount(input, expected),
        _ => return None,
    })
}

#[test]
fn peer_cases() {
    let Some(rows) = rows("peer_cases.jsonl") else { return };
    let outcomes = rows.iter().filter_map(|row| {
        let area = text(&row["area"]).to_owned();
        peer(row).map(|outcome| (area, outcome))
    });
    report(outcomes.collect());
}
