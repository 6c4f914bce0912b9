//! Rules on contracts: pure functions. The status machine, the amounts of lines, and the settlement schedule
//! by payment terms and by recurring periods, and early-payment discounts.

pub mod amounts;
pub mod discount;
pub mod journal;
pub mod recurrence;
pub mod schedule;
pub mod status;

crate::codes! {
    /// Another contract has this number.
    CONTRACT_NUMBER_TAKEN = 1600, Conflict, "Another contract has the number {value}.", "合同编号 {value} 已被使用。";
    /// The contract's status does not allow this.
    WRONG_STATUS = 1601, State, "A contract that is {status} cannot {action}; it must be: {allowed}.", "合同状态为 {status},不能执行 {action};要求状态:{allowed}。";
    /// The submitter may not decide.
    SELF_APPROVAL = 1602, Denied, "Whoever submitted a contract may not approve it.", "提交人不能审批自己提交的合同。";
    /// A fact is dated in the future.
    DATE_IN_FUTURE = 1603, Invalid, "{date} is after today, {today}; only what has happened can be recorded.", "{date} 晚于今天 {today},只能登记已发生的事项。";
    /// Not everything is settled.
    NOT_SETTLED = 1604, State, "Installments of {open} {currency} are not settled yet.", "尚有 {open} {currency} 未结清。";
    /// A contract with an amount has no payment terms.
    TERMS_MISSING = 1605, State, "The contract has an amount of {amount} and no payment terms.", "合同金额为 {amount},但没有付款条款。";
    /// Two parties have one role.
    PARTY_TWICE = 1606, Invalid, "There is more than one {role}.", "{role} 出现了不止一次。";
    /// The terms are not the whole contract.
    TERMS_DO_NOT_SUM = 1650, Invalid, "The payment terms sum to {actual} and not to {expected}.", "付款条款合计为 {actual},应为 {expected}。";
    /// The balance is not the last term.
    BALANCE_NOT_LAST = 1651, Invalid, "Only the last payment term can be the balance.", "只有最后一个付款条款可以是余款。";
    /// A term names a contract line that is not there.
    TERM_LINE_UNKNOWN = 1652, Invalid, "There is no contract line {line}; the contract has {lines}.", "没有第 {line} 行合同明细,合同共有 {lines} 行。";
    /// A line belongs to two groups of terms.
    TERM_LINE_TWICE = 1653, Invalid, "Contract line {line} is paid by more than one group of payment terms.", "合同明细第 {line} 行属于多组付款条款。";
    /// A line is paid by no term.
    TERM_LINE_MISSING = 1654, Invalid, "No payment term pays contract line {line}.", "合同明细第 {line} 行没有付款条款。";
    /// Two suspensions, or two price revisions, are out of order or overlap.
    SPANS_OVERLAP = 1655, Invalid, "{from} is not after {previous}; suspensions and price revisions follow one another in order.", "{from} 不晚于 {previous};暂停期间和调价须按先后顺序且互不重叠。";
    /// A span lies outside the period it is about.
    OUTSIDE_PERIOD = 1656, Invalid, "{from} to {to} is not within {first} to {last}.", "{from} 至 {to} 不在 {first} 至 {last} 之内。";
}
