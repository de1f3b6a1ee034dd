//! Bytes that arrived and are not consumed.

use std::time::Duration;

use super::bucket::time_of;
use super::spares::SMALL;
use super::{Spare, Spares};
use crate::clock::Timestamp;

/// What a connection keeps of its input: an unfinished frame, or what came after a pause. One that has nothing to keep
/// has no inbox.
#[derive(Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    /// How many bytes at the front are delivered, and stay there so that the others need not move.
    front: usize,
    /// How many bytes the unfinished frame lacks at least.
    pub(crate) missing: usize,
    /// Since when that frame is waited for.
    pub(crate) since: Timestamp,
}

impl Inbox {
    /// The inbox of a connection that will keep `bytes`, maybe for long: a single byte of an unfinished frame must not keep
    /// a buffer that a large one needed.
    pub(crate) fn keeping(bytes: &[u8], spares: &Spares<Self>) -> Box<Self> {
        let mut inbox = spares.take();
        if inbox.is_too_large_for(bytes.len()) {
            spares.give(inbox);
            inbox = Box::default();
        }
        inbox.append(bytes);
        inbox
    }

    /// The same inbox, or another one if its buffer is too large for what is left in it.
    pub(crate) fn shrunk(self: Box<Self>, spares: &Spares<Self>) -> Box<Self> {
        if !self.is_too_large_for(self.unread().len()) {
            return self;
        }
        let mut inbox = Self::keeping(self.unread(), spares);
        (inbox.missing, inbox.since) = (self.missing, self.since);
        spares.give(self);
        inbox
    }

    fn is_too_large_for(&self, bytes: usize) -> bool {
        self.bytes.capacity() > SMALL.max(4 * bytes)
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.front..]
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// When the unfinished frame takes too long: after `grace`, and a second for each `rate` bytes of it that are here. `None`
    /// if nothing is demanded of it.
    pub(crate) fn due(&self, grace: Duration, rate: usize) -> Option<Timestamp> {
        (rate > 0).then(|| self.since + grace + time_of(self.unread().len(), rate))
    }

    /// Forgets the first `count` bytes, which are delivered; the frame behind them is waited for from now on. The others are
    /// moved only when they are fewer than what is forgotten.
    pub(crate) fn advance(&mut self, now: Timestamp, count: usize) {
        if count > 0 {
            self.since = now;
        }
        self.front += count;
        if self.front > self.bytes.len() / 2 {
            self.bytes.drain(..std::mem::take(&mut self.front));
        }
    }
}

impl Spare for Inbox {
    fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        (self.front, self.missing, self.since) = (0, 0, Timestamp::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_keeps_no_large_buffer() {
        let spares = Spares::default();
        let mut large = Inbox::keeping(&[7; 50_000], &spares);
        large.advance(Timestamp::ZERO, 49_999);
        large.missing = 3;
        let small = large.shrunk(&spares);
        assert_eq!((small.unread(), small.missing), (&[7][..], 3));
        assert!(small.bytes.capacity() <= SMALL);
        let another = Inbox::keeping(&[8], &spares);
        assert!(another.bytes.capacity() <= SMALL, "the large one is among the spares");
        assert!(Inbox::keeping(&[9; 20_000], &spares).bytes.capacity() >= 50_000);
    }
}
