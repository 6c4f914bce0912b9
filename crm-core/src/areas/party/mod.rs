//! Customers and contacts.

mod model;
mod operations;
pub mod rules;

pub use model::{
    Contact, ContactColumns, Customer, CustomerColumns, CustomerKind, CustomerLevel, CustomerStage,
    DecisionRole,
};
pub use operations::*;

use crate::catalog::Area;
use crate::store::dataset::{Dataset, ScopePaths};
use crate::store::record::Record;

/// Customers.
pub static CUSTOMERS: Dataset = Dataset {
    name: "customer",
    zh: "客户",
    table: Customer::table,
    fields: &[],
    scope: Some(ScopePaths::of("id", "owner", "unit")),
};
/// Contacts, under the scope of their customer.
pub static CONTACTS: Dataset = Dataset {
    name: "contact",
    zh: "联系人",
    table: Contact::table,
    fields: &[("customer_name", "customer.name")],
    scope: Some(ScopePaths::of("customer", "customer.owner", "customer.unit")),
};

/// The area.
pub static AREA: Area = Area {
    name: "party",
    zh: "客户",
    tables: &[Customer::table, Contact::table],
    datasets: &[&CUSTOMERS, &CONTACTS],
    permissions: &[("customer.assign", "Assign customers to other users", "分配客户")],
    codes: &[rules::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
