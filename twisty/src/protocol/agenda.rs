//! What the connections of one reactor share: who has something to do, and spare buffers.

use std::cell::{Cell, RefCell};

use crate::failure::Failure;

slotmap::new_key_type! {
    /// Names one connection of a reactor (or of an in-memory server); never names another one later.
    pub(crate) struct ConnectionKey;
}

/// Connections enter themselves here when something is to be written, closed or resumed; whoever drives them looks
/// after each of them once a turn. This is how any code may send to any connection without calling into it.
#[derive(Default)]
pub(crate) struct Agenda {
    due: RefCell<Vec<ConnectionKey>>,
    /// Empty buffers with room, so that steady traffic allocates nothing and an idle connection owns nothing.
    spares: RefCell<Spares>,
    /// What the running handler did wrong on another connection's transport; see [`Agenda::blame`].
    fault: Cell<Option<Failure>>,
    /// Whether there is one: each frame asks.
    faulty: Cell<bool>,
}

#[derive(Default)]
struct Spares {
    buffers: Vec<Vec<u8>>,
    /// What they hold together.
    capacity: usize,
}

impl Agenda {
    /// The largest buffer worth keeping, and all of them together: what idleness may cost.
    const SPARE: usize = 64 * 1024;
    const SPARES: usize = 1024 * 1024;

    pub(crate) fn enter(&self, key: ConnectionKey) {
        self.due.borrow_mut().push(key);
    }

    /// Takes the entries of one round, into `round` so that both lists keep their memory.
    pub(crate) fn take(&self, round: &mut Vec<ConnectionKey>) {
        round.clear();
        std::mem::swap(&mut *self.due.borrow_mut(), round);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.due.borrow().is_empty()
    }

    pub(crate) fn spare(&self) -> Vec<u8> {
        let mut spares = self.spares.borrow_mut();
        let buffer = spares.buffers.pop().unwrap_or_default();
        spares.capacity -= buffer.capacity();
        buffer
    }

    pub(crate) fn recycle(&self, mut buffer: Vec<u8>) {
        let mut spares = self.spares.borrow_mut();
        let capacity = buffer.capacity();
        if (1..=Self::SPARE).contains(&capacity) && spares.capacity + capacity <= Self::SPARES {
            buffer.clear();
            spares.capacity += capacity;
            spares.buffers.push(buffer);
        }
    }

    /// Holds whoever runs now responsible: the connection whose handler this is ends with `failure`.
    pub(crate) fn blame(&self, failure: Failure) {
        self.set_fault(Some(failure));
    }

    fn set_fault(&self, fault: Option<Failure>) {
        self.faulty.set(fault.is_some());
        self.fault.set(fault);
    }

    /// Runs `work` with a fault of its own: one that is not settled yet stays with whoever made it.
    pub(crate) fn with_own_fault(&self, work: impl FnOnce()) {
        let outer = self.take_fault();
        work();
        if outer.is_some() {
            self.set_fault(outer);
        }
    }

    #[inline]
    pub(crate) fn has_fault(&self) -> bool {
        self.faulty.get()
    }

    pub(crate) fn take_fault(&self) -> Option<Failure> {
        self.faulty.set(false);
        self.fault.take()
    }
}
