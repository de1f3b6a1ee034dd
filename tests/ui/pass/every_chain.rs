//! Each form of `chain!`, `gather!` and `race!` that is legal.
#![deny(warnings)]

use std::num::ParseIntError;
use std::time::Duration;

use twisty::prelude::*;
use twisty::testing::Clock;

fn parse(text: &str) -> Result<u8, ParseIntError> {
    text.parse()
}

fn chained(text: Deferred<&'static str>, clock: &Clock, limit: Duration) -> Deferred<u8> {
    chain! {
        text;
        then |text| parse(text);
        then |n| parse("1")? + n
        ;
        then |n| { n + 1 }
        then move |n: u8| match n { 0 => Ok(1), n => Deferred::succeed(n).into_result().unwrap_or(Ok(2)) }
        then |n| -> Result<u8, ParseIntError> { Ok(n) }
        timeout 5s;
        timeout 1.5min on clock;
        timeout limit;
        timeout 2 * limit on &clock.clone();
        catch |_: ParseIntError| 0;
        catch |why: twisty::TimeoutError| u8::try_from(why.limit.as_secs())?;
        catch |why| { eprintln!("{why}"); Err(why) }
        catch |_: Failure| Deferred::succeed(1);
        finally |_| println!("over");
        finally |result| if let Err(why) = result { println!("{why}") }
        finally |_| parse("1");
        finally |_| Deferred::succeed(5)
    }
}

fn several(text: Deferred<&'static str>, number: Deferred<u8>) -> Deferred<String> {
    race! {
        text = text => text.to_owned(),
        (a, b) = gather!(race!(number, parse("5"), 6), 7,) => { format!("{a} {b}") }
        _ = 5 => parse("5").map(|n| n.to_string()),
        n = Ok(5) => return if n > 5 { "more".to_owned() } else { n.to_string() }
    }
}

fn main() {
    let clock = Clock::new();
    let number = clock.enter(|| chained(Deferred::succeed("5"), &clock, Duration::from_secs(1)));
    drop(several(Deferred::succeed("text"), number));
    drop(chain! { 5 });
    drop(chain! { if clock.now() == clock.now() { 5 } else { 6 } then |n| n });
}
