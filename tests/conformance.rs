//! Replays what Twisted does, as recorded in vectors, and compares.
//!
//! A vector is a small program in JSON (bytes arrive, reading pauses, a line is sent) and all that Twisted did with it.
//! By default those kept in `tests/vectors` are replayed; `TWISTY_VECTORS` names another directory of such files.
//!
//! Where twisty departs from Twisted on purpose, the departure stands in a table with its reason, explains one
//! difference at a time, and everything else in the case is still compared. The report says how many cases stand under
//! which.
//!
//! A family of vectors is one module here and one line in [`FAMILIES`].

#[path = "conformance/compare.rs"]
mod compare;
#[path = "conformance/deferred/mod.rs"]
mod deferred;
#[path = "conformance/endpoints/mod.rs"]
mod endpoints;
#[path = "conformance/framing/mod.rs"]
mod framing;
#[path = "conformance/policies/mod.rs"]
mod policies;
#[path = "conformance/reconnect/mod.rs"]
mod reconnect;
#[path = "conformance/report.rs"]
mod report;
#[path = "conformance/sync/mod.rs"]
mod sync;
#[path = "conformance/task/mod.rs"]
mod task;
#[path = "conformance/vectors.rs"]
mod vectors;

use std::process::ExitCode;

use report::{Family, Report};
use vectors::Vector;

/// What can be replayed so far; the other families of the vectors are counted and named.
const FAMILIES: &[Family] = &[
    Family { name: "framing", replay: framing::replay },
    Family { name: "deferred", replay: deferred::replay },
    Family { name: "deferred_list", replay: deferred::replay },
    Family { name: "deferred_scale", replay: deferred::scale::replay },
    Family { name: "endpoints", replay: endpoints::replay },
    Family { name: "sync", replay: sync::replay },
    Family { name: "task", replay: task::replay },
    Family { name: "reconnect", replay: reconnect::replay },
    Family { name: "policies", replay: policies::replay },
];

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--list") {
        FAMILIES.iter().for_each(|family| println!("{}: test", family.name));
        return ExitCode::SUCCESS;
    }
    let filters = filters(std::env::args().skip(1));
    let chosen = |vector: &Vector| filters.is_empty() || filters.iter().any(|filter| vector.name.contains(filter));
    let vectors = match vectors::load() {
        Ok(vectors) => vectors,
        Err(problem) => {
            eprintln!("no vectors: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut report = Report::new(FAMILIES);
    for vector in &vectors {
        if chosen(vector) { report.replay(vector) } else { report.leave_out() }
    }
    print!("{report}");
    if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The parts of names that `cargo test -- …` asks for; what it says to the standard test runner means nothing here.
fn filters(mut words: impl Iterator<Item = String>) -> Vec<String> {
    let mut filters = Vec::new();
    while let Some(word) = words.next() {
        match &*word {
            "--test-threads" | "--skip" | "--format" | "--color" | "--logfile" | "-Z" => drop(words.next()),
            flag if flag.starts_with('-') => {}
            _ => filters.push(word),
        }
    }
    filters
}
