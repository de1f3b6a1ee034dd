//! [`Deferred`]: a result that is not there yet, and what is to be done with it.
//!
//! The counterpart of Twisted's `twisted.internet.defer`. Two halves: a [`Resolver`] fires, once; the [`Deferred`]
//! collects what shall happen then. Everything is synchronous: firing runs the callbacks before it returns, and adding
//! a callback to what has fired runs it at once.
//!
//! # The rules
//!
//! - Callbacks run in the order in which they were added; each gets what the one before it returned.
//! - A callback that returns an `Err`, or panics, switches to the errback side; an errback that returns a value
//!   switches back.
//! - A callback that returns a `Deferred` makes the next one wait for its result.
//! - A chain may be of any length and nest to any depth: it runs in a loop, not by recursion.
//! - [`cancel`](Deferred::cancel) reaches whatever is waited for at the moment.
//! - A failure that no errback took is reported when its Deferred goes away; see [`unhandled_failures`].
//!
//! # Several at once
//!
//! - [`gather`](gather()): all values, or the first failure. [`Gather`] does so for a tuple of different types.
//! - [`DeferredList`]: how each ended, or the first success.
//! - [`race`](race()): the first success; the others are cancelled.
//! - [`DeferredQueue`]: values for whoever gets them first.
//! - [`DeferredLock`], [`DeferredSemaphore`]: one, or so many, at a time.
//!
//! # Where this departs from Twisted
//!
//! - Firing belongs to the [`Resolver`], and adding a callback consumes the handle, since the type may change: two
//!   callbacks cannot wait for the same Deferred, and none can return its own. [`hand_over`](Deferred::hand_over) is
//!   the way to have both: somebody else gets the result, and this side goes on afterwards.
//! - A resolver that is dropped fails its Deferred instead of leaving it hanging, and so does a canceller that panics.
//! - A callback that returns a Deferred that waits for its own fails, where both would hang.
//! - [`pause`](Deferred::pause) takes effect also between callbacks that are running, and ends with its value.
//!
//! # What it costs
//!
//! One allocation for a Deferred that has not fired, one for each callback added to it; none for one that has fired, unless
//! its callback returns a Deferred that has not.
//!
//! ```
//! use twisty::Deferred;
//!
//! let (resolver, line) = Deferred::<String>::new();
//! let answer = line
//!     .add_callback(|line| Ok(line.trim().parse::<u32>()?))
//!     .map(|n| n * 2)
//!     .add_errback(|_not_a_number| Ok(0));
//! resolver.callback("21\n".to_owned());
//! assert_eq!(answer.into_result().expect("it has fired").ok(), Some(42));
//! ```

mod chain;
mod future;
mod into_deferred;
mod joint;
mod line;
mod link;
mod list;
mod queue;
mod race;
mod resolver;
mod semaphore;
mod tuple;
mod unhandled;

use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use crate::error::HandlerPanicked;
use crate::failure::Failure;

pub use chain::{CancelHandle, Paused};
pub use future::Awaited;
pub use into_deferred::IntoDeferred;
use link::Source;
pub use list::{DeferredList, FirstSuccess, gather};
pub use queue::DeferredQueue;
pub use race::race;
pub use resolver::Resolver;
pub use semaphore::{DeferredLock, DeferredSemaphore, Permit};
pub use tuple::Gather;
pub use unhandled::unhandled_failures;
pub(crate) use unhandled::{Kept, catch, expect_broken_promises, release};

/// A result that may not be there yet.
///
/// See the [module](self) for the rules. Twisted's `Deferred`, typed: each callback may change the type.
///
/// Dropping it changes nothing: the callbacks added so far run all the same.
///
/// ```
/// use twisty::Deferred;
///
/// let (resolver, name) = Deferred::new();
/// name.add_callback(|name: &str| println!("hello, {name}")).add_errback(|why| println!("nobody came: {why}"));
/// resolver.callback("Ann"); // prints it
/// ```
pub struct Deferred<T: 'static>(State<T>);

enum State<T: 'static> {
    /// There already, and nothing keeps it.
    Ready(Held<T>),
    /// To come out of the last link of a chain.
    Pending(Rc<Source<T>>),
}

/// A result that is there, and the place that it was kept in.
type AtHand<T> = (Result<T, Failure>, Option<Rc<Source<T>>>);

/// A result, or nothing. A failure that is dropped in it went unhandled.
struct Held<T>(Option<Result<T, Failure>>);

impl<T> Held<T> {
    const fn nothing() -> Self {
        Self(None)
    }

    #[inline]
    const fn new(result: Result<T, Failure>) -> Self {
        Self(Some(result))
    }

    #[inline]
    const fn take(&mut self) -> Option<Result<T, Failure>> {
        self.0.take()
    }

    const fn is_full(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    const fn failure_mut(&mut self) -> Option<&mut Failure> {
        match &mut self.0 {
            Some(Err(failure)) => Some(failure),
            _ => None,
        }
    }
}

impl<T> Drop for Held<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(Err(failure)) = self.0.take() {
            unhandled::report(failure);
        }
    }
}

/// Making one.
impl<T: 'static> Deferred<T> {
    /// The two halves: what fires, and what waits. (Twisted's `Deferred()`.)
    ///
    /// ```
    /// let (resolver, answer) = twisty::Deferred::new();
    /// resolver.callback(42);
    /// assert_eq!(answer.into_result().expect("it has fired").ok(), Some(42));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new() -> (Resolver<T>, Self) {
        Self::from_resolver(Resolver::new(Location::caller(), None))
    }

    /// The same, with what is to happen when it is cancelled before it fires: `canceller` stops the work, and may fire
    /// the resolver that it is given; if it does not, the Deferred fails with [`CancelledError`](crate::CancelledError).
    /// If it panics, the Deferred fails with [`HandlerPanicked`], where Twisted leaves it unfired;
    /// if it cancels once more, nothing happens. (Twisted's `Deferred(canceller)`.)
    ///
    /// ```
    /// use twisty::Deferred;
    ///
    /// let (resolver, page) = Deferred::with_canceller(|resolver| resolver.callback("an old copy"));
    /// page.cancel();
    /// assert_eq!(page.into_result().expect("it was cancelled").ok(), Some("an old copy"));
    /// # drop(resolver);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn with_canceller(canceller: impl FnOnce(&Resolver<T>) + 'static) -> (Resolver<T>, Self) {
        Self::from_resolver(Resolver::new(Location::caller(), Some(Box::new(canceller))))
    }

    fn from_resolver(resolver: Resolver<T>) -> (Resolver<T>, Self) {
        let source = resolver.source();
        (resolver, Self(State::Pending(source)))
    }

    /// One that has fired. (Twisted's `defer.succeed`.)
    ///
    /// ```
    /// assert!(twisty::Deferred::succeed(42).has_result());
    /// ```
    #[must_use]
    #[inline]
    pub const fn succeed(value: T) -> Self {
        Self::ready(Ok(value))
    }

    /// One that has failed. (Twisted's `defer.fail`.)
    ///
    /// ```
    /// use twisty::{ConnectionDone, Deferred};
    ///
    /// let poem = Deferred::<String>::fail(ConnectionDone).add_errback(|_| Ok("no poem".into()));
    /// # assert!(poem.has_result());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn fail(failure: impl Into<Failure>) -> Self {
        Self::ready(Err(failure.into()))
    }

    #[inline]
    const fn ready(result: Result<T, Failure>) -> Self {
        Self(State::Ready(Held::new(result)))
    }
}

/// A result that is there.
impl<T: 'static> From<Result<T, Failure>> for Deferred<T> {
    fn from(result: Result<T, Failure>) -> Self {
        Self::ready(result)
    }
}

/// What is to happen then.
impl<T: 'static> Deferred<T> {
    /// Runs `callback` with the value, when it is there; a failure passes by. What it returns is the next result.
    /// (Twisted's `addCallback`.)
    ///
    /// ```
    /// use twisty::Deferred;
    ///
    /// let port = Deferred::succeed("8007").add_callback(|text| Ok(text.parse::<u16>()?));
    /// assert_eq!(port.into_result().expect("it is there").ok(), Some(8007));
    /// ```
    #[track_caller]
    #[inline]
    pub fn add_callback<R: IntoDeferred>(self, callback: impl FnOnce(T) -> R + 'static) -> Deferred<R::Value> {
        self.then(Location::caller(), |result| match result {
            Ok(value) => callback(value).into_deferred(),
            Err(failure) => Deferred::ready(Err(failure)),
        })
    }

    /// Runs `errback` with the failure, if there is one; a value passes by. What it returns is the next result.
    /// (Twisted's `addErrback`.)
    ///
    /// ```
    /// use twisty::{ConnectionDone, ConnectionLost, Deferred};
    ///
    /// let poem = Deferred::<String>::fail(ConnectionDone).add_errback(|why| {
    ///     let _lost: ConnectionLost = why.trap()?; // another failure goes on
    ///     Ok("lost on the way".into())
    /// });
    /// assert!(poem.into_result().expect("it is there").is_err());
    /// ```
    #[track_caller]
    #[inline]
    pub fn add_errback<R: IntoDeferred<Value = T>>(self, errback: impl FnOnce(Failure) -> R + 'static) -> Self {
        self.then(Location::caller(), |result| match result {
            Ok(value) => Self::ready(Ok(value)),
            Err(failure) => errback(failure).into_deferred(),
        })
    }

    /// Runs one or the other. A failure of `callback` is not given to `errback`, but to the next one added.
    /// (Twisted's `addCallbacks`.)
    ///
    /// ```
    /// use twisty::Deferred;
    ///
    /// let (resolver, line) = Deferred::<String>::new();
    /// let length = line.add_callbacks(|line| Ok(line.len()), |_why| Ok(0));
    /// resolver.errback(twisty::ConnectionDone);
    /// assert_eq!(length.into_result().expect("it has fired").ok(), Some(0));
    /// ```
    #[track_caller]
    #[inline]
    pub fn add_callbacks<R, E>(
        self,
        callback: impl FnOnce(T) -> R + 'static,
        errback: impl FnOnce(Failure) -> E + 'static,
    ) -> Deferred<R::Value>
    where
        R: IntoDeferred,
        E: IntoDeferred<Value = R::Value>,
    {
        self.then(Location::caller(), |result| match result {
            Ok(value) => callback(value).into_deferred(),
            Err(failure) => errback(failure).into_deferred(),
        })
    }

    /// Runs `callback` with whatever comes. (Twisted's `addBoth`.)
    ///
    /// ```
    /// use twisty::Deferred;
    ///
    /// let (resolver, line) = Deferred::<String>::new();
    /// let line = line.add_both(|line| {
    ///     println!("it is over, {}", if line.is_ok() { "well" } else { "badly" });
    ///     line
    /// });
    /// resolver.callback("hello".into());
    /// # assert!(line.has_result());
    /// ```
    #[track_caller]
    #[inline]
    pub fn add_both<R: IntoDeferred>(
        self,
        callback: impl FnOnce(Result<T, Failure>) -> R + 'static,
    ) -> Deferred<R::Value> {
        self.then(Location::caller(), |result| callback(result).into_deferred())
    }

    /// Makes another value of the value; a failure passes by. A callback that cannot fail.
    ///
    /// ```
    /// let length = twisty::Deferred::succeed("hello").map(str::len);
    /// assert_eq!(length.into_result().expect("it is there").ok(), Some(5));
    /// ```
    #[track_caller]
    #[inline]
    pub fn map<U: 'static>(self, callback: impl FnOnce(T) -> U + 'static) -> Deferred<U> {
        self.then(Location::caller(), |result| Deferred::ready(result.map(callback)))
    }

    /// Fires another Deferred with what comes out of this one; afterwards this one goes on without a value. (Twisted's
    /// `chainDeferred`.)
    ///
    /// If the other one was fired already, this one fails with [`AlreadyCalled`](crate::AlreadyCalled).
    ///
    /// ```
    /// use twisty::Deferred;
    ///
    /// let (resolver, answer) = Deferred::new();
    /// Deferred::succeed(42).chain_deferred(resolver).map(|()| println!("passed on"));
    /// assert_eq!(answer.into_result().expect("it has fired").ok(), Some(42));
    /// ```
    #[track_caller]
    pub fn chain_deferred(self, other: Resolver<T>) -> Deferred<()> {
        let site = Location::caller();
        match self.settled() {
            Ok(result) => Deferred::ready(other.try_fire(result).map_err(Failure::from)),
            Err(source) => Deferred(State::Pending(link::forward(source, other, site))),
        }
    }

    /// Two handles of the same Deferred: the first one's owner gets the result, and when its callbacks are done (as far
    /// as they can be), the second one goes on, without a value.
    ///
    /// This is what happens in Twisted when a callback returns a Deferred that has callbacks added to it later: they get
    /// `None`. Until it has fired, cancelling either is the same; afterwards each cancels what itself waits for. Pausing
    /// either pauses both.
    ///
    /// Of a Deferred that has fired already, both handles are ready: each runs what is added to it when it is added.
    ///
    /// ```
    /// use twisty::Deferred;
    ///
    /// let (resolver, poem) = Deferred::<String>::new();
    /// let (poem, afterwards) = poem.hand_over();
    /// let reader = Deferred::succeed(()).add_callback(|()| poem).map(|poem| println!("{poem}"));
    /// afterwards.map(|()| println!("the reader has it"));
    /// resolver.callback("Fly, thought".into()); // prints both, in this order
    /// # assert!(reader.has_result());
    /// ```
    #[must_use]
    pub fn hand_over(self) -> (Self, Deferred<()>) {
        match self.settled() {
            Ok(result) => (Self::ready(result), Deferred::succeed(())),
            Err(source) => {
                let (handed, rest) = link::hand_over(source);
                (Self(State::Pending(handed)), Deferred(State::Pending(rest)))
            }
        }
    }

    /// Runs a step now if there is a result, else when there is one.
    #[inline(always)]
    fn then<U: 'static>(
        self,
        site: &'static Location<'static>,
        step: impl FnOnce(Result<T, Failure>) -> Deferred<U> + 'static,
    ) -> Deferred<U> {
        match self.at_hand() {
            Ok((result, before)) => link::step(step, result, site).returned(before, site),
            Err(source) => Deferred(State::Pending(link::add(source, step, site))),
        }
    }

    /// What a callback returned that was added at `site` to what had fired; `before` was its place, if it had one.
    #[inline]
    fn returned<S>(self, before: Option<Rc<Source<S>>>, site: &'static Location<'static>) -> Self {
        match self.0 {
            State::Pending(inner) => Self::waiting(inner, before, site),
            ready => Self(ready),
        }
    }

    #[cold]
    fn waiting<S>(inner: Rc<Source<T>>, before: Option<Rc<Source<S>>>, site: &'static Location<'static>) -> Self {
        if let Some(result) = link::take_now(&*inner) {
            return Self::ready(result);
        }
        let head = before.map_or_else(|| resolver::fired(site), |before| before.head());
        Self(State::Pending(link::waiting(inner, head, site)))
    }

    /// The same for all steps of a [`chain!`](crate::chain), the last one at `last`: they look after their panics and the
    /// trail themselves.
    #[inline(always)]
    pub(crate) fn then_all<U: 'static>(
        self,
        last: &'static Location<'static>,
        steps: impl FnOnce(Result<T, Failure>) -> Deferred<U> + 'static,
    ) -> Deferred<U> {
        match self.at_hand() {
            Ok((result, before)) => steps(result).returned(before, last),
            Err(source) => Deferred(State::Pending(link::add(source, steps, last))),
        }
    }

    /// The same for those that are left behind a step that returned this one.
    #[inline(always)]
    pub(crate) fn then_rest<U: 'static>(
        self,
        last: &'static Location<'static>,
        rest: impl FnOnce(Result<T, Failure>) -> Deferred<U> + 'static,
    ) -> Deferred<U> {
        match self.settled() {
            Ok(result) => rest(result),
            Err(source) => Deferred(State::Pending(link::add(source, rest, last))),
        }
    }

    /// A failure that is there remembers that it passed `step`.
    #[inline]
    pub(crate) fn passed_on(mut self, step: &'static Location<'static>) -> Self {
        if let State::Ready(held) = &mut self.0
            && let Some(failure) = held.failure_mut()
        {
            failure.passed_on(step);
        }
        self
    }

    /// The result if it is there and may be had, else where it will come from.
    #[inline(always)]
    fn settled(self) -> Result<Result<T, Failure>, Rc<Source<T>>> {
        self.at_hand().map(|(result, _)| result)
    }

    /// The same, and where the result came from, if a place kept it.
    #[inline]
    fn at_hand(self) -> Result<AtHand<T>, Rc<Source<T>>> {
        match self.0 {
            State::Ready(mut held) => match held.take() {
                Some(result) => Ok((result, None)),
                None => unreachable!("a ready Deferred holds its result until it is consumed"),
            },
            State::Pending(source) => match link::take_now(&*source) {
                Some(result) => Ok((result, Some(source))),
                None => Err(source),
            },
        }
    }
}

/// Holding it up.
impl<T: 'static> Deferred<T> {
    /// Says that nobody waits for the result any more. Does nothing when it is there. (Twisted's `Deferred.cancel`.)
    ///
    /// If it has not been fired, the canceller runs, if there is one, and what is still not fired then fails with
    /// [`CancelledError`](crate::CancelledError). If it has been fired and waits for a Deferred that a callback
    /// returned, that one is cancelled. Callbacks run before this returns.
    ///
    /// Without a canceller nothing stops whoever has the resolver: one result that comes later is swallowed.
    ///
    /// ```
    /// use twisty::{CancelledError, Deferred};
    ///
    /// let (resolver, answer) = Deferred::new();
    /// answer.cancel();
    /// resolver.callback(42); // too late, swallowed
    /// let failure = answer.into_result().expect("it is over").unwrap_err();
    /// assert!(failure.check::<CancelledError>().is_some());
    /// ```
    #[track_caller]
    pub fn cancel(&self) {
        if let State::Pending(source) = &self.0 {
            chain::cancel(Rc::clone(source).head(), Location::caller());
        }
    }

    /// What cancels it while the handle is elsewhere, whatever it waits for by then.
    ///
    /// Of a Deferred that has been made with its result, as by [`succeed`](Self::succeed), or has it since it took it out
    /// of another one, it does nothing, also when a callback that is added later returns a Deferred: nothing was waited
    /// for when the handle was made.
    ///
    /// ```
    /// let (resolver, answer) = twisty::Deferred::<u32>::new();
    /// let cancel = answer.cancel_handle();
    /// answer.map(|n| println!("{n}")).add_errback(|why| println!("{why}"));
    /// cancel.cancel(); // prints that it was cancelled
    /// # drop(resolver);
    /// ```
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(match &self.0 {
            State::Ready(_) => None,
            State::Pending(source) => Some(Rc::downgrade(&Rc::clone(source).head())),
        })
    }

    /// Keeps callbacks from running until the answer is dropped or [unpaused](Paused::unpause). Firing and cancelling
    /// are remembered. (Twisted's `Deferred.pause`.)
    ///
    /// ```
    /// let mut answer = twisty::Deferred::succeed(42);
    /// let paused = answer.pause();
    /// let answer = answer.map(|n| println!("{n}"));
    /// paused.unpause(); // prints it
    /// # assert!(answer.has_result());
    /// ```
    #[track_caller]
    pub fn pause(&mut self) -> Paused {
        if let State::Ready(held) = &mut self.0
            && let Some(result) = held.take()
        {
            let (resolver, pending) = Self::new();
            resolver.fire(result);
            *self = pending;
        }
        match &self.0 {
            State::Pending(source) => Paused::begin(Rc::clone(source).head()),
            State::Ready(_) => unreachable!("it was made pending above"),
        }
    }

    /// Whether it was fired. Its result may still be on its way: a callback waits, or it is paused. (Twisted's
    /// `Deferred.called`.)
    ///
    /// ```
    /// use twisty::Deferred;
    ///
    /// let (_later, inner) = Deferred::<u32>::new();
    /// let (resolver, outer) = Deferred::new();
    /// let outer = outer.add_callback(|()| inner);
    /// resolver.callback(());
    /// assert!(outer.is_called() && !outer.has_result());
    /// ```
    #[must_use]
    pub fn is_called(&self) -> bool {
        match &self.0 {
            State::Ready(_) => true,
            State::Pending(source) => source.chain().called().is_some(),
        }
    }

    /// Whether the result is there: [`into_result`](Self::into_result) has it, unless it is paused. (Twisted's
    /// `hasattr(deferred, "result")`.)
    ///
    /// ```
    /// let (resolver, answer) = twisty::Deferred::new();
    /// assert!(!answer.has_result());
    /// resolver.callback(42);
    /// assert!(answer.has_result());
    /// ```
    #[must_use]
    pub fn has_result(&self) -> bool {
        match &self.0 {
            State::Ready(_) => true,
            State::Pending(source) => source.slot().is_full(),
        }
    }

    /// The result, if it is there. (`successResultOf` and `failureResultOf` of Twisted's trial.)
    ///
    /// # Errors
    /// The Deferred itself when it has no result yet, or is paused.
    ///
    /// ```
    /// let (resolver, answer) = twisty::Deferred::new();
    /// let answer = answer.into_result().expect_err("not yet");
    /// resolver.callback(42);
    /// assert_eq!(answer.into_result().expect("it has fired").ok(), Some(42));
    /// ```
    pub fn into_result(self) -> Result<Result<T, Failure>, Self> {
        self.settled().map_err(|source| Self(State::Pending(source)))
    }
}

impl<T: 'static> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Deferred");
        if let State::Pending(source) = &self.0 {
            debug.field("made", &format_args!("{}", source.chain().made()));
        }
        debug.field("is_called", &self.is_called()).field("has_result", &self.has_result()).finish()
    }
}

/// Calls `call`, whose error or panic becomes a failed Deferred. (Twisted's `maybeDeferred`.)
///
/// ```
/// use twisty::deferred::maybe_deferred;
///
/// let quote = maybe_deferred(|| Ok(std::fs::read_to_string("no such file")?));
/// assert!(quote.into_result().expect("it is there").is_err());
/// ```
#[track_caller]
pub fn maybe_deferred<R: IntoDeferred>(call: impl FnOnce() -> R) -> Deferred<R::Value> {
    HandlerPanicked::catch(|| call().into_deferred()).unwrap_or_else(|panicked| Deferred::fail(panicked))
}

/// Calls `call`, which may fail or panic, and is there at once. (Twisted's `defer.execute`.)
///
/// ```
/// let port = twisty::deferred::execute(|| Ok("8007".parse::<u16>()?));
/// assert!(port.has_result());
/// ```
#[track_caller]
pub fn execute<T: 'static>(call: impl FnOnce() -> Result<T, Failure>) -> Deferred<T> {
    maybe_deferred(call)
}
