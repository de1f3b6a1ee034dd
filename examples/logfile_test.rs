//! The server of `logfile.rs`: in memory, and over real sockets, into real files.
use std::path::PathBuf;

use live::{LOOPBACK, Live};

use super::*;

/// A file of this test's own, gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twisty-logfile-{}-{name}", std::process::id()));
        Self(path)
    }

    fn factory(&self) -> LogFile {
        LogFile { path: self.0.display().to_string(), file: None }
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).expect("the file is there")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _never_made = std::fs::remove_file(&self.0);
    }
}

#[test]
fn logs_the_lines_of_all_clients() {
    let scratch = Scratch::new("memory");
    let server = twisty::testing::Server::new(scratch.factory());
    server.connect().receive("one\r\n");
    server.connect().receive("two\r\nthr");
    assert_eq!(scratch.text(), "one\ntwo\n");
}

#[test]
fn a_file_that_cannot_be_opened_keeps_the_port_closed() {
    let reactor = Reactor::new().expect("a poll");
    let nowhere = LogFile { path: "/nonexistent/lines.log".into(), file: None };
    let failure = reactor.listen(LOOPBACK, nowhere).expect_err("no such directory");
    assert!(failure.check::<std::io::Error>().is_some(), "{failure}");
}

#[test]
fn logs_over_sockets_and_closes_the_file_at_the_end() {
    let scratch = Scratch::new("socket");
    let factory = scratch.factory();
    let server = Live::start(move |reactor| reactor.listen(LOOPBACK, factory));
    let mut client = server.connect();
    client.send("over the wire\r\n");
    client.socket().shutdown(std::net::Shutdown::Write).expect("half-closed");
    client.rest().expect("an orderly end");
    server.stop();
    assert_eq!(scratch.text(), "over the wire\n");
}
