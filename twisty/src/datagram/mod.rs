//! Datagrams: UDP, multicast and UNIX datagrams.
//!
//! What you write is a [`DatagramProtocol`], by hand or with `#[protocol(datagram)]`; what its handlers are given is a
//! [`DatagramContext`], and what others keep of it to send with is a [`DatagramTransport`]. There are no connections and
//! no factory: one value of the protocol is all of a port.
//!
//! A datagram is sent at once, where it is asked for, so that who sends it is told what is wrong with it. Only those that
//! the system does not take yet are queued, up to [`Limits::max_queue`].
//!
//! Twisted's `DatagramProtocol` and `udp.Port`. It differs on purpose: that a connected peer refuses is an event and never
//! closes the port; what would block is queued; the scope of an IPv6 address is kept.

mod context;
mod destination;
mod heart;
mod outcome;
mod queue;
mod transport;

pub use context::DatagramContext;
pub use destination::Destination;
pub(crate) use heart::Heart;
pub use outcome::DatagramOutcome;
pub use transport::{DatagramTransport, Interface};
pub(crate) use transport::{Place, Setting, Wire};

use crate::protocol::Address;

/// What happens on one port of datagrams. `#[protocol(datagram)]` writes this for you.
///
/// The counterpart of `twisted.internet.protocol.DatagramProtocol`.
///
/// # The calls that it gets
///
/// 1. [`start`](Self::start), once, first, when the port is open.
/// 2. [`datagram_received`](Self::datagram_received) for each datagram, also for an empty one; and
///    [`connection_refused`](Self::connection_refused) when nobody listens where a connected port sends to.
/// 3. [`stop`](Self::stop), once, last: after `stop_listening`, or when the reactor stops or is dropped.
///
/// No call comes while another runs. One that panics is reported, and the port stays open.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::testing::DatagramServer;
///
/// struct Shout;
///
/// impl DatagramProtocol for Shout {
///     fn datagram_received(&mut self, cx: &DatagramContext<Self>, data: &[u8], from: &Address) {
///         if let Err(error) = cx.send_to(data.to_ascii_uppercase(), from) {
///             println!("no answer to {from}: {error}");
///         }
///     }
/// }
///
/// let server = DatagramServer::new(Shout);
/// assert_eq!(server.receive("10.0.0.2:5000", "hey").sent_to("10.0.0.2:5000"), ["HEY"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no protocol of datagrams",
    label = "not a protocol of datagrams",
    note = "one has `#[protocol(datagram)]` on its struct, and its handlers, one of them `#[on(datagram)]`, in an impl block with `#[protocol]`"
)]
pub trait DatagramProtocol: Sized + 'static {
    /// The limits of the port.
    #[must_use]
    fn limits() -> Limits {
        Limits::DEFAULT
    }

    /// The port is open. (Twisted's `startProtocol`.)
    fn start(&mut self, _cx: &DatagramContext<Self>) {}

    /// A datagram arrived; it is borrowed, and gone after the call. (Twisted's `datagramReceived`.)
    fn datagram_received(&mut self, _cx: &DatagramContext<Self>, _data: &[u8], _from: &Address) {}

    /// Nobody listens where the connected port sends to, which may change. (Twisted's `connectionRefused`.)
    fn connection_refused(&mut self, _cx: &DatagramContext<Self>) {}

    /// The port is closed; nothing can be sent any more. (Twisted's `stopProtocol`.)
    fn stop(&mut self, _cx: &DatagramContext<Self>) {}
}

/// What `#[protocol(datagram, …)]` on a struct declares; the impl block's attribute builds [`DatagramProtocol`] on it.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::datagram::DatagramSettings;
///
/// #[protocol(datagram, max_length = 512)]
/// struct Resolver;
///
/// assert_eq!(<Resolver as DatagramSettings>::limits().max_length, 512);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a protocol of datagrams",
    label = "its struct needs `#[protocol(datagram)]` too",
    note = "`start`, `datagram`, `refused` and `stop` are events of datagrams; a stream has `connect`, `data`, `line` and others"
)]
pub trait DatagramSettings: Sized + 'static {
    /// See [`DatagramProtocol::limits`].
    #[must_use]
    fn limits() -> Limits;
}

/// The limits of a port, all of them keys of `#[protocol(datagram, …)]`.
///
/// ```
/// use twisty::datagram::Limits;
///
/// let limits = Limits { max_length: 512, ..Limits::default() };
/// assert_eq!(limits.max_queue, 256 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the longest datagram that is handled. One that is longer is dropped, and counted. Default: 65535, more than
    /// UDP can carry; none that is longer is ever handled, so that none is cut short.
    pub max_length: usize,
    /// Bytes that may wait for the system to take them, with a few for each datagram. What is sent beyond is dropped, and
    /// counted. Default: 256 KiB.
    pub max_queue: usize,
    /// Replies that may be waited for: handlers that returned a [`Deferred`](crate::Deferred) which has not fired, or
    /// [attached](DatagramContext::attach) one.
    /// Datagrams that come while there are so many are dropped, and counted. Default: 1024.
    pub max_pending_replies: usize,
}

impl Limits {
    /// The limits that hold unless something else is declared.
    pub const DEFAULT: Self = Self { max_length: 65_535, max_queue: 256 * 1024, max_pending_replies: 1024 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
