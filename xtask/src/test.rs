//! Everything that must hold, as a table of named steps. All steps run that can; the end tells each one's time and outcome.

use std::path::PathBuf;
use std::time::Instant;

use crate::run::{Run, root, target};
use crate::{postgres, python, shared};

struct Step {
    name: &'static str,
    run: fn() -> Result<(), String>,
    /// What it needs that does not come with the project and is not here: then it is not run, and the table says so.
    missing: fn() -> Option<String>,
}

const fn step(name: &'static str, run: fn() -> Result<(), String>) -> Step {
    Step { name, run, missing: || None }
}

const STEPS: &[Step] = &[
    step("formatting", || Run::cargo(["fmt", "--all", "--check"]).shown()),
    step("lints", || Run::cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).shown()),
    step("rust build", || Run::cargo(["test", "--workspace", "--no-run"]).shown()),
    step("postgres server", || postgres::prepare().map(|_| ())),
    step("rust tests", || {
        Run::cargo(["test", "--quiet", "--workspace", "--no-fail-fast"])
            .env(postgres::VARIABLE, postgres::programs()?)
            .shown()
    }),
    step("Rust scenarios, both engines", || {
        Run::cargo(["test", "--quiet", "--package", "crm-tests", "--test", "scenarios", "--", "--nocapture"])
            .env(postgres::VARIABLE, postgres::programs()?)
            .shown()
    }),
    Step { name: "published cases", run: published, missing: shared::missing },
    step("rust documentation", || {
        Run::cargo(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").shown()
    }),
    step("generated files", || {
        Run::cargo(["run", "--quiet", "--package", "crm-codegen", "--", "check"]).shown()
    }),
    step("header as C99 and C++17", header),
    step("C example", c_example),
    step("C scenarios", c_scenarios),
    step("C scenarios on postgres", c_scenarios_on_postgres),
    step("python environment", python::prepare),
    step("python wheel", python::install_wheel),
    step("python tests and scenarios", || {
        postgres::beside_server(python::inside("python"))?
            .args(["-m", "pytest", "--quiet", "crm-py/tests"])
            .shown()
    }),
    step("python lints", || python::tool("ruff").args(["check", "--quiet", "crm-py"]).shown()),
    step("python types", || {
        python::tool("python").args(["-m", "mypy", "--strict", "crm-py/python/crm"]).shown()
    }),
    step("python stubs", || {
        python::tool("stubtest")
            .args(["crm", "--ignore-missing-stub", "--allowlist", "crm-py/stubtest.txt"])
            .shown()
    }),
];

/// Runs the steps whose names contain one of `words`, or all.
pub(crate) fn run(words: &[String]) -> Result<(), String> {
    let mut outcomes = Vec::new();
    for Step { name, run, missing } in STEPS {
        if !words.is_empty() && !words.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        println!("── {name}");
        let began = Instant::now();
        let outcome = match missing() {
            Some(reason) => Outcome::NotRun(reason),
            None => run().map_or_else(Outcome::Failed, |()| Outcome::Passed),
        };
        if let Outcome::Failed(told) | Outcome::NotRun(told) = &outcome {
            eprintln!("{told}");
        }
        outcomes.push((name, began.elapsed(), outcome));
    }
    println!("\n{:<28} {:>8}", "step", "seconds");
    for (name, time, outcome) in &outcomes {
        println!("{name:<28} {:>8.1} {outcome}", time.as_secs_f32());
    }
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|(.., outcome)| is(outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let not_run = count(|outcome| matches!(outcome, Outcome::NotRun(_)));
    println!("\nsteps: {} passed, {failed} failed, {not_run} not run", outcomes.len() - failed - not_run);
    if outcomes.is_empty() {
        return Err(format!("no step's name contains one of {words:?}"));
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} steps failed")) }
}

/// What became of a step.
enum Outcome {
    Passed,
    Failed(String),
    NotRun(String),
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Passed => f.write_str("ok"),
            Outcome::Failed(_) => f.write_str("FAILED"),
            Outcome::NotRun(reason) => write!(f, "not run: {reason}"),
        }
    }
}

/// The tests that hold our rules against figures and data of others, with their counts.
fn published() -> Result<(), String> {
    let tests = |package: &str, names: &[&str]| {
        let named = names.iter().flat_map(|name| ["--test", name]);
        let line = ["test", "--quiet", "--package", package].into_iter().chain(named);
        Run::cargo(line.chain(["--", "--nocapture"])).env(shared::VARIABLE, shared::folder()).shown()
    };
    let core = ["published_cases", "published_terms", "published_recurrence", "published_settlement"];
    tests("crm-core", &core)?;
    tests("crm", &["published_invoices", "published_warnings"])?;
    tests("crm-tests", &["real_data"])
}

const COMPILER: &str = "install a C and C++ compiler, for example apt-get install gcc g++";
const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

fn compiler(variable: &str, usual: &str) -> Run {
    Run::program(std::env::var(variable).unwrap_or_else(|_| usual.to_owned()), COMPILER)
}

fn header() -> Result<(), String> {
    let header = root().join("include/crm.h");
    compiler("CC", "cc")
        .args(["-std=c99", "-fsyntax-only", "-x", "c"])
        .args(STRICT)
        .args([&header])
        .shown()?;
    compiler("CXX", "c++")
        .args(["-std=c++17", "-fsyntax-only", "-x", "c++"])
        .args(STRICT)
        .args([&header])
        .shown()
}

/// Compiles a C program against the header and the shared library, with the address sanitizer, and returns its path.
fn build_c(source: &str, name: &str) -> Result<PathBuf, String> {
    Run::cargo(["build", "--quiet", "--package", "crm-ffi"]).shown()?;
    let folder = target().join("c");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let program = folder.join(name);
    let libraries = target().join("debug");
    compiler("CC", "cc")
        .args(["-std=c99", "-g", "-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-Iinclude"])
        .args(STRICT)
        .args([PathBuf::from(source)])
        .args([format!("-L{}", libraries.display()), format!("-Wl,-rpath,{}", libraries.display())])
        .args(["-lcrm_ffi", "-o"])
        .args([&program])
        .shown()?;
    Ok(program)
}

/// An empty folder for a program's ledgers.
fn fresh_folder(name: &str) -> Result<PathBuf, String> {
    let folder = target().join("c").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn c_example() -> Result<(), String> {
    let program = build_c("examples/c/story.c", "story")?;
    Run::program(program, COMPILER).args([fresh_folder("story-ledger")?]).shown()
}

fn scenario_files() -> Result<Vec<PathBuf>, String> {
    let folder = root().join("tests/scenarios");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.sort();
    Ok(files)
}

fn c_scenarios() -> Result<(), String> {
    let program = build_c("tests/c/scenarios.c", "scenarios")?;
    Run::program(program, COMPILER).args([fresh_folder("scenario-ledgers")?]).args(scenario_files()?).shown()
}

fn c_scenarios_on_postgres() -> Result<(), String> {
    let program = build_c("tests/c/scenarios.c", "scenarios")?;
    // The shell puts in the URL, which is known only beside the server.
    postgres::beside_server("sh")?
        .args(["-c", "program=$1; shift; exec \"$program\" \"$CRM_POSTGRES_URL\" \"$@\"", "sh"])
        .args([program])
        .args(scenario_files()?)
        .shown()
}
