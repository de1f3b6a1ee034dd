//! The table of the differences between twisty and Twisted that are meant.

use serde_json::{Value, json};

use super::case::Case;
use super::policy;
use crate::report::Departure;

/// Changes what was expected.
type Rule = fn(&Case, &mut Value);

/// All departures. `D` numbers are those of "Keep and diverge", `C` numbers Twisted's rules.
#[rustfmt::skip]
const TABLE: &[(Departure, Rule)] = &[
    (Departure {
        name: "no delay is over the longest",
        reason: "D10: in Twisted the first one may be, and one that chance has made longer",
    }, no_longer_than_allowed),
    (Departure {
        name: "chance has a part in proportion to the delay",
        reason: "D10: backoffPolicy adds up to a second to any delay, and so goes over its longest one",
    }, chance_in_proportion),
];

/// The departure after which nothing differs.
pub(super) fn explain(case: &Case, actual: &Value, same: fn(&Value, &Value) -> bool) -> Option<&'static Departure> {
    let explains = |rule: Rule| {
        let mut expected = case.expect.clone();
        rule(case, &mut expected);
        same(actual, &expected)
    };
    TABLE.iter().find(|(_, rule)| explains(*rule)).map(|(departure, _)| departure)
}

fn no_longer_than_allowed(case: &Case, expected: &mut Value) {
    let longest = case.number("max_delay").unwrap_or(3600.0);
    for list in ["events", "states"] {
        for entry in expected[list].as_array_mut().into_iter().flatten() {
            if let Some(delay) = entry["delay"].as_f64() {
                entry["delay"] = json!(delay.min(longest));
            }
        }
    }
}

fn chance_in_proportion(case: &Case, expected: &mut Value) {
    policy::without_chance(case, expected);
}
