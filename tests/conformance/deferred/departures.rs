//! The table of the differences between twisty and Twisted that are meant.
//!
//! Most concern one or two cases only: they are among the quirks that were recorded to be known, not to be copied.

use twisty::DeferredCycle;

use super::case::{Behaviour, Case, Event, Op, What};
use super::value::{Error, Outcome, Value};
use crate::compare::{self, Ruling, Table};
use crate::report::Departure;

type Difference<'a> = compare::Difference<'a, Case, Event>;

/// All departures. A decision is one of "Keep and diverge"; `D` numbers are Twisted's rules of Deferreds.
#[rustfmt::skip]
pub(super) const TABLE: Table<Case, Event> = &[
    (Departure {
        name: "what is made fired cannot be fired again",
        reason: "decision 9, D9: `succeed`, `fail` and `maybe_deferred` make no resolver: impossible by type",
    }, fired_by_type),
    (Departure {
        name: "the target of chain_deferred is fired by nobody else",
        reason: "decision 9: the source takes its resolver, and what is made fired has none; so no AlreadyCalledError \
                 can become the source's result",
    }, chained_by_type),
    (Departure {
        name: "a pause inside a run takes effect",
        reason: "decision 9, D21: the callbacks behind the one that pauses its own Deferred wait",
    }, pause_inside_a_run),
    (Departure {
        name: "no unpause without a pause",
        reason: "decision 9, D22: a pause is a value that ends once, so the count cannot become negative",
    }, no_unpause_alone),
    (Departure {
        name: "a callback that returns its own Deferred has failed",
        reason: "decision 9, D12: it would wait for itself for ever",
    }, cycle_fails),
    (Departure {
        name: "a Deferred that is running is waited for",
        reason: "decision 9, D13: its last result is handed over, not the one of the moment, which two would then have",
    }, running_is_waited_for),
    (Departure {
        name: "the outer Deferred goes on before the inner one, whatever is added meanwhile",
        reason: "decision 9, D15: in Twisted an addition to the inner one, of all things, puts it first",
    }, outer_first),
    (Departure {
        name: "the inner Deferred goes on when its result is taken over by a paused one",
        reason: "decision 9, D15: in Twisted it stalls until something else touches it",
    }, inner_does_not_stall),
    (Departure {
        name: "a race or a first success of none is decided at once",
        reason: "decision 9, D41, D46: in Twisted it never fires",
    }, none_is_decided),
    (Departure {
        name: "a list that has fired and waits passes cancel on",
        reason: "D31, D44: as every Deferred does; in Twisted DeferredList forgets to",
    }, list_passes_cancel_on),
];

const ONE_FOR_ONE: Option<Ruling> = Some(Ruling::GoOnBehind { expected: 1, actual: 1 });

fn fired_by_type(difference: &Difference<'_>) -> Option<Ruling> {
    let What::OpError { d: fired, .. } = &difference.expected.first()?.what else { return None };
    let makes = |op: &Op| match op {
        Op::Succeed { d, .. } | Op::Fail { d, .. } | Op::MaybeDeferred { d, .. } => d == fired,
        _ => false,
    };
    difference.case.ops.iter().any(makes).then_some(Ruling::GoOnBehind { expected: 1, actual: 0 })
}

fn chained_by_type(difference: &Difference<'_>) -> Option<Ruling> {
    let What::Call { d: source, input, .. } = &difference.expected.first()?.what else { return None };
    let chains = |op: &Op| matches!(op, Op::ChainDeferred { d, .. } if d == source);
    let meant = *input == Outcome::Err(Error::AlreadyCalledError) && difference.case.ops.iter().any(chains);
    meant.then_some(Ruling::StopHere)
}

/// What Twisted runs in that very operation, twisty does not run before a later one.
fn pause_inside_a_run(difference: &Difference<'_>) -> Option<Ruling> {
    let (expected, actual) = difference.heads()?;
    let What::Call { d: running, .. } = expected.what else { return None };
    let pauses = |op: &Op| matches!(op, Op::Pause { d } if *d == running);
    let pauses_itself = done_inside(difference.case).any(|(d, op)| d == running && pauses(op));
    (pauses_itself && actual.at > expected.at).then_some(Ruling::StopHere)
}

fn no_unpause_alone(difference: &Difference<'_>) -> Option<Ruling> {
    let What::Call { d: called, .. } = difference.actual.first()?.what else { return None };
    let mut pauses = 0;
    let alone = difference.case.ops.iter().any(|op| {
        match op {
            Op::Pause { d } if *d == called => pauses += 1,
            Op::Unpause { d } if *d == called => pauses -= 1,
            _ => {}
        }
        pauses < 0
    });
    alone.then_some(Ruling::StopHere)
}

fn cycle_fails(difference: &Difference<'_>) -> Option<Ruling> {
    let cycle = What::Reported(Error::Twisty(DeferredCycle.to_string()));
    (difference.actual.first()?.what == cycle).then_some(Ruling::StopHere)
}

/// Only in what the two hold in the end.
fn running_is_waited_for(difference: &Difference<'_>) -> Option<Ruling> {
    let (What::Final(expected), What::Final(actual)) = difference.heads().map(|(e, a)| (&e.what, &a.what))? else {
        return None;
    };
    let fires = |op: &Op, outer| matches!(op, Op::Callback { d, .. } if *d == outer);
    let lent = returned(difference.case).filter(|(outer, inner)| {
        done_inside(difference.case).any(|(running, op)| running == *inner && fires(op, *outer))
    });
    let mut lent = lent.filter(|(outer, inner)| [*outer, *inner].contains(&expected.d));
    let (_, inner) = lent.next()?;
    let taken_from_inner = actual.result == Some(Outcome::Ok(Value::None));
    if expected.d != inner || taken_from_inner { ONE_FOR_ONE } else { None }
}

/// The same happens within the operation, in another order.
fn outer_first(difference: &Difference<'_>) -> Option<Ruling> {
    let at = difference.expected.first()?.at;
    let now = |events: &[Event]| events.iter().take_while(|event| event.at == at).count();
    let (expected, actual) =
        (&difference.expected[..now(difference.expected)], &difference.actual[..now(difference.actual)]);
    let same = expected.len() == actual.len() && expected.iter().all(|event| actual.contains(event));
    let adds = |op: &Op, inner| matches!(op, Op::AddCallback { d, .. } if *d == inner);
    let added_meanwhile = returned(difference.case)
        .any(|(outer, inner)| done_inside(difference.case).any(|(running, op)| running == outer && adds(op, inner)));
    (same && added_meanwhile).then_some(Ruling::GoOnBehind { expected: expected.len(), actual: actual.len() })
}

/// The same, in an earlier operation.
fn inner_does_not_stall(difference: &Difference<'_>) -> Option<Ruling> {
    let (expected, actual) = difference.heads()?;
    let What::Call { d: called, .. } = expected.what else { return None };
    let earlier = expected.what == actual.what && actual.at < expected.at;
    let pauses = |outer| difference.case.ops.iter().any(|op| matches!(op, Op::Pause { d } if *d == outer));
    let taken_over = returned(difference.case).any(|(outer, inner)| inner == called && pauses(outer));
    if earlier && taken_over { ONE_FOR_ONE } else { None }
}

fn none_is_decided(difference: &Difference<'_>) -> Option<Ruling> {
    let What::Call { d: called, .. } = difference.actual.first()?.what else { return None };
    let of_none = |op: &Op| match op {
        Op::Race(it) => it.d == called && it.members.is_empty(),
        Op::DeferredList(it) => it.d == called && it.members.is_empty() && it.fire_on_one_callback,
        _ => false,
    };
    difference.case.ops.iter().any(of_none).then_some(Ruling::StopHere)
}

fn list_passes_cancel_on(difference: &Difference<'_>) -> Option<Ruling> {
    let actual = difference.actual.first()?;
    let What::Canceller { d: cancelled } = actual.what else { return None };
    let Op::Cancel { d: list } = difference.case.ops.get(actual.at)? else { return None };
    let is_list = |op: &Op| matches!(op, Op::DeferredList(it) if it.d == *list);
    let waits = returned(difference.case).any(|lent| lent == (*list, cancelled));
    (waits && difference.case.ops.iter().any(is_list)).then_some(Ruling::StopHere)
}

/// The functions that are added, with the number of the Deferred they are added to.
fn functions(case: &Case) -> impl Iterator<Item = (usize, &Behaviour)> {
    case.ops.iter().flat_map(|op| {
        let (d, one, other) = match op {
            Op::AddCallbacks { d, cb, eb, .. } => (*d, Some(cb), eb.as_ref()),
            Op::AddCallback { d, cb, .. } => (*d, Some(cb), None),
            Op::AddErrback { d, eb, .. } => (*d, None, Some(eb)),
            Op::AddBoth { d, both, .. } => (*d, Some(both), None),
            _ => (0, None, None),
        };
        one.into_iter().chain(other).map(move |behaviour| (d, behaviour))
    })
}

/// The operations that functions do, with the number of the Deferred that is running then.
fn done_inside(case: &Case) -> impl Iterator<Item = (usize, &Op)> {
    functions(case).flat_map(|(running, behaviour)| {
        let ops: &[Op] = if let Behaviour::Seq { ops, .. } = behaviour { ops } else { &[] };
        ops.iter().map(move |op| (running, op))
    })
}

/// Which Deferred's functions return which Deferred.
fn returned(case: &Case) -> impl Iterator<Item = (usize, usize)> {
    functions(case).filter_map(|(outer, behaviour)| match behaviour {
        Behaviour::Defer { d: inner } => Some((outer, *inner)),
        _ => None,
    })
}
