//! Whenever it is cancelled, nothing goes on and nothing is left.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use twisty::deferred::CancelHandle;
use twisty::names::HappyEyeballs;
use twisty::testing::{Clock, FakeResolver, UnhandledFailures};
use twisty::{CancelledError, Deferred, DeferredLock};

use crate::{Answers, BlackHole, Network, Refuses, failure_of, ms, v4, v6};

#[test]
fn at_every_moment() {
    let _none = UnhandledFailures::forbid();
    let fates = [(v6(1), BlackHole), (v4(2), Refuses(ms(30))), (v6(3), Refuses(ms(0))), (v4(4), Answers(ms(20)))];
    let ends_at = 300;
    for moment in 0..ends_at {
        let network = Network::new();
        let connected = network.connect(HappyEyeballs::new(), &fates);
        network.clock.pump((0..moment).map(|_| ms(1)));
        assert!(!connected.has_result(), "it is over after {moment} ms");
        let begun = network.begun().len();
        connected.cancel();
        assert!(failure_of(connected).check::<CancelledError>().is_some());
        assert_eq!(network.clock.delayed_calls(), [], "at {moment} ms");
        // The first, and from 250 ms one beside it: the second, or when that has been refused, and the third, the last.
        let went_on = if moment < 250 { 1 } else { 2 };
        assert_eq!(network.cancelled().len(), went_on, "at {moment} ms");
        network.clock.advance(Duration::from_secs(60));
        assert_eq!(network.begun().len(), begun, "at {moment} ms");
    }
    let network = Network::new();
    let connected = network.connect(HappyEyeballs::new(), &fates);
    network.clock.pump((0..ends_at).map(|_| ms(1)));
    assert!(connected.into_result().expect("it is over").is_ok());
}

#[test]
fn while_the_name_is_looked_up() {
    let clock = Clock::new();
    let names = FakeResolver::new(&clock).after(ms(5), "example.com", ["192.0.2.1"]);
    let connected = HappyEyeballs::new()
        .connect_by_name("example.com", 80, &names, &clock, |_| -> Deferred<()> { panic!("it was cancelled") });
    connected.cancel();
    assert!(failure_of(connected).check::<CancelledError>().is_some());
    assert_eq!(clock.delayed_calls(), []);
}

#[test]
fn by_an_attempt_that_begins() {
    let handle = Rc::new(Cell::new(None::<CancelHandle>));
    let (to_cancel, clock, ended) = (Rc::clone(&handle), Clock::new(), Rc::new(Cell::new(0)));
    let count = Rc::clone(&ended);
    let connected = HappyEyeballs::new().connect("here", [v4(1), v4(2), v4(3)], &clock, move |_| {
        if let Some(all) = to_cancel.take() {
            all.cancel();
        }
        let count = Rc::clone(&count);
        let (resolver, attempt) = Deferred::<()>::with_canceller(move |_| count.set(count.get() + 1));
        std::mem::forget(resolver);
        attempt
    });
    handle.set(Some(connected.cancel_handle()));
    clock.advance(ms(250));
    assert!(failure_of(connected).check::<CancelledError>().is_some());
    assert_eq!((ended.get(), clock.delayed_calls().len()), (2, 0));
}

#[test]
fn though_an_attempt_does_not_end() {
    let clock = Clock::new();
    let never = || {
        let (resolver, deferred) = Deferred::<()>::new();
        std::mem::forget(resolver);
        deferred
    };
    let connected =
        HappyEyeballs::new().connect("here", [v4(1), v4(2)], &clock, move |_| never().add_errback(move |_| never()));
    connected.cancel();
    assert!(failure_of(connected).check::<CancelledError>().is_some());
    assert_eq!(clock.delayed_calls(), []);
}

#[test]
fn by_the_end_of_another_attempt() {
    let handle = Rc::new(Cell::new(None::<CancelHandle>));
    let (to_cancel, clock) = (Rc::clone(&handle), Clock::new());
    let connected = HappyEyeballs::new().connect("here", [v4(1), v4(2)], &clock, move |address| {
        if address == v4(2) {
            return Deferred::succeed(2);
        }
        let to_cancel = Rc::clone(&to_cancel);
        let (resolver, attempt) = Deferred::with_canceller(move |_| to_cancel.take().expect("it is set").cancel());
        std::mem::forget(resolver);
        attempt
    });
    handle.set(Some(connected.cancel_handle()));
    clock.advance(ms(250));
    assert!(failure_of(connected).check::<CancelledError>().is_some());
}

#[test]
fn a_success_that_comes_too_late_is_dropped() {
    let _none = UnhandledFailures::forbid();
    let (clock, socket) = (Clock::new(), Rc::new(()));
    let mine = Rc::clone(&socket);
    let connected = HappyEyeballs::new().connect("here", [v4(1), v4(2), v4(3)], &clock, move |address| {
        let late = Rc::clone(&mine);
        match crate::number_of(&address) {
            1 => {
                let (resolver, attempt) = Deferred::with_canceller(move |resolver| resolver.callback(late));
                std::mem::forget(resolver);
                attempt
            }
            2 => {
                // It has its result, and comes to it only when it is cancelled.
                let lock = DeferredLock::new();
                let (taken, waits) = (lock.acquire(), lock.acquire());
                std::mem::forget(taken);
                waits.add_both(|_| Ok(late))
            }
            _ => Deferred::succeed(late),
        }
    });
    clock.pump([ms(250), ms(250)]);
    drop(connected.into_result().expect("it is over").unwrap());
    assert_eq!(Rc::strong_count(&socket), 1, "neither the late ones nor the attempt are kept");
}

#[test]
fn a_handle_that_is_dropped_changes_nothing() {
    let network = Network::new();
    let won = Rc::new(Cell::new(None));
    let winner = Rc::clone(&won);
    drop(
        network
            .connect(HappyEyeballs::new(), &[(v6(1), BlackHole), (v4(2), Answers(ms(1)))])
            .map(move |address| winner.set(Some(address))),
    );
    network.clock.pump([ms(250), ms(1)]);
    assert_eq!(won.get(), Some(v4(2)));
}
