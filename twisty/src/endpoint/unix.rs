//! `unix:`, on both sides.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::arguments::Argument;
use super::fields::Fields;
use super::readers::{
    BACKLOG, LOCKFILE, MODE, Seconds, TIMEOUT, file_address, unix_address, unless, write_option, write_value,
};
use super::tcp::{TcpClient, TcpServer};
use crate::error::EndpointError;
use crate::protocol::UnixAddress;

const EXPECTED: &str = "a path, or `@` and an abstract name";
const ADDRESS: Argument<UnixAddress> = Argument::new("address", EXPECTED, unix_address);
const PATH: Argument<UnixAddress> = Argument::new("path", EXPECTED, unix_address);

/// A UNIX socket to listen on. (Twisted's `UNIXServerEndpoint`.)
///
/// ```
/// use twisty::endpoint::{ServerEndpoint, UnixServer};
///
/// let socket = UnixServer::new("/run/quotes.sock").mode(0o660);
/// assert_eq!(ServerEndpoint::from(socket).to_string(), "unix:/run/quotes.sock:mode=660");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnixServer {
    /// Where the socket is.
    pub address: UnixAddress,
    /// Who may connect: the permissions of its file. An abstract name has none.
    pub mode: u32,
    /// How many clients may wait to be accepted; the operating system may allow fewer.
    pub backlog: u16,
    /// Whether a lock file beside the socket tells one that is in use from one that was left behind.
    pub lockfile: bool,
}

impl UnixServer {
    /// The permissions by default, as in Twisted: everybody may connect.
    pub const MODE: u32 = 0o666;

    /// A socket in the file system, with what goes without saying: everybody may connect, 1024 clients may wait, and
    /// there is a lock file beside it. A path that is not UTF-8 has no description: it prints with `U+FFFD` in it.
    ///
    /// ```
    /// use twisty::endpoint::UnixServer;
    ///
    /// assert_eq!(UnixServer::new("/run/a:b").to_string(), r"unix:/run/a\:b");
    /// ```
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self::at(file_address(path.as_ref()))
    }

    /// A socket in Linux's abstract name space: `unix:@quotes`.
    ///
    /// ```
    /// use twisty::endpoint::UnixServer;
    ///
    /// assert_eq!(UnixServer::abstract_name("quotes").to_string(), "unix:@quotes");
    /// ```
    #[must_use]
    pub fn abstract_name(name: impl AsRef<[u8]>) -> Self {
        Self::at(UnixAddress::from_abstract_name(name))
    }

    fn at(address: UnixAddress) -> Self {
        Self { address, mode: Self::MODE, backlog: TcpServer::BACKLOG, lockfile: true }
    }

    /// Who may connect: the permissions of the socket's file, in octal in descriptions: `mode=660`. 0o666 by default.
    ///
    /// ```
    /// # use twisty::endpoint::UnixServer;
    /// assert_eq!(UnixServer::new("/run/x").mode(0o600).to_string(), "unix:/run/x:mode=600");
    /// ```
    #[must_use]
    pub const fn mode(mut self, permissions: u32) -> Self {
        self.mode = permissions;
        self
    }

    /// How many clients may wait to be accepted: `backlog=16`. 1024 by default.
    ///
    /// ```
    /// # use twisty::endpoint::UnixServer;
    /// assert_eq!(UnixServer::new("/run/x").backlog(16).to_string(), "unix:/run/x:backlog=16");
    /// ```
    #[must_use]
    pub const fn backlog(mut self, clients: u16) -> Self {
        self.backlog = clients;
        self
    }

    /// Whether a lock file is kept beside the socket, which tells one in use from one left behind: `lockfile=no`. On by
    /// default, as in Twisted's descriptions; its types call it `wantPID`.
    ///
    /// ```
    /// # use twisty::endpoint::UnixServer;
    /// assert_eq!(UnixServer::new("/run/x").lockfile(false).to_string(), "unix:/run/x:lockfile=no");
    /// ```
    #[must_use]
    pub const fn lockfile(mut self, keep: bool) -> Self {
        self.lockfile = keep;
        self
    }

    pub(super) fn from_fields(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let given = fields.bind(&[ADDRESS.name, MODE.name, BACKLOG.name, LOCKFILE.name], &[])?;
        let mut this = Self::at(given.required(&ADDRESS)?);
        this.mode = given.optional(&MODE)?.unwrap_or(Self::MODE);
        this.backlog = given.optional(&BACKLOG)?.unwrap_or(TcpServer::BACKLOG);
        this.lockfile = given.optional(&LOCKFILE)?.unwrap_or(true);
        Ok(this)
    }
}

impl fmt::Display for UnixServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unix")?;
        write_value(f, &self.address)?;
        write_option(f, &MODE, (self.mode != Self::MODE).then(|| format!("{:o}", self.mode)))?;
        write_option(f, &BACKLOG, (self.backlog != TcpServer::BACKLOG).then_some(self.backlog))?;
        write_option(f, &LOCKFILE, unless(true, self.lockfile))
    }
}

/// A UNIX socket to connect to. (Twisted's `UNIXClientEndpoint`.)
///
/// ```
/// use twisty::endpoint::{ClientEndpoint, UnixClient};
///
/// let socket = UnixClient::new("/run/quotes.sock");
/// assert_eq!(ClientEndpoint::from(socket).to_string(), "unix:/run/quotes.sock");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnixClient {
    /// Where the socket is.
    pub address: UnixAddress,
    /// How long connecting may take.
    pub timeout: Duration,
    /// Whether a lock file has to show that somebody listens.
    pub lockfile: bool,
}

impl UnixClient {
    /// A socket in the file system. A path that is not UTF-8 has no description: it prints with `U+FFFD` in it.
    ///
    /// ```
    /// use twisty::endpoint::UnixClient;
    ///
    /// assert_eq!(UnixClient::new("/run/a:b").to_string(), r"unix:/run/a\:b");
    /// ```
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self::at(file_address(path.as_ref()))
    }

    /// A socket in Linux's abstract name space: `unix:@quotes`.
    ///
    /// ```
    /// use twisty::endpoint::UnixClient;
    ///
    /// assert_eq!(UnixClient::abstract_name("quotes").to_string(), "unix:@quotes");
    /// ```
    #[must_use]
    pub fn abstract_name(name: impl AsRef<[u8]>) -> Self {
        Self::at(UnixAddress::from_abstract_name(name))
    }

    const fn at(address: UnixAddress) -> Self {
        Self { address, timeout: TcpClient::TIMEOUT, lockfile: false }
    }

    /// How long connecting may take: `timeout=5`, in seconds. 30 seconds by default.
    ///
    /// ```
    /// # use twisty::endpoint::UnixClient;
    /// let hasty = UnixClient::new("/run/x").timeout(std::time::Duration::from_secs(5));
    /// assert_eq!(hasty.to_string(), "unix:/run/x:timeout=5");
    /// ```
    #[must_use]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Whether to connect only where a lock file shows that somebody listens: `lockfile=yes`. Off by default. (Twisted's
    /// `checkPID`.)
    ///
    /// ```
    /// # use twisty::endpoint::UnixClient;
    /// assert_eq!(UnixClient::new("/run/x").lockfile(true).to_string(), "unix:/run/x:lockfile=yes");
    /// ```
    #[must_use]
    pub const fn lockfile(mut self, look: bool) -> Self {
        self.lockfile = look;
        self
    }

    pub(super) fn from_fields(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let given = fields.bind(&[PATH.name], &[TIMEOUT.name, LOCKFILE.name])?;
        let mut this = Self::at(given.required(&PATH)?);
        this.timeout = given.optional(&TIMEOUT)?.unwrap_or(TcpClient::TIMEOUT);
        this.lockfile = given.optional(&LOCKFILE)?.unwrap_or(false);
        Ok(this)
    }
}

impl fmt::Display for UnixClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unix")?;
        write_value(f, &self.address)?;
        write_option(f, &TIMEOUT, (self.timeout != TcpClient::TIMEOUT).then_some(Seconds(self.timeout)))?;
        write_option(f, &LOCKFILE, unless(false, self.lockfile))
    }
}
