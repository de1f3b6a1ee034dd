//! Calls that are made later, once.

use std::rc::Rc;

use twisty::task::defer_later;
use twisty::testing::Clock;
use twisty::{CancelledError, Failure, HandlerPanicked, Reactor, ResolverDropped};

use crate::{MILLISECOND, SECOND, counter, failure_of, turn_until_over};

#[test]
fn a_call_under_a_reactor() {
    let reactor = Reactor::new().unwrap();
    let answer = defer_later(MILLISECOND, &reactor, || Ok(42));
    turn_until_over(&reactor, &answer);
    assert_eq!(answer.into_result().expect("it is over").ok(), Some(42));
}

#[test]
fn cancelling_takes_the_call_out_before_anybody_hears_of_it() {
    let clock = Clock::new();
    let (calls, count) = counter();
    let seen = clock.clone();
    let later = defer_later(SECOND, &clock, count).add_both(move |result: Result<(), Failure>| {
        assert_eq!(seen.delayed_calls(), []);
        result
    });
    later.cancel();
    clock.advance(SECOND);
    assert!(failure_of(later).check::<CancelledError>().is_some());
    assert_eq!(calls.get(), 0);
}

#[test]
fn a_panic_is_a_failure() {
    let clock = Clock::new();
    let later = defer_later(SECOND, &clock, || -> Result<u32, Failure> { panic!("oh") });
    clock.advance(SECOND);
    assert_eq!(failure_of(later).check(), Some(&HandlerPanicked { message: "oh".into() }));
}

#[test]
fn a_clock_that_goes_takes_the_promise_along() {
    let clock = Clock::new();
    let value = Rc::new(());
    let held = Rc::clone(&value);
    let later = defer_later(SECOND, &clock, move || drop(held));
    drop(clock);
    assert!(failure_of(later).check::<ResolverDropped>().is_some());
    assert_eq!(Rc::strong_count(&value), 1);
}
