//! Twisted's clients, and `nc`, talk to twisty servers over UNIX sockets, and speak for others in PROXY headers.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use live::PATIENCE;
use twisty::Handle;
use twisty::prelude::*;

use crate::{here, python_with_twisted};

/// Says who is there, then sends everything back.
#[protocol(line)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) -> String {
        format!("{} at {}", cx.peer(), cx.host())
    }

    #[on(line)]
    fn echo(&mut self, line: &str) -> String {
        line.to_owned()
    }
}

/// A server on a UNIX socket of its own.
struct Server {
    path: PathBuf,
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Server {
    fn start(name: &str, before: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twisty-interop-{name}-{}", std::process::id()));
        let endpoint = format!("{before}unix:{}", path.display());
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            let reactor = Reactor::new().expect("a poll");
            let _port = reactor.listen(endpoint, Echo::factory()).expect("a port");
            tell.send(reactor.handle()).expect("the test waits");
            reactor.run().expect("a clean run");
        });
        let handle = told.recv_timeout(PATIENCE).expect("it starts");
        Self { path, handle, thread }
    }

    fn stop(self) {
        self.handle.call_from_thread(|reactor| reactor.stop().expect("it runs")).expect("it is there");
        self.thread.join().expect("a clean end");
        assert!(!self.path.exists());
    }
}

/// What Twisted's client hears first; it compares the lines that come back itself.
fn twisted_hears(server: &Server, header: &[&str]) -> Option<String> {
    let mut client = Command::new(python_with_twisted()?);
    client.arg(here().join("interop/twisted_unix.py")).arg(&server.path).arg("2000").args(header);
    let output = client.output().expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    assert!(output.status.success(), "{said}: {}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

#[test]
fn twisted_over_a_unix_socket() {
    let server = Server::start("unix", "");
    if let Some(heard) = twisted_hears(&server, &[]) {
        assert_eq!(heard, format!("unix: at unix:{}", server.path.display()));
    }
    server.stop();
}

#[test]
fn twisted_behind_a_proxy() {
    let server = Server::start("proxy", "haproxy:");
    for (version, ends) in [
        ("1", "tcp:192.0.2.1:4711 at tcp:192.0.2.2:80"),
        ("2", "tcp:192.0.2.1:4711 at tcp:192.0.2.2:80"),
        ("6", "tcp:[2001:db8::1]:4711 at tcp:[2001:db8::2]:80"),
    ] {
        let Some(heard) = twisted_hears(&server, &[version]) else { break };
        assert_eq!(heard, ends);
    }
    server.stop();
}

/// Twisted's lock is ours: neither takes the other's path.
#[test]
fn twisted_respects_a_lock() {
    let server = Server::start("lock", "");
    if let Some(python) = python_with_twisted() {
        let mut twisted = Command::new(python);
        let output = twisted.arg(here().join("interop/twisted_unix.py")).arg(&server.path).arg("listen").output();
        let said = String::from_utf8(output.expect("python runs").stdout).expect("text");
        assert!(said.starts_with("CannotListenError"), "{said}");
    }
    server.stop();
}

/// Asks in small letters.
#[protocol(line)]
#[derive(Default)]
struct Asker {
    heard: Vec<String>,
}

#[protocol]
impl Asker {
    #[on(connect)]
    fn ask(&mut self, cx: &Context<Self>) {
        for number in 0..LINES {
            cx.send(format!("line {number}"));
        }
    }

    #[on(line)]
    fn hear(&mut self, cx: &Context<Self>, line: &str) {
        self.heard.push(line.to_owned());
        if self.heard.len() == LINES {
            cx.lose_connection();
        }
    }

    #[on(disconnect)]
    fn compare(&mut self) {
        let expected: Vec<String> = (0..LINES).map(|number| format!("LINE {number}")).collect();
        assert_eq!(self.heard, expected);
    }
}

const LINES: usize = 2000;

#[test]
fn twisty_to_twisted_over_a_unix_socket() -> twisty::Result<()> {
    let Some(python) = python_with_twisted() else { return Ok(()) };
    let path = std::env::temp_dir().join(format!("twisty-interop-client-{}", std::process::id()));
    let mut twisted = Command::new(python);
    twisted.arg(here().join("interop/twisted_unix.py")).arg(&path).arg("serve").stdout(Stdio::piped());
    let mut twisted = twisted.spawn()?;
    let mut ready = String::new();
    BufReader::new(twisted.stdout.take().expect("a pipe")).read_line(&mut ready)?;
    assert_eq!(ready.trim_end(), "ready");
    twisty::connect(format!("unix:{}", path.display()), Asker::factory())?;
    assert!(twisted.wait()?.success(), "it ended in good order");
    Ok(())
}

#[test]
fn netcat_over_a_unix_socket() {
    let server = Server::start("nc", "");
    // `-N` closes its side at the end of its input: OpenBSD's has it, others do so anyway or do not know `-U`.
    let mut netcat = Command::new("nc");
    netcat.args(["-N", "-U"]).arg(&server.path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    match netcat.spawn() {
        Ok(mut child) => {
            let mut stdin = child.stdin.take().expect("a pipe");
            let _not_taken_by_others = stdin.write_all(b"hello\r\n");
            drop(stdin);
            let output = child.wait_with_output().expect("it ends");
            if output.status.success() {
                let said = String::from_utf8(output.stdout).expect("text");
                assert_eq!(said, format!("unix: at unix:{}\r\nhello\r\n", server.path.display()));
            } else {
                eprintln!("skipped: this nc knows no `-N -U`");
            }
        }
        Err(_) => eprintln!("skipped: there is no nc"),
    }
    server.stop();
}
