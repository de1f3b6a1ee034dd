//! The end of a reactor or clock that still has something to do.

use std::future::pending;

use twisty::prelude::*;
use twisty::task::defer_later;
use twisty::testing::{Clock, UnhandledFailures};

use crate::SECOND;

#[test]
fn broken_promises_are_no_news() {
    let none = UnhandledFailures::forbid();
    let (reactor, clock) = (Reactor::new().unwrap(), Clock::new());
    drop((reactor.spawn(pending::<()>()), clock.spawn(pending::<()>())));
    let called = [(); 2].map(|()| Deferred::<u32>::new());
    let [(first, one), (second, another)] = called;
    reactor.call_later(SECOND, move |_| first.callback(1));
    clock.call_later(SECOND, move || second.callback(2));
    drop((one, another));
    drop((reactor, clock));
    assert_eq!(none.take().len(), 0);
}

#[test]
fn those_of_lists_are_none_either() {
    let _none = UnhandledFailures::forbid();
    let reactor = Reactor::new().unwrap();
    let later = || defer_later(SECOND, &reactor, || Ok(1));
    gather([later(), later()]).map(drop);
    race([later(), later()]).map(drop);
    gather([race([gather([later()]), gather([later()])])]).map(drop);
    drop(reactor);
}

#[test]
fn other_failures_are() {
    let unhandled = UnhandledFailures::forbid();
    let clock = Clock::new();
    clock.spawn(pending::<()>()).add_errback(|_cancelled| Err(Failure::message("cannot clean up")));
    drop(clock);
    assert_eq!(unhandled.take()[0].to_string(), "cannot clean up");
    drop(Deferred::<()>::fail(CancelledError));
    assert_eq!(unhandled.take().len(), 1, "only the end itself may do so");
}
