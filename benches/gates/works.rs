//! Works whose instructions are counted, each in a process of its own: `gates --work NAME ROUNDS`.
//!
//! A work prepares itself, then does the same thing so many times. What it costs is told from twice as many rounds, so
//! that the start does not count.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use benches::Result;
use memchr::memchr_iter;
use twisty::clock::{Timers, Timestamp};
use twisty::framing::{Decoded, Framing, LengthPrefixed, Line, Netstring};
use twisty::prelude::*;
use twisty::protocol::IntoShared;
use twisty::testing::Server;

use crate::growth;
use crate::protocols::{DatagramEcho, Deaf, LineEcho, RawEcho, Room, Till};

/// Frames in a round.
pub(crate) const FRAMES: usize = 100;
/// Members of a room, and what is said in a round.
pub(crate) const MEMBERS: usize = 100;
pub(crate) const SAID: usize = 50;

const FRAME: [u8; 64] = [b'x'; 64];
const LINE: &[u8] = b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
const CHUNK: [u8; 4096] = [b'x'; 4096];
/// A line that is a number.
const NUMBER: &[u8] = b"12345\r\n";

type Work = fn(usize);

const WORKS: [(&str, Work); 22] = [
    ("find line ends", find_line_ends),
    ("decode lines", |rounds| decode(Line::new(), rounds)),
    ("decode netstrings", |rounds| decode(Netstring::new(), rounds)),
    ("decode int32", |rounds| decode(LengthPrefixed::int32(), rounds)),
    ("copy frames", copy_frames),
    ("encode lines", |rounds| encode(&Line::new(), rounds)),
    ("encode netstrings", |rounds| encode(&Netstring::new(), rounds)),
    ("encode int32", |rounds| encode(&LengthPrefixed::int32(), rounds)),
    ("echo lines by hand", echo_by_hand),
    ("echo lines", |rounds| talk(LineEcho::factory(), LINE, rounds)),
    ("copy chunks", copy_chunks),
    ("echo chunks", echo_chunks),
    ("hear numbers by hand", hear_by_hand),
    ("hear numbers", |rounds| talk(Deaf::factory(), NUMBER, rounds)),
    ("add numbers by state", |rounds| talk(Till::factory(), NUMBER, rounds)),
    ("copy to members", copy_to_members),
    ("broadcast", broadcast),
    ("echo over a socket", echo_over_a_socket),
    ("echo datagrams", echo_datagrams),
    ("allocate a box", allocate_a_box),
    ("fire a callback", fire_a_callback),
    ("set and cancel timers", set_and_cancel_timers),
];

/// Does the work of this name so often.
pub(crate) fn work(name: &str, rounds: &str) -> Result {
    let work = WORKS.into_iter().chain(growth::works()).find(|(known, _)| *known == name);
    let (_, work) = work.ok_or_else(|| format!("no work {name:?}"))?;
    work(rounds.parse()?);
    Ok(())
}

// ---- framing

fn find_line_ends(rounds: usize) {
    let lines = LINE.repeat(FRAMES);
    for _ in 0..rounds {
        assert_eq!(memchr_iter(b'\n', black_box(&lines)).map(black_box).count(), FRAMES);
    }
}

fn decode<F: Framing>(mut framing: F, rounds: usize) {
    let mut bytes = Vec::new();
    (0..FRAMES).for_each(|_| framing.encode(&FRAME, &mut bytes).expect("it fits"));
    for _ in 0..rounds {
        let mut left = black_box(&bytes[..]);
        let Ok(Decoded::Frame { consumed, .. }) = framing.decode(left) else { panic!("there is a frame") };
        left = &left[consumed..];
        while let Ok(Decoded::Frame { frame, consumed }) = framing.decode_next(left) {
            black_box(frame);
            left = &left[consumed..];
        }
        assert!(left.is_empty());
    }
}

fn copy_frames(rounds: usize) {
    let mut out = Vec::with_capacity(2 * FRAMES * FRAME.len());
    for _ in 0..rounds {
        out.clear();
        (0..FRAMES).for_each(|_| out.extend_from_slice(black_box(&FRAME)));
        black_box(&mut out);
    }
}

fn encode(framing: &impl Framing, rounds: usize) {
    let mut out = Vec::with_capacity(2 * FRAMES * FRAME.len());
    for _ in 0..rounds {
        out.clear();
        (0..FRAMES).for_each(|_| framing.encode(black_box(&FRAME), &mut out).expect("it fits"));
        black_box(&mut out);
    }
}

// ---- whole connections, in memory

/// The least that moves a chunk of lines through a server in memory: in, into an outbox, and out.
fn echo_by_hand(rounds: usize) {
    let (lines, mut outbox) = (LINE.repeat(FRAMES), Vec::new());
    for _ in 0..rounds {
        let arrived = black_box(&lines).clone();
        let mut start = 0;
        for end in memchr_iter(b'\n', &arrived) {
            outbox.extend_from_slice(black_box(&arrived[start..end - 1]));
            outbox.extend_from_slice(b"\r\n");
            start = end + 1;
        }
        black_box(outbox.clone());
        outbox.clear();
    }
}

/// The least that tells a server in memory of each line in a chunk.
fn hear_by_hand(rounds: usize) {
    let lines = NUMBER.repeat(FRAMES);
    for _ in 0..rounds {
        let arrived = black_box(&lines).clone();
        let mut start = 0;
        for end in memchr_iter(b'\n', &arrived) {
            black_box(&arrived[start..end - 1]);
            start = end + 1;
        }
    }
}

fn talk<F: Factory>(factory: impl IntoShared<F>, line: &[u8], rounds: usize) {
    let server = Server::new(factory);
    let client = server.connect();
    let lines = line.repeat(FRAMES);
    for _ in 0..rounds {
        client.receive(&lines);
        black_box(client.take_sent());
    }
}

/// The least that moves a chunk through a server in memory.
fn copy_chunks(rounds: usize) {
    let mut outbox = Vec::new();
    for _ in 0..rounds {
        let arrived = black_box(&CHUNK).to_vec();
        outbox.extend_from_slice(black_box(&arrived));
        black_box(outbox.clone());
        outbox.clear();
    }
}

fn echo_chunks(rounds: usize) {
    let server = Server::new(RawEcho::factory());
    let client = server.connect();
    for _ in 0..rounds {
        client.receive(black_box(&CHUNK));
        black_box(client.take_sent());
    }
}

fn copy_to_members(rounds: usize) {
    let mut outboxes = vec![Vec::new(); MEMBERS];
    for _ in 0..rounds {
        for _ in 0..SAID {
            outboxes.iter_mut().for_each(|outbox| outbox.extend_from_slice(black_box(LINE)));
        }
        for outbox in &mut outboxes {
            black_box(outbox.clone());
            outbox.clear();
        }
    }
}

fn broadcast(rounds: usize) {
    let server = Server::new(Room::default());
    let clients: Vec<_> = (0..MEMBERS).map(|_| server.connect()).collect();
    let said = LINE.repeat(SAID);
    for _ in 0..rounds {
        clients[0].receive(&said);
        for client in &clients {
            assert_eq!(client.take_sent().len(), said.len());
        }
    }
}

// ---- sockets

/// A request a turn; the client is in this thread too.
fn echo_over_a_socket(rounds: usize) {
    let reactor = Reactor::new().expect("a poll");
    let port = reactor.listen("tcp:0:interface=127.0.0.1", RawEcho::factory()).expect("a port");
    let port = port.host().port().expect("TCP");
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let patience = Some(Duration::from_secs(60));
    client.set_read_timeout(patience).expect("a time-out");
    reactor.turn(patience).expect("a turn");
    let mut reply = FRAME;
    for _ in 0..rounds {
        client.write_all(&FRAME).expect("sent");
        reactor.turn(patience).expect("a turn");
        client.read_exact(&mut reply).expect("a reply");
    }
}

/// A datagram a turn; the client is in this thread too.
fn echo_datagrams(rounds: usize) {
    let reactor = Reactor::new().expect("a poll");
    let port = reactor.listen_datagrams("udp:0:interface=127.0.0.1", DatagramEcho).expect("a port");
    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    client.connect(("127.0.0.1", port.host().port().expect("UDP"))).expect("an address");
    let patience = Some(Duration::from_secs(60));
    client.set_read_timeout(patience).expect("a time-out");
    // From now on the port is polled.
    reactor.turn(Some(Duration::ZERO)).expect("a turn");
    let mut echo = FRAME;
    for _ in 0..rounds {
        client.send(&FRAME).expect("sent");
        reactor.turn(patience).expect("a turn");
        assert_eq!(client.recv(&mut echo).expect("an echo"), FRAME.len());
    }
}

// ---- Deferreds and timers

fn allocate_a_box(rounds: usize) {
    (0..rounds).for_each(|_| drop(black_box(Box::new(black_box([0_u64; 8])))));
}

fn fire_a_callback(rounds: usize) {
    for _ in 0..rounds {
        let (resolver, number) = Deferred::<u64>::new();
        let one = black_box(1);
        let number = number.add_callback(move |number| Ok(number + one));
        resolver.callback(black_box(1));
        assert!(matches!(number.into_result(), Ok(Ok(2))));
    }
}

/// Among a thousand others that stay.
fn set_and_cancel_timers(rounds: usize) {
    let mut timers = Timers::new();
    let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
    for number in 0..1000 {
        timers.insert(at(number * 7 % 1000), number);
    }
    for round in 0..rounds as u64 {
        let key = timers.insert(at(round * 13 % 1000), round);
        assert_eq!(timers.remove(black_box(key)), Some(round));
    }
}
