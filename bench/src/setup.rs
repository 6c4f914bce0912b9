//! Where files are, how large things are, and how a ledger is opened for measuring.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use crm::app::Session;
use crm::{ClockOption, OpenOptions};
use tempfile::TempDir;

use crate::measure::Outcome;
use crate::reads::Reads;

/// What every workload needs.
pub(crate) struct Setup {
    /// Rounds that count.
    pub(crate) rounds: usize,
    /// Customers to import.
    pub(crate) customers: u32,
    /// Units of work in a round of writes.
    pub(crate) writes: u32,
    /// Contracts of six installments in the file that is read.
    pub(crate) contracts: u32,
    /// Installments in the files that grow: warnings are scanned in them, and what is due and aging read.
    pub(crate) installments: Vec<u32>,
    /// Whether sizes are small, and what was filled is verified.
    pub(crate) is_quick: bool,
    /// The large file that is read, once it is there.
    pub(crate) reads: OnceCell<Reads>,
    folder: TempDir,
}

impl Setup {
    /// Full sizes. Files are put beside the program, since `/tmp` may be in memory, where no commit costs anything.
    pub(crate) fn new() -> Outcome<Setup> {
        let program = std::env::current_exe()?;
        let beside = program.parent().unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(beside)?;
        Ok(Setup {
            rounds: 5,
            customers: 100_000,
            writes: 300,
            contracts: 166_667,
            installments: vec![10_000, 100_000],
            is_quick: false,
            reads: OnceCell::new(),
            folder,
        })
    }

    /// Sizes for a server, where rows are not a call away: done in some minutes.
    pub(crate) fn make_remote(&mut self) {
        (self.customers, self.contracts) = (20_000, 20_000);
    }

    /// Small sizes.
    pub(crate) fn make_quick(&mut self) {
        (self.rounds, self.customers, self.writes, self.contracts) = (1, 2_000, 20, 9_000);
        self.installments = vec![6_000, 12_000];
        self.is_quick = true;
    }

    /// The path of a file of this name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A session of the first user at a new ledger of this name; whatever was there goes.
    pub(crate) fn new_ledger(&self, name: &str) -> Outcome<Session> {
        let path = self.path(name);
        for ending in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(ending);
            match std::fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        open(&path, ClockOption::System)
    }
}

/// A session of the first user.
pub(crate) fn open(path: &Path, clock: ClockOption) -> Outcome<Session> {
    let url = path.to_str().ok_or("the path is not UTF-8")?;
    Ok(crm::open(url, &OpenOptions { clock, ..OpenOptions::default() })?.session("admin")?)
}
