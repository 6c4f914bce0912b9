//! Writes the files that are generated from the catalogue, or checks that they are as they would be written.

mod python;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let write = std::env::args().nth(1).as_deref() == Some("write");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut stale = false;
    for (path, content) in python::python_files() {
        let file = root.join(&path);
        if std::fs::read_to_string(&file).is_ok_and(|found| found == content) {
            continue;
        }
        if !write {
            eprintln!("{} is not as generated: run cargo xtask codegen", path.display());
            stale = true;
        } else if let Err(error) = std::fs::write(&file, content) {
            eprintln!("{}: {error}", file.display());
            stale = true;
        }
    }
    if stale { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
