//! Files that are generated and committed, so that a reader of the repository sees them, and checked, so that none can
//! tell something else than the catalogue does.
//!
//! A generated file is one line in [`files`].

mod header;
mod python;
mod reference;

use std::fs;
use std::path::{Path, PathBuf};

pub use header::header;
pub use python::{python_codes, python_operations, python_types, python_wire};
pub use reference::{Language, reference};

/// What goes wrong while generating, for the person who runs it.
pub type Result<T, E = String> = std::result::Result<T, E>;

/// A generated file.
pub struct File {
    /// Where it stands in the repository.
    pub path: &'static str,
    /// Makes its text.
    pub make: fn() -> Result<String>,
}

/// Every generated file.
pub fn files() -> Vec<File> {
    vec![
        File { path: "include/crm.h", make: header },
        File { path: "docs/reference.md", make: || reference(Language::English) },
        File { path: "docs/reference.zh.md", make: || reference(Language::Chinese) },
        File { path: "crm-py/python/crm/_types.py", make: || Ok(python_types()) },
        File { path: "crm-py/python/crm/_wire.py", make: || Ok(python_wire()) },
        File { path: "crm-py/python/crm/_operations.py", make: || Ok(python_operations()) },
        File { path: "crm-py/python/crm/codes.py", make: || Ok(python_codes()) },
    ]
}

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of the files that differ from what would be generated.
///
/// # Errors
/// Of making a file.
pub fn check() -> Result<Vec<String>> {
    each(|_, _| Ok(()))
}

/// Writes the files that differ, and names them.
///
/// # Errors
/// Of making or writing a file.
pub fn write() -> Result<Vec<String>> {
    each(|path, text| {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    })
}

fn each(act: impl Fn(&Path, &str) -> Result<()>) -> Result<Vec<String>> {
    let mut differing = Vec::new();
    for file in files() {
        let text = (file.make)().map_err(|error| format!("{}: {error}", file.path))?;
        let path = root().join(file.path);
        // A file that cannot be read differs.
        if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            act(&path, &text)?;
            differing.push(file.path.to_owned());
        }
    }
    Ok(differing)
}
