//! Deferreds where they are rarely seen: branches, cycles, panics in `drop`, cancellation at odd moments.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use twisty::Deferred;
use twisty::testing::Clock;

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
    let branches =
        [(first, value.add_callback(move |_| slow_value)), (second, rest.add_callback(move |()| slow_rest))];
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
        branches.map(|(_, branch)| drop(branch.add_errback(|_| Ok(0))));
    }
}

#[test]
fn a_branch_can_be_cancelled_when_the_other_is_done() {
    for done in [0, 1] {
        let branches = branches(&Rc::default());
        branches[done].0.callback(2);
        branches[1 - done].1.cancel();
        assert!(branches.iter().all(|(_, branch)| branch.has_result()), "it can be cancelled no more");
        branches.map(|(_, branch)| drop(branch.add_errback(|_| Ok(0))));
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
    drop(value.add_errback(|_| Ok(0)));
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
