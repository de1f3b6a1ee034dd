//! Values ordered by when they are due.

use std::fmt;

use super::Timestamp;
use super::queue::{Due, Queue};
use super::slots::{Slots, TimerKey};

/// Values ordered by when they are due; first in, first out for equal times.
///
/// A queue whose stale entries are left in place: cancelling is O(1), inserting and rescheduling O(log n) on average. When
/// more than half of the queue is stale it is cleaned, so it never holds more than twice what is pending. Slots of timers
/// that are gone are used again; their memory is kept.
///
/// ```
/// use std::time::Duration;
/// use twisty::clock::{Timers, Timestamp};
///
/// let at = |s| Timestamp::ZERO + Duration::from_secs(s);
/// let mut timers = Timers::new();
/// timers.insert(at(2), "late");
/// timers.insert(at(1), "first");
/// timers.insert(at(1), "second");
/// let batch = timers.batch();
/// assert_eq!(timers.pop_due(at(1), batch), Some("first"));
/// assert_eq!(timers.pop_due(at(1), batch), Some("second"));
/// assert_eq!(timers.pop_due(at(1), batch), None);
/// assert_eq!(timers.next_due(), Some(at(2)));
/// ```
pub struct Timers<T> {
    queue: Queue,
    /// The truth about each timer; what the queue says otherwise is stale.
    entries: Slots<Entry<T>>,
    /// Counts insertions, so that equal times keep their order.
    sequence: u64,
}

struct Entry<T> {
    when: Timestamp,
    sequence: u64,
    value: T,
}

/// The timers that exist at one moment; see [`Timers::batch`].
///
/// ```
/// use twisty::clock::{Batch, Timers, Timestamp};
///
/// let mut timers = Timers::new();
/// let before: Batch = timers.batch();
/// timers.insert(Timestamp::ZERO, "new");
/// assert_eq!(timers.pop_due(Timestamp::ZERO, before), None);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Batch(u64);

impl<T> Timers<T> {
    /// Fewer entries are never worth cleaning.
    const WORTH_CLEANING: usize = 64;

    /// No timers yet.
    ///
    /// ```
    /// let timers = twisty::clock::Timers::<&str>::new();
    /// assert!(timers.is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { queue: Queue::default(), entries: Slots::new(), sequence: 0 }
    }

    /// Adds a timer that is due at `when`.
    ///
    /// # Panics
    /// If four thousand million timers are pending.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// let mut timers = Timers::new();
    /// let due = Timestamp::ZERO + Duration::from_secs(3);
    /// let key = timers.insert(due, "eggs");
    /// assert_eq!(timers.when(key), Some(due));
    /// ```
    pub fn insert(&mut self, when: Timestamp, value: T) -> TimerKey {
        let sequence = self.next_sequence();
        let key = self.entries.insert(Entry { when, sequence, value });
        self.queue.push(Due { when, sequence, key });
        key
    }

    /// Takes a timer out; `None` if it is not there any more.
    ///
    /// ```
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// let mut timers = Timers::new();
    /// let key = timers.insert(Timestamp::ZERO, "eggs");
    /// assert_eq!(timers.remove(key), Some("eggs"));
    /// assert_eq!(timers.remove(key), None);
    /// ```
    pub fn remove(&mut self, key: TimerKey) -> Option<T> {
        let entry = self.entries.remove(key)?;
        self.clean();
        Some(entry.value)
    }

    /// Moves a timer to another time, behind those already due then; false if it is not there any more.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// # let mut timers = Timers::new();
    /// # let later = Timestamp::ZERO + Duration::from_secs(3);
    /// let eggs = timers.insert(Timestamp::ZERO, "eggs");
    /// timers.insert(later, "tea");
    /// assert!(timers.reschedule(eggs, later));
    /// let batch = timers.batch();
    /// assert_eq!(timers.pop_due(later, batch), Some("tea"));
    /// ```
    pub fn reschedule(&mut self, key: TimerKey, when: Timestamp) -> bool {
        let sequence = self.next_sequence();
        let Some(entry) = self.entries.get_mut(key) else { return false };
        (entry.when, entry.sequence) = (when, sequence);
        self.queue.push(Due { when, sequence, key });
        self.clean();
        true
    }

    /// When a timer is due.
    ///
    /// ```
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// let mut timers = Timers::new();
    /// let key = timers.insert(Timestamp::ZERO, "eggs");
    /// assert_eq!(timers.when(key), Some(Timestamp::ZERO));
    /// timers.remove(key);
    /// assert_eq!(timers.when(key), None);
    /// ```
    #[must_use]
    pub fn when(&self, key: TimerKey) -> Option<Timestamp> {
        self.entries.get(key).map(|entry| entry.when)
    }

    /// When the earliest timer is due.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// let mut timers = Timers::new();
    /// assert_eq!(timers.next_due(), None);
    /// timers.insert(Timestamp::ZERO + Duration::from_secs(3), "eggs");
    /// timers.insert(Timestamp::ZERO, "at once");
    /// assert_eq!(timers.next_due(), Some(Timestamp::ZERO));
    /// ```
    pub fn next_due(&mut self) -> Option<Timestamp> {
        Some(self.first()?.when)
    }

    /// The timers there are now. Those added later belong to the next batch, even if they are due at once: a timer that
    /// adds another one cannot keep the reactor from its sockets. (Twisted's rule for `callLater(0)`.)
    ///
    /// ```
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// # let mut timers = Timers::new();
    /// let this_turn = timers.batch();
    /// timers.insert(Timestamp::ZERO, "call me");
    /// assert_eq!(timers.pop_due(Timestamp::ZERO, this_turn), None);
    /// let next_turn = timers.batch();
    /// assert_eq!(timers.pop_due(Timestamp::ZERO, next_turn), Some("call me"));
    /// ```
    #[must_use]
    pub fn batch(&self) -> Batch {
        Batch(self.sequence)
    }

    /// Takes out the earliest timer of `batch` that is due at `now`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// # let mut timers = Timers::new();
    /// let due = Timestamp::ZERO + Duration::from_secs(3);
    /// timers.insert(due, "eggs");
    /// let batch = timers.batch();
    /// assert_eq!(timers.pop_due(Timestamp::ZERO, batch), None);
    /// assert_eq!(timers.pop_due(due, batch), Some("eggs"));
    /// ```
    pub fn pop_due(&mut self, now: Timestamp, batch: Batch) -> Option<T> {
        let first = self.first()?;
        // A later batch has no time before `now`, so whatever is first decides.
        if first.when > now || first.sequence >= batch.0 {
            return None;
        }
        self.queue.drop_first();
        self.entries.remove(first.key).map(|entry| entry.value)
    }

    /// When each pending timer is due, the earliest first.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// let mut timers = Timers::new();
    /// let later = Timestamp::ZERO + Duration::from_secs(3);
    /// timers.insert(later, "eggs");
    /// timers.insert(Timestamp::ZERO, "at once");
    /// assert_eq!(timers.times(), [Timestamp::ZERO, later]);
    /// ```
    #[must_use]
    pub fn times(&self) -> Vec<Timestamp> {
        let mut times: Vec<Timestamp> = self.entries.values().map(|entry| entry.when).collect();
        times.sort_unstable();
        times
    }

    /// How many timers are pending.
    ///
    /// ```
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// let mut timers = Timers::new();
    /// timers.insert(Timestamp::ZERO, "eggs");
    /// assert_eq!(timers.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no timer is pending.
    ///
    /// ```
    /// use twisty::clock::{Timers, Timestamp};
    ///
    /// let mut timers = Timers::new();
    /// assert!(timers.is_empty());
    /// timers.insert(Timestamp::ZERO, "eggs");
    /// assert!(!timers.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    /// What is due first and not stale.
    fn first(&mut self) -> Option<Due> {
        loop {
            let first = self.queue.first()?;
            if is_current(&self.entries, &first) {
                return Some(first);
            }
            self.queue.drop_first();
        }
    }

    /// Drops what is stale once that is most of the queue, which keeps the cost of a cancelled timer constant.
    fn clean(&mut self) {
        if self.queue.len() >= Self::WORTH_CLEANING.max(2 * self.entries.len()) {
            self.queue.retain(|due| is_current(&self.entries, due));
        }
    }
}

fn is_current<T>(entries: &Slots<Entry<T>>, due: &Due) -> bool {
    entries.get(due.key).is_some_and(|entry| entry.sequence == due.sequence)
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Timers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers").field("pending", &self.entries.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    fn drain(timers: &mut Timers<u64>, now: Timestamp) -> Vec<u64> {
        let batch = timers.batch();
        std::iter::from_fn(|| timers.pop_due(now, batch)).collect()
    }

    #[test]
    fn equal_times_are_first_in_first_out() {
        let mut timers = Timers::new();
        for n in 0..1000 {
            timers.insert(at(n % 3), n);
        }
        let expected: Vec<u64> = (0..3).flat_map(|r| (0..1000).filter(move |n| n % 3 == r)).collect();
        assert_eq!(drain(&mut timers, at(3)), expected);
    }

    #[test]
    fn a_rescheduled_timer_runs_once_at_its_new_time() {
        let mut timers = Timers::new();
        let key = timers.insert(at(1), 1);
        assert!(timers.reschedule(key, at(5)));
        assert_eq!(timers.next_due(), Some(at(5)));
        assert_eq!(drain(&mut timers, at(4)), []);
        assert_eq!(drain(&mut timers, at(5)), [1]);
        assert!(!timers.reschedule(key, at(6)));
        assert_eq!(timers.next_due(), None);
    }

    #[test]
    fn many_timers_come_as_from_a_sorted_map() {
        let (mut timers, mut model, mut keys) = (Timers::new(), BTreeMap::new(), Vec::new());
        let mut numbers = fastrand::Rng::with_seed(7);
        for n in 0..100_000_u64 {
            let when = at(numbers.u64(n / 20..n / 20 + 1000));
            match numbers.u8(0..10) {
                0..6 => {
                    model.insert((when, n), n);
                    keys.push((timers.insert(when, n), (when, n)));
                }
                6 if !keys.is_empty() => {
                    let (key, rank) = keys.swap_remove(numbers.usize(..keys.len()));
                    assert_eq!(timers.remove(key), model.remove(&rank));
                }
                7 if !keys.is_empty() => {
                    let (key, rank) = keys.swap_remove(numbers.usize(..keys.len()));
                    let value = model.remove(&rank);
                    assert_eq!(timers.when(key), value.map(|_| rank.0));
                    assert_eq!(timers.reschedule(key, when), value.is_some());
                    model.extend(value.map(|value| ((when, n), value)));
                    keys.push((key, (when, n)));
                }
                _ => {
                    let first = model.pop_first();
                    assert_eq!(timers.next_due(), first.map(|((when, _), _)| when));
                    let batch = timers.batch();
                    assert_eq!(timers.pop_due(at(u64::MAX), batch), first.map(|(_, value)| value));
                }
            }
            assert_eq!(timers.len(), model.len());
        }
        assert_eq!(drain(&mut timers, at(u64::MAX)), model.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn a_timer_added_by_a_batch_waits_for_the_next() {
        let mut timers = Timers::new();
        timers.insert(at(1), 1);
        let batch = timers.batch();
        assert_eq!(timers.pop_due(at(1), batch), Some(1));
        timers.insert(at(1), 2);
        assert_eq!(timers.pop_due(at(1), batch), None);
        assert_eq!(drain(&mut timers, at(1)), [2]);
    }

    #[test]
    fn cancelled_timers_do_not_pile_up() {
        let mut timers = Timers::new();
        for n in 0..100_000 {
            let key = timers.insert(at(n), n);
            assert_eq!(timers.remove(key), Some(n));
        }
        assert!(timers.queue.len() <= 64, "{} stale entries", timers.queue.len());
    }
}
