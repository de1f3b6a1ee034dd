//! One protocol and its Deferred.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use twisty::client::Connected;
use twisty::prelude::*;
use twisty::{ConnectError, EndpointError, HandlerPanicked, NotConnected};

use crate::{kind, listener, nowhere, turn_until, value};

/// Counts lines; what it does at first is up to the test.
struct Counter {
    lines: u32,
    made: fn(&Context<Self>),
}

impl Protocol for Counter {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new()
    }

    fn connection_made(&mut self, cx: &Context<Self>) {
        (self.made)(cx);
    }

    fn frame_received(&mut self, _cx: &Context<Self>, _line: &[u8]) {
        self.lines += 1;
    }
}

const COUNTER: Counter = Counter { lines: 0, made: |_| {} };

#[test]
fn it_is_called_and_sent_through() -> twisty::Result<()> {
    let (reactor, (server, endpoint)) = (Reactor::new()?, listener());
    let connected = value(&reactor, reactor.connect_protocol(&endpoint, COUNTER))?;
    let (mut peer, address) = server.accept()?;
    assert_eq!(connected.transport().peer(), server.local_addr()?.into());
    assert_eq!(connected.transport().host(), SocketAddr::into(address));
    peer.write_all(b"one\r\ntwo\r\n")?;
    let mut seen = 0;
    while seen < 2 {
        seen = value(&reactor, connected.call(|counter, _| counter.lines))?;
        reactor.turn(Some(std::time::Duration::from_millis(10)))?;
    }
    let answered = connected.call(|counter, cx| {
        cx.send(format!("{} lines", counter.lines));
        cx.lose_connection();
    });
    assert!(!answered.has_result(), "it is called by the reactor");
    value(&reactor, answered)?;
    let reason = value(&reactor, connected.when_lost())?;
    assert!(reason.check::<ConnectionDone>().is_some());
    let mut text = String::new();
    peer.read_to_string(&mut text)?;
    assert_eq!(text, "2 lines\r\n");
    let late = value(&reactor, connected.call(|_, _| ())).expect_err("it is over");
    assert!(late.check::<NotConnected>().is_some());
    assert!(connected.when_lost().has_result());
    Ok(())
}

#[test]
fn calls_that_panic_or_come_to_nothing() -> twisty::Result<()> {
    let (reactor, (_server, endpoint)) = (Reactor::new()?, listener());
    let connected = value(&reactor, reactor.connect_protocol(&endpoint, COUNTER))?;
    let cancelled = connected.call(|counter, _| counter.lines = 99);
    cancelled.cancel();
    let lines = value(&reactor, connected.call(|counter, _| counter.lines))?;
    assert_eq!(lines, 0);
    assert!(cancelled.into_result().expect("it was cancelled").is_err());
    let broken: Deferred<()> = connected.call(|_, _| panic!("oh"));
    assert!(value(&reactor, broken).expect_err("it panicked").check::<HandlerPanicked>().is_some());
    assert!(value(&reactor, connected.when_lost())?.check::<HandlerPanicked>().is_some());

    let connected = value(&reactor, reactor.connect_protocol(&endpoint, COUNTER))?;
    let (kept, never) = (connected.clone(), connected.transport().abort_connection());
    let () = never;
    turn_until(&reactor, || reactor.connections() == 0);
    assert!(value(&reactor, kept.call(|_, _| ())).is_err());
    Ok(())
}

#[test]
fn a_protocol_that_is_not_made_is_not_connected() -> twisty::Result<()> {
    let (reactor, (_server, endpoint)) = (Reactor::new()?, listener());
    let panics = Counter { lines: 0, made: |_| panic!("no") };
    let failure = value(&reactor, reactor.connect_protocol(&endpoint, panics)).expect_err("it panicked");
    assert!(failure.check::<HandlerPanicked>().is_some());
    let fails = Counter { lines: 0, made: |cx| cx.fail(Failure::message("not you")) };
    let failure = value(&reactor, reactor.connect_protocol(&endpoint, fails)).expect_err("it failed");
    assert_eq!(failure.to_string(), "not you");
    turn_until(&reactor, || reactor.connections() == 0);
    let parts = Counter { lines: 0, made: Context::lose_connection };
    let connected = value(&reactor, reactor.connect_protocol(&endpoint, parts))?;
    assert!(value(&reactor, connected.when_lost())?.check::<ConnectionDone>().is_some());
    Ok(())
}

#[test]
fn errors_are_in_the_deferred() -> twisty::Result<()> {
    let reactor = Reactor::new()?;
    let failure = value(&reactor, reactor.connect_protocol("tcp:nothing", COUNTER)).expect_err("no port");
    assert!(failure.check::<EndpointError>().is_some());
    let failure = value(&reactor, reactor.connect_protocol(nowhere(), COUNTER)).expect_err("nobody");
    assert!(failure.check::<ConnectError>().is_some());
    assert_eq!(kind(&failure), "connection refused");
    Ok(())
}

#[test]
fn both_addresses_of_localhost_are_tried() -> twisty::Result<()> {
    let (reactor, (_server, endpoint)) = (Reactor::new()?, listener());
    let by_name = endpoint.replace("127.0.0.1", "localhost");
    let connected = value(&reactor, reactor.connect_protocol(&by_name, COUNTER))?;
    assert_eq!(connected.transport().peer().to_string(), endpoint);
    Ok(())
}

#[test]
fn nothing_is_left_when_the_reactor_goes() -> twisty::Result<()> {
    let (_server, endpoint) = listener();
    let alive = Rc::new(());
    struct Held(Rc<()>);
    impl Protocol for Held {
        type Framing = Line;
        type Factory = ForProtocol<Self>;
        fn framing() -> Line {
            Line::new()
        }
    }
    let mut kept: Vec<Connected<Held>> = Vec::new();
    for turns in 0..4 {
        let reactor = Reactor::new()?;
        let connecting = reactor.connect_protocol(&endpoint, Held(Rc::clone(&alive)));
        for _ in 0..turns {
            reactor.turn(Some(std::time::Duration::from_millis(10)))?;
        }
        drop(reactor);
        kept.extend(connecting.into_result().ok().and_then(Result::ok));
    }
    assert_eq!(Rc::strong_count(&alive), 1, "no protocol is left");
    for held in kept {
        let late = held.call(|held, _| Rc::clone(&held.0)).into_result().expect("it is over");
        assert!(late.expect_err("it cannot be called").check::<NotConnected>().is_some());
    }
    Ok(())
}
