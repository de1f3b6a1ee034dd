//! The family `deferred_list`: lists, gathers and races of Deferreds of the pool.
//!
//! With twisty the members move into the list, and nobody has them any more. With Twisted they go on afterwards, with the
//! result that the list has seen too. So here each keeps a copy of its result, and goes on with that when the list has
//! had it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use twisty::deferred::FirstSuccess;
use twisty::testing::UnhandledFailures;
use twisty::{Deferred, DeferredList, Failure};

use super::case::Several;
use super::pool::{Pool, Result};
use super::value::{Error, Indexed, Outcome, Value};

/// What a member goes on with.
#[derive(Clone, Copy, PartialEq)]
enum GoesOnWith {
    ItsResult,
    ItsValue,
    Nothing,
}

impl GoesOnWith {
    const fn after_a_list(list: &Several) -> Self {
        if list.consume_errors { Self::ItsValue } else { Self::ItsResult }
    }

    fn of(self, result: Result) -> Result {
        match result {
            Ok(value) if self != Self::Nothing => Ok(value),
            Err(failure) if self == Self::ItsResult => Err(failure),
            _ => Ok(Value::None),
        }
    }
}

pub(super) fn list(pool: &Pool, it: &Several) {
    join(pool, it, GoesOnWith::after_a_list(it), |members| {
        let mut list = DeferredList::new(members);
        if it.fire_on_one_errback {
            list = list.fire_on_one_errback();
        }
        // Failures besides the first success are reported, as those of the copies are, which are the ones that count.
        if it.consume_errors || it.fire_on_one_callback {
            list = list.consume_errors();
        }
        if it.fire_on_one_callback { list.first().map(first) } else { list.all().map(|all| results(&all)) }
    });
}

pub(super) fn gather(pool: &Pool, it: &Several) {
    join(pool, it, GoesOnWith::after_a_list(it), |members| {
        twisty::gather(members).map(|gathered| Value::Gathered { gathered })
    });
}

pub(super) fn race(pool: &Pool, it: &Several) {
    join(pool, it, GoesOnWith::Nothing, |members| {
        twisty::race(members).map(|(index, value)| Value::Winner { winner: Indexed { index, value: Box::new(value) } })
    });
}

fn results(results: &[Result]) -> Value {
    Value::Results { results: results.iter().map(Outcome::of).collect() }
}

fn first(first: FirstSuccess<Value>) -> Value {
    match first {
        FirstSuccess::First { index, value } => Value::First { first: Indexed { index, value: Box::new(value) } },
        FirstSuccess::AllFailed(failures) => results(&failures.into_iter().map(Err).collect::<Vec<_>>()),
    }
}

/// Makes the list. A failure that comes too late for it is the member's in Twisted, so here it is the copy that counts,
/// and what the list reports does not.
fn join(
    pool: &Pool,
    it: &Several,
    goes_on_with: GoesOnWith,
    make: impl FnOnce(Vec<Deferred<Value>>) -> Deferred<Value>,
) {
    let has_fired = Rc::new(Cell::new(false));
    let members = it.members.iter().map(|member| lend(pool, *member, goes_on_with, &has_fired)).collect();
    let reported_by_the_list = UnhandledFailures::forbid();
    let list = make(members);
    drop(reported_by_the_list.take());
    let list = list.add_both(move |result| {
        has_fired.set(true);
        result
    });
    pool.insert(it.d, None, list);
}

/// What the list gets of a member. What is left in the pool goes on afterwards.
fn lend(pool: &Pool, d: usize, goes_on_with: GoesOnWith, has_fired: &Rc<Cell<bool>>) -> Deferred<Value> {
    let copy = Rc::new(RefCell::new(None));
    let (saved, has_fired) = (Rc::clone(&copy), Rc::clone(has_fired));
    let handle = pool.with(d, |entry| entry.handle.take()).expect("lists are made between callbacks");
    let (lent, rest) = handle.add_both(move |result| save(result, &saved)).hand_over();
    let rest = rest.add_callback(move |()| goes_on_with.of(copy.take().expect("the list came first")));
    pool.with(d, |entry| entry.handle = Some(rest));
    lent.add_errback(move |why| if has_fired.get() { Ok(Value::None) } else { Err(why) })
}

fn save(result: Result, copy: &RefCell<Option<Result>>) -> Result {
    *copy.borrow_mut() = Some(match &result {
        Ok(value) => Ok(value.clone()),
        Err(failure) => Err(clone(failure)),
    });
    result
}

fn clone(failure: &Failure) -> Failure {
    match Error::of(failure) {
        Error::Twisty(text) => Failure::message(text),
        error => error.failure(),
    }
}
