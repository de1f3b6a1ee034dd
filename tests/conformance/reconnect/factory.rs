//! Cases of kind `factory`: a `ReconnectingClientFactory`, with the delays of a [`Backoff`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use twisty::DelayedCall;
use twisty::client::{Backoff, Delays};
use twisty::clock::Timestamp;
use twisty::testing::Clock;

use super::case::Case;

struct Player {
    clock: Clock,
    delays: Delays,
    tries: bool,
    /// It was told of a connector.
    knows: bool,
    connecting: Rc<Cell<bool>>,
    pending: Vec<DelayedCall>,
    at: Rc<Cell<usize>>,
    events: Rc<RefCell<Vec<Value>>>,
}

pub(super) fn replay(case: &Case) -> Value {
    let jitter =
        case.number("jitter").unwrap_or(if case.config["jitter"] == "default" { Backoff::JITTER } else { 0.0 });
    let normals: Vec<f64> = case.config["normals"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let mut draws = normals.into_iter().cycle();
    let delays =
        case.backoff(Backoff::new().jitter(jitter)).delays().with_chance(move || draws.next().expect("a draw"));
    let mut player = Player {
        clock: Clock::new(),
        delays,
        tries: true,
        knows: false,
        connecting: Rc::new(Cell::new(true)),
        pending: Vec::new(),
        at: Rc::default(),
        events: Rc::default(),
    };
    let states: Vec<Value> = case.ops.as_array().into_iter().flatten().map(|op| player.play(op)).collect();
    json!({ "events": player.events.take(), "states": states, "continue_trying": player.tries })
}

impl Player {
    /// Does one operation; how it stands then.
    fn play(&mut self, op: &Value) -> Value {
        match op["op"].as_str().expect("an operation") {
            "failed" | "lost" => {
                self.connecting.set(false);
                self.knows |= self.tries;
                self.retry();
            }
            "connected" => self.connecting.set(false),
            "retry" if !self.tries => {}
            "retry" if !self.knows => self.note(json!({ "ev": "op_error", "op": "retry", "error": "ValueError" })),
            "retry" => self.retry(),
            "reset_delay" => {
                self.delays.reset();
                self.tries = true;
            }
            "stop_trying" => self.stop_trying(),
            "advance" => self.clock.advance(Duration::from_secs_f64(op["seconds"].as_f64().expect("a time"))),
            other => panic!("there is no operation {other}"),
        }
        self.at.set(self.at.get() + 1);
        let (delay, pending) = (self.delays.delay().as_secs_f64(), self.clock.delayed_calls().len());
        json!({ "delay": delay, "retries": self.delays.retries(), "pending": pending })
    }

    fn note(&self, mut event: Value) {
        event["at"] = json!(self.at.get());
        self.events.borrow_mut().push(event);
    }

    fn retry(&mut self) {
        let Some(delay) = self.tries.then(|| self.delays.next()).flatten() else { return };
        self.note(json!({ "ev": "schedule", "delay": delay.as_secs_f64() }));
        let (clock, connecting) = (self.clock.clone(), Rc::clone(&self.connecting));
        let (at, events) = (Rc::clone(&self.at), Rc::clone(&self.events));
        self.pending.push(self.clock.call_later(delay, move || {
            connecting.set(true);
            let now = (clock.now() - Timestamp::ZERO).as_secs_f64();
            events.borrow_mut().push(json!({ "ev": "connect", "now": now, "at": at.get() }));
        }));
    }

    fn stop_trying(&mut self) {
        self.tries = false;
        for call in self.pending.drain(..) {
            let _is_over = call.cancel();
        }
        if self.knows {
            self.note(json!({ "ev": "stop_connecting" }));
            self.connecting.set(false);
        }
    }
}
