//! Echo of datagrams over loopback, by UDP: twisty against a hand-written mio loop, tokio and Twisted.
//!
//! Run: `cargo bench -p benches --bench datagrams`      Shorter: `… --bench datagrams -- --quick '64 clients'`
//!
//! All clients talk to one socket of the server. Each waits for the echoes of what it sent before it sends more; what is
//! lost is sent again after a while, and counted below the table. The table is read as that of `echo`.

use benches::Result;
use benches::compare::{Rival, Workload};
use benches::load::Exchange;
use benches::options::Options;
use benches::tape::{Tape, text};

const SERVERS: [(&str, &str); 4] = [
    ("mio loop", "datagrams-mio"),
    ("twisty", "datagrams-twisty"),
    ("tokio", "datagrams-tokio"),
    ("Twisted", "datagrams-twisted"),
];

fn main() -> Result {
    Options::parse().run(&[
        echo("datagrams 64 B, 1 client", 64, 1, 1),
        echo("datagrams 64 B, 64 clients", 64, 64, 1),
        // What fits into a packet on most networks.
        echo("datagrams 1200 B, 16 clients × 4", 1200, 16, 4),
    ])
}

/// So many clients, each with `depth` datagrams of `size` bytes on their way.
fn echo(name: &str, size: usize, clients: usize, depth: usize) -> Workload {
    let messages = Tape::new(2048, |number| text(number, size));
    let rival = |(label, server)| {
        let messages = messages.clone();
        Rival::new(label, server, move |to, spin| Exchange::connect(to, spin, clients, depth, messages.clone()))
    };
    Workload::new(name, 1.10, SERVERS.map(rival))
}
