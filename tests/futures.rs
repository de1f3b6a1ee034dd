//! Futures that the reactor, or a test's clock, carries out.

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::future::{Either, join_all, select};
use futures::{FutureExt, SinkExt, StreamExt};
use live::PATIENCE;
use twisty::deferred::CancelHandle;
use twisty::prelude::*;
use twisty::testing::{Clock, Server, UnhandledFailures};
use twisty::{HandlerPanicked, Reactor, Transport};

const SECOND: Duration = Duration::from_secs(1);

/// Counts its drops.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

fn result_of<T>(deferred: Deferred<T>) -> twisty::Result<T> {
    deferred.into_result().expect("it is over")
}

fn panicking() {
    panic!("on purpose");
}

/// Fires after `delay` by `clock`, and says if it was cancelled before.
fn later(clock: &Clock, delay: Duration, cancelled: &Rc<Cell<bool>>) -> Deferred<&'static str> {
    let tell = Rc::clone(cancelled);
    let (resolver, deferred) = Deferred::with_canceller(move |_| tell.set(true));
    clock.call_later(delay, move || resolver.try_callback("now").unwrap_or_default());
    deferred
}

mod under_a_reactor {
    use super::*;

    #[test]
    fn a_future_that_is_spawned_outside_is_polled_in_the_next_turn() {
        let reactor = Reactor::new().unwrap();
        let polled = Rc::new(Cell::new(false));
        let tell = Rc::clone(&polled);
        let done = reactor.spawn(async move { tell.set(true) });
        assert!(!polled.get(), "it never runs inside of spawn");
        reactor.turn(Some(PATIENCE)).unwrap();
        assert!(polled.get());
        result_of(done).unwrap();
    }

    #[test]
    fn spawned_by_a_call_it_is_polled_after_the_calls_of_the_turn() {
        let reactor = Reactor::new().unwrap();
        let log = Rc::new(RefCell::new(Vec::new()));
        for n in 0..2 {
            let (in_call, in_task) = (Rc::clone(&log), Rc::clone(&log));
            let task = async move { in_task.borrow_mut().push(format!("task {n}")) };
            reactor.call_later(Duration::ZERO, move |reactor| {
                in_call.borrow_mut().push(format!("call {n}"));
                reactor.spawn(task);
            });
        }
        reactor.turn(Some(PATIENCE)).unwrap();
        assert_eq!(*log.borrow(), ["call 0", "call 1", "task 0", "task 1"]);
    }

    #[test]
    fn it_waits_for_calls_of_the_reactor() {
        let reactor = Reactor::new().unwrap();
        let (resolver, tick) = Deferred::new();
        reactor.call_later(Duration::from_millis(1), move |_| resolver.callback(20));
        let (stop, inner) = (reactor.clone(), reactor.clone());
        let sum = reactor.spawn(async move {
            let first = tick.await?;
            let (resolver, tock) = Deferred::new();
            inner.call_later(Duration::from_millis(1), move |_| resolver.callback("22"));
            let second: u32 = tock.await?.parse()?;
            stop.stop()?;
            Ok(first + second)
        });
        reactor.run().unwrap();
        assert_eq!(result_of(sum).unwrap(), 42);
    }

    #[test]
    fn an_error_is_a_failure_and_so_is_a_panic() {
        let reactor = Reactor::new().unwrap();
        let failed = reactor.spawn(async { Ok("x".parse::<u16>()?) });
        let panicked = reactor.spawn(async { panicking() });
        reactor.turn(Some(PATIENCE)).unwrap();
        assert!(result_of(failed).unwrap_err().check::<std::num::ParseIntError>().is_some());
        let panicked = result_of(panicked).unwrap_err();
        assert_eq!(panicked.check::<HandlerPanicked>().map(|error| error.message.as_str()), Some("on purpose"));
    }

    #[test]
    fn other_threads_wake_a_reactor_that_sleeps() {
        let reactor = Reactor::new().unwrap();
        let (tell, told) = oneshot::channel();
        let (mut numbers, all_numbers) = mpsc::channel(1);
        let worker = thread::spawn(move || {
            (0..1000).for_each(|n| futures::executor::block_on(numbers.send(n)).unwrap());
            tell.send("that was all").unwrap();
        });
        let stop = reactor.clone();
        let sum = reactor.spawn(async move {
            let sum: u64 = all_numbers.fold(0, |sum, n| ready(sum + n)).await;
            assert_eq!(told.await?, "that was all");
            stop.stop()?;
            Ok(sum)
        });
        reactor.run().unwrap();
        worker.join().unwrap();
        assert_eq!(result_of(sum).unwrap(), 499_500);
    }

    #[test]
    fn a_task_that_never_sleeps_keeps_nobody_from_his_turn() {
        let reactor = Reactor::new().unwrap();
        let restless = reactor.spawn(async {
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                std::task::Poll::<()>::Pending
            })
            .await
        });
        reactor.call_later(Duration::from_millis(1), |reactor| reactor.stop().unwrap());
        reactor.run().unwrap();
        assert!(!restless.has_result());
        restless.cancel();
        assert!(result_of(restless).unwrap_err().check::<CancelledError>().is_some());
    }

    #[test]
    fn a_turn_inside_of_a_task_is_refused_and_the_reactor_goes_on() {
        let reactor = Reactor::new().unwrap();
        let inner = reactor.clone();
        let wrong = reactor.spawn(async move { inner.turn(Some(PATIENCE)).unwrap() });
        let right = reactor.spawn(ready(()));
        reactor.turn(Some(PATIENCE)).unwrap();
        assert!(result_of(wrong).unwrap_err().check::<HandlerPanicked>().is_some());
        result_of(right).unwrap();
    }

    #[test]
    fn a_reactor_that_goes_drops_its_tasks() {
        let none = UnhandledFailures::forbid();
        let (drops, cancelled) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let reactor = Reactor::new().unwrap();
        let (held, tell) = (Counted(Rc::clone(&drops)), Rc::clone(&cancelled));
        let (_resolver, awaited) = Deferred::<()>::with_canceller(move |_| tell.set(true));
        let polled = reactor.spawn(async move {
            let _held = held;
            awaited.await
        });
        reactor.turn(Some(PATIENCE)).unwrap();
        let held = Counted(Rc::clone(&drops));
        let never_polled = reactor.spawn(async move { drop(held) });
        drop(reactor);
        assert_eq!((drops.get(), cancelled.get()), (2, true));
        assert!(result_of(polled).is_err() && result_of(never_polled).is_err());
        assert_eq!(none.take().len(), 0);
    }
}

mod cancelling {
    use super::*;

    #[test]
    fn drops_the_future_and_cancels_what_it_awaits() {
        let (clock, drops, cancelled) = (Clock::new(), Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
        let (held, awaited) = (Counted(Rc::clone(&drops)), later(&clock, SECOND, &cancelled));
        let task = clock.spawn(async move {
            let _held = held;
            awaited.await
        });
        clock.advance(Duration::ZERO);
        assert_eq!((drops.get(), cancelled.get()), (0, false));
        task.cancel();
        assert_eq!((drops.get(), cancelled.get()), (1, true));
        assert!(result_of(task).unwrap_err().check::<CancelledError>().is_some());
        clock.advance(SECOND);
    }

    #[test]
    fn before_the_first_poll() {
        let (clock, drops) = (Clock::new(), Rc::new(Cell::new(0)));
        let held = Counted(Rc::clone(&drops));
        let task = clock.spawn(async move {
            let _held = held;
            panicking();
        });
        task.cancel();
        assert_eq!(drops.get(), 1);
        clock.advance(SECOND);
        assert!(result_of(task).unwrap_err().check::<CancelledError>().is_some());
    }

    #[test]
    fn reaches_the_deferred_that_a_future_answered() {
        let (clock, cancelled) = (Clock::new(), Rc::new(Cell::new(false)));
        let answer = later(&clock, SECOND, &cancelled);
        let task = clock.spawn(async { answer });
        clock.advance(Duration::ZERO);
        assert!(!task.has_result());
        task.cancel();
        assert!(cancelled.get());
        assert!(result_of(task).unwrap_err().check::<CancelledError>().is_some());
        clock.advance(SECOND);
    }

    #[test]
    fn by_the_future_itself() {
        let unhandled = UnhandledFailures::forbid();
        cancels_itself_and(pending());
        cancels_itself_and(ready(Err(Failure::message("nobody hears that"))));
        assert_eq!(unhandled.take().len(), 0);
    }

    fn cancels_itself_and(then: impl Future<Output = twisty::Result<()>> + 'static) {
        let (clock, drops) = (Clock::new(), Rc::new(Cell::new(0)));
        let (held, own) = (Counted(Rc::clone(&drops)), Rc::new(RefCell::new(None::<CancelHandle>)));
        let handle = Rc::clone(&own);
        let task = clock.spawn(async move {
            let _held = held;
            handle.take().expect("it is set").cancel();
            then.await
        });
        *own.borrow_mut() = Some(task.cancel_handle());
        clock.advance(SECOND);
        assert_eq!(drops.get(), 1);
        assert!(task.into_result().is_ok_and(|result| result.is_err_and(|why| why.trap::<CancelledError>().is_ok())));
    }

    #[test]
    fn dropping_the_deferred_changes_nothing() {
        let (clock, done) = (Clock::new(), Rc::new(Cell::new(false)));
        let tell = Rc::clone(&done);
        drop(clock.spawn(async move { tell.set(true) }));
        clock.advance(Duration::ZERO);
        assert!(done.get());
    }

    #[test]
    fn a_failure_that_nobody_handles_is_reported() {
        let (clock, unhandled) = (Clock::new(), UnhandledFailures::forbid());
        drop(clock.spawn(async { Err::<(), _>(Failure::message("no")) }));
        clock.advance(Duration::ZERO);
        assert_eq!(unhandled.take().len(), 1);
    }
}

mod under_a_clock {
    use super::*;

    #[test]
    fn tasks_come_after_the_calls_that_are_due() {
        let (clock, log) = (Clock::new(), Rc::new(RefCell::new(Vec::new())));
        let say = |what: &'static str| {
            let log = Rc::clone(&log);
            move || log.borrow_mut().push(what)
        };
        let (task, next_call) = (say("task"), say("call of the task"));
        let later = clock.clone();
        let (resolver, tick) = Deferred::new();
        clock.spawn(async move {
            tick.await?;
            task();
            later.call_later(Duration::ZERO, next_call);
            Ok(())
        });
        let (first, second) = (say("first call"), say("second call"));
        clock.call_later(SECOND, move || {
            resolver.callback(());
            first();
        });
        clock.call_later(2 * SECOND, second);
        clock.advance(2 * SECOND);
        assert_eq!(*log.borrow(), ["first call", "second call", "task", "call of the task"]);
    }

    #[test]
    fn the_clock_is_the_current_one_in_its_tasks() {
        let clock = Clock::new();
        let here = clock.spawn(async { Ok(twisty::clock::current().is_some()) });
        clock.advance(Duration::ZERO);
        assert!(result_of(here).unwrap());
    }

    #[test]
    fn a_task_may_advance_its_clock() {
        let clock = Clock::new();
        let (own, called) = (clock.clone(), Rc::new(Cell::new(false)));
        let (tell, seen) = (Rc::clone(&called), Rc::clone(&called));
        clock.call_later(SECOND, move || tell.set(true));
        let task = clock.spawn(async move {
            own.spawn(async {}); // woken, and left for the outer round
            own.advance(SECOND);
            Ok(seen.get())
        });
        clock.advance(Duration::ZERO);
        assert!(result_of(task).unwrap());
    }

    #[test]
    fn a_thousand_tasks_in_a_ring() {
        let clock = Clock::new();
        let (first, mut before) = Deferred::<u32>::new();
        for _ in 0..1000 {
            let input = before;
            before = clock.spawn(async { Ok(input.await? + 1) });
        }
        clock.advance(Duration::ZERO);
        first.callback(0);
        clock.advance(Duration::ZERO);
        assert_eq!(result_of(before).unwrap(), 1000);
    }

    #[test]
    fn what_others_have_written_for_futures() {
        let (clock, cancelled) = (Clock::new(), Rc::new(Cell::new(false)));
        let (quick, slow) = (later(&clock, SECOND, &Rc::default()), later(&clock, 2 * SECOND, &cancelled));
        let winner = clock.spawn(async move {
            match select(quick.into_future(), slow.into_future()).await {
                Either::Left((result, _dropped_and_so_cancelled)) => result,
                Either::Right(_) => panic!("the slow one was first"),
            }
        });
        let squares = (1..=3_u64).map(|n| {
            let wait = later(&clock, Duration::from_secs(n), &Rc::default()).into_future();
            wait.map(move |result| result.map(|_now| n * n))
        });
        let all = clock.spawn(join_all(squares.collect::<Vec<_>>()).map(Ok));
        clock.advance(SECOND);
        assert_eq!(result_of(winner).unwrap(), "now");
        assert!(cancelled.get());
        assert!(!all.has_result());
        clock.advance(2 * SECOND);
        let all: Vec<u64> = result_of(all).unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(all, [1, 4, 9]);
    }
}

mod under_a_server {
    use super::*;

    #[protocol(line, factory = Desk)]
    #[derive(Default)]
    struct Guest;

    #[factory(protocol = Guest)]
    #[derive(Default)]
    struct Desk {
        guests: Vec<Transport<Line>>,
    }

    #[protocol]
    impl Guest {
        #[on(connect)]
        fn come(&mut self, cx: &Context<Self>) {
            cx.factory_mut().guests.push(cx.transport());
        }

        #[on(line)]
        fn hear(&mut self) {}
    }

    #[test]
    fn its_tasks_run_each_at_its_time() {
        let server = Server::new(Desk::default());
        let client = server.connect();
        let (clock, guest) = (server.clock(), server.factory().guests[0].clone());
        let timer = server.clock();
        clock.spawn(async move {
            for _ in 0..3 {
                let asked = timer.now();
                later(&timer, SECOND, &Rc::default()).await?;
                guest.send(format!("asked at {asked}, it is {}", timer.now()));
            }
            Ok(())
        });
        server.advance(Duration::ZERO);
        assert_eq!(client.sent(), "");
        server.advance(3 * SECOND);
        let lines: String = (0..3).map(|n| format!("asked at {n}s, it is {}s\r\n", n + 1)).collect();
        assert_eq!(client.sent(), lines.replace("0s, it", "0ns, it"));
    }

    #[test]
    fn what_a_task_does_wrong_is_nobodys_fault() {
        let server = Server::new(Desk::default());
        let client = server.connect();
        let guest = server.factory().guests[0].clone();
        server.clock().spawn(async move {
            guest.send("two\r\nlines");
            guest.send("one line");
        });
        server.advance(Duration::ZERO);
        assert_eq!(client.sent(), "one line\r\n");
        assert!(client.is_connected());
    }
}
