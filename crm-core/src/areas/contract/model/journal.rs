//! The settlement journal as stored.

use uuid::Uuid;

use super::{Contract, SettlementDirection};
use crate::areas::party::Customer;
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::id::Id;

crate::coded! {
    /// What an entry of the settlement journal records.
    pub enum EntryKind {
        /// A contract took effect: its installments are owed.
        Charge = 1, "charge", "合同生效";
        /// A due date or an amount has moved.
        Change = 2, "change", "节点变更";
        /// Money came or went, with what it settled at once.
        Receipt = 3, "receipt", "收付款";
        /// An advance was used.
        Allocation = 4, "allocation", "核销";
        /// A receipt was taken from what it had settled, and settled something else.
        Reallocation = 5, "reallocation", "调整核销";
        /// A posted document was cancelled by its mirror.
        Reversal = 6, "reversal", "红冲";
        /// An advance went back.
        Refund = 7, "refund", "退款";
        /// An installment was closed without money.
        WriteOff = 8, "write_off", "核销(坏账或无法支付)";
        /// A late charge was added or lowered.
        LateCharge = 9, "late_charge", "违约金";
        /// A contract ended before it was performed.
        Termination = 10, "termination", "合同终止";
        /// Given up: for paying early, by agreement, or for less than the smallest coin.
        Discount = 11, "discount", "现金折扣";
        /// A contract was amended.
        Amendment = 13, "amendment", "合同变更";
        /// A customer was credited without money, with what it settled at once.
        Credit = 12, "credit", "贷项通知";
    }
}

crate::coded! {
    /// What a line of the settlement journal counts.
    pub enum Account {
        /// Open installments.
        Open = 1, "open", "应收应付";
        /// Contracts: what was promised against what is owed.
        Contract = 2, "contract", "合同金额";
        /// Money received or paid.
        Money = 3, "money", "资金";
        /// Money and credits that settle nothing yet.
        Advance = 4, "advance", "预收预付";
        /// Losses.
        WriteOff = 5, "write_off", "坏账或无法支付";
        /// What was given up: discounts for early payment, waivers, differences of cash rounding.
        Discount = 6, "discount", "现金折扣";
        /// Late charges.
        LateCharge = 7, "late_charge", "违约金";
        /// Realised exchange differences; in the ledger's currency only.
        Exchange = 8, "exchange", "汇兑损益";
        /// Credits without money.
        Credit = 9, "credit", "贷项";
    }
}

crate::record! {
    /// A line of the settlement journal. The lines of an entry sum to zero, in their currency and in the ledger's.
    ///
    /// Signs are those of receivables: `open` grows when something is owed, `money` when it arrives, `advance` is below
    /// zero while money waits. For payables the same signs stand for the mirror image.
    pub struct JournalLine, JournalLineColumns in "journal_line" key (entry, seq) since 2 {
        /// The entry; entries grow in the order of posting, and an entry's id tells when it was posted.
        entry: Uuid,
        /// Position, from 1.
        seq: u32,
        /// What the entry records.
        kind: EntryKind,
        /// What this line counts.
        account: Account,
        /// From when it counts.
        date: Date,
        /// Which way the money goes.
        direction: SettlementDirection,
        /// The customer.
        customer: Id<Customer>,
        /// The contract, where there is one.
        contract: Option<Id<Contract>>,
        /// The contract's installment, by its position.
        installment: Option<u32>,
        /// The due date under which the installment is owed.
        due_date: Option<Date>,
        /// The document: a receipt, an adjustment, a contract.
        document: Option<Uuid>,
        /// The currency of the amount.
        currency: Currency,
        /// How much; below zero takes away.
        amount: Amount,
        /// The same in the ledger's currency.
        home: Amount,
    }
    index journal_contract (contract, installment) where contract;
    index journal_customer (customer, date);
}
