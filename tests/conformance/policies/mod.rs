//! The family `policies`: TimeoutMixin, TimeoutFactory, limits on connections, ThrottlingFactory.
//!
//! - [`case`]: what a vector says, and what is noted while it is replayed.
//! - [`mixin`]: a protocol with a time-out that it changes as it runs.
//! - [`wrapped`]: all the others, a factory under policies.
//! - [`departures`]: the table of the differences that are meant.

mod case;
mod departures;
mod mixin;
mod wrapped;

use crate::compare::same;
use crate::report::Departure;
use case::Case;

/// Replays one case; the departures it stands under, or what differs without one.
pub(crate) fn replay(json: &str) -> Result<Vec<&'static Departure>, String> {
    let case: Case = serde_json::from_str(json).map_err(|error| format!("    it cannot be read: {error}"))?;
    let actual = match &*case.kind {
        "timeout_mixin" => mixin::replay(&case),
        "idle" | "limit_total" | "limit_peer" | "throttle" => wrapped::replay(&case),
        kind => return Err(format!("    there is no kind {kind}")),
    };
    if same(&actual, &case.expect) {
        return Ok(Vec::new());
    }
    match departures::explain(&case, &actual) {
        Some(departure) => Ok(vec![departure]),
        None => {
            let ops = serde_json::Value::from(case.ops.clone());
            Err(format!("    {}\n    {ops}\n    Twisted {}\n    twisty  {actual}", case.config, case.expect))
        }
    }
}
