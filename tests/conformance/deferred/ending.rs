//! What is seen of the pool when the program is over: by looking at each Deferred, or by dropping it.

use std::collections::BTreeMap;
use std::rc::Rc;

use twisty::testing::UnhandledFailures;
use twisty::{Deferred, ResolverDropped};

use super::case::{Behaviour, Final};
use super::pool::Entry;
use super::replay::Program;
use super::value::{Error, Outcome};

/// All but what is reported.
pub(super) fn looked_at(program: &Rc<Program>) -> Vec<Final> {
    program.is_over.set(true);
    let pool = &program.pool;
    let mut finals: Vec<Final> = pool.numbers().into_iter().map(|d| pool.with(d, |entry| state(d, entry))).collect();
    let (held, others): (Vec<&mut Final>, Vec<_>) =
        finals.iter_mut().partition(|state| state.called && state.result.is_none());
    others.iter().for_each(|state| drop(pool.with(state.d, |entry| std::mem::take(&mut entry.pauses))));
    probe(program);
    for state in held {
        let result = held_by(program, state.d);
        state.unhandled_unspecified = matches!(result, Outcome::Err(_));
        state.result = Some(result);
    }
    pool.numbers().into_iter().for_each(|d| drop(pool.remove(d)));
    finals
}

/// What is paused does not tell its result.
fn state(d: usize, entry: &mut Entry) -> Final {
    let called = entry.handle.as_ref().is_some_and(Deferred::is_called);
    let explicitly = entry.pauses.len();
    let result = match entry.waits_on {
        _ if !called => None,
        Some(inner) => Some(Outcome::Wait(inner)),
        None if explicitly > 0 => None,
        None => {
            let result = entry.handle.take().and_then(|handle| handle.into_result().ok());
            Some(result.map_or(Outcome::Lost, |result| Outcome::of(&result)))
        }
    };
    let paused = explicitly + usize::from(entry.waits_on.is_some());
    Final { d, called, paused, result, unhandled: None, unhandled_unspecified: false }
}

/// Adds to all that are left a function that sees what comes to the end.
fn probe(program: &Rc<Program>) {
    for d in program.pool.numbers() {
        if program.pool.with(d, |entry| entry.handle.is_some()) {
            let probe = program.slot(d, 0, Behaviour::Pass);
            program.pool.change(d, |handle| handle.add_both(probe));
        }
    }
}

/// What a paused Deferred holds is what the first function gets that runs when it goes on, since all pass it now.
fn held_by(program: &Program, d: usize) -> Outcome {
    program.first_input.take();
    drop(program.pool.with(d, |entry| std::mem::take(&mut entry.pauses)));
    program.first_input.take().unwrap_or(Outcome::Lost)
}

/// What is reported when they are dropped.
pub(super) struct Reports {
    pub(super) by_number: BTreeMap<usize, Error>,
    /// Failures reported too early, or more of them than there are Deferreds.
    pub(super) strange: Vec<Error>,
}

/// Drops one after the other, and last those that hold something because they are paused: it goes on then. Resolvers
/// that have not fired are kept until the end: dropping them is no part of the program, and fails their Deferreds.
pub(super) fn dropped(program: &Program, unhandled: &UnhandledFailures) -> Reports {
    program.is_over.set(true);
    let mut strange = unhandled.take();
    let mut by_number = BTreeMap::new();
    let mut unfired = Vec::new();
    let mut numbers = program.pool.numbers();
    numbers.sort_by_key(|d| program.pool.with(*d, |entry| !entry.pauses.is_empty() && entry.waits_on.is_none()));
    for d in numbers {
        let Entry { handle, resolver, pauses, .. } = program.pool.remove(d);
        unfired.extend(resolver.filter(|resolver| !resolver.is_called()));
        // A resolver elsewhere, in the callbacks of another one, would keep the result: it is dropped by itself.
        drop((handle.map(|handle| handle.into_result().map(Deferred::from)), pauses));
        let mut failures = unhandled.take().into_iter();
        by_number.extend(failures.next().map(|failure| (d, Error::of(&failure))));
        strange.extend(failures);
    }
    drop(unfired);
    // A list's failure has the one in it that a member got so.
    let (dropped, failures) = (ResolverDropped.to_string(), unhandled.take().into_iter());
    strange.extend(failures.filter(|failure| !failure.to_string().contains(&dropped)));
    Reports { by_number, strange: strange.iter().map(Error::of).collect() }
}
