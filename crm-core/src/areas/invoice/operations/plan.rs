//! Planning invoices: what an invoice says, and what of the contract it covers.

use chrono::Datelike;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_PLAN;
use super::book::{Book, installment_at, line_at, part_of_installment, part_of_line, smallest};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::rules::amounts::{Taxed, total};
use crate::areas::contract::{Contract, GIVEN_TO_EFFECTIVE, Installment, SettlementDirection};
use crate::areas::invoice::model::{Invoice, InvoiceKind, InvoiceLine, InvoiceStatus};
use crate::areas::invoice::rules::tax::{Stated, TaxRounding, tax_lines};
use crate::areas::invoice::rules::{
    ABOVE_INVOICEABLE, CONTRACT_NOT_SIGNED, INVOICE_NUMBER_TAKEN, INVOICED_TWICE, NO_CONTRACT_LINE,
    NOTHING_TO_INVOICE,
};
use crate::areas::party::rules::{CREDIT_CODE_WRONG, check_credit_code, name, optional};
use crate::areas::settlement::rules::NO_INSTALLMENT;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Quantity, Rate};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::kernel::rounding::Rounding;
use crate::store::engine::Mode;
use crate::store::record::Record;

/// Most lines of one invoice.
const LINES_MAX: usize = 2000;

/// What an invoice says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceData {
    /// The contract. It has been signed.
    pub contract: Id<Contract>,
    /// What kind of invoice.
    #[serde(default)]
    pub kind: InvoiceKind,
    /// Our number, up to 60 characters; `FP-yyyy-000001` and so on when left out.
    #[serde(default)]
    pub number: Option<String>,
    /// When it is to be issued; today when left out. It may lie ahead. An invoice that is issued at once needs none.
    #[serde(default)]
    pub planned_on: Option<Date>,
    /// What of the contract it covers.
    #[serde(default)]
    pub cover: InvoiceCover,
    /// Where its tax is rounded.
    #[serde(default)]
    pub rounding: TaxRounding,
    /// The buyer's name; when left out, the customer's, or the ledger's for an invoice that we receive.
    #[serde(default)]
    pub buyer_name: Option<String>,
    /// The buyer's unified social credit code; the customer's when left out. A special VAT invoice that we issue needs one.
    #[serde(default)]
    pub buyer_credit_code: Option<String>,
    /// Remarks.
    #[serde(default)]
    pub note: Option<String>,
}

/// What of a contract an invoice covers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceCover {
    /// Every installment, as far as it is neither planned nor invoiced.
    #[default]
    Rest,
    /// These installments. The gross of each is split over the tax rates of the contract's lines.
    Installments(Vec<InstallmentPart>),
    /// These lines of the contract.
    Lines(Vec<ContractLinePart>),
    /// Exactly these lines, as another system or the supplier wrote them.
    Stated(Vec<StatedLine>),
}

/// An installment, or part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallmentPart {
    /// The installment by its position.
    pub installment: u32,
    /// How much with tax, above zero; what is left when left out.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// One tax rate for all of it, in place of the contract's.
    #[serde(default)]
    pub tax_rate: Option<Rate>,
}

/// A contract line, or part of it by quantity or amount.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractLinePart {
    /// The contract's line by its position.
    pub line: u32,
    /// How much of it, above zero; what is left when both this and `amount` are left out. Its amount is in proportion to the line's, and
    /// the last part takes what is left.
    #[serde(default)]
    pub quantity: Option<Quantity>,
    /// How much with tax, above zero, in place of a quantity.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// A tax rate in place of the line's.
    #[serde(default)]
    pub tax_rate: Option<Rate>,
}

/// A line as it stands on the invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatedLine {
    /// What it is, up to 500 characters.
    pub description: String,
    /// The amount, above zero, with or without tax as the contract's prices are.
    pub amount: Amount,
    /// Value added tax rate, 0 to 1: `"0.13"` is 13%.
    pub tax_rate: Rate,
    /// How much.
    #[serde(default)]
    pub quantity: Option<Quantity>,
    /// Of which unit.
    #[serde(default)]
    pub unit: Option<String>,
    /// The installment that it invoices, by its position.
    #[serde(default)]
    pub installment: Option<u32>,
    /// The contract line that it invoices, by its position.
    #[serde(default)]
    pub contract_line: Option<u32>,
}

/// An invoice with its lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceDetails {
    /// The invoice.
    pub invoice: Invoice,
    /// Its lines, in order.
    pub lines: Vec<InvoiceLine>,
}

/// A line before its tax is computed, and where in the input it comes from.
struct Draft {
    stated: Stated,
    rate_told: bool,
    installment: Option<u32>,
    contract_line: Option<u32>,
    description: String,
    quantity: Option<Quantity>,
    unit: Option<String>,
    path: String,
}

impl InvoiceData {
    /// The invoice and its lines as planned; the contract is guarded, nothing else is written.
    pub(super) fn drawn_up(self, cx: &mut Cx<'_>) -> Result<InvoiceDetails> {
        let book = Book::open(cx, self.contract).map_err(|error| error.at("contract"))?;
        let contract = &book.contract;
        let id: Id<Invoice> = cx.new_id();
        let (lines, total) = lines(&book, id, &self.cover, self.rounding)?;
        let customer = cx.get(contract.customer)?;
        let (buyer_name, code) = match contract.direction {
            SettlementDirection::Receivable => (customer.name, customer.credit_code),
            SettlementDirection::Payable => (cx.ledger().info().name.clone(), None),
        };
        let invoice = Invoice {
            id,
            number: choose_number(cx, self.number)?,
            issued_number: None,
            direction: contract.direction,
            kind: self.kind,
            customer: contract.customer,
            contract: contract.id,
            currency: contract.currency,
            status: InvoiceStatus::Planned,
            planned_on: self.planned_on,
            plan_open: self.planned_on,
            issued_on: None,
            net: total.net.amount(),
            tax: total.tax.amount(),
            gross: total.gross.amount(),
            rounding: self.rounding,
            red_of: None,
            reversed: Amount::ZERO,
            buyer_name: match optional(self.buyer_name) {
                Some(given) => Some(name("buyer_name", &given, 200)?),
                None => optional(Some(buyer_name)),
            },
            buyer_credit_code: checked_code(self.buyer_credit_code)?.or(code),
            rate_reason: None,
            reason: None,
            note: optional(self.note),
            handler: cx.actor().user.id,
            created_at: cx.now(),
            version: 1,
        };
        // The contract's version grows, so that two sessions can never take the same part of it.
        cx.touch(&book.contract)?;
        Ok(InvoiceDetails { invoice, lines })
    }
}

/// The lines of an invoice over what it covers, with their sum.
pub(super) fn lines(
    book: &Book,
    invoice: Id<Invoice>,
    cover: &InvoiceCover,
    rounding: TaxRounding,
) -> Result<(Vec<InvoiceLine>, Taxed)> {
    let contract = &book.contract;
    let drafts = drafts(book, cover).map_err(|error| error.within("cover"))?;
    if drafts.is_empty() {
        return Err(Error::new(&NOTHING_TO_INVOICE).with("part", &contract.number));
    }
    let stated: Vec<Stated> = drafts.iter().map(|draft| draft.stated).collect();
    let taxed = tax_lines(&stated, rounding).map_err(|error| error.within("cover"))?;
    let mut lines = Vec::with_capacity(drafts.len());
    let mut paths = Vec::with_capacity(drafts.len());
    for ((draft, taxed), seq) in drafts.into_iter().zip(&taxed).zip(1_u32..) {
        paths.push(draft.path);
        lines.push(InvoiceLine {
            invoice,
            seq,
            contract: contract.id,
            installment: draft.installment,
            contract_line: draft.contract_line,
            description: draft.description,
            quantity: draft.quantity,
            unit: draft.unit,
            tax_rate: draft.stated.rate,
            rate_told: draft.rate_told,
            currency: contract.currency,
            net: taxed.net.amount(),
            tax: taxed.tax.amount(),
            gross: taxed.gross.amount(),
            red_of_line: None,
            reversed: Amount::ZERO,
        });
    }
    book.check(&lines, &paths).map_err(|error| error.within("cover"))?;
    Ok((lines, total(&taxed, contract.currency)?))
}

/// A buyer's credit code, if one is given.
pub(super) fn checked_code(code: Option<String>) -> Result<Option<String>> {
    let check = |code: String| check_credit_code(&code).map_err(|error| error.at("buyer_credit_code"));
    optional(code).map(check).transpose()
}

/// The number given, if it is free, or the next one of the year.
pub(super) fn choose_number(cx: &mut Cx<'_>, given: Option<String>) -> Result<String> {
    let taken = |cx: &mut Cx<'_>, number: &str| {
        let holder = cx.query::<Invoice>().equal(Invoice::C.number, number.to_owned()).first(cx.tx());
        holder.map(|holder| holder.is_some())
    };
    if let Some(given) = optional(given) {
        let given = name("number", &given, 60)?;
        if taken(cx, &given)? {
            return Err(Error::new(&INVOICE_NUMBER_TAKEN).at("number").with("value", given));
        }
        return Ok(given);
    }
    let year = cx.today().year();
    loop {
        let number = format!("FP-{year}-{:06}", cx.number(&format!("invoice-{year}"))?);
        // Somebody may have given this number by hand.
        if !taken(cx, &number)? {
            return Ok(number);
        }
    }
}

fn drafts(book: &Book, cover: &InvoiceCover) -> Result<Vec<Draft>> {
    let too_many = |count: usize| {
        Error::new(&error::OUT_OF_RANGE).with("value", count).with("min", 1).with("max", LINES_MAX)
    };
    let within = |list: &str, index: usize| format!("{list}[{index}]");
    let mut drafts = Vec::new();
    let count = match cover {
        InvoiceCover::Rest => {
            // What was invoiced without naming an installment is missing at the end.
            let mut left = book.left()?;
            for installment in &book.installments {
                let amount = book.left_of(installment)?.min(left);
                if amount.is_positive() {
                    left = left.checked_sub(amount)?;
                    drafts.extend(of_installment(book, installment, amount, None, String::new())?);
                }
            }
            return Ok(drafts);
        }
        InvoiceCover::Installments(parts) => ("installments", parts.len()),
        InvoiceCover::Lines(parts) => ("lines", parts.len()),
        InvoiceCover::Stated(lines) => ("stated", lines.len()),
    };
    match count {
        (list, 0) => return Err(Error::new(&error::EMPTY_LIST).at(list)),
        (list, count) if count > LINES_MAX => return Err(too_many(count).at(list)),
        _ => {}
    }
    match cover {
        InvoiceCover::Rest => {}
        InvoiceCover::Installments(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let path = within("installments", index);
                let at = |error: Error| error.within(path.clone());
                if parts[..index].iter().any(|other| other.installment == part.installment) {
                    let twice = installment_at(Error::new(&INVOICED_TWICE), part.installment);
                    return Err(at(twice.at("installment")));
                }
                let installment = find_installment(book, part.installment).map_err(at)?;
                let left = book.left_of(installment).map_err(at)?;
                let amount = part.amount.unwrap_or(left);
                if part.amount.is_none() && !left.is_positive() {
                    let nothing =
                        Error::new(&NOTHING_TO_INVOICE).with("part", part_of_installment(installment));
                    return Err(at(nothing));
                }
                check_amount(book, amount).map_err(at)?;
                let place = format!("{path}.amount");
                drafts.extend(of_installment(book, installment, amount, part.tax_rate, place).map_err(at)?);
            }
        }
        InvoiceCover::Lines(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let path = within("lines", index);
                let at = |error: Error| error.within(path.clone());
                if parts[..index].iter().any(|other| other.line == part.line) {
                    return Err(at(line_at(Error::new(&INVOICED_TWICE), part.line).at("line")));
                }
                drafts.push(of_line(book, part, path.clone()).map_err(at)?);
            }
        }
        InvoiceCover::Stated(lines) => {
            for (index, line) in lines.iter().enumerate() {
                let path = within("stated", index);
                let at = |error: Error| error.within(path.clone());
                drafts.push(stated(book, line, format!("{path}.amount")).map_err(at)?);
            }
        }
    }
    Ok(drafts)
}

fn find_installment(book: &Book, seq: u32) -> Result<&Installment> {
    book.installments.iter().find(|installment| installment.seq == seq).ok_or_else(|| {
        let number = &book.contract.number;
        Error::new(&NO_INSTALLMENT).at("installment").with("number", number).with("seq", seq)
    })
}

/// An amount above zero in whole minor units of the contract's currency.
fn check_amount(book: &Book, amount: Amount) -> Result<Money> {
    let money = book.contract.money(amount).map_err(|error| error.at("amount"))?;
    if !money.is_positive() {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("amount")
            .with("value", amount)
            .with("min", smallest(book.contract.currency)?)
            .with("max", Amount::from_scaled(i64::MAX)));
    }
    Ok(money)
}

fn check_rate(rate: Rate) -> Result<Rate> {
    if rate.is_negative() || rate > Rate::ONE {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("tax_rate")
            .with("value", rate)
            .with("min", 0)
            .with("max", 1));
    }
    Ok(rate)
}

fn of_installment(
    book: &Book,
    installment: &Installment,
    amount: Amount,
    tax_rate: Option<Rate>,
    path: String,
) -> Result<Vec<Draft>> {
    let amount = book.contract.money(amount)?;
    let split = match tax_rate {
        Some(rate) => vec![(check_rate(rate)?, amount)],
        None => book.split(installment, amount)?,
    };
    let split = split.into_iter().filter(|(_, part)| part.is_positive());
    let drafts = split.map(|(rate, amount)| Draft {
        stated: Stated { amount, tax_included: true, rate },
        rate_told: tax_rate.is_some(),
        installment: Some(installment.seq),
        contract_line: None,
        description: format!("{} {}", book.contract.title, installment.label),
        quantity: None,
        unit: None,
        path: path.clone(),
    });
    Ok(drafts.collect())
}

fn of_line(book: &Book, part: &ContractLinePart, path: String) -> Result<Draft> {
    let contract = &book.contract;
    let line = book.lines.iter().find(|line| line.seq == part.line).ok_or_else(|| {
        Error::new(&NO_CONTRACT_LINE).at("line").with("number", &contract.number).with("seq", part.line)
    })?;
    let (left, quantity_left) = book.left_of_line(line)?;
    let nothing = || Error::new(&NOTHING_TO_INVOICE).with("part", part_of_line(line));
    let (amount, quantity) = match (part.quantity, part.amount) {
        (Some(_), Some(_)) => {
            let (reason, zh) = ("either a quantity or an amount", "数量与金额只能二选一");
            return Err(Error::new(&error::NOT_APPLICABLE).at("amount").with_both("reason", reason, zh));
        }
        (None, None) => (left, Some(quantity_left).filter(|left| left.is_positive())),
        (None, Some(amount)) => {
            let whole = amount == line.gross && left == line.gross;
            (check_amount(book, amount)?.amount(), Some(line.quantity).filter(|_| whole))
        }
        (Some(quantity), None) => {
            if !quantity.is_positive() || quantity > quantity_left {
                return Err(Error::new(&error::OUT_OF_RANGE)
                    .at("quantity")
                    .with("value", quantity)
                    .with("min", "0.000001")
                    .with("max", quantity_left));
            }
            let amount = if quantity == quantity_left {
                left
            } else {
                let product =
                    i128::from(contract.money(line.gross)?.to_minor()) * i128::from(quantity.to_scaled());
                let minor = Rounding::HalfUp.divide(product, i128::from(line.quantity.to_scaled()));
                let minor = i64::try_from(minor).map_err(|_| Error::new(&error::OVERFLOW))?;
                Money::from_minor(minor, contract.currency)?.amount().min(left)
            };
            (amount, Some(quantity))
        }
    };
    if !amount.is_positive() {
        return Err(nothing());
    }
    let rate = check_rate(part.tax_rate.unwrap_or(line.tax_rate))?;
    // A whole line has the very amounts that the contract has; its part is a part of the gross.
    let whole = amount == line.gross && left == line.gross && rate == line.tax_rate;
    let tax_included = contract.tax_included || !whole;
    let amount = contract.money(if tax_included { amount } else { line.net })?;
    Ok(Draft {
        stated: Stated { amount, tax_included, rate },
        rate_told: part.tax_rate.is_some(),
        installment: None,
        contract_line: Some(line.seq),
        description: line.description.clone(),
        quantity,
        unit: line.unit.clone(),
        path,
    })
}

fn stated(book: &Book, line: &StatedLine, path: String) -> Result<Draft> {
    let contract = &book.contract;
    let amount = check_amount(book, line.amount)?;
    if let Some(seq) = line.installment {
        find_installment(book, seq)?;
    }
    if let Some(seq) = line.contract_line.filter(|seq| book.lines.iter().all(|line| line.seq != *seq)) {
        return Err(Error::new(&NO_CONTRACT_LINE)
            .at("contract_line")
            .with("number", &contract.number)
            .with("seq", seq));
    }
    if let Some(quantity) = line.quantity.filter(|quantity| !quantity.is_positive()) {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("quantity")
            .with("value", quantity)
            .with("min", "0.000001")
            .with("max", Quantity::from_scaled(i64::MAX)));
    }
    Ok(Draft {
        stated: Stated { amount, tax_included: contract.tax_included, rate: check_rate(line.tax_rate)? },
        rate_told: true,
        installment: line.installment,
        contract_line: line.contract_line,
        description: name("description", &line.description, 500)?,
        quantity: line.quantity,
        unit: optional(line.unit.clone()),
        path,
    })
}

/// Plans an invoice: it holds its part of the contract until it is issued, planned anew or voided.
///
/// It takes no more of an installment, of a contract line and of the contract than they amount to, less what was cancelled and what
/// other invoices are planned and issued of them; red invoices give back what they take. When the contract is amended or
/// ends later, a plan can be above what is left: then `invoice.three_way` shows `planned_excess`, `invoice.issue` refuses it and
/// `invoice.replan` draws it up anew. Installments are split over the tax rates
/// of the contract's lines so that all of them together have each rate's gross to the cent; the tax is taken out of the
/// gross. A whole contract line has the amounts that the contract has.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PlanInvoice(pub InvoiceData);

impl Operation for PlanInvoice {
    type Output = InvoiceDetails;
    const NAME: &'static str = "invoice.plan";
    const ZH: &'static str = "计划开票";
    const ACCESS: Access = Access::Level("invoice", Level::Edit);
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
        &error::NOT_APPLICABLE,
        &error::OVERFLOW,
        &CREDIT_CODE_WRONG,
        &NO_INSTALLMENT,
        &CONTRACT_NOT_SIGNED,
        &ABOVE_INVOICEABLE,
        &NOTHING_TO_INVOICE,
        &NO_CONTRACT_LINE,
        &INVOICED_TWICE,
        &INVOICE_NUMBER_TAKEN,
    ];
    const EXAMPLE: Example = Example { given: GIVEN_TO_EFFECTIVE, input: GIVEN_PLAN.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<InvoiceDetails> {
        let planned_on = Some(self.0.planned_on.unwrap_or(cx.today()));
        let details = InvoiceData { planned_on, ..self.0 }.drawn_up(cx)?;
        cx.subject(details.invoice.id);
        cx.insert(&details.invoice)?;
        cx.insert_all(&details.lines)?;
        Ok(details)
    }
}
