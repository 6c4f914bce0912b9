//! The commands a person types.
//!
//! ```text
//! cargo xtask demo      the library doing its whole job on a sample, in under a minute
//! cargo xtask test      everything that must hold; installs what it needs under target/
//! cargo xtask ledger    moves a ledger from one engine to another
//! cargo xtask codegen   writes the generated files: header, reference, Python modules
//! cargo xtask bench     our operations beside the same work done by hand
//! ```

mod postgres;
mod python;
mod run;
mod shared;
mod test;

use std::process::ExitCode;

use run::Run;

const HELP: &str = "\
cargo xtask demo [ARG ...]     the library doing its whole job on a sample; --engine postgres does it on a server
cargo xtask test [WORD ...]    everything that must hold, or only the steps whose names contain a word
cargo xtask ledger [ARG ...]   moves a ledger: export URL FILE, or import FILE URL
cargo xtask codegen            writes the generated files: header, reference, Python modules
cargo xtask bench [ARG ...]    our operations beside the same work done by hand on the bare engine
cargo xtask bench writers      many who write at once in several processes, on each engine";

/// On a server of its own, unless `CRM_POSTGRES_URL` names one.
fn demo(arguments: &[String]) -> Result<(), String> {
    let is_on_server = arguments.iter().any(|word| word == "postgres");
    if !is_on_server || std::env::var_os(postgres::URL).is_some() {
        return Run::cargo(["run", "--package", "crm-example-demo", "--"]).args(arguments).shown();
    }
    Run::cargo(["build", "--package", "crm-example-demo"]).shown()?;
    let program = run::target().join("debug/crm-example-demo");
    postgres::beside_server(program)?.args(arguments).shown()
}

/// `writers` measures how many write at once, everything else one who works alone.
fn bench(arguments: &[String]) -> Result<(), String> {
    let names_server = arguments.iter().any(|word| word == "postgres");
    let (bench, needs_server) = match arguments {
        [writers, rest @ ..] if writers == "writers" => {
            let bench = Run::cargo(["run", "--release", "--package", "crm-tests", "--bin", "writers", "--"]);
            let names_place = rest.iter().any(|word| word == "--engine" || word == "--url");
            (bench.args(rest), names_server || !names_place)
        }
        all => (Run::cargo(["run", "--release", "--package", "crm-bench", "--"]).args(all), names_server),
    };
    if needs_server { bench.env(postgres::VARIABLE, postgres::prepare()?).shown() } else { bench.shown() }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match command.as_str() {
        "demo" => demo(&rest),
        "test" => test::run(&rest),
        "codegen" => Run::cargo(["run", "--quiet", "--package", "crm-codegen", "--", "write"]).shown(),
        "bench" => bench(&rest),
        "ledger" => Run::cargo(["run", "--quiet", "--release", "--package", "crm-example-ledger", "--"])
            .args(&rest)
            .shown(),
        "" | "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no command {other}\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
