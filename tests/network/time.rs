//! Time that is moved by hand, for a whole reactor.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use twisty::clock::Clock;
use twisty::prelude::*;
use twisty::task::LoopingCall;
use twisty::testing::Network;
use twisty::{ReactorError, ResolverDropped};

use super::{Log, Obedient, SECOND};

#[test]
fn each_call_happens_at_its_own_time() {
    let (network, log) = (Network::new(), Log::default());
    let note = |name: &'static str, after: Duration, again: Option<Duration>| {
        let log = Rc::clone(&log);
        network.reactor().call_later(after, move |reactor| {
            log.borrow_mut().push(format!("{name} at {}", reactor.now()));
            if let Some(again) = again {
                let log = Rc::clone(&log);
                reactor.call_later(again, move |reactor| log.borrow_mut().push(format!("again at {}", reactor.now())));
            }
        });
    };
    note("late", 3 * SECOND, None);
    note("early", SECOND, Some(SECOND));
    note("same", SECOND, Some(Duration::ZERO));
    note("beyond", 60 * SECOND, None);
    network.advance(59 * SECOND);
    assert_eq!(log.take(), ["early at 1s", "same at 1s", "again at 1s", "again at 2s", "late at 3s"]);
    assert_eq!(network.now().to_string(), "59s");
    network.advance(SECOND);
    assert_eq!(log.take(), ["beyond at 60s"]);
}

#[test]
fn ten_thousand_seconds_pass_at_once() {
    let (network, calls) = (Network::new(), Rc::new(Cell::new(0)));
    let counts = Rc::clone(&calls);
    let every_second = LoopingCall::new(network.reactor(), move || counts.set(counts.get() + 1));
    let _runs = every_second.start(SECOND, false).expect("it is new");
    network.advance(10_000 * SECOND);
    assert_eq!(calls.get(), 10_000);
}

#[test]
fn a_silent_peer_is_asked_in_time() {
    #[protocol(line)]
    #[derive(Default)]
    struct Impatient;
    #[protocol]
    impl Impatient {
        #[on(line)]
        fn nod(&mut self) -> &'static str {
            "Yes?"
        }
        #[on(timeout(30s))]
        fn hurry(&mut self) -> &'static str {
            "Well?"
        }
    }

    let network = Network::new();
    network.reactor().listen("tcp:8007", Impatient::factory()).expect("a port");
    let peer = network.connect("tcp:10.0.0.1:8007");
    network.advance(20 * SECOND);
    peer.receive("hello\r\n");
    network.advance(30 * SECOND - Duration::from_nanos(1));
    assert_eq!(peer.take_sent(), b"Yes?\r\n");
    network.advance(Duration::from_nanos(1));
    assert_eq!(peer.take_sent(), b"Well?\r\n");
}

#[test]
fn stopping_drains_for_as_long_as_it_may() {
    for (reads_after, whole) in [(9 * SECOND, true), (11 * SECOND, false)] {
        let network = Network::new();
        network.reactor().listen("tcp:8007", Obedient::factory()).expect("a port");
        let peer = network.connect("tcp:10.0.0.1:8007");
        peer.stop_reading();
        peer.receive("big 100000\r\n");
        network.reactor().stop().expect("it runs");
        network.advance(reads_after);
        assert_eq!(network.reactor().is_running(), whole);
        assert!(!network.connect("tcp:10.0.0.1:8007").is_connected(), "ports are closed first");
        peer.start_reading();
        assert_eq!((peer.sent().len() == 100_000, peer.is_aborted()), (whole, !whole));
        assert!(!network.reactor().is_running());
    }
}

#[test]
fn nothing_happens_when_the_run_is_over() {
    let network = Network::new();
    let called = Rc::new(Cell::new(false));
    let calls = Rc::clone(&called);
    network.reactor().stop().expect("it runs");
    network.reactor().call_later(SECOND, move |_| calls.set(true));
    network.advance(2 * SECOND);
    assert_eq!((network.reactor().is_running(), called.get()), (false, false));
    assert_eq!(network.reactor().stop(), Err(ReactorError::NotRunning));
}

#[test]
fn nobody_else_runs_the_reactor() {
    let network = Network::new();
    let refused = network.reactor().run().expect_err("it runs");
    assert_eq!(refused.check(), Some(&ReactorError::AlreadyRunning));
    assert!(catch_unwind(AssertUnwindSafe(|| network.reactor().turn(None))).is_err());
}

#[test]
#[should_panic(expected = "still works after 100000 turns at 1s")]
fn work_without_end_is_noticed() {
    fn again(reactor: &Reactor) {
        reactor.call_later(Duration::ZERO, again);
    }
    let network = Network::new();
    network.reactor().call_later(SECOND, again);
    network.advance(2 * SECOND);
}

#[test]
fn a_handler_cannot_move_the_time() {
    let network = Rc::new(Network::new());
    let (inside, refused) = (Rc::downgrade(&network), Rc::new(Cell::new(false)));
    let sees = Rc::clone(&refused);
    network.reactor().call_later(SECOND, move |_| {
        let network = inside.upgrade().expect("it lives");
        sees.set(catch_unwind(AssertUnwindSafe(|| network.advance(SECOND))).is_err());
    });
    network.advance(5 * SECOND);
    assert_eq!((refused.get(), network.now().to_string()), (true, "5s".into()));
}

#[test]
fn a_handler_may_play_a_peer() {
    let network = Network::new();
    network.reactor().listen("tcp:8007", Obedient::factory()).expect("a port");
    let peer = network.connect("tcp:10.0.0.1:8007");
    let plays = peer.clone();
    network.reactor().call_later(SECOND, move |_| {
        plays.receive("from inside\r\n");
        assert_eq!(plays.sent(), "", "the turn goes on only when this has returned");
    });
    network.advance(SECOND);
    assert_eq!(peer.sent(), "from inside\r\n");
}

#[test]
fn tasks_and_threads_are_done_before_time_passes() {
    let (network, log) = (Network::new(), Log::default());
    let reactor = network.reactor().clone();
    let notes = Rc::clone(&log);
    let task = network.reactor().spawn(async move {
        let answer: u32 = reactor.defer_to_thread(|| Ok(6 * 7)).await?;
        notes.borrow_mut().push(format!("{answer} at {}", reactor.now()));
        twisty::task::defer_later(SECOND, &reactor, || ()).await?;
        notes.borrow_mut().push(format!("done at {}", reactor.now()));
        Ok(())
    });
    network.advance(10 * SECOND);
    assert_eq!(log.take(), ["42 at 0ns", "done at 1s"]);
    assert!(task.into_result().expect("it is over").is_ok());
}

#[test]
fn what_threads_have_called_arrives_with_the_next_step() {
    let network = Network::new();
    let handle = network.reactor().handle();
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        handle.call_from_thread(move |reactor| tell.send(reactor.now().to_string()).expect("the test hears"))
    });
    thread.join().expect("no panic").expect("the reactor exists");
    network.advance(SECOND);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["0ns"]);
}

#[test]
fn what_still_waits_is_given_up_with_the_network() {
    let network = Network::new();
    let (kept, why) = (network.reactor().clone(), Rc::new(RefCell::new(None)));
    let sees = Rc::clone(&why);
    twisty::task::defer_later(SECOND, &kept, || ()).add_both(move |result| *sees.borrow_mut() = result.err());
    drop(network);
    assert!(why.borrow().as_ref().is_some_and(|why: &Failure| why.check::<ResolverDropped>().is_some()));
    drop(kept);
}
