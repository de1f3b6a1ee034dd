//! What policies know of a connection, asked through its transport: once for each framing, and not once for each protocol.

use std::rc::Rc;
use std::time::Duration;

use super::policies::log_traffic;
use super::{Phase, Production, Transport, Upgrade, Watch, Watcher};
use crate::clock::Timestamp;
use crate::error::{self, ConnectionExpired, HandlerPanicked, PlaintextAfterStartTls};
use crate::failure::Failure;
use crate::framing::Framing;

impl<F: Framing> Transport<F> {
    // ---- being watched

    pub(crate) fn set_watch(&self, watch: Box<Watch>) {
        self.with_rare(|rare| rare.watch = Some(watch));
    }

    /// It counts as a connection of its peer.
    pub(crate) fn set_counted(&self) {
        self.with_rare(|rare| rare.counted = true);
    }

    /// Whether it counted so until now.
    pub(crate) fn take_counted(&self) -> bool {
        self.if_rare(|rare| std::mem::take(&mut rare.counted)) == Some(true)
    }

    /// The connection is there.
    pub(crate) fn watch_opened(&self, now: Timestamp) {
        self.if_watched(|watch| watch.opened(now));
    }

    // ---- time

    /// See [`Watch::deadline`].
    #[inline]
    pub(crate) fn watch_deadline(&self) -> Option<Timestamp> {
        self.if_watched(|watch| watch.deadline()).flatten()
    }

    /// See [`Watch::write_opens_at`].
    pub(crate) fn write_opens_at(&self) -> Option<Timestamp> {
        self.if_watched(|watch| watch.write_opens_at()).flatten()
    }

    /// See [`Watch::reopen`].
    pub(crate) fn reopen(&self, now: Timestamp) -> Option<Duration> {
        self.if_watched(|watch| watch.reopen(now)).flatten()
    }

    /// See [`Watch::expired`].
    pub(crate) fn expired(&self, now: Timestamp) -> Option<ConnectionExpired> {
        self.if_watched(|watch| watch.expired(now)).flatten()
    }

    /// The idle time-out of its own, if it has any, be that none at all.
    #[inline]
    pub(crate) fn own_idle_timeout(&self) -> Option<Option<Duration>> {
        self.if_watched(|watch| watch.idle_timeout)
    }

    /// How long its frames may take for a start, and how many bytes give them a second more, if that is its own.
    pub(crate) fn own_pace(&self) -> Option<(Duration, usize)> {
        self.if_watched(|watch| (watch.frame_timeout, watch.min_progress))
    }

    // ---- what moves

    /// Bytes arrived.
    #[cold]
    pub(crate) fn watch_received(&self, now: Timestamp, bytes: &[u8]) {
        if let Some(level) = self.if_watched(|watch| watch.received(now, bytes.len())).flatten() {
            log_traffic(level, &self.peer(), "received", bytes);
        }
    }

    /// So many bytes of the output were written, where they still stand.
    #[cold]
    pub(crate) fn watch_written(&self, now: Timestamp, count: usize) {
        if let Some(level) = self.if_watched(|watch| watch.wrote(now, count)).flatten() {
            let mut sent = Vec::new();
            self.outbox().with_first(count, |slices| slices.iter().for_each(|slice| sent.extend_from_slice(slice)));
            log_traffic(level, &self.peer(), "sent", &sent);
        }
    }

    /// See [`Watch::input_room`].
    #[inline]
    pub(crate) fn input_room(&self, now: Timestamp) -> usize {
        self.if_watched(|watch| watch.input_room(now)).unwrap_or(usize::MAX)
    }

    /// See [`Watch::output_room`].
    #[inline]
    pub(crate) fn output_room(&self, now: Timestamp) -> usize {
        self.if_watched(|watch| watch.output_room(now)).unwrap_or(usize::MAX)
    }

    /// See [`Watch::is_read_stopped`].
    #[inline]
    pub(crate) fn is_read_stopped(&self) -> bool {
        self.if_watched(|watch| watch.is_read_stopped()) == Some(true)
    }

    /// Whether the idle time-out was changed, so that it counts anew; once.
    #[cold]
    pub(crate) fn take_watch_restarted(&self) -> bool {
        self.if_watched(|watch| std::mem::take(&mut watch.restarted)) == Some(true)
    }

    /// Whether a throttle holds output back that the other side takes.
    #[cold]
    pub(crate) fn holds_back(&self, now: Timestamp, writable: bool) -> bool {
        let wanted = writable && !self.outbox().is_empty();
        let ask = |watch: &mut Watch| if wanted { watch.output_room(now) == 0 } else { watch.forget_output() };
        self.if_watched(ask) == Some(true)
    }

    // ---- TLS that begins

    pub(crate) fn upgrade_deadline(&self) -> Option<Timestamp> {
        self.if_rare(|rare| rare.upgrade.as_ref()?.deadline).flatten()
    }

    /// The TLS that begins, unless bytes wait that came in clear behind what asked for it: whoever put them there, they are
    /// not the encrypted peer's, so there is no TLS then.
    #[cold]
    pub(crate) fn take_upgrade(&self, unread: usize) -> Option<Upgrade> {
        let upgrade = self.if_rare(|rare| rare.upgrade.take()).flatten()?;
        if unread == 0 {
            return Some(upgrade);
        }
        self.close(Phase::Aborting, Some(Failure::of_a_peer(PlaintextAfterStartTls { length: unread })));
        upgrade.give_up();
        None
    }

    pub(crate) fn put_back_upgrade(&self, upgrade: Upgrade) {
        self.with_rare(|rare| rare.upgrade = Some(upgrade));
    }

    // ---- the end

    /// Ends what goes with the connection: a producer, whose panic is told, and TLS that begins.
    pub(crate) fn end_rare(&self) -> Result<(), HandlerPanicked> {
        let production = self.take_production();
        let stopped = HandlerPanicked::catch(|| production.into_iter().for_each(Production::end));
        if let Some(upgrade) = self.if_rare(|rare| rare.upgrade.take()).flatten() {
            upgrade.give_up();
        }
        stopped
    }

    /// Who else is to be told that it is over, and why.
    pub(crate) fn take_mourner(&self, reason: &Failure) -> Option<(Rc<dyn Watcher>, Failure)> {
        self.take_watcher().map(|watcher| (watcher, error::twin(reason)))
    }
}
