//! Reads over a large file: what is due, aging, single records, deep pages, the funnel, and the memory of a reader.

use std::path::Path;
use std::process::Command;

use crm::ClockOption;
use crm::app::{CallOptions, ListRequest, Rows, Session};
use crm::areas::opportunity::OpportunityFunnel;
use crm::areas::party::{GetCustomer, ListCustomers};
use crm::areas::settlement::{SettlementAging, SettlementDue};
use crm::kernel::date;
use crm::store::dataset::SortBy;
use crm::store::expr::{Expr, Operand};
use crm::store::plan::Direction;
use rusqlite::params;
use serde_json::{Value, json};

use crate::data::{self, Open, Shape, Written, fill};
use crate::hand::Hand;
use crate::measure::{Aim, Comparison, Outcome, timed};
use crate::setup::{Setup, open};
use crate::verify;

/// Days that are looked ahead, today included.
pub(crate) const AHEAD: i64 = 7;
/// Records read one by one in a round.
const SINGLE: u32 = 2_000;
/// Rows that a reader hands out at once.
const ROWS_AT_ONCE: u32 = 10_000;

/// The file, and both sides at it.
pub(crate) struct Reads {
    /// Ours.
    pub(crate) session: Session,
    /// By hand.
    pub(crate) hand: Hand,
    written: Written,
    pipeline: i64,
}

/// Writes the file, once.
pub(crate) fn reads(setup: &Setup) -> Outcome<&Reads> {
    if let Some(reads) = setup.reads.get() {
        return Ok(reads);
    }
    let path = setup.path(FILE);
    let session = setup.new_ledger(FILE)?;
    let pipeline: Value = serde_json::from_str(&session.call(
        "pipeline.create",
        r#"{"name": "直销", "default": true, "stages": [{"name": "线索", "probability": "0.1"}, {"name": "分析", "probability": "0.3"},
            {"name": "报价", "probability": "0.5"}, {"name": "谈判", "probability": "0.8"}]}"#,
        &CallOptions::default(),
    )?)?;
    let pipeline = pipeline["id"].as_str().unwrap_or_default().parse()?;
    let pipeline = session.ledger().ids().key(pipeline)?;
    drop(session);
    let shape = Shape {
        customers: setup.contracts / 3,
        contracts: setup.contracts,
        open: Open::OneInTen,
        opportunities: Some((setup.contracts * 3 / 5, pipeline)),
    };
    let mut hand = Hand::writer(&path)?;
    let written = fill(&mut hand, shape)?;
    println!(
        "file: {} customers, {} contracts, {} installments, {} opportunities, {} MiB",
        shape.customers,
        shape.contracts,
        shape.contracts * 6,
        setup.contracts * 3 / 5,
        std::fs::metadata(&path)?.len() >> 20
    );
    let contracts = i64::from(shape.contracts.max(1));
    let lines: i64 = hand.connection.query_row("SELECT count(*) FROM journal_line", [], |row| row.get(0))?;
    println!(
        "  size: {} bytes a customer, {} a contract without its installments, {} an installment, {} a line of the journal; \
         indexes included",
        data::bytes(&hand.connection, &["customer"])? / i64::from(shape.customers.max(1)),
        data::bytes(&hand.connection, &["contract"])? / contracts,
        data::bytes(&hand.connection, &["installment"])? / contracts / 6,
        data::bytes(&hand.connection, &["journal_line"])? / lines.max(1),
    );
    drop(hand);
    let session = open(&path, ClockOption::System)?;
    if setup.is_quick {
        verify::clean(&session)?;
    }
    let hand = Hand::reader(&path)?;
    Ok(setup.reads.get_or_init(|| Reads { session, hand, written, pipeline }))
}

/// The file's name.
const FILE: &str = "reads";

/// An installment as a person writes it down.
#[expect(dead_code, reason = "it is read and then dropped, as ours is")]
struct Due {
    contract: i64,
    seq: i64,
    contract_number: String,
    customer: i64,
    customer_name: String,
    owner: Option<i64>,
    label: String,
    direction: i64,
    currency: String,
    amount: i64,
    open_amount: i64,
    due_date: i64,
}

pub(crate) fn count_due_by_hand(hand: &Hand, today: i64) -> Outcome<u32> {
    Ok(u32::try_from(due_by_hand(hand, today)?.len())?)
}

fn due_by_hand(hand: &Hand, today: i64) -> Outcome<Vec<Due>> {
    let mut statement = hand.connection.prepare_cached(
        "SELECT i.contract, i.seq, c.number, i.customer, u.name, c.owner, i.label, i.direction, i.currency, i.amount, \
         i.open_amount, i.due_date FROM installment i JOIN contract c ON c.id = i.contract \
         JOIN customer u ON u.id = i.customer WHERE i.open_amount IS NOT NULL AND i.due_date BETWEEN ?1 AND ?2 \
         ORDER BY i.due_date, i.contract, i.seq",
    )?;
    let rows = statement.query_map([today, today + AHEAD - 1], |row| {
        Ok(Due {
            contract: row.get(0)?,
            seq: row.get(1)?,
            contract_number: row.get(2)?,
            customer: row.get(3)?,
            customer_name: row.get(4)?,
            owner: row.get(5)?,
            label: row.get(6)?,
            direction: row.get(7)?,
            currency: row.get(8)?,
            amount: row.get(9)?,
            open_amount: row.get(10)?,
            due_date: row.get(11)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What is due on these days, for a reader.
pub(crate) fn due_rows(today: i64) -> Outcome<Rows> {
    let text = |value: &str| value.to_owned();
    let day =
        |number: i64| -> Outcome<Operand> { Ok(Operand::Text(date::from_day_number(number)?.to_string())) };
    Ok(Rows {
        dataset: text("installment"),
        select: [
            "contract",
            "seq",
            "contract_number",
            "customer",
            "customer_name",
            "owner",
            "label",
            "direction",
            "currency",
            "amount",
            "open_amount",
            "due_date",
        ]
        .map(str::to_owned)
        .to_vec(),
        filter: Some(Expr::And(vec![
            Expr::Present(text("open_amount")),
            Expr::AtLeast(text("due_date"), day(today)?),
            Expr::AtMost(text("due_date"), day(today + AHEAD - 1)?),
        ])),
        sort: vec![SortBy { field: text("due_date"), direction: Direction::Ascending }],
        limit: None,
        cursor: None,
    })
}

/// Reads them through a reader.
pub(crate) fn read_due(session: &Session, request: &Rows, hits: u32) -> Outcome<()> {
    let (mut reader, mut rows) = (session.reader(request.clone())?, 0);
    while let Some(frame) = reader.next(ROWS_AT_ONCE)? {
        rows += frame.rows.len();
    }
    expect(rows, hits)
}

/// Reads them through the operation, a thousand at a time.
pub(crate) fn page_due(session: &Session, today: i64, hits: u32) -> Outcome<()> {
    let (today, last) = (date::from_day_number(today)?, date::from_day_number(today + AHEAD - 1)?);
    let input = json!({ "from": today.to_string(), "until": last.to_string(), "limit": 1000 });
    let mut input: SettlementDue = serde_json::from_value(input)?;
    let mut rows = 0;
    loop {
        let page = session.run(input.clone())?;
        rows += page.items.len();
        input.cursor = page.next;
        if input.cursor.is_none() {
            return expect(rows, hits);
        }
    }
}

/// What is due: through a reader, and through the operation.
pub(crate) fn due(setup: &Setup) -> Outcome<()> {
    let Reads { session, hand, written, .. } = reads(setup)?;
    let hits = count_due_by_hand(hand, written.today)?;
    let request = due_rows(written.today)?;
    let by_hand = || {
        timed(|| {
            due_by_hand(hand, written.today)?;
            Ok(())
        })
    };
    Comparison::new("due within 7 days: reader, rows of cells", Aim::READS, "hit")
        .rounds(setup.rounds * 3, hits, || timed(|| read_due(session, &request, hits)), by_hand)?
        .print();
    Comparison::new("due within 7 days: settlement.due, pages of 1000", Aim::READS, "hit")
        .rounds(setup.rounds * 3, hits, || timed(|| page_due(session, written.today, hits)), by_hand)?
        .print();
    Ok(())
}

/// Aging of all customers, a thousand at a time.
pub(crate) fn page_aging(session: &Session, groups: u32) -> Outcome<()> {
    let mut input = SettlementAging { limit: Some(1000), ..SettlementAging::default() };
    let mut rows = 0;
    loop {
        let report = session.run(input.clone())?;
        rows += report.rows.len();
        input.cursor = report.next;
        if input.cursor.is_none() {
            return expect(rows, groups);
        }
    }
}

/// Aging of the hundred customers with the most open.
pub(crate) fn top_aging(session: &Session, groups: u32) -> Outcome<()> {
    let input = SettlementAging { top: Some(100), ..SettlementAging::default() };
    expect(session.run(input)?.rows.len(), 100.min(groups))
}

pub(crate) fn expect(found: usize, expected: u32) -> Outcome<()> {
    if found as u64 == u64::from(expected) {
        Ok(())
    } else {
        Err(format!("{found} rows, not {expected}").into())
    }
}

/// Open amounts of a customer by hand, with its name and the currency: not due, 1–30, 31–60, 61–90 days, more; and all.
type Aged = (i64, String, String, [i64; 6]);

const AGING: &str = "SELECT customer, currency, \
     sum(CASE WHEN due_date >= ?1 THEN open_amount ELSE 0 END), \
     sum(CASE WHEN due_date < ?1 AND due_date >= ?1 - 30 THEN open_amount ELSE 0 END), \
     sum(CASE WHEN due_date < ?1 - 30 AND due_date >= ?1 - 60 THEN open_amount ELSE 0 END), \
     sum(CASE WHEN due_date < ?1 - 60 AND due_date >= ?1 - 90 THEN open_amount ELSE 0 END), \
     sum(CASE WHEN due_date < ?1 - 90 THEN open_amount ELSE 0 END), sum(open_amount) AS total \
     FROM installment WHERE direction = 1 AND open_amount IS NOT NULL GROUP BY customer, currency";

fn aged(row: &rusqlite::Row<'_>) -> rusqlite::Result<Aged> {
    let sums = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?];
    Ok((row.get(0)?, row.get(8)?, row.get(1)?, sums))
}

/// How many customers have something open; `is_top` for a hundred of them at most.
pub(crate) fn count_aging_by_hand(hand: &Hand, today: i64, is_top: bool) -> Outcome<u32> {
    Ok(u32::try_from(aging_sql(hand, today, if is_top { TOP } else { "" })?.len())?)
}

fn aging_sql(hand: &Hand, today: i64, rest: &str) -> Outcome<Vec<Aged>> {
    let mut statement = hand.connection.prepare_cached(&format!(
        "SELECT t.*, u.name FROM ({AGING} {rest}) t JOIN customer u ON u.id = t.customer"
    ))?;
    let rows = statement.query_map([today], aged)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Only the customers with the most open.
const TOP: &str = "ORDER BY total DESC, customer LIMIT 100";

/// The same, folded in Rust while the index is read in its order.
fn aging_fold(hand: &Hand, today: i64) -> Outcome<Vec<Aged>> {
    let mut name = hand.connection.prepare_cached("SELECT name FROM customer WHERE id = ?1")?;
    let mut statement = hand.connection.prepare_cached(
        "SELECT customer, currency, due_date, open_amount FROM installment \
         WHERE direction = 1 AND open_amount IS NOT NULL ORDER BY customer, currency",
    )?;
    hand.connection.execute_batch("BEGIN")?;
    let mut rows = statement.query([])?;
    let mut found: Vec<Aged> = Vec::new();
    while let Some(row) = rows.next()? {
        let customer: i64 = row.get(0)?;
        let currency = row.get_ref(1)?.as_str()?;
        let (due, open): (i64, i64) = (row.get(2)?, row.get(3)?);
        let bucket = match today - due {
            ..1 => 0,
            1..31 => 1,
            31..61 => 2,
            61..91 => 3,
            _ => 4,
        };
        match found.last_mut().filter(|last| last.0 == customer && last.2 == currency) {
            Some((_, _, _, sums)) => {
                sums[bucket] += open;
                sums[5] += open;
            }
            None => {
                let mut sums = [0; 6];
                sums[bucket] = open;
                sums[5] = open;
                let name = name.query_row([customer], |row| row.get(0))?;
                found.push((customer, name, currency.to_owned(), sums));
            }
        }
    }
    drop(rows);
    hand.connection.execute_batch("COMMIT")?;
    Ok(found)
}

/// Aging: of all customers, and of the hundred with the most open.
pub(crate) fn aging(setup: &Setup) -> Outcome<()> {
    let Reads { session, hand, written, .. } = reads(setup)?;
    let groups = u32::try_from(aging_sql(hand, written.today, "")?.len())?;
    expect(aging_fold(hand, written.today)?.len(), groups)?;
    let all = || timed(|| page_aging(session, groups));
    let sql = || {
        timed(|| {
            aging_sql(hand, written.today, "")?;
            Ok(())
        })
    };
    let fold = || {
        timed(|| {
            aging_fold(hand, written.today)?;
            Ok(())
        })
    };
    let top = || timed(|| top_aging(session, groups));
    let top_sql = || timed(|| expect(aging_sql(hand, written.today, TOP)?.len(), 100.min(groups)));
    let line = |name| Comparison::new(name, Aim::READS, "customer");
    line("aging, all, pages of 1000 / GROUP BY").rounds(setup.rounds, groups, all, sql)?.print();
    line("aging, all, pages of 1000 / fold by hand").rounds(setup.rounds, groups, all, fold)?.print();
    line("aging, top 100 / GROUP BY").rounds(setup.rounds, groups, top, top_sql)?.print();
    line("aging, top 100 / fold by hand of all").rounds(setup.rounds, groups, top, fold)?.print();
    Ok(())
}

/// Single records.
pub(crate) fn single(setup: &Setup) -> Outcome<()> {
    let Reads { session, hand, written, .. } = reads(setup)?;
    let ids = session.ledger().ids();
    // Far apart, so that pages differ.
    let count = written.customers.len();
    let keys: Vec<i64> = (0..SINGLE as usize).map(|at| written.customers[at * 7_919 % count]).collect();
    let ours = || {
        timed(|| {
            for key in &keys {
                session.run(GetCustomer { id: ids.id(*key) })?;
            }
            Ok(())
        })
    };
    let by_hand = || {
        timed(|| {
            for key in &keys {
                let mut statement = hand.connection.prepare_cached(CUSTOMER)?;
                statement.query_row([key], customer)?;
            }
            Ok(())
        })
    };
    Comparison::new("customer.get, one by one", Aim::NONE, "customer")
        .rounds(setup.rounds * 3, SINGLE, ours, by_hand)?
        .print();
    Ok(())
}

const CUSTOMER: &str = "SELECT id, name, kind, stage, level, industry, region, credit_code, phone, address, tags, owner, \
     unit, note, created_at, version FROM customer WHERE id = ?1";

type Customer = ([i64; 3], [Option<i64>; 3], String, String, [Option<String>; 6], [i64; 2]);

fn customer(row: &rusqlite::Row<'_>) -> rusqlite::Result<Customer> {
    Ok((
        [row.get(0)?, row.get(2)?, row.get(3)?],
        [row.get(4)?, row.get(11)?, row.get(12)?],
        row.get(1)?,
        row.get(10)?,
        [row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?, row.get(13)?],
        [row.get(14)?, row.get(15)?],
    ))
}

/// A page far down a list.
pub(crate) fn page(setup: &Setup) -> Outcome<()> {
    let Reads { session, hand, .. } = reads(setup)?;
    let request = ListRequest {
        sort: vec![SortBy { field: "name".to_owned(), direction: Direction::Ascending }],
        limit: Some(1000),
        ..ListRequest::default()
    };
    let mut page = session.run(ListCustomers(request.clone()))?;
    for _ in 0..(setup.contracts / 3_000).saturating_sub(2) * 9 / 10 {
        let cursor = page.next.take();
        page = session.run(ListCustomers(ListRequest { cursor, ..request.clone() }))?;
    }
    let (Some(last), Some(cursor)) = (page.items.last(), page.next) else {
        return Err("too few customers".into());
    };
    let ids = session.ledger().ids();
    let (name, key) = (last.name.clone(), ids.key(last.id.uuid())?);
    let request = ListRequest { cursor: Some(cursor), limit: Some(100), ..request };
    let sql = CUSTOMER.replace("id = ?1", "(name, id) > (?1, ?2 COLLATE BINARY) ORDER BY name, id LIMIT 101");
    const PAGES: u32 = 50;
    let ours = || {
        timed(|| {
            for _ in 0..PAGES {
                expect(session.run(ListCustomers(request.clone()))?.items.len(), 100)?;
            }
            Ok(())
        })
    };
    let by_hand = || {
        timed(|| {
            for _ in 0..PAGES {
                let mut statement = hand.connection.prepare_cached(&sql)?;
                let rows = statement.query_map(params![name, key], customer)?;
                expect(rows.collect::<rusqlite::Result<Vec<Customer>>>()?.len(), 101)?;
            }
            Ok(())
        })
    };
    let name = "customer.list by name, 100 rows nine tenths down";
    Comparison::new(name, Aim::READS, "page").rounds(setup.rounds * 3, PAGES, ours, by_hand)?.print();
    Ok(())
}

/// The funnel.
pub(crate) fn funnel(setup: &Setup) -> Outcome<()> {
    let Reads { session, hand, pipeline, .. } = reads(setup)?;
    let ours = || {
        timed(|| {
            session.run(OpportunityFunnel::default())?;
            Ok(())
        })
    };
    let by_hand = || {
        timed(|| {
            let mut statement = hand.connection.prepare_cached(
                "SELECT status, stage, reached_stage, currency, count(*), sum(expected_amount), sum(closed_amount) \
                 FROM opportunity WHERE pipeline = ?1 GROUP BY status, stage, reached_stage, currency",
            )?;
            let rows = statement.query_map([pipeline], |row| {
                let sums: [Option<i64>; 3] = [row.get(4)?, row.get(5)?, row.get(6)?];
                Ok(([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?], row.get::<_, String>(3)?, sums))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(())
        })
    };
    Comparison::new("opportunity.funnel", Aim::READS, "funnel")
        .rounds(setup.rounds, 1, ours, by_hand)?
        .print();
    Ok(())
}

/// The argument that makes this program read rows and say how much memory that took.
pub(crate) const CHILD: &str = "--read-rows";

/// The memory of a reader.
pub(crate) fn memory(setup: &Setup) -> Outcome<()> {
    reads(setup)?;
    let most = setup.contracts * 6;
    for rows in [1_000, most / 10, most / 100_000 * 100_000] {
        let program = std::env::current_exe()?;
        let output = Command::new(program).arg(CHILD).arg(setup.path(FILE)).arg(rows.to_string()).output()?;
        println!("  {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(())
}

/// What the child does.
pub(crate) fn child(path: &Path, rows: usize) -> Outcome<()> {
    let session = open(path, ClockOption::System)?;
    let select = [
        "contract",
        "seq",
        "label",
        "amount",
        "settled",
        "due_date",
        "status",
        "contract_number",
        "customer_name",
    ];
    let mut reader = session.reader(Rows {
        dataset: "installment".to_owned(),
        select: select.map(str::to_owned).to_vec(),
        filter: None,
        sort: Vec::new(),
        limit: None,
        cursor: None,
    })?;
    let mut read = 0;
    while read < rows
        && let Some(frame) = reader.next(ROWS_AT_ONCE.min(u32::try_from(rows)?))?
    {
        read += frame.rows.len();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("VmHWM: not known here");
    println!(
        "memory: a reader of {read} rows of 9 columns, 10000 at once: peak {}",
        peak["VmHWM:".len()..].trim()
    );
    Ok(())
}
