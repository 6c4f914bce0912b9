//! The application: a [`Ledger`] is one company's books, a [`Session`] is one user at them, and every call is one unit of
//! work: authorise, begin, run, audit, commit.

mod audit;
mod cancel;
mod context;
mod forward;
mod host;
mod ledger;
mod list;
mod reach;
mod session;
mod transfer;

pub use audit::{AuditEntry, AuditEntryColumns, verify_chain};
pub use context::Cx;
pub use forward::{Forwarding, OldRates, schema};
pub use host::Host;
pub use ledger::{Ledger, NewLedger};
pub use list::{
    COLUMNS_MAX, FILTER_MAX, Frame, FrameColumn, GROUPS_MAX, GroupBy, ListRequest, Measure, PAGE_ROWS_MAX,
    Page, Rows, Summary,
};
pub(crate) use reach::{Author, Reader as PathReader};
pub use session::{CallOptions, Reader, Session, Transaction};
pub use transfer::{Moved, OnProgress, Progress, export_store, import_store};

use crate::catalog::Catalog;
use crate::kernel::error::Error;

crate::codes! {
    /// The caller's roles do not allow this operation.
    DENIED = 1210, Denied, "You are not allowed to do this; it needs {needed}.", "您没有权限执行此操作,需要:{needed}。";
    /// There is no such record, or it is outside the caller's scope.
    NOT_FOUND = 1211, NotFound, "There is no {kind} {id} that you may see.", "找不到可访问的 {kind} {id}。";
    /// Another change came first.
    STALE_VERSION = 1212, Conflict, "The {kind} was changed by someone else (version {actual}, you have {expected}); read it again.", "{kind} 已被他人修改(当前版本 {actual},您的版本 {expected}),请重新读取。";
    /// No such user, or one who has left.
    UNKNOWN_USER = 1213, Denied, "There is no active user {login} in this ledger.", "账套中没有名为 {login} 的有效用户。";
    /// The idempotency key was used for another request.
    KEY_REUSED = 1214, Conflict, "The idempotency key {key} was used for another request.", "幂等键 {key} 已用于其他请求。";
    /// The session was closed.
    CLOSED = 1216, Invalid, "This {what} is closed.", "该{what}已关闭。";
    /// Stored history does not fit its hashes.
    CHAIN_BROKEN = 1217, Storage, "The audit trail was altered at entry {entry}.", "审计记录在第 {entry} 条处被改动。";
    /// The clock of this ledger cannot be set.
    CLOCK_NOT_MANUAL = 1218, Invalid, "This ledger runs on the machine's clock, which cannot be set.", "该账套使用系统时钟,无法设定时间。";
    /// A ledger is imported only into a store that holds nothing.
    TARGET_NOT_EMPTY = 1219, Conflict, "There is a ledger already; import into an empty place.", "目标位置已有账套,只能导入到空的位置。";
    /// A stream is not what an export wrote.
    STREAM_DAMAGED = 1220, Storage, "The exported ledger cannot be read at line {line}: {reason}. Nothing was imported.", "导出文件第 {line} 行无法读取:{reason}。未导入任何内容。";
    /// A stream could not be read or written to its end.
    STREAM_BROKEN_OFF = 1221, Storage, "The stream broke off: {reason}.", "数据流中断:{reason}。";
    /// A summary has more groups than it may.
    TOO_MANY_GROUPS = 1223, Invalid, "There are more than {max} groups; group by less, or narrow the filter.", "分组超过 {max} 个,请减少分组字段或缩小筛选范围。";
    /// An older ledger has amounts whose value in the ledger's currency nobody has told.
    OLD_RATES_NEEDED = 1222, Invalid, "The ledger is from before exchange rates were kept and has amounts in {currencies}; open it once with `old_rates` that say what one unit of each was worth. Nothing was changed.", "该账套创建于记录汇率之前,含有 {currencies} 金额;请在首次打开时用 `old_rates` 指定其汇率。未做任何更改。";
}

/// An error about a kind of record, by the name of its table; in Chinese by the label of its dataset.
pub(crate) fn about_kind(error: Error, kind: &'static str) -> Error {
    let zh = Catalog::shared().dataset(kind).map_or(kind, |dataset| dataset.zh);
    error.with_both("kind", kind, zh)
}
