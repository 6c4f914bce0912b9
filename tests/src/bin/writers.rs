//! Many writers of one ledger on each engine, as a table of what they did.
//!
//! ```text
//! cargo xtask bench writers [--engine sqlite|postgres] [--url URL] [--processes N] [--sessions N] [--seconds N]
//! ```
//!
//! The server is one of our own, from `CRM_POSTGRES_BIN`, whose commits are on disk; the file is put beside this program, since `/tmp`
//! may be in memory. A URL must be of a new ledger: a file that is not there, or a schema that is not.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crm_postgres_server::Server;
use crm_tests::writers::{self, Crowd, Tally};

const HELP: &str =
    "writers [--engine sqlite|postgres] [--url URL] [--processes N] [--sessions N] [--seconds N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [child, rest @ ..] if child == "child" => writers::run_child(rest).map(|tally| {
            println!("{tally}");
            true
        }),
        options => run(options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether no rule was broken.
fn run(options: &[String]) -> Result<bool, String> {
    let mut crowd = Crowd { processes: 4, sessions: 2, time: Duration::from_secs(60) };
    let (mut engines, mut url) = (vec!["sqlite", "postgres"], None);
    for option in options.chunks(2) {
        let [name, value] = option else { return Err(format!("{} needs a value\n\n{HELP}", option[0])) };
        let number = || value.parse::<usize>().map_err(|_| format!("{name} {value}: a number is expected"));
        match name.as_str() {
            "--engine" if engines.contains(&value.as_str()) => engines.retain(|engine| engine == value),
            "--url" => url = Some(value.as_str()),
            "--processes" => crowd.processes = number()?,
            "--sessions" => crowd.sessions = number()?,
            "--seconds" => crowd.time = Duration::from_secs(number()? as u64),
            _ => return Err(format!("there is no {name} {value}\n\n{HELP}")),
        }
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    println!(
        "{} sessions in {} processes write on one ledger for {} s; violations: rules that did not hold afterwards\n",
        crowd.processes * crowd.sessions,
        crowd.processes,
        crowd.time.as_secs()
    );
    println!(
        "{:<10} {:>10} {:>8} {:>9} {:>9} {:>9} {:>10} {:>9} {:>9}",
        "engine",
        "operations",
        "a second",
        "too late",
        "conflicts",
        "retries",
        "violations",
        "p50 ms",
        "p99 ms"
    );
    if let Some(url) = url {
        return Ok(shown("at the URL", &writers::run(&program, url, crowd)?, crowd));
    }
    let mut is_clean = true;
    for engine in engines {
        let tally = match engine {
            "sqlite" => on_file(&program, crowd)?,
            _ => {
                let server = Server::durable().map_err(|error| error.to_string())?;
                writers::run(&program, &server.url(&server.new_schema()), crowd)?
            }
        };
        is_clean &= shown(engine, &tally, crowd);
    }
    Ok(is_clean)
}

fn on_file(program: &Path, crowd: Crowd) -> Result<Tally, String> {
    let beside = program.parent().map_or_else(PathBuf::new, Path::to_owned);
    let folder = tempfile::Builder::new().prefix("writers-").tempdir_in(beside);
    let folder = folder.map_err(|error| error.to_string())?;
    writers::run(program, &folder.path().join("writers.crm").to_string_lossy(), crowd)
}

fn shown(engine: &str, tally: &Tally, crowd: Crowd) -> bool {
    let millis = |per_mille| {
        let micros = tally.micros_at(per_mille);
        format!("{}.{:02}", micros / 1000, micros % 1000 / 10)
    };
    println!(
        "{engine:<10} {:>10} {:>8} {:>9} {:>9} {:>9} {:>10} {:>9} {:>9}",
        tally.calls,
        u128::from(tally.calls) * 1000 / crowd.time.as_millis().max(1),
        tally.too_late,
        tally.conflicts,
        tally.retries,
        tally.violations.len(),
        millis(500),
        millis(990),
    );
    tally.violations.iter().for_each(|violation| println!("  {violation}"));
    tally.violations.is_empty()
}
