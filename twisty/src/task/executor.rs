//! Runs futures on the reactor's thread.
//!
//! A task is polled when it is new and after each wake, never from inside the wake: waking enters it on a queue, from
//! whatever thread, and [`Executor::run_ready`] works the queue off once a turn. This is all that a reactor has to know of
//! futures, and all that the executor has to know of reactors is how to wake one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use slotmap::SlotMap;

use super::discard;
use crate::error::HandlerPanicked;

slotmap::new_key_type! {
    /// Names one task of an [`Executor`]; never names another one later.
    pub(crate) struct TaskKey;
}

/// Futures that stay on their thread, and so need not be `Send`. A task costs two allocations: its future with what is to
/// follow it, and what its wakers share.
pub(crate) struct Executor {
    /// A task's place is empty while it is polled, so that it may spawn and remove tasks, itself included.
    tasks: RefCell<SlotMap<TaskKey, Option<Task>>>,
    ready: Arc<Ready>,
    /// Where a round's tasks are while it goes on; kept for its memory.
    round: RefCell<Vec<Arc<Signal>>>,
    /// A round goes on; there is never one inside another.
    polling: Cell<bool>,
    /// Removed tasks that are still to be dropped.
    removed: RefCell<VecDeque<Task>>,
    /// One of them is being dropped.
    dropping: Cell<bool>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    /// Made once, so that a future which compares wakers keeps the one it has.
    waker: Waker,
}

/// What is to be polled next.
struct Ready {
    queue: Mutex<Vec<Arc<Signal>>>,
    /// The thread that polls; it need not be woken by itself.
    owner: ThreadId,
    /// Gets the owner to call [`Executor::run_ready`].
    wake: Arc<dyn Fn() + Send + Sync>,
}

/// A task as its wakers know it. They may outlive it, and the executor too.
struct Signal {
    key: TaskKey,
    /// It is on the queue, so waking it again changes nothing.
    queued: AtomicBool,
    ready: Weak<Ready>,
}

impl Executor {
    /// An executor that polls on this thread. `wake` is called from other threads, when something has become ready and
    /// nothing was before; whoever drives the executor looks at [`has_ready`](Self::has_ready) before it sleeps.
    pub(crate) fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let ready = Ready { queue: Mutex::default(), owner: thread::current().id(), wake };
        Self {
            tasks: RefCell::default(),
            ready: Arc::new(ready),
            round: RefCell::default(),
            polling: Cell::default(),
            removed: RefCell::default(),
            dropping: Cell::default(),
        }
    }

    /// Has `future` polled from the next [`run_ready`](Self::run_ready) on. When it is ready or has panicked it is dropped,
    /// then `done` is called with the result; if the task is removed before, `done` is dropped without a call.
    pub(crate) fn spawn<T>(
        &self,
        future: impl Future<Output = T> + 'static,
        done: impl FnOnce(Result<T, HandlerPanicked>) + 'static,
    ) -> TaskKey {
        // The compiler gives the block room for `future` twice, before and after it is pinned: memory instead of an
        // allocation more.
        let future = Box::pin(async move {
            let result = {
                let mut future = pin!(future);
                poll_fn(|cx| match HandlerPanicked::catch(|| future.as_mut().poll(cx)) {
                    Ok(poll) => poll.map(Ok),
                    Err(panicked) => Poll::Ready(Err(panicked)),
                })
                .await
            };
            done(result);
        });
        let mut tasks = self.tasks.borrow_mut();
        let key = tasks.insert(None);
        let signal = Arc::new(Signal { key, queued: AtomicBool::new(true), ready: Arc::downgrade(&self.ready) });
        tasks[key] = Some(Task { future, waker: Arc::clone(&signal).into() });
        self.ready.enter(signal);
        key
    }

    /// Drops a task; right after its poll, if that is going on (and if it turns out ready in it, `done` is still called),
    /// and right after another one that removes it by its own drop. Nothing happens if it is over already.
    pub(crate) fn remove(&self, key: TaskKey) {
        let task = self.tasks.borrow_mut().remove(key);
        self.removed.borrow_mut().extend(task.flatten());
        // Tasks that await one another remove one another, and can be many: in a loop, not by recursion.
        if self.dropping.replace(true) {
            return;
        }
        // The borrow ends with the closure: dropping a future runs its owner's code.
        let next = || self.removed.borrow_mut().pop_front();
        while let Some(task) = next() {
            discard(task);
        }
        self.dropping.set(false);
    }

    /// Removes all tasks that there are, the oldest first.
    pub(crate) fn clear(&self) {
        let tasks = self.tasks.take();
        tasks.into_iter().filter_map(|(_, task)| task).for_each(discard);
    }

    /// Polls what is ready now, each task once. One that becomes ready meanwhile, by its own doing too, waits for the next
    /// call, so that no task keeps the others or the sockets from their turn. Calls `after_each` after each poll; false if
    /// there was none, as from inside of a task.
    pub(crate) fn run_ready(&self, after_each: impl Fn()) -> bool {
        if self.polling.replace(true) {
            return false;
        }
        let mut round = self.round.take();
        std::mem::swap(&mut round, &mut *self.ready.lock());
        let any = !round.is_empty();
        for signal in round.drain(..) {
            // From here on a wake counts again. Reading the flag orders the poll after what came before the last wake.
            signal.queued.swap(false, Ordering::AcqRel);
            self.poll(signal.key);
            after_each();
        }
        self.round.replace(round);
        self.polling.set(false);
        any
    }

    /// Whether [`run_ready`](Self::run_ready) has something to do.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.lock().is_empty()
    }

    fn poll(&self, key: TaskKey) {
        let Some(mut task) = self.tasks.borrow_mut().get_mut(key).and_then(Option::take) else { return };
        let poll = HandlerPanicked::catch(|| task.future.as_mut().poll(&mut Context::from_waker(&task.waker)));
        let mut tasks = self.tasks.borrow_mut();
        if matches!(poll, Ok(Poll::Pending))
            && let Some(place) = tasks.get_mut(key)
        {
            *place = Some(task);
            return;
        }
        tasks.remove(key);
        drop(tasks);
        if let Err(failure) = poll {
            tracing::error!(%failure, "what follows a future failed");
        }
        discard(task);
    }
}

/// One that nobody has to wake: whoever drives it looks at it anyway.
impl Default for Executor {
    fn default() -> Self {
        Self::new(Arc::new(|| {}))
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Ready {
    /// Nobody's code but the queue's runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Signal>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, signal: Arc<Signal>) {
        let mut queue = self.lock();
        queue.push(signal);
        let first = queue.len() == 1;
        drop(queue);
        // Later ones need not wake: either the first one did, or the owner itself was first and so does not sleep.
        if first && thread::current().id() != self.owner {
            (self.wake)();
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel)
            && let Some(ready) = self.ready.upgrade()
        {
            ready.enter(self);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::rc::Rc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// An executor that counts how often it was to be woken, and what happened in it.
    struct Bench {
        executor: Rc<Executor>,
        woken: Arc<AtomicUsize>,
        log: Log,
    }

    #[derive(Clone, Default)]
    struct Log(Rc<RefCell<Vec<String>>>);

    impl Log {
        fn add(&self, what: impl Into<String>) {
            self.0.borrow_mut().push(what.into());
        }

        /// What happened since the last call.
        fn take(&self) -> Vec<String> {
            self.0.take()
        }
    }

    /// Calls what it holds when it is dropped.
    struct OnDrop<F: FnMut()>(F);

    impl<F: FnMut()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }

    impl Bench {
        fn new() -> Self {
            let woken = Arc::new(AtomicUsize::new(0));
            let counts = Arc::clone(&woken);
            let wake = move || _ = counts.fetch_add(1, Ordering::Relaxed);
            Self { executor: Rc::new(Executor::new(Arc::new(wake))), woken, log: Log::default() }
        }

        fn woken(&self) -> usize {
            self.woken.load(Ordering::Relaxed)
        }

        /// A future that is never ready, writes each of its polls and its end down, and leaves its waker behind.
        fn sleeper(&self, name: &'static str) -> (TaskKey, Rc<RefCell<Option<Waker>>>) {
            let (waker, left) = (Rc::new(RefCell::new(None)), self.log.clone());
            let (leaves, log) = (Rc::clone(&waker), self.log.clone());
            let ends = OnDrop(move || left.add(format!("{name} dropped")));
            let future = poll_fn(move |cx| {
                let _held = &ends;
                log.add(name);
                *leaves.borrow_mut() = Some(cx.waker().clone());
                Poll::<()>::Pending
            });
            (self.executor.spawn(future, |_| panic!("it is never ready")), waker)
        }
    }

    fn wake(waker: &Rc<RefCell<Option<Waker>>>) {
        waker.borrow().as_ref().expect("it was polled").wake_by_ref();
    }

    #[test]
    fn tasks_run_in_order_and_give_their_results() {
        let bench = Bench::new();
        for n in 0..3 {
            let log = bench.log.clone();
            bench.executor.spawn(ready(n), move |result| log.add(format!("{result:?}")));
        }
        assert!(bench.executor.has_ready());
        assert!(bench.log.take().is_empty(), "nothing runs by being spawned");
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["Ok(0)", "Ok(1)", "Ok(2)"]);
        assert!(!bench.executor.has_ready());
        assert!(bench.executor.tasks.borrow().is_empty());
    }

    #[test]
    fn many_wakes_are_one_poll() {
        let bench = Bench::new();
        let (_, waker) = bench.sleeper("a");
        bench.executor.run_ready(|| {});
        assert!(!bench.executor.has_ready(), "it sleeps until it is woken");
        (0..3).for_each(|_| wake(&waker));
        bench.executor.run_ready(|| {});
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["a", "a"]);
    }

    #[test]
    fn a_task_keeps_its_waker() {
        let bench = Bench::new();
        let (_, waker) = bench.sleeper("a");
        bench.executor.run_ready(|| {});
        let first = waker.borrow().clone().expect("it was polled");
        first.wake_by_ref();
        bench.executor.run_ready(|| {});
        assert!(waker.borrow().as_ref().expect("it was polled").will_wake(&first));
    }

    #[test]
    fn only_other_threads_wake_the_executor_and_only_the_first() {
        let bench = Bench::new();
        let (_, a) = bench.sleeper("a");
        let (_, b) = bench.sleeper("b");
        bench.executor.run_ready(|| {});
        let wakers = [a.borrow().clone().expect("polled"), b.borrow().clone().expect("polled")];
        let elsewhere = wakers.clone();
        thread::spawn(move || elsewhere.iter().chain(&elsewhere).for_each(Waker::wake_by_ref)).join().unwrap();
        assert_eq!(bench.woken(), 1);
        bench.executor.run_ready(|| {});

        wakers[0].wake_by_ref();
        let elsewhere = wakers[1].clone();
        thread::spawn(move || elsewhere.wake()).join().unwrap();
        assert_eq!(bench.woken(), 1, "its own thread does not sleep on what it has entered");
        assert!(bench.executor.has_ready());
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["a", "b", "a", "b", "a", "b"]);
    }

    #[test]
    fn a_task_that_wakes_itself_waits_for_the_next_call() {
        let bench = Bench::new();
        let polls = Rc::new(Cell::new(0));
        let counts = Rc::clone(&polls);
        let restless = poll_fn(move |cx| {
            counts.set(counts.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        bench.executor.spawn(restless, drop);
        for n in 1..=3 {
            bench.executor.run_ready(|| {});
            assert_eq!((polls.get(), bench.executor.has_ready()), (n, true));
        }
    }

    #[test]
    fn a_wake_within_a_round_counts_for_those_who_were_polled() {
        let bench = Bench::new();
        let (_, first) = bench.sleeper("first");
        let (_, third) = bench.sleeper("third");
        let second = Rc::new(RefCell::new(None));
        let (others, leaves) = ([Rc::clone(&first), Rc::clone(&third)], Rc::clone(&second));
        let wakes_others = poll_fn(move |cx| {
            others.iter().for_each(wake);
            *leaves.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        });
        bench.executor.spawn(wakes_others, drop);
        (0..2).for_each(|_| _ = bench.executor.run_ready(|| {}));
        assert_eq!(bench.log.take(), ["first", "third", "first", "third"]);

        [first, second, third].iter().for_each(wake);
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["first", "third"]);
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["first"], "the third was on the queue still when it was woken again");
    }

    #[test]
    fn spawned_by_a_task_waits_for_the_next_call() {
        let bench = Bench::new();
        let (executor, log) = (Rc::clone(&bench.executor), bench.log.clone());
        let spawns = async move {
            log.add("outer");
            executor.spawn(ready(()), move |_| log.add("inner"));
        };
        bench.executor.spawn(spawns, drop);
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["outer"]);
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["inner"]);
    }

    #[test]
    fn a_future_is_gone_before_its_result_is_used() {
        let bench = Bench::new();
        let (polled, dropped, done) = (bench.log.clone(), bench.log.clone(), bench.log.clone());
        let ends = OnDrop(move || dropped.add("dropped"));
        let future = poll_fn(move |_| {
            let _held = &ends;
            polled.add("polled");
            Poll::Ready(())
        });
        bench.executor.spawn(future, move |_| done.add("done"));
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["polled", "dropped", "done"]);
    }

    #[test]
    fn a_removed_task_is_dropped_at_once() {
        let bench = Bench::new();
        let (key, waker) = bench.sleeper("a");
        bench.executor.run_ready(|| {});
        wake(&waker);
        bench.executor.remove(key);
        bench.executor.remove(key);
        assert_eq!(bench.log.take(), ["a", "a dropped"]);
        bench.executor.run_ready(|| {});
        wake(&waker);
        bench.executor.run_ready(|| {});
        assert!(bench.log.take().is_empty());
    }

    /// What happens to a task that removes itself, and says `answer` in the same poll.
    fn remove_while_polled(answer: Poll<()>) -> Vec<String> {
        let bench = Bench::new();
        let key = Rc::new(Cell::new(None));
        let (own_key, executor) = (Rc::clone(&key), Rc::clone(&bench.executor));
        let (log, left, done) = (bench.log.clone(), bench.log.clone(), bench.log.clone());
        let ends = OnDrop(move || left.add("dropped"));
        let future = poll_fn(move |cx| {
            let _held = &ends;
            executor.remove(own_key.take().expect("it is polled once"));
            log.add("still polled");
            cx.waker().wake_by_ref();
            answer
        });
        key.set(Some(bench.executor.spawn(future, move |_| done.add("done"))));
        (0..2).for_each(|_| _ = bench.executor.run_ready(|| {}));
        bench.log.take()
    }

    #[test]
    fn a_task_removed_while_it_is_polled_is_dropped_after_that() {
        assert_eq!(remove_while_polled(Poll::Pending), ["still polled", "dropped"]);
        assert_eq!(remove_while_polled(Poll::Ready(())), ["still polled", "dropped", "done"]);
    }

    #[test]
    fn a_drop_may_use_the_executor() {
        let bench = Bench::new();
        let (other, waker) = bench.sleeper("other");
        bench.executor.run_ready(|| {});
        let (executor, log) = (Rc::clone(&bench.executor), bench.log.clone());
        let ends = OnDrop(move || {
            wake(&waker);
            executor.remove(other);
            let log = log.clone();
            executor.spawn(ready(()), move |_| log.add("spawned"));
        });
        let key = bench.executor.spawn(
            poll_fn(move |_| {
                let _held = &ends;
                Poll::<()>::Pending
            }),
            drop,
        );
        bench.executor.remove(key);
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["other", "other dropped", "spawned"]);
    }

    #[test]
    fn a_panic_is_its_own_tasks_result() {
        let bench = Bench::new();
        let (done, log) = (bench.log.clone(), bench.log.clone());
        bench.executor.spawn(async { panic!("on purpose") }, move |result: Result<(), _>| {
            done.add(result.expect_err("it panicked").message);
        });
        bench.executor.spawn(ready(()), |_| panic!("what follows may panic too"));
        bench.executor.spawn(ready(()), move |_| log.add("the others go on"));
        bench.executor.run_ready(|| {});
        assert_eq!(bench.log.take(), ["on purpose", "the others go on"]);
        assert!(bench.executor.tasks.borrow().is_empty());
    }

    #[test]
    fn a_drop_that_panics_harms_nothing() {
        let bench = Bench::new();
        let spawn = || {
            let ends = OnDrop(|| panic!("on purpose"));
            bench.executor.spawn(
                async move {
                    let _held = &ends;
                    pending::<()>().await;
                },
                drop,
            )
        };
        let key = spawn();
        spawn();
        bench.sleeper("a");
        bench.executor.run_ready(|| {});
        bench.executor.remove(key);
        let log = bench.log.clone();
        drop(bench);
        assert_eq!(log.take(), ["a", "a dropped"]);
    }

    #[test]
    fn dropping_the_executor_drops_its_tasks_in_order() {
        let bench = Bench::new();
        let (_, a) = bench.sleeper("a");
        bench.executor.run_ready(|| {});
        let ends = OnDrop(move || wake(&a));
        let log = bench.log.clone();
        let result = OnDrop(move || log.add("done dropped"));
        let future = async move {
            let _held = &ends;
            pending::<()>().await;
        };
        bench.executor.spawn(future, move |_| drop(result));
        bench.sleeper("never polled");
        let log = bench.log.clone();
        drop(bench);
        assert_eq!(log.take(), ["a", "a dropped", "done dropped", "never polled dropped"]);
    }

    #[test]
    fn wakers_may_outlive_their_executor() {
        let bench = Bench::new();
        let (_, waker) = bench.sleeper("a");
        bench.executor.run_ready(|| {});
        let (waker, woken) = (waker.take().expect("it was polled"), Arc::clone(&bench.woken));
        drop(bench);
        thread::spawn(move || {
            waker.wake_by_ref();
            waker.wake();
        })
        .join()
        .unwrap();
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        assert_eq!(Arc::strong_count(&woken), 1, "nothing is kept alive");
    }

    #[test]
    fn no_wake_from_another_thread_is_lost() {
        const WAKES: usize = 10_000;
        let (wakes, sleep) = mpsc::channel();
        let executor = Executor::new(Arc::new(move || _ = wakes.send(())));
        let (leaves, counter) = (Arc::new(Mutex::new(None::<Waker>)), Arc::new(AtomicUsize::new(0)));
        let (waker, counts) = (Arc::clone(&leaves), Arc::clone(&counter));
        let counted = poll_fn(move |cx| {
            *waker.lock().unwrap() = Some(cx.waker().clone());
            if counts.load(Ordering::Relaxed) == 2 * WAKES { Poll::Ready(()) } else { Poll::Pending }
        });
        let done = Rc::new(Cell::new(false));
        let is_done = Rc::clone(&done);
        executor.spawn(counted, move |_| is_done.set(true));
        executor.run_ready(|| {});
        let threads = [(); 2].map(|()| {
            let (counter, waker) = (Arc::clone(&counter), Arc::clone(&leaves));
            let count_once = move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
                let waker = waker.lock().unwrap().clone().expect("it was polled");
                waker.wake();
            };
            thread::spawn(move || (0..WAKES).for_each(count_once))
        });
        while !done.get() {
            if !executor.has_ready() {
                sleep.recv_timeout(Duration::from_secs(60)).expect("a wake");
            }
            executor.run_ready(|| {});
        }
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
