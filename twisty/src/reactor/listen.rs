//! Listening on whatever an endpoint names.

use std::io;

use super::{Binding, Port, Reactor, Welcome};
use crate::endpoint::{IntoServerEndpoint, ServerEndpoint, TcpServer};
use crate::error::ListenError;
use crate::failure::Failure;
use crate::protocol::{Factory, IntoShared};

impl Reactor {
    /// Listens on an endpoint, a [`ServerEndpoint`] or its description, for instance `"tcp:8007:interface=127.0.0.1"`;
    /// every client gets a protocol of `factory`. A [`Shared`](crate::protocol::Shared) factory may listen on several.
    ///
    /// # Errors
    /// [`EndpointError`](crate::EndpointError) when `endpoint` cannot be understood, [`ListenError`] when the port cannot
    /// be opened, and what the factory's `start` answers.
    ///
    /// ```
    /// use twisty::prelude::*;
    ///
    /// # #[protocol(line)]
    /// # #[derive(Default)]
    /// # struct Echo;
    /// # #[protocol]
    /// # impl Echo {
    /// #     #[on(line)]
    /// #     fn echo(&mut self, cx: &Context<Self>, line: &str) { cx.send(line); }
    /// # }
    /// let reactor = Reactor::new()?;
    /// let port = reactor.listen("tcp:0:interface=127.0.0.1", Echo::factory())?;
    /// assert_ne!(port.host().port(), Some(0));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn listen<F: Factory>(
        &self,
        endpoint: impl IntoServerEndpoint,
        factory: impl IntoShared<F>,
    ) -> Result<Port, Failure> {
        let endpoint = endpoint.into_server_endpoint()?;
        self.open(&endpoint, Box::new(factory.into_shared().start()?))
    }

    fn open(&self, endpoint: &ServerEndpoint, factory: Box<dyn Welcome>) -> Result<Port, Failure> {
        let opened = match endpoint {
            ServerEndpoint::Tcp(tcp) => binding_of(tcp).and_then(|binding| self.listen_tcp(binding, factory)),
            _ => Err(not_yet("it is no `tcp:` endpoint")),
        };
        Ok(opened.map_err(|source| ListenError { endpoint: endpoint.to_string(), source })?)
    }
}

fn binding_of(tcp: &TcpServer) -> io::Result<Binding> {
    if *tcp != TcpServer::new(tcp.address).backlog(tcp.backlog) {
        return Err(not_yet("it has options besides `interface` and `backlog`"));
    }
    Ok(Binding { address: tcp.address, backlog: tcp.backlog.into() })
}

fn not_yet(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("{what}, which cannot be listened on yet"))
}
