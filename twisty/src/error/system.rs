//! What the system does.

use std::io;
use std::net::IpAddr;

use thiserror::Error;

/// A port cannot be listened on.
///
/// Twisted's `CannotListenError`.
///
/// ```
/// let taken = std::io::Error::from(std::io::ErrorKind::AddrInUse);
/// let error = twisty::ListenError { endpoint: "tcp:80".into(), source: taken };
/// assert!(error.to_string().starts_with("cannot listen on tcp:80: "));
/// ```
#[derive(Debug, Error)]
#[error("cannot listen on {endpoint}: {source}")]
pub struct ListenError {
    /// The endpoint that was asked for.
    pub endpoint: String,
    /// What the operating system said.
    pub source: io::Error,
}

/// The operating system refuses the threads that a [`ThreadPool`](crate::threads::ThreadPool) needs.
///
/// ```
/// let refused = std::io::Error::from(std::io::ErrorKind::WouldBlock);
/// let error = twisty::ThreadError { source: refused };
/// assert!(error.to_string().starts_with("the call needs a thread, and the system refuses to start one: "));
/// ```
#[derive(Debug, Error)]
#[error(
    "the call needs a thread, and the system refuses to start one: {source} (see its limits on threads and memory)"
)]
pub struct ThreadError {
    /// What the operating system said.
    pub source: io::Error,
}

/// A multicast group cannot be joined, or left.
///
/// Twisted's `MulticastJoinError`.
///
/// ```
/// let source = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
/// let error = twisty::MulticastJoinError { group: [10, 0, 0, 1].into(), source };
/// assert!(error.to_string().starts_with("the multicast group 10.0.0.1 cannot be joined or left: "));
/// ```
#[derive(Debug, Error)]
#[error("the multicast group {group} cannot be joined or left: {source}")]
pub struct MulticastJoinError {
    /// The group.
    pub group: IpAddr,
    /// What the operating system said.
    pub source: io::Error,
}

/// A name has no addresses that anybody knows of, or cannot be one.
///
/// Twisted's `DNSLookupError`.
///
/// ```
/// let nobody = std::io::Error::other("nobody knows it");
/// let error = twisty::DnsLookupError { name: "nowhere.invalid".into(), source: nobody };
/// assert_eq!(error.to_string(), "the name \"nowhere.invalid\" cannot be looked up: nobody knows it");
/// ```
#[derive(Debug, Error)]
#[error("the name {name:?} cannot be looked up: {source}")]
pub struct DnsLookupError {
    /// The name as it was given.
    pub name: String,
    /// What the operating system said; of the kind `InvalidInput` where it was not asked, since this is no name.
    pub source: io::Error,
}
