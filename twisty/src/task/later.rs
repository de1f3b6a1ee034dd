//! A call that is made later, once.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use crate::clock::{DelayedCall, Scheduler};
use crate::deferred::{Deferred, IntoDeferred};

/// Calls `call` when `delay` has passed; the Deferred has its result. Cancelling it cancels the call, or what the call
/// returned. (Twisted's `deferLater`; without anything to call it is `defer_later(delay, clock, || ())`.)
///
/// If `clock` is gone before, the Deferred fails with [`ResolverDropped`](crate::ResolverDropped).
///
/// ```
/// use std::time::Duration;
/// use twisty::task::defer_later;
/// use twisty::testing::Clock;
///
/// let clock = Clock::new();
/// let tea = defer_later(Duration::from_secs(180), &clock, || Ok("tea"));
/// clock.advance(Duration::from_secs(180));
/// assert_eq!(tea.into_result().expect("three minutes have passed").unwrap(), "tea");
/// ```
#[must_use = "dropping it does not cancel the call"]
#[track_caller]
pub fn defer_later<R: IntoDeferred>(
    delay: Duration,
    clock: &(impl Scheduler + ?Sized),
    call: impl FnOnce() -> R + 'static,
) -> Deferred<R::Value> {
    let timer = Rc::new(OnceCell::<DelayedCall>::new());
    let to_cancel = Rc::clone(&timer);
    let (resolver, deferred) = Deferred::with_canceller(move |_| {
        let _it_may_run_now = to_cancel.get().map(DelayedCall::cancel);
    });
    let _it_is_new = timer.set(clock.schedule(delay, Box::new(move || resolver.callback(()))));
    deferred.add_callback(move |()| call())
}
