//! The chat server of `chat.rs`, as it stands: in memory, and over real sockets.
use live::{LOOPBACK, Live};

use super::*;

#[test]
fn a_name_can_be_taken_only_once() {
    let server = twisty::testing::Server::new(Room::default());
    let (alice, bob) = (server.connect(), server.connect());

    alice.receive("alice\r\n");
    bob.receive("al").receive("ice\r\n").receive("bob\r\n");
    alice.receive("hello\r\n");

    assert_eq!(alice.sent(), "What's your name?\r\nWelcome, alice!\r\n");
    assert_eq!(
        bob.sent(),
        "What's your name?\r\nName taken, please choose another.\r\nWelcome, bob!\r\n<alice> hello\r\n"
    );

    alice.disconnect();
    assert_eq!(server.factory().users.len(), 1);
}

/// Whatever the network does to the byte stream, the conversation is the same: whole, byte by byte, at every split.
#[test]
fn chunking_never_matters() {
    twisty::testing::verify_chunking(Room::default, "alice\r\nhello\r\nbye\r\n");
}

#[test]
fn the_graph_is_as_it_is_told() {
    assert_eq!(
        Chat::diagram().mermaid(),
        "stateDiagram-v2\n    [*] --> GetName\n    GetName --> Chatting: line\n    Chatting --> Chatting: line\n"
    );
}

#[test]
fn two_people_chat_over_sockets() {
    let server = Live::start(|reactor| reactor.listen(LOOPBACK, Room::default()));
    let (mut alice, mut bob) = (server.connect(), server.connect());
    assert_eq!((alice.line(), bob.line()), ("What's your name?".into(), "What's your name?".into()));
    alice.send("alice\r\n");
    assert_eq!(alice.line(), "Welcome, alice!");
    bob.send("alice\r\nbob\r\n");
    assert_eq!(bob.line(), "Name taken, please choose another.");
    assert_eq!(bob.line(), "Welcome, bob!");
    bob.send("hi\r\n");
    assert_eq!(alice.line(), "<bob> hi");
    drop(alice);
    server.wait_for_connections(1);
    let mut again = server.connect();
    assert_eq!(again.line(), "What's your name?");
    again.send("alice\r\n");
    assert_eq!(again.line(), "Welcome, alice!");
}

#[test]
fn two_people_chat_on_a_network_in_memory() {
    let network = twisty::testing::Network::new();
    network.reactor().listen("tcp:8123", Room::default()).expect("a port");
    let (alice, bob) = (network.connect("tcp:10.0.0.1:8123"), network.connect("tcp:10.0.0.1:8123"));
    alice.receive("alice\r\n");
    bob.receive("alice\r\nbob\r\n");
    alice.receive("hello\r\n").disconnect();
    assert_eq!(alice.sent(), "What's your name?\r\nWelcome, alice!\r\n");
    assert_eq!(
        bob.sent(),
        "What's your name?\r\nName taken, please choose another.\r\nWelcome, bob!\r\n<alice> hello\r\n"
    );
    let again = network.connect("tcp:10.0.0.1:8123");
    again.receive("alice\r\n");
    assert_eq!(again.sent(), "What's your name?\r\nWelcome, alice!\r\n");
}
