//! Invoices: planned and issued against the installments or lines of a contract, taken back by red invoices, and set beside
//! what was contracted and what was received.
//!
//! What is issued is never edited. Two equations always hold: `net + tax = gross` of every line and invoice, and an
//! invoice is the sum of its lines. A plan or an invoice never takes more of an installment, of a contract line or of a contract
//! than it amounts to, less what was cancelled and what is planned and invoiced of it, red invoices subtracted. When the
//! contract is amended or ends later, what was planned and issued stays as it is: what is above shows as `planned_excess` and
//! `excess`, until the plan is drawn up anew and the invoice taken back.

mod model;
mod operations;
pub mod rules;

pub use model::{
    Invoice, InvoiceColumns, InvoiceKind, InvoiceLine, InvoiceLineColumns, InvoiceStatus, TaxRate,
    TaxRateColumns,
};
pub use operations::*;

use crate::catalog::Area;
use crate::store::dataset::{Dataset, ScopePaths};
use crate::store::record::Record;

/// Invoices, under the scope of their contract.
pub static INVOICES: Dataset = Dataset {
    name: "invoice",
    zh: "发票",
    table: Invoice::table,
    fields: &[
        ("contract_number", "contract.number"),
        ("contract_title", "contract.title"),
        ("customer_name", "customer.name"),
        ("owner", "contract.owner"),
    ],
    scope: Some(ScopePaths::of("contract", "contract.owner", "contract.unit")),
};
/// Invoice lines, under the scope of their contract.
pub static INVOICE_LINES: Dataset = Dataset {
    name: "invoice_line",
    zh: "发票明细",
    table: InvoiceLine::table,
    fields: &[
        ("invoice_number", "invoice.number"),
        ("invoice_status", "invoice.status"),
        ("issued_on", "invoice.issued_on"),
        ("contract_number", "contract.number"),
        ("customer_name", "contract.customer.name"),
    ],
    scope: Some(ScopePaths::of("contract", "contract.owner", "contract.unit")),
};

/// The area.
pub static AREA: Area = Area {
    name: "invoice",
    zh: "发票",
    tables: &[Invoice::table, InvoiceLine::table, TaxRate::table],
    datasets: &[&INVOICES, &INVOICE_LINES],
    permissions: &[],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
