//! Over UDP sockets.

use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::Duration;

use allocation_counter::measure;
use tracing::Level;
use twisty::datagram::DatagramTransport;
use twisty::endpoint::UdpPort;
use twisty::prelude::*;
use twisty::{DatagramError, ListenError};

use super::{Log, Talker, turn_until};

fn v4() -> UdpPort {
    UdpPort::new("127.0.0.1:0".parse().expect("an address"))
}

fn v6() -> UdpPort {
    UdpPort::new("[::1]:0".parse().expect("an address"))
}

fn socket_address(address: &Address) -> SocketAddr {
    let Address::Udp(address) = address else { panic!("{address} is no address of UDP") };
    *address
}

/// A client that never waits.
struct Client(UdpSocket);

impl Client {
    fn of(server: &Address) -> Self {
        let server = socket_address(server);
        let socket = UdpSocket::bind((server.ip(), 0)).expect("a port");
        socket.connect(server).expect("an address");
        socket.set_nonblocking(true).expect("it can");
        Self(socket)
    }

    fn send(&self, data: impl AsRef<[u8]>) -> &Self {
        self.0.send(data.as_ref()).expect("it is sent");
        self
    }

    fn received(&self) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 70_000];
        let length = self.0.recv(&mut buffer).ok()?;
        buffer.truncate(length);
        Some(buffer)
    }

    /// The next datagram; the reactor makes turns until it comes.
    fn receive(&self, reactor: &Reactor) -> Vec<u8> {
        let mut received = None;
        turn_until(reactor, || {
            received = self.received();
            received.is_some()
        });
        received.expect("it has come")
    }
}

#[test]
fn datagrams_are_answered_also_empty_and_longest_ones() {
    for port in [v4(), v6()] {
        let reactor = Reactor::new().expect("a poll");
        let port = reactor.listen_datagrams(port, Talker::new(&Log::default())).expect("a port");
        let client = Client::of(&port.host());
        let longest = "x".repeat(65_507);
        for data in ["one", "", &longest] {
            assert!(client.send(data).receive(&reactor) == data.to_uppercase().as_bytes(), "{} bytes", data.len());
        }
        assert_eq!(reactor.connections(), 0, "a port is no connection");
    }
}

#[test]
fn what_is_too_long_is_told_with_both_sizes() {
    let reactor = Reactor::new().expect("a poll");
    for (port, longest) in [(v4(), 65_507), (v6(), 65_527)] {
        let port = reactor.listen_datagrams(port, Talker::new(&Log::default())).expect("a port");
        let sent = port.transport().send_to(vec![0; longest + 1], port.host());
        let Err(DatagramError::TooLong(error)) = sent else { panic!("{sent:?}") };
        assert_eq!((error.length, error.longest), (longest + 1, longest));
    }
}

#[test]
fn longer_ones_than_wished_are_dropped() {
    let reactor = Reactor::new().expect("a poll");
    let port = reactor.listen_datagrams(v4().max_packet_size(3), Talker::new(&Log::default())).expect("a port");
    let client = Client::of(&port.host());
    assert_eq!(client.send("four").send("one").receive(&reactor), b"ONE");
    assert_eq!(port.transport().dropped(), 1);
}

#[test]
fn who_refuses_is_an_event_again_and_again_and_the_port_stays_open() {
    let reactor = Reactor::new().expect("a poll");
    let reserved = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let peer = reserved.local_addr().expect("an address");
    drop(reserved);
    let log = Log::default();
    let port = reactor.listen_datagrams(v4(), Talker::connected(&log, &peer)).expect("a port");
    let refused = |times: usize| {
        turn_until(&reactor, || log.borrow().iter().filter(|what| *what == "refused").count() >= times);
    };
    for times in 1..4 {
        port.transport().send("anybody there?").expect("it is sent");
        refused(times);
    }
    // Two in a row: the second one is told of the first.
    port.transport().send("anybody there?").expect("it is sent");
    port.transport().send("anybody there?").expect("it is sent");
    refused(4);
    let late = UdpSocket::bind(peer).expect("the port is free");
    port.transport().send("anybody there?").expect("it is sent");
    let (_, from) = late.recv_from(&mut [0; 100]).expect("it was sent");
    late.send_to(b"yes", from).expect("it is sent");
    turn_until(&reactor, || log.borrow().last().is_some_and(|last| last == "yes"));
}

/// Sends twice whenever it is refused, and so is refused again at once.
struct Stubborn {
    peer: SocketAddr,
    refused: Rc<Cell<u32>>,
}

impl DatagramProtocol for Stubborn {
    fn start(&mut self, cx: &DatagramContext<Self>) {
        cx.connect(self.peer).expect("an address");
        self.connection_refused(cx);
    }

    fn connection_refused(&mut self, cx: &DatagramContext<Self>) {
        self.refused.set(self.refused.get() + 1);
        (0..3).for_each(|_| cx.send("now?").expect("it is sent"));
    }
}

#[test]
fn who_sends_again_when_refused_holds_up_nobody() {
    let reactor = Reactor::new().expect("a poll");
    let peer = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("an address");
    let refused = Rc::new(Cell::new(0));
    let stubborn = Stubborn { peer, refused: Rc::clone(&refused) };
    reactor.listen_datagrams(v4(), stubborn).expect("a port");
    let port = reactor.listen_datagrams(v4(), Talker::new(&Log::default())).expect("a port");
    let client = Client::of(&port.host());
    for _ in 0..10 {
        assert_eq!(client.send("one").receive(&reactor), b"ONE");
    }
    turn_until(&reactor, || refused.get() > 100);
}

#[protocol(datagram)]
struct Choosy {
    peer: SocketAddr,
    heard: Log,
}

#[protocol]
impl Choosy {
    /// The system keeps what comes before it connects.
    #[on(start)]
    fn connect(&mut self, cx: &DatagramContext<Self>) -> twisty::Result<()> {
        Client::of(&cx.host()).send("forged");
        Ok(cx.connect(self.peer)?)
    }

    #[on(datagram)]
    fn hear(&mut self, data: String) {
        self.heard.borrow_mut().push(data);
    }
}

#[test]
fn what_others_sent_before_it_was_connected_is_not_heard() {
    let (reactor, heard) = (Reactor::new().expect("a poll"), Log::default());
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let client = Choosy { peer: peer.local_addr().expect("an address"), heard: Rc::clone(&heard) };
    let port = reactor.listen_datagrams(v4(), client).expect("a port");
    peer.send_to(b"true", socket_address(&port.host())).expect("it is sent");
    turn_until(&reactor, || !heard.borrow().is_empty());
    assert_eq!(*heard.borrow(), ["true"]);
}

#[test]
fn who_is_not_connected_hears_of_no_refusal() {
    let reactor = Reactor::new().expect("a poll");
    let closed = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("an address");
    let log = Log::default();
    let port = reactor.listen_datagrams(v4(), Talker::new(&log)).expect("a port");
    for _ in 0..3 {
        port.transport().send_to("anybody there?", closed).expect("it is sent");
    }
    assert_eq!(Client::of(&port.host()).send("one").receive(&reactor), b"ONE");
    assert_eq!(*log.borrow(), ["start", "one"]);
}

#[test]
fn panics_harm_nothing() {
    let reactor = Reactor::new().expect("a poll");
    let reported = live::reported(Level::WARN, || {
        let port = reactor.listen_datagrams(v4(), Talker::new(&Log::default())).expect("a port");
        let client = Client::of(&port.host());
        assert_eq!(client.send("panic").send("fail").send("one").receive(&reactor), b"ONE");
    });
    assert_eq!(reported.len(), 2, "{reported:#?}");
}

#[test]
fn it_stops_once_with_the_run() {
    let reactor = Reactor::new().expect("a poll");
    let log = Log::default();
    let port = reactor.listen_datagrams(v4(), Talker::new(&log)).expect("a port");
    reactor.call_when_running(|reactor| reactor.stop().expect("it runs"));
    reactor.run().expect("a clean run");
    assert_eq!(*log.borrow(), ["start", "stop"]);
    assert!(matches!(port.transport().send_to("x", port.host()), Err(DatagramError::Closed)));
    drop(port);
    drop(reactor);
    assert_eq!(*log.borrow(), ["start", "stop"]);
}

#[test]
fn it_stops_once_with_its_reactor() {
    let log = Log::default();
    let reactor = Reactor::new().expect("a poll");
    reactor.listen_datagrams(v4(), Talker::new(&log)).expect("a port");
    drop(reactor);
    assert_eq!(*log.borrow(), ["start", "stop"]);
}

#[test]
fn it_stops_when_asked_and_its_port_is_free() {
    let reactor = Reactor::new().expect("a poll");
    let log = Log::default();
    let port = reactor.listen_datagrams(v4(), Talker::new(&log)).expect("a port");
    let address = socket_address(&port.host());
    port.stop_listening();
    port.stop_listening();
    assert_eq!(*log.borrow(), ["start", "stop"]);
    let again = reactor.listen_datagrams(UdpPort::new(address), Talker::new(&log)).expect("the port is free");
    Client::of(&again.host()).send("stop").receive(&reactor);
    turn_until(&reactor, || log.borrow().len() == 5);
    assert_eq!(log.borrow()[2..], ["start", "stop", "stop"]);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let reactor = Reactor::new().expect("a poll");
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = reactor.listen_datagrams(UdpPort::new(address), Talker::new(&Log::default())).unwrap_err();
    let error: &ListenError = error.check().expect("this error");
    assert_eq!(error.endpoint, format!("udp:{}:interface=127.0.0.1", address.port()));
}

/// Opens a port for whoever asks.
#[protocol(datagram)]
struct Host {
    opened: Rc<Cell<u32>>,
}

#[protocol]
impl Host {
    #[on(datagram)]
    fn open(&mut self) -> twisty::Result<()> {
        let reactor = Reactor::current().expect("a handler runs on one");
        reactor.listen_datagrams(v4(), Self { opened: Rc::clone(&self.opened) })?;
        self.opened.set(self.opened.get() + 1);
        Ok(())
    }
}

#[test]
fn a_handler_may_open_another_port() {
    let reactor = Reactor::new().expect("a poll");
    let opened = Rc::new(Cell::new(0));
    let port = reactor.listen_datagrams(v4(), Host { opened: Rc::clone(&opened) }).expect("a port");
    Client::of(&port.host()).send("one").send("two");
    turn_until(&reactor, || opened.get() == 2);
}

/// Counts.
struct Counter(Rc<Cell<usize>>);

impl DatagramProtocol for Counter {
    fn datagram_received(&mut self, _cx: &DatagramContext<Self>, _data: &[u8], _from: &Address) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn in_a_flood_others_have_their_turn() {
    let reactor = Reactor::new().expect("a poll");
    let (flooded, calm) = (Rc::<Cell<usize>>::default(), Rc::<Cell<usize>>::default());
    let first = reactor.listen_datagrams(v4(), Counter(Rc::clone(&flooded))).expect("a port");
    let second = reactor.listen_datagrams(v4(), Counter(Rc::clone(&calm))).expect("a port");
    reactor.turn(Some(Duration::ZERO)).expect("a turn");
    let (flood, drop) = (Client::of(&first.host()), Client::of(&second.host()));
    // As many as the system keeps of so small ones, at least.
    (0..130).for_each(|_| drop_of(&flood));
    drop_of(&drop);
    reactor.turn(None).expect("a turn");
    assert_eq!((flooded.get(), calm.get()), (64, 1));
    turn_until(&reactor, || flooded.get() == 130);
}

fn drop_of(client: &Client) {
    client.send("x");
}

/// Answers, and keeps its transport.
struct Echo(Rc<std::cell::OnceCell<DatagramTransport>>);

impl DatagramProtocol for Echo {
    fn start(&mut self, cx: &DatagramContext<Self>) {
        self.0.get_or_init(|| cx.transport());
    }

    fn datagram_received(&mut self, cx: &DatagramContext<Self>, data: &[u8], from: &Address) {
        cx.send_to(data, from).expect("it goes back");
    }
}

#[test]
fn what_is_sent_back_is_not_copied() {
    let reactor = Reactor::new().expect("a poll");
    let port = reactor.listen_datagrams(v4(), Echo(Rc::default())).expect("a port");
    let client = Client::of(&port.host());
    client.send("warm up").receive(&reactor);
    let allocations = |turn: Option<Duration>| measure(|| reactor.turn(turn).expect("a turn")).count_total;
    let idle = allocations(Some(Duration::ZERO));
    // The agenda has two lists, which change places in a turn like that.
    client.send("warm up").receive(&reactor);
    (0..10).for_each(|_| drop_of(&client));
    assert_eq!(allocations(None), idle);
    assert_eq!((0..10).filter(|_| client.received().is_some()).count(), 10);
}

#[test]
fn a_handle_sends_from_outside_of_all_handlers() {
    let reactor = Reactor::new().expect("a poll");
    let transport = Rc::<std::cell::OnceCell<DatagramTransport>>::default();
    let port = reactor.listen_datagrams(v4(), Echo(Rc::clone(&transport))).expect("a port");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let to = socket.local_addr().expect("an address");
    transport.get().expect("it has started").send_to("at once", to).expect("it is sent");
    let mut buffer = [0; 100];
    let (length, from) = socket.recv_from(&mut buffer).expect("no turn is needed");
    assert_eq!((&buffer[..length], from), (&b"at once"[..], socket_address(&port.host())));
}

/// Closes another port when its own is closed, and notes when it is done.
#[protocol(datagram)]
struct Last {
    other: Option<twisty::reactor::DatagramPort>,
    name: &'static str,
    log: Log,
}

#[protocol]
impl Last {
    #[on(datagram)]
    fn hear(&mut self) {}

    #[on(stop)]
    fn close_the_other(&mut self) {
        if let Some(other) = self.other.take() {
            other.stop_listening();
        }
        self.log.borrow_mut().push(self.name.to_owned());
    }
}

#[test]
fn a_port_that_a_handler_closes_outside_of_turns_waits_for_that_handler() {
    let (reactor, log) = (Reactor::new().expect("a poll"), Log::default());
    let listen =
        |name, other| reactor.listen_datagrams(v4(), Last { other, name, log: Rc::clone(&log) }).expect("a port");
    let second = listen("second", None);
    let first = listen("first", Some(second));
    reactor.turn(Some(Duration::ZERO)).expect("a turn");
    first.stop_listening();
    assert_eq!(*log.borrow(), ["first", "second"]);
}
