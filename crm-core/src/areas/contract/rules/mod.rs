//! Rules on contracts: pure functions. The status machine, the amounts of lines, and the settlement schedule
//! by payment terms and by recurring periods, and early-payment discounts.

pub mod amendment;
pub mod amounts;
pub mod discount;
pub mod journal;
pub mod recurrence;
pub mod schedule;
pub mod shares;
pub mod standing;
pub mod status;
pub mod term_source;
pub mod term_state;

crate::codes! {
    /// Another contract has this number.
    CONTRACT_NUMBER_TAKEN = 1600, Conflict, "Another contract has the number {value}.", "合同编号 {value} 已被使用。";
    /// The contract's status does not allow this.
    WRONG_STATUS = 1601, State, "A contract that is {status} cannot {action}; it must be: {allowed}.", "状态为“{status}”的合同不能{action};须为:{allowed}。";
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
    /// Another term set has this name.
    TERM_SET_NAME_TAKEN = 1657, Conflict, "Another term set has the name {value}.", "付款条款模板名称 {value} 已被使用。";
    /// The term set is not offered any more.
    TERM_SET_INACTIVE = 1658, State, "The term set {name} is not active.", "付款条款模板 {name} 已停用。";
    /// No payment term waits for this milestone.
    MILESTONE_UNKNOWN = 1659, Invalid, "No payment term waits for the milestone {name}; there are: {known}.", "没有等待里程碑 {name} 的付款条款,现有里程碑:{known}。";
    /// More has been settled of an installment than it would still be.
    SETTLED_EXCEEDS = 1660, State, "Installment {installment} would be {amount}, but {settled} of it is settled; release the money first.", "第 {installment} 期将变为 {amount},但已结清 {settled},请先释放款项。";
    /// The installment is not held back.
    NOT_RETENTION = 1661, State, "Installment {installment} is not a retention.", "第 {installment} 期不是质保金。";
    /// The retention was released before.
    ALREADY_RELEASED = 1662, State, "Installment {installment} was released for {date}.", "第 {installment} 期质保金已于 {date} 释放。";
    /// The contract has no recurring periods.
    NOT_RECURRING = 1663, State, "The contract is paid by terms and not by recurring periods.", "该合同按付款条款结算,没有计费周期。";
    /// The contract is suspended already.
    ALREADY_SUSPENDED = 1664, State, "The contract is suspended since {from}; resume it first.", "合同自 {from} 起已暂停,请先恢复。";
    /// The contract is not suspended.
    NOT_SUSPENDED = 1665, State, "The contract is not suspended.", "合同未处于暂停状态。";
    /// The contract has no such installment.
    INSTALLMENT_UNKNOWN = 1666, NotFound, "The contract has no installment {installment}.", "合同没有第 {installment} 期。";
    /// The contract has no such event that counts.
    EVENT_UNKNOWN = 1667, NotFound, "The contract has no event {event}, or it was withdrawn.", "合同没有第 {event} 号事件,或该事件已撤销。";
    /// An amendment that changes nothing.
    NOTHING_AMENDED = 1670, Invalid, "The contract says all of that already; there is nothing to amend.", "合同内容没有任何变化,无需变更。";
}
