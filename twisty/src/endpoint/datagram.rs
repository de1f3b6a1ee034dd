//! `udp:`, `udp6:` and `unix-datagram:`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

use super::arguments::Argument;
use super::fields::Fields;
use super::prefixes::Prefixes;
use super::readers::{
    ANY_V4, ANY_V6, MAX_PACKET_SIZE, MODE, PORT, YES_OR_NO, file_address, interface_of, unix_address, unless,
    without_flow, write_option, write_value, yes_or_no,
};
use super::tcp::{DEVICE, INTERFACE, REUSE_PORT};
use super::unix::UnixServer;
use crate::error::EndpointError;
use crate::protocol::UnixAddress;

const BROADCAST: Argument<bool> = Argument::new("broadcast", YES_OR_NO, yes_or_no);
const PATH: Argument<UnixAddress> = Argument::new("path", "a path, or `@` and an abstract name", unix_address);

/// Longest datagram that is taken, by default: any that UDP can carry. Twisted cuts at 8192 bytes, which loses data.
const LONGEST: usize = 65_535;

/// Where to receive datagrams, and send them from.
///
/// ```
/// use twisty::endpoint::{DatagramEndpoint, UdpPort};
///
/// let endpoint: DatagramEndpoint = "udp:8009:interface=127.0.0.1".parse()?;
/// assert_eq!(endpoint, UdpPort::new("127.0.0.1:8009".parse().unwrap()).into());
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatagramEndpoint {
    /// `udp:8009`, `udp6:8009`
    Udp(UdpPort),
    /// `unix-datagram:/run/log`
    Unix(UnixDatagramPort),
}

/// A UDP port. (The arguments of Twisted's `listenUDP` and `listenMulticast`.)
///
/// ```
/// use twisty::endpoint::UdpPort;
///
/// let port = UdpPort::new("0.0.0.0:8009".parse().unwrap()).broadcast(true).max_packet_size(1500);
/// assert_eq!(port.to_string(), "udp:8009:broadcast=yes:max_packet_size=1500");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UdpPort {
    /// The address to receive at; port 0 is a free one.
    pub address: SocketAddr,
    /// Whether it may send to everybody in the network (`SO_BROADCAST`).
    pub broadcast: bool,
    /// Whether others may receive at the same port, as several members of a multicast group do (`SO_REUSEPORT`).
    pub reuse_port: bool,
    /// Longest datagram that is taken, in bytes.
    pub max_packet_size: usize,
    /// The only network device to use (`SO_BINDTODEVICE`).
    pub device: Option<String>,
}

impl UdpPort {
    /// A port with what goes without saying: no broadcast, not shared, datagrams of any length.
    ///
    /// ```
    /// use twisty::endpoint::UdpPort;
    ///
    /// assert_eq!(UdpPort::new("[::]:8009".parse().unwrap()).to_string(), "udp6:8009");
    /// ```
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let address = without_flow(address);
        Self { address, broadcast: false, reuse_port: false, max_packet_size: LONGEST, device: None }
    }

    /// Whether it may send to everybody in the network (`SO_BROADCAST`): `broadcast=yes`. Off by default. (Twisted's
    /// `setBroadcastAllowed`.)
    ///
    /// ```
    /// # use twisty::endpoint::UdpPort;
    /// let port = UdpPort::new("0.0.0.0:8009".parse().unwrap());
    /// assert_eq!(port.broadcast(true).to_string(), "udp:8009:broadcast=yes");
    /// ```
    #[must_use]
    pub const fn broadcast(mut self, allowed: bool) -> Self {
        self.broadcast = allowed;
        self
    }

    /// Shares the port with others who do the same: `reuse_port=yes`. Off by default. (`listenMultiple` of Twisted's
    /// `listenMulticast`.)
    ///
    /// ```
    /// # use twisty::endpoint::UdpPort;
    /// let port = UdpPort::new("0.0.0.0:8009".parse().unwrap());
    /// assert_eq!(port.reuse_port(true).to_string(), "udp:8009:reuse_port=yes");
    /// ```
    #[must_use]
    pub const fn reuse_port(mut self, share: bool) -> Self {
        self.reuse_port = share;
        self
    }

    /// Longest datagram that is taken, in bytes: `max_packet_size=1500`. Longer ones are dropped, and counted. 65535 by
    /// default. (Twisted's `maxPacketSize`, which cuts them short.)
    ///
    /// ```
    /// # use twisty::endpoint::UdpPort;
    /// let port = UdpPort::new("0.0.0.0:8009".parse().unwrap());
    /// assert_eq!(port.max_packet_size(1500).to_string(), "udp:8009:max_packet_size=1500");
    /// ```
    #[must_use]
    pub const fn max_packet_size(mut self, bytes: usize) -> Self {
        self.max_packet_size = bytes;
        self
    }

    /// Uses one network device only (`SO_BINDTODEVICE`): `device=eth0`.
    ///
    /// ```
    /// # use twisty::endpoint::UdpPort;
    /// let port = UdpPort::new("0.0.0.0:8009".parse().unwrap());
    /// assert_eq!(port.device("eth0").to_string(), "udp:8009:device=eth0");
    /// ```
    #[must_use]
    pub fn device(mut self, name: impl Into<String>) -> Self {
        self.device = Some(name.into());
        self
    }

    pub(super) fn v4(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        Self::from_fields(fields, ANY_V4)
    }

    pub(super) fn v6(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        Self::from_fields(fields, ANY_V6)
    }

    fn from_fields(fields: &Fields<'_>, any: IpAddr) -> Result<Self, EndpointError> {
        let options = [BROADCAST.name, REUSE_PORT.name, DEVICE.name];
        let given = fields.bind(&[PORT.name, INTERFACE.name, MAX_PACKET_SIZE.name], &options)?;
        let port = given.required(&PORT)?;
        let mut address = given.optional(&INTERFACE)?.flatten().unwrap_or(SocketAddr::new(any, 0));
        if address.is_ipv4() != any.is_ipv4() && any == ANY_V6 {
            return Err(given.error(INTERFACE.name, "`udp6` needs an IPv6 address, write it as `\\:\\:1`"));
        }
        address.set_port(port);
        let mut this = Self::new(address);
        this.broadcast = given.optional(&BROADCAST)?.unwrap_or(false);
        this.reuse_port = given.optional(&REUSE_PORT)?.unwrap_or(false);
        this.max_packet_size = given.optional(&MAX_PACKET_SIZE)?.unwrap_or(LONGEST);
        this.device = given.optional(&DEVICE)?;
        Ok(this)
    }
}

impl fmt::Display for UdpPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, any) = if self.address.ip() == ANY_V6 { ("udp6", ANY_V6) } else { ("udp", ANY_V4) };
        let interface = interface_of(&self.address);
        write!(f, "{kind}:{}", self.address.port())?;
        write_option(f, &INTERFACE, (interface != any.to_string()).then_some(interface))?;
        write_option(f, &BROADCAST, unless(false, self.broadcast))?;
        write_option(f, &REUSE_PORT, unless(false, self.reuse_port))?;
        write_option(f, &MAX_PACKET_SIZE, (self.max_packet_size != LONGEST).then_some(self.max_packet_size))?;
        write_option(f, &DEVICE, self.device.as_ref())
    }
}

/// A UNIX socket for datagrams. (The arguments of Twisted's `listenUNIXDatagram`.)
///
/// ```
/// use twisty::endpoint::UnixDatagramPort;
///
/// let log = UnixDatagramPort::new("/run/log").mode(0o622);
/// assert_eq!(log.to_string(), "unix-datagram:/run/log:mode=622");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnixDatagramPort {
    /// Where the socket is.
    pub address: UnixAddress,
    /// Who may send to it: the permissions of its file. An abstract name has none.
    pub mode: u32,
    /// Longest datagram that is taken, in bytes.
    pub max_packet_size: usize,
}

impl UnixDatagramPort {
    /// A socket in the file system, with what goes without saying: everybody may send, up to 65535 bytes a datagram.
    ///
    /// ```
    /// use twisty::endpoint::UnixDatagramPort;
    ///
    /// assert_eq!(UnixDatagramPort::new("/run/log").to_string(), "unix-datagram:/run/log");
    /// ```
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self::at(file_address(path.as_ref()))
    }

    /// A socket in Linux's abstract name space: `unix-datagram:@log`.
    ///
    /// ```
    /// use twisty::endpoint::UnixDatagramPort;
    ///
    /// assert_eq!(UnixDatagramPort::abstract_name("log").to_string(), "unix-datagram:@log");
    /// ```
    #[must_use]
    pub fn abstract_name(name: impl AsRef<[u8]>) -> Self {
        Self::at(UnixAddress::from_abstract_name(name))
    }

    const fn at(address: UnixAddress) -> Self {
        Self { address, mode: UnixServer::MODE, max_packet_size: LONGEST }
    }

    /// Who may send to it: the permissions of its file, in octal in descriptions: `mode=660`. 0o666 by default.
    ///
    /// ```
    /// # use twisty::endpoint::UnixDatagramPort;
    /// assert_eq!(UnixDatagramPort::new("/run/log").mode(0o600).to_string(), "unix-datagram:/run/log:mode=600");
    /// ```
    #[must_use]
    pub const fn mode(mut self, permissions: u32) -> Self {
        self.mode = permissions;
        self
    }

    /// Longest datagram that is taken, in bytes: `max_packet_size=1500`. Longer ones are dropped, and counted. 65535 by
    /// default. (Twisted's `maxPacketSize`, which cuts them short.)
    ///
    /// ```
    /// # use twisty::endpoint::UnixDatagramPort;
    /// let log = UnixDatagramPort::new("/run/log").max_packet_size(512);
    /// assert_eq!(log.to_string(), "unix-datagram:/run/log:max_packet_size=512");
    /// ```
    #[must_use]
    pub const fn max_packet_size(mut self, bytes: usize) -> Self {
        self.max_packet_size = bytes;
        self
    }

    pub(super) fn from_fields(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let given = fields.bind(&[PATH.name, MAX_PACKET_SIZE.name, MODE.name], &[])?;
        let mut this = Self::at(given.required(&PATH)?);
        this.mode = given.optional(&MODE)?.unwrap_or(UnixServer::MODE);
        this.max_packet_size = given.optional(&MAX_PACKET_SIZE)?.unwrap_or(LONGEST);
        Ok(this)
    }
}

impl fmt::Display for UnixDatagramPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unix-datagram")?;
        write_value(f, &self.address)?;
        write_option(f, &MODE, (self.mode != UnixServer::MODE).then(|| format!("{:o}", self.mode)))?;
        write_option(f, &MAX_PACKET_SIZE, (self.max_packet_size != LONGEST).then_some(self.max_packet_size))
    }
}

/// The description that parses back.
impl fmt::Display for DatagramEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(udp) => udp.fmt(f),
            Self::Unix(unix) => unix.fmt(f),
        }
    }
}

/// Knows the prefixes that are built in; [`Prefixes::parse_datagram`] knows more.
impl FromStr for DatagramEndpoint {
    type Err = EndpointError;

    fn from_str(description: &str) -> Result<Self, EndpointError> {
        Prefixes::new().parse_datagram(description)
    }
}

impl From<UdpPort> for DatagramEndpoint {
    fn from(udp: UdpPort) -> Self {
        Self::Udp(udp)
    }
}

impl From<UnixDatagramPort> for DatagramEndpoint {
    fn from(unix: UnixDatagramPort) -> Self {
        Self::Unix(unix)
    }
}

/// Whatever says where to receive datagrams: a description, or a [`DatagramEndpoint`] or one of its variants.
///
/// ```
/// use twisty::endpoint::{IntoDatagramEndpoint, UdpPort};
///
/// let described = "udp:8009".into_datagram_endpoint()?;
/// assert_eq!(UdpPort::new("0.0.0.0:8009".parse().unwrap()).into_datagram_endpoint()?, described);
/// # Ok::<(), twisty::EndpointError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say where to receive datagrams",
    label = "neither a description, as `\"udp:8009\"`, nor an endpoint, as `UdpPort`"
)]
pub trait IntoDatagramEndpoint {
    /// The endpoint.
    ///
    /// # Errors
    /// [`EndpointError`] where a description cannot be understood.
    fn into_datagram_endpoint(self) -> Result<DatagramEndpoint, EndpointError>;
}

impl<E: Into<DatagramEndpoint>> IntoDatagramEndpoint for E {
    fn into_datagram_endpoint(self) -> Result<DatagramEndpoint, EndpointError> {
        Ok(self.into())
    }
}

impl IntoDatagramEndpoint for &DatagramEndpoint {
    fn into_datagram_endpoint(self) -> Result<DatagramEndpoint, EndpointError> {
        Ok(self.clone())
    }
}

impl IntoDatagramEndpoint for &str {
    fn into_datagram_endpoint(self) -> Result<DatagramEndpoint, EndpointError> {
        self.parse()
    }
}

impl IntoDatagramEndpoint for &String {
    fn into_datagram_endpoint(self) -> Result<DatagramEndpoint, EndpointError> {
        self.parse()
    }
}

impl IntoDatagramEndpoint for String {
    fn into_datagram_endpoint(self) -> Result<DatagramEndpoint, EndpointError> {
        self.parse()
    }
}
