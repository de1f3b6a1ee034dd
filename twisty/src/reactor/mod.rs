//! The loop: waits for sockets, timers and other threads, and calls what they concern.
//!
//! A [`Reactor`] is a value, and everything on it lives on one thread. One turn of its loop is: wait; deliver what
//! arrived, from sockets and from other threads; run the timers that are due; poll the tasks that were woken; then write
//! what all of that has sent, each connection once. A program uses as many reactors as it likes, each on its own thread.

mod acceptor;
mod asked;
mod datagrams;
mod dial;
mod end;
mod entries;
mod greet;
mod handle;
mod inherited;
mod listen;
mod memory;
mod names;
mod port;
mod stdio;
mod tasks;
mod threads;
mod turn;
mod watch;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Registry, Waker};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;
use slotmap::SlotMap;

use crate::clock::{self, Clock, DelayedCall, Entered, Keeper, Scheduler, TimerKey, Timers, Timestamp, Timetable};
use crate::error::ReactorError;
use crate::failure::Failure;
use crate::names::NameResolver;
use crate::protocol::{Agenda, ConnectionKey};
use crate::task::Executor;
use crate::threads::ThreadPool;

use asked::Askers;
pub use datagrams::DatagramPort;
pub(crate) use dial::{Dialled, Dialling, Target};
use entries::Entry;
pub use handle::Handle;
use handle::Mailbox;
use memory::World;
pub(crate) use memory::{Arrival, Backlog, Memory};
pub use names::GetAddrInfo;
pub use port::Port;
use port::Reserve;
pub(crate) use port::Welcome;
use threads::Awaiting;
pub use threads::defer_to_thread;
pub use watch::{ReadDescriptor, Watch, WriteDescriptor};

/// Waits for events and calls what they concern, until it is stopped.
///
/// Cheap to clone: the clones are the same reactor. It stays on the thread that made it; a [`Handle`] reaches it from
/// others. When [`run`](Self::run) has returned it may be run again.
///
/// What still waits when the last clone is dropped is given up: delayed calls are never made, futures are dropped, which
/// cancels what they await, and Deferreds that all this was to fire fail with
/// [`ResolverDropped`](crate::ResolverDropped). That nobody handles such a failure, or a cancellation, is only worth a
/// word at the level of `DEBUG` then: every program ends so.
///
/// ```
/// use std::time::Duration;
/// use twisty::Reactor;
///
/// let reactor = Reactor::new()?;
/// reactor.call_later(Duration::from_millis(1), |reactor| reactor.stop().expect("it runs"));
/// reactor.run()?;
/// # Ok::<(), twisty::Failure>(())
/// ```
#[derive(Clone)]
pub struct Reactor(Rc<Core>);

struct Core {
    poll: RefCell<Poll>,
    events: RefCell<Events>,
    registry: Registry,
    /// Where its time and its sockets come from.
    world: World,
    /// The time, as of the start of this turn's work: one look at the clock serves all that arrived.
    now: Cell<Timestamp>,
    /// All that is registered with the poll. A token is the key, whose generation keeps late events from newcomers.
    entries: RefCell<SlotMap<ConnectionKey, Entry>>,
    connections: Cell<usize>,
    /// Threads that write what connections have sent.
    outputs: Cell<usize>,
    /// The end of such a thread is the end of the run.
    ends_with_output: Cell<bool>,
    /// Connections with something to write or to close.
    agenda: Rc<Agenda>,
    /// Where the agenda's entries are while they are worked off; kept for its memory.
    round: RefCell<Vec<ConnectionKey>>,
    /// Entries that did not get all their turn's work done.
    busy: RefCell<Vec<ConnectionKey>>,
    timers: RefCell<Timers<Job>>,
    mailbox: Arc<Mailbox>,
    /// The futures that were spawned.
    executor: Rc<Executor>,
    pool: ThreadPool,
    /// Who knows the addresses of names, if it is not the system.
    names: RefCell<Option<Rc<dyn NameResolver>>>,
    /// Results that threads are to bring.
    awaiting: RefCell<Awaiting>,
    /// Threads that wait for a result of this one.
    askers: RefCell<Askers>,
    when_running: RefCell<Vec<Call>>,
    when_stopping: RefCell<SlotMap<StopKey, Call>>,
    /// What every socket is read into.
    buffer: RefCell<Box<[u8]>>,
    /// Lets the reactor turn clients away when it is out of descriptors.
    reserve: Reserve,
    signals: RefCell<Option<Signals>>,
    stage: Cell<Stage>,
    /// A turn or a run is going on; there is never one inside another.
    in_turn: Cell<bool>,
    drain_timeout: Cell<Duration>,
    /// When draining ends and what is still open is cut off.
    drain_by: Cell<Option<Timestamp>>,
}

/// What the reactor calls once, with itself.
type Call = Box<dyn FnOnce(&Reactor)>;

slotmap::new_key_type! {
    /// Names one call that is made when the reactor stops.
    pub(crate) struct StopKey;
}

/// A reactor for what it holds itself, and which should not keep it alive.
#[derive(Clone)]
pub(crate) struct WeakReactor(Weak<Core>);

impl WeakReactor {
    /// The reactor, unless it is gone.
    pub(crate) fn upgrade(&self) -> Option<Reactor> {
        self.0.upgrade().map(Reactor)
    }
}

/// What a timer is for.
enum Job {
    Call(Call),
    /// A call that needs no reactor; a kind of its own, so that it is not boxed twice.
    Scheduled(Box<dyn FnOnce()>),
    /// A connection's deadline, or a listener's next try.
    Entry(ConnectionKey),
}

/// A turn or a run that is going on; however it ends, the reactor can be used again.
pub(crate) struct InTurn<'a> {
    reactor: &'a Reactor,
    /// The reactor's clock is the current one as long.
    _entered: Entered,
}

impl<'a> InTurn<'a> {
    fn begin(reactor: &'a Reactor) -> Option<Self> {
        let begin = || {
            reactor.0.mailbox.open();
            Self { reactor, _entered: Entered::new(Rc::new(reactor.clone())) }
        };
        (!reactor.0.in_turn.replace(true)).then(begin)
    }

    /// Makes turns until [`Reactor::stop`], and until every connection has closed after that.
    pub(crate) fn until_stopped(self) -> io::Result<()> {
        let reactor = self.reactor;
        // What was queued before the run, or by the first calls, must not wait for the first event.
        reactor.0.now.set(reactor.time());
        reactor.settle();
        reactor.advance_stage();
        while reactor.0.stage.get() < Stage::Draining || reactor.connections() > 0 || reactor.is_writing() {
            reactor.one_turn(None)?;
            reactor.advance_stage();
        }
        Ok(())
    }
}

impl Drop for InTurn<'_> {
    fn drop(&mut self) {
        self.reactor.0.in_turn.set(false);
        self.reactor.end_run();
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Idle,
    Running,
    /// `stop` was called; acted on at the end of the turn.
    Stopping,
    /// Connections are closing.
    Draining,
    /// Time is up: what is still open is cut off.
    Cutting,
}

impl Reactor {
    /// Bytes that one read can bring.
    const READ_BUFFER: usize = 64 * 1024;
    /// Events that one wait can bring.
    const EVENTS: usize = 1024;

    /// How long [`stop`](Self::stop) waits, unless [`set_drain_timeout`](Self::set_drain_timeout) says otherwise.
    pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

    /// A reactor that does not run yet.
    ///
    /// # Errors
    /// When the operating system has no poll to give.
    ///
    /// ```
    /// let reactor = twisty::Reactor::new()?;
    /// assert!(!reactor.is_running());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Self> {
        Self::of(World::machine())
    }

    fn of(world: World) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let mailbox = Arc::new(Mailbox::new(Waker::new(&registry, turn::WAKE)?));
        let handle = Handle::new(&mailbox);
        Ok(Self(Rc::new(Core {
            poll: RefCell::new(poll),
            events: RefCell::new(Events::with_capacity(Self::EVENTS)),
            registry,
            world,
            now: Cell::default(),
            entries: RefCell::default(),
            connections: Cell::new(0),
            outputs: Cell::new(0),
            ends_with_output: Cell::new(false),
            agenda: Rc::default(),
            round: RefCell::default(),
            busy: RefCell::default(),
            timers: RefCell::default(),
            mailbox,
            executor: Rc::new(Executor::new(Arc::new(move || handle.wake()))),
            pool: ThreadPool::new(),
            names: RefCell::default(),
            awaiting: RefCell::default(),
            askers: RefCell::default(),
            when_running: RefCell::default(),
            when_stopping: RefCell::default(),
            buffer: RefCell::new(vec![0; Self::READ_BUFFER].into()),
            reserve: Reserve::new(),
            signals: RefCell::default(),
            stage: Cell::new(Stage::Idle),
            in_turn: Cell::new(false),
            drain_timeout: Cell::new(Self::DRAIN_TIMEOUT),
            drain_by: Cell::new(None),
        })))
    }

    /// The reactor that runs here, in whose handlers or calls this is; `None` outside of [`run`](Self::run) and
    /// [`turn`](Self::turn), and in tests without a reactor. What handlers need most of it works in those too:
    /// [`Context::clock`](crate::Context::clock), [`task::spawn`](crate::task::spawn),
    /// [`defer_to_thread`].
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// assert!(twisty::Reactor::current().is_none());
    /// reactor.call_when_running(|_| twisty::Reactor::current().expect("this one").stop().expect("it runs"));
    /// reactor.run()?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        clock::current()?.reactor()?.downcast_ref::<Self>().cloned()
    }

    // ---- running

    /// Runs until [`stop`](Self::stop), and until every connection has closed after that.
    ///
    /// What goes wrong in handlers is reported through `tracing`, and to nobody if the program has no subscriber;
    /// [`log_to_stderr`](crate::log_to_stderr) is a simple one.
    ///
    /// # Errors
    /// [`ReactorError::AlreadyRunning`] from inside `run`; an I/O error when the poll itself breaks.
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// reactor.call_when_running(|reactor| reactor.stop().expect("it runs"));
    /// reactor.run()?; // until everything is closed
    /// assert!(!reactor.is_running());
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn run(&self) -> Result<(), Failure> {
        self.begin_run()?.until_stopped().map_err(Failure::from)
    }

    /// Is running from now on, and makes no turn yet.
    pub(crate) fn begin_run(&self) -> Result<InTurn<'_>, ReactorError> {
        let running = InTurn::begin(self).ok_or(ReactorError::AlreadyRunning)?;
        self.0.stage.set(Stage::Running);
        self.guard_all(self.0.when_running.take());
        Ok(running)
    }

    /// Acts on what `stop` asked for.
    fn advance_stage(&self) {
        if self.0.stage.get() == Stage::Stopping {
            self.0.stage.set(Stage::Draining);
            self.0.drain_by.set(Some(self.time() + self.0.drain_timeout.get()));
            // Emptied and not replaced, so that no key names another call later.
            let calls: Vec<Call> = self.0.when_stopping.borrow_mut().drain().map(|(_, call)| call).collect();
            self.guard_all(calls);
            self.close_all(false);
        }
        // Closing runs handlers, which may have asked to stop again.
        let overdue = self.0.drain_by.get().is_some_and(|by| by <= self.time());
        if overdue || self.0.stage.get() == Stage::Cutting {
            self.close_all(true);
        }
    }

    /// Stops [`run`](Self::run): at the end of this turn ports close, and connections close once what they have queued
    /// is written, or when the drain time-out has passed. A second call cuts them off at once.
    ///
    /// # Errors
    /// [`ReactorError::NotRunning`] outside of [`run`](Self::run).
    ///
    /// ```
    /// use twisty::{Reactor, ReactorError};
    ///
    /// let reactor = Reactor::new()?;
    /// assert_eq!(reactor.stop(), Err(ReactorError::NotRunning));
    /// reactor.call_when_running(|reactor| assert_eq!(reactor.stop(), Ok(())));
    /// reactor.run()?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn stop(&self) -> Result<(), ReactorError> {
        let next = match self.0.stage.get() {
            Stage::Idle => return Err(ReactorError::NotRunning),
            Stage::Running => Stage::Stopping,
            Stage::Stopping | Stage::Draining | Stage::Cutting => Stage::Cutting,
        };
        self.0.stage.set(next);
        Ok(())
    }

    /// The run is over, if there was one.
    fn end_run(&self) {
        self.0.drain_by.set(None);
        if self.0.stage.replace(Stage::Idle) != Stage::Idle {
            self.guarded(|| self.0.turn_askers_away(ReactorError::Ended));
        }
    }

    /// Stops; false if it does so already.
    pub(crate) fn stop_once(&self) -> bool {
        self.0.stage.get() == Stage::Running && self.stop().is_ok()
    }

    /// How long connections may take to write what they have queued after [`stop`](Self::stop). Default: 10 seconds.
    ///
    /// ```
    /// let reactor = twisty::Reactor::new()?;
    /// reactor.set_drain_timeout(std::time::Duration::from_secs(60));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_drain_timeout(&self, timeout: Duration) {
        self.0.drain_timeout.set(timeout);
    }

    /// Lets SIGINT and SIGTERM [`stop`](Self::stop) this reactor: the first drains, the second cuts.
    /// [`serve`](crate::serve) does this.
    ///
    /// # Errors
    /// When the operating system refuses.
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// reactor.handle_signals()?;
    /// # reactor.call_when_running(|_| signal_hook::low_level::raise(signal_hook::consts::SIGTERM).expect("a signal"));
    /// reactor.run()?; // until Ctrl-C or `kill`
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn handle_signals(&self) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        self.0.registry.register(&mut signals, turn::SIGNALS, Interest::READABLE)?;
        *self.0.signals.borrow_mut() = Some(signals);
        Ok(())
    }

    /// Whether it is inside of [`run`](Self::run).
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// # let (seen, sees) = std::sync::mpsc::channel();
    /// reactor.call_when_running(move |reactor| {
    ///     seen.send(reactor.is_running()).expect("somebody looks");
    ///     reactor.stop().expect("it runs");
    /// });
    /// reactor.run()?;
    /// assert_eq!((sees.recv(), reactor.is_running()), (Ok(true), false));
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.stage.get() != Stage::Idle
    }

    /// Connections open now, of all factories.
    ///
    /// ```
    /// # use std::net::TcpStream;
    /// # use twisty::prelude::*;
    /// # #[protocol(line)] #[derive(Default)] struct Guest;
    /// # #[protocol] impl Guest {
    /// #     #[on(line)]
    /// #     fn hear(&mut self) {}
    /// # }
    /// # let reactor = Reactor::new()?;
    /// let port = reactor.listen("tcp:0:interface=127.0.0.1", Guest::factory())?;
    /// let _client = TcpStream::connect(("127.0.0.1", port.host().port().expect("TCP")))?;
    /// reactor.turn(None)?;
    /// assert_eq!(reactor.connections(), 1);
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.connections.get()
    }

    // ---- calls

    /// Calls `call` once, `delay` from now, between handlers. Calls that are due at the same time run in the order in
    /// which they were made; one made by another waits for the next turn, even with no delay. (Twisted's `callLater`.)
    ///
    /// `call` is given the reactor. One that owns a clone of it keeps the reactor alive, and the reactor the call, until it
    /// is made or cancelled: dropping the reactor itself gives neither up.
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// let call = reactor.call_later(std::time::Duration::from_secs(5), |_| println!("five seconds later"));
    /// assert!(call.is_active());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn call_later(&self, delay: Duration, call: impl FnOnce(&Self) + 'static) -> DelayedCall {
        self.add_job(self.time() + delay, Job::Call(Box::new(call)))
    }

    /// Calls `call` when the reactor runs: at once if it does, else first thing in [`run`](Self::run).
    /// (Twisted's `callWhenRunning`.)
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// reactor.call_when_running(|reactor| reactor.stop().expect("it runs"));
    /// reactor.run()?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    pub fn call_when_running(&self, call: impl FnOnce(&Self) + 'static) {
        if self.is_running() {
            call(self);
        } else {
            self.0.when_running.borrow_mut().push(Box::new(call));
        }
    }

    /// Calls `call` when this run stops, before anything is closed.
    pub(crate) fn call_when_stopping(&self, call: impl FnOnce(&Self) + 'static) -> StopKey {
        self.0.when_stopping.borrow_mut().insert(Box::new(call))
    }

    /// Does not call it any more.
    pub(crate) fn forget_call_when_stopping(&self, key: StopKey) {
        // A statement of its own, so that the borrow ends before the call is dropped.
        let forgotten = self.0.when_stopping.borrow_mut().remove(key);
        drop(forgotten);
    }

    /// Whether it was told to stop, and still runs.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stage.get() > Stage::Running
    }

    pub(crate) fn downgrade(&self) -> WeakReactor {
        WeakReactor(Rc::downgrade(&self.0))
    }

    fn guard_all(&self, calls: impl IntoIterator<Item = Call>) {
        for call in calls {
            self.guarded(|| call(self));
        }
    }

    /// What reaches this reactor from other threads.
    ///
    /// ```
    /// # let reactor = twisty::Reactor::new()?;
    /// let (first, second) = (reactor.handle(), reactor.handle());
    /// let worker = std::thread::spawn(move || first.call_from_thread(|_| println!("working")));
    /// worker.join().expect("no panic")?;
    /// second.call_from_thread(|reactor| reactor.stop().expect("it runs"))?;
    /// reactor.run()?;
    /// # Ok::<(), twisty::Failure>(())
    /// ```
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(&self.0.mailbox)
    }

    fn add_job(&self, when: Timestamp, job: Job) -> DelayedCall {
        let key = self.0.timers.borrow_mut().insert(when, job);
        DelayedCall::new(self.timetable(), key)
    }

    /// The time now, by a look at the machine's clock.
    fn time(&self) -> Timestamp {
        self.0.time()
    }
}

/// The reactor's clock starts when it is made; while events are handled, and again while output is written, it stands
/// still.
impl Clock for Reactor {
    fn now(&self) -> Timestamp {
        self.0.now.get()
    }
}

/// As [`Reactor::call_later`], for calls that need no reactor.
impl Scheduler for Reactor {
    fn schedule(&self, delay: Duration, call: Box<dyn FnOnce()>) -> DelayedCall {
        self.add_job(self.time() + delay, Job::Scheduled(call))
    }
}

impl Keeper for Reactor {
    fn timetable(&self) -> Weak<dyn Timetable> {
        Rc::downgrade(&self.0) as _
    }

    fn executor(&self) -> Option<Rc<dyn Any>> {
        Some(Rc::clone(&self.0.executor) as _)
    }

    fn reactor(&self) -> Option<Rc<dyn Any>> {
        Some(Rc::new(self.clone()))
    }
}

impl Timetable for Core {
    fn time(&self) -> Timestamp {
        self.world.time()
    }

    fn when(&self, key: TimerKey) -> Option<Timestamp> {
        self.timers.borrow().when(key)
    }

    fn remove(&self, key: TimerKey) -> bool {
        // A statement of its own, so that the borrow ends before the call is dropped.
        let removed = self.timers.borrow_mut().remove(key);
        removed.is_some()
    }

    fn reschedule(&self, key: TimerKey, when: Timestamp) {
        self.timers.borrow_mut().reschedule(key, when);
    }

    fn schedule(self: Rc<Self>, when: Timestamp, call: Box<dyn FnOnce()>) -> DelayedCall {
        Reactor(self).add_job(when, Job::Scheduled(call))
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Reactor");
        debug.field("stage", &self.0.stage.get()).field("connections", &self.connections());
        debug.finish_non_exhaustive()
    }
}
