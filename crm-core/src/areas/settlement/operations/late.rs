//! Late charges: working them out, and adding them to a contract.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adjust::{reach_contract, reach_installment};
use super::receipt::moved_on;
use crate::app::{Cx, NOT_FOUND, STALE_VERSION};
use crate::areas::contract::rules::DATE_IN_FUTURE;
use crate::areas::contract::rules::journal::Change;
use crate::areas::contract::rules::schedule;
use crate::areas::contract::{
    Account, AnchorKind, Contract, EntryKind, GIVEN_APPROVED, GIVEN_SUBMITTED, Installment, InstallmentKind,
    JournalLine, Posting, installments, post,
};
use crate::areas::ledger::{NO_RATE, rate_on};
use crate::areas::party::GIVEN_CUSTOMER;
use crate::areas::settlement::rules::late::{self, LateCharge};
use crate::areas::settlement::rules::{CONTRACT_NOT_EFFECTIVE, NO_INSTALLMENT, NO_LATE_TERMS, NOTHING_LATE};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::{Flow, Mode};
use crate::store::plan::{ColumnRef, Output};
use crate::store::record::{Field, Record};

/// Days through which one amount was late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LateLine {
    /// The first day charged.
    pub from: Date,
    /// The last day charged.
    pub to: Date,
    /// How many days.
    pub days: u32,
    /// What was open.
    pub open: Amount,
    /// Its part of the charge; the parts sum to it.
    pub amount: Amount,
    /// How it is reckoned: open amount × daily rate × days.
    pub formula: String,
}

/// A late charge worked out, with its formula.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LateStatement {
    /// The contract.
    pub contract: Id<Contract>,
    /// Its number.
    pub number: String,
    /// The installment, by its position.
    pub installment: u32,
    /// What the installment is called.
    pub label: String,
    /// The currency of all amounts.
    pub currency: Currency,
    /// When it was due.
    pub due_date: Date,
    /// The last day reckoned.
    pub until: Date,
    /// A day's charge as a fraction of what is open.
    pub daily_rate: Rate,
    /// Days after the due date for which nothing is charged.
    pub grace_days: u32,
    /// The most that is charged, as a fraction of the installment.
    pub cap: Option<Rate>,
    /// By what was open.
    pub lines: Vec<LateLine>,
    /// The whole charge, rounded half-up to the minor unit once.
    pub total: Amount,
    /// Whether the cap has cut it.
    pub capped: bool,
    /// What has been charged before.
    pub charged: Amount,
    /// What can be charged now: the whole less what has been charged.
    pub amount: Amount,
}

/// Works out what an overdue installment costs until a day; nothing is posted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReckonLateCharge {
    /// The contract.
    pub contract: Id<Contract>,
    /// The installment, by its position.
    pub installment: u32,
    /// The last day reckoned; today when left out.
    #[serde(default)]
    pub until: Option<Date>,
}

const GIVEN_LATE: &[Given] = &[
    GIVEN_CUSTOMER,
    Given {
        save: "contract",
        call: "contract.create",
        input: r#"{"title": "设备租赁", "customer": "${customer.id}", "amount": "10000",
            "late": {"daily_rate": "0.0005", "cap": "0.1"},
            "terms": [{"label": "租金", "share": "balance", "anchor": {"date": "2026-02-10"}}]}"#,
    },
    GIVEN_SUBMITTED,
    GIVEN_APPROVED,
    Given {
        save: "contract",
        call: "contract.sign",
        input: r#"{"id": "${contract.id}", "version": 3, "signed_on": "2026-02-02", "effective_on": "2026-02-02"}"#,
    },
];

impl Operation for ReckonLateCharge {
    type Output = LateStatement;
    const NAME: &'static str = "settlement.late_charge";
    const ZH: &'static str = "测算违约金";
    const ACCESS: Access = Access::Level("settlement", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &error::NOT_AN_ID,
        &NO_INSTALLMENT,
        &NO_LATE_TERMS,
        &NOTHING_LATE,
        &error::OVERFLOW,
        &error::DATE_OUT_OF_RANGE,
    ];
    const EXAMPLE: Example =
        Example { given: GIVEN_LATE, input: r#"{"contract": "${contract.id}", "installment": 1}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<LateStatement> {
        let contract = cx.get_owned(self.contract, Level::Read).map_err(|error| error.at("contract"))?;
        let until = self.until.unwrap_or(cx.today());
        reckon(cx, &contract, self.installment, until)
    }
}

fn reckon(cx: &mut Cx<'_>, contract: &Contract, seq: u32, until: Date) -> Result<LateStatement> {
    let installment = reach_installment(cx, contract, seq)?;
    let Some(terms) = contract.late.0 else {
        return Err(Error::new(&NO_LATE_TERMS).with("number", &contract.number));
    };
    let nothing =
        || Error::new(&NOTHING_LATE).with("number", &contract.number).with("seq", seq).with("date", until);
    let due_date = installment.due_date.ok_or_else(nothing)?;
    if installment.kind == InstallmentKind::LateCharge {
        // No interest on late charges: simple interest only.
        return Err(nothing());
    }
    let movements = movements(cx, &installment)?;
    let whole = contract.money(installment.amount)?;
    let LateCharge { periods, amount, capped } = late::charge(&terms, due_date, &movements, whole, until)?;
    let mut charged = Amount::ZERO;
    for other in installments(cx, contract)?.iter().filter(|other| other.late_of == Some(seq)) {
        charged = charged.checked_add(other.amount.checked_sub(other.cancelled)?)?;
    }
    let lines = periods.into_iter().map(|period| LateLine {
        from: period.from,
        to: period.to,
        days: u32::try_from(period.days).unwrap_or(u32::MAX),
        open: period.open,
        amount: period.amount,
        formula: format!("{} × {} × {}", period.open, terms.daily_rate, period.days),
    });
    Ok(LateStatement {
        contract: contract.id,
        number: contract.number.clone(),
        installment: seq,
        label: installment.label,
        currency: contract.currency,
        due_date,
        until,
        daily_rate: terms.daily_rate,
        grace_days: terms.grace_days,
        cap: terms.cap,
        lines: lines.collect(),
        total: amount,
        capped,
        charged,
        amount: amount.checked_sub(charged)?.max(Amount::ZERO),
    })
}

/// How what is open of an installment has moved, by day.
fn movements(cx: &mut Cx<'_>, installment: &Installment) -> Result<Vec<(Date, Amount)>> {
    let (ids, c) = (cx.ids(), JournalLine::C);
    let outputs =
        [c.date.position(), c.amount.position()].map(|column| Output::Column(ColumnRef::base(column)));
    let query = cx
        .query::<JournalLine>()
        .equal(c.contract, Some(installment.contract))
        .equal(c.installment, Some(installment.seq))
        .equal(c.account, Account::Open);
    let mut found = Vec::new();
    query.scan(cx.tx(), outputs.to_vec(), &mut |cells| {
        if let [date, amount] = cells {
            found.push((Date::decode(*date, ids)?, Amount::decode(*amount, ids)?));
        }
        Ok(Flow::More)
    })?;
    Ok(found)
}

/// Adds the late charge on an overdue installment, as far as it has grown, to the contract: an installment of its own,
/// due at once, that ages, is warned of and is settled like any other. No charge is made on late charges.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeLate {
    /// The contract.
    pub contract: Id<Contract>,
    /// The version of the contract that you have read.
    pub version: u32,
    /// The installment that is or was late, by its position.
    pub installment: u32,
    /// The last day reckoned; today when left out, never later.
    #[serde(default)]
    pub until: Option<Date>,
}

/// A late charge as posted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChargedLate {
    /// How it was reckoned.
    pub statement: LateStatement,
    /// The installment that is owed now.
    pub installment: Installment,
}

impl Operation for ChargeLate {
    type Output = ChargedLate;
    const NAME: &'static str = "installment.charge_late";
    const ZH: &'static str = "计收违约金";
    const ACCESS: Access = Access::Level("settlement", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &DATE_IN_FUTURE,
        &CONTRACT_NOT_EFFECTIVE,
        &NO_INSTALLMENT,
        &NO_LATE_TERMS,
        &NOTHING_LATE,
        &error::OVERFLOW,
        &error::DATE_OUT_OF_RANGE,
        &NO_RATE,
    ];
    const EXAMPLE: Example = Example {
        given: GIVEN_LATE,
        input: r#"{"contract": "${contract.id}", "version": 4, "installment": 1}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<ChargedLate> {
        let before = reach_contract(cx, self.contract, self.version)?;
        cx.subject(before.id);
        let until = moved_on(cx, self.until).map_err(|error| error.at("until"))?;
        let statement = reckon(cx, &before, self.installment, until)?;
        if !statement.amount.is_positive() {
            return Err(Error::new(&NOTHING_LATE)
                .with("number", &before.number)
                .with("seq", self.installment)
                .with("date", until));
        }
        let mut after = before.clone();
        after.surcharge = after.surcharge.checked_add(statement.amount)?;
        let last = installments(cx, &before)?.last().map_or(0, |last| last.seq);
        let mut installment = schedule::blank(&before, last + 1, 0);
        installment.label = format!("{} 违约金", statement.label);
        installment.amount = statement.amount;
        installment.due_date = Some(until);
        installment.anchor = AnchorKind::Date;
        installment.anchor_date = Some(until);
        installment.kind = InstallmentKind::LateCharge;
        installment.period_from = statement.lines.first().map(|line| line.from);
        installment.period_to = Some(until);
        installment.late_of = Some(self.installment);
        let installment = schedule::restated(installment, true)?;
        let posting = Posting {
            rate: rate_on(cx, before.currency, until)?,
            ..Posting::of(&before, EntryKind::LateCharge, until)
        };
        let contract = cx.update(&before, after)?;
        post(cx, &posting, vec![Change::new(None, installment)], Vec::new())?;
        let installment = reach_installment(cx, &contract, last + 1)?;
        Ok(ChargedLate { statement, installment })
    }
}
