//! What a vector says.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use twisty::client::Backoff;

#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) kind: String,
    pub(super) config: Value,
    #[serde(default)]
    pub(super) ops: Value,
    #[serde(default)]
    pub(super) attempts: Vec<usize>,
    pub(super) expect: Value,
}

impl Case {
    /// A number of the configuration, if it is given.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.config[key].as_f64()
    }

    /// `backoff` with what the configuration says otherwise. Starting over is left to the vector.
    pub(super) fn backoff(&self, mut backoff: Backoff) -> Backoff {
        backoff = backoff.reset_after(None);
        if let Some(initial) = self.number("initial_delay").or(self.number("delay")) {
            backoff = backoff.initial(Duration::from_secs_f64(initial));
        }
        if let Some(max) = self.number("max_delay") {
            backoff = backoff.max(Duration::from_secs_f64(max));
        }
        if let Some(factor) = self.number("factor") {
            backoff = backoff.factor(factor);
        }
        if let Some(retries) = self.config["max_retries"].as_u64() {
            backoff = backoff.retries(u32::try_from(retries).expect("a small number"));
        }
        backoff
    }
}
