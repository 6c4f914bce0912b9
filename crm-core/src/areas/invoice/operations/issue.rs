//! Issuing what was planned, or at once; and giving up a plan.
//!
//! What an invoice says must be true on the day it is issued, and a plan may be older than an amendment: so a plan is laid
//! beside the contract once more, its amounts and its tax rates. A rate that was told with the invoice stays as told.
//! A special VAT invoice is not issued for what is exempt from tax (《增值税暂行条例》 article 21), nor for services
//! at a rate of zero (国家税务总局公告2014年第11号): its whole purpose is the tax that the buyer deducts. Where the books have a rate
//! that the invoice rightly has not, a reason is asked for, and stays with the invoice. Before a contract is signed nobody is
//! bound by it, so that no invoice is dated before; that money is asked for in advance, before it takes effect, is usual.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::book::Book;
use super::plan::{InvoiceData, InvoiceDetails, checked_code};
use super::read::{lines_of, reach_at};
use super::{GIVEN_ISSUE, GIVEN_TO_PLAN, rates};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::rules::DATE_IN_FUTURE;
use crate::areas::contract::{SettlementDirection, invoiced};
use crate::areas::invoice::model::{Invoice, InvoiceKind, InvoiceLine};
use crate::areas::invoice::rules::number::check_vat_number;
use crate::areas::invoice::rules::status::{self, Action};
use crate::areas::invoice::rules::vat::{RateSpan, is_in_force};
use crate::areas::invoice::rules::{
    ABOVE_INVOICEABLE, BUYER_CODE_MISSING, CONTRACT_NOT_SIGNED, INVOICE_NUMBER_TAKEN, INVOICE_NUMBER_WRONG,
    INVOICED_TWICE, NO_CONTRACT_LINE, NOTHING_TO_INVOICE, SPECIAL_WITHOUT_TAX, TAX_RATE_CHANGED,
    TAX_RATE_NOT_IN_FORCE, WRONG_INVOICE_STATUS,
};
use crate::areas::party::rules::{CREDIT_CODE_WRONG, name, optional};
use crate::areas::settlement::rules::NO_INSTALLMENT;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Record;

/// Which invoice is issued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssueSource {
    /// One that was planned.
    Planned(PlannedInvoice),
    /// A new one, without a plan.
    New(InvoiceData),
}

/// A planned invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedInvoice {
    /// The invoice.
    pub id: Id<Invoice>,
    /// The version you have read.
    pub version: u32,
}

/// Issues an invoice that was planned, or a new one; of a purchase contract, records what the supplier issued.
///
/// Every tax rate of a VAT invoice must be in force on the day of issue, by the built-in rates of mainland China and those that the
/// ledger adds; a plan that took its rates from the contract must still have the contract's; and a special VAT invoice has no rate of 0:
/// unless `rate_reason` says why they apply all the same. A plan above what is left, after an amendment or a termination, is refused:
/// see `invoice.replan`. It may be issued from the day on which the contract was signed, before it takes effect, too.
///
/// Installments that count from their invoice get their due date by the earliest that covers them: that names them in its lines, or, where
/// it names none and nothing is left to invoice, what those that name them have left. After the contract's end due dates stay; what was
/// invoiced counts when the end is taken back. What was issued is never edited; it is taken back by `invoice.red`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueInvoice {
    /// Which invoice.
    pub of: IssueSource,
    /// The number that the tax system gave: 20 digits, or code and number of an invoice before digital ones. Unique among those we
    /// issue, and among those of one supplier. Invoices of kind `other` may go without, or have any of up to 60 characters.
    #[serde(default)]
    pub issued_number: Option<String>,
    /// When it was issued; today when left out, never later and not before the contract was signed.
    #[serde(default)]
    pub issued_on: Option<Date>,
    /// Why its tax rates apply though they were not in force on that day, are no longer the contract's, or are 0, up to 500 characters: the
    /// tax duty arose before.
    #[serde(default)]
    pub rate_reason: Option<String>,
    /// The buyer's name, in place of the one planned.
    #[serde(default)]
    pub buyer_name: Option<String>,
    /// The buyer's unified social credit code, in place of the one planned.
    #[serde(default)]
    pub buyer_credit_code: Option<String>,
}

/// The number that the tax system gave, checked and free. VAT invoices need one.
pub(super) fn issued_number(
    cx: &mut Cx<'_>,
    invoice: &Invoice,
    given: Option<String>,
) -> Result<Option<String>> {
    let at = |error: Error| error.at("issued_number");
    let number = match (invoice.kind, optional(given)) {
        (InvoiceKind::Other, None) => return Ok(None),
        (InvoiceKind::Other, Some(given)) => name("issued_number", &given, 60)?,
        (_, None) => return Err(at(Error::new(&error::MISSING_FIELD).with("name", "issued_number"))),
        (_, Some(given)) => check_vat_number(&given).map_err(at)?,
    };
    let c = Invoice::C;
    let holders = cx.query::<Invoice>().equal(c.issued_number, Some(number.clone())).fetch(cx.tx())?;
    // Suppliers number for themselves.
    let same_issuer = |other: &Invoice| {
        other.direction == invoice.direction
            && (invoice.direction == SettlementDirection::Receivable || other.customer == invoice.customer)
    };
    if holders.iter().any(same_issuer) {
        return Err(at(Error::new(&INVOICE_NUMBER_TAKEN).with("value", number)));
    }
    Ok(Some(number))
}

/// A day of issue: today when not given, never later.
pub(super) fn issued_on(cx: &Cx<'_>, given: Option<Date>) -> Result<Date> {
    let today = cx.today();
    let date = given.unwrap_or(today);
    if date > today {
        return Err(Error::new(&DATE_IN_FUTURE).at("issued_on").with("date", date).with("today", today));
    }
    Ok(date)
}

/// Refuses tax rates that say nothing for themselves: those that no special VAT invoice has, those not in force on the day, and those
/// of a plan that the contract does not have any more.
fn check_rates(
    cx: &mut Cx<'_>,
    invoice: &Invoice,
    lines: &[InvoiceLine],
    date: Date,
    plan: Option<&Book>,
) -> Result<()> {
    if let Some(book) = plan {
        for line in lines {
            if !book.has_rate(line)? {
                return Err(Error::new(&TAX_RATE_CHANGED)
                    .at("rate_reason")
                    .with("rate", line.tax_rate)
                    .with("part", &line.description));
            }
        }
    }
    if invoice.kind == InvoiceKind::Other {
        return Ok(());
    }
    let untaxed = lines.iter().find(|line| line.tax_rate.is_zero());
    if let Some(line) = untaxed.filter(|_| invoice.kind == InvoiceKind::VatSpecial) {
        return Err(Error::new(&SPECIAL_WITHOUT_TAX).at("rate_reason").with("line", line.seq));
    }
    check_in_force(&rates::spans(cx)?, lines, date)
}

fn check_in_force(spans: &[RateSpan], lines: &[InvoiceLine], date: Date) -> Result<()> {
    match lines.iter().find(|line| !is_in_force(spans, line.tax_rate, date)) {
        Some(line) => Err(Error::new(&TAX_RATE_NOT_IN_FORCE)
            .at("rate_reason")
            .with("rate", line.tax_rate)
            .with("date", date)),
        None => Ok(()),
    }
}

/// The installments that an invoice covers: those that its lines name. One that names none covers, once nothing is left
/// to invoice, what those that name them have left; before that nobody can say which of them it is.
fn covered(cx: &mut Cx<'_>, invoice: &Invoice, lines: &[InvoiceLine]) -> Result<Vec<u32>> {
    let named: Vec<u32> = lines.iter().filter_map(|line| line.installment).collect();
    if !named.is_empty() {
        return Ok(named);
    }
    let book = Book::open(cx, invoice.contract)?;
    let mut covered = Vec::new();
    if !book.left()?.is_positive() {
        for installment in &book.installments {
            if book.left_of(installment)?.is_positive() {
                covered.push(installment.seq);
            }
        }
    }
    Ok(covered)
}

impl Operation for IssueInvoice {
    type Output = InvoiceDetails;
    const NAME: &'static str = "invoice.issue";
    const ZH: &'static str = "开具发票";
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
        &error::END_BEFORE_START,
        &error::UNKNOWN_CALENDAR_YEAR,
        &error::DATE_OUT_OF_RANGE,
        &DATE_IN_FUTURE,
        &CREDIT_CODE_WRONG,
        &NO_INSTALLMENT,
        &CONTRACT_NOT_SIGNED,
        &ABOVE_INVOICEABLE,
        &NOTHING_TO_INVOICE,
        &NO_CONTRACT_LINE,
        &INVOICED_TWICE,
        &WRONG_INVOICE_STATUS,
        &INVOICE_NUMBER_TAKEN,
        &INVOICE_NUMBER_WRONG,
        &TAX_RATE_NOT_IN_FORCE,
        &TAX_RATE_CHANGED,
        &SPECIAL_WITHOUT_TAX,
        &BUYER_CODE_MISSING,
    ];
    const EXAMPLE: Example = Example { given: GIVEN_TO_PLAN, input: GIVEN_ISSUE.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<InvoiceDetails> {
        let date = issued_on(cx, self.issued_on)?;
        let (planned, InvoiceDetails { invoice, lines }) = match self.of {
            IssueSource::Planned(planned) => {
                let within = |error: Error| error.within("of.planned");
                let invoice = reach_at(cx, planned.id, planned.version).map_err(within)?;
                let lines = lines_of(cx, invoice.id)?;
                (Some(invoice.clone()), InvoiceDetails { invoice, lines })
            }
            IssueSource::New(data) => (None, data.drawn_up(cx).map_err(|error| error.within("of.new"))?),
        };
        cx.subject(invoice.id);
        let mut after = invoice;
        after.status = status::next(after.status, Action::Issue)?;
        after.plan_open = None;
        after.issued_on = Some(date);
        let book = match &planned {
            Some(planned) => {
                let book = Book::open(cx, planned.contract)?;
                book.check_planned(&lines)?;
                Some(book)
            }
            None => None,
        };
        let signed_on = cx.get(after.contract)?.signed_on;
        if let Some(start) = signed_on.filter(|start| date < *start) {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("issued_on")
                .with("start", start)
                .with("end", date));
        }
        if let Some(buyer) = optional(self.buyer_name) {
            after.buyer_name = Some(name("buyer_name", &buyer, 200)?);
        }
        after.buyer_credit_code = checked_code(self.buyer_credit_code)?.or(after.buyer_credit_code);
        let ours = after.direction == SettlementDirection::Receivable;
        if after.kind == InvoiceKind::VatSpecial && ours && after.buyer_credit_code.is_none() {
            return Err(Error::new(&BUYER_CODE_MISSING).at("buyer_credit_code"));
        }
        after.issued_number = issued_number(cx, &after, self.issued_number)?;
        after.rate_reason = match optional(self.rate_reason) {
            Some(reason) => Some(name("rate_reason", &reason, 500)?),
            None => {
                check_rates(cx, &after, &lines, date, book.as_ref())?;
                None
            }
        };
        let contract_version = book.map(|book| book.contract.version);
        let invoice = match planned {
            Some(before) => cx.update(&before, after)?,
            None => {
                cx.insert(&after)?;
                cx.insert_all(&lines)?;
                after
            }
        };
        let covered = covered(cx, &invoice, &lines)?;
        let contract = cx.get(invoice.contract)?;
        let told = invoiced(cx, &contract, date, &invoice.number, &covered)?;
        if contract_version == Some(told.version) {
            // As when it was planned: of two sessions that take the same part, the second must read again.
            cx.touch(&told)?;
        }
        Ok(InvoiceDetails { invoice, lines })
    }
}

/// Gives up a planned invoice; what it held can be invoiced otherwise.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidInvoice {
    /// The invoice.
    pub id: Id<Invoice>,
    /// The version you have read.
    pub version: u32,
    /// Why, up to 1000 characters.
    #[serde(default)]
    pub reason: Option<String>,
}

impl Operation for VoidInvoice {
    type Output = Invoice;
    const NAME: &'static str = "invoice.void";
    const ZH: &'static str = "作废开票计划";
    const ACCESS: Access = Access::Level("invoice", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID, &error::TOO_LONG, &WRONG_INVOICE_STATUS];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_PLAN,
        input: r#"{"id": "${planned.invoice.id}", "version": 1, "reason": "客户要求合并开票"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Invoice> {
        let reason = optional(self.reason).map(|reason| name("reason", &reason, 1000)).transpose()?;
        let before = reach_at(cx, self.id, self.version)?;
        cx.subject(before.id);
        let mut after = before.clone();
        after.status = status::next(before.status, Action::Void)?;
        after.plan_open = None;
        after.reason = reason;
        cx.update(&before, after)
    }
}
