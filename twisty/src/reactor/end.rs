//! How a reactor goes: what still waits for it is given up.

use std::rc::{Rc, Weak};
use std::time::Duration;

use super::{Core, Reactor};
use crate::clock::{Clock, DelayedCall, Entered, Keeper, Scheduler, TimerKey, Timestamp, Timetable};
use crate::deferred;
use crate::error::ReactorError;

impl Reactor {
    /// Drops what has not come to its end, which may own this reactor and so keep it alive.
    pub(crate) fn give_up(&self) {
        self.0.give_up();
    }
}

impl Core {
    /// Drops what has not come to its end: calls that were to be made, tasks, connections, and who waits for threads, or
    /// is a thread that waits. Tasks cancel what they await. That this fails Deferreds is no news.
    fn give_up(&self) {
        let _to_the_end = Entered::new(Rc::new(Ended(self.time())));
        deferred::expect_broken_promises(|| {
            self.turn_askers_away(ReactorError::Gone);
            drop((self.when_running.take(), self.when_stopping.take()));
            drop(self.timers.take());
            self.executor.clear();
            drop(self.awaiting.take());
            drop(self.entries.take());
        });
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// The clock of a reactor that goes, for the handlers which that calls: it stands still, and drops what it is to call.
struct Ended(Timestamp);

impl Clock for Ended {
    fn now(&self) -> Timestamp {
        self.0
    }
}

impl Scheduler for Ended {
    fn schedule(&self, _delay: Duration, _call: Box<dyn FnOnce()>) -> DelayedCall {
        DelayedCall::new(self.timetable(), TimerKey::NONE)
    }
}

impl Keeper for Ended {
    fn timetable(&self) -> Weak<dyn Timetable> {
        Weak::<Core>::new() as _
    }
}
