//! A protocol with a time-out that it changes as it runs: [`Protocol::timeout`] answers what a field says. Each operation
//! reaches it as a message.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use twisty::clock::{Clock, Timestamp};
use twisty::prelude::*;
use twisty::testing::Server;

use super::case::{Case, Log, duration, jump, seconds};

/// What it shares with its test.
#[derive(Default)]
struct State {
    period: Option<Duration>,
    /// Twisted's time-outs go off once.
    armed: bool,
    on_timeout: Value,
}

struct Student {
    state: Rc<RefCell<State>>,
    log: Log,
}

impl Student {
    fn set_timeout(&self, period: &Value) {
        let mut state = self.state.borrow_mut();
        let previous = std::mem::replace(&mut state.period, duration(period));
        state.armed = state.period.is_some();
        self.log.note(json!({ "ev": "previous", "value": previous.map(seconds) }));
    }
}

impl Protocol for Student {
    type Framing = Raw;
    type Factory = ForProtocol<Self>;

    fn framing() -> Raw {
        Raw
    }

    /// A message of any kind starts the wait anew, so `reset_timeout` needs nothing more.
    fn frame_received(&mut self, _: &Context<Self>, message: &[u8]) {
        let op: Value = serde_json::from_slice(message).expect("an operation");
        if op["op"] == "set_timeout" {
            self.set_timeout(&op["period"]);
        }
    }

    fn timeout(&self, _: &Context<Self>) -> Option<Duration> {
        let state = self.state.borrow();
        state.period.filter(|_| state.armed)
    }

    fn timed_out(&mut self, cx: &Context<Self>) {
        self.state.borrow_mut().armed = false;
        let now = seconds(cx.clock().now() - Timestamp::ZERO);
        self.log.note(json!({ "ev": "timeout", "now": now }));
        let then = self.state.borrow().on_timeout.clone();
        match &then {
            Value::Object(set) => self.set_timeout(&set["set"]),
            lose if lose == "lose" => {
                self.log.note(json!({ "ev": "lose" }));
                cx.lose_connection();
            }
            _ => {}
        }
    }
}

pub(super) fn replay(case: &Case) -> Value {
    let (log, state) = (Log::default(), Rc::new(RefCell::new(State::default())));
    state.borrow_mut().on_timeout = case.config["on_timeout"].clone();
    let (told, shared) = (log.clone(), Rc::clone(&state));
    let server = Server::new(ForProtocol::new(move || Student { state: Rc::clone(&shared), log: told.clone() }));
    let client = server.connect();
    for (at, op) in case.ops.iter().enumerate() {
        log.begin(at);
        if op["op"] == "advance" {
            jump(&server, op);
        } else {
            client.receive(op.to_string());
        }
    }
    let (events, period) = (log.events(), state.borrow().period.map(seconds));
    json!({ "events": events, "period": period, "pending": pending(&server, &log) })
}

/// When it would go off next: found out by waiting for it.
fn pending(server: &Server<ForProtocol<Student>>, log: &Log) -> Vec<Value> {
    let before = log.events().len();
    server.advance(Duration::from_secs(1000));
    log.events().get(before).map(|event| event["now"].clone()).into_iter().collect()
}
