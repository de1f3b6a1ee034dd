//! What a client's factory is told besides: [`ClientFactory`], and the [`Connector`] that it can connect again with.

use std::fmt;
use std::rc::Rc;

use super::{Backoff, Factory};
use crate::error::ConnectorError;
use crate::failure::Failure;

/// A [`Factory`] whose protocols are clients: it hears of each attempt to connect. `#[factory]` writes this for you, and
/// [`ForProtocol`](super::ForProtocol) is one.
///
/// The counterpart of `twisted.internet.protocol.ClientFactory`, and with [`reconnect`](Self::reconnect) of
/// `ReconnectingClientFactory`.
///
/// # The calls that it gets
///
/// 1. [`start`](Factory::start), unless it is started.
/// 2. [`started_connecting`](Self::started_connecting) before each attempt.
/// 3. Either [`client_connection_failed`](Self::client_connection_failed), or
///    [`build_protocol`](Factory::build_protocol), and when that connection has ended, after the protocol's own
///    [`connection_lost`](super::Protocol::connection_lost),
///    [`client_connection_lost`](Self::client_connection_lost). Both also come after a panic of the protocol's.
/// 4. From 2, if one of these calls [`Connector::connect`], or else if [`reconnect`](Self::reconnect) has a delay left.
///    If not: [`stop`](Factory::stop).
///
/// None comes from inside of [`Reactor::connect`](crate::Reactor::connect), of the [`Connector`]'s methods or of each other.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use twisty::protocol::{ClientFactory, Connector};
/// use twisty::{Address, prelude::*};
///
/// /// Tries three times.
/// struct Persistent {
///     attempts: Rc<Cell<u32>>,
/// }
///
/// impl Factory for Persistent {
///     type Protocol = Caller;
///
///     fn build_protocol(&mut self, _peer: &Address) -> Option<Caller> {
///         Some(Caller)
///     }
/// }
///
/// impl ClientFactory for Persistent {
///     fn client_connection_failed(&mut self, connector: &Connector, _reason: &Failure) {
///         self.attempts.set(self.attempts.get() + 1);
///         if self.attempts.get() < 3 {
///             connector.connect().expect("it failed, so it is over");
///         }
///     }
/// }
/// # #[protocol(line, factory = Persistent)] struct Caller;
/// # #[protocol] impl Caller { #[on(line)] fn hear(&mut self) {} }
///
/// let attempts = Rc::new(Cell::new(0));
/// # let reactor = Reactor::new()?;
/// # let gone = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
/// reactor.connect(&format!("tcp:127.0.0.1:{gone}"), Persistent { attempts: Rc::clone(&attempts) })?;
/// while attempts.get() < 3 {
///     reactor.turn(None)?; // nobody listens there
/// }
/// # Ok::<(), twisty::Failure>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a factory of clients",
    label = "not a `ClientFactory`",
    note = "a factory with `#[factory(protocol = YourProtocol)]` is one; one that is written by hand needs `impl ClientFactory for {Self} {{}}` too"
)]
pub trait ClientFactory: Factory {
    /// An attempt begins. (Twisted's `startedConnecting`.)
    fn started_connecting(&mut self, _connector: &Connector) {}

    /// An attempt came to nothing. (Twisted's `clientConnectionFailed`.)
    fn client_connection_failed(&mut self, _connector: &Connector, _reason: &Failure) {}

    /// A connection has ended. (Twisted's `clientConnectionLost`.)
    ///
    /// Errors of twisty's own are the same here as in the protocol's `connection_lost`; others are a message that says what
    /// they said.
    fn client_connection_lost(&mut self, _connector: &Connector, _reason: &Failure) {}

    /// Whether, and after which delays, to connect again when an attempt has failed or a connection has ended. Asked the
    /// first time that this happens to each [`Connector`]. Default: `None`, never.
    fn reconnect(&self) -> Option<Backoff> {
        None
    }
}

/// A client's connection to be: to connect again, or not any more. (Twisted's `IConnector`.)
///
/// Cheap to clone: the clones are the same one. Dropping it changes nothing. It keeps its factory: one that keeps its
/// connector has to let that go in the end, or neither ever goes.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::protocol::ConnectorState;
///
/// # #[protocol(line)] #[derive(Default)] struct Caller;
/// # #[protocol] impl Caller { #[on(line)] fn hear(&mut self) {} }
/// let reactor = Reactor::new()?;
/// let connector = reactor.connect("tcp:127.0.0.1:8007", Caller::factory())?;
/// assert_eq!(connector.state(), ConnectorState::Connecting);
/// connector.stop_connecting()?;
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Clone)]
pub struct Connector(Rc<dyn Connects>);

/// What makes the attempts of a [`Connector`].
pub(crate) trait Connects {
    fn connect(&self) -> Result<(), ConnectorError>;
    fn stop_connecting(&self) -> Result<(), ConnectorError>;
    fn disconnect(&self);
    fn state(&self) -> ConnectorState;
    fn destination(&self) -> String;
    fn reset_delay(&self);
    fn stop_trying(&self);
}

/// How a [`Connector`] stands.
///
/// ```
/// # let clock = ();
/// assert_ne!(twisty::protocol::ConnectorState::Connecting, twisty::protocol::ConnectorState::Connected);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectorState {
    /// There is neither a connection nor an attempt, though perhaps one to come.
    Disconnected,
    /// An attempt goes on.
    Connecting,
    /// The connection is there.
    Connected,
}

impl Connector {
    pub(crate) fn new(connects: Rc<dyn Connects>) -> Self {
        Self(connects)
    }

    /// Connects again, in the next turn. It takes the place of an attempt that a back-off has in store.
    ///
    /// # Errors
    /// [`ConnectorError`] if it is connecting or connected already, or the reactor stops.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::protocol::Connector;
    /// fn client_connection_lost(connector: &Connector, reason: &Failure) {
    ///     if reason.check::<ConnectionDone>().is_none() {
    ///         connector.connect().expect("the connection is over");
    ///     }
    /// }
    /// ```
    pub fn connect(&self) -> Result<(), ConnectorError> {
        self.0.connect()
    }

    /// Gives the attempt up that goes on; the factory is told of it as of any that failed, with
    /// [`ConnectingStopped`](crate::ConnectingStopped), in the next turn.
    ///
    /// # Errors
    /// [`ConnectorError::NotConnecting`].
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Caller;
    /// # #[protocol] impl Caller { #[on(line)] fn hear(&mut self) {} }
    /// # let reactor = Reactor::new()?;
    /// let connector = reactor.connect("tcp:127.0.0.1:8007", Caller::factory())?;
    /// assert!(connector.stop_connecting().is_ok());
    /// assert!(connector.stop_connecting().is_err());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn stop_connecting(&self) -> Result<(), ConnectorError> {
        self.0.stop_connecting()
    }

    /// Gives up an attempt that goes on, or closes the connection as
    /// [`lose_connection`](super::Transport::lose_connection) does. A factory that reconnects does so all the same:
    /// [`stop_trying`](Self::stop_trying) first.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Caller;
    /// # #[protocol] impl Caller { #[on(line)] fn hear(&mut self) {} }
    /// # let reactor = Reactor::new()?;
    /// let connector = reactor.connect("tcp:127.0.0.1:8007", Caller::factory())?;
    /// connector.disconnect(); // whatever it does
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn disconnect(&self) {
        self.0.disconnect();
    }

    /// How it stands.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # use twisty::protocol::ConnectorState;
    /// # #[protocol(line)] #[derive(Default)] struct Caller;
    /// # #[protocol] impl Caller { #[on(line)] fn hear(&mut self) {} }
    /// # let reactor = Reactor::new()?;
    /// let connector = reactor.connect("tcp:127.0.0.1:8007", Caller::factory())?;
    /// assert_eq!(connector.state(), ConnectorState::Connecting);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn state(&self) -> ConnectorState {
        self.0.state()
    }

    /// The endpoint that it connects to. (Twisted's `getDestination`.)
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Caller;
    /// # #[protocol] impl Caller { #[on(line)] fn hear(&mut self) {} }
    /// # let reactor = Reactor::new()?;
    /// let connector = reactor.connect("tcp:127.0.0.1:8007", Caller::factory())?;
    /// assert_eq!(connector.destination(), "tcp:127.0.0.1:8007");
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn destination(&self) -> String {
        self.0.destination()
    }

    /// Has the next delay be the first one again, and tries again if it was told to stop that. A connection that lasts
    /// does so by itself, see [`Backoff::reset_after`]. (Twisted's `ReconnectingClientFactory.resetDelay`.)
    ///
    /// ```
    /// # fn logged_in(connector: &twisty::protocol::Connector) {
    /// connector.reset_delay(); // the server is well
    /// # }
    /// ```
    pub fn reset_delay(&self) {
        self.0.reset_delay();
    }

    /// Connects no more by itself, and gives up the attempt that goes on or is to come. A connection stays. (Twisted's
    /// `ReconnectingClientFactory.stopTrying`.)
    ///
    /// ```
    /// # fn good_bye(connector: &twisty::protocol::Connector) {
    /// connector.stop_trying();
    /// connector.disconnect();
    /// # }
    /// ```
    pub fn stop_trying(&self) {
        self.0.stop_trying();
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Connector");
        debug.field("destination", &self.destination()).field("state", &self.state()).finish()
    }
}
