//! Replies go out in the order of their requests.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use twisty::broadcast;
use twisty::prelude::*;
use twisty::protocol::{Outcome, Stateless};
use twisty::testing::{Client, Server};

use crate::{Temple, fire};

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

/// Announces so many bytes: at once where the line is a number, else later.
#[factory(protocol = Caller)]
#[derive(Default)]
struct Callers {
    asked: Vec<Resolver<usize>>,
}

#[protocol(line, factory = Callers)]
#[derive(Default)]
struct Caller;

struct Announce(usize);

impl<P: Protocol<Framing = Line>> Outcome<P, Stateless> for Announce {
    fn apply(self, cx: &Context<P>) -> Option<Stateless> {
        broadcast(&[cx.transport()], "n".repeat(self.0));
        None
    }
}

#[protocol]
impl Caller {
    #[on(line)]
    fn ask(&mut self, cx: &Context<Self>, line: &str) -> (Option<Deferred<Announce>>, Option<Announce>) {
        if let Ok(size) = line.parse() {
            return (None, Some(Announce(size)));
        }
        let (resolver, size) = Deferred::new();
        cx.factory_mut().asked.push(resolver);
        if line == "bye" {
            cx.lose_connection();
        }
        (Some(size.map(Announce)), None)
    }
}

/// Small broadcasts are copied, large ones are shared by all queues.
const SIZES: [usize; 2] = [10, 10_000];

#[test]
fn a_broadcast_in_an_outcome_keeps_its_place_whatever_its_size() {
    for size in SIZES {
        let server = Server::new(Callers::default());
        let client = server.connect();
        client.receive(format!("first\r\n{size}\r\n"));
        assert_eq!(client.sent(), "");
        let first = server.factory_mut().asked.remove(0);
        fire(&server, &first, 1);
        assert_eq!(client.sent(), format!("n\r\n{}\r\n", "n".repeat(size)));
    }
}

#[test]
fn a_broadcast_in_a_promised_outcome_is_sent_also_while_closing() {
    for size in SIZES {
        let server = Server::new(Callers::default());
        let client = server.connect();
        client.receive("bye\r\n");
        let last = server.factory_mut().asked.remove(0);
        fire(&server, &last, size);
        assert_eq!(client.sent().len(), size + "\r\n".len());
    }
}

/// A protocol without attributes.
#[derive(Default)]
struct ByHand {
    later: Rc<Cell<Option<Resolver<String>>>>,
}

impl Protocol for ByHand {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new()
    }

    fn frame_received(&mut self, cx: &Context<Self>, line: &[u8]) {
        if line == b"later" {
            let (resolver, answer) = Deferred::<String>::new();
            cx.attach(Deferred::succeed(()), |me, _, ()| me.later.set(Some(resolver)));
            let _no_state: Option<Stateless> = answer.apply(cx);
        } else if line == b"now" {
            let resolver = self.later.take().expect("it was asked before");
            resolver.callback("at last".into());
        } else {
            cx.send(line);
        }
    }
}

#[test]
fn a_protocol_by_hand_may_put_a_deferred_into_effect() {
    let client = Server::new(ByHand::factory()).connect();
    assert_eq!(client.receive("later\r\nfirst\r\n").sent(), "first\r\n");
    assert_eq!(client.receive("now\r\nlast\r\n").sent(), "first\r\nat last\r\nlast\r\n");
}

/// Greets later, and complains later about what is too long.
#[factory(protocol = Short)]
#[derive(Default)]
struct Shorts {
    asked: Vec<Resolver<&'static str>>,
}

#[protocol(line, max_length = 4, factory = Shorts)]
#[derive(Default)]
struct Short;

#[protocol]
impl Short {
    #[on(connect)]
    fn greet(&mut self, cx: &Context<Self>) -> Deferred<&'static str> {
        Self::later(cx)
    }

    #[on(line)]
    fn echo(&mut self, line: String) -> String {
        line
    }

    #[on(overlong)]
    fn complain(&mut self, cx: &Context<Self>) -> Deferred<&'static str> {
        Self::later(cx)
    }

    fn later(cx: &Context<Self>) -> Deferred<&'static str> {
        let (resolver, text) = Deferred::new();
        cx.factory_mut().asked.push(resolver);
        text
    }
}

#[test]
fn every_event_has_its_place_among_the_replies() {
    let server = Server::new(Shorts::default());
    let client = server.connect();
    client.receive("ab\r\nabcdefgh\r\n");
    let asked = std::mem::take(&mut server.factory_mut().asked);
    fire(&server, &asked[1], "too long");
    assert_eq!(client.sent(), "");
    fire(&server, &asked[0], "hello");
    assert_eq!(client.sent(), "hello\r\nab\r\ntoo long\r\n");
    let reason = client.reason().expect("it is over");
    assert!(reason.contains("4 are allowed"), "{reason}");
}

/// Answers each kind of request in its own way: at once, not at all, later, and later still.
#[factory(protocol = Random)]
#[derive(Default)]
struct Randoms {
    asked: HashMap<u32, Box<dyn FnOnce()>>,
}

#[protocol(line, factory = Randoms, max_pending_replies = 3, high_water = 64)]
#[derive(Default)]
struct Random;

type Nested = Deferred<Option<Deferred<Vec<String>>>>;
type Reply = (Option<Nested>, (Option<Deferred<String>>, Vec<String>));

#[protocol]
impl Random {
    #[on(line)]
    fn ask(&mut self, cx: &Context<Self>, line: &str) -> Result<Reply, &'static str> {
        let (kind, number) = line.split_once(' ').ok_or("no number")?;
        let text = number.to_owned();
        let number = number.parse().map_err(|_| "no number")?;
        Ok(match kind {
            "now" => (None, (None, vec![text])),
            "nothing" => (None, (None, vec![])),
            "twice" => (None, (None, vec![text.clone(), text])),
            "later" => {
                let then = format!("{text} then");
                (None, (Some(Self::later(cx, number, text)), vec![then]))
            }
            _ => (Some(Self::nested(cx, number, text)), (None, vec![])),
        })
    }

    fn later(cx: &Context<Self>, number: u32, text: String) -> Deferred<String> {
        let (resolver, answer) = Deferred::new();
        cx.factory_mut().asked.insert(number, Box::new(move || resolver.callback(text)));
        answer
    }

    /// Nothing for each third number, else three texts that come later still.
    fn nested(cx: &Context<Self>, number: u32, text: String) -> Nested {
        let ((outer, answer), (inner, texts)) = (Deferred::new(), Deferred::new());
        let fire = move || {
            outer.callback((!number.is_multiple_of(3)).then_some(texts));
            inner.callback(vec![text; 3]);
        };
        cx.factory_mut().asked.insert(number, Box::new(fire));
        answer
    }
}

fn expected(kind: &str, number: u32) -> String {
    let line = format!("{number}\r\n");
    match kind {
        "now" => line,
        "twice" => line.repeat(2),
        "later" => format!("{line}{number} then\r\n"),
        "nested" if !number.is_multiple_of(3) => line.repeat(3),
        _ => String::new(),
    }
}

/// Fires one that was asked, if any is.
fn fire_any(server: &Server<Randoms>, random: &mut fastrand::Rng) -> bool {
    let mut numbers: Vec<u32> = server.factory().asked.keys().copied().collect();
    numbers.sort_unstable();
    let Some(number) = random.choice(numbers) else { return false };
    let fire = server.factory_mut().asked.remove(&number).expect("it was asked");
    fire();
    if random.bool() {
        server.advance(Duration::ZERO);
    }
    true
}

/// Sends the input in pieces, fires meanwhile, and lets the client read or not; then all of it is fired and read.
fn deliver(server: &Server<Randoms>, client: &Client<Randoms>, input: &str, random: &mut fastrand::Rng) {
    let mut rest = input.as_bytes();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(random.usize(..=rest.len().min(40)));
        client.receive(now);
        rest = later;
        if random.u8(..20) == 0 {
            client.stop_reading()
        } else {
            client.start_reading()
        }
        if random.bool() {
            fire_any(server, random);
        }
    }
    client.start_reading();
    while fire_any(server, random) {
        server.advance(Duration::ZERO);
    }
}

#[test]
fn whatever_fires_in_whatever_order_the_replies_keep_theirs() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let server = Server::new(Randoms::default());
        let client = server.connect();
        let (mut input, mut output) = (String::new(), String::new());
        for number in 0..random.u32(1..60) {
            let kind = ["now", "nothing", "twice", "later", "nested"][random.usize(..5)];
            input += &format!("{kind} {number}\r\n");
            output += &expected(kind, number);
        }
        deliver(&server, &client, &input, &mut random);
        server.advance(Duration::ZERO);
        assert_eq!((client.sent(), client.unread()), (output, vec![]), "seed {seed}");
    }
}
