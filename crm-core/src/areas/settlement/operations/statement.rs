//! Statements of account.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::GIVEN_TO_RECEIPT;
use super::aging::names;
use super::since::{AsOfBasis, Since, cells, open_now};
use crate::app::{Cx, NOT_FOUND};
use crate::areas::contract::{Account, Contract, EntryKind, Installment, JournalLine, SettlementDirection};
use crate::areas::party::Customer;
use crate::areas::settlement::model::{Adjustment, MoneyDirection, Receipt};
use crate::areas::settlement::rules::STATEMENT_TOO_LONG;
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::{DATE_MIN, Date};
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Direction, Output, Sort};
use crate::store::record::{Field, Record};

/// Most rows of a statement.
const ROWS_MAX: usize = 5000;

/// A customer's statement of account (对账单): what was owed, every charge and credit since, and what is owed.
///
/// What is owed is what is open less what was paid in advance; below zero, money of the customer's is waiting. A receipt
/// is one credit, however it is allocated; what changes nothing of what is owed, such as the later use of an advance or a
/// moved due date, has no row. Rows stand by business date, and within a day in the order of posting. All contracts of the
/// customer are included, whoever is responsible for them. For payables charges and credits are the mirror image: what we owe
/// and what we paid.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettlementStatement {
    /// The customer.
    pub customer: Id<Customer>,
    /// What is receivable, or what is payable; receivable when left out.
    #[serde(default)]
    pub direction: Option<SettlementDirection>,
    /// Only this currency.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// The first day; from the beginning when left out.
    #[serde(default)]
    pub from: Option<Date>,
    /// The last day; today when left out.
    #[serde(default)]
    pub to: Option<Date>,
}

/// A charge or credit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementRow {
    /// From when it counts.
    pub date: Date,
    /// What it is.
    pub kind: EntryKind,
    /// The receipt or adjustment; none for what a contract does by itself.
    pub document: Option<Uuid>,
    /// The number of the receipt or adjustment, otherwise of the contract.
    pub number: Option<String>,
    /// The contract, when it concerns just one.
    pub contract: Option<Id<Contract>>,
    /// The contract's title.
    pub contract_title: Option<String>,
    /// What is owed more.
    pub charge: Amount,
    /// What is owed less.
    pub credit: Amount,
    /// What is owed after it.
    pub balance: Amount,
}

/// The account of one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementAccount {
    /// The currency of the amounts.
    pub currency: Currency,
    /// What was owed at the end of the day before the first.
    pub opening: Amount,
    /// Charges and credits.
    pub rows: Vec<StatementRow>,
    /// The sum of the charges.
    pub charges: Amount,
    /// The sum of the credits.
    pub credits: Amount,
    /// What is owed at the end of the last day: `open` less `advance`.
    pub closing: Amount,
    /// What is open then.
    pub open: Amount,
    /// What is paid in advance then.
    pub advance: Amount,
    /// What of the open amounts is overdue then.
    pub overdue: Amount,
}

/// A customer's statement of account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerStatement {
    /// The customer.
    pub customer: Id<Customer>,
    /// The customer's name.
    pub customer_name: String,
    /// Which way the money goes.
    pub direction: SettlementDirection,
    /// The first day; none from the beginning.
    pub from: Option<Date>,
    /// The last day.
    pub to: Date,
    /// By currency.
    pub accounts: Vec<StatementAccount>,
}

/// An account in the making.
#[derive(Default)]
struct Sum {
    /// Open at the end of the last day.
    open: Amount,
    advance: Amount,
    overdue: Amount,
    rows: Vec<StatementRow>,
}

fn add(sum: &mut Amount, part: Amount) -> Result<()> {
    *sum = sum.checked_add(part)?;
    Ok(())
}

impl Operation for SettlementStatement {
    type Output = CustomerStatement;
    const NAME: &'static str = "settlement.statement";
    const ZH: &'static str = "客户对账单";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] =
        &[&NOT_FOUND, &error::NOT_AN_ID, &error::END_BEFORE_START, &STATEMENT_TOO_LONG, &error::OVERFLOW];
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_RECEIPT,
        input: r#"{"customer": "${customer.id}", "from": "2026-02-01", "to": "2026-02-28"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<CustomerStatement> {
        let customer = cx.get_owned(self.customer, Level::Read).map_err(|error| error.at("customer"))?;
        let direction = self.direction.unwrap_or(SettlementDirection::Receivable);
        let to = self.to.unwrap_or(cx.today());
        if let Some(from) = self.from.filter(|from| *from > to) {
            return Err(Error::new(&error::END_BEFORE_START).at("to").with("start", from).with("end", to));
        }
        let mut sums = self.now(cx, direction, to)?;
        self.entries(cx, direction, to, &mut sums)?;
        let mut accounts = Vec::with_capacity(sums.len());
        for (currency, sum) in sums {
            let closing = sum.open.checked_sub(sum.advance)?;
            let (mut charges, mut credits) = (Amount::ZERO, Amount::ZERO);
            for row in &sum.rows {
                add(&mut charges, row.charge)?;
                add(&mut credits, row.credit)?;
            }
            let opening = closing.checked_sub(charges)?.checked_add(credits)?;
            let Sum { open, advance, overdue, mut rows, .. } = sum;
            if rows.is_empty() && [opening, open, advance].iter().all(|amount| amount.is_zero()) {
                continue;
            }
            let mut balance = opening;
            for row in &mut rows {
                balance = balance.checked_add(row.charge)?.checked_sub(row.credit)?;
                row.balance = balance;
            }
            name_rows(cx, &mut rows)?;
            let account = StatementAccount {
                currency,
                opening,
                rows,
                charges,
                credits,
                closing,
                open,
                advance,
                overdue,
            };
            accounts.push(account);
        }
        Ok(CustomerStatement {
            customer: customer.id,
            customer_name: customer.name,
            direction,
            from: self.from,
            to,
            accounts,
        })
    }
}

impl SettlementStatement {
    /// What is open and in advance now, aged as of the last day.
    fn now(
        &self,
        cx: &mut Cx<'_>,
        direction: SettlementDirection,
        to: Date,
    ) -> Result<BTreeMap<Currency, Sum>> {
        let mut sums: BTreeMap<Currency, Sum> = BTreeMap::new();
        let (ids, c) = (cx.ids(), Installment::C);
        let columns = [c.currency.position(), c.due_date.position(), c.open_amount.position()];
        let binder = open_now(cx, direction, Some(self.customer), self.currency, &columns, false)?;
        cx.tx().select(&binder.select, &mut |row| {
            let [currency, due, open] = cells(row)?;
            let sum = sums.entry(Currency::decode(currency, ids)?).or_default();
            let (due, open) = (Option::<Date>::decode(due, ids)?, Amount::decode(open, ids)?);
            add(&mut sum.open, open)?;
            if due.is_some_and(|due| due < to) {
                add(&mut sum.overdue, open)?;
            }
            Ok(Flow::More)
        })?;
        let c = Receipt::C;
        let money = MoneyDirection::of(direction);
        let query = cx.query::<Receipt>().equal(c.customer, self.customer).equal(c.direction, money);
        let query = match self.currency {
            Some(currency) => query.equal(c.currency, currency),
            None => query,
        };
        let outputs = [c.currency.position(), c.open_advance.position()];
        let outputs = outputs.map(|at| Output::Column(ColumnRef::base(at))).to_vec();
        query.present(c.open_advance).scan(cx.tx(), outputs, &mut |row| {
            let [currency, advance] = cells(row)?;
            let sum = sums.entry(Currency::decode(currency, ids)?).or_default();
            add(&mut sum.advance, Amount::decode(advance, ids)?)?;
            Ok(Flow::More)
        })?;
        Ok(sums)
    }

    /// Goes through what counts from the first day on: rows until the last day, and after it what is to be undone.
    fn entries(
        &self,
        cx: &mut Cx<'_>,
        direction: SettlementDirection,
        to: Date,
        sums: &mut BTreeMap<Currency, Sum>,
    ) -> Result<()> {
        let (ids, c) = (cx.ids(), JournalLine::C);
        let since = Since {
            direction,
            customer: Some(self.customer),
            currency: self.currency,
            from: self.from.unwrap_or(DATE_MIN),
            basis: AsOfBasis::Dated,
        };
        let columns = [
            c.entry.position(),
            c.kind.position(),
            c.account.position(),
            c.date.position(),
            c.currency.position(),
            c.contract.position(),
            c.document.position(),
            c.due_date.position(),
            c.amount.position(),
        ];
        let mut binder = since.unscoped(cx, &[Account::Open, Account::Advance, Account::Money], &columns)?;
        binder.select.sort = [c.date.position(), c.entry.position(), c.seq.position()]
            .map(|at| Sort { column: ColumnRef::base(at), direction: Direction::Ascending })
            .to_vec();
        let mut entry: Option<Entry> = None;
        let mut rows = 0;
        cx.check_cancelled()?;
        cx.tx().select(&binder.select, &mut |row| {
            let [id, kind, account, date, currency, contract, document, due, amount] = cells(row)?;
            let (id, amount) = (Uuid::decode(id, ids)?, Amount::decode(amount, ids)?);
            let (date, currency) = (Date::decode(date, ids)?, Currency::decode(currency, ids)?);
            let account = Account::decode(account, ids)?;
            if date > to && account == Account::Money {
                return Ok(Flow::More);
            }
            if date > to {
                let sum = sums.entry(currency).or_default();
                if account == Account::Advance {
                    return add(&mut sum.advance, amount).map(|()| Flow::More);
                }
                let back = amount.checked_neg()?;
                add(&mut sum.open, back)?;
                if Option::<Date>::decode(due, ids)?.is_some_and(|due| due < to) {
                    add(&mut sum.overdue, back)?;
                }
                return Ok(Flow::More);
            }
            if entry.as_ref().is_none_or(|entry| entry.id != id) {
                rows += close(entry.take(), sums)?;
                if rows > ROWS_MAX {
                    return Err(Error::new(&STATEMENT_TOO_LONG).at("from").with("max", ROWS_MAX));
                }
            }
            let kind = EntryKind::decode(kind, ids)?;
            let entry = entry.get_or_insert_with(|| Entry::new(id, date, kind, currency));
            let document = Option::decode(document, ids)?;
            if account == Account::Money {
                // Money has a document of its own: a refund is not the receipt out of whose advance it goes.
                entry.document = document;
                return Ok(Flow::More);
            }
            add(&mut entry.net, amount)?;
            entry.document = entry.document.or(document);
            if account == Account::Open {
                entry.concerns(Option::decode(contract, ids)?);
            }
            Ok(Flow::More)
        })?;
        if rows + close(entry, sums)? > ROWS_MAX {
            return Err(Error::new(&STATEMENT_TOO_LONG).at("from").with("max", ROWS_MAX));
        }
        Ok(())
    }
}

/// An entry of the journal, as it counts.
struct Entry {
    id: Uuid,
    date: Date,
    kind: EntryKind,
    currency: Currency,
    net: Amount,
    document: Option<Uuid>,
    contract: Option<Id<Contract>>,
    several: bool,
}

impl Entry {
    fn new(id: Uuid, date: Date, kind: EntryKind, currency: Currency) -> Entry {
        let (net, document, contract) = (Amount::ZERO, None, None);
        Entry { id, date, kind, currency, net, document, contract, several: false }
    }

    fn concerns(&mut self, contract: Option<Id<Contract>>) {
        self.several |= self.contract.is_some() && self.contract != contract;
        self.contract = contract;
    }
}

/// Adds the row of an entry that changes what is owed; returns how many rows that is.
fn close(entry: Option<Entry>, sums: &mut BTreeMap<Currency, Sum>) -> Result<usize> {
    let Some(entry) = entry.filter(|entry| !entry.net.is_zero()) else { return Ok(0) };
    let (charge, credit) = match entry.net.is_positive() {
        true => (entry.net, Amount::ZERO),
        false => (Amount::ZERO, entry.net.checked_neg()?),
    };
    sums.entry(entry.currency).or_default().rows.push(StatementRow {
        date: entry.date,
        kind: entry.kind,
        document: entry.document,
        number: None,
        contract: entry.contract.filter(|_| !entry.several),
        contract_title: None,
        charge,
        credit,
        balance: Amount::ZERO,
    });
    Ok(1)
}

/// Gives rows the numbers of their documents and contracts.
fn name_rows(cx: &mut Cx<'_>, rows: &mut [StatementRow]) -> Result<()> {
    let (r, a, c) = (Receipt::C, Adjustment::C, Contract::C);
    let documents = || rows.iter().filter_map(|row| row.document);
    let receipts = names(cx, r.id, r.number, documents().map(Id::from_uuid))?;
    let unknown: Vec<Uuid> = documents().filter(|id| receipts.get(Id::from_uuid(*id)).is_none()).collect();
    let adjustments = names(cx, a.id, a.number, unknown.into_iter().map(Id::from_uuid))?;
    let contracts = || rows.iter().filter_map(|row| row.contract);
    let numbers = names(cx, c.id, c.number, contracts())?;
    let titles = names(cx, c.id, c.title, contracts())?;
    for row in rows {
        let of_document = row
            .document
            .and_then(|id| receipts.get(Id::from_uuid(id)).or_else(|| adjustments.get(Id::from_uuid(id))));
        let of_contract = row.contract.and_then(|id| numbers.get(id));
        row.number = of_document.or(of_contract).cloned();
        row.contract_title = row.contract.and_then(|id| titles.get(id).cloned());
    }
    Ok(())
}
