//! An embeddable CRM and contract-management library: open a ledger, open a session for a user, run operations.
//!
//! ```no_run
//! use crm::{OpenOptions, areas::party::{CreateCustomer, CustomerData}};
//!
//! let ledger = crm::open("company.crm", &OpenOptions::default())?;
//! let session = ledger.session("admin")?;
//! let customer = session.run(CreateCustomer(CustomerData { name: "杭州云栖仪器有限公司".into(), ..Default::default() }))?;
//! println!("{} {}", customer.id, customer.name);
//! # Ok::<(), crm::kernel::error::Error>(())
//! ```
//!
//! This crate only chooses the engine by the URL and supplies the machine's clock and random bits; everything else is
//! `crm-core`, which knows neither.

mod host;
mod open;
mod transfer;

pub use crm_core::{app, areas, catalog, kernel, store};
pub use open::{ClockOption, DurabilityOption, OpenOptions, open};
pub use transfer::{export_ledger, export_to_file, import_from_file, import_ledger};

/// The guide, whose examples run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide.md")]
pub struct Guide;
