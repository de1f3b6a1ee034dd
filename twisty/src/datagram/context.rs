//! What a handler of datagrams is given besides its datagram.

use std::cell::OnceCell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use super::{DatagramOutcome, DatagramProtocol, DatagramTransport};
use crate::clock::{self, Scheduler};
use crate::deferred::{Deferred, IntoDeferred};
use crate::failure::Failure;
use crate::protocol::{Promises, unheard};

/// A port of datagrams as its own protocol sees it: a [`DatagramTransport`], a clock, and what its Deferreds come back to.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::testing::DatagramServer;
///
/// #[protocol(datagram)]
/// struct Guide;
///
/// #[protocol]
/// impl Guide {
///     #[on(datagram)]
///     fn tell(&mut self, cx: &DatagramContext<Self>, from: &Address) -> String {
///         format!("you are {from}, this is {}", cx.host())
///     }
/// }
///
/// let server = DatagramServer::new(Guide);
/// server.receive("10.0.0.2:5000", "");
/// assert_eq!(server.sent_to("10.0.0.2:5000"), ["you are udp:10.0.0.2:5000, this is udp:10.0.0.1:12345"]);
/// ```
pub struct DatagramContext<P: DatagramProtocol> {
    transport: DatagramTransport,
    /// `None` until it waits for something.
    promises: OnceCell<Rc<Promises<P, Self>>>,
}

impl<P: DatagramProtocol> DatagramContext<P> {
    pub(super) const fn new(transport: DatagramTransport) -> Self {
        Self { transport, promises: OnceCell::new() }
    }

    /// What the Deferreds are waited for with.
    pub(super) fn promises(&self) -> Option<&Promises<P, Self>> {
        self.promises.get().map(Rc::as_ref)
    }

    /// A handle to this port, to keep.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::prelude::*;
    /// # use twisty::testing::DatagramServer;
    /// # #[protocol(datagram)] struct Alarm;
    /// # #[protocol] impl Alarm {
    /// #[on(datagram)]
    /// fn set(&mut self, cx: &DatagramContext<Self>, from: &Address) {
    ///     let (transport, from) = (cx.transport(), from.clone());
    ///     cx.clock().schedule(Duration::from_secs(60), Box::new(move || {
    ///         transport.send_to("wake up", from).expect("it is open");
    ///     }));
    /// }
    /// # }
    /// let server = DatagramServer::new(Alarm);
    /// server.receive("10.0.0.2:5000", "in a minute");
    /// server.advance(Duration::from_secs(60));
    /// assert_eq!(server.sent_to("10.0.0.2:5000"), ["wake up"]);
    /// ```
    #[must_use]
    pub fn transport(&self) -> DatagramTransport {
        self.transport.clone()
    }

    /// Calls `then` with this protocol and the value of `deferred`, once it fires: right after the handlers that run now. A
    /// failure, also one that `then` returns, is reported. In `then`, [`send`](DatagramTransport::send) replies to who sent
    /// the datagram that was handled when this was called.
    ///
    /// When the port is closed before, the Deferred is cancelled and `then` is never called. Until it fires it counts as a reply
    /// that is waited for, see [`max_pending_replies`](super::Limits::max_pending_replies), since who sends datagrams cannot
    /// be held up: what may never fire is better waited for elsewhere.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::prelude::*;
    /// # use twisty::task::defer_later;
    /// # use twisty::testing::DatagramServer;
    /// # #[protocol(datagram)] #[derive(Default)] struct Slow { done: u32 }
    /// # #[protocol] impl Slow {
    /// #[on(datagram)]
    /// fn work(&mut self, cx: &DatagramContext<Self>) {
    ///     let work = defer_later(Duration::from_secs(5), &cx.clock(), || Ok(()));
    ///     cx.attach(work, |me, cx, ()| {
    ///         me.done += 1;
    ///         Ok(cx.send(me.done.to_string())?)
    ///     });
    /// }
    /// # }
    /// let server = DatagramServer::new(Slow::default());
    /// server.receive("10.0.0.2:5000", "work").advance(Duration::from_secs(5));
    /// assert_eq!(server.sent_to("10.0.0.2:5000"), ["1"]);
    /// ```
    pub fn attach<T, R>(&self, deferred: Deferred<T>, then: impl FnOnce(&mut P, &Self, T) -> R + 'static)
    where
        T: 'static,
        R: IntoDeferred<Value = ()>,
    {
        self.wait_for(deferred, |me, cx, result| match result {
            Ok(value) => match then(me, cx, value).into_deferred().into_result() {
                Ok(done) => done.apply(cx),
                Err(pending) => cx.wait_for(pending, |_, cx, done| done.apply(cx)),
            },
            Err(failure) => failure.apply(cx),
        });
    }

    /// Has what `deferred` comes to put into effect when it fires.
    pub(super) fn promise_reply<R: DatagramOutcome<P> + 'static>(&self, deferred: Deferred<R>) {
        self.wait_for(deferred, |_, cx, result| result.apply(cx));
    }

    fn wait_for<T: 'static>(
        &self,
        deferred: Deferred<T>,
        job: impl FnOnce(&mut P, &Self, Result<T, Failure>) + 'static,
    ) {
        let (transport, sender) = (self.transport(), self.transport.sender());
        let promises = self.promises.get_or_init(Promises::new);
        promises.wait_for(
            deferred,
            move || transport.enter(),
            |me, cx, result| {
                if cx.is_listening() {
                    cx.transport.with_sender(sender, || job(me, cx, result));
                } else {
                    unheard(result);
                }
            },
        );
    }

    /// The clock that this port lives by: its reactor, or the test's. For use on the spot, not to be kept, as
    /// [`Context::clock`](crate::Context::clock).
    ///
    /// # Panics
    /// Outside of all handlers, where no clock runs.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::prelude::*;
    /// # use twisty::task::defer_later;
    /// # #[protocol(datagram)] struct Kitchen;
    /// # #[protocol] impl Kitchen {
    /// #[on(datagram)]
    /// fn tea(&mut self, cx: &DatagramContext<Self>) -> Deferred<&'static str> {
    ///     defer_later(Duration::from_secs(180), &cx.clock(), || Ok("tea is ready"))
    /// }
    /// # }
    /// let server = twisty::testing::DatagramServer::new(Kitchen);
    /// server.receive("10.0.0.2:5000", "tea, please").advance(Duration::from_secs(180));
    /// assert_eq!(server.sent_to("10.0.0.2:5000"), ["tea is ready"]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn clock(&self) -> Rc<dyn Scheduler> {
        match clock::current() {
            Some(clock) => clock,
            None => panic!("no clock runs here: `cx.clock()` is for handlers, and what they call"),
        }
    }
}

impl<P: DatagramProtocol> Deref for DatagramContext<P> {
    type Target = DatagramTransport;

    fn deref(&self) -> &DatagramTransport {
        &self.transport
    }
}

impl<P: DatagramProtocol> fmt::Debug for DatagramContext<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramContext").field("transport", &self.transport).finish_non_exhaustive()
    }
}
