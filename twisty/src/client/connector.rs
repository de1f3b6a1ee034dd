//! The life of a [`Connector`]: attempts, the connection, and what comes after it.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::reach::reach;
use crate::clock::{Clock, DelayedCall, Timestamp};
use crate::deferred::{CancelHandle, Deferred, Resolver};
use crate::endpoint::ClientEndpoint;
use crate::error::{
    self, CancelledError, ConnectingStopped, ConnectorError, EndpointError, HandlerPanicked, ReactorError,
};
use crate::failure::Failure;
use crate::protocol::{
    Backoff, ClientFactory, Close, Connector, ConnectorState, Connects, Delays, Phase, Shared, Watcher,
};
use crate::reactor::{Dialled, Reactor, StopKey, WeakReactor, Welcome};

/// What a [`Connector`] is a handle to.
pub(crate) struct Client {
    me: Weak<Self>,
    reactor: WeakReactor,
    endpoint: ClientEndpoint,
    factory: Box<dyn Patron>,
    stage: RefCell<Stage>,
    /// Keeps the factory started, from the first attempt to when it is all over.
    seat: RefCell<Option<Rc<dyn Welcome>>>,
    /// `None` until something has failed.
    delays: RefCell<Option<Delays>>,
    /// Connects again by itself, if the factory says so.
    tries: Cell<bool>,
    connected_at: Cell<Timestamp>,
    /// What is called when the reactor stops, while there is anything that it must stop.
    when_stopping: Cell<Option<StopKey>>,
    /// Who waits until it is all over.
    over: RefCell<Option<Resolver<()>>>,
}

/// How far it is. What is to happen in the next turn is a call, so that the factory is never called from inside of one of its
/// own calls.
enum Stage {
    Idle,
    /// An attempt begins in the next turn.
    Asked(DelayedCall),
    /// The factory is told that it begins.
    Beginning,
    Connecting(CancelHandle),
    /// The attempt was given up; the factory is told in the next turn.
    Stopped,
    Connected(Close),
    /// The next attempt is to come, after one that ended so.
    Waiting(DelayedCall, Failure),
}

/// A factory as a client sees it: all of connecting again that knows what is made.
pub(crate) trait Patron {
    /// Keeps it started.
    fn start(&self) -> Result<Rc<dyn Welcome>, Failure>;
    fn started_connecting(&self, connector: &Connector);
    fn connection_failed(&self, connector: &Connector, reason: &Failure);
    fn connection_lost(&self, connector: &Connector, reason: &Failure);
    fn reconnect(&self) -> Option<Backoff>;
}

impl<F: ClientFactory> Patron for Shared<F> {
    fn start(&self) -> Result<Rc<dyn Welcome>, Failure> {
        Ok(Rc::new(Self::start(self)?))
    }

    fn started_connecting(&self, connector: &Connector) {
        self.borrow_mut().started_connecting(connector);
    }

    fn connection_failed(&self, connector: &Connector, reason: &Failure) {
        self.borrow_mut().client_connection_failed(connector, reason);
    }

    fn connection_lost(&self, connector: &Connector, reason: &Failure) {
        self.borrow_mut().client_connection_lost(connector, reason);
    }

    fn reconnect(&self) -> Option<Backoff> {
        self.borrow().reconnect()
    }
}

impl Client {
    pub(super) fn new(reactor: &Reactor, endpoint: ClientEndpoint, factory: Box<dyn Patron>) -> Rc<Self> {
        Rc::new_cyclic(|me| Self {
            me: me.clone(),
            reactor: reactor.downgrade(),
            endpoint,
            factory,
            stage: RefCell::new(Stage::Idle),
            seat: RefCell::default(),
            delays: RefCell::default(),
            tries: Cell::new(true),
            connected_at: Cell::default(),
            when_stopping: Cell::new(None),
            over: RefCell::default(),
        })
    }

    pub(super) fn connector(&self) -> Connector {
        Connector::new(self.me.upgrade().expect("it is borrowed"))
    }

    /// The first attempt. What keeps the factory from starting is said at once.
    pub(super) fn start(&self) -> Result<(), Failure> {
        if self.reactor.upgrade().is_none_or(|reactor| reactor.is_stopping()) {
            return Err(ReactorError::Stopping.into());
        }
        self.hold_factory()?;
        Ok(self.connect()?)
    }

    /// Connects, and is over when all that comes of it is.
    pub(crate) fn run(
        reactor: &Reactor,
        endpoint: Result<ClientEndpoint, EndpointError>,
        factory: Box<dyn Patron>,
    ) -> Deferred<()> {
        let started = endpoint.map_err(Failure::from).and_then(|endpoint| {
            let client = Self::new(reactor, endpoint, factory);
            client.start().map(|()| client)
        });
        started.map_or_else(Deferred::fail, |client| client.when_over())
    }

    /// That there is neither a connection nor an attempt any more, nor one to come: a failure, if the last one was no good
    /// end. For one at a time.
    fn when_over(&self) -> Deferred<()> {
        let (resolver, over) = Deferred::new();
        *self.over.borrow_mut() = Some(resolver);
        over
    }

    fn hold_factory(&self) -> Result<(), Failure> {
        if self.seat.borrow().is_none() {
            let seat = self.factory.start()?;
            *self.seat.borrow_mut() = Some(seat);
        }
        Ok(())
    }

    fn set(&self, stage: Stage) {
        // A statement of its own, so that the borrow ends before anything is dropped.
        let before = self.stage.replace(stage);
        if let Stage::Asked(call) | Stage::Waiting(call, _) = before {
            let _this_is_that_call = call.cancel();
        }
    }

    /// Calls a method of this one later, unless the reactor is gone.
    fn later(&self, delay: Duration, call: fn(&Self)) -> Option<DelayedCall> {
        let (reactor, me) = (self.reactor.upgrade()?, self.me.upgrade()?);
        Some(reactor.call_later(delay, move |_| call(&me)))
    }

    // ---- an attempt

    fn begin(&self) {
        self.set(Stage::Beginning);
        let connector = self.connector();
        let told = || HandlerPanicked::catch(|| self.factory.started_connecting(&connector)).map_err(Failure::from);
        let begun = self.hold_factory().and_then(|()| told());
        if !matches!(*self.stage.borrow(), Stage::Beginning) {
            return;
        }
        match (begun, self.reactor.upgrade()) {
            (Ok(()), Some(reactor)) => self.reach(&reactor),
            (Ok(()), None) => self.failed(ReactorError::Gone.into()),
            (Err(why), _) => self.failed(why),
        }
    }

    fn reach(&self, reactor: &Reactor) {
        let attempt = reach(reactor, &self.endpoint);
        self.set(Stage::Connecting(attempt.cancel_handle()));
        let Some(me) = self.me.upgrade() else { return };
        attempt.add_both(move |outcome| me.reached(outcome));
    }

    fn reached(self: Rc<Self>, outcome: Result<Dialled, Failure>) {
        if !matches!(*self.stage.borrow(), Stage::Connecting(_)) {
            return;
        }
        let (reactor, seat) = (self.reactor.upgrade(), self.seat.borrow().clone());
        let greeted = outcome.and_then(|dialled| {
            let (Some(reactor), Some(factory)) = (reactor, seat) else { return Err(ReactorError::Gone.into()) };
            reactor.greet(dialled, &*factory, Rc::clone(&self) as Rc<dyn Watcher>)
        });
        if let Err(why) = greeted {
            self.failed(why);
        }
    }

    /// It was given up a turn ago.
    fn stopped(&self) {
        if matches!(*self.stage.borrow(), Stage::Stopped) {
            self.failed(ConnectingStopped.into());
        }
    }

    fn failed(&self, reason: Failure) {
        self.set(Stage::Idle);
        tracing::info!(destination = %self.endpoint, %reason, "no connection");
        self.tell(|factory, connector| factory.connection_failed(connector, &reason));
        self.go_on(reason);
    }

    /// What the factory does wrong is no reason not to connect again.
    fn tell(&self, tell: impl FnOnce(&dyn Patron, &Connector)) {
        let connector = self.connector();
        if let Err(failure) = HandlerPanicked::catch(|| tell(&*self.factory, &connector)) {
            tracing::error!(%failure, "a factory that was told of its client failed");
        }
    }

    // ---- and the next

    /// Neither is there a connection any more nor an attempt. If the factory has not asked for one, time may.
    fn go_on(&self, reason: Failure) {
        if !matches!(*self.stage.borrow(), Stage::Idle) {
            return;
        }
        let retry = self.next_delay().and_then(|delay| Some((delay, self.later(delay, Self::retry)?)));
        match retry {
            Some((delay, call)) => {
                tracing::info!(destination = %self.endpoint, ?delay, "connecting again");
                self.set(Stage::Waiting(call, reason));
            }
            None => self.end(reason),
        }
    }

    fn next_delay(&self) -> Option<Duration> {
        if !self.tries.get() || self.reactor.upgrade()?.is_stopping() {
            return None;
        }
        if self.delays.borrow().is_none() {
            let backoff = HandlerPanicked::catch(|| self.factory.reconnect()).unwrap_or_else(|failure| {
                tracing::error!(%failure, "a factory that was asked whether to reconnect failed");
                None
            });
            *self.delays.borrow_mut() = backoff.map(|backoff| backoff.delays());
        }
        self.delays.borrow_mut().as_mut()?.next()
    }

    fn retry(&self) {
        let Stage::Waiting(_, reason) = self.stage.replace(Stage::Idle) else { return };
        if self.tries.get() { self.begin() } else { self.end(reason) }
    }

    fn end(&self, reason: Failure) {
        if let (Some(key), Some(reactor)) = (self.when_stopping.take(), self.reactor.upgrade()) {
            reactor.forget_call_when_stopping(key);
        }
        let (seat, over) = (self.seat.take(), self.over.take());
        drop(seat);
        if let Some(over) = over {
            let outcome = if error::is_orderly(&reason) { Ok(()) } else { Err(reason) };
            let _cancelled = over.try_fire(outcome);
        }
    }

    /// What would go on after the reactor has stopped. An attempt is cancelled by itself, a connection is closed.
    fn reactor_stops(&self) {
        let stage = self.stage.replace(Stage::Idle);
        match stage {
            Stage::Waiting(call, _) => {
                let _due_now = call.cancel();
                self.end(CancelledError.into());
            }
            Stage::Asked(call) => {
                let _due_now = call.cancel();
                self.failed(CancelledError.into());
            }
            Stage::Stopped => self.failed(ConnectingStopped.into()),
            other => self.set(other),
        }
    }

    fn connect_later(&self) -> Option<()> {
        let reactor = self.reactor.upgrade().filter(|reactor| !reactor.is_stopping())?;
        if self.when_stopping.get().is_none() {
            let me = self.me.clone();
            let stops = move |_: &Reactor| me.upgrade().into_iter().for_each(|me| me.reactor_stops());
            self.when_stopping.set(Some(reactor.call_when_stopping(stops)));
        }
        let call = self.later(Duration::ZERO, Self::begin)?;
        self.set(Stage::Asked(call));
        Some(())
    }
}

impl Connects for Client {
    fn connect(&self) -> Result<(), ConnectorError> {
        match self.state() {
            ConnectorState::Disconnected => self.connect_later().ok_or(ConnectorError::Stopping),
            ConnectorState::Connecting => Err(ConnectorError::AlreadyConnecting),
            ConnectorState::Connected => Err(ConnectorError::AlreadyConnected),
        }
    }

    fn stop_connecting(&self) -> Result<(), ConnectorError> {
        if matches!(*self.stage.borrow(), Stage::Stopped) || self.state() != ConnectorState::Connecting {
            return Err(ConnectorError::NotConnecting);
        }
        let before = self.stage.replace(Stage::Stopped);
        match before {
            Stage::Connecting(attempt) => attempt.cancel(),
            Stage::Asked(call) => drop(call.cancel()),
            _ => {}
        }
        self.later(Duration::ZERO, Self::stopped);
        Ok(())
    }

    fn disconnect(&self) {
        if let Stage::Connected(close) = &*self.stage.borrow() {
            return close(Phase::Closing);
        }
        let _nothing_to_stop = self.stop_connecting();
    }

    fn state(&self) -> ConnectorState {
        match &*self.stage.borrow() {
            Stage::Idle | Stage::Waiting(..) => ConnectorState::Disconnected,
            Stage::Asked(_) | Stage::Beginning | Stage::Connecting(_) | Stage::Stopped => ConnectorState::Connecting,
            Stage::Connected(_) => ConnectorState::Connected,
        }
    }

    fn destination(&self) -> String {
        self.endpoint.to_string()
    }

    fn reset_delay(&self) {
        self.tries.set(true);
        if let Some(delays) = &mut *self.delays.borrow_mut() {
            delays.reset();
        }
    }

    fn stop_trying(&self) {
        self.tries.set(false);
        if let Stage::Waiting(call, _) = &*self.stage.borrow() {
            let _due_now = call.reset(Duration::ZERO);
            return;
        }
        let _nothing_to_stop = self.stop_connecting();
    }
}

impl Watcher for Client {
    fn begins(&self, close: Close) {
        self.connected_at.set(self.reactor.upgrade().map(|reactor| reactor.now()).unwrap_or_default());
        // Given up while its protocol was built: too late for the attempt, so it is the connection that goes.
        if matches!(*self.stage.borrow(), Stage::Stopped) {
            close(Phase::Closing);
        }
        self.set(Stage::Connected(close));
    }

    fn lost(&self, reason: Failure) {
        self.set(Stage::Idle);
        let lasted = self.reactor.upgrade().map(|reactor| reactor.now() - self.connected_at.get()).unwrap_or_default();
        if let Some(delays) = self.delays.borrow_mut().as_mut().filter(|delays| delays.backoff().is_stable(lasted)) {
            delays.reset();
        }
        self.tell(|factory, connector| factory.connection_lost(connector, &reason));
        self.go_on(reason);
    }
}
