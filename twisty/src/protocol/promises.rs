//! The Deferreds that a connection, or a port of datagrams, waits for.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use slotmap::{DefaultKey, SlotMap};

use crate::deferred::{CancelHandle, Deferred};
use crate::error::CancelledError;
use crate::failure::Failure;

/// The Deferreds that the connection of a protocol `P` with the context `C` waits for. They fire anywhere, also while a
/// handler of their own connection runs; what is then to be done waits here until no handler runs.
pub(crate) struct Promises<P, C> {
    /// Those that have fired, in that order.
    fired: RefCell<VecDeque<Box<dyn Job<P, C>>>>,
    pending: RefCell<SlotMap<DefaultKey, CancelHandle>>,
    /// The connection is lost.
    over: Cell<bool>,
}

/// What a Deferred has fired with, and what is to be done with that.
pub(crate) trait Job<P, C> {
    fn run(self: Box<Self>, protocol: &mut P, cx: &C);

    /// It will not be run.
    fn give_up(self: Box<Self>);
}

struct Fired<T, J> {
    result: Result<T, Failure>,
    job: J,
}

impl<P, C, T, J: FnOnce(&mut P, &C, Result<T, Failure>)> Job<P, C> for Fired<T, J> {
    fn run(self: Box<Self>, protocol: &mut P, cx: &C) {
        (self.job)(protocol, cx, self.result);
    }

    fn give_up(self: Box<Self>) {
        unheard(self.result);
    }
}

impl<P: 'static, C: 'static> Promises<P, C> {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self { fired: RefCell::default(), pending: RefCell::default(), over: Cell::new(false) })
    }

    /// Has `job` done after `deferred` has fired, which `wake` tells whoever does it; never if the connection is lost
    /// before.
    pub(crate) fn wait_for<T: 'static>(
        self: &Rc<Self>,
        deferred: Deferred<T>,
        wake: impl FnOnce() + 'static,
        job: impl FnOnce(&mut P, &C, Result<T, Failure>) + 'static,
    ) {
        let handle = deferred.cancel_handle();
        if self.over.get() {
            handle.cancel();
        }
        let key = self.pending.borrow_mut().insert(handle);
        let me = Rc::clone(self);
        deferred.add_both(move |result| {
            me.pending.borrow_mut().remove(key);
            if me.over.get() {
                return unheard(result);
            }
            me.fired.borrow_mut().push_back(Box::new(Fired { result, job }));
            wake();
        });
    }

    pub(crate) fn has_jobs(&self) -> bool {
        !self.fired.borrow().is_empty()
    }

    pub(crate) fn next_job(&self) -> Option<Box<dyn Job<P, C>>> {
        self.fired.borrow_mut().pop_front()
    }

    /// Those that have not fired.
    pub(crate) fn pending(&self) -> usize {
        self.pending.borrow().len()
    }

    /// The connection is lost: cancels what it still waits for.
    pub(crate) fn end(&self) {
        self.over.set(true);
        self.pending.take().values().for_each(CancelHandle::cancel);
        while let Some(job) = self.next_job() {
            job.give_up();
        }
    }
}

/// What came for a connection that does not hear it any more: a failure is reported as unhandled. That it was cancelled is
/// no news.
pub(crate) fn unheard<T>(result: Result<T, Failure>) {
    if let Err(failure) = result
        && failure.check::<CancelledError>().is_none()
    {
        drop(Deferred::<()>::fail(failure));
    }
}
