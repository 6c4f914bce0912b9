//! Where tests find the figures and the data that others published, which are not ours to copy.
//!
//! The folder is `shared` beside the project's own, or the one that `CRM_SHARED_DIR` names. A test that does not find its
//! file says so and checks nothing; `cargo xtask test` has a step of its own for these tests, which tells when it could not run.

use std::path::PathBuf;

use serde_json::Value;

/// A file or folder of the shared folder, or nothing, with a line that says so.
pub fn path(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("CRM_SHARED_DIR").map_or_else(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("NOT CHECKED: there is no {}; CRM_SHARED_DIR can name the folder of it", path.display());
    None
}

/// The rows of a file of published cases.
///
/// # Panics
/// When the file is no JSON, line by line.
#[expect(clippy::panic, reason = "a test that cannot read its cases has failed")]
pub fn rows(file: &str) -> Option<Vec<Value>> {
    let path = path(&format!("cases/{file}"))?;
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let row = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    Some(text.lines().map(row).collect())
}
