//! Cases of kind `policy`: the delays of `backoffPolicy`, by number.

use std::time::Duration;

use serde_json::{Value, json};
use twisty::client::Backoff;

use super::case::Case;

pub(super) fn replay(case: &Case) -> Value {
    let backoff = case.backoff(Backoff::new().max(Duration::from_secs(60)).factor(1.5).jitter(0.0));
    let delay = |attempt: &usize| backoff.delays().nth(*attempt).expect("it never ends").as_secs_f64();
    json!({ "delays": case.attempts.iter().map(delay).collect::<Vec<_>>() })
}

/// What chance adds, taken away.
pub(super) fn without_chance(case: &Case, delays: &mut Value) {
    let added = case.number("jitter").unwrap_or_default();
    for delay in delays["delays"].as_array_mut().into_iter().flatten() {
        *delay = json!(delay.as_f64().map(|delay| delay - added));
    }
}
