//! Echo over loopback: twisty against a hand-written mio loop, tokio and Twisted.
//!
//! Run: `cargo bench -p benches --bench echo`      Shorter: `… --bench echo -- --quick '64 conn'`
//!
//! Each row of a table is a server, measured in turns with the mio loop of its workload; the ratios are medians over
//! the rounds, with the least and the greatest. Below 1.00 is better for CPU time, above 1.00 for operations.

use benches::Result;
use benches::compare::{Rival, Workload};
use benches::load::{Dialogue, Script};
use benches::options::Options;
use benches::tape::{Tape, text};

const SERVERS: [(&str, &str); 4] =
    [("mio loop", "echo-mio"), ("twisty", "echo-twisty"), ("tokio", "echo-tokio"), ("Twisted", "echo-twisted")];

fn main() -> Result {
    let (small, large) = (Tape::new(256, |number| text(number, 64)), Tape::new(16, |number| text(number, 16384)));
    Options::parse().run(&[
        echo("echo 64 B, 1 conn.", 1.03, 1, &small),
        echo("echo 64 B, 64 conn.", 1.03, 64, &small),
        echo("echo 64 B, 1000 conn.", 1.03, 1000, &small),
        echo("echo 16 KiB, 16 conn.", 1.05, 16, &large),
    ])
}

/// One message at a time on each connection.
fn echo(name: &str, aim: f64, connections: usize, messages: &Tape) -> Workload {
    let script = Script { requests: messages.clone(), replies: messages.clone(), depth: 1 };
    let rival = |(label, server)| {
        let script = script.clone();
        Rival::new(label, server, move |address, spin| Dialogue::connect(address, spin, connections, script.clone()))
    };
    Workload::new(name, aim, SERVERS.map(rival))
}
