//! A tour of Deferreds: what the programs in Twisted's howtos print, from one stop to the next.
//!
//! Run: `cargo run --example deferreds`      Read along: each file here is a part of the tour, in the order of `TOUR`.
mod callbacks;
mod chaining;
mod ending;
mod errors;
mod several;
mod shorter;
mod time;

use std::time::Duration;

use twisty::prelude::*;

/// A second of the howtos', which is a short one here.
const SECOND: Duration = Duration::from_millis(20);

/// Prints what it shows; the Deferred fires when there is no more to see.
type Stop = fn(&Reactor) -> Deferred<()>;

const TOUR: [(&str, Stop); 15] = [
    ("Dummy data, after a delay", callbacks::dummy_data),
    ("Odd numbers are errors", callbacks::odd_numbers),
    ("Two cases that look the same", errors::two_cases),
    ("Answers at once, answers later, no answer", errors::valid_users),
    ("A callback that returns a Deferred", chaining::callback_returns_deferred),
    ("One Deferred fires another", chaining::chain_deferred),
    ("Cancelling", ending::cancel),
    ("Timeouts", ending::timeouts),
    ("A list of Deferreds", several::deferred_list),
    ("All or nothing", several::gather_results),
    ("A call that is cancelled", time::cancelled_call),
    ("A call every second", time::looping_call),
    ("A call that blocks, in a thread", time::fibonacci),
    ("In one piece: chain!", shorter::chain),
    ("In one piece: async", shorter::coroutine),
];

fn main() -> twisty::Result<()> {
    twisty::run(|reactor| {
        let reactor = reactor.clone();
        async move {
            for (title, stop) in TOUR {
                println!("# {title}");
                stop(&reactor).await?;
                println!();
            }
            Ok(())
        }
    })
}

#[cfg(test)]
#[path = "deferreds_test.rs"]
mod tests;
