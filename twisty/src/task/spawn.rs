//! Any future as a Deferred.

use std::cell::OnceCell;
use std::rc::Rc;

use super::Executor;
use crate::clock;
use crate::deferred::{Deferred, IntoDeferred};
use crate::error::HandlerPanicked;
use crate::failure::Failure;

/// Carries out a future on the reactor that runs here, or on the test's clock in its place: for handlers, which have no
/// reactor at hand. Otherwise as [`Reactor::spawn`](crate::Reactor::spawn). Where nothing runs, the Deferred has failed.
///
/// ```
/// use std::time::Duration;
/// use twisty::prelude::*;
/// use twisty::task::{self, defer_later};
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Cook;
///
/// #[protocol]
/// impl Cook {
///     #[on(line)]
///     fn cook(&mut self, cx: &Context<Self>, dish: String) -> Deferred<String> {
///         let hot = defer_later(Duration::from_secs(60), &cx.clock(), || ());
///         task::spawn(async move {
///             hot.await?;
///             Ok(format!("{dish} is ready"))
///         })
///     }
/// }
///
/// let server = twisty::testing::Server::new(Cook::factory());
/// let client = server.connect();
/// client.receive("soup\r\n");
/// server.advance(Duration::from_secs(60));
/// assert_eq!(client.sent(), "soup is ready\r\n");
/// ```
#[track_caller]
pub fn spawn<R: IntoDeferred + 'static>(future: impl Future<Output = R> + 'static) -> Deferred<R::Value> {
    let executor = clock::current().and_then(|clock| clock.executor());
    match executor.and_then(|executor| executor.downcast::<Executor>().ok()) {
        Some(executor) => executor.defer(future),
        None => Deferred::fail(Failure::message(
            "a task needs a reactor, and none runs here: spawn it in a handler or a call, or with `Reactor::spawn`",
        )),
    }
}

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
