//! A connection with the statements it has prepared. Whatever goes to the server passes here and is counted.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use postgres::{Client, RowIter, SimpleQueryMessage, SimpleQueryRow, Statement};

use crate::value::Bound;

/// Statements that a connection keeps prepared; each takes some kilobytes on the server.
const STATEMENTS_CACHED: usize = 512;

static ROUND_TRIPS: AtomicU64 = AtomicU64::new(0);

/// How often this process has sent something to a server and waited for the answer, connecting left out. For
/// measurements: the difference around a call is what the call took, when nothing else runs.
pub fn round_trips() -> u64 {
    ROUND_TRIPS.load(Ordering::Relaxed)
}

fn count() {
    ROUND_TRIPS.fetch_add(1, Ordering::Relaxed);
}

pub(crate) struct Session {
    pub(crate) client: Client,
    statements: HashMap<String, Statement>,
    /// Tables whose rows can be read by `EXECUTE`.
    named: HashSet<&'static str>,
}

impl Session {
    pub(crate) fn new(client: Client) -> Self {
        Session { client, statements: HashMap::new(), named: HashSet::new() }
    }

    /// Runs statements that return nothing.
    pub(crate) fn batch(&mut self, text: &str) -> Result<(), postgres::Error> {
        count();
        self.client.batch_execute(text)
    }

    /// Runs statements and hands back the first cell of the last row, as text.
    pub(crate) fn ask(&mut self, text: &str) -> Result<Option<String>, postgres::Error> {
        let answers = self.ask_all(text)?;
        let last = answers.into_iter().rev().flatten().next();
        Ok(last.and_then(|row| row.get(0).map(str::to_owned)))
    }

    /// Runs statements and hands back the last row of each, if there is one.
    pub(crate) fn ask_all(&mut self, text: &str) -> Result<Vec<Option<SimpleQueryRow>>, postgres::Error> {
        count();
        let (mut answers, mut last) = (Vec::new(), None);
        for message in self.client.simple_query(text)? {
            match message {
                SimpleQueryMessage::Row(row) => last = Some(row),
                SimpleQueryMessage::CommandComplete(_) => answers.push(last.take()),
                _ => {}
            }
        }
        Ok(answers)
    }

    /// Prepares `get` under a name for `EXECUTE`, which several statements sent together can use and bound values cannot.
    pub(crate) fn name(&mut self, table: &'static str, get: &str) -> Result<(), postgres::Error> {
        if !self.named.contains(table) {
            self.batch(&format!("PREPARE \"get_{table}\" AS {get}"))?;
            self.named.insert(table);
        }
        Ok(())
    }

    fn prepared(&mut self, text: &str) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.statements.get(text) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= STATEMENTS_CACHED {
            self.statements.clear();
        }
        count();
        let statement = self.client.prepare(text)?;
        self.statements.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs a statement whose rows arrive while they are read.
    pub(crate) fn query<'a>(
        &mut self,
        text: &str,
        values: impl ExactSizeIterator<Item = Bound<'a>>,
    ) -> Result<RowIter<'_>, postgres::Error> {
        let statement = self.prepared(text)?;
        count();
        self.client.query_raw(&statement, values)
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) fn execute<'a>(
        &mut self,
        text: &str,
        values: impl ExactSizeIterator<Item = Bound<'a>>,
    ) -> Result<u64, postgres::Error> {
        // Draining is what `execute` does, without collecting references to the values first.
        let mut rows = self.query(text, values)?;
        while postgres::fallible_iterator::FallibleIterator::next(&mut rows)?.is_some() {}
        Ok(rows.rows_affected().unwrap_or(0))
    }
}
