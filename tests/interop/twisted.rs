//! A program of Twisted's at the other end.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{here, python_with_twisted};

/// `interop/twisted_talk.py` as it runs; it is killed when this is dropped. It gives up by itself after a minute.
pub(crate) struct Twisted {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Twisted {
    /// Only where there is a Twisted.
    pub(crate) fn talking(arguments: &[&str]) -> Self {
        let mut python = Command::new(python_with_twisted().expect("somebody has asked for it"));
        python.arg(here().join("interop/twisted_talk.py")).args(arguments).stdout(Stdio::piped());
        let mut child = python.spawn().expect("python runs");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, output }
    }

    /// What it says next; nothing if it has ended.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }

    /// Waits for its end, and for what it thinks of it.
    pub(crate) fn succeeds(&mut self) -> bool {
        self.child.wait().expect("it ends").success()
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

impl Drop for Twisted {
    fn drop(&mut self) {
        self.kill();
    }
}
