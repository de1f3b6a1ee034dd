//! What the connections of one reactor share: who has something to do, and spare memory.

use std::cell::{Cell, RefCell};

use super::segment::Broadcasts;
use super::{Inbox, Queue, ReplyId, Spares};
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
    pub(super) broadcasts: Broadcasts,
    pub(super) outboxes: Spares<Queue>,
    pub(crate) inboxes: Spares<Inbox>,
    /// Replies there ever were that had to wait: what names the next one.
    replies: Cell<u64>,
    /// What the running handler did wrong on another connection's transport; see [`Agenda::blame`].
    fault: Cell<Option<Failure>>,
    /// Whether there is one: each frame asks.
    faulty: Cell<bool>,
}

impl Agenda {
    pub(crate) fn enter(&self, key: ConnectionKey) {
        self.due.borrow_mut().push(key);
    }

    /// Takes the entries of one round, into `round` so that both lists keep their memory. False when all is done that was
    /// to be done in this turn.
    #[inline]
    pub(crate) fn take(&self, round: &mut Vec<ConnectionKey>) -> bool {
        round.clear();
        std::mem::swap(&mut *self.due.borrow_mut(), round);
        if round.is_empty() {
            self.broadcasts.forget();
        }
        !round.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.due.borrow().is_empty()
    }

    /// A name for one more reply.
    pub(super) fn next_reply(&self) -> ReplyId {
        ReplyId(self.replies.replace(self.replies.get() + 1))
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
