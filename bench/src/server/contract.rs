//! One contract with a line and six installments, in a durable transaction.

use crm::kernel::date::Instant;
use postgres::Statement;

use super::hand::Writer;
use super::{Place, print_trips};
use crate::contract::{INSTALLMENTS, PARTIES, TERMS, TITLE, YUAN, changes, input};
use crate::measure::{Aim, Comparison, Outcome, timed};
use crate::setup::Setup;

/// Measures it.
pub(super) fn run(setup: &Setup, place: &Place) -> Outcome<()> {
    let (ours, theirs) = (place.new_ledger("bench_ours")?, place.new_ledger("bench_by_hand")?);
    let (_, contract) = input(&ours)?;
    let customer = theirs.ledger().ids().key(input(&theirs)?.0.uuid())?;
    let mut hand = Hand::new(Writer::new(place.wire("bench_by_hand")?, theirs.ledger().ids())?)?;
    let work = || -> Outcome<()> { Ok(ours.run(contract.clone()).map(drop)?) };
    Comparison::new("contract, line, 6 installments: durable, alone", Aim::WRITES, "contract")
        .pairs(setup.rounds, setup.writes, 1, || timed(work), || timed(|| hand.create(customer)))?
        .print();
    hand.writer.wire.take_trips();
    hand.create(customer)?;
    print_trips(&mut || work(), hand.writer.wire.take_trips())
}

struct Hand {
    writer: Writer,
    contract: Statement,
    line: Statement,
    installments: Statement,
    text: String,
}

impl Hand {
    fn new(mut writer: Writer) -> Outcome<Hand> {
        let contract = writer.wire.prepare(
            "INSERT INTO contract (id, number, title, kind, direction, customer, parties, currency, amount, net, tax, \
             tax_included, settled, starts_on, ends_on, owner, status, terms, created_at, version) \
             VALUES ($1, $2, $3, 1, 1, $4, $5, 'CNY', $6, $7, $8, 1, 0, 20454, 20818, $9, 1, $10, $11, 1)",
        )?;
        let line = writer.wire.prepare(
            "INSERT INTO contract_line (contract, seq, description, quantity, unit, unit_price, discount, tax_rate, \
             currency, net, tax, gross) VALUES ($1, 1, '光谱仪', 2000000, '台', $2, 0, 130000, 'CNY', $3, $4, $5)",
        )?;
        let installments = writer.wire.prepare(
            "INSERT INTO installment (contract, seq, customer, direction, currency, label, amount, settled, cancelled, \
             status, anchor, term) SELECT $1, seq, $2, 1, 'CNY', label, amount, 0, 0, 1, anchor, seq \
             FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) AS rows (seq, label, amount, anchor)",
        )?;
        Ok(Hand { writer, contract, line, installments, text: String::new() })
    }

    fn create(&mut self, customer: i64) -> Outcome<()> {
        let Hand { writer, .. } = self;
        writer.begin()?;
        let now = crate::hand::now()?;
        let (key, user) = (writer.key(now), writer.user);
        let number = format!("HT-2026-{:06}", writer.number("contract-2026")?);
        let (amount, net, tax) = (100_000 * YUAN, 884_955_800_i64, 115_044_200_i64);
        writer.wire.execute(
            &self.contract,
            &[&key, &number, &TITLE, &customer, &PARTIES, &amount, &net, &tax, &user, &TERMS, &now],
        )?;
        writer.wire.execute(&self.line, &[&key, &50_000_000_000_i64, &net, &tax, &amount])?;
        let seqs: Vec<i64> = (1..=6).collect();
        let labels: Vec<&str> = INSTALLMENTS.iter().map(|(label, ..)| *label).collect();
        let amounts: Vec<i64> = INSTALLMENTS.iter().map(|(_, yuan, ..)| yuan * YUAN).collect();
        let anchors: Vec<i64> = INSTALLMENTS.iter().map(|(.., anchor)| *anchor).collect();
        writer.wire.execute(&self.installments, &[&key, &customer, &seqs, &labels, &amounts, &anchors])?;
        let (id, owner) = (writer.ids.uuid(key), writer.ids.uuid(user));
        changes(&mut self.text, id, writer.ids.uuid(customer), owner, &number, Instant::from_micros(now)?)?;
        writer.end(now, "contract.create", key, &self.text)
    }
}
