//! What is due, in order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::mem;

use super::Timestamp;
use super::slots::TimerKey;

/// When which timer is due, the earliest first.
///
/// A sorted run, and a heap for what came after it was sorted. When the heap is the longer one all of it becomes the run:
/// sorting many and taking them from the end costs a fraction of as many pops of a large heap, each of which jumps
/// through memory, and what comes in order, as equal delays do, is sorted in one pass. A sorting has at least half of its
/// entries from the heap, so on average a push stays O(log n).
#[derive(Default)]
pub(super) struct Queue {
    /// The earliest last.
    run: Vec<Due>,
    heap: BinaryHeap<Due>,
}

/// When a timer is due.
#[derive(Clone, Copy)]
pub(super) struct Due {
    pub(super) when: Timestamp,
    /// Unlike that of any other.
    pub(super) sequence: u64,
    pub(super) key: TimerKey,
}

impl Queue {
    /// A heap that has no more is in the processor's cache, and as good as a run.
    const WORTH_SORTING: usize = 4096;

    pub(super) fn len(&self) -> usize {
        self.run.len() + self.heap.len()
    }

    pub(super) fn push(&mut self, due: Due) {
        self.heap.push(due);
    }

    /// What is due first.
    pub(super) fn first(&mut self) -> Option<Due> {
        if self.heap.len() > self.run.len().max(Self::WORTH_SORTING) {
            self.sort();
        }
        if self.run_is_first() { self.run.last().copied() } else { self.heap.peek().copied() }
    }

    /// Takes out what is due first.
    pub(super) fn drop_first(&mut self) {
        if self.run_is_first() {
            self.run.pop();
        } else {
            self.heap.pop();
        }
    }

    fn sort(&mut self) {
        let mut all = mem::take(&mut self.heap).into_vec();
        all.append(&mut self.run);
        all.sort();
        // The run is empty, but its memory serves.
        self.heap = mem::replace(&mut self.run, all).into();
    }

    fn run_is_first(&self) -> bool {
        match (self.run.last(), self.heap.peek()) {
            (Some(run), Some(heap)) => run > heap,
            (run, _) => run.is_some(),
        }
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Due) -> bool) {
        self.run.retain(&keep);
        self.heap.retain(keep);
    }
}

impl Due {
    /// Sooner is greater, then first in is greater: both in one number, so that comparing takes no branch. A queue
    /// compares a lot, and guessing how it comes out does not work.
    fn rank(&self) -> u128 {
        !(u128::from(self.when.0) << 64 | u128::from(self.sequence))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }

    fn lt(&self, other: &Self) -> bool {
        self.rank() < other.rank()
    }

    fn le(&self, other: &Self) -> bool {
        self.rank() <= other.rank()
    }

    fn gt(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    fn ge(&self, other: &Self) -> bool {
        self.rank() >= other.rank()
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Due {}
