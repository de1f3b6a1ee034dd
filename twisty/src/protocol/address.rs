//! Where the ends of a connection are.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// The address of one end of a connection. It prints as the endpoint that it would be: `tcp:127.0.0.1:8007`.
///
/// ```
/// use twisty::Address;
///
/// let address = Address::from("127.0.0.1:8007".parse::<std::net::SocketAddr>().unwrap());
/// assert_eq!(address.to_string(), "tcp:127.0.0.1:8007");
/// assert_eq!(address.ip().map(|ip| ip.is_loopback()), Some(true));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A TCP port of an IPv4 or IPv6 address.
    Tcp(SocketAddr),
}

impl Address {
    /// The IP address, where there is one.
    ///
    /// ```
    /// use std::net::{Ipv4Addr, SocketAddr};
    ///
    /// let address = twisty::Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 8007)));
    /// assert_eq!(address.ip(), Some(Ipv4Addr::LOCALHOST.into()));
    /// ```
    #[must_use]
    pub const fn ip(&self) -> Option<std::net::IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
        }
    }

    /// The port, where there is one.
    ///
    /// ```
    /// use std::net::{Ipv4Addr, SocketAddr};
    ///
    /// let address = twisty::Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 8007)));
    /// assert_eq!(address.port(), Some(8007));
    /// ```
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// An address as a connection keeps it: small where most are, since most connections are idle.
pub(super) enum Compact {
    V4(Ipv4Addr, u16),
    Other(Box<Address>),
}

impl From<Address> for Compact {
    fn from(address: Address) -> Self {
        match address {
            Address::Tcp(SocketAddr::V4(v4)) => Self::V4(*v4.ip(), v4.port()),
            other => Self::Other(Box::new(other)),
        }
    }
}

impl From<&Compact> for Address {
    fn from(compact: &Compact) -> Self {
        match compact {
            Compact::V4(ip, port) => Self::Tcp((*ip, *port).into()),
            Compact::Other(address) => **address,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}
