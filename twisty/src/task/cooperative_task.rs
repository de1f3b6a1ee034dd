//! One piece of work of a Cooperator.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use super::cooperator::Schedule;
use super::discard;
use crate::deferred::{Deferred, IntoDeferred, Resolver};
use crate::error::{HandlerPanicked, TaskError};
use crate::failure::Failure;

/// A piece of work that a [`Cooperator`](super::Cooperator) has taken on. A clone is the same task. (Twisted's
/// `CooperativeTask`.)
///
/// Dropping it changes nothing: the work goes on.
///
/// ```
/// use std::time::Duration;
/// use twisty::task::{Cooperator, Slice};
///
/// let clock = twisty::testing::Clock::new();
/// let cooperator = Cooperator::new(&clock);
/// cooperator.set_slice(Slice::Steps(1));
/// let task = cooperator.cooperate((1..).map(|n| println!("step {n}")));
/// clock.pump([Duration::from_millis(1); 3]); // steps 1 to 3
/// task.stop()?;
/// # Ok::<(), twisty::TaskError>(())
/// ```
#[derive(Clone)]
pub struct CooperativeTask {
    schedule: Rc<Schedule>,
    task: Rc<Task>,
}

/// What the schedule holds of it. It holds nothing of the schedule, so that both go when nobody has them.
pub(super) struct Task {
    /// Not here while it makes a step, and when it is over.
    work: Cell<Option<Work>>,
    /// Where it stands, while it wants steps.
    place: Cell<Option<u64>>,
    pauses: Cell<usize>,
    /// For a Deferred that a step returned.
    waits: Cell<bool>,
    over: Cell<Option<TaskError>>,
    /// What it failed with, until somebody asks; a Deferred, so that it is reported if nobody does.
    failed: Cell<Option<Deferred<()>>>,
    /// Those who asked before it was over.
    waiters: RefCell<Vec<Resolver<()>>>,
}

type Work = Box<dyn Iterator<Item = Deferred<()>>>;

impl CooperativeTask {
    pub(super) fn new<I: Iterator<Item: IntoDeferred> + 'static>(schedule: Rc<Schedule>, work: I) -> Self {
        let work: Work = Box::new(work.map(|step| step.into_deferred().map(drop)));
        let task = Task {
            work: Cell::new(Some(work)),
            place: Cell::default(),
            pauses: Cell::default(),
            waits: Cell::default(),
            over: Cell::default(),
            failed: Cell::default(),
            waiters: RefCell::default(),
        };
        Self::of(schedule, Rc::new(task))
    }

    pub(super) const fn of(schedule: Rc<Schedule>, task: Rc<Task>) -> Self {
        Self { schedule, task }
    }

    /// Fires when the work is done; fails with what ended it otherwise: [`TaskError::Stopped`],
    /// [`TaskError::SchedulerStopped`], or its own failure. (Twisted's `whenDone`.)
    ///
    /// A failure has one owner: whoever asked first gets it, the others get [`TaskError::Failed`]. One that nobody asks for
    /// is reported like that of a Deferred.
    ///
    /// ```
    /// use twisty::{TaskError, task::Cooperator};
    ///
    /// # let clock = twisty::testing::Clock::new();
    /// let task = Cooperator::new(&clock).cooperate([()].into_iter());
    /// let done = task.when_done();
    /// task.stop()?;
    /// let failure = done.into_result().expect("it is over").unwrap_err();
    /// assert_eq!(failure.check(), Some(&TaskError::Stopped));
    /// # Ok::<(), TaskError>(())
    /// ```
    #[track_caller]
    pub fn when_done(&self) -> Deferred<()> {
        if let Some(over) = self.task.over.get() {
            return self.task.ending(over);
        }
        let (resolver, deferred) = Deferred::new();
        self.task.waiters.borrow_mut().push(resolver);
        deferred
    }

    /// Makes no more steps until [`resume`](Self::resume) was called as often. (Twisted's `pause`.)
    ///
    /// # Errors
    /// [`TaskError`], when it is over.
    ///
    /// ```
    /// # use twisty::task::Cooperator;
    /// # let clock = twisty::testing::Clock::new();
    /// let task = Cooperator::new(&clock).cooperate([()].into_iter());
    /// task.pause()?;
    /// assert!(clock.delayed_calls().is_empty());
    /// task.resume()?;
    /// # Ok::<(), twisty::TaskError>(())
    /// ```
    pub fn pause(&self) -> Result<(), TaskError> {
        self.task.check()?;
        self.task.pauses.set(self.task.pauses.get() + 1);
        self.leave();
        Ok(())
    }

    /// Ends a pause. When it was the last one, the task goes on, behind all others. (Twisted's `resume`.)
    ///
    /// # Errors
    /// [`TaskError::NotPaused`].
    ///
    /// ```
    /// # let clock = twisty::testing::Clock::new();
    /// let task = twisty::task::Cooperator::new(&clock).cooperate([()].into_iter());
    /// assert_eq!(task.resume(), Err(twisty::TaskError::NotPaused));
    /// ```
    pub fn resume(&self) -> Result<(), TaskError> {
        let pauses = self.task.pauses.get().checked_sub(1).ok_or(TaskError::NotPaused)?;
        self.task.pauses.set(pauses);
        self.enter();
        Ok(())
    }

    /// Makes no more steps at all, and drops the work. What it waits for is not cancelled. (Twisted's `stop`.)
    ///
    /// # Errors
    /// [`TaskError`], when it is over.
    ///
    /// ```
    /// # let clock = twisty::testing::Clock::new();
    /// let task = twisty::task::Cooperator::new(&clock).cooperate(std::iter::repeat(()));
    /// task.stop()?;
    /// assert!(task.when_done().has_result());
    /// # Ok::<(), twisty::TaskError>(())
    /// ```
    pub fn stop(&self) -> Result<(), TaskError> {
        self.task.check()?;
        self.leave();
        self.task.end(TaskError::Stopped);
        Ok(())
    }

    /// Wants steps, unless something holds it.
    pub(super) fn enter(&self) {
        let Task { over, pauses, waits, place, .. } = &*self.task;
        if over.get().is_some() || pauses.get() > 0 || waits.get() || place.get().is_some() {
            return;
        }
        if self.schedule.is_stopped() {
            return self.task.end(TaskError::SchedulerStopped);
        }
        place.set(Some(self.schedule.enter(Rc::clone(&self.task))));
    }

    fn leave(&self) {
        if let Some(place) = self.task.place.take() {
            self.schedule.leave(place);
        }
    }

    /// Makes one step.
    pub(super) fn step(&self) {
        let Some(mut work) = self.task.work.take() else { return };
        let step = HandlerPanicked::catch(|| work.next());
        if self.task.over.get().is_some() {
            return discard((work, step));
        }
        self.task.work.set(Some(work));
        match step {
            Ok(Some(step)) => self.wait_for(step),
            Ok(None) => self.end(TaskError::Done),
            Err(panicked) => self.fail(panicked.into()),
        }
    }

    fn wait_for(&self, step: Deferred<()>) {
        let step = match step.into_result() {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => return self.fail(failure),
            Err(step) => step,
        };
        self.task.waits.set(true);
        self.leave();
        let this = self.clone();
        step.add_both(move |result| {
            this.task.waits.set(false);
            if this.task.over.get().is_some() {
                return result; // nobody's any more, and reported if it is a failure
            }
            match result {
                Ok(()) => this.enter(),
                Err(failure) => this.fail(failure),
            }
            Ok(())
        });
    }

    fn fail(&self, failure: Failure) {
        self.task.failed.set(Some(Err(failure).into()));
        self.end(TaskError::Failed);
    }

    fn end(&self, over: TaskError) {
        self.leave();
        self.task.end(over);
    }
}

impl Task {
    fn check(&self) -> Result<(), TaskError> {
        self.over.get().map_or(Ok(()), Err)
    }

    /// It is over, and stands nowhere any more.
    pub(super) fn end(&self, over: TaskError) {
        self.place.set(None);
        self.over.set(Some(over));
        discard(self.work.take());
        for waiter in self.waiters.take() {
            if !waiter.is_called() {
                self.ending(over).chain_deferred(waiter);
            }
        }
    }

    fn ending(&self, over: TaskError) -> Deferred<()> {
        match over {
            TaskError::Done => Deferred::succeed(()),
            TaskError::Failed => self.failed.take().unwrap_or_else(|| Deferred::fail(over)),
            _ => Deferred::fail(over),
        }
    }
}

impl fmt::Debug for CooperativeTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("CooperativeTask");
        debug.field("over", &self.task.over.get()).field("pauses", &self.task.pauses.get()).finish_non_exhaustive()
    }
}
