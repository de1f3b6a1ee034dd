//! OpenSSL's own programs at the other end. Where there is no `openssl`, the tests say so and pass, except where `CI` is
//! `true`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;

use live::PATIENCE;
use twisty::TlsTruncated;

use crate::certificates::{Authority, Directory, Signed};
use crate::clients::Room;
use crate::server::Served;

/// `openssl`, with what it says and is told; it ends with this.
pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    output: Receiver<String>,
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut openssl = Command::new("openssl");
        openssl.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = openssl.spawn().expect("it starts");
        let (input, output) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let (tell, told) = channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| tell.send(line))
        });
        Self { child, input, output: told }
    }

    pub(crate) fn send(&mut self, line: &str) -> &mut Self {
        writeln!(self.input, "{line}").expect("it listens");
        self
    }

    /// What it says next; nothing if it has ended.
    pub(crate) fn line(&mut self) -> String {
        self.next().unwrap_or_default()
    }

    fn next(&self) -> Option<String> {
        match self.output.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("it neither says more nor ends"),
        }
    }

    /// Ends it without a chance to say anything.
    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Waits for its end, and for what it thinks of it.
    pub(crate) fn succeeds(&mut self) -> bool {
        while self.next().is_some() {}
        self.child.wait().expect("it ends").success()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _no_zombie = self.child.wait();
    }
}

pub(crate) fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok_and(|output| output.status.success());
    if !found {
        let required = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!required, "no openssl: install it first");
        eprintln!("skipped: there is no openssl");
    }
    found
}

/// What an authority made, as files.
struct Files {
    directory: Directory,
    roots: String,
}

impl Files {
    fn new(authority: &Authority) -> Self {
        let directory = Directory::new();
        let roots = directory.write("roots.pem", &authority.pem());
        Self { directory, roots }
    }

    fn of(&self, name: &str, signed: &Signed) -> (String, String) {
        let certificate = self.directory.write(&format!("{name}.crt"), &signed.certificate);
        (certificate, self.directory.write(&format!("{name}.key"), &signed.key))
    }
}

/// A client that ends when it does not trust the server.
fn client(served: &Served, roots: &str, more: &[&str]) -> Program {
    let address = served.live.address().to_string();
    let trusting = ["-CAfile", roots, "-verify_return_error", "-servername", "localhost", "-crlf", "-quiet"];
    Program::start(&[&["s_client", "-connect", &address][..], &trusting, more].concat())
}

#[test]
fn its_client_talks_and_closes() {
    if !has_openssl() {
        return;
    }
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost").alpn(["chat/1"]));
    let files = Files::new(&authority);
    for (version, spoken) in [("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")] {
        let mut client = client(&served, &files.roots, &[version, "-alpn", "mail/1,chat/1"]);
        assert_eq!(client.send("who").line(), format!("{spoken} chat/1 localhost 0"));
        assert_eq!(client.send("bye").line(), "bye");
        assert!(client.succeeds(), "it ends with the connection");
        assert_eq!(served.end(), "the connection was closed cleanly");
    }
}

#[test]
fn its_client_shows_who_it_is_or_is_refused() {
    if !has_openssl() {
        return;
    }
    let (authority, members) = (Authority::new(), Authority::new());
    let served = Served::over(authority.server("localhost").require_clients(members.roots()));
    let files = Files::new(&authority);
    let (certificate, key) = files.of("ann", &members.sign(&["ann"]));
    let mut member = client(&served, &files.roots, &["-cert", &certificate, "-key", &key]);
    assert_eq!(member.send("who").line(), "TLSv1.3 - localhost 1");
    assert!(!client(&served, &files.roots, &[]).succeeds(), "without one");
}

#[test]
fn its_client_does_not_trust_everybody() {
    if !has_openssl() {
        return;
    }
    let served = Served::over(Authority::new().server("localhost"));
    let files = Files::new(&Authority::new());
    assert!(!client(&served, &files.roots, &[]).succeeds());
    assert!(served.has_ended_no_other(), "no protocol was made for it");
}

#[test]
fn its_client_is_killed() {
    if !has_openssl() {
        return;
    }
    let authority = Authority::new();
    let served = Served::over(authority.server("localhost"));
    let files = Files::new(&authority);
    let mut client = client(&served, &files.roots, &[]);
    assert_eq!(client.send("hi").line(), "hi");
    client.kill();
    assert!(served.end().starts_with("the peer closed the connection without a TLS close_notify"));
}

/// A server that sends each line back, the last letter first; and its port.
fn server(certificate: &str, key: &str, more: &[&str]) -> (Program, u16) {
    let shown = ["s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-rev"];
    let mut server = Program::start(&[&shown[..], more].concat());
    loop {
        let line = server.line();
        if let Some(port) = line.strip_prefix("ACCEPT ").and_then(|at| at.rsplit_once(':')?.1.parse().ok()) {
            return (server, port);
        }
        assert!(!line.is_empty(), "it does not listen");
    }
}

#[test]
fn its_server_talks() -> twisty::Result<()> {
    if !has_openssl() {
        return Ok(());
    }
    let room = Room::new(|authority| authority.server("localhost"));
    let (certificate, key) = room.files_of("server", &room.authority.sign(&["localhost"]));
    let (_server, port) = server(&certificate, &key, &["-alpn", "chat/1"]);
    let (connected, heard) = room.connect(&format!("{}:alpn=mail/1,chat/1", room.endpoint_at("localhost", port)))?;
    let alpn = connected.transport().tls().and_then(|tls| tls.alpn.clone());
    assert_eq!(alpn.as_deref(), Some("chat/1"));
    // It takes the line's end away and puts its own there, of which one half comes out of the line.
    connected.transport().send("\rolleh");
    room.turn_until(|| !heard.borrow().is_empty());
    assert_eq!(heard.borrow()[0], "hello");
    Ok(())
}

#[test]
fn its_server_asks_who_we_are() -> twisty::Result<()> {
    if !has_openssl() {
        return Ok(());
    }
    let members = Authority::new();
    let room = Room::new(|authority| authority.server("localhost"));
    let (certificate, key) = room.files_of("server", &room.authority.sign(&["localhost"]));
    let (shown, its_key) = room.files_of("ann", &members.sign(&["ann"]));
    let roots = Files::new(&members);
    let asking = ["-Verify", "1", "-verify_return_error", "-CAfile", &roots.roots];
    let (_server, port) = server(&certificate, &key, &asking);
    let endpoint = room.endpoint_at("localhost", port);
    let (ann, _) = room.connect(&format!("{endpoint}:certificate={shown}:privateKey={its_key}"))?;
    // It serves one client after the other.
    ann.lose_connection();
    room.value(ann.when_lost())?;
    let (nobody, _) = room.connect(&endpoint)?;
    let reason = room.value(nobody.when_lost())?;
    assert!(reason.to_string().starts_with("the peer ended TLS, its alert says: "), "{reason}");
    Ok(())
}

#[test]
fn its_server_is_not_trusted_unless_it_should_be() {
    if !has_openssl() {
        return;
    }
    let room = Room::new(|authority| authority.server("localhost"));
    let (certificate, key) = room.files_of("server", &Authority::new().sign(&["localhost"]));
    let (_server, port) = server(&certificate, &key, &[]);
    let refused = room.connect(&room.endpoint_at("localhost", port)).expect_err("nobody knows who signed that");
    assert!(refused.to_string().ends_with("nobody vouches for it that is trusted here"), "{refused}");
}

#[test]
fn its_server_is_killed() -> twisty::Result<()> {
    if !has_openssl() {
        return Ok(());
    }
    let room = Room::new(|authority| authority.server("localhost"));
    let (certificate, key) = room.files_of("server", &room.authority.sign(&["localhost"]));
    let (mut server, port) = server(&certificate, &key, &[]);
    let (connected, heard) = room.connect(&room.endpoint_at("localhost", port))?;
    connected.transport().send("\rereht");
    room.turn_until(|| !heard.borrow().is_empty());
    server.kill();
    let reason = room.value(connected.when_lost())?;
    assert!(reason.check::<TlsTruncated>().is_some(), "{reason}");
    Ok(())
}
