//! Operations on invoices and tax rates.

mod book;
mod issue;
mod plan;
mod rates;
mod read;
mod red;
mod replan;
mod three_way;

pub use issue::{IssueInvoice, IssueSource, PlannedInvoice, VoidInvoice};
pub use plan::{
    ContractLinePart, InstallmentPart, InvoiceCover, InvoiceData, InvoiceDetails, PlanInvoice, StatedLine,
};
pub use rates::{ListTaxRates, SetTaxRate, TaxRateEntry};
pub use read::{GetInvoice, ListInvoiceLines, ListInvoices};
pub use red::{RedInvoice, RedLine, RedRequest};
pub use replan::ReplanInvoice;
pub use three_way::{InvoiceThreeWay, ThreeWayInstallment, ThreeWayRow};

use crate::areas::contract::{GIVEN_APPROVED, GIVEN_CONTRACT, GIVEN_EFFECTIVE, GIVEN_SUBMITTED};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::catalog::{Entry, Given};

pub(super) const LIST: fn() -> Vec<Entry> = crate::operations![
    PlanInvoice,
    ReplanInvoice,
    IssueInvoice,
    VoidInvoice,
    RedInvoice,
    GetInvoice,
    ListInvoices,
    ListInvoiceLines,
    InvoiceThreeWay,
    SetTaxRate,
    ListTaxRates,
];

const GIVEN_PLAN: Given = Given {
    save: "planned",
    call: "invoice.plan",
    input: r#"{"contract": "${contract.id}", "planned_on": "2026-03-10",
        "cover": {"installments": [{"installment": 1}]}, "buyer_credit_code": "91350100M000100Y43"}"#,
};
const GIVEN_ISSUE: Given = Given {
    save: "issued",
    call: "invoice.issue",
    input: r#"{"of": {"planned": {"id": "${planned.invoice.id}", "version": 1}},
        "issued_number": "26332000000012345678", "issued_on": "2026-03-02"}"#,
};
/// Steps of examples up to a planned invoice.
const GIVEN_TO_PLAN: &[Given] =
    &[GIVEN_CUSTOMER, GIVEN_CONTRACT, GIVEN_SUBMITTED, GIVEN_APPROVED, GIVEN_EFFECTIVE, GIVEN_PLAN];
/// Steps of examples up to an issued invoice.
const GIVEN_TO_ISSUE: &[Given] = &[
    GIVEN_CUSTOMER,
    GIVEN_CONTRACT,
    GIVEN_SUBMITTED,
    GIVEN_APPROVED,
    GIVEN_EFFECTIVE,
    GIVEN_PLAN,
    GIVEN_ISSUE,
];
