//! Replays: a request that carries an idempotency key is answered a second time from what is kept, and does nothing.

use sha2::{Digest, Sha256};

use crate::app::{Cx, KEY_REUSED};
use crate::areas::access::User;
use crate::kernel::date::Instant;
use crate::kernel::error::{Error, Result};
use crate::kernel::id::Id;
use crate::store::plan::{ColumnRef, Compare, Pred};
use crate::store::record::{Field, Record};

crate::record! {
    /// A request that was answered.
    pub struct Kept, KeptColumns in "idempotency" key (user, token) {
        /// Who asked.
        user: Id<User>,
        /// The key, unique for the user.
        token: String,
        /// The operation.
        operation: String,
        /// SHA-256 of the request.
        request: Vec<u8>,
        /// The answer.
        response: String,
        /// When.
        at: Instant,
    }
    index idempotency_at (at);
}

/// What is known of a request.
pub enum Replay {
    /// It is new.
    First,
    /// It was answered with this.
    Again(String),
}

fn digest(request: &str) -> Vec<u8> {
    Sha256::digest(request.as_bytes()).to_vec()
}

/// Looks a request up.
///
/// # Errors
/// `KEY_REUSED` when the key stands for another request; of the engine.
pub fn find(cx: &mut Cx<'_>, token: &str, operation: &str, request: &str) -> Result<Replay> {
    let c = Kept::C;
    let user = cx.actor().user.id;
    let kept = cx.query::<Kept>().equal(c.user, user).equal(c.token, token.to_owned()).first(cx.tx())?;
    match kept {
        None => Ok(Replay::First),
        Some(kept) if kept.operation == operation && kept.request == digest(request) => {
            Ok(Replay::Again(kept.response))
        }
        Some(_) => Err(Error::new(&KEY_REUSED).with("key", token)),
    }
}

/// How long an answer is kept: longer than any host tries again.
const KEPT_DAYS: i64 = 90;
/// How many old answers go with a new one, so that no request does much of it.
const GONE_AT_ONCE: u64 = 10;

/// Keeps an answer, in the same unit of work as what it answers; a few that have been kept for 90 days go.
///
/// # Errors
/// Of the engine.
pub fn keep(cx: &mut Cx<'_>, token: &str, operation: &str, request: &str, response: &str) -> Result<()> {
    let kept = Kept {
        user: cx.actor().user.id,
        token: token.to_owned(),
        operation: operation.to_owned(),
        request: digest(request),
        response: response.to_owned(),
        at: cx.now(),
    };
    let ids = cx.ids();
    let row = kept.encode(ids)?;
    let c = Kept::C;
    let at = ColumnRef::base(c.at.position());
    let oldest = Instant::from_micros(cx.now().to_micros() - KEPT_DAYS * 24 * 3_600 * 1_000_000)?;
    let old = cx.query::<Kept>().filter(Pred::Compare(at, Compare::Less, oldest.encode(ids)?));
    for gone in old.ascending(c.at).limit(GONE_AT_ONCE).fetch(cx.tx())? {
        let key = Pred::equal(ColumnRef::base(c.user.position()), gone.user.encode(ids)?)
            .and(Pred::equal(ColumnRef::base(c.token.position()), gone.token.encode(ids)?));
        cx.tx().delete(Kept::table(), &key)?;
    }
    cx.tx().insert(Kept::table(), &[row])
}
