//! `haproxy:`: who the client is stands in a header, before the protocol exists.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use live::{Client, Live, PATIENCE};
use twisty::prelude::*;
use twisty::{Address, Port};

const BEHIND_A_PROXY: &str = "haproxy:tcp:0:interface=127.0.0.1";

/// Counts the protocols that it builds.
#[factory(protocol = Host, build = Self::build)]
struct Hosts {
    built: Arc<AtomicUsize>,
}

impl Hosts {
    fn build(&mut self, _peer: &Address) -> Option<Host> {
        self.built.fetch_add(1, Ordering::Relaxed);
        Some(Host)
    }
}

/// Says who is there, and repeats each line.
#[protocol(line, factory = Hosts)]
struct Host;

#[protocol]
impl Host {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) -> String {
        format!("{} at {}", cx.peer(), cx.host())
    }

    #[on(line)]
    fn repeat(&mut self, line: &str) -> String {
        line.to_owned()
    }
}

/// A server, and how many protocols it has built.
fn start() -> (Live, Arc<AtomicUsize>) {
    let built = Arc::new(AtomicUsize::new(0));
    let hosts = Hosts { built: Arc::clone(&built) };
    (Live::start(|reactor| reactor.listen(BEHIND_A_PROXY, hosts)), built)
}

/// Version 2, with the command and the family given.
fn binary(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).expect("a short one").to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, addresses].concat()
}

/// From 192.0.2.1:4711 to 192.0.2.2:80.
const INET: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x67, 0, 80];
const LINE: &str = "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n";
const SAYS: &str = "tcp:192.0.2.1:4711 at tcp:192.0.2.2:80";

#[test]
fn the_ends_are_those_of_the_header() {
    let (server, built) = start();
    let extension = [&INET[..], b"\xea\0\x04load"].concat();
    for header in [LINE.as_bytes(), &binary(0x21, 0x11, &INET), &binary(0x21, 0x11, &extension)] {
        let mut client = server.connect();
        assert_eq!(client.send(header).line(), SAYS);
        client.try_echo("what follows\r\n").expect("an echo");
    }
    let mut six = [0; 36];
    (six[15], six[31], six[33], six[35]) = (1, 2, 3, 4);
    assert_eq!(server.connect().send(binary(0x21, 0x21, &six)).line(), "tcp:[::1]:3 at tcp:[::2]:4");
    assert_eq!(built.load(Ordering::Relaxed), 4);
}

#[test]
fn what_comes_with_the_header_belongs_to_the_protocol() {
    let (server, _built) = start();
    for header in [LINE.as_bytes(), &binary(0x21, 0x11, &INET)] {
        let mut client = server.connect();
        client.send([header, b"PROXY is a word like any other\r\nand"].concat());
        assert_eq!(client.line(), SAYS);
        assert_eq!(client.line(), "PROXY is a word like any other");
        assert_eq!(client.send(" so on\r\n").line(), "and so on");
        // Its last words come with the end.
        client.send("last\r\n").socket().shutdown(Shutdown::Write).expect("a half-close");
        assert_eq!(client.rest().expect("an orderly end"), b"last\r\n");
    }
}

#[test]
fn a_header_may_come_in_drops() {
    let (server, _built) = start();
    for header in [LINE.as_bytes(), &binary(0x21, 0x11, &INET)] {
        let mut client = server.connect();
        client.socket().set_nodelay(true).expect("an option");
        for byte in header {
            client.send([*byte]);
            thread::sleep(Duration::from_micros(200));
        }
        assert_eq!(client.line(), SAYS);
        client.try_echo("hello\r\n").expect("an echo");
    }
}

#[test]
fn where_the_header_says_nothing_the_socket_does() {
    let (server, _built) = start();
    for header in [
        &b"PROXY UNKNOWN\r\n"[..],
        b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
        &binary(0x20, 0x11, &INET),
        &binary(0x20, 0, b""),
        &binary(0x21, 0, b"whatever"),
    ] {
        let mut client = server.connect();
        let own = client.socket().local_addr().expect("an address");
        assert_eq!(client.send(header).line(), format!("tcp:{own} at tcp:{}", server.address()));
    }
}

/// Closed without a word, and no protocol is made for it; others come in all the while.
#[test]
fn what_is_no_header_is_closed() {
    let (server, built) = start();
    let long = [b"PROXY UNKNOWN ", &[b'x'; 200][..], b"\r\n"].concat();
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"hello\r\n",
        b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n",
        &long,
        &binary(0x31, 0x11, &INET),
        &binary(0x21, 0x11, b"short"),
        &[0; 1000],
    ] {
        let mut client = server.connect();
        client.send(bytes);
        assert_eq!(client.rest().expect("an orderly end"), b"", "{}", bytes.escape_ascii());
    }
    for begun in [&b""[..], b"PROX", &binary(0x21, 0x11, &INET)[..20]] {
        let mut client = server.connect();
        client.send(begun).socket().shutdown(Shutdown::Write).expect("a half-close");
        assert_eq!(client.rest().expect("an orderly end"), b"");
    }
    assert_eq!(built.load(Ordering::Relaxed), 0);
    assert_eq!(server.connect().send(LINE).line(), SAYS);
    server.wait_for_connections(0);
}

#[test]
fn stopping_does_not_wait_for_headers() {
    let (server, _built) = start();
    let mut clients: Vec<Client> = (0..10).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("PROXY ");
    }
    server.wait_for_connections(10);
    server.stop();
    for mut client in clients {
        assert_eq!(client.rest().unwrap_or_default(), b"");
    }
}

/// The proxy may be on the same machine, and two may stand in a row: the nearer one's header comes first.
#[test]
fn proxies_may_use_unix_sockets_and_stand_in_a_row() {
    let path = std::env::temp_dir().join(format!("twisty-proxy-{}", std::process::id()));
    let (tell, told) = mpsc::channel();
    let endpoint = format!("haproxy:haproxy:unix:{}", path.display());
    let server = thread::spawn(move || {
        let reactor = Reactor::new().expect("a poll");
        let _port: Port = reactor.listen(endpoint, Hosts { built: Arc::default() }).expect("a port");
        tell.send(reactor.handle()).expect("the test waits");
        reactor.run().expect("a clean run");
    });
    let handle = told.recv_timeout(PATIENCE).expect("it starts");
    let client = UnixStream::connect(&path).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut client = BufReader::new(client);
    let headers = [&binary(0x20, 0, b"")[..], LINE.as_bytes()].concat();
    client.get_mut().write_all(&headers).expect("room");
    let mut line = String::new();
    client.read_line(&mut line).expect("a line");
    assert_eq!(line.trim_end(), SAYS);
    handle.call_from_thread(|reactor| reactor.stop().expect("it runs")).expect("it is there");
    server.join().expect("a clean end");
    assert!(!path.exists());
}
