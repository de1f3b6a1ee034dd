//! What happened against what was expected, event by event.

use super::case::{Case, Event};
use super::departures::{Rule, Ruling, TABLE};
use crate::report::Departure;

/// The first place where the two do not agree.
pub(super) struct Difference<'a> {
    pub(super) case: &'a Case,
    /// What was expected before, and came.
    pub(super) before: &'a [Event],
    /// What is expected from here on; the ending is always the last of it.
    pub(super) expected: &'a [Event],
    /// What came instead.
    pub(super) actual: &'a [Event],
}

/// Walks through both. At each difference the table is asked for a departure that explains it; then the walk goes on
/// behind it, or ends there if the departure says so.
pub(super) fn compare(case: &Case, expected: &[Event], actual: &[Event]) -> Result<Vec<&'static Departure>, String> {
    let (mut e, mut a) = (0, 0);
    let mut found: Vec<&'static Departure> = Vec::new();
    while (e, a) != (expected.len(), actual.len()) {
        if let (Some(one), Some(other)) = (expected.get(e), actual.get(a))
            && one == other
        {
            (e, a) = (e + 1, a + 1);
            continue;
        }
        let difference = Difference { case, before: &expected[..e], expected: &expected[e..], actual: &actual[a..] };
        let explain = |(departure, rule): &'static (Departure, Rule)| Some((departure, rule(&difference)?));
        let Some((departure, ruling)) = TABLE.iter().find_map(explain) else {
            return Err(describe(&difference));
        };
        if !found.iter().any(|known| known.name == departure.name) {
            found.push(departure);
        }
        match ruling {
            Ruling::GoOnBehind { expected, actual } => (e, a) = (e + expected, a + actual),
            Ruling::StopHere => break,
        }
    }
    Ok(found)
}

fn describe(difference: &Difference<'_>) -> String {
    const SHOWN: usize = 6;
    let Difference { case, before, expected, actual } = difference;
    let list = |events: &[Event]| {
        let lines = events.iter().take(SHOWN).map(|event| format!("      at {}: {:?}\n", event.at, event.what));
        lines.collect::<String>()
    };
    let operations = case.ops.iter().enumerate().map(|(at, op)| format!("      at {at}: {op:?}\n")).take(40);
    format!(
        "    {:?}\n    operations\n{}    after\n{}    Twisted\n{}    twisty\n{}",
        case.config,
        operations.collect::<String>(),
        list(&before[before.len().saturating_sub(SHOWN)..]),
        list(expected),
        list(actual),
    )
}
