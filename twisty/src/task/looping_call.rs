//! A function that is called every so often.

use std::cell::Cell;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::upcoming::{Called, Upcoming};
use crate::clock::{DelayedCall, Scheduler, Timestamp, WeakClock};
use crate::deferred::{Deferred, IntoDeferred, Resolver, maybe_deferred};
use crate::error::LoopingCallError;
use crate::failure::Failure;

/// Calls a function every so often. A clone is the same loop. (Twisted's `task.LoopingCall`.)
///
/// The calls stay in step: they are due at multiples of the interval from the start, however long each of them takes, and
/// those that were missed meanwhile are left out. If the function returns a Deferred, the next call waits for it. An
/// error, or a panic, ends the loop.
///
/// A loop that runs lives on without its handles, until it is stopped or the clock is gone; it does not keep the clock
/// alive, and ends with it. A function that is to stop its own loop is given it by [`with_handle`](Self::with_handle).
///
/// ```
/// use std::cell::Cell;
/// use std::rc::{Rc, Weak};
/// use std::time::Duration;
/// use twisty::task::LoopingCall;
/// use twisty::testing::Clock;
///
/// let clock = Clock::new();
/// let beats = Rc::new(Cell::new(0));
/// let heart = Rc::clone(&beats);
/// let beat = LoopingCall::new(&clock, move || heart.set(heart.get() + 1));
/// let stopped = beat.start(Duration::from_secs(1), true)?; // the first beat
/// clock.pump([Duration::from_secs(1); 3]);
/// assert_eq!(beats.get(), 4);
/// beat.stop()?;
/// assert!(stopped.has_result());
/// # Ok::<(), twisty::LoopingCallError>(())
/// ```
#[derive(Clone)]
pub struct LoopingCall(Rc<Loop>);

struct Loop {
    clock: WeakClock,
    /// Not here while it is called.
    function: Cell<Option<Function>>,
    counts: bool,
    interval: Cell<Duration>,
    stage: Cell<Stage>,
    /// What the multiples of the interval count from.
    start: Cell<Timestamp>,
    /// When it was called last in this run, or would have been before a first call at once; in nanoseconds.
    last: Cell<Option<i128>>,
    /// The call that is to come; none while the function or its Deferred is being waited for.
    next: Cell<Option<DelayedCall>>,
    /// The Deferred of [`LoopingCall::start`].
    run: Cell<Option<Resolver<LoopingCall>>>,
}

type Function = Box<dyn FnMut(&LoopingCall, u64) -> Deferred<()>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Idle,
    Running,
    /// Stopped while a call was going on, which is still to be done.
    Stopping,
}

impl LoopingCall {
    /// A loop that does not run yet. `function` may return `()`, a `Result` or a `Deferred`.
    ///
    /// ```
    /// # let clock = twisty::testing::Clock::new();
    /// let beat = twisty::task::LoopingCall::new(&clock, || println!("beat"));
    /// assert!(!beat.is_running());
    /// ```
    pub fn new<R: IntoDeferred>(clock: &(impl Scheduler + ?Sized), mut function: impl FnMut() -> R + 'static) -> Self {
        Self::with(clock, false, Box::new(move |_, _| maybe_deferred(&mut function).map(drop)))
    }

    /// The same; `function` is told how many calls have become due since the last one: 1, or more if some were missed.
    /// (Twisted's `LoopingCall.withCount`.)
    ///
    /// The count begins anew with each start. Where the interval is zero, it is always 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::task::LoopingCall;
    ///
    /// let clock = twisty::testing::Clock::new();
    /// let frames = LoopingCall::with_count(&clock, |frames| println!("{} frames dropped", frames - 1));
    /// let _stopped = frames.start(Duration::from_millis(40), true)?; // 0 frames dropped
    /// clock.advance(Duration::from_millis(130)); // 2 frames dropped
    /// # Ok::<(), twisty::LoopingCallError>(())
    /// ```
    pub fn with_count<R: IntoDeferred>(
        clock: &(impl Scheduler + ?Sized),
        mut function: impl FnMut(u64) -> R + 'static,
    ) -> Self {
        Self::with(clock, true, Box::new(move |_, count| maybe_deferred(|| function(count)).map(drop)))
    }

    /// The same as [`new`](Self::new); `function` is given the loop, to stop or reset it. (A clone of its own would keep
    /// both for ever.)
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::task::LoopingCall;
    ///
    /// # let clock = twisty::testing::Clock::new();
    /// let mut seconds = 3;
    /// let countdown = LoopingCall::with_handle(&clock, move |countdown| {
    ///     println!("{seconds}");
    ///     seconds -= 1;
    ///     if seconds == 0 { countdown.stop()? }
    ///     Ok(())
    /// });
    /// let lift_off = countdown.start(Duration::from_secs(1), true)?.map(|_| println!("lift-off"));
    /// clock.pump([Duration::from_secs(1); 2]);
    /// assert!(lift_off.has_result());
    /// # Ok::<(), twisty::LoopingCallError>(())
    /// ```
    pub fn with_handle<R: IntoDeferred>(
        clock: &(impl Scheduler + ?Sized),
        mut function: impl FnMut(&Self) -> R + 'static,
    ) -> Self {
        Self::with(clock, false, Box::new(move |this, _| maybe_deferred(|| function(this)).map(drop)))
    }

    fn with(clock: &(impl Scheduler + ?Sized), counts: bool, function: Function) -> Self {
        Self(Rc::new(Loop {
            clock: WeakClock::of(clock),
            function: Cell::new(Some(function)),
            counts,
            interval: Cell::default(),
            stage: Cell::new(Stage::Idle),
            start: Cell::default(),
            last: Cell::default(),
            next: Cell::default(),
            run: Cell::default(),
        }))
    }

    /// Begins to call: at once, before this returns, if `now`; else after the first `interval`. (Twisted's
    /// `LoopingCall.start`.)
    ///
    /// The Deferred fires with this loop when it was stopped, and fails with what ended it otherwise:
    /// [`ResolverDropped`](crate::ResolverDropped) if that was the end of the clock. Cancelling it stops the loop too. An interval of zero is as fast as possible, which under a reactor is once a turn.
    ///
    /// # Errors
    /// [`LoopingCallError::AlreadyRunning`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use twisty::task::LoopingCall;
    ///
    /// # let clock = twisty::testing::Clock::new();
    /// let read = LoopingCall::new(&clock, || {
    ///     println!("{}", std::fs::read_to_string("no such file")?);
    ///     Ok(())
    /// });
    /// let stopped = read.start(Duration::from_secs(1), true)?;
    /// assert!(stopped.into_result().expect("it ended").is_err());
    /// # Ok::<(), twisty::LoopingCallError>(())
    /// ```
    #[track_caller]
    pub fn start(&self, interval: Duration, now: bool) -> Result<Deferred<Self>, LoopingCallError> {
        let this = &self.0;
        if this.stage.get() != Stage::Idle {
            return Err(LoopingCallError::AlreadyRunning);
        }
        let weak: Weak<Loop> = Rc::downgrade(this);
        let (resolver, stopped) = Deferred::with_canceller(move |_| {
            if let Some(this) = weak.upgrade() {
                drop(this.run.take());
                this.end();
            }
        });
        this.run.set(Some(resolver));
        this.stage.set(Stage::Running);
        this.interval.set(interval);
        let start = this.clock.time().unwrap_or_default();
        this.start.set(start);
        this.last.set(now.then(|| nanoseconds(start - Timestamp::ZERO) - nanoseconds(interval)));
        if now {
            this.call();
        } else {
            this.call_later(start);
        }
        Ok(stopped)
    }

    /// Ends the loop. The Deferred of [`start`](Self::start) fires before this returns, or when the call that is going on
    /// is done. (Twisted's `LoopingCall.stop`.)
    ///
    /// # Errors
    /// [`LoopingCallError::NotRunning`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let clock = twisty::testing::Clock::new();
    /// let beat = twisty::task::LoopingCall::new(&clock, || println!("beat"));
    /// let stopped = beat.start(Duration::from_secs(1), false)?;
    /// beat.stop()?;
    /// assert!(stopped.has_result() && clock.delayed_calls().is_empty());
    /// # Ok::<(), twisty::LoopingCallError>(())
    /// ```
    pub fn stop(&self) -> Result<(), LoopingCallError> {
        self.0.check_running()?;
        self.0.end();
        Ok(())
    }

    /// Calls next an interval from now, and at multiples from now on. Does nothing while a call is going on. (Twisted's
    /// `LoopingCall.reset`.)
    ///
    /// # Errors
    /// [`LoopingCallError::NotRunning`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let clock = twisty::testing::Clock::new();
    /// let idle = twisty::task::LoopingCall::new(&clock, || println!("nobody types"));
    /// let _stopped = idle.start(Duration::from_secs(60), false)?;
    /// clock.advance(Duration::from_secs(50));
    /// idle.reset()?; // somebody typed
    /// assert_eq!(clock.delayed_calls()[0].to_string(), "110s");
    /// # Ok::<(), twisty::LoopingCallError>(())
    /// ```
    pub fn reset(&self) -> Result<(), LoopingCallError> {
        let this = &self.0;
        this.check_running()?;
        if let Some(next) = this.next.take() {
            let _the_clock_may_be_gone = next.cancel();
            let now = this.time();
            this.start.set(now);
            this.call_later(now);
        }
        Ok(())
    }

    /// Another interval, from the next call on: that one stays where it is, those after it are at multiples of the new
    /// interval from the start. (Assigning Twisted's `LoopingCall.interval`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let clock = twisty::testing::Clock::new();
    /// let beat = twisty::task::LoopingCall::new(&clock, || println!("beat"));
    /// let _stopped = beat.start(Duration::from_secs(2), true)?;
    /// beat.set_interval(Duration::from_secs(3));
    /// clock.advance(Duration::from_secs(2)); // beat
    /// assert_eq!(clock.delayed_calls()[0].to_string(), "3s");
    /// # Ok::<(), twisty::LoopingCallError>(())
    /// ```
    pub fn set_interval(&self, interval: Duration) {
        self.0.interval.set(interval);
    }

    /// Whether it was started, and neither stopped nor ended by an error since. (Twisted's `LoopingCall.running`.)
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let clock = twisty::testing::Clock::new();
    /// let beat = twisty::task::LoopingCall::new(&clock, || println!("beat"));
    /// let _stopped = beat.start(Duration::from_secs(1), true)?;
    /// assert!(beat.is_running());
    /// # Ok::<(), twisty::LoopingCallError>(())
    /// ```
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.stage.get() == Stage::Running
    }
}

impl Loop {
    fn check_running(&self) -> Result<(), LoopingCallError> {
        if self.stage.get() == Stage::Running { Ok(()) } else { Err(LoopingCallError::NotRunning) }
    }

    /// The time; where the clock is gone, it stands still.
    fn time(&self) -> Timestamp {
        self.clock.time().unwrap_or_else(|| self.start.get())
    }

    /// Calls the function, and goes on when that is done.
    fn call(self: &Rc<Self>) {
        let count = if self.counts { self.count() } else { 1 };
        let Some(mut function) = self.function.take() else { return };
        let called = if count > 0 { function(&LoopingCall(Rc::clone(self)), count) } else { Deferred::succeed(()) };
        self.function.set(Some(function));
        let this = Rc::clone(self);
        called.add_both(move |result| this.done(result));
    }

    fn done(self: &Rc<Self>, result: Result<(), Failure>) {
        if self.stage.get() == Stage::Running && result.is_ok() {
            return self.call_later(self.time());
        }
        self.finish(result);
    }

    /// Calls at the next multiple of the interval after `now`.
    fn call_later(self: &Rc<Self>, now: Timestamp) {
        let next = Upcoming::of(self);
        match self.clock.schedule(now, self.until_next(now), move || next.come()) {
            Some(next) => self.next.set(Some(next)),
            None => self.break_off(),
        }
    }

    /// There is no next call, though nobody has stopped the loop.
    fn break_off(&self) {
        self.stage.set(Stage::Idle);
        drop(self.run.take());
    }

    /// From `now` to the next multiple: more than nothing, unless the interval is nothing.
    fn until_next(&self, now: Timestamp) -> Duration {
        let interval = self.interval.get();
        let past = (now - self.start.get()).as_nanos().checked_rem(interval.as_nanos()).unwrap_or_default();
        interval - Duration::from_nanos(u64::try_from(past).unwrap_or(u64::MAX))
    }

    /// How many calls have become due since the last one.
    fn count(&self) -> u64 {
        let [now, start] = [self.time(), self.start.get()].map(|time| nanoseconds(time - Timestamp::ZERO));
        let interval = nanoseconds(self.interval.get());
        let last = self.last.get().unwrap_or(start);
        let count = if interval == 0 { 1 } else { (now - start) / interval - (last - start) / interval };
        if count > 0 {
            self.last.set(Some(now));
        }
        u64::try_from(count).unwrap_or_default()
    }

    /// Makes no more calls.
    fn end(self: &Rc<Self>) {
        match self.next.take() {
            Some(next) => {
                let _the_clock_may_be_gone = next.cancel();
                self.finish(Ok(()));
            }
            None => self.stage.set(Stage::Stopping),
        }
    }

    /// Fires the Deferred of the start, unless it was cancelled.
    fn finish(self: &Rc<Self>, result: Result<(), Failure>) {
        self.stage.set(Stage::Idle);
        if let Some(run) = self.run.take() {
            run.fire(result.map(|()| LoopingCall(Rc::clone(self))));
        }
    }
}

impl Called for Loop {
    fn next(&self) -> &Cell<Option<DelayedCall>> {
        &self.next
    }

    fn come(self: &Rc<Self>) {
        self.call();
    }

    fn forsake(&self) {
        self.break_off();
    }
}

/// Signed, since a reset puts the last call before the start.
fn nanoseconds(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

impl fmt::Debug for LoopingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("LoopingCall");
        debug.field("interval", &self.0.interval.get()).field("stage", &self.0.stage.get()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::Reactor;

    /// A reactor's clock stands still during a turn, and a call takes time: neither may shift the calls after it.
    #[test]
    fn the_next_call_under_a_reactor_is_due_at_a_multiple_of_the_interval() {
        let (reactor, interval) = (Reactor::new().unwrap(), Duration::from_millis(1));
        let looping = LoopingCall::new(&reactor, || std::thread::sleep(Duration::from_millis(3)));
        let _stopped = looping.start(interval, true).unwrap();
        for _ in 0..3 {
            let next = looping.0.next.take().unwrap();
            let since_start = next.time().unwrap() - looping.0.start.get();
            looping.0.next.set(Some(next));
            assert_eq!(since_start.as_nanos() % interval.as_nanos(), 0);
            assert!(since_start > 3 * interval, "the calls that were missed are left out");
            reactor.turn(None).unwrap();
        }
    }
}
