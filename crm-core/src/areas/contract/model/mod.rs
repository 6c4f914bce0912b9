//! Contracts, their lines, decisions and installments as stored.

mod data;
mod journal;
mod recurrence;
mod terms;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use data::{ContractData, LineData};
pub use journal::{Account, EntryKind, JournalLine, JournalLineColumns};
pub use recurrence::{
    PeriodAlign, PriceRevision, Proration, Recurrence, RecurrenceTiming, RecurrenceUnit, Suspension,
};
pub use terms::{
    DiscountBase, EarlyDiscount, LateTerms, MonthDay, PaymentTerm, TermAlign, TermAnchor, TermOffset,
    TermShare,
};

use crate::areas::access::{OrgUnit, Owned, User};
use crate::areas::opportunity::Opportunity;
use crate::areas::party::Customer;
use crate::areas::product::Product;
use crate::kernel::currency::Currency;
use crate::kernel::date::{self, Date, Instant};
use crate::kernel::decimal::{Amount, Price, Quantity, Rate};
use crate::kernel::error::Result;
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::cell::Cell;
use crate::store::record::Json;

crate::coded! {
    /// What a contract is about.
    #[derive(Default)]
    pub enum ContractKind {
        /// We sell goods.
        #[default]
        Sales = 1, "sales", "销售合同";
        /// We buy goods.
        Purchase = 2, "purchase", "采购合同";
        /// Services.
        Service = 3, "service", "服务合同";
        /// An agreement under which orders are placed.
        Framework = 4, "framework", "框架合同";
        /// Anything else.
        Other = 5, "other", "其他合同";
    }
}

crate::coded! {
    /// Which way the money goes.
    pub enum SettlementDirection {
        /// To us.
        Receivable = 1, "receivable", "应收";
        /// From us.
        Payable = 2, "payable", "应付";
    }
}

crate::coded! {
    /// Where a contract stands.
    pub enum ContractStatus {
        /// Being written; everything may change.
        Draft = 1, "draft", "草稿";
        /// Submitted, not yet decided.
        InApproval = 2, "in_approval", "审批中";
        /// Approved, not yet signed.
        Approved = 3, "approved", "已审批";
        /// Signed, not yet in effect.
        Signed = 4, "signed", "已签署";
        /// In effect: installments are open.
        Effective = 5, "effective", "履行中";
        /// Performed and fully settled.
        Completed = 6, "completed", "已完成";
        /// Ended before it was performed.
        Terminated = 7, "terminated", "已终止";
        /// Given up before it was signed.
        Cancelled = 8, "cancelled", "已作废";
    }
}

crate::coded! {
    /// What a party is called in the contract.
    pub enum PartyRole {
        /// 甲方.
        A = 1, "party_a", "甲方";
        /// 乙方.
        B = 2, "party_b", "乙方";
        /// 丙方.
        C = 3, "party_c", "丙方";
        /// 丁方.
        D = 4, "party_d", "丁方";
    }
}

crate::coded! {
    /// A step of approval.
    pub enum DecisionKind {
        /// Asked for.
        Submitted = 1, "submitted", "提交";
        /// Taken back by its side.
        Withdrawn = 2, "withdrawn", "撤回";
        /// Agreed.
        Approved = 3, "approved", "同意";
        /// Sent back to draft.
        Rejected = 4, "rejected", "驳回";
    }
}

crate::coded! {
    /// The kind of event an installment waits for.
    pub enum AnchorKind {
        /// The signing.
        Signed = 1, "signed", "签订";
        /// The taking effect.
        Effective = 2, "effective", "生效";
        /// The last delivery.
        Delivered = 3, "delivered", "交付";
        /// The acceptance.
        Accepted = 4, "accepted", "验收";
        /// A fixed date.
        Date = 5, "date", "固定日期";
        /// The first day of the term.
        Start = 6, "start", "合同开始";
        /// The last day of the term.
        End = 7, "end", "合同结束";
        /// Each delivery.
        Delivery = 8, "delivery", "每次交付";
        /// The invoice.
        Invoiced = 9, "invoiced", "开票";
        /// A named milestone.
        Milestone = 10, "milestone", "里程碑";
        /// The due date of the term before.
        Previous = 11, "previous", "上一期到期";
        /// A period of a recurring contract.
        Period = 12, "period", "计费周期";
    }
}

impl TermAnchor {
    /// The kind of the anchor.
    pub fn kind(&self) -> AnchorKind {
        match self {
            TermAnchor::Signed => AnchorKind::Signed,
            TermAnchor::Effective => AnchorKind::Effective,
            TermAnchor::Delivered => AnchorKind::Delivered,
            TermAnchor::Accepted => AnchorKind::Accepted,
            TermAnchor::Date(_) => AnchorKind::Date,
            TermAnchor::Start => AnchorKind::Start,
            TermAnchor::End => AnchorKind::End,
            TermAnchor::Delivery => AnchorKind::Delivery,
            TermAnchor::Invoiced => AnchorKind::Invoiced,
            TermAnchor::Milestone(_) => AnchorKind::Milestone,
            TermAnchor::Previous => AnchorKind::Previous,
        }
    }
}

crate::coded! {
    /// Where an installment stands.
    pub enum InstallmentStatus {
        /// The contract is not in effect yet.
        Planned = 1, "planned", "计划";
        /// Money is outstanding.
        Open = 2, "open", "未结清";
        /// Fully settled.
        Settled = 3, "settled", "已结清";
        /// What was outstanding is no longer owed.
        Cancelled = 4, "cancelled", "已取消";
        /// Closed, in part or wholly without money.
        WrittenOff = 5, "written_off", "已核销未收付";
    }
}

crate::coded! {
    /// What an installment is.
    #[derive(Default)]
    pub enum InstallmentKind {
        /// Part of the price, by the payment terms or for a period.
        #[default]
        Scheduled = 0, "scheduled", "计划款项";
        /// Held back until it is released.
        Retention = 1, "retention", "质保金";
        /// A charge for paying late.
        LateCharge = 2, "late_charge", "违约金";
    }
}

crate::coded! {
    /// Something that happened to a contract and that installments wait for, or that changed them.
    pub enum ContractEventKind {
        /// A part was delivered.
        Delivery = 1, "delivery", "部分交付";
        /// A milestone was reached.
        Milestone = 2, "milestone", "里程碑";
        /// An installment was invoiced.
        Invoice = 3, "invoice", "开票";
        /// A retention was released.
        Release = 4, "release", "质保金释放";
        /// The service was suspended.
        Suspension = 5, "suspension", "暂停";
        /// The service was resumed.
        Resumption = 6, "resumption", "恢复";
        /// The price was revised.
        PriceRevision = 7, "price_revision", "调价";
        /// Periods were added to the schedule.
        Extension = 8, "extension", "延展计划";
        /// Days were paid for that are not served any more, because the contract was terminated.
        Credit = 9, "credit", "未履行部分应退";
        /// The end of the contract was taken back.
        Reopening = 10, "reopening", "撤销终止";
        /// What was recorded in error was withdrawn.
        Withdrawal = 11, "withdrawal", "撤销登记";
        /// The due date of an installment was agreed anew.
        Postponement = 12, "postponement", "展期";
    }
}

/// A legal signatory of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractParty {
    /// What it is called in the contract.
    pub role: PartyRole,
    /// Full legal name.
    pub name: String,
    /// Unified social credit code; its check character is verified.
    #[serde(default)]
    pub credit_code: Option<String>,
    /// The person who signs.
    #[serde(default)]
    pub signatory: Option<String>,
}

crate::record! {
    /// A contract.
    pub struct Contract, ContractColumns in "contract" key (id) {
        /// Id.
        id: Id<Contract>,
        /// Number, unique; given, or `HT-yyyy-000001` by the year and a gapless count.
        number: String,
        /// Title.
        title: String,
        /// What it is about.
        kind: ContractKind,
        /// Which way its money goes.
        direction: SettlementDirection,
        /// The customer.
        customer: Id<Customer>,
        /// The signatories.
        parties: Json<Vec<ContractParty>>,
        /// The currency of all its amounts.
        currency: Currency,
        /// The gross total: the sum of the lines, or as given when there are none.
        amount: Amount,
        /// The total without value added tax.
        net: Amount,
        /// The value added tax.
        tax: Amount,
        /// Whether line prices include tax.
        tax_included: bool,
        /// The tax rate on the whole, when there are no lines.
        tax_rate: Option<Rate>,
        /// What has been settled, in the contract's direction.
        settled: Amount,
        /// Late charges beside the contract amount; its installments sum to both together.
        surcharge: Amount = since 2 or Cell::Int(0),
        /// What one unit of its currency was worth in the ledger's when it took effect; none in the ledger's own currency.
        rate: Option<Price> = since 2 or Cell::Null,
        /// First day of the term.
        starts_on: Option<Date>,
        /// Last day of the term.
        ends_on: Option<Date>,
        /// Last day of the term while the contract is in effect, otherwise none: what warnings look at.
        runs_until: Option<Date>,
        /// Days before its last day by which a renewal or its refusal must be told.
        notice_days: Option<u32> = since 2 or Cell::Null,
        /// The day of that while the contract is in effect, otherwise none: what warnings look at.
        notice_on: Option<Date> = since 2 or Cell::Null,
        /// The user responsible.
        owner: Option<Id<User>>,
        /// The owner's org unit.
        unit: Option<Id<OrgUnit>>,
        /// The opportunity it came from.
        opportunity: Option<Id<Opportunity>>,
        /// Where it stands.
        status: ContractStatus,
        /// The payment terms.
        terms: Json<Vec<PaymentTerm>>,
        /// What is charged for paying late.
        late: Json<Option<LateTerms>> = since 2 or Cell::Text("null".to_owned()),
        /// Who submitted it for approval last.
        submitted_by: Option<Id<User>>,
        /// When it was signed.
        signed_on: Option<Date>,
        /// When it took effect.
        effective_on: Option<Date>,
        /// When delivery was made.
        delivered_on: Option<Date>,
        /// When the customer accepted.
        accepted_on: Option<Date>,
        /// When it was completed, terminated or cancelled.
        ended_on: Option<Date>,
        /// Why it was terminated or cancelled.
        termination_reason: Option<String>,
        /// Remarks.
        note: Option<String>,
        /// When created.
        created_at: Instant,
        /// Version.
        version: u32,
        /// The term set that its payment terms were taken from.
        term_set: Option<Id<TermSet>> = since 2 or Cell::Null,
        /// The revision of the term set.
        term_set_revision: Option<u32> = since 2 or Cell::Null,
        /// How its installments recur, in place of payment terms.
        recurrence: Option<Json<Recurrence>> = since 2 or Cell::Null,
    }
    unique contract_number (number);
    index contract_customer (customer);
    index contract_owner (owner);
    index contract_unit (unit);
    index contract_opportunity (opportunity) where opportunity;
    index contract_ending (runs_until) where runs_until;
    index contract_notice (notice_on) where notice_on since 2;
}

crate::record! {
    /// A line of a contract: what is sold, at which price and tax.
    pub struct ContractLine, ContractLineColumns in "contract_line" key (contract, seq) {
        /// The contract.
        contract: Id<Contract>,
        /// Position, from 1.
        seq: u32,
        /// The product.
        product: Option<Id<Product>>,
        /// What it is.
        description: String,
        /// How much.
        quantity: Quantity,
        /// Of which unit.
        unit: Option<String>,
        /// Price of one unit, with or without tax as the contract says.
        unit_price: Price,
        /// Discount on the price: `0.05` is 5% off.
        discount: Rate,
        /// Value added tax rate: `0.13` is 13%.
        tax_rate: Rate,
        /// The contract's currency.
        currency: Currency,
        /// Amount without tax.
        net: Amount,
        /// Tax.
        tax: Amount,
        /// Amount with tax.
        gross: Amount,
    }
    index contract_line_product (product) where product;
}

crate::record! {
    /// A step of a contract's approval.
    pub struct ContractDecision, ContractDecisionColumns in "contract_decision" key (contract, seq) {
        /// The contract.
        contract: Id<Contract>,
        /// Position, from 1.
        seq: u32,
        /// What was done.
        kind: DecisionKind,
        /// By whom.
        user: Id<User>,
        /// When.
        at: Instant,
        /// The opinion given.
        opinion: Option<String>,
    }
}

crate::record! {
    /// A numbered change of a contract that binds (合同变更); never changed.
    pub struct Amendment, AmendmentColumns in "amendment" key (contract, seq) since 2 {
        /// The contract.
        contract: Id<Contract>,
        /// Position, from 1.
        seq: u32,
        /// The contract's number and `BG` with the position: `HT-2026-000001-BG01`.
        number: String,
        /// From when it counts.
        amended_on: Date,
        /// Why.
        reason: String,
        /// What it means for price, time or performance.
        impact: Option<String>,
        /// Where it was agreed: a supplementary agreement, a letter, minutes.
        evidence: Option<String>,
        /// What the contract said before.
        before: Json<ContractData>,
        /// What it has said since.
        after: Json<ContractData>,
        /// By how much the contract amount has changed.
        difference: Amount,
        /// The contract's currency.
        currency: Currency,
        /// Who recorded it.
        handler: Id<User>,
        /// When it was recorded.
        created_at: Instant,
    }
}

crate::record! {
    /// An amount due on a date or when an event happens. Always
    /// `amount = settled + discounted + written_off + cancelled + outstanding`.
    pub struct Installment, InstallmentColumns in "installment" key (contract, seq) {
        /// The contract.
        contract: Id<Contract>,
        /// Position, from 1.
        seq: u32,
        /// The contract's customer.
        customer: Id<Customer>,
        /// The contract's direction.
        direction: SettlementDirection,
        /// The contract's currency.
        currency: Currency,
        /// What it is called.
        label: String,
        /// How much in all.
        amount: Amount,
        /// How much has been settled.
        settled: Amount,
        /// How much is no longer owed.
        cancelled: Amount,
        /// How much was given up: for paying early, by agreement, or because it was too small for a coin.
        discounted: Amount = since 2 or Cell::Int(0),
        /// How much was closed without money.
        written_off: Amount = since 2 or Cell::Int(0),
        /// What is outstanding while it can be collected, otherwise none.
        open_amount: Option<Amount>,
        /// What `open_amount` is booked at in the ledger's currency; none for a contract in that currency.
        home_open: Option<Amount> = since 2 or Cell::Null,
        /// When it is due; none while its event has not happened.
        due_date: Option<Date>,
        /// Where it stands.
        status: InstallmentStatus,
        /// What it waits for.
        anchor: AnchorKind,
        /// When that happened.
        anchor_date: Option<Date>,
        /// The payment term it was planned from, by position from 1.
        term: u32,
        /// What it is.
        kind: InstallmentKind = since 2 or Cell::Int(0),
        /// When it will be due as the terms say and the event is expected; only while there is no due date.
        forecast_date: Option<Date> = since 2 or Cell::Null,
        /// When what was held back was released.
        released_on: Option<Date> = since 2 or Cell::Null,
        /// First day of the period it is for, of a recurring contract.
        period_from: Option<Date> = since 2 or Cell::Null,
        /// Last day of the period it is for.
        period_to: Option<Date> = since 2 or Cell::Null,
        /// Of a late charge: the installment that was late, by its position.
        late_of: Option<u32> = since 2 or Cell::Null,
    }
    index installment_due (due_date, contract, seq) where open_amount;
    index installment_open (direction, customer, currency, due_date, open_amount) where open_amount;
    index installment_forecast (forecast_date, contract, seq) where forecast_date since 2;
}

crate::record! {
    /// Something that happened to a contract.
    pub struct ContractEvent, ContractEventColumns in "contract_event" key (contract, seq) since 2 {
        /// The contract.
        contract: Id<Contract>,
        /// Position, from 1.
        seq: u32,
        /// What happened.
        kind: ContractEventKind,
        /// The milestone's name, the invoice's number, or the kind of what was withdrawn.
        name: Option<String>,
        /// When; of a postponement, the due date that was agreed.
        date: Date,
        /// The gross amount that it is about, in the contract's currency: what was delivered or deducted, the new price.
        amount: Option<Amount>,
        /// The installment that it dates or changes, by position.
        installment: Option<u32>,
        /// Reason or remarks.
        note: Option<String>,
        /// The event, by position, that this one belongs to, where one delivery dates several installments.
        part_of: Option<u32>,
        /// What the rule of a recurring contract said before the event changed it.
        rule: Option<Json<Recurrence>>,
        /// Whether it was recorded in error and withdrawn, or corrected by a later one; then it counts for nothing.
        withdrawn: bool,
    }
}

crate::record! {
    /// Payment terms under a name, to be used by many contracts. Each change makes a new revision; contracts keep theirs.
    pub struct TermSet, TermSetColumns in "term_set" key (id) since 2 {
        /// Id.
        id: Id<TermSet>,
        /// Name, unique.
        name: String,
        /// The revision that new contracts take, from 1.
        revision: u32,
        /// Whether new contracts may take it.
        active: bool,
        /// Remarks.
        note: Option<String>,
        /// When created.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    unique term_set_name (name);
}

crate::record! {
    /// What a term set said in one of its revisions; never changed.
    pub struct TermSetRevision, TermSetRevisionColumns in "term_set_revision" key (term_set, revision) since 2 {
        /// The term set.
        term_set: Id<TermSet>,
        /// The revision, from 1.
        revision: u32,
        /// The payment terms.
        terms: Json<Vec<PaymentTerm>>,
        /// Why it was made.
        note: Option<String>,
        /// When it was made.
        created_at: Instant,
    }
}

crate::record! {
    /// The term set that a customer's new contracts take when they say nothing of their payment terms.
    pub struct CustomerTerms, CustomerTermsColumns in "customer_terms" key (customer, direction) since 2 {
        /// The customer.
        customer: Id<Customer>,
        /// For what is receivable, or for what is payable.
        direction: SettlementDirection,
        /// The set.
        term_set: Id<TermSet>,
    }
}

crate::entity!(Contract, TermSet);

impl Owned for Contract {
    fn owner(&self) -> Option<Id<User>> {
        self.owner
    }
    fn unit(&self) -> Option<Id<OrgUnit>> {
        self.unit
    }
}

impl Installment {
    /// Whether it is the price of a period of a recurring contract.
    pub fn is_period(&self) -> bool {
        self.kind == InstallmentKind::Scheduled && self.period_from.is_some()
    }
}

impl Contract {
    /// Puts what warnings look at to what holds while the contract is in effect, or is not.
    ///
    /// # Errors
    /// `DATE_OUT_OF_RANGE`.
    pub fn set_running(&mut self, is_running: bool) -> Result<()> {
        self.runs_until = self.ends_on.filter(|_| is_running);
        self.notice_on = match (self.runs_until, self.notice_days) {
            (Some(last), Some(days)) => Some(date::add_days(last, -i64::from(days))?),
            _ => None,
        };
        Ok(())
    }

    /// An amount in the contract's currency.
    ///
    /// # Errors
    /// `TOO_MANY_DECIMALS` for one finer than the currency's minor unit.
    pub fn money(&self, amount: Amount) -> Result<Money> {
        Money::new(amount, self.currency)
    }
}
