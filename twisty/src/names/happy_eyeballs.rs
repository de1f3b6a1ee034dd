//! Connecting to one of several addresses (RFC 8305), without I/O.
//!
//! The attempts are somebody else's: all that is here is when each begins, and which one counts.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::NameResolver;
use crate::clock::{DelayedCall, Scheduler, Timestamp, WeakClock};
use crate::deferred::{CancelHandle, Deferred, Resolver, maybe_deferred};
use crate::error::{ConnectError, DnsLookupError, FailedAttempt, ResolverDropped, TimeoutError};
use crate::failure::Failure;

/// Connects to a host that has several addresses: where one does not answer, the next is tried before long, and the first
/// that answers wins. (RFC 8305, Happy Eyeballs version 2; Twisted's `HostnameEndpoint`, which takes 300 ms and gives each
/// attempt 30 seconds.)
///
/// - The addresses are tried in their order, but the families take turns, the first address's family first: an IPv6 that
///   leads nowhere does not hold up IPv4, whatever the number of its addresses. An address that comes twice is tried once.
/// - An attempt that has not ended after [`attempt_delay`](Self::attempt_delay) is not waited for: the next begins
///   beside it. When one fails, the next begins at once, and the delay counts from there.
/// - The first to succeed wins. The others are cancelled, and what they bring all the same is dropped.
/// - If all fail, or [`timeout`](Self::timeout) has passed, the Deferred fails with [`ConnectError`], which lists them all.
/// - Cancelling the Deferred cancels all that goes on.
///
/// Both families' addresses come from a resolver together, so the resolution delay of RFC 8305, section 3, does not arise.
///
/// ```
/// use std::net::SocketAddr;
/// use std::time::Duration;
/// use twisty::Deferred;
/// use twisty::names::HappyEyeballs;
/// use twisty::task::defer_later;
/// use twisty::testing::Clock;
///
/// let clock = Clock::new();
/// let addresses: [SocketAddr; 2] = ["[2001:db8::1]:80".parse()?, "192.0.2.1:80".parse()?];
/// let network = clock.clone();
/// let connected = HappyEyeballs::new().connect("example.com:80", addresses, &clock, move |address| {
///     let answers_after = Duration::from_secs(if address.is_ipv6() { 3600 } else { 0 });
///     defer_later(answers_after, &network, move || Ok(address))
/// });
/// clock.advance(Duration::from_millis(250));
/// assert_eq!(connected.into_result().expect("a quarter of a second is enough")?, addresses[1]);
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HappyEyeballs {
    attempt_delay: Duration,
    timeout: Duration,
}

impl HappyEyeballs {
    /// How long an attempt is waited for before the next one begins: 250 ms, unless
    /// [`attempt_delay`](Self::attempt_delay) says otherwise.
    pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
    /// The shortest such delay that RFC 8305 allows: 10 ms.
    pub const LEAST_ATTEMPT_DELAY: Duration = Duration::from_millis(10);
    /// How long it all may take: 30 seconds, unless [`timeout`](Self::timeout) says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// With the delays that are usual.
    ///
    /// ```
    /// use twisty::names::HappyEyeballs;
    ///
    /// assert_eq!(HappyEyeballs::new(), HappyEyeballs::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self { attempt_delay: Self::ATTEMPT_DELAY, timeout: Self::TIMEOUT }
    }

    /// How long an attempt is waited for before the next one begins beside it, at least 10 ms. Default: 250 ms. (Twisted's
    /// `HostnameEndpoint(attemptDelay=…)`.)
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::names::HappyEyeballs;
    ///
    /// let patient = HappyEyeballs::new().attempt_delay(Duration::from_secs(2));
    /// assert_ne!(patient, HappyEyeballs::new());
    /// ```
    #[must_use]
    pub fn attempt_delay(self, delay: Duration) -> Self {
        Self { attempt_delay: delay.max(Self::LEAST_ATTEMPT_DELAY), ..self }
    }

    /// How long it all may take, the look-up of the name included. Default: 30 seconds. (Twisted's
    /// `HostnameEndpoint(timeout=…)` is each attempt's.)
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::names::HappyEyeballs;
    ///
    /// let impatient = HappyEyeballs::new().timeout(Duration::from_secs(2));
    /// assert_ne!(impatient, HappyEyeballs::new());
    /// ```
    #[must_use]
    pub const fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Connects to one of `addresses` by `attempt`, which begins one attempt at the address that it is given.
    /// `destination` is what the error says was to be connected to.
    ///
    /// An attempt is ended by cancelling its Deferred. It may have its result at once; one that panics has failed. One that
    /// fails with [`ResolverDropped`] ends all, with that failure: whoever was to make the attempts is gone.
    ///
    /// What is to come is known by `clock`, which is not kept alive. `attempt` is kept until it is over; one that owns the
    /// reactor keeps that alive as long.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use twisty::names::HappyEyeballs;
    /// use twisty::testing::Clock;
    /// use twisty::{ConnectError, Deferred, Failure};
    ///
    /// let clock = Clock::new();
    /// let addresses: [SocketAddr; 2] = ["[2001:db8::1]:80".parse()?, "192.0.2.1:80".parse()?];
    /// let connected = HappyEyeballs::new().connect("example.com:80", addresses, &clock, |address| {
    ///     Deferred::<()>::fail(Failure::message(format!("nobody is at {address}")))
    /// });
    /// let failure = connected.into_result().expect("each has failed at once").unwrap_err();
    /// assert_eq!(failure.check::<ConnectError>().map(|error| error.attempts.len()), Some(2));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[track_caller]
    pub fn connect<T: 'static>(
        &self,
        destination: impl Into<String>,
        addresses: impl IntoIterator<Item = SocketAddr>,
        clock: &(impl Scheduler + ?Sized),
        attempt: impl FnMut(SocketAddr) -> Deferred<T> + 'static,
    ) -> Deferred<T> {
        let addresses = Deferred::succeed(addresses.into_iter().collect());
        self.race(destination.into(), addresses, clock, Box::new(attempt))
    }

    /// The same with the addresses of `host`, which [`resolve`](super::resolve) gets from `names`.
    ///
    /// The Deferred fails as that if there are none, and with [`DnsLookupError`] if they are not there in time.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::Deferred;
    /// use twisty::names::HappyEyeballs;
    /// use twisty::testing::{Clock, FakeResolver};
    ///
    /// let clock = Clock::new();
    /// let names = FakeResolver::new(&clock).with("example.com", ["192.0.2.1"]);
    /// let connected = HappyEyeballs::new().connect_by_name("example.com", 80, &names, &clock, Deferred::succeed);
    /// assert_eq!(connected.into_result().expect("it is there at once")?, "192.0.2.1:80".parse()?);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[track_caller]
    pub fn connect_by_name<T: 'static>(
        &self,
        host: &str,
        port: u16,
        names: &dyn NameResolver,
        clock: &(impl Scheduler + ?Sized),
        attempt: impl FnMut(SocketAddr) -> Deferred<T> + 'static,
    ) -> Deferred<T> {
        let name = host.to_owned();
        // Before the other of the same time, so that it is the look-up that was too slow.
        let addresses = super::resolve(host, port, names).add_timeout_with(self.timeout, clock, |_cancelled, limit| {
            let source = io::Error::new(io::ErrorKind::TimedOut, TimeoutError { limit });
            Err(DnsLookupError { name, source }.into())
        });
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        self.race(format!("{host}:{port}"), addresses, clock, Box::new(attempt))
    }

    #[track_caller]
    fn race<T: 'static>(
        &self,
        destination: String,
        addresses: Deferred<Vec<SocketAddr>>,
        clock: &(impl Scheduler + ?Sized),
        attempt: Attempt<T>,
    ) -> Deferred<T> {
        let track = Rc::new(Track::new(destination, self.attempt_delay, WeakClock::of(clock)));
        let result = Rc::clone(&track);
        addresses
            .add_callback(move |addresses| {
                track.set_addresses(addresses);
                Race::start(track, attempt)
            })
            .add_timeout_with(self.timeout, clock, move |_cancelled, limit| Err(result.timed_out(limit)))
    }
}

impl Default for HappyEyeballs {
    fn default() -> Self {
        Self::new()
    }
}

/// The addresses, the families in turns, each once.
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let mut each_once = Vec::with_capacity(addresses.len());
    for address in addresses {
        if !each_once.contains(&address) {
            each_once.push(address);
        }
    }
    let first_is_v6 = each_once.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = each_once.into_iter().partition(|ip| ip.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut in_turns = VecDeque::new();
    while first.len() + second.len() > 0 {
        in_turns.extend(first.next());
        in_turns.extend(second.next());
    }
    in_turns
}

/// Begins an attempt.
type Attempt<T> = Box<dyn FnMut(SocketAddr) -> Deferred<T>>;

/// Attempts that go on, and who is told of the first that succeeds. Those that go on keep it; no timer does.
struct Race<T: 'static> {
    attempt: RefCell<Attempt<T>>,
    resolver: Resolver<T>,
    track: Rc<Track>,
}

impl<T: 'static> Race<T> {
    fn start(track: Rc<Track>, attempt: Attempt<T>) -> Deferred<T> {
        let to_stop = Rc::clone(&track);
        let (resolver, deferred) = Deferred::with_canceller(move |_| to_stop.stop());
        track.owe_one();
        Rc::new(Self { attempt: RefCell::new(attempt), resolver, track }).run();
        deferred
    }

    /// Begins the attempts that are owed; then the next one's time counts.
    fn run(self: &Rc<Self>) {
        // Where an attempt that begins ends another, the run that it is in goes on.
        let Ok(mut attempt) = self.attempt.try_borrow_mut() else { return };
        while let Some((index, address)) = self.track.begin_next() {
            match maybe_deferred(|| attempt(address)).into_result() {
                Ok(result) => self.ended(index, result),
                Err(pending) => self.wait_for(index, pending),
            }
        }
        if let Some(failure) = self.track.all_failed() {
            self.track.stop();
            let _it_may_be_cancelled = self.resolver.try_errback(failure);
        }
        self.wait_for_next();
    }

    fn wait_for(self: &Rc<Self>, index: usize, pending: Deferred<T>) {
        let cancel = pending.cancel_handle();
        let race = Rc::clone(self);
        pending.add_both(move |result| {
            race.ended(index, result);
            race.run();
        });
        self.track.goes_on(index, cancel);
    }

    /// What comes when it is over is dropped.
    fn ended(&self, index: usize, result: Result<T, Failure>) {
        if self.track.is_over() {
            return;
        }
        match result {
            Ok(value) => {
                self.track.stop();
                let _it_may_be_cancelled = self.resolver.try_callback(value);
            }
            Err(failure) if failure.check::<ResolverDropped>().is_some() => {
                self.track.stop();
                let _it_may_be_cancelled = self.resolver.try_errback(failure);
            }
            Err(failure) => self.track.failed(index, failure),
        }
    }

    fn wait_for_next(self: &Rc<Self>) {
        let race = Rc::downgrade(self);
        self.track.wait_for_next(move || {
            if let Some(race) = Weak::upgrade(&race) {
                race.track.owe_one();
                race.run();
            }
        });
    }
}

/// How far it is: what is the same whatever an attempt brings.
struct Track {
    destination: String,
    attempt_delay: Duration,
    clock: WeakClock,
    /// Whose line the error belongs to.
    site: &'static Location<'static>,
    untried: RefCell<VecDeque<SocketAddr>>,
    tried: RefCell<Vec<Tried>>,
    /// Attempts that are to begin now.
    owed: Cell<usize>,
    /// Begins the next attempt.
    timer: RefCell<Option<DelayedCall>>,
    is_over: Cell<bool>,
}

/// An attempt that was begun.
struct Tried {
    address: SocketAddr,
    at: Timestamp,
    /// While it goes on; none while it is being begun.
    cancel: Option<CancelHandle>,
    /// How long it took, and why it failed.
    ended: Option<(Duration, Failure)>,
}

impl Track {
    #[track_caller]
    fn new(destination: String, attempt_delay: Duration, clock: WeakClock) -> Self {
        Self {
            destination,
            attempt_delay,
            clock,
            site: Location::caller(),
            untried: RefCell::default(),
            tried: RefCell::default(),
            owed: Cell::new(0),
            timer: RefCell::default(),
            is_over: Cell::new(false),
        }
    }

    fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        self.untried.replace(interleave(addresses));
    }

    fn is_over(&self) -> bool {
        self.is_over.get()
    }

    fn owe_one(&self) {
        self.owed.set(self.owed.get() + 1);
    }

    /// The attempt that is to begin now, if there is one.
    fn begin_next(&self) -> Option<(usize, SocketAddr)> {
        if self.is_over() || self.owed.get() == 0 {
            return None;
        }
        self.owed.set(self.owed.get() - 1);
        let address = self.untried.borrow_mut().pop_front()?;
        let mut tried = self.tried.borrow_mut();
        tried.push(Tried { address, at: self.clock.time().unwrap_or_default(), cancel: None, ended: None });
        Some((tried.len() - 1, address))
    }

    /// It has begun; if it is over meanwhile, it need not have.
    fn goes_on(&self, index: usize, cancel: CancelHandle) {
        if self.is_over() {
            cancel.cancel();
        } else {
            self.tried.borrow_mut()[index].cancel = Some(cancel);
        }
    }

    fn failed(&self, index: usize, failure: Failure) {
        let tried = &mut self.tried.borrow_mut()[index];
        tried.cancel = None;
        tried.ended = Some((self.clock.time().unwrap_or_default() - tried.at, failure));
        self.owe_one();
    }

    /// Why there is nothing to wait for any more. Each that failed had the next one begin, so none is untried then.
    fn all_failed(&self) -> Option<Failure> {
        let nothing_goes_on = self.tried.borrow().iter().all(|it| it.ended.is_some());
        (!self.is_over() && nothing_goes_on).then(|| self.failure(self.tried.take()))
    }

    /// Why it is over though some attempts go on: they have been cancelled, and are told of as too slow.
    fn timed_out(&self, limit: Duration) -> Failure {
        let now = self.clock.time().unwrap_or_default();
        let mut tried = self.tried.take();
        tried.iter_mut().filter(|it| it.ended.is_none()).for_each(|it| {
            it.ended = Some((now - it.at, TimeoutError { limit }.into()));
        });
        self.failure(tried)
    }

    fn failure(&self, tried: Vec<Tried>) -> Failure {
        let attempt =
            |it: Tried| it.ended.map(|(after, failure)| FailedAttempt { address: it.address, after, failure });
        let attempts = tried.into_iter().filter_map(attempt).collect();
        Failure::of_a_peer(ConnectError { destination: self.destination.clone(), attempts }).at(self.site)
    }

    /// Calls `next` when the attempt that was begun last is not to be waited for any more, if there is another.
    fn wait_for_next(&self, next: impl FnOnce() + 'static) {
        self.stop_timer();
        if self.is_over() || self.untried.borrow().is_empty() {
            return;
        }
        let timer = self.clock.time().and_then(|now| self.clock.schedule(now, self.attempt_delay, next));
        self.timer.replace(timer);
    }

    fn stop_timer(&self) {
        let timer = self.timer.take();
        if let Some(timer) = timer {
            let _it_may_have_run = timer.cancel();
        }
    }

    /// Cancels all that goes on.
    fn stop(&self) {
        self.is_over.set(true);
        self.stop_timer();
        // Taken out first: those that are cancelled may look in here.
        let going_on: Vec<_> = self.tried.borrow_mut().iter_mut().filter_map(|it| it.cancel.take()).collect();
        going_on.iter().for_each(|attempt| attempt.cancel_at(self.site));
    }
}
