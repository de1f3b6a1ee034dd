//! Memory that is used again.

use std::cell::{Cell, RefCell};

/// A buffer of so many bytes is no burden for a connection that keeps it, whatever is in it.
pub(super) const SMALL: usize = 8 * 1024;

/// What idle connections do without, kept for the next one that needs it: so steady traffic allocates nothing, and an
/// idle connection owns nothing.
#[derive(Default)]
pub(crate) struct Spares<T> {
    boxes: RefCell<Vec<Box<T>>>,
    /// What the boxes and their buffers take together.
    size: Cell<usize>,
}

/// A box with a buffer in it.
pub(crate) trait Spare: Default {
    /// Bytes that the buffer has room for.
    fn capacity(&self) -> usize;

    /// Makes it as new, but for the buffer's room.
    fn clear(&mut self);
}

impl<T: Spare> Spares<T> {
    /// The largest buffer worth keeping, and all of them together: what idleness may cost.
    const LARGEST: usize = 64 * 1024;
    const TOGETHER: usize = 1024 * 1024;

    pub(crate) fn take(&self) -> Box<T> {
        let Some(spare) = self.boxes.borrow_mut().pop() else { return Box::default() };
        self.size.set(self.size.get() - Self::size_of(&spare));
        spare
    }

    pub(crate) fn give(&self, mut spare: Box<T>) {
        let size = self.size.get() + Self::size_of(&spare);
        if spare.capacity() <= Self::LARGEST && size <= Self::TOGETHER {
            spare.clear();
            self.size.set(size);
            self.boxes.borrow_mut().push(spare);
        }
    }

    fn size_of(spare: &T) -> usize {
        size_of::<T>() + spare.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Inbox;
    use super::*;

    fn used(spares: &Spares<Inbox>, bytes: usize) -> Box<Inbox> {
        let mut inbox = spares.take();
        inbox.append(&vec![7; bytes]);
        inbox
    }

    #[test]
    fn what_comes_back_is_as_new_but_for_its_room() {
        let spares = Spares::default();
        spares.give(used(&spares, 1000));
        let again = spares.take();
        assert!(again.unread().is_empty());
        assert!(again.capacity() >= 1000);
        assert_eq!(spares.size.get(), 0);
    }

    #[test]
    fn idleness_costs_no_more_than_agreed() {
        let spares = Spares::default();
        let many: Vec<_> = (0..100).map(|_| used(&spares, Spares::<Inbox>::LARGEST)).collect();
        many.into_iter().for_each(|inbox| spares.give(inbox));
        assert!(spares.size.get() <= Spares::<Inbox>::TOGETHER, "{} bytes", spares.size.get());
        assert_eq!(spares.boxes.borrow().len(), 15);
        let spares = Spares::default();
        spares.give(used(&spares, Spares::<Inbox>::LARGEST + 1));
        assert!(spares.boxes.borrow().is_empty(), "one too large is kept");
    }
}
