//! The same work on a PostgreSQL server, ours beside hand-written SQL through the same client, and what each costs in
//! round trips.
//!
//! The server is one of our own, from `CRM_POSTGRES_BIN`, with `fsync` on, or the one whose URL `CRM_POSTGRES_URL` gives;
//! the schemas `bench_ours` and `bench_by_hand` there are dropped first. By hand means what a careful person writes: prepared
//! statements, one statement for the six installments, the lock that orders writers, and the entry on the trail.

use std::fmt::Write as _;

use crm::app::{CallOptions, Session};
use crm::areas::party::Customer;
use crm::kernel::date::Instant;
use crm::kernel::id::IdCodec;
use crm::{ClockOption, OpenOptions};
use crm_postgres::round_trips;
use crm_postgres_server::Server;
use postgres::{Client, NoTls, Statement};
use sha2::{Digest, Sha256};

use crate::contract::{INSTALLMENTS, PARTIES, TERMS, TITLE, YUAN, changes, input};
use crate::measure::{Comparison, Outcome, timed};
use crate::setup::Setup;

/// Customers in the ledgers that are read.
const CUSTOMERS: u32 = 2_000;

/// Rows of a page.
const PAGE: i64 = 50;

/// Measures writing a contract, reading a customer and reading a page of customers.
pub(crate) fn run(setup: &Setup) -> Outcome<()> {
    let own = match std::env::var("CRM_POSTGRES_URL") {
        Ok(_) => None,
        Err(_) => Some(Server::durable().map_err(|error| error.to_string())?),
    };
    let base = match &own {
        Some(server) => server.url(""),
        None => format!("{}?schema=", std::env::var("CRM_POSTGRES_URL")?),
    };
    let client =
        || -> Outcome<Client> { Ok(Client::connect(base.split('?').next().unwrap_or_default(), NoTls)?) };
    for schema in ["bench_ours", "bench_by_hand"] {
        client()?.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE"))?;
    }
    let open = |schema: &str| -> Outcome<Session> {
        let options = OpenOptions { clock: ClockOption::System, ..OpenOptions::default() };
        Ok(crm::open(&format!("{base}{schema}"), &options)?.session("admin")?)
    };
    let (ours, theirs) = (open("bench_ours")?, open("bench_by_hand")?);
    let (_, contract) = input(&ours)?;
    let customer = theirs.ledger().ids().key(input(&theirs)?.0.uuid())?;
    let mut hand = Hand::new(client()?, theirs.ledger().ids())?;
    Comparison::new("postgres: contract, line, 6 installments", "1.5", "contract")
        .pairs(
            setup.rounds,
            setup.writes,
            1,
            || {
                let input = contract.clone();
                timed(|| {
                    ours.run(input)?;
                    Ok(())
                })
            },
            || timed(|| hand.create(customer)),
        )?
        .print();
    let trips = |work: &mut dyn FnMut() -> Outcome<()>| -> Outcome<u64> {
        let before = round_trips();
        work()?;
        Ok(round_trips() - before)
    };
    let writing = trips(&mut || Ok(ours.run(contract.clone()).map(drop)?))?;
    println!("  {writing} round trips, {} by hand", Hand::ROUND_TRIPS);

    let mut made = Vec::new();
    for number in 0..CUSTOMERS {
        let input = format!(r#"{{"name": "客户{number:05}"}}"#);
        let customer: Customer =
            serde_json::from_str(&ours.call("customer.create", &input, &CallOptions::default())?)?;
        made.push(customer.id);
    }
    let mut reader = HandReader::new(client()?)?;
    let ids = ours.ledger().ids();
    let mut next = made.iter().cycle();
    let mut after = made.iter().cycle();
    let get = |id: &str| -> Outcome<()> {
        ours.call("customer.get", &format!(r#"{{"id": "{id}"}}"#), &CallOptions::default())?;
        Ok(())
    };
    Comparison::new("postgres: one customer by its id", "1.15", "customer")
        .pairs(
            setup.rounds,
            setup.writes,
            1,
            || {
                let id = next.next().ok_or("no customer")?.to_string();
                timed(|| get(&id))
            },
            || {
                let key = ids.key(after.next().ok_or("no customer")?.uuid())?;
                timed(|| reader.customer(key))
            },
        )?
        .print();
    let first = made.first().ok_or("no customer")?.to_string();
    println!("  {} round trips, 3 by hand", trips(&mut || get(&first))?);
    let page = format!(r#"{{"limit": {PAGE}, "sort": [{{"field": "name"}}]}}"#);
    let list = || -> Outcome<()> {
        ours.call("customer.list", &page, &CallOptions::default())?;
        Ok(())
    };
    Comparison::new("postgres: a page of 50 customers by name", "1.15", "page")
        .pairs(setup.rounds, setup.writes, 1, || timed(list), || timed(|| reader.page()))?
        .print();
    println!("  {} round trips, 3 by hand", trips(&mut || list())?);
    Ok(())
}

/// Writes by hand.
struct Hand {
    client: Client,
    ids: IdCodec,
    user: i64,
    last_key: i64,
    number: Statement,
    contract: Statement,
    line: Statement,
    installments: Statement,
    before: Statement,
    audit: Statement,
    text: String,
}

impl Hand {
    /// Begin, number, three inserts, number, hash, entry, commit.
    const ROUND_TRIPS: u32 = 9;

    fn new(mut client: Client, ids: IdCodec) -> Outcome<Hand> {
        client.batch_execute("SET search_path = bench_by_hand; SET jit = off")?;
        let user = client.query_one("SELECT id FROM \"user\"", &[])?.get(0);
        let number = client.prepare(
            "INSERT INTO crm_series AS s (name, value) VALUES ($1, 1) \
             ON CONFLICT (name) DO UPDATE SET value = s.value + 1 RETURNING value",
        )?;
        let contract = client.prepare(
            "INSERT INTO contract (id, number, title, kind, direction, customer, parties, currency, amount, net, tax, \
             tax_included, settled, starts_on, ends_on, owner, status, terms, created_at, version) \
             VALUES ($1, $2, $3, 1, 1, $4, $5, 'CNY', $6, $7, $8, 1, 0, 20454, 20818, $9, 1, $10, $11, 1)",
        )?;
        let line = client.prepare(
            "INSERT INTO contract_line (contract, seq, description, quantity, unit, unit_price, discount, tax_rate, \
             currency, net, tax, gross) VALUES ($1, 1, '光谱仪', 2000000, '台', $2, 0, 130000, 'CNY', $3, $4, $5)",
        )?;
        let installments = client.prepare(
            "INSERT INTO installment (contract, seq, customer, direction, currency, label, amount, settled, cancelled, \
             status, anchor, term) SELECT $1, seq, $2, 1, 'CNY', label, amount, 0, 0, 1, anchor, seq \
             FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) AS rows (seq, label, amount, anchor)",
        )?;
        let before = client.prepare("SELECT hash FROM audit WHERE seq = $1")?;
        let audit = client.prepare(
            "INSERT INTO audit (seq, at, \"user\", operation, subject, changes, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )?;
        let text = String::new();
        Ok(Hand {
            client,
            ids,
            user,
            last_key: user,
            number,
            contract,
            line,
            installments,
            before,
            audit,
            text,
        })
    }

    fn create(&mut self, customer: i64) -> Outcome<()> {
        self.client.simple_query(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE crm_meta IN EXCLUSIVE MODE; SELECT version FROM crm_meta",
        )?;
        let now = crate::hand::now()?;
        self.last_key = ((now / 1000 - 1_577_836_800_000) << 22).max(self.last_key + 1);
        let key = self.last_key;
        let taken: i64 = self.client.query_one(&self.number, &[&"contract-2026"])?.get(0);
        let number = format!("HT-2026-{taken:06}");
        let (amount, net, tax) = (100_000 * YUAN, 884_955_800_i64, 115_044_200_i64);
        self.client.execute(
            &self.contract,
            &[&key, &number, &TITLE, &customer, &PARTIES, &amount, &net, &tax, &self.user, &TERMS, &now],
        )?;
        self.client.execute(&self.line, &[&key, &50_000_000_000_i64, &net, &tax, &amount])?;
        let seqs: Vec<i64> = (1..=6).collect();
        let labels: Vec<&str> = INSTALLMENTS.iter().map(|(label, ..)| *label).collect();
        let amounts: Vec<i64> = INSTALLMENTS.iter().map(|(_, yuan, ..)| yuan * YUAN).collect();
        let anchors: Vec<i64> = INSTALLMENTS.iter().map(|(.., anchor)| *anchor).collect();
        self.client.execute(&self.installments, &[&key, &customer, &seqs, &labels, &amounts, &anchors])?;
        let at = Instant::from_micros(now)?;
        let (id, owner) = (self.ids.uuid(key), self.ids.uuid(self.user));
        changes(&mut self.text, id, self.ids.uuid(customer), owner, &number, at)?;
        let seq: i64 = self.client.query_one(&self.number, &[&"audit"])?.get(0);
        let before: String =
            self.client.query_opt(&self.before, &[&(seq - 1)])?.map(|row| row.get(0)).unwrap_or_default();
        let mut hasher = Sha256::new();
        let texts = [
            before,
            seq.to_string(),
            at.to_string(),
            owner.to_string(),
            "contract.create".to_owned(),
            id.to_string(),
        ];
        for part in texts.iter().map(String::as_str).chain([self.text.as_str()]) {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        let mut hash = String::with_capacity(64);
        for byte in hasher.finalize() {
            write!(hash, "{byte:02x}")?;
        }
        self.client
            .execute(&self.audit, &[&seq, &now, &self.user, &"contract.create", &key, &self.text, &hash])?;
        self.client.batch_execute("COMMIT")?;
        Ok(())
    }
}

/// Reads by hand: in a transaction, as rights and rows must be of one moment, and into JSON.
struct HandReader {
    client: Client,
    customer: Statement,
    page: Statement,
}

impl HandReader {
    fn new(mut client: Client) -> Outcome<HandReader> {
        client.batch_execute("SET search_path = bench_ours; SET jit = off")?;
        let customer = client.prepare("SELECT * FROM customer WHERE id = $1")?;
        let page = client.prepare("SELECT * FROM customer ORDER BY name, id LIMIT $1")?;
        Ok(HandReader { client, customer, page })
    }

    fn read(&mut self, is_page: bool, value: i64) -> Outcome<()> {
        self.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let statement = if is_page { &self.page } else { &self.customer };
        let rows = self.client.query(statement, &[&value])?;
        let mut out = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut fields = serde_json::Map::new();
            for (at, column) in row.columns().iter().enumerate() {
                let cell = match *column.type_() {
                    postgres::types::Type::INT8 => serde_json::json!(row.get::<_, Option<i64>>(at)),
                    postgres::types::Type::TEXT => serde_json::json!(row.get::<_, Option<&str>>(at)),
                    _ => serde_json::Value::Null,
                };
                fields.insert(column.name().to_owned(), cell);
            }
            out.push(serde_json::Value::Object(fields));
        }
        std::hint::black_box(serde_json::to_string(&out)?);
        self.client.batch_execute("ROLLBACK")?;
        Ok(())
    }

    fn customer(&mut self, key: i64) -> Outcome<()> {
        self.read(false, key)
    }

    fn page(&mut self) -> Outcome<()> {
        self.read(true, PAGE)
    }
}
