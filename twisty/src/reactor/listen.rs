//! Listening on whatever an endpoint names.

use std::io::{self, ErrorKind};
use std::rc::Rc;

use super::acceptor::Acceptor;
use super::{Memory, Port, Reactor, Welcome, inherited};
use crate::endpoint::{IntoServerEndpoint, ServerEndpoint, TlsServer};
use crate::error::{ListenError, TlsConfigError};
use crate::failure::Failure;
use crate::protocol::{Address, Factory, IntoShared, Shared};
#[cfg(feature = "tls")]
use crate::tls::ServerTls;
use crate::transport::{Prologue, ProxyHeader};

impl Reactor {
    /// Listens on an endpoint, a [`ServerEndpoint`] or its description, for instance `"tcp:8007:interface=127.0.0.1"`;
    /// every client gets a protocol of `factory`. A [`Shared`] factory may listen on several.
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
        self.open(&endpoint, starting(factory.into_shared()), Prologue::default())
    }

    /// Listens on an endpoint as [`listen`](Self::listen) does, over TLS that is set up by the program: a client gets its
    /// protocol after the handshake. One that does not get through that is closed, with a line in the log. Where files will
    /// do, `tls:8443:certificate=server.pem` is an endpoint like any other. (Twisted's `wrapServerTLS` and `listenSSL`.)
    ///
    /// # Errors
    /// As [`listen`](Self::listen), and [`TlsConfigError`] when the configuration cannot be used.
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
        self.open(&endpoint, starting(factory.into_shared()), tls.prologue()?)
    }

    /// What stands before an endpoint comes first on each connection too, then `prologue`.
    fn open(
        &self,
        endpoint: &ServerEndpoint,
        factory: Box<dyn FnOnce() -> Result<Rc<dyn Welcome>, Failure>>,
        prologue: Prologue,
    ) -> Result<Port, Failure> {
        let prologue = prologue_of(endpoint)?.followed_by(prologue);
        let refused = |source| ListenError { endpoint: endpoint.to_string(), source };
        let acceptor = match self.memory() {
            Some(memory) => acceptor_in(memory, endpoint).map(Some),
            None => acceptor_of(endpoint),
        };
        let acceptor = acceptor.map_err(refused)?;
        // Twisted, too, starts a factory when its port is open.
        let opened = match acceptor {
            Some(acceptor) => self.listen_on(acceptor, factory()?, prologue),
            None => self.open_stdio(&factory()?, &prologue),
        };
        Ok(opened.map_err(refused)?)
    }
}

/// How a factory is started, once there is a port for it.
fn starting<F: Factory>(factory: Shared<F>) -> Box<dyn FnOnce() -> Result<Rc<dyn Welcome>, Failure>> {
    Box::new(move || Ok(Rc::new(factory.start()?)))
}

/// What each client goes through first.
fn prologue_of(endpoint: &ServerEndpoint) -> Result<Prologue, TlsConfigError> {
    match endpoint {
        ServerEndpoint::Haproxy(inner) => {
            let header = Prologue::default().then(|| Box::<ProxyHeader>::default()).naming_peer();
            Ok(header.followed_by(prologue_of(inner)?))
        }
        ServerEndpoint::Tls(tls) => handshakes_of(tls),
        _ => Ok(Prologue::default()),
    }
}

/// What takes the clients; `None` for standard input and output, where there is one from the start.
fn acceptor_of(endpoint: &ServerEndpoint) -> io::Result<Option<Acceptor>> {
    Ok(Some(match endpoint {
        ServerEndpoint::Haproxy(inner) => return acceptor_of(inner),
        ServerEndpoint::Stdio => return Ok(None),
        ServerEndpoint::Tcp(tcp) => Acceptor::tcp(tcp)?,
        ServerEndpoint::Tls(tls) => Acceptor::tcp(&tls.tcp)?,
        ServerEndpoint::Unix(unix) => Acceptor::unix(unix)?,
        ServerEndpoint::Fd(fd) => Acceptor::adopt(inherited::descriptor(fd.fd)?)?,
        ServerEndpoint::Systemd(systemd) => Acceptor::adopt(inherited::from_systemd(systemd)?)?,
    }))
}

/// What takes the clients in memory: of a place, and of nothing that the system would have to know.
fn acceptor_in(memory: &Memory, endpoint: &ServerEndpoint) -> io::Result<Acceptor> {
    let (address, backlog) = match endpoint {
        ServerEndpoint::Haproxy(inner) => return acceptor_in(memory, inner),
        ServerEndpoint::Stdio => (Address::Stdio, 1),
        ServerEndpoint::Tcp(tcp) => (tcp.address.into(), tcp.backlog),
        ServerEndpoint::Tls(tls) => (tls.tcp.address.into(), tls.tcp.backlog),
        ServerEndpoint::Unix(unix) => (unix.address.clone().into(), unix.backlog),
        ServerEndpoint::Fd(_) | ServerEndpoint::Systemd(_) => {
            return Err(io::Error::new(ErrorKind::Unsupported, "in memory there are no descriptors"));
        }
    };
    Ok(Acceptor::Memory(memory.bind(address, backlog.into())?))
}

#[cfg(feature = "tls")]
fn handshakes_of(tls: &TlsServer) -> Result<Prologue, TlsConfigError> {
    ServerTls::try_from(tls)?.prologue()
}

#[cfg(not(feature = "tls"))]
fn handshakes_of(tls: &TlsServer) -> Result<Prologue, TlsConfigError> {
    Err(TlsConfigError::feature_missing(tls.to_string()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;
    use crate::framing::Raw;
    use crate::protocol::{ForProtocol, Protocol};

    struct Never;

    impl Default for Never {
        fn default() -> Self {
            panic!("a protocol is made before its header is read")
        }
    }

    impl Protocol for Never {
        type Framing = Raw;
        type Factory = ForProtocol<Self>;

        fn framing() -> Raw {
            Raw
        }
    }

    /// One that begins its header, and one that does not.
    #[test]
    fn a_header_that_does_not_come_is_not_waited_for() {
        let reactor = Reactor::new().expect("a poll");
        let factory = Rc::new(ForProtocol::<Never>::default().into_shared().start().expect("a factory"));
        let behind = "haproxy:tcp:0:interface=127.0.0.1".parse().expect("an endpoint");
        let prologue = prologue_of(&behind).expect("no files").timeout(Duration::from_millis(1));
        let acceptor = acceptor_of(&behind).expect("a port").expect("a socket");
        let port = reactor.listen_on(acceptor, factory, prologue).expect("a port");
        let Address::Tcp(address) = port.host() else { panic!("no TCP address") };
        let mut clients = [(); 2].map(|()| TcpStream::connect(address).expect("it listens"));
        clients[0].write_all(b"PROXY TCP4 1.2.").expect("room");
        let mut turns = 0;
        while turns < 3 || reactor.connections() > 0 {
            reactor.turn(Some(Duration::from_millis(5))).expect("a turn");
            turns += 1;
            assert!(turns < 5000, "they are still there");
        }
        for mut client in clients {
            assert!(matches!(client.read(&mut [0; 1]), Ok(0) | Err(_)));
        }
    }
}
