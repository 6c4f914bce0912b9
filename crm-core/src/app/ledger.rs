//! One company's books.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::app::host::Host;
use crate::app::session::Session;
use crate::areas::access::{self, Actor};
use crate::areas::ledger::{self, LedgerInfo};
use crate::catalog::Catalog;
use crate::kernel::currency::Currency;
use crate::kernel::date::Instant;
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::{Id, IdCodec, IdSource};
use crate::store::engine::{Mode, Store, Tx};

/// What a ledger is created with; an existing ledger keeps what it has.
#[derive(Debug, Clone)]
pub struct NewLedger {
    /// The company's name.
    pub name: String,
    /// The currency of totals.
    pub currency: Currency,
    /// Offset of business dates from UTC in minutes, from -1080 to 1080.
    pub utc_offset_minutes: i32,
    /// Login of the first user, who may do everything; not empty.
    pub admin: String,
}

impl Default for NewLedger {
    /// Chinese time, renminbi, first user `admin`.
    fn default() -> Self {
        NewLedger {
            name: String::new(),
            currency: Currency::CNY,
            utc_offset_minutes: 480,
            admin: "admin".to_owned(),
        }
    }
}

struct Inner {
    store: Arc<dyn Store>,
    host: Host,
    info: LedgerInfo,
    source: IdSource,
    catalog: Arc<Catalog>,
    actors: Mutex<HashMap<String, Arc<Actor>>>,
}

/// One company's books, open. Cloning gives another handle; all of them may be used from any thread.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

impl Ledger {
    /// Takes an opened store as a ledger; an empty one becomes a new ledger.
    ///
    /// # Errors
    /// `OUT_OF_RANGE` and `EMPTY` for a new ledger that cannot be, with the field; of the engine.
    pub fn open(store: Arc<dyn Store>, host: Host, new: &NewLedger) -> Result<Ledger> {
        let codec = IdCodec::new(0);
        let found = ledger::load(store.begin(Mode::Read)?.as_mut(), codec)?;
        let info = match found {
            Some(info) => info,
            None => {
                let mut tx = store.begin(Mode::Write)?;
                // Another process may have been quicker.
                let info = match ledger::load(tx.as_mut(), codec)? {
                    Some(info) => info,
                    None => create(tx.as_mut(), &host, new)?,
                };
                tx.commit()?;
                info
            }
        };
        let source = IdSource::new(info.codec(), host.entropy.clone());
        let actors = Mutex::new(HashMap::new());
        Ok(Ledger(Arc::new(Inner { store, host, info, source, catalog: Catalog::shared(), actors })))
    }

    /// Name, currency and time zone.
    pub fn info(&self) -> &LedgerInfo {
        &self.0.info
    }

    /// The engine's name.
    pub fn engine(&self) -> &'static str {
        self.0.store.engine()
    }

    /// The catalogue.
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// The present instant by the ledger's clock.
    pub fn now(&self) -> Instant {
        self.0.host.clock.now()
    }

    /// Sets the clock of a ledger that was opened with a manual one.
    ///
    /// # Errors
    /// `CLOCK_NOT_MANUAL`.
    pub fn set_clock(&self, now: Instant) -> Result<()> {
        if self.0.host.clock.set(now) { Ok(()) } else { Err(Error::new(&super::CLOCK_NOT_MANUAL)) }
    }

    /// Offset of business dates from UTC.
    pub fn utc_offset_minutes(&self) -> i32 {
        self.0.info.utc_offset_minutes
    }

    /// The codec of this ledger's ids.
    pub fn ids(&self) -> IdCodec {
        self.0.source.codec()
    }

    pub(crate) fn new_id<K>(&self, now: Instant) -> Id<K> {
        self.0.source.next(now)
    }

    /// The store under it: for moving the ledger as a whole.
    pub fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    /// Begins a transaction with what decides what the user may do in it.
    pub(crate) fn begin_as(&self, mode: Mode, login: &str) -> Result<(Box<dyn Tx>, Arc<Actor>)> {
        let (mut tx, stamp) = access::begin_with_stamp(self.0.store.as_ref(), mode)?;
        let actor = self.actor_at(tx.as_mut(), login, stamp)?;
        Ok((tx, actor))
    }

    /// A session for the user with this login. Whether the host has the right to speak for that user is the host's to know.
    ///
    /// # Errors
    /// `UNKNOWN_USER`; of the engine.
    pub fn session(&self, login: &str) -> Result<Session> {
        self.begin_as(Mode::Read, login)?;
        Ok(Session::new(self.clone(), login))
    }

    /// The user as of this transaction, which was begun with the stamp: what nobody has committed does not come in here.
    fn actor_at(&self, tx: &mut dyn Tx, login: &str, stamp: i64) -> Result<Arc<Actor>> {
        let actors = || self.0.actors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(actor) = actors().get(login).filter(|actor| actor.stamp == stamp) {
            return Ok(Arc::clone(actor));
        }
        // Nobody waits for these queries.
        let actor = self.load_actor(tx, login, stamp)?;
        actors().insert(login.to_owned(), Arc::clone(&actor));
        Ok(actor)
    }

    /// The user after what the transaction itself has changed. Nothing of it is kept for others: it may be undone.
    pub(crate) fn actor_now(&self, tx: &mut dyn Tx, login: &str, before: &Arc<Actor>) -> Result<Arc<Actor>> {
        let stamp = access::rights_stamp(tx)?;
        if before.stamp == stamp { Ok(Arc::clone(before)) } else { self.load_actor(tx, login, stamp) }
    }

    fn load_actor(&self, tx: &mut dyn Tx, login: &str, stamp: i64) -> Result<Arc<Actor>> {
        let actor = access::load_actor(tx, self.ids(), login, stamp)?;
        actor.map(Arc::new).ok_or_else(|| Error::new(&super::UNKNOWN_USER).with("login", login))
    }
}

/// No place is further from UTC, summer time included.
const OFFSET_MAX: i32 = 18 * 60;

fn create(tx: &mut dyn Tx, host: &Host, new: &NewLedger) -> Result<LedgerInfo> {
    if !(-OFFSET_MAX..=OFFSET_MAX).contains(&new.utc_offset_minutes) {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("utc_offset_minutes")
            .with("value", new.utc_offset_minutes)
            .with("min", -OFFSET_MAX)
            .with("max", OFFSET_MAX));
    }
    let admin = new.admin.trim();
    if admin.is_empty() {
        return Err(Error::new(&error::EMPTY).at("admin"));
    }
    let codec = IdCodec::new(host.entropy.next());
    let source = IdSource::new(codec, host.entropy.clone());
    let now = host.clock.now();
    let info = ledger::create(tx, codec, now, new)?;
    access::create_first_user(tx, codec, now, &mut |now| source.next::<()>(now).uuid(), admin)?;
    Ok(info)
}
