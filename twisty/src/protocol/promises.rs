//! The Deferreds that a connection waits for.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use slotmap::{DefaultKey, SlotMap};

use super::{Context, Protocol, Transport};
use crate::deferred::{CancelHandle, Deferred};
use crate::error::CancelledError;
use crate::failure::Failure;

/// What is to be done with the protocol when a Deferred has fired.
type Job<P> = Box<dyn FnOnce(&mut P, &Context<P>)>;

/// The Deferreds that a connection waits for. They fire anywhere, also while a handler of their own connection runs; what
/// is then to be done waits here until the connection is driven.
pub(crate) struct Promises<P: Protocol> {
    /// For those that have fired, in that order.
    jobs: RefCell<VecDeque<Job<P>>>,
    pending: RefCell<SlotMap<DefaultKey, CancelHandle>>,
    /// The connection is lost.
    over: Cell<bool>,
}

impl<P: Protocol> Promises<P> {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self { jobs: RefCell::default(), pending: RefCell::default(), over: Cell::new(false) })
    }

    /// Has `job` called when `deferred` fires; never if the connection is lost before.
    pub(crate) fn wait_for<T: 'static>(
        self: &Rc<Self>,
        deferred: Deferred<T>,
        transport: Transport<P::Framing>,
        job: impl FnOnce(&mut P, &Context<P>, Result<T, Failure>) + 'static,
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
            me.jobs.borrow_mut().push_back(Box::new(|protocol, cx| job(protocol, cx, result)));
            transport.enter();
            Ok(())
        });
    }

    pub(crate) fn has_jobs(&self) -> bool {
        !self.jobs.borrow().is_empty()
    }

    pub(crate) fn next_job(&self) -> Option<Job<P>> {
        self.jobs.borrow_mut().pop_front()
    }

    /// The connection is lost: cancels what it still waits for.
    pub(crate) fn end(&self) {
        self.over.set(true);
        let (pending, jobs) = (self.pending.take(), self.jobs.take());
        pending.values().for_each(CancelHandle::cancel);
        drop(jobs);
    }
}

/// What came for a connection that is gone. That it was cancelled is no news.
fn unheard<T>(result: Result<T, Failure>) -> Result<(), Failure> {
    match result {
        Err(failure) => failure.trap::<CancelledError>().map(|_| ()),
        Ok(_) => Ok(()),
    }
}
