//! What policies demand of a connection: how long its frames may take, how idle, old and fast it may be.

use std::time::Duration;

use super::Connection;
use crate::clock::Timestamp;
use crate::error::{IdleTimeout, TooSlow};
use crate::failure::Failure;
use crate::protocol::{Phase, Protocol};

impl<P: Protocol> Connection<P> {
    // ---- time

    /// The frame that has begun is waited for from now on.
    pub(super) fn wait_anew_for_frame(&mut self, now: Timestamp) {
        if let Some(inbox) = &mut self.inbox {
            inbox.since = now;
        }
    }

    /// Reads on if a throttle let nothing through until now; for so long the peer was neither idle nor slow.
    pub(super) fn reopen(&mut self, now: Timestamp) {
        let Some(waited) = self.cx.link().reopen(now) else { return };
        let excused = |since: Timestamp| (since + waited).min(now);
        self.waiting_since = excused(self.waiting_since);
        self.moved_at.set(excused(self.moved_at.get()));
        if let Some(inbox) = &mut self.inbox {
            inbox.since = excused(inbox.since);
        }
    }

    /// Why it is to end now, though nothing happened.
    pub(super) fn overdue(&self, now: Timestamp) -> Option<Failure> {
        if let Some(limit) = self.idle_timeout().filter(|limit| self.moved_at.get() + *limit <= now) {
            return Some(Failure::of_a_peer(IdleTimeout { limit }));
        }
        if let Some(inbox) = self.inbox.as_ref().filter(|_| self.frame_due().is_some_and(|due| due <= now)) {
            let ((limit, min_progress), received) = (self.pace(), inbox.unread().len());
            return Some(Failure::of_a_peer(TooSlow { received, limit, min_progress }));
        }
        self.cx.link().expired(now).map(Failure::of_a_peer)
    }

    /// How long no byte may move.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        self.cx.link().own_idle_timeout().unwrap_or_else(|| P::limits().idle_timeout)
    }

    /// Whether the peer does not take what is queued for it, and no throttle of ours keeps it: then it is the peer that is
    /// idle, whatever else stands still.
    pub(super) fn waits_for_reader(&self) -> bool {
        let link = self.cx.link();
        let held_back = link.phase() == Phase::Upgrading || link.write_opens_at().is_some();
        !held_back && link.outbox().backlog().is_some_and(|queued| queued > 0)
    }

    /// How long a frame may take for a start, and how many bytes give it a second more.
    fn pace(&self) -> (Duration, usize) {
        let limits = || (P::limits().frame_timeout, P::limits().min_progress);
        self.cx.link().own_pace().unwrap_or_else(limits)
    }

    /// When the frame that has begun takes too long.
    pub(super) fn frame_due(&self) -> Option<Timestamp> {
        let inbox = self.inbox.as_ref()?;
        let (grace, rate) = self.pace();
        inbox.due(grace, rate)
    }

    // ---- throttles

    /// How many bytes may be read now, by one who wants input. None if there is a throttle and it lets nothing through; then
    /// it does not want input any more, until [`deadline`](Self::deadline).
    pub(crate) fn input_room(&self, now: Timestamp) -> usize {
        let link = self.cx.link();
        if link.phase() == Phase::Closed {
            return usize::MAX;
        }
        link.input_room(now)
    }

    /// Whether a throttle keeps bytes from being read.
    pub(super) fn is_throttled(&self) -> bool {
        self.cx.link().is_read_stopped()
    }

    /// How much of it may be written now.
    pub(crate) fn output_room(&self, now: Timestamp) -> usize {
        self.cx.link().output_room(now)
    }

    /// Whether a throttle holds output back that the other side takes.
    #[cold]
    pub(super) fn holds_back(&self, now: Timestamp, writable: bool) -> bool {
        let link = self.cx.link();
        if link.take_watch_restarted() {
            self.moved_at.set(now);
        }
        link.holds_back(now, writable)
    }
}
