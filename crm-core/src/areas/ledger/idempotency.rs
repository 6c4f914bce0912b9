//! Replays: a request that carries an idempotency key is answered a second time from what is kept, and does nothing.

use sha2::{Digest, Sha256};

use crate::app::{Cx, KEY_REUSED};
use crate::areas::access::User;
use crate::kernel::date::Instant;
use crate::kernel::error::{Error, Result};
use crate::kernel::id::Id;
use crate::store::record::Record;

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

/// Keeps an answer, in the same unit of work as what it answers.
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
    let row = kept.encode(cx.ids())?;
    cx.tx().insert(Kept::table(), &[row])
}
