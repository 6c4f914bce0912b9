//! The folder of published figures and real data of others, which are not ours to copy into the project.

use std::path::PathBuf;

use crate::run::root;

/// Names the folder where it is not `shared` beside the project's own.
pub(crate) const VARIABLE: &str = "CRM_SHARED_DIR";

pub(crate) fn folder() -> PathBuf {
    std::env::var_os(VARIABLE).map_or_else(|| root().join("../shared"), PathBuf::from)
}

/// Why what is held against it cannot run.
pub(crate) fn missing() -> Option<String> {
    let folder = folder();
    let is_there = folder.join("cases").is_dir();
    (!is_there).then(|| format!("there is no folder {}; {VARIABLE} can name another", folder.display()))
}
