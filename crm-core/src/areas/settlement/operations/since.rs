//! Lines of the settlement journal from a day on: what tells past days, payment habits and figures of a period.
//!
//! The state of a past day is what is open now less what came since. An entry's id tells when it was posted, and nothing
//! can be posted with a date after the day of posting; so what counts from a day on was posted from that day on, and both
//! are a range at the end of the journal's key. The work grows with what was posted since, not with what is stored.

use crate::app::Cx;
use crate::areas::contract::{Account, Installment, JournalLine, SettlementDirection};
use crate::areas::party::Customer;
use crate::areas::settlement::INSTALLMENTS;
use crate::kernel::currency::Currency;
use crate::kernel::date::{DATE_MIN, Date, Instant};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::Id;
use crate::store::cell::CellRef;
use crate::store::dataset::{Binder, Dataset, ScopePaths};
use crate::store::plan::{ColumnRef, Compare, Output, Pred};
use crate::store::record::{Col, Field, Record};

crate::coded! {
    /// What makes up a past day.
    #[derive(Default)]
    pub enum AsOfBasis {
        /// What had been posted by the end of that day: the same whenever it is asked, whatever is posted later with an
        /// earlier date.
        #[default]
        Posted = 1, "posted", "按过账日";
        /// What counts until that day, whenever it was posted.
        Dated = 2, "dated", "按业务日";
    }
}

/// The journal under the scope of its contracts, as installments are; [`crate::areas::contract::JOURNAL`] shows lines without a
/// contract too, by their customers.
static LINES: Dataset = Dataset {
    name: "journal",
    zh: "结算日记账",
    table: JournalLine::table,
    fields: &[],
    scope: Some(ScopePaths::of("contract", "contract.owner", "contract.unit")),
};

/// Lines from a day on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since {
    /// Which way the money goes.
    pub(super) direction: SettlementDirection,
    /// Only this customer's.
    pub(super) customer: Option<Id<Customer>>,
    /// Only of this currency.
    pub(super) currency: Option<Currency>,
    /// The first day; all lines from the first day that we compute with.
    pub(super) from: Date,
    /// Whether the day is that of posting or the one from which a line counts.
    pub(super) basis: AsOfBasis,
}

impl Since {
    /// The query for lines on these accounts, with these columns of the journal, in the user's scope by contract.
    ///
    /// # Errors
    /// Of encoding and of the engine.
    pub(super) fn binder<'c>(
        &self,
        cx: &mut Cx<'c>,
        accounts: &[Account],
        columns: &[usize],
    ) -> Result<Binder<'c>> {
        let mut binder = self.unscoped(cx, accounts, columns)?;
        cx.narrow(&mut binder, None)?;
        Ok(binder)
    }

    /// The same of everybody's contracts: for a customer whom the user may see.
    ///
    /// # Errors
    /// Of encoding.
    pub(super) fn unscoped<'c>(
        &self,
        cx: &Cx<'c>,
        accounts: &[Account],
        columns: &[usize],
    ) -> Result<Binder<'c>> {
        let (ids, c) = (cx.ids(), JournalLine::C);
        let mut binder = Binder::new(cx.catalog().schema(), &LINES);
        binder.select.outputs =
            columns.iter().map(|column| Output::Column(ColumnRef::base(*column))).collect();
        if self.from > DATE_MIN {
            let start = Instant::start_of(self.from, cx.ledger().utc_offset_minutes())?;
            let first = ids.first_at(start).encode(ids)?;
            binder.filter(Pred::Compare(ColumnRef::base(c.entry.position()), Compare::AtLeast, first));
        }
        if self.basis == AsOfBasis::Dated {
            let from = self.from.encode(ids)?;
            binder.filter(Pred::Compare(ColumnRef::base(c.date.position()), Compare::AtLeast, from));
        }
        let accounts = accounts.iter().map(|account| account.encode(ids)).collect::<Result<Vec<_>>>()?;
        binder.filter(Pred::In(ColumnRef::base(c.account.position()), accounts));
        equal(&mut binder, cx, c.direction, self.direction)?;
        if let Some(customer) = self.customer {
            equal(&mut binder, cx, c.customer, customer)?;
        }
        if let Some(currency) = self.currency {
            equal(&mut binder, cx, c.currency, currency)?;
        }
        Ok(binder)
    }
}

/// The query for what is open now, with these columns of installments, in the user's scope by contract or of everybody's
/// contracts.
///
/// # Errors
/// Of encoding and of the engine.
pub(super) fn open_now<'c>(
    cx: &mut Cx<'c>,
    direction: SettlementDirection,
    customer: Option<Id<Customer>>,
    currency: Option<Currency>,
    columns: &[usize],
    scoped: bool,
) -> Result<Binder<'c>> {
    let c = Installment::C;
    let mut binder = Binder::new(cx.catalog().schema(), &INSTALLMENTS);
    binder.select.outputs = columns.iter().map(|column| Output::Column(ColumnRef::base(*column))).collect();
    binder.filter(Pred::IsPresent(ColumnRef::base(c.open_amount.position())));
    equal(&mut binder, cx, c.direction, direction)?;
    if let Some(customer) = customer {
        equal(&mut binder, cx, c.customer, customer)?;
    }
    if let Some(currency) = currency {
        equal(&mut binder, cx, c.currency, currency)?;
    }
    if scoped {
        cx.narrow(&mut binder, None)?;
    }
    Ok(binder)
}

/// The cells of a row that was asked for by its columns.
///
/// # Errors
/// `INTERNAL` when there are more or fewer.
pub(super) fn cells<'r, const N: usize>(cells: &[CellRef<'r>]) -> Result<[CellRef<'r>; N]> {
    cells.try_into().map_err(|_| {
        Error::new(&error::INTERNAL).with("what", "a report read other columns than it asked for")
    })
}

/// Narrows a query to a value of a column of its base table.
///
/// # Errors
/// Of encoding.
pub(super) fn equal<T: Field>(binder: &mut Binder<'_>, cx: &Cx<'_>, col: Col<T>, value: T) -> Result<()> {
    binder.filter(Pred::equal(ColumnRef::base(col.position()), value.encode(cx.ids())?));
    Ok(())
}
