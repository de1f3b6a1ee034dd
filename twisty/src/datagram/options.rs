//! Where to listen for datagrams, and how.

use std::net::SocketAddr;
use std::path::Path;

use crate::protocol::UnixAddress;

/// Longer than any datagram of UDP.
const LONGEST: usize = 65_535;

/// Where to listen for datagrams: a [`UdpPort`] or a [`UnixDatagramPort`].
///
/// ```
/// use twisty::datagram::{Options, UdpPort};
///
/// let options = Options::from(UdpPort::new("127.0.0.1:8000".parse().unwrap()));
/// assert!(matches!(options, Options::Udp(_)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// A UDP port.
    Udp(UdpPort),
    /// A UNIX socket.
    Unix(UnixDatagramPort),
}

impl Options {
    /// Bytes of the longest datagram that is taken.
    pub(crate) const fn max_packet_size(&self) -> usize {
        match self {
            Self::Udp(port) => port.max_packet_size,
            Self::Unix(port) => port.max_packet_size,
        }
    }
}

impl From<UdpPort> for Options {
    fn from(port: UdpPort) -> Self {
        Self::Udp(port)
    }
}

impl From<UnixDatagramPort> for Options {
    fn from(port: UnixDatagramPort) -> Self {
        Self::Unix(port)
    }
}

/// A UDP port to listen on. (Twisted's `listenUDP`, and `listenMulticast` with `listenMultiple`.)
///
/// ```
/// use twisty::prelude::*;
/// use twisty::datagram::UdpPort;
///
/// # #[protocol(datagram)] struct Echo;
/// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
/// let reactor = Reactor::new()?;
/// let port = reactor.listen_datagrams(UdpPort::new("127.0.0.1:0".parse()?).max_packet_size(512), Echo)?;
/// assert_ne!(port.host().port(), Some(0));
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UdpPort {
    pub(crate) address: SocketAddr,
    pub(crate) broadcast: bool,
    pub(crate) reuse_port: bool,
    pub(crate) max_packet_size: usize,
}

impl UdpPort {
    /// A port of this address. One of `[::]` takes IPv6 only.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self { address, broadcast: false, reuse_port: false, max_packet_size: LONGEST }
    }

    /// Whether it may send to all of a network; off by default.
    #[must_use]
    pub const fn broadcast(mut self, allowed: bool) -> Self {
        self.broadcast = allowed;
        self
    }

    /// Whether several may listen on the same port, by SO_REUSEADDR and SO_REUSEPORT; each of them must say so. A multicast
    /// datagram reaches all of them, any other one of them. Off by default. (Twisted's `listenMultiple`.)
    #[must_use]
    pub const fn reuse_port(mut self, shared: bool) -> Self {
        self.reuse_port = shared;
        self
    }

    /// Bytes of the longest datagram that is taken; longer ones are dropped, and counted. Any by default.
    #[must_use]
    pub const fn max_packet_size(mut self, bytes: usize) -> Self {
        self.max_packet_size = bytes;
        self
    }

    /// The address to listen on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A UNIX datagram socket to listen on. (Twisted's `listenUNIXDatagram`.)
///
/// A socket that was left there by a program which is gone is replaced; the file goes when the port is closed.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::datagram::UnixDatagramPort;
///
/// # #[protocol(datagram)] struct Echo;
/// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
/// # let path = std::env::temp_dir().join(format!("twisty-datagram-port-{}", std::process::id()));
/// let reactor = Reactor::new()?;
/// reactor.listen_datagrams(UnixDatagramPort::new(&path).mode(0o600), Echo)?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixDatagramPort {
    pub(crate) address: UnixAddress,
    pub(crate) mode: u32,
    pub(crate) max_packet_size: usize,
}

impl UnixDatagramPort {
    /// Who may send to it, unless [`mode`](Self::mode) says otherwise: everybody, as in Twisted.
    pub const MODE: u32 = 0o666;

    /// A socket in the file system.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self::at(UnixAddress::from_path(path))
    }

    /// A socket with this address: an abstract name for one without a file; [`UnixAddress::UNNAMED`] for one that only
    /// sends, since nothing can be sent to it.
    #[must_use]
    pub const fn at(address: UnixAddress) -> Self {
        Self { address, mode: Self::MODE, max_packet_size: LONGEST }
    }

    /// The permissions of the file: `0o600` for this user alone. Default: `0o666`.
    #[must_use]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Bytes of the longest datagram that is taken; longer ones are dropped, and counted. 65535 by default, and at most.
    #[must_use]
    pub const fn max_packet_size(mut self, bytes: usize) -> Self {
        self.max_packet_size = bytes;
        self
    }

    /// The address to listen on.
    #[must_use]
    pub const fn address(&self) -> &UnixAddress {
        &self.address
    }
}
