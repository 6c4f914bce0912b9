//! Customers with external references from a CSV text into live indexes.

use std::fmt::Write as _;

use crm::areas::import::RunImport;
use rusqlite::params;
use serde_json::json;

use crate::data;
use crate::hand::{self, Hand};
use crate::measure::{Aim, Comparison, Outcome, timed};
use crate::setup::Setup;

/// Measures it.
pub(crate) fn run(setup: &Setup) -> Outcome<()> {
    let text = csv_text(setup.customers)?;
    let input = input(&text)?;
    let (mut sizes, mut failed) = ((0, 0), 0);
    let compared = Comparison::new("import of customers with references from CSV", Aim::WRITES, "customer")
        .rounds(
        setup.rounds,
        setup.customers,
        || {
            let session = setup.new_ledger("import-ours")?;
            let input = input.clone();
            let time = timed(|| {
                failed = session.run(input)?.failed;
                Ok(())
            })?;
            drop(session);
            let hand = Hand::writer(&setup.path("import-ours"))?;
            sizes.0 = data::bytes(&hand.connection, &["customer", "external_reference"])?;
            sizes.1 = data::bytes(&hand.connection, &["audit"])?;
            Ok(time)
        },
        || {
            drop(setup.new_ledger("import-by-hand")?);
            let mut hand = Hand::writer(&setup.path("import-by-hand"))?;
            timed(|| by_hand(&mut hand, &text))
        },
    )?;
    compared.print();
    let customers = i64::from(setup.customers.max(1));
    println!(
        "  size: {} bytes a customer with its reference, {} on the trail",
        sizes.0 / customers,
        sizes.1 / customers
    );
    if failed > 0 {
        println!("  NOT THE SAME: {failed} rows failed");
    }
    Ok(())
}

/// Our input for the file.
pub(crate) fn input(text: &str) -> Outcome<RunImport> {
    let columns = ["name", "level", "industry", "region", "credit_code", "phone", "address"];
    let mapping: Vec<_> = columns.iter().map(|name| json!({ "column": name, "field": name })).collect();
    Ok(serde_json::from_value(json!({
        "kind": "customer", "content": { "text": text }, "system": "erp", "key": "key", "mapping": mapping,
    }))?)
}

/// The code of a level.
pub(crate) fn level(text: &str) -> i64 {
    match text {
        "A" => 1,
        "B" => 2,
        "C" => 3,
        _ => 4,
    }
}

fn by_hand(hand: &mut Hand, text: &str) -> Outcome<()> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    hand.connection.execute_batch("BEGIN IMMEDIATE")?;
    let now = hand::now()?;
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row)? {
        let key = hand.key(now);
        let cell = |at: usize| row.get(at).filter(|text| !text.is_empty());
        let level = cell(2).map(level);
        hand.connection
            .prepare_cached(
                "INSERT INTO customer (id, name, kind, stage, level, industry, region, credit_code, phone, address, \
                 tags, owner, created_at, version) VALUES (?1, ?2, 1, 1, ?3, ?4, ?5, ?6, ?7, ?8, '', ?9, ?10, 1)",
            )?
            .execute(params![
                key,
                cell(1),
                level,
                cell(3),
                cell(4),
                cell(5),
                cell(6),
                cell(7),
                hand.user,
                now
            ])?;
        hand.connection
            .prepare_cached(
                "INSERT INTO external_reference (system, value, kind, record) VALUES ('erp', ?1, 'customer', ?2)",
            )?
            .execute(params![cell(0), key])?;
    }
    Ok(hand.connection.execute_batch("COMMIT")?)
}

/// The file: names in no order, keys in order, every credit code right.
pub(crate) fn csv_text(rows: u32) -> Outcome<String> {
    let mut text = String::from("key,name,level,industry,region,credit_code,phone,address\n");
    for number in 0..u64::from(rows) {
        let name = number * 7_919 % 9_999_991;
        let level = ["A", "B", "C", "D"][number as usize % 4];
        let code = credit_code(number);
        writeln!(
            text,
            "K{number:07},客户{name:07}仪器有限公司,{level},仪器仪表,杭州,{code},0571-{number:08},文三路 {number} 号"
        )?;
    }
    Ok(text)
}

fn credit_code(number: u64) -> String {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut code = format!("91330100{number:09}");
    let (mut sum, mut weight) = (0, 1);
    for byte in code.bytes() {
        sum += ALPHABET.iter().position(|known| *known == byte).unwrap_or_default() * weight;
        weight = weight * 3 % 31;
    }
    code.push(char::from(ALPHABET[(31 - sum % 31) % 31]));
    code
}
