//! A receipt over three installments.

use crm::areas::settlement::PostReceipt;
use postgres::Statement;
use postgres::types::ToSql;
use serde_json::json;

use super::hand::Writer;
use super::{Place, print_trips};
use crate::contract::YUAN;
use crate::data::{Open, Shape};
use crate::measure::{Aim, Comparison, Outcome, timed};
use crate::receipt::{Part, Posted, YUAN_RECEIVED, changes};
use crate::setup::Setup;

/// Measures it.
pub(super) fn run(setup: &Setup, place: &Place) -> Outcome<()> {
    // Every receipt is another customer's, and every customer has one contract; one more for counting.
    let posts = setup.writes * (u32::try_from(setup.rounds)? + 1) + 1;
    let shape = Shape { customers: posts, contracts: posts, open: Open::All, opportunities: None };
    let written = place.fill(setup, shape, &["bench_ours", "bench_by_hand"])?;
    let ours = place.open("bench_ours")?;
    let ids = ours.ledger().ids();
    let mut inputs = written.customers.iter().map(|customer| -> Outcome<PostReceipt> {
        let input = json!({ "customer": ids.uuid(*customer), "amount": YUAN_RECEIVED.to_string() });
        Ok(serde_json::from_value(input)?)
    });
    let mut hand = Hand::new(Writer::new(place.wire("bench_by_hand")?, ids)?, written.today)?;
    let mut customers = written.customers.iter();
    Comparison::new("receipt over 3 installments: durable, alone", Aim::WRITES, "receipt")
        .pairs(
            setup.rounds,
            setup.writes,
            1,
            || {
                let input = inputs.next().ok_or("no customer left")??;
                timed(|| Ok(ours.run(input).map(drop)?))
            },
            || {
                let customer = *customers.next().ok_or("no customer left")?;
                timed(|| hand.post(customer))
            },
        )?
        .print();
    hand.writer.wire.take_trips();
    hand.post(*customers.next().ok_or("no customer left")?)?;
    let last = inputs.next().ok_or("no customer left")??;
    print_trips(&mut || Ok(ours.run(last.clone()).map(drop)?), hand.writer.wire.take_trips())?;
    let mut wire = place.wire("bench_ours")?;
    let length = |client: &mut postgres::Client| -> Outcome<i32> {
        let last = "SELECT octet_length(changes) FROM audit ORDER BY seq DESC LIMIT 1";
        Ok(client.query_one(last, &[])?.get(0))
    };
    let (one, other) = (length(&mut wire.client)?, length(&mut hand.writer.wire.client)?);
    if one != other {
        println!("  NOT THE SAME: an entry on the trail has {one} bytes here and {other} by hand");
    }
    Ok(())
}

struct Hand {
    writer: Writer,
    today: i64,
    open: Statement,
    contract: Statement,
    receipt: Statement,
    installments: Statement,
    allocations: Statement,
    journal: Statement,
    text: String,
}

impl Hand {
    fn new(mut writer: Writer, today: i64) -> Outcome<Hand> {
        let open = writer.wire.prepare(
            "SELECT contract, seq, amount, settled, open_amount, due_date FROM installment WHERE direction = 1 AND customer = $1 \
             AND currency = 'CNY' AND open_amount IS NOT NULL AND due_date IS NOT NULL ORDER BY due_date, contract, seq",
        )?;
        let contract = writer.wire.prepare(
            "UPDATE contract SET settled = settled + $2, version = version + 1 WHERE id = $1 RETURNING settled, version",
        )?;
        let receipt = writer.wire.prepare(
            "INSERT INTO receipt (id, number, direction, customer, date, method, amount, currency, handler, allocated, \
             advance, created_at, version) VALUES ($1, $2, 1, $3, $4, 1, $5, 'CNY', $6, $5, 0, $7, 1)",
        )?;
        let installments = writer.wire.prepare(
            "UPDATE installment AS i SET settled = r.settled, open_amount = r.open, status = r.status \
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) \
             AS r (contract, seq, settled, open, status) WHERE i.contract = r.contract AND i.seq = r.seq",
        )?;
        let allocations = writer.wire.prepare(
            "INSERT INTO allocation (receipt, seq, contract, installment, amount, currency, allocated_on) \
             SELECT $1, position, contract, seq, part, 'CNY', $2 \
             FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS r (contract, seq, part, position)",
        )?;
        let journal = writer.wire.prepare(
            "INSERT INTO journal_line (entry, seq, kind, account, date, direction, customer, contract, installment, \
             due_date, document, currency, amount, home) \
             SELECT $1, position, 3, account, $2, 1, $3, contract, seq, due, $4, 'CNY', amount, amount \
             FROM unnest($5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[]) WITH ORDINALITY \
             AS r (account, contract, seq, due, amount, position)",
        )?;
        let text = String::new();
        Ok(Hand { writer, today, open, contract, receipt, installments, allocations, journal, text })
    }

    fn post(&mut self, customer: i64) -> Outcome<()> {
        let Hand { writer, today, .. } = self;
        writer.begin()?;
        let now = crate::hand::now()?;
        let (key, entry, user) = (writer.key(now), writer.key(now), writer.user);
        let number = format!("SK-2026-{:06}", writer.number("receipt-2026")?);
        let total = YUAN_RECEIVED * YUAN;
        let (mut parts, mut left) = (Vec::with_capacity(3), total);
        for row in writer.wire.query(&self.open, &[&customer])? {
            if left == 0 {
                break;
            }
            let open: i64 = row.get(4);
            let part = open.min(left);
            left -= part;
            let (contract, seq, amount, settled) = (row.get(0), row.get(1), row.get(2), row.get(3));
            parts.push(Part { contract, seq, due: row.get(5), amount, settled, open, part });
        }
        let contract = parts.first().ok_or("nothing is open")?.contract;
        writer.wire.execute(&self.receipt, &[&key, &number, &customer, today, &total, &user, &now])?;
        let row = writer.wire.one(&self.contract, &[&contract, &total])?;
        let (settled, version) = (row.get(0), row.get(1));
        let column = |of: fn(&Part) -> i64| -> Vec<i64> { parts.iter().map(of).collect() };
        let (contracts, seqs) = (column(|one| one.contract), column(|one| one.seq));
        let rests: Vec<Option<i64>> = parts.iter().map(Part::rest).collect();
        let (sums, statuses) = (column(|one| one.settled + one.part), column(Part::status));
        writer.wire.execute(&self.installments, &[&contracts, &seqs, &sums, &rests, &statuses])?;
        let given = column(|one| one.part);
        writer.wire.execute(&self.allocations, &[&key, today, &contracts, &seqs, &given])?;
        // The money, and what it leaves open less.
        let lines = |first: Option<i64>, of: fn(&Part) -> i64| -> Vec<Option<i64>> {
            std::iter::once(first).chain(parts.iter().map(|one| Some(of(one)))).collect()
        };
        let accounts = lines(Some(3), |_| 1);
        let (contracts, seqs) = (lines(None, |one| one.contract), lines(None, |one| one.seq));
        let (dues, amounts) = (lines(None, |one| one.due), lines(Some(total), |one| -one.part));
        let heading: [&(dyn ToSql + Sync); 4] = [&entry, today, &customer, &key];
        let columns: [&(dyn ToSql + Sync); 5] = [&accounts, &contracts, &seqs, &dues, &amounts];
        writer.wire.execute(&self.journal, &[heading.as_slice(), columns.as_slice()].concat())?;
        let (number, today, parts) = (number.as_str(), *today, parts.as_slice());
        let posted = Posted { key, entry, number, customer, user, today, now, settled, version, parts };
        changes(&mut self.text, writer.ids, &posted)?;
        writer.end(now, "receipt.post", key, &self.text)
    }
}
