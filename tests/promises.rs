//! Handlers that answer later, and what is attached to a connection.

#[path = "promises/attached.rs"]
mod attached;
#[path = "promises/ends.rs"]
mod ends;
#[path = "promises/nested.rs"]
mod nested;
#[path = "promises/order.rs"]
mod order;
#[path = "promises/pace.rs"]
mod pace;
#[path = "promises/sockets.rs"]
mod sockets;
#[path = "promises/states.rs"]
mod states;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use twisty::prelude::*;
use twisty::testing::Server;

const SECOND: Duration = Duration::from_secs(1);

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
        Self::fire(server, question, Ok(format!("{question}!")));
    }

    fn fire(server: &Server<Self>, question: &str, result: twisty::Result<String>) {
        Self::resolver(server, question).callback(result);
        server.advance(Duration::ZERO);
    }

    fn break_off(server: &Server<Self>, question: &str, why: &str) {
        Self::resolver(server, question).errback(Failure::message(why.to_owned()));
        server.advance(Duration::ZERO);
    }
}

/// Fires, and lets the connection go on.
fn fire<F: Factory, T: 'static>(server: &Server<F>, resolver: &Resolver<T>, value: T) {
    resolver.callback(value);
    server.advance(Duration::ZERO);
}
