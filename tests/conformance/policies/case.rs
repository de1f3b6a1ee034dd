//! What a vector says, and what is noted while it is replayed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use twisty::prelude::Factory;
use twisty::testing::Server;

/// The operations stay JSON: they are few, and each kind reads its own.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) kind: String,
    pub(super) config: Value,
    pub(super) ops: Vec<Value>,
    pub(super) expect: Value,
}

/// What has happened, in order; all that take part have a clone.
#[derive(Clone, Default)]
pub(super) struct Log {
    at: Rc<Cell<usize>>,
    events: Rc<RefCell<Vec<Value>>>,
}

impl Log {
    /// From now on it is this operation that does things.
    pub(super) fn begin(&self, at: usize) {
        self.at.set(at);
    }

    pub(super) fn note(&self, mut event: Value) {
        event["at"] = json!(self.at.get());
        self.events.borrow_mut().push(event);
    }

    pub(super) fn events(&self) -> Vec<Value> {
        self.events.borrow().clone()
    }
}

pub(super) fn duration(seconds: &Value) -> Option<Duration> {
    seconds.as_f64().map(Duration::from_secs_f64)
}

/// As the vectors write it: a whole number without a fraction.
pub(super) fn seconds(time: Duration) -> Value {
    if time.subsec_nanos() == 0 { json!(time.as_secs()) } else { json!(time.as_secs_f64()) }
}

/// Jumps, as Twisted's clock does: what became due on the way happens at the end.
pub(super) fn jump<F: Factory>(server: &Server<F>, op: &Value) {
    server.clock().advance(duration(&op["seconds"]).expect("time goes on"));
    server.advance(Duration::ZERO);
}
