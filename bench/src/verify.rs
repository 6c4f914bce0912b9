//! `settlement.verify` over the large file, beside SQL that recomputes the same sums and counts what does not agree.

use crm::app::Session;
use crm::areas::settlement::{SettlementCheck, VerifySettlement};

use crate::hand::Hand;
use crate::measure::{Aim, Comparison, Outcome, timed};
use crate::reads::{Reads, reads};
use crate::setup::Setup;

/// Each counts differences. What groups of the journal or of allocations say is looked up in the books, and totals show what
/// is in the books and in no group.
pub(crate) const CHECKS: [&str; 10] = [
    // Entries balance.
    "SELECT count(*) FROM (SELECT entry FROM journal_line GROUP BY entry HAVING sum(amount) <> 0 OR sum(home) <> 0) AS t",
    // What is open, by installment and due date.
    "SELECT count(*) FROM (SELECT contract, installment, due_date, sum(amount) AS amount, sum(home) AS home \
     FROM journal_line WHERE account = 1 AND contract IS NOT NULL GROUP BY contract, installment, due_date) AS j \
     LEFT JOIN installment i ON i.contract = j.contract AND i.seq = j.installment \
     AND i.due_date IS NOT DISTINCT FROM j.due_date \
     WHERE coalesce(i.open_amount, 0) <> j.amount OR coalesce(i.home_open, i.open_amount, 0) <> j.home",
    "SELECT CASE WHEN (SELECT coalesce(sum(open_amount), 0) FROM installment) \
     = (SELECT coalesce(sum(amount), 0) FROM journal_line WHERE account = 1) THEN 0 ELSE 1 END",
    // The parts of installments.
    "SELECT count(*) FROM installment WHERE open_amount IS DISTINCT FROM \
     CASE WHEN status = 2 THEN amount - settled - cancelled - discounted - written_off END \
     OR (status = 3 AND amount <> settled + discounted)",
    // What is settled, by installment.
    "SELECT count(*) FROM (SELECT contract, installment, sum(amount) AS amount FROM allocation \
     GROUP BY contract, installment) AS a LEFT JOIN installment i ON i.contract = a.contract AND i.seq = a.installment \
     WHERE coalesce(i.settled, 0) <> a.amount",
    "SELECT CASE WHEN (SELECT coalesce(sum(settled), 0) FROM installment) \
     = (SELECT coalesce(sum(amount), 0) FROM allocation) THEN 0 ELSE 1 END",
    // Contracts and their installments.
    "SELECT count(*) FROM (SELECT contract, sum(amount) AS amount, sum(settled) AS settled FROM installment \
     GROUP BY contract) AS i JOIN contract c ON c.id = i.contract \
     WHERE i.amount <> c.amount + c.surcharge OR i.settled <> c.settled",
    // Receipts and their allocations.
    "SELECT count(*) FROM receipt r WHERE amount <> allocated + advance + refunded \
     OR allocated <> (SELECT coalesce(sum(amount), 0) FROM allocation a WHERE a.receipt = r.id)",
    // Advances, by receipt.
    "SELECT count(*) FROM (SELECT document, sum(amount) AS amount, sum(home) AS home FROM journal_line \
     WHERE account = 4 AND document IS NOT NULL GROUP BY document) AS j LEFT JOIN receipt r ON r.id = j.document \
     WHERE coalesce(r.advance, 0) <> -j.amount OR coalesce(r.home_advance, r.advance, 0) <> -j.home",
    "SELECT CASE WHEN (SELECT coalesce(sum(advance), 0) FROM receipt) \
     = (SELECT -coalesce(sum(amount), 0) FROM journal_line WHERE account = 4) THEN 0 ELSE 1 END",
];

/// Verifies, and fails when something does not agree.
pub(crate) fn clean(session: &Session) -> Outcome<SettlementCheck> {
    let check = session.run(VerifySettlement {})?;
    if check.clean {
        return Ok(check);
    }
    let found: Vec<_> = check.found.iter().take(3).collect();
    Err(format!("{} differences in the ledger, such as {found:?}", check.differences.0).into())
}

fn by_hand(hand: &Hand) -> Outcome<()> {
    hand.connection.execute_batch("BEGIN")?;
    for text in CHECKS {
        let differences: i64 = hand.connection.prepare_cached(text)?.query_row([], |row| row.get(0))?;
        if differences != 0 {
            return Err(format!("{differences} differences: {text}").into());
        }
    }
    Ok(hand.connection.execute_batch("COMMIT")?)
}

/// Measures it.
pub(crate) fn run(setup: &Setup) -> Outcome<()> {
    let Reads { session, hand, .. } = reads(setup)?;
    let check = clean(session)?;
    let lines = u32::try_from(check.lines.0)?;
    let comparison = Comparison::new("settlement.verify / SQL of the same sums", Aim::NONE, "line").rounds(
        setup.rounds,
        lines,
        || timed(|| clean(session).map(drop)),
        || timed(|| by_hand(hand)),
    )?;
    comparison.print();
    let installments = u128::try_from(check.installments.0)?;
    let rates = |nanoseconds: u128| {
        let all = nanoseconds.max(1) * u128::from(lines);
        (1_000_000_000 / nanoseconds.max(1), installments * 1_000_000_000 / all.max(1))
    };
    let (ours, theirs) = (rates(comparison.ours()), rates(comparison.by_hand()));
    println!(
        "  {lines} lines, {installments} installments: {} lines and {} installments a second, by hand {} and {}",
        ours.0, ours.1, theirs.0, theirs.1
    );
    Ok(())
}
