//! `chain!`, `gather!` and `race!`: what their steps get and make, when they wait, and what they cost.

use std::cell::{Cell, RefCell};
use std::io;
use std::num::ParseIntError;
use std::rc::Rc;
use std::time::Duration;

use allocation_counter::measure;
use twisty::failure::Passage;
use twisty::prelude::*;
use twisty::testing::{Clock, UnhandledFailures};
use twisty::{FailureGroup, FirstError, HandlerPanicked};

#[path = "chain/random.rs"]
mod random;

#[derive(Debug, thiserror::Error)]
#[error("zero")]
struct Zero;

/// The result of a chain that is over.
fn over<T>(deferred: Deferred<T>) -> Result<T, Failure> {
    deferred.into_result().unwrap_or_else(|deferred| panic!("{deferred:?} still waits"))
}

fn value<T>(deferred: Deferred<T>) -> T {
    over(deferred).unwrap_or_else(|failure| panic!("{failure:?}"))
}

fn parse(text: &str) -> Result<u16, ParseIntError> {
    text.parse()
}

fn not_zero(n: u16) -> Result<u16, Zero> {
    if n == 0 { Err(Zero) } else { Ok(n) }
}

// ---- what a source and a step may make -------------------------------------------------------------------------------

#[test]
fn a_source_is_a_deferred_a_result_or_a_value() {
    assert_eq!(value(chain! { 5 }), 5);
    assert_eq!(value(chain! { "text".to_owned(); }), "text");
    assert_eq!(value(chain! { Ok(5); then |n| n + 1 }), 6);
    assert_eq!(value(chain! { parse("8007"); then |port: u16| port + 1; }), 8008);
    assert_eq!(value(chain! { Deferred::succeed(5); then |n| n * 2; }), 10);
    assert_eq!(value(chain! { Deferred::succeed(Some("x")); then |text| text.map(str::len) }), Some(1));
    assert!(over(chain! { parse("x"); then |n| n + 1 }).unwrap_err().check::<ParseIntError>().is_some());
    assert!(over::<u8>(chain! { Err(Zero) }).unwrap_err().check::<Zero>().is_some());
    let fetched: Result<Deferred<u8>, Zero> = Ok(Deferred::succeed(3));
    assert_eq!(value(chain! { fetched; then |n| n + 1 }), 4);
}

#[test]
fn a_step_makes_what_it_likes() {
    assert_eq!(value(chain! { "7"; then |text| parse(text); then |n| n.pow(2) }), 49);
    assert_eq!(value(chain! { "7"; then |text| parse(text)?; then |n| n.pow(2) }), 49);
    assert_eq!(value(chain! { "7"; then |text| Ok(parse(text)? + 1); then |n| n.pow(2) }), 64);
    assert_eq!(value(chain! { "7"; then |text| { let n = parse(text)?; not_zero(n) }; then |n| n + 1 }), 8);
    assert_eq!(value(chain! { "7"; then |text| { let n = parse(text)?; Deferred::succeed(n) } then |n| n + 1 }), 8);
    assert_eq!(value(chain! { "7"; then |text| { let n = parse(text)?; Ok(Deferred::succeed(n)) } then |n| n + 1 }), 8);
    assert_eq!(value(chain! { "7"; then |text| { let n: u32 = text.parse()?; n } }), 7);
    assert_eq!(value(chain! { "7"; then |text| { if text.is_empty() { return 0; } text.len() } }), 1);
    assert_eq!(value(chain! { "7"; then |text| { if text.len() > 3 { return Ok(0); } Ok(parse(text)?) } }), 7);
    assert_eq!(value(chain! { "7"; then |text| { if text.len() > 3 { return Err(Zero.into()); } Ok(5) } }), 5);
    assert_eq!(value(chain! { "7"; then |text| if text.len() > 3 { Err(Zero) } else { Ok(5) }; }), 5);
    assert_eq!(value(chain! { "7"; then |text| match text { "x" => Err(Zero)?, _ => 9 } }), 9);
    assert_eq!(value(chain! { (1, 2); then |(a, b): (u8, u8)| a + b; then move |n| -> u16 { n.into() } }), 3);
    assert_eq!(
        value(chain! { [1, 2, 3]; then |list| list.iter().map(|n| { if *n > 2 { return 0; } *n }).sum::<u8>() }),
        3
    );
    value(chain! { "7"; then |_| {}; then |()| (); });
}

#[test]
fn a_step_that_never_ends_well() {
    assert!(over::<u8>(chain! { 1; then |_| Err(Zero); then |n: u8| n }).unwrap_err().check::<Zero>().is_some());
    assert!(over::<u8>(chain! { 1; then |_| Err(Zero.into()) }).unwrap_err().check::<Zero>().is_some());
    assert!(over::<u8>(chain! { 1; then |_| Err(Zero)? }).unwrap_err().check::<Zero>().is_some());
    let panicked = over::<u8>(chain! { 1; then |n| panic!("{n} is too small"); then |n: u8| n }).unwrap_err();
    assert_eq!(panicked.check::<HandlerPanicked>().unwrap().message, "1 is too small");
    assert!(over(chain! { 1; then |_| unreachable!(); catch |_: Zero| 3 }).is_err());
}

// ---- the two sides ---------------------------------------------------------------------------------------------------

#[test]
fn catch_takes_the_failures_of_its_type_and_others_pass() {
    let rescued = |text: &'static str| {
        value(chain! {
            text;
            then |text| parse(text);
            then |n| not_zero(n);
            catch |zero: Zero| { assert_eq!(zero.to_string(), "zero"); 100 }
            then |n| n + 1;
            catch |why: Failure| {
                assert!(why.check::<ParseIntError>().is_some());
                200
            }
        })
    };
    assert_eq!((rescued("5"), rescued("0"), rescued("x")), (6, 101, 200));
}

#[test]
fn a_catch_makes_what_it_likes() {
    let failed = || Deferred::<String>::fail(Zero);
    assert_eq!(value(chain! { failed(); catch |_| "plain".to_owned() }), "plain");
    assert_eq!(value(chain! { failed(); catch |_| Ok("result".into()) }), "result");
    assert_eq!(value(chain! { failed(); catch |why| Ok(why.trap::<Zero>()?.to_string()) }), "zero");
    assert_eq!(value(chain! { failed(); catch |why| why.trap::<Zero>()?.to_string() }), "zero");
    assert_eq!(value(chain! { failed(); catch |_| Deferred::succeed("later".to_owned()) }), "later");
    assert!(over(chain! { failed(); catch |why| Err(why) }).unwrap_err().check::<Zero>().is_some());
    assert!(
        over(chain! { failed(); catch |_| Err(io::Error::other("x")) }).unwrap_err().check::<io::Error>().is_some()
    );
    assert!(over(chain! { failed(); catch |_| Err(Zero.into()) }).is_err());
    let second = chain! { failed(); catch |_| panic!("again"); catch |why: HandlerPanicked| why.message };
    assert_eq!(value(second), "again");
    value(chain! { Err(Zero); then |n: u8| println!("{n}"); catch |why| eprintln!("{why}") });
}

#[test]
fn a_failure_passes_all_steps_that_are_not_for_it() {
    let ran = Rc::new(Cell::new(0));
    let (first, second) = (Rc::clone(&ran), Rc::clone(&ran));
    value(chain! {
        Deferred::<u8>::fail(Zero);
        then |_| first.set(1);
        catch |_: io::Error| second.set(2);
        catch |why| println!("{why}");
        catch |_| panic!("nothing failed");
    });
    assert_eq!(ran.get(), 0);
}

// ---- when it waits ---------------------------------------------------------------------------------------------------

#[test]
fn each_deferred_is_waited_for_in_order() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let ((first, one), (second, two), (third, three)) = (Deferred::new(), Deferred::new(), Deferred::new());
    let chain = chain! {
        one;
        then |n: u8| { log.borrow_mut().push(n); two }
        then |n: u8| log.borrow_mut().push(n);
        then |()| three;
        catch |_| 0;
        then |n: u8| { log.borrow_mut().push(n); log }
    };
    third.callback(3);
    first.callback(1);
    assert!(!chain.has_result());
    second.callback(2);
    assert_eq!(*value(chain).borrow(), [1, 2, 3]);
}

#[test]
fn cancelling_reaches_what_is_waited_for() {
    let cancelled = Rc::new(Cell::new(false));
    let flag = Rc::clone(&cancelled);
    let (_never, inner) = Deferred::<u8>::with_canceller(move |_| flag.set(true));
    let (resolver, source) = Deferred::new();
    let chain = chain! {
        source;
        then |()| 5;
        then |_| inner;
        catch |_: CancelledError| 9;
        then |n| n + 1;
    };
    resolver.callback(());
    assert!(chain.is_called() && !chain.has_result() && !cancelled.get());
    chain.cancel();
    assert!(cancelled.get());
    assert_eq!(value(chain), 10);
}

#[test]
fn a_timeout_counts_what_stands_above_it() {
    let clock = Clock::new();
    let (_never, source) = Deferred::<u8>::new();
    let limit = Duration::from_secs(2);
    let early = chain! { source; then |n| n + 1; timeout limit on &clock; catch |_: TimeoutError| 7; then |n| n * 2 };
    let (_never, inner) = Deferred::<u8>::new();
    let late = clock.enter(|| {
        chain! {
            Deferred::succeed(1);
            timeout 1s; // it is there
            then |_| inner;
            timeout 3s;
            catch |why| Err(why);
        }
    });
    clock.advance(Duration::from_secs(1));
    assert!(!early.has_result() && !late.has_result());
    clock.advance(Duration::from_secs(1));
    assert_eq!(value(early), 14);
    clock.advance(Duration::from_secs(1));
    assert_eq!(over(late).unwrap_err().check::<TimeoutError>().unwrap().limit, Duration::from_secs(3));
}

#[test]
fn the_timeout_of_a_tick() {
    let clock = Clock::new();
    let (resolver, source) = Deferred::new();
    let chain = chain! { source; timeout 500ms on &clock; then |n: u8| n };
    clock.advance(Duration::from_millis(499));
    resolver.callback(1);
    clock.advance(Duration::from_secs(9));
    assert_eq!(value(chain), 1);
    assert!(clock.delayed_calls().is_empty());
}

// ---- finally ---------------------------------------------------------------------------------------------------------

#[test]
fn finally_sees_the_result_and_lets_it_pass() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let run = |text: &'static str| {
        let seen = Rc::clone(&seen);
        over(chain! {
            text;
            then |text| parse(text);
            finally |result| seen.borrow_mut().push(result.is_ok());
            then |n| n + 1;
            finally |_| -> Result<(), Failure> { Ok(()) }
            finally |result| { result.map_err(|why| io::Error::other(why.to_string()))?; }
        })
    };
    assert_eq!(run("5").unwrap(), 6);
    assert!(run("x").unwrap_err().check::<io::Error>().is_some());
    assert_eq!(*seen.borrow(), [true, false]);
}

#[test]
fn what_fails_in_a_finally_replaces_the_result() {
    assert!(over(chain! { 1; finally |_| Err(Zero) }).unwrap_err().check::<Zero>().is_some());
    assert!(over(chain! { 1; finally |_| parse("x") }).unwrap_err().check::<ParseIntError>().is_some());
    assert!(over(chain! { 1; finally |_| { Err(Zero)?; Ok(()) } }).unwrap_err().check::<Zero>().is_some());
    assert!(over(chain! { 1; finally |_| panic!("no") }).unwrap_err().check::<HandlerPanicked>().is_some());
    let (resolver, closed) = Deferred::<()>::new();
    let chain = chain! { 1; finally |_| closed };
    resolver.errback(Zero);
    assert!(over(chain).unwrap_err().check::<Zero>().is_some());
}

#[test]
fn a_finally_is_waited_for() {
    let (resolver, closed) = Deferred::<&str>::new();
    let chain = chain! { 1; finally |_| closed; then |n| n + 1 };
    assert!(!chain.has_result());
    resolver.callback("closed");
    assert_eq!(value(chain), 2);

    let unhandled = UnhandledFailures::forbid();
    let (resolver, closed) = Deferred::<()>::new();
    drop(chain! { Deferred::<u8>::fail(Zero); finally |_| closed });
    resolver.callback(());
    assert_eq!(unhandled.take().len(), 1);
}

// ---- what the bodies use ---------------------------------------------------------------------------------------------

#[test]
fn a_variable_is_used_in_several_steps() {
    let name = String::from("Ann");
    let mut visits = Vec::new();
    let (resolver, source) = Deferred::new();
    let chain = chain! {
        source;
        then |n: u8| { visits.push(n); format!("{name} {n}") }
        then |text| { visits.push(9); Deferred::succeed(text + &name) }
        then |text| { visits.push(8); (text, name, visits) }
    };
    resolver.callback(1);
    assert_eq!(value(chain), ("Ann 1Ann".to_owned(), "Ann".to_owned(), vec![1, 9, 8]));
}

#[test]
fn a_question_mark_in_the_source_is_the_functions_own() {
    fn length(text: Option<&'static str>) -> Option<Deferred<usize>> {
        Some(chain! { text?; then |text| text.len() })
    }
    assert_eq!(length(Some("abc")).map(value), Some(3));
    assert!(length(None).is_none());
}

// ---- the trail -------------------------------------------------------------------------------------------------------

#[test]
fn the_trail_names_the_steps_in_order() {
    let trail = |failure: Failure| {
        let passed = failure.trail().iter().filter_map(|passage| match passage {
            Passage::Callback(at) => Some((at.line(), at.column())),
            Passage::Deferred(_) => None,
        });
        passed.collect::<Vec<_>>()
    };
    let (fired, source) = Deferred::<u8>::new();
    let first = line!() + 3;
    let chain = chain! {
        source;
        then |_| Err(Zero); then |n: u8| n;
        catch |_: io::Error| 5;
        then |n| n + 1;
        finally |_| {
            println!("over");
        }
    };
    fired.callback(5);
    let failure = over(chain).unwrap_err();
    assert_eq!(failure.origin().line(), first);
    assert_eq!(trail(failure), [(first, 9), (first, 29), (first + 1, 9), (first + 2, 9), (first + 3, 9)]);

    for late in [false, true] {
        let (resolver, inner) = Deferred::<u8>::new();
        let resolver = Rc::new(resolver);
        let now = Rc::clone(&resolver);
        let first = line!() + 3;
        let chain = chain! {
            Deferred::succeed(1);
            then |_| { if !late { now.errback(Zero) } inner }
            then |n| n + 1;
            then |n| Deferred::succeed(n);
        };
        if late {
            resolver.errback(Zero);
        }
        let lines: Vec<_> = trail(over(chain).unwrap_err()).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [first, first + 1, first + 2], "late: {late}");
    }
}

// ---- the cost --------------------------------------------------------------------------------------------------------

#[test]
fn a_chain_that_need_not_wait_allocates_nothing() {
    let counted = measure(|| {
        let chain = chain! {
            Deferred::succeed("7");
            then |text| parse(text);
            then |n| Deferred::succeed(n + 1);
            then |n| { if n == 0 { Err(Zero)?; } Ok(n) }
            catch |_: Zero| 1;
            catch |_| Deferred::succeed(2);
            timeout 5s;
            finally |_| {}
            then |n| n * 2;
        };
        assert_eq!(value(chain), 16);
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_chain_that_waits_allocates_once() {
    let (resolver, source) = Deferred::new();
    let mut chain = None;
    let built = measure(|| {
        chain = Some(chain! {
            source;
            then |text: &str| parse(text);
            then |n| Deferred::succeed(n + 1);
            then |n| not_zero(n)?;
            catch |_| 2;
            finally |_| {}
            then |n| n * 2;
        });
    });
    assert_eq!(built.count_total, 1);
    let run = measure(|| resolver.callback("7"));
    assert_eq!(run.count_total, 0);
    assert_eq!(value(chain.unwrap()), 16);
}

#[test]
fn each_deferred_that_is_waited_for_costs_one() {
    let ((resolver, source), (second, inner)) = (Deferred::new(), Deferred::<u16>::new());
    let chain = chain! { source; then |text: &str| parse(text); then |_| inner; then |n| n + 1; then |n| n * 2 };
    assert_eq!(measure(|| resolver.callback("7")).count_total, 1);
    assert_eq!(measure(|| second.callback(1)).count_total, 0);
    assert_eq!(value(chain), 4);
}

#[test]
fn nothing_is_left_of_a_chain_that_is_dropped() {
    let counted = measure(|| {
        let (resolver, source) = Deferred::<u8>::new();
        let (text, _unhandled) = (String::from("text"), UnhandledFailures::forbid());
        let chain = chain! { source; then |_| text.len(); then |n| n + text.len(); catch |_: CancelledError| 0 };
        chain.cancel();
        drop((resolver, chain));
    });
    assert_eq!(counted.count_current, 0);
}

// ---- several at once -------------------------------------------------------------------------------------------------

#[test]
fn gather_waits_for_values_of_different_types() {
    let (resolver, name) = Deferred::new();
    let all = gather!(name, 5, parse("7"), Deferred::succeed([1]));
    resolver.callback("Ann");
    assert_eq!(value(all), ("Ann", 5, 7, [1]));
    assert_eq!(measure(|| drop(gather!(1, Ok(2), Deferred::succeed(3)))).count_total, 0);
    let failed = over(gather!(1, parse("x"))).unwrap_err();
    assert_eq!(failed.check::<FirstError>().unwrap().index, 1);
}

#[test]
fn race_takes_the_first_success() {
    let ((_never, slow), (resolver, fast)) = (Deferred::<u8>::new(), Deferred::new());
    let first = race!(slow, fast, Err(Zero));
    resolver.callback(5);
    assert_eq!(value(first), 5);
    assert_eq!(value(race!(1, 2)), 1);
    assert_eq!(over(race!(parse("x"), parse("y"))).unwrap_err().check::<FailureGroup>().unwrap().failures.len(), 2);
}

#[test]
fn the_arms_of_a_race_have_different_types() {
    let name = String::from("Ann");
    let cancelled = Rc::new(Cell::new(false));
    let flag = Rc::clone(&cancelled);
    let (_never, slow) = Deferred::<u8>::with_canceller(move |_| flag.set(true));
    let (resolver, fast) = Deferred::<(&str, u8)>::new();
    let (_never, third) = Deferred::<()>::new();
    let first = race! {
        n = slow => format!("{name} {n}"),
        (text, n) = fast => { let m: u8 = text.parse()?; Ok(format!("{name} {}", n + m)) }
        _ = third => Deferred::succeed(name),
    };
    resolver.callback(("7", 1));
    assert!(cancelled.get());
    assert_eq!(value(first), "Ann 8");
    let nobody = race! { n = parse("x") => n, _ = Err::<u8, _>(Zero) => return 5 };
    assert!(over(nobody).unwrap_err().check::<FailureGroup>().is_some());
}
