//! The domain of an embeddable CRM and contract library.

pub mod kernel;
pub mod store;
