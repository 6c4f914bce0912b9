//! Scenarios: stories as data under `tests/scenarios`, run unchanged through Rust, C and Python.
//!
//! The C and Python runners follow the same rules; [`scenario`] states them.

pub mod scenario;
pub mod settlement;
pub mod writers;
