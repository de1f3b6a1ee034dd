//! Clocks that are used, and not kept alive.

use std::rc::Weak;
use std::time::Duration;

use super::{DelayedCall, Scheduler, Timestamp, Timetable};

/// A clock for what the clock itself holds: a call that schedules itself again and again would otherwise keep the clock,
/// and the clock the call, for ever.
pub(crate) struct WeakClock(Weak<dyn Timetable>);

impl WeakClock {
    /// A call that is cancelled at once tells who keeps the calls of this clock.
    pub(crate) fn of(clock: &(impl Scheduler + ?Sized)) -> Self {
        let probe = clock.schedule(Duration::ZERO, Box::new(|| {}));
        let _it_is_to_come = probe.cancel();
        Self(probe.timetable())
    }

    /// The time that a delay counts from; a reactor's stands still for no turn. `None` if the clock is gone.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        Some(self.0.upgrade()?.time())
    }

    /// As [`Scheduler::schedule`], for a time and not a delay; `None` if the clock is gone.
    pub(crate) fn schedule(&self, when: Timestamp, call: impl FnOnce() + 'static) -> Option<DelayedCall> {
        Some(self.0.upgrade()?.schedule(when, Box::new(call)))
    }
}
