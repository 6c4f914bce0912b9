//! Moves a ledger from one engine to another, at the command line.
//!
//! ```text
//! cargo xtask ledger export URL FILE     everything that the ledger at URL holds, into FILE
//! cargo xtask ledger import FILE URL     FILE into a new ledger at URL, of any engine
//! ```

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use crm::OpenOptions;
use crm::app::{Moved, Progress};
use crm::kernel::error::{Error, Locale};
use crm::store::engine::Flow;

const HELP: &str = "\
cargo xtask ledger export URL FILE     everything that the ledger at URL holds, into FILE
cargo xtask ledger import FILE URL     FILE into a new ledger at URL, where there must be nothing yet

URL is a path, or postgres://user:password@host/database?schema=company";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let moved = match words.as_slice() {
        ["export", url, file] => export(url, Path::new(file)),
        ["import", file, url] => {
            crm::import_from_file(Path::new(file), url, &OpenOptions::default(), &mut Shown::default().tell())
        }
        _ => {
            eprintln!("{HELP}");
            return ExitCode::FAILURE;
        }
    };
    match moved {
        Ok(moved) => {
            for (table, rows) in moved.tables.iter().filter(|(_, rows)| *rows > 0) {
                println!("{table:<28} {rows:>12}");
            }
            println!("{:<28} {:>12}", "rows in all", moved.rows);
            println!("sha256 {}", moved.sha256);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}\n{}", error.message(Locale::English), error.message(Locale::Chinese));
            ExitCode::FAILURE
        }
    }
}

fn export(url: &str, file: &Path) -> Result<Moved, Error> {
    // A mistyped URL makes no ledger.
    let ledger = crm::open(url, &OpenOptions { create: false, ..OpenOptions::default() })?;
    crm::export_to_file(&ledger, file, &mut Shown::default().tell())
}

/// How far a move has come, on one line of a terminal that is written over; elsewhere a line for each tenth.
#[derive(Default)]
struct Shown {
    tenths: u64,
}

impl Shown {
    fn tell(mut self) -> impl FnMut(&Progress) -> Flow {
        let is_terminal = std::io::stderr().is_terminal();
        move |come| {
            let Progress { table, rows, rows_total } = come;
            let mut out = std::io::stderr();
            // What cannot be shown is no reason to stop.
            if is_terminal {
                let end = if rows == rows_total { "\n" } else { "" };
                let _ = write!(out, "\r{rows:>12} of {rows_total} rows, {table:<28}{end}");
                let _ = out.flush();
            } else if rows * 10 >= rows_total * (self.tenths + 1) {
                self.tenths = rows * 10 / rows_total.max(&1);
                let _ = writeln!(out, "{rows:>12} of {rows_total} rows");
            }
            Flow::More
        }
    }
}
