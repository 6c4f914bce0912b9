//! Writing a contract: create and update.

use std::collections::BTreeSet;

use chrono::Datelike;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::customer_terms::take_terms;
use super::{GIVEN_CONTRACT, installments};
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::model::{
    Contract, ContractData, ContractKind, ContractLine, ContractParty, ContractStatus, Installment,
    LateTerms, LineData, Recurrence, SettlementDirection, TermShare,
};
use crate::areas::contract::rules::amounts::{self, Pricing, Taxed};
use crate::areas::contract::rules::recurrence::{self, Span};
use crate::areas::contract::rules::status::{self, Action};
use crate::areas::contract::rules::{
    BALANCE_NOT_LAST, CONTRACT_NUMBER_TAKEN, PARTY_TWICE, SPANS_OVERLAP, TERM_LINE_MISSING, TERM_LINE_TWICE,
    TERM_LINE_UNKNOWN, TERM_SET_INACTIVE, TERMS_DO_NOT_SUM, WRONG_STATUS, schedule,
};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::areas::party::rules::{CREDIT_CODE_WRONG, check_credit_code, name, optional};
use crate::catalog::{Access, Example, Level, Operation};
use crate::kernel::date;
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::engine::Mode;
use crate::store::record::{Coded, Json, Record};

/// Most lines of one contract.
const LINES_MAX: usize = 2000;
/// Most days of notice.
const NOTICE_DAYS_MAX: u32 = 3650;

impl ContractData {
    /// Puts the data into a contract and returns its lines and installments; nothing is stored.
    pub(super) fn apply(
        mut self,
        cx: &mut Cx<'_>,
        contract: &mut Contract,
        is_new: bool,
    ) -> Result<(Vec<ContractLine>, Vec<Installment>)> {
        contract.title = name("title", &self.title, 200)?;
        contract.kind = self.kind;
        contract.direction = self.direction.unwrap_or(match self.kind {
            ContractKind::Purchase => SettlementDirection::Payable,
            _ => SettlementDirection::Receivable,
        });
        contract.customer = self.customer;
        contract.parties = Json(check_parties(std::mem::take(&mut self.parties))?);
        contract.currency = self.currency.unwrap_or(cx.ledger().info().currency);
        contract.tax_included = self.tax_included;
        if let (Some(start), Some(end)) = (self.starts_on, self.ends_on)
            && end < start
        {
            return Err(Error::new(&error::END_BEFORE_START)
                .at("ends_on")
                .with("start", start)
                .with("end", end));
        }
        contract.starts_on = self.starts_on;
        contract.ends_on = self.ends_on;
        if let Some(opportunity) = self.opportunity.filter(|_| self.opportunity != contract.opportunity) {
            cx.get_owned(opportunity, Level::Read).map_err(|error| error.at("opportunity"))?;
        }
        if let Some(opportunity) = self.opportunity
            && cx.get(opportunity)?.customer.is_some_and(|customer| customer != self.customer)
        {
            let (reason, zh) = ("the opportunity is another customer's", "该商机属于其他客户");
            return Err(Error::new(&error::NOT_APPLICABLE).at("opportunity").with_both("reason", reason, zh));
        }
        contract.opportunity = self.opportunity;
        take_terms(cx, contract, &mut self, is_new)?;
        if let Some(days) = self.notice_days.filter(|days| *days > NOTICE_DAYS_MAX) {
            return Err(out_of_range(days, NOTICE_DAYS_MAX).at("notice_days"));
        }
        contract.notice_days = self.notice_days;
        contract.late = Json(self.late.map(check_late).transpose().map_err(|error| error.within("late"))?);
        contract.note = optional(self.note.take());
        if let Some(recurrence) = self.recurrence.take() {
            if !self.lines.is_empty() {
                let (reason, zh) = ("the price stands in the recurrence", "价格由周期规则给出");
                return Err(Error::new(&error::NOT_APPLICABLE).at("lines").with_both("reason", reason, zh));
            }
            contract.tax_rate = self.tax_rate;
            let planned = recurring(cx, contract, recurrence, self.amount)?;
            return Ok((Vec::new(), planned));
        }
        contract.recurrence = None;
        if self.lines.len() > LINES_MAX {
            return Err(out_of_range(self.lines.len(), LINES_MAX).at("lines"));
        }
        let mut lines = Vec::with_capacity(self.lines.len());
        let mut priced = Vec::with_capacity(self.lines.len());
        for (line, seq) in self.lines.into_iter().zip(1_u32..) {
            let within = |error: Error| error.within(format!("lines[{}]", seq - 1));
            let (line, taxed) = line.priced(cx, contract, seq).map_err(within)?;
            lines.push(line);
            priced.push(taxed);
        }
        let whole = if lines.is_empty() {
            contract.tax_rate = self.tax_rate;
            let gross =
                contract.money(self.amount.unwrap_or_default()).map_err(|error| error.at("amount"))?;
            if gross.is_negative() {
                return Err(out_of_range(gross.amount(), Amount::from_scaled(i64::MAX)).at("amount"));
            }
            amounts::taken_out(gross, self.tax_rate.unwrap_or_default())?
        } else {
            if self.tax_rate.is_some() {
                let (reason, zh) = ("the tax rates stand on the lines", "税率由明细行给出");
                return Err(Error::new(&error::NOT_APPLICABLE)
                    .at("tax_rate")
                    .with_both("reason", reason, zh));
            }
            contract.tax_rate = None;
            let whole = amounts::total(&priced, contract.currency).map_err(|error| error.at("lines"))?;
            if self.amount.is_some_and(|amount| amount != whole.gross.amount()) {
                let (reason, zh) = (
                    format!("the lines sum to {}", whole.gross.to_plain()),
                    format!("明细合计为 {}", whole.gross.to_plain()),
                );
                return Err(Error::new(&error::NOT_APPLICABLE).at("amount").with_both("reason", reason, zh));
            }
            whole
        };
        contract.amount = whole.gross.amount();
        contract.net = whole.net.amount();
        contract.tax = whole.tax.amount();
        let planned = schedule::plan(contract, &lines, &*cx.calendar()?)?;
        check_planned(contract, planned.iter().map(|planned| planned.amount))?;
        Ok((lines, planned))
    }
}

/// Makes a contract recurring and returns its installments: what is paid beside the periods, and the periods.
fn recurring(
    cx: &mut Cx<'_>,
    contract: &mut Contract,
    recurrence: Recurrence,
    stated: Option<Amount>,
) -> Result<Vec<Installment>> {
    let not_applicable = |field: &str, reason: &str, zh: &str| {
        Error::new(&error::NOT_APPLICABLE).at(field).with_both("reason", reason, zh)
    };
    let Some(start) = contract.starts_on else {
        return Err(not_applicable("recurrence", "the contract has no first day", "合同没有起始日"));
    };
    let beside = beside_periods(contract)?;
    let within = |error: Error| error.within("recurrence");
    recurrence::check(&recurrence, contract.currency).map_err(within)?;
    let until = match contract.ends_on {
        Some(end) => end,
        None => {
            let ahead =
                recurrence::moved(start, recurrence.every, recurrence.unit, PERIODS_AHEAD).map_err(within)?;
            date::add_days(ahead, -1)?
        }
    };
    let term = Span { from: start, to: contract.ends_on };
    let calendar = cx.calendar()?;
    let charges = recurrence::charges(&recurrence, term, until, contract.currency, &calendar);
    let charges = charges.map_err(within)?;
    let gross = Money::checked_sum(charges.iter().map(|charge| charge.amount), contract.currency)?;
    let gross = gross.checked_add(beside)?;
    if stated.is_some_and(|amount| amount != gross.amount()) {
        let (reason, zh) = (
            format!("the periods and terms sum to {}", gross.to_plain()),
            format!("各期与付款条款合计为 {}", gross.to_plain()),
        );
        return Err(not_applicable("amount", &reason, &zh));
    }
    contract.amount = beside.amount();
    let mut planned = schedule::plan(contract, &[], &calendar)?;
    let whole = amounts::taken_out(gross, contract.tax_rate.unwrap_or_default())?;
    contract.amount = gross.amount();
    contract.net = whole.net.amount();
    contract.tax = whole.tax.amount();
    contract.recurrence = Some(Json(recurrence));
    let first = u32::try_from(planned.len()).unwrap_or(u32::MAX).saturating_add(1);
    planned.extend(schedule::plan_periods(contract, &charges, first));
    check_planned(contract, planned.iter().map(|planned| planned.amount))?;
    Ok(planned)
}

/// What the payment terms of a recurring contract come to: a deposit, a fee for setting up. Periods have no whole that a share
/// could be of, so each is an amount.
fn beside_periods(contract: &Contract) -> Result<Money> {
    let mut sum = Money::zero(contract.currency);
    for (index, term) in contract.terms.0.iter().enumerate() {
        let TermShare::Amount(amount) = term.share else {
            let (reason, zh) =
                ("beside recurring periods a payment term is an amount", "周期合同的付款条款须为固定金额");
            let refused = Error::new(&error::NOT_APPLICABLE).at(format!("terms[{index}].share"));
            return Err(refused.with_both("reason", reason, zh));
        };
        let part = contract.money(amount).map_err(|error| error.at(format!("terms[{index}].share")))?;
        sum = sum.checked_add(part)?;
    }
    Ok(sum)
}

/// How many periods are planned of a recurring contract without end.
const PERIODS_AHEAD: i32 = 12;

impl LineData {
    fn priced(self, cx: &mut Cx<'_>, contract: &Contract, seq: u32) -> Result<(ContractLine, Taxed)> {
        let LineData { product, description, quantity, unit, unit_price, discount, tax_rate } = self;
        let sold = product.map(|product| cx.get(product)).transpose().map_err(|error| error.at("product"))?;
        let description = optional(description).or_else(|| sold.as_ref().map(|sold| sold.name.clone()));
        let unit = optional(unit).or_else(|| sold.as_ref().and_then(|sold| sold.unit.clone()));
        let tax_rate = tax_rate.or(sold.map(|sold| sold.tax_rate)).unwrap_or_default();
        let (currency, tax_included) = (contract.currency, contract.tax_included);
        let taxed = Pricing { quantity, unit_price, discount, tax_rate, tax_included, currency }.amounts()?;
        let line = ContractLine {
            contract: contract.id,
            seq,
            product,
            description: name("description", &description.unwrap_or_default(), 500)?,
            quantity,
            unit,
            unit_price,
            discount,
            tax_rate,
            currency,
            net: taxed.net.amount(),
            tax: taxed.tax.amount(),
            gross: taxed.gross.amount(),
        };
        Ok((line, taxed))
    }
}

fn out_of_range(value: impl std::fmt::Display, max: impl std::fmt::Display) -> Error {
    Error::new(&error::OUT_OF_RANGE).with("value", value).with("min", 0).with("max", max)
}

fn check_late(late: LateTerms) -> Result<LateTerms> {
    let most = Rate::from_scaled(100_000);
    if !late.daily_rate.is_positive() || late.daily_rate > most {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("daily_rate")
            .with("value", late.daily_rate)
            .with("min", "0.000001")
            .with("max", most));
    }
    if let Some(cap) = late.cap.filter(|cap| cap.is_negative() || *cap > Rate::ONE) {
        return Err(out_of_range(cap, Rate::ONE).at("cap"));
    }
    Ok(late)
}

fn check_parties(parties: Vec<ContractParty>) -> Result<Vec<ContractParty>> {
    let mut roles = BTreeSet::new();
    let checked = parties.into_iter().enumerate().map(|(index, mut party)| {
        if !roles.insert(party.role) {
            return Err(Error::new(&PARTY_TWICE).at(format!("parties[{index}].role")).with_both(
                "role",
                party.role,
                party.role.zh(),
            ));
        }
        let within = |error: Error| error.within(format!("parties[{index}]"));
        party.name = name("name", &party.name, 200).map_err(within)?;
        party.credit_code = optional(party.credit_code)
            .map(|code| check_credit_code(&code).map_err(|error| error.at("credit_code")))
            .transpose()
            .map_err(within)?;
        party.signatory = optional(party.signatory);
        Ok(party)
    });
    checked.collect()
}

/// The number given, if it is free, or the next one of the year.
fn choose_number(cx: &mut Cx<'_>, given: Option<String>, own: Id<Contract>) -> Result<String> {
    if let Some(given) = optional(given) {
        let given = name("number", &given, 60)?;
        return match holder(cx, &given)? {
            Some(other) if other.id != own => {
                Err(Error::new(&CONTRACT_NUMBER_TAKEN).at("number").with("value", given))
            }
            _ => Ok(given),
        };
    }
    let year = cx.today().year();
    loop {
        let number = format!("HT-{year}-{:06}", cx.number(&format!("contract-{year}"))?);
        // Somebody may have given this number by hand.
        if holder(cx, &number)?.is_none() {
            return Ok(number);
        }
    }
}

fn holder(cx: &mut Cx<'_>, number: &str) -> Result<Option<Contract>> {
    cx.query::<Contract>().equal(Contract::C.number, number.to_owned()).first(cx.tx())
}

/// Creates a draft contract owned by the caller, with its lines and payment terms, and plans its installments.
///
/// Line amounts round half-up to the minor unit: with tax included gross = round(quantity × price × (1 − discount)) and
/// tax = gross − round(gross ÷ (1 + rate)); otherwise net first, tax = round(net × rate). The contract amount is the sum
/// of the lines' gross. Installments sum to it exactly; the balance or the last rate takes the remainder.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CreateContract(pub ContractData);

pub(super) const DATA_ERRORS: &[Code] = &[
    &error::EMPTY,
    &error::TOO_LONG,
    &error::OUT_OF_RANGE,
    &error::TOO_MANY_DECIMALS,
    &error::OVERFLOW,
    &error::END_BEFORE_START,
    &error::NOT_APPLICABLE,
    &error::EMPTY_LIST,
    &error::UNKNOWN_CALENDAR_YEAR,
    &error::DATE_OUT_OF_RANGE,
    &error::NOT_AN_ID,
    &NOT_FOUND,
    &CREDIT_CODE_WRONG,
    &PARTY_TWICE,
    &CONTRACT_NUMBER_TAKEN,
    &TERMS_DO_NOT_SUM,
    &BALANCE_NOT_LAST,
    &TERM_LINE_UNKNOWN,
    &TERM_LINE_TWICE,
    &TERM_LINE_MISSING,
    &TERM_SET_INACTIVE,
    &SPANS_OVERLAP,
    &STALE_VERSION,
    &WRONG_STATUS,
];

impl Operation for CreateContract {
    type Output = Contract;
    const NAME: &'static str = "contract.create";
    const ZH: &'static str = "新建合同";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = DATA_ERRORS.split_at(DATA_ERRORS.len() - 2).0;
    const EXAMPLE: Example = Example { given: &[GIVEN_CUSTOMER], input: GIVEN_CONTRACT.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let CreateContract(mut data) = self;
        let given = data.number.take();
        cx.get_owned(data.customer, Level::Read).map_err(|error| error.at("customer"))?;
        let owner = cx.actor().user.clone();
        let mut contract = Contract {
            id: cx.new_id(),
            number: String::new(),
            title: String::new(),
            kind: data.kind,
            direction: SettlementDirection::Receivable,
            customer: data.customer,
            parties: Json::default(),
            currency: cx.ledger().info().currency,
            amount: Amount::ZERO,
            net: Amount::ZERO,
            tax: Amount::ZERO,
            tax_included: true,
            tax_rate: None,
            settled: Amount::ZERO,
            surcharge: Amount::ZERO,
            rate: None,
            starts_on: None,
            ends_on: None,
            runs_until: None,
            notice_days: None,
            notice_on: None,
            owner: Some(owner.id),
            unit: owner.unit,
            opportunity: None,
            status: ContractStatus::Draft,
            terms: Json::default(),
            late: Json(None),
            submitted_by: None,
            signed_on: None,
            effective_on: None,
            delivered_on: None,
            accepted_on: None,
            ended_on: None,
            termination_reason: None,
            note: None,
            created_at: cx.now(),
            version: 1,
            term_set: None,
            term_set_revision: None,
            recurrence: None,
        };
        let (lines, planned) = data.apply(cx, &mut contract, true)?;
        contract.number = choose_number(cx, given, contract.id)?;
        cx.subject(contract.id);
        cx.insert(&contract)?;
        cx.insert_all(&lines)?;
        cx.insert_all(&planned)?;
        Ok(contract)
    }
}

/// Puts lines in place of those that a contract has; returns whether they differ.
pub(super) fn replace_lines(cx: &mut Cx<'_>, contract: &Contract, lines: &[ContractLine]) -> Result<bool> {
    let old = super::lines(cx, contract.id)?;
    if old == lines {
        return Ok(false);
    }
    old.iter().try_for_each(|line| cx.delete(line))?;
    cx.insert_all(lines)?;
    Ok(true)
}

/// The invariant of every schedule: its installments are the whole contract.
fn check_planned(contract: &Contract, planned: impl Iterator<Item = Amount>) -> Result<()> {
    let parts = planned.map(|amount| contract.money(amount)).collect::<Result<Vec<Money>>>()?;
    if !parts.is_empty() && Money::checked_sum(parts, contract.currency)?.amount() != contract.amount {
        let what = format!("the installments of {} are not the whole contract", contract.id);
        return Err(Error::new(&error::INTERNAL).with("what", what));
    }
    Ok(())
}

/// Replaces what a draft contract says, its lines and terms included, and plans its installments anew.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateContract {
    /// The contract.
    pub id: Id<Contract>,
    /// The version you have read.
    pub version: u32,
    /// What it says now; what is left out is emptied, but for the number, which stays.
    pub data: ContractData,
}

impl Operation for UpdateContract {
    type Output = Contract;
    const NAME: &'static str = "contract.update";
    const ZH: &'static str = "修改合同";
    const ACCESS: Access = Access::Level("contract", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = DATA_ERRORS;
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_CONTRACT],
        input: r#"{"id": "${contract.id}", "version": 1, "data": {"title": "光谱仪采购(修订)", "customer": "${customer.id}",
            "amount": "98000", "tax_rate": "0.13", "terms": [{"share": "balance", "anchor": "signed"}]}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contract> {
        let before = cx.get_owned_at(self.id, self.version, Level::Edit)?;
        cx.subject(before.id);
        status::next(before.status, Action::Update)?;
        let mut data = self.data;
        let given = data.number.take();
        if data.customer != before.customer {
            cx.get_owned(data.customer, Level::Read).map_err(|error| error.at("data.customer"))?;
        }
        let mut after = before.clone();
        let within = |error: Error| error.within("data");
        let (lines, planned) = data.apply(cx, &mut after, false).map_err(within)?;
        if let Some(given) = optional(given) {
            after.number = choose_number(cx, Some(given), after.id).map_err(within)?;
        }
        let lines_changed = replace_lines(cx, &before, &lines)?;
        let old = installments(cx, &before)?;
        let plan_changed = old != planned;
        if plan_changed {
            old.iter().try_for_each(|installment| cx.delete(installment))?;
            cx.insert_all(&planned)?;
        }
        let stored = cx.update(&before, after)?;
        // Lines and installments are guarded by the contract's version, also when the contract itself stays as it was.
        let only_below = stored.version == before.version && (lines_changed || plan_changed);
        if only_below { cx.touch(&stored) } else { Ok(stored) }
    }
}
