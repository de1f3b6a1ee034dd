//! The family `sync`: DeferredQueue, DeferredLock and DeferredSemaphore.
//!
//! - [`case`]: what a vector says.
//! - [`queue`], [`lock`]: a case, operation by operation.

mod case;
mod lock;
mod queue;

use std::cell::{Cell, RefCell};

use crate::compare::compare;
use crate::report::Departure;
use case::{Case, Config, Event, What};

/// Replays one case: no departure is allowed for.
pub(crate) fn replay(json: &str) -> Result<Vec<&'static Departure>, String> {
    let mut case: Case = serde_json::from_str(json).map_err(|error| format!("    it cannot be read: {error}"))?;
    let expected = std::mem::take(&mut case.expect).into_events(case.ops.len());
    let actual = match case.config {
        Config::Queue { size, backlog } => queue::replay(size, backlog, &case.ops),
        Config::Lock { tokens } => lock::replay(tokens, &case.ops),
    };
    compare(&[], &case, &expected, &actual)
}

/// What has happened.
#[derive(Default)]
struct Log {
    /// The operation that is done now.
    at: Cell<usize>,
    events: RefCell<Vec<Event>>,
}

impl Log {
    fn note(&self, what: What) {
        self.events.borrow_mut().push(Event { at: self.at.get(), what });
    }

    fn note_error(&self, op: &str, error: &str) {
        self.note(What::OpError { op: op.to_owned(), error: error.to_owned() });
    }
}
