//! Warnings over files of growing size of which the same number of installments is overdue: the first scan, which hands
//! out; the next, which finds that nothing is owed; the first page of the list, the badge counts. Beside them the same by hand.

use crm::ClockOption;
use crm::app::Session;
use crm::areas::warning::{CountWarnings, ListWarnings, ScanWarnings};

use crate::data::{self, Open, Shape};
use crate::hand::Hand;
use crate::measure::{Aim, Comparison, Outcome, Time, timed};
use crate::setup::{Setup, open};

/// Installments that are overdue in every file.
const HITS: u32 = 1_200;
/// Contracts that hold them, one by one.
const CONTRACTS: u32 = HITS / 6;

/// What stands now: by hand as by the library.
const STANDING: &str = "SELECT contract, seq, due_date FROM installment WHERE open_amount IS NOT NULL AND due_date < ?1 \
     ORDER BY due_date, contract, seq";

const LIST: &str = "SELECT i.contract, i.seq, c.number, i.label, u.name, c.owner, i.open_amount, i.currency, i.due_date \
     FROM installment i JOIN contract c ON c.id = i.contract JOIN customer u ON u.id = i.customer \
     WHERE i.open_amount IS NOT NULL AND i.due_date < ?1 ORDER BY i.due_date, i.contract, i.seq LIMIT 100";

/// A file with this many installments, all of them settled but those that are overdue.
fn fill(setup: &Setup, name: &str, installments: u32) -> Outcome<(Session, Hand, i64)> {
    drop(setup.new_ledger(name)?);
    let path = setup.path(name);
    let mut hand = Hand::writer(&path)?;
    let contracts = (installments / 6).max(CONTRACTS);
    let shape =
        Shape { customers: contracts / 3, contracts, open: Open::First(CONTRACTS), opportunities: None };
    let today = data::fill(&mut hand, shape)?.today;
    drop(hand);
    Ok((open(&path, ClockOption::System)?, Hand::reader(&path)?, today))
}

fn standing(hand: &Hand, today: i64) -> Outcome<Vec<(i64, i64, i64)>> {
    let mut statement = hand.connection.prepare_cached(STANDING)?;
    let rows = statement.query_map([today], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What is known to have been told, and what stands and was not told.
fn owed_by_hand(hand: &Hand, today: i64) -> Outcome<usize> {
    let mut told = hand.connection.prepare_cached(
        "SELECT level FROM warning_mark WHERE kind = 2 AND subject = ?1 AND subject_seq = ?2 AND date = ?3",
    )?;
    let mut owed = 0;
    for (contract, seq, due) in standing(hand, today)? {
        let level = if today - due >= 31 { 3 } else { 2 };
        let known: Option<i64> = {
            let mut rows = told.query([contract, seq, due])?;
            rows.next()?.map(|row| row.get(0)).transpose()?
        };
        owed += usize::from(known.is_none_or(|known| level > known));
    }
    Ok(owed)
}

fn scan(session: &Session) -> Outcome<usize> {
    let (mut notices, mut cursor) = (0, None);
    loop {
        let page = session.run(ScanWarnings { limit: Some(1000), cursor })?;
        notices += page.notices.len();
        cursor = page.next;
        if cursor.is_none() {
            return Ok(notices);
        }
    }
}

fn expect(found: usize, expected: usize) -> Outcome<()> {
    if found == expected { Ok(()) } else { Err(format!("{found}, not {expected}").into()) }
}

/// The same work in files of growing size.
pub(crate) fn run(setup: &Setup) -> Outcome<()> {
    for (position, installments) in setup.installments.iter().enumerate() {
        let (session, hand, today) = fill(setup, &format!("warnings-{installments}"), *installments)?;
        let rows: i64 =
            hand.connection.query_row("SELECT count(*) FROM installment", [], |row| row.get(0))?;
        println!("warnings: {rows} installments, {HITS} of them overdue");
        if position == 0 {
            let mut plan = hand.connection.prepare(&format!("EXPLAIN QUERY PLAN {STANDING}"))?;
            let steps = plan.query_map([today], |row| row.get::<_, String>(3))?;
            for step in steps {
                println!("  plan of what stands: {}", step?);
            }
        }
        let mut handed_out = 0;
        let first: Time = timed(|| {
            handed_out = scan(&session)?;
            Ok(())
        })?;
        expect(handed_out, HITS as usize)?;
        println!(
            "  first scan, {HITS} notices written and handed out: {} µs each",
            first.per_unit_micros(HITS)
        );
        let again = || timed(|| expect(scan(&session)?, 0));
        let again_by_hand = || timed(|| expect(owed_by_hand(&hand, today)?, 0));
        Comparison::new("  scan when nothing is owed", Aim::READS, "scan")
            .rounds(setup.rounds * 3, 1, again, again_by_hand)?
            .print();
        let list = || {
            timed(|| {
                let page = session.run(ListWarnings { limit: Some(100), ..ListWarnings::default() })?;
                expect(page.items.len(), 100)
            })
        };
        let list_by_hand = || {
            timed(|| {
                let mut statement = hand.connection.prepare_cached(LIST)?;
                let rows = statement.query_map([today], |row| {
                    let (number, label, name): (String, String, String) =
                        (row.get(2)?, row.get(3)?, row.get(4)?);
                    Ok((number, label, name, row.get::<_, i64>(6)?, row.get::<_, String>(7)?))
                })?;
                let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
                expect(rows.len(), 100)
            })
        };
        Comparison::new("  list, first 100 of all rules", Aim::NONE, "page")
            .rounds(setup.rounds * 3, 1, list, list_by_hand)?
            .print();
        let count = || timed(|| expect(session.run(CountWarnings::default())?.total as usize, HITS as usize));
        let count_by_hand = || {
            timed(|| {
                // Levels by date, less what was handled: two range counts and the marks.
                let mut statement = hand.connection.prepare_cached(
                    "SELECT count(*) FROM installment WHERE open_amount IS NOT NULL AND due_date >= ?1 AND due_date < ?2",
                )?;
                let warning: i64 = statement.query_row([today - 30, today], |row| row.get(0))?;
                let critical: i64 = statement.query_row([0, today - 30], |row| row.get(0))?;
                let mut handled = hand.connection.prepare_cached(
                    "SELECT count(*) FROM warning_mark WHERE kind = 2 AND standing IS NOT NULL AND acknowledged_at IS NOT NULL",
                )?;
                let handled: i64 = handled.query_row([], |row| row.get(0))?;
                expect(usize::try_from(warning + critical - handled)?, HITS as usize)
            })
        };
        Comparison::new("  badge counts of all rules", Aim::NONE, "count")
            .rounds(setup.rounds * 3, 1, count, count_by_hand)?
            .print();
    }
    Ok(())
}
