//! The system calls of a server, counted by strace.
//!
//! It stops the server at every call, so this is a run of its own, when all that has a clock is over.

use std::cmp::Reverse;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::Result;
use crate::process::Server;
use crate::spread::short;

/// A strace that counts what a server calls from now on.
#[derive(Debug)]
pub struct Trace {
    strace: Child,
    stderr: BufReader<ChildStderr>,
}

impl Trace {
    /// Attaches to a running server, with all its threads.
    ///
    /// # Errors
    /// When there is no strace, or the system does not let it; the message is for the user.
    pub fn attach(server: &Server) -> Result<Self> {
        let mut command = Command::new("strace");
        command.args(["-c", "-f", "-p", &server.id().to_string()]);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut strace = spawned.map_err(|error| format!("strace does not start: {error}"))?;
        let mut stderr = BufReader::new(strace.stderr.take().ok_or("strace has no standard error")?);
        let mut line = String::new();
        stderr.read_line(&mut line)?;
        if !line.contains(" attached") {
            strace.wait()?;
            return Err(line.trim().into());
        }
        Ok(Self { strace, stderr })
    }

    /// Ends the server, and with it the strace, which then says what it counted.
    pub fn finish(mut self, server: Server, operations: u64) -> Result<Calls> {
        drop(server);
        let mut summary = String::new();
        self.stderr.read_to_string(&mut summary)?;
        self.strace.wait()?;
        Ok(Calls::parse(&summary, operations))
    }
}

/// System calls for one operation. Displayed as "recvfrom 1.00, epoll_wait 0.020", without those that are not one in a
/// hundred.
#[derive(Debug, Clone, PartialEq)]
pub struct Calls {
    /// All of them.
    pub total: f64,
    /// Each kind by name, the most frequent first.
    pub kinds: Vec<(String, f64)>,
}

impl Calls {
    /// Reads the table that `strace -c` prints: percent, seconds, µs a call, calls, perhaps errors, name.
    fn parse(summary: &str, operations: u64) -> Self {
        let row = |line: &str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let name = *fields.last()?;
            let number = fields.first()?.parse::<f64>().is_ok() && name != "total";
            let calls = fields.get(3).filter(|_| number)?.parse::<u64>().ok()?;
            Some((name.to_owned(), calls))
        };
        let mut kinds: Vec<_> = summary.lines().filter_map(row).collect();
        kinds.sort_by_key(|(_, calls)| Reverse(*calls));
        let each = |calls: u64| calls as f64 / operations as f64;
        let total = each(kinds.iter().map(|(_, calls)| calls).sum());
        Self { total, kinds: kinds.into_iter().map(|(name, calls)| (name, each(calls))).collect() }
    }
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frequent = self.kinds.iter().filter(|(_, calls)| *calls >= self.total / 100.0);
        for (index, (name, calls)) in frequent.enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name} {}", short(*calls))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = "\
strace: Process 4242 attached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.12    0.004000           4      1000           sendto
 30.00    0.002000           1      1500       500 recvfrom
  9.87    0.000700           3       200           epoll_wait
  0.01    0.000001           1         1           brk
------ ----------- ----------- --------- --------- ----------------
100.00    0.006701           2      2701       500 total
";

    #[test]
    fn the_summary_of_strace_is_read_with_and_without_errors() {
        let calls = Calls::parse(SUMMARY, 1000);
        assert_eq!(calls.to_string(), "recvfrom 1.50, sendto 1.00, epoll_wait 0.20");
        assert_eq!((short(calls.total), calls.kinds.len()), ("2.70".to_owned(), 4));
        assert_eq!(Calls::parse(SUMMARY, 64_000).to_string(), "recvfrom 0.023, sendto 0.016, epoll_wait 0.003");
    }

    #[test]
    fn a_server_that_calls_nothing_has_an_empty_summary() {
        let calls = Calls::parse("strace: Process 4242 attached\n", 10);
        assert_eq!(calls, Calls { total: 0.0, kinds: Vec::new() });
    }
}
