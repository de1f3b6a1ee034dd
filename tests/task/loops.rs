//! Functions that are called every so often.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use twisty::task::LoopingCall;
use twisty::testing::Clock;
use twisty::{CancelledError, Deferred, HandlerPanicked, LoopingCallError, Reactor, ResolverDropped};

use crate::{MILLISECOND, SECOND, counter, failure_of, turn_until_over};

#[test]
fn a_loop_under_a_reactor_lives_on_without_its_handle() {
    let reactor = Reactor::new().unwrap();
    let mut calls = 0;
    let looping = LoopingCall::with_handle(&reactor, move |looping| {
        calls += 1;
        if calls == 4 {
            looping.stop()?
        }
        Ok(())
    });
    let stopped = looping.start(MILLISECOND, true).unwrap();
    drop(looping);
    turn_until_over(&reactor, &stopped);
    let looping = stopped.into_result().expect("it is over").unwrap();
    assert!(!looping.is_running());
}

#[test]
fn an_interval_of_zero_is_once_a_turn() {
    let reactor = Reactor::new().unwrap();
    let (calls, count) = counter();
    let looping = LoopingCall::new(&reactor, count);
    let _stopped = looping.start(Duration::ZERO, false).unwrap();
    for turn in 1..=5 {
        reactor.turn(None).unwrap();
        assert_eq!(calls.get(), turn);
    }
}

#[test]
fn missed_calls_are_counted_under_a_reactor() {
    let reactor = Reactor::new().unwrap();
    let counts = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&counts);
    let looping = LoopingCall::with_count(&reactor, move |count| {
        seen.borrow_mut().push(count);
        std::thread::sleep(10 * MILLISECOND);
    });
    let _stopped = looping.start(2 * MILLISECOND, true).unwrap();
    while counts.borrow().len() < 2 {
        reactor.turn(None).unwrap();
    }
    let counts = counts.borrow();
    assert!(counts[0] == 1 && counts[1] >= 5, "{counts:?}");
}

#[test]
fn cancelling_the_deferred_stops_the_loop() {
    let clock = Clock::new();
    let looping = LoopingCall::new(&clock, || ());
    let stopped = looping.start(SECOND, true).unwrap();
    stopped.cancel();
    assert!(!looping.is_running());
    assert_eq!(clock.delayed_calls(), []);
    assert!(failure_of(stopped).check::<CancelledError>().is_some());
    looping.start(SECOND, true).unwrap().cancel();
}

#[test]
fn cancelling_while_a_call_is_waited_for_stops_the_loop_after_it() {
    let clock = Clock::new();
    let (resolver, call) = Deferred::<()>::new();
    let mut calls = vec![call];
    let looping = LoopingCall::new(&clock, move || calls.pop().expect("one call"));
    let stopped = looping.start(SECOND, true).unwrap();
    stopped.cancel();
    assert!(failure_of(stopped).check::<CancelledError>().is_some());
    assert_eq!(looping.start(SECOND, true).unwrap_err(), LoopingCallError::AlreadyRunning);
    resolver.callback(());
    assert_eq!(clock.delayed_calls(), []);
    assert_eq!(looping.stop(), Err(LoopingCallError::NotRunning));
}

#[test]
fn a_panic_ends_the_loop_which_may_be_started_again() {
    let clock = Clock::new();
    let mut calls = 0;
    let looping = LoopingCall::new(&clock, move || {
        calls += 1;
        assert!(calls != 2, "two");
    });
    let stopped = looping.start(SECOND, true).unwrap();
    clock.advance(SECOND);
    assert_eq!(failure_of(stopped).check(), Some(&HandlerPanicked { message: "two".into() }));
    let stopped = looping.start(SECOND, true).unwrap();
    clock.advance(SECOND);
    looping.stop().unwrap();
    assert!(stopped.has_result());
}

#[test]
fn a_function_cannot_start_its_own_loop_before_it_is_done() {
    let clock = Clock::new();
    let answers = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&answers);
    let looping = LoopingCall::with_handle(&clock, move |looping| {
        seen.borrow_mut().push(looping.start(SECOND, true).map(drop));
        looping.reset()?;
        looping.stop()?;
        seen.borrow_mut().push(looping.start(SECOND, true).map(drop));
        Ok(())
    });
    let stopped = looping.start(SECOND, true).unwrap();
    assert!(stopped.has_result());
    assert_eq!(*answers.borrow(), [Err(LoopingCallError::AlreadyRunning); 2]);
}

#[test]
fn the_last_callback_may_start_the_loop_again() {
    let clock = Clock::new();
    let (calls, count) = counter();
    let looping = LoopingCall::new(&clock, count);
    let again = looping.start(SECOND, true).unwrap().add_callback(|looping| Ok(looping.start(SECOND, true)?));
    looping.stop().unwrap();
    assert!(looping.is_running() && calls.get() == 2);
    drop(again);
}

#[test]
fn a_clock_that_goes_takes_the_loop_along() {
    let clock = Clock::new();
    let value = Rc::new(());
    let held = Rc::clone(&value);
    let looping = LoopingCall::new(&clock, move || drop(Rc::clone(&held)));
    let stopped = looping.start(SECOND, true).unwrap();
    drop(looping);
    assert_eq!(Rc::strong_count(&value), 2);
    drop(clock);
    assert_eq!(Rc::strong_count(&value), 1);
    assert!(failure_of(stopped).check::<ResolverDropped>().is_some());
}

#[test]
fn a_loop_that_somebody_holds_ends_with_its_clock_too() {
    let clock = Clock::new();
    let looping = LoopingCall::new(&clock, || ());
    let stopped = looping.start(SECOND, true).unwrap();
    drop(clock);
    assert!(!looping.is_running());
    assert!(failure_of(stopped).check::<ResolverDropped>().is_some());
}

/// Where the time stands still, no call is ever the next one.
#[test]
fn a_loop_ends_with_time_itself() {
    let clock = Clock::new();
    let (calls, mut count) = counter();
    let seen = Rc::clone(&calls);
    let looping = LoopingCall::new(&clock, move || {
        count();
        assert!(seen.get() < 3, "it is called for ever");
    });
    let stopped = looping.start(SECOND, false).unwrap();
    clock.advance(Duration::MAX);
    assert_eq!((calls.get(), looping.is_running()), (1, false));
    assert!(failure_of(stopped).check::<ResolverDropped>().is_some());
}

#[test]
fn a_clock_that_is_gone_calls_nobody() {
    let clock = Clock::new();
    let (resolver, call) = Deferred::<()>::new();
    let mut calls = vec![call];
    let looping = LoopingCall::new(&clock, move || calls.pop().expect("one call"));
    let stopped = looping.start(SECOND, true).unwrap();
    drop(clock);
    resolver.callback(());
    assert!(!looping.is_running());
    assert!(failure_of(stopped).check::<ResolverDropped>().is_some());
    assert!(failure_of(looping.start(SECOND, false).unwrap()).check::<ResolverDropped>().is_some());
}
