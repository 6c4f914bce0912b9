//! Runs a program beside a server of its own: `crm-postgres-server PROGRAM [ARGUMENT ...]`. The program finds the server's URL
//! in `CRM_POSTGRES_URL`; the server ends with it.

use std::process::{Command, ExitCode};

use crm_postgres_server::{Outcome, Server};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().ok_or("crm-postgres-server PROGRAM [ARGUMENT ...]")?;
    let server = Server::own()?;
    let status = Command::new(&program)
        .args(arguments)
        .env("CRM_POSTGRES_URL", server.database_url())
        .status()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
