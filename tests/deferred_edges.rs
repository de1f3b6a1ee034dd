//! Deferreds where they are rarely seen: branches, cycles, panics in `drop`, cancellation at odd moments.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use twisty::testing::{Clock, UnhandledFailures};
use twisty::{
    ConnectionAborted, ConnectionDone, Deferred, DeferredCycle, DeferredList, Failure, FirstError, HandlerPanicked,
    gather, race,
};

const SECOND: Duration = Duration::from_secs(1);

// ---- branches

/// Two branches of a fired Deferred, each waiting for another one, whose cancellation is logged; and what fires those.
fn branches(log: &Rc<RefCell<Vec<&'static str>>>) -> [(twisty::Resolver<u32>, Deferred<u32>); 2] {
    let slow = |name: &'static str| {
        let log = Rc::clone(log);
        Deferred::<u32>::with_canceller(move |_| log.borrow_mut().push(name))
    };
    let ((first, slow_value), (second, slow_rest)) = (slow("value's"), slow("rest's"));
    let (resolver, shared) = Deferred::<u32>::new();
    let (value, rest) = shared.hand_over();
    let branches = [(first, value.add_callback(move |_| slow_value)), (second, rest.add_callback(move |()| slow_rest))];
    resolver.callback(1);
    branches
}

#[test]
fn cancelling_a_branch_leaves_the_other() {
    for branch in [0, 1] {
        let log = Rc::default();
        let branches = branches(&log);
        branches[branch].1.cancel();
        assert_eq!(log.take(), [["value's", "rest's"][branch]]);
        assert!(branches[branch].1.has_result() && !branches[1 - branch].1.has_result());
    }
}

#[test]
fn a_branch_can_be_cancelled_when_the_other_is_done() {
    for done in [0, 1] {
        let branches = branches(&Rc::default());
        branches[done].0.callback(2);
        branches[1 - done].1.cancel();
        assert!(branches.iter().all(|(_, branch)| branch.has_result()), "it can be cancelled no more");
    }
}

#[test]
fn cancelling_a_branch_before_its_value_is_there_cancels_what_both_wait_for() {
    let (inner_resolver, inner) = Deferred::<u32>::new();
    let (value, rest) = Deferred::succeed(()).add_callback(move |()| inner).hand_over();
    let (value, more) = value.hand_over();
    value.cancel();
    assert!(inner_resolver.is_called());
    assert!(value.into_result().expect("it is over").is_err());
    assert!(rest.has_result() && more.has_result());
}

#[test]
fn a_branch_that_is_done_cancels_nothing_of_the_others() {
    let (resolver, shared) = Deferred::<u32>::new();
    let (value, rest) = shared.hand_over();
    let cancelled = Rc::new(Cell::new(false));
    let flag = Rc::clone(&cancelled);
    let (_later, slow) = Deferred::<u32>::with_canceller(move |_| flag.set(true));
    let _rest = rest.add_callback(move |()| slow);
    let task = value.map(|n| n + 1);
    resolver.callback(1);
    task.cancel();
    assert!(!cancelled.get());
}

#[test]
fn a_timeout_of_a_branch_reaches_that_one() {
    let clock = Clock::new();
    let [(_first, value), (_second, rest)] = branches(&Rc::default());
    let value = value.add_timeout(SECOND, &clock);
    clock.advance(SECOND);
    assert!(value.has_result() && !rest.has_result());
}

#[test]
fn branches_nest_to_any_depth() {
    let (resolver, mut value) = Deferred::<u32>::new();
    let mut rests = Vec::new();
    for _ in 0..100_000 {
        let (handed, rest) = value.hand_over();
        rests.push(rest);
        value = handed.map(|n| n + 1);
    }
    value.cancel();
    assert!(resolver.is_called() && value.into_result().expect("it is over").is_err());
    assert!(rests.iter().all(Deferred::has_result));
}

// ---- cancellation

#[test]
fn a_cancel_handle_follows_callbacks_whenever_they_are_added() {
    for fires_first in [false, true] {
        let ((resolver, deferred), (_later, slow)) = (Deferred::<u32>::new(), Deferred::<u32>::new());
        let cancel = deferred.cancel_handle();
        if fires_first {
            resolver.callback(1);
        }
        let deferred = deferred.add_callback(move |_| slow);
        let _unless_it_was_fired = resolver.try_callback(1);
        cancel.cancel();
        assert!(deferred.into_result().expect("it was cancelled").is_err(), "fires first: {fires_first}");
    }
}

// ---- circles

/// So many Deferreds, each waiting for the next one and the last one for the first; what fires the last.
fn circle(length: usize, held: &Rc<()>) -> (twisty::Resolver<()>, twisty::deferred::CancelHandle, Deferred<Rc<()>>) {
    let last: Rc<Cell<Option<Deferred<Rc<()>>>>> = Rc::default();
    let (first_resolver, first) = Deferred::new();
    let cancel = first.cancel_handle();
    let (put_later, hold) = (Rc::clone(&last), Rc::clone(held));
    let first = first.add_callback(move |()| put_later.take().expect("put there")).map(move |value| {
        drop(hold);
        value
    });
    let chain = (2..length).fold(first, |inner, _| Deferred::succeed(()).add_callback(move |()| inner));
    let (resolver, deferred) = Deferred::new();
    let (value, rest) = deferred.add_callback(move |()| chain).hand_over();
    last.set(Some(value));
    first_resolver.callback(());
    let held = Rc::clone(held);
    (resolver, cancel, rest.map(move |()| held))
}

#[test]
fn a_circle_fails_where_it_closes_and_leaks_nothing() {
    let held = Rc::new(());
    for length in [2, 3, 20] {
        let caught = UnhandledFailures::forbid();
        let (resolver, cancel, rest) = circle(length, &held);
        resolver.callback(());
        cancel.cancel();
        assert!(rest.has_result(), "it fails, and does not hang");
        drop((rest, resolver));
        let failures = caught.take();
        assert!(matches!(&failures[..], [failure] if failure.check::<DeferredCycle>().is_some()), "{failures:?}");
        assert_eq!(Rc::strong_count(&held), 1, "it leaks");
    }
}

#[test]
fn cancelling_a_circle_that_nobody_saw_ends() {
    let (resolver, cancel, rest) = circle(1000, &Rc::new(()));
    resolver.callback(());
    cancel.cancel();
    assert!(!rest.has_result(), "nobody is left to fire any of them");
}

#[test]
fn cancelling_a_list_that_waits_for_itself_ends() {
    let all: Rc<Cell<Option<Deferred<Vec<()>>>>> = Rc::default();
    let (resolver, member) = Deferred::new();
    let later = Rc::clone(&all);
    let member = member.add_callback(move |()| later.take().expect("put there")).map(drop);
    let (other, second) = Deferred::new();
    let (value, rest) = gather([member, second]).hand_over();
    let cancel = rest.cancel_handle();
    all.set(Some(value));
    resolver.callback(());
    cancel.cancel();
    assert!(other.is_called() && rest.has_result(), "the other member was cancelled");
}

// ---- panics in `drop`

/// Panics when it goes, unless it was defused.
struct Bomb(Cell<bool>);

impl Bomb {
    fn new() -> Self {
        Self(Cell::new(true))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0.get() && !thread::panicking() {
            panic!("bomb");
        }
    }
}

/// One whose canceller panics when it goes.
fn with_bomb() -> (twisty::Resolver<u32>, Deferred<u32>) {
    let bomb = Bomb::new();
    Deferred::with_canceller(move |_| bomb.0.set(false))
}

#[test]
fn a_value_whose_drop_panics_does_not_hang_a_gather() {
    let ((first, a), (second, b)) = (Deferred::<Bomb>::new(), Deferred::<Bomb>::new());
    let all = gather([a, b]).map(drop);
    first.callback(Bomb::new());
    let _unless_it_is_caught = catch_unwind(AssertUnwindSafe(|| second.errback(ConnectionDone)));
    assert!(all.into_result().expect("it does not hang").is_err());
}

#[test]
fn a_canceller_whose_drop_panics_does_not_lose_the_result() {
    let (resolver, answer) = with_bomb();
    let answer = answer.map(|n| n + 1);
    let _unless_it_is_caught = catch_unwind(AssertUnwindSafe(|| resolver.callback(1)));
    assert_eq!(answer.into_result().expect("it was fired").expect("it succeeded"), 2);
}

#[test]
fn a_drop_that_panics_keeps_no_promise_from_being_broken() {
    let (resolver, first) = with_bomb();
    let (other, second) = Deferred::<u32>::new();
    first.add_errback(move |_| -> twisty::Result<u32> {
        drop(other);
        panic_any(Bomb::new())
    });
    let _unless_it_is_caught = catch_unwind(AssertUnwindSafe(|| drop(resolver)));
    assert!(second.into_result().expect("it was told").is_err());
    let (resolver, deferred) = Deferred::<u32>::new();
    drop(resolver);
    assert!(deferred.into_result().expect("the next one is told as well").is_err());
}

#[test]
fn a_callback_may_panic_with_what_panics_in_its_turn() {
    let answer = Deferred::succeed(1).add_callback(|_| -> twisty::Result<u32> { panic_any(Bomb::new()) });
    let failure = answer.into_result().expect("it is there").expect_err("it panicked");
    assert!(failure.check::<HandlerPanicked>().is_some());
}

// ---- failures in failures

const DEEP: usize = 100_000;

/// A race in a gather in a race, and so on.
fn nested(depth: usize) -> Failure {
    let mut deferred = Deferred::<u32>::fail(ConnectionDone);
    for level in 0..depth {
        deferred = match level % 4 {
            0 => race([deferred]).map(|(_, value)| value),
            1 => gather([deferred]).map(|mut values| values.remove(0)),
            2 => race([Deferred::fail(ConnectionAborted), deferred]).map(|(_, value)| value),
            _ => gather([Deferred::succeed(0), deferred]).map(|mut values| values.remove(0)),
        };
    }
    deferred.into_result().expect("it is over").expect_err("it failed")
}

#[test]
fn failures_that_nest_are_shown_and_dropped_at_any_depth() {
    let length = |depth| (nested(depth).to_string().len(), format!("{:?}", nested(depth)).len());
    let ((shown, told), (shown_twice, told_twice)) = (length(1000), length(2000));
    assert!(shown > 0 && shown_twice <= 2 * shown + 100, "{shown} bytes, {shown_twice} at twice the depth");
    assert!(told_twice <= 2 * told + 100, "{told} bytes, {told_twice} at twice the depth");
    let deep = nested(DEEP);
    assert!(deep.to_string().contains("the Deferred at index 1 failed"));
    assert!(deep.check::<FirstError>().is_some());
    drop(deep);
}

#[test]
fn each_cause_of_nested_failures_is_shown_once() {
    let inner = gather([Deferred::succeed(1), Deferred::fail(ConnectionDone)]);
    let outer = gather([inner]).into_result().expect("it is over").expect_err("it failed");
    assert_eq!(
        outer.to_string(),
        "the Deferred at index 0 failed: the Deferred at index 1 failed: the connection was closed cleanly"
    );
    let inner = gather([Deferred::succeed(1), Deferred::fail(ConnectionDone)]).map(|_| 1);
    let group = race([inner, Deferred::fail(ConnectionAborted)]).into_result().expect("it is over");
    assert_eq!(
        group.expect_err("both failed").to_string(),
        "all 2 Deferreds failed: [0] the Deferred at index 1 failed: the connection was closed cleanly; [1] the \
         connection was aborted by this side"
    );
}

#[test]
fn failures_besides_the_first_success_are_reported_whenever_they_come() {
    let mirrors = || [Deferred::fail(ConnectionDone), Deferred::succeed(1), Deferred::fail(ConnectionAborted)];
    let caught = UnhandledFailures::forbid();
    assert!(DeferredList::new(mirrors()).first().into_result().expect("one has succeeded").is_ok());
    let failures = caught.take();
    assert!(matches!(&failures[..], [before, after] if before.check::<ConnectionDone>().is_some()
        && after.check::<ConnectionAborted>().is_some()));
    assert!(DeferredList::new(mirrors()).consume_errors().first().has_result());
    assert!(race(mirrors()).has_result());
    assert!(caught.take().is_empty());
}
