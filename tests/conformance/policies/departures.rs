//! The table of the differences between twisty and Twisted that are meant.
//!
//! A departure makes of what Twisted did what twisty is to do instead, where that can be said, or takes out of both what
//! it speaks for. The rest of the case is compared as ever.

use serde_json::{Value, json};

use super::case::Case;
use crate::compare::{self, Reconciling};
use crate::report::Departure;

/// All departures. `D` numbers are those of "Keep and diverge", `C` numbers Twisted's rules.
#[rustfmt::skip]
const TABLE: Reconciling<Case> = &[
    (Departure {
        name: "a connection that is closed hears nothing more",
        reason: "D3: in the vectors it stays, with its time-out, until the test says that it is lost",
    }, closed_for_good),
    (Departure {
        name: "a throttle is a token bucket",
        reason: "C4: Twisted lets a second's excess in and then stops everyone; here nothing goes beyond the burst",
    }, bucket),
    (Departure {
        name: "who is turned away with an answer does not count",
        reason: "Twisted counts them as connections, so that those who are turned away keep others out",
    }, overflow_does_not_count),
];

/// The departure after which nothing differs.
pub(super) fn explain(case: &Case, actual: &Value) -> Option<&'static Departure> {
    compare::reconcile(TABLE, case, &case.expect, actual)
}

fn events(outcome: &mut Value) -> &mut Vec<Value> {
    outcome["events"].as_array_mut().expect("a list of events")
}

/// Takes out what Twisted did with a connection behind its `lose`.
fn closed_for_good(case: &Case, expected: &mut Value, actual: &mut Value) {
    let of = |event: &Value| match event["ev"].as_str() {
        // The data of `idle` do not say whose they are, but their operation does.
        Some("data") => event["at"].as_u64().map(|at| case.ops[usize::try_from(at).expect("an index")]["c"].clone()),
        _ => Some(event["c"].clone()),
    };
    let (mut closed, mut kept) = (Vec::new(), Vec::new());
    for event in events(expected).drain(..) {
        if closed.contains(&of(&event)) {
            continue;
        }
        if event["ev"] == "lose" {
            closed.push(of(&event));
        }
        kept.push(event);
    }
    *events(expected) = kept;
    if closed.is_empty() {
        return;
    }
    // It would do nothing more, so what is pending are the others' times.
    let wanted = expected["pending"].as_array().cloned().unwrap_or_default();
    if actual["pending"].as_array().is_some_and(|others| others.iter().all(|time| wanted.contains(time))) {
        expected["pending"] = actual["pending"].clone();
    }
    if case.kind == "timeout_mixin" {
        expected["period"] = actual["period"].clone();
    }
}

/// Of throttled connections, who came in is compared, and that no more was read than in Twisted.
fn bucket(case: &Case, expected: &mut Value, actual: &mut Value) {
    if case.kind != "throttle" || read(actual) > read(expected) {
        return;
    }
    for outcome in [expected, actual] {
        let admission = |event: &Value| event["ev"] == "accepted" || event["ev"] == "refused";
        events(outcome).retain(admission);
    }
}

fn read(outcome: &mut Value) -> u64 {
    events(outcome).iter().filter(|event| event["ev"] == "data").filter_map(|event| event["n"].as_u64()).sum()
}

/// What would have come of it if only those who are served were counted.
fn overflow_does_not_count(case: &Case, expected: &mut Value, _: &mut Value) {
    if case.config["overflow"] != true {
        return;
    }
    let limit = case.config["limit"].as_u64().unwrap_or(u64::MAX);
    let mut open = Vec::new();
    *events(expected) = Vec::new();
    for (at, op) in case.ops.iter().enumerate() {
        let number = &op["c"];
        match op["op"].as_str() {
            Some("connect") => {
                let served = (open.len() as u64) < limit;
                let by = if served { "protocol" } else { "overflow" };
                events(expected).push(json!({ "at": at, "ev": "accepted", "c": number, "by": by }));
                open.extend(served.then_some(number));
            }
            Some("lost") => open.retain(|one| *one != number),
            _ if open.contains(&number) => {
                events(expected).push(json!({ "at": at, "ev": "data", "n": op["n"] }));
            }
            _ => {}
        }
    }
    expected["count"] = json!(open.len());
}
