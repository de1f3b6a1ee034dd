//! What peers and networks do.

use std::io;
use std::time::Duration;

use thiserror::Error;

/// The connection ended in good order: the peer closed it, or we did with `lose_connection`.
///
/// Twisted's `ConnectionDone`.
///
/// ```
/// assert_eq!(twisty::ConnectionDone.to_string(), "the connection was closed cleanly");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection was closed cleanly")]
pub struct ConnectionDone;

/// The connection broke: a reset, a time-out of the network, a pulled cable.
///
/// Twisted's `ConnectionLost`.
///
/// ```
/// let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
/// assert!(twisty::ConnectionLost::from(reset).to_string().starts_with("the connection was lost"));
/// ```
#[derive(Debug, Error)]
#[error("the connection was lost: {source}")]
pub struct ConnectionLost {
    /// What the operating system said.
    #[from]
    pub source: io::Error,
}

/// A frame is longer than its framing allows. The protocol gets an `overlong` event, then the connection closes.
///
/// Twisted's `lineLengthExceeded` and `lengthLimitExceeded`.
///
/// ```
/// let overlong = twisty::Overlong { length: 20_000, max_length: 16_384 };
/// assert_eq!(overlong.to_string(), "the peer sent a frame of at least 20000 bytes, 16384 are allowed (see `max_length`)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the peer sent a frame of at least {length} bytes, {max_length} are allowed (see `max_length`)")]
pub struct Overlong {
    /// Length of the frame in bytes: exact where a prefix says it. Lines and netstrings are refused at the first byte
    /// too many, so there it is the smallest length that is known to be exceeded, however the stream was cut.
    pub length: usize,
    /// Longest frame allowed, in bytes.
    pub max_length: usize,
}

/// What arrived is not of the grammar of the framing; nothing after it can be understood, so the connection closes.
///
/// ```
/// let error = twisty::Malformed::new("a digit of a netstring's length", b"x");
/// assert_eq!(error.to_string(), "the peer sent \"x\" where a digit of a netstring's length was expected");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the peer sent \"{found}\" where {expected} was expected")]
pub struct Malformed {
    /// What the grammar allows at this place.
    pub expected: &'static str,
    /// The bytes that arrived instead, escaped.
    pub found: String,
}

impl Malformed {
    /// An error that says what was expected and quotes `found`, escaped.
    ///
    /// ```
    /// assert_eq!(twisty::Malformed::new("a comma", b"\n").found, "\\n");
    /// ```
    #[must_use]
    pub fn new(expected: &'static str, found: &[u8]) -> Self {
        Self { expected, found: found.escape_ascii().to_string() }
    }
}

/// Why a [`Framing`](crate::framing::Framing) cannot go on. Both kinds end the connection.
///
/// ```
/// use twisty::{FramingError, Overlong};
///
/// let error = FramingError::from(Overlong { length: 9, max_length: 8 });
/// assert!(matches!(error, FramingError::Overlong(_)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FramingError {
    /// A frame over the limit.
    #[error(transparent)]
    Overlong(#[from] Overlong),
    /// Bytes outside the grammar.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// A frame is not of the type that its handler takes, for example no UTF-8 where the handler wants `&str`.
///
/// Ends the connection, unless the handler takes `Result<T, InvalidFrame>`.
///
/// ```
/// let error = twisty::InvalidFrame::new("a number", b"seven");
/// assert_eq!(error.to_string(), "the peer sent \"seven\" where a number was expected");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the peer sent \"{found}\" where {expected} was expected")]
pub struct InvalidFrame {
    /// What the handler's type stands for.
    pub expected: String,
    /// The beginning of the frame, escaped.
    pub found: String,
}

impl InvalidFrame {
    /// Bytes of a frame that the message quotes.
    const QUOTED: usize = 64;

    /// An error that says what was expected and quotes the first 64 bytes of `frame`, escaped.
    ///
    /// ```
    /// let error = twisty::InvalidFrame::new("UTF-8", b"\xff");
    /// assert_eq!(error.found, "\\xff");
    /// ```
    #[must_use]
    pub fn new(expected: impl Into<String>, frame: &[u8]) -> Self {
        let quoted = &frame[..frame.len().min(Self::QUOTED)];
        let more = if frame.len() > Self::QUOTED { "…" } else { "" };
        Self { expected: expected.into(), found: format!("{}{more}", quoted.escape_ascii()) }
    }
}

/// Nothing moved on the connection for its protocol's `idle_timeout`.
///
/// ```
/// let error = twisty::IdleTimeout { limit: std::time::Duration::from_secs(60) };
/// assert_eq!(error.to_string(), "nothing moved on the connection for 60s (see `idle_timeout`)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("nothing moved on the connection for {limit:?} (see `idle_timeout`)")]
pub struct IdleTimeout {
    /// The time allowed.
    pub limit: Duration,
}

/// The peer does not read what it is sent: more is queued than the protocol's `outbox_limit`. The connection is
/// aborted.
///
/// ```
/// let error = twisty::OutboxFull { queued: 9_000, limit: 8_000 };
/// assert!(error.to_string().contains("9000 bytes are queued, 8000 are allowed"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the peer does not read: {queued} bytes are queued, {limit} are allowed (see `outbox_limit`)")]
pub struct OutboxFull {
    /// Bytes waiting to be written.
    pub queued: usize,
    /// Bytes allowed to wait.
    pub limit: usize,
}

/// The connection was asked to close, and did not come to it within `close_timeout`: the peer did not take what was still
/// queued, or replies that it was promised were not there yet.
///
/// ```
/// let error = twisty::CloseTimeout { limit: std::time::Duration::from_secs(30), queued: 7, promised: 0 };
/// assert!(error.to_string().starts_with("7 bytes could not be delivered within 30s"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "{} could not be delivered within {limit:?} after the connection was asked to close (see `close_timeout`)",
    undelivered(*queued, *promised)
)]
pub struct CloseTimeout {
    /// The time allowed.
    pub limit: Duration,
    /// Bytes that were never delivered.
    pub queued: usize,
    /// Replies that handlers returned as a [`Deferred`](crate::Deferred) which had not fired.
    pub promised: usize,
}

fn undelivered(queued: usize, promised: usize) -> String {
    match (queued, promised) {
        (0, 0) => "what a producer still had to send".to_owned(),
        (_, 0) => format!("{queued} bytes"),
        (0, _) => format!("{promised} promised replies"),
        _ => format!("{queued} bytes and {promised} promised replies"),
    }
}

/// The peer is too slow for what is broadcast to it: more is queued than the `high_water` of its protocol, which says
/// `slow_consumer = disconnect`. The connection is aborted.
///
/// ```
/// let error = twisty::SlowConsumer { queued: 9_000, limit: 8_000 };
/// assert!(error.to_string().contains("9000 bytes are queued, 8000 are allowed"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the peer is too slow for what is broadcast: {queued} bytes are queued, {limit} are allowed (see `slow_consumer`)"
)]
pub struct SlowConsumer {
    /// Bytes waiting to be written.
    pub queued: usize,
    /// Bytes allowed to wait when something is broadcast.
    pub limit: usize,
}

/// A file was not sent to its end: the connection was lost, or the [`FileSender`](crate::protocol::FileSender) was
/// unregistered.
///
/// ```
/// let error = twisty::SendingStopped { sent: 4096 };
/// assert_eq!(error.to_string(), "the file was not sent to its end: it stopped after 4096 bytes");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the file was not sent to its end: it stopped after {sent} bytes")]
pub struct SendingStopped {
    /// Bytes of the file that were sent, or queued at least.
    pub sent: u64,
}

/// What comes before the conversation, a TLS handshake or a PROXY header, took too long.
///
/// ```
/// let error = twisty::HandshakeTimeout { limit: std::time::Duration::from_secs(10) };
/// assert_eq!(error.to_string(), "the peer did not finish its handshake within 10s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the peer did not finish its handshake within {limit:?}")]
pub struct HandshakeTimeout {
    /// The time allowed.
    pub limit: Duration,
}

/// The peer closed the connection without saying so in TLS (no `close_notify`): what it sent may have been cut short by
/// somebody on the way, so this is no orderly end. Twisted reports a `ConnectionLost`.
///
/// ```
/// assert!(twisty::TlsTruncated.to_string().starts_with("the peer closed the connection without a TLS close_notify"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the peer closed the connection without a TLS close_notify: what it sent may be incomplete")]
pub struct TlsTruncated;

/// TLS with this peer does not come about, or cannot go on. Twisted's `SSL.Error` and `VerificationError`.
///
/// ```
/// let error = twisty::TlsError::Alert { alert: "unknown certificate authority".into() };
/// assert_eq!(error.to_string(), "the peer ended TLS, its alert says: unknown certificate authority");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The peer refused, and said why.
    #[error("the peer ended TLS, its alert says: {alert}")]
    Alert {
        /// The alert, in words.
        alert: String,
    },
    /// The peer showed no certificate, or one that is not accepted.
    #[error("the peer's certificate is not accepted: {problem}")]
    Certificate {
        /// What is wrong with it.
        problem: String,
    },
    /// The peer does not follow the protocol, or speaks another one.
    #[error("the peer broke TLS: {problem}")]
    Protocol {
        /// What it did.
        problem: String,
    },
}

/// Bytes came in clear behind the message that asked for TLS. Somebody on the way may have put them there, to have them
/// taken for part of the encrypted conversation; so they are not looked at, and the connection ends.
///
/// ```
/// let error = twisty::PlaintextAfterStartTls { length: 9 };
/// assert!(error.to_string().starts_with("9 bytes came in clear behind what asked for TLS"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{length} bytes came in clear behind what asked for TLS; they may be forged, so nothing was made of them")]
pub struct PlaintextAfterStartTls {
    /// How many bytes had come already.
    pub length: usize,
}

/// A frame that has begun was not whole in time. Time to take is given for a start, and for each byte that has come.
///
/// ```
/// let limit = std::time::Duration::from_secs(60);
/// let error = twisty::TooSlow { received: 3, limit, min_progress: 500 };
/// assert!(error.to_string().starts_with("the peer sent 3 bytes of a frame, and not the rest of it in time"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the peer sent {received} bytes of a frame, and not the rest of it in time: allowed are {limit:?}, and a second more \
     for each {min_progress} bytes (see `frame_timeout` and `min_progress`)"
)]
pub struct TooSlow {
    /// Bytes of the unfinished frame.
    pub received: usize,
    /// What a frame may take for a start.
    pub limit: Duration,
    /// Bytes that give it another second.
    pub min_progress: usize,
}

/// The connection was as old as one may get.
///
/// ```
/// let error = twisty::ConnectionExpired { limit: std::time::Duration::from_secs(3600) };
/// assert_eq!(error.to_string(), "the connection was open for 3600s, as long as one may be (see `max_age`)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection was open for {limit:?}, as long as one may be (see `max_age`)")]
pub struct ConnectionExpired {
    /// The age allowed.
    pub limit: Duration,
}
