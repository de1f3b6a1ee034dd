//! The examples as their users run them: programs of their own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::{Client, LOOPBACK, PATIENCE};

/// A running example; it is killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    first_line: String,
    more: Receiver<String>,
}

impl Program {
    /// Builds the example `name` as this test was built, and starts it on a free port.
    ///
    /// # Panics
    /// If it cannot be built or does not start.
    #[must_use]
    pub fn example(name: &str) -> Self {
        Self::example_with(name, &[LOOPBACK])
    }

    /// The same, with other arguments than a free port to listen on.
    ///
    /// # Panics
    /// If it cannot be built or does not start.
    #[must_use]
    pub fn example_with(name: &str, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(build(name)).args(arguments))
    }

    /// The same, with no more than `limit` descriptors.
    ///
    /// # Panics
    /// If it cannot be built or does not start.
    #[must_use]
    pub fn example_with_descriptors(name: &str, limit: u32) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {limit}; exec \"$0\" \"$@\"")).arg(build(name)).arg(LOOPBACK);
        Self::spawn(&mut shell)
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).process_group(0).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (tell, more) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let first_line = more.recv_timeout(PATIENCE).unwrap_or_default();
        Self { child, first_line, more }
    }

    /// What it printed first.
    #[must_use]
    pub fn first_line(&self) -> &str {
        &self.first_line
    }

    /// What it prints next, without the line's end.
    ///
    /// # Panics
    /// If it prints nothing more.
    #[must_use]
    pub fn line(&self) -> String {
        self.more.recv_timeout(PATIENCE).expect("another line")
    }

    /// Where it says that it listens.
    ///
    /// # Panics
    /// If it says something else.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let address = self.first_line().strip_prefix("listening on tcp:").and_then(|address| address.parse().ok());
        address.unwrap_or_else(|| panic!("its first line is {:?}", self.first_line))
    }

    /// A new client of it.
    #[must_use]
    pub fn connect(&self) -> Client {
        Client::to(self.address())
    }

    /// Its resident memory, in KiB.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    #[must_use]
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If it is gone already.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("a running program");
    }

    /// Waits for its end; how it ended, and what it printed after its first line.
    ///
    /// # Panics
    /// If it does not end.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let status = end_of(&mut self.child);
        (status, self.more.iter().map(|line| line + "\n").collect())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

/// Runs the example `name` until it ends by itself: how it ended, and what it printed, which must fit into a pipe.
///
/// # Panics
/// If it cannot be built, does not start or does not end.
#[must_use]
pub fn output_of_example(name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(build(name));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    end_of(&mut child);
    child.wait_with_output().expect("its output")
}

fn end_of(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if started.elapsed() > PATIENCE {
            let _ended_just_now = child.kill();
            panic!("it does not end");
        }
        thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Builds an example beside this test, in the same profile; where its program is.
fn build(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "examples", "--example", name]);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    cargo.env("CARGO_TARGET_DIR", profile.parent().expect("target"));
    assert!(cargo.status().expect("cargo").success(), "the example {name} does not build");
    profile.join("examples").join(name)
}

/// Lets this process open `wanted` descriptors; false if the system does not allow so many.
#[must_use]
pub fn allow_descriptors(wanted: u64) -> bool {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return true;
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok()
}
