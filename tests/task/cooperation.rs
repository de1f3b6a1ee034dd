//! Work done a slice at a time.

use std::cell::RefCell;
use std::rc::Rc;

use twisty::task::{CooperativeTask, Cooperator, Slice, defer_later};
use twisty::testing::{Clock, UnhandledFailures};
use twisty::{CancelledError, Deferred, Failure, HandlerPanicked, Reactor, TaskError};

use crate::{MILLISECOND, counter, failure_of, turn_until_over};

/// So many slices.
fn slices(clock: &Clock, count: u32) {
    (0..count).for_each(|_| clock.advance(MILLISECOND));
}

#[test]
fn tasks_under_a_reactor_leave_time_for_others() {
    let reactor = Reactor::new().unwrap();
    let cooperator = Cooperator::new(&reactor);
    cooperator.set_slice(Slice::Time(MILLISECOND));
    let task = cooperator.cooperate(std::iter::repeat(()));
    let later = defer_later(5 * MILLISECOND, &reactor, || ());
    turn_until_over(&reactor, &later);
    task.stop().unwrap();
    assert_eq!(failure_of(task.when_done()).check(), Some(&TaskError::Stopped));
}

#[test]
fn a_slice_ends_though_the_clock_stands_still() {
    let clock = Clock::new();
    let (steps, count) = counter();
    let _task = Cooperator::new(&clock).cooperate(std::iter::repeat_with(count));
    slices(&clock, 2);
    assert_eq!(steps.get(), 2000);
}

#[test]
fn a_panic_is_the_failure_of_its_task_alone() {
    let clock = Clock::new();
    let cooperator = Cooperator::new(&clock);
    let panics = cooperator.coiterate(std::iter::once_with(|| -> Result<(), Failure> { panic!("oh") }));
    let other = cooperator.coiterate([(), ()].into_iter());
    slices(&clock, 1);
    assert_eq!(failure_of(panics).check(), Some(&HandlerPanicked { message: "oh".into() }));
    assert!(other.into_result().expect("it is done").is_ok());
}

#[test]
fn an_error_ends_a_task_and_its_work_is_dropped() {
    let clock = Clock::new();
    let value = Rc::new(());
    let held = Rc::clone(&value);
    let task = Cooperator::new(&clock).cooperate((0..3).map(move |n| {
        let _held = &held;
        if n == 1 { Err(Failure::message("one")) } else { Ok(n) }
    }));
    let (first, second) = (task.when_done(), task.when_done());
    slices(&clock, 1);
    assert_eq!(failure_of(first).to_string(), "one");
    assert_eq!(failure_of(second).check(), Some(&TaskError::Failed));
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn a_failure_that_nobody_asked_for_is_reported_once() {
    let unhandled = UnhandledFailures::forbid();
    let clock = Clock::new();
    let cooperator = Cooperator::new(&clock);
    let fail = || std::iter::once_with(|| Result::<(), _>::Err(Failure::message("alone")));
    drop(cooperator.cooperate(fail()));
    let cancelled = cooperator.coiterate(fail());
    cancelled.cancel();
    assert!(failure_of(cancelled).check::<CancelledError>().is_some());
    slices(&clock, 1);
    let told: Vec<String> = unhandled.take().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["alone", "alone"]);
}

#[test]
fn a_task_may_stop_itself_in_the_midst_of_a_step() {
    let clock = Clock::new();
    let task = Rc::new(RefCell::new(None));
    let itself = Rc::clone(&task);
    let (steps, mut count) = counter();
    let work = std::iter::repeat_with(move || {
        count();
        itself.take().map_or(Ok(()), |task: twisty::task::CooperativeTask| Ok(task.stop()?))
    });
    let cooperative = Cooperator::new(&clock).cooperate(work);
    task.replace(Some(cooperative.clone()));
    slices(&clock, 2);
    assert_eq!((steps.get(), cooperative.pause()), (1, Err(TaskError::Stopped)));
    assert_eq!(clock.delayed_calls(), []);
}

#[test]
fn a_task_that_waits_cannot_be_hurried() {
    let clock = Clock::new();
    let (resolver, wait) = Deferred::<()>::new();
    let task = Cooperator::new(&clock).cooperate([wait, Deferred::succeed(())].into_iter());
    slices(&clock, 1);
    task.pause().unwrap();
    resolver.callback(());
    slices(&clock, 1);
    assert!(task.stop().is_ok(), "it is paused, not done");
    let (_resolver, wait) = Deferred::<()>::new();
    let task = Cooperator::new(&clock).cooperate([wait].into_iter());
    slices(&clock, 1);
    assert_eq!(task.resume(), Err(TaskError::NotPaused));
}

#[test]
fn a_failure_that_comes_after_a_stop_is_reported() {
    let unhandled = UnhandledFailures::forbid();
    let clock = Clock::new();
    let (resolver, wait) = Deferred::<()>::new();
    let task = Cooperator::new(&clock).cooperate([wait].into_iter());
    slices(&clock, 1);
    task.stop().unwrap();
    resolver.errback(Failure::message("late"));
    assert_eq!(unhandled.take().len(), 1);
    assert_eq!(failure_of(task.when_done()).check(), Some(&TaskError::Stopped));
}

#[test]
fn a_task_goes_on_without_handles_and_goes_with_the_clock() {
    let clock = Clock::new();
    let value = Rc::new(());
    let held = Rc::clone(&value);
    let done = Cooperator::new(&clock).coiterate(std::iter::repeat_with(move || drop(Rc::clone(&held))));
    slices(&clock, 1);
    assert_eq!(Rc::strong_count(&value), 2);
    drop(clock);
    assert_eq!(Rc::strong_count(&value), 1);
    assert_eq!(failure_of(done).check(), Some(&TaskError::SchedulerStopped));
}

#[test]
fn a_cooperator_that_somebody_holds_ends_with_its_clock_too() {
    let _none = UnhandledFailures::forbid();
    let clock = Clock::new();
    let (idle, cooperator, unstarted) =
        (Cooperator::new(&clock), Cooperator::new(&clock), Cooperator::unstarted(&clock));
    let done = cooperator.coiterate([()].into_iter());
    drop(cooperator.coiterate([()].into_iter()));
    let never_begun = unstarted.coiterate([()].into_iter());
    drop(clock);
    assert_eq!(failure_of(done).check(), Some(&TaskError::SchedulerStopped));
    for cooperator in [&idle, &cooperator, &unstarted] {
        assert!(!cooperator.is_running());
        let late = cooperator.coiterate([()].into_iter());
        assert_eq!(failure_of(late).check(), Some(&TaskError::SchedulerStopped));
    }
    unstarted.start();
    assert_eq!(failure_of(never_begun).check(), Some(&TaskError::SchedulerStopped));
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

#[test]
fn work_that_cannot_be_dropped_holds_nobody_up() {
    let clock = Clock::new();
    let cooperator = Cooperator::new(&clock);
    cooperator.set_slice(Slice::Steps(1));
    let (first, second) = (Bomb, Bomb);
    let ends = cooperator.coiterate(std::iter::from_fn(move || {
        let _held = &first;
        None::<()>
    }));
    let own: Rc<RefCell<Option<CooperativeTask>>> = Rc::default();
    let stops = Rc::clone(&own);
    *own.borrow_mut() = Some(cooperator.cooperate(std::iter::from_fn(move || {
        let _held = &second;
        stops.take().map(|own| own.stop().expect("it runs"))
    })));
    let other = cooperator.coiterate([()].into_iter());
    slices(&clock, 4);
    assert!(ends.into_result().expect("it is done").is_ok());
    assert!(other.into_result().expect("it is done").is_ok());
}

#[test]
fn a_task_that_waits_ends_when_it_would_go_on_in_a_stopped_cooperator() {
    let clock = Clock::new();
    let cooperator = Cooperator::new(&clock);
    let (resolver, wait) = Deferred::<()>::new();
    let done = cooperator.coiterate([wait].into_iter());
    slices(&clock, 1);
    cooperator.stop();
    let done = done.into_result().expect_err("it still waits");
    resolver.callback(());
    assert_eq!(failure_of(done).check(), Some(&TaskError::SchedulerStopped));
}
