//! Many writers of one ledger, in several processes, and what must hold afterwards.
//!
//! Every session goes round five pieces of work that collide with those of all others: it takes a number of a series, it
//! changes a record that everybody changes, it settles an installment that everybody settles, and it competes for the
//! last of a contract that has less open, and less to invoice, than all of them want. Afterwards the ledger must be what *some* order of
//! the calls that succeeded would have made: numbers without gaps, no update lost, nothing settled twice, the chain whole.
//! The rules are those of a company; the engine under test is only a URL.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crm::app::{CallOptions, Ledger, Session};
use crm::kernel::error::{Error, ErrorKind};
use crm::store::engine::CONFLICT;
use crm::{ClockOption, OpenOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How many write, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    /// Processes.
    pub processes: usize,
    /// Sessions in each.
    pub sessions: usize,
    /// How long they write.
    pub time: Duration,
}

/// What the contract that is competed for has to give.
const SCARCE: u32 = 40;

/// What the contract that everybody settles has to give.
const PLENTY: u32 = 1_000_000;

/// How often a call is made again before it counts as a failure.
const REPEATS_MAX: u32 = 50;

/// What the writers work on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stage {
    customer: String,
    plenty: String,
    scarce: String,
}

/// What writers did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Calls that wrote.
    pub calls: u32,
    /// Answers that another writer came first, after the library had tried several times.
    pub conflicts: u32,
    /// Calls that were made again, after a conflict or because the ledger was busy.
    pub retries: u32,
    /// Calls that came too late: a stale version, nothing left.
    pub too_late: u32,
    /// Products made.
    pub products: u32,
    /// Changes of the customer.
    pub updates: u32,
    /// Settlements of what there is plenty of.
    pub settled: u32,
    /// Settlements of what is scarce.
    pub scarce: u32,
    /// Invoices planned of what is scarce.
    pub planned: u32,
    /// Of them, issued.
    pub issued: u32,
    /// What each call took, in microseconds.
    pub micros: Vec<u32>,
    /// What did not hold afterwards.
    pub violations: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.calls += other.calls;
        self.conflicts += other.conflicts;
        self.retries += other.retries;
        self.too_late += other.too_late;
        self.products += other.products;
        self.updates += other.updates;
        self.settled += other.settled;
        self.scarce += other.scarce;
        self.planned += other.planned;
        self.issued += other.issued;
        self.micros.extend(other.micros);
        self.violations.extend(other.violations);
    }

    /// The time that so many of a thousand calls stay below.
    pub fn micros_at(&self, per_mille: usize) -> u32 {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or(0)
    }
}

type Outcome<T> = Result<T, String>;

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn open(url: &str) -> Outcome<Ledger> {
    let options =
        OpenOptions { clock: ClockOption::System, busy_timeout_ms: 30_000, ..OpenOptions::default() };
    crm::open(url, &options).map_err(told)
}

fn call(session: &Session, name: &str, input: &Value) -> Outcome<Value> {
    let answer = session.call(name, &input.to_string(), &CallOptions::default());
    serde_json::from_str(&answer.map_err(|error| format!("{name}: {error:?}"))?).map_err(told)
}

fn text(value: &Value, path: &str) -> Outcome<String> {
    let found = value.pointer(path).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("no {path} in {value}"))
}

fn prepare(session: &Session) -> Outcome<Stage> {
    let customer = text(&call(session, "customer.create", &json!({ "name": "0" }))?, "/id")?;
    let contract = |amount: u32| {
        let terms = json!([{ "share": "balance", "anchor": { "date": "2026-06-10" } }]);
        let input =
            json!({ "title": "c", "customer": customer, "amount": amount.to_string(), "terms": terms });
        let id = text(&call(session, "contract.create", &input)?, "/id")?;
        call(session, "contract.submit", &json!({ "id": id, "version": 1 }))?;
        call(session, "contract.approve", &json!({ "id": id, "version": 2 }))?;
        let signed =
            json!({ "id": id, "version": 3, "signed_on": "2026-05-01", "effective_on": "2026-05-01" });
        call(session, "contract.sign", &signed)?;
        Ok::<_, String>(id)
    };
    let (plenty, scarce) = (contract(PLENTY)?, contract(SCARCE)?);
    Ok(Stage { customer, plenty, scarce })
}

/// One session's work.
struct Writer<'s> {
    session: Session,
    stage: &'s Stage,
    name: String,
    tally: Tally,
}

impl Writer<'_> {
    /// Calls until the answer is not to try again, with one idempotency key; `None` when the call came too late.
    fn write(&mut self, operation: &str, input: &Value) -> Outcome<Option<Value>> {
        let key = format!("{}-{}", self.name, self.tally.micros.len());
        let options = CallOptions { idempotency_key: Some(key) };
        let began = Instant::now();
        let mut repeats_left = REPEATS_MAX;
        let answer = loop {
            match self.session.call(operation, &input.to_string(), &options) {
                Err(error) if error.kind() == ErrorKind::Retry && repeats_left > 0 => {
                    self.tally.conflicts += u32::from(error.code() == &CONFLICT);
                    self.tally.retries += 1;
                    repeats_left -= 1;
                }
                answer => break answer,
            }
        };
        self.tally.micros.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
        match answer {
            Ok(answer) => {
                self.tally.calls += 1;
                if self.tally.calls.is_multiple_of(8) {
                    // Asking again is answered with what was answered.
                    let again = self.session.call(operation, &input.to_string(), &options).map_err(told)?;
                    if again != answer {
                        return Err(format!("{operation} answered {answer}, then {again}"));
                    }
                }
                serde_json::from_str(&answer).map(Some).map_err(told)
            }
            Err(error) if is_too_late(&error) => {
                self.tally.too_late += 1;
                Ok(None)
            }
            Err(error) => Err(format!("{operation}: {error:?}")),
        }
    }

    fn settle(&mut self, contract: &str) -> Outcome<bool> {
        let allocate = json!({ "told": [{ "contract": contract, "installment": 1, "amount": "1" }] });
        let input = json!({ "customer": self.stage.customer, "amount": "1", "allocate": allocate });
        Ok(self.write("receipt.post", &input)?.is_some())
    }

    /// Plans an invoice, a draft as it were, and issues it.
    fn invoice(&mut self, contract: &str) -> Outcome<()> {
        let cover = json!({ "installments": [{ "installment": 1, "amount": "1" }] });
        let input = json!({ "contract": contract, "kind": "other", "cover": cover });
        if let Some(planned) = self.write("invoice.plan", &input)? {
            self.tally.planned += 1;
            let invoice = &planned["invoice"];
            let planned = json!({ "id": invoice["id"], "version": invoice["version"] });
            if self.write("invoice.issue", &json!({ "of": { "planned": planned } }))?.is_some() {
                self.tally.issued += 1;
            }
        }
        Ok(())
    }

    fn run(mut self, time: Duration) -> Outcome<Tally> {
        let end = Instant::now() + time;
        let stage = self.stage.clone();
        while Instant::now() < end {
            if self.write("product.create", &json!({ "name": "p" }))?.is_some() {
                self.tally.products += 1;
            }
            let before = call(&self.session, "customer.get", &json!({ "id": stage.customer }))?;
            let count: u32 = text(&before, "/name")?.parse().map_err(told)?;
            let data = json!({ "name": (count + 1).to_string() });
            let update = json!({ "id": stage.customer, "version": before["version"], "data": data });
            if self.write("customer.update", &update)?.is_some() {
                self.tally.updates += 1;
            }
            if self.settle(&stage.plenty)? {
                self.tally.settled += 1;
            }
            if self.settle(&stage.scarce)? {
                self.tally.scarce += 1;
            }
            self.invoice(&stage.scarce)?;
        }
        Ok(self.tally)
    }
}

fn is_too_late(error: &Error) -> bool {
    ["stale_version", "above_open", "above_invoiceable"].contains(&error.code().name().as_str())
}

/// One process: `sessions` writers on the ledger at `url`.
///
/// # Errors
/// The first call that fails otherwise than by coming too late.
pub fn write_at(url: &str, stage: &Stage, process: usize, crowd: Crowd) -> Outcome<Tally> {
    let ledger = open(url)?;
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..crowd.sessions)
            .map(|number| {
                let session = ledger.session("admin").map_err(told);
                scope.spawn(move || {
                    let name = format!("{process}-{number}");
                    Writer { session: session?, stage, name, tally: Tally::default() }.run(crowd.time)
                })
            })
            .collect();
        for one in running {
            tally.add(one.join().map_err(|_| "a writer panicked".to_owned())??);
        }
        Ok::<(), String>(())
    })?;
    Ok(tally)
}

/// Lets a crowd write on the ledger at `url`, in processes of `program` (which hands `child` to [`run_child`]), and checks
/// what they leave: [`Tally::violations`] is empty when everything holds.
///
/// # Errors
/// What a writer could not do.
pub fn run(program: &std::path::Path, url: &str, crowd: Crowd) -> Outcome<Tally> {
    let ledger = open(url)?;
    let session = ledger.session("admin").map_err(told)?;
    let stage = prepare(&session)?;
    let stage_text = serde_json::to_string(&stage).map_err(told)?;
    let children: Vec<_> = (0..crowd.processes)
        .map(|process| {
            Command::new(program)
                .args(["child", url, &stage_text, &process.to_string(), &crowd.sessions.to_string()])
                .arg(crowd.time.as_millis().to_string())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(told)
        })
        .collect::<Outcome<_>>()?;
    let mut tally = Tally::default();
    for child in children {
        let output = child.wait_with_output().map_err(told)?;
        if !output.status.success() {
            return Err(format!("a process failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
        tally.add(serde_json::from_slice(&output.stdout).map_err(told)?);
    }
    tally.violations.extend(check(&session, &stage, &tally)?);
    Ok(tally)
}

/// A process of [`run`]: its arguments after `child`.
///
/// # Errors
/// As [`write_at`].
pub fn run_child(arguments: &[String]) -> Outcome<String> {
    let [url, stage, process, sessions, millis] = arguments else {
        return Err("URL, stage, process, sessions and milliseconds are expected".to_owned());
    };
    let stage: Stage = serde_json::from_str(stage).map_err(told)?;
    let crowd = Crowd {
        processes: 1,
        sessions: sessions.parse().map_err(told)?,
        time: Duration::from_millis(millis.parse().map_err(told)?),
    };
    let tally = write_at(url, &stage, process.parse().map_err(told)?, crowd)?;
    serde_json::to_string(&tally).map_err(told)
}

/// What does not hold.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.0.push(format!("{what}: found {found:?}, expected {expected:?}"));
        }
    }

    /// The numbers at the end of codes must be 1, 2, 3 …
    fn without_gaps(&mut self, what: &str, codes: &[String]) {
        let number = |code: &String| -> usize {
            let digits = code.trim_start_matches(|character: char| !character.is_ascii_digit());
            digits.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        let mut numbers: Vec<usize> = codes.iter().map(number).collect();
        numbers.sort_unstable();
        if let Some((at, number)) = numbers.iter().enumerate().find(|(at, number)| **number != at + 1) {
            self.0.push(format!("{what}: {number} stands where {} should", at + 1));
        }
    }
}

/// One field of everything that a list operation lists.
fn listed(session: &Session, operation: &str, path: &str) -> Outcome<Vec<String>> {
    let (mut found, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = call(session, operation, &json!({ "limit": 200, "cursor": cursor }))?;
        for one in page["items"].as_array().into_iter().flatten() {
            found.push(text(one, path)?);
        }
        cursor = page["next"].clone();
        if cursor.is_null() {
            return Ok(found);
        }
    }
}

fn check(session: &Session, stage: &Stage, tally: &Tally) -> Outcome<Vec<String>> {
    let mut found = Found::default();
    let products = listed(session, "product.list", "/code")?;
    found.same("products", products.len(), tally.products as usize);
    found.without_gaps("numbers of products", &products);
    let receipts = listed(session, "receipt.list", "/number")?;
    found.same("receipts", receipts.len(), (tally.settled + tally.scarce) as usize);
    found.without_gaps("numbers of receipts", &receipts);
    let customer = call(session, "customer.get", &json!({ "id": stage.customer }))?;
    found.same("changes of the customer", text(&customer, "/name")?, tally.updates.to_string());
    found.same("its version", customer["version"].as_u64(), Some(u64::from(tally.updates) + 1));
    for (contract, settled) in [(&stage.plenty, tally.settled), (&stage.scarce, tally.scarce)] {
        let progress = call(session, "settlement.progress", &json!({ "contract": contract }))?;
        found.same("settled", text(&progress, "/settled")?, settled.to_string());
    }
    let invoices = listed(session, "invoice.list", "/number")?;
    found.same("invoices", invoices.len(), tally.planned as usize);
    found.without_gaps("numbers of invoices", &invoices);
    let seen = call(session, "invoice.three_way", &json!({ "contract": stage.scarce }))?;
    found.same("invoiced", text(&seen, "/items/0/invoiced")?, tally.issued.to_string());
    for given in [tally.scarce, tally.planned] {
        found.same("more than there was to give", given.max(SCARCE), SCARCE);
    }
    let verified = call(session, "settlement.verify", &json!({}))?;
    found.same("differences in the books", text(&verified, "/differences")?, "0".to_owned());
    match call(session, "audit.verify", &json!({})) {
        // What was prepared: a customer and two contracts, each created, submitted, approved and signed.
        Ok(verified) => {
            let entries = (tally.calls + 9).to_string();
            found.same("entries of the trail", verified.as_str(), Some(entries.as_str()));
        }
        Err(error) => found.0.push(error),
    }
    Ok(found.0)
}
