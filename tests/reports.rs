//! What the operator reads: one line for each thing that went wrong, and none for what went well.

use std::time::Duration;

use twisty::prelude::*;
use twisty::testing::Server;
use twisty::{Address, HandshakeTimeout, Protocol};

/// What is reported while `work` runs, from `INFO` upwards.
fn reported(work: impl FnOnce()) -> Vec<String> {
    live::reported(tracing::Level::INFO, work)
}

#[protocol(line, max_length = 10)]
#[derive(Default)]
struct Moody;

#[protocol]
impl Moody {
    #[on(line)]
    fn act(&mut self, cx: &Context<Self>, mood: &str) -> twisty::Result<Option<String>> {
        match mood {
            "panic" => panic!("bad mood"),
            "fail" => Err(Failure::message("no mood")),
            "split" => Ok(Some("two\r\nlines".into())),
            "bye" => {
                cx.lose_connection();
                Ok(None)
            }
            _ => Ok(Some(mood.to_owned())),
        }
    }

    #[on(disconnect)]
    fn end(&mut self, reason: Failure) {
        assert!(!reason.to_string().contains("no mood"), "worse mood");
    }
}

fn after(bytes: impl AsRef<[u8]>) -> Vec<String> {
    reported(|| {
        let server = Server::new(Moody::factory());
        let client = server.connect();
        client.receive(bytes);
        client.disconnect();
        assert_eq!(server.connections(), 0);
    })
}

#[test]
fn nothing_is_said_when_all_goes_well() {
    assert_eq!(after("hello\r\nbye\r\n"), [""; 0]);
    assert_eq!(after("hello\r\nhalf a"), [""; 0]);
}

#[test]
fn a_panic_is_one_error() {
    let lines = after("hello\r\npanic\r\nhello\r\n");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("ERROR"), "{lines:?}");
    assert!(lines[0].contains("a handler or callback panicked: bad mood"), "{lines:?}");
    assert!(lines[0].contains("tcp:192.168.1.1:50000"), "who it was: {lines:?}");
    assert!(lines[0].contains("Moody"), "which protocol: {lines:?}");
}

#[test]
fn a_failure_is_one_error_and_a_panic_about_it_another() {
    let lines = after("fail\r\n");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("no mood") && lines[0].contains("reports.rs"), "where it arose: {lines:?}");
    assert!(lines[1].contains("worse mood"), "{lines:?}");
}

#[test]
fn a_reply_that_cannot_be_sent_is_one_error() {
    let lines = after("split\r\n");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("ERROR") && lines[0].contains("a line may not contain its delimiter"), "{lines:?}");
}

#[test]
fn the_peers_own_fault_is_information() {
    let too_long = (b"far too long a line\r\n".as_slice(), "10 are allowed");
    let no_text = (b"\xff\r\n".as_slice(), "where UTF-8 text was expected");
    for (bytes, says) in [too_long, no_text] {
        let lines = after(bytes);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("INFO") && lines[0].contains(says), "{lines:?}");
    }
}

/// A mistake in sending to somebody else is the sender's: the receiver stays.
#[test]
fn the_sender_is_blamed() {
    #[factory(protocol = Member)]
    #[derive(Default)]
    struct Club {
        members: Vec<Transport<Line>>,
    }

    #[protocol(line, factory = Club)]
    #[derive(Default)]
    struct Member;

    #[protocol]
    impl Member {
        #[on(connect)]
        fn join(&mut self, cx: &Context<Self>) {
            cx.factory_mut().members.push(cx.transport());
        }

        #[on(line)]
        fn say(&mut self, cx: &Context<Self>, word: &str) {
            twisty::broadcast(&cx.factory().members, format!("{word}\r\n{word}"));
        }
    }

    let lines = reported(|| {
        let server = Server::new(Member::factory());
        let (bad, good) = (server.connect(), server.connect());
        bad.receive("x\r\n");
        assert!(!bad.is_connected());
        assert!(good.is_connected());
        assert_eq!(good.sent(), "");
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}

/// What a call of the clock sends is nobody's mistake, not even of whoever is closed next.
#[test]
fn a_bad_message_of_a_call_is_reported_once() {
    #[factory(protocol = Door)]
    #[derive(Default)]
    struct House {
        doors: Vec<Transport<Line>>,
    }

    #[protocol(line, factory = House)]
    #[derive(Default)]
    struct Door;

    #[protocol]
    impl Door {
        #[on(connect)]
        fn open(&mut self, cx: &Context<Self>) {
            cx.factory_mut().doors.push(cx.transport());
        }

        #[on(line)]
        fn hear(&mut self) {}
    }

    let lines = reported(|| {
        let server = Server::new(House::default());
        let (open, closed) = (server.connect(), server.connect());
        let [first, second] = [0, 1].map(|at| server.factory().doors[at].clone());
        server.clock().call_later(Duration::from_secs(1), move || {
            first.send("two\r\nlines");
            second.lose_connection();
        });
        server.advance(Duration::from_secs(1));
        assert!(open.is_connected() && !closed.is_connected());
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("a call of the clock failed"), "{lines:?}");
}

/// A factory that refuses is not an error, one that breaks is.
#[test]
fn a_refusal_is_no_error() {
    struct Never;

    impl Factory for Never {
        type Protocol = Nobody;

        fn build_protocol(&mut self, _peer: &Address) -> Option<Nobody> {
            None
        }
    }

    struct Nobody;

    impl Protocol for Nobody {
        type Framing = Raw;
        type Factory = Never;

        fn framing() -> Raw {
            Raw
        }
    }

    let lines = reported(|| assert!(!Server::new(Never).connect().is_connected()));
    assert_eq!(lines, [""; 0]);
}

/// An error that cannot be shown.
#[derive(Debug, thiserror::Error)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("words fail me")
    }
}

#[protocol(line)]
#[derive(Default)]
struct Speechless;

#[protocol]
impl Speechless {
    #[on(line)]
    fn fail(&mut self) -> twisty::Result<()> {
        Err(Unspeakable.into())
    }
}

#[test]
fn an_error_that_cannot_be_shown_ends_its_connection_all_the_same() {
    let server = Server::new(Speechless::factory());
    let lines = reported(|| {
        server.connect().receive("hello\r\n");
    });
    assert_eq!(server.connections(), 0);
    assert!(lines.iter().any(|line| line.contains("words fail me")), "{lines:?}");
}

/// A peer may go away whenever it likes, whoever waits for it.
#[test]
fn an_unhandled_failure_is_an_error_unless_it_is_the_peers() {
    let limit = Duration::from_secs(1);
    let of_the_peer = reported(|| drop(Deferred::<()>::fail(HandshakeTimeout { limit })));
    let of_the_program = reported(|| drop(Deferred::<()>::fail(Failure::message("no mood"))));
    for (lines, level) in [(of_the_peer, "INFO"), (of_the_program, "ERROR")] {
        // Its backtrace follows, where those are asked for.
        let told: Vec<_> = lines.iter().filter(|line| line.contains("nobody handled the failure")).collect();
        assert!(told.len() == 1 && told[0].starts_with(level), "{level}: {lines:?}");
    }
}
