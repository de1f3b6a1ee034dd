//! Listening sockets of every family.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::protocol::{Address, UnixAddress};
use crate::transport::BoundPath;

/// A listening stream socket, which does not block.
pub(super) enum Acceptor {
    Tcp(TcpListener),
    Unix {
        /// Goes before the socket, so that nobody finds a path on which nobody listens.
        _path: Option<BoundPath>,
        socket: UnixListener,
    },
}

impl Acceptor {
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.register(registry, token, Interest::READABLE),
            Self::Unix { socket, .. } => {
                registry.register(&mut SourceFd(&socket.as_raw_fd()), token, Interest::READABLE)
            }
        }
    }

    /// The address listened on.
    pub(super) fn host(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(Address::from),
            Self::Unix { socket, .. } => socket.local_addr().map(|address| UnixAddress::from(&address).into()),
        }
    }

    /// Takes the client that waits longest, and says who it is. UNIX sockets get mio's `TcpStream` too: its calls are
    /// those of any stream socket.
    pub(super) fn accept(&self) -> io::Result<(TcpStream, Address)> {
        match self {
            Self::Tcp(socket) => socket.accept().map(|(stream, peer)| (stream, peer.into())),
            Self::Unix { socket, .. } => {
                let (stream, peer) = socket.accept()?;
                stream.set_nonblocking(true)?;
                Ok((OwnedFd::from(stream).into(), UnixAddress::from(&peer).into()))
            }
        }
    }

    /// The address that a client came to, if the system has to be asked: where one port listens on several.
    pub(super) fn host_of(&self, host: &Address, stream: &TcpStream) -> Option<Address> {
        let several = matches!(self, Self::Tcp(_)) && host.ip().is_some_and(|ip| ip.is_unspecified());
        if several { stream.local_addr().ok().map(Address::from) } else { None }
    }
}
