//! Peers that do not read what is broadcast as fast as it is sent.

use std::cell::Cell;

use super::{Phase, Queue, Transport};
use crate::error::SlowConsumer;
use crate::failure::Failure;
use crate::framing::Framing;

/// What becomes of a peer that is sent a broadcast while more than the `high_water` of its protocol is queued for it, because it
/// did not take what was written last. The key `slow_consumer` of `#[protocol]`.
///
/// ```
/// use twisty::prelude::*;
/// use twisty::protocol::SlowConsumerPolicy;
///
/// #[protocol(line, slow_consumer = drop)]
/// #[derive(Default)]
/// struct Ticker;
///
/// #[protocol]
/// impl Ticker {
///     # #[on(line)]
///     # fn hear(&mut self) {}
/// }
/// assert_eq!(Ticker::limits().slow_consumer, SlowConsumerPolicy::Drop);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlowConsumerPolicy {
    /// It is sent all the same, until it is cut off over the `outbox_limit`.
    #[default]
    Queue,
    /// It does not get this message; [`Transport::dropped`] counts them.
    Drop,
    /// It is cut off, with [`SlowConsumer`].
    Disconnect,
}

/// What the slow consumers of one factory have cost.
#[derive(Default)]
pub(crate) struct Tally {
    pub(super) dropped: Cell<u64>,
    pub(super) cut_off: Cell<u64>,
}

impl Tally {
    fn add(counter: &Cell<u64>) {
        counter.set(counter.get() + 1);
    }
}

impl<F: Framing> Transport<F> {
    /// Whether a broadcast passes this peer by, because more than the high-water mark waits for it already.
    #[cold]
    pub(super) fn is_passed_by(&self, queued: usize) -> bool {
        let limits = (self.0.home.limits)();
        match limits.slow_consumer {
            SlowConsumerPolicy::Drop if queued > limits.high_water => self.drop_message(),
            SlowConsumerPolicy::Disconnect if queued > limits.high_water => {
                self.cut_off(SlowConsumer { queued, limit: limits.high_water });
            }
            _ => return self.is_over_the_limit(queued),
        }
        true
    }

    fn drop_message(&self) {
        self.with_rare(|rare| rare.dropped += 1);
        self.0.home.tally.get().iter().for_each(|tally| Tally::add(&tally.dropped));
    }

    fn cut_off(&self, reason: SlowConsumer) {
        self.close(Phase::Aborting, Some(Failure::of_a_peer(reason)));
        self.0.home.tally.get().iter().for_each(|tally| Tally::add(&tally.cut_off));
    }

    /// Sends what is broadcast, but encoded for this peer alone.
    #[cold]
    pub(super) fn send_own(&self, frame: &[u8]) {
        let waiting = self.outbox().backlog();
        if !waiting.is_some_and(|queued| self.is_passed_by(queued)) {
            self.send(frame);
        }
    }

    /// Whether this queue is passed by.
    #[inline]
    pub(super) fn passes_by(&self, queue: &Queue) -> bool {
        queue.is_backlogged() && self.is_passed_by(queue.len())
    }
}

impl<F> Transport<F> {
    /// How many messages of [broadcasts](crate::broadcast) this peer was not sent, because it was too slow for them and
    /// its protocol says `slow_consumer = drop`.
    ///
    /// ```
    /// # use twisty::prelude::*;
    /// # fn example(friend: Transport<Line>) {
    /// if friend.dropped() > 0 {
    ///     friend.send("you have missed something");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.if_rare(|rare| rare.dropped).unwrap_or_default()
    }
}
