//! Opening a ledger by its URL.

use std::path::Path;
use std::sync::Arc;

use crm_core::app::{self, Host, Ledger, NewLedger, OldRates};
use crm_core::kernel::clock::{Clock, Entropy, ManualClock, SeededEntropy};
use crm_core::kernel::currency::Currency;
use crm_core::kernel::date::Instant;
use crm_core::kernel::error::{Error, Result};
use crm_core::store::engine::{CANNOT_OPEN, Store};
use crm_core::store::schema::Schema;
use crm_sqlite::{Durability, SqliteStore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{SystemClock, SystemEntropy};

/// How a ledger is opened. The C ABI takes the same as JSON, Python as keyword arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OpenOptions {
    /// Create the ledger when there is none.
    pub create: bool,
    /// Open for reading alone.
    pub read_only: bool,
    /// How long a writer waits for others, in milliseconds.
    pub busy_timeout_ms: u32,
    /// When a call counts as saved.
    pub durability: DurabilityOption,
    /// Where the time comes from.
    pub clock: ClockOption,
    /// For a ledger from before exchange rates were kept (schema version 1): what one unit of each currency that it has amounts
    /// in, beside its own, was worth in its own; `OLD_RATES_NEEDED` names them. Other ledgers do not look at it.
    pub old_rates: OldRates,
    /// For a new ledger: the company's name.
    pub name: String,
    /// For a new ledger: the currency of totals.
    pub currency: Currency,
    /// For a new ledger: offset of business dates from UTC in minutes.
    pub utc_offset_minutes: i32,
    /// For a new ledger: login of the first user, who may do everything.
    pub admin: String,
}

impl Default for OpenOptions {
    fn default() -> Self {
        let new = NewLedger::default();
        OpenOptions {
            create: true,
            read_only: false,
            busy_timeout_ms: 10_000,
            durability: DurabilityOption::Full,
            clock: ClockOption::System,
            old_rates: OldRates::new(),
            name: new.name,
            currency: new.currency,
            utc_offset_minutes: new.utc_offset_minutes,
            admin: new.admin,
        }
    }
}

/// When a call counts as saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DurabilityOption {
    /// When it is on the disk: survives a power cut.
    #[default]
    Full,
    /// When the operating system has it: survives a crash of the program.
    Normal,
}

/// Where the time comes from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockOption {
    /// The machine's clock and random ids.
    #[default]
    System,
    /// A clock that stands until it is set, and ids that repeat: for tests, replays and demonstrations.
    Manual(Instant),
}

/// Opens the ledger at a URL, creating it unless told otherwise: a path (`company.crm`, or `sqlite:` and the path), or a
/// schema of a PostgreSQL database (`postgres://user:password@host/database?schema=company`).
///
/// A ledger on a server must never be called from inside an asynchronous worker: calls block, and the client of the server
/// drives an event loop of its own.
///
/// # Errors
/// `CANNOT_OPEN`, `NOT_A_LEDGER`, `LEDGER_NEWER`, `READ_ONLY` and others of the engine; `OLD_RATES_NEEDED`.
pub fn open(url: &str, options: &OpenOptions) -> Result<Ledger> {
    let host = host(options);
    let store = open_store(url, options, &schema(options, &host))?;
    let new = NewLedger {
        name: options.name.clone(),
        currency: options.currency,
        utc_offset_minutes: options.utc_offset_minutes,
        admin: options.admin.clone(),
    };
    Ledger::open(store, host, &new)
}

pub(crate) fn host(options: &OpenOptions) -> Host {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = match options.clock {
        ClockOption::System => (Arc::new(SystemClock), Arc::new(SystemEntropy)),
        ClockOption::Manual(now) => {
            (Arc::new(ManualClock::new(now)), Arc::new(SeededEntropy::new(20_260_101)))
        }
    };
    Host { clock, entropy }
}

/// The schema that stores are opened with.
pub(crate) fn schema(options: &OpenOptions, host: &Host) -> Schema {
    app::schema(host.clone(), options.old_rates.clone())
}

pub(crate) fn open_store(url: &str, options: &OpenOptions, schema: &Schema) -> Result<Arc<dyn Store>> {
    let (scheme, rest) = match url.split_once(':') {
        // One letter before the colon is a drive.
        Some((scheme, rest)) if scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
            (scheme, rest)
        }
        _ => ("sqlite", url),
    };
    match scheme {
        "sqlite" => {
            let durability = match options.durability {
                DurabilityOption::Full => Durability::Full,
                DurabilityOption::Normal => Durability::Normal,
            };
            let options = crm_sqlite::OpenOptions {
                create: options.create,
                read_only: options.read_only,
                busy_timeout_ms: options.busy_timeout_ms,
                durability,
                ..crm_sqlite::OpenOptions::default()
            };
            SqliteStore::open(Path::new(rest), schema, options)
        }
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            let durability = match options.durability {
                DurabilityOption::Full => crm_postgres::Durability::Full,
                DurabilityOption::Normal => crm_postgres::Durability::Normal,
            };
            let options = crm_postgres::OpenOptions {
                create: options.create,
                read_only: options.read_only,
                busy_timeout_ms: options.busy_timeout_ms,
                durability,
                ..crm_postgres::OpenOptions::default()
            };
            crm_postgres::PostgresStore::open(url, schema, options)
        }
        other => {
            // The rest of the URL may hold a password.
            let what = format!("{other}:…");
            Err(Error::new(&CANNOT_OPEN).with("what", what).with("reason", format!("unknown engine {other}")))
        }
    }
}
