//! Listening on whatever an endpoint names.

use std::io;
use std::rc::Rc;

use super::{Binding, Port, Reactor, Welcome};
use crate::endpoint::{IntoServerEndpoint, ServerEndpoint, TcpServer, TlsServer};
use crate::error::{ListenError, TlsConfigError};
use crate::failure::Failure;
use crate::protocol::{Factory, IntoShared};
#[cfg(feature = "tls")]
use crate::tls::ServerTls;
use crate::transport::Prologue;

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
        self.open(&endpoint, || Ok(Rc::new(factory.into_shared().start()?)), Prologue::default())
    }

    /// Listens on an endpoint as [`listen`](Self::listen) does, over TLS that is set up by the program: a client gets its
    /// protocol after the handshake. One that does not get through that is closed, with a line in the log. Where files will
    /// do, `tls:8443:certificate=server.pem` is an endpoint like any other. (Twisted's `wrapServerTLS` and `listenSSL`.)
    ///
    /// # Errors
    /// As [`listen`](Self::listen), and [`TlsConfigError`](crate::TlsConfigError) when the configuration cannot be used.
    ///
    /// ```no_run
    /// use twisty::prelude::*;
    /// use twisty::tls::{Identity, ServerTls};
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
    /// let tls = ServerTls::new(Identity::from_files("server.pem", "server.key")?);
    /// reactor.listen_tls("tcp:8443", &tls, Echo::factory())?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[cfg(feature = "tls")]
    pub fn listen_tls<F: Factory>(
        &self,
        endpoint: impl IntoServerEndpoint,
        tls: &ServerTls,
        factory: impl IntoShared<F>,
    ) -> Result<Port, Failure> {
        let endpoint = endpoint.into_server_endpoint()?;
        self.open(&endpoint, || Ok(Rc::new(factory.into_shared().start()?)), tls.prologue()?)
    }

    /// The factory is started only when all else is in order.
    fn open(
        &self,
        endpoint: &ServerEndpoint,
        factory: impl FnOnce() -> Result<Rc<dyn Welcome>, Failure>,
        prologue: Prologue,
    ) -> Result<Port, Failure> {
        let (tcp, prologue) = match endpoint {
            ServerEndpoint::Tcp(tcp) => (tcp, prologue),
            ServerEndpoint::Tls(tls) => (&tls.tcp, prologue.followed_by(handshakes_of(tls)?)),
            _ => return Err(refused(endpoint, not_yet("it is no `tcp:` or `tls:` endpoint"))),
        };
        let binding = binding_of(tcp).map_err(|source| refused(endpoint, source))?;
        let opened = self.listen_tcp(binding, factory()?, prologue);
        opened.map_err(|source| refused(endpoint, source))
    }
}

#[cfg(feature = "tls")]
fn handshakes_of(tls: &TlsServer) -> Result<Prologue, TlsConfigError> {
    ServerTls::try_from(tls)?.prologue()
}

#[cfg(not(feature = "tls"))]
fn handshakes_of(tls: &TlsServer) -> Result<Prologue, TlsConfigError> {
    Err(TlsConfigError::feature_missing(tls.to_string()))
}

fn refused(endpoint: &ServerEndpoint, source: io::Error) -> Failure {
    ListenError { endpoint: endpoint.to_string(), source }.into()
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
