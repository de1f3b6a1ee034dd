//! Futures on the reactor's thread.

use super::Reactor;
use crate::deferred::{Deferred, IntoDeferred};

impl Reactor {
    /// Has the reactor carry out a future, that may await Deferreds and any other future that wakes its task; the Deferred
    /// has its result. What it answers is what a callback may return: `()`, a `Result` (so that `?` works in it), or
    /// another Deferred. (Twisted's `Deferred.fromCoroutine` and `ensureDeferred`.)
    ///
    /// It is polled for the first time after the handlers and calls of this turn, and then each time after it was woken,
    /// from whatever thread. So it never runs inside of anything else, `spawn` included; a coroutine of Twisted's runs at
    /// once as far as it gets.
    ///
    /// Cancelling the Deferred drops the future, which cancels what it awaits. A coroutine of Twisted's may catch the
    /// `CancelledError` and go on; here there is nothing left that could. A panic in the future fails the Deferred.
    /// Dropping the Deferred changes nothing: the future goes on.
    ///
    /// A future that has a [`Reactor`] of its own keeps it alive until the future is over.
    ///
    /// ```
    /// use twisty::{Deferred, Reactor};
    ///
    /// let reactor = Reactor::new()?;
    /// let (resolver, name) = Deferred::<String>::new();
    /// let greeting = reactor.spawn(async {
    ///     let name = name.await?;
    ///     Ok(format!("hello, {name}"))
    /// });
    /// resolver.callback("Ann".to_owned());
    /// reactor.turn(None)?;
    /// assert_eq!(greeting.into_result().expect("it was polled").ok().as_deref(), Some("hello, Ann"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<R: IntoDeferred + 'static>(&self, future: impl Future<Output = R> + 'static) -> Deferred<R::Value> {
        self.0.executor.defer(future)
    }

    /// Polls what was woken.
    pub(super) fn run_tasks(&self) {
        self.0.executor.run_ready(|| self.report_fault());
    }
}
