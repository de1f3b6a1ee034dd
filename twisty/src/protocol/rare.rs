//! What few connections have.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use super::half_close::WriteSide;
use super::producer::Production;
use super::{Phase, TlsInfo, Watch};
use crate::clock::Timestamp;
use crate::deferred::{self, Resolver};
use crate::error::CancelledError;
use crate::failure::Failure;

/// What few connections have, behind one pointer, so that all the others pay for it with no more than that.
#[derive(Default)]
pub(crate) struct Rare {
    /// Why the connection is being closed, if there is more to say than that it is.
    pub(crate) reason: Option<Failure>,
    /// How far our side alone is closed.
    pub(super) write_side: WriteSide,
    /// What is registered to send as much as the peer takes.
    pub(super) production: Option<Production>,
    /// The queue ran low after it had been over the high-water mark, and the protocol has not been told.
    pub(super) drained: bool,
    /// Messages of broadcasts that were not sent, because the peer was too slow.
    pub(super) dropped: u64,
    /// TLS is to begin, or is beginning.
    pub(crate) upgrade: Option<Upgrade>,
    /// What the ends agreed on, where it has begun.
    pub(crate) tls: Option<Rc<TlsInfo>>,
    /// Who is told how it goes, besides its protocol. Until it is over, so that the two may hold each other.
    pub(crate) watcher: Option<Rc<dyn Watcher>>,
    /// What policies know of it.
    pub(crate) watch: Option<Box<Watch>>,
    /// It counts as a connection of its peer.
    pub(crate) counted: bool,
}

/// TLS that begins in mid-connection.
pub(crate) struct Upgrade {
    /// What was sent before it was asked for: this goes out as it is.
    pub(crate) clear: Vec<u8>,
    /// What to do; only who drives the connection knows what that is.
    pub(crate) work: Box<dyn Any>,
    /// When it has taken too long, once it has begun.
    pub(crate) deadline: Option<Timestamp>,
    /// Waits for its end.
    pub(crate) resolver: Resolver<()>,
}

impl Upgrade {
    /// It comes to nothing. Why is what the connection ends with, so for who waits it is as good as cancelled, and no news
    /// if nobody does.
    pub(crate) fn give_up(self) {
        deferred::expect_broken_promises(|| self.resolver.errback(CancelledError));
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("clear", &self.clear.len()).finish_non_exhaustive()
    }
}

/// Who is told how a connection goes, besides its protocol: whoever made it, as clients are made.
pub(crate) trait Watcher {
    /// The connection is there, and its protocol will be told. `close` ends it.
    fn begins(&self, close: Close);

    /// Its protocol was told, and nothing was wrong.
    fn made(&self) {}

    /// The connection is over, and its protocol was told.
    fn lost(&self, reason: Failure);
}

/// Closes a connection, from anywhere.
pub(crate) type Close = Box<dyn Fn(Phase)>;
