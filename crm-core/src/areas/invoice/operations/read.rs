//! Reading invoices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_ISSUE;
use super::plan::InvoiceDetails;
use crate::app::{Cx, ListRequest, NOT_FOUND, Page};
use crate::areas::invoice::model::{Invoice, InvoiceLine};
use crate::areas::invoice::{INVOICE_LINES, INVOICES};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Record;

/// The invoice, if the caller reaches its contract at this level.
fn reach(cx: &mut Cx<'_>, id: Id<Invoice>, level: Level) -> Result<Invoice> {
    let invoice = cx.get(id)?;
    cx.get_owned(invoice.contract, level).map_err(|refused| match refused.code() {
        code if code == &NOT_FOUND => Error::new(&NOT_FOUND).with("kind", "invoice").with("id", id),
        _ => refused,
    })?;
    Ok(invoice)
}

/// The invoice at the version that the caller has read, if the caller may write to its contract.
pub(super) fn reach_at(cx: &mut Cx<'_>, id: Id<Invoice>, version: u32) -> Result<Invoice> {
    reach(cx, id, Level::Edit)?;
    cx.get_at(id, version).map_err(|error| error.at("version"))
}

/// The lines of an invoice, in order.
pub(super) fn lines_of(cx: &mut Cx<'_>, invoice: Id<Invoice>) -> Result<Vec<InvoiceLine>> {
    let c = InvoiceLine::C;
    cx.query::<InvoiceLine>().equal(c.invoice, invoice).ascending(c.seq).fetch(cx.tx())
}

/// An invoice with its lines.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetInvoice {
    /// The invoice.
    pub id: Id<Invoice>,
}

impl Operation for GetInvoice {
    type Output = InvoiceDetails;
    const NAME: &'static str = "invoice.get";
    const ZH: &'static str = "查看发票";
    const ACCESS: Access = Access::Level("invoice", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: GIVEN_TO_ISSUE, input: r#"{"id": "${issued.invoice.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<InvoiceDetails> {
        let invoice = reach(cx, self.id, Level::Read)?;
        let lines = lines_of(cx, invoice.id)?;
        Ok(InvoiceDetails { invoice, lines })
    }
}

/// Lists invoices of contracts in scope.
///
/// The filter knows, beside the fields of invoices, `contract_number`, `contract_title`, `customer_name`, `owner` and every path
/// along references. What is planned and not issued has `plan_open`; red invoices have `red_of`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListInvoices(pub ListRequest);

impl Operation for ListInvoices {
    type Output = Page<Invoice>;
    const NAME: &'static str = "invoice.list";
    const ZH: &'static str = "发票列表";
    const ACCESS: Access = Access::Level("invoice", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_ISSUE,
        input: r#"{"filter": {"and": [{"equal": ["status", "issued"]}, {"at_least": ["issued_on", "2026-01-01"]}]},
            "sort": [{"field": "issued_on", "direction": "descending"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Invoice>> {
        cx.list(&INVOICES, &self.0)
    }
}

/// Lists invoice lines of contracts in scope.
///
/// The filter knows, beside the fields of lines, `invoice_number`, `invoice_status`, `issued_on`, `contract_number`, `customer_name`
/// and every path along references.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListInvoiceLines(pub ListRequest);

impl Operation for ListInvoiceLines {
    type Output = Page<InvoiceLine>;
    const NAME: &'static str = "invoice_line.list";
    const ZH: &'static str = "发票明细列表";
    const ACCESS: Access = Access::Level("invoice", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example =
        Example { given: GIVEN_TO_ISSUE, input: r#"{"filter": {"equal": ["contract", "${contract.id}"]}}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<InvoiceLine>> {
        cx.list(&INVOICE_LINES, &self.0)
    }
}
