//! Bringing the data of an older ledger forward, in the transaction in which the engine brings its tables forward.
//!
//! Each area that has something to do says so in the catalogue, and works batch by batch, so that a ledger of any size takes
//! bounded memory. Nothing is asked of it twice: when one area fails, the ledger is what it was. The trail gets one entry,
//! in the name of the first user, with the versions and with what was written, counted: what it was derived from stands in the
//! ledger, so the rows are not told again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::audit::{self, Changes};
use super::context::key_filter;
use crate::app::Host;
use crate::areas::access::User;
use crate::areas::ledger::{self, LedgerInfo};
use crate::catalog::{AREAS, Catalog};
use crate::kernel::currency::Currency;
use crate::kernel::date::Instant;
use crate::kernel::decimal::Price;
use crate::kernel::error::Result;
use crate::kernel::id::IdCodec;
use crate::store::cell::Cell;
use crate::store::engine::Tx;
use crate::store::query::Query;
use crate::store::record::Record;
use crate::store::schema::Schema;

/// What one unit of a currency was worth in the ledger's, for ledgers from before exchange rates were kept.
pub type OldRates = BTreeMap<Currency, Price>;

/// The name under which the trail knows what is done here.
const OPERATION: &str = "ledger.bring_forward";

/// The catalogue's schema as ledgers are opened with: it brings the data of older ones forward.
pub fn schema(host: Host, rates: OldRates) -> Schema {
    let forward = move |tx: &mut dyn Tx, from: u32| bring_forward(tx, from, &host, &rates);
    Catalog::shared().schema().clone().with_forward(Arc::new(forward))
}

fn bring_forward(tx: &mut dyn Tx, from: u32, host: &Host, rates: &OldRates) -> Result<()> {
    let Some(info) = ledger::load(tx, IdCodec::new(0))? else { return Ok(()) };
    let mut forwarding = Forwarding { tx, from, info: &info, rates, told: Map::new() };
    for forward in AREAS.iter().filter_map(|area| area.forward) {
        forward(&mut forwarding)?;
    }
    let told = forwarding.told;
    record(tx, &info, host.clock.now(), from, told)
}

fn record(
    tx: &mut dyn Tx,
    info: &LedgerInfo,
    now: Instant,
    from: u32,
    told: Map<String, Value>,
) -> Result<()> {
    let ids = info.codec();
    let Some(first) = Query::<User>::new(ids).ascending(User::C.id).first(tx)? else { return Ok(()) };
    let mut changes = Changes::default();
    changes.push(
        &json!({ "from_version": from, "to_version": Catalog::shared().schema().version, "written": told }),
    );
    audit::append(tx, ids, now, first.id, OPERATION, None, &mut changes)
}

/// What an area has at hand to bring its data forward.
pub struct Forwarding<'a> {
    tx: &'a mut dyn Tx,
    from: u32,
    info: &'a LedgerInfo,
    rates: &'a OldRates,
    told: Map<String, Value>,
}

impl Forwarding<'_> {
    /// The schema version that the data is from.
    pub fn from(&self) -> u32 {
        self.from
    }

    /// The transaction.
    pub fn tx(&mut self) -> &mut dyn Tx {
        self.tx
    }

    /// The ledger.
    pub fn info(&self) -> &LedgerInfo {
        self.info
    }

    /// The codec of this ledger's ids.
    pub fn ids(&self) -> IdCodec {
        self.info.codec()
    }

    /// What one unit of a currency was worth, if the host has said so.
    pub fn rate(&self, currency: Currency) -> Option<Price> {
        self.rates.get(&currency).copied()
    }

    /// A typed query.
    pub fn query<R: Record>(&self) -> Query<R> {
        Query::new(self.ids())
    }

    /// Adds records of one table.
    ///
    /// # Errors
    /// Of encoding and of the engine.
    pub fn insert_all<R: Record>(&mut self, records: &[R]) -> Result<()> {
        let ids = self.ids();
        let rows = records.iter().map(|record| record.encode(ids)).collect::<Result<Vec<_>>>()?;
        if rows.is_empty() { Ok(()) } else { self.tx.insert(R::table(), &rows) }
    }

    /// Replaces what differs between the stored record and `after`; its version stays.
    ///
    /// # Errors
    /// Of encoding and of the engine.
    pub fn replace<R: Record>(&mut self, before: &R, after: &R) -> Result<()> {
        let ids = self.ids();
        let (old, new) = (before.encode(ids)?, after.encode(ids)?);
        let key = key_filter(R::table(), &old);
        let changes: Vec<(usize, Cell)> =
            new.into_iter().enumerate().filter(|(at, cell)| old[*at] != *cell).collect();
        if !changes.is_empty() {
            self.tx.update(R::table(), &changes, &key)?;
        }
        Ok(())
    }

    /// Says how much was written, for the trail.
    pub fn tell(&mut self, what: &str, count: u64) {
        self.told.insert(what.to_owned(), json!(count));
    }
}
