//! Our operations beside the same work done by hand on the bare engine, in one run.
//!
//! ```text
//! cargo xtask bench [--rounds N] [--quick] [--customers N] [--contracts N] [--installments N,N] [--engine sqlite|postgres] [WORKLOAD ...]
//! ```
//! Both sides work on files that `crm::open` made, so tables and indexes are the same, and with the same settings: WAL,
//! `synchronous = FULL`, foreign keys, page caches of the same size. The side by hand is what a careful person writes
//! for the case at hand: prepared statements, integer keys, one transaction, no validation, no rights, no versions.
//! Rounds alternate; medians are shown. Nothing is asserted, and the exit code is 0 whatever the figures are.

mod contract;
mod data;
mod growth;
mod hand;
mod import;
mod measure;
mod reads;
mod receipt;
mod server;
mod setup;
mod verify;
mod warnings;

use measure::Outcome;
use setup::Setup;

/// A workload by name.
struct Workload {
    name: &'static str,
    run: fn(&Setup) -> Outcome<()>,
}

const WORKLOADS: &[Workload] = &[
    Workload { name: "import", run: import::run },
    Workload { name: "contract", run: contract::run },
    Workload { name: "receipt", run: receipt::run },
    Workload { name: "allocate", run: receipt::grouped },
    Workload { name: "due", run: reads::due },
    Workload { name: "aging", run: reads::aging },
    Workload { name: "get", run: reads::single },
    Workload { name: "page", run: reads::page },
    Workload { name: "funnel", run: reads::funnel },
    Workload { name: "memory", run: reads::memory },
    Workload { name: "verify", run: verify::run },
    Workload { name: "warnings", run: warnings::run },
    Workload { name: "growth", run: growth::run },
];

const HELP: &str = "\
cargo xtask bench [--rounds N] [--quick] [--customers N] [--contracts N] [--installments N,N] [--engine sqlite|postgres] [WORKLOAD ...]

--rounds N        rounds that count, 5 when left out
--quick           small sizes: shows that everything runs, not how fast
--customers N     customers to import, 100000 when left out, 20000 on a server
--contracts N     contracts in the ledger that is read, 166667 when left out, 20000 on a server; each has 6 installments
--installments LIST  sizes of the files that warnings are scanned in and that growth is read in, 10000,100000 when left out
--engine NAME     sqlite, or postgres: a server of its own, or the one at CRM_POSTGRES_URL
WORKLOAD          only workloads whose name contains one of these words:";

fn main() -> Outcome<()> {
    let mut setup = Setup::new()?;
    let (mut words, mut is_on_server, mut is_quick) = (Vec::new(), false, false);
    let (mut customers, mut contracts, mut rounds, mut installments) = (None, None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => is_quick = true,
            "--rounds" => rounds = Some(arguments.next().unwrap_or_default().parse()?),
            "--customers" => customers = Some(arguments.next().unwrap_or_default().parse()?),
            "--contracts" => contracts = Some(arguments.next().unwrap_or_default().parse()?),
            "--installments" => {
                let sizes = arguments.next().unwrap_or_default();
                installments = Some(sizes.split(',').map(str::parse).collect::<Result<Vec<u32>, _>>()?);
            }
            "--engine" => match arguments.next().as_deref() {
                Some("sqlite") => {}
                Some("postgres") => is_on_server = true,
                other => return Err(format!("there is no engine {other:?}; known: sqlite, postgres").into()),
            },
            reads::CHILD => {
                let (path, rows) =
                    (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
                return reads::child(path.as_ref(), rows.parse()?);
            }
            "--help" | "-h" => {
                println!("{HELP}");
                WORKLOADS.iter().for_each(|workload| println!("  {}", workload.name));
                return Ok(());
            }
            option if option.starts_with('-') => return Err(format!("{option}?\n\n{HELP}").into()),
            word => words.push(word.to_owned()),
        }
    }
    if is_on_server {
        setup.make_remote();
    }
    if is_quick {
        setup.make_quick();
    }
    setup.rounds = rounds.unwrap_or(setup.rounds);
    setup.customers = customers.unwrap_or(setup.customers);
    setup.contracts = contracts.unwrap_or(setup.contracts);
    setup.installments = installments.unwrap_or(setup.installments);
    let is_wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    measure::print_header(setup.rounds);
    if is_on_server {
        return server::run(&setup, &is_wanted);
    }
    for workload in WORKLOADS.iter().filter(|workload| is_wanted(workload.name)) {
        (workload.run)(&setup)?;
    }
    Ok(())
}
