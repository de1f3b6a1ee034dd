//! Memory that is used again.

use std::cell::{Cell, RefCell};

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
