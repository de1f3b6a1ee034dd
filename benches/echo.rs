//! Echo and line echo over loopback: twisty against a hand-written mio loop and tokio.
//!
//! Run: `cargo bench -p benches --bench echo`      Shorter: `… --bench echo -- --quick lines`
//!
//! Each row of a table is a server, measured in turns with the mio loop of its workload; the ratios are medians over
//! the rounds, with the least and the greatest. Below 1.00 is better for CPU time, above 1.00 for operations.

use std::iter;

use benches::Result;
use benches::compare::{Rival, Workload};
use benches::load::{Dialogue, Script};
use benches::options::Options;
use benches::tape::Tape;

fn main() -> Result {
    let mut workloads: Vec<_> = [1, 64, 1000].into_iter().map(echo).collect();
    workloads.push(lines());
    Options::parse().run(&workloads)
}

/// One request of 64 bytes at a time on each connection.
fn echo(connections: usize) -> Workload {
    let messages = Tape::new(|number| text(number, 64));
    let rival = |label, server| dialogue(label, server, connections, 1, &messages, &messages);
    Workload {
        name: format!("echo 64 B, {connections} conn."),
        rivals: vec![
            rival("mio loop", "echo-mio"),
            rival("twisty", "echo-twisty").aim(1.03),
            rival("tokio", "echo-tokio"),
        ],
    }
}

/// Lines of 64 bytes, in batches of 64 on each of 16 connections.
fn lines() -> Workload {
    let crlf = Tape::new(|number| [text(number, 64), b"\r\n".to_vec()].concat());
    // LinesCodec takes "\r\n" and answers "\n".
    let lf = Tape::new(|number| [text(number, 64), b"\n".to_vec()].concat());
    let rival = |label, server, replies| dialogue(label, server, 16, 64, &crlf, replies);
    Workload {
        name: "lines 64 B, 16 conn. × 64".to_owned(),
        rivals: vec![
            rival("mio loop, memchr", "lines-mio", &crlf),
            rival("twisty", "lines-twisty", &crlf).aim(1.10),
            rival("tokio, LinesCodec, batched", "lines-tokio-batched", &lf),
            rival("tokio, LinesCodec, send", "lines-tokio-send", &lf),
        ],
    }
}

/// A server whose clients each send `depth` messages before they wait for the replies.
fn dialogue(
    label: &'static str,
    server: &'static str,
    connections: usize,
    depth: usize,
    requests: &Tape,
    replies: &Tape,
) -> Rival {
    let script = Script { requests: requests.clone(), replies: replies.clone(), depth };
    Rival::new(label, server, move |address, spin| Dialogue::connect(address, spin, connections, script.clone()))
}

/// Printable, and different for each number.
fn text(number: usize, length: usize) -> Vec<u8> {
    let letters = (b'a'..=b'z').cycle().skip(number % 26);
    number.to_string().bytes().chain(iter::once(b' ')).chain(letters).take(length).collect()
}
