//! The error of a connection that was tried at several addresses.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::Failure;

/// No connection was made: every attempt failed, or there was no time left for more.
///
/// Twisted's `ConnectError`; its `HostnameEndpoint` tells of one failure only, this of each.
///
/// ```
/// use std::io;
/// use std::time::Duration;
/// use twisty::{ConnectError, FailedAttempt};
///
/// let refused = FailedAttempt {
///     address: ([192, 0, 2, 1], 80).into(),
///     after: Duration::from_millis(3),
///     failure: io::Error::from(io::ErrorKind::ConnectionRefused).into(),
/// };
/// let error = ConnectError { destination: "tcp:example.com:80".into(), attempts: vec![refused] };
/// assert_eq!(error.to_string(), "cannot connect to tcp:example.com:80: 192.0.2.1:80, after 3ms: connection refused");
/// ```
#[derive(Debug)]
pub struct ConnectError {
    /// What was to be connected to.
    pub destination: String,
    /// The attempts, in the order in which they began; none if there was no address.
    pub attempts: Vec<FailedAttempt>,
}

/// One attempt: in the line of the destination. Several: a line each.
impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot connect to {}: ", self.destination)?;
        match &self.attempts[..] {
            [] => f.write_str("there was no address to try"),
            [one] => one.fmt(f),
            several => {
                write!(f, "all {} attempts failed", several.len())?;
                several.iter().try_for_each(|attempt| write!(f, "\n    {attempt}"))
            }
        }
    }
}

/// The source is the failure of the first attempt.
impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.attempts.first().map(|attempt| attempt.failure.error() as _)
    }
}

/// One of the attempts of a [`ConnectError`].
///
/// ```
/// use std::time::Duration;
/// use twisty::{FailedAttempt, TimeoutError};
///
/// let failure = TimeoutError { limit: Duration::from_secs(30) }.into();
/// let attempt = FailedAttempt { address: ([192, 0, 2, 1], 80).into(), after: Duration::from_millis(29_750), failure };
/// assert_eq!(attempt.to_string(), "192.0.2.1:80, after 29.75s: there was no result within 30s");
/// ```
#[derive(Debug)]
pub struct FailedAttempt {
    /// Where it went.
    pub address: SocketAddr,
    /// How long it took to fail.
    pub after: Duration,
    /// Why it failed. A [`TimeoutError`](crate::TimeoutError) if it still went on when the time for all of them was up.
    pub failure: Failure,
}

impl fmt::Display for FailedAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, after {:?}: {}", self.address, self.after, self.failure)
    }
}
