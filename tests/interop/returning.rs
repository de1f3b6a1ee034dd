//! Clients that connect again, to servers that are killed and come back: programs of their own.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use live::{LOOPBACK, PATIENCE, Program};
use twisty::prelude::*;

use super::python_with_twisted;
use super::twisted::Twisted;

/// Twisted, which sends lines back.
fn serve(port: &str) -> Twisted {
    Twisted::talking(&["serve", "line", &format!("tcp:{port}:interface=127.0.0.1")])
}

/// The example waits a second before it comes back, as Twisted's factory does.
#[test]
fn our_example_comes_back_to_twisted() {
    if python_with_twisted().is_none() {
        return;
    }
    let mut server = serve("0");
    let port = server.line();
    let client = Program::example_with("echo_client", &[&format!("tcp:127.0.0.1:{port}")]);
    let connected = format!("Connected to tcp:127.0.0.1:{port}.");
    let says = "Hello, server, I am the client!";
    assert_eq!(client.first_line(), connected);
    assert_eq!(client.line(), says);
    server.kill();
    let mut server = serve(&port);
    assert_eq!(server.line(), port);
    assert_eq!(client.line(), connected);
    assert_eq!(client.line(), says);
}

/// Counts what comes to nothing, and what does not.
#[factory(protocol = Visitor, failed = Self::failed, reconnect(initial = 20ms, max = 200ms))]
#[derive(Default)]
struct Visits {
    failed: Rc<Cell<usize>>,
    heard: Rc<Cell<usize>>,
}

impl Visits {
    fn failed(&mut self, _connector: &Connector, _reason: &Failure) {
        self.failed.set(self.failed.get() + 1);
    }
}

#[protocol(line, factory = Visits)]
#[derive(Default)]
struct Visitor;

#[protocol]
impl Visitor {
    #[on(connect)]
    fn greet(&mut self) -> &'static str {
        "hello"
    }

    #[on(line)]
    fn hear(&mut self, cx: &Context<Self>, line: &str) {
        assert_eq!(line, "hello");
        let factory = cx.factory();
        factory.heard.set(factory.heard.get() + 1);
    }
}

fn turn_until(reactor: &Reactor, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        reactor.turn(Some(Duration::from_millis(10))).expect("a turn");
        assert!(started.elapsed() < PATIENCE, "it takes too long");
    }
}

/// It is refused for a while, between the two.
#[test]
fn our_client_tries_until_twisted_is_there_again() -> twisty::Result<()> {
    if python_with_twisted().is_none() {
        return Ok(());
    }
    let mut server = serve("0");
    let (reactor, port, visits) = (Reactor::new()?, server.line(), Visits::default());
    let (failed, heard) = (Rc::clone(&visits.failed), Rc::clone(&visits.heard));
    let connector = reactor.connect(format!("tcp:127.0.0.1:{port}"), visits)?;
    for round in 1..=2 {
        turn_until(&reactor, || heard.get() == round);
        server.kill();
        let before = failed.get();
        turn_until(&reactor, || failed.get() >= before + 3);
        server = serve(&port);
    }
    turn_until(&reactor, || heard.get() == 3);
    connector.stop_trying();
    server.kill();
    turn_until(&reactor, || reactor.connections() == 0);
    Ok(())
}

#[test]
fn twisteds_factory_comes_back_to_us() {
    if python_with_twisted().is_none() {
        return;
    }
    let server = Program::example_with("echo", &[LOOPBACK]);
    let address = server.address();
    let mut client = Twisted::talking(&["return", &address.port().to_string()]);
    let welcome = "heard Welcome! There are currently 1 open connections.";
    assert_eq!(client.line(), welcome);
    drop(server); // by SIGKILL
    assert_eq!((client.line().as_str(), client.line().as_str()), ("lost", "failed"));
    let _again = Program::example_with("echo", &[&format!("tcp:{}:interface=127.0.0.1", address.port())]);
    let mut line = client.line();
    while line == "failed" {
        line = client.line();
    }
    assert_eq!(line, welcome);
}
