//! Cases of kind `factory`: what a reconnecting client waits, and when it gives up. Who connects is played here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use twisty::DelayedCall;
use twisty::client::{Backoff, Delays};
use twisty::testing::Clock;

use crate::task::case::{Case, Log, advance, duration, now, pending, text};

pub(super) fn replay(case: &Case) -> Value {
    let player = Rc::new(Player::new(&case.config));
    let mut states = Vec::new();
    for (at, op) in case.ops() {
        player.log.is_at(at);
        player.play(op);
        states.push(player.state());
    }
    json!({ "events": player.log.clone().into_events(), "states": states, "continue_trying": player.tries.get() })
}

/// The delay that a case's factory may not exceed, in seconds.
pub(super) fn max_delay(config: &Value) -> f64 {
    config["max_delay"].as_f64().unwrap_or(3600.0)
}

struct Player {
    clock: Clock,
    log: Log,
    delays: RefCell<Delays>,
    tries: Cell<bool>,
    /// There is a connector to connect again with.
    connects: Cell<bool>,
    next: RefCell<Option<DelayedCall>>,
}

impl Player {
    fn new(config: &Value) -> Self {
        let given = |key: &str| Some(&config[key]).filter(|value| !value.is_null());
        let initial = given("delay").or(given("initial_delay")).and_then(duration);
        let mut backoff = Backoff::new().jitter(match &config["jitter"] {
            Value::String(_default) => Backoff::JITTER,
            jitter => jitter.as_f64().unwrap_or_default(),
        });
        backoff = initial.map_or(backoff, |initial| backoff.initial(initial));
        backoff = given("max_delay").and_then(duration).map_or(backoff, |max| backoff.max(max));
        backoff = given("factor").and_then(Value::as_f64).map_or(backoff, |factor| backoff.factor(factor));
        if let Some(retries) = given("max_retries").and_then(Value::as_u64) {
            backoff = backoff.retries(u32::try_from(retries).expect("few"));
        }
        let draws: Vec<f64> = config["normals"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let mut draws = draws.into_iter().cycle();
        let delays = backoff.delays().with_chance(move || draws.next().unwrap_or_default());
        Self {
            clock: Clock::new(),
            log: Log::default(),
            delays: RefCell::new(delays),
            tries: Cell::new(true),
            connects: Cell::new(false),
            next: RefCell::default(),
        }
    }

    fn play(self: &Rc<Self>, op: &Value) {
        match text(op, "op") {
            "failed" | "lost" if self.tries.get() => {
                self.connects.set(true);
                self.retry();
            }
            "failed" | "lost" | "connected" => {}
            "retry" if self.tries.get() && !self.connects.get() => {
                self.log.note(json!({ "ev": "op_error", "op": "retry", "error": "ValueError" }));
            }
            "retry" => self.retry(),
            "reset_delay" => {
                self.delays.borrow_mut().reset();
                self.tries.set(true);
            }
            "stop_trying" => self.stop(),
            "advance" => advance(&self.clock, op),
            other => panic!("there is no operation {other}"),
        }
    }

    fn retry(self: &Rc<Self>) {
        let delay = if self.tries.get() { self.delays.borrow_mut().next() } else { None };
        let Some(delay) = delay else { return };
        self.log.note(json!({ "ev": "schedule", "delay": delay.as_secs_f64() }));
        let me = Rc::clone(self);
        let call = self.clock.call_later(delay, move || {
            me.log.note(json!({ "ev": "connect", "now": now(&me.clock) }));
        });
        // Of two that wait, one would be too much.
        let before = self.next.replace(Some(call));
        before.into_iter().for_each(|before| _ = before.cancel());
    }

    fn stop(&self) {
        self.tries.set(false);
        self.next.take().into_iter().for_each(|next| _ = next.cancel());
        if self.connects.get() {
            self.log.note(json!({ "ev": "stop_connecting" }));
        }
    }

    fn state(&self) -> Value {
        let delays = self.delays.borrow();
        let waiting = pending(&self.clock).as_array().map_or(0, Vec::len);
        let delay: Duration = delays.delay();
        json!({ "delay": delay.as_secs_f64(), "retries": delays.retries(), "pending": waiting })
    }
}
