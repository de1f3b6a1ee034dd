//! What programs do wrong, or at a bad moment: each fault stays with its own connection, is told as what it was, and leaves
//! the reactor running.

use std::cell::RefCell;
use std::io::Write;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::{Duration, Instant};

use live::{Client, LOOPBACK};
use twisty::framing::Decoded;
use twisty::prelude::*;
use twisty::testing::Server;
use twisty::{FramingError, ReactorError, SendError};

type Act = Rc<dyn Fn(&Context<Puppet>, &str)>;

/// Protocols that do as the test says.
#[factory(protocol = Puppet, build = Self::build)]
struct Stage {
    act: Act,
    log: Vec<String>,
    members: Vec<Transport<Line>>,
}

impl Stage {
    fn new(act: impl Fn(&Context<Puppet>, &str) + 'static) -> Shared<Self> {
        Self { act: Rc::new(act), log: Vec::new(), members: Vec::new() }.into()
    }

    fn build(&mut self, _peer: &Address) -> Puppet {
        Puppet { act: Rc::clone(&self.act) }
    }
}

#[protocol(line, delimiter = b"\n", max_length = 1000, factory = Stage)]
struct Puppet {
    act: Act,
}

#[protocol]
impl Puppet {
    #[on(connect)]
    fn enter(&mut self, cx: &Context<Self>) {
        cx.factory_mut().members.push(cx.transport());
        (self.act)(cx, "connect");
    }

    #[on(line)]
    fn play(&mut self, cx: &Context<Self>, line: &str) {
        cx.factory_mut().log.push(line.to_owned());
        (self.act)(cx, line);
    }

    #[on(overlong)]
    fn too_long(&mut self, cx: &Context<Self>) {
        cx.lose_connection();
    }

    #[on(timeout(30s))]
    fn wait(&mut self, cx: &Context<Self>) {
        cx.factory_mut().log.push("timeout".into());
    }

    #[on(disconnect)]
    fn leave(&mut self, cx: &Context<Self>, reason: Failure) {
        cx.factory_mut().log.push(format!("end: {reason}"));
        (self.act)(cx, "disconnect");
    }
}

/// A reactor that this test turns by hand, with a port.
fn stage(act: impl Fn(&Context<Puppet>, &str) + 'static) -> (Reactor, Shared<Stage>, twisty::Port) {
    let (reactor, shared) = (Reactor::new().expect("a poll"), Stage::new(act));
    let port = reactor.listen(LOOPBACK, shared.clone()).expect("a port");
    (reactor, shared, port)
}

fn client(port: &twisty::Port) -> Client {
    let Address::Tcp(address) = port.host() else { panic!("no TCP address") };
    Client::to(address)
}

/// Lets everything happen that is about to.
fn settle(reactor: &Reactor) {
    for _ in 0..10 {
        reactor.turn(Some(Duration::from_millis(5))).expect("a turn");
    }
}

#[test]
fn a_panic_after_a_good_bye_is_still_the_reason() {
    let shared = Stage::new(|cx, line| {
        if line == "go" {
            cx.lose_connection();
            panic!("too late");
        }
    });
    let server = Server::new(shared);
    server.connect().receive("go\n");
    assert_eq!(server.factory().log, ["go", "end: a handler or callback panicked: too late"]);
}

#[test]
fn a_good_bye_to_an_overlong_line_hides_no_reason() {
    let server = Server::new(Stage::new(|_, _| {}));
    server.connect().receive(vec![b'x'; 2000]);
    assert!(server.factory().log[0].contains("1000 are allowed"), "{:?}", server.factory().log);
}

#[test]
fn what_nobodys_handler_sent_is_nobodys_fault() {
    let server = Server::new(Stage::new(|_, _| {}));
    let (first, second) = (server.connect(), server.connect());
    server.factory().members[0].send("two\nlines");
    second.receive("hi\n");
    assert!(first.is_connected() && second.is_connected());
}

#[test]
fn a_wait_starts_again_after_a_pause() {
    let server = Server::new(Stage::new(|cx, line| {
        if line == "hi" {
            cx.pause_reading();
        }
    }));
    let client = server.connect();
    client.receive("hi\n");
    server.advance(Duration::from_secs(29));
    server.factory().members[0].resume_reading();
    server.advance(Duration::from_secs(2));
    assert!(!server.factory().log.contains(&"timeout".to_owned()));
}

/// Only a real pause does: who resumes everybody now and then must not keep silent peers forever.
#[test]
fn a_wait_goes_on_if_nothing_was_paused() {
    let server = Server::new(Stage::new(|_, _| {}));
    let _silent = server.connect();
    for _ in 0..4 {
        server.advance(Duration::from_secs(10));
        server.factory().members[0].resume_reading();
    }
    server.advance(Duration::ZERO);
    assert_eq!(server.factory().log, ["timeout"]);
}

#[test]
fn a_reply_that_panics_closes_the_door_behind_it() {
    #[protocol(line)]
    #[derive(Default)]
    struct Lazy;

    #[protocol]
    impl Lazy {
        #[on(line)]
        fn go(&mut self, cx: &Context<Self>) -> impl Iterator<Item = String> {
            cx.lose_connection();
            (0..3).map(|n| if n == 2 { panic!("no more") } else { n.to_string() })
        }

        #[on(disconnect)]
        fn end(&mut self, cx: &Context<Self>) {
            cx.send("into the void");
            assert_eq!(cx.transport().queued(), 0);
        }
    }

    let server = Server::new(Lazy::factory());
    let client = server.connect();
    client.receive("go\r\n");
    assert_eq!(client.sent(), "0\r\n1\r\n");
    assert_eq!(client.reason().as_deref(), Some("a handler or callback panicked: no more"));
}

#[test]
fn a_mistake_is_not_forgotten_over_a_closed_port() {
    let place: Rc<RefCell<Option<twisty::Port>>> = Rc::default();
    let inner = Rc::clone(&place);
    let (reactor, shared, port) = stage(move |cx, line| {
        if line == "go" {
            cx.send("two\nlines");
            inner.borrow().iter().for_each(twisty::Port::stop_listening);
        }
    });
    let mut client = client(&port);
    *place.borrow_mut() = Some(port);
    client.send("go\n");
    settle(&reactor);
    assert!(shared.borrow().log[1].contains("may not contain its delimiter"), "{:?}", shared.borrow().log);
}

/// Its socket may still linger, for a peer that was sending when it was closed.
#[test]
fn who_has_left_is_no_longer_counted() {
    let (reactor, shared, port) = stage(|cx, line| {
        if line == "quit" {
            cx.lose_connection();
        }
    });
    let mut talker = client(&port);
    talker.send([&b"quit\n"[..], &[b'x'; 200_000]].concat());
    std::thread::sleep(Duration::from_millis(20));
    settle(&reactor);
    assert_eq!((shared.connections(), reactor.connections()), (0, 1));
}

#[test]
fn much_at_once_is_no_fault_of_a_peer_that_reads() {
    let server = Server::new(Stage::new(|cx, line| {
        if line == "go" {
            (0..40).for_each(|_| cx.write(vec![b'x'; 1 << 20]));
        }
    }));
    let client = server.connect();
    client.receive("go\n");
    assert_eq!(client.sent_bytes().len(), 40 << 20);
    assert!(client.is_connected());
}

/// One connection resumes another whose end arrives in the same turn: what it has sent before comes first.
#[test]
fn what_has_waited_comes_before_the_end() {
    let (reactor, shared, port) = stage(|cx, line| match line {
        "one" => cx.pause_reading(),
        "go" => cx.factory().members.iter().for_each(Transport::resume_reading),
        _ => {}
    });
    let mut paused = client(&port);
    settle(&reactor);
    let mut other = client(&port);
    paused.send("one\ntwo\nthree\n");
    settle(&reactor);
    other.send("go\n");
    paused.socket().shutdown(Shutdown::Write).expect("half-closed");
    std::thread::sleep(Duration::from_millis(20));
    settle(&reactor);
    let log = &shared.borrow().log;
    assert_eq!(log[..4], ["one", "go", "two", "three"], "{log:?}");
}

#[test]
fn a_port_closed_by_a_client_takes_no_more() {
    let place: Rc<RefCell<Option<twisty::Port>>> = Rc::default();
    let inner = Rc::clone(&place);
    let (reactor, shared, port) = stage(move |_, _| inner.borrow().iter().for_each(twisty::Port::stop_listening));
    let crowd: Vec<_> = (0..5).map(|_| client(&port)).collect();
    *place.borrow_mut() = Some(port);
    settle(&reactor);
    assert_eq!(shared.borrow().members.len(), 1);
    drop(crowd);
}

#[test]
fn who_speaks_first_hears_the_good_bye() {
    let (reactor, _shared, port) = stage(|cx, event| {
        if event == "connect" {
            cx.send("bye");
            cx.lose_connection();
        }
    });
    let mut client = client(&port);
    client.send("hello\n");
    settle(&reactor);
    assert_eq!(client.rest().expect("no reset"), b"bye\n");
}

#[test]
fn a_peer_that_reads_fast_starves_nobody() {
    let (reactor, shared, port) = stage(|cx, line| {
        if line == "x" {
            cx.write([b'y'; 30_000]);
        }
    });
    let (mut fast, mut other) = (client(&port), client(&port));
    settle(&reactor);
    let mut reading = fast.socket().try_clone().expect("a second handle");
    let reader = std::thread::spawn(move || std::io::copy(&mut reading, &mut std::io::sink()));
    fast.send("x\n".repeat(20_000));
    while shared.borrow().log.is_empty() {
        reactor.turn(Some(Duration::from_millis(5))).expect("a turn");
    }
    let before = shared.borrow().log.len();
    other.send("ping\n");
    while !shared.borrow().log.iter().any(|line| line == "ping") {
        reactor.turn(Some(Duration::from_millis(5))).expect("a turn");
    }
    let served = shared.borrow().log.len() - before;
    assert!(before < 100 && served < 1000, "{before} lines in a turn, {served} more before the other's");
    drop((reactor, fast));
    let _reset_perhaps = reader.join().expect("no panic");
}

#[test]
fn a_second_stop_cuts_whatever_is_open() {
    let (reactor, _shared, port) = stage(|cx, line| match line {
        "quit" => cx.lose_connection(),
        "much" => cx.write(vec![b'x'; 30 << 20]),
        _ => {}
    });
    reactor.set_drain_timeout(Duration::from_secs(600));
    // One that was still sending when it was closed, and one that does not take what it is sent.
    let (mut talker, mut stuck) = (client(&port), client(&port));
    stuck.send("much\n");
    talker.send([&b"quit\n"[..], &[b'x'; 200_000]].concat());
    let second = |reactor: &Reactor| reactor.stop().expect("it runs");
    reactor.call_later(Duration::from_millis(50), second);
    reactor.call_later(Duration::from_millis(60), second);
    let started = Instant::now();
    reactor.run().expect("a clean run");
    assert!(started.elapsed() < Duration::from_secs(20), "it waited until closing took too long");
}

#[test]
fn a_stop_by_the_last_to_leave_ends_the_drain() {
    let place: Rc<RefCell<Option<Reactor>>> = Rc::default();
    let inner = Rc::clone(&place);
    let (reactor, _shared, port) = stage(move |cx, event| match event {
        "much" => cx.write(vec![b'x'; 30 << 20]),
        "disconnect" => inner.borrow().iter().for_each(|reactor| reactor.stop().expect("it runs")),
        _ => {}
    });
    *place.borrow_mut() = Some(reactor.clone());
    reactor.set_drain_timeout(Duration::from_secs(600));
    let (first, mut stuck) = (client(&port), client(&port));
    stuck.send("much\n");
    settle(&reactor);
    reactor.call_later(Duration::from_millis(20), |reactor| reactor.stop().expect("it runs"));
    let started = Instant::now();
    reactor.run().expect("a clean run");
    assert!(started.elapsed() < Duration::from_secs(20), "it waited until closing took too long");
    place.borrow_mut().take();
    drop(first);
}

#[test]
fn a_turn_inside_a_turn_is_refused() {
    let place: Rc<RefCell<Option<Reactor>>> = Rc::default();
    let inner = Rc::clone(&place);
    let (reactor, shared, port) = stage(move |_, line| {
        let reactor = inner.borrow().clone().expect("the reactor");
        match line {
            "turn" => drop(reactor.turn(None)),
            "run" => assert!(reactor.run().is_err_and(|failure| failure.check::<ReactorError>().is_some())),
            _ => {}
        }
    });
    *place.borrow_mut() = Some(reactor.clone());
    let (mut bad, mut good) = (client(&port), client(&port));
    bad.send("run\nturn\n");
    settle(&reactor);
    good.send("still here\n");
    settle(&reactor);
    let log = shared.borrow().log.join(", ");
    assert!(log.contains("a turn cannot be made from inside of another"), "{log}");
    assert!(log.ends_with("still here"), "{log}");
    assert!(!reactor.is_running());
    place.borrow_mut().take();
}

/// Writes its prefix before it finds that the frame does not fit.
struct Careless;

impl Framing for Careless {
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        Ok(Decoded::Frame { frame: buffer, consumed: buffer.len() })
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        out.push(b'>');
        out.push(u8::try_from(frame.len()).expect("a short frame"));
        out.extend_from_slice(frame);
        Ok(())
    }
}

/// Breaks wherever user code is called outside of a handler.
#[derive(Clone, Copy)]
enum Broken {
    Encode,
    Timeout,
    Drop,
}

struct Doomed(Broken);

impl Protocol for Doomed {
    type Framing = Careless;
    type Factory = ForProtocol<Self>;

    fn framing() -> Careless {
        Careless
    }

    fn frame_received(&mut self, cx: &Context<Self>, _frame: &[u8]) {
        cx.send("ok");
        match self.0 {
            Broken::Encode => cx.send([b'x'; 300]),
            Broken::Timeout | Broken::Drop => cx.lose_connection(),
        }
    }

    fn timeout(&self, _cx: &Context<Self>) -> Option<Duration> {
        assert!(!matches!(self.0, Broken::Timeout), "no time");
        None
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        assert!(!matches!(self.0, Broken::Drop) || std::thread::panicking(), "dropped badly");
    }
}

#[test]
fn user_code_may_break_anywhere() {
    for (broken, heard) in [(Broken::Encode, ">\x02ok"), (Broken::Timeout, ""), (Broken::Drop, ">\x02ok")] {
        let (reactor, _shared, port) = stage(|cx, line| cx.send(line));
        let doomed = reactor.listen(LOOPBACK, ForProtocol::new(move || Doomed(broken))).expect("a port");
        let (mut bad, mut good) = (client(&doomed), client(&port));
        let _reset_already = bad.socket().write_all(b"go");
        settle(&reactor);
        good.send("still here\n");
        settle(&reactor);
        assert_eq!((good.line(), good.line()), ("connect".into(), "still here".into()));
        assert_eq!(String::from_utf8_lossy(&bad.rest().unwrap_or_default()), heard);
    }
}
