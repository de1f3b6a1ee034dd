//! `fd:` and `systemd:`: sockets that somebody else has opened.

use std::fmt;

use super::arguments::Argument;
use super::fields::Fields;
use super::readers::{number, text, write_option, write_value};
use crate::error::EndpointError;

const FD: Argument<i32> = Argument::new("fd", "the number of a descriptor, such as 3", number);
const DOMAIN: Argument<Domain> = Argument::new("domain", "`INET`, `INET6` or `UNIX`", |text| {
    [Domain::Inet, Domain::Inet6, Domain::Unix].into_iter().find(|domain| text.eq_ignore_ascii_case(domain.name()))
});
const INDEX: Argument<usize> = Argument::new("index", "a number from 0", number);
const NAME: Argument<String> = Argument::new("name", "a name, as `FileDescriptorName=` gives it", text);

/// A socket that listens already, by the number of its descriptor. (Twisted's `AdoptedStreamServerEndpoint`.)
///
/// It is duplicated, as in Twisted: closing the port leaves the descriptor itself open, which is whoever's it was.
///
/// ```
/// use twisty::endpoint::FdServer;
///
/// assert_eq!(FdServer::new(3).to_string(), "fd:3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FdServer {
    /// The descriptor.
    pub fd: i32,
}

impl FdServer {
    /// The socket of this descriptor.
    ///
    /// ```
    /// assert_eq!(twisty::endpoint::FdServer::new(3).fd, 3);
    /// ```
    #[must_use]
    pub const fn new(fd: i32) -> Self {
        Self { fd }
    }

    pub(super) fn from_fields(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        Ok(Self::new(fields.bind(&[FD.name], &[])?.required(&FD)?))
    }
}

impl fmt::Display for FdServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fd:{}", self.fd)
    }
}

/// A listening socket that systemd hands over (`LISTEN_FDS`, `LISTEN_FDNAMES`).
///
/// ```
/// use twisty::endpoint::{Domain, SystemdServer};
///
/// assert_eq!(SystemdServer::index(Domain::Inet, 0).to_string(), "systemd:INET:index=0");
/// assert_eq!(SystemdServer::name(Domain::Unix, "web").to_string(), "systemd:UNIX:name=web");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemdServer {
    /// What family the socket is of.
    pub domain: Domain,
    /// Which of the sockets it is.
    pub which: Handed,
}

/// Which of the sockets that systemd hands over.
///
/// ```
/// use twisty::endpoint::{Domain, Handed, SystemdServer};
///
/// assert_eq!(SystemdServer::index(Domain::Inet, 0).which, Handed::Index(0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handed {
    /// By its place: 0 is the descriptor 3.
    Index(usize),
    /// By its name in `LISTEN_FDNAMES`.
    Name(String),
}

/// The family of a socket, by its name in the socket API without `AF_`.
///
/// ```
/// use twisty::endpoint::{Domain, SystemdServer};
///
/// assert_eq!(SystemdServer::name(Domain::Inet6, "web").to_string(), "systemd:INET6:name=web");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// `AF_INET`
    Inet,
    /// `AF_INET6`
    Inet6,
    /// `AF_UNIX`
    Unix,
}

impl Domain {
    const fn name(self) -> &'static str {
        match self {
            Self::Inet => "INET",
            Self::Inet6 => "INET6",
            Self::Unix => "UNIX",
        }
    }
}

impl SystemdServer {
    /// The socket at this place, counted from 0.
    ///
    /// ```
    /// # use twisty::endpoint::{Domain, SystemdServer};
    /// assert_eq!(SystemdServer::index(Domain::Inet, 1).to_string(), "systemd:INET:index=1");
    /// ```
    #[must_use]
    pub const fn index(domain: Domain, index: usize) -> Self {
        Self { domain, which: Handed::Index(index) }
    }

    /// The socket of this name.
    ///
    /// ```
    /// # use twisty::endpoint::{Domain, SystemdServer};
    /// assert_eq!(SystemdServer::name(Domain::Inet, "web").to_string(), "systemd:INET:name=web");
    /// ```
    #[must_use]
    pub fn name(domain: Domain, name: impl Into<String>) -> Self {
        Self { domain, which: Handed::Name(name.into()) }
    }

    pub(super) fn from_fields(fields: &Fields<'_>) -> Result<Self, EndpointError> {
        let given = fields.bind(&[DOMAIN.name, INDEX.name, NAME.name], &[])?;
        let domain = given.required(&DOMAIN)?;
        match (given.optional(&INDEX)?, given.optional(&NAME)?) {
            (Some(index), None) => Ok(Self::index(domain, index)),
            (None, Some(name)) => Ok(Self::name(domain, name)),
            _ => Err(fields.error("it says which socket by `index=0` or by `name=web`, by one of them")),
        }
    }
}

impl fmt::Display for SystemdServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("systemd")?;
        write_value(f, self.domain.name())?;
        match &self.which {
            Handed::Index(index) => write_option(f, &INDEX, Some(index)),
            Handed::Name(name) => write_option(f, &NAME, Some(name)),
        }
    }
}
