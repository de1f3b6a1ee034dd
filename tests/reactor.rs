//! The reactor over real sockets: order, time, threads, and how it ends.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use live::{LOOPBACK, Live};
use twisty::prelude::*;
use twisty::{DelayedCallError, Port, ReactorError};

/// By hand, so that the reactor is tested without the attributes: `quit`, `abort`, `panic`, `big N`, or echo.
#[derive(Default)]
struct Obedient;

impl Protocol for Obedient {
    type Framing = Line;
    type Factory = ForProtocol<Self>;

    fn framing() -> Line {
        Line::new()
    }

    fn frame_received(&mut self, cx: &Context<Self>, line: &[u8]) {
        match line {
            b"quit" => {
                cx.send("bye");
                cx.lose_connection();
                cx.send("too late");
            }
            b"abort" => {
                cx.send("never seen");
                cx.abort_connection();
            }
            b"panic" => panic!("as asked"),
            _ => match line.strip_prefix(b"big ") {
                Some(size) => {
                    let size: usize = String::from_utf8_lossy(size).parse().expect("a size");
                    cx.write(vec![b'x'; size]);
                    cx.lose_connection();
                }
                None => cx.send(line),
            },
        }
    }
}

fn listen(reactor: &Reactor) -> twisty::Result<Port> {
    reactor.listen(LOOPBACK, Obedient::factory())
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn echoes_lines_over_a_socket() {
    let server = Live::start(listen);
    let mut client = server.connect();
    client.send("one\r\ntw").send("o\r\n");
    assert_eq!((client.line(), client.line()), ("one".into(), "two".into()));
}

#[test]
fn lose_connection_flushes_and_nothing_is_handled_after_it() {
    let server = Live::start(listen);
    let mut client = server.connect();
    client.send("a\r\nquit\r\nb\r\n");
    assert_eq!(client.rest().expect("an orderly end"), b"a\r\nbye\r\n");
}

#[test]
fn lose_connection_delivers_all_of_a_large_answer() {
    let server = Live::start(listen);
    let mut client = server.connect();
    client.send("big 5000000\r\n");
    assert_eq!(client.rest().expect("an orderly end").len(), 5_000_000);
}

#[test]
fn abort_connection_resets() {
    let server = Live::start(listen);
    let mut client = server.connect();
    client.send("abort\r\n");
    assert_eq!(client.rest().expect_err("a reset").kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_panic_ends_its_connection_only() {
    let server = Live::start(listen);
    let (mut bad, mut good) = (server.connect(), server.connect());
    good.send("x\r\n");
    assert_eq!(good.line(), "x");
    bad.send("one\r\npanic\r\ntwo\r\n");
    assert_eq!(bad.rest().expect("an orderly end"), b"one\r\n");
    good.send("y\r\n");
    assert_eq!(good.line(), "y");
    assert_eq!(server.ask(Reactor::connections), 1);
}

#[test]
fn a_half_closed_client_gets_its_answer() {
    let server = Live::start(listen);
    let mut client = server.connect();
    client.send("last words\r\n");
    client.socket().shutdown(std::net::Shutdown::Write).expect("half-closed");
    assert_eq!(client.rest().expect("an orderly end"), b"last words\r\n");
}

#[test]
fn stop_flushes_what_is_queued() {
    let server = Live::start(listen);
    let mut client = server.connect();
    client.send("hello\r\n");
    assert_eq!(client.line(), "hello");
    server.stop();
    assert_eq!(client.rest().expect("an orderly end"), b"");
}

#[test]
fn calls_run_in_order_and_late_ones_in_the_next_turn() {
    let reactor = Reactor::new().expect("a poll");
    let log: Rc<RefCell<Vec<&str>>> = Rc::default();
    let note = |what| {
        let log = Rc::clone(&log);
        move |_: &Reactor| log.borrow_mut().push(what)
    };
    let (inner, late) = (Rc::clone(&log), note("nested"));
    reactor.call_later(Duration::from_millis(20), note("second"));
    reactor.call_later(Duration::ZERO, move |reactor| {
        inner.borrow_mut().push("first");
        reactor.call_later(Duration::ZERO, late);
        inner.borrow_mut().push("first ends");
    });
    reactor.call_later(Duration::from_millis(40), |reactor| reactor.stop().expect("it runs"));
    reactor.call_when_running(note("running"));
    reactor.run().expect("a clean run");
    assert_eq!(*log.borrow(), ["running", "first", "first ends", "nested", "second"]);
}

#[test]
fn delayed_calls_can_be_changed_until_they_are_over() {
    let reactor = Reactor::new().expect("a poll");
    let fired: Rc<RefCell<u32>> = Rc::default();
    let count = || {
        let fired = Rc::clone(&fired);
        move |_: &Reactor| *fired.borrow_mut() += 1
    };
    let cancelled = reactor.call_later(Duration::ZERO, count());
    assert_eq!(cancelled.cancel(), Ok(()));
    assert_eq!(cancelled.cancel(), Err(DelayedCallError::AlreadyCancelled));
    assert_eq!(cancelled.reset(seconds(1)), Err(DelayedCallError::AlreadyCancelled));
    let moved = reactor.call_later(seconds(3600), count());
    let due = moved.time().expect("a time");
    moved.delay(seconds(1)).expect("active");
    assert_eq!(moved.time().expect("a time") - due, seconds(1));
    moved.reset(Duration::ZERO).expect("active");
    reactor.turn(Some(seconds(1))).expect("a turn");
    assert_eq!(*fired.borrow(), 1);
    for _ in 0..2 {
        assert_eq!(moved.cancel(), Err(DelayedCallError::AlreadyCalled));
    }
}

#[test]
fn a_panicking_call_harms_no_other() {
    let reactor = Reactor::new().expect("a poll");
    reactor.call_later(Duration::ZERO, |_| panic!("as asked"));
    reactor.call_later(Duration::ZERO, |reactor| reactor.stop().expect("it runs"));
    reactor.run().expect("a clean run");
}

#[test]
fn calls_from_threads_keep_their_order() {
    let reactor = Reactor::new().expect("a poll");
    let handle = reactor.handle();
    let (tell, told) = std::sync::mpsc::channel();
    let worker = std::thread::spawn(move || {
        for n in 0..1000 {
            let tell = tell.clone();
            handle.call_from_thread(move |_| tell.send(n).expect("the test waits")).expect("it exists");
        }
        handle.call_from_thread(|reactor| reactor.stop().expect("it runs")).expect("it exists");
    });
    reactor.run().expect("a clean run");
    worker.join().expect("no panic");
    assert_eq!(told.iter().collect::<Vec<u32>>(), (0..1000).collect::<Vec<_>>());
}

#[test]
fn runs_again_after_a_stop_and_says_when_it_cannot() {
    let reactor = Reactor::new().expect("a poll");
    assert_eq!(reactor.stop(), Err(ReactorError::NotRunning));
    for _ in 0..2 {
        reactor.call_when_running(|inner| {
            assert!(inner.run().is_err_and(|failure| failure.check::<ReactorError>().is_some()));
            inner.stop().expect("it runs");
        });
        reactor.run().expect("a clean run");
    }
    let handle = reactor.handle();
    drop(reactor);
    assert_eq!(handle.call_from_thread(|_| {}), Err(ReactorError::Gone));
}

#[test]
fn a_taken_port_is_a_clear_error() {
    let reactor = Reactor::new().expect("a poll");
    let port = listen(&reactor).expect("a port");
    let again = format!("tcp:{}:interface=127.0.0.1", port.host().port().expect("a port"));
    let failure = reactor.listen(&again, Obedient::factory()).expect_err("it is taken");
    assert!(failure.to_string().starts_with(&format!("cannot listen on {again}: ")), "{failure}");
    port.stop_listening();
    reactor.listen(&again, Obedient::factory()).expect("it is free");
}
