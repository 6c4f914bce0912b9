//! The storage trait. An engine sees tables, rows and bound queries; never a customer or a contract.
//!
//! Nine verbs on a transaction carry the whole library. An engine is proved by the conformance suite, a table of named
//! cases that every adapter runs.

use std::sync::Arc;

use crate::codes;
use crate::kernel::error::Result;
use crate::store::cell::{Cell, CellRef, Row};
use crate::store::plan::{Pred, Select};
use crate::store::schema::Table;

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Reads one snapshot; any number run at once, also beside a writer.
    Read,
    /// Reads and writes; the engine waits for other writers rather than failing.
    Write,
}

/// Whether a reader wants more rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    More,
    /// Enough; the query ends without error.
    Stop,
}

/// A step of a nested unit inside a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nest {
    /// Begins a unit; units nest.
    Begin,
    /// Ends the innermost unit and keeps what it wrote.
    Keep,
    /// Ends the innermost unit and undoes what it wrote.
    Undo,
}

/// Receives each row of a query; the cells live only during the call.
pub type Visit<'v> = &'v mut dyn FnMut(&[CellRef<'_>]) -> Result<Flow>;

/// One ledger's store.
///
/// Opening (a constructor of each adapter) takes the [`Schema`](super::schema::Schema), creates it when the store is
/// empty, brings an older one forward, and refuses a newer one ([`LEDGER_NEWER`]) and anything that is not a ledger ([`NOT_A_LEDGER`]).
/// To bring one forward is one transaction: what is new in the schema is added, then
/// [`Schema::bring_forward`](super::schema::Schema::bring_forward) is called, then the version is raised.
pub trait Store: Send + Sync {
    /// Begins a transaction.
    ///
    /// 1. Everything read in it is of one moment, plus its own writes.
    /// 2. Two write transactions never both succeed when neither order of them explains the result.
    /// 3. Waits for other writers; fails with [`BUSY`] only after the engine's stated time-out.
    ///
    /// # Errors
    /// [`BUSY`], [`STORAGE_FAILED`], [`READ_ONLY`] for a write on a store that cannot be written.
    fn begin(&self, mode: Mode) -> Result<Box<dyn Tx>>;

    /// Begins a transaction with a row of it at hand: [`Store::begin`] and [`Tx::get`]. An engine that has a server behind it
    /// does both in one round trip, which every call then saves that has to look at one row before all others.
    ///
    /// # Errors
    /// As [`Store::begin`] and [`Tx::get`]; there is no transaction then.
    fn begin_with(
        &self,
        mode: Mode,
        table: &'static Table,
        key: &[Cell],
    ) -> Result<(Box<dyn Tx>, Option<Row>)> {
        let mut tx = self.begin(mode)?;
        let row = tx.get(table, key)?;
        Ok((tx, row))
    }

    /// A short name of the engine, for reports: `sqlite`, `postgres`.
    fn engine(&self) -> &'static str;
}

/// A transaction. Dropping it rolls back; [`Tx::commit`] keeps.
///
/// After an error of the engine, in a write or a read, the transaction can only be dropped or, inside a nested unit, that
/// unit undone; everything else, `commit` too, then fails with `INTERNAL`. So do writes in a [`Mode::Read`] transaction, and
/// a nested unit that ends without having begun. An error that comes from a visit spoils nothing.
///
/// Cells given to a transaction have the type of their column; the layer above has checked that, and that texts in
/// conditions are without U+0000. An engine refuses to *write* a text with U+0000, as not all can: `INVALID_TEXT`.
/// Texts in keys and indexes have at most [`INDEXED_TEXT_MAX`](super::schema::INDEXED_TEXT_MAX) characters; whether an
/// engine takes longer ones is its own affair.
///
/// Any call may fail with [`CONNECTION_LOST`] where a server is involved; nothing was committed then.
pub trait Tx: Send {
    /// The row with this primary key, all columns in order.
    fn get(&mut self, table: &'static Table, key: &[Cell]) -> Result<Option<Row>>;

    /// Runs a query and hands out its rows in order.
    ///
    /// 1. Memory is bounded: rows are handed out as they are found, unless they must be sorted without an index.
    /// 2. Text compares by bytes; empty cells sort first ascending and last descending.
    /// 3. A sum that leaves 64 bits is the error `OVERFLOW`.
    fn select(&mut self, select: &Select, visit: Visit<'_>) -> Result<()>;

    /// Adds rows, all columns in order; a small constant number of round trips however many there are.
    ///
    /// # Errors
    /// [`DUPLICATE_KEY`] (detail `index`: the primary key is `TABLE_key`), [`MISSING_REFERENCE`].
    fn insert(&mut self, table: &'static Table, rows: &[Row]) -> Result<()>;

    /// Sets columns of the rows that `filter` (on the base table alone) finds, and says how many.
    ///
    /// # Errors
    /// As [`Tx::insert`].
    fn update(&mut self, table: &'static Table, changes: &[(usize, Cell)], filter: &Pred) -> Result<u64>;

    /// Removes the rows that `filter` (on the base table alone) finds, and says how many.
    ///
    /// # Errors
    /// [`STILL_REFERENCED`].
    fn delete(&mut self, table: &'static Table, filter: &Pred) -> Result<u64>;

    /// Takes `count` numbers of a series and returns the first; a new series begins at 1. Numbers taken by a transaction
    /// that does not commit are given again: a series has no gaps. Writers of one series wait for each other.
    fn number(&mut self, series: &str, count: i64) -> Result<i64>;

    /// Hands out every series that has given a number, with the last one, in the order of their names: what moving a
    /// ledger needs beside the rows.
    fn series(&mut self, visit: &mut dyn FnMut(&str, i64) -> Result<()>) -> Result<()>;

    /// Begins, keeps or undoes a nested unit.
    fn nest(&mut self, step: Nest) -> Result<()>;

    /// Makes everything durable, or nothing.
    ///
    /// # Errors
    /// [`CONFLICT`] when another writer came first, [`STORAGE_FAILED`], [`OUTCOME_UNKNOWN`] when the connection broke on the way.
    fn commit(self: Box<Self>) -> Result<()>;

    /// A switch that another thread may use to stop what this transaction runs; the running call and those after it fail
    /// with [`CANCELLED`]. It does nothing once the transaction has ended. An engine that cannot stop a query has none.
    fn interrupter(&self) -> Option<Interrupter> {
        None
    }
}

/// Stops what a transaction runs; see [`Tx::interrupter`].
pub type Interrupter = Arc<dyn Fn() + Send + Sync>;

codes! {
    /// Other writers held the store longer than the time-out.
    BUSY = 1100, Retry, "The ledger is busy; try again.", "账套正忙,请重试。";
    /// Another writer came first; the whole operation can be tried again.
    CONFLICT = 1101, Retry, "Another change came first; try again.", "其他更改已先提交,请重试。";
    /// The engine reported a fault.
    STORAGE_FAILED = 1102, Storage, "The ledger's storage failed: {reason}.", "账套存储出错:{reason}。";
    /// The store cannot be written.
    READ_ONLY = 1103, Storage, "The ledger can only be read: its file, folder or disk does not allow writing.", "账套只读:文件、目录或磁盘不允许写入。";
    /// What was opened is not a ledger.
    NOT_A_LEDGER = 1104, Storage, "{what} is not a ledger.", "{what} 不是账套文件。";
    /// The ledger was written by a newer version of this library.
    LEDGER_NEWER = 1105, Storage, "The ledger has version {found}; this library knows versions up to {known}. Use a newer library.", "账套版本为 {found},本程序库最高支持 {known},请升级程序库。";
    /// The store could not be opened.
    CANNOT_OPEN = 1106, Storage, "The ledger {what} cannot be opened: {reason}.", "无法打开账套 {what}:{reason}。";
    /// Two rows would be equal where each must be unique.
    DUPLICATE_KEY = 1107, Conflict, "A record with the same key exists already ({index}).", "已存在相同键值的记录({index})。";
    /// A reference names nothing.
    MISSING_REFERENCE = 1108, Conflict, "A referenced record does not exist.", "引用的记录不存在。";
    /// A record is still referenced.
    STILL_REFERENCED = 1109, Conflict, "The record is still used by others.", "该记录仍被其他记录引用。";
    /// The connection broke while committing.
    OUTCOME_UNKNOWN = 1110, Retry, "The connection broke while saving; repeat the call with the same idempotency key to learn the outcome.", "提交时连接中断;请用相同的幂等键重新调用以确认结果。";
    /// The disk is full.
    STORAGE_FULL = 1111, Storage, "The disk is full; nothing was saved.", "磁盘已满,未保存任何内容。";
    /// The caller stopped the call.
    CANCELLED = 1112, Cancelled, "The call was cancelled.", "调用已取消。";
    /// The connection to the server was lost before anything was committed.
    CONNECTION_LOST = 1113, Retry, "The connection to the ledger's server was lost; nothing was saved. Try again.", "与账套服务器的连接已断开,未保存任何内容,请重试。";
}
