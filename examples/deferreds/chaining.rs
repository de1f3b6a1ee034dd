//! Deferreds that wait for Deferreds. (Howto: Deferred Reference, Chaining Deferreds.)
use twisty::prelude::*;
use twisty::task::defer_later;

use crate::SECOND;

/// The callbacks below wait, and get what comes out of the returned one.
pub(crate) fn callback_returns_deferred(reactor: &Reactor) -> Deferred<()> {
    let clock = reactor.clone();
    let done = Deferred::succeed("I think".to_owned())
        .add_callback(move |text| {
            println!("callback 1 got: {text}");
            beautiful(&clock, text + " Deferreds")
        })
        .add_callback(|text| println!("callback 2 got: {text}"));
    println!("callback 2 waits");
    done
}

fn beautiful(clock: &Reactor, text: String) -> Deferred<String> {
    defer_later(SECOND, clock, || println!("  the inner one fires"))
        .add_callback(|()| {
            println!("  sub-callback a adds: are");
            Ok(text + " are")
        })
        .add_callback(|text| {
            println!("  sub-callback b adds: beautiful!");
            Ok(text + " beautiful!")
        })
}

/// The result goes over to the other one. What is added to the first after that gets none.
pub(crate) fn chain_deferred(_reactor: &Reactor) -> Deferred<()> {
    let (fire_a, a) = Deferred::new();
    let (fire_b, b) = Deferred::new();
    let b = b.add_callback(|result: u32| println!("B got: {result}"));
    let a = a
        .add_callback(|result: u32| {
            println!("A got: {result}, and doubles it");
            Ok(result * 2)
        })
        .chain_deferred(fire_b)
        .add_callback(|()| println!("A goes on without it"));
    fire_a.callback(21);
    gather([a, b]).map(drop)
}
