//! What callers do, and what programs are written wrong.

use std::fmt;
use std::io;
use std::ops::Range;
use std::panic::Location;
use std::time::Duration;

use thiserror::Error;

use super::MulticastJoinError;

/// The program ended the connection at once, with `abort_connection` or because it stops.
///
/// Twisted's `ConnectionAborted`.
///
/// ```
/// assert_eq!(twisty::ConnectionAborted.to_string(), "the connection was aborted by this side");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection was aborted by this side")]
pub struct ConnectionAborted;

/// The framing cannot carry this frame; it was not sent.
///
/// ```
/// use twisty::framing::{Framing, LengthPrefixed};
///
/// let error = LengthPrefixed::int8().encode(&[0; 256], &mut Vec::new()).unwrap_err();
/// assert_eq!(error.to_string(), "a frame of 256 bytes does not fit: a length prefix of 8 bits says at most 255");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// Longer than its prefix can say. Twisted's `StringTooLongError`.
    #[error("a frame of {length} bytes does not fit: a length prefix of {bits} bits says at most {largest}")]
    TooLong {
        /// Length of the frame, in bytes.
        length: usize,
        /// Width of the prefix, in bits.
        bits: u32,
        /// Longest frame that the prefix can say, in bytes.
        largest: u64,
    },
    /// The line contains its own delimiter, or its end and the delimiter do, so that the peer would read two.
    #[error("a line may not contain its delimiter \"{delimiter}\": send each line by itself")]
    ContainsDelimiter {
        /// The delimiter, escaped.
        delimiter: String,
    },
    /// A framing of your own refused the frame.
    #[error("{0}")]
    Refused(String),
}

/// Code of the user's panicked. Where a handler did, its connection ends with this reason, and the others go on; where a
/// callback of a [`Deferred`](crate::Deferred) did, it is its result. Twisted's `Failure` of any exception.
///
/// ```
/// let error = twisty::HandlerPanicked { message: "index out of bounds".into() };
/// assert_eq!(error.to_string(), "a handler or callback panicked: index out of bounds");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a handler or callback panicked: {message}")]
pub struct HandlerPanicked {
    /// What the panic said.
    pub message: String,
}

/// A [`Deferred`](crate::Deferred) was cancelled: nobody wants its result any more.
///
/// Twisted's `CancelledError`.
///
/// ```
/// assert_eq!(twisty::CancelledError.to_string(), "the Deferred was cancelled");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the Deferred was cancelled")]
pub struct CancelledError;

/// A [`Deferred`](crate::Deferred) can be fired once.
///
/// Twisted's `AlreadyCalledError`, always with what Twisted says in debug mode only.
///
/// ```
/// let (resolver, answer) = twisty::Deferred::new();
/// resolver.callback(1);
/// let error = resolver.try_callback(2).unwrap_err();
/// assert!(error.to_string().starts_with("the Deferred made at "));
/// # drop(answer);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the Deferred made at {made} was fired at {called} already, so it cannot be fired at {again}")]
pub struct AlreadyCalled {
    /// Where it was made.
    pub made: &'static Location<'static>,
    /// Where it was fired first, or cancelled.
    pub called: &'static Location<'static>,
    /// Where it was to be fired again.
    pub again: &'static Location<'static>,
}

/// A [`Deferred`](crate::Deferred) will never be fired: whoever promised to do so has dropped the
/// [`Resolver`](crate::Resolver).
///
/// ```
/// let (resolver, answer) = twisty::Deferred::<u32>::new();
/// drop(resolver);
/// let failure = answer.into_result().expect("it is over").unwrap_err();
/// assert!(failure.check::<twisty::ResolverDropped>().is_some());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the promised result will never come: its Resolver was dropped unfired")]
pub struct ResolverDropped;

/// A callback returned the [`Deferred`](crate::Deferred) that it belongs to, or one that waits for that: it would wait for
/// itself. Twisted warns of the first, and lets both hang.
///
/// ```
/// let error = twisty::DeferredCycle;
/// assert!(error.to_string().ends_with(": it would wait for itself"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a callback returned the Deferred that it belongs to, or one that waits for that: it would wait for itself")]
pub struct DeferredCycle;

/// A [`Deferred`](crate::Deferred) was cancelled because its time was up.
///
/// Twisted's `TimeoutError`, as `addTimeout` raises it.
///
/// ```
/// let error = twisty::TimeoutError { limit: std::time::Duration::from_secs(5) };
/// assert_eq!(error.to_string(), "there was no result within 5s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there was no result within {limit:?}")]
pub struct TimeoutError {
    /// The time allowed.
    pub limit: Duration,
}

/// A step of `chain!` has a timeout, and no clock runs that could tell when its time is up.
///
/// ```
/// let error = twisty::NoClock { timeout: std::time::Duration::from_secs(5) };
/// assert!(error.to_string().starts_with("a timeout of 5s needs a clock, and none runs here"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a timeout of {timeout:?} needs a clock, and none runs here: build the chain under a reactor, or name the clock \
     (`timeout {timeout:?} on &clock`)"
)]
pub struct NoClock {
    /// The time that was to be allowed.
    pub timeout: Duration,
}

/// A [`DeferredQueue`](crate::DeferredQueue) is full; the value was not kept.
///
/// Twisted's `QueueOverflow`.
///
/// ```
/// let queue = twisty::DeferredQueue::with_limits(1, None);
/// queue.put('a')?;
/// let error = queue.put('b').unwrap_err();
/// assert_eq!(error.to_string(), "the queue is full: it holds 1 values at most, see `DeferredQueue::is_full`");
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the queue is full: it holds {size} values at most, see `DeferredQueue::is_full`")]
pub struct QueueOverflow {
    /// How many values it may hold.
    pub size: usize,
}

/// A [`DeferredQueue`](crate::DeferredQueue) is empty, and no more may wait for a value.
///
/// Twisted's `QueueUnderflow`.
///
/// ```
/// let queue = twisty::DeferredQueue::<u32>::with_limits(None, 0);
/// let error = queue.get().unwrap_err();
/// assert_eq!(error.to_string(), "the queue is empty, and 0 wait for a value already: no more may (see `backlog`)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the queue is empty, and {backlog} wait for a value already: no more may (see `backlog`)")]
pub struct QueueUnderflow {
    /// How many may wait.
    pub backlog: usize,
}

/// A [`Connector`](crate::protocol::Connector) is not in the state that the call needs.
///
/// ```
/// # use twisty::prelude::*;
/// # #[protocol(line)] #[derive(Default)] struct Caller;
/// # #[protocol] impl Caller { #[on(line)] fn hear(&mut self) {} }
/// # let reactor = Reactor::new()?;
/// let connector = reactor.connect("tcp:127.0.0.1:8007", Caller::factory())?;
/// assert_eq!(connector.connect(), Err(twisty::ConnectorError::AlreadyConnecting));
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConnectorError {
    /// `connect` was called while an attempt goes on.
    #[error("this connector connects already: wait for the factory to be told how that ends")]
    AlreadyConnecting,
    /// `connect` was called while the connection is there.
    #[error("this connector is connected already: disconnect it first, or make another one")]
    AlreadyConnected,
    /// `stop_connecting` was called while no attempt goes on. Twisted's `NotConnectingError`.
    #[error("this connector does not connect, so that there is nothing to stop")]
    NotConnecting,
    /// `connect` was called while the reactor stops, or when it is gone.
    #[error("the reactor of this connector stops, or is gone: it connects no more")]
    Stopping,
}

/// An attempt to connect was given up by this side, with `stop_connecting`, `disconnect` or `stop_trying`.
///
/// Twisted's `UserError`.
///
/// ```
/// assert_eq!(twisty::ConnectingStopped.to_string(), "the attempt to connect was given up by this side");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the attempt to connect was given up by this side")]
pub struct ConnectingStopped;

/// A connection was made, and its factory's `build_protocol` had no protocol for it. It was closed.
///
/// Twisted's `NoProtocol`.
///
/// ```
/// assert!(twisty::NoProtocol.to_string().starts_with("the factory has no protocol for this connection"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the factory has no protocol for this connection: its `build_protocol` answered `None`, so it was closed")]
pub struct NoProtocol;

/// The connection of a [`Connected`](crate::client::Connected) is over, so its protocol cannot be called.
///
/// ```
/// assert_eq!(twisty::NotConnected.to_string(), "the connection is over, so its protocol cannot be called");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the connection is over, so its protocol cannot be called")]
pub struct NotConnected;

/// An endpoint's description cannot be understood.
///
/// It prints in one line; `{:#}` adds the description with the part marked that is wrong.
///
/// ```
/// let error = "tcp:http".parse::<twisty::endpoint::ServerEndpoint>().unwrap_err();
/// assert_eq!(&error.description[error.at.clone()], "http");
/// assert_eq!(
///     format!("{error:#}"),
///     "`tcp:http` is no endpoint: `http` is no `port`, write a number from 0 to 65535\n  tcp:http\n      ^^^^"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError {
    /// The description as it was given.
    pub description: String,
    /// The part that is wrong, in bytes of the description. Empty where something is missing.
    pub at: Range<usize>,
    /// What kind of mistake it is.
    pub mistake: EndpointMistake,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl EndpointError {
    pub(crate) fn new(
        description: &str,
        at: Range<usize>,
        mistake: EndpointMistake,
        problem: impl Into<String>,
    ) -> Self {
        Self { description: description.to_owned(), at, mistake, problem: problem.into() }
    }
}

impl std::error::Error for EndpointError {}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { description, at, problem, .. } = self;
        write!(f, "`{description}` is no endpoint: {problem}")?;
        if !f.alternate() {
            return Ok(());
        }
        let columns = |part: &str| part.chars().count();
        let before = columns(description.get(..at.start).unwrap_or_default());
        let marked = columns(description.get(at.clone()).unwrap_or_default()).max(1);
        write!(f, "\n  {}\n  {:before$}{:^<marked$}", description.replace(char::is_control, " "), "", "")
    }
}

/// What may be wrong with an endpoint's description.
///
/// ```
/// use twisty::{EndpointMistake, endpoint::ServerEndpoint};
///
/// let error = "http:80".parse::<ServerEndpoint>().unwrap_err();
/// assert_eq!(error.mistake, EndpointMistake::UnknownKind);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointMistake {
    /// It ends in a `\` that has nothing to escape.
    LoneBackslash,
    /// It does not begin with a word that is known.
    UnknownKind,
    /// Something that must be there is not.
    Missing,
    /// There are more values than it has places for.
    TooMany,
    /// Something is said by its place and by its name.
    Twice,
    /// An option that it does not have.
    UnknownOption,
    /// A value that is no number, address, path or whatever it should be.
    BadValue,
    /// Its parts do not go together.
    Contradiction,
}

/// The reactor is not in the state that the call needs.
///
/// ```
/// let reactor = twisty::Reactor::new().unwrap();
/// assert_eq!(reactor.stop(), Err(twisty::ReactorError::NotRunning));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReactorError {
    /// `run` was called from inside `run`. Twisted's `ReactorAlreadyRunning`.
    #[error("this reactor runs already")]
    AlreadyRunning,
    /// `stop` was called on a reactor that does not run. Twisted's `ReactorNotRunning`.
    #[error("this reactor does not run")]
    NotRunning,
    /// `block_on` waited for a reactor whose run ended meanwhile, or before.
    #[error("the run of this reactor has ended, so that no answer comes; ask while it runs, or before its first run")]
    Ended,
    /// A connection was to be made while the reactor stops.
    #[error("this reactor stops, and connects nowhere any more")]
    Stopping,
    /// A call from another thread came after the reactor was dropped.
    #[error("the reactor of this handle is gone")]
    Gone,
    /// `block_on` was called on the reactor's own thread.
    #[error(
        "the reactor's own thread cannot block on the reactor: it would wait for itself; add a callback to the Deferred, \
         or await it in a task"
    )]
    OwnThread,
}

/// A delayed call cannot be changed any more.
///
/// ```
/// use std::time::Duration;
///
/// let reactor = twisty::Reactor::new().unwrap();
/// let call = reactor.call_later(Duration::from_secs(1), |_| {});
/// assert_eq!(call.cancel(), Ok(()));
/// assert_eq!(call.cancel(), Err(twisty::DelayedCallError::AlreadyCancelled));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DelayedCallError {
    /// It ran. Twisted's `AlreadyCalled`.
    #[error("this delayed call ran already")]
    AlreadyCalled,
    /// It was cancelled. Twisted's `AlreadyCancelled`.
    #[error("this delayed call was cancelled already")]
    AlreadyCancelled,
}

/// A [`LoopingCall`](crate::task::LoopingCall) is not in the state that the call needs.
///
/// ```
/// let clock = twisty::testing::Clock::new();
/// let beat = twisty::task::LoopingCall::new(&clock, || ());
/// assert_eq!(beat.stop(), Err(twisty::LoopingCallError::NotRunning));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LoopingCallError {
    /// `start` was called on one that runs, or whose last call is not done yet.
    #[error("this looping call runs already: stop it, and wait for the Deferred of its start")]
    AlreadyRunning,
    /// `stop` or `reset` was called on one that does not run.
    #[error("this looping call does not run")]
    NotRunning,
}

/// A [`CooperativeTask`](crate::task::CooperativeTask) cannot be paused, resumed or stopped any more; or why it ended.
///
/// ```
/// let clock = twisty::testing::Clock::new();
/// let task = twisty::task::Cooperator::new(&clock).cooperate([(), ()].into_iter());
/// assert_eq!(task.stop(), Ok(()));
/// assert_eq!(task.stop(), Err(twisty::TaskError::Stopped));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TaskError {
    /// It came to its end. Twisted's `TaskDone`.
    #[error("this task is done")]
    Done,
    /// It was stopped. Twisted's `TaskStopped`.
    #[error("this task was stopped")]
    Stopped,
    /// It failed; who asked first was given the failure. Twisted's `TaskFailed`.
    #[error("this task failed")]
    Failed,
    /// Its Cooperator was stopped. Twisted's `SchedulerStopped`.
    #[error("the Cooperator of this task was stopped")]
    SchedulerStopped,
    /// It was resumed more often than paused. Twisted's `NotPaused`.
    #[error("this task is not paused")]
    NotPaused,
}

/// A connection can have one producer at a time. Twisted raises a `RuntimeError`.
///
/// ```
/// let error = twisty::AlreadyProducing;
/// assert!(error.to_string().ends_with("unregister it first"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this connection has a producer already: unregister it first")]
pub struct AlreadyProducing;

/// A [`PullProducer`](crate::protocol::PullProducer) was asked for more, sent nothing and did not say that it is finished:
/// it would wait forever. Its connection ends.
///
/// ```
/// let error = twisty::NothingProduced;
/// assert!(error.to_string().starts_with("a pull producer sent nothing"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a pull producer sent nothing and is not finished: call `finish` at its end; one that has to wait is a push producer"
)]
pub struct NothingProduced;

/// `start_tls` was called when it cannot be done.
///
/// ```
/// assert!(twisty::StartTlsError::AlreadyStarted.to_string().starts_with("TLS was started before"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StartTlsError {
    /// The connection is closed or closing.
    #[error("the connection is not open any more, TLS cannot start on it")]
    NotConnected,
    /// TLS is there, or was asked for. Twisted's `startTLS` answers `False`.
    #[error("TLS was started before on this connection, it starts once (see `Transport::tls`)")]
    AlreadyStarted,
}

/// A certificate, a key or a trust root cannot be used, or an endpoint needs TLS and has none.
///
/// ```
/// let error = twisty::TlsConfigError { what: "server.pem".into(), problem: "it holds no certificate".into() };
/// assert_eq!(error.to_string(), "TLS cannot be set up with server.pem: it holds no certificate");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("TLS cannot be set up with {what}: {problem}")]
pub struct TlsConfigError {
    /// The file, or what else was given.
    pub what: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

/// A datagram is longer than one can be; it was not sent.
///
/// Twisted's `MessageLengthError`.
///
/// ```
/// let error = twisty::MessageLengthError { length: 70_000, longest: 65_507 };
/// assert_eq!(error.to_string(), "a datagram of 70000 bytes does not fit: 65507 can be sent at once from here");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a datagram of {length} bytes does not fit: {longest} can be sent at once from here")]
pub struct MessageLengthError {
    /// Length of the datagram, in bytes.
    pub length: usize,
    /// Longest datagram that the port can send, in bytes.
    pub longest: usize,
}

/// A datagram cannot go to this address, or not from this port.
///
/// Twisted's `InvalidAddressError`.
///
/// ```
/// use twisty::datagram::Destination;
///
/// let error = "localhost:53".address().unwrap_err();
/// assert!(error.to_string().starts_with("`localhost:53` is no address to send to from here: write an IP address"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{address}` is no address to send to from here: {problem}")]
pub struct InvalidAddressError {
    /// The address that was given.
    pub address: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

/// What was asked of a [`DatagramTransport`](crate::datagram::DatagramTransport) cannot be done.
///
/// ```
/// # use twisty::prelude::*;
/// # #[protocol(datagram)] struct Echo;
/// # #[protocol] impl Echo { #[on(datagram)] fn echo(&mut self, data: String) -> String { data } }
/// let server = twisty::testing::DatagramServer::new(Echo);
/// let error = server.transport().send("to whom?").unwrap_err();
/// assert!(matches!(error, twisty::DatagramError::NotConnected));
/// ```
#[derive(Debug, Error)]
pub enum DatagramError {
    /// It is too long.
    #[error(transparent)]
    TooLong(#[from] MessageLengthError),
    /// It cannot go there.
    #[error(transparent)]
    InvalidAddress(#[from] InvalidAddressError),
    /// The group cannot be joined or left.
    #[error(transparent)]
    Multicast(#[from] MulticastJoinError),
    /// There is nobody that it could go to.
    #[error(
        "send to whom? No datagram is being handled, and the port is not connected: use `send_to`, or `connect` first"
    )]
    NotConnected,
    /// A port is connected once. Twisted raises a `RuntimeError`.
    #[error("the port is connected to {peer} already, for good")]
    AlreadyConnected {
        /// Where it is connected to.
        peer: String,
    },
    /// The port is closed.
    #[error("the port of datagrams is closed")]
    Closed,
    /// The system does not send it there, or does not connect to there.
    #[error("nothing can be sent to {to}: {source}")]
    Refused {
        /// Where it was to go.
        to: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The system does not change the setting.
    #[error("this cannot be set of the port: {source}")]
    Setting {
        /// What the operating system said.
        source: io::Error,
    },
}

impl TlsConfigError {
    #[cfg_attr(feature = "tls", expect(dead_code, reason = "it is there"))]
    pub(crate) fn feature_missing(what: String) -> Self {
        Self { what, problem: "this program was built without it, build twisty with the feature `tls`".to_owned() }
    }
}
