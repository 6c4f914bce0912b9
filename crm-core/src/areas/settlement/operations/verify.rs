//! Recomputing all balances of a ledger from its settlement journal.
//!
//! Three books are kept: the balances on contracts, installments and receipts, the allocations, and the journal. They are
//! written together, and here they are compared: entries must balance, what the journal says is open, in advance and worth
//! must be what installments and receipts say, allocations and adjustments must add up to both, and every equation must
//! hold. The work is
//! one pass over each table in the order of its key, in bounded memory.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::GIVEN_TO_RECEIPT;
use crate::app::Cx;
use crate::areas::contract::rules::schedule;
use crate::areas::contract::{Account, Contract, Installment, InstallmentStatus, JournalLine};
use crate::areas::settlement::model::{Adjustment, AdjustmentKind, Allocation, Receipt};
use crate::catalog::{Access, Example, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{Code, Result};
use crate::kernel::id::Id;
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Output};
use crate::store::query::Query;
use crate::store::record::{Big, Col, Field, Record};

/// Most differences that are listed; all are counted.
const LISTED_MAX: usize = 100;
/// Contracts whose books are compared at once.
const CONTRACTS_AT_ONCE: u64 = 500;

crate::coded! {
    /// What does not agree.
    pub enum DifferenceKind {
        /// An entry of the journal does not sum to zero in its currency.
        EntryUnbalanced = 1, "entry_unbalanced", "分录不平";
        /// An entry of the journal does not sum to zero in the ledger's currency.
        EntryUnbalancedHome = 2, "entry_unbalanced_home", "分录本位币不平";
        /// The installments do not sum to the contract and its late charges.
        ScheduleSum = 3, "schedule_sum", "结算计划合计不符";
        /// What the contract says is settled is not the sum over its installments.
        ContractSettled = 4, "contract_settled", "合同已结金额不符";
        /// The parts of an installment are not its amount, or its status is another than they say.
        InstallmentEquation = 5, "installment_equation", "节点金额不平";
        /// What is settled of an installment is not the sum of the allocations to it.
        InstallmentSettled = 6, "installment_settled", "节点核销合计不符";
        /// What is open of an installment, under its due date, is not what the journal says.
        InstallmentOpen = 7, "installment_open", "节点未结金额与日记账不符";
        /// The same in the ledger's currency.
        InstallmentHome = 8, "installment_home", "节点本位币与日记账不符";
        /// The parts of a receipt are not its amount.
        ReceiptEquation = 9, "receipt_equation", "收付款金额不平";
        /// What a receipt says is allocated is not the sum of its allocations.
        ReceiptAllocated = 10, "receipt_allocated", "收付款核销合计不符";
        /// The advance of a receipt is not what the journal says.
        ReceiptAdvance = 11, "receipt_advance", "预收(预付)余额与日记账不符";
        /// The same in the ledger's currency.
        ReceiptHome = 12, "receipt_home", "预收(预付)本位币与日记账不符";
        /// What the journal says was credited with a receipt is not its amount, or it is booked as a credit and is money.
        ReceiptCredit = 13, "receipt_credit", "贷项金额与日记账不符";
        /// What an installment says was given up is not the sum of its discounts and differences of rounding.
        InstallmentDiscounted = 14, "installment_discounted", "节点折扣合计不符";
        /// What an installment says was written off is not the sum of its write-offs.
        InstallmentWrittenOff = 15, "installment_written_off", "节点核销损失合计不符";
    }
}

/// Something that does not agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SettlementDifference {
    /// What it is.
    pub kind: DifferenceKind,
    /// The entry, contract or receipt.
    pub subject: Uuid,
    /// The contract's installment, by its position.
    pub seq: Option<u32>,
    /// What is recomputed.
    pub expected: Amount,
    /// What is stored.
    pub actual: Amount,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SettlementCheck {
    /// Whether everything agrees.
    pub clean: bool,
    /// Entries of the journal.
    pub entries: Big,
    /// Lines of the journal.
    pub lines: Big,
    /// Contracts.
    pub contracts: Big,
    /// Installments.
    pub installments: Big,
    /// Receipts and payments.
    pub receipts: Big,
    /// Allocations.
    pub allocations: Big,
    /// How much does not agree.
    pub differences: Big,
    /// The first hundred of them.
    pub found: Vec<SettlementDifference>,
}

impl SettlementCheck {
    fn compare(
        &mut self,
        kind: DifferenceKind,
        subject: Uuid,
        seq: Option<u32>,
        expected: Amount,
        actual: Amount,
    ) {
        if expected != actual {
            self.note(kind, subject, seq, expected, actual);
        }
    }

    fn note(
        &mut self,
        kind: DifferenceKind,
        subject: Uuid,
        seq: Option<u32>,
        expected: Amount,
        actual: Amount,
    ) {
        self.clean = false;
        self.differences.0 += 1;
        if self.found.len() < LISTED_MAX {
            self.found.push(SettlementDifference { kind, subject, seq, expected, actual });
        }
    }
}

/// Recomputes every balance of the ledger from the settlement journal, and names what does not agree.
///
/// Nothing is changed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifySettlement {}

impl Operation for VerifySettlement {
    type Output = SettlementCheck;
    const NAME: &'static str = "settlement.verify";
    const ZH: &'static str = "核对结算账";
    const ACCESS: Access = Access::Permission("settlement.verify");
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[];
    const EXAMPLE: Example = Example { given: GIVEN_TO_RECEIPT, input: "{}" };
    fn run(self, cx: &mut Cx<'_>) -> Result<SettlementCheck> {
        let mut check = SettlementCheck {
            clean: true,
            entries: Big(0),
            lines: Big(0),
            contracts: Big(0),
            installments: Big(0),
            receipts: Big(0),
            allocations: Big(0),
            differences: Big(0),
            found: Vec::new(),
        };
        let documents = entries(cx, &mut check)?;
        let mut after = None;
        while let Some(last) = contracts(cx, &mut check, after)? {
            after = Some(last);
            cx.check_cancelled()?;
        }
        receipts(cx, &mut check, documents)?;
        Ok(check)
    }
}

fn outputs<const N: usize>(columns: [usize; N]) -> Vec<Output> {
    columns.map(|column| Output::Column(ColumnRef::base(column))).to_vec()
}

/// An amount and its value in the ledger's currency.
#[derive(Debug, Clone, Copy, Default)]
struct Both {
    amount: Amount,
    home: Amount,
}

impl Both {
    fn add(&mut self, amount: Amount, home: Amount) -> Result<()> {
        self.amount = self.amount.checked_add(amount)?;
        self.home = self.home.checked_add(home)?;
        Ok(())
    }

    fn is_zero(self) -> bool {
        self.amount.is_zero() && self.home.is_zero()
    }
}

/// What the journal says of receipts, by receipt, where that is not nothing.
#[derive(Default)]
struct Documents {
    /// What waits in advance, with the sign of the journal.
    advances: HashMap<Uuid, Both>,
    /// What came as a credit; money is not kept, for it would be as many as there are receipts.
    credits: HashMap<Uuid, Both>,
}

/// Goes through the journal: every entry balances. Returns what it says of receipts.
fn entries(cx: &mut Cx<'_>, check: &mut SettlementCheck) -> Result<Documents> {
    let (ids, c) = (cx.ids(), JournalLine::C);
    let wanted = outputs([
        c.entry.position(),
        c.account.position(),
        c.document.position(),
        c.amount.position(),
        c.home.position(),
    ]);
    let mut documents = Documents::default();
    let mut open: Option<(Uuid, Both)> = None;
    let close = |check: &mut SettlementCheck, entry: Option<(Uuid, Both)>| {
        if let Some((entry, sum)) = entry {
            check.entries.0 += 1;
            check.compare(DifferenceKind::EntryUnbalanced, entry, None, Amount::ZERO, sum.amount);
            check.compare(DifferenceKind::EntryUnbalancedHome, entry, None, Amount::ZERO, sum.home);
        }
    };
    let query = cx.query::<JournalLine>().ascending(c.entry).ascending(c.seq);
    query.scan(cx.tx(), wanted, &mut |cells| {
        let [entry, account, document, amount, home] = cells else { return Ok(Flow::Stop) };
        let entry = Uuid::decode(*entry, ids)?;
        let (amount, home) = (Amount::decode(*amount, ids)?, Amount::decode(*home, ids)?);
        check.lines.0 += 1;
        if open.is_none_or(|(id, _)| id != entry) {
            close(check, open.replace((entry, Both::default())));
        }
        if let Some((_, sum)) = &mut open {
            sum.add(amount, home)?;
        }
        let sums = match Account::decode(*account, ids)? {
            Account::Advance => &mut documents.advances,
            Account::Credit => &mut documents.credits,
            _ => return Ok(Flow::More),
        };
        if let Some(document) = Option::<Uuid>::decode(*document, ids)? {
            let sum = sums.entry(document).or_default();
            sum.add(amount, home)?;
            if sum.is_zero() {
                sums.remove(&document);
            }
        }
        Ok(Flow::More)
    })?;
    close(check, open);
    Ok(documents)
}

/// Compares the books of the next contracts; returns the last of them, none when there are no more.
fn contracts(
    cx: &mut Cx<'_>,
    check: &mut SettlementCheck,
    after: Option<Id<Contract>>,
) -> Result<Option<Id<Contract>>> {
    let (ids, c) = (cx.ids(), Contract::C);
    let mut query = cx.query::<Contract>().ascending(c.id).limit(CONTRACTS_AT_ONCE);
    if let Some(after) = after {
        query = query.greater(c.id, after);
    }
    let wanted =
        outputs([c.id.position(), c.amount.position(), c.surcharge.position(), c.settled.position()]);
    let mut page: Vec<(Id<Contract>, Amount, Amount)> = Vec::new();
    query.scan(cx.tx(), wanted, &mut |cells| {
        let [id, amount, surcharge, settled] = cells else { return Ok(Flow::Stop) };
        let whole = Amount::decode(*amount, ids)?.checked_add(Amount::decode(*surcharge, ids)?)?;
        page.push((Id::decode(*id, ids)?, whole, Amount::decode(*settled, ids)?));
        Ok(Flow::More)
    })?;
    let (Some((first, ..)), Some((last, ..))) = (page.first().copied(), page.last().copied()) else {
        return Ok(None);
    };
    let allocated = allocated(cx, check, first, last)?;
    let given_up = given_up(cx, first, last)?;
    let mut opened = opened(cx, first, last)?;
    let i = Installment::C;
    let query = cx.query::<Installment>().at_least(i.contract, first).at_most(i.contract, last);
    let mut stored = query.ascending(i.contract).ascending(i.seq).fetch(cx.tx())?.into_iter().peekable();
    for (contract, whole, settled) in page {
        check.contracts.0 += 1;
        let (mut sum, mut paid, mut any) = (Amount::ZERO, Amount::ZERO, false);
        while let Some(installment) = stored.next_if(|installment| installment.contract == contract) {
            any = true;
            sum = sum.checked_add(installment.amount)?;
            paid = paid.checked_add(installment.settled)?;
            compare_installment(check, &installment, &allocated, &mut opened)?;
            let (discounted, written_off) =
                given_up.get(&(contract, installment.seq)).copied().unwrap_or_default();
            let (subject, seq) = (contract.uuid(), Some(installment.seq));
            let kind = DifferenceKind::InstallmentDiscounted;
            check.compare(kind, subject, seq, discounted, installment.discounted);
            let kind = DifferenceKind::InstallmentWrittenOff;
            check.compare(kind, subject, seq, written_off, installment.written_off);
        }
        if any {
            check.compare(DifferenceKind::ScheduleSum, contract.uuid(), None, whole, sum);
        }
        check.compare(DifferenceKind::ContractSettled, contract.uuid(), None, paid, settled);
    }
    // What the journal says is open where no installment is, or under another due date.
    for ((contract, seq, _), sum) in opened {
        let subject = contract.uuid();
        check.compare(DifferenceKind::InstallmentOpen, subject, Some(seq), sum.amount, Amount::ZERO);
        check.compare(DifferenceKind::InstallmentHome, subject, Some(seq), sum.home, Amount::ZERO);
    }
    Ok(Some(last))
}

type Place = (Id<Contract>, u32);
type DuePlace = (Id<Contract>, u32, Option<Date>);

fn compare_installment(
    check: &mut SettlementCheck,
    installment: &Installment,
    allocated: &BTreeMap<Place, Amount>,
    opened: &mut BTreeMap<DuePlace, Both>,
) -> Result<()> {
    check.installments.0 += 1;
    let (subject, seq) = (installment.contract.uuid(), Some(installment.seq));
    let rest = schedule::outstanding(installment).unwrap_or_default();
    let live = installment.status != InstallmentStatus::Planned;
    let sound = schedule::restated(installment.clone(), live).is_ok_and(|after| after == *installment);
    if !sound {
        let open = installment.open_amount.unwrap_or_default();
        check.note(DifferenceKind::InstallmentEquation, subject, seq, rest, open);
    }
    let paid = allocated.get(&(installment.contract, installment.seq)).copied().unwrap_or_default();
    check.compare(DifferenceKind::InstallmentSettled, subject, seq, paid, installment.settled);
    let key = (installment.contract, installment.seq, installment.due_date);
    let sum = opened.remove(&key).unwrap_or_default();
    let open = installment.open_amount.unwrap_or_default();
    check.compare(DifferenceKind::InstallmentOpen, subject, seq, sum.amount, open);
    let home = installment.home_open.unwrap_or(open);
    check.compare(DifferenceKind::InstallmentHome, subject, seq, sum.home, home);
    Ok(())
}

/// A range of a column of contracts' ids.
fn between<R: Record, T: Field>(query: Query<R>, col: Col<T>, first: T, last: T) -> Query<R> {
    query.at_least(col, first).at_most(col, last)
}

/// What is allocated to the installments of a range of contracts.
fn allocated(
    cx: &mut Cx<'_>,
    check: &mut SettlementCheck,
    first: Id<Contract>,
    last: Id<Contract>,
) -> Result<BTreeMap<Place, Amount>> {
    let (ids, c) = (cx.ids(), Allocation::C);
    let wanted = outputs([c.contract.position(), c.installment.position(), c.amount.position()]);
    let mut sums: BTreeMap<Place, Amount> = BTreeMap::new();
    let query = between(cx.query::<Allocation>(), c.contract, first, last);
    query.scan(cx.tx(), wanted, &mut |cells| {
        let [contract, installment, amount] = cells else { return Ok(Flow::Stop) };
        check.allocations.0 += 1;
        let place = (Id::decode(*contract, ids)?, u32::decode(*installment, ids)?);
        let sum = sums.entry(place).or_default();
        *sum = sum.checked_add(Amount::decode(*amount, ids)?)?;
        Ok(Flow::More)
    })?;
    Ok(sums)
}

/// What adjustments have taken off the installments of a range of contracts: discounts with rounding, and write-offs.
fn given_up(
    cx: &mut Cx<'_>,
    first: Id<Contract>,
    last: Id<Contract>,
) -> Result<BTreeMap<Place, (Amount, Amount)>> {
    let (ids, c) = (cx.ids(), Adjustment::C);
    let wanted =
        outputs([c.contract.position(), c.installment.position(), c.kind.position(), c.amount.position()]);
    let mut sums: BTreeMap<Place, (Amount, Amount)> = BTreeMap::new();
    let query = between(cx.query::<Adjustment>(), c.contract, first, last);
    query.scan(cx.tx(), wanted, &mut |cells| {
        let [contract, installment, kind, amount] = cells else { return Ok(Flow::Stop) };
        let place = (Id::decode(*contract, ids)?, u32::decode(*installment, ids)?);
        let (discounted, written_off) = sums.entry(place).or_default();
        let sum = match AdjustmentKind::decode(*kind, ids)? {
            AdjustmentKind::WriteOff => written_off,
            AdjustmentKind::Discount | AdjustmentKind::Rounding | AdjustmentKind::Waiver => discounted,
        };
        *sum = sum.checked_add(Amount::decode(*amount, ids)?)?;
        Ok(Flow::More)
    })?;
    Ok(sums)
}

/// What the journal says is open of the installments of a range of contracts, by due date, where that is not nothing.
fn opened(cx: &mut Cx<'_>, first: Id<Contract>, last: Id<Contract>) -> Result<BTreeMap<DuePlace, Both>> {
    let (ids, c) = (cx.ids(), JournalLine::C);
    let wanted = outputs([
        c.contract.position(),
        c.installment.position(),
        c.due_date.position(),
        c.amount.position(),
        c.home.position(),
    ]);
    let mut sums: BTreeMap<DuePlace, Both> = BTreeMap::new();
    let query = between(cx.query::<JournalLine>(), c.contract, Some(first), Some(last));
    query.equal(c.account, Account::Open).scan(cx.tx(), wanted, &mut |cells| {
        let [contract, installment, due, amount, home] = cells else { return Ok(Flow::Stop) };
        let place = (
            Id::decode(*contract, ids)?,
            u32::decode(*installment, ids)?,
            Option::<Date>::decode(*due, ids)?,
        );
        let (amount, home) = (Amount::decode(*amount, ids)?, Amount::decode(*home, ids)?);
        sums.entry(place).or_default().add(amount, home)?;
        Ok(Flow::More)
    })?;
    sums.retain(|_, sum| !sum.is_zero());
    Ok(sums)
}

/// Compares receipts with their allocations and with what the journal says is in advance and was credited.
fn receipts(cx: &mut Cx<'_>, check: &mut SettlementCheck, documents: Documents) -> Result<()> {
    let Documents { mut advances, mut credits } = documents;
    let mut after: Option<Id<Receipt>> = None;
    loop {
        cx.check_cancelled()?;
        let (ids, c) = (cx.ids(), Receipt::C);
        let mut query = cx.query::<Receipt>().ascending(c.id).limit(CONTRACTS_AT_ONCE);
        if let Some(after) = after {
            query = query.greater(c.id, after);
        }
        let page = query.fetch(cx.tx())?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { break };
        after = Some(last.id);
        let a = Allocation::C;
        let mut sums: BTreeMap<Id<Receipt>, Amount> = BTreeMap::new();
        let query = between(cx.query::<Allocation>(), a.receipt, first.id, last.id);
        query.scan(cx.tx(), outputs([a.receipt.position(), a.amount.position()]), &mut |cells| {
            let [receipt, amount] = cells else { return Ok(Flow::Stop) };
            let sum = sums.entry(Id::decode(*receipt, ids)?).or_default();
            *sum = sum.checked_add(Amount::decode(*amount, ids)?)?;
            Ok(Flow::More)
        })?;
        for receipt in page {
            check.receipts.0 += 1;
            let subject = receipt.id.uuid();
            let Receipt { amount, allocated, advance, refunded, .. } = receipt;
            let parts = Amount::checked_sum([allocated, advance, refunded, receipt.rounded])?;
            if receipt.check().is_err() || receipt.clone().restated() != receipt {
                check.note(DifferenceKind::ReceiptEquation, subject, None, amount, parts);
            }
            let sum = sums.remove(&receipt.id).unwrap_or_default();
            check.compare(DifferenceKind::ReceiptAllocated, subject, None, sum, allocated);
            let said = advances.remove(&subject).unwrap_or_default();
            let expected = said.amount.checked_neg()?;
            check.compare(DifferenceKind::ReceiptAdvance, subject, None, expected, advance);
            let home = receipt.home_advance.unwrap_or(advance);
            check.compare(DifferenceKind::ReceiptHome, subject, None, said.home.checked_neg()?, home);
            let said = credits.remove(&subject).unwrap_or_default();
            let credited = if receipt.credit.is_some() { amount } else { Amount::ZERO };
            check.compare(DifferenceKind::ReceiptCredit, subject, None, said.amount, credited);
        }
    }
    for (subject, said) in advances {
        let expected = said.amount.checked_neg()?;
        check.compare(DifferenceKind::ReceiptAdvance, subject, None, expected, Amount::ZERO);
    }
    for (subject, said) in credits {
        check.compare(DifferenceKind::ReceiptCredit, subject, None, said.amount, Amount::ZERO);
    }
    Ok(())
}
