//! What a factory is told of its client, and what it can do then.

use std::io::Write;
use std::rc::Rc;

use twisty::prelude::*;
use twisty::protocol::{ConnectorState, Shared};
use twisty::{ConnectorError, ReactorError};

use crate::{Caller, Log, Probe, listener, nowhere, turn_until, wait_for};

#[test]
fn a_connection_from_its_beginning_to_its_end() -> twisty::Result<()> {
    let (reactor, log, (server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    let connector = reactor.connect(&endpoint, Probe::new(&log))?;
    assert_eq!(*log.borrow(), ["start"]);
    assert_eq!((connector.state(), connector.destination()), (ConnectorState::Connecting, endpoint));
    wait_for(&reactor, &log, "made");
    assert_eq!(connector.state(), ConnectorState::Connected);
    assert_eq!(connector.connect(), Err(ConnectorError::AlreadyConnected));
    assert_eq!(connector.stop_connecting(), Err(ConnectorError::NotConnecting));
    let (mut peer, _) = server.accept()?;
    peer.write_all(b"hello\r\nclose\r\nunheard\r\n")?;
    let clean = "the connection was closed cleanly";
    let (disconnect, lost) = (format!("disconnect: {clean}"), format!("lost: {clean}"));
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all, ["start", "connecting", "made", "line hello", "line close", &disconnect, &lost, "stop"]);
    assert_eq!((connector.state(), reactor.connections()), (ConnectorState::Disconnected, 0));
    Ok(())
}

#[test]
fn nobody_listens() -> twisty::Result<()> {
    let (reactor, log) = (Reactor::new()?, Log::default());
    reactor.connect(nowhere(), Probe::new(&log))?;
    assert_eq!(wait_for(&reactor, &log, "stop"), ["start", "connecting", "failed: connection refused", "stop"]);
    Ok(())
}

#[test]
fn a_server_that_vanishes() -> twisty::Result<()> {
    let (reactor, log, (server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    reactor.connect(&endpoint, Probe::new(&log))?;
    wait_for(&reactor, &log, "made");
    let (peer, _) = server.accept()?;
    socket2::SockRef::from(&peer).set_linger(Some(std::time::Duration::ZERO))?;
    drop(peer);
    let all = wait_for(&reactor, &log, "stop");
    assert!(all[3].starts_with("disconnect: the connection was lost"), "{all:?}");
    assert!(all[4].starts_with("lost: the connection was lost"), "{all:?}");
    Ok(())
}

#[test]
fn it_connects_again_from_its_own_calls() -> twisty::Result<()> {
    let (reactor, log, (server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    reactor.connect(&endpoint, Probe { again: 1, ..Probe::new(&log) })?;
    for times in 1..=2 {
        turn_until(&reactor, || log.borrow().iter().filter(|noted| *noted == "made").count() == times);
        drop(server.accept()?);
    }
    let all = wait_for(&reactor, &log, "stop");
    let turns = all.iter().filter(|noted| ["start", "connecting", "made", "stop"].contains(&noted.as_str()));
    assert_eq!(turns.collect::<Vec<_>>(), ["start", "connecting", "made", "connecting", "made", "stop"]);

    let log = Log::default();
    reactor.connect(nowhere(), Probe { again: 2, ..Probe::new(&log) })?;
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all.iter().filter(|noted| *noted == "connecting").count(), 3);
    Ok(())
}

#[test]
fn an_attempt_is_given_up() -> twisty::Result<()> {
    let given_up = "failed: the attempt to connect was given up by this side";
    for when in 0..3 {
        let (reactor, log, (server, endpoint)) = (Reactor::new()?, Log::default(), listener());
        let begin: fn(&Connector) =
            if when == 1 { |connector| connector.stop_connecting().expect("it connects") } else { |_| {} };
        let connector = reactor.connect(&endpoint, Probe { begin, ..Probe::new(&log) })?;
        if when == 2 {
            wait_for(&reactor, &log, "connecting");
        }
        if when != 1 {
            connector.stop_connecting()?;
            assert!(!log.borrow().iter().any(|noted| noted == given_up), "it is told later");
        }
        let all = wait_for(&reactor, &log, "stop");
        assert_eq!(all.last().map(String::as_str), Some("stop"));
        assert_eq!(all.iter().filter(|noted| *noted == given_up).count(), 1, "{when}: {all:?}");
        assert!(!all.contains(&"made".to_owned()), "{when}: {all:?}");
        drop(server);
    }
    Ok(())
}

#[test]
fn a_connection_is_closed_by_its_connector() -> twisty::Result<()> {
    let (reactor, log, (_server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    let connector = reactor.connect(&endpoint, Probe::new(&log))?;
    wait_for(&reactor, &log, "made");
    connector.disconnect();
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all[4], "lost: the connection was closed cleanly");
    connector.connect()?;
    turn_until(&reactor, || connector.state() == ConnectorState::Connected);
    assert_eq!(log.borrow()[6..8], ["start", "connecting"]);
    Ok(())
}

#[test]
fn a_handler_that_panics_ends_it_and_both_are_told() -> twisty::Result<()> {
    let (reactor, log, (_server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    let build = |log: &Log| Some(Caller { log: Rc::clone(log), made: |_| panic!("no"), lost: || {} });
    reactor.connect(&endpoint, Probe { build, ..Probe::new(&log) })?;
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all[3], "disconnect: a handler or callback panicked: no");
    assert_eq!(all[4], "lost: a handler or callback panicked: no");

    let log = Log::default();
    let build =
        |log: &Log| Some(Caller { log: Rc::clone(log), made: Context::lose_connection, lost: || panic!("in the end") });
    reactor.connect(&endpoint, Probe { build, ..Probe::new(&log) })?;
    assert_eq!(wait_for(&reactor, &log, "stop")[4], "lost: the connection was closed cleanly");
    Ok(())
}

#[test]
fn there_is_no_protocol() -> twisty::Result<()> {
    let (reactor, log, (server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    reactor.connect(&endpoint, Probe { build: |_| None, ..Probe::new(&log) })?;
    let all = wait_for(&reactor, &log, "stop");
    assert!(all[2].starts_with("failed: the factory has no protocol"), "{all:?}");
    let (mut peer, _) = server.accept()?;
    assert_eq!(std::io::Read::read(&mut peer, &mut [0])?, 0, "it is closed");

    let log = Log::default();
    reactor.connect(&endpoint, Probe { build: |_| panic!("none today"), ..Probe::new(&log) })?;
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all[2..], ["failed: a handler or callback panicked: none today", "stop"]);
    assert_eq!(reactor.connections(), 0);
    Ok(())
}

#[test]
fn a_factory_that_panics_is_told_all_the_same() -> twisty::Result<()> {
    let (reactor, log) = (Reactor::new()?, Log::default());
    reactor.connect(nowhere(), Probe { begin: |_| panic!("not today"), ..Probe::new(&log) })?;
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all[2..], ["failed: a handler or callback panicked: not today", "stop"]);
    Ok(())
}

#[test]
fn a_shared_factory_is_started_once() -> twisty::Result<()> {
    let (reactor, log, (_server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    let shared = Shared::from(Probe::new(&log));
    let connectors = [reactor.connect(&endpoint, shared.clone())?, reactor.connect(&endpoint, shared.clone())?];
    turn_until(&reactor, || shared.connections() == 2);
    connectors.iter().for_each(Connector::disconnect);
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all.iter().filter(|noted| ["start", "stop"].contains(&noted.as_str())).count(), 2);
    Ok(())
}

#[test]
fn a_reactor_that_stops_connects_no_more() -> twisty::Result<()> {
    let (reactor, log, (_server, endpoint)) = (Reactor::new()?, Log::default(), listener());
    let other = Log::default();
    reactor.connect(&endpoint, Probe { again: 1, ..Probe::new(&log) })?;
    reactor.connect(
        &endpoint,
        Probe { begin: |_| Reactor::current().expect("it runs").stop().expect("once"), ..Probe::new(&other) },
    )?;
    reactor.run()?;
    assert_eq!(other.borrow().as_slice()[2..], ["failed: this reactor stops, and connects nowhere any more", "stop"]);
    assert_eq!(log.borrow().as_slice()[2..], ["failed: the Deferred was cancelled", "stop"]);
    Ok(())
}

#[test]
fn what_is_wrong_from_the_beginning_is_said_at_once() {
    let reactor = Reactor::new().expect("a poll");
    let log = Log::default();
    assert!(reactor.connect("carrier-pigeon:coop", Probe::new(&log)).is_err());
    assert!(log.borrow().is_empty());
    reactor.call_when_running(move |reactor| {
        reactor.stop().expect("it runs");
        let refused = reactor.connect("tcp:127.0.0.1:1", Probe::new(&log)).expect_err("it stops");
        assert!(refused.check::<ReactorError>().is_some());
    });
    reactor.run().expect("a clean run");
}

/// Gives itself up while it builds the protocol.
struct Hesitant {
    connector: Option<Connector>,
    give_up: fn(&Connector),
    log: Log,
}

impl Factory for Hesitant {
    type Protocol = Quiet;

    fn build_protocol(&mut self, _peer: &twisty::Address) -> Option<Quiet> {
        self.connector.take().iter().for_each(self.give_up);
        Some(Quiet)
    }
}

impl ClientFactory for Hesitant {
    fn started_connecting(&mut self, connector: &Connector) {
        self.connector = Some(connector.clone());
    }

    fn client_connection_lost(&mut self, _connector: &Connector, reason: &Failure) {
        self.log.borrow_mut().push(reason.to_string());
    }
}

#[protocol(line, factory = Hesitant)]
struct Quiet;

#[protocol]
impl Quiet {
    #[on(line)]
    fn hear(&mut self) {}
}

#[test]
fn what_is_given_up_while_it_is_built_is_closed() {
    let ways: [fn(&Connector); 3] = [Connector::disconnect, Connector::stop_trying, |connector| {
        connector.stop_connecting().expect("not yet there")
    }];
    for give_up in ways {
        let network = twisty::testing::Network::new();
        let (_server, log) = (network.listen("tcp:10.0.0.9:80"), Log::default());
        let factory = Hesitant { connector: None, give_up, log: Rc::clone(&log) };
        let connector = network.reactor().connect("tcp:10.0.0.9:80", factory).expect("an endpoint");
        network.advance(std::time::Duration::from_secs(60));
        assert_eq!(connector.state(), ConnectorState::Disconnected);
        assert_eq!(*log.borrow(), ["the connection was closed cleanly"]);
    }
}
