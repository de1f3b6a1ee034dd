//! Long work, done a little at a time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::rc::Rc;
use std::time::Duration;

use super::cooperative_task::{CooperativeTask, Task};
use super::upcoming::{Called, Upcoming};
use crate::clock::{DelayedCall, Scheduler, Timestamp, WeakClock};
use crate::deferred::{Deferred, IntoDeferred};
use crate::error::TaskError;

/// Does several pieces of long work by turns, a slice at a time, so that the reactor gets to everything else in between.
/// A clone is the same Cooperator. (Twisted's `task.Cooperator`.)
///
/// A piece of work is an iterator: each item is a step. An item is what a callback may return: `()`; a `Result`, whose
/// error ends the task; or a `Deferred`, which the task waits for. Each slice gives one step to each task in turn, until
/// its time is up. Tasks that are left live on without this handle. None of it keeps the clock alive; with the clock all
/// tasks end, as by [`stop`](Self::stop).
///
/// ```
/// use std::time::Duration;
/// use twisty::task::Cooperator;
///
/// let clock = twisty::testing::Clock::new();
/// let cooperator = Cooperator::new(&clock);
/// let done = cooperator.coiterate((1..=3).map(|n| println!("step {n}")));
/// clock.advance(Duration::from_millis(1));
/// assert!(done.has_result());
/// ```
#[derive(Clone)]
pub struct Cooperator(Rc<Schedule>);

/// How long a [`Cooperator`] goes on before it lets others do something.
///
/// ```
/// use twisty::task::{Cooperator, Slice};
///
/// let clock = twisty::testing::Clock::new();
/// let cooperator = Cooperator::new(&clock);
/// cooperator.set_slice(Slice::Steps(1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// Until so much time has passed, by the clock; at least one step. A slice ends after 1000 steps in any case: a
    /// test's clock stands still.
    Time(Duration),
    /// So many steps; at least one.
    Steps(usize),
}

impl Slice {
    const MOST_STEPS: usize = 1000;
}

/// Twisted's `Cooperator.MAX_SLICE`.
impl Default for Slice {
    fn default() -> Self {
        Self::Time(Duration::from_millis(10))
    }
}

pub(super) struct Schedule {
    clock: WeakClock,
    slice: Cell<Slice>,
    stage: Cell<Stage>,
    /// Those that want a step, in the order in which they came.
    tasks: RefCell<BTreeMap<u64, Rc<Task>>>,
    /// The place of the task that came last.
    places: Cell<u64>,
    /// The place of the task that had the last step; the next one behind it is next.
    turn: Cell<u64>,
    next_slice: Cell<Option<DelayedCall>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unstarted,
    Running,
    Stopped,
}

impl Cooperator {
    /// One that has started, with slices of 10 milliseconds.
    ///
    /// ```
    /// let clock = twisty::testing::Clock::new();
    /// assert!(twisty::task::Cooperator::new(&clock).is_running());
    /// ```
    #[must_use]
    pub fn new(clock: &(impl Scheduler + ?Sized)) -> Self {
        Self::with(clock, Stage::Running)
    }

    /// One that takes tasks, and makes no step before it is started. (Twisted's `Cooperator(started=False)`.)
    ///
    /// ```
    /// let clock = twisty::testing::Clock::new();
    /// let cooperator = twisty::task::Cooperator::unstarted(&clock);
    /// let _task = cooperator.cooperate([()].into_iter());
    /// assert!(clock.delayed_calls().is_empty());
    /// cooperator.start();
    /// assert_eq!(clock.delayed_calls().len(), 1);
    /// ```
    #[must_use]
    pub fn unstarted(clock: &(impl Scheduler + ?Sized)) -> Self {
        Self::with(clock, Stage::Unstarted)
    }

    fn with(clock: &(impl Scheduler + ?Sized), stage: Stage) -> Self {
        Self(Rc::new(Schedule {
            clock: WeakClock::of(clock),
            slice: Cell::default(),
            stage: Cell::new(stage),
            tasks: RefCell::default(),
            places: Cell::default(),
            turn: Cell::default(),
            next_slice: Cell::default(),
        }))
    }

    /// How long a slice is, from the next one on. (Twisted's `terminationPredicateFactory`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use twisty::task::{Cooperator, Slice};
    /// let cooperator = Cooperator::new(&twisty::testing::Clock::new());
    /// cooperator.set_slice(Slice::Time(Duration::from_millis(1)));
    /// ```
    pub fn set_slice(&self, slice: Slice) {
        self.0.slice.set(slice);
    }

    /// Takes on a piece of work. Its first step is made later, not here. A Cooperator that was stopped ends it at once.
    /// (Twisted's `Cooperator.cooperate`.)
    ///
    /// ```
    /// use twisty::task::{Cooperator, defer_later};
    /// # use std::time::Duration;
    ///
    /// # let clock = twisty::testing::Clock::new();
    /// let cooperator = Cooperator::new(&clock);
    /// let print = |page| {
    ///     let clock = twisty::clock::current().expect("it is advanced"); // one of its own would keep it for ever
    ///     defer_later(Duration::from_secs(1), &clock, move || println!("page {page}"))
    /// };
    /// let pages = (1..=3).map(print);
    /// let task = cooperator.cooperate(pages);
    /// clock.pump([Duration::from_secs(1); 7]);
    /// assert!(task.when_done().has_result());
    /// ```
    #[must_use = "it is the handle to pause it, stop it, or see its end"]
    pub fn cooperate<I>(&self, work: I) -> CooperativeTask
    where
        I: Iterator<Item: IntoDeferred> + 'static,
    {
        let task = CooperativeTask::new(Rc::clone(&self.0), work);
        task.enter();
        task
    }

    /// The same, for work that nobody will pause or stop: fires when it is done. (Twisted's `Cooperator.coiterate`.)
    ///
    /// ```
    /// # let clock = twisty::testing::Clock::new();
    /// let cooperator = twisty::task::Cooperator::new(&clock);
    /// let done = cooperator.coiterate("a long text".chars().map(|letter| println!("{letter}")));
    /// clock.advance(std::time::Duration::from_millis(1));
    /// assert!(done.has_result());
    /// ```
    pub fn coiterate<I>(&self, work: I) -> Deferred<()>
    where
        I: Iterator<Item: IntoDeferred> + 'static,
    {
        self.cooperate(work).when_done()
    }

    /// Begins, or begins again after [`stop`](Self::stop). (Twisted's `Cooperator.start`.)
    ///
    /// ```
    /// # let clock = twisty::testing::Clock::new();
    /// let cooperator = twisty::task::Cooperator::new(&clock);
    /// cooperator.stop();
    /// cooperator.start();
    /// assert!(cooperator.is_running());
    /// ```
    pub fn start(&self) {
        self.0.stage.set(Stage::Running);
        self.0.schedule();
    }

    /// Ends all tasks, with [`TaskError::SchedulerStopped`]; new ones end at once, and those that are paused or wait end
    /// when they would go on. (Twisted's `Cooperator.stop`.)
    ///
    /// ```
    /// use twisty::TaskError;
    ///
    /// # let clock = twisty::testing::Clock::new();
    /// let cooperator = twisty::task::Cooperator::new(&clock);
    /// let done = cooperator.coiterate([()].into_iter());
    /// cooperator.stop();
    /// let failure = done.into_result().expect("it is over").unwrap_err();
    /// assert_eq!(failure.check(), Some(&TaskError::SchedulerStopped));
    /// ```
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Whether it was started, and not stopped since. (Twisted's `Cooperator.running`.)
    ///
    /// ```
    /// let clock = twisty::testing::Clock::new();
    /// assert!(!twisty::task::Cooperator::unstarted(&clock).is_running());
    /// ```
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.stage.get() == Stage::Running && !self.0.clock.is_gone()
    }
}

impl Schedule {
    /// Between two slices; not zero, so that a test's clock which stands still makes one slice and not all. (Twisted's
    /// `_EPSILON`.)
    const BREAK: Duration = Duration::from_nanos(10);

    pub(super) fn is_stopped(&self) -> bool {
        self.stage.get() == Stage::Stopped || self.clock.is_gone()
    }

    fn stop(&self) {
        self.stage.set(Stage::Stopped);
        self.cancel_slice();
        for task in self.tasks.take().into_values() {
            task.end(TaskError::SchedulerStopped);
        }
    }

    /// Puts a task behind all others; its place.
    pub(super) fn enter(self: &Rc<Self>, task: Rc<Task>) -> u64 {
        let place = self.places.get() + 1;
        self.places.set(place);
        self.tasks.borrow_mut().insert(place, task);
        self.schedule();
        place
    }

    pub(super) fn leave(&self, place: u64) {
        // A statement of its own, so that the borrow ends before the task is dropped.
        let left = self.tasks.borrow_mut().remove(&place);
        if self.tasks.borrow().is_empty() {
            self.cancel_slice();
        }
        drop(left);
    }

    fn schedule(self: &Rc<Self>) {
        let scheduled = self.next_slice.take();
        if scheduled.is_some() || self.stage.get() != Stage::Running || self.tasks.borrow().is_empty() {
            return self.next_slice.set(scheduled);
        }
        let next = Upcoming::of(self);
        let schedule = |now| self.clock.schedule(now, Self::BREAK, move || next.come());
        match self.clock.time().and_then(schedule) {
            Some(slice) => self.next_slice.set(Some(slice)),
            None => self.stop(),
        }
    }

    fn cancel_slice(&self) {
        if let Some(slice) = self.next_slice.take() {
            let _the_clock_may_be_gone = slice.cancel();
        }
    }

    /// One slice.
    fn work(self: &Rc<Self>) {
        let (slice, began) = (self.slice.get(), self.clock.time());
        let mut steps = 0;
        while let Some(task) = self.next_task() {
            CooperativeTask::of(Rc::clone(self), task).step();
            steps += 1;
            if self.is_over(slice, steps, began) {
                break;
            }
        }
        self.schedule();
    }

    fn next_task(&self) -> Option<Rc<Task>> {
        let tasks = self.tasks.borrow();
        let behind = (Bound::Excluded(self.turn.get()), Bound::Unbounded);
        let (&place, task) = tasks.range(behind).next().or_else(|| tasks.first_key_value())?;
        self.turn.set(place);
        Some(Rc::clone(task))
    }

    fn is_over(&self, slice: Slice, steps: usize, began: Option<Timestamp>) -> bool {
        match slice {
            Slice::Steps(most) => steps >= most,
            Slice::Time(_) if steps >= Slice::MOST_STEPS => true,
            Slice::Time(most) => self.clock.time().zip(began).is_none_or(|(now, began)| now - began >= most),
        }
    }
}

impl fmt::Debug for Cooperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks = self.0.tasks.borrow().len();
        f.debug_struct("Cooperator").field("stage", &self.0.stage.get()).field("tasks", &tasks).finish_non_exhaustive()
    }
}

impl Called for Schedule {
    fn next(&self) -> &Cell<Option<DelayedCall>> {
        &self.next_slice
    }

    fn come(self: &Rc<Self>) {
        self.work();
    }

    fn forsake(&self) {
        self.stop();
    }
}
