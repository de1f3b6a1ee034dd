//! What few connections have.

use super::Watch;
use crate::failure::Failure;

/// What few connections have, behind one pointer, so that all the others pay for it with no more than that.
#[derive(Default)]
pub(crate) struct Rare {
    /// Why the connection is being closed, if there is more to say than that it is.
    pub(crate) reason: Option<Failure>,
    /// What policies know of it.
    pub(crate) watch: Option<Box<Watch>>,
    /// It counts as a connection of its peer.
    pub(crate) counted: bool,
}
