//! Cases of kind `clock`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use twisty::testing::Clock;
use twisty::{DelayedCall, DelayedCallError};

use super::case::{Case, Log, advance, duration, now, number, seconds, text};

#[derive(Clone, Default)]
struct Player {
    clock: Clock,
    log: Log,
    calls: Rc<RefCell<BTreeMap<u64, Rc<DelayedCall>>>>,
}

pub(super) fn replay(case: &Case) -> Value {
    let player = Player::default();
    for (at, op) in case.ops() {
        player.log.is_at(at);
        player.play(op);
    }
    let pending: Vec<Value> = (player.calls.borrow().iter())
        .filter_map(|(call, delayed)| Some(json!({ "call": call, "time": seconds(delayed.time()?) })))
        .collect();
    json!({ "now": now(&player.clock), "pending": pending, "events": player.log.clone().into_events() })
}

impl Player {
    fn play(&self, op: &Value) {
        match text(op, "op") {
            "call_later" => self.call_later(op),
            "advance" => advance(&self.clock, op),
            "pump" => {
                let times = op["seconds"].as_array().into_iter().flatten();
                self.clock.pump(times.map(|time| duration(time).expect("time goes on")));
            }
            other => self.touch(other, number(op, "call"), op),
        }
    }

    fn call_later(&self, op: &Value) {
        let (player, call, then) = (self.clone(), number(op, "call"), op["then"].clone());
        let delayed = self.clock.call_later(duration(&op["delay"]).expect("no call is made in the past"), move || {
            player.log.note(json!({ "ev": "fired", "call": call, "now": now(&player.clock) }));
            then.as_array().into_iter().flatten().for_each(|op| player.play(op));
        });
        self.calls.borrow_mut().insert(call, Rc::new(delayed));
    }

    fn touch(&self, kind: &str, call: u64, op: &Value) {
        let delayed = Rc::clone(&self.calls.borrow()[&call]);
        let done = match kind {
            "active" => return self.log.note(json!({ "ev": "active", "call": call, "value": delayed.is_active() })),
            "get_time" => {
                let time = delayed.time().map(seconds);
                return self.log.note(json!({ "ev": "time", "call": call, "value": time }));
            }
            "cancel" => delayed.cancel(),
            "reset" => delayed.reset(duration(&op["seconds"]).expect("it is to come")),
            "delay" => match duration(&op["seconds"]) {
                Some(later) => delayed.delay(later),
                None => self.hurry(&delayed, &op["seconds"]),
            },
            other => panic!("there is no operation {other}"),
        };
        if let Err(error) = done {
            let error = match error {
                DelayedCallError::AlreadyCalled => "AlreadyCalled",
                DelayedCallError::AlreadyCancelled => "AlreadyCancelled",
            };
            self.log.note(json!({ "ev": "op_error", "op": kind, "call": call, "error": error }));
        }
    }

    /// A delay that is negative: a duration cannot be, so the new time is said in full.
    fn hurry(&self, delayed: &DelayedCall, delay: &Value) -> Result<(), DelayedCallError> {
        let sooner = Duration::from_secs_f64(-delay.as_f64().unwrap_or_default());
        let until = delayed.time().map_or(Duration::ZERO, |due| due - self.clock.now());
        delayed.reset(until.saturating_sub(sooner))
    }
}
