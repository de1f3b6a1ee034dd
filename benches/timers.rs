//! Timers: twisty's against tokio's `sleep` and `DelayQueue`, and a binary heap by hand.
//!
//! Run: `cargo bench -p benches --bench timers`      Shorter: `… --bench timers -- --quick cancel`
//!
//! A piece of work is 100,000 timers: all are set, then cancelled in an order of no rule, or waited for until they have
//! fired, or half of them is cancelled and the rest fires. What fires has a delay of 10 ms, or anything up to 20 ms; what
//! is cancelled, 20 to 40 seconds. Real reactors and runtimes wait for real time to pass; since only CPU time counts, that is
//! free.
//!
//! - "sleep" boxes each `Sleep` (it must not move), polls it once, and drops it or awaits it. A task that sleeps costs
//!   what is below it: one is spawned for each, which counts when it wakes, as a call that is due does.
//!   "sleep" itself runs nothing of the user's when it fires: one task awaits them all.
//! - `call_later` is measured with a call that counts, boxed like every call; `Timers`, `DelayQueue` and the heap carry
//!   a number. All but "sleep" hand out what cancels a timer; of a `Sleep`, dropping it does.
//! - tokio's timers are exact to the millisecond, and come in no order within it; all others here are exact to the
//!   nanosecond, and first in, first out.
//! - A reactor and a runtime live on from piece to piece, as they do in a program; after random delays the reactor's memory
//!   is in no order any more. What else there is starts anew.
//! - "heap by hand" pushes into a `BinaryHeap` and keeps the values in a `Vec` beside it, from where cancelling takes
//!   them; entries of cancelled timers come out of the heap when they are due. It never gives memory back, and never
//!   looks at a clock: to cancel in less time can be expected of nothing.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::iter;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use benches::Result;
use benches::contest::Contest;
use benches::options::Options;
use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{unconstrained, yield_now};
use tokio::time::{Sleep, sleep};
use tokio_util::time::DelayQueue;
use twisty::Reactor;
use twisty::clock::{Timers, Timestamp};
use twisty::testing::Clock;

const TIMERS: usize = 100_000;
/// By then all of them are due.
const ALL: Duration = Duration::from_millis(20);

fn main() -> Result {
    let mut contests = Vec::new();
    for (pattern, cancelled) in [("cancel", TIMERS), ("fire", 0), ("half of each", TIMERS / 2)] {
        for random in [false, true] {
            let delays = if random { "any delay" } else { "one delay" };
            contests.push(contest(format!("{pattern}, {delays}"), &Plan::new(random, cancelled))?);
        }
    }
    Options::parse().hold(&mut contests)
}

fn contest(name: String, plan: &Plan) -> Result<Contest> {
    let runtime = Rc::new(Builder::new_current_thread().enable_time().build()?);
    let reactor = Reactor::new()?;
    let way = |work: fn(&Plan) -> usize| {
        let plan = plan.clone();
        move || plan.check(work(&plan))
    };
    let with_tokio = |work: fn(&Plan, &Runtime) -> usize| {
        let (plan, runtime) = (plan.clone(), Rc::clone(&runtime));
        move || plan.check(work(&plan, &runtime))
    };
    let call_later = {
        let plan = plan.clone();
        move || plan.check(reactor_call_later(&plan, &reactor))
    };
    Ok(Contest::new(name, TIMERS)
        .way("tokio, sleep", with_tokio(tokio_sleep))
        .way("tokio-util, DelayQueue", with_tokio(tokio_delay_queue))
        .way("twisty, Reactor::call_later", call_later)
        .way("twisty, testing::Clock", way(clock_call_later))
        .way("twisty, clock::Timers", way(timers))
        .way("tokio, a task that sleeps", with_tokio(tokio_tasks))
        .way("heap by hand", way(heap)))
}

/// What to do in one piece of the work.
#[derive(Clone)]
struct Plan {
    delays: Rc<[Duration]>,
    /// Which to cancel, in this order.
    cancelled: Rc<[usize]>,
}

impl Plan {
    fn new(random: bool, cancelled: usize) -> Self {
        let mut numbers = fastrand::Rng::with_seed(7);
        let mut delay = || if random { ALL.mul_f64(numbers.f64()) } else { ALL / 2 };
        let mut delays: Vec<_> = iter::repeat_with(&mut delay).take(TIMERS).collect();
        let cancelled: Rc<[usize]> = numbers.choose_multiple(0..TIMERS, cancelled).into();
        for index in &*cancelled {
            delays[*index] = delays[*index] * 1000 + ALL * 1000;
        }
        Self { delays: delays.into(), cancelled }
    }

    /// Each one that was not cancelled has fired, once.
    fn check(&self, fired: usize) {
        assert_eq!(fired + self.cancelled.len(), TIMERS);
    }
}

fn reactor_call_later(plan: &Plan, reactor: &Reactor) -> usize {
    let fired = Rc::new(Cell::new(0));
    let count = || {
        let fired = Rc::clone(&fired);
        move |_: &Reactor| fired.set(fired.get() + 1)
    };
    let calls: Vec<_> = plan.delays.iter().map(|delay| reactor.call_later(*delay, count())).collect();
    for index in &*plan.cancelled {
        assert_eq!(calls[*index].cancel(), Ok(()));
    }
    while fired.get() + plan.cancelled.len() < TIMERS {
        assert!(reactor.turn(None).is_ok());
    }
    fired.get()
}

fn clock_call_later(plan: &Plan) -> usize {
    let clock = Clock::new();
    let fired = Rc::new(Cell::new(0));
    let count = || {
        let fired = Rc::clone(&fired);
        move || fired.set(fired.get() + 1)
    };
    let calls: Vec<_> = plan.delays.iter().map(|delay| clock.call_later(*delay, count())).collect();
    for index in &*plan.cancelled {
        assert_eq!(calls[*index].cancel(), Ok(()));
    }
    clock.advance(ALL);
    fired.get()
}

fn timers(plan: &Plan) -> usize {
    let mut timers = Timers::new();
    let due = plan.delays.iter().map(|delay| Timestamp::ZERO + *delay);
    let keys: Vec<_> = due.enumerate().map(|(index, due)| timers.insert(due, index)).collect();
    for index in &*plan.cancelled {
        timers.remove(keys[*index]);
    }
    let batch = timers.batch();
    iter::from_fn(|| timers.pop_due(Timestamp::ZERO + ALL, batch)).count()
}

fn heap(plan: &Plan) -> usize {
    let mut heap = BinaryHeap::new();
    let mut values = Vec::new();
    for (index, delay) in plan.delays.iter().enumerate() {
        heap.push(Reverse((*delay, index)));
        values.push(Some(index));
    }
    for index in &*plan.cancelled {
        values[*index] = None;
    }
    let due = iter::from_fn(|| heap.pop()).take_while(|Reverse((due, _))| *due <= ALL);
    due.filter_map(|Reverse((_, index))| values[index].take()).count()
}

fn tokio_sleep(plan: &Plan, runtime: &Runtime) -> usize {
    // Not interrupted by the runtime's thoughts about fairness, nor are the others.
    runtime.block_on(unconstrained(async {
        let set = |delay: &Duration| Some(Box::pin(sleep(*delay)));
        let mut sleeps: Vec<Option<Pin<Box<Sleep>>>> = plan.delays.iter().map(set).collect();
        poll_fn(|cx| {
            let polled = sleeps.iter_mut().flatten().map(|sleep| sleep.as_mut().poll(cx));
            Poll::Ready(polled.count())
        })
        .await;
        for index in &*plan.cancelled {
            sleeps[*index] = None;
        }
        let mut fired = 0;
        for sleep in sleeps.into_iter().flatten() {
            sleep.await;
            fired += 1;
        }
        fired
    }))
}

fn tokio_tasks(plan: &Plan, runtime: &Runtime) -> usize {
    let (asleep, fired) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let task = |delay: &Duration| {
        let (asleep, fired, delay) = (Arc::clone(&asleep), Arc::clone(&fired), *delay);
        runtime.spawn(async move {
            asleep.fetch_add(1, Ordering::Relaxed);
            sleep(delay).await;
            fired.fetch_add(1, Ordering::Relaxed);
        })
    };
    runtime.block_on(unconstrained(async {
        let tasks: Vec<_> = plan.delays.iter().map(task).collect();
        while asleep.load(Ordering::Relaxed) < TIMERS {
            yield_now().await;
        }
        for index in &*plan.cancelled {
            tasks[*index].abort();
        }
        for task in tasks {
            // An error is one that was aborted.
            let _ = task.await;
        }
    }));
    fired.load(Ordering::Relaxed)
}

fn tokio_delay_queue(plan: &Plan, runtime: &Runtime) -> usize {
    runtime.block_on(unconstrained(async {
        let mut queue = DelayQueue::new();
        let delays = plan.delays.iter().enumerate();
        let keys: Vec<_> = delays.map(|(index, delay)| queue.insert(index, *delay)).collect();
        for index in &*plan.cancelled {
            queue.remove(&keys[*index]);
        }
        queue.count().await
    }))
}
