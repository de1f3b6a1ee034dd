//! When attempts begin, and what counts.

use std::cell::RefCell;
use std::rc::Rc;

use twisty::names::HappyEyeballs;
use twisty::testing::{Clock, FakeResolver, UnhandledFailures};
use twisty::{ConnectError, Deferred, DnsLookupError, Failure, ResolverDropped, TimeoutError};

use crate::{Answers, BlackHole, Network, Refuses, connect_error, failure_of, ms, v4, v6};

#[test]
fn a_black_hole_costs_a_quarter_of_a_second() {
    let network = Network::new();
    let connected = network.connect(HappyEyeballs::new(), &[(v6(1), BlackHole), (v4(2), Answers(ms(20)))]);
    network.run(&connected);
    assert_eq!(connected.into_result().expect("it is over").unwrap(), v4(2));
    assert_eq!(network.begun(), [(0, 1), (250, 2)]);
    assert_eq!(network.cancelled(), [(270, 1)]);
    assert_eq!(network.clock.delayed_calls(), []);
}

#[test]
fn an_answer_in_time_keeps_the_next_from_beginning() {
    let network = Network::new();
    let connected = network.connect(HappyEyeballs::new(), &[(v6(1), Answers(ms(249))), (v4(2), BlackHole)]);
    network.run(&connected);
    assert_eq!(connected.into_result().expect("it is over").unwrap(), v6(1));
    assert_eq!(network.begun(), [(0, 1)]);
    assert_eq!(network.clock.delayed_calls(), []);
}

#[test]
fn a_late_answer_of_the_first_still_wins() {
    let network = Network::new();
    let connected = network.connect(HappyEyeballs::new(), &[(v6(1), Answers(ms(300))), (v4(2), Answers(ms(100)))]);
    network.run(&connected);
    assert_eq!(connected.into_result().expect("it is over").unwrap(), v6(1));
    assert_eq!(network.cancelled(), [(300, 2)]);
}

#[test]
fn after_a_refusal_the_next_begins_at_once_and_the_delay_anew() {
    let network = Network::new();
    let fates = [(v6(1), BlackHole), (v6(2), Refuses(ms(100))), (v6(3), BlackHole), (v6(4), Answers(ms(1)))];
    let connected = network.connect(HappyEyeballs::new(), &fates);
    network.run(&connected);
    assert_eq!(network.begun(), [(0, 1), (250, 2), (350, 3), (600, 4)]);
    assert_eq!(network.cancelled(), [(601, 1), (601, 3)]);
}

#[test]
fn a_refusal_of_an_earlier_one_counts_too() {
    let network = Network::new();
    let fates = [(v6(1), Refuses(ms(300))), (v6(2), BlackHole), (v6(3), BlackHole), (v6(4), Answers(ms(1)))];
    let connected = network.connect(HappyEyeballs::new(), &fates);
    network.run(&connected);
    assert_eq!(network.begun(), [(0, 1), (250, 2), (300, 3), (550, 4)]);
}

#[test]
fn families_take_turns_and_no_address_comes_twice() {
    let network = Network::new();
    let refuses = Refuses(ms(0));
    let order = [v4(1), v4(2), v6(3), v4(1), v4(4), v6(5), v6(3)];
    let connected = network.connect(HappyEyeballs::new(), &order.map(|address| (address, refuses)));
    let error = connect_error(connected);
    let tried: Vec<_> = error.attempts.iter().map(|attempt| attempt.address).collect();
    assert_eq!(tried, [v4(1), v6(3), v4(2), v6(5), v4(4)]);
}

#[test]
fn what_is_over_at_once_makes_no_timer() {
    let network = Network::new();
    let fates = [(v6(1), Refuses(ms(0))), (v4(2), Answers(ms(0))), (v4(3), BlackHole)];
    let connected = network.connect(HappyEyeballs::new(), &fates);
    assert_eq!(connected.into_result().expect("it is over").unwrap(), v4(2));
    assert_eq!(network.begun(), [(0, 1), (0, 2)]);
    assert_eq!(network.clock.delayed_calls(), []);
}

#[test]
fn a_single_address_is_waited_for_until_the_time_is_up() {
    let network = Network::new();
    let connected = network.connect(HappyEyeballs::new(), &[(v6(1), BlackHole)]);
    let due: Vec<_> = network.clock.delayed_calls().iter().map(ToString::to_string).collect();
    assert_eq!(due, ["30s"], "nothing but the time-out");
    network.run(&connected);
    let error = connect_error(connected);
    assert_eq!(
        error.to_string(),
        "cannot connect to example.com:80: [2001:db8::1]:80, after 30s: there was no result within 30s"
    );
    assert_eq!(network.cancelled(), [(30_000, 1)]);
}

#[test]
fn all_refused_lists_all() {
    let network = Network::new();
    let fates = [(v6(1), Refuses(ms(400))), (v4(2), Refuses(ms(10)))];
    let connected = network.connect(HappyEyeballs::new(), &fates);
    network.run(&connected);
    let error = connect_error(connected);
    assert_eq!(
        error.to_string(),
        "cannot connect to example.com:80: all 2 attempts failed\n    \
         [2001:db8::1]:80, after 400ms: connection refused\n    \
         192.0.2.2:80, after 10ms: connection refused"
    );
    assert_eq!(network.clock.delayed_calls(), []);
    assert_eq!(Failure::from(error).to_string().matches("refused").count(), 2, "a cause is said once");
}

#[test]
fn the_time_for_all_is_limited() {
    let network = Network::new();
    let fates = [(v6(1), Refuses(ms(100))), (v4(2), BlackHole), (v6(3), BlackHole), (v4(4), Answers(ms(1)))];
    let options = HappyEyeballs::new().attempt_delay(ms(500)).timeout(ms(1_000));
    let connected = network.connect(options, &fates);
    network.run(&connected);
    let attempts = connect_error(connected).attempts;
    let told: Vec<_> = attempts.iter().map(|it| (it.after, it.failure.check::<TimeoutError>().is_some())).collect();
    assert_eq!(told, [(ms(100), false), (ms(900), true), (ms(400), true)]);
    assert_eq!(network.begun(), [(0, 1), (100, 2), (600, 3)]);
    assert_eq!(network.cancelled(), [(1_000, 2), (1_000, 3)]);
}

#[test]
fn the_delay_has_a_least() {
    let network = Network::new();
    let options = HappyEyeballs::new().attempt_delay(ms(0));
    let connected = network.connect(options, &[(v6(1), BlackHole), (v4(2), Answers(ms(1)))]);
    network.run(&connected);
    assert_eq!(network.begun(), [(0, 1), (10, 2)]);
}

#[test]
fn no_address_is_an_error() {
    let network = Network::new();
    let error = connect_error(network.connect(HappyEyeballs::new(), &[]));
    assert_eq!(error.to_string(), "cannot connect to example.com:80: there was no address to try");
    assert_eq!(network.clock.delayed_calls(), []);
}

#[test]
fn thousands_that_are_refused_at_once_need_no_stack() {
    let addresses = (0..3_000_u16).map(|port| ([192, 0, 2, 1], port).into());
    let connected =
        HappyEyeballs::new().connect("many", addresses, &Clock::new(), |_| Deferred::<()>::fail(crate::refused()));
    let error = failure_of(connected).trap::<ConnectError>().expect("all failed");
    assert_eq!(error.attempts.len(), 3_000);
}

#[test]
fn a_panic_is_a_failed_attempt() {
    let connected = HappyEyeballs::new().connect("here", [v6(1), v4(2)], &Clock::new(), |address| {
        assert!(address.is_ipv4(), "no IPv6 today");
        Deferred::succeed(address)
    });
    assert_eq!(connected.into_result().expect("it is over").unwrap(), v4(2));
}

#[test]
fn an_attempt_may_end_another_while_it_begins() {
    let (resolver, first) = Deferred::<u8>::new();
    let (mut first, begun) = (Some(first), Rc::new(RefCell::new(Vec::new())));
    let (order, clock) = (Rc::clone(&begun), Clock::new());
    let connected = HappyEyeballs::new().connect("here", [v4(1), v4(2), v4(3)], &clock, move |address| {
        order.borrow_mut().push(crate::number_of(&address));
        first.take().unwrap_or_else(|| {
            let _the_second_only = resolver.try_errback(crate::refused());
            Deferred::fail(crate::refused())
        })
    });
    clock.advance(ms(250));
    let error = failure_of(connected).trap::<ConnectError>().expect("all failed");
    assert_eq!((error.attempts.len(), begun.borrow().as_slice()), (3, &[1, 2, 3][..]));
    assert_eq!(clock.delayed_calls(), []);
}

#[test]
fn whoever_makes_the_attempts_may_go() {
    let _none = UnhandledFailures::forbid();
    let clock = Clock::new();
    let (resolver, first) = Deferred::<()>::new();
    let mut first = Some(first);
    let connected =
        HappyEyeballs::new().connect("here", [v4(1), v4(2)], &clock, move |_| first.take().expect("one attempt only"));
    drop(resolver);
    assert!(failure_of(connected).check::<ResolverDropped>().is_some());
    assert_eq!(clock.delayed_calls(), []);
}

#[test]
fn a_clock_that_goes_takes_no_attempt_along() {
    let (resolver, first) = Deferred::<()>::new();
    let mut first = Some(first);
    let clock = Clock::new();
    let connected =
        HappyEyeballs::new().connect("here", [v4(1), v4(2)], &clock, move |_| first.take().expect("one attempt only"));
    drop(clock);
    resolver.callback(());
    assert!(connected.into_result().expect("it is over").is_ok());
}

#[test]
fn the_look_up_is_within_the_time() {
    let clock = Clock::new();
    let names = FakeResolver::new(&clock).after(ms(20_000), "slow.example", ["192.0.2.1"]);
    let never = |_| {
        let (resolver, deferred) = Deferred::<()>::new();
        std::mem::forget(resolver);
        deferred
    };
    let connected = HappyEyeballs::new().connect_by_name("slow.example", 80, &names, &clock, never);
    clock.pump([ms(20_000), ms(9_999)]);
    assert!(!connected.has_result());
    clock.advance(ms(1));
    let error = failure_of(connected).trap::<ConnectError>().expect("the time is up");
    assert_eq!(
        error.to_string(),
        "cannot connect to slow.example:80: 192.0.2.1:80, after 10s: there was no result within 30s"
    );

    let impatient = HappyEyeballs::new().timeout(ms(1_000));
    let connected = impatient.connect_by_name("slow.example", 80, &names, &clock, never);
    clock.advance(ms(1_000));
    let error = failure_of(connected).trap::<DnsLookupError>().expect("no name");
    assert_eq!((error.name.as_str(), error.source.kind()), ("slow.example", std::io::ErrorKind::TimedOut));
    assert_eq!(clock.delayed_calls(), []);
}
