//! The order of what is sent, against a plain list for each member.

use std::time::Duration;

use twisty::broadcast;
use twisty::prelude::*;
use twisty::testing::{Client, Server};

use crate::{LARGE, Room};

/// Members, and what each of them should have been sent.
struct Party {
    server: Server<Room>,
    clients: Vec<Client<Room>>,
    expected: Vec<String>,
    random: fastrand::Rng,
}

impl Party {
    const MEMBERS: usize = 4;

    fn new(seed: u64) -> Self {
        let server = Server::new(Room::default());
        let clients = (0..Self::MEMBERS).map(|_| server.connect()).collect();
        let expected = vec![String::new(); Self::MEMBERS];
        Self { server, clients, expected, random: fastrand::Rng::with_seed(seed) }
    }

    /// Notes a line for those who should get it.
    fn expect(&mut self, line: &str, who: impl Fn(usize) -> bool) {
        for (_, expected) in self.expected.iter_mut().enumerate().filter(|(index, _)| who(*index)) {
            expected.push_str(line);
            expected.push('\n');
        }
    }

    /// A line that asks for something.
    fn request(&mut self, speaker: usize) -> String {
        let text: String = (0..self.random.usize(0..9)).map(|_| self.random.alphanumeric()).collect();
        let how = ["all", "all", "all", "others", "others", "first", "reply", "large"][self.random.usize(0..8)];
        match how {
            "all" => self.expect(&text, |_| true),
            "others" => self.expect(&text, |index| index != speaker),
            "first" => self.expect(&text, |index| index == 0),
            "large" => self.expect(&text.repeat(LARGE), |_| true),
            _ => self.expect(&text, |index| index == speaker),
        }
        format!("{how} {text}\n")
    }

    /// Somebody says several things at once, somebody may stop to read, or begin again.
    fn round(&mut self) {
        let (speaker, other) = (self.random.usize(0..Self::MEMBERS), self.random.usize(0..Self::MEMBERS));
        let requests: String = (0..self.random.usize(1..8)).map(|_| self.request(speaker)).collect();
        self.clients[speaker].start_reading();
        self.clients[speaker].receive(&requests);
        if self.random.bool() { self.clients[other].stop_reading() } else { self.clients[other].start_reading() }
    }
}

#[test]
fn each_member_gets_what_was_sent_to_it_in_order() {
    for seed in 0..100 {
        let mut party = Party::new(seed);
        for round in 0..30 {
            party.round();
            for (client, expected) in party.clients.iter().zip(&party.expected) {
                assert!(expected.starts_with(&client.sent()), "seed {seed}, round {round}");
            }
        }
        party.clients.iter().for_each(Client::start_reading);
        for (client, expected) in party.clients.iter().zip(&party.expected) {
            assert!(client.sent() == *expected, "seed {seed}: {} bytes", client.sent().len());
        }
    }
}

#[test]
fn what_waits_is_counted_and_taken_for_itself() {
    let party = Party::new(0);
    let [slow, fast, ..] = &party.clients[..] else { panic!("four members") };
    slow.stop_reading();
    fast.receive("all one\nall two\nfirst three\nall four\n");
    assert_eq!(party.server.factory().members[0].queued(), "one\ntwo\nthree\nfour\n".len());
    fast.receive("all five\n");
    assert_eq!(fast.take_sent(), b"one\ntwo\nfour\nfive\n");
    slow.start_reading();
    assert_eq!(slow.take_sent(), b"one\ntwo\nthree\nfour\nfive\n");
}

#[test]
fn from_outside_of_handlers_it_goes_out_in_the_next_turn() {
    let party = Party::new(0);
    broadcast(&party.server.factory().members, "one");
    assert_eq!(party.clients[0].sent(), "");
    assert_eq!(party.server.factory().members[0].queued(), 4);
    party.server.advance(Duration::ZERO);
    let members = party.server.factory().members.clone();
    let _call = party.server.clock().call_later(Duration::from_secs(1), move || broadcast(&members, "two"));
    party.server.advance(Duration::from_secs(1));
    assert!(party.clients.iter().all(|client| client.sent() == "one\ntwo\n"));
}

/// The inner round ends a turn while the outer broadcast is on its way.
#[test]
fn a_broadcast_in_the_middle_of_another_comes_where_it_was_made() {
    let party = Party::new(0);
    let members = party.server.factory().members.clone();
    let inside = |member: &&Transport<Line>| {
        if **member == members[2] {
            party.clients[3].receive("all inner\n");
        }
    };
    broadcast(members.iter().inspect(inside), "outer");
    broadcast(&members, "last");
    party.server.advance(Duration::ZERO);
    for (index, client) in party.clients.iter().enumerate() {
        let expected = if index < 2 { "outer\ninner\nlast\n" } else { "inner\nouter\nlast\n" };
        assert_eq!(client.sent(), expected, "member {index}");
    }
}

#[test]
fn two_servers_may_share_a_broadcast() {
    let (here, there) = (Party::new(0), Party::new(1));
    let members = [&here, &there].map(|party| party.server.factory().members.clone()).concat();
    for text in ["one", "two"] {
        broadcast(&members, text);
        here.server.advance(Duration::ZERO);
    }
    assert!(there.clients.iter().all(|client| client.sent().is_empty()));
    here.clients[0].receive("all three\n");
    there.server.advance(Duration::ZERO);
    assert!(here.clients.iter().all(|client| client.sent() == "one\ntwo\nthree\n"));
    assert!(there.clients.iter().all(|client| client.sent() == "one\ntwo\n"));
}
