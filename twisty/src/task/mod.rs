//! What is done later, again and again, or a little at a time.
//!
//! The counterpart of Twisted's `twisted.internet.task`. Everything here takes a [`Scheduler`](crate::clock::Scheduler):
//! the reactor, or a test's manual clock. None of it keeps the clock alive; with the clock go all calls that are to come.
//!
//! - [`Deferred::add_timeout`](crate::Deferred::add_timeout) cancels what takes too long.
//! - [`defer_later`] calls once, later.
//! - [`LoopingCall`] calls every so often, in step.
//! - [`spawn`] carries out a future.
//! - [`Cooperator`] does long work a slice at a time, so that it holds up nothing else.

mod cooperative_task;
mod cooperator;
mod executor;
mod later;
mod looping_call;
mod spawn;
mod timeout;
mod upcoming;

pub use cooperative_task::CooperativeTask;
pub use cooperator::{Cooperator, Slice};
pub(crate) use executor::Executor;
pub use later::defer_later;
pub use looping_call::LoopingCall;
pub use spawn::spawn;
pub(crate) use timeout::timeout_here;

use crate::error::HandlerPanicked;

/// Drops work that is over; a panic of its own `Drop` is reported and harms nothing else.
fn discard<T>(work: T) {
    if let Err(failure) = HandlerPanicked::catch(|| drop(work)) {
        tracing::error!(%failure, "a task could not be dropped");
    }
}
