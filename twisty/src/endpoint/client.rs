//! Where to connect to.

use std::fmt;
use std::str::FromStr;

use super::prefixes::Prefixes;
use super::tcp::TcpClient;
use super::tls::TlsClient;
use super::unix::UnixClient;
use crate::error::EndpointError;

/// Where to connect to. (Twisted's `IStreamClientEndpoint` and `clientFromString`.)
///
/// ```
/// use twisty::endpoint::{ClientEndpoint, TcpClient};
///
/// let endpoint: ClientEndpoint = "tcp:example.com:8007".parse()?;
/// assert_eq!(endpoint, TcpClient::new("example.com", 8007).into());
/// assert_eq!(endpoint.to_string(), "tcp:example.com:8007");
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEndpoint {
    /// `tcp:example.com:8007`, `tcp6:example.com:8007`
    Tcp(TcpClient),
    /// `unix:/run/quotes.sock`
    Unix(UnixClient),
    /// `tls:example.com:443`, `ssl:example.com:443`
    Tls(TlsClient),
}

/// The description that parses back.
impl fmt::Display for ClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(tcp) => tcp.fmt(f),
            Self::Unix(unix) => unix.fmt(f),
            Self::Tls(tls) => tls.fmt(f),
        }
    }
}

/// Knows the prefixes that are built in; [`Prefixes::parse_client`] knows more.
impl FromStr for ClientEndpoint {
    type Err = EndpointError;

    fn from_str(description: &str) -> Result<Self, EndpointError> {
        Prefixes::new().parse_client(description)
    }
}

impl From<TcpClient> for ClientEndpoint {
    fn from(tcp: TcpClient) -> Self {
        Self::Tcp(tcp)
    }
}

impl From<UnixClient> for ClientEndpoint {
    fn from(unix: UnixClient) -> Self {
        Self::Unix(unix)
    }
}

impl From<TlsClient> for ClientEndpoint {
    fn from(tls: TlsClient) -> Self {
        Self::Tls(tls)
    }
}

/// Whatever says where to connect to: a description, or a [`ClientEndpoint`] or one of its variants.
///
/// ```
/// use twisty::endpoint::{IntoClientEndpoint, TcpClient};
///
/// let described = "tcp:example.com:8007".into_client_endpoint()?;
/// assert_eq!(TcpClient::new("example.com", 8007).into_client_endpoint()?, described);
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say where to connect to",
    label = "neither a description, as `\"tcp:example.com:8007\"`, nor an endpoint, as `TcpClient`"
)]
pub trait IntoClientEndpoint {
    /// The endpoint.
    ///
    /// # Errors
    /// [`EndpointError`] where a description cannot be understood.
    fn into_client_endpoint(self) -> Result<ClientEndpoint, EndpointError>;
}

impl<E: Into<ClientEndpoint>> IntoClientEndpoint for E {
    fn into_client_endpoint(self) -> Result<ClientEndpoint, EndpointError> {
        Ok(self.into())
    }
}

impl IntoClientEndpoint for &ClientEndpoint {
    fn into_client_endpoint(self) -> Result<ClientEndpoint, EndpointError> {
        Ok(self.clone())
    }
}

impl IntoClientEndpoint for &str {
    fn into_client_endpoint(self) -> Result<ClientEndpoint, EndpointError> {
        self.parse()
    }
}

impl IntoClientEndpoint for &String {
    fn into_client_endpoint(self) -> Result<ClientEndpoint, EndpointError> {
        self.parse()
    }
}

impl IntoClientEndpoint for String {
    fn into_client_endpoint(self) -> Result<ClientEndpoint, EndpointError> {
        self.parse()
    }
}
