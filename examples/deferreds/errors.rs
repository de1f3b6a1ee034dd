//! Errbacks are to callbacks what `catch` is to what stands before it. (Howto: Deferred Reference, Errbacks.)
use twisty::deferred::{IntoDeferred, maybe_deferred};
use twisty::prelude::*;
use twisty::task::defer_later;

use crate::SECOND;

/// An errback sees what went wrong above it, and not beside it.
pub(crate) fn two_cases(_reactor: &Reactor) -> Deferred<()> {
    let callback1 = |result| {
        println!("  callback1 got {result}, and fails");
        Err(Failure::message("callback1 failed"))
    };
    let errback1 = |failure| {
        println!("  errback1 handles: {failure}");
        Ok("what errback1 returned")
    };
    let callback2 = |result| println!("  callback2 got {result}");
    let errback2 = |failure| println!("  errback2 handles: {failure}");

    println!("Case 1: addCallback, then addErrback");
    let first = Deferred::succeed("a result")
        .add_callback(callback1)
        .add_errback(errback1) // sees failures from above, callback1's too
        .add_callback(callback2) // so there is something for this one
        .add_errback(errback2);
    println!("Case 2: addCallbacks");
    let second = Deferred::succeed("a result")
        .add_callbacks(callback1, errback1) // errback1 does not see what callback1 does
        .add_callbacks(callback2, errback2); // the failure comes here
    gather([first, second]).map(drop)
}

/// Code that does not know whether it is answered at once makes a Deferred of whatever comes.
pub(crate) fn valid_users(reactor: &Reactor) -> Deferred<()> {
    const USERS: [&str; 3] = ["Alice", "Angus", "Agnes"];

    let synchronous = |user| Ok(USERS.contains(&user));
    let asynchronous = |user| defer_later(2 * SECOND, reactor, move || Ok(USERS.contains(&user)));
    let raising = |_user| Err(Failure::message("the database is down"));
    gather([
        authenticate(asynchronous, "Angus"),
        authenticate(synchronous, "Alice"),
        authenticate(synchronous, "Mallory"),
        authenticate(raising, "Agnes"),
    ])
    .map(drop)
}

fn authenticate<R>(is_valid_user: impl FnOnce(&'static str) -> R, user: &'static str) -> Deferred<()>
where
    R: IntoDeferred<Value = bool>,
{
    maybe_deferred(|| is_valid_user(user))
        .add_callback(move |valid| println!("User {user} is {}authenticated", if valid { "" } else { "not " }))
        .add_errback(move |failure| println!("User {user} cannot be authenticated: {failure}"))
}
