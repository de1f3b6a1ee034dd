//! Cancelling at each point on the way: nothing is left of it.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use twisty::client::Connected;
use twisty::names::NameResolver;
use twisty::prelude::*;
use twisty::{ConnectError, ConnectorError};

use crate::{Log, Probe, listener, turn_until, value, wait_for};

struct Silent;

impl Protocol for Silent {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new()
    }
}

/// Never answers, and counts who waits.
#[derive(Clone, Default)]
struct Waiting(Rc<Cell<u32>>);

impl NameResolver for Waiting {
    fn resolve(&self, _name: &str) -> Deferred<Vec<IpAddr>> {
        let (waiting, me) = (Rc::clone(&self.0), Rc::clone(&self.0));
        me.set(me.get() + 1);
        let (resolver, addresses) = Deferred::with_canceller(move |_| waiting.set(waiting.get() - 1));
        std::mem::forget(resolver);
        addresses
    }
}

/// A port whose queue of clients is full, so that connecting to it takes until somebody gives up.
struct Full {
    _listener: Socket,
    _clients: Vec<Socket>,
    endpoint: String,
}

impl Full {
    fn new() -> std::io::Result<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        listener.listen(0)?;
        let address = listener.local_addr()?;
        let mut clients = Vec::new();
        for _ in 0..4 {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            client.set_nonblocking(true)?;
            let _under_way = client.connect(&address);
            clients.push(client);
        }
        let port = address.as_socket().expect("an address").port();
        Ok(Self { _listener: listener, _clients: clients, endpoint: format!("tcp:127.0.0.1:{port}") })
    }
}

fn is_cancelled(connecting: Deferred<Connected<Silent>>) -> bool {
    let failure = connecting.into_result().expect("it was cancelled").expect_err("so there is nothing");
    failure.check::<CancelledError>().is_some()
}

#[test]
fn while_the_name_is_looked_up() -> twisty::Result<()> {
    let (reactor, names) = (Reactor::new()?, Waiting::default());
    reactor.set_name_resolver(Rc::new(names.clone()));
    let connecting = reactor.connect_protocol("tcp:example.com:80", Silent);
    assert_eq!(names.0.get(), 1);
    connecting.cancel();
    assert_eq!(names.0.get(), 0);
    assert!(is_cancelled(connecting));

    let log = Log::default();
    let connector = reactor.connect("tcp:example.com:80", Probe::new(&log))?;
    turn_until(&reactor, || names.0.get() == 1);
    connector.disconnect();
    assert_eq!(names.0.get(), 0);
    assert_eq!(connector.stop_connecting(), Err(ConnectorError::NotConnecting));
    wait_for(&reactor, &log, "stop");
    Ok(())
}

#[test]
fn while_it_is_dialled() -> twisty::Result<()> {
    let (reactor, full) = (Reactor::new()?, Full::new()?);
    for turns in 0..3 {
        let connecting = reactor.connect_protocol(&full.endpoint, Silent);
        for _ in 0..turns {
            reactor.turn(Some(Duration::from_millis(1)))?;
        }
        assert!(!connecting.has_result(), "nobody accepts it");
        connecting.cancel();
        assert!(is_cancelled(connecting));
    }
    let (server, endpoint) = listener();
    let connecting = reactor.connect_protocol(&endpoint, Silent);
    connecting.cancel();
    reactor.turn(Some(Duration::from_millis(10)))?;
    assert!(is_cancelled(connecting));
    assert_eq!(reactor.connections(), 0);
    let (mut peer, _) = server.accept()?;
    assert!(matches!(std::io::Read::read(&mut peer, &mut [0]), Ok(0) | Err(_)), "its socket is closed");
    Ok(())
}

#[test]
fn when_it_is_connected_already() -> twisty::Result<()> {
    let (reactor, (_server, endpoint)) = (Reactor::new()?, listener());
    let connecting = reactor.connect_protocol(&endpoint, Silent);
    turn_until(&reactor, || connecting.has_result());
    connecting.cancel();
    reactor.turn(Some(Duration::ZERO))?;
    let connected = connecting.into_result().expect("it is there")?;
    assert!(connected.transport().is_connected());
    Ok(())
}

#[test]
fn its_time_is_up() -> twisty::Result<()> {
    let (reactor, full) = (Reactor::new()?, Full::new()?);
    let endpoint = format!("{}:timeout=0.05", full.endpoint);
    let failure = value(&reactor, reactor.connect_protocol(&endpoint, Silent)).expect_err("nobody accepts it");
    let error = failure.check::<ConnectError>().expect("each attempt is listed");
    assert!(error.attempts[0].failure.check::<TimeoutError>().is_some());

    let log = Log::default();
    reactor.connect(&endpoint, Probe { again: 1, ..Probe::new(&log) })?;
    let all = wait_for(&reactor, &log, "stop");
    assert_eq!(all.iter().filter(|noted| noted.starts_with("failed: there was no result")).count(), 2, "{all:?}");
    Ok(())
}

#[test]
fn when_the_reactor_stops() -> twisty::Result<()> {
    let (reactor, full, names) = (Reactor::new()?, Full::new()?, Waiting::default());
    reactor.set_name_resolver(Rc::new(names.clone()));
    let looked_up = reactor.connect_protocol("tcp:example.com:80", Silent);
    let dialled = reactor.connect_protocol(&full.endpoint, Silent);
    reactor.call_when_running(|reactor| reactor.stop().expect("it runs"));
    reactor.run()?;
    assert_eq!(names.0.get(), 0);
    assert!(is_cancelled(looked_up) && is_cancelled(dialled));
    Ok(())
}
