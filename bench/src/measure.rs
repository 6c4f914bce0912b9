//! Rounds that alternate between the two sides, and the table that comes of them.

use std::time::{Duration, Instant};

/// Anything that may go wrong in a benchmark is told and ends it.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// One workload done by both sides.
pub(crate) struct Comparison {
    name: &'static str,
    goal: &'static str,
    unit: &'static str,
    per: u32,
    ours: Vec<Duration>,
    by_hand: Vec<Duration>,
}

impl Comparison {
    /// A workload whose times are shown per one of `per` units.
    pub(crate) fn new(name: &'static str, goal: &'static str, unit: &'static str, per: u32) -> Comparison {
        Comparison { name, goal, unit, per, ours: Vec::new(), by_hand: Vec::new() }
    }

    /// Runs both sides in turn, beginning with the other one each time, after one round that does not count.
    pub(crate) fn rounds(
        mut self,
        rounds: usize,
        mut ours: impl FnMut() -> Outcome<Duration>,
        mut by_hand: impl FnMut() -> Outcome<Duration>,
    ) -> Outcome<Comparison> {
        for round in 0..=rounds {
            let (one, other) = if round % 2 == 0 {
                let one = ours()?;
                (one, by_hand()?)
            } else {
                let other = by_hand()?;
                (ours()?, other)
            };
            if round > 0 {
                self.ours.push(one);
                self.by_hand.push(other);
            }
        }
        Ok(self)
    }

    /// The line of the table.
    pub(crate) fn print(&self) {
        let micros = |time: Duration| time.as_nanos() / u128::from(self.per) / 100;
        let show = |tenths: u128| format!("{}.{}", tenths / 10, tenths % 10);
        // Ratios are in thousandths, so that no float is needed to compare whole numbers.
        let mut ratios: Vec<u128> = self
            .ours
            .iter()
            .zip(&self.by_hand)
            .map(|(ours, by_hand)| ours.as_nanos() * 1000 / by_hand.as_nanos().max(1))
            .collect();
        ratios.sort_unstable();
        let ratio = |thousandths: u128| format!("{}.{:02}", thousandths / 1000, thousandths % 1000 / 10);
        println!(
            "{:<44} {:>12} {:>12}  {:>5} ({} to {})  {:<10} µs per {}",
            self.name,
            show(micros(median(&self.ours))),
            show(micros(median(&self.by_hand))),
            ratio(ratios[ratios.len() / 2]),
            ratio(ratios[0]),
            ratio(ratios[ratios.len() - 1]),
            self.goal,
            self.unit,
        );
    }
}

/// The header of the table.
pub(crate) fn print_header(rounds: usize) {
    println!("median of {rounds} interleaved rounds; ratio = ours / by hand (lowest to highest round)\n");
    println!("{:<44} {:>12} {:>12}  {:<22} {:<10}", "workload", "ours", "by hand", "ratio", "goal");
}

fn median(times: &[Duration]) -> Duration {
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
