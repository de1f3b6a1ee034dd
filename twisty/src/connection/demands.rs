//! What policies demand of a connection: how long its frames may take, how idle, old and fast it may be.

use std::time::Duration;

use super::Connection;
use crate::clock::Timestamp;
use crate::error::{IdleTimeout, TooSlow};
use crate::failure::Failure;
use crate::protocol::{Phase, Protocol, log_traffic};

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
        let Some(waited) = self.cx.link().if_watched(|watch| watch.reopen(now)).flatten() else { return };
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
        self.cx.link().if_watched(|watch| watch.expired(now)).flatten().map(Failure::of_a_peer)
    }

    /// How long no byte may move.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        self.cx.link().if_watched(|watch| watch.idle_timeout).unwrap_or_else(|| P::limits().idle_timeout)
    }

    /// Whether the peer does not take what is queued for it, and no throttle of ours keeps it: then it is the peer that is
    /// idle, whatever else stands still.
    pub(super) fn waits_for_reader(&self) -> bool {
        let link = self.cx.link();
        let held_back =
            link.phase() == Phase::Upgrading || link.if_watched(|watch| watch.write_opens_at().is_some()) == Some(true);
        !held_back && link.outbox().backlog().is_some_and(|queued| queued > 0)
    }

    /// How long a frame may take for a start, and how many bytes give it a second more.
    fn pace(&self) -> (Duration, usize) {
        let limits = || (P::limits().frame_timeout, P::limits().min_progress);
        self.cx.link().if_watched(|watch| (watch.frame_timeout, watch.min_progress)).unwrap_or_else(limits)
    }

    /// When the frame that has begun takes too long.
    pub(super) fn frame_due(&self) -> Option<Timestamp> {
        let inbox = self.inbox.as_ref()?;
        let (grace, rate) = self.pace();
        inbox.due(grace, rate)
    }

    // ---- what moved

    /// Bytes arrived on a connection that policies may watch.
    #[cold]
    pub(super) fn watch_received(&self, now: Timestamp, bytes: &[u8]) {
        if let Some(level) = self.cx.link().if_watched(|watch| watch.received(now, bytes.len())).flatten() {
            log_traffic(level, &self.cx.peer(), "received", bytes);
        }
    }

    /// The same of bytes that are written, and still stand in the output.
    #[cold]
    pub(super) fn watch_written(&self, now: Timestamp, count: usize) {
        if let Some(level) = self.cx.link().if_watched(|watch| watch.wrote(now, count)).flatten() {
            let mut sent = Vec::new();
            self.output().with_first(count, |slices| slices.iter().for_each(|slice| sent.extend_from_slice(slice)));
            log_traffic(level, &self.cx.peer(), "sent", &sent);
        }
    }

    // ---- throttles

    /// How many bytes may be read now, by one who wants input. None if there is a throttle and it lets nothing through; then
    /// it does not want input any more, until [`deadline`](Self::deadline).
    pub(crate) fn input_room(&self, now: Timestamp) -> usize {
        let link = self.cx.link();
        if link.phase() == Phase::Closed {
            return usize::MAX;
        }
        link.if_watched(|watch| watch.input_room(now)).unwrap_or(usize::MAX)
    }

    /// Whether a throttle keeps bytes from being read.
    pub(super) fn is_throttled(&self) -> bool {
        self.cx.link().if_watched(|watch| watch.is_read_stopped()) == Some(true)
    }

    /// How much of it may be written now.
    pub(crate) fn output_room(&self, now: Timestamp) -> usize {
        self.cx.link().if_watched(|watch| watch.output_room(now)).unwrap_or(usize::MAX)
    }

    /// Whether a throttle holds output back that the other side takes.
    #[cold]
    pub(super) fn holds_back(&self, now: Timestamp, writable: bool) -> bool {
        let link = self.cx.link();
        if link.if_watched(|watch| std::mem::take(&mut watch.restarted)) == Some(true) {
            self.moved_at.set(now);
        }
        let held = link.if_watched(|watch| {
            let wanted = writable && !link.outbox().is_empty();
            if wanted { watch.output_room(now) == 0 } else { watch.forget_output() }
        });
        held == Some(true)
    }
}
