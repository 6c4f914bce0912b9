//! Rounds that alternate between the two sides, and the table that comes of them.

use std::time::Instant;

/// Anything that may go wrong in a benchmark is told and ends it.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How long something took: on the clock, and on the processor.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Time {
    clock: u128,
    processor: u128,
}

impl Time {
    /// The time on the clock of each of so many, in microseconds.
    pub(crate) fn per_unit_micros(self, units: u32) -> String {
        micros(self.per(units).clock)
    }

    fn per(self, units: u32) -> Time {
        let units = u128::from(units.max(1));
        Time { clock: self.clock / units, processor: self.processor / units }
    }
}

/// What is aimed at: so many thousandths of the time by hand, or nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim(Option<u128>);

impl Aim {
    /// Of writes.
    pub(crate) const WRITES: Aim = Aim(Some(1500));
    /// Of reads.
    pub(crate) const READS: Aim = Aim(Some(1150));
    /// Nothing is aimed at.
    pub(crate) const NONE: Aim = Aim(None);

    fn verdict(self, ratio: Option<&u128>) -> String {
        match (self.0, ratio) {
            (Some(aim), Some(ratio)) => {
                format!("{} {}", show_ratio(aim), if *ratio <= aim { "met" } else { "MISSED" })
            }
            _ => String::new(),
        }
    }
}

/// One workload done by both sides: the time of each round, of one unit, in nanoseconds.
pub(crate) struct Comparison {
    name: &'static str,
    aim: Aim,
    unit: &'static str,
    ours: Vec<Time>,
    by_hand: Vec<Time>,
}

impl Comparison {
    /// A workload, what is aimed at, and what the time of a unit is the time of.
    pub(crate) fn new(name: &'static str, aim: Aim, unit: &'static str) -> Comparison {
        Comparison { name, aim, unit, ours: Vec::new(), by_hand: Vec::new() }
    }

    /// Runs each side once a round, `units` units long, beginning with the other one each time, after one round that does
    /// not count.
    pub(crate) fn rounds(
        mut self,
        rounds: usize,
        units: u32,
        mut ours: impl FnMut() -> Outcome<Time>,
        mut by_hand: impl FnMut() -> Outcome<Time>,
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
                self.ours.push(one.per(units));
                self.by_hand.push(other.per(units));
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
        mut ours: impl FnMut() -> Outcome<Time>,
        mut by_hand: impl FnMut() -> Outcome<Time>,
    ) -> Outcome<Comparison> {
        for round in 0..=rounds {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            for _ in 0..times {
                one.push(ours()?.per(units));
                other.push(by_hand()?.per(units));
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
        median(&self.ours).clock
    }

    /// The median of the other side, in nanoseconds a unit.
    pub(crate) fn by_hand(&self) -> u128 {
        median(&self.by_hand).clock
    }

    /// The line of the table.
    pub(crate) fn print(&self) {
        let ratios = |of: fn(&Time) -> u128| {
            let pairs = self.ours.iter().zip(&self.by_hand);
            let mut ratios: Vec<u128> =
                pairs.map(|(ours, by_hand)| thousandths(of(ours), of(by_hand))).collect();
            ratios.sort_unstable();
            ratios
        };
        let (clock, processor) = (ratios(|time| time.clock), ratios(|time| time.processor));
        let shown =
            |ratios: &[u128], at: usize| ratios.get(at).map(|ratio| show_ratio(*ratio)).unwrap_or_default();
        let (middle, last) = (clock.len() / 2, clock.len().saturating_sub(1));
        println!(
            "{:<50} {:>12} {:>12}  {:>6} {:<14} {:>6}  {:<11} µs per {}",
            self.name,
            micros(self.ours()),
            micros(self.by_hand()),
            shown(&clock, middle),
            format!("({}-{})", shown(&clock, 0), shown(&clock, last)),
            shown(&processor, middle),
            self.aim.verdict(clock.get(middle)),
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
    println!(
        "median of {rounds} interleaved rounds; ratio = ours / by hand on the clock (lowest-highest round),"
    );
    println!(
        "cpu = the same of the time on the processor, which waiting for the disk and for others is not part of\n"
    );
    println!(
        "{:<50} {:>12} {:>12}  {:>6} {:<14} {:>6}  {:<11}",
        "workload", "ours", "by hand", "ratio", "", "cpu", "aim"
    );
}

fn median(times: &[Time]) -> Time {
    let middle = |of: fn(&Time) -> u128| {
        let mut sorted: Vec<u128> = times.iter().map(of).collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    };
    Time { clock: middle(|time| time.clock), processor: middle(|time| time.processor) }
}

/// Nanoseconds that this thread has been on the processor.
fn on_processor() -> u128 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    u128::from(seconds) * 1_000_000_000 + u128::from(nanoseconds)
}

/// The time that `work` takes.
pub(crate) fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<Time> {
    let processor = on_processor();
    let began = Instant::now();
    work()?;
    let clock = began.elapsed().as_nanos();
    Ok(Time { clock, processor: on_processor().saturating_sub(processor) })
}
