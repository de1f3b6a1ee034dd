//! The server of `answer.rs`: in memory, and over real sockets.
use live::{LOOPBACK, Live};

use super::*;

#[test]
fn answers() {
    let server = twisty::testing::Server::new(Answer::factory());
    let client = server.connect();
    client.receive("How are you?\r\nWhat?\r\n");
    assert_eq!(client.sent(), "Fine\r\nI don't know what you mean\r\n");
}

#[test]
fn hangs_up_on_what_is_no_text() {
    let server = twisty::testing::Server::new(Answer::factory());
    let client = server.connect();
    client.receive(b"How are you?\r\n\xff\xfe\r\nHow are you?\r\n");
    assert_eq!(client.sent(), "Fine\r\n");
    assert!(!client.is_connected());
}

#[test]
fn chunking_never_matters() {
    twisty::testing::verify_chunking(Answer::factory, "How are you?\r\n\r\nWhat?\r\n");
}

#[test]
fn answers_over_a_socket() {
    let server = Live::start(|reactor| reactor.listen(LOOPBACK, Answer::factory()));
    let mut client = server.connect();
    assert_eq!(client.send("How are you?\r\n").line(), "Fine");
}
