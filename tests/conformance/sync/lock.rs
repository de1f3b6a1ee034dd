//! A lock or a semaphore.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use twisty::deferred::{CancelHandle, Permit};
use twisty::{Deferred, DeferredLock, DeferredSemaphore, Resolver};

use super::Log;
use super::case::{Acquired, Call, Event, Op, What};
use crate::deferred::value::{Error, Outcome, Value};

/// All that happens, in order.
pub(super) fn replay(tokens: Option<isize>, ops: &[Op]) -> Vec<Event> {
    let Some(lock) = Lock::make(tokens) else {
        return vec![Event { at: ops.len(), what: What::CannotBeMade }];
    };
    let program = Rc::new(Program::new(lock));
    for (at, op) in ops.iter().enumerate() {
        program.log.at.set(at);
        program.perform(op);
    }
    program.log.at.set(ops.len());
    match &program.lock {
        Lock::One(lock) => [What::Waiting(lock.waiting()), What::Locked(lock.is_locked())],
        Lock::Many(semaphore) => [What::Waiting(semaphore.waiting()), What::Tokens(semaphore.free())],
    }
    .into_iter()
    .for_each(|what| program.log.note(what));
    program.log.events.take()
}

enum Lock {
    One(DeferredLock),
    Many(DeferredSemaphore),
}

impl Lock {
    fn make(tokens: Option<isize>) -> Option<Self> {
        let Some(tokens) = tokens else { return Some(Self::One(DeferredLock::new())) };
        // Fewer than none is no `usize`, and none panics.
        let tokens = usize::try_from(tokens).ok().filter(|tokens| *tokens > 0)?;
        Some(Self::Many(DeferredSemaphore::new(tokens)))
    }

    fn acquire(&self) -> Deferred<Permit> {
        match self {
            Self::One(lock) => lock.acquire(),
            Self::Many(semaphore) => semaphore.acquire(),
        }
    }

    fn run(&self, call: impl FnOnce() -> Deferred<Value> + 'static) -> Deferred<Value> {
        match self {
            Self::One(lock) => lock.run(call),
            Self::Many(semaphore) => semaphore.run(call),
        }
    }
}

struct Program {
    lock: Lock,
    /// Those acquired and not released: the programs do not say whose permit they release.
    permits: RefCell<Vec<Permit>>,
    /// By number: what cancels an `acquire` or a `run`.
    cancels: RefCell<BTreeMap<usize, CancelHandle>>,
    /// What fires the Deferred that a `run` has returned.
    calls: RefCell<BTreeMap<usize, Rc<Resolver<Value>>>>,
    log: Log,
}

impl Program {
    fn new(lock: Lock) -> Self {
        let (permits, cancels, calls) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { lock, permits, cancels, calls, log: Log::default() }
    }

    fn perform(self: &Rc<Self>, op: &Op) {
        match op {
            Op::Acquire { a, then } => self.acquire(*a, then.clone()),
            Op::Release => {
                let permit = self.permits.borrow_mut().pop();
                permit.map_or_else(|| self.log.note_error("release", "AssertionError"), Permit::release);
            }
            Op::Run { a, call } => self.run(*a, call.clone()),
            Op::Fire { a, v } => self.call(*a).callback(v.clone()),
            Op::FireError { a, e } => self.call(*a).errback(e.failure()),
            Op::Cancel { number } => {
                let cancel = self.cancels.borrow().get(number).cloned();
                cancel.iter().for_each(CancelHandle::cancel);
            }
            other => unreachable!("nobody does {other:?} to a lock"),
        }
    }

    fn call(&self, a: usize) -> Rc<Resolver<Value>> {
        Rc::clone(self.calls.borrow().get(&a).expect("programs fire what was called"))
    }

    fn acquire(self: &Rc<Self>, a: usize, then: Vec<Op>) {
        let permit = self.lock.acquire();
        self.cancels.borrow_mut().insert(a, permit.cancel_handle());
        let program = Rc::clone(self);
        permit.add_both(move |result| match result {
            Ok(permit) => {
                program.log.note(What::Acquired { a, result: Acquired::Ok(true) });
                program.permits.borrow_mut().push(permit);
                then.iter().for_each(|op| program.perform(op));
            }
            Err(failure) => program.log.note(What::Acquired { a, result: Acquired::Err(Error::of(&failure)) }),
        });
    }

    fn run(self: &Rc<Self>, a: usize, call: Call) {
        let program = Rc::clone(self);
        let run = self.lock.run(move || {
            program.log.note(What::Call { a });
            match call {
                Call::Const { v } => Deferred::succeed(v),
                Call::Raise { e } => Deferred::fail(e.failure()),
                Call::Wait => program.wait(a),
            }
        });
        self.cancels.borrow_mut().insert(a, run.cancel_handle());
        let program = Rc::clone(self);
        run.add_both(move |result| program.log.note(What::Result { a, result: Outcome::of(&result) }));
    }

    fn wait(self: &Rc<Self>, a: usize) -> Deferred<Value> {
        let program = Rc::clone(self);
        let (resolver, waits) = Deferred::with_canceller(move |_| program.log.note(What::CallCancelled { a }));
        self.calls.borrow_mut().insert(a, Rc::new(resolver));
        waits
    }
}
