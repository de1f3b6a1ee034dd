//! One connection from its first word to its last, in memory: what is still said after a good-bye, bodies between lines,
//! pauses, and how often the end comes.

use std::time::Duration;

use twisty::prelude::*;
use twisty::testing::Server;

/// Lines are orders; the factory notes what happened.
#[factory(protocol = Servant)]
#[derive(Default)]
struct Household {
    notes: Vec<String>,
}

#[protocol(line, factory = Household, idle_timeout = 60s, close_timeout = 5s)]
#[derive(Default)]
struct Servant {
    body: Vec<u8>,
}

#[protocol]
impl Servant {
    #[on(line)]
    fn obey(&mut self, cx: &Context<Self>, order: &str) -> twisty::Result<Option<String>> {
        match order.split_once(' ').unwrap_or((order, "")) {
            ("leave", last) => {
                cx.send("one moment");
                cx.lose_connection();
                cx.send("never said");
                return Ok(Some(last.to_owned()));
            }
            ("abort", last) => {
                cx.abort_connection();
                return Ok(Some(last.to_owned()));
            }
            ("body", size) => cx.set_raw_mode_for(size.parse()?),
            ("pause", _) => cx.pause_reading(),
            ("blip", _) => {
                cx.pause_reading();
                cx.resume_reading();
            }
            ("clash", _) => {
                let held = cx.factory();
                cx.factory_mut().notes.push(format!("{} notes", held.notes.len()));
            }
            _ => cx.factory_mut().notes.push(order.to_owned()),
        }
        Ok(None)
    }

    #[on(raw)]
    fn body(&mut self, cx: &Context<Self>, data: &[u8]) {
        self.body.extend_from_slice(data);
        if cx.raw_left() == 0 {
            let body = std::mem::take(&mut self.body);
            cx.factory_mut().notes.push(format!("body {}", body.escape_ascii()));
        }
    }

    #[on(disconnect)]
    fn end(&mut self, cx: &Context<Self>, reason: Failure) {
        cx.send("into the void");
        cx.lose_connection();
        cx.factory_mut().notes.push(format!("end: {reason}"));
    }
}

fn notes(server: &Server<Household>) -> Vec<String> {
    server.factory().notes.clone()
}

#[test]
fn what_a_handler_returns_is_said_before_it_leaves() {
    let server = Server::new(Servant::factory());
    let client = server.connect();
    client.receive("leave good bye\r\nhello\r\n");
    assert_eq!(client.sent(), "one moment\r\ngood bye\r\n");
    assert!(!client.is_connected());
    assert_eq!(notes(&server), ["end: the connection was closed cleanly"]);
}

#[test]
fn an_abort_says_nothing_more() {
    let server = Server::new(Servant::factory());
    let client = server.connect();
    client.receive("abort good bye\r\nhello\r\n");
    assert_eq!(client.sent(), "");
    assert!(client.is_aborted());
    assert_eq!(client.reason().as_deref(), Some("the connection was aborted by this side"));
}

#[test]
fn a_body_ends_by_its_count_also_if_it_is_empty() {
    for cuts in [vec![], vec![8], vec![3, 9, 12]] {
        let server = Server::new(Servant::factory());
        let client = server.connect();
        let stream = b"body 3\r\na\r\nb\r\nbody 0\r\nc\r\nbody 0\r\nbody 1\r\n\nd\r\n";
        let mut rest = &stream[..];
        for cut in cuts {
            let (now, later) = rest.split_at(cut);
            client.receive(now);
            rest = later;
        }
        client.receive(rest);
        assert_eq!(notes(&server), ["body a\\r\\n", "b", "body ", "c", "body ", "body \\n", "d"]);
    }
}

#[test]
fn the_end_comes_once_and_last() {
    type Ending = fn(&twisty::testing::Client<Household>);
    let endings: [(Ending, &str); 4] = [
        (|client| client.disconnect(), "closed cleanly"),
        (|client| client.reset(), "lost"),
        (|client| _ = client.receive("body x\r\n"), "invalid digit"),
        (|client| _ = client.receive(b"\xff\r\n"), "UTF-8 text was expected"),
    ];
    for (end, reason) in endings {
        let server = Server::new(Servant::factory());
        let client = server.connect();
        client.receive("first\r\n");
        end(&client);
        end(&client);
        client.receive("after\r\n").disconnect();
        client.reset();
        server.advance(Duration::from_secs(3600));
        let notes = notes(&server);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[1].starts_with("end: ") && notes[1].contains(reason), "{notes:?}");
        assert_eq!(server.connections(), 0);
    }
}

#[test]
fn a_pause_keeps_what_follows_until_it_ends() {
    let server = Server::new(Servant::factory());
    let client = server.connect();
    client.receive("blip\r\na\r\npause\r\nb\r\nc").receive("d\r\n");
    client.disconnect();
    assert_eq!(notes(&server), ["a"]);
    assert_eq!(client.unread(), b"b\r\ncd\r\n");
}

#[test]
fn idleness_ends_a_connection_and_movement_does_not() {
    let server = Server::new(Servant::factory());
    let (quiet, busy) = (server.connect(), server.connect());
    for _ in 0..10 {
        server.advance(Duration::from_secs(30));
        busy.receive("a\r\n");
    }
    assert!(busy.is_connected());
    assert_eq!(quiet.reason().as_deref(), Some("nothing moved on the connection for 60s (see `idle_timeout`)"));
}

#[test]
fn a_goodbye_that_is_not_taken_ends_in_an_abort() {
    let server = Server::new(Servant::factory());
    let client = server.connect();
    client.stop_reading();
    client.receive("leave good bye\r\n");
    server.advance(Duration::from_secs(4));
    assert_eq!(client.reason(), None);
    server.advance(Duration::from_secs(1));
    assert!(client.is_aborted());
    assert!(client.reason().is_some_and(|reason| reason.starts_with("22 bytes could not be delivered within 5s")));
}

#[test]
fn a_factory_held_twice_is_told_in_words() {
    let server = Server::new(Servant::factory());
    let client = server.connect();
    client.receive("clash\r\n");
    let reason = client.reason().expect("it ended");
    assert!(reason.contains("the factory is in use: an earlier `factory()`"), "{reason}");
}
