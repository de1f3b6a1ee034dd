//! Other threads that wait for an answer.

use std::rc::Rc;

use slotmap::SlotMap;

use super::handle::Letter;
use super::{Core, Reactor};
use crate::deferred::{CancelHandle, Deferred};
use crate::error::ReactorError;
use crate::failure::Failure;

slotmap::new_key_type! {
    /// Names one thread that waits.
    pub(super) struct AskerKey;
}

/// Those that wait for a Deferred which has not fired.
pub(super) type Askers = SlotMap<AskerKey, Asker>;

pub(super) struct Asker {
    /// Tells the thread that no answer comes.
    give_up: Box<dyn FnOnce(ReactorError)>,
    /// Cancels what it waits for.
    cancel: CancelHandle,
}

impl Reactor {
    /// Has `tell` called once, on this thread: with the result of `answer`, or with why there will be none.
    pub(super) fn answer<T: 'static>(&self, answer: Deferred<T>, tell: impl Fn(Result<T, Failure>) + Clone + 'static) {
        let pending = match answer.into_result() {
            Ok(result) => return tell(result),
            Err(pending) => pending,
        };
        let (gives_up, core) = (tell.clone(), Rc::downgrade(&self.0));
        let asker = Asker { give_up: Box::new(move |why| gives_up(Err(why.into()))), cancel: pending.cancel_handle() };
        let key = self.0.askers.borrow_mut().insert(asker);
        pending.add_both(move |result| {
            let asks = core.upgrade().and_then(|core| core.askers.borrow_mut().remove(key));
            if asks.is_some() {
                tell(result);
            }
        });
    }
}

impl Core {
    /// Tells all threads that wait that they wait in vain, and cancels what they wait for. Others that ask are refused until
    /// the next turn or run.
    pub(super) fn turn_askers_away(&self, why: ReactorError) {
        for letter in self.mailbox.close() {
            if let Letter::Question(question) = letter {
                question(Err(why));
            }
        }
        for (_, asker) in self.askers.take() {
            (asker.give_up)(why);
            asker.cancel.cancel();
        }
    }
}
