//! A client that stays connected.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::Connected;
use crate::clock::{DelayedCall, Scheduler, WeakClock};
use crate::deferred::{CancelHandle, Deferred, IntoDeferred, Resolver, maybe_deferred};
use crate::endpoint::IntoClientEndpoint;
use crate::error::{self, CancelledError, EndpointError, HandlerPanicked, ReactorError};
use crate::failure::Failure;
use crate::protocol::{ForProtocol, Protocol};
use crate::reactor::Reactor;

/// Keeps one connection up: connects, connects again when the connection is lost or cannot be made, and gives whoever asks
/// the connection there is, or the next one. (Twisted's `ClientService`.)
///
/// Cheap to clone: the clones are the same service. It goes on until [`stop`](Self::stop), also when nobody holds it any
/// more.
///
/// Its states are Twisted's. They are an enum and not a `#[state_machine]`, because that dispatches what happens on one
/// connection, and a service outlives its connections.
///
/// ```
/// use twisty::client::ClientService;
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Sensor;
///
/// #[protocol]
/// impl Sensor {
///     #[on(line)]
///     fn reading(&mut self, line: &str) {
///         println!("{line}");
///     }
/// }
///
/// let reactor = Reactor::new()?;
/// let service = ClientService::of(&reactor, "tcp:127.0.0.1:8007", || Sensor)?;
/// service.start();
/// let _asked = service.when_connected(None).map(|sensor| sensor.transport().send("report"));
/// let stopped = service.stop();
/// # let _ = stopped;
/// # Ok::<(), twisty::Failure>(())
/// ```
pub struct ClientService<C: Session>(Rc<Core<C>>);

/// A connection that a [`ClientService`] keeps up: [`Connected`], or what a program makes of one, or a test in its place.
///
/// ```
/// use twisty::client::Session;
/// use twisty::{Deferred, Failure};
///
/// /// One that lasts for ever.
/// #[derive(Clone)]
/// struct Eternal;
///
/// impl Session for Eternal {
///     fn lose_connection(&self) {}
///
///     fn when_lost(&self) -> Deferred<Failure> {
///         Deferred::with_canceller(|_| {}).1
///     }
/// }
/// ```
pub trait Session: Clone + 'static {
    /// Closes it in good order; [`when_lost`](Self::when_lost) fires when that is done.
    fn lose_connection(&self);

    /// Fires with the reason when the connection is over; at once if it is already.
    fn when_lost(&self) -> Deferred<Failure>;
}

impl<P: Protocol> Session for Connected<P> {
    fn lose_connection(&self) {
        self.lose_connection();
    }

    fn when_lost(&self) -> Deferred<Failure> {
        self.when_lost()
    }
}

struct Core<C: Session> {
    clock: WeakClock,
    connect: RefCell<Box<dyn FnMut() -> Deferred<C>>>,
    prepare: RefCell<Prepare<C>>,
    retry_policy: RefCell<Box<dyn FnMut(u32) -> Duration>>,
    state: RefCell<State<C>>,
    /// Which attempt, or its connection, is the present one: what earlier ones still say concerns nobody.
    attempt: Cell<u64>,
    /// The connection of the present attempt, from its first moment to its last.
    connection: RefCell<Option<C>>,
    /// Failed attempts and losses since the last success.
    failures: Cell<u32>,
    /// Who waits for a connection, and for how many failures more.
    waiting: RefCell<Vec<(Resolver<C>, Option<u32>)>>,
    /// Who waits for the service to have stopped.
    stopping: RefCell<Vec<Resolver<()>>>,
}

type Prepare<C> = Option<Box<dyn FnMut(&C) -> Deferred<()>>>;

enum State<C> {
    Init,
    /// The attempt can be cancelled once it has begun.
    Connecting(Option<CancelHandle>),
    Connected(C),
    /// Until the next attempt.
    Waiting(DelayedCall),
    Disconnecting,
    /// The old connection closes, then there is to be another.
    Restarting,
    Stopped,
}

impl<P: Protocol<Factory = ForProtocol<P>>> ClientService<Connected<P>> {
    /// One that keeps a protocol connected to an endpoint, as [`Reactor::connect_protocol`] connects it; `build` makes a
    /// new protocol for each attempt. It keeps no reactor alive.
    ///
    /// # Errors
    /// When the endpoint cannot be understood.
    ///
    /// ```
    /// # use twisty::{client::ClientService, prelude::*};
    /// # #[protocol(raw)] #[derive(Default)] struct Sink;
    /// # #[protocol] impl Sink { #[on(data)] fn data(&mut self) {} }
    /// # let reactor = Reactor::new()?;
    /// let service = ClientService::of(&reactor, "tcp:127.0.0.1:8007", Sink::default)?;
    /// assert!(!service.is_running());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn of(
        reactor: &Reactor,
        endpoint: impl IntoClientEndpoint,
        mut build: impl FnMut() -> P + 'static,
    ) -> Result<Self, EndpointError> {
        let (endpoint, weak) = (endpoint.into_client_endpoint()?, reactor.downgrade());
        Ok(Self::new(reactor, move || match weak.upgrade() {
            Some(reactor) => reactor.connect_protocol(&endpoint, build()),
            None => Deferred::fail(ReactorError::Gone),
        }))
    }
}

impl<C: Session> ClientService<C> {
    /// One that connects by calling `connect`, and waits between attempts by `clock`, which it does not keep alive.
    ///
    /// ```
    /// use twisty::client::{ClientService, Connected};
    /// # use twisty::prelude::*;
    /// # #[protocol(raw)] #[derive(Default)] struct Sink;
    /// # #[protocol] impl Sink { #[on(data)] fn data(&mut self) {} }
    ///
    /// let clock = twisty::testing::Clock::new();
    /// let service = ClientService::<Connected<Sink>>::new(&clock, || Deferred::fail(std::io::Error::other("no network")));
    /// service.start();
    /// assert!(service.is_running());
    /// ```
    pub fn new(clock: &(impl Scheduler + ?Sized), connect: impl FnMut() -> Deferred<C> + 'static) -> Self {
        Self(Rc::new(Core {
            clock: WeakClock::of(clock),
            connect: RefCell::new(Box::new(connect)),
            prepare: RefCell::default(),
            retry_policy: RefCell::new(Box::new(backoff_policy(
                Duration::from_secs(1),
                Core::<C>::LONGEST_DELAY,
                1.5,
                || Duration::from_secs_f64(fastrand::f64()),
            ))),
            state: RefCell::new(State::Init),
            attempt: Cell::new(0),
            connection: RefCell::default(),
            failures: Cell::new(0),
            waiting: RefCell::default(),
            stopping: RefCell::default(),
        }))
    }

    /// How long to wait after so many failures in a row, one at least; the loss of a connection is the first. Default:
    /// [`backoff_policy`] from 1 s, by 1.5 to 60 s, and up to a second more. After one that panics it is 60 s. (Twisted's
    /// `retryPolicy`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::{client::{ClientService, Connected}, prelude::*};
    /// # #[protocol(raw)] #[derive(Default)] struct Sink;
    /// # #[protocol] impl Sink { #[on(data)] fn data(&mut self) {} }
    /// # let clock = twisty::testing::Clock::new();
    /// # let connect = || Deferred::<Connected<Sink>>::fail(std::io::Error::other("no network"));
    /// let service = ClientService::new(&clock, connect).retry_policy(|failures| Duration::from_secs(failures.into()));
    /// # service.start();
    /// ```
    #[must_use]
    pub fn retry_policy(self, policy: impl FnMut(u32) -> Duration + 'static) -> Self {
        *self.0.retry_policy.borrow_mut() = Box::new(policy);
        self
    }

    /// What to do with each new connection before anybody is given it: to log in, say. If that fails the connection is
    /// closed, and it counts as a failed attempt. (Twisted's `prepareConnection`.)
    ///
    /// ```
    /// # use twisty::{client::{ClientService, Connected}, prelude::*};
    /// # #[protocol(line)] #[derive(Default)] struct Mail;
    /// # #[protocol] impl Mail { #[on(line)] fn line(&mut self) {} }
    /// # let reactor = Reactor::new()?;
    /// let service = ClientService::of(&reactor, "tcp:127.0.0.1:8025", Mail::default)?
    ///     .prepare(|mail| mail.call(|_, cx| cx.send("HELO me")));
    /// # service.stop();
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn prepare<R: IntoDeferred<Value = ()>>(self, mut prepare: impl FnMut(&C) -> R + 'static) -> Self {
        *self.0.prepare.borrow_mut() = Some(Box::new(move |connection| prepare(connection).into_deferred()));
        self
    }

    /// Connects now, and stays connected from now on; nothing if it does so already. (Twisted's `startService`.)
    pub fn start(&self) {
        let disconnecting = matches!(&*self.0.state.borrow(), State::Disconnecting);
        if disconnecting {
            self.0.state.replace(State::Restarting);
        } else if !self.is_running() {
            self.connect();
        }
    }

    /// Whether it was started and not stopped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !matches!(&*self.0.state.borrow(), State::Init | State::Stopped | State::Disconnecting)
    }

    /// Ends the attempt or the connection there is, and makes no other. Fires when the connection is lost. Who waits for one
    /// gets a [`CancelledError`]. (Twisted's `stopService`.)
    #[track_caller]
    pub fn stop(&self) -> Deferred<()> {
        let state = self.0.state.replace(State::Disconnecting);
        if matches!(state, State::Init | State::Stopped) {
            self.0.state.replace(State::Stopped);
            return Deferred::succeed(());
        }
        let (resolver, stopped) = Deferred::new();
        self.0.stopping.borrow_mut().push(resolver);
        match state {
            State::Waiting(call) => {
                _ = call.cancel();
                self.0.finish_stopping();
            }
            State::Connecting(attempt) => {
                attempt.into_iter().for_each(|attempt| attempt.cancel());
            }
            State::Connected(connection) => connection.lose_connection(),
            _ => {}
        }
        stopped
    }

    /// The connection there is, or the next one. With `fail_after`, it fails with the reason once so many attempts have
    /// failed from now on; else only when the service is stopped, with a [`CancelledError`]. (Twisted's `whenConnected`.)
    #[track_caller]
    pub fn when_connected(&self, fail_after: impl Into<Option<u32>>) -> Deferred<C> {
        match &*self.0.state.borrow() {
            State::Connected(connection) => return Deferred::succeed(connection.clone()),
            State::Stopped => return Deferred::fail(CancelledError),
            _ => {}
        }
        let (resolver, connected) = Deferred::new();
        let mut waiting = self.0.waiting.borrow_mut();
        if waiting.len() == waiting.capacity() {
            waiting.retain(|(resolver, _)| !resolver.is_called());
        }
        waiting.push((resolver, fail_after.into()));
        connected
    }

    /// Begins an attempt.
    fn connect(&self) {
        let core = &self.0;
        let attempt = core.next_attempt();
        core.state.replace(State::Connecting(None));
        let connecting = maybe_deferred(|| (core.connect.borrow_mut())());
        let (prepares, ends) = (self.clone(), self.clone());
        let outcome = connecting
            .add_callback(move |connection| prepares.made(attempt, connection))
            .add_both(move |outcome| ends.attempted(attempt, outcome));
        if core.attempt.get() != attempt {
            return;
        }
        let mut state = core.state.borrow_mut();
        match &mut *state {
            State::Connecting(handle) => *handle = Some(outcome.cancel_handle()),
            // It was stopped meanwhile, when there was nothing to cancel yet.
            State::Disconnecting | State::Restarting => {
                drop(state);
                outcome.cancel();
            }
            _ => {}
        }
    }

    /// There is a connection, which is to be prepared.
    fn made(&self, attempt: u64, connection: C) -> Deferred<C> {
        let me = self.clone();
        *self.0.connection.borrow_mut() = Some(connection.clone());
        connection.when_lost().map(move |reason| me.lost(attempt, &reason));
        let prepared = match &mut *self.0.prepare.borrow_mut() {
            Some(prepare) => maybe_deferred(|| prepare(&connection)),
            None => Deferred::succeed(()),
        };
        prepared.map(|()| connection)
    }

    /// The attempt is over.
    fn attempted(&self, attempt: u64, outcome: Result<C, Failure>) {
        let core = &self.0;
        if attempt != core.attempt.get() {
            return;
        }
        let is_wanted = matches!(&*core.state.borrow(), State::Connecting(_));
        match outcome {
            Ok(connection) if is_wanted => core.connected(&connection),
            Err(why) if is_wanted => {
                // From now on the loss of what could not be prepared is no news.
                core.next_attempt();
                core.connection.take().iter().for_each(Session::lose_connection);
                self.failed(&why);
            }
            // Too late: it was stopped. What there is of a connection goes first.
            _ => {
                let connection = core.connection.borrow().clone();
                connection.map_or_else(|| self.disconnected(), |connection| connection.lose_connection());
            }
        }
    }

    /// The connection is over.
    fn lost(&self, attempt: u64, reason: &Failure) {
        if attempt != self.0.attempt.get() {
            return;
        }
        self.0.connection.take();
        let is_wanted = matches!(&*self.0.state.borrow(), State::Connecting(_) | State::Connected(_));
        if is_wanted { self.failed(reason) } else { self.disconnected() }
    }

    /// There is no connection, and there was to be one.
    fn failed(&self, why: &Failure) {
        let core = &self.0;
        core.next_attempt();
        core.failures.set(core.failures.get().saturating_add(1));
        let delay = core.next_delay();
        if !self.is_running() {
            return self.disconnected();
        }
        let again = self.clone();
        let call = core.clock.time().and_then(|now| core.clock.schedule(now, delay, move || again.retry()));
        let attempted = match call {
            Some(call) => core.state.replace(State::Waiting(call)),
            // There is no other time to come.
            None => core.state.replace(State::Stopped),
        };
        if let State::Connecting(Some(attempt)) = attempted {
            attempt.cancel();
        }
        core.tell_of_failure(why);
        if matches!(&*core.state.borrow(), State::Stopped) {
            core.finish_stopping();
        }
    }

    fn retry(&self) {
        if matches!(&*self.0.state.borrow(), State::Waiting(_)) {
            self.connect();
        }
    }

    /// There is no connection, and there was to be none.
    fn disconnected(&self) {
        let restarting = matches!(&*self.0.state.borrow(), State::Restarting);
        self.0.next_attempt();
        if restarting {
            self.connect();
            self.0.tell_stopped();
        } else {
            self.0.finish_stopping();
        }
    }
}

impl<C: Session> Core<C> {
    /// The longest, unless a policy says otherwise.
    const LONGEST_DELAY: Duration = Duration::from_secs(60);

    fn next_attempt(&self) -> u64 {
        self.attempt.set(self.attempt.get() + 1);
        self.attempt.get()
    }

    fn connected(&self, connection: &C) {
        self.failures.set(0);
        self.state.replace(State::Connected(connection.clone()));
        for (waiting, _) in self.waiting.take() {
            _ = waiting.try_callback(connection.clone());
        }
    }

    /// What a policy does wrong is no reason not to connect again.
    fn next_delay(&self) -> Duration {
        let delay = HandlerPanicked::catch(|| (self.retry_policy.borrow_mut())(self.failures.get()));
        delay.unwrap_or_else(|failure| {
            tracing::error!(%failure, "a retry policy failed");
            Self::LONGEST_DELAY
        })
    }

    /// Tells those who have waited for enough failures.
    fn tell_of_failure(&self, why: &Failure) {
        let mut waiting = self.waiting.borrow_mut();
        let is_ready = |(_, left): &mut (Resolver<C>, Option<u32>)| {
            *left = left.map(|left| left.saturating_sub(1));
            *left == Some(0)
        };
        let ready: Vec<_> = waiting.extract_if(.., is_ready).collect();
        drop(waiting);
        for (waiting, _) in ready {
            _ = waiting.try_errback(error::twin(why));
        }
    }

    fn finish_stopping(&self) {
        self.next_attempt();
        self.state.replace(State::Stopped);
        for (waiting, _) in self.waiting.take() {
            _ = waiting.try_errback(CancelledError);
        }
        self.tell_stopped();
    }

    fn tell_stopped(&self) {
        for stopping in self.stopping.take() {
            _ = stopping.try_callback(());
        }
    }
}

/// A policy by which delays grow: after `n` failures in a row `initial * factor^n`, at most `max`, and `jitter` more. They
/// grow no longer after 100 failures. (Twisted's `backoffPolicy`; there too the first delay is `initial * factor`.)
///
/// ```
/// use std::time::Duration;
/// use twisty::client::backoff_policy;
///
/// let mut policy = backoff_policy(Duration::from_secs(1), Duration::from_secs(60), 1.5, || Duration::ZERO);
/// assert_eq!(policy(1), Duration::from_millis(1500));
/// assert_eq!(policy(1000), Duration::from_secs(60));
/// ```
pub fn backoff_policy(
    initial: Duration,
    max: Duration,
    factor: f64,
    mut jitter: impl FnMut() -> Duration,
) -> impl FnMut(u32) -> Duration {
    move |failures| {
        let seconds = initial.as_secs_f64() * factor.powf(f64::from(failures.min(100)));
        let delay = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
        delay.min(max).saturating_add(jitter())
    }
}

impl<C: Session> Clone for ClientService<C> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<C: Session> fmt::Debug for ClientService<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.0.state.borrow() {
            State::Init => "Init",
            State::Connecting(_) => "Connecting",
            State::Connected(_) => "Connected",
            State::Waiting(_) => "Waiting",
            State::Disconnecting => "Disconnecting",
            State::Restarting => "Restarting",
            State::Stopped => "Stopped",
        };
        f.debug_struct("ClientService").field("state", &state).field("failures", &self.0.failures.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Clock;

    #[derive(Clone)]
    struct Never;

    impl Session for Never {
        fn lose_connection(&self) {}

        fn when_lost(&self) -> Deferred<Failure> {
            Deferred::fail(CancelledError)
        }
    }

    fn unreachable(clock: &Clock) -> ClientService<Never> {
        ClientService::new(clock, || Deferred::fail(Failure::message("no network")))
    }

    #[test]
    fn who_does_not_wait_any_more_is_forgotten() {
        let service = unreachable(&Clock::new());
        for _ in 0..1000 {
            let cancelled = service.when_connected(None);
            cancelled.cancel();
            assert!(cancelled.into_result().expect("it is over").is_err());
        }
        let waiting = service.0.waiting.borrow().len();
        assert!(waiting < 10, "{waiting} wait");
    }

    #[test]
    fn a_policy_that_panics_is_no_reason_to_give_up() {
        let clock = Clock::new();
        let service = unreachable(&clock).retry_policy(|_| panic!("no idea"));
        service.start();
        assert_eq!(clock.delayed_calls().len(), 1, "the next attempt is to come");
        assert!(service.stop().has_result());
    }

    #[test]
    fn nobody_waits_for_a_time_that_does_not_come() {
        let clock = Clock::new();
        let service = unreachable(&clock);
        let waits = service.when_connected(None);
        drop(clock);
        service.start();
        assert!(waits.into_result().expect("it is over").is_err());
    }
}
