//! What a user writes and what it is given: [`Protocol`] and [`Factory`], [`Context`] and [`Transport`], and the traits
//! that turn frames into arguments ([`FromFrame`]) and return values into replies ([`Outcome`], [`ToFrame`]).

mod address;
mod agenda;
mod backoff;
mod broadcast;
mod bucket;
mod client;
mod context;
mod door;
mod factory;
mod file_sender;
mod frame;
mod half_close;
mod home;
mod inbox;
mod outbox;
mod outcome;
mod owed;
mod policies;
mod producer;
mod promises;
mod rare;
mod replies;
mod segment;
mod slow_consumer;
mod spares;
mod state_machine;
mod tls_info;
mod transport;
mod watch;
mod watched;

use std::time::Duration;

use address::Compact;
pub use address::{Address, UnixAddress};
pub(crate) use agenda::{Agenda, ConnectionKey};
pub use backoff::{Backoff, Delays};
pub use broadcast::broadcast;
pub(crate) use client::Connects;
pub use client::{ClientFactory, Connector, ConnectorState};
pub use context::Context;
use door::Door;
pub use factory::{Factory, ForProtocol, IntoShared, Shared};
pub(crate) use factory::{Reserved, Seat};
pub use file_sender::FileSender;
pub use frame::{FromFrame, ToFrame};
pub(crate) use home::Home;
pub(crate) use inbox::Inbox;
pub(crate) use outbox::{Outbox, Queue};
pub use outcome::{Outcome, Replies, Stateless, States};
use owed::{Owed, ReplyId};
pub use policies::Policies;
pub(crate) use producer::{Flow, Production};
pub use producer::{Producing, PullProducer, PushProducer};
pub(crate) use promises::{Handles, Promises, unheard};
pub(crate) use rare::{Close, Rare, Upgrade, Watcher};
pub use slow_consumer::SlowConsumerPolicy;
pub(crate) use spares::{Spare, Spares};
pub use state_machine::{Diagram, StateMachine, Transition};
pub use tls_info::TlsInfo;
pub use transport::Transport;
pub(crate) use transport::{Delivery, Phase};
pub(crate) use watch::Watch;

use crate::error::Overlong;
use crate::failure::Failure;
use crate::framing::Framing;

/// One side of a conversation: what happens on one connection. `#[protocol]` writes this for you.
///
/// The counterpart of `twisted.internet.protocol.Protocol`. A value is made by the [`Factory`] for each connection and
/// dropped with it.
///
/// # The calls that a protocol gets
///
/// 1. [`connection_made`](Self::connection_made), once, first.
/// 2. [`frame_received`](Self::frame_received) for each frame that the [`Framing`] finds, in order; in its raw mode
///    [`raw_received`](Self::raw_received); [`timed_out`](Self::timed_out) when nothing came for as long as
///    [`timeout`](Self::timeout) says; [`frame_overlong`](Self::frame_overlong) when the peer goes over the framing's
///    limit, after which the connection closes; [`drained`](Self::drained) when a peer that was too slow has caught up.
///    Where only one side closes, [`eof_received`](Self::eof_received) and
///    [`write_connection_lost`](Self::write_connection_lost).
/// 3. [`connection_lost`](Self::connection_lost), once, last, whatever happened: also after a panic.
///
/// No call comes while another runs, and after `lose_connection`, `abort_connection` or an error none comes but
/// `connection_lost`. Everything that a call sends is written together, after the handlers of this turn have run.
///
/// A call that panics ends its connection with [`HandlerPanicked`](crate::HandlerPanicked); all others go on.
///
/// ```
/// use twisty::prelude::*;
///
/// #[derive(Default)]
/// struct Shout;
///
/// impl Protocol for Shout {
///     type Framing = Line;
///     type Factory = ForProtocol<Shout>;
///
///     fn framing() -> Line {
///         Line::new()
///     }
///
///     fn frame_received(&mut self, cx: &Context<Self>, line: &[u8]) {
///         cx.send(line.to_ascii_uppercase());
///     }
/// }
///
/// let server = twisty::testing::Server::new(Shout::factory());
/// assert_eq!(server.connect().receive("hey\r\n").sent(), "HEY\r\n");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a protocol",
    label = "not a protocol",
    note = "a protocol has `#[protocol(line)]` (or another framing) on its struct, and its handlers in an impl block with `#[protocol]` or `#[state_machine(First, Second, …)]`"
)]
pub trait Protocol: Sized + 'static {
    /// How the protocol finds its frames in the stream of bytes.
    type Framing: Framing;
    /// What makes the protocol's values, and what they share.
    type Factory: Factory<Protocol = Self>;

    /// The framing that each connection starts with.
    fn framing() -> Self::Framing;

    /// The limits of each connection.
    #[must_use]
    fn limits() -> Limits {
        Limits::default()
    }

    /// The factory with its default settings. (Twisted's `Factory.forProtocol`.)
    #[must_use]
    fn factory() -> Self::Factory
    where
        Self::Factory: Default,
    {
        Self::Factory::default()
    }

    /// The connection is there. (Twisted's `connectionMade`.)
    fn connection_made(&mut self, _cx: &Context<Self>) {}

    /// A frame arrived; it is borrowed, and gone after the call. (Twisted's `dataReceived`, `lineReceived`,
    /// `stringReceived`.)
    fn frame_received(&mut self, _cx: &Context<Self>, _frame: &[u8]) {}

    /// Bytes arrived in the framing's raw mode. (Twisted's `rawDataReceived`.)
    fn raw_received(&mut self, _cx: &Context<Self>, _data: &[u8]) {}

    /// The peer sent a frame that is too long. What is sent now still reaches it, then the connection closes.
    /// (Twisted's `lineLengthExceeded`.)
    fn frame_overlong(&mut self, _cx: &Context<Self>, _overlong: Overlong) {}

    /// How long to wait for the next frame before [`timed_out`](Self::timed_out), counted from the last call; `None`
    /// waits forever. Nobody waits while reading is paused or the peer leaves too much unread.
    ///
    /// It is asked anew after each call, so what it answers may be a field that handlers set. (Twisted's `TimeoutMixin`, whose
    /// time-outs go off once and do not start anew with what arrives.)
    fn timeout(&self, _cx: &Context<Self>) -> Option<Duration> {
        None
    }

    /// No frame, and in raw mode no bytes, came for as long as [`timeout`](Self::timeout) said. The wait starts again.
    fn timed_out(&mut self, _cx: &Context<Self>) {}

    /// So much was queued that it was over [`high_water`](Limits::high_water), and now no more than
    /// [`low_water`](Limits::low_water) is.
    fn drained(&mut self, _cx: &Context<Self>) {}

    /// The peer sends nothing more; it may still read. By default the connection closes, with what is queued. A protocol
    /// with an implementation of its own (an `eof` handler) can go on sending, until it closes the connection or
    /// [our side](Transport::lose_write_connection) of it. (Twisted's `readConnectionLost`.)
    fn eof_received(&mut self, cx: &Context<Self>) {
        cx.link().hang_up();
    }

    /// Our side of the connection is closed, as [`Transport::lose_write_connection`] asked for; the peer may still send.
    /// (Twisted's `writeConnectionLost`.)
    fn write_connection_lost(&mut self, _cx: &Context<Self>) {}

    /// The connection is gone; nothing can be sent any more. (Twisted's `connectionLost`.)
    fn connection_lost(&mut self, _cx: &Context<Self>, _reason: Failure) {}
}

/// What `#[protocol(FRAMING, …)]` on a struct declares; the impl block's attribute builds [`Protocol`] on it.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::protocol::Settings;
///
/// #[protocol(line, max_length = 80, idle_timeout = 60s)]
/// #[derive(Default)]
/// struct Quiet;
///
/// assert_eq!(Quiet::framing(), Line::new().max_length(80));
/// assert_eq!(Quiet::limits().idle_timeout, Some(std::time::Duration::from_secs(60)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no framing yet",
    label = "its struct needs `#[protocol(…)]` too",
    note = "write `#[protocol(line)]` on `struct {Self}`, or another framing: `raw`, `netstring`, `int8`, `int16`, `int32`, `length_prefixed(…)`, or the path of your own",
    note = "of datagrams, which `#[protocol(datagram)]` declares, the events are `start`, `datagram`, `refused` and `stop`"
)]
pub trait Settings: Sized + 'static {
    /// See [`Protocol::Framing`].
    type Framing: Framing;
    /// See [`Protocol::Factory`].
    type Factory;

    /// See [`Protocol::framing`].
    fn framing() -> Self::Framing;

    /// See [`Protocol::limits`].
    #[must_use]
    fn limits() -> Limits;
}

/// The limits of a connection, all of them keys of `#[protocol(…)]`.
///
/// The longest frame is a limit of the [`Framing`], the number of connections one of the [`Factory`]. Who serves the
/// protocol may set more, and others: [`Policies`].
///
/// ```
/// use twisty::protocol::Limits;
///
/// let limits = Limits { high_water: 4096, ..Limits::default() };
/// assert_eq!(limits.outbox_limit, 16 * 1024 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Ends the connection with [`IdleTimeout`](crate::IdleTimeout) when no byte moved for so long, in either
    /// direction. Default: `None`, never.
    pub idle_timeout: Option<Duration>,
    /// Ends the connection with [`ConnectionExpired`](crate::ConnectionExpired) when it is so old, whatever happens on it.
    /// Default: `None`, never.
    pub max_age: Option<Duration>,
    /// How long a frame may take from its first byte to its last, besides what `min_progress` gives; then the connection
    /// ends with [`TooSlow`](crate::TooSlow). Default: 60 seconds.
    pub frame_timeout: Duration,
    /// Bytes a second that an unfinished frame has to grow by: each so many that have come give it one second more. 0
    /// demands nothing, and turns `frame_timeout` off too. Default: 500.
    pub min_progress: usize,
    /// How long what is queued may take to reach the peer after `lose_connection`; then the connection is aborted with
    /// [`CloseTimeout`](crate::CloseTimeout). Default: 30 seconds.
    pub close_timeout: Duration,
    /// Bytes that may be queued before the peer is no longer read, and producers are paused. Default: 64 KiB.
    pub high_water: usize,
    /// Bytes that may still be queued when the peer is read again, producers are resumed, and `drain` comes. Default: `None`,
    /// half of `high_water`; it is never more than all of it.
    pub low_water: Option<usize>,
    /// Bytes that may wait for a peer. One that has not taken all that was written before, has more than this waiting
    /// and is sent still more is cut off with [`OutboxFull`](crate::OutboxFull). What one handler sends to a peer that
    /// reads has no limit. Default: 16 MiB.
    pub outbox_limit: usize,
    /// Replies that may be waited for: handlers that returned a [`Deferred`](crate::Deferred) which has not fired. While
    /// there are so many the peer is not read. Default: 64.
    pub max_pending_replies: usize,
    /// What becomes of a peer that is too slow for what is broadcast to it. Default: it is queued, up to `outbox_limit`.
    pub slow_consumer: SlowConsumerPolicy,
}

impl Limits {
    /// The limits that hold unless something else is declared.
    pub const DEFAULT: Self = Self {
        idle_timeout: None,
        max_age: None,
        frame_timeout: Duration::from_secs(60),
        min_progress: 500,
        close_timeout: Duration::from_secs(30),
        high_water: 64 * 1024,
        low_water: None,
        outbox_limit: 16 * 1024 * 1024,
        max_pending_replies: 64,
        slow_consumer: SlowConsumerPolicy::Queue,
    };

    /// See [`low_water`](Self::low_water).
    pub(crate) fn low_water_mark(&self) -> usize {
        self.low_water.unwrap_or(self.high_water / 2).min(self.high_water)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
