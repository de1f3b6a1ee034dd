//! Where the ends of a connection are.

use std::ffi::OsStr;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net;
use std::path::Path;
use std::sync::Arc;

/// The address of one end of a connection. It prints as the endpoint that it would be: `tcp:127.0.0.1:8007`.
///
/// ```
/// use twisty::Address;
///
/// let address = Address::from("127.0.0.1:8007".parse::<std::net::SocketAddr>().unwrap());
/// assert_eq!(address.to_string(), "tcp:127.0.0.1:8007");
/// assert_eq!(address.ip().map(|ip| ip.is_loopback()), Some(true));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A TCP port of an IPv4 or IPv6 address.
    Tcp(SocketAddr),
    /// A UDP port of an IPv4 or IPv6 address.
    Udp(SocketAddr),
    /// A UNIX socket.
    Unix(UnixAddress),
    /// Standard input and output.
    Stdio,
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
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) | Self::Udp(address) => Some(address.ip()),
            Self::Unix(_) | Self::Stdio => None,
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
            Self::Tcp(address) | Self::Udp(address) => Some(address.port()),
            Self::Unix(_) | Self::Stdio => None,
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
            Compact::Other(address) => (**address).clone(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Udp(address) => write!(f, "udp:{address}"),
            Self::Unix(address) => write!(f, "unix:{address}"),
            Self::Stdio => f.write_str("stdio:"),
        }
    }
}

/// The address of a UNIX socket: a path, an abstract name, or nothing, as most clients have. It prints as its path, or as
/// its name behind an `@`.
///
/// ```
/// use twisty::protocol::UnixAddress;
///
/// assert_eq!(UnixAddress::from_path("/run/quotes.sock").to_string(), "/run/quotes.sock");
/// assert_eq!(UnixAddress::from_abstract_name("quotes").to_string(), "@quotes");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnixAddress(Place);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Nowhere,
    Path(Arc<Path>),
    Abstract(Arc<[u8]>),
}

impl UnixAddress {
    /// The address of nobody: of a socket that is bound to nothing.
    pub const UNNAMED: Self = Self(Place::Nowhere);

    /// The address of a socket in the file system.
    ///
    /// ```
    /// use twisty::protocol::UnixAddress;
    ///
    /// let address = UnixAddress::from_path("/run/quotes.sock");
    /// assert_eq!(address.path(), Some(std::path::Path::new("/run/quotes.sock")));
    /// ```
    #[must_use]
    pub fn from_path(path: impl AsRef<Path>) -> Self {
        Self(Place::Path(path.as_ref().into()))
    }

    /// The address of a socket in Linux's abstract name space, which has no file.
    ///
    /// ```
    /// use twisty::protocol::UnixAddress;
    ///
    /// let address = UnixAddress::from_abstract_name("quotes");
    /// assert_eq!(address.abstract_name(), Some(&b"quotes"[..]));
    /// ```
    #[must_use]
    pub fn from_abstract_name(name: impl AsRef<[u8]>) -> Self {
        Self(Place::Abstract(name.as_ref().into()))
    }

    /// The path, where there is one.
    ///
    /// ```
    /// assert_eq!(twisty::protocol::UnixAddress::UNNAMED.path(), None);
    /// ```
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        if let Place::Path(path) = &self.0 { Some(path) } else { None }
    }

    /// The abstract name, where there is one.
    ///
    /// ```
    /// assert_eq!(twisty::protocol::UnixAddress::from_path("/run/quotes.sock").abstract_name(), None);
    /// ```
    #[must_use]
    pub fn abstract_name(&self) -> Option<&[u8]> {
        if let Place::Abstract(name) = &self.0 { Some(name) } else { None }
    }
}

impl From<&net::SocketAddr> for UnixAddress {
    fn from(address: &net::SocketAddr) -> Self {
        let path = address.as_pathname().map(Self::from_path);
        path.or_else(|| address.as_abstract_name().map(Self::from_abstract_name)).unwrap_or(Self::UNNAMED)
    }
}

impl From<UnixAddress> for Address {
    fn from(address: UnixAddress) -> Self {
        Self::Unix(address)
    }
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Nowhere => Ok(()),
            Place::Path(path) => write!(f, "{}", path.display()),
            Place::Abstract(name) => write!(f, "@{}", OsStr::from_bytes(name).display()),
        }
    }
}
