//! Clocks that are used, and not kept alive.

use std::rc::Weak;
use std::time::Duration;

use super::{DelayedCall, Scheduler, Timestamp, Timetable};

/// A clock for what the clock itself holds: a call that schedules itself again and again would otherwise keep the clock,
/// and the clock the call, for ever.
pub(crate) struct WeakClock(Weak<dyn Timetable>);

impl WeakClock {
    pub(crate) fn of(clock: &(impl Scheduler + ?Sized)) -> Self {
        Self(clock.timetable())
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// The time that a delay counts from; a reactor's stands still for no turn. `None` if the clock is gone.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        Some(self.0.upgrade()?.time())
    }

    /// As [`Scheduler::schedule`], with a delay from `now`. `None`, and the call dropped, if that time never comes: the
    /// clock is gone, or at its end.
    pub(crate) fn schedule(
        &self,
        now: Timestamp,
        delay: Duration,
        call: impl FnOnce() + 'static,
    ) -> Option<DelayedCall> {
        let when = now + delay;
        let comes = when > now || delay.is_zero();
        let timetable = self.0.upgrade().filter(|_| comes)?;
        Some(timetable.schedule(when, Box::new(call)))
    }
}
