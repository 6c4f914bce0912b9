//! The PostgreSQL engine behind the storage trait: one ledger is one schema of a database.
//!
//! # Isolation
//!
//! A writer begins with `BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE crm_meta IN EXCLUSIVE MODE`, both in one round
//! trip. LOCK TABLE takes no snapshot, so the snapshot is taken *after* the lock: a writer sees everything that was
//! committed before it, and nothing is committed beside it. Therefore
//!
//! - writers of one ledger run one after the other, which is serializable by construction: no lost update, no write skew, no
//!   phantom, no deadlock among them, and no work that is done twice;
//! - numbers are without gaps, and the audit trail is in the order of the commits: whoever takes the next number reads the
//!   row that the last writer left;
//! - readers (`REPEATABLE READ READ ONLY`) see one moment between two commits and wait for nobody, as the lock stops
//!   only writers and migrations;
//! - writers of different ledgers share nothing.
//!
//! Why not SERIALIZABLE without a lock: every unit of work ends with an entry in the audit trail, which is chained to the
//! one before, so any two writers of a ledger that overlap would conflict there, and all but one would run again. To
//! let them overlap, the trail would have to be appended under a lock of its own from a *newer* snapshot than the
//! operation's, which within one transaction PostgreSQL has only in READ COMMITTED, where the rest of the operation
//! is not serializable; or over a second connection per writer, with a series that grows by a row for each number. What
//! that buys is that the reading part of operations overlaps. What it costs is false conflicts (SERIALIZABLE locks pages
//! and, in small tables, everything), and operations that fail under load. A queue costs waiting, and is fair.
//! REPEATABLE READ under the lock, rather than READ COMMITTED, is for those who write past this library: they make an
//! operation fail with `CONFLICT`, and no update of theirs is lost.
//!
//! A table lock rather than an advisory lock, because its name cannot collide with another program's, because it is seen
//! as what it is in `pg_locks`, and because it follows the schema where a distributed PostgreSQL moves it to another node.
//! The advisory lock is used only where there is no table yet: two hosts that create or migrate at once.
//!
//! # Choices
//!
//! - **BIGINT, TEXT COLLATE "C" and BYTEA**, nothing else: the server's locale, time zone and rounding never matter.
//! - **`search_path` holds the ledger's schema alone**, so that no statement can leave it.
//! - **One writer's turn per process**, given in the order of asking, and readers up to `pool_size` on connections beside
//!   it: those who wait for the writer occupy no connection, here or on the server.
//! - **Many rows are one array per column**, lists in conditions one array: the text of a statement does not depend on how
//!   many there are, so that it is prepared once, and a round trip carries them all.
//! - **Statements stay prepared** on their connection, found by their text. The row that a transaction begins with is read by
//!   `EXECUTE`, since what is sent together with `BEGIN` cannot carry values, and parsing it anew each time costs as much
//!   as running it.
//! - **A writer that falls silent is cut off** by the server after some minutes, and one whose machine has gone after a
//!   minute, because all others wait for it.
//! - **A cut connection is noticed and replaced.** While committing, the outcome is `OUTCOME_UNKNOWN`: the caller asks again
//!   with the same idempotency key. Anywhere else nothing was saved: `CONNECTION_LOST`. A connection that was cut while
//!   it lay idle is replaced without a word.
//! - **A cancelled connection is closed**, since the server may act on the cancellation later than it was asked to.
//!
//! # Limits
//!
//! - The client drives an event loop of its own. Never call from inside an asynchronous worker; use a thread meant for
//!   blocking. (Within one, the client panics.)
//! - A query whose visitor stops early is read to its end on the next use of its connection: give it a limit.
//! - A store does not survive `fork`; in a child every call fails with `STORAGE_FAILED`.
//! - Between this library and the server, no pooler that changes the connection between transactions.

mod catalog;
mod dialect;
mod fault;
mod open;
mod place;
mod pool;
mod session;
mod transaction;
mod value;

pub use dialect::Postgres;
pub use open::{Durability, OpenOptions, PostgresStore};
pub use session::round_trips;
