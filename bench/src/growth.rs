//! What is due and aging over files of growing size. Of every file the same number of installments is due within 7 days; what
//! is open beside them, and so aging, grows with the file.

use crm::ClockOption;
use crm::app::{CallOptions, Session};
use crm::kernel::date;
use serde_json::Value;

use crate::data::{self, Open, Shape};
use crate::hand::Hand;
use crate::measure::{Aim, Comparison, Outcome, timed};
use crate::reads::{count_aging_by_hand, count_due_by_hand, expect, page_aging, page_due, top_aging};
use crate::setup::{Setup, open};
use crate::verify;

/// Installments that are due within 7 days, in every file.
const HITS: u32 = 1_200;
/// Contracts that hold them.
const CONTRACTS: u32 = HITS / 6;

/// Open amounts of a past day: what is open, less what has been posted since.
const PAST: &str = "SELECT customer, currency, \
     sum(CASE WHEN due_date >= ?1 THEN open ELSE 0 END), \
     sum(CASE WHEN due_date < ?1 AND due_date >= ?1 - 30 THEN open ELSE 0 END), \
     sum(CASE WHEN due_date < ?1 - 30 AND due_date >= ?1 - 60 THEN open ELSE 0 END), \
     sum(CASE WHEN due_date < ?1 - 60 AND due_date >= ?1 - 90 THEN open ELSE 0 END), \
     sum(CASE WHEN due_date < ?1 - 90 THEN open ELSE 0 END), sum(open) AS total FROM \
     (SELECT customer, currency, due_date, open_amount AS open FROM installment \
     WHERE direction = 1 AND open_amount IS NOT NULL UNION ALL SELECT customer, currency, due_date, -amount \
     FROM journal_line WHERE account = 1 AND direction = 1 AND entry >= ?2) \
     GROUP BY customer, currency HAVING sum(open) <> 0 ORDER BY total DESC, customer LIMIT 100";

/// The top hundred as of a past day, and whether the library undoes what has happened since: it then says on what basis.
fn past(session: &Session, day: i64) -> Outcome<(usize, bool)> {
    let input = format!(r#"{{"as_of": "{}", "top": 100}}"#, date::from_day_number(day)?);
    let answer: Value =
        serde_json::from_str(&session.call("settlement.aging", &input, &CallOptions::default())?)?;
    let rows = answer["rows"].as_array().map(Vec::len).unwrap_or_default();
    Ok((rows, answer.get("basis").is_some()))
}

fn past_by_hand(hand: &Hand, day: i64) -> Outcome<usize> {
    // When the day after began, at UTC+8.
    let began = ((day + 1) * 86_400 - 8 * 3600) * 1_000_000;
    let mut statement = hand.connection.prepare_cached(PAST)?;
    let rows = statement.query_map([day, Hand::key_of(began)], |row| {
        let sums: [i64; 6] = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?];
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, sums))
    })?;
    Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.len())
}

/// The same questions in files of growing size.
pub(crate) fn run(setup: &Setup) -> Outcome<()> {
    for installments in &setup.installments {
        let name = format!("growth-{installments}");
        drop(setup.new_ledger(&name)?);
        let path = setup.path(&name);
        let contracts = (installments / 6).max(CONTRACTS);
        let shape =
            Shape { customers: contracts / 3, contracts, open: Open::Ahead(CONTRACTS), opportunities: None };
        let mut writer = Hand::writer(&path)?;
        let today = data::fill(&mut writer, shape)?.today;
        drop(writer);
        let (session, hand) = (open(&path, ClockOption::System)?, Hand::reader(&path)?);
        if setup.is_quick {
            verify::clean(&session)?;
        }
        let hits = count_due_by_hand(&hand, today)?;
        expect(hits as usize, HITS)?;
        let groups = count_aging_by_hand(&hand, today, false)?;
        let top = groups.min(100);
        println!(
            "growth: {} installments, {HITS} due within 7 days, {groups} customers with something open, {} MiB",
            contracts * 6,
            std::fs::metadata(&path)?.len() >> 20
        );
        let rounds = setup.rounds * 3;
        Comparison::new("  settlement.due, 1200 hits", Aim::NONE, "call")
            .rounds(
                rounds,
                1,
                || timed(|| page_due(&session, today, hits)),
                || timed(|| expect(count_due_by_hand(&hand, today)? as usize, hits)),
            )?
            .print();
        Comparison::new("  aging, all, pages of 1000", Aim::NONE, "call")
            .rounds(
                setup.rounds,
                1,
                || timed(|| page_aging(&session, groups)),
                || timed(|| expect(count_aging_by_hand(&hand, today, false)? as usize, groups)),
            )?
            .print();
        Comparison::new("  aging, top 100", Aim::NONE, "call")
            .rounds(
                setup.rounds,
                1,
                || timed(|| top_aging(&session, groups)),
                || timed(|| expect(count_aging_by_hand(&hand, today, true)? as usize, top)),
            )?
            .print();
        if past(&session, today - 1)?.1 {
            let top = u32::try_from(past_by_hand(&hand, today - 1)?)?;
            Comparison::new("  aging of yesterday, top 100", Aim::NONE, "call")
                .rounds(
                    setup.rounds,
                    1,
                    || timed(|| expect(past(&session, today - 1)?.0, top)),
                    || timed(|| expect(past_by_hand(&hand, today - 1)?, top)),
                )?
                .print();
        } else {
            println!("  aging of yesterday: not built, the library does not undo what has happened since");
        }
        drop((session, hand));
        drop(setup.new_ledger(&name)?);
    }
    Ok(())
}
