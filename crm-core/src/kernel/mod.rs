//! What every area builds on: errors, ids, numbers, money, dates, the working-day calendar, clock and id source.
//! Nothing here knows a store or an engine, reads a clock or draws a random number.

pub mod calendar;
mod calendar_cn;
pub mod cash;
pub mod clock;
pub mod currency;
mod currency_iso;
pub mod date;
pub mod decimal;
pub mod error;
pub mod id;
pub mod money;
pub mod refusal;
pub mod rounding;
pub mod words;
