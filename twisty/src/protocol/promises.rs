//! The Deferreds that a connection, or a port of datagrams, waits for.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use slotmap::{DefaultKey, SlotMap};

use super::{Context, Protocol, Transport};
use crate::deferred::{CancelHandle, Deferred, Resolver};
use crate::error::{CancelledError, HandlerPanicked, NotConnected, SendingStopped};
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

/// What reaches a connection from outside.
pub(crate) type Handles<P> = (Transport<<P as Protocol>::Framing>, Rc<Promises<P, Context<P>>>);

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

/// A call from outside, and who waits for what it answers.
struct Call<T: 'static, F> {
    resolver: Resolver<T>,
    call: F,
}

impl<P: Protocol, T: 'static, F: FnOnce(&mut P, &Context<P>) -> T> Job<P, Context<P>> for Call<T, F> {
    fn run(self: Box<Self>, protocol: &mut P, cx: &Context<P>) {
        let Self { resolver, call } = *self;
        if resolver.is_called() {
            return;
        }
        match HandlerPanicked::catch(|| call(protocol, cx)) {
            Ok(value) => resolver.callback(value),
            // As with any handler: it is its connection that ends.
            Err(panicked) => {
                cx.fail(panicked.clone());
                resolver.errback(panicked);
            }
        }
    }

    fn give_up(self: Box<Self>) {
        let _cancelled_already = self.resolver.try_errback(NotConnected);
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

impl<P: Protocol> Promises<P, Context<P>> {
    /// Has the protocol called when no handler runs; not at all if the connection is over.
    pub(crate) fn call<T: 'static>(
        &self,
        transport: &Transport<P::Framing>,
        call: impl FnOnce(&mut P, &Context<P>) -> T + 'static,
    ) -> Deferred<T> {
        if self.over.get() {
            return Deferred::fail(NotConnected);
        }
        let (resolver, deferred) = Deferred::new();
        self.fired.borrow_mut().push_back(Box::new(Call { resolver, call }));
        transport.disturb();
        transport.enter();
        deferred
    }
}

/// What came for a connection that does not hear it any more: a failure is reported as unhandled. That it was cancelled is
/// no news, nor that nothing more was sent on a connection that is lost.
pub(crate) fn unheard<T>(result: Result<T, Failure>) {
    if let Err(failure) = result
        && failure.check::<CancelledError>().is_none()
        && failure.check::<SendingStopped>().is_none()
    {
        drop(Deferred::<()>::fail(failure));
    }
}
