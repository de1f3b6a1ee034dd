//! Deferreds that are given only so much time.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use crate::clock::{self, DelayedCall, Scheduler};
use crate::deferred::{Deferred, IntoDeferred};
use crate::error::{CancelledError, NoClock, TimeoutError};
use crate::failure::Failure;

/// Giving it only so much time.
impl<T: 'static> Deferred<T> {
    /// Cancels it when it has no result `timeout` from now; it then fails with [`TimeoutError`] instead of
    /// [`CancelledError`]. (Twisted's `addTimeout`.)
    ///
    /// The result that counts is that of the callbacks added so far; those added later have all the time. What is waited
    /// for at that moment is cancelled, and a canceller that comes up with a value or an error of its own has the last
    /// word. A cancellation by somebody else stays one. Of several timeouts the first to go off counts.
    ///
    /// The timer goes with the chain; where the result is there already, none is made. If `clock` is gone before the time
    /// is up, nothing is cancelled.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::testing::Clock;
    /// use twisty::{Deferred, TimeoutError};
    ///
    /// let clock = Clock::new();
    /// let (resolver, poem) = Deferred::<String>::new();
    /// let poem = poem.add_timeout(Duration::from_secs(5), &clock);
    /// clock.advance(Duration::from_secs(5));
    /// let failure = poem.into_result().expect("the time is up").unwrap_err();
    /// assert!(failure.check::<TimeoutError>().is_some());
    /// # drop(resolver);
    /// ```
    #[must_use = "this is where the result comes out"]
    #[track_caller]
    pub fn add_timeout(self, timeout: Duration, clock: &(impl Scheduler + ?Sized)) -> Self {
        self.add_timeout_with(timeout, clock, |result, limit| {
            result.map_err(|failure| match failure.trap::<CancelledError>() {
                Ok(_cancelled) => TimeoutError { limit }.into(),
                Err(another) => another,
            })
        })
    }

    /// The same; what came out of it after the time was up goes through `on_timeout`, together with `timeout`. It is not
    /// called if there was a result in time, or somebody else cancelled. (Twisted's `addTimeout` with `onTimeoutCancel`.)
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::testing::Clock;
    /// use twisty::Deferred;
    ///
    /// let clock = Clock::new();
    /// let (resolver, poem) = Deferred::<String>::new();
    /// let poem = poem.add_timeout_with(Duration::from_secs(5), &clock, |_cancelled, time| {
    ///     Ok(format!("no poem within {time:?}"))
    /// });
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(poem.into_result().expect("the time is up").unwrap(), "no poem within 5s");
    /// # drop(resolver);
    /// ```
    #[must_use = "this is where the result comes out"]
    #[track_caller]
    pub fn add_timeout_with<R: IntoDeferred<Value = T>>(
        self,
        timeout: Duration,
        clock: &(impl Scheduler + ?Sized),
        on_timeout: impl FnOnce(Result<T, Failure>, Duration) -> R + 'static,
    ) -> Self {
        let pending = match self.into_result() {
            Ok(result) => return result.into(),
            Err(pending) => pending,
        };
        let timed_out = Rc::new(Cell::new(false));
        let site = Location::caller();
        let (cancel, flag) = (pending.cancel_handle(), Rc::clone(&timed_out));
        let time_it_out = move || {
            flag.set(true);
            cancel.cancel_at(site);
        };
        let timer = Timer(clock.schedule(timeout, Box::new(time_it_out)));
        pending.add_both(move |result| {
            drop(timer);
            if timed_out.get() { on_timeout(result, timeout).into_deferred() } else { result.into() }
        })
    }
}

/// A delayed call that goes with the callback that holds it, even if that never runs.
struct Timer(DelayedCall);

impl Drop for Timer {
    fn drop(&mut self) {
        let _it_may_be_over = self.0.cancel();
    }
}

/// [`Deferred::add_timeout`] by the clock that runs here. Where none does, the work is cancelled.
#[track_caller]
pub(crate) fn timeout_here<T: 'static>(deferred: Deferred<T>, timeout: Duration) -> Deferred<T> {
    if let Some(clock) = clock::current() {
        return deferred.add_timeout(timeout, &*clock);
    }
    match deferred.into_result() {
        Ok(result) => result.into(),
        Err(pending) => {
            pending.cancel();
            pending.add_both(move |_whatever| Err(NoClock { timeout }.into()))
        }
    }
}
