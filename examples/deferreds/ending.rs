//! Nobody has to wait for ever. (Howto: Deferred Reference, Cancellation and Timeouts.)
use twisty::prelude::*;
use twisty::task::defer_later;

use crate::SECOND;

/// To cancel says that nobody wants the result any more. A canceller can stop the work; without one it goes on unheard.
pub(crate) fn cancel(reactor: &Reactor) -> Deferred<()> {
    let (resolver, operation) = Deferred::new();
    let over = defer_later(SECOND, reactor, move || {
        println!("The operation is done all the same, and its result is swallowed");
        resolver.callback("completed");
    });
    report("Without a canceller", operation).cancel();

    let (_connection, page) = Deferred::with_canceller(|_| println!("The connection is aborted"));
    report("With a canceller", page).cancel();

    let (_connection, page) = Deferred::with_canceller(|resolver| resolver.callback("an old copy"));
    report("With one that fires", page).cancel();
    over
}

/// What takes too long is cancelled, and fails with a `TimeoutError`, or with what a hook makes of it.
pub(crate) fn timeouts(reactor: &Reactor) -> Deferred<()> {
    let answer = |seconds| defer_later(seconds * SECOND, reactor, || Ok("an answer"));
    let patience = 3 * SECOND;
    gather([
        report("In time", answer(1).add_timeout(patience, reactor)),
        report("Too late", answer(9).add_timeout(patience, reactor)),
        report(
            "Too late, with a hook",
            answer(9).add_timeout_with(patience, reactor, |_cancelled, _| Ok("an older answer")),
        ),
    ])
    .map(drop)
}

fn report(what: &'static str, result: Deferred<&'static str>) -> Deferred<()> {
    result
        .add_callback(move |result| println!("{what}: {result}"))
        .add_errback(move |failure| println!("{what}: {failure}"))
}
