//! Several Deferreds at once. (Howto: Deferred Reference, DeferredList.)
use twisty::prelude::*;
use twisty::{DeferredList, FirstError};

/// A list waits for all, and tells of each how it ended, in the order of the list.
pub(crate) fn deferred_list(_reactor: &Reactor) -> Deferred<()> {
    let (first, one) = Deferred::new();
    let (second, two) = Deferred::new();
    let (third, three) = Deferred::<String>::new();
    let three = three.map(|text| text + " and ten"); // before it goes into the list: the list gets what comes out
    let list = DeferredList::new([one, two, three]).all().add_callback(print_results);
    third.callback("three".into());
    second.errback(Failure::message("bang!"));
    println!("Two of three are there");
    first.callback("one".to_owned());
    list
}

fn print_results(results: Vec<twisty::Result<String>>) {
    for result in results {
        match result {
            Ok(value) => println!("Success: {value}"),
            Err(failure) => println!("Failure: {failure}"),
        }
    }
}

/// All the values, or the first failure.
pub(crate) fn gather_results(_reactor: &Reactor) -> Deferred<()> {
    let (first, one) = Deferred::new();
    let (second, two) = Deferred::new();
    let both = gather([one, two]).add_callback(|values| println!("{values:?}"));
    first.callback("one");
    println!("Nothing yet");
    second.callback("two");

    let half = [Ok("one"), Err(Failure::message("bang!"))];
    let neither = gather(half).map(drop).add_errback(|failure| {
        let first: FirstError = failure.trap()?;
        println!("Number {} failed: {}", first.index, first.failure);
        Ok(())
    });
    gather([both, neither]).map(drop)
}
