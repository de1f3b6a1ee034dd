//! Calls from other threads.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread::{self, ThreadId};

use super::Reactor;
use crate::deferred::{IntoDeferred, maybe_deferred};
use crate::error::ReactorError;
use crate::failure::Failure;

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
    /// The reactor's own thread.
    owner: ThreadId,
}

impl Mailbox {
    pub(super) fn new(waker: mio::Waker) -> Self {
        Self { calls: Mutex::new(Vec::new()), waker, owner: thread::current().id() }
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

    /// Has the reactor call `call` on its own thread, and waits for what it answers: `()`, a `Result`, or a Deferred. A
    /// panic of the call is a failure. (Twisted's `blockingCallFromThread`.)
    ///
    /// Nothing comes before the reactor runs, so a program that makes its reactor and waits here before anybody runs it
    /// waits for ever.
    ///
    /// # Errors
    /// The failure that the call, or its Deferred, ended with. [`ReactorError::OwnThread`] on the reactor's own thread,
    /// which would wait for itself. [`ReactorError::Gone`] when the reactor does not exist any more, also if it goes
    /// meanwhile; what the call's Deferred waits for is cancelled then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::Deferred;
    ///
    /// let reactor = twisty::Reactor::new()?;
    /// let handle = reactor.handle();
    /// let worker = std::thread::spawn(move || {
    ///     let answer = handle.block_on(|reactor| {
    ///         let (resolver, answer) = Deferred::new();
    ///         reactor.call_later(Duration::from_millis(1), move |_| resolver.callback(42));
    ///         answer
    ///     })?;
    ///     handle.call_from_thread(|reactor| reactor.stop().expect("it runs"))?;
    ///     Ok::<u32, twisty::Failure>(answer)
    /// });
    /// reactor.run()?;
    /// assert_eq!(worker.join().expect("no panic")?, 42);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn block_on<R>(&self, call: impl FnOnce(&Reactor) -> R + Send + 'static) -> Result<R::Value, Failure>
    where
        R: IntoDeferred,
        R::Value: Send,
    {
        let mailbox = self.0.upgrade().ok_or(ReactorError::Gone)?;
        if mailbox.owner == thread::current().id() {
            return Err(ReactorError::OwnThread.into());
        }
        drop(mailbox);
        let (tell, told) = mpsc::channel();
        self.call_from_thread(move |reactor| {
            let answer = maybe_deferred(|| call(reactor));
            // A task and no callback: the reactor drops it when it goes, and `tell` with it.
            reactor.spawn(async move {
                let _it_waits = tell.send(answer.await);
            });
        })?;
        told.recv().unwrap_or_else(|_| Err(ReactorError::Gone.into()))
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
