//! Operations on receipts, payments and what is open.

mod adjust;
mod aging;
mod apply;
mod credit;
mod habits;
mod late;
mod outlook;
mod past;
mod progress;
mod receipt;
mod reversal;
mod since;
mod statement;
mod statistics;
mod suggest;
mod verify;
mod views;

pub use adjust::{ListAdjustments, ReverseAdjustment, WriteOffInstallment};
pub use aging::{AgingGroup, AgingReport, AgingRow, SettlementAging};
pub(super) use apply::{money_legs, posting};
pub use credit::PostCredit;
pub use habits::{HabitBucket, PaymentHabits, SettlementHabits};
pub use late::{ChargeLate, ChargedLate, LateLine, LateStatement, ReckonLateCharge};
pub use outlook::{Outlook, OutlookPeriod, OutlookRow, SettlementOutlook};
pub use progress::{ContractProgress, InstallmentProgress, SettlementProgress};
pub use receipt::{
    AllocateReceipt, AllocationLine, AllocationRequest, AnnotateReceipt, GetReceipt, ListReceipts,
    PostReceipt, PostedReceipt,
};
pub(super) use reversal::give_back;
pub use reversal::{InstallmentRef, ReallocateReceipt, RefundReceipt, ReverseReceipt};
pub use since::AsOfBasis;
pub use statement::{CustomerStatement, SettlementStatement, StatementAccount, StatementRow};
pub use statistics::{SettlementStatistics, StatisticsReport, StatisticsRow};
pub use suggest::{ReceiptSuggestion, SuggestFor, SuggestReceipt};
pub use verify::{DifferenceKind, SettlementCheck, SettlementDifference, VerifySettlement};
pub use views::{DueItem, ListInstallments, SettlementDue};

use crate::areas::contract::{GIVEN_APPROVED, GIVEN_CONTRACT, GIVEN_EFFECTIVE, GIVEN_SUBMITTED};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::catalog::{Entry, Given};

pub(super) const LIST: fn() -> Vec<Entry> = crate::operations![
    SuggestReceipt,
    PostReceipt,
    PostCredit,
    AllocateReceipt,
    AnnotateReceipt,
    ReallocateReceipt,
    RefundReceipt,
    ReverseReceipt,
    GetReceipt,
    ListReceipts,
    ListInstallments,
    SettlementDue,
    SettlementAging,
    SettlementProgress,
    SettlementStatement,
    SettlementOutlook,
    SettlementHabits,
    SettlementStatistics,
    WriteOffInstallment,
    ReverseAdjustment,
    ListAdjustments,
    ReckonLateCharge,
    ChargeLate,
    VerifySettlement,
];

const GIVEN_RECEIPT: Given = Given {
    save: "posted",
    call: "receipt.post",
    input: r#"{"customer": "${customer.id}", "amount": "30000", "date": "2026-02-10", "reference": "ICBC-0210-7781",
        "allocate": "first_due"}"#,
};
const GIVEN_ADVANCE: Given = Given {
    save: "posted",
    call: "receipt.post",
    input: r#"{"customer": "${customer.id}", "amount": "50000", "date": "2026-02-10", "allocate": "none"}"#,
};
/// Steps of examples up to a receipt on a contract in effect.
const GIVEN_TO_RECEIPT: &[Given] =
    &[GIVEN_CUSTOMER, GIVEN_CONTRACT, GIVEN_SUBMITTED, GIVEN_APPROVED, GIVEN_EFFECTIVE, GIVEN_RECEIPT];
/// Steps of examples up to money in advance beside a contract in effect.
const GIVEN_TO_ADVANCE: &[Given] =
    &[GIVEN_CUSTOMER, GIVEN_CONTRACT, GIVEN_SUBMITTED, GIVEN_APPROVED, GIVEN_EFFECTIVE, GIVEN_ADVANCE];
