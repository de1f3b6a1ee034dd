//! Growth: what a peer does to hurt costs in proportion to what it sends.
//!
//! The same input, four times as long, may take four times the instructions. `tests/hostile` counts calls and copies of
//! the same kind in any build; this one sees everything else, from the first byte to the last.

use benches::Result;
use twisty::prelude::*;
use twisty::protocol::IntoShared;
use twisty::testing::Server;

use crate::report::{Measured, Report};
use crate::tools;

const KIB: usize = 1024;
/// A fortieth more than four times as much: buffers that double are not always equally full.
const ALLOWED: f64 = 4.1;

type Peer = fn(usize);

/// Peers, and how many bytes, lines or the like they send; then four times as many.
const PEERS: [(&str, Peer, usize); 11] = [
    ("a line in single bytes", |size| play(Lines::factory(), &vec![b'x'; size], 1), 16 * KIB),
    ("half delimiters in single bytes", |size| play(Lines::factory(), &vec![b'\r'; size], 1), 16 * KIB),
    ("half delimiters at once", |size| play(Lines::factory(), &vec![b'\r'; size], size), 2048 * KIB),
    ("empty lines at once", |lines| play(Lines::factory(), &b"\r\n".repeat(lines), 2 * lines), 64 * KIB),
    ("lines cut everywhere", |lines| play(Lines::factory(), &b"a short line\r\n".repeat(lines), 11), 8 * KIB),
    ("a netstring in single bytes", long_netstring, 16 * KIB),
    ("empty netstrings in single bytes", |count| play(Netstrings::factory(), &b"0:,".repeat(count), 1), 8 * KIB),
    ("empty strings at once", |count| play(Strings::factory(), &vec![0; 8 * count], 8 * count), 128 * KIB),
    ("a length of 2^60", boundless_string, 8192 * KIB),
    ("raw mode for a byte, again and again", |n| play(Switching::factory(), &b"\r\nx".repeat(n), 3 * n), 64 * KIB),
    ("a pause at each line", |lines| play(Blinking::factory(), &b"\r\n".repeat(lines), 2 * lines), 64 * KIB),
];

/// The peers' works, for [`works`](crate::works).
pub(crate) fn works() -> impl Iterator<Item = (&'static str, Peer)> {
    PEERS.into_iter().map(|(name, work, _)| (name, work))
}

pub(crate) fn hold(report: &mut Report) -> Result {
    if cfg!(debug_assertions) {
        report.skipped("it takes too long in a debug build: cargo test --release -p benches --test gates");
        return Ok(());
    }
    if !tools::usable(report, "valgrind") {
        return Ok(());
    }
    for (name, _, size) in PEERS {
        if !report.wants(name) {
            continue;
        }
        let (small, large) = (tools::instructions(name, size)?, tools::instructions(name, 4 * size)?);
        report.measured(&Measured {
            gate: name,
            cost: large as f64 / small as f64,
            budget: ALLOWED,
            least: 3.0,
            unit: &format!("times the {small} instructions for four times the input"),
            look_at: "what is searched, copied or moved again for each byte: the framing's `decode`, \
                      `Connection::finish_frame` and `keep`",
        });
    }
    Ok(())
}

/// Sends the input in chunks of this size.
fn play<F: Factory>(victim: impl IntoShared<F>, input: &[u8], chunk: usize) {
    let server = Server::new(victim);
    let client = server.connect();
    for bytes in input.chunks(chunk) {
        client.receive(bytes);
    }
    assert!(client.is_connected(), "{:?}", client.reason());
}

fn long_netstring(size: usize) {
    play(Netstrings::factory(), &[format!("{}:", size + 1).as_bytes(), &vec![b'x'; size]].concat(), 1);
}

/// Longer than the address space.
fn boundless_string(size: usize) {
    play(Strings::factory(), &[&(1_u64 << 60).to_be_bytes()[..], &vec![b'x'; size]].concat(), KIB);
}

// ---- victims, who take whatever comes

#[protocol(line, max_length = 16777216)]
#[derive(Default)]
struct Lines;

#[protocol]
impl Lines {
    #[on(line)]
    fn take(&mut self) {}
}

#[protocol(netstring, max_length = 16777216)]
#[derive(Default)]
struct Netstrings;

#[protocol]
impl Netstrings {
    #[on(string)]
    fn take(&mut self) {}
}

#[protocol(length_prefixed(u64), max_length = usize::MAX)]
#[derive(Default)]
struct Strings;

#[protocol]
impl Strings {
    #[on(string)]
    fn take(&mut self) {}
}

/// A byte behind every line is raw; what came along with it is given back.
#[protocol(line)]
#[derive(Default)]
struct Switching;

#[protocol]
impl Switching {
    #[on(line)]
    fn begin_raw(&mut self, cx: &Context<Self>) {
        cx.framing_mut().set_raw_mode();
    }

    #[on(raw)]
    fn end_raw(&mut self, cx: &Context<Self>, data: &[u8]) {
        cx.framing_mut().set_line_mode(&data[1..]);
    }
}

/// Pauses at every line, and goes on at once.
#[protocol(line)]
#[derive(Default)]
struct Blinking;

#[protocol]
impl Blinking {
    #[on(line)]
    fn blink(&mut self, cx: &Context<Self>) {
        cx.pause_reading();
        cx.resume_reading();
    }
}
