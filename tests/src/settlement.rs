//! Random lives of contracts against a small model in whole minor units.
//!
//! A life is one customer with one or two contracts and a dozen operations: signing, delivery, amendments, ends and receipts of
//! past days, allocated in every way, other allocations, reversals, refunds, write-offs and their reversals, late charges and their correction,
//! what stays owed after an end, and its being taken back. The model knows
//! which operation must succeed and what every installment and receipt must be afterwards; the ledger is asked for both
//! after every life, and once at its end for `settlement.verify`, which recomputes all of it from the journal.
//!
//! What always holds: installments sum to the contract and its late charges; an installment is what is settled, discounted,
//! written off, cancelled and open of it; a receipt is what is allocated, in advance and refunded of it; nothing is below
//! zero, today and on any day before by the dates of the journal; the journal balances, in the contract's currency and in
//! the ledger's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crm::app::{Ledger, Session, Transaction};
use crm::areas::contract::{Account, ContractDetails, CreateContract, GetContract};
use crm::areas::party::CreateCustomer;
use crm::areas::settlement::{GetReceipt, PostReceipt, PostedReceipt, VerifySettlement};
use crm::catalog::Operation;
use crm::kernel::decimal::Amount;
use crm::kernel::error::{Error, Result};
use crm::store::cell::Cell;
use crm::store::record::Coded;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The day on which the lives are lived.
pub const TODAY: &str = "2026-06-30";
/// Lives in one transaction.
const AT_ONCE: u64 = 50;

/// What lives have done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lives {
    /// How many.
    pub lives: u64,
    /// Operations that did what they should, by name.
    pub done: BTreeMap<&'static str, u64>,
    /// Operations that were refused as they should, by the name of the error.
    pub refused: BTreeMap<String, u64>,
}

/// What installments get of a receipt, by contract and installment.
type Parts = BTreeMap<(usize, usize), i64>;

/// Numbers that look random and repeat (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap_or(0)
    }

    fn between(&mut self, first: i64, last: i64) -> i64 {
        first + i64::try_from(self.roll() % (last - first + 1).unsigned_abs()).unwrap_or(0)
    }
}

/// Now and then a day of this year before today.
fn past_day(dice: &mut Dice) -> Option<String> {
    (dice.below(2) == 0).then(|| format!("2026-{:02}-{:02}", dice.between(1, 6), dice.between(1, 28)))
}

#[derive(Debug, Clone, Default)]
struct Due {
    amount: i64,
    settled: i64,
    written_off: i64,
    cancelled: i64,
    /// A day of 2026, none while the delivery has not happened that it waits for.
    day: Option<String>,
    waits: bool,
    late: bool,
    /// The installment that a late charge is on.
    late_of: usize,
    /// What a termination that stands has cancelled, and the day before it.
    ended: i64,
    day_before: Option<String>,
}

impl Due {
    fn rest(&self) -> i64 {
        self.amount - self.settled - self.written_off - self.cancelled
    }
}

#[derive(Debug, Clone, Default)]
struct Deal {
    id: Value,
    /// What it says.
    data: Value,
    dues: Vec<Due>,
    terminated: bool,
}

#[derive(Debug, Clone, Default)]
struct Money {
    id: Value,
    amount: i64,
    /// What it settles, by contract and installment.
    parts: Parts,
    refunded: i64,
    reversed: bool,
    /// The receipt that it is a refund of.
    refund_of: Option<usize>,
}

impl Money {
    fn advance(&self) -> i64 {
        self.amount - self.parts.values().sum::<i64>() - self.refunded
    }
}

#[derive(Debug, Clone)]
struct Loss {
    id: Value,
    deal: usize,
    due: usize,
    amount: i64,
    reversed: bool,
}

/// One life in the model, and what was done in it.
#[derive(Default)]
struct Life {
    customer: Value,
    currency: &'static str,
    deals: Vec<Deal>,
    moneys: Vec<Money>,
    losses: Vec<Loss>,
    story: String,
    /// Late charges just lowered: of which installment of which contract, and by how much.
    lowered: Option<(usize, usize, i64)>,
    /// An installment of which more was settled than an amendment has left.
    freed: Option<(usize, usize)>,
}

fn plain(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100)
}

fn minor(amount: Amount) -> i64 {
    amount.to_scaled() / 100
}

fn input<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| what(&error.to_string()))
}

fn what(text: &str) -> Error {
    Error::new(&crm::kernel::error::INTERNAL).with("what", text)
}

fn details(tx: &mut Transaction, deal: &Deal) -> Result<ContractDetails> {
    tx.run(input::<GetContract>(json!({ "id": deal.id }))?)
}

fn receipt(tx: &mut Transaction, money: &Money) -> Result<PostedReceipt> {
    tx.run(input::<GetReceipt>(json!({ "id": money.id }))?)
}

fn call(tx: &mut Transaction, name: &str, value: &Value) -> Result<Value> {
    let output = tx.call(name, &value.to_string())?;
    serde_json::from_str(&output).map_err(|error| what(&error.to_string()))
}

/// What the model says of an operation.
enum Verdict {
    Done,
    Refused(&'static str),
}

impl Life {
    /// A customer with contracts in effect.
    fn begin(tx: &mut Transaction, dice: &mut Dice, number: u64) -> Result<Life> {
        let customer = tx.run(input::<CreateCustomer>(json!({ "name": format!("客户{number}") }))?)?;
        let currency = ["CNY", "CNY", "USD"][dice.below(3)];
        let mut life = Life { customer: json!(customer.id), currency, ..Life::default() };
        for _ in 0..=dice.below(2) {
            let count = dice.between(1, 4);
            let whole = dice.between(count, 200_000);
            let mut terms = Vec::new();
            let (mut dues, mut left) = (Vec::new(), whole);
            for index in 0..count {
                let amount =
                    if index + 1 == count { left } else { dice.between(1, left - (count - index - 1)) };
                left -= amount;
                let waits = dice.below(4) == 0;
                let day =
                    (!waits).then(|| format!("2026-{:02}-{:02}", dice.between(1, 12), dice.between(1, 28)));
                let anchor = day.as_ref().map_or(json!("delivered"), |day| json!({ "date": day }));
                terms.push(json!({ "share": { "amount": plain(amount) }, "anchor": anchor }));
                dues.push(Due { amount, day, waits, ..Due::default() });
            }
            let mut data = json!({ "title": "合同", "customer": life.customer, "currency": currency,
                "amount": plain(whole + 1), "terms": [{ "share": "balance", "anchor": "signed" }],
                "late": { "daily_rate": "0.0005", "cap": "0.05" } });
            // A draft is changed before it is submitted.
            let contract = tx.run(input::<CreateContract>(data.clone())?)?;
            data["amount"] = json!(plain(whole));
            data["terms"] = json!(terms);
            call(tx, "contract.update", &json!({ "id": contract.id, "version": 1, "data": data }))?;
            call(tx, "contract.submit", &json!({ "id": contract.id, "version": 2 }))?;
            call(tx, "contract.approve", &json!({ "id": contract.id, "version": 3 }))?;
            let sign = json!({ "id": contract.id, "version": 4, "signed_on": "2026-01-01",
                "effective_on": "2026-01-01" });
            call(tx, "contract.sign", &sign)?;
            life.deals.push(Deal { id: json!(contract.id), data, dues, ..Deal::default() });
        }
        Ok(life)
    }

    /// Open installments in the order in which they are settled; `only` of one contract.
    fn order(&self, only: Option<usize>) -> Vec<(usize, usize)> {
        let mut open: Vec<(usize, usize)> = Vec::new();
        for (at, deal) in self.deals.iter().enumerate().filter(|(at, _)| only.is_none_or(|only| only == *at))
        {
            let live = |due: &&(usize, &Due)| due.1.rest() > 0;
            open.extend(deal.dues.iter().enumerate().filter(|due| live(&due)).map(|(due, _)| (at, due)));
        }
        open.sort_by_key(|(deal, due)| {
            let day = &self.deals[*deal].dues[*due].day;
            (day.is_none(), day.clone(), *deal, *due)
        });
        open
    }

    /// What a way of allocating gives of `available`; the request, and the parts or the error.
    fn allocation(
        &self,
        dice: &mut Dice,
        available: i64,
    ) -> (Value, std::result::Result<Parts, &'static str>) {
        let rest = |(deal, due): &(usize, usize)| self.deals[*deal].dues[*due].rest();
        let spread = |order: Vec<(usize, usize)>| {
            let (mut left, mut parts) = (available, BTreeMap::new());
            for place in order {
                let part = rest(&place).min(left);
                if part > 0 {
                    parts.insert(place, part);
                    left -= part;
                }
            }
            parts
        };
        match dice.below(5) {
            0 => (json!("first_due"), Ok(spread(self.order(None)))),
            1 => (json!("none"), Ok(BTreeMap::new())),
            2 => {
                let order = self.order(None);
                let whole: i64 = order.iter().map(rest).sum();
                let spent = available.min(whole);
                let mut parts: Parts = BTreeMap::new();
                // Shares cut down to a minor unit; the units left over go one each to the first in order.
                let mut left = spent;
                for place in &order {
                    let exact = i128::from(spent) * i128::from(rest(place)) / i128::from(whole.max(1));
                    let part = i64::try_from(exact).unwrap_or(0);
                    parts.insert(*place, part);
                    left -= part;
                }
                for place in order.iter().take(usize::try_from(left).unwrap_or(0)) {
                    *parts.entry(*place).or_default() += 1;
                }
                parts.retain(|_, part| *part > 0);
                (json!({ "proportional": [] }), Ok(parts))
            }
            3 => {
                let deal = dice.below(self.deals.len());
                let reachable =
                    !self.deals[deal].terminated || self.deals[deal].dues.iter().any(|due| due.rest() > 0);
                let request = json!({ "contracts": [self.deals[deal].id] });
                let parts = if reachable {
                    Ok(spread(self.order(Some(deal))))
                } else {
                    Err("contract_not_effective")
                };
                (request, parts)
            }
            _ => {
                let deal = dice.below(self.deals.len());
                let due = dice.below(self.deals[deal].dues.len());
                let amount = dice.between(1, 120_000);
                let reachable =
                    !self.deals[deal].terminated || self.deals[deal].dues.iter().any(|due| due.rest() > 0);
                let told = json!({ "contract": self.deals[deal].id, "installment": due + 1, "amount": plain(amount) });
                let parts = if !reachable {
                    Err("contract_not_effective")
                } else if amount > rest(&(deal, due)) {
                    Err("above_open")
                } else if amount > available {
                    Err("above_receipt")
                } else {
                    Ok(BTreeMap::from([((deal, due), amount)]))
                };
                (json!({ "told": [told] }), parts)
            }
        }
    }

    fn settle(&mut self, parts: &Parts, sign: i64) {
        for ((deal, due), part) in parts {
            self.deals[*deal].dues[*due].settled += sign * part;
        }
    }

    /// Does something, in the ledger and in the model.
    fn act(&mut self, tx: &mut Transaction, dice: &mut Dice, lives: &mut Lives) -> Result<()> {
        let (name, request, verdict, apply) = match self.choose(tx, dice)? {
            Some(chosen) => chosen,
            None => return Ok(()),
        };
        let _ = writeln!(self.story, "{name} {request}");
        match (call(tx, name, &request), verdict) {
            (Ok(output), Verdict::Done) => {
                apply(self, &output);
                if let Some((deal, due, excess)) = self.lowered.take() {
                    self.lower(tx, deal, due, excess)?;
                    *lives.done.entry("late charge lowered").or_default() += 1;
                }
                if let Some((deal, at)) = self.freed.take() {
                    self.reread(tx, |place| place == (deal, at))?;
                    *lives.done.entry("surplus freed").or_default() += 1;
                }
                *lives.done.entry(name).or_default() += 1;
                Ok(())
            }
            (Err(error), Verdict::Refused(expected)) if error.code().name() == expected => {
                *lives.refused.entry(expected.to_owned()).or_default() += 1;
                Ok(())
            }
            (Ok(output), Verdict::Refused(expected)) => Err(what(&format!("not {expected} but {output}"))),
            (Err(error), _) => Err(error),
        }
    }

    /// Lowers the late charges on an installment, the last first: what is open, and then what is settled.
    fn lower(&mut self, tx: &mut Transaction, deal: usize, of: usize, excess: i64) -> Result<()> {
        let mut left = excess;
        for is_settled in [false, true] {
            let charges = self.deals[deal].dues.iter_mut().filter(|due| due.late && due.late_of == of);
            for due in charges.rev() {
                let cut = left.min(if is_settled { due.settled } else { due.rest() });
                due.cancelled += cut;
                due.settled -= if is_settled { cut } else { 0 };
                left -= cut;
            }
        }
        if left != 0 {
            return Err(what(&format!("{left} of {excess} not lowered: {:?}", self.deals[deal])));
        }
        let late: Vec<bool> = self.deals[deal].dues.iter().map(|due| due.late).collect();
        self.reread(tx, |(of, at)| of == deal && late[at])
    }

    /// Reads from the ledger which receipts settle what, after some of it was given back at `places`: only there may it differ,
    /// and it must sum to what the model says is settled.
    fn reread(&mut self, tx: &mut Transaction, places: impl Fn((usize, usize)) -> bool) -> Result<()> {
        let mut settled: Parts = BTreeMap::new();
        for money in self.moneys.iter_mut().filter(|money| !money.reversed) {
            let mut parts: Parts = BTreeMap::new();
            for part in receipt(tx, money)?.allocations {
                let at =
                    self.deals.iter().position(|one| one.id == json!(part.contract)).unwrap_or(usize::MAX);
                let place = (at, part.installment as usize - 1);
                *parts.entry(place).or_default() += minor(part.amount);
            }
            parts.retain(|_, part| *part != 0);
            let elsewhere =
                |(place, part): &(&(usize, usize), &i64)| (!places(**place)).then_some((**place, **part));
            let kept = |parts: &Parts| parts.iter().filter_map(|part| elsewhere(&part)).collect::<Vec<_>>();
            if kept(&parts) != kept(&money.parts) {
                return Err(what(&format!("giving back took {:?} to {parts:?}", money.parts)));
            }
            for (place, part) in &parts {
                *settled.entry(*place).or_default() += part;
            }
            money.parts = parts;
        }
        for (of, deal) in self.deals.iter().enumerate() {
            let found = |at: usize| settled.get(&(of, at)).copied().unwrap_or(0);
            if deal.dues.iter().enumerate().any(|(at, due)| due.settled != found(at)) {
                return Err(what(&format!("{settled:?} settled after giving back, {deal:?}")));
            }
        }
        Ok(())
    }

    #[allow(clippy::type_complexity)] // One closure each, used at once.
    fn choose(
        &self,
        tx: &mut Transaction,
        dice: &mut Dice,
    ) -> Result<Option<(&'static str, Value, Verdict, Box<dyn FnOnce(&mut Life, &Value)>)>> {
        let verdict = |refused: Option<&'static str>| refused.map_or(Verdict::Done, Verdict::Refused);
        // What was charged for being late is looked at again more often than not: by then it may have been too much.
        let places = self.deals.iter().enumerate();
        let mut late = places
            .flat_map(|(at, deal)| deal.dues.iter().filter(|due| due.late).map(move |due| (at, due.late_of)));
        let charged = late.next().filter(|_| dice.below(2) == 0);
        let deal = charged.map_or_else(|| dice.below(self.deals.len()), |(at, _)| at);
        let turn = if charged.is_some() { 12 } else { dice.below(16) };
        let money = (!self.moneys.is_empty()).then(|| dice.below(self.moneys.len()));
        Ok(Some(match (turn, money) {
            (0..=3, _) | (_, None) => {
                let amount = dice.between(1, 150_000);
                let (allocate, parts) = self.allocation(dice, amount);
                let mut request = json!({ "customer": self.customer, "currency": self.currency,
                    "amount": plain(amount), "allocate": allocate });
                if dice.below(2) == 0 {
                    // Some came before the contracts took effect.
                    let month = dice.between(0, 6);
                    request["date"] = match month {
                        0 => json!(format!("2025-12-{:02}", dice.between(1, 31))),
                        _ => json!(format!("2026-{month:02}-{:02}", dice.between(1, 28))),
                    };
                }
                if self.currency != "CNY" {
                    request["rate"] = json!(format!("{}.{:04}", dice.between(6, 7), dice.between(0, 9999)));
                }
                let refused = parts.as_ref().err().copied();
                let parts = parts.unwrap_or_default();
                (
                    "receipt.post",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, output: &Value| {
                        life.settle(&parts, 1);
                        let id = output["receipt"]["id"].clone();
                        life.moneys.push(Money { id, amount, parts, ..Money::default() });
                    }),
                )
            }
            (4 | 5, Some(at)) => {
                let money = &self.moneys[at];
                let version = receipt(tx, money)?.receipt.version;
                let (allocate, parts) = self.allocation(dice, money.advance());
                let refused = if money.reversed {
                    Some("already_reversed")
                } else if money.advance() <= 0 {
                    Some("no_advance")
                } else {
                    parts.as_ref().err().copied()
                };
                let parts = parts.unwrap_or_default();
                let request = json!({ "id": money.id, "version": version, "allocate": allocate });
                (
                    "receipt.allocate",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, _: &Value| {
                        life.settle(&parts, 1);
                        for (place, part) in parts {
                            *life.moneys[at].parts.entry(place).or_default() += part;
                        }
                    }),
                )
            }
            (6, Some(at)) => {
                let money = &self.moneys[at];
                let version = receipt(tx, money)?.receipt.version;
                let refused = if money.reversed {
                    Some("already_reversed")
                } else if money.parts.is_empty() {
                    Some("not_allocated")
                } else {
                    None
                };
                // All is taken back; what it settles instead is told by the model after that.
                let mut freed = Life { deals: self.deals.clone(), ..Life::default() };
                freed.settle(&money.parts, -1);
                let (allocate, parts) = freed.allocation(dice, money.amount - money.refunded);
                let refused = refused.or(parts.as_ref().err().copied());
                let parts = parts.unwrap_or_default();
                let request = json!({ "id": money.id, "version": version, "allocate": allocate });
                (
                    "receipt.reallocate",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, _: &Value| {
                        let old = std::mem::take(&mut life.moneys[at].parts);
                        life.settle(&old, -1);
                        life.settle(&parts, 1);
                        life.moneys[at].parts = parts;
                    }),
                )
            }
            (7, Some(at)) => {
                let money = &self.moneys[at];
                let version = receipt(tx, money)?.receipt.version;
                let refused = if money.reversed {
                    Some("already_reversed")
                } else if money.refunded > 0 && money.refund_of.is_none() {
                    Some("refunded")
                } else {
                    None
                };
                let request = json!({ "id": money.id, "version": version, "reason": "退票" });
                (
                    "receipt.reverse",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, _: &Value| {
                        let parts = std::mem::take(&mut life.moneys[at].parts);
                        life.settle(&parts, -1);
                        life.moneys[at].reversed = true;
                        life.moneys[at].parts = parts;
                        if let Some(source) = life.moneys[at].refund_of {
                            life.moneys[source].refunded += life.moneys[at].amount;
                        }
                    }),
                )
            }
            (8, Some(at)) => {
                let money = &self.moneys[at];
                let version = receipt(tx, money)?.receipt.version;
                let amount = dice.between(1, 60_000);
                let refused = if money.reversed {
                    Some("already_reversed")
                } else if money.advance() == 0 {
                    Some("no_advance")
                } else if amount > money.advance() {
                    Some("above_advance")
                } else {
                    None
                };
                let request =
                    json!({ "id": money.id, "version": version, "amount": plain(amount), "reason": "多付" });
                (
                    "receipt.refund",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, output: &Value| {
                        life.moneys[at].refunded += amount;
                        let id = output["receipt"]["id"].clone();
                        let refund_of = Some(at);
                        life.moneys.push(Money {
                            id,
                            amount: -amount,
                            refunded: -amount,
                            refund_of,
                            ..Money::default()
                        });
                    }),
                )
            }
            (9, _) => {
                let due = dice.below(self.deals[deal].dues.len());
                let version = details(tx, &self.deals[deal])?.contract.version;
                let (amount, rest) = (dice.between(1, 60_000), self.deals[deal].dues[due].rest());
                let refused = if rest == 0 {
                    Some("nothing_open")
                } else if amount > rest {
                    Some("above_open")
                } else {
                    None
                };
                let request = json!({ "contract": self.deals[deal].id, "version": version, "installment": due + 1,
                    "amount": plain(amount), "reason": "无法收回" });
                (
                    "installment.write_off",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, output: &Value| {
                        life.deals[deal].dues[due].written_off += amount;
                        life.losses.push(Loss {
                            id: output["id"].clone(),
                            deal,
                            due,
                            amount,
                            reversed: false,
                        });
                    }),
                )
            }
            (10, _) => {
                if self.losses.is_empty() {
                    return Ok(None);
                }
                let at = dice.below(self.losses.len());
                let loss = &self.losses[at];
                let version = if loss.reversed { 2 } else { 1 };
                let refused = loss.reversed.then_some("adjustment_final");
                let request = json!({ "id": loss.id, "version": version, "reason": "恢复付款" });
                (
                    "adjustment.reverse",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, _: &Value| {
                        life.losses[at].reversed = true;
                        let Loss { deal, due, amount, .. } = life.losses[at];
                        life.deals[deal].dues[due].written_off -= amount;
                    }),
                )
            }
            (11, _) => {
                let version = details(tx, &self.deals[deal])?.contract.version;
                let day = format!("2026-{:02}-{:02}", dice.between(1, 6), dice.between(1, 28));
                let refused = self.deals[deal].terminated.then_some("wrong_status");
                let request = json!({ "id": self.deals[deal].id, "version": version, "delivered_on": day });
                (
                    "contract.deliver",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, _: &Value| {
                        for due in life.deals[deal].dues.iter_mut().filter(|due| due.waits) {
                            due.day = Some(day.clone());
                        }
                    }),
                )
            }
            (12, _) => {
                let due = charged.map_or_else(|| dice.below(self.deals[deal].dues.len()), |(_, of)| of);
                let version = details(tx, &self.deals[deal])?.contract.version;
                let request =
                    json!({ "contract": self.deals[deal].id, "version": version, "installment": due + 1 });
                // The amount is the rule's, which has its own tests; here only what becomes of it counts.
                let reckoned = call(
                    tx,
                    "settlement.late_charge",
                    &json!({ "contract": self.deals[deal].id, "installment": due + 1 }),
                );
                let amount =
                    reckoned.as_ref().ok().and_then(|found| found["amount"].as_str().map(str::to_owned));
                let amount = minor(Amount::parse(amount.as_deref().unwrap_or("0"))?);
                let refused = (amount == 0).then_some("nothing_late");
                (
                    "installment.charge_late",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, _: &Value| {
                        if amount < 0 {
                            life.lowered = Some((deal, due, -amount));
                            return;
                        }
                        let day = Some(TODAY.to_owned());
                        let charge = Due { amount, day, late: true, late_of: due, ..Due::default() };
                        life.deals[deal].dues.push(charge);
                    }),
                )
            }
            (13 | 14, _) => {
                let version = details(tx, &self.deals[deal])?.contract.version;
                let mut data = self.deals[deal].data.clone();
                let dues = &self.deals[deal].dues;
                let at = dice.below(dues.iter().filter(|due| !due.late).count());
                let amount = dice.between(1, 2 * dues[at].amount.max(1));
                if amount == dues[at].amount {
                    return Ok(None);
                }
                let whole = dues.iter().filter(|due| !due.late).map(|due| due.amount).sum::<i64>();
                data["amount"] = json!(plain(whole + amount - dues[at].amount));
                data["terms"][at]["share"] = json!({ "amount": plain(amount) });
                // What is more is owed; what is less comes off what is outstanding and then off what was settled, no further.
                let refused = if self.deals[deal].terminated {
                    Some("wrong_status")
                } else if dues[at].amount - amount > dues[at].rest() + dues[at].settled {
                    Some("settled_exceeds")
                } else {
                    None
                };
                let mut request = json!({ "id": self.deals[deal].id, "version": version, "reason": "补充协议",
                    "data": data });
                if let Some(day) = past_day(dice) {
                    request["amended_on"] = json!(day);
                }
                (
                    "contract.amend",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, _: &Value| {
                        let due = &mut life.deals[deal].dues[at];
                        due.amount = amount;
                        let surplus = -due.rest();
                        if surplus > 0 {
                            due.settled -= surplus;
                            life.freed = Some((deal, at));
                        }
                        life.deals[deal].data = data;
                    }),
                )
            }
            (_, _) => {
                if self.deals[deal].terminated && dice.below(2) > 0 {
                    let version = details(tx, &self.deals[deal])?.contract.version;
                    let request = json!({ "id": self.deals[deal].id, "version": version, "reason": "误记" });
                    return Ok(Some((
                        "contract.reopen",
                        request,
                        verdict(None),
                        Box::new(move |life: &mut Life, _: &Value| {
                            life.deals[deal].terminated = false;
                            for due in &mut life.deals[deal].dues {
                                due.cancelled -= std::mem::take(&mut due.ended);
                                if !due.late {
                                    due.day.clone_from(&due.day_before);
                                }
                            }
                        }),
                    )));
                }
                if dice.below(4) > 0 {
                    return Ok(None);
                }
                let version = details(tx, &self.deals[deal])?.contract.version;
                // One installment at most is told to stay owed, in whole or in part, sometimes by another day.
                let at = dice.below(self.deals[deal].dues.len());
                let due = &self.deals[deal].dues[at];
                let kept = (dice.below(3) > 0).then(|| dice.between(1, due.rest() + due.rest() / 4 + 1));
                let day = (dice.below(2) > 0).then(|| "2026-12-31".to_owned());
                let refused = match kept {
                    _ if self.deals[deal].terminated => Some("wrong_status"),
                    Some(kept) if kept > due.rest() => Some("out_of_range"),
                    Some(_) if day.is_none() && due.day.is_none() => Some("missing_field"),
                    _ => None,
                };
                let mut request =
                    json!({ "id": self.deals[deal].id, "version": version, "reason": "协商解除" });
                if let Some(ended_on) = past_day(dice) {
                    request["ended_on"] = json!(ended_on);
                }
                if let Some(kept) = kept {
                    request["still_owed"] =
                        json!([{ "installment": at + 1, "amount": plain(kept), "due_on": day }]);
                }
                (
                    "contract.terminate",
                    request,
                    verdict(refused),
                    Box::new(move |life: &mut Life, _: &Value| {
                        life.deals[deal].terminated = true;
                        for (place, due) in life.deals[deal].dues.iter_mut().enumerate() {
                            let rest = due.rest();
                            let stays = if due.late { rest } else { 0 };
                            let told = kept.filter(|_| place == at);
                            due.ended = rest - told.unwrap_or(stays);
                            due.cancelled += due.ended;
                            due.day_before.clone_from(&due.day);
                            if told.is_some() && day.is_some() {
                                due.day.clone_from(&day);
                            }
                        }
                    }),
                )
            }
        }))
    }

    /// Whether the ledger is what the model is.
    fn check(&self, tx: &mut Transaction) -> Result<()> {
        for deal in &self.deals {
            let found = details(tx, deal)?;
            let shown = |due: &Due| [due.amount, due.settled, due.written_off, due.cancelled, due.rest()];
            let expected: Vec<[i64; 5]> = deal.dues.iter().map(shown).collect();
            let stored: Vec<[i64; 5]> = found
                .installments
                .iter()
                .map(|one| {
                    [
                        one.amount,
                        one.settled,
                        one.written_off,
                        one.cancelled,
                        one.open_amount.unwrap_or_default(),
                    ]
                    .map(minor)
                })
                .collect();
            if expected != stored || stored.iter().flatten().any(|part| *part < 0) {
                return Err(what(&format!("installments {stored:?} and not {expected:?}")));
            }
            let whole = minor(found.contract.amount) + minor(found.contract.surcharge);
            let sum: i64 = deal.dues.iter().map(|due| due.amount).sum();
            let late: i64 = deal.dues.iter().filter(|due| due.late).map(|due| due.amount).sum();
            let settled: i64 = deal.dues.iter().map(|due| due.settled).sum();
            if (sum, late, settled) != (whole, minor(found.contract.surcharge), minor(found.contract.settled))
            {
                return Err(what(&format!("the contract {:?} and not {deal:?}", found.contract)));
            }
        }
        for money in &self.moneys {
            let found = receipt(tx, money)?.receipt;
            let stored = [found.amount, found.allocated, found.advance, found.refunded].map(minor);
            let expected = [money.amount, money.parts.values().sum(), money.advance(), money.refunded];
            if stored != expected || found.reversed_by.is_some() != money.reversed {
                return Err(what(&format!("the receipt {stored:?} and not {expected:?}")));
            }
        }
        Ok(())
    }
}

/// Whether on no day, by the dates of the journal, anything open or in advance was below zero.
fn check_past(session: &Session) -> Result<()> {
    // A mirror entry takes the advance of what it reverses back.
    let request = json!({ "dataset": "receipt", "select": ["id", "reversal_of"],
        "filter": { "present": "reversal_of" } });
    let mut mirrors = BTreeMap::new();
    let mut reader = session.reader(input(request)?)?;
    while let Some(frame) = reader.next(10_000)? {
        mirrors.extend(frame.rows.into_iter().map(|row| (row[0].clone(), row[1].clone())));
    }
    let request = json!({ "dataset": "journal", "select": ["date", "account", "contract", "installment", "document",
        "due_date", "amount"], "filter": { "in": ["account", ["open", "advance"]] }, "sort": [{ "field": "date" }] });
    let mut reader = session.reader(input(request)?)?;
    let mut sums: BTreeMap<Vec<Cell>, i64> = BTreeMap::new();
    let (mut day, mut moved) = (Cell::Null, BTreeSet::new());
    loop {
        let rows = reader.next(10_000)?.map(|frame| frame.rows).unwrap_or_default();
        let is_last = rows.is_empty();
        for row in rows.into_iter().map(Some).chain(is_last.then_some(None)) {
            let of = row.as_ref().map(|row| row[0].clone()).unwrap_or_default();
            if of != day {
                let below = std::mem::take(&mut moved).into_iter().find(|key| sums.get(key) < Some(&0));
                if let Some(key) = below {
                    return Err(what(&format!("below zero on day {day:?}: {key:?} {:?}", sums.get(&key))));
                }
                day = of;
            }
            let Some([_, account, contract, installment, document, due, Cell::Int(amount)]) = row.as_deref()
            else {
                continue;
            };
            // What is open belongs to an installment by its due date; an advance, below zero in the journal, to a receipt.
            let is_open = *account == Cell::Int(Account::Open.code());
            let key = match is_open {
                true => vec![account.clone(), contract.clone(), installment.clone(), due.clone()],
                false => vec![account.clone(), mirrors.get(document).unwrap_or(document).clone()],
            };
            *sums.entry(key.clone()).or_default() += if is_open { *amount } else { -*amount };
            moved.insert(key);
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Lives `count` lives in a new ledger, from a seed.
///
/// # Errors
/// What went otherwise than the model says, with the life's story.
pub fn live(ledger: &Ledger, seed: u64, count: u64) -> Result<Lives> {
    let mut lives = Lives::default();
    let session = ledger.session("admin")?;
    session.call(
        "ledger.set_rate",
        &json!({ "currency": "USD", "date": "2025-12-01", "rate": "7.0123" }).to_string(),
        &crm::app::CallOptions::default(),
    )?;
    while lives.lives < count {
        let mut tx = session.transaction()?;
        for _ in 0..AT_ONCE.min(count - lives.lives) {
            let own = seed.wrapping_mul(1_000_003).wrapping_add(lives.lives);
            let mut dice = Dice(own);
            let mut life = Life::begin(&mut tx, &mut dice, lives.lives)?;
            let mut lived = || {
                for _ in 0..dice.between(4, 12) {
                    life.act(&mut tx, &mut dice, &mut lives)?;
                }
                life.check(&mut tx)
            };
            lived().map_err(|error| what(&format!("life {own}: {error}\n{}", life.story)))?;
            lives.lives += 1;
        }
        tx.commit()?;
    }
    check_past(&session)?;
    let check = session.run(VerifySettlement {})?;
    if !check.clean {
        return Err(what(&format!("settlement.verify: {:?}", check.found)));
    }
    Ok(lives)
}

/// Whether every operation and refusal that lives can meet was met.
pub fn is_varied(lives: &Lives) -> bool {
    let names = [
        PostReceipt::NAME,
        "receipt.allocate",
        "receipt.reallocate",
        "receipt.reverse",
        "receipt.refund",
        "installment.write_off",
        "adjustment.reverse",
        "contract.deliver",
        "contract.amend",
        "installment.charge_late",
        "late charge lowered",
        "surplus freed",
        "contract.terminate",
        "contract.reopen",
    ];
    names.iter().all(|name| lives.done.get(name).is_some_and(|times| *times > 0))
}
