//! What few connections have.

use crate::failure::Failure;

/// What few connections have, behind one pointer, so that all the others pay for it with no more than that.
#[derive(Default)]
pub(crate) struct Rare {
    /// Why the connection is being closed, if there is more to say than that it is.
    pub(crate) reason: Option<Failure>,
}
