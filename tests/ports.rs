//! Ports and the factories behind them, over real sockets.

use std::sync::mpsc::{Receiver, Sender, channel};

use live::{LOOPBACK, Live};
use twisty::prelude::*;
use twisty::protocol::Shared;
use twisty::{Address, Port};

/// Tells its test what happens to it.
#[factory(protocol = Guest, build = Self::build, start = Self::open, stop = Self::close, max_connections = 3)]
struct House {
    told: Sender<&'static str>,
    refuses: bool,
    panics: bool,
}

impl House {
    fn new() -> (Self, Receiver<&'static str>) {
        let (told, heard) = channel();
        (Self { told, refuses: false, panics: false }, heard)
    }

    fn tell(&self, what: &'static str) {
        self.told.send(what).expect("the test listens");
    }

    fn open(&mut self) {
        self.tell("start");
    }

    fn close(&mut self) {
        self.tell("stop");
    }

    fn build(&mut self, _peer: &Address) -> Option<Guest> {
        assert!(!self.panics, "as asked");
        (!self.refuses).then_some(Guest)
    }
}

#[protocol(line, factory = House)]
struct Guest;

#[protocol]
impl Guest {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) -> String {
        format!("{} of {}", cx.connections(), cx.factory().max_connections())
    }

    #[on(line)]
    fn obey(&mut self, cx: &Context<Self>, wish: &str) -> String {
        match wish {
            "refuse" => cx.factory_mut().refuses = true,
            "panic" => cx.factory_mut().panics = true,
            _ => {}
        }
        wish.to_owned()
    }

    #[on(disconnect)]
    fn leave(&mut self, cx: &Context<Self>) {
        cx.factory().tell("leave");
    }
}

fn start() -> (Live, Receiver<&'static str>) {
    let (house, heard) = House::new();
    (Live::start(|reactor| reactor.listen(LOOPBACK, house)), heard)
}

#[test]
fn connections_beyond_the_limit_are_closed_at_once() {
    let (server, _heard) = start();
    let mut guests: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for (number, guest) in guests.iter_mut().enumerate() {
        assert_eq!(guest.line(), format!("{} of 3", number + 1));
    }
    assert_eq!(server.connect().rest().expect("an orderly end"), b"");
    drop(guests.pop());
    server.wait_for_connections(2);
    assert_eq!(server.connect().line(), "3 of 3");
}

#[test]
fn a_factory_may_refuse_and_may_panic() {
    for wish in ["refuse\r\n", "panic\r\n"] {
        let (server, _heard) = start();
        let mut first = server.connect();
        assert_eq!(first.line(), "1 of 3");
        first.try_echo(wish).expect("an echo");
        assert_eq!(server.connect().rest().expect("an orderly end"), b"");
        first.try_echo("still here\r\n").expect("an echo");
    }
}

#[test]
fn the_factory_stops_after_its_last_connection() {
    let (server, heard) = start();
    let mut guest = server.connect();
    assert_eq!(guest.line(), "1 of 3");
    server.stop();
    drop(guest);
    assert_eq!(heard.iter().collect::<Vec<_>>(), ["start", "leave", "stop"]);
}

#[test]
fn one_factory_on_two_ports_starts_and_stops_once() {
    let (house, heard) = House::new();
    let reactor = Reactor::new().expect("a poll");
    let shared = Shared::from(house);
    let ports: Vec<Port> = (0..2).map(|_| reactor.listen(LOOPBACK, shared.clone()).expect("a port")).collect();
    assert_ne!(ports[0].host(), ports[1].host());
    for port in &ports {
        port.stop_listening();
    }
    drop((ports, shared, reactor));
    assert_eq!(heard.iter().collect::<Vec<_>>(), ["start", "stop"]);
}

#[test]
fn closing_the_port_leaves_its_connections() {
    let (house, _heard) = House::new();
    let reactor = Reactor::new().expect("a poll");
    let port = reactor.listen(LOOPBACK, house).expect("a port");
    let Address::Tcp(address) = port.host() else { panic!("no TCP address") };
    let client = std::thread::spawn(move || {
        let mut client = live::Client::to(address);
        assert_eq!(client.line(), "1 of 3");
        client.try_echo("one\r\n").expect("an echo");
    });
    while reactor.connections() == 0 {
        reactor.turn(None).expect("a turn");
    }
    port.stop_listening();
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
    while reactor.connections() > 0 {
        reactor.turn(None).expect("a turn");
    }
    client.join().expect("all went well");
}

#[test]
fn ipv6_is_served_and_told_apart() {
    let (house, _heard) = House::new();
    let reactor = Reactor::new().expect("a poll");
    let port = match reactor.listen(r"tcp:0:interface=\:\:1", house) {
        Ok(port) => port,
        Err(failure) => return eprintln!("skipped: there is no IPv6 on this machine: {failure}"),
    };
    assert!(port.host().to_string().starts_with("tcp:[::1]:"), "{}", port.host());
    drop(reactor);
    let (house, _heard) = House::new();
    let server = Live::start(|reactor| reactor.listen(r"tcp:0:interface=\:\:1", house));
    assert_eq!(server.connect().line(), "1 of 3");
}

#[test]
fn a_wrong_endpoint_says_what_would_be_right() {
    let reactor = Reactor::new().expect("a poll");
    for (endpoint, says) in [
        (
            "tpc:80",
            "`tpc` is not known, did you mean `tcp`? There are `fd`, `haproxy`, `ssl`, `stdio`, `systemd`, `tcp`, `tcp6`, \
             `tls` and `unix`",
        ),
        ("tcp", "its `port` is missing, write a number from 0 to 65535"),
        ("tcp:http", "`http` is no `port`, write a number from 0 to 65535"),
        ("stdio:127.0.0.1", "`127.0.0.1` is too much; options are written `key=value`, a colon in a value `\\:`"),
        (
            "tcp:80:interface=home",
            "`home` is no `interface`, write an address as `127.0.0.1` or `\\:\\:1`; the name of a network device is \
             written `device=eth0`",
        ),
        (
            "tcp:80:backlock=5",
            "`backlock` is no option of `tcp`, did you mean `backlog`? There are `port`, `interface`, `backlog`, \
             `reuse_port`, `nodelay`, `keepalive` and `device`",
        ),
        ("tcp:80\\", "it ends in a lone `\\`, write `\\\\` for the character itself"),
    ] {
        let failure = reactor.listen(endpoint, House::new().0).expect_err(endpoint);
        assert_eq!(failure.to_string(), format!("`{endpoint}` is no endpoint: {says}"));
    }
}
