//! A call that is to come, as the clock holds it.

use std::cell::Cell;
use std::rc::Rc;

use crate::clock::DelayedCall;

/// Who is called again and again by a clock that it does not keep alive.
pub(super) trait Called {
    /// Where it keeps the call that is to come, to cancel it.
    fn next(&self) -> &Cell<Option<DelayedCall>>;

    /// The time has come.
    fn come(self: &Rc<Self>);

    /// It will not come, since the clock goes.
    fn forsake(&self);
}

/// What the clock is to call. It is dropped with the clock, which is told then.
pub(super) struct Upcoming<C: Called>(Option<Rc<C>>);

impl<C: Called> Upcoming<C> {
    pub(super) fn of(called: &Rc<C>) -> Self {
        Self(Some(Rc::clone(called)))
    }

    pub(super) fn come(mut self) {
        if let Some(called) = self.0.take() {
            called.next().set(None);
            called.come();
        }
    }
}

/// If neither the one to be called nor the call has taken it away, the clock goes.
impl<C: Called> Drop for Upcoming<C> {
    fn drop(&mut self) {
        if let Some(called) = self.0.take()
            && called.next().take().is_some()
        {
            called.forsake();
        }
    }
}
