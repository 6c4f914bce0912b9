//! Many writers of one ledger: `writers URL [--processes N] [--sessions N] [--seconds N]`; prints what they did.
//!
//! The ledger must be new: a file that is not there, or a schema that is not.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crm_tests::writers::{self, Crowd};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<String, String> {
    let (url, options) = match arguments {
        [child, rest @ ..] if child == "child" => return writers::run_child(rest),
        [url, options @ ..] => (url, options),
        [] => return Err("writers URL [--processes N] [--sessions N] [--seconds N]".to_owned()),
    };
    let mut crowd = Crowd { processes: 4, sessions: 2, time: Duration::from_secs(60) };
    for option in options.chunks(2) {
        let [name, value] = option else { return Err(format!("{} needs a value", option[0])) };
        let value: usize = value.parse().map_err(|_| format!("{name} {value}: a number is expected"))?;
        match name.as_str() {
            "--processes" => crowd.processes = value,
            "--sessions" => crowd.sessions = value,
            "--seconds" => crowd.time = Duration::from_secs(value as u64),
            other => return Err(format!("there is no {other}")),
        }
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let began = Instant::now();
    let tally = writers::run(&program, url, crowd)?;
    Ok(format!(
        "{} processes with {} sessions each, {} s: {} writing calls ({} per second), {} came too late, \
         {} asked to try again, 0 rules broken; p50 {} µs, p99 {} µs, all checked after {} s",
        crowd.processes,
        crowd.sessions,
        crowd.time.as_secs(),
        tally.calls,
        u128::from(tally.calls) * 1000 / crowd.time.as_millis().max(1),
        tally.too_late,
        tally.asked_again,
        tally.micros_at(500),
        tally.micros_at(990),
        began.elapsed().as_secs(),
    ))
}
