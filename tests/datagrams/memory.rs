//! What handlers are called with, and what becomes of what they return.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tracing::Level;
use twisty::InvalidFrame;
use twisty::datagram::Limits;
use twisty::prelude::*;
use twisty::protocol::Replies;
use twisty::task::defer_later;
use twisty::testing::DatagramServer;

use super::{Log, Talker};

const ANN: &str = "10.0.0.2:5000";
const BOB: &str = "10.0.0.3:5000";

#[test]
fn everybody_is_answered() {
    let server = DatagramServer::new(Talker::new(&Log::default()));
    server.receive(ANN, "one").receive(BOB, "two").receive(ANN, "");
    assert_eq!(server.sent_to(ANN), ["ONE", ""]);
    assert_eq!(server.sent_to(BOB), ["TWO"]);
}

#[test]
fn it_starts_first_and_stops_last_and_once() {
    let log = Log::default();
    let server = DatagramServer::new(Talker::new(&log));
    server.receive(ANN, "one").stop_listening().receive(ANN, "two").stop_listening();
    drop(server);
    assert_eq!(*log.borrow(), ["start", "one", "stop"]);
}

#[test]
fn one_that_is_dropped_has_stopped() {
    let log = Log::default();
    drop(DatagramServer::new(Talker::new(&log)));
    assert_eq!(*log.borrow(), ["start", "stop"]);
}

#[test]
fn what_asks_to_stop_is_still_answered_and_nothing_else() {
    let log = Log::default();
    let server = DatagramServer::new(Talker::new(&log));
    server.receive(ANN, "stop").receive(ANN, "one");
    assert_eq!(server.sent_to(ANN), ["bye"]);
    assert_eq!(*log.borrow(), ["start", "stop", "stop"]);
    assert!(!server.transport().is_listening());
}

#[test]
fn panics_and_failures_are_reported_and_the_port_stays_open() {
    let reported = live::reported(Level::INFO, || {
        let server = DatagramServer::new(Talker::new(&Log::default()));
        server.receive(ANN, "panic").receive(ANN, "fail").receive(ANN, b"\xff").receive(ANN, "one");
        assert_eq!(server.sent_to(ANN), ["ONE"]);
    });
    let [panic, fail, garbled] = &*reported else { panic!("{reported:#?}") };
    assert!(panic.starts_with("ERROR") && panic.contains("as told"), "{panic}");
    assert!(fail.starts_with("ERROR") && fail.contains("as udp:10.0.0.2:5000 told"), "{fail}");
    assert!(garbled.starts_with("INFO") && garbled.contains("UTF-8 text was expected"), "{garbled}");
}

#[test]
fn who_refuses_is_told_of_only_when_connected() {
    let log = Log::default();
    DatagramServer::new(Talker::new(&log)).refuse();
    assert_eq!(*log.borrow(), ["start", "stop"]);
    let log = Log::default();
    let server = DatagramServer::new(Talker::connected(&log, &ANN));
    server.refuse().refuse().receive(ANN, "one").receive(BOB, "two");
    assert_eq!(*log.borrow(), ["start", "refused", "refused", "one"]);
}

/// What a handler may return.
#[protocol(datagram, max_length = 100, max_queue = 4096, max_pending_replies = 2)]
struct Answers;

#[protocol]
impl Answers {
    #[on(datagram)]
    fn answer(&mut self, cx: &DatagramContext<Self>, from: Address, n: Result<u64, InvalidFrame>) -> Answer {
        assert_eq!(from.to_string(), format!("udp:{ANN}"));
        match n {
            Ok(n) if n < 10 => Ok(Some(Replies((0..n).map(|n| n.to_string()).collect()))),
            Ok(n) => {
                let later = defer_later(Duration::from_secs(n), &cx.clock(), move || Ok(format!("after {n} s")));
                cx.attach(later, |_, cx, text| Ok(cx.send(text)?));
                Ok(None)
            }
            Err(error) => Err([error.found, "no number".into()]),
        }
    }
}

type Answer = Result<Option<Replies<Vec<String>>>, [String; 2]>;

#[test]
fn several_replies_are_several_datagrams() {
    let server = DatagramServer::new(Answers);
    server.receive(ANN, "2").receive(ANN, "0").receive(ANN, "x");
    assert_eq!(server.sent_to(ANN), ["0", "1", "x", "no number"]);
}

#[test]
fn what_is_attached_answers_whom_it_was_for() {
    let server = DatagramServer::new(Answers);
    server.receive(ANN, "1").receive(ANN, "20").receive(ANN, "10");
    server.advance(Duration::from_secs(15)).advance(Duration::from_secs(15));
    assert_eq!(server.sent_to(ANN), ["0", "after 10 s", "after 20 s"]);
}

#[test]
fn while_too_many_are_waited_for_datagrams_are_dropped() {
    let server = DatagramServer::new(Answers);
    server.receive(ANN, "20").receive(ANN, "10").receive(ANN, "30").advance(Duration::from_secs(40));
    assert_eq!(server.sent_to(ANN), ["after 10 s", "after 20 s"]);
    assert_eq!(server.transport().dropped(), 1);
}

#[test]
fn what_is_declared_are_its_limits() {
    let limits = Limits { max_length: 100, max_queue: 4096, max_pending_replies: 2 };
    assert_eq!(<Answers as DatagramProtocol>::limits(), limits);
    let server = DatagramServer::new(Answers);
    server.receive(ANN, "0".repeat(100)).receive(ANN, "0".repeat(101));
    assert_eq!(server.transport().dropped(), 1);
}

#[protocol(datagram)]
struct Slow {
    cancelled: Rc<Cell<u32>>,
}

#[protocol]
impl Slow {
    #[on(datagram)]
    fn think(&mut self, data: String) -> Deferred<Option<String>> {
        let (resolver, answer) = Deferred::new();
        let cancelled = Rc::clone(&self.cancelled);
        if data == "fail" {
            resolver.errback(Failure::message("no idea"));
        } else {
            std::mem::forget(resolver);
        }
        answer.add_errback(move |failure: Failure| {
            cancelled.set(cancelled.get() + 1);
            Err(failure)
        })
    }
}

#[test]
fn what_is_waited_for_is_cancelled_when_the_port_stops() {
    let cancelled = Rc::new(Cell::new(0));
    let reported = live::reported(Level::INFO, || {
        let server = DatagramServer::new(Slow { cancelled: Rc::clone(&cancelled) });
        server.receive(ANN, "one").receive(BOB, "two").receive(BOB, "fail").stop_listening();
        assert!(server.sent().is_empty());
    });
    assert_eq!(cancelled.get(), 3);
    let [failed] = &*reported else { panic!("{reported:#?}") };
    assert!(failed.contains("no idea"), "{failed}");
}

/// Plays the network itself.
struct Reentrant {
    server: Rc<std::cell::OnceCell<DatagramServer>>,
    depth: u32,
    heard: Log,
}

impl DatagramProtocol for Reentrant {
    fn datagram_received(&mut self, _cx: &DatagramContext<Self>, data: &[u8], _from: &Address) {
        self.depth += 1;
        assert_eq!(self.depth, 1, "no handler is entered while another runs");
        let heard = self.heard.borrow().len();
        self.heard.borrow_mut().push(String::from_utf8_lossy(data).into_owned());
        if heard < 3 {
            self.server.get().expect("it is there").receive(BOB, heard.to_string());
        }
        self.depth -= 1;
    }
}

#[test]
fn no_handler_is_entered_while_another_runs() {
    let (server, heard) = (Rc::<std::cell::OnceCell<_>>::default(), Log::default());
    let protocol = Reentrant { server: Rc::clone(&server), depth: 0, heard: Rc::clone(&heard) };
    server.set(DatagramServer::new(protocol)).expect("the first");
    server.get().expect("it is there").receive(ANN, "begin");
    assert_eq!(*heard.borrow(), ["begin", "0", "1", "2"]);
}

/// A protocol with type parameters, and a handler with a lifetime of its own.
#[protocol(datagram)]
struct Generic<T> {
    prefix: T,
}

#[protocol]
impl<T: std::fmt::Display> Generic<T> {
    #[on(datagram)]
    fn answer(&mut self, data: &str) -> impl Iterator<Item = String> {
        let prefix = self.prefix.to_string();
        data.split(' ').map(|word| format!("{prefix}{word}")).collect::<Vec<_>>().into_iter()
    }
}

#[test]
fn a_protocol_may_be_generic() {
    let server = DatagramServer::new(Generic { prefix: '#' });
    assert_eq!(server.receive(ANN, "a b").sent_to(ANN), ["#a", "#b"]);
}
