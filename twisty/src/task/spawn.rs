//! Any future as a Deferred.

use std::cell::OnceCell;
use std::rc::Rc;

use super::Executor;
use crate::deferred::{Deferred, IntoDeferred};
use crate::error::HandlerPanicked;

impl Executor {
    /// Has `future` polled from the next [`run_ready`](Self::run_ready) on; the Deferred has what it answers. Cancelling it
    /// drops the future, or cancels the Deferred that it answered.
    #[track_caller]
    pub(crate) fn defer<R: IntoDeferred + 'static>(
        self: &Rc<Self>,
        future: impl Future<Output = R> + 'static,
    ) -> Deferred<R::Value> {
        let key = Rc::new(OnceCell::new());
        let (executor, to_remove) = (Rc::downgrade(self), Rc::clone(&key));
        let (resolver, deferred) = Deferred::with_canceller(move |_| {
            if let (Some(executor), Some(key)) = (executor.upgrade(), to_remove.get()) {
                executor.remove(*key);
            }
        });
        // Cancelled, if it has cancelled itself and answered in the same poll; its answer is no news then.
        let done = move |output: Result<R, HandlerPanicked>| {
            let _it_was_cancelled = match output.map(|output| output.into_deferred().into_result()) {
                Ok(Ok(result)) => resolver.try_fire(result.map(Deferred::succeed)),
                Ok(Err(promised)) => resolver.try_callback(promised),
                Err(panicked) => resolver.try_errback(panicked),
            };
        };
        let _it_is_new = key.set(self.spawn(future, done));
        deferred.add_callback(|answer| answer)
    }
}
