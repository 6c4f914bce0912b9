//! The areas of the domain. Each folder has the same rooms: `model` (what it stores), `rules` (pure functions),
//! `operations` (use cases), and its line in the catalogue.

pub mod access;
pub mod activity;
pub mod contract;
pub mod import;
pub mod invoice;
pub mod ledger;
pub mod opportunity;
pub mod party;
pub mod product;
pub mod settlement;
pub mod warning;
