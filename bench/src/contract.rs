//! One contract with a line and six installments, alone in a durable transaction and sixteen in one.

use std::fmt::Write as _;

use crm::app::{CallOptions, Session};
use crm::areas::contract::CreateContract;
use crm::areas::party::Customer;
use crm::kernel::date::Instant;
use crm::kernel::id::Id;
use rusqlite::params;
use uuid::Uuid;

use crate::hand::{self, Hand};
use crate::measure::{Aim, Comparison, Outcome, show_ratio, thousandths, timed};
use crate::setup::Setup;

/// Contracts of a group.
const GROUP: u32 = 16;

pub(crate) const TITLE: &str = "光谱仪采购及安装服务";
pub(crate) const PARTIES: &str = r#"[{"role":"party_a","name":"杭州云栖仪器有限公司","credit_code":null,"signatory":null},{"role":"party_b","name":"本公司","credit_code":null,"signatory":null}]"#;
pub(crate) const TERMS: &str = r#"[{"label":"预付款","share":{"rate":"0.1"},"anchor":"signed","offset":{"days":7},"align":"none","shift":"none","lines":[],"round_to":null,"expected":null,"retention":false,"discount":null},{"label":"第二期","share":{"rate":"0.2"},"anchor":"signed","offset":{"days":30},"align":"none","shift":"none","lines":[],"round_to":null,"expected":null,"retention":false,"discount":null},{"label":"第三期","share":{"rate":"0.2"},"anchor":"signed","offset":{"days":60},"align":"none","shift":"none","lines":[],"round_to":null,"expected":null,"retention":false,"discount":null},{"label":"到货款","share":{"rate":"0.2"},"anchor":"delivered","offset":{"days":10},"align":"none","shift":"none","lines":[],"round_to":null,"expected":null,"retention":false,"discount":null},{"label":"验收款","share":{"rate":"0.2"},"anchor":"accepted","offset":{"months":1},"align":"none","shift":"none","lines":[],"round_to":null,"expected":null,"retention":false,"discount":null},{"label":"质保金","share":"balance","anchor":"accepted","offset":{"months":12},"align":"none","shift":"none","lines":[],"round_to":null,"expected":null,"retention":false,"discount":null}]"#;
/// Label, amount in yuan, anchor and its code.
pub(crate) const INSTALLMENTS: [(&str, i64, &str, i64); 6] = [
    ("预付款", 10_000, "signed", 1),
    ("第二期", 20_000, "signed", 1),
    ("第三期", 20_000, "signed", 1),
    ("到货款", 20_000, "delivered", 3),
    ("验收款", 20_000, "accepted", 4),
    ("质保金", 10_000, "accepted", 4),
];
/// Stored parts of one yuan.
pub(crate) const YUAN: i64 = 10_000;

/// A customer at our session, and our input for a contract with it.
pub(crate) fn input(session: &Session) -> Outcome<(Id<Customer>, CreateContract)> {
    let made =
        session.call("customer.create", r#"{"name": "杭州云栖仪器有限公司"}"#, &CallOptions::default())?;
    let customer: Customer = serde_json::from_str(&made)?;
    let data = format!(
        r#"{{"title": "{TITLE}", "customer": "{}", "starts_on": "2026-01-01", "ends_on": "2026-12-31",
            "parties": {PARTIES}, "terms": {TERMS},
            "lines": [{{"description": "光谱仪", "quantity": "2", "unit": "台", "unit_price": "50000", "tax_rate": "0.13"}}]}}"#,
        customer.id
    );
    Ok((customer.id, serde_json::from_str(&data)?))
}

/// What the trail says of a new contract.
pub(crate) fn changes(
    text: &mut String,
    id: Uuid,
    customer_id: Uuid,
    owner: Uuid,
    number: &str,
    at: Instant,
) -> Outcome<()> {
    text.clear();
    write!(
        text,
        r#"[{{"table":"contract","after":{{"id":"{id}","number":"{number}","title":"{TITLE}","kind":"sales","direction":"receivable","customer":"{customer_id}","parties":{PARTIES},"currency":"CNY","amount":"100000","net":"88495.58","tax":"11504.42","tax_included":true,"tax_rate":null,"settled":"0","surcharge":"0","rate":null,"starts_on":"2026-01-01","ends_on":"2026-12-31","runs_until":null,"notice_days":null,"notice_on":null,"owner":"{owner}","unit":null,"opportunity":null,"status":"draft","terms":{TERMS},"late":null,"submitted_by":null,"signed_on":null,"effective_on":null,"delivered_on":null,"accepted_on":null,"ended_on":null,"termination_reason":null,"note":null,"created_at":"{at}","version":1,"term_set":null,"term_set_revision":null,"recurrence":null}}}},{{"table":"contract_line","after":{{"contract":"{id}","seq":1,"product":null,"description":"光谱仪","quantity":"2","unit":"台","unit_price":"50000","discount":"0","tax_rate":"0.13","currency":"CNY","net":"88495.58","tax":"11504.42","gross":"100000"}}}}"#
    )?;
    for ((label, yuan, anchor, _), seq) in INSTALLMENTS.iter().zip(1..) {
        write!(
            text,
            r#",{{"table":"installment","after":{{"contract":"{id}","seq":{seq},"customer":"{customer_id}","direction":"receivable","currency":"CNY","label":"{label}","amount":"{yuan}","settled":"0","cancelled":"0","discounted":"0","written_off":"0","open_amount":null,"home_open":null,"due_date":null,"status":"planned","anchor":"{anchor}","anchor_date":null,"term":{seq},"kind":"scheduled","forecast_date":null,"released_on":null,"period_from":null,"period_to":null,"late_of":null}}}}"#
        )?;
    }
    text.push(']');
    Ok(())
}

/// The same by hand, within the transaction that is open. `status` is that of the contract: a draft has no open amounts.
fn create(hand: &mut Hand, customer: i64, text: &mut String) -> Outcome<()> {
    let now = hand::now()?;
    let key = hand.key(now);
    let Hand { connection, ids, user, .. } = hand;
    let number = format!("HT-2026-{:06}", hand::number(connection, "contract-2026")?);
    connection
        .prepare_cached(
            "INSERT INTO contract (id, number, title, kind, direction, customer, parties, currency, amount, net, tax, \
             tax_included, settled, starts_on, ends_on, owner, status, terms, created_at, version) \
             VALUES (?1, ?2, ?3, 1, 1, ?4, ?5, 'CNY', ?6, ?7, ?8, 1, 0, 20454, 20818, ?9, 1, ?10, ?11, 1)",
        )?
        .execute(params![
            key,
            number,
            TITLE,
            customer,
            PARTIES,
            100_000 * YUAN,
            884_955_800,
            115_044_200,
            *user,
            TERMS,
            now
        ])?;
    connection
        .prepare_cached(
            "INSERT INTO contract_line (contract, seq, description, quantity, unit, unit_price, discount, tax_rate, \
             currency, net, tax, gross) VALUES (?1, 1, '光谱仪', 2000000, '台', ?2, 0, 130000, 'CNY', ?3, ?4, ?5)",
        )?
        .execute(params![key, 50_000_000_000_i64, 884_955_800, 115_044_200, 100_000 * YUAN])?;
    let mut installment = connection.prepare_cached(
        "INSERT INTO installment (contract, seq, customer, direction, currency, label, amount, settled, cancelled, \
         status, anchor, term) VALUES (?1, ?2, ?3, 1, 'CNY', ?4, ?5, 0, 0, 1, ?6, ?2)",
    )?;
    for ((label, yuan, _, anchor), seq) in INSTALLMENTS.iter().zip(1..) {
        installment.execute(params![key, seq, customer, label, yuan * YUAN, anchor])?;
    }
    let (id, customer_id, owner) = (ids.uuid(key), ids.uuid(customer), ids.uuid(*user));
    let at = Instant::from_micros(now)?;
    changes(text, id, customer_id, owner, &number, at)?;
    hand::audit(connection, *ids, now, *user, "contract.create", key, text)
}

/// Measures it alone and in groups.
pub(crate) fn run(setup: &Setup) -> Outcome<()> {
    let ours = setup.new_ledger("contract-ours")?;
    let (_, input) = input(&ours)?;
    let theirs = setup.new_ledger("contract-by-hand")?;
    let (customer, _) = self::input(&theirs)?;
    let customer = theirs.ledger().ids().key(customer.uuid())?;
    drop(theirs);
    let mut hand = Hand::writer(&setup.path("contract-by-hand"))?;
    let mut text = String::new();
    let mut group = |hand: &mut Hand, size: u32| {
        timed(|| {
            hand.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            for _ in 0..size {
                create(hand, customer, &mut text)?;
            }
            hand.connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(())
        })
    };
    let alone = Comparison::new("contract, line, 6 installments: durable, alone", Aim::WRITES, "contract")
        .pairs(
            setup.rounds,
            setup.writes,
            1,
            || {
                let input = input.clone();
                timed(|| {
                    ours.run(input)?;
                    Ok(())
                })
            },
            || group(&mut hand, 1),
        )?;
    alone.print();
    let grouped = Comparison::new("the same, 16 in a transaction", Aim::WRITES, "contract").pairs(
        setup.rounds,
        setup.writes / 8 + 1,
        GROUP,
        || {
            let inputs = vec![input.clone(); GROUP as usize];
            timed(|| {
                let mut transaction = ours.transaction()?;
                for input in inputs {
                    transaction.run(input)?;
                }
                Ok(transaction.commit()?)
            })
        },
        || group(&mut hand, GROUP),
    )?;
    grouped.print();
    let share = show_ratio(thousandths(grouped.ours(), alone.by_hand()));
    println!("  ours in a group is {share} of one by hand alone (goal 0.2)");
    same_trail(&hand, &setup.path("contract-ours"))
}

/// Says so when the entries on the trail differ in length: then the two sides do not do the same.
pub(crate) fn same_trail(hand: &Hand, ours: &std::path::Path) -> Outcome<()> {
    let last = "SELECT length(CAST(changes AS BLOB)) FROM audit ORDER BY seq DESC LIMIT 1";
    let theirs: i64 = hand.connection.query_row(last, [], |row| row.get(0))?;
    let ours: i64 = Hand::reader(ours)?.connection.query_row(last, [], |row| row.get(0))?;
    if ours != theirs {
        println!("  NOT THE SAME: an entry on the trail has {ours} bytes here and {theirs} by hand");
    }
    Ok(())
}
