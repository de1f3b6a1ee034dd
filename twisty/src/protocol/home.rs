//! What the connections of one port have in common.

use std::rc::Rc;

use super::{Address, Agenda, Limits, Protocol};

/// What is the same for all connections that came to one address: each of them holds one pointer to it.
pub(crate) struct Home {
    pub(super) agenda: Rc<Agenda>,
    pub(super) host: Address,
    /// Asked when a limit is near, so that none has to be kept.
    pub(super) limits: fn() -> Limits,
}

impl Home {
    /// Of connections to `host` that speak `P`.
    pub(crate) fn of<P: Protocol>(agenda: Rc<Agenda>, host: Address) -> Rc<Self> {
        Rc::new(Self { agenda, host, limits: P::limits })
    }

    pub(crate) const fn host(&self) -> &Address {
        &self.host
    }
}
