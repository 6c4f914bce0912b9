//! The library doing its whole job on a sample: from an import file to the last payment.
//!
//! ```text
//! cargo xtask demo [PATH or URL]
//! cargo xtask demo --engine postgres     on the server at CRM_POSTGRES_URL, or on one that is started for it
//! ```

mod cast;
mod import;
mod show;
mod story;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use crm::kernel::date::Instant;
use crm::kernel::error::{Error, Result};
use crm::{ClockOption, OpenOptions};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Where the ledger goes: a new file or schema each time, so that nobody's ledger is written over.
fn place() -> Result<String> {
    let cannot = |what: &str, reason: &str| {
        Error::new(&crm::store::engine::CANNOT_OPEN).with("what", what).with("reason", reason)
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let path = match words.as_slice() {
        ["--engine", "postgres"] => {
            let server = std::env::var("CRM_POSTGRES_URL")
                .map_err(|_| cannot("on a server", "CRM_POSTGRES_URL does not say where the server is"))?;
            return Ok(format!("{server}?schema=demo_{}", std::process::id()));
        }
        [] | ["--engine", "sqlite"] => new_file(),
        [url] if url.contains("://") => return Ok((*url).to_owned()),
        [path] => PathBuf::from(path),
        more => {
            return Err(cannot(&more.join(" "), "a path, a URL, or --engine sqlite or postgres is expected"));
        }
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| cannot(&folder.to_string_lossy(), &error.to_string()))?;
    }
    Ok(path.to_string_lossy().into_owned())
}

fn new_file() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let folder = target.join("demo");
    (1..).map(|count| folder.join(format!("demo-{count}.crm"))).find(|path| !path.exists()).unwrap_or(folder)
}

fn run() -> Result<()> {
    let url = place()?;
    let options = OpenOptions {
        name: "示例仪器有限公司".to_owned(),
        clock: ClockOption::Manual(Instant::parse("2026-03-02T01:00:00Z")?),
        ..OpenOptions::default()
    };
    let ledger = crm::open(&url, &options)?;
    // A URL may hold a password.
    let is_file = !url.contains("://");
    let shown = if is_file { url } else { format!("a schema of the {} server", ledger.engine()) };
    println!("A ledger for {}: {shown}", ledger.info().name);

    let cast = cast::hire(&ledger)?;
    import::customers_and_opportunities(&ledger)?;
    show::funnel(&cast.seller)?;
    story::tell(&ledger, &cast)?;

    println!("\nThe ledger is {shown}");
    if is_file {
        println!("Go on from");
        println!("  Rust    let ledger = crm::open({shown:?}, &crm::OpenOptions::default())?;");
        println!("  C       crm_open({shown:?}, NULL, &ledger, &error);");
        println!("  Python  ledger = crm.open({shown:?})");
    }
    Ok(())
}
