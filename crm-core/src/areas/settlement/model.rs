//! Receipts, payments and allocations as stored.

use crate::areas::access::User;
use crate::areas::contract::{Contract, SettlementDirection};
use crate::areas::party::Customer;
use crate::areas::settlement::rules::allocation::check_receipt;
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, Instant};
use crate::kernel::decimal::{Amount, Price};
use crate::kernel::error::Result;
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::cell::Cell;

crate::coded! {
    /// Whether money came or went.
    #[derive(Default)]
    pub enum MoneyDirection {
        /// Received.
        #[default]
        Receipt = 1, "receipt", "收款";
        /// Paid.
        Payment = 2, "payment", "付款";
    }
}

impl MoneyDirection {
    /// The direction of the contracts it settles.
    pub fn settles(self) -> SettlementDirection {
        match self {
            MoneyDirection::Receipt => SettlementDirection::Receivable,
            MoneyDirection::Payment => SettlementDirection::Payable,
        }
    }

    /// The direction of the money that settles such contracts.
    pub fn of(direction: SettlementDirection) -> MoneyDirection {
        match direction {
            SettlementDirection::Receivable => MoneyDirection::Receipt,
            SettlementDirection::Payable => MoneyDirection::Payment,
        }
    }
}

crate::coded! {
    /// How money moved.
    #[derive(Default)]
    pub enum ReceiptMethod {
        /// Bank transfer.
        #[default]
        BankTransfer = 1, "bank_transfer", "银行转账";
        /// Cash.
        Cash = 2, "cash", "现金";
        /// A bill of exchange or cheque.
        Bill = 3, "bill", "票据";
        /// Anything else.
        Other = 4, "other", "其他";
    }
}

crate::coded! {
    /// Why a customer is credited without money.
    #[derive(Default)]
    pub enum CreditCause {
        /// Goods came back.
        Return = 1, "return", "销售退回";
        /// The price was reduced afterwards.
        Allowance = 2, "allowance", "销售折让";
        /// A damage is made good.
        Compensation = 3, "compensation", "赔偿补偿";
        /// Anything else.
        #[default]
        Other = 4, "other", "其他";
    }
}

crate::record! {
    /// Money received or paid, or a credit in place of it (贷项通知). Always
    /// `amount = allocated + advance + refunded + rounded`; in a reversal or refund all are below zero.
    pub struct Receipt, ReceiptColumns in "receipt" key (id) {
        /// Id.
        id: Id<Receipt>,
        /// Number, unique; given, or `SK-yyyy-000001` for receipts, `FK-yyyy-000001` for payments and `DX-yyyy-000001` for
        /// credits.
        number: String,
        /// Whether money came or went.
        direction: MoneyDirection,
        /// The customer.
        customer: Id<Customer>,
        /// When it moved.
        date: Date,
        /// How it moved; `other` for a credit.
        method: ReceiptMethod,
        /// How much.
        amount: Amount,
        /// Its currency.
        currency: Currency,
        /// Our account.
        account: Option<String>,
        /// The bank's reference, the bill's number.
        reference: Option<String>,
        /// Who handled it.
        handler: Id<User>,
        /// What is allocated to installments.
        allocated: Amount,
        /// What is not allocated yet (预收款).
        advance: Amount,
        /// What went back to the payer.
        refunded: Amount = since 2 or Cell::Int(0),
        /// The advance while there is one to use, otherwise none.
        open_advance: Option<Amount> = since 2 or Cell::Null,
        /// What one unit of its currency was worth in the ledger's; none in the ledger's own currency.
        rate: Option<Price> = since 2 or Cell::Null,
        /// The amount in the ledger's currency; none when that is its currency.
        home: Option<Amount> = since 2 or Cell::Null,
        /// What the advance is booked at in the ledger's currency; none when that is its currency.
        home_advance: Option<Amount> = since 2 or Cell::Null,
        /// Why it is a credit without money; none when money moved.
        credit: Option<CreditCause> = since 2 or Cell::Null,
        /// What was paid above what is owed because there is no smaller coin: a gain that settles nothing.
        rounded: Amount = since 2 or Cell::Int(0),
        /// What that is booked at in the ledger's currency; none when that is its currency.
        home_rounded: Option<Amount> = since 2 or Cell::Null,
        /// The reversal of this receipt.
        reversed_by: Option<Id<Receipt>>,
        /// The receipt that this one reverses.
        reversal_of: Option<Id<Receipt>>,
        /// The receipt of which this one returns an advance.
        refund_of: Option<Id<Receipt>> = since 2 or Cell::Null,
        /// Why it was reversed or refunded, or credited.
        reason: Option<String>,
        /// Remarks.
        note: Option<String>,
        /// When posted.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    unique receipt_number (number);
    index receipt_customer (customer, date);
    index receipt_date (date);
    index receipt_advance (date) where open_advance since 2;
    index receipt_credit (customer, direction) where credit since 2;
}

crate::record! {
    /// The part of a receipt applied to an installment; below zero where it is taken back.
    pub struct Allocation, AllocationColumns in "allocation" key (receipt, seq) {
        /// The receipt.
        receipt: Id<Receipt>,
        /// Position, from 1.
        seq: u32,
        /// The contract.
        contract: Id<Contract>,
        /// The contract's installment, by its position.
        installment: u32,
        /// How much.
        amount: Amount,
        /// The receipt's currency.
        currency: Currency,
        /// What the money was booked at in the ledger's currency; none when that is its currency.
        home: Option<Amount> = since 2 or Cell::Null,
        /// That value less the value at which the installment was booked: the realised exchange difference, a gain when
        /// above zero on what is receivable, and a loss on what is payable.
        exchange: Option<Amount> = since 2 or Cell::Null,
        /// When it was applied.
        allocated_on: Date,
    }
    index allocation_installment (contract, installment);
}

crate::coded! {
    /// Why an installment is closed without money.
    pub enum AdjustmentKind {
        /// It cannot be collected (坏账).
        WriteOff = 1, "write_off", "核销(坏账或无法支付)";
        /// It was paid early, as the payment terms allow.
        Discount = 2, "discount", "现金折扣";
        /// The rest is smaller than the smallest coin.
        Rounding = 3, "rounding", "现金尾差";
        /// The parties agreed that it need not be paid, as of a late charge (减免; PRC Civil Code articles 575 and 585).
        Waiver = 4, "waiver", "减免";
    }
}

crate::record! {
    /// A part of an installment closed without money; below zero in a reversal. Posted ones are never changed.
    pub struct Adjustment, AdjustmentColumns in "adjustment" key (id) since 2 {
        /// Id.
        id: Id<Adjustment>,
        /// Number, unique: `TZ-yyyy-000001`.
        number: String,
        /// Why.
        kind: AdjustmentKind,
        /// The contract.
        contract: Id<Contract>,
        /// The contract's installment, by its position.
        installment: u32,
        /// How much.
        amount: Amount,
        /// The contract's currency.
        currency: Currency,
        /// What that was booked at in the ledger's currency; none when that is its currency.
        home: Option<Amount>,
        /// From when it counts.
        date: Date,
        /// The receipt that it was granted with.
        receipt: Option<Id<Receipt>>,
        /// Who posted it.
        handler: Id<User>,
        /// Why, in words.
        reason: Option<String>,
        /// Its reversal.
        reversed_by: Option<Id<Adjustment>>,
        /// The adjustment that this one reverses.
        reversal_of: Option<Id<Adjustment>>,
        /// When posted.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    unique adjustment_number (number);
    index adjustment_installment (contract, installment);
    index adjustment_receipt (receipt) where receipt;
}

crate::entity!(Receipt, Adjustment);

impl Receipt {
    /// An amount in the receipt's currency.
    ///
    /// # Errors
    /// `TOO_MANY_DECIMALS` for one finer than the currency's minor unit.
    pub fn money(&self, amount: Amount) -> Result<Money> {
        Money::new(amount, self.currency)
    }

    /// The equation of a receipt, see [`check_receipt`]; what was rounded is apart from it.
    ///
    /// # Errors
    /// `INTERNAL` when it does not hold, `OVERFLOW`.
    pub fn check(&self) -> Result<()> {
        let amount = self.amount.checked_sub(self.rounded)?;
        check_receipt(amount, self.allocated, self.advance, self.refunded)
    }

    /// The receipt with its open advance as its amounts say.
    #[must_use]
    pub fn restated(mut self) -> Receipt {
        let usable = self.reversed_by.is_none() && self.advance.is_positive();
        self.open_advance = usable.then_some(self.advance);
        self
    }
}
