//! Invoices, their lines and the ledger's own tax rates as stored.

use crate::areas::access::User;
use crate::areas::contract::{Contract, SettlementDirection};
use crate::areas::invoice::rules::tax::TaxRounding;
use crate::areas::party::Customer;
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, Instant};
use crate::kernel::decimal::{Amount, Quantity, Rate};
use crate::kernel::error::Result;
use crate::kernel::id::Id;
use crate::kernel::money::Money;

crate::coded! {
    /// What kind of invoice it is.
    #[derive(Default)]
    pub enum InvoiceKind {
        /// A special VAT invoice: the buyer deducts its tax. It has some: see `invoice.issue`.
        #[default]
        VatSpecial = 1, "vat_special", "增值税专用发票";
        /// An ordinary VAT invoice.
        VatOrdinary = 2, "vat_ordinary", "增值税普通发票";
        /// Anything else: foreign invoices, receipts. Neither the form of its number is checked, nor whether its tax rates are in force.
        Other = 3, "other", "其他发票";
    }
}

crate::coded! {
    /// Where an invoice stands.
    pub enum InvoiceStatus {
        /// To be issued; it holds its part of the contract.
        Planned = 1, "planned", "计划";
        /// Issued, or received from the supplier.
        Issued = 2, "issued", "已开具";
        /// Part of it is taken back by red invoices.
        PartlyReversed = 3, "partly_reversed", "部分红冲";
        /// All of it is taken back by red invoices.
        Reversed = 4, "reversed", "已红冲";
        /// A red invoice: it takes back all or part of another one.
        Red = 5, "red", "红字发票";
        /// Planned and given up.
        Void = 6, "void", "已作废";
    }
}

crate::record! {
    /// An invoice to a customer, or from a supplier. Always `net + tax = gross`, and the lines sum to all three; a red
    /// invoice has them below zero.
    pub struct Invoice, InvoiceColumns in "invoice" key (id) since 2 {
        /// Id.
        id: Id<Invoice>,
        /// Our number, unique; given, or `FP-yyyy-000001` by the year and a gapless count.
        number: String,
        /// The number that the tax system or the supplier gave it; none while planned.
        issued_number: Option<String>,
        /// Receivable for invoices we issue, payable for those we receive.
        direction: SettlementDirection,
        /// What kind it is.
        kind: InvoiceKind,
        /// The contract's customer.
        customer: Id<Customer>,
        /// The contract.
        contract: Id<Contract>,
        /// The contract's currency.
        currency: Currency,
        /// Where it stands.
        status: InvoiceStatus,
        /// The day on which it is to be issued; none when it was issued without a plan.
        planned_on: Option<Date>,
        /// The same day while it is planned, otherwise none: what warnings look at.
        plan_open: Option<Date>,
        /// When it was issued.
        issued_on: Option<Date>,
        /// Amount without tax.
        net: Amount,
        /// Tax.
        tax: Amount,
        /// Amount with tax.
        gross: Amount,
        /// Where its tax is rounded.
        rounding: TaxRounding,
        /// The invoice that this one takes back.
        red_of: Option<Id<Invoice>>,
        /// Gross taken back by red invoices, 0 to `gross`.
        reversed: Amount,
        /// The buyer's name as the invoice has it.
        buyer_name: Option<String>,
        /// The buyer's unified social credit code.
        buyer_credit_code: Option<String>,
        /// Why its tax rates apply though they were not in force on the day of issue, are no longer the contract's, or are 0.
        rate_reason: Option<String>,
        /// Why it was voided, or takes another one back.
        reason: Option<String>,
        /// Remarks.
        note: Option<String>,
        /// Who wrote it.
        handler: Id<User>,
        /// When written.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    unique invoice_number (number) since 2;
    unique invoice_issued_number (issued_number, direction, kind, customer) where issued_number since 2;
    index invoice_contract (contract, issued_on) since 2;
    index invoice_customer (customer, issued_on) since 2;
    index invoice_issued_on (issued_on) since 2;
    index invoice_red_of (red_of) where red_of since 2;
    index invoice_plan (plan_open) where plan_open since 2;
}

crate::record! {
    /// A line of an invoice. Always `net + tax = gross`.
    pub struct InvoiceLine, InvoiceLineColumns in "invoice_line" key (invoice, seq) since 2 {
        /// The invoice.
        invoice: Id<Invoice>,
        /// Position, from 1.
        seq: u32,
        /// The invoice's contract.
        contract: Id<Contract>,
        /// The contract's installment that it invoices, by its position.
        installment: Option<u32>,
        /// The contract's line that it invoices, by its position.
        contract_line: Option<u32>,
        /// What it is.
        description: String,
        /// How much.
        quantity: Option<Quantity>,
        /// Of which unit.
        unit: Option<String>,
        /// Value added tax rate: `0.13` is 13%.
        tax_rate: Rate,
        /// Whether that rate was told with the invoice; otherwise it is the contract's.
        rate_told: bool,
        /// The invoice's currency.
        currency: Currency,
        /// Amount without tax.
        net: Amount,
        /// Tax.
        tax: Amount,
        /// Amount with tax.
        gross: Amount,
        /// In a red invoice, the line of the original that it takes back.
        red_of_line: Option<u32>,
        /// Gross taken back by red invoices, 0 to `gross`.
        reversed: Amount,
    }
    index invoice_line_contract (contract) since 2;
}

crate::record! {
    /// A tax rate that the ledger adds to the built-in ones, or replaces one of them with.
    pub struct TaxRate, TaxRateColumns in "tax_rate" key (name, valid_from) since 2 {
        /// A built-in category such as `standard`, or a name of the ledger's own.
        name: String,
        /// First day.
        valid_from: Date,
        /// Last day; the day before the next rate of this name when none is given.
        valid_until: Option<Date>,
        /// The rate: `0.13` is 13%.
        rate: Rate,
        /// Remarks: the regulation.
        note: Option<String>,
    }
}

crate::entity!(Invoice);

impl Invoice {
    /// An amount in the invoice's currency.
    ///
    /// # Errors
    /// `TOO_MANY_DECIMALS` for one finer than the currency's minor unit.
    pub fn money(&self, amount: Amount) -> Result<Money> {
        Money::new(amount, self.currency)
    }
}
