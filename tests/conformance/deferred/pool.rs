//! Deferreds by number, all of the same type, as a program in a dynamic language has them.
//!
//! With twisty adding a callback consumes the handle and gives another. The pool holds the one that is valid now, takes
//! it out while it is consumed, and puts the next one back.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use twisty::deferred::{CancelHandle, Paused};
use twisty::{AlreadyCalled, Deferred, Failure, Resolver};

use super::value::Value;

pub(super) type Result = std::result::Result<Value, Failure>;

#[derive(Clone, Default)]
pub(super) struct Pool(Rc<RefCell<BTreeMap<usize, Entry>>>);

pub(super) struct Entry {
    /// `None` while a callback runs that was added to what has fired: that is, while adding it.
    pub(super) handle: Option<Deferred<Value>>,
    /// `None` for one that was made fired, or is the target of a `chain_deferred`.
    pub(super) resolver: Option<Rc<Resolver<Value>>>,
    pub(super) pauses: Vec<Paused>,
    /// Whose result a callback has returned, until it is there.
    pub(super) waits_on: Option<usize>,
    /// What cancels it while the handle is out.
    cancel: CancelHandle,
    /// What is asked of the handle while it is out: done as soon as it is back, which is where Twisted appends it.
    changes: VecDeque<Change>,
}

type Change = Box<dyn FnOnce(Deferred<Value>) -> Deferred<Value>>;

impl Pool {
    pub(super) fn insert(&self, d: usize, resolver: Option<Resolver<Value>>, handle: Deferred<Value>) {
        let (cancel, handle, resolver) = (handle.cancel_handle(), Some(handle), resolver.map(Rc::new));
        let (pauses, changes) = (Vec::new(), VecDeque::new());
        self.0.borrow_mut().insert(d, Entry { handle, resolver, pauses, waits_on: None, cancel, changes });
    }

    /// The numbers of those that are there.
    pub(super) fn numbers(&self) -> Vec<usize> {
        self.0.borrow().keys().copied().collect()
    }

    pub(super) fn remove(&self, d: usize) -> Entry {
        self.0.borrow_mut().remove(&d).expect("programs make what they use")
    }

    /// Looks at an entry. Nothing in `look` may run a callback: that is the pool's to use.
    pub(super) fn with<R>(&self, d: usize, look: impl FnOnce(&mut Entry) -> R) -> R {
        look(self.0.borrow_mut().get_mut(&d).expect("programs make what they use"))
    }

    /// Consumes the handle for the next one, now or when it is back.
    pub(super) fn change(&self, d: usize, change: impl FnOnce(Deferred<Value>) -> Deferred<Value> + 'static) {
        let handle = self.with(d, |entry| {
            let handle = entry.handle.take()?;
            entry.cancel = handle.cancel_handle();
            Some(handle)
        });
        let Some(handle) = handle else {
            return self.with(d, |entry| entry.changes.push_back(Box::new(change)));
        };
        let mut handle = change(handle);
        while let Some(change) = self.with(d, |entry| entry.changes.pop_front()) {
            handle = change(handle);
        }
        self.with(d, |entry| entry.handle = Some(handle));
    }

    /// What a callback of `outer` returns to have the result of `d`; `d` goes on without one.
    pub(super) fn lend(&self, d: usize, outer: usize) -> Deferred<Value> {
        let handle = self.with(d, |entry| entry.handle.take()).expect("no program returns what is running");
        let (lent, rest) = handle.hand_over();
        if !lent.has_result() {
            self.with(outer, |entry| entry.waits_on = Some(d));
        }
        let pool = self.clone();
        let rest = rest.map(move |()| {
            pool.waits_no_more(outer, d);
            Value::None
        });
        self.with(d, |entry| entry.handle = Some(rest));
        lent
    }

    /// The outer one has it by now, and may wait on another already.
    fn waits_no_more(&self, outer: usize, d: usize) {
        if let Some(entry) = self.0.borrow_mut().get_mut(&outer)
            && entry.waits_on == Some(d)
        {
            entry.waits_on = None;
        }
    }

    /// Fires it; `None` if it has no resolver.
    pub(super) fn fire(&self, d: usize, result: Result) -> Option<std::result::Result<(), AlreadyCalled>> {
        let resolver = self.with(d, |entry| entry.resolver.clone())?;
        Some(resolver.try_fire(result))
    }

    pub(super) fn chain(&self, d: usize, to: usize) {
        let Some(resolver) = self.with(to, |entry| entry.resolver.take()) else { return };
        let resolver = Rc::into_inner(resolver).expect("no program chains to what is being fired");
        self.change(d, |handle| handle.chain_deferred(resolver).map(|()| Value::None));
    }

    pub(super) fn cancel(&self, d: usize) {
        let cancel =
            self.with(d, |entry| entry.handle.as_ref().map_or_else(|| entry.cancel.clone(), Deferred::cancel_handle));
        cancel.cancel();
    }

    pub(super) fn pause(&self, d: usize) {
        let pool = self.clone();
        self.change(d, move |mut handle| {
            let paused = handle.pause();
            pool.with(d, |entry| entry.pauses.push(paused));
            handle
        });
    }

    pub(super) fn unpause(&self, d: usize) {
        let paused = self.with(d, |entry| entry.pauses.pop());
        paused.into_iter().for_each(Paused::unpause);
    }
}
