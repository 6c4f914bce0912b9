//! The project's own Python environment, under `target/venv`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Run, root, target};

const REMEDY: &str =
    "apt-get install python3 python3-venv (3.11 or newer), or set PYTHON to another interpreter";

fn venv() -> PathBuf {
    target().join("venv")
}

/// Where a program of the environment is.
pub(crate) fn inside(program: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    venv().join(folder).join(program)
}

/// A program of the environment.
pub(crate) fn tool(program: &str) -> Run {
    Run::program(inside(program), "run cargo xtask test, which installs it")
}

/// An interpreter of version 3.11 or newer.
fn interpreter() -> Result<String, String> {
    let chosen = std::env::var("PYTHON").ok();
    let candidates = chosen.iter().map(String::as_str).chain(["python3.11", "python3", "python"]);
    for candidate in candidates {
        let check = "import sys; sys.exit(sys.version_info < (3, 11))";
        if Run::program(candidate, REMEDY).args(["-c", check]).output().is_ok() {
            return Ok(candidate.to_owned());
        }
    }
    Err(format!("Python 3.11 or newer is not installed: {REMEDY}"))
}

/// Makes the environment, with nothing in it yet; one that was left half made is made anew.
pub(crate) fn environment() -> Result<(), String> {
    if tool("python").args(["-m", "pip", "--version"]).output().is_ok() {
        return Ok(());
    }
    let made = Run::program(interpreter()?, REMEDY)
        .args([Path::new("-m"), Path::new("venv"), Path::new("--clear"), &venv()])
        .shown();
    made.map_err(|error| format!("the Python environment cannot be made ({error}): {REMEDY}"))
}

/// Makes the environment and installs the tools that the requirements file names, once for each version of it.
pub(crate) fn prepare() -> Result<(), String> {
    let requirements = root().join("crm-py/tests/requirements.txt");
    let wanted =
        fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let stamp = venv().join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    environment()?;
    tool("python")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
        .args([&requirements])
        .shown()?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// Builds the wheel and installs it into the environment.
pub(crate) fn install_wheel() -> Result<(), String> {
    let wheels = target().join("wheels");
    if wheels.exists() {
        fs::remove_dir_all(&wheels).map_err(|error| format!("{}: {error}", wheels.display()))?;
    }
    tool("maturin")
        .args(["build", "--quiet", "--profile", "dev", "--manifest-path", "crm-py/Cargo.toml", "--out"])
        .args([&wheels])
        .env("PATH", path_with_venv())
        .shown()?;
    let mut found = fs::read_dir(&wheels).map_err(|error| format!("{}: {error}", wheels.display()))?;
    let wheel = found.next().and_then(Result::ok).map(|entry| entry.path()).ok_or("maturin made no wheel")?;
    tool("python")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--force-reinstall",
        ])
        .args([wheel])
        .shown()
}

fn path_with_venv() -> std::ffi::OsString {
    let own = inside("python").parent().map(Path::to_owned).unwrap_or_default();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(own).chain(std::env::split_paths(&others));
    std::env::join_paths(all).unwrap_or(others)
}
