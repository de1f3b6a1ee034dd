//! Calls from other threads.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Reactor;
use crate::error::ReactorError;

/// Reaches a reactor from any thread.
///
/// ```
/// let reactor = twisty::Reactor::new()?;
/// let handle = reactor.handle();
/// let worker = std::thread::spawn(move || handle.call_from_thread(|reactor| reactor.stop().expect("it runs")));
/// reactor.run()?;
/// worker.join().expect("no panic")?;
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Clone)]
pub struct Handle(Weak<Mailbox>);

type Call = Box<dyn FnOnce(&Reactor) + Send>;

/// What other threads want the reactor to call.
pub(super) struct Mailbox {
    calls: Mutex<Vec<Call>>,
    waker: mio::Waker,
}

impl Mailbox {
    pub(super) const fn new(waker: mio::Waker) -> Self {
        Self { calls: Mutex::new(Vec::new()), waker }
    }

    /// All calls so far; those that they make in turn wait for the next turn.
    pub(super) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// True for the first of a batch: the one that has to wake the reactor.
    fn put(&self, call: Call) -> bool {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push(call);
        calls.len() == 1
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "the reactor cannot be woken; what was to be done waits for its next turn");
        }
    }
}

impl Handle {
    pub(super) fn new(mailbox: &Arc<Mailbox>) -> Self {
        Self(Arc::downgrade(mailbox))
    }

    /// Has the reactor call `call` on its own thread, in its next turn; calls from one thread stay in order. May be
    /// used before the reactor runs. (Twisted's `callFromThread`.)
    ///
    /// # Errors
    /// [`ReactorError::Gone`] when the reactor does not exist any more, so that the call will never happen.
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// let handle = reactor.handle();
    /// handle.call_from_thread(|reactor| reactor.stop().expect("it runs"))?;
    /// reactor.run()?;
    /// drop(reactor);
    /// assert_eq!(handle.call_from_thread(|_| {}), Err(twisty::ReactorError::Gone));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn call_from_thread(&self, call: impl FnOnce(&Reactor) + Send + 'static) -> Result<(), ReactorError> {
        let mailbox = self.0.upgrade().ok_or(ReactorError::Gone)?;
        if mailbox.put(Box::new(call)) {
            mailbox.wake();
        }
        Ok(())
    }

    /// Has the reactor make a turn soon, if it still exists.
    pub(super) fn wake(&self) {
        if let Some(mailbox) = self.0.upgrade() {
            mailbox.wake();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("reactor_exists", &(self.0.strong_count() > 0)).finish()
    }
}
