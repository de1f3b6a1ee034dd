//! Bad peers over real sockets: each costs bounded memory and leaves the others unharmed.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use live::{Client, LOOPBACK, Live};
use twisty::prelude::*;
use twisty::protocol::Limits;
use twisty::{Address, Overlong, Port};

/// Echoes lines; `tell all` gives everybody else more than they want, `panic` is answered with a panic.
#[derive(Default)]
struct Target;

#[derive(Default)]
struct Targets {
    /// Why connections ended.
    ends: Vec<String>,
    members: Vec<Transport<Line>>,
    /// Most bytes that ever waited for one peer.
    most_queued: usize,
}

impl Factory for Targets {
    type Protocol = Target;

    fn build_protocol(&mut self, _peer: &Address) -> Option<Target> {
        Some(Target)
    }
}

impl Protocol for Target {
    type Framing = Line;
    type Factory = Targets;

    fn framing() -> Line {
        Line::new()
    }

    fn limits() -> Limits {
        Limits { close_timeout: Duration::from_millis(200), outbox_limit: 1 << 20, ..Limits::DEFAULT }
    }

    fn connection_made(&mut self, cx: &Context<Self>) {
        cx.factory_mut().members.push(cx.transport());
    }

    fn frame_received(&mut self, cx: &Context<Self>, line: &[u8]) {
        match line {
            b"panic" => panic!("as asked"),
            b"tell all" => {
                cx.send(line);
                let factory = cx.factory();
                let others = factory.members.iter().filter(|member| **member != cx.transport());
                others.for_each(|other| other.write([b'x'; 1 << 16]));
            }
            b"flood and close" => {
                cx.write(vec![b'x'; 8 << 20]);
                cx.lose_connection();
            }
            _ => cx.send(line),
        }
        let mut targets = cx.factory_mut();
        targets.most_queued = targets.most_queued.max(cx.transport().queued());
    }

    fn frame_overlong(&mut self, cx: &Context<Self>, overlong: Overlong) {
        cx.send(format!("at most {} bytes", overlong.max_length));
    }

    fn connection_lost(&mut self, cx: &Context<Self>, reason: Failure) {
        cx.factory_mut().ends.push(reason.to_string());
    }
}

thread_local! {
    static TARGETS: twisty::protocol::Shared<Targets> = Targets::default().into();
}

fn listen(reactor: &Reactor) -> twisty::Result<Port> {
    reactor.listen(LOOPBACK, TARGETS.with(Clone::clone))
}

/// The server, and a good client that has already been served.
fn start() -> (Live, Client) {
    let server = Live::start(listen);
    let mut good = server.connect();
    good.try_echo("before\r\n").expect("an echo");
    (server, good)
}

/// Waits until only the good client is there, and checks that all is well for it; why the other one ended.
fn ended(server: &Live, good: &mut Client) -> String {
    server.wait_for_connections(1);
    good.try_echo("after\r\n").expect("an echo");
    let ends = server.ask(|_| TARGETS.with(|targets| targets.borrow().ends.clone()));
    assert_eq!(ends.len(), 1, "{ends:?}");
    ends[0].clone()
}

#[test]
fn one_that_sends_and_never_reads_is_not_read_any_more() {
    let (server, mut good) = start();
    let mut bad = server.connect();
    bad.socket().set_nonblocking(true).expect("non-blocking");
    let lines = "0123456789abcde\r\n".repeat(1 << 12);
    let mut refused = 0;
    while refused < 20 {
        match bad.socket().write(lines.as_bytes()) {
            Ok(1..) => refused = 0,
            Ok(0) => panic!("the server hung up"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                refused += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
    good.try_echo("meanwhile\r\n").expect("an echo");
    let queued = server.ask(|_| TARGETS.with(|targets| targets.borrow().most_queued));
    let allowed = Limits::DEFAULT.high_water + 100;
    assert!(queued <= allowed, "{queued} bytes were queued, the high-water mark allows {allowed}");
    drop(bad);
    ended(&server, &mut good);
}

#[test]
fn one_that_never_stops_sending_starves_nobody() {
    let (server, mut good) = start();
    let mut bad = server.connect();
    let mut socket = bad.socket().try_clone().expect("a second handle");
    let sender = std::thread::spawn(move || {
        let lines = "x\r\n".repeat(1 << 18);
        while socket.write_all(lines.as_bytes()).is_ok() {}
    });
    let reader = std::thread::spawn(move || while bad.socket().read(&mut [0; 1 << 16]).is_ok_and(|count| count > 0) {});
    for _ in 0..100 {
        good.try_echo("me too\r\n").expect("an echo");
    }
    server.stop();
    sender.join().expect("no panic");
    reader.join().expect("no panic");
}

#[test]
fn one_that_reads_again_gets_everything() {
    let (server, _good) = start();
    let mut slow = server.connect();
    let mut socket = slow.socket().try_clone().expect("a second handle");
    let writer = std::thread::spawn(move || {
        for n in 0..200_000 {
            write!(socket, "line {n}\r\n").expect("the server takes it, in time");
        }
        socket.shutdown(Shutdown::Write).expect("half-closed");
    });
    std::thread::sleep(Duration::from_millis(300));
    for n in 0..200_000 {
        assert_eq!(slow.line(), format!("line {n}"));
    }
    writer.join().expect("no panic");
    assert_eq!(slow.rest().expect("an orderly end"), b"");
}

#[test]
fn one_that_leaves_too_much_unread_is_cut_off() {
    let (server, mut good) = start();
    let bad = server.connect();
    server.wait_for_connections(2);
    // What others send it is not slowed down by its own silence.
    while server.ask(Reactor::connections) > 1 {
        good.try_echo("tell all\r\n").expect("an echo");
    }
    assert!(ended(&server, &mut good).contains("the peer does not read"));
    drop(bad);
}

#[test]
fn one_that_does_not_take_its_goodbye_is_cut_off() {
    let (server, mut good) = start();
    let mut bad = server.connect();
    bad.send("flood and close\r\n");
    let reason = ended(&server, &mut good);
    assert!(reason.contains("could not be delivered within 200ms"), "{reason}");
}

#[test]
fn one_that_sends_a_line_of_100_mib_is_told_and_closed() {
    let (server, mut good) = start();
    let mut bad = server.connect();
    let mut socket = bad.socket().try_clone().expect("a second handle");
    let writer = std::thread::spawn(move || {
        let block = vec![b'x'; 1 << 20];
        (0..100).take_while(|_| socket.write_all(&block).is_ok()).count()
    });
    assert_eq!(bad.line(), "at most 16384 bytes");
    let sent = writer.join().expect("no panic");
    assert!(ended(&server, &mut good).contains("16384 are allowed"), "after {sent} MiB");
}

#[test]
fn one_that_resets_in_mid_frame_is_lost() {
    let (server, mut good) = start();
    let mut bad = server.connect();
    bad.try_echo("hello\r\n").expect("an echo");
    bad.send("half a li");
    socket2::SockRef::from(&*bad.socket()).set_linger(Some(Duration::ZERO)).expect("linger");
    drop(bad);
    assert!(ended(&server, &mut good).starts_with("the connection was lost"));
}

#[test]
fn one_whose_handler_panics_is_closed() {
    let (server, mut good) = start();
    let mut bad = server.connect();
    bad.send("one\r\npanic\r\ntwo\r\n");
    assert_eq!(bad.rest().expect("an orderly end"), b"one\r\n");
    assert_eq!(ended(&server, &mut good), "a handler or callback panicked: as asked");
}
