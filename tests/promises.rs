//! Handlers that answer later, and what is attached to a connection.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use live::{LOOPBACK, Live};
use twisty::prelude::*;
use twisty::testing::{Client, Server, UnhandledFailures};

/// Answers each question when the test says so.
#[factory(protocol = Oracle)]
#[derive(Default)]
struct Temple {
    asked: HashMap<String, Resolver<twisty::Result<String>>>,
    cancelled: Rc<RefCell<Vec<String>>>,
}

#[protocol(line, factory = Temple, max_pending_replies = 3, close_timeout = 5s)]
#[derive(Default)]
struct Oracle;

#[protocol]
impl Oracle {
    #[on(line)]
    fn ask(&mut self, cx: &Context<Self>, question: &str) -> Option<Deferred<twisty::Result<String>>> {
        let (word, rest) = question.split_once(' ').unwrap_or((question, ""));
        match word {
            "now" => return Some(Deferred::succeed(Ok(rest.to_owned()))),
            "push" => cx.send(rest),
            "close" => cx.lose_connection(),
            "panic" => panic!("the oracle fainted"),
            _ => return Some(self.later(cx, question)),
        }
        None
    }

    #[on(timeout(60s))]
    fn bored(&mut self) -> &'static str {
        "are you there?"
    }

    fn later(&self, cx: &Context<Self>, question: &str) -> Deferred<twisty::Result<String>> {
        let cancelled = Rc::clone(&cx.factory().cancelled);
        let asked = question.to_owned();
        let (resolver, answer) = Deferred::with_canceller(move |_| cancelled.borrow_mut().push(asked));
        cx.factory_mut().asked.insert(question.to_owned(), resolver);
        answer
    }
}

impl Temple {
    fn resolver(server: &Server<Self>, question: &str) -> Resolver<twisty::Result<String>> {
        server.factory_mut().asked.remove(question).expect("it was asked")
    }

    fn answer(server: &Server<Self>, question: &str) {
        Self::resolver(server, question).callback(Ok(format!("{question}!")));
        server.advance(Duration::ZERO);
    }
}

#[test]
fn replies_keep_the_order_of_their_requests() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\ntwo\r\nnow three\r\n");
    assert_eq!(client.sent(), "");
    Temple::answer(&server, "two");
    assert_eq!(client.sent(), "");
    Temple::answer(&server, "one");
    assert_eq!(client.sent(), "one!\r\ntwo!\r\nthree\r\n");
    assert_eq!(client.receive("now four\r\n").sent(), "one!\r\ntwo!\r\nthree\r\nfour\r\n");
}

#[test]
fn what_a_handler_sends_by_itself_waits_for_nothing() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    assert_eq!(client.receive("one\r\npush news\r\n").sent(), "news\r\n");
    Temple::answer(&server, "one");
    assert_eq!(client.sent(), "news\r\none!\r\n");
}

#[test]
fn too_many_waiting_replies_stop_delivery_until_one_is_there() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("a\r\nb\r\nc\r\nd\r\ne\r\n");
    assert_eq!(client.unread(), b"d\r\ne\r\n");
    Temple::answer(&server, "b");
    assert_eq!(client.unread(), b"e\r\n");
    for question in ["a", "c", "d", "e"] {
        Temple::answer(&server, question);
    }
    assert_eq!(client.sent(), "a!\r\nb!\r\nc!\r\nd!\r\ne!\r\n");
}

#[test]
fn a_failure_ends_the_connection_after_what_was_owed_before() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\ntwo\r\nnow three\r\n");
    Temple::resolver(&server, "two").errback(Failure::message("no oracle today"));
    server.advance(Duration::ZERO);
    assert!(!client.is_connected());
    Temple::answer(&server, "one");
    assert_eq!(client.sent(), "one!\r\n");
    assert_eq!(client.reason().as_deref(), Some("no oracle today"));
}

#[test]
fn an_err_in_the_value_is_an_outcome_too() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\n");
    Temple::resolver(&server, "one").callback(Err(Failure::message("the oracle is not amused")));
    server.advance(Duration::ZERO);
    assert_eq!(client.reason().as_deref(), Some("the oracle is not amused"));
}

#[test]
fn a_lost_connection_cancels_what_it_waits_for() {
    let none = UnhandledFailures::forbid();
    for end in [Client::disconnect, Client::reset] {
        let server = Server::new(Temple::default());
        let client = server.connect();
        client.receive("one\r\ntwo\r\n");
        end(&client);
        let cancelled = Rc::clone(&server.factory().cancelled);
        cancelled.borrow_mut().sort();
        assert_eq!(*cancelled.borrow(), ["one", "two"]);
        assert_eq!(client.sent(), "");
    }
    assert!(none.take().is_empty());
}

#[test]
fn a_closing_connection_sends_what_it_owes_and_waits_so_long_and_no_longer() {
    let server = Server::new(Temple::default());
    let (patient, late) = (server.connect(), server.connect());
    patient.receive("one\r\nclose\r\n");
    late.receive("two\r\nclose\r\n");
    server.advance(Duration::from_secs(4));
    Temple::answer(&server, "one");
    assert_eq!(
        (patient.sent().as_str(), patient.reason().as_deref()),
        ("one!\r\n", Some("the connection was closed cleanly"))
    );
    assert_eq!(late.reason(), None);
    server.advance(Duration::from_secs(1));
    let reason = late.reason().expect("its time is up");
    assert!(reason.starts_with("1 promised replies could not be delivered within 5s"), "{reason}");
    assert_eq!(*server.factory().cancelled.borrow(), ["two"]);
}

#[test]
fn a_peer_that_waits_for_its_reply_is_not_idle() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\n");
    server.advance(Duration::from_secs(90));
    assert_eq!(client.sent(), "");
    Temple::answer(&server, "one");
    server.advance(Duration::from_secs(59));
    assert_eq!(client.sent(), "one!\r\n");
    server.advance(Duration::from_secs(1));
    assert_eq!(client.sent(), "one!\r\nare you there?\r\n");
}

#[test]
fn a_panic_while_replies_wait_still_sends_those_before_it() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\npanic\r\n");
    Temple::answer(&server, "one");
    assert_eq!(client.sent(), "one!\r\n");
    assert_eq!(client.reason().as_deref(), Some("a handler or callback panicked: the oracle fainted"));
}

/// Goes from state to state by Deferreds, and by replies with them.
#[protocol(line)]
#[derive(Default)]
struct Door;

#[derive(Default)]
struct Closed;
struct Open;

thread_local! {
    static KEYS: RefCell<Option<Resolver<(&'static str, Open)>>> = const { RefCell::new(None) };
}

#[state_machine(Closed, Open)]
impl Door {
    #[on(line in Closed)]
    fn open(&mut self, _line: &str) -> Deferred<(&'static str, Open)> {
        let (resolver, key) = Deferred::new();
        KEYS.set(Some(resolver));
        key
    }

    #[on(line in Open)]
    fn close(&mut self, _line: &str) -> Deferred<Closed> {
        Deferred::succeed(Closed)
    }
}

#[test]
fn a_state_may_come_later() {
    let server = Server::new(Door::factory());
    let client = server.connect();
    client.receive("open\r\n");
    KEYS.take().expect("the key is looked for").callback(("open now", Open));
    server.advance(Duration::ZERO);
    assert_eq!(client.receive("close\r\n").sent(), "open now\r\n");
    client.receive("again\r\n");
    assert!(KEYS.take().is_some(), "it is closed, so the key is looked for again");
}

/// What is attached is called with the protocol.
#[protocol(line)]
#[derive(Default)]
struct Counter {
    count: Rc<Cell<u32>>,
    dropped: Option<Dropped>,
}

struct Dropped(Rc<Cell<u32>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 100);
    }
}

#[protocol]
impl Counter {
    #[on(line)]
    fn line(&mut self, cx: &Context<Self>, line: &str) {
        let count = Rc::clone(&self.count);
        self.dropped.get_or_insert_with(|| Dropped(count));
        let (resolver, word) = Deferred::new();
        cx.attach(word, |me, cx, word: String| {
            me.count.set(me.count.get() + 1);
            cx.send(format!("{word} {}", me.count.get()));
            if word == "bad" { Err(Failure::message("a bad word")) } else { Ok(()) }
        });
        // It fires while the handler runs, and waits until it is done.
        resolver.callback(line.to_owned());
        cx.send("first");
    }
}

#[test]
fn what_is_attached_runs_after_the_handler_and_ends_the_connection_when_it_fails() {
    let server = Server::new(Counter::factory());
    let client = server.connect();
    assert_eq!(client.receive("good\r\n").sent(), "first\r\ngood 1\r\n");
    assert_eq!(client.receive("bad\r\n").sent(), "first\r\ngood 1\r\nfirst\r\nbad 2\r\n");
    assert_eq!(client.reason().as_deref(), Some("a bad word"));
}

#[test]
fn replies_keep_their_order_on_a_socket_too() {
    let live = Live::start(|reactor| reactor.listen(LOOPBACK, Sleeper::factory()));
    let mut client = live.connect();
    client.send("30\r\n1\r\n");
    assert_eq!(client.line(), "slept 30");
    assert_eq!(client.line(), "slept 1");
}

#[protocol(line)]
#[derive(Default)]
struct Sleeper;

#[protocol]
impl Sleeper {
    #[on(line)]
    fn sleep(&mut self, millis: u64) -> Deferred<String> {
        let (resolver, slept) = Deferred::new();
        let clock = twisty::clock::current().expect("a reactor runs");
        clock.schedule(Duration::from_millis(millis), Box::new(move || resolver.callback(format!("slept {millis}"))));
        slept
    }
}
