//! Connections whose handlers answer later: in order, and not at all once the client is gone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use twisty::prelude::*;
use twisty::testing::{Client, Server, UnhandledFailures};

use crate::random::{panic_on_purpose, programs, take_any};

/// What was asked, and is not answered yet.
#[factory(protocol = Clerk)]
#[derive(Default)]
struct Counter {
    asked: Vec<(String, Resolver<String>)>,
    cancelled: Rc<RefCell<BTreeMap<String, usize>>>,
}

#[protocol(line, factory = Counter, max_pending_replies = 4, close_timeout = 5s)]
#[derive(Default)]
struct Clerk;

#[protocol]
impl Clerk {
    #[on(line)]
    fn ask(&mut self, cx: &Context<Self>, question: &str) -> Option<Deferred<String>> {
        match question.split_once(' ').map_or("", |(word, _)| word) {
            "now" => Some(Deferred::succeed(question.to_owned())),
            "chain" => {
                let answer = Self::promise(cx, question);
                Some(chain! { Deferred::succeed(()); then |()| answer; finally |_| () })
            }
            "attach" => {
                let answer = Self::promise(cx, question);
                cx.attach(answer, |_, _, _answer: String| {});
                None
            }
            "panic" => panic_on_purpose("a handler".to_owned()),
            _ => Some(Self::promise(cx, question)),
        }
    }

    fn promise(cx: &Context<Self>, question: &str) -> Deferred<String> {
        let cancelled = Rc::clone(&cx.factory().cancelled);
        let asked = question.to_owned();
        let (resolver, answer) = Deferred::with_canceller(move |_| {
            *cancelled.borrow_mut().entry(asked).or_default() += 1;
        });
        cx.factory_mut().asked.push((question.to_owned(), resolver));
        answer
    }
}

/// One client, and what it should be told.
struct Asker {
    client: Client<Counter>,
    bytes: Vec<u8>,
    questions: Vec<String>,
    here: bool,
}

impl Asker {
    fn new(rng: &mut Rng, server: &Server<Counter>, number: usize) -> Self {
        let words = ["now", "later", "later", "later", "chain", "attach"];
        let question = |index| format!("{} {number}-{index}", words[rng.usize(..words.len())]);
        let questions: Vec<_> = (0..12).map(question).collect();
        let bytes = questions.iter().flat_map(|question| format!("{question}\r\n").into_bytes()).collect();
        Self { client: server.connect(), bytes, questions, here: true }
    }

    /// What it should be told in the end.
    fn answers(&self) -> String {
        let answered = self.questions.iter().filter(|question| !question.starts_with("attach"));
        answered.map(|question| format!("{question}\r\n")).collect()
    }

    fn send(&mut self, rng: &mut Rng) {
        let cut = rng.usize(..=self.bytes.len().min(40));
        let rest = self.bytes.split_off(cut);
        self.client.receive(std::mem::replace(&mut self.bytes, rest));
    }

    /// It has sent all, and been told all; or its connection is over.
    fn is_done(&mut self, rng: &mut Rng) -> bool {
        if self.here {
            self.send(rng);
        }
        let told = self.here && self.bytes.is_empty() && self.client.sent() == self.answers();
        told || !self.client.is_connected()
    }

    /// Its end comes behind what it has sent, which is not read while too many replies wait; unless it is a reset.
    fn leave(&mut self, rng: &mut Rng) {
        self.here = false;
        let reset = rng.bool();
        if reset {
            self.client.reset()
        } else {
            self.client.disconnect()
        }
        assert!(!self.client.is_connected() || !reset);
    }
}

/// The numbers of those whose connection is over.
fn gone(askers: &[Asker]) -> Vec<usize> {
    (0..askers.len()).filter(|asker| !askers[*asker].client.is_connected()).collect()
}

/// The clerk comes up with an answer.
fn answer(rng: &mut Rng, server: &Server<Counter>, gone: &[usize], fired: &mut Vec<String>) {
    let asked = take_any(rng, &mut server.factory_mut().asked);
    if let Some((question, resolver)) = asked {
        let of = |number: &usize| question.contains(&format!(" {number}-"));
        assert_eq!(resolver.is_called(), gone.iter().any(of), "who is gone waits for nothing, and all others do");
        if !resolver.is_called() {
            fired.push(question.clone());
            resolver.callback(question);
        }
        if rng.bool() {
            server.advance(Duration::ZERO);
        }
    }
}

#[test]
fn replies_keep_their_order_and_end_with_the_connection() {
    programs(1000, |rng| {
        let _none = UnhandledFailures::forbid();
        let server = Server::new(Counter::default());
        let mut askers: Vec<_> = (0..rng.usize(1..4)).map(|number| Asker::new(rng, &server, number)).collect();
        let mut fired = Vec::new();
        let leaves = rng.u8(..3) > 0;
        for _ in 0..200 {
            let asker = rng.usize(..askers.len());
            match rng.u8(..40) {
                0 if leaves && askers[asker].here => askers[asker].leave(rng),
                1..20 if askers[asker].here => askers[asker].send(rng),
                _ => answer(rng, &server, &gone(&askers), &mut fired),
            }
            for asker in &askers {
                assert!(asker.answers().starts_with(&asker.client.sent()), "a reply came out of order");
            }
        }
        let cancelled = Rc::clone(&server.factory().cancelled);
        while !askers.iter_mut().all(|asker| asker.is_done(rng)) {
            let before = fired.len();
            answer(rng, &server, &gone(&askers), &mut fired);
            server.advance(Duration::ZERO);
            let idle = server.factory().asked.is_empty() && askers.iter().all(|asker| asker.bytes.is_empty());
            assert!(
                before != fired.len() || !idle || askers.iter_mut().all(|asker| asker.is_done(rng)),
                "somebody waits for nothing"
            );
        }
        assert!(cancelled.borrow().values().all(|times| *times == 1), "cancelled more than once: {cancelled:?}");
        assert!(fired.iter().all(|question| !cancelled.borrow().contains_key(question)));
        assert!(askers.iter().all(|asker| asker.client.is_connected() == asker.here));
    });
}

/// A failure, a panic or the close of the connection lets what was owed before through, and nothing that comes after.
#[test]
fn what_was_owed_before_the_end_is_still_told() {
    programs(1000, |rng| {
        let unhandled = UnhandledFailures::forbid();
        let server = Server::new(Counter::default());
        let client = server.connect();
        let (before, behind) = (rng.usize(..3), rng.usize(..3));
        let questions: Vec<_> = (0..before).map(|number| format!("later {number}")).collect();
        let fails = rng.bool();
        let end = if fails { "later end" } else { "panic now" };
        let after = (0..behind).map(|number| format!("now {number}"));
        let all: Vec<_> = questions.iter().cloned().chain([end.to_owned()]).chain(after).collect();
        client.receive(all.join("\r\n") + "\r\n");
        while let Some((question, resolver)) = { take_any(rng, &mut server.factory_mut().asked) } {
            if question == end {
                resolver.errback(twisty::ConnectionDone)
            } else {
                resolver.callback(question)
            }
            if rng.bool() {
                server.advance(Duration::ZERO);
            }
        }
        server.advance(Duration::ZERO);
        let told: String = questions.iter().map(|question| format!("{question}\r\n")).collect();
        assert_eq!(client.sent(), told);
        assert!(!client.is_connected());
        assert!(unhandled.take().is_empty());
    });
}
