//! Clients: connecting, connecting again, and what one has when it is connected.
//!
//! - [`Reactor::connect`](crate::Reactor::connect): a [`ClientFactory`] on an endpoint; it is told of failures and
//!   losses, and may reconnect. [`connect`](crate::connect) makes a program of it.
//! - [`Reactor::connect_protocol`](crate::Reactor::connect_protocol): one protocol, one connection, one Deferred of it.
//! - [`Backoff`]: how long to wait before the next attempt.
//!
//! On the way from the endpoint to the protocol (`reach`) nothing knows what protocol it will be: the name is looked up, its
//! addresses are dialled one after another, and whoever asked is given a socket that has reached its peer.

mod connected;
mod connector;
mod reach;
mod service;

use std::rc::Rc;

use crate::deferred::Deferred;
use crate::endpoint::IntoClientEndpoint;
use crate::failure::Failure;
use crate::protocol::{ForProtocol, IntoShared, Protocol};
use crate::reactor::Reactor;

pub use crate::protocol::{Backoff, ClientFactory, Connector, ConnectorState, Delays};
pub use connected::Connected;
use connected::{Guest, Introduction};
pub(crate) use connector::Client;
pub use service::{ClientService, Session, backoff_policy};

impl Reactor {
    /// Connects to an endpoint, a [`ClientEndpoint`](crate::endpoint::ClientEndpoint) or its description, for instance
    /// `"tcp:example.com:8007"`; the connection gets a protocol of `factory`, which
    /// is told of what fails and may connect again. (Twisted's `connectTCP`, `connectUNIX`.)
    ///
    /// It has 30 seconds for an attempt, unless the endpoint's `timeout` says otherwise: to look the name up, and to reach
    /// one of its addresses. The factory is told nothing before this returns.
    ///
    /// When the reactor [`stop`](Self::stop)s, the attempt is given up, and the factory connects no more.
    ///
    /// # Errors
    /// [`EndpointError`](crate::EndpointError) when `endpoint` cannot be understood,
    /// [`ReactorError::Stopping`](crate::ReactorError::Stopping), and what the factory's `start` answers. That nobody can be
    /// reached is told to the factory.
    ///
    /// ```
    /// use twisty::prelude::*;
    ///
    /// # #[protocol(line)] #[derive(Default)] struct Caller;
    /// # #[protocol] impl Caller { #[on(line)] fn hear(&mut self) {} }
    /// let reactor = Reactor::new()?;
    /// let connector = reactor.connect("tcp:127.0.0.1:8007", Caller::factory())?;
    /// connector.stop_connecting()?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn connect<F: ClientFactory>(
        &self,
        endpoint: impl IntoClientEndpoint,
        factory: impl IntoShared<F>,
    ) -> Result<Connector, Failure> {
        let client = Client::new(self, endpoint.into_client_endpoint()?, Box::new(factory.into_shared()));
        client.start()?;
        Ok(client.connector())
    }

    /// Connects `protocol` to an endpoint; the Deferred has the connection once the protocol's `connect` handler has run.
    /// (Twisted's `connectProtocol`.)
    ///
    /// Cancelling the Deferred gives the attempt up, as the stop of the reactor does. A connection that is there stays.
    ///
    /// The Deferred fails if `endpoint` cannot be understood, with [`ConnectError`](crate::ConnectError) or
    /// [`DnsLookupError`](crate::DnsLookupError) if nobody can be reached, and with the reason if the protocol's `connect`
    /// handler ends the connection by a failure or a panic.
    ///
    /// ```
    /// use twisty::prelude::*;
    ///
    /// # #[protocol(line)] #[derive(Default)] struct Echo;
    /// # #[protocol] impl Echo { #[on(line)] fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); } }
    /// #[protocol(line)]
    /// struct Caller {
    ///     answer: Resolver<String>,
    /// }
    ///
    /// #[protocol]
    /// impl Caller {
    ///     #[on(line)]
    ///     fn hear(&mut self, line: String) {
    ///         self.answer.callback(line);
    ///     }
    /// }
    ///
    /// twisty::run(|reactor| {
    ///     let port = reactor.listen("tcp:0:interface=127.0.0.1", Echo::factory())?;
    ///     let (resolver, answer) = Deferred::new();
    ///     reactor.connect_protocol(&port.host().to_string(), Caller { answer: resolver }).add_callback(|server| {
    ///         server.transport().send("is anybody there?");
    ///         answer.map(|line| assert_eq!(line, "is anybody there?"))
    ///     });
    /// #   Ok(())
    /// })?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[track_caller]
    pub fn connect_protocol<P>(&self, endpoint: impl IntoClientEndpoint, protocol: P) -> Deferred<Connected<P>>
    where
        P: Protocol<Factory = ForProtocol<P>>,
    {
        let endpoint = match endpoint.into_client_endpoint() {
            Ok(endpoint) => endpoint,
            Err(error) => return Deferred::fail(error),
        };
        let guest = Guest::new(protocol);
        let introduced = Introduction::begin(self, &endpoint, Box::new(Rc::clone(&guest)), Rc::clone(&guest.end));
        introduced.add_callback(move |()| guest.connected())
    }
}
