//! The machine's clock and random bits.

use crm_core::kernel::clock::{Clock, Entropy};
use crm_core::kernel::date::Instant;

/// The machine's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        // A clock beyond the years of the calendar is taken as standing at its start.
        Instant::new(chrono::Utc::now()).unwrap_or(Instant::EPOCH)
    }
}

/// The operating system's random bits.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn next(&self) -> u64 {
        // Where the system has none to give, the time keeps ids apart; the store refuses any that still collide.
        getrandom::u64().unwrap_or_else(|_| SystemClock.now().to_micros().unsigned_abs())
    }
}
