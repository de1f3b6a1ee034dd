//! What is attached to a connection is called with its protocol.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use twisty::prelude::*;
use twisty::task::defer_later;
use twisty::testing::{Server, UnhandledFailures};

use crate::{SECOND, fire};

/// Attaches something that fires while the handler runs.
#[protocol(line)]
#[derive(Default)]
struct Counter {
    count: u32,
}

#[protocol]
impl Counter {
    #[on(line)]
    fn line(&mut self, cx: &Context<Self>, line: &str) -> String {
        let (resolver, word) = Deferred::new();
        cx.attach(word, |me, cx, word: String| {
            me.count += 1;
            cx.send(format!("{word} {}", me.count));
            if word == "bad" { Err(Failure::message("a bad word")) } else { Ok(()) }
        });
        resolver.callback(line.to_owned());
        format!("first {}", self.count)
    }
}

#[test]
fn what_is_attached_runs_after_the_handler_and_ends_the_connection_when_it_fails() {
    let server = Server::new(Counter::factory());
    let client = server.connect();
    assert_eq!(client.receive("good\r\n").sent(), "first 0\r\ngood 1\r\n");
    assert_eq!(client.receive("bad\r\n").sent(), "first 0\r\ngood 1\r\nfirst 1\r\nbad 2\r\n");
    assert_eq!(client.reason().as_deref(), Some("a bad word"));
}

#[test]
fn what_is_attached_runs_before_the_next_frame_however_the_bytes_are_cut() {
    let (whole, cut) = (Server::new(Counter::factory()).connect(), Server::new(Counter::factory()).connect());
    whole.receive("a\r\nb\r\nc\r\n");
    cut.receive("a\r\n").receive("b\r\n").receive("c\r\n");
    assert_eq!(whole.sent(), "first 0\r\na 1\r\nfirst 1\r\nb 2\r\nfirst 2\r\nc 3\r\n");
    assert_eq!(cut.sent(), whole.sent());
}

/// Waits for what the test fires, and for replies too.
#[factory(protocol = Waiter)]
#[derive(Default)]
struct Waiters {
    asked: RefCell<Vec<Resolver<&'static str>>>,
    kept: Rc<()>,
}

#[protocol(line, factory = Waiters)]
#[derive(Default)]
struct Waiter {
    kept: Option<Rc<()>>,
}

#[protocol]
impl Waiter {
    #[on(line)]
    fn line(&mut self, cx: &Context<Self>, line: &str) -> Option<Deferred<&'static str>> {
        let kept = Rc::clone(&cx.factory().kept);
        self.kept = Some(Rc::clone(&kept));
        match line {
            "fail and abort" => {
                cx.attach(Deferred::<()>::fail(Failure::message("the disk is full")), |_, _, ()| ());
                cx.abort_connection();
            }
            "close" => {
                cx.attach(Waiters::ask(cx), |_, cx, text| cx.send(text));
                cx.lose_connection();
                return Some(Waiters::ask(cx));
            }
            "attach" => cx.attach(Waiters::ask(cx), move |_, _, _| drop(kept)),
            "nested" => cx.attach(Deferred::succeed(()), move |_, cx, ()| Waiters::ask(cx).map(move |_| drop(kept))),
            _ => {
                let keep = move |text| {
                    drop(kept);
                    text
                };
                return Some(Waiters::ask(cx).map(keep));
            }
        }
        None
    }
}

impl Waiters {
    fn ask(cx: &Context<Waiter>) -> Deferred<&'static str> {
        let (resolver, answer) = Deferred::new();
        cx.factory().asked.borrow_mut().push(resolver);
        answer
    }
}

#[test]
fn a_failure_that_came_right_before_the_end_is_reported() {
    let unhandled = UnhandledFailures::forbid();
    let server = Server::new(Waiters::default());
    let client = server.connect();
    client.receive("fail and abort\r\n");
    assert!(!client.is_connected());
    assert_eq!(unhandled.take().iter().map(Failure::to_string).collect::<Vec<_>>(), ["the disk is full"]);
}

#[test]
fn what_is_attached_is_over_when_the_connection_was_asked_to_close() {
    let unhandled = UnhandledFailures::forbid();
    let server = Server::new(Waiters::default());
    let client = server.connect();
    client.receive("close\r\n");
    let asked = server.factory().asked.take();
    asked[0].errback(Failure::message("a look-up failed"));
    fire(&server, &asked[1], "good bye");
    assert_eq!(client.sent(), "good bye\r\n");
    assert_eq!(client.reason().as_deref(), Some("the connection was closed cleanly"));
    assert_eq!(unhandled.take().iter().map(Failure::to_string).collect::<Vec<_>>(), ["a look-up failed"]);
}

#[test]
fn nothing_is_kept_behind_the_end() {
    let unhandled = UnhandledFailures::forbid();
    let server = Server::new(Waiters::default());
    let client = server.connect();
    let kept = Rc::clone(&server.factory().kept);
    client.receive("attach\r\nnested\r\nreply\r\n");
    assert_eq!(Rc::strong_count(&kept), 6);
    client.reset();
    assert_eq!(Rc::strong_count(&kept), 2);
    for late in server.factory().asked.take() {
        // It was cancelled, so that it is late is no mistake.
        assert!(late.try_callback("late").is_ok());
    }
    assert!(unhandled.take().is_empty());
}

/// Plays a song every ten seconds.
#[protocol(line)]
#[derive(Default)]
struct Radio {
    played: Rc<Cell<u32>>,
}

#[protocol]
impl Radio {
    #[on(line)]
    fn play(&mut self, cx: &Context<Self>) {
        let song = defer_later(10 * SECOND, &cx.clock(), || Ok(()));
        cx.attach(song, |me, cx, ()| {
            me.played.set(me.played.get() + 1);
            me.play(cx);
        });
    }

    #[on(timeout(25s))]
    fn quiet(&mut self, cx: &Context<Self>) -> String {
        cx.lose_connection();
        format!("{} songs", self.played.get())
    }
}

#[test]
fn what_is_attached_is_no_frame_of_the_peer() {
    let server = Server::new(Radio::factory());
    let client = server.connect();
    client.receive("play\r\n");
    server.advance(60 * SECOND);
    assert_eq!(client.sent(), "2 songs\r\n");
    assert!(!client.is_connected());
}
