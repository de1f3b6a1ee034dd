//! What clients are taken from.

use std::io::{self, ErrorKind};
use std::rc::Rc;

use mio::net::TcpListener;
use mio::{Interest, Registry, Token};

use super::memory::{Arrival, Backlog};
use crate::protocol::Address;
use crate::transport::{Side, Socket};

/// A listening socket, which does not block, or what stands for it in memory.
pub(super) enum Acceptor {
    Tcp(TcpListener),
    Memory(Rc<Backlog>),
}

/// A client: its socket, who it is, and where it came to.
pub(super) struct Client {
    pub(super) socket: Socket,
    pub(super) host: Address,
    pub(super) peer: Address,
}

impl Acceptor {
    /// Has it watched under the token of its entry.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => registry.register(socket, token, Interest::READABLE),
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
            Self::Memory(backlog) => Ok(backlog.host().clone()),
        }
    }

    /// Takes the client that waits longest. Where it came to is asked of the system only where a port, that of `host`,
    /// listens on several addresses.
    pub(super) fn accept(&self, host: &Address) -> io::Result<Client> {
        match self {
            Self::Tcp(listener) => {
                let (socket, peer) = listener.accept()?;
                let several = host.ip().is_some_and(|ip| ip.is_unspecified());
                let asked = if several { socket.local_addr().ok().map(Address::from) } else { None };
                let host = asked.unwrap_or_else(|| host.clone());
                Ok(Client { socket: Socket::new(socket), host, peer: peer.into() })
            }
            Self::Memory(backlog) => {
                let Arrival { wire, host, peer } = backlog.take().ok_or(ErrorKind::WouldBlock)?;
                Ok(Client { socket: Socket::in_memory(wire, Side::Server), host, peer })
            }
        }
    }
}
