//! A client that stays connected, against a server that goes and comes back on the same port.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use twisty::client::ClientService;

use super::*;

/// Hears one line at a time.
#[protocol(line)]
struct Ear {
    heard: Log,
}

#[protocol]
impl Ear {
    #[on(line)]
    fn hear(&mut self, line: &str) {
        self.heard.borrow_mut().push(line.to_owned());
    }
}

fn service(reactor: &Reactor, address: SocketAddr, heard: &Log) -> ClientService<twisty::client::Connected<Ear>> {
    let heard = Rc::clone(heard);
    let service = ClientService::of(reactor, format!("tcp:{address}"), move || Ear { heard: Rc::clone(&heard) });
    service.expect("an endpoint").retry_policy(|_| Duration::from_millis(20))
}

fn listen(address: SocketAddr) -> TcpListener {
    let listener = TcpListener::bind(address).expect("a port");
    listener.set_nonblocking(true).expect("not blocking");
    listener
}

/// Turns until the service comes in.
fn accept(reactor: &Reactor, listener: &TcpListener) -> TcpStream {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Ok((stream, _)) = listener.accept() {
            return stream;
        }
        reactor.turn(Some(Duration::from_millis(5))).expect("a turn");
    }
    panic!("nobody came")
}

fn turn_until(reactor: &Reactor, what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "never: {what}");
        reactor.turn(Some(Duration::from_millis(5))).expect("a turn");
    }
}

#[test]
fn it_connects_again_to_a_server_that_was_gone() -> twisty::Result<()> {
    let (reactor, heard) = (Reactor::new()?, Log::default());
    let listener = listen((Ipv4Addr::LOCALHOST, 0).into());
    let address = listener.local_addr()?;
    let service = service(&reactor, address, &heard);
    service.start();
    let mut server = accept(&reactor, &listener);
    server.write_all(b"one\r\n")?;
    turn_until(&reactor, "the first line", || heard.borrow().len() == 1);
    drop((server, listener));
    turn_until(&reactor, "the loss", || reactor.connections() == 0);
    // Nobody listens for a while.
    let refused = service.when_connected(1);
    turn_until(&reactor, "a refusal", || refused.has_result());
    let failure = refused.into_result().map(|result| result.map(drop)).expect("it is over").expect_err("refused");
    assert!(failure.to_string().contains("refused"), "{failure}");
    let listener = listen(address);
    let mut server = accept(&reactor, &listener);
    server.write_all(b"two\r\n")?;
    turn_until(&reactor, "the second line", || *heard.borrow() == ["one", "two"]);
    let stopped = service.stop();
    turn_until(&reactor, "the stop", || stopped.has_result());
    assert_eq!((service.is_running(), reactor.connections()), (false, 0));
    Ok(())
}

#[test]
fn stopped_in_the_middle_of_an_attempt_it_connects_no_more() -> twisty::Result<()> {
    let (reactor, heard) = (Reactor::new()?, Log::default());
    let listener = listen((Ipv4Addr::LOCALHOST, 0).into());
    let service = service(&reactor, listener.local_addr()?, &heard);
    service.start();
    let waits = service.when_connected(None);
    let stopped = service.stop();
    turn_until(&reactor, "the stop", || stopped.has_result());
    let failure = waits.into_result().map(|result| result.map(drop)).expect("it is over").expect_err("there is none");
    assert!(failure.check::<CancelledError>().is_some(), "{failure}");
    assert_eq!(reactor.connections(), 0);
    Ok(())
}
