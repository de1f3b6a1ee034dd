//! `tcp:` and `tcp6:`, on both sides.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::arguments::{Argument, Arguments};
use super::fields::Fields;
use super::readers::{
    ANY_V4, ANY_V6, BACKLOG, HOST, PORT, SECONDS, Seconds, TIMEOUT, YES_OR_NO, interface, interface_of, number,
    seconds, text, unless, without_flow, write_option, write_value, yes_or_no,
};
use crate::error::EndpointError;

pub(super) const INTERFACE: Argument<Option<SocketAddr>> = Argument::new(
    "interface",
    "an address as `127.0.0.1` or `\\:\\:1`; the name of a network device is written `device=eth0`",
    |text| if text.is_empty() { Some(None) } else { interface(text).map(Some) },
);
pub(super) const REUSE_PORT: Argument<bool> = Argument::new("reuse_port", YES_OR_NO, yes_or_no);
pub(super) const DEVICE: Argument<String> =
    Argument::new("device", "the name of a network device, such as `eth0`", text);
const NODELAY: Argument<bool> = Argument::new("nodelay", YES_OR_NO, yes_or_no);
const KEEPALIVE: Argument<Duration> = Argument::new("keepalive", SECONDS, seconds);
const BIND_ADDRESS: Argument<SocketAddr> =
    Argument::new("bind_address", "an address of this machine, as `127.0.0.1` or `\\:\\:1`", interface);
const BIND_PORT: Argument<u16> =
    Argument::new("bind_port", "a number from 1 to 65535, besides a `bind_address`", |text| {
        number(text).filter(|port| *port > 0)
    });

/// A TCP port to listen on. (Twisted's `TCP4ServerEndpoint` and `TCP6ServerEndpoint`.)
///
/// ```
/// use std::time::Duration;
/// use twisty::endpoint::{ServerEndpoint, TcpServer};
///
/// let local = TcpServer::new("127.0.0.1:8007".parse().unwrap()).backlog(16).keepalive(Duration::from_secs(60));
/// assert_eq!(
///     ServerEndpoint::from(local).to_string(),
///     "tcp:8007:interface=127.0.0.1:backlog=16:keepalive=60"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpServer {
    /// The address to listen on; port 0 is a free one.
    pub address: SocketAddr,
    /// How many clients may wait to be accepted; the operating system may allow fewer.
    pub backlog: u16,
    /// Whether others may listen on the same port, who share its clients (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// What is set on the sockets of its connections.
    pub options: TcpOptions,
}

impl TcpServer {
    /// Clients that may wait to be accepted, by default.
    pub const BACKLOG: u16 = 1024;

    /// A port with what goes without saying: 1024 clients may wait, the port is not shared.
    ///
    /// ```
    /// use twisty::endpoint::TcpServer;
    ///
    /// assert_eq!(TcpServer::new("0.0.0.0:8007".parse().unwrap()).to_string(), "tcp:8007");
    /// ```
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let address = without_flow(address);
        Self { address, backlog: Self::BACKLOG, reuse_port: false, options: TcpOptions::default() }
    }

    /// How many clients may wait to be accepted: `backlog=16`.
    ///
    /// ```
    /// # use twisty::endpoint::TcpServer;
    /// let port = TcpServer::new("0.0.0.0:8007".parse().unwrap());
    /// assert_eq!(port.backlog(16).to_string(), "tcp:8007:backlog=16");
    /// ```
    #[must_use]
    pub const fn backlog(mut self, clients: u16) -> Self {
        self.backlog = clients;
        self
    }

    /// Shares the port with others who do the same, for instance a reactor a core: `reuse_port=yes`. Off by default.
    ///
    /// ```
    /// # use twisty::endpoint::TcpServer;
    /// let port = TcpServer::new("0.0.0.0:8007".parse().unwrap());
    /// assert_eq!(port.reuse_port(true).to_string(), "tcp:8007:reuse_port=yes");
    /// ```
    #[must_use]
    pub const fn reuse_port(mut self, share: bool) -> Self {
        self.reuse_port = share;
        self
    }

    /// Sends small segments at once (`TCP_NODELAY`): `nodelay=no` lets the system gather them. On by default.
    ///
    /// ```
    /// # use twisty::endpoint::TcpServer;
    /// let port = TcpServer::new("0.0.0.0:8007".parse().unwrap());
    /// assert_eq!(port.nodelay(false).to_string(), "tcp:8007:nodelay=no");
    /// ```
    #[must_use]
    pub const fn nodelay(mut self, at_once: bool) -> Self {
        self.options.nodelay = at_once;
        self
    }

    /// Asks after silent peers, for the first time after so long (`SO_KEEPALIVE`): `keepalive=60`. Off by default.
    ///
    /// ```
    /// # use twisty::endpoint::TcpServer;
    /// let port = TcpServer::new("0.0.0.0:8007".parse().unwrap());
    /// assert_eq!(port.keepalive(std::time::Duration::from_secs(60)).to_string(), "tcp:8007:keepalive=60");
    /// ```
    #[must_use]
    pub const fn keepalive(mut self, after: Duration) -> Self {
        self.options.keepalive = Some(after);
        self
    }

    /// Takes clients of one network device only (`SO_BINDTODEVICE`): `device=eth0`.
    ///
    /// ```
    /// # use twisty::endpoint::TcpServer;
    /// let port = TcpServer::new("0.0.0.0:8007".parse().unwrap());
    /// assert_eq!(port.device("eth0").to_string(), "tcp:8007:device=eth0");
    /// ```
    #[must_use]
    pub fn device(mut self, name: impl Into<String>) -> Self {
        self.options.device = Some(name.into());
        self
    }

    /// The options of a port besides its number and interface.
    pub(super) const OPTIONS: &[&'static str] =
        &[BACKLOG.name, REUSE_PORT.name, NODELAY.name, KEEPALIVE.name, DEVICE.name];

    pub(super) fn v4(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let given = fields.bind(&[PORT.name, INTERFACE.name, BACKLOG.name], Self::OPTIONS)?;
        Self::from_arguments(&given, ANY_V4, given.required(&PORT)?)
    }

    pub(super) fn v6(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let given = fields.bind(&[PORT.name, BACKLOG.name, INTERFACE.name], Self::OPTIONS)?;
        let this = Self::from_arguments(&given, ANY_V6, given.required(&PORT)?)?;
        if this.address.is_ipv4() {
            return Err(given.error(INTERFACE.name, "`tcp6` needs an IPv6 address, write it as `\\:\\:1`"));
        }
        Ok(this)
    }

    pub(super) fn from_arguments(given: &Arguments<'_>, any: IpAddr, port: u16) -> Result<Self, EndpointError> {
        let mut address = given.optional(&INTERFACE)?.flatten().unwrap_or(SocketAddr::new(any, 0));
        address.set_port(port);
        let mut this = Self::new(address);
        this.backlog = given.optional(&BACKLOG)?.unwrap_or(Self::BACKLOG);
        this.reuse_port = given.optional(&REUSE_PORT)?.unwrap_or(false);
        this.options = TcpOptions::from_arguments(given)?;
        Ok(this)
    }

    /// What comes behind the port; `any` goes without saying.
    pub(super) fn write_options(&self, f: &mut fmt::Formatter<'_>, any: IpAddr) -> fmt::Result {
        let interface = interface_of(&self.address);
        let said = interface != any.to_string();
        write_option(f, &INTERFACE, said.then_some(interface))?;
        write_option(f, &BACKLOG, (self.backlog != Self::BACKLOG).then_some(self.backlog))?;
        write_option(f, &REUSE_PORT, unless(false, self.reuse_port))?;
        self.options.write(f)
    }
}

impl fmt::Display for TcpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let six = self.address.ip() == ANY_V6;
        write!(f, "{}:{}", if six { "tcp6" } else { "tcp" }, self.address.port())?;
        self.write_options(f, if six { ANY_V6 } else { ANY_V4 })
    }
}

/// A host and its port to connect to, by TCP. (Twisted's `TCP4ClientEndpoint` and `HostnameEndpoint`.)
///
/// ```
/// use std::time::Duration;
/// use twisty::endpoint::{ClientEndpoint, TcpClient};
///
/// let quotes = TcpClient::new("example.com", 8007).timeout(Duration::from_secs(5));
/// assert_eq!(ClientEndpoint::from(quotes).to_string(), "tcp:example.com:8007:timeout=5");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpClient {
    /// The name of the host, or its address.
    pub host: String,
    /// The port there.
    pub port: u16,
    /// How long connecting may take, names included.
    pub timeout: Duration,
    /// The end to connect from, where it matters; port 0 is a free one.
    pub bind: Option<SocketAddr>,
    /// Whether only addresses of IPv6 will do: `tcp6:`.
    pub ipv6_only: bool,
    /// What is set on the socket.
    pub options: TcpOptions,
}

impl TcpClient {
    /// How long connecting may take, by default.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// A host, by its name or address, and a port there.
    ///
    /// ```
    /// use twisty::endpoint::TcpClient;
    ///
    /// assert_eq!(TcpClient::new("::1", 8007).to_string(), r"tcp:\:\:1:8007");
    /// ```
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        let (timeout, options) = (Self::TIMEOUT, TcpOptions::default());
        Self { host: host.into(), port, timeout, bind: None, ipv6_only: false, options }
    }

    /// How long connecting may take, names included: `timeout=5`, in seconds. 30 seconds by default.
    ///
    /// ```
    /// # use twisty::endpoint::TcpClient;
    /// let patient = TcpClient::new("example.com", 80).timeout(std::time::Duration::from_millis(1500));
    /// assert_eq!(patient.to_string(), "tcp:example.com:80:timeout=1.5");
    /// ```
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// The end to connect from: `bind_address=10.0.0.1`, and `bind_port=4000` where the port matters too. Twisted's
    /// `bindAddress`, which is understood as well.
    ///
    /// ```
    /// # use twisty::endpoint::TcpClient;
    /// let from = TcpClient::new("example.com", 80).bind("10.0.0.1:0".parse().unwrap());
    /// assert_eq!(from.to_string(), "tcp:example.com:80:bind_address=10.0.0.1");
    /// ```
    #[must_use]
    pub fn bind(mut self, from: SocketAddr) -> Self {
        self.bind = Some(without_flow(from));
        self
    }

    /// Connects to addresses of IPv6 only: `tcp6:`. Off by default.
    ///
    /// ```
    /// # use twisty::endpoint::TcpClient;
    /// let six = TcpClient::new("example.com", 80).ipv6_only(true);
    /// assert_eq!(six.to_string(), "tcp6:example.com:80");
    /// ```
    #[must_use]
    pub const fn ipv6_only(mut self, only: bool) -> Self {
        self.ipv6_only = only;
        self
    }

    /// Sends small segments at once (`TCP_NODELAY`): `nodelay=no` lets the system gather them. On by default.
    ///
    /// ```
    /// # use twisty::endpoint::TcpClient;
    /// let gathered = TcpClient::new("example.com", 80).nodelay(false);
    /// assert_eq!(gathered.to_string(), "tcp:example.com:80:nodelay=no");
    /// ```
    #[must_use]
    pub const fn nodelay(mut self, at_once: bool) -> Self {
        self.options.nodelay = at_once;
        self
    }

    /// Asks after a silent peer, for the first time after so long (`SO_KEEPALIVE`): `keepalive=60`. Off by default.
    ///
    /// ```
    /// # use twisty::endpoint::TcpClient;
    /// let watched = TcpClient::new("example.com", 80).keepalive(std::time::Duration::from_secs(60));
    /// assert_eq!(watched.to_string(), "tcp:example.com:80:keepalive=60");
    /// ```
    #[must_use]
    pub const fn keepalive(mut self, after: Duration) -> Self {
        self.options.keepalive = Some(after);
        self
    }

    /// Connects through this network device (`SO_BINDTODEVICE`): `device=eth0`.
    ///
    /// ```
    /// # use twisty::endpoint::TcpClient;
    /// let through = TcpClient::new("example.com", 80).device("eth0");
    /// assert_eq!(through.to_string(), "tcp:example.com:80:device=eth0");
    /// ```
    #[must_use]
    pub fn device(mut self, name: impl Into<String>) -> Self {
        self.options.device = Some(name.into());
        self
    }

    /// The options besides host and port.
    pub(super) const OPTIONS: &[&'static str] = &[
        HOST.name,
        PORT.name,
        TIMEOUT.name,
        BIND_ADDRESS.name,
        BIND_PORT.name,
        NODELAY.name,
        KEEPALIVE.name,
        DEVICE.name,
    ];

    pub(super) fn any(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let given = fields.bind(&fields.left_of(&[HOST.name, PORT.name]), Self::OPTIONS)?;
        Self::from_arguments(&given)
    }

    pub(super) fn v6(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        Ok(Self::any(fields)?.ipv6_only(true))
    }

    pub(super) fn from_arguments(given: &Arguments<'_>) -> Result<Self, EndpointError> {
        let port = given.required(&PORT)?;
        let mut this = Self::new(given.required(&HOST)?, port);
        this.timeout = given.optional(&TIMEOUT)?.unwrap_or(Self::TIMEOUT);
        this.bind = given.optional(&BIND_ADDRESS)?;
        match (given.optional(&BIND_PORT)?, &mut this.bind) {
            (Some(port), Some(bind)) => bind.set_port(port),
            (Some(_), None) => return Err(given.error(BIND_PORT.name, "a `bind_port` needs a `bind_address` too")),
            (None, _) => {}
        }
        this.options = TcpOptions::from_arguments(given)?;
        Ok(this)
    }

    /// What comes behind host and port.
    pub(super) fn write_options(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_option(f, &TIMEOUT, (self.timeout != Self::TIMEOUT).then_some(Seconds(self.timeout)))?;
        write_option(f, &BIND_ADDRESS, self.bind.as_ref().map(interface_of))?;
        write_option(f, &BIND_PORT, self.bind.map(|bind| bind.port()).filter(|port| *port > 0))?;
        self.options.write(f)
    }
}

impl fmt::Display for TcpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ipv6_only { "tcp6" } else { "tcp" })?;
        write_value(f, &self.host)?;
        write_value(f, self.port)?;
        self.write_options(f)
    }
}

/// What is set on the sockets of connections by TCP, on either side.
///
/// ```
/// let port = twisty::endpoint::TcpServer::new("0.0.0.0:8007".parse().unwrap());
/// assert!(port.options.nodelay);
/// assert_eq!(port.options.keepalive, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpOptions {
    /// Whether small segments are sent at once (`TCP_NODELAY`). On by default: output is gathered anyway.
    pub nodelay: bool,
    /// After what silence the system asks whether the peer is still there (`SO_KEEPALIVE`, `TCP_KEEPIDLE`).
    pub keepalive: Option<Duration>,
    /// The only network device to use (`SO_BINDTODEVICE`).
    pub device: Option<String>,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self { nodelay: true, keepalive: None, device: None }
    }
}

impl TcpOptions {
    fn from_arguments(given: &Arguments<'_>) -> Result<Self, EndpointError> {
        let nodelay = given.optional(&NODELAY)?.unwrap_or(true);
        Ok(Self { nodelay, keepalive: given.optional(&KEEPALIVE)?, device: given.optional(&DEVICE)? })
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_option(f, &NODELAY, unless(true, self.nodelay))?;
        write_option(f, &KEEPALIVE, self.keepalive.map(Seconds))?;
        write_option(f, &DEVICE, self.device.as_ref())
    }
}
