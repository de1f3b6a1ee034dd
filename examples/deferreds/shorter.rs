//! The same things, written in one piece.
use std::num::ParseIntError;

use twisty::prelude::*;
use twisty::task::defer_later;

use crate::SECOND;

/// The steps of a Deferred from above to below.
pub(crate) fn chain(reactor: &Reactor) -> Deferred<()> {
    let printed = ["4", "3", "three"].map(|text| {
        chain! {
            defer_later(SECOND, reactor, move || Ok(text));
            timeout 5s;
            then |text| text.parse::<u32>()?;
            then |number| match number % 2 {
                0 => Ok(number * 3),
                _ => Err(Failure::message("You used an odd number!")),
            };
            then |data| println!("Result: {data}");
            catch |error: ParseIntError| println!("Not a number: {error}");
            catch |failure| println!("{failure}");
            finally |_result| println!("{text} is done");
        }
    });
    gather(printed).map(drop)
}

/// A future that waits for Deferreds, where Twisted has coroutines; it is a Deferred itself.
pub(crate) fn coroutine(reactor: &Reactor) -> Deferred<()> {
    let (clock, number) = (reactor.clone(), defer_later(SECOND, reactor, || Ok(4)));
    let result = reactor.spawn(async move {
        let number: u32 = number.await?;
        println!("The first result: {number}");
        let thrice = defer_later(SECOND, &clock, move || Ok(number * 3)).await?;
        println!("The second result: {thrice}");
        if let Err(failure) = Deferred::<u32>::fail(Failure::message("You used an odd number!")).await {
            println!("The third result: {failure}");
        }
        Ok(thrice)
    });
    println!("The coroutine has not begun");
    result.add_callback(|result| println!("It returned {result}"))
}
