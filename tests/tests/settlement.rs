//! Random lives of contracts against a small model; `CRM_LIVES` says how many, beside the few that every run lives.
#![allow(clippy::unwrap_used, clippy::panic)]

use crm::kernel::date::Instant;
use crm::{ClockOption, DurabilityOption, OpenOptions};
use crm_tests::settlement::{Lives, TODAY, is_varied, live};

/// Lives of one ledger; more of them make each slower to verify, fewer make more ledgers.
const IN_ONE_LEDGER: u64 = 1000;

#[test]
fn lives_go_as_the_model_says() {
    let asked = std::env::var("CRM_LIVES").ok().map(|count| count.parse::<u64>().unwrap());
    let count = asked.unwrap_or(300);
    let mut all = Lives::default();
    while all.lives < count {
        let folder = tempfile::tempdir().unwrap();
        let options = OpenOptions {
            clock: ClockOption::Manual(Instant::parse(&format!("{TODAY}T04:00:00Z")).unwrap()),
            durability: DurabilityOption::Normal,
            ..OpenOptions::default()
        };
        let ledger = crm::open(&folder.path().join("lives.crm").to_string_lossy(), &options).unwrap();
        let lives = live(&ledger, all.lives, IN_ONE_LEDGER.min(count - all.lives))
            .unwrap_or_else(|error| panic!("{error}"));
        all.lives += lives.lives;
        for (name, times) in lives.done {
            *all.done.entry(name).or_default() += times;
        }
        for (name, times) in lives.refused {
            *all.refused.entry(name).or_default() += times;
        }
        if asked.is_some() && all.lives % 10_000 == 0 {
            eprintln!("{} lives", all.lives);
        }
    }
    println!("{} lives, verified; done {:?}, refused {:?}", all.lives, all.done, all.refused);
    assert!(is_varied(&all), "{all:?}");
}
