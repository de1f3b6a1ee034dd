//! Time as a value: a [`Timestamp`], [`Timers`] ordered by it, and calls that are due later.
//!
//! Nothing here looks at the machine's clock. The reactor says what time it is, and so does a test.

mod delayed_call;
mod timers;

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

pub use delayed_call::DelayedCall;
pub(crate) use delayed_call::Timetable;
pub use timers::{Batch, TimerKey, Timers};

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
