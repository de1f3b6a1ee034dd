//! The family `task`: Clock, LoopingCall, deferLater and Cooperator.
//!
//! - [`case`]: what a vector says.
//! - [`clock`], [`looping`], [`later`], [`coop`]: a case of that kind, operation by operation, under a manual clock.
//! - [`departures`]: the table of the differences that are meant.

pub(crate) mod case;
mod clock;
mod coop;
mod departures;
mod later;
mod looping;

use crate::compare::same;
use crate::report::Departure;
use case::Case;

/// Replays one case; the departures it stands under, or what differs without one.
pub(crate) fn replay(json: &str) -> Result<Vec<&'static Departure>, String> {
    let case: Case = serde_json::from_str(json).map_err(|error| format!("    it cannot be read: {error}"))?;
    let actual = match &*case.kind {
        "clock" => clock::replay(&case),
        "loop" => looping::replay(&case),
        "later" => later::replay(&case),
        "coop" => coop::replay(&case),
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
