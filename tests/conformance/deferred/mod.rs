//! The families `deferred`, programs on a pool of Deferreds, `deferred_list`, the same with several of them at once, and
//! `deferred_scale`, long chains.
//!
//! - [`value`]: values and errors, as vectors spell them.
//! - [`case`]: what a vector says.
//! - [`pool`]: numbered Deferreds that all hold the same type, as a dynamic language has them.
//! - [`replay`]: a case, operation by operation; [`several`]: those of `deferred_list`.
//! - [`ending`]: what is seen of the pool when the program is over.
//! - [`departures`]: the table of the differences that are meant.
//! - [`scale`]: the chains that are given by parameters.

mod case;
mod departures;
mod ending;
mod pool;
mod replay;
pub(crate) mod scale;
mod several;
pub(crate) mod value;

use crate::compare::compare;
use crate::report::Departure;

/// Replays one case; the departures it stands under, or what differs without one.
pub(crate) fn replay(json: &str) -> Result<Vec<&'static Departure>, String> {
    let mut case: case::Case = serde_json::from_str(json).map_err(|error| format!("    it cannot be read: {error}"))?;
    let expected = std::mem::take(&mut case.expect).into_events(case.ops.len());
    let actual = replay::replay(&case);
    compare(departures::TABLE, &case, &expected, &actual)
}
