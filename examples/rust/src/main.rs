//! The library doing its whole job on a sample: from an import file to the last payment.
//!
//! ```text
//! cargo xtask demo [PATH]
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

/// Where the ledger goes: a new file each time, so that nobody's ledger is written over.
fn place() -> PathBuf {
    if let Some(path) = std::env::args_os().nth(1) {
        return path.into();
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let folder = target.join("demo");
    (1..).map(|count| folder.join(format!("demo-{count}.crm"))).find(|path| !path.exists()).unwrap_or(folder)
}

fn run() -> Result<()> {
    let path = place();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::new(&crm::store::engine::CANNOT_OPEN).with("what", folder.display()).with("reason", error)
        })?;
    }
    let options = OpenOptions {
        name: "示例仪器有限公司".to_owned(),
        clock: ClockOption::Manual(Instant::parse("2026-03-02T01:00:00Z")?),
        ..OpenOptions::default()
    };
    let ledger = crm::open(&path.to_string_lossy(), &options)?;
    println!("A ledger for {}: {}", ledger.info().name, path.display());

    let cast = cast::hire(&ledger)?;
    import::customers_and_opportunities(&ledger)?;
    show::funnel(&cast.seller)?;
    story::tell(&ledger, &cast)?;

    let shown = path.display();
    println!("\nThe ledger file is {shown}");
    println!("Go on from");
    println!(
        "  Rust    let ledger = crm::open({shown:?}, &crm::OpenOptions::default())?;",
        shown = shown.to_string()
    );
    println!("  C       crm_open({shown:?}, NULL, &ledger, &error);", shown = shown.to_string());
    println!("  Python  ledger = crm.open({shown:?})", shown = shown.to_string());
    Ok(())
}
