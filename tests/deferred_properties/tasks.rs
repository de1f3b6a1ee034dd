//! Futures that await Deferreds, which fire, fail and are cancelled at random.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use twisty::testing::{Clock, UnhandledFailures};
use twisty::{CancelledError, ConnectionDone, Deferred, Failure, Resolver};

use crate::random::{panic_on_purpose, programs, take_any};

/// What the tasks wait for.
#[derive(Default)]
struct Office {
    /// By the number of the task: what it waits for now.
    open: RefCell<Vec<(usize, Resolver<u64>)>>,
    /// How often the canceller ran of what each waits for.
    cancelled: RefCell<Vec<usize>>,
    /// Values that are with a task.
    alive: Cell<usize>,
}

/// A task has it as long as it lives.
struct Visit(Rc<Office>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.alive.set(self.0.alive.get() - 1);
    }
}

/// What a task should have come to.
#[derive(Debug, Clone, PartialEq)]
enum End {
    Waits,
    Sum(u64),
    Failed,
    Cancelled,
    Panicked,
}

impl Office {
    fn promise(self: &Rc<Self>, task: usize) -> Deferred<u64> {
        let office = Rc::clone(self);
        let (resolver, promise) = Deferred::with_canceller(move |_| {
            office.cancelled.borrow_mut()[task] += 1;
        });
        self.open.borrow_mut().push((task, resolver));
        promise
    }

    async fn visit(self: Rc<Self>, task: usize, steps: usize, panics: bool) -> Result<u64, Failure> {
        self.alive.set(self.alive.get() + 1);
        let _leaves = Visit(Rc::clone(&self));
        let mut sum = 0;
        for step in 0..steps {
            // Every other one is awaited by way of a chain.
            sum += match step % 2 {
                0 => self.promise(task).await?,
                _ => Deferred::succeed(self.promise(task)).add_callback(|promise| promise).map(|n| n).await?,
            };
        }
        if panics {
            panic_on_purpose("a task".to_owned());
        }
        Ok(sum)
    }
}

/// The tasks, and what is expected of them.
struct Crowd {
    office: Rc<Office>,
    clock: Clock,
    tasks: Vec<Option<Deferred<u64>>>,
    left: Vec<usize>,
    sums: Vec<u64>,
    panics: Vec<bool>,
    ends: Vec<End>,
    /// Whether it waited for something when it was cancelled.
    waited: Vec<bool>,
}

impl Crowd {
    fn new(rng: &mut Rng) -> Self {
        let (office, clock, count) = (Rc::<Office>::default(), Clock::new(), rng.usize(1..6));
        *office.cancelled.borrow_mut() = vec![0; count];
        let left: Vec<_> = (0..count).map(|_| rng.usize(..6)).collect();
        let panics: Vec<_> = (0..count).map(|_| rng.u8(..5) == 0).collect();
        let spawn = |task| Some(clock.spawn(Rc::clone(&office).visit(task, left[task], panics[task])));
        let tasks = (0..count).map(spawn).collect();
        Self {
            office,
            clock,
            tasks,
            left,
            sums: vec![0; count],
            panics,
            ends: vec![End::Waits; count],
            waited: vec![false; count],
        }
    }

    fn act(&mut self, rng: &mut Rng) {
        match rng.u8(..8) {
            0..5 => self.fire(rng),
            5 => self.cancel(rng.usize(..self.tasks.len())),
            6 => drop(self.tasks[rng.usize(..self.ends.len())].take_if(|_| rng.bool())),
            _ => {}
        }
        if rng.u8(..3) > 0 {
            self.advance();
        }
    }

    fn advance(&mut self) {
        self.clock.advance(Duration::ZERO);
        for task in 0..self.ends.len() {
            let end = if self.panics[task] { End::Panicked } else { End::Sum(self.sums[task]) };
            if self.left[task] == 0 && self.ends[task] == End::Waits {
                self.ends[task] = end;
            }
        }
    }

    fn fire(&mut self, rng: &mut Rng) {
        let Some((task, resolver)) = take_any(rng, &mut self.office.open.borrow_mut()) else { return };
        if resolver.is_called() {
            return assert_eq!(self.ends[task], End::Cancelled);
        }
        match rng.u64(..8) {
            0 => {
                resolver.errback(ConnectionDone);
                (self.ends[task], self.left[task]) = (End::Failed, usize::MAX);
            }
            value => {
                resolver.callback(value);
                self.sums[task] += value;
                self.left[task] -= 1;
            }
        }
    }

    fn cancel(&mut self, task: usize) {
        if let Some(deferred) = &self.tasks[task] {
            if !deferred.has_result() {
                let open = self.office.open.borrow();
                self.waited[task] |= open.iter().any(|(other, resolver)| *other == task && !resolver.is_called());
                self.ends[task] = End::Cancelled;
            }
            deferred.cancel();
        }
    }

    /// What a task has come to.
    fn end(deferred: Deferred<u64>) -> End {
        match deferred.into_result() {
            Err(_) => End::Waits,
            Ok(Ok(sum)) => End::Sum(sum),
            Ok(Err(why)) if why.check::<CancelledError>().is_some() => End::Cancelled,
            Ok(Err(why)) if why.check::<ConnectionDone>().is_some() => End::Failed,
            Ok(Err(_)) => End::Panicked,
        }
    }
}

#[test]
fn tasks_get_what_they_await_or_cancel_it() {
    programs(3000, |rng| {
        let unhandled = UnhandledFailures::forbid();
        let mut crowd = Crowd::new(rng);
        for _ in 0..rng.usize(..40) {
            crowd.act(rng);
        }
        crowd.advance();
        let Crowd { office, clock, tasks, ends, waited, .. } = crowd;
        for (task, deferred) in tasks.into_iter().enumerate() {
            assert_eq!(office.cancelled.borrow()[task], usize::from(waited[task]), "task {task}, {ends:?}");
            if let Some(deferred) = deferred {
                assert_eq!(Crowd::end(deferred), ends[task], "task {task}");
            }
        }
        let waiting: Vec<_> = ends.iter().map(|end| *end == End::Waits).collect();
        assert_eq!(office.alive.get(), waiting.iter().filter(|waits| **waits).count(), "a future was left, or lost");
        drop(unhandled.take());
        drop(clock);
        assert_eq!(office.alive.get(), 0, "a future outlived the clock");
        for task in 0..ends.len() {
            let times = usize::from(waited[task] || waiting[task]);
            assert_eq!(office.cancelled.borrow()[task], times, "task {task}, {ends:?}");
        }
        office.open.take();
        drop(unhandled.take());
        assert_eq!(Rc::strong_count(&office), 1, "callbacks are left");
    });
}
