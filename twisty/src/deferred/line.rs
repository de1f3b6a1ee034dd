//! Those who wait in line for something: a value of a queue, a permit of a semaphore.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Deferred, Resolver};

/// First come, first served. Whoever is cancelled leaves the line, and whoever is gone is passed over: nothing is given
/// to a Deferred that was dropped without callbacks.
pub(super) struct Line<T: 'static> {
    /// By the number that each drew.
    waiting: Rc<RefCell<BTreeMap<u64, Resolver<T>>>>,
    drawn: Cell<u64>,
    /// How many calls of [`serve`](Self::serve) are inside one another.
    serving: Cell<usize>,
}

impl<T: 'static> Line<T> {
    /// Somebody who is served may bring something himself, which serves the next one from inside, and so on. From this
    /// depth on it is the outer calls that go on, since the stack has an end.
    const DEEPEST: usize = 32;

    pub(super) fn new() -> Self {
        Self { waiting: Rc::default(), drawn: Cell::new(0), serving: Cell::new(0) }
    }

    /// Goes to the end of the line.
    #[track_caller]
    pub(super) fn wait(&self) -> Deferred<T> {
        let number = self.drawn.replace(self.drawn.get() + 1);
        let line = Rc::downgrade(&self.waiting);
        let (resolver, deferred) = Deferred::with_canceller(move |_resolver| {
            drop(line.upgrade().and_then(|line| line.borrow_mut().remove(&number)));
        });
        self.waiting.borrow_mut().insert(number, resolver);
        deferred
    }

    /// Gives those in line what `take` has, as long as there are both.
    pub(super) fn serve(&self, take: impl Fn() -> Option<T>) {
        if self.serving.get() == Self::DEEPEST {
            return;
        }
        self.serving.set(self.serving.get() + 1);
        while !self.is_empty()
            && let Some(item) = take()
        {
            let first = self.waiting.borrow_mut().pop_first();
            if let Some((_, waiter)) = first {
                waiter.callback(item);
            }
        }
        self.serving.set(self.serving.get() - 1);
    }

    /// Whether nobody is there, after those in front who are gone have been passed over.
    pub(super) fn is_empty(&self) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(first) = waiting.first_entry() {
            if !first.get().is_deserted() {
                return false;
            }
            first.remove();
        }
        true
    }

    /// Whether fewer than `limit` are there.
    pub(super) fn has_room(&self, limit: usize) -> bool {
        self.waiting.borrow().len() < limit || self.len() < limit
    }

    /// How many are there.
    pub(super) fn len(&self) -> usize {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|_, waiter| !waiter.is_deserted());
        waiting.len()
    }
}
