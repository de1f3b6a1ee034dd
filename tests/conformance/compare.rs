//! What happened against what was expected, event by event.

use std::fmt::{Debug, Display};

use serde::Deserialize;
use serde_json::Value;

use crate::report::Departure;

/// Something observable.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Event<What> {
    /// The operation during which it happened.
    pub(crate) at: usize,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// The first place where the two do not agree.
pub(crate) struct Difference<'a, C, E> {
    pub(crate) case: &'a C,
    /// What was expected before, and came.
    pub(crate) before: &'a [E],
    /// What is expected from here on.
    pub(crate) expected: &'a [E],
    /// What came instead.
    pub(crate) actual: &'a [E],
}

impl<'a, C, E> Difference<'a, C, E> {
    /// What each of the two begins with.
    pub(crate) fn heads(&self) -> Option<(&'a E, &'a E)> {
        Some((self.expected.first()?, self.actual.first()?))
    }
}

/// How the comparison goes on once a difference is explained.
pub(crate) enum Ruling {
    /// Behind so many expected and so many actual events.
    GoOnBehind { expected: usize, actual: usize },
    /// Not at all: from here on the two are in different states.
    StopHere,
}

/// Whether a departure explains a difference, and how far.
pub(crate) type Rule<C, E> = fn(&Difference<'_, C, E>) -> Option<Ruling>;

/// A family's departures.
pub(crate) type Table<C, E> = &'static [(Departure, Rule<C, E>)];

/// Walks through both. At each difference the table is asked for a departure that explains it; then the walk goes on
/// behind it, or ends there if the departure says so. The case says of itself what it did.
pub(crate) fn compare<C: Display, E: PartialEq + Debug>(
    table: Table<C, E>,
    case: &C,
    expected: &[E],
    actual: &[E],
) -> Result<Vec<&'static Departure>, String> {
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
        let mut explain = table.iter().filter_map(|(departure, rule)| Some((departure, rule(&difference)?)));
        let Some((departure, ruling)) = explain.next() else {
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

fn describe<C: Display, E: Debug>(difference: &Difference<'_, C, E>) -> String {
    const SHOWN: usize = 6;
    let Difference { case, before, expected, actual } = difference;
    let list = |events: &[E]| {
        let lines = events.iter().take(SHOWN).map(|event| format!("      {event:?}\n"));
        lines.collect::<String>()
    };
    let before = list(&before[before.len().saturating_sub(SHOWN)..]);
    let (expected, actual) = (list(expected), list(actual));
    format!("{case}    after\n{before}    Twisted\n{expected}    twisty\n{actual}")
}

/// Operations as [`describe`] shows them.
pub(crate) fn operations<O: Debug>(ops: &[O]) -> String {
    let lines = ops.iter().enumerate().map(|(at, op)| format!("      at {at}: {op:?}\n")).take(40);
    format!("    operations\n{}", lines.collect::<String>())
}

/// Departures that make of what Twisted did what twisty is to do instead, or take out of both what they speak for: they change
/// what was expected, and what came.
pub(crate) type Reconciling<C> = &'static [(Departure, fn(&C, &mut Value, &mut Value))];

/// The departure after which nothing differs.
pub(crate) fn reconcile<C>(
    table: Reconciling<C>,
    case: &C,
    expected: &Value,
    actual: &Value,
) -> Option<&'static Departure> {
    let explains = |rule: fn(&C, &mut Value, &mut Value)| {
        let (mut expected, mut actual) = (expected.clone(), actual.clone());
        rule(case, &mut expected, &mut actual);
        same(&actual, &expected)
    };
    table.iter().find(|(_, rule)| explains(*rule)).map(|(departure, _)| departure)
}

/// Equal, numbers with the tolerance that the vectors allow.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let [one, other] = [one, other].map(|number| number.as_f64().unwrap_or(f64::NAN));
            (one - other).abs() <= 1e-9 * other.abs().max(1.0)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}
