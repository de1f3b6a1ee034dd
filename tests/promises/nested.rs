//! Deferreds inside of Deferreds.

use std::collections::VecDeque;

use twisty::prelude::*;
use twisty::testing::Server;

use crate::fire;

type Inner = (Deferred<&'static str>, (Option<&'static str>, Option<Deferred<&'static str>>));

#[factory(protocol = Nest)]
#[derive(Default)]
struct Nests {
    asked: VecDeque<Resolver<Inner>>,
}

#[protocol(line, factory = Nests, max_pending_replies = 4)]
#[derive(Default)]
struct Nest;

#[protocol]
impl Nest {
    #[on(line)]
    fn ask(&mut self, cx: &Context<Self>, _line: &str) -> Deferred<Inner> {
        let (resolver, inner) = Deferred::new();
        cx.factory_mut().asked.push_back(resolver);
        inner
    }
}

impl Nests {
    fn next(server: &Server<Self>) -> Resolver<Inner> {
        server.factory_mut().asked.pop_front().expect("it was asked")
    }
}

#[test]
fn a_text_behind_a_deferred_inside_of_a_deferred_keeps_its_place() {
    let server = Server::new(Nests::default());
    let client = server.connect();
    client.receive("one\r\n");
    let (a, first) = Deferred::new();
    fire(&server, &Nests::next(&server), (first, (Some("second"), None)));
    assert_eq!(client.sent(), "");
    fire(&server, &a, "first");
    assert_eq!(client.sent(), "first\r\nsecond\r\n");
}

#[test]
fn two_deferreds_inside_of_one_are_sent_in_their_order() {
    for b_is_first in [false, true] {
        let server = Server::new(Nests::default());
        let client = server.connect();
        client.receive("one\r\n");
        let ((a, first), (b, third)) = (Deferred::new(), Deferred::new());
        fire(&server, &Nests::next(&server), (first, (Some("second"), Some(third))));
        if b_is_first {
            fire(&server, &b, "third");
            fire(&server, &a, "first");
        } else {
            fire(&server, &a, "first");
            fire(&server, &b, "third");
        }
        assert_eq!(client.sent(), "first\r\nsecond\r\nthird\r\n", "b first: {b_is_first}");
    }
}

#[test]
fn no_request_gets_the_reply_of_another() {
    let server = Server::new(Nests::default());
    let client = server.connect();
    client.receive("one\r\n");
    let ((a, first), (b, second)) = (Deferred::new(), Deferred::new());
    fire(&server, &Nests::next(&server), (first, (None, Some(second))));
    fire(&server, &a, "1a");
    client.receive("two\r\n");
    fire(&server, &Nests::next(&server), (Deferred::succeed("2a"), (Some("2b"), None)));
    assert_eq!(client.sent(), "1a\r\n");
    fire(&server, &b, "1b");
    assert_eq!(client.sent(), "1a\r\n1b\r\n2a\r\n2b\r\n");
}

#[test]
fn each_promise_inside_of_one_counts_as_long_as_it_is_waited_for() {
    let server = Server::new(Nests::default());
    let client = server.connect();
    client.receive("one\r\ntwo\r\nthree\r\nfour\r\nfive\r\n");
    assert_eq!(client.unread(), b"five\r\n");
    let ((a, first), (b, second)) = (Deferred::new(), Deferred::new());
    fire(&server, &Nests::next(&server), (first, (None, Some(second))));
    assert_eq!(client.unread(), b"five\r\n");
    fire(&server, &b, "1b");
    assert_eq!(client.unread(), b"five\r\n");
    fire(&server, &a, "1a");
    assert_eq!(client.unread(), b"");
    assert_eq!(client.sent(), "1a\r\n1b\r\n");
}
