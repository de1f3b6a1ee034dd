//! What few connections have.

use std::rc::Rc;

use super::Phase;
use crate::failure::Failure;

/// What few connections have, behind one pointer, so that all the others pay for it with no more than that.
#[derive(Default)]
pub(crate) struct Rare {
    /// Why the connection is being closed, if there is more to say than that it is.
    pub(crate) reason: Option<Failure>,
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
