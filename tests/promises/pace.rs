//! How much is waited for and kept, and who is idle meanwhile.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use twisty::prelude::*;
use twisty::protocol::ToFrame;
use twisty::testing::Server;

use crate::{SECOND, Temple, fire};

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

/// A limit that nothing would fit into.
#[protocol(line, max_pending_replies = 0)]
#[derive(Default)]
struct Zero;

#[protocol]
impl Zero {
    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }
}

#[test]
fn a_limit_of_no_promised_replies_still_lets_frames_through() {
    let client = Server::new(Zero::factory()).connect();
    assert_eq!(client.receive("a\r\nb\r\n").sent(), "a\r\nb\r\n");
}

#[test]
fn a_peer_that_waits_for_its_reply_is_not_idle() {
    let server = Server::new(Temple::default());
    let client = server.connect();
    client.receive("one\r\n");
    server.advance(90 * SECOND);
    assert_eq!(client.sent(), "");
    Temple::answer(&server, "one");
    server.advance(59 * SECOND);
    assert_eq!(client.sent(), "one!\r\n");
    server.advance(SECOND);
    assert_eq!(client.sent(), "one!\r\nare you there?\r\n");
}

/// Answers later, or never.
#[factory(protocol = Slow)]
#[derive(Default)]
struct Slows {
    asked: Vec<Resolver<Page>>,
}

#[protocol(line, factory = Slows, max_pending_replies = 1, idle_timeout = 5s)]
#[derive(Default)]
struct Slow;

#[protocol]
impl Slow {
    #[on(line)]
    fn ask(&mut self, cx: &Context<Self>, _line: &str) -> Deferred<Page> {
        let (resolver, page) = Deferred::new();
        cx.factory_mut().asked.push(resolver);
        page
    }
}

#[test]
fn a_peer_that_sends_while_nothing_is_read_is_not_idle() {
    let server = Server::new(Slows::default());
    let client = server.connect();
    for _ in 0..10 {
        client.receive("more\r\n");
        server.advance(SECOND);
    }
    assert!(client.is_connected(), "{:?}", client.reason());
}

/// A reply of 1000 bytes; it counts how many were framed.
struct Page(Rc<Cell<u32>>);

impl ToFrame for Page {
    fn to_frame(&self) -> Cow<'_, [u8]> {
        self.0.set(self.0.get() + 1);
        Cow::Owned(vec![b'p'; 1000])
    }
}

#[factory(protocol = Library)]
#[derive(Default)]
struct Libraries {
    asked: Vec<Resolver<Page>>,
}

#[protocol(line, factory = Libraries, high_water = 1500, outbox_limit = 4000)]
#[derive(Default)]
struct Library;

#[protocol]
impl Library {
    #[on(line)]
    fn lend(&mut self, cx: &Context<Self>, _line: &str) -> Deferred<Page> {
        let (resolver, page) = Deferred::new();
        cx.factory_mut().asked.push(resolver);
        page
    }
}

#[test]
fn replies_that_have_fired_wait_until_the_peer_reads() {
    let server = Server::new(Libraries::default());
    let client = server.connect();
    client.stop_reading();
    client.receive("lend\r\n".repeat(64));
    let asked = std::mem::take(&mut server.factory_mut().asked);
    assert_eq!(asked.len(), 64);
    let framed = Rc::default();
    for resolver in &asked {
        fire(&server, resolver, Page(Rc::clone(&framed)));
    }
    // The second leads over the high water mark.
    assert_eq!((framed.get(), client.is_connected()), (2, true));
    client.start_reading();
    assert_eq!((framed.get(), client.sent().len()), (64, 64 * 1002));
}

/// Attaches the next thing in what is attached, so many times.
#[factory(protocol = Pump)]
#[derive(Default)]
struct Pumps {
    strokes: u32,
}

#[protocol(line, factory = Pumps, high_water = 100, outbox_limit = 1000)]
#[derive(Default)]
struct Pump;

#[protocol]
impl Pump {
    #[on(line)]
    fn start(&mut self, cx: &Context<Self>, strokes: u32) {
        Self::go_on(cx, strokes);
    }

    fn go_on(cx: &Context<Self>, left: u32) {
        cx.attach(Deferred::succeed(()), move |_, cx, ()| {
            cx.send("x".repeat(58));
            cx.factory_mut().strokes += 1;
            if left > 1 {
                Self::go_on(cx, left - 1);
            }
        });
    }
}

#[test]
fn what_is_attached_waits_until_the_peer_reads() {
    let server = Server::new(Pumps::default());
    let client = server.connect();
    client.stop_reading();
    client.receive("1000\r\n");
    server.advance(SECOND);
    // The second leads over the high water mark.
    assert_eq!((server.factory().strokes, client.is_connected()), (2, true));
    client.start_reading();
    assert_eq!((server.factory().strokes, client.sent().len()), (1000, 60_000));
}

/// Replies with 100 bytes each, the first of them some time.
#[protocol(line, high_water = 1000)]
#[derive(Default)]
struct Late {
    heard: u32,
    first: Option<Resolver<String>>,
}

#[protocol]
impl Late {
    #[on(line)]
    fn answer(&mut self) -> Deferred<String> {
        self.heard += 1;
        if self.heard > 1 {
            return Deferred::succeed("x".repeat(98));
        }
        let (first, answer) = Deferred::new();
        self.first = Some(first);
        answer
    }
}

#[test]
fn replies_behind_a_promise_count_as_queued() {
    let server = Server::new(Late::factory());
    let client = server.connect();
    client.receive("a line\r\n".repeat(100));
    let left = client.unread().len() / "a line\r\n".len();
    assert!((85..=90).contains(&left), "{left} of 100 lines were not read");
}
