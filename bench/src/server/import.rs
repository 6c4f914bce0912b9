//! Customers with external references from a CSV text into live indexes.

use super::hand::Writer;
use super::{Place, print_trips};
use crate::import::{csv_text, input, level};
use crate::measure::{Aim, Comparison, Outcome, timed};
use crate::setup::Setup;

/// Rows that a careful person sends at once.
const AT_ONCE: usize = 1_000;

/// Measures it.
pub(super) fn run(setup: &Setup, place: &Place) -> Outcome<()> {
    let text = csv_text(setup.customers)?;
    let input = input(&text)?;
    let mut failed = 0;
    let mut trips = 0;
    Comparison::new("import of customers with references from CSV", Aim::WRITES, "customer")
        .rounds(
            setup.rounds,
            setup.customers,
            || {
                let (session, input) = (place.new_ledger("bench_ours")?, input.clone());
                timed(|| {
                    failed = session.run(input)?.failed;
                    Ok(())
                })
            },
            || {
                let session = place.new_ledger("bench_by_hand")?;
                let mut hand = Writer::new(place.wire("bench_by_hand")?, session.ledger().ids())?;
                let time = timed(|| by_hand(&mut hand, &text))?;
                trips = hand.wire.take_trips();
                Ok(time)
            },
        )?
        .print();
    let session = place.new_ledger("bench_ours")?;
    print_trips(&mut || Ok(session.run(input.clone()).map(drop)?), trips)?;
    if failed > 0 {
        println!("  NOT THE SAME: {failed} rows failed");
    }
    Ok(())
}

fn by_hand(hand: &mut Writer, text: &str) -> Outcome<()> {
    let customers = hand.wire.prepare(
        "INSERT INTO customer (id, name, kind, stage, level, industry, region, credit_code, phone, address, tags, owner, \
         created_at, version) SELECT id, name, 1, 1, level, industry, region, code, phone, address, '', $9, $10, 1 \
         FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) \
         AS rows (id, name, level, industry, region, code, phone, address)",
    )?;
    let references = hand.wire.prepare(
        "INSERT INTO external_reference (system, value, kind, record) SELECT 'erp', value, 'customer', record \
         FROM unnest($1::text[], $2::bigint[]) AS rows (value, record)",
    )?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().collect::<Result<Vec<csv::StringRecord>, _>>()?;
    hand.begin()?;
    let now = crate::hand::now()?;
    for rows in rows.chunks(AT_ONCE) {
        let keys: Vec<i64> = rows.iter().map(|_| hand.key(now)).collect();
        let column = |at: usize| -> Vec<Option<&str>> {
            rows.iter().map(|row| row.get(at).filter(|text| !text.is_empty())).collect()
        };
        let levels: Vec<Option<i64>> = column(2).into_iter().map(|text| text.map(level)).collect();
        let user = hand.user;
        hand.wire.execute(
            &customers,
            &[
                &keys,
                &column(1),
                &levels,
                &column(3),
                &column(4),
                &column(5),
                &column(6),
                &column(7),
                &user,
                &now,
            ],
        )?;
        hand.wire.execute(&references, &[&column(0), &keys])?;
    }
    hand.wire.batch("COMMIT")
}
