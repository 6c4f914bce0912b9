//! What every area builds on: errors, ids, numbers, money, dates, the working-day calendar, clock and id source.
//! Nothing here knows a store or an engine, reads a clock or draws a random number.

pub mod error;
