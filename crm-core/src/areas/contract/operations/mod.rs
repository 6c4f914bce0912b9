//! Operations on contracts.

mod amend;
mod calendar;
mod customer_terms;
mod draft;
mod end;
mod event;
mod journal;
mod life;
mod past;
mod postpone;
mod read;
mod recurring;
mod surplus;
mod term_set;
mod terminate;
mod withdraw;

pub use amend::AmendContract;
pub use calendar::{FollowCalendar, FollowedCalendar, MovedDue};
pub use customer_terms::{AssignTermSet, DefaultTermSet, DefaultTerms};
pub use draft::{CreateContract, UpdateContract};
pub use end::{CancelContract, CompleteContract, ReopenContract, StillOwed};
pub use event::{Deduction, DeliverContract, DeliveredPart, ReachMilestone, ReleaseRetention};
pub(crate) use event::{invoiced, uninvoiced};
pub(crate) use journal::{Posting, journal_lines, post};
pub use life::{
    AcceptContract, ApproveContract, EffectContract, RejectContract, SignContract, SubmitContract,
    WithdrawContract,
};
pub(crate) use past::{open_lines, open_since};
pub use postpone::PostponeInstallment;
pub use read::{ContractDetails, GetContract, ListContracts};
pub use recurring::{ExtendSchedule, ResumeContract, RevisePrice, SuspendContract};
pub use surplus::Surplus;
pub use term_set::{GetTermSet, ListTermSets, SaveTermSet, TermSetDetails};
pub use terminate::{Returned, TerminateContract};
pub use withdraw::{Recorded, WithdrawEvent};

use super::model::{
    Contract, ContractEvent, ContractEventKind, ContractLine, ContractStatus, EntryKind, Installment,
    InstallmentStatus,
};
use super::rules::journal::Change;
use super::rules::schedule::{self, Anchors};
use crate::app::Cx;
use crate::areas::party::GIVEN_CUSTOMER;
use crate::catalog::{Entry, Given};
use crate::kernel::date::Date;
use crate::kernel::error::{Error, Result};
use crate::kernel::id::Id;
use crate::store::record::Record;

pub(super) const LIST: fn() -> Vec<Entry> = crate::operations![
    CreateContract,
    UpdateContract,
    GetContract,
    ListContracts,
    SubmitContract,
    WithdrawContract,
    ApproveContract,
    RejectContract,
    SignContract,
    EffectContract,
    DeliverContract,
    AcceptContract,
    ReachMilestone,
    ReleaseRetention,
    SuspendContract,
    ResumeContract,
    RevisePrice,
    ExtendSchedule,
    PostponeInstallment,
    WithdrawEvent,
    FollowCalendar,
    AmendContract,
    CompleteContract,
    TerminateContract,
    ReopenContract,
    CancelContract,
    SaveTermSet,
    GetTermSet,
    ListTermSets,
    AssignTermSet,
    DefaultTermSet,
];

/// A step of examples: a contract of 100,000 CNY in three installments. It needs [`GIVEN_CUSTOMER`] before it.
pub const GIVEN_CONTRACT: Given = Given {
    save: "contract",
    call: "contract.create",
    input: r#"{"title": "光谱仪采购", "customer": "${customer.id}", "ends_on": "2026-12-31",
        "parties": [{"role": "party_a", "name": "杭州云栖仪器有限公司"}, {"role": "party_b", "name": "本公司"}],
        "lines": [{"description": "光谱仪", "quantity": "2", "unit": "台", "unit_price": "50000", "tax_rate": "0.13"}],
        "terms": [{"label": "预付款", "share": {"rate": "0.3"}, "anchor": "signed", "offset": {"days": 7}},
                  {"label": "到货款", "share": {"rate": "0.6"}, "anchor": "delivered", "offset": {"working_days": 10}},
                  {"label": "验收款", "share": "balance", "anchor": "accepted", "offset": {"months": 1}}]}"#,
};
/// A step of examples: the contract is submitted. It needs [`GIVEN_CONTRACT`] before it.
pub const GIVEN_SUBMITTED: Given =
    Given { save: "contract", call: "contract.submit", input: r#"{"id": "${contract.id}", "version": 1}"# };
/// A step of examples: the contract is approved. It needs [`GIVEN_SUBMITTED`] before it.
pub const GIVEN_APPROVED: Given =
    Given { save: "contract", call: "contract.approve", input: r#"{"id": "${contract.id}", "version": 2}"# };
/// A step of examples: the contract is signed and takes effect. It needs [`GIVEN_APPROVED`] before it.
pub const GIVEN_EFFECTIVE: Given = Given {
    save: "contract",
    call: "contract.sign",
    input: r#"{"id": "${contract.id}", "version": 3, "signed_on": "2026-02-02", "effective_on": "2026-02-02"}"#,
};
/// Every step of examples up to a contract in effect.
pub const GIVEN_TO_EFFECTIVE: &[Given] =
    &[GIVEN_CUSTOMER, GIVEN_CONTRACT, GIVEN_SUBMITTED, GIVEN_APPROVED, GIVEN_EFFECTIVE];

/// The installments of a contract, in order.
pub(crate) fn installments(cx: &mut Cx<'_>, contract: &Contract) -> Result<Vec<Installment>> {
    let c = Installment::C;
    cx.query::<Installment>().equal(c.contract, contract.id).ascending(c.seq).fetch(cx.tx())
}

/// The lines of a contract, in order.
fn lines(cx: &mut Cx<'_>, contract: Id<Contract>) -> Result<Vec<ContractLine>> {
    let c = ContractLine::C;
    cx.query::<ContractLine>().equal(c.contract, contract).ascending(c.seq).fetch(cx.tx())
}

/// The events of a contract that count, in order: those that were not withdrawn.
pub(crate) fn events(cx: &mut Cx<'_>, contract: Id<Contract>) -> Result<Vec<ContractEvent>> {
    let c = ContractEvent::C;
    let query = cx.query::<ContractEvent>().equal(c.contract, contract).equal(c.withdrawn, false);
    query.ascending(c.seq).fetch(cx.tx())
}

/// Writes a contract of which installments, lines or events were written too: its version guards them, so it grows also when the
/// contract stays as it was itself.
fn guarded(cx: &mut Cx<'_>, before: &Contract, after: Contract) -> Result<Contract> {
    let stored = cx.update(before, after)?;
    if stored.version == before.version { cx.touch(&stored) } else { Ok(stored) }
}

/// Leaves an event on record that counts for nothing from now on.
fn set_aside(cx: &mut Cx<'_>, event: ContractEvent) -> Result<()> {
    let after = ContractEvent { withdrawn: true, ..event.clone() };
    cx.replace(&event, &after)
}

/// Records an event of a contract; returns its position.
fn happen(cx: &mut Cx<'_>, event: ContractEvent) -> Result<u32> {
    let c = ContractEvent::C;
    let last =
        cx.query::<ContractEvent>().equal(c.contract, event.contract).descending(c.seq).first(cx.tx())?;
    let seq = last.map_or(1, |last| last.seq + 1);
    cx.insert(&ContractEvent { seq, ..event })?;
    Ok(seq)
}

/// An event with nothing but its kind and date; [`happen`] gives it its position.
fn event(contract: &Contract, kind: ContractEventKind, date: Date) -> ContractEvent {
    ContractEvent {
        contract: contract.id,
        seq: 0,
        kind,
        name: None,
        date,
        amount: None,
        installment: None,
        note: None,
        part_of: None,
        rule: None,
        withdrawn: false,
    }
}

/// Brings due dates and statuses of the installments up to what the contract says now; what moves is booked as of `date`.
fn refresh_installments(cx: &mut Cx<'_>, contract: &Contract, kind: EntryKind, date: Date) -> Result<()> {
    let all = installments(cx, contract)?;
    let changes = all.into_iter().map(|before| Change::new(Some(before.clone()), before)).collect();
    rewrite_installments(cx, contract, changes, &Posting::of(contract, kind, date))
}

/// The same for installments of which some have been changed otherwise, or added.
fn rewrite_installments(
    cx: &mut Cx<'_>,
    contract: &Contract,
    changes: Vec<Change>,
    posting: &Posting,
) -> Result<()> {
    let refreshed = refreshed(cx, contract, changes)?;
    post(cx, posting, refreshed, Vec::new())
}

/// Changes of all installments of a contract, with their due dates and statuses as the contract says now.
fn refreshed(cx: &mut Cx<'_>, contract: &Contract, changes: Vec<Change>) -> Result<Vec<Change>> {
    let events = events(cx, contract.id)?;
    let calendar = cx.calendar()?;
    let live = contract.status == ContractStatus::Effective;
    let terms = &contract.terms.0;
    let within = |error: Error| error.within("terms");
    let present: Vec<Installment> = changes.iter().map(|change| change.after.clone()).collect();
    let own = schedule::own_dues(terms, &present, &events, &calendar).map_err(within)?;
    let anchors = Anchors::of(contract, &events);
    let dues = schedule::term_dues(terms, &anchors, &own, &calendar).map_err(within)?;
    let mut refreshed = Vec::with_capacity(changes.len());
    for change in changes {
        let installment = change.after;
        let after = if installment.term == 0 {
            schedule::restated(installment, live)?
        } else {
            let position = installment.term.saturating_sub(1) as usize;
            let (Some(term), Some(due)) = (terms.get(position), dues.get(position)) else {
                let what = format!("installment {} of {} has no payment term", installment.seq, contract.id);
                return Err(Error::new(&crate::kernel::error::INTERNAL).with("what", what));
            };
            let due = match schedule::own_event(&installment, &events) {
                Some(own) => schedule::term_due(term, Some(own), None, &calendar)
                    .map_err(|error| error.within(format!("terms[{position}]")))?,
                None => *due,
            };
            schedule::refreshed(installment, due, live)?
        };
        let after = match schedule::postponed(&after, &events) {
            Some(date) if after.status != InstallmentStatus::Cancelled => {
                Installment { due_date: Some(date), forecast_date: None, ..after }
            }
            _ => after,
        };
        refreshed.push(Change { after, ..change });
    }
    Ok(refreshed)
}
