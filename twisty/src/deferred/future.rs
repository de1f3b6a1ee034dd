//! A Deferred as a future.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::{CancelHandle, Deferred, Held};
use crate::error::CancelledError;
use crate::failure::Failure;

/// Awaiting a Deferred gives its result. A task that is dropped while it waits cancels the Deferred. (Twisted's
/// `Deferred.asFuture`, and `await` in its coroutines.)
///
/// ```
/// async fn greet(name: twisty::Deferred<String>) -> twisty::Result<String> {
///     Ok(format!("hello, {}", name.await?))
/// }
/// ```
impl<T: 'static> IntoFuture for Deferred<T> {
    type Output = Result<T, Failure>;
    type IntoFuture = Awaited<T>;

    fn into_future(self) -> Awaited<T> {
        let arrival = Rc::new(Arrival {
            result: Cell::new(Held::nothing()),
            has_come: Cell::new(false),
            waker: Cell::new(None),
            unwanted: Cell::new(false),
        });
        let cancel = self.cancel_handle();
        match self.into_result() {
            Ok(result) => arrival.take_in(result),
            Err(pending) => {
                let arrives = Rc::clone(&arrival);
                pending.add_both(move |result| arrives.put(result));
            }
        }
        Awaited { arrival, cancel }
    }
}

/// A [`Deferred`] that is awaited.
///
/// ```
/// use std::future::{Future, IntoFuture};
/// use std::pin::Pin;
/// use std::task::{Context, Poll, Waker};
///
/// let mut answer = twisty::Deferred::succeed(42).into_future();
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(matches!(Pin::new(&mut answer).poll(&mut context), Poll::Ready(Ok(42))));
/// ```
#[must_use = "dropping it cancels the Deferred"]
pub struct Awaited<T: 'static> {
    arrival: Rc<Arrival<T>>,
    cancel: CancelHandle,
}

/// Where the result waits for the task, and the task for the result.
struct Arrival<T> {
    result: Cell<Held<T>>,
    /// Nothing is waited for any more: what else goes on with the same Deferred is not the task's to cancel.
    has_come: Cell<bool>,
    waker: Cell<Option<Waker>>,
    /// The task is gone.
    unwanted: Cell<bool>,
}

impl<T> Arrival<T> {
    /// That it was cancelled is no news to a task that is gone.
    fn put(&self, result: Result<T, Failure>) -> Result<(), Failure> {
        if self.unwanted.get() {
            return result.map(drop).or_else(|failure| failure.trap::<CancelledError>().map(drop));
        }
        self.take_in(result);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Ok(())
    }

    fn take_in(&self, result: Result<T, Failure>) {
        self.has_come.set(true);
        self.result.set(Held::new(result));
    }
}

impl<T: 'static> Future for Awaited<T> {
    type Output = Result<T, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.arrival.result.replace(Held::nothing()).take() {
            return Poll::Ready(result);
        }
        self.arrival.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

/// Nothing in it is pinned.
impl<T: 'static> Unpin for Awaited<T> {}

impl<T: 'static> Drop for Awaited<T> {
    fn drop(&mut self) {
        self.arrival.unwanted.set(true);
        if !self.arrival.has_come.get() {
            self.cancel.cancel();
        }
    }
}

impl<T: 'static> fmt::Debug for Awaited<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Awaited").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::IntoFuture;

    use crate::Deferred;

    #[test]
    fn a_task_that_has_its_result_cancels_nothing() {
        let ((fires, shared), (later, inner)) = (Deferred::new(), Deferred::<u32>::new());
        let (awaited, rest) = shared.hand_over();
        let task = awaited.into_future();
        let rest = rest.add_callback(|()| inner);
        fires.callback(1);
        drop(task);
        assert!(!later.is_called() && !rest.has_result());
    }
}
