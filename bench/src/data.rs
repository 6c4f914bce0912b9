//! Files full of contracts, written by hand as fast as it goes; both sides read the same one.

use rusqlite::{Connection, params};

use crate::contract::YUAN;
use crate::hand::{self, Hand};
use crate::measure::Outcome;
use crate::receipt::JOURNAL;

/// Days over which installments are spread, one in a hundred due on each seven of them.
pub(crate) const DAYS: i64 = 700;

/// How long ago most of a file was posted.
const POSTED_DAYS_AGO: i64 = 40;
/// Contracts that were posted today.
const POSTED_TODAY: u32 = 200;

/// Which installments are open.
#[derive(Clone, Copy)]
pub(crate) enum Open {
    /// All.
    All,
    /// Those that are not due, and of the others one in ten.
    OneInTen,
    /// Those of the first so many contracts; all of them were due within the last 60 days.
    First(u32),
    /// Those of the first so many contracts, all due within 7 days; of the others, all of which were due, one in ten.
    Ahead(u32),
}

/// What a file holds.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// Customers.
    pub(crate) customers: u32,
    /// Contracts in effect, each of six installments; they go round the customers.
    pub(crate) contracts: u32,
    /// Which installments are open.
    pub(crate) open: Open,
    /// Opportunities, all in this pipeline.
    pub(crate) opportunities: Option<(u32, i64)>,
}

/// What was written.
pub(crate) struct Written {
    /// Keys of the customers.
    pub(crate) customers: Vec<i64>,
    /// Today, as the ledger has it.
    pub(crate) today: i64,
}

/// Fills a new ledger.
pub(crate) fn fill(hand: &mut Hand, shape: Shape) -> Outcome<Written> {
    let present = hand::now()?;
    let now = hand.back_to(present - POSTED_DAYS_AGO * 86_400 * 1_000_000);
    let today = (present / 1_000_000 + 8 * 3600).div_euclid(86_400);
    hand.connection.execute_batch("BEGIN IMMEDIATE")?;
    let customers =
        (0..shape.customers).map(|number| customer(hand, now, number)).collect::<Outcome<Vec<i64>>>()?;
    for number in 0..shape.contracts {
        let customer = customers[number as usize % customers.len()];
        let posted = if number + POSTED_TODAY < shape.contracts { now } else { present };
        contract(hand, posted, today, number, customer, shape.open)?;
    }
    if let Some((opportunities, pipeline)) = shape.opportunities {
        for number in 0..opportunities {
            let customer = customers[number as usize % customers.len()];
            opportunity(hand, now, today, number, customer, pipeline)?;
        }
    }
    hand.connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(Written { customers, today })
}

fn customer(hand: &mut Hand, now: i64, number: u32) -> Outcome<i64> {
    let key = hand.key(now);
    hand.connection
        .prepare_cached(
            "INSERT INTO customer (id, name, kind, stage, level, industry, region, phone, address, tags, owner, \
             created_at, version) VALUES (?1, ?2, 1, 2, ?3, '仪器仪表', '杭州', ?4, '文三路 100 号', '', ?5, ?6, 1)",
        )?
        .execute(params![
            key,
            // Names in another order than keys.
            format!("客户{:07}仪器有限公司", u64::from(number) * 7_919 % 9_999_991),
            1 + number % 4,
            format!("0571-{:08}", number),
            hand.user,
            now
        ])?;
    Ok(key)
}

fn contract(hand: &mut Hand, now: i64, today: i64, number: u32, customer: i64, which: Open) -> Outcome<()> {
    let key = hand.key(now);
    let first = today - DAYS / 2;
    let mut settled = 0;
    let mut rows = Vec::with_capacity(6);
    for seq in 1..=6_i64 {
        let number_wide = i64::from(number);
        let due = match which {
            Open::First(contracts) if number < contracts => today - 1 - (number_wide + seq * 7) % 60,
            Open::Ahead(contracts) if number < contracts => today + (number_wide + seq) % 7,
            Open::Ahead(_) => first + (number_wide * 97 + seq * 30) % (DAYS / 2),
            _ => first + (number_wide * 97 + seq * 30) % DAYS,
        };
        let amount = 20_000 * YUAN;
        let open = match which {
            Open::All => true,
            Open::OneInTen => due >= today || (number_wide + seq) % 10 == 0,
            Open::First(contracts) => number < contracts,
            Open::Ahead(contracts) => number < contracts || (number_wide + seq) % 10 == 0,
        };
        settled += if open { 0 } else { amount };
        rows.push((seq, due, amount, open));
    }
    hand.connection
        .prepare_cached(
            "INSERT INTO contract (id, number, title, kind, direction, customer, parties, currency, amount, net, tax, \
             tax_included, settled, starts_on, ends_on, runs_until, owner, status, terms, signed_on, effective_on, \
             created_at, version) VALUES (?1, ?2, '光谱仪采购及安装服务', 1, 1, ?3, '[]', 'CNY', ?4, ?5, ?6, 1, ?7, \
             ?8, ?9, ?9, ?10, 5, '[]', ?8, ?8, ?11, 1)",
        )?
        .execute(params![
            key,
            format!("B-{number:07}"),
            customer,
            120_000 * YUAN,
            1_061_946_900,
            138_053_100,
            settled,
            first,
            today + DAYS,
            hand.user,
            now
        ])?;
    let mut installment = hand.connection.prepare_cached(
        "INSERT INTO installment (contract, seq, customer, direction, currency, label, amount, settled, cancelled, \
         open_amount, due_date, status, anchor, anchor_date, term) \
         VALUES (?1, ?2, ?3, 1, 'CNY', ?4, ?5, ?6, 0, ?7, ?8, ?9, 1, ?10, ?2)",
    )?;
    for (seq, due, amount, open) in &rows {
        installment.execute(params![
            key,
            seq,
            customer,
            LABELS[*seq as usize % LABELS.len()],
            amount,
            if *open { 0 } else { *amount },
            open.then_some(*amount),
            due,
            if *open { 2 } else { 3 },
            first
        ])?;
    }
    drop(installment);
    let booked = Booked { customer, contract: key, rows: &rows };
    charge(hand, now, first, &booked)?;
    if settled > 0 {
        receipt(hand, now, today, number, &booked)?;
    }
    Ok(())
}

/// A contract for the settlement journal: its installments by position, due date, amount, and whether they are open.
struct Booked<'b> {
    customer: i64,
    contract: i64,
    rows: &'b [(i64, i64, i64, bool)],
}

/// The entry by which installments are owed.
fn charge(hand: &mut Hand, now: i64, date: i64, booked: &Booked<'_>) -> Outcome<()> {
    let Booked { customer, contract, rows } = booked;
    let entry = hand.key(now);
    let mut line = hand.connection.prepare_cached(JOURNAL)?;
    let (none, mut total) = (None::<i64>, 0);
    for (seq, due, amount, _) in *rows {
        total += amount;
        line.execute(params![entry, seq, 1, 1, date, customer, contract, seq, due, none, amount])?;
    }
    let position = rows.len() as i64 + 1;
    line.execute(params![entry, position, 1, 2, date, customer, contract, none, none, none, -total])?;
    Ok(())
}

/// One receipt for all that is settled of a contract.
fn receipt(hand: &mut Hand, now: i64, today: i64, number: u32, booked: &Booked<'_>) -> Outcome<()> {
    let Booked { customer, contract, rows } = booked;
    let (key, entry) = (hand.key(now), hand.key(now));
    let settled = || rows.iter().filter(|(_, _, _, open)| !open);
    let total: i64 = settled().map(|(_, _, amount, _)| amount).sum();
    let date = settled().map(|(_, due, ..)| *due).max().unwrap_or(today).min(today - 1);
    hand.connection
        .prepare_cached(
            "INSERT INTO receipt (id, number, direction, customer, date, method, amount, currency, handler, allocated, \
             advance, created_at, version) VALUES (?1, ?2, 1, ?3, ?4, 1, ?5, 'CNY', ?6, ?5, 0, ?7, 1)",
        )?
        .execute(params![key, format!("B-{number:07}"), customer, date, total, hand.user, now])?;
    let mut allocation = hand.connection.prepare_cached(
        "INSERT INTO allocation (receipt, seq, contract, installment, amount, currency, allocated_on) \
         VALUES (?1, ?2, ?3, ?4, ?5, 'CNY', ?6)",
    )?;
    let mut line = hand.connection.prepare_cached(JOURNAL)?;
    let none = None::<i64>;
    line.execute(params![entry, 1, 3, 3, date, customer, none, none, none, key, total])?;
    for ((seq, due, amount, _), position) in settled().zip(1..) {
        allocation.execute(params![key, position, contract, seq, amount, date])?;
        line.execute(params![entry, position + 1, 3, 1, date, customer, contract, seq, due, key, -amount])?;
    }
    Ok(())
}

const LABELS: [&str; 6] = ["质保金", "预付款", "第二期", "第三期", "到货款", "验收款"];

fn opportunity(
    hand: &mut Hand,
    now: i64,
    today: i64,
    number: u32,
    customer: i64,
    pipeline: i64,
) -> Outcome<()> {
    let key = hand.key(now);
    // Half of them open in four stages, the others won (5) or lost (6).
    let (stage, status) = match number % 8 {
        low @ 0..4 => (i64::from(low) + 1, 1),
        4 | 5 => (5, 2),
        _ => (6, 3),
    };
    let amount = i64::from(number % 997) * 1_000 * YUAN;
    hand.connection
        .prepare_cached(
            "INSERT INTO opportunity (id, number, name, customer, pipeline, stage, stage_name, reached_stage, status, \
             probability, expected_amount, currency, expected_close, open_expected_close, opened_on, closed_on, \
             closed_amount, stage_since, owner, created_at, version) \
             VALUES (?1, ?2, '质谱仪更新', ?3, ?4, ?5, '阶段', ?6, ?7, 300000, ?8, 'CNY', ?9, ?10, ?11, ?12, ?13, ?11, \
             ?14, ?15, 1)",
        )?
        .execute(params![
            key,
            format!("B-{number:07}"),
            customer,
            pipeline,
            stage,
            1 + i64::from(number % 4),
            status,
            amount,
            today + i64::from(number % 180),
            (status == 1).then_some(today + i64::from(number % 180)),
            today - i64::from(number % 365),
            (status != 1).then_some(today - i64::from(number % 90)),
            (status == 2).then_some(amount),
            hand.user,
            now
        ])?;
    Ok(())
}

/// Bytes of the tables whose name, or the name of whose index, begins with one of these words.
pub(crate) fn bytes(connection: &Connection, tables: &[&str]) -> Outcome<i64> {
    let mut sum = 0;
    let mut statement = connection.prepare(
        "SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name IN \
         (SELECT name FROM sqlite_schema WHERE tbl_name = ?1)",
    )?;
    for table in tables {
        sum += statement.query_row([table], |row| row.get::<_, Option<i64>>(0))?.unwrap_or_default();
    }
    Ok(sum)
}
