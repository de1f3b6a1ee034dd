//! What a vector says, and what all kinds have in common.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use twisty::clock::Timestamp;
use twisty::testing::Clock;
use twisty::{CancelledError, Failure};

/// The operations stay JSON: they are few, and each kind reads its own.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) config: Value,
    #[serde(alias = "attempts")]
    pub(crate) ops: Value,
    pub(crate) expect: Value,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

impl Case {
    pub(crate) fn ops(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.ops.as_array().into_iter().flatten().enumerate()
    }
}

/// The error of a vector's program.
#[derive(Debug, Clone)]
pub(crate) struct VectorError(pub(crate) Value);

impl std::fmt::Display for VectorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for VectorError {}

/// As the vectors write an error.
pub(crate) fn error_of(failure: &Failure) -> Value {
    if let Some(VectorError(error)) = failure.check() {
        return error.clone();
    }
    let cancelled = failure.check::<CancelledError>().is_some();
    json!({ "type": if cancelled { "CancelledError".to_owned() } else { failure.to_string() } })
}

/// What happened so far, and when.
#[derive(Clone, Default)]
pub(crate) struct Log {
    events: Rc<RefCell<Vec<Value>>>,
    at: Rc<Cell<usize>>,
}

impl Log {
    pub(crate) fn is_at(&self, at: usize) {
        self.at.set(at);
    }

    /// Notes an event, an object without `at`.
    pub(crate) fn note(&self, mut event: Value) {
        event["at"] = json!(self.at.get());
        self.events.borrow_mut().push(event);
    }

    pub(crate) fn into_events(self) -> Value {
        Value::Array(self.events.take())
    }
}

pub(crate) fn text<'a>(op: &'a Value, key: &str) -> &'a str {
    op[key].as_str().unwrap_or_else(|| panic!("{op} has no text {key}"))
}

pub(crate) fn number(op: &Value, key: &str) -> u64 {
    op[key].as_u64().unwrap_or_else(|| panic!("{op} has no number {key}"))
}

/// A time in seconds as a duration; `None` if it is negative.
pub(crate) fn duration(seconds: &Value) -> Option<Duration> {
    let seconds = seconds.as_f64().unwrap_or_else(|| panic!("{seconds} is no time"));
    Duration::try_from_secs_f64(seconds).ok()
}

pub(crate) fn seconds(time: Timestamp) -> Value {
    json!((time - Timestamp::ZERO).as_secs_f64())
}

pub(crate) fn now(clock: &Clock) -> Value {
    seconds(clock.now())
}

pub(crate) fn pending(clock: &Clock) -> Value {
    clock.delayed_calls().into_iter().map(seconds).collect()
}

pub(crate) fn advance(clock: &Clock, op: &Value) {
    clock.advance(duration(&op["seconds"]).expect("time goes on"));
}
