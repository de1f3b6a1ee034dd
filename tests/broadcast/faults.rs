//! Broadcasts that go wrong half-way.

use std::time::Duration;

use twisty::framing::Decoded;
use twisty::prelude::*;
use twisty::testing::Server;
use twisty::{FramingError, SendError, broadcast};

use crate::Room;

#[test]
fn who_leaves_in_the_same_turn_disturbs_nobody() {
    let server = Server::new(Room::default());
    let clients: [_; 4] = std::array::from_fn(|_| server.connect());
    clients[3].receive("all one\nabort\nclose\nall two\n");
    assert_eq!(clients.each_ref().map(|client| client.sent()), ["one\ntwo\n", "", "one\n", "one\ntwo\n"]);
    assert_eq!(clients.each_ref().map(|client| client.is_connected()), [true, false, false, true]);
    clients[0].receive("all three\n");
    assert_eq!(clients[3].sent(), "one\ntwo\nthree\n");
}

#[test]
fn a_panic_in_the_middle_leaves_what_was_sent() {
    let server = Server::new(Room::default());
    let clients: [_; 4] = std::array::from_fn(|_| server.connect());
    clients[3].receive("all one\npanic two\n");
    assert!(clients[3].reason().is_some_and(|reason| reason.contains("two")), "{:?}", clients[3].reason());
    clients[0].receive("all three\n");
    let [first, second, third, _] = clients.each_ref().map(|client| client.sent());
    assert_eq!([first, second], ["one\ntwo\nthree\n", "one\ntwo\nthree\n"]);
    assert_eq!(third, "one\nthree\n");
}

// ---- encoders

/// Ends frames with a full stop, unless they say that something is to go wrong.
#[derive(Default)]
struct Fickle {
    /// Who is told something by the encoder itself.
    confidant: Option<Transport<Self>>,
}

impl Framing for Fickle {
    fn decode<'a>(&mut self, buffer: &'a [u8]) -> Result<Decoded<'a>, FramingError> {
        let end = buffer.iter().position(|byte| *byte == b'.');
        Ok(end.map_or(Decoded::Incomplete { missing: 1 }, |end| Decoded::Frame {
            frame: &buffer[..end],
            consumed: end + 1,
        }))
    }

    fn encode(&self, frame: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        out.extend_from_slice(frame);
        match frame {
            b"fail" => return Err(SendError::TooLong { length: 4, bits: 1, largest: 1 }),
            b"panic" => panic!("in the encoder"),
            b"tell" => self.confidant.iter().for_each(|confidant| broadcast([confidant], "aside")),
            _ => {}
        }
        out.push(b'.');
        Ok(())
    }

    fn encodes_like(&self, _other: &Self) -> bool {
        true
    }
}

#[factory(protocol = Talker)]
#[derive(Default)]
struct Talkers {
    members: Vec<Transport<Fickle>>,
}

#[protocol(Fickle, factory = Talkers)]
#[derive(Default)]
struct Talker;

#[protocol]
impl Talker {
    #[on(connect)]
    fn enter(&mut self, cx: &Context<Self>) {
        cx.factory_mut().members.push(cx.transport());
    }

    #[on(frame)]
    fn say(&mut self, cx: &Context<Self>, text: &[u8]) {
        broadcast(&cx.factory().members, text);
    }
}

#[test]
fn a_frame_that_cannot_be_encoded_leaves_nothing_behind() {
    for fault in ["fail", "panic"] {
        let server = Server::new(Talkers::default());
        let clients: [_; 3] = std::array::from_fn(|_| server.connect());
        clients[2].receive(format!("one.{fault}.two."));
        assert!(!clients[2].is_connected(), "{fault}");
        clients[1].receive("three.");
        assert_eq!(clients.each_ref().map(|client| client.sent()), ["one.three.", "one.three.", "one."], "{fault}");
    }
}

#[test]
fn an_encoder_may_broadcast_itself() {
    let server = Server::new(Talkers::default());
    let clients: [_; 3] = std::array::from_fn(|_| server.connect());
    let members = server.factory().members.clone();
    members[0].framing_mut().confidant = Some(members[1].clone());
    clients[2].receive("one.tell.two.");
    server.advance(Duration::ZERO);
    assert_eq!(clients[0].sent(), "one.tell.two.");
    assert_eq!(clients[1].sent(), "one.aside.tell.two.");
}
