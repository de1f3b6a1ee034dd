//! Small frames for many, in one buffer for all.

use std::cell::{Cell, Ref, RefCell};
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;

/// The small frames that are broadcast in one turn, one behind the other. Who receives some of them notes a [`Segment`]
/// and writes it from here, so that a delivery copies nothing.
///
/// A connection that cannot write all of its segment now makes it its own, so nobody has one left when a turn is over,
/// and the buffer is used again. A segment holds its buffer all the same: one that is left behind costs memory, and is
/// never wrong.
#[derive(Default)]
pub(crate) struct Broadcasts {
    buffer: RefCell<Rc<Buffer>>,
    /// Where a frame is encoded first: the encoder is a user's code, and may send, fail or panic.
    frame: Cell<Vec<u8>>,
}

type Buffer = RefCell<Vec<u8>>;

/// Frames that were broadcast one right behind the other.
#[derive(Clone)]
pub(crate) struct Segment {
    buffer: Rc<Buffer>,
    range: Range<usize>,
}

impl Broadcasts {
    /// The largest buffer worth keeping for the next turn.
    const LARGEST: usize = 64 * 1024;

    /// An empty buffer, to encode a frame.
    pub(super) fn take_frame(&self) -> Vec<u8> {
        self.frame.take()
    }

    /// Adds a frame, and keeps the buffer it was encoded in for the next one.
    pub(super) fn add(&self, frame: Vec<u8>) -> Segment {
        let buffer = Rc::clone(&self.buffer.borrow());
        let start = buffer.borrow().len();
        buffer.borrow_mut().extend_from_slice(&frame);
        self.keep(frame);
        let range = start..buffer.borrow().len();
        Segment { buffer, range }
    }

    /// A frame in memory of its own, with no room to spare.
    pub(super) fn copy(&self, frame: Vec<u8>) -> Bytes {
        let copy = Bytes::copy_from_slice(&frame);
        self.keep(frame);
        copy
    }

    fn keep(&self, mut frame: Vec<u8>) {
        if frame.capacity() <= Self::LARGEST {
            frame.clear();
            self.frame.set(frame);
        }
    }

    /// Forgets the frames: nobody has any left. A segment that somebody has keeps its buffer to itself.
    pub(super) fn forget(&self) {
        let mut buffer = self.buffer.borrow_mut();
        match Rc::get_mut(&mut buffer).map(RefCell::get_mut) {
            Some(bytes) if bytes.capacity() <= Self::LARGEST => bytes.clear(),
            _ => *buffer = Rc::default(),
        }
    }
}

impl Segment {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    pub(super) fn bytes(&self) -> Ref<'_, [u8]> {
        Ref::map(self.buffer.borrow(), |bytes| &bytes[self.range.clone()])
    }

    /// Adds what comes right behind it, if `next` does.
    #[inline]
    pub(super) fn extend(&mut self, next: &Self) -> bool {
        let adjoins = self.range.end == next.range.start && Rc::ptr_eq(&self.buffer, &next.buffer);
        if adjoins {
            self.range.end = next.range.end;
        }
        adjoins
    }

    /// Forgets the first `count` bytes; whether that was all.
    pub(super) fn advance(&mut self, count: usize) -> bool {
        self.range.start += count;
        self.range.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(broadcasts: &Broadcasts, text: &str) -> Segment {
        let mut frame = broadcasts.take_frame();
        assert!(frame.is_empty(), "{frame:?}");
        frame.extend_from_slice(text.as_bytes());
        broadcasts.add(frame)
    }

    impl Broadcasts {
        /// Whether somebody has a segment of what was broadcast last.
        pub(in crate::protocol) fn are_held(&self) -> bool {
            Rc::strong_count(&self.buffer.borrow()) > 1
        }
    }

    fn capacity(broadcasts: &Broadcasts) -> usize {
        broadcasts.buffer.borrow().borrow().capacity()
    }

    #[test]
    fn only_what_comes_right_behind_is_added() {
        let (broadcasts, others) = (Broadcasts::default(), Broadcasts::default());
        let (mut one, two, three) = (said(&broadcasts, "one"), said(&broadcasts, "two"), said(&broadcasts, "three"));
        said(&others, "one");
        assert!(!one.extend(&said(&others, "two")), "of another buffer");
        assert!(!one.extend(&three));
        assert!(one.extend(&two));
        assert_eq!(&*one.bytes(), b"onetwo");
        assert!(!one.advance(2));
        assert_eq!((&*one.bytes(), one.len()), (&b"etwo"[..], 4));
        assert!(one.advance(4));
    }

    #[test]
    fn a_segment_that_is_left_behind_stays_as_it_is() {
        let broadcasts = Broadcasts::default();
        let left_behind = said(&broadcasts, "for nobody else");
        broadcasts.forget();
        let next = said(&broadcasts, "for the next turn");
        assert_eq!(&*left_behind.bytes(), b"for nobody else");
        assert_eq!(&*next.bytes(), b"for the next turn");
        assert_eq!(next.range.start, 0);
    }

    #[test]
    fn memory_is_used_again_unless_it_is_too_much() {
        let broadcasts = Broadcasts::default();
        drop(said(&broadcasts, &"x".repeat(Broadcasts::LARGEST)));
        let kept = capacity(&broadcasts);
        broadcasts.forget();
        assert_eq!(capacity(&broadcasts), kept);
        drop(said(&broadcasts, &"x".repeat(Broadcasts::LARGEST + 1)));
        broadcasts.forget();
        assert_eq!(capacity(&broadcasts), 0);
    }
}
