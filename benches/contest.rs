//! Contests: the same work done in several ways, in this process.

use std::fmt;
use std::time::Duration;

use crate::aim::Aim;
use crate::compare::order;
use crate::process::cpu_time;

/// The same work in several ways.
#[derive(Debug)]
pub struct Contest {
    /// The heading of its table.
    pub name: String,
    /// Links or timers in one piece of the work: what times are divided by.
    pub units: usize,
    /// The first two are those that all are compared with.
    pub ways: Vec<Way>,
}

/// One way to do the work of a contest.
pub struct Way {
    /// The first column of the table.
    pub label: &'static str,
    /// What its time should be at most.
    pub aims: Vec<Aim>,
    /// How often one piece of the work allocates, if somebody counted.
    pub allocations: Option<u64>,
    work: Box<dyn FnMut()>,
}

impl Contest {
    /// Work of so many units, and no way to do it yet.
    pub fn new(name: impl Into<String>, units: usize) -> Self {
        Self { name: name.into(), units, ways: Vec::new() }
    }

    /// Adds a way: `work` does one piece of it, and checks what comes out.
    #[must_use]
    pub fn way(mut self, label: &'static str, work: impl FnMut() + 'static) -> Self {
        self.ways.push(Way { label, aims: Vec::new(), allocations: None, work: Box::new(work) });
        self
    }

    /// What the time of the way that was added last should be at most; there may be several aims.
    ///
    /// # Panics
    /// When there is no way yet.
    #[must_use]
    pub fn aim(mut self, aim: Aim) -> Self {
        self.ways.last_mut().expect("an aim comes after its way").aims.push(aim);
        self
    }

    /// Has the allocations of each way counted. Its first piece does not count: it may fill caches.
    pub fn count_allocations(&mut self, count: impl Fn(&mut dyn FnMut()) -> u64) {
        for way in &mut self.ways {
            (way.work)();
            way.allocations = Some(count(&mut way.work));
        }
    }

    /// Gives each way its turn in every round; for each way, nanoseconds of CPU time a unit, round by round.
    pub fn hold(&mut self, rounds: usize, duration: Duration) -> Vec<Vec<f64>> {
        let pieces: Vec<_> = self.ways.iter_mut().map(|way| way.pieces_in(duration)).collect();
        let mut times = vec![Vec::with_capacity(rounds); self.ways.len()];
        for round in 0..rounds {
            for index in order(self.ways.len(), round) {
                let time = self.ways[index].time(pieces[index]);
                times[index].push(time.as_nanos() as f64 / (pieces[index] * self.units) as f64);
            }
        }
        times
    }
}

impl Way {
    /// How many pieces of the work take about so long. Finding out also warms up.
    fn pieces_in(&mut self, duration: Duration) -> usize {
        let enough = |pieces: &usize| self.time(*pieces) * 2 > duration;
        std::iter::successors(Some(1), |pieces| Some(pieces * 2)).find(enough).unwrap_or(1)
    }

    fn time(&mut self, pieces: usize) -> Duration {
        let before = cpu_time();
        for _ in 0..pieces {
            (self.work)();
        }
        cpu_time().saturating_sub(before)
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("label", &self.label).finish_non_exhaustive()
    }
}
