//! Rounds that alternate between the two sides, and the table that comes of them.

use std::time::{Duration, Instant};

/// Anything that may go wrong in a benchmark is told and ends it.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// One workload done by both sides: the time of each round, of one unit.
pub(crate) struct Comparison {
    name: &'static str,
    aim: &'static str,
    unit: &'static str,
    ours: Vec<u128>,
    by_hand: Vec<u128>,
}

impl Comparison {
    /// A workload, what is aimed at, and what the time of a unit is the time of.
    pub(crate) fn new(name: &'static str, aim: &'static str, unit: &'static str) -> Comparison {
        Comparison { name, aim, unit, ours: Vec::new(), by_hand: Vec::new() }
    }

    /// Runs each side once a round, `units` units long, beginning with the other one each time, after one round that does
    /// not count.
    pub(crate) fn rounds(
        mut self,
        rounds: usize,
        units: u32,
        mut ours: impl FnMut() -> Outcome<Duration>,
        mut by_hand: impl FnMut() -> Outcome<Duration>,
    ) -> Outcome<Comparison> {
        let per_unit = |time: Duration| time.as_nanos() / u128::from(units.max(1));
        for round in 0..=rounds {
            let (one, other) = if round % 2 == 0 {
                let one = ours()?;
                (one, by_hand()?)
            } else {
                let other = by_hand()?;
                (ours()?, other)
            };
            if round > 0 {
                self.ours.push(per_unit(one));
                self.by_hand.push(per_unit(other));
            }
        }
        Ok(self)
    }

    /// Runs both sides in turn, `times` times a round, after one round that does not count; the time of a round is the
    /// median of its times, so that what the disk does now and then does not decide.
    pub(crate) fn pairs(
        mut self,
        rounds: usize,
        times: u32,
        units: u32,
        mut ours: impl FnMut() -> Outcome<Duration>,
        mut by_hand: impl FnMut() -> Outcome<Duration>,
    ) -> Outcome<Comparison> {
        for round in 0..=rounds {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            for _ in 0..times {
                one.push(ours()?.as_nanos() / u128::from(units.max(1)));
                other.push(by_hand()?.as_nanos() / u128::from(units.max(1)));
            }
            if round > 0 {
                self.ours.push(median(&one));
                self.by_hand.push(median(&other));
            }
        }
        Ok(self)
    }

    /// The median of our side, in nanoseconds a unit.
    pub(crate) fn ours(&self) -> u128 {
        median(&self.ours)
    }

    /// The median of the other side, in nanoseconds a unit.
    pub(crate) fn by_hand(&self) -> u128 {
        median(&self.by_hand)
    }

    /// The line of the table.
    pub(crate) fn print(&self) {
        let mut ratios: Vec<u128> =
            self.ours.iter().zip(&self.by_hand).map(|(ours, by_hand)| thousandths(*ours, *by_hand)).collect();
        ratios.sort_unstable();
        let ratio = |at: usize| ratios.get(at).map(|ratio| show_ratio(*ratio)).unwrap_or_default();
        println!(
            "{:<50} {:>12} {:>12}  {:>6} ({}-{})  {:<8} µs per {}",
            self.name,
            micros(self.ours()),
            micros(self.by_hand()),
            ratio(ratios.len() / 2),
            ratio(0),
            ratio(ratios.len().saturating_sub(1)),
            self.aim,
            self.unit,
        );
    }
}

/// One over the other, in thousandths: no float is needed to compare whole numbers.
pub(crate) fn thousandths(one: u128, other: u128) -> u128 {
    one * 1000 / other.max(1)
}

/// A ratio in thousandths, with two places.
pub(crate) fn show_ratio(thousandths: u128) -> String {
    let hundredths = (thousandths + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Nanoseconds as microseconds with one place.
pub(crate) fn micros(nanoseconds: u128) -> String {
    format!("{}.{}", nanoseconds / 1000, nanoseconds % 1000 / 100)
}

/// The header of the table.
pub(crate) fn print_header(rounds: usize) {
    println!("median of {rounds} interleaved rounds; ratio = ours / by hand (lowest-highest round)\n");
    println!("{:<50} {:>12} {:>12}  {:>6} {:<12} {:<8}", "workload", "ours", "by hand", "ratio", "", "aim");
}

fn median(times: &[u128]) -> u128 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The time that `work` takes.
pub(crate) fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}
