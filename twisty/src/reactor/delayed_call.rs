//! Calls that are due later.

use std::fmt;
use std::rc::Weak;
use std::time::Duration;

use super::{Core, Reactor};
use crate::clock::{TimerKey, Timestamp};
use crate::error::DelayedCallError;

/// A call that [`Reactor::call_later`] has scheduled. (Twisted's `IDelayedCall`.)
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
    reactor: Weak<Core>,
    key: TimerKey,
    cancelled: std::cell::Cell<bool>,
}

impl DelayedCall {
    pub(super) fn new(reactor: Weak<Core>, key: TimerKey) -> Self {
        Self { reactor, key, cancelled: std::cell::Cell::new(false) }
    }

    /// When the call is due, by the reactor's clock; `None` if it ran or was cancelled. (Twisted's `getTime`.)
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
        self.reactor.upgrade()?.timers.borrow().when(self.key)
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
    /// [`DelayedCallError`] if it ran or was cancelled; a reactor that is gone has cancelled all its calls.
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
        let core = self.reactor.upgrade().ok_or(DelayedCallError::AlreadyCancelled)?;
        // A statement of its own: dropping the call may drop anything, even another delayed call.
        let removed = core.timers.borrow_mut().remove(self.key);
        drop(removed.ok_or_else(|| self.over())?);
        self.cancelled.set(true);
        Ok(())
    }

    /// Moves the call to `delay` from now.
    ///
    /// # Errors
    /// [`DelayedCallError`] if it ran or was cancelled; a reactor that is gone has cancelled all its calls.
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
        self.move_to(|reactor, _| reactor.time() + delay)
    }

    /// Moves the call to `delay` after the time it is due now.
    ///
    /// # Errors
    /// [`DelayedCallError`] if it ran or was cancelled; a reactor that is gone has cancelled all its calls.
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

    fn move_to(&self, when: impl FnOnce(&Reactor, Timestamp) -> Timestamp) -> Result<(), DelayedCallError> {
        let due = self.time().ok_or_else(|| self.over())?;
        let reactor = Reactor(self.reactor.upgrade().ok_or_else(|| self.over())?);
        let when = when(&reactor, due);
        reactor.0.timers.borrow_mut().reschedule(self.key, when);
        Ok(())
    }

    fn over(&self) -> DelayedCallError {
        let never = self.cancelled.get() || self.reactor.strong_count() == 0;
        if never { DelayedCallError::AlreadyCancelled } else { DelayedCallError::AlreadyCalled }
    }
}

impl fmt::Debug for DelayedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedCall").field("time", &self.time()).finish_non_exhaustive()
    }
}
