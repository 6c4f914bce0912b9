//! Rules on invoices: pure functions. Tax rates by date, tax of lines, parts of amounts, and the status machine.

pub mod number;
pub mod parts;
pub mod status;
pub mod tax;
pub mod vat;

crate::codes! {
    /// Another invoice has this number.
    INVOICE_NUMBER_TAKEN = 1750, Conflict, "Another invoice has the number {value}.", "发票编号 {value} 已被使用。";
    /// The invoice's status does not allow this.
    WRONG_INVOICE_STATUS = 1751, State, "An invoice that is {status} cannot be {action}; it must be: {allowed}.", "状态为“{status}”的发票不能{action};须为:{allowed}。";
    /// More would be invoiced than the contract has.
    ABOVE_INVOICEABLE = 1752, Conflict, "{amount} is more than the {left} that {part} has left to invoice.", "开票金额 {amount} 超过 {part} 的未开票金额 {left}。";
    /// Everything is invoiced or planned.
    NOTHING_TO_INVOICE = 1753, State, "{part} has nothing left to invoice.", "{part} 没有未开票金额。";
    /// The contract does not bind.
    CONTRACT_NOT_SIGNED = 1754, State, "The contract {number} is {status}; only a contract that has been signed can be invoiced.", "合同 {number} 的状态为 {status},只能对已签署的合同开票。";
    /// No such tax rate is in force on that day.
    TAX_RATE_NOT_IN_FORCE = 1755, Invalid, "{rate} is not a tax rate in force on {date}; give a reason if an earlier one applies.", "{date} 没有 {rate} 这一税率;确需适用的请填写原因。";
    /// A red invoice takes back more than is left.
    ABOVE_LEFT = 1756, Conflict, "{amount} is more than the {left} that is left of line {line}.", "红冲金额 {amount} 超过第 {line} 行的剩余金额 {left}。";
    /// The number has not the form that the tax system gives.
    INVOICE_NUMBER_WRONG = 1757, Invalid, "{value} is not the number of a VAT invoice: 20 digits, or a code of 10 or 12 digits and 8 digits.", "{value} 不是有效的增值税发票号码:应为 20 位数字,或 10/12 位发票代码加 8 位号码。";
    /// The invoice has no such line.
    NO_INVOICE_LINE = 1758, NotFound, "The invoice {number} has no line {seq}.", "发票 {number} 没有第 {seq} 行。";
    /// The contract has no such line.
    NO_CONTRACT_LINE = 1759, NotFound, "The contract {number} has no line {seq}.", "合同 {number} 没有第 {seq} 行明细。";
    /// A special VAT invoice names its buyer.
    BUYER_CODE_MISSING = 1760, State, "A special VAT invoice needs the buyer's unified social credit code.", "增值税专用发票必须填写购买方统一社会信用代码。";
    /// A line is named twice.
    INVOICED_TWICE = 1761, Invalid, "{part} is named more than once.", "{part} 重复出现。";
    /// An amendment has changed the tax rate since the invoice was planned.
    TAX_RATE_CHANGED = 1762, Invalid, "{rate} is no longer a tax rate of {part}; plan the invoice anew, or give a reason if it applies all the same.", "{rate} 已不是 {part} 的税率;请调整开票计划,仍需适用的请填写原因。";
    /// A special VAT invoice shows a tax that the buyer deducts.
    SPECIAL_WITHOUT_TAX = 1763, Invalid, "Line {line} has a tax rate of 0, for which no special VAT invoice is issued; choose another kind, or give a reason.", "第 {line} 行税率为 0,不得开具增值税专用发票;请改用其他发票种类,确需开具的请填写原因。";
}
