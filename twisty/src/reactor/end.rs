//! How a reactor goes: what still waits for it is given up.

use super::{Core, Reactor};
use crate::deferred;

impl Reactor {
    /// Drops what has not come to its end, which may own this reactor and so keep it alive.
    pub(crate) fn give_up(&self) {
        self.0.give_up();
    }
}

impl Core {
    /// Drops what has not come to its end: calls that were to be made, tasks, connections, and who waits for threads.
    /// Tasks cancel what they await. That this fails Deferreds is no news.
    fn give_up(&self) {
        deferred::expect_broken_promises(|| {
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
