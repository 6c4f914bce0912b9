//! The SQLite engine behind the storage trait: one ledger is one file.
//!
//! Choices and their reasons:
//! - **WAL**, so that readers and the writer never wait for each other, and a commit is one sequential write. The WAL is
//!   reused and not truncated: overwriting a file that is already there is nearly twice as cheap as growing one.
//! - **One writer connection** in a process, handed over in the order of asking; a thread that waits sleeps until it is
//!   its turn. Other processes are waited for by `BEGIN IMMEDIATE` with a time-out. A transaction that has begun to
//!   write therefore never meets another writer half-way.
//! - **Readers are pooled**, created on demand, and a few are kept. Each keeps its prepared statements: preparing costs
//!   fifty times what finding a prepared one costs.
//! - **STRICT tables**, foreign keys on and immediate, names in double quotes never taken for texts.
//! - **No memory mapping**: an I/O error under a mapped file kills the process, and this library lives in the process of
//!   others. The page cache serves instead.
//! - **A file that is not ours is never touched.** Before anything opens it in earnest, the application id in its header is read
//!   by an *immutable* connection, which takes no lock and creates no file beside it. (Reading the header with plain
//!   file calls would be simpler, but closing a file drops all POSIX locks that the process holds on it.)
//!
//! A store does not survive `fork`: SQLite's locks belong to the process that took them. In a child every call fails with
//! `STORAGE_FAILED`, and nothing of the parent's is closed there. Start children with spawn, or fork before opening.

mod catalog;
mod dialect;
mod fault;
mod open;
mod pool;
mod transaction;

pub use dialect::Sqlite;
pub use open::{APPLICATION_ID, Durability, OpenOptions, SqliteStore};
