//! How long to wait before the next attempt.

use std::f64::consts::{E, TAU};
use std::fmt;
use std::time::Duration;

/// How long to wait before connecting again: longer each time, up to a limit, and a little at random, so that the clients
/// of a server that comes back do not all come at once.
///
/// What `#[factory(protocol = P, reconnect(…))]` declares. Twisted's `ReconnectingClientFactory`, with two differences: no
/// delay is over [`max`](Self::max) or below zero, whatever chance says; and a connection that lasts starts all over by
/// itself ([`reset_after`](Self::reset_after)).
///
/// ```
/// use std::time::Duration;
/// use twisty::client::Backoff;
///
/// let backoff = Backoff::new().factor(2.0).max(Duration::from_secs(5)).jitter(0.0).retries(4);
/// let delays: Vec<u64> = backoff.delays().map(|delay| delay.as_secs()).collect();
/// assert_eq!(delays, [1, 2, 4, 5]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    factor: f64,
    jitter: f64,
    retries: Option<u32>,
    reset_after: Option<Duration>,
}

impl Backoff {
    /// The part of a delay that is its standard deviation, by default: Planck's constant over the gravitational one, as in
    /// Twisted.
    pub const JITTER: f64 = 0.119_626_565_582;

    /// One second at first, then e times as long each time, up to an hour, without end.
    ///
    /// ```
    /// use twisty::client::Backoff;
    ///
    /// assert_eq!(Backoff::new(), Backoff::default());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(3600),
            factor: E,
            jitter: Self::JITTER,
            retries: None,
            reset_after: Some(Duration::from_secs(30)),
        }
    }

    /// The first delay. Default: one second. (Twisted's `initialDelay`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::client::Backoff;
    /// let backoff = Backoff::new().initial(Duration::from_millis(100)).jitter(0.0);
    /// assert_eq!(backoff.delays().next(), Some(Duration::from_millis(100)));
    /// ```
    #[must_use]
    pub const fn initial(self, delay: Duration) -> Self {
        Self { initial: delay, ..self }
    }

    /// The longest delay. Default: one hour. (Twisted's `maxDelay`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::client::Backoff;
    /// let backoff = Backoff::new().max(Duration::from_millis(300)).jitter(0.0);
    /// assert_eq!(backoff.delays().next(), Some(Duration::from_millis(300)));
    /// ```
    #[must_use]
    pub const fn max(self, delay: Duration) -> Self {
        Self { max: delay, ..self }
    }

    /// How many times as long as the last one a delay is. Default: e.
    ///
    /// # Panics
    /// If it is negative or not a number.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::client::Backoff;
    /// let backoff = Backoff::new().factor(3.0).jitter(0.0);
    /// assert_eq!(backoff.delays().nth(2), Some(Duration::from_secs(9)));
    /// ```
    #[must_use]
    pub const fn factor(self, factor: f64) -> Self {
        assert!(factor >= 0.0, "a delay cannot become so many times as long: the factor must not be negative");
        Self { factor, ..self }
    }

    /// What part of a delay is left to chance: the standard deviation of the normal distribution around it. Default:
    /// about 12 %. With 0 nothing is.
    ///
    /// # Panics
    /// If it is negative or not a number.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::client::Backoff;
    /// let shaken = Backoff::new().jitter(0.5).delays().with_chance(|| -1.0);
    /// assert_eq!(shaken.take(1).collect::<Vec<_>>(), [Duration::from_millis(500)]);
    /// ```
    #[must_use]
    pub const fn jitter(self, part: f64) -> Self {
        assert!(part >= 0.0, "chance cannot have so large a part in a delay: the jitter must not be negative");
        Self { jitter: part, ..self }
    }

    /// How often in a row to try again. Default: without end. (Twisted's `maxRetries`.)
    ///
    /// ```
    /// # use twisty::client::Backoff;
    /// assert_eq!(Backoff::new().retries(3).delays().count(), 3);
    /// ```
    #[must_use]
    pub const fn retries(self, retries: u32) -> Self {
        Self { retries: Some(retries), ..self }
    }

    /// How long a connection must have lasted for the next delay to be the first one again; `None` leaves that to
    /// [`Connector::reset_delay`](super::Connector::reset_delay), as Twisted does. Default: 30 seconds.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::client::Backoff;
    /// let backoff = Backoff::new().reset_after(Duration::from_secs(5));
    /// assert!(backoff.is_stable(Duration::from_secs(5)));
    /// assert!(!backoff.reset_after(None).is_stable(Duration::from_secs(5)));
    /// ```
    #[must_use]
    pub fn reset_after(self, lasted: impl Into<Option<Duration>>) -> Self {
        Self { reset_after: lasted.into(), ..self }
    }

    /// Whether a connection that `lasted` so long is reason to start all over.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::client::Backoff;
    /// assert!(!Backoff::new().is_stable(Duration::from_secs(29)));
    /// ```
    #[must_use]
    pub fn is_stable(&self, lasted: Duration) -> bool {
        self.reset_after.is_some_and(|enough| lasted >= enough)
    }

    /// The delays, one after another.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::client::Backoff;
    /// let delays = Backoff::new().delays();
    /// assert_eq!(delays.delay(), Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn delays(&self) -> Delays {
        Delays { backoff: *self, delay: self.initial.as_secs_f64(), retries: 0, chance: Box::new(normal) }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// A draw of the standard normal distribution, as Box and Muller make it of two even ones.
fn normal() -> f64 {
    (-2.0 * (1.0 - fastrand::f64()).ln()).sqrt() * (TAU * fastrand::f64()).cos()
}

/// The delays of a [`Backoff`], one after another; `None` when it is not to be tried again.
///
/// ```
/// use std::time::Duration;
/// use twisty::client::Backoff;
///
/// let mut delays = Backoff::new().factor(2.0).jitter(0.0).delays();
/// assert_eq!([delays.next(), delays.next()], [1, 2].map(|seconds| Some(Duration::from_secs(seconds))));
/// delays.reset();
/// assert_eq!(delays.next(), Some(Duration::from_secs(1)));
/// ```
pub struct Delays {
    backoff: Backoff,
    /// The next one, before chance has its part, in seconds: no rounding adds up.
    delay: f64,
    retries: u32,
    chance: Box<dyn FnMut() -> f64>,
}

impl Delays {
    /// The same with draws of `chance` instead of random ones: numbers of the standard normal distribution.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::client::Backoff;
    /// let mut unlucky = Backoff::new().delays().with_chance(|| -100.0);
    /// assert_eq!(unlucky.next(), Some(Duration::ZERO)); // and not before
    /// ```
    #[must_use]
    pub fn with_chance(self, chance: impl FnMut() -> f64 + 'static) -> Self {
        Self { chance: Box::new(chance), ..self }
    }

    /// The next delay, as it is before chance has its part in it.
    ///
    /// ```
    /// # use twisty::client::Backoff;
    /// let mut delays = Backoff::new().factor(2.0).jitter(0.0).delays();
    /// delays.next();
    /// assert_eq!(delays.delay().as_secs(), 2);
    /// ```
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.within(self.delay)
    }

    /// How often [`next`](Iterator::next) was asked since the beginning, or since the last [`reset`](Self::reset).
    ///
    /// ```
    /// # use twisty::client::Backoff;
    /// let mut delays = Backoff::new().retries(1).delays();
    /// assert!((delays.next().is_some(), delays.next().is_none()) == (true, true));
    /// assert_eq!(delays.retries(), 2);
    /// ```
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// Starts all over. (Twisted's `resetDelay`.)
    ///
    /// ```
    /// # use twisty::client::Backoff;
    /// let mut delays = Backoff::new().retries(1).delays();
    /// assert!(delays.next().is_some());
    /// delays.reset();
    /// assert!(delays.next().is_some());
    /// ```
    pub fn reset(&mut self) {
        (self.delay, self.retries) = (self.backoff.initial.as_secs_f64(), 0);
    }

    /// What they are the delays of.
    ///
    /// ```
    /// # use twisty::client::Backoff;
    /// assert_eq!(Backoff::new().delays().backoff(), &Backoff::new());
    /// ```
    #[must_use]
    pub const fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// As a duration, no longer than the longest.
    fn within(&self, seconds: f64) -> Duration {
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX).min(self.backoff.max)
    }
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let Backoff { max, factor, jitter, retries, .. } = self.backoff;
        self.retries = self.retries.saturating_add(1);
        if retries.is_some_and(|retries| self.retries > retries) {
            return None;
        }
        let chance = if jitter > 0.0 { jitter * (self.chance)() } else { 0.0 };
        let shaken = self.delay + self.delay * chance;
        // Chance may make one delay nothing, but not all that grow from it.
        let grows_from = if shaken > 0.0 { shaken } else { self.delay };
        self.delay = (grows_from * factor).min(max.as_secs_f64());
        Some(self.within(shaken))
    }
}

impl fmt::Debug for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backoff, delay, retries, .. } = self;
        f.debug_struct("Delays")
            .field("backoff", backoff)
            .field("delay", delay)
            .field("retries", retries)
            .finish_non_exhaustive()
    }
}
