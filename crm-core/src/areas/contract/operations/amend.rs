//! Amending contracts that bind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::draft::{DATA_ERRORS, replace_lines};
use super::life::{begin, happened};
use super::surplus::give_back;
use super::{GIVEN_TO_EFFECTIVE, Posting, guarded, installments, lines, post, refreshed};
use crate::app::Cx;
use crate::areas::contract::model::{
    Amendment, Contract, ContractData, ContractLine, ContractStatus, EntryKind, Installment,
};
use crate::areas::contract::rules::journal::{self, Change};
use crate::areas::contract::rules::status::Action;
use crate::areas::contract::rules::{
    DATE_IN_FUTURE, NOTHING_AMENDED, SETTLED_EXCEEDS, TERMS_MISSING, amendment, amounts,
};
use crate::areas::ledger::{NO_RATE, stated_rate};
use crate::areas::party::rules::{name, optional};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Price};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::{Json, Record};

/// Amends a contract that was signed: puts what the parties have agreed in place of what it said, with a number, a reason,
/// and both wordings on record.
///
/// The settlement schedule follows. Each payment term comes to its share of the new amount; the difference falls on what is
/// outstanding of its installments, on what waits for its event first and then on what is due last, so that what was
/// settled stays settled; only what was settled beyond the new share becomes an advance again. Terms correspond by position: the first new term replaces the first old one, further ones are
/// added, and a term that is gone leaves its installments without an amount. Due dates follow from the new terms.
///
/// What is added to a contract in another currency than the ledger's is valued at the rate of the amendment. Invoices are
/// not touched: `invoice.three_way` shows where more is invoiced than is owed now.
///
/// A recurring contract can be amended in its last day, its price, its notice and so on while it has a last day; without
/// one its periods change by `contract.revise_price`, `contract.suspend` and `contract.extend_schedule`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// What it says now, as a whole; what is left out is emptied, but for the number, which stays. Customer, currency and
    /// direction stay too.
    pub data: ContractData,
    /// From when it counts; today when left out, never later and not before the contract bound.
    #[serde(default)]
    pub amended_on: Option<Date>,
    /// Why, up to 1000 characters.
    pub reason: String,
    /// What it means for price, time or performance.
    #[serde(default)]
    pub impact: Option<String>,
    /// Where it was agreed: a supplementary agreement, a letter, minutes.
    #[serde(default)]
    pub evidence: Option<String>,
    /// What one unit of its currency is worth in the ledger's, for what is added; the rate of that day when left out. Not for
    /// a contract in the ledger's own currency.
    #[serde(default)]
    pub rate: Option<Price>,
}

const ERRORS: &[Code] = &{
    let mut errors = [&error::NOT_AN_ID; DATA_ERRORS.len() + 5];
    let mut at = 0;
    while at < DATA_ERRORS.len() {
        errors[at] = DATA_ERRORS[at];
        at += 1;
    }
    errors[at] = &DATE_IN_FUTURE;
    errors[at + 1] = &NOTHING_AMENDED;
    errors[at + 2] = &SETTLED_EXCEEDS;
    errors[at + 3] = &TERMS_MISSING;
    errors[at + 4] = &NO_RATE;
    errors
};

impl Operation for AmendContract {
    type Output = Contract;
    const NAME: &'static str = "contract.amend";
    const ZH: &'static str = "变更合同";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = ERRORS;
    const EXAMPLE: Example = Example {
        given: GIVEN_TO_EFFECTIVE,
        input: r#"{"id": "${contract.id}", "version": 4, "amended_on": "2026-02-20", "reason": "增购光谱仪一台",
            "impact": "总价由100000增至150000,交付期不变", "evidence": "补充协议一",
            "data": {"title": "光谱仪采购", "customer": "${customer.id}", "ends_on": "2026-12-31",
                "lines": [{"description": "光谱仪", "quantity": "3", "unit": "台", "unit_price": "50000", "tax_rate": "0.13"}],
                "terms": [{"label": "预付款", "share": {"amount": "30000"}, "anchor": "signed", "offset": {"days": 7}},
                          {"label": "到货款", "share": {"amount": "100000"}, "anchor": "delivered", "offset": {"working_days": 10}},
                          {"label": "验收款", "share": "balance", "anchor": "accepted", "offset": {"months": 1}}]}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let reason = name("reason", &self.reason, 1000)?;
        let (before, mut after) = begin(cx, self.id, self.version, Level::Edit, Action::Amend)?;
        let bound = before.effective_on.or(before.signed_on);
        let amended_on = happened(cx, "amended_on", self.amended_on, bound)?;
        check_kept(&before, &self.data).map_err(|error| error.within("data"))?;
        let said = ContractData::of(&before, &lines(cx, before.id)?);
        let (currency, direction) = (Some(before.currency), Some(before.direction));
        let data = ContractData { number: None, currency, direction, ..self.data };
        let (lines, planned) = data.apply(cx, &mut after, false).map_err(|error| error.within("data"))?;
        if after.amount.is_positive() && after.terms.0.is_empty() && after.recurrence.is_none() {
            return Err(Error::new(&TERMS_MISSING)
                .at("data.terms")
                .with("amount", after.money(after.amount)?));
        }
        after.set_running(after.status == ContractStatus::Effective)?;
        let (before, says) = follow(cx, before, &mut after, &lines, planned, amended_on, self.rate)?;
        if says == said {
            return Err(Error::new(&NOTHING_AMENDED).at("data"));
        }
        replace_lines(cx, &before, &lines)?;
        let c = Amendment::C;
        let last = cx.query::<Amendment>().equal(c.contract, before.id).descending(c.seq).first(cx.tx())?;
        let seq = last.map_or(1, |last| last.seq + 1);
        cx.insert(&Amendment {
            contract: before.id,
            seq,
            number: format!("{}-BG{seq:02}", before.number),
            amended_on,
            reason,
            impact: optional(self.impact),
            evidence: optional(self.evidence),
            before: Json(said),
            after: Json(says),
            difference: after.amount.checked_sub(before.amount)?,
            currency: before.currency,
            handler: cx.actor().user.id,
            created_at: cx.now(),
        })?;
        guarded(cx, &before, after)
    }
}

/// What an amendment does not change: with another customer, currency or direction it is another contract.
fn check_kept(contract: &Contract, data: &ContractData) -> Result<()> {
    let changed = [
        (
            data.customer != contract.customer,
            "customer",
            "an amended contract keeps its customer",
            "合同变更不改变客户",
        ),
        (
            data.currency.is_some_and(|currency| currency != contract.currency),
            "currency",
            "an amended contract keeps its currency",
            "合同变更不改变币种",
        ),
        (
            data.direction.is_some_and(|direction| direction != contract.direction),
            "direction",
            "an amended contract keeps its direction",
            "合同变更不改变收付方向",
        ),
        (
            data.number.as_deref().is_some_and(|number| number.trim() != contract.number),
            "number",
            "an amended contract keeps its number",
            "合同变更不改变合同编号",
        ),
        (
            data.recurrence.is_some() != contract.recurrence.is_some(),
            "recurrence",
            "an amended contract stays recurring, or stays paid by terms",
            "周期合同与按付款条款结算的合同不能互相转换",
        ),
    ];
    match changed.into_iter().find(|(is_changed, ..)| *is_changed) {
        Some((_, field, reason, zh)) => {
            Err(Error::new(&error::NOT_APPLICABLE).at(field).with_both("reason", reason, zh))
        }
        None => Ok(()),
    }
}

/// Brings the installments to what the contract says after the amendment; returns the contract as it is stored by then, and what
/// it says.
fn follow(
    cx: &mut Cx<'_>,
    before: Contract,
    after: &mut Contract,
    lines: &[ContractLine],
    planned: Vec<Installment>,
    date: Date,
    rate: Option<Price>,
) -> Result<(Contract, ContractData)> {
    let live = after.status == ContractStatus::Effective;
    let all = installments(cx, &before)?;
    let (periods, terms): (Vec<Installment>, Vec<Installment>) =
        planned.into_iter().partition(Installment::is_period);
    let keeps_periods = after.recurrence.is_some() && after.ends_on.is_none();
    if keeps_periods {
        let same = before.ends_on.is_none()
            && before.starts_on == after.starts_on
            && before.recurrence == after.recurrence;
        if !same {
            let (reason, zh) = (
                "without a last day, periods change by contract.revise_price, contract.suspend and contract.extend_schedule",
                "无截止日的合同通过 contract.revise_price、contract.suspend 与 contract.extend_schedule 变更期次",
            );
            return Err(Error::new(&error::NOT_APPLICABLE)
                .at("data.recurrence")
                .with_both("reason", reason, zh));
        }
        // As many periods as are planned stay planned.
        let kept = all.iter().filter(|installment| installment.is_period());
        let kept = Amount::checked_sum(kept.map(|installment| installment.amount))?;
        after.amount = kept.checked_add(Amount::checked_sum(terms.iter().map(|term| term.amount))?)?;
        let whole = amounts::taken_out(after.money(after.amount)?, after.tax_rate.unwrap_or_default())?;
        (after.net, after.tax) = (whole.net.amount(), whole.tax.amount());
    }
    let periods = (!keeps_periods).then_some(periods.as_slice());
    let surplus = amendment::surplus(&all, &terms, periods)?;
    let before = give_back(cx, &before, &surplus, date)?;
    after.settled = before.settled;
    let all = installments(cx, &before)?;
    let changes = refreshed(cx, after, amendment::followed(&all, &terms, periods, live)?)?;
    let mut posting = Posting::of(after, EntryKind::Amendment, date);
    let open = |before: bool| {
        let side = |change: &Change| if before { change.before.clone() } else { Some(change.after.clone()) };
        Amount::checked_sum(changes.iter().map(|change| journal::open(side(change).as_ref())))
    };
    // What only moves between installments keeps its value; what is owed beside that has none yet.
    if live && (open(false)? > open(true)? || rate.is_some()) {
        posting.rate = stated_rate(cx, rate, after.currency, date)?;
    }
    post(cx, &posting, changes, Vec::new())?;
    Ok((before, ContractData::of(after, lines)))
}
