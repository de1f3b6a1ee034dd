//! Ports in memory, with the test as the clients.

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use twisty::ListenError;
use twisty::prelude::*;
use twisty::testing::Network;

use super::{Log, Obedient};

#[test]
fn a_program_learns_who_came_and_where_to() {
    let network = Network::new();
    network.reactor().listen("tcp:8007", Obedient::factory()).expect("a port");
    for host in ["10.0.0.1", "172.16.0.9"] {
        let peer = network.connect(format!("tcp:{host}:8007"));
        peer.receive("who\r\n");
        assert_eq!(peer.sent(), format!("{} at tcp:{host}:8007\r\n", peer.peer()));
    }
    let (one, another) = (network.connect("tcp:10.0.0.1:8007"), network.connect("tcp:10.0.0.1:8007"));
    assert_ne!(one.peer(), another.peer());
}

#[test]
fn a_port_listens_where_it_says() {
    let network = Network::new();
    let listen = |endpoint| network.reactor().listen(endpoint, Obedient::factory()).expect("a port");
    let (_one, _v4, _v6) = (listen("tcp:1:interface=10.0.0.1"), listen("tcp:2"), listen("tcp6:3"));
    let reached = |address: &str| network.connect(address).is_connected();
    assert!(reached("tcp:10.0.0.1:1") && reached("tcp:10.0.0.1:2") && reached("tcp:127.0.0.1:2"));
    assert!(reached("tcp:[::1]:3") && reached("tcp:[fd00::1]:3"));
    assert!(!reached("tcp:10.0.0.2:1") && !reached("tcp:[::1]:2") && !reached("tcp:127.0.0.1:3"));
}

#[test]
fn a_port_is_taken_once_and_free_again_when_it_is_closed() {
    let network = Network::new();
    let listen = |endpoint| network.reactor().listen(endpoint, Obedient::factory());
    let kind = |failure: Failure| failure.check::<ListenError>().map(|error| error.source.kind());
    let port = listen("tcp:8007").expect("it is free");
    let again = listen("tcp:8007:interface=127.0.0.1").expect_err("it is part of the other");
    assert_eq!(kind(again), Some(ErrorKind::AddrInUse));
    assert!(listen("tcp6:8007").is_ok(), "another family");

    let peer = network.connect("tcp:127.0.0.1:8007");
    port.stop_listening();
    assert!(!network.connect("tcp:127.0.0.1:8007").is_connected());
    assert!(peer.is_connected(), "connections outlive their port");
    assert!(listen("tcp:8007").is_ok());
}

#[test]
fn free_ports_are_all_different() {
    let network = Network::new();
    let ports: Vec<_> = (0..100)
        .map(|_| network.reactor().listen("tcp:0", Obedient::factory()).expect("a port").host().port())
        .collect();
    assert!(ports.iter().enumerate().all(|(at, port)| !ports[..at].contains(port)));
}

#[test]
fn clients_come_up_to_the_limit() {
    #[factory(protocol = Guest, max_connections = 2)]
    #[derive(Default)]
    struct Room;
    #[protocol(line, factory = Room)]
    #[derive(Default)]
    struct Guest;
    #[protocol]
    impl Guest {
        #[on(line)]
        fn hear(&mut self) {}
    }

    let network = Network::new();
    network.reactor().listen("tcp:8007", Room).expect("a port");
    let peers = [(); 3].map(|()| network.connect("tcp:10.0.0.1:8007"));
    assert_eq!(peers.each_ref().map(|peer| peer.is_connected()), [true, true, false]);
    peers[0].disconnect();
    assert!(network.connect("tcp:10.0.0.1:8007").is_connected());
}

#[test]
fn connections_end_as_they_do_on_sockets() {
    #[factory(protocol = Guest)]
    struct Room {
        log: Log,
    }
    #[protocol(line, factory = Room)]
    #[derive(Default)]
    struct Guest;
    #[protocol]
    impl Guest {
        #[on(line)]
        fn obey(&mut self, cx: &Context<Self>, line: &str) {
            match line {
                "quit" => cx.lose_connection(),
                "abort" => cx.abort_connection(),
                _ => panic!("as asked"),
            }
        }
        #[on(disconnect)]
        fn leave(&mut self, cx: &Context<Self>, reason: Failure) {
            cx.factory().log.borrow_mut().push(reason.to_string());
        }
    }

    let (network, log) = (Network::new(), Log::default());
    network.reactor().listen("tcp:8007", Room { log: Rc::clone(&log) }).expect("a port");
    let connect = || network.connect("tcp:10.0.0.1:8007");
    let ends = |peer: twisty::testing::Peer| (peer.is_connected(), peer.is_aborted(), log.take().concat());

    let [quits, aborts, panics, hangs_up, breaks] = [(); 5].map(|()| connect());
    quits.receive("quit\r\n");
    assert_eq!(ends(quits), (false, false, "the connection was closed cleanly".into()));
    aborts.receive("abort\r\n");
    assert_eq!(ends(aborts), (false, true, "the connection was aborted by this side".into()));
    panics.receive("panic\r\n");
    assert_eq!(ends(panics), (false, false, "a handler or callback panicked: as asked".into()));
    hangs_up.disconnect();
    assert_eq!(ends(hangs_up), (false, false, "the connection was closed cleanly".into()));
    breaks.reset();
    assert!(log.take().concat().contains("connection reset"));
    assert_eq!(network.reactor().connections(), 0);
}

#[test]
fn a_crowd_is_heard() {
    const CROWD: usize = 2000;
    let network = Network::new();
    network.reactor().listen("tcp:8007", Obedient::factory()).expect("a port");
    let peers: Vec<_> = (0..CROWD).map(|_| network.connect("tcp:10.0.0.1:8007")).collect();
    assert_eq!(network.reactor().connections(), CROWD);
    for (at, peer) in peers.iter().enumerate() {
        peer.receive(format!("{at}\r\n"));
    }
    assert!(peers.iter().enumerate().all(|(at, peer)| peer.sent() == format!("{at}\r\n")));
}

#[test]
fn paths_and_standard_input_are_places_too() {
    let network = Network::new();
    let listen = |endpoint| network.reactor().listen(endpoint, Obedient::factory());
    let _path = listen("unix:/run/quotes.sock").expect("a path");
    let _stdio = listen("stdio:").expect("a terminal");
    for (address, who) in [("unix:/run/quotes.sock", "unix:"), ("stdio:", "stdio:")] {
        let peer = network.connect(address);
        assert_eq!(peer.receive("who\r\n").sent(), format!("{who} at {address}\r\n"));
    }
    assert!(!network.connect("unix:/run/others.sock").is_connected());
    assert!(listen("unix:/run/quotes.sock").is_err_and(|failure| failure.to_string().contains("in use")));
}

#[test]
fn what_only_the_machine_has_is_refused() {
    let network = Network::new();
    for endpoint in ["fd:3", "systemd:domain=INET:index=0"] {
        let refused = network.reactor().listen(endpoint, Obedient::factory()).expect_err("there is none");
        assert!(refused.to_string().contains("in memory there are no descriptors"), "{refused}");
    }

    #[protocol(datagram)]
    struct Deaf;
    #[protocol]
    impl Deaf {
        #[on(datagram)]
        fn hear(&mut self) {}
    }
    let refused = network.reactor().listen_datagrams("udp:0", Deaf).expect_err("there are none");
    assert!(refused.to_string().contains("DatagramServer"), "{refused}");
}

#[test]
fn headers_come_first_in_memory_as_well() {
    let network = Network::new();
    network.reactor().listen("haproxy:tcp:8007", Obedient::factory()).expect("a port");
    let peer = network.connect("tcp:10.0.0.1:8007");
    peer.receive("PROXY TCP4 1.2.3.4 5.6.7.8 1234 5678\r\nwho\r\n");
    assert_eq!(peer.sent(), "tcp:1.2.3.4:1234 at tcp:5.6.7.8:5678\r\n");

    let silent = network.connect("tcp:10.0.0.1:8007");
    network.advance(Duration::from_millis(9_999));
    assert!(silent.is_connected());
    network.advance(Duration::from_millis(1));
    assert!(!silent.is_connected());
}

/// Nothing was said to them that they would have to be left time to read. No time passes here.
#[test]
fn stopping_does_not_wait_for_those_who_never_got_to_their_protocol() {
    let network = Network::new();
    network.reactor().listen("haproxy:tcp:8007", Obedient::factory()).expect("a port");
    let silent = network.connect("tcp:10.0.0.1:8007");
    silent.receive("PROXY ");
    network.reactor().stop().expect("it runs");
    network.advance(Duration::ZERO);
    assert_eq!((network.reactor().is_running(), silent.is_connected()), (false, false));
}
