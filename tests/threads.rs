//! Threads that work for a reactor, and threads that wait for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use live::PATIENCE;
use twisty::prelude::*;
use twisty::testing::UnhandledFailures;
use twisty::threads::ThreadPool;
use twisty::{Handle, HandlerPanicked, ReactorError};

/// Makes turns until the Deferred is over, and gives its result.
fn result_of<T>(reactor: &Reactor, deferred: Deferred<T>) -> twisty::Result<T> {
    let out_of_patience = reactor.call_later(PATIENCE, |_| panic!("no result"));
    while !deferred.has_result() && out_of_patience.is_active() {
        reactor.turn(None).expect("a turn");
    }
    out_of_patience.cancel().expect("the result is in time");
    deferred.into_result().expect("it is over")
}

/// Counts its drops, on any thread.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

mod deferred_to_threads {
    use super::*;

    /// Occupies the only thread of a pool until the answer is dropped.
    fn occupy(pool: &ThreadPool) -> Sender<()> {
        pool.set_size(1);
        let (end, ended) = mpsc::channel();
        let (begun, begins) = mpsc::channel();
        pool.call_in_thread(move || {
            begun.send(()).expect("somebody waits");
            ended.recv().expect_err("it is only dropped");
        })
        .expect("a thread");
        begins.recv_timeout(PATIENCE).expect("it begins");
        end
    }

    #[test]
    fn what_the_call_answers_is_the_result() {
        let reactor = Reactor::new().unwrap();
        let own = thread::current().id();
        let elsewhere = reactor.defer_to_thread(move || Ok(thread::current().id() != own));
        let nothing = reactor.defer_to_thread(|| ());
        let failed = reactor.defer_to_thread(|| Ok("x".parse::<u16>()?));
        let panicked = reactor.defer_to_thread(|| -> twisty::Result<u8> { panic!("on purpose") });
        let called_on = Rc::new(Cell::new(None));
        let tell = Rc::clone(&called_on);
        let seen = elsewhere.map(move |elsewhere| {
            tell.set(Some(thread::current().id()));
            elsewhere
        });
        assert!(result_of(&reactor, seen).unwrap());
        assert_eq!(called_on.get(), Some(own), "callbacks run on the reactor's thread");
        result_of(&reactor, nothing).unwrap();
        assert!(result_of(&reactor, failed).unwrap_err().check::<std::num::ParseIntError>().is_some());
        let failure = result_of(&reactor, panicked).unwrap_err();
        assert_eq!(failure.check::<HandlerPanicked>().map(|error| error.message.as_str()), Some("on purpose"));
    }

    #[test]
    fn what_the_thread_said_before_comes_before() {
        let reactor = Reactor::new().unwrap();
        for _ in 0..100 {
            let said = Arc::new(Mutex::new(Vec::new()));
            let (handle, says) = (reactor.handle(), Arc::clone(&said));
            let say = move |n| {
                let says = Arc::clone(&says);
                handle.call_from_thread(move |_| says.lock().unwrap().push(n))
            };
            let counted = reactor.defer_to_thread(move || Ok((0..3).try_for_each(say)?));
            let seen = Arc::clone(&said);
            let seen = counted.map(move |()| seen.lock().unwrap().clone());
            assert_eq!(result_of(&reactor, seen).unwrap(), [0, 1, 2]);
        }
    }

    #[test]
    fn many_calls_by_few_threads() {
        let reactor = Reactor::new().unwrap();
        let squares: Vec<_> = (0..1000_u64).map(|n| reactor.defer_to_thread(move || Ok(n * n))).collect();
        let squares = result_of(&reactor, gather(squares)).unwrap();
        assert_eq!(squares, (0..1000).map(|n| n * n).collect::<Vec<_>>());
        assert!(reactor.thread_pool().threads() <= ThreadPool::DEFAULT_SIZE);
    }

    #[test]
    fn a_call_that_has_not_begun_is_dropped_by_a_cancellation() {
        let (reactor, drops) = (Reactor::new().unwrap(), Arc::new(AtomicUsize::new(0)));
        let end = occupy(reactor.thread_pool());
        let held = Counted(Arc::clone(&drops));
        let call = reactor.defer_to_thread(move || {
            drop(held);
            Ok("it is never made")
        });
        call.cancel();
        assert_eq!(drops.load(Ordering::Relaxed), 1);
        assert!(result_of(&reactor, call).unwrap_err().check::<CancelledError>().is_some());
        drop(end);
        let next = reactor.defer_to_thread(|| Ok(1));
        assert_eq!(result_of(&reactor, next).unwrap(), 1);
    }

    #[test]
    fn one_that_has_begun_is_abandoned() {
        let unhandled = UnhandledFailures::forbid();
        let (reactor, drops) = (Reactor::new().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (begun, begins) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let held = Counted(Arc::clone(&drops));
        let fails = reactor.defer_to_thread(move || -> twisty::Result<Counted> {
            begun.send(()).unwrap();
            ended.recv().unwrap();
            drop(held);
            Err(Failure::message("nobody hears it"))
        });
        begins.recv_timeout(PATIENCE).unwrap();
        fails.cancel();
        assert!(result_of(&reactor, fails).unwrap_err().check::<CancelledError>().is_some());
        reactor.thread_pool().set_size(1);
        end.send(()).unwrap();
        // The only thread left is done with it before this one.
        let next = reactor.defer_to_thread(|| Ok(1));
        assert_eq!(result_of(&reactor, next).unwrap(), 1);
        assert_eq!((drops.load(Ordering::Relaxed), unhandled.take().len()), (1, 0));
    }

    #[test]
    fn a_pool_that_goes_cancels_what_has_not_begun() {
        let (reactor, pool) = (Reactor::new().unwrap(), ThreadPool::new());
        let _end = occupy(&pool);
        let never = reactor.defer_to_thread_pool(&pool, || Ok(1));
        drop(pool);
        assert!(result_of(&reactor, never).unwrap_err().check::<CancelledError>().is_some());
    }

    #[test]
    fn a_reactor_that_goes_leaves_nobody_waiting() {
        let _none = UnhandledFailures::forbid();
        let reactor = Reactor::new().unwrap();
        let (begun, begins) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let running = reactor.defer_to_thread(move || {
            begun.send(()).unwrap();
            ended.recv().unwrap_err();
            Ok(())
        });
        begins.recv_timeout(PATIENCE).unwrap();
        drop(reactor);
        drop(end);
        assert!(running.into_result().expect("it is over").is_err());
    }
}

mod blocking_on_a_reactor {
    use super::*;

    /// What `wait` finds on a thread of its own, while the reactor runs.
    fn waiting<R: Send + 'static>(wait: impl FnOnce(&Handle) -> R + Send + 'static) -> R {
        let reactor = Reactor::new().expect("a poll");
        let handle = reactor.handle();
        let waiter = thread::spawn(move || {
            let found = wait(&handle);
            handle.call_from_thread(|reactor| reactor.stop().expect("it runs")).expect("it exists");
            found
        });
        reactor.run().expect("a clean run");
        waiter.join().expect("no panic")
    }

    #[test]
    fn what_the_call_answers_is_answered() {
        let own = thread::current().id();
        let on_its_thread = waiting(move |handle| handle.block_on(move |_| Ok(thread::current().id() == own)));
        assert!(on_its_thread.unwrap());
        waiting(|handle| handle.block_on(|_| ())).unwrap();
        let later = waiting(|handle| {
            handle.block_on(|reactor| {
                let (resolver, later) = Deferred::new();
                reactor.call_later(Duration::from_millis(1), move |_| resolver.callback("later"));
                later
            })
        });
        assert_eq!(later.unwrap(), "later");
    }

    #[test]
    fn failures_and_panics_are_answered_too() {
        let failed = waiting(|handle| handle.block_on(|_| Ok("x".parse::<u16>()?)));
        assert!(failed.unwrap_err().check::<std::num::ParseIntError>().is_some());
        let panicked = waiting(|handle| handle.block_on(|_| -> twisty::Result<u8> { panic!("on purpose") }));
        assert!(panicked.unwrap_err().check::<HandlerPanicked>().is_some());
    }

    #[test]
    fn many_threads_may_wait() {
        let sum: u64 = waiting(|handle| {
            let ask = |n: u64| {
                let handle = handle.clone();
                thread::spawn(move || (0..100).map(|m| handle.block_on(move |_| Ok(n + m)).unwrap()).sum::<u64>())
            };
            let threads: Vec<JoinHandle<u64>> = (0..4).map(ask).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(sum, (0..4).map(|n| (0..100).map(|m| n + m).sum::<u64>()).sum());
    }

    #[test]
    fn on_its_own_thread_is_refused() {
        let reactor = Reactor::new().unwrap();
        let refused = reactor.handle().block_on(|_| Ok(1));
        assert_eq!(refused.unwrap_err().check(), Some(&ReactorError::OwnThread));
        let seen = Rc::new(RefCell::new(None));
        let tell = Rc::clone(&seen);
        reactor.call_later(Duration::ZERO, move |reactor| *tell.borrow_mut() = Some(reactor.handle().block_on(|_| ())));
        reactor.turn(None).unwrap();
        let refused = seen.take().expect("it was called").unwrap_err();
        assert_eq!(refused.check(), Some(&ReactorError::OwnThread));
    }

    /// As by Ctrl-C, while a thread waits for what takes longer.
    #[test]
    fn the_end_of_a_run_ends_the_wait() {
        let _none = UnhandledFailures::forbid();
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let waiter = thread::spawn(move || {
            let cancelled = Arc::new(AtomicUsize::new(0));
            let counts = Counted(Arc::clone(&cancelled));
            let answer = handle.block_on(|reactor| {
                reactor.stop().expect("it runs");
                let (resolver, answer) = Deferred::<u32>::with_canceller(move |_| drop(counts));
                reactor.call_later(Duration::from_secs(3600), move |_| resolver.callback(1));
                answer
            });
            (answer, handle.block_on(|_| Ok(2)), cancelled)
        });
        reactor.run().unwrap();
        let (answer, afterwards, cancelled) = waiter.join().unwrap();
        assert_eq!(answer.unwrap_err().check(), Some(&ReactorError::Ended));
        assert_eq!(afterwards.unwrap_err().check(), Some(&ReactorError::Ended));
        assert_eq!(cancelled.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn the_last_turn_of_a_run_still_answers() {
        let reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let waiter = thread::spawn(move || handle.block_on(|reactor| Ok(reactor.stop()?)));
        reactor.run().unwrap();
        waiter.join().unwrap().unwrap();
    }

    #[test]
    fn a_reactor_that_runs_again_answers_again() {
        let reactor = Reactor::new().unwrap();
        for n in 0..3 {
            let (handle, running) = (reactor.handle(), mpsc::channel());
            let (runs, run) = running;
            let waiter = thread::spawn(move || {
                run.recv_timeout(PATIENCE).unwrap();
                handle.block_on(move |reactor| reactor.stop().map(|()| n).map_err(Failure::from))
            });
            reactor.call_when_running(move |_| runs.send(()).unwrap());
            reactor.run().unwrap();
            assert_eq!(waiter.join().unwrap().unwrap(), n);
        }
    }

    /// A thread that waits for a Deferred which nobody fires, under a reactor that goes when the answer is dropped. The
    /// sender tells when the call was made and, with its end, that the Deferred was cancelled.
    fn abandoned(let_it_be_called: bool) -> (twisty::Result<u32>, Receiver<()>) {
        let (called, calls) = mpsc::channel();
        let reactor = Reactor::new().expect("a poll");
        let handle = reactor.handle();
        let waiter = thread::spawn(move || {
            handle.block_on(move |_| {
                called.send(()).expect("somebody listens");
                let (resolver, never) = Deferred::<u32>::with_canceller(move |_| drop(called));
                std::mem::forget(resolver);
                never
            })
        });
        if let_it_be_called {
            reactor.turn(Some(PATIENCE)).expect("a turn");
        }
        drop(reactor);
        (waiter.join().expect("no panic"), calls)
    }

    #[test]
    fn a_reactor_that_goes_ends_the_wait() {
        let _none = UnhandledFailures::forbid();
        let (answer, calls) = abandoned(true);
        assert_eq!(answer.unwrap_err().check(), Some(&ReactorError::Gone));
        assert_eq!(calls.try_recv(), Ok(()));
        assert_eq!(calls.try_recv(), Err(mpsc::TryRecvError::Disconnected), "the Deferred was cancelled");
        let (answer, calls) = abandoned(false);
        assert_eq!(answer.unwrap_err().check(), Some(&ReactorError::Gone));
        assert_eq!(calls.try_recv(), Err(mpsc::TryRecvError::Disconnected), "it was never called");
    }
}
