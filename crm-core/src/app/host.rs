//! What the host passes in.

use std::sync::Arc;

use crate::kernel::clock::{Clock, Entropy};

/// The clock and the random bits that a ledger works with.
#[derive(Clone)]
pub struct Host {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws bits for ids.
    pub entropy: Arc<dyn Entropy>,
}
