//! 100,000 of anything, on a stack that is soon used up.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use twisty::deferred::Permit;
use twisty::testing::{Clock, UnhandledFailures};
use twisty::{CancelledError, Deferred, DeferredLock, DeferredQueue, Failure, Resolver, ResolverDropped, gather, race};

const MANY: usize = 100_000;
const STACK: usize = 256 * 1024;

fn on_a_small_stack(work: fn()) {
    let builder = thread::Builder::new().stack_size(STACK);
    let work = move || {
        let _none = UnhandledFailures::forbid();
        work();
    };
    builder.spawn(work).expect("a thread starts").join().expect("the work was done");
}

fn over<T>(deferred: Deferred<T>) -> Result<T, Failure> {
    deferred.into_result().expect("it is over")
}

/// How the promise at the beginning ends.
type End = fn(Resolver<u64>, &Deferred<u64>);

const ENDS: [End; 3] =
    [|resolver, _| resolver.callback(0), |resolver, _| drop(resolver), |_, deferred| deferred.cancel()];

#[test]
fn links() {
    on_a_small_stack(|| {
        for end in ENDS {
            let (resolver, source) = Deferred::new();
            let chain = (0..MANY).fold(source, |chain, _| chain.map(|n: u64| n + 1));
            end(resolver, &chain);
            assert!(over(chain).map_or(true, |n| n == MANY as u64));
        }
        let (resolver, source) = Deferred::new();
        let mut chain = (0..MANY).fold(source, |chain, _| chain.map(|n: u64| n + 1));
        let paused = chain.pause();
        resolver.callback(0);
        drop(chain);
        drop(paused);
    });
}

#[test]
fn nested() {
    on_a_small_stack(|| {
        for end in ENDS {
            let (resolver, mut deferred) = Deferred::new();
            for _ in 0..MANY {
                deferred = Deferred::succeed(()).add_callback(move |()| deferred).map(|n: u64| n + 1);
            }
            end(resolver, &deferred);
            assert!(over(deferred).map_or(true, |n| n == MANY as u64));
        }
    });
}

/// Each waits for its own resolver before it returns the next.
#[test]
fn nested_and_fired_from_the_outside() {
    on_a_small_stack(|| {
        let (resolvers, mut all): (Vec<_>, Vec<_>) = (0..MANY).map(|_| Deferred::<u64>::new()).unzip();
        let last = all.pop().expect("there are many");
        let outermost =
            all.into_iter().rev().fold(last, |inner, outer| outer.add_callback(move |n| inner.map(move |m| n + m)));
        resolvers.iter().for_each(|resolver| resolver.callback(1));
        assert_eq!(over(outermost).unwrap(), MANY as u64);
    });
}

#[test]
fn nested_and_forgotten() {
    on_a_small_stack(|| {
        for reverse in [false, true] {
            let (mut resolvers, mut all): (Vec<_>, Vec<_>) = (0..MANY).map(|_| Deferred::<u64>::new()).unzip();
            let last = all.pop().expect("there are many");
            let outermost = all.into_iter().rev().fold(last, |inner, outer| outer.add_callback(move |_| inner));
            if reverse {
                resolvers.reverse();
            }
            let unhandled = UnhandledFailures::forbid();
            drop(outermost);
            drop(resolvers);
            // Nobody waits for the last one, if those before it have gone first.
            assert_eq!(unhandled.take().len(), MANY - usize::from(!reverse));
        }
    });
}

#[test]
fn each_handed_over_to_the_next() {
    on_a_small_stack(|| {
        for end in ENDS {
            let went_on = Rc::new(Cell::new(0));
            let (resolver, mut deferred) = Deferred::new();
            for _ in 0..MANY {
                let (handed, rest) = deferred.hand_over();
                let counts = Rc::clone(&went_on);
                rest.map(move |()| counts.set(counts.get() + 1));
                deferred = Deferred::succeed(()).add_callback(move |()| handed);
            }
            end(resolver, &deferred);
            _ = over(deferred);
            assert_eq!(went_on.get(), MANY);
        }
    });
}

#[test]
fn each_fires_the_next() {
    on_a_small_stack(|| {
        for end in ENDS {
            let (first, mut deferred) = Deferred::<u64>::new();
            let source = deferred.cancel_handle();
            for _ in 0..MANY {
                let (resolver, next) = Deferred::new();
                deferred.chain_deferred(resolver);
                deferred = next;
            }
            end(first, &deferred);
            source.cancel();
            _ = over(deferred);
        }
    });
}

/// Each resolver is owned by the callback of the one before, which is dropped with it: run, or not.
fn each_owns_the_next(source: Deferred<u64>, errback: bool) -> Deferred<u64> {
    (0..MANY).fold(source, |deferred, _| {
        let (resolver, next) = Deferred::<u64>::new();
        let owns = if errback {
            deferred.add_errback(move |_| Ok(u64::from(resolver.is_called()))).map(drop)
        } else {
            deferred.add_callback(move |_| drop(resolver)).add_errback(|_| {})
        };
        drop(owns);
        next
    })
}

#[test]
fn resolvers_owned_by_callbacks() {
    on_a_small_stack(|| {
        for (end, errback) in ENDS.into_iter().flat_map(|end| [(end, false), (end, true)]) {
            let (first, source) = Deferred::new();
            let handle = source.cancel_handle();
            let last = each_owns_the_next(source, errback);
            // The handle is elsewhere; `end` needs one.
            let (resolver, other) = Deferred::with_canceller(move |_| handle.cancel());
            end(first, &other);
            drop((resolver, other.add_errback(|_| Ok(0))));
            assert!(over(last).unwrap_err().check::<ResolverDropped>().is_some());
        }
    });
}

/// A canceller is dropped when its resolver fires.
#[test]
fn resolvers_owned_by_cancellers() {
    on_a_small_stack(|| {
        for end in ENDS {
            let (mut resolver, last) = Deferred::<u64>::new();
            let mut deferreds = vec![last];
            for _ in 0..MANY {
                let (outer, deferred) = Deferred::with_canceller(move |_| drop(resolver));
                deferreds.push(deferred);
                resolver = outer;
            }
            end(resolver, &deferreds[MANY]);
            for deferred in deferreds {
                _ = over(deferred);
            }
        }
    });
}

#[test]
fn waiters_for_a_lock() {
    on_a_small_stack(|| {
        let (lock, turns) = (DeferredLock::new(), Rc::new(Cell::new(0)));
        let first = over(lock.acquire()).unwrap();
        for number in 0..MANY {
            let turns = Rc::clone(&turns);
            let waiter = lock.acquire().map(move |permit: Permit| {
                turns.set(turns.get() + 1);
                drop(permit);
            });
            match number % 4 {
                0 => waiter.cancel(),
                1 => drop(lock.run(|| {})),
                _ => {}
            }
            drop(waiter.add_errback(|why| why.trap::<CancelledError>().map(drop)));
        }
        drop(first);
        assert_eq!(turns.get(), MANY - MANY / 4);
        assert!(!lock.is_locked());
    });
}

#[test]
fn waiters_for_a_queue_that_put_for_the_next() {
    on_a_small_stack(|| {
        let queue = DeferredQueue::new();
        for _ in 0..MANY {
            let again = queue.clone();
            queue.get().expect("any number may wait").map(move |n: usize| again.put(n + 1).is_ok());
        }
        queue.put(0).expect("somebody waits");
        assert_eq!((queue.len(), queue.waiting()), (1, 0));
    });
}

#[test]
fn joined_again_and_again() {
    on_a_small_stack(|| {
        let again: [fn(Deferred<u64>) -> Deferred<u64>; 2] =
            [|deferred| gather([deferred]).map(|all| all[0]), |deferred| race([deferred]).map(|(_, value)| value)];
        for join in again {
            let (resolver, source) = Deferred::new();
            let joined = (0..MANY).fold(source, |deferred, _| join(deferred));
            resolver.callback(7);
            assert_eq!(over(joined).unwrap(), 7);
        }
    });
}

#[test]
fn paused_in_a_row() {
    on_a_small_stack(|| {
        let pauses = Rc::new(RefCell::new(Vec::new()));
        let (resolver, source) = Deferred::new();
        let chain = (0..MANY).fold(source, |mut chain, _| {
            pauses.borrow_mut().push(chain.pause());
            chain.map(|n: u64| n + 1)
        });
        resolver.callback(0);
        drop(pauses.take());
        assert_eq!(over(chain).unwrap(), MANY as u64);
    });
}

/// Tasks that await one another, and the Deferred of the last.
fn tasks(clock: &Clock) -> Deferred<u64> {
    let (resolver, first) = Deferred::with_canceller(|_| {});
    std::mem::forget(resolver);
    (0..MANY).fold(first, |deferred, _| clock.spawn(async move { deferred.await }))
}

#[test]
fn tasks_that_await_tasks_are_cancelled() {
    on_a_small_stack(|| {
        let clock = Clock::new();
        let last = tasks(&clock);
        clock.advance(Duration::ZERO);
        last.cancel();
        assert!(over(last).is_err_and(|failure| failure.check::<CancelledError>().is_some()));
    });
}

#[test]
fn tasks_that_await_tasks_go_with_their_clock() {
    on_a_small_stack(|| {
        for polled in [false, true] {
            let clock = Clock::new();
            let last = tasks(&clock);
            if polled {
                clock.advance(Duration::ZERO);
            }
            drop(clock);
            assert!(over(last).is_err());
        }
    });
}
