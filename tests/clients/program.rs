//! `twisty::connect`: how a client's program ends.

use std::io::Write;
use std::thread;
use std::time::Duration;

use twisty::prelude::*;
use twisty::{ConnectError, EndpointError};

use crate::{Log, Probe, listener, nowhere};

/// Calls `serve` with the only client there will be.
fn with_server(serve: impl FnOnce(std::net::TcpStream) + Send + 'static) -> String {
    let (server, endpoint) = listener();
    thread::spawn(move || serve(server.accept().expect("a client").0));
    endpoint
}

#[test]
fn it_ends_with_its_connection() -> twisty::Result<()> {
    let (log, endpoint) = (Log::default(), with_server(|mut peer| peer.write_all(b"close\r\n").expect("a peer")));
    twisty::connect(&endpoint, Probe::new(&log))?;
    assert_eq!(log.borrow().last().map(String::as_str), Some("stop"));
    let endpoint = with_server(drop);
    twisty::connect(&endpoint, Probe::new(&log))
}

#[test]
fn it_fails_as_its_last_attempt_did() {
    let log = Log::default();
    let failure = twisty::connect(nowhere(), Probe { again: 2, ..Probe::new(&log) }).expect_err("nobody listens");
    assert!(failure.check::<ConnectError>().is_some());
    assert_eq!(log.borrow().iter().filter(|noted| *noted == "connecting").count(), 3);
    let failure = twisty::connect("tcp:nothing", Probe::new(&log)).expect_err("this is no endpoint");
    assert!(failure.check::<EndpointError>().is_some());
}

#[test]
fn it_fails_as_its_last_connection_did() {
    let build = |log: &Log| {
        Some(crate::Caller { log: Log::clone(log), made: |cx| cx.fail(Failure::message("not you")), lost: || {} })
    };
    let endpoint = with_server(|_peer| thread::sleep(Duration::from_millis(1)));
    let failure = twisty::connect(&endpoint, Probe { build, ..Probe::new(&Log::default()) }).expect_err("it said so");
    assert_eq!(failure.to_string(), "not you");
}

#[test]
fn a_stop_is_a_good_end() -> twisty::Result<()> {
    let build = |log: &Log| {
        let made = |_: &Context<crate::Caller>| Reactor::current().expect("it runs").stop().expect("once");
        Some(crate::Caller { log: Log::clone(log), made, lost: || {} })
    };
    let backoff = Some(twisty::protocol::Backoff::new());
    let endpoint = with_server(|_peer| thread::sleep(Duration::from_millis(1)));
    twisty::connect(&endpoint, Probe { build, backoff, ..Probe::new(&Log::default()) })
}
