//! The client of `greeter.rs` over real sockets.
use std::cell::Cell;
use std::io::Read;
use std::net::TcpListener;
use std::rc::Rc;
use std::thread;

use twisty::{ConnectError, NotConnected};

use super::*;

const PAUSE: Duration = Duration::from_millis(2);

/// Runs it until it is done.
fn outcome_of(endpoint: String) -> twisty::Result<()> {
    let reactor = Reactor::new()?;
    let done = Rc::new(Cell::new(None));
    let outcome = Rc::clone(&done);
    reactor.spawn(greet(reactor.clone(), endpoint, PAUSE)).add_both(move |result| outcome.set(Some(result)));
    loop {
        if let Some(result) = done.take() {
            return result;
        }
        reactor.turn(None)?;
    }
}

#[test]
fn two_things_are_said() -> twisty::Result<()> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("tcp:{}", server.local_addr()?);
    let heard = thread::spawn(move || {
        let mut text = String::new();
        server.accept()?.0.read_to_string(&mut text)?;
        std::io::Result::Ok(text)
    });
    outcome_of(endpoint)?;
    assert_eq!(heard.join().expect("no panic")?, "MESSAGE Hello\nMESSAGE This is sent in a second\n");
    Ok(())
}

#[test]
fn nobody_listens() -> twisty::Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let failure = outcome_of(format!("tcp:{address}")).expect_err("there is nobody");
    assert!(failure.check::<ConnectError>().is_some(), "{failure}");
    Ok(())
}

#[test]
fn a_server_that_hangs_up_is_told_nothing_more() -> twisty::Result<()> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = format!("tcp:{}", server.local_addr()?);
    let hangs_up = thread::spawn(move || server.accept().map(drop));
    let failure = outcome_of(endpoint).expect_err("it went away");
    assert!(failure.check::<NotConnected>().is_some(), "{failure}");
    hangs_up.join().expect("no panic")?;
    Ok(())
}

#[test]
fn two_things_are_said_a_second_apart_on_a_network_in_memory() {
    let network = twisty::testing::Network::new();
    let server = network.listen("tcp:10.0.0.9:8007");
    let pause = Duration::from_secs(1);
    let greeted = network.reactor().spawn(greet(network.reactor().clone(), "tcp:10.0.0.9:8007".into(), pause));
    network.advance(Duration::from_millis(999));
    let peer = server.accept().expect("it has come");
    assert_eq!(peer.take_sent(), b"MESSAGE Hello\n");
    network.advance(Duration::from_millis(1));
    assert_eq!(peer.take_sent(), b"MESSAGE This is sent in a second\n");
    network.advance(Duration::from_millis(999));
    assert!(peer.is_connected());
    network.advance(Duration::from_millis(1));
    assert!(!peer.is_connected());
    assert!(greeted.into_result().expect("it is over").is_ok());
}
