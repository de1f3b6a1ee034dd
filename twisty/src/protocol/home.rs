//! What the connections of one port have in common.

use std::cell::OnceCell;
use std::rc::Rc;

use super::slow_consumer::Tally;
use super::{Address, Agenda, Factory, Limits, Protocol, Seat};

/// What is the same for all connections that came to one address: each of them holds one pointer to it.
pub(crate) struct Home {
    pub(super) agenda: Rc<Agenda>,
    pub(super) host: Address,
    /// Asked when a limit is near, so that none has to be kept.
    pub(super) limits: fn() -> Limits,
    /// Where their factory counts slow consumers.
    pub(super) tally: OnceCell<Rc<Tally>>,
}

impl Home {
    /// Of connections to `host` that speak `P`.
    pub(crate) fn of<P: Protocol>(agenda: Rc<Agenda>, host: Address) -> Rc<Self> {
        Rc::new(Self { agenda, host, limits: P::limits, tally: OnceCell::new() })
    }

    /// Has slow consumers counted by the factory of a connection here; it is the same for all of them.
    pub(crate) fn count_for<F: Factory>(&self, seat: &Seat<F>) {
        self.tally.get_or_init(|| seat.tally());
    }

    pub(crate) const fn host(&self) -> &Address {
        &self.host
    }
}
