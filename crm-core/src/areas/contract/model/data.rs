//! What a contract says, as hosts write it and as amendments keep it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Contract, ContractKind, ContractLine, ContractParty, LateTerms, PaymentTerm, Recurrence,
    SettlementDirection, TermSet,
};
use crate::areas::opportunity::Opportunity;
use crate::areas::party::Customer;
use crate::areas::product::Product;
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Price, Quantity, Rate};
use crate::kernel::id::Id;
use crate::store::record::Json;

/// What a contract says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractData {
    /// Number, up to 60 characters; `HT-yyyy-000001` and so on when left out.
    #[serde(default)]
    pub number: Option<String>,
    /// Title, up to 200 characters.
    pub title: String,
    /// What it is about.
    #[serde(default)]
    pub kind: ContractKind,
    /// Which way its money goes; payable for purchases and receivable for all others when left out.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
    /// The customer.
    pub customer: Id<Customer>,
    /// The signatories, each role once.
    #[serde(default)]
    pub parties: Vec<ContractParty>,
    /// Currency; the ledger's when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Whether line prices include tax.
    #[serde(default = "yes")]
    pub tax_included: bool,
    /// The gross total, for a contract without lines; with lines it is their sum.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// The tax rate that the amount contains, for a contract without lines.
    #[serde(default)]
    pub tax_rate: Option<Rate>,
    /// First day of the term.
    #[serde(default)]
    pub starts_on: Option<Date>,
    /// Last day of the term.
    #[serde(default)]
    pub ends_on: Option<Date>,
    /// The opportunity it came from.
    #[serde(default)]
    pub opportunity: Option<Id<Opportunity>>,
    /// What is sold.
    #[serde(default)]
    pub lines: Vec<LineData>,
    /// How it is paid; the shares make up the whole amount. An empty list says that there are no terms. A new contract
    /// that names neither terms nor a set, has an amount and no recurrence, takes its customer's default set
    /// (`term_set.assign`).
    #[serde(default)]
    pub terms: Option<Vec<PaymentTerm>>,
    /// A term set to take the terms from, in place of `terms`. The contract keeps its own copy and the set's revision; a
    /// draft that names the same set again keeps its revision.
    #[serde(default)]
    pub term_set: Option<Id<TermSet>>,
    /// For rent and services: a price per period, in place of lines. It needs `starts_on`. `terms` beside it are amounts, such as
    /// a deposit. With `ends_on` the periods and the terms make up the whole amount; without it 12 periods are planned, and
    /// `contract.extend_schedule` adds more.
    #[serde(default)]
    pub recurrence: Option<Recurrence>,
    /// Days before the last day by which a renewal or its refusal must be told, up to 3650; warnings go by it.
    #[serde(default)]
    pub notice_days: Option<u32>,
    /// What is charged for paying late; nothing when left out.
    #[serde(default)]
    pub late: Option<LateTerms>,
    /// Remarks.
    #[serde(default)]
    pub note: Option<String>,
}

fn yes() -> bool {
    true
}

impl ContractData {
    /// A sales contract that says nothing yet; everything else as when left out.
    pub fn new(title: &str, customer: Id<Customer>) -> ContractData {
        ContractData {
            number: None,
            title: title.to_owned(),
            kind: ContractKind::default(),
            direction: None,
            customer,
            parties: Vec::new(),
            currency: None,
            tax_included: true,
            amount: None,
            tax_rate: None,
            starts_on: None,
            ends_on: None,
            opportunity: None,
            lines: Vec::new(),
            terms: None,
            term_set: None,
            recurrence: None,
            notice_days: None,
            late: None,
            note: None,
        }
    }

    /// What a stored contract says: what `contract.update` and `contract.amend` take back, changed.
    pub fn of(contract: &Contract, lines: &[ContractLine]) -> ContractData {
        let stated = lines.is_empty() && contract.recurrence.is_none();
        let terms = contract.term_set.is_none().then(|| contract.terms.0.clone());
        ContractData {
            number: Some(contract.number.clone()),
            title: contract.title.clone(),
            kind: contract.kind,
            direction: Some(contract.direction),
            customer: contract.customer,
            parties: contract.parties.0.clone(),
            currency: Some(contract.currency),
            tax_included: contract.tax_included,
            amount: stated.then_some(contract.amount),
            tax_rate: contract.tax_rate,
            starts_on: contract.starts_on,
            ends_on: contract.ends_on,
            opportunity: contract.opportunity,
            lines: lines.iter().map(LineData::of).collect(),
            terms,
            term_set: contract.term_set,
            recurrence: contract.recurrence.clone().map(|Json(recurrence)| recurrence),
            notice_days: contract.notice_days,
            late: contract.late.0,
            note: contract.note.clone(),
        }
    }
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineData {
    /// The product.
    #[serde(default)]
    pub product: Option<Id<Product>>,
    /// What it is, up to 500 characters; the product's name when left out.
    #[serde(default)]
    pub description: Option<String>,
    /// How much, above zero.
    pub quantity: Quantity,
    /// Of which unit; the product's when left out.
    #[serde(default)]
    pub unit: Option<String>,
    /// Price of one unit, not below zero.
    pub unit_price: Price,
    /// Discount, 0 to 1: `"0.05"` is 5% off.
    #[serde(default)]
    pub discount: Rate,
    /// Value added tax rate, 0 to 1: `"0.13"` is 13%; the product's, or 0 without one, when left out.
    #[serde(default)]
    pub tax_rate: Option<Rate>,
}

impl LineData {
    /// What a stored line says.
    fn of(line: &ContractLine) -> LineData {
        LineData {
            product: line.product,
            description: Some(line.description.clone()),
            quantity: line.quantity,
            unit: line.unit.clone(),
            unit_price: line.unit_price,
            discount: line.discount,
            tax_rate: Some(line.tax_rate),
        }
    }
}
