//! A receipt over three installments.

use std::fmt::Write as _;

use crm::areas::settlement::PostReceipt;
use crm::kernel::date::{self, Instant};
use crm::kernel::id::IdCodec;
use rusqlite::params;
use serde_json::json;

use crate::contract::{YUAN, same_trail};
use crate::data::{Open, Shape, Written, fill};
use crate::hand::{self, Hand};
use crate::measure::{Aim, Comparison, Outcome, timed};
use crate::setup::{Setup, open};

/// What each receipt brings: three installments, of which the last is settled in part.
pub(crate) const YUAN_RECEIVED: i64 = 50_000;

/// Receipts of a group.
const GROUP: u32 = 16;

/// Measures it alone.
pub(crate) fn run(setup: &Setup) -> Outcome<()> {
    let name = "receipt over 3 installments: durable, alone";
    posted(setup, "receipt", Comparison::new(name, Aim::WRITES, "receipt"), 1, setup.writes)?.print();
    Ok(())
}

/// Measures it in groups.
pub(crate) fn grouped(setup: &Setup) -> Outcome<()> {
    let name = "receipts over 3 installments, 16 in a transaction";
    let comparison = Comparison::new(name, Aim::WRITES, "receipt");
    let comparison = posted(setup, "allocate", comparison, GROUP, setup.writes / 8 + 1)?;
    comparison.print();
    let in_a_second = |nanoseconds: u128| 1_000_000_000 / nanoseconds.max(1);
    let (ours, by_hand) = (in_a_second(comparison.ours()), in_a_second(comparison.by_hand()));
    println!("  {ours} receipts a second, {by_hand} by hand");
    Ok(())
}

/// Posts `group` receipts in each of `times` transactions a round.
fn posted(setup: &Setup, file: &str, comparison: Comparison, group: u32, times: u32) -> Outcome<Comparison> {
    let posts = group * times * (u32::try_from(setup.rounds)? + 1);
    // Every receipt is another customer's, and every customer has one contract.
    let shape = Shape { customers: posts, contracts: posts, open: Open::All, opportunities: None };
    let prepared = |name: &str| -> Outcome<(Hand, Written)> {
        drop(setup.new_ledger(name)?);
        let mut hand = Hand::writer(&setup.path(name))?;
        let written = fill(&mut hand, shape)?;
        Ok((hand, written))
    };
    let ours_file = format!("{file}-ours");
    let (_, written) = prepared(&ours_file)?;
    let session = open(&setup.path(&ours_file), crm::ClockOption::System)?;
    let ids = session.ledger().ids();
    let mut inputs = written.customers.iter().map(|customer| {
        let input = json!({ "customer": ids.uuid(*customer), "amount": YUAN_RECEIVED.to_string() });
        Ok(serde_json::from_value::<PostReceipt>(input)?)
    });
    let (mut hand, written) = prepared(&format!("{file}-by-hand"))?;
    let mut customers = written.customers.iter();
    let mut text = String::new();
    let comparison = comparison.pairs(
        setup.rounds,
        times,
        group,
        || {
            let inputs = inputs.by_ref().take(group as usize).collect::<Outcome<Vec<PostReceipt>>>()?;
            timed(|| {
                if group == 1 {
                    inputs.into_iter().try_for_each(|input| session.run(input).map(drop))?;
                    return Ok(());
                }
                let mut transaction = session.transaction()?;
                for input in inputs {
                    transaction.run(input)?;
                }
                Ok(transaction.commit()?)
            })
        },
        || {
            timed(|| {
                hand.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
                for customer in customers.by_ref().take(group as usize) {
                    post(&mut hand, *customer, written.today, &mut text)?;
                }
                hand.connection.prepare_cached("COMMIT")?.execute([])?;
                Ok(())
            })
        },
    )?;
    same_trail(&hand, &setup.path(&ours_file))?;
    Ok(comparison)
}

/// What one installment gets.
pub(crate) struct Part {
    pub(crate) contract: i64,
    pub(crate) seq: i64,
    pub(crate) due: i64,
    pub(crate) amount: i64,
    pub(crate) settled: i64,
    pub(crate) open: i64,
    pub(crate) part: i64,
}

impl Part {
    /// What stays open.
    pub(crate) fn rest(&self) -> Option<i64> {
        Some(self.open - self.part).filter(|rest| *rest > 0)
    }

    /// The code of its status afterwards.
    pub(crate) fn status(&self) -> i64 {
        if self.rest().is_some() { 2 } else { 3 }
    }
}

/// A receipt by hand, and what it does to the contract.
pub(crate) struct Posted<'p> {
    pub(crate) key: i64,
    /// The entry of the settlement journal.
    pub(crate) entry: i64,
    pub(crate) number: &'p str,
    pub(crate) customer: i64,
    pub(crate) user: i64,
    pub(crate) today: i64,
    pub(crate) now: i64,
    /// The contract's settled amount and version afterwards.
    pub(crate) settled: i64,
    pub(crate) version: i64,
    pub(crate) parts: &'p [Part],
}

/// What the trail says of it.
pub(crate) fn changes(text: &mut String, ids: IdCodec, posted: &Posted<'_>) -> Outcome<()> {
    let Posted { number, settled, version, parts, .. } = posted;
    let entry = ids.uuid(posted.entry);
    let (id, customer, handler) = (ids.uuid(posted.key), ids.uuid(posted.customer), ids.uuid(posted.user));
    let (day, at) = (date::from_day_number(posted.today)?, Instant::from_micros(posted.now)?);
    let contract = ids.uuid(parts.first().ok_or("nothing is open")?.contract);
    text.clear();
    write!(
        text,
        r#"[{{"table":"receipt","after":{{"id":"{id}","number":"{number}","direction":"receipt","customer":"{customer}","date":"{day}","method":"bank_transfer","amount":"50000","currency":"CNY","account":null,"reference":null,"handler":"{handler}","allocated":"50000","advance":"0","refunded":"0","open_advance":null,"rate":null,"home":null,"home_advance":null,"credit":null,"rounded":"0","home_rounded":null,"reversed_by":null,"reversal_of":null,"refund_of":null,"reason":null,"note":null,"created_at":"{at}","version":1}}}}"#
    )?;
    write!(
        text,
        r#",{{"table":"contract","id":"{contract}","before":{{"settled":"{}","version":{}}},"after":{{"settled":"{}","version":{version}}}}}"#,
        settled / YUAN - YUAN_RECEIVED,
        version - 1,
        settled / YUAN
    )?;
    for (Part { seq, part, .. }, position) in parts.iter().zip(1..) {
        write!(
            text,
            r#",{{"table":"allocation","after":{{"receipt":"{id}","seq":{position},"contract":"{contract}","installment":{seq},"amount":"{}","currency":"CNY","home":null,"exchange":null,"allocated_on":"{day}"}}}}"#,
            part / YUAN
        )?;
    }
    for one in *parts {
        write!(
            text,
            r#",{{"table":"installment","contract":"{contract}","seq":{},"before":{{"settled":"{}","open_amount":"{}""#,
            one.seq,
            one.settled / YUAN,
            one.open / YUAN
        )?;
        if let Some(rest) = one.rest() {
            let (settled, rest) = ((one.settled + one.part) / YUAN, rest / YUAN);
            write!(text, r#"}},"after":{{"settled":"{settled}","open_amount":"{rest}"}}}}"#)?;
        } else {
            let amount = one.amount / YUAN;
            write!(
                text,
                r#","status":"open"}},"after":{{"settled":"{amount}","open_amount":null,"status":"settled"}}}}"#
            )?;
        }
    }
    write!(
        text,
        r#",{{"table":"journal_line","after":{{"entry":"{entry}","seq":1,"kind":"receipt","account":"money","date":"{day}","direction":"receivable","customer":"{customer}","contract":null,"installment":null,"due_date":null,"document":"{id}","currency":"CNY","amount":"50000","home":"50000"}}}}"#
    )?;
    for (Part { seq, part, due, .. }, position) in parts.iter().zip(2..) {
        let (due, part) = (date::from_day_number(*due)?, part / YUAN);
        write!(
            text,
            r#",{{"table":"journal_line","after":{{"entry":"{entry}","seq":{position},"kind":"receipt","account":"open","date":"{day}","direction":"receivable","customer":"{customer}","contract":"{contract}","installment":{seq},"due_date":"{due}","document":"{id}","currency":"CNY","amount":"-{part}","home":"-{part}"}}}}"#
        )?;
    }
    text.push(']');
    Ok(())
}

/// A line of the settlement journal about what is receivable in the ledger's currency.
pub(crate) const JOURNAL: &str = "INSERT INTO journal_line (entry, seq, kind, account, date, direction, customer, contract, \
     installment, due_date, document, currency, amount, home) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10, 'CNY', \
     ?11, ?11)";

fn post(hand: &mut Hand, customer: i64, today: i64, text: &mut String) -> Outcome<()> {
    let now = hand::now()?;
    let (key, entry) = (hand.key(now), hand.key(now));
    let Hand { connection, ids, user, .. } = hand;
    let number = format!("SK-2026-{:06}", hand::number(connection, "receipt-2026")?);
    let total = YUAN_RECEIVED * YUAN;
    let mut parts: Vec<Part> = Vec::with_capacity(3);
    {
        let mut open = connection.prepare_cached(
            "SELECT contract, seq, amount, settled, open_amount, due_date FROM installment WHERE direction = 1 AND customer = ?1 \
             AND currency = 'CNY' AND open_amount IS NOT NULL AND due_date IS NOT NULL ORDER BY due_date, contract, seq",
        )?;
        let mut rows = open.query([customer])?;
        let mut left = total;
        while left > 0
            && let Some(row) = rows.next()?
        {
            let open: i64 = row.get(4)?;
            let part = open.min(left);
            left -= part;
            let (contract, seq, amount, settled) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            parts.push(Part { contract, seq, due: row.get(5)?, amount, settled, open, part });
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO receipt (id, number, direction, customer, date, method, amount, currency, handler, allocated, \
             advance, created_at, version) VALUES (?1, ?2, 1, ?3, ?4, 1, ?5, 'CNY', ?6, ?5, 0, ?7, 1)",
        )?
        .execute(params![key, number, customer, today, total, *user, now])?;
    let contract = parts.first().ok_or("nothing is open")?.contract;
    let (settled, version): (i64, i64) = connection
        .prepare_cached("SELECT settled + ?2, version + 1 FROM contract WHERE id = ?1")?
        .query_row([contract, total], |row| Ok((row.get(0)?, row.get(1)?)))?;
    connection
        .prepare_cached("UPDATE contract SET settled = ?2, version = ?3 WHERE id = ?1")?
        .execute([contract, settled, version])?;
    let mut update = connection.prepare_cached(
        "UPDATE installment SET settled = ?3, open_amount = ?4, status = ?5 WHERE contract = ?1 AND seq = ?2",
    )?;
    let mut allocation = connection.prepare_cached(
        "INSERT INTO allocation (receipt, seq, contract, installment, amount, currency, allocated_on) \
         VALUES (?1, ?2, ?3, ?4, ?5, 'CNY', ?6)",
    )?;
    let mut line = connection.prepare_cached(JOURNAL)?;
    let none = None::<i64>;
    line.execute(params![entry, 1, 3, 3, today, customer, none, none, none, key, total])?;
    for (one, position) in parts.iter().zip(1..) {
        let Part { contract, seq, due, part, .. } = one;
        line.execute(params![entry, position + 1, 3, 1, today, customer, contract, seq, due, key, -part])?;
        let settled = one.settled + one.part;
        update.execute(params![one.contract, one.seq, settled, one.rest(), one.status()])?;
        allocation.execute(params![key, position, one.contract, one.seq, one.part, today])?;
    }
    let (user, parts) = (*user, parts.as_slice());
    let posted = Posted { key, entry, number: &number, customer, user, today, now, settled, version, parts };
    changes(text, *ids, &posted)?;
    hand::audit(connection, *ids, now, user, "receipt.post", key, text)
}
