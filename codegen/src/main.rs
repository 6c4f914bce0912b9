//! `cargo run -p crm-codegen -- write` writes the generated files; `check` fails and names those that differ.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let result = match mode.as_str() {
        "write" => crm_codegen::write(),
        "check" => crm_codegen::check(),
        _ => Err("usage: crm-codegen write|check".to_owned()),
    };
    match result {
        Ok(names) => {
            for name in &names {
                println!("{name} {}", if mode == "write" { "written" } else { "differs" });
            }
            if mode == "check" && !names.is_empty() {
                eprintln!("run `cargo run -p crm-codegen -- write` and commit the result");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
