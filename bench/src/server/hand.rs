//! The other side: a connection, statements prepared once, and nothing between.

use std::fmt::Write as _;

use crm::kernel::date::Instant;
use crm::kernel::id::IdCodec;
use postgres::types::ToSql;
use postgres::{Client, Row, Statement};
use sha2::{Digest, Sha256};

use crate::measure::Outcome;

/// A connection that counts how often it waits for an answer.
pub(crate) struct Wire {
    pub(super) client: Client,
    trips: u64,
}

impl Wire {
    /// Set up as the adapter sets up its own.
    pub(super) fn new(mut client: Client, schema: &str) -> Outcome<Wire> {
        client.batch_execute(&format!("SET search_path = {schema}; SET jit = off"))?;
        Ok(Wire { client, trips: 0 })
    }

    pub(super) fn prepare(&mut self, text: &str) -> Outcome<Statement> {
        Ok(self.client.prepare(text)?)
    }

    pub(super) fn batch(&mut self, text: &str) -> Outcome<()> {
        self.trips += 1;
        Ok(self.client.batch_execute(text)?)
    }

    pub(super) fn query(
        &mut self,
        statement: &Statement,
        values: &[&(dyn ToSql + Sync)],
    ) -> Outcome<Vec<Row>> {
        self.trips += 1;
        Ok(self.client.query(statement, values)?)
    }

    pub(super) fn one(&mut self, statement: &Statement, values: &[&(dyn ToSql + Sync)]) -> Outcome<Row> {
        self.trips += 1;
        Ok(self.client.query_one(statement, values)?)
    }

    pub(super) fn execute(&mut self, statement: &Statement, values: &[&(dyn ToSql + Sync)]) -> Outcome<()> {
        self.trips += 1;
        self.client.execute(statement, values)?;
        Ok(())
    }

    /// Round trips since it was last asked.
    pub(super) fn take_trips(&mut self) -> u64 {
        std::mem::take(&mut self.trips)
    }
}

/// One who writes by hand.
pub(super) struct Writer {
    pub(super) wire: Wire,
    pub(super) ids: IdCodec,
    pub(super) user: i64,
    last_key: i64,
    number: Statement,
    before: Statement,
    audit: Statement,
    hash: String,
}

impl Writer {
    pub(super) fn new(mut wire: Wire, ids: IdCodec) -> Outcome<Writer> {
        let user = wire.client.query_one("SELECT id FROM \"user\"", &[])?.get(0);
        let number = wire.prepare(
            "INSERT INTO crm_series AS s (name, value) VALUES ($1, 1) \
             ON CONFLICT (name) DO UPDATE SET value = s.value + 1 RETURNING value",
        )?;
        let before = wire.prepare("SELECT hash FROM audit WHERE seq = $1")?;
        let audit = wire.prepare(
            "INSERT INTO audit (seq, at, \"user\", operation, subject, changes, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )?;
        Ok(Writer { wire, ids, user, last_key: user, number, before, audit, hash: String::new() })
    }

    /// Begins as a writer, after those who write already.
    pub(super) fn begin(&mut self) -> Outcome<()> {
        self.wire.batch(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE crm_meta IN EXCLUSIVE MODE; SELECT version FROM crm_meta",
        )
    }

    /// A new key: milliseconds and a counter, as the library's are.
    pub(super) fn key(&mut self, now: i64) -> i64 {
        self.last_key = ((now / 1000 - 1_577_836_800_000) << 22).max(self.last_key + 1);
        self.last_key
    }

    /// The next number of a series.
    pub(super) fn number(&mut self, series: &str) -> Outcome<i64> {
        Ok(self.wire.one(&self.number, &[&series])?.get(0))
    }

    /// Writes the entry on the trail, and commits.
    pub(super) fn end(&mut self, now: i64, operation: &str, subject: i64, changes: &str) -> Outcome<()> {
        let seq = self.number("audit")?;
        let before = self.wire.query(&self.before, &[&(seq - 1)])?;
        let before: String = before.first().map(|row| row.get(0)).unwrap_or_default();
        let mut hasher = Sha256::new();
        let texts = [
            before,
            seq.to_string(),
            Instant::from_micros(now)?.to_string(),
            self.ids.uuid(self.user).to_string(),
            operation.to_owned(),
            self.ids.uuid(subject).to_string(),
        ];
        for part in texts.iter().map(String::as_str).chain([changes]) {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        self.hash.clear();
        for byte in hasher.finalize() {
            write!(self.hash, "{byte:02x}")?;
        }
        let values: [&(dyn ToSql + Sync); 7] =
            [&seq, &now, &self.user, &operation, &subject, &changes, &self.hash];
        self.wire.execute(&self.audit, &values)?;
        self.wire.batch("COMMIT")
    }
}
