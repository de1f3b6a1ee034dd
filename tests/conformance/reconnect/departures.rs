//! The table of the differences between twisty and Twisted that are meant.

use serde_json::{Value, json};

use super::factory;
use crate::compare::{self, Reconciling};
use crate::report::Departure;
use crate::task::case::Case;

/// All departures. `D` numbers are those of "Keep and diverge", `C` numbers Twisted's rules.
#[rustfmt::skip]
const OF_FACTORIES: Reconciling<Case> = &[
    (Departure {
        name: "a delay stays between nothing and the longest, whatever chance does",
        reason: "D10: Twisted draws a delay behind the limit, and then goes on from there",
    }, delays_have_limits),
    (Departure {
        name: "there is one first delay",
        reason: "D10, C1: in Twisted `delay` and `initialDelay` are two, of which one is ignored until a reset",
    }, one_first_delay),
    (Departure {
        name: "one connector waits for one attempt",
        reason: "C1: in Twisted an attempt that is not the last one scheduled can no longer be cancelled",
    }, one_attempt),
];

#[rustfmt::skip]
const OF_SERVICES: Reconciling<Case> = &[
    (Departure {
        name: "a connection that could not be prepared is closed",
        reason: "C2: in Twisted it stays open, and its loss is an error of the state machine",
    }, unprepared_is_closed),
    (Departure {
        name: "a service that stops while it prepares a connection waits for its end",
        reason: "C2: Twisted says that it has stopped, and leaves the connection open",
    }, stops_with_its_connection),
    (Departure {
        name: "a connection that is lost while it is prepared is a failed attempt",
        reason: "C2: in Twisted it is an error of the state machine, and nothing connects again",
    }, lost_while_prepared),
];

/// The departure after which nothing differs.
pub(super) fn explain(case: &Case, actual: &Value) -> Option<&'static Departure> {
    let table = match &*case.kind {
        "factory" => OF_FACTORIES,
        "service" => OF_SERVICES,
        _ => &[],
    };
    compare::reconcile(table, case, &case.expect, actual)
}

fn list<'a>(outcome: &'a mut Value, key: &str) -> &'a mut Vec<Value> {
    match outcome[key].as_array_mut() {
        Some(list) => list,
        None => panic!("no list of {key}"),
    }
}

/// Up to the first delay beyond a limit; that one is the limit.
fn delays_have_limits(case: &Case, expected: &mut Value, actual: &mut Value) {
    let max = factory::max_delay(&case.config);
    for state in list(expected, "states") {
        state["delay"] = json!(state["delay"].as_f64().map(|delay| delay.clamp(0.0, max)));
    }
    let beyond = |event: &&mut Value| event["delay"].as_f64().is_some_and(|delay| !(0.0..=max).contains(&delay));
    let Some(event) = list(expected, "events").iter_mut().find(beyond) else { return };
    event["delay"] = json!(event["delay"].as_f64().map(|delay| delay.clamp(0.0, max)));
    let last = event["at"].clone();
    keep_until(expected, actual, &last);
}

/// Forgets what came after an operation, and what state that left behind.
fn keep_until(expected: &mut Value, actual: &mut Value, last: &Value) {
    let last = last.as_u64().unwrap_or_default();
    for outcome in [expected, actual] {
        list(outcome, "events").retain(|event| event["at"].as_u64() <= Some(last));
        outcome["states"] = Value::Null;
    }
}

/// What came before the first reset, or nothing where they differ from the start.
fn one_first_delay(case: &Case, expected: &mut Value, actual: &mut Value) {
    let config = &case.config;
    let (now, first) = (config["delay"].as_f64(), config["initial_delay"].as_f64());
    let both = now.unwrap_or(1.0) != first.unwrap_or(1.0);
    let reset = case.ops().find(|(_, op)| op["op"] == "reset_delay");
    let known = if now.is_some() { reset.map_or(u64::MAX, |(at, _)| at as u64) } else { 0 };
    if both {
        for outcome in [expected, actual] {
            list(outcome, "events").retain(|event| event["at"].as_u64() < Some(known));
            outcome["states"] = Value::Null;
        }
    }
}

/// In cases that schedule one while another is pending; what was done before is compared.
fn one_attempt(case: &Case, expected: &mut Value, actual: &mut Value) {
    let pending = |state: &Value| state["pending"].as_u64() > Some(1);
    let twice = list(expected, "states").iter().position(pending);
    let reset = case.ops().find(|(_, op)| op["op"] == "reset_delay").map(|(at, _)| at);
    if let Some(last) = twice.or(reset) {
        keep_until(expected, actual, &json!(last));
    }
}

fn unprepared_is_closed(_: &Case, expected: &mut Value, actual: &mut Value) {
    let actual = list(actual, "events");
    let closes: Vec<usize> = (1..actual.len())
        .filter(|next| actual[*next]["ev"] == "retry_in" && actual[next - 1]["ev"] == "lose")
        .map(|next| next - 1)
        .collect();
    for close in closes.into_iter().rev() {
        actual.remove(close);
    }
    list(expected, "events").retain(|event| event["ev"] != "op_error");
}

fn stops_with_its_connection(_: &Case, expected: &mut Value, actual: &mut Value) {
    let cancels = |events: &[Value]| events.iter().any(|event| event["ev"] == "prepare_cancelled");
    if cancels(list(expected, "events")) && cancels(list(actual, "events")) {
        list(expected, "events").retain(|event| event["ev"] != "stopped");
        list(actual, "events").retain(|event| event["ev"] != "lose");
    }
}

fn lost_while_prepared(_: &Case, expected: &mut Value, actual: &mut Value) {
    let Some(error) = list(expected, "events").iter().position(|event| event["ev"] == "op_error") else { return };
    list(expected, "events").truncate(error);
    let retries = list(actual, "events").get(error).is_some_and(|event| event["ev"] == "retry_in");
    if retries {
        list(actual, "events").truncate(error);
        expected["pending"] = actual["pending"].clone();
    }
}
