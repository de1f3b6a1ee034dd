//! A protocol that is connected, as whoever connected it sees it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::reach::reach;
use crate::connection::{Connection, Place};
use crate::deferred::{Deferred, Resolver};
use crate::endpoint::ClientEndpoint;
use crate::error::{self, NotConnected, ReactorError};
use crate::failure::Failure;
use crate::protocol::{
    Address, Agenda, Close, Context, Factory, ForProtocol, Handles, Home, Promises, Protocol, Seat, Shared, Transport,
    Watcher,
};
use crate::reactor::{Reactor, Welcome};
use crate::transport::{Driver, Socket, Stream};

/// A connection that [`Reactor::connect_protocol`](crate::Reactor::connect_protocol) has made: its transport, and its
/// protocol, to call.
///
/// Cheap to clone. Dropping it changes nothing.
///
/// ```
/// use twisty::client::Connected;
/// use twisty::prelude::*;
///
/// # #[protocol(line)]
/// # struct Greeter { greeted: u32 }
/// # #[protocol] impl Greeter { #[on(line)] fn hear(&mut self) {} }
/// impl Greeter {
///     fn greet(&mut self, cx: &Context<Self>, name: &str) {
///         self.greeted += 1;
///         cx.send(format!("Hello, {name}!"));
///     }
/// }
///
/// fn greet(server: &Connected<Greeter>) -> Deferred<u32> {
///     server.call(|greeter, cx| {
///         greeter.greet(cx, "Ann");
///         greeter.greeted
///     })
/// }
/// ```
pub struct Connected<P: Protocol> {
    transport: Transport<P::Framing>,
    promises: Rc<Promises<P, Context<P>>>,
    end: Rc<End>,
}

impl<P: Protocol> Connected<P> {
    /// A handle to send with, and to close the connection.
    ///
    /// ```
    /// # use twisty::client::Connected;
    /// # use twisty::prelude::*;
    /// fn say_hello<P: Protocol<Framing = Line>>(server: &Connected<P>) {
    ///     server.transport().send("hello");
    /// }
    /// ```
    #[must_use]
    pub const fn transport(&self) -> &Transport<P::Framing> {
        &self.transport
    }

    /// Calls the protocol with its context, when none of its handlers runs: right after those that run now. The Deferred has
    /// what `call` answers. Cancelling it before that leaves the call out.
    ///
    /// A panic ends the connection, as a handler's does, and fails the Deferred. If the connection ends before the call, the
    /// Deferred fails with [`NotConnected`](crate::NotConnected). While the peer leaves too much unread, calls wait as frames do.
    ///
    /// ```
    /// # use twisty::client::Connected;
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] struct Counter { lines: u32 }
    /// # #[protocol] impl Counter { #[on(line)] fn count(&mut self) { self.lines += 1; } }
    /// fn lines_so_far(server: &Connected<Counter>) -> Deferred<u32> {
    ///     server.call(|counter, _cx| counter.lines)
    /// }
    /// ```
    #[track_caller]
    pub fn call<R: 'static>(&self, call: impl FnOnce(&mut P, &Context<P>) -> R + 'static) -> Deferred<R> {
        self.promises.call(&self.transport, call)
    }

    /// Closes the connection once everything sent so far is on its way; see [`Transport::lose_connection`].
    ///
    /// ```
    /// # use twisty::client::Connected;
    /// # use twisty::prelude::*;
    /// fn good_bye<P: Protocol<Framing = Line>>(server: &Connected<P>) {
    ///     server.transport().send("good bye");
    ///     server.lose_connection();
    /// }
    /// ```
    pub fn lose_connection(&self) {
        self.transport.lose_connection();
    }

    /// Why the connection has ended, once it has; after the protocol's `disconnect` handler.
    ///
    /// Errors of twisty's own are the same here as there; others are a message that says what they said.
    ///
    /// ```
    /// # use twisty::client::Connected;
    /// # use twisty::prelude::*;
    /// fn report<P: Protocol>(server: &Connected<P>) {
    ///     server.when_lost().add_callback(|reason| println!("it is over: {reason}"));
    /// }
    /// ```
    #[track_caller]
    pub fn when_lost(&self) -> Deferred<Failure> {
        self.end.wait()
    }
}

impl<P: Protocol> Clone for Connected<P> {
    fn clone(&self) -> Self {
        let Self { transport, promises, end } = self;
        Self { transport: transport.clone(), promises: Rc::clone(promises), end: Rc::clone(end) }
    }
}

impl<P: Protocol> fmt::Debug for Connected<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").field("transport", &self.transport).finish_non_exhaustive()
    }
}

/// How a connection has ended, and who waits for that.
#[derive(Default)]
pub(super) struct End(RefCell<Ending>);

enum Ending {
    Awaited(Vec<Resolver<Failure>>),
    Over(Failure),
}

impl Default for Ending {
    fn default() -> Self {
        Self::Awaited(Vec::new())
    }
}

impl End {
    fn wait(&self) -> Deferred<Failure> {
        match &mut *self.0.borrow_mut() {
            Ending::Over(reason) => Deferred::succeed(error::twin(reason)),
            Ending::Awaited(waiting) => {
                let (resolver, end) = Deferred::new();
                if waiting.len() == waiting.capacity() {
                    // Who asks anew with each request, and cancels that, is not to fill a long connection's memory.
                    waiting.retain(|resolver| !resolver.is_called());
                }
                waiting.push(resolver);
                end
            }
        }
    }

    fn come(&self, reason: Failure) {
        let mut told = Vec::new();
        let mut ending = self.0.borrow_mut();
        if let Ending::Awaited(waiting) = &mut *ending {
            told.extend(waiting.drain(..).map(|resolver| (resolver, error::twin(&reason))));
        }
        *ending = Ending::Over(reason);
        drop(ending);
        for (resolver, reason) in told {
            let _cancelled = resolver.try_callback(reason);
        }
    }
}

/// The one protocol of a connection to be: a factory for it, and what is had of it then.
pub(super) struct Guest<P: Protocol> {
    seat: Seat<P::Factory>,
    /// Once it is built.
    handles: Cell<Option<Handles<P>>>,
    pub(super) end: Rc<End>,
}

impl<P: Protocol<Factory = ForProtocol<P>>> Guest<P> {
    pub(super) fn new(protocol: P) -> Rc<Self> {
        let seat = Shared::from(ForProtocol::once(protocol)).seat();
        Rc::new(Self { seat, handles: Cell::new(None), end: Rc::default() })
    }

    /// What it has become, once it is connected.
    pub(super) fn connected(&self) -> Result<Connected<P>, Failure> {
        let (transport, promises) = self.handles.take().ok_or(NotConnected)?;
        Ok(Connected { transport, promises, end: Rc::clone(&self.end) })
    }
}

impl<P: Protocol> Welcome for Rc<Guest<P>> {
    fn admit(&self, peer: Option<&Address>) -> Result<(), Vec<u8>> {
        self.seat.admit(peer)
    }

    fn reserve(&self, peer: Option<&Address>) -> Box<dyn Any> {
        self.seat.reserve(peer)
    }

    fn home(&self, agenda: Rc<Agenda>, host: Address) -> Rc<Home> {
        self.seat.home(agenda, host)
    }

    fn welcome(&self, socket: Socket, place: Place) -> Option<Box<dyn Driver>> {
        let protocol = self.seat.shared().borrow_mut().build_protocol(&place.peer)?;
        let connection = Connection::new(protocol, self.seat.shared().seat(), place);
        self.handles.set(Some(connection.handles()));
        Some(Box::new(Stream::new(socket, connection)))
    }
}

/// One protocol on its way to its connection, and who waits for that.
pub(super) struct Introduction {
    /// Until it is known whether it is connected.
    resolver: Cell<Option<Resolver<()>>>,
    end: Rc<End>,
}

impl Introduction {
    /// Reaches the endpoint and makes a connection of `guest`.
    #[track_caller]
    pub(super) fn begin(
        reactor: &Reactor,
        endpoint: &ClientEndpoint,
        guest: Box<dyn Welcome>,
        end: Rc<End>,
    ) -> Deferred<()> {
        let attempt = reach(reactor, endpoint);
        let (cancel, reactor) = (attempt.cancel_handle(), reactor.downgrade());
        let (resolver, introduced) = Deferred::with_canceller(move |_| cancel.cancel());
        let me = Rc::new(Self { resolver: Cell::new(Some(resolver)), end });
        // Apart from what is added to the Deferred: that may run anywhere, and this must not.
        attempt.add_both(move |outcome| {
            let greeted = outcome.and_then(|dialled| {
                let reactor = reactor.upgrade().ok_or(ReactorError::Gone)?;
                reactor.greet(dialled, &*guest, Rc::clone(&me) as Rc<dyn Watcher>)
            });
            if let Err(why) = greeted {
                me.tell(Err(why));
            }
        });
        introduced
    }

    /// Once; nobody is told who has cancelled.
    fn tell(&self, outcome: Result<(), Failure>) {
        if let Some(resolver) = self.resolver.take() {
            let _cancelled = resolver.try_fire(outcome);
        }
    }
}

impl Watcher for Introduction {
    fn begins(&self, _close: Close) {}

    fn made(&self) {
        self.tell(Ok(()));
    }

    fn lost(&self, reason: Failure) {
        self.tell(Err(error::twin(&reason)));
        self.end.come(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_wait_any_more_is_forgotten() {
        let end = End::default();
        let waits = end.wait();
        for _ in 0..1000 {
            let cancelled = end.wait();
            cancelled.cancel();
            assert!(cancelled.into_result().expect("it is over").is_err());
        }
        let Ending::Awaited(waiting) = &*end.0.borrow() else { panic!("it has not ended") };
        assert!(waiting.len() < 10, "{} wait", waiting.len());
        assert!(!waits.has_result());
    }
}
