//! Listening sockets of every family.

use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::rc::Rc;

use mio::event::Source;
use mio::net::TcpListener;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};

use super::dial::unix_address;
use super::memory::{Arrival, Backlog};
use crate::endpoint::{TcpServer, UnixServer};
use crate::protocol::{Address, UnixAddress};
use crate::transport::{self, BoundPath, PathOptions, Side};

/// A listening stream socket, which does not block, or what stands for it in memory.
pub(super) enum Acceptor {
    Tcp(TcpListener),
    Unix {
        /// Goes before the socket, so that nobody finds a path on which nobody listens.
        _path: Option<BoundPath>,
        socket: UnixListener,
    },
    Memory(Rc<Backlog>),
}

/// A client: its socket, where it came to, and who it is.
pub(super) struct Client {
    pub(super) socket: transport::Socket,
    pub(super) host: Address,
    pub(super) peer: Address,
}

impl Acceptor {
    /// A TCP port, with the options that its connections inherit.
    pub(super) fn tcp(server: &TcpServer) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(server.address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if server.reuse_port {
            socket.set_reuse_port(true)?;
        }
        if server.address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_tcp_nodelay(server.options.nodelay)?;
        if let Some(after) = server.options.keepalive {
            socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after))?;
        }
        if let Some(device) = &server.options.device {
            socket.bind_device(Some(device.as_bytes()))?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&server.address.into())?;
        socket.listen(server.backlog.into())?;
        Ok(Self::Tcp(OwnedFd::from(socket).into()))
    }

    /// A UNIX socket, in the file system or not.
    pub(super) fn unix(server: &UnixServer) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let listen = |socket: &Socket| socket.listen(server.backlog.into());
        let path = match server.address.path() {
            Some(path) => {
                let options = PathOptions { mode: server.mode, locked: server.lockfile };
                Some(BoundPath::bind(&socket, path, options, listen)?)
            }
            None => {
                socket.bind(&unix_address(&server.address)?)?;
                listen(&socket)?;
                None
            }
        };
        Ok(Self::Unix { _path: path, socket: OwnedFd::from(socket).into() })
    }

    /// A socket that listens already. Others may have it too: that it does not block holds for them as well, as in Twisted.
    pub(super) fn adopt(descriptor: OwnedFd) -> io::Result<Self> {
        let socket = SockRef::from(&descriptor);
        let kind = socket.r#type().map_err(|_| not_usable("no socket"))?;
        if kind != Type::STREAM {
            return Err(not_usable("a socket of another kind"));
        } else if !socket.is_listener()? {
            return Err(not_usable("a socket that does not listen"));
        }
        socket.set_nonblocking(true)?;
        match socket.domain()? {
            Domain::IPV4 | Domain::IPV6 => Ok(Self::Tcp(descriptor.into())),
            Domain::UNIX => Ok(Self::Unix { _path: None, socket: descriptor.into() }),
            _ => Err(not_usable("a socket of another family")),
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.register(registry, token, Interest::READABLE),
            Self::Unix { socket, .. } => {
                registry.register(&mut SourceFd(&socket.as_raw_fd()), token, Interest::READABLE)
            }
            Self::Memory(backlog) => {
                backlog.watch(token);
                Ok(())
            }
        }
    }

    /// The address listened on.
    pub(super) fn host(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(Address::from),
            Self::Unix { socket, .. } => socket.local_addr().map(|address| UnixAddress::from(&address).into()),
            Self::Memory(backlog) => Ok(backlog.host().clone()),
        }
    }

    /// Takes the client that waits longest. Where it came to is asked of the system only where one port, that of `host`,
    /// listens on several addresses. UNIX sockets get mio's `TcpStream` too: its calls are those of any stream socket.
    pub(super) fn accept(&self, host: &Address) -> io::Result<Client> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                let several = host.ip().is_some_and(|ip| ip.is_unspecified());
                let asked = if several { stream.local_addr().ok().map(Address::from) } else { None };
                let host = asked.unwrap_or_else(|| host.clone());
                Ok(Client { socket: transport::Socket::new(stream), host, peer: peer.into() })
            }
            Self::Unix { socket: listener, .. } => {
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                let socket = transport::Socket::new(OwnedFd::from(stream).into());
                Ok(Client { socket, host: host.clone(), peer: UnixAddress::from(&peer).into() })
            }
            Self::Memory(backlog) => {
                let Arrival { wire, host, peer } = backlog.take().ok_or(ErrorKind::WouldBlock)?;
                Ok(Client { socket: transport::Socket::in_memory(wire, Side::Server), host, peer })
            }
        }
    }
}

fn not_usable(what: &str) -> io::Error {
    let text = format!("the descriptor is {what}, a stream socket that listens is needed");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};
    use std::time::Duration;

    use super::*;

    fn local(port: u16) -> TcpServer {
        TcpServer::new((Ipv4Addr::LOCALHOST, port).into())
    }

    /// What is set on a connection to a port of `server`.
    fn of_a_client<R>(server: &TcpServer, ask: impl Fn(SockRef<'_>) -> io::Result<R>) -> R {
        let acceptor = Acceptor::tcp(server).expect("a port");
        let Ok(Address::Tcp(address)) = acceptor.host() else { panic!("no TCP address") };
        let _client = TcpStream::connect(address).expect("it listens");
        // The client is connected, so it waits already.
        let mut client = acceptor.accept(&address.into()).expect("a client");
        let asked = client.socket.below(|_, stream| ask(SockRef::from(stream.as_ref().expect("the system's"))));
        asked.expect("an option")
    }

    #[test]
    fn connections_inherit_the_options_of_their_port() {
        assert!(of_a_client(&local(0), |socket| socket.tcp_nodelay()));
        assert!(!of_a_client(&local(0).nodelay(false), |socket| socket.tcp_nodelay()));
        assert!(!of_a_client(&local(0), |socket| socket.keepalive()));
        let watched = local(0).keepalive(Duration::from_secs(77));
        assert!(of_a_client(&watched, |socket| socket.keepalive()));
        assert_eq!(of_a_client(&watched, |socket| socket.tcp_keepalive_time()), Duration::from_secs(77));
        let on_loopback = of_a_client(&local(0).device("lo"), |socket| socket.device());
        assert_eq!(on_loopback.as_deref(), Some(&b"lo"[..]));
    }

    #[test]
    fn a_port_is_shared_by_those_who_all_wish_it() {
        let first = Acceptor::tcp(&local(0).reuse_port(true)).expect("a port");
        let port = first.host().expect("an address").port().expect("TCP");
        let _second = Acceptor::tcp(&local(port).reuse_port(true)).expect("the same port");
        let refused = Acceptor::tcp(&local(port)).map(drop).expect_err("it does not share");
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
    }
}
