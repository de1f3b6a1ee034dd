//! [`DeferredSemaphore`] and [`DeferredLock`]: so many at a time, the others wait their turn.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use super::line::Line;
use super::{Deferred, IntoDeferred, maybe_deferred};

/// Lets only so many do something at a time. (Twisted's `DeferredSemaphore`.)
///
/// First come, first served. A clone is the same semaphore. Whoever is cancelled while he waits leaves the line.
///
/// ```
/// use twisty::{Deferred, DeferredSemaphore};
///
/// let two_at_a_time = DeferredSemaphore::new(2);
/// let (resolvers, pages): (Vec<_>, Vec<_>) = (0..3).map(|_| Deferred::<&str>::new()).unzip();
/// let pages: Vec<_> = pages.into_iter().map(|page| two_at_a_time.run(|| page)).collect();
/// assert_eq!(two_at_a_time.waiting(), 1);
/// resolvers[0].callback("a page"); // the third begins
/// assert_eq!(two_at_a_time.waiting(), 0);
/// # drop(resolvers);
/// # pages.into_iter().for_each(|page| drop(page.into_result()));
/// ```
#[derive(Clone)]
pub struct DeferredSemaphore(Rc<Inner>);

struct Inner {
    limit: usize,
    free: Cell<usize>,
    line: Line<Permit>,
}

impl DeferredSemaphore {
    /// A semaphore that lets `tokens` at a time. (Twisted's `DeferredSemaphore(tokens)`.)
    ///
    /// # Panics
    /// If `tokens` is 0: nobody could ever come in.
    ///
    /// ```
    /// assert_eq!(twisty::DeferredSemaphore::new(3).free(), 3);
    /// ```
    #[must_use]
    pub fn new(tokens: usize) -> Self {
        assert!(tokens > 0, "a DeferredSemaphore needs one token at least");
        Self(Rc::new(Inner { limit: tokens, free: Cell::new(tokens), line: Line::new() }))
    }

    /// Waits for a permit. It is given back when it is dropped, also if nobody has looked at it. (Twisted's
    /// `DeferredSemaphore.acquire`.)
    ///
    /// ```
    /// let semaphore = twisty::DeferredSemaphore::new(1);
    /// let permit = semaphore.acquire().into_result().expect("it is free").unwrap();
    /// let next = semaphore.acquire();
    /// assert!(!next.has_result());
    /// drop(permit);
    /// assert!(next.has_result());
    /// ```
    #[must_use = "the permit is given back when it is dropped"]
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Permit> {
        if self.0.line.is_empty()
            && let Some(permit) = self.0.take()
        {
            return Deferred::succeed(permit);
        }
        self.0.line.wait()
    }

    /// Waits for a permit, does `call`, and gives the permit back when what `call` returned is there, or has failed.
    /// (Twisted's `DeferredSemaphore.run`.)
    ///
    /// Whoever is next is called before the result is passed on. Cancelling it while it waits means that `call` never
    /// runs; afterwards the Deferred that `call` returned is cancelled.
    ///
    /// ```
    /// let semaphore = twisty::DeferredSemaphore::new(1);
    /// let answer = semaphore.run(|| Ok(6 * 7));
    /// assert_eq!(answer.into_result().expect("it was free").unwrap(), 42);
    /// assert_eq!(semaphore.free(), 1);
    /// ```
    #[track_caller]
    pub fn run<R: IntoDeferred>(&self, call: impl FnOnce() -> R + 'static) -> Deferred<R::Value> {
        self.acquire().add_callback(|permit| {
            maybe_deferred(call).add_both(|result| {
                drop(permit);
                result
            })
        })
    }

    /// How many permits could be acquired at once. (Twisted's `DeferredSemaphore.tokens`.)
    ///
    /// ```
    /// let semaphore = twisty::DeferredSemaphore::new(2);
    /// let permit = semaphore.acquire().into_result().expect("it is free").unwrap();
    /// assert_eq!(semaphore.free(), 1);
    /// # drop(permit);
    /// ```
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.free.get()
    }

    /// How many wait for a permit. (Twisted's `len(semaphore.waiting)`.)
    ///
    /// ```
    /// let semaphore = twisty::DeferredSemaphore::new(1);
    /// let (permit, next) = (semaphore.acquire(), semaphore.acquire());
    /// assert_eq!(semaphore.waiting(), 1);
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.line.len()
    }
}

impl Inner {
    fn take(self: &Rc<Self>) -> Option<Permit> {
        let left = self.free.get().checked_sub(1)?;
        self.free.set(left);
        Some(Permit(Rc::clone(self)))
    }
}

impl fmt::Debug for DeferredSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("DeferredSemaphore");
        debug.field("tokens", &self.0.limit).field("free", &self.free()).field("waiting", &self.waiting()).finish()
    }
}

/// The right to go on, of a [`DeferredSemaphore`] or a [`DeferredLock`]. Dropping it gives it back, so it can be given
/// back neither twice nor by somebody who has none, both of which Twisted checks when it runs.
///
/// ```
/// let lock = twisty::DeferredLock::new();
/// let permit = lock.acquire().into_result().expect("it is free").unwrap();
/// permit.release();
/// assert!(!lock.is_locked());
/// ```
#[must_use = "dropping it gives it back"]
pub struct Permit(Rc<Inner>);

impl Permit {
    /// Gives it back, as dropping it does. Whoever is next in line gets it, and his callbacks run, before this returns.
    /// (Twisted's `release`.)
    ///
    /// Releases that hand on to one another, each from inside of the one before, run at most 32 deep; from there on the
    /// outer ones go on with the line.
    ///
    /// ```
    /// let lock = twisty::DeferredLock::new();
    /// let permit = lock.acquire().into_result().expect("it is free").unwrap();
    /// let next = lock.acquire().map(|_permit| println!("my turn"));
    /// permit.release(); // prints it
    /// assert!(next.has_result());
    /// ```
    pub fn release(self) {}
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.free.set(self.0.free.get() + 1);
        self.0.line.serve(|| self.0.take());
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// Lets one at a time: a [`DeferredSemaphore`] of one token. (Twisted's `DeferredLock`.)
///
/// ```
/// use twisty::{Deferred, DeferredLock};
///
/// let lock = DeferredLock::new();
/// let (resolver, written) = Deferred::new();
/// let first = lock.run(|| written).map(|()| println!("written"));
/// let second = lock.run(|| println!("now the next"));
/// resolver.callback(()); // prints "now the next", then "written"
/// assert!(first.has_result() && second.has_result());
/// ```
#[derive(Clone, Debug)]
pub struct DeferredLock(DeferredSemaphore);

impl DeferredLock {
    /// A lock that nobody holds. (Twisted's `DeferredLock()`.)
    ///
    /// ```
    /// assert!(!twisty::DeferredLock::new().is_locked());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self(DeferredSemaphore::new(1))
    }

    /// Waits for the lock; see [`DeferredSemaphore::acquire`]. (Twisted's `DeferredLock.acquire`.)
    ///
    /// ```
    /// let lock = twisty::DeferredLock::new();
    /// let permit = lock.acquire();
    /// assert!(lock.is_locked());
    /// drop(permit);
    /// assert!(!lock.is_locked());
    /// ```
    #[must_use = "the lock is released when the permit is dropped"]
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Permit> {
        self.0.acquire()
    }

    /// Does `call` while it holds the lock; see [`DeferredSemaphore::run`]. (Twisted's `DeferredLock.run`.)
    ///
    /// ```
    /// let answer = twisty::DeferredLock::new().run(|| Ok(42));
    /// assert_eq!(answer.into_result().expect("it was free").unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn run<R: IntoDeferred>(&self, call: impl FnOnce() -> R + 'static) -> Deferred<R::Value> {
        self.0.run(call)
    }

    /// Whether somebody holds it. (Twisted's `locked`.)
    ///
    /// ```
    /// let lock = twisty::DeferredLock::new();
    /// let _permit = lock.acquire();
    /// assert!(lock.is_locked());
    /// ```
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.0.free() == 0
    }

    /// How many wait for it. (Twisted's `len(lock.waiting)`.)
    ///
    /// ```
    /// assert_eq!(twisty::DeferredLock::new().waiting(), 0);
    /// ```
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }
}

impl Default for DeferredLock {
    fn default() -> Self {
        Self::new()
    }
}
