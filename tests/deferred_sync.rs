//! Queues, locks and semaphores: what the vectors do not say.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use twisty::deferred::Permit;
use twisty::testing::UnhandledFailures;
use twisty::{
    CancelledError, ConnectionDone, Deferred, DeferredLock, DeferredQueue, DeferredSemaphore, HandlerPanicked,
    ResolverDropped,
};

const MANY: usize = 100_000;

fn value<T>(deferred: Deferred<T>) -> T {
    deferred.into_result().expect("it has fired").expect("it succeeded")
}

/// A log that callbacks write to.
fn log<T>() -> (Rc<RefCell<Vec<T>>>, impl Fn(T) + Clone) {
    let log = Rc::new(RefCell::new(Vec::new()));
    let writer = Rc::clone(&log);
    (log, move |entry| writer.borrow_mut().push(entry))
}

#[test]
fn a_line_of_many_that_release_at_once() {
    let lock = DeferredLock::new();
    let first = value(lock.acquire());
    let (order, note) = log();
    for number in 0..MANY {
        let note = note.clone();
        lock.acquire().map(move |permit: Permit| {
            note(number);
            permit.release();
        });
    }
    first.release();
    assert!(order.borrow().iter().copied().eq(0..MANY));
    assert!(!lock.is_locked() && lock.waiting() == 0);
}

#[test]
fn a_line_of_many_runs() {
    let semaphore = DeferredSemaphore::new(2);
    let permits = [value(semaphore.acquire()), value(semaphore.acquire())];
    let (order, note) = log();
    let runs: Vec<_> = (0..MANY)
        .map(|number| {
            let note = note.clone();
            semaphore.run(move || note(number))
        })
        .collect();
    drop(permits);
    assert!(order.borrow().iter().copied().eq(0..MANY));
    assert!(runs.iter().all(Deferred::has_result));
    assert_eq!((semaphore.free(), semaphore.waiting()), (2, 0));
}

/// Whoever gets a value puts the next one.
#[test]
fn a_line_of_many_that_put_for_the_next() {
    let queue = DeferredQueue::with_limits(0, None);
    let (order, note) = log();
    for _ in 0..MANY {
        let (queue, note) = (queue.clone(), note.clone());
        queue.clone().get().expect("any number may wait").map(move |number: usize| {
            note(number);
            queue.put(number + 1).is_err().then_some(number)
        });
    }
    queue.put(0).expect("somebody waits");
    assert!(order.borrow().iter().copied().eq(0..MANY));
    assert_eq!((queue.len(), queue.waiting(), queue.is_full()), (0, 0, true));
}

#[test]
fn the_next_one_is_served_from_inside() {
    let lock = DeferredLock::new();
    let first = value(lock.acquire());
    let (order, note) = log();
    for number in 0..3 {
        let note = note.clone();
        lock.acquire().map(move |permit| {
            note((number, "begins"));
            drop(permit);
            note((number, "ends"));
        });
    }
    drop(first);
    let inside = [(0, "begins"), (1, "begins"), (2, "begins"), (2, "ends"), (1, "ends"), (0, "ends")];
    assert_eq!(*order.borrow(), inside);
}

#[test]
fn whoever_is_gone_is_passed_over() {
    let queue = DeferredQueue::with_limits(0, 2);
    let (gone, wanted) = (queue.get().unwrap(), queue.get().unwrap());
    drop(gone);
    assert_eq!(queue.waiting(), 1);
    queue.put("a value").expect("one waits");
    assert_eq!(value(wanted), "a value");
    drop(queue.get());
    assert!(queue.is_full(), "nobody waits any more");
    assert!(queue.put("another").is_err());
}

/// What a callback returns has no handle and no callback any more.
#[test]
fn whoever_waits_by_way_of_a_callback_is_not_gone() {
    let (lock, queue) = (DeferredLock::new(), DeferredQueue::new());
    let first = value(lock.acquire());
    let (again, another) = (lock.clone(), queue.clone());
    let waiter = Deferred::succeed(()).add_callback(move |()| again.acquire());
    let getter = Deferred::succeed(()).add_callback(move |()| another.get().expect("any number may wait"));
    assert_eq!((lock.waiting(), queue.waiting()), (1, 1));
    drop(first);
    queue.put("a value").expect("somebody waits");
    assert_eq!(value(getter), "a value");
    assert!(waiter.has_result());
}

#[test]
fn those_gone_leave_room_for_others() {
    let queue = DeferredQueue::<u32>::with_limits(None, 1);
    for _ in 0..10 {
        drop(queue.get().expect("nobody waits"));
    }
    let _waits = queue.get().expect("nobody waits");
    assert!(queue.get().is_err());
}

#[test]
fn a_permit_for_nobody_comes_back() {
    let lock = DeferredLock::new();
    drop(lock.acquire());
    assert!(!lock.is_locked());
    let first = value(lock.acquire());
    drop(lock.acquire());
    let (paused, last) = (lock.acquire(), lock.acquire());
    let mut paused = paused;
    let pause = paused.pause();
    first.release();
    assert!(lock.is_locked() && !last.has_result(), "the paused one has it");
    drop(paused);
    pause.unpause();
    assert!(last.has_result());
}

#[test]
fn callbacks_run_without_a_handle() {
    let queue = DeferredQueue::new();
    let seen = Rc::new(Cell::new(0));
    let writer = Rc::clone(&seen);
    queue.get().unwrap().map(move |number| writer.set(number));
    queue.put(7).unwrap();
    assert_eq!(seen.get(), 7);
}

#[test]
fn a_queue_that_goes_leaves_nobody_waiting() {
    let queue = DeferredQueue::<u32>::new();
    let (one, other) = (queue.get().unwrap(), queue.clone().get().unwrap());
    drop(queue);
    for waiter in [one, other] {
        let failure = waiter.into_result().expect("it is over").unwrap_err();
        assert!(failure.check::<ResolverDropped>().is_some());
    }
}

#[test]
fn values_left_in_a_queue_are_dropped_once() {
    let value = Rc::new(());
    let queue = DeferredQueue::new();
    (0..3).for_each(|_| queue.put(Rc::clone(&value)).unwrap());
    drop(queue.get());
    assert_eq!(Rc::strong_count(&value), 3);
    drop(queue);
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn a_permit_outlives_its_semaphore() {
    let semaphore = DeferredSemaphore::new(1);
    let permit = value(semaphore.acquire());
    let next = semaphore.acquire();
    drop(semaphore);
    assert!(!next.has_result());
    drop(permit);
    assert!(next.has_result());
}

#[test]
fn a_run_that_fails_or_panics_gives_back() {
    let lock = DeferredLock::new();
    let failed = lock.run(|| Deferred::<u32>::fail(ConnectionDone));
    assert!(failed.into_result().expect("it ran").unwrap_err().check::<ConnectionDone>().is_some());
    let panicked = lock.run(|| -> () { panic!("never mind") });
    assert!(panicked.into_result().expect("it ran").unwrap_err().check::<HandlerPanicked>().is_some());
    let (resolver, forgotten) = Deferred::<u32>::new();
    let run = lock.run(|| forgotten);
    drop(resolver);
    assert!(run.into_result().expect("it is over").unwrap_err().check::<ResolverDropped>().is_some());
    assert!(!lock.is_locked());
}

#[test]
fn a_run_without_a_handle_runs_and_one_that_is_cancelled_does_not() {
    let lock = DeferredLock::new();
    let permit = value(lock.acquire());
    let (ran, note) = log();
    let (dropped, cancelled) = (note.clone(), note);
    drop(lock.run(move || dropped("dropped")));
    let waits = lock.run(move || cancelled("cancelled"));
    waits.cancel();
    assert!(waits.into_result().expect("it is over").unwrap_err().check::<CancelledError>().is_some());
    drop(permit);
    assert_eq!(*ran.borrow(), ["dropped"]);
}

#[test]
#[should_panic(expected = "a DeferredSemaphore needs one token at least")]
fn a_semaphore_for_nobody() {
    let _semaphore = DeferredSemaphore::new(0);
}

/// Whatever is done in whatever order: never more than allowed, nobody is jumped, and nothing is lost.
#[test]
fn permits_are_kept_account_of() {
    let _none = UnhandledFailures::forbid();
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let tokens = random.usize(1..4);
        let semaphore = DeferredSemaphore::new(tokens);
        let (mut held, mut line) = (Vec::new(), VecDeque::new());
        for _ in 0..60 {
            match random.u8(..6) {
                0 | 1 if !held.is_empty() => drop(held.swap_remove(random.usize(..held.len()))),
                2 if !line.is_empty() => drop(line.remove(random.usize(..line.len()))),
                3 if !line.is_empty() => {
                    let cancelled: Deferred<Permit> = line.remove(random.usize(..line.len())).expect("it waits");
                    cancelled.cancel();
                    drop(cancelled.into_result());
                }
                _ => line.push_back(semaphore.acquire()),
            }
            while line.front().is_some_and(Deferred::has_result) {
                held.extend(line.pop_front().map(value));
            }
            assert!(line.iter().all(|waiter| !waiter.has_result()), "seed {seed}: somebody jumped the line");
            assert_eq!(semaphore.waiting(), line.len(), "seed {seed}");
            assert_eq!(semaphore.free() + held.len(), tokens, "seed {seed}");
            assert!(line.is_empty() || semaphore.free() == 0, "seed {seed}: somebody waits for nothing");
        }
        drop((held, line));
        assert_eq!((semaphore.free(), semaphore.waiting()), (tokens, 0), "seed {seed}");
    }
}
