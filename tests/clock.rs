//! Calls that are due later, under clocks that are moved by hand, and which clock runs where.

use std::cell::RefCell;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use twisty::DelayedCallError;
use twisty::clock::{self, Clock as _, Timestamp};
use twisty::prelude::*;
use twisty::testing::{Clock, Server, UnhandledFailures};

/// What happened, in order: a name, and the time by its clock.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn note(&self, name: &str, now: Timestamp) {
        self.0.borrow_mut().push(format!("{name} {now}"));
    }

    /// A call that notes its name, for `clock`.
    fn call(&self, clock: &Clock, name: &'static str) -> impl FnOnce() + use<> {
        let (log, clock) = (self.clone(), clock.clone());
        move || log.note(name, clock.now())
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The time by the clock that runs here.
fn time_here() -> Option<Timestamp> {
    clock::current().map(|clock| clock.now())
}

#[test]
fn time_jumps_to_the_end_and_the_calls_come_in_order() {
    let (clock, log) = (Clock::new(), Log::default());
    for (delay, name) in [(2, "c"), (1, "a"), (1, "b"), (4, "d")] {
        clock.call_later(seconds(delay), log.call(&clock, name));
    }
    assert_eq!(clock.delayed_calls().len(), 4);
    clock.advance(seconds(3));
    assert_eq!(log.take(), ["a 3s", "b 3s", "c 3s"]);
    clock.pump([Duration::from_millis(500), seconds(1)]);
    assert_eq!(log.take(), ["d 4.5s"]);
}

#[test]
fn what_is_scheduled_meanwhile_is_made_if_it_is_due() {
    let (clock, log) = (Clock::new(), Log::default());
    let (inner, names) = (clock.clone(), log.clone());
    clock.call_later(seconds(1), move || {
        inner.call_later(Duration::ZERO, names.call(&inner, "at once"));
        inner.call_later(seconds(1), names.call(&inner, "later"));
    });
    clock.call_later(seconds(2), log.call(&clock, "second"));
    clock.advance(seconds(2));
    assert_eq!(log.take(), ["second 2s", "at once 2s"]);
    assert_eq!(clock.delayed_calls(), [clock.now() + seconds(1)]);
}

#[test]
fn a_call_may_advance_its_clock() {
    let (clock, log) = (Clock::new(), Log::default());
    let inner = clock.clone();
    clock.call_later(seconds(1), move || inner.advance(seconds(5)));
    clock.call_later(seconds(6), log.call(&clock, "six"));
    clock.advance(seconds(1));
    assert_eq!(log.take(), ["six 6s"]);
    assert_eq!(clock.now(), Timestamp::ZERO + seconds(6));
}

#[test]
fn a_panic_comes_out_and_the_rest_stays() {
    let (clock, log) = (Clock::new(), Log::default());
    clock.call_later(seconds(1), || panic!("as asked"));
    clock.call_later(seconds(1), log.call(&clock, "the rest"));
    assert!(catch_unwind(AssertUnwindSafe(|| clock.advance(seconds(1)))).is_err());
    assert!(clock::current().is_none(), "the clock was left behind");
    assert_eq!(log.take(), [""; 0]);
    clock.advance(Duration::ZERO);
    assert_eq!(log.take(), ["the rest 1s"]);
}

#[test]
fn delayed_calls_are_changed_as_the_reactors() {
    let (clock, log) = (Clock::new(), Log::default());
    let call = clock.call_later(seconds(1), log.call(&clock, "moved"));
    clock.advance(Duration::from_millis(500));
    call.delay(seconds(1)).expect("active");
    assert_eq!(call.time(), Some(Timestamp::ZERO + seconds(2)));
    call.reset(seconds(1)).expect("active");
    assert_eq!(call.time(), Some(clock.now() + seconds(1)));
    clock.advance(seconds(1));
    assert_eq!(log.take(), ["moved 1.5s"]);
    assert_eq!(call.reset(seconds(1)), Err(DelayedCallError::AlreadyCalled));
    let cancelled = clock.call_later(seconds(1), log.call(&clock, "never"));
    assert_eq!(cancelled.cancel(), Ok(()));
    assert_eq!(cancelled.cancel(), Err(DelayedCallError::AlreadyCancelled));
    let orphan = clock.call_later(seconds(1), || {});
    drop((clock, log));
    assert_eq!(orphan.cancel(), Err(DelayedCallError::AlreadyCancelled));
}

/// Dropping a call may drop anything, even another call of the same clock.
#[test]
fn a_cancelled_call_may_cancel_another() {
    struct Cancels(twisty::DelayedCall);
    impl Drop for Cancels {
        fn drop(&mut self) {
            self.0.cancel().expect("active");
        }
    }
    let clock = Clock::new();
    let other = Cancels(clock.call_later(seconds(1), || {}));
    let call = clock.call_later(seconds(1), move || drop(other));
    assert_eq!(call.cancel(), Ok(()));
    assert_eq!(clock.delayed_calls(), []);
}

#[test]
fn the_innermost_clock_is_the_current_one() {
    let (outer, inner) = (Clock::new(), Clock::new());
    outer.advance(seconds(1));
    inner.advance(seconds(2));
    let seen = outer.enter(|| [time_here(), inner.enter(time_here), time_here()]);
    assert_eq!(seen, [1, 2, 1].map(|at| Some(Timestamp::ZERO + seconds(at))));
    assert!(clock::current().is_none());
}

/// Asks for the clock when it is dropped, and is dropped after the thread's own variables.
struct Asks;

impl Drop for Asks {
    fn drop(&mut self) {
        assert!(clock::current().is_none());
        Clock::new().enter(|| {});
    }
}

#[test]
fn there_is_none_where_a_thread_ends() {
    thread_local!(static ASKS: RefCell<Option<Asks>> = const { RefCell::new(None) });
    let thread = std::thread::spawn(|| {
        ASKS.set(Some(Asks));
        Clock::new().enter(|| {});
    });
    thread.join().unwrap();
}

#[test]
fn a_reactor_is_current_while_it_runs_or_turns() {
    let reactor = Reactor::new().expect("a poll");
    let seen: Rc<RefCell<Vec<bool>>> = Rc::default();
    let sees = Rc::clone(&seen);
    reactor.call_when_running(move |_| {
        let here = clock::current().expect("the reactor's");
        here.schedule(Duration::ZERO, Box::new(move || sees.borrow_mut().push(clock::current().is_some())));
    });
    reactor.call_later(Duration::from_millis(1), |reactor| reactor.stop().expect("it runs"));
    reactor.run().expect("a clean run");
    let sees = Rc::clone(&seen);
    let nested = move |_: &Reactor| {
        let clock = Clock::new();
        clock.enter(|| assert_eq!(time_here(), Some(Timestamp::ZERO)));
        sees.borrow_mut().push(time_here() > Some(Timestamp::ZERO));
    };
    reactor.call_later(Duration::ZERO, nested);
    reactor.turn(None).expect("a turn");
    assert_eq!(*seen.borrow(), [true, true]);
    assert!(clock::current().is_none());
}

/// Notes when it is told something, and asks the current clock to remind it.
#[factory(protocol = Sleeper)]
#[derive(Default)]
struct Dormitory {
    log: Log,
}

#[protocol(line, factory = Dormitory)]
#[derive(Default)]
struct Sleeper;

#[protocol]
impl Sleeper {
    #[on(line)]
    fn remind(&mut self, cx: &Context<Self>, line: &str) {
        let (transport, line) = (cx.transport(), line.to_owned());
        let call = Box::new(move || transport.send(&line));
        clock::current().expect("the server's").schedule(seconds(10), call);
    }

    #[on(timeout(30s))]
    fn wake(&mut self, cx: &Context<Self>) {
        cx.factory().log.note("timeout", time_here().expect("the server's"));
    }
}

#[test]
fn a_servers_clock_and_its_connections_share_one_time() {
    let (server, log) = (Server::new(Dormitory::default()), Log::default());
    server.factory_mut().log = log.clone();
    let (clock, client) = (server.clock(), server.connect());
    for (delay, name) in [(29, "before"), (30, "with"), (31, "after")] {
        clock.call_later(seconds(delay), log.call(&clock, name));
    }
    client.receive("wake up\r\n");
    server.advance(seconds(9));
    assert_eq!(client.sent(), "");
    server.advance(seconds(1));
    assert_eq!(client.sent(), "wake up\r\n");
    server.advance(seconds(30));
    assert_eq!(log.take(), ["before 29s", "timeout 30s", "with 30s", "after 31s"]);
    assert_eq!(server.now(), Timestamp::ZERO + seconds(40));
    assert!(clock::current().is_none());
}

#[test]
fn a_panic_in_a_servers_call_comes_out_and_the_rest_stays() {
    let server = Server::new(Dormitory::default());
    let client = server.connect();
    server.clock().call_later(seconds(10), || panic!("as asked"));
    client.receive("wake up\r\n");
    assert!(catch_unwind(AssertUnwindSafe(|| server.advance(seconds(10)))).is_err());
    assert_eq!(client.sent(), "");
    server.advance(Duration::ZERO);
    assert_eq!(client.sent(), "wake up\r\n");
}

/// Uses the clock wherever it is asked something, and at its end; each call holds the value.
struct Punctual(Rc<RefCell<usize>>);

impl Punctual {
    /// Has the clock hold on to the value.
    fn remember(&self, cx: &Context<Self>) {
        let held = Rc::clone(&self.0);
        cx.clock().schedule(seconds(3600), Box::new(move || drop(held)));
        *self.0.borrow_mut() += 1;
    }
}

impl Protocol for Punctual {
    type Framing = Raw;
    type Factory = ForProtocol<Self>;

    fn framing() -> Raw {
        Raw
    }

    fn timeout(&self, cx: &Context<Self>) -> Option<Duration> {
        self.remember(cx);
        None
    }

    fn connection_lost(&mut self, cx: &Context<Self>, _reason: Failure) {
        *self.0.borrow_mut() = 0;
        self.remember(cx);
    }
}

#[test]
fn protocols_have_a_clock_to_the_end_of_their_server() {
    let _none = UnhandledFailures::forbid();
    let calls = Rc::default();
    let held = Rc::clone(&calls);
    let server = Server::new(ForProtocol::new(move || Punctual(Rc::clone(&held))));
    let client = server.connect();
    server.advance(seconds(1));
    assert!(*calls.borrow() > 0, "it was asked for its timeout");
    drop((client, server));
    assert_eq!(*calls.borrow(), 1, "its end was told");
    assert_eq!(Rc::strong_count(&calls), 1, "nothing is left behind");
}

#[test]
fn protocols_have_a_clock_to_the_end_of_their_reactor() {
    let _none = UnhandledFailures::forbid();
    let calls = Rc::default();
    let held = Rc::clone(&calls);
    let reactor = Reactor::new().expect("a poll");
    let factory = ForProtocol::new(move || Punctual(Rc::clone(&held)));
    let port = reactor.listen("tcp:0:interface=127.0.0.1", factory).expect("a port");
    let _client = TcpStream::connect(("127.0.0.1", port.host().port().expect("TCP"))).expect("a connection");
    while reactor.connections() == 0 {
        reactor.turn(None).expect("a turn");
    }
    assert!(*calls.borrow() > 0, "it was asked for its timeout");
    drop((port, reactor));
    assert_eq!(*calls.borrow(), 1, "its end was told");
    assert_eq!(Rc::strong_count(&calls), 1, "nothing is left behind");
}
