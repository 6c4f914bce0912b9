//! The same work on a PostgreSQL server, ours beside hand-written SQL through the same client, and what each costs in
//! round trips, counted as they are made.
//!
//! The server is one of our own, from `CRM_POSTGRES_BIN`, with `fsync` on, or the one whose URL `CRM_POSTGRES_URL` gives; the
//! schemas `bench_ours`, `bench_by_hand` and `bench_reads` there are dropped first. By hand means what a careful person
//! writes: prepared statements, many rows in one statement, the lock that orders writers, and the entry on the trail.
//!
//! Our own server and this program share one processor. Left to themselves, client and server sit now on one and now on
//! two, and waking another processor takes several times as long as the question it is woken for: what is measured would be
//! where the system has put them. With the server held on one processor and this program on another, trips take three times as
//! long on both sides and the ratios are the same.

mod contract;
mod hand;
mod import;
mod reads;
mod receipt;

use std::cell::OnceCell;

use crm::app::Session;
use crm::store::engine::Flow;
use crm::{ClockOption, OpenOptions};
use crm_postgres::round_trips;
use crm_postgres_server::Server;
use postgres::{Client, NoTls};

use crate::data::{Shape, Written, fill};
use crate::hand::Hand;
use crate::measure::Outcome;
use crate::setup::Setup;
use hand::Wire;

type Workload = (&'static str, fn(&Setup, &Place) -> Outcome<()>);

/// The workloads by name.
const WORKLOADS: &[Workload] = &[
    ("import", import::run),
    ("contract", contract::run),
    ("receipt", receipt::run),
    ("due", reads::due),
    ("aging", reads::aging),
    ("get", reads::single),
    ("page", reads::page),
];

/// Where ledgers are.
struct Place {
    base: String,
    reads: OnceCell<Written>,
    _server: Option<Server>,
}

impl Place {
    fn find() -> Outcome<Place> {
        let (base, server) = match std::env::var("CRM_POSTGRES_URL") {
            Ok(url) => (format!("{url}?schema="), None),
            Err(_) => {
                share_one_processor();
                let server = Server::durable().map_err(|error| error.to_string())?;
                (server.url(""), Some(server))
            }
        };
        Ok(Place { base, reads: OnceCell::new(), _server: server })
    }

    fn url(&self, schema: &str) -> String {
        format!("{}{schema}", self.base)
    }

    /// A bare connection.
    fn wire(&self, schema: &str) -> Outcome<Wire> {
        let client = Client::connect(self.base.split('?').next().unwrap_or_default(), NoTls)?;
        Wire::new(client, schema)
    }

    fn drop_schema(&self, schema: &str) -> Outcome<()> {
        self.wire("public")?.batch(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))
    }

    /// A session at a ledger that is there.
    fn open(&self, schema: &str) -> Outcome<Session> {
        let options = OpenOptions { clock: ClockOption::System, ..OpenOptions::default() };
        Ok(crm::open(&self.url(schema), &options)?.session("admin")?)
    }

    /// A session at a new ledger; whatever was there goes.
    fn new_ledger(&self, schema: &str) -> Outcome<Session> {
        self.drop_schema(schema)?;
        self.open(schema)
    }

    /// Fills new ledgers with the same rows: written to a file, and moved.
    fn fill(&self, setup: &Setup, shape: Shape, schemas: &[&str]) -> Outcome<Written> {
        const FILE: &str = "to-be-moved";
        let session = setup.new_ledger(FILE)?;
        let mut hand = Hand::writer(&setup.path(FILE))?;
        let written = fill(&mut hand, shape)?;
        drop(hand);
        let mut stream = Vec::new();
        crm::export_ledger(session.ledger(), &mut stream, &mut |_| Flow::More)?;
        for schema in schemas {
            self.drop_schema(schema)?;
            let options = OpenOptions::default();
            crm::import_ledger(&mut stream.as_slice(), &self.url(schema), &options, &mut |_| Flow::More)?;
            self.wire(schema)?.batch("VACUUM ANALYZE")?;
        }
        Ok(written)
    }
}

/// Puts this program, and what it starts, on one processor.
fn share_one_processor() {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let allowed = sched_getaffinity(None).unwrap_or_default();
        // The last: the first is where systems like to handle interrupts.
        if let Some(last) = (0..CpuSet::MAX_CPU).rev().find(|cpu| allowed.is_set(*cpu)) {
            let mut one = CpuSet::new();
            one.set(last);
            // When it is refused, the figures scatter; they are still figures.
            let _ = sched_setaffinity(None, &one);
        }
    }
}

/// Prints what one unit costs in round trips.
fn print_trips(ours: &mut dyn FnMut() -> Outcome<()>, by_hand: u64) -> Outcome<()> {
    let before = round_trips();
    ours()?;
    println!("  {} round trips, {by_hand} by hand", round_trips() - before);
    Ok(())
}

/// Measures what is named, or all.
pub(crate) fn run(setup: &Setup, is_wanted: &dyn Fn(&str) -> bool) -> Outcome<()> {
    let place = Place::find()?;
    for (name, run) in WORKLOADS {
        if is_wanted(name) {
            run(setup, &place)?;
        }
    }
    Ok(())
}
