//! A receipt over three installments.

use std::fmt::Write as _;

use crm::areas::settlement::PostReceipt;
use crm::kernel::date::{self, Instant};
use rusqlite::params;
use serde_json::json;

use crate::contract::{YUAN, same_trail};
use crate::data::{Open, Shape, Written, fill};
use crate::hand::{self, Hand};
use crate::measure::{Comparison, Outcome, timed};
use crate::setup::{Setup, open};

/// What each receipt brings: three installments, of which the last is settled in part.
const YUAN_RECEIVED: i64 = 50_000;

/// Measures it.
pub(crate) fn run(setup: &Setup) -> Outcome<()> {
    let posts = setup.writes * (u32::try_from(setup.rounds)? + 1);
    // Every receipt is another customer's, and every customer has one contract.
    let shape = Shape { customers: posts, contracts: posts, open: Open::All, opportunities: None };
    let prepared = |name: &str| -> Outcome<(Hand, Written)> {
        drop(setup.new_ledger(name)?);
        let mut hand = Hand::writer(&setup.path(name))?;
        let written = fill(&mut hand, shape)?;
        Ok((hand, written))
    };
    let (_, written) = prepared("receipt-ours")?;
    let session = open(&setup.path("receipt-ours"), crm::ClockOption::System)?;
    let ids = session.ledger().ids();
    let mut inputs = written.customers.iter().map(|customer| {
        let input = json!({ "customer": ids.uuid(*customer), "amount": YUAN_RECEIVED.to_string() });
        Ok(serde_json::from_value::<PostReceipt>(input)?)
    });
    let (mut hand, written) = prepared("receipt-by-hand")?;
    let mut customers = written.customers.iter();
    let mut text = String::new();
    Comparison::new("receipt over 3 installments: durable, alone", "1.5", "receipt")
        .pairs(
            setup.rounds,
            setup.writes,
            1,
            || {
                let input: Outcome<PostReceipt> = inputs.next().ok_or("no customer left")?;
                let input = input?;
                timed(|| {
                    session.run(input)?;
                    Ok(())
                })
            },
            || {
                let customer = *customers.next().ok_or("no customer left")?;
                timed(|| {
                    hand.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
                    post(&mut hand, customer, written.today, &mut text)?;
                    hand.connection.prepare_cached("COMMIT")?.execute([])?;
                    Ok(())
                })
            },
        )?
        .print();
    same_trail(&hand, &setup.path("receipt-ours"))
}

struct Part {
    contract: i64,
    seq: i64,
    amount: i64,
    settled: i64,
    open: i64,
    part: i64,
}

fn post(hand: &mut Hand, customer: i64, today: i64, text: &mut String) -> Outcome<()> {
    let now = hand::now()?;
    let key = hand.key(now);
    let Hand { connection, ids, user, .. } = hand;
    let number = format!("SK-2026-{:06}", hand::number(connection, "receipt-2026")?);
    let total = YUAN_RECEIVED * YUAN;
    let mut parts: Vec<Part> = Vec::with_capacity(3);
    {
        let mut open = connection.prepare_cached(
            "SELECT contract, seq, amount, settled, open_amount FROM installment WHERE direction = 1 AND customer = ?1 \
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
            parts.push(Part { contract, seq, amount, settled, open, part });
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO receipt (id, number, direction, customer, date, method, amount, currency, handler, allocated, \
             advance, created_at, version) VALUES (?1, ?2, 1, ?3, ?4, 1, ?5, 'CNY', ?6, ?5, 0, ?7, 1)",
        )?
        .execute(params![key, number, customer, today, total, *user, now])?;
    let (id, customer_id, handler) = (ids.uuid(key), ids.uuid(customer), ids.uuid(*user));
    let (day, at) = (date::from_day_number(today)?, Instant::from_micros(now)?);
    text.clear();
    write!(
        text,
        r#"[{{"table":"receipt","after":{{"id":"{id}","number":"{number}","direction":"receipt","customer":"{customer_id}","date":"{day}","method":"bank_transfer","amount":"50000","currency":"CNY","account":null,"reference":null,"handler":"{handler}","allocated":"50000","advance":"0","reversed_by":null,"reversal_of":null,"reason":null,"note":null,"created_at":"{at}","version":1}}}}"#
    )?;
    let contract = parts.first().ok_or("nothing is open")?.contract;
    let (settled, version): (i64, i64) = connection
        .prepare_cached("SELECT settled + ?2, version + 1 FROM contract WHERE id = ?1")?
        .query_row([contract, total], |row| Ok((row.get(0)?, row.get(1)?)))?;
    connection
        .prepare_cached("UPDATE contract SET settled = ?2, version = ?3 WHERE id = ?1")?
        .execute([contract, settled, version])?;
    let contract_id = ids.uuid(contract);
    write!(
        text,
        r#",{{"table":"contract","id":"{contract_id}","before":{{"settled":"{}","version":{}}},"after":{{"settled":"{}","version":{version}}}}}"#,
        (settled - total) / YUAN,
        version - 1,
        settled / YUAN
    )?;
    let mut update = connection.prepare_cached(
        "UPDATE installment SET settled = ?3, open_amount = ?4, status = ?5 WHERE contract = ?1 AND seq = ?2",
    )?;
    for Part { contract, seq, amount, settled, open, part } in &parts {
        let (now_settled, rest) = (settled + part, open - part);
        update.execute(params![
            contract,
            seq,
            now_settled,
            (rest > 0).then_some(rest),
            if rest > 0 { 2 } else { 3 }
        ])?;
        write!(
            text,
            r#",{{"table":"installment","contract":"{contract_id}","seq":{seq},"before":{{"settled":"{}","open_amount":"{}""#,
            settled / YUAN,
            open / YUAN
        )?;
        if rest > 0 {
            let (now_settled, rest) = (now_settled / YUAN, rest / YUAN);
            write!(text, r#"}},"after":{{"settled":"{now_settled}","open_amount":"{rest}"}}}}"#)?;
        } else {
            let amount = amount / YUAN;
            write!(
                text,
                r#","status":"open"}},"after":{{"settled":"{amount}","open_amount":null,"status":"settled"}}}}"#
            )?;
        }
    }
    let mut allocation = connection.prepare_cached(
        "INSERT INTO allocation (receipt, seq, contract, installment, amount, currency, allocated_on) \
         VALUES (?1, ?2, ?3, ?4, ?5, 'CNY', ?6)",
    )?;
    for (Part { contract, seq, part, .. }, position) in parts.iter().zip(1..) {
        allocation.execute(params![key, position, contract, seq, part, today])?;
        write!(
            text,
            r#",{{"table":"allocation","after":{{"receipt":"{id}","seq":{position},"contract":"{contract_id}","installment":{seq},"amount":"{}","currency":"CNY","allocated_on":"{day}"}}}}"#,
            part / YUAN
        )?;
    }
    text.push(']');
    hand::audit(connection, *ids, now, *user, "receipt.post", key, text)
}
