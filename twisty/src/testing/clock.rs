//! A clock that is moved by hand.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use crate::clock::{self, DelayedCall, Entered, Keeper, Scheduler, TimerKey, Timers, Timestamp, Timetable};
use crate::deferred::{self, Deferred, IntoDeferred};
use crate::task::Executor;

/// A clock that stands still until it is advanced, and then calls what is due. A clone is the same clock.
/// (Twisted's `task.Clock`.)
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::time::Duration;
/// use twisty::testing::Clock;
///
/// let clock = Clock::new();
/// let rung = Rc::new(Cell::new(false));
/// let bell = Rc::clone(&rung);
/// clock.call_later(Duration::from_secs(60), move || bell.set(true));
/// clock.advance(Duration::from_secs(59));
/// assert!(!rung.get());
/// clock.advance(Duration::from_secs(1));
/// assert!(rung.get());
/// ```
#[derive(Clone, Default)]
pub struct Clock(Rc<Table>);

#[derive(Default)]
struct Table {
    now: Cell<Timestamp>,
    calls: RefCell<Timers<Box<dyn FnOnce()>>>,
    executor: Rc<Executor>,
}

impl Clock {
    /// A clock that stands at zero.
    ///
    /// ```
    /// use twisty::clock::Timestamp;
    ///
    /// assert_eq!(twisty::testing::Clock::new().now(), Timestamp::ZERO);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The time by this clock. (Twisted's `Clock.seconds`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// let clock = twisty::testing::Clock::new();
    /// clock.advance(Duration::from_millis(1500));
    /// assert_eq!(clock.now().to_string(), "1.5s");
    /// ```
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.now.get()
    }

    /// Calls `call` once, when the clock has been advanced by `delay`. Calls that are due at the same time run in the
    /// order in which they were made. (Twisted's `callLater`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// let clock = twisty::testing::Clock::new();
    /// let call = clock.call_later(Duration::from_secs(5), || println!("five seconds later"));
    /// clock.advance(Duration::from_secs(5));
    /// assert!(!call.is_active());
    /// ```
    pub fn call_later(&self, delay: Duration, call: impl FnOnce() + 'static) -> DelayedCall {
        self.schedule(delay, Box::new(call))
    }

    /// Has the clock carry out a future, as [`Reactor::spawn`](crate::Reactor::spawn) does; it is polled by
    /// [`advance`](Self::advance), also by one of no time at all.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use twisty::Deferred;
    ///
    /// let clock = twisty::testing::Clock::new();
    /// let (resolver, number) = Deferred::<u32>::new();
    /// let double = clock.spawn(async { Ok(number.await? * 2) });
    /// clock.call_later(Duration::from_secs(5), move || resolver.callback(21));
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(double.into_result().expect("five seconds have passed").ok(), Some(42));
    /// ```
    #[track_caller]
    pub fn spawn<R: IntoDeferred + 'static>(&self, future: impl Future<Output = R> + 'static) -> Deferred<R::Value> {
        self.0.executor.defer(future)
    }

    /// Lets time pass, then makes the calls that are due, the earliest first; all of them see the time at the end. Then
    /// polls the tasks that were woken, and begins again, until nothing is due and nobody was woken: a call that is
    /// scheduled meanwhile is made too if it is due by then. So a call that schedules itself again without a delay never
    /// ends, nor does a task that always wakes itself. (Twisted's `Clock.advance`.)
    ///
    /// # Panics
    /// If a call does; what is due after it stays for the next time.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let clock = twisty::testing::Clock::new();
    /// let later = clock.clone();
    /// clock.call_later(Duration::from_secs(1), move || assert_eq!(later.now().to_string(), "3s"));
    /// clock.advance(Duration::from_secs(3));
    /// ```
    pub fn advance(&self, time: Duration) {
        self.move_to(self.now() + time);
        self.enter(|| while self.call_next() || self.run_tasks(|| {}) {});
    }

    /// Advances by each of `times` in turn. (Twisted's `Clock.pump`.)
    ///
    /// # Panics
    /// If a call does, as in [`advance`](Self::advance).
    ///
    /// ```
    /// # use std::time::Duration;
    /// let clock = twisty::testing::Clock::new();
    /// clock.pump([1, 2, 3].map(Duration::from_secs));
    /// assert_eq!(clock.now().to_string(), "6s");
    /// ```
    pub fn pump(&self, times: impl IntoIterator<Item = Duration>) {
        times.into_iter().for_each(|time| self.advance(time));
    }

    /// When each call that is still to come is due, the earliest first. (Twisted's `getDelayedCalls`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// let clock = twisty::testing::Clock::new();
    /// let tea = clock.call_later(Duration::from_secs(180), || println!("tea is ready"));
    /// assert_eq!(clock.delayed_calls(), [tea.time().expect("to come")]);
    /// tea.cancel()?;
    /// assert_eq!(clock.delayed_calls(), []);
    /// # Ok::<(), twisty::DelayedCallError>(())
    /// ```
    #[must_use]
    pub fn delayed_calls(&self) -> Vec<Timestamp> {
        self.0.calls.borrow().times()
    }

    /// Runs `work` as if a reactor with this clock did: inside, it is the [`clock::current`] one. What `work` schedules
    /// is made when the clock is advanced. A closure and not a guard, so that no test leaves its clock behind.
    ///
    /// ```
    /// use twisty::clock;
    ///
    /// let clock = twisty::testing::Clock::new();
    /// clock.enter(|| assert!(clock::current().is_some()));
    /// assert!(clock::current().is_none());
    /// ```
    pub fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        let _entered = Entered::new(Rc::new(self.clone()));
        work()
    }

    /// When the next call is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.0.calls.borrow_mut().next_due()
    }

    /// Sets the time, never back: a call may have moved it on.
    pub(super) fn move_to(&self, time: Timestamp) {
        self.0.now.set(self.now().max(time));
    }

    /// Makes the first call that is due; false if none is.
    pub(super) fn call_next(&self) -> bool {
        let next = {
            let mut calls = self.0.calls.borrow_mut();
            let batch = calls.batch();
            calls.pop_due(self.now(), batch)
        };
        next.map(|call| call()).is_some()
    }

    /// Polls each task once that was woken, and calls `after_each` after each; false if none was.
    pub(super) fn run_tasks(&self, after_each: impl Fn()) -> bool {
        self.0.executor.run_ready(after_each)
    }
}

impl clock::Clock for Clock {
    fn now(&self) -> Timestamp {
        self.now()
    }
}

impl Scheduler for Clock {
    fn schedule(&self, delay: Duration, call: Box<dyn FnOnce()>) -> DelayedCall {
        Rc::clone(&self.0).schedule(self.now() + delay, call)
    }
}

impl Keeper for Clock {
    fn timetable(&self) -> Weak<dyn Timetable> {
        Rc::downgrade(&self.0) as _
    }

    fn executor(&self) -> Option<Rc<dyn Any>> {
        Some(Rc::clone(&self.0.executor) as _)
    }
}

impl Timetable for Table {
    fn time(&self) -> Timestamp {
        self.now.get()
    }

    fn when(&self, key: TimerKey) -> Option<Timestamp> {
        self.calls.borrow().when(key)
    }

    fn remove(&self, key: TimerKey) -> bool {
        // A statement of its own, so that the borrow ends before the call is dropped.
        let removed = self.calls.borrow_mut().remove(key);
        removed.is_some()
    }

    fn reschedule(&self, key: TimerKey, when: Timestamp) {
        self.calls.borrow_mut().reschedule(key, when);
    }

    fn schedule(self: Rc<Self>, when: Timestamp, call: Box<dyn FnOnce()>) -> DelayedCall {
        let key = self.calls.borrow_mut().insert(when, call);
        let table = Rc::downgrade(&self);
        DelayedCall::new(table, key)
    }
}

/// As a reactor that goes: what still waits is given up, and that this fails Deferreds is no news.
impl Drop for Table {
    fn drop(&mut self) {
        deferred::expect_broken_promises(|| {
            drop(self.calls.take());
            self.executor.clear();
        });
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.0.calls.borrow().len();
        f.debug_struct("Clock").field("now", &self.now()).field("pending", &pending).finish()
    }
}
