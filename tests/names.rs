//! Names, and connecting to one of several addresses (RFC 8305), in virtual time.

#[path = "names/cancelling.rs"]
mod cancelling;
#[path = "names/lookups.rs"]
mod lookups;
#[path = "names/random.rs"]
mod random;
#[path = "names/times.rs"]
mod times;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use twisty::clock::Timestamp;
use twisty::names::HappyEyeballs;
use twisty::task::defer_later;
use twisty::testing::Clock;
use twisty::{ConnectError, Deferred, Failure};

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It succeeds after so long, at once if that is zero.
    Answers(Duration),
    /// It is refused after so long, at once if that is zero.
    Refuses(Duration),
    /// Nothing ever comes.
    BlackHole,
}

use Fate::{Answers, BlackHole, Refuses};

/// A network in which each address has a fate, and which notes what is done to it.
#[derive(Clone)]
struct Network {
    clock: Clock,
    /// When an attempt at an address began.
    begun: Rc<RefCell<Vec<(u64, SocketAddr)>>>,
    /// When one was cancelled.
    cancelled: Rc<RefCell<Vec<(u64, SocketAddr)>>>,
}

impl Network {
    fn new() -> Self {
        Self { clock: Clock::new(), begun: Rc::default(), cancelled: Rc::default() }
    }

    fn connect(&self, options: HappyEyeballs, fates: &[(SocketAddr, Fate)]) -> Deferred<SocketAddr> {
        let (network, known) = (self.clone(), fates.to_vec());
        let addresses = fates.iter().map(|(address, _)| *address);
        options.connect("example.com:80", addresses, &self.clock, move |address| {
            let (_, fate) = known.iter().find(|(known, _)| *known == address).expect("one that was given");
            network.attempt(address, *fate)
        })
    }

    fn attempt(&self, address: SocketAddr, fate: Fate) -> Deferred<SocketAddr> {
        self.begun.borrow_mut().push((self.now(), address));
        match fate {
            Answers(Duration::ZERO) => Deferred::succeed(address),
            Refuses(Duration::ZERO) => Deferred::fail(refused()),
            Answers(delay) => self.watched(address, defer_later(delay, &self.clock, move || Ok(address))),
            Refuses(delay) => self.watched(address, defer_later(delay, &self.clock, || Err(refused()))),
            BlackHole => {
                let (resolver, deferred) = Deferred::new();
                std::mem::forget(resolver);
                self.watched(address, deferred)
            }
        }
    }

    /// Notes that the attempt is cancelled.
    fn watched(&self, address: SocketAddr, attempt: Deferred<SocketAddr>) -> Deferred<SocketAddr> {
        let network = self.clone();
        attempt.add_both(move |result| {
            if result.as_ref().is_err_and(|why| why.check::<twisty::CancelledError>().is_some()) {
                network.cancelled.borrow_mut().push((network.now(), address));
            }
            result
        })
    }

    /// In nanoseconds.
    fn now(&self) -> u64 {
        u64::try_from((self.clock.now() - Timestamp::ZERO).as_nanos()).expect("a short test")
    }

    /// Lets time pass to each call that is due, until there is a result or nothing is due.
    fn run<T>(&self, deferred: &Deferred<T>) {
        while !deferred.has_result()
            && let Some(next) = self.clock.delayed_calls().first()
        {
            self.clock.advance(*next - self.clock.now());
        }
    }

    /// When each attempt began, in milliseconds, and the last part of its address.
    fn begun(&self) -> Vec<(u64, u8)> {
        self.begun.borrow().iter().map(|(at, address)| (at / 1_000_000, number_of(address))).collect()
    }

    fn cancelled(&self) -> Vec<(u64, u8)> {
        self.cancelled.borrow().iter().map(|(at, address)| (at / 1_000_000, number_of(address))).collect()
    }
}

fn refused() -> Failure {
    std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()
}

fn v6(number: u8) -> SocketAddr {
    (std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()), 80).into()
}

fn v4(number: u8) -> SocketAddr {
    ([192, 0, 2, number], 80).into()
}

fn number_of(address: &SocketAddr) -> u8 {
    match address.ip() {
        std::net::IpAddr::V4(v4) => v4.octets()[3],
        std::net::IpAddr::V6(v6) => v6.octets()[15],
    }
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn failure_of<T: std::fmt::Debug>(deferred: Deferred<T>) -> Failure {
    deferred.into_result().expect("it is over").expect_err("it failed")
}

fn connect_error(deferred: Deferred<SocketAddr>) -> ConnectError {
    failure_of(deferred).trap().expect("a ConnectError")
}
