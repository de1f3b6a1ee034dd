//! Threads for work that blocks: a [`ThreadPool`], which knows of no reactor.
//!
//! A reactor has one thread, and a handler that blocks stops every connection. Name look-ups by the system, a database's
//! blocking client, a long computation belong here.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::{HandlerPanicked, ThreadError};

/// A bounded pool of threads. Work is begun in the order in which it came, and waits while all threads are busy.
/// (Twisted's `ThreadPool`, with the bounds of the reactor's own: none at first, ten at most.)
///
/// A thread is started when work finds no idle one, named `twisty-worker-1` and so on, and ends after 30 seconds without
/// work; so a program that does not use its pool owns no thread.
///
/// Work that waits for other work of the same pool may wait forever: all threads may be taken by those who wait.
///
/// # When it is dropped
/// Work that has not begun is dropped. Work that has begun is neither interrupted nor waited for: its thread ends after
/// it, or with the program. Twisted's `stop` joins all threads, so that one hung call keeps the program from ending. The
/// price is that a program which returns from `main` cuts its running work off anywhere; whoever needs the end of it
/// waits for it, by a channel for example.
///
/// ```
/// use std::sync::mpsc;
/// use twisty::threads::ThreadPool;
///
/// let pool = ThreadPool::new();
/// let (answer, answers) = mpsc::channel();
/// pool.call_in_thread(move || answer.send(6 * 7).expect("somebody listens"))?;
/// assert_eq!(answers.recv(), Ok(42));
/// # Ok::<(), twisty::Failure>(())
/// ```
pub struct ThreadPool(Arc<Shared>);

type Job = Box<dyn FnOnce() + Send>;

/// What the pool and its threads share.
struct Shared {
    state: Mutex<State>,
    /// Signalled when there is work, or one thread too many.
    changed: Condvar,
}

struct State {
    /// What has not begun.
    queue: VecDeque<Job>,
    /// Most threads at a time; none once the pool is dropped, which ends them all.
    size: usize,
    /// Threads there are, from the moment they were asked for.
    threads: usize,
    /// Those of them that run a job; the others will look at the queue before they wait.
    busy: usize,
    /// Threads that there ever were: what the next one is named by.
    started: usize,
    /// The system refused a thread, and that was reported.
    refused: bool,
    /// How long a thread waits for work before it ends.
    patience: Duration,
    /// How to have a thread; a test puts a refusal here.
    start: fn(name: String, work: Job) -> io::Result<()>,
}

impl ThreadPool {
    /// Most threads of a pool, unless [`set_size`](Self::set_size) says otherwise: what Twisted's reactors allow.
    pub const DEFAULT_SIZE: usize = 10;

    /// How long a thread waits for work before it ends.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// A pool of at most [`DEFAULT_SIZE`](Self::DEFAULT_SIZE) threads, none of which is started before there is work.
    ///
    /// ```
    /// let pool = twisty::threads::ThreadPool::new();
    /// assert_eq!((pool.size(), pool.threads()), (10, 0));
    /// ```
    #[must_use]
    pub fn new() -> Self {
        let state = State {
            queue: VecDeque::new(),
            size: Self::DEFAULT_SIZE,
            threads: 0,
            busy: 0,
            started: 0,
            refused: false,
            patience: Self::PATIENCE,
            start: |name, work| thread::Builder::new().name(name).spawn(work).map(drop),
        };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// Calls `call` in one of the threads, once one is free. A panic is reported through `tracing`; the thread goes on.
    /// (Twisted's `callInThread`.)
    ///
    /// If the system refuses another thread, the call waits for those that there are.
    ///
    /// # Errors
    /// [`ThreadError`] when the system refuses a thread and there is no other, so that the call will never happen.
    ///
    /// ```
    /// # let pool = twisty::threads::ThreadPool::new();
    /// # let (done, end) = std::sync::mpsc::channel();
    /// pool.call_in_thread(move || {
    ///     let name = std::thread::current().name().map(str::to_owned);
    ///     assert_eq!(name.as_deref(), Some("twisty-worker-1"));
    /// #   done.send(()).expect("somebody waits");
    /// })?;
    /// # end.recv()?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn call_in_thread(&self, call: impl FnOnce() + Send + 'static) -> Result<(), ThreadError> {
        let mut state = self.0.lock();
        state.queue.push_back(Box::new(call));
        let started = self.0.start_threads(&mut state);
        let nobody = state.threads == 0;
        let _dropped_after_the_lock = nobody.then(|| state.queue.pop_back());
        drop(state);
        match started {
            Err(source) if nobody => return Err(ThreadError { source }),
            Err(error) => self.0.report_refusal(&error),
            Ok(()) => {}
        }
        self.0.changed.notify_one();
        Ok(())
    }

    /// How many threads there may be from now on. Default: 10; zero counts as one, which is the least that works.
    /// (Twisted's `adjustPoolsize`, and the reactor's `suggestThreadPoolSize`.)
    ///
    /// Work that waits gets the new threads at once. Of threads too many, idle ones end now, the others after their job.
    ///
    /// ```
    /// let pool = twisty::threads::ThreadPool::new();
    /// pool.set_size(50);
    /// assert_eq!(pool.size(), 50);
    /// ```
    pub fn set_size(&self, size: usize) {
        let mut state = self.0.lock();
        state.size = size.max(1);
        let started = self.0.start_threads(&mut state);
        drop(state);
        self.0.changed.notify_all();
        if let Err(error) = started {
            self.0.report_refusal(&error);
        }
    }

    /// How many threads there may be.
    ///
    /// ```
    /// use twisty::threads::ThreadPool;
    ///
    /// assert_eq!(ThreadPool::new().size(), ThreadPool::DEFAULT_SIZE);
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.lock().size
    }

    /// How many threads there are, idle ones included.
    ///
    /// ```
    /// let pool = twisty::threads::ThreadPool::new();
    /// pool.call_in_thread(|| println!("working"))?;
    /// assert_eq!(pool.threads(), 1);
    /// # Ok::<(), twisty::ThreadError>(())
    /// ```
    #[must_use]
    pub fn threads(&self) -> usize {
        self.0.lock().threads
    }

    /// How many calls have not begun. One that is always high says that the pool is too small.
    ///
    /// ```
    /// # use std::sync::mpsc;
    /// # let pool = twisty::threads::ThreadPool::new();
    /// # let (begun, begins) = mpsc::channel();
    /// # let (end, ended) = mpsc::channel::<()>();
    /// pool.set_size(1);
    /// pool.call_in_thread(move || {
    /// #   begun.send(()).expect("somebody waits");
    ///     // Something long.
    /// #   ended.recv().expect_err("nobody says anything");
    /// })?;
    /// # begins.recv()?;
    /// pool.call_in_thread(|| println!("its turn comes later"))?;
    /// assert_eq!(pool.queued(), 1);
    /// # drop(end);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.lock().queue.len()
    }
}

impl Default for ThreadPool {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        let mut debug = f.debug_struct("ThreadPool");
        debug.field("size", &state.size).field("threads", &state.threads).field("queued", &state.queue.len());
        debug.finish_non_exhaustive()
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.size = 0;
        let never_called = std::mem::take(&mut state.queue);
        drop(state);
        self.0.changed.notify_all();
        drop(never_called);
    }
}

impl Shared {
    /// No user's code ever runs under this lock: no job, no job's drop, no subscriber of `tracing`.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts as many threads as the queue can use and the size allows.
    fn start_threads(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        while state.threads < state.size && state.queue.len() > state.threads - state.busy {
            let (shared, name) = (Arc::clone(self), format!("twisty-worker-{}", state.started + 1));
            (state.start)(name, Box::new(move || shared.work()))?;
            state.threads += 1;
            state.started += 1;
            state.refused = false;
        }
        Ok(())
    }

    /// Once, until the system has given a thread again: a busy program asks often.
    fn report_refusal(&self, error: &io::Error) {
        let mut state = self.lock();
        let (reported, threads, size) = (std::mem::replace(&mut state.refused, true), state.threads, state.size);
        drop(state);
        if !reported {
            tracing::warn!(%error, threads, size, "the system refuses another thread");
        }
    }

    /// What a thread does all its life.
    fn work(self: &Arc<Self>) {
        while let Some(job) = self.next_job() {
            let _until_it_is_done = Busy(self);
            if let Err(failure) = HandlerPanicked::catch(job) {
                tracing::error!(%failure, "a call in a thread failed");
            }
        }
    }

    /// Waits for work. `None` when there are too many threads, or was nothing to do for too long: the thread is to end.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        let mut waited_in_vain = false;
        while state.threads <= state.size {
            if let Some(job) = state.queue.pop_front() {
                state.busy += 1;
                return Some(job);
            }
            if waited_in_vain {
                break;
            }
            let patience = state.patience;
            let woken = self.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
            (state, waited_in_vain) = (woken.0, woken.1.timed_out());
        }
        state.threads -= 1;
        None
    }
}

/// A thread that runs a job.
struct Busy<'a>(&'a Arc<Shared>);

/// A panic that gets so far, as a subscriber's of `tracing`, ends the thread; another one takes its place.
impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let Self(shared) = *self;
        let mut state = shared.lock();
        state.busy -= 1;
        if thread::panicking() {
            state.threads -= 1;
            let _refused_as_it_may_be_at_any_time = shared.start_threads(&mut state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{self, Receiver, Sender};

    use super::*;

    /// What no healthy test ever waits for.
    const FOREVER: Duration = Duration::from_secs(60);

    /// Waits until the threads got so far.
    fn eventually(what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..60_000 {
            if is_so() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("never: {what}");
    }

    /// A pool whose threads do not end for want of work.
    fn patient_pool() -> ThreadPool {
        let pool = ThreadPool::new();
        pool.0.lock().patience = 100 * FOREVER;
        pool
    }

    /// Jobs that say when they begin, and end when they are let go.
    struct Gate {
        begun: Sender<usize>,
        begins: Receiver<usize>,
        ends: Vec<Sender<()>>,
    }

    impl Gate {
        fn new() -> Self {
            let (begun, begins) = mpsc::channel();
            Self { begun, begins, ends: Vec::new() }
        }

        fn enter(&mut self, pool: &ThreadPool) {
            let (begun, number) = (self.begun.clone(), self.ends.len());
            let (end, ended) = mpsc::channel();
            self.ends.push(end);
            pool.call_in_thread(move || {
                begun.send(number).unwrap();
                ended.recv().ok();
            })
            .unwrap();
        }

        /// The numbers of the next jobs to begin.
        fn begin(&self, jobs: usize) -> Vec<usize> {
            (0..jobs).map(|_| self.begins.recv_timeout(FOREVER).unwrap()).collect()
        }
    }

    fn refuse(_name: String, _work: Job) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    #[test]
    fn one_thread_works_in_order() {
        let pool = patient_pool();
        pool.set_size(1);
        let (done, results) = mpsc::channel();
        for n in 0..1000 {
            let done = done.clone();
            pool.call_in_thread(move || done.send((n, thread::current().name().map(str::to_owned))).unwrap()).unwrap();
        }
        for n in 0..1000 {
            assert_eq!(results.recv_timeout(FOREVER).unwrap(), (n, Some("twisty-worker-1".to_owned())));
        }
        assert_eq!((pool.threads(), pool.queued()), (1, 0));
    }

    #[test]
    fn no_more_threads_than_allowed_and_no_fewer() {
        let (pool, mut gate) = (patient_pool(), Gate::new());
        (0..25).for_each(|_| gate.enter(&pool));
        gate.begin(10);
        assert_eq!((pool.threads(), pool.queued()), (10, 15));
        gate.ends.clear();
        gate.begin(15);
        assert_eq!(pool.queued(), 0);
    }

    #[test]
    fn an_idle_thread_is_used_again() {
        let pool = patient_pool();
        for _ in 0..100 {
            let (done, end) = mpsc::channel();
            pool.call_in_thread(move || done.send(()).unwrap()).unwrap();
            end.recv_timeout(FOREVER).unwrap();
            eventually("the thread is idle", || pool.0.lock().busy == 0);
        }
        assert_eq!(pool.0.lock().started, 1);
    }

    #[test]
    fn growing_serves_those_who_wait() {
        let (pool, mut gate) = (patient_pool(), Gate::new());
        pool.set_size(1);
        (0..5).for_each(|_| gate.enter(&pool));
        assert_eq!(gate.begin(1), [0]);
        assert_eq!((pool.threads(), pool.queued()), (1, 4));
        pool.set_size(4);
        let mut begun = gate.begin(3);
        begun.sort_unstable();
        assert_eq!(begun, [1, 2, 3]);
        assert_eq!((pool.threads(), pool.queued()), (4, 1));
    }

    #[test]
    fn shrinking_ends_idle_threads_now_and_busy_ones_later() {
        let (pool, mut gate) = (patient_pool(), Gate::new());
        (0..6).for_each(|_| gate.enter(&pool));
        gate.begin(6);
        gate.ends.truncate(3);
        eventually("three are idle", || pool.0.lock().busy == 3);
        assert_eq!(pool.threads(), 6);
        pool.set_size(0);
        assert_eq!(pool.size(), 1);
        eventually("only the busy ones are left", || pool.threads() == 3);
        gate.enter(&pool);
        gate.ends.drain(..3);
        assert_eq!(gate.begin(1), [3]);
        eventually("one is left", || pool.threads() == 1);
    }

    #[test]
    fn a_size_that_changes_all_the_time_loses_no_work() {
        let (pool, done) = (patient_pool(), Arc::new(AtomicUsize::new(0)));
        pool.0.lock().patience = Duration::ZERO;
        for n in 0..2000 {
            let done = Arc::clone(&done);
            pool.call_in_thread(move || _ = done.fetch_add(1, Ordering::Relaxed)).unwrap();
            pool.set_size(n % 4);
        }
        eventually("all is done", || done.load(Ordering::Relaxed) == 2000);
    }

    #[test]
    fn a_panic_does_not_cost_the_thread() {
        let pool = patient_pool();
        pool.set_size(1);
        pool.call_in_thread(|| panic!("on purpose")).unwrap();
        let (done, end) = mpsc::channel();
        pool.call_in_thread(move || done.send(()).unwrap()).unwrap();
        end.recv_timeout(FOREVER).unwrap();
        assert_eq!(pool.0.lock().started, 1);
    }

    /// Panics again when it is dropped.
    struct Payload;

    impl Drop for Payload {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }

    #[test]
    fn a_panic_with_a_panic_does_not_cost_the_pool_its_place() {
        let pool = patient_pool();
        pool.set_size(1);
        let (done, end) = mpsc::channel();
        for _ in 0..3 {
            let done = done.clone();
            pool.call_in_thread(|| std::panic::panic_any(Payload)).unwrap();
            pool.call_in_thread(move || done.send(()).unwrap()).unwrap();
            end.recv_timeout(FOREVER).unwrap();
        }
        eventually("it is idle", || pool.0.lock().busy == 0);
        assert_eq!(pool.threads(), 1);
    }

    #[test]
    fn idle_threads_end_and_come_back() {
        let pool = patient_pool();
        pool.0.lock().patience = Duration::ZERO;
        for round in 1..=3 {
            pool.call_in_thread(|| {}).unwrap();
            eventually("nobody is there", || pool.threads() == 0);
            assert_eq!(pool.0.lock().started, round);
        }
    }

    #[test]
    fn a_refused_thread_leaves_the_work_to_the_others() {
        let (pool, mut gate) = (patient_pool(), Gate::new());
        gate.enter(&pool);
        gate.begin(1);
        pool.0.lock().start = refuse;
        gate.enter(&pool);
        assert_eq!((pool.threads(), pool.queued()), (1, 1));
        assert!(pool.0.lock().refused);
        gate.ends.clear();
        assert_eq!(gate.begin(1), [1]);
    }

    #[test]
    fn without_any_thread_the_caller_is_told() {
        let pool = patient_pool();
        pool.0.lock().start = refuse;
        let captured = Arc::new(());
        let weak = Arc::downgrade(&captured);
        let error = pool.call_in_thread(move || drop(captured)).expect_err("nobody can call it");
        assert_eq!(error.source.kind(), io::ErrorKind::WouldBlock);
        assert_eq!((pool.threads(), pool.queued(), weak.strong_count()), (0, 0, 0));
    }

    #[test]
    fn dropping_drops_what_waits_and_leaves_what_runs() {
        let (pool, mut gate) = (patient_pool(), Gate::new());
        pool.set_size(1);
        gate.enter(&pool);
        gate.begin(1);
        let waiting = Arc::new(());
        let weak = Arc::downgrade(&waiting);
        pool.call_in_thread(move || drop(waiting)).unwrap();
        let shared = Arc::downgrade(&pool.0);
        drop(pool);
        assert_eq!(weak.strong_count(), 0);
        assert_eq!(gate.ends[0].send(()), Ok(()), "it still waits for its end");
        eventually("its thread ends", || shared.strong_count() == 0);
    }

    #[test]
    fn dropping_ends_idle_threads() {
        let (pool, mut gate) = (patient_pool(), Gate::new());
        (0..3).for_each(|_| gate.enter(&pool));
        gate.begin(3);
        gate.ends.clear();
        eventually("all are idle", || pool.0.lock().busy == 0);
        let shared = Arc::downgrade(&pool.0);
        drop(pool);
        eventually("all threads end", || shared.strong_count() == 0);
    }

    #[test]
    fn a_job_may_own_the_pool() {
        let pool = Arc::new(patient_pool());
        let shared = Arc::downgrade(&pool.0);
        let inside = Arc::clone(&pool);
        pool.call_in_thread(move || {
            let again = Arc::clone(&inside);
            inside.call_in_thread(move || drop(again)).unwrap();
        })
        .unwrap();
        drop(pool);
        eventually("all threads end", || shared.strong_count() == 0);
    }
}
