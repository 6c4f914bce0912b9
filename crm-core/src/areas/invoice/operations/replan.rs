//! Planning an invoice anew: another day, other lines.
//!
//! A plan is a draft of its own document, so it is changed under its number rather than given up for another one. It is what
//! follows an amendment: the contract knows nothing of invoices, so it leaves plans as they are, and they are brought to
//! what the contract has left here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GIVEN_TO_PLAN;
use super::book::Book;
use super::plan::{InvoiceCover, InvoiceDetails, lines};
use super::read::{lines_of, reach_at};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::invoice::model::Invoice;
use crate::areas::invoice::rules::status::{self, Action};
use crate::areas::invoice::rules::{
    ABOVE_INVOICEABLE, CONTRACT_NOT_SIGNED, INVOICED_TWICE, NO_CONTRACT_LINE, NOTHING_TO_INVOICE,
    WRONG_INVOICE_STATUS,
};
use crate::areas::settlement::rules::NO_INSTALLMENT;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::error::{self, Code, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;

/// Plans a planned invoice anew, under its number: for another day, or with lines drawn up anew from what the contract says now.
///
/// The lines are bounded as in `invoice.plan`; what the invoice itself was planned of can be planned again. So `"cover": "rest"`
/// brings a plan down to what is left after an amendment, and to the tax rates that the contract has since.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplanInvoice {
    /// The invoice.
    pub id: Id<Invoice>,
    /// The version you have read.
    pub version: u32,
    /// When it is to be issued; the day stays when left out.
    #[serde(default)]
    pub planned_on: Option<Date>,
    /// What of the contract it covers; the lines stay when left out.
    #[serde(default)]
    pub cover: Option<InvoiceCover>,
}

impl Operation for ReplanInvoice {
    type Output = InvoiceDetails;
    const NAME: &'static str = "invoice.replan";
    const ZH: &'static str = "调整开票计划";
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
        &NO_INSTALLMENT,
        &CONTRACT_NOT_SIGNED,
        &ABOVE_INVOICEABLE,
        &NOTHING_TO_INVOICE,
        &NO_CONTRACT_LINE,
        &INVOICED_TWICE,
        &WRONG_INVOICE_STATUS,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_PLAN,
        input: r#"{"id": "${planned.invoice.id}", "version": 1, "planned_on": "2026-03-20",
            "cover": {"installments": [{"installment": 1, "amount": "20000"}]}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<InvoiceDetails> {
        let before = reach_at(cx, self.id, self.version)?;
        cx.subject(before.id);
        let mut after = before.clone();
        after.status = status::next(before.status, Action::Replan)?;
        after.planned_on = self.planned_on.or(before.planned_on);
        after.plan_open = after.planned_on;
        let old = lines_of(cx, before.id)?;
        let Some(cover) = self.cover else {
            return Ok(InvoiceDetails { invoice: cx.update(&before, after)?, lines: old });
        };
        let book = Book::open(cx, before.contract)?.without(&old)?;
        let (lines, total) = lines(&book, before.id, &cover, before.rounding)?;
        (after.net, after.tax, after.gross) = (total.net.amount(), total.tax.amount(), total.gross.amount());
        for (old, line) in old.iter().zip(&lines) {
            cx.replace(old, line)?;
        }
        old.iter().skip(lines.len()).try_for_each(|old| cx.delete(old))?;
        cx.insert_all(lines.get(old.len()..).unwrap_or_default())?;
        // As when it was planned: two sessions never take the same part.
        cx.touch(&book.contract)?;
        // The lines may have changed where the invoice has not: whoever has read them must read again.
        let invoice = match cx.update(&before, after)? {
            same if same.version == before.version => cx.touch(&same)?,
            changed => changed,
        };
        Ok(InvoiceDetails { invoice, lines })
    }
}
