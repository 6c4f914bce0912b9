//! Red invoices (红字发票): taking back what was issued, all of it or in part.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_ISSUE;
use super::book::smallest;
use super::issue::{issued_number, issued_on};
use super::plan::{InvoiceDetails, choose_number};
use super::read::{lines_of, reach_at};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::rules::DATE_IN_FUTURE;
use crate::areas::contract::rules::amounts::{Taxed, total};
use crate::areas::contract::uninvoiced;
use crate::areas::invoice::model::{Invoice, InvoiceLine, InvoiceStatus};
use crate::areas::invoice::rules::status::{self, Action};
use crate::areas::invoice::rules::{
    ABOVE_LEFT, INVOICE_NUMBER_TAKEN, INVOICE_NUMBER_WRONG, INVOICED_TWICE, NO_INVOICE_LINE,
    WRONG_INVOICE_STATUS, parts,
};
use crate::areas::party::rules::name;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Quantity};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::plan::Pred;
use crate::store::record::{Field, Record};

/// What is taken back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RedRequest {
    /// All that is left.
    #[default]
    Rest,
    /// These lines, as far as said.
    Lines(Vec<RedLine>),
}

/// How much of a line is taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedLine {
    /// The line by its position.
    pub line: u32,
    /// How much with tax, above zero; what is left of it when left out.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// How many came back, above zero and together no more than were invoiced. They can be invoiced again; without it an
    /// allowance on the price is meant, except that with the last of a line's amount all that is still out comes back.
    #[serde(default)]
    pub quantity: Option<Quantity>,
}

/// Takes back an issued invoice, or part of it, by a red invoice, whose amounts are below zero.
///
/// It keeps the tax rates of the original, whatever is in force today. The net of a part is the difference of two rounded running
/// totals, so that red invoices that use up a line have exactly its net and tax. What is taken back can be invoiced
/// again. An installment of which the invoice covers nothing any more is dated by the earliest other invoice that covers it, or waits
/// again. After the contract's end due dates stay; what is taken back counts when the end is. A red invoice is final.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedInvoice {
    /// The invoice.
    pub id: Id<Invoice>,
    /// The version you have read.
    pub version: u32,
    /// Why, up to 1000 characters: wrong, returned, ended, allowance.
    pub reason: String,
    /// What is taken back.
    #[serde(default)]
    pub of: RedRequest,
    /// Our number of the red invoice; `FP-yyyy-000001` and so on when left out.
    #[serde(default)]
    pub number: Option<String>,
    /// The number that the tax system gave the red invoice; see `invoice.issue`.
    #[serde(default)]
    pub issued_number: Option<String>,
    /// When it was issued; today when left out, never later and not before the invoice.
    #[serde(default)]
    pub issued_on: Option<Date>,
}

/// A line with how much of it is taken back.
struct Part {
    line: InvoiceLine,
    gross: Amount,
    quantity: Option<Quantity>,
}

/// How many of each line came back with red invoices before, by position.
fn returned(cx: &mut Cx<'_>, invoice: Id<Invoice>) -> Result<BTreeMap<u32, Quantity>> {
    let ids = cx.ids();
    let mut query = cx.query::<InvoiceLine>();
    let base = query.base();
    let red = query.join(base, InvoiceLine::C.invoice);
    let of_invoice = Pred::equal(red.column(Invoice::C.red_of), invoice.encode(ids)?);
    let mut returned: BTreeMap<u32, Quantity> = BTreeMap::new();
    for line in query.filter(of_invoice).fetch(cx.tx())? {
        if let (Some(seq), Some(quantity)) = (line.red_of_line, line.quantity) {
            let sum = returned.entry(seq).or_default();
            *sum = sum.checked_sub(quantity)?;
        }
    }
    Ok(returned)
}

/// The installments of which an invoice covers nothing any more, when a red one takes more of its lines back.
fn uncovered(lines: &[InvoiceLine], red: &[InvoiceLine]) -> Result<Vec<u32>> {
    let mut left: BTreeMap<u32, Amount> = BTreeMap::new();
    for line in lines {
        if let Some(seq) = line.installment {
            let back = red.iter().filter(|red| red.red_of_line == Some(line.seq)).map(|red| red.gross);
            let rest = line.gross.checked_sub(line.reversed)?.checked_add(Amount::checked_sum(back)?)?;
            let sum = left.entry(seq).or_default();
            *sum = sum.checked_add(rest)?;
        }
    }
    Ok(left.into_iter().filter(|(_, left)| !left.is_positive()).map(|(seq, _)| seq).collect())
}

fn chosen(
    invoice: &Invoice,
    lines: &[InvoiceLine],
    returned: &BTreeMap<u32, Quantity>,
    request: &RedRequest,
) -> Result<Vec<Part>> {
    let left = |line: &InvoiceLine| line.gross.checked_sub(line.reversed);
    // With the last of a line's amount all of its quantity that is still out comes back.
    let quantity_left = |line: &InvoiceLine| -> Result<Option<Quantity>> {
        let before = returned.get(&line.seq).copied().unwrap_or_default();
        let rest = line.quantity.map(|all| all.checked_sub(before)).transpose()?;
        Ok(rest.filter(|rest| rest.is_positive()))
    };
    let mut parts = Vec::new();
    match request {
        RedRequest::Rest => {
            for line in lines {
                let gross = left(line)?;
                if gross.is_positive() {
                    parts.push(Part { line: line.clone(), gross, quantity: quantity_left(line)? });
                }
            }
        }
        RedRequest::Lines(wanted) => {
            if wanted.is_empty() {
                return Err(Error::new(&error::EMPTY_LIST).at("lines"));
            }
            for (index, want) in wanted.iter().enumerate() {
                let within = |error: Error| error.within(format!("lines[{index}]"));
                if wanted[..index].iter().any(|other| other.line == want.line) {
                    let (part, zh) = (format!("line {}", want.line), format!("第 {} 行", want.line));
                    return Err(within(Error::new(&INVOICED_TWICE).at("line").with_both("part", part, zh)));
                }
                let line = lines.iter().find(|line| line.seq == want.line).ok_or_else(|| {
                    within(
                        Error::new(&NO_INVOICE_LINE)
                            .at("line")
                            .with("number", &invoice.number)
                            .with("seq", want.line),
                    )
                })?;
                let left = left(line)?;
                let gross = want.amount.unwrap_or(left);
                invoice.money(gross).map_err(|error| within(error.at("amount")))?;
                if gross > left || left.is_zero() {
                    return Err(within(
                        Error::new(&ABOVE_LEFT)
                            .at("amount")
                            .with("amount", gross)
                            .with("left", left)
                            .with("line", want.line),
                    ));
                }
                if !gross.is_positive() {
                    return Err(within(
                        Error::new(&error::OUT_OF_RANGE)
                            .at("amount")
                            .with("value", gross)
                            .with("min", smallest(invoice.currency)?)
                            .with("max", left),
                    ));
                }
                let rest = quantity_left(line)?;
                let most = rest.unwrap_or_default();
                if let Some(quantity) = want.quantity.filter(|back| !back.is_positive() || *back > most) {
                    return Err(within(
                        Error::new(&error::OUT_OF_RANGE)
                            .at("quantity")
                            .with("value", quantity)
                            .with("min", "0.000001")
                            .with("max", most),
                    ));
                }
                let whole = rest.filter(|_| gross == left);
                parts.push(Part { line: line.clone(), gross, quantity: want.quantity.or(whole) });
            }
        }
    }
    Ok(parts)
}

impl Operation for RedInvoice {
    type Output = InvoiceDetails;
    const NAME: &'static str = "invoice.red";
    const ZH: &'static str = "开具红字发票";
    const ACCESS: Access = Access::Level("invoice", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::TOO_LONG,
        &error::EMPTY,
        &error::EMPTY_LIST,
        &error::END_BEFORE_START,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
        &DATE_IN_FUTURE,
        &WRONG_INVOICE_STATUS,
        &ABOVE_LEFT,
        &NO_INVOICE_LINE,
        &INVOICED_TWICE,
        &INVOICE_NUMBER_TAKEN,
        &INVOICE_NUMBER_WRONG,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_ISSUE,
        input: r#"{"id": "${issued.invoice.id}", "version": 2, "reason": "销售折让",
            "of": {"lines": [{"line": 1, "amount": "1000"}]}, "issued_number": "26332000000087654321"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<InvoiceDetails> {
        let reason = name("reason", &self.reason, 1000)?;
        let before = reach_at(cx, self.id, self.version)?;
        cx.subject(before.id);
        status::next(before.status, Action::RedPart)?;
        let date = issued_on(cx, self.issued_on)?;
        if let Some(start) = before.issued_on.filter(|start| date < *start) {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("issued_on")
                .with("start", start)
                .with("end", date));
        }
        let lines = lines_of(cx, before.id)?;
        let returned = returned(cx, before.id)?;
        let parts = chosen(&before, &lines, &returned, &self.of).map_err(|error| error.within("of"))?;
        let id: Id<Invoice> = cx.new_id();
        let mut red_lines = Vec::with_capacity(parts.len());
        let mut taxed = Vec::with_capacity(parts.len());
        for (part, seq) in parts.into_iter().zip(1_u32..) {
            let Part { line, gross, quantity } = part;
            let reversed = line.reversed.checked_add(gross)?;
            let minor = |amount: Amount| before.money(amount).map(|money| money.to_minor());
            let (whole, from, to) = (minor(line.gross)?, minor(line.reversed)?, minor(reversed)?);
            let gross = before.money(gross)?.checked_neg()?;
            let net = parts::between(before.money(line.net)?, whole, from, to)?.checked_neg()?;
            let tax = gross.checked_sub(net)?;
            taxed.push(Taxed { net, tax, gross });
            red_lines.push(InvoiceLine {
                invoice: id,
                seq,
                quantity: quantity.map(Quantity::checked_neg).transpose()?,
                net: net.amount(),
                tax: tax.amount(),
                gross: gross.amount(),
                red_of_line: Some(line.seq),
                reversed: Amount::ZERO,
                ..line.clone()
            });
            cx.replace(&line, &InvoiceLine { reversed, ..line.clone() })?;
        }
        let sum = total(&taxed, before.currency)?;
        let mut after = before.clone();
        after.reversed = before.reversed.checked_sub(sum.gross.amount())?;
        let action = if after.reversed == before.gross { Action::RedWhole } else { Action::RedPart };
        after.status = status::next(before.status, action)?;
        let mut red = Invoice {
            id,
            number: choose_number(cx, self.number)?,
            issued_number: None,
            status: InvoiceStatus::Red,
            planned_on: None,
            plan_open: None,
            issued_on: Some(date),
            net: sum.net.amount(),
            tax: sum.tax.amount(),
            gross: sum.gross.amount(),
            red_of: Some(before.id),
            reversed: Amount::ZERO,
            rate_reason: None,
            reason: Some(reason),
            note: None,
            handler: cx.actor().user.id,
            created_at: cx.now(),
            version: 1,
            ..before.clone()
        };
        red.issued_number = issued_number(cx, &red, self.issued_number)?;
        let after = cx.update(&before, after)?;
        cx.insert(&red)?;
        cx.insert_all(&red_lines)?;
        let contract = cx.get(before.contract)?;
        if after.status == InvoiceStatus::Reversed {
            uninvoiced(cx, &contract, date, &before.number, None)?;
        } else {
            uninvoiced(cx, &contract, date, &before.number, Some(&uncovered(&lines, &red_lines)?))?;
        }
        Ok(InvoiceDetails { invoice: red, lines: red_lines })
    }
}
