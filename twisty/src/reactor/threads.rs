//! Calls in threads whose results come back to the reactor.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Handle, Reactor};
use crate::clock;
use crate::deferred::{Deferred, IntoDeferred, Resolver};
use crate::error::{CancelledError, HandlerPanicked};
use crate::failure::Failure;
use crate::task::defer_later;
use crate::threads::ThreadPool;

slotmap::new_key_type! {
    /// Names one result that a thread is to bring.
    pub(super) struct ResultKey;
}

/// Who waits for a result: a [`Resolver`] of its type. It stays here, since it is bound to the reactor's thread.
pub(super) type Awaiting = slotmap::SlotMap<ResultKey, Box<dyn Any>>;

/// Brings a result to the reactor, by its drop: whatever becomes of the call, something arrives.
struct Courier<R: IntoDeferred + Send + 'static> {
    home: Handle,
    key: ResultKey,
    /// `None` while the call has not been made.
    result: Option<Result<R, HandlerPanicked>>,
}

impl<R: IntoDeferred + Send + 'static> Courier<R> {
    fn take_along(&mut self, result: Option<Result<R, HandlerPanicked>>) {
        self.result = result;
    }
}

impl<R: IntoDeferred + Send + 'static> Drop for Courier<R> {
    fn drop(&mut self) {
        let (key, result) = (self.key, self.result.take());
        let result = move || result.map_or_else(|| Err(CancelledError.into()), |made| made.map_err(Failure::from));
        let _nobody_waits_if_it_is_gone = self.home.call_from_thread(move |reactor| reactor.arrived(key, result()));
    }
}

/// Calls `call` in a thread of the reactor that runs here, as [`Reactor::defer_to_thread`] does: for handlers, which have no
/// reactor at hand. In a test without a reactor it is called by the test's clock instead, the next time that is advanced.
/// Where nothing runs, the Deferred has failed.
///
/// ```
/// use std::time::Duration;
/// use twisty::prelude::*;
///
/// #[protocol(line)]
/// #[derive(Default)]
/// struct Fibonacci;
///
/// #[protocol]
/// impl Fibonacci {
///     #[on(line)]
///     fn number(&mut self, n: u32) -> Deferred<String> {
///         twisty::defer_to_thread(move || Ok(fibonacci(n))).map(|number| number.to_string())
///     }
/// }
///
/// fn fibonacci(n: u32) -> u64 {
///     if n < 2 { n.into() } else { fibonacci(n - 1) + fibonacci(n - 2) }
/// }
///
/// let server = twisty::testing::Server::new(Fibonacci::factory());
/// let client = server.connect();
/// client.receive("20\r\n");
/// server.advance(Duration::ZERO);
/// assert_eq!(client.sent(), "6765\r\n");
/// ```
#[track_caller]
pub fn defer_to_thread<R>(call: impl FnOnce() -> R + Send + 'static) -> Deferred<R::Value>
where
    R: IntoDeferred + Send + 'static,
{
    match (Reactor::current(), clock::current()) {
        (Some(reactor), _) => reactor.defer_to_thread(call),
        (None, Some(clock)) => defer_later(Duration::ZERO, &clock, call),
        (None, None) => Deferred::fail(Failure::message(
            "a call in a thread needs a reactor, and none runs here: defer it in a handler or a call, or with \
             `Reactor::defer_to_thread`",
        )),
    }
}

impl Reactor {
    /// Calls `call` in a thread of [`thread_pool`](Self::thread_pool); the Deferred has what it answers: `()`, or a
    /// `Result`, so that `?` works in it. For what blocks: files, look-ups, long computations. (Twisted's `deferToThread`.)
    ///
    /// What the thread has the reactor call before ([`Handle::call_from_thread`]) comes before the result.
    ///
    /// Cancelling the Deferred drops a call that has not begun. One that has begun cannot be stopped: it goes on, and its
    /// result is dropped. A panic of the call fails the Deferred; if the system refuses a thread, it fails with
    /// [`ThreadError`](crate::ThreadError).
    ///
    /// ```
    /// let reactor = twisty::Reactor::new()?;
    /// let lines = reactor.defer_to_thread(|| {
    ///     let text = std::fs::read_to_string("Cargo.toml")?;
    ///     Ok(text.lines().count())
    /// });
    /// while !lines.has_result() {
    ///     reactor.turn(None)?;
    /// }
    /// assert!(lines.into_result().expect("it is there").is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn defer_to_thread<R>(&self, call: impl FnOnce() -> R + Send + 'static) -> Deferred<R::Value>
    where
        R: IntoDeferred + Send + 'static,
    {
        self.defer_to_thread_pool(&self.0.pool, call)
    }

    /// The same in a thread of another pool. If that is dropped before the call has begun, the Deferred fails with
    /// [`CancelledError`]. (Twisted's `deferToThreadPool`.)
    ///
    /// ```
    /// use twisty::threads::ThreadPool;
    ///
    /// let (reactor, one_at_a_time) = (twisty::Reactor::new()?, ThreadPool::new());
    /// one_at_a_time.set_size(1);
    /// let answer = reactor.defer_to_thread_pool(&one_at_a_time, || Ok(6 * 7));
    /// while !answer.has_result() {
    ///     reactor.turn(None)?;
    /// }
    /// assert_eq!(answer.into_result().expect("it is there").ok(), Some(42));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn defer_to_thread_pool<R>(
        &self,
        pool: &ThreadPool,
        call: impl FnOnce() -> R + Send + 'static,
    ) -> Deferred<R::Value>
    where
        R: IntoDeferred + Send + 'static,
    {
        if self.memory().is_some() {
            return defer_later(Duration::ZERO, self, call);
        }
        // Out of its place once it has begun, or nobody wants it any more.
        let call = Arc::new(Mutex::new(Some(call)));
        let to_drop = Arc::clone(&call);
        let (resolver, deferred) = Deferred::with_canceller(move |_| {
            let _never_made = to_drop.lock().unwrap_or_else(PoisonError::into_inner).take();
        });
        let key = self.0.awaiting.borrow_mut().insert(Box::new(resolver));
        let mut courier = Courier { home: self.handle(), key, result: None };
        let begun = pool.call_in_thread(move || {
            let call = call.lock().unwrap_or_else(PoisonError::into_inner).take();
            courier.take_along(call.map(HandlerPanicked::catch));
        });
        if let Err(refused) = begun {
            self.arrived::<R>(key, Err(refused.into()));
        }
        deferred
    }

    /// The threads of [`defer_to_thread`](Self::defer_to_thread): at most ten, none of which is started before there is
    /// work. (Twisted's `getThreadPool`, and by [`ThreadPool::set_size`] its `suggestThreadPoolSize`.)
    ///
    /// ```
    /// let reactor = twisty::Reactor::new()?;
    /// reactor.thread_pool().set_size(50);
    /// assert_eq!((reactor.thread_pool().size(), reactor.thread_pool().threads()), (50, 0));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn thread_pool(&self) -> &ThreadPool {
        &self.0.pool
    }

    /// Fires with a result that a thread brought; nobody wants it if the Deferred was cancelled meanwhile.
    fn arrived<R: IntoDeferred>(&self, key: ResultKey, result: Result<R, Failure>) {
        // A statement of its own, so that the callbacks may use the reactor.
        let waits = self.0.awaiting.borrow_mut().remove(key);
        let resolver = waits.and_then(|waits| waits.downcast::<Resolver<R::Value>>().ok());
        if let Some(resolver) = resolver.filter(|resolver| !resolver.is_called()) {
            result.map_or_else(Deferred::fail, R::into_deferred).chain_deferred(*resolver);
        }
    }
}
