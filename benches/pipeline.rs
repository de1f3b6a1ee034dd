//! Pipelined frames over loopback: each of 16 clients sends a batch of requests before it waits for the replies.
//!
//! Run: `cargo bench -p benches --bench pipeline`      Shorter: `… --bench pipeline -- --quick netstrings`
//!
//! The frames are lines, netstrings, and strings behind their length in four bytes. tokio is measured twice: with a
//! `send` a frame, and with what is there already answered together. The tables are read as those of `echo`.

use benches::Result;
use benches::compare::{Rival, Workload};
use benches::load::{Dialogue, Script};
use benches::options::Options;
use benches::tape::{Tape, text};

const CONNECTIONS: usize = 16;

/// Label and name of a server, and what it puts after a line.
type Server = (&'static str, &'static str, &'static str);

const LINES: [Server; 5] = [
    ("mio loop, memchr", "lines-mio", "\r\n"),
    ("twisty", "lines-twisty", "\r\n"),
    // LinesCodec takes "\r\n" and answers "\n".
    ("tokio, LinesCodec, batched", "lines-tokio-batched", "\n"),
    ("tokio, LinesCodec, send", "lines-tokio-send", "\n"),
    ("Twisted", "lines-twisted", "\r\n"),
];

const NETSTRINGS: [(&str, &str); 5] = [
    ("mio loop", "netstrings-mio"),
    ("twisty", "netstrings-twisty"),
    ("tokio, Decoder, batched", "netstrings-tokio-batched"),
    ("tokio, Decoder, send", "netstrings-tokio-send"),
    ("Twisted", "netstrings-twisted"),
];

const STRINGS: [(&str, &str); 5] = [
    ("mio loop", "strings-mio"),
    ("twisty", "strings-twisty"),
    ("tokio, its codec, batched", "strings-tokio-batched"),
    ("tokio, its codec, send", "strings-tokio-send"),
    ("Twisted", "strings-twisted"),
];

fn main() -> Result {
    Options::parse().run(&[
        lines("lines 64 B, 16 conn. × 64", 1.10, 64, 64),
        lines("lines 16 B, 16 conn. × 1024", 1.25, 16, 1024),
        strings("netstrings 64 B, 16 conn. × 64", NETSTRINGS, |text| {
            [format!("{}:", text.len()).as_bytes(), &text, b","].concat()
        }),
        strings("u32 strings 64 B, 16 conn. × 64", STRINGS, |text| {
            [&(text.len() as u32).to_be_bytes(), &*text].concat()
        }),
    ])
}

fn lines(name: &str, aim: f64, size: usize, depth: usize) -> Workload {
    let tape = |end: &str| Tape::new(2048, |number| [&*text(number, size), end.as_bytes()].concat());
    let requests = tape("\r\n");
    let rival = |(label, server, end)| {
        dialogue(label, server, Script { requests: requests.clone(), replies: tape(end), depth })
    };
    Workload::new(name, aim, LINES.map(rival))
}

/// Strings of 64 bytes in this encoding.
fn strings(name: &str, servers: [(&'static str, &'static str); 5], encoding: impl Fn(Vec<u8>) -> Vec<u8>) -> Workload {
    let messages = Tape::new(256, |number| encoding(text(number, 64)));
    let script = Script { requests: messages.clone(), replies: messages, depth: 64 };
    let rival = |(label, server)| dialogue(label, server, script.clone());
    Workload::new(name, 1.10, servers.map(rival))
}

fn dialogue(label: &'static str, server: &'static str, script: Script) -> Rival {
    Rival::new(label, server, move |address, spin| Dialogue::connect(address, spin, CONNECTIONS, script.clone()))
}
