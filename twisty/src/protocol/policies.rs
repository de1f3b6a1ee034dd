//! Policies: what an operator demands of connections, whatever protocol they speak.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tracing::Level;

use super::bucket::Bucket;
use crate::clock::Timestamp;

/// What is demanded of the connections of a factory, whatever its protocol: how many there may be, how long they may be
/// idle and live, how fast they are read and written. Given to [`Factory::with_policies`](super::Factory::with_policies).
///
/// The counterpart of `twisted.protocols.policies`. The protocol needs to know nothing of them, and they hold over sockets
/// and in memory alike. What is not set here is as the protocol or the factory declares it; where both say something the
/// policies count, but the limits on connections can only be lowered.
///
/// | policy | key of `#[protocol]`, `#[factory]` | default | what happens |
/// |---|---|---|---|
/// | [`max_connections`](Self::max_connections) | `max_connections` | 16384 | closed at once, reported once a spell |
/// | [`max_connections_per_peer`](Self::max_connections_per_peer) | `max_connections_per_peer` | no limit | the same |
/// | [`overflow`](Self::overflow) | | nothing | is written to those before they are closed |
/// | [`idle_timeout`](Self::idle_timeout) | `idle_timeout` | never | [`IdleTimeout`](crate::IdleTimeout) |
/// | [`max_age`](Self::max_age) | `max_age` | none | [`ConnectionExpired`](crate::ConnectionExpired) |
/// | [`frame_timeout`](Self::frame_timeout), [`min_progress`](Self::min_progress) | the same | 60 s, 500 bytes a second | [`TooSlow`](crate::TooSlow) |
/// | [`read_rate`](Self::read_rate), [`write_rate`](Self::write_rate) | | no limit | waits: nothing is lost |
/// | [`total_read_rate`](Self::total_read_rate), [`total_write_rate`](Self::total_write_rate) | | no limit | waits; who waited longest is next |
/// | [`burst`](Self::burst) | | 1 s | how much of these may move at once |
/// | [`log_traffic`](Self::log_traffic) | | no log | |
///
/// The other limits are in [`Limits`](super::Limits): on what is queued, promised and closing.
///
/// ```
/// use std::time::Duration;
/// use twisty::prelude::*;
/// use twisty::protocol::Policies;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Echo;
///
/// #[protocol]
/// impl Echo {
///     #[on(line)]
///     fn echo(&mut self, cx: &Context<Self>, line: &str) {
///         cx.send(line);
///     }
/// }
///
/// let policies = Policies::new().max_connections_per_peer(1).overflow("busy\r\n").idle_timeout(Duration::from_secs(60));
/// let server = twisty::testing::Server::new(Echo::factory().with_policies(policies));
/// let (first, second) = (server.connect(), server.connect()); // of one address
/// assert_eq!(second.sent(), "busy\r\n");
/// assert!(!second.is_connected());
/// server.advance(Duration::from_secs(60));
/// assert!(!first.is_connected());
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Policies {
    pub(super) max_connections: Option<usize>,
    pub(super) max_connections_per_peer: Option<usize>,
    pub(super) overflow: Vec<u8>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_age: Option<Duration>,
    pub(super) frame_timeout: Option<Duration>,
    pub(super) min_progress: Option<usize>,
    pub(super) read_rate: Option<usize>,
    pub(super) write_rate: Option<usize>,
    pub(super) total_read_rate: Option<usize>,
    pub(super) total_write_rate: Option<usize>,
    pub(super) burst: Duration,
    pub(super) traffic_log: Option<Level>,
}

impl Policies {
    /// No policy: everything is as the protocol and the factory declare it.
    pub const fn new() -> Self {
        Self {
            max_connections: None,
            max_connections_per_peer: None,
            overflow: Vec::new(),
            idle_timeout: None,
            max_age: None,
            frame_timeout: None,
            min_progress: None,
            read_rate: None,
            write_rate: None,
            total_read_rate: None,
            total_write_rate: None,
            burst: Duration::from_secs(1),
            traffic_log: None,
        }
    }

    /// Connections open at once, of all peers together; lowers what the factory allows. (Twisted's
    /// `LimitTotalConnectionsFactory`.)
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = Some(connections);
        self
    }

    /// Connections open at once of one peer: an IPv4 address, an IPv6 network of 64 bits, or this machine, for all UNIX
    /// sockets together. Lowers what the factory allows. (Twisted's `LimitConnectionsByPeer`, whose default is 5.)
    pub const fn max_connections_per_peer(mut self, connections: usize) -> Self {
        self.max_connections_per_peer = Some(connections);
        self
    }

    /// What is written to those beyond the limits before they are closed; what does not fit into the socket at once is
    /// left out. (Twisted's `overflowProtocol`.)
    pub fn overflow(mut self, answer: impl Into<Vec<u8>>) -> Self {
        self.overflow = answer.into();
        self
    }

    /// Ends a connection on which no byte moved for so long, in either direction. (Twisted's `TimeoutFactory`.) A
    /// connection may have a time of its own: [`Transport::set_idle_timeout`](crate::Transport::set_idle_timeout).
    pub const fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = Some(limit);
        self
    }

    /// Ends a connection that is so old, whatever happens on it.
    pub const fn max_age(mut self, limit: Duration) -> Self {
        self.max_age = Some(limit);
        self
    }

    /// How long a frame may take from its first byte to its last, besides what [`min_progress`](Self::min_progress) gives.
    pub const fn frame_timeout(mut self, limit: Duration) -> Self {
        self.frame_timeout = Some(limit);
        self
    }

    /// Bytes a second that an unfinished frame has to grow by: each so many that have come give it one second more. Single
    /// bytes, however steady, hold no connection open. 0 demands nothing, and turns [`frame_timeout`](Self::frame_timeout)
    /// off too.
    ///
    /// Nobody is too slow while nothing is read, nor where frames have no end (`raw`, and raw mode).
    pub const fn min_progress(mut self, bytes_per_second: usize) -> Self {
        self.min_progress = Some(bytes_per_second);
        self
    }

    /// Bytes a second that are read of each connection; the rest waits with the peer.
    ///
    /// # Panics
    /// If it is 0, which would wait for ever.
    #[track_caller]
    pub const fn read_rate(mut self, bytes_per_second: usize) -> Self {
        self.read_rate = rate(bytes_per_second);
        self
    }

    /// Bytes a second that are written to each connection; the rest waits here, within the protocol's limits.
    ///
    /// What waits because of the rate counts as queued, as if the peer were slow to read: `slow_consumer` may drop messages
    /// for such a peer or cut it off, and beyond `outbox_limit` it is cut off in any case.
    ///
    /// # Panics
    /// If it is 0, which would wait for ever.
    #[track_caller]
    pub const fn write_rate(mut self, bytes_per_second: usize) -> Self {
        self.write_rate = rate(bytes_per_second);
        self
    }

    /// Bytes a second that are read of all connections together. (Twisted's `ThrottlingFactory`.)
    ///
    /// # Panics
    /// If it is 0, which would wait for ever.
    #[track_caller]
    pub const fn total_read_rate(mut self, bytes_per_second: usize) -> Self {
        self.total_read_rate = rate(bytes_per_second);
        self
    }

    /// Bytes a second that are written to all connections together. (Twisted's `ThrottlingFactory`.) What waits because of
    /// it counts as queued, as with [`write_rate`](Self::write_rate).
    ///
    /// # Panics
    /// If it is 0, which would wait for ever.
    #[track_caller]
    pub const fn total_write_rate(mut self, bytes_per_second: usize) -> Self {
        self.total_write_rate = rate(bytes_per_second);
        self
    }

    /// How much may move at once after a quiet time, at every rate: what the rate gives in this time. At least a byte.
    /// Default: 1 second.
    pub const fn burst(mut self, time: Duration) -> Self {
        self.burst = time;
        self
    }

    /// Reports all that is received and sent at `level`: how many bytes, and the first 1024 of them, escaped. (Twisted's
    /// `TrafficLoggingFactory`.)
    pub const fn log_traffic(mut self, level: Level) -> Self {
        self.traffic_log = Some(level);
        self
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self::new()
    }
}

#[track_caller]
const fn rate(bytes_per_second: usize) -> Option<usize> {
    assert!(bytes_per_second > 0, "nothing would ever move at a rate of 0 bytes a second");
    Some(bytes_per_second)
}

/// The policies of a factory, with what its connections share because of them.
pub(crate) struct Rules {
    pub(super) policies: Policies,
    pub(super) read: Option<Total>,
    pub(super) write: Option<Total>,
}

/// A bucket for several connections.
pub(crate) struct Total {
    pub(super) bucket: Cell<Bucket>,
    /// How often somebody took from it.
    grants: Cell<u64>,
}

impl Rules {
    pub(super) fn new(policies: Policies) -> Self {
        let total = |rate: Option<usize>| {
            rate.map(|rate| Total { bucket: Cell::new(Bucket::new(rate, policies.burst)), grants: Cell::new(0) })
        };
        let (read, write) = (total(policies.total_read_rate), total(policies.total_write_rate));
        Self { policies, read, write }
    }
}

impl Total {
    /// One of the two, and how many connections share it.
    pub(super) fn of(rules: Option<&Rc<Rules>>, which: fn(&Rules) -> &Option<Self>) -> Option<(&Self, usize)> {
        let rules = rules?;
        // The factory has the rules too.
        Some((which(rules).as_ref()?, Rc::strong_count(rules) - 1))
    }

    /// When who was served at that grant may come again: those who wait longer come first, a nanosecond each.
    pub(super) fn opens_at(&self, served: u64, sharing: usize) -> Timestamp {
        let since = usize::try_from(self.grants.get() - served).unwrap_or(usize::MAX);
        let behind = sharing.saturating_sub(1).saturating_sub(since);
        self.bucket.get().opens_at() + Duration::from_nanos(behind as u64)
    }

    /// Takes from it; which grant that was.
    pub(super) fn take(&self, now: Timestamp, bytes: usize) -> u64 {
        let mut bucket = self.bucket.get();
        bucket.take(now, bytes);
        self.bucket.set(bucket);
        self.grants.set(self.grants.get() + 1);
        self.grants.get()
    }
}

/// Reports what moved, with the beginning of it.
#[cold]
pub(crate) fn log_traffic(level: Level, peer: &super::Address, direction: &str, bytes: &[u8]) {
    const QUOTED: usize = 1024;
    let count = bytes.len();
    let more = if count > QUOTED { "…" } else { "" };
    let quoted = bytes[..count.min(QUOTED)].escape_ascii();
    macro_rules! log {
        ($($level:ident),*) => {
            match level {
                $(Level::$level => tracing::event!(Level::$level, %peer, count, "{direction} \"{quoted}{more}\""),)*
            }
        };
    }
    log!(ERROR, WARN, INFO, DEBUG, TRACE);
}
