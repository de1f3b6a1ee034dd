//! Values under keys that never name another one later.

use std::num::NonZeroU32;

/// Names one timer of a [`Timers`](super::Timers); never names another one later.
///
/// ```
/// use twisty::clock::{TimerKey, Timers, Timestamp};
///
/// let mut timers = Timers::new();
/// let tea: TimerKey = timers.insert(Timestamp::ZERO, "tea");
/// assert_eq!(timers.remove(tea), Some("tea"));
/// assert_ne!(timers.insert(Timestamp::ZERO, "coffee"), tea);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerKey {
    slot: u32,
    /// Never zero, so that what may be a key takes no more room than one.
    generation: NonZeroU32,
}

impl TimerKey {
    /// Names no timer, of whatever clock.
    pub(crate) const NONE: Self = Self { slot: u32::MAX, generation: NonZeroU32::MIN };
}

/// Values in slots that are used again, in the order of memory.
///
/// A slot map hands out the slot that was freed last. After timers that fired in any order its slots come in any order
/// too, and each insertion waits for memory. Here a hand goes round and takes the free slots it passes.
pub(super) struct Slots<T> {
    slots: Vec<Slot<T>>,
    /// How many hold a value.
    len: usize,
    /// A bit for each slot, 64 in a word; set if it is free.
    free: Vec<u64>,
    /// The word whose free slots are handed out.
    hand: usize,
}

struct Slot<T> {
    /// One, and one more each time it is freed.
    generation: NonZeroU32,
    value: Option<T>,
}

impl<T> Slots<T> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), len: 0, free: Vec::new(), hand: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.value.as_ref())
    }

    pub(super) fn insert(&mut self, value: T) -> TimerKey {
        let Some(index) = self.next_free() else { return self.push(value) };
        self.free[index / 64] &= !(1 << (index % 64));
        self.len += 1;
        let slot = &mut self.slots[index];
        slot.value = Some(value);
        TimerKey { slot: index as u32, generation: slot.generation }
    }

    /// A free slot, unless there are so few that looking for one costs more than having more slots.
    fn next_free(&mut self) -> Option<usize> {
        loop {
            let word = self.free.get(self.hand).copied().unwrap_or(0);
            if word != 0 {
                return Some(64 * self.hand + word.trailing_zeros() as usize);
            }
            let free = self.slots.len() - self.len;
            if 8 * free <= self.slots.len() {
                return None;
            }
            self.hand = if self.hand + 1 < self.free.len() { self.hand + 1 } else { 0 };
        }
    }

    /// One slot more.
    fn push(&mut self, value: T) -> TimerKey {
        let index = self.slots.len();
        assert!(index < u32::MAX as usize, "there are too many timers");
        if index == 64 * self.free.len() {
            self.free.push(0);
        }
        let generation = NonZeroU32::MIN;
        self.slots.push(Slot { generation, value: Some(value) });
        self.len += 1;
        TimerKey { slot: index as u32, generation }
    }

    pub(super) fn get(&self, key: TimerKey) -> Option<&T> {
        let slot = self.slots.get(key.slot as usize)?;
        slot.value.as_ref().filter(|_| slot.generation == key.generation)
    }

    pub(super) fn get_mut(&mut self, key: TimerKey) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.slot as usize)?;
        slot.value.as_mut().filter(|_| slot.generation == key.generation)
    }

    pub(super) fn remove(&mut self, key: TimerKey) -> Option<T> {
        let slot = self.slots.get_mut(key.slot as usize).filter(|slot| slot.generation == key.generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        self.free[key.slot as usize / 64] |= 1 << (key.slot % 64);
        self.len -= 1;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again_in_order() {
        let mut slots = Slots::new();
        let mut keys: Vec<_> = (0..1000).map(|n| slots.insert(n)).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut keys);
        for key in keys {
            assert!(slots.remove(key).is_some());
        }
        let again: Vec<_> = (0..800).map(|n| slots.insert(n).slot).collect();
        assert_eq!(again, (0..800).collect::<Vec<_>>());
    }

    #[test]
    fn a_key_never_names_another_value() {
        let mut slots = Slots::new();
        let old = slots.insert("old");
        assert_eq!(slots.remove(old), Some("old"));
        let new = slots.insert("new");
        assert_eq!((new.slot, slots.len()), (old.slot, 1));
        assert_eq!(slots.get(old), None);
        assert_eq!(slots.get_mut(old), None);
        assert_eq!(slots.remove(old), None);
        assert_eq!(slots.get(new), Some(&"new"));
    }

    #[test]
    fn free_slots_are_used_up_to_an_eighth() {
        let mut slots = Slots::new();
        let mut keys: Vec<_> = (0..1000).map(|n| slots.insert(n)).collect();
        let mut numbers = fastrand::Rng::with_seed(7);
        for n in 0..100_000 {
            let key = keys.swap_remove(numbers.usize(..keys.len()));
            assert!(slots.remove(key).is_some());
            keys.push(slots.insert(n));
        }
        assert!(slots.slots.len() <= 1150, "{} slots for 1000 values", slots.slots.len());
    }
}
