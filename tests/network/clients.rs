//! Programs that connect, in memory: to themselves, to the test, and to nobody.

use std::cell::RefCell;
use std::io::{Error, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use twisty::client::{Backoff, ClientFactory, Connector};
use twisty::clock::Clock;
use twisty::prelude::*;
use twisty::testing::Network;
use twisty::{Address, CancelledError, ConnectError, DnsLookupError};

use super::{Log, Obedient, SECOND};

/// Says hello, and notes what it hears.
#[protocol(line)]
struct Caller {
    log: Log,
}

#[protocol]
impl Caller {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) -> &'static str {
        self.log.borrow_mut().push(format!("connected at {}", cx.clock().now()));
        "hello"
    }

    #[on(line)]
    fn hear(&mut self, line: String) {
        self.log.borrow_mut().push(line);
    }

    #[on(disconnect)]
    fn lost(&mut self, reason: Failure) {
        self.log.borrow_mut().push(reason.to_string());
    }
}

/// How an attempt has ended, and when; `None` before.
type Outcome = Rc<RefCell<Option<(Result<(), Failure>, Duration)>>>;

/// Connects a [`Caller`].
fn call(network: &Network, endpoint: &str, log: &Log) -> Outcome {
    let (outcome, reactor) = (Outcome::default(), network.reactor().clone());
    let sees = Rc::clone(&outcome);
    network.reactor().connect_protocol(endpoint, Caller { log: Rc::clone(log) }).add_both(move |connected| {
        *sees.borrow_mut() = Some((connected.map(drop), reactor.now() - twisty::clock::Timestamp::ZERO));
    });
    network.advance(Duration::ZERO);
    outcome
}

#[test]
fn two_programs_of_one_reactor_talk_to_each_other() {
    let (network, log) = (Network::new(), Log::default());
    network.reactor().listen("tcp:8007", Obedient::factory()).expect("a port");
    let outcome = call(&network, "tcp:127.0.0.1:8007", &log);
    assert!(matches!(outcome.take(), Some((Ok(()), Duration::ZERO))));
    assert_eq!(log.take(), ["connected at 0ns", "hello"]);
    assert_eq!(network.reactor().connections(), 2);
}

#[test]
fn the_test_is_the_server() {
    let (network, log) = (Network::new(), Log::default());
    let server = network.listen("tcp:10.0.0.9:80");
    let _outcome = call(&network, "tcp:10.0.0.9:80", &log);
    let peer = server.accept().expect("it has come");
    assert!(server.accept().is_none());
    assert_eq!((peer.sent().as_str(), peer.host().ip()), ("hello\r\n", "10.0.0.1".parse().ok()));
    peer.receive("good morning\r\nbye\r\n").disconnect();
    assert_eq!(log.take(), ["connected at 0ns", "good morning", "bye", "the connection was closed cleanly"]);
    assert!(!peer.is_connected());
}

#[test]
fn paths_are_places_too() {
    let (network, log) = (Network::new(), Log::default());
    let server = network.listen("unix:/run/quotes.sock");
    let _outcome = call(&network, "unix:/run/quotes.sock", &log);
    let peer = server.accept().expect("it has come");
    assert_eq!((peer.sent().as_str(), peer.peer().to_string().as_str()), ("hello\r\n", "unix:/run/quotes.sock"));
    assert_eq!(peer.host().to_string(), "unix:");
}

#[test]
fn one_that_is_not_accepted_loses_its_connection_with_the_server() {
    let (network, log) = (Network::new(), Log::default());
    let server = network.listen("tcp:10.0.0.9:80");
    let _outcome = call(&network, "tcp:10.0.0.9:80", &log);
    drop(server);
    network.advance(Duration::ZERO);
    let log = log.take();
    assert_eq!((log.len(), log[0].as_str()), (2, "connected at 0ns"));
    assert!(log[1].contains("connection reset"), "{log:?}");
}

#[test]
fn nobody_listens() {
    let (network, log) = (Network::new(), Log::default());
    let (result, after) = call(&network, "tcp:10.0.0.9:80", &log).take().expect("it is over");
    let failure = result.expect_err("nobody is there");
    let error: &ConnectError = failure.check().expect("what failed");
    let kind = error.attempts[0].failure.check::<Error>().map(Error::kind);
    assert_eq!((kind, error.attempts.len(), after), (Some(ErrorKind::ConnectionRefused), 1, Duration::ZERO));
}

#[test]
fn a_black_hole_costs_the_whole_time_out() {
    let (network, log) = (Network::new(), Log::default());
    network.black_hole("tcp:10.0.0.8:80");
    let outcome = call(&network, "tcp:10.0.0.8:80", &log);
    network.advance(30 * SECOND - Duration::from_nanos(1));
    assert!(outcome.borrow().is_none());
    network.advance(Duration::from_nanos(1));
    let (result, after) = outcome.take().expect("it is over");
    assert!(result.is_err_and(|failure| failure.check::<ConnectError>().is_some()));
    assert_eq!(after, 30 * SECOND);
}

#[test]
fn a_black_hole_in_front_of_another_address_costs_a_quarter_of_a_second() {
    let (network, log) = (Network::new(), Log::default());
    network.resolve("example.org", ["10.0.0.8", "10.0.0.9"]);
    network.black_hole("tcp:10.0.0.8:80");
    let server = network.listen("tcp:10.0.0.9:80");
    let outcome = call(&network, "tcp:example.org:80", &log);
    network.advance(Duration::from_millis(250) - Duration::from_nanos(1));
    assert!(server.accept().is_none());
    network.advance(Duration::from_nanos(1));
    assert_eq!(server.accept().expect("the other address").sent(), "hello\r\n");
    assert!(matches!(outcome.take(), Some((Ok(()), after)) if after == Duration::from_millis(250)));
    assert_eq!(log.take(), ["connected at 250ms"]);
}

#[test]
fn names_are_those_of_the_network() {
    let (network, log) = (Network::new(), Log::default());
    let (result, _) = call(&network, "tcp:example.org:80", &log).take().expect("it is over");
    assert!(result.is_err_and(|failure| failure.check::<DnsLookupError>().is_some()));
}

#[test]
fn an_attempt_can_be_given_up_at_any_time() {
    for wait in [None, Some(Duration::ZERO), Some(SECOND)] {
        let (network, log) = (Network::new(), Log::default());
        network.black_hole("tcp:10.0.0.8:80");
        let attempt = network.reactor().connect_protocol("tcp:10.0.0.8:80", Caller { log: Rc::clone(&log) });
        if let Some(wait) = wait {
            network.advance(wait);
        }
        attempt.cancel();
        network.advance(60 * SECOND);
        let result = attempt.into_result().expect("it is over").map(drop);
        assert!(result.is_err_and(|failure| failure.check::<CancelledError>().is_some()));
        assert_eq!((log.take().len(), network.reactor().connections()), (0, 0));
    }
}

#[test]
fn stopping_gives_attempts_up() {
    let (network, log) = (Network::new(), Log::default());
    network.black_hole("tcp:10.0.0.8:80");
    let outcome = call(&network, "tcp:10.0.0.8:80", &log);
    network.reactor().stop().expect("it runs");
    network.advance(Duration::ZERO);
    assert!(outcome.take().is_some_and(|(result, _)| result.is_err()));
    assert!(!network.reactor().is_running());
}

/// Connects again and again, and notes when.
struct Persistent {
    log: Log,
}

#[protocol(line, factory = Persistent)]
struct Voice;

#[protocol]
impl Voice {
    #[on(line)]
    fn hear(&mut self) {}
}

impl Factory for Persistent {
    type Protocol = Voice;

    fn build_protocol(&mut self, _peer: &Address) -> Option<Voice> {
        self.log.borrow_mut().push("connected".into());
        Some(Voice)
    }
}

impl ClientFactory for Persistent {
    fn started_connecting(&mut self, _connector: &Connector) {
        let now = Reactor::current().expect("it runs").now();
        self.log.borrow_mut().push(format!("tries at {now}"));
    }

    fn reconnect(&self) -> Option<Backoff> {
        Some(Backoff::default().factor(2.0).jitter(0.0).reset_after(10 * SECOND))
    }
}

#[test]
fn reconnecting_waits_as_long_as_it_says() {
    let (network, log) = (Network::new(), Log::default());
    let persistent = Persistent { log: Rc::clone(&log) };
    let connector = network.reactor().connect("tcp:10.0.0.9:80", persistent).expect("an endpoint");
    network.advance(20 * SECOND);
    assert_eq!(log.take(), [0, 1, 3, 7, 15].map(|at| format!("tries at {at}s").replace("0s", "0ns")));

    // The server comes up, stays for long enough that the delays begin anew, and goes.
    let server = network.listen("tcp:10.0.0.9:80");
    network.advance(60 * SECOND);
    let peer = server.accept().expect("it has come again");
    assert_eq!(log.take(), ["tries at 31s", "connected"]);
    drop(server);
    peer.disconnect();
    network.advance(8 * SECOND);
    assert_eq!(log.take(), ["tries at 81s", "tries at 83s", "tries at 87s"]);

    connector.stop_trying();
    network.advance(1000 * SECOND);
    assert_eq!(log.take().len(), 0);
}

/// The same seed is the same conversation, to the byte; another one is another.
#[test]
fn what_happens_depends_on_nothing_but_the_test() {
    let [first, second, other] = [1, 1, 2].map(random_conversation);
    assert_eq!(first, second);
    assert_ne!(first, other);
}

/// Clients of a program and its own, at random; what each has heard, and when.
fn random_conversation(seed: u64) -> Vec<String> {
    let (mut random, network, log) = (fastrand::Rng::with_seed(seed), Network::new(), Log::default());
    network.set_buffer(random.usize(1..100));
    network.reactor().listen("tcp:8007", Obedient::factory()).expect("a port");
    let mut peers = Vec::new();
    for _ in 0..200 {
        match random.u8(0..6) {
            0 => peers.push(network.connect("tcp:10.0.0.1:8007")),
            1 => drop(call(&network, "tcp:10.0.0.1:8007", &log)),
            2 => network.advance(Duration::from_millis(random.u64(0..5000))),
            _ => {
                let Some(peer) = random.choice(&peers) else { continue };
                match random.u8(0..8) {
                    0 => peer.stop_reading(),
                    1 => peer.start_reading(),
                    2 => peer.disconnect(),
                    3 => peer.reset(),
                    _ => drop(peer.receive(format!("big {}\r\n{seed}\r\n", random.u16(0..500)))),
                }
            }
        }
        let heard = peers.iter().map(|peer| format!("{}{}", peer.sent().len(), peer.is_connected()));
        log.borrow_mut().push(format!("{} {}", network.now(), heard.collect::<Vec<_>>().join(" ")));
    }
    log.take()
}
