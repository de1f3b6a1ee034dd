//! Connections of which one side is closed, in memory.

use std::collections::VecDeque;
use std::time::Duration;

use twisty::prelude::*;
use twisty::testing::{Client, Loopback, Server};

/// Does what each line says, and says what happens to it.
#[factory(protocol = Speaker)]
#[derive(Default)]
struct Hall {
    heard: Vec<String>,
    reason: Option<String>,
}

#[protocol(line, delimiter = b"\n", factory = Hall, close_timeout = 5s)]
#[derive(Default)]
struct Speaker;

#[protocol]
impl Speaker {
    #[on(line)]
    fn hear(&mut self, cx: &Context<Self>, line: String) -> Option<String> {
        cx.factory_mut().heard.push(line.clone());
        match line.as_str() {
            "hush" => cx.lose_write_connection(),
            "hush and close" => {
                cx.lose_write_connection();
                cx.lose_connection();
            }
            "close" => cx.lose_connection(),
            "nothing" => return None,
            _ => {}
        }
        Some(format!("{line}!"))
    }

    #[on(timeout(10s))]
    fn wait(&mut self, cx: &Context<Self>) {
        cx.factory_mut().heard.push("(nothing for long)".into());
    }

    #[on(eof)]
    fn end(&mut self, cx: &Context<Self>) -> &'static str {
        cx.factory_mut().heard.push("(eof)".into());
        "goodbye"
    }

    #[on(write_lost)]
    fn silent(&mut self, cx: &Context<Self>) {
        cx.factory_mut().heard.push("(write_lost)".into());
    }

    #[on(disconnect)]
    fn over(&mut self, cx: &Context<Self>, reason: Failure) {
        cx.factory_mut().reason = Some(reason.to_string());
    }
}

const DONE: Option<&str> = Some("the connection was closed cleanly");

fn connect() -> (Server<Hall>, Client<Hall>) {
    let server = Server::new(Hall::default());
    let client = server.connect();
    (server, client)
}

fn heard(server: &Server<Hall>) -> Vec<String> {
    std::mem::take(&mut server.factory_mut().heard)
}

#[test]
fn after_the_end_of_the_peers_side_ours_is_open() {
    let (server, client) = connect();
    client.receive("one\nunfinis").half_close();
    assert_eq!((client.sent().as_str(), client.reason()), ("one!\ngoodbye\n", None));
    assert_eq!(heard(&server), ["one", "(eof)"]);
    server.advance(Duration::from_secs(100));
    assert_eq!(heard(&server), [""; 0], "no line is waited for any more");
    client.half_close();
    assert_eq!(heard(&server), [""; 0], "it comes once");
    assert!(client.is_connected());
}

#[test]
fn our_side_closes_after_what_the_handler_returns() {
    let (server, client) = connect();
    client.receive("one\nhush\ntwo\nnothing\n");
    assert_eq!(client.sent(), "one!\nhush!\n");
    assert_eq!(heard(&server), ["one", "hush", "two", "nothing", "(write_lost)"], "the peer is heard to its end");
    assert!(client.is_connected() && client.write_side_is_closed());
    server.advance(Duration::from_secs(10));
    assert_eq!(heard(&server), ["(nothing for long)"]);
    client.receive("three\n");
    assert_eq!((client.sent().as_str(), heard(&server)), ("one!\nhush!\n", vec!["three".to_owned()]));
}

#[test]
fn when_both_sides_are_closed_the_connection_is_done() {
    let (server, client) = connect();
    client.receive("hush\n").half_close();
    assert_eq!(client.reason().as_deref(), DONE);
    assert_eq!(heard(&server), ["hush", "(write_lost)", "(eof)"]);
    let (server, client) = connect();
    client.stop_reading();
    client.receive("hush\n").half_close();
    assert_eq!(client.reason(), None, "something is still to be written");
    client.start_reading();
    assert_eq!(client.reason().as_deref(), DONE);
    assert_eq!(heard(&server), ["hush", "(eof)", "(write_lost)"]);
}

#[test]
fn closing_after_our_side_is_closed_waits_for_nothing() {
    let (server, client) = connect();
    client.receive("hush\n").receive("close\nmore\n");
    assert_eq!((client.sent().as_str(), client.reason().as_deref()), ("hush!\n", DONE));
    assert_eq!(heard(&server), ["hush", "(write_lost)", "close"]);
}

#[test]
fn closing_all_in_the_same_handler_is_just_closing() {
    let (server, client) = connect();
    client.receive("hush and close\n");
    assert_eq!((client.sent().as_str(), client.reason().as_deref()), ("hush and close!\n", DONE));
    assert_eq!(heard(&server), ["hush and close"]);
}

#[test]
fn a_peer_that_hung_up_is_found_to_be_gone_when_it_is_sent_something() {
    let (server, client) = connect();
    client.disconnect();
    assert!(client.reason().is_some_and(|reason| reason.starts_with("the connection was lost")));
    assert_eq!((client.sent().as_str(), heard(&server)), ("", vec!["(eof)".to_owned()]));
}

#[test]
fn while_reading_is_paused_the_end_is_not_seen() {
    let server = Server::new(super::Sinks::default());
    let client = server.connect();
    let transport = server.factory().last.clone().expect("it is connected");
    transport.pause_reading();
    client.half_close();
    assert!(client.is_connected());
    transport.resume_reading();
    server.advance(super::NOW);
    assert_eq!(client.reason().as_deref(), DONE, "without a handler for it");
}

/// Answers when the test says so.
#[protocol(line, delimiter = b"\n", factory = Halls)]
#[derive(Default)]
struct Thinker {
    answered: u32,
}

#[factory(protocol = Thinker)]
#[derive(Default)]
struct Halls {
    questions: VecDeque<Resolver<String>>,
}

#[protocol]
impl Thinker {
    #[on(line)]
    fn ask(&mut self, cx: &Context<Self>, line: &str) -> Deferred<String> {
        if line.ends_with("the last") {
            cx.lose_write_connection();
        }
        let (resolver, answer) = Deferred::new();
        cx.factory_mut().questions.push_back(resolver);
        answer
    }

    #[on(eof)]
    fn end(&mut self) {
        self.answered += 1;
    }
}

fn answer(server: &Server<Halls>, with: &str) {
    let question = server.factory_mut().questions.pop_front().expect("somebody waits");
    question.callback(with.into());
    server.advance(Duration::ZERO);
}

#[test]
fn our_side_closes_after_the_replies_that_were_promised_before_and_not_after_later_ones() {
    let server = Server::new(Halls::default());
    let client = server.connect();
    client.receive("a\nthe last\ntoo late\nlater still\n").half_close();
    answer(&server, "one");
    assert!(!client.write_side_is_closed());
    answer(&server, "two");
    assert!(client.write_side_is_closed());
    assert_eq!((client.sent().as_str(), client.reason().as_deref()), ("one\ntwo\n", DONE));
}

#[test]
fn what_comes_too_late_is_not_sent_also_if_it_is_there_first() {
    let server = Server::new(Halls::default());
    let client = server.connect();
    client.receive("the last\ntoo late\n");
    let (first, second) = {
        let questions = &mut server.factory_mut().questions;
        (questions.pop_front().expect("somebody waits"), questions.pop_front().expect("somebody waits"))
    };
    second.callback("second".into());
    server.advance(Duration::ZERO);
    first.callback("first".into());
    server.advance(Duration::ZERO);
    assert_eq!((client.sent().as_str(), client.write_side_is_closed()), ("first\n", true));
    assert!(client.is_connected());
}

/// Stays only while it chats.
#[protocol(line, delimiter = b"\n")]
#[derive(Default)]
struct Guest;

#[derive(Default)]
struct AtTheDoor;
struct Chatting;

#[state_machine(AtTheDoor, Chatting)]
impl Guest {
    #[on(line in AtTheDoor)]
    fn enter(&mut self, _name: &str) -> Chatting {
        Chatting
    }

    #[on(line in Chatting)]
    fn chat(&mut self) -> &'static str {
        "so they say"
    }

    #[on(eof in Chatting)]
    fn last_word(&mut self, cx: &Context<Self>) -> &'static str {
        cx.lose_connection();
        "the last word"
    }
}

#[test]
fn a_machine_closes_at_the_end_in_the_states_without_a_handler_for_it() {
    let server = Server::new(Guest::factory());
    let (outside, inside) = (server.connect(), server.connect());
    outside.half_close();
    assert_eq!((outside.sent().as_str(), outside.reason().as_deref()), ("", DONE));
    inside.receive("Ann\n").half_close();
    assert_eq!((inside.sent().as_str(), inside.reason().as_deref()), ("the last word\n", DONE));
}

#[test]
fn the_end_of_one_side_goes_over_a_loopback() {
    let line = Loopback::new(Hall::default(), Asker::factory());
    line.pump();
    assert_eq!(line.left().heard, ["one", "two", "(eof)"]);
    assert!(line.is_connected(), "only one side is closed");
}

/// Asks two things and has said all.
#[protocol(line, delimiter = b"\n")]
#[derive(Default)]
struct Asker;

#[protocol]
impl Asker {
    #[on(connect)]
    fn ask(&mut self, cx: &Context<Self>) -> [&'static str; 2] {
        cx.lose_write_connection();
        ["one", "two"]
    }

    #[on(line)]
    fn hear(&mut self) {}
}
