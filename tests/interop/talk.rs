//! Over every kind of stream and in several framings, Twisted at one end and twisty at the other. The same endpoint tells
//! either of them where to go. Each end closes once, and much goes both ways.

use std::cell::Cell;
use std::fs;
use std::marker::PhantomData;
use std::net::TcpListener;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use fastrand::Rng;
use live::PATIENCE;
use twisty::Handle;
use twisty::prelude::*;
use twisty::protocol::ClientFactory;

use super::twisted::Twisted;
use super::{Bytes, Lines, Netstrings, SEED, Spoken, python_with_twisted};

/// What is sent last ends in one of these.
const SERVER_CLOSES: u8 = 255;
const CLIENT_CLOSES: u8 = 254;
/// How many messages are on their way at once.
const WINDOW: usize = 100;

#[test]
fn tcp() {
    talk_in_all_framings(&Way::tcp());
}

#[test]
fn tcp_of_ipv6() {
    if let Err(error) = TcpListener::bind("[::1]:0") {
        return eprintln!("skipped: there is no IPv6 here: {error}");
    }
    talk_in_all_framings(&Way::tcp6());
}

#[test]
fn unix() {
    talk_in_all_framings(&Way::unix(&Folder::new("unix")));
}

#[test]
fn tls() {
    talk_in_all_framings(&Way::tls(&Folder::new("tls")));
}

fn talk_in_all_framings(way: &Way) {
    if python_with_twisted().is_some() {
        talk::<Lines>(way);
        talk::<Netstrings>(way);
        talk::<Bytes>(way);
    }
}

fn talk<S: Spoken>(way: &Way) {
    let server = Server::start::<S>(&way.server);
    let mut twisted = Twisted::talking(&["call", S::NAME, &way.to(&server.host)]);
    for _ in 0..2 {
        assert_eq!(twisted.line(), "ConnectionDone", "{} to {}", S::NAME, way.server);
        assert_eq!(server.end(), "the connection was closed cleanly");
    }
    assert!(twisted.succeeds(), "all came back in {} from {}", S::NAME, way.server);
    server.stop();

    let mut twisted = Twisted::talking(&["serve", S::NAME, &way.server]);
    let client = way.to(&twisted.line());
    for closer in [SERVER_CLOSES, CLIENT_CLOSES] {
        assert_eq!(call::<S>(&client, closer).to_string(), "the connection was closed cleanly", "{client}");
        assert_eq!(twisted.line(), "ConnectionDone", "{} from {client}", S::NAME);
    }
}

/// Where a server listens, and where its clients find it; `PORT` in the latter is what the server says.
struct Way {
    server: String,
    client: String,
}

impl Way {
    fn new(server: impl Into<String>, client: impl Into<String>) -> Self {
        Self { server: server.into(), client: client.into() }
    }

    fn tcp() -> Self {
        Self::new("tcp:0:interface=127.0.0.1", "tcp:127.0.0.1:PORT")
    }

    fn tcp6() -> Self {
        Self::new(r"tcp6:0:interface=\:\:1", r"tcp:\:\:1:PORT")
    }

    fn unix(folder: &Folder) -> Self {
        let path = folder.0.join("socket");
        let endpoint = format!("unix:{}", path.display());
        Self::new(endpoint.clone(), endpoint)
    }

    fn tls(folder: &Folder) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let certificate = folder.write("server.pem", &made.cert.pem());
        let key = folder.write("server.key", &made.signing_key.serialize_pem());
        let server = format!("ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}");
        Self::new(server, format!("tls:localhost:PORT:trustRoots={}", folder.0.display()))
    }

    fn to(&self, port: &str) -> String {
        self.client.replace("PORT", port)
    }
}

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twisty-talk-{name}-{}", std::process::id()));
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left_behind = fs::remove_dir_all(&self.0);
    }
}

/// A server of twisty's that sends everything back.
struct Server {
    /// Its port, where it has one.
    host: String,
    ends: Receiver<String>,
    handle: Handle,
    thread: JoinHandle<()>,
}

impl Server {
    fn start<S: Spoken>(endpoint: &str) -> Self {
        let (tell, told) = channel();
        let (tell_end, ends) = channel();
        let endpoint = endpoint.to_owned();
        let thread = thread::spawn(move || {
            let reactor = Reactor::new().expect("a poll");
            let port = reactor.listen(&endpoint, Echoes::<S> { ends: tell_end, spoken: PhantomData }).expect("a port");
            let host = port.host().port().map(|port| port.to_string()).unwrap_or_default();
            tell.send((host, reactor.handle())).expect("the test waits");
            reactor.run().expect("a clean run");
        });
        let (host, handle) = told.recv_timeout(PATIENCE).expect("it starts");
        Self { host, ends, handle, thread }
    }

    /// How the next connection ends.
    fn end(&self) -> String {
        self.ends.recv_timeout(PATIENCE).expect("a connection ends")
    }

    fn stop(self) {
        self.handle.call_from_thread(|reactor| reactor.stop().expect("it runs")).expect("it is there");
        self.thread.join().expect("a clean end");
    }
}

struct Echoes<S> {
    ends: Sender<String>,
    spoken: PhantomData<fn() -> S>,
}

impl<S: Spoken> Factory for Echoes<S> {
    type Protocol = Echo<S>;

    fn build_protocol(&mut self, _peer: &Address) -> Option<Echo<S>> {
        Some(Echo(PhantomData))
    }
}

struct Echo<S>(PhantomData<fn() -> S>);

impl<S: Spoken> Protocol for Echo<S> {
    type Framing = S::Framing;
    type Factory = Echoes<S>;

    fn framing() -> S::Framing {
        S::framing()
    }

    fn frame_received(&mut self, cx: &Context<Self>, frame: &[u8]) {
        cx.send(frame);
        if frame.last() == Some(&SERVER_CLOSES) {
            cx.lose_connection();
        }
    }

    fn connection_lost(&mut self, cx: &Context<Self>, reason: Failure) {
        let _nobody_looks = cx.factory().ends.send(reason.to_string());
    }
}

/// Has a conversation with the server there, in which everything must come back; how the connection ended.
fn call<S: Spoken>(endpoint: &str, closer: u8) -> Failure {
    let reactor = Reactor::new().expect("a poll");
    let end = Rc::new(Cell::new(None));
    let calls = Calls::<S> { closer, end: Rc::clone(&end), spoken: PhantomData };
    reactor.connect(endpoint, calls).expect("an endpoint");
    let _never_cancelled = reactor.call_later(PATIENCE, |reactor| reactor.stop().expect("it runs"));
    reactor.run().expect("a clean run");
    end.take().expect("it ends in time")
}

struct Calls<S> {
    closer: u8,
    end: Rc<Cell<Option<Failure>>>,
    spoken: PhantomData<fn() -> S>,
}

impl<S: Spoken> Calls<S> {
    fn end(&self, reason: Failure) {
        self.end.set(Some(reason));
        Reactor::current().expect("it runs").stop().expect("it runs");
    }
}

impl<S: Spoken> Factory for Calls<S> {
    type Protocol = Call<S>;

    fn build_protocol(&mut self, _peer: &Address) -> Option<Call<S>> {
        let mut messages = messages::<S>();
        messages.push(vec![self.closer]);
        Some(Call { messages, sent: 0, heard: Vec::new(), spoken: PhantomData })
    }
}

impl<S: Spoken> ClientFactory for Calls<S> {
    fn client_connection_failed(&mut self, _connector: &Connector, reason: &Failure) {
        self.end(Failure::message(reason.to_string()));
    }
}

struct Call<S> {
    messages: Vec<Vec<u8>>,
    sent: usize,
    heard: Vec<Vec<u8>>,
    spoken: PhantomData<fn() -> S>,
}

impl<S: Spoken> Call<S> {
    fn send_next(&mut self, cx: &Context<Self>) {
        if let Some(message) = self.messages.get(self.sent) {
            cx.send(message);
            self.sent += 1;
        }
    }
}

impl<S: Spoken> Protocol for Call<S> {
    type Framing = S::Framing;
    type Factory = Calls<S>;

    fn framing() -> S::Framing {
        S::framing()
    }

    fn connection_made(&mut self, cx: &Context<Self>) {
        (0..WINDOW).for_each(|_| self.send_next(cx));
    }

    fn frame_received(&mut self, cx: &Context<Self>, frame: &[u8]) {
        self.heard.push(frame.to_vec());
        self.send_next(cx);
        if frame.last() == Some(&CLIENT_CLOSES) {
            cx.lose_connection();
        }
    }

    fn connection_lost(&mut self, cx: &Context<Self>, reason: Failure) {
        let in_pieces = S::NAME == Bytes::NAME;
        let same = if in_pieces { self.heard.concat() == self.messages.concat() } else { self.heard == self.messages };
        let changed = || Failure::message("what came back is not what was sent");
        cx.factory().end(if same { reason } else { changed() });
    }
}

/// Of bytes that do not say who closes, and which may stand in a line.
fn messages<S: Spoken>() -> Vec<Vec<u8>> {
    let mut random = Rng::with_seed(SEED);
    let mut message = |length: usize| -> Vec<u8> {
        let bytes = std::iter::repeat_with(|| random.u8(..250));
        bytes.map(|byte| if byte == b'\r' { b'.' } else { byte }).take(length).collect()
    };
    if S::NAME == Bytes::NAME {
        return (0..64).map(|_| message(64 << 10)).collect();
    }
    (0..2000).map(|number| message(number * 7 % 1500)).chain((0..20).map(|_| Vec::new())).collect()
}
