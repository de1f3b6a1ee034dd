//! Listening on whatever an endpoint names.

use std::io;
use std::rc::Rc;

use super::acceptor::Acceptor;
use super::{Port, Reactor, Welcome, inherited};
use crate::endpoint::{IntoServerEndpoint, ServerEndpoint};
use crate::error::ListenError;
use crate::failure::Failure;
use crate::protocol::{Factory, IntoShared};
use crate::transport::{Prologue, ProxyHeader};

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
        self.open(&endpoint, Rc::new(factory.into_shared().start()?))
    }

    fn open(&self, endpoint: &ServerEndpoint, factory: Rc<dyn Welcome>) -> Result<Port, Failure> {
        let opened = self.open_behind(Prologue::default(), endpoint, factory);
        Ok(opened.map_err(|source| ListenError { endpoint: endpoint.to_string(), source })?)
    }

    /// What stands before an endpoint comes first on each connection too.
    fn open_behind(&self, prologue: Prologue, endpoint: &ServerEndpoint, factory: Rc<dyn Welcome>) -> io::Result<Port> {
        let acceptor = match endpoint {
            ServerEndpoint::Haproxy(inner) => {
                let prologue = prologue.then(|| Box::<ProxyHeader>::default());
                return self.open_behind(prologue, inner, factory);
            }
            ServerEndpoint::Stdio => return self.open_stdio(factory, &prologue),
            ServerEndpoint::Tcp(tcp) => Acceptor::tcp(tcp)?,
            ServerEndpoint::Unix(unix) => Acceptor::unix(unix)?,
            ServerEndpoint::Fd(fd) => Acceptor::adopt(inherited::descriptor(fd.fd)?)?,
            ServerEndpoint::Systemd(systemd) => Acceptor::adopt(inherited::from_systemd(systemd)?)?,
            ServerEndpoint::Tls(_) => return Err(not_yet("it is a `tls:` endpoint")),
        };
        self.listen_on(acceptor, factory, prologue)
    }
}

fn not_yet(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("{what}, which cannot be listened on yet"))
}
