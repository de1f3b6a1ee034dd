//! A queue.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use twisty::DeferredQueue;
use twisty::deferred::CancelHandle;

use super::Log;
use super::case::{Event, Op, What};
use crate::deferred::value::{Outcome, Value};

/// All that happens, in order.
pub(super) fn replay(size: Option<usize>, backlog: Option<usize>, ops: &[Op]) -> Vec<Event> {
    let queue = DeferredQueue::with_limits(size, backlog);
    let program = Rc::new(Program { queue, gets: RefCell::default(), log: Log::default() });
    for (at, op) in ops.iter().enumerate() {
        program.log.at.set(at);
        program.perform(op);
    }
    program.log.at.set(ops.len());
    let waiting = program.queue.waiting();
    let values = std::iter::from_fn(|| if program.queue.is_empty() { None } else { program.queue.get().ok() });
    let pending = values.map(|value| value.into_result().expect("it is there").expect("a value")).collect();
    program.log.note(What::Pending(pending));
    program.log.note(What::Waiting(waiting));
    program.log.events.take()
}

struct Program {
    queue: DeferredQueue<Value>,
    gets: RefCell<BTreeMap<usize, CancelHandle>>,
    log: Log,
}

impl Program {
    fn perform(self: &Rc<Self>, op: &Op) {
        match op {
            Op::Put { v } => {
                if self.queue.put(v.clone()).is_err() {
                    self.log.note_error("put", "QueueOverflow");
                }
            }
            Op::Get { g, then } => self.get(*g, then.clone()),
            Op::Cancel { number } => {
                let get = self.gets.borrow().get(number).cloned();
                get.iter().for_each(CancelHandle::cancel);
            }
            other => unreachable!("nobody does {other:?} to a queue"),
        }
    }

    fn get(self: &Rc<Self>, g: usize, then: Vec<Op>) {
        let Ok(value) = self.queue.get() else {
            return self.log.note_error("get", "QueueUnderflow");
        };
        self.gets.borrow_mut().insert(g, value.cancel_handle());
        let program = Rc::clone(self);
        value.add_both(move |result| {
            program.log.note(What::Got { g, result: Outcome::of(&result) });
            then.iter().for_each(|op| program.perform(op));
        });
    }
}
