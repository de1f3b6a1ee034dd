//! What is done later, again and again, or a little at a time.
//!
//! The counterpart of Twisted's `twisted.internet.task`. Everything here takes a [`Scheduler`](crate::clock::Scheduler):
//! the reactor, or a test's manual clock.
//!
//! - [`Deferred::add_timeout`](crate::Deferred::add_timeout) cancels what takes too long.

mod executor;
mod spawn;
mod timeout;

pub(crate) use executor::Executor;
pub(crate) use timeout::timeout_here;
