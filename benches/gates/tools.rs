//! The programs that count: `strace` and `valgrind`.

use std::env;
use std::process::{Command, Stdio};

use benches::Result;

use crate::report::Report;

/// Whether the tool runs here; if not the family is skipped, or broken where everything must be measured.
pub(crate) fn usable(report: &mut Report, tool: &str) -> bool {
    let Err(problem) = try_out(tool) else { return true };
    if env::var_os("CI").is_some() {
        report.broken("all", &format!("{tool} cannot be used: {problem}. Install it: with CI set, nothing is skipped"));
    } else {
        report.skipped(&format!("{tool} cannot be used: {problem}"));
    }
    false
}

/// It may be there and not be allowed to do its work, as in many containers.
fn try_out(tool: &str) -> Result {
    let output = Command::new(tool).arg("true").output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(said.trim().to_owned().into()) }
}

/// Instructions that one of the works takes in so many rounds, with the start of its process.
pub(crate) fn instructions(work: &str, rounds: usize) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["--work", work, &rounds.to_string()])
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().rev().find_map(|line| line.split_once("I ")?.1.trim().strip_prefix("refs:"));
    let count = count.filter(|_| output.status.success());
    let count = count.and_then(|count| count.trim().replace(',', "").parse().ok());
    count.ok_or_else(|| format!("valgrind counts no instructions of the work {work:?}:\n{said}").into())
}
