//! What ends a connection while replies are waited for.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use twisty::error::{FramingError, SendError};
use twisty::framing::{Decoded, Framing};
use twisty::prelude::*;
use twisty::protocol::{Outcome, Stateless, ToFrame};
use twisty::testing::{Client, Server, UnhandledFailures};

use crate::{SECOND, Temple, fire};

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
fn an_err_in_the_value_ends_the_connection_as_a_failure_does() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\nnow two\r\nthree\r\n");
    Temple::fire(&server, "one", Err(Failure::message("the oracle is not amused")));
    assert_eq!(client.sent(), "");
    assert_eq!(client.reason().as_deref(), Some("the oracle is not amused"));
    assert_eq!(*server.factory().cancelled.borrow(), ["three"]);
}

#[test]
fn a_reply_that_cannot_be_framed_takes_along_what_is_behind_it() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("zero\r\none\r\nnow two\r\n");
    Temple::fire(&server, "one", Ok("a\r\nb".to_owned()));
    Temple::answer(&server, "zero");
    assert_eq!(client.sent(), "zero!\r\n");
    let reason = client.reason().expect("it is over");
    assert!(reason.contains("\\r\\n"), "{reason}");
}

#[test]
fn a_failure_cancels_what_is_waited_for_behind_it() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\ntwo\r\n");
    Temple::break_off(&server, "one", "no");
    assert_eq!(*server.factory().cancelled.borrow(), ["two"]);
    assert_eq!(client.reason().as_deref(), Some("no"));
}

#[test]
fn a_failure_of_a_reply_that_is_dropped_already_is_reported() {
    let unhandled = UnhandledFailures::forbid();
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("zero\r\none\r\ntwo\r\n");
    Temple::break_off(&server, "one", "the first");
    assert_eq!(client.reason(), None, "what is owed is waited for");
    Temple::break_off(&server, "two", "the disk is full");
    assert_eq!(unhandled.take().iter().map(Failure::to_string).collect::<Vec<_>>(), ["the disk is full"]);
}

#[test]
fn a_failure_that_comes_behind_the_end_of_the_peer_is_reported() {
    let unhandled = UnhandledFailures::forbid();
    let server = Server::new(Temple::default());
    let client = server.connect();
    // What the peer does not take keeps the connection a while.
    client.stop_reading();
    client.receive("one\r\npush news\r\n").disconnect();
    assert_eq!(client.reason(), None);
    Temple::break_off(&server, "one", "the disk is full");
    assert_eq!(unhandled.take().iter().map(Failure::to_string).collect::<Vec<_>>(), ["the disk is full"]);
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
fn a_reset_is_noticed_also_while_nothing_is_read() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\ntwo\r\nthree\r\nfour\r\n");
    assert_eq!(client.unread(), b"four\r\n");
    client.reset();
    assert_eq!(server.factory().cancelled.borrow().len(), 3);
}

#[test]
fn a_closing_connection_sends_what_it_owes_and_waits_so_long_and_no_longer() {
    let server = Server::new(Temple::default());
    let (patient, late) = (server.connect(), server.connect());
    patient.receive("one\r\nclose\r\n");
    late.receive("two\r\nclose\r\n");
    server.advance(4 * SECOND);
    Temple::answer(&server, "one");
    assert_eq!(
        (patient.sent().as_str(), patient.reason().as_deref()),
        ("one!\r\n", Some("the connection was closed cleanly"))
    );
    assert_eq!(late.reason(), None);
    server.advance(SECOND);
    let reason = late.reason().expect("its time is up");
    assert!(reason.starts_with("1 promised replies could not be delivered within 5s"), "{reason}");
    assert_eq!(*server.factory().cancelled.borrow(), ["two"]);
}

#[test]
fn a_panic_while_replies_wait_still_sends_those_before_it() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\npanic\r\n");
    Temple::answer(&server, "one");
    assert_eq!(client.sent(), "one!\r\n");
    assert_eq!(client.reason().as_deref(), Some("a handler panicked: the oracle fainted"));
}

/// Sends what it is given, and panics over "boom".
struct Word(&'static str);

impl ToFrame for Word {
    fn to_frame(&self) -> Cow<'_, [u8]> {
        assert_ne!(self.0, "boom");
        Cow::Borrowed(self.0.as_bytes())
    }
}

#[factory(protocol = Speaker)]
#[derive(Default)]
struct Speakers {
    asked: Vec<Resolver<[Word; 2]>>,
}

#[protocol(line, factory = Speakers)]
#[derive(Default)]
struct Speaker;

#[protocol]
impl Speaker {
    #[on(line)]
    fn speak(&mut self, cx: &Context<Self>, line: String) -> (Option<Deferred<[Word; 2]>>, Option<String>) {
        if line == "now" {
            return (None, Some(line));
        }
        let (resolver, words) = Deferred::new();
        cx.factory_mut().asked.push(resolver);
        (Some(words), None)
    }
}

#[test]
fn a_panic_over_a_promised_reply_takes_along_what_is_behind_it() {
    let server = Server::new(Speakers::default());
    let client = server.connect();
    client.receive("zero\r\none\r\nnow\r\n");
    let asked = std::mem::take(&mut server.factory_mut().asked);
    fire(&server, &asked[1], [Word("first half"), Word("boom")]);
    fire(&server, &asked[0], [Word("a"), Word("b")]);
    let sent = client.sent();
    assert!(sent.starts_with("a\r\nb\r\n") && !sent.contains("now"), "{sent:?}");
    let reason = client.reason().expect("it is over");
    assert!(reason.starts_with("a handler panicked"), "{reason}");
}

/// Lines, the encoder of which fails in the middle of "boom".
#[derive(Debug)]
struct Fragile(Line);

impl Framing for Fragile {
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        self.0.decode(buffer)
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        let before = out.len();
        out.extend_from_slice(b"HALF");
        assert_ne!(frame, b"boom");
        out.truncate(before);
        self.0.encode(frame, out)
    }
}

#[derive(Default)]
struct Halves {
    asked: RefCell<Vec<Resolver<&'static str>>>,
}

impl Factory for Halves {
    type Protocol = Half;

    fn build_protocol(&mut self, _peer: &twisty::Address) -> Option<Half> {
        Some(Half)
    }
}

struct Half;

impl Protocol for Half {
    type Framing = Fragile;
    type Factory = Halves;

    fn framing() -> Fragile {
        Fragile(Line::new())
    }

    fn frame_received(&mut self, cx: &Context<Self>, _line: &[u8]) {
        let (resolver, answer) = Deferred::new();
        cx.factory().asked.borrow_mut().push(resolver);
        let _no_state: Option<Stateless> = answer.apply(cx);
    }
}

#[test]
fn half_a_frame_is_never_sent() {
    let server = Server::new(Halves::default());
    let client = server.connect();
    client.receive("one\r\ntwo\r\nthree\r\n");
    let asked = server.factory().asked.take();
    fire(&server, &asked[2], "long enough to hide what is missing");
    fire(&server, &asked[1], "boom");
    fire(&server, &asked[0], "a");
    assert_eq!(client.sent(), "a\r\n");
}

/// One of them waits, and hears of it when the other leaves.
#[factory(protocol = Mate)]
#[derive(Default)]
struct Mates {
    waiting: Option<Resolver<&'static str>>,
}

#[protocol(line, factory = Mates)]
#[derive(Default)]
struct Mate {
    when_dropped: Option<Resolver<&'static str>>,
}

#[protocol]
impl Mate {
    #[on(line)]
    fn line(&mut self, cx: &Context<Self>, line: &str) -> Option<Deferred<&'static str>> {
        if line == "keep" {
            self.when_dropped = cx.factory_mut().waiting.take();
            return None;
        }
        let (resolver, news) = Deferred::new();
        cx.factory_mut().waiting = Some(resolver);
        Some(news)
    }

    #[on(disconnect)]
    fn leave(&mut self, cx: &Context<Self>) {
        if let Some(resolver) = cx.factory_mut().waiting.take() {
            resolver.callback("your mate left");
        }
    }
}

impl Drop for Mate {
    fn drop(&mut self) {
        if let Some(resolver) = self.when_dropped.take() {
            resolver.callback("your mate is dropped");
        }
    }
}

#[test]
fn the_end_of_one_connection_may_fire_a_reply_of_another() {
    for end in [Client::disconnect, Client::reset] {
        for (word, expected) in [("", "your mate left\r\n"), ("keep\r\n", "your mate is dropped\r\n")] {
            let server = Server::new(Mates::default());
            let (waits, leaves) = (server.connect(), server.connect());
            waits.receive("wait\r\n");
            end(leaves.receive(word));
            assert_eq!(waits.sent(), expected);
        }
    }
}
