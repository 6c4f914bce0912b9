//! The clock and the source of random bits are passed in, so that the domain itself is a function of its inputs and a
//! test can say what time it is.

use std::sync::Mutex;

use crate::kernel::date::Instant;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant, in UTC.
    fn now(&self) -> Instant;

    /// Sets the clock, where it can be set; says whether it could.
    fn set(&self, _now: Instant) -> bool {
        false
    }
}

/// Draws random bits; used for ids only, never for secrets.
pub trait Entropy: Send + Sync {
    /// 64 random bits.
    fn next(&self) -> u64;
}

/// A clock that stands still until it is set: for tests, replays and demonstrations.
#[derive(Debug)]
pub struct ManualClock(Mutex<Instant>);

impl ManualClock {
    /// A clock standing at `now`.
    pub fn new(now: Instant) -> Self {
        ManualClock(Mutex::new(now))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// It may also go back.
    fn set(&self, now: Instant) -> bool {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = now;
        true
    }
}

/// Repeatable bits from a seed (SplitMix64): for tests and demonstrations.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<u64>);

impl SeededEntropy {
    /// Bits that are always the same for the same seed.
    pub fn new(seed: u64) -> Self {
        SeededEntropy(Mutex::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = *state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}
