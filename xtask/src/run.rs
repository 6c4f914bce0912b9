//! Running other programs, and saying what to install when one is missing.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().unwrap_or(folder).to_owned()
}

/// Where builds and installed tools go.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program to run in the workspace's folder.
pub(crate) struct Run {
    command: Command,
    program: String,
    remedy: &'static str,
}

impl Run {
    /// This program; `remedy` installs it.
    pub(crate) fn program(program: impl AsRef<OsStr>, remedy: &'static str) -> Run {
        let mut command = Command::new(program.as_ref());
        command.current_dir(root());
        Run { command, program: program.as_ref().to_string_lossy().into_owned(), remedy }
    }

    /// Cargo.
    pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Run {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Run::program(cargo, "install Rust from https://rustup.rs").args(arguments)
    }

    /// More arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Run {
        self.command.args(arguments);
        self
    }

    /// An environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    /// Runs it with its output shown.
    pub(crate) fn shown(mut self) -> Result<(), String> {
        let status = self.command.status().map_err(|error| self.missing(&error))?;
        if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", self.program)) }
    }

    /// Runs it and takes what it prints.
    pub(crate) fn output(mut self) -> Result<String, String> {
        let output = self.command.output().map_err(|error| self.missing(&error))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!(
                "{} ended with {}:\n{}",
                self.program,
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ))
        }
    }

    fn missing(&self, error: &std::io::Error) -> String {
        match error.kind() {
            ErrorKind::NotFound => format!("{} is not installed: {}", self.program, self.remedy),
            _ => format!("{} cannot be run: {error}", self.program),
        }
    }
}
