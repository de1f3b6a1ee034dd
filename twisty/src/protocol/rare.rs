//! What few connections have.

use std::rc::Rc;

use super::Phase;
use super::half_close::WriteSide;
use super::producer::Production;
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
    /// Who is told how it goes, besides its protocol. Until it is over, so that the two may hold each other.
    pub(crate) watcher: Option<Rc<dyn Watcher>>,
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
