//! The family `framing`: LineReceiver, LineOnlyReceiver, NetstringReceiver and Int8/16/32StringReceiver.
//!
//! - [`case`]: what a vector says.
//! - [`app`]: the application that every case runs, as a protocol over any of the framings.
//! - [`replay`]: a case, operation by operation, against an in-memory server.
//! - [`departures`]: the table of the differences that are meant.

mod app;
mod case;
mod departures;
mod replay;

use crate::compare::compare;
use crate::report::Departure;

/// Replays one case; the departures it stands under, or what differs without one.
pub(crate) fn replay(json: &str) -> Result<Vec<&'static Departure>, String> {
    let mut case: case::Case = serde_json::from_str(json).map_err(|error| format!("    it cannot be read: {error}"))?;
    let expected = std::mem::take(&mut case.expect).into_events();
    let actual = replay::replay(&case);
    compare(departures::TABLE, &case, &expected, &actual)
}
