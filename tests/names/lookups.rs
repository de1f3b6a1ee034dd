//! What is asked of resolvers.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::mpsc;

use twisty::names::{self, NameResolver};
use twisty::reactor::GetAddrInfo;
use twisty::testing::{Clock, FakeResolver, UnhandledFailures};
use twisty::{CancelledError, Deferred, DnsLookupError, Failure, Reactor, ReactorError};

use crate::{failure_of, ms};

fn wait_for<T: std::fmt::Debug>(reactor: &Reactor, deferred: Deferred<T>) -> Result<T, Failure> {
    while !deferred.has_result() {
        reactor.turn(None).expect("the poll works");
    }
    deferred.into_result().expect("it is there")
}

#[test]
fn a_resolver_is_asked_for_names_only() {
    let fake = FakeResolver::new(&Clock::new()).with("xn--bcher-kva.example", ["192.0.2.1"]);
    for known in ["127.0.0.1", "[::1]", "fe80::1%1", "localhost"] {
        assert!(names::resolve(known, 80, &fake).into_result().expect("at once").is_ok());
    }
    for wrong in ["", "a..b", "a\0b", "a b", &"a".repeat(300)] {
        let error = failure_of(names::resolve(wrong, 80, &fake)).trap::<DnsLookupError>().expect("no name");
        assert_eq!((error.name.as_str(), error.source.kind()), (wrong, ErrorKind::InvalidInput));
    }
    assert_eq!(fake.asked(), [""; 0]);
    let found = names::resolve("Bücher.example", 80, &fake).into_result().expect("at once").unwrap();
    assert_eq!(found, ["192.0.2.1:80".parse().unwrap()]);
    assert_eq!(fake.asked(), ["xn--bcher-kva.example"]);
}

#[test]
fn what_a_resolver_does_not_have_is_an_error() {
    let fake = FakeResolver::new(&Clock::new()).with("none.example", []).failing("gone.example", ErrorKind::BrokenPipe);
    for (name, kind) in [
        ("none.example", ErrorKind::NotFound),
        ("gone.example", ErrorKind::BrokenPipe),
        ("unheard.example", ErrorKind::NotFound),
    ] {
        let error = failure_of(names::resolve(name, 80, &fake)).trap::<DnsLookupError>().expect("no address");
        assert_eq!((error.name.as_str(), error.source.kind()), (name, kind));
    }
}

/// One that panics.
struct Broken;

impl NameResolver for Broken {
    fn resolve(&self, _name: &str) -> Deferred<Vec<IpAddr>> {
        panic!("it is broken")
    }
}

#[test]
fn a_resolver_that_panics_has_failed() {
    let failure = failure_of(names::resolve("example.com", 80, &Broken));
    assert!(failure.check::<twisty::HandlerPanicked>().is_some(), "{failure}");
}

#[test]
fn a_cancelled_fake_look_up_leaves_the_clock() {
    let clock = Clock::new();
    let fake = FakeResolver::new(&clock).after(ms(5), "slow.example", ["192.0.2.1"]);
    let addresses = names::resolve("slow.example", 80, &fake);
    addresses.cancel();
    assert!(failure_of(addresses).check::<CancelledError>().is_some());
    assert_eq!(clock.delayed_calls(), []);
}

#[test]
fn the_system_knows_this_machine() {
    let reactor = Reactor::new().unwrap();
    let addresses = wait_for(&reactor, reactor.name_resolver().resolve("localhost")).unwrap();
    assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
}

#[test]
fn what_the_system_refuses_is_an_error() {
    let reactor = Reactor::new().unwrap();
    let failure = wait_for(&reactor, reactor.name_resolver().resolve("a\0b")).unwrap_err();
    assert_eq!(failure.trap::<DnsLookupError>().expect("no name").name, "a\0b");
}

#[test]
fn a_cancelled_look_up_is_over_and_its_result_goes_nowhere() {
    let _none = UnhandledFailures::forbid();
    let reactor = Reactor::new().unwrap();
    reactor.thread_pool().set_size(1);
    let (go_on, wait) = mpsc::channel::<()>();
    let busy = reactor.defer_to_thread(move || Ok(wait.recv()?));
    let addresses = reactor.name_resolver().resolve("localhost");
    addresses.cancel();
    assert!(failure_of(addresses).check::<CancelledError>().is_some());
    go_on.send(()).unwrap();
    wait_for(&reactor, busy).unwrap();
    wait_for(&reactor, reactor.defer_to_thread(|| ())).unwrap();
}

#[test]
fn the_system_is_asked_by_a_reactor_that_lives() {
    let reactor = Reactor::new().unwrap();
    let names = GetAddrInfo::new(&reactor);
    drop(reactor);
    assert_eq!(failure_of(names.resolve("example.com")).check(), Some(&ReactorError::Gone));
}

#[test]
fn a_reactor_asks_whom_it_is_told_to() {
    struct Here;
    impl NameResolver for Here {
        fn resolve(&self, _name: &str) -> Deferred<Vec<IpAddr>> {
            Deferred::succeed(vec![Ipv4Addr::LOCALHOST.into()])
        }
    }

    let reactor = Reactor::new().unwrap();
    let resolver: Rc<dyn NameResolver> = Rc::new(Here);
    reactor.set_name_resolver(Rc::clone(&resolver));
    assert!(Rc::ptr_eq(&reactor.name_resolver(), &resolver));
    assert!(reactor.resolve("example.com", 80).into_result().expect("at once").is_ok());
    drop(reactor);
    assert_eq!(Rc::strong_count(&resolver), 1);
}
