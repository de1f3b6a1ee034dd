//! Where to listen.

use std::fmt;
use std::str::FromStr;

use super::handed::{FdServer, SystemdServer};
use super::prefixes::Prefixes;
use super::tcp::TcpServer;
use super::tls::TlsServer;
use super::unix::UnixServer;
use crate::error::EndpointError;

/// Where to listen. (Twisted's `IStreamServerEndpoint` and `serverFromString`.)
///
/// ```
/// use twisty::endpoint::{ServerEndpoint, TcpServer};
///
/// let endpoint: ServerEndpoint = r"tcp:8007:interface=\:\:1".parse()?;
/// assert_eq!(endpoint, TcpServer::new("[::1]:8007".parse().unwrap()).into());
/// assert_eq!(endpoint.to_string(), r"tcp:8007:interface=\:\:1");
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEndpoint {
    /// `tcp:8007`, `tcp6:8007`
    Tcp(TcpServer),
    /// `unix:/run/quotes.sock`
    Unix(UnixServer),
    /// `tls:8443:certificate=cert.pem:private_key=key.pem`, `ssl:8443`
    Tls(TlsServer),
    /// `stdio:`: standard input and output, as one connection. (Twisted's `StandardIOEndpoint`.)
    Stdio,
    /// `fd:3`
    Fd(FdServer),
    /// `systemd:INET:index=0`
    Systemd(SystemdServer),
    /// `haproxy:tcp:8007`: connections begin with a header of the PROXY protocol, which says who the client is.
    Haproxy(Box<Self>),
}

impl ServerEndpoint {
    /// This behind a proxy, which says in a header of the PROXY protocol who the client is: `haproxy:` before it.
    ///
    /// ```
    /// use twisty::endpoint::{ServerEndpoint, TcpServer};
    ///
    /// let endpoint = ServerEndpoint::from(TcpServer::new("0.0.0.0:8007".parse().unwrap()));
    /// assert_eq!(endpoint.behind_haproxy().to_string(), "haproxy:tcp:8007");
    /// ```
    #[must_use]
    pub fn behind_haproxy(self) -> Self {
        Self::Haproxy(Box::new(self))
    }
}

/// The description that parses back.
impl fmt::Display for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(tcp) => tcp.fmt(f),
            Self::Unix(unix) => unix.fmt(f),
            Self::Tls(tls) => tls.fmt(f),
            Self::Stdio => f.write_str("stdio:"),
            Self::Fd(fd) => fd.fmt(f),
            Self::Systemd(systemd) => systemd.fmt(f),
            Self::Haproxy(inner) => write!(f, "haproxy:{inner}"),
        }
    }
}

/// Knows the prefixes that are built in; [`Prefixes::parse_server`] knows more.
impl FromStr for ServerEndpoint {
    type Err = EndpointError;

    fn from_str(description: &str) -> Result<Self, EndpointError> {
        Prefixes::new().parse_server(description)
    }
}

impl From<TcpServer> for ServerEndpoint {
    fn from(tcp: TcpServer) -> Self {
        Self::Tcp(tcp)
    }
}

impl From<UnixServer> for ServerEndpoint {
    fn from(unix: UnixServer) -> Self {
        Self::Unix(unix)
    }
}

impl From<TlsServer> for ServerEndpoint {
    fn from(tls: TlsServer) -> Self {
        Self::Tls(tls)
    }
}

impl From<FdServer> for ServerEndpoint {
    fn from(fd: FdServer) -> Self {
        Self::Fd(fd)
    }
}

impl From<SystemdServer> for ServerEndpoint {
    fn from(systemd: SystemdServer) -> Self {
        Self::Systemd(systemd)
    }
}

/// Whatever says where to listen: a description, or a [`ServerEndpoint`] or one of its variants.
///
/// ```
/// use twisty::endpoint::{IntoServerEndpoint, TcpServer};
///
/// let described = "tcp:8007".into_server_endpoint()?;
/// assert_eq!(TcpServer::new("0.0.0.0:8007".parse().unwrap()).into_server_endpoint()?, described);
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say where to listen",
    label = "neither a description, as `\"tcp:8007\"`, nor an endpoint, as `TcpServer`"
)]
pub trait IntoServerEndpoint {
    /// The endpoint.
    ///
    /// # Errors
    /// [`EndpointError`] where a description cannot be understood.
    fn into_server_endpoint(self) -> Result<ServerEndpoint, EndpointError>;
}

impl<E: Into<ServerEndpoint>> IntoServerEndpoint for E {
    fn into_server_endpoint(self) -> Result<ServerEndpoint, EndpointError> {
        Ok(self.into())
    }
}

impl IntoServerEndpoint for &ServerEndpoint {
    fn into_server_endpoint(self) -> Result<ServerEndpoint, EndpointError> {
        Ok(self.clone())
    }
}

impl IntoServerEndpoint for &str {
    fn into_server_endpoint(self) -> Result<ServerEndpoint, EndpointError> {
        self.parse()
    }
}

impl IntoServerEndpoint for &String {
    fn into_server_endpoint(self) -> Result<ServerEndpoint, EndpointError> {
        self.parse()
    }
}

impl IntoServerEndpoint for String {
    fn into_server_endpoint(self) -> Result<ServerEndpoint, EndpointError> {
        self.parse()
    }
}
