//! Bytes that arrived and are not consumed.

use super::Spare;

/// What a connection keeps of its input: an unfinished frame, or what came after a pause. One that has nothing to keep
/// has no inbox.
#[derive(Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    /// How many bytes at the front are delivered, and stay there so that the others need not move.
    front: usize,
    /// How many bytes the unfinished frame lacks at least.
    pub(crate) missing: usize,
}

impl Inbox {
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.front..]
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Forgets the first `count` bytes, and moves the others only when they are fewer than what is forgotten.
    pub(crate) fn advance(&mut self, count: usize) {
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
        (self.front, self.missing) = (0, 0);
    }
}
