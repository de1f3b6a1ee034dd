//! Which words descriptions may begin with.

use std::collections::BTreeMap;
use std::fmt;

use super::arguments::advice;
use super::client::ClientEndpoint;
use super::datagram::{DatagramEndpoint, UdpPort, UnixDatagramPort};
use super::fields::Fields;
use super::handed::{FdServer, SystemdServer};
use super::server::ServerEndpoint;
use super::tcp::{TcpClient, TcpServer};
use super::tls::{TlsClient, TlsServer};
use super::unix::{UnixClient, UnixServer};
use crate::error::{EndpointError, EndpointMistake};

type Reader<E> = Box<dyn Fn(&Fields<'_>) -> Result<E, EndpointError>>;

/// Words of your own that descriptions may begin with, besides those that are built in. (Twisted's plugins:
/// `IStreamServerEndpointStringParser` and its sister for clients.)
///
/// ```
/// use twisty::endpoint::{Argument, Prefixes, UnixServer};
///
/// const SLOT: Argument<u8> = Argument::new("slot", "a number up to 255", |text| text.parse().ok());
///
/// let prefixes = Prefixes::new().server("rack", |fields| {
///     let slot = fields.bind(&[SLOT.name], &[])?.required(&SLOT)?;
///     Ok(UnixServer::new(format!("/run/rack/{slot}")).into())
/// });
/// assert_eq!(prefixes.parse_server("rack:7")?.to_string(), "unix:/run/rack/7");
/// assert_eq!(prefixes.parse_server("haproxy:rack:slot=7")?.to_string(), "haproxy:unix:/run/rack/7");
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[derive(Default)]
pub struct Prefixes {
    servers: BTreeMap<String, Reader<ServerEndpoint>>,
    clients: BTreeMap<String, Reader<ClientEndpoint>>,
    datagrams: BTreeMap<String, Reader<DatagramEndpoint>>,
}

impl Prefixes {
    const SERVERS: &[&'static str] = &["fd", "haproxy", "ssl", "stdio", "systemd", "tcp", "tcp6", "tls", "unix"];
    const CLIENTS: &[&'static str] = &["ssl", "tcp", "tcp6", "tls", "unix"];
    const DATAGRAMS: &[&'static str] = &["udp", "udp6", "unix-datagram"];

    /// Those that are built in.
    ///
    /// ```
    /// assert!(twisty::endpoint::Prefixes::new().parse_server("rack:7").is_err());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a word for where to listen, which is not told apart by its capitals; one that is built in is replaced.
    ///
    /// ```
    /// use twisty::endpoint::{Prefixes, ServerEndpoint};
    ///
    /// let prefixes = Prefixes::new().server("terminal", |_| Ok(ServerEndpoint::Stdio));
    /// assert_eq!(prefixes.parse_server("terminal:")?, ServerEndpoint::Stdio);
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub fn server(
        mut self,
        word: &str,
        read: impl Fn(&Fields<'_>) -> Result<ServerEndpoint, EndpointError> + 'static,
    ) -> Self {
        self.servers.insert(word.to_ascii_lowercase(), Box::new(read));
        self
    }

    /// Adds a word for where to connect to, which is not told apart by its capitals; one that is built in is replaced.
    ///
    /// ```
    /// use twisty::endpoint::{Prefixes, TcpClient};
    ///
    /// let prefixes = Prefixes::new().client("home", |_| Ok(TcpClient::new("localhost", 8007).into()));
    /// assert_eq!(prefixes.parse_client("home")?.to_string(), "tcp:localhost:8007");
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub fn client(
        mut self,
        word: &str,
        read: impl Fn(&Fields<'_>) -> Result<ClientEndpoint, EndpointError> + 'static,
    ) -> Self {
        self.clients.insert(word.to_ascii_lowercase(), Box::new(read));
        self
    }

    /// Adds a word for where to receive datagrams, which is not told apart by its capitals; one that is built in is
    /// replaced.
    ///
    /// ```
    /// use twisty::endpoint::{Prefixes, UnixDatagramPort};
    ///
    /// let prefixes = Prefixes::new().datagram("log", |_| Ok(UnixDatagramPort::new("/run/log").into()));
    /// assert_eq!(prefixes.parse_datagram("log")?.to_string(), "unix-datagram:/run/log");
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    #[must_use]
    pub fn datagram(
        mut self,
        word: &str,
        read: impl Fn(&Fields<'_>) -> Result<DatagramEndpoint, EndpointError> + 'static,
    ) -> Self {
        self.datagrams.insert(word.to_ascii_lowercase(), Box::new(read));
        self
    }

    /// Reads where to listen.
    ///
    /// # Errors
    /// [`EndpointError`], which points at what is wrong.
    ///
    /// ```
    /// use twisty::endpoint::{Prefixes, ServerEndpoint};
    ///
    /// assert_eq!(Prefixes::new().parse_server("stdio:")?, ServerEndpoint::Stdio);
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    pub fn parse_server(&self, description: &str) -> Result<ServerEndpoint, EndpointError> {
        self.server_of(&Fields::parse(description)?)
    }

    /// Reads where to connect to.
    ///
    /// # Errors
    /// [`EndpointError`], which points at what is wrong.
    ///
    /// ```
    /// use twisty::endpoint::{Prefixes, TcpClient};
    ///
    /// let endpoint = Prefixes::new().parse_client("tcp:example.com:80")?;
    /// assert_eq!(endpoint, TcpClient::new("example.com", 80).into());
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    pub fn parse_client(&self, description: &str) -> Result<ClientEndpoint, EndpointError> {
        let fields = Fields::parse(description)?;
        match (self.clients.get(&*fields.kind()), &*fields.kind()) {
            (Some(read), _) => read(&fields),
            (None, "tcp") => Ok(TcpClient::any(&fields)?.into()),
            (None, "tcp6") => Ok(TcpClient::v6(&fields)?.into()),
            (None, "unix") => Ok(UnixClient::from_fields(&fields)?.into()),
            (None, "tls") => Ok(TlsClient::tls(&fields, self)?.into()),
            (None, "ssl") => Ok(TlsClient::ssl(&fields)?.into()),
            (None, _) => Err(unknown(&fields, Self::CLIENTS, self.clients.keys())),
        }
    }

    /// Reads where to receive datagrams.
    ///
    /// # Errors
    /// [`EndpointError`], which points at what is wrong.
    ///
    /// ```
    /// use twisty::endpoint::{Prefixes, UdpPort};
    ///
    /// let endpoint = Prefixes::new().parse_datagram("udp:8009")?;
    /// assert_eq!(endpoint, UdpPort::new("0.0.0.0:8009".parse().unwrap()).into());
    /// # Ok::<(), twisty::EndpointError>(())
    /// ```
    pub fn parse_datagram(&self, description: &str) -> Result<DatagramEndpoint, EndpointError> {
        let fields = Fields::parse(description)?;
        match (self.datagrams.get(&*fields.kind()), &*fields.kind()) {
            (Some(read), _) => read(&fields),
            (None, "udp") => Ok(UdpPort::v4(&fields)?.into()),
            (None, "udp6") => Ok(UdpPort::v6(&fields)?.into()),
            (None, "unix-datagram") => Ok(UnixDatagramPort::from_fields(&fields)?.into()),
            (None, _) => Err(unknown(&fields, Self::DATAGRAMS, self.datagrams.keys())),
        }
    }

    fn server_of(&self, fields: &Fields<'_>) -> Result<ServerEndpoint, EndpointError> {
        match (self.servers.get(&*fields.kind()), &*fields.kind()) {
            (Some(read), _) => read(fields),
            (None, "tcp") => Ok(TcpServer::v4(fields)?.into()),
            (None, "tcp6") => Ok(TcpServer::v6(fields)?.into()),
            (None, "unix") => Ok(UnixServer::from_fields(fields)?.into()),
            (None, "tls") => Ok(TlsServer::tls(fields)?.into()),
            (None, "ssl") => Ok(TlsServer::ssl(fields)?.into()),
            (None, "stdio") => stdio(fields),
            (None, "fd") => Ok(FdServer::from_fields(fields)?.into()),
            (None, "systemd") => Ok(SystemdServer::from_fields(fields)?.into()),
            (None, "haproxy") => Ok(self.server_of(&fields.inner())?.behind_haproxy()),
            (None, _) => Err(unknown(fields, Self::SERVERS, self.servers.keys())),
        }
    }
}

impl fmt::Debug for Prefixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = (self.servers.keys(), self.clients.keys(), self.datagrams.keys());
        f.debug_tuple("Prefixes").field(&words.0).field(&words.1).field(&words.2).finish()
    }
}

/// `stdio:` and `stdio`: the colon in the one makes an empty value.
fn stdio(fields: &Fields<'_>) -> Result<ServerEndpoint, EndpointError> {
    if !fields.values().eq([""]) {
        fields.bind(&[], &[])?;
    }
    Ok(ServerEndpoint::Stdio)
}

fn unknown<'a>(fields: &Fields<'_>, built_in: &[&'a str], own: impl Iterator<Item = &'a String>) -> EndpointError {
    let mut legal: Vec<&str> = built_in.iter().copied().chain(own.map(String::as_str)).collect();
    legal.sort_unstable();
    legal.dedup();
    let word = fields.word().unwrap_or_default();
    let advice = advice(word, &legal);
    let problem = match word {
        "" => format!("it does not begin with a word{advice}"),
        word => format!("`{word}` is not known{advice}"),
    };
    fields.mistake(fields.at_kind(), EndpointMistake::UnknownKind, problem)
}
