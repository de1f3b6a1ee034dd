//! The table of the differences between twisty and Twisted that are meant.
//!
//! A departure makes of what Twisted did what twisty is to do instead, where that can be said, or takes out of both what
//! it speaks for. The rest of the case is compared as ever.

use serde_json::{Value, json};

use super::case::Case;
use crate::compare::{self, Reconciling};
use crate::report::Departure;

/// All departures. `D` numbers are those of "Keep and diverge", `K` numbers Twisted's rules.
#[rustfmt::skip]
const TABLE: Reconciling<Case> = &[
    (Departure {
        name: "time is whole nanoseconds",
        reason: "K1: an interval of a third of a second has no exact sum in floating point either",
    }, whole_nanoseconds),
    (Departure {
        name: "a moved call runs after those that were due then",
        reason: "D1: Twisted has no rule for calls that reset or delay has moved to the time of another",
    }, moved_calls_last),
    (Departure {
        name: "the count begins anew with each start",
        reason: "K3: Twisted counts the time between two runs too",
    }, counts_from_the_start),
    (Departure {
        name: "a task that leaves costs nobody's turn",
        reason: "K5: Twisted changes the list while it goes through it",
    }, nobody_misses_a_turn),
    (Departure {
        name: "stopping a Cooperator ends all its tasks",
        reason: "K5: Twisted forgets every second one, for the same reason",
    }, all_are_stopped),
    (Departure {
        name: "a failure has one owner",
        reason: "D9: whoever asked first for the end of a task gets it, the others are told that it failed",
    }, one_owner),
    (Departure {
        name: "a task that was stopped stays stopped",
        reason: "K5: in Twisted it has failed when the Deferred fails that it waited for",
    }, stopped_for_good),
    (Departure {
        name: "a task that was stopped is not paused",
        reason: "K5: in Twisted the wait for a Deferred counts as a pause, and is left over",
    }, nothing_to_resume),
];

/// The departure after which nothing differs.
pub(super) fn explain(case: &Case, actual: &Value) -> Option<&'static Departure> {
    compare::reconcile(TABLE, case, &case.expect, actual)
}

fn events(outcome: &mut Value) -> &mut Vec<Value> {
    outcome["events"].as_array_mut().expect("a list of events")
}

/// The operations of a name, by their number.
fn operations(case: &Case, name: &str) -> Vec<Value> {
    case.ops().filter(|(_, op)| op["op"] == name).map(|(at, _)| json!(at)).collect()
}

/// In cases that say they need the same floating point: a few nanoseconds do not count.
fn whole_nanoseconds(case: &Case, expected: &mut Value, actual: &mut Value) {
    if case.tags.iter().any(|tag| tag == "float") {
        round(expected);
        round(actual);
    }
}

fn round(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!((number.as_f64().unwrap_or(f64::NAN) * 1e7).round() / 1e7),
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

/// Two neighbours change places, if one of them was moved.
fn moved_calls_last(case: &Case, expected: &mut Value, actual: &mut Value) {
    let moved = |event: &Value| case.ops().any(|(_, op)| op["op"] == "reset" && op["call"] == event["call"]);
    let (expected, actual) = (events(expected), events(actual));
    let Some(at) = expected.iter().zip(&*actual).position(|(one, other)| one["call"] != other["call"]) else { return };
    if let Some([one, other]) = expected.get_mut(at..at + 2)
        && (one["ev"] == "fired" && other["ev"] == "fired" && one["at"] == other["at"])
        && (moved(one) || moved(other))
    {
        std::mem::swap(one, other);
    }
}

/// The first count after a start that is not the first.
fn counts_from_the_start(case: &Case, expected: &mut Value, actual: &mut Value) {
    for start in operations(case, "start").iter().skip(1) {
        for outcome in [&mut *expected, &mut *actual] {
            let is_first = |event: &&mut Value| event["ev"] == "call" && event["at"].as_u64() >= start.as_u64();
            if let Some(call) = events(outcome).iter_mut().find(is_first) {
                call["count"] = Value::Null;
            }
        }
    }
}

/// Whose step it is, once a task has left. That there was one is still compared.
fn nobody_misses_a_turn(_: &Case, expected: &mut Value, actual: &mut Value) {
    for outcome in [expected, actual] {
        let steps = events(outcome).iter_mut().skip_while(|event| event["ev"] != "end");
        for step in steps.filter(|event| event["ev"] == "step" || event["ev"] == "end") {
            *step = json!({ "ev": "turn", "at": step["at"] });
        }
    }
}

/// More of them than with Twisted.
fn all_are_stopped(case: &Case, expected: &mut Value, actual: &mut Value) {
    let (stops, expected) = (operations(case, "coop_stop"), events(expected));
    events(actual).retain(|event| {
        let stopped = stops.contains(&event["at"]) && event["err"]["type"] == "SchedulerStopped";
        !stopped || expected.contains(event)
    });
}

/// With the same task's failure a second time.
fn one_owner(_: &Case, expected: &mut Value, _: &mut Value) {
    let mut failed: Vec<Value> = Vec::new();
    for event in events(expected).iter_mut().filter(|event| !event["err"]["msg"].is_null()) {
        if failed.contains(&event["task"]) {
            event["err"] = json!({ "type": "TaskFailed" });
        }
        failed.push(event["task"].clone());
    }
}

/// Whether the event comes after its task was stopped, in what is said to have happened.
fn comes_after_stop(case: &Case, outcome: &Value, event: &Value) -> bool {
    let failed = |at: usize| {
        let events = outcome["events"].as_array().into_iter().flatten();
        events.filter(|event| event["ev"] == "op_error").any(|event| event["at"] == json!(at))
    };
    let mut stops = case.ops().filter(|(_, op)| op["op"] == "stop" && op["task"] == event["task"]);
    stops.any(|(at, _)| !failed(at) && json!(at).as_u64() < event["at"].as_u64())
}

/// What is said of it then, to whoever asks or tries to change it.
fn stopped_for_good(case: &Case, expected: &mut Value, _: &mut Value) {
    let before = expected.clone();
    for event in events(expected).iter_mut().filter(|event| comes_after_stop(case, &before, event)) {
        if event["error"] == "TaskFailed" {
            event["error"] = json!("TaskStopped");
        } else if event["ev"] == "done" {
            event["err"] = json!({ "type": "TaskStopped" });
        }
    }
}

/// So that it cannot be resumed.
fn nothing_to_resume(case: &Case, _: &mut Value, actual: &mut Value) {
    let before = actual.clone();
    let refused = |event: &Value| event["op"] == "resume" && event["error"] == "NotPaused";
    events(actual).retain(|event| !(refused(event) && comes_after_stop(case, &before, event)));
}
