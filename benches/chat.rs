//! Chat over loopback: what one member says goes to all others.
//!
//! Run: `cargo bench -p benches --bench chat`      Shorter: `… --bench chat -- --quick '100 members'`
//!
//! An operation is a line that reached a member; a latency is the time until the last one had the whole batch. tokio has
//! a channel for each member, and is measured with a `send` a line and with waiting lines written together. The tables are
//! read as those of `echo`.

use benches::Result;
use benches::compare::{Rival, Workload};
use benches::load::{Chat, Script};
use benches::options::Options;
use benches::tape::{Tape, text};

/// Label and name of a server, and what it puts after a line.
const SERVERS: [(&str, &str, &str); 5] = [
    ("mio loop", "chat-mio", "\r\n"),
    ("twisty", "chat-twisty", "\r\n"),
    ("tokio, channels, batched", "chat-tokio-batched", "\n"),
    ("tokio, channels, send", "chat-tokio-send", "\n"),
    ("Twisted", "chat-twisted", "\r\n"),
];

fn main() -> Result {
    Options::parse().run(&[
        chat("chat, 100 members", 100, 1),
        chat("chat, 100 members × 16", 100, 16),
        chat("chat, 1000 members", 1000, 1),
        chat("chat, 1000 members × 16", 1000, 16),
    ])
}

/// Batches of `depth` lines of 64 bytes.
fn chat(name: &str, members: usize, depth: usize) -> Workload {
    let tape = |end: &str| Tape::new(256, |number| [&*text(number, 64), end.as_bytes()].concat());
    let requests = tape("\r\n");
    let rival = |(label, server, end)| {
        let script = Script { requests: requests.clone(), replies: tape(end), depth };
        Rival::new(label, server, move |address, spin| Chat::join(address, spin, members, script.clone()))
    };
    Workload::new(name, 1.05, SERVERS.map(rival))
}
