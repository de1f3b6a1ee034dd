//! Calls that are due later.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::{TimerKey, Timestamp};
use crate::error::DelayedCallError;

/// A call that was scheduled, by [`Reactor::call_later`](crate::Reactor::call_later) or another
/// [`Scheduler`](super::Scheduler). (Twisted's `IDelayedCall`.)
///
/// Dropping it changes nothing: the call runs all the same.
///
/// ```
/// use std::time::Duration;
///
/// let reactor = twisty::Reactor::new()?;
/// let call = reactor.call_later(Duration::from_secs(60), |_| println!("too slow"));
/// call.reset(Duration::from_secs(60))?; // 60 seconds from now
/// call.cancel()?;
/// # Ok::<(), twisty::Failure>(())
/// ```
pub struct DelayedCall {
    timetable: Weak<dyn Timetable>,
    key: TimerKey,
    cancelled: Cell<bool>,
}

/// What keeps delayed calls. Only the clocks of this crate do, which seals [`Scheduler`](super::Scheduler).
pub trait Keeper {
    /// Where it keeps them.
    fn timetable(&self) -> Weak<dyn Timetable>;

    /// What runs tasks by it, for `task::spawn`.
    fn executor(&self) -> Option<Rc<dyn Any>> {
        None
    }

    /// The reactor that it is, for `Reactor::current`.
    fn reactor(&self) -> Option<Rc<dyn Any>> {
        None
    }
}

impl<K: Keeper + ?Sized> Keeper for Rc<K> {
    fn timetable(&self) -> Weak<dyn Timetable> {
        (**self).timetable()
    }

    fn executor(&self) -> Option<Rc<dyn Any>> {
        (**self).executor()
    }

    fn reactor(&self) -> Option<Rc<dyn Any>> {
        (**self).reactor()
    }
}

/// What a delayed call asks of who keeps it.
pub trait Timetable {
    /// The time that a delay counts from.
    fn time(&self) -> Timestamp;

    /// When a call is due; `None` if it is not there any more.
    fn when(&self, key: TimerKey) -> Option<Timestamp>;

    /// Takes a call out and drops it, holding nothing: it may drop anything, even another delayed call. False if it was
    /// not there any more.
    fn remove(&self, key: TimerKey) -> bool;

    /// Moves a call that is there.
    fn reschedule(&self, key: TimerKey, when: Timestamp);

    /// Takes a call in.
    fn schedule(self: Rc<Self>, when: Timestamp, call: Box<dyn FnOnce()>) -> DelayedCall;
}

impl DelayedCall {
    pub(crate) fn new(timetable: Weak<dyn Timetable>, key: TimerKey) -> Self {
        Self { timetable, key, cancelled: Cell::new(false) }
    }

    /// When the call is due, by the clock that keeps it; `None` if it ran or was cancelled. (Twisted's `getTime`.)
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::clock::Clock;
    ///
    /// # let reactor = twisty::Reactor::new()?;
    /// let call = reactor.call_later(Duration::from_secs(60), |_| println!("too slow"));
    /// assert!(call.time() >= Some(reactor.now() + Duration::from_secs(60)));
    /// call.cancel()?;
    /// assert_eq!(call.time(), None);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.timetable.upgrade()?.when(self.key)
    }

    /// Whether the call is still to come.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let reactor = twisty::Reactor::new()?;
    /// let call = reactor.call_later(Duration::ZERO, |_| println!("now"));
    /// assert!(call.is_active());
    /// reactor.turn(None)?;
    /// assert!(!call.is_active());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.time().is_some()
    }

    /// Makes the call never happen.
    ///
    /// # Errors
    /// [`DelayedCallError`] if it ran or was cancelled; a clock that is gone has cancelled all its calls.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::DelayedCallError;
    /// # let reactor = twisty::Reactor::new()?;
    /// let call = reactor.call_later(Duration::from_secs(60), |_| println!("too slow"));
    /// assert_eq!(call.cancel(), Ok(()));
    /// assert_eq!(call.cancel(), Err(DelayedCallError::AlreadyCancelled));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn cancel(&self) -> Result<(), DelayedCallError> {
        let timetable = self.timetable.upgrade().ok_or(DelayedCallError::AlreadyCancelled)?;
        if !timetable.remove(self.key) {
            return Err(self.over());
        }
        self.cancelled.set(true);
        Ok(())
    }

    /// Moves the call to `delay` from now.
    ///
    /// # Errors
    /// [`DelayedCallError`] if it ran or was cancelled; a clock that is gone has cancelled all its calls.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let reactor = twisty::Reactor::new()?;
    /// let call = reactor.call_later(Duration::from_secs(60), |_| println!("too slow"));
    /// let due = call.time();
    /// call.reset(Duration::from_secs(5))?;
    /// assert!(call.time() < due);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn reset(&self, delay: Duration) -> Result<(), DelayedCallError> {
        self.move_to(|timetable, _| timetable.time() + delay)
    }

    /// Moves the call to `delay` after the time it is due now.
    ///
    /// # Errors
    /// [`DelayedCallError`] if it ran or was cancelled; a clock that is gone has cancelled all its calls.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let reactor = twisty::Reactor::new()?;
    /// let call = reactor.call_later(Duration::from_secs(60), |_| println!("too slow"));
    /// let due = call.time();
    /// call.delay(Duration::from_secs(5))?;
    /// assert_eq!(call.time(), due.map(|due| due + Duration::from_secs(5)));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn delay(&self, delay: Duration) -> Result<(), DelayedCallError> {
        self.move_to(|_, due| due + delay)
    }

    fn move_to(&self, when: impl FnOnce(&dyn Timetable, Timestamp) -> Timestamp) -> Result<(), DelayedCallError> {
        let timetable = self.timetable.upgrade().ok_or(DelayedCallError::AlreadyCancelled)?;
        let due = timetable.when(self.key).ok_or_else(|| self.over())?;
        timetable.reschedule(self.key, when(&*timetable, due));
        Ok(())
    }

    fn over(&self) -> DelayedCallError {
        if self.cancelled.get() { DelayedCallError::AlreadyCancelled } else { DelayedCallError::AlreadyCalled }
    }
}

impl fmt::Debug for DelayedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedCall").field("time", &self.time()).finish_non_exhaustive()
    }
}
