//! Time as a value: a [`Timestamp`], [`Timers`] ordered by it, and calls that are due later.
//!
//! Nothing here looks at the machine's clock. The reactor says what time it is, and so does a test: code that is to run
//! under both takes a [`Scheduler`].

mod delayed_call;
mod queue;
mod slots;
mod timers;
mod weak;

use std::cell::RefCell;
use std::fmt;
use std::ops::{Add, Sub};
use std::rc::Rc;
use std::time::Duration;

pub use delayed_call::DelayedCall;
pub(crate) use delayed_call::{Keeper, Timetable};
pub use slots::TimerKey;
pub use timers::{Batch, Timers};
pub(crate) use weak::WeakClock;

/// A point in time: how long after the start of its clock, in nanoseconds. A clock starts at [`Timestamp::ZERO`].
///
/// ```
/// use std::time::Duration;
/// use twisty::clock::Timestamp;
///
/// let later = Timestamp::ZERO + Duration::from_millis(1500);
/// assert_eq!(later - Timestamp::ZERO, Duration::from_millis(1500));
/// assert_eq!(later.to_string(), "1.5s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);
    /// Where a clock stands still; no deadline is there.
    pub(crate) const NEVER: Self = Self(u64::MAX);
}

/// Later by a duration; 584 years after its start a clock stands still.
impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// The time between two points, zero if they are the other way round.
impl Sub for Timestamp {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// What tells the time: the reactor, or a test's manual clock.
///
/// ```
/// use twisty::clock::{Clock, Timestamp};
///
/// struct Stopped;
/// impl Clock for Stopped {
///     fn now(&self) -> Timestamp {
///         Timestamp::ZERO
///     }
/// }
/// assert_eq!(Stopped.now(), Timestamp::ZERO);
/// ```
pub trait Clock {
    /// The time by this clock. It never goes back.
    fn now(&self) -> Timestamp;
}

/// What calls later: the reactor, or a test's manual clock. (Twisted's `IReactorTime`.)
///
/// There are no others: a [`DelayedCall`] belongs to the clock that keeps it, and what calls again and again goes on with
/// that clock. Code that is to run under a time of its own takes a [`testing::Clock`](crate::testing::Clock).
///
/// ```
/// use std::time::Duration;
/// use twisty::clock::Scheduler;
///
/// fn make_tea(kitchen: &dyn Scheduler) {
///     kitchen.schedule(Duration::from_secs(180), Box::new(|| println!("tea is ready")));
/// }
///
/// make_tea(&twisty::Reactor::new()?); // in three minutes
///
/// let clock = twisty::testing::Clock::new();
/// make_tea(&clock);
/// clock.advance(Duration::from_secs(180)); // now
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Scheduler: Clock + Keeper {
    /// Calls `call` once, `delay` from now. Calls that are due at the same time run in the order in which they were
    /// made. (Twisted's `callLater`.)
    fn schedule(&self, delay: Duration, call: Box<dyn FnOnce()>) -> DelayedCall;
}

/// A shared clock is a clock.
impl<C: Clock + ?Sized> Clock for Rc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// A shared clock is a clock.
impl<C: Scheduler + ?Sized> Scheduler for Rc<C> {
    fn schedule(&self, delay: Duration, call: Box<dyn FnOnce()>) -> DelayedCall {
        (**self).schedule(delay, call)
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn Scheduler>>> = const { RefCell::new(None) };
}

/// The clock that runs here: the reactor whose handlers and calls run, or the test's clock in its place. `None` outside
/// of both.
///
/// Twisted has one reactor for the whole program. This is for code in handlers that is given none, such as a step with
/// a timeout; what is made outside takes a [`Scheduler`].
///
/// - A [`Reactor`](crate::Reactor) is it while it [`run`](crate::Reactor::run)s, or makes a
///   [`turn`](crate::Reactor::turn).
/// - A [`testing::Server`](crate::testing::Server)'s [`clock`](crate::testing::Server::clock) is it while its handlers
///   run, and whatever else it asks of its protocols.
/// - A [`testing::Clock`](crate::testing::Clock) is it while it runs what is due, and inside of
///   [`enter`](crate::testing::Clock::enter).
///
/// The handlers and the tasks that end because their reactor is dropped get a clock that drops what it is to call.
///
/// The innermost counts; afterwards it is the outer one again. None runs where a thread's locals are dropped, at its end.
///
/// ```
/// use std::time::Duration;
/// use twisty::clock;
/// use twisty::testing::Clock;
///
/// assert!(clock::current().is_none());
/// let kitchen = Clock::new();
/// kitchen.enter(|| {
///     let here = clock::current().expect("the kitchen's");
///     here.schedule(Duration::from_secs(180), Box::new(|| println!("tea is ready")));
/// });
/// assert_eq!(kitchen.delayed_calls().len(), 1);
/// ```
#[must_use]
pub fn current() -> Option<Rc<dyn Scheduler>> {
    CURRENT.try_with(|current| current.borrow().clone()).unwrap_or_default()
}

/// While this lives, a clock is the [`current`] one.
pub(crate) struct Entered {
    outer: Option<Rc<dyn Scheduler>>,
}

impl Entered {
    pub(crate) fn new(clock: Rc<dyn Scheduler>) -> Self {
        let outer = CURRENT.try_with(|current| current.replace(Some(clock)));
        Self { outer: outer.unwrap_or_default() }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Replaced first, dropped then: the last of a clock may take anything with it, even what asks for the current one.
        let entered = CURRENT.try_with(|current| current.replace(self.outer.take()));
        drop(entered);
    }
}
