//! Contracts: lines, parties, payment terms, the settlement schedule planned from them, and the way from draft to end.
//!
//! The settlement schedule belongs to the contract, because its amounts are the contract's and its dates follow the
//! contract's events; the money that arrives on it belongs to the area `settlement`.

mod model;
mod operations;
pub mod rules;

pub use model::{
    Account, Amendment, AmendmentColumns, AnchorKind, Contract, ContractColumns, ContractData,
    ContractDecision, ContractDecisionColumns, ContractEvent, ContractEventColumns, ContractEventKind,
    ContractKind, ContractLine, ContractLineColumns, ContractParty, ContractStatus, CustomerTerms,
    CustomerTermsColumns, DecisionKind, DiscountBase, EarlyDiscount, EntryKind, Installment,
    InstallmentColumns, InstallmentKind, InstallmentStatus, JournalLine, JournalLineColumns, LateTerms,
    LineData, MonthDay, PartyRole, PaymentTerm, PeriodAlign, PriceRevision, Proration, Recurrence,
    RecurrenceTiming, RecurrenceUnit, SettlementDirection, Suspension, TermAlign, TermAnchor, TermOffset,
    TermSet, TermSetColumns, TermSetRevision, TermSetRevisionColumns, TermShare,
};
pub use operations::*;

use crate::catalog::Area;
use crate::store::dataset::{Dataset, ScopePaths};
use crate::store::record::Record;

/// Contracts.
pub static CONTRACTS: Dataset = Dataset {
    name: "contract",
    zh: "合同",
    table: Contract::table,
    fields: &[("customer_name", "customer.name")],
    scope: Some(ScopePaths::of("id", "owner", "unit")),
};
/// Contract lines, under the scope of their contract.
pub static CONTRACT_LINES: Dataset = Dataset {
    name: "contract_line",
    zh: "合同明细",
    table: ContractLine::table,
    fields: &[("contract_number", "contract.number"), ("customer_name", "contract.customer.name")],
    scope: Some(ScopePaths::of("contract", "contract.owner", "contract.unit")),
};
/// Approval decisions, under the scope of their contract.
pub static CONTRACT_DECISIONS: Dataset = Dataset {
    name: "contract_decision",
    zh: "合同审批意见",
    table: ContractDecision::table,
    fields: &[("contract_number", "contract.number")],
    scope: Some(ScopePaths::of("contract", "contract.owner", "contract.unit")),
};
/// Amendments, under the scope of their contract.
pub static AMENDMENTS: Dataset = Dataset {
    name: "amendment",
    zh: "合同变更",
    table: Amendment::table,
    fields: &[("contract_number", "contract.number"), ("customer_name", "contract.customer.name")],
    scope: Some(ScopePaths::of("contract", "contract.owner", "contract.unit")),
};
/// The settlement journal, under the scope of the contract; what concerns none is under that of the customer. The area of
/// settlement shows it.
pub static JOURNAL: Dataset = Dataset {
    name: "journal",
    zh: "结算日记账",
    table: JournalLine::table,
    fields: &[("contract_number", "contract.number"), ("customer_name", "customer.name")],
    scope: Some(ScopePaths {
        otherwise: Some(&ScopePaths::of("customer", "customer.owner", "customer.unit")),
        ..ScopePaths::of("contract", "contract.owner", "contract.unit")
    }),
};

/// Term sets, for everybody.
pub static TERM_SETS: Dataset =
    Dataset { name: "term_set", zh: "付款条款模板", table: TermSet::table, fields: &[], scope: None };

/// The area.
pub static AREA: Area = Area {
    name: "contract",
    zh: "合同",
    tables: &[
        TermSet::table,
        TermSetRevision::table,
        CustomerTerms::table,
        Contract::table,
        ContractLine::table,
        ContractDecision::table,
        Amendment::table,
        Installment::table,
        ContractEvent::table,
        JournalLine::table,
    ],
    datasets: &[&CONTRACTS, &CONTRACT_LINES, &CONTRACT_DECISIONS, &AMENDMENTS, &TERM_SETS],
    permissions: &[("contract.approve", "Approve and reject contracts", "审批合同")],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
