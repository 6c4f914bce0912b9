//! Reads: what is due, aging, a single record, a page. By hand they are in a transaction too, as rights and rows must be of
//! one moment; single records and pages are made into JSON, as ours are.

use crm::app::{CallOptions, Session};
use postgres::{Row, Statement};

use super::hand::Wire;
use super::{Place, print_trips};
use crate::data::{Open, Shape, Written};
use crate::measure::{Aim, Comparison, Outcome, timed};
use crate::reads::{AHEAD, due_rows, expect, page_aging, page_due, read_due, top_aging};
use crate::setup::Setup;

const SCHEMA: &str = "bench_reads";

/// Rows of a page.
const PAGE: i64 = 50;

/// The ledger that is read, filled once.
fn filled<'p>(setup: &Setup, place: &'p Place) -> Outcome<(Session, Hand, &'p Written)> {
    let written = match place.reads.get() {
        Some(written) => written,
        None => {
            let contracts = setup.contracts;
            let shape =
                Shape { customers: contracts / 3, contracts, open: Open::OneInTen, opportunities: None };
            let written = place.fill(setup, shape, &[SCHEMA])?;
            println!(
                "ledger: {} customers, {contracts} contracts, {} installments",
                shape.customers,
                contracts * 6
            );
            place.reads.get_or_init(|| written)
        }
    };
    Ok((place.open(SCHEMA)?, Hand { wire: place.wire(SCHEMA)? }, written))
}

struct Hand {
    wire: Wire,
}

impl Hand {
    /// Runs one query in a transaction of its own.
    fn read<T>(
        &mut self,
        statement: &Statement,
        values: &[&(dyn postgres::types::ToSql + Sync)],
        of: impl Fn(&Row) -> Outcome<T>,
    ) -> Outcome<Vec<T>> {
        self.wire.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let rows = self.wire.query(statement, values)?;
        let found = rows.iter().map(of).collect::<Outcome<Vec<T>>>()?;
        self.wire.batch("ROLLBACK")?;
        Ok(found)
    }

    /// Round trips of a read.
    fn trips(&mut self, read: impl FnOnce(&mut Hand) -> Outcome<()>) -> Outcome<u64> {
        self.wire.take_trips();
        read(self)?;
        Ok(self.wire.take_trips())
    }
}

/// An installment as a person writes it down.
#[expect(dead_code, reason = "it is read and then dropped, as ours is")]
struct Due {
    keys: [i64; 3],
    owner: Option<i64>,
    texts: [String; 4],
    numbers: [i64; 4],
}

fn due_of(row: &Row) -> Outcome<Due> {
    Ok(Due {
        keys: [row.get(0), row.get(1), row.get(3)],
        owner: row.get(5),
        texts: [row.get(2), row.get(4), row.get(6), row.get(8)],
        numbers: [row.get(7), row.get(9), row.get(10), row.get(11)],
    })
}

/// What is due: through a reader, and through the operation.
pub(super) fn due(setup: &Setup, place: &Place) -> Outcome<()> {
    let (session, mut hand, written) = filled(setup, place)?;
    let statement = hand.wire.prepare(
        "SELECT i.contract, i.seq, c.number, i.customer, u.name, c.owner, i.label, i.direction, i.currency, i.amount, \
         i.open_amount, i.due_date FROM installment i JOIN contract c ON c.id = i.contract \
         JOIN customer u ON u.id = i.customer WHERE i.open_amount IS NOT NULL AND i.due_date BETWEEN $1 AND $2 \
         ORDER BY i.due_date, i.contract, i.seq",
    )?;
    let (from, until) = (written.today, written.today + AHEAD - 1);
    let by_hand = |hand: &mut Hand| hand.read(&statement, &[&from, &until], due_of);
    let hits = u32::try_from(by_hand(&mut hand)?.len())?;
    let trips = hand.trips(|hand| by_hand(hand).map(drop))?;
    let request = due_rows(from)?;
    Comparison::new("due within 7 days: reader, rows of cells", Aim::READS, "hit")
        .rounds(
            setup.rounds * 3,
            hits,
            || timed(|| read_due(&session, &request, hits)),
            || timed(|| by_hand(&mut hand).map(drop)),
        )?
        .print();
    print_trips(&mut || read_due(&session, &request, hits), trips)?;
    Comparison::new("due within 7 days: settlement.due, pages of 1000", Aim::READS, "hit")
        .rounds(
            setup.rounds * 3,
            hits,
            || timed(|| page_due(&session, from, hits)),
            || timed(|| by_hand(&mut hand).map(drop)),
        )?
        .print();
    print_trips(&mut || page_due(&session, from, hits), trips)
}

const AGING: &str = "SELECT customer, currency, \
     sum(CASE WHEN due_date >= $1 THEN open_amount ELSE 0 END)::bigint AS not_due, \
     sum(CASE WHEN due_date < $1 AND due_date >= $1 - 30 THEN open_amount ELSE 0 END)::bigint AS d30, \
     sum(CASE WHEN due_date < $1 - 30 AND due_date >= $1 - 60 THEN open_amount ELSE 0 END)::bigint AS d60, \
     sum(CASE WHEN due_date < $1 - 60 AND due_date >= $1 - 90 THEN open_amount ELSE 0 END)::bigint AS d90, \
     sum(CASE WHEN due_date < $1 - 90 THEN open_amount ELSE 0 END)::bigint AS more, sum(open_amount)::bigint AS total \
     FROM installment WHERE direction = 1 AND open_amount IS NOT NULL";

const AGED: &str = "GROUP BY customer, currency";

/// Open amounts of a customer, with its name and the currency: not due, 1–30, 31–60, 61–90 days, more; and all.
type Aged = (i64, String, String, [i64; 6]);

fn aged_of(row: &Row) -> Outcome<Aged> {
    let sums = [row.get(2), row.get(3), row.get(4), row.get(5), row.get(6), row.get(7)];
    Ok((row.get(0), row.get(1), row.get(8), sums))
}

/// Aging: of all customers, and of the hundred with the most open.
pub(super) fn aging(setup: &Setup, place: &Place) -> Outcome<()> {
    let (session, mut hand, written) = filled(setup, place)?;
    let named = "JOIN customer u ON u.id = t.customer";
    let all = hand.wire.prepare(&format!("SELECT t.*, u.name FROM ({AGING} {AGED}) t {named}"))?;
    let page = hand.wire.prepare(&format!(
        "SELECT t.*, u.name FROM ({AGING} AND (customer, currency) > ($2, $3) {AGED} \
         ORDER BY customer, currency LIMIT 1000) t {named} ORDER BY customer, currency"
    ))?;
    // The hundred with the most, and the sums over all, as the report has them.
    let top = hand.wire.prepare(&format!(
        "WITH a AS MATERIALIZED ({AGING} {AGED}) \
         (SELECT t.*, u.name FROM (SELECT * FROM a ORDER BY total DESC, customer LIMIT 100) t {named}) \
         UNION ALL SELECT 0, currency, sum(not_due)::bigint, sum(d30)::bigint, sum(d60)::bigint, sum(d90)::bigint, \
         sum(more)::bigint, sum(total)::bigint, '' FROM a GROUP BY currency"
    ))?;
    let today = written.today;
    let groups = u32::try_from(hand.read(&all, &[&today], aged_of)?.len())?;
    let pages = |hand: &mut Hand| {
        let (mut found, mut last) = (0, (0_i64, String::new()));
        loop {
            let rows = hand.read(&page, &[&today, &last.0, &last.1], aged_of)?;
            found += rows.len();
            match rows.last() {
                Some((customer, currency, ..)) if rows.len() == 1000 => last = (*customer, currency.clone()),
                _ => return expect(found, groups),
            }
        }
    };
    let all_trips = hand.trips(|hand| hand.read(&all, &[&today], aged_of).map(drop))?;
    let page_trips = hand.trips(pages)?;
    Comparison::new("aging, pages of 1000 / pages of a GROUP BY", Aim::READS, "customer")
        .rounds(
            setup.rounds * 3,
            groups,
            || timed(|| page_aging(&session, groups)),
            || timed(|| pages(&mut hand)),
        )?
        .print();
    print_trips(&mut || page_aging(&session, groups), page_trips)?;
    Comparison::new("aging, pages of 1000 / one GROUP BY of all", Aim::NONE, "customer")
        .rounds(
            setup.rounds * 3,
            groups,
            || timed(|| page_aging(&session, groups)),
            || timed(|| hand.read(&all, &[&today], aged_of).map(drop)),
        )?
        .print();
    print_trips(&mut || page_aging(&session, groups), all_trips)?;
    let currencies = hand.read(&top, &[&today], aged_of)?.len() - 100.min(groups as usize);
    let most = 100.min(groups) + u32::try_from(currencies)?;
    let top_trips = hand.trips(|hand| hand.read(&top, &[&today], aged_of).map(drop))?;
    Comparison::new("aging, top 100 and totals / GROUP BY", Aim::READS, "customer")
        .rounds(
            setup.rounds * 3,
            groups,
            || timed(|| top_aging(&session, groups)),
            || timed(|| expect(hand.read(&top, &[&today], aged_of)?.len(), most)),
        )?
        .print();
    print_trips(&mut || top_aging(&session, groups), top_trips)
}

fn json_of(row: &Row) -> Outcome<serde_json::Value> {
    let mut fields = serde_json::Map::new();
    for (at, column) in row.columns().iter().enumerate() {
        let cell = match *column.type_() {
            postgres::types::Type::INT8 => serde_json::json!(row.get::<_, Option<i64>>(at)),
            postgres::types::Type::TEXT => serde_json::json!(row.get::<_, Option<&str>>(at)),
            _ => serde_json::Value::Null,
        };
        fields.insert(column.name().to_owned(), cell);
    }
    Ok(serde_json::Value::Object(fields))
}

fn as_json(hand: &mut Hand, statement: &Statement, value: i64) -> Outcome<()> {
    let rows = hand.read(statement, &[&value], json_of)?;
    std::hint::black_box(serde_json::to_string(&rows)?);
    Ok(())
}

fn call(session: &Session, operation: &str, input: &str) -> Outcome<()> {
    std::hint::black_box(session.call(operation, input, &CallOptions::default())?);
    Ok(())
}

/// Single records.
pub(super) fn single(setup: &Setup, place: &Place) -> Outcome<()> {
    let (session, mut hand, written) = filled(setup, place)?;
    let statement = hand.wire.prepare("SELECT * FROM customer WHERE id = $1")?;
    let ids = session.ledger().ids();
    let get = |key: i64| call(&session, "customer.get", &format!(r#"{{"id": "{}"}}"#, ids.uuid(key)));
    // Far apart, so that pages differ.
    let count = written.customers.len();
    let mut ours = (0..).map(|at: usize| written.customers[at * 7_919 % count]);
    let mut theirs = (0..).map(|at: usize| written.customers[at * 7_919 % count]);
    Comparison::new("customer.get, one by one", Aim::READS, "customer")
        .pairs(
            setup.rounds,
            setup.writes,
            1,
            || {
                let key = ours.next().ok_or("no customer")?;
                timed(|| get(key))
            },
            || {
                let key = theirs.next().ok_or("no customer")?;
                timed(|| as_json(&mut hand, &statement, key))
            },
        )?
        .print();
    let first = *written.customers.first().ok_or("no customer")?;
    let trips = hand.trips(|hand| as_json(hand, &statement, first))?;
    print_trips(&mut || get(first), trips)
}

/// Pages.
pub(super) fn page(setup: &Setup, place: &Place) -> Outcome<()> {
    let (session, mut hand, _) = filled(setup, place)?;
    let statement = hand.wire.prepare("SELECT * FROM customer ORDER BY name, id LIMIT $1")?;
    let request = format!(r#"{{"limit": {PAGE}, "sort": [{{"field": "name"}}]}}"#);
    let list = || call(&session, "customer.list", &request);
    // One row more, from which it is known whether there is another page.
    Comparison::new("customer.list by name, 50 rows", Aim::READS, "page")
        .pairs(
            setup.rounds,
            setup.writes,
            1,
            || timed(list),
            || timed(|| as_json(&mut hand, &statement, PAGE + 1)),
        )?
        .print();
    let trips = hand.trips(|hand| as_json(hand, &statement, PAGE + 1))?;
    print_trips(&mut || list(), trips)
}
