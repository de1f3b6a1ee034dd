//! Datagrams that the system does not take yet.

use std::collections::VecDeque;

use crate::protocol::Address;

/// A datagram that waits; `to` is `None` for the peer of a connected port.
pub(super) struct Queued {
    pub(super) data: Box<[u8]>,
    pub(super) to: Option<Address>,
}

#[derive(Default)]
pub(super) struct Queue {
    datagrams: VecDeque<Queued>,
    bytes: usize,
}

impl Queue {
    /// Bytes of the datagrams.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds one, unless that would take more than `limit` bytes of memory; whether it did.
    pub(super) fn push(&mut self, data: &[u8], to: Option<&Address>, limit: usize) -> bool {
        let taken = self.bytes + (self.datagrams.len() + 1) * size_of::<Queued>();
        let fits = taken + data.len() <= limit;
        if fits {
            self.bytes += data.len();
            self.datagrams.push_back(Queued { data: data.into(), to: to.cloned() });
        }
        fits
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        let first = self.datagrams.pop_front()?;
        self.bytes -= first.data.len();
        Some(first)
    }

    /// Puts the first one back.
    pub(super) fn put_back(&mut self, first: Queued) {
        self.bytes += first.data.len();
        self.datagrams.push_front(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_datagrams_take_room_too() {
        let mut queue = Queue::default();
        let taken = (0..1000).take_while(|_| queue.push(&[], None, 10 * size_of::<Queued>())).count();
        assert_eq!(taken, 10);
    }

    #[test]
    fn what_is_put_back_is_the_first_again() {
        let mut queue = Queue::default();
        assert!(queue.push(b"one", None, 1000) && queue.push(b"two", None, 1000));
        let first = queue.pop().unwrap();
        queue.put_back(first);
        assert_eq!((&*queue.pop().unwrap().data, queue.bytes()), (&b"one"[..], 3));
    }
}
