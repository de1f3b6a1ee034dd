//! Clients of TLS, against servers of twisty's own on the same reactor.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Instant;

use live::{LOOPBACK, PATIENCE};
use twisty::client::Connected;
use twisty::prelude::*;
use twisty::tls::{ClientTls, Identity, ServerTls};
use twisty::{HandshakeTimeout, TlsConfigError, TlsError, TlsTruncated};

use crate::certificates::{Authority, Directory, Signed};
use crate::peer::Settings;

/// The lines that a client was sent.
type Heard = Rc<RefCell<Vec<String>>>;

/// Keeps what it hears.
#[derive(Default)]
pub(crate) struct Caller {
    heard: Heard,
}

impl Protocol for Caller {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new()
    }

    fn frame_received(&mut self, _cx: &Context<Self>, line: &[u8]) {
        self.heard.borrow_mut().push(String::from_utf8_lossy(line).into_owned());
    }
}

#[protocol(line)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, cx: &Context<Self>, line: &str) {
        let tls = cx.tls().expect("it is encrypted");
        let shown = tls.peer_certificates.len();
        match line {
            "bye" => cx.lose_connection(),
            "who" => cx.send(format!("{} {shown}", tls.server_name.as_deref().unwrap_or("-"))),
            _ => cx.send(line),
        }
    }
}

/// A reactor with an authority's server, and the files that its clients name.
pub(crate) struct Room {
    reactor: Reactor,
    pub(crate) authority: Authority,
    files: Directory,
    roots: String,
    address: SocketAddr,
}

impl Room {
    pub(crate) fn new(tls: impl FnOnce(&Authority) -> ServerTls) -> Self {
        let (reactor, authority, files) = (Reactor::new().expect("a poll"), Authority::new(), Directory::new());
        let port = reactor.listen_tls(LOOPBACK, &tls(&authority), Echo::factory()).expect("a port");
        let Address::Tcp(address) = port.host() else { panic!("no TCP") };
        let roots = files.write("authority.pem", &authority.pem());
        Self { reactor, authority, files, roots, address }
    }

    /// The server under this name, trusted.
    fn endpoint(&self, name: &str) -> String {
        self.endpoint_at(name, self.address.port())
    }

    pub(crate) fn endpoint_at(&self, name: &str, port: u16) -> String {
        format!(r"tls:{name}:443:endpoint=tcp\:127.0.0.1\:{port}:trustRoots={}", self.roots)
    }

    pub(crate) fn connect(&self, endpoint: &str) -> twisty::Result<(Connected<Caller>, Heard)> {
        let caller = Caller::default();
        let heard = Rc::clone(&caller.heard);
        Ok((self.value(self.reactor.connect_protocol(endpoint, caller))?, heard))
    }

    pub(crate) fn value<T: 'static>(&self, deferred: Deferred<T>) -> twisty::Result<T> {
        self.turn_until(|| deferred.has_result());
        deferred.into_result().unwrap_or_else(|_| panic!("it has a result"))
    }

    pub(crate) fn turn_until(&self, done: impl Fn() -> bool) {
        let started = Instant::now();
        while !done() {
            self.reactor.turn(Some(std::time::Duration::from_millis(10))).expect("a turn");
            assert!(started.elapsed() < PATIENCE, "it takes too long");
        }
    }

    pub(crate) fn files_of(&self, name: &str, signed: &Signed) -> (String, String) {
        let certificate = self.files.write(&format!("{name}.crt"), &signed.certificate);
        (certificate, self.files.write(&format!("{name}.key"), &signed.key))
    }
}

#[test]
fn both_ends_are_twistys() -> twisty::Result<()> {
    let room = Room::new(|authority| authority.server("localhost").alpn(["chat/2", "chat/1"]));
    let (connected, heard) = room.connect(&format!("{}:alpn=chat/1,chat/3", room.endpoint("localhost")))?;
    let tls = connected.transport().tls().expect("the handshake is over when it is connected");
    assert_eq!((tls.version.as_str(), tls.alpn.as_deref()), ("TLSv1.3", Some("chat/1")));
    assert_eq!(tls.peer_certificates.len(), 1);
    connected.transport().send("who");
    room.turn_until(|| heard.borrow().len() == 1);
    assert_eq!(heard.borrow()[0], "localhost 0");
    connected.transport().send("bye");
    let reason = room.value(connected.when_lost())?;
    assert!(reason.check::<ConnectionDone>().is_some(), "{reason}");
    room.turn_until(|| room.reactor.connections() == 0);
    Ok(())
}

#[test]
fn a_server_that_is_not_trusted_is_refused() {
    let room = Room::new(|authority| authority.server("localhost"));
    let others = room.files.write("others.pem", &Authority::new().pem());
    let endpoint = format!(r"tls:localhost:443:endpoint=tcp\:127.0.0.1\:{}:trustRoots={others}", room.address.port());
    let refused = room.connect(&endpoint).expect_err("an unknown authority").trap::<TlsError>().expect("TLS");
    let problem = "nobody vouches for it that is trusted here".to_owned();
    assert_eq!(refused, TlsError::Certificate { problem });
    room.turn_until(|| room.reactor.connections() == 0);
}

#[test]
fn a_server_of_another_name_is_refused() {
    let room = Room::new(|authority| authority.server("example.org"));
    let refused = room.connect(&room.endpoint("example.com")).expect_err("another name");
    assert!(refused.to_string().contains("not valid for name \"example.com\""), "{refused}");
    assert!(room.connect(&room.endpoint("example.org")).is_ok());
}

#[test]
fn an_address_is_a_name_too() {
    let room = Room::new(|authority| authority.server("127.0.0.1"));
    let endpoint = format!("tls:127.0.0.1:{}:trustRoots={}", room.address.port(), room.roots);
    assert!(room.connect(&endpoint).is_ok());
}

#[test]
fn a_client_shows_who_it_is() -> twisty::Result<()> {
    let members = Authority::new();
    let room = Room::new(|authority| authority.server("localhost").require_clients(members.roots()));
    let (certificate, key) = room.files_of("ann", &members.sign(&["ann"]));
    let endpoint = format!("{}:certificate={certificate}:privateKey={key}", room.endpoint("localhost"));
    let (connected, heard) = room.connect(&endpoint)?;
    connected.transport().send("who");
    room.turn_until(|| heard.borrow().len() == 1);
    assert_eq!(heard.borrow()[0], "localhost 1");

    // It hears of it only after its own part of the handshake.
    let (nobody, _) = room.connect(&room.endpoint("localhost"))?;
    let reason = room.value(nobody.when_lost())?;
    assert_eq!(reason.to_string(), "the peer ended TLS, its alert says: certificate required");
    Ok(())
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let room = Room::new(|authority| authority.server("localhost"));
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let endpoint = format!(r"tls:localhost:443:endpoint=tcp\:127.0.0.1\:{port}\:timeout=1:trustRoots={}", room.roots);
    let late = room.connect(&endpoint).expect_err("it says nothing");
    assert!(late.check::<HandshakeTimeout>().is_some(), "{late}");
    room.turn_until(|| room.reactor.connections() == 0);
}

#[test]
fn a_handshake_can_be_given_up() {
    let room = Room::new(|authority| authority.server("localhost"));
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let endpoint = format!(r"tls:localhost:443:endpoint=tcp\:127.0.0.1\:{port}:trustRoots={}", room.roots);
    let attempt = room.reactor.connect_protocol(&endpoint, Caller::default());
    room.turn_until(|| room.reactor.connections() == 1);
    attempt.cancel();
    let cancelled = room.value(attempt).expect_err("it was cancelled");
    assert!(cancelled.check::<CancelledError>().is_some(), "{cancelled}");
    assert_eq!(room.reactor.connections(), 0);
}

#[test]
fn a_server_that_speaks_no_tls_is_refused() {
    let room = Room::new(|authority| authority.server("localhost"));
    let plain = room.reactor.listen(LOOPBACK, ForProtocol::new(|| Greeter)).expect("a port");
    let port = plain.host().port().expect("TCP");
    let endpoint = format!(r"tls:localhost:443:endpoint=tcp\:127.0.0.1\:{port}:trustRoots={}", room.roots);
    let refused = room.connect(&endpoint).expect_err("220 is no TLS");
    assert!(matches!(refused.check(), Some(TlsError::Protocol { .. })), "{refused}");
}

#[protocol(line)]
struct Greeter;

#[protocol]
impl Greeter {
    #[on(connect)]
    fn greet(&mut self) -> &'static str {
        "220 hello"
    }

    #[on(line)]
    fn ignore(&mut self) {}
}

#[test]
fn files_that_do_not_fit_are_named() {
    let room = Room::new(|authority| authority.server("localhost"));
    let (ann, bob) = (room.authority.sign(&["ann"]), room.authority.sign(&["bob"]));
    let (certificate, key) = room.files_of("ann", &ann);
    let (_, other) = room.files_of("bob", &bob);
    let locked = ann.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let locked = room.files.write("locked.key", &locked);
    let problem = |certificate: &str, key: &str| {
        let error: TlsConfigError = Identity::from_files(certificate, key).expect_err("a wrong file");
        error.to_string()
    };
    assert!(problem("/nowhere.pem", &key).contains("with /nowhere.pem: it cannot be read, No such file"));
    assert!(problem(&key, &key).contains("it holds no certificate, a PEM block `CERTIFICATE` was expected"));
    assert!(problem(&certificate, &certificate).contains("it holds no private key"));
    assert_eq!(
        problem(&certificate, &other),
        format!("TLS cannot be set up with {other}: the key does not belong to the certificate")
    );
    assert!(problem(&certificate, &locked).contains("its private key is encrypted, decrypt it first"));
    let endpoint = format!("tls:0:certificate={certificate}:private_key={other}");
    let refused = room.reactor.listen(&endpoint, Echo::factory()).expect_err("a wrong key").to_string();
    assert!(refused.ends_with("the key does not belong to the certificate"), "{refused}");
    assert!(!format!("{:?}", ann.identity()).contains("key"), "nothing is said of it");
}

/// Starts TLS when the server says so.
struct Upgrading {
    tls: ClientTls,
    log: Rc<RefCell<Vec<String>>>,
}

impl Protocol for Upgrading {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new()
    }

    fn connection_made(&mut self, cx: &Context<Self>) {
        cx.send("starttls");
    }

    fn frame_received(&mut self, cx: &Context<Self>, line: &[u8]) {
        self.log.borrow_mut().push(String::from_utf8_lossy(line).into_owned());
        if line == b"go ahead" {
            let log = Rc::clone(&self.log);
            cx.start_tls(&self.tls).add_both(move |done| {
                log.borrow_mut().push(done.map_or_else(|failure| failure.to_string(), |()| "started".to_owned()));
            });
            cx.send("private?");
        }
    }

    fn connection_lost(&mut self, _cx: &Context<Self>, reason: Failure) {
        self.log.borrow_mut().push(reason.to_string());
    }
}

#[test]
fn a_client_starts_it_too() {
    let room = Room::new(|authority| authority.server("localhost"));
    let server = crate::server::Served::in_clear(room.authority.server("localhost"));
    let log: Rc<RefCell<Vec<String>>> = Rc::default();
    let tls = room.authority.client().server_name("localhost");
    let connect = |tls: ClientTls| {
        let upgrading = Upgrading { tls, log: Rc::clone(&log) };
        room.value(room.reactor.connect_protocol(format!("tcp:{}", server.live.address()), upgrading))
    };
    let connected = connect(tls.clone()).expect("a connection");
    room.turn_until(|| log.borrow().len() == 4);
    assert_eq!(*log.borrow(), ["go ahead", "started", "encrypted", "yes"]);
    connected.lose_connection();
    room.turn_until(|| log.borrow().len() == 5);
    assert_eq!(server.end(), "the connection was closed cleanly");

    log.borrow_mut().clear();
    let _connected = connect(tls.server_name("example.org")).expect("a connection");
    room.turn_until(|| log.borrow().len() == 3);
    assert_eq!(log.borrow()[0..2], ["go ahead", "the Deferred was cancelled"]);
    assert!(log.borrow()[2].starts_with("the peer's certificate is not accepted: "), "{log:?}");
    assert!(server.end().starts_with("the peer ended TLS, its alert says: "));
}

#[test]
fn a_cut_is_no_end_for_clients_either() -> twisty::Result<()> {
    let room = Room::new(|authority| authority.server("localhost"));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let signed = room.authority.sign(&["localhost"]);
    let cutter = std::thread::spawn(move || Settings::serve_and_cut(&listener, &signed));
    let endpoint = format!(r"tls:localhost:443:endpoint=tcp\:127.0.0.1\:{port}:trustRoots={}", room.roots);
    let (connected, heard) = room.connect(&endpoint)?;
    let reason = room.value(connected.when_lost())?;
    assert!(reason.check::<TlsTruncated>().is_some(), "{reason}");
    assert_eq!(*heard.borrow(), ["half of it"]);
    cutter.join().expect("no panic");
    Ok(())
}

#[test]
fn names_that_no_handshake_has_room_for_are_refused() {
    let room = Room::new(|authority| authority.server("localhost"));
    let longest = "x".repeat(255);
    room.connect(&format!("{}:alpn={longest}", room.endpoint("localhost"))).expect("it fits");
    let refused = room.connect(&format!("{}:alpn={longest}x", room.endpoint("localhost"))).expect_err("it does not");
    assert!(refused.check::<TlsConfigError>().is_some(), "{refused}");
    let server = room.authority.server("localhost").alpn([""]);
    let refused = room.reactor.listen_tls(LOOPBACK, &server, Echo::factory()).expect_err("no name");
    assert!(refused.to_string().contains("the ALPN name ``: it must have 1 to 255 bytes"), "{refused}");
}
