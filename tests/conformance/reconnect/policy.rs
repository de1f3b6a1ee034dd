//! Cases of kind `policy`.

use std::time::Duration;

use serde_json::{Value, json};
use twisty::client::backoff_policy;

use crate::task::case::Case;

/// The operations of such a case are the numbers of attempts.
pub(super) fn replay(case: &Case) -> Value {
    let config = &case.config;
    let seconds = |key: &str, default: f64| config[key].as_f64().unwrap_or(default);
    let time = |key: &str, default: f64| Duration::from_secs_f64(seconds(key, default));
    let jitter = time("jitter", 0.0);
    let (initial, max) = (time("initial_delay", 1.0), time("max_delay", 60.0));
    let mut policy = backoff_policy(initial, max, seconds("factor", 1.5), move || jitter);
    let attempts = case.ops().filter_map(|(_, attempt)| attempt.as_u64());
    let delays: Vec<f64> =
        attempts.map(|attempt| policy(attempt.try_into().unwrap_or(u32::MAX)).as_secs_f64()).collect();
    json!({ "delays": delays })
}
