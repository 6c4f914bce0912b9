//! Rules on settlement: pure functions. Allocation, cash, suggestions, deliveries, late charges,
//! progress, aging, habits, outlook and figures of a period.

pub mod aging;
pub mod allocation;
pub mod cash;
pub mod delivery;
pub mod habits;
pub mod late;
pub mod outlook;
pub mod progress;
pub mod statistics;
pub mod suggestion;

crate::codes! {
    /// The contract is not in effect.
    CONTRACT_NOT_EFFECTIVE = 1700, State, "The contract {number} is {status}; money can be allocated only to a contract in effect.", "合同 {number} 的状态为 {status},只能对履行中的合同核销。";
    /// More is allocated than is open.
    ABOVE_OPEN = 1701, Conflict, "{amount} is more than the {open} that is open.", "核销金额 {amount} 超过未结清金额 {open}。";
    /// More is allocated than there is.
    ABOVE_RECEIPT = 1702, Invalid, "{amount} is more than the {available} that can be allocated.", "核销合计 {amount} 超过可核销金额 {available}。";
    /// The contract is another customer's.
    WRONG_CUSTOMER = 1703, Invalid, "The contract {number} belongs to another customer.", "合同 {number} 属于其他客户。";
    /// A receipt cannot settle what is payable, or the reverse.
    WRONG_DIRECTION = 1704, Invalid, "The contract {number} is {actual}; this settles only what is {expected}.", "合同 {number} 的收付方向为 {actual},此处只能核销 {expected}。";
    /// The contract has no such installment.
    NO_INSTALLMENT = 1705, NotFound, "The contract {number} has no installment {seq}.", "合同 {number} 没有第 {seq} 个结算节点。";
    /// The receipt has been reversed.
    ALREADY_REVERSED = 1706, State, "The receipt {number} has been reversed.", "收付款 {number} 已被红冲。";
    /// A reversal is final.
    IS_REVERSAL = 1707, State, "{number} is a reversal; it can be neither reversed nor allocated.", "{number} 是红冲记录,不能再次红冲或核销。";
    /// Nothing is left to allocate.
    NO_ADVANCE = 1708, State, "The receipt {number} has no advance: all of it is allocated or was refunded.", "收付款 {number} 没有预收(预付)余额:已全部核销或退还。";
    /// Another receipt has this number.
    RECEIPT_NUMBER_TAKEN = 1709, Conflict, "Another receipt has the number {value}.", "收付款编号 {value} 已被使用。";
    /// More is refunded than is in advance.
    ABOVE_ADVANCE = 1710, Conflict, "{amount} is more than the advance of {advance} that was there on that day and since.", "金额 {amount} 超过自该日起一直存在的预收(预付)余额 {advance}。";
    /// A part of the receipt has gone back.
    REFUNDED = 1711, State, "{refunded} of the receipt {number} were refunded; reverse the refund first.", "收付款 {number} 已退款 {refunded},请先红冲该退款。";
    /// The receipt does not settle this.
    NOT_ALLOCATED = 1712, NotFound, "The receipt {number} settles nothing of that.", "收付款 {number} 未核销该节点。";
    /// Nothing is open.
    NOTHING_OPEN = 1713, State, "Nothing is open of installment {seq} of the contract {number}.", "合同 {number} 第 {seq} 个结算节点没有未结清金额。";
    /// The contract has no late charge.
    NO_LATE_TERMS = 1714, State, "The contract {number} does not say what is charged for paying late.", "合同 {number} 未约定违约金。";
    /// No late charge has grown since the last one.
    NOTHING_LATE = 1715, State, "Nothing more can be charged for installment {seq} of the contract {number} until {date}.", "截至 {date},合同 {number} 第 {seq} 个结算节点没有新增违约金。";
    /// The adjustment has been reversed, or is a reversal.
    ADJUSTMENT_FINAL = 1716, State, "The adjustment {number} is reversed or a reversal; it cannot be reversed again.", "调整 {number} 已被红冲或本身是红冲记录,不能再次红冲。";
    /// The discount goes with its receipt.
    DISCOUNT_OF_RECEIPT = 1717, State, "{number} was granted with a receipt; reverse or reallocate that.", "{number} 随收款一并给予,请红冲或调整该收款。";
    /// More rows than a statement has.
    STATEMENT_TOO_LONG = 1730, Invalid, "The statement has more than {max} rows; ask for a shorter period.", "对账单超过 {max} 行,请缩短期间。";
}
