//! TLS over loopback: twisty against rustls over a hand-written mio loop, and tokio-rustls.
//!
//! Run: `cargo bench -p benches --bench tls`      Shorter: `… --bench tls -- --quick handshakes`
//!
//! All have the same rustls with the same provider, the same certificate (P-256), and speak TLS 1.3. The echoes are those
//! of `echo`, and the tables are read as its tables. An operation of the handshakes is a visit: connect, a full handshake,
//! one message of 64 bytes and its echo, and an end that both sides announce; 16 of them are made at once.

use benches::Result;
use benches::compare::{Rival, Workload};
use benches::load::{Dialogue, Handshakes, Script};
use benches::options::Options;
use benches::tape::{Tape, text};

const SERVERS: [(&str, &str); 3] =
    [("mio loop, rustls", "tls-mio"), ("twisty", "tls-twisty"), ("tokio-rustls", "tls-tokio")];

fn main() -> Result {
    let (small, large) = (Tape::new(2048, |number| text(number, 64)), Tape::new(16, |number| text(number, 16384)));
    Options::parse().run(&[
        echo("tls 64 B, 1 conn.", 1, &small),
        echo("tls 64 B, 64 conn.", 64, &small),
        echo("tls 16 KiB, 16 conn.", 16, &large),
        handshakes("tls handshakes, 16 at once", 16),
    ])
}

/// One message at a time on each connection.
fn echo(name: &str, connections: usize, messages: &Tape) -> Workload {
    let script = Script { requests: messages.clone(), replies: messages.clone(), depth: 1 };
    let rival = |(label, server)| {
        let script = script.clone();
        Rival::new(label, server, move |to, spin| Dialogue::connect_tls(to, spin, connections, script.clone()))
    };
    Workload::new(name, 1.05, SERVERS.map(rival))
}

/// twisty has the last message of its handshake written before its protocol hears of the connection; the loop by hand
/// writes it together with the echo, if the client was as quick.
fn handshakes(name: &str, at_once: usize) -> Workload {
    let rival = |(label, server)| Rival::new(label, server, move |to, spin| Handshakes::new(to, spin, at_once));
    Workload::new(name, 1.10, SERVERS.map(rival))
}
