//! Gates: what the hot paths may cost, counted and never timed.
//!
//! Run: `cargo test --release -p benches --test gates`      Some of it: `… --test gates -- "system calls" line`
//!
//! - `allocations`: none for a request and its reply, none for a broadcast and its deliveries, one for a turn.
//! - `system calls`: as many for a request as the hand-written mio loop makes, under `strace`.
//! - `instructions`: budgets for framing, dispatch and the like, under `valgrind`; only in a release build.
//! - `growth`: hostile input four times as long costs four times as many instructions, not sixteen times.
//!
//! Each gate prints what it measured, also when it holds. What a machine cannot count is skipped, and says why; with `CI`
//! in the environment a tool that is missing is a broken gate.
//!
//! # When a gate breaks
//!
//! The last words of its line say where to look. If the cost is worth its while, raise the budget: it is one number in
//! the table of [`instructions`], what was measured and about a twentieth more. If something became cheaper the line
//! says so; lower the budget then, or the next one spends what was saved.

use std::process::ExitCode;

use benches::Result;
use benches::process::become_server;

#[path = "gates/allocations.rs"]
mod allocations;
#[path = "gates/growth.rs"]
mod growth;
#[path = "gates/instructions.rs"]
mod instructions;
#[path = "gates/protocols.rs"]
mod protocols;
#[path = "gates/report.rs"]
mod report;
#[path = "gates/system_calls.rs"]
mod system_calls;
#[path = "gates/tools.rs"]
mod tools;
#[path = "gates/works.rs"]
mod works;

use report::Report;

type Hold = fn(&mut Report) -> Result;

const FAMILIES: [(&str, Hold); 4] = [
    ("allocations", allocations::hold),
    ("system calls", system_calls::hold),
    ("instructions", instructions::hold),
    ("growth", growth::hold),
];

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["--serve", server] => become_server(None).and_then(|()| protocols::serve(server)),
        ["--work", work, rounds] => works::work(work, rounds),
        _ if words.contains(&"--list") => {
            FAMILIES.iter().for_each(|(family, _)| println!("{family}: test"));
            Ok(())
        }
        _ => hold_all(&words),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

/// What `cargo test -- …` says to the standard test runner means nothing here.
fn hold_all(words: &[&str]) -> Result {
    let mut report = Report::new(words.iter().filter(|word| !word.starts_with('-')));
    for (family, hold) in FAMILIES {
        report.begin(family);
        hold(&mut report).map_err(|error| format!("{family}: {error}"))?;
    }
    report.end()
}
