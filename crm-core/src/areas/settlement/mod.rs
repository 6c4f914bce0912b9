//! Settlement: receipts and payments, their allocation to installments, reversals, and what is due and open.
//!
//! Money posted is never edited. A receipt is allocated to installments, and what is left is an advance; a mistake is
//! reversed by a mirror entry, which opens again exactly what the receipt had settled. Three equations always hold:
//! an installment's amount is what is settled, cancelled and outstanding of it; a receipt's amount is what is allocated
//! of it, its advance, and what was refunded or rounded; a contract's `settled` is the sum over its installments.

mod forward;
mod model;
mod operations;
pub mod rules;

pub use model::{
    Adjustment, AdjustmentColumns, AdjustmentKind, Allocation, AllocationColumns, CreditCause,
    MoneyDirection, Receipt, ReceiptColumns, ReceiptMethod,
};
pub use operations::*;

use crate::areas::contract::Installment;
use crate::areas::contract::JOURNAL;
use crate::catalog::Area;
use crate::store::dataset::{Dataset, ScopePaths};
use crate::store::record::Record;

/// Installments, under the scope of their contract.
pub static INSTALLMENTS: Dataset = Dataset {
    name: "installment",
    zh: "结算节点",
    table: Installment::table,
    fields: &[
        ("contract_number", "contract.number"),
        ("contract_title", "contract.title"),
        ("customer_name", "customer.name"),
        ("owner", "contract.owner"),
    ],
    scope: Some(ScopePaths::of("contract", "contract.owner", "contract.unit")),
};
/// Receipts and payments, under the scope of their customer.
pub static RECEIPTS: Dataset = Dataset {
    name: "receipt",
    zh: "收付款",
    table: Receipt::table,
    fields: &[("customer_name", "customer.name")],
    scope: Some(ScopePaths::of("customer", "customer.owner", "customer.unit")),
};
/// Allocations, under the scope of their contract.
pub static ALLOCATIONS: Dataset = Dataset {
    name: "allocation",
    zh: "核销",
    table: Allocation::table,
    fields: &[
        ("receipt_number", "receipt.number"),
        ("contract_number", "contract.number"),
        ("customer_name", "contract.customer.name"),
    ],
    scope: Some(ScopePaths::of("contract", "contract.owner", "contract.unit")),
};
/// Write-offs and discounts, under the scope of their contract.
pub static ADJUSTMENTS: Dataset = Dataset {
    name: "adjustment",
    zh: "核销与折扣",
    table: Adjustment::table,
    fields: &[("contract_number", "contract.number"), ("customer_name", "contract.customer.name")],
    scope: Some(ScopePaths::of("contract", "contract.owner", "contract.unit")),
};

/// The area.
pub static AREA: Area = Area {
    name: "settlement",
    zh: "结算",
    tables: &[Receipt::table, Allocation::table, Adjustment::table],
    datasets: &[&INSTALLMENTS, &RECEIPTS, &ALLOCATIONS, &ADJUSTMENTS, &JOURNAL],
    permissions: &[
        ("settlement.verify", "Verify the settlement books", "核对结算账"),
        ("settlement.write_off", "Write off what is owed", "核销无法收付的款项"),
    ],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: Some(forward::bring_forward),
    give_back: Some(operations::give_back),
};
