//! The family `reconnect`: ReconnectingClientFactory, backoffPolicy and ClientService.
//!
//! - [`factory`], [`policy`], [`service`]: a case of that kind, operation by operation, under a manual clock.
//! - [`departures`]: the table of the differences that are meant.

mod departures;
mod factory;
mod policy;
mod service;

use crate::compare::same;
use crate::report::Departure;
use crate::task::case::Case;

/// Replays one case; the departures it stands under, or what differs without one.
pub(crate) fn replay(json: &str) -> Result<Vec<&'static Departure>, String> {
    let case: Case = serde_json::from_str(json).map_err(|error| format!("    it cannot be read: {error}"))?;
    let actual = match &*case.kind {
        "factory" => factory::replay(&case),
        "policy" => policy::replay(&case),
        "service" => service::replay(&case),
        kind => return Err(format!("    there is no kind {kind}")),
    };
    if same(&actual, &case.expect) {
        return Ok(Vec::new());
    }
    match departures::explain(&case, &actual) {
        Some(departure) => Ok(vec![departure]),
        None => {
            Err(format!("    {}\n    {}\n    Twisted {}\n    twisty  {actual}", case.config, case.ops, case.expect))
        }
    }
}
