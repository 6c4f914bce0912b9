//! The domain of an embeddable CRM and contract library.
//!
//! `kernel` ← `store` ← `areas` ← `catalog` ← `app`: ids, money and dates; storage as the domain sees it; what the
//! library knows of customers, contracts and money; every operation; and the ledger that runs them.
//! Nothing here knows an engine, does I/O, reads a clock or draws a random number.

pub mod app;
pub mod areas;
pub mod catalog;
pub mod kernel;
pub mod store;
