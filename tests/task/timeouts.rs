//! Deferreds with a timeout.

use std::cell::Cell;
use std::rc::Rc;

use twisty::testing::{Clock, UnhandledFailures};
use twisty::{CancelledError, Deferred, Failure, NoClock, Reactor, ResolverDropped, TimeoutError};

use crate::{MILLISECOND, SECOND, failure_of, turn_until_over};

#[test]
fn a_timeout_under_a_reactor() {
    let reactor = Reactor::new().unwrap();
    let (_resolver, answer) = Deferred::<u32>::new();
    let answer = answer.add_timeout(MILLISECOND, &reactor);
    turn_until_over(&reactor, &answer);
    assert_eq!(failure_of(answer).check(), Some(&TimeoutError { limit: MILLISECOND }));
}

#[test]
fn what_is_ready_schedules_nothing() {
    let clock = Clock::new();
    let answer = Deferred::succeed(1).add_timeout(SECOND, &clock);
    assert_eq!(clock.delayed_calls(), []);
    assert_eq!(answer.into_result().expect("it is ready").ok(), Some(1));
}

#[test]
fn a_resolver_that_is_dropped_takes_its_timer_along() {
    let clock = Clock::new();
    let (resolver, answer) = Deferred::<u32>::new();
    let answer = answer.add_timeout(SECOND, &clock);
    assert_eq!(clock.delayed_calls().len(), 1);
    drop(resolver);
    assert_eq!(clock.delayed_calls(), []);
    assert!(failure_of(answer).check::<ResolverDropped>().is_some());
}

#[test]
fn a_callback_that_is_dropped_unrun_takes_its_timer_along() {
    let clock = Clock::new();
    let (resolver, mut answer) = Deferred::<u32>::new();
    let paused = answer.pause();
    let answer = answer.add_timeout(SECOND, &clock);
    resolver.callback(1);
    drop((answer, resolver));
    assert_eq!(clock.delayed_calls().len(), 1, "it may still go on");
    drop(paused);
    assert_eq!(clock.delayed_calls(), []);
}

#[test]
fn a_clock_that_is_gone_times_nothing_out() {
    let clock = Clock::new();
    let (resolver, answer) = Deferred::new();
    let answer = answer.add_timeout(SECOND, &clock);
    drop(clock);
    resolver.callback(1);
    assert_eq!(answer.into_result().expect("it has fired").ok(), Some(1));
}

#[test]
fn a_panic_of_on_timeout_is_a_failure() {
    let clock = Clock::new();
    let (_resolver, answer) = Deferred::<u32>::new();
    let answer = answer.add_timeout_with(SECOND, &clock, |_, _| -> Result<u32, Failure> { panic!("oh") });
    clock.advance(SECOND);
    assert!(failure_of(answer).to_string().contains("oh"));
}

#[test]
fn a_chain_takes_the_clock_that_runs() {
    let clock = Clock::new();
    let (_resolver, answer) = Deferred::<u32>::new();
    let answer = clock.enter(|| twisty::__private::chain::timeout(answer, SECOND));
    clock.advance(SECOND);
    assert!(failure_of(answer).check::<TimeoutError>().is_some());
}

#[test]
fn without_a_clock_a_chain_fails_and_its_work_is_cancelled() {
    let unhandled = UnhandledFailures::forbid();
    let cancelled = Rc::new(Cell::new(false));
    let told = Rc::clone(&cancelled);
    let (_resolver, answer) = Deferred::<u32>::with_canceller(move |_| told.set(true));
    let answer = twisty::__private::chain::timeout(answer, SECOND);
    assert!(cancelled.get());
    let failure = failure_of(answer);
    assert_eq!(failure.check(), Some(&NoClock { timeout: SECOND }));
    assert!(failure.to_string().contains("on &clock"), "{failure}");
    assert_eq!(unhandled.take().len(), 0);
    assert!(twisty::__private::chain::timeout(Deferred::succeed(1), SECOND).has_result());
}

#[test]
fn a_cancellation_stays_one() {
    let clock = Clock::new();
    let (_resolver, answer) = Deferred::<u32>::new();
    let answer = answer.add_timeout(SECOND, &clock);
    answer.cancel();
    assert_eq!(clock.delayed_calls(), []);
    assert!(failure_of(answer).check::<CancelledError>().is_some());
}
