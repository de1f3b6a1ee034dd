//! Sockets: each moves bytes between the operating system and a [`Connection`](crate::connection), or datagrams to a
//! [`Heart`](crate::datagram).

mod bound_path;
mod datagram;
mod greeting;
mod pipe;
mod proxy_header;
mod socket;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;

pub(crate) use bound_path::{BoundPath, PathOptions};
pub(crate) use datagram::{DatagramSocket, Datagrams};
pub(crate) use greeting::{Ends, Greeting, Kept, Preface, Prefaces, Progress, Prologue};
pub(crate) use pipe::{Readiness, Side, Wire};
pub(crate) use proxy_header::ProxyHeader;
pub(crate) use socket::{Layer, Layers, Socket};
pub(crate) use stream::Stream;
#[cfg(feature = "tls")]
pub(crate) use tls::Handshake;

use std::io;

use mio::event::Event;
use mio::{Registry, Token};

use crate::clock::Timestamp;
use crate::error::{ConnectionLost, TlsError, TlsTruncated};
use crate::failure::Failure;

/// Why a connection is lost, that broke so: what broke may be a layer of its socket.
pub(crate) fn reason_of(error: io::Error) -> Failure {
    let lost = |error| Failure::of_a_peer(ConnectionLost::from(error));
    let truncated =
        |error: io::Error| error.downcast().map_or_else(lost, |error: TlsTruncated| Failure::of_a_peer(error));
    error.downcast().map_or_else(truncated, |error: TlsError| Failure::of_a_peer(error))
}

/// A socket with its connection or its port of datagrams, as the reactor drives it.
pub(crate) trait Driver {
    /// Has the poll watch the socket, unless it does already.
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()>;

    /// The connection is there.
    fn open(&mut self, now: Timestamp);

    /// The poll says something about the socket.
    fn handle_event(&mut self, now: Timestamp, ready: Ready, buffer: &mut [u8]);

    /// Reads on, if reading stopped before the socket was empty.
    fn handle_turn(&mut self, now: Timestamp, buffer: &mut [u8]);

    /// The time of [`deadline`](Self::deadline) has come, perhaps.
    fn handle_timeout(&mut self, now: Timestamp);

    /// Does what the connection wishes: writes, resumes, closes.
    fn settle(&mut self, now: Timestamp) -> Status;

    /// When to call [`handle_timeout`](Self::handle_timeout).
    fn deadline(&self) -> Option<Timestamp>;

    /// Closes the connection: after what it has queued, or at once.
    fn close(&mut self, at_once: bool);

    /// Whether it counts as a connection; a port of datagrams does not.
    fn is_connection(&self) -> bool {
        true
    }
}

/// How a socket stands after [`Driver::settle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Waits for the poll, a deadline, or its agenda.
    Waiting,
    /// Has more to read: wants [`Driver::handle_turn`] in the next turn.
    Busy,
    /// Is finished: drop it.
    Gone,
}

/// What the poll says about a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) read_closed: bool,
    pub(crate) error: bool,
}

impl Ready {
    const NOTHING: Self = Self { readable: false, writable: false, read_closed: false, error: false };
    pub(crate) const READABLE: Self = Self { readable: true, ..Self::NOTHING };
    const WRITABLE: Self = Self { writable: true, ..Self::NOTHING };
    /// The peer has closed its side.
    const ENDED: Self = Self { readable: true, read_closed: true, ..Self::NOTHING };
    /// The peer has cut the connection off.
    const RESET: Self = Self { writable: true, error: true, ..Self::ENDED };
}

impl From<&Event> for Ready {
    fn from(event: &Event) -> Self {
        Self {
            readable: event.is_readable(),
            writable: event.is_writable(),
            read_closed: event.is_read_closed(),
            error: event.is_error(),
        }
    }
}
