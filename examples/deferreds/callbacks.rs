//! A Deferred is the promise of a result. Whoever asks gets it at once, and says what is to be done with the result.
//! (Howto: Deferred Reference, Callbacks.)
use twisty::prelude::*;

use crate::SECOND;

/// The callback runs when the result is there. Until then everything else goes on.
pub(crate) fn dummy_data(reactor: &Reactor) -> Deferred<()> {
    let data = get_dummy_data(reactor, 3).add_callback(|data| println!("Result received: {data}"));
    println!("The reactor goes on");
    data
}

/// Stands for anything that takes its time.
fn get_dummy_data(reactor: &Reactor, input: u32) -> Deferred<u32> {
    println!("getDummyData called");
    let (resolver, data) = Deferred::new();
    reactor.call_later(2 * SECOND, move |_| resolver.callback(input * 3));
    data
}

/// Each callback gets what the one before it made. A failure passes all of them, up to the first errback.
pub(crate) fn odd_numbers(reactor: &Reactor) -> Deferred<()> {
    let printed = [3, 4].map(|number| {
        get_even_data(reactor, number)
            .map(|data| format!("Result: {data}"))
            .add_callback(|text| println!("{text}"))
            .add_errback(|failure| println!("{failure}"))
    });
    gather(printed).map(drop)
}

/// Whoever has the resolver decides which side begins.
fn get_even_data(reactor: &Reactor, input: u32) -> Deferred<u32> {
    let (resolver, data) = Deferred::new();
    reactor.call_later(2 * SECOND, move |_| match input % 2 {
        0 => resolver.callback(input * 3),
        _ => resolver.errback(Failure::message("You used an odd number!")),
    });
    data
}
