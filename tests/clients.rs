//! Clients over real sockets: what their factories are told, in which order, and what is left in the end.

#[path = "clients/cancelling.rs"]
mod cancelling;
#[path = "clients/connected.rs"]
mod connected;
#[path = "clients/factory.rs"]
mod factory;
#[path = "clients/program.rs"]
mod program;
#[path = "clients/reconnecting.rs"]
mod reconnecting;
#[path = "clients/service.rs"]
mod service;
#[path = "clients/unix.rs"]
mod unix;

use std::cell::RefCell;
use std::net::{Ipv4Addr, TcpListener};
use std::rc::Rc;
use std::time::{Duration, Instant};

use live::PATIENCE;
use twisty::prelude::*;
use twisty::protocol::Backoff;

/// What happened, in order.
type Log = Rc<RefCell<Vec<String>>>;

/// A factory that notes what it is told; what it does then is up to the test.
struct Probe {
    log: Log,
    /// What `build_protocol` does.
    build: fn(&Log) -> Option<Caller>,
    /// What `started_connecting` does.
    begin: fn(&Connector),
    /// How often it connects again by itself.
    again: u32,
    backoff: Option<Backoff>,
}

impl Probe {
    fn new(log: &Log) -> Self {
        let build = |log: &Log| Some(Caller { log: Rc::clone(log), made: |_| {}, lost: || {} });
        Self { log: Rc::clone(log), build, begin: |_| {}, again: 0, backoff: None }
    }

    fn note(&self, what: impl Into<String>) {
        self.log.borrow_mut().push(what.into());
    }

    fn connect_again(&mut self, connector: &Connector) {
        if self.again > 0 {
            self.again -= 1;
            connector.connect().expect("it is over");
        }
    }
}

impl Factory for Probe {
    type Protocol = Caller;

    fn build_protocol(&mut self, _peer: &twisty::Address) -> Option<Caller> {
        (self.build)(&self.log)
    }

    fn start(&mut self) -> Result<(), Failure> {
        self.note("start");
        Ok(())
    }

    fn stop(&mut self) {
        self.note("stop");
    }
}

impl ClientFactory for Probe {
    fn started_connecting(&mut self, connector: &Connector) {
        self.note("connecting");
        (self.begin)(connector);
    }

    fn client_connection_failed(&mut self, connector: &Connector, reason: &Failure) {
        self.note(format!("failed: {}", kind(reason)));
        self.connect_again(connector);
    }

    fn client_connection_lost(&mut self, connector: &Connector, reason: &Failure) {
        self.note(format!("lost: {}", kind(reason)));
        self.connect_again(connector);
    }

    fn reconnect(&self) -> Option<Backoff> {
        self.backoff
    }
}

/// The name of an error, as far as the tests tell them apart.
fn kind(reason: &Failure) -> String {
    let attempts = |error: &twisty::ConnectError| {
        let kinds: Vec<_> = error.attempts.iter().map(|attempt| kind(&attempt.failure)).collect();
        kinds.join(", ")
    };
    let io = |error: &std::io::Error| error.kind().to_string();
    (reason.check().map(attempts)).or_else(|| reason.check().map(io)).unwrap_or_else(|| reason.to_string())
}

/// Closes when it hears "close", resets at "reset".
struct Caller {
    log: Log,
    made: fn(&Context<Self>),
    lost: fn(),
}

impl Protocol for Caller {
    type Framing = Line;
    type Factory = Probe;

    fn framing() -> Line {
        Line::new()
    }

    fn connection_made(&mut self, cx: &Context<Self>) {
        self.log.borrow_mut().push("made".into());
        (self.made)(cx);
    }

    fn frame_received(&mut self, cx: &Context<Self>, line: &[u8]) {
        self.log.borrow_mut().push(format!("line {}", String::from_utf8_lossy(line)));
        if line == b"close" {
            cx.lose_connection();
        }
    }

    fn connection_lost(&mut self, _cx: &Context<Self>, reason: Failure) {
        self.log.borrow_mut().push(format!("disconnect: {}", kind(&reason)));
        (self.lost)();
    }
}

/// Makes turns until it is so.
#[track_caller]
fn turn_until(reactor: &Reactor, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "it does not come");
        reactor.turn(Some(Duration::from_millis(20))).expect("a turn");
    }
}

/// Makes turns until this was noted, and answers all that was.
#[track_caller]
fn wait_for(reactor: &Reactor, log: &Log, last: &str) -> Vec<String> {
    turn_until(reactor, || log.borrow().iter().any(|noted| noted == last));
    log.borrow().clone()
}

#[track_caller]
fn value<T>(reactor: &Reactor, deferred: Deferred<T>) -> Result<T, Failure> {
    turn_until(reactor, || deferred.has_result());
    deferred.into_result().expect("it is there")
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let endpoint = format!("tcp:127.0.0.1:{}", listener.local_addr().expect("an address").port());
    (listener, endpoint)
}

/// Where nobody listens.
fn nowhere() -> String {
    listener().1
}
